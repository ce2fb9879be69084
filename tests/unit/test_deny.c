/* SPDX-License-Identifier: ISC */
/* server/deny.c: ranges that operators have closed out. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "server/deny.h"

enum { T0 = 1000000 };

static struct deny
deny(const char *range, uint64_t until_ms, const char *text)
{
	struct deny d = {.until_ms = until_ms};
	char cause[ERR_LEN];

	assert_int_equal(cidr_parse(span_of(range), &d.range, cause), 0);
	span_copy(d.text, sizeof d.text, span_of(text));
	return d;
}

static bool
add(struct denies *ds, const char *range, uint64_t until_ms, const char *text)
{
	struct deny d = deny(range, until_ms, text);

	return denies_set(ds, &d, T0);
}

static const struct deny *
look(const struct denies *ds, const char *address, uint64_t wall_ms)
{
	struct deny d = deny(address, 0, "");

	return denies_find(ds, &d.range.first, wall_ms);
}

static void
closes_out_what_is_in_a_range(void **state)
{
	struct denies ds = {0};

	(void)state;
	assert_null(look(&ds, "192.0.2.1", T0));
	assert_true(add(&ds, "192.0.2.0/24", 0, "go away"));
	assert_true(add(&ds, "2001:db8::/32", 0, ""));
	assert_string_equal(look(&ds, "192.0.2.1", T0)->text, "go away");
	assert_non_null(look(&ds, "2001:db8::1", T0));
	assert_null(look(&ds, "192.0.3.1", T0));
	denies_free(&ds);
}

static void
a_range_that_is_named_again_is_the_same_one(void **state)
{
	struct denies ds = {0};

	(void)state;
	assert_true(add(&ds, "192.0.2.0/24", 0, "one"));
	assert_true(add(&ds, "192.0.2.9/24", T0 + 5, "two"));
	assert_int_equal(ds.n, 1);
	assert_string_equal(look(&ds, "192.0.2.1", T0)->text, "two");
	denies_free(&ds);
}

static void
ends_at_its_time(void **state)
{
	struct denies ds = {0};

	(void)state;
	assert_true(add(&ds, "192.0.2.0/24", T0 + 100, ""));
	assert_non_null(look(&ds, "192.0.2.1", T0 + 99));
	assert_null(look(&ds, "192.0.2.1", T0 + 100));
	denies_free(&ds);
}

static void
allow_takes_back_that_very_range(void **state)
{
	struct denies ds = {0};
	struct deny wide = deny("192.0.0.0/16", 0, ""),
		    narrow = deny("192.0.2.0/24", 0, "");

	(void)state;
	assert_true(add(&ds, "192.0.0.0/16", 0, ""));
	assert_true(add(&ds, "192.0.2.0/24", 0, ""));
	assert_true(denies_remove(&ds, &narrow.range));
	assert_false(denies_remove(&ds, &narrow.range));
	assert_non_null(look(&ds, "192.0.2.1", T0));
	assert_true(denies_remove(&ds, &wide.range));
	assert_null(look(&ds, "192.0.2.1", T0));
	denies_free(&ds);
}

static void
there_are_so_many_and_those_that_ended_make_room(void **state)
{
	struct denies ds = {0};
	char range[32];

	(void)state;
	for (int i = 0; i < DENY_MAX; i++) {
		snprintf(
		    range, sizeof range, "10.%d.%d.0/24", i / 256, i % 256);
		assert_true(add(&ds, range, i == 500 ? T0 + 1 : 0, ""));
	}
	assert_false(add(&ds, "192.0.2.0/24", 0, ""));
	struct deny d = deny("192.0.2.0/24", 0, "");
	assert_true(denies_set(&ds, &d, T0 + 1));
	assert_non_null(look(&ds, "192.0.2.1", T0));
	denies_free(&ds);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(closes_out_what_is_in_a_range),
	    TEST(a_range_that_is_named_again_is_the_same_one),
	    TEST(ends_at_its_time),
	    TEST(allow_takes_back_that_very_range),
	    TEST(there_are_so_many_and_those_that_ended_make_room),
	};

	return RUN(tests);
}
