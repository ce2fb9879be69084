/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_SANDBOX_H
#define SNUG_SERVER_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * What the process gives up, so that a bug in it is worth less: files and ports
 * by Landlock, system calls by seccomp.  Neither can be taken back.
 */

/* What the server still needs behind the fence; all zero is nothing.
 * sandbox_plan_fini() it. */
enum { SANDBOX_PATHS_MAX = 32, SANDBOX_PORTS_MAX = 4 };
struct sandbox_plan {
	struct sandbox_path {
		char *path;
		uint64_t rights;
	} paths[SANDBOX_PATHS_MAX];
	size_t npaths;
	uint16_t ports[SANDBOX_PORTS_MAX];
	size_t nports;
};

void sandbox_plan_fini(struct sandbox_plan *p);
/* A file, or a folder with all that is in it. */
void sandbox_may_read(struct sandbox_plan *p, const char *path);
/* Files of the folder that this one is in, and of the one it is in if it is a
 * link: so an editor may put another one in its place. */
void sandbox_may_read_beside(struct sandbox_plan *p, const char *file);
/* Files of the folder that this one is in: read, written, made, renamed within
 * it, removed. */
void sandbox_may_write_beside(struct sandbox_plan *p, const char *file);
/* Files of that folder: made and written, but not read, cut or removed. */
void sandbox_may_append_beside(struct sandbox_plan *p, const char *file);
/* Files of that folder may be removed: a socket of ours. */
void sandbox_may_remove_beside(struct sandbox_plan *p, const char *file);
void sandbox_may_connect(struct sandbox_plan *p, uint16_t tcp_port);

enum sandbox_err {
	SANDBOX_ENONE = 1, /* not in this kernel or build; cause says which */
	SANDBOX_EFAILED,   /* it is there, and refused; cause says why */
};

/*
 * Landlock.  It holds for the calling thread and those it starts later, so no
 * other thread may run yet.  A path that does not exist is passed over.
 * Returns what is in force (Landlock's ABI, 1 or more) or a negative
 * sandbox_err with nothing changed.
 */
int sandbox_fence(
    const struct sandbox_plan *p, char cause[static ERR_LEN]) MUST_CHECK;

/* A filter is handed down: the parent's holds for its workers, too, and theirs
 * comes on top. */
enum sandbox_who {
	SANDBOX_SERVER, /* whoever talks to people */
	SANDBOX_PARENT, /* the same, and forks, and waits for processes */
};

/*
 * seccomp, for all threads: system calls that the server makes, and no others;
 * those that only an attacker would make end the process.
 * Returns 0 or a negative sandbox_err with nothing changed.
 */
int sandbox_filter(enum sandbox_who who, char cause[static ERR_LEN]) MUST_CHECK;

/* No core file and no debugger of the same user: both would show secrets. */
void sandbox_hide_memory(void);

/* Sanitizers and coverage need what the sandbox takes away. */
bool sandbox_is_possible(void);

#endif
