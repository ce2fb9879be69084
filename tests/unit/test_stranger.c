/* SPDX-License-Identifier: ISC */
/* server/stranger.c: who has to go when too many wait. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/stranger.h"

static const struct stranger_rule rule = {.start = 10, .rate = 30, .full = 20};

static struct strangers *ss;
static struct stranger *dropped;

static void
drop(struct stranger *st)
{
	dropped = st;
	stranger_remove(ss, st);
}

static struct addr_key
key(unsigned n)
{
	struct addr_key k = {{0}};

	memcpy(k.bytes, &n, sizeof n);
	return k;
}

/* n strangers of as many addresses, from 1 on. */
static struct stranger *
crowd(size_t n)
{
	struct stranger *all = xcalloc(n + 1, sizeof *all);

	ss = strangers_new(&rule);
	dropped = NULL;
	for (size_t i = 0; i < n; i++) {
		struct addr_key k = key((unsigned)i + 1);

		stranger_add(ss, &all[i], &k, drop);
	}
	return all;
}

static bool
admit(unsigned who, uint32_t dice, uint32_t lot)
{
	struct addr_key k = key(who);

	return strangers_admit(ss, &k, (uint32_t[]){dice, lot});
}

static void
below_the_start_all_come_in(void **state)
{
	struct stranger *all = crowd(9);

	(void)state;
	assert_true(admit(1, 0, 0));
	assert_true(admit(99, 0, 0));
	assert_null(dropped);
	strangers_free(ss);
	free(all);
}

static void
the_odds_grow_from_rate_to_certainty(void **state)
{
	static const struct {
		size_t n;
		uint32_t odds;
	} rows[] = {{10, 30}, {11, 37}, {15, 65}, {19, 93}, {20, 100}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct stranger *all = crowd(rows[i].n);

		assert_false(admit(1, rows[i].odds - 1, 0));
		if (rows[i].odds < 100)
			assert_true(admit(1, rows[i].odds, 0));
		assert_null(dropped);
		strangers_free(ss);
		free(all);
	}
}

static void
who_is_alone_at_its_address_takes_the_place_of_another(void **state)
{
	(void)state;
	for (uint32_t lot = 0; lot < 40; lot++) {
		struct stranger *all = crowd(20);

		assert_true(admit(99, 0, lot));
		assert_ptr_equal(dropped, &all[lot % 20]);
		assert_int_equal(strangers_count(ss), 19);
		strangers_free(ss);
		free(all);
	}
}

static void
who_is_not_has_to_go_itself(void **state)
{
	struct stranger *all = crowd(20);

	(void)state;
	assert_false(admit(7, 0, 3));
	assert_null(dropped);
	/* When its first one is known, it is alone again. */
	stranger_remove(ss, &all[6]);
	assert_true(admit(7, 0, 3));
	strangers_free(ss);
	free(all);
}

static void
there_are_never_more_than_full(void **state)
{
	struct stranger *all = crowd(0), *more;
	size_t most = 0;

	(void)state;
	more = xcalloc(1000, sizeof *more);
	for (unsigned i = 0; i < 1000; i++) {
		struct addr_key k = key(i);

		if (strangers_admit(ss, &k, (uint32_t[]){i * 37, i}))
			stranger_add(ss, &more[i], &k, drop);
		if (strangers_count(ss) > most)
			most = strangers_count(ss);
	}
	assert_true(most > rule.start && most <= rule.full);
	strangers_free(ss);
	free(more);
	free(all);
}

static void
removing_twice_or_what_was_never_there_is_fine(void **state)
{
	struct stranger *all = crowd(3), never = {0};

	(void)state;
	stranger_remove(ss, &all[0]);
	stranger_remove(ss, &all[0]);
	stranger_remove(ss, &never);
	assert_int_equal(strangers_count(ss), 2);
	stranger_remove(ss, &all[2]);
	stranger_remove(ss, &all[1]);
	assert_int_equal(strangers_count(ss), 0);
	strangers_free(ss);
	strangers_free(NULL);
	free(all);
}

static void
without_a_start_there_is_no_limit(void **state)
{
	static const struct stranger_rule off = {0};
	struct stranger *all = xcalloc(100, sizeof *all);

	(void)state;
	ss = strangers_new(&off);
	for (unsigned i = 0; i < 100; i++) {
		struct addr_key k = key(1);

		assert_true(admit(1, 0, 0));
		stranger_add(ss, &all[i], &k, drop);
	}
	strangers_free(ss);
	free(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(below_the_start_all_come_in),
	    TEST(the_odds_grow_from_rate_to_certainty),
	    TEST(who_is_alone_at_its_address_takes_the_place_of_another),
	    TEST(who_is_not_has_to_go_itself),
	    TEST(there_are_never_more_than_full),
	    TEST(removing_twice_or_what_was_never_there_is_fine),
	    TEST(without_a_start_there_is_no_limit),
	};

	return RUN(tests);
}
