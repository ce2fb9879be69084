/* SPDX-License-Identifier: ISC */
/* Completion: who comes first, and what is put behind. */
#include "tests/unit/unit.h"

#include <locale.h>
#include <string.h>

#include "client/complete.h"
#include "client/edit.h"
#include "client/model.h"

struct fixture {
	struct model m;
	struct edit e;
	struct complete c;
	struct window *room;
};

static struct name
name(const char *s)
{
	struct name n;

	assert_int_equal(name_check(span_of(s), false, &n), 0);
	return n;
}

static void
speak(struct fixture *f, uint64_t id, const char *nick)
{
	struct message msg = {.id = {id, 0},
	    .nick = span_of(nick),
	    .fold = nick,
	    .text = SPAN("hi")};

	model_message(&f->m, f->room, &msg);
}

/* In #lobby with alan, albert, alice and bob; me too. */
static int
set_up(void **state)
{
	static struct fixture f;
	static const char *const nicks[] = {
	    "alan", "albert", "alice", "bob", "me"};
	struct name room = name("lobby"), other = name("long-room");
	struct name me = name("me");

	f = (struct fixture){0};
	model_init(&f.m);
	edit_init(&f.e);
	model_set_nick(&f.m, &me);
	f.room = model_open(&f.m, WINDOW_ROOM, &room);
	model_open(&f.m, WINDOW_ROOM, &other);
	model_select(&f.m, 1);
	for (size_t i = 0; i < ARRAY_LEN(nicks); i++) {
		struct name n = name(nicks[i]);
		model_member_add(&f.m, f.room, &n);
	}
	*state = &f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	complete_reset(&f->c);
	edit_fini(&f->e);
	model_fini(&f->m);
	return 0;
}

static void
assert_tab(struct fixture *f, bool backwards, const char *text)
{
	assert_true(complete_step(&f->c, &f->m, &f->e, backwards));
	assert_string_equal(f->e.text, text);
}

static void
offers_who_spoke_last_first(void **state)
{
	struct fixture *f = *state;

	speak(f, 1, "alice");
	speak(f, 2, "alan");
	edit_insert(&f->e, SPAN("al"));
	assert_tab(f, false, "alan: ");
	assert_tab(f, false, "alice: ");
	assert_tab(f, false, "albert: ");
	assert_tab(f, false, "al");
	assert_tab(f, false, "alan: ");
}

static void
walks_backwards_too(void **state)
{
	struct fixture *f = *state;

	speak(f, 1, "alice");
	edit_insert(&f->e, SPAN("al"));
	assert_tab(f, true, "albert: ");
	assert_tab(f, false, "al");
}

static void
puts_a_colon_only_at_the_beginning(void **state)
{
	struct fixture *f = *state;

	edit_insert(&f->e, SPAN("ask bo"));
	assert_tab(f, false, "ask bob ");
}

static void
keeps_an_at_sign(void **state)
{
	struct fixture *f = *state;

	edit_insert(&f->e, SPAN("ask @bo"));
	assert_tab(f, false, "ask @bob ");
}

static void
does_not_offer_oneself(void **state)
{
	struct fixture *f = *state;

	edit_insert(&f->e, SPAN("m"));
	assert_false(complete_step(&f->c, &f->m, &f->e, false));
	assert_string_equal(f->e.text, "m");
}

static void
offers_those_who_spoke_for_nothing_typed(void **state)
{
	struct fixture *f = *state;

	assert_false(complete_step(&f->c, &f->m, &f->e, false));
	speak(f, 1, "bob");
	assert_tab(f, false, "bob: ");
}

static void
completes_commands_and_their_arguments(void **state)
{
	struct fixture *f = *state;

	edit_insert(&f->e, SPAN("/jo"));
	assert_tab(f, false, "/join ");
	complete_reset(&f->c);
	edit_insert(&f->e, SPAN("lon"));
	assert_tab(f, false, "/join long-room ");
	edit_set(&f->e, SPAN("/msg bo"));
	complete_reset(&f->c);
	assert_tab(f, false, "/msg bob ");
	edit_set(&f->e, SPAN("/help who"));
	complete_reset(&f->c);
	assert_tab(f, false, "/help whois ");
}

static void
fills_in_the_present_topic(void **state)
{
	struct fixture *f = *state;

	model_topic(&f->m, f->room, SPAN("notes on Friday"));
	edit_insert(&f->e, SPAN("/topic "));
	assert_tab(f, false, "/topic notes on Friday");
}

static void
completes_rooms_in_text(void **state)
{
	struct fixture *f = *state;

	edit_insert(&f->e, SPAN("see #lo"));
	assert_tab(f, false, "see #lobby ");
	assert_tab(f, false, "see #long-room ");
}

static void
changes_only_the_word_before_the_cursor(void **state)
{
	struct fixture *f = *state;

	edit_insert(&f->e, SPAN("bo is here"));
	edit_do(&f->e, EDIT_HOME);
	edit_do(&f->e, EDIT_WORD_RIGHT);
	assert_tab(f, false, "bob:  is here");
}

#define ROW(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ROW(offers_who_spoke_last_first),
	    ROW(walks_backwards_too),
	    ROW(puts_a_colon_only_at_the_beginning),
	    ROW(keeps_an_at_sign),
	    ROW(does_not_offer_oneself),
	    ROW(offers_those_who_spoke_for_nothing_typed),
	    ROW(completes_commands_and_their_arguments),
	    ROW(fills_in_the_present_topic),
	    ROW(completes_rooms_in_text),
	    ROW(changes_only_the_word_before_the_cursor),
	};

	return setlocale(LC_ALL, "C.UTF-8") ? RUN(tests) : 1;
}
