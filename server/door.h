/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_DOOR_H
#define SNUG_SERVER_DOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/attr.h"

struct config;
struct doors;

/*
 * Binds every address of the configuration.  Nobody can come in yet: that is
 * listen(2)'s affair, and the listener's.  An address of a family this host
 * does not have is only a warning, as long as one is left.
 *
 *   workers  processes that will share them.  A TCP address gets a socket for
 *            each, on one port, and the kernel deals connections out to them; a
 *            Unix socket is one for all.
 *
 * Gives NULL with a cause.
 */
struct doors *doors_open(const struct config *c, size_t workers,
    char cause[static ERR_LEN]) MUST_CHECK;

size_t doors_count(const struct doors *ds);
/* The socket of that worker, from 0 on; it stays the doors'. */
int doors_fd(const struct doors *ds, size_t i, size_t worker);
/* Do other workers accept from the same socket? */
bool doors_is_shared(const struct doors *ds, size_t i);
/* Where they really are: " 127.0.0.1:7684 [::1]:7684". */
void doors_print(const struct doors *ds, FILE *out);

/* In a worker: lets go of the sockets of all others. */
void doors_keep(struct doors *ds, size_t worker);
/*
 * Takes the worker's own sockets out of service, for all processes that hold
 * them: who knocks is sent to the other workers, and who waited in its queue
 * is told at once to come again.  listen(2) puts them back.
 */
void doors_shut(struct doors *ds, size_t worker);
/* Closes all and removes Unix sockets, once and for all; NULL is fine. */
void doors_close(struct doors *ds);
/* The same in a worker: what others still use stays. */
void doors_leave(struct doors *ds);

#endif
