/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_SECURE_H
#define SNUG_SERVER_SECURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/text.h"

struct channel;
struct noise_keypair;

/*
 * What a session keeps beside its lines because it is secure, or may still
 * become so.  A session that is plain for good has none.
 */
struct secure {
	char *greeting; /* the payload of its WELCOME; until SECURE was read */
	size_t greeting_len;
	struct channel *channel; /* from SECURE on */
	struct buf in;   /* read: the beginning of a message without its end */
	struct buf wire; /* sealed, but not taken by the socket */
};

/* Remembers the payload of the WELCOME that was sent. */
struct secure *secure_new(struct span welcome) MUST_CHECK;
void secure_free(struct secure *x); /* wipes; NULL is fine */

/* SECURE was read: what follows are Noise messages. */
void secure_begin(
    struct secure *x, const struct noise_keypair *key, struct span secure_line);

/* What all secure sessions of a server pass their bytes through, one after the
 * other; empty in between, but for its memory. */
struct secure_work {
	struct buf cipher; /* read, not opened yet */
	struct buf plain;  /* opened: whoever called secure_open() clears */
	struct buf sealed; /* to be sent */
};
/* Wipes what was opened: it is done with. */
void secure_work_clear(struct secure_work *w);
void secure_work_free(struct secure_work *w); /* wipes */

/*
 * Takes what was read; its lines are appended to w->plain, also those before an
 * offence.  Returns 0 or a negative channel_err: the connection is over, and
 * nothing is to be answered.
 */
int secure_open(
    struct secure *x, struct span bytes, struct secure_work *w) MUST_CHECK;

/* Has the beginning of a message come without its end? */
bool secure_is_partial(const struct secure *x);

#endif
