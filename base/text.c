/* SPDX-License-Identifier: ISC */
/*
 * Judging, counting and quoting text that comes from anybody.
 *
 * Every line that is read passes text_check(), most of them plain ASCII; so
 * that runs over eight bytes at a time and looks closer only where one of the
 * eight is no printable ASCII.  Clusters are utf8proc's (UAX 29, Unicode 15);
 * UTF-8 itself is read here, after table 3-7 of the Unicode standard, because
 * utf8proc passes noncharacters and reports no place.
 *
 * Nothing here allocates, and nothing repairs.
 */
#include "base/text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include <utf8proc.h>

enum { DISTANCE_MAX = 32 }; /* bytes of a word for text_distance() */

static unsigned char
byte_at(const char *s, size_t i)
{
	return (unsigned char)s[i];
}

static bool
is_printable_ascii(unsigned char c)
{
	return c >= 0x20 && c < 0x7f;
}

static unsigned char
ascii_lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
}

bool
span_is_nocase(struct span a, const char *s)
{
	size_t i = 0;

	for (; i < a.len && s[i] != '\0'; i++)
		if (ascii_lower(byte_at(a.p, i)) != ascii_lower(byte_at(s, i)))
			return false;
	return i == a.len && s[i] == '\0';
}

void
span_copy(char *dst, size_t cap, struct span a)
{
	assert(cap > a.len);
	if (a.len > 0)
		memcpy(dst, a.p, a.len);
	dst[a.len] = '\0';
}

/*
 * What a lead byte asks for: how many bytes in all, the bits it brings, and
 * the range of the second byte, which is where overlongs, surrogates and what
 * lies above U+10FFFF are shut out.
 */
struct lead {
	unsigned char first, last; /* lead bytes of this row */
	unsigned char len, bits;   /* mask of the lead's own bits */
	unsigned char low, high;   /* second byte, inclusive */
};

static const struct lead leads[] = {
    {0xc2, 0xdf, 2, 0x1f, 0x80, 0xbf},
    {0xe0, 0xe0, 3, 0x0f, 0xa0, 0xbf},
    {0xe1, 0xec, 3, 0x0f, 0x80, 0xbf},
    {0xed, 0xed, 3, 0x0f, 0x80, 0x9f},
    {0xee, 0xef, 3, 0x0f, 0x80, 0xbf},
    {0xf0, 0xf0, 4, 0x07, 0x90, 0xbf},
    {0xf1, 0xf3, 4, 0x07, 0x80, 0xbf},
    {0xf4, 0xf4, 4, 0x07, 0x80, 0x8f},
};

static const struct lead *
find_lead(unsigned char c)
{
	for (size_t i = 0; i < ARRAY_LEN(leads); i++)
		if (c >= leads[i].first && c <= leads[i].last)
			return &leads[i];
	return NULL;
}

int
text_decode(const char *s, size_t len, uint32_t *cp)
{
	unsigned char c = byte_at(s, 0);

	if (c < 0x80) {
		*cp = c;
		return 1;
	}
	const struct lead *lead = find_lead(c);
	if (!lead || lead->len > len)
		return -TEXT_EUTF8;
	unsigned char second = byte_at(s, 1);
	if (second < lead->low || second > lead->high)
		return -TEXT_EUTF8;
	uint32_t v = (uint32_t)(c & lead->bits) << 6 | (second & 0x3f);
	for (size_t i = 2; i < lead->len; i++) {
		if ((byte_at(s, i) & 0xc0) != 0x80)
			return -TEXT_EUTF8;
		v = v << 6 | (byte_at(s, i) & 0x3f);
	}
	*cp = v;
	return lead->len;
}

static bool
is_control(uint32_t cp)
{
	return (cp < 0x20 && cp != '\t') || (cp >= 0x7f && cp < 0xa0);
}

static bool
is_noncharacter(uint32_t cp)
{
	return (cp >= 0xfdd0 && cp <= 0xfdef) || (cp & 0xfffe) == 0xfffe;
}

/*
 * Are eight bytes printable ASCII?  In each byte of a word: below 0x20, equal
 * to 0x7f, or the top bit set.  A borrow may also mark a good byte behind a bad
 * one; that word is looked at closely anyway.
 */
static bool
is_plain(const char *s)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t w;

	memcpy(&w, s, 8);
	uint64_t del = w ^ ones * 0x7f;
	return ((w | (w - ones * 0x20) | (del - ones)) & ones * 0x80) == 0;
}

/* How many bytes from s on are seen to be such in eights; the last eight may
 * overlap those before. */
static size_t
skip_plain(const char *s, size_t len)
{
	size_t i = 0;

	while (len - i >= 8 && is_plain(s + i))
		i += 8;
	if (len >= 8 && len - i < 8 && is_plain(s + len - 8))
		return len;
	return i;
}

/* The code point at s: its length, or a negative text_err. */
static int
check_one(const char *s, size_t len)
{
	uint32_t cp;
	int n = text_decode(s, len, &cp);

	if (n < 0)
		return n;
	if (is_control(cp))
		return -TEXT_ECONTROL;
	if (is_noncharacter(cp))
		return -TEXT_ENONCHAR;
	return n;
}

int
text_check(const char *s, size_t len, size_t *bad_at)
{
	for (size_t i = 0; i < len;) {
		i += skip_plain(s + i, len - i);
		/* Up to eight code points singly, before eights are tried
		 * again: text in other scripts has few of them. */
		for (unsigned k = 0; k < 8 && i < len; k++) {
			int n = check_one(s + i, len - i);
			if (n < 0) {
				if (bad_at)
					*bad_at = i;
				return n;
			}
			i += (size_t)n;
		}
	}
	return 0;
}

const char *
text_strerror(int err)
{
	static const char *const words[] = {
	    [0] = "no error",
	    [TEXT_EUTF8] = "not valid UTF-8; set your terminal to UTF-8",
	    [TEXT_ECONTROL] = "a control character; only TAB may be in a text",
	    [TEXT_ENONCHAR] = "a code point that is no character",
	};
	size_t i = (size_t)abs(err);

	return i < ARRAY_LEN(words) ? words[i] : "unknown error";
}

/* As text_decode(), but never stuck on what the caller did not check. */
static size_t
step(const char *s, size_t len, uint32_t *cp)
{
	int n = text_decode(s, len, cp);

	if (n > 0)
		return (size_t)n;
	*cp = 0xfffd;
	return 1;
}

size_t
text_cluster(const char *s, size_t len)
{
	if (len < 2)
		return len;
	/* In ASCII only CR LF is a cluster of two. */
	if (byte_at(s, 0) != '\r' && ((s[0] | s[1]) & 0x80) == 0)
		return 1;

	utf8proc_int32_t state = 0;
	uint32_t prev, next;
	size_t at = step(s, len, &prev);
	while (at < len) {
		size_t n = step(s + at, len - at, &next);
		if (utf8proc_grapheme_break_stateful(
			(int32_t)prev, (int32_t)next, &state))
			break;
		prev = next;
		at += n;
	}
	return at;
}

size_t
text_count_clusters(const char *s, size_t len)
{
	size_t count = 0;

	for (size_t at = 0; at < len; count++)
		at += text_cluster(s + at, len - at);
	return count;
}

bool
text_is_visible_ascii(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (byte_at(s.p, i) == ' ' ||
		    !is_printable_ascii(byte_at(s.p, i)))
			return false;
	return s.len > 0;
}

/* One byte as text_escape() writes it; gives the number of characters. */
static size_t
escape_byte(char out[static 5], unsigned char c)
{
	if (c == '\\' || c == '"')
		return (size_t)snprintf(out, 5, "\\%c", c);
	if (is_printable_ascii(c))
		return (size_t)snprintf(out, 5, "%c", c);
	return (size_t)snprintf(out, 5, "\\x%02x", c);
}

char *
text_escape(char *dst, size_t cap, struct span s)
{
	size_t at = 0;
	size_t cut = 0; /* last place that leaves room for the dots */

	assert(cap >= 8);
	for (size_t i = 0; i < s.len; i++) {
		char e[5];
		size_t n = escape_byte(e, byte_at(s.p, i));
		if (at + n >= cap) {
			memcpy(dst + cut, "...", 4);
			return dst;
		}
		memcpy(dst + at, e, n);
		at += n;
		if (at + 4 <= cap)
			cut = at;
	}
	dst[at] = '\0';
	return dst;
}

bool
text_u64(struct span s, uint64_t max, uint64_t *v)
{
	uint64_t sum = 0;

	if (s.len == 0 || (s.p[0] == '0' && s.len > 1))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = (unsigned)(byte_at(s.p, i) - '0');
		if (digit > 9 || sum > (UINT64_MAX - digit) / 10)
			return false;
		sum = sum * 10 + digit;
	}
	if (sum > max)
		return false;
	*v = sum;
	return true;
}

static size_t
count_digits(uint64_t v)
{
	size_t n = 1;

	for (; v >= 1000; v /= 1000)
		n += 3;
	return n + (v >= 10) + (v >= 100);
}

size_t
text_put_u64(char out[static TEXT_U64_MAX], uint64_t v)
{
	/* Two at a time: half the divisions. */
	static const char pairs[] = "00010203040506070809"
				    "10111213141516171819"
				    "20212223242526272829"
				    "30313233343536373839"
				    "40414243444546474849"
				    "50515253545556575859"
				    "60616263646566676869"
				    "70717273747576777879"
				    "80818283848586878889"
				    "90919293949596979899";
	size_t n = count_digits(v);
	char *at = out + n;

	for (; v >= 100; v /= 100)
		memcpy(at -= 2, pairs + v % 100 * 2, 2);
	if (v >= 10)
		memcpy(out, pairs + v * 2, 2);
	else
		*out = (char)('0' + v);
	return n;
}

/*
 * The usual walk with one place to come back to: only the last star ever needs
 * to give way, so the work is bounded by pattern times name.
 */
bool
text_glob(struct span pattern, struct span name)
{
	size_t p = 0, n = 0;
	size_t star = SIZE_MAX, resume = 0;
	uint32_t cp;

	while (n < name.len) {
		char want = p < pattern.len ? pattern.p[p] : '\0';
		bool in_pattern = p < pattern.len;
		if (in_pattern && want == '*') {
			star = p++;
			resume = n;
		} else if (in_pattern && want == '?') {
			p++;
			n += step(name.p + n, name.len - n, &cp);
		} else if (in_pattern && want == name.p[n]) {
			p++;
			n++;
		} else if (star != SIZE_MAX) {
			resume += step(name.p + resume, name.len - resume, &cp);
			n = resume;
			p = star + 1;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.p[p] == '*')
		p++;
	return p == pattern.len;
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t
text_distance(struct span a, struct span b)
{
	/* The row before the last, the last, and the one in the making. */
	size_t rows[3][DISTANCE_MAX + 1];

	if (a.len > DISTANCE_MAX || b.len > DISTANCE_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b.len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t *row = rows[i % 3], *last = rows[(i + 2) % 3];
		const size_t *older = rows[(i + 1) % 3];
		unsigned char x = ascii_lower(byte_at(a.p, i - 1));
		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			unsigned char y = ascii_lower(byte_at(b.p, j - 1));
			row[j] = least(least(last[j], row[j - 1]) + 1,
			    last[j - 1] + (x != y));
			if (i > 1 && j > 1 && x != y &&
			    x == ascii_lower(byte_at(b.p, j - 2)) &&
			    y == ascii_lower(byte_at(a.p, i - 2)))
				row[j] = least(row[j], older[j - 2] + 1);
		}
	}
	return rows[a.len % 3][b.len];
}

struct span
text_word(struct span *rest)
{
	struct span word = *rest;
	const char *sp = rest->len ? memchr(rest->p, ' ', rest->len) : NULL;

	if (!sp) {
		if (rest->p)
			rest->p += rest->len;
		rest->len = 0;
		return word;
	}
	word.len = (size_t)(sp - rest->p);
	rest->p = sp + 1;
	rest->len -= word.len + 1;
	return word;
}
