/* SPDX-License-Identifier: ISC */
/*
 * Meeting a server: it has proved a key, and nothing was said to it yet.
 *
 * trust.c knows whether the key is the right one; here the user is told in
 * words what that means and what can be done about it.  A key that is not good
 * ends the connection.  One never seen is asked about while there is none: the
 * next connection then wants exactly that key.
 */
#include "client/chat.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "client/chat_impl.h"
#include "client/trust.h"
#include "proto/identity.h"

/* For the server's window, and for whoever has no windows. */
static void PRINTF_LIKE(3, 4)
    tell(struct chat *c, enum entry_kind kind, const char *fmt, ...)
{
	char text[TRUST_HOST_MAX + ERR_LEN];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	model_note(c->m, model_server(c->m), kind, "%s", text);
	if (c->ops->told)
		c->ops->told(c->arg, text);
}

static void
tell_key(struct chat *c, const char *what, const uint8_t *key)
{
	char words[IDENTITY_WORDS_TEXT + 1];
	char text[IDENTITY_KEY_TEXT + 1];
	tell(c, ENTRY_INFO, "%s  %s", what, identity_words(key, words));
	tell(c, ENTRY_INFO, "%*s  %s", (int)strlen(what), "",
	    identity_key_text(key, text));
}

/* --- a key that is not good ---------------------------------------------- */

/* What the user has to know; the cause is said by whoever is told that the
 * connection is down. */
static void
tell_strange(struct chat *c, const char *host, const uint8_t *key)
{
	tell(c, ENTRY_ERROR, "%s was never seen before.  Its key is", host);
	tell_key(c, "   ", key);
	tell(c, ENTRY_INFO,
	    "Compare it with what `snugd --print-key` says on the server, or "
	    "with what its operator told you: another key is another server.");
}

static void
tell_changed(
    struct chat *c, const char *host, const uint8_t *key, const uint8_t *known)
{
	tell(c, ENTRY_ERROR, "THE KEY OF %s HAS CHANGED.", host);
	tell_key(c, "   it was", known);
	tell_key(c, "   now   ", key);
	tell(c, ENTRY_ERROR,
	    "Somebody may be between you and the server, or its operator has "
	    "given it another key without announcing it.  Nothing was said to "
	    "it, and no key pressed here goes on.");
	tell(c, ENTRY_INFO,
	    "Ask the operator, by another way, what `snugd --print-key` says.  "
	    "If it is the new one, this forgets the old one:");
	tell(c, ENTRY_INFO, "    snug --forget %s", host);
}

static void
tell_foreign(
    struct chat *c, const char *host, const uint8_t *key, const uint8_t *known)
{
	tell(c, ENTRY_ERROR, "%s has another key than the one %s.", host,
	    c->accepted ? "that you said yes to" : "in the link");
	tell_key(c, c->accepted ? "   yes to" : "   linked", known);
	tell_key(c, "   now   ", key);
	tell(c, ENTRY_INFO,
	    "Nothing was said to it.  Somebody may be between you and the "
	    "server, or the link is an old one: ask whoever gave it to you.");
}

static bool
refuse(struct chat *c, enum trust_verdict verdict, const uint8_t *key,
    const uint8_t *known, char cause[static ERR_LEN])
{
	char host[TRUST_HOST_MAX + 1];
	trust_host(&c->o.server, host);
	switch (verdict) {
	case TRUST_STRANGE:
		c->is_strange = true;
		memcpy(c->strange, key, sizeof(c->strange));
		tell_strange(c, host, key);
		snprintf(cause, ERR_LEN, "the server's key is not known yet");
		/* The window has it in more words. */
		span_copy(c->down_cause, sizeof(c->down_cause), span_of(cause));
		break;
	case TRUST_CHANGED:
		tell_changed(c, host, key, known);
		snprintf(cause, ERR_LEN,
		    "THE SERVER'S KEY HAS CHANGED: nothing was said to it");
		break;
	case TRUST_FOREIGN:
		tell_foreign(c, host, key, known);
		snprintf(cause, ERR_LEN,
		    "this is not the server that was meant: its key is "
		    "another one");
		break;
	default: /* TROUBLE: the cause is there */
		break;
	}
	return false;
}

/* --- meeting ------------------------------------------------------------- */

bool
chat_meet(void *arg, const uint8_t *key, char cause[static ERR_LEN])
{
	struct chat *c = arg;
	uint8_t known[TRUST_KEY_LEN] = {0};
	struct trust_meeting m = {.path = c->o.pins,
	    .server = &c->o.server,
	    .link = c->accepted ? c->strange : c->o.link,
	    .accept_new = c->o.accept_new,
	    .now_ms = clock_wall_ms()};
	enum trust_verdict verdict = trust_meet(&m, key, known, cause);
	c->is_strange = false;
	switch (verdict) {
	case TRUST_ROTATED:
		tell(c, ENTRY_INFO,
		    "the server uses the key now that it had announced; the "
		    "old one is forgotten");
		tell_key(c, "   now", key);
		break;
	case TRUST_ADDED:
		tell(c, ENTRY_INFO,
		    "the server was not known; from now on it is, by its key");
		tell_key(c, "   ", key);
		break;
	case TRUST_GOOD:
		break;
	default:
		return refuse(c, verdict, key, known, cause);
	}
	c->accepted = false;
	return true;
}

const uint8_t *
chat_stranger(const struct chat *c)
{
	return c->is_strange ? c->strange : NULL;
}

void
chat_accept(struct chat *c)
{
	if (!c->is_strange)
		return;
	c->accepted = true;
	c->is_strange = false;
	net_connect(c->net);
}

/* Said inside the session, so under the key that is pinned. */
void
chat_next_key(struct chat *c, struct span text)
{
	uint8_t next[TRUST_KEY_LEN];
	char cause[ERR_LEN];
	const uint8_t *key = net_server_key(c->net);
	if (!key || !c->o.pins || !identity_parse_key(text, next))
		return;
	int news = trust_next(c->o.pins, &c->o.server, key, next, cause);
	if (news < 0) {
		tell(c, ENTRY_ERROR,
		    "the server has announced its next key, which could not "
		    "be kept: %s",
		    cause);
	} else if (news > 0) {
		tell(c, ENTRY_INFO,
		    "the server has announced its next key: it will be taken "
		    "in place of the present one when it is first seen");
		tell_key(c, "   next", next);
	}
}
