/* SPDX-License-Identifier: ISC */
/*
 * PROXY protocol version 2, read strictly.
 *
 * Whoever may send this header decides which address all limits count, so
 * nothing is guessed: what is not exactly a header is an error, never a client
 * that forgot it.  The parser holds no state; it looks at all the bytes again,
 * of which there are few.
 *
 * Source: "The PROXY protocol, versions 1 & 2", section 2.2.
 */
#include "proto/proxy.h"

#include <string.h>

static const uint8_t signature[12] = {
    '\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};

enum { COMMAND_AT = 12, FAMILY_AT = 13, LENGTH_AT = 14 };
enum { COMMAND_LOCAL = 0x20, COMMAND_PROXY = 0x21 };

/* family and transport; bytes of one address; 0: there is none. */
static const struct family {
	uint8_t code;
	uint8_t addr;
} families[] = {
    {0x00, 0},  /* UNSPEC */
    {0x11, 4},  /* TCP over IPv4 */
    {0x21, 16}, /* TCP over IPv6 */
};

static const struct family *
family_of(uint8_t code)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (families[i].code == code)
			return &families[i];
	return NULL;
}

static size_t
be16(const uint8_t *p)
{
	return (size_t)p[0] << 8 | p[1];
}

/* Both addresses and both ports. */
static size_t
addrs_len(const struct family *f)
{
	return f->addr ? 2 * (size_t)f->addr + 4 : 0;
}

/* The fixed part, as far as it has come. */
static int
check_head(const uint8_t *p, size_t n)
{
	if (memcmp(p, signature, n < sizeof signature ? n : sizeof signature))
		return -PROXY_ESIGNATURE;
	if (n > COMMAND_AT && p[COMMAND_AT] != COMMAND_LOCAL &&
	    p[COMMAND_AT] != COMMAND_PROXY)
		return -PROXY_EVERSION;
	if (n <= FAMILY_AT || p[COMMAND_AT] == COMMAND_LOCAL)
		return 0;
	return family_of(p[FAMILY_AT]) ? 0 : -PROXY_EFAMILY;
}

/* The length is known: does it fit what it has to hold? */
static int
check_length(const uint8_t *p)
{
	size_t len = be16(p + LENGTH_AT);

	if (len > PROXY_MAX - PROXY_HEAD)
		return -PROXY_ELENGTH;
	if (p[COMMAND_AT] == COMMAND_PROXY &&
	    len < addrs_len(family_of(p[FAMILY_AT])))
		return -PROXY_ELENGTH;
	return 0;
}

/* Type, length, value, and again: skipped, but they have to add up. */
static int
check_tlvs(const uint8_t *p, size_t n)
{
	while (n > 0) {
		if (n < 3 || be16(p + 1) > n - 3)
			return -PROXY_ETLV;
		size_t len = 3 + be16(p + 1);
		p += len;
		n -= len;
	}
	return 0;
}

static void
take_source(struct proxy_header *out, const struct family *f, const uint8_t *p)
{
	if (f->addr == 0)
		return;
	out->has_source = true;
	if (f->addr == 4)
		memset(out->source.bytes + 10, 0xff, 2);
	memcpy(out->source.bytes + 16 - f->addr, p, f->addr);
	out->port = (uint16_t)be16(p + 2 * (size_t)f->addr);
}

int
proxy_parse(const uint8_t *p, size_t n, size_t *want, struct proxy_header *out)
{
	int err = check_head(p, n);

	*want = PROXY_HEAD - (n < PROXY_HEAD ? n : PROXY_HEAD);
	if (err != 0 || *want > 0)
		return err;
	if ((err = check_length(p)) != 0)
		return err;
	size_t whole = PROXY_HEAD + be16(p + LENGTH_AT);
	*want = whole > n ? whole - n : 0;
	if (*want > 0)
		return 0;
	*out = (struct proxy_header){0};
	/* The sender speaks for itself: what else it says is not looked at. */
	if (p[COMMAND_AT] == COMMAND_LOCAL)
		return 0;
	const struct family *f = family_of(p[FAMILY_AT]);
	const uint8_t *body = p + PROXY_HEAD;
	/* Behind UNSPEC stands what nobody knows how to read. */
	if (f->addr && (err = check_tlvs(body + addrs_len(f),
			    whole - PROXY_HEAD - addrs_len(f))) != 0)
		return err;
	take_source(out, f, body);
	return 0;
}

const char *
proxy_strerror(int err)
{
	static const char *const texts[] = {
	    [PROXY_ESIGNATURE] = "no PROXY header of version 2 came first",
	    [PROXY_EVERSION] = "the PROXY header is of another version, or "
			       "neither LOCAL nor PROXY",
	    [PROXY_EFAMILY] = "the PROXY header speaks of other than TCP over "
			      "IPv4 or IPv6",
	    [PROXY_ELENGTH] = "the PROXY header is too short for its "
			      "addresses, or too long",
	    [PROXY_ETLV] = "the PROXY header's records do not add up",
	};

	return texts[-err];
}
