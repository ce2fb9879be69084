/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_DENY_H
#define SNUG_SERVER_DENY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/cidr.h"
#include "base/text.h"

enum {
	DENY_MAX = 1000,     /* ranges */
	DENY_TEXT_MAX = 200, /* bytes of the reason */
};

/* A range of addresses that operators have closed out. */
struct deny {
	struct cidr range;
	uint64_t until_ms; /* wall clock; 0: until ALLOW */
	char text[DENY_TEXT_MAX + 1];
};

/* All zero is empty. */
struct denies {
	struct deny *items; /* owned */
	size_t n;
};

void denies_free(struct denies *ds);
/* The same ranges as another list; what was there goes. */
void denies_copy(struct denies *ds, const struct denies *from);
/* Adds a range, or gives it a new end and reason; what has ended makes room.
 * False: there are DENY_MAX. */
bool denies_set(
    struct denies *ds, const struct deny *d, uint64_t wall_ms) MUST_CHECK;
/* False: exactly this range is not in it. */
bool denies_remove(struct denies *ds, const struct cidr *range);
/* The first that holds the address and has not ended, or NULL; borrowed until
 * the list changes. */
const struct deny *denies_find(
    const struct denies *ds, const struct ip *ip, uint64_t wall_ms);

#endif
