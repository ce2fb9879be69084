/* SPDX-License-Identifier: ISC */
/*
 * Colours and attributes, in one table.  The user's palette is not touched,
 * and the background stays the terminal's own.
 */
#include "client/theme.h"

#include <stdint.h>

#include <curses.h>

static const struct look {
	attr_t attrs;
	short colour; /* foreground; -1: the terminal's */
} looks[ROLE_COUNT] = {
    [ROLE_TEXT] = {A_NORMAL, -1},
    [ROLE_QUIET] = {A_DIM, -1},
    [ROLE_TIME] = {A_DIM, -1},
    [ROLE_ERROR] = {A_NORMAL, COLOR_RED},
    [ROLE_ACTION] = {A_NORMAL, COLOR_MAGENTA},
    [ROLE_MENTION] = {A_BOLD, COLOR_YELLOW},
    [ROLE_PENDING] = {A_DIM, -1},
    [ROLE_FAILED] = {A_BOLD, COLOR_RED},
    [ROLE_OWN] = {A_BOLD, -1},
    [ROLE_BORDER] = {A_DIM, -1},
    [ROLE_DAY] = {A_DIM, -1},
    [ROLE_UNREAD] = {A_BOLD, COLOR_YELLOW},
    [ROLE_TITLE] = {A_REVERSE, -1},
    [ROLE_STATUS] = {A_REVERSE, -1},
    [ROLE_ALERT] = {A_REVERSE | A_BOLD, COLOR_RED},
    [ROLE_HERE] = {A_BOLD, -1},
    [ROLE_ACTIVE] = {A_NORMAL, COLOR_CYAN},
    [ROLE_CALL] = {A_BOLD, COLOR_YELLOW},
    [ROLE_PROMPT] = {A_BOLD, -1},
    [ROLE_HINT] = {A_DIM, -1},
    [ROLE_NICK] = {A_NORMAL, COLOR_CYAN},
    [ROLE_NICK + 1] = {A_NORMAL, COLOR_GREEN},
    [ROLE_NICK + 2] = {A_NORMAL, COLOR_MAGENTA},
    [ROLE_NICK + 3] = {A_NORMAL, COLOR_BLUE},
    [ROLE_NICK + 4] = {A_NORMAL, COLOR_YELLOW},
    [ROLE_ACCOUNT] = {A_BOLD, COLOR_CYAN},
    [ROLE_ACCOUNT + 1] = {A_BOLD, COLOR_GREEN},
    [ROLE_ACCOUNT + 2] = {A_BOLD, COLOR_MAGENTA},
    [ROLE_ACCOUNT + 3] = {A_BOLD, COLOR_BLUE},
    [ROLE_ACCOUNT + 4] = {A_BOLD, COLOR_YELLOW},
};

static bool coloured;

void
theme_init(bool colour)
{
	coloured = colour && has_colors() && start_color() == OK &&
		   use_default_colors() == OK;
	if (!coloured)
		return;
	for (int i = 0; i < ROLE_COUNT; i++)
		if (looks[i].colour >= 0)
			init_pair((short)(i + 1), looks[i].colour, -1);
}

unsigned long
theme_attrs(enum role role)
{
	return looks[role].attrs;
}

short
theme_pair(enum role role)
{
	return coloured && looks[role].colour >= 0 ? (short)(role + 1) : 0;
}

enum role
theme_nick(const char *name, bool registered)
{
	uint32_t h = 2166136261u; /* FNV-1a: only to tell people apart */
	for (const char *p = name; *p; p++) {
		unsigned char c = (unsigned char)*p;
		h = (h ^ (c >= 'A' && c <= 'Z' ? c | 0x20 : c)) * 16777619u;
	}
	return (enum role)(
	    (registered ? ROLE_ACCOUNT : ROLE_NICK) + h % THEME_NICKS);
}
