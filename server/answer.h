/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_ANSWER_H
#define SNUG_SERVER_ANSWER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/text.h"
#include "proto/codes.h"
#include "proto/msgid.h"

/*
 * The answers a session owes: each command takes its place when it begins, and
 * they go out in that order, whichever is ready first.
 */
struct answer;
struct session;

struct answers {
	STAILQ_HEAD(, answer) queue;
	unsigned n;
	const struct answers_to *to;
};

/* What a session does for its answers. */
struct answers_to {
	size_t at; /* of the answers in the session */
	/* Where lines for the session go; called for each answer that goes. */
	struct buf *(*out)(struct session *s);
	/* A command that counts was accepted. */
	void (*accepted)(struct session *s);
	/* An answer went out, so something that waited may run. */
	void (*settled)(struct session *s);
};

/*
 *   to  kept
 */
void answers_init(struct answers *q, const struct answers_to *to);

/* The session goes: what is still owed will be dropped when it is given. */
void answers_detach(struct answers *q);

/* Takes the next place.  Whoever holds the answer gives it exactly once, by
 * one of the functions below, which free it. */
struct answer *answer_begin(struct answers *q, struct span tag) MUST_CHECK;

/* An OK to this one lifts the limits of strangers. */
void answer_counts(struct answer *a);

/* What the command is about, for the one who gives the answer: good as long as
 * the session is there. */
void answer_set_about(struct answer *a, void *about);
void *answer_about(const struct answer *a);

/* NULL once the session has gone: look before touching anything of it. */
struct session *answer_session(const struct answer *a);
/* The command's tag, for lines that go to the asker alone. */
struct span answer_tag(const struct answer *a);

void answer_ok(struct answer *a, struct span text);
void answer_ok_id(struct answer *a, struct msgid id);
/* retry_ms 0: no @retry. */
void answer_err(struct answer *a, enum proto_error e, uint64_t retry_ms,
    const char *fmt, ...) PRINTF_LIKE(4, 5);
/* No answer at all: PONG. */
void answer_none(struct answer *a);

#endif
