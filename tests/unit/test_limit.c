/* SPDX-License-Identifier: ISC */
/* server/limit.c: floods, and connections per address. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "server/limit.h"

/* --- floods --------------------------------------------------------------- */

static const struct flood_rule rule = {
    .burst = 20, .rate = 2, .delay_ms = 2000, .limit_ms = 30000};

enum { T0 = 1000000 };

static enum flood_verdict
take(struct flood *f, unsigned cost, uint64_t now_ms, uint64_t *wait_ms)
{
	*wait_ms = 0;
	return flood_take(f, &rule, cost, now_ms, wait_ms);
}

/* Spends what a fresh bucket has, at one moment. */
static void
spend(struct flood *f, unsigned tokens, uint64_t now_ms)
{
	uint64_t wait;

	for (unsigned i = 0; i < tokens; i++)
		assert_int_equal(take(f, 1, now_ms, &wait), FLOOD_GO);
}

static void
a_burst_passes_and_not_one_more(void **state)
{
	struct flood f = {0};
	uint64_t wait;

	(void)state;
	spend(&f, 20, T0);
	assert_int_equal(take(&f, 1, T0, &wait), FLOOD_WAIT);
}

static void
a_quiet_session_saves_no_more_than_the_burst(void **state)
{
	struct flood f = {0};
	uint64_t wait;

	(void)state;
	spend(&f, 5, T0);
	spend(&f, 20, T0 + 86400000);
	assert_int_equal(take(&f, 1, T0 + 86400000, &wait), FLOOD_WAIT);
}

static void
tokens_come_back_to_the_millisecond(void **state)
{
	struct flood f = {0};
	uint64_t wait;

	(void)state;
	spend(&f, 20, T0);
	assert_int_equal(take(&f, 1, T0 + 499, &wait), FLOOD_WAIT);
	assert_int_equal(wait, 1);
	assert_int_equal(take(&f, 1, T0 + 500, &wait), FLOOD_GO);
	assert_int_equal(take(&f, 1, T0 + 500, &wait), FLOOD_WAIT);
	assert_int_equal(wait, 500);
}

static void
many_small_refills_are_worth_one_large_one(void **state)
{
	struct flood one = {0}, many = {0};
	uint64_t wait_one, wait_many;

	(void)state;
	spend(&one, 20, T0);
	spend(&many, 20, T0);
	for (uint64_t ms = 1; ms <= 333; ms++)
		take(&many, 1, T0 + ms, &wait_many);
	take(&one, 1, T0 + 333, &wait_one);
	assert_int_equal(wait_many, wait_one);
	assert_int_equal(wait_many, 167);
}

static void
the_wait_is_enough_and_not_a_millisecond_more(void **state)
{
	static const struct flood_rule rules[] = {
	    {20, 2, 100000, 200000},
	    {7, 3, 100000, 200000}, /* a token is 333.3 ms */
	    {1, 999, 100000, 200000},
	    {5, 1000, 100000, 200000},
	    {5, 100000, 100000, 200000},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		for (unsigned cost = 1; cost <= 4; cost++) {
			struct flood f = {0}, early;
			uint64_t wait = 0, again = 0;
			enum flood_verdict v;

			do
				v = flood_take(&f, &rules[i], cost, T0, &wait);
			while (v == FLOOD_GO);
			assert_int_equal(v, FLOOD_WAIT);
			assert_true(wait > 0);
			early = f;
			assert_int_equal(flood_take(&early, &rules[i], cost,
					     T0 + wait - 1, &again),
			    FLOOD_WAIT);
			assert_int_equal(
			    flood_take(&f, &rules[i], cost, T0 + wait, &again),
			    FLOOD_GO);
		}
}

static void
waiting_takes_no_tokens(void **state)
{
	struct flood f = {0};
	uint64_t wait;

	(void)state;
	spend(&f, 19, T0);
	assert_int_equal(take(&f, 4, T0, &wait), FLOOD_WAIT);
	assert_int_equal(wait, 1500);
	assert_int_equal(take(&f, 1, T0, &wait), FLOOD_GO);
}

static void
a_flood_is_slowed_down_then_refused(void **state)
{
	struct flood f = {0};
	uint64_t wait;

	(void)state;
	spend(&f, 20, T0);
	assert_int_equal(take(&f, 1, T0, &wait), FLOOD_WAIT);
	spend(&f, 3, T0 + 1500);
	/* The end of the wait decides, not its beginning. */
	assert_int_equal(take(&f, 1, T0 + 1500, &wait), FLOOD_WAIT);
	assert_int_equal(wait, 500);
	assert_int_equal(take(&f, 1, T0 + 2000, &wait), FLOOD_GO);
	assert_int_equal(take(&f, 1, T0 + 2000, &wait), FLOOD_REFUSE);
	assert_int_equal(wait, 500);
	/* At the rate that is allowed all goes through, flood or not. */
	assert_int_equal(take(&f, 1, T0 + 2500, &wait), FLOOD_GO);
}

static void
what_would_have_to_wait_too_long_is_refused_at_once(void **state)
{
	struct flood f = {0};
	uint64_t wait;

	(void)state;
	spend(&f, 20, T0);
	assert_int_equal(take(&f, 5, T0, &wait), FLOOD_REFUSE);
	assert_int_equal(wait, 2500);
	assert_int_equal(take(&f, 4, T0, &wait), FLOOD_WAIT);
	assert_int_equal(wait, 2000);
}

static void
a_flood_of_the_limits_length_ends_the_session(void **state)
{
	struct flood f = {0};
	uint64_t wait;

	(void)state;
	spend(&f, 20, T0);
	assert_int_equal(take(&f, 1, T0, &wait), FLOOD_WAIT);
	for (uint64_t ms = 500; ms < 30000; ms += 500)
		assert_int_equal(take(&f, 1, T0 + ms, &wait), FLOOD_GO);
	assert_int_equal(take(&f, 1, T0 + 29999, &wait), FLOOD_REFUSE);
	/* Even then only what finds too few tokens. */
	assert_int_equal(take(&f, 1, T0 + 30000, &wait), FLOOD_GO);
	assert_int_equal(take(&f, 1, T0 + 30000, &wait), FLOOD_END);
}

static void
a_flood_is_over_when_half_of_the_burst_is_back(void **state)
{
	struct flood f = {0}, g;
	uint64_t wait;

	(void)state;
	spend(&f, 20, T0);
	assert_int_equal(take(&f, 1, T0, &wait), FLOOD_WAIT);
	g = f;
	/* A millisecond before ten tokens are back it goes on ... */
	assert_int_equal(take(&f, 9, T0 + 4999, &wait), FLOOD_GO);
	assert_int_equal(take(&f, 1, T0 + 4999, &wait), FLOOD_REFUSE);
	/* ... and then the next one begins anew, with its whole delay. */
	spend(&g, 10, T0 + 5000);
	assert_int_equal(take(&g, 1, T0 + 5000, &wait), FLOOD_WAIT);
	assert_int_equal(take(&g, 4, T0 + 5000, &wait), FLOOD_WAIT);
}

static void
what_costs_more_than_a_burst_takes_all_of_it(void **state)
{
	struct flood f = {0};
	uint64_t wait;

	(void)state;
	assert_int_equal(take(&f, 1000, T0, &wait), FLOOD_GO);
	assert_int_equal(take(&f, 1, T0, &wait), FLOOD_WAIT);
	assert_int_equal(take(&f, 1000, T0 + 9999, &wait), FLOOD_WAIT);
	assert_int_equal(wait, 1);
	assert_int_equal(take(&f, 1000, T0 + 10000, &wait), FLOOD_GO);
}

static void
what_costs_nothing_always_passes_and_changes_nothing(void **state)
{
	struct flood f = {0}, before;
	uint64_t wait;

	(void)state;
	spend(&f, 20, T0);
	before = f;
	assert_int_equal(take(&f, 0, T0 + 100, &wait), FLOOD_GO);
	assert_memory_equal(&f, &before, sizeof f);
}

static void
without_a_burst_there_is_no_limit(void **state)
{
	static const struct flood_rule off = {.limit_ms = 100};
	struct flood f = {0};
	uint64_t wait;

	(void)state;
	for (int i = 0; i < 10000; i++)
		assert_int_equal(
		    flood_take(&f, &off, 1000, T0, &wait), FLOOD_GO);
}

static void
what_a_wider_rule_allowed_is_no_debt_under_a_narrow_one(void **state)
{
	struct flood_rule wide = {.burst = 1000, .rate = 1, .limit_ms = 30000};
	struct flood f = {0};
	uint64_t wait;

	(void)state;
	for (int i = 0; i < 900; i++)
		assert_int_equal(flood_take(&f, &wide, 1, T0, &wait), FLOOD_GO);
	assert_int_equal(take(&f, 1, T0, &wait), FLOOD_WAIT);
	assert_int_equal(wait, 500);
	assert_int_equal(take(&f, 1, T0 + 500, &wait), FLOOD_GO);
}

static void
a_clock_far_ahead_fills_the_bucket_and_overflows_nothing(void **state)
{
	static const struct flood_rule largest = {1000000, 1000000, 0, 100};
	static const struct flood_rule slow = {1000000, 1, 0, INT64_MAX};
	struct flood f = {0}, g = {0};
	uint64_t wait = 0, days = UINT64_C(10) * 86400000;

	(void)state;
	assert_int_equal(flood_take(&f, &largest, 1000000, 1, &wait), FLOOD_GO);
	assert_int_equal(
	    flood_take(&f, &largest, 1000000, UINT64_MAX, &wait), FLOOD_GO);
	/* Not even a very large and slow one is filled too soon. */
	assert_int_equal(flood_take(&g, &slow, 1000000, T0, &wait), FLOOD_GO);
	assert_int_equal(
	    flood_take(&g, &slow, 1000000, T0 + days, &wait), FLOOD_REFUSE);
	assert_int_equal(wait, (1000000 - 864000) * UINT64_C(1000));
}

/* --- addresses ------------------------------------------------------------ */

static struct sockaddr_storage
address(const char *text)
{
	struct sockaddr_storage ss = {0};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = 1};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = 2};

	if (strncmp(text, "unix", 4) == 0)
		ss.ss_family = AF_UNIX;
	else if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		memcpy(&ss, &in, sizeof in);
	else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
		memcpy(&ss, &in6, sizeof in6);
	else
		ss.ss_family = AF_UNSPEC;
	return ss;
}

static bool
key_of(const char *text, struct addr_key *key)
{
	struct sockaddr_storage ss = address(text);

	struct ip ip;

	if (!ip_of((const struct sockaddr *)&ss, &ip))
		return false;
	*key = addr_key_of(&ip);
	return true;
}

static void
counts_an_ipv4_address_and_an_ipv6_64_as_one(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
	    {"192.0.2.1", "192.0.2.1", true},
	    {"192.0.2.1", "192.0.2.2", false},
	    {"192.0.2.1", "::ffff:192.0.2.1", true},
	    {"192.0.2.1", "::ffff:192.0.2.2", false},
	    {"2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", true},
	    {"2001:db8:0:1::1", "2001:db8:0:2::1", false},
	    {"::1", "::ffff:0:0", false},
	    {"0.0.0.0", "::", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr_key a, b;

		assert_true(key_of(rows[i].a, &a));
		assert_true(key_of(rows[i].b, &b));
		assert_int_equal(memcmp(&a, &b, sizeof a) == 0, rows[i].same);
	}
}

static void
a_unix_socket_has_no_address_to_count(void **state)
{
	struct addr_key key;

	(void)state;
	assert_false(key_of("unix", &key));
	assert_false(key_of("none", &key));
}

static void
counts_up_to_the_maximum_per_address(void **state)
{
	struct addr_counts *counts = addr_counts_new();
	struct addr_key a, b;

	(void)state;
	assert_true(key_of("192.0.2.1", &a));
	assert_true(key_of("2001:db8::1", &b));
	assert_true(addr_counts_add(counts, &a, 2));
	assert_true(addr_counts_add(counts, &a, 2));
	assert_false(addr_counts_add(counts, &a, 2));
	assert_true(addr_counts_add(counts, &b, 2));
	/* What was refused was not counted. */
	addr_counts_drop(counts, &a);
	assert_true(addr_counts_add(counts, &a, 2));
	assert_false(addr_counts_add(counts, &a, 2));
	addr_counts_free(counts);
}

static void
an_address_that_went_begins_anew(void **state)
{
	struct addr_counts *counts = addr_counts_new();
	struct addr_key a;

	(void)state;
	assert_true(key_of("192.0.2.1", &a));
	for (int i = 0; i < 3; i++) {
		assert_true(addr_counts_add(counts, &a, 1));
		assert_false(addr_counts_add(counts, &a, 1));
		addr_counts_drop(counts, &a);
	}
	/* One that is not counted may be dropped: nothing goes below zero. */
	addr_counts_drop(counts, &a);
	assert_true(addr_counts_add(counts, &a, 1));
	assert_false(addr_counts_add(counts, &a, 1));
	addr_counts_free(counts);
}

static void
freeing_no_counts_is_fine(void **state)
{
	(void)state;
	addr_counts_free(NULL);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(a_burst_passes_and_not_one_more),
	    TEST(a_quiet_session_saves_no_more_than_the_burst),
	    TEST(tokens_come_back_to_the_millisecond),
	    TEST(many_small_refills_are_worth_one_large_one),
	    TEST(the_wait_is_enough_and_not_a_millisecond_more),
	    TEST(waiting_takes_no_tokens),
	    TEST(a_flood_is_slowed_down_then_refused),
	    TEST(what_would_have_to_wait_too_long_is_refused_at_once),
	    TEST(a_flood_of_the_limits_length_ends_the_session),
	    TEST(a_flood_is_over_when_half_of_the_burst_is_back),
	    TEST(what_costs_more_than_a_burst_takes_all_of_it),
	    TEST(what_costs_nothing_always_passes_and_changes_nothing),
	    TEST(without_a_burst_there_is_no_limit),
	    TEST(what_a_wider_rule_allowed_is_no_debt_under_a_narrow_one),
	    TEST(a_clock_far_ahead_fills_the_bucket_and_overflows_nothing),
	    TEST(counts_an_ipv4_address_and_an_ipv6_64_as_one),
	    TEST(a_unix_socket_has_no_address_to_count),
	    TEST(counts_up_to_the_maximum_per_address),
	    TEST(an_address_that_went_begins_anew),
	    TEST(freeing_no_counts_is_fine),
	};

	return RUN(tests);
}
