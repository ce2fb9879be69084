/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_RENDER_H
#define SNUG_SERVER_RENDER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/text.h"
#include "proto/codes.h"
#include "proto/msgid.h"

struct relay_msg;
struct room;

/*
 * How things look on the wire: each writes whole framed lines at the end of a
 * buffer, and knows nothing of who will read them.
 */

/* What a MSG is written for. */
struct render_for {
	struct span target; /* a room as shown, or a nick */
	bool person;        /* the target is a person: an @ goes before it */
	bool replay;        /* @replay */
	const char *me;     /* replay: this sender's own messages carry @cid */
	struct span tag;    /* replay: the asker's */
};
void render_msg(
    struct buf *out, const struct render_for *f, const struct relay_msg *m);

/* VERB and up to three words or a text; empty ones are left out. */
void render_event(struct buf *out, struct span tag, const char *verb,
    struct span a, struct span b, struct span c);

/* @by=nick PARTED room nick text: it was made to go. */
void render_parted_by(struct buf *out, struct span by, struct span room,
    struct span nick, struct span text);

/* TOPIC room nick text, of a room that has a topic. */
void render_topic(struct buf *out, struct span tag, const struct room *r);

/* NAMES room count nick …, as many lines as the nicks need; at least one. */
struct render_nick {
	struct span nick;
	char mark; /* '*' an owner, '+' an operator, 0 */
};
void render_names(struct buf *out, struct span tag, struct span room,
    size_t count, const struct render_nick *nicks, size_t n);

void render_notice(
    struct buf *out, struct span tag, enum proto_notice code, struct span text);
/* text may hold anything: it is cut before what no line may carry. */
void render_err(struct buf *out, struct span tag, enum proto_error e,
    uint64_t retry_ms, const char *text);
void render_bye(
    struct buf *out, enum proto_bye code, const char *text, uint64_t retry_ms);

#endif
