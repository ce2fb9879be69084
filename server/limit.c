/* SPDX-License-Identifier: ISC */
/*
 * Policy: how much one session may ask for, and how many sessions one address
 * may have.  Pure arithmetic on times that are passed in; it neither closes
 * nor answers anything.
 */
#include "server/limit.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/table.h"
#include "server/tally.h"

/* Tokens are counted in thousandths, so that rate * milliseconds is exact. */
enum { TOKEN = 1000 };

static uint32_t
add_to(uint32_t a, uint64_t b)
{
	return b < UINT32_MAX - a ? a + (uint32_t)b : UINT32_MAX;
}

static void
refill(struct flood *f, const struct flood_rule *rule, uint64_t now_ms)
{
	uint64_t passed = now_ms - f->last_ms;
	uint64_t rate = (uint64_t)rule->rate;
	uint64_t back = passed > INT64_MAX / rate ? INT64_MAX : passed * rate;

	f->last_ms = now_ms;
	f->spent = f->spent > back ? f->spent - (uint32_t)back : 0;
	/* Spent under a wider rule, which a reload has taken away. */
	if (f->spent > rule->burst * TOKEN)
		f->spent = (uint32_t)rule->burst * TOKEN;
	if (f->spent <= rule->burst * TOKEN / 2)
		f->lasts_ms = 0;
	else if (f->lasts_ms > 0)
		f->lasts_ms = add_to(f->lasts_ms, passed);
}

enum flood_verdict
flood_take(struct flood *f, const struct flood_rule *rule, unsigned cost,
    uint64_t now_ms, uint64_t *wait_ms)
{
	int64_t need = (int64_t)cost * TOKEN, missing;
	uint64_t lasts_ms;

	if (rule->burst == 0 || cost == 0)
		return FLOOD_GO;
	refill(f, rule, now_ms);
	/* What costs more than a whole burst has to wait for all of it. */
	if (need > rule->burst * TOKEN)
		need = rule->burst * TOKEN;
	missing = f->spent + need - rule->burst * TOKEN;
	if (missing <= 0) {
		f->spent += (uint32_t)need;
		return FLOOD_GO;
	}
	if (f->lasts_ms == 0)
		f->lasts_ms = 1;
	lasts_ms = f->lasts_ms - 1;
	*wait_ms = (uint64_t)((missing + rule->rate - 1) / rule->rate);
	if (lasts_ms >= (uint64_t)rule->limit_ms)
		return FLOOD_END;
	if (lasts_ms + *wait_ms > (uint64_t)rule->delay_ms)
		return FLOOD_REFUSE;
	return FLOOD_WAIT;
}

struct addr_count {
	struct addr_key key;
	size_t n;
	UT_hash_handle hh;
};

struct addr_counts {
	struct addr_count *table;
	struct tally *tally; /* NULL: there are no other workers */
};

struct addr_counts *
addr_counts_new(void)
{
	return xcalloc(1, sizeof(struct addr_counts));
}

void
addr_counts_free(struct addr_counts *a)
{
	struct addr_count *c, *tmp;

	if (!a)
		return;
	HASH_ITER (hh, a->table, c, tmp) {
		HASH_DEL(a->table, c);
		free(c);
	}
	free(a);
}

void
addr_counts_share(struct addr_counts *a, struct tally *tally)
{
	a->tally = tally;
}

struct addr_key
addr_key_of(const struct ip *ip)
{
	struct addr_key key = {{0}};

	memcpy(key.bytes, ip->bytes, ip_is_v4(ip) ? 16 : 8);
	return key;
}

static size_t
others(const struct addr_counts *a, const struct addr_key *key)
{
	return a->tally ? tally_others(a->tally, key) : 0;
}

static void
tell_others(struct addr_counts *a, const struct addr_key *key, size_t n)
{
	if (a->tally)
		tally_set(a->tally, key, n);
}

/* The others are told first, and looked at then: tally.c says why. */
bool
addr_counts_add(struct addr_counts *a, const struct addr_key *key, size_t max)
{
	struct addr_count *c;

	HASH_FIND(hh, a->table, key, sizeof *key, c);
	if (c && c->n >= max)
		return false;
	if (!c) {
		c = xcalloc(1, sizeof *c);
		c->key = *key;
		HASH_ADD(hh, a->table, key, sizeof c->key, c);
	}
	tell_others(a, key, ++c->n);
	if (others(a, key) <= max - c->n)
		return true;
	addr_counts_drop(a, key);
	return false;
}

void
addr_counts_drop(struct addr_counts *a, const struct addr_key *key)
{
	struct addr_count *c;

	HASH_FIND(hh, a->table, key, sizeof *key, c);
	if (!c)
		return;
	tell_others(a, key, --c->n);
	if (c->n > 0)
		return;
	HASH_DEL(a->table, c);
	free(c);
}

size_t
addr_counts_get(const struct addr_counts *a, const struct addr_key *key)
{
	struct addr_count *c;

	HASH_FIND(hh, a->table, key, sizeof *key, c);
	return (c ? c->n : 0) + others(a, key);
}
