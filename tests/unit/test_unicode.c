/* SPDX-License-Identifier: ISC */
/*
 * base/text.c against what others wrote to test UTF-8 decoders and Unicode's
 * own test of grapheme clusters.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "base/text.h"
#include "tests/unit/testdata.h"

/* By text_decode(), from end to end. */
static bool
is_well_formed(struct span s)
{
	for (size_t i = 0; i < s.len;) {
		uint32_t cp;
		int n = text_decode(s.p + i, s.len - i, &cp);
		if (n < 0)
			return false;
		i += (size_t)n;
	}
	return true;
}

/* By utf8proc. */
static bool
others_say_well_formed(struct span s)
{
	for (size_t i = 0; i < s.len;) {
		int32_t cp;
		utf8proc_ssize_t n = utf8proc_iterate((const uint8_t *)s.p + i,
		    (utf8proc_ssize_t)(s.len - i), &cp);
		if (n < 1)
			return false;
		i += (size_t)n;
	}
	return true;
}

/* text_check() tells UTF-8 apart from the rest: it may name a control or a
 * noncharacter first, but never calls ill-formed what is not. */
static void
assert_verdict(struct span s, bool well_formed, const char *where)
{
	size_t at = 0;
	int err = text_check(s.p, s.len, &at);

	if (is_well_formed(s) != well_formed)
		fail_msg(
		    "%s is %sill-formed", where, well_formed ? "" : "not ");
	if (well_formed && err == -TEXT_EUTF8)
		fail_msg("%s is called ill-formed", where);
	if (!well_formed && err == 0)
		fail_msg("%s is let through", where);
	if (err)
		assert_true(at < s.len);
}

static void
the_stress_test_of_2015_is_judged_as_utf8proc_does(void **state)
{
	struct buf file = testdata_read("utf8-kuhn-2015.txt");
	struct span rest = {buf_head(&file), buf_len(&file)}, line;
	size_t n = 0, ill = 0;

	(void)state;

	while (testdata_line(&rest, &line)) {
		char where[32];
		bool good = others_say_well_formed(line);
		snprintf(where, sizeof(where), "line %zu", ++n);
		assert_verdict(line, good, where);
		ill += !good;
	}

	assert_int_equal(n, 300);
	assert_int_equal(ill, 68);
	buf_free(&file);
}

/* "num:valid:text", "num:valid hex:XX", "num:invalid hex:XX:...:..." */
static bool
read_case(struct span line, bool *valid, struct buf *bytes)
{
	const char *colon = line.len ? memchr(line.p, ':', line.len) : NULL;

	if (!colon || line.p[0] == '#')
		return false;
	struct span kind = {colon + 1, line.len - (size_t)(colon + 1 - line.p)};
	colon = kind.len ? memchr(kind.p, ':', kind.len) : NULL;
	if (!colon)
		return false;
	struct span value = {
	    colon + 1, kind.len - (size_t)(colon + 1 - kind.p)};
	kind.len = (size_t)(colon - kind.p);
	if (kind.p[0] == ' ')
		(void)text_word(&kind);
	*valid = !span_is(kind, "invalid hex");
	if (span_is(kind, "valid")) {
		buf_add(bytes, value.p, value.len);
		return true;
	}
	assert_true(!*valid || span_is(kind, "valid hex"));
	colon = memchr(value.p, ':', value.len);
	if (colon)
		value.len = (size_t)(colon - value.p);
	testdata_unhex(bytes, value);
	return true;
}

static void
the_cases_of_utf8tests_get_their_verdicts(void **state)
{
	struct buf file = testdata_read("utf8tests.txt");
	struct span rest = {buf_head(&file), buf_len(&file)}, line;
	size_t good = 0, bad = 0;

	(void)state;

	while (testdata_line(&rest, &line)) {
		struct buf bytes = {0};
		char where[32];
		bool valid;
		if (read_case(line, &valid, &bytes)) {
			span_copy(where, sizeof(where),
			    (struct span){line.p, strcspn(line.p, ":")});
			assert_verdict(
			    (struct span){buf_head(&bytes), buf_len(&bytes)},
			    valid, where);
			*(valid ? &good : &bad) += 1;
		}
		buf_free(&bytes);
	}

	assert_int_equal(good, 77);
	assert_int_equal(bad, 145);
	buf_free(&file);
}

/* "÷ 0020 × 0308 ÷ 0020 ÷	# ..." */
static void
check_breaks(struct span line)
{
	struct buf s = {0};
	size_t ends[64], nends = 0, at = 0;

	while (line.len > 0) {
		struct span word = text_word(&line);
		if (span_is(word, "\u00f7") && buf_len(&s) > 0)
			ends[nends++] = buf_len(&s);
		if (word.len < 4)
			continue;
		char hex[9], bytes[4];
		span_copy(hex, sizeof(hex), word);
		utf8proc_ssize_t n = utf8proc_encode_char(
		    (int32_t)strtol(hex, NULL, 16), (uint8_t *)bytes);
		buf_add(&s, bytes, (size_t)n);
	}
	assert_int_equal(text_count_clusters(buf_head(&s), buf_len(&s)), nends);
	for (size_t i = 0; i < nends; i++) {
		at += text_cluster(buf_head(&s) + at, buf_len(&s) - at);
		assert_int_equal(at, ends[i]);
	}
	buf_free(&s);
}

static void
clusters_break_where_unicode_says(void **state)
{
	struct buf file = testdata_read("GraphemeBreakTest-15.0.txt");
	struct span rest = {buf_head(&file), buf_len(&file)}, line;
	size_t n = 0;

	(void)state;

	while (testdata_line(&rest, &line)) {
		const char *tab = memchr(line.p, '\t', line.len);
		if (line.len == 0 || line.p[0] == '#' || !tab)
			continue;
		line.len = (size_t)(tab - line.p);
		check_breaks(line);
		n++;
	}

	assert_int_equal(n, 602);
	buf_free(&file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_stress_test_of_2015_is_judged_as_utf8proc_does),
	    TEST(the_cases_of_utf8tests_get_their_verdicts),
	    TEST(clusters_break_where_unicode_says),
	};

	return testdata_is_there() ? RUN(tests) : 0;
}
