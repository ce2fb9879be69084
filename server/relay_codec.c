/* SPDX-License-Identifier: ISC */
/*
 * The relay's payloads: the grammar of the wire, so that one parser judges what
 * clients send and what Redis holds.  Anybody may have written to Redis; what
 * comes from there is believed no more than a client is.
 */
#include "server/relay_codec.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "proto/line.h"
#include "server/rights.h"

enum { SENDER_HEX = SENDER_ID_LEN - 1 };

static const char *const error_texts[] = {
    [CODEC_ELINE] = "not a line of the protocol",
    [CODEC_EVERB] = "a verb that is not stored",
    [CODEC_ESENDER] = "no sender's id",
    [CODEC_ENAME] = "no nick",
    [CODEC_ETEXT] = "no text",
    [CODEC_EATTR] = "a malformed attribute",
    [CODEC_ELONG] = "too long",
    [CODEC_EID] = "no id",
};

const char *
codec_strerror(int err)
{
	size_t i = (size_t)-err;

	return i > 0 && i < ARRAY_LEN(error_texts) ? error_texts[i] : "?";
}

/* --- parts ---------------------------------------------------------------- */

bool
codec_is_sender(struct span s)
{
	if (s.len != SENDER_ID_LEN || (s.p[0] != 'g' && s.p[0] != 'a'))
		return false;
	for (size_t i = 1; i <= SENDER_HEX; i++)
		if (!(s.p[i] >= '0' && s.p[i] <= '9') &&
		    !(s.p[i] >= 'a' && s.p[i] <= 'f'))
			return false;
	return true;
}

bool
codec_is_pair(struct span s)
{
	struct span lo = {s.p, SENDER_ID_LEN};
	struct span hi = {s.p + SENDER_ID_LEN + 1, SENDER_ID_LEN};

	return s.len == 2 * SENDER_ID_LEN + 1 && s.p[SENDER_ID_LEN] == ':' &&
	       codec_is_sender(lo) && codec_is_sender(hi) &&
	       memcmp(lo.p, hi.p, SENDER_ID_LEN) <= 0;
}

static bool
is_nick(struct span s)
{
	struct name name;

	return name_check(s, false, &name) == 0;
}

static bool
is_node(struct span s)
{
	return s.len <= CODEC_NODE_MAX && text_is_visible_ascii(s);
}

/* The value of an attribute; absent without one. */
static struct span
value_of(const struct line *l, const char *key)
{
	const struct line_attr *a = line_attr(l, key);

	return a && a->has_value ? a->value : SPAN_NONE;
}

static bool
is_word(struct span s, size_t max)
{
	return !s.p || (s.len <= max && text_is_visible_ascii(s));
}

static bool
is_id(struct span s)
{
	struct msgid id;

	return !s.p || msgid_parse(s, &id);
}

static int
parse(struct line *l, struct span payload)
{
	if (payload.len > CODEC_PAYLOAD_MAX)
		return -CODEC_ELONG;
	return payload.len > 0 && line_parse(l, payload) == 0 ? 0
							      : -CODEC_ELINE;
}

static void
put_attr(struct line_writer *w, const char *key, struct span value)
{
	if (value.len > 0)
		line_put_attr(w, key, value);
}

/* --- messages ------------------------------------------------------------- */

static const char *const kind_verbs[] = {
    [RELAY_MSG] = "MSG", [RELAY_TOPIC] = "TOPIC", [RELAY_RIGHTS] = "RIGHTS"};

static void
put_rights(struct line_writer *w, const struct relay_msg *m)
{
	char rv[MSGID_LEN_MAX + 1];

	if (m->kind == RELAY_RIGHTS) {
		line_put_attr(w, "do",
		    span_of(rights_verb_word((enum rights_verb)m->verb)));
		put_attr(w, "who", m->target);
	} else if (!msgid_is_zero(m->rv)) {
		msgid_format(m->rv, rv);
		line_put_attr(w, "rv", span_of(rv));
	}
}

void
codec_put_msg(struct buf *out, const struct relay_msg *m)
{
	struct line_writer w;

	line_begin_payload(&w, out);
	if (m->act)
		line_put_flag(&w, "act");
	if (m->auth)
		line_put_flag(&w, "auth");
	put_attr(&w, "re", m->re);
	put_attr(&w, "enc", m->enc);
	put_attr(&w, "cid", m->cid);
	put_attr(&w, "to", m->peer);
	put_rights(&w, m);
	line_put_attr(&w, "from", m->sender);
	line_put(&w, span_of(kind_verbs[m->kind]));
	line_put(&w, m->nick);
	line_put(&w, m->text);
}

static int
find_kind(const char *verb, enum relay_kind *kind)
{
	for (size_t i = 0; i < ARRAY_LEN(kind_verbs); i++)
		if (strcmp(kind_verbs[i], verb) == 0) {
			*kind = (enum relay_kind)i;
			return 0;
		}
	return -CODEC_EVERB;
}

/* Of an entry of rights what was done and to whom; of others the version. */
static bool
take_rights(struct relay_msg *m, const struct line *l)
{
	struct span rv = value_of(l, "rv"), verb = value_of(l, "do");

	m->rv = (struct msgid){0, 0};
	m->slow_ms = 0;
	m->verb = 0;
	m->target = value_of(l, "who");
	if (rv.p && !msgid_parse(rv, &m->rv))
		return false;
	if (m->kind != RELAY_RIGHTS)
		return !verb.p && !m->target.p;
	m->verb = verb.p ? rights_verb_find(verb) : -1;
	return !rv.p && m->verb >= 0 &&
	       (!m->target.p || codec_is_sender(m->target));
}

static int
judge_msg(const struct relay_msg *m)
{
	if (!codec_is_sender(m->sender))
		return -CODEC_ESENDER;
	if (!is_nick(m->nick) || (m->peer.p && !is_nick(m->peer)))
		return -CODEC_ENAME;
	if (!is_word(m->cid, LINE_CID_MAX) || !is_word(m->enc, LINE_TAG_MAX) ||
	    !is_id(m->re))
		return -CODEC_EATTR;
	if (m->auth && m->sender.p[0] != 'a')
		return -CODEC_EATTR; /* no guest is anybody for certain */
	return m->kind == RELAY_MSG && m->text.len == 0 ? -CODEC_ETEXT : 0;
}

int
codec_get_msg(struct relay_msg *m, struct span payload)
{
	struct line l;
	struct span params[LINE_PARAMS_MAX];
	int err;

	if ((err = parse(&l, payload)) < 0 ||
	    (err = find_kind(l.verb, &m->kind)) < 0)
		return err;
	if (line_split(&l, 1, params, &m->text) < 0)
		return -CODEC_ENAME;
	m->nick = params[0];
	m->act = line_attr(&l, "act") != NULL;
	m->auth = line_attr(&l, "auth") != NULL;
	m->sender = value_of(&l, "from");
	m->peer = value_of(&l, "to");
	m->cid = value_of(&l, "cid");
	m->re = value_of(&l, "re");
	m->enc = value_of(&l, "enc");
	if (!take_rights(m, &l))
		return -CODEC_EATTR;
	return judge_msg(m);
}

/* --- events --------------------------------------------------------------- */

static const struct {
	const char *verb;
	bool has_sender;
} news[] = {
    [NEWS_JOINED] = {"JOINED", true},
    [NEWS_PARTED] = {"PARTED", true},
    [NEWS_RENAMED] = {"RENAMED", true},
    [NEWS_TYPING] = {"TYPING", true},
    [NEWS_ROSTER] = {"ROSTER", false},
    [NEWS_GONE] = {"GONE", false},
};

void
codec_put_event(struct buf *out, const struct codec_event *e)
{
	struct line_writer w;

	line_begin_payload(&w, out);
	line_put_attr(&w, "node", e->node);
	put_attr(&w, "from", e->sender);
	put_attr(&w, "by", e->by);
	line_put(&w, span_of(news[e->what].verb));
	line_put(&w, e->nick);
	line_put(&w, e->text);
}

int
codec_get_event(struct codec_event *e, struct span payload)
{
	struct line l;
	struct span params[LINE_PARAMS_MAX];
	size_t i = 0;
	int err;

	if ((err = parse(&l, payload)) < 0)
		return err;
	while (i < ARRAY_LEN(news) && strcmp(news[i].verb, l.verb) != 0)
		i++;
	if (i == ARRAY_LEN(news))
		return -CODEC_EVERB;
	*e = (struct codec_event){.what = (enum codec_news)i};
	e->node = value_of(&l, "node");
	if (!e->node.p || !is_node(e->node))
		return -CODEC_EATTR;
	if (!news[i].has_sender)
		return 0;
	e->sender = value_of(&l, "from");
	if (!codec_is_sender(e->sender))
		return -CODEC_ESENDER;
	if (line_split(&l, 1, params, &e->text) < 0 || !is_nick(params[0]))
		return -CODEC_ENAME;
	e->nick = params[0];
	e->by = value_of(&l, "by");
	return !e->by.p || is_nick(e->by) ? 0 : -CODEC_ENAME;
}

struct span
codec_next_published(struct span *rest)
{
	struct span one = *rest;
	const char *lf = one.len > 0 ? memchr(one.p, '\n', one.len) : NULL;

	if (lf)
		one.len = (size_t)(lf - one.p);
	size_t taken = one.len + (lf ? 1 : 0);
	rest->p += taken;
	rest->len -= taken;
	return one;
}

int
codec_get_ids(struct span *rest, struct msgid *prev, struct msgid *id)
{
	if (!msgid_parse(text_word(rest), prev) ||
	    !msgid_parse(text_word(rest), id) || msgid_cmp(*prev, *id) >= 0)
		return -CODEC_EID;
	return 0;
}

/* --- claims --------------------------------------------------------------- */

void
codec_put_claim(struct buf *out, const struct codec_claim *c)
{
	struct span token = c->token.p ? c->token : SPAN("-");

	buf_addf(out, "%c %.*s %.*s %llu %.*s %.*s %.*s", c->left ? 'L' : 'G',
	    SPAN_ARG(c->sender), SPAN_ARG(c->node),
	    (unsigned long long)c->since_ms, SPAN_ARG(c->fold),
	    SPAN_ARG(c->nick), SPAN_ARG(token));
}

static bool
is_token(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!memchr("0123456789abcdef", s.p[i], 16))
			return false;
	return s.len == RELAY_TOKEN_LEN;
}

int
codec_get_claim(struct codec_claim *c, struct span s)
{
	struct span kind = text_word(&s);

	c->left = span_is(kind, "L");
	if (!c->left && !span_is(kind, "G"))
		return -CODEC_EVERB;
	c->sender = text_word(&s);
	c->node = text_word(&s);
	if (!codec_is_sender(c->sender))
		return -CODEC_ESENDER;
	if (!is_node(c->node) ||
	    !text_u64(text_word(&s), UINT64_MAX, &c->since_ms))
		return -CODEC_EATTR;
	c->fold = text_word(&s);
	c->nick = text_word(&s);
	if (!is_nick(c->fold) || !is_nick(c->nick))
		return -CODEC_ENAME;
	c->token = span_is(s, "-") ? SPAN_NONE : s;
	return !c->token.p || is_token(c->token) ? 0 : -CODEC_EATTR;
}

/* --- accounts ------------------------------------------------------------- */

void
codec_put_owned(
    struct buf *out, const char *id, const struct name *nick, uint64_t since_ms)
{
	buf_addf(out, "A %s %llu %s %s", id, (unsigned long long)since_ms,
	    nick->fold, nick->shown);
}

bool
codec_is_owned(struct span s)
{
	return s.len > 0 && s.p[0] == 'A';
}

static bool
is_account(struct span s)
{
	return codec_is_sender(s) && s.p[0] == 'a';
}

int
codec_get_owned(struct codec_owned *o, struct span s)
{
	struct span fold;

	if (!span_is(text_word(&s), "A"))
		return -CODEC_EVERB;
	o->id = text_word(&s);
	if (!is_account(o->id))
		return -CODEC_ESENDER;
	if (!text_u64(text_word(&s), INT64_MAX, &o->since_ms))
		return -CODEC_EATTR;
	fold = text_word(&s);
	if (name_check(s, false, &o->nick) != 0 || !span_is(fold, o->nick.fold))
		return -CODEC_ENAME;
	return 0;
}

int
codec_get_key_owner(struct span s, struct span *id, uint64_t *since_ms)
{
	*id = text_word(&s);
	if (!is_account(*id))
		return -CODEC_ESENDER;
	return text_u64(s, INT64_MAX, since_ms) ? 0 : -CODEC_EATTR;
}

/* --- keys ----------------------------------------------------------------- */

static bool
is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
	       c == '.' || c == '-';
}

char *
codec_key(char *dst, size_t cap, struct span name)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = 0;

	assert(cap > 3 * name.len);
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.p[i];

		if (is_plain(name.p[i])) {
			dst[n++] = name.p[i];
			continue;
		}
		dst[n++] = '%';
		dst[n++] = hex[c >> 4];
		dst[n++] = hex[c & 15];
	}
	dst[n] = '\0';
	return dst;
}

/* Of the digits codec_key() writes; -1 for others. */
static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool
codec_unkey(char *dst, size_t cap, struct span key)
{
	size_t n = 0;

	for (size_t i = 0; i < key.len; i++) {
		int c = (unsigned char)key.p[i];

		if (c == '%' && i + 2 < key.len) {
			int hi = hex_value(key.p[i + 1]);
			int lo = hex_value(key.p[i + 2]);

			c = hi < 0 || lo < 0 ? 0 : hi * 16 + lo;
			i += 2;
		} else if (!is_plain((char)c)) {
			return false;
		}
		if (c == 0 || n + 1 >= cap)
			return false;
		dst[n++] = (char)c;
	}
	dst[n] = '\0';
	return true;
}
