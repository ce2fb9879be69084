/* SPDX-License-Identifier: ISC */
/* The line editor: each test types, presses, and draws the cursor as | . */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/edit.h"

/* The text with a bar where the cursor is. */
static void
assert_edit(const struct edit *e, const char *drawn)
{
	char *now = xasprintf("%.*s|%s", (int)e->at, e->text, e->text + e->at);

	assert_string_equal(now, drawn);
	free(now);
}

static struct edit
typed(const char *text)
{
	struct edit e;

	edit_init(&e);
	assert_true(edit_insert(&e, span_of(text)));
	return e;
}

static void
press(struct edit *e, enum edit_op op, int times)
{
	while (times-- > 0)
		edit_do(e, op);
}

static void
types_at_the_cursor(void **state)
{
	struct edit e = typed("helo");

	(void)state;
	press(&e, EDIT_LEFT, 1);
	edit_insert(&e, SPAN("l"));
	assert_edit(&e, "hell|o");
	edit_fini(&e);
}

static void
leaves_out_what_cannot_be_sent(void **state)
{
	struct edit e = typed("a\033[31mb\r\nc\377d\tx");

	(void)state;
	assert_edit(&e, "a[31mb\ncd\tx|");
	edit_fini(&e);
}

static void
takes_the_wires_line_break_for_one(void **state)
{
	struct edit e = typed("a\342\200\250b");

	(void)state;
	assert_edit(&e, "a\nb|");
	edit_fini(&e);
}

static void
refuses_more_than_fits_and_keeps_what_is_there(void **state)
{
	struct edit e = typed("x");
	char *much = xmalloc(EDIT_MAX);

	(void)state;
	memset(much, 'y', EDIT_MAX);
	assert_false(edit_insert(&e, (struct span){much, EDIT_MAX}));
	assert_edit(&e, "x|");
	assert_true(edit_insert(&e, (struct span){much, EDIT_MAX - 1}));
	assert_int_equal(e.len, EDIT_MAX);
	free(much);
	edit_fini(&e);
}

static void
moves_by_cluster(void **state)
{
	/* e with an acute accent; a family of three */
	struct edit e = typed("e\314\201x\360\237\221\250\342\200\215"
			      "\360\237\221\251\342\200\215\360\237\221\247");

	(void)state;
	press(&e, EDIT_LEFT, 1);
	assert_int_equal(e.at, 4);
	press(&e, EDIT_LEFT, 2);
	assert_int_equal(e.at, 0);
	press(&e, EDIT_RIGHT, 1);
	assert_int_equal(e.at, 3);
	assert_false(edit_do(&e, EDIT_HOME) && edit_do(&e, EDIT_LEFT));
	edit_fini(&e);
}

static void
deletes_by_cluster(void **state)
{
	struct edit e = typed("a\360\237\207\251\360\237\207\252"
			      "e\314\201");

	(void)state;
	press(&e, EDIT_BACKSPACE, 1);
	assert_edit(&e, "a\360\237\207\251\360\237\207\252|");
	press(&e, EDIT_BACKSPACE, 1);
	assert_edit(&e, "a|");
	press(&e, EDIT_HOME, 1);
	press(&e, EDIT_DELETE, 1);
	assert_edit(&e, "|");
	assert_false(edit_do(&e, EDIT_DELETE));
	edit_fini(&e);
}

static void
keeps_the_cursor_behind_a_cluster_that_typing_joined(void **state)
{
	struct edit e = typed("\314\201x");

	(void)state;
	press(&e, EDIT_HOME, 1);
	edit_insert(&e, SPAN("e"));
	assert_edit(&e, "e\314\201|x");
	edit_fini(&e);
}

static void
moves_by_word(void **state)
{
	struct edit e = typed("one, two  three");

	(void)state;
	press(&e, EDIT_WORD_LEFT, 2);
	assert_edit(&e, "one, |two  three");
	press(&e, EDIT_WORD_RIGHT, 1);
	assert_edit(&e, "one, two|  three");
	press(&e, EDIT_WORD_LEFT, 2);
	assert_edit(&e, "|one, two  three");
	edit_fini(&e);
}

static void
kills_and_yanks(void **state)
{
	struct edit e = typed("one two three");

	(void)state;
	press(&e, EDIT_KILL_BLANK_LEFT, 1);
	assert_edit(&e, "one two |");
	press(&e, EDIT_HOME, 1);
	press(&e, EDIT_YANK, 1);
	assert_edit(&e, "three|one two ");
	edit_fini(&e);
}

static void
joins_kills_in_a_row(void **state)
{
	struct edit e = typed("one two three");

	(void)state;
	press(&e, EDIT_KILL_BLANK_LEFT, 2);
	assert_edit(&e, "one |");
	press(&e, EDIT_YANK, 1);
	assert_edit(&e, "one two three|");
	edit_fini(&e);
}

static void
begins_a_new_kill_after_a_move(void **state)
{
	struct edit e = typed("one two");

	(void)state;
	press(&e, EDIT_KILL_BLANK_LEFT, 1);
	press(&e, EDIT_LEFT, 1);
	press(&e, EDIT_KILL_START, 1);
	press(&e, EDIT_YANK, 1);
	assert_edit(&e, "one| ");
	edit_fini(&e);
}

static void
tells_a_words_letters_from_a_blank(void **state)
{
	struct edit e = typed("see /usr/local");

	(void)state;
	press(&e, EDIT_KILL_WORD_LEFT, 1);
	assert_edit(&e, "see /usr/|");
	press(&e, EDIT_KILL_BLANK_LEFT, 1);
	assert_edit(&e, "see |");
	edit_fini(&e);
}

static void
kills_to_the_ends_of_the_line_it_is_in(void **state)
{
	struct edit e = typed("one\ntwo\nthree");

	(void)state;
	press(&e, EDIT_UP, 1);
	press(&e, EDIT_LEFT, 1);
	assert_edit(&e, "one\ntw|o\nthree");
	press(&e, EDIT_KILL_START, 1);
	assert_edit(&e, "one\n|o\nthree");
	press(&e, EDIT_KILL_END, 1);
	assert_edit(&e, "one\n|\nthree");
	edit_fini(&e);
}

static void
moves_between_lines_and_stops_at_the_first(void **state)
{
	struct edit e = typed("long line\nab\nlonger line");

	(void)state;
	press(&e, EDIT_UP, 1);
	assert_edit(&e, "long line\nab|\nlonger line");
	assert_true(edit_do(&e, EDIT_UP));
	assert_edit(&e, "lo|ng line\nab\nlonger line");
	assert_false(edit_do(&e, EDIT_UP));
	press(&e, EDIT_DOWN, 2);
	assert_edit(&e, "long line\nab\nlo|nger line");
	assert_false(edit_do(&e, EDIT_DOWN));
	edit_fini(&e);
}

static void
swaps_two_characters(void **state)
{
	struct edit e = typed("teh");

	(void)state;
	press(&e, EDIT_TRANSPOSE, 1);
	assert_edit(&e, "the|");
	press(&e, EDIT_HOME, 1);
	assert_false(edit_do(&e, EDIT_TRANSPOSE));
	edit_fini(&e);
}

static void
undoes_and_redoes(void **state)
{
	struct edit e = typed("one two");

	(void)state;
	press(&e, EDIT_KILL_BLANK_LEFT, 1);
	press(&e, EDIT_KILL_BLANK_LEFT, 1);
	assert_edit(&e, "|");
	press(&e, EDIT_UNDO, 1);
	assert_edit(&e, "one |");
	press(&e, EDIT_UNDO, 1);
	assert_edit(&e, "one two|");
	press(&e, EDIT_REDO, 2);
	assert_edit(&e, "|");
	assert_false(edit_do(&e, EDIT_REDO));
	edit_fini(&e);
}

static void
undoes_typing_by_the_word(void **state)
{
	struct edit e;

	(void)state;
	edit_init(&e);
	for (const char *p = "one two"; *p; p++)
		edit_insert(&e, (struct span){p, 1});
	press(&e, EDIT_UNDO, 1);
	assert_edit(&e, "one |");
	press(&e, EDIT_UNDO, 1);
	assert_edit(&e, "|");
	assert_false(edit_do(&e, EDIT_UNDO));
	edit_fini(&e);
}

static void
forgets_what_was_undone_when_something_new_is_typed(void **state)
{
	struct edit e = typed("one");

	(void)state;
	edit_set(&e, SPAN("two"));
	press(&e, EDIT_UNDO, 1);
	edit_insert(&e, SPAN("!"));
	assert_edit(&e, "one!|");
	assert_false(edit_do(&e, EDIT_REDO));
	edit_fini(&e);
}

static void
remembers_a_bounded_number_of_changes(void **state)
{
	struct edit e = typed("x");
	int undone = 0;

	(void)state;
	for (int i = 0; i < 3 * EDIT_UNDO_MAX; i++)
		edit_set(&e, i % 2 ? SPAN("a") : SPAN("b"));
	while (edit_do(&e, EDIT_UNDO))
		undone++;
	assert_int_equal(undone, EDIT_UNDO_MAX);
	edit_fini(&e);
}

static void
walks_history_and_back_to_the_draft(void **state)
{
	struct history h;

	(void)state;
	history_init(&h);
	history_add(&h, "first");
	history_add(&h, "second");
	history_add(&h, "second");
	assert_string_equal(history_up(&h, "draft"), "second");
	assert_string_equal(history_up(&h, "second"), "first");
	assert_null(history_up(&h, "first"));
	assert_string_equal(history_down(&h), "second");
	assert_string_equal(history_down(&h), "draft");
	assert_null(history_down(&h));
	history_fini(&h);
}

static void
keeps_a_bounded_history(void **state)
{
	struct history h;
	char text[16];

	(void)state;
	history_init(&h);
	for (int i = 0; i < HISTORY_MAX + 10; i++) {
		snprintf(text, sizeof(text), "%d", i);
		history_add(&h, text);
	}
	assert_int_equal(h.n, HISTORY_MAX);
	assert_string_equal(h.items[0], "10");
	history_fini(&h);
}

/* The same numbers on every run. */
static unsigned
chance(unsigned n)
{
	static uint32_t x = 2463534242u;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x % n;
}

static bool
is_edge(const struct edit *e)
{
	size_t i = 0;

	while (i < e->at)
		i += text_cluster(e->text + i, e->len - i);
	return i == e->at;
}

static void
keeps_the_cursor_between_clusters_whatever_is_pressed(void **state)
{
	static const char *const pieces[] = {"a", " ", "\n", "word ",
	    "\314\201", "\346\227\245", "\360\237\207\251",
	    "\360\237\221\250\342\200\215", "\341\204\200", "\341\205\241",
	    "\360\237\217\275", "\377", "\033[A"};
	struct edit e;

	(void)state;
	edit_init(&e);
	for (int i = 0; i < 50000; i++) {
		if (chance(3) == 0)
			edit_insert(
			    &e, span_of(pieces[chance(ARRAY_LEN(pieces))]));
		else
			edit_do(&e, (enum edit_op)chance(EDIT_REDO + 1));
		assert_true(e.at <= e.len && e.len <= EDIT_MAX);
		assert_int_equal(strlen(e.text), e.len);
		assert_int_equal(
		    text_check(e.text, strcspn(e.text, "\n"), NULL), 0);
		assert_true(is_edge(&e));
	}
	edit_fini(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(types_at_the_cursor),
	    TEST(leaves_out_what_cannot_be_sent),
	    TEST(takes_the_wires_line_break_for_one),
	    TEST(refuses_more_than_fits_and_keeps_what_is_there),
	    TEST(moves_by_cluster),
	    TEST(deletes_by_cluster),
	    TEST(keeps_the_cursor_behind_a_cluster_that_typing_joined),
	    TEST(moves_by_word),
	    TEST(kills_and_yanks),
	    TEST(joins_kills_in_a_row),
	    TEST(begins_a_new_kill_after_a_move),
	    TEST(tells_a_words_letters_from_a_blank),
	    TEST(kills_to_the_ends_of_the_line_it_is_in),
	    TEST(moves_between_lines_and_stops_at_the_first),
	    TEST(swaps_two_characters),
	    TEST(undoes_and_redoes),
	    TEST(undoes_typing_by_the_word),
	    TEST(forgets_what_was_undone_when_something_new_is_typed),
	    TEST(remembers_a_bounded_number_of_changes),
	    TEST(walks_history_and_back_to_the_draft),
	    TEST(keeps_a_bounded_history),
	    TEST(keeps_the_cursor_between_clusters_whatever_is_pressed),
	};

	return RUN(tests);
}
