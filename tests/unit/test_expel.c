/* SPDX-License-Identifier: ISC */
/*
 * Rights taken away from who is being told what was said: the pages of a
 * HISTORY, of a replay, and of the catching up behind it.
 *
 * The relay's readings are held back and given page by page; between two of
 * them something happens to the reader.  What it may not know any more never
 * leaves the server, whichever page was on its way.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/news.h"
#include "server/relay_rights.h"
#include "server/room.h"
#include "server/session.h"
#include "tests/unit/relay_held.h"
#include "tests/unit/rig.h"
#include "tests/unit/unit.h"

enum { SAID = 40, PAGES = 3 }; /* of 16 */

/* --- who reads what ------------------------------------------------------- */

struct stage {
	struct rig *rig;
	struct client *ann, *bob; /* ann's is the room r; bob reads */
};

static size_t
count(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

static void
give(struct stage *t)
{
	relay_held_give(t->rig->relay);
	rig_settle(t->rig);
}

/* Carries out all that waits but the readings. */
static void
give_others(struct stage *t)
{
	struct relay *relay = t->rig->relay;

	for (size_t reads = 0; reads < relay_held_count(relay);) {
		if (strcmp(relay_held_first(relay), "read") == 0) {
			relay_held_postpone(relay);
			reads++;
		} else {
			give(t);
			reads = 0;
		}
	}
}

static void
give_all(struct stage *t)
{
	while (relay_held_count(t->rig->relay) > 0)
		give(t);
}

static void
talk(struct stage *t)
{
	for (int i = 0; i < SAID; i++)
		rig_send(t->ann, "SAY r secret\n");
}

static void
begin_history(struct stage *t)
{
	rig_send(t->bob, "JOIN r\n");
	talk(t);
	rig_lines(t->bob);
	relay_held_hold(t->rig->relay, true);
	rig_send(t->bob, "@last=40 HISTORY r\n");
}

static void
begin_replay(struct stage *t)
{
	talk(t);
	relay_held_hold(t->rig->relay, true);
	rig_send(t->bob, "@last=40 JOIN r\n");
}

/* The replay ends before what is said while it is sought. */
static void
begin_catching_up(struct stage *t)
{
	rig_send(t->ann, "SAY r before\n");
	relay_held_hold(t->rig->relay, true);
	rig_send(t->bob, "@last=1 JOIN r\n");
	give_others(t);
	talk(t);
	give_others(t);
	give(t); /* it is sought, */
	give(t); /* and told */
}

/* before: pages that tell nothing yet; then: what follows the PARTED. */
static const struct reading {
	const char *name;
	void (*begin)(struct stage *t);
	int before;
	const char *then;
} readings[] = {
    {"HISTORY", begin_history, 1,
	"ERR not-member you are not in that room any more\n"},
    {"a replay", begin_replay, 1,
	"ERR not-member you are not in r; say JOIN r first\n"},
    {"catching up", begin_catching_up, 0, ""},
};

/* Up to the `pages`-th page; gives how much of the talk was told. */
static size_t
begin(struct stage *t, const struct reading *reading, int pages)
{
	t->rig = rig_new("");
	t->ann = rig_account(t->rig, "ann");
	t->bob = rig_person(t->rig, "bob");
	rig_send(t->ann, "JOIN r\n");
	reading->begin(t);
	give_others(t);
	for (int i = 0; i < reading->before + pages; i++)
		give(t);
	return count(rig_lines(t->bob), "secret\n");
}

static void
end(struct stage *t)
{
	relay_held_hold(t->rig->relay, false);
	rig_lines(t->bob);
	ASK(t->bob, "PING", "OK\n");
	rig_free(t->rig);
}

/* --- put out -------------------------------------------------------------- */

static void
put_out(const struct reading *reading, const char *line, int pages)
{
	char want[160];
	struct stage t;

	size_t told = begin(&t, reading, pages);
	assert_int_equal(told, pages * 16);
	rig_send(t.ann, line);
	give_others(&t);
	give_all(&t);
	snprintf(want, sizeof want, "@by=ann PARTED r bob\n%s", reading->then);
	EXPECT(t.bob, want);
	end(&t);
}

static void
who_is_put_out_is_told_nothing_more_of_what_it_was_reading(void **state)
{
	static const char *const lines[] = {"KICK r bob\n", "BAN r bob\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(readings); i++)
		for (size_t k = 0; k < ARRAY_LEN(lines); k++)
			for (int pages = 0; pages < PAGES; pages++)
				put_out(&readings[i], lines[k], pages);
}

/* As it may come through Redis: what the room allows now, in the turn in which
 * a page comes, and who changed it later. */
static void
hear_of_ban(struct stage *t)
{
	struct room *room = room_find(t->rig->server.rooms, "r");
	struct rights_change c = {.verb = RIGHTS_DO_BAN,
	    .actor = {.id = t->ann->session->user->id, .nick = "ann"}};
	struct rights *next;

	span_copy(
	    c.target, sizeof c.target, span_of(t->bob->session->user->id));
	assert_int_equal(
	    rights_change(room->rights, &c, RIG_WALL, &next), RIGHTS_YES);
	news_events.on_rights(&t->rig->server, room, next);
	rights_unref(next);
}

static void
a_page_that_comes_with_the_news_of_a_ban_is_not_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(readings); i++)
		for (int pages = 0; pages < PAGES; pages++) {
			struct stage t;

			begin(&t, &readings[i], pages);
			relay_held_give(t.rig->relay);
			hear_of_ban(&t);
			rig_settle(t.rig);
			give_all(&t);
			const char *got = rig_lines(t.bob);
			assert_int_equal(count(got, "secret"), 0);
			assert_int_equal(count(got, "OK"), 0);
			assert_int_equal(
			    count(got, "ERR"), readings[i].then[0] != '\0');
			assert_int_equal(
			    count(got, "@by=ann PARTED r bob\n"), 1);
			end(&t);
		}
}

/* --- and what takes nothing away ------------------------------------------ */

static void
who_is_in_a_room_that_is_closed_or_muted_in_it_reads_on(void **state)
{
	static const char *const lines[] = {
	    "ROOM r private=yes\n", "ROOM r moderated=yes\n", "MUTE r bob\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(readings); i++)
		for (size_t k = 0; k < ARRAY_LEN(lines); k++) {
			struct stage t;
			size_t told = begin(&t, &readings[i], 1);

			rig_send(t.ann, lines[k]);
			give_others(&t);
			give_all(&t);
			told += count(rig_lines(t.bob), "secret\n");
			assert_int_equal(told, SAID);
			end(&t);
		}
}

/* At any step of its way in. */
static void
who_comes_while_a_room_is_closed_is_told_nothing(void **state)
{
	(void)state;
	for (int steps = 0; steps < 10; steps++) {
		struct stage t = {.rig = rig_new("")};
		bool in = false;

		t.ann = rig_account(t.rig, "ann");
		t.bob = rig_person(t.rig, "bob");
		rig_send(t.ann, "JOIN r\n");
		talk(&t);
		relay_held_hold(t.rig->relay, true);
		rig_send(t.bob, "@last=40 JOIN r\n");
		for (int i = 0;
		     i < steps && relay_held_count(t.rig->relay) > 0 && !in;
		     i++) {
			give(&t);
			in = strstr(rig_lines(t.bob), "NAMES r") != NULL;
		}
		rig_send(t.ann, "ROOM r private=yes\n");
		give_all(&t);
		const char *got = rig_lines(t.bob);
		/* It was in already, and stays; or is turned away. */
		assert_int_equal(count(got, "secret"), in ? SAID : 0);
		assert_int_equal(
		    count(got, "ERR not-allowed r is private"), !in);
		end(&t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(who_is_put_out_is_told_nothing_more_of_what_it_was_reading),
	    TEST(a_page_that_comes_with_the_news_of_a_ban_is_not_told),
	    TEST(who_is_in_a_room_that_is_closed_or_muted_in_it_reads_on),
	    TEST(who_comes_while_a_room_is_closed_is_told_nothing),
	};

	return RUN(tests);
}
