/* SPDX-License-Identifier: ISC */
/*
 * The logs of conversations: their keys, and appending to them.
 *
 * An append is one script, and its answer is the sender's OK alone: even here
 * the message itself comes up from the subscription.  Should that not bring it
 * soon, the stream is asked, because nobody else would notice the loss of a
 * conversation's last message.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "server/relay_redis_room.h"

enum { EXPECT_MS = 500 };

/* --- keys ----------------------------------------------------------------- */

char *
rr_room_tag(char dst[static RR_TAG_MAX], const char *fold)
{
	memcpy(dst, "{r:", 3);
	codec_key(dst + 3, RR_TAG_MAX - 4, span_of(fold));
	size_t len = strlen(dst);
	dst[len] = '}';
	dst[len + 1] = '\0';
	return dst;
}

char *
rr_conv_tag(char dst[static RR_TAG_MAX], const struct conv *c)
{
	if (c->kind == CONV_ROOM)
		return rr_room_tag(dst, c->key);
	snprintf(dst, RR_TAG_MAX, "{d:%s}", c->key);
	return dst;
}

void
rr_stem(struct rr_stem *dst, struct rr *r, const char *tag)
{
	dst->len = (size_t)snprintf(
	    dst->text, sizeof dst->text, "%s%s:", r->prefix, tag);
}

void
rr_put_key(struct resp_cmd *c, const struct rr_stem *stem, struct span end)
{
	const struct span parts[] = {{stem->text, stem->len}, end};

	resp_join(c, parts, ARRAY_LEN(parts));
}

/* --- what the subscription owes ------------------------------------------- */

struct rr_expect {
	TAILQ_ENTRY(rr_expect) entry;
	uint64_t due_ms;
	struct msgid id;
	struct conv conv;
};

/* Below the highest one ever seen nothing is owed, also where history has gone
 * back since: that was said when it was found. */
static void
check_feed(struct rr_feed *f, struct msgid id)
{
	if (f && msgid_cmp(f->top, id) < 0)
		rr_feed_check(f, id, f->last);
}

static struct span
lower_of(const struct conv *c)
{
	return (struct span){c->key, (size_t)(strchr(c->key, ':') - c->key)};
}

static struct span
higher_of(const struct conv *c)
{
	return span_of(strchr(c->key, ':') + 1);
}

static void
check_conv(struct rr *r, const struct conv *c, struct msgid id)
{
	if (c->kind == CONV_ROOM) {
		check_feed(rr_room_feed(r, c->key), id);
		return;
	}
	check_feed(rr_user_feed(r, lower_of(c), c), id);
	check_feed(rr_user_feed(r, higher_of(c), c), id);
}

static void
on_expect(int fd, short what, void *arg)
{
	struct rr *r = arg;
	uint64_t now_ms = clock_now_ms();
	struct rr_expect *e;

	(void)fd;
	(void)what;
	while ((e = TAILQ_FIRST(&r->expected)) != NULL && e->due_ms <= now_ms) {
		TAILQ_REMOVE(&r->expected, e, entry);
		check_conv(r, &e->conv, e->id);
		free(e);
	}
	if (e)
		rr_event_in(r->expect_timer, e->due_ms - now_ms);
}

void
rr_expect(struct rr *r, const struct conv *c, struct msgid id)
{
	bool first = TAILQ_EMPTY(&r->expected);
	struct rr_expect *e = xcalloc(1, sizeof *e);
	uint64_t in_ms = EXPECT_MS < r->c.say_timeout_ms
			     ? EXPECT_MS
			     : (uint64_t)r->c.say_timeout_ms;

	e->due_ms = clock_now_ms() + in_ms;
	e->id = id;
	e->conv = *c;
	TAILQ_INSERT_TAIL(&r->expected, e, entry);
	if (first)
		rr_event_in(r->expect_timer, in_ms);
}

void
rr_expect_init(struct rr *r)
{
	TAILQ_INIT(&r->expected);
	r->expect_timer = rr_event(r, on_expect, r);
}

void
rr_expect_fini(struct rr *r)
{
	struct rr_expect *e;

	while ((e = TAILQ_FIRST(&r->expected)) != NULL) {
		TAILQ_REMOVE(&r->expected, e, entry);
		free(e);
	}
	event_free(r->expect_timer);
}

/* --- append --------------------------------------------------------------- */

struct append_op {
	struct rr_op op;
	relay_append_fn done;
	void *arg;
	struct conv conv;
	struct relay_msg msg; /* should it be stale; points into bytes */
	char bytes[];
};

static void
fail_append(struct rr_op *op, enum relay_status st)
{
	struct append_op *a = (struct append_op *)op;

	a->done(a->arg, st, (struct msgid){0, 0}, false, NULL);
}

static void
accepted(struct append_op *a, struct msgid id, bool dup)
{
	struct rr *r = a->op.r;

	if (!dup)
		rr_expect(r, &a->conv, id);
	rr_op_answered(&a->op);
	a->done(a->arg, RELAY_OK, id, dup, NULL);
	rr_op_free(&a->op);
}

/* The rights are read before the sender may try again: by then it has been told
 * of them. */
static void
on_fresh(void *arg, enum relay_status st, struct rights *rights)
{
	struct append_op *a = arg;
	bool good = st == RELAY_OK || st == RELAY_NONE;

	(void)rights;
	a->done(a->arg, good ? RELAY_STALE : RELAY_DOWN, (struct msgid){0, 0},
	    false, good ? &a->msg : NULL);
	rr_op_free(&a->op);
}

static void
stale(struct append_op *a)
{
	struct name name;

	if (name_check(span_of(a->conv.key), false, &name) < 0) {
		rr_op_fail(&a->op, RELAY_FAILED);
		rr_op_free(&a->op);
		return;
	}
	rr_op_answered(&a->op); /* it will be: the reading has its own time */
	relay_load_rights(&a->op.r->relay, &name, NULL, NULL, on_fresh, a);
}

static void
refused(struct append_op *a, const redisReply *reply)
{
	struct span why = rr_span(reply->element[0]);
	uint64_t ms = (uint64_t)reply->element[1]->integer;

	if (span_is(why, "late")) {
		rr_op_fail(&a->op, RELAY_DOWN);
	} else if (span_is(why, "slow")) {
		rr_op_answered(&a->op);
		a->done(a->arg, RELAY_SLOW, (struct msgid){ms, 0}, false, NULL);
	} else {
		rr_odd(a->op.r, "an append's answer", why);
		rr_op_fail(&a->op, RELAY_UNKNOWN);
	}
	rr_op_free(&a->op);
}

static void
on_appended(void *arg, const redisReply *reply, bool written)
{
	struct append_op *a = arg;
	struct msgid id;

	if (!rr_op_reply(&a->op, reply, written))
		return;
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
	    reply->element[1]->type != REDIS_REPLY_INTEGER) {
		rr_odd(a->op.r, "an append's answer", rr_span(reply));
		rr_op_fail(&a->op, RELAY_UNKNOWN);
		rr_op_free(&a->op);
	} else if (rr_reply_id(reply->element[0], &id)) {
		accepted(a, id, reply->element[1]->integer != 0);
	} else if (span_is(rr_span(reply->element[0]), "stale")) {
		stale(a);
	} else {
		refused(a, reply);
	}
}

void
rr_put_append_keys(struct resp_cmd *c, const struct rr_stem *stem)
{
	rr_put_key(c, stem, SPAN("st"));
	rr_put_key(c, stem, SPAN("la"));
}

void
rr_put_dedupe_key(
    struct resp_cmd *c, const struct rr_stem *stem, const struct relay_msg *m)
{
	const struct span parts[] = {
	    {stem->text, stem->len}, SPAN("dd:"), m->sender, SPAN(":"), m->cid};

	if (m->cid.len > 0)
		resp_join(c, parts, ARRAY_LEN(parts));
}

void
rr_put_append_args(struct rr *r, struct resp_cmd *c, struct msgid floor,
    const struct relay_msg *m, const struct rights *rights)
{
	resp_i64(c, rr_redis_deadline(r, (uint64_t)r->c.say_timeout_ms));
	resp_id(c, floor);
	resp_i64(c, rr_log_max(r, rights));
	resp_i64(c, rr_log_ttl(r, rights));
	resp_i64(c, m->cid.len > 0 ? r->c.dedupe_ms : 0);
	buf_clear(&r->text);
	codec_put_msg(&r->text, m);
	resp_span(c, (struct span){buf_head(&r->text), buf_len(&r->text)});
}

/* room: NULL where it is not open here.  Gives how many keys there are. */
static unsigned
put_room(struct rr *r, const struct conv *conv, const struct rr_room *room,
    const struct relay_msg *m)
{
	const struct rr_stem *stem = room ? &room->stem : NULL;
	struct resp_cmd *c = rr_cmd(r);
	struct rr_stem made;
	char tag[RR_TAG_MAX];

	if (!stem) {
		rr_stem(&made, r, rr_conv_tag(tag, conv));
		stem = &made;
	}
	const struct span wait[] = {
	    {stem->text, stem->len}, SPAN("sl:"), m->sender};
	rr_put_append_keys(c, stem);
	rr_put_key(c, stem, SPAN("cfg"));
	if (m->slow_ms > 0)
		resp_join(c, wait, ARRAY_LEN(wait));
	rr_put_dedupe_key(c, stem, m);
	unsigned nkeys = c->n;
	rr_put_append_args(r, c, room ? room->feed.top : (struct msgid){0, 0},
	    m, room ? room->rights : NULL);
	rr_put_key(c, stem, SPAN("c"));
	resp_id(c, m->rv);
	resp_i64(c, (int64_t)m->slow_ms);
	if (m->kind == RELAY_TOPIC) {
		resp_span(c, m->text);
		resp_span(c, m->nick);
	}
	return nkeys;
}

/* The highest id this node has seen in the pair. */
static struct msgid
floor_of(struct rr *r, const struct conv *c)
{
	struct rr_feed *f = rr_user_feed(r, lower_of(c), c);

	if (!f)
		f = rr_user_feed(r, higher_of(c), c);
	return f ? f->top : (struct msgid){0, 0};
}

static unsigned
put_pair(struct rr *r, const struct conv *conv, const struct relay_msg *m)
{
	struct span lo = lower_of(conv), hi = higher_of(conv);
	char tag[RR_TAG_MAX];
	struct rr_stem stem;
	struct resp_cmd *c = rr_cmd(r);

	rr_stem(&stem, r, rr_conv_tag(tag, conv));
	rr_put_append_keys(c, &stem);
	resp_fmt(c, "%s{u:%.*s}:pairs", r->prefix, SPAN_ARG(lo));
	resp_fmt(c, "%s{u:%.*s}:pairs", r->prefix, SPAN_ARG(hi));
	rr_put_dedupe_key(c, &stem, m);
	unsigned nkeys = c->n;
	rr_put_append_args(r, c, floor_of(r, conv), m, NULL);
	resp_str(c, conv->key);
	resp_fmt(c, "%s{u:%.*s}:c", r->prefix, SPAN_ARG(lo));
	resp_fmt(c, "%s{u:%.*s}:c", r->prefix, SPAN_ARG(hi));
	return nkeys;
}

void
rr_append(struct relay *relay, const struct conv *c, const struct relay_msg *m,
    relay_append_fn done, void *arg)
{
	struct rr *r = rr_of(relay);
	struct append_op *a =
	    rr_op_new(r, sizeof *a + relay_msg_bytes(m), fail_append, true);

	a->done = done;
	a->arg = arg;
	a->conv = *c;
	a->msg = *m;
	relay_msg_settle(&a->msg, a->bytes);
	if (!r->up) {
		rr_op_fail_later(&a->op, RELAY_DOWN);
		return;
	}
	if (c->kind == CONV_ROOM)
		rr_op_eval(&a->op, SCRIPT_APPEND,
		    put_room(r, c, rr_room_of(r, c), m), on_appended);
	else
		rr_op_eval(
		    &a->op, SCRIPT_APPEND_PAIR, put_pair(r, c, m), on_appended);
}
