/* SPDX-License-Identifier: ISC */
/*
 * What the relay over Redis does when things go wrong: real servers that are
 * killed, frozen, emptied, filled up, demoted and lied to.  What holds while
 * all is well is in the contract's tests.
 */
#include <event2/event.h>
#include <hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "server/relay_redis.h"
#include "tests/unit/redis_proxy.h"
#include "tests/unit/redis_server.h"
#include "tests/unit/relay_harness.h"
#include "tests/unit/unit.h"

enum {
	SAY_MS = 300,
	LEASE_MS = 1500,
	PROBE_MS = 200,
	DEAD_MS = 800,
	GRACE_MS = 400,
	REAP_MS = 2000,
};

static struct redis_server server;
static struct redis_proxy proxy;
static bool proxied; /* the first node goes through it */
static int64_t ttl_ms;
static char lobby[1], den[1], alice[1], bob[1];

/* --- the back end, with short times --------------------------------------- */

static int
faults_start(void)
{
	return redis_server_start(&server);
}

static void
faults_stop(void)
{
	redis_server_end(&server);
}

static void
faults_node_start(struct node *n)
{
	char cause[ERR_LEN];
	char *url = xasprintf("unix://%s", server.sock);
	char *prefix = xasprintf("t%u:", n->h->number);
	struct relay_redis_config config = {
	    .url = url,
	    .node = n->name,
	    .prefix = prefix,
	    .history = TEST_HISTORY,
	    .history_ttl_ms = ttl_ms ? ttl_ms : 3600 * 1000,
	    .dedupe_ms = TEST_DEDUPE_MS,
	    .resume_ms = TEST_RESUME_MS,
	    .say_timeout_ms = SAY_MS,
	    .lease_ms = LEASE_MS,
	    .heartbeat_ms = 50,
	    .grace_ms = GRACE_MS,
	    .reap_ms = REAP_MS,
	    .jitter_ms = 100,
	    .connect_timeout_ms = 1000,
	    .probe_ms = PROBE_MS,
	    .dead_ms = DEAD_MS,
	    .backoff_max_ms = 60,
	};

	n->backend = prefix;
	if (proxied && n == &n->h->node[0]) {
		redis_proxy_start(&proxy, n->h->base, &server);
		config.url = proxy.url;
		/* So seldom that nothing else makes good what is lost. */
		config.heartbeat_ms = 400;
	}
	n->relay = relay_redis_new(n->h->base, &config, cause);
	free(url);
	if (n->relay == NULL)
		fail_msg("relay_redis_new: %s", cause);
}

static void
faults_node_stop(struct node *n)
{
	free(n->backend);
}

static const struct backend faults = {
    .name = "redis-faults",
    .nodes = 2,
    .start = faults_start,
    .stop = faults_stop,
    .node_start = faults_node_start,
    .node_stop = faults_node_stop,
};

/* --- helpers -------------------------------------------------------------- */

static void
await_state(struct node *n, bool up)
{
	while (next_news(n, NEWS_STATE)->up != up)
		;
	assert_int_equal(relay_is_up(n->relay), up);
}

static void
await_up(struct node *n)
{
	while (!relay_is_up(n->relay))
		next_news(n, NEWS_STATE);
}

static void
expect_message(struct node *n, const void *room, const char *text)
{
	const struct news *w = next_news(n, NEWS_MESSAGE);

	assert_string_equal(w->text, text);
	assert_ptr_equal(w->what, room);
}

static const struct news *
expect_presence(struct node *n, enum relay_presence what, const char *sender)
{
	const struct news *w = next_news(n, NEWS_PRESENCE);

	assert_int_equal(w->presence, what);
	assert_string_equal(w->sender, sender);
	return w;
}

/* An entry as another node would write it; nobody is told. */
static void
add_entry(struct node *n, const char *prev, const char *id, const char *text)
{
	char *payload = xasprintf("@from=%s MSG bob %s", BOB, text);

	redis_server_do(&server, "XADD %s{r:lobby}:st %s p %s d %s",
	    (char *)n->backend, id, prev, payload);
	free(payload);
}

static void
append_silently(
    struct node *n, const char *prev, const char *id, const char *text)
{
	add_entry(n, prev, id, text);
	redis_server_do(
	    &server, "SET %s{r:lobby}:la %s", (char *)n->backend, id);
}

/* A claim of alice for Bob, by a node of that id. */
static void
claim_by_hand(struct node *n, const char *node)
{
	char *text = xasprintf("G %s %s 5 alice Alice -", BOB, node);

	redis_server_do(
	    &server, "SET %s{k:alice} %s", (char *)n->backend, text);
	free(text);
}

static void
format_id(char out[static MSGID_LEN_MAX + 1], struct msgid id, uint64_t more)
{
	id.ms += more;
	msgid_format(id, out);
}

static enum relay_status
claim(struct node *n, const char *shown, const char *sender)
{
	return await_answer(ask_claim(n, shown, sender, NULL))->st;
}

/* The id of a node: its name, a dot and its incarnation. */
static char *
node_id(struct node *n)
{
	redisReply *r = redis_server_ask(
	    &server, "ZRANGE %s{nodes} 0 -1", (char *)n->backend);
	char *id = NULL;

	for (size_t i = 0; i < r->elements; i++)
		if (strncmp(r->element[i]->str, n->name, strlen(n->name)) == 0)
			id = xstrdup(r->element[i]->str);
	freeReplyObject(r);
	assert_non_null(id);
	return id;
}

static void
kill_links(const char *type)
{
	redis_server_do(&server, "CLIENT KILL TYPE %s SKIPME yes", type);
}

/* --- crashes and cuts ----------------------------------------------------- */

static void
a_killed_redis_is_found_at_once_and_nothing_accepted_is_lost(struct harness *h)
{
	struct node *n = &h->node[0];
	char text[24];
	struct conv c = room_conv("lobby");
	struct relay_range range = {.direction = RELAY_FORWARD, .n = 64};
	open_room(n, "lobby", lobby);
	for (int i = 0; i < 20; i++) {
		snprintf(text, sizeof text, "line %d", i);
		say(n, "lobby", ALICE, text);
	}

	redis_server_kill(&server);
	uint64_t lost_ms = clock_now_ms();
	await_state(n, false);
	assert_true(clock_now_ms() - lost_ms < 1000);
	assert_int_equal(redis_server_start(&server), 0);
	await_state(n, true);

	say(n, "lobby", ALICE, "after");
	const struct answer *page = await_answer(ask_read(n, &c, &range));
	assert_int_equal(page->n, 21);
	for (int i = 0; i < 20; i++) {
		snprintf(text, sizeof text, "line %d", i);
		assert_string_equal(page->news[i].text, text);
		expect_message(n, lobby, text);
	}
	expect_message(n, lobby, "after");
	assert_int_equal(unread(n, NEWS_GAP), 0);
}

/* Writers on both nodes while connections die: every accepted message comes
 * to both nodes, once, in one order. */
static void
no_message_is_lost_or_doubled_by_cuts(struct harness *h)
{
	struct node *a = &h->node[0], *b = &h->node[1];
	enum { LINES = 300 };
	struct msgid accepted[LINES];
	size_t n = 0;
	static const char *const types[] = {"pubsub", "pubsub", "normal"};
	open_room(a, "lobby", lobby);
	open_room(b, "lobby", den);

	for (unsigned i = 0; n < LINES; i++) {
		struct node *writer = i % 2 ? a : b;
		char text[24];

		snprintf(text, sizeof text, "line %zu", n);
		if (i % 7 == 3)
			kill_links(types[i % 3]);
		struct answer *s = ask_say(writer, "lobby", ALICE, NULL, text);
		await_answer(s);
		if (s->st == RELAY_OK)
			accepted[n++] = s->id;
		else
			await_up(writer);
	}
	await_up(a);
	await_up(b);

	for (int i = 0; i < 2; i++) {
		struct node *reader = i ? b : a;
		struct msgid last = {0, 0};

		for (size_t k = 0; k < n;) {
			const struct news *w = next_news(reader, NEWS_MESSAGE);

			assert_true(msgid_cmp(w->id, last) > 0);
			last = w->id;
			/* Others may be of unknown outcome. */
			assert_true(msgid_cmp(w->id, accepted[k]) <= 0);
			k += msgid_cmp(w->id, accepted[k]) == 0;
		}
		assert_int_equal(unread(reader, NEWS_GAP), 0);
	}
}

static void
a_subscription_killed_a_hundred_times_is_restored(struct harness *h)
{
	struct node *a = &h->node[0], *b = &h->node[1];
	open_room(a, "lobby", lobby);
	open_room(b, "lobby", lobby);
	open_room(b, "den", den);

	for (int i = 0; i < 100; i++) {
		char text[24];

		kill_links("pubsub");
		await_state(a, false);
		await_state(a, true);
		await_up(b);
		snprintf(text, sizeof text, "line %d", i);
		say(a, "lobby", ALICE, text);
		expect_message(a, lobby, text);
		expect_message(b, lobby, text);
	}
	say(b, "den", ALICE, "last");
	expect_message(b, den, "last");
}

static void
what_was_said_in_a_break_comes_before_the_relay_is_up(struct harness *h)
{
	struct node *n = &h->node[0];
	char prev[MSGID_LEN_MAX + 1], id[MSGID_LEN_MAX + 1];
	open_room(n, "lobby", lobby);
	struct msgid last = say(n, "lobby", ALICE, "before");
	expect_message(n, lobby, "before");

	format_id(prev, last, 0);
	format_id(id, last, 1);
	append_silently(n, prev, id, "meanwhile");
	kill_links("pubsub");
	await_state(n, false);
	await_state(n, true);

	assert_int_equal(unread(n, NEWS_MESSAGE), 1);
	expect_message(n, lobby, "meanwhile");
	assert_int_equal(unread(n, NEWS_GAP), 0);
}

static void
a_pairs_messages_of_a_break_are_delivered(struct harness *h)
{
	struct node *a = &h->node[0], *b = &h->node[1];
	watch(a, ALICE, alice);
	watch(b, BOB, bob);
	await_answer(ask_tell(b, BOB, ALICE, NULL, "one"));
	assert_string_equal(next_news(a, NEWS_PAIR_MESSAGE)->text, "one");

	for (int i = 0; i < 20; i++) {
		char text[24];

		kill_links("pubsub");
		await_state(b, false);
		await_up(b);
		snprintf(text, sizeof text, "line %d", i);
		struct answer *s;
		do {
			s = ask_tell(b, BOB, ALICE, "c", text);
			await_answer(s);
			await_up(b);
		} while (s->st != RELAY_OK);
		await_up(a);
	}

	/* One cid: the first is all there is. */
	assert_string_equal(next_news(a, NEWS_PAIR_MESSAGE)->text, "line 0");
	assert_int_equal(unread(a, NEWS_PAIR_MESSAGE), 0);
	assert_string_equal(next_news(b, NEWS_PAIR_MESSAGE)->text, "one");
	assert_string_equal(next_news(b, NEWS_PAIR_MESSAGE)->text, "line 0");
}

/* --- silence -------------------------------------------------------------- */

static void
a_frozen_redis_leaves_no_call_without_an_answer(struct harness *h)
{
	struct node *n = &h->node[0];
	struct conv c = room_conv("lobby");
	struct relay_range range = {.direction = RELAY_FORWARD, .n = 64};
	open_room(n, "lobby", lobby);
	say(n, "lobby", ALICE, "before");
	redis_server_freeze(&server);

	uint64_t asked_ms = clock_now_ms();
	struct answer *asked[] = {
	    ask_say(n, "lobby", ALICE, NULL, "given up"),
	    ask_open(n, "den", den),
	    ask_join(n, "lobby", ALICE, "Alice"),
	    ask_claim(n, "alice", ALICE, NULL),
	    ask_find(n, "alice"),
	    ask_watch(n, ALICE, alice),
	    ask_peek(n, "lobby"),
	    ask_list(n),
	    ask_read(n, &c, &range),
	};
	static const enum relay_status want[] = {RELAY_UNKNOWN, RELAY_DOWN,
	    RELAY_UNKNOWN, RELAY_UNKNOWN, RELAY_DOWN, RELAY_DOWN, RELAY_DOWN,
	    RELAY_DOWN, RELAY_DOWN};
	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		await_answer(asked[i]);
		assert_int_equal(asked[i]->st, want[i]);
	}
	assert_true(clock_now_ms() - asked_ms < SAY_MS + 500);
	await_state(n, false);
	assert_int_equal(
	    await_answer(ask_say(n, "lobby", ALICE, NULL, "x"))->st,
	    RELAY_DOWN);

	redis_server_thaw(&server);
	await_state(n, true);
	say(n, "lobby", ALICE, "after");

	/* Given up is given up: it is not carried out later. */
	const struct answer *page = await_answer(ask_read(n, &c, &range));
	assert_int_equal(page->n, 2);
	assert_string_equal(page->news[0].text, "before");
	assert_string_equal(page->news[1].text, "after");
	/* The join of unknown outcome is no member now. */
	assert_int_equal(await_answer(ask_peek(n, "lobby"))->n, 0);
	assert_int_equal(claim(n, "alice", BOB), RELAY_OK);
}

/* Long before anything is given up, what can wait is told to. */
static void
a_late_answer_makes_the_relay_busy_until_it_comes(struct harness *h)
{
	struct node *n = &h->node[0];
	open_room(n, "lobby", lobby);
	say(n, "lobby", ALICE, "before");
	assert_false(relay_is_busy(n->relay));

	redis_server_freeze(&server);
	uint64_t asked_ms = clock_now_ms();
	struct answer *late = ask_say(n, "lobby", ALICE, NULL, "late");
	while (!relay_is_busy(n->relay)) {
		assert_true(clock_now_ms() - asked_ms < SAY_MS);
		event_base_loop(h->base, EVLOOP_ONCE);
	}
	assert_true(clock_now_ms() - asked_ms >= SAY_MS / 4);
	redis_server_thaw(&server);
	assert_int_equal(await_answer(late)->st, RELAY_OK);
	assert_false(relay_is_busy(n->relay));
}

/* Thousands who leave at once are no sign that Redis is silent. */
static void
a_part_that_is_late_does_not_take_the_relay_down(struct harness *h)
{
	struct node *n = &h->node[0];
	open_room(n, "lobby", lobby);
	await_answer(ask_join(n, "lobby", ALICE, "Alice"));

	redis_server_freeze(&server);
	uint64_t asked_ms = clock_now_ms();
	struct answer *gone = ask_part(n, "lobby", ALICE, "Alice", "");
	while (clock_now_ms() - asked_ms < SAY_MS + SAY_MS / 4)
		event_base_loop(h->base, EVLOOP_ONCE);
	assert_true(relay_is_up(n->relay));
	redis_server_thaw(&server);
	assert_int_equal(await_answer(gone)->st, RELAY_OK);
}

static void
a_silent_redis_is_found_without_traffic(struct harness *h)
{
	struct node *n = &h->node[0];
	open_room(n, "lobby", lobby);

	redis_server_freeze(&server);
	uint64_t frozen_ms = clock_now_ms();
	await_state(n, false);
	assert_true(clock_now_ms() - frozen_ms < 2 * DEAD_MS);
	redis_server_thaw(&server);
	await_state(n, true);

	say(n, "lobby", ALICE, "after");
	expect_message(n, lobby, "after");
}

/* It answers everything, and delivers nothing. */
static void
a_deaf_subscription_is_found(struct harness *h)
{
	struct node *n = &h->node[0];
	open_room(n, "lobby", lobby);
	say(n, "lobby", ALICE, "before");
	expect_message(n, lobby, "before");

	proxy.deaf = true;
	uint64_t deaf_ms = clock_now_ms();
	say(n, "lobby", ALICE, "unheard");
	/* The stream has it. */
	expect_message(n, lobby, "unheard");
	assert_true(clock_now_ms() - deaf_ms < 2 * SAY_MS);
	await_state(n, false);
	assert_true(clock_now_ms() - deaf_ms < 2 * DEAD_MS);
	proxy.deaf = false;
	await_state(n, true);

	say(n, "lobby", ALICE, "after");
	expect_message(n, lobby, "after");
	assert_int_equal(unread(n, NEWS_GAP), 0);
}

/* Wherever the bytes from Redis end: one answer for each call, and after the
 * way back all that was accepted is there, once. */
static void
cuts_at_any_byte_lose_nothing(struct harness *h)
{
	struct node *n = &h->node[0];
	struct conv c = room_conv("lobby");
	struct relay_range newest = {
	    .direction = RELAY_BACKWARD, .n = RELAY_READ_MAX};
	struct msgid last = {0, 0};
	unsigned accepted = 0, delivered = 0;
	open_room(n, "lobby", lobby);

	for (size_t cut = 0; cut < 100; cut++) {
		struct answer *asked[4];
		char cid[24];

		await_up(n);
		proxy.budget = cut * 7;
		for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
			snprintf(cid, sizeof cid, "%zu-%zu", cut, i);
			asked[i] = ask_say(n, "lobby", ALICE, cid, cid);
		}
		for (size_t i = 0; i < ARRAY_LEN(asked); i++)
			await_answer(asked[i]);
		proxy.budget = SIZE_MAX;
		/* The same again, with the same cid: accepted once. */
		for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
			struct answer *s = asked[i];

			snprintf(cid, sizeof cid, "%zu-%zu", cut, i);
			while (s->st != RELAY_OK) {
				await_up(n);
				s = ask_say(n, "lobby", ALICE, cid, cid);
				await_answer(s);
			}
			accepted++;
		}
	}
	await_up(n);
	for (; delivered < accepted; delivered++) {
		const struct news *w = next_news(n, NEWS_MESSAGE);

		assert_true(msgid_cmp(w->id, last) > 0);
		last = w->id;
	}

	const struct answer *page = await_answer(ask_read(n, &c, &newest));
	assert_int_equal(msgid_cmp(page->news[page->n - 1].id, last), 0);
	assert_int_equal(unread(n, NEWS_MESSAGE), 0);
	assert_int_equal(unread(n, NEWS_GAP), 0);
}

/* Cut while channels come and go: none stays half open. */
static void
openings_cut_anywhere_are_answered_and_forgotten(struct harness *h)
{
	struct node *n = &h->node[0];
	open_room(n, "lobby", lobby);

	for (size_t cut = 0; cut < 60; cut++) {
		struct answer *asked[3];

		await_up(n);
		proxy.budget = cut * 5;
		asked[0] = ask_open(n, "den", den);
		do_close(n, "den");
		asked[1] = ask_open(n, "den", den);
		asked[2] = ask_watch(n, ALICE, alice);
		for (size_t i = 0; i < ARRAY_LEN(asked); i++)
			await_answer(asked[i]);
		assert_int_equal(asked[0]->st, RELAY_DOWN);
		proxy.budget = SIZE_MAX;
		do_close(n, "den");
		do_unwatch(n, ALICE);
	}
	await_up(n);
	open_room(n, "den", den);
	watch(n, ALICE, alice);
	say(n, "den", ALICE, "after");

	expect_message(n, den, "after");
}

/* --- Redis forgets -------------------------------------------------------- */

static void
lost_scripts_are_loaded_again_and_order_is_kept(struct harness *h)
{
	struct node *n = &h->node[0];
	enum { BURST = 50 };
	struct answer *asked[BURST];
	char text[24];
	open_room(n, "lobby", lobby);

	redis_server_do(&server, "SCRIPT FLUSH");
	for (int i = 0; i < BURST; i++) {
		snprintf(text, sizeof text, "line %d", i);
		asked[i] = ask_say(n, "lobby", ALICE, NULL, text);
	}

	for (int i = 0; i < BURST; i++) {
		await_answer(asked[i]);
		assert_int_equal(asked[i]->st, RELAY_OK);
		snprintf(text, sizeof text, "line %d", i);
		expect_message(n, lobby, text);
	}
	assert_true(relay_is_up(n->relay));
	assert_int_equal(unread(n, NEWS_STATE), 0);
}

static void
a_flush_is_told_and_ids_still_rise(struct harness *h)
{
	struct node *n = &h->node[0];
	open_room(n, "lobby", lobby);
	join(n, "lobby", ALICE, "Alice");
	assert_int_equal(claim(n, "alice", ALICE), RELAY_OK);
	struct msgid before = say(n, "lobby", ALICE, "before");
	expect_message(n, lobby, "before");

	redis_server_do(&server, "FLUSHALL");
	struct msgid after = say(n, "lobby", ALICE, "after");

	assert_ptr_equal(next_news(n, NEWS_GAP)->what, lobby);
	expect_message(n, lobby, "after");
	assert_true(msgid_cmp(after, before) > 0);
	/* The heartbeat finds the new epoch: all is told again. */
	while (await_answer(ask_peek(n, "lobby"))->n == 0)
		;
	while (await_answer(ask_find(n, "alice"))->st != RELAY_OK)
		;
	assert_true(relay_is_up(n->relay));
}

static void
a_flush_of_a_silent_room_is_told_too(struct harness *h)
{
	struct node *n = &h->node[0];
	open_room(n, "lobby", lobby);
	say(n, "lobby", ALICE, "before");
	expect_message(n, lobby, "before");

	redis_server_do(&server, "FLUSHALL");

	assert_ptr_equal(next_news(n, NEWS_GAP)->what, lobby);
	say(n, "lobby", ALICE, "after");
	expect_message(n, lobby, "after");
	assert_int_equal(unread(n, NEWS_GAP), 0);
}

static void
ids_stay_above_the_floor_when_the_clock_is_behind(struct harness *h)
{
	struct node *n = &h->node[0];
	char high[MSGID_LEN_MAX + 1];
	open_room(n, "lobby", lobby);
	/* An hour ahead of the clock. */
	struct msgid ahead = {clock_wall_ms() + 3600 * 1000, 0};
	format_id(high, ahead, 0);
	append_silently(n, "0-0", high, "from the future");
	expect_message(n, lobby, "from the future");

	redis_server_do(&server, "FLUSHALL");
	struct answer *after = ask_say(n, "lobby", ALICE, NULL, "after");
	struct answer *that = ask_say(n, "lobby", ALICE, NULL, "after that");
	await_answer(after);
	await_answer(that);

	assert_true(msgid_cmp(after->id, ahead) > 0);
	assert_true(msgid_cmp(that->id, after->id) > 0);
	next_news(n, NEWS_GAP);
	expect_message(n, lobby, "after");
	expect_message(n, lobby, "after that");
	assert_int_equal(unread(n, NEWS_GAP), 0);
}

/* --- what a turn has for a room ------------------------------------------- */

/* How often a command was run, of all that Redis ran. */
static unsigned
times_run(const char *command)
{
	redisReply *r = redis_server_ask(&server, "INFO commandstats");
	char *stat = xasprintf("cmdstat_%s:calls=", command);
	const char *at = strstr(r->str, stat);
	unsigned calls =
	    at ? (unsigned)strtoul(at + strlen(stat), NULL, 10) : 0;

	free(stat);
	freeReplyObject(r);
	return calls;
}

/* Asks for n messages in one turn. */
static void
ask_lines(struct node *n, struct answer **answers, unsigned lines)
{
	for (unsigned i = 0; i < lines; i++) {
		char *text = xasprintf("line %u", i);

		answers[i] = ask_say(n, "lobby", ALICE, NULL, text);
		free(text);
	}
}

static void
a_turns_messages_of_a_room_are_one_script(struct harness *h)
{
	struct node *n = &h->node[0];
	enum { LINES = 100 };
	struct answer *answers[LINES];
	open_room(n, "lobby", lobby);
	unsigned before = times_run("hget"), added = times_run("xadd");

	ask_lines(n, answers, LINES);

	for (unsigned i = 0; i < LINES; i++)
		assert_int_equal(await_answer(answers[i])->st, RELAY_OK);
	assert_int_equal(times_run("xadd"), added + LINES);
	assert_int_equal(times_run("hget"), before + 1);
}

/* Others publish as well, but not a hundred times meanwhile. */
static void
a_turns_messages_of_a_room_are_published_together(struct harness *h)
{
	struct node *n = &h->node[0], *other = &h->node[1];
	enum { LINES = 100 };
	struct answer *answers[LINES];
	open_room(n, "lobby", lobby);
	open_room(other, "lobby", den);
	unsigned before = times_run("publish");

	ask_lines(n, answers, LINES);

	for (unsigned i = 0; i < LINES; i++) {
		struct msgid id = next_news(other, NEWS_MESSAGE)->id;

		assert_int_equal(await_answer(answers[i])->st, RELAY_OK);
		assert_int_equal(msgid_cmp(id, answers[i]->id), 0);
		assert_int_equal(
		    msgid_cmp(next_news(n, NEWS_MESSAGE)->id, id), 0);
	}
	assert_true(times_run("publish") < before + LINES / 2);
	assert_int_equal(unread(n, NEWS_GAP), 0);
	assert_int_equal(unread(other, NEWS_GAP), 0);
}

static void
what_is_malformed_takes_nothing_along_that_was_published_with_it(
    struct harness *h)
{
	struct node *n = &h->node[0];
	char last[MSGID_LEN_MAX + 1], one[MSGID_LEN_MAX + 1],
	    two[MSGID_LEN_MAX + 1];
	open_room(n, "lobby", lobby);
	struct msgid said = say(n, "lobby", ALICE, "before");
	expect_message(n, lobby, "before");

	format_id(last, said, 0);
	format_id(one, said, 1);
	format_id(two, said, 2);
	char *all = xasprintf("%s %s @from=%s MSG bob one\n"
			      "\n"
			      "0-0 junk\n"
			      "%s %s @from=%s MSG bob \x1b[2J\n"
			      "%s %s @from=%s MSG bob two",
	    last, one, BOB, last, one, BOB, one, two, BOB);
	redis_server_do(&server, "PUBLISH t%u:{r:lobby}:c %s", h->number, all);
	free(all);

	expect_message(n, lobby, "one");
	expect_message(n, lobby, "two");
	assert_int_equal(unread(n, NEWS_GAP), 0);
}

/* What is held while the hole is filled comes once, and in order. */
static void
a_hole_before_what_was_published_together_is_filled(struct harness *h)
{
	struct node *n = &h->node[0], *other = &h->node[1];
	enum { LINES = 20 };
	struct answer *answers[LINES];
	char prev[MSGID_LEN_MAX + 1], id[MSGID_LEN_MAX + 1];
	open_room(n, "lobby", lobby);
	open_room(other, "lobby", den);
	struct msgid last = say(n, "lobby", ALICE, "one");
	expect_message(n, lobby, "one");

	format_id(prev, last, 0);
	format_id(id, last, 1);
	append_silently(n, prev, id, "two");
	ask_lines(other, answers, LINES);

	expect_message(n, lobby, "two");
	for (unsigned i = 0; i < LINES; i++)
		assert_int_equal(msgid_cmp(next_news(n, NEWS_MESSAGE)->id,
				     await_answer(answers[i])->id),
		    0);
	assert_int_equal(unread(n, NEWS_GAP), 0);
	assert_int_equal(unread(n, NEWS_MESSAGE), 0);
}

static void
more_than_one_script_takes_keep_their_order(struct harness *h)
{
	struct node *n = &h->node[0];
	enum { LINES = 200 };
	struct answer *answers[LINES];
	struct msgid last = {0, 0};
	open_room(n, "lobby", lobby);
	unsigned before = times_run("hget");

	ask_lines(n, answers, LINES);

	for (unsigned i = 0; i < LINES; i++) {
		assert_int_equal(await_answer(answers[i])->st, RELAY_OK);
		const struct news *w = next_news(n, NEWS_MESSAGE);
		assert_int_equal(msgid_cmp(w->id, answers[i]->id), 0);
		assert_true(i == 0 || msgid_cmp(w->prev, last) == 0);
		last = w->id;
	}
	assert_int_equal(times_run("hget"), before + 2);
	assert_int_equal(unread(n, NEWS_GAP), 0);
}

static void
what_redis_refuses_of_one_takes_no_other_along(struct harness *h)
{
	struct node *n = &h->node[0];
	open_room(n, "lobby", lobby);
	redis_server_do(
	    &server, "LPUSH t%u:{r:lobby}:dd:" ALICE ":c2 odd", h->number);

	struct answer *one = ask_say(n, "lobby", ALICE, "c1", "one");
	struct answer *two = ask_say(n, "lobby", ALICE, "c2", "two");
	struct answer *three = ask_say(n, "lobby", ALICE, "c3", "three");

	assert_int_equal(await_answer(one)->st, RELAY_OK);
	assert_int_equal(await_answer(two)->st, RELAY_FAILED);
	assert_int_equal(await_answer(three)->st, RELAY_OK);
	expect_message(n, lobby, "one");
	expect_message(n, lobby, "three");
	assert_int_equal(unread(n, NEWS_GAP), 0);
}

/* Nothing is said of some of them and kept of others. */
static void
a_turns_messages_that_come_too_late_are_all_refused(struct harness *h)
{
	struct node *n = &h->node[0];
	struct answer *answers[3];
	open_room(n, "lobby", lobby);
	unsigned before = times_run("xadd");
	redis_server_do(&server, "CLIENT PAUSE %d WRITE", SAY_MS + 300);

	ask_lines(n, answers, ARRAY_LEN(answers));

	for (unsigned i = 0; i < ARRAY_LEN(answers); i++)
		assert_int_equal(await_answer(answers[i])->st, RELAY_UNKNOWN);
	redis_server_do(&server, "SET over 1"); /* the pause is */
	assert_int_equal(times_run("xadd"), before);
}

/* --- holes ---------------------------------------------------------------- */

static void
a_hole_is_filled_before_what_follows(struct harness *h)
{
	struct node *n = &h->node[0];
	char prev[MSGID_LEN_MAX + 1], id[MSGID_LEN_MAX + 1];
	open_room(n, "lobby", lobby);
	struct msgid last = say(n, "lobby", ALICE, "one");
	expect_message(n, lobby, "one");

	format_id(prev, last, 0);
	format_id(id, last, 1);
	append_silently(n, prev, id, "two");
	say(n, "lobby", ALICE, "three");

	expect_message(n, lobby, "two");
	expect_message(n, lobby, "three");
	assert_int_equal(unread(n, NEWS_GAP), 0);
}

static void
a_long_hole_is_filled_page_by_page(struct harness *h)
{
	struct node *n = &h->node[0];
	enum { LINES = 280 }; /* of the 256 and more that are kept */
	char prev[MSGID_LEN_MAX + 1], id[MSGID_LEN_MAX + 1];
	char text[24];
	open_room(n, "lobby", lobby);
	struct msgid last = say(n, "lobby", ALICE, "first");
	expect_message(n, lobby, "first");

	for (unsigned i = 0; i < LINES; i++) {
		format_id(prev, last, i);
		format_id(id, last, i + 1);
		snprintf(text, sizeof text, "%u", i);
		add_entry(n, prev, id, text);
	}
	redis_server_do(&server, "SET t%u:{r:lobby}:la %s", h->number, id);
	say(n, "lobby", ALICE, "last");

	for (unsigned i = 0; i < LINES; i++) {
		snprintf(text, sizeof text, "%u", i);
		expect_message(n, lobby, text);
	}
	expect_message(n, lobby, "last");
	assert_int_equal(unread(n, NEWS_GAP), 0);
}

static void
a_hole_that_cannot_be_filled_is_told(struct harness *h)
{
	struct node *n = &h->node[0];
	char id[MSGID_LEN_MAX + 1];
	open_room(n, "lobby", lobby);
	struct msgid last = say(n, "lobby", ALICE, "one");
	expect_message(n, lobby, "one");

	/* A predecessor that is nowhere. */
	format_id(id, last, 5);
	redis_server_do(&server, "SET t%u:{r:lobby}:la %s", h->number, id);
	struct msgid after = say(n, "lobby", ALICE, "two");

	assert_ptr_equal(next_news(n, NEWS_GAP)->what, lobby);
	expect_message(n, lobby, "two");
	assert_true(msgid_cmp(after, last) > 0);
	say(n, "lobby", ALICE, "three");
	expect_message(n, lobby, "three");
	assert_int_equal(unread(n, NEWS_GAP), 0);
}

static void
the_loss_of_a_last_message_is_noticed(struct harness *h)
{
	struct node *n = &h->node[0];
	char prev[MSGID_LEN_MAX + 1], id[MSGID_LEN_MAX + 1];
	open_room(n, "lobby", lobby);
	struct msgid last = say(n, "lobby", ALICE, "one");
	expect_message(n, lobby, "one");

	format_id(prev, last, 0);
	format_id(id, last, 1);
	append_silently(n, prev, id, "nobody was told");

	expect_message(n, lobby, "nobody was told");
}

/* --- what Redis says is not believed -------------------------------------- */

static void
garbage_on_a_channel_harms_nobody(struct harness *h)
{
	struct node *n = &h->node[0];
	static const char *const garbage[] = {
	    "",
	    " ",
	    "0",
	    "0-0",
	    "0-0 1-1",
	    "0-0 1-1 ",
	    "0-0 18446744073709551616-0 x",
	    "2-0 1-0 @from=" BOB " MSG ann x",
	    "0-0 1-0 @from=nobody MSG ann x",
	    "0-0 1-0 @from=" BOB " MSG ann \x1b]0;owned\x07",
	    "0-0 1-0 @from=" BOB " MSG ann \xff\xfe",
	    "@node=x @from=nobody JOINED ann",
	    "@node=x @from=" BOB " JOINED -",
	    "@node=x JOINED",
	    "@node=\x01 GONE",
	    "@from=" BOB " TYPING ann",
	    "ROSTER",
	    "\xff\xff\xff",
	    "a\r\nb",
	};
	open_room(n, "lobby", lobby);
	watch(n, ALICE, alice);
	say(n, "lobby", ALICE, "before");
	expect_message(n, lobby, "before");

	for (size_t i = 0; i < ARRAY_LEN(garbage); i++) {
		redis_server_do(&server, "PUBLISH t%u:{r:lobby}:c %s",
		    h->number, garbage[i]);
		redis_server_do(&server, "PUBLISH t%u:{u:%s}:c %s", h->number,
		    ALICE, garbage[i]);
		redis_server_do(&server, "PUBLISH %s %s", "t:nobody", "x");
	}
	say(n, "lobby", ALICE, "after");

	expect_message(n, lobby, "after");
	assert_int_equal(unread(n, NEWS_PRESENCE), 0);
	assert_int_equal(unread(n, NEWS_PAIR_MESSAGE), 0);
	assert_true(relay_is_up(n->relay));
}

static void
garbage_in_a_stream_is_stepped_over(struct harness *h)
{
	struct node *n = &h->node[0];
	struct conv c = room_conv("lobby");
	struct relay_range range = {.direction = RELAY_FORWARD, .n = 64};
	char prev[MSGID_LEN_MAX + 1], id[MSGID_LEN_MAX + 1];
	open_room(n, "lobby", lobby);
	struct msgid last = say(n, "lobby", ALICE, "one");
	expect_message(n, lobby, "one");

	format_id(prev, last, 0);
	format_id(id, last, 1);
	append_silently(n, prev, id, "\x1b[2J");
	redis_server_do(&server, "XADD t%u:{r:lobby}:st * x y", h->number);
	redis_server_do(
	    &server, "XADD t%u:{r:lobby}:st * p junk d junk", h->number);
	say(n, "lobby", ALICE, "two");

	expect_message(n, lobby, "two");
	const struct answer *page = await_answer(ask_read(n, &c, &range));
	assert_int_equal(page->n, 2);
	assert_string_equal(page->news[1].text, "two");
}

static void
keys_of_the_wrong_type_fail_and_harm_nobody(struct harness *h)
{
	struct node *n = &h->node[0];
	static const char *const keys[] = {"{r:den}:la", "{r:den}:n",
	    "{k:alice}", "{rooms}", "{u:" ALICE "}:pairs"};
	struct conv c = room_conv("den");
	struct relay_range range = {.direction = RELAY_FORWARD, .n = 1};
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		redis_server_do(&server, "LPUSH t%u:%s x", h->number, keys[i]);
	open_room(n, "lobby", lobby);

	struct answer *asked[] = {
	    ask_open(n, "den", den),
	    ask_say(n, "den", ALICE, NULL, "x"),
	    ask_read(n, &c, &range),
	    ask_claim(n, "alice", ALICE, NULL),
	    ask_find(n, "alice"),
	    ask_watch(n, ALICE, alice),
	    ask_peek(n, "den"),
	    ask_list(n),
	};
	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		await_answer(asked[i]);
		assert_int_equal(asked[i]->st, RELAY_FAILED);
	}

	say(n, "lobby", ALICE, "carries on");
	expect_message(n, lobby, "carries on");
	assert_int_equal(unread(n, NEWS_STATE), 0);
}

static void
garbage_about_rooms_and_people_is_left_out(struct harness *h)
{
	struct node *n = &h->node[0];
	char *me = node_id(n);
	redis_server_do(&server, "ZADD t%u:{rooms} 1 a{b} 2 %s 3 den 4 x%%zz",
	    h->number, "\x1b[2J");
	redis_server_do(
	    &server, "HSET t%u:{r:den}:n %s 2 %s x", h->number, me, "");
	redis_server_do(&server, "HSET t%u:{r:den}:m:%s junk junk %s %s",
	    h->number, me, ALICE, "\x1b[2J");
	redis_server_do(&server, "HSET t%u:{r:den}:cfg shown %s topic %s",
	    h->number, "Other", "\x1b[2J");
	redis_server_do(&server, "SET t%u:{k:alice} %s", h->number, "\x1b[2J");

	const struct answer *list = await_answer(ask_list(n));
	const struct answer *peek = await_answer(ask_peek(n, "den"));

	assert_int_equal(list->n, 1);
	assert_string_equal(list->rooms[0].fold, "den");
	assert_string_equal(list->rooms[0].shown, "den");
	assert_string_equal(list->rooms[0].topic, "(none)");
	assert_int_equal(peek->n, 0);
	assert_string_equal(peek->room.shown, "den");
	assert_string_equal(peek->room.topic, "(none)");
	assert_int_equal(await_answer(ask_find(n, "alice"))->st, RELAY_NONE);
	assert_int_equal(claim(n, "alice", ALICE), RELAY_OK);
	free(me);
}

/* --- newer programs ------------------------------------------------------- */

static void
a_newer_layout_is_noticed_in_service_and_nothing_more_is_written(
    struct harness *h)
{
	struct node *n = &h->node[0];
	open_room(n, "lobby", lobby);

	redis_server_do(&server, "SET t%u:{nodes}:layout 3", h->number);

	await_state(n, false);
	assert_int_equal(
	    await_answer(ask_say(n, "lobby", ALICE, NULL, "x"))->st,
	    RELAY_DOWN);
	redis_server_do(&server, "SET t%u:{nodes}:layout 2", h->number);
	await_state(n, true);
	say(n, "lobby", ALICE, "back");
	expect_message(n, lobby, "back");
}

/* How a newer program keeps this one from its rooms, before it has noticed. */
static void
a_version_that_cannot_be_read_closes_a_room_at_once(struct harness *h)
{
	struct node *n = &h->node[0];
	open_room(n, "lobby", lobby);
	say(n, "lobby", ALICE, "before");
	expect_message(n, lobby, "before");

	redis_server_do(&server, "HSET t%u:{r:lobby}:cfg rv 3/0-0", h->number);

	assert_int_equal(
	    await_answer(ask_say(n, "lobby", ALICE, NULL, "after"))->st,
	    RELAY_STALE);
	next_news(n, NEWS_RIGHTS);
	assert_int_equal(unread(n, NEWS_MESSAGE), 0);
}

/* --- Redis refuses -------------------------------------------------------- */

static void
a_full_redis_refuses_and_the_node_stays(struct harness *h)
{
	struct node *n = &h->node[0];
	open_room(n, "lobby", lobby);
	say(n, "lobby", ALICE, "before");

	redis_server_do(&server, "CONFIG SET maxmemory 1mb");
	struct answer *full = ask_say(n, "lobby", ALICE, NULL, "too much");
	await_answer(full);
	struct answer *joined = ask_join(n, "lobby", ALICE, "Alice");
	await_answer(joined);
	redis_server_do(&server, "CONFIG SET maxmemory 0");

	assert_int_equal(full->st, RELAY_FULL);
	assert_int_equal(joined->st, RELAY_OK);
	say(n, "lobby", ALICE, "after");
	expect_message(n, lobby, "before");
	expect_message(n, lobby, "after");
	assert_int_equal(unread(n, NEWS_STATE), 0);
}

static void
a_demoted_master_is_left_until_it_is_one_again(struct harness *h)
{
	struct node *n = &h->node[0];
	open_room(n, "lobby", lobby);
	say(n, "lobby", ALICE, "before");

	redis_server_do(&server, "REPLICAOF 127.0.0.1 1");
	await_answer(ask_say(n, "lobby", ALICE, NULL, "lost"));
	await_state(n, false);
	redis_server_do(&server, "REPLICAOF NO ONE");
	await_state(n, true);

	say(n, "lobby", ALICE, "after");
	expect_message(n, lobby, "before");
	expect_message(n, lobby, "after");
}

/* --- other nodes ---------------------------------------------------------- */

static void
a_dead_nodes_claim_can_be_taken(struct harness *h)
{
	struct node *n = &h->node[0];
	claim_by_hand(n, "ghost.1");

	assert_int_equal(await_answer(ask_find(n, "alice"))->st, RELAY_NONE);
	assert_int_equal(claim(n, "Alice", ALICE), RELAY_OK);

	const struct answer *owner = await_answer(ask_find(n, "alice"));
	assert_int_equal(owner->st, RELAY_OK);
	assert_string_equal(owner->sender, ALICE);
}

static void
a_node_that_came_just_now_is_not_taken_for_dead(struct harness *h)
{
	struct node *n = &h->node[0];
	redis_server_do(
	    &server, "ZADD t%u:{nodes} 9999999999999 ghost.1", h->number);
	claim_by_hand(n, "ghost.1");

	assert_int_equal(claim(n, "Alice", ALICE), RELAY_TAKEN);
	assert_string_equal(await_answer(ask_find(n, "alice"))->node, "ghost");
}

static void
members_of_a_dead_node_do_not_count(struct harness *h)
{
	struct node *n = &h->node[0];
	open_room(n, "den", den);
	join(n, "den", ALICE, "Alice");
	redis_server_do(&server, "HSET t%u:{r:den}:n ghost.1 1", h->number);
	redis_server_do(
	    &server, "HSET t%u:{r:den}:m:ghost.1 %s Bob", h->number, BOB);

	const struct answer *peek = await_answer(ask_peek(n, "den"));
	const struct answer *list = await_answer(ask_list(n));

	assert_int_equal(peek->n, 1);
	assert_string_equal(peek->news[0].sender, ALICE);
	assert_int_equal(list->n, 1);
	assert_int_equal(list->rooms[0].count, 1);
}

static void
members_of_a_node_that_dies_are_gone(struct harness *h)
{
	struct node *n = &h->node[0];
	redis_server_do(
	    &server, "ZADD t%u:{nodes} 9999999999999 ghost.1", h->number);
	redis_server_do(&server, "HSET t%u:{r:lobby}:n ghost.1 1", h->number);
	redis_server_do(
	    &server, "HSET t%u:{r:lobby}:m:ghost.1 %s Bob", h->number, BOB);
	open_room(n, "lobby", lobby);
	assert_string_equal(
	    expect_presence(n, RELAY_PRESENT, BOB)->node, "ghost");

	redis_server_do(&server, "ZREM t%u:{nodes} ghost.1", h->number);

	assert_string_equal(next_news(n, NEWS_DEPARTED)->sender, BOB);
	assert_int_equal(unread(n, NEWS_PRESENCE), 0);
}

static void
a_node_that_goes_takes_its_members_and_nicks_along(struct harness *h)
{
	struct node *n = &h->node[0], *other = &h->node[1];
	open_room(n, "lobby", lobby);
	open_room(other, "lobby", lobby);
	join(other, "lobby", BOB, "Bob");
	assert_int_equal(claim(other, "bob", BOB), RELAY_OK);
	expect_presence(n, RELAY_JOINED, BOB);

	node_free(other);

	expect_presence(n, RELAY_GONE, BOB);
	assert_int_equal(await_answer(ask_find(n, "bob"))->st, RELAY_NONE);
	assert_int_equal(await_answer(ask_peek(n, "lobby"))->n, 0);
	redisReply *left =
	    redis_server_ask(&server, "KEYS t%u:{n:nook*", h->number);
	assert_int_equal(left->elements, 0);
	freeReplyObject(left);
}

static void
comings_that_nobody_was_told_of_are_found_after_a_break(struct harness *h)
{
	struct node *n = &h->node[0], *other = &h->node[1];
	open_room(n, "lobby", lobby);
	open_room(other, "lobby", lobby);
	join(other, "lobby", BOB, "Bob");
	expect_presence(n, RELAY_JOINED, BOB);
	char *id = node_id(other);

	redis_server_do(
	    &server, "HDEL t%u:{r:lobby}:m:%s %s", h->number, id, BOB);
	redis_server_do(
	    &server, "HSET t%u:{r:lobby}:m:%s %s Carla", h->number, id, CARLA);
	/* The other node's own break would put it right: only ours is cut. */
	char *event = xasprintf("@node=%s ROSTER", id);
	redis_server_do(
	    &server, "PUBLISH t%u:{r:lobby}:c %s", h->number, event);
	free(event);

	const struct news *first = next_news(n, NEWS_PRESENCE);
	const struct news *second = next_news(n, NEWS_PRESENCE);
	assert_string_equal(first->sender, CARLA);
	assert_int_equal(first->presence, RELAY_PRESENT);
	assert_string_equal(second->sender, BOB);
	assert_int_equal(second->presence, RELAY_GONE);

	/* And the truth comes back with the other node. */
	kill_links("normal");
	bool bob_is_back = false, carla_is_gone = false;
	while (!bob_is_back || !carla_is_gone) {
		const struct news *w = next_news(n, NEWS_PRESENCE);

		bob_is_back = bob_is_back || (strcmp(w->sender, BOB) == 0 &&
						 w->presence == RELAY_PRESENT);
		carla_is_gone =
		    carla_is_gone || (strcmp(w->sender, CARLA) == 0 &&
					 w->presence == RELAY_GONE);
	}
	free(id);
}

static void
a_nick_lost_in_a_break_is_told_when_the_relay_is_up(struct harness *h)
{
	struct node *n = &h->node[0], *other = &h->node[1];
	assert_int_equal(claim(n, "alice", ALICE), RELAY_OK);
	assert_int_equal(claim(n, "ann", ALICE), RELAY_OK);
	char *id = node_id(other);

	claim_by_hand(n, id);
	kill_links("normal");

	const struct news *w = next_news(n, NEWS_NICK_LOST);
	assert_string_equal(w->sender, ALICE);
	assert_string_equal(w->nick, "alice");
	assert_true(relay_is_up(n->relay));
	assert_string_equal(await_answer(ask_find(n, "ann"))->sender, ALICE);
	assert_string_equal(await_answer(ask_find(n, "alice"))->sender, BOB);
	assert_int_equal(unread(n, NEWS_NICK_LOST), 0);
	free(id);
}

static void
what_is_given_back_in_a_break_is_given_back_after_it(struct harness *h)
{
	struct node *n = &h->node[0], *other = &h->node[1];
	open_room(n, "lobby", lobby);
	join(n, "lobby", ALICE, "Alice");
	assert_int_equal(claim(n, "alice", ALICE), RELAY_OK);

	redis_server_kill(&server);
	await_state(n, false);
	await_state(other, false);
	do_release(n, "alice", ALICE);
	await_answer(ask_part(n, "lobby", ALICE, "Alice", NULL));
	do_close(n, "lobby");
	assert_int_equal(redis_server_start(&server), 0);
	await_state(n, true);
	await_up(other);

	assert_int_equal(await_answer(ask_peek(other, "lobby"))->n, 0);
	assert_int_equal(
	    await_answer(ask_find(other, "alice"))->st, RELAY_NONE);
	open_room(n, "lobby", lobby);
	assert_int_equal(unread(n, NEWS_NICK_LOST), 0);
}

static void
a_thousand_rooms_are_back_within_five_seconds(struct harness *h)
{
	struct node *n = &h->node[0];
	enum { ROOMS = 1000 };
	struct answer *asked[ROOMS];
	char name[24];
	for (int i = 0; i < ROOMS; i++) {
		snprintf(name, sizeof name, "room-%d", i);
		asked[i] = ask_open(n, name, lobby);
	}
	for (int i = 0; i < ROOMS; i++)
		assert_int_equal(await_answer(asked[i])->st, RELAY_OK);

	redis_server_kill(&server);
	await_state(n, false);
	assert_int_equal(redis_server_start(&server), 0);
	uint64_t back_ms = clock_now_ms();
	await_state(n, true);

	assert_true(clock_now_ms() - back_ms < 5000);
	say(n, "room-999", ALICE, "after");
	expect_message(n, lobby, "after");
}

/* --- dead nodes ----------------------------------------------------------- */

/* Another node, made by hand: it lives until it is buried. */
static void
ghost_lives(struct harness *h, const char *id)
{
	redis_server_do(
	    &server, "ZADD t%u:{nodes} 9999999999999 %s", h->number, id);
}

static void
ghost_dies(struct harness *h, const char *id)
{
	redis_server_do(&server, "ZADD t%u:{nodes} 1 %s", h->number, id);
}

static void
ghost_joins(struct harness *h, const char *id, const char *room,
    const char *sender, const char *nick)
{
	redis_server_do(&server, "HSET t%u:{r:%s}:m:%s %s %s", h->number, room,
	    id, sender, nick);
	redis_server_do(
	    &server, "HINCRBY t%u:{r:%s}:n %s 1", h->number, room, id);
	redis_server_do(
	    &server, "SADD t%u:{n:%s}:rooms %s", h->number, id, room);
}

static void
ghost_claims(struct harness *h, const char *id, const char *nick)
{
	char *text = xasprintf("G %s %s 5 %s %s -", BOB, id, nick, nick);

	redis_server_do(
	    &server, "SADD t%u:{n:%s}:nicks %s", h->number, id, nick);
	redis_server_do(&server, "SET t%u:{k:%s} %s", h->number, nick, text);
	free(text);
}

static bool
exists(struct harness *h, const char *head, const char *id, const char *tail)
{
	char *key = xasprintf("t%u:%s%s%s", h->number, head, id, tail);
	redisReply *r = redis_server_ask(&server, "EXISTS %s", key);
	bool yes = r->integer == 1;

	freeReplyObject(r);
	free(key);
	return yes;
}

static bool
is_in_nodes(struct harness *h, const char *id)
{
	redisReply *r =
	    redis_server_ask(&server, "ZSCORE t%u:{nodes} %s", h->number, id);
	bool yes = r->type == REDIS_REPLY_STRING;

	freeReplyObject(r);
	return yes;
}

/* A turn of the loop, so that a test can wait for what Redis shows. */
static void
turn(struct harness *h)
{
	struct timeval tv = {0, 5000};

	event_base_loopexit(h->base, &tv);
	event_base_dispatch(h->base);
}

static void
await_burial(struct harness *h, const char *id)
{
	uint64_t end_ms = clock_now_ms() + 10000;

	while (is_in_nodes(h, id)) {
		assert_true(clock_now_ms() < end_ms);
		turn(h);
	}
}

static void
who_goes_while_another_comes_leaves_the_room_to_be_cleaned(struct harness *h)
{
	struct node *n = &h->node[0];
	open_room(n, "lobby", lobby);
	join(n, "lobby", ALICE, "Alice");
	char *id = node_id(n);

	struct answer *gone = ask_part(n, "lobby", ALICE, "Alice", "");
	struct answer *come = ask_join(n, "lobby", BOB, "Bob");
	assert_int_equal(await_answer(gone)->st, RELAY_OK);
	assert_int_equal(await_answer(come)->st, RELAY_OK);
	await_answer(ask_find(n, "bob")); /* and what was sent behind it */
	assert_true(exists(h, "{n:", id, "}:rooms"));
	assert_int_equal(
	    await_answer(ask_part(n, "lobby", BOB, "Bob", ""))->st, RELAY_OK);
	await_answer(ask_find(n, "bob"));
	assert_false(exists(h, "{n:", id, "}:rooms"));
	free(id);
}

static void
what_a_dead_node_left_is_cleared_away_and_nothing_else(struct harness *h)
{
	struct node *n = &h->node[0];
	open_room(n, "lobby", lobby);
	join(n, "lobby", ALICE, "Alice");
	assert_int_equal(claim(n, "alice", ALICE), RELAY_OK);
	ghost_lives(h, "live.1");
	ghost_joins(h, "live.1", "lobby", CARLA, "Carla");
	ghost_claims(h, "live.1", "carla");
	ghost_joins(h, "dead.1", "lobby", BOB, "Bob");
	ghost_joins(h, "dead.1", "attic", BOB, "Bob");
	ghost_claims(h, "dead.1", "bob");
	/* Its index names a nick that is somebody else's by now. */
	redis_server_do(&server, "SADD t%u:{n:dead.1}:nicks alice", h->number);

	ghost_dies(h, "dead.1");
	await_burial(h, "dead.1");

	assert_false(exists(h, "{r:lobby}:m:", "dead.1", ""));
	assert_false(exists(h, "{r:attic}:m:", "dead.1", ""));
	assert_false(exists(h, "{r:attic}:", "n", ""));
	assert_false(exists(h, "{n:", "dead.1", "}:rooms"));
	assert_false(exists(h, "{n:", "dead.1", "}:nicks"));
	assert_false(exists(h, "{n:", "dead.1", "}:reap"));
	assert_false(exists(h, "{k:", "bob", "}"));
	assert_true(exists(h, "{r:lobby}:m:", "live.1", ""));
	assert_true(exists(h, "{n:", "live.1", "}:rooms"));
	assert_true(exists(h, "{k:", "carla", "}"));
	assert_true(is_in_nodes(h, "live.1"));
	assert_int_equal(await_answer(ask_peek(n, "lobby"))->n, 2);
	assert_string_equal(await_answer(ask_find(n, "alice"))->sender, ALICE);
}

static long long
ask_number(const char *format, struct harness *h, const char *a, const char *b)
{
	redisReply *r = redis_server_ask(&server, format, h->number, a, b);
	long long n = r->integer;

	assert_int_equal(r->type, REDIS_REPLY_INTEGER);
	freeReplyObject(r);
	return n;
}

static void
an_account_is_no_longer_where_its_node_died(struct harness *h)
{
	struct node *n = &h->node[0];
	char *me = node_id(n);
	watch(n, CARLA, alice);
	assert_int_equal(
	    ask_number("SISMEMBER t%u:{n:%s}:nicks %s", h, me, "@" CARLA), 1);
	redis_server_do(
	    &server, "HSET t%u:{a:%s}:on dead.1 1", h->number, CARLA);
	redis_server_do(
	    &server, "SADD t%u:{n:dead.1}:nicks @%s @junk", h->number, CARLA);

	ghost_dies(h, "dead.1");
	await_burial(h, "dead.1");

	assert_int_equal(
	    ask_number("HEXISTS t%u:{a:%s}:on %s", h, CARLA, "dead.1"), 0);
	assert_int_equal(
	    ask_number("HEXISTS t%u:{a:%s}:on %s", h, CARLA, me), 1);
	assert_false(exists(h, "{n:", "dead.1", "}:nicks"));
	do_unwatch(n, CARLA);
	await_answer(ask_list(n));
	assert_int_equal(
	    ask_number("SISMEMBER t%u:{n:%s}:nicks %s", h, me, "@" CARLA), 0);
	free(me);
}

static void
survivors_elect_one_janitor(struct harness *h)
{
	char seen[64] = "";
	uint64_t end_ms = clock_now_ms() + 10000;
	for (int i = 0; i < 1100; i++) {
		char room[24], nick[24];

		snprintf(room, sizeof room, "room%d", i);
		snprintf(nick, sizeof nick, "nick%d", i);
		ghost_joins(h, "dead.1", room, BOB, "Bob");
		ghost_claims(h, "dead.1", nick);
	}

	ghost_dies(h, "dead.1");
	while (is_in_nodes(h, "dead.1")) {
		redisReply *r = redis_server_ask(
		    &server, "GET t%u:{n:dead.1}:reap", h->number);

		if (r->type == REDIS_REPLY_STRING && !seen[0])
			snprintf(seen, sizeof seen, "%s", r->str);
		else if (r->type == REDIS_REPLY_STRING)
			assert_string_equal(r->str, seen);
		freeReplyObject(r);
		assert_true(clock_now_ms() < end_ms);
		turn(h);
	}

	assert_true(seen[0] != '\0');
	redisReply *left =
	    redis_server_ask(&server, "KEYS t%u:{r:room*", h->number);
	assert_int_equal(left->elements, 0);
	freeReplyObject(left);
	left = redis_server_ask(&server, "KEYS t%u:{k:nick*", h->number);
	assert_int_equal(left->elements, 0);
	freeReplyObject(left);
}

static void
a_crashed_janitor_is_followed_by_another(struct harness *h)
{
	enum { LOCK_MS = 600 };
	ghost_joins(h, "dead.1", "attic", BOB, "Bob");
	redis_server_do(&server, "SET t%u:{n:dead.1}:reap crashed PX %d",
	    h->number, LOCK_MS);
	ghost_dies(h, "dead.1");

	while (exists(h, "{n:", "dead.1", "}:reap")) {
		redisReply *r = redis_server_ask(
		    &server, "GET t%u:{n:dead.1}:reap", h->number);
		if (r->type == REDIS_REPLY_STRING &&
		    strcmp(r->str, "crashed") == 0)
			assert_true(exists(h, "{r:attic}:m:", "dead.1", ""));
		freeReplyObject(r);
		turn(h);
	}
	await_burial(h, "dead.1");

	assert_false(exists(h, "{r:attic}:m:", "dead.1", ""));
}

static void
a_janitor_that_loses_its_lock_stops(struct harness *h)
{
	for (int i = 0; i < 500; i++) {
		char room[24];

		snprintf(room, sizeof room, "room%d", i);
		ghost_joins(h, "dead.1", room, BOB, "Bob");
	}
	ghost_dies(h, "dead.1");
	while (!exists(h, "{n:", "dead.1", "}:reap"))
		turn(h);
	redis_server_do(
	    &server, "SET t%u:{n:dead.1}:reap other PX 300", h->number);

	for (int i = 0; i < 20; i++)
		turn(h);
	assert_true(exists(h, "{n:", "dead.1", "}:rooms"));
	await_burial(h, "dead.1");

	assert_false(exists(h, "{n:", "dead.1", "}:rooms"));
}

static void
members_and_nicks_are_kept_for_the_grace_and_then_free(struct harness *h)
{
	struct node *n = &h->node[0];
	ghost_lives(h, "ghost.1");
	ghost_joins(h, "ghost.1", "lobby", BOB, "Bob");
	ghost_claims(h, "ghost.1", "bob");
	open_room(n, "lobby", lobby);
	expect_presence(n, RELAY_PRESENT, BOB);

	uint64_t dead_ms = clock_now_ms();
	redis_server_do(&server, "ZREM t%u:{nodes} ghost.1", h->number);
	assert_int_equal(claim(n, "bob", ALICE), RELAY_TAKEN);
	const struct news *w = next_news(n, NEWS_DEPARTED);

	assert_string_equal(w->sender, BOB);
	assert_ptr_equal(w->what, lobby);
	assert_true(clock_now_ms() - dead_ms >= GRACE_MS);
	assert_int_equal(unread(n, NEWS_PRESENCE), 0);
	/* The node is forgotten behind the last room of the pass. */
	turn(h);
	assert_int_equal(claim(n, "bob", ALICE), RELAY_OK);
}

static void
who_comes_back_within_the_grace_has_never_gone(struct harness *h)
{
	struct node *a = &h->node[0], *b = &h->node[1];
	ghost_lives(h, "ghost.1");
	ghost_joins(h, "ghost.1", "lobby", ALICE, "Alice");
	ghost_joins(h, "ghost.1", "lobby", BOB, "Bob");
	ghost_joins(h, "ghost.1", "lobby", CARLA, "Carla");
	open_room(a, "lobby", lobby);
	open_room(b, "lobby", lobby);

	redis_server_do(&server, "ZREM t%u:{nodes} ghost.1", h->number);
	join(a, "lobby", ALICE, "Alice");
	join(b, "lobby", BOB, "Bob");
	const struct news *w = next_news(a, NEWS_DEPARTED);
	assert_string_equal(w->sender, CARLA);
	assert_int_equal(w->together, 1);
	w = next_news(b, NEWS_DEPARTED);
	assert_string_equal(w->sender, CARLA);
	assert_int_equal(w->together, 1);
	assert_int_equal(unread(a, NEWS_DEPARTED), 0);
	assert_int_equal(unread(b, NEWS_DEPARTED), 0);
}

static void
a_roster_read_in_the_grace_takes_nobody_away(struct harness *h)
{
	struct node *n = &h->node[0];
	ghost_lives(h, "ghost.1");
	ghost_joins(h, "ghost.1", "lobby", BOB, "Bob");
	open_room(n, "lobby", lobby);
	expect_presence(n, RELAY_PRESENT, BOB);

	redis_server_do(&server, "DEL t%u:{r:lobby}:m:ghost.1", h->number);
	redis_server_do(&server, "ZREM t%u:{nodes} ghost.1", h->number);
	ghost_lives(h, "ghost.2");
	while (await_answer(ask_find(n, "bob"))->st != RELAY_NONE)
		;
	for (int i = 0; i < 10; i++) {
		turn(h);
		redis_server_do(&server, "PUBLISH t%u:{r:lobby}:c %s",
		    h->number, "@node=ghost.2 ROSTER");
	}

	assert_string_equal(next_news(n, NEWS_DEPARTED)->sender, BOB);
	assert_int_equal(unread(n, NEWS_PRESENCE), 0);
}

static void
a_node_without_an_answer_comes_back_as_another(struct harness *h)
{
	struct node *n = &h->node[0];
	open_room(n, "lobby", lobby);
	join(n, "lobby", ALICE, "Alice");
	expect_presence(n, RELAY_JOINED, ALICE);
	assert_int_equal(claim(n, "alice", ALICE), RELAY_OK);
	assert_int_equal(claim(n, "bob", BOB), RELAY_OK);
	char *old = node_id(n);

	redis_server_freeze(&server);
	uint64_t end_ms = clock_now_ms() + LEASE_MS;
	while (clock_now_ms() < end_ms)
		turn(h);
	assert_int_equal(claim(n, "carla", CARLA), RELAY_DOWN);
	redis_server_thaw(&server);
	/* Somebody was quicker. */
	redis_server_do(
	    &server, "ZADD t%u:{nodes} 9999999999999 ghost.1", h->number);
	claim_by_hand(n, "ghost.1");
	await_up(n);

	const struct news *w = next_news(n, NEWS_NICK_LOST);
	assert_string_equal(w->sender, ALICE);
	assert_string_equal(await_answer(ask_find(n, "bob"))->sender, BOB);
	await_burial(h, old);
	char *new = node_id(n);
	assert_string_not_equal(new, old);
	assert_false(exists(h, "{r:lobby}:m:", old, ""));
	assert_true(exists(h, "{r:lobby}:m:", new, ""));
	assert_true(exists(h, "{n:", new, "}:rooms"));
	assert_true(exists(h, "{n:", new, "}:nicks"));
	assert_int_equal(unread(n, NEWS_PRESENCE), 0);
	assert_int_equal(unread(n, NEWS_DEPARTED), 0);
	say(n, "lobby", ALICE, "after");
	expect_message(n, lobby, "after");
	part(n, "lobby", ALICE, "Alice", NULL);
	expect_presence(n, RELAY_PARTED, ALICE);
	free(old);
	free(new);
}

static void
an_emptied_redis_is_told_who_is_here(struct harness *h)
{
	struct node *a = &h->node[0], *b = &h->node[1];
	uint64_t end_ms = clock_now_ms() + 10000;
	open_room(a, "lobby", lobby);
	open_room(b, "lobby", lobby);
	join(a, "lobby", ALICE, "Alice");
	join(b, "lobby", BOB, "Bob");
	assert_int_equal(claim(a, "alice", ALICE), RELAY_OK);
	assert_int_equal(claim(b, "bob", BOB), RELAY_OK);

	redis_server_do(&server, "FLUSHALL");
	while (await_answer(ask_peek(a, "lobby"))->n != 2 ||
	       await_answer(ask_find(a, "bob"))->st != RELAY_OK ||
	       await_answer(ask_find(b, "alice"))->st != RELAY_OK)
		assert_true(clock_now_ms() < end_ms);

	assert_int_equal(unread(a, NEWS_DEPARTED), 0);
	assert_int_equal(unread(b, NEWS_DEPARTED), 0);
	assert_int_equal(unread(a, NEWS_NICK_LOST), 0);
}

/* --- the ring ------------------------------------------------------------- */

/* How many pages of logs Redis has read since it was asked to forget that. */
static unsigned
pages_read(void)
{
	static const char *const stats[] = {
	    "cmdstat_xrange:calls=", "cmdstat_xrevrange:calls="};
	redisReply *r = redis_server_ask(&server, "INFO commandstats");
	unsigned sum = 0;

	for (size_t i = 0; i < ARRAY_LEN(stats); i++) {
		const char *at = strstr(r->str, stats[i]);

		if (at)
			sum +=
			    (unsigned)strtoul(at + strlen(stats[i]), NULL, 10);
	}
	freeReplyObject(r);
	return sum;
}

/* Says n lines, and waits until the last one came up. */
static void
say_lines(struct node *n, struct msgid *ids, unsigned lines)
{
	char text[24];

	for (unsigned i = 0; i < lines; i++) {
		snprintf(text, sizeof text, "line %u", i);
		ids[i] = say(n, "lobby", ALICE, text);
	}
}

static void
await_message(struct node *n, struct msgid id)
{
	while (msgid_cmp(next_news(n, NEWS_MESSAGE)->id, id) != 0)
		;
}

/* What one who comes back asks. */
static struct answer *
ask_since(struct node *n, struct msgid since, struct msgid to)
{
	struct conv c = room_conv("lobby");
	struct relay_range range = {
	    .direction = RELAY_FORWARD,
	    .from = since,
	    .to = to,
	    .check_from = true,
	    .n = RELAY_READ_MAX,
	};

	return ask_read(n, &c, &range);
}

static void
expect_lines(
    struct answer *a, const struct msgid *ids, unsigned from, unsigned to)
{
	await_answer(a);
	assert_int_equal(a->st, RELAY_OK);
	assert_false(a->gap);
	assert_int_equal(a->n, to - from);
	for (unsigned i = from; i < to; i++)
		assert_int_equal(msgid_cmp(a->news[i - from].id, ids[i]), 0);
}

static void
a_hundred_who_come_back_cost_no_read_of_the_log(struct harness *h)
{
	struct node *n = &h->node[0];
	enum { LINES = 60 };
	struct msgid ids[LINES];
	struct answer *a[100];
	open_room(n, "lobby", lobby);
	say_lines(n, ids, LINES);
	await_message(n, ids[LINES - 1]);
	redis_server_do(&server, "CONFIG RESETSTAT");

	for (unsigned i = 0; i < ARRAY_LEN(a); i++) {
		a[i] = ask_since(n, ids[i % LINES], ids[LINES - 1]);
		assert_int_equal(a[i]->calls, 0);
	}
	for (unsigned i = 0; i < ARRAY_LEN(a); i++)
		expect_lines(a[i], ids, i % LINES + 1, LINES);
	assert_int_equal(pages_read(), 0);
}

static void
a_hundred_who_ask_the_same_of_the_log_cost_one_read(struct harness *h)
{
	struct node *n = &h->node[0];
	enum { LINES = 240 };
	struct msgid ids[LINES];
	struct answer *a[100];
	open_room(n, "lobby", lobby);
	say_lines(n, ids, LINES);
	await_message(n, ids[LINES - 1]);
	redis_server_do(&server, "CONFIG RESETSTAT");

	for (unsigned i = 0; i < ARRAY_LEN(a); i++)
		a[i] = ask_since(n, ids[9], ids[LINES - 1]);
	for (unsigned i = 0; i < ARRAY_LEN(a); i++)
		expect_lines(a[i], ids, 10, 10 + RELAY_READ_MAX);
	assert_int_equal(pages_read(), 1);
}

/* As after the node's start: the room was opened just now. */
static void
a_crowd_that_comes_to_a_fresh_room_costs_one_read(struct harness *h)
{
	struct node *n = &h->node[0];
	enum { LINES = 60 };
	struct msgid ids[LINES];
	struct answer *a[100];
	say_lines(n, ids, LINES);
	open_room(n, "lobby", lobby);
	redis_server_do(&server, "CONFIG RESETSTAT");

	for (unsigned i = 0; i < ARRAY_LEN(a); i++)
		a[i] = ask_since(n, ids[i % LINES], ids[LINES - 1]);
	for (unsigned i = 0; i < ARRAY_LEN(a); i++)
		expect_lines(a[i], ids, i % LINES + 1, LINES);
	assert_int_equal(pages_read(), 1);
}

static void
who_shares_a_read_is_answered_too_when_it_fails(struct harness *h)
{
	struct node *n = &h->node[0];
	struct msgid ids[40];
	struct answer *a[20];
	say_lines(n, ids, ARRAY_LEN(ids));
	open_room(n, "lobby", lobby);
	redis_server_freeze(&server);

	for (unsigned i = 0; i < ARRAY_LEN(a); i++)
		a[i] = ask_since(n, ids[i], ids[39]);
	for (unsigned i = 0; i < ARRAY_LEN(a); i++)
		assert_int_equal(await_answer(a[i])->st, RELAY_DOWN);
	redis_server_thaw(&server);
	await_state(n, false);
	await_state(n, true);
	expect_lines(ask_since(n, ids[3], ids[39]), ids, 4, 40);
	for (unsigned i = 0; i < ARRAY_LEN(a); i++)
		assert_int_equal(a[i]->calls, 1);
}

/* Nobody is told from memory what Redis has forgotten. */
static void
a_ring_of_another_history_answers_nothing(struct harness *h)
{
	struct node *n = &h->node[0];
	struct msgid ids[10], after;
	open_room(n, "lobby", lobby);
	say_lines(n, ids, ARRAY_LEN(ids));
	await_message(n, ids[9]);

	redis_server_do(&server, "FLUSHALL");
	after = say(n, "lobby", ALICE, "after");
	next_news(n, NEWS_GAP);
	await_message(n, after);
	const struct answer *a = await_answer(ask_since(n, ids[3], after));
	assert_true(a->gap);
	assert_int_equal(a->n, 1);
	assert_string_equal(a->news[0].text, "after");
}

static void
a_log_that_has_expired_is_not_told_from_memory(struct harness *h)
{
	struct node *n = &h->node[0];
	struct msgid ids[10];
	uint64_t end_ms = clock_now_ms() + 10000;
	open_room(n, "lobby", lobby);
	say_lines(n, ids, ARRAY_LEN(ids));
	await_message(n, ids[9]);
	expect_lines(ask_since(n, ids[3], ids[9]), ids, 4, 10);

	while (exists(h, "{r:lobby}:st", "", ""))
		assert_true(clock_now_ms() < end_ms);
	const struct answer *a = await_answer(ask_since(n, ids[3], ids[9]));
	assert_true(a->gap);
	assert_int_equal(a->n, 0);
}

static long long
life_left(struct node *n, const char *key)
{
	redisReply *r = redis_server_ask(
	    &server, "PTTL %s{r:lobby}:%s", (const char *)n->backend, key);
	long long ms = r->integer;

	assert_int_equal(r->type, REDIS_REPLY_INTEGER);
	freeReplyObject(r);
	return ms;
}

/* Not by each entry; but what is said now and then is enough. */
static void
a_log_lives_on_while_something_is_said(struct harness *h)
{
	struct node *n = &h->node[0];
	enum { LIFE = 6400, STEP = LIFE / 64, DAY = 86400000 };
	uint64_t end_ms = clock_now_ms() + 10000;
	struct msgid id;
	open_room(n, "lobby", lobby);
	say_lines(n, &id, 1);
	assert_in_range(life_left(n, "st"), LIFE / 2, LIFE + STEP);
	assert_in_range(life_left(n, "la"), DAY, DAY + LIFE + STEP);
	freeReplyObject(redis_server_ask(
	    &server, "PEXPIRE %s{r:lobby}:st 3000", (const char *)n->backend));

	while (life_left(n, "st") <= 3000) {
		assert_true(clock_now_ms() < end_ms);
		say_lines(n, &id, 1);
	}
	assert_in_range(life_left(n, "st"), LIFE / 2, LIFE + STEP);
	assert_in_range(life_left(n, "la"), DAY, DAY + LIFE + STEP);
}

/* --- the table ------------------------------------------------------------ */

struct rule {
	const char *name;
	void (*test)(struct harness *);
	unsigned nodes;
	bool proxied;
	int64_t ttl_ms; /* of logs; 0: an hour */
	struct harness *h;
};

/* clang-format off */
#define ONE(test) {#test, test, 1, false, 0, NULL}
#define TWO(test) {#test, test, 2, false, 0, NULL}
#define PROXIED(test) {#test, test, 1, true, 0, NULL}
static struct rule rules[] = {
	ONE(a_killed_redis_is_found_at_once_and_nothing_accepted_is_lost),
	TWO(no_message_is_lost_or_doubled_by_cuts),
	TWO(a_subscription_killed_a_hundred_times_is_restored),
	ONE(what_was_said_in_a_break_comes_before_the_relay_is_up),
	TWO(a_pairs_messages_of_a_break_are_delivered),
	ONE(a_frozen_redis_leaves_no_call_without_an_answer),
	ONE(a_late_answer_makes_the_relay_busy_until_it_comes),
	ONE(a_part_that_is_late_does_not_take_the_relay_down),
	ONE(a_silent_redis_is_found_without_traffic),
	PROXIED(a_deaf_subscription_is_found),
	PROXIED(openings_cut_anywhere_are_answered_and_forgotten),
	PROXIED(cuts_at_any_byte_lose_nothing),
	ONE(lost_scripts_are_loaded_again_and_order_is_kept),
	ONE(a_flush_is_told_and_ids_still_rise),
	ONE(a_flush_of_a_silent_room_is_told_too),
	ONE(ids_stay_above_the_floor_when_the_clock_is_behind),
	ONE(a_turns_messages_of_a_room_are_one_script),
	TWO(a_turns_messages_of_a_room_are_published_together),
	ONE(what_is_malformed_takes_nothing_along_that_was_published_with_it),
	TWO(a_hole_before_what_was_published_together_is_filled),
	ONE(more_than_one_script_takes_keep_their_order),
	ONE(what_redis_refuses_of_one_takes_no_other_along),
	ONE(a_turns_messages_that_come_too_late_are_all_refused),
	ONE(a_hole_is_filled_before_what_follows),
	ONE(a_long_hole_is_filled_page_by_page),
	ONE(a_hole_that_cannot_be_filled_is_told),
	ONE(the_loss_of_a_last_message_is_noticed),
	ONE(garbage_on_a_channel_harms_nobody),
	ONE(garbage_in_a_stream_is_stepped_over),
	ONE(keys_of_the_wrong_type_fail_and_harm_nobody),
	ONE(garbage_about_rooms_and_people_is_left_out),
	ONE(a_newer_layout_is_noticed_in_service_and_nothing_more_is_written),
	ONE(a_version_that_cannot_be_read_closes_a_room_at_once),
	ONE(a_full_redis_refuses_and_the_node_stays),
	ONE(a_demoted_master_is_left_until_it_is_one_again),
	ONE(a_dead_nodes_claim_can_be_taken),
	ONE(a_node_that_came_just_now_is_not_taken_for_dead),
	ONE(members_of_a_dead_node_do_not_count),
	ONE(members_of_a_node_that_dies_are_gone),
	TWO(a_node_that_goes_takes_its_members_and_nicks_along),
	TWO(comings_that_nobody_was_told_of_are_found_after_a_break),
	TWO(a_nick_lost_in_a_break_is_told_when_the_relay_is_up),
	TWO(what_is_given_back_in_a_break_is_given_back_after_it),
	ONE(who_goes_while_another_comes_leaves_the_room_to_be_cleaned),
	ONE(what_a_dead_node_left_is_cleared_away_and_nothing_else),
	ONE(an_account_is_no_longer_where_its_node_died),
	TWO(survivors_elect_one_janitor),
	TWO(a_crashed_janitor_is_followed_by_another),
	ONE(a_janitor_that_loses_its_lock_stops),
	ONE(members_and_nicks_are_kept_for_the_grace_and_then_free),
	TWO(who_comes_back_within_the_grace_has_never_gone),
	ONE(a_roster_read_in_the_grace_takes_nobody_away),
	ONE(a_node_without_an_answer_comes_back_as_another),
	TWO(an_emptied_redis_is_told_who_is_here),
	ONE(a_thousand_rooms_are_back_within_five_seconds),
	ONE(a_hundred_who_come_back_cost_no_read_of_the_log),
	ONE(a_hundred_who_ask_the_same_of_the_log_cost_one_read),
	ONE(a_crowd_that_comes_to_a_fresh_room_costs_one_read),
	ONE(who_shares_a_read_is_answered_too_when_it_fails),
	ONE(a_ring_of_another_history_answers_nothing),
	{"a_log_lives_on_while_something_is_said",
	    a_log_lives_on_while_something_is_said, 1, false, 6400, NULL},
	{"a_log_that_has_expired_is_not_told_from_memory",
	    a_log_that_has_expired_is_not_told_from_memory, 1, false, 1500,
	    NULL},
};
/* clang-format on */

static int
setup(void **state)
{
	struct rule *r = *state;

	proxied = r->proxied;
	ttl_ms = r->ttl_ms;
	r->h = harness_new(&faults, r->nodes);
	return 0;
}

/* A failed test may have left the server dead or frozen. */
static int
teardown(void **state)
{
	struct rule *r = *state;

	if (server.pid == 0 && redis_server_start(&server) != 0)
		return -1;
	redis_server_thaw(&server);
	redis_proxy_stop(&proxy);
	harness_free(r->h);
	return 0;
}

static void
run_rule(void **state)
{
	struct rule *r = *state;

	r->test(r->h);
}

int
main(void)
{
	struct CMUnitTest tests[ARRAY_LEN(rules)];

	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		tests[i] = (struct CMUnitTest){
		    rules[i].name, run_rule, setup, teardown, &rules[i]};
	if (getenv("SNUG_TEST_LOG") == NULL)
		log_setup(LOG_LEVEL_ERROR, LOG_TEXT); /* the faults are ours */
	if (faults.start() != 0)
		return 99; /* a hard error for the test driver */
	cmocka_set_message_output(CM_OUTPUT_TAP);
	cmocka_set_test_filter(getenv("SNUG_TEST_FILTER"));
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	faults.stop();
	return failed;
}
