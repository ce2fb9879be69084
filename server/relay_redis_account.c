/* SPDX-License-Identifier: ISC */
/*
 * Accounts in Redis.
 *
 *	{a:ID}     hash: nick, since, hash, k:KEY = 1 for each key
 *	{pk:KEY}   ID MS: whose the key is, and since when it is
 *	{k:K}      A ID SINCE FOLD SHOWN, in the place of a guest's claim
 *	{a:ID}:on  hash: the nodes where it is, N = 1; each of these has @ID
 *		   among its {n:N}:nicks, for when it dies
 *
 * They lie in different slots of a Cluster, so no script can change two of them
 * at once.  What is half done belongs to nobody, because each is only believed
 * where the others agree:
 *
 *  - a nick is the account's when its own key says so, in one step;
 *  - an account is one if its nick's key says so;
 *  - a key is the account's if {pk:KEY} names the account, and the account
 *    names the key, and is one.
 *
 * REGISTER writes {pk:KEY}, then {a:ID}, then {k:K}, which makes it true.  KEY
 * add writes {pk:KEY}, then {a:ID}; KEY del the other way round.  A node that
 * dies between two of these leaves a {pk:KEY} which its account does not
 * confirm: after a while anybody may take it.  Until then it may be a step that
 * is still to come; each last step has a deadline, by Redis' own clock, that is
 * over before that.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "server/relay_account.h"
#include "server/relay_redis_int.h"

enum {
	STEP_MS = 10000,        /* the last step comes within, or never */
	UNCONFIRMED_MS = 15000, /* then a key is anybody's */
	TRIES_MAX = 3,
};

struct account_op {
	struct rr_op op;
	uint8_t key[ACCOUNT_KEY_LEN];
	char key_text[IDENTITY_KEY_TEXT + 1];
	char sender[SENDER_ID_LEN + 1]; /* REGISTER: the guest */
	struct relay_account made;      /* REGISTER: what it becomes */
	struct relay_account found;     /* what was looked up */
	char id[SENDER_ID_LEN + 1];     /* whose key it becomes */
	int64_t deadline;               /* of the last step, by Redis' clock */
	unsigned tries;
	struct {
		char text[64]; /* what stands in {pk:KEY} */
		bool old;      /* long enough to be nobody's */
	} was;
	void (*looked_up)(struct account_op *o, enum relay_status st);
	void (*key_taken)(struct account_op *o);
	relay_account_fn done;
	relay_done_fn changed;
	void *arg;
};

/* --- answering ------------------------------------------------------------ */

static void
tell(struct account_op *o, enum relay_status st, const struct relay_account *a)
{
	if (o->done)
		o->done(o->arg, st, st == RELAY_OK ? a : NULL);
	else
		o->changed(o->arg, st);
}

static void
finish(
    struct account_op *o, enum relay_status st, const struct relay_account *a)
{
	rr_op_answered(&o->op);
	tell(o, st, a);
	rr_op_free(&o->op);
}

static void
fail(struct rr_op *op, enum relay_status st)
{
	tell((struct account_op *)op, st, NULL);
}

static struct account_op *
op_new(struct rr *r, void *arg)
{
	struct account_op *o = rr_op_new(r, sizeof *o, fail, false);
	int64_t ms = r->c.say_timeout_ms;

	o->arg = arg;
	o->deadline =
	    rr_redis_deadline(r, (uint64_t)(ms < STEP_MS ? ms : STEP_MS));
	return o;
}

static void
set_key(struct account_op *o, const uint8_t *key)
{
	memcpy(o->key, key, sizeof o->key);
	identity_key_text(o->key, o->key_text);
}

/* False: the relay is away, and that will be answered. */
static bool
may_begin(struct account_op *o)
{
	if (o->op.r->up)
		return true;
	rr_op_fail_later(&o->op, RELAY_DOWN);
	return false;
}

/* Sends the scratch command. */
static void
ask(struct account_op *o, redis_reply_fn fn)
{
	struct rr *r = o->op.r;
	int err = redis_link_send(r->cmd, &r->scratch, fn, o, &o->op.token);

	o->op.waits = err == 0;
	if (err < 0)
		rr_op_fail_later(
		    &o->op, err == -LINK_EBUSY ? RELAY_BUSY : RELAY_DOWN);
}

static void
put_nick_key(struct rr *r, struct resp_cmd *c, const char *fold)
{
	char skeleton[NAME_BYTES_MAX + 1], key[CODEC_KEY_MAX + 1];

	name_skeleton(fold, skeleton);
	resp_fmt(c, "%s{k:%s}", r->prefix,
	    codec_key(key, sizeof key, span_of(skeleton)));
}

/* --- looking up ----------------------------------------------------------- */

/* Its nick has the last word. */
static void
on_nick(void *arg, const redisReply *reply, bool written)
{
	struct account_op *o = arg;
	struct codec_owned owned;

	if (!rr_op_reply(&o->op, reply, written))
		return;
	if (codec_get_owned(&owned, rr_span(reply)) == 0 &&
	    span_is(owned.id, o->found.id) &&
	    strcmp(owned.nick.fold, o->found.nick.fold) == 0)
		o->looked_up(o, RELAY_OK);
	else
		o->looked_up(o, RELAY_NONE);
}

static bool
read_account(struct relay_account *a, const redisReply *hash)
{
	for (size_t i = 0; i + 1 < hash->elements; i += 2) {
		struct span name = rr_span(hash->element[i]);
		struct span value = rr_span(hash->element[i + 1]);

		if (!name.p || !value.p || !account_take(a, name, value))
			return false;
	}
	return account_is_whole(a);
}

static void
on_account(void *arg, const redisReply *reply, bool written)
{
	struct account_op *o = arg;
	struct rr *r = o->op.r;

	if (!rr_op_reply(&o->op, reply, written))
		return;
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 0) {
		o->looked_up(o, RELAY_NONE);
		return;
	}
	if (reply->type != REDIS_REPLY_ARRAY ||
	    !read_account(&o->found, reply)) {
		rr_odd(r, "a malformed account", span_of(o->found.id));
		o->looked_up(o, RELAY_FAILED);
		return;
	}
	rr_op_touch(&o->op);
	struct resp_cmd *c = rr_cmd(r);
	resp_str(c, "GET");
	put_nick_key(r, c, o->found.nick.fold);
	ask(o, on_nick);
}

/* Into o->found; looked_up comes with OK, NONE or FAILED. */
static void
look_up(struct account_op *o, struct span id,
    void (*looked_up)(struct account_op *, enum relay_status))
{
	struct rr *r = o->op.r;
	struct resp_cmd *c = rr_cmd(r);

	o->found = (struct relay_account){.nkeys = 0};
	span_copy(o->found.id, sizeof o->found.id, id);
	o->looked_up = looked_up;
	rr_op_touch(&o->op);
	resp_str(c, "HGETALL");
	resp_fmt(c, "%s{a:%s}", r->prefix, o->found.id);
	ask(o, on_account);
}

static void
answer_found(struct account_op *o, enum relay_status st)
{
	finish(o, st, &o->found);
}

static void
by_id(struct relay *relay, const char *id, relay_account_fn done, void *arg)
{
	struct account_op *o = op_new(rr_of(relay), arg);

	o->done = done;
	if (may_begin(o))
		look_up(o, span_of(id), answer_found);
}

/* --- by nick -------------------------------------------------------------- */

static void
on_owner(void *arg, const redisReply *reply, bool written)
{
	struct account_op *o = arg;
	struct codec_owned owned;

	if (!rr_op_reply(&o->op, reply, written))
		return;
	/* It may only look like the nick that was asked for. */
	if (codec_get_owned(&owned, rr_span(reply)) == 0 &&
	    strcmp(owned.nick.fold, o->made.nick.fold) == 0)
		look_up(o, owned.id, answer_found);
	else
		finish(o, RELAY_NONE, NULL);
}

static void
by_nick(struct relay *relay, const char *fold, relay_account_fn done, void *arg)
{
	struct rr *r = rr_of(relay);
	struct account_op *o = op_new(r, arg);

	o->done = done;
	span_copy(o->made.nick.fold, sizeof o->made.nick.fold, span_of(fold));
	if (!may_begin(o))
		return;
	struct resp_cmd *c = rr_cmd(r);
	resp_str(c, "GET");
	put_nick_key(r, c, fold);
	ask(o, on_owner);
}

/* --- by key --------------------------------------------------------------- */

static bool
confirms(const struct account_op *o, enum relay_status st)
{
	return st == RELAY_OK && account_find_key(&o->found, o->key) >= 0;
}

static void
answer_confirmed(struct account_op *o, enum relay_status st)
{
	finish(
	    o, st == RELAY_OK && !confirms(o, st) ? RELAY_NONE : st, &o->found);
}

static void
on_key(void *arg, const redisReply *reply, bool written)
{
	struct account_op *o = arg;
	uint64_t since_ms;
	struct span id;

	if (!rr_op_reply(&o->op, reply, written))
		return;
	if (codec_get_key_owner(rr_span(reply), &id, &since_ms) == 0)
		look_up(o, id, answer_confirmed);
	else
		finish(o, RELAY_NONE, NULL);
}

static void
by_key(
    struct relay *relay, const uint8_t *key, relay_account_fn done, void *arg)
{
	struct rr *r = rr_of(relay);
	struct account_op *o = op_new(r, arg);

	o->done = done;
	set_key(o, key);
	if (!may_begin(o))
		return;
	struct resp_cmd *c = rr_cmd(r);
	resp_str(c, "GET");
	resp_fmt(c, "%s{pk:%s}", r->prefix, o->key_text);
	ask(o, on_key);
}

/* --- taking a key --------------------------------------------------------- */

static void on_key_taken(void *arg, const redisReply *reply, bool written);

static void
put_key_drop(struct rr *r, const struct account_op *o)
{
	struct resp_cmd *c = rr_cmd(r);

	resp_fmt(c, "%s{pk:%s}", r->prefix, o->key_text);
	resp_str(c, o->id);
}

/* Best effort: what stays is nobody's, and is taken over in time. */
static void
give_key_back(struct account_op *o)
{
	put_key_drop(o->op.r, o);
	rr_tell_script(o->op.r, SCRIPT_KEY_DROP, 1);
}

static void
send_key_take(struct account_op *o)
{
	struct rr *r = o->op.r;
	struct resp_cmd *c = rr_cmd(r);

	resp_fmt(c, "%s{pk:%s}", r->prefix, o->key_text);
	resp_str(c, o->id);
	resp_str(c, o->was.text);
	rr_op_touch(&o->op);
	rr_op_eval(&o->op, SCRIPT_KEY_TAKE, 1, on_key_taken);
}

/* Whose is it, if that account exists and says so too? */
static void
on_rival(struct account_op *o, enum relay_status st)
{
	if (st == RELAY_FAILED)
		finish(o, RELAY_FAILED, NULL);
	else if (confirms(o, st))
		finish(o, RELAY_OWNED, NULL);
	else if (!o->was.old || o->tries >= TRIES_MAX)
		finish(o, RELAY_BUSY, NULL);
	else
		send_key_take(o);
}

/* {what stands there, now}; what makes no sense is nobody's. */
static void
key_is_anothers(struct account_op *o, const redisReply *reply)
{
	struct span was = rr_span(reply->element[0]), id;
	uint64_t since_ms, now_ms;

	o->was.old = true;
	if (!was.p || was.len >= sizeof o->was.text ||
	    !text_u64(rr_span(reply->element[1]), INT64_MAX, &now_ms)) {
		rr_odd(o->op.r, "a key's owner", was);
		finish(o, RELAY_FAILED, NULL);
		return;
	}
	span_copy(o->was.text, sizeof o->was.text, was);
	if (codec_get_key_owner(was, &id, &since_ms) < 0) {
		on_rival(o, RELAY_NONE);
		return;
	}
	o->was.old = now_ms > since_ms && now_ms - since_ms > UNCONFIRMED_MS;
	look_up(o, id, on_rival);
}

static void
on_key_taken(void *arg, const redisReply *reply, bool written)
{
	struct account_op *o = arg;

	if (!rr_op_reply(&o->op, reply, written))
		return;
	o->tries++;
	if (reply->type == REDIS_REPLY_NIL) {
		rr_op_touch(&o->op);
		o->key_taken(o);
	} else if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2) {
		key_is_anothers(o, reply);
	} else {
		rr_odd(o->op.r, "a key is not taken", rr_span(reply));
		finish(o, RELAY_FAILED, NULL);
	}
}

/* --- registering ---------------------------------------------------------- */

static void
undo_register(struct account_op *o)
{
	struct rr *r = o->op.r;
	struct resp_cmd *c = rr_cmd(r);

	resp_str(c, "DEL");
	resp_fmt(c, "%s{a:%s}", r->prefix, o->id);
	rr_tell(r);
	give_key_back(o);
}

/* NULL: the account is made.  Else who has the nick, or late. */
static void
on_owned(void *arg, const redisReply *reply, bool written)
{
	struct account_op *o = arg;
	char skeleton[NAME_BYTES_MAX + 1];

	if (!rr_op_reply(&o->op, reply, written))
		return;
	if (reply->type == REDIS_REPLY_NIL) {
		name_skeleton(o->made.nick.fold, skeleton);
		rr_nick_owned(o->op.r, skeleton, o->sender);
		finish(o, RELAY_OK, &o->made);
		return;
	}
	undo_register(o);
	if (span_is(rr_span(reply), "late"))
		finish(o, RELAY_DOWN, NULL);
	else if (codec_is_owned(rr_span(reply)))
		finish(o, RELAY_REGISTERED, NULL);
	else
		finish(o, RELAY_TAKEN, NULL);
}

static void
send_own(struct account_op *o)
{
	struct rr *r = o->op.r;
	struct resp_cmd *c = rr_cmd(r);

	put_nick_key(r, c, o->made.nick.fold);
	resp_i64(c, o->deadline);
	resp_str(c, o->sender);
	resp_str(c, r->node_id);
	resp_str(c, o->made.nick.fold);
	buf_clear(&r->text);
	codec_put_owned(&r->text, o->made.id, &o->made.nick, o->made.since_ms);
	resp_span(c, (struct span){buf_head(&r->text), buf_len(&r->text)});
	o->op.writes = true; /* from here on it may have been made */
	rr_op_touch(&o->op);
	rr_op_eval(&o->op, SCRIPT_NICK_OWN, 1, on_owned);
}

static void
on_written(void *arg, const redisReply *reply, bool written)
{
	struct account_op *o = arg;

	if (rr_op_reply(&o->op, reply, written))
		send_own(o);
}

static void
write_account(struct account_op *o)
{
	struct rr *r = o->op.r;
	struct resp_cmd *c = rr_cmd(r);
	struct account_fields f;

	account_fields(&f, &o->made);
	resp_str(c, "HSET");
	resp_fmt(c, "%s{a:%s}", r->prefix, o->id);
	for (size_t i = 0; i < f.n; i++) {
		resp_span(c, f.field[i].name);
		resp_span(c, f.field[i].value);
	}
	ask(o, on_written);
}

static void
reg(struct relay *relay, const struct name *nick, const char *sender,
    const uint8_t *key, relay_account_fn done, void *arg)
{
	struct account_op *o = op_new(rr_of(relay), arg);

	o->done = done;
	o->key_taken = write_account;
	set_key(o, key);
	account_new_id(o->id);
	memcpy(o->made.id, o->id, sizeof o->made.id);
	o->made.nick = *nick;
	o->made.since_ms = clock_wall_ms();
	o->made.nkeys = 1;
	memcpy(o->made.keys[0], key, ACCOUNT_KEY_LEN);
	span_copy(o->sender, sizeof o->sender, span_of(sender));
	if (may_begin(o))
		send_key_take(o);
}

/* --- changing ------------------------------------------------------------- */

static enum relay_status
status_of(struct span word)
{
	static const struct {
		const char *word;
		enum relay_status st;
	} rows[] = {
	    {"ok", RELAY_OK},
	    {"late", RELAY_DOWN},
	    {"none", RELAY_NONE},
	    {"last", RELAY_LAST},
	    {"limit", RELAY_LIMIT},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (span_is(word, rows[i].word))
			return rows[i].st;
	return RELAY_FAILED;
}

static void
send_change(struct account_op *o, const char *what, const char *value,
    redis_reply_fn fn)
{
	struct rr *r = o->op.r;
	struct resp_cmd *c = rr_cmd(r);

	resp_fmt(c, "%s{a:%s}", r->prefix, o->id);
	resp_i64(c, o->deadline);
	resp_str(c, what);
	resp_str(c, value);
	resp_i64(c, ACCOUNT_KEYS_MAX);
	o->op.writes = true;
	rr_op_eval(&o->op, SCRIPT_ACCOUNT, 1, fn);
}

static void
on_changed(void *arg, const redisReply *reply, bool written)
{
	struct account_op *o = arg;

	if (rr_op_reply(&o->op, reply, written))
		finish(o, status_of(rr_span(reply)), NULL);
}

/* What the account did not take is nobody's again.  If it came too late, it may
 * have been the account's before. */
static void
on_added(void *arg, const redisReply *reply, bool written)
{
	struct account_op *o = arg;
	enum relay_status st;

	if (!rr_op_reply(&o->op, reply, written))
		return;
	st = status_of(rr_span(reply));
	if (st == RELAY_LIMIT || st == RELAY_NONE)
		give_key_back(o);
	finish(o, st, NULL);
}

static void
on_deleted(void *arg, const redisReply *reply, bool written)
{
	struct account_op *o = arg;

	if (!rr_op_reply(&o->op, reply, written))
		return;
	if (status_of(rr_span(reply)) == RELAY_OK)
		give_key_back(o);
	finish(o, status_of(rr_span(reply)), NULL);
}

static struct account_op *
change_new(struct relay *relay, const char *id, relay_done_fn done, void *arg)
{
	struct account_op *o = op_new(rr_of(relay), arg);

	o->changed = done;
	span_copy(o->id, sizeof o->id, span_of(id));
	return o;
}

static void
set_hash(struct relay *relay, const char *id, const char *hash,
    relay_done_fn done, void *arg)
{
	struct account_op *o = change_new(relay, id, done, arg);

	if (may_begin(o))
		send_change(o, "hash", hash ? hash : "", on_changed);
}

static void
send_add(struct account_op *o)
{
	send_change(o, "add", o->key_text, on_added);
}

static void
add_key(struct relay *relay, const char *id, const uint8_t *key,
    relay_done_fn done, void *arg)
{
	struct account_op *o = change_new(relay, id, done, arg);

	set_key(o, key);
	o->key_taken = send_add;
	if (may_begin(o))
		send_key_take(o);
}

static void
del_key(struct relay *relay, const char *id, const uint8_t *key,
    relay_done_fn done, void *arg)
{
	struct account_op *o = change_new(relay, id, done, arg);

	set_key(o, key);
	if (may_begin(o))
		send_change(o, "del", o->key_text, on_deleted);
}

const struct relay_account_ops rr_account_ops = {
    .reg = reg,
    .by_key = by_key,
    .by_nick = by_nick,
    .by_id = by_id,
    .set_hash = set_hash,
    .add_key = add_key,
    .del_key = del_key,
};

/* --- where it is ---------------------------------------------------------- */

static void
tell_on(struct rr *r, const char *id, bool on)
{
	struct resp_cmd *c = rr_cmd(r);

	resp_str(c, on ? "HSET" : "HDEL");
	resp_fmt(c, "%s{a:%s}:on", r->prefix, id);
	resp_str(c, r->node_id);
	if (on)
		resp_str(c, "1");
	rr_tell(r);
}

/* For whoever clears away what this node left: no nick is written like it. */
static void
index_on(struct rr *r, const char *id, bool on)
{
	struct resp_cmd *c = rr_cmd(r);

	resp_str(c, on ? "SADD" : "SREM");
	resp_fmt(c, "%s{n:%s}:nicks", r->prefix, r->node_id);
	resp_fmt(c, "@%s", id);
	rr_tell(r);
}

/* It stands in the index for longer than where it is: one too many does no
 * harm. */
void
rr_account_on(struct rr *r, const char *sender, bool on)
{
	if (sender[0] != 'a')
		return;
	if (on)
		index_on(r, sender, true);
	tell_on(r, sender, on);
	if (!on)
		index_on(r, sender, false);
}

void
rr_account_forget_node(struct rr *r, const char *id, struct span node)
{
	struct resp_cmd *c = rr_cmd(r);

	resp_str(c, "HDEL");
	resp_fmt(c, "%s{a:%s}:on", r->prefix, id);
	resp_span(c, node);
	rr_tell(r);
}
