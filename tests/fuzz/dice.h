/* SPDX-License-Identifier: ISC */
#ifndef SNUG_TESTS_FUZZ_DICE_H
#define SNUG_TESTS_FUZZ_DICE_H

#include <sodium.h>
#include <string.h>

/*
 * For targets that make keys: the same "random" bytes in every run, so that an
 * input does the same again.  dice_throw() at the beginning of each input.
 */
static uint64_t dice_thrown;

static const char *
dice_name(void)
{
	return "dice";
}

static void
dice_buf(void *buf, size_t len)
{
	uint8_t seed[randombytes_SEEDBYTES] = {0};

	memcpy(seed, &dice_thrown, sizeof(dice_thrown));
	dice_thrown++;
	randombytes_buf_deterministic(buf, len, seed);
}

static uint32_t
dice_random(void)
{
	uint32_t v;

	dice_buf(&v, sizeof(v));
	return v;
}

static inline void
dice_throw(void)
{
	static randombytes_implementation dice = {
	    .implementation_name = dice_name,
	    .random = dice_random,
	    .buf = dice_buf,
	};
	static int started;

	dice_thrown = 0;
	if (started)
		return;
	randombytes_set_implementation(&dice);
	if (sodium_init() < 0)
		abort();
	started = 1;
}

#endif
