/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_LISTENER_H
#define SNUG_SERVER_LISTENER_H

#include <stdio.h>

#include "base/attr.h"

struct listeners;
struct server;

/*
 * Opens every address of the configuration and begins to accept.  An address
 * of a family this host does not have is only a warning, as long as one is
 * left.  Gives NULL with a cause.
 */
struct listeners *listeners_open(
    struct server *sv, char cause[static ERR_LEN]) MUST_CHECK;

/* Where they really listen: "127.0.0.1:7684 [::1]:7684". */
void listeners_print(const struct listeners *ls, FILE *out);

/* Stops accepting, removes Unix sockets, frees; NULL is fine. */
void listeners_close(struct listeners *ls);

#endif
