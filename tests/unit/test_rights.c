/* SPDX-License-Identifier: ISC */
/*
 * Rights alone: who may aim at whom, what runs out, and the stored form.
 * The table of paths and standings is tried by test_matrix.c, through sessions.
 */
#include <stdio.h>
#include <string.h>

#include "server/rights.h"
#include "tests/unit/unit.h"

#define ANN "a00000000000000000000000000000a22"
#define PAT "a00000000000000000000000000000ba7"
#define TIM "a00000000000000000000000000000c11"
#define BOB "g00000000000000000000000000000b0b"
#define EVE "g00000000000000000000000000000e5e"

enum { NOW = 1000000 };

static struct addr_key
addr_of(unsigned char last)
{
	struct addr_key a = {{0}};

	a.bytes[10] = a.bytes[11] = 0xff;
	a.bytes[12] = 192;
	a.bytes[15] = last;
	return a;
}

static struct rights_change
deed(enum rights_verb verb, const char *actor, const char *target)
{
	struct rights_change c = {
	    .verb = verb, .actor = {.id = actor, .nick = "actor"}};

	span_copy(c.target, sizeof c.target, span_of(target));
	span_copy(c.target_nick, sizeof c.target_nick, SPAN("target"));
	c.set.history = RIGHTS_HISTORY_DEFAULT;
	return c;
}

/* In place of *r, if it is allowed. */
static enum rights_answer
make(struct rights **r, const struct rights_change *c, uint64_t now_ms)
{
	struct rights *next;
	enum rights_answer a = rights_change(*r, c, now_ms, &next);

	if (a != RIGHTS_YES)
		return a;
	rights_unref(*r);
	*r = next;
	return a;
}

static enum rights_answer
act(struct rights **r, enum rights_verb verb, const char *actor,
    const char *target)
{
	struct rights_change c = deed(verb, actor, target);

	return make(r, &c, NOW);
}

/* A room of ann's, whose operators are pat and tim. */
static struct rights *
room(void)
{
	struct rights *r = rights_new_owned(ANN, "ann");

	assert_int_equal(act(&r, RIGHTS_DO_OP, ANN, PAT), RIGHTS_YES);
	assert_int_equal(act(&r, RIGHTS_DO_OP, ANN, TIM), RIGHTS_YES);
	return r;
}

static void
nobody_aims_at_those_above_or_beside(void **state)
{
	static const enum rights_verb verbs[] = {
	    RIGHTS_DO_KICK, RIGHTS_DO_BAN, RIGHTS_DO_MUTE};
	struct rights *r = room();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		assert_int_equal(act(&r, verbs[i], PAT, ANN), RIGHTS_ABOVE);
		assert_int_equal(act(&r, verbs[i], PAT, TIM), RIGHTS_ABOVE);
		assert_int_equal(act(&r, verbs[i], PAT, PAT), RIGHTS_SELF);
		assert_int_equal(act(&r, verbs[i], ANN, ANN), RIGHTS_SELF);
		assert_int_equal(
		    act(&r, verbs[i], BOB, EVE), RIGHTS_NOT_ALLOWED);
	}
	assert_int_equal(act(&r, RIGHTS_DO_BAN, ANN, TIM), RIGHTS_YES);
	assert_int_equal(rights_mark(r, TIM), 0);
	assert_int_equal(rights_mark(r, PAT), '+');
	assert_int_equal(rights_mark(r, ANN), '*');
	rights_unref(r);
}

static void
only_the_owner_rules_and_operators_may_resign(void **state)
{
	struct rights *r = room();

	(void)state;
	assert_int_equal(act(&r, RIGHTS_DO_OP, PAT, TIM), RIGHTS_NOT_ALLOWED);
	assert_int_equal(act(&r, RIGHTS_DO_DEOP, PAT, TIM), RIGHTS_NOT_ALLOWED);
	assert_int_equal(act(&r, RIGHTS_DO_DEOP, PAT, PAT), RIGHTS_YES);
	assert_int_equal(act(&r, RIGHTS_DO_DEOP, ANN, PAT), RIGHTS_NEEDLESS);
	assert_int_equal(act(&r, RIGHTS_DO_OP, ANN, BOB), RIGHTS_NO_ACCOUNT);
	rights_unref(r);
}

static void
a_server_operator_moderates_any_room(void **state)
{
	struct rights *r = rights_new();
	struct rights_change c = deed(RIGHTS_DO_BAN, PAT, BOB);

	(void)state;
	assert_int_equal(make(&r, &c, NOW), RIGHTS_NOT_ALLOWED);
	c.actor.server_operator = true;
	assert_int_equal(make(&r, &c, NOW), RIGHTS_YES);
	rights_unref(r);
}

static void
a_ban_ends_when_its_time_is_over(void **state)
{
	struct rights *r = room();
	struct rights_change c = deed(RIGHTS_DO_BAN, ANN, BOB);
	struct rights_who bob = {.id = BOB, .nick = "bob"};

	(void)state;
	c.for_ms = 5000;
	assert_int_equal(make(&r, &c, NOW), RIGHTS_YES);

	assert_int_equal(
	    rights_may(r, &bob, RIGHTS_ENTER, NOW + 4999), RIGHTS_BANNED);
	assert_int_equal(
	    rights_may(r, &bob, RIGHTS_ENTER, NOW + 5000), RIGHTS_YES);
	/* And is left out of what is made then. */
	c = deed(RIGHTS_DO_MUTE, ANN, EVE);
	assert_int_equal(make(&r, &c, NOW + 5000), RIGHTS_YES);
	assert_int_equal(r->lists[RIGHTS_BANS].n, 0);
	rights_unref(r);
}

static void
a_guest_is_banned_by_where_it_is_and_an_account_is_not(void **state)
{
	struct rights *r = room();
	struct addr_key here = addr_of(1), there = addr_of(2);
	struct rights_change c = deed(RIGHTS_DO_BAN, ANN, BOB);
	struct rights_who other = {.id = EVE, .addr = here, .has_addr = true};

	(void)state;
	c.addr = &here;
	assert_int_equal(make(&r, &c, NOW), RIGHTS_YES);
	assert_int_equal(
	    rights_may(r, &other, RIGHTS_ENTER, NOW), RIGHTS_BANNED);
	other.addr = there;
	assert_int_equal(rights_may(r, &other, RIGHTS_ENTER, NOW), RIGHTS_YES);

	c = deed(RIGHTS_DO_BAN, ANN, TIM);
	c.addr = &there;
	assert_int_equal(make(&r, &c, NOW), RIGHTS_YES);
	assert_int_equal(rights_may(r, &other, RIGHTS_ENTER, NOW), RIGHTS_YES);
	rights_unref(r);
}

static void
a_witness_adds_an_address_once_and_only_to_a_ban(void **state)
{
	struct rights *r = room();
	struct addr_key here = addr_of(1), there = addr_of(2);
	struct rights_change c = deed(RIGHTS_DO_WITNESS, BOB, BOB);

	(void)state;
	c.addr = &here;
	assert_int_equal(make(&r, &c, NOW), RIGHTS_NEEDLESS);
	assert_int_equal(act(&r, RIGHTS_DO_BAN, ANN, BOB), RIGHTS_YES);
	assert_int_equal(make(&r, &c, NOW), RIGHTS_YES);
	c.addr = &there;
	assert_int_equal(make(&r, &c, NOW), RIGHTS_NEEDLESS);
	assert_memory_equal(
	    &r->lists[RIGHTS_BANS].at[0].addr, &here, sizeof here);
	rights_unref(r);
}

static void
what_was_put_on_is_taken_off_by_its_nick(void **state)
{
	struct rights *r = room();
	struct rights_change c = deed(RIGHTS_DO_UNBAN, ANN, "");

	(void)state;
	assert_int_equal(act(&r, RIGHTS_DO_BAN, ANN, BOB), RIGHTS_YES);
	span_copy(c.target_nick, sizeof c.target_nick, SPAN("TARGET"));
	assert_int_equal(make(&r, &c, NOW), RIGHTS_YES);
	assert_int_equal(make(&r, &c, NOW), RIGHTS_NEEDLESS);
	rights_unref(r);
}

/* Or a ban could not be taken back while somebody else has that nick. */
static void
what_was_put_on_a_former_holder_of_a_nick_is_taken_off(void **state)
{
	struct rights *r = room();
	struct rights_change c =
	    deed(RIGHTS_DO_UNBAN, ANN, "g0000000000000000000000000000e15e");

	(void)state;
	assert_int_equal(act(&r, RIGHTS_DO_BAN, ANN, BOB), RIGHTS_YES);
	assert_int_equal(make(&r, &c, NOW), RIGHTS_YES);
	assert_int_equal(r->lists[RIGHTS_BANS].n, 0);
	rights_unref(r);
}

static void
an_operator_who_is_muted_is_none_any_more(void **state)
{
	struct rights *r = room();
	struct rights_who pat = {.id = PAT, .nick = "pat", .inside = true};

	(void)state;
	assert_int_equal(rights_may(r, &pat, RIGHTS_WRITE, NOW), RIGHTS_YES);
	assert_int_equal(act(&r, RIGHTS_DO_MUTE, ANN, PAT), RIGHTS_YES);
	assert_int_equal(rights_may(r, &pat, RIGHTS_WRITE, NOW), RIGHTS_MUTED);
	rights_unref(r);
}

/* It would be told, and keep nobody out. */
static void
not_even_a_server_operator_bans_or_mutes_an_owner(void **state)
{
	struct rights *r = room();
	struct rights_change c = deed(RIGHTS_DO_BAN, PAT, ANN);

	(void)state;
	c.actor.server_operator = true;
	assert_int_equal(make(&r, &c, NOW), RIGHTS_ABOVE);
	c.verb = RIGHTS_DO_MUTE;
	assert_int_equal(make(&r, &c, NOW), RIGHTS_ABOVE);
	c.verb = RIGHTS_DO_KICK;
	assert_int_equal(make(&r, &c, NOW), RIGHTS_YES);
	rights_unref(r);
}

static void
a_list_that_is_full_takes_nobody_more(void **state)
{
	struct rights *r = room();
	char id[SENDER_ID_LEN + 1];

	(void)state;
	for (int i = 0; i < RIGHTS_LIST_MAX; i++) {
		snprintf(id, sizeof id, "g%032d", i);
		assert_int_equal(act(&r, RIGHTS_DO_BAN, ANN, id), RIGHTS_YES);
	}
	assert_int_equal(act(&r, RIGHTS_DO_BAN, ANN, BOB), RIGHTS_NO_ROOM);
	assert_int_equal(act(&r, RIGHTS_DO_BAN, ANN, id), RIGHTS_YES);
	assert_int_equal(act(&r, RIGHTS_DO_UNBAN, ANN, id), RIGHTS_YES);
	assert_int_equal(act(&r, RIGHTS_DO_BAN, ANN, BOB), RIGHTS_YES);
	rights_unref(r);
}

static void
a_key_opens_only_while_it_is_the_rooms(void **state)
{
	struct rights *r = room();
	struct rights_who bob = {.id = BOB, .nick = "bob"};

	(void)state;
	span_copy(r->set.key, sizeof r->set.key, SPAN("$argon2id$one"));
	assert_int_equal(
	    rights_may(r, &bob, RIGHTS_ENTER, NOW), RIGHTS_BAD_KEY);
	bob.key = "$argon2id$one";
	assert_int_equal(rights_may(r, &bob, RIGHTS_ENTER, NOW), RIGHTS_YES);
	span_copy(r->set.key, sizeof r->set.key, SPAN("$argon2id$two"));
	assert_int_equal(
	    rights_may(r, &bob, RIGHTS_ENTER, NOW), RIGHTS_BAD_KEY);
	rights_unref(r);
}

static void
an_owner_hands_the_room_on_and_stays_an_operator(void **state)
{
	struct rights *r = room();
	struct rights_change c = deed(RIGHTS_DO_SET, ANN, PAT);

	(void)state;
	c.sets = RIGHTS_SET_OWNER;
	assert_int_equal(make(&r, &c, NOW), RIGHTS_YES);
	assert_int_equal(rights_mark(r, PAT), '*');
	assert_int_equal(rights_mark(r, ANN), '+');
	assert_int_equal(make(&r, &c, NOW), RIGHTS_NOT_ALLOWED);
	rights_unref(r);
}

/* --- the stored form ------------------------------------------------------ */

static void
a_record_says_all_and_is_read_back_the_same(void **state)
{
	struct rights *r = room(), *back;
	struct addr_key here = addr_of(7);
	struct rights_change c = deed(RIGHTS_DO_BAN, ANN, BOB);
	struct buf one = {0}, two = {0};

	(void)state;
	c.addr = &here;
	c.for_ms = 77;
	assert_int_equal(make(&r, &c, NOW), RIGHTS_YES);
	assert_int_equal(act(&r, RIGHTS_DO_MUTE, PAT, EVE), RIGHTS_YES);
	r->set = (struct rights_settings){
	    .hidden = true, .moderated = true, .slow_s = 9, .history = 0};
	rights_put(&one, r);

	assert_int_equal(
	    rights_get((struct span){buf_head(&one), buf_len(&one)},
		(struct msgid){5, 6}, &back),
	    0);

	rights_put(&two, back);
	assert_int_equal(buf_len(&one), buf_len(&two));
	assert_memory_equal(buf_head(&one), buf_head(&two), buf_len(&one));
	assert_true(back->rv.ms == 5 && back->rv.seq == 6);
	buf_free(&one);
	buf_free(&two);
	rights_unref(r);
	rights_unref(back);
}

static void
a_record_is_refused_as_a_whole(void **state)
{
	static const struct {
		const char *text;
		int err;
	} rows[] = {
	    {"", 0},
	    {"private\n", 0},
	    {"privat\n", -RIGHTS_ELINE},
	    {"\n", -RIGHTS_ELINE},
	    {"private x\n", -RIGHTS_EVALUE},
	    {"private\nprivate\n", -RIGHTS_ETWICE},
	    {"slow 0\n", -RIGHTS_EVALUE},
	    {"slow -1\n", -RIGHTS_EVALUE},
	    {"slow 3601\n", -RIGHTS_EVALUE},
	    {"history 99999999999999999999\n", -RIGHTS_EVALUE},
	    {"key secret\n", -RIGHTS_EVALUE},
	    {"owner " BOB " bob\n", -RIGHTS_EVALUE},
	    {"owner " ANN "\n", -RIGHTS_EVALUE},
	    {"owner " ANN " ann\nowner " ANN " ann\n", -RIGHTS_ETWICE},
	    {"operator " BOB " 0 - bob ann\n", -RIGHTS_EVALUE},
	    {"ban " BOB " 0 - bob ann\n", 0},
	    {"ban " BOB " 0 - bob ann\nban " BOB " 0 - bob ann\n",
		-RIGHTS_ETWICE},
	    {"ban " BOB " 0 - bob\n", -RIGHTS_EVALUE},
	    {"ban " BOB " x - bob ann\n", -RIGHTS_EVALUE},
	    {"ban " BOB " 0 00 bob ann\n", -RIGHTS_EVALUE},
	    {"ban " BOB " 0 zz000000000000000000000000000000 bob ann\n",
		-RIGHTS_EVALUE},
	    {"ban " ANN " 0 00000000000000000000000000000000 ann ann\n",
		-RIGHTS_EVALUE},
	    {"ban bob 0 - bob ann\n", -RIGHTS_EVALUE},
	    {"ban " BOB " 0 - b\033b ann\n", -RIGHTS_EVALUE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rights *r = NULL;

		assert_int_equal(
		    rights_get(span_of(rows[i].text), (struct msgid){1, 0}, &r),
		    rows[i].err);
		assert_true((r != NULL) == (rows[i].err == 0));
		rights_unref(r);
	}
}

static void
what_cannot_be_read_allows_nothing(void **state)
{
	struct rights *r = rights_new_broken((struct msgid){1, 0});
	struct rights_who who = {.id = BOB, .inside = true};

	(void)state;
	for (int path = 0; path < RIGHTS_PATHS; path++)
		assert_int_equal(
		    rights_may(r, &who, (enum rights_path)path, NOW),
		    RIGHTS_BROKEN);
	rights_unref(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nobody_aims_at_those_above_or_beside),
	    cmocka_unit_test(only_the_owner_rules_and_operators_may_resign),
	    cmocka_unit_test(a_server_operator_moderates_any_room),
	    cmocka_unit_test(a_ban_ends_when_its_time_is_over),
	    cmocka_unit_test(
		a_guest_is_banned_by_where_it_is_and_an_account_is_not),
	    cmocka_unit_test(a_witness_adds_an_address_once_and_only_to_a_ban),
	    cmocka_unit_test(what_was_put_on_is_taken_off_by_its_nick),
	    cmocka_unit_test(
		what_was_put_on_a_former_holder_of_a_nick_is_taken_off),
	    cmocka_unit_test(an_operator_who_is_muted_is_none_any_more),
	    cmocka_unit_test(not_even_a_server_operator_bans_or_mutes_an_owner),
	    cmocka_unit_test(a_list_that_is_full_takes_nobody_more),
	    cmocka_unit_test(a_key_opens_only_while_it_is_the_rooms),
	    cmocka_unit_test(an_owner_hands_the_room_on_and_stays_an_operator),
	    cmocka_unit_test(a_record_says_all_and_is_read_back_the_same),
	    cmocka_unit_test(a_record_is_refused_as_a_whole),
	    cmocka_unit_test(what_cannot_be_read_allows_nothing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
