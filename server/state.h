/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_STATE_H
#define SNUG_SERVER_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/text.h"

/*
 * A file of records, for what a relay in memory must not lose: how they get to
 * disk and back, not what they mean.  A record has a kind, a key of that kind
 * and fields; putting one takes the place of the one before.
 *
 * The file is its owner's alone (0600), and one process's.  It is written at
 * its end, and anew when most of it is out of date: to another file, which is
 * synced and takes its place.  All of that happens in a thread of its own.
 */
struct state;
struct event_base;

enum {
	STATE_WORD_MAX = 128, /* bytes of a kind, a key or a field's name */
	STATE_FIELDS_MAX = 256,
	STATE_LINE_MAX = 1 << 19, /* of a record, as it stands in the file */
};

struct state_field {
	struct span name;  /* visible ASCII without an = */
	struct span value; /* any bytes */
};

/* What is done with the records of one kind when the file is read. */
struct state_kind {
	const char *name;
	/* False: it is none, and cause says why. */
	bool (*take)(void *arg, struct span key, const struct state_field *f,
	    size_t n, char cause[static ERR_LEN]);
};

/*
 * Reads the file, or makes it.  Every record is handed to its kind when all of
 * the file has been read and found sound; one that is of no kind, or that its
 * kind does not take, is an error like any other.  The end of a line that was
 * being written when the machine stopped is passed over: nobody was told that
 * it is kept.
 *
 *   path   borrowed for the state's life
 *   cause  given; what is wrong, with file and line, and the mend
 *
 * Returns NULL on error; some records may have been taken by then.
 */
struct state *state_open(const char *path, struct event_base *base,
    const struct state_kind *kinds, size_t nkinds, void *arg,
    char cause[static ERR_LEN]) MUST_CHECK;
/* What was put is written first, and every done still owed is called. */
void state_close(struct state *st);

enum state_err {
	STATE_EFULL = 1, /* the disk is full; not kept */
	STATE_EIO,       /* it cannot be written; the log has it */
};

/* From the loop, once; never from within the call.  0: it is on disk. */
typedef void (*state_done_fn)(void *arg, int err);

/* All strings are copied.  They must keep to the limits above. */
void state_put(struct state *st, const char *kind, const char *key,
    const struct state_field *f, size_t n, state_done_fn done, void *arg);
void state_del(struct state *st, const char *kind, const char *key,
    state_done_fn done, void *arg);

#endif
