/* SPDX-License-Identifier: ISC */
#include "server/redis_resp.h"

#include <hiredis.h>
#include <string.h>

#include "tests/unit/unit.h"

static void
a_command_is_an_array_of_strings(void **state)
{
	(void)state;
	struct resp_cmd c = {0};
	struct buf out = {0};

	resp_str(&c, "SET");
	resp_span(&c, (struct span){"a\r\n\0b", 5});
	resp_i64(&c, -7);
	resp_id(&c, (struct msgid){12, 3});
	resp_fmt(&c, "%s:%d", "k", 1);
	resp_str(&c, "");
	resp_write(&out, NULL, &c);

	static const char want[] =
	    "*6\r\n$3\r\nSET\r\n$5\r\na\r\n\0b\r\n$2\r\n-7\r\n$4\r\n12-3\r\n"
	    "$3\r\nk:1\r\n$0\r\n\r\n";
	assert_int_equal(buf_len(&out), sizeof want - 1);
	assert_memory_equal(buf_head(&out), want, sizeof want - 1);
	resp_free(&c);
	buf_free(&out);
}

static void
a_head_goes_before_the_rest(void **state)
{
	(void)state;
	struct resp_cmd head = {0}, c = {0};
	struct buf out = {0};

	resp_str(&head, "A");
	resp_str(&c, "B");
	resp_write(&out, &head, &c);
	static const char want[] = "*2\r\n$1\r\nA\r\n$1\r\nB\r\n";
	assert_int_equal(buf_len(&out), sizeof want - 1);
	assert_memory_equal(buf_head(&out), want, sizeof want - 1);

	resp_clear(&c);
	buf_clear(&out);
	resp_write(&out, NULL, &c);
	assert_memory_equal(buf_head(&out), "*0\r\n", 4);
	resp_free(&head);
	resp_free(&c);
	buf_free(&out);
}

/* Whatever the cuts, the same verdict. */
static const char *
verdict(struct span in, size_t step)
{
	struct resp_guard g = {0};
	const char *wrong = NULL;

	while (in.len > 0 && wrong == NULL) {
		size_t n = in.len < step ? in.len : step;

		wrong = resp_guard_check(&g, (struct span){in.p, n});
		in.p += n;
		in.len -= n;
	}
	return wrong;
}

static void
passes(const char *text)
{
	for (size_t step = 1; step < 12; step++)
		if (verdict(span_of(text), step) != NULL)
			fail_msg("refused: %s", text);
}

static void
stops(const char *text)
{
	const char *whole = verdict(span_of(text), strlen(text));

	if (whole == NULL)
		fail_msg("passed: %s", text);
	for (size_t step = 1; step < 12; step++)
		assert_string_equal(verdict(span_of(text), step), whole);
}

static void
the_guard_passes_every_kind_of_reply(void **state)
{
	(void)state;
	passes("+OK\r\n-ERR no\r\n:-12\r\n$-1\r\n*-1\r\n$0\r\n\r\n*0\r\n");
	passes("$5\r\na\r\nbc\r\n*2\r\n$1\r\na\r\n*2\r\n:1\r\n+x\r\n+OK\r\n");
	passes("*2\r\n*1\r\n*1\r\n*0\r\n$2\r\n\r\n\r\n$-1\r\n");
}

static void
the_guard_stops_what_would_cost_memory(void **state)
{
	(void)state;
	stops("*2147483647\r\n");
	stops("*1048577\r\n");
	stops("*99999999999999999999999\r\n");
	stops("$67108865\r\n");
	stops("$9223372036854775807\r\n");
	stops("*3\r\n*600000\r\n*600000\r\n");
	passes("*1000000\r\n");
	passes("$60000000\r\n");
}

static void
the_guard_stops_what_is_not_the_grammar(void **state)
{
	(void)state;
	stops("HTTP/1.1 400 Bad Request\r\n");
	stops("%1\r\n+a\r\n+b\r\n");
	stops("*x\r\n");
	stops("*\r\n");
	stops("$\r\n");
	stops("$+5\r\n");
	stops("$5 \r\n");
	stops("+OK\n");
	stops("+a\rb\r\n");
	stops("*1\r5\r\n");
	stops("+a\n$99999\r\n");
	stops("--\r\nx");
}

static void
the_guard_stops_a_line_without_an_end(void **state)
{
	(void)state;
	struct resp_guard g = {0};
	char junk[4096];

	memset(junk, 'x', sizeof junk);
	assert_null(resp_guard_check(&g, SPAN("-")));
	size_t fed = 0;
	while (resp_guard_check(&g, (struct span){junk, sizeof junk}) == NULL) {
		fed += sizeof junk;
		assert_true(fed <= RESP_LINE_MAX);
	}
}

static void
the_guard_stops_a_reply_that_grows_for_ever(void **state)
{
	(void)state;
	struct resp_guard g = {0};
	static char chunk[1 << 16];
	size_t fed = 0;
	bool stopped = false;

	assert_null(resp_guard_check(&g, SPAN("*100000\r\n")));
	while (!stopped && fed < 2 * (size_t)RESP_BYTES_MAX) {
		stopped = resp_guard_check(&g, SPAN("$65536\r\n")) != NULL ||
			  resp_guard_check(
			      &g, (struct span){chunk, sizeof chunk}) != NULL ||
			  resp_guard_check(&g, SPAN("\r\n")) != NULL;
		fed += sizeof chunk;
	}
	assert_true(stopped);
	assert_true(fed <= RESP_BYTES_MAX + sizeof chunk);
}

static void
each_reply_has_its_own_allowance(void **state)
{
	(void)state;
	struct resp_guard g = {0};

	for (int i = 0; i < 3000; i++) {
		assert_null(resp_guard_check(&g, SPAN("*2\r\n*1000\r\n")));
		for (int k = 0; k < 1000; k++)
			assert_null(resp_guard_check(&g, SPAN(":1\r\n")));
		assert_null(resp_guard_check(&g, SPAN("$1\r\nx\r\n")));
	}
}

/* Both must see the same replies, or one could hide a head from the guard. */
static void
the_guard_and_the_reader_count_alike(void **state)
{
	(void)state;
	static const char text[] =
	    "*2\r\n$3\r\na\r\n\r\n:5\r\n+OK\r\n$-1\r\n*0\r\n*1\r\n*-1\r\n";
	struct resp_guard g = {0};
	redisReader *reader = redisReaderCreate();
	unsigned by_guard = 0, by_reader = 0;

	for (size_t i = 0; i < sizeof text - 1; i++) {
		void *r = NULL;

		assert_null(resp_guard_check(&g, (struct span){text + i, 1}));
		by_guard += g.elements == 0 && g.skip == 0 && g.type == 0;
		redisReaderFeed(reader, text + i, 1);
		assert_int_equal(redisReaderGetReply(reader, &r), REDIS_OK);
		by_reader += r != NULL;
		if (r != NULL)
			freeReplyObject(r);
		assert_int_equal(by_guard, by_reader);
	}
	assert_int_equal(by_reader, 5);
	redisReaderFree(reader);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(a_command_is_an_array_of_strings),
	    TEST(a_head_goes_before_the_rest),
	    TEST(the_guard_passes_every_kind_of_reply),
	    TEST(the_guard_stops_what_would_cost_memory),
	    TEST(the_guard_stops_what_is_not_the_grammar),
	    TEST(the_guard_stops_a_line_without_an_end),
	    TEST(the_guard_stops_a_reply_that_grows_for_ever),
	    TEST(each_reply_has_its_own_allowance),
	    TEST(the_guard_and_the_reader_count_alike),
	};
	return RUN(tests);
}
