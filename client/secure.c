/* SPDX-License-Identifier: ISC */
/*
 * A secure session begins in the clear: the server says WELCOME, the client
 * SECURE and the handshake's first message, the server the second one (snug(7),
 * secure sessions).  All that whoever sits on the way can change until then is
 * in the prologue, so the handshake tells; and what can be said without one, a
 * refusal, is shown as what it is and never leads to a plain session.
 *
 * The client waits for WELCOME before it says SECURE: a server without secure
 * sessions is then known as one.
 */
#include "client/secure.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "client/safe.h"
#include "proto/channel.h"
#include "proto/frame.h"
#include "proto/line.h"

enum {
	GREETING_MAX = 2048,
	SHOWN_MAX = 160,
	ANSWER_LEN = CHANNEL_HEAD_LEN + CHANNEL_ANSWER_LEN,
};

enum state { GREETING, ANSWER, REFUSAL, READY, OVER };

struct secure {
	enum state state;
	struct frame frame; /* while in the clear */
	struct channel *channel;
	size_t most; /* bytes that one message seals */
};

struct secure *
secure_new(void)
{
	struct secure *s = xcalloc(1, sizeof(*s));
	frame_init(&s->frame, GREETING_MAX, false);
	s->most = CHANNEL_FIRST_PLAIN;
	return s;
}

void
secure_free(struct secure *s)
{
	if (!s)
		return;
	frame_fini(&s->frame);
	channel_free(s->channel);
	free(s);
}

static int
stop(char cause[static ERR_LEN], const char *why)
{
	snprintf(cause, ERR_LEN, "%s", why);
	return -SECURE_ESTOP;
}

/* Not tried again: whoever did this is there the next time, too. */
static int
tampered(char cause[static ERR_LEN], const char *why)
{
	snprintf(cause, ERR_LEN,
	    "no secure session: %s; somebody may be between you and the "
	    "server; nothing was said to it",
	    why);
	return -SECURE_ESTOP;
}

/* --- the greeting -------------------------------------------------------- */

/* How much of it fits, without a torn character at the end. */
static size_t
cut_at(const struct safe *s, size_t max)
{
	size_t len = 0;
	for (size_t n; (n = text_cluster(s->utf8 + len, s->len - len)) > 0;) {
		if (len + n > max)
			break;
		len += n;
	}
	return len;
}

/* Lines before a session are anybody's: shown, never believed. */
static int
sent_away(const struct line *l, char cause[static ERR_LEN])
{
	struct span text = l->rest;
	struct span code = text_word(&text);
	bool later = strcmp(l->verb, "BYE") == 0 || span_is(code, "busy") ||
		     span_is(code, "limit") || span_is(code, "slow-down");
	struct safe shown = safe_new(text.len > 0 ? text : code, 0);
	snprintf(cause, ERR_LEN, "the server gives no session: %.*s",
	    (int)cut_at(&shown, SHOWN_MAX), shown.utf8);
	safe_free(&shown);
	return later ? -SECURE_EAGAIN : -SECURE_ESTOP;
}

static bool
has_word(struct span text, const char *word)
{
	while (text.len > 0)
		if (span_is(text_word(&text), word))
			return true;
	return false;
}

static int
judge_greeting(const struct line *l, char cause[static ERR_LEN])
{
	struct span p[LINE_PARAMS_MAX];
	struct span keys;
	if (strcmp(l->verb, "BYE") == 0 || strcmp(l->verb, "ERR") == 0)
		return sent_away(l, cause);
	if (strcmp(l->verb, "WELCOME") != 0 || line_split(l, 3, p, &keys) < 0)
		return stop(cause, "what answered does not speak snug/1");
	if (!span_is(p[0], "snug/1"))
		return stop(cause, "the server speaks another version of snug");
	if (has_word(keys, "secure=off"))
		return stop(cause,
		    "this server says that it has no secure sessions; whoever "
		    "sits on the way may have said so, and nothing was said "
		    "to it (--plaintext goes there unprotected)");
	return 0;
}

static int
answer_greeting(struct secure *s, struct span welcome, struct buf *wire,
    char cause[static ERR_LEN])
{
	static const char secure[] = "SECURE " CHANNEL_SUITE;
	struct line_writer w;
	line_begin(&w, wire);
	line_put(&w, SPAN("SECURE"));
	line_put(&w, SPAN(CHANNEL_SUITE));
	line_end(&w);
	s->channel = channel_new_client(wire);
	s->state = ANSWER;
	int err = channel_set_greeting(s->channel, welcome, SPAN(secure));
	return err < 0 ? tampered(cause, channel_strerror(err)) : 0;
}

static int
take_greeting(struct secure *s, struct buf *in, struct buf *wire,
    char cause[static ERR_LEN])
{
	struct span rest = {buf_head(in), buf_len(in)};
	struct span payload;
	struct line l;
	enum frame_result r = frame_next(&s->frame, &rest, &payload);
	int err = 0;
	if (r == FRAME_LINE && line_parse(&l, payload) == 0) {
		err = judge_greeting(&l, cause);
		if (err == 0)
			err = answer_greeting(s, payload, wire, cause);
	} else if (r != FRAME_MORE) {
		err = stop(cause, "what answered does not speak snug/1");
	}
	buf_drain(in, buf_len(in) - rest.len);
	return err;
}

/* --- the handshake, and after -------------------------------------------- */

/* A line came in place of message 2. */
static int
take_refusal(struct secure *s, struct buf *in, char cause[static ERR_LEN])
{
	struct span rest = {buf_head(in), buf_len(in)};
	struct span payload;
	struct line l;
	enum frame_result r = frame_next(&s->frame, &rest, &payload);
	if (r == FRAME_LINE && line_parse(&l, payload) == 0 &&
	    (strcmp(l.verb, "ERR") == 0 || strcmp(l.verb, "BYE") == 0))
		return sent_away(&l, cause);
	if (r != FRAME_MORE)
		return tampered(
		    cause, "the server's answer was changed on the way");
	buf_clear(in);
	return 0;
}

/* Message 2 alone, so that what comes behind it is judged as what it is. */
static int
feed_answer(struct secure *s, struct buf *in, char cause[static ERR_LEN])
{
	struct buf answer = {0};
	struct buf none = {0};
	size_t len = buf_len(in) < ANSWER_LEN ? buf_len(in) : ANSWER_LEN;
	buf_add(&answer, buf_head(in), len);
	int err = channel_feed(s->channel, &answer, &none, &none);
	if (err == -CHANNEL_EREFUSED) {
		s->state = REFUSAL;
		err = take_refusal(s, in, cause);
	} else if (err < 0) {
		err = tampered(cause, channel_strerror(err));
	} else {
		buf_drain(in, len - buf_len(&answer));
		if (channel_is_ready(s->channel))
			s->state = READY;
	}
	buf_free(&answer);
	buf_free(&none);
	return err;
}

static int
feed_session(struct secure *s, struct buf *in, struct buf *plain,
    struct buf *wire, char cause[static ERR_LEN])
{
	int err = channel_feed(s->channel, in, plain, wire);
	if (err == 0)
		return 0;
	snprintf(cause, ERR_LEN, "the connection was cut: %s",
	    channel_strerror(err));
	return -SECURE_EAGAIN;
}

int
secure_feed(struct secure *s, struct buf *in, struct buf *plain,
    struct buf *wire, char cause[static ERR_LEN])
{
	int err = 0;
	if (s->state == OVER)
		return stop(cause, "the session is over");
	if (s->state == GREETING)
		err = take_greeting(s, in, wire, cause);
	else if (s->state == REFUSAL)
		err = take_refusal(s, in, cause);
	if (err == 0 && s->state == ANSWER && buf_len(in) > 0)
		err = feed_answer(s, in, cause);
	if (err == 0 && s->state == READY && buf_len(in) > 0)
		err = feed_session(s, in, plain, wire, cause);
	if (err < 0)
		s->state = OVER;
	return err;
}

bool
secure_is_ready(const struct secure *s)
{
	return s->state == READY;
}

const uint8_t *
secure_key(const struct secure *s)
{
	return channel_remote_key(s->channel);
}

const uint8_t *
secure_hash(const struct secure *s)
{
	return channel_hash(s->channel);
}

void
secure_accepted(struct secure *s)
{
	s->most = CHANNEL_PLAIN_MAX;
}

void
secure_seal(struct secure *s, const struct buf *plain, struct buf *wire)
{
	const char *p = buf_head(plain);
	size_t left = buf_len(plain);
	if (s->state == OVER)
		return;
	assert(s->state == READY);
	for (size_t n; left > 0; p += n, left -= n) {
		n = left < s->most ? left : s->most;
		if (channel_seal(s->channel, p, n, wire) < 0)
			abort(); /* a channel that is ready seals */
	}
}
