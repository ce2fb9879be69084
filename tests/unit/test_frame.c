/* SPDX-License-Identifier: ISC */
/*
 * proto/frame.c: bytes to lines and back.
 *
 * Each rule of the protocol's section 1 is a row of bytes and of what they
 * come to, written as a string: "[payload]" for a framed line, "{payload}" for
 * a bare one, then "!bad", "!long" or "!foreign".  The same rows are then cut
 * at every place.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/frame.h"

enum { MAX = 20 }; /* max-line in the rows */

struct row {
	struct span bytes;
	struct span events;
	bool framed_only; /* the client's side */
};

/* clang-format off */
#define BYTES(literal) {literal, sizeof(literal) - 1}
#define ROW(bytes, events) {BYTES(bytes), BYTES(events), false}
#define CLIENT_ROW(bytes, events) {BYTES(bytes), BYTES(events), true}
/* clang-format on */

/* Reads bytes as frame_next() wants them; they lie in memory of their own, so
 * that a look beyond the end is seen by a sanitizer. */
static bool
feed(struct frame *f, struct span bytes, struct buf *events)
{
	static const char *const errors[] = {
	    [FRAME_EBAD] = "!bad",
	    [FRAME_ELONG] = "!long",
	    [FRAME_EFOREIGN] = "!foreign",
	};
	char *own = malloc(bytes.len ? bytes.len : 1);
	struct span in = {own, bytes.len}, line;
	enum frame_result r;

	assert_non_null(own);
	memcpy(own, bytes.p, bytes.len);
	while ((r = frame_next(f, &in, &line)) == FRAME_LINE) {
		assert_int_not_equal(line.len, 0);
		buf_add(events, f->was_bare ? "{" : "[", 1);
		buf_add(events, line.p, line.len);
		buf_add(events, f->was_bare ? "}" : "]", 1);
		assert_true(buf_len(&f->part) <= MAX + FRAME_HEAD_MAX + 2);
	}
	free(own);
	if (r == FRAME_MORE) {
		assert_int_equal(in.len, 0);
		return true;
	}
	buf_add_str(events, errors[r]);
	/* After an error: only that error. */
	in = SPAN("5 hello\n");
	assert_int_equal(frame_next(f, &in, &line), r);
	in = SPAN_NONE;
	assert_int_equal(frame_next(f, &in, &line), r);
	assert_false(frame_is_partial(f));
	return false;
}

static void
assert_events(const struct row *row, const struct buf *events, size_t cut)
{
	char bytes[256], got[256], want[256];
	struct span e = {buf_head(events), buf_len(events)};

	if (span_eq(e, row->events))
		return;
	fail_msg("\"%s\" cut at %zu gives %s, not %s",
	    text_escape(bytes, sizeof(bytes), row->bytes), cut,
	    text_escape(got, sizeof(got), e),
	    text_escape(want, sizeof(want), row->events));
}

/* In pieces of `step` bytes from `cut` on; SIZE_MAX: the rest at once. */
static void
check_cut(const struct row *row, size_t cut, size_t step)
{
	struct frame f;
	struct buf events = {0};

	frame_init(&f, MAX, !row->framed_only);
	struct span rest = row->bytes;
	bool alive = feed(&f, (struct span){rest.p, cut}, &events);
	rest = (struct span){rest.p + cut, rest.len - cut};
	while (alive && rest.len > 0) {
		size_t n = step < rest.len ? step : rest.len;
		alive = feed(&f, (struct span){rest.p, n}, &events);
		rest = (struct span){rest.p + n, rest.len - n};
	}
	assert_events(row, &events, cut);
	buf_free(&events);
	frame_fini(&f);
}

static void
check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check_cut(&rows[i], rows[i].bytes.len, SIZE_MAX);
}

#define CHECK(rows) check(rows, ARRAY_LEN(rows))

static const struct row framed_rows[] = {
    ROW("5 hello\n", "[hello]"),
    ROW("5 hello\n3 abc\n1 x\n", "[hello][abc][x]"),
    ROW("20 12345678901234567890\n", "[12345678901234567890]"),
    ROW("5 a\nb\n\n\n", "[a\nb\n\n]"),
    ROW("3  a \n", "[ a ]"),
    ROW("4 ab\r\n\n", "[ab\r\n]"),
    ROW("2 \xff\xfb\n", "[\xff\xfb]"),
    ROW("5 GET /\n", "[GET /]"),
    ROW("5 hell", ""),
    ROW("5", ""),
    ROW("", ""),
    CLIENT_ROW("5 hello\n2 ok\n", "[hello][ok]"),
};

static void
reads_framed_lines_whatever_their_payload(void **state)
{
	(void)state;
	CHECK(framed_rows);
}

static const struct row length_rows[] = {
    ROW("0 \n", "!bad"),
    ROW("05 hello\n", "!bad"),
    ROW("00005 hello\n", "!bad"),
    ROW("5hello\n", "!bad"),
    ROW("5\nhello\n", "!bad"),
    ROW("5\thello\n", "!bad"),
    ROW("5- hello\n", "!bad"),
    ROW("21 ", "!bad"),
    ROW("21 123456789012345678901\n", "!bad"),
    ROW("99999", "!bad"),
    ROW("100000 x", "!bad"),
    ROW("4294967301 hello\n", "!bad"),
    ROW("18446744073709551621 hello\n", "!bad"),
    ROW("5 hello\n0", "[hello]!bad"),
    ROW("5\xff\xf1 hello\n", "!bad"),
    CLIENT_ROW("hello\n", "!bad"),
    CLIENT_ROW("\n", "!bad"),
    CLIENT_ROW("-5 hello\n", "!bad"),
    CLIENT_ROW("+5 hello\n", "!bad"),
    CLIENT_ROW(" 5 hello\n", "!bad"),
    CLIENT_ROW("5 hello\nx", "[hello]!bad"),
};

static void
refuses_a_length_that_is_not_one_to_max_in_plain_decimal(void **state)
{
	(void)state;
	CHECK(length_rows);
}

static const struct row missing_lf_rows[] = {
    ROW("5 hello!", "!bad"),
    ROW("5 hello\r\n", "!bad"),
    ROW("5 hell\n\0", "!bad"),
    ROW("1 ab", "!bad"),
};

static void
refuses_a_frame_without_its_lf(void **state)
{
	(void)state;
	CHECK(missing_lf_rows);
}

static const struct row bare_rows[] = {
    ROW("hello\n", "{hello}"),
    ROW("hello\r\n", "{hello}"),
    ROW("hello\r\r\n", "{hello\r}"),
    ROW("he\rllo\n", "{he\rllo}"),
    ROW("\n\r\n\n", ""),
    ROW("\n\nhello\n\n", "{hello}"),
    ROW(" \n", "{ }"),
    ROW("a\n5 hello\nb\r\n", "{a}[hello]{b}"),
    ROW("-5 hello\n", "{-5 hello}"),
    ROW("#t1 5 hello\n", "{#t1 5 hello}"),
    ROW("hel", ""),
};

static void
reads_bare_lines_and_ignores_empty_ones(void **state)
{
	(void)state;
	CHECK(bare_rows);
}

static const struct row long_rows[] = {
    ROW("abcdefghijklmnopqrst\n", "{abcdefghijklmnopqrst}"),
    ROW("abcdefghijklmnopqrst\r\n", "{abcdefghijklmnopqrst}"),
    ROW("abcdefghijklmnopqrstu", "!long"),
    ROW("abcdefghijklmnopqrst\r", ""),
    ROW("abcdefghijklmnopqrst\r\r", "!long"),
    ROW("abcdefghijklmnopqrst\rx", "!long"),
    ROW("abcdefghijklmnopqrs\r\r\n", "{abcdefghijklmnopqrs\r}"),
    ROW("abcdefghijklmnopqrst\r\r\n", "!long"),
    ROW("abcdefghijklmnopqrst\r\0\n", "{abcdefghijklmnopqrst}"),
    ROW("abcdefghijklmnopqrst\xff\xf1\n", "{abcdefghijklmnopqrst}"),
    ROW("abcdefghijklmnopqrst\xff\xff\n", "!long"),
};

static void
refuses_a_bare_line_as_soon_as_it_is_above_the_maximum(void **state)
{
	(void)state;
	CHECK(long_rows);
}

static const struct row telnet_rows[] = {
    /* WILL, WONT, DO, DONT and an option */
    ROW("\xff\xfb\x01hi\n", "{hi}"),
    ROW("\xff\xfc\x01\xff\xfd\x03\xff\xfe\x22hi\n", "{hi}"),
    ROW("h\xff\xfb\x01i\n", "{hi}"),
    ROW("hi\xff\xfb\x01\n", "{hi}"),
    ROW("\xff\xfb\nhi\n", "{hi}"),
    /* commands of two bytes */
    ROW("\xff\xf1hi\xff\xf9\n", "{hi}"),
    ROW("\xff\xf0hi\n", "{hi}"),
    ROW("\xff\x01hi\n", "{hi}"),
    /* subnegotiation, which may hold anything */
    ROW("\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0hi\n", "{hi}"),
    ROW("\xff\xfa\nGET \n\xff\xf0hi\n", "{hi}"),
    ROW("\xff\xfa\xff\xff\xff\xf0hi\n", "{hi}"),
    ROW("\xff\xfa\xff\x01\xff\xf0hi\n", "{hi}"),
    /* a doubled IAC is the byte itself */
    ROW("a\xff\xff"
	"b\n",
	"{a\xff"
	"b}"),
    ROW("\xff\xff\n", "{\xff}"),
    ROW("\xff\xff\xff\xf1\n", "{\xff}"),
    /* NUL behind a CR, and elsewhere */
    ROW("hi\r\0\n", "{hi}"),
    ROW("h\r\0i\n", "{h\ri}"),
    ROW("hi\r\n\0x\n", "{hi}{\0x}"),
    /* what is left may be nothing */
    ROW("\xff\xfb\x01\n", ""),
    ROW("\xff\xfb\x01\r\n", ""),
    ROW("\xff\xf1\r\0\r\n", "{\r}"),
    /* not behind a digit's line, and never in a frame */
    ROW("\xff\xf1"
	"5 hello\n",
	"{5 hello}"),
    ROW("3 a\xff\xf1\n", "[a\xff\xf1]"),
    ROW("\xff", ""),
};

static void
strips_telnet_from_bare_lines_only(void **state)
{
	(void)state;
	CHECK(telnet_rows);
}

static const struct row telnet_flood_rows[] = {
    ROW("\xff\xfa"
	"123456789012345678\xff\xf0hi\n",
	"!long"),
    ROW("\xff\xfa"
	"1234567890123456\xff\xf0hi\n",
	"{hi}"),
    ROW("\xff\xf1\xff\xf1\xff\xf1\xff\xf1\xff\xf1\xff\xf1\xff\xf1\xff\xf1"
	"\xff\xf1\xff\xf1\xff",
	"!long"),
    /* the count begins anew with each line */
    ROW("\xff\xf1\xff\xf1\xff\xf1\xff\xf1\xff\xf1\xff\xf1\n"
	"\xff\xf1\xff\xf1\xff\xf1\xff\xf1\xff\xf1\xff\xf1hi\n",
	"{hi}"),
};

static void
bounds_what_it_strips_like_what_it_keeps(void **state)
{
	(void)state;
	CHECK(telnet_flood_rows);
}

static const struct row foreign_rows[] = {
    ROW("GET / HTTP/1.1\r\n", "!foreign"),
    ROW("GET ", "!foreign"),
    ROW("GET", ""),
    ROW("GET\n", "!foreign"),
    ROW("GET\r\n", "!foreign"),
    ROW("HEAD /\n", "!foreign"),
    ROW("POST /\n", "!foreign"),
    ROW("PUT /\n", "!foreign"),
    ROW("PATCH /\n", "!foreign"),
    ROW("DELETE /\n", "!foreign"),
    ROW("OPTIONS *\n", "!foreign"),
    ROW("TRACE /\n", "!foreign"),
    ROW("CONNECT a:1\n", "!foreign"),
    ROW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "!foreign"),
    ROW("GET /a/path/that/is/far/longer/than/the/maximum", "!foreign"),
    ROW("\xff\xf1GET /\n", "!foreign"),
    ROW("hello\nGET /\n", "{hello}!foreign"),
    ROW("5 hello\nPOST /\n", "[hello]!foreign"),
    ROW("get /\n", "{get /}"),
    ROW("GETTY x\n", "{GETTY x}"),
    ROW(" GET /\n", "{ GET /}"),
    ROW("#GET GET\n", "{#GET GET}"),
    ROW("GE T\n", "{GE T}"),
    ROW("\x16\x03\x01\x02\x00", "!foreign"),
    ROW("\x16\x03\n", "!foreign"),
    ROW("\x16", ""),
    ROW("\x16\x02\n", "{\x16\x02}"),
    ROW("SSH-2.0-OpenSSH_9.2\r\n", "!foreign"),
    ROW("SSH-", "!foreign"),
    ROW("SSH\n", "{SSH}"),
    ROW("ssh-\n", "{ssh-}"),
    /* only the first bytes of all */
    ROW("a\n\x16\x03\n", "{a}{\x16\x03}"),
    ROW("a\nSSH-\n", "{a}{SSH-}"),
    ROW("1 a\nSSH-\n", "[a]{SSH-}"),
    ROW("\nSSH-\n", "{SSH-}"),
    CLIENT_ROW("GET /\n", "!bad"),
};

static void
tells_the_first_bytes_of_other_protocols(void **state)
{
	(void)state;
	CHECK(foreign_rows);
}

static void
cut_everywhere(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t cut = 0; cut <= rows[i].bytes.len; cut++)
			check_cut(&rows[i], cut, SIZE_MAX);
		for (size_t step = 1; step <= 3; step++)
			check_cut(&rows[i], 0, step);
	}
}

static void
any_cutting_of_the_bytes_gives_the_same(void **state)
{
	(void)state;
	cut_everywhere(framed_rows, ARRAY_LEN(framed_rows));
	cut_everywhere(length_rows, ARRAY_LEN(length_rows));
	cut_everywhere(missing_lf_rows, ARRAY_LEN(missing_lf_rows));
	cut_everywhere(bare_rows, ARRAY_LEN(bare_rows));
	cut_everywhere(long_rows, ARRAY_LEN(long_rows));
	cut_everywhere(telnet_rows, ARRAY_LEN(telnet_rows));
	cut_everywhere(telnet_flood_rows, ARRAY_LEN(telnet_flood_rows));
	cut_everywhere(foreign_rows, ARRAY_LEN(foreign_rows));
}

static void
whole_lines_are_given_where_they_lie(void **state)
{
	struct frame f;
	struct span in = SPAN("5 hello\nbare\r\n"), line;
	const char *bytes = in.p;

	(void)state;
	frame_init(&f, MAX, true);

	assert_int_equal(frame_next(&f, &in, &line), FRAME_LINE);
	assert_ptr_equal(line.p, bytes + 2);
	assert_int_equal(frame_next(&f, &in, &line), FRAME_LINE);
	assert_ptr_equal(line.p, bytes + 8);
	assert_null(f.part.data);
	frame_fini(&f);
}

static void
a_claimed_length_costs_nothing_before_its_payload_comes(void **state)
{
	struct frame f;
	struct span in = SPAN("99999 "), line;

	(void)state;
	frame_init(&f, FRAME_LINE_MAX, true);

	assert_int_equal(frame_next(&f, &in, &line), FRAME_MORE);
	assert_null(f.part.data);
	assert_true(frame_is_partial(&f));
	frame_fini(&f);
}

static void
keeps_no_more_memory_than_the_maximum_and_a_constant(void **state)
{
	enum { LINE = 16384, MORE = 1000 };
	struct frame f;
	char bytes[MORE];
	struct span line;
	size_t fed = 0;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	frame_init(&f, LINE, true);
	for (; fed + MORE < LINE; fed += MORE) {
		struct span in = {bytes, MORE};
		assert_int_equal(frame_next(&f, &in, &line), FRAME_MORE);
		assert_true(f.part.cap <= LINE + FRAME_HEAD_MAX + 2);
	}
	struct span in = {bytes, MORE};
	assert_int_equal(frame_next(&f, &in, &line), FRAME_ELONG);
	assert_null(f.part.data);
	frame_fini(&f);
}

static void
gives_a_long_lines_memory_back_with_the_next_one(void **state)
{
	struct frame f;
	char bytes[9000];
	struct span in, line;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	frame_init(&f, 16384, true);
	in = (struct span){bytes, sizeof(bytes)};
	assert_int_equal(frame_next(&f, &in, &line), FRAME_MORE);
	in = SPAN("\nnext");
	assert_int_equal(frame_next(&f, &in, &line), FRAME_LINE);
	assert_int_equal(line.len, sizeof(bytes));

	assert_int_equal(frame_next(&f, &in, &line), FRAME_MORE);

	assert_true(f.part.cap <= 512);
	frame_fini(&f);
}

static void
a_new_maximum_holds_from_the_next_line_on(void **state)
{
	struct frame f;
	struct span in = SPAN("abcdef"), line;

	(void)state;
	frame_init(&f, MAX, true);
	assert_int_equal(frame_next(&f, &in, &line), FRAME_MORE);

	frame_set_max(&f, 4);
	in = SPAN("gh\n4 abcd\nabcd\nabcde");

	assert_int_equal(frame_next(&f, &in, &line), FRAME_LINE);
	assert_true(span_is(line, "abcdefgh"));
	assert_int_equal(frame_next(&f, &in, &line), FRAME_LINE);
	assert_true(span_is(line, "abcd"));
	assert_int_equal(frame_next(&f, &in, &line), FRAME_LINE);
	assert_int_equal(frame_next(&f, &in, &line), FRAME_ELONG);
	frame_fini(&f);
}

static void
is_partial_between_the_first_byte_of_a_line_and_its_end(void **state)
{
	static const struct {
		const char *bytes;
		bool partial;
	} rows[] = {{"5", true}, {"5 ", true}, {"5 hell", true},
	    {"5 hello", true}, {"5 hello\n", false}, {"h", true},
	    {"hello\r", true}, {"hello\n", false}, {"\n", false},
	    {"\xff", true}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct frame f;
		struct span in = span_of(rows[i].bytes), line;
		frame_init(&f, MAX, true);
		while (frame_next(&f, &in, &line) == FRAME_LINE)
			continue;
		assert_int_equal(frame_is_partial(&f), rows[i].partial);
		frame_fini(&f);
	}
}

static void
writes_what_it_reads(void **state)
{
	static const size_t lens[] = {
	    1, 9, 10, 99, 100, 999, 1000, 9999, 10000, FRAME_LINE_MAX};
	static char payload[FRAME_LINE_MAX];

	(void)state;
	memset(payload, 'p', sizeof(payload));
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		struct frame f;
		struct buf out = {0};
		struct span line;
		buf_add_str(&out, "5 first\n");
		size_t begin = frame_begin(&out);
		buf_add(&out, payload, lens[i]);
		frame_end(&out, begin);
		buf_add_str(&out, "4 last\n");

		struct span in = {buf_head(&out), buf_len(&out)};
		frame_init(&f, FRAME_LINE_MAX, false);
		assert_int_equal(frame_next(&f, &in, &line), FRAME_LINE);
		assert_int_equal(frame_next(&f, &in, &line), FRAME_LINE);
		assert_int_equal(line.len, lens[i]);
		assert_memory_equal(line.p, payload, lens[i]);
		assert_int_equal(frame_next(&f, &in, &line), FRAME_LINE);
		assert_true(span_is(line, "last"));
		assert_int_equal(in.len, 0);
		frame_fini(&f);
		buf_free(&out);
	}
}

static void
writes_the_exact_bytes_of_a_frame(void **state)
{
	struct buf out = {0};

	(void)state;

	size_t begin = frame_begin(&out);
	buf_add_str(&out, "hello");
	frame_end(&out, begin);

	assert_int_equal(buf_len(&out), 8);
	assert_memory_equal(buf_head(&out), "5 hello\n", 8);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(reads_framed_lines_whatever_their_payload),
	    TEST(refuses_a_length_that_is_not_one_to_max_in_plain_decimal),
	    TEST(refuses_a_frame_without_its_lf),
	    TEST(reads_bare_lines_and_ignores_empty_ones),
	    TEST(refuses_a_bare_line_as_soon_as_it_is_above_the_maximum),
	    TEST(strips_telnet_from_bare_lines_only),
	    TEST(bounds_what_it_strips_like_what_it_keeps),
	    TEST(tells_the_first_bytes_of_other_protocols),
	    TEST(any_cutting_of_the_bytes_gives_the_same),
	    TEST(whole_lines_are_given_where_they_lie),
	    TEST(a_claimed_length_costs_nothing_before_its_payload_comes),
	    TEST(keeps_no_more_memory_than_the_maximum_and_a_constant),
	    TEST(gives_a_long_lines_memory_back_with_the_next_one),
	    TEST(a_new_maximum_holds_from_the_next_line_on),
	    TEST(is_partial_between_the_first_byte_of_a_line_and_its_end),
	    TEST(writes_what_it_reads),
	    TEST(writes_the_exact_bytes_of_a_frame),
	};

	return RUN(tests);
}
