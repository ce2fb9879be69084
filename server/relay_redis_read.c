/* SPDX-License-Identifier: ISC */
/*
 * Reading the logs of conversations.
 *
 * A room that is open here has a ring of its newest messages (ring.c), which
 * the feed keeps.  What lies within it is answered from there: most of what
 * those who come back ask for.  All else is read in Redis, where the truth is.
 *
 * Whoever asks the same while it is being read shares the answer.  That is no
 * older than if each had asked: answers come in the order of the commands, so
 * what this node was told before it asked had been done when the log was read;
 * and where the range has no end, the newest message that came up must still be
 * the same.
 *
 * Those who come back in a crowd do not ask the same, though, each has missed
 * another part; and a ring is short when its room was opened just now.  So it
 * is lengthened first, once: the newest entries below it are read, everybody
 * whose answer may be among them waits for that one page, and is then looked
 * after one by one.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "server/relay_redis_room.h"

_Static_assert((int)RING_ENTRIES_MAX < (int)RR_LOG_MIN,
    "else the log may have trimmed what the ring calls kept");

/* The log goes some time after its last message; a margin for clocks. */
enum { FRESH_MARGIN_MS = 1000 };

struct read_op {
	struct rr_op op;
	TAILQ_ENTRY(read_op) entry; /* of its fetch */
	struct rr_fetch *fetch;     /* which it has sent */
	relay_read_fn done;
	void *arg;
	struct conv conv; /* these two without a byte unset: parts of a key */
	struct relay_range range;
};

/* What is being read in Redis, and who waits for it. */
struct fetch_key {
	struct conv conv;
	struct relay_range range;
	struct msgid seen; /* the newest that came up; 0-0: no matter */
	uint64_t alone;    /* not shared: a number of its own */
	bool below;        /* to lengthen the ring, from its base */
};

struct rr_fetch {
	UT_hash_handle hh;
	struct rr *r;
	struct fetch_key key;
	TAILQ_HEAD(, read_op) askers;
};

static void ask_log(struct read_op *rd);

static void
fail_read(struct rr_op *op, enum relay_status st)
{
	struct read_op *rd = (struct read_op *)op;

	rd->done(rd->arg, st, NULL);
}

/* --- pages ---------------------------------------------------------------- */

struct page_builder {
	struct rr *r;
	struct relay_msg msgs[RELAY_READ_MAX];
	size_t n;
};

static void
add_entry(struct page_builder *b, struct msgid prev, struct msgid id,
    struct span payload)
{
	struct relay_msg m;
	int err;

	assert(b->n < RELAY_READ_MAX);
	if ((err = codec_get_msg(&m, payload)) < 0) {
		rr_odd(b->r, codec_strerror(err), payload);
		return;
	}
	m.id = id;
	m.prev = prev;
	if (m.kind == RELAY_RIGHTS)
		m.rv = id;
	b->msgs[b->n++] = m;
}

static void
add_row(struct page_builder *b, const redisReply *row)
{
	struct msgid prev, id;
	struct span payload;

	if (rr_row(row, &prev, &id, &payload))
		add_entry(b, prev, id, payload);
	else
		rr_odd(b->r, "a malformed entry of a stream", SPAN_NONE);
}

static bool
row_id(const redisReply *rows, size_t i, struct msgid *id)
{
	const redisReply *row = i < rows->elements ? rows->element[i] : NULL;

	return row && row->type == REDIS_REPLY_ARRAY && row->elements > 0 &&
	       rr_reply_id(row->element[0], id);
}

/* Forward pages are asked for from `from` on, itself included: can one begin
 * right behind it, and nothing be missing? */
static bool
knows_from(const redisReply *rows, struct msgid from, struct msgid last)
{
	struct msgid prev, id;
	struct span payload;

	if (msgid_is_zero(from))
		return rows->elements == 0
			   ? msgid_is_zero(last)
			   : rr_row(rows->element[0], &prev, &id, &payload) &&
				 msgid_is_zero(prev);
	return msgid_cmp(from, last) == 0 ||
	       (row_id(rows, 0, &id) && msgid_cmp(id, from) == 0);
}

static struct relay_page
forward_page(struct page_builder *b, const struct relay_range *range,
    const redisReply *rows, struct msgid last)
{
	struct relay_page page = {.end = true};
	struct msgid id;
	size_t i = 0, taken = 0;

	page.gap = range->check_from && !knows_from(rows, range->from, last);
	if (row_id(rows, 0, &id) && msgid_cmp(id, range->from) == 0)
		i = 1;
	for (; i < rows->elements && taken < range->n; i++, taken++)
		add_row(b, rows->element[i]);
	page.end = i == rows->elements;
	return page;
}

/* Newest first, and one more than was asked for. */
static struct relay_page
backward_page(struct page_builder *b, const struct relay_range *range,
    const redisReply *rows)
{
	size_t n = rows->elements < range->n ? rows->elements : range->n;

	for (size_t i = n; i > 0; i--)
		add_row(b, rows->element[i - 1]);
	return (struct relay_page){.end = rows->elements <= range->n};
}

/* --- from the ring -------------------------------------------------------- */

/*
 * Is the log still there?  It expires with silence.  Its last message is as old
 * as its id says, by Redis' clock; and at least as old as we have known it,
 * should that clock have been set back meanwhile.
 */
static bool
is_fresh(const struct rr_room *room)
{
	struct rr *r = room->r;
	const struct rr_feed *f = &room->feed;
	int64_t age_ms = rr_redis_deadline(r, 0) - (int64_t)f->last.ms;
	int64_t known_ms = (int64_t)(clock_now_ms() - f->heard_ms);

	if (age_ms < known_ms)
		age_ms = known_ms;
	return age_ms + FRESH_MARGIN_MS < rr_log_ttl(r, room->rights);
}

void
rr_ring_tidy(struct rr_room *room)
{
	if (room->ring.n > 0 && !is_fresh(room))
		ring_reset(&room->ring, room->feed.last);
}

static enum ring_verdict
ask_ring(struct rr *r, const struct read_op *rd, struct ring_page *page)
{
	const struct rr_room *room = rd->conv.kind == CONV_ROOM
					 ? rr_room_find_open(r, rd->conv.key)
					 : NULL;

	if (!room || !room->feed.open || !is_fresh(room))
		return RING_CANNOT;
	return ring_read(&room->ring, &rd->range, page);
}

static void
tell_page(struct read_op *rd, const struct ring_page *kept)
{
	struct page_builder b = {.r = rd->op.r};

	for (size_t i = 0; i < kept->n; i++) {
		const struct ring_entry *e = kept->entries[i];

		add_entry(
		    &b, e->prev, e->id, (struct span){e->payload, e->len});
	}
	struct relay_page page = {
	    .msgs = b.msgs, .n = b.n, .gap = kept->gap, .end = kept->end};
	rr_op_answered(&rd->op);
	rd->done(rd->arg, RELAY_OK, &page);
	rr_op_free(&rd->op);
}

/* From the loop; the ring may be another one by now. */
static void
answer_now(struct rr_op *op)
{
	struct read_op *rd = (struct read_op *)op;
	struct ring_page page;

	if (!op->r->up) {
		rr_op_fail(op, RELAY_DOWN);
		rr_op_free(op);
	} else if (ask_ring(op->r, rd, &page) == RING_ANSWERS) {
		tell_page(rd, &page);
	} else {
		ask_log(rd);
	}
}

/* --- lengthening the ring ------------------------------------------------- */

/* Rows from the base down, newest first. */
static void
take_below(struct rr_room *room, const redisReply *rows)
{
	struct relay_msg m;
	struct msgid prev, id;
	struct span payload;

	for (size_t i = 0; i < rows->elements; i++)
		if (!rr_row(rows->element[i], &prev, &id, &payload) ||
		    codec_get_msg(&m, payload) < 0 ||
		    !ring_push_below(&room->ring, prev, id, payload))
			return;
}

static void
lengthen(const struct rr_fetch *f, const redisReply *rows)
{
	struct rr_room *room = rr_room_find_open(f->r, f->key.conv.key);

	if (!room)
		return;
	take_below(room, rows);
	room->lengthened = room->ring.base;
}

/* Has it not been tried yet? */
static bool
may_lengthen(struct rr *r, const struct read_op *rd)
{
	const struct rr_room *room = rr_room_find_open(r, rd->conv.key);

	return !ring_is_full(&room->ring) &&
	       msgid_cmp(room->lengthened, room->ring.base) != 0;
}

/* From the base on; and one more than finds room, which proves that it is
 * there. */
static void
make_key_below(struct fetch_key *key, struct rr *r, const struct read_op *rd)
{
	const struct ring *ring = &rr_room_find_open(r, rd->conv.key)->ring;

	memset(key, 0, sizeof *key);
	key->conv = rd->conv;
	key->below = true;
	key->range.direction = RELAY_BACKWARD;
	key->range.from = msgid_next(ring->base);
	key->range.n = (unsigned)(RING_ENTRIES_MAX - ring->n);
}

/* --- from Redis ----------------------------------------------------------- */

static bool
is_page(const redisReply *reply, struct msgid *last)
{
	return reply && reply->type == REDIS_REPLY_ARRAY &&
	       reply->elements == 2 && rr_reply_id(reply->element[0], last) &&
	       reply->element[1]->type == REDIS_REPLY_ARRAY;
}

/* One asker's part of an answer that all of them share. */
static void
answer_asker(struct read_op *rd, const struct relay_page *page)
{
	if (page) {
		rr_op_answered(&rd->op);
		rd->done(rd->arg, RELAY_OK, page);
	} else {
		rr_op_fail(&rd->op, RELAY_FAILED);
	}
	rr_op_free(&rd->op);
}

static void
answer_askers(struct rr_fetch *f, const redisReply *reply, bool written,
    const struct relay_page *page)
{
	struct read_op *rd;

	while ((rd = TAILQ_FIRST(&f->askers)) != NULL) {
		TAILQ_REMOVE(&f->askers, rd, entry);
		if (!rr_op_reply(&rd->op, reply, written))
			continue;
		if (f->key.below)
			answer_now(&rd->op);
		else
			answer_asker(rd, page);
	}
}

static void
on_rows(void *arg, const redisReply *reply, bool written)
{
	struct rr_fetch *f = ((struct read_op *)arg)->fetch;
	struct rr *r = f->r;
	struct page_builder b = {.r = r};
	struct relay_page page;
	struct msgid last;
	bool good = is_page(reply, &last);

	/* Whoever asks from now on asks anew. */
	HASH_DEL(r->fetches, f);
	if (!good && reply && reply->type != REDIS_REPLY_ERROR)
		rr_odd(r, "a log's page", rr_span(reply));
	if (good && f->key.below) {
		lengthen(f, reply->element[1]);
	} else if (good) {
		page =
		    f->key.range.direction == RELAY_FORWARD
			? forward_page(
			      &b, &f->key.range, reply->element[1], last)
			: backward_page(&b, &f->key.range, reply->element[1]);
		page.msgs = b.msgs;
		page.n = b.n;
	}
	answer_askers(f, reply, written, good ? &page : NULL);
	free(f);
}

static void
put_range(struct resp_cmd *c, const struct relay_range *range)
{
	char id[MSGID_LEN_MAX + 1];

	if (range->direction == RELAY_FORWARD) {
		resp_str(c, "XRANGE");
		resp_id(c, range->from);
		if (msgid_is_zero(range->to))
			resp_str(c, "+");
		else
			resp_id(c, range->to);
		resp_i64(c, range->n + 2);
		return;
	}
	resp_str(c, "XREVRANGE");
	msgid_format(range->from, id);
	if (msgid_is_zero(range->from))
		resp_str(c, "+");
	else
		resp_fmt(c, "(%s", id);
	resp_str(c, "-");
	resp_i64(c, range->n + 1);
}

/* True if an answer will come. */
static bool
fetch_send(struct rr_fetch *f, struct read_op *first)
{
	struct rr *r = f->r;
	char tag[RR_TAG_MAX];
	struct resp_cmd *c = rr_cmd(r);

	rr_conv_tag(tag, &f->key.conv);
	resp_fmt(c, "%s%s:st", r->prefix, tag);
	resp_fmt(c, "%s%s:la", r->prefix, tag);
	put_range(c, &f->key.range);
	first->fetch = f;
	return rr_op_eval(&first->op, SCRIPT_READ, 2, on_rows);
}

static void
fetch(struct read_op *rd, const struct fetch_key *key)
{
	struct rr *r = rd->op.r;
	struct rr_fetch *f = xcalloc(1, sizeof *f);

	f->r = r;
	f->key = *key;
	TAILQ_INIT(&f->askers);
	if (!fetch_send(f, rd)) {
		free(f);
		return;
	}
	HASH_ADD(hh, r->fetches, key, sizeof f->key, f);
	TAILQ_INSERT_TAIL(&f->askers, rd, entry);
}

/* Waits as if it had sent the command itself. */
static void
share(struct read_op *rd, struct rr_fetch *f)
{
	rd->op.waits = true;
	rd->op.token = TAILQ_FIRST(&f->askers)->op.token;
	TAILQ_INSERT_TAIL(&f->askers, rd, entry);
}

static void
fetch_or_share(struct read_op *rd, const struct fetch_key *key)
{
	struct rr_fetch *f;

	HASH_FIND(hh, rd->op.r->fetches, key, sizeof *key, f);
	if (f)
		share(rd, f);
	else
		fetch(rd, key);
}

/* What of the log may differ for two who ask the same: nothing where the range
 * ends at or below what has come up already. */
static struct msgid
seen_by(const struct read_op *rd, const struct rr_feed *feed)
{
	struct msgid to = rd->range.direction == RELAY_FORWARD ? rd->range.to
							       : rd->range.from;

	if (!msgid_is_zero(to) && msgid_cmp(to, feed->last) <= 0)
		return (struct msgid){0, 0};
	return feed->last;
}

static void
ask_log(struct read_op *rd)
{
	struct rr_feed *feed = rd->conv.kind == CONV_ROOM
				   ? rr_room_feed(rd->op.r, rd->conv.key)
				   : NULL;
	struct fetch_key key;

	memset(&key, 0, sizeof key); /* it is compared byte by byte */
	key.conv = rd->conv;
	key.range = rd->range;
	if (feed) {
		key.seen = seen_by(rd, feed);
		fetch_or_share(rd, &key);
	} else {
		key.alone = ++rd->op.r->fetched;
		fetch(rd, &key);
	}
}

/* --- asking --------------------------------------------------------------- */

/* Every byte of what is part of a key is set, also between the fields. */
static void
read_copy(struct read_op *rd, const struct conv *conv,
    const struct relay_range *range)
{
	memset(&rd->conv, 0, sizeof rd->conv);
	rd->conv.kind = conv->kind;
	span_copy(rd->conv.key, sizeof rd->conv.key, span_of(conv->key));
	rd->range.direction = range->direction;
	rd->range.from = range->from;
	rd->range.to = range->to;
	rd->range.check_from = range->check_from;
	rd->range.n = range->n;
}

void
rr_read(struct relay *relay, const struct conv *conv,
    const struct relay_range *range, relay_read_fn done, void *arg)
{
	struct rr *r = rr_of(relay);
	struct read_op *rd = rr_op_new(r, sizeof *rd, fail_read, false);
	struct ring_page page;

	rd->done = done;
	rd->arg = arg;
	read_copy(rd, conv, range);
	if (!r->up) {
		rr_op_fail_later(&rd->op, RELAY_DOWN);
		return;
	}
	enum ring_verdict v = ask_ring(r, rd, &page);
	if (v == RING_ANSWERS) {
		rr_op_call_later(&rd->op, answer_now);
	} else if (v == RING_SHORT && may_lengthen(r, rd)) {
		struct fetch_key key;

		make_key_below(&key, r, rd);
		fetch_or_share(rd, &key);
	} else {
		ask_log(rd);
	}
}
