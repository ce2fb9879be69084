/* SPDX-License-Identifier: ISC */
#include "server/relay_codec.h"

#include <string.h>

#include "tests/unit/unit.h"

#define ANN "g00000000000000000000000000000a11"
#define BEA "a00000000000000000000000000000b0b"

static struct span
text_of(const struct buf *b)
{
	return (struct span){buf_head(b), buf_len(b)};
}

static void
a_message_comes_back_as_it_went(void **state)
{
	(void)state;
	struct buf b = {0};
	struct relay_msg out, in = {
				  .kind = RELAY_MSG,
				  .act = true,
				  .sender = SPAN(ANN),
				  .nick = SPAN("Ann"),
				  .peer = SPAN("bea"),
				  .cid = SPAN("c-1"),
				  .re = SPAN("12-3"),
				  .enc = SPAN("box"),
				  .text = SPAN(" two  spaces\tand a tab "),
			      };

	codec_put_msg(&b, &in);
	assert_int_equal(codec_get_msg(&out, text_of(&b)), 0);

	assert_int_equal(out.kind, RELAY_MSG);
	assert_true(out.act);
	assert_true(span_eq(out.sender, in.sender));
	assert_true(span_eq(out.nick, in.nick));
	assert_true(span_eq(out.peer, in.peer));
	assert_true(span_eq(out.cid, in.cid));
	assert_true(span_eq(out.re, in.re));
	assert_true(span_eq(out.enc, in.enc));
	assert_true(span_eq(out.text, in.text));
	buf_free(&b);
}

static void
what_is_absent_stays_absent(void **state)
{
	(void)state;
	struct buf b = {0};
	struct relay_msg out,
	    in = {.sender = SPAN(ANN), .nick = SPAN("ann"), .text = SPAN("x")};

	codec_put_msg(&b, &in);
	assert_true(span_is(text_of(&b), "@from=" ANN " MSG ann x"));
	assert_int_equal(codec_get_msg(&out, text_of(&b)), 0);
	assert_null(out.peer.p);
	assert_null(out.cid.p);
	assert_null(out.re.p);
	assert_null(out.enc.p);
	assert_false(out.act);
	buf_free(&b);
}

static void
a_topic_may_be_empty_and_a_message_not(void **state)
{
	(void)state;
	struct relay_msg m;

	assert_int_equal(codec_get_msg(&m, SPAN("@from=" ANN " TOPIC ann")), 0);
	assert_int_equal(m.kind, RELAY_TOPIC);
	assert_int_equal(m.text.len, 0);
	assert_int_equal(
	    codec_get_msg(&m, SPAN("@from=" ANN " MSG ann")), -CODEC_ETEXT);
}

static void
refuses_messages_like_a_clients(void **state)
{
	(void)state;
	static const struct {
		const char *payload;
		int err;
	} rows[] = {
	    {"", CODEC_ELINE},
	    {" ", CODEC_ELINE},
	    {"@from=" ANN, CODEC_ELINE},
	    {"@from=" ANN " MSG ann a\nb", CODEC_ELINE},
	    {"@from=" ANN " MSG ann a\x1b[31m", CODEC_ELINE},
	    {"@from=" ANN " MSG ann \xff", CODEC_ELINE},
	    {"@from=" ANN " MSG ann \xef\xbf\xbe", CODEC_ELINE},
	    {"@from=" ANN " @from=" ANN " MSG ann x", CODEC_ELINE},
	    {"@from=" ANN " KILL ann x", CODEC_EVERB},
	    {"MSG ann x", CODEC_ESENDER},
	    {"@from MSG ann x", CODEC_ESENDER},
	    {"@from= MSG ann x", CODEC_ESENDER},
	    {"@from=g1 MSG ann x", CODEC_ESENDER},
	    {"@from=x0000000000000000000000000000a11 MSG ann x", CODEC_ESENDER},
	    {"@from=g0000000000000000000000000000{A1 MSG ann x", CODEC_ESENDER},
	    {"@from=" ANN " MSG", CODEC_ENAME},
	    {"@from=" ANN " MSG -ann x", CODEC_ENAME},
	    {"@from=" ANN " MSG \xe2\x80\xae x", CODEC_ENAME},
	    {"@from=" ANN " @to=-b MSG ann x", CODEC_ENAME},
	    {"@from=" ANN " @re=1 MSG ann x", CODEC_EATTR},
	    {"@from=" ANN " @re=01-2 MSG ann x", CODEC_EATTR},
	    {"@from=" ANN " @cid= MSG ann x", CODEC_EATTR},
	    {"@from=" ANN " @cid=\xc3\xa4 MSG ann x", CODEC_EATTR},
	    {"@from=" ANN " @cid=12345678901234567890123456789012345678901234"
	     "567890123456789012345 MSG ann x",
		CODEC_EATTR},
	};
	struct relay_msg m;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (codec_get_msg(&m, span_of(rows[i].payload)) != -rows[i].err)
			fail_msg("%s: %d", rows[i].payload,
			    codec_get_msg(&m, span_of(rows[i].payload)));
}

static void
refuses_what_is_too_long(void **state)
{
	(void)state;
	static char big[CODEC_PAYLOAD_MAX + 2];
	struct relay_msg m;

	memset(big, 'x', sizeof big);
	memcpy(big, "@from=" ANN " MSG ann ", 6 + 33 + 9);
	assert_int_equal(
	    codec_get_msg(&m, (struct span){big, CODEC_PAYLOAD_MAX}), 0);
	assert_int_equal(
	    codec_get_msg(&m, (struct span){big, CODEC_PAYLOAD_MAX + 1}),
	    -CODEC_ELONG);
}

static void
an_event_comes_back_as_it_went(void **state)
{
	(void)state;
	for (int what = NEWS_JOINED; what <= NEWS_GONE; what++) {
		struct buf b = {0};
		bool bare = what == NEWS_ROSTER || what == NEWS_GONE;
		struct codec_event out, in = {.what = (enum codec_news)what,
					    .node = SPAN("den.1"),
					    .sender = SPAN(ANN),
					    .nick = SPAN("ann"),
					    .by = SPAN("bob"),
					    .text = SPAN("bye now")};

		if (bare)
			in.sender = in.nick = in.by = in.text = SPAN_NONE;
		codec_put_event(&b, &in);
		assert_int_equal(codec_get_event(&out, text_of(&b)), 0);
		assert_int_equal(out.what, what);
		assert_true(span_eq(out.node, in.node));
		assert_true(span_eq(out.sender, in.sender));
		assert_true(span_eq(out.nick, in.nick));
		assert_true(span_eq(out.by, in.by));
		assert_true(span_eq(out.text, in.text));
		buf_free(&b);
	}
}

static void
refuses_events_that_are_none(void **state)
{
	(void)state;
	struct codec_event e;

	assert_int_equal(codec_get_event(&e, SPAN("")), -CODEC_ELINE);
	assert_int_equal(
	    codec_get_event(&e, SPAN("@node=d LEAVE")), -CODEC_EVERB);
	assert_int_equal(codec_get_event(&e, SPAN("GONE")), -CODEC_EATTR);
	assert_int_equal(
	    codec_get_event(&e, SPAN("@node=d JOINED ann")), -CODEC_ESENDER);
	assert_int_equal(
	    codec_get_event(&e, SPAN("@node=d @from=" ANN " JOINED -")),
	    -CODEC_ENAME);
	assert_int_equal(
	    codec_get_event(&e, SPAN("@node=d @from=" ANN " @by=- PARTED ann")),
	    -CODEC_ENAME);
}

static void
two_ids_stand_before_a_payload(void **state)
{
	(void)state;
	struct msgid prev, id;
	struct span rest = SPAN("0-0 12-3 @from=x MSG");

	assert_int_equal(codec_get_ids(&rest, &prev, &id), 0);
	assert_true(msgid_is_zero(prev));
	assert_int_equal(id.ms, 12);
	assert_true(span_is(rest, "@from=x MSG"));

	static const char *const bad[] = {"", "1-1", "1-1 ", "1-1 x 2-1",
	    "2-1 1-1 x", "1-1 1-1 x", " 1-1 2-1 x", "-1-1 2-1 x"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		rest = span_of(bad[i]);
		assert_int_equal(codec_get_ids(&rest, &prev, &id), -CODEC_EID);
	}
}

static void
what_is_published_at_once_is_taken_apart_at_each_lf(void **state)
{
	(void)state;
	struct span all = SPAN("0-0 1-0 a\n1-0 2-0 b\n\nc\n");
	static const char *const each[] = {"0-0 1-0 a", "1-0 2-0 b", "", "c"};

	for (size_t i = 0; i < ARRAY_LEN(each); i++)
		assert_true(span_is(codec_next_published(&all), each[i]));
	assert_int_equal(all.len, 0);
}

#define TOKEN "0123456789abcdef0123456789abcdef"

static void
a_claim_comes_back_as_it_went(void **state)
{
	(void)state;
	struct buf b = {0};
	struct codec_claim out, in = {SPAN(ANN), SPAN("den.1"), SPAN("ann"),
				    SPAN("Ann"), 1234, SPAN_NONE, false};

	codec_put_claim(&b, &in);
	assert_true(span_is(text_of(&b), "G " ANN " den.1 1234 ann Ann -"));
	assert_int_equal(codec_get_claim(&out, text_of(&b)), 0);
	assert_true(span_eq(out.sender, in.sender));
	assert_true(span_eq(out.node, in.node));
	assert_true(span_eq(out.fold, in.fold));
	assert_true(span_eq(out.nick, in.nick));
	assert_int_equal(out.since_ms, 1234);
	assert_true(!out.token.p && !out.left);
	buf_clear(&b);
	in.token = SPAN(TOKEN);
	in.left = true;
	codec_put_claim(&b, &in);
	assert_true(
	    span_is(text_of(&b), "L " ANN " den.1 1234 ann Ann " TOKEN));
	assert_int_equal(codec_get_claim(&out, text_of(&b)), 0);
	assert_true(out.left && span_is(out.token, TOKEN));
	buf_free(&b);

	static const char *const bad[] = {"", "G",
	    "A " ANN " den.1 1 ann Ann -", "G x den.1 1 ann Ann -",
	    "G " ANN "  1 ann Ann -", "G " ANN " den.1 x ann Ann -",
	    "G " ANN " den.1 1 ", "G " ANN " den.1 1 ann",
	    "G " ANN " den.1 1 ann ", "G " ANN " den.1 1  Ann -",
	    "G " ANN " den.1 1 ann Ann", "G " ANN " den.1 1 ann Ann ",
	    "G " ANN " den.1 1 ann A b", "G " ANN " den.1 1 ann Ann " TOKEN "0",
	    "G " ANN " den.1 1 ann Ann - -"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (codec_get_claim(&out, span_of(bad[i])) >= 0)
			fail_msg("accepted: %s", bad[i]);
}

static void
a_pair_is_two_senders_in_order(void **state)
{
	(void)state;
	assert_true(codec_is_pair(SPAN(BEA ":" ANN)));
	assert_true(codec_is_pair(SPAN(ANN ":" ANN)));
	assert_false(codec_is_pair(SPAN(ANN ":" BEA)));
	assert_false(codec_is_pair(SPAN(ANN)));
	assert_false(codec_is_pair(SPAN(ANN " " ANN)));
	assert_false(codec_is_pair(SPAN("")));
}

static void
no_name_chooses_a_slot(void **state)
{
	(void)state;
	char key[CODEC_KEY_MAX + 1], back[NAME_BYTES_MAX + 1];
	static const struct {
		const char *name, *key;
	} rows[] = {
	    {"lobby-1_a.b", "lobby-1_a.b"},
	    {"a{b}c", "a%7Bb%7Dc"},
	    {"Den", "%44en"},
	    {"100%", "100%25"},
	    {"a:b c", "a%3Ab%20c"},
	    {"\xc3\xa4", "%C3%A4"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_string_equal(
		    codec_key(key, sizeof key, span_of(rows[i].name)),
		    rows[i].key);
		assert_true(codec_unkey(back, sizeof back, span_of(key)));
		assert_string_equal(back, rows[i].name);
	}
	static const char *const bad[] = {
	    "a{b", "%", "%4", "%zz", "%00", "%7b", "A", "a b"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (codec_unkey(back, sizeof back, span_of(bad[i])))
			fail_msg("accepted: %s", bad[i]);
	memset(key, 'a', 65);
	assert_false(codec_unkey(back, sizeof back, (struct span){key, 65}));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(a_message_comes_back_as_it_went),
	    TEST(what_is_absent_stays_absent),
	    TEST(a_topic_may_be_empty_and_a_message_not),
	    TEST(refuses_messages_like_a_clients),
	    TEST(refuses_what_is_too_long),
	    TEST(an_event_comes_back_as_it_went),
	    TEST(refuses_events_that_are_none),
	    TEST(two_ids_stand_before_a_payload),
	    TEST(what_is_published_at_once_is_taken_apart_at_each_lf),
	    TEST(a_claim_comes_back_as_it_went),
	    TEST(a_pair_is_two_senders_in_order),
	    TEST(no_name_chooses_a_slot),
	};
	return RUN(tests);
}
