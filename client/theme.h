/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_THEME_H
#define SNUG_CLIENT_THEME_H

#include <stdbool.h>

/*
 * What things look like, by what they are.  A terminal without colour, and
 * NO_COLOR, get the attributes alone.
 */
enum role {
	ROLE_TEXT,
	ROLE_QUIET, /* the client's own lines */
	ROLE_TIME,
	ROLE_ERROR,
	ROLE_ACTION,
	ROLE_MENTION,
	ROLE_PENDING,
	ROLE_FAILED,
	ROLE_OWN, /* our nick */
	ROLE_BORDER,
	ROLE_DAY,
	ROLE_UNREAD,
	ROLE_TITLE,
	ROLE_STATUS,
	ROLE_ALERT, /* in the status row */
	ROLE_HERE,  /* the current window in a list */
	ROLE_ACTIVE,
	ROLE_CALL, /* mentions in a list */
	ROLE_PROMPT,
	ROLE_HINT,
	ROLE_NICK,                    /* and the following: others' nicks */
	ROLE_ACCOUNT = ROLE_NICK + 5, /* the same, of those who registered */
	ROLE_COUNT = ROLE_ACCOUNT + 5,
};

enum { THEME_NICKS = ROLE_ACCOUNT - ROLE_NICK };

/* After initscr(). */
void theme_init(bool colour);

/* For attr_set(): attributes and a colour pair. */
unsigned long theme_attrs(enum role role);
short theme_pair(enum role role);

/* One of the nick roles, the same for a name however it is capitalised; an
 * account's is bold. */
enum role theme_nick(const char *name, bool registered);

#endif
