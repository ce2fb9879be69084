/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_REDIS_DIAL_H
#define SNUG_SERVER_REDIS_DIAL_H

#include "base/attr.h"

struct event_base;
struct redis_url;

/* Makes connected sockets to the place a URL names, one attempt at a time. */
struct redis_dial;

enum redis_dial_news {
	DIAL_RESOLVED,  /* addresses are known, connecting begins */
	DIAL_CONNECTED, /* fd is the caller's from now on */
	DIAL_FAILED,    /* why says it to a person */
};

typedef void (*redis_dial_fn)(
    void *arg, enum redis_dial_news news, int fd, const char *why);

/* url is kept.  Gives a dial; redis_dial_free() it. */
struct redis_dial *redis_dial_new(struct event_base *base,
    const struct redis_url *url, redis_dial_fn fn, void *arg) MUST_CHECK;
void redis_dial_free(struct redis_dial *d);

/* Begins an attempt; it sets no deadline of its own.  News come later, from the
 * loop; DIAL_CONNECTED or DIAL_FAILED is the last. */
void redis_dial_start(struct redis_dial *d);
/* Ends an attempt; no news follow.  Nothing happens if there is none. */
void redis_dial_stop(struct redis_dial *d);

#endif
