/* SPDX-License-Identifier: ISC */
/*
 * What the relay brings, told to those whom it concerns.
 *
 * Driven by the relay's events.  Rooms get lines in their batch, so that
 * whatever happened in a room reaches everyone in the order in which it
 * happened; persons get lines of their own.  What comes from Redis is as
 * untrusted as what comes from a client: the relay has judged names and texts
 * by the same code before it hands them up.
 */
#include "server/news.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "server/member.h"
#include "server/oper.h"
#include "server/relay.h"
#include "server/render.h"
#include "server/room.h"
#include "server/server.h"
#include "server/session.h"
#include "server/user.h"

enum { DEPARTED_TOLD_MAX = 20 }; /* by name, of a room, at once */

static struct room *
first_awaited(const struct server *sv)
{
	struct room *r = rooms_first(sv->rooms);

	while (r && STAILQ_EMPTY(&r->echoes))
		r = r->hh.next;
	return r;
}

/* Whoever stops waiting may leave, and take this room or another along: so the
 * next one is looked for anew. */
void
news_give_up_echoes(struct server *sv)
{
	struct room *r;

	while ((r = first_awaited(sv)))
		room_give_up_echoes(r, RELAY_DOWN);
}

/* --- to all ------------------------------------------------------------- */

static void
on_state(void *arg, bool up)
{
	struct server *sv = arg;
	struct session *s;

	log_info("relay", 0, "state=%s", up ? "up" : "down");
	if (!up)
		news_give_up_echoes(sv);
	rooms_flush(sv->rooms);
	TAILQ_FOREACH (s, &sv->sessions, next) {
		/* Who has not said anything yet is told when it does. */
		if (s->state <= SESSION_SHAKING || s->state >= SESSION_ENDING ||
		    s->plain_refused)
			continue;
		render_notice(session_out(s), SPAN_NONE,
		    up ? NOTICE_RELAY_UP : NOTICE_RELAY_DOWN,
		    up ? SPAN("the relay is back, and nothing is missing")
		       : SPAN("the relay is away; nothing can be said until "
			      "it is back"));
	}
}

/* --- to rooms ----------------------------------------------------------- */

static void
render(struct server *sv, struct room *r, const struct relay_msg *m)
{
	struct render_for f = {.target = span_of(r->shown)};

	if (r->nlive == 0)
		return;
	if (m->kind == RELAY_TOPIC)
		render_event(room_batch(sv->rooms, r), SPAN_NONE, "TOPIC",
		    f.target, m->nick, m->text);
	else
		render_msg(room_batch(sv->rooms, r), &f, m);
}

static void
on_message(void *arg, void *room, const struct relay_msg *m)
{
	struct server *sv = arg;
	struct room *r = room;

	if (m->kind == RELAY_TOPIC)
		room_set_topic(r, m->text, m->nick);
	render(sv, r, m);
	/* Last: whoever waited for it may leave the room now. */
	room_told(r, m->id);
}

static void
on_gap(void *arg, void *room)
{
	struct server *sv = arg;
	struct room *r = room;

	r->broken = true;
	render_notice(
	    room_batch(sv->rooms, r), SPAN_NONE, NOTICE_GAP, span_of(r->shown));
	/* Last, as above.  What they wait for may be among what is lost. */
	room_give_up_echoes(r, RELAY_OK);
}

static void
tell_all(struct server *sv, struct room *r, const struct buf *line)
{
	room_tell(sv->rooms, r, session_queue, buf_head(line), buf_len(line));
}

/* A line for all who are here but the sessions of one sender. */
static void
tell_others(struct server *sv, struct room *r, const struct user *u,
    const char *verb, struct span nick)
{
	struct buf line = {0};

	render_event(
	    &line, SPAN_NONE, verb, span_of(r->shown), nick, SPAN_NONE);
	if (u->nsessions == 0)
		tell_all(sv, r, &line);
	else
		room_send_but(sv->rooms, r, u->sessions, u->nsessions,
		    session_queue, buf_head(&line), buf_len(&line));
	buf_free(&line);
}

static void
tell_crossing(struct server *sv, struct room *r)
{
	char text[NAME_BYTES_MAX + 8];
	struct buf line = {0};

	if (!room_presence_crossed(sv->rooms, r))
		return;
	snprintf(text, sizeof text, "%s %s", r->shown, r->quiet ? "off" : "on");
	render_notice(&line, SPAN_NONE, NOTICE_PRESENCE, span_of(text));
	tell_all(sv, r, &line);
	buf_free(&line);
}

static void
on_renamed(struct server *sv, const struct relay_member *m)
{
	struct user *u = user_find(sv->users, m->sender);
	struct name nick;

	if (!u || user_is_local(u) || span_is(m->nick, u->shown) ||
	    name_check(m->nick, false, &nick) != 0)
		return;
	news_renamed(sv, u, &nick);
}

static void
on_joined(struct server *sv, struct room *r, const struct relay_member *m)
{
	struct user *u = user_mirror(sv->users, m->sender, m->nick);
	struct seat *seat;

	if (!u)
		return;
	on_renamed(sv, m); /* what we missed while the relay was away */
	seat = room_seat(r, u);
	if (!seat)
		seat = room_add_seat(r, u);
	if (!seat->announced && !r->quiet)
		tell_others(sv, r, u, "JOINED", span_of(u->shown));
	seat->announced = true;
	tell_crossing(sv, r);
}

void
news_parted(struct server *sv, struct seat *seat, struct span text)
{
	struct room *r = seat->room;
	struct user *u = seat->user;
	struct buf line = {0};

	if (seat->announced && !r->quiet) {
		render_event(&line, SPAN_NONE, "PARTED", span_of(r->shown),
		    span_of(u->shown), text);
		tell_all(sv, r, &line);
		buf_free(&line);
	}
	room_drop_seat(seat);
	user_orphan(sv, u);
	tell_crossing(sv, r);
}

/* Its own sessions are gone from the room already, or it came back meanwhile:
 * then the JOINED that follows gives it its seat anew. */
static void
on_parted(struct server *sv, struct room *r, const struct relay_member *m,
    struct span text)
{
	struct user *u = user_find(sv->users, m->sender);
	struct seat *seat = u ? room_seat(r, u) : NULL;

	if (!seat)
		return;
	if (seat->here > 0) {
		if (seat->announced && !r->quiet)
			tell_others(sv, r, u, "PARTED", span_of(u->shown));
		seat->announced = false;
		return;
	}
	news_parted(sv, seat, text);
}

static void
tell_summary(struct server *sv, struct room *r, size_t n)
{
	char text[NAME_BYTES_MAX + 24];
	struct buf line = {0};

	snprintf(text, sizeof text, "%s %zu", r->shown, n);
	render_notice(&line, SPAN_NONE, NOTICE_PARTED, span_of(text));
	tell_all(sv, r, &line);
	buf_free(&line);
}

/* Those who are at home elsewhere; ours know better than the relay does. */
static struct seat *
departing_seat(struct server *sv, struct room *r, const struct relay_member *m)
{
	struct user *u = user_find(sv->users, m->sender);
	struct seat *seat = u ? room_seat(r, u) : NULL;

	return seat && seat->here == 0 ? seat : NULL;
}

/* Each by name, or all of them in one line: who lost half a room does not want
 * a screen full of it. */
static void
on_departed(void *arg, void *room, const struct relay_member *m, size_t n)
{
	struct server *sv = arg;
	struct room *r = room;
	struct seat *seat;
	size_t leaving = 0;
	bool summary;

	for (size_t i = 0; i < n; i++)
		leaving += departing_seat(sv, r, &m[i]) != NULL;
	summary = leaving > DEPARTED_TOLD_MAX;
	if (summary && !r->quiet)
		tell_summary(sv, r, leaving);
	for (size_t i = 0; i < n; i++) {
		if (!(seat = departing_seat(sv, r, &m[i])))
			continue;
		seat->announced = seat->announced && !summary;
		news_parted(sv, seat, SPAN("its server went away"));
	}
}

/* The relay lost sight of a member.  Ours know better than it does. */
static void
on_swept(struct server *sv, struct room *r, const struct relay_member *m)
{
	struct user *u = user_find(sv->users, m->sender);
	struct seat *seat = u ? room_seat(r, u) : NULL;

	if (seat && seat->here == 0)
		news_parted(sv, seat, SPAN_NONE);
}

static void
on_presence(void *arg, void *room, enum relay_presence what,
    const struct relay_member *m, struct span text)
{
	switch (what) {
	case RELAY_PRESENT:
	case RELAY_JOINED:
		on_joined(arg, room, m);
		break;
	case RELAY_PARTED:
		on_parted(arg, room, m, text);
		break;
	case RELAY_GONE:
		on_swept(arg, room, m);
		break;
	case RELAY_RENAMED:
		on_renamed(arg, m);
		break;
	}
}

static void
on_typing(void *arg, void *room, struct span sender, struct span nick)
{
	struct server *sv = arg;
	struct room *r = room;
	struct user *u = user_find(sv->users, sender);

	if (!r->quiet && u && room_seat(r, u))
		tell_others(sv, r, u, "TYPING", nick);
}

/* --- to persons --------------------------------------------------------- */

static void
deliver_to(struct user *u, const struct buf *line)
{
	for (size_t i = 0; i < u->nsessions; i++)
		session_queue(u->sessions[i], buf_head(line), buf_len(line));
}

static void
on_pair_message(
    void *arg, void *user, const struct conv *c, const struct relay_msg *m)
{
	struct user *u = user;
	struct buf line = {0};
	struct render_for f = {.person = true,
	    .target = span_is(m->sender, u->id) ? m->peer : m->nick};

	(void)arg, (void)c;
	if (m->kind != RELAY_MSG)
		return;
	render_msg(&line, &f, m);
	deliver_to(u, &line);
	buf_free(&line);
}

static void
on_pair_typing(void *arg, void *user, struct span sender, struct span nick)
{
	struct user *u = user;
	struct buf line = {0};
	char target[NAME_BYTES_MAX + 2] = "@";

	(void)arg;
	if (span_is(sender, u->id))
		return;
	span_copy(target + 1, sizeof target - 1, nick);
	render_event(
	    &line, SPAN_NONE, "TYPING", span_of(target), nick, SPAN_NONE);
	deliver_to(u, &line);
	buf_free(&line);
}

/* --- names -------------------------------------------------------------- */

static void
tell_once(struct session *s, unsigned long round, const struct buf *line)
{
	if (s->stamp == round)
		return;
	s->stamp = round;
	session_queue(s, buf_head(line), buf_len(line));
}

void
news_renamed(struct server *sv, struct user *u, const struct name *nick)
{
	static unsigned long round;
	struct buf line = {0};
	struct seat *seat;

	round++;
	render_event(&line, SPAN_NONE, "RENAMED", span_of(u->shown),
	    span_of(nick->shown), SPAN_NONE);
	user_set_nick(u, nick);
	TAILQ_FOREACH (seat, &u->seats, of_user) {
		room_flush(sv->rooms, seat->room);
		for (size_t i = 0; !seat->room->quiet && i < seat->room->nlive;
		     i++)
			tell_once(seat->room->live[i].session, round, &line);
	}
	for (size_t i = 0; u->nseats > 0 && i < u->nsessions; i++)
		tell_once(u->sessions[i], round, &line);
	buf_free(&line);
}

/* Somebody else holds the nick now: the sender becomes a guest again, and is
 * told by the RENAMED that everyone gets. */
static void
on_nick_lost(void *arg, const char *sender, const char *fold)
{
	struct server *sv = arg;
	struct user *u = user_find(sv->users, span_of(sender));
	struct name nick;
	struct seat *seat;

	if (!u || !user_is_local(u) || strcmp(u->fold, fold) != 0)
		return;
	user_guest_nick(&nick);
	news_renamed(sv, u, &nick);
	/* Both steps are taken anew with its next JOIN, NICK or private SAY. */
	relay_unwatch(sv->relay, u->id);
	u->claim = USER_UNCLAIMED;
	TAILQ_FOREACH (seat, &u->seats, of_user)
		relay_rename(sv->relay, seat->room->fold,
		    &(struct relay_member){
			.sender = span_of(u->id), .nick = span_of(u->shown)});
}

/* Another session has taken the sender over, with this nick. */
static void
on_replaced(void *arg, const char *sender, const char *fold)
{
	struct server *sv = arg;
	struct user *u = user_find(sv->users, span_of(sender));

	if (!u || !user_is_local(u))
		return;
	if (strcmp(u->fold, fold) != 0) /* it was about to be renamed */
		relay_release(sv->relay, u->fold, sender);
	relay_unwatch(sv->relay, sender);
	u->claim = USER_UNCLAIMED; /* the nick is not its own any more */
	/* The last one may take the user with it. */
	for (size_t n = u->nsessions; n > 0; n--)
		session_end(u->sessions[n - 1], BYE_REPLACED, 0,
		    "another session has taken over who you are");
}

static int
by_fold(const void *a, const void *b)
{
	const struct seat *const *x = a, *const *y = b;

	return strcmp((*x)->user->fold, (*y)->user->fold);
}

void
news_names(
    struct server *sv, const struct room *r, struct buf *out, struct span tag)
{
	struct seat **seats, *seat;
	struct span *nicks;
	size_t n = 0;

	(void)sv;
	if (r->quiet) {
		render_names(out, tag, span_of(r->shown), r->nseats, NULL, 0);
		return;
	}
	seats = xcalloc(r->nseats + 1, sizeof *seats);
	nicks = xcalloc(r->nseats + 1, sizeof *nicks);
	TAILQ_FOREACH (seat, &r->seats, in_room)
		seats[n++] = seat; /* who is leaving too: a PARTED follows */
	qsort(seats, n, sizeof *seats, by_fold);
	for (size_t i = 0; i < n; i++)
		nicks[i] = span_of(seats[i]->user->shown);
	render_names(out, tag, span_of(r->shown), n, nicks, n);
	free(nicks);
	free(seats);
}

const struct relay_events news_events = {
    .on_state = on_state,
    .on_message = on_message,
    .on_gap = on_gap,
    .on_presence = on_presence,
    .on_departed = on_departed,
    .on_typing = on_typing,
    .on_pair_message = on_pair_message,
    .on_pair_typing = on_pair_typing,
    .on_nick_lost = on_nick_lost,
    .on_replaced = on_replaced,
    .on_order = oper_on_order,
    .on_denies = oper_on_denies,
};
