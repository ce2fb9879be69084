/* SPDX-License-Identifier: ISC */
#ifndef SNUG_PROTO_NOISE_H
#define SNUG_PROTO_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/text.h"

/*
 * The Noise Protocol Framework, revision 34, in the one suite that snug has:
 * 25519_ChaChaPoly_BLAKE2b.  No I/O, no framing.  sodium_init() comes first.
 */
enum {
	NOISE_KEY_LEN = 32,
	NOISE_HASH_LEN = 64,
	NOISE_TAG_LEN = 16,
	NOISE_MESSAGE_MAX = 65535, /* of any message, the tag included */
	NOISE_PAYLOAD_MAX = NOISE_MESSAGE_MAX - NOISE_TAG_LEN,
};

enum noise_err {
	NOISE_ESTATE = 1, /* out of turn, without a key, or failed before */
	NOISE_ELENGTH,    /* cut off, or too long */
	NOISE_ETAG,       /* not written by who holds the key, or changed */
	NOISE_EPOINT,     /* a public key of low order */
	NOISE_ENONCE,     /* the key has sealed 2^64 - 1 messages */
};

const char *noise_strerror(int err);

struct noise_keypair {
	uint8_t secret[NOISE_KEY_LEN];
	uint8_t public[NOISE_KEY_LEN];
};

/* A new pair; wipe it with sodium_memzero(). */
void noise_keypair_new(struct noise_keypair *k);
/* The pair of a given secret. */
void noise_keypair_of(
    const uint8_t secret[static NOISE_KEY_LEN], struct noise_keypair *k);

/* One direction of transport, held by value; all zero has no key. */
struct noise_cipher {
	uint64_t n; /* the next message's number */
	bool keyed;
	uint8_t key[NOISE_KEY_LEN];
};

/*
 * Seals len bytes (NOISE_PAYLOAD_MAX at most) into out, which has room for
 * len + NOISE_TAG_LEN and may be p itself.  Returns 0 or a negative noise_err
 * with nothing written.
 */
int noise_seal(struct noise_cipher *c, const uint8_t *p, size_t len,
    uint8_t *out) MUST_CHECK;

/*
 * Opens a message of len bytes into out, which has room for
 * len - NOISE_TAG_LEN and may be p itself.  Returns 0 or a negative noise_err;
 * n has not moved then, and what out holds is not the message.
 */
int noise_open(struct noise_cipher *c, const uint8_t *p, size_t len,
    uint8_t *out) MUST_CHECK;

/* A new key made of the old one (section 11.3); n goes on. */
void noise_rekey(struct noise_cipher *c);
void noise_cipher_wipe(struct noise_cipher *c);

struct noise_pattern;

/* A handshake.  Held by value; fields are noise.c's. */
struct noise {
	const struct noise_pattern *pattern;
	struct noise_cipher cipher;
	struct noise_keypair s, e; /* ours: static, ephemeral */
	uint8_t rs[NOISE_KEY_LEN]; /* theirs */
	uint8_t re[NOISE_KEY_LEN];
	uint8_t ck[NOISE_HASH_LEN]; /* the chaining key */
	uint8_t h[NOISE_HASH_LEN];  /* all that was said */
	bool initiator;
	bool e_given;
	bool over;    /* split, failed or wiped */
	uint8_t turn; /* messages written and read */
};

struct noise_config {
	const char *pattern; /* "NX": one of noise_has_pattern() */
	bool initiator;
	struct span prologue; /* both sides must have the same */
	/* Ours, where the pattern has one: NULL otherwise. */
	const struct noise_keypair *s;
	/* Theirs, where the pattern knows it beforehand: NULL otherwise. */
	const uint8_t *rs;
	/* NULL: drawn when it is needed.  Given by test vectors, and by who
	 * had to send it before the prologue was known.  Never one that was
	 * used in another handshake. */
	const struct noise_keypair *e;
};

bool noise_has_pattern(const char *name);

/* Copies what it needs; noise_wipe() it on every way out. */
void noise_init(struct noise *n, const struct noise_config *c);

/*
 * Appends the next message to out / reads the next message and appends its
 * payload to out.  Returns 0 or a negative noise_err: nothing was appended
 * then, the keys are wiped, and the handshake is over.
 */
int noise_write(
    struct noise *n, struct span payload, struct buf *out) MUST_CHECK;
int noise_read(
    struct noise *n, struct span message, struct buf *out) MUST_CHECK;

/* Have all messages of the pattern been written and read? */
bool noise_is_done(const struct noise *n);

/*
 * The two directions of a handshake that is done; wipes all of it but the hash
 * (n->h) and their public key (n->rs).  After a pattern of one message there is
 * one direction: the other gets no key.
 */
int noise_split(struct noise *n, struct noise_cipher *send,
    struct noise_cipher *recv) MUST_CHECK;

void noise_wipe(struct noise *n);

#endif
