/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_COMPLETE_H
#define SNUG_CLIENT_COMPLETE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "client/edit.h"
#include "client/model.h"

/*
 * Completion of the word before the cursor: commands, rooms, and nicks by who
 * spoke last.  Held by value; all zero is "not completing".
 */
enum { COMPLETE_MAX = 100 };

struct complete {
	char *items[COMPLETE_MAX]; /* owned, with what goes behind them */
	size_t n;
	size_t at;       /* the one in the text; n: what was typed */
	char *typed;     /* owned */
	size_t from, to; /* bytes of the text it stands in now */
};

/*
 * Puts the next candidate (or, backwards, the one before) in the text; the
 * first call finds them.  False if there are none.
 */
bool complete_step(
    struct complete *c, const struct model *m, struct edit *e, bool backwards);

/* Another key was pressed: what stands there stays. */
void complete_reset(struct complete *c);

#endif
