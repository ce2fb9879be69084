/* SPDX-License-Identifier: ISC */
#ifndef SNUG_BASE_ADDR_H
#define SNUG_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"

#define SNUG_PORT 7684 /* S-N-U-G on a telephone keypad */

/* Where a server listens or is found: a host and port, or a Unix socket. */
struct addr {
	bool is_unix;
	uint16_t port;  /* TCP only */
	char host[256]; /* name or literal without brackets, or the path */
};

/*
 * Reads `host`, `host:port`, `v6literal`, `[v6]:port`, `:port` (host is
 * then empty: the caller's default) or `unix:/path`.
 *
 *   cause  given: ERR_LEN bytes, a sentence on error
 *
 * Returns 0, or -1 with *out untouched.  No look-up is made.
 */
int addr_parse(struct span s, uint16_t default_port, struct addr *out,
    char cause[static ERR_LEN]) MUST_CHECK;

/* Is the host a loopback literal or "localhost"?  (Unix sockets: true.) */
bool addr_is_local(const struct addr *a);

/* As people write it; `[v6]:port` and `unix:/path` included.  Gives dst. */
char *addr_format(const struct addr *a, char *dst, size_t cap);

#endif
