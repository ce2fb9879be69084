/* SPDX-License-Identifier: ISC */
#ifndef SNUG_TESTS_UNIT_RELAY_HELD_H
#define SNUG_TESTS_UNIT_RELAY_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "server/relay.h"

struct relay_local_config;

/*
 * A relay in memory whose operations can be held back: each one that takes a
 * `done` waits until the test gives it, with any status, with or without its
 * effect.  What takes none (a release, typing) is carried out at once.
 */
struct relay *relay_held_new(const struct relay_local_config *c) MUST_CHECK;

/* From now on operations wait, or no more; what waits goes on waiting. */
void relay_held_hold(struct relay *r, bool hold);
/* Rights are asked and changed ahead of what waits; with this, changes of them
 * wait like the rest. */
void relay_held_hold_changes(struct relay *r, bool hold);
size_t relay_held_count(const struct relay *r);
/* What the first one that waits is: "join", "read", ... */
const char *relay_held_first(const struct relay *r);

/* Lets the first one that waits go on: to be carried out and answered with the
 * next run. */
void relay_held_give(struct relay *r);
/* Answers it at once with a failure; nothing is done. */
void relay_held_refuse(struct relay *r, enum relay_status st);
/* Carries it out, and answers with st all the same.  False: its answer carries
 * more than a status, so it is refused instead. */
bool relay_held_spoil(struct relay *r, enum relay_status st);

/* The first one that waits lets the others go first. */
void relay_held_postpone(struct relay *r);

/* Goes away or comes back, and tells. */
void relay_held_set_up(struct relay *r, bool up);

void relay_held_run(struct relay *r, uint64_t now_ms, uint64_t wall_ms);

#endif
