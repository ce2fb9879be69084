/* SPDX-License-Identifier: ISC */
/*
 * The conversation with a server.
 *
 * Each session begins alike, the first and the one after a break: WELCOME,
 * then NICK, then JOIN for every room that is wanted, from its cursor on.
 * A room's cursor is the id up to which everything was seen; it moves with
 * what the room delivers and with the end of a replay, never with the OK of a
 * message of ours, which may overtake others.
 *
 * What we say waits in the window until the server has settled it.  One
 * message of a window is in flight at a time, so that a refusal in the middle
 * cannot change the order.  After a break nothing is said again before the
 * replay had its chance to show that it was accepted after all; then it is
 * repeated under the same cid if that cannot make a second message of it, and
 * otherwise the user is asked (protocol section 6.3).
 *
 * The server is not trusted: names are checked before they are used, numbers
 * parsed with limits, and what it says about rooms we never entered is
 * ignored.
 */
#include "client/chat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <event2/util.h>

#include "base/clock.h"
#include "base/mem.h"
#include "proto/codes.h"

enum {
	MAX_TEXT_DEFAULT = 8192,
	DEDUPE_DEFAULT_MS = 300000,
	RETRY_TICK_MS = 100,
	NICK_RETRY_MS = 2000,
	NICK_TRIES = 30, /* a minute: a hung session's ping timeout */
	PAGE = 100,      /* messages of history at a time */
	RESUME_MAX = 128,
	NAMES_SHOWN_MAX = 200,
};

/* What was asked. */
enum ask {
	ASK_NICK,   /* the user's */
	ASK_LOGIN,  /* the nick, as a session begins */
	ASK_RESUME, /* the same, with a token */
	ASK_JOIN,   /* with a past the user has not seen */
	ASK_REJOIN, /* from a cursor */
	ASK_PART,
	ASK_SAY,
	ASK_TOPIC,
	ASK_NAMES,
	ASK_ROOMS,
	ASK_WHOIS,
	ASK_OLDER,  /* history before what is there */
	ASK_MISSED, /* a person's, after the cursor */
	ASK_QUIT,
};

struct chat {
	struct model *m;
	struct net *net;
	struct chat_options o;
	char *nick; /* owned: wanted; NULL: none */
	const struct chat_ops *ops;
	void *arg;
	struct event *retry;

	uint64_t max_text, dedupe_ms;
	char token[RESUME_MAX + 1]; /* of the session there is or was */
	bool same_sender;           /* as before the break */
	bool was_up;
	bool relay_down;
	struct name greeted; /* the nick this session began with */
	unsigned nick_tries; /* left */
	uint64_t nick_at_ms; /* when to try again; 0: not */
	char nick_again[NAME_BYTES_MAX + 1];
	char cid_base[17];
	uint64_t cid_next;
	char last_cid[LINE_CID_MAX + 1];
	uint64_t rooms_listed;
};

static void pump(struct chat *c, struct window *w);

static void
changed(struct chat *c)
{
	if (c->ops->changed)
		c->ops->changed(c->arg);
}

static bool
is_up(const struct chat *c)
{
	return net_get_state(c->net) == NET_UP;
}

/* Something has to be tried again: on_retry() finds out what, and when. */
static void
retry_soon(struct chat *c)
{
	struct timeval tv = {.tv_usec = RETRY_TICK_MS * 1000};
	if (!evtimer_pending(c->retry, NULL))
		event_add(c->retry, &tv);
}

/* Where what the user asked for is answered. */
static struct window *
here(const struct chat *c)
{
	return model_current(c->m);
}

/* --- asking -------------------------------------------------------------- */

static void
ask(struct chat *c, enum ask what, const struct window *w, const char *cid,
    struct line_writer *lw)
{
	struct net_about about = {.what = (int)what};
	if (w)
		model_target(w, about.target);
	if (cid)
		span_copy(about.cid, sizeof(about.cid), span_of(cid));
	net_ask(c->net, &about, lw);
}

static void
put_target(struct line_writer *lw, const struct window *w)
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

static bool
refuse_offline(struct chat *c)
{
	if (is_up(c))
		return false;
	model_note(c->m, here(c), ENTRY_ERROR,
	    "not connected: try again when the line below says so, "
	    "or /reconnect");
	changed(c);
	return true;
}

/* --- a session begins ---------------------------------------------------- */

static void
enter(struct chat *c, struct window *w)
{
	struct line_writer lw;
	w->settled = false;
	w->gap = false;
	w->hold_until_ms = 0;
	ask(c, w->entered ? ASK_REJOIN : ASK_JOIN, w, NULL, &lw);
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
	w->gap = false;
	ask(c, again ? ASK_MISSED : ASK_OLDER, w, NULL, &lw);
	if (again)
		put_id_attr(&lw, "after", w->cursor);
	put_count_attr(&lw, "last", again ? 500 : PAGE);
	line_put(&lw, SPAN("HISTORY"));
	put_target(&lw, w);
	net_send(c->net, &lw);
}

static void
ask_nick(struct chat *c, enum ask what, const char *nick)
{
	struct line_writer lw;
	ask(c, what, NULL, nick, &lw);
	if (what == ASK_RESUME)
		line_put_attr(&lw, "resume", span_of(c->token));
	line_put(&lw, SPAN("NICK"));
	line_put(&lw, span_of(nick));
	net_send(c->net, &lw);
}

static void
enter_all(struct chat *c)
{
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
read_welcome_key(struct chat *c, struct span key, struct span value,
    uint64_t *ping_s, char token[static RESUME_MAX + 1])
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
		span_copy(token, RESUME_MAX + 1, value);
}

static uint64_t
read_welcome_keys(
    struct chat *c, struct span text, char token[static RESUME_MAX + 1])
{
	uint64_t ping_s = 0;
	while (text.len > 0) {
		struct span word = text_word(&text);
		const char *eq = memchr(word.p, '=', word.len);
		if (!eq)
			continue;
		size_t n = (size_t)(eq - word.p);
		read_welcome_key(c, (struct span){word.p, n},
		    (struct span){eq + 1, word.len - n - 1}, &ping_s, token);
	}
	return ping_s;
}

static void
refuse_server(struct chat *c, const char *why)
{
	model_note(c->m, model_server(c->m), ENTRY_ERROR, "%s", why);
	net_disconnect(c->net, why);
}

static void
begin_session(struct chat *c, const struct name *nick, const char *token)
{
	bool named = c->m->nick.fold[0] && !name_is_guest(c->m->nick.fold);
	const char *want = named ? c->m->nick.shown : c->nick;
	c->greeted = *nick;
	c->same_sender = false;
	c->nick_tries = c->was_up ? NICK_TRIES : 1;
	if (c->was_up && c->token[0]) {
		ask_nick(c, ASK_RESUME, c->m->nick.shown);
	} else {
		if (!named)
			model_set_nick(c->m, nick);
		if (want)
			ask_nick(c, ASK_LOGIN, want);
	}
	span_copy(c->token, sizeof(c->token), span_of(token));
	c->was_up = true;
	c->relay_down = false;
	enter_all(c);
}

static void
on_welcome(struct chat *c, const struct line *l)
{
	struct span p[LINE_PARAMS_MAX];
	struct span text;
	struct name nick;
	char token[RESUME_MAX + 1] = "";
	if (net_get_state(c->net) != NET_OPEN || line_split(l, 3, p, &text) < 0)
		return;
	if (!span_is(p[0], "snug/1")) {
		refuse_server(c, "the server speaks another version of snug");
		return;
	}
	uint64_t ping_s = read_welcome_keys(c, text, token);
	if (span_is(p[2], "*")) {
		refuse_server(c,
		    "this server takes secure sessions only, which this snug "
		    "cannot open yet; use one on this machine, or ask its "
		    "operator for `plaintext = any`");
		return;
	}
	if (name_check(p[2], false, &nick) < 0)
		return;
	struct safe server = safe_new(p[1], 0);
	model_note(c->m, model_server(c->m), ENTRY_INFO, "connected to %s",
	    server.utf8);
	safe_free(&server);
	net_greeted(c->net, ping_s * 1000);
	begin_session(c, &nick, token);
}

/* --- what we say --------------------------------------------------------- */

static void
write_say(struct chat *c, struct window *w, struct send *s)
{
	struct line_writer lw;
	if (s->first_ms == 0)
		s->first_ms = clock_now_ms();
	s->state = SEND_FLYING;
	ask(c, ASK_SAY, w, s->cid, &lw);
	line_put_attr(&lw, "cid", span_of(s->cid));
	if (s->act)
		line_put_flag(&lw, "act");
	line_put(&lw, SPAN("SAY"));
	put_target(&lw, w);
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

/* May it be said again under the same cid without becoming two? */
static bool
may_repeat(const struct chat *c, const struct window *w, const struct send *s)
{
	if (s->first_ms == 0 || s->state != SEND_WAITING)
		return true;
	if (!c->same_sender)
		return false;
	return clock_now_ms() - s->first_ms < c->dedupe_ms || !w->gap;
}

static void
pump(struct chat *c, struct window *w)
{
	struct send *s;
	bool ready =
	    w->kind == WINDOW_PERSON ? w->settled : w->joined && w->settled;
	if (!is_up(c) || !ready)
		return;
	if (w->hold_until_ms > clock_now_ms()) {
		retry_soon(c);
		return;
	}
	s = model_send_next(w);
	if (s)
		write_say(c, w, s);
}

/* The replay is through: what it did not settle is judged. */
static void
settle_window(struct chat *c, struct window *w)
{
	w->settled = true;
	for (size_t i = w->nsends; i-- > 0;) {
		struct send *s = w->sends[i];
		if (!may_repeat(c, w, s))
			give_up(c, w, s);
	}
	pump(c, w);
}

static void
on_say_answer(struct chat *c, struct window *w, const char *cid,
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
	} else {
		struct safe why = safe_new(a->text, 0);
		model_send_fail(c->m, w, s, SEND_FAILED);
		model_note(c->m, w, ENTRY_ERROR,
		    "not sent: %s (/resend tries again, /discard drops it)",
		    why.utf8);
		if (c->ops->sent)
			c->ops->sent(
			    c->arg, cid, (struct msgid){0, 0}, why.utf8, false);
		safe_free(&why);
	}
	pump(c, w);
}

/* --- answers ------------------------------------------------------------- */

static struct window *
window_of(const struct chat *c, struct span target)
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

static void
note_error(struct chat *c, struct window *w, const struct net_answer *a)
{
	char code[32];
	if (a->ok || a->lost)
		return;
	text_escape(code, sizeof(code), a->code);
	model_note(c->m, w ? w : here(c), ENTRY_ERROR, "%.*s (%s)",
	    SPAN_ARG(a->text.len ? a->text : SPAN("refused")), code);
}

static void
advance(struct window *w, struct span text)
{
	struct msgid id;
	if (msgid_parse(text, &id) && msgid_cmp(id, w->cursor) > 0)
		w->cursor = id;
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
		settle_window(c, w);
		c->m->dirty |= DIRTY_ALL;
	} else if (a->retry_ms >= 0) {
		w->hold_until_ms = clock_now_ms() + (uint64_t)a->retry_ms;
		retry_soon(c);
	} else {
		w->wanted = false;
		note_error(c, w, a);
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
		note_error(c, w, a);
}

static void
on_older_answer(
    struct chat *c, struct window *w, const struct net_answer *a, bool missed)
{
	if (!w)
		return;
	w->asking = false;
	if (a->ok && span_is(a->text, "end") && !missed)
		w->at_origin = true;
	/* nobody of that name is there now: no reason to lose what was said */
	if (!a->ok && !a->lost && !span_is(a->code, "no-such-nick"))
		note_error(c, w, a);
	if (w->kind == WINDOW_PERSON && !w->settled && !a->lost)
		settle_window(c, w);
	c->m->dirty |= DIRTY_PANE;
}

static void
take_nick(struct chat *c, struct span nick)
{
	struct name name;
	if (name_check(nick, false, &name) == 0)
		model_set_nick(c->m, &name);
}

static void
on_nick_taken(struct chat *c, const struct net_about *about, struct span nick)
{
	take_nick(c, nick.len ? nick : span_of(about->cid));
	c->same_sender |= about->what == ASK_RESUME;
	if (about->what != ASK_NICK)
		return;
	free(c->nick);
	c->nick = xstrdup(c->m->nick.shown);
	model_note(
	    c->m, here(c), ENTRY_INFO, "you are %s now", c->m->nick.shown);
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
		note_error(c, NULL, a);
		return;
	}
	model_set_nick(c->m, &c->greeted);
	if (about->what == ASK_RESUME) {
		if (!name_is_guest(about->cid))
			ask_nick(c, ASK_LOGIN, about->cid);
		return;
	}
	/* after a break the old session may hold the nick for a while */
	if (--c->nick_tries > 0 && span_is(a->code, "nick-in-use")) {
		span_copy(
		    c->nick_again, sizeof(c->nick_again), span_of(about->cid));
		c->nick_at_ms = clock_now_ms() + NICK_RETRY_MS;
		retry_soon(c);
		return;
	}
	note_error(c, NULL, a);
	model_note(c->m, here(c), ENTRY_INFO,
	    "you are %s until you take another: /nick NAME", c->m->nick.shown);
	if (c->ops->unnamed) {
		struct safe why = safe_new(a->text, 0);
		c->ops->unnamed(c->arg, why.utf8);
		safe_free(&why);
	}
}

static void
on_rooms_answer(struct chat *c, const struct net_answer *a)
{
	note_error(c, NULL, a);
	if (a->ok && c->rooms_listed == 0)
		model_note(c->m, here(c), ENTRY_INFO,
		    "no rooms to list; /join NAME makes one");
}

static void
on_names_answer(struct chat *c, struct window *w, const struct net_answer *a)
{
	note_error(c, w, a);
	if (w)
		model_names_end(c->m, w);
}

static void
on_answer(void *arg, const struct net_about *about, const struct net_answer *a)
{
	struct chat *c = arg;
	struct window *w = window_of(c, span_of(about->target));
	switch ((enum ask)about->what) {
	case ASK_NICK:
	case ASK_LOGIN:
	case ASK_RESUME:
		on_nick_answer(c, about, a);
		break;
	case ASK_JOIN:
	case ASK_REJOIN:
		on_join_answer(c, w, a);
		break;
	case ASK_PART:
		on_part_answer(c, w, a);
		break;
	case ASK_SAY:
		on_say_answer(c, w, about->cid, a);
		break;
	case ASK_OLDER:
	case ASK_MISSED:
		on_older_answer(c, w, a, about->what == ASK_MISSED);
		break;
	case ASK_NAMES:
		on_names_answer(c, w, a);
		break;
	case ASK_ROOMS:
		on_rooms_answer(c, a);
		break;
	case ASK_TOPIC:
	case ASK_WHOIS:
		note_error(c, w, a);
		break;
	case ASK_QUIT:
		break;
	}
	changed(c);
}

/* --- lines --------------------------------------------------------------- */

/* A line, taken apart as far as every handler wants it. */
struct heard {
	const struct line *l;
	const struct net_about *head;
	struct span p[LINE_PARAMS_MAX];
	struct span text;
};

static bool
asked(const struct heard *h, enum ask what)
{
	return h->head && h->head->what == (int)what;
}

static bool
get_name(struct span s, struct name *name)
{
	return name_check(s, false, name) == 0;
}

/* A message's conversation: a room we are in, or a person. */
static struct window *
window_for_message(struct chat *c, struct span target)
{
	struct name name;
	struct window *w = window_of(c, target);
	if (w || target.len == 0 || target.p[0] != '@' ||
	    !get_name((struct span){target.p + 1, target.len - 1}, &name))
		return w;
	w = model_open(c->m, WINDOW_PERSON, &name);
	if (w)
		w->settled = true;
	return w;
}

/* What a message shows where this snug cannot do what it says. */
static bool
is_about_another(const struct line *l)
{
	return line_attr(l, "react") || line_attr(l, "unreact") ||
	       line_attr(l, "edit") || line_attr(l, "delete");
}

static void
on_msg(struct chat *c, const struct heard *h)
{
	struct name nick;
	struct message msg = {.nick = h->p[2], .fold = nick.fold};
	if (!msgid_parse(h->p[1], &msg.id) || msg.id.ms > INT64_MAX ||
	    msgid_is_zero(msg.id) || !get_name(h->p[2], &nick))
		return;
	struct window *w = window_for_message(c, h->p[0]);
	if (!w)
		return;
	bool replay = line_attr(h->l, "replay") != NULL;
	const struct line_attr *cid = line_attr(h->l, "cid");
	bool older = replay && asked(h, ASK_OLDER);
	msg.text = line_attr(h->l, "deleted") ? SPAN("(deleted)")
		   : line_attr(h->l, "enc")
		       ? SPAN("(encrypted: not for this snug)")
		       : h->text;
	msg.act = line_attr(h->l, "act") != NULL;
	msg.cid = replay && cid ? cid->value : SPAN_NONE;
	msg.old = older || (replay && asked(h, ASK_JOIN));
	if (is_about_another(h->l)) {
		if (msgid_cmp(msg.id, w->cursor) > 0)
			w->cursor = msg.id;
		return;
	}
	if (model_message(c->m, w, &msg) && c->ops->message)
		c->ops->message(c->arg, w, &msg, h->l);
}

static void
on_joined(struct chat *c, const struct heard *h)
{
	struct name nick;
	struct window *w = window_of(c, h->p[0]);
	if (!w || !get_name(h->p[1], &nick))
		return;
	bool own = strcmp(nick.fold, c->m->nick.fold) == 0;
	model_member_add(c->m, w, &nick, ' ');
	if (!own)
		model_note(c->m, w, ENTRY_IN, "%s joined", nick.shown);
}

static void
on_parted(struct chat *c, const struct heard *h)
{
	struct name nick;
	struct window *w = window_of(c, h->p[0]);
	const struct line_attr *by = line_attr(h->l, "by");
	if (!w || !get_name(h->p[1], &nick))
		return;
	model_member_remove(c->m, w, nick.fold);
	bool own = strcmp(nick.fold, c->m->nick.fold) == 0;
	if (own && by) {
		w->joined = false;
		w->wanted = false;
		model_note(c->m, w, ENTRY_ERROR,
		    "%.*s removed you from the room: %.*s", SPAN_ARG(by->value),
		    SPAN_ARG(h->text.len ? h->text : SPAN("no reason given")));
		return;
	}
	if (!own)
		model_note(c->m, w, ENTRY_OUT,
		    h->text.len ? "%s left: %.*s" : "%s left%.*s", nick.shown,
		    SPAN_ARG(h->text));
}

/* A person's window goes where the person goes, if that name is free. */
static void
rename_window(struct chat *c, const struct name *old, const struct name *new)
{
	struct window *w = model_find(c->m, WINDOW_PERSON, old->fold);
	if (!w || model_find(c->m, WINDOW_PERSON, new->fold))
		return;
	w->name = *new;
	safe_free(&w->title);
	w->title = safe_printf("@%s", new->shown);
	model_note(c->m, w, ENTRY_INFO, "%s is %s now", old->shown, new->shown);
}

static void
on_renamed(struct chat *c, const struct heard *h)
{
	struct name old;
	struct name new;
	if (!get_name(h->p[0], &old) || !get_name(h->p[1], &new))
		return;
	bool own = strcmp(old.fold, c->m->nick.fold) == 0;
	for (size_t i = 1; i < c->m->n; i++) {
		struct window *w = c->m->windows[i];
		if (w->kind != WINDOW_ROOM || !model_member(w, old.fold))
			continue;
		model_member_rename(c->m, w, old.fold, &new);
		if (!own)
			model_note(c->m, w, ENTRY_INFO, "%s is %s now",
			    old.shown, new.shown);
	}
	if (own)
		model_set_nick(c->m, &new);
	else
		rename_window(c, &old, &new);
	c->m->dirty |= DIRTY_ROOMS | DIRTY_TITLE | DIRTY_STATUS;
}

static void
on_topic(struct chat *c, const struct heard *h)
{
	struct name nick;
	struct window *w = window_of(c, h->p[0]);
	if (!w || !get_name(h->p[1], &nick))
		return;
	model_topic(c->m, w, h->text);
	if (asked(h, ASK_JOIN) || asked(h, ASK_REJOIN))
		return;
	if (h->text.len > 0)
		model_note(c->m, w, ENTRY_INFO, "topic, by %s: %.*s",
		    nick.shown, SPAN_ARG(h->text));
	else
		model_note(
		    c->m, w, ENTRY_INFO, "%s cleared the topic", nick.shown);
}

static void
on_names(struct chat *c, const struct heard *h)
{
	uint64_t total;
	unsigned n = 0;
	struct name name;
	struct window *w = window_of(c, h->p[0]);
	struct span rest = h->text;
	if (!text_u64(h->p[1], 1000000000, &total))
		return;
	if (w)
		model_names_line(c->m, w, total);
	while (rest.len > 0 && n++ < MEMBERS_MAX) {
		struct span word = text_word(&rest);
		char rank = ' ';
		if (word.len > 0 && (word.p[0] == '*' || word.p[0] == '+')) {
			rank = word.p[0];
			word = (struct span){word.p + 1, word.len - 1};
		}
		if (w && get_name(word, &name))
			model_member_add(c->m, w, &name, rank);
	}
	if (asked(h, ASK_NAMES))
		model_note(c->m, w ? w : here(c), ENTRY_INFO, "%llu here: %.*s",
		    (unsigned long long)total, SPAN_ARG(h->text));
}

static void
on_room(struct chat *c, const struct heard *h)
{
	if (c->rooms_listed++ < NAMES_SHOWN_MAX)
		model_note(c->m, here(c), ENTRY_INFO, "#%.*s  %.*s  %.*s",
		    SPAN_ARG(h->p[0]), SPAN_ARG(h->p[1]), SPAN_ARG(h->text));
	if (c->rooms_listed == NAMES_SHOWN_MAX)
		model_note(c->m, here(c), ENTRY_INFO,
		    "and more; narrow it down: /list a*");
}

static void
on_user(struct chat *c, const struct heard *h)
{
	model_note(c->m, here(c), ENTRY_INFO, "%.*s  %.*s", SPAN_ARG(h->p[0]),
	    SPAN_ARG(h->text));
}

static void
on_gap(struct chat *c, struct span target)
{
	struct window *w = window_of(c, target);
	if (!w)
		return;
	w->gap = true;
	model_note(c->m, w, ENTRY_ERROR,
	    "some messages from here on are lost or out of reach");
}

static void
note_relay(struct chat *c, bool down)
{
	if (c->relay_down == down)
		return;
	c->relay_down = down;
	c->m->dirty |= DIRTY_STATUS;
	model_note(c->m, here(c), ENTRY_INFO,
	    down ? "the server has lost its relay: what you write waits here "
		   "until it is back"
		 : "the relay is back");
}

static void
on_notice(struct chat *c, const struct heard *h)
{
	struct span rest = h->text;
	if (span_is(h->p[0], "relay-down"))
		note_relay(c, true);
	else if (span_is(h->p[0], "relay-up"))
		note_relay(c, false);
	else if (span_is(h->p[0], "gap"))
		on_gap(c, text_word(&rest));
	else if (!span_is(h->p[0], "presence") && !span_is(h->p[0], "unread"))
		model_note(c->m, model_server(c->m), ENTRY_INFO, "%.*s",
		    SPAN_ARG(h->text.len ? h->text : h->p[0]));
}

static void
on_bye(struct chat *c, const struct heard *h)
{
	char why[ERR_LEN];
	const struct line_attr *a = line_attr(h->l, "retry");
	uint64_t ms;
	bool retry = a && text_u64(a->value, 3600000, &ms);
	struct safe text = safe_new(h->text.len ? h->text : h->p[0], 0);
	snprintf(why, sizeof(why), "the server said goodbye: %s", text.utf8);
	safe_free(&text);
	net_bye(c->net, retry ? (int64_t)ms : -1, why);
	model_note(c->m, here(c), ENTRY_INFO, "%s", why);
}

/* An ERR that answers nothing of ours. */
static void
on_stray(struct chat *c, const struct heard *h)
{
	model_note(c->m, model_server(c->m), ENTRY_ERROR, "%.*s",
	    SPAN_ARG(h->text.len ? h->text : h->p[0]));
}

static const struct verb {
	const char *verb;
	unsigned params;
	void (*run)(struct chat *, const struct heard *);
} verbs[] = {
    {"BYE", 1, on_bye},
    {"ERR", 1, on_stray},
    {"JOINED", 2, on_joined},
    {"MSG", 3, on_msg},
    {"NAMES", 2, on_names},
    {"NOTICE", 1, on_notice},
    {"PARTED", 2, on_parted},
    {"RENAMED", 2, on_renamed},
    {"ROOM", 2, on_room},
    {"TOPIC", 2, on_topic},
    {"USER", 1, on_user},
};

static void
on_line(void *arg, const struct line *l, const struct net_about *head)
{
	struct chat *c = arg;
	struct heard h = {.l = l, .head = head};
	if (strcmp(l->verb, "WELCOME") == 0)
		on_welcome(c, l);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (strcmp(l->verb, verbs[i].verb) == 0 &&
		    line_split(l, verbs[i].params, h.p, &h.text) == 0)
			verbs[i].run(c, &h);
	changed(c);
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
	model_note(
	    c->m, model_server(c->m), ENTRY_ERROR, "%s", net_cause(c->net));
}

static void
on_state(void *arg, enum net_state state)
{
	struct chat *c = arg;
	c->m->dirty |= DIRTY_STATUS;
	if (state == NET_OFF || state == NET_WAITING)
		note_down(c);
	if (c->ops->state)
		c->ops->state(c->arg, state);
	changed(c);
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
	else
		pump(c, w);
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
	if (!is_up(c))
		return;
	for (size_t i = 1; i < c->m->n; i++)
		again |= retry_window(c, c->m->windows[i], now);
	again |= c->nick_at_ms > 0;
	if (c->nick_at_ms > 0 && now >= c->nick_at_ms) {
		c->nick_at_ms = 0;
		ask_nick(c, ASK_LOGIN, c->nick_again);
	}
	if (again)
		retry_soon(c);
}

static const struct net_ops net_ops = {
    .line = on_line, .answer = on_answer, .state = on_state};

/* --- what the user wants ------------------------------------------------- */

struct window *
chat_join(struct chat *c, const struct name *room)
{
	struct window *w = model_open(c->m, WINDOW_ROOM, room);
	if (!w) {
		model_note(c->m, here(c), ENTRY_ERROR,
		    "too many windows: /part one first");
		return NULL;
	}
	bool enters = !w->joined && is_up(c);
	w->wanted = true;
	if (enters)
		enter(c, w);
	changed(c);
	return w;
}

void
chat_part(struct chat *c, struct window *w, struct span why)
{
	struct line_writer lw;
	w->wanted = false;
	if (w->kind == WINDOW_PERSON || !is_up(c) || !w->joined) {
		model_close(c->m, w);
		changed(c);
		return;
	}
	ask(c, ASK_PART, w, NULL, &lw);
	line_put(&lw, SPAN("PART"));
	put_target(&lw, w);
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
		model_note(c->m, here(c), ENTRY_ERROR,
		    "too many windows: /part one first");
	else if (is_up(c))
		catch_up(c, w);
	changed(c);
	return w;
}

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

bool
chat_say(struct chat *c, struct window *w, struct span text, bool act)
{
	char *wire = to_wire(text);
	bool refused = refuse_say(c, w, wire);
	if (!refused) {
		snprintf(c->last_cid, sizeof(c->last_cid), "%s-%llu",
		    c->cid_base, (unsigned long long)c->cid_next++);
		if (!model_send(c->m, w, c->last_cid, wire, act,
			(int64_t)clock_wall_ms())) {
			model_note(c->m, w, ENTRY_ERROR,
			    "%d lines wait here already: send this later",
			    SENDS_MAX);
			refused = true;
		}
	}
	free(wire);
	pump(c, w);
	changed(c);
	return !refused;
}

const char *
chat_last_cid(const struct chat *c)
{
	return c->last_cid;
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
		pump(c, w);
	}
	changed(c);
}

void
chat_nick(struct chat *c, const struct name *nick)
{
	if (is_up(c)) {
		ask_nick(c, ASK_NICK, nick->shown);
		return;
	}
	free(c->nick);
	c->nick = xstrdup(nick->shown);
	c->token[0] = '\0';
	model_set_nick(c->m, nick);
	changed(c);
}

void
chat_topic(struct chat *c, struct window *w, struct span text, bool clear)
{
	struct line_writer lw;
	if (refuse_offline(c))
		return;
	ask(c, ASK_TOPIC, w, NULL, &lw);
	if (clear)
		line_put_flag(&lw, "clear");
	line_put(&lw, SPAN("TOPIC"));
	put_target(&lw, w);
	line_put(&lw, text);
	net_send(c->net, &lw);
}

void
chat_names(struct chat *c, struct window *w)
{
	struct line_writer lw;
	if (refuse_offline(c))
		return;
	ask(c, ASK_NAMES, w, NULL, &lw);
	line_put(&lw, SPAN("NAMES"));
	put_target(&lw, w);
	net_send(c->net, &lw);
}

void
chat_rooms(struct chat *c, struct span pattern)
{
	struct line_writer lw;
	if (refuse_offline(c))
		return;
	c->rooms_listed = 0;
	ask(c, ASK_ROOMS, NULL, NULL, &lw);
	line_put(&lw, SPAN("ROOMS"));
	line_put(&lw, pattern);
	net_send(c->net, &lw);
}

void
chat_whois(struct chat *c, const struct name *nick)
{
	struct line_writer lw;
	if (refuse_offline(c))
		return;
	ask(c, ASK_WHOIS, NULL, NULL, &lw);
	line_put(&lw, SPAN("WHOIS"));
	line_put(&lw, span_of(nick->shown));
	net_send(c->net, &lw);
}

void
chat_older(struct chat *c, struct window *w)
{
	struct line_writer lw;
	struct msgid oldest = buffer_oldest(&w->buffer);
	if (w->kind == WINDOW_SERVER || w->at_origin || w->asking ||
	    msgid_is_zero(oldest) || !is_up(c) ||
	    (w->kind == WINDOW_ROOM && !w->joined))
		return;
	w->asking = true;
	ask(c, ASK_OLDER, w, NULL, &lw);
	put_id_attr(&lw, "before", oldest);
	put_count_attr(&lw, "last", PAGE);
	line_put(&lw, SPAN("HISTORY"));
	put_target(&lw, w);
	net_send(c->net, &lw);
	c->m->dirty |= DIRTY_PANE;
	changed(c);
}

void
chat_quit(struct chat *c, struct span why)
{
	struct line_writer lw;
	if (!is_up(c)) {
		net_disconnect(c->net, "you left");
		return;
	}
	ask(c, ASK_QUIT, NULL, NULL, &lw);
	line_put(&lw, SPAN("QUIT"));
	line_put(&lw, why);
	net_send(c->net, &lw);
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
	c->net = net_new(base, &o->server, &net_ops, c);
	return c;
}

void
chat_free(struct chat *c)
{
	if (!c)
		return;
	net_free(c->net);
	event_free(c->retry);
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
