/* SPDX-License-Identifier: ISC */
/*
 * The contract of server/relay_rights.h, once for every back end.
 */
#include <stdio.h>
#include <string.h>

#include "server/relay_rights.h"
#include "tests/unit/contract.h"
#include "tests/unit/relay_harness.h"
#include "tests/unit/unit.h"

#define ANN "a00000000000000000000000000000a22"
#define PAT "a00000000000000000000000000000ba7"

static char lobby[1];

/* What came back; its rights are shared. */
struct asked {
	unsigned calls;
	enum relay_status st;
	enum rights_answer answer;
	struct rights *rights;
};

static void
keep(struct asked *a, enum relay_status st, struct rights *rights)
{
	a->calls++;
	a->st = st;
	rights_unref(a->rights);
	a->rights = rights ? rights_ref(rights) : NULL;
}

static void
on_loaded(void *arg, enum relay_status st, struct rights *rights)
{
	keep(arg, st, rights);
}

static void
on_changed(void *arg, enum relay_status st, enum rights_answer answer,
    struct rights *rights)
{
	struct asked *a = arg;

	a->answer = answer;
	keep(a, st, rights);
}

static void
load(struct node *n, const char *room, const char *founder, struct asked *a)
{
	struct name name;

	assert_int_equal(name_check(span_of(room), false, &name), 0);
	a->calls = 0;
	relay_load_rights(
	    n->relay, &name, founder, founder ? "ann" : NULL, on_loaded, a);
	await(n->h, &a->calls, "a room's rights");
}

static void
ask_change(struct node *n, enum rights_verb verb, const char *actor,
    const char *target, struct asked *a)
{
	struct rights_change c = {
	    .verb = verb, .actor = {.id = actor, .nick = "actor"}};

	span_copy(c.target, sizeof c.target, span_of(target));
	span_copy(c.target_nick, sizeof c.target_nick, SPAN("target"));
	a->calls = 0;
	relay_change_rights(
	    n->relay, "lobby", &c, SPAN("because"), on_changed, a);
}

static void
change(struct node *n, enum rights_verb verb, const char *actor,
    const char *target, struct asked *a)
{
	ask_change(n, verb, actor, target, a);
	await(n->h, &a->calls, "a change of rights");
}

static struct answer *
ask_say_under(
    struct node *n, struct msgid rv, uint64_t slow_ms, const char *text)
{
	struct conv c = room_conv("lobby");
	struct relay_msg m = {.sender = span_of(ALICE),
	    .nick = SPAN("alice"),
	    .text = span_of(text),
	    .rv = rv,
	    .slow_ms = slow_ms};

	return ask_append(n, &c, &m);
}

static void
begin(struct node *n, struct asked *a)
{
	load(n, "Lobby", ANN, a);
	assert_int_equal(a->st, RELAY_OK);
	open_room(n, "Lobby", lobby);
}

/* --- rules ---------------------------------------------------------------- */

static void
who_makes_a_room_owns_it(struct harness *h)
{
	struct node *n = &h->node[0];
	struct asked a = {0};

	load(n, "Lobby", NULL, &a);
	assert_int_equal(a.st, RELAY_NONE);
	load(n, "Lobby", ANN, &a);
	assert_int_equal(a.st, RELAY_OK);
	assert_string_equal(a.rights->owner, ANN);
	struct msgid rv = a.rights->rv;

	load(n, "lobby", PAT, &a);

	assert_string_equal(a.rights->owner, ANN);
	assert_int_equal(msgid_cmp(a.rights->rv, rv), 0);
	assert_string_equal(open_room(n, "lobby", lobby)->room.shown, "Lobby");
	rights_unref(a.rights);
}

static void
a_guests_room_cannot_be_grabbed(struct harness *h)
{
	struct node *n = &h->node[0];
	struct asked a = {0};

	open_room(n, "lobby", lobby);
	join(n, "lobby", ALICE, "alice");

	load(n, "lobby", ANN, &a);

	assert_int_equal(a.st, RELAY_OK);
	assert_string_equal(a.rights->owner, "");
	rights_unref(a.rights);
}

static void
a_change_is_judged_and_told_before_its_entry(struct harness *h)
{
	struct node *n = &h->node[0];
	struct asked a = {0};

	begin(n, &a);
	change(n, RIGHTS_DO_BAN, PAT, ALICE, &a);
	assert_int_equal(a.st, RELAY_OK);
	assert_int_equal(a.answer, RIGHTS_NOT_ALLOWED);
	change(n, RIGHTS_DO_BAN, ANN, ALICE, &a);
	assert_int_equal(a.st, RELAY_OK);
	assert_int_equal(a.answer, RIGHTS_YES);

	const struct news *told = next_news(n, NEWS_RIGHTS);
	const struct news *entry = next_news(n, NEWS_MESSAGE);
	assert_true(told->serial < entry->serial);
	assert_int_equal(entry->entry, RELAY_RIGHTS);
	assert_string_equal(entry->text, "because");
	assert_int_equal(msgid_cmp(told->id, entry->id), 0);
	assert_int_equal(msgid_cmp(a.rights->rv, entry->id), 0);
	assert_int_equal(unread(n, NEWS_MESSAGE), 0);
	rights_unref(a.rights);
}

static void
nothing_is_changed_where_there_is_no_room(struct harness *h)
{
	struct asked a = {0};

	change(&h->node[0], RIGHTS_DO_KICK, ANN, ALICE, &a);

	assert_int_equal(a.st, RELAY_NONE);
	rights_unref(a.rights);
}

static void
a_line_under_former_rights_is_stale(struct harness *h)
{
	struct node *n = &h->node[0];
	struct asked a = {0};

	begin(n, &a);
	struct msgid was = a.rights->rv;
	change(n, RIGHTS_DO_MUTE, ANN, ALICE, &a);

	assert_int_equal(
	    await_answer(ask_say_under(n, was, 0, "old"))->st, RELAY_STALE);
	assert_int_equal(
	    await_answer(ask_say_under(n, a.rights->rv, 0, "new"))->st,
	    RELAY_OK);

	next_news(n, NEWS_MESSAGE); /* the MUTE */
	assert_string_equal(next_news(n, NEWS_MESSAGE)->text, "new");
	rights_unref(a.rights);
}

static void
who_is_slow_waits_and_nobody_else(struct harness *h)
{
	struct node *n = &h->node[0];
	struct asked a = {0};
	const struct answer *second;

	begin(n, &a);
	struct msgid rv = a.rights->rv;
	assert_int_equal(
	    await_answer(ask_say_under(n, rv, 60000, "one"))->st, RELAY_OK);

	second = await_answer(ask_say_under(n, rv, 60000, "two"));

	assert_int_equal(second->st, RELAY_SLOW);
	assert_true(second->id.ms > 50000 && second->id.ms <= 60000);
	/* Who need not wait any more is not held to what was. */
	assert_int_equal(
	    await_answer(ask_say_under(n, rv, 0, "three"))->st, RELAY_OK);
	rights_unref(a.rights);
}

/* What is asked in one turn of the loop may go to the relay together. */
static void
what_is_said_in_one_turn_is_judged_one_by_one(struct harness *h)
{
	static const struct {
		const char *sender, *cid, *text;
		enum relay_kind kind;
		uint64_t slow_ms;
		bool former; /* judged by rights that are no more */
		enum relay_status st;
	} said[] = {
	    {ALICE, "", "one", RELAY_MSG, 60000, false, RELAY_OK},
	    {ALICE, "", "too soon", RELAY_MSG, 60000, false, RELAY_SLOW},
	    {BOB, "c1", "two", RELAY_MSG, 0, false, RELAY_OK},
	    {BOB, "c1", "two again", RELAY_MSG, 0, false, RELAY_OK},
	    {BOB, "c2", "a topic", RELAY_TOPIC, 0, false, RELAY_OK},
	    {CARLA, "c3", "former", RELAY_MSG, 60000, true, RELAY_STALE},
	    {BOB, "c2", "a topic again", RELAY_TOPIC, 0, false, RELAY_OK},
	    {CARLA, "c3", "three", RELAY_MSG, 60000, false, RELAY_OK},
	    {CARLA, "c3", "three again", RELAY_MSG, 60000, true, RELAY_OK},
	};
	static const char *const heard[] = {"one", "two", "a topic", "three"};
	struct node *n = &h->node[0];
	struct answer *answers[ARRAY_LEN(said)];
	struct conv c = room_conv("lobby");
	struct msgid last = {0, 0};
	struct asked a = {0};

	begin(n, &a);
	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		struct relay_msg m = {.kind = said[i].kind,
		    .sender = span_of(said[i].sender),
		    .nick = SPAN("somebody"),
		    .cid = span_of(said[i].cid),
		    .text = span_of(said[i].text),
		    .rv = said[i].former ? (struct msgid){1, 1} : a.rights->rv,
		    .slow_ms = said[i].slow_ms};
		answers[i] = ask_append(n, &c, &m);
	}

	for (size_t i = 0; i < ARRAY_LEN(said); i++)
		assert_int_equal(await_answer(answers[i])->st, said[i].st);
	assert_true(answers[3]->dup);
	assert_int_equal(msgid_cmp(answers[3]->id, answers[2]->id), 0);
	assert_int_equal(msgid_cmp(answers[6]->id, answers[4]->id), 0);
	assert_int_equal(msgid_cmp(answers[8]->id, answers[7]->id), 0);
	assert_true(answers[1]->id.ms > 50000 && answers[1]->id.ms <= 60000);
	for (size_t i = 0; i < ARRAY_LEN(heard); i++) {
		const struct news *w = next_news(n, NEWS_MESSAGE);

		assert_string_equal(w->text, heard[i]);
		assert_true(msgid_cmp(w->id, last) > 0);
		assert_true(i == 0 || msgid_cmp(w->prev, last) == 0);
		last = w->id;
	}
	assert_int_equal(unread(n, NEWS_GAP), 0);
	assert_string_equal(
	    await_answer(ask_peek(n, "lobby"))->room.topic, "a topic");
	rights_unref(a.rights);
}

static void
another_node_is_told_before_what_was_said_under_them(struct harness *h)
{
	struct node *n = &h->node[0], *m = &h->node[1];
	struct asked a = {0};

	begin(n, &a);
	open_room(m, "lobby", lobby);
	change(n, RIGHTS_DO_BAN, ANN, ALICE, &a);
	await_answer(ask_say_under(n, a.rights->rv, 0, "after"));

	const struct news *told = next_news(m, NEWS_RIGHTS);
	const struct news *ban = next_news(m, NEWS_MESSAGE);
	assert_int_equal(msgid_cmp(told->id, a.rights->rv), 0);
	assert_true(told->serial < ban->serial);
	assert_int_equal(ban->entry, RELAY_RIGHTS);
	assert_string_equal(next_news(m, NEWS_MESSAGE)->text, "after");
	assert_int_equal(unread(m, NEWS_GAP), 0);
	rights_unref(a.rights);
}

/* Each is made from what the other one made. */
static void
changes_of_two_nodes_at_once_are_both_made(struct harness *h)
{
	enum { EACH = 20 };
	struct asked asked[2][EACH] = {0};
	struct asked a = {0};
	char id[SENDER_ID_LEN + 1];

	begin(&h->node[0], &a);
	for (int i = 0; i < EACH; i++)
		for (int k = 0; k < 2; k++) {
			snprintf(id, sizeof id, "g%032d", 2 * i + k);
			ask_change(
			    &h->node[k], RIGHTS_DO_MUTE, ANN, id, &asked[k][i]);
			await(h, &asked[k][i].calls, "a change");
		}
	for (int k = 0; k < 2; k++) {
		snprintf(id, sizeof id, "g%032d", 100 + k);
		ask_change(&h->node[k], RIGHTS_DO_BAN, ANN, id, &asked[k][0]);
	}
	for (int k = 0; k < 2; k++) {
		await(h, &asked[k][0].calls, "a change");
		assert_int_equal(asked[k][0].answer, RIGHTS_YES);
	}

	load(&h->node[1], "lobby", NULL, &a);
	assert_int_equal(a.rights->lists[RIGHTS_MUTES].n, 2 * EACH);
	assert_int_equal(a.rights->lists[RIGHTS_BANS].n, 2);
	for (int i = 0; i < EACH; i++)
		for (int k = 0; k < 2; k++)
			rights_unref(asked[k][i].rights);
	rights_unref(a.rights);
}

/* A node that has heard nothing asks what holds now. */
static void
loading_tells_what_was_missed(struct harness *h)
{
	struct node *n = &h->node[0], *m = &h->node[1];
	struct asked a = {0}, b = {0};

	begin(n, &a);
	open_room(m, "lobby", lobby);
	change(n, RIGHTS_DO_BAN, ANN, ALICE, &a);

	load(m, "lobby", NULL, &b);

	assert_int_equal(msgid_cmp(a.rights->rv, b.rights->rv), 0);
	assert_int_equal(
	    msgid_cmp(next_news(m, NEWS_RIGHTS)->id, a.rights->rv), 0);
	rights_unref(a.rights);
	rights_unref(b.rights);
}

static void
rights_outlast_a_break_and_are_told_first(struct harness *h)
{
	struct node *n = &h->node[0];
	struct asked a = {0};

	begin(n, &a);
	change(n, RIGHTS_DO_BAN, ANN, ALICE, &a);
	next_news(n, NEWS_RIGHTS);
	h->backend->lose();
	while (next_news(n, NEWS_STATE)->up)
		;
	a.calls = 0;
	struct name name;
	assert_int_equal(name_check(SPAN("lobby"), false, &name), 0);
	relay_load_rights(n->relay, &name, NULL, NULL, on_loaded, &a);
	await(h, &a.calls, "an answer while it is away");
	assert_int_equal(a.st, RELAY_DOWN);
	h->backend->regain();
	while (!next_news(n, NEWS_STATE)->up)
		;

	load(n, "lobby", NULL, &a);

	assert_int_equal(a.rights->lists[RIGHTS_BANS].n, 1);
	assert_string_equal(a.rights->owner, ANN);
	rights_unref(a.rights);
}

static void
an_account_owns_so_many_rooms_and_no_more(struct harness *h)
{
	static const char *const rooms[] = {"lobby", "den", "attic", "cellar"};
	struct node *n = &h->node[0];
	struct asked a = {0};

	_Static_assert(ARRAY_LEN(rooms) == TEST_ROOMS + 1, "one too many");
	for (size_t i = 0; i < TEST_ROOMS; i++) {
		load(n, rooms[i], ANN, &a);
		assert_int_equal(a.st, RELAY_OK);
	}
	load(n, rooms[TEST_ROOMS], ANN, &a);
	assert_int_equal(a.st, RELAY_LIMIT);
	load(n, rooms[TEST_ROOMS], NULL, &a);
	assert_int_equal(a.st, RELAY_NONE);
	load(n, rooms[0], ANN, &a); /* there already */
	assert_int_equal(a.st, RELAY_OK);
	load(n, rooms[TEST_ROOMS], PAT, &a);
	assert_int_equal(a.st, RELAY_OK);
	rights_unref(a.rights);
}

/* Of the lobby, by its present owner. */
static void
give_away(struct node *n, const char *owner, const char *to, struct asked *a)
{
	struct rights_change c = {.verb = RIGHTS_DO_SET,
	    .actor = {.id = owner, .nick = "owner"},
	    .sets = RIGHTS_SET_OWNER};

	span_copy(c.target, sizeof c.target, span_of(to));
	span_copy(c.target_nick, sizeof c.target_nick, SPAN("target"));
	a->calls = 0;
	relay_change_rights(n->relay, "lobby", &c, SPAN(""), on_changed, a);
	await(n->h, &a->calls, "a change of rights");
}

static void
a_room_is_given_to_who_may_own_one_more(struct harness *h)
{
	static const char *const rooms[] = {"den", "attic", "cellar"};
	struct node *n = &h->node[0];
	struct asked a = {0};

	begin(n, &a); /* ann's first */
	for (size_t i = 0; i < ARRAY_LEN(rooms); i++)
		load(n, rooms[i], PAT, &a);
	give_away(n, ANN, PAT, &a);
	assert_int_equal(a.st, RELAY_LIMIT);
	give_away(n, PAT, ANN, &a);
	assert_int_equal(a.st, RELAY_OK);
	assert_int_equal(a.answer, RIGHTS_NOT_ALLOWED);
	give_away(n, ANN, CARLA, &a);
	assert_int_equal(a.st, RELAY_OK);
	assert_int_equal(a.answer, RIGHTS_YES);
	/* That one is ann's no more. */
	load(n, "one", ANN, &a);
	load(n, "two", ANN, &a);
	load(n, "three", ANN, &a);
	assert_int_equal(a.st, RELAY_OK);
	load(n, "four", ANN, &a);
	assert_int_equal(a.st, RELAY_LIMIT);
	rights_unref(a.rights);
}

/* Whoever acts on the rights alone would not know who made them, and why. */
static void
rights_and_what_changed_them_come_in_one_turn(struct harness *h)
{
	struct node *n = &h->node[0], *other = &h->node[1];
	struct asked a = {0};

	begin(n, &a);
	open_room(other, "lobby", lobby);
	change(n, RIGHTS_DO_BAN, ANN, ALICE, &a);

	next_news(other, NEWS_RIGHTS);

	assert_int_equal(unread(other, NEWS_MESSAGE), 1);
	assert_string_equal(next_news(other, NEWS_MESSAGE)->text, "because");
	rights_unref(a.rights);
}

/* --- running -------------------------------------------------------------- */

/* clang-format off */
static const struct rule rules[] = {
	ONE(who_makes_a_room_owns_it),
	ONE(a_guests_room_cannot_be_grabbed),
	ONE(a_change_is_judged_and_told_before_its_entry),
	ONE(nothing_is_changed_where_there_is_no_room),
	ONE(a_line_under_former_rights_is_stale),
	ONE(who_is_slow_waits_and_nobody_else),
	ONE(what_is_said_in_one_turn_is_judged_one_by_one),
	ONE(an_account_owns_so_many_rooms_and_no_more),
	ONE(a_room_is_given_to_who_may_own_one_more),
	TWO(another_node_is_told_before_what_was_said_under_them),
	TWO(changes_of_two_nodes_at_once_are_both_made),
	TWO(rights_and_what_changed_them_come_in_one_turn),
	TWO(loading_tells_what_was_missed),
	AWAY(rights_outlast_a_break_and_are_told_first),
};
/* clang-format on */

int
main(void)
{
	return RUN_CONTRACT("relay rights", rules);
}
