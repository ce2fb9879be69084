/* SPDX-License-Identifier: ISC */
/*
 * server/relay.c's conversations and server/table.c's hash.
 */
#include <string.h>

#include "server/relay.h"
#include "server/table.h"
#include "tests/unit/unit.h"

#define ALICE "g00000000000000000000000000000a11"
#define BOB "g00000000000000000000000000000b0b"

static void
a_room_is_known_by_its_fold(void **state)
{
	(void)state;
	struct conv c;

	conv_room(&c, "lobby");

	assert_int_equal(c.kind, CONV_ROOM);
	assert_string_equal(c.key, "lobby");
}

static void
the_longest_room_name_fits(void **state)
{
	(void)state;
	char fold[NAME_BYTES_MAX + 1];
	memset(fold, 'x', NAME_BYTES_MAX);
	fold[NAME_BYTES_MAX] = '\0';
	struct conv c;

	conv_room(&c, fold);

	assert_string_equal(c.key, fold);
}

static void
a_pair_is_the_same_in_either_order(void **state)
{
	(void)state;
	struct conv ab, ba;

	conv_pair(&ab, ALICE, BOB);
	conv_pair(&ba, BOB, ALICE);

	assert_int_equal(ab.kind, CONV_PAIR);
	assert_string_equal(ab.key, ALICE ":" BOB);
	assert_string_equal(ba.key, ab.key);
}

static void
each_of_a_pair_finds_the_other(void **state)
{
	(void)state;
	struct conv c;

	conv_pair(&c, ALICE, BOB);

	assert_true(span_is(conv_peer(&c, ALICE), BOB));
	assert_true(span_is(conv_peer(&c, BOB), ALICE));
}

static void
notes_to_self_are_with_oneself(void **state)
{
	(void)state;
	struct conv c;

	conv_pair(&c, ALICE, ALICE);

	assert_string_equal(c.key, ALICE ":" ALICE);
	assert_true(span_is(conv_peer(&c, ALICE), ALICE));
}

static void
freeing_no_relay_is_fine(void **state)
{
	(void)state;
	relay_free(NULL);
}

static void
a_hash_is_the_keys_alone(void **state)
{
	(void)state;
	const char a[] = "lobby", b[] = "xlobby";

	assert_int_equal(table_hash(a, 5), table_hash(b + 1, 5));
}

/* 64 names under a keyed hash of 32 bits: a collision is a fault of ours. */
static void
hashes_of_like_names_differ(void **state)
{
	(void)state;
	unsigned seen[64];

	for (unsigned char i = 0; i < ARRAY_LEN(seen); i++) {
		unsigned char name[] = {'r', (unsigned char)('0' + i)};
		seen[i] = table_hash(name, sizeof name);
		for (unsigned char j = 0; j < i; j++)
			assert_int_not_equal(seen[i], seen[j]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_room_is_known_by_its_fold),
	    TEST(the_longest_room_name_fits),
	    TEST(a_pair_is_the_same_in_either_order),
	    TEST(each_of_a_pair_finds_the_other),
	    TEST(notes_to_self_are_with_oneself),
	    TEST(freeing_no_relay_is_fine),
	    TEST(a_hash_is_the_keys_alone),
	    TEST(hashes_of_like_names_differ),
	};
	return RUN(tests);
}
