/* SPDX-License-Identifier: ISC */
/*
 * The command table, and the way from a payload to a handler.
 *
 * Everything that can be said of a command before it runs stands in its row:
 * dispatch, the number of its parameters, which attributes it takes, what it
 * costs a flood, its help.  A handler is only called with what is well-formed.
 * Verbs and attributes of the protocol that this server does not have yet are
 * simply not in the tables: they get unknown-command and bad-args like any
 * other, until their row is added.
 */
#include "server/command.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include <sodium.h>

#include "base/names.h"
#include "server/answer.h"
#include "server/config.h"
#include "server/gate.h"
#include "server/relay.h"
#include "server/server.h"
#include "server/session.h"
#include "server/user.h"

enum {
	PENDING_MAX = 64,        /* SAYs in flight for one session */
	SECONDS_MAX = 315360000, /* ten years */
};

#define SAY_ATTRS (ATTR_CID | ATTR_ACT | ATTR_RE | ATTR_ENC)
#define HISTORY_ATTRS (ATTR_BEFORE | ATTR_AFTER | ATTR_LAST)

/* verb, handler, parameters, text, attributes, flood cost, flags, syntax,
 * help.  Sorted by verb. */
/* clang-format off */
static const struct command commands[] = {
	{"ALLOW", cmd_allow, 1, TEXT_NONE, 0, 1, 0, "ALLOW addr/len", "operators: lets a closed out range in again"},
	{"ANNOUNCE", cmd_announce, 0, TEXT_MUST, 0, 2, 0, "ANNOUNCE text", "operators: tells everybody on all nodes"},
	{"AUTH", cmd_auth, 2, TEXT_NONE, 0, 4, COMMAND_ARRIVES, "AUTH pubkey sig", "proves a key to a secure session, and logs in to its account"},
	{"BAN", cmd_ban, 2, TEXT_MAY, ATTR_FOR, 2, 0, "[@for=seconds] BAN room nick [text]", "operators of a room: puts a person out, and keeps them out"},
	{"DENY", cmd_deny, 1, TEXT_MAY, ATTR_FOR, 1, 0, "[@for=seconds] DENY addr/len [text]", "operators: closes a range of addresses out"},
	{"DEOP", cmd_deop, 2, TEXT_MAY, 0, 2, 0, "DEOP room nick [text]", "the owner of a room: takes an operator's say away"},
	{"HELP", cmd_help, 0, TEXT_MAY, 0, 1, COMMAND_STRANGER | COMMAND_GREETS | COMMAND_LOCAL, "HELP [verb]", "shows the commands, or how one is written"},
	{"HISTORY", cmd_history, 1, TEXT_NONE, HISTORY_ATTRS, 2, 0, "[@before=id|@after=id] [@last=n] HISTORY target", "shows what was said, 50 messages unless @last says otherwise"},
	{"INVITE", cmd_invite, 2, TEXT_MAY, 0, 2, 0, "INVITE room nick [text]", "operators of a room: lets a person in, and tells them"},
	{"JOIN", cmd_join, 1, TEXT_NONE, ATTR_SINCE | ATTR_LAST | ATTR_KEY, 2, 0, "[@since=id|@last=n] [@key=text] JOIN room", "enters a room, and makes it if it is new"},
	{"KEY", cmd_key, 1, TEXT_MAY, 0, 2, 0, "KEY list|add|del [pubkey] [sig]", "shows, adds or deletes the keys that prove your account"},
	{"KICK", cmd_kick, 2, TEXT_MAY, 0, 2, 0, "KICK room nick [text]", "operators of a room: puts a person out"},
	{"KILL", cmd_kill, 1, TEXT_MAY, 0, 1, 0, "KILL nick [text]", "operators: ends all sessions of a person"},
	{"LOGIN", cmd_login, 1, TEXT_MUST, 0, 4, COMMAND_ARRIVES | COMMAND_SECRET, "LOGIN nick password", "logs in to an account by its password"},
	{"MUTE", cmd_mute, 2, TEXT_MAY, ATTR_FOR, 2, 0, "[@for=seconds] MUTE room nick [text]", "operators of a room: lets a person listen, not talk"},
	{"NAMES", cmd_names, 1, TEXT_NONE, ATTR_BEHIND, 2, 0, "[@after=nick] NAMES room", "lists who is in a room"},
	{"NICK", cmd_nick, 1, TEXT_NONE, ATTR_RESUME, 2, COMMAND_ARRIVES, "[@resume=token] NICK nick", "takes a nick, or takes it over from one's former session"},
	{"OP", cmd_op, 2, TEXT_MAY, 0, 2, 0, "OP room nick [text]", "the owner of a room: makes a person its operator"},
	{"PART", cmd_part, 1, TEXT_MAY, 0, 1, 0, "PART room [text]", "leaves a room"},
	{"PASSWORD", cmd_password, 0, TEXT_MAY, ATTR_CLEAR, 4, COMMAND_SECRET, "[@clear] PASSWORD [text]", "sets a password for LOGIN, or removes it"},
	{"PING", cmd_ping, 0, TEXT_MAY, 0, 1, COMMAND_STRANGER | COMMAND_GREETS | COMMAND_LOCAL, "PING [text]", "gets the text back"},
	{"PONG", cmd_pong, 0, TEXT_MAY, 0, 0, COMMAND_SILENT | COMMAND_GREETS | COMMAND_LOCAL, "PONG [text]", "answers the server's PING"},
	{"QUIT", cmd_quit, 0, TEXT_MAY, 0, 0, COMMAND_STRANGER | COMMAND_LOCAL, "QUIT [text]", "says good-bye"},
	{"REGISTER", cmd_register, 0, TEXT_NONE, 0, 4, COMMAND_ARRIVES, "REGISTER", "makes an account of your nick and the key that you have proven"},
	{"ROOM", cmd_room, 1, TEXT_MAY, ATTR_CLEAR, 2, 0, "[@clear] ROOM room [key=value ...]", "shows, sets or clears what a room allows"},
	{"ROOMS", cmd_rooms, 0, TEXT_MAY, ATTR_BEHIND, 4, 0, "[@after=room] ROOMS [glob]", "lists the rooms, with * and ? as in a shell"},
	{"SAY", cmd_say, 1, TEXT_MUST, SAY_ATTRS, 1, COMMAND_OVERLAPS, "[@cid=c] [@act] [@re=id] [@enc=scheme] SAY target text", "says something in a room, or to a person as @nick"},
	{"SECURE", cmd_secure, 1, TEXT_NONE, 0, 0, COMMAND_STRANGER | COMMAND_FIRST | COMMAND_GREETS | COMMAND_LOCAL, "SECURE suite", "makes the session secure; a connection's very first line"},
	{"STATS", cmd_stats, 0, TEXT_NONE, 0, 2, COMMAND_LOCAL, "STATS", "operators: shows this node's counters and closed out ranges"},
	{"TOPIC", cmd_topic, 1, TEXT_MAY, ATTR_CLEAR, 1, 0, "[@clear] TOPIC room [text]", "shows, sets or clears a room's topic"},
	{"TYPING", cmd_typing, 1, TEXT_NONE, 0, 1, 0, "TYPING target", "lets the others know that you are writing"},
	{"UNBAN", cmd_unban, 2, TEXT_MAY, 0, 2, 0, "UNBAN room nick [text]", "operators of a room: takes a BAN back"},
	{"UNMUTE", cmd_unmute, 2, TEXT_MAY, 0, 2, 0, "UNMUTE room nick [text]", "operators of a room: takes a MUTE back"},
	{"WHOIS", cmd_whois, 1, TEXT_NONE, 0, 1, 0, "WHOIS nick", "shows who holds a nick"},
};
/* clang-format on */

/* What an attribute's value is. */
enum attr_kind {
	VALUE_NONE,
	VALUE_CID,
	VALUE_ID,
	VALUE_COUNT,
	VALUE_SECONDS,
	VALUE_WORD
};

/* key, which bit, what it holds, where the request keeps it, the largest
 * number.  One key may have several rows, for different commands. */
static const struct attr {
	const char *key;
	unsigned bit;
	enum attr_kind kind;
	size_t at;
	uint64_t max;
	const char *help;
} attrs[] = {
    {"act", ATTR_ACT, VALUE_NONE, 0, 0, "something done, not said (/me)"},
    {"after", ATTR_AFTER, VALUE_ID, offsetof(struct request, after), 0,
	"what came after this message"},
    {"after", ATTR_BEHIND, VALUE_WORD, offsetof(struct request, behind), 0,
	"go on behind this name"},
    {"before", ATTR_BEFORE, VALUE_ID, offsetof(struct request, before), 0,
	"what came before this message"},
    {"cid", ATTR_CID, VALUE_CID, offsetof(struct request, cid), 0,
	"the sender's own id of a message; said again, it is the same one"},
    {"clear", ATTR_CLEAR, VALUE_NONE, 0, 0, "remove it"},
    {"enc", ATTR_ENC, VALUE_WORD, offsetof(struct request, enc), 0,
	"the text is encrypted end to end, as base64url"},
    {"for", ATTR_FOR, VALUE_SECONDS, offsetof(struct request, lasts),
	SECONDS_MAX, "for so many seconds"},
    {"key", ATTR_KEY, VALUE_WORD, offsetof(struct request, key), 0,
	"the key that opens the room"},
    {"last", ATTR_LAST, VALUE_COUNT, offsetof(struct request, last), 500,
	"so many messages, 500 at most"},
    {"re", ATTR_RE, VALUE_ID, offsetof(struct request, re), 0,
	"a reply to this message"},
    {"resume", ATTR_RESUME, VALUE_WORD, offsetof(struct request, resume), 0,
	"the token of the session to go on as"},
    {"since", ATTR_SINCE, VALUE_ID, offsetof(struct request, since), 0,
	"replay what came after this message"},
};

/* Attributes of the protocol that wait for their commands: known, so that a
 * client which relies on one is not left in the belief that it worked. */
static const char *const later_attrs[] = {"delete", "edit", "react", "unreact"};

/* What people try who know another chat, by the word they begin with. */
static const struct habit {
	const char *word;
	const char *mend;
} habits[] = {
    {"hello", "hello! take a nick by NICK, enter a room by JOIN lobby, talk "
	      "by SAY lobby your text; HELP shows the rest"},
    {"hi", "hi! take a nick by NICK, enter a room by JOIN lobby, talk by SAY "
	   "lobby your text; HELP shows the rest"},
    {"help", "say HELP"},
    {"?", "say HELP"},
    {"user", "no USER is needed here; take a nick by NICK"},
    {"privmsg", "to talk, say: SAY room text, or SAY @nick text"},
    {"msg", "to talk, say: SAY room text, or SAY @nick text"},
    {"notice", "to talk, say: SAY room text, or SAY @nick text"},
    {"me", "an action is said by: @act SAY room text"},
    {"list", "the rooms are listed by ROOMS"},
    {"who", "who is in a room is shown by NAMES room"},
    {"leave", "a room is left by PART room"},
    {"exit", "say QUIT"},
    {"bye", "say QUIT"},
    {"logout", "say QUIT"},
    {"cap", "this is snug, not IRC; HELP shows the commands"},
    {"pass", "this is snug, not IRC; HELP shows the commands"},
};

/* Letters differ in one bit by their case, and nothing else becomes one without
 * it. */
static int
compare_verb(struct span word, const char *verb)
{
	size_t i = 0;

	for (; i < word.len && verb[i]; i++) {
		int c = (unsigned char)word.p[i] & 0xdf;

		if (c != verb[i])
			return c - verb[i];
	}
	return (i < word.len) - (verb[i] != '\0');
}

const struct command *
command_find(struct span verb)
{
	size_t from = 0, to = ARRAY_LEN(commands);

	while (from < to) {
		size_t mid = (from + to) / 2;
		int order = compare_verb(verb, commands[mid].verb);

		if (order == 0)
			return &commands[mid];
		if (order < 0)
			to = mid;
		else
			from = mid + 1;
	}
	return NULL;
}

const struct command *
commands_all(size_t *n)
{
	*n = ARRAY_LEN(commands);
	return commands;
}

/* --- answers to what is no command ------------------------------------------
 */

static const struct command *
nearest(struct span word)
{
	const struct command *best = NULL;
	size_t least = 3;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		size_t d = text_distance(word, span_of(commands[i].verb));

		if (d < least && d < word.len) {
			least = d;
			best = &commands[i];
		}
	}
	return best;
}

static const struct habit *
habit_of(struct span word)
{
	for (size_t i = 0; i < ARRAY_LEN(habits); i++)
		if (span_is_nocase(word, habits[i].word))
			return &habits[i];
	return NULL;
}

/* What was meant, with its own words: "/join lobby" is JOIN lobby. */
static void
err_slash(struct answer *a, const struct command *c, struct span rest)
{
	if (rest.len > 1 && rest.p[0] == '#') {
		rest.p++;
		rest.len--;
	}
	if (rest.len == 0 || rest.len > 64 || (c->flags & COMMAND_SECRET))
		answer_err(a, ERR_UNKNOWN_COMMAND, 0,
		    "commands have no slash here; say: %s", c->syntax);
	else
		answer_err(a, ERR_UNKNOWN_COMMAND, 0,
		    "commands have no slash here; say: %s %.*s", c->verb,
		    SPAN_ARG(rest));
}

static void
err_unknown(struct answer *a, struct span word, struct span rest)
{
	bool slash = word.len > 1 && word.p[0] == '/';
	struct span bare =
	    slash ? (struct span){word.p + 1, word.len - 1} : word;
	const struct command *c = slash ? command_find(bare) : NULL;
	const struct habit *habit = habit_of(bare);
	char shown[48];

	text_escape(shown, sizeof shown, word);
	if (c)
		err_slash(a, c, rest);
	else if (habit)
		answer_err(a, ERR_UNKNOWN_COMMAND, 0, "%s", habit->mend);
	else if ((c = nearest(bare)))
		answer_err(a, ERR_UNKNOWN_COMMAND, 0,
		    "there is no %s; did you mean: %s", shown, c->syntax);
	else
		answer_err(a, ERR_UNKNOWN_COMMAND, 0,
		    "there is no %s; to talk, say: SAY room text; HELP shows "
		    "the commands",
		    shown);
}

static void
err_line(struct answer *a, int err, const struct line *l)
{
	if (err == -LINE_ETEXT)
		answer_err(a, ERR_BAD_TEXT, 0, "%s", line_strerror(err));
	else if (err == -LINE_EVERB && l->tag.p)
		answer_err(a, ERR_BAD_ARGS, 0,
		    "a word behind # is a tag, and a command has to follow; "
		    "rooms are written without it: JOIN lobby");
	else
		answer_err(a, ERR_BAD_ARGS, 0, "%s", line_strerror(err));
}

/* --- attributes --------------------------------------------------------- */

/* The row for this key that the command takes; *known if any row has the key.
 */
static const struct attr *
attr_row(const struct command *c, struct span key, bool *known)
{
	*known = false;
	for (size_t i = 0; i < ARRAY_LEN(attrs); i++) {
		if (!span_is(key, attrs[i].key))
			continue;
		*known = true;
		if (c->attrs & attrs[i].bit)
			return &attrs[i];
	}
	for (size_t i = 0; i < ARRAY_LEN(later_attrs); i++)
		if (span_is(key, later_attrs[i]))
			*known = true;
	return NULL;
}

static bool
read_value(
    struct request *q, const struct attr *row, const struct line_attr *attr)
{
	void *at = (char *)q + row->at;
	struct msgid id;

	switch (row->kind) {
	case VALUE_NONE:
		return !attr->has_value;
	case VALUE_CID:
		if (!text_is_visible_ascii(attr->value) ||
		    attr->value.len > LINE_CID_MAX)
			return false;
		*(struct span *)at = attr->value;
		return true;
	case VALUE_WORD:
		*(struct span *)at = attr->value;
		return attr->value.len > 0 && attr->value.len <= NAME_BYTES_MAX;
	case VALUE_COUNT:
	case VALUE_SECONDS:
		return text_u64(attr->value, row->max, at) &&
		       *(uint64_t *)at > 0;
	case VALUE_ID:
		if (!msgid_parse(attr->value, &id))
			return false;
		/* A reply is passed on as it was written. */
		if (row->bit == ATTR_RE)
			*(struct span *)at = attr->value;
		else
			*(struct msgid *)at = id;
		return true;
	}
	return false;
}

static const char *const value_mends[] = {
    [VALUE_NONE] = "takes no value",
    [VALUE_CID] = "is 1 to 64 visible ASCII characters",
    [VALUE_WORD] = "is 1 to 64 bytes",
    [VALUE_SECONDS] = "is a number of seconds, ten years at most",
    [VALUE_COUNT] = "is a number from 1 to 500",
    [VALUE_ID] = "is a message id, such as 1732371234567-0",
};

static bool
read_attrs(struct request *q, const struct line *l)
{
	for (unsigned i = 0; i < l->nattrs; i++) {
		const struct line_attr *attr = &l->attrs[i];
		bool known;
		const struct attr *row =
		    attr_row(q->command, attr->key, &known);

		if (!row && !known)
			continue;
		if (!row) {
			answer_err(q->answer, ERR_BAD_ARGS, 0,
			    "@%.*s does not go with %s here; write: %s",
			    SPAN_ARG(attr->key), q->command->verb,
			    q->command->syntax);
			return false;
		}
		if (!read_value(q, row, attr)) {
			answer_err(q->answer, ERR_BAD_ARGS, 0, "@%s %s",
			    row->key, value_mends[row->kind]);
			return false;
		}
		q->attrs |= row->bit;
	}
	return true;
}

/* --- parameters --------------------------------------------------------- */

static bool
read_params(struct request *q, const struct line *l)
{
	const struct command *c = q->command;
	int err = line_split(l, c->nparams, q->params, &q->text);

	if (err == -LINE_ETEXT) {
		answer_err(
		    q->answer, ERR_BAD_TEXT, 0, "%s", line_strerror(err));
		return false;
	}
	if (err != 0 || (c->text == TEXT_MUST && q->text.len == 0) ||
	    (c->text == TEXT_NONE && q->text.len > 0)) {
		answer_err(q->answer, ERR_BAD_ARGS, 0, "write: %s", c->syntax);
		return false;
	}
	return true;
}

/* --- running ------------------------------------------------------------ */

static bool
has_turn(const struct session *s, const struct command *c)
{
	if (s->answers.n == 0)
		return true;
	return c && (c->flags & COMMAND_OVERLAPS) && !s->exclusive &&
	       s->answers.n < PENDING_MAX;
}

/*
 * Where thousands come at once, as after the death of a node, the relay is not
 * asked more than it answers in time: the line waits here, and the session is
 * not read.  They come back spread, so that they do not do so all at once.
 */
static bool
has_to_wait(const struct session *s, const struct command *c, uint64_t now_ms,
    uint64_t *again_ms)
{
	enum { LEAST_MS = 20, SPREAD_MS = 80 };

	if (!c || (c->flags & COMMAND_LOCAL) ||
	    !relay_is_busy(s->server->relay))
		return false;
	*again_ms = now_ms + LEAST_MS + randombytes_uniform(SPREAD_MS);
	return true;
}

/* To persons one at a time: their conversation is known only when their nick
 * has been looked up. */
static bool
overlaps(const struct command *c, const struct line *l)
{
	return (c->flags & COMMAND_OVERLAPS) && !target_is_person(l->rest);
}

/* True: go on.  False: *wait_ms says when to come back; or the session was
 * answered, or is over. */
static bool
passes_flood(struct session *s, const struct command *c, struct span tag,
    uint64_t now_ms, uint64_t *again_ms, bool *keep)
{
	enum { REFUSAL_MS = 50 }; /* refusing is not free either */
	uint64_t wait_ms = 0;

	*keep = false;
	switch (flood_take(
	    &s->flood, &s->server->flood, c ? c->cost : 1, now_ms, &wait_ms)) {
	case FLOOD_GO:
		return true;
	case FLOOD_WAIT:
		*keep = true;
		*again_ms = now_ms + wait_ms;
		return false;
	case FLOOD_REFUSE:
		answer_err(answer_begin(&s->answers, tag), ERR_SLOW_DOWN,
		    wait_ms, "too many commands; wait %llu ms",
		    (unsigned long long)wait_ms);
		*again_ms = now_ms + REFUSAL_MS;
		return false;
	case FLOOD_END:
		gate_blame(s->server->gate, s, PENALTY_FLOOD, now_ms);
		session_end(s, BYE_LIMIT, 10000,
		    "too many commands for too long a time");
		return false;
	}
	return false;
}

/* Behind SECURE come bytes that are no lines. */
static void
end_refused(struct session *s, const struct command *c)
{
	if (c->flags & COMMAND_FIRST)
		session_end(s, BYE_BAD_FRAME, 0,
		    "nothing behind a refused %s can be understood", c->verb);
}

static void
refuse_plain(struct request *q)
{
	if (q->server->identity)
		answer_err(q->answer, ERR_SECURE_REQUIRED, 0,
		    "plaintext is not allowed here; begin with SECURE, as snug "
		    "does");
	else
		answer_err(q->answer, ERR_SECURE_REQUIRED, 0,
		    "plaintext is only allowed from the same host; the "
		    "operator can allow it by plaintext = any");
}

static void
run(struct session *s, const struct command *c, const struct line *l,
    struct span payload, int line_err, uint64_t now_ms)
{
	struct request q = {.server = s->server,
	    .session = s,
	    .command = c,
	    .now_ms = now_ms,
	    .payload = payload,
	    .answer = answer_begin(&s->answers, l->tag)};

	if (line_err != 0) {
		err_line(q.answer, line_err, l);
		return;
	}
	if (!c) {
		err_unknown(q.answer, l->word, l->rest);
		return;
	}
	if (s->plain_refused &&
	    !(c->flags & (COMMAND_STRANGER | COMMAND_SILENT))) {
		refuse_plain(&q);
		return;
	}
	if (!s->server->config->guests && !user_is_account(s->user) &&
	    !(c->flags &
		(COMMAND_STRANGER | COMMAND_ARRIVES | COMMAND_SILENT))) {
		answer_err(q.answer, ERR_NOT_ALLOWED, 0,
		    "guests are not let in here; log in by AUTH or LOGIN, as "
		    "snug does");
		return;
	}
	if (!(c->flags & COMMAND_SILENT) &&
	    (!read_attrs(&q, l) || !read_params(&q, l))) {
		end_refused(s, c);
		return;
	}
	if (!(c->flags & COMMAND_GREETS))
		answer_counts(q.answer);
	c->run(&q);
}

bool
command_run(
    struct session *s, struct span payload, uint64_t now_ms, uint64_t *again_ms)
{
	struct line l;
	int err = line_parse(&l, payload);
	const struct command *c =
	    err == 0 ? command_find(span_of(l.verb)) : NULL;
	bool keep, exclusive = !c || !overlaps(c, &l);

	if (!has_turn(s, exclusive ? NULL : c))
		return false;
	if (has_to_wait(s, c, now_ms, again_ms))
		return false;
	if (!passes_flood(s, c, l.tag, now_ms, again_ms, &keep))
		return !keep;
	if (!c || !(c->flags & COMMAND_FIRST))
		session_stay_plain(s);
	s->exclusive = exclusive;
	run(s, c, &l, payload, err, now_ms);
	return true;
}

/* --- what handlers share ------------------------------------------------ */

void
request_relay_err(struct answer *a, int relay_status)
{
	static const struct {
		enum proto_error e;
		uint64_t retry_ms;
		const char *text;
	} rows[] = {
	    [RELAY_OK] = {ERR_BUSY, 1000, "the server lost the thread"},
	    [RELAY_DOWN] = {ERR_RELAY_DOWN, 1000,
		"the relay is away; this was certainly not accepted"},
	    [RELAY_UNKNOWN] = {ERR_OUTCOME_UNKNOWN, 1000,
		"the relay did not answer; ask again with the same @cid"},
	    [RELAY_BUSY] = {ERR_BUSY, 1000,
		"the relay has too much to do; try again"},
	    [RELAY_FULL] = {ERR_STORAGE_FULL, 0,
		"the relay has no room left; tell the operator"},
	    [RELAY_TAKEN] = {ERR_NICK_IN_USE, 0,
		"somebody else has this nick, or one that looks like it; "
		"choose another"},
	    [RELAY_NONE] = {ERR_NO_SUCH_ROOM, 0, "there is no such room"},
	    [RELAY_FAILED] = {ERR_BUSY, 5000,
		"the relay refused; the operator finds why in the log"},
	    [RELAY_REGISTERED] = {ERR_NICK_REGISTERED, 0,
		"an account owns this nick, or one that looks like it; log in "
		"to it, or choose another"},
	    [RELAY_OWNED] = {ERR_NOT_ALLOWED, 0,
		"the key belongs to another account"},
	    [RELAY_LAST] = {ERR_NOT_ALLOWED, 0,
		"nothing would be left to prove the account by"},
	    [RELAY_LIMIT] = {ERR_LIMIT, 0, "an account has at most 16 keys"},
	    [RELAY_UNKEPT] = {ERR_NOT_ALLOWED, 0,
		"this server keeps no accounts; its operator can have them "
		"kept by --state FILE or --redis"},
	};

	answer_err(a, rows[relay_status].e, rows[relay_status].retry_ms, "%s",
	    rows[relay_status].text);
}

static bool
name_ok(struct request *q, struct span raw, struct name *out)
{
	int err = name_check(raw, q->server->config->names == NAMES_ASCII, out);

	if (err == 0)
		return true;
	answer_err(q->answer, ERR_BAD_NAME, 0, "%s", name_strerror(err));
	return false;
}

bool
request_room(struct request *q, struct span raw, struct name *out)
{
	if (raw.len > 1 && strchr("#&+!", raw.p[0])) {
		answer_err(q->answer, ERR_BAD_NAME, 0,
		    "rooms are written without %c here: %s %.*s", raw.p[0],
		    q->command->verb, (int)raw.len - 1, raw.p + 1);
		return false;
	}
	if (raw.len > 1 && target_is_person(raw)) {
		answer_err(q->answer, ERR_BAD_NAME, 0,
		    "@ stands for a person; %s takes a room", q->command->verb);
		return false;
	}
	return name_ok(q, raw, out);
}

bool
request_nick(struct request *q, struct span raw, struct name *out)
{
	if (raw.len > 1 && target_is_person(raw)) {
		raw.p++;
		raw.len--;
	}
	return name_ok(q, raw, out);
}

/* --- tables, for the manual's test -------------------------------------- */

static void
print_commands(FILE *out)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(out, "%s\t%u\t%s\t%s\n", commands[i].verb,
		    commands[i].cost, commands[i].syntax, commands[i].help);
}

static void
print_attrs(FILE *out)
{
	for (size_t i = 0; i < ARRAY_LEN(attrs); i++)
		fprintf(out, "%s\t%s\n", attrs[i].key, attrs[i].help);
}

static void
print_penalties(FILE *out)
{
	for (int i = 0; i < PENALTY_COUNT; i++)
		fprintf(out, "%s\t%llu s\t%s\n",
		    penalty_word((enum penalty_kind)i),
		    (unsigned long long)penalty_ms((enum penalty_kind)i) / 1000,
		    penalty_meaning((enum penalty_kind)i));
}

static void
print_options(FILE *out)
{
	static const char *const types[] = {[CONF_FLAG] = "flag",
	    [CONF_INT] = "number",
	    [CONF_SIZE] = "size",
	    [CONF_DURATION] = "time",
	    [CONF_STRING] = "text",
	    [CONF_ENUM] = "word",
	    [CONF_LIST] = "list",
	    [CONF_ACTION] = "action"};

	for (size_t i = 0; i < config_table.n; i++) {
		const struct conf_option *o = &config_table.options[i];

		fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s\n", o->name,
		    o->section ? o->section : "-", types[o->type],
		    o->def ? o->def : "-", o->help,
		    o->live ? "live" : "restart");
	}
}

#define PRINT_CODES(name, count, word, meaning)                        \
	static void name(FILE *out)                                    \
	{                                                              \
		for (int i = 0; i < (count); i++)                      \
			fprintf(out, "%s\t%s\n", word(i), meaning(i)); \
	}
PRINT_CODES(print_errors, ERR_COUNT, proto_error_word, proto_error_meaning)
PRINT_CODES(print_byes, BYE_COUNT, proto_bye_word, proto_bye_meaning)
PRINT_CODES(
    print_notices, NOTICE_COUNT, proto_notice_word, proto_notice_meaning)
#undef PRINT_CODES

int
command_print_table(FILE *out, const char *which)
{
	static const struct {
		const char *name;
		void (*print)(FILE *out);
	} tables[] = {
	    {"commands", print_commands},
	    {"attributes", print_attrs},
	    {"options", print_options},
	    {"penalties", print_penalties},
	    {"errors", print_errors},
	    {"byes", print_byes},
	    {"notices", print_notices},
	    {"reserved", cmd_nick_print_reserved},
	};

	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		if (strcmp(tables[i].name, which) == 0) {
			tables[i].print(out);
			return 0;
		}
	return -1;
}
