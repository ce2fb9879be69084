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
#include <sodium.h>
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

struct span
rl_claim_key(const void *claim)
{
	const struct claim *c = claim;
	return span_of(c->names);
}

static const char *
claim_fold(const struct claim *c)
{
	return c->names + c->fold_at;
}

static const char *
claim_shown(const struct claim *c)
{
	return c->names + c->shown_at;
}

/* Of what looks like this. */
struct claim *
rl_claim_alike(struct local *l, const char *fold)
{
	char skeleton[NAME_BYTES_MAX + 1];
	name_skeleton(fold, skeleton);
	return index_find(&l->claims, span_of(skeleton));
}

/* Of this very nick. */
struct claim *
rl_claim_find(struct local *l, struct span nick)
{
	char fold[NAME_BYTES_MAX + 1];
	span_copy(fold, sizeof fold, nick);
	struct claim *c = rl_claim_alike(l, fold);
	return c != NULL && strcmp(claim_fold(c), fold) == 0 ? c : NULL;
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

/* Of this sender, with nothing else known. */
static struct claim *
claim_new(const char *fold, struct span shown, struct span sender)
{
	char names[3 * (NAME_BYTES_MAX + 1)], as_shown[NAME_BYTES_MAX + 1];
	span_copy(as_shown, sizeof as_shown, shown);
	name_skeleton(fold, names);
	size_t fold_at = spell(names, 0, fold);
	size_t shown_at = spell(names, fold_at, as_shown);
	size_t size = shown_at + strlen(names + shown_at) + 1;
	struct claim *c = xcalloc(1, sizeof *c + size);
	memcpy(c->names, names, size);
	c->fold_at = (uint8_t)fold_at;
	c->shown_at = (uint8_t)shown_at;
	span_copy(c->sender, sizeof c->sender, sender);
	return c;
}

/* Absent: none. */
static void
claim_set_token(struct claim *c, struct span hex)
{
	c->has_token = hex.len > 0;
	if (c->has_token && sodium_hex2bin(c->token, sizeof c->token, hex.p,
				hex.len, NULL, NULL, NULL) != 0)
		abort(); /* relay.c has looked at it */
}

static bool
claim_has_token(const struct claim *c, struct span hex)
{
	uint8_t token[sizeof c->token];
	return c->has_token &&
	       sodium_hex2bin(token, sizeof token, hex.p, hex.len, NULL, NULL,
		   NULL) == 0 &&
	       sodium_memcmp(token, c->token, sizeof token) == 0;
}

/* It is held again, or about to be freed. */
static void
claim_hold(struct local *l, struct claim *c)
{
	if (c->left == NULL)
		return;
	TAILQ_REMOVE(&l->left, c->left, entry);
	l->nleft--;
	free(c->left);
	c->left = NULL;
}

static void
claim_leave(struct local *l, struct claim *c)
{
	c->left = xcalloc(1, sizeof *c->left);
	c->left->claim = c;
	c->left->expires_ms = l->now_ms + (uint64_t)l->config.resume_ms;
	TAILQ_INSERT_TAIL(&l->left, c->left, entry);
	l->nleft++;
}

void
rl_claim_free(struct local *l, struct claim *c)
{
	claim_hold(l, c);
	index_drop(&l->claims, c);
	free(c);
}

/* One takes the other's place, which looked like it and is freed. */
static void
claim_replace(struct local *l, struct claim *was, struct claim *c)
{
	if (was != NULL)
		rl_claim_free(l, was);
	index_add(&l->claims, c);
}

/* All are left for the same time, so the list is in order. */
void
rl_people_expire(struct local *l)
{
	struct left *left;
	while ((left = TAILQ_FIRST(&l->left)) != NULL &&
	       (left->expires_ms <= l->now_ms || l->nleft > LEFT_MAX))
		rl_claim_free(l, left->claim);
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
	struct claim *was = rl_claim_alike(l, fold);
	bool held = was != NULL && was->left == NULL; /* else anybody's */
	if (held && !span_is(m->sender, was->sender))
		return RELAY_TAKEN;
	struct claim *c = claim_new(fold, m->nick, m->sender);
	bool same = held && strcmp(claim_fold(was), fold) == 0;
	c->since_ms = same ? was->since_ms : l->wall_ms;
	claim_set_token(c, m->cid);
	claim_replace(l, was, c);
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
	if (st == RELAY_OK && c != NULL && c->left == NULL &&
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
	if (c == NULL || !c->has_token || l->config.resume_ms == 0) {
		run_release(l, op, st);
		return;
	}
	if (st == RELAY_OK && c->left == NULL &&
	    span_is(op->msg->sender, c->sender))
		claim_leave(l, c);
}

void
rl_leave(struct relay *r, const char *fold, const char *sender)
{
	queue_nick(rl_of(r), run_leave, fold, NULL, sender, NULL);
}

static void
run_revoke(struct local *l, struct op *op, enum relay_status st)
{
	struct claim *c = rl_claim_find(l, op->msg->text);
	if (st != RELAY_OK || c == NULL || !span_is(op->msg->sender, c->sender))
		return;
	if (c->left != NULL)
		rl_claim_free(l, c);
	else
		c->has_token = false;
}

void
rl_revoke(struct local *l, const char *fold, struct span sender)
{
	char id[SENDER_ID_LEN + 1];
	span_copy(id, sizeof id, sender);
	queue_nick(l, run_revoke, fold, NULL, id, NULL);
}

/* The new token is kept where a sender's nick is with others.  Asked again by
 * one that has it already, it is no other answer. */
static enum relay_status
resume(struct local *l, const struct relay_msg *m, char *sender)
{
	char fold[NAME_BYTES_MAX + 1];
	span_copy(fold, sizeof fold, m->text);
	struct claim *was = rl_claim_alike(l, fold);
	if (was == NULL)
		return RELAY_NONE;
	if (rl_account_alike(l, fold) != NULL)
		return RELAY_TAKEN; /* it is just becoming an account's */
	bool again = claim_has_token(was, m->re);
	if (strcmp(claim_fold(was), fold) != 0 ||
	    (!again && !claim_has_token(was, m->cid)))
		return was->left != NULL ? RELAY_NONE : RELAY_TAKEN;
	bool replaces = was->left == NULL && !again;
	struct claim *c = claim_new(fold, m->nick, span_of(was->sender));
	c->since_ms = was->since_ms;
	claim_set_token(c, m->re);
	memcpy(sender, c->sender, sizeof c->sender);
	claim_replace(l, was, c);
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
	if (c == NULL || c->left != NULL)
		return RELAY_NONE;
	*owner = (struct relay_owner){span_of(c->sender),
	    span_of(claim_shown(c)), span_of(l->config.node), c->since_ms};
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

struct span
rl_watch_key(const void *watch)
{
	const struct watch *w = watch;
	return span_of(w->sender);
}

struct watch *
rl_watch_find(struct local *l, struct span sender)
{
	return index_find(&l->watches, sender);
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
	index_add(&l->watches, w);
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
	index_drop(&l->watches, w);
	free(w);
}

void
rl_people_free(struct local *l)
{
	struct claim *c;
	struct watch *w;
	uint32_t at = 0;
	while ((c = index_next(&l->claims, &at)) != NULL) {
		claim_hold(l, c);
		free(c);
	}
	index_fini(&l->claims);
	at = 0;
	while ((w = index_next(&l->watches, &at)) != NULL)
		free(w);
	index_fini(&l->watches);
}
