/* SPDX-License-Identifier: ISC */
#ifndef SNUG_BASE_NAMES_H
#define SNUG_BASE_NAMES_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/text.h"

/* What rooms and nicks may be called: protocol section 3. */
enum {
	NAME_BYTES_MAX = 64, /* before and after folding, without the NUL */
	NAME_CLUSTERS_MAX = 24,
};

enum name_err {
	NAME_EEMPTY = 1,
	NAME_EUTF8,
	NAME_ELONG,   /* too many bytes or clusters */
	NAME_ECHAR,   /* a character names do not have */
	NAME_EFIRST,  /* the first is neither letter nor digit */
	NAME_EMARKS,  /* a mark not behind a letter, three running, or a dot
			 that does not show */
	NAME_EFORM,   /* not its own NFKC */
	NAME_EMIXED,  /* ASCII letters beside another script's */
	NAME_EDIGITS, /* digits of two scripts */
	NAME_EASCII,  /* the server wants ASCII names */
};

struct name {
	char shown[NAME_BYTES_MAX + 1]; /* as it was spelled */
	char fold[NAME_BYTES_MAX + 1];  /* NFKC_Casefold, and U+0130 is i: the
					   identity */
};

/*
 * Judges a name; nothing is ever repaired.
 *
 *   raw         borrowed, any bytes
 *   ascii_only  the server's `names = ascii`
 *   out         given; untouched on error
 *
 * Returns 0 or a negative name_err; name_strerror() says it to a person, with
 * the mend.
 */
int name_check(struct span raw, bool ascii_only, struct name *out) MUST_CHECK;
const char *name_strerror(int err);

/* A guest's form, "guest-" and eight of [a-z0-9], judged on the fold. */
bool name_is_guest(const char *fold);

/*
 * What a name looks like: names with equal skeletons are hard to tell apart.
 * Letters of other scripts become the ASCII ones that they look like, 0 is o,
 * 1 is l, rn is m and vv is w.  It is for comparing only; identity is the fold.
 *
 *   fold  of a name; what stands behind NAME_BYTES_MAX bytes or is not UTF-8 is
 *         left out
 *   out   given; never longer than the fold, and its own skeleton
 *
 * Source: UTS 39, section 4; the table is our own.
 */
void name_skeleton(const char *fold, char out[static NAME_BYTES_MAX + 1]);

#endif
