/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_KEYMAP_H
#define SNUG_CLIENT_KEYMAP_H

#include <stddef.h>
#include <stdint.h>

/*
 * Keys and what they do.  A key is a code point, or one of these; Alt is a
 * bit.  Control keys are their code points.
 */
enum key {

	K_UP = 0x110000,
	K_DOWN,
	K_LEFT,
	K_RIGHT,
	K_HOME,
	K_END,
	K_PGUP,
	K_PGDN,
	K_DELETE,
	K_BACKSPACE,
	K_BACKTAB,
	K_ENTER,
	K_F7,
	K_F8,
	K_CTRL_LEFT,
	K_CTRL_RIGHT,
	K_ESC,    /* alone */
	K_PASTE,  /* term_pasted() has the text */
	K_RESIZE, /* the window has another size */
	K_ALT = 0x40000000,
};

#define K_CTRL(c) ((c)&0x1f)

enum action {
	ACTION_NONE, /* a character to type, or nothing */
	ACTION_EDIT, /* arg: enum edit_op */
	ACTION_SEND,
	ACTION_NEWLINE,
	ACTION_COMPLETE, /* arg: 1 backwards */
	ACTION_UP,       /* a line, or history */
	ACTION_DOWN,
	ACTION_PAGE, /* arg: 1 up, -1 down */
	ACTION_OLDEST,
	ACTION_NEWEST,
	ACTION_UNREAD,
	ACTION_WINDOW, /* arg: number */
	ACTION_STEP,   /* arg: 1 next, -1 previous window */
	ACTION_LAST,
	ACTION_ACTIVITY,
	ACTION_ROOMS,
	ACTION_MEMBERS,
	ACTION_CANCEL, /* Ctrl-c */
	ACTION_CLOSE,  /* Esc */
	ACTION_EOF,    /* Ctrl-d */
	ACTION_REDRAW,
	ACTION_SUSPEND,
	ACTION_COUNT,
};

struct binding {
	uint32_t key;
	enum action action;
	int arg;
	const char *name; /* as the manual calls the key */
	const char *help; /* NULL: the row above says it */
};

extern const struct binding bindings[];
extern const size_t bindings_n;

/* NULL: the key is not bound. */
const struct binding *keymap_find(uint32_t key);

#endif
