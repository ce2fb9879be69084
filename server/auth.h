/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_AUTH_H
#define SNUG_SERVER_AUTH_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"
#include "server/limit.h"

/*
 * Passwords: hashed and compared beside the loop, by argon2id, in one thread
 * and so one at a time.  It knows neither accounts nor sessions.
 */
struct auth;
struct event_base;

enum {
	AUTH_PASSWORD_MIN = 8, /* bytes */
	AUTH_PASSWORD_MAX = 256,
	AUTH_QUEUE_MAX = 32,  /* waiting and under way */
	AUTH_RETRY_MS = 2000, /* for those who find it full */
};

/* What one hash costs.  The default is what RFC 9106 recommends where memory is
 * scarce: 3 passes over 64 MiB. */
struct auth_cost {
	unsigned long long passes;
	size_t bytes;
};
extern const struct auth_cost auth_cost_default;

/* Who asks: one at a time of a session, and of an address. */
struct auth_asker {
	uint64_t session;
	const struct addr_key *addr; /* NULL: it has none */
};

enum auth_result {
	AUTH_RIGHT,
	AUTH_WRONG,
	AUTH_FAILED, /* no memory; or the server ends */
};

/* hash: of auth_hash() with AUTH_RIGHT; else NULL.  Borrowed. */
typedef void (*auth_fn)(void *arg, enum auth_result result, const char *hash);

enum auth_err {
	AUTH_EBUSY = 1, /* the queue is full, or one of the asker's waits */
};

/* NULL: the thread cannot be started; errno says why. */
struct auth *auth_new(
    struct event_base *base, const struct auth_cost *cost) MUST_CHECK;
/* Whoever still waits is told AUTH_FAILED. */
void auth_free(struct auth *a);

/* Both copy the password, of AUTH_PASSWORD_MAX bytes at most, and wipe the copy
 * when it is done with.  Returns 0, and done comes once from the loop; or
 * -AUTH_EBUSY. */
int auth_hash(struct auth *a, const struct auth_asker *who,
    struct span password, auth_fn done, void *arg) MUST_CHECK;
/* hash NULL: there is none to compare with.  That costs the same, and is
 * AUTH_WRONG. */
int auth_verify(struct auth *a, const struct auth_asker *who,
    struct span password, const char *hash, auth_fn done, void *arg) MUST_CHECK;

/* How many times argon2id was run to its end. */
unsigned long long auth_count(const struct auth *a);

#endif
