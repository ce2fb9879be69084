/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_AUDIT_H
#define SNUG_SERVER_AUDIT_H

#include "base/attr.h"

struct user;

/*
 * Who used a right, on whom and how: a line of the area `audit`.  It is written
 * when the deed is done, not when it is asked for.
 *
 *   session  the actor's session, or 0
 *   actor    borrowed
 *   verb     what was done, as on the wire
 *   fmt      key=value; what comes from people goes through text_escape()
 */
void audit(unsigned long long session, const struct user *actor,
    const char *verb, const char *fmt, ...) PRINTF_LIKE(4, 5);

#endif
