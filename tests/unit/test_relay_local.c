/* SPDX-License-Identifier: ISC */
/*
 * server/relay_local.c where it goes beyond the contract of relay.h: ids and
 * expiry by clocks that the test turns, and what it forgets.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/relay.h"
#include "server/relay_local.h"
#include "tests/unit/unit.h"

#define ALICE "g00000000000000000000000000000a11"
#define BOB "g00000000000000000000000000000b0b"

enum {
	MINUTE = 60 * 1000,
	HOUR = 60 * MINUTE,
	DAY = 24 * HOUR,
	DEDUPE = 5 * MINUTE,
};

struct fixture {
	struct relay *relay;
	uint64_t now_ms, wall_ms;
	unsigned wakes;
	unsigned messages; /* came up */
	const char *close; /* this room when one comes */
};

static void
wake(void *arg)
{
	struct fixture *f = arg;
	f->wakes++;
}

static void
on_message(void *arg, void *room, const struct relay_msg *m)
{
	(void)room;
	(void)m;
	struct fixture *f = arg;
	f->messages++;
	if (f->close != NULL)
		relay_close_room(f->relay, f->close);
}

static void
on_presence(void *arg, void *room, enum relay_presence what,
    const struct relay_member *m, struct span text)
{
	(void)arg;
	(void)room;
	(void)what;
	(void)m;
	(void)text;
}

static void
start(struct fixture *f, int64_t history, int64_t ttl_ms, int64_t memory)
{
	struct relay_local_config config = {
	    .node = "den",
	    .history = history,
	    .history_ttl_ms = ttl_ms,
	    .dedupe_ms = DEDUPE,
	    .memory = memory,
	    .wake = wake,
	    .wake_arg = f,
	};
	static const struct relay_events events = {
	    .on_message = on_message, .on_presence = on_presence};
	*f = (struct fixture){.now_ms = 5000, .wall_ms = 1700000000000};
	f->relay = relay_local_new(&config);
	relay_set_events(f->relay, &events, f);
}

static void
stop(struct fixture *f)
{
	relay_free(f->relay);
}

static void
run(struct fixture *f)
{
	relay_local_run(f->relay, f->now_ms, f->wall_ms);
}

static void
pass(struct fixture *f, uint64_t ms)
{
	f->now_ms += ms;
	f->wall_ms += ms;
}

/* --- calls with their answers --------------------------------------------- */

struct answer {
	unsigned calls;
	enum relay_status st;
	struct msgid id;
	bool dup, gap;
	size_t n;
	struct msgid first;
};

static void
on_append(void *arg, enum relay_status st, struct msgid id, bool dup,
    const struct relay_msg *again)
{
	assert_int_equal(st == RELAY_STALE, again != NULL);
	struct answer *a = arg;
	a->calls++;
	a->st = st;
	a->id = id;
	a->dup = dup;
}

static void
on_room(void *arg, enum relay_status st, const struct relay_room_info *info)
{
	struct answer *a = arg;
	a->calls++;
	a->st = st;
	if (info != NULL)
		a->id = info->last;
}

static void
on_done(void *arg, enum relay_status st)
{
	struct answer *a = arg;
	a->calls++;
	a->st = st;
}

static void
on_read(void *arg, enum relay_status st, const struct relay_page *page)
{
	struct answer *a = arg;
	a->calls++;
	a->st = st;
	a->n = page->n;
	a->gap = page->gap;
	if (page->n > 0)
		a->first = page->msgs[0].id;
}

static void
on_peek(void *arg, enum relay_status st, const struct relay_peek *peek)
{
	struct answer *a = arg;
	a->calls++;
	a->st = st;
	a->n = peek != NULL ? peek->n : 0;
}

static struct answer
say(struct fixture *f, const char *room, const char *cid, const char *text)
{
	struct answer a = {0};
	struct conv c;
	conv_room(&c, room);
	struct relay_msg m = {
	    .sender = SPAN(ALICE),
	    .nick = SPAN("Alice"),
	    .cid = span_of(cid),
	    .text = span_of(text),
	};
	relay_append(f->relay, &c, &m, on_append, &a);
	run(f);
	assert_int_equal(a.calls, 1);
	return a;
}

static struct answer
open_room(struct fixture *f, const char *room)
{
	struct answer a = {0};
	struct name name = {0};
	span_copy(name.shown, sizeof name.shown, span_of(room));
	span_copy(name.fold, sizeof name.fold, span_of(room));
	relay_open_room(f->relay, &name, f, on_room, &a);
	run(f);
	assert_int_equal(a.calls, 1);
	return a;
}

static struct answer
read_from(struct fixture *f, const char *room, struct msgid from)
{
	struct answer a = {0};
	struct conv c;
	conv_room(&c, room);
	struct relay_range range = {
	    .direction = RELAY_FORWARD,
	    .from = from,
	    .check_from = true,
	    .n = RELAY_READ_MAX,
	};
	relay_read(f->relay, &c, &range, on_read, &a);
	run(f);
	assert_int_equal(a.calls, 1);
	return a;
}

static bool
is_known(struct fixture *f, const char *room)
{
	struct answer a = {0};
	relay_peek(f->relay, room, on_peek, &a);
	run(f);
	assert_int_equal(a.calls, 1);
	return a.st == RELAY_OK;
}

static const struct msgid zero = {0, 0};

/* --- ids ------------------------------------------------------------------ */

static void
ids_are_the_wall_clocks_milliseconds(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, 1000, DAY, 0);

	struct answer a = say(&f, "lobby", NULL, "hi");
	struct answer b = say(&f, "lobby", NULL, "hi");
	pass(&f, 1);
	struct answer c = say(&f, "lobby", NULL, "hi");

	assert_int_equal(a.id.ms, 1700000000000);
	assert_int_equal(a.id.seq, 0);
	assert_int_equal(b.id.ms, 1700000000000);
	assert_int_equal(b.id.seq, 1);
	assert_int_equal(c.id.ms, 1700000000001);
	assert_int_equal(c.id.seq, 0);
	stop(&f);
}

static void
ids_rise_though_the_wall_clock_falls_back(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, 1000, DAY, 0);
	struct answer a = say(&f, "lobby", NULL, "hi");

	f.wall_ms -= HOUR;
	struct answer b = say(&f, "lobby", NULL, "hi");
	struct answer c = say(&f, "lobby", NULL, "hi");

	assert_true(msgid_cmp(b.id, a.id) > 0);
	assert_true(msgid_cmp(c.id, b.id) > 0);
	stop(&f);
}

static void
a_clock_that_fell_back_holds_other_rooms_to_nothing(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, 1000, DAY, 0);
	say(&f, "lobby", NULL, "hi");

	f.wall_ms -= HOUR;
	struct answer a = say(&f, "den", NULL, "hi");

	assert_int_equal(a.id.ms, f.wall_ms);
	stop(&f);
}

static void
ids_rise_though_room_and_clock_were_forgotten(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, 1000, DAY, 0);
	struct answer a = say(&f, "lobby", NULL, "hi");
	f.now_ms += 2 * DAY;
	run(&f);
	assert_false(is_known(&f, "lobby"));

	f.wall_ms -= HOUR;
	struct answer b = say(&f, "lobby", NULL, "hi");

	assert_true(msgid_cmp(b.id, a.id) > 0);
	stop(&f);
}

/* --- dedupe --------------------------------------------------------------- */

static void
a_cid_is_remembered_for_the_dedupe_time(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, 1000, DAY, 0);
	struct answer a = say(&f, "lobby", "c1", "hi");

	pass(&f, DEDUPE - 1);
	struct answer b = say(&f, "lobby", "c1", "hi");
	pass(&f, 1);
	struct answer c = say(&f, "lobby", "c1", "hi");

	assert_true(b.dup);
	assert_int_equal(msgid_cmp(a.id, b.id), 0);
	assert_false(c.dup);
	assert_true(msgid_cmp(c.id, a.id) > 0);
	stop(&f);
}

static void
a_cid_outlives_the_log(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, 0, DAY, 0);
	struct answer a = say(&f, "lobby", "c1", "hi");
	pass(&f, 2 * MINUTE);
	run(&f);
	assert_false(is_known(&f, "lobby"));

	struct answer b = say(&f, "lobby", "c1", "hi");

	assert_true(b.dup);
	assert_int_equal(msgid_cmp(a.id, b.id), 0);
	stop(&f);
}

static void
many_cids_expire_and_return(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, 1000, DAY, 0);
	char cid[24];

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 500; i++) {
			snprintf(cid, sizeof cid, "c%d", i);
			assert_false(say(&f, "lobby", cid, "hi").dup);
		}
		for (int i = 0; i < 500; i++) {
			snprintf(cid, sizeof cid, "c%d", i);
			assert_true(say(&f, "lobby", cid, "hi").dup);
		}
		pass(&f, DEDUPE);
	}
	stop(&f);
}

/* --- what is kept --------------------------------------------------------- */

static void
small_histories_keep_256_messages(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, 0, DAY, 0);
	struct msgid ids[300];
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		ids[i] = say(&f, "lobby", NULL, "hi").id;

	assert_true(read_from(&f, "lobby", ids[43]).gap);
	struct answer a = read_from(&f, "lobby", ids[44]);
	assert_false(a.gap);
	assert_int_equal(msgid_cmp(a.first, ids[45]), 0);
	assert_true(read_from(&f, "lobby", zero).gap);
	stop(&f);
}

static void
larger_histories_keep_what_they_say(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, 700, DAY, 0);
	struct msgid ids[800];
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		ids[i] = say(&f, "lobby", NULL, "hi").id;

	assert_true(read_from(&f, "lobby", ids[99]).gap);
	assert_false(read_from(&f, "lobby", ids[100]).gap);
	stop(&f);
}

static void
without_history_a_log_is_gone_after_a_minute_of_silence(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, 0, DAY, 0);
	open_room(&f, "lobby");
	say(&f, "lobby", NULL, "hi");
	pass(&f, MINUTE - 1);
	say(&f, "lobby", NULL, "hi");
	pass(&f, MINUTE - 1);

	assert_int_equal(read_from(&f, "lobby", zero).n, 2);
	pass(&f, 1);
	struct answer a = read_from(&f, "lobby", zero);
	assert_int_equal(a.n, 0);
	assert_true(a.gap);
	stop(&f);
}

static void
a_log_is_gone_after_history_ttl_of_silence(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, 1000, DAY, 0);
	say(&f, "lobby", NULL, "hi");

	pass(&f, DAY - 1);
	assert_int_equal(read_from(&f, "lobby", zero).n, 1);
	pass(&f, 1);
	assert_int_equal(read_from(&f, "lobby", zero).n, 0);
	stop(&f);
}

static void
the_newest_id_outlives_the_log_of_an_open_room(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, 1000, DAY, 0);
	open_room(&f, "lobby");
	struct msgid last = say(&f, "lobby", NULL, "hi").id;

	pass(&f, 2 * DAY);
	run(&f);

	assert_false(read_from(&f, "lobby", last).gap);
	assert_true(read_from(&f, "lobby", zero).gap);
	relay_close_room(f.relay, "lobby");
	stop(&f);
}

static void
an_empty_room_is_forgotten_at_once(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, 1000, DAY, 0);
	struct answer done = {0};
	struct relay_member m = {.sender = SPAN(ALICE), .nick = SPAN("Alice")};
	open_room(&f, "lobby");
	relay_join(f.relay, "lobby", &m, on_done, &done);
	run(&f);
	assert_true(is_known(&f, "lobby"));

	relay_part(f.relay, "lobby", &m, SPAN_NONE, on_done, &done);
	relay_close_room(f.relay, "lobby");
	run(&f);

	assert_int_equal(done.calls, 2);
	assert_false(is_known(&f, "lobby"));
	stop(&f);
}

static void
reading_makes_no_room(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, 1000, DAY, 0);
	struct conv c;
	conv_room(&c, "lobby");

	read_from(&f, "lobby", zero);
	relay_typing(f.relay, &c, SPAN(ALICE), SPAN("Alice"));
	run(&f);

	assert_false(is_known(&f, "lobby"));
	stop(&f);
}

/* --- the budget ----------------------------------------------------------- */

static void
above_the_budget_the_longest_silent_gives_way(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, 1000, DAY, 100 << 10);
	say(&f, "old", NULL, "first");
	say(&f, "young", NULL, "second");
	say(&f, "old", NULL, "third");

	while (is_known(&f, "young"))
		assert_int_equal(say(&f, "loud", NULL, "more").st, RELAY_OK);

	assert_int_equal(read_from(&f, "old", zero).n, 2);
	while (read_from(&f, "old", zero).n == 2)
		assert_int_equal(say(&f, "loud", NULL, "more").st, RELAY_OK);
	assert_int_equal(read_from(&f, "old", zero).n, 1);
	assert_true(read_from(&f, "old", zero).gap);
	stop(&f);
}

static void
one_loud_room_forgets_its_own_oldest(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, 10000, DAY, 64 << 10);
	struct msgid last = zero;

	for (int i = 0; i < 2000; i++) {
		struct answer a = say(&f, "loud", NULL, "some words to keep");
		assert_int_equal(a.st, RELAY_OK);
		last = a.id;
	}

	struct answer a = read_from(&f, "loud", zero);
	assert_true(a.gap);
	assert_true(a.n > 0);
	assert_false(read_from(&f, "loud", last).gap);
	stop(&f);
}

static void
when_nothing_can_give_way_a_message_is_refused(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, 1000, DAY, 64 << 10);
	char cid[24];
	struct answer a = {0};

	unsigned accepted = 0;
	for (int i = 0; i < 2000 && a.st == RELAY_OK; i++) {
		snprintf(cid, sizeof cid, "c%d", i);
		a = say(&f, "lobby", cid, "hi");
		accepted += a.st == RELAY_OK;
	}

	assert_int_equal(a.st, RELAY_FULL);
	assert_true(accepted > 50);
	assert_true(say(&f, "lobby", "c0", "hi").dup);
	pass(&f, DEDUPE);
	run(&f);
	assert_int_equal(say(&f, "lobby", "later", "hi").st, RELAY_OK);
	stop(&f);
}

/* --- running -------------------------------------------------------------- */

static void
wakes_once_for_all_that_waits(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, 1000, DAY, 0);

	relay_release(f.relay, "alice", ALICE);
	relay_release(f.relay, "bob", BOB);
	assert_int_equal(f.wakes, 1);
	run(&f);
	relay_release(f.relay, "alice", ALICE);
	assert_int_equal(f.wakes, 2);
	stop(&f);
}

struct chain {
	struct fixture *f;
	unsigned calls;
};

/* Asks again from within the answer. */
static void
on_again(void *arg, enum relay_status st)
{
	struct chain *c = arg;
	struct name name = {"Alice", "alice"};
	c->calls++;
	if (st == RELAY_OK)
		relay_claim(c->f->relay, &name, ALICE, NULL, on_again, c);
}

static void
what_a_call_back_asks_waits_for_the_next_run(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, 1000, DAY, 0);
	struct chain c = {&f, 0};
	struct name name = {"Alice", "alice"};
	relay_claim(f.relay, &name, ALICE, NULL, on_again, &c);

	run(&f);
	assert_int_equal(c.calls, 1);
	assert_int_equal(f.wakes, 2);
	run(&f);
	assert_int_equal(c.calls, 2);
	stop(&f);
	assert_int_equal(c.calls, 3);
}

static void
a_full_queue_grows_in_order(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, 1000, DAY, 0);
	enum { MANY = 1000 };
	struct answer *a = xcalloc(MANY, sizeof *a);
	struct conv c;
	conv_room(&c, "lobby");
	struct relay_msg m = {.sender = SPAN(ALICE), .text = SPAN("hi")};
	open_room(&f, "lobby");
	for (int i = 0; i < 40; i++) /* so that the ring wraps */
		say(&f, "lobby", NULL, "hi");

	for (int i = 0; i < MANY; i++)
		relay_append(f.relay, &c, &m, on_append, &a[i]);
	run(&f);

	for (int i = 1; i < MANY; i++)
		assert_true(msgid_cmp(a[i].id, a[i - 1].id) > 0);
	assert_int_equal(f.messages, MANY + 40);
	free(a);
	stop(&f);
}

static void
closing_within_a_call_back_is_heeded(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, 1000, DAY, 0);
	open_room(&f, "lobby");
	struct answer a = {0};
	struct conv c;
	conv_room(&c, "lobby");
	struct relay_msg m = {.sender = SPAN(ALICE), .text = SPAN("hi")};

	f.close = "lobby";

	relay_append(f.relay, &c, &m, on_append, &a);
	relay_append(f.relay, &c, &m, on_append, &a);
	run(&f);

	assert_int_equal(a.calls, 2);
	assert_int_equal(f.messages, 1);
	stop(&f);
}

static void
unwatching_answers_a_pending_watch(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, 1000, DAY, 0);
	struct answer first = {0}, second = {0};

	relay_watch(f.relay, ALICE, &f, on_done, &first);
	relay_unwatch(f.relay, ALICE);
	relay_watch(f.relay, ALICE, &f, on_done, &second);
	run(&f);

	assert_int_equal(first.calls, 1);
	assert_int_equal(first.st, RELAY_DOWN);
	assert_int_equal(second.calls, 1);
	assert_int_equal(second.st, RELAY_OK);
	stop(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(ids_are_the_wall_clocks_milliseconds),
	    TEST(ids_rise_though_the_wall_clock_falls_back),
	    TEST(a_clock_that_fell_back_holds_other_rooms_to_nothing),
	    TEST(ids_rise_though_room_and_clock_were_forgotten),
	    TEST(a_cid_is_remembered_for_the_dedupe_time),
	    TEST(a_cid_outlives_the_log),
	    TEST(many_cids_expire_and_return),
	    TEST(small_histories_keep_256_messages),
	    TEST(larger_histories_keep_what_they_say),
	    TEST(without_history_a_log_is_gone_after_a_minute_of_silence),
	    TEST(a_log_is_gone_after_history_ttl_of_silence),
	    TEST(the_newest_id_outlives_the_log_of_an_open_room),
	    TEST(an_empty_room_is_forgotten_at_once),
	    TEST(reading_makes_no_room),
	    TEST(above_the_budget_the_longest_silent_gives_way),
	    TEST(one_loud_room_forgets_its_own_oldest),
	    TEST(when_nothing_can_give_way_a_message_is_refused),
	    TEST(wakes_once_for_all_that_waits),
	    TEST(what_a_call_back_asks_waits_for_the_next_run),
	    TEST(a_full_queue_grows_in_order),
	    TEST(closing_within_a_call_back_is_heeded),
	    TEST(unwatching_answers_a_pending_watch),
	};
	return RUN(tests);
}
