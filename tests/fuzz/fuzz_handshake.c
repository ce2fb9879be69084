/* SPDX-License-Identifier: ISC */
/*
 * proto/channel.c, until it is ready: what a client says and what its server
 * answers, with harm done to it on the way.
 *
 *	byte 0  bit 0: message 1 is harmed, or message 2; bit 1: it comes byte
 *	        by byte; bit 2: the rest is the payload of a WELCOME instead
 *	byte 1  so many bytes are cut from its end
 *	rest    is XORed over the message; what is longer comes behind it
 *
 * The client is ready if nothing was harmed, and not if anything was; who has
 * failed stays so.
 */
#include "base/buf.h"
#include "proto/channel.h"
#include "proto/identity.h"
#include "tests/fuzz/dice.h"
#include "tests/fuzz/fuzz.h"

#define SECURE SPAN("SECURE " CHANNEL_SUITE)

/* Of the first key that the dice make; the corpus holds it, too. */
static char greeting[] = "WELCOME snug/1 den nick max-line=16384 key="
			 "0123456789012345678901234567890123456789012";

struct ends {
	struct noise_keypair key;
	struct channel *client, *server;
	struct buf to_client, to_server, heard;
};

static void
begin(struct ends *e)
{
	char *at = strstr(greeting, "key=") + 4;

	dice_throw();
	noise_keypair_new(&e->key);
	identity_key_text(e->key.public, at);
	e->client = channel_new_client(&e->to_server);
}

static void
drop(struct ends *e)
{
	channel_free(e->client);
	channel_free(e->server);
	buf_free(&e->to_client);
	buf_free(&e->to_server);
	buf_free(&e->heard);
}

enum harm { NONE, BEHIND, HARM };

/* Gives what became of the message: bytes may have come behind it. */
static enum harm
harm(struct buf *wire, size_t cut, const uint8_t *mask, size_t len)
{
	char whole[CHANNEL_HEAD_LEN + CHANNEL_ANSWER_LEN];
	size_t was = buf_len(wire);

	memcpy(whole, buf_head(wire), was);
	for (size_t i = 0; i < len; i++) {
		if (i < was)
			buf_head(wire)[i] ^= (char)mask[i];
		else
			buf_add(wire, &mask[i], 1);
	}
	buf_truncate(wire, buf_len(wire) > cut ? buf_len(wire) - cut : 0);
	if (buf_len(wire) < was || memcmp(buf_head(wire), whole, was) != 0)
		return HARM;
	return buf_len(wire) > was ? BEHIND : NONE;
}

/* Feeds all that is on the wire, whole or byte by byte. */
static int
feed(struct channel *ch, struct buf *wire, bool slowly, struct ends *e)
{
	struct buf in = {0}, answer = {0};
	int err = 0;

	for (size_t n; err == 0 && (n = buf_len(wire)) > 0;) {
		n = slowly ? 1 : n;
		buf_add(&in, buf_head(wire), n);
		buf_drain(wire, n);
		err = channel_feed(ch, &in, &e->heard, &answer);
		MUST(buf_len(&in) < CHANNEL_WAIT_MAX || err < 0);
	}
	if (err < 0) {
		MUST(channel_feed(ch, &in, &e->heard, &answer) == err);
		MUST(channel_seal(ch, "x", 1, &answer) < 0);
		MUST(!channel_is_ready(ch));
	}
	MUST(buf_len(&e->heard) == 0);
	if (ch == e->server && err == 0)
		buf_add(&e->to_client, buf_head(&answer), buf_len(&answer));
	buf_free(&in);
	buf_free(&answer);
	return err;
}

static void
try_harm(const uint8_t *data, size_t size)
{
	struct ends e = {.client = NULL};
	bool first = data[0] & 1, slowly = data[0] & 2;
	enum harm done = NONE;

	begin(&e);
	e.server = channel_new_server(&e.key, span_of(greeting), SECURE);
	MUST(channel_set_greeting(e.client, span_of(greeting), SECURE) == 0);
	if (first)
		done = harm(&e.to_server, data[1], data + 2, size - 2);
	int err = feed(e.server, &e.to_server, slowly && first, &e);
	if (first && !slowly && done == BEHIND)
		MUST(err == -CHANNEL_EEARLY);
	if (err == 0 && !first)
		done = harm(&e.to_client, data[1], data + 2, size - 2);
	if (err == 0)
		feed(e.client, &e.to_client, slowly && !first, &e);
	MUST(done != NONE || channel_is_ready(e.client));
	MUST(done != HARM || !channel_is_ready(e.client));
	drop(&e);
}

/* Both sides have the same greeting, and it is the input. */
static void
try_greeting(struct span welcome)
{
	struct ends e = {.client = NULL};
	char key[IDENTITY_KEY_TEXT + 1];

	begin(&e);
	identity_key_text(e.key.public, key);
	e.server = channel_new_server(&e.key, welcome, SECURE);
	int err = channel_set_greeting(e.client, welcome, SECURE);
	feed(e.server, &e.to_server, false, &e);
	MUST(channel_is_ready(e.server));
	if (err == 0)
		feed(e.client, &e.to_client, false, &e);
	if (channel_is_ready(e.client))
		MUST(memmem(welcome.p, welcome.len, key, IDENTITY_KEY_TEXT));
	drop(&e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	if (data[0] & 4)
		try_greeting((struct span){(const char *)data + 1, size - 1});
	else
		try_harm(data, size);
	return 0;
}
