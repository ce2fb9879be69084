/* SPDX-License-Identifier: ISC */
/*
 * The grammar of a payload: prefixes, a verb, and what is behind it.
 *
 * Parsing cuts and judges, in one pass, without allocating: the parts are spans
 * into the payload.  How many parameters a verb has is the caller's table to
 * know; line_split() takes them off.  The writer is the same grammar the other
 * way round, straight into an output buffer.
 */
#include "proto/line.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/frame.h"

static bool
is_key_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

static bool
is_key(struct span key)
{
	for (size_t i = 0; i < key.len; i++)
		if (!is_key_char(key.p[i]))
			return false;
	return key.len > 0;
}

static bool
has_tab(struct span s)
{
	return s.len > 0 && memchr(s.p, '\t', s.len) != NULL;
}

/* At its end. */
static bool
has_one_lf(struct span line)
{
	return memchr(line.p, '\n', line.len) == line.p + line.len - 1;
}

/* SP and LF would end the part or the line too soon. */
static bool
is_one_word(struct span s)
{
	return s.len > 0 && !memchr(s.p, ' ', s.len) &&
	       !memchr(s.p, '\n', s.len);
}

static const struct line_attr *
find_attr(const struct line *l, struct span key)
{
	for (unsigned i = 0; i < l->nattrs; i++)
		if (span_eq(l->attrs[i].key, key))
			return &l->attrs[i];
	return NULL;
}

const struct line_attr *
line_attr(const struct line *l, const char *key)
{
	return find_attr(l, span_of(key));
}

static int
take_tag(struct line *l, struct span tag)
{
	if (l->tag.p || tag.len > LINE_TAG_MAX || !text_is_visible_ascii(tag))
		return -LINE_ETAG;
	l->tag = tag;
	return 0;
}

static int
take_attr(struct line *l, struct span s)
{
	struct line_attr a = {.key = s};
	const char *eq = s.len ? memchr(s.p, '=', s.len) : NULL;

	if (eq) {
		a.has_value = true;
		a.key.len = (size_t)(eq - s.p);
		a.value = (struct span){eq + 1, s.len - a.key.len - 1};
	}
	if (!is_key(a.key) || has_tab(a.value) || find_attr(l, a.key))
		return -LINE_EATTR;
	l->attrs[l->nattrs++] = a;
	return 0;
}

static int
take_prefixes(struct line *l, struct span *rest)
{
	for (unsigned n = 0; rest->len > 0; n++) {
		char sigil = rest->p[0];
		if (sigil != '#' && sigil != '@')
			return 0;
		if (n == LINE_PREFIXES_MAX)
			return -LINE_EMANY;
		struct span word = text_word(rest);
		word.p++;
		word.len--;
		int err = sigil == '#' ? take_tag(l, word) : take_attr(l, word);
		if (err)
			return err;
	}
	return 0;
}

/* Capitals, or nothing if it is no verb. */
static void
spell_verb(struct line *l)
{
	char verb[LINE_VERB_MAX + 1];

	if (l->word.len > LINE_VERB_MAX)
		return;
	for (size_t i = 0; i < l->word.len; i++) {
		char c = l->word.p[i];
		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		if (c < 'A' || c > 'Z')
			return;
		verb[i] = c;
	}
	memcpy(l->verb, verb, l->word.len);
	l->verb[l->word.len] = '\0';
}

int
line_parse(struct line *l, struct span payload)
{
	int bad_text = text_check(payload.p, payload.len, NULL);

	l->tag = l->word = l->rest = SPAN_NONE;
	l->nattrs = 0;
	l->verb[0] = '\0';
	struct span rest = payload;
	int err = take_prefixes(l, &rest);
	/* Said only now: the answer carries the tag. */
	if (bad_text)
		return -LINE_ETEXT;
	if (err)
		return err;
	l->word = text_word(&rest);
	if (l->word.len == 0)
		return -LINE_EVERB;
	l->rest = rest;
	spell_verb(l);
	return 0;
}

const char *
line_strerror(int err)
{
	static const char *const words[] = {
	    [0] = "no error",
	    [LINE_ETEXT] = "not valid UTF-8, or a control character that is "
			   "not a TAB in the text",
	    [LINE_ETAG] = "a line has at most one tag: # and 1 to 32 visible "
			  "ASCII characters",
	    [LINE_EATTR] = "an attribute is @key or @key=value, each key once, "
			   "keys of a-z, 0-9 and -",
	    [LINE_EMANY] = "too many attributes; a line has at most 16",
	    [LINE_EVERB] = "a command is missing; try HELP",
	    [LINE_EPARAM] = "a parameter is missing or empty; parts are "
			    "separated by exactly one space",
	};
	size_t i = (size_t)abs(err);

	return i < ARRAY_LEN(words) ? words[i] : "unknown error";
}

int
line_split(const struct line *l, unsigned nparams,
    struct span params[static LINE_PARAMS_MAX], struct span *text)
{
	struct span rest = l->rest;

	assert(nparams <= LINE_PARAMS_MAX);
	for (unsigned i = 0; i < nparams; i++) {
		params[i] = text_word(&rest);
		if (params[i].len == 0)
			return -LINE_EPARAM;
		if (has_tab(params[i]))
			return -LINE_ETEXT;
	}
	*text = rest;
	return 0;
}

void
line_begin(struct line_writer *w, struct buf *out)
{
	*w = (struct line_writer){.out = out, .begin = frame_begin(out)};
}

void
line_begin_payload(struct line_writer *w, struct buf *out)
{
	*w = (struct line_writer){.out = out, .begin = SIZE_MAX};
}

void
line_end(struct line_writer *w)
{
	assert(w->any && w->begin != SIZE_MAX);
	frame_end(w->out, w->begin);
	assert(has_one_lf((struct span){
	    buf_head(w->out) + w->begin, buf_len(w->out) - w->begin}));
}

/* Room for n bytes behind the SP that parts them from what was put. */
static char *
part(struct line_writer *w, size_t n)
{
	char *p = buf_reserve(w->out, n + 1);

	if (w->any) {
		*p++ = ' ';
		buf_added(w->out, 1);
	}
	w->any = true;
	return p;
}

static void
put_key(struct line_writer *w, const char *key)
{
	assert(is_key(span_of(key)));
	*part(w, 1) = '@';
	buf_added(w->out, 1);
	buf_add_str(w->out, key);
}

void
line_put_tag(struct line_writer *w, struct span tag)
{
	if (!tag.p)
		return;
	assert(is_one_word(tag));
	*part(w, 1) = '#';
	buf_added(w->out, 1);
	buf_add(w->out, tag.p, tag.len);
}

void
line_put_attr(struct line_writer *w, const char *key, struct span value)
{
	assert(value.len == 0 || is_one_word(value));
	put_key(w, key);
	buf_add(w->out, "=", 1);
	buf_add(w->out, value.p, value.len);
}

void
line_put_flag(struct line_writer *w, const char *key)
{
	put_key(w, key);
}

void
line_put(struct line_writer *w, struct span word_or_text)
{
	if (word_or_text.len == 0)
		return;
	memcpy(part(w, word_or_text.len), word_or_text.p, word_or_text.len);
	buf_added(w->out, word_or_text.len);
}

void
line_put_id(struct line_writer *w, struct msgid id)
{
	char *p = part(w, MSGID_LEN_MAX + 1);

	buf_added(w->out, msgid_format(id, p));
}

void
line_put_u64(struct line_writer *w, uint64_t v)
{
	char *p = part(w, TEXT_U64_MAX);

	buf_added(w->out, text_put_u64(p, v));
}
