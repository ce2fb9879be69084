/* SPDX-License-Identifier: ISC */
/* base/text.c: judging, counting and quoting text. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* clang-format off */
#define BYTES(literal) {literal, sizeof(literal) - 1}
/* clang-format on */

/* Judges the bytes at the end of memory of their own, behind `pad` letters, so
 * that each is met by the eight-at-a-time way and by the slow one. */
static int
check_padded(struct span s, size_t pad, size_t *bad_at)
{
	size_t len = pad + s.len;
	char *own = malloc(len ? len : 1);

	assert_non_null(own);
	memset(own, 'a', pad);
	if (s.len > 0)
		memcpy(own + pad, s.p, s.len);
	int err = text_check(own, len, bad_at);
	free(own);
	return err;
}

static void
accepts_well_formed_text_at_any_place(void **state)
{
	static const struct span good[] = {
	    BYTES(""),
	    BYTES(" !~"),
	    BYTES("\t"),
	    BYTES("\t\t\t\t\t\t\t\t\t"),
	    BYTES("plain ascii that is longer than eight bytes"),
	    BYTES("\xc2\xa0"),
	    BYTES("\xdf\xbf"),
	    BYTES("\xe0\xa0\x80"),
	    BYTES("\xed\x9f\xbf"),
	    BYTES("\xee\x80\x80"),
	    BYTES("\xef\xb7\x8f"),
	    BYTES("\xef\xb7\xb0"),
	    BYTES("\xef\xbf\xbd"),
	    BYTES("\xf0\x90\x80\x80"),
	    BYTES("\xf4\x8f\xbf\xbd"),
	    BYTES("\xe2\x80\xa8"),
	    BYTES("\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 mixed"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		for (size_t pad = 0; pad < 17; pad++)
			assert_int_equal(check_padded(good[i], pad, NULL), 0);
}

static void
refuses_each_kind_of_bad_text_and_says_where(void **state)
{
	static const struct {
		struct span s;
		size_t at;
		int err;
	} rows[] = {
	    /* control characters */
	    {BYTES("\0"), 0, TEXT_ECONTROL},
	    {BYTES("\n"), 0, TEXT_ECONTROL},
	    {BYTES("\r"), 0, TEXT_ECONTROL},
	    {BYTES("\x1b[31m"), 0, TEXT_ECONTROL},
	    {BYTES("\x1f"), 0, TEXT_ECONTROL},
	    {BYTES("ok\x7f"), 2, TEXT_ECONTROL},
	    {BYTES("\xc2\x80"), 0, TEXT_ECONTROL},
	    {BYTES("a\xc2\x9b"
		   "31m"),
		1, TEXT_ECONTROL},
	    {BYTES("\xc2\x9f"), 0, TEXT_ECONTROL},
	    /* no lead byte; overlongs */
	    {BYTES("\x80"), 0, TEXT_EUTF8},
	    {BYTES("\xbf"), 0, TEXT_EUTF8},
	    {BYTES("\xc0\xaf"), 0, TEXT_EUTF8},
	    {BYTES("\xc1\xbf"), 0, TEXT_EUTF8},
	    {BYTES("\xe0\x9f\xbf"), 0, TEXT_EUTF8},
	    {BYTES("\xf0\x8f\xbf\xbf"), 0, TEXT_EUTF8},
	    /* surrogates; above U+10FFFF */
	    {BYTES("\xed\xa0\x80"), 0, TEXT_EUTF8},
	    {BYTES("\xed\xbf\xbf"), 0, TEXT_EUTF8},
	    {BYTES("\xf4\x90\x80\x80"), 0, TEXT_EUTF8},
	    {BYTES("\xf5\x80\x80\x80"), 0, TEXT_EUTF8},
	    {BYTES("\xff"), 0, TEXT_EUTF8},
	    {BYTES("\xfe"), 0, TEXT_EUTF8},
	    /* cut */
	    {BYTES("ab\xc3"), 2, TEXT_EUTF8},
	    {BYTES("\xe2\x82"), 0, TEXT_EUTF8},
	    {BYTES("\xf0\x9f\x98"), 0, TEXT_EUTF8},
	    /* a wrong byte at each place */
	    {BYTES("\xc3x"), 0, TEXT_EUTF8},
	    {BYTES("\xe2x\xac"), 0, TEXT_EUTF8},
	    {BYTES("\xe2\x82x"), 0, TEXT_EUTF8},
	    {BYTES("\xf0\x9f\x98x"), 0, TEXT_EUTF8},
	    {BYTES("\xf0\x9fx\x80"), 0, TEXT_EUTF8},
	    /* noncharacters */
	    {BYTES("\xef\xb7\x90"), 0, TEXT_ENONCHAR},
	    {BYTES("\xef\xb7\xaf"), 0, TEXT_ENONCHAR},
	    {BYTES("\xef\xbf\xbe"), 0, TEXT_ENONCHAR},
	    {BYTES("\xef\xbf\xbf"), 0, TEXT_ENONCHAR},
	    {BYTES("\xf0\x9f\xbf\xbe"), 0, TEXT_ENONCHAR},
	    {BYTES("\xf4\x8f\xbf\xbf"), 0, TEXT_ENONCHAR},
	    /* the first offence is told */
	    {BYTES("\xc3\xa9\xff\x01"), 2, TEXT_EUTF8},
	    {BYTES("\xc3\xa9\x01\xff"), 2, TEXT_ECONTROL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t pad = 0; pad < 17; pad++) {
			size_t at = 99;
			assert_int_equal(
			    check_padded(rows[i].s, pad, &at), -rows[i].err);
			assert_int_equal(at, pad + rows[i].at);
			assert_int_equal(
			    check_padded(rows[i].s, pad, NULL), -rows[i].err);
		}
}

static void
judges_every_byte_in_every_eighth_alike(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 0x80; c++)
		for (size_t place = 0; place < 24; place++) {
			char s[24];
			memset(s, ' ', sizeof(s));
			s[place] = (char)c;
			bool good = (c >= 0x20 && c < 0x7f) || c == '\t';
			assert_int_equal(text_check(s, sizeof(s), NULL),
			    good ? 0 : -TEXT_ECONTROL);
		}
}

/* Encodes as the standard says; gives the length. */
static size_t
encode(uint32_t cp, char out[static 4])
{
	static const unsigned char marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t n = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;

	for (size_t i = n; i-- > 1; cp >>= 6)
		out[i] = (char)(0x80 | (cp & 0x3f));
	out[0] = (char)(n == 1 ? cp : marks[n] | cp);
	return n;
}

static void
decodes_every_code_point_but_surrogates(void **state)
{
	(void)state;
	for (uint32_t cp = 0; cp < 0x110000; cp++) {
		char s[4];
		uint32_t got = 0;
		size_t n = encode(cp, s);
		int len = text_decode(s, n, &got);
		if (cp >= 0xd800 && cp <= 0xdfff) {
			assert_int_equal(len, -TEXT_EUTF8);
			continue;
		}
		if (len != (int)n || got != cp)
			fail_msg("U+%04x: length %d, U+%04x", (unsigned)cp, len,
			    (unsigned)got);
		for (size_t cut = 1; cut < n; cut++)
			assert_int_equal(
			    text_decode(s, cut, &got), -TEXT_EUTF8);
	}
}

static void
counts_what_people_call_characters(void **state)
{
	static const struct {
		const char *s;
		size_t clusters, first;
	} rows[] = {
	    {"", 0, 0},
	    {"a", 1, 1},
	    {"abc", 3, 1},
	    {"\r\n", 1, 2},
	    {"\n\r", 2, 1},
	    {"e\xcc\x81x", 2, 3},
	    {"\xcc\x81", 1, 2},
	    /* a family of four, a flag, a keycap, a skin tone, Hangul */
	    {"\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d"
	     "\xf0\x9f\x91\xa7\xe2\x80\x8d\xf0\x9f\x91\xa6",
		1, 25},
	    {"\xf0\x9f\x87\xb0\xf0\x9f\x87\xb7\xf0\x9f\x87\xa9", 2, 8},
	    {"1\xef\xb8\x8f\xe2\x83\xa3", 1, 7},
	    {"\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd!", 2, 8},
	    {"\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", 1, 9},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t len = strlen(rows[i].s);
		assert_int_equal(
		    text_count_clusters(rows[i].s, len), rows[i].clusters);
		assert_int_equal(text_cluster(rows[i].s, len), rows[i].first);
	}
}

static void
counting_ends_on_ill_formed_bytes_too(void **state)
{
	(void)state;

	assert_int_equal(text_count_clusters("\xff\xff\xc3", 3), 3);
	assert_int_equal(text_cluster("\xf0\x9f", 2), 1);
}

static void
escapes_what_is_not_printable_ascii(void **state)
{
	char out[64];

	(void)state;

	assert_string_equal(
	    text_escape(out, sizeof(out), SPAN("a b~")), "a b~");
	assert_string_equal(text_escape(out, sizeof(out), SPAN("x\" id=\"y")),
	    "x\\\" id=\\\"y");
	assert_string_equal(
	    text_escape(out, sizeof(out), SPAN("\x1b[2J\\\0\xc3\xa9\x7f\n")),
	    "\\x1b[2J\\\\\\x00\\xc3\\xa9\\x7f\\x0a");
	assert_string_equal(text_escape(out, sizeof(out), SPAN_NONE), "");
}

static void
cuts_an_escaped_text_with_dots_and_never_overruns(void **state)
{
	static const struct {
		const char *in;
		size_t cap;
		const char *out;
	} rows[] = {
	    {"1234567", 8, "1234567"},
	    {"12345678", 8, "1234..."},
	    {"123456789", 8, "1234..."},
	    {"\x01\x01\x01", 8, "\\x01..."},
	    {"123\x01", 8, "123\\x01"},
	    {"1234\x01", 8, "1234..."},
	    {"\x01\x01\x01\x01", 16, "\\x01\\x01\\x01..."},
	    {"12\x01\x01", 8, "12..."},
	    {"\\\\\\\\", 8, "\\\\\\\\..."},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *out = malloc(rows[i].cap);
		assert_non_null(out);
		assert_string_equal(
		    text_escape(out, rows[i].cap, span_of(rows[i].in)),
		    rows[i].out);
		free(out);
	}
}

static void
reads_plain_decimals_up_to_a_maximum(void **state)
{
	uint64_t v = 7;

	(void)state;

	assert_true(text_u64(SPAN("0"), 0, &v));
	assert_int_equal(v, 0);
	assert_true(text_u64(SPAN("500"), 500, &v));
	assert_int_equal(v, 500);
	assert_true(text_u64(SPAN("18446744073709551615"), UINT64_MAX, &v));
	assert_true(v == UINT64_MAX);
}

static void
refuses_other_numbers_and_leaves_the_value_alone(void **state)
{
	static const char *const bad[] = {"", "00", "01", "+1", "-1", " 1",
	    "1 ", "1x", "0x1", "1.0", "501", "18446744073709551616",
	    "184467440737095516150", "99999999999999999999"};
	uint64_t v = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(
		    text_u64(span_of(bad[i]), i < 10 ? UINT64_MAX : 500, &v));
	assert_false(text_u64(SPAN("18446744073709551616"), UINT64_MAX, &v));
	assert_int_equal(v, 7);
}

static void
matches_stars_and_question_marks(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool match;
	} rows[] = {
	    {"", "", true},
	    {"", "a", false},
	    {"*", "", true},
	    {"*", "abc", true},
	    {"**", "abc", true},
	    {"?", "", false},
	    {"?", "a", true},
	    {"?", "ab", false},
	    {"a*", "abc", true},
	    {"a*", "ba", false},
	    {"*c", "abc", true},
	    {"*b*", "abc", true},
	    {"*b*", "acd", false},
	    {"a?c", "abc", true},
	    {"a*b*c", "a1b2b3c", true},
	    {"a*b*c", "a1b2b3", false},
	    {"*ab", "aab", true},
	    {"*aab", "aaaab", true},
	    {"a", "A", false},
	    {"[a]", "a", false},
	    {"[a]", "[a]", true},
	    {"?", "\xc3\xa9", true},
	    {"??", "\xc3\xa9", false},
	    {"*?", "\xe2\x82\xac", true},
	    {"?*?", "\xe2\x82\xac", false},
	    {"*\xc3\xa9", "x\xc3\xa9", true},
	    {"a**?", "ab", true},
	    {"a**?", "a", false},
	    {"*x", "x\xff", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (text_glob(span_of(rows[i].pattern),
			span_of(rows[i].name)) != rows[i].match)
			fail_msg("%s on %s", rows[i].pattern, rows[i].name);
}

static void
a_hostile_pattern_costs_no_more_than_pattern_times_name(void **state)
{
	char pattern[2000], name[2000];

	(void)state;
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = i % 2 ? 'a' : '*';
	pattern[sizeof(pattern) - 1] = 'b';
	memset(name, 'a', sizeof(name));

	/* Exponential, this would not come back. */
	assert_false(text_glob((struct span){pattern, sizeof(pattern)},
	    (struct span){name, sizeof(name)}));
}

static void
measures_how_far_two_words_are_apart(void **state)
{
	static const struct {
		const char *a, *b;
		size_t distance;
	} rows[] = {
	    {"", "", 0},
	    {"", "abc", 3},
	    {"abc", "", 3},
	    {"join", "JOIN", 0},
	    {"jion", "join", 1},
	    {"joni", "join", 1},
	    {"join", "joni", 1},
	    {"jon", "join", 1},
	    {"joinn", "join", 1},
	    {"jain", "join", 1},
	    {"kitten", "sitting", 3},
	    {"ca", "abc", 3},
	    {"ab", "ba", 1},
	    {"part", "topic", 5},
	    {"12345678901234567890123456789012",
		"12345678901234567890123456789012", 0},
	    {"123456789012345678901234567890123", "1", SIZE_MAX},
	    {"1", "123456789012345678901234567890123", SIZE_MAX},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_true(text_distance(span_of(rows[i].a),
				span_of(rows[i].b)) == rows[i].distance);
}

static void
splits_off_one_word_at_a_time(void **state)
{
	struct span rest = SPAN("one two  four");

	(void)state;

	assert_true(span_is(text_word(&rest), "one"));
	assert_true(span_is(text_word(&rest), "two"));
	assert_true(span_is(text_word(&rest), ""));
	assert_true(span_is(rest, "four"));
	assert_true(span_is(text_word(&rest), "four"));
	assert_int_equal(rest.len, 0);
	assert_int_equal(text_word(&rest).len, 0);
	rest = SPAN_NONE;
	assert_null(text_word(&rest).p);
	assert_null(rest.p);
}

static void
compares_and_copies_spans(void **state)
{
	char copy[6];

	(void)state;

	assert_true(span_eq(SPAN_NONE, SPAN("")));
	assert_false(span_eq(SPAN("ab"), SPAN("abc")));
	assert_true(span_is(SPAN("ab"), "ab"));
	assert_true(span_is_nocase(SPAN("HeLLo"), "hEllO"));
	assert_false(span_is_nocase(SPAN("hell"), "hello"));
	assert_false(span_is_nocase(SPAN("hello"), "hell"));
	/* '@' and '`' are 32 apart like letters, but no letters. */
	assert_false(span_is_nocase(SPAN("@"), "`"));
	assert_int_equal(span_of(NULL).len, 0);
	span_copy(copy, sizeof(copy), SPAN("hello"));
	assert_string_equal(copy, "hello");
	span_copy(copy, sizeof(copy), SPAN_NONE);
	assert_string_equal(copy, "");
}

static void
visible_ascii_has_neither_spaces_nor_controls(void **state)
{
	(void)state;

	assert_true(text_is_visible_ascii(SPAN("!~aZ09#@")));
	assert_false(text_is_visible_ascii(SPAN("")));
	assert_false(text_is_visible_ascii(SPAN("a b")));
	assert_false(text_is_visible_ascii(SPAN("a\t")));
	assert_false(text_is_visible_ascii(SPAN("\x7f")));
	assert_false(text_is_visible_ascii(SPAN("\xc3\xa9")));
	assert_false(text_is_visible_ascii(SPAN("a\0")));
}

static void
every_error_has_words_of_its_own(void **state)
{
	(void)state;

	for (int a = 0; a <= TEXT_ENONCHAR; a++) {
		assert_ptr_equal(text_strerror(a), text_strerror(-a));
		for (int b = 0; b < a; b++)
			assert_string_not_equal(
			    text_strerror(a), text_strerror(b));
	}
	assert_string_equal(text_strerror(-99), "unknown error");
}

static void
numbers_are_written_as_printf_would(void **state)
{
	uint64_t v = 0;

	(void)state;
	for (unsigned power = 0; power <= 20; power++) {
		const uint64_t near[] = {v - 1, v, v + 1, v * 9};

		for (size_t i = 0; i < ARRAY_LEN(near); i++) {
			char out[TEXT_U64_MAX + 1], want[TEXT_U64_MAX + 1];
			int len = snprintf(want, sizeof want, "%llu",
			    (unsigned long long)near[i]);

			out[TEXT_U64_MAX] = '!';
			assert_int_equal(text_put_u64(out, near[i]), len);
			assert_memory_equal(out, want, (size_t)len);
			assert_int_equal(out[TEXT_U64_MAX], '!');
		}
		v = v ? v * 10 : 1;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(numbers_are_written_as_printf_would),
	    TEST(accepts_well_formed_text_at_any_place),
	    TEST(refuses_each_kind_of_bad_text_and_says_where),
	    TEST(judges_every_byte_in_every_eighth_alike),
	    TEST(decodes_every_code_point_but_surrogates),
	    TEST(counts_what_people_call_characters),
	    TEST(counting_ends_on_ill_formed_bytes_too),
	    TEST(escapes_what_is_not_printable_ascii),
	    TEST(cuts_an_escaped_text_with_dots_and_never_overruns),
	    TEST(reads_plain_decimals_up_to_a_maximum),
	    TEST(refuses_other_numbers_and_leaves_the_value_alone),
	    TEST(matches_stars_and_question_marks),
	    TEST(a_hostile_pattern_costs_no_more_than_pattern_times_name),
	    TEST(measures_how_far_two_words_are_apart),
	    TEST(splits_off_one_word_at_a_time),
	    TEST(compares_and_copies_spans),
	    TEST(visible_ascii_has_neither_spaces_nor_controls),
	    TEST(every_error_has_words_of_its_own),
	};

	return RUN(tests);
}
