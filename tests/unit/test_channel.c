/* SPDX-License-Identifier: ISC */
/*
 * proto/channel.c: two ends agree, however their bytes are cut; what somebody
 * between them changes, drops, repeats or adds is the end.
 */
#include "tests/unit/unit.h"

#include <malloc.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/channel.h"
#include "proto/identity.h"

enum {
	HEAD = CHANNEL_HEAD_LEN,
	CALL_MESSAGE = HEAD + CHANNEL_CALL_LEN,
	ANSWER_MESSAGE = HEAD + CHANNEL_ANSWER_LEN,
	REKEYS_BEHIND = 65535, /* the n of the last message of a key */
};

static const char secure[] = "SECURE " CHANNEL_SUITE;

/* Two ends, and what is on its way to each. */
struct ends {
	struct noise_keypair key;
	char welcome[128];
	struct channel *client, *server;
	struct buf to_client, to_server;
	struct buf heard_by_client, heard_by_server;
};

static struct buf nowhere;

static void
make(struct ends *e)
{
	char key[IDENTITY_KEY_TEXT + 1];

	*e = (struct ends){.client = NULL};
	noise_keypair_new(&e->key);
	snprintf(e->welcome, sizeof(e->welcome),
	    "WELCOME snug/1 den guest-7k2mq4zd max-line=16384 key=%s resume=x",
	    identity_key_text(e->key.public, key));
	e->server =
	    channel_new_server(&e->key, span_of(e->welcome), span_of(secure));
	e->client = channel_new_client(&e->to_server);
	assert_int_equal(channel_set_greeting(
			     e->client, span_of(e->welcome), span_of(secure)),
	    0);
}

static void
drop(struct ends *e)
{
	channel_free(e->client);
	channel_free(e->server);
	buf_free(&e->to_client);
	buf_free(&e->to_server);
	buf_free(&e->heard_by_client);
	buf_free(&e->heard_by_server);
	buf_free(&nowhere);
}

static int
feed_server(struct ends *e)
{
	return channel_feed(
	    e->server, &e->to_server, &e->heard_by_server, &e->to_client);
}

static int
feed_client(struct ends *e)
{
	return channel_feed(
	    e->client, &e->to_client, &e->heard_by_client, &nowhere);
}

static void
shake_hands(struct ends *e)
{
	make(e);
	assert_int_equal(feed_server(e), 0);
	assert_int_equal(feed_client(e), 0);
	assert_true(channel_is_ready(e->client));
	assert_true(channel_is_ready(e->server));
}

static void
client_says(struct ends *e, const char *s)
{
	assert_int_equal(
	    channel_seal(e->client, s, strlen(s), &e->to_server), 0);
}

static void
assert_holds(const struct buf *b, const char *s)
{
	assert_int_equal(buf_len(b), strlen(s));
	if (buf_len(b) > 0)
		assert_memory_equal(buf_head(b), s, strlen(s));
}

/* --- the handshake -------------------------------------------------------- */

static void
both_ends_agree_on_hash_and_key(void **state)
{
	struct ends e;

	(void)state;
	shake_hands(&e);
	assert_memory_equal(
	    channel_hash(e.client), channel_hash(e.server), CHANNEL_HASH_LEN);
	assert_memory_equal(
	    channel_remote_key(e.client), e.key.public, CHANNEL_KEY_LEN);
	assert_int_equal(buf_len(&nowhere), 0);
	drop(&e);
}

static void
no_two_connections_have_the_same_hash(void **state)
{
	struct ends a, b;

	(void)state;
	shake_hands(&a);
	shake_hands(&b);
	assert_memory_not_equal(
	    channel_hash(a.client), channel_hash(b.client), CHANNEL_HASH_LEN);
	drop(&a);
	drop(&b);
}

static void
lines_go_both_ways(void **state)
{
	struct ends e;

	(void)state;
	shake_hands(&e);
	client_says(&e, "9 JOIN room\n");
	assert_int_equal(feed_server(&e), 0);
	assert_holds(&e.heard_by_server, "9 JOIN room\n");
	assert_int_equal(
	    channel_seal(e.server, "6 OK 0-0\n", 9, &e.to_client), 0);
	assert_int_equal(feed_client(&e), 0);
	assert_holds(&e.heard_by_client, "6 OK 0-0\n");
	drop(&e);
}

static void
message_1_is_the_same_before_and_after_the_greeting(void **state)
{
	struct ends e;
	struct buf early = {0};

	(void)state;
	make(&e);
	buf_add(&early, buf_head(&e.to_server), buf_len(&e.to_server));
	assert_int_equal(buf_len(&early), CALL_MESSAGE);
	assert_memory_equal(buf_head(&early), "\0\x20", HEAD);
	assert_int_equal(feed_server(&e), 0);
	assert_int_equal(buf_len(&e.to_client), ANSWER_MESSAGE);
	assert_memory_equal(buf_head(&e.to_client), "\0\x60", HEAD);
	buf_free(&early);
	drop(&e);
}

/* What each side believes was said in the clear, where the two differ. */
static const struct {
	const char *welcome, *secure;
} tampered[] = {
    {"WELCOME snug/1 den guest-7k2mq4zd max-line=16384", secure},
    {"WELCOME snug/1 den * max-line=99", secure},
    {NULL, "SECURE Noise_NX_25519_ChaChaPoly_SHA256"},
    {NULL, "secure " CHANNEL_SUITE},
    {NULL, "@x "
	   "SECURE " CHANNEL_SUITE},
};

static void
a_greeting_that_was_changed_fails_the_handshake(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tampered); i++) {
		struct ends e;
		make(&e);
		channel_free(e.server);
		const char *w = tampered[i].welcome;
		e.server = channel_new_server(&e.key,
		    span_of(w ? w : e.welcome), span_of(tampered[i].secure));
		assert_int_equal(feed_server(&e), 0);
		assert_int_equal(feed_client(&e), -CHANNEL_EHANDSHAKE);
		drop(&e);
	}
}

static void
a_server_with_another_key_than_its_greeting_says_is_refused(void **state)
{
	struct ends e;
	struct noise_keypair other;

	(void)state;
	make(&e);
	noise_keypair_new(&other);
	channel_free(e.server);
	e.server =
	    channel_new_server(&other, span_of(e.welcome), span_of(secure));
	assert_int_equal(feed_server(&e), 0);
	assert_int_equal(feed_client(&e), -CHANNEL_EKEY);
	assert_false(channel_is_ready(e.client));
	drop(&e);
}

static void
a_greeting_without_a_proper_key_is_refused(void **state)
{
	static const char *const bad[] = {
	    "WELCOME snug/1 den nick",
	    "WELCOME snug/1 den nick key=",
	    "WELCOME snug/1 den nick key=AAAA",
	    "WELCOME snug/1 den nick xkey="
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	    /* one bit more than 32 bytes have */
	    "WELCOME snug/1 den nick key="
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
	    "",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct buf wire = {0}, in = {0}, out = {0};
		struct channel *ch = channel_new_client(&wire);
		assert_int_equal(
		    channel_set_greeting(ch, span_of(bad[i]), span_of(secure)),
		    -CHANNEL_EKEY);
		assert_int_equal(
		    channel_feed(ch, &in, &out, &out), -CHANNEL_EKEY);
		assert_int_equal(
		    channel_seal(ch, "x", 1, &out), -CHANNEL_ESTATE);
		channel_free(ch);
		buf_free(&wire);
		buf_free(&out);
	}
}

/* Every bit of message 1 and of message 2: none goes through. */
static void
every_changed_bit_of_the_handshake_is_refused(void **state)
{
	(void)state;
	for (size_t bit = 0; bit < 8 * CALL_MESSAGE; bit++) {
		struct ends e;
		make(&e);
		buf_head(&e.to_server)[bit / 8] ^= (char)(1 << (bit % 8));
		int err = feed_server(&e);
		if (err == 0 && buf_len(&e.to_client) == 0)
			/* a longer length: the rest never comes */
			assert_true(bit < 8 * HEAD);
		else if (err == 0)
			assert_int_equal(feed_client(&e), -CHANNEL_EHANDSHAKE);
		assert_false(channel_is_ready(e.client));
		drop(&e);
	}
	for (size_t bit = 0; bit < 8 * ANSWER_MESSAGE; bit++) {
		struct ends e;
		make(&e);
		assert_int_equal(feed_server(&e), 0);
		buf_head(&e.to_client)[bit / 8] ^= (char)(1 << (bit % 8));
		assert_true(feed_client(&e) < 0);
		assert_false(channel_is_ready(e.client));
		drop(&e);
	}
}

static void
a_handshake_cut_at_any_byte_waits_and_is_not_ready(void **state)
{
	(void)state;
	for (size_t len = 0; len < CALL_MESSAGE; len++) {
		struct ends e;
		make(&e);
		buf_truncate(&e.to_server, len);
		assert_int_equal(feed_server(&e), 0);
		assert_int_equal(buf_len(&e.to_client), 0);
		assert_false(channel_is_ready(e.server));
		drop(&e);
	}
	for (size_t len = 0; len < ANSWER_MESSAGE; len++) {
		struct ends e;
		make(&e);
		assert_int_equal(feed_server(&e), 0);
		buf_truncate(&e.to_client, len);
		assert_int_equal(feed_client(&e), 0);
		assert_false(channel_is_ready(e.client));
		drop(&e);
	}
}

/* Each length but the one is refused when its two bytes are there. */
static void
a_handshake_message_of_any_other_length_is_refused_by_its_length(void **state)
{
	(void)state;
	for (unsigned len = 0; len <= 0xffff; len++) {
		struct ends e;
		const char head[HEAD] = {(char)(len >> 8), (char)len};
		if (len % 251 != 0 && len > 130)
			continue; /* all of the small, some of the others */
		make(&e);
		buf_clear(&e.to_server);
		buf_add(&e.to_server, head, HEAD);
		assert_int_equal(feed_server(&e),
		    len == CHANNEL_CALL_LEN ? 0 : -CHANNEL_ELENGTH);
		buf_add(&e.to_client, head, HEAD);
		bool digit = head[0] >= '0' && head[0] <= '9';
		assert_int_equal(feed_client(&e), digit ? -CHANNEL_EREFUSED
						  : len == CHANNEL_ANSWER_LEN
						      ? 0
						      : -CHANNEL_ELENGTH);
		drop(&e);
	}
}

static void
bytes_behind_message_1_are_refused(void **state)
{
	struct ends e;

	(void)state;
	make(&e);
	buf_add(&e.to_server, "J", 1);
	assert_int_equal(feed_server(&e), -CHANNEL_EEARLY);
	assert_int_equal(buf_len(&e.to_client), 0);
	assert_int_equal(buf_len(&e.heard_by_server), 0);
	drop(&e);
}

static void
bytes_before_message_1_or_2_are_refused(void **state)
{
	struct ends e;
	struct buf later = {0};

	(void)state;
	make(&e);
	buf_add(&later, "JOIN lobby\n", 11);
	buf_add(&later, buf_head(&e.to_server), buf_len(&e.to_server));
	buf_free(&e.to_server);
	e.to_server = later;
	assert_int_equal(feed_server(&e), -CHANNEL_ELENGTH);
	drop(&e);

	make(&e);
	assert_int_equal(feed_server(&e), 0);
	later = (struct buf){0};
	buf_add(&later, "\0\x60", HEAD);
	memset(buf_reserve(&later, 96), 0, 96);
	buf_added(&later, 96);
	buf_add(&later, buf_head(&e.to_client), buf_len(&e.to_client));
	buf_free(&e.to_client);
	e.to_client = later;
	assert_int_equal(feed_client(&e), -CHANNEL_EHANDSHAKE);
	drop(&e);
}

static void
a_line_instead_of_message_2_is_a_refusal_and_is_left_to_read(void **state)
{
	struct ends e;

	(void)state;
	make(&e);
	buf_add_str(&e.to_client, "30 ERR bad-args no such suite\n");
	assert_int_equal(feed_client(&e), -CHANNEL_EREFUSED);
	assert_holds(&e.to_client, "30 ERR bad-args no such suite\n");
	assert_false(channel_is_ready(e.client));
	drop(&e);
}

static void
an_end_that_gets_its_own_message_back_refuses_it(void **state)
{
	struct ends e;

	(void)state;
	make(&e);
	buf_add(&e.to_client, buf_head(&e.to_server), buf_len(&e.to_server));
	assert_int_equal(feed_client(&e), -CHANNEL_ELENGTH);
	drop(&e);
	/* A client that is talked to by a client in the server's place. */
	make(&e);
	assert_int_equal(feed_server(&e), 0);
	buf_add(&e.to_server, buf_head(&e.to_client), buf_len(&e.to_client));
	assert_int_equal(feed_server(&e), -CHANNEL_ETAG);
	drop(&e);
}

/* The eight encodings of points whose product with any secret is zero. */
static const char *const low_order[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};

static void
put_point(char *to, const char *hex)
{
	size_t n;

	assert_int_equal(sodium_hex2bin((uint8_t *)to, CHANNEL_KEY_LEN, hex,
			     strlen(hex), NULL, &n, NULL),
	    0);
	assert_int_equal(n, CHANNEL_KEY_LEN);
}

static void
points_of_low_order_are_refused_by_both_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(low_order); i++) {
		struct ends e;
		make(&e);
		put_point(buf_head(&e.to_server) + HEAD, low_order[i]);
		assert_int_equal(feed_server(&e), -CHANNEL_EHANDSHAKE);
		assert_int_equal(buf_len(&e.to_client), 0);
		drop(&e);
		make(&e);
		assert_int_equal(feed_server(&e), 0);
		put_point(buf_head(&e.to_client) + HEAD, low_order[i]);
		assert_int_equal(feed_client(&e), -CHANNEL_EHANDSHAKE);
		drop(&e);
	}
}

/* Whoever has such a "key" has no secret, and needs none where secrets of zero
 * are taken: its transcript would be valid. */
static void
a_server_whose_identity_is_of_low_order_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(low_order); i++) {
		struct ends e;
		char key[IDENTITY_KEY_TEXT + 1];
		make(&e);
		channel_free(e.client);
		channel_free(e.server);
		buf_clear(&e.to_server);
		put_point((char *)e.key.public, low_order[i]);
		snprintf(e.welcome, sizeof(e.welcome),
		    "WELCOME snug/1 den nick key=%s",
		    identity_key_text(e.key.public, key));
		e.server = channel_new_server(
		    &e.key, span_of(e.welcome), span_of(secure));
		e.client = channel_new_client(&e.to_server);
		assert_int_equal(channel_set_greeting(e.client,
				     span_of(e.welcome), span_of(secure)),
		    0);
		assert_int_equal(feed_server(&e), 0);
		assert_int_equal(feed_client(&e), -CHANNEL_EHANDSHAKE);
		drop(&e);
	}
}

static void
nothing_is_sealed_before_the_handshake_is_done(void **state)
{
	struct ends e;

	(void)state;
	make(&e);
	assert_int_equal(
	    channel_seal(e.client, "x", 1, &nowhere), -CHANNEL_ESTATE);
	assert_int_equal(
	    channel_seal(e.server, "x", 1, &nowhere), -CHANNEL_ESTATE);
	assert_int_equal(buf_len(&nowhere), 0);
	drop(&e);
}

/* --- transport ------------------------------------------------------------ */

static void
every_changed_bit_of_a_message_ends_the_session(void **state)
{
	struct ends e;

	(void)state;
	for (size_t bit = 0;; bit++) {
		shake_hands(&e);
		client_says(&e, "x");
		size_t bits = 8 * buf_len(&e.to_server);
		if (bit == bits)
			break;
		buf_head(&e.to_server)[bit / 8] ^= (char)(1 << (bit % 8));
		int err = feed_server(&e);
		/* A longer length waits for what never comes. */
		assert_true(err < 0 || bit < 8 * HEAD);
		assert_int_equal(buf_len(&e.heard_by_server), 0);
		assert_int_equal(buf_len(&e.to_client), 0);
		drop(&e);
	}
	drop(&e);
}

/* Three messages of the client; fn does harm to them on their way. */
static void
expect_after(void (*fn)(struct buf *wire, size_t message), const char *heard)
{
	struct ends e;

	shake_hands(&e);
	client_says(&e, "one");
	client_says(&e, "two");
	client_says(&e, "six");
	fn(&e.to_server, HEAD + 3 + NOISE_TAG_LEN);
	assert_int_equal(feed_server(&e), -CHANNEL_ETAG);
	assert_holds(&e.heard_by_server, heard);
	assert_int_equal(buf_len(&e.to_client), 0);
	assert_int_equal(feed_server(&e), -CHANNEL_ETAG);
	assert_int_equal(
	    channel_seal(e.server, "BYE", 3, &e.to_client), -CHANNEL_ESTATE);
	drop(&e);
}

static void
repeat_second(struct buf *wire, size_t m)
{
	memcpy(buf_head(wire) + 2 * m, buf_head(wire) + m, m);
}

static void
swap_last_two(struct buf *wire, size_t m)
{
	char *p = buf_head(wire), third[64];

	memcpy(third, p + 2 * m, m);
	memcpy(p + 2 * m, p + m, m);
	memcpy(p + m, third, m);
}

static void
drop_first(struct buf *wire, size_t m)
{
	buf_drain(wire, m);
}

static void
shorten_second(struct buf *wire, size_t m)
{
	char *p = buf_head(wire) + m;

	p[1]--;
	memmove(p + m - 1, p + m, m);
	buf_truncate(wire, buf_len(wire) - 1);
}

static void
a_message_sent_again_ends_the_session(void **state)
{
	(void)state;
	expect_after(repeat_second, "onetwo");
}

static void
messages_in_another_order_end_the_session(void **state)
{
	(void)state;
	expect_after(swap_last_two, "one");
}

static void
a_message_left_out_ends_the_session(void **state)
{
	(void)state;
	expect_after(drop_first, "");
}

static void
a_message_made_shorter_ends_the_session(void **state)
{
	(void)state;
	expect_after(shorten_second, "one");
}

static void
a_message_of_the_other_direction_ends_the_session(void **state)
{
	struct ends e;

	(void)state;
	shake_hands(&e);
	assert_int_equal(channel_seal(e.server, "hi", 2, &e.to_client), 0);
	buf_add(&e.to_server, buf_head(&e.to_client), buf_len(&e.to_client));
	assert_int_equal(feed_server(&e), -CHANNEL_ETAG);
	drop(&e);
}

static void
a_message_of_another_session_ends_the_session(void **state)
{
	struct ends a, b;

	(void)state;
	shake_hands(&a);
	shake_hands(&b);
	client_says(&a, "hi");
	buf_add(&b.to_server, buf_head(&a.to_server), buf_len(&a.to_server));
	assert_int_equal(feed_server(&b), -CHANNEL_ETAG);
	drop(&a);
	drop(&b);
}

static void
a_length_under_17_is_refused_before_anything_follows(void **state)
{
	(void)state;
	for (char len = 0; len <= 17; len++) {
		struct ends e;
		const char head[HEAD] = {0, len};
		shake_hands(&e);
		buf_add(&e.to_server, head, 1);
		assert_int_equal(feed_server(&e), 0);
		buf_add(&e.to_server, head + 1, 1);
		assert_int_equal(
		    feed_server(&e), len < 17 ? -CHANNEL_ELENGTH : 0);
		drop(&e);
	}
}

static void
what_is_claimed_takes_no_memory(void **state)
{
	struct ends e;

	(void)state;
	shake_hands(&e);
	buf_add(&e.to_server, "\xff\xff", HEAD);
	for (int i = 0; i < 100; i++) {
		buf_add(&e.to_server, "?", 1);
		assert_int_equal(feed_server(&e), 0);
	}
	assert_int_equal(buf_len(&e.to_server), HEAD + 100);
	assert_true(e.to_server.cap < 1024);
	assert_true(e.heard_by_server.cap < 1024);
	drop(&e);
}

/* Bytes of the heap in use; sanitizers have one of their own, of which it is
 * not told: 0 then. */
static size_t
heap_used(void)
{
	return mallinfo2().uordblks;
}

/* With malloc()'s own part, and the bytes that wait in the caller's buffer. */
static void
a_handshake_that_is_not_finished_takes_less_than_1_KiB(void **state)
{
	enum { MANY = 1000 };
	struct channel *waiting[MANY];
	struct buf in[MANY] = {{0}};
	struct ends e;

	(void)state;
	make(&e);
	size_t before = heap_used();
	for (size_t i = 0; i < MANY; i++) {
		waiting[i] = channel_new_server(
		    &e.key, span_of(e.welcome), span_of(secure));
		buf_add(&in[i], buf_head(&e.to_server), CALL_MESSAGE - 1);
		assert_int_equal(
		    channel_feed(waiting[i], &in[i], &nowhere, &nowhere), 0);
	}
	size_t each = (heap_used() - before) / MANY;
	if (before > 0)
		assert_in_range(
		    each, CALL_MESSAGE, CHANNEL_HANDSHAKE_MEMORY - 1);
	for (size_t i = 0; i < MANY; i++) {
		channel_free(waiting[i]);
		buf_free(&in[i]);
	}
	drop(&e);
}

static void
much_is_sealed_in_as_few_messages_as_there_can_be(void **state)
{
	enum { MUCH = 2 * CHANNEL_PLAIN_MAX + 1 };
	struct ends e;
	char *much = xcalloc(1, MUCH);

	(void)state;
	randombytes_buf_deterministic(
	    much, MUCH, (const uint8_t *)"0123456789abcdef0123456789abcdef");
	shake_hands(&e);
	assert_int_equal(channel_seal(e.client, much, MUCH, &e.to_server), 0);
	assert_int_equal(
	    buf_len(&e.to_server), MUCH + 3 * (HEAD + NOISE_TAG_LEN));
	assert_int_equal(feed_server(&e), 0);
	assert_int_equal(buf_len(&e.heard_by_server), MUCH);
	assert_memory_equal(buf_head(&e.heard_by_server), much, MUCH);
	buf_clear(&e.to_server);
	assert_int_equal(channel_seal(e.client, much, 0, &e.to_server), 0);
	assert_int_equal(buf_len(&e.to_server), 0);
	free(much);
	drop(&e);
}

/* The stream of a client, from its message 1 on, fed in pieces of `step`
 * bytes; gives what was heard and the verdict. */
static int
feed_in_pieces(struct ends *e, const struct buf *stream, size_t step)
{
	int err = 0;

	for (size_t at = 0; err == 0 && at < buf_len(stream); at += step) {
		size_t n = buf_len(stream) - at;
		n = n < step ? n : step;
		buf_add(&e->to_server, buf_head(stream) + at, n);
		err = feed_server(e);
	}
	return err;
}

static void
the_result_does_not_depend_on_how_the_bytes_are_cut(void **state)
{
	(void)state;
	for (size_t step = 1; step < 120; step++) {
		struct ends e;
		struct buf stream = {0};
		shake_hands(&e);
		for (int i = 0; i < 9; i++)
			client_says(&e, &"one two three"[i]);
		buf_add(&stream, buf_head(&e.to_server), buf_len(&e.to_server));
		buf_head(&stream)[buf_len(&stream) - 1] ^= 1;
		buf_clear(&e.to_server);
		assert_int_equal(
		    feed_in_pieces(&e, &stream, step), -CHANNEL_ETAG);
		assert_holds(&e.heard_by_server,
		    "one two threene two threee two three two threetwo three"
		    "wo threeo three three");
		buf_free(&stream);
		drop(&e);
	}
	for (size_t step = 1; step < CALL_MESSAGE; step++) {
		struct ends e;
		struct buf stream;
		make(&e);
		stream = e.to_server;
		e.to_server = (struct buf){0};
		assert_int_equal(feed_in_pieces(&e, &stream, step), 0);
		assert_true(channel_is_ready(e.server));
		buf_free(&stream);
		drop(&e);
	}
}

/* --- rekeying ------------------------------------------------------------- */

/* n messages of a byte from one end to the other. */
static void
chat(struct channel *from, struct channel *to, size_t n)
{
	struct buf wire = {0}, plain = {0};

	for (size_t i = 0; i < n; i++) {
		const char c = (char)i;
		assert_int_equal(channel_seal(from, &c, 1, &wire), 0);
		assert_int_equal(channel_feed(to, &wire, &plain, &nowhere), 0);
		assert_int_equal(buf_len(&plain), 1);
		assert_int_equal(buf_head(&plain)[0], c);
		buf_clear(&plain);
	}
	buf_free(&wire);
	buf_free(&plain);
}

static void
both_directions_go_on_across_two_rekeys(void **state)
{
	struct ends e;

	(void)state;
	shake_hands(&e);
	chat(e.client, e.server, 131072 + 5);
	chat(e.server, e.client, 131072 + 5);
	drop(&e);
}

/* A client by hand, which has the keys: that the other end has changed its key
 * shows where we change ours, and only there. */
static void
finish_by_hand(
    struct ends *e, struct noise_cipher *send, struct noise_cipher *recv)
{
	struct noise n;
	struct buf prologue = {0}, out = {0};
	char key[IDENTITY_KEY_TEXT + 1];

	make(e);
	identity_key_text(e->key.public, key);
	buf_addf(&prologue, "snug/1\n%s\n%s", e->welcome, secure);
	noise_init(
	    &n, &(struct noise_config){
		    .pattern = "NX",
		    .initiator = true,
		    .prologue = {buf_head(&prologue), buf_len(&prologue)},
		});
	buf_clear(&e->to_server);
	buf_add(&e->to_server, "\0\x20", HEAD);
	assert_int_equal(noise_write(&n, SPAN_NONE, &e->to_server), 0);
	assert_int_equal(feed_server(e), 0);
	buf_drain(&e->to_client, HEAD);
	assert_int_equal(
	    noise_read(&n,
		(struct span){buf_head(&e->to_client), buf_len(&e->to_client)},
		&out),
	    0);
	assert_int_equal(noise_split(&n, send, recv), 0);
	assert_memory_equal(n.h, channel_hash(e->server), CHANNEL_HASH_LEN);
	buf_clear(&e->to_client);
	buf_free(&prologue);
	buf_free(&out);
}

/* Seals or opens one message by hand, which is number c->n. */
static int
say_by_hand(struct ends *e, struct noise_cipher *c)
{
	uint8_t sealed[1 + NOISE_TAG_LEN] = {'x'};

	assert_int_equal(noise_seal(c, sealed, 1, sealed), 0);
	buf_add(&e->to_server, "\0\x11", HEAD);
	buf_add(&e->to_server, sealed, sizeof(sealed));
	int err = feed_server(e);
	buf_clear(&e->heard_by_server);
	return err;
}

static int
hear_by_hand(struct ends *e, struct noise_cipher *c)
{
	uint8_t out[1];

	buf_clear(&e->to_client);
	assert_int_equal(channel_seal(e->server, "y", 1, &e->to_client), 0);
	return noise_open(c, (const uint8_t *)buf_head(&e->to_client) + HEAD,
	    buf_len(&e->to_client) - HEAD, out);
}

typedef int (*by_hand_fn)(struct ends *e, struct noise_cipher *c);

/* Rekeys behind each n of `at` (0 ends the list) and goes on to n = `last`.
 * Gives the n whose message failed, or 0. */
static uint64_t
fails_at(bool sending, const uint64_t *at, uint64_t last)
{
	struct ends e;
	struct noise_cipher send, recv;
	struct noise_cipher *c = sending ? &send : &recv;
	by_hand_fn fn = sending ? say_by_hand : hear_by_hand;
	uint64_t failed = 0;

	finish_by_hand(&e, &send, &recv);
	while (c->n <= last) {
		uint64_t n = c->n;
		if (fn(&e, c) < 0) {
			failed = n;
			break;
		}
		if (*at && *at == n) {
			noise_rekey(c);
			at++;
		}
	}
	drop(&e);
	return failed;
}

static void
the_key_changes_behind_65535_and_behind_131071_and_nowhere_else(void **state)
{
	static const uint64_t right[] = {REKEYS_BEHIND, 131071, 0};
	static const uint64_t early[] = {REKEYS_BEHIND - 1, 0};
	static const uint64_t never[] = {0};
	static const uint64_t once[] = {REKEYS_BEHIND, 0};

	(void)state;
	for (int sending = 0; sending < 2; sending++) {
		assert_int_equal(fails_at(sending, right, 131074), 0);
		assert_int_equal(
		    fails_at(sending, early, 65540), REKEYS_BEHIND);
		assert_int_equal(
		    fails_at(sending, never, 65540), REKEYS_BEHIND + 1);
		assert_int_equal(fails_at(sending, once, 131074), 131072);
	}
}

static void
every_error_has_words(void **state)
{
	(void)state;
	for (int i = 1; i <= CHANNEL_ESTATE; i++)
		assert_string_not_equal(
		    channel_strerror(-i), channel_strerror(0));
	assert_string_equal(channel_strerror(-99), channel_strerror(0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(both_ends_agree_on_hash_and_key),
	    TEST(no_two_connections_have_the_same_hash),
	    TEST(lines_go_both_ways),
	    TEST(message_1_is_the_same_before_and_after_the_greeting),
	    TEST(a_greeting_that_was_changed_fails_the_handshake),
	    TEST(a_server_with_another_key_than_its_greeting_says_is_refused),
	    TEST(a_greeting_without_a_proper_key_is_refused),
	    TEST(every_changed_bit_of_the_handshake_is_refused),
	    TEST(a_handshake_cut_at_any_byte_waits_and_is_not_ready),
	    TEST(
		a_handshake_message_of_any_other_length_is_refused_by_its_length),
	    TEST(bytes_behind_message_1_are_refused),
	    TEST(bytes_before_message_1_or_2_are_refused),
	    TEST(a_line_instead_of_message_2_is_a_refusal_and_is_left_to_read),
	    TEST(an_end_that_gets_its_own_message_back_refuses_it),
	    TEST(points_of_low_order_are_refused_by_both_ends),
	    TEST(a_server_whose_identity_is_of_low_order_is_refused),
	    TEST(nothing_is_sealed_before_the_handshake_is_done),
	    TEST(every_changed_bit_of_a_message_ends_the_session),
	    TEST(a_message_sent_again_ends_the_session),
	    TEST(messages_in_another_order_end_the_session),
	    TEST(a_message_left_out_ends_the_session),
	    TEST(a_message_made_shorter_ends_the_session),
	    TEST(a_message_of_the_other_direction_ends_the_session),
	    TEST(a_message_of_another_session_ends_the_session),
	    TEST(a_length_under_17_is_refused_before_anything_follows),
	    TEST(what_is_claimed_takes_no_memory),
	    TEST(a_handshake_that_is_not_finished_takes_less_than_1_KiB),
	    TEST(much_is_sealed_in_as_few_messages_as_there_can_be),
	    TEST(the_result_does_not_depend_on_how_the_bytes_are_cut),
	    TEST(both_directions_go_on_across_two_rekeys),
	    TEST(
		the_key_changes_behind_65535_and_behind_131071_and_nowhere_else),
	    TEST(every_error_has_words),
	};

	if (sodium_init() < 0)
		return 99;
	return RUN(tests);
}
