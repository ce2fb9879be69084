/* SPDX-License-Identifier: ISC */
/*
 * A conversation's messages on their way from the subscription to whoever reads
 * them: in the order of their ids, each once, none left out.
 *
 * What is published carries the id of the message before it.  With L the last
 * one delivered, that leaves four cases:
 *
 *	id <= L    a duplicate: dropped
 *	prev == L  the next one: delivered
 *	prev > L   a hole: what is missing is read from the stream first
 *	prev < L   history went back (a failover, a flush): said, then delivered
 *
 * The owner may have to read something before it takes a message (a room, its
 * rights): then the feed is blocked, and goes on from the stream.
 *
 * While a hole is filled, what comes is held.  Little of it: the stream has
 * it all, so above a bound the held ones are thrown away and the stream is
 * read once more.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "server/relay_redis_int.h"

enum {
	PAGE = 256, /* entries read in one go */
	HELD_MAX = 4096,
	HELD_BYTES_MAX = 1 << 20,
};

/* A page under way; it outlives a feed that is closed meanwhile. */
struct rr_fill {
	struct rr *r;
	struct rr_feed *feed; /* NULL: closed */
	bool moving;          /* the last page brought something */
	bool moved;           /* one of them did */
};

static void fill(struct rr_feed *f);
static void take(struct rr_feed *f, struct span published, bool filled);

void
rr_feed_init(struct rr_feed *f, struct rr *r, const struct conv *conv,
    const struct rr_feed_ops *ops, void *owner)
{
	*f = (struct rr_feed){.r = r, .conv = conv, .ops = ops, .owner = owner};
}

/* --- delivering ----------------------------------------------------------- */

static void
advance(struct rr_feed *f, struct msgid id)
{
	f->last = id;
	f->heard_ms = clock_now_ms();
	if (msgid_cmp(id, f->top) > 0)
		f->top = id;
}

/* What is known of the log ends here, and nothing is known below. */
static void
forget(struct rr_feed *f)
{
	if (f->ring)
		ring_reset(f->ring, f->last);
}

static void
keep(struct rr_feed *f, struct msgid prev, struct span payload, bool decodes)
{
	if (f->ring && decodes)
		ring_push(f->ring, prev, f->last, payload);
	else if (f->ring)
		ring_skip(f->ring, f->last);
}

static void
tell_gap(struct rr_feed *f)
{
	log_warn("relay", 0, "gap in a conversation kind=%s",
	    f->conv->kind == CONV_ROOM ? "room" : "pair");
	f->ops->gap(f->owner);
}

static void hold(struct rr_feed *f, struct span published);

/* The owner has to read something before it takes this message.  That one is
 * held, so that it comes at once when the owner has read, in the same turn;
 * what comes behind it is in the stream. */
static void
block(
    struct rr_feed *f, struct msgid prev, struct msgid id, struct span payload)
{
	char ids[2 * MSGID_LEN_MAX + 3], *at = ids;
	struct buf published = {0};

	at += msgid_format(prev, at);
	*at++ = ' ';
	at += msgid_format(id, at);
	*at++ = ' ';
	buf_add(&published, ids, (size_t)(at - ids));
	buf_add(&published, payload.p, payload.len);
	buf_clear(&f->held);
	f->nheld = 0;
	f->overflowed = false;
	hold(f, (struct span){buf_head(&published), buf_len(&published)});
	buf_free(&published);
	f->blocked = true;
	f->overflowed = true;
	f->r->nfills++;
}

/* What does not decode is stepped over: the chain goes on behind it.
 * gap: what came before it is missing, or history went back. */
static void
deliver(struct rr_feed *f, bool gap, struct msgid prev, struct msgid id,
    struct span payload)
{
	struct relay_msg m;
	int err = codec_get_msg(&m, payload);

	m.id = id;
	m.prev = prev;
	if (err == 0 && m.kind == RELAY_RIGHTS)
		m.rv = id;
	if (err == 0 && f->ops->accepts && !f->ops->accepts(f->owner, &m)) {
		block(f, prev, id, payload);
		return;
	}
	if (gap) {
		tell_gap(f);
		if (f->closed)
			return;
	}
	advance(f, id);
	keep(f, prev, payload, err == 0);
	if (err < 0)
		rr_odd(f->r, codec_strerror(err), payload);
	else
		f->ops->message(f->owner, &m);
}

/* --- holding -------------------------------------------------------------- */

static void
hold(struct rr_feed *f, struct span published)
{
	uint32_t len = (uint32_t)published.len;

	if (f->nheld >= HELD_MAX ||
	    buf_len(&f->held) + published.len > HELD_BYTES_MAX) {
		buf_clear(&f->held);
		f->nheld = 0;
		f->overflowed = true;
	}
	if (f->overflowed)
		return;
	buf_add(&f->held, &len, sizeof len);
	buf_add(&f->held, published.p, published.len);
	f->nheld++;
}

/* The first one held, copied: what it leads to may hold others. */
static char *
unhold(struct rr_feed *f, struct span *published)
{
	uint32_t len;
	char *copy;

	memcpy(&len, buf_head(&f->held), sizeof len);
	copy = xstrndup(buf_head(&f->held) + sizeof len, len);
	buf_drain(&f->held, sizeof len + len);
	f->nheld--;
	*published = (struct span){copy, len};
	return copy;
}

/* filled: the stream was read to its end just now, in vain. */
static void
drain(struct rr_feed *f, bool filled)
{
	while (
	    f->nheld > 0 && f->open && !f->closed && !f->fill && !f->blocked) {
		struct span published;
		char *copy = unhold(f, &published);

		take(f, published, filled);
		filled = false;
		free(copy);
	}
	if (f->overflowed && !f->closed && !f->fill && !f->blocked) {
		f->overflowed = false;
		fill(f);
	}
}

/* --- filling -------------------------------------------------------------- */

static struct span
field(const redisReply *fields, const char *name)
{
	for (size_t i = 0; i + 1 < fields->elements; i += 2)
		if (span_is(rr_span(fields->element[i]), name))
			return rr_span(fields->element[i + 1]);
	return SPAN_NONE;
}

/* [id, [p, prev, d, payload]] */
bool
rr_row(const redisReply *row, struct msgid *prev, struct msgid *id,
    struct span *payload)
{
	if (row->type != REDIS_REPLY_ARRAY || row->elements != 2 ||
	    row->element[1]->type != REDIS_REPLY_ARRAY ||
	    !rr_reply_id(row->element[0], id))
		return false;
	*payload = field(row->element[1], "d");
	struct span p = field(row->element[1], "p");
	return payload->p && p.p && msgid_parse(p, prev);
}

static void
take_row(struct rr_feed *f, const redisReply *row)
{
	struct msgid prev, id;
	struct span payload;

	if (!rr_row(row, &prev, &id, &payload)) {
		rr_odd(f->r, "a malformed entry of a stream", SPAN_NONE);
		return;
	}
	if (msgid_cmp(id, f->last) <= 0)
		return;
	deliver(f, msgid_cmp(prev, f->last) != 0, prev, id, payload);
}

static void
take_page(struct rr_feed *f, struct rr_fill *page, const redisReply *rows)
{
	struct msgid before = f->last;

	for (size_t i = 0; i < rows->elements && !f->closed && !f->blocked; i++)
		take_row(f, rows->element[i]);
	page->moving = msgid_cmp(before, f->last) != 0;
	page->moved = page->moved || page->moving;
}

/* The stream was read to its end, and what was to be found is not there. */
static void
miss(struct rr_feed *f)
{
	struct msgid target = f->target;

	f->target = (struct msgid){0, 0};
	if (msgid_cmp(f->last, target) >= 0)
		return;
	advance(f, target);
	forget(f);
	tell_gap(f);
}

/* If it found nothing, what is held has a predecessor that is gone. */
static void
fill_done(struct rr_feed *f, bool good, bool moved)
{
	f->fill = NULL;
	f->r->nfills--;
	if (f->blocked) {
		/* It is read anew from here, when it may go on. */
	} else if (good) {
		miss(f);
		drain(f, !moved);
	} else {
		/* All of it is in the stream; coming back will read it. */
		buf_clear(&f->held);
		f->nheld = 0;
	}
	rr_recover_poke(f->r);
}

static bool
send_page(struct rr_fill *page)
{
	struct rr_feed *f = page->feed;
	struct rr *r = f->r;
	char tag[RR_TAG_MAX];
	struct resp_cmd *c = rr_cmd(r);

	resp_str(c, "XRANGE");
	resp_fmt(c, "%s%s:st", r->prefix, rr_conv_tag(tag, f->conv));
	resp_id(c, f->last);
	resp_str(c, "+");
	resp_str(c, "COUNT");
	resp_i64(c, PAGE);
	return redis_link_send(r->cmd, c, rr_feed_on_page, page, NULL) == 0;
}

void
rr_feed_on_page(void *arg, const redisReply *rows, bool written)
{
	struct rr_fill *page = arg;
	struct rr_feed *f = page->feed;

	(void)written;
	if (!f) {
		page->r->nfills--;
		rr_recover_poke(page->r);
		free(page);
		return;
	}
	bool good = rows && rows->type == REDIS_REPLY_ARRAY;
	if (rows && !good && rows->type == REDIS_REPLY_ERROR)
		rr_odd(f->r, "a stream cannot be read", rr_span(rows));
	if (good)
		take_page(f, page, rows);
	/* The owner may have closed the feed in between; it still is there. */
	if (good && !f->closed && !f->blocked && rows->elements == PAGE &&
	    page->moving && send_page(page))
		return;
	if (page->feed)
		fill_done(f, good, page->moved);
	else
		page->r->nfills--;
	free(page);
}

static void
fill(struct rr_feed *f)
{
	struct rr_fill *page;

	if (f->fill || f->closed || f->blocked)
		return;
	page = xcalloc(1, sizeof *page);
	page->r = f->r;
	page->feed = f;
	if (!send_page(page)) {
		free(page);
		return;
	}
	f->fill = page;
	f->r->nfills++;
}

/* --- taking --------------------------------------------------------------- */

/* One message. */
static void
take(struct rr_feed *f, struct span published, bool filled)
{
	struct msgid prev, id;
	struct span rest = published;

	if (codec_get_ids(&rest, &prev, &id) < 0) {
		rr_odd(f->r, "a malformed message", published);
		return;
	}
	if (msgid_cmp(id, f->last) <= 0)
		return;
	int order = msgid_cmp(prev, f->last);
	if (order > 0 && !filled) {
		hold(f, published);
		fill(f);
		return;
	}
	deliver(f, order != 0, prev, id, rest);
}

/* Taking one may close the feed, or leave the others to be held. */
void
rr_feed_take(struct rr_feed *f, struct span published)
{
	do {
		struct span one = codec_next_published(&published);

		if (!f->open || f->fill || f->blocked)
			hold(f, one);
		else
			take(f, one, false);
	} while (published.len > 0 && !f->closed);
}

void
rr_feed_open(struct rr_feed *f, struct msgid last)
{
	advance(f, last);
	forget(f);
	f->open = true;
	drain(f, false);
}

void
rr_feed_check(struct rr_feed *f, struct msgid newest, struct msgid asked)
{
	if (!f->open || f->closed || f->fill || f->blocked)
		return; /* what is being read will show it */
	if (msgid_cmp(newest, asked) < 0 && msgid_cmp(f->last, asked) == 0) {
		f->last = newest;
		forget(f);
		tell_gap(f);
	} else if (msgid_cmp(newest, f->last) > 0) {
		f->target = newest;
		fill(f);
	}
}

void
rr_feed_unblock(struct rr_feed *f)
{
	if (!f->blocked)
		return;
	f->blocked = false;
	f->r->nfills--;
	drain(f, false);
	rr_recover_poke(f->r);
}

void
rr_feed_close(struct rr_feed *f)
{
	f->closed = true;
	rr_feed_unblock(f);
	if (f->fill)
		f->fill->feed = NULL;
	f->fill = NULL;
}

void
rr_feed_fini(struct rr_feed *f)
{
	buf_free(&f->held);
}
