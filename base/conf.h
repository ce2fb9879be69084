/* SPDX-License-Identifier: ISC */
#ifndef SNUG_BASE_CONF_H
#define SNUG_BASE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attr.h"

/*
 * Option tables: a program lists its options once; the command line, the
 * configuration file, --help, the sample file and the manual's test all read
 * that list.  Values land in a struct of the program's by offset.
 */
enum conf_type {
	CONF_FLAG, /* bool: yes|no; on the command line --name or --no-name */
	CONF_INT,  /* int64_t */
	CONF_SIZE, /* int64_t bytes: 16384, 16K, 1M */
	CONF_DURATION, /* int64_t milliseconds: 500ms, 10s, 5m, 2h, 30d; a bare
			  number is seconds */
	CONF_STRING,   /* char *, owned by the struct; NULL if unset */
	CONF_ENUM,     /* int: index into choices */
	CONF_LIST,     /* struct conf_list; each word of a value is an item, and
			  is appended; the first value of a source replaces what
			  was there */
	CONF_ACTION,   /* bool, command line only: --help, --version,
			  --check-config */
};

struct conf_list {
	char **items; /* owned */
	size_t n;
};

struct conf_option {
	const char *section; /* in the file; NULL: command line only */
	const char *name;    /* long option and key */
	char letter;         /* short option or 0 */
	enum conf_type type;
	size_t offset;    /* of the value in the program's struct */
	int64_t min, max; /* numbers: inclusive */
	const char *def;  /* default, written as in a file; NULL: unset */
	const char *const *choices; /* CONF_ENUM: NULL-terminated */
	const char *arg;            /* what the value is called in --help */
	const char *help;           /* one line */
	/* May be NULL: judges a CONF_STRING, or an item of a CONF_LIST,
	 * further; -1 and in cause what is wrong with it. */
	int (*check)(const char *value, char cause[static ERR_LEN]);
	bool live; /* may take another value while the program runs */
};

struct conf_table {
	const struct conf_option *options;
	size_t n;
};

/* Sets every option to its default; the struct was zeroed before. */
void conf_defaults(const struct conf_table *t, void *config);

/*
 * Reads an INI file.  Sections named in `others` (NULL-terminated, may be
 * NULL) are handed to other_fn and not judged here; "server" there also means
 * each [server NAME].  An unknown section or
 * key, a value that does not fit, a line that inih would cut or join: refused,
 * with file and line in cause.
 *
 * Returns 0, or -1; then the config may be partly set and is to be thrown away.
 */
typedef int (*conf_other_fn)(void *arg, const char *section, const char *key,
    const char *value, char cause[static ERR_LEN]);
int conf_read_file(const struct conf_table *t, void *config, const char *path,
    const char *const *others, conf_other_fn other_fn, void *arg,
    char cause[static ERR_LEN]) MUST_CHECK;
/* The same from an open stream; path is for the messages. */
int conf_read_stream(const struct conf_table *t, void *config, FILE *f,
    const char *path, const char *const *others, conf_other_fn other_fn,
    void *arg, char cause[static ERR_LEN]) MUST_CHECK;

/*
 * Reads the command line (getopt_long's rules).  Gives the index of the first
 * argument that is no option, or -1 with cause.
 */
int conf_read_args(const struct conf_table *t, void *config, int argc,
    char **argv, char cause[static ERR_LEN]) MUST_CHECK;

/* Finds the value of one option (such as --config or -c) before the rest is
 * read: the last one wins.  NULL if absent; borrowed from argv. */
const char *conf_peek_arg(
    const struct conf_table *t, int argc, char **argv, const char *name);
/* Is --name there? */
bool conf_peek_flag(
    const struct conf_table *t, int argc, char **argv, const char *name);

/* One value, as text, into the config.  Returns 0 or -1 with cause. */
int conf_set(const struct conf_option *o, void *config, const char *value,
    char cause[static ERR_LEN]) MUST_CHECK;

/* Do two of the program's structs have the same value there? */
bool conf_is_same(const struct conf_option *o, const void *a, const void *b);
/* Each gets the other's value, and owns it then. */
void conf_swap(const struct conf_option *o, void *a, void *b);

void conf_print_help(const struct conf_table *t, FILE *out);
/* A commented sample file from the table. */
void conf_print_sample(const struct conf_table *t, FILE *out);

/* Frees what the table's strings and lists own. */
void conf_free(const struct conf_table *t, void *config);

#endif
