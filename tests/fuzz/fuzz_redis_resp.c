/* SPDX-License-Identifier: ISC */
/*
 * server/redis_resp.c's guard in front of hiredis' reader: whatever it lets
 * pass, the reader ends replies where the guard does and never holds more than
 * the guard allows.  The first byte says how the rest is cut.
 */
#include <hiredis.h>

#include "server/redis_resp.h"
#include "tests/fuzz/fuzz.h"

/* Takes what is complete; false when the reader refuses. */
static bool
take(redisReader *reader, unsigned *replies)
{
	void *r = NULL;

	for (;;) {
		if (redisReaderGetReply(reader, &r) != REDIS_OK)
			return false;
		if (!r)
			return true;
		freeReplyObject(r);
		r = NULL;
		(*replies)++;
	}
}

static bool
is_between(const struct resp_guard *g)
{
	return g->type == 0 && g->skip == 0 && g->owed == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct resp_guard g = {0};
	unsigned replies = 0;
	size_t step = size > 0 ? (size_t)data[0] % 16 + 1 : 1;
	redisReader *reader = redisReaderCreate();

	MUST(reader != NULL);
	for (size_t at = 1; at < size; at += step) {
		size_t n = size - at < step ? size - at : step;
		const char *bytes = (const char *)data + at;

		if (resp_guard_check(&g, (struct span){bytes, n}))
			break;
		MUST(g.elements <= RESP_ELEMENTS_MAX);
		MUST(redisReaderFeed(reader, bytes, n) == REDIS_OK);
		if (!take(reader, &replies))
			break;
		/* Between replies to the one, between them to the other. */
		MUST(!is_between(&g) || reader->len == reader->pos);
	}
	redisReaderFree(reader);
	return 0;
}
