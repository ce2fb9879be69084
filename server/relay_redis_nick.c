/* SPDX-License-Identifier: ISC */
/*
 * Nicks: who has which, on all nodes.
 *
 * A claim has no life of its own; it holds as long as the lease of the node
 * that made it.  So a claim of another node is judged by the list of nodes, and
 * that is read once more before it is taken away from somebody: a node may have
 * come since it was read last.
 *
 * Nicks that look alike share a key, made of their skeleton, so that one of
 * them alone can be held; the claim itself says which.
 *
 * `nicks` is what this node's sessions hold.  It is claimed again after a
 * break; whoever lost one meanwhile is told.
 *
 * With a claim goes the hash of a token.  Whoever shows the token takes the
 * sender over, from whatever node: of one that lives, and from what a sender
 * that was lost has left, as long as nobody else took the nick.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "server/relay_redis_int.h"

/* A nick, spelled out: what is asked of Redis. */
struct nick {
	char skeleton[NAME_BYTES_MAX + 1];
	struct name name;
	char sender[SENDER_ID_LEN + 1];  /* "": known by its token alone */
	char token[RELAY_TOKEN_LEN + 1]; /* "": none */
	uint64_t since_ms;
	bool returned; /* given back while Redis was away */
	bool left;     /* and its token stays good for a while */
};

/* The same, held.  There is one for each client, so it is small. */
struct rr_nick {
	uint64_t since_ms;
	uint8_t token[RELAY_TOKEN_LEN / 2];
	bool has_token, returned, left;
	uint8_t fold_at, shown_at; /* the nick, in names */
	char sender[SENDER_ID_LEN + 1];
	char names[]; /* the skeleton, then what is spelled otherwise */
};

/* One whose holder is told when the relay is up. */
struct rr_lost {
	UT_hash_handle hh;
	char fold[NAME_BYTES_MAX + 1];
	char sender[SENDER_ID_LEN + 1];
	bool replaced; /* lost to itself, on another node */
};

/* --- nicks that are held -------------------------------------------------- */

static struct span
nick_key(const void *nick)
{
	return span_of(((const struct rr_nick *)nick)->names);
}

static const char *
fold_of(const struct rr_nick *n)
{
	return n->names + n->fold_at;
}

static struct rr_nick *
find(struct rr *r, const char *skeleton)
{
	return index_find(&r->nicks, span_of(skeleton));
}

static void
nick_free(struct rr *r, struct rr_nick *n)
{
	index_drop(&r->nicks, n);
	free(n);
}

/* Puts a spelling behind the one before it, unless it is the same; gives where
 * it is. */
static size_t
spell(char *names, size_t before, const char *s)
{
	size_t at = before + strlen(names + before) + 1;

	if (strcmp(names + before, s) == 0)
		return before;
	memcpy(names + at, s, strlen(s) + 1);
	return at;
}

static struct rr_nick *
pack(const struct nick *n)
{
	char names[3 * (NAME_BYTES_MAX + 1)];

	memcpy(names, n->skeleton, sizeof n->skeleton);
	size_t fold_at = spell(names, 0, n->name.fold);
	size_t shown_at = spell(names, fold_at, n->name.shown);
	size_t size = shown_at + strlen(names + shown_at) + 1;
	struct rr_nick *p = xcalloc(1, sizeof *p + size);
	memcpy(p->names, names, size);
	p->fold_at = (uint8_t)fold_at;
	p->shown_at = (uint8_t)shown_at;
	p->since_ms = n->since_ms;
	p->returned = n->returned;
	p->left = n->left;
	memcpy(p->sender, n->sender, sizeof p->sender);
	p->has_token = n->token[0] != '\0';
	if (p->has_token && sodium_hex2bin(p->token, sizeof p->token, n->token,
				strlen(n->token), NULL, NULL, NULL) != 0)
		abort(); /* relay.c has looked at it */
	return p;
}

static void
unpack(struct nick *dst, const struct rr_nick *n)
{
	*dst = (struct nick){
	    .since_ms = n->since_ms, .returned = n->returned, .left = n->left};
	span_copy(dst->skeleton, sizeof dst->skeleton, span_of(n->names));
	span_copy(dst->name.fold, sizeof dst->name.fold, span_of(fold_of(n)));
	span_copy(dst->name.shown, sizeof dst->name.shown,
	    span_of(n->names + n->shown_at));
	memcpy(dst->sender, n->sender, sizeof dst->sender);
	if (n->has_token)
		sodium_bin2hex(
		    dst->token, sizeof dst->token, n->token, sizeof n->token);
}

static bool
has_token(const struct rr_nick *n, struct span hex)
{
	struct nick held;

	unpack(&held, n);
	return span_is(hex, held.token);
}

/* In the place of what looks like it. */
static struct rr_nick *
keep(struct rr *r, const struct nick *claimed)
{
	struct rr_nick *was = find(r, claimed->skeleton);
	struct rr_nick *n = pack(claimed);

	if (was)
		nick_free(r, was);
	index_add(&r->nicks, n);
	return n;
}

/* --- what is said to Redis ------------------------------------------------ */

static void
put_key(struct rr *r, struct resp_cmd *c, const char *skeleton)
{
	char key[CODEC_KEY_MAX + 1];

	resp_fmt(c, "%s{k:%s}", r->prefix,
	    codec_key(key, sizeof key, span_of(skeleton)));
}

static void
index_nick(struct rr *r, const char *verb, const char *skeleton)
{
	char key[CODEC_KEY_MAX + 1];
	struct resp_cmd *c = rr_cmd(r);

	resp_str(c, verb);
	resp_fmt(c, "%s{n:%s}:nicks", r->prefix, r->node_id);
	resp_str(c, codec_key(key, sizeof key, span_of(skeleton)));
	rr_tell(r);
}

/* The scratch command then claims; stale is what a dead node left, or absent.
 */
static void
put_claim(struct rr *r, const struct nick *n, struct span stale)
{
	struct resp_cmd *c;
	struct codec_claim claim = {span_of(n->sender), span_of(r->node_id),
	    span_of(n->name.fold), span_of(n->name.shown), n->since_ms,
	    n->token[0] ? span_of(n->token) : SPAN_NONE, false};

	index_nick(r, "SADD", n->skeleton);
	c = rr_cmd(r);
	put_key(r, c, n->skeleton);
	resp_str(c, n->sender);
	buf_clear(&r->text);
	codec_put_claim(&r->text, &claim);
	resp_span(c, (struct span){buf_head(&r->text), buf_len(&r->text)});
	resp_span(c, stale);
	resp_str(c, r->node_id);
	resp_str(c, n->token[0] ? n->token : "-");
}

/* Is what stands there nobody's any more?  Garbage is nobody's, but for what
 * says that it is an account's. */
static bool
is_stale(struct rr *r, struct span claim)
{
	struct codec_claim c;

	if (codec_is_owned(claim))
		return false;
	return codec_get_claim(&c, claim) < 0 || c.left ||
	       !rr_node_is_kept(r, c.node);
}

/* --- claim ---------------------------------------------------------------- */

struct rr_claim {
	struct rr_op op;
	LIST_ENTRY(rr_claim) entry;
	struct nick nick; /* as it will be held */
	relay_done_fn done;
	void *arg;
	unsigned tries;
	bool returned; /* given back before it was answered */
};

enum { TRIES_MAX = 4 };

/* A claim took the place of one that looked like it, and was given back. */
static void
forget_replaced(struct rr *r, const struct nick *claimed)
{
	struct rr_nick *n = find(r, claimed->skeleton);

	if (n && strcmp(n->sender, claimed->sender) == 0)
		nick_free(r, n);
}

static void
fail_claim(struct rr_op *op, enum relay_status st)
{
	struct rr_claim *c = (struct rr_claim *)op;

	/* Where another that looks like it is held, that is claimed again. */
	if (st == RELAY_UNKNOWN && !find(op->r, c->nick.skeleton))
		/* Redis may hold it for us: it is to be given back. */
		keep(op->r, &c->nick)->returned = true;
	c->done(c->arg, st);
}

/* Those of a skeleton are found among few, however many are under way. */
static struct rr_claims *
claims_like(struct rr *r, const char *skeleton)
{
	return &r->claims[table_hash(skeleton, strlen(skeleton)) %
			  RR_CLAIM_LISTS];
}

static void
fini_claim(struct rr_op *op)
{
	LIST_REMOVE((struct rr_claim *)op, entry);
}

static void on_claimed(void *arg, const redisReply *reply, bool written);

/* The list of nodes is read between the tries, on the same link. */
static void
claim_again(struct rr_claim *c, const redisReply *was)
{
	struct rr *r = c->op.r;
	struct span stale = c->tries > 1 && is_stale(r, rr_span(was))
				? rr_span(was)
				: SPAN_NONE;

	rr_nodes_refresh(r);
	put_claim(r, &c->nick, stale);
	rr_op_touch(&c->op);
	rr_op_eval(&c->op, SCRIPT_CLAIM, 1, on_claimed);
}

static void
on_claimed(void *arg, const redisReply *reply, bool written)
{
	struct rr_claim *c = arg;
	struct rr *r = c->op.r;

	if (!rr_op_reply(&c->op, reply, written))
		return;
	c->tries++;
	if (reply->type == REDIS_REPLY_STRING && c->tries < TRIES_MAX &&
	    is_stale(r, rr_span(reply))) {
		claim_again(c, reply);
		return;
	}
	rr_op_answered(&c->op);
	if (reply->type == REDIS_REPLY_NIL) {
		if (c->returned)
			forget_replaced(r, &c->nick);
		else
			(void)keep(r, &c->nick);
		c->done(c->arg, RELAY_OK);
	} else {
		if (!find(r, c->nick.skeleton))
			index_nick(r, "SREM", c->nick.skeleton);
		c->done(c->arg, codec_is_owned(rr_span(reply))
				    ? RELAY_REGISTERED
				    : RELAY_TAKEN);
	}
	rr_op_free(&c->op);
}

void
rr_claim(struct relay *relay, const struct name *nick, const char *sender,
    const char *token, relay_done_fn done, void *arg)
{
	struct rr *r = rr_of(relay);
	struct rr_claim *c = rr_op_new(r, sizeof *c, fail_claim, true);

	c->done = done;
	c->arg = arg;
	c->nick.name = *nick;
	name_skeleton(nick->fold, c->nick.skeleton);
	span_copy(c->nick.token, sizeof c->nick.token, span_of(token));
	c->nick.since_ms = clock_wall_ms();
	span_copy(c->nick.sender, sizeof c->nick.sender, span_of(sender));
	c->op.fini = fini_claim;
	LIST_INSERT_HEAD(claims_like(r, c->nick.skeleton), c, entry);
	if (!r->up) {
		rr_op_fail_later(&c->op, RELAY_DOWN);
		return;
	}
	put_claim(r, &c->nick, SPAN_NONE);
	rr_op_eval(&c->op, SCRIPT_CLAIM, 1, on_claimed);
}

/* --- release -------------------------------------------------------------- */

static void
put_release(struct rr *r, const struct nick *n)
{
	struct resp_cmd *c = rr_cmd(r);

	put_key(r, c, n->skeleton);
	resp_str(c, n->sender);
	resp_str(c, r->node_id);
	resp_str(c, n->name.fold);
	resp_i64(c, n->left ? r->c.resume_ms : 0);
	resp_str(c, n->token[0] && !n->sender[0] ? n->token : "-");
}

/* What is under way for the sender and looks like this. */
struct under_way {
	bool same;  /* this very nick: given back behind it, not to be kept */
	bool other; /* one in whose place it comes */
};

static struct under_way
return_claims(struct rr *r, const struct nick *n)
{
	struct under_way w = {false, false};
	struct rr_claim *c;

	LIST_FOREACH (c, claims_like(r, n->skeleton), entry) {
		if (c->op.answered || c->op.later != RELAY_OK ||
		    strcmp(c->nick.skeleton, n->skeleton) != 0 ||
		    strcmp(c->nick.sender, n->sender) != 0)
			continue;
		bool same = strcmp(c->nick.name.fold, n->name.fold) == 0;
		c->returned |= same;
		w.same |= same;
		w.other |= !same;
	}
	return w;
}

/* indexed: a claim that looks like it stays, or comes. */
static bool
send_release(struct rr *r, const struct nick *n, bool indexed)
{
	put_release(r, n);
	if (!rr_tell_script(r, SCRIPT_RELEASE, 1))
		return false;
	if (!indexed)
		index_nick(r, "SREM", n->skeleton);
	return true;
}

/* Nobody is left to be told. */
static void
forget_lost(struct rr *r, const char *fold, const char *sender)
{
	struct rr_lost *l;

	HASH_FIND_STR(r->lost, fold, l);
	if (!l || strcmp(l->sender, sender) != 0)
		return;
	HASH_DEL(r->lost, l);
	free(l);
}

static void
give_back(struct rr *r, const char *fold, const char *sender, bool leave)
{
	struct nick gone = {.returned = true, .left = leave};

	name_skeleton(fold, gone.skeleton);
	span_copy(gone.name.fold, sizeof gone.name.fold, span_of(fold));
	span_copy(gone.sender, sizeof gone.sender, span_of(sender));
	forget_lost(r, fold, sender);
	struct rr_nick *n = find(r, gone.skeleton);
	if (n && strcmp(n->sender, sender) != 0)
		return;
	struct under_way claims = return_claims(r, &gone);
	bool held = n && strcmp(fold_of(n), fold) == 0;
	bool alike = n && !held;
	if (alike && !claims.same)
		return;
	if (send_release(r, &gone, claims.other || alike)) {
		if (held)
			nick_free(r, n);
	} else if (held) {
		/* When it comes back, or when its queue is shorter. */
		n->returned = true;
		n->left = leave;
		rr_recover(r);
	}
}

void
rr_release(struct relay *relay, const char *fold, const char *sender)
{
	give_back(rr_of(relay), fold, sender, false);
}

void
rr_leave(struct relay *relay, const char *fold, const char *sender)
{
	give_back(rr_of(relay), fold, sender, true);
}

void
rr_nick_owned(struct rr *r, const char *skeleton, const char *sender)
{
	struct rr_nick *n = find(r, skeleton);

	if (!n || strcmp(n->sender, sender) != 0)
		return;
	index_nick(r, "SREM", skeleton);
	nick_free(r, n);
}

/* Behind no answer: what follows on the same link is done after it. */
void
rr_nick_revoke(struct rr *r, const char *fold, struct span sender)
{
	char skeleton[NAME_BYTES_MAX + 1];
	struct resp_cmd *c = rr_cmd(r);

	name_skeleton(fold, skeleton);
	put_key(r, c, skeleton);
	resp_span(c, sender);
	resp_str(c, fold);
	(void)rr_tell_script(r, SCRIPT_REVOKE, 1);
}

/* --- resume --------------------------------------------------------------- */

struct resume_op {
	struct rr_op op;
	struct nick nick; /* as it will be held; the sender comes later */
	char token[RELAY_TOKEN_LEN + 1];
	relay_resume_fn done;
	void *arg;
};

static void
fail_resume(struct rr_op *op, enum relay_status st)
{
	struct resume_op *s = (struct resume_op *)op;

	/* Redis may hold it for us: unless that is asked again, it is as left
	 * as it was before. */
	if (st == RELAY_UNKNOWN && !find(op->r, s->nick.skeleton)) {
		struct rr_nick *n = keep(op->r, &s->nick);
		n->returned = n->left = true;
	}
	s->done(s->arg, st, NULL);
}

/* The one who had it here is told before the one who has it now. */
static void
take_over(struct resume_op *s, const struct codec_claim *was)
{
	struct rr *r = s->op.r;
	struct rr_nick *n = find(r, s->nick.skeleton);
	bool here = n && !n->returned && span_is(was->sender, n->sender) &&
		    !has_token(n, span_of(s->nick.token));

	span_copy(s->nick.sender, sizeof s->nick.sender, was->sender);
	s->nick.since_ms = was->since_ms;
	forget_lost(r, s->nick.name.fold, s->nick.sender);
	(void)keep(r, &s->nick);
	if (here)
		r->relay.ev.on_replaced(
		    r->relay.ev_arg, s->nick.sender, s->nick.name.fold);
	s->done(s->arg, RELAY_OK, s->nick.sender);
}

static void
on_resumed(void *arg, const redisReply *reply, bool written)
{
	struct resume_op *s = arg;
	struct rr *r = s->op.r;
	struct codec_claim was;

	if (!rr_op_reply(&s->op, reply, written))
		return;
	rr_op_answered(&s->op);
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 &&
	    codec_get_claim(&was, rr_span(reply->element[0])) == 0) {
		take_over(s, &was);
	} else {
		if (!find(r, s->nick.skeleton))
			index_nick(r, "SREM", s->nick.skeleton);
		bool free = !rr_span(reply).p || is_stale(r, rr_span(reply));
		s->done(s->arg, free ? RELAY_NONE : RELAY_TAKEN, NULL);
	}
	rr_op_free(&s->op);
}

static void
put_resume(struct rr *r, const struct resume_op *s)
{
	index_nick(r, "SADD", s->nick.skeleton);
	struct resp_cmd *c = rr_cmd(r);
	put_key(r, c, s->nick.skeleton);
	resp_str(c, s->token);
	resp_str(c, s->nick.token);
	resp_str(c, r->node_id);
	resp_str(c, s->nick.name.fold);
	resp_str(c, s->nick.name.shown);
	resp_fmt(c, "%s{n:", r->prefix);
	resp_str(c, "}:in");
}

void
rr_resume(struct relay *relay, const struct name *nick, const char *token,
    const char *new_token, relay_resume_fn done, void *arg)
{
	struct rr *r = rr_of(relay);
	struct resume_op *s = rr_op_new(r, sizeof *s, fail_resume, true);

	s->done = done;
	s->arg = arg;
	s->nick.name = *nick;
	name_skeleton(nick->fold, s->nick.skeleton);
	span_copy(s->token, sizeof s->token, span_of(token));
	span_copy(s->nick.token, sizeof s->nick.token, span_of(new_token));
	if (!r->up) {
		rr_op_fail_later(&s->op, RELAY_DOWN);
		return;
	}
	rr_nodes_refresh(r);
	put_resume(r, s);
	rr_op_eval(&s->op, SCRIPT_RESUME, 1, on_resumed);
}

void
rr_nick_replaced(struct rr *r, struct span said)
{
	struct span sender = text_word(&said), token = text_word(&said);
	char skeleton[NAME_BYTES_MAX + 1];
	struct rr_nick *n;
	struct name name;

	if (name_check(said, false, &name) != 0)
		return;
	name_skeleton(name.fold, skeleton);
	n = find(r, skeleton);
	if (!n || !span_is(sender, n->sender) || !has_token(n, token) ||
	    n->returned)
		return;
	struct nick was;
	unpack(&was, n);
	index_nick(r, "SREM", skeleton);
	nick_free(r, n);
	r->relay.ev.on_replaced(r->relay.ev_arg, was.sender, was.name.fold);
}

/* --- find ----------------------------------------------------------------- */

struct find_op {
	struct rr_op op;
	relay_owner_fn done;
	void *arg;
	char fold[NAME_BYTES_MAX + 1];
	/* Of an account, while its nodes are asked for. */
	char id[SENDER_ID_LEN + 1];
	struct name nick;
	uint64_t since_ms;
};

static void
fail_find(struct rr_op *op, enum relay_status st)
{
	struct find_op *f = (struct find_op *)op;

	f->done(f->arg, st, NULL);
}

static bool
owner_of(struct find_op *f, struct span claim, struct relay_owner *owner,
    char node[static RELAY_NODE_MAX + 1])
{
	struct rr *r = f->op.r;
	struct codec_claim c;

	if (codec_get_claim(&c, claim) < 0) {
		rr_odd(r, "a claim of a nick", claim);
		return false;
	}
	/* It only looks like it, or nobody has it any more. */
	if (!span_is(c.fold, f->fold) || c.left)
		return false;
	if (!rr_node_is_live(r, c.node) || !rr_node_name(node, c.node))
		return false;
	*owner =
	    (struct relay_owner){c.sender, c.nick, span_of(node), c.since_ms};
	return true;
}

/* Those that live; what dead ones left behind is taken out. */
static void
put_nodes(struct find_op *f, const redisReply *nodes,
    char names[static RELAY_OWNER_NODES_MAX])
{
	struct rr *r = f->op.r;
	char name[RELAY_NODE_MAX + 1];
	size_t len = 0;

	for (size_t i = 0; i + 1 < nodes->elements; i += 2) {
		struct span node = rr_span(nodes->element[i]);

		if (!node.p || node.len > CODEC_NODE_MAX ||
		    !rr_node_is_kept(r, node)) {
			rr_account_forget_node(r, f->id, node);
			continue;
		}
		if (!rr_node_is_live(r, node) || !rr_node_name(name, node) ||
		    len + strlen(name) + 2 > RELAY_OWNER_NODES_MAX)
			continue;
		len +=
		    (size_t)snprintf(names + len, RELAY_OWNER_NODES_MAX - len,
			"%s%s", len > 0 ? "," : "", name);
	}
}

static void
on_nodes(void *arg, const redisReply *reply, bool written)
{
	struct find_op *f = arg;
	char names[RELAY_OWNER_NODES_MAX] = "";
	struct relay_owner owner;

	if (!rr_op_reply(&f->op, reply, written))
		return;
	rr_op_answered(&f->op);
	if (reply->type == REDIS_REPLY_ARRAY)
		put_nodes(f, reply, names);
	owner = (struct relay_owner){span_of(f->id), span_of(f->nick.shown),
	    span_of(names), f->since_ms};
	f->done(f->arg, RELAY_OK, &owner);
	rr_op_free(&f->op);
}

/* An account has its nick wherever it is; which nodes it is on, it says. */
static void
find_account(struct find_op *f, struct span owned)
{
	struct codec_owned o;
	struct resp_cmd *c;

	if (codec_get_owned(&o, owned) < 0 ||
	    strcmp(o.nick.fold, f->fold) != 0) {
		rr_op_fail(&f->op, RELAY_NONE);
		rr_op_free(&f->op);
		return;
	}
	span_copy(f->id, sizeof f->id, o.id);
	f->nick = o.nick;
	f->since_ms = o.since_ms;
	rr_op_touch(&f->op);
	c = rr_cmd(f->op.r);
	resp_str(c, "HGETALL");
	resp_fmt(c, "%s{a:%s}:on", f->op.r->prefix, f->id);
	f->op.waits =
	    redis_link_send(f->op.r->cmd, c, on_nodes, f, &f->op.token) == 0;
	if (!f->op.waits)
		rr_op_fail_later(&f->op, RELAY_BUSY);
}

static void
on_found(void *arg, const redisReply *reply, bool written)
{
	struct find_op *f = arg;
	char node[RELAY_NODE_MAX + 1];
	struct relay_owner owner;

	if (!rr_op_reply(&f->op, reply, written))
		return;
	if (codec_is_owned(rr_span(reply))) {
		find_account(f, rr_span(reply));
		return;
	}
	rr_op_answered(&f->op);
	if (rr_span(reply).p && owner_of(f, rr_span(reply), &owner, node))
		f->done(f->arg, RELAY_OK, &owner);
	else
		f->done(f->arg, RELAY_NONE, NULL);
	rr_op_free(&f->op);
}

void
rr_find(struct relay *relay, const char *fold, relay_owner_fn done, void *arg)
{
	struct rr *r = rr_of(relay);
	struct find_op *f = rr_op_new(r, sizeof *f, fail_find, false);

	char skeleton[NAME_BYTES_MAX + 1];

	f->done = done;
	f->arg = arg;
	span_copy(f->fold, sizeof f->fold, span_of(fold));
	name_skeleton(fold, skeleton);
	if (!r->up) {
		rr_op_fail_later(&f->op, RELAY_DOWN);
		return;
	}
	rr_nodes_refresh(r);
	struct resp_cmd *c = rr_cmd(r);
	resp_str(c, "GET");
	put_key(r, c, skeleton);
	f->op.waits =
	    redis_link_send(r->cmd, c, on_found, f, &f->op.token) == 0;
	if (!f->op.waits)
		rr_op_fail_later(&f->op, RELAY_BUSY);
}

/* --- coming back ---------------------------------------------------------- */

struct restoring {
	struct rr *r;
	uint64_t run;
	unsigned tries;
	char skeleton[NAME_BYTES_MAX + 1];
	char fold[NAME_BYTES_MAX + 1]; /* as it was sent */
};

static void on_restored(void *arg, const redisReply *reply, bool written);

static bool
send_restore(struct restoring *s, const struct rr_nick *n, struct span stale)
{
	struct rr *r = s->r;
	redis_reply_fn fn = on_restored;
	struct nick held;

	unpack(&held, n);
	rr_nodes_refresh(r);
	memcpy(s->fold, held.name.fold, sizeof s->fold);
	if (!held.returned) {
		put_claim(r, &held, stale);
		return redis_link_eval(r->cmd, SCRIPT_CLAIM, 1, &r->scratch, fn,
			   s, NULL) == 0;
	}
	put_release(r, &held);
	return redis_link_eval(
		   r->cmd, SCRIPT_RELEASE, 1, &r->scratch, fn, s, NULL) == 0;
}

/* Somebody else has it now.  Its holder is told when the relay is up, because
 * it will want another. */
static void
lost(struct rr *r, struct rr_nick *n, struct span to)
{
	struct codec_claim c;
	struct rr_lost *l;

	HASH_FIND_STR(r->lost, fold_of(n), l);
	if (!l) {
		l = xcalloc(1, sizeof *l);
		span_copy(l->fold, sizeof l->fold, span_of(fold_of(n)));
		HASH_ADD_STR(r->lost, fold, l);
	}
	memcpy(l->sender, n->sender, sizeof l->sender);
	l->replaced =
	    codec_get_claim(&c, to) == 0 && span_is(c.sender, n->sender);
	index_nick(r, "SREM", n->names);
	nick_free(r, n);
}

void
rr_nicks_tell_lost(struct rr *r)
{
	struct rr_lost *l;

	while ((l = r->lost) != NULL) {
		HASH_DEL(r->lost, l);
		if (l->replaced)
			r->relay.ev.on_replaced(
			    r->relay.ev_arg, l->sender, l->fold);
		else
			r->relay.ev.on_nick_lost(
			    r->relay.ev_arg, l->sender, l->fold);
		free(l);
	}
}

static bool
restored(struct restoring *s, struct rr_nick *n, const redisReply *reply)
{
	struct rr *r = s->r;

	s->tries++;
	/* A claim of what looks like it went before, and is to stand. */
	if (strcmp(s->fold, fold_of(n)) != 0 && s->tries < TRIES_MAX)
		return !send_restore(s, n, SPAN_NONE);
	if (reply->type != REDIS_REPLY_STRING || n->returned) {
		if (n->returned)
			nick_free(r, n);
		return true;
	}
	if (s->tries < TRIES_MAX && is_stale(r, rr_span(reply)))
		return !send_restore(
		    s, n, s->tries > 1 ? rr_span(reply) : SPAN_NONE);
	lost(r, n, rr_span(reply));
	return true;
}

static void
on_restored(void *arg, const redisReply *reply, bool written)
{
	struct restoring *s = arg;
	struct rr_nick *n = find(s->r, s->skeleton);

	(void)written;
	if (reply && reply->type == REDIS_REPLY_ERROR)
		rr_odd(s->r, "a nick is not claimed again", rr_span(reply));
	else if (reply && n && !restored(s, n, reply))
		return;
	rr_task_done(s->r, s->run, reply != NULL);
	free(s);
}

bool
rr_nick_restore(struct rr *r, const char *skeleton)
{
	struct rr_nick *n = find(r, skeleton);

	if (!n)
		return false;
	struct restoring *s = xcalloc(1, sizeof *s);
	s->r = r;
	s->run = r->run;
	span_copy(s->skeleton, sizeof s->skeleton, span_of(n->names));
	if (send_restore(s, n, SPAN_NONE))
		return true;
	free(s);
	return false;
}

void
rr_nicks_add_tasks(struct rr *r)
{
	const struct rr_nick *n;
	uint32_t at = 0;

	while ((n = index_next(&r->nicks, &at)) != NULL)
		rr_task_add(r, TASK_NICK, n->names);
}

/* --- the beginning and the end -------------------------------------------- */

void
rr_nicks_init(struct rr *r)
{
	r->nicks = INDEX_BY(nick_key);
	for (size_t i = 0; i < RR_CLAIM_LISTS; i++)
		LIST_INIT(&r->claims[i]);
}

void
rr_nicks_goodbye(struct rr *r)
{
	const struct rr_nick *n;
	struct nick gone;
	uint32_t at = 0;

	while ((n = index_next(&r->nicks, &at)) != NULL) {
		unpack(&gone, n);
		gone.left |= !gone.returned;
		if (!send_release(r, &gone, false))
			return;
	}
}

void
rr_nicks_fini(struct rr *r)
{
	struct rr_lost *l, *next;
	struct rr_nick *n;
	uint32_t at = 0;

	while ((n = index_next(&r->nicks, &at)) != NULL)
		free(n);
	index_fini(&r->nicks);
	HASH_ITER (hh, r->lost, l, next) {
		HASH_DEL(r->lost, l);
		free(l);
	}
}
