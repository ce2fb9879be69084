/* SPDX-License-Identifier: ISC */
/*
 * Bytes to lines and back.
 *
 * One machine reads both forms.  It looks at each byte once, in order, and has
 * no memory but its state; that is why the result cannot depend on how the
 * bytes are cut.  Two short cuts give a whole line as a span into the bytes
 * read, without a copy: a frame whose length is known and which is all there,
 * and a bare line with nothing in it that would have to be stripped.  Both say
 * exactly what the byte by byte way would have said.
 *
 *	START  nothing of the next line was seen
 *	LENGTH within the digits of a frame's length
 *	BODY   the length is known; the payload and its LF are coming
 *	BARE   within a bare line
 *	DEAD   an error was given, and is given again
 *
 * On a bare line a second, small machine takes out what telnet says to telnet
 * (RFC 854): it sees every byte first and lets through what belongs to the
 * line.
 */
#include "proto/frame.h"

#include <assert.h>
#include <string.h>

enum state { START, LENGTH, BODY, BARE, DEAD };

/* Telnet: in the line; a CR was last; behind IAC; behind WILL, WONT, DO, DONT;
 * in a subnegotiation; behind an IAC in one. */
enum telnet { T_DATA, T_CR, T_IAC, T_OPTION, T_SUB, T_SUB_IAC };
enum { IAC = 255, DONT = 254, WILL = 251, SB = 250, SE = 240 };

enum {
	PART_FIRST = 512, /* room for the usual beginning of a line */
	/* Behind a bare payload there may be a CR. */
	BARE_EXTRA = 1,
	/* What most lines have before them: three digits and SP. */
	HEAD_USUAL = 4,
};

void
frame_init(struct frame *f, unsigned max_line, bool bare_allowed)
{
	*f = (struct frame){
	    .bare_allowed = bare_allowed,
	    .first = true,
	};
	frame_set_max(f, max_line);
}

void
frame_fini(struct frame *f)
{
	buf_wipe(&f->part);
}

bool
frame_move_line(struct frame *f, struct span line, struct buf *to)
{
	assert(!to->data);
	if (line.p != buf_head(&f->part))
		return false;
	*to = f->part;
	f->part = (struct buf){0};
	buf_truncate(to, line.len);
	return true;
}

void
frame_forget_line(struct frame *f)
{
	if (f->state == START)
		buf_wipe(&f->part);
}

void
frame_set_max(struct frame *f, unsigned max_line)
{
	assert(max_line > 0 && max_line <= FRAME_LINE_MAX);
	f->next_max = max_line;
}

bool
frame_is_partial(const struct frame *f)
{
	return f->state != START && f->state != DEAD;
}

static bool
is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static enum frame_result
fail(struct frame *f, enum frame_result error)
{
	buf_wipe(&f->part);
	f->state = DEAD;
	f->error = error;
	return error;
}

/* A line is complete: the next byte begins another. */
static void
finish(struct frame *f, bool bare)
{
	f->state = START;
	f->first = false;
	f->was_bare = bare;
}

/* The line given last has been read by now. */
static void
forget_given(struct frame *f)
{
	if (f->part.data)
		buf_wipe(&f->part);
	f->max = f->next_max;
	f->need = 0;
	f->telnet = T_DATA;
}

/* Appends to the part, which never asks for more than `whole` in all. */
static void
keep(struct frame *f, const char *p, size_t n, size_t whole)
{
	size_t len = buf_len(&f->part);

	assert(len + n <= whole);
	if (len + n > f->part.cap) {
		size_t room = whole;
		if (len + n <= PART_FIRST && whole > PART_FIRST)
			room = PART_FIRST;
		(void)!buf_reserve_secret(&f->part, room - len);
	}
	buf_add(&f->part, p, n);
}

/* The digits of a length and the SP behind them. */
static enum frame_result
read_length(struct frame *f, struct span *in)
{
	while (in->len > 0) {
		unsigned char c = (unsigned char)*in->p;
		in->p++;
		in->len--;
		if (c == ' ') {
			f->state = BODY;
			return FRAME_MORE;
		}
		if (!is_digit(c))
			return fail(f, FRAME_EBAD);
		f->need = f->need * 10 + (c - '0');
		/* No leading zero, so the value alone bounds the digits. */
		if (f->need == 0 || f->need > f->max)
			return fail(f, FRAME_EBAD);
	}
	return FRAME_MORE;
}

static enum frame_result
read_body(struct frame *f, struct span *in, struct span *line)
{
	size_t have = buf_len(&f->part);
	size_t whole = (size_t)f->need + 1; /* the LF */
	size_t n = whole - have;

	if (in->len < n) {
		keep(f, in->p, in->len, whole);
		*in = (struct span){in->p + in->len, 0};
		return FRAME_MORE;
	}
	if (in->p[n - 1] != '\n')
		return fail(f, FRAME_EBAD);
	*line = (struct span){in->p, f->need};
	if (have > 0) {
		keep(f, in->p, n, whole);
		line->p = buf_head(&f->part);
	}
	*in = (struct span){in->p + n, in->len - n};
	finish(f, false);
	return FRAME_LINE;
}

/*
 * Other protocols that a port scanner, a browser or a lost client may speak.
 * `end` says that the first word is complete.
 */
static bool
is_foreign(const struct frame *f, struct span s, bool end)
{
	static const char *const verbs[] = {"GET", "HEAD", "POST", "PUT",
	    "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PRI"};
	static const char firsts[] = "GHPDOTC";

	if (f->first && s.len >= 2 && memcmp(s.p, "\x16\x03", 2) == 0)
		return true;
	if (f->first && s.len >= 4 && memcmp(s.p, "SSH-", 4) == 0)
		return true;
	if (!end || !memchr(firsts, s.p[0], sizeof firsts - 1))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (span_is(s, verbs[i]))
			return true;
	return false;
}

/* A whole bare line at the front of *in with nothing to strip: the usual case.
 * FRAME_MORE: it is not so; go the long way. */
static enum frame_result
read_plain(struct frame *f, struct span *in, struct span *line)
{
	size_t most = (size_t)f->max + BARE_EXTRA + 1;
	const char *lf = memchr(in->p, '\n', in->len < most ? in->len : most);

	if (!lf)
		return FRAME_MORE;
	struct span s = {in->p, (size_t)(lf - in->p)};
	if (memchr(s.p, IAC, s.len) || memchr(s.p, '\0', s.len))
		return FRAME_MORE;
	if (s.len > 0 && s.p[s.len - 1] == '\r')
		s.len--;
	if (s.len > f->max)
		return FRAME_MORE;
	struct span rest = s;
	if (s.len > 0 &&
	    (is_foreign(f, s, false) || is_foreign(f, text_word(&rest), true)))
		return fail(f, FRAME_EFOREIGN);
	*in = (struct span){lf + 1, in->len - (size_t)(lf + 1 - in->p)};
	finish(f, true);
	*line = s;
	return FRAME_LINE;
}

/* The telnet machine: does this byte belong to the line? */
static bool
passes_telnet(struct frame *f, unsigned char c)
{
	switch ((enum telnet)f->telnet) {
	case T_IAC:
		f->telnet = c == SB                  ? T_SUB
			    : c >= WILL && c <= DONT ? T_OPTION
						     : T_DATA;
		return c == IAC; /* doubled: the byte itself */
	case T_OPTION:
		f->telnet = T_DATA;
		return false;
	case T_SUB:
		if (c == IAC)
			f->telnet = T_SUB_IAC;
		return false;
	case T_SUB_IAC:
		f->telnet = c == SE ? T_DATA : T_SUB;
		return false;
	case T_CR:
	case T_DATA:
		break;
	}
	bool after_cr = f->telnet == T_CR;
	f->telnet = c == IAC ? T_IAC : c == '\r' ? T_CR : T_DATA;
	return c != IAC && !(c == '\0' && after_cr);
}

/* One byte of a bare line's payload, or the CR behind it. */
static enum frame_result
bare_byte(struct frame *f, char c)
{
	struct span s = {buf_head(&f->part), buf_len(&f->part)};

	if (c == ' ' && s.len > 0 && !memchr(s.p, ' ', s.len) &&
	    is_foreign(f, s, true))
		return fail(f, FRAME_EFOREIGN);
	if (s.len > f->max || (s.len == f->max && c != '\r'))
		return fail(f, FRAME_ELONG);
	keep(f, &c, 1, (size_t)f->max + BARE_EXTRA);
	s = (struct span){buf_head(&f->part), buf_len(&f->part)};
	return is_foreign(f, s, false) ? fail(f, FRAME_EFOREIGN) : FRAME_MORE;
}

/* The LF of a bare line has come. */
static enum frame_result
bare_end(struct frame *f, struct span *line)
{
	struct span s = {buf_head(&f->part), buf_len(&f->part)};

	if (s.len > 0 && s.p[s.len - 1] == '\r')
		s.len--;
	struct span rest = s;
	if (s.len > 0 && is_foreign(f, text_word(&rest), true))
		return fail(f, FRAME_EFOREIGN);
	finish(f, true);
	*line = s;
	return FRAME_LINE;
}

static enum frame_result
read_bare(struct frame *f, struct span *in, struct span *line)
{
	while (in->len > 0) {
		char c = *in->p;
		in->p++;
		in->len--;
		enum frame_result r = FRAME_MORE;
		if (!passes_telnet(f, (unsigned char)c)) {
			/* What is stripped is bounded like what is kept. */
			if (++f->need > f->max)
				r = fail(f, FRAME_ELONG);
		} else if (c == '\n') {
			return bare_end(f, line);
		} else {
			r = bare_byte(f, c);
		}
		if (r != FRAME_MORE)
			return r;
	}
	return FRAME_MORE;
}

/* The first byte of a line says which form it has. */
static enum frame_result
read_start(struct frame *f, struct span *in, struct span *line)
{
	forget_given(f);
	if (is_digit((unsigned char)*in->p)) {
		f->state = LENGTH;
		return FRAME_MORE;
	}
	if (!f->bare_allowed)
		return fail(f, FRAME_EBAD);
	enum frame_result r = read_plain(f, in, line);
	if (r == FRAME_MORE)
		f->state = BARE;
	return r;
}

enum frame_result
frame_next(struct frame *f, struct span *in, struct span *line)
{
	static enum frame_result (*const readers[])(
	    struct frame *, struct span *, struct span *) = {
	    [START] = read_start,
	    [BODY] = read_body,
	    [BARE] = read_bare,
	};

	while (f->state != DEAD && in->len > 0) {
		enum frame_result r = f->state == LENGTH
					  ? read_length(f, in)
					  : readers[f->state](f, in, line);
		/* Empty lines, all of them bare, are nobody's business. */
		if (r == FRAME_MORE || (r == FRAME_LINE && line->len == 0))
			continue;
		return r;
	}
	return f->state == DEAD ? f->error : FRAME_MORE;
}

size_t
frame_begin(struct buf *out)
{
	size_t begin = buf_len(out);

	(void)!buf_reserve(out, HEAD_USUAL);
	buf_added(out, HEAD_USUAL);
	return begin;
}

void
frame_end(struct buf *out, size_t begin)
{
	size_t len = buf_len(out) - begin - HEAD_USUAL;
	char head[TEXT_U64_MAX + 1];

	assert(len >= 1 && len <= FRAME_LINE_MAX);
	size_t n = text_put_u64(head, len);
	head[n++] = ' ';
	/* A longer head than usual, and the LF. */
	(void)!buf_reserve(out, FRAME_HEAD_MAX - HEAD_USUAL + 1);
	char *p = buf_head(out) + begin;
	if (n != HEAD_USUAL)
		memmove(p + n, p + HEAD_USUAL, len);
	memcpy(p, head, n);
	p[n + len] = '\n';
	buf_truncate(out, begin);
	buf_added(out, n + len + 1);
}
