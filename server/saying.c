/* SPDX-License-Identifier: ISC */
/*
 * A line on its way into a room's log.
 *
 * It is judged here, by what this node knows, and the relay accepts it only if
 * that is what is stored.  If it is not, this node is told the new rights
 * before it hears so, and judges once more.  Nothing else is ever tried twice.
 */
#include "server/saying.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/answer.h"
#include "server/command.h"
#include "server/judge.h"
#include "server/relay_rights.h"
#include "server/room.h"
#include "server/server.h"
#include "server/session.h"
#include "server/user.h"

enum { TRIES_MAX = 5 };

struct saying {
	struct answer *answer;
	enum rights_path path;
	unsigned tries;
	struct relay_msg msg; /* its spans point into bytes */
	char fold[NAME_BYTES_MAX + 1], shown[NAME_BYTES_MAX + 1];
	char bytes[];
};

static void
keep(struct span *s, char **at)
{
	if (!s->p)
		return;
	if (s->len > 0)
		memcpy(*at, s->p, s->len);
	s->p = *at;
	*at += s->len;
}

static struct saying *
saying_new(const struct relay_msg *m)
{
	struct saying *y = xmalloc(
	    sizeof *y + m->cid.len + m->re.len + m->enc.len + m->text.len);
	char *at = y->bytes;

	y->msg = *m;
	keep(&y->msg.cid, &at);
	keep(&y->msg.re, &at);
	keep(&y->msg.enc, &at);
	keep(&y->msg.text, &at);
	return y;
}

static void say(struct saying *y, struct room *room);

/* The room, if the session is still in it; it may have been put out. */
static struct room *
room_of(const struct saying *y)
{
	struct session *s = answer_session(y->answer);

	return s ? room_find(s->server->rooms, y->fold) : NULL;
}

/* It is in few rooms: that is faster than to look the room up. */
static void
note_own(const struct saying *y, struct msgid id)
{
	struct session *s = answer_session(y->answer);
	struct membership *m;

	if (!s)
		return;
	TAILQ_FOREACH (m, &s->memberships, next)
		if (strcmp(m->room->fold, y->fold) == 0)
			break;
	if (m && msgid_cmp(id, m->said) > 0)
		m->said = id;
}

static void
refuse_slow(struct saying *y, uint64_t wait_ms)
{
	answer_err(y->answer, ERR_SLOW_DOWN, wait_ms,
	    "%s is slow: its members wait between two lines; wait %llu ms",
	    y->shown, (unsigned long long)wait_ms);
}

static void
on_said(void *arg, enum relay_status st, struct msgid id, bool dup)
{
	struct saying *y = arg;

	(void)dup;
	if (st == RELAY_STALE && y->tries < TRIES_MAX &&
	    answer_session(y->answer)) {
		say(y, room_of(y));
		return;
	}
	if (st == RELAY_OK) {
		note_own(y, id);
		answer_ok_id(y->answer, id);
	} else if (st == RELAY_SLOW) {
		refuse_slow(y, id.ms);
	} else if (st == RELAY_STALE) {
		judge_unknown(y->answer, RELAY_DOWN, y->shown);
	} else {
		request_relay_err(y->answer, (int)st);
	}
	free(y);
}

static void
hand_over(struct saying *y, const struct session *s, const struct room *room,
    const struct rights_who *who, uint64_t now_ms)
{
	struct conv c;

	y->tries++;
	y->msg.rv = room->rights->rv;
	y->msg.slow_ms = 0;
	if (y->path == RIGHTS_WRITE &&
	    !rights_is_unhurried(room->rights, who, now_ms))
		y->msg.slow_ms = (uint64_t)room->rights->set.slow_s * 1000;
	y->msg.sender = span_of(s->user->id);
	y->msg.nick = span_of(s->user->shown);
	conv_room(&c, room->fold);
	relay_append(s->server->relay, &c, &y->msg, on_said, y);
}

static void
say(struct saying *y, struct room *room)
{
	struct session *s = answer_session(y->answer);
	enum rights_answer may = RIGHTS_OUTSIDE;

	if (room) {
		struct rights_who who = judge_who(s, room);
		uint64_t now_ms = relay_now_ms(s->server->relay);

		may = rights_may(room->rights, &who, y->path, now_ms);
		if (may == RIGHTS_YES) {
			hand_over(y, s, room, &who, now_ms);
			return;
		}
	}
	judge_refuse(y->answer, may, y->shown);
	free(y);
}

void
saying_start(struct answer *a, struct room *room, enum rights_path path,
    const struct relay_msg *m)
{
	struct saying *y = saying_new(m);

	y->answer = a;
	y->path = path;
	y->tries = 0;
	span_copy(y->fold, sizeof y->fold, span_of(room->fold));
	span_copy(y->shown, sizeof y->shown, span_of(room->shown));
	say(y, room);
}
