/* SPDX-License-Identifier: ISC */
/*
 * proto/proxy.c and base/cidr.c: a header read byte by byte, in pieces of the
 * size it asks for, and whole is the same; what it asks for never reaches past
 * its end.  Text that is read as a range is written and read back the same.
 *
 * Input: the bytes of a connection; they are looked at as text, too.
 */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cidr.h"
#include "proto/proxy.h"
#include "tests/fuzz/fuzz.h"

struct outcome {
	int err;
	size_t used; /* 0: it never became whole */
	struct proxy_header h;
};

/* Reads at most `step` bytes at a time; 0: as many as are wanted. */
static struct outcome
read_in_steps(const uint8_t *data, size_t size, size_t step)
{
	struct outcome o = {0};
	size_t n = 0, want;

	while ((o.err = proxy_parse(data, n, &want, &o.h)) == 0 && want > 0) {
		MUST(n + want <= PROXY_MAX);
		if (step && want > step)
			want = step;
		if (n + want > size)
			return o;
		n += want;
	}
	o.used = o.err == 0 ? n : 0;
	return o;
}

/* It is the same address over either family, and in a list. */
static void
check_family(const struct cidr *c)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr none = {.sa_family = AF_UNIX};
	struct cidr_list list = {0};
	struct ip ip;

	memcpy(&in6.sin6_addr, c->first.bytes, 16);
	MUST(ip_of((struct sockaddr *)&in6, &ip));
	MUST(memcmp(&ip, &c->first, sizeof ip) == 0);
	MUST(!cidr_list_contains(&list, &ip));
	cidr_list_add(&list, c);
	MUST(cidr_list_contains(&list, &ip) == cidr_contains(c, &ip));
	cidr_list_free(&list);
	MUST(!ip_of(&none, &ip));
	if (!ip_is_v4(&c->first))
		return;
	memcpy(&in.sin_addr, c->first.bytes + 12, 4);
	MUST(ip_of((struct sockaddr *)&in, &ip));
	MUST(memcmp(&ip, &c->first, sizeof ip) == 0);
	MUST(ip_is_loopback(&ip) == (ip.bytes[12] == 127));
}

/* The bits of the prefix decide, and they alone; the others are 0. */
static void
check_bits(const struct cidr *c)
{
	for (unsigned i = 0; i < 128; i++) {
		struct ip other = c->first;
		uint8_t bit = (uint8_t)(0x80 >> i % 8);

		MUST(i < c->bits || !(c->first.bytes[i / 8] & bit));
		other.bytes[i / 8] ^= bit;
		/* It may fall into the corner of IPv4, or out of it. */
		if (ip_is_v4(&other) == ip_is_v4(&c->first))
			MUST(cidr_contains(c, &other) == (i >= c->bits));
	}
}

static void
check_range(const uint8_t *data, size_t size)
{
	struct cidr c, again;
	char cause[ERR_LEN] = "", text[CIDR_TEXT_MAX + 1];

	if (cidr_parse((struct span){(const char *)data, size}, &c, cause) !=
	    0) {
		MUST(cause[0] != '\0');
		return;
	}
	cidr_format(&c, text);
	MUST(cidr_parse(span_of(text), &again, cause) == 0);
	MUST(cidr_is_same(&c, &again));
	MUST(cidr_contains(&c, &c.first));
	check_family(&c);
	check_bits(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole = read_in_steps(data, size, 0);
	struct outcome bytes = read_in_steps(data, size, 1);

	MUST(whole.used == bytes.used);
	/* In pieces an error may show before the end does. */
	MUST(whole.err == bytes.err || whole.err == 0);
	if (whole.used > 0) {
		MUST(whole.used >= PROXY_HEAD && whole.used <= PROXY_MAX);
		MUST(memcmp(&whole.h.source, &bytes.h.source,
			 sizeof whole.h.source) == 0);
		MUST(whole.h.has_source == bytes.h.has_source);
		MUST(whole.h.port == bytes.h.port);
	}
	check_range(data, size);
	return 0;
}
