/* SPDX-License-Identifier: ISC */
/*
 * server/command.c and the handlers behind it: bytes in, lines out, over real
 * sessions and the relay in memory.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/command.h"
#include "server/news.h"
#include "server/relay.h"
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

/* --- the table ------------------------------------------------------------ */

static void
the_table_is_sorted_and_each_row_is_whole(void **state)
{
	size_t n;
	const struct command *c = commands_all(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			assert_true(strcmp(c[i - 1].verb, c[i].verb) < 0);
		assert_true(strlen(c[i].verb) <= LINE_VERB_MAX);
		assert_true(c[i].nparams <= LINE_PARAMS_MAX);
		assert_non_null(c[i].run);
		assert_non_null(strstr(c[i].syntax, c[i].verb));
		assert_true(strlen(c[i].help) > 0);
		assert_ptr_equal(command_find(span_of(c[i].verb)), &c[i]);
	}
	assert_null(command_find(SPAN("")));
	assert_null(command_find(SPAN("SAYS")));
	assert_null(command_find(SPAN_NONE));
}

static void
a_verb_is_found_in_any_case(void **state)
{
	struct client *c = rig_person(*state, "ann");

	ASK(c, "ping a", "OK a\n");
	ASK(c, "PiNg a", "OK a\n");
	assert_ptr_equal(
	    command_find(SPAN("hIsToRy")), command_find(SPAN("HISTORY")));
}

static void
the_tables_for_the_manual_are_printed(void **state)
{
	static const char *const names[] = {"commands", "attributes", "options",
	    "errors", "byes", "notices", "reserved"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *text = NULL;
		size_t len = 0;
		FILE *out = open_memstream(&text, &len);

		assert_int_equal(command_print_table(out, names[i]), 0);
		assert_int_equal(fclose(out), 0);
		assert_true(len > 100);
		assert_int_equal(text[len - 1], '\n');
		free(text);
	}
	assert_int_equal(command_print_table(stdout, "nothing"), -1);
}

/* --- what is no command --------------------------------------------------- */

static void
what_people_try_gets_the_right_line(void **state)
{
	static const struct {
		const char *in, *says;
	} rows[] = {
	    {"/join lobby", "ERR unknown-command commands have no slash here; "
			    "say: JOIN lobby\n"},
	    {"/join #lobby", "ERR unknown-command commands have no slash "
			     "here; say: JOIN lobby\n"},
	    {"/join", "ERR unknown-command commands have no slash here; say: "
		      "[@since=id|@last=n] [@key=text] JOIN room\n"},
	    {"/me waves", "ERR unknown-command an action is said by: @act SAY "
			  "room text\n"},
	    {"JOIN #lobby", "ERR bad-name rooms are written without # here: "
			    "JOIN lobby\n"},
	    {"SAY #lobby hi", "ERR bad-name rooms are written without # here: "
			      "SAY lobby\n"},
	    {"JOIN @bob",
		"ERR bad-name @ stands for a person; JOIN takes a room\n"},
	    {"JION lobby", "ERR unknown-command there is no JION; did you "
			   "mean: [@since=id|@last=n] [@key=text] JOIN room\n"},
	    {"LIST", "ERR unknown-command the rooms are listed by ROOMS\n"},
	    {"#lobby", "ERR bad-args a word behind # is a tag, and a command "
		       "has to follow; rooms are written without it: JOIN "
		       "lobby\n"},
	    {"what is this", "ERR unknown-command there is no what; to talk, "
			     "say: SAY room text; HELP shows the commands\n"},
	    {"\xc3\xa4h", "ERR unknown-command there is no \\xc3\\xa4h; to "
			  "talk, say: SAY room text; HELP shows the "
			  "commands\n"},
	};
	struct client *c = rig_person(*state, "ann");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *got;
		char want[300];

		rig_send(c, rows[i].in);
		rig_send(c, "\n");
		got = rig_lines(c);
		/* A lone tag comes back on its error. */
		snprintf(want, sizeof want, "%s%s",
		    rows[i].in[0] == '#' ? "#lobby " : "", rows[i].says);
		assert_string_equal(got, want);
	}
	rig_send(c, "hello\n");
	assert_non_null(strstr(rig_lines(c), "take a nick by NICK"));
}

static void
a_line_that_is_not_text_is_refused_and_the_session_stays(void **state)
{
	static const char *const bad[] = {"SAY r \xc3(", "SAY r a\x1b[2Jb",
	    "SAY r \xc2\x85", "SAY r \xef\xbf\xbf", "NAMES a\tb",
	    "#t SAY r \xed\xa0\x80"};
	struct client *c = rig_person(*state, "ann");

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const char *got;

		rig_send(c, bad[i]);
		rig_send(c, "\n");
		got = rig_lines(c);
		if (!strstr(got, "ERR bad-text "))
			fail_msg("%s: %s", bad[i], got);
	}
	ASK(c, "PING still", "OK still\n");
}

/* --- prefixes and parameters ---------------------------------------------- */

static void
prefixes_are_judged_before_the_command_runs(void **state)
{
	static const struct {
		const char *in, *code;
	} rows[] = {
	    {"#a #b PING", "bad-args"},
	    {"#0123456789abcdef0123456789abcdef0 PING", "bad-args"},
	    {"# PING", "bad-args"},
	    {"@ PING", "bad-args"},
	    {"@Key PING", "bad-args"},
	    {"@x @x PING", "bad-args"},
	    {"@a @b @c @d @e @f @g @h @i @j @k @l @m @n @o @p @q PING",
		"bad-args"},
	    {"@cid=c PING", "bad-args"},
	    {"@act JOIN r", "bad-args"},
	    {"@last=5 SAY r x", "bad-args"},
	    {"@key=k PART r", "bad-args"},
	    {"@resume=t NICK bob", "bad-args"},
	    {"@resume=t SAY r x", "bad-args"},
	    {"@edit=1-1 SAY r x", "bad-args"},
	    {"@act=yes SAY r x", "bad-args"},
	    {"@cid SAY r x", "bad-args"},
	    {"@cid= SAY r x", "bad-args"},
	    {"@cid=\xc3\xa4 SAY r x", "bad-args"},
	    {"@re=5 SAY r x", "bad-args"},
	    {"@re=05-1 SAY r x", "bad-args"},
	    {"@since=x JOIN r", "bad-args"},
	    {"@last=0 JOIN r", "bad-args"},
	    {"@last=501 JOIN r", "bad-args"},
	    {"@last=-1 JOIN r", "bad-args"},
	    {"@last=+1 JOIN r", "bad-args"},
	    {"@last=1 @since=1-1 JOIN r", "bad-args"},
	    {"@before=1-1 @after=1-1 HISTORY r", "bad-args"},
	    {"@after=x HISTORY r", "bad-args"},
	    {"@after= NAMES r", "bad-args"},
	    {"@after=a/b NAMES r", "bad-name"},
	    {"@clear TOPIC r text", "bad-args"},
	    {"@enc=a+b SAY r QQ", "bad-args"},
	    {"@enc=x SAY r not base64url", "bad-args"},
	};
	struct client *c = rig_person(*state, "ann");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *got;
		char want[40];

		rig_send(c, rows[i].in);
		rig_send(c, "\n");
		got = rig_lines(c);
		snprintf(want, sizeof want, "ERR %s ", rows[i].code);
		if (!strstr(got, want))
			fail_msg("%s: %s", rows[i].in, got);
	}
	/* What nobody knows is ignored. */
	ASK(c, "@x-y=1 @colour @tomorrow=a=b #t PING a", "#t OK a\n");
}

static void
an_error_in_a_value_names_the_form(void **state)
{
	struct client *c = rig_person(*state, "ann");

	ASK(c, "@last=9999 JOIN r",
	    "ERR bad-args @last is a number from 1 to 500\n");
	ASK(c, "@since=1 JOIN r",
	    "ERR bad-args @since is a message id, such "
	    "as 1732371234567-0\n");
	ASK(c, "@act=1 SAY r x", "ERR bad-args @act takes no value\n");
	ASK(c, "@cid= SAY r x",
	    "ERR bad-args @cid is 1 to 64 visible ASCII characters\n");
	ASK(c, "@cid=c TYPING r",
	    "ERR bad-args @cid does not go with TYPING "
	    "here; write: TYPING target\n");
}

static void
parameters_are_counted_and_single_spaced(void **state)
{
	static const struct {
		const char *in, *says;
	} rows[] = {
	    {"JOIN", "write: [@since=id|@last=n] [@key=text] JOIN room"},
	    {"JOIN ", "write: [@since=id|@last=n] [@key=text] JOIN room"},
	    {"JOIN  lobby", "write: [@since=id|@last=n] [@key=text] JOIN room"},
	    {"JOIN lobby now",
		"write: [@since=id|@last=n] [@key=text] JOIN room"},
	    {"NICK", "write: [@resume=token] NICK nick"},
	    {"NICK ann smith", "write: [@resume=token] NICK nick"},
	    {"SAY lobby", "SAY target text"},
	    {"SAY lobby ", "SAY target text"},
	    {"WHOIS", "write: WHOIS nick"},
	    {"TYPING", "write: TYPING target"},
	    {"ROOMS a b", "write: [@after=room] ROOMS [glob]"},
	};
	struct client *c = rig_person(*state, "ann");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *got;

		rig_send(c, rows[i].in);
		rig_send(c, "\n");
		got = rig_lines(c);
		if (strncmp(got, "ERR bad-args ", 13) != 0 ||
		    !strstr(got, rows[i].says))
			fail_msg("%s: %s", rows[i].in, got);
	}
}

/* --- HELP, PING, PONG, QUIT ----------------------------------------------- */

static void
help_lists_every_command_and_explains_one(void **state)
{
	struct client *c = rig_person(*state, "ann");
	const char *got;
	size_t n;
	const struct command *all = commands_all(&n);

	ASK(c, "#h HELP part",
	    "#h NOTICE help PART room [text] - leaves a "
	    "room\n#h OK\n");
	ASK(c, "HELP nothing",
	    "ERR unknown-command there is no help on that; HELP alone lists "
	    "the commands\n");
	rig_send(c, "HELP\n");
	got = rig_lines(c);
	for (size_t i = 0; i < n; i++)
		assert_non_null(strstr(got, all[i].syntax));
	assert_string_equal(got + strlen(got) - 3, "OK\n");
}

static void
ping_gives_its_text_back_and_pong_is_silent(void **state)
{
	struct client *c = rig_person(*state, "ann");

	ASK(c, "PING", "OK\n");
	ASK(c, "#t PING  two  spaces ", "#t OK  two  spaces \n");
	ASK(c, "PONG", "");
	ASK(c, "PONG 12345", "");
	/* Not even an error: a client that counts answers counts none. */
	ASK(c, "#t @cid=x PONG", "");
	ASK(c, "PING after", "OK after\n");
}

static void
quit_is_answered_and_followed_by_a_bye(void **state)
{
	struct client *c = rig_person(*state, "ann");
	struct client *d = rig_person(*state, "bob");

	ASK(c, "#q QUIT", "#q OK\nBYE quit\n");
	ASK(d, "QUIT good night\nPING too late", "OK\nBYE quit good night\n");
	assert_true(c->closed && d->closed);
}

/* --- NICK and WHOIS ------------------------------------------------------- */

static void
a_nick_is_taken_refused_and_given_back(void **state)
{
	struct client *a = rig_connect(*state), *b = rig_connect(*state);

	ASK(a, "NICK Ann", "OK Ann\n");
	ASK(b, "NICK ann",
	    "ERR nick-in-use somebody is called ann, or has a nick that looks "
	    "like it; choose "
	    "another nick\n");
	ASK(b, "#n NICK @bob", "#n OK bob\n");
	ASK(a, "NICK ANN", "OK ANN\n"); /* one's own, spelled anew */
	ASK(a, "NICK eve", "OK eve\n");
	ASK(b, "NICK ann", "OK ann\n");
	ASK(a, "NICK bob", "OK bob\n");
}

static void
a_nick_that_went_with_its_session_is_free(void **state)
{
	struct client *a = rig_person(*state, "ann"), *b = rig_connect(*state);

	rig_hang_up(a);
	ASK(b, "NICK ann", "OK ann\n");
}

static void
what_is_no_nick_is_refused_never_repaired(void **state)
{
	static const char *const bad[] = {"-ann", "a/b", "a,b", "ann!",
	    "guest-abcd1234", "Guest-abcd1234", "guest-abcdefgrn", "adrnin",
	    "\xd0\xb0nn", "a\xcc\x88", "0123456789012345678901234"};
	struct client *c = rig_person(*state, "ann");

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const char *got;

		rig_send(c, "NICK ");
		rig_send(c, bad[i]);
		rig_send(c, "\n");
		got = rig_lines(c);
		if (strncmp(got, "ERR bad-name ", 13) != 0)
			fail_msg("%s: %s", bad[i], got);
	}
	ASK(c, "NICK guest-1", "OK guest-1\n"); /* not a guest's form */
}

static void
ascii_names_are_a_narrower_rule(void **state)
{
	struct rig *r = rig_new("--names=ascii");
	struct client *c = rig_person(r, "ann");

	(void)state;
	rig_send(c, "NICK J\xc3\xb6rg\n");
	assert_non_null(strstr(rig_lines(c), "ERR bad-name "));
	rig_send(c, "JOIN caf\xc3\xa9\n");
	assert_non_null(strstr(rig_lines(c), "ERR bad-name "));
	rig_free(r);
}

static void
a_rename_is_told_once_to_everyone_who_shares_a_room(void **state)
{
	struct client *a = rig_person(*state, "ann");
	struct client *b = rig_person(*state, "bob");
	struct client *c = rig_person(*state, "cat");

	rig_send(a, "JOIN r\nJOIN s\n");
	rig_send(b, "JOIN r\nJOIN s\n");
	rig_lines(a);
	rig_lines(b);
	ASK(a, "NICK Eve", "RENAMED ann Eve\nOK Eve\n");
	EXPECT(b, "RENAMED ann Eve\n");
	EXPECT(c, "");
	ASK(a, "NICK Eve", "OK Eve\n"); /* nothing changed */
	EXPECT(b, "");
	ASK(b, "NAMES r", "NAMES r 2 bob Eve\nOK\n");
}

static void
whois_shows_who_holds_a_nick(void **state)
{
	struct client *a = rig_person(*state, "Ann");
	struct client *b = rig_connect(*state);

	rig_lines(a);
	ASK(b, "#w WHOIS ann",
	    "#w USER Ann guest=yes node=den since=5000\n#w OK\n");
	ASK(b, "WHOIS @ANN", "USER Ann guest=yes node=den since=5000\nOK\n");
	ASK(b, "WHOIS nobody", "ERR no-such-nick nobody is called nobody\n");
	rig_send(b, "WHOIS a/b\n");
	assert_non_null(strstr(rig_lines(b), "ERR bad-name "));
}

/* --- JOIN and PART -------------------------------------------------------- */

static void
a_join_is_told_to_all_and_answered_in_order(void **state)
{
	struct client *a = rig_person(*state, "ann");
	struct client *b = rig_person(*state, "bob");

	ASK(a, "#j JOIN Lobby",
	    "JOINED Lobby ann\n#j NAMES Lobby 1 ann\n"
	    "#j OK 0-0\n");
	ASK(b, "JOIN LOBBY",
	    "JOINED Lobby bob\nNAMES Lobby 2 ann bob\nOK 0-0\n");
	EXPECT(a, "JOINED Lobby bob\n");
	/* Again is only the answer. */
	ASK(b, "#k JOIN lobby", "#k OK 0-0\n");
	EXPECT(a, "");
}

static void
a_join_replays_what_it_asked_for_and_no_more(void **state)
{
	struct client *a = rig_person(*state, "ann");
	struct client *b = rig_person(*state, "bob");

	rig_send(a, "JOIN r\nSAY r one\nSAY r two\n@cid=c3 SAY r three\n");
	ASK(a, "TOPIC r tea",
	    "JOINED r ann\nNAMES r 1 ann\nOK 0-0\n"
	    "OK 5000-0\nOK 5000-1\nOK 5000-2\n"
	    "MSG r 5000-0 ann one\nMSG r 5000-1 ann two\n"
	    "MSG r 5000-2 ann three\n"
	    "OK 5000-3\nTOPIC r ann tea\n");
	ASK(b, "#t @last=2 JOIN r",
	    "JOINED r bob\n#t TOPIC r ann tea\n#t NAMES r 2 ann bob\n"
	    "#t @replay MSG r 5000-1 ann two\n"
	    "#t @replay MSG r 5000-2 ann three\n#t OK 5000-3\n");
	ASK(b, "@since=5000-1 JOIN r",
	    "@replay MSG r 5000-2 ann three\nOK 5000-3\n");
	ASK(b, "@since=5000-3 JOIN r", "OK 5000-3\n");
	/* The sender alone finds its cid again. */
	ASK(a, "@since=5000-1 JOIN r",
	    "JOINED r bob\n@replay @cid=c3 MSG r 5000-2 ann three\n"
	    "OK 5000-3\n");
	ASK(b, "@since=4999-7 JOIN r",
	    "NOTICE gap r\n@replay MSG r 5000-0 ann one\n"
	    "@replay MSG r 5000-1 ann two\n"
	    "@replay MSG r 5000-2 ann three\nOK 5000-3\n");
	ASK(b, "#g @since=6000-0 JOIN r",
	    "#g NOTICE gap r\n#g @replay MSG r 5000-0 ann one\n"
	    "#g @replay MSG r 5000-1 ann two\n"
	    "#g @replay MSG r 5000-2 ann three\n#g OK 5000-3\n");
	ASK(b, "@since=0-0 JOIN r",
	    "@replay MSG r 5000-0 ann one\n@replay MSG r 5000-1 ann two\n"
	    "@replay MSG r 5000-2 ann three\nOK 5000-3\n");
}

static void
a_part_is_told_to_all_and_to_the_leaver(void **state)
{
	struct client *a = rig_person(*state, "ann");
	struct client *b = rig_person(*state, "bob");

	rig_send(a, "JOIN r\n");
	rig_send(b, "JOIN r\n");
	rig_lines(a);
	rig_lines(b);
	ASK(b, "#p PART r so  long", "PARTED r bob so  long\n#p OK\n");
	EXPECT(a, "PARTED r bob so  long\n");
	ASK(b, "PART r", "ERR not-member you are not in r; say JOIN r first\n");
	ASK(a, "PART r", "PARTED r ann\nOK\n");
	EXPECT(b, "");
	ASK(a, "NAMES r",
	    "ERR no-such-room there is no room r; JOIN makes it\n");
}

static void
a_session_that_goes_parts_everywhere(void **state)
{
	struct client *a = rig_person(*state, "ann");
	struct client *b = rig_person(*state, "bob");

	rig_send(a, "JOIN r\nJOIN s\n");
	rig_send(b, "JOIN r\nJOIN s\n");
	rig_lines(a);
	ASK(b, "QUIT bye all",
	    "JOINED r bob\nNAMES r 2 ann bob\nOK 0-0\n"
	    "JOINED s bob\nNAMES s 2 ann bob\nOK 0-0\n"
	    "OK\nBYE quit bye all\n");
	/* From the room that it came to last, or talked in last, first. */
	EXPECT(a, "PARTED s bob bye all\nPARTED r bob bye all\n");
}

static void
a_session_is_in_so_many_rooms_and_no_more(void **state)
{
	struct rig *r = rig_new("--rooms-per-session=2");
	struct client *c = rig_person(r, "ann");

	(void)state;
	rig_send(c, "JOIN a\nJOIN b\n");
	rig_lines(c);
	ASK(c, "JOIN c",
	    "ERR limit you are in 2 rooms already; leave one first\n");
	ASK(c, "JOIN a", "OK 0-0\n");
	ASK(c, "PART a", "PARTED a ann\nOK\n");
	ASK(c, "JOIN c", "JOINED c ann\nNAMES c 1 ann\nOK 0-0\n");
	rig_free(r);
}

/* --- SAY and TYPING ------------------------------------------------------- */

static void
what_is_said_comes_to_all_and_its_attributes_with_it(void **state)
{
	struct client *a = rig_person(*state, "ann");
	struct client *b = rig_person(*state, "bob");

	rig_send(a, "JOIN r\n");
	rig_send(b, "JOIN r\n");
	rig_lines(a);
	rig_lines(b);
	ASK(a, "#t @cid=x @act @x=1 SAY r waves",
	    "#t OK 5000-0\n@act MSG r 5000-0 ann waves\n");
	ASK(a, "@re=5000-0 SAY r  spaced  out ",
	    "OK 5000-1\n@re=5000-0 MSG r 5000-1 ann  spaced  out \n");
	ASK(a, "@enc=x1 SAY r QUJD_-",
	    "OK 5000-2\n@enc=x1 MSG r 5000-2 ann QUJD_-\n");
	ASK(a, "SAY R a\ttab", "OK 5000-3\nMSG r 5000-3 ann a\ttab\n");
	EXPECT(b, "@act MSG r 5000-0 ann waves\n"
		  "@re=5000-0 MSG r 5000-1 ann  spaced  out \n"
		  "@enc=x1 MSG r 5000-2 ann QUJD_-\n"
		  "MSG r 5000-3 ann a\ttab\n");
}

static void
said_again_under_its_cid_it_is_the_same_message(void **state)
{
	struct client *a = rig_person(*state, "ann");
	struct client *b = rig_person(*state, "bob");

	rig_send(a, "JOIN r\n");
	rig_send(b, "JOIN r\n");
	rig_lines(a);
	rig_lines(b);
	ASK(a, "@cid=x SAY r hi", "OK 5000-0\nMSG r 5000-0 ann hi\n");
	ASK(a, "@cid=x SAY r hi", "OK 5000-0\n");
	ASK(b, "@cid=x SAY r hi",
	    "MSG r 5000-0 ann hi\nOK 5000-1\nMSG r 5000-1 bob hi\n");
}

static void
says_are_refused_to_rooms_one_is_not_in_and_above_the_limit(void **state)
{
	struct rig *r = rig_new("--max-text=10");
	struct client *c = rig_person(r, "ann");

	(void)state;
	ASK(c, "#s SAY Nowhere hi",
	    "#s ERR not-member you are not in "
	    "Nowhere; say JOIN Nowhere first\n");
	ASK(c, "TYPING nowhere",
	    "ERR not-member you are not in nowhere; say "
	    "JOIN nowhere first\n");
	rig_send(c, "JOIN r\n");
	rig_lines(c);
	ASK(c, "SAY r 0123456789", "OK 5000-0\nMSG r 5000-0 ann 0123456789\n");
	ASK(c, "SAY r 0123456789a",
	    "ERR too-long the text has 11 bytes; 10 are allowed\n");
	ASK(c, "PART r 0123456789a",
	    "ERR too-long a text has at most 10 bytes\n");
	rig_free(r);
}

static void
a_person_is_spoken_to_by_nick_and_each_reads_the_others(void **state)
{
	struct client *a = rig_person(*state, "ann");
	struct client *b = rig_person(*state, "Bob");
	struct client *c = rig_person(*state, "cat");

	ASK(a, "#t @act SAY @bob waves",
	    "@act MSG @Bob 5000-0 ann waves\n#t OK 5000-0\n");
	EXPECT(b, "@act MSG @ann 5000-0 ann waves\n");
	ASK(b, "SAY @ann hi", "MSG @ann 5000-1 Bob hi\nOK 5000-1\n");
	EXPECT(a, "MSG @Bob 5000-1 Bob hi\n");
	EXPECT(c, "");
	ASK(a, "SAY @nobody hi",
	    "ERR no-such-nick nobody is called nobody at the moment\n");
	rig_send(a, "SAY @ hi\n");
	assert_non_null(strstr(rig_lines(a), "ERR bad-name "));
	/* Notes to oneself come once. */
	ASK(c, "SAY @cat note", "MSG @cat 5000-0 cat note\nOK 5000-0\n");
}

static void
a_conversation_is_the_senders_not_the_nicks(void **state)
{
	struct client *a = rig_person(*state, "ann");
	struct client *b = rig_person(*state, "bob");
	struct client *c = rig_person(*state, "cat");

	rig_send(a, "SAY @bob secret\n");
	rig_lines(a);
	rig_lines(b);
	ASK(b, "NICK rob", "OK rob\n");
	ASK(c, "NICK bob", "OK bob\n");
	ASK(c, "HISTORY @ann", "OK end\n");
	ASK(a, "HISTORY @bob", "OK end\n");
	ASK(a, "HISTORY @rob", "@replay MSG @rob 5000-0 ann secret\nOK end\n");
	ASK(b, "HISTORY @ann", "@replay MSG @ann 5000-0 ann secret\nOK end\n");
}

static void
typing_comes_to_the_others_alone(void **state)
{
	struct client *a = rig_person(*state, "ann");
	struct client *b = rig_person(*state, "bob");

	rig_send(a, "JOIN r\n");
	rig_send(b, "JOIN r\n");
	rig_lines(a);
	rig_lines(b);
	ASK(a, "#t TYPING r", "#t OK\n");
	EXPECT(b, "TYPING r ann\n");
	ASK(b, "TYPING @ann", "OK\n");
	EXPECT(a, "TYPING @bob bob\n");
	ASK(a, "TYPING @ann", "OK\n");
	ASK(a, "TYPING @nobody",
	    "ERR no-such-nick nobody is called nobody at the moment\n");
}

/* --- TOPIC, NAMES, ROOMS -------------------------------------------------- */

static void
a_topic_is_asked_set_and_cleared(void **state)
{
	struct client *a = rig_person(*state, "ann");
	struct client *b = rig_person(*state, "bob");
	char line[500];

	ASK(a, "TOPIC r",
	    "ERR no-such-room there is no room r; JOIN makes it\n");
	ASK(a, "TOPIC r tea",
	    "ERR not-member you are not in r; say JOIN r first\n");
	rig_send(a, "JOIN r\n");
	rig_lines(a);
	ASK(a, "TOPIC r", "OK\n");
	ASK(a, "#t TOPIC r tea at five",
	    "#t OK 5000-0\nTOPIC r ann tea at five\n");
	ASK(a, "#t TOPIC r", "#t TOPIC r ann tea at five\n#t OK\n");
	ASK(b, "TOPIC r", "TOPIC r ann tea at five\nOK\n");
	ASK(a, "@clear TOPIC r", "OK 5000-1\nTOPIC r ann\n");
	ASK(b, "TOPIC r", "OK\n");
	snprintf(line, sizeof line, "TOPIC r %0391d\n", 0);
	rig_send(a, line);
	EXPECT(a, "ERR too-long a topic has at most 390 bytes\n");
	snprintf(line, sizeof line, "TOPIC r %0390d\n", 0);
	rig_send(a, line);
	assert_non_null(strstr(rig_lines(a), "OK 5000-2\n"));
}

static void
names_are_sorted_paged_and_shown_to_anybody(void **state)
{
	struct client *a = rig_person(*state, "ann");
	struct client *b = rig_person(*state, "Bob");
	struct client *c = rig_person(*state, "cat");

	rig_send(b, "JOIN r\n");
	rig_send(c, "JOIN r\n");
	rig_send(a, "JOIN r\n");
	rig_lines(a);
	ASK(a, "NAMES R", "NAMES r 3 ann Bob cat\nOK\n");
	ASK(a, "#n @after=ANN NAMES r", "#n NAMES r 3 Bob cat\n#n OK\n");
	ASK(a, "@after=ann2 NAMES r", "NAMES r 3 Bob cat\nOK\n");
	ASK(a, "@after=cat NAMES r", "NAMES r 3\nOK\n");
	ASK(a, "PART r", "PARTED r ann\nOK\n");
	ASK(a, "NAMES r", "NAMES r 2 Bob cat\nOK\n");
	ASK(a, "NAMES s",
	    "ERR no-such-room there is no room s; JOIN makes "
	    "it\n");
}

static void
rooms_are_sorted_globbed_and_paged(void **state)
{
	struct client *a = rig_person(*state, "ann");
	struct client *b = rig_person(*state, "bob");

	ASK(a, "ROOMS", "OK\n");
	rig_send(a, "JOIN tea\nJOIN Bar\nJOIN beer\nTOPIC beer for all\n");
	rig_send(b, "JOIN bar\n");
	rig_lines(a);
	rig_lines(b);
	ASK(b, "#r ROOMS",
	    "#r ROOM Bar 2\n#r ROOM beer 1 for all\n"
	    "#r ROOM tea 1\n#r OK\n");
	ASK(b, "ROOMS B*", "ROOM Bar 2\nROOM beer 1 for all\nOK\n");
	ASK(b, "ROOMS ?e?", "ROOM tea 1\nOK\n");
	ASK(b, "ROOMS x*", "OK\n");
	ASK(b, "@after=BAR ROOMS", "ROOM beer 1 for all\nROOM tea 1\nOK\n");
	ASK(b, "@after=bb ROOMS b*", "ROOM beer 1 for all\nOK\n");
	/* Left by all, it is listed no more. */
	ASK(a, "PART tea", "PARTED tea ann\nOK\n");
	ASK(b, "ROOMS t*", "OK\n");
}

static void
more_than_500_members_take_two_answers(void **state)
{
	enum { OTHERS = 599 };
	struct rig *r = rig_new("--presence-max=1000");
	struct client *c = rig_person(r, "ann");
	const char *got;

	(void)state;
	rig_send(c, "JOIN r\n");
	for (unsigned i = 0; i < OTHERS; i++) {
		char id[SENDER_ID_LEN + 1], nick[16];
		struct relay_member m;

		snprintf(id, sizeof id, "g%032u", i);
		snprintf(nick, sizeof nick, "u%03u", i);
		m = (struct relay_member){
		    .sender = span_of(id), .nick = span_of(nick)};
		relay_join(r->relay, "r", &m, NULL, NULL);
	}
	rig_lines(c);
	rig_send(c, "NAMES r\n");
	got = rig_lines(c);
	assert_memory_equal(got, "NAMES r 600 ann u000 ", 21);
	assert_string_equal(
	    got + strlen(got) - 23, "u496 u497 u498\nOK more\n");
	rig_send(c, "@after=u498 NAMES r\n");
	got = rig_lines(c);
	assert_memory_equal(got, "NAMES r 600 u499 ", 17);
	assert_string_equal(got + strlen(got) - 8, "u598\nOK\n");
	rig_free(r);
}

static void
more_than_500_rooms_take_two_answers(void **state)
{
	struct rig *r = rig_new("--rooms-per-session=1000");
	struct client *c = rig_person(r, "ann");
	const char *got;
	char line[32];

	(void)state;
	for (unsigned i = 0; i < 502; i++) {
		snprintf(line, sizeof line, "JOIN r%03u\n", i);
		rig_send(c, line);
	}
	rig_lines(c);
	rig_send(c, "ROOMS\n");
	got = rig_lines(c);
	assert_memory_equal(got, "ROOM r000 1\nROOM r001 1\n", 24);
	assert_string_equal(got + strlen(got) - 20, "ROOM r499 1\nOK more\n");
	ASK(c, "@after=r499 ROOMS", "ROOM r500 1\nROOM r501 1\nOK\n");
	rig_free(r);
}

/* --- HISTORY -------------------------------------------------------------- */

static void
history_goes_both_ways_and_tells_its_end(void **state)
{
	struct client *c = rig_person(*state, "ann");

	ASK(c, "HISTORY r",
	    "ERR not-member you are not in r; say JOIN r "
	    "first\n");
	rig_send(c, "JOIN r\nSAY r a\nSAY r b\n@cid=x SAY r c\nTOPIC r t\n");
	rig_lines(c);
	ASK(c, "#h HISTORY r",
	    "#h @replay MSG r 5000-0 ann a\n#h @replay MSG r 5000-1 ann b\n"
	    "#h @replay @cid=x MSG r 5000-2 ann c\n#h OK end\n");
	ASK(c, "@last=2 HISTORY r",
	    "@replay MSG r 5000-1 ann b\n"
	    "@replay @cid=x MSG r 5000-2 ann c\nOK\n");
	ASK(c, "@before=5000-1 @last=5 HISTORY r",
	    "@replay MSG r 5000-0 ann a\nOK end\n");
	ASK(c, "@before=5000-2 @last=1 HISTORY r",
	    "@replay MSG r 5000-1 ann b\nOK\n");
	ASK(c, "@before=5000-0 HISTORY r", "OK end\n");
	ASK(c, "@before=0-0 HISTORY r", "OK end\n");
	ASK(c, "@after=5000-0 @last=1 HISTORY r",
	    "@replay MSG r 5000-1 ann b\nOK\n");
	ASK(c, "@after=5000-0 HISTORY r",
	    "@replay MSG r 5000-1 ann b\n"
	    "@replay @cid=x MSG r 5000-2 ann c\nOK end\n");
	ASK(c, "@after=9000-0 HISTORY r", "OK end\n");
	ASK(c, "@after=0-0 @last=1 HISTORY r",
	    "@replay MSG r 5000-0 ann a\nOK\n");
}

static void
without_a_history_nothing_is_offered_but_the_bridge(void **state)
{
	struct rig *r = rig_new("--history=0");
	struct client *a = rig_person(r, "ann");
	struct client *b = rig_person(r, "bob");

	(void)state;
	rig_send(a, "JOIN r\nSAY r a\nSAY r b\n");
	rig_lines(a);
	ASK(a, "HISTORY r", "OK end\n");
	ASK(a, "@after=0-0 HISTORY r", "OK end\n");
	ASK(b, "@last=5 JOIN r",
	    "JOINED r bob\nNAMES r 2 ann bob\nOK 5000-1\n");
	ASK(b, "@since=5000-0 JOIN r",
	    "@replay MSG r 5000-1 ann b\nOK 5000-1\n");
	rig_free(r);
}

/* --- large rooms ---------------------------------------------------------- */

static void
above_presence_max_comings_and_goings_are_not_told(void **state)
{
	struct rig *r = rig_new("--presence-max=5");
	struct client *c[7];
	char nick[16];

	(void)state;
	for (int i = 0; i < 5; i++) {
		snprintf(nick, sizeof nick, "n%d", i);
		c[i] = rig_person(r, nick);
		rig_send(c[i], "JOIN r\n");
		rig_settle(r);
	}
	rig_lines(c[0]);
	c[5] = rig_person(r, "n5");
	rig_send(c[5], "JOIN r\n");
	EXPECT(c[0], "JOINED r n5\nNOTICE presence r off\n");
	EXPECT(c[5], "JOINED r n5\nNAMES r 6\nOK 0-0\n");
	c[6] = rig_person(r, "n6");
	ASK(c[6], "JOIN r", "JOINED r n6\nNAMES r 7\nOK 0-0\n");
	ASK(c[6], "TYPING r", "OK\n");
	ASK(c[6], "NICK n7", "RENAMED n6 n7\nOK n7\n");
	ASK(c[6], "PART r", "PARTED r n7\nOK\n");
	EXPECT(c[0], "");
	/* Messages are. */
	ASK(c[5], "SAY r hi", "OK 5000-0\nMSG r 5000-0 n5 hi\n");
	EXPECT(c[0], "MSG r 5000-0 n5 hi\n");
	/* Loud again below four fifths: at three. */
	for (int i = 5; i >= 3; i--) {
		rig_hang_up(c[i]);
		rig_settle(r);
	}
	EXPECT(c[0], "NOTICE presence r on\n");
	rig_lines(c[1]);
	ASK(c[1], "PART r", "PARTED r n1\nOK\n");
	EXPECT(c[0], "PARTED r n1\n");
	rig_free(r);
}

/* --- a relay that is away ------------------------------------------------- */

static void
every_refusal_of_the_relay_has_its_code(void **state)
{
	static const struct {
		enum relay_status st;
		const char *says;
	} rows[] = {
	    {RELAY_DOWN, "#s @retry=1000 ERR relay-down "},
	    {RELAY_UNKNOWN, "#s @retry=1000 ERR outcome-unknown "},
	    {RELAY_BUSY, "#s @retry=1000 ERR busy "},
	    {RELAY_FULL, "#s ERR storage-full "},
	    {RELAY_FAILED, "#s @retry=5000 ERR busy "},
	};
	struct rig *r = *state;
	struct client *c = rig_person(r, "ann");

	rig_send(c, "JOIN r\n");
	rig_lines(c);
	relay_held_hold(r->relay, true);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *got;

		rig_send(c, "#s SAY r hi\n");
		EXPECT(c, "");
		assert_string_equal(relay_held_first(r->relay), "append");
		relay_held_refuse(r->relay, rows[i].st);
		got = rig_lines(c);
		if (strncmp(got, rows[i].says, strlen(rows[i].says)) != 0)
			fail_msg("%s", got);
	}
}

/* The relay has the only copy, and gives it back. */
static void
what_is_stale_is_said_again_word_for_word(void **state)
{
	struct rig *r = *state;
	struct client *c = rig_person(r, "ann");

	rig_send(c, "JOIN r\n");
	rig_lines(c);
	relay_held_hold(r->relay, true);
	rig_send(c, "#s @act SAY r some words\n");
	for (int i = 0; i < 4; i++) {
		relay_held_refuse(r->relay, RELAY_STALE);
		EXPECT(c, "");
		assert_string_equal(relay_held_first(r->relay), "append");
	}
	relay_held_give(r->relay);
	EXPECT(c, "#s OK 5000-0\n@act MSG r 5000-0 ann some words\n");

	rig_send(c, "SAY r never\n");
	for (int i = 0; i < 5; i++)
		relay_held_refuse(r->relay, RELAY_STALE);
	assert_int_equal(relay_held_count(r->relay), 0);
	assert_non_null(strstr(rig_lines(c), "@retry=1000 ERR busy "));
}

static void
who_talks_in_several_rooms_is_heard_in_each(void **state)
{
	struct client *a = rig_person(*state, "ann");
	struct client *b = rig_person(*state, "bob");

	rig_send(a, "JOIN r\nJOIN s\n");
	rig_send(b, "JOIN r\n");
	rig_lines(a);
	rig_lines(b);
	ASK(a, "SAY r 1", "OK 5000-0\nMSG r 5000-0 ann 1\n");
	ASK(a, "SAY s 2", "OK 5000-0\nMSG s 5000-0 ann 2\n");
	ASK(a, "SAY R 3", "OK 5000-1\nMSG r 5000-1 ann 3\n");
	ASK(a, "PART r", "PARTED r ann\nOK\n");
	ASK(a, "SAY r 4",
	    "ERR not-member you are not in r; say JOIN r first\n");
	ASK(a, "SAY s 5", "OK 5000-1\nMSG s 5000-1 ann 5\n");
	EXPECT(b, "MSG r 5000-0 ann 1\nMSG r 5000-1 ann 3\nPARTED r ann\n");
}

static void
a_look_up_of_unknown_outcome_said_certainly_nothing(void **state)
{
	struct rig *r = *state;
	struct client *c = rig_person(r, "ann");

	relay_held_hold(r->relay, true);
	rig_send(c, "SAY @bob hi\n");
	assert_string_equal(relay_held_first(r->relay), "find");
	relay_held_refuse(r->relay, RELAY_UNKNOWN);
	assert_non_null(strstr(rig_lines(c), "ERR relay-down "));
}

static void
the_relays_going_and_coming_is_told_to_all(void **state)
{
	struct rig *r = *state;
	struct client *a = rig_person(r, "ann"), *b;

	relay_held_set_up(r->relay, false);
	assert_non_null(strstr(rig_lines(a), "NOTICE relay-down "));
	r->all_secure = false;
	b = rig_connect(r);
	EXPECT(b, "");
	rig_send(b, "PING x\n");
	assert_memory_equal(rig_lines(b), "NOTICE relay-down ", 18);
	relay_held_set_up(r->relay, true);
	assert_non_null(strstr(rig_lines(a), "NOTICE relay-up "));
	assert_non_null(strstr(rig_lines(b), "NOTICE relay-up "));
}

static void
who_lost_its_nick_is_a_guest_and_may_take_another(void **state)
{
	struct rig *r = *state;
	struct client *a = rig_person(r, "ann"), *b = rig_person(r, "bob");
	struct user *u = a->session->user;

	rig_send(a, "JOIN r\n");
	rig_send(b, "JOIN r\n");
	rig_lines(a);
	rig_lines(b);
	news_events.on_nick_lost(&r->server, u->id, "somebody");
	EXPECT(a, "");
	news_events.on_nick_lost(&r->server, u->id, "ann");
	EXPECT(a, "RENAMED ann guest\n");
	EXPECT(b, "RENAMED ann guest\n");
	relay_release(r->relay, "ann", u->id);
	ASK(a, "NICK eve", "RENAMED guest eve\nOK eve\n");
	rig_lines(b);
	ASK(b, "SAY @eve hi", "MSG @eve 5000-0 bob hi\nOK 5000-0\n");
	EXPECT(a, "MSG @bob 5000-0 bob hi\n");
}

static void
a_nick_that_changed_unseen_is_put_right_when_announced(void **state)
{
	struct rig *r = *state;
	struct client *a = rig_person(r, "ann");
	struct relay_member m = {
	    .sender = SPAN("g000000000000000000000000000000bb"),
	    .nick = SPAN("bob"),
	    .node = SPAN("elsewhere")};
	struct room *room;

	rig_send(a, "JOIN r\n");
	rig_lines(a);
	room = room_find(r->server.rooms, "r");
	news_events.on_presence(&r->server, room, RELAY_JOINED, &m, SPAN_NONE);
	EXPECT(a, "JOINED r bob\n");
	m.nick = SPAN("Rob");
	news_events.on_presence(&r->server, room, RELAY_PRESENT, &m, SPAN_NONE);
	EXPECT(a, "RENAMED bob Rob\n");
	ASK(a, "NAMES r", "NAMES r 2 ann Rob\nOK\n");
	/* Names that no line may carry are not believed. */
	m.nick = SPAN("a b");
	news_events.on_presence(&r->server, room, RELAY_RENAMED, &m, SPAN_NONE);
	m.sender = SPAN("g000000000000000000000000000000cc");
	news_events.on_presence(&r->server, room, RELAY_JOINED, &m, SPAN_NONE);
	EXPECT(a, "");
	m.sender = SPAN("g000000000000000000000000000000bb");
	news_events.on_presence(&r->server, room, RELAY_GONE, &m, SPAN_NONE);
	EXPECT(a, "PARTED r Rob\n");
}

enum { CROWD_MAX = 21 };

/* So many people of another node, in a room of ours. */
static struct room *
seat_crowd(struct client *c, struct relay_member *m,
    char ids[][SENDER_ID_LEN + 1], size_t n)
{
	struct rig *r = c->rig;
	struct room *room = room_find(r->server.rooms, "r");

	for (size_t i = 0; i < n; i++) {
		char nick[24];

		snprintf(ids[i], SENDER_ID_LEN + 1, "g%032zx", i + 1);
		snprintf(nick, sizeof nick, "p%02zu", i);
		m[i] = (struct relay_member){.sender = span_of(ids[i]),
		    .nick = span_of(nick),
		    .node = SPAN("elsewhere")};
		news_events.on_presence(
		    &r->server, room, RELAY_JOINED, &m[i], SPAN_NONE);
		m[i].nick = SPAN("p");
	}
	rig_lines(c);
	return room;
}

static void
twenty_who_leave_with_their_node_are_told_by_name(void **state)
{
	struct rig *r = *state;
	struct client *a = rig_person(r, "ann");
	struct relay_member m[CROWD_MAX];
	char ids[CROWD_MAX][SENDER_ID_LEN + 1];
	const char *lines;

	rig_send(a, "JOIN r\n");
	struct room *room = seat_crowd(a, m, ids, 20);
	news_events.on_departed(&r->server, room, m, 20);
	lines = rig_lines(a);
	assert_non_null(
	    strstr(lines, "PARTED r p00 its server went away\nPARTED r p01 "));
	assert_non_null(strstr(lines, "PARTED r p19 its server went away\n"));
	assert_null(strstr(lines, "NOTICE"));
	ASK(a, "NAMES r", "NAMES r 1 ann\nOK\n");
}

static void
more_than_twenty_who_leave_with_their_node_are_one_line(void **state)
{
	struct rig *r = *state;
	struct client *a = rig_person(r, "ann");
	struct relay_member m[CROWD_MAX];
	char ids[CROWD_MAX][SENDER_ID_LEN + 1];

	rig_send(a, "JOIN r\n");
	struct room *room = seat_crowd(a, m, ids, 21);
	news_events.on_departed(&r->server, room, m, 21);
	EXPECT(a, "NOTICE parted r 21\n");
	ASK(a, "NAMES r", "NAMES r 1 ann\nOK\n");
	/* Who is gone already is not told again, nor who is at home here. */
	m[0].sender = span_of(a->session->user->id);
	news_events.on_departed(&r->server, room, m, 21);
	EXPECT(a, "");
	ASK(a, "NAMES r", "NAMES r 1 ann\nOK\n");
}

/* The relay tells of it under another node: for people that is no news. */
static void
who_comes_back_by_another_node_is_not_announced(void **state)
{
	struct rig *r = *state;
	struct client *a = rig_person(r, "ann");
	struct relay_member m;
	char id[1][SENDER_ID_LEN + 1];

	rig_send(a, "JOIN r\n");
	struct room *room = seat_crowd(a, &m, id, 1);
	m.nick = SPAN("p00");
	m.node = SPAN("third");
	news_events.on_presence(&r->server, room, RELAY_JOINED, &m, SPAN_NONE);
	EXPECT(a, "");
	ASK(a, "NAMES r", "NAMES r 2 ann p00\nOK\n");
	news_events.on_presence(&r->server, room, RELAY_PARTED, &m, SPAN_NONE);
	EXPECT(a, "PARTED r p00\n");
}

/* Its own node put it out, and this one has not read of that yet. */
static void
who_is_put_out_elsewhere_is_told_with_who_did_it_and_why(void **state)
{
	struct rig *r = *state;
	struct client *a = rig_person(r, "ann");
	struct relay_member m[2];
	char ids[2][SENDER_ID_LEN + 1];

	rig_send(a, "JOIN r\n");
	struct room *room = seat_crowd(a, m, ids, 2);
	m[0].nick = SPAN("p00");
	m[0].by = SPAN("ann");
	news_events.on_presence(
	    &r->server, room, RELAY_PARTED, &m[0], SPAN("be nice"));
	EXPECT(a, "@by=ann PARTED r p00 be nice\n");
	/* Others' comings and goings are not told in a large room; this is. */
	room->quiet = true;
	m[1].nick = SPAN("p01");
	m[1].by = SPAN("ann");
	news_events.on_presence(
	    &r->server, room, RELAY_PARTED, &m[1], SPAN("you too"));
	assert_non_null(strstr(rig_lines(a), "@by=ann PARTED r p01 you too\n"));
}

/* --- plaintext where it is not allowed ------------------------------------ */

static void
a_stranger_is_told_little_and_may_do_less(void **state)
{
	struct rig *r = rig_new("--secure=off");
	struct client *c = rig_connect_from(r, false);

	(void)state;
	/* It could not even be secure. */
	EXPECT(c, "WELCOME snug/1 den * max-line=16384 max-text=8192 "
		  "secure=off\n");
	ASK(c, "PING a", "OK a\n");
	rig_send(c, "JOIN r\n");
	assert_non_null(strstr(rig_lines(c), "ERR secure-required "));
	rig_send(c, "PONG\n");
	rig_lines(c);
	ASK(c, "QUIT", "OK\nBYE quit\n");
	rig_free(r);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	    TEST(the_table_is_sorted_and_each_row_is_whole),
	    T(a_verb_is_found_in_any_case),
	    TEST(the_tables_for_the_manual_are_printed),
	    T(what_people_try_gets_the_right_line),
	    T(a_line_that_is_not_text_is_refused_and_the_session_stays),
	    T(prefixes_are_judged_before_the_command_runs),
	    T(an_error_in_a_value_names_the_form),
	    T(parameters_are_counted_and_single_spaced),
	    T(help_lists_every_command_and_explains_one),
	    T(ping_gives_its_text_back_and_pong_is_silent),
	    T(quit_is_answered_and_followed_by_a_bye),
	    T(a_nick_is_taken_refused_and_given_back),
	    T(a_nick_that_went_with_its_session_is_free),
	    T(what_is_no_nick_is_refused_never_repaired),
	    TEST(ascii_names_are_a_narrower_rule),
	    T(a_rename_is_told_once_to_everyone_who_shares_a_room),
	    T(whois_shows_who_holds_a_nick),
	    T(a_join_is_told_to_all_and_answered_in_order),
	    T(a_join_replays_what_it_asked_for_and_no_more),
	    T(a_part_is_told_to_all_and_to_the_leaver),
	    T(a_session_that_goes_parts_everywhere),
	    TEST(a_session_is_in_so_many_rooms_and_no_more),
	    T(what_is_said_comes_to_all_and_its_attributes_with_it),
	    T(said_again_under_its_cid_it_is_the_same_message),
	    TEST(says_are_refused_to_rooms_one_is_not_in_and_above_the_limit),
	    T(a_person_is_spoken_to_by_nick_and_each_reads_the_others),
	    T(a_conversation_is_the_senders_not_the_nicks),
	    T(typing_comes_to_the_others_alone),
	    T(a_topic_is_asked_set_and_cleared),
	    T(names_are_sorted_paged_and_shown_to_anybody),
	    T(rooms_are_sorted_globbed_and_paged),
	    TEST(more_than_500_members_take_two_answers),
	    TEST(more_than_500_rooms_take_two_answers),
	    T(history_goes_both_ways_and_tells_its_end),
	    TEST(without_a_history_nothing_is_offered_but_the_bridge),
	    TEST(above_presence_max_comings_and_goings_are_not_told),
	    T(every_refusal_of_the_relay_has_its_code),
	    T(what_is_stale_is_said_again_word_for_word),
	    T(who_talks_in_several_rooms_is_heard_in_each),
	    T(a_look_up_of_unknown_outcome_said_certainly_nothing),
	    T(the_relays_going_and_coming_is_told_to_all),
	    T(who_lost_its_nick_is_a_guest_and_may_take_another),
	    T(a_nick_that_changed_unseen_is_put_right_when_announced),
	    T(twenty_who_leave_with_their_node_are_told_by_name),
	    T(more_than_twenty_who_leave_with_their_node_are_one_line),
	    T(who_comes_back_by_another_node_is_not_announced),
	    T(who_is_put_out_elsewhere_is_told_with_who_did_it_and_why),
	    TEST(a_stranger_is_told_little_and_may_do_less),
#undef T
	};

	return RUN(tests);
}
