/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_TALLY_H
#define SNUG_SERVER_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct addr_key;

/*
 * How many of something each address has, over all workers of a snugd.
 *
 * It lies in memory that all of them share.  Each worker writes a table of its
 * own and reads those of the others; nobody waits for anybody, and what a
 * worker that died leaves is thrown away as a whole.  A table has places for
 * TALLY_PLACES addresses.  One that finds none is not seen by the others: they
 * count without it, and refuse nobody for that.
 */
enum { TALLY_PLACES = 65536, TALLY_WORKERS_MAX = 31 };

struct tally;

/* Bytes of memory, all zero, aligned to 64, that a tally of so many takes. */
size_t tally_size(size_t workers);
/* A worker's view of that memory, which it keeps; free() it. */
struct tally *tally_new(void *mem, size_t workers, size_t self) MUST_CHECK;

/* This worker has n of that address now. */
void tally_set(struct tally *t, const struct addr_key *key, size_t n);
/* How many all the others have. */
size_t tally_others(const struct tally *t, const struct addr_key *key);
/* That worker has none of any, and is not writing: it is dead. */
void tally_clear(void *mem, size_t worker);

#endif
