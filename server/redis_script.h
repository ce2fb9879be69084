/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_REDIS_SCRIPT_H
#define SNUG_SERVER_REDIS_SCRIPT_H

#include <stddef.h>

#include "base/attr.h"

/* What Redis does in one step, as Lua. */
enum redis_script_id {
	SCRIPT_APPEND,
	SCRIPT_APPEND_PAIR,
	SCRIPT_RIGHTS,
	SCRIPT_CHANGE_RIGHTS,
	SCRIPT_READ,
	SCRIPT_ROOM,
	SCRIPT_MEMBER,
	SCRIPT_REGISTER,
	SCRIPT_ROOM_COUNT,
	SCRIPT_ROOM_LISTED,
	SCRIPT_CLAIM,
	SCRIPT_RELEASE,
	SCRIPT_RESUME,
	SCRIPT_REVOKE,
	SCRIPT_NODES,
	SCRIPT_HEARTBEAT,
	SCRIPT_REAP,
	SCRIPT_REAP_ROOM,
	SCRIPT_REAP_NICK,
	SCRIPT_REAPED,
	SCRIPT_ORDER,
	SCRIPT_DENY,
	SCRIPT_KEY_TAKE,
	SCRIPT_KEY_DROP,
	SCRIPT_NICK_OWN,
	SCRIPT_ACCOUNT,
	SCRIPT_OWN,
	SCRIPT_COUNT
};

struct redis_script {
	const char *name; /* for the log */
	const char *lua;
};

extern const struct redis_script redis_scripts[SCRIPT_COUNT];

/*
 * A script's text as one link loads it, with the link's names at its end, and
 * so with a hash of its own.  When Redis has forgotten its scripts, no other
 * link brings this one back between two commands of which the first was refused
 * and has to be sent again: the second would overtake it.  free() it.
 */
char *redis_script_text(const struct redis_script *s, const char *client,
    const char *link) MUST_CHECK;

#endif
