/* SPDX-License-Identifier: ISC */
#ifndef SNUG_BASE_CIDR_H
#define SNUG_BASE_CIDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"

struct sockaddr;

/* An address of either family; IPv4 as mapped into IPv6 (::ffff:a.b.c.d). */
struct ip {
	uint8_t bytes[16];
};

/* False for what has no address, such as a Unix socket. */
bool ip_of(const struct sockaddr *sa, struct ip *out);
bool ip_is_v4(const struct ip *ip);
bool ip_is_loopback(const struct ip *ip);

enum { IP_TEXT_MAX = 45, CIDR_TEXT_MAX = 49 };
char *ip_format(const struct ip *ip, char dst[static IP_TEXT_MAX + 1]);

/* All addresses that begin with the same bits.  Held by value. */
struct cidr {
	struct ip first; /* the bits behind the prefix are 0 */
	uint8_t bits;    /* of the mapped form: 96 to 128 for IPv4 */
};

/*
 * Reads `192.0.2.0/24`, `2001:db8::/32`, or an address alone, which is a range
 * of one.  Bits behind the prefix are ignored: 192.0.2.7/24 is 192.0.2.0/24.
 *
 *   cause  given: a sentence on error
 *
 * Returns 0, or -1 with *out untouched.
 */
int cidr_parse(
    struct span s, struct cidr *out, char cause[static ERR_LEN]) MUST_CHECK;
/* A range of IPv6 holds no IPv4 address, not even ::/0. */
bool cidr_contains(const struct cidr *c, const struct ip *ip);
bool cidr_is_same(const struct cidr *a, const struct cidr *b);
/* The one way to write it: what cidr_parse() gives back the same. */
char *cidr_format(const struct cidr *c, char dst[static CIDR_TEXT_MAX + 1]);

/* Ranges in a row; all zero is none. */
struct cidr_list {
	struct cidr *items; /* owned */
	size_t n;
};
void cidr_list_add(struct cidr_list *list, const struct cidr *c);
bool cidr_list_contains(const struct cidr_list *list, const struct ip *ip);
void cidr_list_free(struct cidr_list *list);

#endif
