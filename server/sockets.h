/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_SOCKETS_H
#define SNUG_SERVER_SOCKETS_H

#include <stdbool.h>

#include "base/attr.h"

struct event_base;

/* The sockets of all sessions, watched together: the loop knows one descriptor
 * for them all, so watching one more costs no memory here. */
struct sockets;

/* What a socket is watched for, and what it is ready for. */
enum { SOCKET_READ = 1, SOCKET_WRITE = 2 };

/*
 * A socket is ready, or broken: then it is ready for all that it was watched
 * for.
 *   arg  of sockets_watch()
 */
typedef void (*sockets_ready_fn)(void *arg, unsigned ready);

/* NULL: errno says why. */
struct sockets *sockets_new(
    struct event_base *base, sockets_ready_fn ready) MUST_CHECK;
void sockets_free(struct sockets *ss);

/*
 * Watches fd for `wanted`, which was watched for `was` until now; 0 is not at
 * all.  Closing it ends that too.
 *   arg  kept until the turn ends in which fd is watched for nothing any more
 *
 * False: the kernel will not watch so many; nothing has changed.
 */
bool sockets_watch(struct sockets *ss, int fd, unsigned was, unsigned wanted,
    void *arg) MUST_CHECK;

#endif
