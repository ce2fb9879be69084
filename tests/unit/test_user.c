/* SPDX-License-Identifier: ISC */
/* server/user.c: senders by their id, whatever they are called. */
#include "tests/unit/unit.h"

#include <ctype.h>
#include <string.h>

#include "server/room.h"
#include "server/user.h"

#define ID "g0123456789abcdef0123456789abcdef"

static int
setup(void **state)
{
	*state = users_new();
	return 0;
}

static int
teardown(void **state)
{
	users_free(*state);
	return 0;
}

static void
a_guest_has_a_random_id_and_a_guests_nick(void **state)
{
	struct user *a = user_new_guest(*state);
	struct user *b = user_new_guest(*state);

	assert_int_equal(strlen(a->id), SENDER_ID_LEN);
	assert_int_equal(a->id[0], 'g');
	for (const char *c = a->id + 1; *c; c++)
		assert_true(
		    isxdigit((unsigned char)*c) && !isupper((unsigned char)*c));
	assert_string_not_equal(a->id, b->id);
	assert_true(name_is_guest(user_fold(a)));
	assert_string_equal(a->shown, user_fold(a));
	assert_string_not_equal(user_fold(a), user_fold(b));
	assert_int_equal(a->claim, USER_UNCLAIMED);
	assert_int_equal(users_count(*state), 2);
}

static void
every_drawn_nick_is_a_guests_and_a_valid_name(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct name drawn, judged;

		user_guest_nick(&drawn);
		assert_true(name_is_guest(drawn.fold));
		assert_int_equal(
		    name_check(span_of(drawn.shown), true, &judged), 0);
		assert_string_equal(judged.fold, drawn.fold);
	}
}

static void
is_found_by_its_whole_id_only(void **state)
{
	struct user *u = user_mirror(*state, SPAN(ID), SPAN("Ann"));

	assert_ptr_equal(user_find(*state, SPAN(ID)), u);
	assert_null(user_find(*state, SPAN_NONE));
	assert_null(user_find(*state, SPAN("Ann")));
	assert_null(user_find(*state, (struct span){ID, SENDER_ID_LEN - 1}));
	assert_null(user_find(*state, SPAN(ID "0")));
}

static void
a_mirror_is_made_once_and_only_of_what_is_well_formed(void **state)
{
	struct user *u = user_mirror(*state, SPAN(ID), SPAN("Ann"));

	assert_non_null(u);
	assert_string_equal(u->shown, "Ann");
	assert_string_equal(user_fold(u), "ann");
	assert_false(user_is_local(u));
	assert_ptr_equal(user_mirror(*state, SPAN(ID), SPAN("Bob")), u);
	assert_string_equal(u->shown, "Ann");

	assert_null(user_mirror(*state, SPAN("g1"), SPAN("Bob")));
	assert_null(user_mirror(*state, SPAN(ID "0"), SPAN("Bob")));
	assert_null(user_mirror(
	    *state, SPAN("g1123456789abcdef0123456789abcdef"), SPAN("B\nob")));
	assert_null(user_mirror(
	    *state, SPAN("g1123456789abcdef0123456789abcdef"), SPAN_NONE));
	assert_int_equal(users_count(*state), 1);
}

static void
takes_another_nick_and_stays_the_same_sender(void **state)
{
	struct user *u = user_new_guest(*state);
	struct name nick;

	assert_int_equal(name_check(SPAN("J\xc3\xb6rg"), false, &nick), 0);
	user_set_nick(u, &nick);
	assert_string_equal(u->shown, "J\xc3\xb6rg");
	assert_string_equal(user_fold(u), "j\xc3\xb6rg");
	assert_ptr_equal(user_find(*state, span_of(u->id)), u);
}

static void
sessions_come_and_go_in_any_order(void **state)
{
	struct user *u = user_new_guest(*state);
	struct session *s[3] = {
	    (struct session *)&s[0],
	    (struct session *)&s[1],
	    (struct session *)&s[2],
	};

	for (size_t i = 0; i < 3; i++)
		user_add_session(u, s[i]);
	assert_true(user_is_local(u));
	user_drop_session(u, s[1]);
	user_drop_session(u, s[1]);
	assert_int_equal(u->nsessions, 2);
	user_drop_session(u, s[0]);
	assert_int_equal(u->nsessions, 1);
	assert_ptr_equal(user_sessions(u)[0], s[2]);
	user_drop_session(u, s[2]);
	assert_false(user_is_local(u));
}

static void
is_forgotten_with_its_last_session_and_seat(void **state)
{
	struct user *u = user_mirror(*state, SPAN(ID), SPAN("Ann"));
	struct session *s = (struct session *)&u;

	user_add_session(u, s);
	user_unref(*state, u);
	assert_int_equal(users_count(*state), 1);
	user_drop_session(u, s);
	u->nseats = 1;
	user_unref(*state, u);
	assert_int_equal(users_count(*state), 1);
	u->nseats = 0;
	user_unref(*state, u);
	assert_int_equal(users_count(*state), 0);
	assert_null(user_find(*state, SPAN(ID)));
}

static void
freeing_no_users_is_fine(void **state)
{
	(void)state;
	users_free(NULL);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	    T(a_guest_has_a_random_id_and_a_guests_nick),
	    T(every_drawn_nick_is_a_guests_and_a_valid_name),
	    T(is_found_by_its_whole_id_only),
	    T(a_mirror_is_made_once_and_only_of_what_is_well_formed),
	    T(takes_another_nick_and_stays_the_same_sender),
	    T(sessions_come_and_go_in_any_order),
	    T(is_forgotten_with_its_last_session_and_seat),
#undef T
	    TEST(freeing_no_users_is_fine),
	};

	return RUN(tests);
}
