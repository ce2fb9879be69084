/* SPDX-License-Identifier: ISC */
/*
 * Items found by a key that lies in them: open addressing, linear probing.
 *
 * uthash puts 56 bytes into each item; with four tables that know each client
 * this was a quarter of what a silent one cost.  Here a slot is a pointer and
 * one byte of the hash beside it, which spares nearly all looks at items that
 * are not meant.  The table is between 7/16 and 7/8 full.
 *
 * Dropping moves the items behind the hole that could not be found across it,
 * so there are no marks of what was, and a table that has seen much is as good
 * as a new one.
 */
#include "server/index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/table.h"

enum { CAP_MIN = 8 }; /* slots; all capacities are powers of two */

static uint32_t
hash_of(const struct index *ix, const void *item)
{
	struct span key = ix->key(item);

	return table_hash(key.p, key.len);
}

static unsigned char
tag_of(uint32_t hash)
{
	return (unsigned char)(hash >> 24); /* far from what chooses the slot */
}

/* The slot of the item with this key, or the free one where it would go. */
static uint32_t
slot_of(const struct index *ix, struct span key, uint32_t hash)
{
	uint32_t i = hash & (ix->cap - 1);

	while (ix->items[i] && (ix->tags[i] != tag_of(hash) ||
				   !span_eq(ix->key(ix->items[i]), key)))
		i = (i + 1) & (ix->cap - 1);
	return i;
}

static void
put(struct index *ix, void *item)
{
	uint32_t hash = hash_of(ix, item), i = hash & (ix->cap - 1);

	while (ix->items[i])
		i = (i + 1) & (ix->cap - 1);
	ix->items[i] = item;
	ix->tags[i] = tag_of(hash);
}

static void
resize(struct index *ix, uint32_t cap)
{
	struct index old = *ix;

	assert(cap > ix->n);
	ix->cap = cap;
	/* One piece: the slots, and behind them their tags. */
	ix->items = xcalloc(cap, sizeof ix->items[0] + sizeof ix->tags[0]);
	ix->tags = (unsigned char *)(ix->items + cap);
	for (uint32_t i = 0; i < old.cap; i++)
		if (old.items[i])
			put(ix, old.items[i]);
	free(old.items);
}

void
index_fini(struct index *ix)
{
	free(ix->items);
	*ix = INDEX_BY(ix->key);
}

void *
index_find(const struct index *ix, struct span key)
{
	if (ix->n == 0)
		return NULL;
	return ix->items[slot_of(ix, key, table_hash(key.p, key.len))];
}

void
index_add(struct index *ix, void *item)
{
	if (ix->n >= ix->cap / 8 * 7)
		resize(ix, ix->cap > 0 ? 2 * ix->cap : CAP_MIN);
	put(ix, item);
	ix->n++;
}

/* May what lies in slot i, and belongs into `home`, move into the hole? */
static bool
may_move(const struct index *ix, uint32_t home, uint32_t i, uint32_t hole)
{
	uint32_t mask = ix->cap - 1;

	return ((i - home) & mask) >= ((i - hole) & mask);
}

static void
empty(struct index *ix, uint32_t hole)
{
	uint32_t mask = ix->cap - 1;

	for (uint32_t i = (hole + 1) & mask; ix->items[i]; i = (i + 1) & mask)
		if (may_move(ix, hash_of(ix, ix->items[i]) & mask, i, hole)) {
			ix->items[hole] = ix->items[i];
			ix->tags[hole] = ix->tags[i];
			hole = i;
		}
	ix->items[hole] = NULL;
}

void
index_drop(struct index *ix, const void *item)
{
	struct span key = ix->key(item);
	uint32_t i = slot_of(ix, key, table_hash(key.p, key.len));

	assert(ix->items[i] == item);
	empty(ix, i);
	if (--ix->n == 0)
		index_fini(ix);
	else if (ix->cap > CAP_MIN && ix->n < ix->cap / 8)
		resize(ix, ix->cap / 2);
}

void *
index_next(const struct index *ix, uint32_t *at)
{
	while (*at < ix->cap)
		if (ix->items[(*at)++])
			return ix->items[*at - 1];
	return NULL;
}
