/* SPDX-License-Identifier: ISC */
/*
 * The trail of rights that were used.
 *
 * An actor is named by nick and by id: a nick may be somebody else's next year.
 */
#include "server/audit.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "server/user.h"

enum { LINE_MAX_LEN = 2048 };

void
audit(unsigned long long session, const struct user *actor, const char *verb,
    const char *fmt, ...)
{
	char what[LINE_MAX_LEN], nick[NAME_BYTES_MAX * 4 + 8];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	log_info("audit", session, "actor=%s id=%s verb=%s %s",
	    text_escape(nick, sizeof nick, span_of(actor->shown)), actor->id,
	    verb, what);
}
