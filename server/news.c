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
#include "server/judge.h"
#include "server/member.h"
#include "server/oper.h"
#include "server/relay_rights.h"
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
tell_all(struct server *sv, struct room *r, const struct buf *line)
{
	room_tell(sv->rooms, r, session_queue, buf_head(line), buf_len(line));
}

/* --- rights --------------------------------------------------------------- */

/* Its own sessions, or where it is elsewhere, its id alone. */
static const struct rights_entry *
ban_of(const struct server *sv, const struct room *r, const struct user *u)
{
	struct rights_who who = {.id = u->id, .nick = u->shown, .inside = true};
	uint64_t now_ms = relay_now_ms(sv->relay);
	const struct rights_entry *ban = NULL;

	if (u->nsessions == 0)
		return rights_ban(r->rights, &who, now_ms);
	for (size_t i = 0; i < u->nsessions && !ban; i++) {
		who = judge_who(user_sessions(u)[i], r);
		ban = rights_ban(r->rights, &who, now_ms);
	}
	return ban;
}

static void
note_unswept(struct server *sv, struct room *r)
{
	if (!r->unswept)
		sv->unswept++;
	r->unswept = true;
}

/* Whoever may not be in the room under its present rights, goes. */
static void
sweep(struct server *sv, struct room *r)
{
	struct seat *seat, *next;

	if (!r->unswept)
		return;
	r->unswept = false;
	sv->unswept--;
	for (seat = TAILQ_FIRST(&r->seats); seat; seat = next) {
		const struct rights_entry *ban = ban_of(sv, r, seat->user);

		next = TAILQ_NEXT(seat, in_room);
		if (ban)
			member_expel(
			    sv, r, seat->user, span_of(ban->by), SPAN_NONE);
		else if (r->rights->broken)
			member_expel(sv, r, seat->user, SPAN_NONE,
			    SPAN("what the room allows cannot be read"));
	}
}

void
news_sweep(struct server *sv, struct room *r)
{
	note_unswept(sv, r);
	r->pins++;
	sweep(sv, r);
	room_unpin(sv, r);
}

void
news_settle(struct server *sv)
{
	struct room *r, *next;

	for (r = sv->unswept > 0 ? rooms_first(sv->rooms) : NULL; r; r = next) {
		next = r->hh.next;
		r->pins++;
		sweep(sv, r);
		room_unpin(sv, r);
	}
}

static void
on_rights(void *arg, void *room, struct rights *rights)
{
	struct server *sv = arg;

	room_set_rights(room, rights);
	note_unswept(sv, room);
	/* Usually the entry that tells who did it follows at once. */
	sv->wake(sv->wake_arg);
}

static void
on_witnessed(void *arg, enum relay_status st, enum rights_answer answer,
    struct rights *rights)
{
	(void)arg, (void)answer, (void)rights;
	if (st != RELAY_OK)
		log_warn(
		    "rights", 0, "a guest's address is not banned with it");
}

/* A guest can come back as another one: its address is known where it is. */
static void
witness(struct server *sv, const struct room *r, const struct user *u,
    const struct relay_msg *m)
{
	struct rights_change c = {.verb = RIGHTS_DO_WITNESS};
	struct addr_key addr;
	char actor[SENDER_ID_LEN + 1], nick[NAME_BYTES_MAX + 1];

	span_copy(actor, sizeof actor, m->sender);
	span_copy(nick, sizeof nick, m->nick);
	span_copy(c.target, sizeof c.target, m->target);
	span_copy(c.target_nick, sizeof c.target_nick, m->peer);
	c.actor.id = actor;
	c.actor.nick = nick;
	for (size_t i = 0; i < u->nsessions && !c.addr; i++) {
		struct rights_who who = judge_who(user_sessions(u)[i], r);

		addr = who.addr;
		c.addr = who.has_addr ? &addr : NULL;
	}
	if (c.addr)
		relay_change_rights(
		    sv->relay, r->fold, &c, SPAN_NONE, on_witnessed, NULL);
}

static void
tell_change(struct server *sv, struct room *r, const struct relay_msg *m)
{
	char text[4 * NAME_BYTES_MAX + 32];
	struct buf line = {0};
	struct span target = m->verb == RIGHTS_DO_SET ? m->text : m->peer;

	snprintf(text, sizeof text, "%s %s %.*s %.*s", r->shown,
	    rights_verb_word((enum rights_verb)m->verb), SPAN_ARG(m->nick),
	    SPAN_ARG(target));
	render_notice(&line, SPAN_NONE, NOTICE_RIGHTS, span_of(text));
	tell_all(sv, r, &line);
	buf_free(&line);
}

/* An entry of rights: who it takes out of the room is told by its PARTED,
 * the rest by a NOTICE. */
static void
on_change(struct server *sv, struct room *r, const struct relay_msg *m)
{
	struct user *u = m->target.p ? user_find(sv->users, m->target) : NULL;
	bool out = m->verb == RIGHTS_DO_KICK || m->verb == RIGHTS_DO_BAN;

	if (m->verb == RIGHTS_DO_WITNESS)
		return;
	if (u && (m->verb == RIGHTS_DO_BAN || m->verb == RIGHTS_DO_MUTE) &&
	    !user_is_account(u))
		witness(sv, r, u, m);
	if (u && out && room_seat(r, u) &&
	    (m->verb == RIGHTS_DO_KICK || ban_of(sv, r, u)))
		member_expel(sv, r, u, m->nick, m->text);
	else if (m->verb != RIGHTS_DO_KICK)
		tell_change(sv, r, m);
}

static void
on_message(void *arg, void *room, const struct relay_msg *m)
{
	struct server *sv = arg;
	struct room *r = room;

	r->pins++; /* who is put out may have been the last one */
	if (m->kind == RELAY_RIGHTS)
		on_change(sv, r, m);
	sweep(sv, r);
	if (m->kind == RELAY_TOPIC)
		room_set_topic(r, m->text, m->nick);
	if (m->kind != RELAY_RIGHTS)
		render(sv, r, m);
	/* Last: whoever waited for it may leave the room now. */
	room_told(r, m->id);
	room_unpin(sv, r);
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
		room_send_but(sv->rooms, r, user_sessions(u), u->nsessions,
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
	if (!user_is_local(u) && ban_of(sv, r, u)) {
		user_orphan(sv, u); /* its node has not heard of it yet */
		return;
	}
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

/* Its node has put it out before this one has read why: it is told here as it
 * is there, also in a large room. */
static void
tell_expelled(struct server *sv, struct seat *seat,
    const struct relay_member *m, struct span text)
{
	struct room *r = seat->room;
	struct buf line = {0};

	render_parted_by(
	    &line, m->by, span_of(r->shown), span_of(seat->user->shown), text);
	tell_all(sv, r, &line);
	buf_free(&line);
	seat->announced = false;
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
	if (m->by.len > 0 && !seat->leaving)
		tell_expelled(sv, seat, m, text);
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
		session_queue(
		    user_sessions(u)[i], buf_head(line), buf_len(line));
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
		tell_once(user_sessions(u)[i], round, &line);
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

	if (!u || !user_is_local(u) || user_is_account(u) ||
	    strcmp(user_fold(u), fold) != 0)
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

	if (!u || !user_is_local(u) || user_is_account(u))
		return;
	if (strcmp(user_fold(u), fold) != 0) /* it was about to be renamed */
		relay_release(sv->relay, user_fold(u), sender);
	relay_unwatch(sv->relay, sender);
	u->claim = USER_UNCLAIMED; /* the nick is not its own any more */
	/* The last one may take the user with it. */
	for (size_t n = u->nsessions; n > 0; n--)
		session_end(user_sessions(u)[n - 1], BYE_REPLACED, 0,
		    "another session has taken over who you are");
}

static int
by_fold(const void *a, const void *b)
{
	const struct seat *const *x = a, *const *y = b;

	return strcmp(user_fold((*x)->user), user_fold((*y)->user));
}

void
news_names(
    struct server *sv, const struct room *r, struct buf *out, struct span tag)
{
	struct seat **seats, *seat;
	struct render_nick *nicks;
	size_t n = 0;

	(void)sv;
	seats = xcalloc(r->nseats + 1, sizeof *seats);
	nicks = xcalloc(r->nseats + 1, sizeof *nicks);
	/* Who is leaving too: a PARTED follows. */
	TAILQ_FOREACH (seat, &r->seats, in_room)
		if (!r->quiet || rights_mark(r->rights, seat->user->id))
			seats[n++] = seat;
	qsort(seats, n, sizeof *seats, by_fold);
	for (size_t i = 0; i < n; i++)
		nicks[i] = (struct render_nick){span_of(seats[i]->user->shown),
		    rights_mark(r->rights, seats[i]->user->id)};
	render_names(out, tag, span_of(r->shown), r->nseats, nicks, n);
	free(nicks);
	free(seats);
}

const struct relay_events news_events = {
    .on_state = on_state,
    .on_message = on_message,
    .on_rights = on_rights,
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
