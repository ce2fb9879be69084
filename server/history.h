/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_HISTORY_H
#define SNUG_SERVER_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/text.h"
#include "proto/msgid.h"
#include "server/relay.h"

/*
 * Reads a part of a conversation's log to one reader, in pages, at the pace at
 * which the reader takes them.
 */
enum history_want {
	HISTORY_SINCE, /* what came after `from`, up to `to` */
	HISTORY_LAST,  /* the newest n below `to`, or to 0-0 of all */
	HISTORY_AFTER, /* the oldest n above `from` */
};

struct history_ask {
	struct conv conv;
	enum history_want want;
	struct msgid from;
	struct msgid to; /* SINCE: included; LAST: the first one left out */
	unsigned n;      /* LAST, AFTER: messages */
	int64_t
	    offered; /* the room's history: no more than its newest so many */
	bool live;   /* no replay but what came meanwhile: no @replay */
	bool unchecked;     /* SINCE: `from` need not be in the log */
	bool patient;       /* while the relay is away it waits for it */
	struct span target; /* as the reader names it; copied */
	bool person;
	const char *me;  /* the reader's sender id; copied */
	struct span tag; /* copied */
};

enum { HISTORY_PAGE = 16, HISTORY_KEPT_MIN = 256 };

/* The reader's side.  `done` comes exactly once unless history_cancel() does,
 * from the loop or from history_continue(). */
struct history_reader {
	void *arg;
	/* Where lines go; called anew for each page. */
	struct buf *(*out)(void *arg);
	/* Does the reader take more now?  If not: history_continue() later. */
	bool (*ready)(void *arg);
	/* May it still read?  Asked of each page that has come; if not, the
	 * reading is done with RELAY_STALE. */
	bool (*may)(void *arg);
	/* What came between the line before and the next is out of reach. */
	void (*gap)(void *arg);
	/* history_cancel() was called: arg is not needed any more. */
	void (*drop)(void *arg);
	/* end: nothing more is kept in the direction asked; last: the newest
	 * entry read. */
	void (*done)(
	    void *arg, enum relay_status st, bool end, struct msgid last);
};

struct history;

/* Gives a reading under way; it ends with done or history_cancel(). */
struct history *history_start(struct relay *relay,
    const struct history_ask *ask,
    const struct history_reader *reader) MUST_CHECK;
/* Of SINCE and AFTER: the newest entry the reader was given, or `from`. */
struct msgid history_told(const struct history *h);
/* The reader takes more again. */
void history_continue(struct history *h);
/* Where the relay was away (patient): asks it again, if it is back. */
void history_retry(struct history *h);
/* Calls drop, and nothing else any more; NULL is fine. */
void history_cancel(struct history *h);

/* Does it read this conversation? */
bool history_is_about(const struct history *h, const struct conv *c);

/* The id just below, for ranges that leave their end out. */
struct msgid history_before(struct msgid id);

#endif
