/* SPDX-License-Identifier: ISC */
/* server/index.c: items by a key that lies in them. */
#include "server/index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

enum { MANY = 3000 };

struct item {
	char key[24];
	bool in, met;
};

static struct item all[MANY];

static struct span
key_of(const void *item)
{
	return span_of(((const struct item *)item)->key);
}

static void
name_all(void)
{
	memset(all, 0, sizeof all);
	for (int i = 0; i < MANY; i++)
		snprintf(all[i].key, sizeof all[i].key, "item-%d", i);
}

static void
an_empty_one_owns_nothing_and_finds_nothing(void **state)
{
	struct index ix = INDEX_BY(key_of);
	uint32_t at = 0;

	(void)state;
	assert_null(index_find(&ix, SPAN("item-1")));
	assert_null(index_next(&ix, &at));
	assert_null(ix.items);
	index_fini(&ix);
}

static void
finds_what_was_added_and_nothing_else(void **state)
{
	struct index ix = INDEX_BY(key_of);

	(void)state;
	name_all();
	index_add(&ix, &all[1]);
	index_add(&ix, &all[2]);

	assert_ptr_equal(index_find(&ix, SPAN("item-1")), &all[1]);
	assert_ptr_equal(index_find(&ix, SPAN("item-2")), &all[2]);
	assert_null(index_find(&ix, SPAN("item-3")));
	assert_null(index_find(&ix, SPAN("item-")));
	assert_null(index_find(&ix, SPAN("item-11")));
	index_fini(&ix);
}

static void
keys_may_hold_any_bytes(void **state)
{
	struct index ix = INDEX_BY(key_of);

	(void)state;
	name_all();
	index_add(&ix, &all[1]);

	assert_null(index_find(&ix, (struct span){"item-1\0x", 8}));
	index_fini(&ix);
}

static void
what_was_dropped_is_gone_and_can_come_again(void **state)
{
	struct index ix = INDEX_BY(key_of);

	(void)state;
	name_all();
	index_add(&ix, &all[1]);
	index_drop(&ix, &all[1]);
	assert_null(index_find(&ix, SPAN("item-1")));
	assert_int_equal(ix.n, 0);

	index_add(&ix, &all[1]);

	assert_ptr_equal(index_find(&ix, SPAN("item-1")), &all[1]);
	index_fini(&ix);
}

static void
the_last_one_takes_the_memory_along(void **state)
{
	struct index ix = INDEX_BY(key_of);

	(void)state;
	name_all();
	index_add(&ix, &all[1]);
	assert_non_null(ix.items);

	index_drop(&ix, &all[1]);

	assert_null(ix.items);
}

static void
a_walk_meets_each_once(void **state)
{
	struct index ix = INDEX_BY(key_of);
	struct item *it;
	uint32_t at = 0;
	int n = 0;

	(void)state;
	name_all();
	for (int i = 0; i < MANY; i++)
		index_add(&ix, &all[i]);

	while ((it = index_next(&ix, &at))) {
		assert_false(it->met);
		it->met = true;
		n++;
	}
	assert_int_equal(n, MANY);
	index_fini(&ix);
}

/* It is asked for few bytes: that is what it is for. */
static void
stays_small_when_many_came_and_when_they_went(void **state)
{
	struct index ix = INDEX_BY(key_of);

	(void)state;
	name_all();
	for (int i = 0; i < MANY; i++)
		index_add(&ix, &all[i]);
	assert_true(ix.cap <= 2 * MANY * 8 / 7);

	for (int i = 10; i < MANY; i++)
		index_drop(&ix, &all[i]);
	assert_true(ix.cap <= 128);
	for (int i = 0; i < 10; i++)
		assert_ptr_equal(index_find(&ix, key_of(&all[i])), &all[i]);
	index_fini(&ix);
}

/* Against a flag in each item. */
static void
any_mixture_of_adding_and_dropping_finds_the_same(void **state)
{
	enum { STEPS = 200000, SOME = 200 };
	struct index ix = INDEX_BY(key_of);
	uint32_t n = 0;

	(void)state;
	name_all();
	srand(7684);
	for (int step = 0; step < STEPS; step++) {
		struct item *it = &all[rand() % SOME];

		assert_ptr_equal(
		    index_find(&ix, key_of(it)), it->in ? it : NULL);
		if (it->in)
			index_drop(&ix, it);
		else
			index_add(&ix, it);
		it->in = !it->in;
		n += it->in ? 1 : (uint32_t)-1;
		assert_int_equal(ix.n, n);
	}
	for (int i = 0; i < SOME; i++)
		assert_ptr_equal(index_find(&ix, key_of(&all[i])),
		    all[i].in ? &all[i] : NULL);
	index_fini(&ix);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_empty_one_owns_nothing_and_finds_nothing),
	    TEST(finds_what_was_added_and_nothing_else),
	    TEST(keys_may_hold_any_bytes),
	    TEST(what_was_dropped_is_gone_and_can_come_again),
	    TEST(the_last_one_takes_the_memory_along),
	    TEST(a_walk_meets_each_once),
	    TEST(stays_small_when_many_came_and_when_they_went),
	    TEST(any_mixture_of_adding_and_dropping_finds_the_same),
	};

	return RUN(tests);
}
