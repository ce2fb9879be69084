/* SPDX-License-Identifier: ISC */
/*
 * Who asks, and how a refusal is told.
 */
#include "server/judge.h"

#include "base/names.h"
#include "proto/codes.h"
#include "server/answer.h"
#include "server/command.h"
#include "server/config.h"
#include "server/relay.h"
#include "server/relay_rights.h"
#include "server/room.h"
#include "server/server.h"
#include "server/session.h"
#include "server/user.h"

/* --- who ------------------------------------------------------------------ */

/* An account named in the configuration. */
static bool
is_server_operator(const struct session *s)
{
	const struct config *c = s->server->config;
	struct name name;

	if (!user_is_account(s->user))
		return false;
	for (size_t i = 0; i < c->operators.n; i++)
		if (name_check(span_of(c->operators.items[i]), false, &name) ==
			0 &&
		    span_is(span_of(name.fold), user_fold(s->user)))
			return true;
	return false;
}

static bool
is_inside(const struct session *s, const struct room *room)
{
	const struct membership *m;

	SLIST_FOREACH (m, &s->memberships, next)
		if (m->room == room)
			return true;
	return false;
}

struct rights_who
judge_who(const struct session *s, const struct room *room)
{
	bool has_addr =
	    !user_is_account(s->user) && s->from.has_ip && !s->from.local;

	static const struct addr_key none;

	return (struct rights_who){
	    .id = s->user->id,
	    .nick = s->user->shown,
	    .addr = has_addr ? addr_key_of(&s->from.ip) : none,
	    .has_addr = has_addr,
	    .inside = room && is_inside(s, room),
	    .server_operator = is_server_operator(s),
	};
}

enum rights_answer
judge(const struct session *s, const struct room *room, enum rights_path path)
{
	struct rights_who who = judge_who(s, room);

	return rights_may(
	    room->rights, &who, path, relay_now_ms(s->server->relay));
}

enum rights_answer
judge_by(
    const struct session *s, const struct rights *rights, enum rights_path path)
{
	struct rights_who who = judge_who(s, NULL);

	return rights_may(rights, &who, path, relay_now_ms(s->server->relay));
}

/* --- words ---------------------------------------------------------------- */

/* The room's name stands between the two halves. */
static const struct {
	enum proto_error code;
	const char *before, *after;
} words[RIGHTS_ANSWERS] = {
    [RIGHTS_YES] = {ERR_BUSY, "the server lost the thread in ", ""},
    [RIGHTS_UNKNOWN] = {ERR_NO_SUCH_ROOM, "there is no room ",
	"; JOIN makes it"},
    [RIGHTS_BANNED] = {ERR_BANNED, "you are banned from ",
	"; its operators can UNBAN you"},
    [RIGHTS_MUTED] = {ERR_MUTED, "you are muted in ",
	"; its operators can UNMUTE you"},
    [RIGHTS_HUSHED] = {ERR_MUTED, "", " is moderated: its operators talk"},
    [RIGHTS_BAD_KEY] = {ERR_BAD_KEY, "",
	" is opened by a key, or an invitation: @key=KEY JOIN room"},
    [RIGHTS_UNINVITED] = {ERR_NOT_ALLOWED, "",
	" is private; its operators can INVITE you"},
    [RIGHTS_NOT_ALLOWED] = {ERR_NOT_ALLOWED,
	"that takes a say which you do not have in ", ""},
    [RIGHTS_ABOVE] = {ERR_NOT_ALLOWED,
	"that one has at least as much of a say as you in ", ""},
    [RIGHTS_NEEDLESS] = {ERR_NO_SUCH_NICK, "nothing of that kind holds in ",
	" for this nick"},
    [RIGHTS_NO_ACCOUNT] = {ERR_NOT_ALLOWED,
	"only who has registered can have a say in ", ""},
    [RIGHTS_SELF] = {ERR_NOT_ALLOWED, "not to yourself; to go from ",
	", PART it"},
    [RIGHTS_NO_ROOM] = {ERR_LIMIT, "that list of ",
	" is full; take somebody off it first"},
    [RIGHTS_BROKEN] = {ERR_BUSY, "what is allowed in ",
	" cannot be read; the operator finds why in the log"},
};

void
judge_refuse(struct answer *a, enum rights_answer why, const char *room)
{
	if (why == RIGHTS_OUTSIDE) {
		answer_err(a, ERR_NOT_MEMBER, 0,
		    "you are not in %s; say JOIN %s first", room, room);
		return;
	}
	answer_err(a, words[why].code, words[why].code == ERR_BUSY ? 5000 : 0,
	    "%s%s%s", words[why].before, room, words[why].after);
}

void
judge_unknown(struct answer *a, int relay_status, const char *room)
{
	if (relay_status == RELAY_DOWN || relay_status == RELAY_UNKNOWN)
		answer_err(a, ERR_BUSY, 1000,
		    "this server has lost touch with the others, and does not "
		    "know what %s allows; try again",
		    room);
	else
		request_relay_err(a, relay_status);
}
