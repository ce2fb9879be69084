/* SPDX-License-Identifier: ISC */
/*
 * Noise: two parties agree on keys, and on what they have said to each other.
 *
 * A pattern is a row of tokens, and one small function carries out each token;
 * writing and reading a message is walking along the row.  Names and sections
 * are those of "The Noise Protocol Framework", revision 34: h is the hash of
 * all that was said, ck the chaining key, a CipherState is struct noise_cipher.
 * There are no pre-shared keys and no other suite.
 *
 * An error ends a handshake for good.  Secrets are wiped on every way out; the
 * pieces of cryptography are libsodium's.  channel.c drives it; it knows
 * nothing of lengths on a wire, of greetings, or of whom to trust.
 */
#include "proto/noise.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum {
	KEY = NOISE_KEY_LEN,
	HASH = NOISE_HASH_LEN,
	TAG = NOISE_TAG_LEN,
	BLAKE2B_BLOCK = 128,
	NONCE = crypto_aead_chacha20poly1305_IETF_NPUBBYTES,
	MESSAGES_MAX = 3,
	TOKENS_MAX = 5,
};

_Static_assert(KEY == crypto_scalarmult_BYTES &&
		   KEY == crypto_aead_chacha20poly1305_IETF_KEYBYTES &&
		   HASH == crypto_generichash_BYTES_MAX &&
		   TAG == crypto_aead_chacha20poly1305_IETF_ABYTES,
    "the suite's sizes");

enum token { END, E, S, EE, ES, SE, SS };

/*
 * Sections 7.4 and 7.5.  The messages take turns; the initiator writes the
 * first one.
 *
 * name  knows: what each side knows of the other's static key beforehand
 */
static const struct noise_pattern {
	char name[3];
	bool knows_initiator, knows_responder;
	unsigned char messages[MESSAGES_MAX][TOKENS_MAX];
} patterns[] = {
    /* clang-format off */
    /*     init.  resp. */
    {"N",  false, true,  {{E, ES}}},
    {"K",  true,  true,  {{E, ES, SS}}},
    {"X",  false, true,  {{E, ES, S, SS}}},
    {"NN", false, false, {{E},            {E, EE}}},
    {"NK", false, true,  {{E, ES},        {E, EE}}},
    {"NX", false, false, {{E},            {E, EE, S, ES}}},
    {"KN", true,  false, {{E},            {E, EE, SE}}},
    {"KK", true,  true,  {{E, ES, SS},    {E, EE, SE}}},
    {"KX", true,  false, {{E},            {E, EE, SE, S, ES}}},
    {"XN", false, false, {{E},            {E, EE},            {S, SE}}},
    {"XK", false, true,  {{E, ES},        {E, EE},            {S, SE}}},
    {"XX", false, false, {{E},            {E, EE, S, ES},     {S, SE}}},
    {"IN", false, false, {{E, S},         {E, EE, SE}}},
    {"IK", false, true,  {{E, ES, S, SS}, {E, EE, SE}}},
    {"IX", false, false, {{E, S},         {E, EE, SE, S, ES}}},
    /* clang-format on */
};

static const char suite[] = "_25519_ChaChaPoly_BLAKE2b";

const char *
noise_strerror(int err)
{
	static const char *const texts[] = {
	    [NOISE_ESTATE] = "out of turn, or over",
	    [NOISE_ELENGTH] = "cut off, or too long",
	    [NOISE_ETAG] = "changed on its way, or sealed with another key",
	    [NOISE_EPOINT] = "a public key of low order",
	    [NOISE_ENONCE] = "the key is used up",
	};
	size_t i = (size_t)-err;

	return err < 0 && i < ARRAY_LEN(texts) ? texts[i] : "no error";
}

/* --- keys ----------------------------------------------------------------- */

void
noise_keypair_of(const uint8_t secret[static KEY], struct noise_keypair *k)
{
	memmove(k->secret, secret, KEY);
	crypto_scalarmult_base(k->public, k->secret);
}

void
noise_keypair_new(struct noise_keypair *k)
{
	randombytes_buf(k->secret, KEY);
	crypto_scalarmult_base(k->public, k->secret);
}

/* --- hashing: sections 4.3 and 5.2 ---------------------------------------- */

/* BLAKE2b of two pieces. */
static void
hash2(uint8_t out[static HASH], const void *a, size_t a_len, const void *b,
    size_t b_len)
{
	crypto_generichash_state st;

	crypto_generichash_init(&st, NULL, 0, HASH);
	crypto_generichash_update(&st, a, a_len);
	crypto_generichash_update(&st, b, b_len);
	crypto_generichash_final(&st, out, HASH);
	sodium_memzero(&st, sizeof(st));
}

/* HMAC (RFC 2104) of two pieces, whose key is one hash long.  BLAKE2b's own
 * keyed mode is something else. */
static void
hmac2(uint8_t out[static HASH], const uint8_t key[static HASH], const void *a,
    size_t a_len, uint8_t last)
{
	uint8_t pad[BLAKE2B_BLOCK], inner[HASH];
	crypto_generichash_state st;

	memset(pad, 0x36, sizeof(pad));
	for (size_t i = 0; i < HASH; i++)
		pad[i] ^= key[i];
	crypto_generichash_init(&st, NULL, 0, HASH);
	crypto_generichash_update(&st, pad, sizeof(pad));
	crypto_generichash_update(&st, a, a_len);
	crypto_generichash_update(&st, &last, last ? 1 : 0);
	crypto_generichash_final(&st, inner, HASH);
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36 ^ 0x5c;
	hash2(out, pad, sizeof(pad), inner, HASH);
	sodium_memzero(&st, sizeof(st));
	sodium_memzero(pad, sizeof(pad));
	sodium_memzero(inner, sizeof(inner));
}

/* HKDF with two outputs; ck may be one of them. */
static void
hkdf(const uint8_t ck[static HASH], const uint8_t *input, size_t len,
    uint8_t out1[static HASH], uint8_t out2[static HASH])
{
	uint8_t temp[HASH];

	hmac2(temp, ck, input, len, 0);
	hmac2(out1, temp, NULL, 0, 1);
	hmac2(out2, temp, out1, HASH, 2);
	sodium_memzero(temp, sizeof(temp));
}

/* --- CipherState: section 5.1 --------------------------------------------- */

static void
cipher_set(struct noise_cipher *c, const uint8_t key[static KEY])
{
	c->n = 0;
	c->keyed = true;
	memcpy(c->key, key, KEY);
}

static void
put_nonce(uint8_t nonce[static NONCE], uint64_t n)
{
	memset(nonce, 0, NONCE);
	for (size_t i = 4; i < NONCE; i++, n >>= 8)
		nonce[i] = (uint8_t)n;
}

/* With associated data, as handshakes have it.  Without a key all is clear. */
static int
encrypt(struct noise_cipher *c, struct span ad, const uint8_t *p, size_t len,
    uint8_t *out)
{
	uint8_t nonce[NONCE];

	if (c->n == UINT64_MAX)
		return -NOISE_ENONCE;
	if (len > NOISE_PAYLOAD_MAX)
		return -NOISE_ELENGTH;
	put_nonce(nonce, c->n++);
	crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, p, len,
	    (const uint8_t *)ad.p, ad.len, NULL, nonce, c->key);
	return 0;
}

static int
decrypt(struct noise_cipher *c, struct span ad, const uint8_t *p, size_t len,
    uint8_t *out)
{
	uint8_t nonce[NONCE];

	if (c->n == UINT64_MAX)
		return -NOISE_ENONCE;
	if (len < TAG || len > NOISE_MESSAGE_MAX)
		return -NOISE_ELENGTH;
	put_nonce(nonce, c->n);
	if (crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, p, len,
		(const uint8_t *)ad.p, ad.len, nonce, c->key) != 0)
		return -NOISE_ETAG;
	c->n++;
	return 0;
}

int
noise_seal(struct noise_cipher *c, const uint8_t *p, size_t len, uint8_t *out)
{
	return c->keyed ? encrypt(c, SPAN_NONE, p, len, out) : -NOISE_ESTATE;
}

int
noise_open(struct noise_cipher *c, const uint8_t *p, size_t len, uint8_t *out)
{
	return c->keyed ? decrypt(c, SPAN_NONE, p, len, out) : -NOISE_ESTATE;
}

void
noise_rekey(struct noise_cipher *c)
{
	uint8_t zeros[KEY] = {0}, sealed[KEY + TAG], nonce[NONCE];

	assert(c->keyed);
	put_nonce(nonce, UINT64_MAX);
	crypto_aead_chacha20poly1305_ietf_encrypt(
	    sealed, NULL, zeros, KEY, NULL, 0, NULL, nonce, c->key);
	memcpy(c->key, sealed, KEY);
	sodium_memzero(sealed, sizeof(sealed));
}

void
noise_cipher_wipe(struct noise_cipher *c)
{
	sodium_memzero(c, sizeof(*c));
}

/* --- SymmetricState: section 5.2 ------------------------------------------ */

static void
mix_hash(struct noise *n, const void *p, size_t len)
{
	hash2(n->h, n->h, HASH, p, len);
}

/* Mixes a shared secret into the keys. */
static void
mix_key(struct noise *n, const uint8_t dh[static KEY])
{
	uint8_t key[HASH];

	hkdf(n->ck, dh, KEY, n->ck, key);
	cipher_set(&n->cipher, key);
	sodium_memzero(key, sizeof(key));
}

static int
encrypt_and_hash(struct noise *n, const uint8_t *p, size_t len, struct buf *out)
{
	size_t sealed = len + (n->cipher.keyed ? TAG : 0);
	uint8_t *to = (uint8_t *)buf_reserve(out, sealed);
	int err = 0;

	if (n->cipher.keyed)
		err = encrypt(&n->cipher,
		    (struct span){(const char *)n->h, HASH}, p, len, to);
	else if (len > 0)
		memcpy(to, p, len);
	if (err < 0)
		return err;
	mix_hash(n, to, sealed);
	buf_added(out, sealed);
	return 0;
}

/* out has room for len bytes, less a tag where there is a key. */
static int
decrypt_and_hash(struct noise *n, const uint8_t *p, size_t len, uint8_t *out)
{
	int err = 0;

	if (n->cipher.keyed)
		err = decrypt(&n->cipher,
		    (struct span){(const char *)n->h, HASH}, p, len, out);
	else if (len > 0)
		memcpy(out, p, len);
	if (err == 0)
		mix_hash(n, p, len);
	return err;
}

/* --- tokens: section 5.3 -------------------------------------------------- */

static int
write_e(struct noise *n, struct buf *out)
{
	if (!n->e_given)
		noise_keypair_new(&n->e);
	buf_add(out, n->e.public, KEY);
	mix_hash(n, n->e.public, KEY);
	return 0;
}

static int
write_s(struct noise *n, struct buf *out)
{
	return encrypt_and_hash(n, n->s.public, KEY, out);
}

/* Takes len bytes from the front of a message. */
static const uint8_t *
take(struct span *message, size_t len)
{
	const uint8_t *p = (const uint8_t *)message->p;

	if (message->len < len)
		return NULL;
	*message = (struct span){message->p + len, message->len - len};
	return p;
}

static int
read_e(struct noise *n, struct span *message)
{
	const uint8_t *p = take(message, KEY);

	if (!p)
		return -NOISE_ELENGTH;
	memcpy(n->re, p, KEY);
	mix_hash(n, n->re, KEY);
	return 0;
}

static int
read_s(struct noise *n, struct span *message)
{
	size_t len = KEY + (n->cipher.keyed ? TAG : 0);
	const uint8_t *p = take(message, len);

	return p ? decrypt_and_hash(n, p, len, n->rs) : -NOISE_ELENGTH;
}

/*
 * The shared secret of one of our keys and one of theirs.  Where theirs is of
 * low order the secret would be zero whatever ours is: the specification lets
 * one go on, but then anyone could claim such a key.
 */
static int
mix_dh(struct noise *n, const struct noise_keypair *ours,
    const uint8_t theirs[static KEY])
{
	uint8_t dh[KEY];
	int err = 0;

	if (crypto_scalarmult(dh, ours->secret, theirs) != 0)
		err = -NOISE_EPOINT;
	else
		mix_key(n, dh);
	sodium_memzero(dh, sizeof(dh));
	return err;
}

/* The first letter is the initiator's key, the second the responder's. */
static int
mix_token(struct noise *n, enum token t)
{
	bool initiators_s = t == SE || t == SS;
	bool responders_s = t == ES || t == SS;
	bool our_s = n->initiator ? initiators_s : responders_s;
	bool their_s = n->initiator ? responders_s : initiators_s;

	return mix_dh(n, our_s ? &n->s : &n->e, their_s ? n->rs : n->re);
}

static int
write_token(struct noise *n, enum token t, struct buf *out)
{
	if (t == E)
		return write_e(n, out);
	return t == S ? write_s(n, out) : mix_token(n, t);
}

static int
read_token(struct noise *n, enum token t, struct span *message)
{
	if (t == E)
		return read_e(n, message);
	return t == S ? read_s(n, message) : mix_token(n, t);
}

/* --- HandshakeState: section 5.3 ------------------------------------------ */

static const struct noise_pattern *
find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++)
		if (strcmp(patterns[i].name, name) == 0)
			return &patterns[i];
	return NULL;
}

bool
noise_has_pattern(const char *name)
{
	return find(name) != NULL;
}

static bool
is_one_way(const struct noise_pattern *p)
{
	return p->messages[1][0] == END;
}

/* Does this side say its static key, or does the other know it? */
static bool
has_static(const struct noise_pattern *p, bool initiator)
{
	if (initiator ? p->knows_initiator : p->knows_responder)
		return true;
	for (size_t m = initiator ? 0 : 1; m < MESSAGES_MAX; m += 2)
		if (memchr(p->messages[m], S, TOKENS_MAX))
			return true;
	return false;
}

/* The protocol's name is the first hash; up to 64 bytes it is taken as it is.
 */
static void
start_hash(struct noise *n)
{
	char name[HASH + 1] = "";

	_Static_assert(sizeof("Noise_XX") + sizeof(suite) < HASH, "no hashing");
	snprintf(name, sizeof(name), "Noise_%s%s", n->pattern->name, suite);
	memcpy(n->h, name, HASH);
	memcpy(n->ck, n->h, HASH);
}

void
noise_init(struct noise *n, const struct noise_config *c)
{
	const struct noise_pattern *p = find(c->pattern);

	assert(p);
	*n = (struct noise){.pattern = p, .initiator = c->initiator};
	bool knows = c->initiator ? p->knows_responder : p->knows_initiator;
	assert(has_static(p, c->initiator) == (c->s != NULL));
	assert(knows == (c->rs != NULL));
	if (c->s)
		n->s = *c->s;
	if (c->rs)
		memcpy(n->rs, c->rs, KEY);
	if (c->e)
		n->e = *c->e;
	n->e_given = c->e != NULL;
	start_hash(n);
	mix_hash(n, c->prologue.p, c->prologue.len);
	if (p->knows_initiator)
		mix_hash(n, c->initiator ? n->s.public : n->rs, KEY);
	if (p->knows_responder)
		mix_hash(n, c->initiator ? n->rs : n->s.public, KEY);
}

bool
noise_is_done(const struct noise *n)
{
	return !n->over && (n->turn == MESSAGES_MAX ||
			       n->pattern->messages[n->turn][0] == END);
}

/* Is it this side's turn to write (or to read)? */
static bool
is_turn(const struct noise *n, bool writing)
{
	bool initiators = n->turn % 2 == 0;

	return !n->over && !noise_is_done(n) &&
	       (initiators == n->initiator) == writing;
}

/* A message is over: out is what it was before, or the handshake goes on. */
static int
finish(struct noise *n, int err, struct buf *out, size_t before)
{
	if (err == 0) {
		n->turn++;
		return 0;
	}
	buf_truncate(out, before);
	noise_wipe(n);
	return err;
}

int
noise_write(struct noise *n, struct span payload, struct buf *out)
{
	size_t before = buf_len(out);
	int err = 0;

	if (!is_turn(n, true))
		return finish(n, -NOISE_ESTATE, out, before);
	const unsigned char *tokens = n->pattern->messages[n->turn];
	for (size_t i = 0; err == 0 && i < TOKENS_MAX && tokens[i]; i++)
		err = write_token(n, tokens[i], out);
	if (err == 0 && payload.len > NOISE_PAYLOAD_MAX)
		err = -NOISE_ELENGTH;
	if (err == 0)
		err = encrypt_and_hash(
		    n, (const uint8_t *)payload.p, payload.len, out);
	if (err == 0 && buf_len(out) - before > NOISE_MESSAGE_MAX)
		err = -NOISE_ELENGTH;
	return finish(n, err, out, before);
}

static int
read_payload(struct noise *n, struct span message, struct buf *out)
{
	size_t tag = n->cipher.keyed ? TAG : 0;

	if (message.len < tag)
		return -NOISE_ELENGTH;
	uint8_t *to = (uint8_t *)buf_reserve(out, message.len - tag);
	int err =
	    decrypt_and_hash(n, (const uint8_t *)message.p, message.len, to);
	if (err == 0)
		buf_added(out, message.len - tag);
	return err;
}

int
noise_read(struct noise *n, struct span message, struct buf *out)
{
	size_t before = buf_len(out);
	int err = message.len > NOISE_MESSAGE_MAX ? -NOISE_ELENGTH : 0;

	if (!is_turn(n, false))
		return finish(n, -NOISE_ESTATE, out, before);
	const unsigned char *tokens = n->pattern->messages[n->turn];
	for (size_t i = 0; err == 0 && i < TOKENS_MAX && tokens[i]; i++)
		err = read_token(n, tokens[i], &message);
	if (err == 0)
		err = read_payload(n, message, out);
	return finish(n, err, out, before);
}

/* The end: forgets every secret.  h and rs are none. */
static void
wipe_secrets(struct noise *n)
{
	n->over = true;
	noise_cipher_wipe(&n->cipher);
	sodium_memzero(&n->s, sizeof(n->s));
	sodium_memzero(&n->e, sizeof(n->e));
	sodium_memzero(n->ck, sizeof(n->ck));
}

int
noise_split(
    struct noise *n, struct noise_cipher *send, struct noise_cipher *recv)
{
	uint8_t first[HASH], second[HASH];

	if (!noise_is_done(n))
		return -NOISE_ESTATE;
	hkdf(n->ck, NULL, 0, first, second);
	cipher_set(n->initiator ? send : recv, first);
	cipher_set(n->initiator ? recv : send, second);
	if (is_one_way(n->pattern))
		noise_cipher_wipe(n->initiator ? recv : send);
	sodium_memzero(first, sizeof(first));
	sodium_memzero(second, sizeof(second));
	wipe_secrets(n);
	return 0;
}

void
noise_wipe(struct noise *n)
{
	wipe_secrets(n);
	sodium_memzero(n->rs, sizeof(n->rs));
	sodium_memzero(n->re, sizeof(n->re));
	sodium_memzero(n->h, sizeof(n->h));
}
