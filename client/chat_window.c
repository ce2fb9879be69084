/* SPDX-License-Identifier: ISC */
/*
 * A window and its conversation: how a room is entered and left, how what was
 * missed is caught up with, how older messages are fetched, and the answers to
 * all of that.  What is said in it is chat_say.c's and chat_hear.c's.
 */
#include <stdio.h>

#include "base/clock.h"
#include "client/chat_impl.h"

enum { PAGE = 100 /* messages of history at a time */ };

static void
put_id_attr(struct line_writer *lw, const char *key, struct msgid id)
{
	char text[MSGID_LEN_MAX + 1];
	size_t len = msgid_format(id, text);
	line_put_attr(lw, key, (struct span){text, len});
}

static void
put_count_attr(struct line_writer *lw, const char *key, unsigned n)
{
	char text[12];
	int len = snprintf(text, sizeof(text), "%u", n);
	line_put_attr(lw, key, (struct span){text, (size_t)len});
}

static void
enter(struct chat *c, struct window *w)
{
	struct line_writer lw;
	w->settled = false;
	w->reaches &= !msgid_is_zero(w->cursor);
	w->hold_until_ms = 0;
	chat_ask(c, w->entered ? ASK_REJOIN : ASK_JOIN, w, NULL, &lw);
	if (w->key)
		line_put_attr(&lw, "key", span_of(w->key));
	if (!msgid_is_zero(w->cursor))
		put_id_attr(&lw, "since", w->cursor);
	else if (w->entered || c->o.last > 0)
		put_count_attr(&lw, "last", w->entered ? 500 : c->o.last);
	line_put(&lw, SPAN("JOIN"));
	line_put(&lw, span_of(w->name.shown));
	net_send(c->net, &lw);
}

/* A person's conversation has no JOIN: what was missed is read as history. */
static void
catch_up(struct chat *c, struct window *w)
{
	struct line_writer lw;
	bool again = !msgid_is_zero(w->cursor);
	w->settled = false;
	w->reaches &= again;
	w->asked_from = w->cursor;
	chat_ask(c, again ? ASK_MISSED : ASK_OLDER, w, NULL, &lw);
	if (again)
		put_id_attr(&lw, "after", w->cursor);
	put_count_attr(&lw, "last", again ? 500 : PAGE);
	line_put(&lw, SPAN("HISTORY"));
	chat_put_target(&lw, w);
	net_send(c->net, &lw);
}

void
chat_enter_all(struct chat *c)
{
	c->begun = true;
	for (size_t i = 1; i < c->m->n; i++) {
		struct window *w = c->m->windows[i];
		w->joined = false;
		if (w->kind == WINDOW_PERSON)
			catch_up(c, w);
		else if (w->wanted)
			enter(c, w);
	}
}

/* --- what the user wants ------------------------------------------------- */
struct window *
chat_join_by_key(struct chat *c, const struct name *room, struct span key)
{
	struct window *w = model_open(c->m, WINDOW_ROOM, room);
	if (!w) {
		model_note(c->m, chat_here(c), ENTRY_ERROR,
		    "too many windows: /part one first");
		return NULL;
	}
	bool enters = !w->joined && chat_is_up(c);
	w->wanted = true;
	if (key.len > 0)
		model_set_key(w, key);
	if (enters)
		enter(c, w);
	chat_changed(c);
	return w;
}

struct window *
chat_join(struct chat *c, const struct name *room)
{
	return chat_join_by_key(c, room, SPAN_NONE);
}

void
chat_part(struct chat *c, struct window *w, struct span why)
{
	struct line_writer lw;
	w->wanted = false;
	if (w->kind == WINDOW_PERSON || !chat_is_up(c) || !w->joined) {
		model_close(c->m, w);
		chat_changed(c);
		return;
	}
	chat_ask(c, ASK_PART, w, NULL, &lw);
	line_put(&lw, SPAN("PART"));
	chat_put_target(&lw, w);
	line_put(&lw, why);
	net_send(c->net, &lw);
}

struct window *
chat_query(struct chat *c, const struct name *nick)
{
	struct window *w = model_find(c->m, WINDOW_PERSON, nick->fold);
	if (w)
		return w;
	w = model_open(c->m, WINDOW_PERSON, nick);
	if (!w)
		model_note(c->m, chat_here(c), ENTRY_ERROR,
		    "too many windows: /part one first");
	else if (chat_is_up(c))
		catch_up(c, w);
	chat_changed(c);
	return w;
}

void
chat_topic(struct chat *c, struct window *w, struct span text, bool clear)
{
	struct line_writer lw;
	if (chat_refuse_offline(c))
		return;
	chat_ask(c, ASK_TOPIC, w, NULL, &lw);
	if (clear)
		line_put_flag(&lw, "clear");
	line_put(&lw, SPAN("TOPIC"));
	chat_put_target(&lw, w);
	line_put(&lw, text);
	net_send(c->net, &lw);
}

void
chat_names(struct chat *c, struct window *w)
{
	struct line_writer lw;
	if (chat_refuse_offline(c))
		return;
	chat_ask(c, ASK_NAMES, w, NULL, &lw);
	line_put(&lw, SPAN("NAMES"));
	chat_put_target(&lw, w);
	net_send(c->net, &lw);
}

void
chat_rooms(struct chat *c, struct span pattern)
{
	struct line_writer lw;
	if (chat_refuse_offline(c))
		return;
	c->rooms_listed = 0;
	chat_ask(c, ASK_ROOMS, NULL, NULL, &lw);
	line_put(&lw, SPAN("ROOMS"));
	line_put(&lw, pattern);
	net_send(c->net, &lw);
}

void
chat_older(struct chat *c, struct window *w)
{
	struct line_writer lw;
	struct msgid oldest = buffer_oldest(&w->buffer);
	if (msgid_is_zero(oldest) && !msgid_is_zero(w->cursor))
		oldest = (struct msgid){w->cursor.ms, w->cursor.seq + 1};
	if (w->kind == WINDOW_SERVER || w->at_origin || w->asking ||
	    msgid_is_zero(oldest) || !chat_is_up(c) ||
	    (w->kind == WINDOW_ROOM && !w->joined))
		return;
	w->asking = true;
	chat_ask(c, ASK_OLDER, w, NULL, &lw);
	put_id_attr(&lw, "before", oldest);
	put_count_attr(&lw, "last", PAGE);
	line_put(&lw, SPAN("HISTORY"));
	chat_put_target(&lw, w);
	net_send(c->net, &lw);
	c->m->dirty |= DIRTY_PANE;
	chat_changed(c);
}

/* --- answers ------------------------------------------------------------- */
static void
advance(struct window *w, struct span text)
{
	struct msgid id;
	if (msgid_parse(text, &id) && msgid_cmp(id, w->cursor) > 0)
		w->cursor = id;
}

/* A replay from an earlier run's cursor may have brought next to nothing. */
static void
show_some_past(struct chat *c, struct window *w)
{
	if (!w->restored)
		return;
	w->restored = false;
	chat_older(c, w);
}

static void
on_join_answer(struct chat *c, struct window *w, const struct net_answer *a)
{
	if (!w || a->lost)
		return;
	if (a->ok) {
		w->joined = true;
		w->entered = true;
		advance(w, a->text);
		model_names_end(c->m, w);
		chat_settle(c, w);
		show_some_past(c, w);
		c->m->dirty |= DIRTY_ALL;
	} else if (a->retry_ms >= 0) {
		w->hold_until_ms = clock_now_ms() + (uint64_t)a->retry_ms;
		chat_retry_soon(c);
	} else {
		w->wanted = false;
		chat_note_error(c, w, a);
		if (span_is(a->code, "bad-key"))
			model_note(c->m, w, ENTRY_INFO,
			    "who knows the room's key gets in with "
			    "/join %s KEY",
			    w->name.shown);
		chat_shut_out(c, w);
	}
	if (c->ops->entered && (a->ok || a->retry_ms < 0)) {
		struct safe why = safe_new(a->text, 0);
		c->ops->entered(c->arg, w, a->ok ? NULL : why.utf8);
		safe_free(&why);
	}
}

static void
on_part_answer(struct chat *c, struct window *w, const struct net_answer *a)
{
	if (w && (a->ok || a->lost || !w->joined))
		model_close(c->m, w);
	else
		chat_note_error(c, w, a);
}

static void
on_older_answer(struct chat *c, struct window *w, const struct net_answer *a)
{
	w->asking = false;
	if (a->ok && span_is(a->text, "end"))
		w->at_origin = true;
	/* nobody of that name is there now: no reason to lose what was said */
	if (!span_is(a->code, "no-such-nick"))
		chat_note_error(c, w, a);
	c->m->dirty |= DIRTY_PANE;
}

/* A person's conversation is caught up with when nothing more comes. */
static void
on_person_answer(struct chat *c, struct window *w, const struct net_answer *a)
{
	bool more = a->ok && !span_is(a->text, "end") &&
		    msgid_cmp(w->cursor, w->asked_from) > 0;
	if (a->lost || w->settled)
		return;
	if (a->retry_ms >= 0) {
		w->hold_until_ms = clock_now_ms() + (uint64_t)a->retry_ms;
		chat_retry_soon(c);
	} else if (more && !msgid_is_zero(w->asked_from)) {
		catch_up(c, w);
	} else {
		w->reaches &= a->ok;
		chat_settle(c, w);
	}
}

static void
on_history_answer(
    struct chat *c, struct window *w, const struct net_answer *a, bool missed)
{
	if (!w)
		return;
	if (!missed)
		on_older_answer(c, w, a);
	if (w->kind == WINDOW_PERSON)
		on_person_answer(c, w, a);
}

static void
on_rooms_answer(struct chat *c, const struct net_answer *a)
{
	chat_note_error(c, NULL, a);
	if (a->ok && c->rooms_listed == 0)
		model_note(c->m, chat_here(c), ENTRY_INFO,
		    "no rooms to list; /join NAME makes one");
}

static void
on_names_answer(struct chat *c, struct window *w, const struct net_answer *a)
{
	chat_note_error(c, w, a);
	if (w)
		model_names_end(c->m, w);
}

bool
chat_window_answer(struct chat *c, struct window *w,
    const struct net_about *about, const struct net_answer *a)
{
	switch ((enum ask)about->what) {
	case ASK_JOIN:
	case ASK_REJOIN:
		on_join_answer(c, w, a);
		return true;
	case ASK_PART:
		on_part_answer(c, w, a);
		return true;
	case ASK_OLDER:
	case ASK_MISSED:
		on_history_answer(c, w, a, about->what == ASK_MISSED);
		return true;
	case ASK_MEMBERS:
	case ASK_NAMES:
		on_names_answer(c, w, a);
		return true;
	case ASK_ROOMS:
		on_rooms_answer(c, a);
		return true;
	case ASK_TOPIC:
		chat_note_error(c, w, a);
		return true;
	default:
		return false;
	}
}

/* --- trying again --------------------------------------------------------- */

bool
chat_retry_window(struct chat *c, struct window *w, uint64_t now_ms)
{
	if (w->hold_until_ms == 0)
		return false;
	if (w->hold_until_ms > now_ms)
		return true;
	w->hold_until_ms = 0;
	if (w->kind == WINDOW_ROOM && w->wanted && !w->joined)
		enter(c, w);
	else if (w->kind == WINDOW_PERSON && !w->settled)
		catch_up(c, w);
	else
		chat_pump(c, w);
	return false;
}
