/* SPDX-License-Identifier: ISC */
/*
 * Rooms that are open here, and who is in them on all nodes.
 *
 *	SUBSCRIBING -> READING -> OPEN
 *
 * The order matters: first the subscription stands, then the newest id and the
 * members are read, so that nothing can fall between the two.  What the channel
 * brings meanwhile is held.
 *
 * Members are kept twice.  `own` is what this node's sessions want: it is told
 * to Redis when they come and go, and again whole after a break.  `members` is
 * what all nodes say, as we have told it upward.  Of this node's own, news come
 * with Redis' answer and not over the channel, which may be slower or deaf.  Of
 * others they come over the channel, soft; a roster, read when the room opens
 * and after each break, makes good what was lost.  While one is being read the
 * channel's news are held, because they may be older than the roster or newer.
 *
 * A room is closed from within what it tells upward as often as not; its memory
 * stays in the grave until the loop comes round.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "server/relay_redis_int.h"

enum { NEWS_BYTES_MAX = 4 << 20 };

struct own {
	UT_hash_handle hh;
	char sender[SENDER_ID_LEN + 1];
	char nick[NAME_BYTES_MAX + 1];
};

struct member {
	UT_hash_handle hh;
	char *node; /* its id */
	bool found; /* by the sweep under way */
	char nick[NAME_BYTES_MAX + 1];
	char sender[SENDER_ID_LEN + 1];
	char key[SENDER_ID_LEN + 1 + CODEC_NODE_MAX + 1]; /* SENDER node */
};

enum room_state { SUBSCRIBING, READING, OPEN };

struct open_op;
struct sweep;

struct rr_room {
	UT_hash_handle hh;
	struct rr_room *next_dead;
	struct rr *r;
	struct conv conv; /* its key is the fold */
	char shown[NAME_BYTES_MAX + 1];
	char tag[RR_TAG_MAX];
	enum room_state state;
	bool closed;
	bool unsure;             /* Redis may hold members that are not ours */
	void *room;              /* the caller's */
	struct open_op *opening; /* until OPEN */
	struct sweep *sweep;     /* a roster is being read */
	bool sweep_again;
	struct rr_chan *chan;
	struct rr_feed feed;
	struct own *own;
	struct member *members;
	struct buf news;    /* held while a roster is read */
	struct msgid asked; /* feed.last when the newest id was asked for */
};

static struct rr_room *
find(struct rr *r, const char *fold)
{
	struct rr_room *room;

	HASH_FIND(hh, r->rooms, fold, strlen(fold), room);
	return room;
}

static struct rr_room *
find_open(struct rr *r, const char *fold)
{
	struct rr_room *room = find(r, fold);

	return room && !room->closed && room->state == OPEN ? room : NULL;
}

struct rr_feed *
rr_room_feed(struct rr *r, const char *fold)
{
	struct rr_room *room = find_open(r, fold);

	return room ? &room->feed : NULL;
}

/* --- own members -------------------------------------------------------- */

static struct own *
find_own(struct rr_room *room, struct span sender)
{
	struct own *o;

	HASH_FIND(hh, room->own, sender.p, sender.len, o);
	return o;
}

static void
set_own(struct rr_room *room, struct span sender, struct span nick)
{
	struct own *o = find_own(room, sender);

	if (!o) {
		o = xcalloc(1, sizeof *o);
		span_copy(o->sender, sizeof o->sender, sender);
		HASH_ADD_STR(room->own, sender, o);
	}
	span_copy(o->nick, sizeof o->nick, nick);
}

static void
drop_own(struct rr_room *room, struct span sender)
{
	struct own *o = find_own(room, sender);

	if (!o)
		return;
	HASH_DEL(room->own, o);
	free(o);
}

/* --- members of all nodes ----------------------------------------------- */

static size_t
member_key(char *key, size_t cap, struct span sender, struct span node)
{
	int n =
	    snprintf(key, cap, "%.*s %.*s", SPAN_ARG(sender), SPAN_ARG(node));

	assert(n > 0 && (size_t)n < cap);
	return (size_t)n;
}

static struct member *
find_member(struct rr_room *room, struct span sender, struct span node)
{
	char key[sizeof((struct member *)0)->key];
	size_t len = member_key(key, sizeof key, sender, node);
	struct member *m;

	HASH_FIND(hh, room->members, key, len, m);
	return m;
}

/* Upward a node of this process has no name, others have theirs. */
static void
tell(struct rr_room *room, enum relay_presence what, struct span sender,
    struct span nick, struct span node, struct span text)
{
	struct rr *r = room->r;
	char name[RELAY_NODE_MAX + 1] = "";
	struct relay_member m = {.sender = sender, .nick = nick};

	if (!span_is(node, r->node_id))
		m.node = rr_node_name(name, node) ? span_of(name) : SPAN("?");
	else
		m.node = SPAN("");
	if (!room->closed && !r->ending)
		r->relay.ev.on_presence(
		    r->relay.ev_arg, room->room, what, &m, text);
}

static void
tell_member(
    struct rr_room *room, enum relay_presence what, const struct member *m)
{
	tell(room, what, span_of(m->sender), span_of(m->nick), span_of(m->node),
	    SPAN_NONE);
}

/* Somebody is there: JOINED or PRESENT, if that is news. */
static void
appear(struct rr_room *room, enum relay_presence what, struct span sender,
    struct span nick, struct span node)
{
	struct member *m = find_member(room, sender, node);

	if (m) {
		m->found = true;
		if (span_is(nick, m->nick))
			return;
		span_copy(m->nick, sizeof m->nick, nick);
		tell_member(room, RELAY_RENAMED, m);
		return;
	}
	m = xcalloc(1, sizeof *m);
	span_copy(m->sender, sizeof m->sender, sender);
	span_copy(m->nick, sizeof m->nick, nick);
	member_key(m->key, sizeof m->key, sender, node);
	m->node = m->key + sender.len + 1;
	m->found = true;
	HASH_ADD_STR(room->members, key, m);
	tell_member(room, what, m);
}

static void
vanish(struct rr_room *room, enum relay_presence what, struct member *m,
    struct span text)
{
	HASH_DEL(room->members, m);
	tell(room, what, span_of(m->sender), span_of(m->nick), span_of(m->node),
	    text);
	free(m);
}

/*
 * Leaves those for which keep() is false.  What is told upward may close the
 * room, never free it; the table only changes here.
 */
static void
vanish_all(struct rr_room *room,
    bool (*keep)(const struct member *m, const void *arg), const void *arg)
{
	struct member *m, *next;

	HASH_ITER (hh, room->members, m, next)
		if (!keep(m, arg))
			vanish(room, RELAY_GONE, m, SPAN_NONE);
}

static bool
is_elsewhere(const struct member *m, const void *arg)
{
	return strcmp(m->node, arg) != 0;
}

static bool
is_found(const struct member *m, const void *arg)
{
	(void)arg;
	return m->found;
}

void
rr_rooms_node_gone(struct rr *r, struct span node)
{
	struct rr_room *room, *next;

	HASH_ITER (hh, r->rooms, room, next)
		vanish_all(room, is_elsewhere, node.p);
}

/* --- rosters ------------------------------------------------------------ */

bool
rr_roster_at(const redisReply *roster, size_t i, struct rr_roster_entry *e)
{
	e->node = rr_span(roster->element[i]);
	e->members = roster->element[i + 1];
	return e->node.p && e->node.len <= CODEC_NODE_MAX &&
	       e->members->type == REDIS_REPLY_ARRAY;
}

bool
rr_member_at(const redisReply *members, size_t i, struct relay_member *m)
{
	struct name name;

	m->sender = rr_span(members->element[i]);
	m->nick = rr_span(members->element[i + 1]);
	return m->sender.p && m->nick.p && codec_is_sender(m->sender) &&
	       name_check(m->nick, false, &name) == 0;
}

bool
rr_room_state(struct rr_room_state *st, const redisReply *r)
{
	*st = (struct rr_room_state){0};
	if (r->type != REDIS_REPLY_ARRAY || r->elements != 5 ||
	    !rr_reply_id(r->element[0], &st->info.last) ||
	    r->element[4]->type != REDIS_REPLY_ARRAY)
		return false;
	st->info.shown = rr_span(r->element[1]);
	st->info.topic = rr_span(r->element[2]);
	st->info.topic_nick = rr_span(r->element[3]);
	st->roster = r->element[4];
	return true;
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

void
rr_judge_topic(struct relay_room_info *info)
{
	struct name name;

	if (info->topic.p && info->topic_nick.p && info->topic.len > 0 &&
	    info->topic.len <= CODEC_PAYLOAD_MAX &&
	    text_check(info->topic.p, info->topic.len, NULL) == 0 &&
	    name_check(info->topic_nick, false, &name) == 0)
		return;
	info->topic = info->topic_nick = SPAN_NONE;
}

static void
take_node_members(struct rr_room *room, const struct rr_roster_entry *e)
{
	struct relay_member m;

	for (size_t i = 0; i + 1 < e->members->elements; i += 2)
		if (rr_member_at(e->members, i, &m) && !room->closed)
			appear(room, RELAY_PRESENT, m.sender, m.nick, e->node);
}

/* This node's own are known better here. */
static void
take_roster(struct rr_room *room, const redisReply *roster)
{
	struct rr_roster_entry e;
	struct member *m, *next;

	HASH_ITER (hh, room->members, m, next)
		m->found = strcmp(m->node, room->r->node_id) == 0;
	for (size_t i = 0; i + 1 < roster->elements; i += 2)
		if (rr_roster_at(roster, i, &e) &&
		    !span_is(e.node, room->r->node_id) &&
		    rr_node_is_live(room->r, e.node))
			take_node_members(room, &e);
	vanish_all(room, is_found, NULL);
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
	resp_i64(c, rr_log_ttl(r));
}

/* --- the channel -------------------------------------------------------- */

static void sweep(struct rr_room *room);

static void
on_joined(struct rr_room *room, const struct codec_event *e)
{
	rr_node_heard(room->r, e->node);
	appear(room, RELAY_JOINED, e->sender, e->nick, e->node);
}

static void
on_parted(struct rr_room *room, const struct codec_event *e)
{
	struct member *m = find_member(room, e->sender, e->node);

	if (m)
		vanish(room, RELAY_PARTED, m, e->text);
}

static void
on_renamed(struct rr_room *room, const struct codec_event *e)
{
	struct member *m = find_member(room, e->sender, e->node);

	if (!m || span_is(e->nick, m->nick))
		return;
	span_copy(m->nick, sizeof m->nick, e->nick);
	tell_member(room, RELAY_RENAMED, m);
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
	char node[CODEC_NODE_MAX + 1];

	span_copy(node, sizeof node, e->node);
	vanish_all(room, is_elsewhere, node);
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

	if (room->state == OPEN)
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
	else if (room->state != OPEN || room->sweep)
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

/* --- sweeping ----------------------------------------------------------- */

/* A roster under way; it outlives a room that is closed meanwhile. */
struct sweep {
	struct rr *r;
	struct rr_room *room; /* NULL: closed */
	uint64_t run;         /* the recovery it is part of; 0: none */
};

static void
swept(struct rr_room *room, const redisReply *reply)
{
	struct rr_room_state st;

	if (!reply || !rr_room_state(&st, reply)) {
		if (reply)
			rr_odd(room->r, "a room's state", rr_span(reply));
		buf_clear(&room->news);
		return;
	}
	take_roster(room, st.roster);
	if (!room->closed)
		rr_feed_check(&room->feed, st.info.last, room->asked);
	settle_news(room);
}

static void
on_swept(void *arg, const redisReply *reply, bool written)
{
	struct sweep *s = arg;

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
	struct sweep *s = xcalloc(1, sizeof *s);

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

/* --- opening and closing ------------------------------------------------ */

struct open_op {
	struct rr_op op;
	struct rr_room *room; /* NULL: closed */
	relay_room_fn done;
	void *arg;
};

static void
room_free(struct rr_room *room)
{
	struct own *o, *next_own;
	struct member *m, *next;

	HASH_ITER (hh, room->own, o, next_own) {
		HASH_DEL(room->own, o);
		free(o);
	}
	HASH_ITER (hh, room->members, m, next) {
		HASH_DEL(room->members, m);
		free(m);
	}
	rr_feed_fini(&room->feed);
	buf_free(&room->news);
	free(room);
}

/* No call back of the room's follows. */
static void
detach(struct rr_room *room)
{
	room->closed = true;
	rr_feed_close(&room->feed);
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
static void
bury_if_done(struct rr_room *room)
{
	if (room->closed && !room->unsure && !room->own)
		bury(room);
}

static void
fail_open(struct rr_op *op, enum relay_status st)
{
	struct open_op *o = (struct open_op *)op;
	struct rr_room *room = o->room;

	if (room) {
		o->room = NULL;
		room->opening = NULL;
		detach(room);
		bury_if_done(room);
	}
	o->done(o->arg, st, NULL);
}

/* Those who stayed while the room was closed here. */
static void
take_own(struct rr_room *room)
{
	struct own *o, *next;

	HASH_ITER (hh, room->own, o, next)
		appear(room, RELAY_PRESENT, span_of(o->sender),
		    span_of(o->nick), span_of(room->r->node_id));
}

static void
opened(struct open_op *o, const struct rr_room_state *st)
{
	struct rr_room *room = o->room;
	struct relay_room_info info = st->info;

	judge_info(room, &info);
	take_roster(room, st->roster);
	take_own(room);
	if (room->closed) {
		rr_op_fail(&o->op, RELAY_DOWN);
		return;
	}
	room->opening = NULL;
	room->state = OPEN;
	rr_op_answered(&o->op);
	o->done(o->arg, RELAY_OK, &info);
	if (!room->closed)
		rr_feed_open(&room->feed, st->info.last);
	settle_news(room);
}

static void
on_opened(void *arg, const redisReply *reply, bool written)
{
	struct open_op *o = arg;
	struct rr_room_state st;

	if (!rr_op_reply(&o->op, reply, written))
		return;
	if (!rr_room_state(&st, reply)) {
		rr_odd(o->op.r, "a room's state", rr_span(reply));
		rr_op_fail(&o->op, RELAY_FAILED);
	} else if (!o->room) {
		rr_op_fail(&o->op, RELAY_DOWN);
	} else {
		opened(o, &st);
	}
	rr_op_free(&o->op);
}

static void
on_subscribed(void *owner)
{
	struct rr_room *room = owner;

	if (room->state != SUBSCRIBING)
		return; /* again, after a break */
	room->state = READING;
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
}

static const struct rr_chan_ops chan_ops = {on_subscribed, on_channel};
static const struct rr_feed_ops feed_ops = {room_message, room_gap};

static struct rr_room *
room_new(struct rr *r, const struct name *name, void *handle)
{
	struct rr_room *room = xcalloc(1, sizeof *room);

	room->r = r;
	room->room = handle;
	conv_room(&room->conv, name->fold);
	span_copy(room->shown, sizeof room->shown, span_of(name->shown));
	rr_room_tag(room->tag, name->fold);
	rr_feed_init(&room->feed, r, &room->conv, &feed_ops, room);
	HASH_ADD_KEYPTR(
	    hh, r->rooms, room->conv.key, strlen(room->conv.key), room);
	return room;
}

/* A closed one that only waits to be made sure of is opened anew. */
static struct rr_room *
room_make(struct rr *r, const struct name *name, void *handle)
{
	struct rr_room *was = find(r, name->fold);
	bool unsure = was != NULL;

	assert(!was || was->closed);
	if (was)
		bury(was);
	struct rr_room *room = room_new(r, name, handle);
	room->unsure = unsure;
	if (was) {
		room->own = was->own;
		was->own = NULL;
	}
	return room;
}

void
rr_open_room(struct relay *relay, const struct name *name, void *handle,
    relay_room_fn done, void *arg)
{
	struct rr *r = rr_of(relay);
	struct open_op *o = rr_op_new(r, sizeof *o, fail_open, false);
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
	struct rr_room *room = find(r, fold);

	if (!room || room->closed)
		return;
	struct open_op *o = room->opening;
	room->opening = NULL;
	detach(room);
	if (o) {
		bool queued = !o->op.waits;

		o->room = NULL;
		/* Waits for the subscription, or for the loop already. */
		if (queued && o->op.later == RELAY_OK)
			rr_op_fail_later(&o->op, RELAY_DOWN);
	}
	bury_if_done(room);
}

void
rr_rooms_lost(struct rr *r)
{
	struct rr_room *room, *next;

	HASH_ITER (hh, r->rooms, room, next) {
		struct open_op *o = room->opening;

		if (!o || o->op.waits || o->op.later != RELAY_OK)
			continue;
		rr_op_fail(&o->op, RELAY_DOWN);
		rr_op_free(&o->op);
	}
}

/* --- coming and going --------------------------------------------------- */

struct member_op {
	struct rr_op op;
	relay_done_fn done; /* may be NULL */
	void *arg;
	enum codec_news what;
	char fold[NAME_BYTES_MAX + 1];
	char sender[SENDER_ID_LEN + 1];
	char nick[NAME_BYTES_MAX + 1];
	char *text; /* owned */
	size_t text_len;
};

static void
answer_member(struct member_op *m, enum relay_status st)
{
	if (m->done)
		m->done(m->arg, st);
}

static void
fini_member(struct rr_op *op)
{
	free(((struct member_op *)op)->text);
}

/* A member who goes has gone, whatever Redis says to it. */
static void
fail_member(struct rr_op *op, enum relay_status st)
{
	struct member_op *m = (struct member_op *)op;
	struct rr_room *room = find(op->r, m->fold);
	struct span sender = span_of(m->sender);

	if (room && st != RELAY_NONE)
		room->unsure = true;
	if (st == RELAY_BUSY)
		rr_recover(op->r); /* or it would stay as it is */
	if (room && m->what == NEWS_JOINED && st != RELAY_NONE)
		drop_own(room, sender);
	if (room && m->what == NEWS_PARTED && st != RELAY_NONE) {
		struct member *was =
		    find_member(room, sender, span_of(op->r->node_id));

		if (was)
			vanish(room, RELAY_PARTED, was,
			    (struct span){m->text, m->text_len});
	}
	answer_member(m, st);
}

static void
list_room(struct rr *r, const char *fold, const char *seen)
{
	char key[CODEC_KEY_MAX + 1];
	struct resp_cmd *c = rr_cmd(r);

	resp_fmt(c, "%s{rooms}", r->prefix);
	resp_str(c, codec_key(key, sizeof key, span_of(fold)));
	resp_str(c, seen);
	(void)rr_tell_script(r, SCRIPT_ROOM_LISTED, 1); /* the next one will */
}

void
rr_unlist_room(struct rr *r, const char *fold, const char *seen)
{
	list_room(r, fold, seen);
}

/* The index of what to clean when this node dies: it goes first, because one
 * too many does no harm. */
static void
index_room(struct rr *r, const char *verb, const char *fold)
{
	char key[CODEC_KEY_MAX + 1];
	struct resp_cmd *c = rr_cmd(r);

	resp_str(c, verb);
	resp_fmt(c, "%s{n:%s}:rooms", r->prefix, r->node_id);
	resp_str(c, codec_key(key, sizeof key, span_of(fold)));
	rr_tell(r);
}

/* Redis has done it: now it is told upward. */
static void
member_done(struct member_op *m, struct rr_room *room)
{
	struct rr *r = m->op.r;
	struct span sender = span_of(m->sender), nick = span_of(m->nick);
	struct span node = span_of(r->node_id);
	struct member *was = find_member(room, sender, node);

	if (m->what == NEWS_JOINED)
		appear(room, RELAY_JOINED, sender, nick, node);
	else if (m->what == NEWS_RENAMED && was)
		appear(room, RELAY_RENAMED, sender, nick, node);
	else if (m->what == NEWS_PARTED && was)
		vanish(room, RELAY_PARTED, was,
		    (struct span){m->text, m->text_len});
}

static void
on_member(void *arg, const redisReply *reply, bool written)
{
	struct member_op *m = arg;
	struct rr *r = m->op.r;
	struct rr_room *room;

	if (!rr_op_reply(&m->op, reply, written))
		return;
	rr_op_answered(&m->op);
	if (reply->type == REDIS_REPLY_INTEGER && reply->integer == 0)
		index_room(r, "SREM", m->fold);
	if ((room = find(r, m->fold)) != NULL) {
		member_done(m, room);
		bury_if_done(room);
	}
	answer_member(m, RELAY_OK);
	rr_op_free(&m->op);
}

static const char *const member_verbs[] = {
    [NEWS_JOINED] = "join", [NEWS_PARTED] = "part", [NEWS_RENAMED] = "rename"};

/* KEYS 1 to 3 and ARGV 1 and 2 of the scripts that change members. */
static struct resp_cmd *
put_count(struct rr *r, const char *tag)
{
	struct resp_cmd *c = rr_cmd(r);

	resp_fmt(c, "%s%s:n", r->prefix, tag);
	resp_fmt(c, "%s%s:m:%s", r->prefix, tag, r->node_id);
	resp_fmt(c, "%s%s:cfg", r->prefix, tag);
	resp_str(c, r->node_id);
	resp_i64(c, rr_log_ttl(r));
	return c;
}

static struct span
event_text(struct rr *r, const struct codec_event *e)
{
	buf_clear(&r->text);
	codec_put_event(&r->text, e);
	return (struct span){buf_head(&r->text), buf_len(&r->text)};
}

static void
send_member(struct member_op *m)
{
	struct rr *r = m->op.r;
	char tag[RR_TAG_MAX];
	struct resp_cmd *c = put_count(r, rr_room_tag(tag, m->fold));

	resp_str(c, member_verbs[m->what]);
	resp_str(c, m->sender);
	resp_str(c, m->nick);
	resp_fmt(c, "%s%s:c", r->prefix, tag);
	resp_span(
	    c, event_text(r, &(struct codec_event){m->what, span_of(r->node_id),
				 span_of(m->sender), span_of(m->nick),
				 {m->text, m->text_len}}));
	rr_op_eval(&m->op, SCRIPT_MEMBER, 3, on_member);
}

static struct member_op *
member_op_new(struct rr *r, enum codec_news what, const char *fold,
    const struct relay_member *who, relay_done_fn done, void *arg)
{
	struct member_op *m = rr_op_new(r, sizeof *m, fail_member, true);

	m->op.fini = fini_member;
	m->done = done;
	m->arg = arg;
	m->what = what;
	span_copy(m->fold, sizeof m->fold, span_of(fold));
	span_copy(m->sender, sizeof m->sender, who->sender);
	span_copy(m->nick, sizeof m->nick, who->nick);
	return m;
}

void
rr_join(struct relay *relay, const char *fold, const struct relay_member *who,
    relay_done_fn done, void *arg)
{
	struct rr *r = rr_of(relay);
	struct rr_room *room = find_open(r, fold);
	struct member_op *m =
	    member_op_new(r, NEWS_JOINED, fold, who, done, arg);

	if (!room || !r->up) {
		rr_op_fail_later(&m->op, room ? RELAY_DOWN : RELAY_NONE);
		return;
	}
	set_own(room, who->sender, who->nick);
	index_room(r, "SADD", fold);
	send_member(m);
	list_room(r, fold, "");
}

/* Also while the relay comes back: what is told last, holds. */
void
rr_part(struct relay *relay, const char *fold, const struct relay_member *who,
    struct span text, relay_done_fn done, void *arg)
{
	struct rr *r = rr_of(relay);
	struct rr_room *room = find(r, fold);
	struct member_op *m =
	    member_op_new(r, NEWS_PARTED, fold, who, done, arg);
	bool known = room && find_own(room, who->sender);

	m->text = xstrndup(text.p ? text.p : "", text.len);
	m->text_len = text.len;
	if (!known) {
		rr_op_fail_later(&m->op, RELAY_NONE);
		return;
	}
	drop_own(room, who->sender);
	if (redis_link_is_up(r->cmd))
		send_member(m);
	else
		rr_op_fail_later(&m->op, RELAY_DOWN);
}

void
rr_rename(struct relay *relay, const char *fold, const struct relay_member *who)
{
	struct rr *r = rr_of(relay);
	struct rr_room *room = find(r, fold);

	if (!room || !find_own(room, who->sender))
		return;
	set_own(room, who->sender, who->nick);
	if (redis_link_is_up(r->cmd))
		send_member(
		    member_op_new(r, NEWS_RENAMED, fold, who, NULL, NULL));
}

void
rr_room_typing(
    struct rr *r, const struct conv *c, struct span sender, struct span nick)
{
	char tag[RR_TAG_MAX];
	struct resp_cmd *cmd = rr_cmd(r);

	resp_str(cmd, "PUBLISH");
	resp_fmt(cmd, "%s%s:c", r->prefix, rr_conv_tag(tag, c));
	resp_span(cmd,
	    event_text(r, &(struct codec_event){NEWS_TYPING,
			      span_of(r->node_id), sender, nick, SPAN_NONE}));
	rr_tell(r);
}

/* --- coming back -------------------------------------------------------- */

struct registration {
	struct rr *r;
	uint64_t run;
	char fold[NAME_BYTES_MAX + 1];
};

static void
on_registered(void *arg, const redisReply *reply, bool written)
{
	struct registration *g = arg;
	struct rr_room *room = find(g->r, g->fold);
	bool good = reply && reply->type == REDIS_REPLY_INTEGER;

	(void)written;
	if (reply && !good)
		rr_odd(g->r, "members are not registered", rr_span(reply));
	if (room && good) {
		room->unsure = false;
		bury_if_done(room);
	}
	rr_task_done(g->r, g->run, good);
	free(g);
}

bool
rr_room_register(struct rr *r, const char *fold)
{
	struct rr_room *room = find(r, fold);
	struct own *o, *next;

	if (!room || (!room->own && !room->unsure))
		return false;
	if (room->own) {
		index_room(r, "SADD", fold);
		list_room(r, fold, "");
	}
	struct resp_cmd *c = put_count(r, room->tag);
	resp_fmt(c, "%s%s:c", r->prefix, room->tag);
	resp_span(c, event_text(r, &(struct codec_event){.what = NEWS_ROSTER,
				       .node = span_of(r->node_id)}));
	HASH_ITER (hh, room->own, o, next) {
		resp_str(c, o->sender);
		resp_str(c, o->nick);
	}
	struct registration *g = xcalloc(1, sizeof *g);
	g->r = r;
	g->run = r->run;
	span_copy(g->fold, sizeof g->fold, span_of(fold));
	if (redis_link_eval(
		r->cmd, SCRIPT_REGISTER, 3, c, on_registered, g, NULL) == 0)
		return true;
	free(g);
	return false;
}

bool
rr_room_restore(struct rr *r, const char *fold)
{
	struct rr_room *room = find_open(r, fold);

	if (!room)
		return false;
	if (room->sweep) {
		/* What is read now may be older than the subscription. */
		room->sweep->room = NULL;
		room->sweep = NULL;
	}
	return start_sweep(room, r->run);
}

void
rr_rooms_add_register_tasks(struct rr *r)
{
	struct rr_room *room, *next;

	HASH_ITER (hh, r->rooms, room, next)
		if (room->own || room->unsure)
			rr_task_add(r, TASK_REGISTER, room->conv.key);
}

void
rr_rooms_add_tasks(struct rr *r)
{
	struct rr_room *room, *next;

	HASH_ITER (hh, r->rooms, room, next)
		if (!room->closed && room->state == OPEN)
			rr_task_add(r, TASK_ROOM, room->conv.key);
}

/* --- watching over the newest ids --------------------------------------- */

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
	struct rr_room *room, *next;
	struct check *k = check_new(r);

	HASH_ITER (hh, r->rooms, room, next) {
		if (room->closed || room->state != OPEN)
			continue;
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

/* --- the end ------------------------------------------------------------ */

void
rr_reap_rooms(struct rr *r)
{
	struct rr_room *room;

	while ((room = r->grave) != NULL) {
		r->grave = room->next_dead;
		room_free(room);
	}
}

/* What a node that goes in peace takes along. */
void
rr_rooms_goodbye(struct rr *r)
{
	struct rr_room *room, *next;

	HASH_ITER (hh, r->rooms, room, next) {
		if (!room->own && !room->unsure)
			continue;
		struct resp_cmd *c = put_count(r, room->tag);

		resp_fmt(c, "%s%s:c", r->prefix, room->tag);
		resp_span(
		    c, event_text(r, &(struct codec_event){.what = NEWS_GONE,
					 .node = span_of(r->node_id)}));
		if (!rr_tell_script(r, SCRIPT_REGISTER, 3))
			return;
	}
}

void
rr_rooms_fini(struct rr *r)
{
	struct rr_room *room, *next;

	HASH_ITER (hh, r->rooms, room, next) {
		detach(room);
		bury(room);
	}
	rr_reap_rooms(r);
}
