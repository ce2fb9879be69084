/* SPDX-License-Identifier: ISC */
/* base/conf.c: option tables. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"

struct config {
	char *file;
	bool help;
	bool wrap;
	int64_t count;
	int64_t size;
	int64_t wait;
	char *name;
	int mode;
	struct conf_list listen;
};

#define AT(field) offsetof(struct config, field)
#define HOUR (INT64_C(3600) * 1000)

static const char *const modes[] = {"fast", "slow", NULL};

static const struct conf_option options[] = {
    {NULL, "config", 'c', CONF_STRING, AT(file), 0, 0, NULL, NULL, "FILE",
	"read FILE"},
    {NULL, "help", 'h', CONF_ACTION, AT(help), 0, 0, NULL, NULL, NULL,
	"print this"},
    {"look", "wrap", 'w', CONF_FLAG, AT(wrap), 0, 0, "yes", NULL, NULL,
	"wrap long lines"},
    {"look", "count", 0, CONF_INT, AT(count), -5, 100, "7", NULL, "N",
	"how many"},
    {"limits", "size", 's', CONF_SIZE, AT(size), 1, 1 << 30, "16K", NULL,
	"BYTES", "how big"},
    {"limits", "wait", 0, CONF_DURATION, AT(wait), 10, 24 * HOUR, "1s", NULL,
	"TIME", "how long"},
    {"limits", "name", 0, CONF_STRING, AT(name), 0, 0, NULL, NULL, "NAME",
	"what it is called, in so many words that they do not fit on one line"},
    {"limits", "mode", 0, CONF_ENUM, AT(mode), 0, 0, "slow", modes, "MODE",
	"how fast"},
    {"limits", "listen", 'l', CONF_LIST, AT(listen), 0, 0, "a b", NULL, "ADDR",
	"where"},
};

static const struct conf_table table = {options, ARRAY_LEN(options)};

/* A config with its defaults, for each test. */
static int
setup(void **state)
{
	struct config *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	conf_defaults(&table, c);
	*state = c;
	return 0;
}

static int
teardown(void **state)
{
	conf_free(&table, *state);
	free(*state);
	return 0;
}

/* Reads text as a file called "t". */
static int
read_bytes(struct config *c, const char *text, size_t len, char *cause)
{
	FILE *f = fmemopen((char *)(uintptr_t)text, len, "r");

	assert_non_null(f);
	int err = conf_read_stream(&table, c, f, "t", NULL, NULL, NULL, cause);
	fclose(f);
	return err;
}

static int
read_text(struct config *c, const char *text, char *cause)
{
	return read_bytes(c, text, strlen(text), cause);
}

static void
assert_reads(struct config *c, const char *text)
{
	char cause[ERR_LEN] = "";

	if (read_text(c, text, cause) != 0)
		fail_msg("%s", cause);
}

static void
assert_refuses(struct config *c, const char *text, const char *why)
{
	char cause[ERR_LEN] = "";

	assert_int_equal(read_text(c, text, cause), -1);
	assert_string_equal(cause, why);
}

/* Reads a command line; the words are copied, since getopt sorts them. */
static int
read_args(struct config *c, char *cause, const char *const *words)
{
	char *argv[16] = {(char *)(uintptr_t) "prog"};
	int argc = 1;

	for (; words[argc - 1]; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
	return conf_read_args(&table, c, argc, argv, cause);
}

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void
assert_list(const struct conf_list *list, const char *items)
{
	char joined[128] = "";

	for (size_t i = 0; i < list->n; i++) {
		strcat(joined, i ? " " : "");
		strcat(joined, list->items[i]);
	}
	assert_string_equal(joined, items);
}

static void
defaults_are_what_the_table_says(void **state)
{
	const struct config *c = *state;

	assert_true(c->wrap);
	assert_int_equal(c->count, 7);
	assert_int_equal(c->size, 16384);
	assert_int_equal(c->wait, 1000);
	assert_null(c->name);
	assert_int_equal(c->mode, 1);
	assert_list(&c->listen, "a b");
	assert_false(c->help);
}

static void
reads_sizes_and_times_with_their_units(void **state)
{
	static const struct {
		const char *value;
		int64_t size;
	} sizes[] = {{"1", 1}, {"16384", 16384}, {"16K", 16384},
	    {"1M", 1 << 20}, {"1G", 1 << 30}};
	static const struct {
		const char *value;
		int64_t ms;
	} times[] = {{"10ms", 10}, {"5", 5000}, {"10s", 10000}, {"5m", 300000},
	    {"2h", 2 * HOUR}, {"1d", 24 * HOUR}};
	struct config *c = *state;
	char cause[ERR_LEN];

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		assert_int_equal(
		    conf_set(&options[4], c, sizes[i].value, cause), 0);
		assert_int_equal(c->size, sizes[i].size);
	}
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		assert_int_equal(
		    conf_set(&options[5], c, times[i].value, cause), 0);
		assert_int_equal(c->wait, times[i].ms);
	}
	assert_int_equal(conf_set(&options[3], c, "-5", cause), 0);
	assert_int_equal(c->count, -5);
}

static void
refuses_a_value_that_does_not_fit_and_names_the_mend(void **state)
{
	static const struct {
		size_t row;
		const char *value, *why;
	} rows[] = {
	    {2, "true", "wrap: \"true\" is neither yes nor no"},
	    {2, "", "wrap: \"\" is neither yes nor no"},
	    {3, "", "count: \"\" is not a whole number"},
	    {3, "1K", "count: \"1K\" is not a whole number"},
	    {3, "0x1", "count: \"0x1\" is not a whole number"},
	    {3, "101", "count: \"101\" is not within -5 and 100"},
	    {3, "-6", "count: \"-6\" is not within -5 and 100"},
	    {3, "99999999999999999999",
		"count: \"99999999999999999999\" is not a whole number"},
	    {4, "1k",
		"size: \"1k\" is not a size; write bytes as 16384, 16K or 1M"},
	    {4, "9223372036854775807K",
		"size: \"9223372036854775807K\" is not a size; write bytes as "
		"16384, 16K or 1M"},
	    {4, "0", "size: \"0\" is not within 1 and 1G"},
	    {5, "1 s",
		"wait: \"1 s\" is not a time; write it as 500ms, 10s, 5m, 2h "
		"or 30d"},
	    {5, "9ms", "wait: \"9ms\" is not within 10ms and 1d"},
	    {7, "medium", "mode: \"medium\" is not one of fast, slow"},
	    {7, "\x1b[2J", "mode: \"\\x1b[2J\" is not one of fast, slow"},
	};
	struct config *c = *state;
	char cause[ERR_LEN];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(
		    conf_set(&options[rows[i].row], c, rows[i].value, cause),
		    -1);
		assert_string_equal(cause, rows[i].why);
	}
	assert_int_equal(c->size, 16384);
}

static void
reads_a_file(void **state)
{
	struct config *c = *state;

	assert_reads(c, "\xef\xbb\xbf# a comment\r\n"
			"  ; another\n"
			"\n"
			"[look]\n"
			"wrap = no\n"
			"count=9\n"
			"[limits]\r\n"
			"size = 2M ; because\r\n"
			"name =  a name with spaces \n"
			"mode: fast\n"
			"listen = x y\n"
			"listen = z");

	assert_false(c->wrap);
	assert_int_equal(c->count, 9);
	assert_int_equal(c->size, 2 << 20);
	assert_string_equal(c->name, "a name with spaces");
	assert_int_equal(c->mode, 0);
	assert_list(&c->listen, "x y z");
}

static void
refuses_unknown_sections_and_keys_with_file_and_line(void **state)
{
	struct config *c = *state;

	assert_refuses(
	    c, "\n[colours]\nx = 1\n", "t:3: no section is called [colours]");
	assert_refuses(c, "[look]\nwarp = no\n",
	    "t:2: [look] has no \"warp\"; did you mean wrap?");
	assert_refuses(c, "[look]\nfrobnicate = no\n",
	    "t:2: [look] has no \"frobnicate\"");
	assert_refuses(c, "[look]\nsize = 1\n",
	    "t:2: size belongs under "
	    "[limits]");
	assert_refuses(c, "wrap = no\n", "t:1: wrap belongs under [look]");
	assert_refuses(c, "x = no\n", "t:1: \"x\" stands before any [section]");
	/* Only for the command line. */
	assert_refuses(
	    c, "[look]\nhelp = yes\n", "t:2: [look] has no \"help\"");
	assert_refuses(c, "[look]\ncount = many\n",
	    "t:2: count: \"many\" is not a whole number");
}

static void
refuses_lines_that_would_be_cut_joined_or_misread(void **state)
{
	struct config *c = *state;
	char text[512], cause[ERR_LEN];

	assert_refuses(c, "[limits]\nname = a\n b\n",
	    "t:3: the line is indented; begin it at the left");
	assert_refuses(c, "[limits]\n\tname = a\n",
	    "t:2: the line is indented; begin it at the left");
	assert_refuses(
	    c, "[limits]\nname\n", "t:2: neither [section] nor key = value");
	assert_refuses(
	    c, "[limits\n", "t:1: neither [section] nor key = value");
	assert_refuses(c, "[limits]\nname = \xff\n",
	    "t:2: not UTF-8, or a control character");
	assert_refuses(c, "[limits]\nname = a\rb = c\n",
	    "t:2: a carriage return within the line");
	static const char nul[] = "[limits]\nname = a\0b\n";
	assert_int_equal(read_bytes(c, nul, sizeof(nul) - 1, cause), -1);
	assert_string_equal(cause, "t:2: a NUL byte; this is no text file");

	snprintf(text, sizeof(text), "[limits]\nname = %0*d\n", 191, 0);
	assert_reads(c, text);
	assert_int_equal(strlen(c->name), 191);
	snprintf(text, sizeof(text), "[limits]\nname = %0*d\n", 193, 0);
	assert_refuses(c, text, "t:2: the line is too long; at most 198 bytes");
	snprintf(text, sizeof(text), "[%050d]\n", 0);
	assert_refuses(
	    c, text, "t:1: the section's name is too long; at most 49 bytes");
}

static void
tells_the_first_of_several_errors(void **state)
{
	assert_refuses(*state, "[look]\nnonsense\ncount = x\n",
	    "t:2: neither [section] nor key = value");
	assert_refuses(*state, "[look]\ncount = x\nnonsense\nwrap = 5\n",
	    "t:2: count: \"x\" is not a whole number");
}

static int
on_other(void *arg, const char *section, const char *key, const char *value,
    char cause[static ERR_LEN])
{
	char *seen = arg;

	if (strcmp(value, "bad") == 0) {
		snprintf(cause, ERR_LEN, "%s is bad", key);
		return -1;
	}
	strcat(strcat(strcat(seen, section), "/"), key);
	strcat(seen, " ");
	return 0;
}

static void
hands_other_sections_to_their_reader(void **state)
{
	static const char *const others[] = {"server", "keys", NULL};
	static const char text[] = "[server]\na = 1\n"
				   "[server den]\nb = 2\n"
				   "[keys]\nc = 3\n"
				   "[look]\ncount = 3\n";
	struct config *c = *state;
	char seen[64] = "", cause[ERR_LEN];

	FILE *f = fmemopen((char *)(uintptr_t)text, sizeof(text) - 1, "r");
	assert_int_equal(
	    conf_read_stream(&table, c, f, "t", others, on_other, seen, cause),
	    0);
	fclose(f);
	assert_string_equal(seen, "server/a server den/b keys/c ");
	assert_int_equal(c->count, 3);

	static const char bad[] = "[keys]\nx = bad\n";
	f = fmemopen((char *)(uintptr_t)bad, sizeof(bad) - 1, "r");
	assert_int_equal(
	    conf_read_stream(&table, c, f, "t", others, on_other, seen, cause),
	    -1);
	fclose(f);
	assert_string_equal(cause, "t:2: x is bad");

	static const char unknown[] = "[servers]\nx = 1\n";
	f = fmemopen((char *)(uintptr_t)unknown, sizeof(unknown) - 1, "r");
	assert_int_equal(
	    conf_read_stream(&table, c, f, "t", others, on_other, seen, cause),
	    -1);
	fclose(f);
}

static void
says_why_a_file_cannot_be_read(void **state)
{
	char cause[ERR_LEN];

	assert_int_equal(conf_read_file(&table, *state, "/nonexistent/x", NULL,
			     NULL, NULL, cause),
	    -1);
	assert_string_equal(cause, "/nonexistent/x: No such file or directory");
	assert_int_equal(
	    conf_read_file(&table, *state, "/", NULL, NULL, NULL, cause), -1);
	assert_non_null(strstr(cause, "Is a directory"));
}

static void
reads_a_command_line(void **state)
{
	struct config *c = *state;
	char cause[ERR_LEN];

	assert_int_equal(
	    read_args(c, cause,
		ARGS("--size=1K", "-l", "x", "word", "--wait", "3s",
		    "--listen=y z", "--no-wrap", "-h", "--", "--size=5")),
	    10);

	assert_int_equal(c->size, 1024);
	assert_int_equal(c->wait, 3000);
	assert_list(&c->listen, "x y z");
	assert_false(c->wrap);
	assert_true(c->help);
}

static void
a_flag_is_set_four_ways(void **state)
{
	struct config *c = *state;
	char cause[ERR_LEN];

	assert_int_equal(read_args(c, cause, ARGS("--no-wrap")), 2);
	assert_false(c->wrap);
	assert_int_equal(read_args(c, cause, ARGS("--wrap")), 2);
	assert_true(c->wrap);
	assert_int_equal(read_args(c, cause, ARGS("--wrap=no")), 2);
	assert_false(c->wrap);
	assert_int_equal(read_args(c, cause, ARGS("-w")), 2);
	assert_true(c->wrap);
	assert_int_equal(
	    read_args(c, cause, ARGS("--no-wrap", "--wrap=yes")), 3);
	assert_true(c->wrap);
	assert_int_equal(read_args(c, cause, ARGS("--wrap=maybe")), -1);
	assert_string_equal(cause, "wrap: \"maybe\" is neither yes nor no");
}

static void
the_command_line_replaces_a_list_of_the_file(void **state)
{
	struct config *c = *state;
	char cause[ERR_LEN];

	assert_reads(c, "[limits]\nlisten = f\nlisten = g\n");
	assert_list(&c->listen, "f g");
	assert_true(read_args(c, cause, ARGS("-lh", "-l", "i")) > 0);
	assert_list(&c->listen, "h i");
	assert_true(read_args(c, cause, ARGS("--listen=")) > 0);
	assert_list(&c->listen, "");
}

static void
refuses_unknown_options_and_names_the_nearest(void **state)
{
	struct config *c = *state;
	char cause[ERR_LEN];

	assert_int_equal(read_args(c, cause, ARGS("--siez=1")), -1);
	assert_string_equal(cause, "no option is called --siez, or several "
				   "begin so; did you mean --size?");
	assert_int_equal(read_args(c, cause, ARGS("--frobnicate")), -1);
	assert_string_equal(cause, "no option is called --frobnicate, or "
				   "several begin so; try --help");
	assert_int_equal(read_args(c, cause, ARGS("-x")), -1);
	assert_string_equal(cause, "no option is called -x; try --help");
	assert_int_equal(read_args(c, cause, ARGS("--size")), -1);
	assert_string_equal(cause, "--size wants a value: --size=BYTES");
	assert_int_equal(read_args(c, cause, ARGS("-s")), -1);
	assert_string_equal(cause, "--size wants a value: --size=BYTES");
	assert_int_equal(read_args(c, cause, ARGS("--help=me")), -1);
	assert_string_equal(cause, "--help takes no value");
	assert_int_equal(read_args(c, cause, ARGS("--no-wrap=x")), -1);
	assert_int_equal(read_args(c, cause, ARGS("--no-size")), -1);
	assert_int_equal(read_args(c, cause, ARGS("--size=0")), -1);
	assert_string_equal(cause, "size: \"0\" is not within 1 and 1G");
}

static void
peeks_at_an_option_without_judging_the_rest(void **state)
{
	char a[] = "prog", b[] = "--bogus", c[] = "word", d[] = "-c", e[] = "x";
	char f[] = "--config=y", g[] = "--", h[] = "--config=z", i[] = "-h";
	char *argv[] = {a, b, c, d, e, f, i, g, h, NULL};
	int argc = (int)ARRAY_LEN(argv) - 1;

	(void)state;

	assert_string_equal(conf_peek_arg(&table, argc, argv, "config"), "y");
	assert_string_equal(conf_peek_arg(&table, 5, argv, "config"), "x");
	assert_null(conf_peek_arg(&table, argc, argv, "size"));
	assert_true(conf_peek_flag(&table, argc, argv, "help"));
	assert_false(conf_peek_flag(&table, 5, argv, "help"));
	assert_ptr_equal(argv[2], c);
}

/* What a printer writes, as a string to free(). */
static char *
printed(void (*print)(const struct conf_table *, FILE *))
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	print(&table, f);
	fclose(f);
	return text;
}

static void
help_fits_eighty_columns_and_names_every_option(void **state)
{
	char *text = printed(conf_print_help);

	(void)state;

	assert_non_null(strstr(text, "  -c, --config=FILE        read FILE\n"));
	assert_non_null(strstr(text,
	    "  -w, --[no-]wrap          wrap long lines (default yes)\n"));
	assert_non_null(strstr(text, "\nUnder [limits] in the file:\n"));
	for (size_t i = 0; i < table.n; i++)
		assert_non_null(strstr(text, table.options[i].name));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		assert_true(strlen(line) < 80);
	free(text);
}

static void
the_sample_file_reads_as_the_defaults(void **state)
{
	struct config *c = *state;
	char *text = printed(conf_print_sample);

	/* As it is, and with all that has a value no longer a comment. */
	assert_reads(c, text);
	for (char *p = text; (p = strstr(p, "\n#")); p++)
		if (p[2] != ' ' && strncmp(p, "\n#name =", 8) != 0)
			p[1] = '\n';
	assert_non_null(strstr(text, "\ncount = 7\n"));
	assert_reads(c, text);
	defaults_are_what_the_table_says(state);
	free(text);
}

static void
set(const struct conf_option *o, struct config *c, const char *value)
{
	char cause[ERR_LEN];

	assert_int_equal(conf_set(o, c, value, cause), 0);
}

/* A value other than the default, for each row that a file may have. */
static void
values_of_every_type_are_compared_and_change_places(void **state)
{
	static const char *const values[ARRAY_LEN(options)] = {
	    NULL, NULL, "no", "8", "1M", "2s", "den", "fast", "c"};
	struct config *a = *state, b = {0};

	conf_defaults(&table, &b);
	for (size_t i = 2; i < ARRAY_LEN(options); i++) {
		const struct conf_option *o = &options[i];

		assert_true(conf_is_same(o, a, &b));
		set(o, &b, values[i]);
		assert_false(conf_is_same(o, a, &b));
		conf_swap(o, a, &b);
		assert_false(conf_is_same(o, a, &b));
	}
	assert_false(a->wrap);
	assert_int_equal(a->count, 8);
	assert_int_equal(a->size, 1 << 20);
	assert_int_equal(a->wait, 2000);
	assert_string_equal(a->name, "den");
	assert_null(b.name);
	assert_int_equal(a->mode, 0);
	assert_int_equal(a->listen.n, 3);
	assert_int_equal(b.listen.n, 2);
	conf_free(&table, &b);
}

#define CONF_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    CONF_TEST(defaults_are_what_the_table_says),
	    CONF_TEST(reads_sizes_and_times_with_their_units),
	    CONF_TEST(refuses_a_value_that_does_not_fit_and_names_the_mend),
	    CONF_TEST(reads_a_file),
	    CONF_TEST(refuses_unknown_sections_and_keys_with_file_and_line),
	    CONF_TEST(refuses_lines_that_would_be_cut_joined_or_misread),
	    CONF_TEST(tells_the_first_of_several_errors),
	    CONF_TEST(hands_other_sections_to_their_reader),
	    CONF_TEST(says_why_a_file_cannot_be_read),
	    CONF_TEST(reads_a_command_line),
	    CONF_TEST(a_flag_is_set_four_ways),
	    CONF_TEST(the_command_line_replaces_a_list_of_the_file),
	    CONF_TEST(refuses_unknown_options_and_names_the_nearest),
	    CONF_TEST(peeks_at_an_option_without_judging_the_rest),
	    CONF_TEST(help_fits_eighty_columns_and_names_every_option),
	    CONF_TEST(the_sample_file_reads_as_the_defaults),
	    CONF_TEST(values_of_every_type_are_compared_and_change_places),
	};

	return RUN(tests);
}
