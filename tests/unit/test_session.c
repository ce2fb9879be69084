/* SPDX-License-Identifier: ISC */
/*
 * server/session.c and output.c, and with them what only a whole session can
 * show: the order of pipelined commands, what happens while the relay is
 * awaited, who is ended and how.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "server/news.h"
#include "server/room.h"
#include "server/user.h"
#include "tests/unit/relay_held.h"
#include "tests/unit/rig.h"

static int
setup(void **state)
{
	*state = rig_new("");
	return 0;
}

static int
teardown(void **state)
{
	rig_free(*state);
	return 0;
}

static struct client *
in_room(struct rig *r, const char *nick)
{
	struct client *c = rig_person(r, nick);

	rig_send(c, "JOIN r\n");
	rig_lines(c);
	return c;
}

static void
assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" lacks \"%s\"", text, part);
}

static size_t
count(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

/* The n-th call that waits is given, and what follows from it happens. */
static void
give(struct rig *r)
{
	relay_held_give(r->relay);
	rig_settle(r);
}

static void
give_all(struct rig *r)
{
	while (relay_held_count(r->relay) > 0)
		give(r);
}

/* --- the beginning -------------------------------------------------------- */

static void
a_session_is_welcomed_and_behind_its_first_line_shown_the_motd(void **state)
{
	struct rig *r = rig_new("--secure=off");
	struct client *c;
	char motd[] = "Welcome to the den.\n\nBe kind.";

	(void)state;
	r->server.motd = motd;
	c = rig_connect_from(r, true);
	EXPECT(c,
	    "WELCOME snug/1 den guest max-line=16384 max-text=8192 "
	    "ping=60 dedupe=300 durable=process resume=token secure=off\n");
	/* A line has come when its end has, and an empty one is none. */
	rig_send(c, "\n\r\nPING ");
	EXPECT(c, "");
	rig_send(c, "x\n");
	EXPECT(c, "NOTICE motd Welcome to the den.\nNOTICE motd\n"
		  "NOTICE motd Be kind.\nOK x\n");
	ASK(c, "PING y", "OK y\n");
	r->server.motd = NULL;
	rig_free(r);
}

static void
a_strangers_line_is_short_until_a_command_was_accepted(void **state)
{
	struct rig *r = *state;
	struct client *c = rig_connect(r), *d = rig_connect(r);
	struct client *e = rig_connect(r);
	char line[2000];

	/* PING does not count. */
	ASK(c, "PING", "OK\n");
	snprintf(line, sizeof line, "PING %01019d\n", 0);
	rig_send(c, line);
	assert_has(rig_lines(c), "OK 000");
	snprintf(line, sizeof line, "PING %01020d\n", 0);
	rig_send(c, line);
	EXPECT(c, "ERR too-long the line is longer than max-line\n"
		  "BYE too-long the line is longer than max-line\n");

	/* Nor does what was refused. */
	rig_send(d, "NICK a/b\n");
	assert_has(rig_lines(d), "ERR bad-name");
	rig_send(d, line);
	assert_has(rig_lines(d), "BYE too-long");

	/* What is sent along with the first command has to wait for it. */
	rig_send(e, "NICK eve\nPING and\n");
	EXPECT(e, "OK eve\nOK and\n");
	rig_send(e, line);
	assert_has(rig_lines(e), "OK 000");
	snprintf(line, sizeof line, "NICK cat\nPING %01900d\n", 0);
	rig_send(rig_connect(r), line);
	assert_has(rig_lines(&r->clients[r->n - 1]), "OK cat\nOK 000");
}

static void
a_greeting_has_its_time_and_people_at_a_terminal_more(void **state)
{
	struct rig *r = *state;
	struct client *near = rig_connect(r);
	struct client *far = rig_connect_from(r, false);
	struct client *there = rig_person(r, "ann");
	uint64_t now = clock_now_ms();

	rig_lines(far);
	sessions_tick(&r->server, now + 9000);
	EXPECT(far, "");
	sessions_tick(&r->server, now + 10000);
	assert_has(rig_lines(far), "BYE ping-timeout no command came in time");
	EXPECT(near, "");
	sessions_tick(&r->server, now + 599000);
	EXPECT(near, "");
	sessions_tick(&r->server, now + 600000);
	assert_has(rig_lines(near), "BYE ping-timeout");
	EXPECT(there, "");
}

/* --- bytes ---------------------------------------------------------------- */

static void
the_cutting_of_the_bytes_changes_nothing(void **state)
{
	static const char in[] = "NICK ann\r\n6 JOIN r\nSAY r a\n"
				 "\r\n\n#t PING x\n11 SAY r 2 3 4\nPART r\n";
	static const char out[] =
	    "OK ann\nJOINED r ann\nNAMES r 1 ann\nOK 0-0\n"
	    "OK 5000-0\nMSG r 5000-0 ann a\n#t OK x\n"
	    "OK 5000-1\nMSG r 5000-1 ann 2 3 4\nPARTED r ann\nOK\n";

	(void)state;
	for (size_t cut = 1; cut <= 5; cut++) {
		struct rig *r = rig_new("");
		struct client *c = rig_connect(r);

		for (size_t i = 0; i < sizeof in - 1; i += cut)
			rig_send_bytes(c, in + i,
			    i + cut < sizeof in - 1 ? cut : sizeof in - 1 - i);
		EXPECT(c, out);
		rig_free(r);
	}
}

static void
a_bad_frame_is_told_at_once_and_ends_the_session(void **state)
{
	static const char *const bad[] = {"0 \n", "05 PING\n", "4PING\n",
	    "5 PINGab\n", "99999 ", "123456 ", "3 PING\n"};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct client *c = rig_person(r, "ann");

		rig_send(c, bad[i]);
		EXPECT(c, "ERR bad-frame a line that begins with a digit is "
			  "LEN SP PAYLOAD LF, with LEN the bytes of PAYLOAD\n"
			  "BYE bad-frame a line that begins with a digit is "
			  "LEN SP PAYLOAD LF, with LEN the bytes of "
			  "PAYLOAD\n");
		rig_hang_up(c);
		rig_settle(r);
		assert_int_equal(r->server.nsessions, 0);
	}
}

static void
a_bad_frame_does_not_wait_for_what_is_awaited(void **state)
{
	struct rig *r = *state;
	struct client *c = in_room(r, "ann");

	relay_held_hold(r->relay, true);
	rig_send(c, "SAY r a\nSAY r b\n9x");
	assert_has(rig_lines(c), "ERR bad-frame ");
	while (relay_held_count(r->relay) > 0)
		give(r);
}

static void
another_protocol_is_shown_the_door_without_a_word_more(void **state)
{
	static const char *const foreign[] = {"GET / HTTP/1.1\r\n",
	    "POST /x HTTP/1.0\r\n", "CONNECT a:1 HTTP/1.1\r\n", "SSH-2.0-x\r\n",
	    "\x16\x03\x01", "PRI * HTTP/2.0\r\n", "OPTIONS *\n"};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
		struct client *c = rig_connect(r);

		rig_send(c, foreign[i]);
		if (!c->closed)
			rig_send(c, "\r\nNICK ann\n");
		EXPECT(c, "BYE bad-frame this is a snug server; it speaks no "
			  "other protocol\n");
		rig_hang_up(c);
	}
}

/* --- order ---------------------------------------------------------------- */

static void
pipelined_commands_take_effect_and_are_answered_in_order(void **state)
{
	struct client *c = rig_connect(*state);

	ASK(c,
	    "#1 NICK ann\n#2 JOIN r\n#3 SAY r a\n#4 NAMES r\n#5 SAY r b\n"
	    "#6 TOPIC r t\n#7 @last=1 HISTORY r\n#8 NICK eve\n#9 SAY r c\n"
	    "#10 PART r\n#11 SAY r d\n#12 WHOIS eve\n#13 QUIT\n#14 PING",
	    "#1 OK ann\nJOINED r ann\n#2 NAMES r 1 ann\n#2 OK 0-0\n"
	    "#3 OK 5000-0\n#4 NAMES r 1 ann\n#4 OK\nMSG r 5000-0 ann a\n"
	    "#5 OK 5000-1\nMSG r 5000-1 ann b\n#6 OK 5000-2\n"
	    "TOPIC r ann t\n#7 @replay MSG r 5000-1 ann b\n#7 OK\n"
	    "RENAMED ann eve\n#8 OK eve\n#9 OK 5000-3\n"
	    "MSG r 5000-3 eve c\nPARTED r eve\n#10 OK\n"
	    "#11 ERR not-member you are not in r; say JOIN r first\n"
	    "#12 USER eve guest=yes node=den since=5000\n#12 OK\n"
	    "#13 OK\nBYE quit\n");
}

static void
says_are_in_flight_together_and_all_else_waits(void **state)
{
	struct rig *r = *state;
	struct client *c = in_room(r, "ann");

	relay_held_hold(r->relay, true);
	rig_send(c, "SAY r a\nSAY r b\nPING p\nSAY r c\nSAY @ann d\n"
		    "SAY r e\n");
	assert_int_equal(relay_held_count(r->relay), 2);
	EXPECT(c, "");
	give(r);
	EXPECT(c, "OK 5000-0\nMSG r 5000-0 ann a\n");
	give(r);
	EXPECT(c, "OK 5000-1\nOK p\nMSG r 5000-1 ann b\n");
	/* To a person one waits alone: its conversation is looked up. */
	assert_int_equal(relay_held_count(r->relay), 1);
	give(r);
	assert_string_equal(relay_held_first(r->relay), "find");
	give(r);
	assert_int_equal(relay_held_count(r->relay), 1);
	give(r);
	assert_int_equal(relay_held_count(r->relay), 1);
	give(r);
	EXPECT(c, "OK 5000-2\nMSG r 5000-2 ann c\n"
		  "MSG @ann 5000-0 ann d\nOK 5000-0\n"
		  "OK 5000-3\nMSG r 5000-3 ann e\n");
}

static void
an_answer_that_comes_first_waits_for_those_before_it(void **state)
{
	struct rig *r = *state;
	struct client *c = in_room(r, "ann");

	relay_held_hold(r->relay, true);
	rig_send(c, "#a SAY r a\n#b SAY r b\n#c SAY nowhere c\n");
	relay_held_give(r->relay); /* with the next run */
	relay_held_refuse(r->relay, RELAY_FULL);
	EXPECT(c, "#a OK 5000-0\n#b ERR storage-full the relay has no room "
		  "left; tell the operator\n#c ERR not-member you are not "
		  "in nowhere; say JOIN nowhere first\n"
		  "MSG r 5000-0 ann a\n");
}

static void
sixty_four_answers_are_awaited_and_no_more(void **state)
{
	struct rig *r = *state;
	struct client *c = in_room(r, "ann");
	char want[32];

	relay_held_hold(r->relay, true);
	for (int i = 0; i < 100; i++)
		rig_send(c, "SAY r x\n");
	assert_int_equal(relay_held_count(r->relay), 64);
	give(r);
	assert_int_equal(relay_held_count(r->relay), 64);
	while (relay_held_count(r->relay) > 0) {
		give(r);
		assert_true(relay_held_count(r->relay) <= 64);
	}
	rig_lines(c);
	for (int i = 0; i < 100; i++) {
		snprintf(want, sizeof want, "OK 5000-%d\n", i);
		assert_non_null(strstr(buf_head(&c->lines), want));
	}
}

static void
a_long_line_that_waits_is_kept_whole_and_so_is_what_follows(void **state)
{
	struct rig *r = *state;
	struct client *c = in_room(r, "ann");
	static char line[8300], want[8400];
	const char *got;

	snprintf(line, sizeof line, "PING %08000d\n", 7);
	snprintf(want, sizeof want, "OK 5000-0\nOK %08000d\n", 7);
	relay_held_hold(r->relay, true);
	rig_send(c, "SAY r a\n");
	rig_send(c, line);
	rig_send(c, "PING after\n");
	EXPECT(c, "");
	give(r);
	got = rig_lines(c);
	assert_memory_equal(got, want, strlen(want));
	assert_has(got, "\nOK after\n");
}

/* --- floods --------------------------------------------------------------- */

static void
a_flood_is_slowed_down_and_nothing_is_lost(void **state)
{
	struct rig *r = rig_new("--flood=5/200");
	struct client *c = rig_connect(r);
	char line[32], all[400] = "", want[400] = "";

	(void)state;
	for (int i = 0; i < 12; i++) {
		snprintf(line, sizeof line, "PING %d\n", i);
		rig_send(c, line);
		snprintf(line, sizeof line, "OK %d\n", i);
		strncat(want, line, sizeof want - strlen(want) - 1);
	}
	while (strlen(all) < strlen(want)) {
		strncat(all, rig_lines(c), sizeof all - strlen(all) - 1);
		if (strlen(all) < strlen(want))
			rig_wait(c);
	}
	assert_string_equal(all, want);
	rig_free(r);
}

static void
a_flood_that_lasts_is_refused_then_ended(void **state)
{
	struct rig *r = rig_new("--flood=2/1 --flood-delay=0 "
				"--flood-limit=200ms");
	struct client *c = rig_connect(r);
	const char *got;

	(void)state;
	rig_send(c, "PING a\nPING b\n#t PING c\n");
	got = rig_lines(c);
	assert_has(got, "OK a\nOK b\n#t @retry=");
	assert_has(got, " ERR slow-down too many commands; wait ");
	/* Each refusal pauses the reading: this takes its time. */
	for (int i = 0; i < 20 && !c->closed; i++) {
		rig_send(c, "PING d\n");
		rig_wait(c);
	}
	assert_has(rig_lines(c), "@retry=10000 BYE limit ");
	assert_true(c->closed);
	rig_free(r);
}

/* --- the way out ---------------------------------------------------------- */

static void
after_a_half_close_all_is_answered_before_the_bye(void **state)
{
	struct rig *r = *state;
	struct client *c;

	r->all_secure = false;
	c = rig_connect(r);
	rig_send(c, "NICK ann\nJOIN r\nSAY r hi\nSAY r ho\n");
	rig_half_close(c);
	EXPECT(c, "OK ann\nJOINED r ann\nNAMES r 1 ann\nOK 0-0\n"
		  "OK 5000-0\nOK 5000-1\nMSG r 5000-0 ann hi\n"
		  "MSG r 5000-1 ann ho\nBYE quit you closed the connection\n");
	assert_true(c->closed);
	assert_int_equal(r->server.nsessions, 0);
}

static void
a_half_close_waits_for_what_is_awaited_but_not_for_ever(void **state)
{
	struct rig *r = *state;
	struct client *c, *d;

	r->all_secure = false;
	c = in_room(r, "ann");
	d = in_room(r, "bob");
	rig_lines(c);
	relay_held_hold(r->relay, true);
	rig_send(c, "SAY r a\nPING p\n");
	rig_half_close(c);
	EXPECT(c, "");
	give(r);
	EXPECT(c, "OK 5000-0\nOK p\nMSG r 5000-0 ann a\n"
		  "BYE quit you closed the connection\n");

	rig_lines(d);
	rig_send(d, "SAY r b\n");
	rig_half_close(d);
	sessions_tick(&r->server, clock_now_ms() + 4000);
	EXPECT(d, "");
	sessions_tick(&r->server, clock_now_ms() + 5000);
	assert_has(rig_lines(d), "BYE quit ");
}

static void
a_line_behind_quit_is_not_run(void **state)
{
	struct rig *r = *state;
	struct client *c = in_room(r, "ann"), *d = in_room(r, "bob");

	rig_lines(c);
	rig_send(c, "QUIT\nSAY r after\nJOIN s\n");
	EXPECT(c, "OK\nBYE quit\n");
	EXPECT(d, "PARTED r ann\n");
}

static void
who_does_not_hang_up_after_the_bye_is_dropped(void **state)
{
	struct rig *r = *state;
	struct client *c = rig_person(r, "ann");

	ASK(c, "QUIT", "OK\nBYE quit\n");
	assert_int_equal(r->server.nsessions, 1);
	sessions_tick(&r->server, clock_now_ms() + 4000);
	assert_int_equal(r->server.nsessions, 1);
	sessions_tick(&r->server, clock_now_ms() + 5001);
	assert_int_equal(r->server.nsessions, 0);
}

static void
a_silent_client_is_pinged_and_then_ended(void **state)
{
	struct rig *r = *state;
	struct client *c = rig_person(r, "ann"), *bare = rig_person(r, "bob");
	uint64_t now;

	ASK(c, "6 PING a", "OK a\n"); /* one framed line is enough */
	now = clock_now_ms();
	sessions_tick(&r->server, now + 59000);
	EXPECT(c, "");
	sessions_tick(&r->server, now + 61000);
	sessions_tick(&r->server, now + 62000);
	assert_int_equal(count(rig_lines(c), "PING "), 1);
	sessions_tick(&r->server, now + 119000);
	EXPECT(c, "");
	sessions_tick(&r->server, now + 121000);
	assert_has(rig_lines(c), "@retry=1000 BYE ping-timeout ");
	/* People at netcat are left alone. */
	EXPECT(bare, "");
}

static void
any_bytes_are_a_sign_of_life(void **state)
{
	struct rig *r = *state;
	struct client *c = rig_person(r, "ann");
	uint64_t now = clock_now_ms();

	ASK(c, "6 PING a", "OK a\n");
	sessions_tick(&r->server, now + 61000);
	assert_has(rig_lines(c), "PING ");
	rig_send(c, "4 PO"); /* not even a whole line */
	sessions_tick(&r->server, clock_now_ms() + 59000);
	EXPECT(c, "");
	sessions_tick(&r->server, clock_now_ms() + 61000);
	assert_has(rig_lines(c), "PING ");
}

static void
a_server_that_goes_down_finishes_what_is_in_flight(void **state)
{
	struct rig *r = *state;
	struct client *ann = in_room(r, "ann"), *bob = in_room(r, "bob");
	const char *got;

	rig_lines(ann);
	relay_held_hold(r->relay, true);
	rig_send(ann, "SAY r a\nSAY r b\nPING p\n");
	r->server.ending = true;
	session_drain(ann->session);
	session_drain(bob->session);
	got = rig_lines(bob);
	assert_has(got, "@retry=");
	assert_has(got, " BYE shutdown the server is going down\n");
	EXPECT(ann, "");
	give(r);
	EXPECT(ann, "OK 5000-0\nMSG r 5000-0 ann a\n");
	give(r);
	got = rig_lines(ann);
	assert_has(got, "OK 5000-1\n");
	assert_has(got, "MSG r 5000-1 ann b\n");
	assert_has(got, " BYE shutdown ");
	/* What had not begun is not begun any more. */
	assert_int_equal(count(got, "OK p"), 0);
	r->server.ending = false;
	give_all(r);
}

/* --- back pressure -------------------------------------------------------- */

static void
who_asks_without_reading_is_answered_at_its_own_pace(void **state)
{
	enum { ASKED = 2000 };
	struct rig *r = *state;
	struct client *c = rig_person(r, "ann");
	const char *got;

	c->deaf = true;
	for (int i = 0; i < ASKED / 100; i++) {
		char lines[5 * 100 + 1] = "";

		for (int k = 0; k < 100; k++)
			memcpy(lines + 5 * k, "HELP\n", 6);
		rig_send(c, lines);
		assert_true(session_queued(c->session) < 65536 + 4096);
		assert_non_null(c->session->ahead);
		assert_true(buf_len(&c->session->ahead->lines) <= 65536);
	}
	assert_true(c->session->full);
	c->deaf = false;
	got = rig_lines(c);
	assert_int_equal(count(got, "\nOK\n"), ASKED);
}

static void
says_of_a_deaf_client_end_it_and_nobody_else(void **state)
{
	struct rig *r = rig_new("--send-buffer=16K");
	struct client *deaf = in_room(r, "deaf"), *ann = in_room(r, "ann");
	struct client *bob = in_room(r, "bob");
	size_t said = 0, heard = 0;
	const char *got;
	static char line[4100];

	(void)state;
	rig_lines(deaf);
	rig_lines(ann);
	deaf->deaf = true;
	snprintf(line, sizeof line, "SAY r %04000d\n", 0);
	while (
	    r->server.nsessions == 3 && deaf->session->state < SESSION_ENDING) {
		assert_true(said < 1000);
		rig_send(ann, line);
		said++;
		assert_true(session_queued(deaf->session) <= 16384 + 4200);
		heard += count(rig_lines(bob), "MSG r ");
	}
	assert_int_equal(heard, said);
	/* What it had not read yet, whole lines, then why. */
	deaf->deaf = false;
	got = rig_lines(deaf);
	assert_has(got, "\n@retry=1000 BYE slow-reader more than 16384 ");
	assert_int_equal(count(got, "BYE"), 1);
	ASK(bob, "NAMES r", "NAMES r 2 ann bob\nOK\n");
	assert_has(rig_lines(ann), "PARTED r deaf more than 16384 ");
	rig_free(r);
}

static void
what_waits_for_the_end_of_the_turn_makes_nobody_slow(void **state)
{
	struct rig *r = rig_new("--send-buffer=16K");
	struct client *ann = in_room(r, "ann"), *bob = in_room(r, "bob");
	struct client *cat = rig_person(r, "cat");
	static char line[6100];

	(void)state;
	snprintf(line, sizeof line, "SAY r %06000d\n", 0);
	rig_send(cat, "SAY @cat x\n");
	rig_lines(bob);
	/* In one turn: a line of its own, then a batch above send-buffer. */
	relay_held_hold(r->relay, true);
	rig_send(cat, "JOIN r\n");
	for (int i = 0; i < 3; i++)
		rig_send(ann, line);
	while (relay_held_count(r->relay) > 0)
		relay_held_give(r->relay);
	relay_held_hold(r->relay, false);
	assert_int_equal(count(rig_lines(bob), "MSG r "), 3);
	ASK(bob, "PING", "OK\n");
	rig_free(r);
}

/* Others hear of a joiner before the node does: news has a way of its own. */
static void
what_is_said_while_the_relay_lets_somebody_in_is_heard(void **state)
{
	struct rig *r = *state;
	struct client *ann = in_room(r, "ann"), *cat = rig_person(r, "cat");

	relay_held_hold(r->relay, true);
	rig_send(cat, "JOIN r\n");
	rig_settle(r);
	while (strcmp(relay_held_first(r->relay), "join") != 0)
		give(r);
	rig_send(ann, "SAY r are you there?\n");
	rig_settle(r);
	relay_held_postpone(r->relay);
	give(r);
	EXPECT(ann, "OK 5000-0\nMSG r 5000-0 ann are you there?\n");
	relay_held_hold(r->relay, false);
	give_all(r);
	EXPECT(cat, "JOINED r cat\nNAMES r 2 ann cat\nOK 0-0\n"
		    "MSG r 5000-0 ann are you there?\n");
}

static void
a_long_history_is_read_at_the_readers_pace(void **state)
{
	enum { SAID = 300 };
	struct rig *r = *state;
	struct client *ann = in_room(r, "ann"), *bob = in_room(r, "bob");
	static char line[4100];
	const char *got;

	snprintf(line, sizeof line, "SAY r %04000d\n", 0);
	for (int i = 0; i < SAID; i++) {
		rig_send(ann, line);
		rig_lines(ann);
		rig_lines(bob);
	}
	bob->deaf = true;
	rig_send(bob, "@last=300 HISTORY r\nPING after\n");
	/* A page and the low water mark, whatever the length. */
	assert_true(session_queued(bob->session) < 16384 + 16 * 4100);
	bob->deaf = false;
	got = rig_lines(bob);
	assert_int_equal(count(got, "@replay MSG r "), SAID);
	assert_int_equal(count(got, "OK end\nOK after\n"), 1);
	assert_int_equal(count(got, "BYE"), 0);
}

/* --- joining a room in which people talk ---------------------------------- */

/* The texts of all MSG lines, one letter each. */
static const char *
letters(struct client *c)
{
	static char out[200];
	size_t n = 0;
	const char *line = rig_lines(c);

	for (; *line; line = strchr(line, '\n') + 1) {
		struct span s = {line, strcspn(line, "\n")}, word;

		do
			word = text_word(&s);
		while (word.len > 0 && !span_is(word, "MSG"));
		if (word.len > 0 && n < sizeof out - 1)
			out[n++] = line[strcspn(line, "\n") - 1];
	}
	out[n] = 0;
	return out;
}

static void
replay_and_live_messages_join_without_hole_or_double(void **state)
{
	static const char *const joins[] = {"@last=20 JOIN r\n",
	    "@since=0-0 JOIN r\n", "@since=5000-4 JOIN r\n", "JOIN r\n"};
	char said[100];

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(joins); k++) {
		struct rig *r = rig_new("");
		struct client *ann = in_room(r, "ann");
		struct client *bob = rig_person(r, "bob");
		char line[16];
		const char *got;
		size_t n = 0;

		for (char c = 'A'; c < 'A' + 20; c++) {
			snprintf(line, sizeof line, "SAY r %c\n", c);
			rig_send(ann, line);
			said[n++] = c;
		}
		relay_held_hold(r->relay, true);
		rig_send(bob, joins[k]);
		/* Something is said at every step of the journey. */
		for (char c = 'a'; c < 'a' + 20; c++) {
			snprintf(line, sizeof line, "SAY r %c\n", c);
			rig_send(ann, line);
			said[n++] = c;
			while (relay_held_count(r->relay) > 1)
				give(r);
		}
		said[n] = 0;
		while (relay_held_count(r->relay) > 0)
			give(r);
		got = letters(bob);
		assert_true(strlen(got) > 10);
		assert_true(strlen(got) <= n);
		assert_string_equal(got, said + n - strlen(got));
		if (k < 2)
			assert_int_equal(strlen(got), n);
		rig_free(r);
	}
}

/* Carries out all that waits but the readings, which stay. */
static void
give_all_but_reads(struct rig *r)
{
	for (size_t reads = 0; reads < relay_held_count(r->relay);) {
		if (strcmp(relay_held_first(r->relay), "read") == 0) {
			relay_held_postpone(r->relay);
			reads++;
		} else {
			give(r);
			reads = 0;
		}
	}
}

static void
who_comes_and_goes_during_a_replay_is_told(void **state)
{
	struct rig *r = *state;
	struct client *ann = in_room(r, "ann"), *bob = rig_person(r, "bob");
	struct client *cat = rig_person(r, "cat");

	rig_send(ann, "SAY r a\n");
	rig_lines(ann);
	relay_held_hold(r->relay, true);
	rig_send(bob, "@last=5 JOIN r\n");
	give_all_but_reads(r);
	EXPECT(bob, "JOINED r bob\nNAMES r 2 ann bob\n");

	rig_send(cat, "JOIN r\n");
	give_all_but_reads(r);
	rig_send(cat, "NICK eve\nSAY r b\nTYPING r\nTOPIC r t\nPART r\n");
	give_all_but_reads(r);
	EXPECT(bob, "JOINED r cat\nRENAMED cat eve\nTYPING r eve\n"
		    "PARTED r eve\n");
	/* And what was said and set, from the log, each once. */
	give_all(r);
	EXPECT(bob, "@replay MSG r 5000-0 ann a\nOK 5000-0\n"
		    "MSG r 5000-1 eve b\nTOPIC r eve t\n");
}

static void
a_second_join_in_the_middle_of_catching_up_skips_nothing(void **state)
{
	static const char *const again[] = {
	    "JOIN r\n", "@last=1 JOIN r\n", "@since=5000-1 JOIN r\n"};
	char said[64];

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(again); k++) {
		struct rig *r = rig_new("");
		struct client *ann = in_room(r, "ann");
		struct client *bob = rig_person(r, "bob");
		char line[16];
		const char *got;
		size_t n = 0, live;

		rig_send(ann, "SAY r A\n");
		relay_held_hold(r->relay, true);
		rig_send(bob, "@last=1 JOIN r\n");
		give_all_but_reads(r);
		for (char c = 'a'; c < 'a' + 20; c++) {
			snprintf(line, sizeof line, "SAY r %c\n", c);
			rig_send(ann, line);
			said[n++] = c;
		}
		give_all_but_reads(r);
		give(r); /* the replay is sought, and told; */
		give(r); /* now it has twenty to catch up with: */
		give(r); /* a page of them */
		got = rig_lines(bob);
		assert_has(got, "OK 5000-0\n");
		assert_int_equal(count(got, "\nMSG r "), 16);
		assert_int_equal(relay_held_count(r->relay), 1);
		said[n] = 0;
		live = 16; /* told so far */
		rig_send(bob, again[k]);
		give_all(r);
		got = letters(bob);
		/* The last ones come once, whatever else is replayed. */
		assert_true(strlen(got) >= n - live);
		assert_string_equal(
		    got + strlen(got) - (n - live), said + live);
		assert_int_equal(count(got, "t"), 1);
		rig_free(r);
	}
}

static void
a_log_trimmed_during_the_catching_up_is_a_gap(void **state)
{
	struct rig *r = rig_new("--history=256");
	struct client *ann = in_room(r, "ann"), *bob = rig_person(r, "bob");
	const char *got;

	(void)state;
	rig_send(ann, "SAY r x\n");
	relay_held_hold(r->relay, true);
	rig_send(bob, "@last=1 JOIN r\n");
	give_all_but_reads(r);
	for (int i = 0; i < 400; i++) {
		rig_send(ann, "SAY r y\n");
		give_all_but_reads(r);
		rig_lines(ann);
	}
	give_all(r);
	got = rig_lines(bob);
	assert_int_equal(count(got, "NOTICE gap r\n"), 1);
	assert_int_equal(count(got, "MSG r "), 256);
	rig_free(r);
}

static void
a_part_in_the_middle_of_catching_up_ends_it(void **state)
{
	struct rig *r = *state;
	struct client *ann = in_room(r, "ann"), *bob = rig_person(r, "bob");

	rig_send(ann, "SAY r A\n");
	relay_held_hold(r->relay, true);
	rig_send(bob, "@last=1 JOIN r\n");
	give_all_but_reads(r);
	rig_send(ann, "SAY r B\n");
	give_all_but_reads(r);
	give(r);
	give(r);
	EXPECT(bob, "JOINED r bob\nNAMES r 2 ann bob\n"
		    "@replay MSG r 5000-0 ann A\nOK 5000-0\n");
	assert_string_equal(relay_held_first(r->relay), "read");
	rig_send(bob, "PART r\n");
	give_all(r);
	EXPECT(bob, "PARTED r bob\nOK\n");
}

static void
a_leaver_is_given_what_was_said_before_it_left(void **state)
{
	struct rig *r = *state;
	struct client *ann = in_room(r, "ann"), *bob = in_room(r, "bob");

	rig_lines(ann);
	relay_held_hold(r->relay, true);
	rig_send(ann, "SAY r last words\n");
	rig_send(bob, "SAY r x\nPART r\n");
	/* Both in one turn, and PART runs with the answer of the second. */
	relay_held_give(r->relay);
	relay_held_give(r->relay);
	rig_settle(r);
	give_all(r);
	assert_has(rig_lines(bob), "MSG r 5000-1 bob x\nPARTED r bob\nOK\n");
}

/* What waited for the relay to be back is tried again. */
static void
pass_a_moment(struct rig *r)
{
	sessions_tick(&r->server, clock_now_ms());
	rig_settle(r);
}

static void
a_replay_waits_for_a_relay_that_is_away_and_misses_nothing(void **state)
{
	struct rig *r = rig_new("");
	struct client *bob = in_room(r, "bob"), *ann;
	const char *got;
	size_t told;

	(void)state;
	for (int i = 0; i < 40; i++)
		rig_send(bob, "SAY r x\n");
	ann = rig_connect(r);
	rig_lines(ann);
	relay_held_hold(r->relay, true);
	rig_send(ann, "@last=40 JOIN r\n");
	/* Claim, watch, join, count, a page: the next one is refused twice. */
	for (int i = 0; i < 5; i++)
		give(r);
	got = rig_lines(ann);
	told = count(got, "@replay MSG r ");
	assert_true(told > 0 && told < 40);
	for (int i = 0; i < 2; i++) {
		relay_held_refuse(r->relay, RELAY_DOWN);
		rig_settle(r);
		assert_int_equal(relay_held_count(r->relay), 0);
		pass_a_moment(r);
	}
	relay_held_hold(r->relay, false);
	give_all(r);

	got = rig_lines(ann);
	assert_int_equal(told + count(got, "@replay MSG r "), 40);
	assert_int_equal(count(got, "NOTICE gap"), 0);
	assert_int_equal(count(got, "OK 5000-"), 1);
	rig_hang_up(ann);
	rig_hang_up(bob);
	rig_settle(r);
	rig_free(r);
}

/* --- gone, or refused, at every step -------------------------------------- */

enum { WAYS_TO_GO = 4, MANNERS = 4 };

static void
go_away(struct client *c, int way)
{
	struct rig *r = c->rig;

	switch (way) {
	case 0:
		rig_hang_up(c);
		break;
	case 1: /* its own fault, noticed although something is awaited */
		session_end(c->session, BYE_LIMIT, 0, "test");
		break;
	case 2:
		rig_half_close(c);
		sessions_tick(&r->server, clock_now_ms() + 6000);
		break;
	case 3:
		session_lost(c->session, "test");
		break;
	}
	rig_settle(r);
}

/* Answers the first call that waits, in one of several manners. */
static void
answer_first(struct rig *r, int manner)
{
	switch (manner) {
	case 0:
		relay_held_give(r->relay);
		break;
	case 1:
		relay_held_refuse(r->relay, RELAY_DOWN);
		break;
	case 2:
		relay_held_refuse(r->relay, RELAY_UNKNOWN);
		break;
	case 3: /* it happened, but the answer got lost */
		relay_held_spoil(r->relay, RELAY_UNKNOWN);
		break;
	}
	rig_settle(r);
}

static const struct journey {
	const char *before, *line;
	size_t steps; /* at least so many operations of the relay */
	/* Another session's, called eve; its token goes before the line. */
	enum { NO_FORMER, FORMER_HANGS, FORMER_LOST } former;
} journeys[] = {
    {"", "JOIN r\n", 3},
    {"", "JOIN new\n", 4},
    {"", "@last=40 JOIN r\n", 7},
    {"", "@since=5000-2 JOIN r\n", 6},
    {"JOIN r\n", "@last=40 JOIN r\n", 4},
    {"", "NICK eve\n", 3},
    {"NICK eve\n", "NICK adam\n", 1},
    {"JOIN r\n", "NICK eve\n", 1},
    {"", "SAY @bob hi\n", 4},
    {"NICK eve\n", "SAY @bob hi\n", 2},
    {"", "TYPING @bob\n", 3},
    {"JOIN r\n", "HISTORY r\n", 4},
    {"JOIN r\n", "@after=5000-3 @last=40 HISTORY r\n", 3},
    {"", "HISTORY @bob\n", 2},
    {"JOIN r\n", "SAY r a\n", 1},
    {"JOIN r\n", "SAY r a\nSAY r b\nSAY r c\n", 3},
    {"JOIN r\n", "TOPIC r t\n", 1},
    {"JOIN r\n", "PART r\n", 1},
    {"JOIN new\n", "PART new\nJOIN new\n", 1},
    {"", "TOPIC other\n", 1},
    {"", "NAMES other\n", 1},
    {"", "ROOMS\n", 1},
    {"", "WHOIS bob\n", 1},
    {"", "NICK eve\n", 2, FORMER_HANGS},
    {"", "NICK eve\n", 2, FORMER_LOST},
    {"NICK cat\n", "NICK eve\n", 2, FORMER_HANGS},
};

static void
show_token(struct client *c, const struct client *former)
{
	char text[64];

	snprintf(text, sizeof text, "@resume=%s ", former->token);
	rig_send(c, text);
}

/* A node with bob in a room of fifty messages, and a guest on its journey. */
static struct rig *
begin_journey(
    const struct journey *j, struct client **bob, struct client **guest)
{
	struct rig *r = rig_new("");
	struct client *former =
	    j->former != NO_FORMER ? rig_person(r, "eve") : NULL;

	if (j->former == FORMER_LOST)
		rig_hang_up(former);
	*bob = in_room(r, "bob");
	for (int i = 0; i < 50; i++)
		rig_send(*bob, "SAY r x\n");
	*guest = rig_connect(r);
	rig_send(*guest, j->before);
	rig_lines(*guest);
	rig_lines(*bob);
	relay_held_hold(r->relay, true);
	if (former)
		show_token(*guest, former);
	rig_send(*guest, j->line);
	return r;
}

/* True if there is a step of that number, and it has begun. */
static bool
go_on_to(struct rig *r, size_t step)
{
	for (; step > 0 && relay_held_count(r->relay) > 0; step--)
		give(r);
	return relay_held_count(r->relay) > 0;
}

/* Everything that bob can see of the guest is gone. */
static void
assert_nothing_left(struct rig *r, struct client *bob, const char *guest)
{
	char line[NAME_BYTES_MAX + 8];

	rig_lines(bob);
	ASK(bob, "NAMES r", "NAMES r 1 bob\nOK\n");
	snprintf(line, sizeof line, "WHOIS %s\n", guest);
	rig_send(bob, line);
	assert_has(rig_lines(bob), "ERR no-such-nick ");
	rig_send(bob, "WHOIS eve\n");
	assert_has(rig_lines(bob), "ERR no-such-nick ");
	ASK(bob, "NICK adam", "RENAMED bob adam\nOK adam\n");
	rig_hang_up(bob);
	rig_settle(r);
}

/* One journey, cut at one step; false if it has no such step. */
static bool
cut_journey(const struct journey *j, size_t step, int way, int manner)
{
	struct client *bob, *guest;
	struct rig *r = begin_journey(j, &bob, &guest);
	bool more = go_on_to(r, step);

	go_away(guest, way);
	while (relay_held_count(r->relay) > 0)
		answer_first(r, manner);
	relay_held_hold(r->relay, false);
	if (j->former == FORMER_HANGS)
		rig_hang_up(&r->clients[0]);
	pass_a_moment(r);
	assert_nothing_left(r, bob, guest->nick);
	rig_free(r);
	return more;
}

static void
who_goes_at_any_step_leaves_nothing_behind(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(journeys); k++)
		for (int i = 0; i < WAYS_TO_GO * MANNERS; i++) {
			size_t step = 0;

			while (cut_journey(
			    &journeys[k], step, i / MANNERS, i % MANNERS))
				step++;
			assert_true(step >= journeys[k].steps);
		}
}

/* One journey, refused at one step; false if it has no such step. */
static bool
refuse_journey(const struct journey *j, size_t step, int manner)
{
	struct client *bob, *guest;
	struct rig *r = begin_journey(j, &bob, &guest);
	const char *got;

	if (!go_on_to(r, step)) {
		rig_free(r);
		return false;
	}
	answer_first(r, manner);
	give_all(r);
	relay_held_hold(r->relay, false);
	pass_a_moment(r);
	rig_send(guest, "PING after\n");
	got = rig_lines(guest);
	assert_int_equal(
	    count(got, "OK") + count(got, "ERR "), count(j->line, "\n") + 1);
	assert_has(got, "OK after\n");
	/* And all of it may be tried again. */
	rig_send(guest, "NICK ann\nJOIN r\nJOIN new\nSAY r y\nSAY @bob z\n");
	got = rig_lines(guest);
	assert_int_equal(count(got, "ERR"), 0);
	assert_int_equal(count(got, "z\n"), 1);
	rig_lines(bob);
	ASK(bob, "NAMES r", "NAMES r 2 ann bob\nOK\n");
	rig_free(r);
	return true;
}

static void
who_is_refused_at_any_step_is_answered_once_and_goes_on(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(journeys); k++)
		for (int manner = 1; manner < MANNERS; manner++) {
			size_t step = 0;

			while (refuse_journey(&journeys[k], step, manner))
				step++;
			assert_true(step >= journeys[k].steps);
		}
}

/* --- the same sender again ------------------------------------------------ */

/* What the client hears to NICK with the token of another. */
static const char *
resume(struct client *c, const struct client *former, const char *nick)
{
	char line[NAME_BYTES_MAX + 8];

	show_token(c, former);
	snprintf(line, sizeof line, "NICK %s\n", nick);
	rig_send(c, line);
	return rig_lines(c);
}

static void
who_hangs_is_replaced_by_its_own_token(void **state)
{
	struct rig *r = *state;
	struct client *bob = in_room(r, "bob"), *old = in_room(r, "ann");
	struct client *new = rig_connect(r);
	char id[SENDER_ID_LEN + 1];

	rig_lines(bob);
	memcpy(id, old->session->user->id, sizeof id);
	assert_string_equal(resume(new, old, "ann"), "OK ann\n");
	assert_string_equal(new->session->user->id, id);
	EXPECT(
	    old, "BYE replaced another session has taken over who you are\n");
	assert_true(old->closed);
	EXPECT(
	    bob, "PARTED r ann another session has taken over who you are\n");
	ASK(new, "JOIN r", "JOINED r ann\nNAMES r 2 ann bob\nOK 0-0\n");
	EXPECT(bob, "JOINED r ann\n");
	ASK(bob, "SAY @ann hi", "MSG @ann 5000-0 bob hi\nOK 5000-0\n");
	EXPECT(new, "MSG @bob 5000-0 bob hi\n");
}

static void
what_is_said_again_after_a_cut_is_the_first_one(void **state)
{
	struct rig *r = *state;
	struct client *bob = in_room(r, "bob"), *old = in_room(r, "ann");
	struct client *new = rig_connect(r);

	rig_lines(bob);
	rig_send(old, "@cid=one SAY r hi\n");
	rig_send(old, "@cid=two SAY @bob hi\n");
	rig_hang_up(old);
	rig_settle(r);
	rig_lines(bob);
	assert_string_equal(resume(new, old, "ann"), "OK ann\n");
	ASK(new, "JOIN r", "JOINED r ann\nNAMES r 2 ann bob\nOK 5000-0\n");
	ASK(new, "@cid=one SAY r hi", "OK 5000-0\n");
	ASK(new, "@cid=two SAY @bob hi", "OK 5000-0\n");
	EXPECT(bob, "JOINED r ann\n");
}

static void
a_guest_without_a_nick_is_the_same_one_too(void **state)
{
	struct rig *r = *state;
	struct client *old = rig_connect(r), *new = rig_connect(r);
	char id[SENDER_ID_LEN + 1];

	rig_send(old, "JOIN r\n");
	memcpy(id, old->session->user->id, sizeof id);
	assert_string_equal(resume(new, old, old->nick), "OK guest\n");
	assert_string_equal(new->session->user->shown, old->nick);
	assert_string_equal(new->session->user->id, id);
}

static void
a_token_is_void_after_a_quit_and_once_used(void **state)
{
	struct rig *r = *state;
	struct client *old = rig_person(r, "ann"), *new = rig_connect(r);
	struct client *last = rig_connect(r);

	assert_string_equal(resume(new, old, "ann"), "OK ann\n");
	assert_has(resume(last, old, "ann"), "ERR nick-in-use ");
	ASK(new, "QUIT", "OK\nBYE quit\n");
	assert_has(resume(last, old, "ann"), "ERR no-such-nick ");
	assert_has(resume(last, new, "ann"), "ERR no-such-nick ");
	ASK(last, "NICK ann", "OK ann\n");
}

static void
what_somebody_took_meanwhile_is_not_taken_back(void **state)
{
	struct rig *r = *state;
	struct client *old = rig_person(r, "ann"), *new = rig_connect(r);

	rig_hang_up(old);
	rig_settle(r);
	rig_person(r, "Ann");
	assert_has(resume(new, old, "ann"), "ERR nick-in-use ");
}

static void
a_token_comes_before_the_first_word(void **state)
{
	struct rig *r = *state;
	struct client *old = rig_person(r, "ann"), *new = in_room(r, "eve");
	struct client *shy = rig_connect(r);

	assert_has(resume(new, old, "ann"), "ERR bad-args @resume goes before");
	rig_send(shy, "@resume=AAAAAAAAAAAAAAAAAAAAA! NICK ann\n");
	assert_has(rig_lines(shy), "ERR bad-args @resume is the token of");
	ASK(new, "PART r", "PARTED r eve\nOK\n");
	assert_has(resume(new, old, "ann"), "ERR bad-args @resume goes before");
}

static void
who_took_a_nick_gives_it_back_for_the_former_one(void **state)
{
	struct rig *r = *state;
	struct client *old = rig_person(r, "ann"), *new = rig_person(r, "eve");
	struct client *bob = rig_connect(r);

	assert_string_equal(resume(new, old, "ann"), "OK ann\n");
	ASK(bob, "NICK eve", "OK eve\n");
}

/* --- last words ----------------------------------------------------------- */

/* As if the OK of its SAY had overtaken the message. */
static struct room *
owe(struct client *c)
{
	struct room *room = room_find(c->rig->server.rooms, "r");

	session_membership(c->session, room)->said = (struct msgid){9000, 0};
	return room;
}

static void
bring_what_is_owed(struct rig *r, struct room *room)
{
	struct relay_msg m = {.id = {9000, 0},
	    .sender = SPAN("g000000000000000000000000000000bb"),
	    .nick = SPAN("ann"),
	    .text = SPAN("last words")};

	news_events.on_message(&r->server, room, &m);
	rig_settle(r);
}

static void
who_leaves_waits_for_its_last_words(void **state)
{
	static const struct {
		const char *line, *says;
	} rows[] = {
	    {"PART r\nPING p\n", "MSG r 9000-0 ann last words\n"
				 "PARTED r ann\nOK\nOK p\n"},
	    {"#q QUIT\nSAY r after\n", "MSG r 9000-0 ann last words\n"
				       "#q OK\nBYE quit\n"},
	    {NULL, "MSG r 9000-0 ann last words\n"
		   "BYE quit you closed the connection\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rig *r = rig_new("");
		struct client *c, *d;
		struct room *room;
		const char *got;

		/* In a secure one, a half-close is none. */
		r->all_secure &= rows[i].line != NULL;
		c = in_room(r, "ann");
		d = in_room(r, "bob");
		room = owe(c);
		rig_lines(c);

		if (rows[i].line)
			rig_send(c, rows[i].line);
		else
			rig_half_close(c);
		EXPECT(c, "");
		bring_what_is_owed(r, room);
		EXPECT(c, rows[i].says);
		got = rig_lines(d);
		assert_has(got, "MSG r 9000-0 ann last words\nPARTED r ann");
		assert_int_equal(count(got, "MSG"), 1);
		rig_free(r);
	}
}

static void
last_words_that_are_lost_are_not_waited_for(void **state)
{
	(void)state;
	for (int down = 0; down < 2; down++) {
		struct rig *r = rig_new("");
		struct client *c = in_room(r, "ann");
		struct room *room = owe(c);
		const char *got;

		rig_send(c, "PART r\n");
		EXPECT(c, "");
		if (down)
			relay_held_set_up(r->relay, false);
		else
			news_events.on_gap(&r->server, room);
		got = rig_lines(c);
		assert_has(got, "PARTED r ann\n");
		assert_has(got, "\nOK\n");
		rig_free(r);
	}
}

static void
last_words_may_come_when_their_session_is_gone(void **state)
{
	static const char *const lines[] = {"PART r\n", "QUIT\n", NULL};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(lines); i++) {
		struct rig *r = rig_new("");
		struct client *c;
		struct room *room;

		r->all_secure &= lines[i / 2] != NULL;
		c = in_room(r, "ann");
		room = owe(c);
		if (lines[i / 2])
			rig_send(c, lines[i / 2]);
		else
			rig_half_close(c);
		if (i % 2)
			session_lost(c->session, "test");
		else
			session_end(c->session, BYE_SHUTDOWN, 0, "test");
		rig_settle(r);
		bring_what_is_owed(r, room);
		rig_free(r);
	}
}

static void
a_room_that_did_not_open_may_be_asked_for_again_at_once(void **state)
{
	struct rig *r = *state;
	struct client *a = rig_person(r, "ann"), *b = rig_person(r, "bob");

	relay_held_hold(r->relay, true);
	rig_send(a, "JOIN r\n#2 JOIN r\n");
	rig_send(b, "JOIN r\n");
	assert_int_equal(relay_held_count(r->relay), 1);
	relay_held_refuse(r->relay, RELAY_DOWN);
	assert_has(rig_lines(b), "ERR busy ");
	assert_has(rig_lines(a), "ERR busy ");
	/* The second one has a room of its own to wait for. */
	give_all(r);
	EXPECT(a, "JOINED r ann\n#2 NAMES r 1 ann\n#2 OK 0-0\n");
}

static void
two_who_join_a_new_room_wait_for_one_subscription(void **state)
{
	struct rig *r = *state;
	struct client *a = rig_person(r, "ann"), *b = rig_person(r, "bob");

	relay_held_hold(r->relay, true);
	rig_send(a, "JOIN r\n");
	rig_send(b, "JOIN r\n");
	assert_int_equal(relay_held_count(r->relay), 1);
	session_lost(a->session, "test");
	give_all(r);
	EXPECT(b, "JOINED r bob\nNAMES r 1 bob\nOK 0-0\n");
}

static void
a_node_that_ends_owes_nobody_anything(void **state)
{
	struct rig *r = *state;

	/* rig_free() looks; here something is under way for everyone. */
	for (size_t k = 0; k < 8; k++) {
		struct client *c = rig_connect(r);

		rig_send(c, journeys[k].before);
		relay_held_hold(r->relay, true);
		rig_send(c, journeys[k].line);
		relay_held_hold(r->relay, false);
	}
	assert_true(relay_held_count(r->relay) > 0);
	for (size_t k = 0; k < 8; k++)
		session_lost(r->clients[k].session, "the server ended");
	r->server.relay_gone = true;
	relay_free(r->server.relay);
	rooms_flush(r->server.rooms);
	sessions_flush(&r->server);
	assert_int_equal(rooms_count(r->server.rooms), 0);
	assert_int_equal(users_count(r->server.users), 0);
	rig_renew_relay(r);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	    TEST(
		a_session_is_welcomed_and_behind_its_first_line_shown_the_motd),
	    T(a_strangers_line_is_short_until_a_command_was_accepted),
	    T(a_greeting_has_its_time_and_people_at_a_terminal_more),
	    TEST(the_cutting_of_the_bytes_changes_nothing),
	    T(a_bad_frame_is_told_at_once_and_ends_the_session),
	    T(a_bad_frame_does_not_wait_for_what_is_awaited),
	    T(another_protocol_is_shown_the_door_without_a_word_more),
	    T(pipelined_commands_take_effect_and_are_answered_in_order),
	    T(says_are_in_flight_together_and_all_else_waits),
	    T(an_answer_that_comes_first_waits_for_those_before_it),
	    T(sixty_four_answers_are_awaited_and_no_more),
	    T(a_long_line_that_waits_is_kept_whole_and_so_is_what_follows),
	    TEST(a_flood_is_slowed_down_and_nothing_is_lost),
	    TEST(a_flood_that_lasts_is_refused_then_ended),
	    T(after_a_half_close_all_is_answered_before_the_bye),
	    T(a_half_close_waits_for_what_is_awaited_but_not_for_ever),
	    T(a_line_behind_quit_is_not_run),
	    T(who_does_not_hang_up_after_the_bye_is_dropped),
	    T(a_silent_client_is_pinged_and_then_ended),
	    T(any_bytes_are_a_sign_of_life),
	    T(a_server_that_goes_down_finishes_what_is_in_flight),
	    T(who_asks_without_reading_is_answered_at_its_own_pace),
	    TEST(says_of_a_deaf_client_end_it_and_nobody_else),
	    TEST(what_waits_for_the_end_of_the_turn_makes_nobody_slow),
	    T(a_long_history_is_read_at_the_readers_pace),
	    TEST(replay_and_live_messages_join_without_hole_or_double),
	    T(who_comes_and_goes_during_a_replay_is_told),
	    TEST(a_second_join_in_the_middle_of_catching_up_skips_nothing),
	    TEST(a_log_trimmed_during_the_catching_up_is_a_gap),
	    TEST(a_replay_waits_for_a_relay_that_is_away_and_misses_nothing),
	    T(a_part_in_the_middle_of_catching_up_ends_it),
	    T(a_leaver_is_given_what_was_said_before_it_left),
	    TEST(who_goes_at_any_step_leaves_nothing_behind),
	    TEST(who_is_refused_at_any_step_is_answered_once_and_goes_on),
	    T(who_hangs_is_replaced_by_its_own_token),
	    T(what_is_said_again_after_a_cut_is_the_first_one),
	    T(a_guest_without_a_nick_is_the_same_one_too),
	    T(a_token_is_void_after_a_quit_and_once_used),
	    T(what_somebody_took_meanwhile_is_not_taken_back),
	    T(a_token_comes_before_the_first_word),
	    T(who_took_a_nick_gives_it_back_for_the_former_one),
	    TEST(who_leaves_waits_for_its_last_words),
	    TEST(last_words_that_are_lost_are_not_waited_for),
	    TEST(last_words_may_come_when_their_session_is_gone),
	    T(what_is_said_while_the_relay_lets_somebody_in_is_heard),
	    T(a_room_that_did_not_open_may_be_asked_for_again_at_once),
	    T(two_who_join_a_new_room_wait_for_one_subscription),
	    T(a_node_that_ends_owes_nobody_anything),
#undef T
	};

	return RUN(tests);
}
