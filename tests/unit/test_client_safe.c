/* SPDX-License-Identifier: ISC */
/* The sanitiser: what it lets through, what it shows instead, and that no
 * code point breaks its promises. */
#include "tests/unit/unit.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "client/safe.h"
#include "tests/unit/sound.h"

static void
assert_shows(const char *raw, const char *shown, bool odd)
{
	struct safe s = safe_str(raw);

	assert_string_equal(s.utf8, shown);
	assert_int_equal(s.odd, odd);
	safe_free(&s);
}

static void
copies_printable_ascii(void **state)
{
	(void)state;
	assert_shows("hello, world: <a|b> ~", "hello, world: <a|b> ~", false);
	assert_shows("", "", false);
}

static void
shows_controls_as_pictures(void **state)
{
	(void)state;
	assert_shows("a\033[31mb", "a␛[31mb", true);
	assert_shows("\a\b\r\n", "␇␈␍␊", true);
	assert_shows("x\x7fy", "x␡y", true);
	assert_shows("\302\233m", "<9B>m", true);
}

static void
widens_tabs(void **state)
{
	(void)state;
	assert_shows("a\tb", "a    b", false);
}

static void
drops_what_reorders_or_hides_text(void **state)
{
	(void)state;
	assert_shows("a\342\200\256b\342\200\254", "ab", true);
	assert_shows("a\342\201\246b\342\201\251", "ab", true);
	assert_shows("pay\342\200\213pal", "paypal", true);
	assert_shows("\357\273\277x", "x", true);
	assert_shows("so\302\255ft", "soft", true);
	assert_shows("x\363\240\201\201", "x", true);
}

static void
replaces_what_has_no_width(void **state)
{
	(void)state;
	assert_shows("\356\202\260", "\357\277\275", true); /* Powerline */
	assert_shows("\364\217\277\275", "\357\277\275", true);
	assert_shows("\315\270", "\357\277\275", true); /* unassigned */
}

static void
replaces_each_maximal_part_of_bad_utf8_once(void **state)
{
	(void)state;
	assert_shows("a\377b", "a\357\277\275b", true);
	assert_shows("\342\202x", "\357\277\275x", true);
	assert_shows("\300\257", "\357\277\275\357\277\275", true);
	assert_shows(
	    "\355\240\200", "\357\277\275\357\277\275\357\277\275", true);
	assert_shows("\360\220\215", "\357\277\275", true);
}

static void
keeps_three_marks_and_no_more(void **state)
{
	(void)state;
	assert_shows("a\314\201\314\202\314\203\314\204\314\205b",
	    "a\314\201\314\202\314\203b", true);
	assert_shows("e\314\201", "e\314\201", false);
}

static void
gives_a_mark_without_a_base_a_circle(void **state)
{
	(void)state;
	assert_shows("\314\201x", "\342\227\214\314\201x", true);
}

static void
shows_emoji_as_their_visible_parts(void **state)
{
	(void)state;
	/* woman ZWJ laptop; thumb with a skin tone; heart VS16 */
	assert_shows("\360\237\221\251\342\200\215\360\237\222\273",
	    "\360\237\221\251\360\237\222\273", false);
	assert_shows(
	    "\360\237\221\215\360\237\217\275", "\360\237\221\215", false);
	assert_shows("\342\235\244\357\270\217", "\342\235\244", false);
}

static void
keeps_flags_whole_or_not_at_all(void **state)
{
	(void)state;
	assert_shows("\360\237\207\251\360\237\207\252",
	    "\360\237\207\251\360\237\207\252", false);
	assert_shows("\360\237\207\251x", "\357\277\275x", true);
}

static void
breaks_lines_only_where_asked_and_not_for_ever(void **state)
{
	struct buf many = {0};

	(void)state;
	assert_shows("a\342\200\250b", "a b", false);
	for (int i = 0; i < 200; i++)
		buf_add(&many, "\342\200\250", 3);
	struct safe s = safe_new(
	    (struct span){buf_head(&many), buf_len(&many)}, SAFE_LINES);
	size_t breaks = 0;
	for (size_t i = 0; i < s.len; i++)
		breaks += s.utf8[i] == '\n';
	assert_int_equal(breaks, SAFE_BREAKS_MAX);
	safe_free(&s);
	buf_free(&many);
}

static void
gives_cells_with_their_marks(void **state)
{
	struct safe s = safe_str("e\314\201\346\227\245");
	struct cell cell;
	size_t n = safe_cell(&s, 0, &cell);

	(void)state;
	assert_int_equal(n, 3);
	assert_int_equal(cell.width, 1);
	assert_int_equal(cell.ch[1], 0x301);
	assert_int_equal(safe_cell(&s, n, &cell), 3);
	assert_int_equal(cell.width, 2);
	assert_int_equal(safe_cell(&s, s.len, &cell), 0);
	safe_free(&s);
}

static void
keeps_its_promises_for_every_code_point(void **state)
{
	char id[16];

	(void)state;
	for (uint32_t cp = 1; cp < 0x110000; cp++) {
		char raw[8] = {'a', (char)(0xf0 | cp >> 18),
		    (char)(0x80 | (cp >> 12 & 0x3f)),
		    (char)(0x80 | (cp >> 6 & 0x3f)), (char)(0x80 | (cp & 0x3f)),
		    'b'};
		size_t from = 0;
		if (cp < 0x10000) {
			raw[1] = (char)(cp < 0x800 ? 0xc0 | cp >> 6
						   : 0xe0 | cp >> 12);
			raw[2] = (char)(0x80 | (cp < 0x800 ? cp & 0x3f
							   : cp >> 6 & 0x3f));
			raw[3] = (char)(cp < 0x800 ? 'b' : 0x80 | (cp & 0x3f));
			raw[4] = 'b';
		}
		if (cp < 0x80) {
			raw[1] = (char)cp;
			raw[2] = 'b';
		}
		snprintf(id, sizeof(id), "U+%04X", (unsigned)cp);
		assert_sound(id, (struct span){raw + from, 6}, SAFE_LINES);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(copies_printable_ascii),
	    TEST(shows_controls_as_pictures),
	    TEST(widens_tabs),
	    TEST(drops_what_reorders_or_hides_text),
	    TEST(replaces_what_has_no_width),
	    TEST(replaces_each_maximal_part_of_bad_utf8_once),
	    TEST(keeps_three_marks_and_no_more),
	    TEST(gives_a_mark_without_a_base_a_circle),
	    TEST(shows_emoji_as_their_visible_parts),
	    TEST(keeps_flags_whole_or_not_at_all),
	    TEST(breaks_lines_only_where_asked_and_not_for_ever),
	    TEST(gives_cells_with_their_marks),
	    TEST(keeps_its_promises_for_every_code_point),
	};

	return setlocale(LC_ALL, "C.UTF-8") ? RUN(tests) : 1;
}
