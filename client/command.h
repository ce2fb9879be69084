/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_COMMAND_H
#define SNUG_CLIENT_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/text.h"
#include "client/chat.h"
#include "client/model.h"

/*
 * What can be typed behind a slash: one table for running, help, completion
 * and the manual.
 */
enum command_arg {
	ARG_NONE,
	ARG_ROOM,
	ARG_NICK,
	ARG_TOPIC,
	ARG_SETTING,
	ARG_COMMAND,
	ARG_TEXT,
};

/* What has to be asked for where nobody can see it. */
enum command_secret { SECRET_LOGIN, SECRET_PASSWORD };

/* What the screen does for commands; each may be NULL. */
struct command_ops {
	void (*quit)(void *arg, struct span why);
	void (*redraw)(void *arg);
	/* asks, and does with it what it is for; nick: of SECRET_LOGIN */
	void (*ask)(
	    void *arg, enum command_secret what, const struct name *nick);
};

struct command_env {
	struct model *m;
	struct chat *chat;
	const struct command_ops *ops;
	void *arg;
	const struct command *command; /* the one that runs */
};

struct command {
	const char *name;
	const char *aliases;  /* separated by blanks; "" if none */
	const char *usage;    /* behind the name */
	enum command_arg arg; /* what its first word is: completion */
	unsigned min;         /* words it needs */
	int (*run)(const struct command_env *env, struct span args,
	    char cause[static ERR_LEN]);
	const char *help;
};

extern const struct command commands[];
extern const size_t commands_n;

/* By name or alias, exactly; NULL if there is none. */
const struct command *command_find(struct span word);

/*
 * Does what a line of input says: a command, or text for the current window.
 * Blanks before a slash make no text of it; two slashes do.
 *
 * Returns 0, or -1 and says why in cause: the text then stays with the user.
 */
int command_line(const struct command_env *env, struct span line,
    char cause[static ERR_LEN]) MUST_CHECK;

#endif
