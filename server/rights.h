/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_RIGHTS_H
#define SNUG_SERVER_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/names.h"
#include "base/text.h"
#include "proto/msgid.h"
#include "server/limit.h"
#include "server/relay.h"

/*
 * Rights: what one room allows to whom, and the single place that decides.
 *
 * A room's rights are one immutable value with a version.  Whoever has it can
 * answer every question about the room alone; whoever changes it makes a new
 * one, which takes the old one's place only if that is still the one stored
 * (relay_rights.h).  So Redis, the relay in memory and the commands all ask
 * the same functions.
 *
 * No relay, no loop, no socket in here, and no clock: time is passed in, in
 * milliseconds of the relay's wall clock, because rights run out by that.
 */
enum {
	RIGHTS_OPERATORS_MAX = 64,
	RIGHTS_LIST_MAX = 256, /* bans, mutes, invitations; each */
	RIGHTS_KEY_MAX = 127,  /* argon2id's text, without the NUL */
	RIGHTS_SLOW_MAX = 3600,
	RIGHTS_FOR_MAX = 315360000, /* @for, in seconds: ten years */
	RIGHTS_RECORD_MAX = 192 << 10,
};
#define RIGHTS_HISTORY_DEFAULT INT64_C(-1)

enum rights_list_id {
	RIGHTS_OPERATORS,
	RIGHTS_BANS,
	RIGHTS_MUTES,
	RIGHTS_INVITED,
	RIGHTS_LISTS
};

struct rights_entry {
	char id[SENDER_ID_LEN + 1];
	char nick[NAME_BYTES_MAX + 1]; /* as shown, when it was put here */
	char by[NAME_BYTES_MAX + 1];   /* who put it here */
	uint64_t until_ms;             /* 0: until it is taken back */
	bool has_addr;
	struct addr_key addr; /* a guest's, /32 or /64 */
};

struct rights_list {
	struct rights_entry *at;
	size_t n;
};

struct rights_settings {
	bool hidden;    /* private: known to its members alone */
	bool moderated; /* the owner and the operators talk, others listen */
	unsigned slow_s;
	int64_t history; /* messages offered; RIGHTS_HISTORY_DEFAULT */
	char key[RIGHTS_KEY_MAX + 1]; /* crypto_pwhash_str()'s; "": none */
};

struct rights {
	unsigned refs;
	/* The id of the entry that announced them; 0-0: nothing was ever set.
	 * Unique also where the relay lost a tail and wrote another. */
	struct msgid rv;
	bool broken; /* what is stored cannot be read: nothing is allowed */
	char owner[SENDER_ID_LEN + 1]; /* an account, or "": nobody */
	char owner_nick[NAME_BYTES_MAX + 1];
	struct rights_settings set;
	struct rights_list lists[RIGHTS_LISTS];
};

/* Gives the rights of a room that nobody owns and nothing was set in. */
struct rights *rights_new(void) MUST_CHECK;
/* Shares. */
struct rights *rights_ref(struct rights *r);
void rights_unref(struct rights *r);
/* Those of a room whose record makes no sense: they allow nothing. */
struct rights *rights_new_broken(struct msgid rv) MUST_CHECK;

/* --- who asks ------------------------------------------------------------- */

struct rights_who {
	const char *id; /* sender id; never NULL */
	const char *nick;
	/* A guest's, if it can be banned; none: an account, loopback, Unix. */
	struct addr_key addr;
	bool has_addr;
	bool inside;          /* is a member of the room */
	bool server_operator; /* may moderate any room */
	/* The stored key which the one it gave was found to fit; or NULL. */
	const char *key;
};

/* What somebody is in a room; the first that fits. */
enum rights_standing {
	STANDING_SERVER, /* a server operator */
	STANDING_OWNER,
	STANDING_OPERATOR,
	STANDING_BANNED,
	STANDING_MUTED,  /* a member */
	STANDING_HUSHED, /* a member of a moderated room */
	STANDING_MEMBER,
	STANDING_WELCOME,   /* not inside; invited, with the key, or it is open
			     */
	STANDING_KEYLESS,   /* not inside; the room has another key */
	STANDING_UNINVITED, /* not inside; the room is private */
	STANDINGS
};
enum rights_standing rights_standing(
    const struct rights *r, const struct rights_who *who, uint64_t now_ms);
const char *rights_standing_word(enum rights_standing s);

/* --- may it? -------------------------------------------------------------- */

enum rights_path {
	RIGHTS_ENTER,    /* JOIN */
	RIGHTS_READ,     /* live, replay, HISTORY */
	RIGHTS_WRITE,    /* SAY, replies, TYPING */
	RIGHTS_TOPIC,    /* setting it */
	RIGHTS_KNOW,     /* NAMES, TOPIC, ROOM: asking */
	RIGHTS_LIST,     /* being told of it by ROOMS */
	RIGHTS_MODERATE, /* KICK BAN UNBAN MUTE UNMUTE INVITE */
	RIGHTS_RULE,     /* OP DEOP, setting by ROOM */
	RIGHTS_PATHS
};

enum rights_answer {
	RIGHTS_YES,
	RIGHTS_UNKNOWN, /* to this one the room does not exist */
	RIGHTS_OUTSIDE, /* not a member */
	RIGHTS_BANNED,
	RIGHTS_MUTED,
	RIGHTS_HUSHED, /* moderated: only operators talk */
	RIGHTS_BAD_KEY,
	RIGHTS_UNINVITED,
	RIGHTS_NOT_ALLOWED,
	RIGHTS_ABOVE,      /* the target is the owner or an operator */
	RIGHTS_NEEDLESS,   /* the target has no such ban, mute or right */
	RIGHTS_NO_ACCOUNT, /* only an account can hold that right */
	RIGHTS_SELF,       /* not at oneself */
	RIGHTS_NO_ROOM,    /* the list is full */
	RIGHTS_BROKEN,     /* the stored rights cannot be read */
	RIGHTS_ANSWERS
};

/* Everything that anybody does with a room is judged here, and nowhere else. */
enum rights_answer rights_may(const struct rights *r,
    const struct rights_who *who, enum rights_path path, uint64_t now_ms);
/* Who needs not heed slow= : the owner, the operators. */
bool rights_is_unhurried(
    const struct rights *r, const struct rights_who *who, uint64_t now_ms);
/* '*' the owner, '+' an operator, 0 anybody else: the mark in NAMES. */
char rights_mark(const struct rights *r, const char *id);
/* The ban that keeps this one out; NULL: none does. */
const struct rights_entry *rights_ban(
    const struct rights *r, const struct rights_who *who, uint64_t now_ms);
/* The messages offered, with the server's own where the room says nothing. */
int64_t rights_history(const struct rights *r, int64_t server);

/* --- changing them -------------------------------------------------------- */

enum rights_verb {
	RIGHTS_DO_SET,
	RIGHTS_DO_OP,
	RIGHTS_DO_DEOP,
	RIGHTS_DO_KICK,
	RIGHTS_DO_BAN,
	RIGHTS_DO_UNBAN,
	RIGHTS_DO_MUTE,
	RIGHTS_DO_UNMUTE,
	RIGHTS_DO_INVITE,
	/* The node where a banned or muted guest is adds its address. */
	RIGHTS_DO_WITNESS,
	RIGHTS_VERBS
};
/* Lower case, as it stands in the log: "op", "deop", ... */
const char *rights_verb_word(enum rights_verb v);
int rights_verb_find(struct span word); /* -1: none */

/* What of the settings a change sets. */
enum {
	RIGHTS_SET_HIDDEN = 1 << 0,
	RIGHTS_SET_MODERATED = 1 << 1,
	RIGHTS_SET_SLOW = 1 << 2,
	RIGHTS_SET_HISTORY = 1 << 3,
	RIGHTS_SET_KEY = 1 << 4,
	RIGHTS_SET_OWNER = 1 << 5, /* it becomes the target's */
};

struct rights_change {
	enum rights_verb verb;
	struct rights_who actor;
	/* All but SET without an owner.  UNBAN and UNMUTE may leave the id
	 * empty and go by the nick that the entry was made with. */
	char target[SENDER_ID_LEN + 1];
	char target_nick[NAME_BYTES_MAX + 1];
	const struct addr_key *addr; /* the target's, a guest's; or NULL */
	uint64_t for_ms;             /* BAN and MUTE; 0: for good */
	unsigned sets;               /* RIGHTS_SET_* */
	struct rights_settings set;
};

/*
 * Carries a change out on a copy, if the actor may.
 *
 *   next  given: the new rights, version 0-0; rights_unref() them
 *
 * Returns RIGHTS_YES; on any other answer *next is untouched.  What ran out is
 * left out of the copy.
 */
enum rights_answer rights_change(const struct rights *r,
    const struct rights_change *c, uint64_t now_ms,
    struct rights **next) MUST_CHECK;

/* Those of a room that this account has just made. */
struct rights *rights_new_owned(
    const char *account, const char *nick) MUST_CHECK;

/* --- the stored form ------------------------------------------------------ */

/*
 * Text, a line for each thing; what Redis and the state file hold.  Everything
 * read is judged: a record that is too long, has a line nobody knows, a bad
 * name, id or number, or too many entries is refused as a whole.
 */
void rights_put(struct buf *out, const struct rights *r);
/* Returns 0 and gives *r, with this version; or a negative rights_err. */
enum rights_err {
	RIGHTS_ELONG = 1,
	RIGHTS_ELINE,  /* not a line of ours */
	RIGHTS_EVALUE, /* a name, an id, a number */
	RIGHTS_EMANY,  /* too many of them */
	RIGHTS_ETWICE, /* the same thing again */
};
int rights_get(
    struct span record, struct msgid rv, struct rights **r) MUST_CHECK;
const char *rights_strerror(int err);

#endif
