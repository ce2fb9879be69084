/* SPDX-License-Identifier: ISC */
/*
 * The screen divided: arithmetic only.
 *
 * What a small screen gives up, in this order: the members, the rooms, the
 * nick column; the title and the hint row, the status row.  Messages and input
 * are the last to go; on a single row there is the input.
 */
#include "client/layout.h"

enum { ROOM_COLS = 18, MEMBER_COLS = 16 };

static int
at_least(int v, int least)
{
	return v < least ? least : v;
}

static int
input_height(int rows, int wanted)
{
	int most = at_least(rows / 3, 1);
	return wanted > most ? most : at_least(wanted, 1);
}

/* Takes rows off the bottom of what is left. */
static struct rect
take_rows(int *left, int rows, int cols)
{
	*left -= rows;
	return (struct rect){*left, 0, rows, cols};
}

struct layout
layout_of(int rows, int cols, int input_rows)
{
	struct layout l = {.room_rule = -1, .member_rule = -1};
	int left = rows;
	l.narrow = cols < LAYOUT_NARROW;
	l.input = take_rows(&left, input_height(rows, input_rows), cols);
	if (rows >= LAYOUT_LOWER)
		l.status = take_rows(&left, 1, cols);
	int top = 0;
	if (rows >= LAYOUT_LOW) {
		l.title = (struct rect){0, 0, 1, cols};
		top = 1;
		left--;
	}
	l.pane = (struct rect){top, 0, at_least(left, 0), cols};
	if (cols >= LAYOUT_ROOMS) {
		l.rooms = (struct rect){top, 0, l.pane.rows, ROOM_COLS};
		l.room_rule = ROOM_COLS;
		l.pane.col = ROOM_COLS + 1;
		l.pane.cols -= ROOM_COLS + 1;
	}
	if (cols >= LAYOUT_MEMBERS) {
		l.member_rule = cols - MEMBER_COLS - 1;
		l.members = (struct rect){
		    top, cols - MEMBER_COLS, l.pane.rows, MEMBER_COLS};
		l.pane.cols -= MEMBER_COLS + 1;
	}
	if (rows >= LAYOUT_LOW) {
		l.pane.rows--;
		l.hint = (struct rect){
		    l.pane.row + l.pane.rows, l.pane.col, 1, l.pane.cols};
	}
	return l;
}
