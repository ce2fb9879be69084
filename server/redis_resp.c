/* SPDX-License-Identifier: ISC */
/*
 * RESP2, but for the trees (redis_reader.c): commands are encoded, and what
 * comes back is looked over before anything is made of it.
 *
 * A reader allocates as much as an array's or a string's head announces, so
 * a few bytes could cost gigabytes.  The guard follows the same grammar with
 * a handful of counters: every item of a reply pays one of those owed, an array
 * adds to them, and where nothing is owed any more a reply is complete.
 */
#include "server/redis_resp.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- commands ------------------------------------------------------------- */

void
resp_clear(struct resp_cmd *c)
{
	buf_clear(&c->body);
	c->n = 0;
}

void
resp_free(struct resp_cmd *c)
{
	buf_free(&c->body);
	c->n = 0;
}

enum { HEAD_MAX = 1 + TEXT_U64_MAX + 2 };

/* Into room for HEAD_MAX bytes; gives where they end. */
static char *
write_head(char *at, char type, uint64_t n)
{
	*at++ = type;
	if (n < 10)
		*at++ = (char)('0' + n); /* as most are */
	else
		at += text_put_u64(at, n);
	memcpy(at, "\r\n", 2);
	return at + 2;
}

void
resp_join(struct resp_cmd *c, const struct span *parts, size_t n)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += parts[i].len;
	char *begin = buf_reserve(&c->body, HEAD_MAX + len + 2);
	char *at = write_head(begin, '$', len);
	for (size_t i = 0; i < n; i++) {
		if (parts[i].len > 0)
			memcpy(at, parts[i].p, parts[i].len);
		at += parts[i].len;
	}
	memcpy(at, "\r\n", 2);
	buf_added(&c->body, (size_t)(at + 2 - begin));
	c->n++;
}

void
resp_span(struct resp_cmd *c, struct span s)
{
	resp_join(c, &s, 1);
}

void
resp_str(struct resp_cmd *c, const char *s)
{
	resp_span(c, span_of(s));
}

void
resp_i64(struct resp_cmd *c, int64_t v)
{
	char text[1 + TEXT_U64_MAX] = "-";
	uint64_t size = v < 0 ? -(uint64_t)v : (uint64_t)v;
	size_t n = text_put_u64(text + 1, size);

	resp_span(c, (struct span){text + (v >= 0), n + (v < 0)});
}

void
resp_id(struct resp_cmd *c, struct msgid id)
{
	char text[MSGID_LEN_MAX + 1];

	resp_span(c, (struct span){text, msgid_format(id, text)});
}

void
resp_fmt(struct resp_cmd *c, const char *fmt, ...)
{
	char text[RESP_FMT_MAX + 1];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	assert(n >= 0 && n <= RESP_FMT_MAX);
	resp_span(c, (struct span){text, (size_t)n});
}

void
resp_write(
    struct buf *out, const struct resp_cmd *head, const struct resp_cmd *c)
{
	char *begin = buf_reserve(out, HEAD_MAX);

	buf_added(out, (size_t)(write_head(begin, '*',
				    (head ? head->n : 0) + (uint64_t)c->n) -
				begin));
	if (head)
		buf_add(out, buf_head(&head->body), buf_len(&head->body));
	if (c->n > 0)
		buf_add(out, buf_head(&c->body), buf_len(&c->body));
}

/* --- the guard ------------------------------------------------------------ */

static void
end_reply(struct resp_guard *g)
{
	g->had = g->elements;
	g->whole = true;
	g->elements = g->bytes = 0;
}

/* A line is complete: what does it announce? */
static const char *
end_line(struct resp_guard *g)
{
	bool array = g->type == '*', bulk = g->type == '$';
	bool has_items = !g->negative && g->number > 0;

	if ((array || bulk) && !g->digits)
		return "a length that is no number";
	if (array && has_items && g->number > RESP_ELEMENTS_MAX)
		return "an array of too many elements";
	if (bulk && has_items && g->number > RESP_BYTES_MAX)
		return "a string of too many bytes";
	if (g->elements == 0)
		g->elements = g->owed = 1;
	g->owed--;
	if (array && has_items) {
		g->elements += (size_t)g->number;
		g->owed += (size_t)g->number;
	}
	if (g->elements > RESP_ELEMENTS_MAX)
		return "a reply of too many elements";
	if (bulk && !g->negative)
		g->skip = (size_t)g->number + 2;
	g->type = 0;
	g->line_len = 0;
	g->number = 0;
	g->negative = g->digits = g->cr = false;
	if (g->owed == 0 && g->skip == 0)
		end_reply(g);
	return NULL;
}

static const char *
take_digit(struct resp_guard *g, char c)
{
	if (c == '-' && g->line_len == 2) {
		g->negative = true;
		return NULL;
	}
	if (c < '0' || c > '9' || g->line_len > 20)
		return "a length that is no number";
	/* -1 is what nothing looks like; no zero stands before a number. */
	if (g->negative ? c != '1' || g->digits : g->digits && g->number == 0)
		return "a length that nobody writes so";
	g->digits = true;
	if (g->number <= RESP_BYTES_MAX)
		g->number = g->number * 10 + (c - '0');
	return NULL;
}

/* The reader ends lines at CR LF alone: a lone CR or LF must not pass, or the
 * two would see different lines. */
static const char *
take_byte(struct resp_guard *g, char c)
{
	if (++g->line_len > RESP_LINE_MAX)
		return "a line without an end";
	if (g->type == 0) {
		g->type = c;
		return c && strchr("+-:$*", c) ? NULL : "no reply";
	}
	if (g->cr != (c == '\n'))
		return "a broken line end";
	if (c == '\n')
		return end_line(g);
	g->cr = c == '\r';
	if (g->cr || (g->type != '$' && g->type != '*'))
		return NULL;
	return take_digit(g, c);
}

/*
 * Most lines are lengths, and there as a whole: `$12\r\n`.  Gives the bytes of
 * such a one that is taken, or 0: it is to be looked at byte by byte.
 */
static size_t
take_length(struct resp_guard *g, const char *p, size_t len)
{
	enum { DIGITS_MAX = 9 };
	int64_t number = 0;
	size_t n = 1;

	if (g->type != 0 || (p[0] != '$' && p[0] != '*'))
		return 0;
	while (n < len && n <= DIGITS_MAX && p[n] >= '0' && p[n] <= '9')
		number = number * 10 + (p[n++] - '0');
	if (n == 1 || (n > 2 && p[1] == '0') || n + 2 > len || p[n] != '\r' ||
	    p[n + 1] != '\n')
		return 0;
	g->type = p[0];
	g->number = number;
	g->digits = true;
	return n + 2;
}

/* Takes what can be taken at once: a string's bytes, a length's line, or one
 * byte of another line. */
static const char *
take(struct resp_guard *g, struct span *in)
{
	size_t n = g->skip < in->len ? g->skip : in->len;
	const char *wrong = NULL;

	if (g->skip == 0) {
		n = take_length(g, in->p, in->len);
		wrong = n > 0 ? end_line(g) : take_byte(g, in->p[0]);
		n += n == 0;
	} else {
		g->skip -= n;
		if (g->skip == 0 && g->owed == 0)
			end_reply(g);
	}
	in->p += n;
	in->len -= n;
	if (g->elements > 0)
		g->bytes += n;
	return wrong;
}

const char *
resp_guard_look(struct resp_guard *g, struct span *in, bool *whole)
{
	g->whole = false;
	while (in->len > 0 && !g->whole) {
		const char *wrong = take(g, in);

		if (wrong)
			return wrong;
		if (g->bytes > RESP_BYTES_MAX)
			return "a reply of too many bytes";
	}
	*whole = g->whole;
	return NULL;
}

const char *
resp_guard_check(struct resp_guard *g, struct span in)
{
	const char *wrong = NULL;
	bool whole;

	while (in.len > 0 && !wrong)
		wrong = resp_guard_look(g, &in, &whole);
	return wrong;
}
