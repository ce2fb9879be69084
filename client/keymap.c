/* SPDX-License-Identifier: ISC */
/*
 * The keys, said once: for the loop, and for the manual's test.
 *
 * Where habits differ, readline's win over other chat programs'.
 */
#include "client/keymap.h"

#include "base/attr.h"
#include "client/edit.h"

/* clang-format off */
const struct binding bindings[] = {
	/* key, action, its argument, name, help */
	{K_ENTER, ACTION_SEND, 0, "Enter", "send, or run the command"},
	{K_CTRL('m'), ACTION_SEND, 0, "Ctrl-m", NULL},
	{K_CTRL('j'), ACTION_SEND, 0, "Ctrl-j", NULL},
	{K_ALT | K_CTRL('m'), ACTION_NEWLINE, 0, "Alt-Enter", "begin a new line in the message"},
	{K_ALT | K_CTRL('j'), ACTION_NEWLINE, 0, "Alt-Ctrl-j", NULL},
	{K_ALT | K_ENTER, ACTION_NEWLINE, 0, "Alt-Keypad-Enter", NULL},

	{K_CTRL('i'), ACTION_COMPLETE, 0, "Tab", "complete a nick, room or command; again: the next"},
	{K_BACKTAB, ACTION_COMPLETE, 1, "Shift-Tab", "the one before"},

	{K_UP, ACTION_UP, 0, "Up", "a line up, or what was sent before"},
	{K_DOWN, ACTION_DOWN, 0, "Down", "a line down, or what was sent after"},

	{K_PGUP, ACTION_PAGE, 1, "PgUp", "scroll up; at the top, fetch older messages"},
	{K_PGDN, ACTION_PAGE, -1, "PgDn", "scroll down"},
	{K_ALT | K_HOME, ACTION_OLDEST, 0, "Alt-Home", "to the oldest message loaded"},
	{K_ALT | K_END, ACTION_NEWEST, 0, "Alt-End", "to the newest"},
	{K_ALT | 'u', ACTION_UNREAD, 0, "Alt-u", "to the first unread one"},

	{K_ALT | '1', ACTION_WINDOW, 1, "Alt-1", "to a window, Alt-0 to the tenth; also Esc, then the digit"},
	{K_ALT | '2', ACTION_WINDOW, 2, "Alt-2", NULL},
	{K_ALT | '3', ACTION_WINDOW, 3, "Alt-3", NULL},
	{K_ALT | '4', ACTION_WINDOW, 4, "Alt-4", NULL},
	{K_ALT | '5', ACTION_WINDOW, 5, "Alt-5", NULL},
	{K_ALT | '6', ACTION_WINDOW, 6, "Alt-6", NULL},
	{K_ALT | '7', ACTION_WINDOW, 7, "Alt-7", NULL},
	{K_ALT | '8', ACTION_WINDOW, 8, "Alt-8", NULL},
	{K_ALT | '9', ACTION_WINDOW, 9, "Alt-9", NULL},
	{K_ALT | '0', ACTION_WINDOW, 10, "Alt-0", NULL},
	{K_ALT | '`', ACTION_WINDOW, 0, "Alt-`", "to the server's window"},
	{K_CTRL('n'), ACTION_STEP, 1, "Ctrl-n", "to the next window"},
	{K_ALT | K_RIGHT, ACTION_STEP, 1, "Alt-Right", NULL},
	{K_ALT | K_DOWN, ACTION_STEP, 1, "Alt-Down", NULL},
	{K_CTRL('p'), ACTION_STEP, -1, "Ctrl-p", "to the previous one"},
	{K_ALT | K_LEFT, ACTION_STEP, -1, "Alt-Left", NULL},
	{K_ALT | K_UP, ACTION_STEP, -1, "Alt-Up", NULL},
	{K_ALT | '/', ACTION_LAST, 0, "Alt-/", "to the one shown before"},
	{K_ALT | 'a', ACTION_ACTIVITY, 0, "Alt-a", "to what is new: mentions, people, messages; then back"},
	{K_F7, ACTION_ROOMS, 0, "F7", "list the windows"},
	{K_ALT | 'B', ACTION_ROOMS, 0, "Alt-B", NULL},
	{K_F8, ACTION_MEMBERS, 0, "F8", "list the people"},
	{K_ALT | 'N', ACTION_MEMBERS, 0, "Alt-N", NULL},

	{K_CTRL('c'), ACTION_CANCEL, 0, "Ctrl-c", "clear the input; on an empty one twice: quit"},
	{K_ESC, ACTION_CLOSE, 0, "Esc", "close what lies over the messages"},
	{K_CTRL('d'), ACTION_EOF, 0, "Ctrl-d", "delete a character"},
	{K_CTRL('l'), ACTION_REDRAW, 0, "Ctrl-l", "paint the screen anew"},
	{K_CTRL('z'), ACTION_SUSPEND, 0, "Ctrl-z", "suspend snug"},

	{K_CTRL('a'), ACTION_EDIT, EDIT_HOME, "Ctrl-a", "to the beginning of the line"},
	{K_HOME, ACTION_EDIT, EDIT_HOME, "Home", NULL},
	{K_CTRL('e'), ACTION_EDIT, EDIT_END, "Ctrl-e", "to its end"},
	{K_END, ACTION_EDIT, EDIT_END, "End", NULL},
	{K_CTRL('b'), ACTION_EDIT, EDIT_LEFT, "Ctrl-b", "a character to the left"},
	{K_LEFT, ACTION_EDIT, EDIT_LEFT, "Left", NULL},
	{K_CTRL('f'), ACTION_EDIT, EDIT_RIGHT, "Ctrl-f", "a character to the right"},
	{K_RIGHT, ACTION_EDIT, EDIT_RIGHT, "Right", NULL},
	{K_ALT | 'b', ACTION_EDIT, EDIT_WORD_LEFT, "Alt-b", "a word to the left"},
	{K_CTRL_LEFT, ACTION_EDIT, EDIT_WORD_LEFT, "Ctrl-Left", NULL},
	{K_ALT | 'f', ACTION_EDIT, EDIT_WORD_RIGHT, "Alt-f", "a word to the right"},
	{K_CTRL_RIGHT, ACTION_EDIT, EDIT_WORD_RIGHT, "Ctrl-Right", NULL},
	{K_BACKSPACE, ACTION_EDIT, EDIT_BACKSPACE, "Backspace", "delete to the left"},
	{K_CTRL('h'), ACTION_EDIT, EDIT_BACKSPACE, "Ctrl-h", NULL},
	{K_DELETE, ACTION_EDIT, EDIT_DELETE, "Delete", "delete to the right"},
	{K_CTRL('w'), ACTION_EDIT, EDIT_KILL_BLANK_LEFT, "Ctrl-w", "kill to the blank before"},
	{K_ALT | K_BACKSPACE, ACTION_EDIT, EDIT_KILL_WORD_LEFT, "Alt-Backspace", "kill a word to the left"},
	{K_ALT | K_CTRL('h'), ACTION_EDIT, EDIT_KILL_WORD_LEFT, "Alt-Ctrl-h", NULL},
	{K_ALT | 'd', ACTION_EDIT, EDIT_KILL_WORD_RIGHT, "Alt-d", "kill a word to the right"},
	{K_CTRL('u'), ACTION_EDIT, EDIT_KILL_START, "Ctrl-u", "kill to the beginning of the line"},
	{K_CTRL('k'), ACTION_EDIT, EDIT_KILL_END, "Ctrl-k", "kill to its end"},
	{K_CTRL('y'), ACTION_EDIT, EDIT_YANK, "Ctrl-y", "bring back what was killed"},
	{K_CTRL('t'), ACTION_EDIT, EDIT_TRANSPOSE, "Ctrl-t", "swap two characters"},
	{K_CTRL('_'), ACTION_EDIT, EDIT_UNDO, "Ctrl-_", "undo"},
	{K_ALT | '_', ACTION_EDIT, EDIT_REDO, "Alt-_", "redo"},
};
/* clang-format on */
const size_t bindings_n = ARRAY_LEN(bindings);

const struct binding *
keymap_find(uint32_t key)
{
	for (size_t i = 0; i < bindings_n; i++)
		if (bindings[i].key == key)
			return &bindings[i];
	return NULL;
}
