/* SPDX-License-Identifier: ISC */
/*
 * Spare memory of queues: who owns it when, and what is given back.
 */
#include "base/spares.h"

#include <stdlib.h>

#include "base/mem.h"
#include "tests/unit/unit.h"

static void
without_a_spare_nothing_is_lent(void **state)
{
	struct spares sp = {0};
	struct buf b = {0};

	(void)state;
	spares_lend(&sp, &b);
	assert_null(b.data);
	spares_take(&sp, &b); /* nothing to take */
	assert_int_equal(sp.n, 0);
	spares_free(&sp);
}

static void
memory_of_an_empty_queue_goes_to_the_next_one(void **state)
{
	struct spares sp = {0};
	struct buf a = {0}, b = {0};
	char *memory;

	(void)state;
	buf_add_str(&a, "said");
	memory = a.data;
	buf_drain(&a, 4);
	spares_take(&sp, &a);
	assert_null(a.data);

	spares_lend(&sp, &b);

	assert_ptr_equal(b.data, memory);
	assert_int_equal(buf_len(&b), 0);
	buf_add_str(&b, "again");
	assert_memory_equal(buf_head(&b), "again", 5);
	buf_free(&b);
	spares_free(&sp);
}

static void
a_queue_that_owns_memory_keeps_it(void **state)
{
	struct spares sp = {0};
	struct buf a = {0}, b = {0};

	(void)state;
	buf_add_str(&a, "x");
	buf_clear(&a);
	spares_take(&sp, &a);
	buf_add_str(&b, "waits");

	spares_lend(&sp, &b);

	assert_memory_equal(buf_head(&b), "waits", 5);
	assert_int_equal(sp.n, 1);
	buf_free(&b);
	spares_free(&sp);
}

static void
a_big_one_is_given_back(void **state)
{
	struct spares sp = {0};
	struct buf b = {0};

	(void)state;
	(void)!buf_reserve(&b, SPARES_BYTES + 1);

	spares_take(&sp, &b);

	assert_null(b.data);
	assert_int_equal(sp.n, 0);
	spares_free(&sp);
}

static void
fill(struct spares *sp, unsigned n)
{
	struct buf *all = xcalloc(n, sizeof *all);

	for (unsigned i = 0; i < n; i++) {
		spares_lend(sp, &all[i]);
		buf_add(&all[i], &i, sizeof i);
	}
	for (unsigned i = 0; i < n; i++) {
		buf_clear(&all[i]);
		spares_take(sp, &all[i]);
	}
	free(all);
}

static void
no_more_than_the_maximum_are_kept(void **state)
{
	struct spares sp = {0};

	(void)state;
	fill(&sp, SPARES_MAX + 10);

	assert_int_equal(sp.n, SPARES_MAX);
	spares_free(&sp);
}

static void
trimming_keeps_what_was_needed_since_the_last_time(void **state)
{
	struct spares sp = {0};

	(void)state;
	fill(&sp, 100);
	spares_trim(&sp);
	assert_int_equal(sp.n, 100);
	fill(&sp, 30);

	spares_trim(&sp);

	assert_int_equal(sp.n, 30);
	spares_trim(&sp);
	assert_int_equal(sp.n, 0);
	spares_free(&sp);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(without_a_spare_nothing_is_lent),
	    TEST(memory_of_an_empty_queue_goes_to_the_next_one),
	    TEST(a_queue_that_owns_memory_keeps_it),
	    TEST(a_big_one_is_given_back),
	    TEST(no_more_than_the_maximum_are_kept),
	    TEST(trimming_keeps_what_was_needed_since_the_last_time),
	};

	return RUN(tests);
}
