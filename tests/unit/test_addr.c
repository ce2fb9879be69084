/* SPDX-License-Identifier: ISC */
/* base/addr.c: addresses as people write them. */
#include "tests/unit/unit.h"

#include <string.h>

#include "base/addr.h"

static void
reads_every_form_and_writes_the_usual_one(void **state)
{
	static const struct {
		const char *in, *host, *out;
		unsigned port;
		bool is_unix;
	} rows[] = {
	    {"example.org", "example.org", "example.org:7684", 7684, false},
	    {"example.org:1", "example.org", "example.org:1", 1, false},
	    {"my_host-2:65535", "my_host-2", "my_host-2:65535", 65535, false},
	    {"127.0.0.1:0", "127.0.0.1", "127.0.0.1:0", 0, false},
	    {":80", "", ":80", 80, false},
	    {"::1", "::1", "[::1]:7684", 7684, false},
	    {"[::1]", "::1", "[::1]:7684", 7684, false},
	    {"[::1]:99", "::1", "[::1]:99", 99, false},
	    {"[::]:99", "::", "[::]:99", 99, false},
	    {"2001:db8::7:1", "2001:db8::7:1", "[2001:db8::7:1]:7684", 7684,
		false},
	    {"[fe80::1%eth0]:9", "fe80::1%eth0", "[fe80::1%eth0]:9", 9, false},
	    {"unix:/run/snug.sock", "/run/snug.sock", "unix:/run/snug.sock", 0,
		true},
	    {"unix:/a b:c", "/a b:c", "unix:/a b:c", 0, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a;
		char cause[ERR_LEN], text[300];

		assert_int_equal(
		    addr_parse(span_of(rows[i].in), SNUG_PORT, &a, cause), 0);
		assert_string_equal(a.host, rows[i].host);
		assert_int_equal(a.port, rows[i].port);
		assert_int_equal(a.is_unix, rows[i].is_unix);
		assert_string_equal(
		    addr_format(&a, text, sizeof(text)), rows[i].out);
	}
}

static void
refuses_what_is_none_says_why_and_touches_nothing(void **state)
{
	static const struct {
		const char *in, *why;
	} rows[] = {
	    {"", "HOST:PORT"},
	    {"host:", "0 to 65535"},
	    {"host:x", "0 to 65535"},
	    {"host:65536", "0 to 65535"},
	    {"host:-1", "0 to 65535"},
	    {"host:080", "0 to 65535"},
	    {"host:80 ", "0 to 65535"},
	    {"[::1]:", "0 to 65535"},
	    {"ho st", "[IPV6]:PORT"},
	    {"h\xc3\xb6st", "[IPV6]:PORT"},
	    {"a:b:c", "0 to 65535"},
	    {"[::1", "[IPV6]:PORT"},
	    {"[::1]x", "[IPV6]:PORT"},
	    {"[::1]7684", "[IPV6]:PORT"},
	    {"[]:1", "[IPV6]:PORT"},
	    {"[127.0.0.1]:1", "[IPV6]:PORT"},
	    {"[::1%]:1", "[IPV6]:PORT"},
	    {"snug://host", "0 to 65535"},
	    {"user@host", "[IPV6]:PORT"},
	    {"unix:", "whole path"},
	    {"unix:snug.sock", "whole path"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a = {.port = 4711};
		char cause[ERR_LEN] = "";

		assert_int_equal(
		    addr_parse(span_of(rows[i].in), SNUG_PORT, &a, cause), -1);
		assert_non_null(strstr(cause, rows[i].why));
		assert_int_equal(a.port, 4711);
	}
}

static void
refuses_a_host_or_path_beyond_its_room(void **state)
{
	char host[400], path[400] = "unix:/", cause[ERR_LEN];
	struct addr a;

	(void)state;
	memset(host, 'a', sizeof(host));
	memset(path + 6, 'a', sizeof(path) - 6);

	struct span s = {host, 255};
	assert_int_equal(addr_parse(s, 1, &a, cause), 0);
	s.len = 256;
	assert_int_equal(addr_parse(s, 1, &a, cause), -1);
	s = (struct span){path, 5 + 107};
	assert_int_equal(addr_parse(s, 1, &a, cause), 0);
	s.len++;
	assert_int_equal(addr_parse(s, 1, &a, cause), -1);
	assert_non_null(strstr(cause, "107 bytes"));
}

static void
quotes_control_bytes_in_its_complaint(void **state)
{
	char cause[ERR_LEN];
	struct addr a;

	(void)state;

	assert_int_equal(addr_parse(SPAN("a\x1b[2Jb"), 1, &a, cause), -1);

	assert_non_null(strstr(cause, "a\\x1b[2Jb"));
	assert_int_equal(addr_parse(SPAN("unix:/a\0b"), 1, &a, cause), -1);
	assert_non_null(strstr(cause, "NUL"));
}

static void
knows_what_is_local(void **state)
{
	static const struct {
		const char *in;
		bool local;
	} rows[] = {
	    {"localhost", true},
	    {"LocalHost:1", true},
	    {"127.0.0.1", true},
	    {"127.255.1.2:5", true},
	    {"[::1]:1", true},
	    {"[::ffff:127.0.0.1]:1", true},
	    {"unix:/x", true},
	    {"128.0.0.1", false},
	    {"10.0.0.1", false},
	    {"[::2]:1", false},
	    {"[::]:1", false},
	    {"0.0.0.0", false},
	    {":1", false},
	    {"[::ffff:10.0.0.1]:1", false},
	    {"localhost.example.org", false},
	    {"127.0.0.1.example.org", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a;
		char cause[ERR_LEN];
		assert_int_equal(
		    addr_parse(span_of(rows[i].in), SNUG_PORT, &a, cause), 0);
		assert_int_equal(addr_is_local(&a), rows[i].local);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(reads_every_form_and_writes_the_usual_one),
	    TEST(refuses_what_is_none_says_why_and_touches_nothing),
	    TEST(refuses_a_host_or_path_beyond_its_room),
	    TEST(quotes_control_bytes_in_its_complaint),
	    TEST(knows_what_is_local),
	};

	return RUN(tests);
}
