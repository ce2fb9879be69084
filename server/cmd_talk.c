/* SPDX-License-Identifier: ISC */
/*
 * Commands that talk and look back: SAY, TYPING, HISTORY.
 *
 * A target is a room, which the session has to be in, or a person, whose
 * sender id is looked up first: the conversation is the two senders', whatever
 * they are called.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/answer.h"
#include "server/claim.h"
#include "server/command.h"
#include "server/config.h"
#include "server/history.h"
#include "server/judge.h"
#include "server/relay_rights.h"
#include "server/render.h"
#include "server/room.h"
#include "server/saying.h"
#include "server/server.h"
#include "server/session.h"
#include "server/user.h"

enum { ENC_MAX = 32 };

/* Who talks, mostly goes on where it talked last, and spells it as before: no
 * name has to be judged for that, and no room looked up. */
static struct membership *
membership_at_hand(const struct session *s, struct span word)
{
	struct membership *m = SLIST_FIRST(&s->memberships);

	return m && span_is(word, m->room->shown) ? m : NULL;
}

static void
keep_at_hand(struct session *s, struct membership *m)
{
	SLIST_REMOVE(&s->memberships, m, membership, next);
	SLIST_INSERT_HEAD(&s->memberships, m, next);
}

/* The session's membership of the room, or ERR. */
static struct membership *
membership_of(struct request *q)
{
	struct membership *m = membership_at_hand(q->session, q->params[0]);
	struct name name;
	struct room *r;

	if (m)
		return m;
	if (!request_room(q, q->params[0], &name))
		return NULL;
	r = room_find(q->server->rooms, name.fold);
	m = r ? session_membership(q->session, r) : NULL;
	if (m) {
		keep_at_hand(q->session, m);
		return m;
	}
	answer_err(q->answer, ERR_NOT_MEMBER, 0,
	    "you are not in %s; say JOIN %s first", name.shown, name.shown);
	return NULL;
}

/* --- looking a person up ------------------------------------------------ */

/* What a command to a person still has to do, once it is known who that is;
 * copies, because the line it came in is gone by then. */
struct to_person {
	struct server *sv;
	struct answer *answer;
	struct name nick;
	struct relay_msg msg; /* SAY; spans into `bytes` */
	struct history_ask ask;
	void (*go)(struct to_person *p, struct session *s,
	    const struct relay_owner *owner);
	struct buf bytes;
};

static void
to_person_free(struct to_person *p)
{
	buf_free(&p->bytes);
	free(p);
}

static void
on_found(void *arg, enum relay_status st, const struct relay_owner *owner)
{
	struct to_person *p = arg;
	struct session *s = answer_session(p->answer);

	if (!s)
		answer_none(p->answer);
	else if (st == RELAY_NONE)
		answer_err(p->answer, ERR_NO_SUCH_NICK, 0,
		    "nobody is called %s at the moment", p->nick.shown);
	else if (st != RELAY_OK)
		request_relay_err(
		    p->answer, st == RELAY_UNKNOWN ? RELAY_DOWN : (int)st);
	else
		p->go(p, s, owner);
	to_person_free(p);
}

static void
on_held(void *arg, enum relay_status st)
{
	struct to_person *p = arg;

	if (st == RELAY_OK && answer_session(p->answer))
		relay_find(p->sv->relay, p->nick.fold, on_found, p);
	else
		on_found(p, st == RELAY_OK ? RELAY_DOWN : st, NULL);
}

static struct to_person *
to_person_new(struct request *q)
{
	struct to_person *p;
	struct name nick;

	if (!request_nick(q, q->params[0], &nick))
		return NULL;
	p = xcalloc(1, sizeof *p);
	p->sv = q->server;
	p->answer = q->answer;
	p->nick = nick;
	return p;
}

/* --- SAY
 * ------------------------------------------------------------------------------
 */

static void
on_said(void *arg, enum relay_status st, struct msgid id, bool dup,
    const struct relay_msg *again)
{
	struct answer *a = arg;

	(void)dup, (void)again;
	if (st == RELAY_OK)
		answer_ok_id(a, id);
	else
		request_relay_err(a, (int)st);
}

static bool
is_base64url(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && c != '-' && c != '_')
			return false;
	}
	return s.len > 0;
}

static bool
text_fits(struct request *q)
{
	long long max = (long long)q->server->config->max_text;

	if (q->text.len > (size_t)max) {
		answer_err(q->answer, ERR_TOO_LONG, 0,
		    "the text has %zu bytes; %lld are allowed", q->text.len,
		    max);
		return false;
	}
	if (!(q->attrs & ATTR_ENC))
		return true;
	if (q->enc.len > ENC_MAX || !is_base64url(q->enc) ||
	    !is_base64url(q->text)) {
		answer_err(q->answer, ERR_BAD_ARGS, 0,
		    "@enc names a scheme, and its text is base64url");
		return false;
	}
	return true;
}

static struct relay_msg
message_of(struct request *q)
{
	return (struct relay_msg){
	    .kind = RELAY_MSG,
	    .act = q->attrs & ATTR_ACT,
	    .auth = user_is_account(q->session->user),
	    .cid = q->cid,
	    .re = q->re,
	    .enc = q->enc,
	    .text = q->text,
	};
}

static void
keep_span(struct span *s, char **at)
{
	if (!s->p)
		return;
	memcpy(*at, s->p, s->len);
	s->p = *at;
	*at += s->len;
}

/* What points into the request's line is copied: it is needed later. */
static void
keep_message(struct to_person *p, struct request *q)
{
	struct relay_msg m = message_of(q);
	char *at = buf_reserve(
	    &p->bytes, m.cid.len + m.re.len + m.enc.len + m.text.len + 1);

	keep_span(&m.cid, &at);
	keep_span(&m.re, &at);
	keep_span(&m.enc, &at);
	keep_span(&m.text, &at);
	p->msg = m;
}

static void
say_to_owner(
    struct to_person *p, struct session *s, const struct relay_owner *owner)
{
	struct conv c;
	char peer[SENDER_ID_LEN + 1];

	if (owner->sender.len != SENDER_ID_LEN) {
		request_relay_err(p->answer, RELAY_FAILED);
		return;
	}
	span_copy(peer, sizeof peer, owner->sender);
	conv_pair(&c, s->user->id, peer);
	p->msg.sender = span_of(s->user->id);
	p->msg.nick = span_of(s->user->shown);
	p->msg.peer = owner->nick;
	relay_append(p->sv->relay, &c, &p->msg, on_said, p->answer);
}

static void
say_to_person(struct request *q)
{
	struct to_person *p = to_person_new(q);

	if (!p)
		return;
	keep_message(p, q);
	p->go = say_to_owner;
	q->session->settled = true;
	claim_ensure(q->server, q->answer, on_held, p);
}

void
cmd_say(struct request *q)
{
	struct relay_msg msg;
	struct membership *m;

	if (!text_fits(q))
		return;
	if (target_is_person(q->params[0])) {
		say_to_person(q);
		return;
	}
	m = membership_of(q);
	if (!m)
		return;
	msg = message_of(q);
	saying_start(q->answer, m->room, RIGHTS_WRITE, &msg);
}

/* --- TYPING
 * ------------------------------------------------------------------------------
 */

static void
type_to_owner(
    struct to_person *p, struct session *s, const struct relay_owner *owner)
{
	struct conv c;
	char peer[SENDER_ID_LEN + 1];

	if (owner->sender.len == SENDER_ID_LEN) {
		span_copy(peer, sizeof peer, owner->sender);
		conv_pair(&c, s->user->id, peer);
		relay_typing(p->sv->relay, &c, span_of(s->user->id),
		    span_of(s->user->shown));
	}
	answer_ok(p->answer, SPAN_NONE);
}

void
cmd_typing(struct request *q)
{
	struct to_person *p;
	struct membership *m;
	enum rights_answer may;
	struct conv c;

	if (target_is_person(q->params[0])) {
		p = to_person_new(q);
		if (!p)
			return;
		p->go = type_to_owner;
		claim_ensure(q->server, q->answer, on_held, p);
		return;
	}
	m = membership_of(q);
	if (!m)
		return;
	may = judge(q->session, m->room, RIGHTS_WRITE);
	if (may != RIGHTS_YES) {
		judge_refuse(q->answer, may, m->room->shown);
		return;
	}
	conv_room(&c, m->room->fold);
	relay_typing(q->server->relay, &c, span_of(q->session->user->id),
	    span_of(q->session->user->shown));
	answer_ok(q->answer, SPAN_NONE);
}

/* --- HISTORY
 * -------------------------------------------------------------------------------
 */

enum { HISTORY_DEFAULT = 50 };

struct looking {
	struct answer *answer;
	struct session *session; /* the reading is cancelled before it goes */
	struct name room;        /* empty: a conversation of two */
};

static struct buf *
out_of_looking(void *arg)
{
	struct looking *l = arg;

	return session_out(l->session);
}

static bool
ready_of_looking(void *arg)
{
	struct looking *l = arg;

	return session_has_room(l->session);
}

/* Pages come at the reader's pace; so may what is decided of it. */
static enum rights_answer
may_look(const struct looking *l)
{
	const struct room *r;

	if (!l->room.fold[0])
		return RIGHTS_YES;
	r = room_find(l->session->server->rooms, l->room.fold);
	return r ? judge(l->session, r, RIGHTS_READ) : RIGHTS_OUTSIDE;
}

static bool
may_of_looking(void *arg)
{
	return may_look(arg) == RIGHTS_YES;
}

static void
no_gap(void *arg)
{
	(void)arg;
}

static void
drop_looking(void *arg)
{
	struct looking *l = arg;

	/* The session goes, or was put out of the room meanwhile. */
	if (answer_session(l->answer))
		answer_err(l->answer, ERR_NOT_MEMBER, 0,
		    "you are not in that room any more");
	else
		answer_none(l->answer);
	free(l);
}

static void
on_looked(void *arg, enum relay_status st, bool end, struct msgid last)
{
	struct looking *l = arg;
	struct answer *a = l->answer;

	(void)last;
	l->session->reading = NULL;
	if (st == RELAY_STALE)
		judge_refuse(a, may_look(l), l->room.shown);
	else if (st != RELAY_OK)
		request_relay_err(a, (int)st);
	else
		answer_ok(a, end ? SPAN("end") : SPAN_NONE);
	free(l);
}

/* room: NULL in a conversation of two. */
static void
look_back(struct server *sv, struct session *s, const struct name *room,
    struct answer *a, struct history_ask *ask)
{
	struct looking *l = xcalloc(1, sizeof *l);
	struct history_reader reader = {l, out_of_looking, ready_of_looking,
	    may_of_looking, no_gap, drop_looking, on_looked};

	l->answer = a;
	l->session = s;
	if (room)
		l->room = *room;
	ask->me = s->user->id;
	ask->tag = answer_tag(a);
	s->reading = history_start(sv->relay, ask, &reader);
}

static bool
read_range(struct request *q, struct history_ask *ask)
{
	struct msgid before = q->before;

	/* Nothing is before 0-0; to a reading it stands for the newest. */
	if ((q->attrs & ATTR_BEFORE) && msgid_is_zero(before))
		before.seq = 1;
	if ((q->attrs & ATTR_BEFORE) && (q->attrs & ATTR_AFTER)) {
		answer_err(
		    q->answer, ERR_BAD_ARGS, 0, "@before or @after, not both");
		return false;
	}
	*ask = (struct history_ask){
	    .want = q->attrs & ATTR_AFTER ? HISTORY_AFTER : HISTORY_LAST,
	    .from = q->after,
	    .to = before,
	    .n = q->attrs & ATTR_LAST ? (unsigned)q->last : HISTORY_DEFAULT,
	    .offered = q->server->config->history,
	};
	return true;
}

static void
look_back_with(
    struct to_person *p, struct session *s, const struct relay_owner *owner)
{
	char peer[SENDER_ID_LEN + 1];

	if (owner->sender.len != SENDER_ID_LEN) {
		request_relay_err(p->answer, RELAY_FAILED);
		return;
	}
	span_copy(peer, sizeof peer, owner->sender);
	conv_pair(&p->ask.conv, s->user->id, peer);
	p->ask.person = true;
	p->ask.target = owner->nick;
	look_back(p->sv, s, NULL, p->answer, &p->ask);
}

/* Into a room's past: its rights are read first. */
struct looking_in {
	struct server *sv;
	struct answer *answer;
	struct history_ask ask;
	struct name name;
};

static void
look_into(struct looking_in *in, struct session *s)
{
	struct room *r = room_find(in->sv->rooms, in->name.fold);
	enum rights_answer may = r ? judge(s, r, RIGHTS_READ) : RIGHTS_OUTSIDE;

	if (may != RIGHTS_YES) {
		judge_refuse(in->answer, may, in->name.shown);
		return;
	}
	conv_room(&in->ask.conv, r->fold);
	in->ask.target = span_of(r->shown);
	in->ask.offered = rights_history(r->rights, in->ask.offered);
	look_back(in->sv, s, &in->name, in->answer, &in->ask);
}

/* This node was told, if they are others than it knew. */
static void
on_rights(void *arg, enum relay_status st, struct rights *rights)
{
	struct looking_in *in = arg;
	struct session *s = answer_session(in->answer);

	(void)rights;
	if (!s)
		answer_none(in->answer);
	else if (st != RELAY_OK && st != RELAY_NONE)
		judge_unknown(in->answer, (int)st, in->name.shown);
	else
		look_into(in, s);
	free(in);
}

static void
look_into_room(struct request *q, const struct history_ask *ask)
{
	struct membership *m = membership_of(q);
	struct looking_in *in;

	if (!m)
		return;
	in = xcalloc(1, sizeof *in);
	in->sv = q->server;
	in->answer = q->answer;
	in->ask = *ask;
	span_copy(in->name.fold, sizeof in->name.fold, span_of(m->room->fold));
	span_copy(
	    in->name.shown, sizeof in->name.shown, span_of(m->room->shown));
	relay_load_rights(
	    q->server->relay, &in->name, NULL, NULL, on_rights, in);
}

void
cmd_history(struct request *q)
{
	struct history_ask ask;
	struct to_person *p;

	if (!read_range(q, &ask))
		return;
	if (!target_is_person(q->params[0])) {
		look_into_room(q, &ask);
		return;
	}
	p = to_person_new(q);
	if (!p)
		return;
	p->ask = ask;
	p->go = look_back_with;
	relay_find(q->server->relay, p->nick.fold, on_found, p);
}
