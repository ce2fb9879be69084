/* SPDX-License-Identifier: ISC */
#ifndef SNUG_BASE_SPARES_H
#define SNUG_BASE_SPARES_H

#include "base/attr.h"
#include "base/buf.h"

enum {
	SPARES_MAX = 1024,    /* buffers that are kept */
	SPARES_BYTES = 16384, /* memory of one that is; more is given back */
};

/*
 * The memory of queues that ran empty, for the next ones that fill: so a queue
 * owns memory while it holds something, and filling it costs no allocation.
 * All zero is none.  Held by value; fields are spares.c's.
 */
struct spares {
	struct buf *all; /* a stack: what was used last is used next */
	unsigned n, cap;
	unsigned least; /* the fewest that were there since spares_trim() */
};

void spares_free(struct spares *sp);

/* Memory for a buffer that owns none; nothing happens if there is no spare. */
void spares_lend(struct spares *sp, struct buf *b);
/* Takes back the memory of a buffer that has run empty. */
void spares_take(struct spares *sp, struct buf *b);

/* Gives back what nobody needed since this was called last. */
void spares_trim(struct spares *sp);

#endif
