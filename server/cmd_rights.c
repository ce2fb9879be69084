/* SPDX-License-Identifier: ISC */
/*
 * Commands about what rooms allow: ROOM, and OP, DEOP, KICK, BAN, UNBAN, MUTE,
 * UNMUTE, INVITE.
 *
 * Each looks its target up and hands a change to the relay, which judges it by
 * what is stored at that moment (rights.c) and makes it in one step.  What
 * follows from it, on this node as on all others, comes back as an entry of the
 * room's log: news.c.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/line.h"
#include "server/answer.h"
#include "server/audit.h"
#include "server/auth.h"
#include "server/command.h"
#include "server/config.h"
#include "server/judge.h"
#include "server/relay_oper.h"
#include "server/relay_rights.h"
#include "server/room.h"
#include "server/server.h"
#include "server/session.h"
#include "server/user.h"

enum { WHY_MAX = 390, ROOM_HISTORY_MAX = 10000 };

/* A change under way; copies, because the line it came in is gone by then. */
struct deed {
	struct server *sv;
	struct answer *answer;
	struct audit_actor actor;
	struct rights_change change; /* its actor is filled in at the end */
	struct name room, nick;
	struct addr_key addr;
	char why[WHY_MAX + 1];
	char what[2 * WHY_MAX]; /* of ROOM: what was set, but for the key */
	char key[NAME_BYTES_MAX + 1]; /* until it was hashed */
};

static void
deed_free(struct deed *d)
{
	sodium_memzero(d->key, sizeof d->key);
	free(d);
}

/* --- made ----------------------------------------------------------------- */

static void
write_down(const struct deed *d)
{
	char nick[4 * NAME_BYTES_MAX + 8], room[4 * NAME_BYTES_MAX + 8];
	char why[2 * WHY_MAX], what[3 * WHY_MAX];
	const struct rights_change *c = &d->change;

	audit(&d->actor, rights_verb_word(c->verb),
	    "room=%s target=%s id=%s for=%llu settings=\"%s\" text=\"%s\"",
	    text_escape(room, sizeof room, span_of(d->room.fold)),
	    text_escape(nick, sizeof nick, span_of(c->target_nick)),
	    c->target[0] ? c->target : "-",
	    (unsigned long long)(c->for_ms / 1000),
	    text_escape(what, sizeof what, span_of(d->what)),
	    text_escape(why, sizeof why, span_of(d->why)));
}

static void
on_invited(void *arg, enum relay_status st)
{
	struct answer *a = arg;

	if (st == RELAY_OK)
		answer_ok(a, SPAN_NONE);
	else
		request_relay_err(a, (int)st);
}

/* Told wherever the invited is at this moment, and kept nowhere: the room's
 * rights have it. */
static void
tell_invited(const struct deed *d, const struct session *s)
{
	char text[WHY_MAX + 2 * NAME_BYTES_MAX + 4];

	snprintf(text, sizeof text, "%s %s%s%s", d->room.shown, s->user->shown,
	    d->why[0] ? " " : "", d->why);
	relay_order(d->sv->relay,
	    &(struct relay_order){.kind = ORDER_INVITE,
		.sender = span_of(d->change.target),
		.text = span_of(text)},
	    on_invited, d->answer);
}

static void
on_changed(void *arg, enum relay_status st, enum rights_answer answer,
    struct rights *rights)
{
	struct deed *d = arg;
	struct session *s = answer_session(d->answer);

	(void)rights;
	if (st == RELAY_OK && answer == RIGHTS_YES)
		write_down(d);
	if (!s)
		answer_none(d->answer);
	else if (st == RELAY_NONE)
		judge_refuse(d->answer, RIGHTS_UNKNOWN, d->room.shown);
	else if (st == RELAY_LIMIT)
		answer_err(d->answer, ERR_LIMIT, 0,
		    "%s owns %lld rooms, and no more may be theirs; they have "
		    "to give one away first",
		    d->nick.shown, (long long)d->sv->config->rooms_per_account);
	else if (st != RELAY_OK)
		request_relay_err(d->answer, (int)st);
	else if (answer != RIGHTS_YES)
		judge_refuse(d->answer, answer, d->room.shown);
	else if (d->change.verb == RIGHTS_DO_INVITE)
		tell_invited(d, s);
	else
		answer_ok(d->answer, SPAN_NONE);
	deed_free(d);
}

static void
make_change(struct deed *d, struct session *s)
{
	struct room *r = room_find(d->sv->rooms, d->room.fold);
	const char *text = d->change.verb == RIGHTS_DO_SET ? d->what : d->why;

	d->change.actor = judge_who(s, r);
	relay_change_rights(d->sv->relay, d->room.fold, &d->change,
	    span_of(text), on_changed, d);
}

/* --- whom ----------------------------------------------------------------- */

/* Where a guest of this node is, its address is known at once; where it is on
 * another one, that adds it. */
static void
note_addr(struct deed *d)
{
	struct user *u = user_find(d->sv->users, span_of(d->change.target));

	for (size_t i = 0; u && i < u->nsessions && !d->change.addr; i++) {
		struct rights_who who = judge_who(user_sessions(u)[i], NULL);

		if (!who.has_addr)
			continue;
		d->addr = who.addr;
		d->change.addr = &d->addr;
	}
}

/* What its members know of a private room, they are not denied. */
static enum rights_answer
may_moderate(
    const struct deed *d, const struct session *s, const struct rights *rights)
{
	struct rights_who who =
	    judge_who(s, room_find(d->sv->rooms, d->room.fold));

	return rights_may(
	    rights, &who, RIGHTS_MODERATE, relay_now_ms(d->sv->relay));
}

/* Only who is in the room can be put out of it. */
static void
on_peeked(void *arg, enum relay_status st, const struct relay_peek *peek)
{
	struct deed *d = arg;
	struct session *s = answer_session(d->answer);
	bool found = false;
	enum rights_answer may = RIGHTS_UNKNOWN;

	for (size_t i = 0; st == RELAY_OK && i < peek->n && !found; i++)
		found = span_is(peek->members[i].sender, d->change.target);
	if (s && (st == RELAY_NONE || found)) {
		make_change(d, s); /* which says that there is no such room */
		return;
	}
	if (!s)
		answer_none(d->answer);
	else if (st != RELAY_OK)
		request_relay_err(d->answer, (int)st);
	else if ((may = may_moderate(d, s, peek->info.rights)) == RIGHTS_YES)
		answer_err(d->answer, ERR_NOT_MEMBER, 0, "%s is not in %s",
		    d->nick.shown, d->room.shown);
	else
		judge_refuse(d->answer, may, d->room.shown);
	deed_free(d);
}

static void
go_on(struct deed *d, struct session *s)
{
	const struct rights_change *c = &d->change;

	if (c->verb == RIGHTS_DO_BAN || c->verb == RIGHTS_DO_MUTE)
		note_addr(d);
	if (c->verb == RIGHTS_DO_KICK)
		relay_peek(d->sv->relay, d->room.fold, on_peeked, d);
	else
		make_change(d, s);
}

/* Some changes take something back from who need not be here any more. */
static bool
goes_by_nick(enum rights_verb v)
{
	return v == RIGHTS_DO_UNBAN || v == RIGHTS_DO_UNMUTE ||
	       v == RIGHTS_DO_DEOP;
}

static void
on_found(void *arg, enum relay_status st, const struct relay_owner *owner)
{
	struct deed *d = arg;
	struct session *s = answer_session(d->answer);
	struct rights_change *c = &d->change;
	bool known = st == RELAY_OK && owner->sender.len == SENDER_ID_LEN;

	if (s && (known || (st == RELAY_NONE && goes_by_nick(c->verb)))) {
		if (known)
			span_copy(c->target, sizeof c->target, owner->sender);
		go_on(d, s);
		return;
	}
	if (!s)
		answer_none(d->answer);
	else if (st == RELAY_NONE || st == RELAY_OK)
		answer_err(d->answer, ERR_NO_SUCH_NICK, 0,
		    "nobody is called %s at the moment", d->nick.shown);
	else
		request_relay_err(d->answer, (int)st);
	deed_free(d);
}

/* --- OP, KICK, BAN, ... --------------------------------------------------- */

static struct deed *
deed_new(struct request *q, enum rights_verb verb, const struct name *room)
{
	struct deed *d = xcalloc(1, sizeof *d);

	d->sv = q->server;
	d->answer = q->answer;
	audit_note_actor(&d->actor, q->session->id, q->session->user);
	d->room = *room;
	d->change.verb = verb;
	return d;
}

static void
seek_target(struct deed *d, const struct name *nick)
{
	d->nick = *nick;
	memcpy(d->change.target_nick, nick->shown, sizeof nick->shown);
	relay_find(d->sv->relay, nick->fold, on_found, d);
}

static void
moderate(struct request *q, enum rights_verb verb)
{
	struct name room, nick;
	struct deed *d;

	if (!request_room(q, q->params[0], &room) ||
	    !request_nick(q, q->params[1], &nick))
		return;
	if (q->text.len > WHY_MAX) {
		answer_err(q->answer, ERR_TOO_LONG, 0,
		    "a reason has at most %d bytes", WHY_MAX);
		return;
	}
	d = deed_new(q, verb, &room);
	span_copy(d->why, sizeof d->why, q->text);
	if (q->attrs & ATTR_FOR)
		d->change.for_ms = q->lasts * 1000;
	seek_target(d, &nick);
}

void
cmd_op(struct request *q)
{
	moderate(q, RIGHTS_DO_OP);
}

void
cmd_deop(struct request *q)
{
	moderate(q, RIGHTS_DO_DEOP);
}

void
cmd_kick(struct request *q)
{
	moderate(q, RIGHTS_DO_KICK);
}

void
cmd_ban(struct request *q)
{
	moderate(q, RIGHTS_DO_BAN);
}

void
cmd_unban(struct request *q)
{
	moderate(q, RIGHTS_DO_UNBAN);
}

void
cmd_mute(struct request *q)
{
	moderate(q, RIGHTS_DO_MUTE);
}

void
cmd_unmute(struct request *q)
{
	moderate(q, RIGHTS_DO_UNMUTE);
}

void
cmd_invite(struct request *q)
{
	moderate(q, RIGHTS_DO_INVITE);
}

/* --- ROOM: what is set ---------------------------------------------------- */

static bool
read_flag(struct span v, bool *flag)
{
	*flag = span_is(v, "yes");
	return *flag || span_is(v, "no");
}

static bool
set_private(struct deed *d, struct span v)
{
	return read_flag(v, &d->change.set.hidden);
}

static bool
set_moderated(struct deed *d, struct span v)
{
	return read_flag(v, &d->change.set.moderated);
}

static bool
set_slow(struct deed *d, struct span v)
{
	uint64_t n;

	if (!text_u64(v, RIGHTS_SLOW_MAX, &n))
		return false;
	d->change.set.slow_s = (unsigned)n;
	return true;
}

static bool
set_history(struct deed *d, struct span v)
{
	uint64_t n;

	if (!text_u64(v, ROOM_HISTORY_MAX, &n))
		return false;
	d->change.set.history = (int64_t)n;
	return true;
}

static bool
set_key(struct deed *d, struct span v)
{
	if (v.len == 0 || v.len >= sizeof d->key)
		return false;
	span_copy(d->key, sizeof d->key, v);
	return true;
}

static bool
set_owner(struct deed *d, struct span v)
{
	return name_check(v, false, &d->nick) == 0;
}

/* What the setting is when it is cleared is what is in a deed at first; those
 * without a set() can only be cleared, or only set. */
static const struct setting {
	const char *key;
	unsigned bit;
	bool (*set)(struct deed *d, struct span value);
	bool clears;
	const char *mend;
} settings[] = {
    {"private", RIGHTS_SET_HIDDEN, set_private, true, "private=yes or no"},
    {"moderated", RIGHTS_SET_MODERATED, set_moderated, true,
	"moderated=yes or no"},
    {"slow", RIGHTS_SET_SLOW, set_slow, true,
	"slow=SECONDS, 0 to 3600, between two lines of a member"},
    {"history", RIGHTS_SET_HISTORY, set_history, true,
	"history=MESSAGES, 0 to 10000; cleared, it is the server's"},
    {"key", RIGHTS_SET_KEY, set_key, true,
	"key=TEXT, 1 to 64 bytes without a space"},
    {"owner", RIGHTS_SET_OWNER, set_owner, false, "owner=NICK, registered"},
};

static const struct setting *
find_setting(struct span key)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		if (span_is(key, settings[i].key))
			return &settings[i];
	return NULL;
}

static void
refuse_setting(struct request *q, const struct setting *set)
{
	if (set)
		answer_err(q->answer, ERR_BAD_ARGS, 0, "write: %s", set->mend);
	else
		answer_err(q->answer, ERR_BAD_ARGS, 0,
		    "a room has the settings private, moderated, slow, "
		    "history, key and owner; write: %s",
		    q->command->syntax);
}

/* For the log and for the members: a key is nobody's business. */
static void
note_setting(
    struct deed *d, const struct setting *set, bool clear, struct span word)
{
	size_t len = strlen(d->what);
	const char *sep = len > 0 ? " " : "";

	if (clear)
		snprintf(d->what + len, sizeof d->what - len, "%s%s=default",
		    sep, set->key);
	else if (set->bit == RIGHTS_SET_KEY)
		snprintf(d->what + len, sizeof d->what - len, "%skey=new", sep);
	else
		snprintf(d->what + len, sizeof d->what - len, "%s%.*s", sep,
		    SPAN_ARG(word));
}

static bool
read_setting(struct request *q, struct deed *d, struct span word)
{
	bool clear = q->attrs & ATTR_CLEAR;
	const char *eq = word.len ? memchr(word.p, '=', word.len) : NULL;
	struct span key = word, value = SPAN_NONE;
	const struct setting *set;

	if (eq) {
		key.len = (size_t)(eq - word.p);
		value = (struct span){eq + 1, word.len - key.len - 1};
	}
	set = find_setting(key);
	if (!set || (d->change.sets & set->bit) || clear == (eq != NULL) ||
	    (clear ? !set->clears : !set->set(d, value))) {
		refuse_setting(q, set);
		return false;
	}
	d->change.sets |= set->bit;
	note_setting(d, set, clear, word);
	return true;
}

static bool
read_settings(struct request *q, struct deed *d)
{
	struct span rest = q->text;

	if (rest.len > WHY_MAX) {
		answer_err(q->answer, ERR_TOO_LONG, 0,
		    "the settings have at most %d bytes", WHY_MAX);
		return false;
	}
	d->change.set.history = RIGHTS_HISTORY_DEFAULT;
	while (rest.len > 0)
		if (!read_setting(q, d, text_word(&rest)))
			return false;
	return true;
}

static void
make_settings(struct deed *d, struct session *s)
{
	struct name nick = d->nick;

	if (d->change.sets & RIGHTS_SET_OWNER)
		seek_target(d, &nick);
	else
		make_change(d, s);
}

static void
say_busy(struct deed *d)
{
	answer_err(d->answer, ERR_BUSY, AUTH_RETRY_MS,
	    "too many keys and passwords wait to be hashed; try again");
	deed_free(d);
}

static void
on_hashed(void *arg, enum auth_result result, const char *hash)
{
	struct deed *d = arg;
	struct session *s = answer_session(d->answer);

	if (!s) {
		answer_none(d->answer);
		deed_free(d);
	} else if (result != AUTH_RIGHT ||
		   strlen(hash) >= sizeof d->change.set.key) {
		say_busy(d);
	} else {
		span_copy(
		    d->change.set.key, sizeof d->change.set.key, span_of(hash));
		make_settings(d, s);
	}
}

static void
hash_key(struct deed *d, struct session *s)
{
	struct addr_key addr;
	struct auth_asker who = {
	    .session = s->id, .addr = session_addr(s, &addr)};

	if (!d->sv->auth ||
	    auth_hash(d->sv->auth, &who, span_of(d->key), on_hashed, d) != 0) {
		say_busy(d);
		return;
	}
	sodium_memzero(d->key, sizeof d->key);
}

static void
set_room(struct request *q, const struct name *room)
{
	struct deed *d = deed_new(q, RIGHTS_DO_SET, room);

	if (!read_settings(q, d))
		deed_free(d);
	else if (d->key[0])
		hash_key(d, q->session);
	else
		make_settings(d, q->session);
}

/* --- ROOM: what is asked -------------------------------------------------- */

static void
put_kv(struct line_writer *w, const char *key, const char *value)
{
	char kv[NAME_BYTES_MAX + 32];

	snprintf(kv, sizeof kv, "%s=%s", key, value);
	line_put(w, span_of(kv));
}

static void
put_number(struct line_writer *w, const char *key, long long n)
{
	char kv[48];

	snprintf(kv, sizeof kv, "%s=%lld", key, n);
	line_put(w, span_of(kv));
}

static void
say_settings(const struct deed *d, struct session *s, const struct rights *r)
{
	struct line_writer w;

	line_begin(&w, session_out(s));
	line_put_tag(&w, answer_tag(d->answer));
	line_put(&w, SPAN("ROOM"));
	line_put(&w, span_of(d->room.shown));
	put_kv(&w, "private", r->set.hidden ? "yes" : "no");
	put_kv(&w, "key", r->set.key[0] ? "yes" : "no");
	put_kv(&w, "moderated", r->set.moderated ? "yes" : "no");
	put_number(&w, "slow", r->set.slow_s);
	put_number(&w, "history",
	    (long long)rights_history(r, d->sv->config->history));
	if (r->owner[0])
		put_kv(&w, "owner", r->owner_nick);
	line_end(&w);
}

static void
on_asked(void *arg, enum relay_status st, struct rights *rights)
{
	struct deed *d = arg;
	struct session *s = answer_session(d->answer);
	struct room *r = s ? room_find(d->sv->rooms, d->room.fold) : NULL;
	enum rights_answer may = RIGHTS_UNKNOWN; /* RELAY_NONE */

	if (s && st == RELAY_OK) {
		struct rights_who who = judge_who(s, r);

		may = rights_may(
		    rights, &who, RIGHTS_KNOW, relay_now_ms(d->sv->relay));
	}
	if (!s) {
		answer_none(d->answer);
	} else if (st != RELAY_OK && st != RELAY_NONE) {
		judge_unknown(d->answer, (int)st, d->room.shown);
	} else if (may != RIGHTS_YES) {
		judge_refuse(d->answer, may, d->room.shown);
	} else {
		say_settings(d, s, rights);
		answer_ok(d->answer, SPAN_NONE);
	}
	deed_free(d);
}

void
cmd_room(struct request *q)
{
	struct name room;
	struct deed *d;

	if (!request_room(q, q->params[0], &room))
		return;
	if (q->text.len > 0) {
		set_room(q, &room);
		return;
	}
	if (q->attrs & ATTR_CLEAR) {
		answer_err(q->answer, ERR_BAD_ARGS, 0,
		    "@clear takes what to clear; write: %s",
		    q->command->syntax);
		return;
	}
	d = deed_new(q, RIGHTS_DO_SET, &room);
	relay_load_rights(q->server->relay, &d->room, NULL, NULL, on_asked, d);
}
