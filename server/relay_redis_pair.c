/* SPDX-License-Identifier: ISC */
/*
 * Conversations of two: watched senders, and what reaches them.
 *
 * Each sender has one channel, on which the messages of all its pairs come, and
 * an index of its pairs with their newest ids.  The index is read when the
 * subscription stands, so a pair that is not in it is a new one and begins at
 * 0-0; after a break it is read again and shows which pairs went on meanwhile.
 *
 * When both of a pair are watched here, each has its own feed of it.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/relay_redis_int.h"

enum { PAIRS_MAX = 65536, HELD_BYTES_MAX = 1 << 20 };

struct pair {
	UT_hash_handle hh;
	struct rr_user *user;
	struct conv conv;
	struct rr_feed feed;
	struct msgid asked;
};

enum user_state { SUBSCRIBING, READING, OPEN };

struct reading;

/* There is one for every client, so it is small. */
struct rr_user {
	struct rr_user *next_dead;
	struct rr *r;
	void *user;
	struct watch_op *opening; /* until it is OPEN */
	struct reading *reading;
	struct rr_chan *chan;
	struct pair *pairs; /* by the conversation's key */
	enum user_state state;
	bool closed;
	char sender[SENDER_ID_LEN + 1];
};

/* A watch that begins; it outlives a user that ends meanwhile. */
struct watch_op {
	struct rr_op op;
	struct rr_user *user; /* NULL: unwatched */
	relay_done_fn done;
	void *arg;
	struct buf held; /* what came while READING */
	bool overflowed;
};

static struct span
user_key(const void *user)
{
	return span_of(((const struct rr_user *)user)->sender);
}

void
rr_users_init(struct rr *r)
{
	r->users = INDEX_BY(user_key);
}

/* For what may change the table: the memory of all is good until the loop's
 * next turn.  free() it. */
static struct rr_user **
all_users(struct rr *r)
{
	struct rr_user *u, **all = xcalloc(r->users.n + 1, sizeof(void *));
	uint32_t at = 0, n = 0;

	while ((u = index_next(&r->users, &at)) != NULL)
		all[n++] = u;
	return all;
}

static struct rr_user *
find(struct rr *r, struct span sender)
{
	return index_find(&r->users, sender);
}

/* --- pairs ---------------------------------------------------------------- */

static void
pair_message(void *owner, const struct relay_msg *m)
{
	struct pair *p = owner;
	struct rr *r = p->user->r;

	r->relay.ev.on_pair_message(
	    r->relay.ev_arg, p->user->user, &p->conv, m);
}

/* Upward there is no word for it: the conversation goes on. */
static void
pair_gap(void *owner)
{
	(void)owner;
}

static const struct rr_feed_ops feed_ops = {NULL, pair_message, pair_gap};

static struct pair *
find_pair(struct rr_user *u, struct span key)
{
	struct pair *p;

	HASH_FIND(hh, u->pairs, key.p, key.len, p);
	return p;
}

static bool
has_member(struct span key, const char *sender)
{
	struct span lo = {key.p, SENDER_ID_LEN};
	struct span hi = {key.p + SENDER_ID_LEN + 1, SENDER_ID_LEN};

	return span_is(lo, sender) || span_is(hi, sender);
}

/* NULL if that is no pair of this sender. */
static struct pair *
get_pair(struct rr_user *u, struct span key)
{
	struct pair *p;

	if (!codec_is_pair(key) || !has_member(key, u->sender))
		return NULL;
	if ((p = find_pair(u, key)) != NULL)
		return p;
	if (HASH_COUNT(u->pairs) >= PAIRS_MAX)
		return NULL;
	p = xcalloc(1, sizeof *p);
	p->user = u;
	p->conv.kind = CONV_PAIR;
	span_copy(p->conv.key, sizeof p->conv.key, key);
	rr_feed_init(&p->feed, u->r, &p->conv, &feed_ops, p);
	HASH_ADD_KEYPTR(hh, u->pairs, p->conv.key, key.len, p);
	return p;
}

struct rr_feed *
rr_user_feed(struct rr *r, struct span sender, const struct conv *c)
{
	struct rr_user *u = find(r, sender);
	struct pair *p;

	if (!u || u->closed || u->state != OPEN)
		return NULL;
	if ((p = get_pair(u, span_of(c->key))) == NULL)
		return NULL;
	if (!p->feed.open)
		rr_feed_open(&p->feed, (struct msgid){0, 0});
	return &p->feed;
}

/* --- the channel ---------------------------------------------------------- */

static void
take_typing(struct rr_user *u, struct span payload)
{
	struct rr *r = u->r;
	struct codec_event e;
	int err = codec_get_event(&e, payload);

	if (err < 0)
		rr_odd(r, codec_strerror(err), payload);
	else if (e.what == NEWS_TYPING && u->state == OPEN)
		r->relay.ev.on_pair_typing(
		    r->relay.ev_arg, u->user, e.sender, e.nick);
}

/* `LO:HI PREV ID PAYLOAD` */
static void
take_message(struct rr_user *u, struct span payload)
{
	struct span key = text_word(&payload);
	struct pair *p = get_pair(u, key);

	if (!p) {
		rr_odd(u->r, "a message of no pair", key);
		return;
	}
	if (!p->feed.open)
		rr_feed_open(&p->feed, (struct msgid){0, 0});
	rr_feed_take(&p->feed, payload);
}

static void
hold(struct watch_op *w, struct span payload)
{
	uint32_t len = (uint32_t)payload.len;

	if (buf_len(&w->held) + payload.len > HELD_BYTES_MAX) {
		w->overflowed = true;
		return;
	}
	buf_add(&w->held, &len, sizeof len);
	buf_add(&w->held, payload.p, payload.len);
}

static void
on_channel(void *owner, struct span payload)
{
	struct rr_user *u = owner;

	if (payload.len > 0 && payload.p[0] == '@')
		take_typing(u, payload);
	else if (u->state == OPEN)
		take_message(u, payload);
	else
		hold(u->opening, payload);
}

static void
release_held(struct rr_user *u, struct buf *held)
{
	while (buf_len(held) > 0 && !u->closed) {
		uint32_t len;

		memcpy(&len, buf_head(held), sizeof len);
		take_message(
		    u, (struct span){buf_head(held) + sizeof len, len});
		buf_drain(held, sizeof len + len);
	}
}

/* --- the index ------------------------------------------------------------ */

static void
put_index(struct rr_user *u)
{
	struct resp_cmd *c = rr_cmd(u->r);

	resp_str(c, "HGETALL");
	resp_fmt(c, "%s{u:%s}:pairs", u->r->prefix, u->sender);
}

/* first: nothing was heard of them yet. */
static void
take_index(struct rr_user *u, const redisReply *index, bool first)
{
	struct msgid newest;

	for (size_t i = 0; i + 1 < index->elements && !u->closed; i += 2) {
		struct span key = rr_span(index->element[i]);
		struct pair *p = key.p ? get_pair(u, key) : NULL;

		if (!p || !rr_reply_id(index->element[i + 1], &newest))
			rr_odd(u->r, "an index of pairs", key);
		else if (first)
			rr_feed_open(&p->feed, newest);
		else if (!p->feed.open)
			rr_feed_open(&p->feed, (struct msgid){0, 0});
		if (p && !first)
			rr_feed_check(&p->feed, newest, p->asked);
	}
}

/* An index being read again; it outlives a watch that ends meanwhile. */
struct reading {
	struct rr *r;
	struct rr_user *user; /* NULL: unwatched */
	uint64_t run;
};

static void
on_index_again(void *arg, const redisReply *reply, bool written)
{
	struct reading *rd = arg;
	bool good = reply && reply->type == REDIS_REPLY_ARRAY;

	(void)written;
	if (reply && !good)
		rr_odd(rd->r, "an index of pairs", rr_span(reply));
	if (rd->user) {
		rd->user->reading = NULL;
		if (good)
			take_index(rd->user, reply, false);
	}
	rr_task_done(rd->r, rd->run, reply != NULL);
	free(rd);
}

bool
rr_user_restore(struct rr *r, const char *sender)
{
	struct rr_user *u = find(r, span_of(sender));
	struct pair *p, *next;

	if (!u || u->closed || u->state != OPEN)
		return false;
	if (u->reading)
		u->reading->user = NULL;
	HASH_ITER (hh, u->pairs, p, next)
		p->asked = p->feed.last;
	struct reading *rd = xcalloc(1, sizeof *rd);
	rd->r = r;
	rd->user = u;
	rd->run = r->run;
	rr_account_on(r, u->sender, true);
	put_index(u);
	u->reading = rd;
	if (redis_link_send(r->cmd, &r->scratch, on_index_again, rd, NULL) == 0)
		return true;
	u->reading = NULL;
	free(rd);
	return false;
}

void
rr_users_add_tasks(struct rr *r)
{
	const struct rr_user *u;
	uint32_t at = 0;

	while ((u = index_next(&r->users, &at)) != NULL)
		if (!u->closed && u->state == OPEN)
			rr_task_add(r, TASK_USER, u->sender);
}

/* --- watching ------------------------------------------------------------- */

static void
fini_watch(struct rr_op *op)
{
	buf_free(&((struct watch_op *)op)->held);
}

static void
user_free(struct rr_user *u)
{
	struct pair *p, *next;

	HASH_ITER (hh, u->pairs, p, next) {
		HASH_DEL(u->pairs, p);
		rr_feed_fini(&p->feed);
		free(p);
	}
	free(u);
}

/* No call back of its follows; the memory goes with the loop. */
static void
bury(struct rr_user *u)
{
	struct rr *r = u->r;
	struct pair *p, *next;

	u->closed = true;
	HASH_ITER (hh, u->pairs, p, next)
		rr_feed_close(&p->feed);
	if (u->chan)
		rr_chan_close(r, u->chan);
	u->chan = NULL;
	if (u->reading)
		u->reading->user = NULL;
	u->reading = NULL;
	index_drop(&r->users, u);
	u->next_dead = r->user_grave;
	r->user_grave = u;
	event_active(r->reaper, 0, 0);
}

void
rr_reap_users(struct rr *r)
{
	struct rr_user *u;

	while ((u = r->user_grave) != NULL) {
		r->user_grave = u->next_dead;
		user_free(u);
	}
}

static void
fail_watch(struct rr_op *op, enum relay_status st)
{
	struct watch_op *w = (struct watch_op *)op;
	struct rr_user *u = w->user;

	if (u) {
		w->user = NULL;
		u->opening = NULL;
		bury(u);
	}
	w->done(w->arg, st);
}

static void
watched(struct watch_op *w, const redisReply *index)
{
	struct rr_user *u = w->user;

	u->opening = NULL;
	take_index(u, index, true);
	u->state = OPEN;
	rr_op_answered(&w->op);
	w->done(w->arg, RELAY_OK);
	release_held(u, &w->held);
	if (w->overflowed && !u->closed)
		rr_recover(u->r);
}

static void
on_index(void *arg, const redisReply *reply, bool written)
{
	struct watch_op *w = arg;

	if (!rr_op_reply(&w->op, reply, written))
		return;
	if (reply->type != REDIS_REPLY_ARRAY) {
		rr_odd(w->op.r, "an index of pairs", rr_span(reply));
		rr_op_fail(&w->op, RELAY_FAILED);
	} else if (!w->user) {
		rr_op_fail(&w->op, RELAY_DOWN);
	} else {
		watched(w, reply);
	}
	rr_op_free(&w->op);
}

static void
on_subscribed(void *owner)
{
	struct rr_user *u = owner;
	struct rr *r = u->r;

	if (u->state != SUBSCRIBING)
		return; /* again, after a break */
	struct watch_op *w = u->opening;
	u->state = READING;
	rr_op_touch(&w->op);
	rr_account_on(r, u->sender, true);
	put_index(u);
	w->op.waits = redis_link_send(
			  r->cmd, &r->scratch, on_index, w, &w->op.token) == 0;
	if (!w->op.waits)
		rr_op_fail_later(&w->op, RELAY_DOWN);
}

static const struct rr_chan_ops chan_ops = {on_subscribed, on_channel};

void
rr_watch(struct relay *relay, const char *sender, void *user,
    relay_done_fn done, void *arg)
{
	struct rr *r = rr_of(relay);
	struct watch_op *w = rr_op_new(r, sizeof *w, fail_watch, false);
	struct rr_user *u = xcalloc(1, sizeof *u);
	char channel[sizeof r->prefix + SENDER_ID_LEN + 8];

	assert(!find(r, span_of(sender)));
	w->op.fini = fini_watch;
	w->done = done;
	w->arg = arg;
	w->user = u;
	u->r = r;
	u->user = user;
	u->opening = w;
	span_copy(u->sender, sizeof u->sender, span_of(sender));
	index_add(&r->users, u);
	if (!r->up) {
		rr_op_fail_later(&w->op, RELAY_DOWN);
		return;
	}
	snprintf(channel, sizeof channel, "%s{u:%s}:c", r->prefix, sender);
	u->chan = rr_chan_open(r, channel, &chan_ops, u);
}

void
rr_unwatch(struct relay *relay, const char *sender)
{
	struct rr *r = rr_of(relay);
	struct rr_user *u = find(r, span_of(sender));

	if (!u)
		return;
	rr_account_on(r, sender, false);
	struct watch_op *w = u->opening;
	if (w) {
		w->user = NULL;
		if (!w->op.waits && w->op.later == RELAY_OK)
			rr_op_fail_later(&w->op, RELAY_DOWN);
	}
	bury(u);
}

void
rr_users_lost(struct rr *r)
{
	struct rr_user **all = all_users(r);

	for (size_t i = 0; all[i]; i++) {
		struct watch_op *w = all[i]->closed ? NULL : all[i]->opening;

		if (!w || w->op.waits || w->op.later != RELAY_OK)
			continue;
		rr_op_fail(&w->op, RELAY_DOWN);
		rr_op_free(&w->op);
	}
	free(all);
}

void
rr_pair_typing(
    struct rr *r, const struct conv *c, struct span sender, struct span nick)
{
	char me[SENDER_ID_LEN + 1];
	struct resp_cmd *cmd = rr_cmd(r);

	span_copy(me, sizeof me, sender);
	buf_clear(&r->text);
	codec_put_event(&r->text, &(struct codec_event){.what = NEWS_TYPING,
				      .node = span_of(r->node_id),
				      .sender = sender,
				      .nick = nick});
	resp_str(cmd, "PUBLISH");
	resp_fmt(cmd, "%s{u:%.*s}:c", r->prefix, SPAN_ARG(conv_peer(c, me)));
	resp_span(cmd, (struct span){buf_head(&r->text), buf_len(&r->text)});
	rr_tell(r);
}

void
rr_users_goodbye(struct rr *r)
{
	const struct rr_user *u;
	uint32_t at = 0;

	while ((u = index_next(&r->users, &at)) != NULL)
		rr_account_on(r, u->sender, false);
}

void
rr_users_fini(struct rr *r)
{
	struct rr_user **all = all_users(r);

	for (size_t i = 0; all[i]; i++)
		bury(all[i]);
	free(all);
	rr_reap_users(r);
}
