/* SPDX-License-Identifier: ISC */
#ifndef SNUG_BASE_TEXT_H
#define SNUG_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"

/* Some bytes that belong to somebody else; not terminated. */
struct span {
	const char *p;
	size_t len;
};

#define SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})
#define SPAN_NONE ((struct span){NULL, 0})
/* For printf's "%.*s". */
#define SPAN_ARG(s) (int)(s).len, (s).p ? (s).p : ""

static inline struct span
span_of(const char *s)
{
	return (struct span){s, s ? strlen(s) : 0};
}

static inline bool
span_eq(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static inline bool
span_is(struct span a, const char *s)
{
	return span_eq(a, span_of(s));
}

/* ASCII case-insensitive. */
bool span_is_nocase(struct span a, const char *s);

/* Copies a into dst (cap bytes, cap > a.len) and terminates it. */
void span_copy(char *dst, size_t cap, struct span a);

enum text_err {
	TEXT_EUTF8 = 1, /* ill-formed UTF-8 */
	TEXT_ECONTROL,  /* C0, DEL or C1 (TAB is judged by the caller) */
	TEXT_ENONCHAR,  /* U+FDD0..FDEF, U+xxFFFE, U+xxFFFF */
};

/*
 * Is this text a line may carry: well-formed UTF-8 (Unicode 15, table 3-7),
 * no control character but TAB, no noncharacter?
 *
 *   bad_at  given, may be NULL: offset of the first offending byte on error
 *
 * Returns 0 or the negative text_err of the first offence.
 */
int text_check(const char *s, size_t len, size_t *bad_at) MUST_CHECK;
const char *text_strerror(int err);

/*
 * One code point from s (at most len bytes, len > 0), strictly.
 * Returns its length in bytes and sets *cp, or -TEXT_EUTF8.
 */
int text_decode(const char *s, size_t len, uint32_t *cp);

/* Length in bytes of the first grapheme cluster (UAX 29, extended) of
 * well-formed s; 0 only if len is 0. */
size_t text_cluster(const char *s, size_t len);
size_t text_count_clusters(const char *s, size_t len);

/* Are all bytes in 0x21..0x7e (and there is at least one)? */
bool text_is_visible_ascii(struct span s);

/*
 * Writes s so that it can do no harm in a log or on a terminal: everything but
 * printable ASCII becomes \xNN, a backslash \\, and a quote \", so that it
 * cannot end what stands in quotes.  Always terminates; cuts with "..." where
 * cap (at least 8) is too small.  Gives dst back.
 */
char *text_escape(char *dst, size_t cap, struct span s);

/* Decimal, no sign, no leading zero, at most max.  False: *v untouched. */
bool text_u64(struct span s, uint64_t max, uint64_t *v) MUST_CHECK;

/* The same number as text, not terminated; gives its length.  Ids and lengths
 * are written for every message: this is several times faster than printf. */
enum { TEXT_U64_MAX = 20 };
size_t text_put_u64(char out[static TEXT_U64_MAX], uint64_t v);

/* Shell pattern with * and ? only (by code point), both sides already folded.
 * Linear in pattern times name; no recursion. */
bool text_glob(struct span pattern, struct span name);

/* Optimal string alignment distance (Damerau-Levenshtein without repeats) of
 * two ASCII words, case ignored; SIZE_MAX if either is over 32 bytes. */
size_t text_distance(struct span a, struct span b);

/* Splits at the first SP: gives the part before it, *rest becomes what is
 * behind it (empty if there is none). */
struct span text_word(struct span *rest);

#endif
