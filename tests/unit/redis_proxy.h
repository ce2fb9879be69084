/* SPDX-License-Identifier: ISC */
#ifndef SNUG_TESTS_REDIS_PROXY_H
#define SNUG_TESTS_REDIS_PROXY_H

#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct redis_server;

/*
 * Stands between a relay and its Redis, in the test's own loop, and does what
 * networks do: it cuts connections in the middle of a byte stream, and lets
 * what is published get lost.
 */
struct redis_proxy {
	struct event_base *base;
	struct redis_server *server;
	char url[128];  /* to connect to */
	size_t budget;  /* bytes from Redis until the next cut; SIZE_MAX */
	bool deaf;      /* published messages are swallowed */
	unsigned taken; /* connections so far */
	int listener;
	struct event *accepts;
	struct redis_proxy_pipe *pipes;
};

void redis_proxy_start(struct redis_proxy *p, struct event_base *base,
    struct redis_server *server);
void redis_proxy_stop(struct redis_proxy *p);

#endif
