/* SPDX-License-Identifier: ISC */
/* client/link.c: servers as people name them, and links. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "client/link.h"

#define KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

static struct link
good(const char *text)
{
	struct link l;
	char cause[ERR_LEN] = "";
	if (link_parse(span_of(text), &l, cause) < 0)
		fail_msg("%s", cause);
	return l;
}

static void
reads_a_server_in_each_form(void **state)
{
	static const struct {
		const char *text, *host;
		unsigned port;
		const char *room;
		bool key;
	} rows[] = {
	    {"chat.example.org", "chat.example.org", 7684, "", false},
	    {"chat.example.org:70", "chat.example.org", 70, "", false},
	    {"[::1]:70", "::1", 70, "", false},
	    {":70", "localhost", 70, "", false},
	    {"snug://h", "h", 7684, "", false},
	    {"snug://h/", "h", 7684, "", false},
	    {"snug://h:70/lobby", "h", 70, "lobby", false},
	    {"snug://[::1]:70/lobby#" KEY, "::1", 70, "lobby", true},
	    {"snug://h/#" KEY, "h", 7684, "", true},
	    {"snug://h#" KEY, "h", 7684, "", true},
	    {"snug://h/caf%C3%A9", "h", 7684, "caf\303\251", false},
	    {"snug://h/caf%c3%a9#" KEY, "h", 7684, "caf\303\251", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct link l = good(rows[i].text);
		assert_string_equal(l.server.host, rows[i].host);
		assert_int_equal(l.server.port, rows[i].port);
		assert_int_equal(l.has_room, rows[i].room[0] != '\0');
		assert_string_equal(l.room.shown, rows[i].room);
		assert_int_equal(l.has_key, rows[i].key);
		for (int b = 0; rows[i].key && b < LINK_KEY_LEN; b++)
			assert_int_equal(l.key[b], b);
	}
}

static void
reads_a_socket(void **state)
{
	struct link l = good("unix:/run/a b");

	(void)state;
	assert_true(l.server.is_unix);
	assert_string_equal(l.server.host, "/run/a b");
}

static void
refuses_what_is_no_server(void **state)
{
	static const char *const texts[] = {
	    "",
	    "snug://",
	    "snug:///room",
	    "snug://#" KEY,
	    "snug://user@host/",
	    "snug://host/?q=1",
	    "snug://host/a/b",
	    "snug://host/two%20words",
	    "snug://host/%0A",
	    "snug://host/%",
	    "snug://host/%4",
	    "snug://host/%zz",
	    "snug://host/%E2%80%AElobby",
	    "snug://host/#",
	    "snug://host/#AAEC",
	    "snug://host/#" KEY "A",
	    "snug://host/#" KEY "=",
	    "snug://host/#AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9",
	    "snug://host/#" KEY "#" KEY,
	    "snug://unix:/run/s",
	    "snug://unix:/run/s#" KEY,
	    "host#" KEY,
	    "host/room",
	    "https://host/",
	    "host:0",
	    "fe80::1%eth0]:7/room",
	    "fe80::1%",
	    "unix",
	    "snug://Unix.",
	    "snug://host:65536/",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct link l;
		char cause[ERR_LEN] = "";
		memset(&l, 'x', sizeof(l));
		if (link_parse(span_of(texts[i]), &l, cause) != -1)
			fail_msg("%s was taken", texts[i]);
		assert_string_not_equal(cause, "");
		assert_int_equal(((const char *)&l)[0], 'x');
	}
}

static void
refuses_what_is_too_long(void **state)
{
	char text[LINK_MAX + 2];
	char cause[ERR_LEN];
	struct link l;

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(link_parse(span_of(text), &l, cause), -1);
}

static void
says_nothing_raw_of_what_it_refuses(void **state)
{
	struct link l;
	char cause[ERR_LEN] = "";

	(void)state;
	assert_int_equal(link_parse(SPAN("snug://h\033[2J/"), &l, cause), -1);
	assert_null(strchr(cause, '\033'));
	assert_int_equal(link_parse(SPAN("snug://h/\302\233x"), &l, cause), -1);
	assert_int_equal(text_check(cause, strlen(cause), NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(reads_a_server_in_each_form),
	    TEST(reads_a_socket),
	    TEST(refuses_what_is_no_server),
	    TEST(refuses_what_is_too_long),
	    TEST(says_nothing_raw_of_what_it_refuses),
	};

	return RUN(tests);
}
