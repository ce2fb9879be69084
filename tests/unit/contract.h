/* SPDX-License-Identifier: ISC */
#ifndef SNUG_TESTS_UNIT_CONTRACT_H
#define SNUG_TESTS_UNIT_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>

struct harness;

/*
 * A contract of the relay: a table of rules, each run on every back end that
 * can, on a fresh relay.
 */
struct rule {
	const char *name; /* a sentence */
	void (*test)(struct harness *h);
	unsigned nodes; /* of the relay; a back end may have but one */
	bool loses;     /* the relay is taken away: only where that can be */
};

/* clang-format off */
#define ONE(test) {#test, test, 1, false}
#define TWO(test) {#test, test, 2, false}
#define AWAY(test) {#test, test, 1, true}
#define CUT(test) {#test, test, 2, true}
/* clang-format on */

/* Gives main's exit status. */
int contract_run(const char *title, const struct rule *rules, size_t n);
#define RUN_CONTRACT(title, rules) \
	contract_run((title), (rules), ARRAY_LEN(rules))

#endif
