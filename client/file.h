/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_FILE_H
#define SNUG_CLIENT_FILE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"

/*
 * What the files that snug keeps for a user have in common: a folder that is
 * the user's alone, and bytes that are all there or not at all.
 */

/* -1, with "PATH: WHY" in cause. */
int file_fail(char cause[static ERR_LEN], const char *path, const char *why);

/*
 * Opens a folder, made where it is not there (as `mkdir -p`).
 *
 * Returns its descriptor; or -1 with cause, also where it is somebody else's or
 * others may enter it.
 */
int file_open_folder(const char *path, char cause[static ERR_LEN]) MUST_CHECK;

/* Why an open file is not for us, with the mend where there is one: no plain
 * file, of somebody else, open to others, above max bytes.  NULL: it is. */
const char *file_judge(int fd, long max) MUST_CHECK;

/* 0, or -1 with errno. */
int file_read_all(int fd, struct buf *in) MUST_CHECK;
bool file_write_all(int fd, const struct buf *b) MUST_CHECK;

#endif
