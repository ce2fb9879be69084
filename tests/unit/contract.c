/* SPDX-License-Identifier: ISC */
/*
 * Runs the rules of a contract over all back ends.
 */
#include "tests/unit/contract.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/unit/relay_harness.h"
#include "tests/unit/unit.h"

static const struct backend *const backends[] = {
    &local_backend, &redis_backend};

struct run {
	const struct backend *backend;
	const struct rule *rule;
	struct harness *h;
	char name[128];
};

static int
setup(void **state)
{
	struct run *run = *state;

	run->h = harness_new(run->backend, run->rule->nodes);
	return 0;
}

static int
teardown(void **state)
{
	struct run *run = *state;

	harness_free(run->h);
	return 0;
}

static void
run_rule(void **state)
{
	struct run *run = *state;

	run->rule->test(run->h);
}

static bool
applies(const struct rule *rule, const struct backend *b)
{
	return rule->nodes <= b->nodes && (!rule->loses || b->lose);
}

/* All rules of one back end, then those of the next. */
static size_t
list(const struct rule *rules, size_t n, struct run *runs,
    struct CMUnitTest *tests)
{
	size_t found = 0;

	for (size_t i = 0; i < n * ARRAY_LEN(backends); i++) {
		const struct backend *b = backends[i / n];
		const struct rule *rule = &rules[i % n];
		struct run *run = &runs[found];

		if (!applies(rule, b))
			continue;
		*run = (struct run){.backend = b, .rule = rule};
		snprintf(
		    run->name, sizeof run->name, "%s_%s", b->name, rule->name);
		tests[found++] = (struct CMUnitTest){
		    run->name, run_rule, setup, teardown, run};
	}
	return found;
}

static bool
start(void)
{
	if (sodium_init() < 0)
		return false;
	for (size_t b = 0; b < ARRAY_LEN(backends); b++)
		if (backends[b]->start() != 0)
			return false;
	return true;
}

int
contract_run(const char *title, const struct rule *rules, size_t n)
{
	size_t most = n * ARRAY_LEN(backends);
	struct run *runs = xcalloc(most, sizeof *runs);
	struct CMUnitTest *tests = xcalloc(most, sizeof *tests);
	int failed = 99; /* a hard error for the test driver */

	if (start()) {
		cmocka_set_message_output(CM_OUTPUT_TAP);
		failed = _cmocka_run_group_tests(
		    title, tests, list(rules, n, runs, tests), NULL, NULL);
		for (size_t b = 0; b < ARRAY_LEN(backends); b++)
			backends[b]->stop();
	}
	free(tests);
	free(runs);
	return failed;
}
