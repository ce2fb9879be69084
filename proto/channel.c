/* SPDX-License-Identifier: ISC */
/*
 * A secure connection's one end, between a socket's bytes and the stream of
 * lines.
 *
 *	client                        server
 *	SECURE line, message 1  -->             CALL: message 1 is awaited
 *	                        <--  message 2  ANSWER: message 2 is awaited
 *	        transport messages both ways    READY
 *
 * The prologue binds what was said in the clear: a greeting or a SECURE line
 * that was changed on its way shows as a failed handshake.  Message 1 holds
 * nothing but the client's ephemeral key, so it can be sent before the WELCOME
 * was read; the handshake proper begins in channel_set_greeting().
 *
 * Waiting bytes lie in the caller's buffers.  server/session and client/net
 * drive it; whom to trust, what a line is and when to give up are theirs.
 */
#include "proto/channel.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/identity.h"

enum { REKEY_EVERY = 65536 }; /* messages of a direction */

/* OVER: ch->error is the answer to everything. */
enum state { CALL, ANSWER, READY, OVER };

struct channel {
	enum state state;
	int error;
	struct noise *handshake; /* until READY */
	struct noise_cipher send, recv;
	size_t max;   /* of a message that is taken */
	bool is_deaf; /* one was longer: nothing more is taken */
	uint8_t hash[CHANNEL_HASH_LEN];
	uint8_t remote[CHANNEL_KEY_LEN]; /* the server's key: as WELCOME says
					    it, and then proven */
};

_Static_assert(
    sizeof(struct channel) + sizeof(struct noise) <= CHANNEL_HANDSHAKE_MEMORY,
    "many may begin and never finish");

const char *
channel_strerror(int err)
{
	static const char *const texts[] = {
	    [CHANNEL_EREFUSED] = "the server refused the secure session",
	    [CHANNEL_EKEY] = "the server's greeting names no key, or another "
			     "one than the server has",
	    [CHANNEL_EHANDSHAKE] = "the greeting or the handshake was changed "
				   "on its way",
	    [CHANNEL_EEARLY] = "bytes came in between the handshake's messages",
	    [CHANNEL_ELENGTH] = "what came is not of a secure session",
	    [CHANNEL_ELONG] = "a message was longer than it may be",
	    [CHANNEL_ETAG] = "bytes were changed, dropped or repeated on their "
			     "way",
	    [CHANNEL_ESTATE] = "the secure session is not there yet",
	};
	size_t i = (size_t)-err;

	return err < 0 && i < ARRAY_LEN(texts) ? texts[i] : "no error";
}

/* --- making --------------------------------------------------------------- */

static struct channel *
channel_new(enum state state)
{
	struct channel *ch = xcalloc(1, sizeof(*ch));

	ch->state = state;
	ch->max = NOISE_MESSAGE_MAX;
	ch->handshake = xcalloc(1, sizeof(*ch->handshake));
	return ch;
}

/* The prologue: protocol, greeting and SECURE line, each ended by an LF but
 * the last. */
static void
begin(struct noise *n, struct noise_config c, struct span welcome,
    struct span secure)
{
	struct buf prologue = {0};

	buf_add_str(&prologue, "snug/1\n");
	buf_add(&prologue, welcome.p, welcome.len);
	buf_add_str(&prologue, "\n");
	buf_add(&prologue, secure.p, secure.len);
	c.pattern = "NX";
	c.prologue = (struct span){buf_head(&prologue), buf_len(&prologue)};
	noise_init(n, &c);
	buf_wipe(&prologue); /* a WELCOME may hold a token */
}

struct channel *
channel_new_server(
    const struct noise_keypair *key, struct span welcome, struct span secure)
{
	struct channel *ch = channel_new(CALL);

	begin(ch->handshake, (struct noise_config){.s = key}, welcome, secure);
	return ch;
}

static void
add_head(struct buf *wire, size_t len)
{
	uint8_t head[CHANNEL_HEAD_LEN] = {(uint8_t)(len >> 8), (uint8_t)len};

	buf_add(wire, head, sizeof(head));
}

struct channel *
channel_new_client(struct buf *wire)
{
	struct channel *ch = channel_new(ANSWER);

	noise_keypair_new(&ch->handshake->e);
	add_head(wire, CHANNEL_CALL_LEN);
	buf_add(wire, ch->handshake->e.public, CHANNEL_CALL_LEN);
	return ch;
}

/* The value of WELCOME's `key`, behind protocol, server and nick. */
static bool
find_key(struct span welcome, uint8_t key[static CHANNEL_KEY_LEN])
{
	const struct span name = SPAN("key=");

	while (welcome.len > 0) {
		struct span word = text_word(&welcome);
		if (word.len < name.len ||
		    memcmp(word.p, name.p, name.len) != 0)
			continue;
		word = (struct span){word.p + name.len, word.len - name.len};
		return identity_parse_key(word, key);
	}
	return false;
}

/* Wipes all that is secret; `err` is what is said from here on. */
static int
end(struct channel *ch, int err)
{
	if (ch->handshake) {
		noise_wipe(ch->handshake);
		free(ch->handshake);
		ch->handshake = NULL;
	}
	noise_cipher_wipe(&ch->send);
	noise_cipher_wipe(&ch->recv);
	ch->state = OVER;
	ch->error = err;
	return err;
}

int
channel_set_greeting(
    struct channel *ch, struct span welcome, struct span secure)
{
	assert(ch->state == ANSWER && !ch->handshake->pattern);
	if (!find_key(welcome, ch->remote))
		return end(ch, -CHANNEL_EKEY);
	struct noise_keypair e = ch->handshake->e;
	struct noise_config c = {.initiator = true, .e = &e};
	struct buf again = {0};
	begin(ch->handshake, c, welcome, secure);
	sodium_memzero(&e, sizeof(e));
	/* The bytes that were sent already. */
	int err = noise_write(ch->handshake, SPAN_NONE, &again);
	assert(err == 0 && buf_len(&again) == CHANNEL_CALL_LEN);
	buf_free(&again);
	return err;
}

void
channel_set_max(struct channel *ch, size_t max)
{
	ch->max = max;
}

void
channel_free(struct channel *ch)
{
	if (!ch)
		return;
	end(ch, -CHANNEL_ESTATE);
	free(ch);
}

/* --- reading -------------------------------------------------------------- */

static int
become_ready(struct channel *ch)
{
	struct noise *n = ch->handshake;

	if (noise_split(n, &ch->send, &ch->recv) < 0)
		return -CHANNEL_EHANDSHAKE;
	memcpy(ch->hash, n->h, CHANNEL_HASH_LEN);
	noise_wipe(n);
	free(n);
	ch->handshake = NULL;
	ch->state = READY;
	return 0;
}

static int
take_call(struct channel *ch, struct span message, struct buf *plain,
    struct buf *wire)
{
	size_t before = buf_len(wire);

	if (noise_read(ch->handshake, message, plain) < 0)
		return -CHANNEL_EHANDSHAKE;
	add_head(wire, CHANNEL_ANSWER_LEN);
	if (noise_write(ch->handshake, SPAN_NONE, wire) < 0) {
		buf_truncate(wire, before);
		return -CHANNEL_EHANDSHAKE;
	}
	return become_ready(ch);
}

static int
take_answer(struct channel *ch, struct span message, struct buf *plain,
    struct buf *wire)
{
	(void)wire;
	if (noise_read(ch->handshake, message, plain) < 0)
		return -CHANNEL_EHANDSHAKE;
	if (sodium_memcmp(ch->handshake->rs, ch->remote, CHANNEL_KEY_LEN) != 0)
		return -CHANNEL_EKEY;
	return become_ready(ch);
}

/* Its number was n - 1 when both sides counted it. */
static void
rekey_when_due(struct noise_cipher *c)
{
	if (c->n % REKEY_EVERY == 0)
		noise_rekey(c);
}

static int
take_transport(struct channel *ch, struct span message, struct buf *plain,
    struct buf *wire)
{
	size_t len = message.len - NOISE_TAG_LEN;
	uint8_t *to = (uint8_t *)buf_reserve(plain, len);

	(void)wire;
	if (noise_open(&ch->recv, (const uint8_t *)message.p, message.len, to))
		return -CHANNEL_ETAG;
	buf_added(plain, len);
	rekey_when_due(&ch->recv);
	return 0;
}

/* What is awaited in each state: how long it is, and who takes it. */
static const struct step {
	size_t min, max;
	int (*take)(struct channel *ch, struct span message, struct buf *plain,
	    struct buf *wire);
} steps[] = {
    [CALL] = {CHANNEL_CALL_LEN, CHANNEL_CALL_LEN, take_call},
    [ANSWER] = {CHANNEL_ANSWER_LEN, CHANNEL_ANSWER_LEN, take_answer},
    [READY] = {NOISE_TAG_LEN + 1, NOISE_MESSAGE_MAX, take_transport},
};

/* Is a message whole at the front of `in`?  1 and the message, 0 if more must
 * come, or a negative error. */
static int
peek(const struct channel *ch, const struct buf *in, struct span *message)
{
	const uint8_t *p = (const uint8_t *)buf_head(in);
	size_t have = buf_len(in);

	/* The high byte of message 2's length is no digit. */
	if (ch->state == ANSWER && have > 0 && p[0] >= '0' && p[0] <= '9')
		return -CHANNEL_EREFUSED;
	if (have < CHANNEL_HEAD_LEN)
		return 0;
	size_t len = (size_t)p[0] << 8 | p[1];
	if (len < steps[ch->state].min || len > steps[ch->state].max)
		return -CHANNEL_ELENGTH;
	if (len > ch->max)
		return -CHANNEL_ELONG;
	if (have < CHANNEL_HEAD_LEN + len)
		return 0;
	/* Nobody who has not seen message 2 has anything to say. */
	if (ch->state == CALL && have > CHANNEL_HEAD_LEN + len)
		return -CHANNEL_EEARLY;
	*message = (struct span){buf_head(in) + CHANNEL_HEAD_LEN, len};
	return 1;
}

/* Where one would have to be kept that is too long. */
static int
become_deaf(struct channel *ch)
{
	noise_cipher_wipe(&ch->recv);
	ch->is_deaf = true;
	return -CHANNEL_ELONG;
}

int
channel_feed(
    struct channel *ch, struct buf *in, struct buf *plain, struct buf *wire)
{
	struct span message;
	int found;

	if (ch->state == OVER)
		return ch->error;
	if (ch->is_deaf)
		return -CHANNEL_ELONG;
	assert(!ch->handshake || ch->handshake->pattern);
	while ((found = peek(ch, in, &message)) > 0) {
		int err = steps[ch->state].take(ch, message, plain, wire);
		if (err < 0)
			return end(ch, err);
		buf_drain(in, CHANNEL_HEAD_LEN + message.len);
	}
	if (found == -CHANNEL_ELONG)
		return become_deaf(ch);
	return found < 0 ? end(ch, found) : 0;
}

/* --- once ready ----------------------------------------------------------- */

bool
channel_is_ready(const struct channel *ch)
{
	return ch->state == READY;
}

const uint8_t *
channel_hash(const struct channel *ch)
{
	return ch->hash;
}

const uint8_t *
channel_remote_key(const struct channel *ch)
{
	return ch->remote;
}

static int
seal_one(struct channel *ch, const char *p, size_t len, struct buf *wire)
{
	size_t sealed = len + NOISE_TAG_LEN;

	add_head(wire, sealed);
	uint8_t *to = (uint8_t *)buf_reserve(wire, sealed);
	if (noise_seal(&ch->send, (const uint8_t *)p, len, to) < 0)
		return -CHANNEL_ESTATE;
	buf_added(wire, sealed);
	rekey_when_due(&ch->send);
	return 0;
}

int
channel_seal(struct channel *ch, const char *p, size_t len, struct buf *wire)
{
	size_t before = buf_len(wire);
	int err = ch->state == READY ? 0 : -CHANNEL_ESTATE;

	while (err == 0 && len > 0) {
		size_t n = len < CHANNEL_PLAIN_MAX ? len : CHANNEL_PLAIN_MAX;
		err = seal_one(ch, p, n, wire);
		p += n;
		len -= n;
	}
	if (err < 0)
		buf_truncate(wire, before);
	return err;
}
