/* SPDX-License-Identifier: ISC */
/*
 * What an earlier run left in the outbox: its lines get their windows back, and
 * where the server still knows the session that said them, we go on as it.
 */
#include "base/clock.h"
#include "client/chat_impl.h"

static struct window *
window_for_line(struct chat *c, const struct outbox_line *l)
{
	struct name name;
	struct span target = span_of(l->target);
	bool person = l->target[0] == '@';
	if (person)
		target = (struct span){target.p + 1, target.len - 1};
	if (name_check(target, false, &name) < 0)
		return NULL;
	return person ? chat_query(c, &name) : chat_join(c, &name);
}

/* All that was tried from this window is behind the oldest cursor. */
static void
restore_cursor(struct window *w, const struct outbox_line *l, bool first)
{
	if (l->tried_ms == 0)
		return;
	if (first || msgid_cmp(l->since, w->cursor) < 0)
		w->cursor = l->since;
	w->restored = w->reaches = !msgid_is_zero(w->cursor);
}

static bool
has_tried(const struct window *w)
{
	for (size_t i = 0; i < w->nsends; i++)
		if (w->sends[i]->first_ms > 0)
			return true;
	return false;
}

/* Where the clock went back nobody knows how long ago that was. */
static void
restore_try(struct send *s, const struct outbox_line *l)
{
	uint64_t now = clock_wall_ms();
	if (l->tried_ms == 0)
		return;
	s->first_ms = clock_now_ms();
	s->age_ms = now < l->tried_ms ? INT64_MAX : now - l->tried_ms;
	s->sender = l->sender;
}

static bool
restore_line(struct chat *c, const struct outbox_line *l)
{
	struct window *w = window_for_line(c, l);
	struct send *s;
	if (!w)
		return false;
	bool first = !has_tried(w);
	s = model_send(c->m, w, l->cid, l->text, l->act, (int64_t)l->at_ms);
	if (!s)
		return false;
	restore_cursor(w, l, first);
	restore_try(s, l);
	if (l->failed)
		model_send_fail(c->m, w, s, SEND_FAILED);
	return true;
}

static void
restore_session(struct chat *c, const struct outbox_session *s)
{
	struct name nick;
	const char *shown = s->token[0] || !c->nick ? s->nick : c->nick;
	c->returning = s->nick[0] != '\0';
	span_copy(c->token, sizeof(c->token), span_of(s->token));
	span_copy(c->said_as, sizeof(c->said_as), span_of(s->account));
	if (name_check(span_of(shown), false, &nick) == 0)
		model_set_nick(c->m, &nick);
}

void
chat_restore(struct chat *c)
{
	size_t left = 0;
	const struct outbox_log *log =
	    c->o.outbox ? outbox_log(c->o.outbox) : NULL;
	if (!log)
		return;
	c->sender = log->session.sender;
	if (log->n > 0)
		restore_session(c, &log->session);
	for (size_t i = 0; i < log->n; i++)
		left += !restore_line(c, &log->lines[i]);
	if (left > 0)
		model_note(c->m, model_server(c->m), ENTRY_ERROR,
		    "%zu lines of an earlier time have no room here; they come "
		    "back when snug is started again",
		    left);
}
