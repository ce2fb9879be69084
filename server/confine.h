/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_CONFINE_H
#define SNUG_SERVER_CONFINE_H

#include "base/attr.h"

#include "server/sandbox.h"

struct config;

/*
 * What the server gives up, in this order; it logs what is in force.  Returns
 * 0, or -1 with a cause where going on would be less than the operator asked
 * for.
 */

/* When all ports are bound and what only root may read was read. */
int confine_root(const struct config *c, char cause[static ERR_LEN]) MUST_CHECK;
/* Before there is any thread, and before anything is read from anybody.
 * Processes that are forked later are behind the same fence. */
int confine_files(
    const struct config *c, char cause[static ERR_LEN]) MUST_CHECK;
/* When all is open and every thread runs. */
int confine_calls(const struct config *c, enum sandbox_who who,
    char cause[static ERR_LEN]) MUST_CHECK;

#endif
