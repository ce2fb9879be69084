/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_CLAIM_H
#define SNUG_SERVER_CLAIM_H

#include "base/attr.h"
#include "server/relay.h"

struct answer;
struct server;
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

/* The sender goes: gives back what is held. */
void claim_release(struct server *sv, struct user *u);

#endif
