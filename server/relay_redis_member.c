/* SPDX-License-Identifier: ISC */
/*
 * This node's members of a room: they come, go and change their nicks.
 *
 * Each is one script: the member, the count and the news in one step.  It is
 * told upward when Redis has answered.  What is wanted is written down first,
 * so that after a break, or an answer that never came, all of a room's members
 * are told again and nothing else is left.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "server/relay_redis_room.h"

/* Who has left cannot do anything about a late answer, and late it does no
 * harm: those of thousands who leave at once must not be taken for Redis'
 * silence. */
enum { PART_PATIENCE = 5 };

/* --- coming and going ----------------------------------------------------- */

struct member_op {
	struct rr_op op;
	relay_done_fn done; /* may be NULL */
	void *arg;
	enum codec_news what;
	char fold[NAME_BYTES_MAX + 1];
	char sender[SENDER_ID_LEN + 1];
	char nick[NAME_BYTES_MAX + 1];
	char by[NAME_BYTES_MAX + 1];
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

static struct span
by_of(const struct member_op *m)
{
	return m->by[0] ? span_of(m->by) : SPAN_NONE;
}

static void
vanish(const struct member_op *m, struct rr_room *room)
{
	rr_member_vanish(room, span_of(m->sender), span_of(m->op.r->node_id),
	    by_of(m), (struct span){m->text, m->text_len});
}

/* A member who goes has gone, whatever Redis says to it. */
static void
fail_member(struct rr_op *op, enum relay_status st)
{
	struct member_op *m = (struct member_op *)op;
	struct rr_room *room = rr_room_find(op->r, m->fold);
	struct span sender = span_of(m->sender);

	if (room && st != RELAY_NONE)
		room->unsure = true;
	if (st == RELAY_BUSY)
		rr_recover(op->r); /* or it would stay as it is */
	if (room && m->what == NEWS_JOINED && st != RELAY_NONE)
		rr_own_drop(room, sender);
	if (room && m->what == NEWS_PARTED && st != RELAY_NONE)
		vanish(m, room);
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

	if (m->what == NEWS_JOINED)
		rr_member_appear(room, RELAY_JOINED, sender, nick, node);
	else if (m->what == NEWS_RENAMED)
		rr_member_rename(room, sender, nick, node);
	else if (m->what == NEWS_PARTED)
		vanish(m, room);
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
	room = rr_room_find(r, m->fold);
	/* Somebody may be on the way in, whose SADD went before this. */
	if (reply->type == REDIS_REPLY_INTEGER && reply->integer == 0 &&
	    (!room || room->own.n == 0))
		index_room(r, "SREM", m->fold);
	if (room) {
		member_done(m, room);
		rr_room_bury_if_done(room);
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
	resp_i64(c, rr_log_ttl(r, NULL));
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
	resp_span(c, event_text(r, &(struct codec_event){.what = m->what,
				       .node = span_of(r->node_id),
				       .sender = span_of(m->sender),
				       .nick = span_of(m->nick),
				       .by = by_of(m),
				       .text = {m->text, m->text_len}}));
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
	struct rr_room *room = rr_room_find_open(r, fold);
	struct member_op *m =
	    member_op_new(r, NEWS_JOINED, fold, who, done, arg);

	if (!room || !r->up) {
		rr_op_fail_later(&m->op, room ? RELAY_DOWN : RELAY_NONE);
		return;
	}
	rr_own_set(room, who->sender, who->nick);
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
	struct rr_room *room = rr_room_find(r, fold);
	struct member_op *m =
	    member_op_new(r, NEWS_PARTED, fold, who, done, arg);
	bool known = room && rr_own_find(room, who->sender);

	m->op.patience = PART_PATIENCE;
	span_copy(m->by, sizeof m->by, who->by);
	m->text = xstrndup(text.p ? text.p : "", text.len);
	m->text_len = text.len;
	if (!known) {
		rr_op_fail_later(&m->op, RELAY_NONE);
		return;
	}
	rr_own_drop(room, who->sender);
	if (redis_link_is_up(r->cmd))
		send_member(m);
	else
		rr_op_fail_later(&m->op, RELAY_DOWN);
}

void
rr_rename(struct relay *relay, const char *fold, const struct relay_member *who)
{
	struct rr *r = rr_of(relay);
	struct rr_room *room = rr_room_find(r, fold);

	if (!room || !rr_own_find(room, who->sender))
		return;
	rr_own_set(room, who->sender, who->nick);
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
	resp_span(cmd, event_text(r, &(struct codec_event){.what = NEWS_TYPING,
					 .node = span_of(r->node_id),
					 .sender = sender,
					 .nick = nick}));
	rr_tell(r);
}

/* --- coming back ---------------------------------------------------------- */

struct registration {
	struct rr *r;
	uint64_t run;
	char fold[NAME_BYTES_MAX + 1];
};

static void
on_registered(void *arg, const redisReply *reply, bool written)
{
	struct registration *g = arg;
	struct rr_room *room = rr_room_find(g->r, g->fold);
	bool good = reply && reply->type == REDIS_REPLY_INTEGER;

	(void)written;
	if (reply && !good)
		rr_odd(g->r, "members are not registered", rr_span(reply));
	if (room && good) {
		room->unsure = false;
		rr_room_bury_if_done(room);
	}
	rr_task_done(g->r, g->run, good);
	free(g);
}

bool
rr_room_register(struct rr *r, const char *fold)
{
	struct rr_room *room = rr_room_find(r, fold);
	uint32_t at = 0;
	struct rr_own *o;

	if (!room || (room->own.n == 0 && !room->unsure))
		return false;
	if (room->own.n > 0) {
		index_room(r, "SADD", fold);
		list_room(r, fold, "");
	}
	struct resp_cmd *c = put_count(r, room->tag);
	resp_fmt(c, "%s%s:c", r->prefix, room->tag);
	resp_span(c, event_text(r, &(struct codec_event){.what = NEWS_ROSTER,
				       .node = span_of(r->node_id)}));
	while ((o = index_next(&room->own, &at)) != NULL) {
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

void
rr_rooms_add_register_tasks(struct rr *r)
{
	struct rr_room *room, *next;

	HASH_ITER (hh, r->rooms, room, next)
		if (room->own.n > 0 || room->unsure)
			rr_task_add(r, TASK_REGISTER, room->conv.key);
}

/* --- the end -------------------------------------------------------------- */

/* What a node that goes in peace takes along. */
void
rr_rooms_goodbye(struct rr *r)
{
	struct rr_room *room = NULL, *next;

	HASH_ITER (hh, r->rooms, room, next) {
		if (room->own.n == 0 && !room->unsure)
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
