/* SPDX-License-Identifier: ISC */
/*
 * From what the server knows to framed lines.
 *
 * Every attribute that goes out is written here, from what was checked on its
 * way in: nothing a client or Redis sent is ever passed on as it came.
 */
#include "server/render.h"

#include <stdio.h>
#include <string.h>

#include "proto/line.h"
#include "server/relay.h"
#include "server/room.h"

/* Bytes of nicks in one NAMES line, less the last: with all else it stays below
 * the least max-line, which is 1024. */
enum { NAMES_LINE = 800 };

static void
put_attrs(struct line_writer *w, const struct render_for *f,
    const struct relay_msg *m)
{
	if (f->replay)
		line_put_flag(w, "replay");
	if (f->replay && f->me && m->cid.p && span_is(m->sender, f->me))
		line_put_attr(w, "cid", m->cid);
	if (m->auth)
		line_put_flag(w, "auth");
	if (m->act)
		line_put_flag(w, "act");
	if (m->re.p)
		line_put_attr(w, "re", m->re);
	if (m->enc.p)
		line_put_attr(w, "enc", m->enc);
}

void
render_msg(
    struct buf *out, const struct render_for *f, const struct relay_msg *m)
{
	struct line_writer w;
	char person[NAME_BYTES_MAX + 2] = "@";

	line_begin(&w, out);
	line_put_tag(&w, f->tag);
	put_attrs(&w, f, m);
	line_put(&w, SPAN("MSG"));
	if (f->person) {
		span_copy(person + 1, sizeof person - 1, f->target);
		line_put(&w, span_of(person));
	} else {
		line_put(&w, f->target);
	}
	line_put_id(&w, m->id);
	line_put(&w, m->nick);
	line_put(&w, m->text);
	line_end(&w);
}

void
render_event(struct buf *out, struct span tag, const char *verb, struct span a,
    struct span b, struct span c)
{
	struct line_writer w;

	line_begin(&w, out);
	line_put_tag(&w, tag);
	line_put(&w, span_of(verb));
	line_put(&w, a);
	line_put(&w, b);
	line_put(&w, c);
	line_end(&w);
}

void
render_parted_by(struct buf *out, struct span by, struct span room,
    struct span nick, struct span text)
{
	struct line_writer w;

	line_begin(&w, out);
	if (by.len > 0)
		line_put_attr(&w, "by", by);
	line_put(&w, SPAN("PARTED"));
	line_put(&w, room);
	line_put(&w, nick);
	line_put(&w, text);
	line_end(&w);
}

void
render_topic(struct buf *out, struct span tag, const struct room *r)
{
	render_event(out, tag, "TOPIC", span_of(r->shown),
	    span_of(r->topic_nick), span_of(r->topic));
}

static size_t
names_that_fit(const struct render_nick *nicks, size_t n)
{
	size_t len = 0, i = 0;

	while (i < n && len < NAMES_LINE)
		len += nicks[i++].nick.len + 2;
	return i;
}

static void
put_nick(struct line_writer *w, const struct render_nick *n)
{
	char marked[NAME_BYTES_MAX + 2] = {n->mark};

	if (!n->mark) {
		line_put(w, n->nick);
		return;
	}
	span_copy(marked + 1, sizeof marked - 1, n->nick);
	line_put(w, span_of(marked));
}

void
render_names(struct buf *out, struct span tag, struct span room, size_t count,
    const struct render_nick *nicks, size_t n)
{
	struct line_writer w;

	do {
		size_t fit = names_that_fit(nicks, n);

		line_begin(&w, out);
		line_put_tag(&w, tag);
		line_put(&w, SPAN("NAMES"));
		line_put(&w, room);
		line_put_u64(&w, count);
		for (size_t i = 0; i < fit; i++)
			put_nick(&w, &nicks[i]);
		line_end(&w);
		nicks += fit;
		n -= fit;
	} while (n > 0);
}

void
render_notice(
    struct buf *out, struct span tag, enum proto_notice code, struct span text)
{
	render_event(out, tag, "NOTICE", span_of(proto_notice_word(code)), text,
	    SPAN_NONE);
}

static void
put_retry(struct line_writer *w, uint64_t retry_ms)
{
	char ms[24];

	if (retry_ms == 0)
		return;
	snprintf(ms, sizeof ms, "%llu", (unsigned long long)retry_ms);
	line_put_attr(w, "retry", span_of(ms));
}

/* What a peer's word brought along, or a cut in the middle of a character, ends
 * the text there. */
static struct span
sound_part(const char *text)
{
	size_t len = strlen(text), bad;

	return (struct span){text, text_check(text, len, &bad) ? bad : len};
}

void
render_err(struct buf *out, struct span tag, enum proto_error e,
    uint64_t retry_ms, const char *text)
{
	struct line_writer w;

	line_begin(&w, out);
	line_put_tag(&w, tag);
	put_retry(&w, retry_ms);
	line_put(&w, SPAN("ERR"));
	line_put(&w, span_of(proto_error_word(e)));
	line_put(&w, sound_part(text));
	line_end(&w);
}

void
render_bye(
    struct buf *out, enum proto_bye code, const char *text, uint64_t retry_ms)
{
	struct line_writer w;

	line_begin(&w, out);
	put_retry(&w, retry_ms);
	line_put(&w, SPAN("BYE"));
	line_put(&w, span_of(proto_bye_word(code)));
	line_put(&w, sound_part(text));
	line_end(&w);
}
