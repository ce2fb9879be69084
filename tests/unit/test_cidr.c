/* SPDX-License-Identifier: ISC */
/* base/cidr.c: ranges of addresses. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "base/cidr.h"

static struct cidr
range(const char *text)
{
	struct cidr c;
	char cause[ERR_LEN] = "";

	if (cidr_parse(span_of(text), &c, cause) != 0)
		fail_msg("%s", cause);
	return c;
}

static struct ip
ip(const char *text)
{
	return range(text).first;
}

static void
reads_ranges_and_writes_them_in_one_way(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
	    {"192.0.2.0/24", "192.0.2.0/24"},
	    {"192.0.2.7/24", "192.0.2.0/24"},
	    {"192.0.2.7", "192.0.2.7/32"},
	    {"255.255.255.255/1", "128.0.0.0/1"},
	    {"10.1.2.3/0", "0.0.0.0/0"},
	    {"10.1.2.3/31", "10.1.2.2/31"},
	    {"::1", "::1/128"},
	    {"2001:DB8::1/32", "2001:db8::/32"},
	    {"2001:db8:0:ff::/57", "2001:db8:0:80::/57"},
	    {"::/0", "::/0"},
	    {"::ffff:192.0.2.9", "192.0.2.9/32"},
	    {"::ffff:192.0.2.9/120", "192.0.2.0/24"},
	    {"::ffff:192.0.2.9/95", "::fffe:0:0/95"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cidr c = range(rows[i].in);
		char text[CIDR_TEXT_MAX + 1];

		assert_string_equal(cidr_format(&c, text), rows[i].out);
		struct cidr again = range(text);
		assert_true(cidr_is_same(&c, &again));
	}
}

static void
refuses_what_is_no_range_and_touches_nothing(void **state)
{
	static const char *const rows[] = {"", "/", "/8", "1.2.3.4/",
	    "1.2.3.4/-1", "1.2.3.4/+1", "1.2.3.4/33", "1.2.3.4/999999999999",
	    "1.2.3.4/08", "1.2.3.4/8 ", " 1.2.3.4/8", "1.2.3.4/8/8", "1.2.3/8",
	    "1.2.3.256", "01.2.3.4", "::/129", "::/-0", "::1/128x", ":::/1",
	    "fe80::1%eth0/64", "example.org", "localhost/8", "[::1]/128",
	    "1:2:3:4:5:6:7:8:9/12", "::ffff:1.2.3.4/129"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cidr c, before;
		char cause[ERR_LEN] = "";

		memset(&c, 0x5a, sizeof c);
		before = c;
		assert_int_equal(cidr_parse(span_of(rows[i]), &c, cause), -1);
		assert_memory_equal(&c, &before, sizeof c);
		assert_non_null(strstr(cause, "range"));
	}
	struct cidr c;
	char cause[ERR_LEN];
	assert_int_equal(
	    cidr_parse((struct span){"1.2.3.4\0/8", 10}, &c, cause), -1);
}

static void
holds_what_begins_with_its_bits_and_nothing_else(void **state)
{
	static const struct {
		const char *range, *in, *out;
	} rows[] = {
	    {"192.0.2.0/24", "192.0.2.255", "192.0.3.0"},
	    {"192.0.2.0/25", "192.0.2.127", "192.0.2.128"},
	    {"192.0.2.8/32", "192.0.2.8", "192.0.2.9"},
	    {"192.0.2.8/31", "192.0.2.9", "192.0.2.10"},
	    {"0.0.0.0/0", "255.255.255.255", "::1"},
	    {"::/0", "2001:db8::1", "1.2.3.4"},
	    {"::/1", "7fff::", "8000::"},
	    {"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::"},
	    {"::1/128", "::1", "127.0.0.1"},
	    {"127.0.0.0/8", "127.255.0.1", "::7f00:1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cidr c = range(rows[i].range);
		struct ip in = ip(rows[i].in), out = ip(rows[i].out);

		assert_true(cidr_contains(&c, &in));
		assert_false(cidr_contains(&c, &out));
	}
}

static void
an_address_is_the_same_over_either_family(void **state)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct ip a, b;
	char text[IP_TEXT_MAX + 1];

	(void)state;
	inet_pton(AF_INET, "192.0.2.1", &in.sin_addr);
	inet_pton(AF_INET6, "::ffff:192.0.2.1", &in6.sin6_addr);
	assert_true(ip_of((struct sockaddr *)&in, &a));
	assert_true(ip_of((struct sockaddr *)&in6, &b));
	assert_memory_equal(&a, &b, sizeof a);
	assert_string_equal(ip_format(&a, text), "192.0.2.1");
	assert_false(ip_of((struct sockaddr *)&un, &a));
}

static void
knows_loopback_in_every_family(void **state)
{
	static const struct {
		const char *text;
		bool local;
	} rows[] = {
	    {"127.0.0.1", true},
	    {"127.255.255.254", true},
	    {"128.0.0.1", false},
	    {"::1", true},
	    {"::2", false},
	    {"::ffff:127.0.0.9", true},
	    {"::ffff:126.0.0.1", false},
	    {"::7f00:1", false},
	    {"0.0.0.0", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ip a = ip(rows[i].text);

		assert_int_equal(ip_is_loopback(&a), rows[i].local);
	}
}

static void
a_list_holds_what_one_of_its_ranges_holds(void **state)
{
	struct cidr_list list = {0};
	struct cidr a = range("10.0.0.0/8"), b = range("2001:db8::/32");
	struct ip one = ip("10.9.9.9"), two = ip("2001:db8::5"),
		  other = ip("11.0.0.1");

	(void)state;
	assert_false(cidr_list_contains(&list, &one));
	cidr_list_add(&list, &a);
	cidr_list_add(&list, &b);
	assert_true(cidr_list_contains(&list, &one));
	assert_true(cidr_list_contains(&list, &two));
	assert_false(cidr_list_contains(&list, &other));
	cidr_list_free(&list);
	assert_false(cidr_list_contains(&list, &one));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(reads_ranges_and_writes_them_in_one_way),
	    TEST(refuses_what_is_no_range_and_touches_nothing),
	    TEST(holds_what_begins_with_its_bits_and_nothing_else),
	    TEST(an_address_is_the_same_over_either_family),
	    TEST(knows_loopback_in_every_family),
	    TEST(a_list_holds_what_one_of_its_ranges_holds),
	};

	return RUN(tests);
}
