/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_LAYOUT_H
#define SNUG_CLIENT_LAYOUT_H

#include <stdbool.h>

/*
 * Where everything is on a screen of any size, from 1x1 up.  A part that has
 * no place has no rows or no columns.
 */
struct rect {
	int row, col, rows, cols;
};

struct layout {
	struct rect title, rooms, pane, members, hint, status, input;
	bool narrow; /* time and nick stand in line with the text */
	int room_rule, member_rule; /* columns of the rules; -1: none */
};

enum {
	LAYOUT_NARROW = 60, /* below: no nick column */
	LAYOUT_ROOMS = 100, /* from here: the list of rooms */
	LAYOUT_MEMBERS = 140,
	LAYOUT_LOW = 12,       /* below: no title, no hint */
	LAYOUT_LOWER = 6,      /* below: no status */
	LAYOUT_TEXT_MAX = 100, /* columns of text, or eyes lose the line */
};

/* input_rows: how many the input would like; it gets a third at most. */
struct layout layout_of(int rows, int cols, int input_rows);

#endif
