/* SPDX-License-Identifier: ISC */
/*
 * RESP2 as a tree.
 *
 * The guard (redis_resp.c) has seen every byte first: it says where a reply
 * ends, that lines and lengths are sound, and how many elements there are in
 * all.  So the tree is built in one go, from bytes that are all there, into an
 * array that is large enough.  Strings stay where they came in; the CR behind
 * each becomes its NUL.
 *
 * The nodes are hiredis' own, so that who reads them may as well be given a
 * tree of its reader.  That one asks the allocator for each node and each
 * string, which for a chat message are fifteen times.
 */
#include "server/redis_reader.h"

#include <hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum {
	DEPTH_MAX = 8,
	NODES_KEPT = 4096,    /* a larger tree's memory is given back */
	BYTES_KEPT = 1 << 20, /* as is that of so many bytes */
};

struct builder {
	char *at;
	redisReply *node;  /* the next one free */
	redisReply **slot; /* likewise */
};

/* --- building ------------------------------------------------------------- */

/* The line at b->at, after its first byte; its end becomes a NUL. */
static struct span
take_line(struct builder *b)
{
	char *cr = memchr(b->at, '\r', RESP_LINE_MAX);
	struct span s = {b->at + 1, (size_t)(cr - b->at - 1)};

	*cr = '\0';
	b->at = cr + 2;
	return s;
}

/* The guard has let digits pass, or a minus before them. */
static long long
take_length(struct builder *b)
{
	long long n = 0;

	if (b->at[1] == '-') {
		(void)take_line(b);
		return -1;
	}
	for (b->at++; *b->at != '\r'; b->at++)
		n = n * 10 + (*b->at - '0');
	b->at += 2;
	return n;
}

static const char *
build_text(struct builder *b, redisReply *r)
{
	r->type = *b->at == '-' ? REDIS_REPLY_ERROR : REDIS_REPLY_STATUS;
	struct span s = take_line(b);
	r->str = (char *)s.p;
	r->len = s.len;
	return NULL;
}

static const char *
build_integer(struct builder *b, redisReply *r)
{
	struct span s = take_line(b);
	bool negative = s.len > 0 && s.p[0] == '-';
	struct span digits = {s.p + negative, s.len - negative};
	uint64_t v;

	r->type = REDIS_REPLY_INTEGER;
	if (!text_u64(digits, INT64_MAX, &v) || (negative && v == 0))
		return "a number that is none";
	r->integer = negative ? -(long long)v : (long long)v;
	return NULL;
}

static const char *
build_string(struct builder *b, redisReply *r)
{
	long long len = take_length(b);

	r->type = len < 0 ? REDIS_REPLY_NIL : REDIS_REPLY_STRING;
	if (len < 0)
		return NULL;
	r->str = b->at;
	r->len = (size_t)len;
	if (memcmp(b->at + len, "\r\n", 2) != 0)
		return "a string longer than it says";
	b->at[len] = '\0';
	b->at += len + 2;
	return NULL;
}

static const char *build(struct builder *b, redisReply *r, unsigned depth);

static const char *
build_array(struct builder *b, redisReply *r, unsigned depth)
{
	long long n;

	if (depth == DEPTH_MAX)
		return "arrays in arrays in arrays";
	n = take_length(b);
	r->type = n < 0 ? REDIS_REPLY_NIL : REDIS_REPLY_ARRAY;
	if (n <= 0)
		return NULL;
	r->elements = (size_t)n;
	r->element = b->slot;
	b->slot += n;
	for (size_t i = 0; i < r->elements; i++) {
		const char *wrong;

		r->element[i] = b->node++;
		if ((wrong = build(b, r->element[i], depth + 1)))
			return wrong;
	}
	return NULL;
}

static const char *
build(struct builder *b, redisReply *r, unsigned depth)
{
	memset(r, 0, sizeof *r);
	switch (*b->at) {
	case '$':
		return build_string(b, r);
	case ':':
		return build_integer(b, r);
	case '*':
		return build_array(b, r, depth);
	default:
		return build_text(b, r); /* the guard knows no more types */
	}
}

/* --- the reader ----------------------------------------------------------- */

static void
make_nodes(struct resp_reader *rd, size_t n)
{
	if (n <= rd->cap)
		return;
	free(rd->nodes);
	free(rd->slots);
	rd->cap = n < 16 ? 16 : n;
	rd->nodes = xreallocarray(NULL, rd->cap, sizeof *rd->nodes);
	rd->slots = xreallocarray(NULL, rd->cap, sizeof *rd->slots);
}

/* What an unusually large reply took. */
static void
slim(struct resp_reader *rd)
{
	if (rd->cap > NODES_KEPT) {
		free(rd->nodes);
		free(rd->slots);
		rd->nodes = NULL;
		rd->slots = NULL;
		rd->cap = 0;
	}
	if (buf_len(&rd->in) == 0 && rd->in.cap > BYTES_KEPT)
		buf_free(&rd->in);
}

char *
resp_reader_reserve(struct resp_reader *rd, size_t n)
{
	slim(rd);
	return buf_reserve(&rd->in, n);
}

void
resp_reader_added(struct resp_reader *rd, size_t n)
{
	buf_added(&rd->in, n);
}

/* Its bytes are drained at once, and stay where they are until more come in. */
static const char *
take_whole(struct resp_reader *rd, const redisReply **reply)
{
	struct builder b = {.at = buf_head(&rd->in)};

	make_nodes(rd, rd->guard.had);
	b.node = rd->nodes;
	b.slot = rd->slots;
	redisReply *root = b.node++;
	const char *wrong = build(&b, root, 0);
	buf_drain(&rd->in, rd->looked_at);
	rd->looked_at = 0;
	if (!wrong)
		*reply = root;
	return wrong;
}

const char *
resp_reader_next(struct resp_reader *rd, const redisReply **reply)
{
	struct span rest = {buf_head(&rd->in) + rd->looked_at,
	    buf_len(&rd->in) - rd->looked_at};
	bool whole = false;
	const char *wrong;

	*reply = NULL;
	if (rest.len == 0)
		return NULL;
	wrong = resp_guard_look(&rd->guard, &rest, &whole);
	rd->looked_at = buf_len(&rd->in) - rest.len;
	if (wrong || !whole)
		return wrong;
	return take_whole(rd, reply);
}

void
resp_reader_free(struct resp_reader *rd)
{
	free(rd->nodes);
	free(rd->slots);
	buf_free(&rd->in);
	*rd = (struct resp_reader){0};
}
