/* SPDX-License-Identifier: ISC */
/*
 * Rooms seen from outside: one that is looked into, and the list of all.
 *
 * Both count only members of nodes that live; the list of nodes is asked for
 * ahead on the same link, so that it is at least as young as what it judges.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/relay_redis_int.h"

/* --- peek ----------------------------------------------------------------- */

struct peek_op {
	struct rr_op op;
	relay_peek_fn done;
	void *arg;
	char fold[NAME_BYTES_MAX + 1];
};

static void
fail_peek(struct rr_op *op, enum relay_status st)
{
	struct peek_op *p = (struct peek_op *)op;

	p->done(p->arg, st, NULL);
}

/* The members found, with their nodes' names. */
struct found {
	struct relay_member *members;
	char (*nodes)[RELAY_NODE_MAX + 1];
	size_t n;
};

static size_t
count_members(const redisReply *roster)
{
	struct rr_roster_entry e;
	size_t n = 0;

	for (size_t i = 0; i + 1 < roster->elements; i += 2)
		if (rr_roster_at(roster, i, &e))
			n += e.members->elements / 2;
	return n;
}

static void
find_of_node(
    struct rr *r, struct found *f, const struct rr_roster_entry *e, char *name)
{
	struct relay_member m;
	bool ours = span_is(e->node, r->node_id);

	if (!rr_node_is_live(r, e->node) ||
	    (!ours && !rr_node_name(name, e->node)))
		return;
	for (size_t i = 0; i + 1 < e->members->elements; i += 2) {
		if (!rr_member_at(e->members, i, &m))
			continue;
		m.node = ours ? SPAN("") : span_of(name);
		f->members[f->n++] = m;
	}
}

static void
find_members(struct rr *r, struct found *f, const redisReply *roster)
{
	struct rr_roster_entry e;

	f->n = 0;
	f->members = xcalloc(count_members(roster) + 1, sizeof *f->members);
	f->nodes = xcalloc(roster->elements / 2 + 1, sizeof *f->nodes);
	for (size_t i = 0; i + 1 < roster->elements; i += 2)
		if (rr_roster_at(roster, i, &e))
			find_of_node(r, f, &e, f->nodes[i / 2]);
}

static void
peeked(struct peek_op *p, struct rr_room_state *st)
{
	struct found f;
	struct name name;

	find_members(p->op.r, &f, st->roster);
	struct relay_peek peek = {st->info, f.members, f.n};
	if (!peek.info.shown.p ||
	    name_check(peek.info.shown, false, &name) < 0 ||
	    strcmp(name.fold, p->fold) != 0)
		peek.info.shown = span_of(p->fold);
	rr_judge_topic(&peek.info);
	bool exists =
	    st->info.shown.p || f.n > 0 || !msgid_is_zero(st->info.last);
	rr_op_answered(&p->op);
	if (exists)
		p->done(p->arg, RELAY_OK, &peek);
	else
		p->done(p->arg, RELAY_NONE, NULL);
	free(f.members);
	free(f.nodes);
}

static void
on_peeked(void *arg, const redisReply *reply, bool written)
{
	struct peek_op *p = arg;
	struct rr_room_state st;

	if (!rr_op_reply(&p->op, reply, written))
		return;
	if (rr_room_state(p->op.r, &st, reply)) {
		peeked(p, &st);
		rr_room_state_fini(&st);
	} else {
		rr_odd(p->op.r, "a room's state", rr_span(reply));
		rr_op_fail(&p->op, RELAY_FAILED);
	}
	rr_op_free(&p->op);
}

void
rr_peek(struct relay *relay, const char *fold, relay_peek_fn done, void *arg)
{
	struct rr *r = rr_of(relay);
	struct peek_op *p = rr_op_new(r, sizeof *p, fail_peek, false);
	char tag[RR_TAG_MAX];

	p->done = done;
	p->arg = arg;
	span_copy(p->fold, sizeof p->fold, span_of(fold));
	if (!r->up) {
		rr_op_fail_later(&p->op, RELAY_DOWN);
		return;
	}
	rr_nodes_refresh(r);
	rr_put_room(r, rr_room_tag(tag, fold), "");
	rr_op_eval(&p->op, SCRIPT_ROOM, 4, on_peeked);
}

/* --- list ----------------------------------------------------------------- */

enum { LIST_BATCH = 200, LIST_MAX = 100000, SEEN_MAX = 32 };

struct listed {
	char fold[NAME_BYTES_MAX + 1];
	char seen[SEEN_MAX]; /* its score in the list */
	size_t count;
	bool hidden;
	struct buf text; /* the spelling, and behind it the topic */
	size_t shown_len;
};

struct list_op {
	struct rr_op op;
	relay_list_fn done;
	void *arg;
	struct listed *rooms; /* owned */
	size_t n, asked, read;
};

static void
fail_list(struct rr_op *op, enum relay_status st)
{
	struct list_op *l = (struct list_op *)op;

	l->done(l->arg, st, NULL, 0);
}

static void
fini_list(struct rr_op *op)
{
	struct list_op *l = (struct list_op *)op;

	for (size_t i = 0; i < l->n; i++)
		buf_free(&l->rooms[i].text);
	free(l->rooms);
}

static struct relay_room_entry
entry_of(const struct listed *room)
{
	const char *text = buf_head(&room->text);
	size_t len = buf_len(&room->text);
	bool has_topic = len > room->shown_len;

	return (struct relay_room_entry){
	    .fold = span_of(room->fold),
	    .shown = {text, room->shown_len},
	    .topic = has_topic ? (struct span){text + room->shown_len,
				     len - room->shown_len}
			       : SPAN_NONE,
	    .count = room->count,
	    .hidden = room->hidden,
	};
}

static void
list_done(struct list_op *l)
{
	struct relay_room_entry *all = xcalloc(l->n + 1, sizeof *all);
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->rooms[i].count > 0)
			all[n++] = entry_of(&l->rooms[i]);
	rr_op_answered(&l->op);
	l->done(l->arg, RELAY_OK, all, n);
	free(all);
	rr_op_free(&l->op);
}

/* {N, count, ...}: those of live nodes together. */
static size_t
count_live(struct rr *r, const redisReply *counts)
{
	size_t n = 0;
	uint64_t v;

	for (size_t i = 0; i + 1 < counts->elements; i += 2)
		if (rr_span(counts->element[i]).p &&
		    rr_node_is_live(r, rr_span(counts->element[i])) &&
		    text_u64(rr_span(counts->element[i + 1]), UINT32_MAX, &v))
			n += (size_t)v;
	return n;
}

static void
take_count(struct list_op *l, struct listed *room, const redisReply *reply)
{
	struct relay_room_info info = {0};
	struct name name;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 4 ||
	    reply->element[0]->type != REDIS_REPLY_ARRAY) {
		rr_odd(l->op.r, "a room's count", rr_span(reply));
		return;
	}
	room->count = count_live(l->op.r, reply->element[0]);
	if (reply->element[0]->elements == 0)
		rr_unlist_room(l->op.r, room->fold, room->seen);
	/* Whatever stands there: what is not surely public is not shown. */
	room->hidden = reply->element[3]->type != REDIS_REPLY_NIL;
	info.shown = rr_span(reply->element[1]);
	info.topic = rr_span(reply->element[2]);
	info.topic_nick = span_of(room->fold); /* not asked for: any nick */
	rr_judge_topic(&info);
	if (!info.shown.p || name_check(info.shown, false, &name) < 0 ||
	    strcmp(name.fold, room->fold) != 0)
		info.shown = span_of(room->fold);
	buf_add(&room->text, info.shown.p, info.shown.len);
	room->shown_len = info.shown.len;
	if (info.topic.p)
		buf_add(&room->text, info.topic.p, info.topic.len);
}

static void list_next(struct list_op *l);

static void
on_counted(void *arg, const redisReply *reply, bool written)
{
	struct list_op *l = arg;

	if (l->read + 1 < l->asked && !l->op.answered && reply &&
	    reply->type != REDIS_REPLY_ERROR) {
		take_count(l, &l->rooms[l->read++], reply);
		return;
	}
	if (l->read + 1 < l->asked) {
		/* Others of the batch will still call back. */
		l->read++;
		if (!l->op.answered)
			rr_op_fail(&l->op, RELAY_DOWN);
		return;
	}
	if (!rr_op_reply(&l->op, reply, written))
		return;
	take_count(l, &l->rooms[l->read++], reply);
	rr_op_touch(&l->op);
	list_next(l);
}

static bool
ask_count(struct list_op *l, const struct listed *room)
{
	struct rr *r = l->op.r;
	char tag[RR_TAG_MAX];
	struct resp_cmd *c = rr_cmd(r);

	resp_fmt(c, "%s%s:n", r->prefix, rr_room_tag(tag, room->fold));
	resp_fmt(c, "%s%s:cfg", r->prefix, tag);
	return redis_link_eval(r->cmd, SCRIPT_ROOM_COUNT, 2, c, on_counted, l,
		   &l->op.token) == 0;
}

/* A batch at a time, so that a long list cannot fill the link. */
static void
list_next(struct list_op *l)
{
	if (l->asked == l->n) {
		list_done(l);
		return;
	}
	size_t upto =
	    l->n - l->asked > LIST_BATCH ? l->asked + LIST_BATCH : l->n;
	rr_nodes_refresh(l->op.r);
	l->op.waits = false;
	while (l->asked < upto && ask_count(l, &l->rooms[l->asked])) {
		l->op.waits = true;
		l->asked++;
	}
	if (!l->op.waits)
		rr_op_fail_later(&l->op, RELAY_DOWN);
}

/* R, score, R, score, ... */
static void
take_names(struct list_op *l, const redisReply *reply)
{
	size_t max = reply->elements / 2;

	l->rooms = xcalloc(max + 1, sizeof *l->rooms);
	for (size_t i = 0; i < max && l->n < LIST_MAX; i++) {
		struct listed *room = &l->rooms[l->n];
		struct span key = rr_span(reply->element[2 * i]);
		struct span seen = rr_span(reply->element[2 * i + 1]);
		struct name name;

		if (!key.p || !seen.p || seen.len >= SEEN_MAX ||
		    !codec_unkey(room->fold, sizeof room->fold, key) ||
		    name_check(span_of(room->fold), false, &name) < 0)
			continue;
		span_copy(room->seen, sizeof room->seen, seen);
		l->n++;
	}
}

static void
on_names(void *arg, const redisReply *reply, bool written)
{
	struct list_op *l = arg;

	if (!rr_op_reply(&l->op, reply, written))
		return;
	if (reply->type != REDIS_REPLY_ARRAY) {
		rr_odd(l->op.r, "the list of rooms", rr_span(reply));
		rr_op_fail(&l->op, RELAY_FAILED);
		rr_op_free(&l->op);
		return;
	}
	take_names(l, reply);
	rr_op_touch(&l->op);
	list_next(l);
}

void
rr_list(struct relay *relay, relay_list_fn done, void *arg)
{
	struct rr *r = rr_of(relay);
	struct list_op *l = rr_op_new(r, sizeof *l, fail_list, false);

	l->op.fini = fini_list;
	l->done = done;
	l->arg = arg;
	if (!r->up) {
		rr_op_fail_later(&l->op, RELAY_DOWN);
		return;
	}
	struct resp_cmd *c = rr_cmd(r);
	resp_str(c, "ZRANGE");
	resp_fmt(c, "%s{rooms}", r->prefix);
	resp_str(c, "0");
	resp_str(c, "-1");
	resp_str(c, "WITHSCORES");
	l->op.waits =
	    redis_link_send(r->cmd, c, on_names, l, &l->op.token) == 0;
	if (!l->op.waits)
		rr_op_fail_later(&l->op, RELAY_BUSY);
}
