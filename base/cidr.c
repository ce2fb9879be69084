/* SPDX-License-Identifier: ISC */
/*
 * Addresses and ranges of them, as operators write them and as limits count
 * them.
 *
 * Both families live in one space of 128 bits, IPv4 in its mapped corner, so
 * that an address which came over an IPv6 socket is the same as over an IPv4
 * one.  The corner is fenced: a range of IPv6 never reaches into it.
 */
#include "base/cidr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"

enum { V4_SHIFT = 96 };

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

static void
map_v4(struct ip *out, const struct in_addr *in)
{
	memcpy(out->bytes, mapped, sizeof mapped);
	memcpy(out->bytes + sizeof mapped, in, 4);
}

bool
ip_of(const struct sockaddr *sa, struct ip *out)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	memset(out, 0, sizeof *out);
	if (sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof in);
		map_v4(out, &in.sin_addr);
		return true;
	}
	if (sa->sa_family != AF_INET6)
		return false;
	memcpy(&in6, sa, sizeof in6);
	memcpy(out->bytes, &in6.sin6_addr, sizeof out->bytes);
	return true;
}

bool
ip_is_v4(const struct ip *ip)
{
	return memcmp(ip->bytes, mapped, sizeof mapped) == 0;
}

bool
ip_is_loopback(const struct ip *ip)
{
	static const uint8_t v6_loopback[16] = {[15] = 1};

	if (ip_is_v4(ip))
		return ip->bytes[12] == 127;
	return memcmp(ip->bytes, v6_loopback, sizeof v6_loopback) == 0;
}

char *
ip_format(const struct ip *ip, char dst[static IP_TEXT_MAX + 1])
{
	bool v4 = ip_is_v4(ip);

	inet_ntop(v4 ? AF_INET : AF_INET6, ip->bytes + (v4 ? 12 : 0), dst,
	    IP_TEXT_MAX + 1);
	return dst;
}

static int
refuse(struct span s, const char *why, char cause[static ERR_LEN])
{
	char shown[80];

	snprintf(cause, ERR_LEN, "range \"%s\": %s",
	    text_escape(shown, sizeof shown, s), why);
	return -1;
}

/* Clears what is behind the first `bits` bits. */
static void
mask(struct ip *ip, unsigned bits)
{
	for (unsigned i = 0; i < sizeof ip->bytes; i++) {
		unsigned keep = bits > i * 8 ? bits - i * 8 : 0;

		if (keep < 8)
			ip->bytes[i] &= (uint8_t)(0xff00 >> keep);
	}
}

int
cidr_parse(struct span s, struct cidr *out, char cause[static ERR_LEN])
{
	const char *slash = s.len ? memchr(s.p, '/', s.len) : NULL;
	struct span host = {s.p, slash ? (size_t)(slash - s.p) : s.len};
	char text[IP_TEXT_MAX + 1];
	struct in_addr v4;
	struct cidr c = {0};
	bool is_v4;

	if (host.len == 0 || host.len > IP_TEXT_MAX ||
	    !text_is_visible_ascii(host))
		return refuse(s, "write ADDRESS or ADDRESS/BITS", cause);
	span_copy(text, sizeof text, host);
	is_v4 = inet_pton(AF_INET, text, &v4) == 1;
	if (is_v4)
		map_v4(&c.first, &v4);
	else if (inet_pton(AF_INET6, text, c.first.bytes) != 1)
		return refuse(
		    s, "is no address; names are not looked up", cause);

	uint64_t max = is_v4 ? 32 : 128, bits = max;
	if (slash && !text_u64((struct span){slash + 1, s.len - host.len - 1},
			 max, &bits))
		return refuse(s,
		    is_v4 ? "behind / stands a number from 0 to 32"
			  : "behind / stands a number from 0 to 128",
		    cause);
	c.bits = (uint8_t)(is_v4 ? bits + V4_SHIFT : bits);
	mask(&c.first, c.bits);
	*out = c;
	return 0;
}

/* All its addresses are IPv4's. */
static bool
is_v4_range(const struct cidr *c)
{
	return c->bits >= V4_SHIFT && ip_is_v4(&c->first);
}

bool
cidr_contains(const struct cidr *c, const struct ip *ip)
{
	struct ip cut = *ip;

	if (ip_is_v4(ip) && !is_v4_range(c))
		return false;
	mask(&cut, c->bits);
	return memcmp(&cut, &c->first, sizeof cut) == 0;
}

bool
cidr_is_same(const struct cidr *a, const struct cidr *b)
{
	return a->bits == b->bits &&
	       memcmp(&a->first, &b->first, sizeof a->first) == 0;
}

char *
cidr_format(const struct cidr *c, char dst[static CIDR_TEXT_MAX + 1])
{
	unsigned shift = is_v4_range(c) ? V4_SHIFT : 0;
	char ip[IP_TEXT_MAX + 1];

	/* A wide range of IPv6 may begin with the bits of an IPv4 address. */
	if (shift == 0)
		inet_ntop(AF_INET6, c->first.bytes, ip, sizeof ip);
	else
		ip_format(&c->first, ip);
	snprintf(dst, CIDR_TEXT_MAX + 1, "%s/%u", ip, c->bits - shift);
	return dst;
}

void
cidr_list_add(struct cidr_list *list, const struct cidr *c)
{
	list->items =
	    xreallocarray(list->items, list->n + 1, sizeof list->items[0]);
	list->items[list->n++] = *c;
}

bool
cidr_list_contains(const struct cidr_list *list, const struct ip *ip)
{
	for (size_t i = 0; i < list->n; i++)
		if (cidr_contains(&list->items[i], ip))
			return true;
	return false;
}

void
cidr_list_free(struct cidr_list *list)
{
	free(list->items);
	*list = (struct cidr_list){0};
}
