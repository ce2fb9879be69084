/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_RELAY_LOCAL_H
#define SNUG_SERVER_RELAY_LOCAL_H

#include <stdint.h>

#include "base/attr.h"

struct event_base;
struct relay;

/* Everything a relay in memory wants to know. */
struct relay_local_config {
	const char *node; /* borrowed for its life: the node's name */
	int64_t history;  /* messages kept per conversation, 256 at least */
	int64_t history_ttl_ms; /* of silence; history 0: a minute at most */
	int64_t dedupe_ms;
	int64_t resume_ms; /* the token of a nick that was left is good */
	/* Bytes for all logs and dedupe records: above it the oldest entries
	 * of the conversation silent longest go.  0: 256 MiB. */
	int64_t memory;
	/* An owned room that nobody enters is kept for so long; 0:
	 * RELAY_ROOM_TTL_MS. */
	int64_t rooms_per_account; /* 0: any number */
	int64_t room_ttl_ms;
	/* The wall clock between runs; NULL: as of the last one. */
	uint64_t (*wall_ms)(void);
	/* Called once when something waits for relay_local_run(); the caller
	 * arranges for it to run soon, from the loop. */
	void (*wake)(void *arg);
	void *wake_arg;
};

/* Gives a relay; relay_free() it. */
struct relay *relay_local_new(const struct relay_local_config *c) MUST_CHECK;

/*
 * From now on what is to last is kept in a file (server/state.h), and what that
 * holds is known.  Before anything else is asked of the relay, once.
 *
 *   path   borrowed for the relay's life
 *   cause  given; a sentence on error
 *
 * Returns 0 or -1; then the relay is only good for relay_free().
 */
int relay_local_keep(struct relay *r, const char *path, struct event_base *base,
    char cause[static ERR_LEN]) MUST_CHECK;

/* Hands out what is due: answers and messages, in the order of the calls.
 *   now_ms   monotonic, for expiry
 *   wall_ms  wall clock, for ids
 * A run without anything due only gives memory back: do it once a minute. */
void relay_local_run(struct relay *r, uint64_t now_ms, uint64_t wall_ms);

#endif
