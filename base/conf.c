/* SPDX-License-Identifier: ISC */
/*
 * Option tables: what a program can be told, said once.
 *
 * The command line is read with getopt_long, the file with inih, and both end
 * in conf_set(), where a value is judged by its row.  inih quietly cuts a long
 * line in two, joins an indented line to the one before it and stops at a NUL;
 * so it never opens the file itself but gets its lines from a reader that
 * refuses all of these by line number.
 *
 * This file knows no option of any program.
 */
#include "base/conf.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <ini.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

enum {
	SECTION_MAX = 49, /* inih keeps no more of a section's name */
	HELP_COLUMN = 27, /* where the explanations stand in --help */
	HELP_WIDTH = 79,  /* a terminal's 80, one left free */
	SHOWN_MAX = 80,   /* of a value in a message */
	NEAR_ENOUGH = 2,  /* letters of a misspelling */
	VAL_BASE = 0x100, /* getopt's values: above every letter */
};

/* The first of a table is that of the value itself. */
struct unit {
	const char *suffix;
	int64_t factor;
};

static const struct unit no_units[] = {{"", 1}, {NULL, 0}};
static const struct unit size_units[] = {
    {"", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {NULL, 0}};
static const struct unit duration_units[] = {{"ms", 1}, {"s", 1000},
    {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 24 * 3600 * 1000}, {"", 1000},
    {NULL, 0}};

static int
complain(const struct conf_option *o, const char *value, const char *what,
    char cause[static ERR_LEN])
{
	char shown[SHOWN_MAX];

	snprintf(cause, ERR_LEN, "%s: \"%s\" %s", o->name,
	    text_escape(shown, sizeof(shown), span_of(value)), what);
	return -1;
}

/* A number and its unit; false if it is none, or would not fit. */
static bool
parse_number(struct span s, const struct unit *units, int64_t *out)
{
	bool negative = s.len > 0 && s.p[0] == '-';
	size_t at = negative ? 1 : 0;
	size_t end = at;
	uint64_t v;

	while (end < s.len && s.p[end] >= '0' && s.p[end] <= '9')
		end++;
	if (!text_u64((struct span){s.p + at, end - at}, INT64_MAX, &v))
		return false;
	for (; units->suffix; units++)
		if (span_is(
			(struct span){s.p + end, s.len - end}, units->suffix))
			break;
	if (!units->suffix || (int64_t)v > INT64_MAX / units->factor)
		return false;
	*out = (negative ? -(int64_t)v : (int64_t)v) * units->factor;
	return true;
}

/* In the largest unit in which it is a whole number; units rise. */
static void
format_number(char out[static 32], int64_t v, const struct unit *units)
{
	const struct unit *best = units;

	for (units++; units->suffix; units++)
		if (units->suffix[0] && v != 0 && v % units->factor == 0)
			best = units;
	snprintf(out, 32, "%" PRId64 "%s", v / best->factor, best->suffix);
}

static int
set_number(const struct conf_option *o, void *slot, const char *value,
    const struct unit *units, const char *form, char cause[static ERR_LEN])
{
	char low[32], high[32], words[128];
	int64_t v;

	if (!parse_number(span_of(value), units, &v))
		return complain(o, value, form, cause);
	if (v < o->min || v > o->max) {
		format_number(low, o->min, units);
		format_number(high, o->max, units);
		snprintf(
		    words, sizeof(words), "is not within %s and %s", low, high);
		return complain(o, value, words, cause);
	}
	*(int64_t *)slot = v;
	return 0;
}

static int
set_int(const struct conf_option *o, void *slot, const char *value,
    char cause[static ERR_LEN])
{
	return set_number(
	    o, slot, value, no_units, "is not a whole number", cause);
}

static int
set_size(const struct conf_option *o, void *slot, const char *value,
    char cause[static ERR_LEN])
{
	return set_number(o, slot, value, size_units,
	    "is not a size; write bytes as 16384, 16K or 1M", cause);
}

static int
set_duration(const struct conf_option *o, void *slot, const char *value,
    char cause[static ERR_LEN])
{
	return set_number(o, slot, value, duration_units,
	    "is not a time; write it as 500ms, 10s, 5m, 2h or 30d", cause);
}

static int
set_flag(const struct conf_option *o, void *slot, const char *value,
    char cause[static ERR_LEN])
{
	bool yes = strcmp(value, "yes") == 0;

	if (!yes && strcmp(value, "no") != 0)
		return complain(o, value, "is neither yes nor no", cause);
	*(bool *)slot = yes;
	return 0;
}

static int
set_action(const struct conf_option *o, void *slot, const char *value,
    char cause[static ERR_LEN])
{
	(void)o;
	(void)value;
	(void)cause;
	*(bool *)slot = true;
	return 0;
}

static int
set_string(const struct conf_option *o, void *slot, const char *value,
    char cause[static ERR_LEN])
{
	char **s = slot;
	char *copy;

	if (o->check && o->check(value, cause) != 0)
		return -1;
	copy = xstrdup(value);
	free(*s);
	*s = copy;
	return 0;
}

/* "a, b, c" */
static void
join_choices(struct buf *out, const struct conf_option *o)
{
	for (size_t i = 0; o->choices[i]; i++)
		buf_addf(out, "%s%s", i ? ", " : "", o->choices[i]);
}

static int
set_enum(const struct conf_option *o, void *slot, const char *value,
    char cause[static ERR_LEN])
{
	for (int i = 0; o->choices[i]; i++)
		if (strcmp(value, o->choices[i]) == 0) {
			*(int *)slot = i;
			return 0;
		}
	struct buf words = {0};
	buf_add_str(&words, "is not one of ");
	join_choices(&words, o);
	buf_add(&words, "", 1);
	complain(o, value, buf_head(&words), cause);
	buf_free(&words);
	return -1;
}

static void
clear_list(struct conf_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct conf_list){0};
}

/* Each word of the value is an item. */
static int
set_list(const struct conf_option *o, void *slot, const char *value,
    char cause[static ERR_LEN])
{
	struct conf_list *list = slot;
	static const char blank[] = " \t";

	for (const char *p = value + strspn(value, blank); *p;) {
		size_t len = strcspn(p, blank);
		char *item = xstrndup(p, len);
		if (o->check && o->check(item, cause) != 0) {
			free(item);
			return -1;
		}
		list->items = xreallocarray(
		    list->items, list->n + 1, sizeof(*list->items));
		list->items[list->n++] = item;
		p += len + strspn(p + len, blank);
	}
	return 0;
}

typedef int (*set_fn)(const struct conf_option *o, void *slot,
    const char *value, char cause[static ERR_LEN]);

static const set_fn setters[] = {
    [CONF_FLAG] = set_flag,
    [CONF_INT] = set_int,
    [CONF_SIZE] = set_size,
    [CONF_DURATION] = set_duration,
    [CONF_STRING] = set_string,
    [CONF_ENUM] = set_enum,
    [CONF_LIST] = set_list,
    [CONF_ACTION] = set_action,
};

static void *
slot_of(const struct conf_option *o, void *config)
{
	return (char *)config + o->offset;
}

int
conf_set(const struct conf_option *o, void *config, const char *value,
    char cause[static ERR_LEN])
{
	return setters[o->type](o, slot_of(o, config), value, cause);
}

static bool
is_same_string(const void *a, const void *b)
{
	const char *s = *(char *const *)a, *t = *(char *const *)b;

	return s && t ? strcmp(s, t) == 0 : s == t;
}

static bool
is_same_list(const void *a, const void *b)
{
	const struct conf_list *s = a, *t = b;

	if (s->n != t->n)
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->items[i], t->items[i]) != 0)
			return false;
	return true;
}

/* What a value is in the program's struct; without is_same: its bytes. */
static const struct {
	size_t size;
	bool (*is_same)(const void *a, const void *b);
} slots[] = {
    [CONF_FLAG] = {sizeof(bool), NULL},
    [CONF_INT] = {sizeof(int64_t), NULL},
    [CONF_SIZE] = {sizeof(int64_t), NULL},
    [CONF_DURATION] = {sizeof(int64_t), NULL},
    [CONF_STRING] = {sizeof(char *), is_same_string},
    [CONF_ENUM] = {sizeof(int), NULL},
    [CONF_LIST] = {sizeof(struct conf_list), is_same_list},
    [CONF_ACTION] = {sizeof(bool), NULL},
};

bool
conf_is_same(const struct conf_option *o, const void *a, const void *b)
{
	a = (const char *)a + o->offset;
	b = (const char *)b + o->offset;
	if (slots[o->type].is_same)
		return slots[o->type].is_same(a, b);
	return memcmp(a, b, slots[o->type].size) == 0;
}

void
conf_swap(const struct conf_option *o, void *a, void *b)
{
	char kept[sizeof(struct conf_list)];
	size_t size = slots[o->type].size;

	_Static_assert(sizeof kept >= sizeof(int64_t), "the largest value");
	memcpy(kept, slot_of(o, a), size);
	memcpy(slot_of(o, a), slot_of(o, b), size);
	memcpy(slot_of(o, b), kept, size);
}

void
conf_defaults(const struct conf_table *t, void *config)
{
	char cause[ERR_LEN];

	for (size_t i = 0; i < t->n; i++) {
		const struct conf_option *o = &t->options[i];
		int err = o->def ? conf_set(o, config, o->def, cause) : 0;
		/* A default that its own row refuses is a bug. */
		assert(err == 0);
		(void)err;
	}
}

void
conf_free(const struct conf_table *t, void *config)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct conf_option *o = &t->options[i];
		void *slot = slot_of(o, config);
		if (o->type == CONF_STRING) {
			free(*(char **)slot);
			*(char **)slot = NULL;
		} else if (o->type == CONF_LIST) {
			clear_list(slot);
		}
	}
}

/* The file, or the command line: its first item of a list replaces those of
 * the source before. */
struct source {
	const struct conf_table *table;
	void *config;
	bool *seen; /* by row */
};

static int
source_set(
    struct source *s, size_t row, const char *value, char cause[static ERR_LEN])
{
	const struct conf_option *o = &s->table->options[row];

	if (o->type == CONF_LIST && !s->seen[row])
		clear_list(slot_of(o, s->config));
	s->seen[row] = true;
	return conf_set(o, s->config, value, cause);
}

/* The name of the option that was probably meant, or NULL. */
static const char *
nearest(const struct conf_table *t, const char *name, bool in_file)
{
	const char *best = NULL;
	size_t least = NEAR_ENOUGH + 1;

	for (size_t i = 0; i < t->n; i++) {
		const struct conf_option *o = &t->options[i];
		if (in_file && !o->section)
			continue;
		size_t d = text_distance(span_of(name), span_of(o->name));
		if (d < least) {
			least = d;
			best = o->name;
		}
	}
	return best;
}

/* What inih is given to read from, and what went wrong there. */
struct reader {
	struct source source;
	FILE *file;
	const char *path;
	const char *const *others;
	conf_other_fn other_fn;
	void *other_arg;
	unsigned line;
	unsigned bad_line; /* of the first error; 0: none */
	char cause[ERR_LEN];
};

static bool
has_failed(const struct reader *r)
{
	return r->bad_line != 0;
}

static void
reader_fail(struct reader *r, const char *why)
{
	if (has_failed(r))
		return;
	r->bad_line = r->line;
	if (why != r->cause)
		snprintf(r->cause, sizeof(r->cause), "%s", why);
}

/* Up to and with the LF; NULL at the end, or where it does not fit. */
static const char *
get_line(FILE *f, char *line, int cap, const char **why)
{
	int n = 0;
	int c = EOF;

	while (n < cap - 1 && (c = getc(f)) != EOF) {
		if (c == '\0') {
			*why = "a NUL byte; this is no text file";
			return NULL;
		}
		line[n++] = (char)c;
		if (c == '\n')
			break;
	}
	line[n] = '\0';
	if (ferror(f)) {
		*why = strerror(errno);
		return NULL;
	}
	if (n == 0)
		return NULL;
	/* A last line without its LF is no longer for that. */
	if (n == cap - 1 && line[n - 1] != '\n') {
		*why = "the line is too long; at most 198 bytes";
		return NULL;
	}
	return line;
}

/* What inih would read otherwise than it looks. */
static const char *
judge_line(const char *line)
{
	size_t blank = strspn(line, " \t");
	const char *start = line + blank;
	size_t len = strcspn(line, "\r\n");

	if (text_check(line, len, NULL) != 0)
		return "not UTF-8, or a control character";
	if (line[len] == '\r' && line[len + 1] != '\n' && line[len + 1] != '\0')
		return "a carriage return within the line";
	if (strchr("#;\r\n", *start))
		return NULL;
	if (blank > 0)
		return "the line is indented; begin it at the left";
	if (*start == '[' && strcspn(start + 1, "]\n") > SECTION_MAX)
		return "the section's name is too long; at most 49 bytes";
	return NULL;
}

static char *
on_read(char *line, int cap, void *stream)
{
	struct reader *r = stream;
	const char *why = NULL;

	r->line++;
	if (!get_line(r->file, line, cap, &why)) {
		if (why)
			reader_fail(r, why);
		return NULL;
	}
	/* A byte order mark is inih's to skip. */
	bool bom = r->line == 1 && memcmp(line, "\xef\xbb\xbf", 3) == 0;
	why = judge_line(bom ? line + 3 : line);
	if (!why)
		return line;
	reader_fail(r, why);
	return NULL;
}

/* "server" also stands for "server den". */
static bool
is_other(const struct reader *r, const char *section)
{
	for (size_t i = 0; r->others && r->others[i]; i++) {
		size_t len = strlen(r->others[i]);
		if (strncmp(section, r->others[i], len) == 0 &&
		    (section[len] == '\0' || section[len] == ' '))
			return true;
	}
	return false;
}

/* An entry that fits no row: what is the matter with it? */
static void
explain_unknown(struct reader *r, const char *section, const char *key)
{
	const struct conf_table *t = r->source.table;
	const char *near = nearest(t, key, true);
	bool section_known = false;
	char shown[SHOWN_MAX], where[SHOWN_MAX];

	text_escape(shown, sizeof(shown), span_of(key));
	text_escape(where, sizeof(where), span_of(section));
	for (size_t i = 0; i < t->n; i++) {
		const struct conf_option *o = &t->options[i];
		if (!o->section)
			continue;
		section_known |= strcmp(o->section, section) == 0;
		if (strcmp(o->name, key) != 0)
			continue;
		snprintf(r->cause, ERR_LEN, "%s belongs under [%s]", shown,
		    o->section);
		return;
	}
	if (!section_known)
		snprintf(r->cause, ERR_LEN,
		    section[0] ? "no section is called [%s]"
			       : "%s\"%s\" stands before any [section]",
		    where, shown);
	else
		snprintf(r->cause, ERR_LEN, "[%s] has no \"%s\"%s%s%s", where,
		    shown, near ? "; did you mean " : "", near ? near : "",
		    near ? "?" : "");
}

static int
on_entry(void *user, const char *section, const char *key, const char *value)
{
	struct reader *r = user;
	const struct conf_table *t = r->source.table;
	int err = -1;

	if (has_failed(r))
		return 0;
	if (is_other(r, section)) {
		err = r->other_fn(r->other_arg, section, key, value, r->cause);
	} else {
		size_t i = 0;
		while (i < t->n &&
		       (!t->options[i].section ||
			   strcmp(t->options[i].section, section) != 0 ||
			   strcmp(t->options[i].name, key) != 0))
			i++;
		if (i < t->n)
			err = source_set(&r->source, i, value, r->cause);
		else
			explain_unknown(r, section, key);
	}
	if (err)
		reader_fail(r, r->cause);
	return err == 0;
}

int
conf_read_stream(const struct conf_table *t, void *config, FILE *f,
    const char *path, const char *const *others, conf_other_fn other_fn,
    void *arg, char cause[static ERR_LEN])
{
	struct reader r = {
	    .source = {t, config, xcalloc(t->n, sizeof(bool))},
	    .file = f,
	    .path = path,
	    .others = others,
	    .other_fn = other_fn,
	    .other_arg = arg,
	};

	int line = ini_parse_stream(on_read, &r, on_entry, &r);
	free(r.source.seen);
	/* Lines that inih itself could not read are told by number only. */
	if (line > 0 && (!has_failed(&r) || (unsigned)line < r.bad_line)) {
		r.bad_line = 0;
		r.line = (unsigned)line;
		reader_fail(&r, "neither [section] nor key = value");
	}
	if (!has_failed(&r))
		return 0;
	snprintf(
	    cause, ERR_LEN, "%.100s:%u: %.140s", path, r.bad_line, r.cause);
	return -1;
}

int
conf_read_file(const struct conf_table *t, void *config, const char *path,
    const char *const *others, conf_other_fn other_fn, void *arg,
    char cause[static ERR_LEN])
{
	FILE *f = fopen(path, "re");

	if (!f) {
		snprintf(cause, ERR_LEN, "%.100s: %s", path, strerror(errno));
		return -1;
	}
	int err =
	    conf_read_stream(t, config, f, path, others, other_fn, arg, cause);
	fclose(f);
	return err;
}

/* getopt_long's own description of a table. */
struct grammar {
	struct option *longs;
	struct buf letters;
};

static void
grammar_init(struct grammar *g, const struct conf_table *t)
{
	size_t n = 0;

	g->longs = xcalloc(2 * t->n + 1, sizeof(*g->longs));
	g->letters = (struct buf){0};
	buf_add_str(&g->letters, ":");
	for (size_t i = 0; i < t->n; i++) {
		const struct conf_option *o = &t->options[i];
		bool bare = o->type == CONF_FLAG || o->type == CONF_ACTION;
		g->longs[n++] = (struct option){.name = o->name,
		    .has_arg = o->type == CONF_FLAG ? optional_argument
			       : bare               ? no_argument
						    : required_argument,
		    .val = VAL_BASE + (int)i};
		if (o->type == CONF_FLAG)
			g->longs[n++] =
			    (struct option){.name = xasprintf("no-%s", o->name),
				.has_arg = no_argument,
				.val = VAL_BASE + (int)(t->n + i)};
		if (o->letter)
			buf_addf(
			    &g->letters, "%c%s", o->letter, bare ? "" : ":");
	}
	buf_add(&g->letters, "", 1);
}

static void
grammar_fini(struct grammar *g, const struct conf_table *t)
{
	for (struct option *o = g->longs; o->name; o++)
		if (o->val >= VAL_BASE + (int)t->n)
			free((char *)(uintptr_t)o->name);
	free(g->longs);
	buf_free(&g->letters);
}

/* The row of a value that getopt gave; *negated for --no-name. */
static size_t
row_of(const struct conf_table *t, int val, bool *negated)
{
	size_t row = 0;

	*negated = false;
	if (val >= VAL_BASE) {
		row = (size_t)(val - VAL_BASE);
		*negated = row >= t->n;
		return *negated ? row - t->n : row;
	}
	while (t->options[row].letter != val)
		row++;
	return row;
}

static void
explain_option(const struct conf_table *t, int got, char *const *argv,
    char cause[static ERR_LEN])
{
	bool negated;
	char shown[SHOWN_MAX];
	const char *word = argv[optind - 1];

	if (optopt != 0 && (got == ':' || optopt >= VAL_BASE)) {
		const struct conf_option *o =
		    &t->options[row_of(t, optopt, &negated)];
		if (got == ':')
			snprintf(cause, ERR_LEN, "--%s wants a value: --%s=%s",
			    o->name, o->name, o->arg ? o->arg : "VALUE");
		else
			snprintf(
			    cause, ERR_LEN, "--%s takes no value", o->name);
		return;
	}
	if (optopt != 0) {
		char letter = (char)optopt;
		snprintf(cause, ERR_LEN, "no option is called -%s; try --help",
		    text_escape(
			shown, sizeof(shown), (struct span){&letter, 1}));
		return;
	}
	text_escape(shown, sizeof(shown),
	    (struct span){word + 2, strcspn(word + 2, "=")});
	const char *near = nearest(t, shown, false);
	snprintf(cause, ERR_LEN,
	    "no option is called --%s, or several begin so; %s%s%s", shown,
	    near ? "did you mean --" : "try --help", near ? near : "",
	    near ? "?" : "");
}

/* Is told of each option, in order; -1 stops. */
typedef int (*option_fn)(
    void *arg, size_t row, const char *value, char cause[static ERR_LEN]);

/* Walks over the options; on an error of form, stops if it is `strict`. */
static int
walk_args(const struct conf_table *t, int argc, char **argv, bool strict,
    option_fn fn, void *arg, char cause[static ERR_LEN])
{
	struct grammar g;
	int got, err = 0;

	grammar_init(&g, t);
	optind = 0; /* glibc: begin anew, whatever was read before */
	opterr = 0;
	while (err == 0 && (got = getopt_long(argc, argv, buf_head(&g.letters),
				g.longs, NULL)) != -1) {
		bool negated;
		if (got == '?' || got == ':') {
			explain_option(t, got, argv, cause);
			err = strict ? -1 : 0;
			continue;
		}
		size_t row = row_of(t, got, &negated);
		const char *bare = negated ? "no" : "yes";
		err = fn(arg, row, optarg ? optarg : bare, cause);
	}
	grammar_fini(&g, t);
	return err ? -1 : optind;
}

static int
on_option(void *arg, size_t row, const char *value, char cause[static ERR_LEN])
{
	return source_set(arg, row, value, cause);
}

int
conf_read_args(const struct conf_table *t, void *config, int argc, char **argv,
    char cause[static ERR_LEN])
{
	struct source s = {t, config, xcalloc(t->n, sizeof(bool))};
	int rest = walk_args(t, argc, argv, true, on_option, &s, cause);

	free(s.seen);
	return rest;
}

struct peek {
	const struct conf_table *table;
	const char *name;
	const char *value;
};

static int
on_peek(void *arg, size_t row, const char *value, char cause[static ERR_LEN])
{
	struct peek *p = arg;

	(void)cause;
	if (strcmp(p->table->options[row].name, p->name) == 0)
		p->value = value;
	return 0;
}

const char *
conf_peek_arg(
    const struct conf_table *t, int argc, char **argv, const char *name)
{
	struct peek p = {t, name, NULL};
	char ignored[ERR_LEN];
	char **copy = xcalloc((size_t)argc + 1, sizeof(*copy));

	/* getopt sorts what it reads; this is only a look. */
	memcpy(copy, argv, (size_t)argc * sizeof(*copy));
	(void)walk_args(t, argc, copy, false, on_peek, &p, ignored);
	free(copy);
	return p.value;
}

bool
conf_peek_flag(
    const struct conf_table *t, int argc, char **argv, const char *name)
{
	const char *value = conf_peek_arg(t, argc, argv, name);

	return value && strcmp(value, "no") != 0;
}

/* Words from `column` on, broken before the right edge; ends the line. */
static void
print_wrapped(FILE *out, const char *words, int column, int indent)
{
	while (*words) {
		int len = (int)strcspn(words, " ");
		if (column > indent && column + 1 + len > HELP_WIDTH) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
		}
		if (column > indent)
			column += fprintf(out, " ");
		column += fprintf(out, "%.*s", len, words);
		words += len;
		words += strspn(words, " ");
	}
	fprintf(out, "\n");
}

/* "  -l, --listen=ADDR" */
static void
format_option(struct buf *out, const struct conf_option *o)
{
	if (o->letter)
		buf_addf(out, "  -%c, --", o->letter);
	else
		buf_add_str(out, "      --");
	buf_addf(out, "%s%s", o->type == CONF_FLAG ? "[no-]" : "", o->name);
	if (o->type != CONF_FLAG && o->type != CONF_ACTION)
		buf_addf(out, "=%s", o->arg ? o->arg : "VALUE");
	buf_add(out, "", 1);
}

static void
print_option(const struct conf_option *o, FILE *out)
{
	struct buf left = {0}, right = {0};

	format_option(&left, o);
	buf_add_str(&right, o->help);
	if (o->def)
		buf_addf(&right, " (default %s)", o->def);
	buf_add(&right, "", 1);
	int column = fprintf(out, "%s", buf_head(&left));
	if (column > HELP_COLUMN - 2) {
		fprintf(out, "\n");
		column = 0;
	}
	fprintf(out, "%*s", HELP_COLUMN - column, "");
	print_wrapped(out, buf_head(&right), HELP_COLUMN, HELP_COLUMN);
	buf_free(&left);
	buf_free(&right);
}

static bool
begins_section(const struct conf_table *t, size_t i)
{
	const char *here = t->options[i].section;

	return here && (i == 0 || !t->options[i - 1].section ||
			   strcmp(t->options[i - 1].section, here) != 0);
}

void
conf_print_help(const struct conf_table *t, FILE *out)
{
	for (size_t i = 0; i < t->n; i++) {
		if (begins_section(t, i))
			fprintf(out, "\nUnder [%s] in the file:\n",
			    t->options[i].section);
		print_option(&t->options[i], out);
	}
}

static void
print_sample_entry(const struct conf_option *o, FILE *out)
{
	struct buf words = {0};

	buf_add_str(&words, o->help);
	if (o->choices) {
		buf_add_str(&words, "; one of ");
		join_choices(&words, o);
	}
	buf_add(&words, "", 1);
	fprintf(out, "\n#");
	/* Each further line of the comment begins with "# " as well. */
	int column = 1;
	for (const char *p = buf_head(&words); *p;) {
		int len = (int)strcspn(p, " ");
		if (column > 1 && column + 1 + len > HELP_WIDTH)
			column = fprintf(out, "\n#") - 1;
		column += fprintf(out, " %.*s", len, p);
		p += len;
		p += strspn(p, " ");
	}
	fprintf(out, "\n#%s =%s%s\n", o->name, o->def ? " " : "",
	    o->def ? o->def : "");
	buf_free(&words);
}

void
conf_print_sample(const struct conf_table *t, FILE *out)
{
	bool first = true;

	for (size_t i = 0; i < t->n; i++) {
		if (!t->options[i].section)
			continue;
		if (begins_section(t, i)) {
			fprintf(out, "%s[%s]\n", first ? "" : "\n",
			    t->options[i].section);
			first = false;
		}
		print_sample_entry(&t->options[i], out);
	}
}
