/* SPDX-License-Identifier: ISC */
/*
 * A conversation's newest messages, close together.
 *
 * Each message is said once, read seldom, and forgotten in its turn.  So they
 * lie one behind the other in chunks of memory, lengths first and words behind
 * them, and a chunk goes when its last message is dropped: adding one costs a
 * copy, and no allocation but for one in dozens.  A ring of pointers numbers
 * them.  Chunks grow with what there is, so that what is reserved ahead, or not
 * given back yet, stays a part of it.
 */
#include "server/shelf.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum {
	SLOTS_FIRST = 8,   /* a power of two, as all capacities */
	CHUNK_FIRST = 512, /* bytes of entries */
	CHUNK_MAX = 8192,
	CHUNK_SHARE = 4, /* of what there is already */
};

struct shelf_chunk {
	struct shelf_chunk *next; /* the next newer one */
	size_t used, cap;
	size_t n; /* entries that were not dropped */
	char bytes[];
};

/* The strings that fit a byte's length; the text comes behind them. */
static const size_t names[] = {
    offsetof(struct relay_msg, sender),
    offsetof(struct relay_msg, nick),
    offsetof(struct relay_msg, peer),
    offsetof(struct relay_msg, cid),
    offsetof(struct relay_msg, re),
    offsetof(struct relay_msg, enc),
    offsetof(struct relay_msg, target),
};
enum { NAMES = ARRAY_LEN(names), ABSENT = UINT8_MAX };

struct shelf_entry {
	struct msgid id, prev, rv;
	uint32_t text_len;
	uint8_t kind, verb;
	bool act, auth;
	uint8_t lens[NAMES]; /* or ABSENT */
	char bytes[];
};

/* What is dropped is not looked at: it was last touched long ago. */
struct shelf_slot {
	struct shelf_entry *entry;
	size_t size;
};

static size_t
rounded(size_t size)
{
	const size_t align = _Alignof(struct shelf_entry);

	return (size + align - 1) & ~(align - 1);
}

size_t
shelf_cost(const struct relay_msg *m)
{
	return rounded(sizeof(struct shelf_entry) + relay_msg_bytes(m));
}

static struct shelf_slot *
slot_at(const struct shelf *s, size_t i)
{
	return &s->ring[(s->first + i) & (s->cap - 1)];
}

static struct shelf_entry *
entry_at(const struct shelf *s, size_t i)
{
	return slot_at(s, i)->entry;
}

struct msgid
shelf_id(const struct shelf *s, size_t i)
{
	return entry_at(s, i)->id;
}

/* --- adding --------------------------------------------------------------- */

static void
ring_grow(struct shelf *s)
{
	size_t cap = s->cap ? 2 * s->cap : SLOTS_FIRST;
	struct shelf_slot *ring = xreallocarray(NULL, cap, sizeof *ring);

	for (size_t i = 0; i < s->n; i++)
		ring[i] = *slot_at(s, i);
	free(s->ring);
	s->ring = ring;
	s->cap = cap;
	s->first = 0;
}

static void
chunk_add(struct shelf *s, size_t least)
{
	size_t cap = s->bytes / CHUNK_SHARE;
	struct shelf_chunk *c;

	if (cap < CHUNK_FIRST)
		cap = CHUNK_FIRST;
	if (cap > CHUNK_MAX)
		cap = CHUNK_MAX;
	if (cap < least)
		cap = least;
	cap = rounded(cap);
	c = xmalloc(sizeof *c + cap);
	*c = (struct shelf_chunk){.cap = cap};
	if (s->newest)
		s->newest->next = c;
	else
		s->oldest = c;
	s->newest = c;
}

static struct shelf_entry *
entry_new(struct shelf *s, size_t size)
{
	struct shelf_chunk *c = s->newest;
	struct shelf_entry *e;

	if (!c || c->cap - c->used < size)
		chunk_add(s, size);
	c = s->newest;
	e = (struct shelf_entry *)(void *)(c->bytes + c->used);
	c->used += size;
	c->n++;
	s->bytes += size;
	if (s->n == s->cap)
		ring_grow(s);
	*slot_at(s, s->n++) = (struct shelf_slot){e, size};
	return e;
}

void
shelf_add(struct shelf *s, const struct relay_msg *m)
{
	struct shelf_entry *e = entry_new(s, shelf_cost(m));
	char *at = e->bytes;

	e->id = m->id;
	e->prev = m->prev;
	e->rv = m->rv;
	e->kind = (uint8_t)m->kind;
	e->verb = (uint8_t)m->verb;
	e->act = m->act;
	e->auth = m->auth;
	for (size_t i = 0; i < NAMES; i++) {
		const struct span *name =
		    (const struct span *)(const void *)((const char *)m +
							names[i]);

		assert(name->len < ABSENT);
		e->lens[i] = name->p ? (uint8_t)name->len : ABSENT;
		if (name->len == 0)
			continue;
		memcpy(at, name->p, name->len);
		at += name->len;
	}
	e->text_len = (uint32_t)m->text.len;
	if (m->text.len > 0)
		memcpy(at, m->text.p, m->text.len);
}

/* --- dropping ------------------------------------------------------------- */

static void
chunk_drop(struct shelf *s)
{
	struct shelf_chunk *c = s->oldest;

	s->oldest = c->next;
	if (!s->oldest)
		s->newest = NULL;
	free(c);
}

void
shelf_drop_oldest(struct shelf *s)
{
	assert(s->n > 0);
	s->bytes -= slot_at(s, 0)->size;
	s->first = (s->first + 1) & (s->cap - 1);
	s->n--;
	if (--s->oldest->n == 0)
		chunk_drop(s);
}

void
shelf_clear(struct shelf *s)
{
	while (s->oldest)
		chunk_drop(s);
	free(s->ring);
	*s = (struct shelf){0};
}

/* --- reading -------------------------------------------------------------- */

struct relay_msg
shelf_at(const struct shelf *s, size_t i)
{
	const struct shelf_entry *e = entry_at(s, i);
	const char *at = e->bytes;
	struct relay_msg m = {
	    .id = e->id,
	    .prev = e->prev,
	    .rv = e->rv,
	    .kind = (enum relay_kind)e->kind,
	    .verb = e->verb,
	    .act = e->act,
	    .auth = e->auth,
	};

	for (size_t k = 0; k < NAMES; k++) {
		struct span *name =
		    (struct span *)(void *)((char *)&m + names[k]);

		if (e->lens[k] == ABSENT)
			continue;
		*name = (struct span){at, e->lens[k]};
		at += e->lens[k];
	}
	m.text = (struct span){at, e->text_len};
	return m;
}
