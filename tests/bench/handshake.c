/* SPDX-License-Identifier: ISC */
/*
 * Handshakes a second on one core: a server's side of it through proto/channel,
 * beside the bare cryptography that such a handshake cannot do without, in
 * turns; and sealing, beside the bare AEAD.
 *
 *	handshake [SECONDS]
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "proto/channel.h"
#include "proto/identity.h"

enum {
	ROUND_US = 200 * 1000,
	/* Three HKDFs of three HMACs of two hashes, and six of h. */
	HASHES = 3 * 3 * 2 + 6,
	HASHED = 192, /* bytes of each */
	FLUSH = 1200, /* bytes that wait, as in a busy room */
};

struct bench {
	struct noise_keypair key;
	char greeting[128];
	struct buf call; /* a client's message 1 */
	struct channel *client, *server;
};

static const struct span secure = {
    "SECURE " CHANNEL_SUITE, sizeof("SECURE " CHANNEL_SUITE) - 1};

static void
must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "handshake: %s\n", what);
	exit(1);
}

static void
prepare(struct bench *b)
{
	char text[IDENTITY_KEY_TEXT + 1];
	struct buf in = {0}, out = {0}, none = {0};

	noise_keypair_new(&b->key);
	snprintf(b->greeting, sizeof(b->greeting),
	    "WELCOME snug/1 den nick max-line=16384 key=%s",
	    identity_key_text(b->key.public, text));
	b->client = channel_new_client(&b->call);
	must(channel_set_greeting(b->client, span_of(b->greeting), secure) == 0,
	    "no greeting");
	buf_add(&in, buf_head(&b->call), buf_len(&b->call));
	b->server = channel_new_server(&b->key, span_of(b->greeting), secure);
	must(channel_feed(b->server, &in, &none, &out) == 0 &&
		 channel_feed(b->client, &out, &none, &none) == 0,
	    "no handshake");
	buf_free(&in);
	buf_free(&out);
}

/* --- what is measured ----------------------------------------------------- */

static void
whole_handshake(struct bench *b)
{
	struct buf in = {0}, plain = {0}, wire = {0};
	struct channel *ch =
	    channel_new_server(&b->key, span_of(b->greeting), secure);

	buf_add(&in, buf_head(&b->call), buf_len(&b->call));
	must(channel_feed(ch, &in, &plain, &wire) == 0, "a failed handshake");
	channel_free(ch);
	buf_free(&in);
	buf_free(&plain);
	buf_free(&wire);
}

static void
bare_handshake(struct bench *b)
{
	struct noise_keypair e;
	uint8_t dh[NOISE_KEY_LEN], hash[NOISE_HASH_LEN], text[HASHED] = {0};
	const uint8_t *theirs = (uint8_t *)buf_head(&b->call) + 2;

	noise_keypair_new(&e);
	must(crypto_scalarmult(dh, e.secret, theirs) == 0 &&
		 crypto_scalarmult(dh, b->key.secret, theirs) == 0,
	    "no secret");
	for (int i = 0; i < HASHES; i++)
		crypto_generichash(
		    hash, sizeof(hash), text, sizeof(text), NULL, 0);
}

static char flushed[FLUSH];

static void
whole_seal(struct bench *b)
{
	static struct buf wire, plain, none;

	buf_clear(&wire);
	buf_clear(&plain);
	must(channel_seal(b->server, flushed, FLUSH, &wire) == 0 &&
		 channel_feed(b->client, &wire, &plain, &none) == 0,
	    "a failed message");
}

static void
bare_seal(struct bench *b)
{
	static uint8_t sealed[FLUSH + NOISE_TAG_LEN], nonce[12];

	crypto_aead_chacha20poly1305_ietf_encrypt(sealed, NULL,
	    (const uint8_t *)flushed, FLUSH, NULL, 0, NULL, nonce,
	    b->key.secret);
	must(crypto_aead_chacha20poly1305_ietf_decrypt((uint8_t *)flushed, NULL,
		 NULL, sealed, sizeof(sealed), NULL, 0, nonce,
		 b->key.secret) == 0,
	    "a failed tag");
}

struct work {
	const char *name;
	void (*whole)(struct bench *b), (*bare)(struct bench *b);
};

static const struct work works[] = {
    {"handshakes of a server", whole_handshake, bare_handshake},
    {"flushes sealed and opened", whole_seal, bare_seal},
};

/* --- measuring ------------------------------------------------------------ */

/* Calls of a round, and its time, are added. */
static void
spend(void (*fn)(struct bench *b), struct bench *b, double *n, double *us)
{
	uint64_t start = clock_now_us(), now = start;

	for (; now - start < ROUND_US; now = clock_now_us(), ++*n)
		fn(b);
	*us += (double)(now - start);
}

static void
measure(const struct work *w, struct bench *b, uint64_t seconds)
{
	double whole = 0, bare = 0, whole_us = 0, bare_us = 0;

	while (whole_us + bare_us < (double)seconds * 1e6) {
		spend(w->whole, b, &whole, &whole_us);
		spend(w->bare, b, &bare, &bare_us);
	}
	whole = whole * 1e6 / whole_us;
	bare = bare * 1e6 / bare_us;
	printf("%-26s %8.0f /s, bare %8.0f /s, ratio %.2f\n", w->name, whole,
	    bare, whole / bare);
}

int
main(int argc, char **argv)
{
	struct bench b = {.client = NULL};
	uint64_t seconds = 4;

	if (argc > 2 ||
	    (argc == 2 && !text_u64(span_of(argv[1]), 3600, &seconds))) {
		fputs("usage: handshake [SECONDS]\n", stderr);
		return 2;
	}
	must(sodium_init() >= 0, "libsodium does not start");
	prepare(&b);
	for (size_t i = 0; i < ARRAY_LEN(works); i++)
		measure(&works[i], &b, seconds);
	channel_free(b.client);
	channel_free(b.server);
	buf_free(&b.call);
	return 0;
}
