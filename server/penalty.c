/* SPDX-License-Identifier: ISC */
/*
 * Penalties: what failing costs an address.
 *
 * The table is a cache of fixed size, in sets of a few places that SipHash
 * chooses: a hundred thousand addresses can neither grow it nor choose whom
 * they push out.  In a full set the smallest debt gives way, so the worst
 * offenders stay longest.  Pure arithmetic on times that are passed in.
 *
 * Processes may share a table, so a place is two words that are changed by
 * compare-and-swap, and nothing is ever locked: who it is, as a hash of 64
 * bits, and what it owes.  They change one after the other.  Whoever comes or
 * dies between the two at worst charges a debt to another address that failed
 * at that moment, or forgets one failure.
 */
#include "server/penalty.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "server/limit.h"
#include "server/table.h"

enum {
	SETS = 1024,
	PLACES = 8,
	STRIKES_MAX = 10, /* doublings */
	TRIES = 8,        /* others may be faster; then it is forgiven */
};

struct place {
	_Atomic uint64_t who;  /* 0: it is free */
	_Atomic uint64_t owed; /* struct debt, packed */
};

struct debt {
	uint64_t due_ms; /* when it is paid */
	unsigned strikes;
	bool out;
};

struct penalties {
	struct penalty_rule rule;
	struct place (*sets)[PLACES];
	void *own; /* the table of one that is not shared */
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

size_t
penalties_size(void)
{
	return SETS * sizeof(struct place[PLACES]);
}

struct penalties *
penalties_new(const struct penalty_rule *rule)
{
	struct penalties *ps = xcalloc(1, sizeof *ps);

	ps->rule = *rule;
	ps->sets = ps->own = xcalloc(1, penalties_size());
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
	if (!ps)
		return;
	free(ps->own);
	free(ps);
}

void
penalties_share(struct penalties *ps, void *table)
{
	free(ps->own);
	ps->own = NULL;
	ps->sets = table;
}

static uint64_t
pack(struct debt d)
{
	return d.due_ms << 8 | d.strikes << 1 | d.out;
}

static struct debt
unpack(uint64_t owed)
{
	return (struct debt){
	    .due_ms = owed >> 8, .strikes = owed >> 1 & 0x7f, .out = owed & 1};
}

/* Never 0. */
static uint64_t
hash_of(const struct addr_key *key)
{
	uint64_t hash = table_hash64(key, sizeof *key);

	return hash ? hash : 1;
}

static struct place *
find(struct penalties *ps, uint64_t who)
{
	struct place *set = ps->sets[who % SETS];

	for (size_t i = 0; i < PLACES; i++)
		if (atomic_load(&set[i].who) == who)
			return &set[i];
	return NULL;
}

/* Puts it in the place of the smallest debt of its set, if nobody else takes
 * that at the same time.  Free places owe nothing. */
static void
take_place(struct penalties *ps, uint64_t who)
{
	struct place *set = ps->sets[who % SETS], *least = set;
	uint64_t was, owed = atomic_load(&set->owed);

	for (size_t i = 1; i < PLACES; i++) {
		uint64_t other = atomic_load(&set[i].owed);

		if (unpack(other).due_ms < unpack(owed).due_ms) {
			least = &set[i];
			owed = other;
		}
	}
	was = atomic_load(&least->who);
	if (atomic_compare_exchange_strong(&least->who, &was, who))
		atomic_compare_exchange_strong(&least->owed, &owed, 0);
}

/* What time has made of it. */
static struct debt
settled(const struct penalty_rule *rule, struct debt d, uint64_t now_ms)
{
	if (now_ms < d.due_ms)
		return d;
	d.out = false;
	if (now_ms - d.due_ms >= rule->most_ms)
		d.strikes = 0;
	return d;
}

static struct debt
failed(const struct penalty_rule *rule, struct debt d, enum penalty_kind kind,
    uint64_t now_ms)
{
	uint64_t debt = d.due_ms > now_ms ? d.due_ms - now_ms : 0;

	debt += kinds[kind].ms << d.strikes;
	if (debt > rule->most_ms)
		debt = rule->most_ms;
	d.due_ms = now_ms + debt;
	if (d.out || debt < rule->from_ms)
		return d;
	d.out = true;
	if (d.strikes < STRIKES_MAX)
		d.strikes++;
	return d;
}

bool
penalties_add(struct penalties *ps, const struct addr_key *key,
    enum penalty_kind kind, uint64_t now_ms)
{
	uint64_t who = hash_of(key), owed;
	struct debt was, is;
	struct place *p;

	if (ps->rule.from_ms == 0)
		return false;
	for (int i = 0; i < TRIES; i++) {
		p = find(ps, who);
		if (!p) {
			take_place(ps, who);
			continue;
		}
		owed = atomic_load(&p->owed);
		was = settled(&ps->rule, unpack(owed), now_ms);
		is = failed(&ps->rule, was, kind, now_ms);
		if (atomic_compare_exchange_strong(&p->owed, &owed, pack(is)))
			return is.out && !was.out;
	}
	return false;
}

uint64_t
penalties_wait(
    struct penalties *ps, const struct addr_key *key, uint64_t now_ms)
{
	struct place *p = find(ps, hash_of(key));
	struct debt d;

	if (!p)
		return 0;
	d = settled(&ps->rule, unpack(atomic_load(&p->owed)), now_ms);
	return d.out ? d.due_ms - now_ms : 0;
}

size_t
penalties_count(const struct penalties *ps, uint64_t now_ms)
{
	size_t n = 0;

	for (size_t i = 0; i < SETS; i++) {
		for (size_t k = 0; k < PLACES; k++) {
			struct debt d =
			    unpack(atomic_load(&ps->sets[i][k].owed));

			n += d.out && d.due_ms > now_ms;
		}
	}
	return n;
}
