/* SPDX-License-Identifier: ISC */
/*
 * Who we are in a session: WELCOME, then NICK, and after a break NICK with the
 * token of the session before, so that the server takes us for the same.
 * Accounts are proven in chat_account.c; the rooms wait until this is settled.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/chat_impl.h"

enum {
	NICK_RETRY_MS = 2000,
	NICK_TRIES = 30, /* a minute: a hung session's ping timeout */
};

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

void
chat_keep_spare(struct chat *c)
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

bool
chat_nick_answer(
    struct chat *c, const struct net_about *about, const struct net_answer *a)
{
	switch ((enum ask)about->what) {
	case ASK_NICK:
		on_nick_answer(c, about, a);
		return true;
	case ASK_LOGIN:
		on_nick_answer(c, about, a);
		if (!a->lost)
			chat_named(c, a->ok);
		return true;
	case ASK_RESUME:
		on_resume_answer(c, about, a);
		return true;
	default:
		return false;
	}
}

/* --- trying again, and another name --------------------------------------- */

bool
chat_retry_nick(struct chat *c, uint64_t now_ms)
{
	if (c->nick_at_ms == 0)
		return false;
	if (c->nick_at_ms > now_ms)
		return true;
	c->nick_at_ms = 0;
	ask_nick(c, c->nick_ask, c->nick_again);
	return false;
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
