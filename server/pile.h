/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_PILE_H
#define SNUG_SERVER_PILE_H

#include <stddef.h>

#include "base/attr.h"

struct pile_chunk;

/*
 * Memory for many small things that are forgotten together: taking some costs
 * an addition, and nothing is given back one by one.  All zero is an empty
 * pile that owns nothing.  Held by value; fields are pile.c's.
 */
struct pile {
	struct pile_chunk *first, *at;
};

/* n bytes, aligned for anything; good until the pile is cleared. */
void *pile_take(struct pile *p, size_t n) MUST_CHECK;

/* Forgets all.  Keeps the memory that it took this time, for the next. */
void pile_clear(struct pile *p);
void pile_free(struct pile *p);

#endif
