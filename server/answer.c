/* SPDX-License-Identifier: ISC */
/*
 * Answers in the order of the commands.
 *
 * A command that waits for the relay keeps its answer, not its session: when
 * the session goes first, the answer is detached and the late reply finds
 * nobody.  That is the one rule by which nothing here ever points at a session
 * that may be gone.
 */
#include "server/answer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/pool.h"
#include "proto/line.h"
#include "server/render.h"

struct answer {
	STAILQ_ENTRY(answer) next;
	struct answers *q; /* NULL: the session is gone */
	void *about;
	struct buf line; /* ready, but not at the head yet */
	bool ready;
	bool counts;
	unsigned char tag_len;
	bool has_tag;
	char tag[LINE_TAG_MAX];
};

static struct pool spare;

static struct session *
session_of(struct answers *q)
{
	return (struct session *)(void *)((char *)q - q->to->at);
}

void
answers_init(struct answers *q, const struct answers_to *to)
{
	*q = (struct answers){.to = to};
	STAILQ_INIT(&q->queue);
}

static void
answer_free(struct answer *a)
{
	buf_free(&a->line);
	pool_give(&spare, a);
}

void
answers_detach(struct answers *q)
{
	struct answer *a;

	while ((a = STAILQ_FIRST(&q->queue))) {
		STAILQ_REMOVE_HEAD(&q->queue, next);
		a->q = NULL;
		if (a->ready)
			answer_free(a);
	}
	q->n = 0;
}

struct answer *
answer_begin(struct answers *q, struct span tag)
{
	struct answer *a = pool_take(&spare, sizeof *a);

	assert(tag.len <= LINE_TAG_MAX);
	/* Not the tag: it is mostly not there. */
	a->q = q;
	a->about = NULL;
	a->line = (struct buf){0};
	a->ready = a->counts = false;
	a->has_tag = tag.p != NULL;
	a->tag_len = (unsigned char)tag.len;
	if (tag.len > 0)
		memcpy(a->tag, tag.p, tag.len);
	STAILQ_INSERT_TAIL(&q->queue, a, next);
	q->n++;
	return a;
}

void
answer_counts(struct answer *a)
{
	a->counts = true;
}

void
answer_set_about(struct answer *a, void *about)
{
	a->about = about;
}

void *
answer_about(const struct answer *a)
{
	return a->q ? a->about : NULL;
}

struct session *
answer_session(const struct answer *a)
{
	return a->q ? session_of(a->q) : NULL;
}

struct span
answer_tag(const struct answer *a)
{
	return a->has_tag ? (struct span){a->tag, a->tag_len} : SPAN_NONE;
}

/* Where the line is to be written: straight to the session if it is this
 * answer's turn, else kept; NULL if nobody is there to read it. */
static struct buf *
place(struct answer *a)
{
	if (!a->q)
		return NULL;
	if (STAILQ_FIRST(&a->q->queue) == a)
		return a->q->to->out(session_of(a->q));
	return &a->line;
}

/* Sends every answer at the head that is ready, this one perhaps among them. */
static void
settle(struct answer *a)
{
	struct answers *q = a->q;
	struct answer *head;

	if (!q) {
		answer_free(a);
		return;
	}
	a->ready = true;
	if (STAILQ_FIRST(&q->queue) != a)
		return;
	while ((head = STAILQ_FIRST(&q->queue)) && head->ready) {
		if (buf_len(&head->line) > 0)
			buf_add(q->to->out(session_of(q)),
			    buf_head(&head->line), buf_len(&head->line));
		STAILQ_REMOVE_HEAD(&q->queue, next);
		q->n--;
		answer_free(head);
	}
	q->to->settled(session_of(q));
}

void
answer_ok(struct answer *a, struct span text)
{
	struct buf *out = place(a);
	struct line_writer w;

	if (a->q && a->counts)
		a->q->to->accepted(session_of(a->q));
	if (out) {
		line_begin(&w, out);
		line_put_tag(&w, answer_tag(a));
		line_put(&w, SPAN("OK"));
		line_put(&w, text);
		line_end(&w);
	}
	settle(a);
}

void
answer_ok_id(struct answer *a, struct msgid id)
{
	char text[MSGID_LEN_MAX + 1];
	size_t len = msgid_format(id, text);

	answer_ok(a, (struct span){text, len});
}

void
answer_err(struct answer *a, enum proto_error e, uint64_t retry_ms,
    const char *fmt, ...)
{
	struct buf *out = place(a);
	char text[ERR_LEN];
	va_list ap;

	if (out) {
		va_start(ap, fmt);
		vsnprintf(text, sizeof text, fmt, ap);
		va_end(ap);
		render_err(out, answer_tag(a), e, retry_ms, text);
	}
	settle(a);
}

void
answer_none(struct answer *a)
{
	settle(a);
}
