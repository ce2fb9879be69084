/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_VIEW_H
#define SNUG_CLIENT_VIEW_H

#include <stdbool.h>

#include "client/ask.h"
#include "client/buffer.h"
#include "client/edit.h"
#include "client/layout.h"
#include "client/model.h"
#include "client/safe.h"

/*
 * The model drawn with curses.  It reads, and changes nothing.
 */
enum borders { BORDERS_NONE, BORDERS_ASCII, BORDERS_LINE };
enum overlay { OVERLAY_NONE, OVERLAY_ROOMS, OVERLAY_MEMBERS };

/* What the screen shows beside the model; the app's. */
struct screen {
	const struct edit *edit;
	const struct ask_line *ask; /* while it is open, in place of edit */
	struct safe hint; /* a row above the status: an error, a question */
	bool hint_alert;
	struct safe link; /* how the connection is */
	bool link_bad;
	char clock[6];
	int year; /* the present one: days of others say theirs */
	enum overlay overlay;
};

struct view {
	int rows, cols;
	struct layout layout;
	enum borders borders;
	int nick_cols; /* changes with the window shown or its size only */
	int input_rows;
};

void view_init(struct view *v, enum borders borders);
/* The terminal's size, read again. */
void view_resize(struct view *v);

/* Draws what is dirty (of enum dirty) and puts the cursor in the input. */
void view_draw(
    struct view *v, struct model *m, const struct screen *s, unsigned dirty);

/* For scrolling: how the current window's rows are made, and how many fit. */
struct shape view_shape(const struct view *v);
size_t view_height(const struct view *v);

#endif
