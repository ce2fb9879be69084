/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_SECURE_H
#define SNUG_CLIENT_SECURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

/*
 * The client's way from a server's plain greeting to a secure session: bytes
 * in, bytes out.  Neither sockets nor clocks, nor pins: whose key it is that
 * the server has proved is for the caller to judge.
 */
struct secure;

enum secure_err {
	SECURE_EAGAIN = 1, /* cut, or sent away for now: another try may do */
	SECURE_ESTOP,      /* this is not to be tried again by itself */
};

struct secure *secure_new(void) MUST_CHECK;
void secure_free(struct secure *s); /* wipes; NULL is fine */

/*
 * Takes what it can from the front of `in`.
 *
 *   plain  what the server says inside the session is appended
 *   wire   what has to be sent to it is appended; nothing of this tells who the
 *          user is
 *   cause  given: a sentence on error
 *
 * Returns 0, or a negative secure_err: the connection is over and nothing is to
 * be sent.  Plain may then still have got what came before the offence.
 */
int secure_feed(struct secure *s, struct buf *in, struct buf *plain,
    struct buf *wire, char cause[static ERR_LEN]) MUST_CHECK;

/* Has the server proved its key?  It is to be judged before secure_seal() is
 * called for the first time. */
bool secure_is_ready(const struct secure *s);
const uint8_t *secure_key(const struct secure *s);  /* 32 bytes, once ready */
const uint8_t *secure_hash(const struct secure *s); /* 64 bytes, once ready */

/* The server has accepted a command: from now on it takes long messages. */
void secure_accepted(struct secure *s);

/* Seals bytes for the server; only once it was ready.  After an error there is
 * nobody to say them to, and nothing is appended. */
void secure_seal(struct secure *s, const struct buf *plain, struct buf *wire);

#endif
