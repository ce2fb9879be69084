/* SPDX-License-Identifier: ISC */
/* server/penalty.c: what failing costs an address. */
#include "tests/unit/unit.h"

#include <string.h>

#include "server/limit.h"
#include "server/penalty.h"

enum { T0 = 1000000 };

static const struct penalty_rule rule = {.from_ms = 15000, .most_ms = 600000};

static struct addr_key
key(unsigned n)
{
	struct addr_key k = {{0}};

	memcpy(k.bytes, &n, sizeof n);
	return k;
}

/* Fails until it is shut out; gives how often that took. */
static unsigned
fail_until_out(struct penalties *ps, const struct addr_key *k,
    enum penalty_kind kind, uint64_t now_ms)
{
	unsigned n = 1;

	while (!penalties_add(ps, k, kind, now_ms))
		assert_true(n++ < 1000);
	return n;
}

static void
who_has_not_failed_may_come_in(void **state)
{
	struct penalties *ps = penalties_new(&rule);
	struct addr_key a = key(1);

	(void)state;
	assert_int_equal(penalties_wait(ps, &a, T0), 0);
	assert_int_equal(penalties_count(ps, T0), 0);
	penalties_free(ps);
}

static void
a_few_failures_are_forgiven(void **state)
{
	struct penalties *ps = penalties_new(&rule);
	struct addr_key a = key(1);

	(void)state;
	assert_false(penalties_add(ps, &a, PENALTY_FRAME, T0));
	assert_false(penalties_add(ps, &a, PENALTY_FRAME, T0));
	assert_int_equal(penalties_wait(ps, &a, T0), 0);
	/* Once a minute for an hour, too. */
	for (uint64_t t = T0 + 60000; t < T0 + 3600000; t += 60000)
		assert_false(penalties_add(ps, &a, PENALTY_FRAME, t));
	penalties_free(ps);
}

static void
a_debt_shuts_out_until_all_of_it_is_paid(void **state)
{
	struct penalties *ps = penalties_new(&rule);
	struct addr_key a = key(1), b = key(2);

	(void)state;
	assert_int_equal(fail_until_out(ps, &a, PENALTY_FRAME, T0), 3);
	assert_int_equal(penalties_wait(ps, &a, T0), 15000);
	assert_int_equal(penalties_wait(ps, &b, T0), 0);
	assert_int_equal(penalties_count(ps, T0), 1);
	assert_int_equal(penalties_wait(ps, &a, T0 + 14999), 1);
	assert_int_equal(penalties_wait(ps, &a, T0 + 15000), 0);
	assert_int_equal(penalties_count(ps, T0 + 15000), 0);
	penalties_free(ps);
}

static void
it_costs_more_each_time_and_never_more_than_the_most(void **state)
{
	struct penalties *ps = penalties_new(&rule);
	struct addr_key a = key(1);
	uint64_t now = T0, last = 0;

	(void)state;
	for (int i = 0; i < 20; i++) {
		fail_until_out(ps, &a, PENALTY_FRAME, now);
		uint64_t wait = penalties_wait(ps, &a, now);

		assert_true(wait >= last && wait <= rule.most_ms);
		assert_true(i < 3 || wait == 2 * last || wait == rule.most_ms);
		last = wait;
		now += wait;
	}
	assert_int_equal(last, rule.most_ms);
	/* It is forgotten when it has been quiet for long. */
	now += rule.most_ms;
	assert_int_equal(fail_until_out(ps, &a, PENALTY_FRAME, now), 3);
	assert_int_equal(penalties_wait(ps, &a, now), 15000);
	penalties_free(ps);
}

static void
being_out_already_is_said_once(void **state)
{
	struct penalties *ps = penalties_new(&rule);
	struct addr_key a = key(1);

	(void)state;
	fail_until_out(ps, &a, PENALTY_FLOOD, T0);
	for (int i = 0; i < 100; i++)
		assert_false(penalties_add(ps, &a, PENALTY_FLOOD, T0));
	assert_int_equal(penalties_wait(ps, &a, T0), rule.most_ms);
	penalties_free(ps);
}

static void
without_a_rule_nobody_is_shut_out(void **state)
{
	static const struct penalty_rule off = {.from_ms = 0, .most_ms = 1000};
	struct penalties *ps = penalties_new(&off);
	struct addr_key a = key(1);

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_false(penalties_add(ps, &a, PENALTY_FLOOD, T0));
	assert_int_equal(penalties_wait(ps, &a, T0), 0);
	penalties_free(ps);
}

/* The table has its size when it is made: nothing here allocates, so there is
 * nothing that a hundred thousand could grow. */
static void
a_crowd_does_not_push_out_who_fails_most(void **state)
{
	struct penalties *ps = penalties_new(&rule);
	struct addr_key worst = key(0);

	(void)state;
	for (int i = 0; i < 40; i++)
		penalties_add(ps, &worst, PENALTY_FLOOD, T0);
	for (unsigned n = 1; n <= 100000; n++) {
		struct addr_key k = key(n);

		penalties_add(ps, &k, PENALTY_FLOOD, T0);
	}
	assert_int_equal(penalties_wait(ps, &worst, T0), rule.most_ms);
	assert_true(penalties_count(ps, T0) <= 8192);
	assert_true(penalties_count(ps, T0) > 4000);
	penalties_free(ps);
}

static void
every_kind_has_a_word_and_a_price(void **state)
{
	(void)state;
	for (int k = 0; k < PENALTY_COUNT; k++) {
		assert_true(penalty_ms((enum penalty_kind)k) > 0);
		assert_true(strlen(penalty_word((enum penalty_kind)k)) > 0);
		assert_true(strlen(penalty_meaning((enum penalty_kind)k)) > 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(who_has_not_failed_may_come_in),
	    TEST(a_few_failures_are_forgiven),
	    TEST(a_debt_shuts_out_until_all_of_it_is_paid),
	    TEST(it_costs_more_each_time_and_never_more_than_the_most),
	    TEST(being_out_already_is_said_once),
	    TEST(without_a_rule_nobody_is_shut_out),
	    TEST(a_crowd_does_not_push_out_who_fails_most),
	    TEST(every_kind_has_a_word_and_a_price),
	};

	return RUN(tests);
}
