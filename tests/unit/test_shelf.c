/* SPDX-License-Identifier: ISC */
/*
 * server/shelf.c and server/pile.c: where messages lie.
 */
#include "tests/unit/unit.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/pile.h"
#include "server/shelf.h"

/* --- shelf ---------------------------------------------------------------- */

static bool
same_span(struct span a, struct span b)
{
	return (a.p == NULL) == (b.p == NULL) && span_eq(a, b);
}

static void
assert_same(const struct relay_msg *a, const struct relay_msg *b)
{
	assert_int_equal(msgid_cmp(a->id, b->id), 0);
	assert_int_equal(msgid_cmp(a->prev, b->prev), 0);
	assert_int_equal(msgid_cmp(a->rv, b->rv), 0);
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->verb, b->verb);
	assert_int_equal(a->act, b->act);
	assert_int_equal(a->auth, b->auth);
	assert_true(same_span(a->sender, b->sender));
	assert_true(same_span(a->nick, b->nick));
	assert_true(same_span(a->peer, b->peer));
	assert_true(same_span(a->cid, b->cid));
	assert_true(same_span(a->re, b->re));
	assert_true(same_span(a->enc, b->enc));
	assert_true(same_span(a->target, b->target));
	assert_true(same_span(a->text, b->text));
}

static void
a_message_comes_back_as_it_went(void **state)
{
	const struct relay_msg whole = {
	    .id = {7, 1},
	    .prev = {6, 5},
	    .kind = RELAY_RIGHTS,
	    .act = true,
	    .auth = true,
	    .sender = SPAN("sender"),
	    .nick = SPAN("nick"),
	    .peer = SPAN("peer"),
	    .cid = SPAN("cid"),
	    .re = SPAN("1-2"),
	    .enc = SPAN("scheme"),
	    .text = SPAN("some text"),
	    .rv = {5, 3},
	    .verb = 9,
	    .target = SPAN("target"),
	};
	const struct relay_msg bare = {.id = {8, 0}, .sender = SPAN("g")};
	const struct relay_msg empty = {
	    .id = {9, 0}, .nick = SPAN(""), .text = SPAN("")};
	struct shelf s = {0};
	struct relay_msg m;

	(void)state;
	shelf_add(&s, &whole);
	shelf_add(&s, &bare);
	shelf_add(&s, &empty);

	m = shelf_at(&s, 0);
	assert_same(&m, &whole);
	m = shelf_at(&s, 1);
	assert_null(m.nick.p);
	assert_int_equal(m.text.len, 0);
	assert_true(span_is(m.sender, "g"));
	m = shelf_at(&s, 2);
	assert_non_null(m.nick.p);
	assert_null(m.sender.p);
	assert_int_equal(shelf_id(&s, 2).ms, 9);
	shelf_clear(&s);
}

/* Texts of changing lengths, some larger than any chunk. */
static void
put_number(struct shelf *s, unsigned i)
{
	size_t len = i % 97 == 0 ? 20000 : i % 300;
	char *text = xcalloc(1, len + 1);
	struct relay_msg m = {.id = {i, 0}, .sender = SPAN("sender")};
	size_t before = s->bytes;

	memset(text, 'a' + (int)(i % 26), len);
	m.text = (struct span){text, len};
	shelf_add(s, &m);
	assert_int_equal(s->bytes - before, shelf_cost(&m));
	free(text);
}

static void
assert_number(const struct shelf *s, size_t at, unsigned i)
{
	struct relay_msg m = shelf_at(s, at);

	assert_int_equal(m.id.ms, i);
	assert_int_equal(m.text.len, i % 97 == 0 ? 20000 : i % 300);
	for (size_t k = 0; k < m.text.len; k++)
		assert_int_equal(m.text.p[k], 'a' + (int)(i % 26));
}

static void
the_oldest_go_first_and_the_others_stay(void **state)
{
	enum { MANY = 2000, KEPT = 100 };
	struct shelf s = {0};

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		put_number(&s, i);
		if (s.n > KEPT)
			shelf_drop_oldest(&s);
		assert_number(&s, 0, i < KEPT ? 0 : i - KEPT + 1);
		assert_number(&s, s.n - 1, i);
	}
	assert_int_equal(s.n, KEPT);
	while (s.n > 0)
		shelf_drop_oldest(&s);

	assert_int_equal(s.bytes, 0);
	put_number(&s, 5);
	assert_number(&s, 0, 5);
	shelf_clear(&s);
	assert_int_equal(s.n, 0);
	assert_null(s.ring);
}

/* --- pile ----------------------------------------------------------------- */

static void
what_is_taken_is_nobody_elses_and_aligned(void **state)
{
	enum { MANY = 3000 };
	struct pile p = {0};
	unsigned char *all[MANY];

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		size_t n = i % 500 == 0 ? 50000 : 1 + i % 200;

		all[i] = pile_take(&p, n);
		assert_int_equal((uintptr_t)all[i] % 16, 0);
		memset(all[i], (int)(i % 251), n);
	}
	for (unsigned i = 0; i < MANY; i++) {
		size_t n = i % 500 == 0 ? 50000 : 1 + i % 200;

		for (size_t k = 0; k < n; k++)
			assert_int_equal(all[i][k], i % 251);
	}
	pile_free(&p);
}

static void
a_cleared_pile_gives_the_same_memory_again(void **state)
{
	struct pile p = {0};
	void *first, *second;

	(void)state;
	first = pile_take(&p, 30000);
	second = pile_take(&p, 30000);

	pile_clear(&p);
	assert_ptr_equal(pile_take(&p, 30000), first);
	assert_ptr_equal(pile_take(&p, 30000), second);

	pile_clear(&p);
	pile_clear(&p); /* what was not needed is gone */
	assert_null(p.first);
	pile_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_message_comes_back_as_it_went),
	    TEST(the_oldest_go_first_and_the_others_stay),
	    TEST(what_is_taken_is_nobody_elses_and_aligned),
	    TEST(a_cleared_pile_gives_the_same_memory_again),
	};

	return RUN(tests);
}
