/* SPDX-License-Identifier: ISC */
/*
 * server/secure.c, and what session.c and output.c do about SECURE: how a
 * session becomes secure, what ends it, and that no byte from before or
 * outside is ever taken for one from inside.
 */
#include "tests/unit/unit.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"
#include "proto/channel.h"
#include "proto/identity.h"
#include "server/secure.h"
#include "tests/unit/relay_held.h"
#include "tests/unit/rig.h"

#define SECURE_LINE "SECURE " CHANNEL_SUITE "\n"

static int
setup(void **state)
{
	*state = rig_new("--secure=offered");
	return 0;
}

static int
teardown(void **state)
{
	rig_free(*state);
	return 0;
}

static void
assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" lacks \"%s\"", text, part);
}

/* The first and the last line of what came. */
static const char *
last_line(const char *lines)
{
	size_t n = strlen(lines);

	assert_true(n > 0 && lines[n - 1] == '\n');
	for (n--; n > 0 && lines[n - 1] != '\n'; n--)
		;
	return lines + n;
}

/* A connection whose greeting was read. */
static struct client *
stranger(struct rig *r)
{
	struct client *c = rig_connect_from(r, true);

	assert_has(rig_lines(c), "WELCOME snug/1 den guest ");
	return c;
}

/* --- a session becomes secure --------------------------------------------- */

static void
secure_is_answered_by_message_2_and_a_second_welcome(void **state)
{
	struct rig *r = *state;
	struct client *c = rig_connect_from(r, true);
	char key[IDENTITY_KEY_TEXT + 1], want[700], welcome[300];

	identity_key_text(identity_public(r->server.identity), key);
	snprintf(welcome, sizeof welcome,
	    "WELCOME snug/1 den guest max-line=16384 max-text=8192 ping=60 "
	    "dedupe=300 durable=process resume=token secure=offered key=%s\n",
	    key);
	rig_call(c, RIG_WHOLE);
	assert_int_equal(c->channel_err, 0);
	assert_memory_equal(channel_remote_key(c->channel),
	    identity_public(r->server.identity), CHANNEL_KEY_LEN);
	assert_memory_equal(channel_hash(c->channel),
	    channel_hash(c->session->channel), CHANNEL_HASH_LEN);
	/* In the clear, and within. */
	snprintf(want, sizeof want, "%s%s", welcome, welcome);
	EXPECT(c, want);
	ASK(c, "6 NICK a", "OK a\n");
}

static void
who_may_not_be_plain_learns_who_it_is_within(void **state)
{
	struct rig *r = *state;
	struct client *c = rig_connect_from(r, false);
	const char *got;

	rig_settle(r);
	rig_call(c, RIG_WHOLE);
	got = rig_lines(c);
	assert_has(got, "WELCOME snug/1 den * max-line=16384 max-text=8192 "
			"secure=required key=");
	assert_has(last_line(got), "WELCOME snug/1 den guest max-line=");
	assert_has(last_line(got), "resume=token secure=required key=");
	ASK(c, "NICK ann\nJOIN r",
	    "OK ann\nJOINED r ann\nNAMES r 1 ann\nOK 0-0\n");
}

static void
required_means_from_everywhere(void **state)
{
	struct rig *r = rig_new("--secure=required");
	struct client *c = rig_connect_from(r, true);

	(void)state;
	assert_has(rig_lines(c), "WELCOME snug/1 den * max-line=16384 "
				 "max-text=8192 secure=required key=");
	ASK(c, "JOIN r",
	    "ERR secure-required plaintext is not allowed here; begin with "
	    "SECURE, as snug does\n");
	c = rig_connect_secure(r, true);
	ASK(c, "NICK ann", "OK ann\n");
	rig_free(r);
}

static void
motd_and_the_next_key_are_told_within(void **state)
{
	struct rig *r = *state;
	char motd[] = "Be kind.", key[IDENTITY_KEY_TEXT + 1], want[100];
	struct client *c;

	r->server.motd = motd;
	r->server.next_identity = identity_new(IDENTITY_SERVER);
	identity_key_text(identity_public(r->server.next_identity), key);
	snprintf(want, sizeof want,
	    "\nNOTICE next-key %s\nNOTICE motd Be kind.\n", key);
	c = rig_connect_from(r, true);
	rig_call(c, RIG_WHOLE);
	assert_has(rig_lines(c), want);
	/* A plain session is told of no key: anybody could have said it. */
	c = stranger(r);
	ASK(c, "PING", "NOTICE motd Be kind.\nOK\n");
}

static void
a_handshake_may_come_in_any_pieces(void **state)
{
	struct rig *r = *state;

	for (size_t cut = 1; cut <= 80; cut++) {
		struct client *c = rig_connect_from(r, true);

		rig_call(c, cut);
		assert_int_equal(c->channel_err, 0);
		assert_has(last_line(rig_lines(c)), "WELCOME snug/1 den guest");
		ASK(c, "PING x", "OK x\n");
		rig_hang_up(c);
		rig_settle(r);
		rig_forget(c);
	}
}

static void
messages_may_be_cut_anywhere_and_hold_any_part_of_a_line(void **state)
{
	static const char in[] = "NICK ann\n6 JOIN r\nPING a\n"
				 "8 PING 2 3\n\r\n\nNAMES r\nPART r\n";
	static const char out[] =
	    "OK ann\nJOINED r ann\nNAMES r 1 ann\nOK 0-0\nOK a\nOK 2 3\n"
	    "NAMES r 1 ann\nOK\nPARTED r ann\nOK\n";

	(void)state;
	for (size_t part = 1; part < sizeof in; part *= 3)
		for (size_t cut = 1; cut < 400; cut *= 3) {
			struct rig *r = rig_new("--secure=offered");
			struct client *c = rig_connect_secure(r, true);
			struct buf wire = {0};
			size_t n;

			for (size_t i = 0; i < sizeof in - 1; i += n) {
				n = sizeof in - 1 - i;
				n = n < part ? n : part;
				assert_int_equal(
				    channel_seal(c->channel, in + i, n, &wire),
				    0);
			}
			for (; buf_len(&wire) > 0; buf_drain(&wire, n)) {
				n = buf_len(&wire);
				n = n < cut ? n : cut;
				rig_send_raw(c, buf_head(&wire), n);
			}
			EXPECT(c, out);
			buf_free(&wire);
			rig_free(r);
		}
}

static void
a_batch_is_sealed_as_one_message(void **state)
{
	struct rig *r = *state;
	struct client *ann = rig_connect_secure(r, true);
	struct client *bob = rig_connect_secure(r, true);
	unsigned char raw[4096];
	ssize_t n;

	ASK(bob, "JOIN r", "JOINED r guest\nNAMES r 1 guest\nOK 0-0\n");
	rig_send(ann, "JOIN r\n");
	rig_lines(ann);
	rig_lines(bob);
	bob->deaf = true;
	relay_held_hold(r->relay, true);
	rig_send(ann, "SAY r a\nSAY r b\nSAY r c\n");
	while (relay_held_count(r->relay) > 0)
		relay_held_give(r->relay);
	rig_settle(r);

	n = recv(bob->fd, raw, sizeof raw, MSG_PEEK);
	assert_true(n > 2 + 16);
	assert_int_equal(raw[0] << 8 | raw[1], n - 2);
	bob->deaf = false;
	EXPECT(bob, "MSG r 5000-0 guest a\nMSG r 5000-1 guest b\n"
		    "MSG r 5000-2 guest c\n");
}

static void
what_is_above_one_message_is_cut_into_two(void **state)
{
	enum { LEN = 8000, N = 9 };
	struct rig *r = *state;
	struct client *ann = rig_connect_secure(r, true);
	struct client *bob = rig_connect_secure(r, true);
	static char line[LEN + 16];
	const char *got;
	size_t said = 0;

	rig_send(bob, "JOIN r\n");
	rig_send(ann, "JOIN r\n");
	rig_lines(bob);
	relay_held_hold(r->relay, true);
	snprintf(line, sizeof line, "SAY r %0*d\n", LEN, 0);
	for (int i = 0; i < N; i++)
		rig_send(ann, line);
	while (relay_held_count(r->relay) > 0)
		relay_held_give(r->relay);
	got = rig_lines(bob);
	for (; (got = strstr(got, "MSG r ")); got++)
		said++;
	assert_int_equal(said, N);
}

/* --- what is refused ------------------------------------------------------ */

/* Refused with these lines, and nothing behind it is looked at. */
static void
refused(struct rig *r, struct client *c, const char *line, const char *answer)
{
	struct buf bytes = {0};
	const char *got;

	rig_lines(c);
	buf_add_str(&bytes, line);
	buf_add_str(&bytes, "NICK eve\nJOIN r\n");
	rig_send_bytes(c, buf_head(&bytes), buf_len(&bytes));
	buf_free(&bytes);
	got = rig_lines(c);
	assert_memory_equal(got, answer, strlen(answer));
	assert_memory_equal(last_line(got), "BYE bad-frame ", 14);
	assert_null(strstr(got, "eve"));
	rig_hang_up(c);
	rig_settle(r);
	assert_int_equal(r->server.nsessions, 0);
}

static void
a_refusal_ends_the_session_and_nothing_behind_it_is_parsed(void **state)
{
	static const struct {
		const char *line, *answer;
	} rows[] = {
	    {"SECURE\n", "ERR bad-args write: SECURE suite\n"},
	    {"SECURE " CHANNEL_SUITE " x\n",
		"ERR bad-args write: SECURE suite\n"},
	    {"SECURE noise_nx_25519_chachapoly_blake2b\n",
		"ERR bad-args there is one suite: " CHANNEL_SUITE "\n"},
	    {"SECURE Noise_NN_25519_ChaChaPoly_BLAKE2b\n",
		"ERR bad-args there is one suite: " CHANNEL_SUITE "\n"},
	    {"#t SECURE Noise_XX_25519_ChaChaPoly_BLAKE2b\n",
		"#t ERR bad-args there is one suite: "},
	    {"@cid=x " SECURE_LINE, "ERR bad-args @cid does not go with "},
	};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		refused(r, stranger(r), rows[i].line, rows[i].answer);
}

static void
secure_is_the_first_line_or_refused(void **state)
{
	static const char answer[] = "ERR bad-args SECURE is a connection's "
				     "very first line; connect anew\n";
	static const char *const before[] = {
	    "PING\n", "HELP nothing\n", "nonsense\n", "4 PING\n", "PONG\n"};
	struct rig *r = *state;
	struct client *c;

	for (size_t i = 0; i < ARRAY_LEN(before); i++) {
		c = stranger(r);
		rig_send(c, before[i]);
		refused(r, c, SECURE_LINE, answer);
	}
	c = stranger(r);
	rig_send(c, "NICK ann\n");
	refused(r, c, "40 " SECURE_LINE, answer);
	refused(r, rig_connect_secure(r, true), SECURE_LINE, answer);

	/* An empty line is none. */
	c = rig_connect_from(r, true);
	rig_send(c, "\r\n\n");
	rig_call(c, RIG_WHOLE);
	assert_int_equal(c->channel_err, 0);
}

static void
where_there_is_no_key_secure_is_unknown(void **state)
{
	struct rig *r = rig_new("--secure=off");

	(void)state;
	refused(r, rig_connect_from(r, true), SECURE_LINE,
	    "ERR unknown-command this server has no secure sessions\n");
	refused(r, rig_connect_from(r, false), SECURE_LINE,
	    "ERR unknown-command this server has no secure sessions\n");
	rig_free(r);
}

/* --- what ends a session without a word ----------------------------------- */

static void
assert_cut(struct rig *r, struct client *c)
{
	rig_settle(r);
	assert_true(c->closed);
	assert_int_equal(r->server.nsessions, 0);
	assert_int_equal(buf_len(&c->cipher), 0);
	EXPECT(c, "");
	rig_hang_up(c);
	rig_forget(c);
}

static void
bytes_in_the_place_of_message_1_are_not_answered(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {
#define B(s) {s, sizeof s - 1}
	    B("NICK eve\nJOIN r\nSAY r hello\n"), /* as STARTTLS had it */
	    B("QUIT\n"),
	    B("\n"),
	    B("6 NICK a\n"),
	    B("\x00\x1f"),
	    B("\x00\x21"),
	    B("\xff\xff"),
	    B("\x00\x00"),
	    /* A point of low order; and one byte between the messages. */
	    B("\x00\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
	    B("\x00\x20 0123456789abcdefghijklmnopqrstu\n"),
#undef B
	};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (int pieces = 0; pieces < 2; pieces++) {
			struct client *c = stranger(r);
			struct buf bytes = {0};

			buf_add_str(&bytes, SECURE_LINE);
			if (pieces)
				rig_send(c, SECURE_LINE);
			if (pieces)
				buf_clear(&bytes);
			buf_add(&bytes, rows[i].bytes, rows[i].len);
			rig_send_raw(c, buf_head(&bytes), buf_len(&bytes));
			buf_free(&bytes);
			if (rows[i].len < 2)
				rig_send_raw(c, "x", 1);
			assert_cut(r, c);
		}
}

/* What a message of PING is turned into on its way. */
static void
drop_one(struct client *c, struct buf *wire)
{
	buf_clear(wire);
	(void)!channel_seal(c->channel, "PING b\n", 7, wire);
}

static void
twice(struct client *c, struct buf *wire)
{
	struct buf again = {0};

	(void)c;
	buf_add(&again, buf_head(wire), buf_len(wire));
	buf_add(wire, buf_head(&again), buf_len(&again));
	buf_free(&again);
}

static void
change(struct client *c, struct buf *wire)
{
	(void)c;
	buf_head(wire)[5] ^= 1;
}

static void
change_the_tag(struct client *c, struct buf *wire)
{
	(void)c;
	buf_head(wire)[buf_len(wire) - 1] ^= 0x80;
}

static void
shorten(struct client *c, struct buf *wire)
{
	(void)c;
	buf_head(wire)[1]--;
	buf_truncate(wire, buf_len(wire) - 1);
}

static void
in_the_clear(struct client *c, struct buf *wire)
{
	(void)c;
	buf_clear(wire);
	buf_add_str(wire, "PING a\nPING b\n");
	/* As a length that would take more than all of it. */
	for (int i = 0; i < 2000; i++)
		buf_add_str(wire, "PING cccccccc\n");
}

static void
a_short_length(struct client *c, struct buf *wire)
{
	(void)c;
	buf_clear(wire);
	buf_add(wire, "\x00\x10", 2);
}

static void
a_message_that_was_tampered_with_is_not_answered(void **state)
{
	static void (*const harms[])(struct client *, struct buf *) = {drop_one,
	    change, change_the_tag, shorten, in_the_clear, a_short_length};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_LEN(harms); i++) {
		struct client *c = rig_connect_secure(r, true);
		struct buf wire = {0};

		/* As a length, what is in the clear is too much of a stranger,
		 * and would be answered. */
		rig_send(c, "JOIN r\n");
		rig_lines(c);
		assert_int_equal(
		    channel_seal(c->channel, "PING a\n", 7, &wire), 0);
		harms[i](c, &wire);
		rig_send_raw(c, buf_head(&wire), buf_len(&wire));
		buf_free(&wire);
		assert_cut(r, c);
	}
}

static void
what_came_before_the_offence_has_taken_effect(void **state)
{
	struct rig *r = *state;
	struct client *ann = rig_connect_secure(r, true);
	struct client *bob = rig_connect_secure(r, true);
	struct buf wire = {0};

	rig_send(bob, "JOIN r\n");
	rig_send(ann, "NICK ann\nJOIN r\n");
	rig_lines(bob);
	assert_int_equal(channel_seal(ann->channel, "SAY r a\n", 8, &wire), 0);
	twice(ann, &wire);
	rig_send_raw(ann, buf_head(&wire), buf_len(&wire));
	buf_free(&wire);
	assert_true(ann->closed);
	EXPECT(bob, "MSG r 5000-0 ann a\nPARTED r ann bytes were changed, "
		    "dropped or repeated on their way\n");
}

static void
a_greeting_or_line_that_was_changed_shows_at_the_client(void **state)
{
	struct rig *r = *state;
	struct client *c = rig_connect_from(r, true);
	const char *line = "secure " CHANNEL_SUITE "\n";

	/* Somebody on the way has changed the line's case. */
	rig_settle(r);
	rig_send(c, line);
	rig_call_behind(c);
	assert_int_equal(c->channel_err, -CHANNEL_EHANDSHAKE);
	assert_false(channel_is_ready(c->channel));
}

/* --- time and ends -------------------------------------------------------- */

static void
a_handshake_has_its_time_wherever_it_comes_from(void **state)
{
	struct rig *r = *state;

	for (int local = 0; local < 2; local++) {
		struct client *c = rig_connect_from(r, local);
		uint64_t now = clock_now_ms();

		rig_send(c, SECURE_LINE);
		rig_send_raw(c, "\0 half of it", 12);
		rig_lines(c);
		sessions_tick(&r->server, now + 9900);
		EXPECT(c, "");
		assert_int_equal(r->server.nsessions, 1);
		sessions_tick(&r->server, clock_now_ms() + 10000);
		assert_cut(r, c);
	}
}

static void
who_called_late_has_what_was_left_of_the_greetings_time(void **state)
{
	struct rig *r = *state;
	struct client *c = rig_connect_from(r, false);

	rig_settle(r);
	c->session->deadline_ms = clock_now_ms() + 3000;
	rig_send(c, SECURE_LINE);
	rig_lines(c);
	sessions_tick(&r->server, clock_now_ms() + 3000);
	assert_cut(r, c);
}

static void
the_limits_of_strangers_go_on_within(void **state)
{
	struct rig *r = *state;
	struct client *c = rig_connect_secure(r, false);
	struct client *d = rig_connect_secure(r, false);
	struct client *e = rig_connect_secure(r, false);
	char line[2000];

	snprintf(line, sizeof line, "PING %01020d\n", 0);
	rig_send(c, line);
	EXPECT(c, "ERR too-long the line is longer than max-line\n"
		  "BYE too-long the line is longer than max-line\n");

	ASK(d, "NICK dan", "OK dan\n");
	rig_send(d, line);
	assert_has(rig_lines(d), "OK 000");

	sessions_tick(&r->server, clock_now_ms() + 10000);
	assert_has(rig_lines(e), "BYE ping-timeout no command came in time");
	ASK(d, "PING", "OK\n");
}

/* A line of PING that makes a message of so many bytes. */
static void
send_message(struct client *c, size_t len)
{
	static char line[2000];
	struct buf wire = {0};
	size_t n = len - NOISE_TAG_LEN;

	snprintf(line, sizeof line, "PING %0*d\n", (int)n - 6, 0);
	assert_int_equal(strlen(line), n);
	assert_int_equal(channel_seal(c->channel, line, n, &wire), 0);
	assert_int_equal(buf_len(&wire), CHANNEL_HEAD_LEN + len);
	rig_send_raw(c, buf_head(&wire), buf_len(&wire));
	buf_free(&wire);
}

static void
a_message_of_a_stranger_is_short_or_refused(void **state)
{
	static const char refusal[] =
	    "ERR too-long before the first accepted command a message seals "
	    "512 bytes at most\nBYE too-long before the first accepted "
	    "command "
	    "a message seals 512 bytes at most\n";
	struct rig *r = *state;
	struct client *c = rig_connect_secure(r, false);

	send_message(c, CHANNEL_FIRST_MAX);
	assert_has(rig_lines(c), "OK 000");
	/* Its length alone says that it is longer. */
	rig_send_raw(c, "\x02\x11", 2);
	EXPECT(c, refusal);
	rig_hang_up(c);

	c = rig_connect_secure(r, false);
	send_message(c, CHANNEL_FIRST_MAX + 1);
	EXPECT(c, refusal);
	rig_hang_up(c);

	c = rig_connect_secure(r, false);
	ASK(c, "NICK cat", "OK cat\n");
	send_message(c, CHANNEL_FIRST_MAX + 1);
	assert_has(rig_lines(c), "OK 000");
}

static void
a_stranger_who_does_not_read_is_let_go_at_once(void **state)
{
	struct rig *r = *state;
	int small = 1;

	for (int secure = 0; secure < 2; secure++) {
		struct client *c =
		    secure ? rig_connect_secure(r, true) : stranger(r);

		assert_int_equal(setsockopt(c->session->fd, SOL_SOCKET,
				     SO_SNDBUF, &small, sizeof small),
		    0);
		c->deaf = true;
		for (int i = 0; i < 100 && r->server.nsessions > 0; i++)
			rig_send(c, "HELP\n");
		assert_int_equal(r->server.nsessions, 0);
		rig_hang_up(c);
		rig_forget(c);
	}
}

static void
what_was_said_before_a_half_close_is_answered(void **state)
{
	struct rig *r = *state;
	struct client *c = rig_connect_secure(r, true);
	struct client *d = rig_connect_secure(r, true);

	rig_send(d, "NICK dan\nJOIN r\n");
	rig_lines(d);
	relay_held_hold(r->relay, true);
	rig_send(c, "NICK cat\nJOIN r\nSAY r hi\n");
	rig_half_close(c);
	assert_int_equal(r->server.nsessions, 2);
	while (relay_held_count(r->relay) > 0) {
		relay_held_give(r->relay);
		rig_settle(r);
	}
	EXPECT(c, "OK cat\nJOINED r cat\nNAMES r 2 cat dan\nOK 0-0\n"
		  "OK 5000-0\nMSG r 5000-0 cat hi\n");
	assert_true(c->closed);
	EXPECT(d, "JOINED r cat\nMSG r 5000-0 cat hi\n"
		  "PARTED r cat cut: the stream ended without QUIT\n");
}

static void
an_end_within_a_message_or_a_line_is_never_taken_for_one(void **state)
{
	struct rig *r = *state;
	struct client *c = rig_connect_secure(r, true);
	struct client *d = rig_connect_secure(r, true);

	rig_send(d, "NICK dan\nJOIN r\n");
	rig_send(c, "NICK cat\nJOIN r\n");
	rig_lines(c);
	rig_lines(d);
	rig_send_raw(c, "\x00\x20QUIT", 6);
	rig_half_close(c);
	assert_true(c->closed);
	EXPECT(d, "PARTED r cat cut: the stream ended within a message\n");

	c = rig_connect_secure(r, true);
	rig_send(c, "NICK eve\nJOIN r\nQUIT");
	rig_half_close(c);
	EXPECT(c, "OK eve\nJOINED r eve\nNAMES r 2 dan eve\nOK 0-0\n");
	EXPECT(d, "JOINED r eve\n"
		  "PARTED r eve cut: the stream ended without QUIT\n");
}

static void
an_end_without_quit_is_a_cut_connection(void **state)
{
	struct rig *r = *state;
	struct client *c = rig_connect_secure(r, true);
	struct client *d = rig_connect_secure(r, true);

	rig_send(d, "NICK dan\nJOIN r\n");
	rig_send(c, "NICK cat\nJOIN r\n");
	rig_lines(c);
	rig_lines(d);
	rig_half_close(c);
	assert_true(c->closed);
	EXPECT(c, "");
	EXPECT(d, "PARTED r cat cut: the stream ended without QUIT\n");

	rig_send(d, "QUIT so long\n");
	rig_half_close(d);
	EXPECT(d, "OK\nBYE quit so long\n");
	assert_int_equal(r->server.nsessions, 0);

	c = stranger(r);
	rig_send(c, SECURE_LINE);
	rig_half_close(c);
	assert_cut(r, c);
}

static void
a_server_that_goes_down_says_so_in_the_clear_to_who_is_not_secure_yet(
    void **state)
{
	struct rig *r = *state;
	struct client *c = stranger(r), *d = rig_connect_secure(r, true);

	rig_send(c, SECURE_LINE);
	r->server.ending = true;
	session_drain(c->session);
	session_drain(d->session);
	assert_has(rig_lines(c), " BYE shutdown the server is going down\n");
	assert_has(rig_lines(d), " BYE shutdown the server is going down\n");
	r->server.ending = false;
}

/* --- tokens --------------------------------------------------------------- */

/* A guest called ann, whose connection is gone; gives its token. */
static void
lost_ann(struct rig *r, bool secure, char token[static USER_TOKEN_LEN + 1])
{
	struct client *c = secure ? rig_connect_secure(r, true) : stranger(r);

	rig_send(c, "NICK ann\n");
	memcpy(token, c->token, USER_TOKEN_LEN + 1);
	rig_hang_up(c);
	rig_settle(r);
	assert_int_equal(r->server.nsessions, 0);
}

static void
a_token_is_good_in_sessions_of_its_kind(void **state)
{
	for (int was = 0; was < 2; was++)
		for (int is = 0; is < 2; is++) {
			struct rig *r = rig_new("--secure=offered");
			struct client *c;
			char token[USER_TOKEN_LEN + 1], line[100];

			lost_ann(r, was, token);
			c = is ? rig_connect_secure(r, true) : stranger(r);
			snprintf(
			    line, sizeof line, "@resume=%s NICK ann\n", token);
			rig_send(c, line);
			assert_memory_equal(rig_lines(c),
			    was == is ? "OK ann\n" : "ERR no-such-nick", 7);
			rig_free(r);
		}
	(void)state;
}

static void
a_token_of_the_clear_is_void_once_the_session_is_secure(void **state)
{
	struct rig *r = *state;
	struct client *c = rig_connect_from(r, true), *d;
	char token[USER_TOKEN_LEN + 1], line[100];

	rig_lines(c);
	memcpy(token, c->token, sizeof token);
	rig_hang_up(c);
	c = rig_connect_from(r, true);
	rig_settle(r);
	rig_call(c, RIG_WHOLE);
	rig_lines(c);
	rig_send(c, "NICK ann\n");
	d = stranger(r);
	snprintf(line, sizeof line, "@resume=%s NICK ann\n", token);
	rig_send(d, line);
	assert_has(rig_lines(d), "ERR nick-in-use ");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	    T(secure_is_answered_by_message_2_and_a_second_welcome),
	    T(who_may_not_be_plain_learns_who_it_is_within),
	    TEST(required_means_from_everywhere),
	    T(motd_and_the_next_key_are_told_within),
	    T(a_handshake_may_come_in_any_pieces),
	    TEST(messages_may_be_cut_anywhere_and_hold_any_part_of_a_line),
	    T(a_batch_is_sealed_as_one_message),
	    T(what_is_above_one_message_is_cut_into_two),
	    T(a_refusal_ends_the_session_and_nothing_behind_it_is_parsed),
	    T(secure_is_the_first_line_or_refused),
	    TEST(where_there_is_no_key_secure_is_unknown),
	    T(bytes_in_the_place_of_message_1_are_not_answered),
	    T(a_message_that_was_tampered_with_is_not_answered),
	    T(what_came_before_the_offence_has_taken_effect),
	    T(a_greeting_or_line_that_was_changed_shows_at_the_client),
	    T(a_handshake_has_its_time_wherever_it_comes_from),
	    T(who_called_late_has_what_was_left_of_the_greetings_time),
	    T(the_limits_of_strangers_go_on_within),
	    T(a_message_of_a_stranger_is_short_or_refused),
	    T(a_stranger_who_does_not_read_is_let_go_at_once),
	    T(what_was_said_before_a_half_close_is_answered),
	    T(an_end_within_a_message_or_a_line_is_never_taken_for_one),
	    T(an_end_without_quit_is_a_cut_connection),
	    T(a_server_that_goes_down_says_so_in_the_clear_to_who_is_not_secure_yet),
	    TEST(a_token_is_good_in_sessions_of_its_kind),
	    T(a_token_of_the_clear_is_void_once_the_session_is_secure),
#undef T
	};

	return RUN(tests);
}
