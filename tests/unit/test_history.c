/* SPDX-License-Identifier: ISC */
/*
 * server/history.c over the relay in memory, whose turns are taken by hand:
 * which entries a reading tells, in pages, and how it ends.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/history.h"
#include "server/relay_local.h"

#define ANN "g000000000000000000000000000000aa"
#define BOB "g000000000000000000000000000000bb"

enum { WALL = 1000 };

struct fixture {
	struct relay *relay;
	struct buf out;
	bool ready, refused;
	unsigned outs; /* pages that were written */
	unsigned gaps, drops, dones;
	size_t gap_at; /* bytes that were out when it was told */
	enum relay_status status;
	bool end;
	struct msgid last;
	unsigned wakes;
	unsigned entries; /* the n-th has the id (WALL + n)-0 and the text n */
};

static void
wake(void *arg)
{
	struct fixture *f = arg;

	f->wakes++;
}

static void
start_relay(struct fixture *f, int64_t history)
{
	static const struct relay_events none = {0};
	struct relay_local_config c = {
	    .node = "den",
	    .history = history,
	    .history_ttl_ms = 1000000,
	    .dedupe_ms = 1000,
	    .wake = wake,
	    .wake_arg = f,
	};

	f->relay = relay_local_new(&c);
	f->entries = 0;
	relay_set_events(f->relay, &none, f);
}

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	start_relay(f, 1000);
	f->ready = true;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	relay_free(f->relay);
	buf_free(&f->out);
	free(f);
	return 0;
}

static void
run(struct fixture *f)
{
	relay_local_run(f->relay, 1, WALL + f->entries);
}

static void
ignore_append(void *arg, enum relay_status st, struct msgid id, bool dup,
    const struct relay_msg *again)
{
	struct fixture *f = arg;

	assert_null(again);
	assert_int_equal(st, RELAY_OK);
	assert_int_equal(id.ms, WALL + f->entries);
	assert_false(dup);
}

static void
add(struct fixture *f, enum relay_kind kind, const char *sender,
    const char *cid)
{
	char text[16];
	struct conv c;
	struct relay_msg m = {
	    .kind = kind,
	    .sender = span_of(sender),
	    .nick = SPAN("ann"),
	    .cid = span_of(cid),
	};

	f->entries++;
	snprintf(text, sizeof text, "%u", f->entries);
	m.text = span_of(text);
	conv_room(&c, "r");
	relay_append(f->relay, &c, &m, ignore_append, f);
	run(f);
}

static void
fill(struct fixture *f, unsigned n)
{
	while (f->entries < n)
		add(f, RELAY_MSG, ANN, NULL);
}

static void
begin_anew(struct fixture *f, int64_t history, unsigned n)
{
	relay_free(f->relay);
	start_relay(f, history);
	fill(f, n);
}

/* --- the reader ----------------------------------------------------------- */

static struct buf *
out_of(void *arg)
{
	struct fixture *f = arg;

	f->outs++;
	return &f->out;
}

static bool
is_ready(void *arg)
{
	struct fixture *f = arg;

	return f->ready;
}

static bool
may_read(void *arg)
{
	const struct fixture *f = arg;

	return !f->refused;
}

static void
on_gap(void *arg)
{
	struct fixture *f = arg;

	f->gaps++;
	f->gap_at = buf_len(&f->out);
}

static void
on_drop(void *arg)
{
	struct fixture *f = arg;

	f->drops++;
}

static void
on_done(void *arg, enum relay_status st, bool end, struct msgid last)
{
	struct fixture *f = arg;

	f->dones++;
	f->status = st;
	f->end = end;
	f->last = last;
}

static struct msgid
id_of(unsigned n)
{
	return n > 0 ? (struct msgid){WALL + n, 0} : (struct msgid){0, 0};
}

static struct history *
start(struct fixture *f, struct history_ask ask)
{
	struct history_reader reader = {
	    f, out_of, is_ready, may_read, on_gap, on_drop, on_done};

	conv_room(&ask.conv, "r");
	ask.target = SPAN("R");
	ask.me = ANN;
	f->outs = f->gaps = f->drops = f->dones = 0;
	f->gap_at = 0;
	buf_clear(&f->out);
	return history_start(f->relay, &ask, &reader);
}

static void
finish(struct fixture *f)
{
	for (int i = 0; i < 1000 && f->dones == 0; i++)
		run(f);
	assert_int_equal(f->dones, 1);
	assert_int_equal(f->drops, 0);
	run(f);
	assert_int_equal(f->dones, 1);
}

static struct history *
read_all(struct fixture *f, struct history_ask ask)
{
	struct history *h = start(f, ask);

	finish(f);
	assert_int_equal(f->status, RELAY_OK);
	return h;
}

/* Takes one line off; gives the number that its text is. */
static unsigned
next_number(struct span *rest, bool replay)
{
	const char *lf = memchr(rest->p, '\n', rest->len);
	struct span line = {rest->p, (size_t)(lf - rest->p)};
	uint64_t n;

	rest->p += line.len + 1;
	rest->len -= line.len + 1;
	text_word(&line); /* the length */
	if (replay)
		assert_true(span_is(text_word(&line), "@replay"));
	assert_true(span_is(text_word(&line), "MSG"));
	assert_true(span_is(text_word(&line), "R"));
	text_word(&line);
	assert_true(span_is(text_word(&line), "ann"));
	assert_true(text_u64(line, UINT32_MAX, &n));
	return (unsigned)n;
}

/* Exactly these were told, in order. */
static void
assert_told(struct fixture *f, unsigned first, unsigned last)
{
	struct span rest = {buf_head(&f->out), buf_len(&f->out)};

	for (unsigned n = first; n <= last; n++)
		assert_int_equal(next_number(&rest, true), n);
	assert_int_equal(rest.len, 0);
}

static const unsigned sizes[] = {0, 1, 15, 16, 17, 64, 65, 128, 500};

/* --- LAST ----------------------------------------------------------------- */

static void
the_last_n_are_told_in_order_whatever_the_pages(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		unsigned all = sizes[i];

		begin_anew(f, 1000, all);
		for (size_t j = 1; j < ARRAY_LEN(sizes); j++) {
			unsigned n = sizes[j];

			read_all(f,
			    (struct history_ask){
				.want = HISTORY_LAST, .n = n, .offered = 1000});
			assert_told(f, n < all ? all - n + 1 : 1, all);
			assert_int_equal(f->end, n >= all);
			assert_int_equal(f->gaps, 0);
			assert_int_equal(f->last.ms, all > 0 ? WALL + all : 0);
		}
	}
}

static void
the_last_n_before_an_id_leave_it_out(void **state)
{
	struct fixture *f = *state;

	fill(f, 100);
	for (unsigned before = 1; before <= 101; before += 10)
		for (size_t j = 1; j < ARRAY_LEN(sizes); j++) {
			unsigned n = sizes[j], below = before - 1;

			read_all(f, (struct history_ask){.want = HISTORY_LAST,
					.to = id_of(before),
					.n = n,
					.offered = 1000});
			assert_told(f, n < below ? below - n + 1 : 1, below);
			assert_int_equal(f->end, n >= below);
		}
}

static void
an_id_that_is_no_entry_will_do_as_a_bound(void **state)
{
	struct fixture *f = *state;

	fill(f, 20);
	read_all(f, (struct history_ask){.want = HISTORY_LAST,
			.to = {WALL + 10, 5},
			.n = 3,
			.offered = 1000});
	assert_told(f, 8, 10);
	read_all(f,
	    (struct history_ask){
		.want = HISTORY_LAST, .to = {0, 1}, .n = 3, .offered = 1000});
	assert_told(f, 1, 0);
	assert_true(f->end);
	read_all(f, (struct history_ask){.want = HISTORY_LAST,
			.to = {UINT64_MAX, UINT64_MAX},
			.n = 3,
			.offered = 1000});
	assert_told(f, 18, 20);
}

static void
the_newest_are_those_of_the_time_of_asking(void **state)
{
	struct fixture *f = *state;

	fill(f, 100);
	start(f, (struct history_ask){
		     .want = HISTORY_LAST, .n = 40, .offered = 1000});
	for (unsigned i = 0; i < 100 && f->dones == 0; i++)
		add(f, RELAY_MSG, BOB, NULL); /* a turn, and one more entry */
	assert_int_equal(f->dones, 1);
	/* The first of them came with the turn of the first page. */
	assert_told(f, 61, 100);
}

/* --- SINCE and AFTER ------------------------------------------------------ */

static void
since_tells_all_that_came_after_up_to_an_id(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		unsigned all = sizes[i];

		begin_anew(f, 1000, all);
		for (unsigned from = 0; from <= all; from += 1 + all / 7) {
			read_all(f, (struct history_ask){.want = HISTORY_SINCE,
					.from = id_of(from),
					.to = id_of(all),
					.offered = 1000});
			assert_told(f, from + 1, all);
			assert_int_equal(f->gaps, 0);
		}
	}
}

static void
since_does_not_go_beyond_its_end(void **state)
{
	struct fixture *f = *state;

	fill(f, 100);
	for (unsigned to = 10; to <= 50; to++) {
		read_all(f, (struct history_ask){.want = HISTORY_SINCE,
				.from = id_of(9),
				.to = id_of(to),
				.offered = 1000});
		assert_told(f, 10, to);
		assert_int_equal(f->last.ms, WALL + to);
	}
}

static void
after_tells_the_oldest_n_above_an_id(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		unsigned all = sizes[i];

		begin_anew(f, 1000, all);
		for (size_t j = 1; j < ARRAY_LEN(sizes); j++) {
			unsigned n = sizes[j];

			read_all(f, (struct history_ask){.want = HISTORY_AFTER,
					.from = id_of(all / 3),
					.n = n,
					.offered = 1000});
			assert_told(f, all / 3 + 1,
			    n < all - all / 3 ? all / 3 + n : all);
			assert_int_equal(f->end, n >= all - all / 3);
		}
	}
}

/* --- what counts, and what is offered ------------------------------------- */

static void
topics_are_not_counted_nor_told_in_a_replay(void **state)
{
	struct fixture *f = *state;
	unsigned messages = 0;

	/* 2 of 3 entries are topics, more than a page of them in a row too. */
	while (f->entries < 300) {
		add(f, RELAY_MSG, ANN, NULL);
		messages++;
		add(f, RELAY_TOPIC, ANN, NULL);
		add(f, RELAY_TOPIC, ANN, NULL);
	}
	while (f->entries < 400)
		add(f, RELAY_TOPIC, ANN, NULL);
	for (unsigned n = 1; n <= messages + 1; n += 9) {
		struct span rest;
		unsigned k = 0, got = n < messages ? n : messages;

		read_all(f, (struct history_ask){
				.want = HISTORY_LAST, .n = n, .offered = 1000});
		rest = (struct span){buf_head(&f->out), buf_len(&f->out)};
		for (k = messages - got; k < messages; k++)
			assert_int_equal(next_number(&rest, true), 3 * k + 1);
		assert_int_equal(rest.len, 0);
		assert_int_equal(f->end, n >= messages);
		read_all(
		    f, (struct history_ask){
			   .want = HISTORY_AFTER, .n = n, .offered = 1000});
		rest = (struct span){buf_head(&f->out), buf_len(&f->out)};
		for (k = 0; k < got; k++)
			assert_int_equal(next_number(&rest, true), 3 * k + 1);
		assert_int_equal(rest.len, 0);
	}
}

static void
no_more_is_offered_than_the_rooms_history(void **state)
{
	static const int64_t offers[] = {0, 1, 10, 64, 255, 256};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
		unsigned offered = (unsigned)offers[i];

		begin_anew(f, offers[i], 500);
		read_all(f,
		    (struct history_ask){
			.want = HISTORY_LAST, .n = 500, .offered = offers[i]});
		assert_told(f, 501 - offered, 500);
		assert_true(f->end);
		read_all(f, (struct history_ask){.want = HISTORY_AFTER,
				.from = id_of(1),
				.n = 500,
				.offered = offers[i]});
		assert_told(f, 501 - offered, 500);
		assert_true(f->end);
	}
}

static void
the_end_is_told_at_the_edge_of_what_is_offered(void **state)
{
	struct fixture *f = *state;

	begin_anew(f, 10, 100);
	read_all(f,
	    (struct history_ask){.want = HISTORY_LAST, .n = 10, .offered = 10});
	assert_told(f, 91, 100);
	assert_true(f->end);
	read_all(f,
	    (struct history_ask){.want = HISTORY_LAST, .n = 9, .offered = 10});
	assert_told(f, 92, 100);
	assert_false(f->end);
	read_all(f,
	    (struct history_ask){
		.want = HISTORY_LAST, .to = id_of(92), .n = 9, .offered = 10});
	assert_told(f, 91, 91);
	assert_true(f->end);
	read_all(f,
	    (struct history_ask){
		.want = HISTORY_LAST, .to = id_of(91), .n = 9, .offered = 10});
	assert_told(f, 1, 0);
	assert_true(f->end);
}

static void
a_bridge_reaches_back_beyond_what_is_offered(void **state)
{
	struct fixture *f = *state;

	begin_anew(f, 0, 300);
	read_all(f, (struct history_ask){.want = HISTORY_SINCE,
			.from = id_of(100),
			.to = id_of(300),
			.offered = 0});
	assert_told(f, 101, 300);
	assert_int_equal(f->gaps, 0);
}

/* --- gaps ----------------------------------------------------------------- */

static void
a_since_that_was_trimmed_is_told_before_the_first_line(void **state)
{
	struct fixture *f = *state;

	begin_anew(f, 256, 300);
	read_all(f, (struct history_ask){.want = HISTORY_SINCE,
			.from = id_of(20),
			.to = id_of(300),
			.offered = 256});
	assert_int_equal(f->gaps, 1);
	assert_int_equal(f->gap_at, 0);
	assert_told(f, 45, 300);
}

static void
a_since_that_never_was_is_a_gap_unless_nobody_asks(void **state)
{
	struct fixture *f = *state;
	struct history_ask ask = {.want = HISTORY_SINCE,
	    .from = {WALL + 5, 7},
	    .to = {WALL + 20, 0},
	    .offered = 1000};

	fill(f, 20);
	read_all(f, ask);
	assert_int_equal(f->gaps, 1);
	assert_told(f, 6, 20);
	ask.unchecked = true;
	read_all(f, ask);
	assert_int_equal(f->gaps, 0);
	assert_told(f, 6, 20);
}

static void
a_log_trimmed_under_a_slow_reader_is_a_gap_in_the_middle(void **state)
{
	/* The first of these asks knows that its beginning is in the log. */
	static const struct history_ask asks[] = {
	    {.want = HISTORY_SINCE, .from = {WALL + 10, 0}},
	    {.want = HISTORY_SINCE, .from = {WALL + 10, 0}, .unchecked = true},
	    {.want = HISTORY_LAST, .n = 190},
	    {.want = HISTORY_AFTER, .from = {WALL + 10, 0}, .n = 190},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
		struct history_ask ask = asks[i];
		struct history *h;
		struct span rest;
		size_t at;

		begin_anew(f, 256, 200);
		ask.offered = 256;
		if (ask.want == HISTORY_SINCE)
			ask.to = id_of(200);
		h = start(f, ask);
		while (f->outs == 0)
			run(f);
		f->ready = false;
		run(f);
		at = buf_len(&f->out);
		rest = (struct span){buf_head(&f->out), at};
		for (unsigned n = 11; rest.len > 0; n++)
			assert_int_equal(next_number(&rest, true), n);
		fill(f, 400); /* 1 to 144 go */
		f->ready = true;
		history_continue(h);
		finish(f);
		assert_int_equal(f->gaps, 1);
		assert_int_equal(f->gap_at, at);
		rest = (struct span){
		    buf_head(&f->out) + at, buf_len(&f->out) - at};
		for (unsigned n = 145; n <= 200; n++)
			assert_int_equal(next_number(&rest, true), n);
	}
}

static void
what_was_told_is_known_in_between(void **state)
{
	struct fixture *f = *state;
	struct history *h;

	fill(f, 40);
	h = start(f, (struct history_ask){.want = HISTORY_SINCE,
			 .from = id_of(10),
			 .to = id_of(40),
			 .offered = 1000});
	assert_int_equal(history_told(h).ms, WALL + 10);
	run(f);
	assert_int_equal(history_told(h).ms, WALL + 26);
	finish(f);
}

/* --- the reader's pace, and its going ------------------------------------- */

/* Whatever the phase: finding the floor, counting, telling. */
static void
a_page_that_comes_when_the_reader_may_not_read_is_not_told(void **state)
{
	static const struct history_ask asks[] = {
	    {.want = HISTORY_SINCE, .to = {WALL + 100, 0}, .offered = 1000},
	    {.want = HISTORY_SINCE, .to = {WALL + 100, 0}, .offered = 50},
	    {.want = HISTORY_LAST, .n = 50, .offered = 1000},
	    {.want = HISTORY_AFTER, .n = 50, .offered = 1000},
	};
	struct fixture *f = *state;

	fill(f, 100);
	for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
		f->refused = true;
		start(f, asks[i]);
		finish(f);
		assert_int_equal(f->status, RELAY_STALE);
		assert_int_equal(buf_len(&f->out), 0);
	}
}

static void
who_is_refused_between_two_pages_is_told_no_more(void **state)
{
	struct fixture *f = *state;
	struct history *h;

	fill(f, 100);
	f->refused = false;
	h = start(
	    f, (struct history_ask){
		   .want = HISTORY_SINCE, .to = id_of(100), .offered = 1000});
	while (f->outs == 0)
		run(f);
	f->ready = false;
	run(f);
	assert_told(f, 1, f->outs * HISTORY_PAGE);
	f->refused = true;
	f->ready = true;
	history_continue(h);
	finish(f);
	assert_int_equal(f->status, RELAY_STALE);
	assert_told(f, 1, f->outs * HISTORY_PAGE);
}

static void
reads_no_further_while_the_reader_is_not_ready(void **state)
{
	struct fixture *f = *state;
	struct history *h;

	fill(f, 100);
	f->ready = false;
	h = start(
	    f, (struct history_ask){
		   .want = HISTORY_SINCE, .to = id_of(100), .offered = 1000});
	for (unsigned page = 1; page <= 6; page++) {
		unsigned outs;

		run(f);
		run(f);
		assert_told(f, 1, 16 * page);
		outs = f->outs;
		history_continue(h); /* still not */
		run(f);
		assert_int_equal(f->outs, outs);
		f->ready = true;
		history_continue(h);
		history_continue(h); /* one read at a time */
		f->ready = false;
	}
	finish(f);
	assert_told(f, 1, 100);
}

static void
a_cancelled_reading_is_dropped_once_and_says_no_more(void **state)
{
	static const enum history_want wants[] = {
	    HISTORY_SINCE, HISTORY_LAST, HISTORY_AFTER};
	struct fixture *f = *state;

	begin_anew(f, 200, 250);
	for (size_t i = 0; i < ARRAY_LEN(wants); i++)
		for (unsigned turns = 0;; turns++) {
			struct history *h =
			    start(f, (struct history_ask){.want = wants[i],
					 .from = id_of(60),
					 .n = 150,
					 .offered = 200});
			size_t len;

			for (unsigned k = 0; k < turns; k++)
				run(f);
			if (f->dones > 0) {
				assert_true(turns > 10);
				break;
			}
			len = buf_len(&f->out);
			history_cancel(h);
			assert_int_equal(f->drops, 1);
			for (unsigned k = 0; k < 3; k++)
				run(f);
			assert_int_equal(f->drops, 1);
			assert_int_equal(f->dones, 0);
			assert_int_equal(buf_len(&f->out), len);
		}
}

static void
a_cancelled_reading_that_waited_for_its_reader_is_freed(void **state)
{
	struct fixture *f = *state;
	struct history *h;

	fill(f, 100);
	f->ready = false;
	h = start(
	    f, (struct history_ask){
		   .want = HISTORY_SINCE, .to = id_of(100), .offered = 1000});
	run(f);
	run(f);
	history_cancel(h);
	assert_int_equal(f->drops, 1);
	run(f);
	assert_int_equal(f->dones, 0);
	history_cancel(NULL);
}

static void
a_relay_that_goes_ends_the_reading(void **state)
{
	struct fixture *f = *state;

	fill(f, 100);
	start(f, (struct history_ask){
		     .want = HISTORY_SINCE, .to = id_of(100), .offered = 1000});
	run(f);
	relay_free(f->relay);
	assert_int_equal(f->dones, 1);
	assert_int_equal(f->status, RELAY_DOWN);
	assert_told(f, 1, 16);
	assert_int_equal(f->last.ms, WALL + 16);
	start_relay(f, 1000);
}

/* --- what the lines carry ------------------------------------------------- */

static void
assert_out(struct fixture *f, const char *all)
{
	assert_int_equal(buf_len(&f->out), strlen(all));
	assert_memory_equal(buf_head(&f->out), all, strlen(all));
}

static void
the_asker_gets_its_tag_and_the_sender_its_cid(void **state)
{
	struct fixture *f = *state;
	char tag[] = "t1";
	struct history_ask ask = {
	    .want = HISTORY_LAST, .n = 9, .offered = 1000, .tag = {tag, 2}};

	add(f, RELAY_MSG, ANN, "c1");
	add(f, RELAY_MSG, BOB, "c2");
	start(f, ask);
	memset(tag, 'x', 2); /* it was copied */
	finish(f);
	assert_out(f, "38 #t1 @replay @cid=c1 MSG R 1001-0 ann 1\n"
		      "30 #t1 @replay MSG R 1002-0 ann 2\n");
}

static void
what_came_meanwhile_is_told_as_if_live(void **state)
{
	struct fixture *f = *state;

	add(f, RELAY_MSG, ANN, "c1");
	add(f, RELAY_TOPIC, ANN, NULL);
	add(f, RELAY_MSG, ANN, NULL);
	read_all(f, (struct history_ask){.want = HISTORY_SINCE,
			.live = true,
			.to = id_of(3),
			.offered = 1000});
	assert_out(f, "18 MSG R 1001-0 ann 1\n"
		      "13 TOPIC R ann 2\n"
		      "18 MSG R 1003-0 ann 3\n");
}

static void
the_id_before_an_id_borrows_from_the_milliseconds(void **state)
{
	static const struct {
		struct msgid id, before;
	} rows[] = {
	    {{5, 3}, {5, 2}},
	    {{5, 1}, {5, 0}},
	    {{5, 0}, {4, UINT64_MAX}},
	    {{0, 1}, {0, 0}},
	    {{0, 0}, {0, 0}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(
		    msgid_cmp(history_before(rows[i].id), rows[i].before), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	    T(the_last_n_are_told_in_order_whatever_the_pages),
	    T(the_last_n_before_an_id_leave_it_out),
	    T(an_id_that_is_no_entry_will_do_as_a_bound),
	    T(the_newest_are_those_of_the_time_of_asking),
	    T(since_tells_all_that_came_after_up_to_an_id),
	    T(since_does_not_go_beyond_its_end),
	    T(after_tells_the_oldest_n_above_an_id),
	    T(topics_are_not_counted_nor_told_in_a_replay),
	    T(no_more_is_offered_than_the_rooms_history),
	    T(the_end_is_told_at_the_edge_of_what_is_offered),
	    T(a_bridge_reaches_back_beyond_what_is_offered),
	    T(a_since_that_was_trimmed_is_told_before_the_first_line),
	    T(a_since_that_never_was_is_a_gap_unless_nobody_asks),
	    T(a_log_trimmed_under_a_slow_reader_is_a_gap_in_the_middle),
	    T(what_was_told_is_known_in_between),
	    T(a_page_that_comes_when_the_reader_may_not_read_is_not_told),
	    T(who_is_refused_between_two_pages_is_told_no_more),
	    T(reads_no_further_while_the_reader_is_not_ready),
	    T(a_cancelled_reading_is_dropped_once_and_says_no_more),
	    T(a_cancelled_reading_that_waited_for_its_reader_is_freed),
	    T(a_relay_that_goes_ends_the_reading),
	    T(the_asker_gets_its_tag_and_the_sender_its_cid),
	    T(what_came_meanwhile_is_told_as_if_live),
	    T(the_id_before_an_id_borrows_from_the_milliseconds),
#undef T
	};

	return RUN(tests);
}
