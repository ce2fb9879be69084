/* SPDX-License-Identifier: ISC */
/*
 * What the server says: each verb's line, and what it does to the model.
 *
 * The server is not trusted: names are checked before they are used, numbers
 * parsed with limits, and what it says about rooms we never entered is
 * ignored.  Texts go to the model as they are; whatever is drawn of them
 * passes the sanitiser there.
 */
#include "client/chat_impl.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/attr.h"
#include "base/buf.h"

enum { NAMES_SHOWN_MAX = 200 };

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
	struct window *w = chat_window_of(c, target);
	if (w || target.len == 0 || target.p[0] != '@' ||
	    !get_name((struct span){target.p + 1, target.len - 1}, &name))
		return w;
	w = model_open(c->m, WINDOW_PERSON, &name);
	if (w)
		w->settled = w->reaches = true;
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
	msg.registered = line_attr(h->l, "auth") != NULL;
	msg.cid = replay && cid ? cid->value : SPAN_NONE;
	msg.old = older || (replay && asked(h, ASK_JOIN));
	msg.replay = replay;
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
	struct window *w = chat_window_of(c, h->p[0]);
	if (!w || !get_name(h->p[1], &nick))
		return;
	bool own = strcmp(nick.fold, c->m->nick.fold) == 0;
	model_member_add(c->m, w, &nick);
	if (!own)
		model_note(c->m, w, ENTRY_IN, "%s joined", nick.shown);
}

/* By KICK or BAN.  What waits to be said here is not said any more. */
static void
on_removed(struct chat *c, struct window *w, const struct heard *h, bool own)
{
	struct span by = line_attr(h->l, "by")->value;
	struct span why = h->text.len ? h->text : SPAN("no reason given");
	if (!own) {
		model_note(c->m, w, ENTRY_OUT, "%.*s removed %.*s: %.*s",
		    SPAN_ARG(by), SPAN_ARG(h->p[1]), SPAN_ARG(why));
		return;
	}
	w->joined = false;
	w->wanted = false;
	model_note(c->m, w, ENTRY_ERROR,
	    "%.*s removed you from the room: %.*s; /join %s tries to come back",
	    SPAN_ARG(by), SPAN_ARG(why), w->name.shown);
	chat_shut_out(c, w);
	c->m->dirty |= DIRTY_TITLE | DIRTY_ROOMS | DIRTY_MEMBERS;
}

static void
on_parted(struct chat *c, const struct heard *h)
{
	struct name nick;
	struct window *w = chat_window_of(c, h->p[0]);
	const struct line_attr *by = line_attr(h->l, "by");
	if (!w || !get_name(h->p[1], &nick))
		return;
	model_member_remove(c->m, w, nick.fold);
	bool own = strcmp(nick.fold, c->m->nick.fold) == 0;
	if (by) {
		on_removed(c, w, h, own);
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
	struct window *w = chat_window_of(c, h->p[0]);
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
	struct window *w = chat_window_of(c, h->p[0]);
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
			model_names_add(w, &name, rank);
	}
	if (asked(h, ASK_NAMES))
		model_note(c->m, w ? w : chat_here(c), ENTRY_INFO,
		    "%llu here: %.*s", (unsigned long long)total,
		    SPAN_ARG(h->text));
}

static void
on_room(struct chat *c, const struct heard *h)
{
	if (chat_asked_rights(h->head, "ROOM")) {
		chat_show_settings(c, h->l);
		return;
	}
	if (c->rooms_listed++ < NAMES_SHOWN_MAX)
		model_note(c->m, chat_here(c), ENTRY_INFO, "#%.*s  %.*s  %.*s",
		    SPAN_ARG(h->p[0]), SPAN_ARG(h->p[1]), SPAN_ARG(h->text));
	if (c->rooms_listed == NAMES_SHOWN_MAX)
		model_note(c->m, chat_here(c), ENTRY_INFO,
		    "and more; narrow it down: /list a*");
}

static void
put_since(struct buf *out, struct span ms)
{
	uint64_t v;
	struct tm tm;
	char text[32];

	if (!text_u64(ms, UINT64_C(1) << 45, &v))
		return;
	time_t t = (time_t)(v / 1000);
	if (localtime_r(&t, &tm) &&
	    strftime(text, sizeof text, "%e %b %H:%M", &tm) > 0)
		buf_addf(out, ", since %s", text + strspn(text, " "));
}

/* One of WHOIS' facts, in words where it is known. */
static void
put_fact(struct buf *out, struct span fact)
{
	const char *eq = memchr(fact.p, '=', fact.len);
	size_t at = eq ? (size_t)(eq - fact.p) : fact.len;
	struct span key = {fact.p, at};
	struct span value = {
	    fact.p + at + (eq != NULL), fact.len - at - (eq != NULL)};

	if (span_is(fact, "guest=yes"))
		buf_add_str(out, ", a guest");
	else if (span_is(key, "node"))
		buf_addf(out, ", on %.*s", SPAN_ARG(value));
	else if (span_is(key, "since"))
		put_since(out, value);
	else if (fact.len > 0)
		buf_addf(out, ", %.*s", SPAN_ARG(fact));
}

static void
on_user(struct chat *c, const struct heard *h)
{
	struct buf line = {0};
	struct span rest = h->text;

	buf_add(&line, h->p[0].p, h->p[0].len);
	while (rest.len > 0)
		put_fact(&line, text_word(&rest));
	model_note(c->m, chat_here(c), ENTRY_INFO, "%.*s", (int)buf_len(&line),
	    buf_head(&line));
	buf_free(&line);
}

static void
on_gap(struct chat *c, const struct heard *h)
{
	struct span rest = h->text;
	struct window *w = chat_window_of(c, text_word(&rest));
	if (!w)
		return;
	w->reaches = false;
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
	model_note(c->m, chat_here(c), ENTRY_INFO,
	    down ? "the server has lost its relay: what you write waits here "
		   "until it is back"
		 : "the relay is back");
}

/* Many left at once, unnamed: who is left is asked for. */
static void
on_many_parted(struct chat *c, const struct heard *h)
{
	uint64_t n;
	struct span text = h->text;
	struct line_writer lw;
	struct window *w = chat_window_of(c, text_word(&text));
	if (!w || !text_u64(text_word(&text), 1000000000, &n))
		return;
	model_note(c->m, w, ENTRY_OUT,
	    "%llu people left: the server they were on went away",
	    (unsigned long long)n);
	chat_ask(c, ASK_MEMBERS, w, NULL, &lw);
	line_put(&lw, SPAN("NAMES"));
	chat_put_target(&lw, w);
	net_send(c->net, &lw);
}

static void
on_relay_down(struct chat *c, const struct heard *h)
{
	(void)h;
	note_relay(c, true);
}

static void
on_relay_up(struct chat *c, const struct heard *h)
{
	(void)h;
	note_relay(c, false);
}

static void
on_next_key(struct chat *c, const struct heard *h)
{
	struct span rest = h->text;
	chat_next_key(c, text_word(&rest));
}

static void
on_rights(struct chat *c, const struct heard *h)
{
	chat_rights_changed(c, h->text);
}

/* Wherever one looks: the room may be one that is not known yet. */
static void
on_invited(struct chat *c, const struct heard *h)
{
	struct span why = h->text;
	struct span room = text_word(&why), by = text_word(&why);
	struct name name;
	if (name_check(room, false, &name) < 0 ||
	    name_check(by, false, &name) < 0)
		return;
	model_note(c->m, chat_here(c), ENTRY_INFO,
	    "%.*s invites you to #%.*s%s%.*s; /join %.*s takes you there",
	    SPAN_ARG(by), SPAN_ARG(room), why.len > 0 ? ": " : "",
	    SPAN_ARG(why), SPAN_ARG(room));
}

static void
on_announcement(struct chat *c, const struct heard *h)
{
	model_note(c->m, chat_here(c), ENTRY_ERROR,
	    "the server announces: %.*s", SPAN_ARG(h->text));
}

static void
on_silence(struct chat *c, const struct heard *h)
{
	(void)c;
	(void)h;
}

/* What was asked for is read here, what is of a room there. */
static struct window *
window_for_notice(const struct chat *c, const struct heard *h)
{
	struct span rest = h->text;
	struct window *w;
	if (h->head)
		return chat_here(c);
	w = chat_window_of(c, text_word(&rest));
	return w ? w : model_server(c->m);
}

/* All others are shown as they are. */
static const struct notice {
	const char *code;
	void (*run)(struct chat *, const struct heard *);
} notices[] = {
    {"announce", on_announcement},
    {"gap", on_gap},
    {"invited", on_invited},
    {"next-key", on_next_key},
    {"parted", on_many_parted},
    {"presence", on_silence},
    {"relay-down", on_relay_down},
    {"relay-up", on_relay_up},
    {"rights", on_rights},
    {"unread", on_silence},
};

static void
on_notice(struct chat *c, const struct heard *h)
{
	struct span rest = h->text;
	if (asked(h, ASK_KEYS)) {
		chat_key_listed(c, text_word(&rest));
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(notices); i++) {
		if (span_is(h->p[0], notices[i].code)) {
			notices[i].run(c, h);
			return;
		}
	}
	model_note(c->m, window_for_notice(c, h), ENTRY_INFO, "%.*s",
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
	model_note(c->m, chat_here(c), ENTRY_INFO, "%s", why);
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

void
chat_hear(void *arg, const struct line *l, const struct net_about *head)
{
	struct chat *c = arg;
	struct heard h = {.l = l, .head = head};
	if (strcmp(l->verb, "WELCOME") == 0)
		chat_welcome(c, l);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (strcmp(l->verb, verbs[i].verb) == 0 &&
		    line_split(l, verbs[i].params, h.p, &h.text) == 0)
			verbs[i].run(c, &h);
	chat_changed(c);
}
