/* SPDX-License-Identifier: ISC */
/*
 * base/pool.c: memory that is given back is what is taken next.
 */
#include "base/pool.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

enum { SIZE = 48, MANY = 3000 };

static void
free_all(struct pool *p)
{
	while (p->n > 0)
		free(pool_take(p, SIZE));
}

static void
what_is_taken_is_nobody_elses(void **state)
{
	struct pool p = {0};
	unsigned char *all[MANY];

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < MANY; i++) {
			all[i] = pool_take(&p, SIZE);
			memset(all[i], i % 251, SIZE);
		}
		for (int i = 0; i < MANY; i++) {
			assert_int_equal(all[i][0], i % 251);
			assert_int_equal(all[i][SIZE - 1], i % 251);
			pool_give(&p, all[i]);
		}
	}
	free_all(&p);
	assert_null(p.spare);
}

static void
what_is_kept_is_bounded(void **state)
{
	struct pool p = {0};
	void *all[MANY];

	(void)state;
	for (int i = 0; i < MANY; i++)
		all[i] = pool_take(&p, SIZE);
	for (int i = 0; i < MANY; i++)
		pool_give(&p, all[i]);

	assert_true(p.n < MANY);
	free_all(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_taken_is_nobody_elses),
	    TEST(what_is_kept_is_bounded),
	};

	return RUN(tests);
}
