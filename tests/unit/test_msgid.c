/* SPDX-License-Identifier: ISC */
/* proto/msgid.c: message ids as text. */
#include "tests/unit/unit.h"

#include <string.h>

#include "proto/msgid.h"

static const struct {
	const char *text;
	struct msgid id;
} good[] = {
    {"0-0", {0, 0}},
    {"1732371234567-0", {1732371234567, 0}},
    {"1-10", {1, 10}},
    {"18446744073709551615-18446744073709551615", {UINT64_MAX, UINT64_MAX}},
};

static void
reads_and_writes_two_decimals(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct msgid id;
		char text[MSGID_LEN_MAX + 1];

		assert_true(msgid_parse(span_of(good[i].text), &id));
		assert_int_equal(msgid_cmp(id, good[i].id), 0);
		assert_int_equal(msgid_format(id, text), strlen(good[i].text));
		assert_string_equal(text, good[i].text);
	}
}

static void
refuses_anything_else_and_leaves_the_id_alone(void **state)
{
	static const char *const bad[] = {"", "-", "1", "1-", "-1", "01-1",
	    "1-01", "00-0", "1--1", "1-1-1", "+1-1", "1 -1", "1-1 ", " 1-1",
	    "a-1", "1-0x1", "18446744073709551616-0", "0-18446744073709551616",
	    "99999999999999999999999-0"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct msgid id = {7, 8};
		assert_false(msgid_parse(span_of(bad[i]), &id));
		assert_int_equal(id.ms, 7);
		assert_int_equal(id.seq, 8);
	}
}

static void
compares_as_two_numbers_not_as_text(void **state)
{
	(void)state;

	assert_true(msgid_cmp((struct msgid){9, 0}, (struct msgid){10, 0}) < 0);
	assert_true(msgid_cmp((struct msgid){1, 10}, (struct msgid){1, 9}) > 0);
	assert_true(msgid_cmp((struct msgid){2, 0}, (struct msgid){1, 9}) > 0);
	assert_true(
	    msgid_cmp((struct msgid){0, 0}, (struct msgid){UINT64_MAX, 0}) < 0);
}

static void
only_zero_is_before_everything(void **state)
{
	(void)state;

	assert_true(msgid_is_zero((struct msgid){0, 0}));
	assert_false(msgid_is_zero((struct msgid){0, 1}));
	assert_false(msgid_is_zero((struct msgid){1, 0}));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(reads_and_writes_two_decimals),
	    TEST(refuses_anything_else_and_leaves_the_id_alone),
	    TEST(compares_as_two_numbers_not_as_text),
	    TEST(only_zero_is_before_everything),
	};

	return RUN(tests);
}
