/* SPDX-License-Identifier: ISC */
/*
 * What those in charge do: a room's settings and its moderation, and what the
 * server's operators may.
 *
 * A row for each verb says what its answer means to a person.  Who may do what
 * is the server's to know: nothing is refused here, and what the server
 * refuses is shown in its own words.
 */
#include "client/chat_impl.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"

enum on_what { ON_ROOM, ON_MEMBER, ON_SERVER };

static const struct act_row {
	const char *verb;
	enum on_what on;
	const char *done; /* behind the nick; NULL: a line of the room tells */
} rows[] = {
    {"ALLOW", ON_SERVER, "may connect again"},
    {"ANNOUNCE", ON_SERVER, NULL},
    {"BAN", ON_MEMBER, "is banned from here: /unban takes it back"},
    {"DENY", ON_SERVER, "is shut out: /allow takes it back"},
    {"DEOP", ON_MEMBER, NULL},
    {"INVITE", ON_MEMBER, NULL},
    {"KICK", ON_MEMBER, NULL},
    {"KILL", ON_SERVER, "is gone from this server"},
    {"MUTE", ON_MEMBER, NULL},
    {"OP", ON_MEMBER, NULL},
    {"ROOM", ON_ROOM, NULL},
    {"STATS", ON_SERVER, NULL},
    {"UNBAN", ON_MEMBER, NULL},
    {"UNMUTE", ON_MEMBER, NULL},
};

static const struct act_row *
find_row(const char *verb)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (span_is_nocase(span_of(verb), rows[i].verb))
			return &rows[i];
	return NULL;
}

/* --- asking --------------------------------------------------------------- */

static void
put_for(struct line_writer *lw, uint64_t seconds)
{
	char text[24];
	if (seconds == 0)
		return;
	int len =
	    snprintf(text, sizeof(text), "%llu", (unsigned long long)seconds);
	line_put_attr(lw, "for", (struct span){text, (size_t)len});
}

void
chat_govern(struct chat *c, struct window *w, const struct chat_act *act)
{
	struct line_writer lw;
	const struct act_row *row = find_row(act->verb);
	char whom[LINE_CID_MAX + 1];
	if (!row || chat_refuse_offline(c))
		return;
	span_copy(whom, sizeof(whom), act->whom);
	chat_ask(c, (enum ask)(ASK_ROWS + (row - rows)),
	    row->on == ON_SERVER ? NULL : w, whom, &lw);
	put_for(&lw, act->for_s);
	if (act->clear)
		line_put_flag(&lw, "clear");
	line_put(&lw, span_of(row->verb));
	if (row->on != ON_SERVER)
		chat_put_target(&lw, w);
	if (act->whom.len > 0)
		line_put(&lw, act->whom);
	if (act->text.len > 0)
		line_put(&lw, act->text);
	net_send(c->net, &lw);
}

/* --- answers -------------------------------------------------------------- */

bool
chat_rights_answer(
    struct chat *c, const struct net_about *about, const struct net_answer *a)
{
	struct window *w = chat_window_of(c, span_of(about->target));
	size_t i = (size_t)(about->what - ASK_ROWS);
	if (about->what < ASK_ROWS || i >= ARRAY_LEN(rows))
		return false;
	if (!a->ok) {
		chat_note_error(c, w, a);
		return true;
	}
	if (rows[i].done)
		model_note(c->m, w ? w : chat_here(c), ENTRY_INFO, "%s %s",
		    about->cid, rows[i].done);
	return true;
}

bool
chat_asked_rights(const struct net_about *head, const char *verb)
{
	const struct act_row *row = find_row(verb);
	return head && row && head->what == ASK_ROWS + (int)(row - rows);
}

/* --- a room's settings ---------------------------------------------------- */

/* In words; what takes a number or a name has it behind them. */
static const struct setting {
	const char *key, *value; /* value NULL: any */
	const char *words;
	const char *unit; /* NULL: the value is not shown */
} settings[] = {
    {"owner", "", "nobody owns it", NULL},
    {"owner", NULL, "owned by", ""},
    {"private", "yes", "private: only members know of it", NULL},
    {"private", "no", "public", NULL},
    {"key", "new", "a new key", NULL},
    {"key", "yes", "behind a key", NULL},
    {"key", "no", "no key", NULL},
    {"moderated", "yes", "moderated: only its operators talk", NULL},
    {"moderated", "no", "everybody talks", NULL},
    {"slow", "0", "as fast as one likes", NULL},
    {"slow", NULL, "one message each in", " s"},
    {"history", "0", "no history", NULL},
    {"history", NULL, "history of", " messages"},
};

static void
put_setting(struct buf *out, struct span word)
{
	const char *eq = memchr(word.p, '=', word.len);
	size_t at = eq ? (size_t)(eq - word.p) : word.len;
	struct span key = {word.p, at};
	struct span value = {
	    word.p + at + (eq != NULL), word.len - at - (eq != NULL)};
	if (eq && span_is(value, "default")) {
		buf_addf(out, "; %.*s as in a new room", SPAN_ARG(key));
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		const struct setting *s = &settings[i];
		if (!eq || !span_is(key, s->key) ||
		    (s->value && !span_is(value, s->value)))
			continue;
		buf_addf(out, "; %s", s->words);
		if (s->unit)
			buf_addf(out, " %.*s%s", SPAN_ARG(value), s->unit);
		return;
	}
	buf_addf(out, "; %.*s", SPAN_ARG(word));
}

static void
put_settings(struct buf *out, struct span text)
{
	while (text.len > 0) {
		struct span word = text_word(&text);
		if (word.len > 0)
			put_setting(out, word);
	}
}

void
chat_show_settings(struct chat *c, const struct line *l)
{
	struct buf line = {0};
	struct span p[LINE_PARAMS_MAX], text;
	if (line_split(l, 1, p, &text) < 0)
		return;
	struct window *w = chat_window_of(c, p[0]);
	buf_addf(&line, "#%.*s", SPAN_ARG(p[0]));
	put_settings(&line, text);
	model_note(c->m, w ? w : chat_here(c), ENTRY_INFO, "%.*s",
	    (int)buf_len(&line), buf_head(&line));
	buf_free(&line);
}

/* --- what others of those in charge do ------------------------------------ */

/* "ann made bob an operator": the verb's words around whom it is about. */
static const struct change {
	const char *verb, *before, *behind;
	char rank; /* what that makes of somebody here; 0: no matter */
} changes[] = {
    {"ban", "banned", "", 0},
    {"deop", "took an operator's rights from", "", ' '},
    {"invite", "invited", "", 0},
    {"mute", "muted", "", 0},
    {"op", "made", " an operator", '+'},
    {"unban", "lets", " come in again", 0},
    {"unmute", "lets", " talk again", 0},
};

static void
change_rank(struct chat *c, struct window *w, struct span whom, char rank)
{
	struct name name;
	struct member *member;
	if (name_check(whom, false, &name) < 0)
		return;
	member = model_member(w, name.fold);
	if (!member || member->rank == '*')
		return;
	member->rank = rank;
	c->m->dirty |= DIRTY_MEMBERS;
}

/* Marks in the list may be others now. */
static void
ask_members(struct chat *c, struct window *w)
{
	struct line_writer lw;
	if (!w || !w->joined)
		return;
	chat_ask(c, ASK_MEMBERS, w, NULL, &lw);
	line_put(&lw, SPAN("NAMES"));
	chat_put_target(&lw, w);
	net_send(c->net, &lw);
}

static void
note_settings(
    struct chat *c, struct window *w, struct span by, struct span text)
{
	struct buf line = {0};
	buf_addf(&line, "%.*s changed the room", SPAN_ARG(by));
	put_settings(&line, text);
	model_note(
	    c->m, w, ENTRY_INFO, "%.*s", (int)buf_len(&line), buf_head(&line));
	buf_free(&line);
	ask_members(c, w);
}

void
chat_rights_changed(struct chat *c, struct span text)
{
	struct window *w = chat_window_of(c, text_word(&text));
	struct span verb = text_word(&text);
	struct span by = text_word(&text);
	if (w && span_is(verb, "set"))
		note_settings(c, w, by, text);
	for (size_t i = 0; w && i < ARRAY_LEN(changes); i++) {
		const struct change *ch = &changes[i];
		if (!span_is(verb, ch->verb))
			continue;
		bool own = span_is_nocase(text, c->m->nick.shown);
		model_note(c->m, w, ENTRY_INFO, "%.*s %s %.*s%s", SPAN_ARG(by),
		    ch->before, SPAN_ARG(own ? SPAN("you") : text), ch->behind);
		if (ch->rank)
			change_rank(c, w, text, ch->rank);
	}
}
