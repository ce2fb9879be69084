/* SPDX-License-Identifier: ISC */
#ifndef SNUG_TESTS_FUZZ_FUZZ_H
#define SNUG_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * A fuzz target is this function and nothing else.  libFuzzer drives it where
 * configure was told --enable-fuzzers; elsewhere replay.c gives it the kept
 * corpus.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold for every input; ends the program where it does not. */
#define MUST(condition)                                                     \
	do {                                                                \
		if (!(condition)) {                                         \
			fprintf(stderr, "%s:%d: must hold: %s\n", __FILE__, \
			    __LINE__, #condition);                          \
			abort();                                            \
		}                                                           \
	} while (0)

#endif
