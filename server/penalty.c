/* SPDX-License-Identifier: ISC */
/*
 * Penalties: what failing costs an address.
 *
 * The table is a cache of fixed size, in sets of a few places that SipHash
 * chooses: a hundred thousand addresses can neither grow it nor choose whom
 * they push out.  In a full set the smallest debt gives way, so the worst
 * offenders stay longest.  Pure arithmetic on times that are passed in.
 */
#include "server/penalty.h"

#include <stdlib.h>
#include <string.h>

#include "server/limit.h"
#include "server/table.h"

enum {
	SETS = 1024,
	PLACES = 8,
	STRIKES_MAX = 10, /* doublings */
};

struct debt {
	struct addr_key key;
	uint64_t due_ms; /* when it is paid; 0: the place is free */
	unsigned char strikes;
	bool out;
};

struct penalties {
	struct penalty_rule rule;
	struct debt sets[SETS][PLACES];
};

#define ROW(id, word, ms, meaning) {word, ms, meaning},
static const struct {
	const char *word;
	uint64_t ms;
	const char *meaning;
} kinds[] = {PENALTIES(ROW)};
#undef ROW

const char *
penalty_word(enum penalty_kind k)
{
	return kinds[k].word;
}

uint64_t
penalty_ms(enum penalty_kind k)
{
	return kinds[k].ms;
}

const char *
penalty_meaning(enum penalty_kind k)
{
	return kinds[k].meaning;
}

struct penalties *
penalties_new(const struct penalty_rule *rule)
{
	struct penalties *ps = xcalloc(1, sizeof *ps);

	ps->rule = *rule;
	return ps;
}

void
penalties_set_rule(struct penalties *ps, const struct penalty_rule *rule)
{
	ps->rule = *rule;
}

void
penalties_free(struct penalties *ps)
{
	free(ps);
}

static struct debt *
set_of(struct penalties *ps, const struct addr_key *key)
{
	return ps->sets[table_hash(key, sizeof *key) % SETS];
}

static struct debt *
find(struct penalties *ps, const struct addr_key *key)
{
	struct debt *set = set_of(ps, key);

	for (size_t i = 0; i < PLACES; i++)
		if (set[i].due_ms != 0 &&
		    memcmp(&set[i].key, key, sizeof *key) == 0)
			return &set[i];
	return NULL;
}

static struct debt *
find_or_make(struct penalties *ps, const struct addr_key *key)
{
	struct debt *d = find(ps, key), *set = set_of(ps, key);

	if (d)
		return d;
	d = set;
	for (size_t i = 1; i < PLACES; i++)
		if (set[i].due_ms < d->due_ms)
			d = &set[i];
	*d = (struct debt){.key = *key};
	return d;
}

/* What time has done to it. */
static void
settle(const struct penalties *ps, struct debt *d, uint64_t now_ms)
{
	if (now_ms < d->due_ms)
		return;
	d->out = false;
	if (now_ms - d->due_ms >= ps->rule.most_ms)
		d->strikes = 0;
}

bool
penalties_add(struct penalties *ps, const struct addr_key *key,
    enum penalty_kind kind, uint64_t now_ms)
{
	struct debt *d;
	uint64_t debt;

	if (ps->rule.from_ms == 0)
		return false;
	d = find_or_make(ps, key);
	settle(ps, d, now_ms);
	debt = d->due_ms > now_ms ? d->due_ms - now_ms : 0;
	debt += kinds[kind].ms << d->strikes;
	if (debt > ps->rule.most_ms)
		debt = ps->rule.most_ms;
	d->due_ms = now_ms + debt;
	if (d->out || debt < ps->rule.from_ms)
		return false;
	d->out = true;
	if (d->strikes < STRIKES_MAX)
		d->strikes++;
	return true;
}

uint64_t
penalties_wait(
    struct penalties *ps, const struct addr_key *key, uint64_t now_ms)
{
	struct debt *d = find(ps, key);

	if (!d)
		return 0;
	settle(ps, d, now_ms);
	return d->out ? d->due_ms - now_ms : 0;
}

size_t
penalties_count(const struct penalties *ps, uint64_t now_ms)
{
	size_t n = 0;

	for (size_t i = 0; i < SETS; i++)
		for (size_t k = 0; k < PLACES; k++)
			n += ps->sets[i][k].out &&
			     ps->sets[i][k].due_ms > now_ms;
	return n;
}
