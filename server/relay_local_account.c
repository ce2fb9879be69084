/* SPDX-License-Identifier: ISC */
/*
 * Accounts of the relay in memory.
 *
 * Memory answers every question; the state file is told first of every change.
 * Until it has said that a change is on disk nothing of it can be seen, but its
 * nick and its key are taken: nobody else can begin to register either.  One
 * change of an account at a time.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/relay_local_int.h"

struct account_key {
	UT_hash_handle hh;
	uint8_t key[ACCOUNT_KEY_LEN];
	struct account *owner;
};

/* A change on its way to disk. */
struct saving {
	struct local *l;
	struct account *account;   /* lives as long as the relay */
	struct relay_account next; /* what it will be */
	uint8_t key[ACCOUNT_KEY_LEN];
	bool adds;                      /* the key is new */
	bool dels;                      /* or goes */
	char sender[SENDER_ID_LEN + 1]; /* REGISTER: the guest's */
	relay_account_fn registered;
	relay_done_fn done;
	void *arg;
};

/* --- tables --------------------------------------------------------------- */

static struct account *
find_id(struct local *l, struct span id)
{
	struct account *a;

	HASH_FIND(hh, l->accounts, id.p, id.len, a);
	return a && !a->coming ? a : NULL;
}

struct account *
rl_account_alike(struct local *l, const char *fold)
{
	char skeleton[NAME_BYTES_MAX + 1];
	struct account *a;

	if (!l->owned)
		return NULL;
	name_skeleton(fold, skeleton);
	HASH_FIND(alike, l->owned, skeleton, strlen(skeleton), a);
	return a;
}

struct account *
rl_account_owner(struct local *l, const char *fold)
{
	struct account *a = rl_account_alike(l, fold);

	return a && !a->coming && strcmp(a->a.nick.fold, fold) == 0 ? a : NULL;
}

static struct account_key *
find_key(struct local *l, const uint8_t *key)
{
	struct account_key *k;

	HASH_FIND(hh, l->keys, key, ACCOUNT_KEY_LEN, k);
	return k;
}

static void
key_add(struct local *l, struct account *a, const uint8_t *key)
{
	struct account_key *k = xcalloc(1, sizeof *k);

	memcpy(k->key, key, sizeof k->key);
	k->owner = a;
	HASH_ADD(hh, l->keys, key, ACCOUNT_KEY_LEN, k);
}

static void
key_drop(struct local *l, const uint8_t *key)
{
	struct account_key *k = find_key(l, key);

	HASH_DEL(l->keys, k);
	free(k);
}

static struct account *
account_add(struct local *l, const struct relay_account *of)
{
	struct account *a = xcalloc(1, sizeof *a);

	a->a = *of;
	name_skeleton(of->nick.fold, a->skeleton);
	HASH_ADD_STR(l->accounts, a.id, a);
	HASH_ADD(alike, l->owned, skeleton, strlen(a->skeleton), a);
	for (unsigned i = 0; i < of->nkeys; i++)
		key_add(l, a, of->keys[i]);
	return a;
}

static void
account_free(struct local *l, struct account *a)
{
	for (unsigned i = 0; i < a->a.nkeys; i++)
		key_drop(l, a->a.keys[i]);
	HASH_DEL(l->accounts, a);
	HASH_DELETE(alike, l->owned, a);
	free(a);
}

void
rl_accounts_free(struct local *l)
{
	struct account *a, *next;

	HASH_ITER (hh, l->accounts, a, next)
		account_free(l, a);
}

/* --- the state file ------------------------------------------------------- */

static const char *
read_account(struct local *l, struct relay_account *a, struct span key,
    const struct state_field *f, size_t n)
{
	if (!account_is_id(key))
		return "this is no account's id";
	span_copy(a->id, sizeof a->id, key);
	for (size_t i = 0; i < n; i++)
		if (!account_take(a, f[i].name, f[i].value))
			return "a malformed field of an account";
	if (!account_is_whole(a))
		return "an account without a nick or without any key";
	if (rl_account_alike(l, a->nick.fold))
		return "another account has this nick, or one that looks like "
		       "it";
	for (unsigned i = 0; i < a->nkeys; i++)
		if (find_key(l, a->keys[i]))
			return "another account has this key";
	return NULL;
}

bool
rl_account_take(void *local, struct span key, const struct state_field *f,
    size_t n, char cause[static ERR_LEN])
{
	struct relay_account a = {0};
	const char *wrong = read_account(local, &a, key, f, n);

	if (wrong)
		span_copy(cause, ERR_LEN, span_of(wrong));
	else
		account_add(local, &a);
	return wrong == NULL;
}

enum relay_status
rl_state_status(int err)
{
	if (err == 0)
		return RELAY_OK;
	return err == -STATE_EFULL ? RELAY_FULL : RELAY_FAILED;
}

static void
save(struct saving *s, const struct relay_account *a, state_done_fn done)
{
	struct state_field fields[ACCOUNT_FIELDS_MAX];
	struct account_fields f;

	account_fields(&f, a);
	for (size_t i = 0; i < f.n; i++)
		fields[i] =
		    (struct state_field){f.field[i].name, f.field[i].value};
	state_put(s->l->state, "account", a->id, fields, f.n, done, s);
}

/* --- registering ---------------------------------------------------------- */

/* The guest's nick is the account's now. */
static void
on_registered(void *arg, int err)
{
	struct saving *s = arg;
	struct local *l = s->l;
	struct account *a = s->account;
	enum relay_status st = rl_state_status(err);

	if (st == RELAY_OK) {
		struct person *c = rl_claim_alike(l, a->a.nick.fold);

		if (c)
			rl_claim_drop(l, c);
		a->coming = false;
	}
	s->registered(s->arg, st, st == RELAY_OK ? &a->a : NULL);
	if (st != RELAY_OK)
		account_free(l, a);
	free(s);
}

static bool
holds(struct local *l, const struct relay_msg *who)
{
	const struct person *c = rl_claim_find(l, who->text);

	return c && !c->left && span_is(who->sender, c->sender);
}

static enum relay_status
judge_register(struct local *l, const struct relay_msg *who, const uint8_t *key)
{
	char fold[NAME_BYTES_MAX + 1];
	const struct account_key *k = find_key(l, key);
	const struct account *a;

	span_copy(fold, sizeof fold, who->text);
	a = rl_account_alike(l, fold);
	if (!l->state)
		return RELAY_UNKEPT;
	if (k)
		return k->owner->coming ? RELAY_BUSY : RELAY_OWNED;
	if (a && !a->coming)
		return RELAY_REGISTERED;
	return !a && holds(l, who) ? RELAY_OK : RELAY_TAKEN;
}

static void
run_register(struct local *l, struct op *op, enum relay_status st)
{
	const struct relay_msg *who = op->msg;
	struct relay_account a = {.since_ms = l->wall_ms, .nkeys = 1};
	struct saving *s;

	if (st == RELAY_OK)
		st = judge_register(l, who, op->u.key);
	if (st != RELAY_OK) {
		op->fn.account(op->arg, st, NULL);
		return;
	}
	account_new_id(a.id);
	span_copy(a.nick.shown, sizeof a.nick.shown, who->nick);
	span_copy(a.nick.fold, sizeof a.nick.fold, who->text);
	memcpy(a.keys[0], op->u.key, ACCOUNT_KEY_LEN);
	s = xcalloc(1, sizeof *s);
	s->l = l;
	s->registered = op->fn.account;
	s->arg = op->arg;
	s->account = account_add(l, &a);
	s->account->coming = true;
	save(s, &a, on_registered);
}

static void
local_register(struct relay *r, const struct name *nick, const char *sender,
    const uint8_t *key, relay_account_fn done, void *arg)
{
	struct local *l = rl_of(r);
	struct op *op = rl_queue(l, run_register, NULL);

	op->msg = rl_keep_msg(l, &(struct relay_msg){
				     .sender = span_of(sender),
				     .nick = span_of(nick->shown),
				     .text = span_of(nick->fold),
				 });
	memcpy(op->u.key, key, ACCOUNT_KEY_LEN);
	op->fn.account = done;
	op->arg = arg;
}

/* --- looking up ----------------------------------------------------------- */

static void
answer_account(
    const struct op *op, enum relay_status st, const struct account *a)
{
	if (st == RELAY_OK && !a)
		st = RELAY_NONE;
	op->fn.account(op->arg, st, st == RELAY_OK ? &a->a : NULL);
}

static void
run_by_key(struct local *l, struct op *op, enum relay_status st)
{
	const struct account_key *k = find_key(l, op->u.key);
	const struct account *a = k && !k->owner->coming ? k->owner : NULL;

	/* It may be on its way to the account, or from it. */
	if (a && account_find_key(&a->a, op->u.key) < 0)
		a = NULL;
	answer_account(op, st, a);
}

static void
local_by_key(
    struct relay *r, const uint8_t *key, relay_account_fn done, void *arg)
{
	struct op *op = rl_queue(rl_of(r), run_by_key, NULL);

	memcpy(op->u.key, key, ACCOUNT_KEY_LEN);
	op->fn.account = done;
	op->arg = arg;
}

static void
run_by_nick(struct local *l, struct op *op, enum relay_status st)
{
	char fold[NAME_BYTES_MAX + 1];

	span_copy(fold, sizeof fold, op->msg->text);
	answer_account(op, st, rl_account_owner(l, fold));
}

static void
local_by_nick(
    struct relay *r, const char *fold, relay_account_fn done, void *arg)
{
	struct local *l = rl_of(r);
	struct op *op = rl_queue(l, run_by_nick, NULL);

	op->msg = rl_keep_msg(l, &(struct relay_msg){.text = span_of(fold)});
	op->fn.account = done;
	op->arg = arg;
}

static void
run_by_id(struct local *l, struct op *op, enum relay_status st)
{
	answer_account(op, st, find_id(l, op->msg->sender));
}

static void
local_by_id(struct relay *r, const char *id, relay_account_fn done, void *arg)
{
	struct local *l = rl_of(r);
	struct op *op = rl_queue(l, run_by_id, NULL);

	op->msg = rl_keep_msg(l, &(struct relay_msg){.sender = span_of(id)});
	op->fn.account = done;
	op->arg = arg;
}

/* --- changing ------------------------------------------------------------- */

static void
on_changed(void *arg, int err)
{
	struct saving *s = arg;
	struct account *a = s->account;

	a->saving = false;
	if (err == 0)
		a->a = s->next;
	/* A key that is not the account's after this is nobody's. */
	if ((s->adds && err != 0) || (s->dels && err == 0))
		key_drop(s->l, s->key);
	s->done(s->arg, rl_state_status(err));
	free(s);
}

/* The account that an operation is about, if it can be changed now. */
static enum relay_status
find_changing(struct local *l, struct op *op, struct account **a)
{
	*a = find_id(l, op->msg->sender);
	if (!*a)
		return RELAY_NONE;
	return (*a)->saving ? RELAY_BUSY : RELAY_OK;
}

static struct saving *
change(struct local *l, struct op *op, struct account *a)
{
	struct saving *s = xcalloc(1, sizeof *s);

	a->saving = true;
	s->l = l;
	s->account = a;
	s->next = a->a;
	s->done = op->fn.done;
	s->arg = op->arg;
	memcpy(s->key, op->u.key, sizeof s->key);
	return s;
}

/* The message's text is the hash; absent: none. */
static void
run_set_hash(struct local *l, struct op *op, enum relay_status st)
{
	struct span hash = op->msg->text;
	struct account *a;

	if (st == RELAY_OK)
		st = find_changing(l, op, &a);
	if (st == RELAY_OK && !hash.p && a->a.nkeys == 0)
		st = RELAY_LAST;
	if (st != RELAY_OK) {
		op->fn.done(op->arg, st);
		return;
	}
	struct saving *s = change(l, op, a);
	if (hash.p)
		span_copy(s->next.hash, sizeof s->next.hash, hash);
	else
		s->next.hash[0] = '\0';
	save(s, &s->next, on_changed);
}

static enum relay_status
judge_add(struct local *l, const struct account *a, const uint8_t *key)
{
	const struct account_key *k = find_key(l, key);

	if (k && k->owner != a)
		return k->owner->coming ? RELAY_BUSY : RELAY_OWNED;
	return a->a.nkeys < ACCOUNT_KEYS_MAX || k ? RELAY_OK : RELAY_LIMIT;
}

static void
run_add_key(struct local *l, struct op *op, enum relay_status st)
{
	struct account *a = NULL;

	if (st == RELAY_OK)
		st = find_changing(l, op, &a);
	if (st == RELAY_OK)
		st = judge_add(l, a, op->u.key);
	if (st != RELAY_OK || account_find_key(&a->a, op->u.key) >= 0) {
		op->fn.done(op->arg, st);
		return;
	}
	struct saving *s = change(l, op, a);
	s->adds = true;
	memcpy(s->next.keys[s->next.nkeys++], op->u.key, ACCOUNT_KEY_LEN);
	key_add(l, a, op->u.key);
	save(s, &s->next, on_changed);
}

static enum relay_status
judge_del(const struct relay_account *a, int at)
{
	if (at < 0)
		return RELAY_NONE;
	return a->nkeys > 1 || a->hash[0] != '\0' ? RELAY_OK : RELAY_LAST;
}

static void
run_del_key(struct local *l, struct op *op, enum relay_status st)
{
	struct account *a = NULL;
	int at = -1;

	if (st == RELAY_OK)
		st = find_changing(l, op, &a);
	if (st == RELAY_OK) {
		at = account_find_key(&a->a, op->u.key);
		st = judge_del(&a->a, at);
	}
	if (st != RELAY_OK) {
		op->fn.done(op->arg, st);
		return;
	}
	struct saving *s = change(l, op, a);
	s->dels = true;
	account_drop_key(&s->next, at);
	save(s, &s->next, on_changed);
}

static struct op *
queue_change(struct relay *r, op_fn run, const char *id, const char *text,
    relay_done_fn done, void *arg)
{
	struct local *l = rl_of(r);
	struct op *op = rl_queue(l, run, NULL);

	op->msg = rl_keep_msg(l,
	    &(struct relay_msg){.sender = span_of(id), .text = span_of(text)});
	op->fn.done = done;
	op->arg = arg;
	return op;
}

static void
local_set_hash(struct relay *r, const char *id, const char *hash,
    relay_done_fn done, void *arg)
{
	queue_change(r, run_set_hash, id, hash, done, arg);
}

static void
local_add_key(struct relay *r, const char *id, const uint8_t *key,
    relay_done_fn done, void *arg)
{
	struct op *op = queue_change(r, run_add_key, id, NULL, done, arg);

	memcpy(op->u.key, key, ACCOUNT_KEY_LEN);
}

static void
local_del_key(struct relay *r, const char *id, const uint8_t *key,
    relay_done_fn done, void *arg)
{
	struct op *op = queue_change(r, run_del_key, id, NULL, done, arg);

	memcpy(op->u.key, key, ACCOUNT_KEY_LEN);
}

const struct relay_account_ops rl_account_ops = {
    .reg = local_register,
    .by_key = local_by_key,
    .by_nick = local_by_nick,
    .by_id = local_by_id,
    .set_hash = local_set_hash,
    .add_key = local_add_key,
    .del_key = local_del_key,
};
