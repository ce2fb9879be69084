/* SPDX-License-Identifier: ISC */
/* base/clock.c: the two clocks. */
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <time.h>

#include "base/clock.h"

static void
monotonic_time_never_goes_back_and_goes_on(void **state)
{
	uint64_t start = clock_now_us(), last = start;

	(void)state;

	/* However coarse the clock, it moves within this many looks. */
	for (int i = 0; i < 100000000 && last == start; i++) {
		uint64_t now = clock_now_us();
		assert_true(now >= last);
		last = now;
	}
	assert_true(last > start);
}

static void
milliseconds_are_a_thousandth(void **state)
{
	(void)state;

	uint64_t before = clock_now_us();
	uint64_t ms = clock_now_ms();
	uint64_t after = clock_now_us();

	assert_true(ms >= before / 1000 && ms <= after / 1000);
}

static void
wall_time_is_that_of_the_system(void **state)
{
	(void)state;

	time_t before = time(NULL);
	uint64_t ms = clock_wall_ms();
	time_t after = time(NULL);

	/* time() may lag by a tick behind the finer clock. */
	assert_true(ms / 1000 + 1 >= (uint64_t)before);
	assert_true(ms / 1000 <= (uint64_t)after + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(monotonic_time_never_goes_back_and_goes_on),
	    TEST(milliseconds_are_a_thousandth),
	    TEST(wall_time_is_that_of_the_system),
	};

	return RUN(tests);
}
