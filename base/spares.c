/* SPDX-License-Identifier: ISC */
/*
 * Spare memory of queues.
 *
 * Thousands of queues are filled and emptied within a turn of the loop, and
 * empty most of their lives.  Their memory passes through here from one to the
 * next, the last one used first, because it is warm.  How many spares there
 * are follows from how many queues were full at a time: whoever owns this
 * calls spares_trim() now and then, and what was never needed in between goes.
 */
#include "base/spares.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

enum { FIRST_CAP = 8 };

void
spares_lend(struct spares *sp, struct buf *b)
{
	if (b->data || sp->n == 0)
		return;
	*b = sp->all[--sp->n];
	if (sp->n < sp->least)
		sp->least = sp->n;
}

void
spares_take(struct spares *sp, struct buf *b)
{
	assert(buf_len(b) == 0);
	if (!b->data || b->cap > SPARES_BYTES || sp->n == SPARES_MAX) {
		buf_free(b);
		return;
	}
	if (sp->n == sp->cap) {
		sp->cap = sp->cap > 0 ? 2 * sp->cap : FIRST_CAP;
		sp->all = xreallocarray(sp->all, sp->cap, sizeof sp->all[0]);
	}
	buf_clear(b);
	sp->all[sp->n++] = *b;
	*b = (struct buf){0};
}

/* The oldest, at the bottom of the stack. */
void
spares_trim(struct spares *sp)
{
	unsigned idle = sp->least;

	for (unsigned i = 0; i < idle; i++)
		buf_free(&sp->all[i]);
	for (unsigned i = idle; i < sp->n; i++)
		sp->all[i - idle] = sp->all[i];
	sp->n -= idle;
	sp->least = sp->n;
}

void
spares_free(struct spares *sp)
{
	while (sp->n > 0)
		buf_free(&sp->all[--sp->n]);
	free(sp->all);
	*sp = (struct spares){0};
}
