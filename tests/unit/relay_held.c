/* SPDX-License-Identifier: ISC */
/*
 * Between a server and the relay in memory: a queue of calls that a test lets
 * through one by one.  With it every moment between asking and being answered
 * can be stretched, and whatever may happen meanwhile be tried.
 */
#include "tests/unit/relay_held.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/mem.h"
#include "server/relay_local.h"
#include "server/relay_rights.h"

/* One call, with copies of what it was given. */
struct call {
	STAILQ_ENTRY(call) next;
	const char *what;
	void (*go)(struct relay *inner, struct call *c);
	void (*refuse)(struct call *c, enum relay_status st);
	struct relay *inner; /* resume: once it has gone on */
	struct name name;
	char id[SENDER_ID_LEN + 1];
	char token[RELAY_TOKEN_LEN + 1], new_token[RELAY_TOKEN_LEN + 1];
	struct conv conv;
	struct relay_member member;
	struct relay_msg msg;
	struct span text;
	struct relay_range range;
	void *user;
	char bytes[16384]; /* what the spans point to */
	size_t used;
	union {
		relay_done_fn done;
		relay_resume_fn resume;
		relay_room_fn room;
		relay_append_fn append;
		relay_read_fn read;
		relay_owner_fn owner;
		relay_peek_fn peek;
		relay_list_fn list;
		relay_change_fn change;
	} fn;
	struct kept_change *change; /* owned */
	void *arg;
	bool spoil; /* the answer is st, whatever comes */
	enum relay_status st;
};

struct held {
	struct relay relay;
	struct relay *inner;
	STAILQ_HEAD(, call) calls;
	size_t n;
	bool hold, hold_changes, up;
};

static struct held *
held_of(const struct relay *r)
{
	return (struct held *)(uintptr_t)r;
}

static struct span
keep(struct call *c, struct span s)
{
	char *at = c->bytes + c->used;

	if (!s.p)
		return s;
	assert(s.len <= sizeof c->bytes - c->used);
	if (s.len > 0)
		memcpy(at, s.p, s.len);
	c->used += s.len;
	return (struct span){at, s.len};
}

static void
keep_member(struct call *c, const struct relay_member *m)
{
	c->member = (struct relay_member){.sender = keep(c, m->sender),
	    .nick = keep(c, m->nick),
	    .node = keep(c, m->node),
	    .by = keep(c, m->by)};
}

static void
keep_msg(struct call *c, const struct relay_msg *m)
{
	c->msg = *m;
	c->msg.sender = keep(c, m->sender);
	c->msg.nick = keep(c, m->nick);
	c->msg.peer = keep(c, m->peer);
	c->msg.cid = keep(c, m->cid);
	c->msg.re = keep(c, m->re);
	c->msg.enc = keep(c, m->enc);
	c->msg.text = keep(c, m->text);
}

static void
keep_fold(struct call *c, const char *fold)
{
	span_copy(c->name.fold, sizeof c->name.fold, span_of(fold));
}

static void
sync_events(struct held *h)
{
	relay_set_events(h->inner, &h->relay.ev, h->relay.ev_arg);
}

/* Fills nothing in twice: the caller has set all but the queue. */
static void
submit(struct held *h, struct call *c)
{
	STAILQ_INSERT_TAIL(&h->calls, c, next);
	h->n++;
	if (!h->hold && h->n == 1)
		relay_held_give(&h->relay);
}

static struct call *
call_new(const char *what, void (*go)(struct relay *, struct call *),
    void (*refuse)(struct call *, enum relay_status), void *arg)
{
	struct call *c = xcalloc(1, sizeof *c);

	c->what = what;
	c->go = go;
	c->refuse = refuse;
	c->arg = arg;
	return c;
}

/* --- answers that are a status alone -------------------------------------- */

static void
on_done(void *arg, enum relay_status st)
{
	struct call *c = arg;

	if (c->fn.done)
		c->fn.done(c->arg, c->spoil ? c->st : st);
	free(c);
}

static void
refuse_done(struct call *c, enum relay_status st)
{
	if (c->fn.done)
		c->fn.done(c->arg, st);
	free(c);
}

static void
on_append(void *arg, enum relay_status st, struct msgid id, bool dup,
    const struct relay_msg *again)
{
	struct call *c = arg;

	(void)again;
	if (c->spoil)
		st = c->st;
	c->fn.append(c->arg, st, id, dup, st == RELAY_STALE ? &c->msg : NULL);
	free(c);
}

static void
refuse_append(struct call *c, enum relay_status st)
{
	c->fn.append(c->arg, st, (struct msgid){0, 0}, false,
	    st == RELAY_STALE ? &c->msg : NULL);
	free(c);
}

static void
go_join(struct relay *inner, struct call *c)
{
	relay_join(inner, c->name.fold, &c->member, on_done, c);
}

static void
held_join(struct relay *r, const char *fold, const struct relay_member *m,
    relay_done_fn done, void *arg)
{
	struct call *c = call_new("join", go_join, refuse_done, arg);

	keep_fold(c, fold);
	keep_member(c, m);
	c->fn.done = done;
	submit(held_of(r), c);
}

static void
go_part(struct relay *inner, struct call *c)
{
	relay_part(inner, c->name.fold, &c->member, c->text, on_done, c);
}

static void
held_part(struct relay *r, const char *fold, const struct relay_member *m,
    struct span text, relay_done_fn done, void *arg)
{
	struct call *c = call_new("part", go_part, refuse_done, arg);

	keep_fold(c, fold);
	keep_member(c, m);
	c->text = keep(c, text);
	c->fn.done = done;
	submit(held_of(r), c);
}

static void
go_append(struct relay *inner, struct call *c)
{
	relay_append(inner, &c->conv, &c->msg, on_append, c);
}

static void
held_append(struct relay *r, const struct conv *conv, const struct relay_msg *m,
    relay_append_fn done, void *arg)
{
	struct call *c = call_new("append", go_append, refuse_append, arg);

	c->conv = *conv;
	keep_msg(c, m);
	c->fn.append = done;
	submit(held_of(r), c);
}

static void
go_claim(struct relay *inner, struct call *c)
{
	relay_claim(inner, &c->name, c->id, c->token, on_done, c);
}

static void
held_claim(struct relay *r, const struct name *nick, const char *sender,
    const char *token, relay_done_fn done, void *arg)
{
	struct call *c = call_new("claim", go_claim, refuse_done, arg);

	c->name = *nick;
	span_copy(c->id, sizeof c->id, span_of(sender));
	span_copy(c->token, sizeof c->token, span_of(token));
	c->fn.done = done;
	submit(held_of(r), c);
}

static void
on_resume(void *arg, enum relay_status st, const char *sender)
{
	struct call *c = arg;

	/* Who is told nothing else has left it, by the contract. */
	if (c->spoil && sender)
		relay_leave(c->inner, c->name.fold, sender);
	if (c->spoil)
		c->fn.resume(c->arg, c->st, NULL);
	else
		c->fn.resume(c->arg, st, sender);
	free(c);
}

static void
refuse_resume(struct call *c, enum relay_status st)
{
	c->fn.resume(c->arg, st, NULL);
	free(c);
}

static void
go_resume(struct relay *inner, struct call *c)
{
	c->inner = inner;
	relay_resume(inner, &c->name, c->token, c->new_token, on_resume, c);
}

static void
held_resume(struct relay *r, const struct name *nick, const char *token,
    const char *new_token, relay_resume_fn done, void *arg)
{
	struct call *c = call_new("resume", go_resume, refuse_resume, arg);

	c->name = *nick;
	span_copy(c->token, sizeof c->token, span_of(token));
	span_copy(c->new_token, sizeof c->new_token, span_of(new_token));
	c->fn.resume = done;
	submit(held_of(r), c);
}

static void
go_watch(struct relay *inner, struct call *c)
{
	relay_watch(inner, c->id, c->user, on_done, c);
}

static void
held_watch(struct relay *r, const char *sender, void *user, relay_done_fn done,
    void *arg)
{
	struct call *c = call_new("watch", go_watch, refuse_done, arg);

	span_copy(c->id, sizeof c->id, span_of(sender));
	c->user = user;
	c->fn.done = done;
	submit(held_of(r), c);
}

/* --- answers that carry more ---------------------------------------------- */

static void
refuse_room(struct call *c, enum relay_status st)
{
	c->fn.room(c->arg, st, NULL);
	free(c);
}

static void
go_open(struct relay *inner, struct call *c)
{
	relay_open_room(inner, &c->name, c->user, c->fn.room, c->arg);
	free(c);
}

static void
held_open(struct relay *r, const struct name *name, void *room,
    relay_room_fn done, void *arg)
{
	struct call *c = call_new("open", go_open, refuse_room, arg);

	c->name = *name;
	c->user = room;
	c->fn.room = done;
	submit(held_of(r), c);
}

static void
refuse_read(struct call *c, enum relay_status st)
{
	c->fn.read(c->arg, st, NULL);
	free(c);
}

static void
go_read(struct relay *inner, struct call *c)
{
	relay_read(inner, &c->conv, &c->range, c->fn.read, c->arg);
	free(c);
}

static void
held_read(struct relay *r, const struct conv *conv,
    const struct relay_range *range, relay_read_fn done, void *arg)
{
	struct call *c = call_new("read", go_read, refuse_read, arg);

	c->conv = *conv;
	c->range = *range;
	c->fn.read = done;
	submit(held_of(r), c);
}

static void
refuse_owner(struct call *c, enum relay_status st)
{
	c->fn.owner(c->arg, st, NULL);
	free(c);
}

static void
go_find(struct relay *inner, struct call *c)
{
	relay_find(inner, c->name.fold, c->fn.owner, c->arg);
	free(c);
}

static void
held_find(struct relay *r, const char *fold, relay_owner_fn done, void *arg)
{
	struct call *c = call_new("find", go_find, refuse_owner, arg);

	keep_fold(c, fold);
	c->fn.owner = done;
	submit(held_of(r), c);
}

static void
refuse_peek(struct call *c, enum relay_status st)
{
	c->fn.peek(c->arg, st, NULL);
	free(c);
}

static void
go_peek(struct relay *inner, struct call *c)
{
	relay_peek(inner, c->name.fold, c->fn.peek, c->arg);
	free(c);
}

static void
held_peek(struct relay *r, const char *fold, relay_peek_fn done, void *arg)
{
	struct call *c = call_new("peek", go_peek, refuse_peek, arg);

	keep_fold(c, fold);
	c->fn.peek = done;
	submit(held_of(r), c);
}

static void
refuse_list(struct call *c, enum relay_status st)
{
	c->fn.list(c->arg, st, NULL, 0);
	free(c);
}

static void
go_list(struct relay *inner, struct call *c)
{
	relay_list(inner, c->fn.list, c->arg);
	free(c);
}

static void
held_list(struct relay *r, relay_list_fn done, void *arg)
{
	struct call *c = call_new("list", go_list, refuse_list, arg);

	c->fn.list = done;
	submit(held_of(r), c);
}

/* --- what has no answer --------------------------------------------------- */

static void
held_close(struct relay *r, const char *fold)
{
	relay_close_room(held_of(r)->inner, fold);
}

static void
held_rename(struct relay *r, const char *fold, const struct relay_member *m)
{
	relay_rename(held_of(r)->inner, fold, m);
}

static void
held_typing(
    struct relay *r, const struct conv *c, struct span sender, struct span nick)
{
	relay_typing(held_of(r)->inner, c, sender, nick);
}

static void
held_release(struct relay *r, const char *fold, const char *sender)
{
	relay_release(held_of(r)->inner, fold, sender);
}

static void
held_leave(struct relay *r, const char *fold, const char *sender)
{
	relay_leave(held_of(r)->inner, fold, sender);
}

static void
held_unwatch(struct relay *r, const char *sender)
{
	relay_unwatch(held_of(r)->inner, sender);
}

static bool
held_is_up(const struct relay *r)
{
	return held_of(r)->up;
}

static void
held_free(struct relay *r)
{
	struct held *h = held_of(r);

	sync_events(h);
	while (h->n > 0)
		relay_held_refuse(r, RELAY_DOWN);
	relay_free(h->inner);
	free(h);
}

/* --- the test's side ------------------------------------------------------ */

static struct call *
take(struct held *h)
{
	struct call *c = STAILQ_FIRST(&h->calls);

	assert(c);
	STAILQ_REMOVE_HEAD(&h->calls, next);
	h->n--;
	return c;
}

void
relay_held_hold(struct relay *r, bool hold)
{
	held_of(r)->hold = hold;
}

void
relay_held_hold_changes(struct relay *r, bool hold)
{
	held_of(r)->hold_changes = hold;
}

size_t
relay_held_count(const struct relay *r)
{
	return held_of(r)->n;
}

const char *
relay_held_first(const struct relay *r)
{
	const struct call *c = STAILQ_FIRST(&held_of(r)->calls);

	return c ? c->what : "";
}

void
relay_held_give(struct relay *r)
{
	struct held *h = held_of(r);
	struct call *c = take(h);

	sync_events(h);
	c->go(h->inner, c);
}

void
relay_held_refuse(struct relay *r, enum relay_status st)
{
	struct call *c = take(held_of(r));

	c->refuse(c, st);
}

bool
relay_held_spoil(struct relay *r, enum relay_status st)
{
	struct call *c = STAILQ_FIRST(&held_of(r)->calls);

	if (c->refuse != refuse_done && c->refuse != refuse_append &&
	    c->refuse != refuse_resume) {
		relay_held_refuse(r, st);
		return false;
	}
	c->spoil = true;
	c->st = st;
	relay_held_give(r);
	return true;
}

void
relay_held_postpone(struct relay *r)
{
	struct held *h = held_of(r);
	struct call *c = take(h);

	STAILQ_INSERT_TAIL(&h->calls, c, next);
	h->n++;
}

void
relay_held_set_up(struct relay *r, bool up)
{
	struct held *h = held_of(r);

	h->up = up;
	r->ev.on_state(r->ev_arg, up);
}

void
relay_held_run(struct relay *r, uint64_t now_ms, uint64_t wall_ms)
{
	struct held *h = held_of(r);

	sync_events(h);
	relay_local_run(h->inner, now_ms, wall_ms);
}

static void
refuse_change(struct call *c, enum relay_status st)
{
	c->fn.change(c->arg, st, RIGHTS_YES, NULL);
	free(c->change);
	free(c);
}

static void
go_change(struct relay *inner, struct call *c)
{
	relay_change_rights(inner, c->name.fold, &c->change->change, c->text,
	    c->fn.change, c->arg);
	free(c->change);
	free(c);
}

static void
held_change_rights(struct relay *r, const char *fold,
    const struct rights_change *change, struct span text, relay_change_fn done,
    void *arg)
{
	struct held *h = held_of(r);
	struct call *c;

	sync_events(h);
	if (!h->hold_changes) {
		relay_change_rights(h->inner, fold, change, text, done, arg);
		return;
	}
	c = call_new("change", go_change, refuse_change, arg);
	keep_fold(c, fold);
	c->text = keep(c, text);
	c->change = relay_keep_change(change, text);
	c->fn.change = done;
	submit(h, c);
}

/* Reading them is never held. */
static void
held_load_rights(struct relay *r, const struct name *room, const char *founder,
    const char *nick, relay_rights_fn done, void *arg)
{
	struct held *h = held_of(r);

	sync_events(h);
	relay_load_rights(h->inner, room, founder, nick, done, arg);
}

static uint64_t
held_now_ms(const struct relay *r)
{
	return relay_now_ms(held_of(r)->inner);
}

static const struct relay_rights_ops held_rights_ops = {
    .load = held_load_rights,
    .change = held_change_rights,
    .now_ms = held_now_ms,
};

static void
held_tune(struct relay *r, const struct relay_tuning *t)
{
	relay_tune(held_of(r)->inner, t);
}

static const struct relay_ops held_ops = {
    .free = held_free,
    .is_up = held_is_up,
    .tune = held_tune,
    .durability = "process",
    .open_room = held_open,
    .close_room = held_close,
    .join = held_join,
    .part = held_part,
    .rename = held_rename,
    .append = held_append,
    .read = held_read,
    .typing = held_typing,
    .claim = held_claim,
    .release = held_release,
    .leave = held_leave,
    .resume = held_resume,
    .find = held_find,
    .watch = held_watch,
    .unwatch = held_unwatch,
    .peek = held_peek,
    .list = held_list,
    .rights = &held_rights_ops,
};

struct relay *
relay_held_new(const struct relay_local_config *config)
{
	struct held *h = xcalloc(1, sizeof *h);

	h->relay.ops = &held_ops;
	h->inner = relay_local_new(config);
	h->up = true;
	STAILQ_INIT(&h->calls);
	return &h->relay;
}
