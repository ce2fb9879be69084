/* SPDX-License-Identifier: ISC */
/*
 * Address ranges that operators have closed out.
 *
 * A short list that is looked through for each new connection: ranges overlap,
 * and a thousand of them take some microseconds.  Where it is kept and how it
 * reaches the other nodes is the relay's affair.
 */
#include "server/deny.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
denies_free(struct denies *ds)
{
	free(ds->items);
	*ds = (struct denies){0};
}

void
denies_copy(struct denies *ds, const struct denies *from)
{
	denies_free(ds);
	if (from->n == 0)
		return;
	ds->items = xreallocarray(NULL, from->n, sizeof ds->items[0]);
	memcpy(ds->items, from->items, from->n * sizeof ds->items[0]);
	ds->n = from->n;
}

static bool
has_ended(const struct deny *d, uint64_t wall_ms)
{
	return d->until_ms != 0 && wall_ms >= d->until_ms;
}

static struct deny *
find_range(struct denies *ds, const struct cidr *range)
{
	for (size_t i = 0; i < ds->n; i++)
		if (cidr_is_same(&ds->items[i].range, range))
			return &ds->items[i];
	return NULL;
}

static void
drop_ended(struct denies *ds, uint64_t wall_ms)
{
	for (size_t i = ds->n; i-- > 0;)
		if (has_ended(&ds->items[i], wall_ms))
			ds->items[i] = ds->items[--ds->n];
}

bool
denies_set(struct denies *ds, const struct deny *d, uint64_t wall_ms)
{
	struct deny *old;

	drop_ended(ds, wall_ms);
	old = find_range(ds, &d->range);
	if (old) {
		*old = *d;
		return true;
	}
	if (ds->n >= DENY_MAX)
		return false;
	ds->items = xreallocarray(ds->items, ds->n + 1, sizeof ds->items[0]);
	ds->items[ds->n++] = *d;
	return true;
}

bool
denies_remove(struct denies *ds, const struct cidr *range)
{
	struct deny *d = find_range(ds, range);

	if (!d)
		return false;
	*d = ds->items[--ds->n];
	return true;
}

const struct deny *
denies_find(const struct denies *ds, const struct ip *ip, uint64_t wall_ms)
{
	for (size_t i = 0; i < ds->n; i++)
		if (!has_ended(&ds->items[i], wall_ms) &&
		    cidr_contains(&ds->items[i].range, ip))
			return &ds->items[i];
	return NULL;
}
