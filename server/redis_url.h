/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_REDIS_URL_H
#define SNUG_SERVER_REDIS_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"

enum {
	REDIS_URL_HOST_MAX = 255, /* a name, or a Unix socket's path */
	REDIS_URL_SECRET_MAX = 511,
	REDIS_PORT = 6379,
};

/* Where a Redis is and who we are there.  Held by value. */
struct redis_url {
	bool is_unix;
	uint16_t port;
	unsigned db;
	bool has_password;
	char host[REDIS_URL_HOST_MAX + 1];   /* without brackets; or the path */
	char user[REDIS_URL_SECRET_MAX + 1]; /* empty: the default user */
	char password[REDIS_URL_SECRET_MAX + 1];
};

/*
 * Reads redis://[user[:password]@]host[:port][/db] or unix:///path[?db=n];
 * user, password and path may be percent-encoded.
 *
 *   cause  given: ERR_LEN bytes, on error a sentence that names the mend and
 *          never shows the password
 *
 * Returns 0, or -1 with *out wiped.
 */
int redis_url_parse(struct redis_url *out, struct span url,
    char cause[static ERR_LEN]) MUST_CHECK;

/* For logs: the place without user and password.  Gives dst. */
char *redis_url_format(const struct redis_url *u, char *dst, size_t cap);

/* Forgets user and password. */
void redis_url_wipe(struct redis_url *u);

#endif
