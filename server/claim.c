/* SPDX-License-Identifier: ISC */
/*
 * A sender's foothold in the relay: its nick, and the doorbell for what is
 * said to it in private.  Two steps, in that order; whoever goes in between
 * leaves nothing behind.
 */
#include "server/claim.h"

#include <stdlib.h>

#include "base/mem.h"
#include "server/answer.h"
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
};

static void
finish(struct claim *c, enum relay_status st)
{
	claim_then_fn then = c->then;
	struct session *s = answer_session(c->answer);
	void *arg = c->arg;

	if ((st != RELAY_OK || !s) && !c->sv->relay_gone) {
		relay_unwatch(c->sv->relay, c->id);
		relay_release(c->sv->relay, c->nick.fold, c->id);
	}
	if (s)
		s->user->claim = st == RELAY_OK ? USER_CLAIMED : USER_UNCLAIMED;
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
	relay_claim(sv->relay, &c->nick, c->id, u, on_claimed, c);
}

void
claim_release(struct server *sv, struct user *u)
{
	if (u->claim == USER_UNCLAIMED)
		return;
	relay_unwatch(sv->relay, u->id);
	relay_release(sv->relay, u->fold, u->id);
	u->claim = USER_UNCLAIMED;
}
