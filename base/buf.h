/* SPDX-License-Identifier: ISC */
#ifndef SNUG_BASE_BUF_H
#define SNUG_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"

/*
 * A queue of bytes: added at the end, drained from the front.  All zero is an
 * empty buffer that owns nothing.  It holds less than 4 GiB: nothing that waits
 * here may grow so far.  Held by value; the fields are read through the
 * functions below.
 */
struct buf {
	char *data;   /* owned; NULL while nothing was ever added */
	uint32_t off; /* bytes drained but not yet reclaimed */
	uint32_t len; /* bytes waiting, from data + off on */
	uint32_t cap;
};

static inline char *
buf_head(const struct buf *b)
{
	/* No arithmetic on NULL, not even with 0. */
	return b->data ? b->data + b->off : NULL;
}

static inline size_t
buf_len(const struct buf *b)
{
	return b->len;
}

/* buf_reserve() where the room has to be made: reclaims, or grows. */
char *buf_make_room(struct buf *b, size_t n) MUST_CHECK;

/* Room for n more bytes; gives where they go.  Follow with buf_added(). */
MUST_CHECK static inline char *
buf_reserve(struct buf *b, size_t n)
{
	/* Most lines fit: that must cost no call.  Subtracting cannot wrap. */
	if (b->data && n <= b->cap - b->off - b->len)
		return b->data + b->off + b->len;
	return buf_make_room(b, n);
}

/* The same, for what must not stay behind in memory that was given back. */
char *buf_reserve_secret(struct buf *b, size_t n) MUST_CHECK;

/* n bytes (at most those reserved) were written at buf_reserve()'s place. */
static inline void
buf_added(struct buf *b, size_t n)
{
	b->len += (uint32_t)n;
}

static inline void
buf_add(struct buf *b, const void *data, size_t len)
{
	if (len == 0)
		return;
	memcpy(buf_reserve(b, len), data, len);
	buf_added(b, len);
}

void buf_add_str(struct buf *b, const char *s);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_add_u64(struct buf *b, uint64_t v); /* decimal */

/* Drops n bytes (at most buf_len) from the front. */
void buf_drain(struct buf *b, size_t n);

/* Cuts the queue to its first len bytes. */
void buf_truncate(struct buf *b, size_t len);

/* Empties it; keeps the memory for the next use. */
void buf_clear(struct buf *b);

/* Empties it and gives its memory back; the buffer can be used again. */
void buf_free(struct buf *b);
/* The same, and nothing of what was ever in this memory is left in it. */
void buf_wipe(struct buf *b);

#endif
