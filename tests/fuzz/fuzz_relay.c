/* SPDX-License-Identifier: ISC */
/*
 * server/relay_codec.c: what is accepted of what stands in Redis keeps the
 * rules of a client's line, and written again it reads the same.
 *
 * Input: a byte that chooses the reader, then its bytes.
 */
#include <string.h>

#include "base/names.h"
#include "proto/msgid.h"
#include "server/relay_codec.h"
#include "tests/fuzz/fuzz.h"

static struct span
text_of(const struct buf *b)
{
	return (struct span){buf_head(b), buf_len(b)};
}

/* What people see of it harms no terminal and forges no line. */
static void
check_shown(struct span nick, struct span text)
{
	struct name name;

	MUST(name_check(nick, false, &name) == 0);
	MUST(text_check(text.p, text.len, NULL) == 0);
}

static void
fuzz_msg(struct span s)
{
	struct relay_msg m = {.text = SPAN_NONE}, again = {.text = SPAN_NONE};
	struct buf b = {0};

	if (codec_get_msg(&m, s) != 0)
		return;
	check_shown(m.nick, m.text);
	MUST(codec_is_sender(m.sender));
	codec_put_msg(&b, &m);
	MUST(codec_get_msg(&again, text_of(&b)) == 0);
	MUST(again.kind == m.kind && again.act == m.act);
	MUST(span_eq(again.sender, m.sender) && span_eq(again.nick, m.nick));
	MUST(span_eq(again.peer, m.peer) && span_eq(again.cid, m.cid));
	MUST(span_eq(again.re, m.re) && span_eq(again.enc, m.enc));
	MUST(span_eq(again.text, m.text));
	buf_free(&b);
}

static void
fuzz_event(struct span s)
{
	struct codec_event e, again;
	struct buf b = {0};

	if (codec_get_event(&e, s) != 0)
		return;
	if (e.nick.p)
		check_shown(e.nick, e.text);
	codec_put_event(&b, &e);
	MUST(codec_get_event(&again, text_of(&b)) == 0);
	MUST(again.what == e.what && span_eq(again.node, e.node));
	MUST(span_eq(again.sender, e.sender) && span_eq(again.nick, e.nick));
	MUST(span_eq(again.text, e.text));
	buf_free(&b);
}

static void
fuzz_claim(struct span s)
{
	struct codec_claim c, again;
	struct buf b = {0};

	if (codec_get_claim(&c, s) != 0)
		return;
	check_shown(c.nick, SPAN_NONE);
	codec_put_claim(&b, &c);
	MUST(codec_get_claim(&again, text_of(&b)) == 0);
	MUST(span_eq(again.sender, c.sender) && span_eq(again.node, c.node));
	MUST(span_eq(again.fold, c.fold));
	MUST(span_eq(again.nick, c.nick) && again.since_ms == c.since_ms);
	buf_free(&b);
}

static void
fuzz_ids(struct span s)
{
	struct span rest = s;
	struct msgid prev, id;
	char head[2 * MSGID_LEN_MAX + 4], *p = head;

	if (codec_get_ids(&rest, &prev, &id) != 0)
		return;
	p += msgid_format(prev, p);
	*p++ = ' ';
	p += msgid_format(id, p);
	*p++ = ' ';
	size_t len = (size_t)(p - head);
	/* Behind the ids there may be nothing, not even the SP. */
	MUST(s.len >= len - 1 && rest.len <= s.len);
	MUST(memcmp(s.p, head, s.len < len ? s.len : len) == 0);
	MUST(s.len < len || rest.len == s.len - len);
}

static void
fuzz_key(struct span s)
{
	char key[CODEC_KEY_MAX + 1], name[NAME_BYTES_MAX + 1];
	char again[NAME_BYTES_MAX + 1];

	if (codec_unkey(name, sizeof(name), s)) {
		codec_key(key, sizeof(key), span_of(name));
		MUST(codec_unkey(again, sizeof(again), span_of(key)));
		MUST(strcmp(name, again) == 0);
	}
	if (s.len == 0 || s.len > NAME_BYTES_MAX || memchr(s.p, 0, s.len))
		return;
	codec_key(key, sizeof(key), s);
	MUST(strpbrk(key, "{}: ") == NULL);
	MUST(codec_unkey(name, sizeof(name), span_of(key)));
	MUST(span_is(s, name));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(struct span) = {
	    fuzz_msg, fuzz_event, fuzz_claim, fuzz_ids, fuzz_key};

	if (size < 1)
		return 0;
	readers[data[0] % ARRAY_LEN(readers)](
	    (struct span){(const char *)data + 1, size - 1});
	return 0;
}
