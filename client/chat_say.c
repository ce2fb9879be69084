/* SPDX-License-Identifier: ISC */
/*
 * What we say, until the server has settled it.
 *
 * One message of a window is in flight at a time, so that a refusal in the
 * middle cannot change the order.  After a break nothing is said again before
 * the replay had its chance to show that it was accepted after all; then it is
 * repeated under the same cid if that cannot make a second message of it, and
 * otherwise the user is asked (protocol section 6.3).
 *
 * The lines themselves live in the model's windows; here is what happens to
 * them.
 */
#include "client/chat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "client/chat_impl.h"

/* Said once: what cannot be kept is not worth less on the screen. */
static void
note_trouble(struct chat *c)
{
	const char *why = c->o.outbox ? outbox_trouble(c->o.outbox) : NULL;
	if (!why || c->trouble_told)
		return;
	c->trouble_told = true;
	model_note(c->m, chat_here(c), ENTRY_ERROR,
	    "%s; what is not delivered is lost when snug ends", why);
}

/* On the disk before the first byte is written. */
static void
sync_outbox(struct chat *c)
{
	if (c->o.outbox)
		outbox_sync(c->o.outbox);
	note_trouble(c);
}

static void
note_try(struct chat *c, const struct window *w, struct send *s)
{
	if (s->first_ms > 0)
		return;
	s->first_ms = clock_now_ms();
	s->age_ms = 0;
	s->sender = c->sender;
	if (c->o.outbox)
		outbox_try(
		    c->o.outbox, s->cid, clock_wall_ms(), s->sender, w->cursor);
	sync_outbox(c);
}

static void
write_say(struct chat *c, struct window *w, struct send *s)
{
	struct line_writer lw;
	note_try(c, w, s);
	s->state = SEND_FLYING;
	chat_ask(c, ASK_SAY, w, s->cid, &lw);
	line_put_attr(&lw, "cid", span_of(s->cid));
	if (s->act)
		line_put_flag(&lw, "act");
	line_put(&lw, SPAN("SAY"));
	chat_put_target(&lw, w);
	line_put(&lw, span_of(s->text));
	net_send(c->net, &lw);
}

/* Nobody can say whether it was accepted: the user decides. */
static void
give_up(struct chat *c, struct window *w, struct send *s)
{
	model_send_fail(c->m, w, s, SEND_UNKNOWN);
	model_note(c->m, w, ENTRY_ERROR,
	    "the line marked ? may or may not have been sent before the "
	    "connection was lost: /resend it, or /discard it");
	if (c->ops->sent)
		c->ops->sent(c->arg, s->cid, (struct msgid){0, 0},
		    "it may or may not have been accepted", true);
}

static void
fail(struct chat *c, struct window *w, struct send *s)
{
	model_send_fail(c->m, w, s, SEND_FAILED);
	if (c->o.outbox)
		outbox_fail(c->o.outbox, s->cid);
}

/* May it be said again under the same cid without becoming two? */
static bool
may_repeat(const struct chat *c, const struct window *w, const struct send *s)
{
	if (s->first_ms == 0 || s->state != SEND_WAITING)
		return true;
	if (s->sender != c->sender)
		return false;
	return s->age_ms + (clock_now_ms() - s->first_ms) < c->dedupe_ms ||
	       w->reaches;
}

void
chat_pump(struct chat *c, struct window *w)
{
	struct send *s;
	bool ready =
	    w->kind == WINDOW_PERSON ? w->settled : w->joined && w->settled;
	if (!chat_is_up(c) || !ready)
		return;
	if (w->hold_until_ms > clock_now_ms()) {
		chat_retry_soon(c);
		return;
	}
	s = model_send_next(w);
	if (s)
		write_say(c, w, s);
}

void
chat_settle(struct chat *c, struct window *w)
{
	w->settled = true;
	for (size_t i = w->nsends; i-- > 0;) {
		struct send *s = w->sends[i];
		if (!may_repeat(c, w, s))
			give_up(c, w, s);
	}
	w->reaches = true; /* from here on nothing is missed unnoticed */
	chat_pump(c, w);
}

void
chat_shut_out(struct chat *c, struct window *w)
{
	for (size_t i = w->nsends; i-- > 0;) {
		struct send *s = w->sends[i];
		if (s->state == SEND_WAITING && s->first_ms > 0)
			give_up(c, w, s);
		else if (s->state == SEND_WAITING)
			fail(c, w, s);
	}
}

/* What was tried is judged by chat_settle(); what was not is not said as
 * somebody else by itself. */
void
chat_disown(struct chat *c)
{
	for (size_t i = 0; i < c->m->n; i++) {
		struct window *w = c->m->windows[i];
		bool any = false;
		for (size_t k = w->nsends; k-- > 0;) {
			struct send *s = w->sends[k];
			if (s->state != SEND_WAITING || s->first_ms > 0)
				continue;
			fail(c, w, s);
			any = true;
		}
		if (any)
			model_note(c->m, w, ENTRY_ERROR,
			    "what is marked x was written as somebody else "
			    "than you are now: /resend says it as %s, /discard "
			    "drops it",
			    c->greeted.shown);
	}
}

/* Where it takes a while one wants to know why. */
static void
tell_pause(struct chat *c, struct window *w, const struct net_answer *a)
{
	unsigned long long seconds = (unsigned long long)a->retry_ms / 1000;
	if (span_is(a->code, "slow-down") && seconds >= 2)
		model_note(c->m, w, ENTRY_INFO,
		    "what you wrote goes out in %llu s: %.*s", seconds,
		    SPAN_ARG(a->text));
}

void
chat_said(struct chat *c, struct window *w, const char *cid,
    const struct net_answer *a)
{
	struct send *s = w ? model_send_find(w, span_of(cid)) : NULL;
	struct msgid id;
	if (!s)
		return;
	if (a->lost && s->shown) {
		model_send_settle(c->m, w, s, (struct msgid){0, 0});
	} else if (a->lost) {
		s->state = SEND_WAITING;
	} else if (a->ok && msgid_parse(a->text, &id)) {
		if (c->ops->sent)
			c->ops->sent(c->arg, cid, id, NULL, false);
		model_send_settle(c->m, w, s, id);
	} else if (a->retry_ms >= 0) {
		s->state = SEND_WAITING;
		w->hold_until_ms = clock_now_ms() + (uint64_t)a->retry_ms;
		tell_pause(c, w, a);
	} else {
		struct safe why = safe_new(a->text, 0);
		fail(c, w, s);
		model_note(c->m, w, ENTRY_ERROR,
		    "not sent: %s (/resend tries again, /discard drops it)",
		    why.utf8);
		if (c->ops->sent)
			c->ops->sent(
			    c->arg, cid, (struct msgid){0, 0}, why.utf8, false);
		safe_free(&why);
	}
	chat_pump(c, w);
}

/* --- what the user says -------------------------------------------------- */

/* The wire's line break is U+2028. */
static char *
to_wire(struct span text)
{
	struct buf out = {0};
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] == '\n')
			buf_add(&out, "\342\200\250", 3);
		else
			buf_add(&out, text.p + i, 1);
	}
	char *wire =
	    xstrndup(buf_len(&out) ? buf_head(&out) : "", buf_len(&out));
	buf_free(&out);
	return wire;
}

static bool
refuse_say(struct chat *c, struct window *w, const char *wire)
{
	size_t len = strlen(wire);
	if (len == 0)
		return true;
	if (w->kind == WINDOW_SERVER)
		model_note(c->m, w, ENTRY_ERROR,
		    "nobody hears you here: /join a room first");
	else if (len > c->max_text)
		model_note(c->m, w, ENTRY_ERROR,
		    "too long: %zu bytes, and the server takes %llu", len,
		    (unsigned long long)c->max_text);
	else if (text_check(wire, len, NULL) < 0)
		model_note(c->m, w, ENTRY_ERROR,
		    "not sent: it is not UTF-8, or holds a control character");
	else if (w->kind == WINDOW_ROOM && !w->wanted)
		model_note(c->m, w, ENTRY_ERROR,
		    "you are not in this room: /join %s", w->name.shown);
	else
		return false;
	return true;
}

/* False: it was not kept, for there are too many. */
static bool
keep(struct chat *c, const struct window *w, const struct send *s,
    uint64_t wall_ms)
{
	struct outbox_line l = {
	    .text = s->text, .act = s->act, .at_ms = wall_ms};
	if (!c->o.outbox)
		return true;
	model_target(w, l.target);
	span_copy(l.cid, sizeof(l.cid), span_of(s->cid));
	return outbox_add(c->o.outbox, &l);
}

static bool
enqueue(struct chat *c, struct window *w, const char *wire, bool act)
{
	char cid[LINE_CID_MAX + 1];
	uint64_t now = clock_wall_ms();
	snprintf(cid, sizeof(cid), "%s-%llu", c->cid_base,
	    (unsigned long long)c->cid_next++);
	struct send *s = model_send(c->m, w, cid, wire, act, (int64_t)now);
	if (s && keep(c, w, s, now))
		return true;
	if (s) {
		model_send_discard(c->m, w, s);
		model_note(c->m, w, ENTRY_ERROR,
		    "%d lines wait on the disk already: send this later",
		    OUTBOX_LINES_MAX);
		return false;
	}
	model_note(c->m, w, ENTRY_ERROR,
	    "%d lines wait here already: send this later", SENDS_MAX);
	return false;
}

bool
chat_say(struct chat *c, struct window *w, struct span text, bool act)
{
	char *wire = to_wire(text);
	bool taken = !refuse_say(c, w, wire) && enqueue(c, w, wire, act);
	free(wire);
	chat_pump(c, w);
	sync_outbox(c); /* where it has to wait for its turn */
	chat_changed(c);
	return taken;
}

void
chat_resend(struct chat *c, struct window *w)
{
	struct send *s = model_send_stuck(w);
	if (!s) {
		model_note(c->m, w, ENTRY_INFO, "nothing to resend here");
	} else {
		s->first_ms = 0; /* the user has decided */
		model_send_again(c->m, w, s);
		chat_pump(c, w);
	}
	chat_changed(c);
}

bool
chat_discard(struct chat *c, struct window *w)
{
	struct send *s = model_send_stuck(w);
	if (!s)
		return false;
	model_send_discard(c->m, w, s);
	chat_changed(c);
	return true;
}
