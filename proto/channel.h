/* SPDX-License-Identifier: ISC */
#ifndef SNUG_PROTO_CHANNEL_H
#define SNUG_PROTO_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/text.h"
#include "proto/noise.h"

/*
 * One end of a secure connection (snug(7), secure sessions): plaintext on one
 * side, u16 lengths and Noise messages on the other.  No socket, no loop, no
 * clock; buffers of its own it has none.
 */
enum {
	CHANNEL_KEY_LEN = NOISE_KEY_LEN,
	CHANNEL_HASH_LEN = NOISE_HASH_LEN,
	CHANNEL_HEAD_LEN = 2,                  /* a message's length */
	CHANNEL_CALL_LEN = 32,                 /* handshake message 1 */
	CHANNEL_ANSWER_LEN = 96,               /* handshake message 2 */
	CHANNEL_PLAIN_MAX = NOISE_PAYLOAD_MAX, /* of one message */
	/* What may wait for a message's end; a reader needs no more. */
	CHANNEL_WAIT_MAX = CHANNEL_HEAD_LEN + NOISE_MESSAGE_MAX,
	/* What a server takes from a client without an accepted command. */
	CHANNEL_FIRST_PLAIN = 512,
	CHANNEL_FIRST_MAX = CHANNEL_FIRST_PLAIN + NOISE_TAG_LEN,
	/* Of an unfinished handshake, all told. */
	CHANNEL_HANDSHAKE_MEMORY = 1024,
};

/* The suite, as the SECURE line names it. */
#define CHANNEL_SUITE "Noise_NX_25519_ChaChaPoly_BLAKE2b"

enum channel_err {
	CHANNEL_EREFUSED = 1, /* client: a line came instead of message 2; it is
				 still in `in` */
	CHANNEL_EKEY,         /* WELCOME has no key, or not the handshake's */
	CHANNEL_EHANDSHAKE, /* the two sides have not seen the same greeting, or
			       a handshake message was changed */
	CHANNEL_EEARLY,     /* bytes between message 1 and message 2 */
	CHANNEL_ELENGTH,    /* a length that no message has */
	CHANNEL_ELONG,      /* longer than channel_set_max() allows */
	CHANNEL_ETAG,       /* a message was changed, dropped, or sent again */
	CHANNEL_ESTATE,     /* asked for before the handshake was done */
};

struct channel;

/*
 * The server's end.
 *
 *   key      borrowed: the server's identity
 *   welcome  borrowed: the payload of the WELCOME that was sent
 *   secure   borrowed: the payload of the SECURE line as it came
 */
struct channel *channel_new_server(const struct noise_keypair *key,
    struct span welcome, struct span secure) MUST_CHECK;

/*
 * The client's end.  Appends message 1 to wire, behind the SECURE line: that
 * may be before WELCOME was read.
 */
struct channel *channel_new_client(struct buf *wire) MUST_CHECK;

/*
 * The client's end is told what was said in the clear: once, and before
 * anything is fed.
 *
 *   welcome  borrowed: the payload of the WELCOME as it came
 *   secure   borrowed: the payload of the SECURE line as it was sent
 *
 * Returns 0, or -CHANNEL_EKEY where WELCOME has no `key`.
 */
int channel_set_greeting(
    struct channel *ch, struct span welcome, struct span secure) MUST_CHECK;

/*
 * The longest message that is taken from here on; NOISE_MESSAGE_MAX unless this
 * says less.  With the two bytes of its length it is all that has to be kept of
 * one that is not whole.
 */
void channel_set_max(struct channel *ch, size_t max);

/* Wipes the keys.  NULL is fine. */
void channel_free(struct channel *ch);

/*
 * Takes every message that is whole from the front of `in`.
 *
 *   in     what was read from the peer; what is left is the beginning of a
 *          message, CHANNEL_WAIT_MAX - 1 bytes at most
 *   plain  their plaintext is appended
 *   wire   the handshake's answer is appended
 *
 * Returns 0, or a negative channel_err: the connection is over, the keys are
 * wiped, nothing is to be answered, and every later call says the same.  What
 * was whole and true before the offence has been appended to plain.  The result
 * does not depend on how the bytes are cut.  Behind -CHANNEL_ELONG alone there
 * still is somebody to tell: nothing more is taken, but all can be sealed.
 *
 * A length that no message has is refused when its two bytes are there.  An end
 * of the stream is judged by the caller: without BYE or QUIT before it, it is a
 * cut connection.
 */
int channel_feed(struct channel *ch, struct buf *in, struct buf *plain,
    struct buf *wire) MUST_CHECK;

/* Is the handshake done?  A client then checks channel_remote_key() against its
 * pin, and sends nothing before. */
bool channel_is_ready(const struct channel *ch);

/* Once ready: the handshake hash, which is the same on both sides and in no
 * other connection; and the server's public key, at the client's end. */
const uint8_t *channel_hash(const struct channel *ch);
const uint8_t *channel_remote_key(const struct channel *ch);

/*
 * Appends len bytes to wire, sealed: in as few messages as there can be, so
 * call it once for all that waits.  Returns 0, or -CHANNEL_ESTATE with nothing
 * appended.
 */
int channel_seal(
    struct channel *ch, const char *p, size_t len, struct buf *wire) MUST_CHECK;

/* A half sentence for people: "the connection was tampered with: ...". */
const char *channel_strerror(int err);

#endif
