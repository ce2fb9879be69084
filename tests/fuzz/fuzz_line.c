/* SPDX-License-Identifier: ISC */
/*
 * proto/line.c against the grammar of the protocol's section 2 read a second
 * time, word by word; and what was parsed, written and parsed again, is the
 * same.  The input is a payload.
 */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include <utf8proc.h>

#include "proto/frame.h"
#include "proto/line.h"
#include "tests/fuzz/fuzz.h"

/* By utf8proc, which knows nothing of our tables. */
static bool
is_text(struct span s)
{
	for (size_t i = 0; i < s.len;) {
		int32_t cp;
		utf8proc_ssize_t n = utf8proc_iterate((const uint8_t *)s.p + i,
		    (utf8proc_ssize_t)(s.len - i), &cp);
		if (n < 1)
			return false;
		if (utf8proc_category(cp) == UTF8PROC_CATEGORY_CC && cp != '\t')
			return false;
		if ((cp & 0xfffe) == 0xfffe || (cp >= 0xfdd0 && cp <= 0xfdef))
			return false;
		i += (size_t)n;
	}
	return true;
}

static bool
is_tag(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!isascii((unsigned char)s.p[i]) ||
		    !isgraph((unsigned char)s.p[i]))
			return false;
	return s.len >= 1 && s.len <= 32;
}

static bool
is_attr(struct span s)
{
	size_t key = 0;

	for (; key < s.len && s.p[key] != '='; key++)
		if (!s.p[key] ||
		    !strchr("abcdefghijklmnopqrstuvwxyz0123456789-", s.p[key]))
			return false;
	for (size_t i = key; i < s.len; i++)
		if (s.p[i] == '\t')
			return false;
	return key > 0;
}

static size_t
key_len(struct span attr)
{
	size_t n = 0;

	while (n < attr.len && attr.p[n] != '=')
		n++;
	return n;
}

/* The n-th word of s, and where it ends. */
static struct span
word_at(struct span s, size_t at)
{
	size_t end = at;

	while (end < s.len && s.p[end] != ' ')
		end++;
	return (struct span){s.p + at, end - at};
}

/* The same judgement, step by step; attrs are kept to see repeated keys. */
struct model {
	int err;
	struct span tag, attrs[LINE_PREFIXES_MAX];
	unsigned nattrs, nprefixes;
	size_t verb_at;
};

static int
model_prefix(struct model *m, struct span word)
{
	struct span rest = {word.p + 1, word.len - 1};

	if (m->nprefixes++ == LINE_PREFIXES_MAX)
		return -LINE_EMANY;
	if (word.p[0] == '#') {
		if (m->tag.p || !is_tag(rest))
			return -LINE_ETAG;
		m->tag = rest;
		return 0;
	}
	if (!is_attr(rest))
		return -LINE_EATTR;
	for (unsigned i = 0; i < m->nattrs; i++)
		if (key_len(m->attrs[i]) == key_len(rest) &&
		    memcmp(m->attrs[i].p, rest.p, key_len(rest)) == 0)
			return -LINE_EATTR;
	m->attrs[m->nattrs++] = rest;
	return 0;
}

static struct model
model_parse(struct span s)
{
	struct model m = {0};
	size_t at = 0;

	while (m.err == 0 && at < s.len && (s.p[at] == '#' || s.p[at] == '@')) {
		struct span word = word_at(s, at);
		m.err = model_prefix(&m, word);
		at += word.len;
		at += at < s.len ? 1 : 0;
	}
	m.verb_at = at;
	if (m.err == 0 && word_at(s, at).len == 0)
		m.err = -LINE_EVERB;
	if (!is_text(s))
		m.err = -LINE_ETEXT;
	return m;
}

static void
check_verb(const struct line *l)
{
	bool letters = l->word.len <= LINE_VERB_MAX;

	for (size_t i = 0; i < l->word.len; i++)
		letters = letters && isascii((unsigned char)l->word.p[i]) &&
			  isalpha((unsigned char)l->word.p[i]);
	MUST(strlen(l->verb) == (letters ? l->word.len : 0));
	for (size_t i = 0; l->verb[i]; i++)
		MUST(l->verb[i] == toupper((unsigned char)l->word.p[i]));
}

/* Whatever is taken off the rest, put together again it is the rest. */
static void
check_split(const struct line *l)
{
	for (unsigned n = 0; n <= LINE_PARAMS_MAX; n++) {
		struct span params[LINE_PARAMS_MAX], text;
		struct buf joined = {0};
		int err = line_split(l, n, params, &text);
		if (err)
			continue;
		for (unsigned i = 0; i < n; i++) {
			MUST(params[i].len > 0);
			MUST(!memchr(params[i].p, ' ', params[i].len));
			MUST(!memchr(params[i].p, '\t', params[i].len));
			buf_add(&joined, params[i].p, params[i].len);
			buf_add(&joined, " ", 1);
		}
		buf_add(&joined, text.p, text.len);
		size_t len = buf_len(&joined);
		if (len == l->rest.len + 1 && text.len == 0)
			len--;
		MUST(len == l->rest.len);
		MUST(
		    len == 0 || memcmp(buf_head(&joined), l->rest.p, len) == 0);
		buf_free(&joined);
	}
}

static void
put_line(struct line_writer *w, const struct line *l)
{
	line_put_tag(w, l->tag);
	for (unsigned i = 0; i < l->nattrs; i++) {
		char *key = strndup(l->attrs[i].key.p, l->attrs[i].key.len);
		MUST(key != NULL);
		MUST(line_attr(l, key) == &l->attrs[i]);
		if (l->attrs[i].has_value)
			line_put_attr(w, key, l->attrs[i].value);
		else
			line_put_flag(w, key);
		free(key);
	}
	line_put(w, l->word);
	line_put(w, l->rest);
}

/* The same line for the wire, and for the relay: it differs by the frame. */
static void
write_line(const struct line *l, struct buf *out)
{
	struct buf payload = {0};
	struct line_writer w;

	line_begin(&w, out);
	put_line(&w, l);
	line_end(&w);
	line_begin_payload(&w, &payload);
	put_line(&w, l);
	size_t len = buf_len(&payload), head = buf_len(out) - 1 - len;
	MUST(memcmp(buf_head(out) + head, buf_head(&payload), len) == 0);
	MUST((size_t)atol(buf_head(out)) == len);
	buf_free(&payload);
}

/* An id, or a number, is written as it was read. */
static void
check_numbers(struct span s)
{
	struct buf out = {0};
	struct line_writer w;
	struct msgid id;
	uint64_t v;

	line_begin_payload(&w, &out);
	if (msgid_parse(s, &id))
		line_put_id(&w, id);
	else if (text_u64(s, UINT64_MAX, &v))
		line_put_u64(&w, v);
	else
		return;
	MUST(span_eq(s, (struct span){buf_head(&out), buf_len(&out)}));
	buf_free(&out);
}

static void
check_round_trip(const struct line *l)
{
	struct buf wire = {0};
	struct frame f;
	struct span payload;
	struct line again;

	write_line(l, &wire);
	frame_init(&f, FRAME_LINE_MAX, false);
	struct span in = {buf_head(&wire), buf_len(&wire)};
	MUST(frame_next(&f, &in, &payload) == FRAME_LINE && in.len == 0);
	MUST(line_parse(&again, payload) == 0);
	MUST(span_eq(l->tag, again.tag) && l->nattrs == again.nattrs);
	for (unsigned i = 0; i < l->nattrs; i++) {
		MUST(span_eq(l->attrs[i].key, again.attrs[i].key));
		MUST(span_eq(l->attrs[i].value, again.attrs[i].value));
		MUST(l->attrs[i].has_value == again.attrs[i].has_value);
	}
	MUST(span_eq(l->word, again.word) && span_eq(l->rest, again.rest));
	MUST(strcmp(l->verb, again.verb) == 0);
	frame_fini(&f);
	buf_free(&wire);
}

static void
check_parts(const struct line *l, const struct model *m, struct span s)
{
	MUST(l->nattrs == m->nattrs);
	for (unsigned i = 0; i < l->nattrs; i++) {
		size_t key = key_len(m->attrs[i]);
		size_t skip = key + (l->attrs[i].has_value ? 1 : 0);
		MUST(l->attrs[i].key.p == m->attrs[i].p);
		MUST(l->attrs[i].key.len == key);
		MUST(l->attrs[i].has_value == (key < m->attrs[i].len));
		MUST(l->attrs[i].value.len == m->attrs[i].len - skip);
	}
	struct span word = word_at(s, m->verb_at);
	MUST(l->word.p == word.p && l->word.len == word.len);
	size_t behind = m->verb_at + word.len;
	behind += behind < s.len ? 1 : 0;
	MUST(l->rest.len == s.len - behind);
	MUST(l->rest.len == 0 || l->rest.p == s.p + behind);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span s = {(const char *)data, size};
	struct line l;

	if (size == 0 || size > 20000)
		return 0;
	int err = line_parse(&l, s);
	struct model m = model_parse(s);
	MUST(err == m.err);
	MUST(l.tag.p == m.tag.p && l.tag.len == m.tag.len);
	MUST(strcmp(line_strerror(err), "unknown error") != 0);
	if (err)
		return 0;
	check_parts(&l, &m, s);
	check_verb(&l);
	check_split(&l);
	check_round_trip(&l);
	check_numbers(l.rest);
	return 0;
}
