/* SPDX-License-Identifier: ISC */
/*
 * base/names.c against the rules of the protocol's section 3 said a second
 * time, over whole arrays of code points and with utf8proc's ready-made
 * mappings.  The input is a name.
 */
#include <stdbool.h>
#include <string.h>

#include <utf8proc.h>

#include "base/names.h"
#include "tests/fuzz/fuzz.h"

/* Code points of well-formed s; -1 if it is not. */
static int
decode(const char *s, size_t len, int32_t *points)
{
	int n = 0;

	for (size_t i = 0; i < len; n++) {
		utf8proc_ssize_t k = utf8proc_iterate((const uint8_t *)s + i,
		    (utf8proc_ssize_t)(len - i), &points[n]);
		if (k < 1)
			return -1;
		i += (size_t)k;
	}
	return n;
}

static bool
is_letter(int32_t cp)
{
	return utf8proc_category_string(cp)[0] == 'L';
}

static bool
is_mark(int32_t cp)
{
	return utf8proc_category_string(cp)[0] == 'M';
}

static bool
is_digit(int32_t cp)
{
	return strcmp(utf8proc_category_string(cp), "Nd") == 0;
}

/* What no name has although it is a letter or a mark: by block, since the
 * tables of utf8proc are what is under test. */
static bool
is_hidden(int32_t cp)
{
	static const int32_t ranges[][2] = {{0x34f, 0x34f}, {0x35c, 0x362},
	    {0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f},
	    {0x1dcd, 0x1dcd}, {0x1dfc, 0x1dfc}, {0x3164, 0x3164},
	    {0xfe00, 0xfe0f}, {0xffa0, 0xffa0}, {0xe0100, 0xe01ef}};

	for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
		if (cp >= ranges[i][0] && cp <= ranges[i][1])
			return true;
	return false;
}

static bool
is_latin(int32_t cp)
{
	return cp <= 0x24f || (cp >= 0x1e00 && cp <= 0x1eff);
}

/* Runs of decimal digits counted from below, ten to a set. */
static int32_t
set_of(int32_t digit)
{
	int32_t start = digit;

	while (is_digit(start - 1))
		start--;
	return start + (digit - start) / 10 * 10;
}

static bool
is_dotted(int32_t cp)
{
	return cp == 'i' || cp == 'j' || cp == 0x131 || cp == 0x237;
}

/* Each rule by itself, over the whole name. */
static bool
obeys(const int32_t *p, int n)
{
	bool ascii = false, foreign = false;
	int32_t set = -1;

	if (n < 1 || (!is_letter(p[0]) && !is_digit(p[0])))
		return false;
	for (int i = 0; i < n; i++) {
		if (is_hidden(p[i]))
			return false;
		if (!is_letter(p[i]) && !is_mark(p[i]) && !is_digit(p[i]) &&
		    p[i] != '-' && p[i] != '_' && p[i] != '.')
			return false;
		if (is_letter(p[i]) && p[i] < 0x80)
			ascii = true;
		if (is_letter(p[i]) && !is_latin(p[i]))
			foreign = true;
		if (is_digit(p[i]) && set >= 0 && set != set_of(p[i]))
			return false;
		if (is_digit(p[i]))
			set = set_of(p[i]);
		if (!is_mark(p[i]))
			continue;
		if (!is_letter(p[i - 1]) && !is_mark(p[i - 1]))
			return false;
		if (i >= 3 && is_mark(p[i - 1]) && is_mark(p[i - 2]))
			return false;
		if (p[i] == 0x307 && is_dotted(p[i - 1]))
			return false;
	}
	return !(ascii && foreign);
}

static int
count_clusters(const int32_t *p, int n)
{
	utf8proc_int32_t state = 0;
	int count = n > 0;

	for (int i = 1; i < n; i++)
		count +=
		    utf8proc_grapheme_break_stateful(p[i - 1], p[i], &state);
	return count;
}

static bool
fits(const char *s, const int32_t *p, int n)
{
	return strlen(s) <= NAME_BYTES_MAX &&
	       count_clusters(p, n) <= NAME_CLUSTERS_MAX;
}

/* U+0130 becomes i before anything else. */
static void
without_dotted_capital(const char *s, char *out)
{
	while (*s)
		if (strncmp(s, "\xc4\xb0", 2) == 0) {
			*out++ = 'i';
			s += 2;
		} else {
			*out++ = *s++;
		}
	*out = '\0';
}

/* The fold as utf8proc gives it, or NULL: not a name. */
static char *
expected_fold(const char *raw)
{
	int32_t points[4096];
	char plain[NAME_BYTES_MAX + 1];
	int n = decode(raw, strlen(raw), points);

	if (n < 0 || !obeys(points, n) || !fits(raw, points, n))
		return NULL;
	char *same = (char *)utf8proc_NFKC((const uint8_t *)raw);
	MUST(same != NULL);
	bool is_same = strcmp(same, raw) == 0;
	free(same);
	if (!is_same)
		return NULL;
	without_dotted_capital(raw, plain);
	char *fold = (char *)utf8proc_NFKC_Casefold((const uint8_t *)plain);
	MUST(fold != NULL);
	n = decode(fold, strlen(fold), points);
	MUST(n >= 0);
	if (obeys(points, n) && fits(fold, points, n))
		return fold;
	free(fold);
	return NULL;
}

/* Of what is no fold, which Redis may hand on, it is only never longer. */
static void
fuzz_skeleton(const char *text, bool is_fold)
{
	char once[NAME_BYTES_MAX + 1], twice[NAME_BYTES_MAX + 1];
	struct name name;

	name_skeleton(text, once);
	MUST(strlen(once) <= strlen(text));
	if (!is_fold || name_check(span_of(once), false, &name) != 0 ||
	    strcmp(name.fold, once) != 0)
		return;
	name_skeleton(once, twice);
	MUST(strcmp(once, twice) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span raw = {(const char *)data, size};
	struct name name = {"s", "f"}, again, ascii;
	char text[NAME_BYTES_MAX + 1];

	int err = name_check(raw, false, &name);
	MUST(err <= 0 && strcmp(name_strerror(err), "unknown error") != 0);
	MUST(err == 0 ||
	     (strcmp(name.shown, "s") == 0 && strcmp(name.fold, "f") == 0));
	/* In ASCII mode the same, or refused for not being ASCII. */
	int err_ascii = name_check(raw, true, &ascii);
	MUST(err_ascii == err || err_ascii == -NAME_EASCII);
	if (size > NAME_BYTES_MAX || size == 0 || memchr(data, 0, size)) {
		MUST(err != 0);
		return 0;
	}
	span_copy(text, sizeof(text), raw);
	fuzz_skeleton(text, false);
	char *fold = expected_fold(text);
	MUST((err == 0) == (fold != NULL));
	if (err == 0) {
		MUST(strcmp(name.shown, text) == 0);
		MUST(strcmp(name.fold, fold) == 0);
		fuzz_skeleton(fold, true);
		MUST(name_check(span_of(fold), false, &again) == 0);
		MUST(strcmp(again.fold, fold) == 0);
		MUST(!name_is_guest(fold) || strlen(fold) == 14);
	}
	free(fold);
	return 0;
}
