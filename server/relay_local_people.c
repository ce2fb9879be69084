/* SPDX-License-Identifier: ISC */
/*
 * Who is who, in the relay in memory: which guest holds which nick, and who
 * hears what is said to them in private.  A sender is one record (struct
 * person) for all of these and for the rooms it is in.
 *
 * Nicks that look alike are one claim, so claims are found by skeleton.  One
 * that was left, with a token, waits for its guest in a list until it expires;
 * anybody may have it meanwhile.
 */
#include <assert.h>
#include <limits.h>
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

/* --- senders and their nicks ---------------------------------------------- */

struct span
rl_claim_key(const void *person)
{
	const struct person *p = person;
	return span_of(p->names);
}

struct span
rl_person_key(const void *person)
{
	const struct person *p = person;
	return (struct span){p->sender, SENDER_ID_LEN};
}

static const char *
fold_of(const struct person *p)
{
	return p->names + p->fold_at;
}

const char *
rl_person_shown(const struct person *p)
{
	return p->names + p->shown_at;
}

static struct person *
person_find(const struct local *l, struct span sender)
{
	return index_find(&l->people, sender);
}

/* Frees it when nothing needs it. */
static void
person_unneeded(struct local *l, struct person *p)
{
	if (p->claimed || p->opened != 0 || p->rooms > 0)
		return;
	if (p->current)
		index_drop(&l->people, p);
	free(p);
}

/* The sender is found by it from now on, and heard by it. */
static void
person_make_current(struct local *l, struct person *p)
{
	struct person *was = person_find(l, span_of(p->sender));
	if (was == p)
		return;
	if (was != NULL) {
		p->user = was->user;
		p->opened = was->opened;
		p->live = was->live;
		was->user = NULL;
		was->opened = 0;
		was->live = was->current = false;
		index_drop(&l->people, was);
		person_unneeded(l, was);
	}
	p->current = true;
	index_add(&l->people, p);
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

/* A sender under this nick, with nothing else known: needed by nothing yet. */
static struct person *
person_new(const char *fold, struct span shown, struct span sender)
{
	char names[3 * (NAME_BYTES_MAX + 1)], as_shown[NAME_BYTES_MAX + 1];
	span_copy(as_shown, sizeof as_shown, shown);
	name_skeleton(fold, names);
	size_t fold_at = spell(names, 0, fold);
	size_t shown_at = spell(names, fold_at, as_shown);
	size_t size = shown_at + strlen(names + shown_at) + 1;
	struct person *p = xcalloc(1, sizeof *p + size);
	memcpy(p->names, names, size);
	p->fold_at = (uint8_t)fold_at;
	p->shown_at = (uint8_t)shown_at;
	span_copy(p->sender, sizeof p->sender, sender);
	return p;
}

/* Nobody looks for it by its nick: it has one spelling, the one it shows. */
static struct person *
person_unclaimed(struct span shown, struct span sender)
{
	struct person *p = xcalloc(1, sizeof *p + shown.len + 1);
	span_copy(p->names, shown.len + 1, shown);
	span_copy(p->sender, sizeof p->sender, sender);
	return p;
}

struct person *
rl_person_enter(struct local *l, struct span sender, struct span nick)
{
	struct person *p = person_find(l, sender);
	if (p == NULL || !span_is(nick, rl_person_shown(p))) {
		bool claimed = p != NULL && p->claimed;
		p = person_unclaimed(nick, sender);
		p->rooms = 1;
		if (!claimed)
			person_make_current(l, p);
		return p;
	}
	p->rooms++;
	return p;
}

void
rl_person_leave(struct local *l, struct person *p)
{
	p->rooms--;
	person_unneeded(l, p);
}

/* --- nicks ---------------------------------------------------------------- */

/* Of what looks like this. */
struct person *
rl_claim_alike(struct local *l, const char *fold)
{
	char skeleton[NAME_BYTES_MAX + 1];
	name_skeleton(fold, skeleton);
	return index_find(&l->claims, span_of(skeleton));
}

/* Of this very nick. */
struct person *
rl_claim_find(struct local *l, struct span nick)
{
	char fold[NAME_BYTES_MAX + 1];
	span_copy(fold, sizeof fold, nick);
	struct person *c = rl_claim_alike(l, fold);
	return c != NULL && strcmp(fold_of(c), fold) == 0 ? c : NULL;
}

/* Absent: none. */
static void
claim_set_token(struct person *c, struct span hex)
{
	c->has_token = hex.len > 0;
	if (c->has_token && sodium_hex2bin(c->token, sizeof c->token, hex.p,
				hex.len, NULL, NULL, NULL) != 0)
		abort(); /* relay.c has looked at it */
}

static bool
claim_has_token(const struct person *c, struct span hex)
{
	uint8_t token[sizeof c->token];
	return c->has_token &&
	       sodium_hex2bin(token, sizeof token, hex.p, hex.len, NULL, NULL,
		   NULL) == 0 &&
	       sodium_memcmp(token, c->token, sizeof token) == 0;
}

/* It is held again, or about to be freed. */
static void
claim_hold(struct local *l, struct person *c)
{
	if (c->left == NULL)
		return;
	TAILQ_REMOVE(&l->left, c->left, entry);
	l->nleft--;
	free(c->left);
	c->left = NULL;
}

static void
claim_leave(struct local *l, struct person *c)
{
	c->left = xcalloc(1, sizeof *c->left);
	c->left->person = c;
	c->left->expires_ms = l->now_ms + (uint64_t)l->config.resume_ms;
	TAILQ_INSERT_TAIL(&l->left, c->left, entry);
	l->nleft++;
}

void
rl_claim_drop(struct local *l, struct person *c)
{
	claim_hold(l, c);
	index_drop(&l->claims, c);
	c->claimed = c->has_token = false;
	person_unneeded(l, c);
}

/* One takes the other's place, which looked like it. */
static void
claim_replace(struct local *l, struct person *was, struct person *c)
{
	if (was != NULL)
		rl_claim_drop(l, was);
	c->claimed = true;
	index_add(&l->claims, c);
	person_make_current(l, c);
}

/* Makes the nick this sender's; was: the claim that looks like it, or NULL, and
 * nobody else's who holds it. */
static struct person *
claim_take(struct local *l, struct person *was, const char *fold,
    struct span shown, struct span sender)
{
	if (was != NULL && span_is(sender, was->sender) &&
	    strcmp(fold_of(was), fold) == 0 &&
	    span_is(shown, rl_person_shown(was))) {
		claim_hold(l, was);
		person_make_current(l, was);
		return was;
	}
	struct person *c = person_new(fold, shown, sender);
	claim_replace(l, was, c);
	return c;
}

/* All are left for the same time, so the list is in order. */
void
rl_people_expire(struct local *l)
{
	struct left *left;
	while ((left = TAILQ_FIRST(&l->left)) != NULL &&
	       (left->expires_ms <= l->now_ms || l->nleft > LEFT_MAX))
		rl_claim_drop(l, left->person);
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
	struct person *was = rl_claim_alike(l, fold);
	bool held = was != NULL && was->left == NULL; /* else anybody's */
	if (held && !span_is(m->sender, was->sender))
		return RELAY_TAKEN;
	bool same = held && strcmp(fold_of(was), fold) == 0;
	uint64_t since_ms = same ? was->since_ms : l->wall_ms;
	struct person *c = claim_take(l, was, fold, m->nick, m->sender);
	c->since_ms = since_ms;
	claim_set_token(c, m->cid);
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
	struct person *c = rl_claim_find(l, op->msg->text);
	if (st == RELAY_OK && c != NULL && c->left == NULL &&
	    span_is(op->msg->sender, c->sender))
		rl_claim_drop(l, c);
}

void
rl_release(struct relay *r, const char *fold, const char *sender)
{
	queue_nick(rl_of(r), run_release, fold, NULL, sender, NULL);
}

static void
run_leave(struct local *l, struct op *op, enum relay_status st)
{
	struct person *c = rl_claim_find(l, op->msg->text);
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
	struct person *c = rl_claim_find(l, op->msg->text);
	if (st != RELAY_OK || c == NULL || !span_is(op->msg->sender, c->sender))
		return;
	if (c->left != NULL)
		rl_claim_drop(l, c);
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
	struct person *was = rl_claim_alike(l, fold);
	if (was == NULL)
		return RELAY_NONE;
	if (rl_account_alike(l, fold) != NULL)
		return RELAY_TAKEN; /* it is just becoming an account's */
	bool again = claim_has_token(was, m->re);
	if (strcmp(fold_of(was), fold) != 0 ||
	    (!again && !claim_has_token(was, m->cid)))
		return was->left != NULL ? RELAY_NONE : RELAY_TAKEN;
	bool replaces = was->left == NULL && !again;
	uint64_t since_ms = was->since_ms;
	memcpy(sender, was->sender, sizeof was->sender);
	struct person *c = claim_take(l, was, fold, m->nick, span_of(sender));
	c->since_ms = since_ms;
	claim_set_token(c, m->re);
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
	const struct person *c = rl_claim_find(l, nick);
	if (a != NULL) {
		bool here = rl_hearer(l, span_of(a->a.id)) != NULL;
		*owner = (struct relay_owner){span_of(a->a.id),
		    span_of(a->a.nick.shown),
		    here ? span_of(l->config.node) : SPAN(""), a->a.since_ms};
		return RELAY_OK;
	}
	if (c == NULL || c->left != NULL)
		return RELAY_NONE;
	*owner = (struct relay_owner){span_of(c->sender),
	    span_of(rl_person_shown(c)), span_of(l->config.node), c->since_ms};
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

/* --- who hears for whom --------------------------------------------------- */

struct person *
rl_hearer(struct local *l, struct span sender)
{
	struct person *p = person_find(l, sender);
	return p != NULL && p->opened != 0 ? p : NULL;
}

static void
run_watch(struct local *l, struct op *op, enum relay_status st)
{
	struct person *w = rl_hearer(l, op->msg->sender);
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
	assert(rl_hearer(l, span_of(sender)) == NULL);
	struct person *w = person_find(l, span_of(sender));
	if (w == NULL)
		w = person_unclaimed(SPAN(""), span_of(sender));
	w->user = user;
	w->opened = (unsigned)(++l->openings % UINT_MAX) + 1;
	w->live = false;
	person_make_current(l, w);
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
	struct person *w = rl_hearer(l, span_of(sender));
	if (w == NULL)
		return;
	w->user = NULL;
	w->opened = 0;
	w->live = false;
	person_unneeded(l, w);
}

/* The rooms have gone. */
void
rl_people_free(struct local *l)
{
	struct person *p;
	uint32_t at = 0;
	while ((p = index_next(&l->claims, &at)) != NULL) {
		claim_hold(l, p);
		if (!p->current)
			free(p);
	}
	index_fini(&l->claims);
	at = 0;
	while ((p = index_next(&l->people, &at)) != NULL)
		free(p);
	index_fini(&l->people);
}
