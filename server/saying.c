/* SPDX-License-Identifier: ISC */
/*
 * A line on its way into a room's log.
 *
 * It is judged here, by what this node knows, and the relay accepts it only if
 * that is what is stored.  If it is not, this node is told the new rights
 * before it hears so, and judges once more.  Nothing else is ever tried twice.
 */
#include "server/saying.h"

#include "base/pool.h"
#include "server/answer.h"
#include "server/command.h"
#include "server/judge.h"
#include "server/member.h"
#include "server/relay_rights.h"
#include "server/room.h"
#include "server/server.h"
#include "server/session.h"
#include "server/user.h"

enum { TRIES_MAX = 5 };

/* The message itself is the relay's: it gives it back if it is to be judged
 * again. */
struct saying {
	struct server *sv;
	struct answer *answer;
	struct room *room; /* pinned */
	enum rights_path path;
	unsigned tries;
};

static struct pool spare;

static void
finish(struct saying *y)
{
	room_unpin(y->sv, y->room);
	pool_give(&spare, y);
}

static void say(struct saying *y, struct session *s, const struct relay_msg *m);

/* The session may have gone, or have been put out of the room. */
static void
note_own(const struct saying *y, struct msgid id)
{
	struct session *s = answer_session(y->answer);
	struct membership *m = s ? session_membership(s, y->room) : NULL;

	if (m && msgid_cmp(id, m->said) > 0)
		m->said = id;
}

static void
refuse_slow(struct saying *y, uint64_t wait_ms)
{
	answer_err(y->answer, ERR_SLOW_DOWN, wait_ms,
	    "%s is slow: its members wait between two lines; wait %llu ms",
	    y->room->shown, (unsigned long long)wait_ms);
}

static void
on_said(void *arg, enum relay_status st, struct msgid id, bool dup,
    const struct relay_msg *again)
{
	struct saying *y = arg;

	(void)dup;
	if (st == RELAY_STALE && y->tries < TRIES_MAX &&
	    answer_session(y->answer)) {
		say(y, answer_session(y->answer), again);
		return;
	}
	if (st == RELAY_OK) {
		note_own(y, id);
		answer_ok_id(y->answer, id);
	} else if (st == RELAY_SLOW) {
		refuse_slow(y, id.ms);
	} else if (st == RELAY_STALE) {
		judge_unknown(y->answer, RELAY_DOWN, y->room->shown);
	} else {
		request_relay_err(y->answer, (int)st);
	}
	finish(y);
}

static void
hand_over(struct saying *y, const struct session *s, const struct relay_msg *m,
    const struct rights_who *who, uint64_t now_ms)
{
	const struct rights *rights = y->room->rights;
	struct relay_msg msg = *m;

	y->tries++;
	msg.rv = rights->rv;
	msg.slow_ms = 0;
	if (y->path == RIGHTS_WRITE &&
	    !rights_is_unhurried(rights, who, now_ms))
		msg.slow_ms = (uint64_t)rights->set.slow_s * 1000;
	msg.sender = span_of(s->user->id);
	msg.nick = span_of(s->user->shown);
	relay_append(y->sv->relay, &y->room->conv, &msg, on_said, y);
}

static void
say(struct saying *y, struct session *s, const struct relay_msg *m)
{
	struct rights_who who = judge_who(s, y->room);
	uint64_t now_ms = relay_now_ms(y->sv->relay);
	enum rights_answer may =
	    rights_may(y->room->rights, &who, y->path, now_ms);

	if (may == RIGHTS_YES) {
		hand_over(y, s, m, &who, now_ms);
		return;
	}
	judge_refuse(y->answer, may, y->room->shown);
	finish(y);
}

void
saying_start(struct answer *a, struct room *room, enum rights_path path,
    const struct relay_msg *m)
{
	struct session *s = answer_session(a);
	struct saying *y = pool_take(&spare, sizeof *y);

	*y = (struct saying){s->server, a, room, path, 0};
	room->pins++;
	say(y, s, m);
}
