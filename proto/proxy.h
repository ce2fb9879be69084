/* SPDX-License-Identifier: ISC */
#ifndef SNUG_PROTO_PROXY_H
#define SNUG_PROTO_PROXY_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/cidr.h"

/*
 * The PROXY protocol, version 2, binary form: what a balancer says in front of
 * a connection's own bytes, about where it comes from.  Version 1, a line of
 * text, is not spoken here.
 */
enum {
	PROXY_HEAD = 16, /* signature, command, family, length of the rest */
	PROXY_MAX = 536, /* the whole header; what every receiver has to take */
};

enum proxy_err {
	PROXY_ESIGNATURE = 1, /* other first bytes */
	PROXY_EVERSION,       /* neither LOCAL nor PROXY of version 2 */
	PROXY_EFAMILY,        /* not TCP over IPv4 or IPv6 */
	PROXY_ELENGTH,        /* addresses cut short, or more than PROXY_MAX */
	PROXY_ETLV,           /* what follows the addresses is malformed */
};

struct proxy_header {
	bool has_source; /* false: LOCAL or UNSPEC, the connection is its own */
	struct ip source;
	uint16_t port;
};

/*
 * Reads a header from the beginning of a connection.
 *
 *   p, n  the bytes so far
 *   want  given: how many more to read, and no further: behind them begins what
 *         the client said; 0 once the header is whole
 *   out   given; set when *want is 0
 *
 * Returns 0 or a negative proxy_err, which is said at the first byte that makes
 * it one; then the connection is to be closed.
 */
int proxy_parse(const uint8_t *p, size_t n, size_t *want,
    struct proxy_header *out) MUST_CHECK;
const char *proxy_strerror(int err);

#endif
