/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_LINK_H
#define SNUG_CLIENT_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/attr.h"
#include "base/names.h"
#include "base/text.h"

/*
 * A server as people name it: `HOST[:PORT]`, `unix:/PATH`, or a link
 * `snug://HOST[:PORT][/ROOM][#KEY]`, which may bring a room to enter and the
 * server's key.
 */
enum { LINK_KEY_LEN = 32, LINK_MAX = 1024 };

struct link {
	struct addr server; /* the host is never empty */
	bool has_room, has_key;
	struct name room;
	uint8_t key[LINK_KEY_LEN];
};

/*
 *   cause  given: what is wrong and what to write instead
 *
 * Returns 0, or -1 with *out untouched.  Nothing is guessed: a key that is cut
 * short is no link without a key.
 */
int link_parse(
    struct span text, struct link *out, char cause[static ERR_LEN]) MUST_CHECK;

#endif
