/* SPDX-License-Identifier: ISC */
/*
 * The conversation with a server.
 *
 * Each session begins alike, the first and the one after a break: WELCOME,
 * then NICK, then JOIN for every room that is wanted, from its cursor on.
 * After a break NICK comes with a token, and JOIN waits for its answer.
 * A room's cursor is the id up to which everything was seen; it moves with
 * what the room delivers and with the end of a replay, never with the OK of a
 * message of ours, which may overtake others.
 *
 * Here the parts meet: what all of them ask with, who takes which answer, and
 * the connection's coming and going.  Who we are is chat_nick.c's and
 * chat_account.c's, rooms are entered in chat_window.c, what the server says by
 * itself is heard in chat_hear.c, and what becomes of our own messages is in
 * chat_say.c.
 */
#include "client/chat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <event2/util.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/chat_impl.h"

enum {
	MAX_TEXT_DEFAULT = 8192,
	DEDUPE_DEFAULT_MS = 300000,
	RETRY_TICK_MS = 100,
};

void
chat_changed(struct chat *c)
{
	if (c->ops->changed)
		c->ops->changed(c->arg);
}

bool
chat_is_up(const struct chat *c)
{
	return c->begun && net_get_state(c->net) == NET_UP;
}

void
chat_retry_soon(struct chat *c)
{
	struct timeval tv = {.tv_usec = RETRY_TICK_MS * 1000};
	if (!evtimer_pending(c->retry, NULL))
		event_add(c->retry, &tv);
}

struct window *
chat_here(const struct chat *c)
{
	return model_current(c->m);
}

/* --- asking -------------------------------------------------------------- */

void
chat_ask(struct chat *c, enum ask what, const struct window *w, const char *cid,
    struct line_writer *lw)
{
	struct net_about about = {.what = (int)what};
	if (w)
		model_target(w, about.target);
	if (cid)
		span_copy(about.cid, sizeof(about.cid), span_of(cid));
	net_ask(c->net, &about, lw);
}

void
chat_put_target(struct line_writer *lw, const struct window *w)
{
	char target[NAME_BYTES_MAX + 2];
	model_target(w, target);
	line_put(lw, span_of(target));
}

bool
chat_refuse_offline(struct chat *c)
{
	if (chat_is_up(c))
		return false;
	model_note(c->m, chat_here(c), ENTRY_ERROR,
	    net_get_state(c->net) == NET_UP
		? "the server does not know yet who you are: try again soon"
		: "not connected: try again when the line below says so, "
		  "or /reconnect");
	chat_changed(c);
	return true;
}

/* --- answers ------------------------------------------------------------- */

struct window *
chat_window_of(const struct chat *c, struct span target)
{
	struct name name;
	bool person = target.len > 0 && target.p[0] == '@';
	if (person)
		target = (struct span){target.p + 1, target.len - 1};
	if (name_check(target, false, &name) < 0)
		return NULL;
	return model_find(
	    c->m, person ? WINDOW_PERSON : WINDOW_ROOM, name.fold);
}

void
chat_note_error(struct chat *c, struct window *w, const struct net_answer *a)
{
	char code[32];
	if (a->ok || a->lost)
		return;
	text_escape(code, sizeof(code), a->code);
	model_note(c->m, w ? w : chat_here(c), ENTRY_ERROR, "%.*s (%s)",
	    SPAN_ARG(a->text.len ? a->text : SPAN("refused")), code);
}

static void
on_answer(void *arg, const struct net_about *about, const struct net_answer *a)
{
	struct chat *c = arg;
	struct window *w = chat_window_of(c, span_of(about->target));
	bool taken = chat_rights_answer(c, about, a) ||
		     chat_account_answer(c, about, a) ||
		     chat_nick_answer(c, about, a) ||
		     chat_window_answer(c, w, about, a);
	if (!taken && about->what == ASK_SAY)
		chat_said(c, w, about->cid, a);
	else if (!taken && about->what == ASK_WHOIS)
		chat_note_error(c, w, a);
	chat_changed(c);
}

/* --- the connection ------------------------------------------------------ */

static void
note_down(struct chat *c)
{
	for (size_t i = 1; i < c->m->n; i++) {
		struct window *w = c->m->windows[i];
		w->joined = false;
		w->settled = false;
		w->asking = false;
	}
	/* said once, however often it is tried */
	if (strcmp(c->down_cause, net_cause(c->net)) == 0)
		return;
	span_copy(
	    c->down_cause, sizeof(c->down_cause), span_of(net_cause(c->net)));
	model_note(c->m, model_server(c->m), ENTRY_ERROR, "%s", c->down_cause);
}

static void
on_state(void *arg, enum net_state state)
{
	struct chat *c = arg;
	c->m->dirty |= DIRTY_STATUS;
	if (state != NET_UP)
		c->begun = false;
	if (state == NET_OFF || state == NET_WAITING) {
		c->nick_at_ms = 0;
		c->prove_at_ms = 0;
		chat_keep_spare(c);
		note_down(c);
	}
	if (c->ops->state)
		c->ops->state(c->arg, state);
	chat_changed(c);
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct chat *c = arg;
	uint64_t now = clock_now_ms();
	bool again = false;
	(void)fd;
	(void)what;
	if (net_get_state(c->net) != NET_UP)
		return;
	again = chat_prove_again(c, now);
	for (size_t i = 1; i < c->m->n && chat_is_up(c); i++)
		again |= chat_retry_window(c, c->m->windows[i], now);
	again |= chat_retry_nick(c, now);
	if (again)
		chat_retry_soon(c);
}

static const struct net_ops net_ops = {.line = chat_hear,
    .answer = on_answer,
    .state = on_state,
    .meet = chat_meet};

/* --- what the user wants ------------------------------------------------- */

void
chat_whois(struct chat *c, const struct name *nick)
{
	struct line_writer lw;
	if (chat_refuse_offline(c))
		return;
	chat_ask(c, ASK_WHOIS, NULL, NULL, &lw);
	line_put(&lw, SPAN("WHOIS"));
	line_put(&lw, span_of(nick->shown));
	net_send(c->net, &lw);
}

void
chat_quit(struct chat *c, struct span why)
{
	struct line_writer lw;
	if (net_get_state(c->net) != NET_UP) {
		net_disconnect(c->net, "you left");
		return;
	}
	chat_ask(c, ASK_QUIT, NULL, NULL, &lw);
	line_put(&lw, SPAN("QUIT"));
	line_put(&lw, why);
	net_send(c->net, &lw);
}

/* --- life ---------------------------------------------------------------- */

static void
on_settled(void *arg, const char *cid, bool accepted)
{
	struct chat *c = arg;
	outbox_settle(c->o.outbox, cid, accepted);
}

struct chat *
chat_new(struct event_base *base, struct model *m, const struct chat_options *o,
    const struct chat_ops *ops, void *arg)
{
	uint64_t chance;
	struct chat *c = xcalloc(1, sizeof(*c));
	c->m = m;
	c->o = *o;
	c->nick = o->nick ? xstrdup(o->nick) : NULL;
	c->ops = ops;
	c->arg = arg;
	c->max_text = MAX_TEXT_DEFAULT;
	c->dedupe_ms = DEDUPE_DEFAULT_MS;
	evutil_secure_rng_get_bytes(&chance, sizeof(chance));
	snprintf(c->cid_base, sizeof(c->cid_base), "%016llx",
	    (unsigned long long)chance);
	c->retry = evtimer_new(base, on_retry, c);
	if (o->outbox) {
		m->settled = on_settled;
		m->arg = c;
	}
	c->net = net_new(base, &o->server, o->way, &net_ops, c);
	return c;
}

void
chat_free(struct chat *c)
{
	if (!c)
		return;
	net_free(c->net);
	event_free(c->retry);
	c->m->settled = NULL;
	chat_forget_password(c);
	free(c->nick);
	free(c);
}

struct net *
chat_net(const struct chat *c)
{
	return c->net;
}

bool
chat_keeps(const struct chat *c)
{
	return c->o.outbox && !outbox_trouble(c->o.outbox);
}

bool
chat_relay_is_down(const struct chat *c)
{
	return c->relay_down;
}
