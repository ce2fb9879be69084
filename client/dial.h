/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_DIAL_H
#define SNUG_CLIENT_DIAL_H

#include <event2/util.h>

#include "base/addr.h"
#include "base/attr.h"

struct dial;
struct event_base;
struct evdns_base;

/* Exactly once, from the loop, unless cancelled: a connected socket, which the
 * callee takes, or -1 and why. */
typedef void (*dial_done_fn)(void *arg, evutil_socket_t fd, const char *cause);

/*
 * Connects to a host or a Unix socket.  Names are looked up without blocking;
 * all their addresses are tried, each a little after the one before, and the
 * first that answers wins.
 *
 *   base, dns  borrowed until it is done
 *   to         borrowed
 */
struct dial *dial_start(struct event_base *base, struct evdns_base *dns,
    const struct addr *to, dial_done_fn done, void *arg) MUST_CHECK;

/* done is not called any more; NULL is fine. */
void dial_cancel(struct dial *d);

#endif
