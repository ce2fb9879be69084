/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_COMMAND_H
#define SNUG_SERVER_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/text.h"
#include "proto/codes.h"
#include "proto/line.h"
#include "proto/msgid.h"

struct answer;
struct server;
struct session;

/* The attributes a client may send, as far as this server knows them. */
enum command_attr {
	ATTR_CID = 1 << 0,
	ATTR_ACT = 1 << 1,
	ATTR_RE = 1 << 2,
	ATTR_ENC = 1 << 3,
	ATTR_SINCE = 1 << 4,
	ATTR_LAST = 1 << 5,
	ATTR_BEFORE = 1 << 6,
	ATTR_AFTER = 1 << 7, /* an id, of HISTORY */
	ATTR_CLEAR = 1 << 8,
	ATTR_RESUME = 1 << 10,
	ATTR_BEHIND = 1 << 9, /* @after as a name, of lists */
	ATTR_FOR = 1 << 11,
	ATTR_KEY = 1 << 12, /* of a room */
};

/* The longest topic, in bytes: it stands in every ROOMS line. */
enum { TOPIC_MAX = 390 };

/* A command, taken apart and found well-formed: what a handler is given. */
struct request {
	struct server *server;
	struct session *session;
	const struct command *command;
	struct answer *answer; /* the handler gives it, now or later */
	uint64_t now_ms;
	struct span payload; /* the line as it came */
	struct span params[LINE_PARAMS_MAX];
	struct span text;
	unsigned attrs; /* which of these are there */
	struct span cid, re, enc, behind, resume, key;
	struct msgid since, before, after;
	uint64_t last;
	uint64_t lasts; /* @for, in seconds */
};

typedef void (*command_fn)(struct request *q);

/* One row says all about a command: dispatch, arguments, flood, help. */
struct command {
	const char *verb;
	command_fn run;
	unsigned nparams;
	enum { TEXT_NONE, TEXT_MAY, TEXT_MUST } text;
	unsigned attrs;
	unsigned cost;  /* flood tokens */
	unsigned flags; /* COMMAND_* */
	const char *syntax;
	const char *help;
};

enum {
	COMMAND_OVERLAPS = 1, /* may run behind others of its kind: SAY */
	COMMAND_STRANGER = 2, /* allowed where plaintext is not */
	COMMAND_GREETS = 4,   /* does not count as a first command */
	COMMAND_SILENT = 8,   /* has no answer: PONG */
	COMMAND_FIRST = 16,   /* a connection's first line or its end: SECURE */
	COMMAND_ARRIVES = 32, /* allowed to guests where they are not let in; so
				 is what strangers may */
	COMMAND_SECRET = 64,  /* its line is shown to nobody */
	COMMAND_LOCAL = 128,  /* asks nothing of the relay */
};

/* Handlers, by file. */
void cmd_help(struct request *q);
void cmd_ping(struct request *q);
void cmd_pong(struct request *q);
void cmd_quit(struct request *q);
void cmd_secure(struct request *q);
void cmd_nick(struct request *q);
void cmd_auth(struct request *q);
void cmd_register(struct request *q);
void cmd_login(struct request *q);
void cmd_password(struct request *q);
void cmd_key(struct request *q);
void cmd_whois(struct request *q);
void cmd_join(struct request *q);
void cmd_part(struct request *q);
void cmd_topic(struct request *q);
void cmd_names(struct request *q);
void cmd_rooms(struct request *q);
void cmd_room(struct request *q);
void cmd_op(struct request *q);
void cmd_deop(struct request *q);
void cmd_kick(struct request *q);
void cmd_ban(struct request *q);
void cmd_unban(struct request *q);
void cmd_mute(struct request *q);
void cmd_unmute(struct request *q);
void cmd_invite(struct request *q);
void cmd_say(struct request *q);
void cmd_typing(struct request *q);
void cmd_history(struct request *q);
void cmd_kill(struct request *q);
void cmd_deny(struct request *q);
void cmd_allow(struct request *q);
void cmd_announce(struct request *q);
void cmd_stats(struct request *q);

/*
 * Runs one payload for a session.  False: its turn has not come (an answer is
 * awaited, or a flood waits); the caller keeps the line and tries again when
 * something was settled, or at *again_ms if that is not 0.
 */
bool command_run(struct session *s, struct span payload, uint64_t now_ms,
    uint64_t *again_ms) MUST_CHECK;

const struct command *command_find(struct span verb);
const struct command *commands_all(size_t *n);

/* A table, one row a line, columns separated by tabs; -1: no such table. */
int command_print_table(FILE *out, const char *which);
void cmd_nick_print_reserved(FILE *out); /* nicks that are refused to all */

/* --- what handlers share ---------------------------------------------------
 */

/* Says how the relay's refusal is told to a person. */
void request_relay_err(struct answer *a, int relay_status);

/* Judges a name for rooms or people under the server's rule; answers
 * bad-name and gives false if it is none.  A sigil is explained. */
struct name;
bool request_room(struct request *q, struct span raw, struct name *out);
bool request_nick(struct request *q, struct span raw, struct name *out);
/* Is the target a person (@nick)? */
static inline bool
target_is_person(struct span target)
{
	return target.len > 0 && target.p[0] == '@';
}

#endif
