/* SPDX-License-Identifier: ISC */
/*
 * What rooms allow, in Redis: a version and a record in a room's settings.
 *
 * A change is made here, from what was read, by the function that everybody
 * uses; the script puts it in place only if what it was made from still stands,
 * so that the judgement was one of the stored state.  Otherwise it is read and
 * judged again, within the time that a question has.
 *
 * The version is the id of the entry that announced the change.  A room that is
 * open here meets it in the stream, or as the version under which a later
 * message was accepted: then its feed waits until the record has been read.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "server/relay_redis_room.h"

enum { TRIES_MAX = 16 };

/* --- what Redis says ------------------------------------------------------ */

static bool
is_absent(const redisReply *r)
{
	return !r || r->type == REDIS_REPLY_NIL;
}

struct rights *
rr_rights_parse(struct rr *r, const redisReply *rv, const redisReply *record)
{
	struct msgid version = {0, 0};
	struct rights *rights;
	int err = -RIGHTS_EVALUE;

	if (is_absent(rv) && is_absent(record))
		return rights_new();
	if (!is_absent(rv) && !is_absent(record) && rr_reply_id(rv, &version) &&
	    rr_span(record).p)
		err = rights_get(rr_span(record), version, &rights);
	if (err == 0)
		return rights;
	rr_odd(
	    r, rights_strerror(err), is_absent(rv) ? SPAN_NONE : rr_span(rv));
	return rights_new_broken(version);
}

struct rights *
rr_rights_here(struct rr *r, const char *fold)
{
	struct rr_room *room = rr_room_find_open(r, fold);

	return room ? room->rights : NULL;
}

/* --- a room's own --------------------------------------------------------- */

static bool
is_same(const struct rights *a, const struct rights *b)
{
	return msgid_cmp(a->rv, b->rv) == 0 && a->broken == b->broken;
}

static void
tell(struct rr_room *room)
{
	struct rr *r = room->r;

	if (r->relay.ev.on_rights)
		r->relay.ev.on_rights(
		    r->relay.ev_arg, room->room, room->rights);
}

void
rr_rights_take(struct rr_room *room, struct rights *rights)
{
	bool news = !is_same(room->rights, rights);

	if (msgid_cmp(rights->rv, room->known) > 0)
		room->known = rights->rv;
	if (news) {
		rights_ref(rights);
		rights_unref(room->rights);
		room->rights = rights;
	}
	if (news && room->phase == ROOM_OPEN)
		tell(room);
	if (!room->closed)
		rr_feed_unblock(&room->feed);
}

/* A reading under way; it outlives a room that is closed meanwhile. */
struct rr_reload {
	struct rr *r;
	struct rr_room *room; /* NULL: nobody waits for it */
};

static void
on_reloaded(void *arg, const redisReply *reply, bool written)
{
	struct rr_reload *l = arg;
	struct rr_room *room = l->room;
	struct rights *rights;

	(void)written;
	free(l);
	if (!room)
		return;
	room->reload = NULL;
	if (!reply)
		return; /* coming back reads them */
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) {
		if (reply->type == REDIS_REPLY_ERROR)
			(void)rr_error_status(room->r, reply);
		else
			rr_odd(room->r, "a room's rights", rr_span(reply));
		return; /* rr_rooms_check() asks again */
	}
	rights = rr_rights_parse(room->r, reply->element[0], reply->element[1]);
	rr_rights_take(room, rights);
	rights_unref(rights);
}

void
rr_rights_reload(struct rr_room *room)
{
	struct rr *r = room->r;
	struct rr_reload *l;
	struct resp_cmd *c;

	if (room->reload)
		return;
	l = xcalloc(1, sizeof *l);
	l->r = r;
	l->room = room;
	c = rr_cmd(r);
	resp_str(c, "HMGET");
	resp_fmt(c, "%s%s:cfg", r->prefix, room->tag);
	resp_str(c, "rv");
	resp_str(c, "rights");
	if (redis_link_send(r->cmd, c, on_reloaded, l, NULL) < 0) {
		free(l);
		return;
	}
	room->reload = l;
}

void
rr_rights_forget(struct rr_room *room)
{
	if (room->reload)
		room->reload->room = NULL;
	room->reload = NULL;
}

/* What is read after the message was published holds for it, also where its
 * version is not to be found any more. */
bool
rr_rights_accept(struct rr_room *room, const struct relay_msg *m)
{
	if (msgid_cmp(m->rv, room->known) <= 0)
		return true;
	rr_rights_forget(room); /* it may be too old */
	room->known = m->rv;
	rr_rights_reload(room);
	return false;
}

/* --- reading -------------------------------------------------------------- */

struct load_op {
	struct rr_op op;
	relay_rights_fn done;
	void *arg;
	struct name name;
	/* Whose the room becomes if there is none; "" once that is tried. */
	char founder[SENDER_ID_LEN + 1], nick[NAME_BYTES_MAX + 1];
	struct rr_owning *owning;
};

static void
fini_load(struct rr_op *op)
{
	rr_owning_free(((struct load_op *)op)->owning);
}

static void
fail_load(struct rr_op *op, enum relay_status st)
{
	struct load_op *l = (struct load_op *)op;

	l->done(l->arg, st, NULL);
}

/* {version, record}, or nothing: there is no such room. */
static enum relay_status
read_reply(struct rr *r, const redisReply *reply, struct rights **rights)
{
	if (reply->type == REDIS_REPLY_NIL)
		return RELAY_NONE;
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) {
		rr_odd(r, "a room's rights", rr_span(reply));
		return RELAY_FAILED;
	}
	*rights = rr_rights_parse(r, reply->element[0], reply->element[1]);
	return RELAY_OK;
}

static void
loaded(struct load_op *l, struct rights *rights)
{
	struct rr_room *room = rr_room_find_open(l->op.r, l->name.fold);

	if (room)
		rr_rights_take(room, rights);
	rr_op_answered(&l->op);
	l->done(l->arg, RELAY_OK, rights);
}

static void found_room(struct load_op *l);

static void
on_loaded(void *arg, const redisReply *reply, bool written)
{
	struct load_op *l = arg;
	struct rights *rights = NULL;
	enum relay_status st;

	if (!rr_op_reply(&l->op, reply, written))
		return;
	st = read_reply(l->op.r, reply, &rights);
	if (st == RELAY_NONE && l->founder[0]) {
		found_room(l);
		return;
	}
	if (st == RELAY_OK)
		loaded(l, rights);
	else
		rr_op_fail(&l->op, st);
	rights_unref(rights);
	rr_op_free(&l->op);
}

/* The scratch command for SCRIPT_RIGHTS; record "" to found nothing. */
static void
put_load(struct rr *r, const char *fold, struct span record, const char *shown)
{
	char tag[RR_TAG_MAX];
	struct resp_cmd *c = rr_cmd(r);

	rr_room_tag(tag, fold);
	resp_fmt(c, "%s%s:cfg", r->prefix, tag);
	resp_fmt(c, "%s%s:n", r->prefix, tag);
	resp_span(c, record);
	resp_str(c, shown);
	resp_i64(c, r->c.room_ttl_ms);
}

static void
put_founding(struct rr *r, const struct name *room, const char *founder,
    const char *nick)
{
	struct rights *rights = rights_new_owned(founder, nick);

	buf_clear(&r->text);
	rights_put(&r->text, rights);
	rights_unref(rights);
	put_load(r, room->fold,
	    (struct span){buf_head(&r->text), buf_len(&r->text)}, room->shown);
}

static void
eval_founding(struct load_op *l)
{
	put_founding(l->op.r, &l->name, l->founder, l->nick);
	l->founder[0] = '\0';
	l->op.writes = true;
	rr_op_eval(&l->op, SCRIPT_RIGHTS, 2, on_loaded);
}

static void
on_may_found(struct rr_op *op, bool may)
{
	if (may) {
		eval_founding((struct load_op *)op);
		return;
	}
	rr_op_fail(op, RELAY_LIMIT);
	rr_op_free(op);
}

static void
found_room(struct load_op *l)
{
	if (l->op.r->c.rooms_per_account <= 0)
		eval_founding(l);
	else
		l->owning = rr_owning_start(
		    &l->op, l->founder, l->name.fold, on_may_found);
}

static void
rr_load(struct relay *relay, const struct name *room, const char *founder,
    const char *nick, relay_rights_fn done, void *arg)
{
	struct rr *r = rr_of(relay);
	struct load_op *l = rr_op_new(r, sizeof *l, fail_load, false);

	l->op.fini = fini_load;
	l->done = done;
	l->arg = arg;
	l->name = *room;
	if (founder) {
		span_copy(l->founder, sizeof l->founder, span_of(founder));
		span_copy(l->nick, sizeof l->nick, span_of(nick));
	}
	if (!r->up) {
		rr_op_fail_later(&l->op, RELAY_DOWN);
		return;
	}
	put_load(r, room->fold, SPAN(""), "");
	rr_op_eval(&l->op, SCRIPT_RIGHTS, 2, on_loaded);
}

/* --- changing ------------------------------------------------------------- */

/* Read, judge, put in place; and again, where somebody else was faster. */
struct change_op {
	struct rr_op op;
	relay_change_fn done;
	void *arg;
	struct kept_change *change;
	struct rights *next;      /* made, and on its way */
	struct rr_owning *owning; /* the room is to have another owner */
	char former[SENDER_ID_LEN + 1];
	unsigned tries;
	char fold[NAME_BYTES_MAX + 1];
};

static void
fail_change(struct rr_op *op, enum relay_status st)
{
	struct change_op *c = (struct change_op *)op;

	c->done(c->arg, st, RIGHTS_YES, NULL);
}

static void
fini_change(struct rr_op *op)
{
	struct change_op *c = (struct change_op *)op;

	free(c->change);
	rights_unref(c->next);
	rr_owning_free(c->owning);
}

static void
answer_change(
    struct change_op *c, enum rights_answer answer, struct rights *rights)
{
	rr_op_answered(&c->op);
	c->done(c->arg, RELAY_OK, answer, rights);
	rr_op_free(&c->op);
}

static void read_again(struct change_op *c);

static void
changed(struct change_op *c, struct msgid id)
{
	struct conv conv;

	conv_room(&conv, c->fold);
	rr_expect(c->op.r, &conv, id);
	c->next->rv = id;
	if (c->former[0] && strcmp(c->former, c->next->owner) != 0)
		rr_owning_drop(c->op.r, c->former, c->fold);
	answer_change(c, RIGHTS_YES, c->next);
}

static void
on_changed(void *arg, const redisReply *reply, bool written)
{
	struct change_op *c = arg;
	struct msgid id;

	if (!rr_op_reply(&c->op, reply, written))
		return;
	struct span why = rr_span(reply);
	if (rr_reply_id(reply, &id)) {
		changed(c, id);
		return;
	}
	if (span_is(why, "stale") && c->tries < TRIES_MAX) {
		read_again(c);
		return;
	}
	if (span_is(why, "stale") || span_is(why, "late")) {
		rr_op_fail(&c->op, RELAY_DOWN);
	} else {
		rr_odd(c->op.r, "a change's answer", why);
		rr_op_fail(&c->op, RELAY_UNKNOWN);
	}
	rr_op_free(&c->op);
}

/* Gives how many keys there are. */
static unsigned
put_change(struct change_op *c, struct msgid from)
{
	struct rr *r = c->op.r;
	struct relay_msg m = relay_change_entry(c->change);
	struct buf record = {0};
	char tag[RR_TAG_MAX];
	struct rr_feed *feed = rr_room_feed(r, c->fold);
	struct rr_stem stem;
	struct resp_cmd *cmd = rr_cmd(r);

	rr_stem(&stem, r, rr_room_tag(tag, c->fold));
	rr_put_append_keys(cmd, &stem);
	rr_put_key(cmd, &stem, SPAN("cfg"));
	rr_put_key(cmd, &stem, SPAN("n"));
	unsigned nkeys = cmd->n;
	struct rr_append_terms terms = {.deadline = rr_append_deadline(r),
	    .floor = feed ? feed->top : (struct msgid){0, 0}};
	rr_put_append_terms(r, cmd, &terms, c->next);
	rr_put_payload(r, cmd, &m);
	resp_fmt(cmd, "%s%s:c", r->prefix, tag);
	resp_id(cmd, from);
	rights_put(&record, c->next);
	resp_span(cmd, (struct span){buf_head(&record), buf_len(&record)});
	resp_str(cmd, c->next->set.hidden ? "1" : "0");
	resp_i64(cmd, r->c.room_ttl_ms);
	buf_free(&record);
	return nkeys;
}

/* Once it is settled that the change may be made: or anybody could fill an
 * account's places. */
static bool
needs_place(const struct change_op *c, const struct rights *rights)
{
	return !c->owning && c->op.r->c.rooms_per_account > 0 &&
	       strcmp(c->next->owner, rights->owner) != 0;
}

static void
on_may_own(struct rr_op *op, bool may)
{
	if (may) {
		read_again((struct change_op *)op);
		return;
	}
	rr_op_fail(op, RELAY_LIMIT);
	rr_op_free(op);
}

static void
make_change(struct change_op *c, struct rights *rights)
{
	struct rr *r = c->op.r;
	enum rights_answer answer;

	rights_unref(c->next);
	c->next = NULL;
	answer = rights_change(rights, &c->change->change,
	    (uint64_t)rr_redis_deadline(r, 0), &c->next);
	if (answer != RIGHTS_YES) {
		answer_change(c, answer, rights);
		return;
	}
	if (needs_place(c, rights)) {
		c->owning = rr_owning_start(
		    &c->op, c->next->owner, c->fold, on_may_own);
		return;
	}
	span_copy(c->former, sizeof c->former, span_of(rights->owner));
	c->op.writes = true;
	rr_op_eval(&c->op, SCRIPT_CHANGE_RIGHTS, put_change(c, rights->rv),
	    on_changed);
}

static void
on_read(void *arg, const redisReply *reply, bool written)
{
	struct change_op *c = arg;
	struct rights *rights = NULL;
	enum relay_status st;

	if (!rr_op_reply(&c->op, reply, written))
		return;
	st = read_reply(c->op.r, reply, &rights);
	if (st == RELAY_OK) {
		make_change(c, rights);
	} else {
		rr_op_fail(&c->op, st);
		rr_op_free(&c->op);
	}
	rights_unref(rights);
}

static void
read_again(struct change_op *c)
{
	c->tries++;
	c->op.writes = false;
	put_load(c->op.r, c->fold, SPAN(""), "");
	rr_op_eval(&c->op, SCRIPT_RIGHTS, 2, on_read);
}

static void
rr_change(struct relay *relay, const char *fold, const struct rights_change *c,
    struct span text, relay_change_fn done, void *arg)
{
	struct rr *r = rr_of(relay);
	struct change_op *op = rr_op_new(r, sizeof *op, fail_change, false);

	op->op.fini = fini_change;
	op->done = done;
	op->arg = arg;
	op->change = relay_keep_change(c, text);
	span_copy(op->fold, sizeof op->fold, span_of(fold));
	if (!r->up)
		rr_op_fail_later(&op->op, RELAY_DOWN);
	else
		read_again(op);
}

static uint64_t
rr_now_ms(const struct relay *relay)
{
	/* The clock is read, not changed. */
	return (uint64_t)rr_redis_deadline(
	    (struct rr *)(uintptr_t)(const void *)relay, 0);
}

const struct relay_rights_ops rr_rights_ops = {
    .load = rr_load,
    .change = rr_change,
    .now_ms = rr_now_ms,
};
