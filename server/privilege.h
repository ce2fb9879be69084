/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_PRIVILEGE_H
#define SNUG_SERVER_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"

/* Whom privilege_drop() will make of us. */
struct privilege_target {
	bool is_other; /* false: we stay who we are */
	uid_t user;
	gid_t group;
};
/* Returns 0, or -1 where privilege_drop() would. */
int privilege_look(const char *user, struct privilege_target *who,
    char cause[static ERR_LEN]) MUST_CHECK;

/*
 * Becomes another user for good, with that user's groups, if this is root.
 *
 *   user   whom to become; NULL: `snug`, where there is one.  Root stays root
 *          where it is told so, or where it is not told and there is no snug;
 *          then warning says the mend
 *   cause  given; a sentence on error
 *
 * Returns 0; 1 with a warning in cause; or -1.
 */
int privilege_drop(const char *user, char cause[static ERR_LEN]) MUST_CHECK;

#endif
