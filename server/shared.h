/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_SHARED_H
#define SNUG_SERVER_SHARED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct tally;

/*
 * What the workers of one snugd know of each other: how many connections and
 * strangers every address has with each of them, what addresses failed, and how
 * many sessions each worker has.  It is one piece of memory of a fixed size,
 * made before the workers are forked.  Nothing in it is ever locked.
 */
struct shared;

/* NULL: there is no memory for so many; errno says why. */
struct shared *shared_new(size_t workers) MUST_CHECK;
void shared_free(struct shared *sh); /* NULL is fine */

/* In a worker: which one it is.  The tallies are there from then on. */
void shared_join(struct shared *sh, size_t self);
struct tally *shared_connections(struct shared *sh);
struct tally *shared_strangers(struct shared *sh);
/* Of all, for penalties_share(). */
void *shared_debts(struct shared *sh);

/* This worker accepts, and has so many sessions. */
void shared_set_load(struct shared *sh, size_t sessions);
/* Of all workers that accept. */
size_t shared_load(const struct shared *sh);
/* Would it be fairer if another one took the next?  It has clearly fewer. */
bool shared_is_ahead(const struct shared *sh);
/* This worker does not accept any more. */
void shared_leave(struct shared *sh);

/* In the parent: that worker is dead, and what it counted does not count. */
void shared_clear(struct shared *sh, size_t worker);

#endif
