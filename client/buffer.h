/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_BUFFER_H
#define SNUG_CLIENT_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"
#include "client/safe.h"
#include "proto/msgid.h"

/*
 * What a window shows: logical lines (entries) in the order of the
 * conversation, and how they fall into rows at a given width.
 */
enum entry_kind {
	ENTRY_TEXT,
	ENTRY_ACTION, /* /me */
	ENTRY_INFO,   /* -- */
	ENTRY_IN,     /* -> somebody came */
	ENTRY_OUT,    /* <- somebody left */
	ENTRY_ERROR,  /* !! */
};

enum entry_mark {
	MARK_NONE, /* delivered, or nothing to deliver */
	MARK_PENDING,
	MARK_FAILED,
	MARK_UNKNOWN, /* may have been accepted; nobody can say */
};

struct wrap {
	uint32_t start, end; /* bytes of the text on one row */
};

struct entry {
	uint64_t serial;  /* of arrival; never reused */
	struct msgid key; /* its place; pending ones are behind all others */
	bool has_id;      /* the key is the message's id */
	enum entry_kind kind;
	enum entry_mark mark;
	bool own, mention;
	bool registered; /* an account said it, by its own nick */
	char rank;       /* of who said it: '*', '+' or ' ' */
	int32_t day;   /* days as the local calendar counts them; 0: unknown */
	char clock[6]; /* "13:04", or "--:--" */
	struct safe who;
	struct safe text;

	struct wrap *wraps; /* owned cache, for the widths below */
	unsigned nwraps;
	int wrap_width, wrap_first;
};

enum {
	BUFFER_MAX = 10000,     /* entries; the oldest go */
	BUFFER_NICK_INLINE = 12 /* columns of a nick in narrow shape */
};

struct buffer {
	struct entry **entries; /* sorted by key, then arrival */
	size_t n, cap;
	uint64_t next_serial;

	bool scrolled;     /* else the bottom row is the newest */
	uint64_t anchor;   /* serial of the bottom row's entry */
	size_t anchor_off; /* first byte of that row */
	bool anchor_rule;  /* the row is a rule before that entry */

	bool rule_on;  /* new messages get a rule before the first of them */
	uint64_t rule; /* its entry's serial; 0: none came yet */
	unsigned rule_count;
};

/* What a new entry is made of; raw text, any bytes. */
struct entry_new {
	enum entry_kind kind;
	enum entry_mark mark;
	bool own, mention;
	bool registered;
	char rank;       /* '*' owner, '+' operator; 0 or ' ': neither */
	struct msgid id; /* 0-0: none */
	int64_t time_ms; /* since the epoch */
	struct span who;
	struct span text;
};

void buffer_init(struct buffer *b);
void buffer_fini(struct buffer *b);

/*
 * Adds an entry at its place: a message behind those with lower ids, a pending
 * one behind everything, any other behind what is settled.
 *
 * Returns the entry, good until it is dropped, or NULL where a message with
 * the id is there already, or is older than all of a full buffer.
 */
struct entry *buffer_add(struct buffer *b, const struct entry_new *e);

/* NULL if there is none. */
struct entry *buffer_find_id(const struct buffer *b, struct msgid id);
struct entry *buffer_find_serial(const struct buffer *b, uint64_t serial);

/* A pending entry was accepted under this id: it takes its place, or goes
 * where the message is there already. */
void buffer_settle(struct buffer *b, uint64_t serial, struct msgid id);
/* It was not: it stays where it is, with the mark. */
void buffer_fail(struct buffer *b, uint64_t serial, enum entry_mark mark);
/* Back to pending, to the end. */
void buffer_requeue(struct buffer *b, uint64_t serial);

void buffer_remove(struct buffer *b, uint64_t serial);
void buffer_clear(struct buffer *b); /* all but what is pending */

/* The oldest message's id, 0-0 if there is none. */
struct msgid buffer_oldest(const struct buffer *b);

/* From now on the first message that is not one's own gets the rule. */
void buffer_rule_set(struct buffer *b);
/* The rule stays where it is; what comes now is being read. */
void buffer_rule_hold(struct buffer *b);
void buffer_rule_clear(struct buffer *b);

/* --- rows ---------------------------------------------------------------- */

struct shape {
	int width;   /* columns for text; narrow: for time, nick and text */
	bool narrow; /* time and nick stand before the text, in line */
};

enum row_kind { ROW_TEXT, ROW_DAY, ROW_UNREAD };

struct row {
	enum row_kind kind;
	const struct entry *entry;
	uint32_t start, end; /* of the entry's text */
	int indent;          /* narrow: columns before the text */
	bool first;          /* of its entry: time and nick are shown */
	bool show_time;
	bool same; /* the speaker of the entry above goes on */
};

/* The rows to show, from the top; gives how many (at most height). */
size_t buffer_rows(
    struct buffer *b, struct shape s, size_t height, struct row *rows);

/*
 * Moves the view by rows, up or (negative) down.  False where it could not
 * move up at all: the oldest entry is in sight.
 */
bool buffer_scroll(struct buffer *b, struct shape s, size_t height, long rows);
void buffer_to_top(struct buffer *b, struct shape s, size_t height);
void buffer_to_bottom(struct buffer *b);
/* The entry becomes the top row, as far as there are rows below it. */
void buffer_to_entry(
    struct buffer *b, struct shape s, size_t height, uint64_t serial);

/* Entries below the bottom row. */
size_t buffer_below(const struct buffer *b);

#endif
