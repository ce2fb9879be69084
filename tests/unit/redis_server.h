/* SPDX-License-Identifier: ISC */
#ifndef SNUG_TESTS_REDIS_SERVER_H
#define SNUG_TESTS_REDIS_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

struct redisReply;

/*
 * A real redis-server of a test's own: on a Unix socket in a directory of its
 * own, with the append-only file that the manual recommends.  It does not
 * outlive the test.  All zero is one that was not started.
 */
struct redis_server {
	char dir[48]; /* empty: not made yet */
	char sock[64];
	pid_t pid;
};

/* Starts it, with the data of the time before, and waits until it is ready.
 * 0, or -1 with a word on standard error. */
int redis_server_start(struct redis_server *s);
void redis_server_kill(struct redis_server *s); /* as a crash does */
/* Kills it and removes its directory. */
void redis_server_end(struct redis_server *s);
/* Only makes the directory and the name of the socket. */
int redis_server_prepare(struct redis_server *s);

/* Stops it in its tracks, and lets it go on. */
void redis_server_freeze(struct redis_server *s);
void redis_server_thaw(struct redis_server *s);

/* One command by another client, as hiredis formats it; fails the test if it
 * is refused.  The second form gives the reply: freeReplyObject(). */
void redis_server_do(struct redis_server *s, const char *fmt, ...);
struct redisReply *redis_server_ask(
    struct redis_server *s, const char *fmt, ...);

#endif
