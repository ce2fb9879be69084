/* SPDX-License-Identifier: ISC */
/*
 * The newest entries of a log, in memory.
 *
 * An answer must be the one that the log would give, so the ring is strict: it
 * answers what lies within the stretch it knows, and what happens at the two
 * ends decides the rest.  Above `last` others may have written already, so a
 * range without an end is answered only where the page is full before it comes
 * there.  At `base` the question is whether that entry is still in the log; it
 * is if it was seen there, since a log keeps more of its newest entries than a
 * ring does.
 *
 * A room that is silent costs nothing but the newest lines of it; when all
 * rings together hold too much, the oldest lines of all go first, whichever
 * rooms they are from.  A throw-away moves the ring's base up, nothing else.
 */
#include "server/ring.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
ring_store_init(struct ring_store *s, size_t bytes_max)
{
	TAILQ_INIT(&s->entries);
	s->bytes = 0;
	s->bytes_max = bytes_max;
}

/* --- entries -------------------------------------------------------------- */

static size_t
cost(size_t len)
{
	return sizeof(struct ring_entry) + len;
}

static struct ring_entry *
entry_new(
    struct ring *r, struct msgid prev, struct msgid id, struct span payload)
{
	struct ring_entry *e = xmalloc(cost(payload.len));

	e->ring = r;
	e->id = id;
	e->prev = prev;
	e->len = payload.len;
	if (payload.len > 0)
		memcpy(e->payload, payload.p, payload.len);
	r->n++;
	r->bytes += cost(payload.len);
	r->store->bytes += cost(payload.len);
	return e;
}

static void
entry_free(struct ring_entry *e)
{
	struct ring *r = e->ring;

	TAILQ_REMOVE(&r->entries, e, in_ring);
	TAILQ_REMOVE(&r->store->entries, e, in_store);
	r->n--;
	r->bytes -= cost(e->len);
	r->store->bytes -= cost(e->len);
	free(e);
}

/* The oldest of its ring goes: the ring begins above it. */
static void
drop_oldest(struct ring *r)
{
	struct ring_entry *e = TAILQ_FIRST(&r->entries);

	r->base = e->id;
	r->base_kept = true;
	entry_free(e);
}

static void
clear(struct ring *r)
{
	while (!TAILQ_EMPTY(&r->entries))
		entry_free(TAILQ_FIRST(&r->entries));
}

/* --- what it knows -------------------------------------------------------- */

void
ring_reset(struct ring *r, struct msgid last)
{
	clear(r);
	r->base = r->last = last;
	r->base_kept = msgid_is_zero(last);
}

void
ring_init(struct ring *r, struct ring_store *s, struct msgid last)
{
	*r = (struct ring){.store = s};
	TAILQ_INIT(&r->entries);
	ring_reset(r, last);
}

void
ring_fini(struct ring *r)
{
	if (r->store)
		clear(r);
}

void
ring_push(
    struct ring *r, struct msgid prev, struct msgid id, struct span payload)
{
	struct ring_store *s = r->store;

	if (msgid_cmp(prev, id) >= 0) {
		ring_reset(r, id);
		return;
	}
	if (msgid_cmp(prev, r->last) != 0)
		ring_reset(r, prev);
	struct ring_entry *e = entry_new(r, prev, id, payload);
	TAILQ_INSERT_TAIL(&r->entries, e, in_ring);
	TAILQ_INSERT_TAIL(&s->entries, e, in_store);
	r->last = id;
	while (r->n > RING_ENTRIES_MAX || r->bytes > RING_BYTES_MAX)
		drop_oldest(r);
	/* Within a ring the older ones are the older ones in the store. */
	while (s->bytes > s->bytes_max)
		drop_oldest(TAILQ_FIRST(&s->entries)->ring);
}

void
ring_skip(struct ring *r, struct msgid id)
{
	ring_reset(r, id);
	r->base_kept = true;
}

/* Where it is little that would find room, nobody need look for it. */
bool
ring_is_full(const struct ring *r)
{
	return msgid_is_zero(r->base) || r->n >= RING_ENTRIES_MAX ||
	       r->bytes >= RING_BYTES_MAX / 2 ||
	       r->store->bytes + RING_BYTES_MAX > r->store->bytes_max;
}

static bool
has_room(const struct ring *r, size_t len)
{
	return r->n < RING_ENTRIES_MAX &&
	       r->bytes + cost(len) <= RING_BYTES_MAX &&
	       r->store->bytes + cost(len) <= r->store->bytes_max;
}

/* Nothing is thrown away for it: what is newer is of more use. */
bool
ring_push_below(
    struct ring *r, struct msgid prev, struct msgid id, struct span payload)
{
	struct ring_entry *above = TAILQ_FIRST(&r->entries);

	if (msgid_cmp(id, r->base) != 0)
		return false;
	r->base_kept = true;
	if (msgid_cmp(prev, id) >= 0 || !has_room(r, payload.len))
		return false;
	struct ring_entry *e = entry_new(r, prev, id, payload);
	if (above)
		TAILQ_INSERT_BEFORE(above, e, in_store);
	else
		TAILQ_INSERT_TAIL(&r->store->entries, e, in_store);
	TAILQ_INSERT_HEAD(&r->entries, e, in_ring);
	r->base = prev;
	r->base_kept = msgid_is_zero(prev);
	return true;
}

/* --- answering ------------------------------------------------------------ */

/* The newest at or below an id; NULL: none here. */
static const struct ring_entry *
find_at_or_below(const struct ring *r, struct msgid id)
{
	const struct ring_entry *e;

	TAILQ_FOREACH_REVERSE(e, &r->entries, ring_entries, in_ring)
	if (msgid_cmp(e->id, id) <= 0)
		break;
	return e;
}

static bool
is_above(const struct ring_entry *e, struct msgid to)
{
	return !msgid_is_zero(to) && msgid_cmp(e->id, to) > 0;
}

static enum ring_verdict
read_forward(const struct ring *r, const struct relay_range *range,
    struct ring_page *page)
{
	bool bounded =
	    !msgid_is_zero(range->to) && msgid_cmp(range->to, r->last) <= 0;
	int at = msgid_cmp(range->from, r->base);

	if (msgid_cmp(range->from, r->last) > 0 ||
	    (!msgid_is_zero(range->to) &&
		msgid_cmp(range->to, range->from) < 0))
		return RING_CANNOT;
	if (at < 0)
		return bounded ? RING_SHORT : RING_CANNOT;
	if (range->check_from && at == 0 && !r->base_kept)
		return bounded ? RING_SHORT : RING_CANNOT;
	const struct ring_entry *e = find_at_or_below(r, range->from);
	page->gap = range->check_from && at > 0 &&
		    msgid_cmp(e ? e->id : r->base, range->from) != 0;
	e = e ? TAILQ_NEXT(e, in_ring) : TAILQ_FIRST(&r->entries);
	for (; e && page->n < range->n && !is_above(e, range->to);
	     e = TAILQ_NEXT(e, in_ring))
		page->entries[page->n++] = e;
	page->end = !e || is_above(e, range->to);
	return page->end && !bounded ? RING_CANNOT : RING_ANSWERS;
}

/* Is nothing between the newest known and that id? */
static bool
follows(struct msgid last, struct msgid id)
{
	return !msgid_is_zero(id) && msgid_cmp(id, msgid_next(last)) <= 0;
}

static enum ring_verdict
read_backward(const struct ring *r, const struct relay_range *range,
    struct ring_page *page)
{
	const struct ring_entry *e;
	size_t n = 0;

	if (!follows(r->last, range->from))
		return RING_CANNOT;
	TAILQ_FOREACH_REVERSE(e, &r->entries, ring_entries, in_ring)
	{
		if (msgid_cmp(e->id, range->from) >= 0)
			continue;
		if (n == range->n)
			break;
		page->entries[n++] = e;
	}
	if (!e && !r->base_kept)
		return RING_SHORT;
	page->end = !e && msgid_is_zero(r->base);
	if (n < range->n && !page->end)
		return RING_SHORT;
	for (size_t i = 0; i < n / 2; i++) {
		e = page->entries[i];
		page->entries[i] = page->entries[n - 1 - i];
		page->entries[n - 1 - i] = e;
	}
	page->n = n;
	return RING_ANSWERS;
}

enum ring_verdict
ring_read(const struct ring *r, const struct relay_range *range,
    struct ring_page *page)
{
	page->n = 0;
	page->gap = page->end = false;
	return range->direction == RELAY_FORWARD
		   ? read_forward(r, range, page)
		   : read_backward(r, range, page);
}
