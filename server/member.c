/* SPDX-License-Identifier: ISC */
/*
 * Into a room and out of it.
 *
 * JOIN is a small journey: hold the nick, open the room (the subscription has
 * to stand before anything is promised), become a member in the relay, tell
 * the joiner who is there, replay what it asked for up to H, answer; then read
 * on from H until the session has caught up with the room, and only now let it
 * listen.  Nothing is piled up for it meanwhile: what came later is read from
 * the log, at the reader's pace, from the same cursor.
 *
 * Each station is one function; the next one is called by the relay, and finds
 * the session through its answer, or not at all.
 */
#include "server/member.h"

#include <sodium.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/answer.h"
#include "server/auth.h"
#include "server/claim.h"
#include "server/command.h"
#include "server/config.h"
#include "server/history.h"
#include "server/judge.h"
#include "server/news.h"
#include "server/relay_rights.h"
#include "server/render.h"
#include "server/room.h"
#include "server/server.h"
#include "server/session.h"
#include "server/user.h"

void
user_orphan(void *server, struct user *u)
{
	struct server *sv = server;

	user_unref(sv->users, u);
}

void
room_unpin(struct server *sv, struct room *r)
{
	r->pins--;
	if (!room_is_idle(r))
		return;
	if (r->unswept)
		sv->unswept--;
	if (r->state != ROOM_CLOSED && !sv->relay_gone)
		relay_close_room(sv->relay, r->fold);
	room_free(sv->rooms, r, user_orphan, sv);
}

static struct relay_member
member_of(const struct user *u)
{
	return (struct relay_member){
	    .sender = span_of(u->id), .nick = span_of(u->shown)};
}

/* --- listening ---------------------------------------------------------- */

/* Reads on from what it was told up to. */
struct catching {
	struct membership *m;
	struct msgid from;
};

static void catch_up(struct membership *m, struct msgid from);

static struct buf *
out_of_catching(void *arg)
{
	struct catching *c = arg;

	return session_out(c->m->session);
}

static bool
ready_of_catching(void *arg)
{
	struct catching *c = arg;

	return session_has_room(c->m->session);
}

static void
say_gap(struct membership *m, struct span tag)
{
	render_notice(
	    session_out(m->session), tag, NOTICE_GAP, span_of(m->room->shown));
}

/* It may have been put out of the room in the very turn in which a page comes.
 */
static bool
may_of_catching(void *arg)
{
	const struct catching *c = arg;

	return judge(c->m->session, c->m->room, RIGHTS_READ) == RIGHTS_YES;
}

static void
gap_of_catching(void *arg)
{
	struct catching *c = arg;

	say_gap(c->m, SPAN_NONE);
}

static void
drop_catching(void *arg)
{
	free(arg);
}

static void
on_caught_up(void *arg, enum relay_status st, bool end, struct msgid last)
{
	struct catching *c = arg;
	struct membership *m = c->m;
	struct msgid from = c->from;

	(void)end;
	free(c);
	m->reading = NULL;
	if (st == RELAY_STALE) { /* nor be in the room */
		news_sweep(m->session->server, m->room);
		return;
	}
	if (st != RELAY_OK) /* the log cannot be read: it goes on from here */
		say_gap(m, SPAN_NONE);
	if (st == RELAY_OK && msgid_cmp(last, from) > 0)
		catch_up(m, last);
	else /* or it was trimmed; the gap was told */
		catch_up(m, m->room->last);
}

/* Reads from there to what the room was last told; listens when there is
 * nothing between the two. */
static void
catch_up(struct membership *m, struct msgid from)
{
	struct history_ask ask = {
	    .want = HISTORY_SINCE,
	    .from = from,
	    .to = m->room->last,
	    .live = true,
	    .patient = true,
	    .target = span_of(m->room->shown),
	    .me = m->session->user->id,
	};
	struct history_reader reader = {NULL, out_of_catching,
	    ready_of_catching, may_of_catching, gap_of_catching, drop_catching,
	    on_caught_up};
	struct catching *c;

	if (msgid_cmp(from, m->room->last) >= 0) {
		room_listen(
		    m->session->server->rooms, m->room, m->session, &m->place);
		return;
	}
	c = xmalloc(sizeof *c);
	*c = (struct catching){m, from};
	reader.arg = c;
	conv_room(&ask.conv, m->room->fold);
	m->reading = history_start(m->session->server->relay, &ask, &reader);
}

/* --- joining ------------------------------------------------------------ */

struct join {
	struct room_waiter waiter;
	TAILQ_ENTRY(join) entry; /* while the relay lets it in */
	bool entering;
	struct server *sv;
	struct answer *answer;
	struct room *room; /* pinned, until the membership takes the pin over */
	struct membership *membership;
	struct member_ask ask;
	struct msgid h; /* where the replay ends */
	struct name name;
	char id[SENDER_ID_LEN + 1]; /* the joiner's, should it leave first */
	char nick[NAME_BYTES_MAX + 1];
	char given[NAME_BYTES_MAX + 1]; /* the key, until it is compared */
	char lock[RIGHTS_KEY_MAX + 1];  /* with this one */
	char key[RIGHTS_KEY_MAX + 1];   /* the stored one that its key fits */
};

static void
join_refuse(struct join *j, enum rights_answer why)
{
	struct server *sv = j->sv;
	struct room *room = j->room;

	judge_refuse(j->answer, why, j->name.shown);
	free(j);
	if (room)
		room_unpin(sv, room);
}

static void
join_fail(struct join *j, enum relay_status st)
{
	struct server *sv = j->sv;
	struct room *room = j->room;

	if (st == RELAY_DOWN || st == RELAY_UNKNOWN)
		judge_unknown(j->answer, (int)st, j->name.shown);
	else if (st == RELAY_LIMIT)
		answer_err(j->answer, ERR_LIMIT, 0,
		    "you own %lld rooms, and no more may be yours; before you "
		    "make %s, give one away by ROOM room owner=NICK",
		    (long long)j->sv->config->rooms_per_account, j->name.shown);
	else if (st == RELAY_TAKEN)
		answer_err(j->answer, ERR_NICK_IN_USE, 0,
		    "somebody else took your nick; choose another by NICK");
	else
		request_relay_err(j->answer, st);
	free(j);
	if (room)
		room_unpin(sv, room);
}

/* The last station: the answer, and from here on the room itself. */
static void
join_done(struct join *j)
{
	struct membership *m = j->membership;
	struct answer *a = j->answer;
	struct msgid h = j->h;

	free(j);
	/* Answering may run the next command; listen first. */
	catch_up(m, h);
	answer_ok_id(a, h);
}

static struct buf *
out_of_join(void *arg)
{
	struct join *j = arg;

	return session_out(j->membership->session);
}

static bool
ready_of_join(void *arg)
{
	struct join *j = arg;

	return session_has_room(j->membership->session);
}

/* Pages come at the reader's pace; so may what is decided of it. */
static bool
may_of_join(void *arg)
{
	const struct join *j = arg;

	return judge(j->membership->session, j->room, RIGHTS_READ) ==
	       RIGHTS_YES;
}

static void
gap_of_join(void *arg)
{
	struct join *j = arg;

	say_gap(j->membership, answer_tag(j->answer));
}

static void
drop_join(void *arg)
{
	struct join *j = arg;

	/* The session goes, or was put out of the room meanwhile. */
	if (answer_session(j->answer))
		judge_refuse(j->answer, RIGHTS_OUTSIDE, j->name.shown);
	else
		answer_none(j->answer);
	free(j);
}

static void
on_replayed(void *arg, enum relay_status st, bool end, struct msgid last)
{
	struct join *j = arg;

	(void)end, (void)last;
	j->membership->reading = NULL;
	if (st == RELAY_STALE) {
		news_sweep(j->sv, j->room);
		judge_refuse(j->answer, RIGHTS_OUTSIDE, j->name.shown);
		free(j);
		return;
	}
	/* It is a member all the same; what it asked for is out of reach. */
	if (st != RELAY_OK)
		gap_of_join(j);
	join_done(j);
}

static void
replay(struct join *j)
{
	struct history_ask ask = {
	    .want = j->ask.since_set ? HISTORY_SINCE : HISTORY_LAST,
	    .from = j->ask.since,
	    .to = j->h,
	    .n = j->ask.last,
	    .offered = rights_history(j->room->rights, j->sv->config->history),
	    .patient = true,
	    .target = span_of(j->room->shown),
	    .me = j->membership->session->user->id,
	    .tag = answer_tag(j->answer),
	};
	struct history_reader reader = {j, out_of_join, ready_of_join,
	    may_of_join, gap_of_join, drop_join, on_replayed};

	conv_room(&ask.conv, j->room->fold);
	if (ask.want == HISTORY_LAST)
		ask.to.seq++;
	if (j->ask.since_set && msgid_cmp(j->ask.since, j->h) > 0) {
		/* It has seen what this log never had: tell, and give all. */
		gap_of_join(j);
		ask.unchecked = true;
		ask.from = (struct msgid){0, 0};
	}
	if (msgid_is_zero(j->h) ||
	    (ask.want == HISTORY_SINCE && msgid_cmp(ask.from, j->h) == 0)) {
		/* Who was away has not been told what the members were. */
		if (j->room->broken && !msgid_is_zero(ask.from))
			gap_of_join(j);
		join_done(j);
		return;
	}
	j->membership->reading = history_start(j->sv->relay, &ask, &reader);
}

static void
begin_replay(struct join *j)
{
	if (j->ask.since_set || j->ask.last > 0)
		replay(j);
	else
		join_done(j);
}

/* What a joiner is told before the replay. */
static void
introduce(struct join *j, struct session *s)
{
	struct buf *out = session_out(s);

	render_event(out, SPAN_NONE, "JOINED", span_of(j->room->shown),
	    span_of(s->user->shown), SPAN_NONE);
	if (j->room->topic)
		render_topic(out, answer_tag(j->answer), j->room);
	news_names(j->sv, j->room, out, answer_tag(j->answer));
	/* Who comes and goes from here on would be missing from that list. */
	room_attend(j->sv->rooms, j->room, s, &j->membership->place);
}

static void
take_seat(struct room *r, struct user *u)
{
	struct seat *seat = room_seat(r, u);

	if (!seat)
		seat = room_add_seat(r, u);
	seat->here++;
	seat->leaving = false;
}

static struct membership *
membership_new(struct session *s, struct room *r)
{
	struct membership *m = xcalloc(1, sizeof *m);

	m->session = s;
	m->room = r;
	m->place = ROOM_NOT_LIVE;
	SLIST_INSERT_HEAD(&s->memberships, m, next);
	s->nmemberships++;
	return m;
}

/* Does a session of this sender still want to be in the room, or come in? */
static bool
is_wanted(const struct server *sv, const struct room *r, const char *id)
{
	const struct user *u = user_find(sv->users, span_of(id));
	const struct seat *seat = u ? room_seat(r, u) : NULL;
	const struct join *j;

	TAILQ_FOREACH (j, &r->entering, entry)
		if (strcmp(j->id, id) == 0)
			return true;
	return seat && seat->here > 0;
}

/*
 * It left while the relay let it in, or may be in without knowing.  Sessions of
 * one account let each other be in: whoever is the last to want it sees to it
 * that the relay knows, also where it was not let in itself.
 */
static void
undo_join(struct join *j, enum relay_status st)
{
	struct relay_member rm = {
	    .sender = span_of(j->id), .nick = span_of(j->nick)};

	if (!j->sv->relay_gone && !is_wanted(j->sv, j->room, j->id) &&
	    (st == RELAY_OK || st == RELAY_UNKNOWN || j->id[0] == 'a'))
		relay_part(
		    j->sv->relay, j->room->fold, &rm, SPAN_NONE, NULL, NULL);
}

/* Who is in the room by another session comes in by its own right all the same:
 * a node does not know of the sessions elsewhere.  room: where it is in by this
 * one already; or NULL. */
static enum rights_answer
may_enter(const struct join *j, const struct session *s,
    const struct room *room, const struct rights *rights)
{
	struct rights_who who = judge_who(s, room);

	who.key = j->key[0] ? j->key : NULL;
	return rights_may(
	    rights, &who, RIGHTS_ENTER, relay_now_ms(j->sv->relay));
}

/* By what the relay said last: the room may have been changed while its door
 * was being opened.  It let in who may not be in any more. */
static bool
turn_away(struct join *j, const struct session *s)
{
	enum rights_answer may = may_enter(j, s, NULL, j->room->rights);

	if (may == RIGHTS_YES)
		return false;
	undo_join(j, RELAY_OK);
	join_refuse(j, may);
	return true;
}

static void
on_joined(void *arg, enum relay_status st)
{
	struct join *j = arg;
	struct session *s = answer_session(j->answer);

	if (j->entering)
		TAILQ_REMOVE(&j->room->entering, j, entry);
	j->entering = false;
	if (!s || st != RELAY_OK) {
		undo_join(j, st);
		join_fail(j, st);
		return;
	}
	if (turn_away(j, s))
		return;
	take_seat(j->room, s->user);
	j->membership = membership_new(s, j->room);
	introduce(j, s);
	begin_replay(j);
}

static void
enter(struct join *j)
{
	struct session *s = answer_session(j->answer);
	struct seat *seat;
	struct relay_member rm;

	if (!s) {
		join_fail(j, RELAY_DOWN);
		return;
	}
	rm = member_of(s->user);
	span_copy(j->id, sizeof j->id, rm.sender);
	span_copy(j->nick, sizeof j->nick, rm.nick);
	/* The newest entry that came up here: all that is newer will too.  It
	 * is fixed before others can hear of the joiner: what they say then is
	 * said to it, even if it comes here ahead of the relay's answer. */
	j->h = j->room->last;
	seat = room_seat(j->room, s->user);
	if (seat && seat->here > 0) { /* another session of the same sender */
		on_joined(j, RELAY_OK);
		return;
	}
	j->entering = true;
	TAILQ_INSERT_TAIL(&j->room->entering, j, entry);
	relay_join(j->sv->relay, j->room->fold, &rm, on_joined, j);
}

static void
on_room_ready(struct room_waiter *w, int status)
{
	struct join *j = (struct join *)w; /* waiter is its first member */

	if (status == RELAY_OK)
		enter(j);
	else
		join_fail(j, (enum relay_status)status);
}

struct opening {
	struct server *sv;
	struct room *room; /* pinned */
};

static void
on_opened(void *arg, enum relay_status st, const struct relay_room_info *info)
{
	struct opening *o = arg;
	struct room *r = o->room;
	struct server *sv = o->sv;
	struct room_waiter *w;
	STAILQ_HEAD(, room_waiter) due = STAILQ_HEAD_INITIALIZER(due);

	free(o);
	r->state = st == RELAY_OK ? ROOM_OPEN : ROOM_CLOSED;
	if (st == RELAY_OK) {
		r->last = info->last;
		r->conv.place = info->place;
		room_set_shown(r, info->shown);
		if (info->rights)
			room_set_rights(r, info->rights);
		room_set_topic(r, info->topic, info->topic_nick);
	}
	/* Who is answered may ask anew, and waits for that then. */
	STAILQ_CONCAT(&due, &r->waiters);
	while ((w = STAILQ_FIRST(&due))) {
		STAILQ_REMOVE_HEAD(&due, next);
		w->fn(w, (int)st);
	}
	room_unpin(sv, r);
}

static void
open_room(struct join *j)
{
	struct opening *o;

	if (j->room->state == ROOM_OPEN) {
		enter(j);
		return;
	}
	j->waiter.fn = on_room_ready;
	STAILQ_INSERT_TAIL(&j->room->waiters, &j->waiter, next);
	if (j->room->state == ROOM_OPENING)
		return;
	j->room->state = ROOM_OPENING;
	o = xcalloc(1, sizeof *o);
	o->sv = j->sv;
	o->room = j->room;
	o->room->pins++;
	relay_open_room(j->sv->relay, &j->name, j->room, on_opened, o);
}

/* Again: only the replay, in the same way as the first time.  Who was still
 * catching up goes on from where it is: H must not be ahead of that. */
static void
rejoin(struct join *j, struct membership *m)
{
	j->room = m->room;
	j->membership = m;
	j->h = m->reading ? history_told(m->reading) : m->room->last;
	history_cancel(m->reading);
	m->reading = NULL;
	room_attend(j->sv->rooms, m->room, m->session, &m->place);
	begin_replay(j);
}

/* It may: in again, or in for the first time. */
static void
proceed(struct join *j, struct session *s)
{
	struct room *known = room_find(j->sv->rooms, j->name.fold);
	struct membership *m = known ? session_membership(s, known) : NULL;

	if (m) {
		rejoin(j, m);
		return;
	}
	j->room = room_get(j->sv->rooms, &j->name);
	j->room->pins++;
	open_room(j);
}

static void ask_rights(struct join *j, const struct session *s);

static void
join_busy(struct join *j)
{
	answer_err(j->answer, ERR_BUSY, AUTH_RETRY_MS,
	    "too many keys and passwords wait to be compared; try again");
	sodium_memzero(j->given, sizeof j->given);
	free(j);
}

/* The room may have another key by now: so its rights are read anew. */
static void
on_compared(void *arg, enum auth_result result, const char *hash)
{
	struct join *j = arg;
	struct session *s = answer_session(j->answer);

	(void)hash;
	if (!s) {
		join_fail(j, RELAY_DOWN);
	} else if (result == AUTH_RIGHT) {
		memcpy(j->key, j->lock, sizeof j->key);
		ask_rights(j, s);
	} else if (result == AUTH_WRONG) {
		join_refuse(j, RIGHTS_BAD_KEY);
	} else {
		join_busy(j);
	}
}

static void
try_key(struct join *j, struct session *s, const struct rights *rights)
{
	struct addr_key addr;
	struct auth_asker who = {
	    .session = s->id, .addr = session_addr(s, &addr)};
	struct span given = span_of(j->given);

	memcpy(j->lock, rights->set.key, sizeof j->lock);
	if (!s->server->auth || auth_verify(s->server->auth, &who, given,
				    j->lock, on_compared, j) != 0) {
		join_busy(j);
		return;
	}
	sodium_memzero(j->given, sizeof j->given);
}

/* What stands in the relay at this moment decides, not what this node has heard
 * of it: it may be deaf, and not know it yet. */
static void
on_rights(void *arg, enum relay_status st, struct rights *rights)
{
	struct join *j = arg;
	struct session *s = answer_session(j->answer);
	struct room *known = room_find(j->sv->rooms, j->name.fold);
	enum rights_answer may = RIGHTS_YES;

	if ((st != RELAY_OK && st != RELAY_NONE) || !s) {
		join_fail(j, st);
		return;
	}
	if (st == RELAY_OK)
		may = may_enter(j, s, known, rights);
	if (may == RIGHTS_YES)
		proceed(j, s);
	else if (may == RIGHTS_BAD_KEY && j->given[0])
		try_key(j, s, rights);
	else
		join_refuse(j, may);
}

static void
ask_rights(struct join *j, const struct session *s)
{
	bool founds = user_is_account(s->user);

	relay_load_rights(j->sv->relay, &j->name, founds ? s->user->id : NULL,
	    founds ? s->user->shown : NULL, on_rights, j);
}

static void
on_held(void *arg, enum relay_status st)
{
	struct join *j = arg;
	struct session *s = answer_session(j->answer);

	if (st != RELAY_OK || !s)
		join_fail(j, st);
	else
		ask_rights(j, s);
}

void
member_join(struct server *sv, struct answer *a, const struct name *room,
    const struct member_ask *ask)
{
	struct session *s = answer_session(a);
	struct join *j = xcalloc(1, sizeof *j);

	_Static_assert(
	    offsetof(struct join, waiter) == 0, "cast in on_room_ready");
	s->settled = true;
	j->sv = sv;
	j->answer = a;
	j->ask = *ask;
	j->ask.key = SPAN_NONE;
	if (ask->key.p)
		span_copy(j->given, sizeof j->given, ask->key);
	j->name = *room;
	claim_ensure(sv, a, on_held, j);
}

/* --- leaving ------------------------------------------------------------ */

struct parting {
	struct server *sv;
	struct room *room;     /* pinned */
	struct answer *answer; /* NULL: the whole session goes */
	char id[SENDER_ID_LEN + 1];
};

static void
on_parted(void *arg, enum relay_status st)
{
	struct parting *p = arg;
	struct user *u = user_find(p->sv->users, span_of(p->id));
	struct seat *seat = u ? room_seat(p->room, u) : NULL;

	/* The relay does not know yet, or will not say: nobody else would tell
	 * those who are here. */
	if (st != RELAY_OK && seat && seat->leaving)
		news_parted(p->sv, seat, SPAN_NONE);
	if (p->answer)
		answer_ok(p->answer, SPAN_NONE);
	room_unpin(p->sv, p->room);
	free(p);
}

static void
leave(struct membership *m, struct answer *a, struct span by, struct span text)
{
	struct session *s = m->session;
	struct server *sv = s->server;
	struct seat *seat = room_seat(m->room, s->user);
	struct relay_member rm = member_of(s->user);
	struct parting *p = xcalloc(1, sizeof *p);

	rm.by = by;
	history_cancel(m->reading);
	room_unlisten(sv->rooms, m->room, &m->place);
	SLIST_REMOVE(&s->memberships, m, membership, next);
	s->nmemberships--;
	p->sv = sv;
	p->room = m->room; /* the membership's pin is now the parting's */
	p->answer = a;
	span_copy(p->id, sizeof p->id, span_of(s->user->id));
	free(m);
	if (seat)
		seat->here--;
	if (seat && !is_wanted(sv, p->room, p->id)) {
		seat->leaving = true;
		relay_part(sv->relay, p->room->fold, &rm, text, on_parted, p);
	} else {
		on_parted(p, RELAY_OK);
	}
}

struct echo {
	struct room_waiter waiter;
	struct server *sv;
	struct room *room; /* pinned */
	void (*then)(void *arg);
	void *arg;
};

static void
on_echo(struct room_waiter *w, int status)
{
	struct echo *e = (struct echo *)w; /* waiter is its first member */
	struct echo copy = *e;

	(void)status;
	free(e);
	copy.then(copy.arg);
	room_unpin(copy.sv, copy.room);
}

static bool
is_owed(const struct membership *m)
{
	return msgid_cmp(m->said, m->room->last) > 0;
}

bool
member_await_echo(struct session *s, const struct membership *only,
    void (*then)(void *arg), void *arg)
{
	struct membership *m;
	struct echo *e;

	_Static_assert(offsetof(struct echo, waiter) == 0, "cast in on_echo");
	SLIST_FOREACH (m, &s->memberships, next)
		if ((!only || m == only) && is_owed(m))
			break;
	if (!m || !relay_is_up(s->server->relay))
		return false;
	e = xcalloc(1, sizeof *e);
	*e = (struct echo){.waiter = {.id = m->said, .fn = on_echo},
	    .sv = s->server,
	    .room = m->room,
	    .then = then,
	    .arg = arg};
	m->room->pins++;
	STAILQ_INSERT_TAIL(&m->room->echoes, &e->waiter, next);
	return true;
}

struct part {
	struct answer *answer;
	char fold[NAME_BYTES_MAX + 1];
	struct buf text;
};

/* NULL: it was put out of the room while it waited. */
static struct membership *
membership_of(const struct part *p, struct session *s)
{
	struct room *r = room_find(s->server->rooms, p->fold);

	return r ? session_membership(s, r) : NULL;
}

static void
part(void *arg)
{
	struct part *p = arg;
	struct session *s = answer_session(p->answer);
	struct membership *m = s ? membership_of(p, s) : NULL;
	struct span text = {buf_head(&p->text), buf_len(&p->text)};

	if (s && !m) {
		answer_ok(p->answer, SPAN_NONE); /* it is out already */
	} else if (s) {
		room_flush(s->server->rooms, m->room);
		render_event(session_out(s), SPAN_NONE, "PARTED",
		    span_of(m->room->shown), span_of(s->user->shown), text);
		leave(m, p->answer, SPAN_NONE, text);
	} else {
		answer_none(p->answer);
	}
	buf_free(&p->text);
	free(p);
}

void
member_part(struct answer *a, struct membership *m, struct span text)
{
	struct part *p = xcalloc(1, sizeof *p);

	p->answer = a;
	span_copy(p->fold, sizeof p->fold, span_of(m->room->fold));
	if (text.len > 0)
		buf_add(&p->text, text.p, text.len);
	if (!member_await_echo(m->session, m, part, p))
		part(p);
}

/* A HISTORY of the room under way is answered by its drop(), behind the line
 * that tells why. */
static void
put_out(struct session *s, struct room *r, struct span by, struct span text)
{
	struct membership *m = session_membership(s, r);
	struct history *reading = s->reading;
	struct conv c;

	conv_room(&c, r->fold);
	if (m)
		leave(m, NULL, by, text);
	if (reading && history_is_about(reading, &c)) {
		s->reading = NULL;
		history_cancel(reading);
	}
}

void
member_expel(struct server *sv, struct room *r, struct user *u, struct span by,
    struct span text)
{
	struct seat *seat = room_seat(r, u);
	struct buf line = {0};

	if (!seat)
		return;
	render_parted_by(&line, by, span_of(r->shown), span_of(u->shown), text);
	room_tell(sv->rooms, r, session_queue, buf_head(&line), buf_len(&line));
	buf_free(&line);
	seat->announced = false; /* it was said just now */
	if (seat->here == 0) {
		news_parted(sv, seat, SPAN_NONE);
		return;
	}
	for (size_t i = 0; i < u->nsessions; i++)
		put_out(user_sessions(u)[i], r, by, text);
}

void
members_leave_all(struct session *s, struct span why)
{
	struct server *sv = s->server;
	struct user *u = s->user;
	struct membership *m;

	while ((m = SLIST_FIRST(&s->memberships)))
		leave(m, NULL, SPAN_NONE, why);
	if (u->nsessions == 1)
		claim_release(sv, u, !s->quit);
	user_drop_session(u, s);
	user_unref(sv->users, u);
	s->user = NULL;
}
