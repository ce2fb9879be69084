/* SPDX-License-Identifier: ISC */
/*
 * The sanitiser: bytes of anybody's become text that a terminal cannot be
 * harmed or misled by.
 *
 * Why not leave it to curses: it stops escape sequences, but sends bidi
 * overrides and zero-width characters on, drops joiners after they were
 * measured, and blanks what wcwidth() does not know, so its columns and ours
 * would part.  Here every code point is put, replaced or dropped by one rule,
 * in this order:
 *
 *	ill-formed bytes                U+FFFD for each maximal part
 *	TAB                             blanks
 *	C0, DEL                         their control pictures, U+2400..2421
 *	C1                              <9B>
 *	U+2028, U+2029                  a line break (SAFE_LINES), else a blank
 *	the table below                 dropped, or U+FFFD
 *	a regional indicator alone      U+FFFD (in pairs, flags, they stay)
 *	what wcwidth() does not know    U+FFFD
 *	marks                           three on a base; U+25CC under an orphan
 *
 * Dropping joiners and skin tones shows a family as its people and all thumbs
 * yellow, but old terminals and new ones then agree on every column.  The wire
 * and the log keep what was sent.
 *
 * wcwidth() is the C library's because curses measures with it; the locale
 * must be a UTF-8 one.  Nearly all text is printable ASCII, which is copied.
 */
#include "client/safe.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"

enum rule {
	RULE_DROP,   /* harmless once gone: joiners, variation selectors */
	RULE_HIDDEN, /* dropped, and the text is marked as odd */
	RULE_REPLACE /* U+FFFD */
};

/* Sorted by code point; what is not here is judged by its width. */
static const struct range {
	uint32_t first, last;
	enum rule rule;
} ranges[] = {
    {0x00ad, 0x00ad, RULE_HIDDEN},     /* soft hyphen */
    {0x034f, 0x034f, RULE_HIDDEN},     /* combining grapheme joiner */
    {0x0600, 0x0605, RULE_REPLACE},    /* Arabic number signs: prepended */
    {0x061c, 0x061c, RULE_HIDDEN},     /* Arabic letter mark */
    {0x06dd, 0x06dd, RULE_REPLACE},    /* end of ayah */
    {0x070f, 0x070f, RULE_HIDDEN},     /* Syriac abbreviation mark */
    {0x0890, 0x0891, RULE_REPLACE},    /* Arabic pound, piastre mark */
    {0x08e2, 0x08e2, RULE_REPLACE},    /* disputed end of ayah */
    {0x115f, 0x1160, RULE_HIDDEN},     /* Hangul fillers */
    {0x17b4, 0x17b5, RULE_HIDDEN},     /* Khmer inherent vowels */
    {0x180b, 0x180f, RULE_HIDDEN},     /* Mongolian selectors, separator */
    {0x200b, 0x200b, RULE_HIDDEN},     /* zero width space */
    {0x200c, 0x200d, RULE_DROP},       /* (non-)joiners: emoji, Persian */
    {0x200e, 0x200f, RULE_HIDDEN},     /* bidi marks */
    {0x202a, 0x202e, RULE_HIDDEN},     /* bidi embeddings, overrides */
    {0x2060, 0x206f, RULE_HIDDEN},     /* invisible operators, isolates */
    {0x3164, 0x3164, RULE_HIDDEN},     /* Hangul filler */
    {0xe000, 0xf8ff, RULE_REPLACE},    /* private use */
    {0xfdd0, 0xfdef, RULE_REPLACE},    /* noncharacters */
    {0xfe00, 0xfe0f, RULE_DROP},       /* variation selectors */
    {0xfeff, 0xfeff, RULE_HIDDEN},     /* byte order mark */
    {0xffa0, 0xffa0, RULE_HIDDEN},     /* halfwidth Hangul filler */
    {0xfff0, 0xfffb, RULE_HIDDEN},     /* interlinear annotation */
    {0xfffe, 0xffff, RULE_REPLACE},    /* noncharacters */
    {0x110bd, 0x110bd, RULE_REPLACE},  /* Kaithi number sign */
    {0x110cd, 0x110cd, RULE_REPLACE},  /* Kaithi number sign above */
    {0x13430, 0x1345f, RULE_HIDDEN},   /* Egyptian format controls */
    {0x1bca0, 0x1bca3, RULE_HIDDEN},   /* shorthand format controls */
    {0x1d173, 0x1d17a, RULE_HIDDEN},   /* musical beams and slurs */
    {0x1f3fb, 0x1f3ff, RULE_DROP},     /* skin tones */
    {0xe0000, 0xe0fff, RULE_HIDDEN},   /* tags, more selectors */
    {0xf0000, 0x10ffff, RULE_REPLACE}, /* private use */
};

enum {
	REPLACEMENT = 0xfffd,
	DOTTED_CIRCLE = 0x25cc,
	CONTROL_PICTURES = 0x2400,
	PICTURE_OF_DEL = 0x2421,
};

/* What the text so far means for the next code point. */
struct writer {
	struct buf out;
	unsigned flags;
	unsigned breaks;
	bool base;          /* a mark would have something to sit on */
	unsigned marks;     /* on that base */
	uint32_t flag_half; /* a regional indicator that waits for its second */
	bool odd;
};

static const struct range *
find_range(uint32_t cp)
{
	size_t lo = 0;
	size_t hi = ARRAY_LEN(ranges);
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (cp > ranges[mid].last)
			lo = mid + 1;
		else if (cp < ranges[mid].first)
			hi = mid;
		else
			return &ranges[mid];
	}
	return NULL;
}

static size_t
encode(uint32_t cp, char out[static 4])
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

static void
write_out(struct writer *w, uint32_t cp)
{
	char u[4];
	size_t n = encode(cp, u);
	buf_add(&w->out, u, n);
}

static void
put(struct writer *w, uint32_t cp)
{
	write_out(w, cp);
	w->base = true;
	w->marks = 0;
}

static void
put_replacement(struct writer *w)
{
	put(w, REPLACEMENT);
	w->odd = true;
}

static void
put_mark(struct writer *w, uint32_t cp)
{
	if (!w->base) {
		put(w, DOTTED_CIRCLE);
		w->odd = true;
	}
	if (w->marks == SAFE_MARKS_MAX) {
		w->odd = true;
		return;
	}
	write_out(w, cp);
	w->marks++;
}

/* A first half that no second followed is no flag. */
static void
settle_flag(struct writer *w)
{
	if (!w->flag_half)
		return;
	w->flag_half = 0;
	put_replacement(w);
}

static void
put_indicator(struct writer *w, uint32_t cp)
{
	if (!w->flag_half) {
		w->flag_half = cp;
		return;
	}
	put(w, w->flag_half);
	put(w, cp);
	w->flag_half = 0;
}

static void
put_control(struct writer *w, uint32_t cp)
{
	if (cp == '\t') {
		for (int i = 0; i < SAFE_TAB; i++)
			put(w, ' ');
		return;
	}
	w->odd = true;
	if (cp < 0x20)
		put(w, CONTROL_PICTURES + cp);
	else if (cp == 0x7f)
		put(w, PICTURE_OF_DEL);
	else
		buf_addf(&w->out, "<%02X>", (unsigned)cp);
	w->base = true;
	w->marks = 0;
}

static void
put_break(struct writer *w)
{
	if (!(w->flags & SAFE_LINES) || w->breaks == SAFE_BREAKS_MAX) {
		put(w, ' ');
		return;
	}
	w->breaks++;
	buf_add(&w->out, "\n", 1);
	w->base = false;
}

/* True: the table has dealt with it. */
static bool
apply_range(struct writer *w, uint32_t cp)
{
	const struct range *r = find_range(cp);
	if (!r)
		return false;
	if (r->rule == RULE_REPLACE)
		put_replacement(w);
	if (r->rule == RULE_HIDDEN)
		w->odd = true;
	return true;
}

static void
put_any(struct writer *w, uint32_t cp)
{
	if (cp >= 0x1f1e6 && cp <= 0x1f1ff) {
		put_indicator(w, cp);
		return;
	}
	settle_flag(w);
	if (cp < 0x20 || (cp >= 0x7f && cp <= 0x9f)) {
		put_control(w, cp);
		return;
	}
	if (cp == 0x2028 || cp == 0x2029) {
		put_break(w);
		return;
	}
	if (apply_range(w, cp))
		return;
	int width = wcwidth((wchar_t)cp);
	if (width < 0)
		put_replacement(w);
	else if (width == 0)
		put_mark(w, cp);
	else
		put(w, cp);
}

/* How many bytes from an ill-formed place stand for one U+FFFD: a lead byte
 * and those of its followers that could have belonged to it. */
static size_t
ill_formed(const char *p, size_t len)
{
	unsigned char lead = (unsigned char)p[0];
	size_t want = lead >= 0xf0 && lead <= 0xf4   ? 4
		      : lead >= 0xe0 && lead <= 0xef ? 3
		      : lead >= 0xc2 && lead <= 0xdf ? 2
						     : 1;
	unsigned char lo = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	unsigned char hi = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
	size_t n = 1;
	while (n < want && n < len && (unsigned char)p[n] >= lo &&
	       (unsigned char)p[n] <= hi) {
		n++;
		lo = 0x80;
		hi = 0xbf;
	}
	return n;
}

static size_t
ascii_run(const char *p, size_t len)
{
	size_t n = 0;
	while (n < len && p[n] >= 0x20 && p[n] <= 0x7e)
		n++;
	return n;
}

static void
put_raw(struct writer *w, struct span raw)
{
	for (size_t i = 0; i < raw.len;) {
		size_t run = ascii_run(raw.p + i, raw.len - i);
		if (run > 0) {
			settle_flag(w);
			buf_add(&w->out, raw.p + i, run);
			w->base = true;
			w->marks = 0;
			i += run;
			continue;
		}
		uint32_t cp;
		int n = text_decode(raw.p + i, raw.len - i, &cp);
		if (n > 0) {
			put_any(w, cp);
			i += (size_t)n;
		} else {
			settle_flag(w);
			put_replacement(w);
			i += ill_formed(raw.p + i, raw.len - i);
		}
	}
	settle_flag(w);
}

struct safe
safe_new(struct span raw, unsigned flags)
{
	struct writer w = {.flags = flags};
	put_raw(&w, raw);
	struct safe s = {
	    .utf8 = xstrndup(
		buf_len(&w.out) ? buf_head(&w.out) : "", buf_len(&w.out)),
	    .len = buf_len(&w.out),
	    .odd = w.odd,
	};
	buf_free(&w.out);
	return s;
}

struct safe
safe_str(const char *raw)
{
	return safe_new(span_of(raw), 0);
}

struct safe
safe_printf(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	size_t len = n < 0 ? 0 : (size_t)n;
	char *raw = xmalloc(len + 1);
	raw[0] = '\0';
	va_start(ap, fmt);
	vsnprintf(raw, len + 1, fmt, ap);
	va_end(ap);
	struct safe s = safe_new((struct span){raw, len}, 0);
	free(raw);
	return s;
}

void
safe_free(struct safe *s)
{
	free(s->utf8);
	*s = (struct safe){0};
}

void
safe_set(struct safe *s, struct span raw)
{
	struct safe made = safe_new(raw, 0);
	safe_free(s);
	*s = made;
}

static size_t
ascii_cell(char c, struct cell *cell)
{
	cell->ch[0] = (wchar_t)(unsigned char)c;
	cell->ch[1] = L'\0';
	cell->width = c == '\n' ? 0 : 1;
	return 1;
}

size_t
safe_cell(const struct safe *s, size_t off, struct cell *cell)
{
	if (off >= s->len)
		return 0;
	/* an ASCII character that no mark can follow is a cell by itself */
	if (!(s->utf8[off] & 0x80) &&
	    (off + 1 == s->len || !(s->utf8[off + 1] & 0x80)))
		return ascii_cell(s->utf8[off], cell);
	size_t end = off;
	size_t n = 0;
	while (end < s->len && n <= SAFE_MARKS_MAX) {
		uint32_t cp;
		int len = text_decode(s->utf8 + end, s->len - end, &cp);
		int width = len > 0 ? wcwidth((wchar_t)cp) : -1;
		if (n == 0)
			cell->width = cp == '\n' ? 0 : width;
		else if (width != 0 || cell->width == 0)
			break;
		cell->ch[n++] = (wchar_t)cp;
		end += (size_t)len;
	}
	cell->ch[n] = L'\0';
	return end - off;
}

size_t
safe_cluster(const struct safe *s, size_t off, int *width)
{
	struct cell cell;
	*width = 0;
	if (off >= s->len)
		return 0;
	if (!(s->utf8[off] & 0x80) &&
	    (off + 1 == s->len || !(s->utf8[off + 1] & 0x80))) {
		*width = s->utf8[off] != '\n';
		return 1;
	}
	size_t len = text_cluster(s->utf8 + off, s->len - off);
	for (size_t i = 0; i < len;) {
		size_t n = safe_cell(s, off + i, &cell);
		*width += cell.width;
		i += n;
	}
	return len;
}

int
safe_width(const struct safe *s)
{
	int sum = 0;
	struct cell cell;
	for (size_t off = 0, n; (n = safe_cell(s, off, &cell)) > 0; off += n)
		sum += cell.width;
	return sum;
}

int
safe_measure(struct span raw)
{
	if (ascii_run(raw.p, raw.len) == raw.len)
		return (int)raw.len;
	struct safe s = safe_new(raw, 0);
	int width = safe_width(&s);
	safe_free(&s);
	return width;
}
