/* SPDX-License-Identifier: ISC */
/*
 * Rooms that are open here.
 *
 *	SUBSCRIBING -> READING -> OPEN
 *
 * The order matters: first the subscription stands, then the newest id and the
 * members are read, so that nothing can fall between the two.  What the channel
 * brings meanwhile is held: messages by the feed, news of members here, because
 * they may be older than the roster or newer.
 *
 * A room is closed from within what it tells upward as often as not; its memory
 * stays in the grave until the loop comes round.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "server/relay_redis_room.h"

enum { NEWS_BYTES_MAX = 4 << 20 };

struct rr_room *
rr_room_find(struct rr *r, const char *fold)
{
	struct rr_room *room;

	HASH_FIND(hh, r->rooms, fold, strlen(fold), room);
	return room;
}

struct rr_room *
rr_room_find_open(struct rr *r, const char *fold)
{
	struct rr_room *room = rr_room_find(r, fold);

	return room && !room->closed && room->phase == ROOM_OPEN ? room : NULL;
}

struct rr_room *
rr_room_of(struct rr *r, const struct conv *c)
{
	return c->place ? c->place : rr_room_find_open(r, c->key);
}

struct rr_feed *
rr_room_feed(struct rr *r, const char *fold)
{
	struct rr_room *room = rr_room_find_open(r, fold);

	return room ? &room->feed : NULL;
}

/* Names and topics from Redis are judged like a client's. */
static void
judge_info(struct rr_room *room, struct relay_room_info *info)
{
	struct name name;

	if (!info->shown.p || name_check(info->shown, false, &name) < 0 ||
	    strcmp(name.fold, room->conv.key) != 0)
		info->shown = span_of(room->shown);
	rr_judge_topic(info);
}

static void
put_room_keys(struct rr *r, struct resp_cmd *c, const char *tag)
{
	resp_fmt(c, "%s%s:la", r->prefix, tag);
	resp_fmt(c, "%s%s:cfg", r->prefix, tag);
	resp_fmt(c, "%s%s:n", r->prefix, tag);
	resp_fmt(c, "%s%s:m:", r->prefix, tag);
}

/* The scratch command then reads a room; shown is empty to only look. */
void
rr_put_room(struct rr *r, const char *tag, const char *shown)
{
	struct resp_cmd *c = rr_cmd(r);

	put_room_keys(r, c, tag);
	resp_str(c, shown);
	resp_i64(c, rr_log_ttl(r, NULL));
}

/* --- the channel ---------------------------------------------------------- */

static void sweep(struct rr_room *room);

static void
on_joined(struct rr_room *room, const struct codec_event *e)
{
	rr_node_heard(room->r, e->node);
	rr_member_appear(room, RELAY_JOINED, e->sender, e->nick, e->node);
}

static void
on_parted(struct rr_room *room, const struct codec_event *e)
{
	rr_member_vanish(room, e->sender, e->node, e->by, e->text);
}

static void
on_renamed(struct rr_room *room, const struct codec_event *e)
{
	rr_member_rename(room, e->sender, e->nick, e->node);
}

static void
on_roster(struct rr_room *room, const struct codec_event *e)
{
	rr_node_heard(room->r, e->node);
	sweep(room);
}

static void
on_gone(struct rr_room *room, const struct codec_event *e)
{
	rr_members_gone(room, e->node);
}

static void (*const on_news[])(
    struct rr_room *room, const struct codec_event *e) = {
    [NEWS_JOINED] = on_joined,
    [NEWS_PARTED] = on_parted,
    [NEWS_RENAMED] = on_renamed,
    [NEWS_ROSTER] = on_roster,
    [NEWS_GONE] = on_gone,
};

static void
take_typing(struct rr_room *room, const struct codec_event *e)
{
	struct rr *r = room->r;

	if (room->phase == ROOM_OPEN)
		r->relay.ev.on_typing(
		    r->relay.ev_arg, room->room, e->sender, e->nick);
}

static void
hold_news(struct rr_room *room, struct span payload)
{
	uint32_t len = (uint32_t)payload.len;

	if (buf_len(&room->news) + payload.len > NEWS_BYTES_MAX) {
		room->sweep_again = true;
		return;
	}
	buf_add(&room->news, &len, sizeof len);
	buf_add(&room->news, payload.p, payload.len);
}

static void
take_news(struct rr_room *room, struct span payload)
{
	struct codec_event e;
	int err = codec_get_event(&e, payload);

	if (err < 0) {
		rr_odd(room->r, codec_strerror(err), payload);
		return;
	}
	if (e.what == NEWS_TYPING)
		take_typing(room, &e);
	else if (span_is(e.node, room->r->node_id))
		return; /* came with the answer */
	else if (room->phase != ROOM_OPEN || room->sweep)
		hold_news(room, payload);
	else
		on_news[e.what](room, &e);
}

/* Messages begin with an id, news do not. */
static void
on_channel(void *owner, struct span payload)
{
	struct rr_room *room = owner;

	if (payload.len > 0 && payload.p[0] >= '0' && payload.p[0] <= '9')
		rr_feed_take(&room->feed, payload);
	else
		take_news(room, payload);
}

static void
release_news(struct rr_room *room)
{
	struct buf news = room->news;

	memset(&room->news, 0, sizeof room->news);
	while (buf_len(&news) > 0 && !room->closed) {
		uint32_t len;

		memcpy(&len, buf_head(&news), sizeof len);
		take_news(
		    room, (struct span){buf_head(&news) + sizeof len, len});
		buf_drain(&news, sizeof len + len);
	}
	buf_free(&news);
}

static void
settle_news(struct rr_room *room)
{
	release_news(room);
	if (!room->sweep_again || room->closed)
		return;
	room->sweep_again = false;
	sweep(room);
}

/* --- sweeping ------------------------------------------------------------- */

/* A roster under way; it outlives a room that is closed meanwhile. */
struct rr_sweep {
	struct rr *r;
	struct rr_room *room; /* NULL: closed */
	uint64_t run;         /* the recovery it is part of; 0: none */
};

static void
swept(struct rr_room *room, const redisReply *reply)
{
	struct rr_room_state st;

	if (!reply || !rr_room_state(room->r, &st, reply)) {
		if (reply && reply->type == REDIS_REPLY_ERROR)
			rr_error_status(room->r, reply);
		else if (reply)
			rr_odd(room->r, "a room's state", rr_span(reply));
		buf_clear(&room->news);
		return;
	}
	/* In this order: what is delivered is delivered under these rights, to
	 * these members. */
	rr_rights_take(room, st.info.rights);
	if (!room->closed)
		rr_roster_take(room, st.roster);
	if (!room->closed)
		rr_feed_check(&room->feed, st.info.last, room->asked);
	rr_room_state_fini(&st);
	settle_news(room);
}

static void
on_swept(void *arg, const redisReply *reply, bool written)
{
	struct rr_sweep *s = arg;

	(void)written;
	if (s->room) {
		s->room->sweep = NULL;
		swept(s->room, reply);
	}
	if (s->run)
		rr_task_done(s->r, s->run, reply != NULL);
	free(s);
}

static bool
start_sweep(struct rr_room *room, uint64_t run)
{
	struct rr *r = room->r;
	struct rr_sweep *s = xcalloc(1, sizeof *s);

	s->r = r;
	s->room = room;
	s->run = run;
	room->asked = room->feed.last;
	rr_nodes_refresh(r);
	rr_put_room(r, room->tag, "");
	if (redis_link_eval(
		r->cmd, SCRIPT_ROOM, 4, &r->scratch, on_swept, s, NULL) < 0) {
		free(s);
		return false;
	}
	room->sweep = s;
	return true;
}

static void
sweep(struct rr_room *room)
{
	if (room->sweep)
		room->sweep_again = true;
	else
		start_sweep(room, 0);
}

/* --- opening and closing -------------------------------------------------- */

struct rr_open_op {
	struct rr_op op;
	struct rr_room *room; /* NULL: closed */
	relay_room_fn done;
	void *arg;
};

static void
room_free(struct rr_room *room)
{
	rr_roster_free(room);
	rights_unref(room->rights);
	rr_feed_fini(&room->feed);
	ring_fini(&room->ring);
	buf_free(&room->news);
	free(room);
}

/* No call back of the room's follows. */
static void
detach(struct rr_room *room)
{
	rr_appends_send(room);
	room->closed = true;
	rr_rights_forget(room);
	rr_feed_close(&room->feed);
	room->feed.ring = NULL;
	ring_fini(&room->ring);
	if (room->chan)
		rr_chan_close(room->r, room->chan);
	room->chan = NULL;
	if (room->sweep)
		room->sweep->room = NULL;
	room->sweep = NULL;
}

static void
bury(struct rr_room *room)
{
	struct rr *r = room->r;

	HASH_DEL(r->rooms, room);
	room->next_dead = r->grave;
	r->grave = room;
	event_active(r->reaper, 0, 0);
}

/* A closed room is kept while Redis may hold members of it. */
void
rr_room_bury_if_done(struct rr_room *room)
{
	if (room->closed && !room->unsure && room->own.n == 0)
		bury(room);
}

static void
fail_open(struct rr_op *op, enum relay_status st)
{
	struct rr_open_op *o = (struct rr_open_op *)op;
	struct rr_room *room = o->room;

	if (room) {
		o->room = NULL;
		room->opening = NULL;
		detach(room);
		rr_room_bury_if_done(room);
	}
	o->done(o->arg, st, NULL);
}

static void
opened(struct rr_open_op *o, const struct rr_room_state *st)
{
	struct rr_room *room = o->room;
	struct relay_room_info info = st->info;

	info.place = room;
	judge_info(room, &info);
	rr_roster_take(room, st->roster);
	rr_own_tell(room);
	if (room->closed) {
		rr_op_fail(&o->op, RELAY_DOWN);
		return;
	}
	room->opening = NULL;
	room->phase = ROOM_OPEN;
	rights_unref(room->rights);
	room->rights = rights_ref(info.rights);
	room->known = room->rights->rv;
	rr_op_answered(&o->op);
	o->done(o->arg, RELAY_OK, &info);
	if (!room->closed)
		rr_feed_open(&room->feed, st->info.last);
	settle_news(room);
}

static void
on_opened(void *arg, const redisReply *reply, bool written)
{
	struct rr_open_op *o = arg;
	struct rr_room_state st;

	if (!rr_op_reply(&o->op, reply, written))
		return;
	if (!rr_room_state(o->op.r, &st, reply)) {
		rr_odd(o->op.r, "a room's state", rr_span(reply));
		rr_op_fail(&o->op, RELAY_FAILED);
	} else if (!o->room) {
		rr_op_fail(&o->op, RELAY_DOWN);
	} else {
		opened(o, &st);
	}
	rr_room_state_fini(&st);
	rr_op_free(&o->op);
}

static void
on_subscribed(void *owner)
{
	struct rr_room *room = owner;

	if (room->phase != ROOM_SUBSCRIBING)
		return; /* again, after a break */
	room->phase = ROOM_READING;
	rr_op_touch(&room->opening->op);
	rr_nodes_refresh(room->r);
	rr_put_room(room->r, room->tag, room->shown);
	rr_op_eval(&room->opening->op, SCRIPT_ROOM, 4, on_opened);
}

static void
room_message(void *owner, const struct relay_msg *m)
{
	struct rr_room *room = owner;
	struct rr *r = room->r;

	r->relay.ev.on_message(r->relay.ev_arg, room->room, m);
}

static void
room_gap(void *owner)
{
	struct rr_room *room = owner;
	struct rr *r = room->r;

	r->relay.ev.on_gap(r->relay.ev_arg, room->room);
	/* Where history went back, what was changed in it did so too. */
	if (!room->closed)
		rr_rights_reload(room);
}

static bool
room_accepts(void *owner, const struct relay_msg *m)
{
	return rr_rights_accept(owner, m);
}

static const struct rr_chan_ops chan_ops = {on_subscribed, on_channel};
static const struct rr_feed_ops feed_ops = {
    room_accepts, room_message, room_gap};

static struct rr_room *
room_new(struct rr *r, const struct name *name, void *handle)
{
	struct rr_room *room = xcalloc(1, sizeof *room);

	room->r = r;
	room->room = handle;
	room->rights = rights_new();
	conv_room(&room->conv, name->fold);
	span_copy(room->shown, sizeof room->shown, span_of(name->shown));
	rr_room_tag(room->tag, name->fold);
	rr_stem(&room->stem, r, room->tag);
	rr_roster_init(room);
	rr_feed_init(&room->feed, r, &room->conv, &feed_ops, room);
	ring_init(&room->ring, &r->rings, (struct msgid){0, 0});
	room->feed.ring = &room->ring;
	HASH_ADD_KEYPTR(
	    hh, r->rooms, room->conv.key, strlen(room->conv.key), room);
	return room;
}

/* A closed one that only waits to be made sure of is opened anew. */
static struct rr_room *
room_make(struct rr *r, const struct name *name, void *handle)
{
	struct rr_room *was = rr_room_find(r, name->fold);
	bool unsure = was != NULL;

	assert(!was || was->closed);
	if (was)
		bury(was);
	struct rr_room *room = room_new(r, name, handle);
	room->unsure = unsure;
	if (was)
		rr_own_move(room, was);
	return room;
}

void
rr_open_room(struct relay *relay, const struct name *name, void *handle,
    relay_room_fn done, void *arg)
{
	struct rr *r = rr_of(relay);
	struct rr_open_op *o = rr_op_new(r, sizeof *o, fail_open, false);
	char channel[RR_TAG_MAX + sizeof r->prefix + 2];

	o->done = done;
	o->arg = arg;
	o->room = room_make(r, name, handle);
	o->room->opening = o;
	if (!r->up) {
		rr_op_fail_later(&o->op, RELAY_DOWN);
		return;
	}
	snprintf(channel, sizeof channel, "%s%s:c", r->prefix, o->room->tag);
	o->room->chan = rr_chan_open(r, channel, &chan_ops, o->room);
}

/* Members that were not taken back may still stand in Redis: the room stays in
 * the table until they have been. */
void
rr_close_room(struct relay *relay, const char *fold)
{
	struct rr *r = rr_of(relay);
	struct rr_room *room = rr_room_find(r, fold);

	if (!room || room->closed)
		return;
	struct rr_open_op *o = room->opening;
	room->opening = NULL;
	detach(room);
	if (o) {
		bool queued = !o->op.waits;

		o->room = NULL;
		/* Waits for the subscription, or for the loop already. */
		if (queued && o->op.later == RELAY_OK)
			rr_op_fail_later(&o->op, RELAY_DOWN);
	}
	rr_room_bury_if_done(room);
}

void
rr_rooms_lost(struct rr *r)
{
	struct rr_room *room = NULL, *next;

	HASH_ITER (hh, r->rooms, room, next) {
		struct rr_open_op *o = room->opening;

		if (!o || o->op.waits || o->op.later != RELAY_OK)
			continue;
		rr_op_fail(&o->op, RELAY_DOWN);
		rr_op_free(&o->op);
	}
}

/* --- coming back ---------------------------------------------------------- */

bool
rr_room_restore(struct rr *r, const char *fold)
{
	struct rr_room *room = rr_room_find_open(r, fold);

	if (!room)
		return false;
	if (room->sweep) {
		/* What is read now may be older than the subscription. */
		room->sweep->room = NULL;
		room->sweep = NULL;
	}
	rr_rights_forget(room);
	return start_sweep(room, r->run);
}

void
rr_rooms_add_tasks(struct rr *r)
{
	struct rr_room *room, *next;

	HASH_ITER (hh, r->rooms, room, next)
		if (!room->closed && room->phase == ROOM_OPEN)
			rr_task_add(r, TASK_ROOM, room->conv.key);
}

/* --- watching over the newest ids ----------------------------------------- */

struct check {
	struct rr *r;
	size_t n;
	struct {
		char fold[NAME_BYTES_MAX + 1];
		struct msgid asked;
	} rooms[];
};

enum { CHECK_BATCH = 500 };

static void
on_checked(void *arg, const redisReply *reply, bool written)
{
	struct check *k = arg;
	struct msgid newest;

	(void)written;
	if (reply && reply->type == REDIS_REPLY_ARRAY &&
	    reply->elements == k->n && k->r->up)
		for (size_t i = 0; i < k->n; i++) {
			struct rr_feed *f =
			    rr_room_feed(k->r, k->rooms[i].fold);

			newest = (struct msgid){0, 0};
			if (reply->element[i]->type != REDIS_REPLY_NIL &&
			    !rr_reply_id(reply->element[i], &newest))
				continue;
			if (f)
				rr_feed_check(f, newest, k->rooms[i].asked);
		}
	free(k);
}

static struct check *
check_new(struct rr *r)
{
	struct check *k =
	    xcalloc(1, sizeof *k + CHECK_BATCH * sizeof k->rooms[0]);
	struct resp_cmd *c = rr_cmd(r);

	k->r = r;
	resp_str(c, "MGET");
	return k;
}

static void
check_send(struct rr *r, struct check *k)
{
	if (k->n == 0 ||
	    redis_link_send(r->cmd, &r->scratch, on_checked, k, NULL) < 0)
		free(k);
}

void
rr_rooms_check(struct rr *r)
{
	struct rr_room *room = NULL, *next;
	struct check *k = check_new(r);

	HASH_ITER (hh, r->rooms, room, next) {
		if (room->closed || room->phase != ROOM_OPEN)
			continue;
		rr_ring_tidy(room);
		if (room->feed.blocked)
			rr_rights_reload(room); /* it was lost */
		span_copy(k->rooms[k->n].fold, sizeof k->rooms[0].fold,
		    span_of(room->conv.key));
		k->rooms[k->n++].asked = room->feed.last;
		resp_fmt(&r->scratch, "%s%s:la", r->prefix, room->tag);
		if (k->n == CHECK_BATCH) {
			check_send(r, k);
			k = check_new(r);
		}
	}
	check_send(r, k);
}

void
rr_rooms_forget_logs(struct rr *r)
{
	struct rr_room *room = NULL, *next;

	HASH_ITER (hh, r->rooms, room, next)
		if (!room->closed)
			ring_reset(&room->ring, room->feed.last);
}

/* --- the end -------------------------------------------------------------- */

void
rr_reap_rooms(struct rr *r)
{
	struct rr_room *room;

	while ((room = r->grave) != NULL) {
		r->grave = room->next_dead;
		room_free(room);
	}
}

void
rr_rooms_fini(struct rr *r)
{
	struct rr_room *room = NULL, *next;

	HASH_ITER (hh, r->rooms, room, next) {
		detach(room);
		bury(room);
	}
	rr_reap_rooms(r);
}
