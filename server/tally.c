/* SPDX-License-Identifier: ISC */
/*
 * Counts by address that several processes share: see the header.
 *
 * A place is one word, the upper bits of the address' hash above a count, so a
 * reader never sees half of a change.  The hash is SipHash under a key that the
 * workers inherit; with what chooses the set it tells 53 bits of addresses
 * apart, and nobody can look for two that are taken for one.  Only its own
 * worker ever writes to a table, so there is nothing to lock and nothing that a
 * death in the middle could leave half done.
 *
 * Who first writes down what it has and then looks at the others never lets in
 * one too many: of two that do so at once, at least one sees the other.  That
 * takes the order of all these loads and stores, which is atomics' default.
 */
#include "server/tally.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "server/limit.h"
#include "server/table.h"

enum { PLACES = 8, SETS = TALLY_PLACES / PLACES };

#define COUNT_MASK ((UINT64_C(1) << 24) - 1)

struct set {
	_Alignas(64) _Atomic uint64_t places[PLACES]; /* 0: free */
};

struct book {
	struct set sets[SETS];
};

struct tally {
	struct book *books; /* one for each worker */
	size_t workers, self;
};

_Static_assert(SETS <= COUNT_MASK, "set and mark are different bits");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a lock could be left behind");

size_t
tally_size(size_t workers)
{
	return workers * sizeof(struct book);
}

struct tally *
tally_new(void *mem, size_t workers, size_t self)
{
	struct tally *t = xcalloc(1, sizeof *t);

	assert(workers <= TALLY_WORKERS_MAX && self < workers);
	*t = (struct tally){.books = mem, .workers = workers, .self = self};
	return t;
}

static uint64_t
mark_of(uint64_t hash)
{
	return hash & ~COUNT_MASK;
}

/* Where that mark is, or else a free place, or NULL. */
static _Atomic uint64_t *
find_place(struct set *set, uint64_t mark)
{
	_Atomic uint64_t *unused = NULL;

	for (size_t i = 0; i < PLACES; i++) {
		uint64_t word = atomic_load(&set->places[i]);

		if (word != 0 && mark_of(word) == mark)
			return &set->places[i];
		if (word == 0 && !unused)
			unused = &set->places[i];
	}
	return unused;
}

void
tally_set(struct tally *t, const struct addr_key *key, size_t n)
{
	uint64_t hash = table_hash64(key, sizeof *key);
	_Atomic uint64_t *place =
	    find_place(&t->books[t->self].sets[hash % SETS], mark_of(hash));

	if (!place)
		return;
	if (n > COUNT_MASK)
		n = COUNT_MASK;
	atomic_store(place, n > 0 ? mark_of(hash) | n : 0);
}

static size_t
count_in(const struct set *set, uint64_t mark)
{
	for (size_t i = 0; i < PLACES; i++) {
		uint64_t word = atomic_load(&set->places[i]);

		if (word != 0 && mark_of(word) == mark)
			return word & COUNT_MASK;
	}
	return 0;
}

size_t
tally_others(const struct tally *t, const struct addr_key *key)
{
	uint64_t hash = table_hash64(key, sizeof *key);
	size_t n = 0;

	for (size_t w = 0; w < t->workers; w++)
		if (w != t->self)
			n += count_in(
			    &t->books[w].sets[hash % SETS], mark_of(hash));
	return n;
}

void
tally_clear(void *mem, size_t worker)
{
	struct book *book = (struct book *)mem + worker;

	for (size_t i = 0; i < SETS; i++)
		for (size_t k = 0; k < PLACES; k++)
			if (atomic_load(&book->sets[i].places[k]) != 0)
				atomic_store(&book->sets[i].places[k], 0);
}
