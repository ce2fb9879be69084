/* SPDX-License-Identifier: ISC */
#ifndef SNUG_TESTS_UNIT_UNIT_H
#define SNUG_TESTS_UNIT_UNIT_H

/* cmocka wants these before it, and in this order. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

/* A row of a table of tests: the function's name is the sentence. */
#define TEST(fn) cmocka_unit_test(fn)

/* Runs a table of tests and gives main's exit status. */
#define RUN(tests)                                 \
	(cmocka_set_message_output(CM_OUTPUT_TAP), \
	    cmocka_run_group_tests(tests, NULL, NULL))

#endif
