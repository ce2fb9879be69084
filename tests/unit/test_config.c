/* SPDX-License-Identifier: ISC */
/*
 * server/config.c: defaults, the file, the command line, and what has to agree.
 * The reading of files and arguments as such is test_conf.c's.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/names.h"
#include "base/text.h"
#include "server/config.h"

enum { ARGS_MAX = 12 };

struct fixture {
	char path[64];
	struct config c;
	char cause[ERR_LEN];
};

static int
setup(void **state)
{
	static struct fixture f;
	int fd;

	memset(&f, 0, sizeof f);
	snprintf(f.path, sizeof f.path, "/tmp/test_config.XXXXXX");
	fd = mkstemp(f.path);
	if (fd < 0)
		return -1;
	close(fd);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	config_free(&f->c);
	unlink(f->path);
	return 0;
}

/* Loads anew from these words; "FILE" stands for the fixture's file. */
static int
load(struct fixture *f, const char *words)
{
	static char copy[1024];
	char *argv[ARGS_MAX + 1] = {0};
	int argc = 0;

	config_free(&f->c);
	memset(&f->c, 0, sizeof f->c);
	f->cause[0] = 0;
	snprintf(copy, sizeof copy, "snugd %s", words);
	for (char *w = strtok_r(copy, " ", &argv[ARGS_MAX]); w;
	     w = strtok_r(NULL, " ", &argv[ARGS_MAX])) {
		assert_true(argc < ARGS_MAX);
		argv[argc++] = strcmp(w, "FILE") == 0 ? f->path : w;
	}
	argv[argc] = NULL;
	return config_load(&f->c, argc, argv, f->cause);
}

static void
write_file(struct fixture *f, const char *text)
{
	FILE *out = fopen(f->path, "w");

	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static void
assert_refused(struct fixture *f, const char *words, const char *why)
{
	if (load(f, words) == 0)
		fail_msg("accepted: %s", words);
	if (!strstr(f->cause, why))
		fail_msg("%s: \"%s\" lacks \"%s\"", words, f->cause, why);
}

static void
the_defaults_are_those_of_the_manual(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load(f, "--no-config"), 0);
	assert_int_equal(f->c.listen.n, 2);
	assert_string_equal(f->c.listen.items[0], "127.0.0.1:7684");
	assert_string_equal(f->c.listen.items[1], "[::1]:7684");
	assert_int_equal(f->c.plaintext, PLAINTEXT_LOCAL);
	assert_int_equal(f->c.names, NAMES_UNICODE);
	assert_null(f->c.redis);
	assert_null(f->c.motd);
	assert_int_equal(f->c.max_line, 16384);
	assert_int_equal(f->c.max_text, 8192);
	assert_int_equal(f->c.send_buffer, 256 * 1024);
	assert_int_equal(f->c.ping, 60000);
	assert_int_equal(f->c.greet, 10000);
	assert_int_equal(f->c.greet_local, 600000);
	assert_int_equal(f->c.linger, 5000);
	assert_int_equal(f->c.dedupe, 300000);
	assert_int_equal(f->c.history, 1000);
	assert_int_equal(f->c.history_ttl, INT64_C(30) * 24 * 3600 * 1000);
	assert_int_equal(f->c.presence_max, 200);
	assert_int_equal(f->c.rooms_per_session, 100);
	assert_int_equal(f->c.conn_per_addr, 64);
	assert_int_equal(f->c.flood_burst, 20);
	assert_int_equal(f->c.flood_rate, 2);
	assert_int_equal(f->c.flood_delay, 2000);
	assert_int_equal(f->c.flood_limit, 30000);
	assert_int_equal(f->c.say_timeout, 1000);
	assert_int_equal(f->c.lease, 10000);
}

static void
the_file_beats_the_defaults_and_the_command_line_the_file(void **state)
{
	struct fixture *f = *state;

	write_file(f, "[server]\nname = den\nlisten = 127.0.0.1:1\n"
		      "[rooms]\nhistory = 7\npresence-max = 9\n");
	assert_int_equal(load(f, "--config FILE"), 0);
	assert_string_equal(f->c.name, "den");
	assert_int_equal(f->c.history, 7);
	assert_int_equal(f->c.listen.n, 1);

	assert_int_equal(
	    load(f, "--history 8 -c FILE --name lair --listen [::1]:2"), 0);
	assert_string_equal(f->c.name, "lair");
	assert_int_equal(f->c.history, 8);
	assert_int_equal(f->c.presence_max, 9);
	assert_int_equal(f->c.listen.n, 1);
	assert_string_equal(f->c.listen.items[0], "[::1]:2");
}

static void
no_config_reads_none_even_if_one_is_named(void **state)
{
	struct fixture *f = *state;

	write_file(f, "[rooms]\nhistory = 7\n");
	assert_int_equal(load(f, "-c FILE --no-config"), 0);
	assert_int_equal(f->c.history, 1000);
}

static void
a_file_that_was_asked_for_has_to_be_there(void **state)
{
	struct fixture *f = *state;

	assert_refused(
	    f, "-c /nonexistent/snugd.conf", "/nonexistent/snugd.conf");
}

static void
a_bad_line_is_named_by_file_and_number(void **state)
{
	static const struct {
		const char *text, *where;
	} rows[] = {
	    {"[rooms]\nhistory = many\n", ":2:"},
	    {"[rooms]\n\n# why\nhistory = 10001\n", ":4:"},
	    {"[rooms]\nhistori = 1\n", ":2:"},
	    {"[nowhere]\nhistory = 1\n", ":"},
	    {"[server]\nhistory = 1\n", ":2:"},
	    {"[server]\nplaintext = maybe\n", ":2:"},
	    {"[limits]\nping = 99ms\n", ":2:"},
	    {"[limits]\nmax-line = 100000\n", ":2:"},
	    {"[limits]\nping = 1s\nflood = much\n", ":3:"},
	    {"[server]\nname = a/b\n", ":2:"},
	    {"[server]\nlisten = 127.0.0.1:1 unix:s\n", ":2:"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char want[128];

		write_file(f, rows[i].text);
		snprintf(want, sizeof want, "%s%s", f->path, rows[i].where);
		assert_refused(f, "-c FILE", want);
	}
}

static void
a_list_may_be_given_by_words_or_again(void **state)
{
	struct fixture *f = *state;

	write_file(f, "[server]\nlisten = 127.0.0.1:1 unix:/run/snug.sock\n"
		      "listen = [::1]:3\n");
	assert_int_equal(load(f, "-c FILE"), 0);
	assert_int_equal(f->c.listen.n, 3);
	assert_string_equal(f->c.listen.items[1], "unix:/run/snug.sock");
	assert_string_equal(f->c.listen.items[2], "[::1]:3");

	assert_int_equal(
	    load(f, "-c FILE -l localhost --listen=unix:/tmp/s"), 0);
	assert_int_equal(f->c.listen.n, 2);
	assert_string_equal(f->c.listen.items[0], "localhost");
	assert_string_equal(f->c.listen.items[1], "unix:/tmp/s");
}

static void
a_flood_is_burst_and_rate_or_off(void **state)
{
	static const struct {
		const char *words;
		int64_t burst, rate;
	} good[] = {
	    {"--no-config --flood=off", 0, 0},
	    {"--no-config --flood 1/1", 1, 1},
	    {"--no-config --flood 20/2", 20, 2},
	    {"--no-config --flood 1000000/1000000", 1000000, 1000000},
	};
	static const char *const bad[] = {"on", "20", "20/", "/2", "0/2",
	    "20/0", "-1/2", "020/2", "20/2/2", "20/2s", "1000001/1",
	    "1/1000001", "1.5/1"};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(load(f, good[i].words), 0);
		assert_int_equal(f->c.flood_burst, good[i].burst);
		assert_int_equal(f->c.flood_rate, good[i].rate);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char words[64];

		snprintf(words, sizeof words, "--no-config --flood=%s", bad[i]);
		assert_refused(f, words, "such as 20/2");
	}
}

static void
what_does_not_agree_is_refused_with_the_mend(void **state)
{
	static const struct {
		const char *words, *why;
	} rows[] = {
	    {"--max-line 2048 --max-text 1025", "raise max-line"},
	    {"--max-text 16384", "raise max-line"},
	    {"--lease 1s --heartbeat 501ms", "half of lease"},
	    {"--probe 6s", "less than dead"},
	    {"--listen nowhere:port", "0 to 65535"},
	    {"--listen unix:s", "whole path"},
	    {"--name a/b", "a/b"},
	    {"--name -den", "-den"},
	    {"--names=latin", "unicode"},
	    {"--history 10001", "10000"},
	    {"--presence-max 1", "2"},
	    {"--unheard-of", "unheard-of"},
	    {"stray", "stray"},
	    {"--name", "name"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char words[128];

		snprintf(words, sizeof words, "--no-config %s", rows[i].words);
		assert_refused(f, words, rows[i].why);
	}
	assert_int_equal(
	    load(f, "--no-config --max-line 2048 --max-text 1024"), 0);
	assert_int_equal(
	    load(f, "--no-config --lease 1s --heartbeat 500ms"), 0);
}

static void
the_node_is_called_as_asked_or_as_its_host(void **state)
{
	struct fixture *f = *state;
	struct name name;

	assert_int_equal(load(f, "--no-config --name Den-2"), 0);
	assert_string_equal(f->c.name, "Den-2");
	assert_int_equal(load(f, "--no-config"), 0);
	assert_int_equal(name_check(span_of(f->c.name), true, &name), 0);
	assert_null(strchr(f->c.name, '.'));
}

static void
what_only_prints_need_not_agree(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load(f, "--no-config --max-text=16000 --help"), 0);
	assert_true(f->c.help);
	assert_int_equal(load(f, "--no-config --max-text=16000 -V"), 0);
	assert_true(f->c.version);
	assert_int_equal(
	    load(f, "--no-config --max-text=16000 --print-config"), 0);
	assert_true(f->c.print_config);
	assert_int_equal(
	    load(f, "--no-config --max-text=16000 --print-tables commands"), 0);
	assert_string_equal(f->c.print_tables, "commands");
	assert_refused(
	    f, "--no-config --max-text=16000 --check-config", "raise max-line");
}

static void
the_sample_file_is_a_good_one_and_says_the_defaults(void **state)
{
	struct fixture *f = *state;
	FILE *out = fopen(f->path, "w");
	struct config defaults = {0};

	conf_print_sample(&config_table, out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(load(f, "-c FILE"), 0);
	conf_defaults(&config_table, &defaults);
	assert_int_equal(f->c.history, defaults.history);
	assert_int_equal(f->c.listen.n, defaults.listen.n);
	config_free(&defaults);
}

/* --- renewing ------------------------------------------------------------- */

/* A running configuration, and another one that would take its place. */
struct pair {
	struct config running;
	struct buf changed, kept;
	char words[2][128]; /* of the two */
};

static int
renew(struct fixture *f, struct pair *p, const char *from, const char *to)
{
	int err;

	assert_int_equal(load(f, from), 0);
	p->running = f->c;
	f->c = (struct config){0};
	assert_int_equal(load(f, to), 0);
	err = config_renew(&p->running, &f->c, &p->changed, &p->kept, f->cause);
	snprintf(p->words[0], sizeof p->words[0], "%.*s",
	    (int)buf_len(&p->changed), buf_head(&p->changed));
	snprintf(p->words[1], sizeof p->words[1], "%.*s",
	    (int)buf_len(&p->kept), buf_head(&p->kept));
	return err;
}

static void
pair_fini(struct pair *p)
{
	config_free(&p->running);
	buf_free(&p->changed);
	buf_free(&p->kept);
}

static void
what_is_live_is_renewed_with_all_that_follows_from_it(void **state)
{
	struct fixture *f = *state;
	struct pair p = {0};

	assert_int_equal(renew(f, &p,
			     "--no-config --exempt 192.0.2.1 --motd /a "
			     "--operators ann",
			     "--no-config --flood 3/2 --motd /b "
			     "--operators bob --early-drop 1:2:3"),
	    0);
	assert_string_equal(
	    p.words[0], "motd operators flood early-drop exempt");
	assert_string_equal(p.words[1], "");
	assert_string_equal(p.running.motd, "/b");
	assert_string_equal(p.running.operators.items[0], "bob");
	assert_int_equal(p.running.flood_burst, 3);
	assert_int_equal(p.running.early_full, 3);
	assert_int_equal(p.running.exempt_ranges.n, 2);
	pair_fini(&p);
}

/* The relay and others borrow them for their lives. */
static void
what_takes_a_restart_stays_and_where_it_is(void **state)
{
	struct fixture *f = *state;
	struct pair p = {0};
	char *name, *state_file;

	assert_int_equal(load(f, "--no-config --name den --state /a"), 0);
	p.running = f->c;
	name = p.running.name;
	state_file = p.running.state;
	f->c = (struct config){0};
	assert_int_equal(
	    load(f, "--no-config --name nook --state /b --guests=no "
		    "--listen 127.0.0.1:1 --lease 20s"),
	    0);
	assert_int_equal(
	    config_renew(&p.running, &f->c, &p.changed, &p.kept, f->cause), 0);
	assert_ptr_equal(p.running.name, name);
	assert_ptr_equal(p.running.state, state_file);
	assert_string_equal(name, "den");
	assert_int_equal(p.running.listen.n, 2);
	assert_int_equal(p.running.lease, 10000);
	assert_false(p.running.guests);
	buf_add(&p.kept, "", 1);
	assert_string_equal(buf_head(&p.kept), "listen name state lease");
	pair_fini(&p);
}

static void
the_same_again_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct pair p = {0};
	const char *words = "--no-config --name den --operators=ann --motd=/a";

	assert_int_equal(renew(f, &p, words, words), 0);
	assert_string_equal(p.words[0], "");
	assert_string_equal(p.words[1], "");
	pair_fini(&p);
}

static void
what_does_not_agree_with_what_stays_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct pair p = {0};

	assert_int_equal(load(f, "--no-config --name den"), 0);
	p.running = f->c;
	f->c = (struct config){0};
	assert_int_equal(load(f, "--no-config --name nook --guests=no"), 0);
	f->c.max_text = f->c.max_line;
	assert_int_equal(
	    config_renew(&p.running, &f->c, &p.changed, &p.kept, f->cause), -1);
	assert_non_null(strstr(f->cause, "max-text"));
	assert_string_equal(p.running.name, "den");
	assert_string_equal(f->c.name, "nook");
	assert_true(p.running.guests);
	pair_fini(&p);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	    T(the_defaults_are_those_of_the_manual),
	    T(the_file_beats_the_defaults_and_the_command_line_the_file),
	    T(no_config_reads_none_even_if_one_is_named),
	    T(a_file_that_was_asked_for_has_to_be_there),
	    T(a_bad_line_is_named_by_file_and_number),
	    T(a_list_may_be_given_by_words_or_again),
	    T(a_flood_is_burst_and_rate_or_off),
	    T(what_does_not_agree_is_refused_with_the_mend),
	    T(the_node_is_called_as_asked_or_as_its_host),
	    T(what_only_prints_need_not_agree),
	    T(the_sample_file_is_a_good_one_and_says_the_defaults),
	    T(what_is_live_is_renewed_with_all_that_follows_from_it),
	    T(what_takes_a_restart_stays_and_where_it_is),
	    T(the_same_again_changes_nothing),
	    T(what_does_not_agree_with_what_stays_changes_nothing),
#undef T
	};

	return RUN(tests);
}
