/* SPDX-License-Identifier: ISC */
/*
 * proto/frame.c against a second reading of the protocol's section 1, which is
 * simple because it has all bytes at hand; and against itself, the bytes cut at
 * every place and at places of the input's choice.
 *
 * Input: a byte of options, a byte that seeds the cuts, the stream.
 */
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "proto/frame.h"
#include "tests/fuzz/fuzz.h"

/* What the reader says, as text: "F5:hello" or "B5:hello", then "!1". */
static void
add_line(struct buf *events, bool bare, const char *p, size_t len)
{
	buf_addf(events, "%c%zu:", bare ? 'B' : 'F', len);
	buf_add(events, p, len);
}

static void
add_error(struct buf *events, enum frame_result error)
{
	buf_addf(events, "!%d", (int)error);
}

/* The second reading. */
struct model {
	const uint8_t *p;
	size_t len, at;
	unsigned max;
	bool bare_allowed, first;
};

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* True: a line was read. */
static bool
model_framed(struct model *m, struct buf *events)
{
	size_t i = m->at;
	unsigned long n = 0;

	for (; i < m->len && is_digit(m->p[i]); i++) {
		n = n * 10 + (m->p[i] - '0');
		if (n == 0 || n > m->max) {
			add_error(events, FRAME_EBAD);
			return false;
		}
	}
	if (i == m->len)
		return false;
	if (m->p[i++] != ' ') {
		add_error(events, FRAME_EBAD);
		return false;
	}
	if (m->len - i <= n)
		return false;
	if (m->p[i + n] != '\n') {
		add_error(events, FRAME_EBAD);
		return false;
	}
	add_line(events, false, (const char *)m->p + i, n);
	m->at = i + n + 1;
	m->first = false;
	return true;
}

/* How long is the telnet sequence at i?  0: none; SIZE_MAX: its end has not
 * come. */
static size_t
telnet_len(const struct model *m, size_t i)
{
	size_t left = m->len - i;

	if (m->p[i] != 255)
		return 0;
	if (left < 2)
		return SIZE_MAX;
	uint8_t c = m->p[i + 1];
	if (c >= 251 && c <= 254)
		return left < 3 ? SIZE_MAX : 3;
	if (c != 250)
		return 2;
	for (size_t k = i + 2; k + 1 < m->len; k++) {
		if (m->p[k] != 255)
			continue;
		if (m->p[k + 1] == 240)
			return k + 2 - i;
		k++;
	}
	return SIZE_MAX;
}

static bool
is_foreign(const struct model *m, const struct buf *line, bool ended)
{
	static const char *const verbs[] = {"GET", "HEAD", "POST", "PUT",
	    "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PRI"};
	const char *p = buf_head(line);
	size_t len = buf_len(line);

	if (len == 0)
		return false;
	if (m->first && len >= 2 && memcmp(p, "\x16\x03", 2) == 0)
		return true;
	if (m->first && len >= 4 && memcmp(p, "SSH-", 4) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		size_t n = strlen(verbs[i]);
		if (len >= n && memcmp(p, verbs[i], n) == 0 &&
		    (len == n ? ended : p[n] == ' '))
			return true;
	}
	return false;
}

/* The bytes of the line, one after the other.  True: its LF came. */
static bool
model_strip(struct model *m, struct buf *line, enum frame_result *error)
{
	size_t stripped = 0;
	bool cr = false;

	while (m->at < m->len) {
		uint8_t c = m->p[m->at];
		size_t n = telnet_len(m, m->at);
		bool doubled = n == 2 && m->p[m->at + 1] == 255;
		bool nul = c == '\0' && cr;
		size_t skip = n == SIZE_MAX ? m->len - m->at
			      : doubled     ? 1
			      : nul         ? 1
					    : n;
		if (stripped + skip > m->max) {
			*error = FRAME_ELONG;
			return false;
		}
		stripped += skip;
		cr = !doubled && c == '\r';
		m->at += n == SIZE_MAX ? skip : n > 0 ? n : 1;
		if (skip > 0 && !doubled)
			continue;
		if (c == '\n')
			return true;
		size_t len = buf_len(line);
		if (len > m->max || (len == m->max && c != '\r'))
			*error = FRAME_ELONG;
		buf_add(line, &c, 1);
		if ((len == 0 || *error == FRAME_MORE || c == ' ') &&
		    is_foreign(m, line, false))
			*error = FRAME_EFOREIGN;
		if (*error != FRAME_MORE)
			return false;
	}
	return false;
}

static bool
model_bare(struct model *m, struct buf *events)
{
	struct buf line = {0};
	enum frame_result error = FRAME_MORE;
	bool ended = model_strip(m, &line, &error);

	if (ended && buf_len(&line) > 0 &&
	    buf_head(&line)[buf_len(&line) - 1] == '\r')
		buf_truncate(&line, buf_len(&line) - 1);
	if (ended && is_foreign(m, &line, true))
		error = FRAME_EFOREIGN;
	if (error != FRAME_MORE)
		add_error(events, error);
	else if (ended && buf_len(&line) > 0)
		add_line(events, true, buf_head(&line), buf_len(&line));
	if (ended)
		m->first = false;
	buf_free(&line);
	return ended && error == FRAME_MORE;
}

static void
read_model(struct model m, struct buf *events)
{
	bool more = true;

	while (more && m.at < m.len) {
		if (is_digit(m.p[m.at])) {
			more = model_framed(&m, events);
		} else if (m.bare_allowed) {
			more = model_bare(&m, events);
		} else {
			add_error(events, FRAME_EBAD);
			more = false;
		}
	}
}

/* A line that was read is written as a frame and read again. */
static void
check_round_trip(struct span line)
{
	struct buf wire = {0};
	struct frame f;
	struct span again;

	size_t begin = frame_begin(&wire);
	buf_add(&wire, line.p, line.len);
	frame_end(&wire, begin);
	frame_init(&f, (unsigned)line.len, false);
	struct span in = {buf_head(&wire), buf_len(&wire)};
	MUST(frame_next(&f, &in, &again) == FRAME_LINE);
	MUST(in.len == 0 && span_eq(line, again));
	frame_fini(&f);
	buf_free(&wire);
}

/* Pieces of step bytes; 0: of lengths that the seed gives. */
static void
read_cut(struct model m, size_t step, unsigned seed, struct buf *events)
{
	struct frame f;
	enum frame_result r = FRAME_MORE;

	frame_init(&f, m.max, m.bare_allowed);
	while (m.at < m.len && r == FRAME_MORE) {
		seed = seed * 1103515245 + 12345;
		size_t n = step ? step : 1 + (seed >> 16) % 7;
		n = n < m.len - m.at ? n : m.len - m.at;
		/* Memory of its own: nothing may point into it later. */
		char *piece = malloc(n);
		MUST(piece != NULL);
		memcpy(piece, m.p + m.at, n);
		struct span in = {piece, n}, line;
		while ((r = frame_next(&f, &in, &line)) == FRAME_LINE) {
			MUST(line.len > 0 && line.len <= m.max);
			add_line(events, f.was_bare, line.p, line.len);
			check_round_trip(line);
		}
		MUST(r != FRAME_MORE || in.len == 0);
		MUST(f.part.cap <= m.max + 520);
		MUST(buf_len(&f.part) <= m.max + FRAME_HEAD_MAX + 2);
		free(piece);
		m.at += n;
	}
	if (r != FRAME_MORE)
		add_error(events, r);
	frame_fini(&f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned maxima[] = {
	    1, 7, 20, 100, 600, 1024, 16384, FRAME_LINE_MAX};
	struct buf want = {0};

	if (size < 2)
		return 0;
	struct model m = {.p = data + 2,
	    .len = size - 2,
	    .max = maxima[data[0] >> 1 & 7],
	    .bare_allowed = (data[0] & 1) == 0,
	    .first = true};
	read_model(m, &want);
	const size_t steps[] = {m.len ? m.len : 1, 1, 0, 0};
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct buf got = {0};
		read_cut(m, steps[i], data[1] + (unsigned)i, &got);
		MUST(buf_len(&got) == buf_len(&want));
		MUST(buf_len(&got) == 0 ||
		     memcmp(buf_head(&got), buf_head(&want), buf_len(&got)) ==
			 0);
		buf_free(&got);
	}
	buf_free(&want);
	return 0;
}
