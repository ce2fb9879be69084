/* SPDX-License-Identifier: ISC */
/* Logical lines and their rows: order, wrapping, rules, and a view that stays
 * where it was put. */
#include "tests/unit/unit.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/buffer.h"

static const struct shape wide = {.width = 20};
static const struct shape narrow = {.width = 30, .narrow = true};

enum { NOON_MS = 43200000, DAY_MS = 86400000 };

static struct entry *
say(struct buffer *b, uint64_t ms, const char *who, const char *text)
{
	struct entry_new e = {.id = {ms, 0},
	    .time_ms = NOON_MS,
	    .who = span_of(who),
	    .text = span_of(text)};

	return buffer_add(b, &e);
}

static struct entry *
pend(struct buffer *b, const char *text)
{
	struct entry_new e = {.mark = MARK_PENDING,
	    .own = true,
	    .time_ms = NOON_MS,
	    .who = SPAN("me"),
	    .text = span_of(text)};

	return buffer_add(b, &e);
}

static struct entry *
note(struct buffer *b, const char *text)
{
	struct entry_new e = {.kind = ENTRY_INFO,
	    .time_ms = NOON_MS,
	    .who = SPAN("--"),
	    .text = span_of(text)};

	return buffer_add(b, &e);
}

/* The visible rows as "text/text/...": rules are = and ~. */
static void
assert_rows(
    struct buffer *b, struct shape s, size_t height, const char *expected)
{
	struct row rows[64];
	char out[4096] = "";
	size_t at = 0;
	size_t n = buffer_rows(b, s, height, rows);

	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		if (i > 0)
			out[at++] = '/';
		if (r->kind == ROW_TEXT)
			at += (size_t)snprintf(out + at, sizeof(out) - at,
			    "%.*s", (int)(r->end - r->start),
			    r->entry->text.utf8 + r->start);
		else
			out[at++] = r->kind == ROW_DAY ? '~' : '=';
		out[at] = '\0';
	}
	assert_string_equal(out, expected);
}

static void
keeps_messages_in_the_order_of_their_ids(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b);
	say(&b, 5, "ann", "five");
	say(&b, 2, "ann", "two");
	say(&b, 9, "ann", "nine");
	assert_rows(&b, wide, 10, "~/two/five/nine");
	buffer_fini(&b);
}

static void
takes_a_message_once(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b);
	assert_non_null(say(&b, 5, "ann", "five"));
	assert_null(say(&b, 5, "ann", "five"));
	assert_int_equal(b.n, 1);
	buffer_fini(&b);
}

static void
keeps_notes_where_they_were_made(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b);
	say(&b, 5, "ann", "five");
	note(&b, "note");
	say(&b, 9, "ann", "nine");
	say(&b, 2, "ann", "two");
	assert_rows(&b, wide, 10, "~/two/five/note/nine");
	buffer_fini(&b);
}

static void
keeps_pending_lines_last_until_they_are_settled(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b);
	struct entry *e = pend(&b, "mine");
	say(&b, 5, "ann", "five");
	say(&b, 9, "ann", "nine");
	assert_rows(&b, wide, 10, "~/five/nine/mine");
	buffer_settle(&b, e->serial, (struct msgid){7, 0});
	assert_rows(&b, wide, 10, "~/five/mine/nine");
	assert_int_equal(e->mark, MARK_NONE);
	assert_null(say(&b, 7, "me", "mine"));
	buffer_fini(&b);
}

static void
drops_a_pending_line_whose_message_is_there(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b);
	struct entry *e = pend(&b, "mine");
	say(&b, 7, "me", "mine");
	buffer_settle(&b, e->serial, (struct msgid){7, 0});
	assert_rows(&b, wide, 10, "~/mine");
	buffer_fini(&b);
}

static void
keeps_a_failed_line_in_its_place_and_moves_it_when_tried_again(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b);
	uint64_t serial = pend(&b, "mine")->serial;
	say(&b, 5, "ann", "five");
	buffer_fail(&b, serial, MARK_FAILED);
	say(&b, 9, "ann", "nine");
	assert_rows(&b, wide, 10, "~/five/mine/nine");
	buffer_requeue(&b, serial);
	assert_rows(&b, wide, 10, "~/five/nine/mine");
	buffer_fini(&b);
}

static void
wraps_at_blanks(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b);
	say(&b, 1, "ann", "the quick brown fox jumps over");
	assert_rows(&b, wide, 10, "~/the quick brown fox/jumps over");
	assert_rows(&b, (struct shape){.width = 10}, 10,
	    "~/the quick/brown fox/jumps over");
	buffer_fini(&b);
}

static void
cuts_what_fits_on_no_row(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b);
	say(&b, 1, "ann", "see https://example.org/long");
	assert_rows(&b, (struct shape){.width = 10}, 10,
	    "~/see/https://ex/ample.org//long");
	buffer_fini(&b);
}

static void
never_cuts_a_wide_character_or_a_cluster(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b);
	say(&b, 1, "ann", "\346\227\245\346\234\254\350\252\236");
	assert_rows(&b, (struct shape){.width = 5}, 10,
	    "~/\346\227\245\346\234\254/\350\252\236");
	say(&b, 2, "ann", "ae\314\201e\314\201");
	assert_rows(&b, (struct shape){.width = 2}, 2, "ae\314\201/e\314\201");
	buffer_fini(&b);
}

static void
gets_on_where_not_even_one_character_fits(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b);
	say(&b, 1, "ann", "\346\227\245\346\234\254");
	assert_rows(
	    &b, (struct shape){.width = 1}, 10, "~/\346\227\245/\346\234\254");
	assert_rows(&b, (struct shape){.width = 1, .narrow = true}, 10,
	    "~//\346\227\245/\346\234\254");
	buffer_fini(&b);
}

static void
breaks_at_line_separators(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b);
	say(&b, 1, "ann", "one\342\200\250\342\200\250two");
	assert_rows(&b, wide, 10, "~/one//two");
	buffer_fini(&b);
}

static void
leaves_room_for_time_and_nick_where_they_stand_in_line(void **state)
{
	struct buffer b;
	struct row rows[4];

	(void)state;
	buffer_init(&b);
	say(&b, 1, "ann", "the quick brown fox jumps over");
	assert_rows(&b, narrow, 10, "~/the quick brown fox/jumps over");
	assert_int_equal(buffer_rows(&b, narrow, 4, rows), 3);
	assert_int_equal(rows[1].indent, 6 + 3 + 2);
	assert_int_equal(rows[2].indent, 2);
	buffer_fini(&b);
}

static void
rules_off_days(void **state)
{
	struct buffer b;
	struct entry_new e = {
	    .id = {9, 0}, .time_ms = NOON_MS + DAY_MS, .text = SPAN("later")};

	(void)state;
	buffer_init(&b);
	say(&b, 1, "ann", "one");
	buffer_add(&b, &e);
	assert_rows(&b, wide, 10, "~/one/~/later");
	buffer_fini(&b);
}

static void
survives_times_that_no_calendar_has(void **state)
{
	struct buffer b;
	struct entry_new e = {.id = {9, 0}, .text = SPAN("x")};
	static const int64_t times[] = {
	    INT64_MIN, -1, INT64_MAX, INT64_MAX / 1000};

	(void)state;
	buffer_init(&b);
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		e.id.ms++;
		e.time_ms = times[i];
		assert_string_equal(buffer_add(&b, &e)->clock, "--:--");
	}
	assert_rows(&b, wide, 10, "x/x/x/x");
	buffer_fini(&b);
}

static void
rules_off_what_is_unread(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b);
	say(&b, 1, "ann", "one");
	buffer_rule_set(&b);
	note(&b, "bob joined");
	say(&b, 2, "ann", "two");
	say(&b, 3, "ann", "three");
	assert_rows(&b, wide, 10, "~/one/bob joined/=/two/three");
	assert_int_equal(b.rule_count, 2);
	buffer_rule_hold(&b);
	say(&b, 4, "ann", "four");
	assert_int_equal(b.rule_count, 2);
	buffer_rule_clear(&b);
	assert_rows(&b, wide, 3, "two/three/four");
	buffer_fini(&b);
}

static void
fill_buffer(struct buffer *b, uint64_t from, uint64_t to)
{
	char text[16];

	for (uint64_t i = from; i <= to; i++) {
		snprintf(text, sizeof(text), "m%llu", (unsigned long long)i);
		say(b, i, "ann", text);
	}
}

static void
scrolls_by_rows_and_stops_at_the_ends(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b);
	fill_buffer(&b, 1, 9);
	assert_rows(&b, wide, 3, "m7/m8/m9");
	assert_true(buffer_scroll(&b, wide, 3, 2));
	assert_rows(&b, wide, 3, "m5/m6/m7");
	assert_int_equal(buffer_below(&b), 2);
	assert_true(buffer_scroll(&b, wide, 3, 100));
	assert_rows(&b, wide, 3, "~/m1/m2");
	assert_false(buffer_scroll(&b, wide, 3, 1));
	assert_true(buffer_scroll(&b, wide, 3, -100));
	assert_rows(&b, wide, 3, "m7/m8/m9");
	assert_false(b.scrolled);
	buffer_fini(&b);
}

static void
stays_where_it_was_scrolled_to_whatever_comes(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b);
	fill_buffer(&b, 10, 19);
	buffer_scroll(&b, wide, 3, 3);
	assert_rows(&b, wide, 3, "m14/m15/m16");
	fill_buffer(&b, 20, 25);
	fill_buffer(&b, 1, 9);
	assert_rows(&b, wide, 3, "m14/m15/m16");
	buffer_to_bottom(&b);
	assert_rows(&b, wide, 3, "m23/m24/m25");
	buffer_fini(&b);
}

static void
stays_at_its_byte_when_the_width_changes(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b);
	say(&b, 1, "ann", "aaaa bbbb cccc dddd eeee ffff");
	fill_buffer(&b, 2, 5);
	struct shape four = {.width = 4};
	buffer_scroll(&b, four, 2, 6);
	assert_rows(&b, four, 2, "cccc/dddd");
	struct shape nine = {.width = 9};
	assert_rows(&b, nine, 2, "aaaa bbbb/cccc dddd");
	assert_rows(&b, four, 2, "cccc/dddd");
	buffer_fini(&b);
}

static void
goes_to_an_entry(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b);
	fill_buffer(&b, 1, 9);
	buffer_to_entry(
	    &b, wide, 3, buffer_find_id(&b, (struct msgid){4, 0})->serial);
	assert_rows(&b, wide, 3, "m4/m5/m6");
	buffer_to_top(&b, wide, 3);
	assert_rows(&b, wide, 3, "~/m1/m2");
	buffer_fini(&b);
}

static void
holds_a_bounded_number_and_lets_the_oldest_go(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b);
	fill_buffer(&b, 10, BUFFER_MAX + 14);
	assert_int_equal(b.n, BUFFER_MAX);
	assert_int_equal(buffer_oldest(&b).ms, 15);
	assert_null(say(&b, 3, "ann", "older than all"));
	assert_int_equal(b.n, BUFFER_MAX);
	buffer_fini(&b);
}

static void
clears_the_view_but_not_what_is_pending(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b);
	fill_buffer(&b, 1, 5);
	pend(&b, "mine");
	buffer_clear(&b);
	assert_rows(&b, wide, 5, "~/mine");
	buffer_fini(&b);
}

static void
shows_nothing_for_nothing(void **state)
{
	struct buffer b;
	struct row row;

	(void)state;
	buffer_init(&b);
	assert_int_equal(buffer_rows(&b, wide, 1, &row), 0);
	assert_false(buffer_scroll(&b, wide, 1, 1));
	buffer_to_top(&b, wide, 1);
	say(&b, 1, "ann", "one");
	assert_int_equal(buffer_rows(&b, wide, 0, &row), 0);
	buffer_fini(&b);
}

/* The same numbers on every run. */
static unsigned
chance(unsigned n)
{
	static uint32_t x = 2463534242u;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x % n;
}

/* Columns of a row's text; a character wider than the row stands alone. */
static void
assert_fits(const struct row *r, struct shape s)
{
	struct cell cell;
	int cols = r->indent, cells = 0;

	for (size_t i = r->start, n; i < r->end; i += n, cells++) {
		n = safe_cell(&r->entry->text, i, &cell);
		assert_true(n > 0);
		cols += cell.width;
	}
	if (r->end > r->start && cols > s.width)
		assert_int_equal(
		    text_count_clusters(
			r->entry->text.utf8 + r->start, r->end - r->start),
		    1);
}

static void
anything_at_all(struct buffer *b, struct shape s, size_t height)
{
	static const char *const texts[] = {"", "short",
	    "a line of some words that has to be wrapped somewhere",
	    "\346\227\245\346\234\254\350\252\236 \346\227\245",
	    "unbrokenunbrokenunbrokenunbroken", "a\342\200\250b",
	    "\360\237\221\250\342\200\215\360\237\221\251 family",
	    "   blanks   "};
	const char *text = texts[chance(ARRAY_LEN(texts))];
	uint64_t serial = 1 + chance((unsigned)b->next_serial + 1);

	switch (chance(9)) {
	case 0:
		pend(b, text);
		break;
	case 1:
		note(b, text);
		break;
	case 2:
		buffer_settle(b, serial, (struct msgid){chance(500) + 1, 7});
		break;
	case 3:
		buffer_fail(b, serial, MARK_FAILED);
		break;
	case 4:
		buffer_remove(b, serial);
		break;
	case 5:
		buffer_scroll(b, s, height, (long)chance(40) - 20);
		break;
	case 6:
		buffer_rule_set(b);
		break;
	default:
		say(b, chance(500) + 1, "ann", text);
		break;
	}
}

static void
fills_rows_that_fit_whatever_happens(void **state)
{
	struct buffer b;
	struct row rows[30];

	(void)state;
	buffer_init(&b);
	for (int i = 0; i < 20000; i++) {
		struct shape s = {
		    .width = (int)chance(60) + 1, .narrow = chance(2)};
		size_t height = chance(30) + 1;
		anything_at_all(&b, s, height);
		size_t n = buffer_rows(&b, s, height, rows);
		assert_true(n <= height);
		assert_true(n > 0 || b.n == 0);
		for (size_t k = 0; k < n; k++)
			if (rows[k].kind == ROW_TEXT)
				assert_fits(&rows[k], s);
		for (size_t k = 1; k < b.n; k++)
			assert_true(msgid_cmp(b.entries[k - 1]->key,
					b.entries[k]->key) <= 0);
	}
	buffer_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(keeps_messages_in_the_order_of_their_ids),
	    TEST(takes_a_message_once),
	    TEST(keeps_notes_where_they_were_made),
	    TEST(keeps_pending_lines_last_until_they_are_settled),
	    TEST(drops_a_pending_line_whose_message_is_there),
	    TEST(
		keeps_a_failed_line_in_its_place_and_moves_it_when_tried_again),
	    TEST(wraps_at_blanks),
	    TEST(cuts_what_fits_on_no_row),
	    TEST(never_cuts_a_wide_character_or_a_cluster),
	    TEST(gets_on_where_not_even_one_character_fits),
	    TEST(breaks_at_line_separators),
	    TEST(leaves_room_for_time_and_nick_where_they_stand_in_line),
	    TEST(rules_off_days),
	    TEST(survives_times_that_no_calendar_has),
	    TEST(rules_off_what_is_unread),
	    TEST(scrolls_by_rows_and_stops_at_the_ends),
	    TEST(stays_where_it_was_scrolled_to_whatever_comes),
	    TEST(stays_at_its_byte_when_the_width_changes),
	    TEST(goes_to_an_entry),
	    TEST(holds_a_bounded_number_and_lets_the_oldest_go),
	    TEST(clears_the_view_but_not_what_is_pending),
	    TEST(shows_nothing_for_nothing),
	    TEST(fills_rows_that_fit_whatever_happens),
	};

	return setlocale(LC_ALL, "C.UTF-8") ? RUN(tests) : 1;
}
