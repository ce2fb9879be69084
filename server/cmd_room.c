/* SPDX-License-Identifier: ISC */
/*
 * Commands about rooms: JOIN, PART, TOPIC, NAMES, ROOMS.
 *
 * The journey into a room and out of it is member.c's; here stands what is
 * asked of it.  A room that nobody of this node is in is asked of the relay.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/line.h"
#include "server/answer.h"
#include "server/command.h"
#include "server/config.h"
#include "server/judge.h"
#include "server/member.h"
#include "server/relay_rights.h"
#include "server/render.h"
#include "server/room.h"
#include "server/saying.h"
#include "server/server.h"
#include "server/session.h"
#include "server/user.h"

enum { LIST_MAX = 500 }; /* lines or names in one answer */

void
cmd_join(struct request *q)
{
	struct member_ask ask = {.since_set = q->attrs & ATTR_SINCE,
	    .since = q->since,
	    .last = q->attrs & ATTR_LAST ? (unsigned)q->last : 0,
	    .key = q->key};
	struct session *s = q->session;
	struct room *known;
	struct name room;

	if (!request_room(q, q->params[0], &room))
		return;
	if (ask.since_set && ask.last > 0) {
		answer_err(
		    q->answer, ERR_BAD_ARGS, 0, "@since or @last, not both");
		return;
	}
	known = room_find(q->server->rooms, room.fold);
	if (s->nmemberships >= (size_t)q->server->config->rooms_per_session &&
	    !(known && session_membership(s, known))) {
		answer_err(q->answer, ERR_LIMIT, 0,
		    "you are in %u rooms already; leave one first",
		    s->nmemberships);
		return;
	}
	member_join(q->server, q->answer, &room, &ask);
}

/* The asker's membership of a room, or ERR. */
static struct membership *
membership_of(struct request *q, const struct name *name)
{
	struct room *r = room_find(q->server->rooms, name->fold);
	struct membership *m = r ? session_membership(q->session, r) : NULL;

	if (!m)
		answer_err(q->answer, ERR_NOT_MEMBER, 0,
		    "you are not in %s; say JOIN %s first", name->shown,
		    name->shown);
	return m;
}

void
cmd_part(struct request *q)
{
	struct membership *m;
	struct name room;

	if (!request_room(q, q->params[0], &room))
		return;
	if (q->text.len > (size_t)q->server->config->max_text) {
		answer_err(q->answer, ERR_TOO_LONG, 0,
		    "a text has at most %lld bytes",
		    (long long)q->server->config->max_text);
		return;
	}
	m = membership_of(q, &room);
	if (m)
		member_part(q->answer, m, q->text);
}

/* May it know of a room that is open here?  If not, that is answered. */
static bool
may_know(struct request *q, const struct room *r, const struct name *name)
{
	enum rights_answer may = judge(q->session, r, RIGHTS_KNOW);

	if (may != RIGHTS_YES)
		judge_refuse(q->answer, may, name->shown);
	return may == RIGHTS_YES;
}

/* --- asking the relay about a room elsewhere ---------------------------- */

struct asking {
	struct answer *answer;
	struct name room;
	char after[NAME_BYTES_MAX + 1]; /* fold of @after */
	void (*tell)(
	    struct asking *k, struct session *s, const struct relay_peek *peek);
};

static void
on_peek(void *arg, enum relay_status st, const struct relay_peek *peek)
{
	struct asking *k = arg;
	struct session *s = answer_session(k->answer);
	enum rights_answer may = RIGHTS_UNKNOWN; /* RELAY_NONE */

	if (s && st == RELAY_OK)
		may = judge_by(s, peek->info.rights, RIGHTS_KNOW);
	if (!s) {
		answer_none(k->answer);
	} else if (st != RELAY_OK && st != RELAY_NONE) {
		request_relay_err(k->answer, (int)st);
	} else if (may != RIGHTS_YES) {
		judge_refuse(k->answer, may, k->room.shown);
	} else {
		k->tell(k, s, peek);
	}
	free(k);
}

/* --- TOPIC
 * ---------------------------------------------------------------------------
 */

static void
set_topic(struct request *q, const struct name *name)
{
	struct membership *m;
	struct relay_msg msg = {.kind = RELAY_TOPIC, .text = q->text};

	if (q->text.len > TOPIC_MAX) {
		answer_err(q->answer, ERR_TOO_LONG, 0,
		    "a topic has at most %d bytes", TOPIC_MAX);
		return;
	}
	m = membership_of(q, name);
	if (m)
		saying_start(q->answer, m->room, RIGHTS_TOPIC, &msg);
}

static void
tell_topic(struct asking *k, struct session *s, const struct relay_peek *peek)
{
	const struct relay_room_info *info = &peek->info;

	if (info->topic.len > 0)
		render_event(session_out(s), answer_tag(k->answer), "TOPIC",
		    info->shown, info->topic_nick, info->topic);
	answer_ok(k->answer, SPAN_NONE);
}

static struct asking *
asking_new(struct request *q, const struct name *room)
{
	struct asking *k = xcalloc(1, sizeof *k);

	k->answer = q->answer;
	k->room = *room;
	return k;
}

static void
ask_topic(struct request *q, const struct name *name)
{
	struct room *r = room_find(q->server->rooms, name->fold);
	struct asking *k;

	if (r && r->state == ROOM_OPEN) {
		if (!may_know(q, r, name))
			return;
		if (r->topic)
			render_topic(
			    session_out(q->session), answer_tag(q->answer), r);
		answer_ok(q->answer, SPAN_NONE);
		return;
	}
	k = asking_new(q, name);
	k->tell = tell_topic;
	relay_peek(q->server->relay, name->fold, on_peek, k);
}

void
cmd_topic(struct request *q)
{
	struct name room;

	if (!request_room(q, q->params[0], &room))
		return;
	if ((q->attrs & ATTR_CLEAR) && q->text.len > 0)
		answer_err(q->answer, ERR_BAD_ARGS, 0,
		    "@clear removes the topic; it takes no text");
	else if ((q->attrs & ATTR_CLEAR) || q->text.len > 0)
		set_topic(q, &room);
	else
		ask_topic(q, &room);
}

/* --- NAMES
 * ------------------------------------------------------------------------------
 */

struct listed {
	struct span fold, shown;
	char mark; /* of who has a say; 0: none */
};

static int
by_fold(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;
	size_t n = x->fold.len < y->fold.len ? x->fold.len : y->fold.len;
	int cmp = n > 0 ? memcmp(x->fold.p, y->fold.p, n) : 0;

	if (cmp != 0)
		return cmp;
	return x->fold.len < y->fold.len ? -1 : x->fold.len > y->fold.len;
}

/* Sorts, and gives where the names behind `after` begin. */
static size_t
sort_behind(struct listed *l, size_t n, const char *after)
{
	struct listed mark = {.fold = span_of(after)};
	size_t i = 0;

	qsort(l, n, sizeof *l, by_fold);
	while (after[0] && i < n && by_fold(&l[i], &mark) <= 0)
		i++;
	return i;
}

/* "more" tells that @after goes on. */
static void
answer_list(struct answer *a, bool more)
{
	answer_ok(a, more ? SPAN("more") : SPAN_NONE);
}

static void
tell_listed(struct session *s, struct answer *a, struct span room,
    struct listed *l, size_t n, const char *after)
{
	size_t at = sort_behind(l, n, after);
	size_t m = n - at > LIST_MAX ? LIST_MAX : n - at;
	struct render_nick *nicks = xcalloc(m + 1, sizeof *nicks);

	for (size_t i = 0; i < m; i++)
		nicks[i] =
		    (struct render_nick){l[at + i].shown, l[at + i].mark};
	render_names(session_out(s), answer_tag(a), room, n, nicks, m);
	free(nicks);
	answer_list(a, at + m < n);
}

static void
tell_names(struct asking *k, struct session *s, const struct relay_peek *peek)
{
	struct listed *l = xcalloc(peek->n + 1, sizeof *l);
	struct name *names = xcalloc(peek->n + 1, sizeof *names);
	size_t n = 0;

	for (size_t i = 0; i < peek->n; i++) {
		if (name_check(peek->members[i].nick, false, &names[n]) != 0)
			continue;
		char id[SENDER_ID_LEN + 1];
		span_copy(id, sizeof id, peek->members[i].sender);
		l[n] = (struct listed){span_of(names[n].fold),
		    span_of(names[n].shown),
		    rights_mark(peek->info.rights, id)};
		n++;
	}
	tell_listed(s, k->answer, peek->info.shown, l, n, k->after);
	free(names);
	free(l);
}

static void
names_here(struct request *q, struct room *r, const char *after)
{
	struct listed *l = xcalloc(r->nseats + 1, sizeof *l);
	struct seat *seat;
	size_t n = 0;

	TAILQ_FOREACH (seat, &r->seats, in_room)
		l[n++] = (struct listed){span_of(user_fold(seat->user)),
		    span_of(seat->user->shown),
		    rights_mark(r->rights, seat->user->id)};
	tell_listed(q->session, q->answer, span_of(r->shown), l, n, after);
	free(l);
}

static bool
read_after(struct request *q, char out[static NAME_BYTES_MAX + 1])
{
	struct name after;

	out[0] = 0;
	if (!(q->attrs & ATTR_BEHIND))
		return true;
	if (!request_nick(q, q->behind, &after))
		return false;
	memcpy(out, after.fold, sizeof after.fold);
	return true;
}

void
cmd_names(struct request *q)
{
	char after[NAME_BYTES_MAX + 1];
	struct name room;
	struct room *r;
	struct asking *k;

	if (!request_room(q, q->params[0], &room) || !read_after(q, after))
		return;
	r = room_find(q->server->rooms, room.fold);
	if (r && r->state == ROOM_OPEN) {
		if (may_know(q, r, &room))
			names_here(q, r, after);
		return;
	}
	k = asking_new(q, &room);
	k->tell = tell_names;
	memcpy(k->after, after, sizeof k->after);
	relay_peek(q->server->relay, room.fold, on_peek, k);
}

/* --- ROOMS
 * ----------------------------------------------------------------------------------
 */

struct listing {
	struct answer *answer;
	char after[NAME_BYTES_MAX + 1];
	char glob[NAME_BYTES_MAX + 1]; /* "": all */
};

static void
say_room(struct session *s, struct span tag, const struct relay_room_entry *e)
{
	struct line_writer w;

	line_begin(&w, session_out(s));
	line_put_tag(&w, tag);
	line_put(&w, SPAN("ROOM"));
	line_put(&w, e->shown);
	line_put_u64(&w, e->count);
	line_put(&w, e->topic);
	line_end(&w);
}

static int
entry_by_fold(const void *a, const void *b)
{
	const struct relay_room_entry *const *x = a, *const *y = b;

	return by_fold(&(struct listed){.fold = (*x)->fold},
	    &(struct listed){.fold = (*y)->fold});
}

/* Of a private room its members alone are told, on whichever node: what others
 * may, who have a say in it, is not known here where nobody is in it. */
static bool
may_list(const struct session *s, const struct relay_room_entry *e)
{
	char fold[NAME_BYTES_MAX + 1];
	struct room *r;

	if (!e->hidden)
		return true;
	span_copy(fold, sizeof fold, e->fold);
	r = room_find(s->server->rooms, fold);
	return r && r->state == ROOM_OPEN &&
	       judge(s, r, RIGHTS_LIST) == RIGHTS_YES;
}

static bool
is_listed(const struct listing *k, const struct session *s,
    const struct relay_room_entry *e)
{
	if (!may_list(s, e))
		return false;
	if (k->after[0] &&
	    by_fold(&(struct listed){.fold = e->fold},
		&(struct listed){.fold = span_of(k->after)}) <= 0)
		return false;
	return !k->glob[0] || text_glob(span_of(k->glob), e->fold);
}

static void
tell_rooms(struct listing *k, struct session *s,
    const struct relay_room_entry *rooms, size_t n)
{
	const struct relay_room_entry **list = xcalloc(n + 1, sizeof *list);
	size_t m = 0;

	for (size_t i = 0; i < n; i++)
		if (is_listed(k, s, &rooms[i]))
			list[m++] = &rooms[i];
	qsort(list, m, sizeof *list, entry_by_fold);
	for (size_t i = 0; i < m && i < LIST_MAX; i++)
		say_room(s, answer_tag(k->answer), list[i]);
	free(list);
	answer_list(k->answer, m > LIST_MAX);
}

static void
on_rooms(void *arg, enum relay_status st, const struct relay_room_entry *rooms,
    size_t n)
{
	struct listing *k = arg;
	struct session *s = answer_session(k->answer);

	if (!s)
		answer_none(k->answer);
	else if (st != RELAY_OK)
		request_relay_err(k->answer, (int)st);
	else
		tell_rooms(k, s, rooms, n);
	free(k);
}

/* A glob is folded as far as ASCII goes, which is what people type. */
static bool
read_glob(struct request *q, char out[static NAME_BYTES_MAX + 1])
{
	if (q->text.len > NAME_BYTES_MAX ||
	    memchr(q->text.p ? q->text.p : "", ' ', q->text.len)) {
		answer_err(q->answer, ERR_BAD_ARGS, 0, "write: %s",
		    q->command->syntax);
		return false;
	}
	span_copy(out, NAME_BYTES_MAX + 1, q->text);
	for (char *c = out; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c += 'a' - 'A';
	return true;
}

void
cmd_rooms(struct request *q)
{
	struct listing *k = xcalloc(1, sizeof *k);

	k->answer = q->answer;
	if (!read_glob(q, k->glob) || !read_after(q, k->after)) {
		free(k);
		return;
	}
	relay_list(q->server->relay, on_rooms, k);
}
