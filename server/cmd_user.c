/* SPDX-License-Identifier: ISC */
/*
 * Commands about persons: NICK, WHOIS.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/line.h"
#include "server/answer.h"
#include "server/claim.h"
#include "server/command.h"
#include "server/news.h"
#include "server/relay.h"
#include "server/room.h"
#include "server/server.h"
#include "server/session.h"
#include "server/user.h"

/* --- NICK --------------------------------------------------------------- */

struct renaming {
	struct server *sv;
	struct answer *answer;
	struct name nick;
	char id[SENDER_ID_LEN + 1];
};

/* The new nick is held: the old one is given back, and everyone is told. */
static void
take_nick(struct renaming *r, struct user *u)
{
	struct seat *seat;

	if (strcmp(u->shown, r->nick.shown) == 0)
		return;
	if (strcmp(user_fold(u), r->nick.fold) != 0)
		relay_release(r->sv->relay, user_fold(u), u->id);
	news_renamed(r->sv, u, &r->nick);
	TAILQ_FOREACH (seat, &u->seats, of_user)
		relay_rename(r->sv->relay, seat->room->fold,
		    &(struct relay_member){
			.sender = span_of(u->id), .nick = span_of(u->shown)});
}

static bool
has_nick(const struct session *s, const char *fold)
{
	return s && strcmp(user_fold(s->user), fold) == 0;
}

static void
on_claimed(void *arg, enum relay_status st)
{
	struct renaming *r = arg;
	struct session *s = answer_session(r->answer);

	/* It may be held, and nobody would know: whatever it was, give it back.
	 * What a session had that is gone, is given back already. */
	if ((st == RELAY_UNKNOWN && !has_nick(s, r->nick.fold)) ||
	    (st == RELAY_OK && !s))
		claim_drop(r->sv, r->nick.fold, r->id, false);
	if (!s) {
		answer_none(r->answer);
	} else if (st == RELAY_REGISTERED) {
		answer_err(r->answer, ERR_NICK_REGISTERED, 0,
		    "%s belongs to an account, or looks like a nick that does; "
		    "if it is yours, connect with its key or say LOGIN, else "
		    "choose another",
		    r->nick.shown);
	} else if (st == RELAY_TAKEN) {
		answer_err(r->answer, ERR_NICK_IN_USE, 0,
		    "somebody is called %s, or has a nick that looks like it; "
		    "choose another nick",
		    r->nick.shown);
	} else if (st != RELAY_OK) {
		request_relay_err(r->answer, (int)st);
	} else {
		take_nick(r, s->user);
		answer_ok(r->answer, span_of(s->user->shown));
	}
	free(r);
}

static void
on_held(void *arg, enum relay_status st)
{
	struct renaming *r = arg;
	struct session *s = answer_session(r->answer);
	char token[RELAY_TOKEN_LEN + 1];

	if (st != RELAY_OK || !s) {
		on_claimed(r, st == RELAY_OK ? RELAY_DOWN : st);
		return;
	}
	user_token(s->user, token);
	relay_claim(r->sv->relay, &r->nick, r->id, token, on_claimed, r);
}

/* Who has such a name, or one that looks like it, would be believed to speak
 * for the server. */
static const char *const reserved[] = {
    "admin",
    "administrator",
    "daemon",
    "guest",
    "moderator",
    "operator",
    "root",
    "security",
    "server",
    "service",
    "snug",
    "snugd",
    "staff",
    "support",
    "sysadmin",
    "sysop",
    "system",
};

void
cmd_nick_print_reserved(FILE *out)
{
	for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
		fprintf(out, "%s\n", reserved[i]);
}

/* NULL, or the reserved name that this one looks like. */
static const char *
reserved_like(const char *skeleton)
{
	char own[NAME_BYTES_MAX + 1];

	for (size_t i = 0; i < ARRAY_LEN(reserved); i++) {
		name_skeleton(reserved[i], own);
		if (strcmp(own, skeleton) == 0)
			return reserved[i];
	}
	return NULL;
}

/* Is it nobody's to take?  Then that is answered. */
static bool
refuse_nick(struct request *q, const struct name *nick)
{
	char skeleton[NAME_BYTES_MAX + 1];

	name_skeleton(nick->fold, skeleton);
	const char *like = reserved_like(skeleton);
	if (like)
		answer_err(q->answer, ERR_BAD_NAME, 0,
		    "%s is reserved, with all that looks like it; choose "
		    "another nick",
		    like);
	else if (name_is_guest(nick->fold) || name_is_guest(skeleton))
		answer_err(q->answer, ERR_BAD_NAME, 0,
		    "the form guest-xxxxxxxx is the server's own; choose "
		    "another nick");
	else
		return false;
	return true;
}

/* --- NICK @resume ------------------------------------------------------- */

struct resuming {
	struct server *sv;
	struct answer *answer;
	struct name nick;
};

static void
on_taken_over(void *arg, enum relay_status st)
{
	struct resuming *r = arg;

	if (!answer_session(r->answer))
		answer_none(r->answer);
	else if (st != RELAY_OK)
		request_relay_err(r->answer, (int)st);
	else
		answer_ok(r->answer, span_of(r->nick.shown));
	free(r);
}

static void
on_resumed(void *arg, enum relay_status st, const char *sender)
{
	struct resuming *r = arg;

	if (!answer_session(r->answer)) {
		if (st == RELAY_OK)
			claim_drop(r->sv, r->nick.fold, sender, true);
		answer_none(r->answer);
	} else if (st == RELAY_OK) {
		claim_take_over(
		    r->sv, r->answer, &r->nick, sender, on_taken_over, r);
		return;
	} else if (st == RELAY_TAKEN) {
		answer_err(r->answer, ERR_NICK_IN_USE, 0,
		    "somebody is called %s, or has a nick that looks like it, "
		    "and the token does not go with it; take another by NICK "
		    "alone",
		    r->nick.shown);
	} else if (st == RELAY_NONE) {
		answer_err(r->answer, ERR_NO_SUCH_NICK, 0,
		    "there is no session of %s to go on from any more; take "
		    "the nick by NICK alone, as somebody new",
		    r->nick.shown);
	} else {
		request_relay_err(r->answer, (int)st);
	}
	free(r);
}

/* A token is no nick's way around the rules: it only fits a nick that was
 * taken by them, a guest's own form among these. */
static void
resume(struct request *q)
{
	char token[RELAY_TOKEN_LEN + 1], own[RELAY_TOKEN_LEN + 1];
	struct resuming *r;
	struct name nick;

	if (!request_nick(q, q->params[0], &nick))
		return;
	if (q->session->settled) {
		answer_err(q->answer, ERR_BAD_ARGS, 0,
		    "@resume goes before the first JOIN or SAY of a session; "
		    "connect anew");
		return;
	}
	if (!user_hash_token(token, q->resume, q->session->channel != NULL)) {
		answer_err(q->answer, ERR_BAD_ARGS, 0,
		    "@resume is the token of a WELCOME, %d characters long",
		    USER_TOKEN_LEN);
		return;
	}
	r = xcalloc(1, sizeof *r);
	r->sv = q->server;
	r->answer = q->answer;
	r->nick = nick;
	user_token(q->session->user, own);
	relay_resume(r->sv->relay, &r->nick, token, own, on_resumed, r);
}

/* An account has one nick for good. */
static void
keep_nick(struct request *q)
{
	const struct user *u = q->session->user;

	if (!(q->attrs & ATTR_RESUME) && span_is(q->params[0], u->shown))
		answer_ok(q->answer, span_of(u->shown));
	else
		answer_err(q->answer, ERR_NOT_ALLOWED, 0,
		    "you are logged in as %s, and that is its nick; to be "
		    "somebody else, connect anew without logging in",
		    u->shown);
}

/* --- NICK, again --------------------------------------------------------- */

void
cmd_nick(struct request *q)
{
	struct renaming *r;
	struct name nick;

	if (user_is_account(q->session->user)) {
		keep_nick(q);
		return;
	}
	if (q->attrs & ATTR_RESUME) {
		resume(q);
		return;
	}
	if (!request_nick(q, q->params[0], &nick) || refuse_nick(q, &nick))
		return;
	r = xcalloc(1, sizeof *r);
	r->sv = q->server;
	r->answer = q->answer;
	r->nick = nick;
	span_copy(r->id, sizeof r->id, span_of(q->session->user->id));
	claim_ensure(q->server, q->answer, on_held, r);
}

/* --- WHOIS -------------------------------------------------------------- */

struct whois {
	struct answer *answer;
	struct name nick;
};

static void
say_user(struct session *s, struct span tag, const struct relay_owner *o)
{
	struct line_writer w;
	char kv[RELAY_OWNER_NODES_MAX + 48];
	bool guest = o->sender.p[0] == 'g';

	line_begin(&w, session_out(s));
	line_put_tag(&w, tag);
	line_put(&w, SPAN("USER"));
	line_put(&w, o->nick);
	line_put(&w, guest ? SPAN("guest=yes") : SPAN("account=yes"));
	if (o->node.len > 0) {
		snprintf(kv, sizeof kv, "node=%.*s", SPAN_ARG(o->node));
		line_put(&w, span_of(kv));
	}
	snprintf(kv, sizeof kv, "since=%llu", (unsigned long long)o->since_ms);
	line_put(&w, span_of(kv));
	line_end(&w);
}

static void
on_owner(void *arg, enum relay_status st, const struct relay_owner *owner)
{
	struct whois *w = arg;
	struct session *s = answer_session(w->answer);

	if (!s) {
		answer_none(w->answer);
	} else if (st == RELAY_NONE) {
		answer_err(w->answer, ERR_NO_SUCH_NICK, 0,
		    "nobody is called %s", w->nick.shown);
	} else if (st != RELAY_OK) {
		request_relay_err(w->answer, (int)st);
	} else {
		say_user(s, answer_tag(w->answer), owner);
		answer_ok(w->answer, SPAN_NONE);
	}
	free(w);
}

void
cmd_whois(struct request *q)
{
	struct whois *w;
	struct name nick;

	if (!request_nick(q, q->params[0], &nick))
		return;
	w = xcalloc(1, sizeof *w);
	w->answer = q->answer;
	w->nick = nick;
	relay_find(q->server->relay, nick.fold, on_owner, w);
}
