/* SPDX-License-Identifier: ISC */
#ifndef SNUG_BASE_POOL_H
#define SNUG_BASE_POOL_H

#include <stddef.h>

#include "base/attr.h"

struct pool_spare;

/*
 * Memory of things of one size that come and go with every line: what is given
 * back is what is taken next.  All zero is an empty pool.
 */
struct pool {
	struct pool_spare *spare;
	unsigned n;
};

/* As xmalloc(); each time the same size, a pointer's at least. */
void *pool_take(struct pool *p, size_t size) MUST_CHECK;
void pool_give(struct pool *p, void *thing);

#endif
