/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_APP_H
#define SNUG_CLIENT_APP_H

#include "base/names.h"
#include "client/config.h"
#include "client/where.h"

/*
 * The program with a screen.  Takes the terminal and gives it back.
 *
 * Returns the exit status; or minus the signal that asked to end, which the
 * caller lets do its work.
 */
int app_run(const struct config *c, const struct where *where,
    const struct name *rooms, size_t nrooms);

#endif
