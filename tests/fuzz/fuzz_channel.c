/* SPDX-License-Identifier: ISC */
/*
 * proto/channel.c, once it is ready: the input is a program for the wire from a
 * server to its client.  Each byte is a step: three bits say what is done, five
 * how much of it (see the table below).
 *
 * What the client hears is, byte for byte, what was said in the messages that
 * reached it whole, in order and unharmed, and nothing behind them.
 */
#include "base/buf.h"
#include "proto/channel.h"
#include "proto/identity.h"
#include "tests/fuzz/dice.h"
#include "tests/fuzz/fuzz.h"

enum { SAID_MAX = 1 << 20, MESSAGES_MAX = 4096 };

struct run {
	struct channel *client, *server;
	struct buf said, sent; /* as the server said and sealed it */
	struct buf wire;       /* on its way, perhaps harmed */
	struct buf came;       /* all that the client was given */
	struct buf in, heard, none;
	int err;
};

static void
shake_hands(struct run *r)
{
	struct noise_keypair key;
	struct buf a = {0}, b = {0};
	char greeting[100], text[IDENTITY_KEY_TEXT + 1];

	dice_throw();
	noise_keypair_new(&key);
	snprintf(greeting, sizeof(greeting), "WELCOME snug/1 den nick key=%s",
	    identity_key_text(key.public, text));
	r->server = channel_new_server(&key, span_of(greeting), SPAN("SECURE"));
	r->client = channel_new_client(&a);
	MUST(channel_set_greeting(
		 r->client, span_of(greeting), SPAN("SECURE")) == 0);
	MUST(channel_feed(r->server, &a, &r->none, &b) == 0);
	MUST(channel_feed(r->client, &b, &r->none, &r->none) == 0);
	MUST(channel_is_ready(r->client) && buf_len(&r->none) == 0);
	buf_free(&a);
	buf_free(&b);
}

/* --- the steps ------------------------------------------------------------ */

static void
say(struct run *r, size_t len)
{
	size_t from = buf_len(&r->said), before = buf_len(&r->sent);

	if (from + len > SAID_MAX)
		return;
	for (size_t i = 0; i < len; i++) {
		char c = (char)(from + i);
		buf_add(&r->said, &c, 1);
	}
	MUST(channel_seal(
		 r->server, buf_head(&r->said) + from, len, &r->sent) == 0);
	buf_add(
	    &r->wire, buf_head(&r->sent) + before, buf_len(&r->sent) - before);
}

static void
say_little(struct run *r, size_t n)
{
	say(r, n + 1);
}

static void
say_much(struct run *r, size_t n)
{
	say(r, n * 4567 + 1);
}

static void
deliver(struct run *r, size_t n)
{
	n = n < buf_len(&r->wire) ? n : buf_len(&r->wire);
	buf_add(&r->came, buf_head(&r->wire), n);
	if (r->err == 0) {
		buf_add(&r->in, buf_head(&r->wire), n);
		r->err = channel_feed(r->client, &r->in, &r->heard, &r->none);
		MUST(r->err < 0 || buf_len(&r->in) < CHANNEL_WAIT_MAX);
	}
	buf_drain(&r->wire, n);
}

static void
deliver_some(struct run *r, size_t n)
{
	deliver(r, n + 1);
}

static void
deliver_all(struct run *r, size_t n)
{
	(void)n;
	deliver(r, buf_len(&r->wire));
}

static void
flip(struct run *r, size_t n)
{
	if (buf_len(&r->wire) > 0)
		buf_head(&r->wire)[n * 7 % buf_len(&r->wire)] ^=
		    (char)(1 << (n % 8));
}

static void
lose(struct run *r, size_t n)
{
	n = n + 1 < buf_len(&r->wire) ? n + 1 : buf_len(&r->wire);
	buf_drain(&r->wire, n);
}

static void
repeat(struct run *r, size_t n)
{
	struct buf copy = {0};

	n = n + 1 < buf_len(&r->wire) ? n + 1 : buf_len(&r->wire);
	buf_add(&copy, buf_head(&r->wire), n);
	buf_add(&copy, buf_head(&r->wire), buf_len(&r->wire));
	buf_free(&r->wire);
	r->wire = copy;
}

static void
inject(struct run *r, size_t n)
{
	const char byte = (char)n;

	buf_add(&r->wire, &byte, 1);
}

static void (*const steps[8])(struct run *, size_t) = {say_little, deliver_some,
    deliver_all, flip, lose, repeat, inject, say_much};

/* --- what must be --------------------------------------------------------- */

/* How much of what was said is in messages that came as they were sent. */
static size_t
said_unharmed(const struct run *r, bool *all)
{
	const uint8_t *sent = (const uint8_t *)buf_head(&r->sent);
	size_t same = 0, at = 0, said = 0;
	size_t n = buf_len(&r->came);

	n = n < buf_len(&r->sent) ? n : buf_len(&r->sent);
	while (same < n && buf_head(&r->came)[same] == (char)sent[same])
		same++;
	*all = same == buf_len(&r->came);
	while (at + 2 <= same) {
		size_t len = (size_t)sent[at] << 8 | sent[at + 1];
		if (at + 2 + len > same)
			break;
		at += 2 + len;
		said += len - NOISE_TAG_LEN;
	}
	return said;
}

static void
check(const struct run *r)
{
	bool all;
	size_t said = said_unharmed(r, &all);

	MUST(buf_len(&r->heard) == said);
	if (said > 0)
		MUST(
		    memcmp(buf_head(&r->heard), buf_head(&r->said), said) == 0);
	MUST(r->err == 0 || !all);
	MUST(buf_len(&r->none) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run r = {.err = 0};

	shake_hands(&r);
	for (size_t i = 0; i < size && i < MESSAGES_MAX; i++) {
		steps[data[i] >> 5](&r, data[i] & 31);
		check(&r);
	}
	channel_free(r.client);
	channel_free(r.server);
	buf_free(&r.said);
	buf_free(&r.sent);
	buf_free(&r.wire);
	buf_free(&r.came);
	buf_free(&r.in);
	buf_free(&r.heard);
	buf_free(&r.none);
	return 0;
}
