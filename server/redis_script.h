/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_REDIS_SCRIPT_H
#define SNUG_SERVER_REDIS_SCRIPT_H

#include <stddef.h>

/* What Redis does in one step, as Lua. */
enum redis_script_id {
	SCRIPT_APPEND,
	SCRIPT_APPEND_PAIR,
	SCRIPT_READ,
	SCRIPT_ROOM,
	SCRIPT_MEMBER,
	SCRIPT_REGISTER,
	SCRIPT_ROOM_COUNT,
	SCRIPT_ROOM_LISTED,
	SCRIPT_CLAIM,
	SCRIPT_RELEASE,
	SCRIPT_NODES,
	SCRIPT_HEARTBEAT,
	SCRIPT_COUNT
};

struct redis_script {
	const char *name; /* for the log */
	const char *lua;
};

extern const struct redis_script redis_scripts[SCRIPT_COUNT];

#endif
