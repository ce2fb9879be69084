/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_RING_H
#define SNUG_SERVER_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/attr.h"
#include "server/relay.h"

/*
 * A ring holds the newest entries of one log, none left out, and answers reads
 * of that log where the answer cannot be another.  It knows ids and bytes; not
 * what the bytes mean, where the log is kept, or when it expires.
 *
 * What it knows is the stretch of the log above `base` and up to `last`: every
 * entry there is in the ring, and what is not in the ring is not in the log.
 */

/*
 * Sizes.  One who was away for a minute of lively talk has missed a hundred
 * lines, so 128 serve nearly every resume; and they are fewer than the 256 that
 * a log always keeps, without which the ring could not say that its base has
 * not been trimmed.  64 KiB hold 128 lines of usual length, and four of the
 * longest.  All rings of a node together hold 32 MiB, the newest of all rooms:
 * ten thousand rooms with a dozen lines each, or a thousand full ones.
 */
enum {
	RING_ENTRIES_MAX = 128,
	RING_BYTES_MAX = 64 << 10,
	RING_STORE_BYTES_MAX = 32 << 20,
};

struct ring;

struct ring_entry {
	TAILQ_ENTRY(ring_entry) in_ring;  /* by id */
	TAILQ_ENTRY(ring_entry) in_store; /* the first to be thrown away first
					   */
	struct ring *ring;
	struct msgid id, prev;
	size_t len;
	char payload[];
};
TAILQ_HEAD(ring_entries, ring_entry);

/* What all rings of a node share: the bound. Held by value. */
struct ring_store {
	struct ring_entries entries;
	size_t bytes, bytes_max;
};
void ring_store_init(struct ring_store *s, size_t bytes_max);

/* Held by value; the fields are ring.c's. */
struct ring {
	struct ring_store *store; /* kept */
	struct ring_entries entries;
	size_t n, bytes;
	struct msgid base; /* everything above it is here */
	bool base_kept;    /* it is an entry of the log too, or the beginning */
	struct msgid last;
};

/* An empty ring that knows nothing below `last`; but if that is 0-0, all. */
void ring_init(struct ring *r, struct ring_store *s, struct msgid last);
/* The same, of one that was used: history is another one now. */
void ring_reset(struct ring *r, struct msgid last);
/* Gives its memory back; ring_reset() or ring_init() it to use it again. */
void ring_fini(struct ring *r);

/* The next entry of the log.  If it does not follow the last one, nothing below
 * it is known any more.  Copies the payload. */
void ring_push(
    struct ring *r, struct msgid prev, struct msgid id, struct span payload);
/* The next one is in the log, but of no use to anybody. */
void ring_skip(struct ring *r, struct msgid id);

/* The entry that stands before those known was read from the log: takes it in,
 * below them.  False if it is not that entry or there is no room for it. */
bool ring_push_below(struct ring *r, struct msgid prev, struct msgid id,
    struct span payload) MUST_CHECK;
/* Is the log's beginning here, or hardly any room left? */
bool ring_is_full(const struct ring *r);

enum ring_verdict {
	RING_ANSWERS,
	RING_SHORT, /* it would, if it reached further down */
	RING_CANNOT,
};

/* Entries are borrowed until the ring is changed; oldest first. */
struct ring_page {
	const struct ring_entry *entries[RELAY_READ_MAX];
	size_t n;
	bool gap, end;
};

/* Answers as relay_read() of the log would, or says that it cannot. */
enum ring_verdict ring_read(const struct ring *r,
    const struct relay_range *range, struct ring_page *page) MUST_CHECK;

#endif
