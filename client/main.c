/* SPDX-License-Identifier: ISC */
/*
 * snug: options, then one of three programs: the screen, send, or tail.
 */
#include <config.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/app.h"
#include "client/cli.h"
#include "client/command.h"
#include "client/config.h"
#include "client/keymap.h"
#include "client/link.h"
#include "client/term.h"
#include "client/trust.h"
#include "client/where.h"

static int
usage(const char *cause)
{
	fprintf(stderr, "snug: %s\nTry: snug --help\n", cause);
	return CLI_USAGE;
}

static void
print_help(void)
{
	puts("usage: snug [options] [host[:port] | unix:/path | link] "
	     "[room ...]\n"
	     "       snug send [options] room|@nick [text ...]\n"
	     "       snug tail [options] [--json] [-n N] room ...\n"
	     "       snug --forget host[:port]\n");
	conf_print_help(&config_table, stdout);
	puts("\nThe first word is the server, unless it begins with #.  A "
	     "link is\nsnug://host[:port][/room][#key].  The manual: man "
	     "snug");
}

static void
print_commands(void)
{
	for (size_t i = 0; i < commands_n; i++)
		printf("%s\t%s\t%s\t%s\n", commands[i].name,
		    commands[i].aliases, commands[i].usage, commands[i].help);
}

static void
print_keys(void)
{
	for (size_t i = 0; i < bindings_n; i++)
		printf("%s\t%s\n", bindings[i].name,
		    bindings[i].help ? bindings[i].help : "");
}

static void
print_options(void)
{
	for (size_t i = 0; i < config_table.n; i++) {
		const struct conf_option *o = &config_table.options[i];
		printf("%s\t%s\t%s\t%s\n", o->section ? o->section : "",
		    o->name, o->def ? o->def : "", o->help);
	}
}

/* For the manual's test: what the tables say. */
static int
print_tables(const char *which)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} tables[] = {
	    {"commands", print_commands},
	    {"keys", print_keys},
	    {"options", print_options},
	};
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		if (strcmp(which, tables[i].name) == 0) {
			tables[i].print();
			return 0;
		}
	}
	return usage("print-tables: commands, keys or options");
}

/* True: an option asked for output only. */
static bool
print_only(const struct config *c, int *status)
{
	*status = 0;
	if (c->help)
		print_help();
	else if (c->version)
		puts("snug " PACKAGE_VERSION);
	else if (c->print_config)
		conf_print_sample(&config_table, stdout);
	else if (c->print_tables)
		*status = print_tables(c->print_tables);
	else
		return false;
	return true;
}

/* What is wrong is not how snug was called. */
static int
refuse(const char *cause)
{
	fprintf(stderr, "snug: %s\n", cause);
	return CLI_REFUSED;
}

static int
forget(const char *text)
{
	char cause[ERR_LEN];
	char host[TRUST_HOST_MAX + 1];
	struct link link;
	if (link_parse(span_of(text), &link, cause) < 0)
		return usage(cause);
	char *path = trust_path();
	if (!path)
		return refuse("$HOME is not set");
	int known = trust_forget(path, &link.server, cause);
	free(path);
	if (known < 0)
		return refuse(cause);
	trust_host(&link.server, host);
	printf(
	    known ? "the key of %s is forgotten\n" : "no key of %s is known\n",
	    host);
	return known ? 0 : CLI_REFUSED;
}

/* Names as given, judged here: a room that cannot be is a usage error.  The
 * link's room comes first. */
static int
read_rooms(const struct link *link, char **words, size_t n, struct name **rooms,
    size_t *nrooms, char *cause)
{
	*rooms = xcalloc(n + 1, sizeof(**rooms));
	*nrooms = 0;
	if (link->has_room)
		(*rooms)[(*nrooms)++] = link->room;
	for (size_t i = 0; i < n; i++)
		if (config_name(words[i], '#', &(*rooms)[(*nrooms)++], cause) <
		    0)
			return -1;
	return 0;
}

static int
show(const struct config *c, const struct link *link, char **words, size_t n)
{
	char cause[ERR_LEN];
	struct name *rooms = NULL;
	size_t nrooms;
	struct where where = {0};
	int status;
	if (read_rooms(link, words, n, &rooms, &nrooms, cause) < 0) {
		status = usage(cause);
	} else if (where_find(&where, c, link, cause) < 0) {
		status = refuse(cause);
	} else {
		if (!c->guest)
			where_identify(&where);
		status = app_run(c, &where, rooms, nrooms);
	}
	where_fini(&where);
	free(rooms);
	return status;
}

static int
run_screen(const struct config *c, struct link *link, int argc, char **argv)
{
	char cause[ERR_LEN];
	if (argc > 0 && argv[0][0] != '#') {
		if (link_parse(span_of(argv[0]), link, cause) < 0)
			return usage(cause);
		argc--;
		argv++;
	}
	if (argc > 0 || link->has_room)
		return show(c, link, argv, (size_t)argc);
	return show(c, link, c->rooms.items, c->rooms.n);
}

/* In scripts a key is made where it is of use only. */
static int
run_cli(const struct config *c, const struct link *link,
    int (*program)(const struct config *, const struct where *, int, char **),
    int argc, char **argv)
{
	char cause[ERR_LEN];
	struct where where;
	int status;
	if (where_find(&where, c, link, cause) < 0) {
		status = refuse(cause);
	} else {
		if (!c->guest && where.way == NET_SECURE)
			where_identify(&where);
		status = program(c, &where, argc, argv);
	}
	where_fini(&where);
	return status;
}

static int
run(const struct config *c, int argc, char **argv)
{
	char cause[ERR_LEN];
	struct link link;
	struct name nick;
	if (c->forget)
		return forget(c->forget);
	if (link_parse(span_of(c->server), &link, cause) < 0)
		return usage(cause);
	if (c->nick && config_name(c->nick, '@', &nick, cause) < 0)
		return usage(cause);
	if (argc > 0 && strcmp(argv[0], "send") == 0)
		return run_cli(c, &link, cli_send, argc - 1, argv + 1);
	if (argc > 0 && strcmp(argv[0], "tail") == 0)
		return run_cli(c, &link, cli_tail, argc - 1, argv + 1);
	return run_screen(c, &link, argc, argv);
}

int
main(int argc, char **argv)
{
	struct config c;
	char cause[ERR_LEN];
	int status;
	signal(SIGPIPE, SIG_IGN);
	if (sodium_init() < 0)
		return refuse("libsodium does not start: no random bytes");
	if (term_locale(cause) < 0)
		return usage(cause);
	int rest = config_read(&c, argc, argv, cause);
	if (rest < 0)
		status = usage(cause);
	else if (!print_only(&c, &status))
		status = run(&c, argc - rest, argv + rest);
	config_free(&c);
	if (status < 0) { /* a signal asked us to end: let it */
		signal(-status, SIG_DFL);
		raise(-status);
	}
	return status;
}
