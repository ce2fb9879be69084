/* SPDX-License-Identifier: ISC */
/*
 * A stack of spare memory, bounded.  The allocator keeps few of a size at hand
 * and melts the rest together again and again; a server with a thousand lines
 * under way in each turn pays for that with every one of them.
 */
#include "base/pool.h"

#include <stdlib.h>

#include "base/mem.h"

/* The sanitizer finds use after free only where something is freed. */
#ifdef __SANITIZE_ADDRESS__
enum { SPARE_MAX = 0 };
#else
enum { SPARE_MAX = 1024 };
#endif

struct pool_spare {
	struct pool_spare *next;
};

void *
pool_take(struct pool *p, size_t size)
{
	struct pool_spare *s = p->spare;

	if (!s)
		return xmalloc(size);
	p->spare = s->next;
	p->n--;
	return s;
}

void
pool_give(struct pool *p, void *thing)
{
	struct pool_spare *s = thing;

	if (p->n + 1 > SPARE_MAX) {
		free(s);
		return;
	}
	s->next = p->spare;
	p->spare = s;
	p->n++;
}
