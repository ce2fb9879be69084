/* SPDX-License-Identifier: ISC */
/* proto/proxy.c: PROXY headers made by hand, cut at every byte. */
#include "tests/unit/unit.h"

#include <string.h>

#include "proto/proxy.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4           \
	"\xc0\0\2\1" \
	"\x0a\0\0\1" \
	"\xde\xad"   \
	"\x1e\x04"
#define V6                                         \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7" \
	"\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1"     \
	"\1\2"                                     \
	"\3\4"
#define TLVS         \
	"\3\0\4abcd" \
	"\x20\0\0"

/* The head, then what follows the length. */
#define HEADER(command, family, body)                         \
	{                                                     \
		(const uint8_t *)SIGNATURE command family,    \
		    (const uint8_t *)(body), sizeof(body) - 1 \
	}

struct sample {
	const uint8_t *head; /* 14 bytes */
	const uint8_t *body;
	size_t len;
};

static size_t
build(uint8_t *out, const struct sample *s)
{
	memcpy(out, s->head, 14);
	out[14] = (uint8_t)(s->len >> 8);
	out[15] = (uint8_t)s->len;
	memcpy(out + 16, s->body, s->len);
	return PROXY_HEAD + s->len;
}

/* Every beginning asks for more, and never for more than is left. */
static void
read_cut(const struct sample *s, struct proxy_header *h)
{
	uint8_t bytes[PROXY_MAX];
	size_t n = build(bytes, s), want;

	for (size_t cut = 0; cut < n; cut++) {
		memset(h, 0x5a, sizeof *h);
		assert_int_equal(proxy_parse(bytes, cut, &want, h), 0);
		assert_true(want > 0 && want <= n - cut);
		assert_int_equal(
		    want, (cut < PROXY_HEAD ? PROXY_HEAD : n) - cut);
	}
	assert_int_equal(proxy_parse(bytes, n, &want, h), 0);
	assert_int_equal(want, 0);
}

static void
reads_tcp_over_ipv4(void **state)
{
	static const struct sample rows[] = {
	    HEADER("\x21", "\x11", V4), HEADER("\x21", "\x11", V4 TLVS)};
	struct proxy_header h;
	char text[IP_TEXT_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		read_cut(&rows[i], &h);
		assert_true(h.has_source);
		assert_string_equal(ip_format(&h.source, text), "192.0.2.1");
		assert_int_equal(h.port, 0xdead);
	}
}

static void
reads_tcp_over_ipv6(void **state)
{
	static const struct sample rows[] = {
	    HEADER("\x21", "\x21", V6), HEADER("\x21", "\x21", V6 TLVS)};
	struct proxy_header h;
	char text[IP_TEXT_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		read_cut(&rows[i], &h);
		assert_true(h.has_source);
		assert_string_equal(ip_format(&h.source, text), "2001:db8::7");
		assert_int_equal(h.port, 0x0102);
	}
}

static void
a_local_or_unspecified_one_has_no_source(void **state)
{
	static const struct sample rows[] = {
	    HEADER("\x20", "\0", ""),
	    HEADER("\x20", "\x11", V4), /* not looked at */
	    HEADER("\x20", "\x31", "whatever it is"),
	    HEADER("\x21", "\0", ""),
	    HEADER("\x21", "\0", "\1\2"),
	};
	struct proxy_header h;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		read_cut(&rows[i], &h);
		assert_false(h.has_source);
	}
}

static void
every_byte_of_the_head_is_judged_as_it_comes(void **state)
{
	static const struct sample good = HEADER("\x21", "\x11", V4);
	uint8_t bytes[PROXY_MAX];
	struct proxy_header h;
	size_t n = build(bytes, &good), want;

	(void)state;
	for (size_t i = 0; i < 14; i++)
		for (unsigned v = 0; v < 256; v++) {
			uint8_t old = bytes[i];
			bool fine = v == old || (i == 12 && v == 0x20) ||
				    (i == 13 && v == 0);

			bytes[i] = (uint8_t)v;
			/* The byte itself is enough, and so is all. */
			assert_int_equal(
			    proxy_parse(bytes, i + 1, &want, &h) == 0,
			    fine || (i == 13 && v == 0x21));
			assert_int_equal(
			    proxy_parse(bytes, n, &want, &h) == 0, fine);
			bytes[i] = old;
		}
}

static void
says_what_is_wrong(void **state)
{
	static const struct {
		struct sample s;
		int err;
	} rows[] = {
	    {HEADER("\x11", "\x11", V4), -PROXY_EVERSION},
	    {HEADER("\x22", "\x11", V4), -PROXY_EVERSION},
	    {HEADER("\x21", "\x12", V4), -PROXY_EFAMILY}, /* UDP */
	    {HEADER("\x21", "\x31", V4), -PROXY_EFAMILY}, /* Unix */
	    {HEADER("\x21", "\x01", V4), -PROXY_EFAMILY},
	    {HEADER("\x21", "\x11", ""), -PROXY_ELENGTH},
	    {HEADER("\x21", "\x11", "elevenbytes"), -PROXY_ELENGTH},
	    {HEADER("\x21", "\x21", V4), -PROXY_ELENGTH},
	    {HEADER("\x21", "\x11", V4 "\1"), -PROXY_ETLV},
	    {HEADER("\x21", "\x11", V4 "\1\0"), -PROXY_ETLV},
	    {HEADER("\x21", "\x11", V4 "\1\0\1"), -PROXY_ETLV},
	    {HEADER("\x21", "\x11",
		 V4 "\1\xff\xff"
		    "abc"),
		-PROXY_ETLV},
	    {HEADER("\x21", "\x21", V6 TLVS "\1"), -PROXY_ETLV},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t bytes[PROXY_MAX];
		struct proxy_header h;
		size_t n = build(bytes, &rows[i].s), want;

		assert_int_equal(proxy_parse(bytes, n, &want, &h), rows[i].err);
		assert_true(strlen(proxy_strerror(rows[i].err)) > 0);
	}
}

static void
a_length_is_judged_before_anything_behind_it_is_asked_for(void **state)
{
	uint8_t bytes[PROXY_HEAD] = SIGNATURE "\x21\x11";
	struct proxy_header h;
	size_t want;

	(void)state;
	for (unsigned len = 0; len < 65536; len++) {
		bool fine = len >= 12 && len <= PROXY_MAX - PROXY_HEAD;

		bytes[14] = (uint8_t)(len >> 8);
		bytes[15] = (uint8_t)len;
		assert_int_equal(proxy_parse(bytes, sizeof bytes, &want, &h),
		    fine ? 0 : -PROXY_ELENGTH);
		if (fine)
			assert_int_equal(want, len);
	}
}

static void
version_1_and_other_protocols_are_none(void **state)
{
	static const char *const rows[] = {
	    "PROXY TCP4 192.0.2.1 10.0.0.1 57005 7684\r\n",
	    "GET / HTTP/1.1\r\n\r\n", "\x16\3\1", "4 PING\n",
	    "\r\n\r\nPING x\n"};
	struct proxy_header h;
	size_t want;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(proxy_parse((const uint8_t *)rows[i],
				     strlen(rows[i]), &want, &h),
		    -PROXY_ESIGNATURE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(reads_tcp_over_ipv4),
	    TEST(reads_tcp_over_ipv6),
	    TEST(a_local_or_unspecified_one_has_no_source),
	    TEST(every_byte_of_the_head_is_judged_as_it_comes),
	    TEST(says_what_is_wrong),
	    TEST(a_length_is_judged_before_anything_behind_it_is_asked_for),
	    TEST(version_1_and_other_protocols_are_none),
	};

	return RUN(tests);
}
