/* SPDX-License-Identifier: ISC */
/*
 * Who is who, in the relay in memory: which guest holds which nick, and who
 * hears what is said to them in private.
 *
 * Nicks that look alike are one claim, so claims are found by skeleton.  One
 * that was left, with a token, waits for its guest in a list until it expires;
 * anybody may have it meanwhile.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/relay_local_int.h"

enum { LEFT_MAX = 65536 }; /* nicks that were left and can be resumed */

/* Of operations on nicks: text is the fold, nick what is shown, cid the token
 * (absent strings are NULL). */
static struct op *
queue_nick(struct local *l, op_fn run, const char *fold, const char *shown,
    const char *sender, const char *token)
{
	struct op *op = rl_queue(l, run, NULL);
	op->msg = rl_keep_msg(l, &(struct relay_msg){
				     .sender = span_of(sender),
				     .nick = span_of(shown),
				     .cid = span_of(token),
				     .text = span_of(fold),
				 });
	return op;
}

/* Of what looks like this. */
struct claim *
rl_claim_alike(struct local *l, const char *fold)
{
	char skeleton[NAME_BYTES_MAX + 1];
	struct claim *c;
	name_skeleton(fold, skeleton);
	HASH_FIND_STR(l->claims, skeleton, c);
	return c;
}

/* Of this very nick. */
struct claim *
rl_claim_find(struct local *l, struct span nick)
{
	char fold[NAME_BYTES_MAX + 1];
	span_copy(fold, sizeof fold, nick);
	struct claim *c = rl_claim_alike(l, fold);
	return c != NULL && strcmp(c->nick.fold, fold) == 0 ? c : NULL;
}

static struct claim *
claim_add(struct local *l, const char *fold, struct span sender)
{
	struct claim *c = xcalloc(1, sizeof *c);
	name_skeleton(fold, c->skeleton);
	span_copy(c->sender, sizeof c->sender, sender);
	HASH_ADD_STR(l->claims, skeleton, c);
	return c;
}

/* It is held again, or about to be freed. */
static void
claim_hold(struct local *l, struct claim *c)
{
	if (c->expires_ms == 0)
		return;
	TAILQ_REMOVE(&l->left, c, entry);
	l->nleft--;
	c->expires_ms = 0;
}

void
rl_claim_free(struct local *l, struct claim *c)
{
	claim_hold(l, c);
	HASH_DEL(l->claims, c);
	free(c);
}

/* All are left for the same time, so the list is in order. */
void
rl_people_expire(struct local *l)
{
	struct claim *c;
	while ((c = TAILQ_FIRST(&l->left)) != NULL &&
	       (c->expires_ms <= l->now_ms || l->nleft > LEFT_MAX))
		rl_claim_free(l, c);
}

/* The message's cid is the token. */
static enum relay_status
claim(struct local *l, const struct relay_msg *m)
{
	char fold[NAME_BYTES_MAX + 1];
	span_copy(fold, sizeof fold, m->text);
	const struct account *owner = rl_account_alike(l, fold);
	if (owner != NULL)
		return owner->coming ? RELAY_TAKEN : RELAY_REGISTERED;
	struct claim *c = rl_claim_alike(l, fold);
	if (c != NULL && c->expires_ms != 0) { /* anybody's */
		rl_claim_free(l, c);
		c = NULL;
	}
	if (c != NULL && !span_is(m->sender, c->sender))
		return RELAY_TAKEN;
	if (c == NULL)
		c = claim_add(l, fold, m->sender);
	if (strcmp(c->nick.fold, fold) != 0)
		c->since_ms = l->wall_ms;
	memcpy(c->nick.fold, fold, sizeof c->nick.fold);
	span_copy(c->nick.shown, sizeof c->nick.shown, m->nick);
	span_copy(c->token, sizeof c->token, m->cid);
	return RELAY_OK;
}

static void
run_claim(struct local *l, struct op *op, enum relay_status st)
{
	rl_answer(op, st == RELAY_OK ? claim(l, op->msg) : st);
}

void
rl_claim(struct relay *r, const struct name *nick, const char *sender,
    const char *token, relay_done_fn done, void *arg)
{
	struct op *op = queue_nick(
	    rl_of(r), run_claim, nick->fold, nick->shown, sender, token);
	op->fn.done = done;
	op->arg = arg;
}

static void
run_release(struct local *l, struct op *op, enum relay_status st)
{
	struct claim *c = rl_claim_find(l, op->msg->text);
	if (st == RELAY_OK && c != NULL && c->expires_ms == 0 &&
	    span_is(op->msg->sender, c->sender))
		rl_claim_free(l, c);
}

void
rl_release(struct relay *r, const char *fold, const char *sender)
{
	queue_nick(rl_of(r), run_release, fold, NULL, sender, NULL);
}

static void
run_leave(struct local *l, struct op *op, enum relay_status st)
{
	struct claim *c = rl_claim_find(l, op->msg->text);
	if (c == NULL || c->token[0] == '\0' || l->config.resume_ms == 0) {
		run_release(l, op, st);
		return;
	}
	if (st != RELAY_OK || c->expires_ms != 0 ||
	    !span_is(op->msg->sender, c->sender))
		return;
	c->expires_ms = l->now_ms + (uint64_t)l->config.resume_ms;
	TAILQ_INSERT_TAIL(&l->left, c, entry);
	l->nleft++;
}

void
rl_leave(struct relay *r, const char *fold, const char *sender)
{
	queue_nick(rl_of(r), run_leave, fold, NULL, sender, NULL);
}

/* The new token is kept where a sender's nick is with others.  Asked again by
 * one that has it already, it is no other answer. */
static enum relay_status
resume(struct local *l, const struct relay_msg *m, char *sender)
{
	char fold[NAME_BYTES_MAX + 1];
	span_copy(fold, sizeof fold, m->text);
	struct claim *c = rl_claim_alike(l, fold);
	if (c == NULL)
		return RELAY_NONE;
	if (rl_account_alike(l, fold) != NULL)
		return RELAY_TAKEN; /* it is just becoming an account's */
	bool again = span_is(m->re, c->token);
	if (strcmp(c->nick.fold, fold) != 0 ||
	    (!again && !span_is(m->cid, c->token)))
		return c->expires_ms != 0 ? RELAY_NONE : RELAY_TAKEN;
	bool replaces = c->expires_ms == 0 && !again;
	claim_hold(l, c);
	span_copy(c->token, sizeof c->token, m->re);
	span_copy(c->nick.shown, sizeof c->nick.shown, m->nick);
	memcpy(sender, c->sender, sizeof c->sender);
	if (replaces)
		l->relay.ev.on_replaced(l->relay.ev_arg, sender, fold);
	return RELAY_OK;
}

static void
run_resume(struct local *l, struct op *op, enum relay_status st)
{
	char sender[SENDER_ID_LEN + 1];
	if (st == RELAY_OK)
		st = resume(l, op->msg, sender);
	op->fn.resume(op->arg, st, st == RELAY_OK ? sender : NULL);
}

void
rl_resume(struct relay *r, const struct name *nick, const char *token,
    const char *new_token, relay_resume_fn done, void *arg)
{
	struct local *l = rl_of(r);
	struct op *op = rl_queue(l, run_resume, NULL);
	op->msg = rl_keep_msg(l, &(struct relay_msg){
				     .nick = span_of(nick->shown),
				     .cid = span_of(token),
				     .re = span_of(new_token),
				     .text = span_of(nick->fold),
				 });
	op->fn.resume = done;
	op->arg = arg;
}

static enum relay_status
find(struct local *l, struct span nick, struct relay_owner *owner)
{
	char fold[NAME_BYTES_MAX + 1];
	span_copy(fold, sizeof fold, nick);
	const struct account *a = rl_account_owner(l, fold);
	const struct claim *c = rl_claim_find(l, nick);
	if (a != NULL) {
		bool here = rl_watch_find(l, span_of(a->a.id)) != NULL;
		*owner = (struct relay_owner){span_of(a->a.id),
		    span_of(a->a.nick.shown),
		    here ? span_of(l->config.node) : SPAN(""), a->a.since_ms};
		return RELAY_OK;
	}
	if (c == NULL || c->expires_ms != 0)
		return RELAY_NONE;
	*owner = (struct relay_owner){span_of(c->sender),
	    span_of(c->nick.shown), span_of(l->config.node), c->since_ms};
	return RELAY_OK;
}

static void
run_find(struct local *l, struct op *op, enum relay_status st)
{
	struct relay_owner owner;
	if (st == RELAY_OK)
		st = find(l, op->msg->text, &owner);
	op->fn.owner(op->arg, st, st == RELAY_OK ? &owner : NULL);
}

void
rl_find(struct relay *r, const char *fold, relay_owner_fn done, void *arg)
{
	struct op *op = queue_nick(rl_of(r), run_find, fold, NULL, NULL, NULL);
	op->fn.owner = done;
	op->arg = arg;
}

struct watch *
rl_watch_find(struct local *l, struct span sender)
{
	struct watch *w;
	HASH_FIND(hh, l->watches, sender.p, sender.len, w);
	return w;
}

static void
run_watch(struct local *l, struct op *op, enum relay_status st)
{
	struct watch *w = rl_watch_find(l, op->msg->sender);
	if (st == RELAY_OK && (w == NULL || w->opened != op->u.opened))
		st = RELAY_DOWN;
	if (st == RELAY_OK)
		w->live = true;
	rl_answer(op, st);
}

void
rl_watch(struct relay *r, const char *sender, void *user, relay_done_fn done,
    void *arg)
{
	struct local *l = rl_of(r);
	assert(rl_watch_find(l, span_of(sender)) == NULL);
	struct watch *w = xcalloc(1, sizeof *w);
	span_copy(w->sender, sizeof w->sender, span_of(sender));
	w->user = user;
	w->opened = ++l->openings;
	HASH_ADD_STR(l->watches, sender, w);
	struct op *op = rl_queue(l, run_watch, NULL);
	op->msg =
	    rl_keep_msg(l, &(struct relay_msg){.sender = span_of(sender)});
	op->u.opened = w->opened;
	op->fn.done = done;
	op->arg = arg;
}

void
rl_unwatch(struct relay *r, const char *sender)
{
	struct local *l = rl_of(r);
	struct watch *w = rl_watch_find(l, span_of(sender));
	if (w == NULL)
		return;
	HASH_DEL(l->watches, w);
	free(w);
}

void
rl_people_free(struct local *l)
{
	struct claim *c, *next_claim;
	HASH_ITER (hh, l->claims, c, next_claim)
		rl_claim_free(l, c);
	struct watch *w, *next_watch;
	HASH_ITER (hh, l->watches, w, next_watch) {
		HASH_DEL(l->watches, w);
		free(w);
	}
}
