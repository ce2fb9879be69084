/* SPDX-License-Identifier: ISC */
/*
 * base/conf.c: a file or a command line that is accepted keeps within its
 * table, and what it set, written out, reads back the same.
 *
 * Input: a byte (even: a file; odd: a command line, words ended by LF), then
 * the bytes.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/conf.h"
#include "base/mem.h"
#include "base/text.h"
#include "tests/fuzz/fuzz.h"

struct config {
	bool help, wrap;
	int64_t count, size, wait;
	char *name;
	int mode;
	struct conf_list listen;
};

#define AT(field) offsetof(struct config, field)

static const char *const modes[] = {"fast", "slow", NULL};

static const struct conf_option options[] = {
    {NULL, "help", 'h', CONF_ACTION, AT(help), 0, 0, NULL, NULL, NULL, "help"},
    {"a", "wrap", 'w', CONF_FLAG, AT(wrap), 0, 0, "yes", NULL, NULL, "wrap"},
    {"a", "count", 0, CONF_INT, AT(count), -5, 100, "7", NULL, "N", "count"},
    {"b", "size", 's', CONF_SIZE, AT(size), 1, 1 << 30, "1K", NULL, "B",
	"size"},
    {"b", "wait", 0, CONF_DURATION, AT(wait), 10, 86400000, "1s", NULL, "T",
	"wait"},
    {"b", "name", 'n', CONF_STRING, AT(name), 0, 0, NULL, NULL, "S", "name"},
    {"b", "mode", 0, CONF_ENUM, AT(mode), 0, 0, "slow", modes, "M", "mode"},
    {"b", "listen", 'l', CONF_LIST, AT(listen), 0, 0, "x", NULL, "A", "where"},
};

static const struct conf_table table = {options, ARRAY_LEN(options)};

static int
on_other(void *arg, const char *section, const char *key, const char *value,
    char cause[static ERR_LEN])
{
	MUST(strcmp(section, "c") == 0 || strncmp(section, "c ", 2) == 0);
	*(size_t *)arg += strlen(key) + strlen(value);
	snprintf(cause, ERR_LEN, "not that");
	return strcmp(value, "bad") == 0 ? -1 : 0;
}

static int
read_file(struct config *c, const void *bytes, size_t len)
{
	static const char *const others[] = {"c", NULL};
	char cause[ERR_LEN] = "";
	size_t seen = 0;

	if (len == 0)
		return 0;
	FILE *f = fmemopen((void *)(uintptr_t)bytes, len, "r");
	MUST(f != NULL);
	int err =
	    conf_read_stream(&table, c, f, "t", others, on_other, &seen, cause);
	fclose(f);
	MUST(err == 0 || err == -1);
	MUST((err == 0) == (cause[0] == '\0'));
	MUST(err == 0 || strncmp(cause, "t:", 2) == 0);
	MUST(err == 0 ||
	     text_check(cause, strlen(cause), NULL) != -TEXT_ECONTROL);
	return err;
}

static int
read_args(struct config *c, const uint8_t *bytes, size_t len)
{
	char *words = xmalloc(len + 1), *argv[66] = {words};
	char cause[ERR_LEN] = "";
	int argc = 1;

	memcpy(words, bytes, len);
	words[len] = '\0';
	for (char *p = words; *p && argc < 64;) {
		argv[argc++] = p;
		p += strcspn(p, "\n");
		if (*p)
			*p++ = '\0';
	}
	char prog[] = "prog";
	argv[0] = prog;
	const char *name = conf_peek_arg(&table, argc, argv, "name");
	char *peeked = name ? xstrdup(name) : NULL;
	bool helped = conf_peek_flag(&table, argc, argv, "help");
	int rest = conf_read_args(&table, c, argc, argv, cause);
	MUST(rest >= -1 && rest <= argc);
	MUST((rest < 0) == (cause[0] != '\0'));
	/* A look sees what reading then sets. */
	if (rest >= 0)
		MUST(peeked ? strcmp(peeked, c->name) == 0 : c->name == NULL);
	MUST(rest < 0 || helped == c->help);
	free(peeked);
	free(words);
	return rest < 0 ? -1 : 0;
}

static void
write_file(const struct config *c, struct buf *out)
{
	buf_addf(out, "[a]\nwrap=%s\ncount=%" PRId64 "\n",
	    c->wrap ? "yes" : "no", c->count);
	buf_addf(out, "[b]\nsize=%" PRId64 "\nwait=%" PRId64 "ms\nmode=%s\n",
	    c->size, c->wait, modes[c->mode]);
	if (c->name)
		buf_addf(out, "name=%s\n", c->name);
	if (c->listen.n == 0)
		buf_add_str(out, "listen=\n");
	for (size_t i = 0; i < c->listen.n; i++)
		buf_addf(out, "listen=%s\n", c->listen.items[i]);
}

static void
check_same(const struct config *a, const struct config *b)
{
	MUST(a->wrap == b->wrap && a->count == b->count);
	MUST(a->size == b->size && a->wait == b->wait && a->mode == b->mode);
	MUST((a->name == NULL) == (b->name == NULL));
	MUST(!a->name || strcmp(a->name, b->name) == 0);
	MUST(a->listen.n == b->listen.n);
	for (size_t i = 0; i < a->listen.n; i++)
		MUST(strcmp(a->listen.items[i], b->listen.items[i]) == 0);
}

/* The sample file, with its keys in force, says nothing but the defaults; no
 * input changes that, so once is enough. */
static void
check_printed(void)
{
	static bool done;
	struct config c = {0}, defaults = {0};
	struct buf live = {0};
	char *text = NULL;
	size_t len = 0;
	FILE *f;

	if (done)
		return;
	done = true;
	MUST((f = open_memstream(&text, &len)) != NULL);
	conf_print_help(&table, f);
	conf_print_sample(&table, f);
	fclose(f);
	for (char *line = strstr(text, "\n[a]") + 1; *line;) {
		size_t n = strcspn(line, "\n") + 1;
		bool is_key = line[0] == '#' && line[1] != ' ';
		/* A key without a default has no value to be read. */
		bool is_set = is_key && line[n - 2] != '=';

		if (is_set)
			buf_add(&live, line + 1, n - 1);
		else if (line[0] == '[')
			buf_add(&live, line, n);
		line += n;
	}
	conf_defaults(&table, &c);
	conf_defaults(&table, &defaults);
	MUST(read_file(&c, buf_head(&live), buf_len(&live)) == 0);
	check_same(&c, &defaults);
	conf_free(&table, &c);
	conf_free(&table, &defaults);
	buf_free(&live);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config c = {0}, again = {0};
	struct buf text = {0};

	if (size < 1)
		return 0;
	check_printed();
	bool file = data[0] % 2 == 0;
	conf_defaults(&table, &c);
	int err = file ? read_file(&c, data + 1, size - 1)
		       : read_args(&c, data + 1, size - 1);
	if (err == 0) {
		MUST(c.count >= -5 && c.count <= 100);
		MUST(c.size >= 1 && c.size <= 1 << 30);
		MUST(c.wait >= 10 && c.wait <= 86400000);
		MUST(c.mode == 0 || c.mode == 1);
	}
	/* A word of the command line may hold what no file can. */
	if (err == 0 && file) {
		conf_defaults(&table, &again);
		write_file(&c, &text);
		MUST(read_file(&again, buf_head(&text), buf_len(&text)) == 0);
		check_same(&c, &again);
	}
	conf_free(&table, &c);
	conf_free(&table, &again);
	buf_free(&text);
	return 0;
}
