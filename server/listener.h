/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_LISTENER_H
#define SNUG_SERVER_LISTENER_H

#include <stddef.h>

#include "base/attr.h"

struct doors;
struct listeners;
struct server;

/* Begins to accept at every door, as that worker or as 0; the doors are kept
 * until listeners_close().  Gives NULL with a cause. */
struct listeners *listeners_open(struct server *sv, struct doors *doors,
    size_t worker, char cause[static ERR_LEN]) MUST_CHECK;

/* Stops accepting, frees; NULL is fine. */
void listeners_close(struct listeners *ls);

#endif
