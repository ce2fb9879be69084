/* SPDX-License-Identifier: ISC */
/*
 * Reading the shared test data, without a JSON library: the files hold nothing
 * but strings in arrays and objects, so finding the strings is enough.
 */
#include "tests/unit/testdata.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *
folder(void)
{
	const char *dir = getenv("SNUG_TESTDATA");

	return dir ? dir : "../shared/testdata";
}

bool
testdata_is_there(void)
{
	if (access(folder(), R_OK | X_OK) == 0)
		return true;
	printf("1..0 # SKIP no test data at %s; set SNUG_TESTDATA\n", folder());
	return false;
}

bool
testdata_has(const char *name)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", folder(), name);
	if (access(path, R_OK) == 0)
		return true;
	print_message("no test data at %s; set SNUG_TESTDATA\n", path);
	return false;
}

static struct buf
read_whole(const char *path)
{
	struct buf b = {0};
	size_t n;

	FILE *f = fopen(path, "rb");
	if (!f)
		fail_msg("%s cannot be read", path);
	while ((n = fread(buf_reserve(&b, 65536), 1, 65536, f)) > 0)
		buf_added(&b, n);
	fclose(f);
	assert_true(buf_len(&b) > 0);
	return b;
}

struct buf
testdata_read(const char *name)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", folder(), name);
	return read_whole(path);
}

struct buf
testdata_read_own(const char *name)
{
	const char *srcdir = getenv("SNUG_SRCDIR");
	char path[1024];

	snprintf(path, sizeof(path), "%s/tests/unit/%s", srcdir ? srcdir : ".",
	    name);
	return read_whole(path);
}

bool
testdata_line(struct span *rest, struct span *line)
{
	if (rest->len == 0)
		return false;
	const char *lf = memchr(rest->p, '\n', rest->len);
	size_t len = lf ? (size_t)(lf - rest->p) : rest->len;
	*line = (struct span){rest->p, len};
	len += lf ? 1 : 0;
	*rest = (struct span){rest->p + len, rest->len - len};
	return true;
}

static int
hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c);

	return c && at ? (int)(at - digits) : -1;
}

void
testdata_unhex(struct buf *out, struct span hex)
{
	for (size_t i = 0; i < hex.len; i++) {
		if (hex.p[i] == ' ' || hex.p[i] == '\r')
			continue;
		assert_true(i + 1 < hex.len);
		int high = hex_value(hex.p[i]), low = hex_value(hex.p[++i]);
		assert_true(high >= 0 && low >= 0);
		char byte = (char)(high << 4 | low);
		buf_add(out, &byte, 1);
	}
}

/* Four hex digits behind \u. */
static uint32_t
json_unit(struct span *rest)
{
	uint32_t v = 0;

	assert_true(rest->len >= 4);
	for (int i = 0; i < 4; i++) {
		int digit = hex_value(rest->p[i]);
		assert_true(digit >= 0);
		v = v << 4 | (uint32_t)digit;
	}
	*rest = (struct span){rest->p + 4, rest->len - 4};
	return v;
}

static void
add_utf8(struct buf *out, uint32_t cp)
{
	char s[4];
	size_t n = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
	static const unsigned char marks[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (size_t i = n; i-- > 1; cp >>= 6)
		s[i] = (char)(0x80 | (cp & 0x3f));
	s[0] = (char)(marks[n] | cp);
	buf_add(out, s, n);
}

/* What follows a backslash. */
static void
json_escape(struct span *rest, struct buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char c = *rest->p;

	*rest = (struct span){rest->p + 1, rest->len - 1};
	if (c == 'u') {
		uint32_t cp = json_unit(rest);
		if (cp >= 0xd800 && cp < 0xdc00 && rest->len >= 6 &&
		    memcmp(rest->p, "\\u", 2) == 0) {
			*rest = (struct span){rest->p + 2, rest->len - 2};
			cp = 0x10000 + ((cp - 0xd800) << 10) +
			     (json_unit(rest) - 0xdc00);
		}
		add_utf8(out, cp);
		return;
	}
	const char *at = c ? strchr(from, c) : NULL;
	assert_non_null(at);
	buf_add(out, to + (at - from), 1);
}

bool
testdata_json_string(struct span *rest, struct buf *out, bool *is_key)
{
	const char *quote = rest->len ? memchr(rest->p, '"', rest->len) : NULL;

	buf_clear(out);
	if (!quote)
		return false;
	rest->len -= (size_t)(quote + 1 - rest->p);
	rest->p = quote + 1;
	for (;;) {
		assert_true(rest->len > 0);
		char c = *rest->p;
		*rest = (struct span){rest->p + 1, rest->len - 1};
		if (c == '"')
			break;
		if (c == '\\' && rest->len > 0)
			json_escape(rest, out);
		else
			buf_add(out, &c, 1);
	}
	size_t blank = 0;
	while (blank < rest->len && strchr(" \t\r\n", rest->p[blank]))
		blank++;
	*is_key = blank < rest->len && rest->p[blank] == ':';
	return true;
}

/* A member of the entry in the making. */
static void
take_member(struct entry *e, const char *key, struct span value)
{
	struct {
		const char *key;
		char *field;
		size_t cap;
	} fields[] = {{"id", e->id, sizeof(e->id)},
	    {"nick", e->nick, sizeof(e->nick)},
	    {"message", e->message, sizeof(e->message)}};

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (strcmp(key, fields[i].key) == 0)
			span_copy(fields[i].field, fields[i].cap, value);
	if (strcmp(key, "hex") == 0)
		testdata_unhex(&e->raw, value);
}

size_t
testdata_entries(
    const char *name, void (*fn)(const struct entry *e, void *arg), void *arg)
{
	struct buf file = testdata_read(name), s = {0};
	struct span rest = {buf_head(&file), buf_len(&file)};
	struct entry e = {.id = ""};
	char key[32] = "";
	bool is_key;
	size_t n = 0;

	/* An entry begins with its id, so the next one's ends it. */
	while (testdata_json_string(&rest, &s, &is_key)) {
		struct span value = {buf_head(&s), buf_len(&s)};
		if (is_key) {
			span_copy(key, sizeof(key), value);
			if (strcmp(key, "id") == 0 && n++ > 0) {
				fn(&e, arg);
				buf_free(&e.raw);
				e = (struct entry){.id = ""};
			}
			continue;
		}
		take_member(&e, key, value);
	}
	if (n > 0)
		fn(&e, arg);
	buf_free(&e.raw);
	buf_free(&s);
	buf_free(&file);
	return n;
}
