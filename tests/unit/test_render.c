/* SPDX-License-Identifier: ISC */
/* server/render.c: the exact bytes of each line. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/names.h"
#include "server/relay.h"
#include "server/render.h"
#include "server/room.h"

#define ANN "g000000000000000000000000000000aa"
#define BOB "g000000000000000000000000000000bb"

static void
assert_line(struct buf *out, const char *payload)
{
	char want[1024];

	snprintf(want, sizeof want, "%zu %s\n", strlen(payload), payload);
	assert_int_equal(buf_len(out), strlen(want));
	assert_memory_equal(buf_head(out), want, strlen(want));
	buf_free(out);
}

static const struct relay_msg plain = {
    .id = {1732371234567, 8},
    .sender = {ANN, SENDER_ID_LEN},
    .nick = {"ann", 3},
    .text = {"hi there", 8},
};

static void
a_message_to_a_room_names_room_id_and_nick(void **state)
{
	struct render_for f = {.target = SPAN("Lobby")};
	struct buf out = {0};

	(void)state;
	render_msg(&out, &f, &plain);
	assert_line(&out, "MSG Lobby 1732371234567-8 ann hi there");
}

static void
a_message_to_a_person_has_the_sigil(void **state)
{
	struct render_for f = {.target = SPAN("bob"), .person = true};
	struct buf out = {0};
	char longest[NAME_BYTES_MAX + 1], want[256];

	(void)state;
	render_msg(&out, &f, &plain);
	assert_line(&out, "MSG @bob 1732371234567-8 ann hi there");

	memset(longest, 'b', NAME_BYTES_MAX);
	longest[NAME_BYTES_MAX] = 0;
	f.target = span_of(longest);
	render_msg(&out, &f, &plain);
	snprintf(
	    want, sizeof want, "MSG @%s 1732371234567-8 ann hi there", longest);
	assert_line(&out, want);
}

static void
attributes_go_before_the_verb_in_one_order(void **state)
{
	struct render_for f = {.target = SPAN("r")};
	struct relay_msg m = plain;
	struct buf out = {0};

	(void)state;
	m.act = true;
	m.re = SPAN("1-2");
	m.enc = SPAN("x1");
	m.cid = SPAN("c-1");
	render_msg(&out, &f, &m);
	assert_line(
	    &out, "@act @re=1-2 @enc=x1 MSG r 1732371234567-8 ann hi there");

	f.replay = true;
	f.tag = SPAN("t");
	f.me = ANN;
	render_msg(&out, &f, &m);
	assert_line(&out, "#t @replay @cid=c-1 @act @re=1-2 @enc=x1 "
			  "MSG r 1732371234567-8 ann hi there");
}

static void
the_cid_is_the_senders_alone_and_only_in_a_replay(void **state)
{
	struct relay_msg m = plain;
	struct buf out = {0};
	struct render_for f = {.target = SPAN("r"), .replay = true, .me = BOB};

	(void)state;
	m.cid = SPAN("c-1");
	render_msg(&out, &f, &m);
	assert_line(&out, "@replay MSG r 1732371234567-8 ann hi there");
	f.me = NULL;
	render_msg(&out, &f, &m);
	assert_line(&out, "@replay MSG r 1732371234567-8 ann hi there");
	f.me = ANN;
	f.replay = false;
	render_msg(&out, &f, &m);
	assert_line(&out, "MSG r 1732371234567-8 ann hi there");
	f.replay = true;
	m.cid = SPAN_NONE;
	render_msg(&out, &f, &m);
	assert_line(&out, "@replay MSG r 1732371234567-8 ann hi there");
}

static void
an_event_leaves_out_what_is_empty(void **state)
{
	struct buf out = {0};

	(void)state;
	render_event(
	    &out, SPAN_NONE, "JOINED", SPAN("lobby"), SPAN("ann"), SPAN_NONE);
	assert_line(&out, "JOINED lobby ann");
	render_event(&out, SPAN("t"), "PARTED", SPAN("lobby"), SPAN("ann"),
	    SPAN("good night"));
	assert_line(&out, "#t PARTED lobby ann good night");
	render_event(&out, SPAN_NONE, "PING", SPAN_NONE, SPAN_NONE, SPAN_NONE);
	assert_line(&out, "PING");
}

static void
a_topic_names_who_set_it_and_none_names_nobody(void **state)
{
	char shown[] = "Lobby", topic[] = "tea at five", nick[] = "ann";
	struct room r = {.shown = shown};
	struct buf out = {0};

	(void)state;
	render_topic(&out, SPAN("t"), &r);
	assert_line(&out, "#t TOPIC Lobby");
	r.topic = topic;
	r.topic_nick = nick;
	render_topic(&out, SPAN_NONE, &r);
	assert_line(&out, "TOPIC Lobby ann tea at five");
}

static void
names_of_an_empty_or_quiet_room_are_one_line(void **state)
{
	struct buf out = {0};
	struct render_nick nicks[] = {
	    {SPAN("ann"), '*'}, {SPAN("bob"), 0}, {SPAN("eve"), '+'}};

	(void)state;
	render_names(&out, SPAN_NONE, SPAN("r"), 0, NULL, 0);
	assert_line(&out, "NAMES r 0");
	render_names(&out, SPAN("t"), SPAN("r"), 4711, NULL, 0);
	assert_line(&out, "#t NAMES r 4711");
	render_names(&out, SPAN("t"), SPAN("r"), 3, nicks, 3);
	assert_line(&out, "#t NAMES r 3 *ann bob +eve");
}

/* The longest of everything, many times over. */
static void
names_take_lines_below_1024_bytes_and_name_everyone_once(void **state)
{
	enum { N = 300 };
	static char text[N][NAME_BYTES_MAX + 1];
	struct render_nick nicks[N];
	char room[NAME_BYTES_MAX + 1], tag[33];
	struct buf out = {0};
	size_t named = 0, lines = 0;

	(void)state;
	memset(room, 'r', NAME_BYTES_MAX);
	room[NAME_BYTES_MAX] = 0;
	memset(tag, 't', 32);
	tag[32] = 0;
	for (size_t i = 0; i < N; i++) {
		snprintf(text[i], sizeof text[i], "%064zu", i);
		nicks[i] = (struct render_nick){span_of(text[i]), 0};
	}
	render_names(&out, span_of(tag), span_of(room), N, nicks, N);

	for (struct span rest = {buf_head(&out), buf_len(&out)}; rest.len;) {
		const char *lf = memchr(rest.p, '\n', rest.len);
		struct span line = {rest.p, (size_t)(lf - rest.p)};

		assert_true(line.len <= 1024);
		rest.p += line.len + 1;
		rest.len -= line.len + 1;
		text_word(&line); /* the length */
		assert_true(span_is(text_word(&line), "#ttttttttttttttttttt"
						      "ttttttttttttt"));
		assert_true(span_is(text_word(&line), "NAMES"));
		assert_true(span_is(text_word(&line), room));
		assert_true(span_is(text_word(&line), "300"));
		while (line.len > 0)
			assert_true(span_is(text_word(&line), text[named++]));
		lines++;
	}
	assert_int_equal(named, N);
	assert_true(lines > 1);
	buf_free(&out);
}

static void
a_notice_is_a_code_and_a_text(void **state)
{
	struct buf out = {0};

	(void)state;
	render_notice(&out, SPAN("t"), NOTICE_GAP, SPAN("lobby"));
	assert_line(&out, "#t NOTICE gap lobby");
	render_notice(&out, SPAN_NONE, NOTICE_MOTD, SPAN_NONE);
	assert_line(&out, "NOTICE motd");
}

static void
errors_and_byes_carry_their_retry_and_a_sound_text(void **state)
{
	struct buf out = {0};

	(void)state;
	render_err(&out, SPAN("t"), ERR_SLOW_DOWN, 500, "slowly");
	assert_line(&out, "#t @retry=500 ERR slow-down slowly");
	render_err(&out, SPAN_NONE, ERR_BAD_NAME, 0, "");
	assert_line(&out, "ERR bad-name");
	render_err(&out, SPAN_NONE, ERR_BAD_NAME, UINT64_MAX, "a\tb\x1b[2J");
	assert_line(&out, "@retry=18446744073709551615 ERR bad-name a\tb");
	render_bye(&out, BYE_SHUTDOWN, "see you", 1500);
	assert_line(&out, "@retry=1500 BYE shutdown see you");
	render_bye(&out, BYE_QUIT, "", 0);
	assert_line(&out, "BYE quit");
	render_bye(&out, BYE_QUIT, "a\nOK", 0);
	assert_line(&out, "BYE quit a");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(a_message_to_a_room_names_room_id_and_nick),
	    TEST(a_message_to_a_person_has_the_sigil),
	    TEST(attributes_go_before_the_verb_in_one_order),
	    TEST(the_cid_is_the_senders_alone_and_only_in_a_replay),
	    TEST(an_event_leaves_out_what_is_empty),
	    TEST(a_topic_names_who_set_it_and_none_names_nobody),
	    TEST(names_of_an_empty_or_quiet_room_are_one_line),
	    TEST(names_take_lines_below_1024_bytes_and_name_everyone_once),
	    TEST(a_notice_is_a_code_and_a_text),
	    TEST(errors_and_byes_carry_their_retry_and_a_sound_text),
	};

	return RUN(tests);
}
