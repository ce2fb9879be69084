/* SPDX-License-Identifier: ISC */
/*
 * A queue of bytes in one piece of memory.  Draining only moves an offset; what
 * was drained is reclaimed when room is wanted, and only where that moves fewer
 * bytes than were drained, so that each byte is moved a bounded number of
 * times.
 */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum {
	BUF_FIRST = 64, /* the least that is asked of the allocator */
};

static void
reclaim(struct buf *b)
{
	memmove(b->data, b->data + b->off, b->len);
	b->off = 0;
}

/* Doubles, but never beyond what is wanted at once: a caller who knows the
 * final size gets that size. */
static void
grow(struct buf *b, size_t want)
{
	size_t cap = b->cap > UINT32_MAX / 2 ? want : (size_t)b->cap * 2;

	if (cap < BUF_FIRST)
		cap = BUF_FIRST;
	if (cap < want)
		cap = want;
	if (b->off > 0)
		reclaim(b);
	b->data = xrealloc(b->data, cap);
	b->cap = (uint32_t)cap;
}

char *
buf_make_room(struct buf *b, size_t n)
{
	assert(n <= UINT32_MAX - b->len);
	if (b->data && b->len + n <= b->cap && b->off >= b->len)
		reclaim(b);
	else
		grow(b, b->len + n);
	return b->data + b->off + b->len;
}

char *
buf_reserve_secret(struct buf *b, size_t n)
{
	struct buf wider = {0};
	size_t want;

	assert(n <= UINT32_MAX - b->len);
	if (b->data && n <= b->cap - b->off - b->len)
		return b->data + b->off + b->len;
	/* As grow() does it. */
	want = b->len + n;
	if (want < 2 * (size_t)b->cap && 2 * (size_t)b->cap <= UINT32_MAX)
		want = 2 * (size_t)b->cap;
	(void)!buf_make_room(&wider, want);
	buf_add(&wider, buf_head(b), b->len);
	buf_wipe(b);
	*b = wider;
	return b->data + b->len;
}

void
buf_add_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list args, again;

	va_start(args, fmt);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	assert(n >= 0);
	vsnprintf(buf_reserve(b, (size_t)n + 1), (size_t)n + 1, fmt, again);
	va_end(again);
	buf_added(b, (size_t)n);
}

void
buf_add_u64(struct buf *b, uint64_t v)
{
	buf_added(b, text_put_u64(buf_reserve(b, TEXT_U64_MAX), v));
}

void
buf_drain(struct buf *b, size_t n)
{
	assert(n <= b->len);
	b->len -= (uint32_t)n;
	b->off = b->len > 0 ? b->off + (uint32_t)n : 0;
}

void
buf_truncate(struct buf *b, size_t len)
{
	assert(len <= b->len);
	b->len = (uint32_t)len;
}

void
buf_clear(struct buf *b)
{
	b->off = b->len = 0;
}

void
buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}

void
buf_wipe(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_free(b);
}
