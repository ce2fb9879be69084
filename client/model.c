/* SPDX-License-Identifier: ISC */
/*
 * The client's state, without a screen and without a socket: chat.c tells it
 * what the server said, command.c what the user wants, and view.c reads it.
 *
 * Everything a peer can make grow is bounded here: windows, members, lines.
 * Names are compared by their folded form only.
 */
#include "client/model.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* --- windows ------------------------------------------------------------- */

static void
member_list_free(struct window *w)
{
	for (size_t i = 0; i < w->nmembers; i++)
		free(w->members[i]);
	free(w->members);
	w->members = NULL;
	w->nmembers = 0;
}

static void
send_free(struct send *s)
{
	free(s->text);
	free(s);
}

void
model_set_key(struct window *w, struct span key)
{
	if (w->key)
		explicit_bzero(w->key, strlen(w->key));
	free(w->key);
	w->key = key.len > 0 ? xstrndup(key.p, key.len) : NULL;
}

static void
window_free(struct window *w)
{
	member_list_free(w);
	for (size_t i = 0; i < w->nsends; i++)
		send_free(w->sends[i]);
	free(w->sends);
	free(w->draft);
	model_set_key(w, SPAN_NONE);
	safe_free(&w->title);
	safe_free(&w->topic);
	buffer_fini(&w->buffer);
	free(w);
}

static struct window *
window_new(enum window_kind kind, const struct name *name)
{
	static const char *const sigils[] = {"", "#", "@"};
	struct window *w = xcalloc(1, sizeof(*w));
	w->kind = kind;
	w->name = *name;
	w->title = safe_printf("%s%s", sigils[kind], name->shown);
	w->topic = safe_str("");
	buffer_init(&w->buffer);
	if (kind != WINDOW_SERVER)
		buffer_rule_set(&w->buffer);
	return w;
}

void
model_init(struct model *m)
{
	static const struct name server = {.shown = "snug", .fold = "snug"};
	*m = (struct model){.n = 1, .dirty = DIRTY_ALL};
	m->windows[0] = window_new(WINDOW_SERVER, &server);
}

void
model_fini(struct model *m)
{
	for (size_t i = 0; i < m->n; i++)
		window_free(m->windows[i]);
	*m = (struct model){0};
}

struct window *
model_find(const struct model *m, enum window_kind kind, const char *fold)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->windows[i]->kind == kind &&
		    strcmp(m->windows[i]->name.fold, fold) == 0)
			return m->windows[i];
	return NULL;
}

struct window *
model_open(struct model *m, enum window_kind kind, const struct name *name)
{
	struct window *w = model_find(m, kind, name->fold);
	if (w)
		return w;
	if (m->n == WINDOWS_MAX)
		return NULL;
	w = window_new(kind, name);
	m->windows[m->n++] = w;
	m->dirty |= DIRTY_ROOMS | DIRTY_STATUS;
	return w;
}

size_t
model_index(const struct model *m, const struct window *w)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->windows[i] == w)
			return i;
	assert(!"a window of this model");
	return 0;
}

struct window *
model_current(const struct model *m)
{
	return m->windows[m->current];
}

struct window *
model_server(const struct model *m)
{
	return m->windows[0];
}

static void
show(struct model *m, size_t index)
{
	struct window *w = m->windows[index];
	m->current = index;
	w->unread = 0;
	w->mentions = 0;
	buffer_rule_hold(&w->buffer);
	m->dirty |= DIRTY_ALL;
}

void
model_select(struct model *m, size_t index)
{
	if (index >= m->n || index == m->current)
		return;
	buffer_rule_set(&model_current(m)->buffer);
	m->previous = m->current;
	show(m, index);
}

static size_t
index_after_close(size_t index, size_t closed)
{
	return index > closed || (index == closed && index > 0) ? index - 1
								: index;
}

void
model_close(struct model *m, struct window *w)
{
	size_t i = model_index(m, w);
	assert(i > 0);
	size_t current = index_after_close(m->current, i);
	m->previous = index_after_close(m->previous, i);
	m->origin = index_after_close(m->origin, i);
	m->n--;
	memmove(m->windows + i, m->windows + i + 1,
	    (m->n - i) * sizeof(m->windows[0]));
	window_free(w);
	/* a room rather than the server's window, where there is one */
	show(m, current == 0 && m->n > 1 ? 1 : current);
}

static unsigned
attention(const struct window *w)
{
	if (w->mentions > 0)
		return w->kind == WINDOW_PERSON ? 2 : 3;
	return w->unread > 0;
}

size_t
model_next_activity(struct model *m)
{
	size_t best = m->current;
	unsigned most = 0;
	for (size_t k = 1; k < m->n; k++) {
		size_t i = (m->current + k) % m->n;
		if (attention(m->windows[i]) > most) {
			most = attention(m->windows[i]);
			best = i;
		}
	}
	if (most > 0) {
		if (m->origin == 0)
			m->origin = m->current;
		return best;
	}
	best = m->origin > 0 && m->origin < m->n ? m->origin : m->current;
	m->origin = 0;
	return best;
}

void
model_target(const struct window *w, char out[static NAME_BYTES_MAX + 2])
{
	snprintf(out, NAME_BYTES_MAX + 2, "%s%s",
	    w->kind == WINDOW_PERSON ? "@" : "", w->name.shown);
}

/* --- what is said -------------------------------------------------------- */

static unsigned
pane_dirt(const struct model *m, const struct window *w)
{
	return w == model_current(m) ? DIRTY_PANE | DIRTY_STATUS
				     : DIRTY_ROOMS | DIRTY_STATUS;
}

static char *
format(const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	size_t cap = n < 0 ? 1 : (size_t)n + 1;
	char *text = xmalloc(cap);
	text[0] = '\0';
	vsnprintf(text, cap, fmt, again);
	va_end(again);
	return text;
}

void
model_note(struct model *m, struct window *w, enum entry_kind kind,
    const char *fmt, ...)
{
	static const char *const who[] = {
	    [ENTRY_TEXT] = "",
	    [ENTRY_ACTION] = "*",
	    [ENTRY_INFO] = "--",
	    [ENTRY_IN] = "->",
	    [ENTRY_OUT] = "<-",
	    [ENTRY_ERROR] = "!!",
	};
	va_list ap;
	va_start(ap, fmt);
	char *text = format(fmt, ap);
	va_end(ap);
	struct entry_new e = {
	    .kind = kind,
	    .time_ms = (int64_t)clock_wall_ms(),
	    .who = span_of(who[kind]),
	    .text = span_of(text),
	};
	buffer_add(&w->buffer, &e);
	free(text);
	m->dirty |= pane_dirt(m, w);
}

static bool
is_word_byte(char c)
{
	return (c & 0x80) || (c >= '0' && c <= '9') || c == '_' ||
	       ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

bool
model_mentions(struct span text, const char *nick)
{
	size_t len = strlen(nick);
	for (size_t i = 0; len > 0 && i + len <= text.len; i++) {
		struct span here = {text.p + i, len};
		if (!span_is_nocase(here, nick))
			continue;
		if ((i == 0 || !is_word_byte(text.p[i - 1])) &&
		    (i + len == text.len || !is_word_byte(text.p[i + len])))
			return true;
	}
	return false;
}

static void
tell_settled(const struct model *m, const struct send *s, bool accepted)
{
	if (m->settled)
		m->settled(m->arg, s->cid, accepted);
}

/* Our own message came back without its cid: the pending line becomes it.
 * Where its OK is still to come the send waits for that.  A replay is not
 * taken for an echo: it names the cid, or the message is another sender's. */
static bool
is_echo(struct model *m, struct window *w, const struct message *msg)
{
	for (size_t i = 0; i < w->nsends; i++) {
		struct send *s = w->sends[i];
		if (s->first_ms == 0 || s->shown || s->state == SEND_FAILED ||
		    s->act != msg->act || !span_is(msg->text, s->text))
			continue;
		if (s->state == SEND_FLYING) {
			s->shown = true;
			tell_settled(m, s, true);
			buffer_settle(&w->buffer, s->serial, msg->id);
		} else {
			model_send_settle(m, w, s, msg->id);
		}
		return true;
	}
	return false;
}

static char
rank_of(const struct window *w, const char *fold)
{
	const struct member *member = model_member(w, fold);
	return member && member->rank ? member->rank : ' ';
}

static bool
add_entry(struct window *w, const struct message *msg, bool own, bool mention)
{
	char *action = msg->act ? xasprintf("%.*s %.*s", SPAN_ARG(msg->nick),
				      SPAN_ARG(msg->text))
				: NULL;
	struct entry_new e = {
	    .kind = msg->act ? ENTRY_ACTION : ENTRY_TEXT,
	    .own = own,
	    .mention = mention,
	    .registered = msg->registered,
	    .rank = msg->act ? ' ' : rank_of(w, msg->fold),
	    .id = msg->id,
	    .time_ms = msg->id.ms > INT64_MAX ? -1 : (int64_t)msg->id.ms,
	    .who = msg->act ? SPAN("*") : msg->nick,
	    .text = action ? span_of(action) : msg->text,
	};
	bool added = buffer_add(&w->buffer, &e) != NULL;
	free(action);
	return added;
}

static void
count(struct model *m, struct window *w, bool mention)
{
	if (w == model_current(m))
		return;
	w->unread++;
	if (mention || w->kind == WINDOW_PERSON)
		w->mentions++;
}

static void
note_speaker(struct model *m, struct member *member, const struct message *msg)
{
	member->spoke = ++m->spoken;
	if (member->registered != msg->registered)
		m->dirty |= DIRTY_MEMBERS;
	member->registered = msg->registered;
}

bool
model_message(struct model *m, struct window *w, const struct message *msg)
{
	bool own = strcmp(msg->fold, m->nick.fold) == 0;
	bool mention = !own && model_mentions(msg->text, m->nick.shown);
	struct send *s = model_send_find(w, msg->cid);
	if (s) {
		model_send_settle(m, w, s, msg->id);
		own = true;
	}
	if (msgid_cmp(msg->id, w->cursor) > 0)
		w->cursor = msg->id;
	m->dirty |= pane_dirt(m, w);
	if ((own && !msg->replay && is_echo(m, w, msg)) ||
	    !add_entry(w, msg, own, mention))
		return false;
	struct member *member = model_member(w, msg->fold);
	if (member && !msg->old)
		note_speaker(m, member, msg);
	if (!own && !msg->old)
		count(m, w, mention);
	return true;
}

void
model_topic(struct model *m, struct window *w, struct span topic)
{
	safe_set(&w->topic, topic);
	m->dirty |= DIRTY_TITLE;
}

void
model_set_nick(struct model *m, const struct name *nick)
{
	m->nick = *nick;
	m->dirty |= DIRTY_STATUS | DIRTY_INPUT | DIRTY_PANE;
}

/* --- who is there -------------------------------------------------------- */

/* Where the fold is or belongs. */
static size_t
member_place(const struct window *w, const char *fold)
{
	size_t lo = 0;
	size_t hi = w->nmembers;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (strcmp(w->members[mid]->name.fold, fold) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct member *
model_member(const struct window *w, const char *fold)
{
	size_t i = member_place(w, fold);
	return i < w->nmembers && strcmp(w->members[i]->name.fold, fold) == 0
		   ? w->members[i]
		   : NULL;
}

static void
member_insert(struct window *w, struct member *member)
{
	size_t i = member_place(w, member->name.fold);
	if ((w->nmembers & (w->nmembers - 1)) == 0)
		w->members = xreallocarray(w->members,
		    w->nmembers ? 2 * w->nmembers : 1, sizeof(w->members[0]));
	memmove(w->members + i + 1, w->members + i,
	    (w->nmembers - i) * sizeof(w->members[0]));
	w->members[i] = member;
	w->nmembers++;
}

static struct member *
member_take(struct window *w, const char *fold)
{
	size_t i = member_place(w, fold);
	if (i == w->nmembers || strcmp(w->members[i]->name.fold, fold) != 0)
		return NULL;
	struct member *member = w->members[i];
	w->nmembers--;
	memmove(w->members + i, w->members + i + 1,
	    (w->nmembers - i) * sizeof(w->members[0]));
	return member;
}

/* True: nobody of that name was there, or was named yet. */
static bool
put_member(struct window *w, const struct name *name, char rank)
{
	struct member *member = model_member(w, name->fold);
	bool is_new = !member || member->rank == '\0';
	if (!member && w->nmembers < MEMBERS_MAX) {
		member = xcalloc(1, sizeof(*member));
		member->name = *name;
		member_insert(w, member);
	}
	if (member) {
		member->name = *name;
		member->rank = rank;
		member->registered |= rank != ' '; /* guests have none */
	}
	return is_new;
}

void
model_member_add(struct model *m, struct window *w, const struct name *name)
{
	if (put_member(w, name, ' '))
		w->total++;
	m->dirty |= DIRTY_MEMBERS | DIRTY_TITLE;
}

void
model_member_remove(struct model *m, struct window *w, const char *fold)
{
	struct member *member = member_take(w, fold);
	if (member && w->total > 0)
		w->total--;
	free(member);
	m->dirty |= DIRTY_MEMBERS | DIRTY_TITLE;
}

void
model_member_rename(struct model *m, struct window *w, const char *fold,
    const struct name *new_name)
{
	struct member *member = member_take(w, fold);
	if (!member)
		return;
	free(member_take(w, new_name->fold));
	member->name = *new_name;
	member_insert(w, member);
	m->dirty |= DIRTY_MEMBERS;
}

void
model_names_line(struct model *m, struct window *w, uint64_t total)
{
	if (!w->naming) {
		w->naming = true;
		for (size_t i = 0; i < w->nmembers; i++)
			w->members[i]->rank = '\0'; /* not named yet */
	}
	w->total = total;
	m->dirty |= DIRTY_MEMBERS | DIRTY_TITLE;
}

void
model_names_add(struct window *w, const struct name *name, char rank)
{
	put_member(w, name, rank);
}

void
model_names_end(struct model *m, struct window *w)
{
	if (!w->naming)
		return;
	w->naming = false;
	size_t kept = 0;
	for (size_t i = 0; i < w->nmembers; i++) {
		if (w->members[i]->rank)
			w->members[kept++] = w->members[i];
		else
			free(w->members[i]);
	}
	w->nmembers = kept;
	/* growth is by powers of two: the room for it must be there */
	size_t cap = 1;
	while (cap < kept)
		cap *= 2;
	w->members = xreallocarray(w->members, cap, sizeof(w->members[0]));
	m->dirty |= DIRTY_MEMBERS | DIRTY_TITLE;
}

/* --- what we say --------------------------------------------------------- */

struct send *
model_send(struct model *m, struct window *w, const char *cid, const char *text,
    bool act, int64_t time_ms)
{
	if (w->nsends == SENDS_MAX)
		return NULL;
	char *shown =
	    act ? xasprintf("%s %s", m->nick.shown, text) : xstrdup(text);
	struct entry_new e = {
	    .kind = act ? ENTRY_ACTION : ENTRY_TEXT,
	    .mark = MARK_PENDING,
	    .own = true,
	    .time_ms = time_ms,
	    .rank = act ? ' ' : rank_of(w, m->nick.fold),
	    .who = act ? SPAN("*") : span_of(m->nick.shown),
	    .text = span_of(shown),
	};
	struct send *s = xcalloc(1, sizeof(*s));
	s->serial = buffer_add(&w->buffer, &e)->serial;
	s->text = xstrdup(text);
	s->act = act;
	span_copy(s->cid, sizeof(s->cid), span_of(cid));
	if (!w->sends)
		w->sends = xcalloc(SENDS_MAX, sizeof(w->sends[0]));
	w->sends[w->nsends++] = s;
	free(shown);
	buffer_rule_clear(&w->buffer);
	buffer_to_bottom(&w->buffer);
	m->dirty |= pane_dirt(m, w);
	return s;
}

struct send *
model_send_next(const struct window *w)
{
	for (size_t i = 0; i < w->nsends; i++) {
		if (w->sends[i]->state == SEND_FLYING)
			return NULL;
		if (w->sends[i]->state == SEND_WAITING)
			return w->sends[i];
	}
	return NULL;
}

struct send *
model_send_find(const struct window *w, struct span cid)
{
	for (size_t i = 0; cid.len > 0 && i < w->nsends; i++)
		if (span_is(cid, w->sends[i]->cid))
			return w->sends[i];
	return NULL;
}

static void
forget_send(struct window *w, struct send *s)
{
	size_t i = 0;
	while (w->sends[i] != s)
		i++;
	w->nsends--;
	memmove(w->sends + i, w->sends + i + 1,
	    (w->nsends - i) * sizeof(w->sends[0]));
	send_free(s);
}

void
model_send_settle(
    struct model *m, struct window *w, struct send *s, struct msgid id)
{
	if (!s->shown)
		buffer_settle(&w->buffer, s->serial, id);
	tell_settled(m, s, true);
	forget_send(w, s);
	m->dirty |= pane_dirt(m, w);
}

void
model_send_fail(
    struct model *m, struct window *w, struct send *s, enum send_state state)
{
	s->state = state;
	buffer_fail(&w->buffer, s->serial,
	    state == SEND_FAILED ? MARK_FAILED : MARK_UNKNOWN);
	m->dirty |= pane_dirt(m, w);
}

void
model_send_again(struct model *m, struct window *w, struct send *s)
{
	s->state = SEND_WAITING;
	buffer_requeue(&w->buffer, s->serial);
	m->dirty |= pane_dirt(m, w);
}

void
model_send_discard(struct model *m, struct window *w, struct send *s)
{
	buffer_remove(&w->buffer, s->serial);
	tell_settled(m, s, false);
	forget_send(w, s);
	m->dirty |= pane_dirt(m, w);
}

struct send *
model_send_stuck(const struct window *w)
{
	for (size_t i = w->nsends; i-- > 0;)
		if (w->sends[i]->state >= SEND_FAILED)
			return w->sends[i];
	return NULL;
}

size_t
model_unsettled(const struct model *m)
{
	size_t n = 0;
	for (size_t i = 0; i < m->n; i++)
		n += m->windows[i]->nsends;
	return n;
}
