/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_KEYS_H
#define SNUG_SERVER_KEYS_H

#include <stdio.h>

#include "base/attr.h"

struct config;
struct server;

/*
 * Reads the server's key, which is made where there is none, and the next one,
 * which is not.  With secure = off there is nothing to do.
 *
 * Returns 0, or -1 with a cause that names the mend.
 */
int keys_open(struct server *sv, char cause[static ERR_LEN]) MUST_CHECK;
void keys_close(struct server *sv); /* wipes them */

/* The public key and its words, a line each; makes the key as a start would. */
int keys_print(
    const struct config *c, FILE *out, char cause[static ERR_LEN]) MUST_CHECK;

#endif
