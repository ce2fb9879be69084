/* SPDX-License-Identifier: ISC */
/*
 * Commands of server operators: KILL, DENY, ALLOW, ANNOUNCE, STATS.
 *
 * Operators are accounts, named in the configuration by their registered nicks.
 * A nick alone proves nothing, so each time the relay is asked whose account it
 * is, and that has to be the sender: an answer that does not come is a no.
 * Then the deed is handed to the relay, which carries it to every node
 * (oper.c), and goes into the audit log when the relay has it.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/mem.h"
#include "server/answer.h"
#include "server/audit.h"
#include "server/command.h"
#include "server/config.h"
#include "server/deny.h"
#include "server/gate.h"
#include "server/relay_account.h"
#include "server/relay_oper.h"
#include "server/render.h"
#include "server/room.h"
#include "server/server.h"
#include "server/session.h"
#include "server/shared.h"
#include "server/user.h"

/* What is asked for, until it is done. */
struct deed {
	struct server *sv;
	struct answer *answer;
	struct audit_actor actor;
	const char *verb;
	void (*act)(struct deed *d, struct session *s);
	struct name nick;               /* KILL */
	char sender[SENDER_ID_LEN + 1]; /* KILL: whose nick it is */
	struct deny deny;               /* DENY, ALLOW */
	char text[ORDER_TEXT_MAX + 1];
};

/* --- who may -------------------------------------------------------------- */

static bool
is_named(const struct config *c, const char *fold)
{
	struct name name;

	for (size_t i = 0; i < c->operators.n; i++)
		if (name_check(span_of(c->operators.items[i]), false, &name) ==
			0 &&
		    strcmp(name.fold, fold) == 0)
			return true;
	return false;
}

static void
refuse(struct deed *d)
{
	answer_err(d->answer, ERR_NOT_ALLOWED, 0,
	    "%s is for this server's operators: accounts that its "
	    "configuration names",
	    d->verb);
	free(d);
}

static void
on_account(void *arg, enum relay_status st, const struct relay_account *account)
{
	struct deed *d = arg;
	struct session *s = answer_session(d->answer);

	if (!s) {
		answer_none(d->answer);
		free(d);
	} else if (st != RELAY_OK && st != RELAY_NONE) {
		request_relay_err(d->answer, (int)st);
		free(d);
	} else if (st == RELAY_NONE || strcmp(account->id, s->user->id) != 0) {
		refuse(d);
	} else {
		d->act(d, s);
	}
}

/* Judges the asker; then comes act(), or the answer was given. */
static void
ask(struct request *q, struct deed *d)
{
	const struct user *u = q->session->user;

	if (!user_is_account(u) || !is_named(q->server->config, user_fold(u)))
		refuse(d);
	else
		relay_account_by_nick(
		    q->server->relay, user_fold(u), on_account, d);
}

static struct deed *
deed_new(struct request *q, void (*act)(struct deed *d, struct session *s))
{
	struct deed *d = xcalloc(1, sizeof *d);

	d->sv = q->server;
	d->answer = q->answer;
	audit_note_actor(&d->actor, q->session->id, q->session->user);
	d->verb = q->command->verb;
	d->act = act;
	return d;
}

static bool
take_text(struct request *q, char *dst, size_t max)
{
	if (q->text.len > max) {
		answer_err(q->answer, ERR_TOO_LONG, 0,
		    "the text has %zu bytes; %zu are the most", q->text.len,
		    max);
		return false;
	}
	if (q->text.len > 0)
		span_copy(dst, max + 1, q->text);
	return true;
}

/* --- KILL and ANNOUNCE ------------------------------------------------------
 */

static void
on_ordered(void *arg, enum relay_status st)
{
	struct deed *d = arg;
	char target[NAME_BYTES_MAX * 4 + 8], text[256];

	if (st == RELAY_OK)
		audit(&d->actor, d->verb, "target=%s id=%s text=\"%s\"",
		    text_escape(target, sizeof target, span_of(d->nick.shown)),
		    d->sender,
		    text_escape(text, sizeof text, span_of(d->text)));
	if (!answer_session(d->answer))
		answer_none(d->answer);
	else if (st != RELAY_OK)
		request_relay_err(d->answer, (int)st);
	else
		answer_ok(d->answer, SPAN_NONE);
	free(d);
}

static void
order(struct deed *d, enum relay_order_kind kind)
{
	struct relay_order o = {.kind = kind,
	    .sender = span_of(d->sender),
	    .text = span_of(d->text),
	    .fold = d->nick.fold};

	relay_order(d->sv->relay, &o, on_ordered, d);
}

static void
on_target(void *arg, enum relay_status st, const struct relay_owner *owner)
{
	struct deed *d = arg;

	if (st == RELAY_OK && answer_session(d->answer)) {
		span_copy(d->sender, sizeof d->sender, owner->sender);
		order(d, ORDER_KILL);
		return;
	}
	if (!answer_session(d->answer))
		answer_none(d->answer);
	else if (st == RELAY_NONE)
		answer_err(d->answer, ERR_NO_SUCH_NICK, 0,
		    "nobody is called %s", d->nick.shown);
	else
		request_relay_err(d->answer, (int)st);
	free(d);
}

static void
act_kill(struct deed *d, struct session *s)
{
	(void)s;
	relay_find(d->sv->relay, d->nick.fold, on_target, d);
}

void
cmd_kill(struct request *q)
{
	struct name nick;
	struct deed *d;

	if (!request_nick(q, q->params[0], &nick))
		return;
	d = deed_new(q, act_kill);
	d->nick = nick;
	if (take_text(q, d->text, DENY_TEXT_MAX))
		ask(q, d);
	else
		free(d);
}

static void
act_announce(struct deed *d, struct session *s)
{
	(void)s;
	order(d, ORDER_ANNOUNCE);
}

void
cmd_announce(struct request *q)
{
	struct deed *d = deed_new(q, act_announce);

	if (take_text(q, d->text, ORDER_TEXT_MAX))
		ask(q, d);
	else
		free(d);
}

/* --- DENY and ALLOW ---------------------------------------------------------
 */

static void
on_ranged(void *arg, enum relay_status st)
{
	struct deed *d = arg;
	char range[CIDR_TEXT_MAX + 1], text[256];

	cidr_format(&d->deny.range, range);
	if (st == RELAY_OK)
		audit(&d->actor, d->verb, "range=%s until_ms=%llu text=\"%s\"",
		    range, (unsigned long long)d->deny.until_ms,
		    text_escape(text, sizeof text, span_of(d->deny.text)));
	if (!answer_session(d->answer)) {
		answer_none(d->answer);
	} else if (st == RELAY_NONE) {
		answer_err(d->answer, ERR_BAD_ARGS, 0,
		    "%s is not closed out; STATS lists the ranges that are",
		    range);
	} else if (st == RELAY_LIMIT) {
		answer_err(d->answer, ERR_LIMIT, 0,
		    "%d ranges are closed out already; ALLOW some, or close "
		    "out a wider one",
		    DENY_MAX);
	} else if (st != RELAY_OK) {
		request_relay_err(d->answer, (int)st);
	} else {
		answer_ok(d->answer, span_of(range));
	}
	free(d);
}

/* Nobody closes the door on themselves. */
static void
act_deny(struct deed *d, struct session *s)
{
	if (s->from.has_ip && cidr_contains(&d->deny.range, &s->from.ip)) {
		answer_err(d->answer, ERR_BAD_ARGS, 0,
		    "your own address is in that range");
		free(d);
		return;
	}
	relay_deny(d->sv->relay, &d->deny, on_ranged, d);
}

static void
act_allow(struct deed *d, struct session *s)
{
	(void)s;
	relay_allow(d->sv->relay, &d->deny.range, on_ranged, d);
}

static bool
take_range(struct request *q, struct cidr *range)
{
	char cause[ERR_LEN];

	if (cidr_parse(q->params[0], range, cause) == 0)
		return true;
	answer_err(q->answer, ERR_BAD_ARGS, 0, "%s", cause);
	return false;
}

void
cmd_deny(struct request *q)
{
	struct deed *d = deed_new(q, act_deny);

	if (q->attrs & ATTR_FOR)
		d->deny.until_ms = clock_wall_ms() + q->lasts * 1000;
	if (take_range(q, &d->deny.range) &&
	    take_text(q, d->deny.text, DENY_TEXT_MAX))
		ask(q, d);
	else
		free(d);
}

void
cmd_allow(struct request *q)
{
	struct deed *d = deed_new(q, act_allow);

	if (take_range(q, &d->deny.range))
		ask(q, d);
	else
		free(d);
}

/* --- STATS ------------------------------------------------------------------
 */

static void
stat_line(struct deed *d, struct session *s, const char *name, uint64_t value)
{
	char line[96];

	snprintf(line, sizeof line, "%s %llu", name, (unsigned long long)value);
	render_notice(
	    session_out(s), answer_tag(d->answer), NOTICE_STATS, span_of(line));
}

static void
stat_ranges(struct deed *d, struct session *s)
{
	const struct denies *all = gate_denies(d->sv->gate);
	char range[CIDR_TEXT_MAX + 1];
	char line[CIDR_TEXT_MAX + DENY_TEXT_MAX + 48];

	for (size_t i = 0; i < all->n; i++) {
		const struct deny *one = &all->items[i];

		snprintf(line, sizeof line, "closed-out %s until=%llu %s",
		    cidr_format(&one->range, range),
		    (unsigned long long)one->until_ms, one->text);
		render_notice(session_out(s), answer_tag(d->answer),
		    NOTICE_STATS, span_of(line));
	}
}

/* In kilobytes, the most it ever was. */
static uint64_t
memory(void)
{
	struct rusage ru;

	return getrusage(RUSAGE_SELF, &ru) == 0 ? (uint64_t)ru.ru_maxrss : 0;
}

static void
act_stats(struct deed *d, struct session *s)
{
	const struct server *sv = d->sv;
	char node[RELAY_NODE_MAX + 8];

	snprintf(node, sizeof node, "node %s", sv->name);
	render_notice(
	    session_out(s), answer_tag(d->answer), NOTICE_STATS, span_of(node));
	stat_line(d, s, "sessions", sv->nsessions);
	if (sv->shared)
		stat_line(
		    d, s, "sessions-of-all-workers", shared_load(sv->shared));
	stat_line(d, s, "sessions-max", sv->max_sessions);
	stat_line(d, s, "strangers", gate_strangers(sv->gate));
	stat_line(
	    d, s, "shut-out-now", gate_shut_out(sv->gate, clock_now_ms()));
	stat_line(d, s, "users", users_count(sv->users));
	stat_line(d, s, "rooms", rooms_count(sv->rooms));
	stat_line(d, s, "relay-up", relay_is_up(sv->relay));
	stat_line(d, s, "memory-max-kb", memory());
	for (int i = 0; i < GATE_COUNT; i++)
		stat_line(d, s, gate_count_word((enum gate_count)i),
		    gate_counted(sv->gate, (enum gate_count)i));
	stat_ranges(d, s);
	answer_ok(d->answer, SPAN_NONE);
	free(d);
}

void
cmd_stats(struct request *q)
{
	ask(q, deed_new(q, act_stats));
}
