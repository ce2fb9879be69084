/* SPDX-License-Identifier: ISC */
/*
 * A log, read at the reader's pace.
 *
 * "The last n" is asked backwards but told forwards, so it takes two passes:
 * COUNT walks back page by page until n messages were seen, TELL reads forward
 * from there.  Nothing is kept between the pages but an id, so that five
 * hundred long messages for a slow reader cost no more than one page.
 *
 * Drivers: member.c (JOIN's replay, and the catching up behind it) and
 * cmd_talk.c (HISTORY).  It knows no session: the reader is a few functions.
 */
#include "server/history.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/line.h"
#include "server/render.h"

enum history_phase { HISTORY_FLOOR, HISTORY_COUNT, HISTORY_TELL };

struct history {
	struct relay *relay;
	struct history_ask ask;
	struct history_reader reader;
	enum history_phase phase;
	struct msgid cursor; /* COUNT: the oldest seen; TELL: the newest told */
	struct msgid to;     /* TELL: the newest to tell; 0-0: all */
	struct msgid floor;  /* nothing below or at it is offered */
	uint64_t counted;
	bool reading; /* a relay_read() is out */
	bool cancelled;
	bool stalled;  /* the relay could not be asked; the page is still due */
	bool told_any; /* the cursor is an entry of the log */
	bool end;
	char target[NAME_BYTES_MAX + 1];
	char me[SENDER_ID_LEN + 1];
	char tag[LINE_TAG_MAX];
};

struct msgid
history_before(struct msgid id)
{
	if (id.seq > 0)
		return (struct msgid){id.ms, id.seq - 1};
	if (id.ms > 0)
		return (struct msgid){id.ms - 1, UINT64_MAX};
	return id;
}

static void on_page(
    void *arg, enum relay_status st, const struct relay_page *page);

static void
read_page(struct history *h)
{
	struct relay_range range = {.n = HISTORY_PAGE};

	if (h->phase == HISTORY_TELL) {
		range.direction = RELAY_FORWARD;
		range.from = h->cursor;
		range.to = h->to;
		/* The log may be trimmed under a slow reader as well. */
		range.check_from =
		    h->told_any ||
		    (h->ask.want == HISTORY_SINCE && !h->ask.unchecked);
	} else {
		range.direction = RELAY_BACKWARD;
		range.from = h->cursor;
		range.n = RELAY_READ_MAX;
	}
	h->reading = true;
	relay_read(h->relay, &h->ask.conv, &range, on_page, h);
}

static void
finish(struct history *h, enum relay_status st)
{
	struct history_reader reader = h->reader;
	struct msgid last = h->cursor;
	bool end = h->end;

	free(h);
	reader.done(reader.arg, st, end, last);
}

static void
begin_phase(struct history *h, enum history_phase phase, struct msgid cursor)
{
	h->phase = phase;
	h->cursor = cursor;
	h->counted = 0;
}

/* A cursor below the floor is as good as the floor. */
static void
begin_tell(struct history *h, struct msgid from)
{
	if (msgid_cmp(from, h->floor) < 0)
		from = h->floor;
	begin_phase(h, HISTORY_TELL, from);
}

static void
after_floor(struct history *h)
{
	if (h->ask.want == HISTORY_LAST)
		begin_phase(h, HISTORY_COUNT, h->ask.to);
	else
		begin_tell(h, h->ask.from);
}

/* Walks back; true when `want` messages are behind the cursor, or all. */
static bool
walk_back(struct history *h, const struct relay_page *page, uint64_t want)
{
	for (size_t i = page->n; i > 0; i--) {
		const struct relay_msg *m = &page->msgs[i - 1];

		if (msgid_cmp(m->id, h->floor) <= 0) {
			h->end = true;
			return true;
		}
		h->cursor = m->id;
		if (m->kind == RELAY_MSG && ++h->counted == want) {
			h->end = page->end && i == 1;
			if (msgid_cmp(history_before(m->id), h->floor) <= 0)
				h->end = true;
			return true;
		}
	}
	if (page->end)
		h->end = true;
	return page->end;
}

static void
on_count(struct history *h, const struct relay_page *page)
{
	/* "The newest" are those of now, whatever comes between the passes. */
	if (msgid_is_zero(h->to) && page->n > 0)
		h->to = page->msgs[page->n - 1].id;
	if (!walk_back(h, page, h->ask.n)) {
		read_page(h);
		return;
	}
	if (h->counted == 0 && h->end) {
		finish(h, RELAY_OK);
		return;
	}
	begin_tell(h, history_before(h->cursor));
	history_continue(h);
}

static void
on_floor(struct history *h, const struct relay_page *page)
{
	if (!walk_back(h, page, (uint64_t)h->ask.offered)) {
		read_page(h);
		return;
	}
	if (h->counted == (uint64_t)h->ask.offered)
		h->floor = history_before(h->cursor);
	h->end = false;
	after_floor(h);
	history_continue(h);
}

/* Writes what may be told; true when enough was. */
static bool
tell(struct history *h, const struct relay_page *page)
{
	struct render_for f = {
	    .target = span_of(h->target),
	    .person = h->ask.person,
	    .replay = !h->ask.live,
	    .me = h->me,
	    .tag = h->ask.tag,
	};
	struct buf *out = h->reader.out(h->reader.arg);

	for (size_t i = 0; i < page->n; i++) {
		h->cursor = page->msgs[i].id;
		if (page->msgs[i].kind == RELAY_TOPIC && h->ask.live)
			render_event(out, SPAN_NONE, "TOPIC",
			    span_of(h->target), page->msgs[i].nick,
			    page->msgs[i].text);
		if (page->msgs[i].kind != RELAY_MSG)
			continue;
		render_msg(out, &f, &page->msgs[i]);
		if (++h->counted == h->ask.n && h->ask.want == HISTORY_AFTER) {
			h->end = page->end && i + 1 == page->n;
			return true;
		}
	}
	if (page->end && h->ask.want == HISTORY_AFTER)
		h->end = true;
	/* A page may be short because what was in it could not be read. */
	return page->end || page->n == 0 ||
	       (!msgid_is_zero(h->to) && msgid_cmp(h->cursor, h->to) >= 0);
}

static void
on_tell(struct history *h, const struct relay_page *page)
{
	if (page->gap)
		h->reader.gap(h->reader.arg);
	h->told_any = page->n > 0 || h->told_any;
	if (tell(h, page))
		finish(h, RELAY_OK);
	else
		history_continue(h);
}

/* Does the relay refuse for now only? */
static bool
may_pass(enum relay_status st)
{
	return st == RELAY_DOWN || st == RELAY_UNKNOWN || st == RELAY_BUSY;
}

static void
on_page(void *arg, enum relay_status st, const struct relay_page *page)
{
	static void (*const handlers[])(
	    struct history *, const struct relay_page *) = {
	    [HISTORY_FLOOR] = on_floor,
	    [HISTORY_COUNT] = on_count,
	    [HISTORY_TELL] = on_tell,
	};
	struct history *h = arg;

	h->reading = false;
	if (h->cancelled)
		free(h);
	else if (h->ask.patient && may_pass(st))
		h->stalled = true;
	else if (st != RELAY_OK)
		finish(h, st);
	else if (!h->reader.may(h->reader.arg))
		finish(h, RELAY_STALE);
	else
		handlers[h->phase](h, page);
}

void
history_continue(struct history *h)
{
	if (h->reading || h->stalled || !h->reader.ready(h->reader.arg))
		return;
	read_page(h);
}

void
history_retry(struct history *h)
{
	if (!h->stalled || !relay_is_up(h->relay))
		return;
	h->stalled = false;
	history_continue(h);
}

struct msgid
history_told(const struct history *h)
{
	return h->cursor;
}

bool
history_is_about(const struct history *h, const struct conv *c)
{
	return h->ask.conv.kind == c->kind &&
	       strcmp(h->ask.conv.key, c->key) == 0;
}

void
history_cancel(struct history *h)
{
	if (!h)
		return;
	h->cancelled = true;
	h->reader.drop(h->reader.arg);
	if (!h->reading)
		free(h);
}

struct history *
history_start(struct relay *relay, const struct history_ask *ask,
    const struct history_reader *reader)
{
	struct history *h = xcalloc(1, sizeof *h);

	h->relay = relay;
	h->ask = *ask;
	h->reader = *reader;
	span_copy(h->target, sizeof h->target, ask->target);
	span_copy(h->me, sizeof h->me, span_of(ask->me));
	if (ask->tag.p) {
		memcpy(h->tag, ask->tag.p, ask->tag.len);
		h->ask.tag.p = h->tag;
	}
	h->to = ask->want == HISTORY_LAST ? history_before(ask->to) : ask->to;
	/* The relay keeps a few hundred for its own bridging; where fewer are
	 * offered, the oldest one offered has to be found first. */
	if (ask->want == HISTORY_SINCE || ask->offered >= HISTORY_KEPT_MIN) {
		after_floor(h);
	} else if (ask->offered > 0) {
		begin_phase(h, HISTORY_FLOOR, (struct msgid){0, 0});
	} else {
		h->floor = (struct msgid){UINT64_MAX, UINT64_MAX};
		after_floor(h);
	}
	read_page(h);
	return h;
}
