/* SPDX-License-Identifier: ISC */
/*
 * Who may do what in a room: every path by every state, through whole sessions.
 *
 * The tables below are meant to be read.  A row is what somebody is, a column
 * what they try, a cell what they get: ok, the code of the error, or - for
 * nothing at all.  Every cell is tried on a node of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/line.h"
#include "server/claim.h"
#include "server/session.h"
#include "tests/unit/rig.h"
#include "tests/unit/unit.h"

#define BEFORE "said before anybody came"

/* --- the people ----------------------------------------------------------- */

/* A room r of ann, an account; pat is its operator, bob is who is asked. */
struct stage {
	struct rig *rig;
	struct client *ann, *pat, *bob;
};

static void
on_claimed(void *arg, enum relay_status st)
{
	(void)arg;
	assert_int_equal(st, RELAY_OK);
}

/* Its session is an account's from here on. */
static struct client *
person(struct rig *r, const char *nick, bool account)
{
	struct client *c = rig_person(r, nick);
	struct session *s = c->session;
	struct user *was = s->user, *u;
	char id[SENDER_ID_LEN + 1];
	struct name name;

	if (!account)
		return c;
	claim_release(&r->server, was, false);
	rig_settle(r);
	snprintf(id, sizeof id, "a%032d", nick[0]);
	u = user_mirror(r->server.users, span_of(id), span_of(nick));
	/* The relay knows no accounts here, but whose the nick is. */
	assert_int_equal(name_check(span_of(nick), false, &name), 0);
	relay_claim(r->server.relay, &name, id, was->token, on_claimed, NULL);
	rig_settle(r);
	memcpy(u->token, was->token, sizeof u->token);
	user_drop_session(was, s);
	user_add_session(u, s);
	s->user = u;
	user_unref(r->server.users, was);
	return c;
}

static void
does(struct client *c, const char *line)
{
	char text[256];

	snprintf(text, sizeof text, "%s\n", line);
	rig_send(c, text);
	rig_settle(c->rig);
}

/* --- what somebody is ----------------------------------------------------- */

static void
is_stranger(struct stage *t)
{
	(void)t;
}

static void
is_invited(struct stage *t)
{
	does(t->ann, "INVITE r bob");
}

static void
is_member(struct stage *t)
{
	is_invited(t);
	does(t->bob, "JOIN r");
}

static void
is_gone(struct stage *t)
{
	is_member(t);
	does(t->bob, "PART r");
}

static void
is_muted(struct stage *t)
{
	is_member(t);
	does(t->pat, "MUTE r bob");
}

static void
is_unmuted(struct stage *t)
{
	is_muted(t);
	does(t->pat, "UNMUTE r bob");
}

static void
is_hushed(struct stage *t)
{
	is_member(t);
	does(t->ann, "ROOM r moderated=yes");
}

static void
is_kicked(struct stage *t)
{
	is_member(t);
	does(t->pat, "KICK r bob");
}

static void
is_banned(struct stage *t)
{
	is_member(t);
	does(t->pat, "BAN r bob");
}

static void
is_banned_before(struct stage *t)
{
	does(t->pat, "BAN r bob");
}

static void
is_unbanned(struct stage *t)
{
	is_banned(t);
	does(t->pat, "UNBAN r bob");
}

/* Whoever resumes is the same sender. */
static void
is_resumed(struct stage *t)
{
	struct client *again = rig_connect(t->rig);
	char line[128];

	snprintf(line, sizeof line, "@resume=%s NICK bob", t->bob->token);
	does(again, line);
	t->bob = again;
}

static void
is_banned_and_resumed(struct stage *t)
{
	is_banned(t);
	is_resumed(t);
}

static void
is_muted_and_resumed(struct stage *t)
{
	is_muted(t);
	is_resumed(t);
	does(t->bob, "JOIN r");
}

static void
is_operator(struct stage *t)
{
	does(t->bob, "JOIN r");
	t->bob = t->pat;
}

static void
is_owner(struct stage *t)
{
	t->bob = t->ann;
}

/* --- what they try -------------------------------------------------------- */

/* "ok", or the code of the last answer. */
static const char *
verdict(const char *lines)
{
	static char word[32];
	const char *at = lines, *last = NULL;

	for (; *at; at = strchr(at, '\n') + 1) {
		const char *verb = *at == '@' ? strchr(at, ' ') + 1 : at;

		if (strncmp(verb, "OK", 2) == 0 ||
		    strncmp(verb, "ERR ", 4) == 0)
			last = verb;
	}
	if (!last)
		return "-";
	if (last[0] == 'O')
		return "ok";
	snprintf(
	    word, sizeof word, "%.*s", (int)strcspn(last + 4, " \n"), last + 4);
	return word;
}

static const char *
tries(struct client *c, const char *line)
{
	rig_lines(c);
	does(c, line);
	return verdict(rig_lines(c));
}

static const char *
try_join(struct stage *t)
{
	const char *lines, *word;

	rig_lines(t->bob);
	does(t->bob, "@last=9 JOIN r");
	lines = rig_lines(t->bob);
	word = verdict(lines);
	/* The replay is a path of its own: it comes to members alone. */
	if ((strcmp(word, "ok") == 0) != (strstr(lines, BEFORE) != NULL))
		return "(the replay says otherwise)";
	return word;
}

static const char *
try_live(struct stage *t)
{
	rig_lines(t->bob);
	does(t->bob == t->ann ? t->pat : t->ann, "SAY r secret");
	return strstr(rig_lines(t->bob), "secret") ? "ok" : "-";
}

static const char *
try_say(struct stage *t)
{
	return tries(t->bob, "SAY r hello");
}

static const char *
try_reply(struct stage *t)
{
	return tries(t->bob, "@re=1-0 SAY r hello");
}

static const char *
try_typing(struct stage *t)
{
	return tries(t->bob, "TYPING r");
}

static const char *
try_history(struct stage *t)
{
	const char *lines, *word;

	rig_lines(t->bob);
	does(t->bob, "HISTORY r");
	lines = rig_lines(t->bob);
	word = verdict(lines);
	if ((strcmp(word, "ok") == 0) != (strstr(lines, BEFORE) != NULL))
		return "(its lines say otherwise)";
	return word;
}

static const char *
try_names(struct stage *t)
{
	return tries(t->bob, "NAMES r");
}

static const char *
try_topic(struct stage *t)
{
	return tries(t->bob, "TOPIC r");
}

static const char *
try_retopic(struct stage *t)
{
	return tries(t->bob, "TOPIC r mine");
}

static const char *
try_ask(struct stage *t)
{
	return tries(t->bob, "ROOM r");
}

static const char *
try_rooms(struct stage *t)
{
	rig_lines(t->bob);
	does(t->bob, "ROOMS");
	return strstr(rig_lines(t->bob), "ROOM r ") ? "ok" : "-";
}

static const char *
try_whois(struct stage *t)
{
	const char *lines;

	rig_lines(t->bob);
	does(t->bob, "WHOIS eve");
	lines = rig_lines(t->bob);
	if (strstr(lines, " r\n") || strstr(lines, "=r"))
		return "(it tells the room)";
	return verdict(lines);
}

static const char *
try_dm(struct stage *t)
{
	return tries(t->bob, "SAY @eve hello");
}

static const char *
try_kick(struct stage *t)
{
	return tries(t->bob, "KICK r eve");
}

static const char *
try_op(struct stage *t)
{
	return tries(t->bob, "DEOP r zoe");
}

static const char *
try_set(struct stage *t)
{
	return tries(t->bob, "ROOM r slow=0");
}

/* --- the tables ----------------------------------------------------------- */

/* clang-format off */
static const char *(*const paths[])(struct stage *) = {
	try_join, try_live, try_say, try_reply, try_typing, try_history,
	try_names, try_topic, try_retopic, try_ask, try_rooms, try_whois,
	try_dm, try_kick, try_op, try_set};
enum { PATHS = ARRAY_LEN(paths) };
static const char *const path_names[PATHS] = {
	"JOIN and replay", "live", "SAY", "reply", "TYPING", "HISTORY",
	"NAMES", "TOPIC", "TOPIC text", "ROOM", "ROOMS", "WHOIS",
	"SAY @nick", "KICK", "DEOP", "ROOM key=value"};

struct row {
	const char *name;
	void (*set)(struct stage *t);
	const char *cells[PATHS];
};

#define NM "not-member"
#define NR "no-such-room"
#define NA "not-allowed"
#define NN "no-such-nick"
#define BA "banned"
#define MU "muted"

/* A room that anybody may enter. */
static const struct row open_room[] = {
	/*                                 JOIN  live  SAY  re   TYP  HIST NAMES TOPIC set  ROOM ROOMS WHOIS DM  KICK DEOP set */
	{"stranger",   is_stranger,       {"ok", "-",  NM,  NM,  NM,  NM,  "ok", "ok", NM,  "ok", "ok", "ok", "ok", NA, NA, NA}},
	{"invited",    is_invited,        {"ok", "-",  NM,  NM,  NM,  NM,  "ok", "ok", NM,  "ok", "ok", "ok", "ok", NA, NA, NA}},
	{"member",     is_member,         {"ok", "ok", "ok","ok","ok","ok","ok", "ok", "ok","ok", "ok", "ok", "ok", NA, NA, NA}},
	{"gone",       is_gone,           {"ok", "-",  NM,  NM,  NM,  NM,  "ok", "ok", NM,  "ok", "ok", "ok", "ok", NA, NA, NA}},
	{"muted",      is_muted,          {"ok", "ok", MU,  MU,  MU,  "ok","ok", "ok", MU,  "ok", "ok", "ok", "ok", NA, NA, NA}},
	{"unmuted",    is_unmuted,        {"ok", "ok", "ok","ok","ok","ok","ok", "ok", "ok","ok", "ok", "ok", "ok", NA, NA, NA}},
	{"hushed",     is_hushed,         {"ok", "ok", MU,  MU,  MU,  "ok","ok", "ok", MU,  "ok", "ok", "ok", "ok", NA, NA, NA}},
	{"kicked",     is_kicked,         {"ok", "-",  NM,  NM,  NM,  NM,  "ok", "ok", NM,  "ok", "ok", "ok", "ok", NA, NA, NA}},
	{"banned",     is_banned,         {BA,   "-",  NM,  NM,  NM,  NM,  BA,   BA,   NM,  BA,   "ok", "ok", "ok", NA, NA, NA}},
	{"banned before it came", is_banned_before,
	                                  {BA,   "-",  NM,  NM,  NM,  NM,  BA,   BA,   NM,  BA,   "ok", "ok", "ok", NA, NA, NA}},
	{"unbanned",   is_unbanned,       {"ok", "-",  NM,  NM,  NM,  NM,  "ok", "ok", NM,  "ok", "ok", "ok", "ok", NA, NA, NA}},
	{"banned and resumed", is_banned_and_resumed,
	                                  {BA,   "-",  NM,  NM,  NM,  NM,  BA,   BA,   NM,  BA,   "ok", "ok", "ok", NA, NA, NA}},
	{"muted, resumed and back", is_muted_and_resumed,
	                                  {"ok", "ok", MU,  MU,  MU,  "ok","ok", "ok", MU,  "ok", "ok", "ok", "ok", NA, NA, NA}},
	{"operator",   is_operator,       {"ok", "ok", "ok","ok","ok","ok","ok", "ok", "ok","ok", "ok", "ok", "ok", "ok", NA, NA}},
	{"owner",      is_owner,          {"ok", "ok", "ok","ok","ok","ok","ok", "ok", "ok","ok", "ok", "ok", "ok", "ok", NN, "ok"}},
};

/* The same, private: for those outside it answers as if it did not exist, but
 * for JOIN, which would otherwise have to make it. */
static const struct row private_room[] = {
	/*                                 JOIN  live  SAY  re   TYP  HIST NAMES TOPIC set  ROOM ROOMS WHOIS DM  KICK DEOP set */
	{"stranger",   is_stranger,       {NA,   "-",  NM,  NM,  NM,  NM,  NR,   NR,   NM,  NR,   "-",  "ok", "ok", NR, NR, NR}},
	{"invited",    is_invited,        {"ok", "-",  NM,  NM,  NM,  NM,  NR,   NR,   NM,  NR,   "-",  "ok", "ok", NR, NR, NR}},
	{"member",     is_member,         {"ok", "ok", "ok","ok","ok","ok","ok", "ok", "ok","ok", "ok", "ok", "ok", NA, NA, NA}},
	{"gone",       is_gone,           {"ok", "-",  NM,  NM,  NM,  NM,  NR,   NR,   NM,  NR,   "-",  "ok", "ok", NR, NR, NR}},
	{"muted",      is_muted,          {"ok", "ok", MU,  MU,  MU,  "ok","ok", "ok", MU,  "ok", "ok", "ok", "ok", NA, NA, NA}},
	{"hushed",     is_hushed,         {"ok", "ok", MU,  MU,  MU,  "ok","ok", "ok", MU,  "ok", "ok", "ok", "ok", NA, NA, NA}},
	{"kicked",     is_kicked,         {NA,   "-",  NM,  NM,  NM,  NM,  NR,   NR,   NM,  NR,   "-",  "ok", "ok", NR, NR, NR}},
	{"banned",     is_banned,         {BA,   "-",  NM,  NM,  NM,  NM,  NR,   NR,   NM,  NR,   "-",  "ok", "ok", NR, NR, NR}},
	{"unbanned",   is_unbanned,       {NA,   "-",  NM,  NM,  NM,  NM,  NR,   NR,   NM,  NR,   "-",  "ok", "ok", NR, NR, NR}},
	{"banned and resumed", is_banned_and_resumed,
	                                  {BA,   "-",  NM,  NM,  NM,  NM,  NR,   NR,   NM,  NR,   "-",  "ok", "ok", NR, NR, NR}},
	{"operator",   is_operator,       {"ok", "ok", "ok","ok","ok","ok","ok", "ok", "ok","ok", "ok", "ok", "ok", "ok", NA, NA}},
	{"owner",      is_owner,          {"ok", "ok", "ok","ok","ok","ok","ok", "ok", "ok","ok", "ok", "ok", "ok", "ok", NN, "ok"}},
};
/* clang-format on */

/* --- trying --------------------------------------------------------------- */

static void
begin(struct stage *t, bool hidden)
{
	struct client *eve, *zoe;

	t->rig = rig_new("");
	t->ann = person(t->rig, "ann", true);
	t->pat = person(t->rig, "pat", true);
	t->bob = rig_person(t->rig, "bob");
	eve = rig_person(t->rig, "eve");
	zoe = person(t->rig, "zoe", true);
	(void)zoe;
	does(t->ann, "JOIN r");
	does(t->ann, "SAY r " BEFORE);
	does(t->pat, "JOIN r");
	does(t->ann, "OP r pat");
	does(eve, "JOIN r");
	if (hidden)
		does(t->ann, "ROOM r private=yes");
}

static unsigned
try_cell(const struct row *row, size_t path, bool hidden)
{
	struct stage t;
	const char *got;
	unsigned wrong;

	begin(&t, hidden);
	row->set(&t);
	got = paths[path](&t);
	wrong = strcmp(got, row->cells[path]) != 0;
	if (wrong)
		print_error("%s room, %s, %s: %s, and not %s\n",
		    hidden ? "private" : "open", row->name, path_names[path],
		    got, row->cells[path]);
	rig_free(t.rig);
	return wrong;
}

static void
try_table(const struct row *rows, size_t n, bool hidden)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t path = 0; path < PATHS; path++)
			wrong += try_cell(&rows[i], path, hidden);
	assert_int_equal(wrong, 0);
}

static void
every_path_by_every_state_in_an_open_room(void **state)
{
	(void)state;
	try_table(open_room, ARRAY_LEN(open_room), false);
}

static void
every_path_by_every_state_in_a_private_room(void **state)
{
	(void)state;
	try_table(private_room, ARRAY_LEN(private_room), true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_path_by_every_state_in_an_open_room),
	    cmocka_unit_test(every_path_by_every_state_in_a_private_room),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
