/* SPDX-License-Identifier: ISC */
/* client/ask.c: answers typed where the input is. */
#include "tests/unit/unit.h"

#include <locale.h>
#include <string.h>

#include "client/ask.h"
#include "client/keymap.h"

static enum ask_step
press(struct ask_line *a, const char *keys)
{
	enum ask_step step = ASK_MORE;
	for (; *keys; keys++)
		step = ask_key(a, (unsigned char)*keys);
	return step;
}

static void
takes_a_line(void **state)
{
	struct ask_line a = {0};

	(void)state;
	assert_false(ask_is_open(&a));
	ask_begin(&a, "Well?", false);
	assert_true(ask_is_open(&a));
	assert_int_equal(press(&a, "ye"), ASK_MORE);
	assert_int_equal(ask_key(&a, 0xe9), ASK_MORE);
	assert_int_equal(ask_key(&a, K_BACKSPACE), ASK_MORE);
	assert_int_equal(press(&a, "s\r"), ASK_ANSWERED);
	assert_string_equal(a.text, "yes");
	ask_end(&a);
	assert_false(ask_is_open(&a));
}

static void
leaves_nothing_behind(void **state)
{
	static const char nothing[ASK_ANSWER_MAX + 1];
	struct ask_line a = {0};

	(void)state;
	ask_begin(&a, "Password:", true);
	press(&a, "secret");
	ask_key(&a, K_CTRL('u'));
	assert_memory_equal(a.text, nothing, sizeof(nothing));
	press(&a, "secret");
	for (int i = 0; i < 7; i++)
		ask_key(&a, K_BACKSPACE);
	assert_memory_equal(a.text, nothing, sizeof(nothing));
	press(&a, "secret");
	ask_end(&a);
	assert_memory_equal(a.text, nothing, sizeof(nothing));
}

static void
is_cancelled_by_the_keys_for_that(void **state)
{
	static const uint32_t keys[] = {K_ESC, K_CTRL('c'), K_CTRL('d')};
	struct ask_line a = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		ask_begin(&a, "Well?", false);
		press(&a, "yes");
		assert_int_equal(ask_key(&a, keys[i]), ASK_CANCELLED);
		ask_end(&a);
	}
}

static void
takes_no_more_than_there_is_room_for(void **state)
{
	char much[ASK_ANSWER_MAX + 2];
	struct ask_line a = {0};

	(void)state;
	memset(much, 'x', sizeof(much));
	ask_begin(&a, "Password:", true);
	ask_paste(&a, (struct span){much, ASK_ANSWER_MAX + 1});
	assert_int_equal(a.len, 0);
	ask_paste(&a, (struct span){much, ASK_ANSWER_MAX});
	assert_int_equal(a.len, ASK_ANSWER_MAX);
	press(&a, "y");
	assert_int_equal(a.len, ASK_ANSWER_MAX);
	assert_int_equal(a.text[ASK_ANSWER_MAX], '\0');
	ask_end(&a);
}

static void
takes_a_paste_of_one_line_only(void **state)
{
	struct ask_line a = {0};

	(void)state;
	ask_begin(&a, "Password:", true);
	ask_paste(&a, SPAN("two\nlines"));
	assert_string_equal(a.text, "");
	ask_paste(&a, SPAN("\033[2J"));
	assert_string_equal(a.text, "");
	ask_paste(&a, SPAN("one line\n"));
	assert_string_equal(a.text, "one line");
	ask_end(&a);
}

static void
ignores_keys_that_are_no_characters(void **state)
{
	static const uint32_t keys[] = {
	    K_UP, K_PGUP, K_F7, K_RESIZE, K_ALT | 'a', K_CTRL('k'), 0x9b};
	struct ask_line a = {0};

	(void)state;
	ask_begin(&a, "Well?", false);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		assert_int_equal(ask_key(&a, keys[i]), ASK_MORE);
	assert_string_equal(a.text, "");
	ask_end(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(takes_a_line),
	    TEST(leaves_nothing_behind),
	    TEST(is_cancelled_by_the_keys_for_that),
	    TEST(takes_no_more_than_there_is_room_for),
	    TEST(takes_a_paste_of_one_line_only),
	    TEST(ignores_keys_that_are_no_characters),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return RUN(tests);
}
