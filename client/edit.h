/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_EDIT_H
#define SNUG_CLIENT_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/text.h"

/*
 * The input line: text, a cursor, and what readline's keys do to them.  The
 * cursor is always between two grapheme clusters.  '\n' is a line break.
 */
enum {
	EDIT_MAX = 16384, /* bytes */
	EDIT_UNDO_MAX = 100,
};

enum edit_op {
	EDIT_LEFT,
	EDIT_RIGHT,
	EDIT_WORD_LEFT,
	EDIT_WORD_RIGHT,
	EDIT_HOME, /* of the line */
	EDIT_END,
	EDIT_UP, /* a line, where there is more than one */
	EDIT_DOWN,
	EDIT_BACKSPACE,
	EDIT_DELETE,
	EDIT_KILL_WORD_LEFT, /* Alt-Backspace: letters and digits */
	EDIT_KILL_WORD_RIGHT,
	EDIT_KILL_BLANK_LEFT, /* Ctrl-w: to a blank */
	EDIT_KILL_START,
	EDIT_KILL_END,
	EDIT_YANK,
	EDIT_TRANSPOSE,
	EDIT_UNDO,
	EDIT_REDO,
};

struct edit_state {
	char *text; /* owned */
	size_t len, at;
};

/* Held by value; text, len and at are for reading, the rest is edit.c's. */
struct edit {
	char *text; /* owned, terminated */
	size_t len, at;

	char *kill; /* owned; NULL: nothing was killed yet */
	size_t kill_len;
	struct edit_state undo[EDIT_UNDO_MAX];
	unsigned nundo, undone; /* states, and how many of them were undone */
	bool typing;            /* the last change was typing: one undo */
	int killing; /* the last one was a kill: the next one joins it */
};

void edit_init(struct edit *e);
void edit_fini(struct edit *e);

/*
 * Types text at the cursor.  Ill-formed UTF-8, control characters but TAB and
 * LF, and noncharacters are left out; U+2028 becomes a line break.
 * Returns false where it would not fit, with nothing changed.
 */
bool edit_insert(struct edit *e, struct span raw);

/* False where there was nothing to do it to. */
bool edit_do(struct edit *e, enum edit_op op);

/* Replaces bytes from..to (cluster edges) by text; the cursor goes behind. */
void edit_replace(struct edit *e, size_t from, size_t to, struct span raw);

/* All new text, the cursor at its end; undo brings the old one back. */
void edit_set(struct edit *e, struct span raw);
/* Empty, and nothing to undo: another message begins. */
void edit_reset(struct edit *e);

/* --- what was sent before ------------------------------------------------ */

enum { HISTORY_MAX = 500 };

struct history {
	char **items; /* owned, the oldest first */
	size_t n;
	size_t at;   /* the one shown; n: what is being typed */
	char *draft; /* owned: what was being typed */
};

void history_init(struct history *h);
void history_fini(struct history *h);
void history_add(struct history *h, const char *text);
/* The one before or after; NULL if there is none.  `now` is what the input
 * holds, kept as the draft when the walk begins.  Borrowed from h. */
const char *history_up(struct history *h, const char *now);
const char *history_down(struct history *h);

#endif
