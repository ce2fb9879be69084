/* SPDX-License-Identifier: ISC */
/* proto/codes.c: the protocol's machine words. */
#include "tests/unit/unit.h"

#include <string.h>

#include "proto/codes.h"

static void
assert_is_word(const char *word)
{
	assert_true(strlen(word) > 0);
	assert_int_equal(
	    strspn(word, "abcdefghijklmnopqrstuvwxyz-"), strlen(word));
}

static void
every_code_is_a_word_that_finds_it_again(void **state)
{
	(void)state;
	for (int i = 0; i < ERR_COUNT; i++) {
		assert_is_word(proto_error_word((enum proto_error)i));
		assert_int_equal(
		    proto_error_find(proto_error_word((enum proto_error)i)), i);
	}
	for (int i = 0; i < BYE_COUNT; i++) {
		assert_is_word(proto_bye_word((enum proto_bye)i));
		assert_int_equal(
		    proto_bye_find(proto_bye_word((enum proto_bye)i)), i);
	}
	for (int i = 0; i < NOTICE_COUNT; i++)
		assert_is_word(proto_notice_word((enum proto_notice)i));
}

static void
every_code_has_a_meaning_for_people(void **state)
{
	(void)state;
	for (int i = 0; i < ERR_COUNT; i++)
		assert_true(
		    strlen(proto_error_meaning((enum proto_error)i)) > 5);
	for (int i = 0; i < BYE_COUNT; i++)
		assert_true(strlen(proto_bye_meaning((enum proto_bye)i)) > 5);
	for (int i = 0; i < NOTICE_COUNT; i++)
		assert_true(
		    strlen(proto_notice_meaning((enum proto_notice)i)) > 5);
}

static void
a_word_that_is_none_is_not_found(void **state)
{
	(void)state;

	assert_int_equal(proto_error_find("quit"), -1);
	assert_int_equal(proto_error_find("BANNED"), -1);
	assert_int_equal(proto_error_find(""), -1);
	assert_int_equal(proto_bye_find("bad-text"), -1);
	assert_int_equal(proto_bye_find("bann"), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(every_code_is_a_word_that_finds_it_again),
	    TEST(every_code_has_a_meaning_for_people),
	    TEST(a_word_that_is_none_is_not_found),
	};

	return RUN(tests);
}
