/* SPDX-License-Identifier: ISC */
/* server/answer.c: answers in the order of the commands. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/answer.h"

struct fixture {
	struct answers q;
	struct buf out;
	unsigned accepted, settled;
};

static struct buf *
out_of(struct session *s)
{
	struct fixture *f = (struct fixture *)(void *)s;

	return &f->out;
}

static void
on_accepted(struct session *s)
{
	struct fixture *f = (struct fixture *)(void *)s;

	f->accepted++;
}

static void
on_settled(struct session *s)
{
	struct fixture *f = (struct fixture *)(void *)s;

	f->settled++;
}

static const struct answers_to answers_to = {.at = offsetof(struct fixture, q),
    .out = out_of,
    .accepted = on_accepted,
    .settled = on_settled};

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	answers_init(&f->q, &answers_to);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	answers_detach(&f->q);
	buf_free(&f->out);
	free(f);
	return 0;
}

static void
assert_out(struct fixture *f, const char *all)
{
	assert_int_equal(buf_len(&f->out), strlen(all));
	assert_memory_equal(buf_head(&f->out), all, strlen(all));
}

static void
four_answers_keep_their_order_however_they_are_given(void **state)
{
	static const char all[] = "4 OK a\n4 OK b\n4 OK c\n4 OK d\n";
	struct fixture *f = *state;
	unsigned tried = 0;

	for (unsigned n = 0; n < 256; n++) {
		unsigned order[4] = {n & 3, n >> 2 & 3, n >> 4 & 3, n >> 6};
		struct answer *a[4];
		unsigned seen = 0;

		for (size_t i = 0; i < 4; i++)
			seen |= 1u << order[i];
		if (seen != 15)
			continue;
		buf_clear(&f->out);
		for (size_t i = 0; i < 4; i++)
			a[i] = answer_begin(&f->q, SPAN_NONE);
		for (size_t i = 0; i < 4; i++) {
			char text = (char)('a' + order[i]);

			/* Nothing goes out before its turn. */
			assert_int_equal(f->q.n * 7 + buf_len(&f->out), 28);
			answer_ok(a[order[i]], (struct span){&text, 1});
		}
		assert_out(f, all);
		assert_int_equal(f->q.n, 0);
		tried++;
	}
	assert_int_equal(tried, 24);
}

static void
settled_is_called_when_an_answer_went_out_and_only_then(void **state)
{
	struct fixture *f = *state;
	struct answer *a = answer_begin(&f->q, SPAN_NONE);
	struct answer *b = answer_begin(&f->q, SPAN_NONE);

	answer_ok(b, SPAN("b"));
	assert_int_equal(f->settled, 0);
	assert_int_equal(f->q.n, 2);
	answer_ok(a, SPAN("a"));
	assert_int_equal(f->settled, 1);
	answer_none(answer_begin(&f->q, SPAN_NONE));
	assert_int_equal(f->settled, 2);
	assert_out(f, "4 OK a\n4 OK b\n");
}

static void
only_an_ok_to_what_counts_is_an_acceptance(void **state)
{
	struct fixture *f = *state;
	struct answer *a;

	answer_ok(answer_begin(&f->q, SPAN_NONE), SPAN_NONE);
	a = answer_begin(&f->q, SPAN_NONE);
	answer_counts(a);
	answer_err(a, ERR_BAD_NAME, 0, "no");
	assert_int_equal(f->accepted, 0);
	a = answer_begin(&f->q, SPAN_NONE);
	answer_counts(a);
	answer_ok(a, SPAN_NONE);
	assert_int_equal(f->accepted, 1);
	a = answer_begin(&f->q, SPAN_NONE);
	answer_counts(a);
	answers_detach(&f->q);
	answer_ok(a, SPAN_NONE);
	assert_int_equal(f->accepted, 1);
}

static void
every_kind_of_answer_carries_the_tag(void **state)
{
	struct fixture *f = *state;

	answer_ok(answer_begin(&f->q, SPAN("t1")), SPAN_NONE);
	answer_ok_id(answer_begin(&f->q, SPAN("t2")), (struct msgid){12, 3});
	answer_err(
	    answer_begin(&f->q, SPAN("t3")), ERR_BUSY, 250, "%d too many", 7);
	answer_err(answer_begin(&f->q, SPAN("t4")), ERR_BANNED, 0, "%s", "");
	answer_none(answer_begin(&f->q, SPAN("t5")));
	assert_out(f, "6 #t1 OK\n11 #t2 OK 12-3\n"
		      "34 #t3 @retry=250 ERR busy 7 too many\n"
		      "14 #t4 ERR banned\n");
}

static void
the_tag_is_there_for_lines_of_the_askers_own(void **state)
{
	struct fixture *f = *state;
	char word[] = "0123456789abcdef0123456789abcdef";
	struct answer *a = answer_begin(&f->q, span_of(word));
	struct answer *b = answer_begin(&f->q, SPAN_NONE);

	memset(word, 'x', sizeof word - 1); /* it was copied */
	assert_true(span_is(answer_tag(a), "0123456789abcdef0123456789abcdef"));
	assert_null(answer_tag(b).p);
	answer_none(a);
	answer_none(b);
}

static void
late_answers_of_a_session_that_went_harm_nobody(void **state)
{
	struct fixture *f = *state;
	struct answer *a[6];

	for (size_t i = 0; i < ARRAY_LEN(a); i++)
		a[i] = answer_begin(&f->q, SPAN("t"));
	answer_ok(a[3], SPAN("ready, and never sent"));
	assert_ptr_equal(answer_session(a[0]), f);
	answers_detach(&f->q);
	assert_int_equal(f->q.n, 0);
	assert_null(answer_session(a[0]));

	answer_ok(a[2], SPAN("late"));
	answer_ok_id(a[0], (struct msgid){1, 2});
	answer_err(a[4], ERR_BUSY, 0, "late");
	answer_none(a[1]);
	answer_none(a[5]);
	assert_out(f, "");
	assert_int_equal(f->settled, 0);
}

static void
an_error_text_ends_before_a_byte_no_line_may_carry(void **state)
{
	struct fixture *f = *state;

	answer_err(answer_begin(&f->q, SPAN_NONE), ERR_BUSY, 0, "%s",
	    "good\nBYE quit");
	answer_err(
	    answer_begin(&f->q, SPAN_NONE), ERR_BUSY, 0, "%s", "good\xc3(");
	answer_err(answer_begin(&f->q, SPAN_NONE), ERR_BUSY, 0, "%s",
	    "\xc2\x9b"
	    "31m");
	assert_out(f, "13 ERR busy good\n13 ERR busy good\n8 ERR busy\n");
}

static void
a_long_error_text_is_cut_between_characters(void **state)
{
	struct fixture *f = *state;
	char text[2 * ERR_LEN + 1], want[2 * ERR_LEN];
	size_t kept = (ERR_LEN - 1) / 2 * 2; /* whole two-byte letters */

	for (size_t i = 0; i < 2 * ERR_LEN; i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	text[2 * ERR_LEN] = 0;
	answer_err(answer_begin(&f->q, SPAN_NONE), ERR_BUSY, 0, "%s", text);

	snprintf(want, sizeof want, "%zu ERR busy %.*s\n", kept + 9, (int)kept,
	    text);
	assert_out(f, want);
}

static void
an_error_that_waits_its_turn_is_told_the_same(void **state)
{
	struct fixture *f = *state;
	struct answer *a = answer_begin(&f->q, SPAN_NONE);
	struct answer *b = answer_begin(&f->q, SPAN("b"));
	struct answer *c = answer_begin(&f->q, SPAN_NONE);

	answer_none(c);
	answer_err(b, ERR_RELAY_DOWN, 1000, "gone");
	assert_out(f, "");
	answer_ok(a, SPAN_NONE);
	assert_out(f, "2 OK\n34 #b @retry=1000 ERR relay-down gone\n");
	assert_int_equal(f->q.n, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	    T(four_answers_keep_their_order_however_they_are_given),
	    T(settled_is_called_when_an_answer_went_out_and_only_then),
	    T(only_an_ok_to_what_counts_is_an_acceptance),
	    T(every_kind_of_answer_carries_the_tag),
	    T(the_tag_is_there_for_lines_of_the_askers_own),
	    T(late_answers_of_a_session_that_went_harm_nobody),
	    T(an_error_text_ends_before_a_byte_no_line_may_carry),
	    T(a_long_error_text_is_cut_between_characters),
	    T(an_error_that_waits_its_turn_is_told_the_same),
#undef T
	};

	return RUN(tests);
}
