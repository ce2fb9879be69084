/* SPDX-License-Identifier: ISC */
/*
 * A pile of memory: chunks, filled one after the other, emptied at once.
 */
#include "server/pile.h"

#include <stdalign.h>
#include <stdlib.h>

#include "base/mem.h"

enum { CHUNK = 32768 }; /* bytes; what is larger has a chunk of its own */

struct pile_chunk {
	struct pile_chunk *next;
	size_t used, cap;
	alignas(max_align_t) char bytes[];
};

static size_t
rounded(size_t n)
{
	const size_t align = alignof(max_align_t);

	return (n + align - 1) & ~(align - 1);
}

static struct pile_chunk *
chunk_new(size_t cap, struct pile_chunk *next)
{
	struct pile_chunk *c = xmalloc(sizeof *c + cap);

	*c = (struct pile_chunk){.next = next, .cap = cap};
	return c;
}

/* The next chunk, which is empty, or where that is too small, one before it. */
static struct pile_chunk *
go_on(struct pile *p, size_t n)
{
	struct pile_chunk *next = p->at ? p->at->next : p->first;

	if (!next || next->cap < n) {
		next = chunk_new(n > CHUNK ? n : CHUNK, next);
		if (p->at)
			p->at->next = next;
		else
			p->first = next;
	}
	p->at = next;
	return next;
}

void *
pile_take(struct pile *p, size_t n)
{
	struct pile_chunk *c = p->at;

	n = rounded(n);
	if (!c || c->cap - c->used < n)
		c = go_on(p, n);
	c->used += n;
	return c->bytes + c->used - n;
}

static void
free_from(struct pile_chunk *c)
{
	while (c) {
		struct pile_chunk *next = c->next;

		free(c);
		c = next;
	}
}

void
pile_clear(struct pile *p)
{
	if (!p->at) {
		free_from(p->first);
		p->first = NULL;
		return;
	}
	free_from(p->at->next);
	p->at->next = NULL;
	for (struct pile_chunk *c = p->first; c; c = c->next)
		c->used = 0;
	p->at = NULL;
}

void
pile_free(struct pile *p)
{
	free_from(p->first);
	*p = (struct pile){0};
}
