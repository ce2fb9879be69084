/* SPDX-License-Identifier: ISC */
/*
 * A sender's foothold in the relay: its nick, and the doorbell for what is
 * said to it in private.  Two steps, in that order; whoever goes in between
 * leaves nothing behind.  What somebody takes over is held already: one step.
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

	if (sv->relay_gone ||
	    (u && u->claim != USER_UNCLAIMED && strcmp(u->fold, fold) == 0))
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

void
claim_ensure(struct server *sv, struct answer *a, claim_then_fn then, void *arg)
{
	struct user *u = answer_session(a)->user;
	struct claim *c;

	if (u->claim == USER_CLAIMED) {
		then(arg, RELAY_OK);
		return;
	}
	c = xcalloc(1, sizeof *c);
	c->sv = sv;
	c->answer = a;
	c->then = then;
	c->arg = arg;
	span_copy(c->nick.shown, sizeof c->nick.shown, span_of(u->shown));
	span_copy(c->nick.fold, sizeof c->nick.fold, span_of(u->fold));
	span_copy(c->id, sizeof c->id, span_of(u->id));
	u->claim = USER_CLAIMING;
	relay_claim(sv->relay, &c->nick, c->id, u->token, on_claimed, c);
}

void
claim_take_over(struct server *sv, struct answer *a, const struct name *nick,
    const char *id, claim_then_fn then, void *arg)
{
	struct session *s = answer_session(a);
	struct user *was = s->user, *u;
	struct claim *c = xcalloc(1, sizeof *c);

	claim_release(sv, was, false);
	u = user_mirror(sv->users, span_of(id), span_of(nick->shown));
	if (!u)
		abort(); /* the relay gives ids, and the nick was judged */
	memcpy(u->token, was->token, sizeof u->token);
	user_drop_session(was, s);
	user_unref(sv->users, was);
	user_add_session(u, s);
	s->user = u;
	if (strcmp(u->shown, nick->shown) != 0)
		news_renamed(sv, u, nick);
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
	relay_unwatch(sv->relay, u->id);
	give_back(sv, u->fold, u->id, lost);
	u->claim = USER_UNCLAIMED;
}
