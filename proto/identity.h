/* SPDX-License-Identifier: ISC */
#ifndef SNUG_PROTO_IDENTITY_H
#define SNUG_PROTO_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/text.h"
#include "proto/noise.h"

/*
 * Who one is: a server's X25519 key, with which it makes secure sessions; a
 * user's Ed25519 key, which signs.  Neither ever does the other's work.
 * sodium_init() comes first.
 */
enum identity_kind {
	IDENTITY_SERVER, /* X25519 */
	IDENTITY_USER,   /* Ed25519 */
};

enum {
	IDENTITY_KEY_LEN = 32,
	IDENTITY_SIG_LEN = 64,
	IDENTITY_KEY_TEXT = 43, /* base64url without padding */
	IDENTITY_SIG_TEXT = 86,
	IDENTITY_WORDS = 8,
	IDENTITY_WORDS_TEXT = IDENTITY_WORDS * 6 - 1,
};

struct identity;

/*
 * Reads a key file, or makes one where there is none.
 *
 *   made   given, may be NULL: was it made just now?
 *   cause  given: what is wrong, and the mend
 *
 * Returns the identity for identity_free(), or NULL with cause: a file that
 * others may read, that somebody else owns, that is a link, or that holds
 * anything but a key of this kind is refused and left as it is.  A new file has
 * mode 0600 and is there whole or not at all; of several processes that make it
 * at once all get the same key.
 */
struct identity *identity_load_or_make(enum identity_kind kind,
    const char *path, bool *made, char cause[static ERR_LEN]) MUST_CHECK;

/* The same, but a file that is not there is refused, too. */
struct identity *identity_load(enum identity_kind kind, const char *path,
    char cause[static ERR_LEN]) MUST_CHECK;

/*
 * The same for root, who is going to become somebody else: a file that is made
 * is theirs, and one that is theirs is fine.  NULL: nobody else.
 */
struct identity_owner {
	uid_t user;
	gid_t group;
};
struct identity *identity_load_or_make_for(enum identity_kind kind,
    const char *path, const struct identity_owner *who, bool *made,
    char cause[static ERR_LEN]) MUST_CHECK;
struct identity *identity_load_for(enum identity_kind kind, const char *path,
    const struct identity_owner *who, char cause[static ERR_LEN]) MUST_CHECK;

/* One that is in no file. */
struct identity *identity_new(enum identity_kind kind) MUST_CHECK;

/* Of a key file's content; NULL if it is not one of this kind. */
struct identity *identity_parse(
    enum identity_kind kind, struct span text) MUST_CHECK;

/* Wipes it.  NULL is fine. */
void identity_free(struct identity *id);

/* IDENTITY_KEY_LEN bytes, as long as the identity lives. */
const uint8_t *identity_public(const struct identity *id);

/* A server's, as channel_new_server() wants it. */
const struct noise_keypair *identity_keypair(const struct identity *id);

/* --- what a user signs, and how it is checked ---------------------------- */

/* AUTH: "snug-auth-1" and the hash of the handshake. */
void identity_sign_auth(const struct identity *user,
    const uint8_t hash[static NOISE_HASH_LEN],
    uint8_t sig[static IDENTITY_SIG_LEN]);
bool identity_verify_auth(const uint8_t key[static IDENTITY_KEY_LEN],
    const uint8_t hash[static NOISE_HASH_LEN],
    const uint8_t sig[static IDENTITY_SIG_LEN]) MUST_CHECK;

/* KEY add: "snug-key-1", the server's public key and the account's id. */
void identity_sign_key(const struct identity *user,
    const uint8_t server[static IDENTITY_KEY_LEN], struct span account,
    uint8_t sig[static IDENTITY_SIG_LEN]);
bool identity_verify_key(const uint8_t key[static IDENTITY_KEY_LEN],
    const uint8_t server[static IDENTITY_KEY_LEN], struct span account,
    const uint8_t sig[static IDENTITY_SIG_LEN]) MUST_CHECK;

/* --- keys as text --------------------------------------------------------- */

/* Gives out, terminated. */
char *identity_key_text(const uint8_t key[static IDENTITY_KEY_LEN],
    char out[static IDENTITY_KEY_TEXT + 1]);
char *identity_sig_text(const uint8_t sig[static IDENTITY_SIG_LEN],
    char out[static IDENTITY_SIG_TEXT + 1]);

/* The one spelling that the functions above give, and no other: right length,
 * no padding, no blanks, no bits left over.  False: out holds nothing. */
bool identity_parse_key(
    struct span text, uint8_t out[static IDENTITY_KEY_LEN]) MUST_CHECK;
bool identity_parse_sig(
    struct span text, uint8_t out[static IDENTITY_SIG_LEN]) MUST_CHECK;

/*
 * A public key's fingerprint, to be compared by eye or read aloud: eight words
 * of five letters with blanks between them.  Gives out, terminated.
 */
char *identity_words(const uint8_t key[static IDENTITY_KEY_LEN],
    char out[static IDENTITY_WORDS_TEXT + 1]);

#endif
