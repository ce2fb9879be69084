/* SPDX-License-Identifier: ISC */
/*
 * Orders of server operators, carried out on this node.
 *
 * They come from the relay alone, also those that were given here: so every
 * node does the same, and none twice.  Who may give them is cmd_oper.c's.
 */
#include "server/oper.h"

#include "base/clock.h"
#include "base/log.h"
#include "server/deny.h"
#include "server/gate.h"
#include "server/relay_oper.h"
#include "server/render.h"
#include "server/server.h"
#include "server/session.h"
#include "server/user.h"

/* It goes for good: its token dies with it, as after a QUIT. */
static void
kill_session(struct session *s, struct span text)
{
	s->quit = true;
	if (text.len > 0)
		session_end(s, BYE_KILLED, 0, "%.*s", SPAN_ARG(text));
	else
		session_end(
		    s, BYE_KILLED, 0, "an operator has ended your session");
}

static void
carry_out_kill(struct server *sv, const struct relay_order *o)
{
	const struct user *u = user_find(sv->users, o->sender);
	struct session *s, *next;

	if (!u)
		return;
	/* The last one may take the user along. */
	for (s = TAILQ_FIRST(&sv->sessions); s; s = next) {
		next = TAILQ_NEXT(s, next);
		if (s->user == u && s->state < SESSION_ENDING)
			kill_session(s, o->text);
	}
}

/* Strangers are not told: they may be anybody. */
static void
carry_out_announce(struct server *sv, const struct relay_order *o)
{
	struct buf line = {0};
	struct session *s;

	render_notice(&line, SPAN_NONE, NOTICE_ANNOUNCE, o->text);
	TAILQ_FOREACH (s, &sv->sessions, next)
		if (s->state == SESSION_READY)
			session_queue(s, buf_head(&line), buf_len(&line));
	buf_free(&line);
}

/* All of its sessions; whoever has none is not told, and may come in all the
 * same. */
static void
carry_out_invite(struct server *sv, const struct relay_order *o)
{
	const struct user *u = user_find(sv->users, o->sender);
	struct buf line = {0};

	if (!u)
		return;
	render_notice(&line, SPAN_NONE, NOTICE_INVITED, o->text);
	for (size_t i = 0; i < u->nsessions; i++)
		session_queue(
		    user_sessions(u)[i], buf_head(&line), buf_len(&line));
	buf_free(&line);
}

void
oper_on_order(void *server, const struct relay_order *o)
{
	static void (*const orders[])(
	    struct server *, const struct relay_order *) = {
	    [ORDER_KILL] = carry_out_kill,
	    [ORDER_ANNOUNCE] = carry_out_announce,
	    [ORDER_INVITE] = carry_out_invite,
	};

	orders[o->kind](server, o);
}

void
oper_on_denies(void *server, const struct denies *all)
{
	struct server *sv = server;
	uint64_t wall_ms = clock_wall_ms();

	gate_set_denies(sv->gate, all, wall_ms);
	log_debug("gate", 0, "closed out ranges=%zu", all->n);
}
