/* SPDX-License-Identifier: ISC */
/* The screen divided, at every size there can be. */
#include "tests/unit/unit.h"

#include "client/layout.h"

/* Inside the screen, or without rows or columns. */
static void
assert_inside(struct rect r, int rows, int cols)
{
	assert_true(r.rows >= 0 && r.cols >= 0);
	if (r.rows == 0 || r.cols == 0)
		return;
	assert_true(r.row >= 0 && r.row + r.rows <= rows);
	assert_true(r.col >= 0 && r.col + r.cols <= cols);
}

static void
stays_inside_the_screen_at_every_size(void **state)
{
	(void)state;
	for (int rows = 1; rows <= 70; rows++)
		for (int cols = 1; cols <= 250; cols++)
			for (int input = 1; input <= 30; input += 7) {
				struct layout l = layout_of(rows, cols, input);
				assert_inside(l.title, rows, cols);
				assert_inside(l.rooms, rows, cols);
				assert_inside(l.pane, rows, cols);
				assert_inside(l.members, rows, cols);
				assert_inside(l.hint, rows, cols);
				assert_inside(l.status, rows, cols);
				assert_inside(l.input, rows, cols);
				assert_true(l.input.rows >= 1);
			}
}

static void
gives_every_row_to_one_part(void **state)
{
	(void)state;
	for (int rows = 1; rows <= 70; rows++) {
		struct layout l = layout_of(rows, 80, 3);
		assert_int_equal(l.title.rows + l.pane.rows + l.hint.rows +
				     l.status.rows + l.input.rows,
		    rows);
	}
}

static void
shows_messages_from_two_rows_on(void **state)
{
	(void)state;
	assert_int_equal(layout_of(1, 80, 1).pane.rows, 0);
	for (int rows = 2; rows <= 70; rows++)
		assert_true(layout_of(rows, 80, 1).pane.rows >= 1);
}

static void
gives_up_title_hint_and_status_in_that_order(void **state)
{
	(void)state;
	assert_int_equal(layout_of(12, 80, 1).title.rows, 1);
	assert_int_equal(layout_of(12, 80, 1).hint.rows, 1);
	assert_int_equal(layout_of(11, 80, 1).title.rows, 0);
	assert_int_equal(layout_of(11, 80, 1).hint.rows, 0);
	assert_int_equal(layout_of(6, 80, 1).status.rows, 1);
	assert_int_equal(layout_of(5, 80, 1).status.rows, 0);
}

static void
shows_lists_where_there_is_width(void **state)
{
	(void)state;
	assert_true(layout_of(24, 59, 1).narrow);
	assert_false(layout_of(24, 60, 1).narrow);
	assert_int_equal(layout_of(24, 99, 1).rooms.cols, 0);
	assert_true(layout_of(24, 100, 1).rooms.cols > 0);
	assert_int_equal(layout_of(24, 139, 1).members.cols, 0);
	assert_true(layout_of(24, 140, 1).members.cols > 0);
}

static void
gives_the_input_a_third_at_most(void **state)
{
	(void)state;
	assert_int_equal(layout_of(24, 80, 100).input.rows, 8);
	assert_int_equal(layout_of(24, 80, 2).input.rows, 2);
	assert_int_equal(layout_of(2, 80, 5).input.rows, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(stays_inside_the_screen_at_every_size),
	    TEST(gives_every_row_to_one_part),
	    TEST(shows_messages_from_two_rows_on),
	    TEST(gives_up_title_hint_and_status_in_that_order),
	    TEST(shows_lists_where_there_is_width),
	    TEST(gives_the_input_a_third_at_most),
	};

	return RUN(tests);
}
