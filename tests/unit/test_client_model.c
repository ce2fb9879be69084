/* SPDX-License-Identifier: ISC */
/* What the client knows: windows, counts, members, and our own lines. */
#include "tests/unit/unit.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/model.h"

static struct name
name(const char *s)
{
	struct name n;

	assert_int_equal(name_check(span_of(s), false, &n), 0);
	return n;
}

/* A model with two rooms, the first of them shown. */
static void
set_up(struct model *m, struct window **lobby, struct window **dev)
{
	struct name a = name("lobby"), b = name("dev"), me = name("me");

	model_init(m);
	model_set_nick(m, &me);
	*lobby = model_open(m, WINDOW_ROOM, &a);
	*dev = model_open(m, WINDOW_ROOM, &b);
	model_select(m, 1);
}

static bool
hear(struct model *m, struct window *w, uint64_t id, const char *nick,
    const char *text)
{
	struct message msg = {.id = {id, 0},
	    .nick = span_of(nick),
	    .fold = nick,
	    .text = span_of(text)};

	return model_message(m, w, &msg);
}

static void
finds_a_window_by_its_folded_name(void **state)
{
	struct model m;
	struct window *lobby, *dev;

	(void)state;
	set_up(&m, &lobby, &dev);
	struct name again = name("LOBBY");
	assert_ptr_equal(model_open(&m, WINDOW_ROOM, &again), lobby);
	assert_ptr_equal(model_find(&m, WINDOW_ROOM, "lobby"), lobby);
	assert_null(model_find(&m, WINDOW_PERSON, "lobby"));
	assert_int_equal(m.n, 3);
	model_fini(&m);
}

static void
opens_a_bounded_number_of_windows(void **state)
{
	struct model m;
	char text[16];

	(void)state;
	model_init(&m);
	for (int i = 1; i < WINDOWS_MAX; i++) {
		snprintf(text, sizeof(text), "p%d", i);
		struct name n = name(text);
		assert_non_null(model_open(&m, WINDOW_PERSON, &n));
	}
	struct name more = name("more");
	assert_null(model_open(&m, WINDOW_PERSON, &more));
	model_fini(&m);
}

static void
counts_what_is_said_in_windows_that_are_not_shown(void **state)
{
	struct model m;
	struct window *lobby, *dev;

	(void)state;
	set_up(&m, &lobby, &dev);
	hear(&m, lobby, 1, "ann", "seen");
	hear(&m, dev, 1, "ann", "one");
	hear(&m, dev, 2, "ann", "me: two");
	hear(&m, dev, 3, "me", "from my other terminal");
	assert_int_equal(lobby->unread, 0);
	assert_int_equal(dev->unread, 2);
	assert_int_equal(dev->mentions, 1);
	model_select(&m, 2);
	assert_int_equal(dev->unread, 0);
	assert_int_equal(dev->mentions, 0);
	model_fini(&m);
}

static void
counts_nothing_twice_and_no_old_history(void **state)
{
	struct model m;
	struct window *lobby, *dev;
	struct message old = {.id = {1, 0},
	    .nick = SPAN("ann"),
	    .fold = "ann",
	    .text = SPAN("me: old"),
	    .old = true};

	(void)state;
	set_up(&m, &lobby, &dev);
	assert_true(hear(&m, dev, 5, "ann", "one"));
	assert_false(hear(&m, dev, 5, "ann", "one"));
	assert_true(model_message(&m, dev, &old));
	assert_int_equal(dev->unread, 1);
	assert_int_equal(dev->mentions, 0);
	assert_int_equal(dev->cursor.ms, 5);
	model_fini(&m);
}

static void
takes_a_nick_for_a_mention_only_as_a_word(void **state)
{
	(void)state;
	assert_true(model_mentions(SPAN("me: hi"), "me"));
	assert_true(model_mentions(SPAN("ask ME!"), "me"));
	assert_false(model_mentions(SPAN("some time"), "me"));
	assert_false(model_mentions(SPAN("me_too"), "me"));
	assert_false(model_mentions(SPAN(""), "me"));
	assert_false(model_mentions(SPAN("anything"), ""));
}

static void
goes_to_mentions_then_people_then_messages_and_back(void **state)
{
	struct model m;
	struct window *lobby, *dev;
	struct name ann = name("ann"), ops = name("ops");

	(void)state;
	set_up(&m, &lobby, &dev);
	struct window *person = model_open(&m, WINDOW_PERSON, &ann);
	struct window *third = model_open(&m, WINDOW_ROOM, &ops);
	hear(&m, dev, 1, "ann", "plain");
	hear(&m, person, 1, "ann", "private");
	hear(&m, third, 1, "ann", "me: look");
	model_select(&m, model_next_activity(&m));
	assert_ptr_equal(model_current(&m), third);
	model_select(&m, model_next_activity(&m));
	assert_ptr_equal(model_current(&m), person);
	model_select(&m, model_next_activity(&m));
	assert_ptr_equal(model_current(&m), dev);
	model_select(&m, model_next_activity(&m));
	assert_ptr_equal(model_current(&m), lobby);
	model_fini(&m);
}

static void
shows_another_room_when_the_current_one_is_closed(void **state)
{
	struct model m;
	struct window *lobby, *dev;

	(void)state;
	set_up(&m, &lobby, &dev);
	model_close(&m, lobby);
	assert_ptr_equal(model_current(&m), dev);
	model_close(&m, dev);
	assert_ptr_equal(model_current(&m), model_server(&m));
	model_fini(&m);
}

static void
keeps_showing_the_same_window_when_another_is_closed(void **state)
{
	struct model m;
	struct window *lobby, *dev;

	(void)state;
	set_up(&m, &lobby, &dev);
	model_select(&m, 2);
	model_close(&m, lobby);
	assert_ptr_equal(model_current(&m), dev);
	model_fini(&m);
}

static void
keeps_members_sorted_and_once(void **state)
{
	struct model m;
	struct window *lobby, *dev;
	struct name carol = name("Carol"), ann = name("ann"), bob = name("bob");

	(void)state;
	set_up(&m, &lobby, &dev);
	model_member_add(&m, lobby, &carol);
	model_member_add(&m, lobby, &ann);
	model_member_add(&m, lobby, &bob);
	model_member_add(&m, lobby, &ann);
	assert_int_equal(lobby->nmembers, 3);
	assert_int_equal(lobby->total, 3);
	assert_string_equal(lobby->members[0]->name.shown, "ann");
	assert_string_equal(lobby->members[2]->name.shown, "Carol");
	struct name zoe = name("zoe");
	model_member_rename(&m, lobby, "ann", &zoe);
	assert_string_equal(lobby->members[2]->name.shown, "zoe");
	model_member_remove(&m, lobby, "bob");
	model_member_remove(&m, lobby, "nobody");
	assert_int_equal(lobby->total, 2);
	model_fini(&m);
}

static void
replaces_the_members_by_a_list_of_names(void **state)
{
	struct model m;
	struct window *lobby, *dev;
	struct name ann = name("ann"), bob = name("bob");
	struct name carol = name("carol"); /* comes in meanwhile */

	(void)state;
	set_up(&m, &lobby, &dev);
	model_member_add(&m, lobby, &ann);
	model_names_line(&m, lobby, 1);
	model_names_add(lobby, &bob, '+');
	model_member_add(&m, lobby, &carol);
	model_names_end(&m, lobby);
	assert_int_equal(lobby->nmembers, 2);
	assert_int_equal(lobby->total, 2);
	assert_null(model_member(lobby, "ann"));
	assert_int_equal(model_member(lobby, "bob")->rank, '+');
	model_member_add(&m, lobby, &ann);
	assert_int_equal(lobby->total, 3);
	model_fini(&m);
}

static void
sends_one_line_at_a_time(void **state)
{
	struct model m;
	struct window *lobby, *dev;

	(void)state;
	set_up(&m, &lobby, &dev);
	struct send *a = model_send(&m, lobby, "c1", "one", false, 1000);
	model_send(&m, lobby, "c2", "two", false, 1000);
	assert_ptr_equal(model_send_next(lobby), a);
	a->state = SEND_FLYING;
	assert_null(model_send_next(lobby));
	model_send_settle(&m, lobby, a, (struct msgid){5, 0});
	assert_string_equal(model_send_next(lobby)->text, "two");
	assert_int_equal(model_unsettled(&m), 1);
	model_fini(&m);
}

static void
takes_its_own_message_for_the_pending_line_in_either_order(void **state)
{
	struct model m;
	struct window *lobby, *dev;

	(void)state;
	set_up(&m, &lobby, &dev);
	struct send *s = model_send(&m, lobby, "c1", "one", false, 1000);
	s->state = SEND_FLYING;
	s->first_ms = 1;
	assert_false(hear(&m, lobby, 5, "me", "one"));
	assert_int_equal(lobby->buffer.n, 1);
	assert_int_equal(lobby->buffer.entries[0]->mark, MARK_NONE);
	model_send_settle(&m, lobby, s, (struct msgid){5, 0});
	s = model_send(&m, lobby, "c2", "two", false, 1000);
	s->state = SEND_FLYING;
	s->first_ms = 1;
	model_send_settle(&m, lobby, s, (struct msgid){6, 0});
	hear(&m, lobby, 6, "me", "two");
	assert_int_equal(lobby->buffer.n, 2);
	assert_int_equal(model_unsettled(&m), 0);
	model_fini(&m);
}

static void
does_not_take_anothers_words_for_its_own(void **state)
{
	struct model m;
	struct window *lobby, *dev;

	(void)state;
	set_up(&m, &lobby, &dev);
	struct send *s = model_send(&m, lobby, "c1", "one", false, 1000);
	s->state = SEND_FLYING;
	s->first_ms = 1;
	assert_true(hear(&m, lobby, 5, "ann", "one"));
	assert_int_equal(lobby->buffer.n, 2);
	model_fini(&m);
}

static void
settles_by_the_cid_of_a_replay(void **state)
{
	struct model m;
	struct window *lobby, *dev;
	struct message msg = {.id = {5, 0},
	    .nick = SPAN("me"),
	    .fold = "me",
	    .text = SPAN("one"),
	    .cid = SPAN("c1")};

	(void)state;
	set_up(&m, &lobby, &dev);
	model_send(&m, lobby, "c1", "one", false, 1000);
	model_message(&m, lobby, &msg);
	assert_int_equal(model_unsettled(&m), 0);
	assert_int_equal(lobby->buffer.n, 1);
	assert_int_equal(lobby->buffer.entries[0]->mark, MARK_NONE);
	model_fini(&m);
}

static void
marks_what_failed_and_can_try_it_again_or_drop_it(void **state)
{
	struct model m;
	struct window *lobby, *dev;

	(void)state;
	set_up(&m, &lobby, &dev);
	struct send *s = model_send(&m, lobby, "c1", "one", false, 1000);
	assert_null(model_send_stuck(lobby));
	model_send_fail(&m, lobby, s, SEND_FAILED);
	assert_int_equal(lobby->buffer.entries[0]->mark, MARK_FAILED);
	assert_ptr_equal(model_send_stuck(lobby), s);
	assert_null(model_send_next(lobby));
	model_send_again(&m, lobby, s);
	assert_int_equal(lobby->buffer.entries[0]->mark, MARK_PENDING);
	assert_ptr_equal(model_send_next(lobby), s);
	model_send_discard(&m, lobby, s);
	assert_int_equal(lobby->buffer.n, 0);
	model_fini(&m);
}

static void
holds_a_bounded_number_of_unsettled_lines(void **state)
{
	struct model m;
	struct window *lobby, *dev;

	(void)state;
	set_up(&m, &lobby, &dev);
	for (int i = 0; i < SENDS_MAX; i++)
		assert_non_null(model_send(&m, lobby, "c", "x", false, 1000));
	assert_null(model_send(&m, lobby, "c", "x", false, 1000));
	model_fini(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(finds_a_window_by_its_folded_name),
	    TEST(opens_a_bounded_number_of_windows),
	    TEST(counts_what_is_said_in_windows_that_are_not_shown),
	    TEST(counts_nothing_twice_and_no_old_history),
	    TEST(takes_a_nick_for_a_mention_only_as_a_word),
	    TEST(goes_to_mentions_then_people_then_messages_and_back),
	    TEST(shows_another_room_when_the_current_one_is_closed),
	    TEST(keeps_showing_the_same_window_when_another_is_closed),
	    TEST(keeps_members_sorted_and_once),
	    TEST(replaces_the_members_by_a_list_of_names),
	    TEST(sends_one_line_at_a_time),
	    TEST(takes_its_own_message_for_the_pending_line_in_either_order),
	    TEST(does_not_take_anothers_words_for_its_own),
	    TEST(settles_by_the_cid_of_a_replay),
	    TEST(marks_what_failed_and_can_try_it_again_or_drop_it),
	    TEST(holds_a_bounded_number_of_unsettled_lines),
	};

	return setlocale(LC_ALL, "C.UTF-8") ? RUN(tests) : 1;
}
