/* SPDX-License-Identifier: ISC */
/*
 * base/text.c against utf8proc and against plain, slow ways to say the same.
 *
 * Input: a byte that chooses the function, then its bytes; two words are cut at
 * the first LF.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include <utf8proc.h>

#include "base/text.h"
#include "tests/fuzz/fuzz.h"

/* The verdict on the code point at i, and its length. */
static int
verdict(struct span s, size_t i, size_t *len)
{
	int32_t cp;
	utf8proc_ssize_t n = utf8proc_iterate(
	    (const uint8_t *)s.p + i, (utf8proc_ssize_t)(s.len - i), &cp);

	if (n < 1)
		return -TEXT_EUTF8;
	*len = (size_t)n;
	if (utf8proc_category(cp) == UTF8PROC_CATEGORY_CC && cp != '\t')
		return -TEXT_ECONTROL;
	if ((cp & 0xfffe) == 0xfffe || (cp >= 0xfdd0 && cp <= 0xfdef))
		return -TEXT_ENONCHAR;
	return 0;
}

static void
fuzz_check(struct span s)
{
	size_t at = 0, n = 0, bad_at = SIZE_MAX;
	int want = 0;

	while (at < s.len && (want = verdict(s, at, &n)) == 0)
		at += n;
	MUST(text_check(s.p, s.len, &bad_at) == want);
	MUST(want == 0 ? bad_at == SIZE_MAX : bad_at == at);
	MUST(text_check(s.p, s.len, NULL) == want);
}

/* Where clusters end, by one run of utf8proc over the whole. */
static void
fuzz_clusters(struct span s)
{
	utf8proc_int32_t state = 0;
	int32_t prev = -1, cp;
	size_t end = 0, count = 0;

	for (size_t i = 0, n; i < s.len; i += n) {
		n = (size_t)utf8proc_iterate((const uint8_t *)s.p + i,
		    (utf8proc_ssize_t)(s.len - i), &cp);
		if (n > s.len)
			return; /* ill-formed: not promised */
		if (prev >= 0 &&
		    utf8proc_grapheme_break_stateful(prev, cp, &state)) {
			end += text_cluster(s.p + end, s.len - end);
			MUST(end == i);
			count++;
		}
		prev = cp;
	}
	MUST(text_count_clusters(s.p, s.len) == count + (s.len > 0));
}

/* Ends on anything, and takes all of it. */
static void
fuzz_any_clusters(struct span s)
{
	size_t at = 0, n = 0;

	for (; at < s.len; n++) {
		size_t len = text_cluster(s.p + at, s.len - at);
		MUST(len > 0 && len <= s.len - at);
		at += len;
	}
	MUST(text_count_clusters(s.p, s.len) == n);
}

static void
fuzz_escape(struct span s)
{
	size_t cap = s.len * 4 + 8;
	char *all = malloc(cap), *some = malloc(16), *back = malloc(s.len + 1);
	size_t n = 0;

	MUST(all && some && back);
	MUST(text_escape(all, cap, s) == all);
	for (const char *p = all; *p; n++) {
		MUST(*p >= 0x20 && *p < 0x7f && n < s.len);
		unsigned byte = (unsigned char)*p++;
		if (byte == '\\' && *p == 'x') {
			MUST(sscanf(p, "x%2x", &byte) == 1);
			p += 3;
		} else if (byte == '\\') {
			byte = (unsigned char)*p++;
			MUST(byte == '\\' || byte == '"');
		}
		back[n] = (char)byte;
	}
	MUST(n == s.len && (n == 0 || memcmp(back, s.p, n) == 0));

	text_escape(some, 16, s);
	size_t len = strlen(some);
	MUST(len < 16);
	if (strlen(all) < 16)
		MUST(strcmp(some, all) == 0);
	else
		MUST(strcmp(some + len - 3, "...") == 0 &&
		     strncmp(some, all, len - 3) == 0);
	free(all);
	free(some);
	free(back);
}

static void
fuzz_u64(struct span s)
{
	char text[64], canonical[64];
	uint64_t v = 4711;
	bool good = text_u64(s, UINT64_MAX, &v);

	MUST(good || v == 4711);
	if (good) {
		snprintf(canonical, sizeof(canonical), "%" PRIu64, v);
		MUST(span_is(s, canonical));
		MUST(v == 0 || !text_u64(s, v - 1, &v));
		MUST(text_u64(s, v, &v));
	} else if (s.len > 0 && s.len < 20) {
		/* Then it has a leading zero or no digit somewhere. */
		span_copy(text, sizeof(text), s);
		MUST((text[0] == '0' && s.len > 1) ||
		     strspn(text, "0123456789") < s.len);
	}
}

/* Matching by a table: may pattern[p..] match name[n..]?  Only ASCII, where a
 * code point is a byte. */
static bool
slow_glob(struct span pattern, struct span name)
{
	bool row[65] = {false}, next[65];

	row[name.len] = true;
	for (size_t p = pattern.len; p-- > 0;) {
		memset(next, 0, sizeof(next));
		for (size_t n = name.len + 1; n-- > 0;) {
			bool one = n < name.len && row[n + 1];
			if (pattern.p[p] == '*')
				next[n] =
				    row[n] || (n < name.len && next[n + 1]);
			else if (pattern.p[p] == '?')
				next[n] = one;
			else
				next[n] = one && pattern.p[p] == name.p[n];
		}
		memcpy(row, next, sizeof(row));
	}
	return row[0];
}

static bool
is_ascii(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

static struct span
cut_at_lf(struct span *s)
{
	const char *lf = s->len ? memchr(s->p, '\n', s->len) : NULL;
	struct span first = *s;

	if (!lf) {
		*s = SPAN_NONE;
		return first;
	}
	first.len = (size_t)(lf - s->p);
	*s = (struct span){lf + 1, s->len - first.len - 1};
	return first;
}

static void
fuzz_glob(struct span s)
{
	struct span pattern = cut_at_lf(&s);

	if (pattern.len > 64 || s.len > 64)
		return;
	bool match = text_glob(pattern, s);
	if (is_ascii(pattern) && is_ascii(s))
		MUST(match == slow_glob(pattern, s));
	if (!memchr(pattern.p ? pattern.p : "", '*', pattern.len) &&
	    !memchr(pattern.p ? pattern.p : "", '?', pattern.len))
		MUST(match == span_eq(pattern, s));
}

static unsigned char
lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* By the definition, over a whole table. */
static size_t
slow_distance(struct span a, struct span b)
{
	size_t d[33][33];

	for (size_t i = 0; i <= a.len; i++)
		for (size_t j = 0; j <= b.len; j++) {
			size_t best = i == 0 ? j : j == 0 ? i : SIZE_MAX;
			if (i > 0 && d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (j > 0 && d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			bool same = i > 0 && j > 0 &&
				    lower(a.p[i - 1]) == lower(b.p[j - 1]);
			if (i > 0 && j > 0 && d[i - 1][j - 1] + !same < best)
				best = d[i - 1][j - 1] + !same;
			if (i > 1 && j > 1 &&
			    lower(a.p[i - 1]) == lower(b.p[j - 2]) &&
			    lower(a.p[i - 2]) == lower(b.p[j - 1]) &&
			    d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	return d[a.len][b.len];
}

static void
fuzz_distance(struct span s)
{
	struct span a = cut_at_lf(&s);
	size_t d = text_distance(a, s);

	MUST(d == text_distance(s, a));
	if (a.len > 32 || s.len > 32)
		MUST(d == SIZE_MAX);
	else
		MUST(d == slow_distance(a, s));
}

/* The words and the spaces between them are the whole. */
static void
fuzz_spans(struct span s)
{
	struct span rest = s;
	size_t taken = 0;
	bool visible = s.len > 0;

	for (size_t i = 0; i < s.len; i++)
		visible = visible && s.p[i] > 0x20 && s.p[i] < 0x7f;
	MUST(text_is_visible_ascii(s) == visible);
	while (rest.len > 0) {
		struct span word = text_word(&rest);
		MUST(word.p == s.p + taken);
		MUST(word.len == 0 || !memchr(word.p, ' ', word.len));
		taken += word.len;
		MUST(taken == s.len || s.p[taken] == ' ');
		taken += taken < s.len ? 1 : 0;
	}
	MUST(taken == s.len);

	char *copy = malloc(s.len + 1);
	MUST(copy != NULL);
	span_copy(copy, s.len + 1, s);
	if (strlen(copy) == s.len) {
		MUST(span_is(s, copy) && span_is_nocase(s, copy));
		for (size_t i = 0; i < s.len; i++)
			copy[i] = (char)lower(copy[i]);
		MUST(span_is_nocase(s, copy));
	}
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const functions[])(struct span) = {fuzz_check,
	    fuzz_clusters, fuzz_any_clusters, fuzz_escape, fuzz_u64, fuzz_glob,
	    fuzz_distance, fuzz_spans};

	if (size < 1)
		return 0;
	functions[data[0] % ARRAY_LEN(functions)](
	    (struct span){(const char *)data + 1, size - 1});
	return 0;
}
