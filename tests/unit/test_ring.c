/* SPDX-License-Identifier: ISC */
/*
 * server/ring.c: the newest entries of a log.  Beside single cases a model of a
 * log is kept, and whatever a ring answers is compared with the model's answer.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/ring.h"

static struct ring_store store;
static struct ring ring;

static int
setup(void **state)
{
	(void)state;
	ring_store_init(&store, RING_STORE_BYTES_MAX);
	ring_init(&ring, &store, (struct msgid){0, 0});
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	ring_fini(&ring);
	assert_int_equal(store.bytes, 0);
	return 0;
}

static struct msgid
id_of(uint64_t ms)
{
	return (struct msgid){ms, 0};
}

static void
push(struct ring *r, uint64_t prev, uint64_t id)
{
	char text[24];
	int len =
	    snprintf(text, sizeof text, "line %llu", (unsigned long long)id);

	ring_push(r, id_of(prev), id_of(id), (struct span){text, (size_t)len});
}

/* 10, 20 … 10 * n */
static void
push_tens(struct ring *r, unsigned n)
{
	for (unsigned i = 1; i <= n; i++)
		push(r, 10 * (i - 1), 10 * i);
}

static enum ring_verdict
forward(struct ring_page *p, uint64_t from, uint64_t to, bool check, unsigned n)
{
	struct relay_range range = {
	    .direction = RELAY_FORWARD,
	    .from = id_of(from),
	    .to = id_of(to),
	    .check_from = check,
	    .n = n,
	};

	return ring_read(&ring, &range, p);
}

static enum ring_verdict
backward(struct ring_page *p, struct msgid from, unsigned n)
{
	struct relay_range range = {
	    .direction = RELAY_BACKWARD, .from = from, .n = n};

	return ring_read(&ring, &range, p);
}

static void
expect_ids(const struct ring_page *p, uint64_t first, uint64_t last)
{
	uint64_t ms = first;
	char text[24];

	for (size_t i = 0; i < p->n; i++, ms += 10) {
		const struct ring_entry *e = p->entries[i];

		assert_int_equal(e->id.ms, ms);
		assert_int_equal(e->prev.ms, ms - 10);
		snprintf(
		    text, sizeof text, "line %llu", (unsigned long long)ms);
		assert_int_equal(e->len, strlen(text));
		assert_memory_equal(e->payload, text, e->len);
	}
	assert_int_equal(ms, last + 10);
}

/* --- forward -------------------------------------------------------------- */

static void
a_resume_is_answered_with_what_came_since(void **state)
{
	struct ring_page p;

	(void)state;
	push_tens(&ring, 9);
	assert_int_equal(forward(&p, 40, 90, true, 16), RING_ANSWERS);
	expect_ids(&p, 50, 90);
	assert_false(p.gap);
	assert_true(p.end);
}

static void
a_page_that_is_full_does_not_say_that_it_was_the_end(void **state)
{
	struct ring_page p;

	(void)state;
	push_tens(&ring, 9);
	assert_int_equal(forward(&p, 40, 90, true, 4), RING_ANSWERS);
	expect_ids(&p, 50, 80);
	assert_false(p.end);
	assert_int_equal(forward(&p, 50, 90, true, 4), RING_ANSWERS);
	expect_ids(&p, 60, 90);
	assert_true(p.end);
}

static void
entries_above_the_end_of_the_range_are_left_out(void **state)
{
	struct ring_page p;

	(void)state;
	push_tens(&ring, 9);
	assert_int_equal(forward(&p, 40, 65, false, 16), RING_ANSWERS);
	expect_ids(&p, 50, 60);
	assert_true(p.end);
}

static void
nobody_is_told_that_nothing_came_after_the_last(void **state)
{
	struct ring_page p;

	(void)state;
	push_tens(&ring, 9);
	assert_int_equal(forward(&p, 40, 0, true, 16), RING_CANNOT);
	assert_int_equal(forward(&p, 40, 91, true, 16), RING_CANNOT);
	assert_int_equal(forward(&p, 40, 0, true, 5), RING_CANNOT);
	assert_int_equal(forward(&p, 95, 100, true, 16), RING_CANNOT);
	/* But a page that is full before it comes there is right. */
	assert_int_equal(forward(&p, 40, 0, true, 4), RING_ANSWERS);
	expect_ids(&p, 50, 80);
	assert_false(p.end);
}

static void
an_id_that_never_was_is_a_gap(void **state)
{
	struct ring_page p;

	(void)state;
	push_tens(&ring, 9);
	assert_int_equal(forward(&p, 45, 90, true, 16), RING_ANSWERS);
	assert_true(p.gap);
	expect_ids(&p, 50, 90);
	assert_int_equal(forward(&p, 45, 90, false, 16), RING_ANSWERS);
	assert_false(p.gap);
}

static void
from_the_beginning_is_answered_while_nothing_was_thrown_away(void **state)
{
	struct ring_page p;

	(void)state;
	push_tens(&ring, RING_ENTRIES_MAX);
	assert_int_equal(forward(&p, 0, 640, true, 64), RING_ANSWERS);
	expect_ids(&p, 10, 640);
	assert_false(p.gap);
	push(&ring, 10 * RING_ENTRIES_MAX, 10 * RING_ENTRIES_MAX + 10);
	assert_int_equal(forward(&p, 0, 640, true, 64), RING_SHORT);
	/* What was thrown away last is still known to have been there. */
	assert_int_equal(forward(&p, 10, 640, true, 64), RING_ANSWERS);
	assert_false(p.gap);
	expect_ids(&p, 20, 640);
}

static void
a_base_that_was_not_seen_in_the_log_is_no_proof(void **state)
{
	struct ring_page p;

	(void)state;
	ring_reset(&ring, id_of(40));
	push(&ring, 40, 50);
	assert_int_equal(forward(&p, 40, 50, true, 16), RING_SHORT);
	assert_int_equal(forward(&p, 40, 50, false, 16), RING_ANSWERS);
	expect_ids(&p, 50, 50);
	assert_int_equal(forward(&p, 50, 50, true, 16), RING_ANSWERS);
	assert_int_equal(p.n, 0);
	assert_true(p.end);
	assert_false(p.gap);
}

static void
a_range_that_ends_before_it_begins_is_left_to_the_log(void **state)
{
	struct ring_page p;

	(void)state;
	push_tens(&ring, 9);
	assert_int_equal(forward(&p, 40, 30, true, 16), RING_CANNOT);
}

/* --- backward ------------------------------------------------------------- */

static void
the_newest_below_an_id_are_answered(void **state)
{
	struct ring_page p;

	(void)state;
	push_tens(&ring, 9);
	assert_int_equal(backward(&p, (struct msgid){90, 1}, 4), RING_ANSWERS);
	expect_ids(&p, 60, 90);
	assert_false(p.end);
	assert_int_equal(backward(&p, id_of(60), 4), RING_ANSWERS);
	expect_ids(&p, 20, 50);
	assert_false(p.end);
}

static void
the_beginning_of_a_log_is_the_end_backwards(void **state)
{
	struct ring_page p;

	(void)state;
	push_tens(&ring, 9);
	assert_int_equal(backward(&p, id_of(50), 4), RING_ANSWERS);
	expect_ids(&p, 10, 40);
	assert_true(p.end);
	assert_int_equal(backward(&p, id_of(50), 20), RING_ANSWERS);
	expect_ids(&p, 10, 40);
	assert_true(p.end);
}

static void
too_few_are_no_answer_unless_there_are_no_more(void **state)
{
	struct ring_page p;

	(void)state;
	push_tens(&ring, RING_ENTRIES_MAX + 1);
	assert_int_equal(backward(&p, id_of(60), 4), RING_ANSWERS);
	expect_ids(&p, 20, 50);
	assert_false(p.end); /* 10 was there, and cannot have been trimmed */
	assert_int_equal(backward(&p, id_of(60), 5), RING_SHORT);
}

static void
the_newest_of_all_are_left_to_the_log(void **state)
{
	struct ring_page p;

	(void)state;
	push_tens(&ring, 9);
	assert_int_equal(backward(&p, id_of(0), 4), RING_CANNOT);
	assert_int_equal(backward(&p, (struct msgid){90, 2}, 4), RING_CANNOT);
}

/* --- breaks --------------------------------------------------------------- */

static void
a_break_forgets_all_below_it(void **state)
{
	struct ring_page p;

	(void)state;
	push_tens(&ring, 9);
	push(&ring, 70, 100);
	assert_int_equal(ring.n, 1);
	assert_int_equal(forward(&p, 60, 100, false, 16), RING_SHORT);
	assert_int_equal(forward(&p, 70, 100, true, 16), RING_SHORT);
	assert_int_equal(forward(&p, 100, 100, true, 16), RING_ANSWERS);
}

static void
a_predecessor_that_is_no_predecessor_teaches_nothing(void **state)
{
	struct ring_page p;

	(void)state;
	push_tens(&ring, 9);
	push(&ring, 200, 100);
	assert_int_equal(ring.n, 0);
	assert_int_equal(forward(&p, 50, 100, false, 16), RING_SHORT);
	push(&ring, 100, 110);
	assert_int_equal(forward(&p, 100, 110, false, 16), RING_ANSWERS);
}

static void
an_entry_of_no_use_is_where_the_ring_begins(void **state)
{
	struct ring_page p;

	(void)state;
	push_tens(&ring, 3);
	ring_skip(&ring, id_of(40));
	push(&ring, 40, 50);
	assert_int_equal(forward(&p, 30, 50, true, 16), RING_SHORT);
	assert_int_equal(forward(&p, 40, 50, true, 16), RING_ANSWERS);
	assert_false(p.gap);
	expect_ids(&p, 50, 50);
}

/* --- downwards ------------------------------------------------------------ */

static void
what_is_read_from_the_log_goes_below(void **state)
{
	struct ring_page p;

	(void)state;
	ring_reset(&ring, id_of(30));
	push(&ring, 30, 40);
	assert_true(
	    ring_push_below(&ring, id_of(20), id_of(30), SPAN("line 30")));
	assert_false(
	    ring_push_below(&ring, id_of(5), id_of(10), SPAN("line 10")));
	assert_int_equal(forward(&p, 20, 40, true, 16), RING_SHORT);
	assert_true(
	    ring_push_below(&ring, id_of(10), id_of(20), SPAN("line 20")));
	assert_int_equal(forward(&p, 20, 40, true, 16), RING_ANSWERS);
	expect_ids(&p, 30, 40);
	assert_true(
	    ring_push_below(&ring, id_of(0), id_of(10), SPAN("line 10")));
	assert_true(ring_is_full(&ring));
	assert_int_equal(forward(&p, 0, 40, true, 16), RING_ANSWERS);
	expect_ids(&p, 10, 40);
}

static void
what_finds_no_room_below_is_known_to_be_there(void **state)
{
	struct ring_page p;

	(void)state;
	ring_reset(&ring, id_of(10));
	for (unsigned i = 1; i <= RING_ENTRIES_MAX; i++)
		push(&ring, 10 * i, 10 * i + 10);
	assert_int_equal(forward(&p, 10, 20, true, 16), RING_SHORT);
	assert_false(
	    ring_push_below(&ring, id_of(0), id_of(10), SPAN("line 10")));
	assert_int_equal(forward(&p, 10, 20, true, 16), RING_ANSWERS);
	assert_false(p.gap);
}

/* --- bounds --------------------------------------------------------------- */

static void
a_ring_is_bounded_in_count(void **state)
{
	(void)state;
	push_tens(&ring, 1000);
	assert_int_equal(ring.n, RING_ENTRIES_MAX);
}

static void
a_ring_is_bounded_in_bytes(void **state)
{
	static char text[8000];

	(void)state;
	memset(text, 'x', sizeof text);
	for (unsigned i = 1; i <= 100; i++) {
		ring_push(&ring, id_of(10 * (i - 1)), id_of(10 * i),
		    (struct span){text, sizeof text});
		assert_true(ring.bytes <= RING_BYTES_MAX);
		assert_true(ring.n == i || ring.n >= 7);
	}
}

static void
all_rings_are_bounded_together_and_the_oldest_lines_go(void **state)
{
	struct ring other;
	struct ring_page p;

	(void)state;
	store.bytes_max = 40 * (sizeof(struct ring_entry) + 7);
	ring_init(&other, &store, id_of(0));
	push_tens(&ring, 9);
	push_tens(&other, 30);
	assert_int_equal(ring.n, 9);
	for (unsigned i = 31; i <= 36; i++) {
		push(&other, 10 * (i - 1), 10 * i);
		assert_true(store.bytes <= store.bytes_max);
	}
	assert_true(ring.n < 9 && ring.n > 0);
	assert_int_equal(other.n, 36);
	assert_int_equal(forward(&p, ring.base.ms, 90, true, 16), RING_ANSWERS);
	for (unsigned i = 37; i <= 100; i++)
		push(&other, 10 * (i - 1), 10 * i);
	assert_int_equal(ring.n, 0);
	assert_int_equal(forward(&p, 90, 90, true, 16), RING_ANSWERS);
	ring_fini(&other);
}

/* --- against a model ------------------------------------------------------ */

enum { LOG_KEEPS = 256, LOG_MAX = 4000 };

/* A log as Redis keeps it; ids are tens, with holes. */
struct model {
	uint64_t ids[LOG_MAX], prevs[LOG_MAX];
	size_t first, n; /* trimmed below first */
};

static unsigned seed;

static unsigned
draw(unsigned below)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 8) % below;
}

static bool
model_has(const struct model *m, uint64_t id)
{
	for (size_t i = m->first; i < m->n; i++)
		if (m->ids[i] == id)
			return true;
	return false;
}

static void
compare_forward(const struct model *m, const struct relay_range *range,
    const struct ring_page *p)
{
	uint64_t from = range->from.ms, to = range->to.ms;
	uint64_t last = m->n ? m->ids[m->n - 1] : 0;
	bool knows =
	    from == 0 ? m->first == 0 : from == last || model_has(m, from);
	size_t i = m->first, k = 0;

	while (i < m->n && m->ids[i] <= from)
		i++;
	for (; i < m->n && k < range->n && (to == 0 || m->ids[i] <= to); i++) {
		assert_true(k < p->n);
		assert_int_equal(p->entries[k]->id.ms, m->ids[i]);
		assert_int_equal(p->entries[k++]->prev.ms, m->prevs[i]);
	}
	assert_int_equal(p->n, k);
	assert_int_equal(p->end, i == m->n || (to != 0 && m->ids[i] > to));
	assert_int_equal(p->gap, range->check_from && !knows);
}

static void
compare_backward(const struct model *m, const struct relay_range *range,
    const struct ring_page *p)
{
	size_t i = m->n;

	while (i > m->first && m->ids[i - 1] >= range->from.ms &&
	       (m->ids[i - 1] > range->from.ms || range->from.seq == 0))
		i--;
	assert_int_equal(
	    p->n, i - m->first < range->n ? i - m->first : range->n);
	for (size_t k = p->n; k > 0; k--)
		assert_int_equal(p->entries[k - 1]->id.ms, m->ids[--i]);
	assert_int_equal(p->end, i == m->first);
}

static void
ask(const struct model *m, unsigned *answers)
{
	uint64_t top = m->n ? m->ids[m->n - 1] : 0;
	struct relay_range range = {
	    .direction = draw(2) ? RELAY_FORWARD : RELAY_BACKWARD,
	    .from = {top - draw((unsigned)(top < 1500 ? top : 1500) + 1), 0},
	    .to = {draw(3) ? top - draw(200) % (unsigned)(top + 1) : 0, 0},
	    .check_from = draw(2),
	    .n = 1 + draw(RELAY_READ_MAX),
	};
	struct ring_page p;

	if (range.direction == RELAY_BACKWARD)
		range.from.seq = draw(2);
	if (ring_read(&ring, &range, &p) != RING_ANSWERS)
		return;
	++*answers;
	(range.direction == RELAY_FORWARD ? compare_forward : compare_backward)(
	    m, &range, &p);
}

/* Reads below, as many as come, like the relay does. */
static void
lengthen(const struct model *m)
{
	char text[16];
	size_t i = m->n;

	while (i > m->first) {
		i--;
		if (m->ids[i] > ring.base.ms)
			continue;
		memset(text, 'y', sizeof text);
		if (!ring_push_below(&ring, id_of(m->prevs[i]),
			id_of(m->ids[i]), (struct span){text, draw(16)}))
			return;
	}
}

static void
whatever_it_answers_is_what_the_log_would(void **state)
{
	static struct model m;
	unsigned answers = 0;

	for (unsigned round = 1; round <= 30; round++) {
		seed = round;
		memset(&m, 0, sizeof m);
		teardown(state);
		setup(state);
		for (unsigned i = 0; i < 2500; i++) {
			uint64_t prev = m.n ? m.ids[m.n - 1] : 0;
			unsigned what = draw(100);

			if (what == 0)
				ring_reset(&ring, id_of(prev));
			else if (what < 3)
				lengthen(&m);
			else if (what < 40) {
				m.prevs[m.n] = prev;
				m.ids[m.n] = prev + 1 + draw(20);
				push(&ring, prev, m.ids[m.n++]);
			} else {
				ask(&m, &answers);
			}
			if (m.n - m.first > LOG_KEEPS + 99)
				m.first = m.n - LOG_KEEPS;
		}
	}
	assert_true(answers > 1000);
}

int
main(void)
{
#define IN_RING(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	static const struct CMUnitTest tests[] = {
	    IN_RING(a_resume_is_answered_with_what_came_since),
	    IN_RING(a_page_that_is_full_does_not_say_that_it_was_the_end),
	    IN_RING(entries_above_the_end_of_the_range_are_left_out),
	    IN_RING(nobody_is_told_that_nothing_came_after_the_last),
	    IN_RING(an_id_that_never_was_is_a_gap),
	    IN_RING(
		from_the_beginning_is_answered_while_nothing_was_thrown_away),
	    IN_RING(a_base_that_was_not_seen_in_the_log_is_no_proof),
	    IN_RING(a_range_that_ends_before_it_begins_is_left_to_the_log),
	    IN_RING(the_newest_below_an_id_are_answered),
	    IN_RING(the_beginning_of_a_log_is_the_end_backwards),
	    IN_RING(too_few_are_no_answer_unless_there_are_no_more),
	    IN_RING(the_newest_of_all_are_left_to_the_log),
	    IN_RING(a_break_forgets_all_below_it),
	    IN_RING(a_predecessor_that_is_no_predecessor_teaches_nothing),
	    IN_RING(an_entry_of_no_use_is_where_the_ring_begins),
	    IN_RING(what_is_read_from_the_log_goes_below),
	    IN_RING(what_finds_no_room_below_is_known_to_be_there),
	    IN_RING(a_ring_is_bounded_in_count),
	    IN_RING(a_ring_is_bounded_in_bytes),
	    IN_RING(all_rings_are_bounded_together_and_the_oldest_lines_go),
	    IN_RING(whatever_it_answers_is_what_the_log_would),
	};

	return RUN(tests);
}
