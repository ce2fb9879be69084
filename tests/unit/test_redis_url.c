/* SPDX-License-Identifier: ISC */
#include "server/redis_url.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/unit/unit.h"

static struct redis_url
parsed(const char *text)
{
	struct redis_url u;
	char cause[ERR_LEN] = "";

	if (redis_url_parse(&u, span_of(text), cause) != 0)
		fail_msg("%s: %s", text, cause);
	return u;
}

static void
refused(const char *text, const char *mend)
{
	struct redis_url u, zero;
	char cause[ERR_LEN] = "";

	memset(&zero, 0, sizeof zero);
	if (redis_url_parse(&u, span_of(text), cause) == 0)
		fail_msg("%s was accepted", text);
	assert_memory_equal(&u, &zero, sizeof u);
	if (strstr(cause, mend) == NULL)
		fail_msg("%s: \"%s\" does not say \"%s\"", text, cause, mend);
	assert_null(strstr(cause, "s3cret"));
}

static void
reads_a_host_with_the_port_and_database_of_custom(void **state)
{
	(void)state;
	struct redis_url u = parsed("redis://cache.example");
	assert_string_equal(u.host, "cache.example");
	assert_int_equal(u.port, 6379);
	assert_int_equal(u.db, 0);
	assert_false(u.is_unix);
	assert_false(u.has_password);
}

static void
reads_port_and_database(void **state)
{
	(void)state;
	struct redis_url u = parsed("redis://127.0.0.1:7000/12");
	assert_string_equal(u.host, "127.0.0.1");
	assert_int_equal(u.port, 7000);
	assert_int_equal(u.db, 12);
	assert_int_equal(parsed("redis://h/").db, 0);
}

static void
reads_an_ipv6_address_in_brackets(void **state)
{
	(void)state;
	struct redis_url u = parsed("redis://[::1]:7000/3");
	assert_string_equal(u.host, "::1");
	assert_int_equal(u.port, 7000);
	assert_int_equal(parsed("redis://[::1]").port, 6379);
}

static void
reads_user_and_password(void **state)
{
	(void)state;
	struct redis_url u = parsed("redis://ann:s3cret@h:1/2");
	assert_true(u.has_password);
	assert_string_equal(u.user, "ann");
	assert_string_equal(u.password, "s3cret");
	assert_string_equal(u.host, "h");
}

static void
a_password_alone_is_the_default_users(void **state)
{
	(void)state;
	struct redis_url u = parsed("redis://:s3cret@h");
	assert_true(u.has_password);
	assert_string_equal(u.user, "");
	assert_string_equal(u.password, "s3cret");
}

static void
percent_escapes_are_undone(void **state)
{
	(void)state;
	struct redis_url u = parsed("redis://a%3ab:p%40%2F%25%C3%A4@h");
	assert_string_equal(u.user, "a:b");
	assert_string_equal(u.password, "p@/%\xc3\xa4");
	assert_string_equal(
	    parsed("unix:///tmp/a%20b.sock").host, "/tmp/a b.sock");
}

static void
reads_a_unix_socket(void **state)
{
	(void)state;
	struct redis_url u = parsed("unix:///run/redis.sock?db=4");
	assert_true(u.is_unix);
	assert_string_equal(u.host, "/run/redis.sock");
	assert_int_equal(u.db, 4);
	u = parsed("unix://:s3cret@/run/redis.sock");
	assert_string_equal(u.host, "/run/redis.sock");
	assert_string_equal(u.password, "s3cret");
}

static void
refuses_what_is_none_and_names_the_mend(void **state)
{
	(void)state;
	refused("", "redis://host");
	refused("localhost:6379", "redis://host:6379");
	refused("http://h", "redis://host:6379");
	refused("rediss://h", "redis://");
	refused("redis://", "redis://host:6379");
	refused("redis://:6379", "redis://host:6379");
	refused("redis://h:0", "65535");
	refused("redis://h:70000", "65535");
	refused("redis://h:", "65535");
	refused("redis://h:06379", "65535");
	refused("redis://h/x", "database");
	refused("redis://h/1/2", "database");
	refused("redis://h/-1", "database");
	refused("redis://h/65536", "database");
	refused("redis://[::1", "[::1]");
	refused("redis://[::1]6379", "[::1]");
	refused("redis://[cafe]", "IPv6");
	refused("redis://h?db=1", "host");
	refused("redis://3\"0", "host");
	refused("redis://h\\i", "host");
	refused("redis://a b", "%-escape");
	refused("redis://h\n", "%-escape");
	refused("unix://run/redis.sock", "three slashes");
	refused("unix:///", "three slashes");
	refused("unix:///r?name=1", "db=");
	refused("unix:///r?db=", "database");
}

static void
refuses_a_bad_identity_and_never_shows_it(void **state)
{
	(void)state;
	refused("redis://s3cret@h", ":password@");
	refused("redis://:s3cret%2@h", "%25");
	refused("redis://:s3cret%zz@h", "%25");
	refused("redis://:s3cret%00@h", "%25");
	refused("redis://:s3cret@h:bad", "65535");
	refused("redis://:s3cret/x@h", "%2F");
}

static void
refuses_what_is_too_long(void **state)
{
	(void)state;
	char *url = xmalloc(2000);

	for (size_t len = 100; len < 1000; len += 450) {
		strcpy(url, "unix:///");
		memset(url + 8, 'x', len);
		url[8 + len] = '\0';
		if (len > 107)
			refused(url, "107 bytes");
		strcpy(url, "redis://:");
		memset(url + 9, 's', len);
		strcpy(url + 9 + len, "@h");
		if (len > REDIS_URL_SECRET_MAX)
			refused(url, "too long");
		else
			parsed(url);
	}
	free(url);
}

static void
is_shown_without_user_and_password(void **state)
{
	(void)state;
	char text[600];
	struct redis_url u = parsed("redis://ann:s3cret@h:1/2");
	assert_string_equal(
	    redis_url_format(&u, text, sizeof text), "redis://h:1/2");
	u = parsed("redis://[::1]");
	assert_string_equal(
	    redis_url_format(&u, text, sizeof text), "redis://[::1]:6379/0");
	u = parsed("unix://:s3cret@/r.sock");
	assert_string_equal(
	    redis_url_format(&u, text, sizeof text), "unix:///r.sock?db=0");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(reads_a_host_with_the_port_and_database_of_custom),
	    TEST(reads_port_and_database),
	    TEST(reads_an_ipv6_address_in_brackets),
	    TEST(reads_user_and_password),
	    TEST(a_password_alone_is_the_default_users),
	    TEST(percent_escapes_are_undone),
	    TEST(reads_a_unix_socket),
	    TEST(refuses_what_is_none_and_names_the_mend),
	    TEST(refuses_a_bad_identity_and_never_shows_it),
	    TEST(refuses_what_is_too_long),
	    TEST(is_shown_without_user_and_password),
	};
	return RUN(tests);
}
