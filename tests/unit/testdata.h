/* SPDX-License-Identifier: ISC */
#ifndef SNUG_TESTS_UNIT_TESTDATA_H
#define SNUG_TESTS_UNIT_TESTDATA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/text.h"

/*
 * Third-party and shared data, which is not in the tree: read from the folder
 * that $SNUG_TESTDATA names (`make check` sets it to ../shared/testdata beside
 * the source).
 */

/* Is the data there?  If not, says so in TAP: all of this file is skipped. */
bool testdata_is_there(void);

/* Is this file of it there?  If not, says so. */
bool testdata_has(const char *name);

/* The whole of a file; ends the test if it cannot be read.  buf_free() it. */
struct buf testdata_read(const char *name);

/* The same of a file beside the tests, in the tree. */
struct buf testdata_read_own(const char *name);

/* The next line of *rest without its LF; false at the end. */
bool testdata_line(struct span *rest, struct span *line);

/* Decodes hex digits, spaces allowed between bytes, behind what is there. */
void testdata_unhex(struct buf *out, struct span hex);

/*
 * The next string of a JSON text, decoded; false at the end.  That is all the
 * files need: arrays of strings, and objects whose members are strings.
 *
 *   is_key  given: a colon follows
 */
bool testdata_json_string(struct span *rest, struct buf *out, bool *is_key);

/* An entry of hostile-text-a.json or friendly-text.json. */
struct entry {
	char id[64];
	char nick[32], message[32]; /* verdicts; empty if there is none */
	struct buf raw;
};

/* Calls fn for each entry of the file; gives their number. */
size_t testdata_entries(
    const char *name, void (*fn)(const struct entry *e, void *arg), void *arg);

#endif
