/* SPDX-License-Identifier: ISC */
/*
 * server/redis_reader.c beside hiredis' reader: what ours takes, theirs takes
 * too and makes the same tree of, and where the guard refuses, nothing more is
 * looked at.  The first byte says how the rest is cut.
 *
 * The same bytes, as arguments of a command, come back out of the reader as
 * they went in.
 */
#include <hiredis.h>
#include <string.h>

#include "server/redis_reader.h"
#include "server/redis_resp.h"
#include "tests/fuzz/fuzz.h"

static void
check_same(const redisReply *a, const redisReply *b)
{
	MUST(a->type == b->type && a->len == b->len);
	MUST(a->type != REDIS_REPLY_INTEGER || a->integer == b->integer);
	MUST(a->len == 0 || memcmp(a->str, b->str, a->len) == 0);
	MUST(a->elements == b->elements);
	for (size_t i = 0; i < a->elements; i++)
		check_same(a->element[i], b->element[i]);
}

/* Takes what is complete; false when ours refuses. */
static bool
take(struct resp_reader *ours, redisReader *theirs)
{
	const redisReply *r;

	for (;;) {
		void *want = NULL;

		if (resp_reader_next(ours, &r))
			return false;
		if (!r)
			return true;
		MUST(redisReaderGetReply(theirs, &want) == REDIS_OK && want);
		check_same(r, want);
		freeReplyObject(want);
	}
}

static bool
is_between(const struct resp_guard *g)
{
	return g->type == 0 && g->skip == 0 && g->owed == 0;
}

static void
check_arg(const redisReply *r, size_t i, struct span want)
{
	MUST(i < r->elements);
	MUST(r->element[i]->type == REDIS_REPLY_STRING);
	MUST(r->element[i]->len == want.len);
	MUST(
	    want.len == 0 || memcmp(r->element[i]->str, want.p, want.len) == 0);
}

/* Arguments end at LF; an id and a number stand behind them. */
static void
check_command(const uint8_t *data, size_t size)
{
	struct resp_cmd head = {0}, cmd = {0};
	struct buf out = {0};
	struct resp_guard g = {0};
	redisReader *reader = redisReaderCreate();
	redisReply *r = NULL;
	const char *p = (const char *)data, *end = p + size;
	struct span args[64];
	size_t n = 0;

	while (p < end && n < 64) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		args[n] = (struct span){p, (size_t)((lf ? lf : end) - p)};
		resp_span(n == 0 ? &head : &cmd, args[n]);
		p += args[n++].len + 1;
	}
	resp_i64(&cmd, -(int64_t)size);
	resp_id(&cmd, (struct msgid){size, UINT64_MAX});
	resp_fmt(&cmd, "%s:%zu", "x", size);
	resp_write(&out, n > 0 ? &head : NULL, &cmd);
	MUST(!resp_guard_check(
	    &g, (struct span){buf_head(&out), buf_len(&out)}));
	MUST(is_between(&g) && reader != NULL);
	MUST(
	    redisReaderFeed(reader, buf_head(&out), buf_len(&out)) == REDIS_OK);
	MUST(redisReaderGetReply(reader, (void **)&r) == REDIS_OK && r);
	MUST(r->type == REDIS_REPLY_ARRAY && r->elements == n + 3);
	for (size_t i = 0; i < n; i++)
		check_arg(r, i, args[i]);
	freeReplyObject(r);
	redisReaderFree(reader);
	resp_clear(&cmd);
	resp_str(&cmd, "again");
	MUST(cmd.n == 1);
	resp_free(&head);
	resp_free(&cmd);
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct resp_reader ours = {0};
	size_t step = size > 0 ? (size_t)data[0] % 16 + 1 : 1;
	redisReader *theirs = redisReaderCreate();

	MUST(theirs != NULL);
	for (size_t at = 1; at < size; at += step) {
		size_t n = size - at < step ? size - at : step;
		const char *bytes = (const char *)data + at;
		struct resp_guard g = ours.guard;

		if (resp_guard_check(&g, (struct span){bytes, n}))
			break;
		MUST(g.elements <= RESP_ELEMENTS_MAX);
		memcpy(resp_reader_reserve(&ours, n), bytes, n);
		resp_reader_added(&ours, n);
		MUST(redisReaderFeed(theirs, bytes, n) == REDIS_OK);
		if (!take(&ours, theirs))
			break;
	}
	resp_reader_free(&ours);
	redisReaderFree(theirs);
	check_command(data, size);
	return 0;
}
