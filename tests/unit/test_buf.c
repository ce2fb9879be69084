/* SPDX-License-Identifier: ISC */
/* base/buf.c: a queue of bytes. */
#include "tests/unit/unit.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static void
assert_holds(const struct buf *b, const char *want)
{
	assert_int_equal(buf_len(b), strlen(want));
	assert_memory_equal(buf_head(b), want, strlen(want));
}

static void
all_zero_is_empty_and_owns_nothing(void **state)
{
	struct buf b = {0};

	(void)state;

	assert_int_equal(buf_len(&b), 0);
	buf_clear(&b);
	buf_truncate(&b, 0);
	buf_drain(&b, 0);
	assert_null(b.data);
	buf_free(&b);
}

static void
gives_bytes_back_in_order(void **state)
{
	struct buf b = {0};

	(void)state;

	buf_add(&b, "abc", 3);
	buf_add_str(&b, "def");
	buf_drain(&b, 2);
	buf_add(&b, "", 0);
	buf_add(&b, "g", 1);

	assert_holds(&b, "cdefg");
	buf_free(&b);
}

static void
adding_nothing_asks_for_no_memory(void **state)
{
	struct buf b = {0};

	(void)state;

	buf_add(&b, NULL, 0);

	assert_null(b.data);
}

static void
adds_a_u64_in_decimal(void **state)
{
	static const uint64_t values[] = {
	    0, 9, 10, 12345, UINT32_MAX, UINT64_MAX};

	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		struct buf b = {0};
		char want[32];
		snprintf(want, sizeof(want), "%" PRIu64, values[i]);
		buf_add_u64(&b, values[i]);
		assert_holds(&b, want);
		buf_free(&b);
	}
}

static void
formats_more_than_there_is_room_for(void **state)
{
	struct buf b = {0};
	char long_word[1001];

	(void)state;
	memset(long_word, 'x', 1000);
	long_word[1000] = '\0';

	buf_addf(&b, "%d-", 7);
	buf_addf(&b, "%s|", long_word);

	assert_int_equal(buf_len(&b), 1003);
	assert_memory_equal(buf_head(&b), "7-xxx", 5);
	assert_int_equal(buf_head(&b)[1002], '|');
	buf_free(&b);
}

static void
reserve_gives_exactly_what_is_asked_when_that_is_more_than_double(void **state)
{
	struct buf b = {0};

	(void)state;

	(void)!buf_reserve(&b, 16387);

	assert_int_equal(b.cap, 16387);
	buf_free(&b);
}

static void
truncate_keeps_the_beginning(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_add_str(&b, "abcdef");
	buf_drain(&b, 1);

	buf_truncate(&b, 2);

	assert_holds(&b, "bc");
	buf_free(&b);
}

static void
clear_keeps_the_memory_and_free_gives_it_back(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_add_str(&b, "abc");
	buf_drain(&b, 1);

	buf_clear(&b);
	assert_int_equal(buf_len(&b), 0);
	assert_non_null(b.data);
	buf_free(&b);
	assert_null(b.data);
	buf_add_str(&b, "again");
	assert_holds(&b, "again");
	buf_free(&b);
}

/* Against a plain array that is never drained: what is in the buffer is always
 * the tail of all that was added. */
static void
any_mixture_of_adding_and_draining_keeps_the_bytes(void **state)
{
	enum { STEPS = 20000 };
	struct buf b = {0};
	char *all = malloc(STEPS * 40);
	size_t added = 0, drained = 0;

	(void)state;
	assert_non_null(all);
	srand(7684);
	for (int i = 0; i < STEPS; i++) {
		size_t n = (size_t)(rand() % 40);
		for (size_t k = 0; k < n; k++)
			all[added + k] = (char)rand();
		buf_add(&b, all + added, n);
		added += n;
		size_t out = (size_t)(rand() % 41);
		out = out < buf_len(&b) ? out : buf_len(&b);
		buf_drain(&b, out);
		drained += out;
		assert_int_equal(buf_len(&b), added - drained);
		assert_memory_equal(
		    buf_head(&b), all + drained, added - drained);
	}
	/* Draining as much as comes in must not let it grow for ever. */
	assert_true(b.cap < 32 * 1024);
	free(all);
	buf_free(&b);
}

static void
a_secret_grows_by_doubling_and_keeps_its_bytes(void **state)
{
	struct buf b = {0};

	(void)state;
	for (size_t i = 0; i < 100000; i++) {
		size_t cap = b.cap;
		*buf_reserve_secret(&b, 1) = (char)('a' + i % 26);
		buf_added(&b, 1);
		/* Byte by byte is not copied byte by byte. */
		assert_true(b.cap == cap || b.cap >= 2 * cap);
	}
	for (size_t i = 0; i < 100000; i++)
		assert_int_equal(buf_head(&b)[i], 'a' + i % 26);
	buf_drain(&b, 99990);
	(void)!buf_reserve_secret(&b, b.cap);
	assert_int_equal(buf_len(&b), 10);
	assert_int_equal(buf_head(&b)[9], 'a' + 99999 % 26);
	buf_wipe(&b);
	assert_null(b.data);
	buf_wipe(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_secret_grows_by_doubling_and_keeps_its_bytes),
	    TEST(all_zero_is_empty_and_owns_nothing),
	    TEST(gives_bytes_back_in_order),
	    TEST(adding_nothing_asks_for_no_memory),
	    TEST(adds_a_u64_in_decimal),
	    TEST(formats_more_than_there_is_room_for),
	    TEST(
		reserve_gives_exactly_what_is_asked_when_that_is_more_than_double),
	    TEST(truncate_keeps_the_beginning),
	    TEST(clear_keeps_the_memory_and_free_gives_it_back),
	    TEST(any_mixture_of_adding_and_draining_keeps_the_bytes),
	};

	return RUN(tests);
}
