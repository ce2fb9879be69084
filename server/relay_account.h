/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_RELAY_ACCOUNT_H
#define SNUG_SERVER_RELAY_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/names.h"
#include "proto/identity.h"
#include "server/relay.h"

/*
 * Accounts, where the relay keeps them: relay.h's rules hold here too.
 *
 * An account is a sender that lasts: an id ("a" and 32 hex digits), a nick that
 * is its own for ever, with all that looks like it, the public keys that prove
 * it and perhaps the hash of a password.  Its nick is never claimed nor given
 * back: relay_claim() of it is RELAY_REGISTERED for everybody, relay_find()
 * finds it whether or not the account is there.
 *
 * A key belongs to one account.  Back ends keep that where several nodes
 * register at once and where one dies between its steps: what is half done
 * belongs to nobody.
 */
enum {
	ACCOUNT_KEYS_MAX = 16,
	ACCOUNT_KEY_LEN = IDENTITY_KEY_LEN, /* Ed25519 */
	ACCOUNT_HASH_MAX = 127,             /* of argon2id, as text */
};

struct relay_account {
	char id[SENDER_ID_LEN + 1];
	struct name nick;
	uint64_t since_ms; /* wall clock: when it was registered */
	char hash[ACCOUNT_HASH_MAX + 1]; /* of the password; "": none */
	unsigned nkeys;
	uint8_t keys[ACCOUNT_KEYS_MAX][ACCOUNT_KEY_LEN];
};

/* account is NULL unless the status is RELAY_OK, and borrowed. */
typedef void (*relay_account_fn)(
    void *arg, enum relay_status st, const struct relay_account *account);

/*
 * Makes an account of a nick that the guest `sender` holds by relay_claim() on
 * this node.  Done when it is kept as well as the relay keeps anything; from
 * then on the guest holds no nick, and its claim needs no release.
 * RELAY_TAKEN         the guest does not hold the nick (any more)
 * RELAY_REGISTERED    another account owns it
 * RELAY_OWNED         the key is another account's
 * RELAY_BUSY          the key is just being registered; ask again
 * RELAY_UNKEPT        this relay has no place for accounts
 * RELAY_UNKNOWN       look it up by the key
 */
void relay_register(struct relay *r, const struct name *nick,
    const char *sender, const uint8_t key[static ACCOUNT_KEY_LEN],
    relay_account_fn done, void *arg);

/* RELAY_NONE: there is none.  By nick: the fold of this very nick. */
void relay_account_by_key(struct relay *r,
    const uint8_t key[static ACCOUNT_KEY_LEN], relay_account_fn done,
    void *arg);
void relay_account_by_nick(
    struct relay *r, const char *fold, relay_account_fn done, void *arg);
void relay_account_by_id(
    struct relay *r, const char *id, relay_account_fn done, void *arg);

/* hash NULL: none any more; RELAY_LAST where it has no key.  RELAY_NONE: no
 * such account. */
void relay_account_set_hash(struct relay *r, const char *id, const char *hash,
    relay_done_fn done, void *arg);
/* RELAY_OK also where it has the key already; RELAY_OWNED, RELAY_LIMIT,
 * RELAY_NONE, RELAY_BUSY. */
void relay_account_add_key(struct relay *r, const char *id,
    const uint8_t key[static ACCOUNT_KEY_LEN], relay_done_fn done, void *arg);
/* RELAY_NONE: not its key.  RELAY_LAST: no other key, and no password. */
void relay_account_del_key(struct relay *r, const char *id,
    const uint8_t key[static ACCOUNT_KEY_LEN], relay_done_fn done, void *arg);

/* --- for back ends -------------------------------------------------------- */

struct relay_account_ops {
	void (*reg)(struct relay *, const struct name *, const char *sender,
	    const uint8_t *key, relay_account_fn, void *);
	void (*by_key)(
	    struct relay *, const uint8_t *key, relay_account_fn, void *);
	void (*by_nick)(
	    struct relay *, const char *fold, relay_account_fn, void *);
	void (*by_id)(struct relay *, const char *id, relay_account_fn, void *);
	void (*set_hash)(struct relay *, const char *id, const char *hash,
	    relay_done_fn, void *);
	void (*add_key)(struct relay *, const char *id, const uint8_t *key,
	    relay_done_fn, void *);
	void (*del_key)(struct relay *, const char *id, const uint8_t *key,
	    relay_done_fn, void *);
};

/* A random id, not used by anybody. */
void account_new_id(char id[static SENDER_ID_LEN + 1]);
/* "a" and 32 hex digits. */
bool account_is_id(struct span s);
/* An argon2id hash as crypto_pwhash_str() writes it, of which this server can
 * bear the cost: who writes to Redis or the state file must not choose how
 * much memory and time a login takes. */
bool account_is_hash(struct span s);

/* Its place among the account's keys, or -1. */
int account_find_key(
    const struct relay_account *a, const uint8_t key[static ACCOUNT_KEY_LEN]);
void account_drop_key(struct relay_account *a, int i);

/*
 * An account as fields, in Redis' hash and in the state file: `nick`, `since`,
 * `hash` and one `k:KEY` for each key.  What comes from there is judged.
 *
 *   account_take()   one field; false if it is malformed, or one too many;
 *                    fields that nobody knows are passed over
 *   account_is_whole()  all that an account must have was there
 */
bool account_take(
    struct relay_account *a, struct span name, struct span value) MUST_CHECK;
bool account_is_whole(const struct relay_account *a) MUST_CHECK;

enum { ACCOUNT_FIELDS_MAX = 3 + ACCOUNT_KEYS_MAX };

/* The other way; the spans point into the account and into the struct. */
struct account_fields {
	size_t n;
	struct {
		struct span name, value;
	} field[ACCOUNT_FIELDS_MAX];
	char since[24];
	char keys[ACCOUNT_KEYS_MAX][IDENTITY_KEY_TEXT + 3];
};
void account_fields(
    struct account_fields *f, const struct relay_account *account);

#endif
