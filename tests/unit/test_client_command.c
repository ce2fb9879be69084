/* SPDX-License-Identifier: ISC */
/* Commands: what is text, what is not, and that a slip of the finger neither
 * speaks nor leaves. */
#include "tests/unit/unit.h"

#include <locale.h>
#include <string.h>

#include <event2/event.h>

#include "client/chat.h"
#include "client/command.h"
#include "client/model.h"

struct fixture {
	struct event_base *base;
	struct model m;
	struct chat *chat;
	struct command_env env;
	struct window *room;
	char cause[ERR_LEN];
	unsigned quits;
};

static void
on_quit(void *arg, struct span why)
{
	struct fixture *f = arg;

	(void)why;
	f->quits++;
}

static const struct command_ops command_ops = {.quit = on_quit};
static const struct chat_ops chat_ops = {0};

/* In #lobby, as far as a client without a connection can be. */
static int
set_up(void **state)
{
	static struct fixture f;
	struct chat_options o = {.last = 10};
	struct name room;

	f = (struct fixture){0};
	f.base = event_base_new();
	model_init(&f.m);
	f.chat = chat_new(f.base, &f.m, &o, &chat_ops, NULL);
	f.env = (struct command_env){&f.m, f.chat, &command_ops, &f};
	assert_int_equal(name_check(SPAN("lobby"), false, &room), 0);
	f.room = chat_join(f.chat, &room);
	model_select(&f.m, 1);
	*state = &f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	chat_free(f->chat);
	event_base_free(f->base);
	model_fini(&f->m);
	return 0;
}

static int
enter(struct fixture *f, const char *line)
{
	f->cause[0] = '\0';
	return command_line(&f->env, span_of(line), f->cause);
}

/* Said in the room as text, this last. */
static void
assert_said(struct fixture *f, size_t n, const char *text)
{
	assert_int_equal(f->room->nsends, n);
	assert_string_equal(f->room->sends[n - 1]->text, text);
}

static void
says_text(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enter(f, "hello"), 0);
	assert_said(f, 1, "hello");
	assert_int_equal(enter(f, "  indented"), 0);
	assert_said(f, 2, "  indented");
}

static void
says_a_literal_slash_for_two(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enter(f, "//etc/passwd"), 0);
	assert_said(f, 1, "/etc/passwd");
}

static void
does_nothing_for_blanks(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enter(f, "   "), 0);
	assert_int_equal(f->room->nsends, 0);
}

static void
takes_blanks_before_a_slash_for_a_command(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enter(f, "  /nick identify password"), 0);
	assert_int_equal(enter(f, " /msg"), -1);
	assert_int_equal(f->room->nsends, 0);
}

static void
refuses_an_unknown_command_and_names_the_nearest(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enter(f, "/jion lobby"), -1);
	assert_non_null(strstr(f->cause, "/join"));
	assert_int_equal(enter(f, "/etc/passwd is broken"), -1);
	assert_int_equal(enter(f, "/"), -1);
	assert_int_equal(f->room->nsends, 0);
}

static void
never_runs_an_abbreviation(void **state)
{
	struct fixture *f = *state;
	static const char *const shorts[] = {
	    "/qu", "/qui", "/pa", "/par", "/clo", "/leav", "/exi", "/disc"};

	for (size_t i = 0; i < ARRAY_LEN(shorts); i++)
		assert_int_equal(enter(f, shorts[i]), -1);
	assert_int_equal(f->quits, 0);
	assert_int_equal(f->m.n, 2);
}

static void
runs_aliases(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enter(f, "/j dev"), 0);
	assert_string_equal(model_current(&f->m)->title.utf8, "#dev");
	assert_int_equal(enter(f, "/1"), 0);
	assert_ptr_equal(model_current(&f->m), f->room);
	assert_int_equal(enter(f, "/exit"), 0);
	assert_int_equal(f->quits, 1);
}

static void
says_how_a_command_is_used(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enter(f, "/join"), -1);
	assert_string_equal(f->cause, "usage: /join room [key]");
}

static void
refuses_names_that_cannot_be(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enter(f, "/join a:b"), -1);
	assert_true(strlen(f->cause) > 0);
	assert_int_equal(enter(f, "/nick -x"), -1);
	assert_int_equal(f->m.n, 2);
}

static void
takes_a_rooms_sign_for_no_part_of_its_name(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enter(f, "/join #dev"), 0);
	assert_string_equal(model_current(&f->m)->name.shown, "dev");
}

static void
joins_several_rooms_at_once(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enter(f, "/join #dev #ops"), 0);
	assert_int_equal(f->m.n, 4);
}

static void
sends_to_a_person_without_leaving_the_window(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enter(f, "/msg ann hi there"), 0);
	assert_ptr_equal(model_current(&f->m), f->room);
	struct window *w = model_find(&f->m, WINDOW_PERSON, "ann");
	assert_string_equal(w->sends[0]->text, "hi there");
	assert_int_equal(enter(f, "/msg ann"), 0);
	assert_ptr_equal(model_current(&f->m), w);
}

static void
does_not_close_a_window_with_unsettled_lines(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enter(f, "hello"), 0);
	assert_int_equal(enter(f, "/part"), -1);
	assert_int_equal(f->m.n, 2);
}

static void
closes_a_window_and_leaves_the_servers(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enter(f, "/part"), 0);
	assert_int_equal(f->m.n, 1);
	assert_int_equal(enter(f, "/part"), -1);
	assert_int_equal(enter(f, "hello?"), -1);
}

static void
refuses_what_the_server_would(void **state)
{
	struct fixture *f = *state;
	static char much[9000];

	memset(much, 'x', sizeof(much) - 1);
	assert_int_equal(enter(f, much), -1);
	assert_int_equal(f->room->nsends, 0);
}

static void
says_lines_with_the_wires_line_break(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enter(f, "one\ntwo"), 0);
	assert_said(f, 1, "one\342\200\250two");
}

static void
helps_with_every_command(void **state)
{
	struct fixture *f = *state;
	char line[64];

	assert_int_equal(enter(f, "/help"), 0);
	assert_true(f->room->buffer.n > commands_n);
	for (size_t i = 0; i < commands_n; i++) {
		snprintf(line, sizeof(line), "/help %s", commands[i].name);
		assert_int_equal(enter(f, line), 0);
	}
	assert_int_equal(enter(f, "/help nonsense"), -1);
}

static void
has_sorted_commands_and_no_name_twice(void **state)
{
	(void)state;
	for (size_t i = 0; i < commands_n; i++) {
		struct span rest = span_of(commands[i].aliases);
		assert_ptr_equal(
		    command_find(span_of(commands[i].name)), &commands[i]);
		while (rest.len > 0)
			assert_ptr_equal(
			    command_find(text_word(&rest)), &commands[i]);
		if (i > 0)
			assert_true(
			    strcmp(commands[i - 1].name, commands[i].name) < 0);
	}
}

#define ROW(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ROW(says_text),
	    ROW(says_a_literal_slash_for_two),
	    ROW(does_nothing_for_blanks),
	    ROW(takes_blanks_before_a_slash_for_a_command),
	    ROW(refuses_an_unknown_command_and_names_the_nearest),
	    ROW(never_runs_an_abbreviation),
	    ROW(runs_aliases),
	    ROW(says_how_a_command_is_used),
	    ROW(refuses_names_that_cannot_be),
	    ROW(takes_a_rooms_sign_for_no_part_of_its_name),
	    ROW(joins_several_rooms_at_once),
	    ROW(sends_to_a_person_without_leaving_the_window),
	    ROW(does_not_close_a_window_with_unsettled_lines),
	    ROW(closes_a_window_and_leaves_the_servers),
	    ROW(refuses_what_the_server_would),
	    ROW(says_lines_with_the_wires_line_break),
	    ROW(helps_with_every_command),
	    ROW(has_sorted_commands_and_no_name_twice),
	};

	return setlocale(LC_ALL, "C.UTF-8") ? RUN(tests) : 1;
}
