/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_PRIVILEGE_H
#define SNUG_SERVER_PRIVILEGE_H

#include "base/attr.h"

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
