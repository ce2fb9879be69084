/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_CLAIM_H
#define SNUG_SERVER_CLAIM_H

#include "base/attr.h"
#include <stdbool.h>

#include "server/relay.h"

struct answer;
struct name;
struct server;
struct session;
struct user;

typedef void (*claim_then_fn)(void *arg, enum relay_status st);

/*
 * Makes sure that the sender's nick is held in the relay and that what is said
 * to it in private comes here: before a session's first JOIN, and before its
 * first SAY.  A guest that never speaks costs the relay nothing.
 *
 *   a     the command's answer; tells whether the session is still there
 *   then  called once, at once if all is held already, else from the loop
 */
void claim_ensure(
    struct server *sv, struct answer *a, claim_then_fn then, void *arg);

/*
 * The session becomes the sender of this id, whose nick it has taken over in
 * the relay, and listens to what is said to it in private.
 */
void claim_take_over(struct server *sv, struct answer *a,
    const struct name *nick, const char *id, claim_then_fn then, void *arg);

/*
 * The session becomes one of the account's, whose id and nick are what the
 * relay says, and hears what is said to it in private.  If that fails it is the
 * account's all the same: claim_guest() then.
 */
void claim_account(struct server *sv, struct answer *a, const char *id,
    const struct name *nick, claim_then_fn then, void *arg);
/* And somebody new. */
void claim_guest(struct session *s);

/* A session that held this nick for this sender came to nothing: gives back
 * what it has in the relay, unless another session of the sender has it now.
 *   lost  it may come back for it */
void claim_drop(struct server *sv, const char *fold, const char *id, bool lost);

/* The sender goes: gives back what is held.  lost: it may come back. */
void claim_release(struct server *sv, struct user *u, bool lost);

#endif
