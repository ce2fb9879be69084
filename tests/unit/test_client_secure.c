/* SPDX-License-Identifier: ISC */
/*
 * client/secure.c against proto/channel.c's other end: from the greeting to a
 * session, and what comes of everything that can be said instead.
 */
#include "tests/unit/unit.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/secure.h"
#include "proto/channel.h"
#include "proto/frame.h"
#include "proto/identity.h"
#include "proto/line.h"

/* A server, its client, and what is on the way. */
struct pair {
	struct noise_keypair key;
	char welcome[160];
	struct channel *server;
	struct secure *client;
	struct buf to_client, to_server, plain, heard;
	char cause[ERR_LEN];
};

static void
put_line(struct buf *out, const char *payload)
{
	struct line_writer w;
	line_begin(&w, out);
	line_put(&w, span_of(payload));
	line_end(&w);
}

static void
make(struct pair *p)
{
	char key[IDENTITY_KEY_TEXT + 1];
	*p = (struct pair){.client = secure_new()};
	noise_keypair_new(&p->key);
	snprintf(p->welcome, sizeof(p->welcome),
	    "WELCOME snug/1 den * max-line=16384 secure=required key=%s",
	    identity_key_text(p->key.public, key));
}

static void
drop(struct pair *p)
{
	secure_free(p->client);
	channel_free(p->server);
	buf_free(&p->to_client);
	buf_free(&p->to_server);
	buf_free(&p->plain);
	buf_free(&p->heard);
}

static int
feed(struct pair *p)
{
	return secure_feed(
	    p->client, &p->to_client, &p->plain, &p->to_server, p->cause);
}

static int
feed_text(struct pair *p, const char *text)
{
	buf_add_str(&p->to_client, text);
	return feed(p);
}

/* The server has read the SECURE line, and answers message 1. */
static void
answer(struct pair *p)
{
	struct frame f;
	struct span rest = {buf_head(&p->to_server), buf_len(&p->to_server)};
	struct span line;
	struct buf nothing = {0};
	frame_init(&f, 1024, true);
	assert_int_equal(frame_next(&f, &rest, &line), FRAME_LINE);
	assert_true(span_is(line, "SECURE " CHANNEL_SUITE));
	p->server = channel_new_server(&p->key, span_of(p->welcome), line);
	buf_drain(&p->to_server, buf_len(&p->to_server) - rest.len);
	frame_fini(&f);
	assert_int_equal(
	    channel_feed(p->server, &p->to_server, &nothing, &p->to_client), 0);
	assert_int_equal(buf_len(&p->to_server), 0);
	buf_free(&nothing);
}

static void
greet(struct pair *p)
{
	put_line(&p->to_client, p->welcome);
	assert_int_equal(feed(p), 0);
}

static void
shake_hands(struct pair *p)
{
	greet(p);
	answer(p);
	assert_int_equal(feed(p), 0);
	assert_true(secure_is_ready(p->client));
}

static void
says_nothing_before_the_server_does(void **state)
{
	struct pair p;

	(void)state;
	make(&p);
	assert_int_equal(feed(&p), 0);
	assert_int_equal(buf_len(&p.to_server), 0);
	drop(&p);
}

static void
makes_a_session_and_shows_the_key(void **state)
{
	struct pair p;
	struct buf out = {0};

	(void)state;
	make(&p);
	shake_hands(&p);
	assert_memory_equal(secure_key(p.client), p.key.public, 32);
	assert_memory_equal(
	    secure_hash(p.client), channel_hash(p.server), CHANNEL_HASH_LEN);
	buf_add_str(&out, "hello");
	secure_seal(p.client, &out, &p.to_server);
	assert_int_equal(
	    channel_feed(p.server, &p.to_server, &p.heard, &out), 0);
	assert_memory_equal(buf_head(&p.heard), "hello", 5);
	assert_int_equal(channel_seal(p.server, "and you", 7, &p.to_client), 0);
	assert_int_equal(feed(&p), 0);
	assert_memory_equal(buf_head(&p.plain), "and you", 7);
	buf_free(&out);
	drop(&p);
}

static void
seals_little_at_once_until_a_command_was_accepted(void **state)
{
	enum { MUCH = 2000 };
	struct pair p;
	struct buf out = {0};

	(void)state;
	make(&p);
	shake_hands(&p);
	channel_set_max(p.server, CHANNEL_FIRST_MAX);
	memset(buf_reserve(&out, MUCH), 'x', MUCH);
	buf_added(&out, MUCH);
	secure_seal(p.client, &out, &p.to_server);
	assert_int_equal(
	    channel_feed(p.server, &p.to_server, &p.heard, &p.plain), 0);
	assert_int_equal(buf_len(&p.heard), MUCH);
	secure_accepted(p.client);
	secure_seal(p.client, &out, &p.to_server);
	assert_int_equal(
	    channel_feed(p.server, &p.to_server, &p.heard, &p.plain),
	    -CHANNEL_ELONG);
	buf_free(&out);
	drop(&p);
}

static void
does_not_care_how_the_bytes_are_cut(void **state)
{
	struct pair p;
	struct buf whole = {0};

	(void)state;
	make(&p);
	put_line(&whole, p.welcome);
	while (buf_len(&whole) > 0) {
		buf_add(&p.to_client, buf_head(&whole), 1);
		buf_drain(&whole, 1);
		assert_int_equal(feed(&p), 0);
	}
	answer(&p);
	assert_int_equal(channel_seal(p.server, "early", 5, &p.to_client), 0);
	buf_add(&whole, buf_head(&p.to_client), buf_len(&p.to_client));
	buf_clear(&p.to_client);
	while (buf_len(&whole) > 0) {
		buf_add(&p.to_client, buf_head(&whole), 1);
		buf_drain(&whole, 1);
		assert_int_equal(feed(&p), 0);
	}
	assert_memory_equal(buf_head(&p.plain), "early", 5);
	buf_free(&whole);
	drop(&p);
}

static void
sends_nothing_that_tells_who_it_is(void **state)
{
	struct pair p;

	(void)state;
	make(&p);
	greet(&p);
	/* the line, and a message of 2 + 32 bytes which is random */
	assert_int_equal(buf_len(&p.to_server),
	    strlen("40 SECURE " CHANNEL_SUITE "\n") + 2 + 32);
	drop(&p);
}

/* --- what else a greeting may be ------------------------------------------ */

static void
stops_at_a_greeting_that_leads_to_no_session(void **state)
{
	static const char *const payloads[] = {
	    "WELCOME snug/2 den * secure=required key=x",
	    "WELCOME snug/1 den ann max-line=16384 secure=off",
	    "WELCOME snug/1 den ann max-line=16384",
	    "WELCOME snug/1 den ann key=",
	    "WELCOME snug/1 den ann key=AAAA",
	    "WELCOME snug/1",
	    "NOTICE motd hello",
	    "OK",
	    "hello",
	    "ERR secure-required no",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(payloads); i++) {
		struct pair p;
		make(&p);
		put_line(&p.to_client, payloads[i]);
		if (feed(&p) != -SECURE_ESTOP)
			fail_msg("went on after %s", payloads[i]);
		assert_string_not_equal(p.cause, "");
		assert_false(secure_is_ready(p.client));
		/* and it stays over */
		put_line(&p.to_client, p.welcome);
		assert_int_equal(feed(&p), -SECURE_ESTOP);
		drop(&p);
	}
}

static void
comes_back_to_a_server_that_is_full(void **state)
{
	struct pair p;

	(void)state;
	make(&p);
	put_line(&p.to_client, "@retry=500 BYE limit too many here");
	assert_int_equal(feed(&p), -SECURE_EAGAIN);
	assert_non_null(strstr(p.cause, "too many here"));
	drop(&p);
}

static void
stops_at_bytes_that_are_no_lines(void **state)
{
	static const char *const bytes[] = {
	    "HTTP/1.1 400 Bad Request\r\n",
	    "SSH-2.0-x\r\n",
	    "99999 x",
	    "0 \n",
	    "3 abcd\n",
	    "8 WELCOME\377\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bytes); i++) {
		struct pair p;
		make(&p);
		if (feed_text(&p, bytes[i]) != -SECURE_ESTOP)
			fail_msg("went on after row %zu", i);
		assert_int_equal(buf_len(&p.to_server), 0);
		drop(&p);
	}
}

static void
shows_a_refusal_as_harmless_text(void **state)
{
	struct pair p;

	(void)state;
	make(&p);
	greet(&p);
	buf_add_str(&p.to_client, "31 ERR not-allowed no suites today");
	assert_int_equal(feed(&p), 0); /* the line is not whole yet */
	assert_int_equal(feed_text(&p, "\n"), -SECURE_ESTOP);
	assert_non_null(strstr(p.cause, "no suites today"));
	drop(&p);

	make(&p);
	greet(&p);
	put_line(&p.to_client, "ERR busy \342\200\256later");
	assert_int_equal(feed(&p), -SECURE_EAGAIN);
	assert_null(strstr(p.cause, "\342\200\256"));
	drop(&p);
}

static void
a_plain_line_in_place_of_the_answer_is_no_session(void **state)
{
	static const char *const payloads[] = {
	    "OK", "WELCOME snug/1 den ann secure=off", "PING x"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(payloads); i++) {
		struct pair p;
		make(&p);
		greet(&p);
		put_line(&p.to_client, payloads[i]);
		assert_int_equal(feed(&p), -SECURE_ESTOP);
		assert_non_null(strstr(p.cause, "between you and the server"));
		assert_int_equal(buf_len(&p.plain), 0);
		drop(&p);
	}
}

/* --- somebody between ----------------------------------------------------- */

static void
every_bit_of_the_greeting_counts(void **state)
{
	struct pair p;

	(void)state;
	make(&p);
	size_t len = strlen(p.welcome);
	drop(&p);
	for (size_t i = 0; i < len; i++) {
		make(&p);
		char *changed = xstrdup(p.welcome);
		changed[i] ^= changed[i] == '!' ? 3 : 1;
		put_line(&p.to_client, changed);
		free(changed);
		int err = feed(&p);
		if (err == 0) {
			answer(&p);
			err = feed(&p);
		}
		if (err != -SECURE_ESTOP)
			fail_msg("byte %zu may be changed", i);
		assert_false(secure_is_ready(p.client));
		drop(&p);
	}
}

static void
every_byte_of_the_answer_counts(void **state)
{
	(void)state;
	for (size_t i = 2; i < 2 + CHANNEL_ANSWER_LEN; i++) {
		struct pair p;
		make(&p);
		greet(&p);
		answer(&p);
		buf_head(&p.to_client)[i] ^= 1;
		assert_int_equal(feed(&p), -SECURE_ESTOP);
		assert_non_null(strstr(p.cause, "nothing was said"));
		drop(&p);
	}
}

static void
a_session_that_was_good_is_cut_by_a_changed_byte(void **state)
{
	struct pair p;

	(void)state;
	make(&p);
	shake_hands(&p);
	assert_int_equal(channel_seal(p.server, "one", 3, &p.to_client), 0);
	size_t first = buf_len(&p.to_client);
	assert_int_equal(channel_seal(p.server, "two", 3, &p.to_client), 0);
	buf_head(&p.to_client)[first + 3] ^= 1;
	assert_int_equal(feed(&p), -SECURE_EAGAIN);
	assert_non_null(strstr(p.cause, "connection was cut"));
	assert_int_equal(buf_len(&p.plain), 3);
	drop(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(says_nothing_before_the_server_does),
	    TEST(makes_a_session_and_shows_the_key),
	    TEST(seals_little_at_once_until_a_command_was_accepted),
	    TEST(does_not_care_how_the_bytes_are_cut),
	    TEST(sends_nothing_that_tells_who_it_is),
	    TEST(stops_at_a_greeting_that_leads_to_no_session),
	    TEST(comes_back_to_a_server_that_is_full),
	    TEST(stops_at_bytes_that_are_no_lines),
	    TEST(shows_a_refusal_as_harmless_text),
	    TEST(a_plain_line_in_place_of_the_answer_is_no_session),
	    TEST(every_bit_of_the_greeting_counts),
	    TEST(every_byte_of_the_answer_counts),
	    TEST(a_session_that_was_good_is_cut_by_a_changed_byte),
	};

	return sodium_init() < 0 ? 1 : RUN(tests);
}
