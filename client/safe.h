/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_SAFE_H
#define SNUG_CLIENT_SAFE_H

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

#include "base/attr.h"
#include "base/text.h"

/*
 * Text that can do no harm on a terminal.  Only this module makes one, and
 * only from it do cells come: whatever came from outside has been through here
 * or is not on the screen.
 *
 * The bytes are well-formed UTF-8 in which every code point is one cell or
 * two wide, or a mark on such a one (three at most), as wcwidth() measures;
 * there is no control character but '\n' (SAFE_LINES), nothing that reorders
 * or hides other text, nothing private or unassigned.
 */
struct safe {
	char *utf8; /* owned, terminated; never NULL once made */
	size_t len;
	bool odd; /* something was shown in another way than it was sent */
};

enum safe_flag {
	SAFE_LINES = 1, /* U+2028 breaks the line, SAFE_BREAKS_MAX times */
};

enum {
	SAFE_MARKS_MAX = 3,
	SAFE_BREAKS_MAX = 40,
	SAFE_TAB = 4, /* columns */
};

/* One thing to draw: a base, its marks, and the columns they take. */
struct cell {
	wchar_t ch[1 + SAFE_MARKS_MAX + 1]; /* terminated */
	int width;                          /* 1 or 2; 0 for '\n' */
};

/* Any bytes; the result is for safe_free(). */
struct safe safe_new(struct span raw, unsigned flags) MUST_CHECK;
struct safe safe_str(const char *raw) MUST_CHECK;
struct safe safe_printf(const char *fmt, ...) MUST_CHECK PRINTF_LIKE(1, 2);
void safe_free(struct safe *s); /* leaves it all zero; twice is fine */

/* Frees what s held and makes it of raw. */
void safe_set(struct safe *s, struct span raw);

/* The cell at off; returns the bytes it takes, 0 at the end. */
size_t safe_cell(const struct safe *s, size_t off, struct cell *cell);

/* The same by grapheme cluster: where the next one begins and its columns.
 * A cut anywhere else would tear marks, flags or syllables apart. */
size_t safe_cluster(const struct safe *s, size_t off, int *width);

int safe_width(const struct safe *s); /* columns, if on one line */

/* How many columns raw text takes once it is safe; '\n' none. */
int safe_measure(struct span raw);

#endif
