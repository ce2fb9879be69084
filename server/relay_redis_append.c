/* SPDX-License-Identifier: ISC */
/*
 * Appending to the logs of conversations.
 *
 * What a turn of the loop has for one room goes to Redis as one call of the
 * script, which shares the room's look-ups among its messages: in a busy room
 * all who say something are heard in the same turn.  It is gathered while the
 * sockets are read, and leaves when they have been.  Each message is judged and
 * answered by itself; one that is refused takes no other along.
 *
 * The answer is the sender's OK alone: even here the message itself comes up
 * from the subscription.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "server/relay_redis_room.h"

enum {
	BATCH_MAX = 128, /* messages in one call, */
	BATCH_BYTES_MAX = 64 << 10,
};

/* How a message is to be taken, as the script wants it: a digit, their sum. */
enum how { HOW_CID = 1, HOW_SLOW = 2, HOW_TOPIC = 4 };

struct append_op {
	struct rr_op op;
	TAILQ_ENTRY(append_op) entry; /* of its batch */
	relay_append_fn done;
	void *arg;
	struct relay_msg msg; /* points into bytes */
	char bytes[];
};
TAILQ_HEAD(append_ops, append_op);

/* Appends to one conversation, judged by the same version of its rights. */
struct rr_batch {
	TAILQ_ENTRY(rr_batch) entry; /* until it is sent */
	struct rr *r;
	struct rr_room *room; /* likewise; NULL: it is not open here */
	struct conv conv;
	struct append_ops ops;
	unsigned n;
	size_t bytes;
	int64_t deadline; /* of the first */
	struct msgid rv;
	uint64_t slow_ms; /* of those that are slow; 0: none is */
};

static struct pool spare;

/* --- answers -------------------------------------------------------------- */

static void
fail_append(struct rr_op *op, enum relay_status st)
{
	struct append_op *a = (struct append_op *)op;

	a->done(a->arg, st, (struct msgid){0, 0}, false, NULL);
}

static void
failed(struct append_op *a, enum relay_status st)
{
	rr_op_fail(&a->op, st);
	rr_op_free(&a->op);
}

static void
accepted(struct append_op *a, struct msgid id, bool dup)
{
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
on_odd(const struct rr_batch *b, struct append_op *a, struct span rest)
{
	rr_odd(b->r, "an append's answer", rest);
	failed(a, RELAY_UNKNOWN);
}

static void
on_dup(const struct rr_batch *b, struct append_op *a, struct span rest)
{
	struct msgid id;

	if (msgid_parse(rest, &id))
		accepted(a, id, true);
	else
		on_odd(b, a, rest);
}

static void
on_late(const struct rr_batch *b, struct append_op *a, struct span rest)
{
	(void)b;
	(void)rest;
	failed(a, RELAY_DOWN);
}

static void
on_stale(const struct rr_batch *b, struct append_op *a, struct span rest)
{
	struct name name;

	(void)rest;
	if (name_check(span_of(b->conv.key), false, &name) < 0) {
		failed(a, RELAY_FAILED);
		return;
	}
	rr_op_answered(&a->op); /* it will be: the reading has its own time */
	relay_load_rights(&b->r->relay, &name, NULL, NULL, on_fresh, a);
}

static void
on_slow(const struct rr_batch *b, struct append_op *a, struct span rest)
{
	struct msgid wait = {0, 0};

	if (!text_u64(rest, INT64_MAX, &wait.ms)) {
		on_odd(b, a, rest);
		return;
	}
	rr_op_answered(&a->op);
	a->done(a->arg, RELAY_SLOW, wait, false, NULL);
	rr_op_free(&a->op);
}

/* Redis refused this one in the middle of the script. */
static void
on_error(const struct rr_batch *b, struct append_op *a, struct span rest)
{
	redisReply e = {
	    .type = REDIS_REPLY_ERROR, .str = (char *)rest.p, .len = rest.len};

	failed(a, rr_error_status(b->r, &e));
}

/* What an append is answered, where that is no id. */
static const struct {
	const char *word;
	void (*take)(
	    const struct rr_batch *b, struct append_op *a, struct span rest);
} answers[] = {
    {"dup", on_dup},
    {"stale", on_stale},
    {"slow", on_slow},
    {"late", on_late},
    {"error", on_error},
};

static void
take_answer(struct rr_batch *b, struct append_op *a, struct span said)
{
	struct span rest = said, word = text_word(&rest);

	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		if (span_is(word, answers[i].word)) {
			answers[i].take(b, a, rest);
			return;
		}
	}
	on_odd(b, a, said);
}

static void
batch_free(struct rr_batch *b)
{
	pool_give(&spare, b);
}

/* What Redis says of the k-th: one word for all, or each its own. */
static const redisReply *
part_of(const redisReply *reply, const struct rr_batch *b, unsigned k)
{
	if (!reply || reply->type != REDIS_REPLY_ARRAY)
		return reply;
	return reply->elements == b->n ? reply->element[k] : NULL;
}

static void
on_appended(void *arg, const redisReply *reply, bool written)
{
	struct rr_batch *b = arg;
	struct msgid newest = {0, 0}, id;
	struct append_op *a;

	for (unsigned k = 0; (a = TAILQ_FIRST(&b->ops)) != NULL; k++) {
		const redisReply *part = part_of(reply, b, k);

		TAILQ_REMOVE(&b->ops, a, entry);
		if (!rr_op_reply(&a->op, reply, written))
			continue;
		if (!part || part->type != REDIS_REPLY_STRING) {
			on_odd(b, a, rr_span(reply));
		} else if (rr_reply_id(part, &id)) {
			newest = id;
			accepted(a, id, false);
		} else {
			take_answer(b, a, rr_span(part));
		}
	}
	if (newest.ms > 0)
		rr_expect(b->r, &b->conv, newest);
	batch_free(b);
}

/* --- what is sent --------------------------------------------------------- */

static char
how(const struct relay_msg *m)
{
	return (char)('0' + (m->cid.len > 0 ? HOW_CID : 0) +
		      (m->slow_ms > 0 ? HOW_SLOW : 0) +
		      (m->kind == RELAY_TOPIC ? HOW_TOPIC : 0));
}

static void
put_own_keys(
    struct resp_cmd *c, const struct rr_stem *stem, const struct relay_msg *m)
{
	const struct span wait[] = {
	    {stem->text, stem->len}, SPAN("sl:"), m->sender};

	if (m->slow_ms > 0)
		resp_join(c, wait, ARRAY_LEN(wait));
	rr_put_dedupe_key(c, stem, m);
}

static void
put_topic(struct resp_cmd *c, const struct relay_msg *m)
{
	if (m->kind != RELAY_TOPIC)
		return;
	resp_span(c, m->text);
	resp_span(c, m->nick);
}

/* Not rr_cmd(), before which all that was gathered goes. */
static struct resp_cmd *
begin(struct rr *r)
{
	resp_clear(&r->scratch);
	return &r->scratch;
}

/* Gives how many keys there are. */
static unsigned
put_room(struct rr_batch *b)
{
	struct rr *r = b->r;
	const struct rr_room *room = b->room;
	struct rr_append_terms terms = {.deadline = b->deadline,
	    .floor = room ? room->feed.top : (struct msgid){0, 0}};
	char tag[RR_TAG_MAX], hows[BATCH_MAX];
	const struct rr_stem *stem = room ? &room->stem : NULL;
	struct resp_cmd *c = begin(r);
	struct append_op *a;
	struct rr_stem made;
	size_t n = 0;

	if (!stem) {
		rr_stem(&made, r, rr_conv_tag(tag, &b->conv));
		stem = &made;
	}
	rr_put_append_keys(c, stem);
	rr_put_key(c, stem, SPAN("cfg"));
	TAILQ_FOREACH (a, &b->ops, entry) {
		hows[n++] = how(&a->msg);
		put_own_keys(c, stem, &a->msg);
	}
	unsigned nkeys = c->n;
	rr_put_append_terms(r, c, &terms, room ? room->rights : NULL);
	rr_put_key(c, stem, SPAN("c"));
	resp_id(c, b->rv);
	resp_i64(c, (int64_t)b->slow_ms);
	resp_span(c, (struct span){hows, n});
	TAILQ_FOREACH (a, &b->ops, entry)
		rr_put_payload(r, c, &a->msg);
	TAILQ_FOREACH (a, &b->ops, entry)
		put_topic(c, &a->msg);
	return nkeys;
}

/* The highest id this node has seen in the pair. */
static struct msgid
floor_of(struct rr *r, const struct conv *c)
{
	struct rr_feed *f = rr_user_feed(r, rr_pair_lower(c), c);

	if (!f)
		f = rr_user_feed(r, rr_pair_higher(c), c);
	return f ? f->top : (struct msgid){0, 0};
}

/* A pair's are sent one by one. */
static unsigned
put_pair(struct rr_batch *b)
{
	struct rr *r = b->r;
	const struct conv *conv = &b->conv;
	const struct relay_msg *m = &TAILQ_FIRST(&b->ops)->msg;
	struct span lo = rr_pair_lower(conv), hi = rr_pair_higher(conv);
	struct rr_append_terms terms = {
	    .deadline = b->deadline, .floor = floor_of(r, conv)};
	char tag[RR_TAG_MAX];
	struct rr_stem stem;
	struct resp_cmd *c = begin(r);

	rr_stem(&stem, r, rr_conv_tag(tag, conv));
	rr_put_append_keys(c, &stem);
	resp_fmt(c, "%s{u:%.*s}:pairs", r->prefix, SPAN_ARG(lo));
	resp_fmt(c, "%s{u:%.*s}:pairs", r->prefix, SPAN_ARG(hi));
	rr_put_dedupe_key(c, &stem, m);
	unsigned nkeys = c->n;
	rr_put_append_terms(r, c, &terms, NULL);
	rr_put_payload(r, c, m);
	resp_str(c, conv->key);
	resp_fmt(c, "%s{u:%.*s}:c", r->prefix, SPAN_ARG(lo));
	resp_fmt(c, "%s{u:%.*s}:c", r->prefix, SPAN_ARG(hi));
	return nkeys;
}

static const struct {
	enum redis_script_id script;
	unsigned (*put)(struct rr_batch *b);
} kinds[] = {
    [CONV_ROOM] = {SCRIPT_APPEND, put_room},
    [CONV_PAIR] = {SCRIPT_APPEND_PAIR, put_pair},
};

/* --- batches -------------------------------------------------------------- */

static struct rr_batch *
batch_new(struct rr *r, const struct conv *c, struct rr_room *room)
{
	struct rr_batch *b = pool_take(&spare, sizeof *b);

	*b = (struct rr_batch){.r = r,
	    .room = room,
	    .conv = *c,
	    .deadline = rr_append_deadline(r)};
	TAILQ_INIT(&b->ops);
	return b;
}

static void
batch_add(struct rr_batch *b, struct append_op *a)
{
	b->n++;
	b->bytes += relay_msg_bytes(&a->msg);
	b->rv = a->msg.rv;
	if (a->msg.slow_ms > 0)
		b->slow_ms = a->msg.slow_ms;
	TAILQ_INSERT_TAIL(&b->ops, a, entry);
	a->op.waits = true;
	a->op.token = UINT64_MAX; /* not written yet */
}

/* Those whose time is up go no further. */
static void
drop_answered(struct rr_batch *b)
{
	struct append_op *a, *next;

	for (a = TAILQ_FIRST(&b->ops); a; a = next) {
		next = TAILQ_NEXT(a, entry);
		if (!a->op.answered)
			continue;
		TAILQ_REMOVE(&b->ops, a, entry);
		b->n--;
		rr_op_free(&a->op);
	}
}

static void
refuse(struct rr_batch *b, enum relay_status st)
{
	struct append_op *a;

	while ((a = TAILQ_FIRST(&b->ops)) != NULL) {
		TAILQ_REMOVE(&b->ops, a, entry);
		a->op.waits = false;
		rr_op_fail_later(&a->op, st);
	}
	batch_free(b);
}

static void
batch_send(struct rr_batch *b)
{
	struct rr *r = b->r;
	uint64_t token;
	struct append_op *a;

	drop_answered(b);
	if (b->n == 0) {
		batch_free(b);
		return;
	}
	unsigned nkeys = kinds[b->conv.kind].put(b);
	int err = redis_link_eval(r->cmd, kinds[b->conv.kind].script, nkeys,
	    &r->scratch, on_appended, b, &token);
	if (err < 0) {
		refuse(b, err == -LINK_EBUSY ? RELAY_BUSY : RELAY_DOWN);
		return;
	}
	TAILQ_FOREACH (a, &b->ops, entry)
		a->op.token = token;
}

static void
send_gathered(struct rr_batch *b)
{
	TAILQ_REMOVE(&b->r->gathered, b, entry);
	b->room->batch = NULL;
	batch_send(b);
}

void
rr_appends_send(struct rr_room *room)
{
	if (room->batch)
		send_gathered(room->batch);
}

void
rr_appends_flush(struct rr *r)
{
	struct rr_batch *b;

	while ((b = TAILQ_FIRST(&r->gathered)) != NULL)
		send_gathered(b);
}

static void
on_gather(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	rr_appends_flush(arg);
}

/* Can it be sent with those that are there? */
static bool
fits(const struct rr_batch *b, const struct relay_msg *m)
{
	return b->n < BATCH_MAX &&
	       b->bytes + relay_msg_bytes(m) <= BATCH_BYTES_MAX &&
	       msgid_cmp(b->rv, m->rv) == 0 &&
	       (m->slow_ms == 0 || b->slow_ms == 0 || m->slow_ms == b->slow_ms);
}

static void
gather(struct rr_room *room, struct append_op *a)
{
	struct rr *r = room->r;

	if (room->batch && !fits(room->batch, &a->msg))
		rr_appends_send(room);
	if (!room->batch) {
		room->batch = batch_new(r, &room->conv, room);
		if (TAILQ_EMPTY(&r->gathered))
			event_active(r->gather_event, 0, 0);
		TAILQ_INSERT_TAIL(&r->gathered, room->batch, entry);
	}
	batch_add(room->batch, a);
}

void
rr_append(struct relay *relay, const struct conv *c, const struct relay_msg *m,
    relay_append_fn done, void *arg)
{
	struct rr *r = rr_of(relay);
	struct append_op *a =
	    rr_op_new(r, sizeof *a + relay_msg_bytes(m), fail_append, true);
	struct rr_room *room;

	a->done = done;
	a->arg = arg;
	a->msg = *m;
	relay_msg_settle(&a->msg, a->bytes);
	if (!r->up) {
		rr_op_fail_later(&a->op, RELAY_DOWN);
		return;
	}
	room = c->kind == CONV_ROOM ? rr_room_of(r, c) : NULL;
	if (room) {
		gather(room, a);
		return;
	}
	struct rr_batch *alone = batch_new(r, c, NULL);
	batch_add(alone, a);
	batch_send(alone);
}

void
rr_appends_init(struct rr *r)
{
	TAILQ_INIT(&r->gathered);
	r->gather_event = rr_event(r, on_gather, r);
}

/* They are answered as all that is open. */
void
rr_appends_fini(struct rr *r)
{
	struct rr_batch *b;

	while ((b = TAILQ_FIRST(&r->gathered)) != NULL) {
		TAILQ_REMOVE(&r->gathered, b, entry);
		b->room->batch = NULL;
		drop_answered(b);
		refuse(b, RELAY_DOWN);
	}
	event_free(r->gather_event);
}
