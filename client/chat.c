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
 * Here sessions begin, commands are asked and their answers taken.  What the
 * server says by itself is heard in chat_hear.c; what becomes of our own
 * messages is in chat_say.c.
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
	NICK_RETRY_MS = 2000,
	NICK_TRIES = 30, /* a minute: a hung session's ping timeout */
	PAGE = 100,      /* messages of history at a time */
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

/* --- a session begins ---------------------------------------------------- */

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

static void
ask_nick(struct chat *c, enum ask what, const char *nick)
{
	struct line_writer lw;
	chat_ask(c, what, NULL, nick, &lw);
	if (what == ASK_RESUME)
		line_put_attr(&lw, "resume", span_of(c->token));
	line_put(&lw, SPAN("NICK"));
	line_put(&lw, span_of(nick));
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

static void
read_welcome_key(
    struct chat *c, struct span key, struct span value, uint64_t *ping_s)
{
	uint64_t v;
	if (span_is(key, "max-text") && text_u64(value, 65536, &v) && v > 0)
		c->max_text = v;
	if (span_is(key, "dedupe") && text_u64(value, 86400, &v))
		c->dedupe_ms = v * 1000;
	if (span_is(key, "ping") && text_u64(value, 3600, &v))
		*ping_s = v;
	if (span_is(key, "resume") && value.len <= RESUME_MAX &&
	    text_is_visible_ascii(value))
		span_copy(c->next_token, sizeof(c->next_token), value);
	if (span_is(key, "account") && value.len <= ACCOUNT_MAX &&
	    text_is_visible_ascii(value))
		span_copy(c->account, sizeof(c->account), value);
}

/* What it says of who we are replaces what was said before. */
static uint64_t
read_welcome_keys(struct chat *c, struct span text)
{
	uint64_t ping_s = 0;
	c->account[0] = '\0';
	c->next_token[0] = '\0';
	while (text.len > 0) {
		struct span word = text_word(&text);
		const char *eq = memchr(word.p, '=', word.len);
		if (!eq)
			continue;
		size_t n = (size_t)(eq - word.p);
		read_welcome_key(c, (struct span){word.p, n},
		    (struct span){eq + 1, word.len - n - 1}, &ping_s);
	}
	return ping_s;
}

static void
refuse_server(struct chat *c, const char *why)
{
	model_note(c->m, model_server(c->m), ENTRY_ERROR, "%s", why);
	net_disconnect(c->net, why);
}

/* For the outbox, so that a later run can go on as the same sender. */
static void
remember_session(struct chat *c)
{
	struct outbox_session s = {.sender = c->sender};
	if (!c->o.outbox || !c->m->nick.fold[0])
		return;
	span_copy(s.nick, sizeof(s.nick), span_of(c->m->nick.shown));
	span_copy(s.token, sizeof(s.token), span_of(c->token));
	span_copy(s.account, sizeof(s.account), span_of(c->account));
	outbox_set_session(c->o.outbox, &s);
}

/* The old one is good until its use was answered. */
static void
take_token(struct chat *c)
{
	span_copy(c->token, sizeof(c->token), span_of(c->next_token));
	c->nspare = 0;
}

/*
 * Going on as who we were.  No room is entered before that is settled: a
 * session that has entered one cannot be taken over any more.  Where the
 * connection goes first nobody knows whether it was taken over; if so, then by
 * the token of the session that asked, which is kept beside the old one.
 */
static void
ask_resume(struct chat *c, const char *nick)
{
	c->resuming = true;
	ask_nick(c, ASK_RESUME, nick);
}

static void
keep_spare(struct chat *c)
{
	if (!c->resuming)
		return;
	c->resuming = false;
	if (!c->next_token[0])
		return;
	if (c->nspare == SPARE_TOKENS)
		memmove(c->spare[0], c->spare[1],
		    --c->nspare * sizeof(c->spare[0]));
	memcpy(c->spare[c->nspare++], c->next_token, sizeof(c->next_token));
}

static bool
next_spare(struct chat *c)
{
	if (c->nspare == 0)
		return false;
	memcpy(c->token, c->spare[0], sizeof(c->token));
	memmove(c->spare[0], c->spare[1], --c->nspare * sizeof(c->spare[0]));
	return true;
}

/* We are somebody new: what was said before was said by another. */
static void
begin_sender(struct chat *c)
{
	c->sender++;
	remember_session(c);
}

/* As a guest: who we were, if the server still knows, which has to be settled
 * first (false), or who we want to be. */
static bool
begin_guest(struct chat *c, bool again)
{
	bool named = c->m->nick.fold[0] && !name_is_guest(c->m->nick.fold);
	const char *want = named ? c->m->nick.shown : c->nick;
	c->nick_tries = again ? NICK_TRIES : 1;
	if (again && c->token[0]) {
		ask_resume(c, c->m->nick.shown);
		return false;
	}
	take_token(c);
	c->returning = false;
	if (!named)
		model_set_nick(c->m, &c->greeted);
	begin_sender(c);
	if (want)
		ask_nick(c, ASK_LOGIN, want);
	else
		chat_named(c, false);
	return true;
}

/* An account's nick is its own: the one that was asked for is not had. */
static void
drop_other_nick(struct chat *c, bool tell)
{
	struct name want;
	char why[NAME_BYTES_MAX + 80];
	if (!c->nick || name_check(span_of(c->nick), false, &want) < 0 ||
	    strcmp(want.fold, c->m->nick.fold) == 0)
		return;
	snprintf(why, sizeof(why),
	    "your key is %s's here; --guest takes other names",
	    c->m->nick.shown);
	free(c->nick);
	c->nick = NULL;
	if (!tell)
		return;
	model_note(c->m, chat_here(c), ENTRY_INFO, "%s", why);
	if (c->ops->unnamed)
		c->ops->unnamed(c->arg, why);
}

void
chat_become(struct chat *c)
{
	bool same = strcmp(c->account, c->said_as) == 0;
	c->token[0] = '\0'; /* a guest's */
	c->nspare = 0;
	c->returning = false;
	model_set_nick(c->m, &c->greeted);
	if (!same)
		begin_sender(c);
	else
		remember_session(c);
	span_copy(c->said_as, sizeof(c->said_as), span_of(c->account));
}

void
chat_begin(struct chat *c)
{
	bool again = c->was_up || c->returning;
	bool other = strcmp(c->account, c->said_as) != 0;
	bool unasked = c->intent == INTENT_NONE;
	if (again && other && unasked)
		chat_disown(c);
	if (other && !c->account[0]) {
		c->token[0] = '\0';
		c->nspare = 0;
	}
	if (c->intent == INTENT_LOGIN || c->account[0])
		c->intent = INTENT_NONE;
	c->was_up = true;
	c->relay_down = false;
	bool settled = true;
	if (c->account[0]) {
		chat_become(c);
		drop_other_nick(c, unasked);
	} else {
		c->said_as[0] = '\0';
		settled = begin_guest(c, again);
	}
	if (settled && c->intent == INTENT_NONE)
		chat_enter_all(c);
}

void
chat_welcome(struct chat *c, const struct line *l)
{
	struct span p[LINE_PARAMS_MAX];
	struct span text;
	bool first = net_get_state(c->net) == NET_OPEN;
	/* once the rooms are entered nothing makes us somebody else */
	if (c->begun || line_split(l, 3, p, &text) < 0)
		return;
	if (!span_is(p[0], "snug/1")) {
		refuse_server(c, "the server speaks another version of snug");
		return;
	}
	if (span_is(p[2], "*")) {
		refuse_server(c,
		    "this server takes secure sessions only: start snug with "
		    "--secure, or without --plaintext");
		return;
	}
	if (name_check(p[2], false, &c->greeted) < 0)
		return;
	uint64_t ping_s = read_welcome_keys(c, text);
	if (!first)
		return; /* who we are has changed: an answer follows */
	struct safe server = safe_new(p[1], 0);
	model_note(c->m, model_server(c->m), ENTRY_INFO, "connected to %s%s",
	    server.utf8,
	    net_hash(c->net) ? ", securely" : "; the session is plain");
	safe_free(&server);
	c->down_cause[0] = '\0';
	net_greeted(c->net, ping_s * 1000);
	chat_prove(c);
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
take_nick(struct chat *c, struct span nick)
{
	struct name name;
	if (name_check(nick, false, &name) == 0)
		model_set_nick(c->m, &name);
}

/* An earlier run's session is ours again; the nick may be another now. */
static void
take_wanted_nick(struct chat *c)
{
	struct name want;
	if (c->returning && c->nick &&
	    name_check(span_of(c->nick), false, &want) == 0 &&
	    strcmp(want.fold, c->m->nick.fold) != 0)
		ask_nick(c, ASK_LOGIN, c->nick);
	c->returning = false;
}

static void
on_nick_taken(struct chat *c, const struct net_about *about, struct span nick)
{
	take_nick(c, nick.len ? nick : span_of(about->cid));
	remember_session(c);
	if (about->what == ASK_RESUME)
		take_wanted_nick(c);
	if (about->what != ASK_NICK)
		return;
	free(c->nick);
	c->nick = xstrdup(c->m->nick.shown);
	model_note(
	    c->m, chat_here(c), ENTRY_INFO, "you are %s now", c->m->nick.shown);
}

static void
ask_nick_in(struct chat *c, enum ask what, const char *nick, uint64_t ms)
{
	c->nick_ask = what;
	span_copy(c->nick_again, sizeof(c->nick_again), span_of(nick));
	c->nick_at_ms = clock_now_ms() + ms;
	chat_retry_soon(c);
}

/* False: it is tried again, for it may succeed yet. */
static bool
is_resume_over(
    struct chat *c, const struct net_about *about, const struct net_answer *a)
{
	if (!a->ok && a->retry_ms >= 0) {
		ask_nick_in(c, ASK_RESUME, about->cid, (uint64_t)a->retry_ms);
		return false;
	}
	if (!a->ok && next_spare(c)) {
		ask_resume(c, about->cid);
		return false;
	}
	c->resuming = false;
	take_token(c);
	return true;
}

/* We are somebody new, by the name we had or want to have. */
static void
on_resume_refused(struct chat *c, const char *nick)
{
	model_set_nick(c->m, &c->greeted);
	begin_sender(c);
	if (c->returning && c->nick)
		ask_nick(c, ASK_LOGIN, c->nick);
	else if (!name_is_guest(nick))
		ask_nick(c, ASK_LOGIN, nick);
	c->returning = false;
}

static void
on_resume_answer(
    struct chat *c, const struct net_about *about, const struct net_answer *a)
{
	if (a->lost || !is_resume_over(c, about, a))
		return;
	if (a->ok)
		on_nick_taken(c, about, a->text);
	else
		on_resume_refused(c, about->cid);
	if (c->intent == INTENT_NONE)
		chat_enter_all(c);
	else if (a->ok || name_is_guest(about->cid))
		chat_named(c, a->ok);
}

static void
on_nick_answer(
    struct chat *c, const struct net_about *about, const struct net_answer *a)
{
	if (a->lost)
		return;
	if (a->ok) {
		on_nick_taken(c, about, a->text);
		return;
	}
	if (about->what == ASK_NICK) {
		chat_note_error(c, NULL, a);
		return;
	}
	model_set_nick(c->m, &c->greeted);
	/* after a break the old session may hold the nick for a while */
	if (--c->nick_tries > 0 && span_is(a->code, "nick-in-use")) {
		ask_nick_in(c, ASK_LOGIN, about->cid, NICK_RETRY_MS);
		return;
	}
	chat_note_error(c, NULL, a);
	model_note(c->m, chat_here(c), ENTRY_INFO,
	    "you are %s until you take another: /nick NAME", c->m->nick.shown);
	if (span_is(a->code, "nick-registered") && net_hash(c->net))
		model_note(c->m, chat_here(c), ENTRY_INFO,
		    "if it is yours: /login %s", about->cid);
	if (c->ops->unnamed) {
		struct safe why = safe_new(a->text, 0);
		c->ops->unnamed(c->arg, why.utf8);
		safe_free(&why);
	}
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

static void
on_answer(void *arg, const struct net_about *about, const struct net_answer *a)
{
	struct chat *c = arg;
	struct window *w = chat_window_of(c, span_of(about->target));
	if (chat_rights_answer(c, about, a) ||
	    chat_account_answer(c, about, a)) {
		chat_changed(c);
		return;
	}
	switch ((enum ask)about->what) {
	case ASK_NICK:
		on_nick_answer(c, about, a);
		break;
	case ASK_LOGIN:
		on_nick_answer(c, about, a);
		if (!a->lost)
			chat_named(c, a->ok);
		break;
	case ASK_RESUME:
		on_resume_answer(c, about, a);
		break;
	case ASK_JOIN:
	case ASK_REJOIN:
		on_join_answer(c, w, a);
		break;
	case ASK_PART:
		on_part_answer(c, w, a);
		break;
	case ASK_SAY:
		chat_said(c, w, about->cid, a);
		break;
	case ASK_OLDER:
	case ASK_MISSED:
		on_history_answer(c, w, a, about->what == ASK_MISSED);
		break;
	case ASK_MEMBERS:
	case ASK_NAMES:
		on_names_answer(c, w, a);
		break;
	case ASK_ROOMS:
		on_rooms_answer(c, a);
		break;
	case ASK_TOPIC:
	case ASK_WHOIS:
		chat_note_error(c, w, a);
		break;
	default: /* ASK_QUIT; others' were taken above */
		break;
	}
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
		keep_spare(c);
		note_down(c);
	}
	if (c->ops->state)
		c->ops->state(c->arg, state);
	chat_changed(c);
}

static bool
retry_window(struct chat *c, struct window *w, uint64_t now_ms)
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

static bool
retry_nick(struct chat *c, uint64_t now_ms)
{
	if (c->nick_at_ms == 0)
		return false;
	if (c->nick_at_ms > now_ms)
		return true;
	c->nick_at_ms = 0;
	ask_nick(c, c->nick_ask, c->nick_again);
	return false;
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
		again |= retry_window(c, c->m->windows[i], now);
	again |= retry_nick(c, now);
	if (again)
		chat_retry_soon(c);
}

static const struct net_ops net_ops = {.line = chat_hear,
    .answer = on_answer,
    .state = on_state,
    .meet = chat_meet};

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
chat_nick(struct chat *c, const struct name *nick)
{
	if (net_get_state(c->net) == NET_UP) {
		if (!chat_refuse_offline(c))
			ask_nick(c, ASK_NICK, nick->shown);
		return;
	}
	free(c->nick);
	c->nick = xstrdup(nick->shown);
	c->token[0] = '\0';
	c->nspare = 0;
	model_set_nick(c->m, nick);
	chat_changed(c);
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

/* --- what an earlier run left ------------------------------------------- */

static void
on_settled(void *arg, const char *cid, bool accepted)
{
	struct chat *c = arg;
	outbox_settle(c->o.outbox, cid, accepted);
}

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

bool
chat_keeps(const struct chat *c)
{
	return c->o.outbox && !outbox_trouble(c->o.outbox);
}

/* --- life ---------------------------------------------------------------- */

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
chat_relay_is_down(const struct chat *c)
{
	return c->relay_down;
}
