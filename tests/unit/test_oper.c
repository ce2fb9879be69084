/* SPDX-License-Identifier: ISC */
/* server/oper.c and cmd_oper.c: orders on a node, and who may not give them. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "server/deny.h"
#include "server/gate.h"
#include "server/oper.h"
#include "server/relay_oper.h"
#include "server/session.h"
#include "server/user.h"
#include "tests/unit/rig.h"

static void
has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" lacks \"%s\"", text, part);
}

static void
order(struct rig *r, enum relay_order_kind kind, const char *sender,
    const char *text)
{
	struct relay_order o = {
	    .kind = kind, .sender = span_of(sender), .text = span_of(text)};

	oper_on_order(&r->server, &o);
	rig_settle(r);
}

static void
a_kill_ends_that_persons_session_and_no_other(void **state)
{
	struct rig *r = rig_new("");
	struct client *ann = rig_person(r, "ann"), *bob = rig_person(r, "bob");

	(void)state;
	order(r, ORDER_KILL, ann->session->user->id, "enough of this");
	EXPECT(ann, "BYE killed enough of this\n");
	ASK(bob, "PING x", "OK x\n");
	order(r, ORDER_KILL, bob->session->user->id, "");
	EXPECT(bob, "BYE killed an operator has ended your session\n");
	rig_free(r);
}

/* It may be on another node. */
static void
a_kill_of_somebody_who_is_not_here_does_nothing(void **state)
{
	struct rig *r = rig_new("");
	struct client *ann = rig_person(r, "ann");

	(void)state;
	order(r, ORDER_KILL, "a00000000000000000000000000000001", "");
	ASK(ann, "PING x", "OK x\n");
	rig_free(r);
}

static void
an_announcement_comes_to_all_but_strangers(void **state)
{
	struct rig *r = rig_new("");
	struct client *ann = rig_person(r, "ann"), *bob = rig_person(r, "bob");
	struct client *stranger = rig_connect(r);

	(void)state;
	order(r, ORDER_ANNOUNCE, "", "tea is ready");
	EXPECT(ann, "NOTICE announce tea is ready\n");
	EXPECT(bob, "NOTICE announce tea is ready\n");
	EXPECT(stranger, "");
	rig_free(r);
}

static void
an_invitation_comes_to_the_invited_alone(void **state)
{
	struct rig *r = rig_new("");
	struct client *ann = rig_person(r, "ann"), *bob = rig_person(r, "bob");

	(void)state;
	order(r, ORDER_INVITE, bob->session->user->id, "den ann bring cake");
	EXPECT(bob, "NOTICE invited den ann bring cake\n");
	EXPECT(ann, "");
	order(r, ORDER_INVITE, "a00000000000000000000000000000001", "den ann");
	ASK(bob, "PING x", "OK x\n");
	rig_free(r);
}

static void
what_is_no_order_is_refused(void **state)
{
	static const struct {
		const char *said;
		bool good;
	} rows[] = {
	    {"announce tea", true},
	    {"announce ", false},
	    {"kill g00000000000000000000000000000a11 ", true},
	    {"kill ann ", false},
	    {"invite g00000000000000000000000000000a11 den ann", true},
	    {"invite g00000000000000000000000000000a11 den ann a  b", true},
	    {"invite g00000000000000000000000000000a11 den", false},
	    {"invite g00000000000000000000000000000a11 - ann", false},
	    {"invite g00000000000000000000000000000a11 den ann \033[31m",
		false},
	    {"invite bob den ann", false},
	    {"dance ", false},
	    {"", false},
	};
	struct relay_order o;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf again = {0};

		if (order_get(&o, span_of(rows[i].said)) != rows[i].good)
			fail_msg("%s", rows[i].said);
		if (!rows[i].good)
			continue;
		order_put(&again, &o);
		buf_add(&again, "", 1);
		assert_string_equal(buf_head(&again), rows[i].said);
		buf_free(&again);
	}
}

static void
close_out(struct rig *r, const char *range, const char *text)
{
	struct deny d = {0};
	struct denies all = {0};
	char cause[ERR_LEN];

	if (range) {
		assert_int_equal(
		    cidr_parse(span_of(range), &d.range, cause), 0);
		span_copy(d.text, sizeof d.text, span_of(text));
		assert_true(denies_set(&all, &d, 0));
	}
	oper_on_denies(&r->server, &all);
	denies_free(&all);
	rig_settle(r);
}

static void
come_from(struct client *c, const char *address)
{
	struct cidr range;
	char cause[ERR_LEN];

	assert_int_equal(cidr_parse(span_of(address), &range, cause), 0);
	c->session->from.has_ip = true;
	c->session->from.ip = range.first;
}

static void
sessions_from_a_closed_out_range_end(void **state)
{
	struct rig *r = rig_new("");
	struct client *ann = rig_person(r, "ann"), *bob = rig_person(r, "bob");

	(void)state;
	come_from(ann, "192.0.2.7");
	come_from(bob, "198.51.100.7");
	close_out(r, "192.0.2.0/24", "go away");
	EXPECT(ann, "BYE banned go away\n");
	ASK(bob, "PING x", "OK x\n");
	assert_int_equal(gate_denies(r->server.gate)->n, 1);
	close_out(r, NULL, "");
	assert_int_equal(gate_denies(r->server.gate)->n, 0);
	close_out(r, "198.51.100.7", "");
	EXPECT(bob, "BYE banned your address is closed out\n");
	rig_free(r);
}

static void
guests_may_nothing_of_it(void **state)
{
	static const char *const lines[] = {"KILL bob\n",
	    "DENY 192.0.2.0/24 x\n", "@for=60 DENY ::/0\n",
	    "ALLOW 192.0.2.0/24\n", "ANNOUNCE hello\n", "STATS\n"};
	struct rig *r = rig_new("--operators=ann");
	/* The nick of an operator, and no account. */
	struct client *ann = rig_person(r, "ann");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		rig_send(ann, lines[i]);
		has(rig_lines(ann), "ERR not-allowed ");
	}
	rig_free(r);
}

static void
masks_that_are_none_are_refused(void **state)
{
	static const char *const masks[] = {"1.2.3.4/-1", "1.2.3.4/33",
	    "1.2.3.4/999999999999", "::/129", "example.org", "1.2.3.4/", "/8"};
	struct rig *r = rig_new("");
	struct client *ann = rig_person(r, "ann");
	char line[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
		snprintf(line, sizeof line, "DENY %s\nALLOW %s\n", masks[i],
		    masks[i]);
		rig_send(ann, line);
		const char *said = rig_lines(ann);
		has(said, "ERR bad-args range ");
		has(strchr(said, '\n'), "ERR bad-args range ");
	}
	rig_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_kill_ends_that_persons_session_and_no_other),
	    TEST(a_kill_of_somebody_who_is_not_here_does_nothing),
	    TEST(an_announcement_comes_to_all_but_strangers),
	    TEST(an_invitation_comes_to_the_invited_alone),
	    TEST(what_is_no_order_is_refused),
	    TEST(sessions_from_a_closed_out_range_end),
	    TEST(guests_may_nothing_of_it),
	    TEST(masks_that_are_none_are_refused),
	};

	return RUN(tests);
}
