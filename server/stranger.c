/* SPDX-License-Identifier: ISC */
/*
 * Random early drop of connections that nothing is known of.
 *
 * Refusing newcomers alone would let who holds many connections keep all others
 * out.  So a newcomer whose address has no other stranger takes the place of
 * one of those that wait, drawn by lot: an honest one is here for a moment
 * only, and is hardly ever drawn.  No sockets here: dropping is the owner's.
 */
#include "server/stranger.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

struct strangers {
	struct stranger_rule rule;
	struct stranger **all;
	size_t n, cap;
	struct addr_counts *by_addr;
};

struct strangers *
strangers_new(const struct stranger_rule *rule)
{
	struct strangers *ss = xcalloc(1, sizeof *ss);

	ss->rule = *rule;
	ss->by_addr = addr_counts_new();
	return ss;
}

void
strangers_set_rule(struct strangers *ss, const struct stranger_rule *rule)
{
	ss->rule = *rule;
}

void
strangers_free(struct strangers *ss)
{
	if (!ss)
		return;
	addr_counts_free(ss->by_addr);
	free(ss->all);
	free(ss);
}

void
strangers_share(struct strangers *ss, struct tally *by_addr)
{
	addr_counts_share(ss->by_addr, by_addr);
}

size_t
strangers_count(const struct strangers *ss)
{
	return ss->n;
}

/* In percent. */
static uint64_t
odds(const struct stranger_rule *r, size_t n)
{
	if (r->start == 0 || n < r->start)
		return 0;
	if (n >= r->full)
		return 100;
	return r->rate + (uint64_t)(100 - r->rate) * (n - r->start) /
			     (r->full - r->start);
}

bool
strangers_admit(struct strangers *ss, const struct addr_key *key,
    const uint32_t random[static 2])
{
	struct stranger *st;
	size_t n = ss->n;

	if (random[0] % 100 >= odds(&ss->rule, ss->n))
		return true;
	if (addr_counts_get(ss->by_addr, key) > 0)
		return false;
	st = ss->all[random[1] % n];
	st->drop(st);
	assert(ss->n < n); /* st itself may be gone */
	return true;
}

void
stranger_add(struct strangers *ss, struct stranger *st,
    const struct addr_key *key, void (*drop)(struct stranger *st))
{
	if (!addr_counts_add(ss->by_addr, key, SIZE_MAX))
		return;
	if (ss->n == ss->cap) {
		ss->cap = ss->cap ? 2 * ss->cap : 64;
		ss->all = xreallocarray(ss->all, ss->cap, sizeof ss->all[0]);
	}
	st->key = *key;
	st->drop = drop;
	ss->all[ss->n++] = st;
	st->place = ss->n;
}

void
stranger_remove(struct strangers *ss, struct stranger *st)
{
	struct stranger *last;

	if (st->place == 0)
		return;
	addr_counts_drop(ss->by_addr, &st->key);
	last = ss->all[--ss->n];
	last->place = st->place;
	ss->all[st->place - 1] = last;
	st->place = 0;
}
