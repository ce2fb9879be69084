/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_SHELF_H
#define SNUG_SERVER_SHELF_H

#include <stddef.h>

#include "base/attr.h"
#include "server/relay.h"

struct shelf_chunk;
struct shelf_slot;

/*
 * The newest messages of a conversation, in the order in which they were said,
 * in little more memory than their words.  All zero is an empty shelf that owns
 * nothing.  Held by value; n and bytes may be read, all else is shelf.c's.
 */
struct shelf {
	size_t n;     /* messages */
	size_t bytes; /* that they take */
	struct shelf_slot *ring;
	size_t cap, first;
	struct shelf_chunk *oldest, *newest;
};

/* Forgets all, and gives the memory back. */
void shelf_clear(struct shelf *s);

/* By how much `bytes` grows with this message. */
size_t shelf_cost(const struct relay_msg *m);
/* Copies it, all but slow_ms, to the end. */
void shelf_add(struct shelf *s, const struct relay_msg *m);
/* There is one. */
void shelf_drop_oldest(struct shelf *s);

/* Number i from the oldest; its spans point into the shelf, and are good until
 * it is dropped. */
struct relay_msg shelf_at(const struct shelf *s, size_t i);
struct msgid shelf_id(const struct shelf *s, size_t i);

#endif
