/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_MEMBER_H
#define SNUG_SERVER_MEMBER_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/text.h"
#include "proto/msgid.h"

struct answer;
struct membership;
struct name;
struct room;
struct server;
struct session;
struct user;

/* What JOIN asked for. */
struct member_ask {
	bool since_set;
	struct msgid since;
	unsigned last;   /* 0: no replay by number */
	struct span key; /* of the room; copied */
};

/* Puts a member out of a room, with all of its sessions here, and tells
 * everybody who is there, however large the room is.
 *   by  the nick of who did it; empty: nobody */
void member_expel(struct server *sv, struct room *r, struct user *u,
    struct span by, struct span text);

/* Lets the session into a room, replays what was asked for, and answers. */
void member_join(struct server *sv, struct answer *a, const struct name *room,
    const struct member_ask *ask);

/* Out again: told to the leaver at once, to the others by the relay; answers
 * when the relay has been told. */
void member_part(struct answer *a, struct membership *m, struct span text);

/*
 * A session that leaves is to see its own last words first: their OK may come
 * before the subscription brings them.  True: something is awaited, and then
 * runs once, from the loop, whether or not the session is still there.
 *
 *   only  the one membership to look at; NULL: all of the session's
 */
bool member_await_echo(struct session *s, const struct membership *only,
    void (*then)(void *arg), void *arg);

/* A session goes: out of every room, its nick given back (or left, to be taken
 * over, if it did not QUIT), its user dropped. */
void members_leave_all(struct session *s, struct span why);

/* The room may not be needed any more. */
void room_unpin(struct server *sv, struct room *r);
/* The user may not be. */
void user_orphan(void *server, struct user *u);

#endif
