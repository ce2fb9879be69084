/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_AUDIT_H
#define SNUG_SERVER_AUDIT_H

#include "base/attr.h"
#include "base/names.h"
#include "server/relay.h"

struct user;

struct audit_actor {
	unsigned long long session; /* or 0 */
	char nick[NAME_BYTES_MAX + 1];
	char id[SENDER_ID_LEN + 1];
};
void audit_note_actor(
    struct audit_actor *a, unsigned long long session, const struct user *user);

/*
 * Who used a right, on whom and how: a line of the area `audit`.  It is written
 * when the deed is done, not when it is asked for.
 *
 *   actor    borrowed; copied when it asked, because it may be gone by then,
 *            and its deed is done all the same
 *   verb     what was done, as on the wire
 *   fmt      key=value; what comes from people goes through text_escape()
 */
void audit(const struct audit_actor *actor, const char *verb, const char *fmt,
    ...) PRINTF_LIKE(3, 4);

/*
 * From now on the lines are appended to a file, too, with the node's name in
 * front.  It is made where there is none, mode 0600; one that others may touch,
 * that somebody else owns, that is a link or no file is refused.
 * Returns 0, or -1 with nothing changed.
 */
int audit_open(
    const char *path, const char *node, char cause[static ERR_LEN]) MUST_CHECK;

/* The file may have been moved away: whatever has its name now is taken, made
 * and judged as above.  On error the open one stays in use.  Without a file
 * nothing happens. */
int audit_reopen(char cause[static ERR_LEN]) MUST_CHECK;
void audit_close(void);

#endif
