/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_RELAY_LOCAL_H
#define SNUG_SERVER_RELAY_LOCAL_H

#include <stdint.h>

#include "base/attr.h"

struct relay;

/* Everything a relay in memory wants to know. */
struct relay_local_config {
	const char *node; /* borrowed for its life: the node's name */
	int64_t history;  /* messages kept per conversation */
	int64_t history_ttl_ms;
	int64_t dedupe_ms;
	/* Called once when something waits for relay_local_run(); the caller
	 * arranges for it to run soon, from the loop. */
	void (*wake)(void *arg);
	void *wake_arg;
};

/* Gives a relay; relay_free() it. */
struct relay *relay_local_new(const struct relay_local_config *c) MUST_CHECK;

/* Hands out what is due: answers and messages, in the order of the calls.
 *   now_ms   monotonic, for expiry
 *   wall_ms  wall clock, for ids */
void relay_local_run(struct relay *r, uint64_t now_ms, uint64_t wall_ms);

#endif
