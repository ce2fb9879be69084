/* SPDX-License-Identifier: ISC */
#include "server/redis_reader.h"
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
	stops("$-15\r\n");
	stops("$-0\r\n");
	stops("$007\r\n");
	stops("*00\r\n");
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

static void
assert_same(const redisReply *a, const redisReply *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->integer, b->integer);
	assert_int_equal(a->len, b->len);
	if (a->str || b->str)
		assert_memory_equal(a->str, b->str, a->len + 1);
	assert_int_equal(a->elements, b->elements);
	for (size_t i = 0; i < a->elements; i++)
		assert_same(a->element[i], b->element[i]);
}

static const char every_kind[] =
    "*2\r\n$3\r\na\r\n\r\n:5\r\n+OK\r\n$-1\r\n*0\r\n*1\r\n*-1\r\n"
    ":-9223372036854775807\r\n-ERR no\r\n$0\r\n\r\n"
    "*3\r\n$7\r\nmessage\r\n*2\r\n*1\r\n+deep\r\n:0\r\n$1\r\nx\r\n";

/* However they are cut, the trees are those that hiredis makes. */
static void
the_reader_makes_the_trees_that_hiredis_makes(void **state)
{
	(void)state;
	for (size_t step = 1; step < sizeof every_kind; step++) {
		redisReader *theirs = redisReaderCreate();
		struct resp_reader ours = {0};
		unsigned n = 0;

		redisReaderFeed(theirs, every_kind, sizeof every_kind - 1);
		for (size_t at = 0; at < sizeof every_kind - 1; at += step) {
			size_t left = sizeof every_kind - 1 - at;
			size_t len = left < step ? left : step;
			const redisReply *r;

			memcpy(resp_reader_reserve(&ours, len), every_kind + at,
			    len);
			resp_reader_added(&ours, len);
			while (!resp_reader_next(&ours, &r) && r) {
				void *want = NULL;

				redisReaderGetReply(theirs, &want);
				assert_non_null(want);
				assert_same(r, want);
				freeReplyObject(want);
				n++;
			}
		}
		assert_int_equal(n, 9);
		resp_reader_free(&ours);
		redisReaderFree(theirs);
	}
}

static const char *
what_is_wrong(const char *text)
{
	struct resp_reader rd = {0};
	const redisReply *r;
	size_t len = strlen(text);

	memcpy(resp_reader_reserve(&rd, len), text, len);
	resp_reader_added(&rd, len);
	const char *wrong = resp_reader_next(&rd, &r);
	assert_true(!wrong || !r);
	resp_reader_free(&rd);
	return wrong;
}

static void
the_reader_refuses_what_makes_no_sense(void **state)
{
	(void)state;
	assert_non_null(what_is_wrong(":12x\r\n"));
	assert_non_null(what_is_wrong(":\r\n"));
	assert_non_null(what_is_wrong(":9223372036854775808\r\n"));
	assert_non_null(what_is_wrong("$3\r\nabcde"));
	assert_non_null(what_is_wrong("?\r\n"));
	assert_non_null(what_is_wrong(
	    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"));
	assert_null(what_is_wrong("$3\r\nab"));
}

static void
the_reader_gives_back_what_a_large_reply_took(void **state)
{
	(void)state;
	static char text[1 << 21];
	struct resp_reader rd = {0};
	const redisReply *r;
	int head = snprintf(text, sizeof text, "*100000\r\n");

	assert_int_equal(head, 9);
	for (size_t i = 0; i < 100000; i++)
		memcpy(text + 9 + 4 * i, ":1\r\n", 4);
	memcpy(resp_reader_reserve(&rd, sizeof text), text, 9 + 400000);
	resp_reader_added(&rd, 9 + 400000);
	assert_null(resp_reader_next(&rd, &r));
	assert_int_equal(r->elements, 100000);
	assert_int_equal(r->element[99999]->integer, 1);

	assert_non_null(resp_reader_reserve(&rd, 64));

	assert_int_equal(rd.cap, 0);
	assert_true(rd.in.cap < sizeof text);
	resp_reader_free(&rd);
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
	    TEST(the_reader_makes_the_trees_that_hiredis_makes),
	    TEST(the_reader_refuses_what_makes_no_sense),
	    TEST(the_reader_gives_back_what_a_large_reply_took),
	};
	return RUN(tests);
}
