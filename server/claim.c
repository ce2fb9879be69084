/* SPDX-License-Identifier: ISC */
/*
 * A sender's foothold in the relay: its nick, and the doorbell for what is
 * said to it in private.  Two steps, in that order; whoever goes in between
 * leaves nothing behind.  What somebody takes over is held already: one step.
 *
 * An account has its nick whatever happens here: it needs the doorbell alone,
 * and that once for all of its sessions on this node.  The first one that
 * wants it asks, and those that come meanwhile wait along; the asking outlives
 * them all.
 */
#include "server/claim.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/answer.h"
#include "server/news.h"
#include "server/server.h"
#include "server/session.h"
#include "server/user.h"

struct claim {
	struct server *sv;
	struct answer *answer;
	claim_then_fn then;
	void *arg;
	struct name nick;
	char id[SENDER_ID_LEN + 1];
	bool lost; /* if it fails, the sender may still come back */
};

/* A session of an account that waits for the doorbell. */
struct waiter {
	STAILQ_ENTRY(waiter) next;
	struct answer *answer;
	claim_then_fn then;
	void *arg;
};

/* An account's doorbell on its way. */
struct watching {
	struct server *sv;
	struct user *user; /* NULL: nobody wants it any more */
	STAILQ_HEAD(, waiter) waiters;
};

/* By a session that is there. */
static bool
is_held(const struct server *sv, const char *id)
{
	const struct user *u = user_find(sv->users, span_of(id));

	return u && u->claim != USER_UNCLAIMED;
}

static void
give_back(struct server *sv, const char *fold, const char *id, bool lost)
{
	if (lost)
		relay_leave(sv->relay, fold, id);
	else
		relay_release(sv->relay, fold, id);
}

void
claim_drop(struct server *sv, const char *fold, const char *id, bool lost)
{
	const struct user *u = user_find(sv->users, span_of(id));

	if (sv->relay_gone || (u && u->claim != USER_UNCLAIMED &&
				  strcmp(user_fold(u), fold) == 0))
		return;
	give_back(sv, fold, id, lost);
}

static void
finish(struct claim *c, enum relay_status st)
{
	claim_then_fn then = c->then;
	struct session *s = answer_session(c->answer);
	void *arg = c->arg;

	if (s)
		s->user->claim = st == RELAY_OK ? USER_CLAIMED : USER_UNCLAIMED;
	if ((st != RELAY_OK || !s) && !c->sv->relay_gone &&
	    !is_held(c->sv, c->id)) {
		relay_unwatch(c->sv->relay, c->id);
		give_back(c->sv, c->nick.fold, c->id, c->lost);
	}
	free(c);
	then(arg, st);
}

static void
on_watched(void *arg, enum relay_status st)
{
	finish(arg, st);
}

static void
on_claimed(void *arg, enum relay_status st)
{
	struct claim *c = arg;
	struct session *s = answer_session(c->answer);

	if (st == RELAY_OK && s)
		relay_watch(c->sv->relay, c->id, s->user, on_watched, c);
	else
		finish(c, st);
}

/* --- accounts ------------------------------------------------------------- */

static void
on_rung(void *arg, enum relay_status st)
{
	struct watching *w = arg;
	struct user *u = w->user;
	struct waiter *who;

	if (u) {
		u->watching = NULL;
		u->claim = st == RELAY_OK ? USER_CLAIMED : USER_UNCLAIMED;
		if (st != RELAY_OK && !w->sv->relay_gone)
			relay_unwatch(w->sv->relay, u->id);
	}
	while ((who = STAILQ_FIRST(&w->waiters))) {
		STAILQ_REMOVE_HEAD(&w->waiters, next);
		/* Whoever is called may be the last one to leave. */
		who->then(who->arg, u || st != RELAY_OK ? st : RELAY_DOWN);
		free(who);
	}
	free(w);
}

static void
ensure_doorbell(struct server *sv, struct answer *a, struct user *u,
    claim_then_fn then, void *arg)
{
	struct waiter *who = xcalloc(1, sizeof *who);
	bool first = !u->watching;

	*who = (struct waiter){.answer = a, .then = then, .arg = arg};
	if (first) {
		u->watching = xcalloc(1, sizeof *u->watching);
		u->watching->sv = sv;
		u->watching->user = u;
		STAILQ_INIT(&u->watching->waiters);
		u->claim = USER_CLAIMING;
	}
	STAILQ_INSERT_TAIL(&u->watching->waiters, who, next);
	if (first)
		relay_watch(sv->relay, u->id, u, on_rung, u->watching);
}

/* The session's sender is another one now; what the old one had is given back
 * if this was its last session. */
static void
change_user(struct session *s, struct user *u)
{
	struct user *was = s->user;

	if (was->nsessions == 1)
		claim_release(s->server, was, false);
	user_drop_session(was, s);
	user_unref(s->server->users, was);
	user_add_session(u, s);
	s->user = u;
}

void
claim_account(struct server *sv, struct answer *a, const char *id,
    const struct name *nick, claim_then_fn then, void *arg)
{
	struct session *s = answer_session(a);
	struct user *u =
	    user_mirror(sv->users, span_of(id), span_of(nick->shown));

	if (!u)
		abort(); /* the relay gives ids, and has judged the nick */
	if (u != s->user)
		change_user(s, u);
	if (strcmp(u->shown, nick->shown) != 0)
		news_renamed(sv, u, nick);
	claim_ensure(sv, a, then, arg);
}

void
claim_guest(struct session *s)
{
	change_user(s, user_new_guest(s->server->users));
}

/* --- guests --------------------------------------------------------------- */

void
claim_ensure(struct server *sv, struct answer *a, claim_then_fn then, void *arg)
{
	struct user *u = answer_session(a)->user;
	char token[RELAY_TOKEN_LEN + 1];
	struct claim *c;

	if (u->claim == USER_CLAIMED) {
		then(arg, RELAY_OK);
		return;
	}
	if (user_is_account(u)) {
		ensure_doorbell(sv, a, u, then, arg);
		return;
	}
	c = xcalloc(1, sizeof *c);
	c->sv = sv;
	c->answer = a;
	c->then = then;
	c->arg = arg;
	span_copy(c->nick.shown, sizeof c->nick.shown, span_of(u->shown));
	span_copy(c->nick.fold, sizeof c->nick.fold, span_of(user_fold(u)));
	span_copy(c->id, sizeof c->id, span_of(u->id));
	u->claim = USER_CLAIMING;
	user_token(u, token);
	relay_claim(sv->relay, &c->nick, c->id, token, on_claimed, c);
}

void
claim_take_over(struct server *sv, struct answer *a, const struct name *nick,
    const char *id, claim_then_fn then, void *arg)
{
	struct session *s = answer_session(a);
	struct user *u =
	    user_mirror(sv->users, span_of(id), span_of(nick->shown));
	struct claim *c;

	if (!u)
		abort();    /* the relay gives ids, and the nick was judged */
	if (u == s->user) { /* from itself: nothing changes hands */
		claim_ensure(sv, a, then, arg);
		return;
	}
	memcpy(u->token, s->user->token, sizeof u->token);
	change_user(s, u);
	if (strcmp(u->shown, nick->shown) != 0)
		news_renamed(sv, u, nick);
	c = xcalloc(1, sizeof *c);
	*c = (struct claim){.sv = sv,
	    .answer = a,
	    .then = then,
	    .arg = arg,
	    .nick = *nick,
	    .lost = true};
	span_copy(c->id, sizeof c->id, span_of(id));
	u->claim = USER_CLAIMING;
	relay_watch(sv->relay, c->id, u, on_watched, c);
}

void
claim_release(struct server *sv, struct user *u, bool lost)
{
	if (u->claim == USER_UNCLAIMED)
		return;
	if (u->watching)
		u->watching->user = NULL;
	u->watching = NULL;
	relay_unwatch(sv->relay, u->id);
	if (!user_is_account(u))
		give_back(sv, user_fold(u), u->id, lost);
	u->claim = USER_UNCLAIMED;
}
