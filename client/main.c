/* SPDX-License-Identifier: ISC */
/*
 * snug: options, then one of three programs: the screen, send, or tail.
 */
#include <config.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/app.h"
#include "client/cli.h"
#include "client/command.h"
#include "client/config.h"
#include "client/keymap.h"
#include "client/term.h"

static int
usage(const char *cause)
{
	fprintf(stderr, "snug: %s\nTry: snug --help\n", cause);
	return CLI_USAGE;
}

static void
print_help(void)
{
	puts("usage: snug [options] [[snug://]host[:port] | unix:/path] "
	     "[room ...]\n"
	     "       snug send [options] room|@nick [text ...]\n"
	     "       snug tail [options] [--json] [-n N] room ...\n");
	conf_print_help(&config_table, stdout);
	puts("\nThe first word is the server, unless it begins with #.  The "
	     "manual: man snug");
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

/* Names as given, judged here: a room that cannot be is a usage error. */
static int
read_rooms(char **words, size_t n, struct name **rooms, char *cause)
{
	*rooms = xcalloc(n + 1, sizeof(**rooms));
	for (size_t i = 0; i < n; i++)
		if (config_name(words[i], '#', &(*rooms)[i], cause) < 0)
			return -1;
	return 0;
}

static int
run_screen(const struct config *c, struct addr *server, int argc, char **argv)
{
	char cause[ERR_LEN];
	struct name *rooms = NULL;
	if (argc > 0 && argv[0][0] != '#') {
		if (config_server(argv[0], server, cause) < 0)
			return usage(cause);
		argc--;
		argv++;
	}
	char **words = argc > 0 ? argv : c->rooms.items;
	size_t n = argc > 0 ? (size_t)argc : c->rooms.n;
	int status = read_rooms(words, n, &rooms, cause) < 0
			 ? usage(cause)
			 : app_run(c, server, rooms, n);
	free(rooms);
	return status;
}

static int
run(const struct config *c, int argc, char **argv)
{
	char cause[ERR_LEN];
	struct addr server;
	struct name nick;
	if (config_server(c->server, &server, cause) < 0)
		return usage(cause);
	if (c->nick && config_name(c->nick, '@', &nick, cause) < 0)
		return usage(cause);
	if (argc > 0 && strcmp(argv[0], "send") == 0)
		return cli_send(c, &server, argc - 1, argv + 1);
	if (argc > 0 && strcmp(argv[0], "tail") == 0)
		return cli_tail(c, &server, argc - 1, argv + 1);
	return run_screen(c, &server, argc, argv);
}

int
main(int argc, char **argv)
{
	struct config c;
	char cause[ERR_LEN];
	int status;
	signal(SIGPIPE, SIG_IGN);
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
