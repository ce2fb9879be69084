/* SPDX-License-Identifier: ISC */
/* proto/line.c: the grammar of a payload, both ways. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/frame.h"
#include "proto/line.h"

/* clang-format off */
#define BYTES(literal) {literal, sizeof(literal) - 1}
/* clang-format on */

/* A payload and what it comes to, written out by describe(). */
struct row {
	struct span payload;
	const char *parts;
};

/* "#tag @key=value @flag VERB(word) rest" or "error text" */
static void
describe(struct buf *out, struct span payload)
{
	struct line l;
	int err = line_parse(&l, payload);

	if (l.tag.p)
		buf_addf(out, "#%.*s ", SPAN_ARG(l.tag));
	if (err) {
		buf_addf(out, "!%d", -err);
		return;
	}
	for (unsigned i = 0; i < l.nattrs; i++) {
		const struct line_attr *a = &l.attrs[i];
		buf_addf(out, "@%.*s%s%.*s ", SPAN_ARG(a->key),
		    a->has_value ? "=" : "", SPAN_ARG(a->value));
	}
	buf_addf(
	    out, "%s(%.*s)[%.*s]", l.verb, SPAN_ARG(l.word), SPAN_ARG(l.rest));
}

/* The payload lies in memory of its own, for the sanitizers. */
static void
check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct buf out = {0};
		size_t len = rows[i].payload.len;
		char *own = malloc(len ? len : 1);
		assert_non_null(own);
		memcpy(own, rows[i].payload.p, len);
		describe(&out, (struct span){own, len});
		buf_add(&out, "", 1);
		assert_string_equal(buf_head(&out), rows[i].parts);
		free(own);
		buf_free(&out);
	}
}

#define CHECK(rows) check(rows, ARRAY_LEN(rows))

static void
takes_verb_and_rest_apart(void **state)
{
	static const struct row rows[] = {
	    {BYTES("PING"), "PING(PING)[]"},
	    {BYTES("ping x"), "PING(ping)[x]"},
	    {BYTES("SAY lobby hello there"), "SAY(SAY)[lobby hello there]"},
	    {BYTES("SAY  x "), "SAY(SAY)[ x ]"},
	    {BYTES("HELP "), "HELP(HELP)[]"},
	    {BYTES("SAY a b\tc"), "SAY(SAY)[a b\tc]"},
	    {BYTES("SAY lobby #not @a=tag"), "SAY(SAY)[lobby #not @a=tag]"},
	    {BYTES("ABCDEFGHIJKLMNOP x"),
		"ABCDEFGHIJKLMNOP(ABCDEFGHIJKLMNOP)[x]"},
	};

	(void)state;
	CHECK(rows);
}

static void
a_word_that_is_no_verb_is_given_as_it_is(void **state)
{
	static const struct row rows[] = {
	    {BYTES("ABCDEFGHIJKLMNOPQ x"), "(ABCDEFGHIJKLMNOPQ)[x]"},
	    {BYTES("/join lobby"), "(/join)[lobby]"},
	    {BYTES("5 hello"), "(5)[hello]"},
	    {BYTES("SAY\tlobby"), "(SAY\tlobby)[]"},
	    {BYTES("h\xc3\xa9llo x"), "(h\xc3\xa9llo)[x]"},
	    {BYTES("JOIN: x"), "(JOIN:)[x]"},
	};

	(void)state;
	CHECK(rows);
}

static void
takes_tag_and_attributes_in_any_order(void **state)
{
	static const struct row rows[] = {
	    {BYTES("#t1 PING"), "#t1 PING(PING)[]"},
	    {BYTES("@a=1 #t @b PING x"), "#t @a=1 @b PING(PING)[x]"},
	    {BYTES("##a PING"), "##a PING(PING)[]"},
	    {BYTES("#@x PING"), "#@x PING(PING)[]"},
	    {BYTES("@a=b=c PING"), "@a=b=c PING(PING)[]"},
	    {BYTES("@a= PING"), "@a= PING(PING)[]"},
	    {BYTES("@a=\xc3\xa9 PING"), "@a=\xc3\xa9 PING(PING)[]"},
	    {BYTES("@a=#@ PING"), "@a=#@ PING(PING)[]"},
	    {BYTES("@x-9 PING"), "@x-9 PING(PING)[]"},
	    {BYTES("#12345678901234567890123456789012 A"),
		"#12345678901234567890123456789012 A(A)[]"},
	    {BYTES("@a @b @c @d @e @f @g @h @i @j @k @l @m @n @o #p A"),
		"#p @a @b @c @d @e @f @g @h @i @j @k @l @m @n @o A(A)[]"},
	    {BYTES("@a @b @c @d @e @f @g @h @i @j @k @l @m @n @o @p A"),
		"@a @b @c @d @e @f @g @h @i @j @k @l @m @n @o @p A(A)[]"},
	};

	(void)state;
	CHECK(rows);
}

static void
refuses_a_tag_that_is_empty_long_invisible_or_a_second_one(void **state)
{
	static const struct row rows[] = {
	    {BYTES("# PING"), "!2"},
	    {BYTES("#"), "!2"},
	    {BYTES("#123456789012345678901234567890123 A"), "!2"},
	    {BYTES("#\xc3\xa9 PING"), "!2"},
	    {BYTES("#a\tb PING"), "!2"},
	    {BYTES("#a #b PING"), "#a !2"},
	    {BYTES("#a #a PING"), "#a !2"},
	};

	(void)state;
	CHECK(rows);
}

static void
refuses_a_malformed_or_repeated_attribute(void **state)
{
	static const struct row rows[] = {
	    {BYTES("@ PING"), "!3"},
	    {BYTES("@"), "!3"},
	    {BYTES("@=x PING"), "!3"},
	    {BYTES("@A=x PING"), "!3"},
	    {BYTES("@a_b PING"), "!3"},
	    {BYTES("@\xc3\xa9 PING"), "!3"},
	    {BYTES("@a=x\ty PING"), "!3"},
	    {BYTES("@a @a PING"), "!3"},
	    {BYTES("#t @a=1 @b @a=2 PING"), "#t !3"},
	};

	(void)state;
	CHECK(rows);
}

static void
refuses_more_than_sixteen_prefixes(void **state)
{
	static const struct row rows[] = {
	    {BYTES("#t @a @b @c @d @e @f @g @h @i @j @k @l @m @n @o @p A"),
		"#t !4"},
	    {BYTES("@a @b @c @d @e @f @g @h @i @j @k @l @m @n @o @p @q A"),
		"!4"},
	};

	(void)state;
	CHECK(rows);
}

static void
refuses_a_line_without_a_verb_and_keeps_its_tag(void **state)
{
	static const struct row rows[] = {
	    {BYTES("#lobby"), "#lobby !5"},
	    {BYTES("#lobby "), "#lobby !5"},
	    {BYTES("@a=1"), "!5"},
	    {BYTES("#t  PING"), "#t !5"},
	    {BYTES(" PING"), "!5"},
	    {BYTES(" "), "!5"},
	    {BYTES(""), "!5"},
	};

	(void)state;
	CHECK(rows);
}

static void
refuses_bad_text_anywhere_and_keeps_the_tag(void **state)
{
	static const struct row rows[] = {
	    {BYTES("#t SAY lobby a\x01"), "#t !1"},
	    {BYTES("#t SAY lobby \xff"), "#t !1"},
	    {BYTES("#t SAY lobby \xef\xbf\xbf"), "#t !1"},
	    {BYTES("#t SAY lobby \xc2\x85"), "#t !1"},
	    {BYTES("SAY lobby a\0b"), "!1"},
	    {BYTES("#t SAY a\nb"), "#t !1"},
	    {BYTES("#\x7f SAY a"), "!1"},
	    {BYTES("#t @A=\xff SAY"), "#t !1"},
	    {BYTES("#t #u \x1b"), "#t !1"},
	    {BYTES("\xc3"), "!1"},
	};

	(void)state;
	CHECK(rows);
}

static void
finds_an_attribute_by_its_key(void **state)
{
	struct line l;

	(void)state;
	assert_int_equal(line_parse(&l, SPAN("@last=20 @act SAY x")), 0);

	assert_true(span_is(line_attr(&l, "last")->value, "20"));
	assert_false(line_attr(&l, "act")->has_value);
	assert_null(line_attr(&l, "ac"));
	assert_null(line_attr(&l, "acts"));
	assert_null(line_attr(&l, ""));
}

/* Splits and joins with '|'; gives line_split()'s result. */
static int
split(const char *payload, unsigned nparams, char out[static 64])
{
	struct span params[LINE_PARAMS_MAX], text;
	struct line l;

	assert_int_equal(line_parse(&l, span_of(payload)), 0);
	out[0] = '\0';
	int err = line_split(&l, nparams, params, &text);
	if (err)
		return err;
	for (unsigned i = 0; i < nparams; i++)
		snprintf(out + strlen(out), 64 - strlen(out), "%.*s|",
		    SPAN_ARG(params[i]));
	snprintf(out + strlen(out), 64 - strlen(out), "%.*s", SPAN_ARG(text));
	return 0;
}

static void
splits_parameters_from_the_text_behind_them(void **state)
{
	static const struct {
		const char *payload;
		unsigned nparams;
		const char *parts;
	} rows[] = {
	    {"PING", 0, ""},
	    {"PING a b", 0, "a b"},
	    {"PING  a", 0, " a"},
	    {"JOIN lobby", 1, "lobby|"},
	    {"JOIN lobby ", 1, "lobby|"},
	    {"SAY lobby hello  there ", 1, "lobby|hello  there "},
	    {"SAY lobby  hello", 1, "lobby| hello"},
	    {"SAY lobby a\tb", 1, "lobby|a\tb"},
	    {"BAN r n why not", 2, "r|n|why not"},
	    {"X a b c d e f", 4, "a|b|c|d|e f"},
	};
	char parts[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(
		    split(rows[i].payload, rows[i].nparams, parts), 0);
		assert_string_equal(parts, rows[i].parts);
	}
}

static void
refuses_a_missing_or_empty_parameter(void **state)
{
	char parts[64];

	(void)state;

	assert_int_equal(split("JOIN", 1, parts), -LINE_EPARAM);
	assert_int_equal(split("JOIN ", 1, parts), -LINE_EPARAM);
	assert_int_equal(split("JOIN  lobby", 1, parts), -LINE_EPARAM);
	assert_int_equal(split("BAN lobby", 2, parts), -LINE_EPARAM);
	assert_int_equal(split("BAN lobby  ann", 2, parts), -LINE_EPARAM);
	assert_int_equal(split("X a b c", 4, parts), -LINE_EPARAM);
}

static void
refuses_a_tab_in_a_parameter(void **state)
{
	char parts[64];

	(void)state;

	assert_int_equal(split("SAY lob\tby hi", 1, parts), -LINE_ETEXT);
	assert_int_equal(split("BAN r a\tb", 2, parts), -LINE_ETEXT);
}

static void
writes_one_framed_line(void **state)
{
	static const char want[] =
	    "48 #t1 @re=1-2 @act @empty= MSG lobby 3-0 18446744 hi\n";
	struct buf out = {0};
	struct line_writer w;

	(void)state;
	line_begin(&w, &out);
	line_put_tag(&w, SPAN("t1"));
	line_put_attr(&w, "re", SPAN("1-2"));
	line_put_flag(&w, "act");
	line_put_attr(&w, "empty", SPAN_NONE);
	line_put(&w, SPAN("MSG"));
	line_put(&w, SPAN("lobby"));
	line_put_id(&w, (struct msgid){3, 0});
	line_put_u64(&w, 18446744);
	line_put(&w, SPAN("hi"));
	line_end(&w);

	buf_add(&out, "", 1);
	assert_string_equal(buf_head(&out) + 3, want + 3);
	assert_int_equal(atol(buf_head(&out)), strlen(want) - 4);
	buf_free(&out);
}

static void
leaves_out_an_absent_tag_and_an_empty_text(void **state)
{
	struct buf out = {0};
	struct line_writer w;

	(void)state;
	line_begin(&w, &out);
	line_put_tag(&w, SPAN_NONE);
	line_put(&w, SPAN("OK"));
	line_put(&w, SPAN(""));
	line_end(&w);
	line_begin(&w, &out);
	line_put(&w, SPAN("TOPIC"));
	line_put(&w, SPAN("r"));
	line_end(&w);

	buf_add(&out, "", 1);
	assert_string_equal(buf_head(&out), "2 OK\n7 TOPIC r\n");
	buf_free(&out);
}

static void
writes_a_bare_payload_for_the_relay(void **state)
{
	struct buf out = {0};
	struct line_writer w;

	(void)state;
	line_begin_payload(&w, &out);
	line_put_flag(&w, "act");
	line_put(&w, SPAN("ann"));
	line_put(&w, SPAN("waves at you"));

	buf_add(&out, "", 1);
	assert_string_equal(buf_head(&out), "@act ann waves at you");
	buf_free(&out);
}

static void
every_error_has_words_of_its_own(void **state)
{
	(void)state;
	for (int a = 0; a <= LINE_EPARAM; a++) {
		assert_true(strlen(line_strerror(a)) > 0);
		assert_ptr_equal(line_strerror(a), line_strerror(-a));
		for (int b = 0; b < a; b++)
			assert_string_not_equal(
			    line_strerror(a), line_strerror(b));
	}
	assert_string_equal(line_strerror(-99), "unknown error");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(takes_verb_and_rest_apart),
	    TEST(a_word_that_is_no_verb_is_given_as_it_is),
	    TEST(takes_tag_and_attributes_in_any_order),
	    TEST(refuses_a_tag_that_is_empty_long_invisible_or_a_second_one),
	    TEST(refuses_a_malformed_or_repeated_attribute),
	    TEST(refuses_more_than_sixteen_prefixes),
	    TEST(refuses_a_line_without_a_verb_and_keeps_its_tag),
	    TEST(refuses_bad_text_anywhere_and_keeps_the_tag),
	    TEST(finds_an_attribute_by_its_key),
	    TEST(splits_parameters_from_the_text_behind_them),
	    TEST(refuses_a_missing_or_empty_parameter),
	    TEST(refuses_a_tab_in_a_parameter),
	    TEST(writes_one_framed_line),
	    TEST(leaves_out_an_absent_tag_and_an_empty_text),
	    TEST(writes_a_bare_payload_for_the_relay),
	    TEST(every_error_has_words_of_its_own),
	};

	return RUN(tests);
}
