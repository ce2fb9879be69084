/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_USER_H
#define SNUG_SERVER_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/attr.h"
#include "base/names.h"
#include "server/relay.h"

struct seat;
struct session;
struct watching;

/* How far a sender's nick is held in the relay. */
enum user_claim { USER_UNCLAIMED, USER_CLAIMING, USER_CLAIMED };

/*
 * A sender this node knows: one of ours, with sessions, or one mirrored
 * because it shares a room with ours.  Compared by id, never by nick.
 */
struct user {
	char id[SENDER_ID_LEN + 1];
	unsigned char claim;   /* enum user_claim */
	unsigned char fold_at; /* of the nick: in what is shown, or behind it */
	unsigned nseats, nsessions;
	uint8_t token[RELAY_TOKEN_LEN / 2]; /* its hash; 0: mirrored */
	char short_nick[20];
	char *shown; /* the nick, and its fold: short_nick, or owned */
	struct watching *watching; /* claim.c's, of an account */
	TAILQ_HEAD(, seat) seats;  /* where it is a member: room.h */
	union {                    /* ours; not looked into here */
		struct session *one;
		struct session **many; /* if there is more than one */
	} sessions;
};

struct users;

struct users *users_new(void) MUST_CHECK;
void users_free(struct users *us); /* every user with it */
size_t users_count(const struct users *us);

/* A guest of this node: a random id, and a nick of the form guest-xxxxxxxx. */
struct user *user_new_guest(struct users *us) MUST_CHECK;

/*
 * What a guest takes over its sender with, from another session: 128 random
 * bits, base64url.  The server keeps the hash alone, in hex.  The kind of
 * session is hashed along: a token of a secure session fits no plain one, nor
 * the other way round, on whichever node.
 */
enum { USER_TOKEN_LEN = 22 };
void user_new_token(
    struct user *u, bool secure, char token[static USER_TOKEN_LEN + 1]);
/* What the relay is told of it. */
void user_token(const struct user *u, char hash[static RELAY_TOKEN_LEN + 1]);
/* False: it is not of that form. */
bool user_hash_token(char hash[static RELAY_TOKEN_LEN + 1], struct span token,
    bool secure) MUST_CHECK;
struct user *user_find(const struct users *us, struct span id);
/* Finds or makes the mirror of a sender elsewhere. */
struct user *user_mirror(struct users *us, struct span id, struct span nick);

static inline const char *
user_fold(const struct user *u)
{
	return u->shown + u->fold_at;
}

static inline bool
user_is_local(const struct user *u)
{
	return u->nsessions > 0;
}

/* All nsessions of them; good until one comes or goes. */
static inline struct session *const *
user_sessions(const struct user *u)
{
	return u->nsessions > 1 ? u->sessions.many : &u->sessions.one;
}

/* Does it last, with a nick of its own?  Else it is a guest. */
static inline bool
user_is_account(const struct user *u)
{
	return u->id[0] == 'a';
}

/* A nick nobody else has drawn; both spellings are the same. */
void user_guest_nick(struct name *out);
void user_set_nick(struct user *u, const struct name *nick);

/* Sessions come and go; the user is theirs, not the other way round. */
void user_add_session(struct user *u, struct session *s);
void user_drop_session(struct user *u, struct session *s);

/* Frees the user if it has neither a session nor a seat. */
void user_unref(struct users *us, struct user *u);

#endif
