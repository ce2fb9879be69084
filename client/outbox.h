/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_OUTBOX_H
#define SNUG_CLIENT_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/names.h"
#include "base/text.h"
#include "proto/line.h"
#include "proto/msgid.h"

/*
 * What the user wrote to one server and the server has not settled, on disk.
 */
enum {
	OUTBOX_LINES_MAX = 2000,
	OUTBOX_TOKEN_MAX = 128,
	OUTBOX_ACCOUNT_MAX = 64,
	OUTBOX_FILE_MAX = 32 << 20, /* bytes; more is not read */
};

struct outbox_line {
	char target[NAME_BYTES_MAX + 2]; /* as the wire has it */
	char cid[LINE_CID_MAX + 1];
	char *text; /* owned by the outbox */
	bool act;
	bool failed;        /* it was refused: the user decides */
	uint64_t at_ms;     /* wall clock: when Enter was pressed */
	uint64_t tried_ms;  /* wall clock: the first try; 0: never written */
	uint64_t sender;    /* who tried: outbox_session's number then */
	struct msgid since; /* all up to here was seen then; 0-0: not known */
};

/* Who we last were. */
struct outbox_session {
	uint64_t sender;                      /* counts up; 0: nobody yet */
	char nick[NAME_BYTES_MAX + 1];        /* "": nobody yet */
	char token[OUTBOX_TOKEN_MAX + 1];     /* to be it again; "": none */
	char account[OUTBOX_ACCOUNT_MAX + 1]; /* "": a guest */
};

/* --- what a file says ---------------------------------------------------- */

/* All zero is an empty one. */
struct outbox_log {
	struct outbox_line *lines; /* owned; unsettled, in their order */
	size_t n, cap;
	struct outbox_session session;
};

enum outbox_end {
	OUTBOX_WHOLE,
	OUTBOX_TORN,    /* the last record was not written to its end */
	OUTBOX_DAMAGED, /* something in it is no record of ours */
};

/* Takes the records in any bytes, as far as they are good. */
enum outbox_end outbox_log_read(
    struct outbox_log *log, struct span bytes) MUST_CHECK;
/* The shortest file that says the same. */
void outbox_log_write(const struct outbox_log *log, struct buf *out);
void outbox_log_fini(struct outbox_log *log);

/* --- the file ------------------------------------------------------------ */

struct outbox;

/* $XDG_STATE_HOME/snug/outbox, for free(); NULL where there is no home. */
char *outbox_folder(void) MUST_CHECK;

/*
 * Opens the server's file in the folder, both made where they are not there,
 * and locks it.
 *
 *   server  as addr_format() writes it
 *   cause   given: a sentence on error; on success "", or what was wrong with
 *           the file and has been put aside
 *
 * NULL: others could read it, another snug uses it, it cannot be written.
 */
struct outbox *outbox_open(const char *folder, const char *server,
    char cause[static ERR_LEN]) MUST_CHECK;
void outbox_close(struct outbox *o); /* NULL is fine */

/* Borrowed until the next change. */
const struct outbox_log *outbox_log(const struct outbox *o);

/*
 * Changes are in the file when these return, and on the disk after
 * outbox_sync().  Where the file cannot be written any more it is removed,
 * since it would not be true any longer, and outbox_trouble() says why;
 * nothing happens from then on.
 */

/* False: OUTBOX_LINES_MAX are there.  The line and its text are copied. */
bool outbox_add(struct outbox *o, const struct outbox_line *l) MUST_CHECK;
/* It is about to be written, for the first time or because the user said so. */
void outbox_try(struct outbox *o, const char *cid, uint64_t wall_ms,
    uint64_t sender, struct msgid since);
void outbox_fail(struct outbox *o, const char *cid);
void outbox_settle(struct outbox *o, const char *cid, bool accepted);
void outbox_set_session(struct outbox *o, const struct outbox_session *s);
void outbox_sync(struct outbox *o);

/* NULL: none. */
const char *outbox_trouble(const struct outbox *o);

#endif
