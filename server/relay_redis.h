/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_RELAY_REDIS_H
#define SNUG_SERVER_RELAY_REDIS_H

#include <stdint.h>

#include "base/attr.h"

struct event_base;
struct relay;

/* All times in milliseconds. */
struct relay_redis_config {
	const char *url; /* redis://… or unix://…; borrowed until new returns */
	const char *node;   /* the node's name; borrowed for its life */
	const char *prefix; /* of all keys, "sn1:" */
	int64_t history;    /* messages kept per conversation */
	int64_t history_ttl_ms;
	int64_t dedupe_ms;
	int64_t resume_ms;      /* the token of a nick that was left is good */
	int64_t say_timeout_ms; /* an append is answered within */
	int64_t lease_ms;       /* a node unheard for so long is dead */
	int64_t heartbeat_ms;   /* 0: a fifth of the lease */
	int64_t grace_ms;       /* a dead node's people are kept for, 15000 */
	int64_t reap_ms;   /* a janitor unheard for so long is dead, 30000 */
	int64_t jitter_ms; /* a Redis that forgot us is told within, 1000 */
	int64_t connect_timeout_ms; /* connect and handshake together, 3000 */
	int64_t probe_ms;           /* PING when quiet, 2000 */
	int64_t dead_ms;            /* silent for so long: dropped, 6000 */
	int64_t backoff_max_ms;     /* 2000 */
	/* An owned room that nobody enters is kept for so long. */
	int64_t rooms_per_account; /* 0: any number */
	int64_t room_ttl_ms;       /* 90 days */
	/* The data are a newer program's, and the relay was never up: there is
	 * nothing that it could do.  Not to be freed from within; may be NULL.
	 */
	void (*on_outdated)(void *arg);
	void *outdated_arg;
};

/*
 * Gives a relay that begins to connect at once (on_state(true) when it is up),
 * or NULL with a cause if the URL is not one.  relay_free() it.
 */
struct relay *relay_redis_new(struct event_base *base,
    const struct relay_redis_config *c, char cause[static ERR_LEN]) MUST_CHECK;

#endif
