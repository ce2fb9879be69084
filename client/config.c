/* SPDX-License-Identifier: ISC */
/*
 * The client's options: one table for the command line, the file, --help, the
 * sample and the manual's test.  The command line wins over the file.
 */
#include "client/config.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "client/safe.h"

static const char *const border_choices[] = {"none", "ascii", "line", NULL};

#define AT(field) offsetof(struct config, field)
#define DAY (INT64_C(24) * 3600 * 1000)

/*
 * section, name, letter, type, where, min, max, default, choices, argument,
 * help.  In the order of --help and the sample file.
 */
/* clang-format off */
static const struct conf_option options[] = {
	{NULL, "config", 'c', CONF_STRING, AT(config), 0, 0, NULL, NULL, "FILE", "read FILE instead of $XDG_CONFIG_HOME/snug/snug.conf"},
	{NULL, "no-config", 0, CONF_ACTION, AT(no_config), 0, 0, NULL, NULL, NULL, "read no configuration file"},
	{NULL, "print-config", 0, CONF_ACTION, AT(print_config), 0, 0, NULL, NULL, NULL, "print a commented sample file, and stop"},
	{NULL, "print-tables", 0, CONF_STRING, AT(print_tables), 0, 0, NULL, NULL, "WHICH", "print commands, keys or options, and stop"},
	{NULL, "help", 'h', CONF_ACTION, AT(help), 0, 0, NULL, NULL, NULL, "print this, and stop"},
	{NULL, "version", 'V', CONF_ACTION, AT(version), 0, 0, NULL, NULL, NULL, "print the version, and stop"},
	{NULL, "json", 0, CONF_ACTION, AT(json), 0, 0, NULL, NULL, NULL, "tail: one JSON object a line"},
	{NULL, "lines", 'n', CONF_INT, AT(n), 0, 500, "10", NULL, "N", "tail: begin with the last N messages of each room"},
	{NULL, "timeout", 0, CONF_DURATION, AT(timeout), 100, DAY, "15s", NULL, "TIME", "send: give up when nothing was accepted for TIME"},

	{NULL, "plaintext", 0, CONF_ACTION, AT(plaintext), 0, 0, NULL, NULL, NULL, "no secure session: everybody on the way can read along"},
	{NULL, "accept-new", 0, CONF_ACTION, AT(accept_new), 0, 0, NULL, NULL, NULL, "take the key of a server never seen before unasked"},
	{NULL, "forget", 0, CONF_STRING, AT(forget), 0, 0, NULL, NULL, "HOST", "forget the key of a server, and stop"},

	{"start", "server", 's', CONF_STRING, AT(server), 0, 0, "localhost", NULL, "ADDR", "the server: HOST[:PORT], unix:/PATH or snug://HOST[:PORT][/ROOM][#KEY]"},
	{"start", "secure", 0, CONF_FLAG, AT(secure), 0, 0, "no", NULL, NULL, "a secure session also on this machine, where it is plain by default"},
	{"start", "guest", 0, CONF_FLAG, AT(guest), 0, 0, "no", NULL, NULL, "be a guest: do not show the server your key"},
	{"start", "nick", 0, CONF_STRING, AT(nick), 0, 0, NULL, NULL, "NICK", "the name to take; a guest's if not given"},
	{"start", "rooms", 0, CONF_LIST, AT(rooms), 0, 0, NULL, NULL, "ROOM", "rooms to join when none is named; may be given again"},
	{"start", "last", 0, CONF_INT, AT(last), 0, 500, "100", NULL, "N", "messages of its past to show when a room is entered"},

	{"look", "borders", 0, CONF_ENUM, AT(borders), 0, 0, "line", border_choices, "HOW", "draw rules with line characters, in ascii, or none"},
	{"look", "colour", 0, CONF_FLAG, AT(colour), 0, 0, "yes", NULL, NULL, "use colours, if the terminal has them and NO_COLOR is not set"},

	{"notify", "bell", 0, CONF_FLAG, AT(bell), 0, 0, "yes", NULL, NULL, "ring the bell for mentions and for people's messages"},
};
/* clang-format on */

const struct conf_table config_table = {options, ARRAY_LEN(options)};

/* Gives the default path, or NULL where there is no home. */
static char *
default_path(void)
{
	const char *config = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");
	if (config && config[0] == '/')
		return xasprintf("%s/snug/snug.conf", config);
	if (home && *home)
		return xasprintf("%s/.config/snug/snug.conf", home);
	return NULL;
}

/* A file that was named must be there; the default one need not. */
static int
read_file(struct config *c, int argc, char **argv, char cause[static ERR_LEN])
{
	const char *named = conf_peek_arg(&config_table, argc, argv, "config");
	if (conf_peek_flag(&config_table, argc, argv, "no-config"))
		return 0;
	char *path = named ? xstrdup(named) : default_path();
	int err = 0;
	if (path && (named || access(path, F_OK) == 0))
		err = conf_read_file(
		    &config_table, c, path, NULL, NULL, NULL, cause);
	free(path);
	return err;
}

int
config_read(struct config *c, int argc, char **argv, char cause[static ERR_LEN])
{
	*c = (struct config){0};
	conf_defaults(&config_table, c);
	if (read_file(c, argc, argv, cause) < 0)
		return -1;
	return conf_read_args(&config_table, c, argc, argv, cause);
}

void
config_free(struct config *c)
{
	conf_free(&config_table, c);
}

int
config_name(
    const char *text, char sigil, struct name *out, char cause[static ERR_LEN])
{
	struct span s = span_of(text);
	if (s.len > 1 && s.p[0] == sigil)
		s = (struct span){s.p + 1, s.len - 1};
	int err = name_check(s, false, out);
	if (err == 0)
		return 0;
	struct safe shown = safe_new(s, 0);
	snprintf(cause, ERR_LEN, "%.80s: %s", shown.utf8, name_strerror(err));
	safe_free(&shown);
	return -1;
}
