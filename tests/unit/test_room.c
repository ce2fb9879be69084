/* SPDX-License-Identifier: ISC */
/* server/room.c: seats, listeners, and one batch a turn for all of them. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/room.h"
#include "server/user.h"

/* A room knows sessions by their address alone: these are boxes. */
struct box {
	char got[256 * 1024];
	size_t len;
	unsigned times;
	size_t place;
};

enum { BOXES = 5, PRESENCE_MAX = 10 };

struct fixture {
	struct rooms *rooms;
	struct users *users;
	struct room *room;
	struct box *boxes;
	unsigned wakes;
};

static struct session *
session_of(struct box *b)
{
	return (struct session *)(void *)b;
}

static void
deliver(struct session *s, const char *p, size_t len)
{
	struct box *b = (struct box *)(void *)s;

	assert_true(len > 0);
	assert_true(b->len + len < sizeof b->got);
	memcpy(b->got + b->len, p, len);
	b->len += len;
	b->got[b->len] = 0;
	b->times++;
}

static void
wake(void *arg)
{
	struct fixture *f = arg;

	f->wakes++;
}

static struct room *
room_called(struct fixture *f, const char *shown)
{
	struct name name;

	assert_int_equal(name_check(span_of(shown), false, &name), 0);
	return room_get(f->rooms, &name);
}

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	f->rooms = rooms_new(deliver, wake, f, PRESENCE_MAX);
	f->users = users_new();
	f->boxes = xcalloc(BOXES, sizeof *f->boxes);
	f->room = room_called(f, "Lobby");
	for (size_t i = 0; i < BOXES; i++)
		f->boxes[i].place = ROOM_NOT_LIVE;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	rooms_free(f->rooms);
	users_free(f->users);
	free(f->boxes);
	free(f);
	return 0;
}

static void
listen_to(struct fixture *f, size_t i)
{
	struct box *b = &f->boxes[i];

	room_listen(f->rooms, f->room, session_of(b), &b->place);
}

static void
unlisten(struct fixture *f, size_t i)
{
	room_unlisten(f->rooms, f->room, &f->boxes[i].place);
}

static void
say(struct fixture *f, const char *line)
{
	buf_add_str(room_batch(f->rooms, f->room), line);
}

static void
assert_got(struct fixture *f, size_t i, const char *all)
{
	assert_string_equal(f->boxes[i].got, all);
}

/* --- batches -------------------------------------------------------------- */

static void
a_turns_lines_come_to_each_listener_in_one_piece(void **state)
{
	struct fixture *f = *state;

	listen_to(f, 0);
	listen_to(f, 1);
	say(f, "a ");
	say(f, "b ");
	say(f, "c ");
	assert_int_equal(f->boxes[0].times, 0);
	rooms_flush(f->rooms);

	assert_got(f, 0, "a b c ");
	assert_got(f, 1, "a b c ");
	assert_int_equal(f->boxes[0].times, 1);
	assert_int_equal(f->boxes[1].times, 1);
	rooms_flush(f->rooms);
	assert_int_equal(f->boxes[0].times, 1);
}

static void
the_loop_is_woken_once_a_turn(void **state)
{
	struct fixture *f = *state;
	struct room *other = room_called(f, "other");

	say(f, "a");
	say(f, "b");
	buf_add_str(room_batch(f->rooms, other), "c");
	assert_int_equal(f->wakes, 1);
	rooms_flush(f->rooms);
	say(f, "d");
	assert_int_equal(f->wakes, 2);
}

static void
who_begins_to_listen_is_not_given_what_was_batched_before(void **state)
{
	struct fixture *f = *state;

	listen_to(f, 0);
	say(f, "before ");
	listen_to(f, 1);
	say(f, "after ");
	rooms_flush(f->rooms);

	assert_got(f, 0, "before after ");
	assert_got(f, 1, "after ");
}

static void
who_ceases_to_listen_is_given_what_was_batched_before(void **state)
{
	struct fixture *f = *state;

	listen_to(f, 0);
	listen_to(f, 1);
	say(f, "before ");
	unlisten(f, 0);
	say(f, "after ");
	rooms_flush(f->rooms);

	assert_got(f, 0, "before ");
	assert_got(f, 1, "before after ");
	assert_int_equal(f->boxes[0].place, ROOM_NOT_LIVE);
}

static void
places_stay_right_whoever_leaves(void **state)
{
	/* The first, the middle and the last of five; then the rest. */
	static const size_t leaving[][BOXES] = {
	    {0, 1, 2, 3, 4}, {2, 4, 0, 1, 3}, {4, 3, 2, 1, 0}};
	struct fixture *f = *state;

	for (size_t k = 0; k < ARRAY_LEN(leaving); k++) {
		for (size_t i = 0; i < BOXES; i++)
			listen_to(f, i);
		for (size_t i = 0; i < BOXES; i++) {
			unlisten(f, leaving[k][i]);
			unlisten(f, leaving[k][i]); /* again is harmless */
			assert_int_equal(f->room->nlive, BOXES - 1 - i);
			for (size_t j = 0; j < f->room->nlive; j++) {
				struct room_live *l = &f->room->live[j];

				assert_int_equal(*l->place, j);
				assert_ptr_equal(l->place,
				    &((struct box *)(void *)l->session)->place);
			}
		}
	}
}

static void
each_line_reaches_those_who_stayed_once(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < BOXES; i++)
		listen_to(f, i);
	unlisten(f, 1);
	unlisten(f, 4);
	say(f, "x");
	rooms_flush(f->rooms);

	assert_got(f, 0, "x");
	assert_got(f, 1, "");
	assert_got(f, 2, "x");
	assert_got(f, 3, "x");
	assert_got(f, 4, "");
}

static void
a_line_for_all_but_a_few_comes_behind_the_batch(void **state)
{
	struct fixture *f = *state;
	struct session *but[] = {
	    session_of(&f->boxes[1]), session_of(&f->boxes[3])};

	for (size_t i = 0; i < BOXES; i++)
		listen_to(f, i);
	say(f, "batch ");
	room_send_but(f->rooms, f->room, but, 2, deliver, "line ", 5);
	say(f, "more ");
	rooms_flush(f->rooms);

	assert_got(f, 0, "batch line more ");
	assert_got(f, 1, "batch more ");
	assert_got(f, 2, "batch line more ");
	assert_got(f, 3, "batch more ");
	assert_got(f, 4, "batch line more ");
}

static void
who_attends_is_told_of_members_but_not_what_is_said(void **state)
{
	struct fixture *f = *state;
	struct box *b = &f->boxes[1];

	listen_to(f, 0);
	room_attend(f->rooms, f->room, session_of(b), &b->place);
	say(f, "said ");
	room_tell(f->rooms, f->room, deliver, "JOINED ", 7);
	room_send_but(f->rooms, f->room, NULL, 0, deliver, "TYPING ", 7);
	say(f, "again ");
	listen_to(f, 1);
	say(f, "live ");
	rooms_flush(f->rooms);

	assert_got(f, 0, "said JOINED TYPING again live ");
	assert_got(f, 1, "JOINED TYPING live ");
	assert_int_equal(f->room->nlive, 2);
}

static void
who_listened_and_only_attends_gets_what_was_said_before(void **state)
{
	struct fixture *f = *state;
	struct box *b = &f->boxes[0];

	listen_to(f, 0);
	say(f, "before ");
	room_attend(f->rooms, f->room, session_of(b), &b->place);
	say(f, "after ");
	rooms_flush(f->rooms);
	assert_got(f, 0, "before ");
	unlisten(f, 0);
	assert_int_equal(f->room->nlive, 0);
}

static void
a_full_batch_goes_out_within_the_turn(void **state)
{
	enum { LINE = 1000, LINES = 100 };
	struct fixture *f = *state;
	char line[LINE + 1];
	size_t most = 0;

	listen_to(f, 0);
	memset(line, 'x', LINE);
	line[LINE] = 0;
	for (int i = 0; i < LINES; i++) {
		say(f, line);
		if (buf_len(&f->room->batch) > most)
			most = buf_len(&f->room->batch);
	}
	assert_int_equal(f->boxes[0].times, 1);
	assert_true(most >= 65536 && most < 65536 + LINE);
	rooms_flush(f->rooms);
	assert_int_equal(f->boxes[0].times, 2);
	assert_int_equal(f->boxes[0].len, LINE * LINES);
	assert_null(f->room->batch.data);
}

static void
the_memory_of_a_large_batch_is_given_back(void **state)
{
	struct fixture *f = *state;
	struct buf *b = room_batch(f->rooms, f->room);

	buf_added(b, (memset(buf_reserve(b, 16385), 'x', 16385), 16385));
	rooms_flush(f->rooms);
	assert_null(f->room->batch.data);
}

/* Most rooms are silent most of the time. */
static void
a_batch_that_is_out_owns_no_memory_and_the_next_one_takes_it(void **state)
{
	struct fixture *f = *state;
	const char *was;

	say(f, "small");
	was = f->room->batch.data;
	rooms_flush(f->rooms);
	assert_null(f->room->batch.data);
	say(f, "as small");
	assert_ptr_equal(f->room->batch.data, was);
	rooms_flush(f->rooms);
	rooms_trim(f->rooms); /* it was needed */
	rooms_trim(f->rooms);
	say(f, "again");
	rooms_flush(f->rooms);
	assert_int_equal(f->boxes[0].times, 0);
}

static void
a_room_may_be_freed_with_a_batch_that_nobody_was_given(void **state)
{
	struct fixture *f = *state;
	struct room *other = room_called(f, "other");

	listen_to(f, 0);
	say(f, "a");
	buf_add_str(room_batch(f->rooms, other), "b");
	room_free(f->rooms, other, NULL, NULL);
	rooms_flush(f->rooms);
	assert_got(f, 0, "a");
}

/* --- what a room is called, and its topic --------------------------------- */

static void
a_room_is_found_by_its_fold_and_shown_as_first_spelled(void **state)
{
	struct fixture *f = *state;

	assert_ptr_equal(room_called(f, "LOBBY"), f->room);
	assert_ptr_equal(room_find(f->rooms, "lobby"), f->room);
	assert_null(room_find(f->rooms, "Lobby"));
	assert_string_equal(f->room->shown, "Lobby");
	assert_int_equal(rooms_count(f->rooms), 1);
	assert_ptr_equal(rooms_first(f->rooms), f->room);
}

static void
the_relays_spelling_is_taken_only_for_the_same_room(void **state)
{
	static const struct {
		const char *in, *shown;
	} rows[] = {
	    {"LoBBy", "LoBBy"},
	    {"lounge", "LoBBy"},
	    {"lobby 2", "LoBBy"},
	    {"", "LoBBy"},
	    {"lobby\n", "LoBBy"},
	    {"\xff", "LoBBy"},
	    {"lobby", "lobby"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		room_set_shown(f->room, span_of(rows[i].in));
		assert_string_equal(f->room->shown, rows[i].shown);
	}
	assert_ptr_equal(room_find(f->rooms, "lobby"), f->room);
}

static void
a_topic_is_set_replaced_and_cleared(void **state)
{
	struct fixture *f = *state;

	assert_null(f->room->topic);
	room_set_topic(f->room, SPAN("tea at five"), SPAN("ann"));
	assert_string_equal(f->room->topic, "tea at five");
	assert_string_equal(f->room->topic_nick, "ann");
	room_set_topic(f->room, SPAN("at six"), SPAN_NONE);
	assert_string_equal(f->room->topic, "at six");
	assert_string_equal(f->room->topic_nick, "");
	room_set_topic(f->room, SPAN_NONE, SPAN("bob"));
	assert_null(f->room->topic);
	assert_null(f->room->topic_nick);
}

/* --- seats ---------------------------------------------------------------- */

static void
a_seat_joins_one_user_and_one_room(void **state)
{
	struct fixture *f = *state;
	struct user *ann = user_new_guest(f->users);
	struct user *bob = user_new_guest(f->users);
	struct room *other = room_called(f, "other");
	struct seat *a = room_add_seat(f->room, ann);
	struct seat *b = room_add_seat(f->room, bob);
	struct seat *c = room_add_seat(other, ann);

	assert_ptr_equal(room_seat(f->room, ann), a);
	assert_ptr_equal(room_seat(f->room, bob), b);
	assert_ptr_equal(room_seat(other, ann), c);
	assert_null(room_seat(other, bob));
	assert_int_equal(f->room->nseats, 2);
	assert_int_equal(ann->nseats, 2);
	room_drop_seat(a);
	assert_null(room_seat(f->room, ann));
	assert_ptr_equal(room_seat(other, ann), c);
	assert_int_equal(f->room->nseats, 1);
	assert_int_equal(ann->nseats, 1);
}

static void
on_orphan(void *arg, struct user *u)
{
	user_unref(arg, u);
}

static void
a_freed_room_gives_its_users_away_as_orphans(void **state)
{
	struct fixture *f = *state;
	struct box *b = &f->boxes[0];
	struct user *here = user_new_guest(f->users);
	struct user *there = user_new_guest(f->users);
	struct user *both = user_new_guest(f->users);

	user_add_session(here, session_of(b));
	room_add_seat(f->room, here);
	room_add_seat(f->room, there);
	room_add_seat(f->room, both);
	room_add_seat(room_called(f, "other"), both);
	room_free(f->rooms, f->room, on_orphan, f->users);

	assert_int_equal(users_count(f->users), 2);
	assert_int_equal(here->nseats, 0);
	assert_int_equal(both->nseats, 1);
	assert_null(room_find(f->rooms, "lobby"));
}

static void
is_idle_only_without_listeners_pins_and_waiters(void **state)
{
	struct fixture *f = *state;
	struct room_waiter w = {.fn = NULL};

	assert_true(room_is_idle(f->room));
	f->room->pins++;
	assert_false(room_is_idle(f->room));
	f->room->pins--;
	listen_to(f, 0);
	assert_false(room_is_idle(f->room));
	unlisten(f, 0);
	STAILQ_INSERT_TAIL(&f->room->waiters, &w, next);
	assert_false(room_is_idle(f->room));
	STAILQ_REMOVE_HEAD(&f->room->waiters, next);
	/* Seats of others do not hold it. */
	room_add_seat(f->room, user_new_guest(f->users));
	assert_true(room_is_idle(f->room));
}

static void
presence_goes_quiet_above_the_maximum_and_loud_below_80_percent(void **state)
{
	struct fixture *f = *state;
	struct seat *seats[PRESENCE_MAX + 2];
	size_t n = 0;

	for (; n < PRESENCE_MAX; n++) {
		seats[n] = room_add_seat(f->room, user_new_guest(f->users));
		assert_false(room_presence_crossed(f->rooms, f->room));
		assert_false(f->room->quiet);
	}
	seats[n++] = room_add_seat(f->room, user_new_guest(f->users));
	assert_true(room_presence_crossed(f->rooms, f->room));
	assert_true(f->room->quiet);
	assert_false(room_presence_crossed(f->rooms, f->room));
	while (n > 8) {
		room_drop_seat(seats[--n]);
		assert_false(room_presence_crossed(f->rooms, f->room));
		assert_true(f->room->quiet);
	}
	room_drop_seat(seats[--n]);
	assert_true(room_presence_crossed(f->rooms, f->room));
	assert_false(f->room->quiet);
	while (n < 9) {
		seats[n++] = room_add_seat(f->room, user_new_guest(f->users));
		assert_false(room_presence_crossed(f->rooms, f->room));
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	    T(a_turns_lines_come_to_each_listener_in_one_piece),
	    T(the_loop_is_woken_once_a_turn),
	    T(who_begins_to_listen_is_not_given_what_was_batched_before),
	    T(who_ceases_to_listen_is_given_what_was_batched_before),
	    T(places_stay_right_whoever_leaves),
	    T(each_line_reaches_those_who_stayed_once),
	    T(a_line_for_all_but_a_few_comes_behind_the_batch),
	    T(who_attends_is_told_of_members_but_not_what_is_said),
	    T(who_listened_and_only_attends_gets_what_was_said_before),
	    T(a_full_batch_goes_out_within_the_turn),
	    T(the_memory_of_a_large_batch_is_given_back),
	    T(a_batch_that_is_out_owns_no_memory_and_the_next_one_takes_it),
	    T(a_room_may_be_freed_with_a_batch_that_nobody_was_given),
	    T(a_room_is_found_by_its_fold_and_shown_as_first_spelled),
	    T(the_relays_spelling_is_taken_only_for_the_same_room),
	    T(a_topic_is_set_replaced_and_cleared),
	    T(a_seat_joins_one_user_and_one_room),
	    T(a_freed_room_gives_its_users_away_as_orphans),
	    T(is_idle_only_without_listeners_pins_and_waiters),
	    T(presence_goes_quiet_above_the_maximum_and_loud_below_80_percent),
#undef T
	};

	return RUN(tests);
}
