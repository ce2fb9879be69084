/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_MOTD_H
#define SNUG_SERVER_MOTD_H

#include "base/attr.h"

/* The greeting: lines of text in a file.  Gives them for free(), or NULL with
 * cause where it cannot be read or is not fit to be shown. */
char *motd_read(const char *path, char cause[static ERR_LEN]) MUST_CHECK;

#endif
