/* SPDX-License-Identifier: ISC */
/*
 * The contract of server/relay_account.h, once for every back end.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/relay_account.h"
#include "tests/unit/contract.h"
#include "tests/unit/relay_harness.h"
#include "tests/unit/unit.h"

#define HASH                                                     \
	"$argon2id$v=19$m=65536,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$" \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define NOBODY "a0000000000000000000000000000beef"

/* --- calls and what came of them ------------------------------------------ */

struct result {
	struct harness *h;
	unsigned calls;
	enum relay_status st;
	struct relay_account a;
};

static void
on_changed(void *arg, enum relay_status st)
{
	struct result *r = arg;
	assert_int_equal(r->h->in_call, 0);
	r->calls++;
	r->st = st;
}

static void
on_account(void *arg, enum relay_status st, const struct relay_account *account)
{
	struct result *r = arg;
	assert_int_equal(account != NULL, st == RELAY_OK);
	if (account)
		r->a = *account;
	on_changed(r, st);
}

/* Makes a call of the node's relay; r is told what comes of it. */
#define CALL(n, r, call)           \
	do {                       \
		(r)->h = (n)->h;   \
		(n)->h->in_call++; \
		call;              \
		(n)->h->in_call--; \
	} while (0)

/* And waits for it. */
#define DO(n, r, call)                                   \
	do {                                             \
		CALL(n, r, call);                        \
		await((n)->h, &(r)->calls, "an answer"); \
		assert_int_equal((r)->calls, 1);         \
	} while (0)

static const uint8_t *
key(uint8_t n)
{
	static uint8_t keys[256][ACCOUNT_KEY_LEN];
	memset(keys[n], n, sizeof keys[n]);
	return keys[n];
}

static struct name
name_of(const char *shown)
{
	struct name name;
	assert_int_equal(name_check(span_of(shown), false, &name), 0);
	return name;
}

static void
ask_register(struct node *n, struct result *r, const char *shown,
    const char *sender, uint8_t k)
{
	struct name name = name_of(shown);
	*r = (struct result){.calls = 0};
	CALL(n, r,
	    relay_register(n->relay, &name, sender, key(k), on_account, r));
}

static enum relay_status
reg(struct node *n, struct result *r, const char *shown, const char *sender,
    uint8_t k)
{
	ask_register(n, r, shown, sender, k);
	await(n->h, &r->calls, "REGISTER");
	return r->st;
}

/* An account of that nick, by a guest who holds it. */
static struct relay_account
made(struct node *n, const char *shown, const char *sender, uint8_t k)
{
	struct result r;
	assert_int_equal(
	    await_answer(ask_claim(n, shown, sender, NULL))->st, RELAY_OK);
	assert_int_equal(reg(n, &r, shown, sender, k), RELAY_OK);
	return r.a;
}

static struct result
by_key(struct node *n, uint8_t k)
{
	struct result r = {.calls = 0};
	DO(n, &r, relay_account_by_key(n->relay, key(k), on_account, &r));
	return r;
}

static struct result
by_id(struct node *n, const char *id)
{
	struct result r = {.calls = 0};
	DO(n, &r, relay_account_by_id(n->relay, id, on_account, &r));
	return r;
}

static struct result
by_nick(struct node *n, const char *fold)
{
	struct result r = {.calls = 0};
	DO(n, &r, relay_account_by_nick(n->relay, fold, on_account, &r));
	return r;
}

static enum relay_status
set_hash(struct node *n, const char *id, const char *hash)
{
	struct result r = {.calls = 0};
	DO(n, &r, relay_account_set_hash(n->relay, id, hash, on_changed, &r));
	return r.st;
}

static enum relay_status
add_key(struct node *n, const char *id, uint8_t k)
{
	struct result r = {.calls = 0};
	DO(n, &r, relay_account_add_key(n->relay, id, key(k), on_changed, &r));
	return r.st;
}

static enum relay_status
del_key(struct node *n, const char *id, uint8_t k)
{
	struct result r = {.calls = 0};
	DO(n, &r, relay_account_del_key(n->relay, id, key(k), on_changed, &r));
	return r.st;
}

static enum relay_status
claim(struct node *n, const char *shown, const char *sender)
{
	return await_answer(ask_claim(n, shown, sender, NULL))->st;
}

/* --- the rules ------------------------------------------------------------ */

static void
an_account_is_made_of_a_held_nick_and_a_key(struct harness *h)
{
	struct node *n = &h->node[0];
	struct relay_account a = made(n, "Alice", ALICE, 1);

	assert_true(account_is_id(span_of(a.id)));
	assert_string_equal(a.nick.shown, "Alice");
	assert_int_equal(a.nkeys, 1);
	assert_string_equal(by_key(n, 1).a.id, a.id);
	assert_string_equal(by_nick(n, "alice").a.id, a.id);
	assert_string_equal(by_id(n, a.id).a.nick.shown, "Alice");
	assert_int_equal(by_id(n, a.id).a.since_ms, a.since_ms);
}

static void
a_nick_that_the_guest_does_not_hold_makes_none(struct harness *h)
{
	struct node *n = &h->node[0];
	struct result r;

	assert_int_equal(reg(n, &r, "alice", ALICE, 1), RELAY_TAKEN);
	assert_int_equal(claim(n, "alice", BOB), RELAY_OK);
	assert_int_equal(reg(n, &r, "alice", ALICE, 1), RELAY_TAKEN);
	assert_int_equal(by_key(n, 1).st, RELAY_NONE);
	assert_int_equal(by_nick(n, "alice").st, RELAY_NONE);
	/* Nothing of it stayed: the key is free. */
	assert_int_equal(reg(n, &r, "alice", BOB, 1), RELAY_OK);
}

static void
its_nick_is_claimed_by_nobody(struct harness *h)
{
	struct node *n = &h->node[0];
	struct relay_account a = made(n, "alice", ALICE, 1);

	do_release(n, "alice", ALICE);
	do_leave(n, "alice", ALICE);
	assert_int_equal(claim(n, "alice", BOB), RELAY_REGISTERED);
	assert_int_equal(claim(n, "ALICE", BOB), RELAY_REGISTERED);
	assert_int_equal(claim(n, "alice", ALICE), RELAY_REGISTERED);
	assert_string_equal(by_nick(n, "alice").a.id, a.id);
}

static void
what_looks_like_its_nick_is_claimed_by_nobody(struct harness *h)
{
	struct node *n = &h->node[0];

	made(n, "adrnin", ALICE, 1);
	assert_int_equal(claim(n, "admin", BOB), RELAY_REGISTERED);
	assert_int_equal(by_nick(n, "admin").st, RELAY_NONE);
}

static void
it_is_found_whether_it_is_there_or_not(struct harness *h)
{
	struct node *n = &h->node[0];
	struct relay_account a = made(n, "Alice", ALICE, 1);
	const struct answer *f = await_answer(ask_find(n, "alice"));

	assert_int_equal(f->st, RELAY_OK);
	assert_string_equal(f->sender, a.id);
	assert_string_equal(f->nick, "Alice");
}

static void
a_key_has_one_account(struct harness *h)
{
	struct node *n = &h->node[0];
	struct relay_account a = made(n, "alice", ALICE, 1);
	struct result r;

	assert_int_equal(claim(n, "bob", BOB), RELAY_OK);
	assert_int_equal(reg(n, &r, "bob", BOB, 1), RELAY_OWNED);
	assert_int_equal(reg(n, &r, "bob", BOB, 2), RELAY_OK);
	assert_int_equal(add_key(n, r.a.id, 1), RELAY_OWNED);
	assert_int_equal(del_key(n, r.a.id, 1), RELAY_NONE);
	assert_string_equal(by_key(n, 1).a.id, a.id);
}

static void
of_two_who_register_a_key_at_once_one_gets_it(struct harness *h)
{
	struct node *n = &h->node[0];
	struct result one, two;

	assert_int_equal(claim(n, "alice", ALICE), RELAY_OK);
	assert_int_equal(claim(n, "bob", BOB), RELAY_OK);
	ask_register(n, &one, "alice", ALICE, 1);
	ask_register(n, &two, "bob", BOB, 1);
	await(h, &one.calls, "the first");
	await(h, &two.calls, "the second");
	assert_true((one.st == RELAY_OK) != (two.st == RELAY_OK));
	struct result *lost = one.st == RELAY_OK ? &two : &one;
	assert_true(lost->st == RELAY_BUSY || lost->st == RELAY_OWNED);
	assert_string_equal(
	    by_key(n, 1).a.id, (lost == &one ? &two : &one)->a.id);
}

static void
keys_come_and_go_up_to_a_limit(struct harness *h)
{
	struct node *n = &h->node[0];
	struct relay_account a = made(n, "alice", ALICE, 1);

	for (uint8_t k = 2; k <= ACCOUNT_KEYS_MAX; k++)
		assert_int_equal(add_key(n, a.id, k), RELAY_OK);
	assert_int_equal(add_key(n, a.id, 99), RELAY_LIMIT);
	assert_int_equal(by_key(n, 99).st, RELAY_NONE);
	assert_int_equal(add_key(n, a.id, 2), RELAY_OK); /* it has that */
	assert_int_equal(by_id(n, a.id).a.nkeys, ACCOUNT_KEYS_MAX);
	assert_int_equal(del_key(n, a.id, 1), RELAY_OK);
	assert_int_equal(by_key(n, 1).st, RELAY_NONE);
	assert_string_equal(by_key(n, 2).a.id, a.id);
	/* Whom it was taken from has no say in whose it becomes. */
	made(n, "bob", BOB, 1);
}

static void
something_is_left_that_proves_it(struct harness *h)
{
	struct node *n = &h->node[0];
	struct relay_account a = made(n, "alice", ALICE, 1);

	assert_int_equal(del_key(n, a.id, 1), RELAY_LAST);
	assert_int_equal(set_hash(n, a.id, HASH), RELAY_OK);
	assert_string_equal(by_id(n, a.id).a.hash, HASH);
	assert_int_equal(del_key(n, a.id, 1), RELAY_OK);
	assert_int_equal(set_hash(n, a.id, NULL), RELAY_LAST);
	assert_int_equal(add_key(n, a.id, 2), RELAY_OK);
	assert_int_equal(set_hash(n, a.id, NULL), RELAY_OK);
	assert_string_equal(by_id(n, a.id).a.hash, "");
}

static void
what_is_no_account_is_none(struct harness *h)
{
	struct node *n = &h->node[0];

	assert_int_equal(claim(n, "alice", ALICE), RELAY_OK);
	assert_int_equal(by_nick(n, "alice").st, RELAY_NONE);
	assert_int_equal(by_key(n, 1).st, RELAY_NONE);
	assert_int_equal(by_id(n, NOBODY).st, RELAY_NONE);
	assert_int_equal(set_hash(n, NOBODY, HASH), RELAY_NONE);
	assert_int_equal(add_key(n, NOBODY, 1), RELAY_NONE);
	assert_int_equal(del_key(n, NOBODY, 1), RELAY_NONE);
	assert_int_equal(by_key(n, 1).st, RELAY_NONE);
}

static void
freeing_answers_what_is_owed(struct harness *h)
{
	struct node *n = &h->node[0];
	struct result made_by, found = {.calls = 0};

	assert_int_equal(claim(n, "alice", ALICE), RELAY_OK);
	ask_register(n, &made_by, "alice", ALICE, 1);
	CALL(n, &found,
	    relay_account_by_key(n->relay, key(1), on_account, &found));
	node_free(n);
	assert_int_equal(made_by.calls, 1);
	assert_int_equal(found.calls, 1);
}

/* --- two nodes ------------------------------------------------------------ */

static void
an_account_is_known_on_every_node(struct harness *h)
{
	struct node *n = &h->node[0], *m = &h->node[1];
	struct relay_account a = made(n, "alice", ALICE, 1);

	assert_string_equal(by_key(m, 1).a.id, a.id);
	assert_int_equal(claim(m, "alice", BOB), RELAY_REGISTERED);
	assert_int_equal(set_hash(m, a.id, HASH), RELAY_OK);
	assert_string_equal(by_nick(n, "alice").a.hash, HASH);
	assert_int_equal(add_key(m, a.id, 2), RELAY_OK);
	assert_string_equal(by_key(n, 2).a.id, a.id);
}

static void
it_is_found_with_the_nodes_where_it_is(struct harness *h)
{
	struct node *n = &h->node[0], *m = &h->node[1];
	struct relay_account a = made(n, "alice", ALICE, 1);
	static char user[1];
	const struct answer *f;

	assert_string_equal(await_answer(ask_find(n, "alice"))->node, "");
	watch(n, a.id, user);
	watch(m, a.id, user);
	f = await_answer(ask_find(m, "alice"));
	assert_non_null(strstr(f->node, n->name));
	assert_non_null(strstr(f->node, m->name));
	do_unwatch(n, a.id);
	f = await_answer(ask_find(n, "alice"));
	assert_string_equal(f->node, m->name);
}

static void
of_two_nodes_that_register_a_key_at_once_one_gets_it(struct harness *h)
{
	struct node *n = &h->node[0], *m = &h->node[1];
	struct result one, two;

	assert_int_equal(claim(n, "alice", ALICE), RELAY_OK);
	assert_int_equal(claim(m, "bob", BOB), RELAY_OK);
	ask_register(n, &one, "alice", ALICE, 1);
	ask_register(m, &two, "bob", BOB, 1);
	await(h, &one.calls, "the first");
	await(h, &two.calls, "the second");
	assert_true((one.st == RELAY_OK) != (two.st == RELAY_OK));
}

/* --- a relay that goes away ----------------------------------------------- */

static void
while_the_relay_is_away_calls_say_so(struct harness *h)
{
	struct node *n = &h->node[0];
	struct relay_account a = made(n, "alice", ALICE, 1);
	struct result r;

	assert_int_equal(claim(n, "bob", BOB), RELAY_OK);
	h->backend->lose();
	while (next_news(n, NEWS_STATE)->up)
		continue;
	assert_int_equal(reg(n, &r, "bob", BOB, 2), RELAY_DOWN);
	assert_int_equal(by_key(n, 1).st, RELAY_DOWN);
	assert_int_equal(by_nick(n, "alice").st, RELAY_DOWN);
	assert_int_equal(set_hash(n, a.id, HASH), RELAY_DOWN);
	assert_int_equal(add_key(n, a.id, 3), RELAY_DOWN);
	h->backend->regain();
	while (!next_news(n, NEWS_STATE)->up)
		continue;
	assert_string_equal(by_key(n, 1).a.id, a.id);
	assert_int_equal(by_key(n, 3).st, RELAY_NONE);
}

/* --- the table ------------------------------------------------------------ */

/* clang-format off */
static const struct rule rules[] = {
	ONE(an_account_is_made_of_a_held_nick_and_a_key),
	ONE(a_nick_that_the_guest_does_not_hold_makes_none),
	ONE(its_nick_is_claimed_by_nobody),
	ONE(what_looks_like_its_nick_is_claimed_by_nobody),
	ONE(it_is_found_whether_it_is_there_or_not),
	ONE(a_key_has_one_account),
	ONE(of_two_who_register_a_key_at_once_one_gets_it),
	ONE(keys_come_and_go_up_to_a_limit),
	ONE(something_is_left_that_proves_it),
	ONE(what_is_no_account_is_none),
	ONE(freeing_answers_what_is_owed),
	TWO(an_account_is_known_on_every_node),
	TWO(it_is_found_with_the_nodes_where_it_is),
	TWO(of_two_nodes_that_register_a_key_at_once_one_gets_it),
	AWAY(while_the_relay_is_away_calls_say_so),
};
/* clang-format on */

int
main(void)
{
	return RUN_CONTRACT("relay accounts", rules);
}
