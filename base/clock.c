/* SPDX-License-Identifier: ISC */
/*
 * The two clocks.  Whoever runs an event loop reads them once per event and
 * passes the time on; what is below the loop never asks for it.
 */
#include "base/clock.h"

#include <assert.h>
#include <time.h>

static uint64_t
read_us(clockid_t id)
{
	struct timespec t;
	int r = clock_gettime(id, &t);

	assert(r == 0);
	(void)r;
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t
clock_now_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

uint64_t
clock_now_ms(void)
{
	return clock_now_us() / 1000;
}

uint64_t
clock_wall_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000;
}

uint64_t
clock_wall_coarse_ms(void)
{
	return read_us(CLOCK_REALTIME_COARSE) / 1000;
}
