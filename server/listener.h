/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_LISTENER_H
#define SNUG_SERVER_LISTENER_H

#include "base/attr.h"

struct doors;
struct listeners;
struct server;

/* Begins to accept at every door, which it keeps until listeners_close().
 * Gives NULL with a cause. */
struct listeners *listeners_open(struct server *sv, struct doors *doors,
    char cause[static ERR_LEN]) MUST_CHECK;

/* Stops accepting, frees; NULL is fine. */
void listeners_close(struct listeners *ls);

#endif
