/* SPDX-License-Identifier: ISC */
/*
 * proto/noise.c: it says what other implementations say, byte for byte, and
 * stops at whatever is not as it should be.
 */
#include "tests/unit/unit.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/noise.h"
#include "tests/unit/testdata.h"

enum { KEY = NOISE_KEY_LEN, TAG = NOISE_TAG_LEN };

static const char *const patterns[] = {"N", "K", "X", "NN", "NK", "NX", "KN",
    "KK", "KX", "XN", "XK", "XX", "IN", "IK", "IX"};

static struct span
span_of_buf(const struct buf *b)
{
	return (struct span){buf_head(b), buf_len(b)};
}

/* --- vectors -------------------------------------------------------------- */

enum { I, R, SIDES }; /* initiator, responder */
enum { TRANSCRIPT_MAX = 600 };

struct vector {
	char pattern[16];
	struct {
		struct buf prologue, s, e, rs;
	} side[SIDES];
	struct buf hash;
	struct buf payload[TRANSCRIPT_MAX], sealed[TRANSCRIPT_MAX];
	size_t n; /* messages; the one behind them is made after a rekey */
	bool has_rekeyed;
	struct buf rekeyed_payload, rekeyed_sealed;
};

static void
vector_free(struct vector *v)
{
	for (int i = 0; i < SIDES; i++) {
		buf_free(&v->side[i].prologue);
		buf_free(&v->side[i].s);
		buf_free(&v->side[i].e);
		buf_free(&v->side[i].rs);
	}
	for (size_t i = 0; i < TRANSCRIPT_MAX; i++) {
		buf_free(&v->payload[i]);
		buf_free(&v->sealed[i]);
	}
	buf_free(&v->hash);
	buf_free(&v->rekeyed_payload);
	buf_free(&v->rekeyed_sealed);
	*v = (struct vector){.n = 0};
}

/* "Noise_XX_25519_ChaChaPoly_BLAKE2b": XX. */
static void
take_name(struct vector *v, struct span name)
{
	char suite[64];

	span_copy(suite, sizeof(suite), name);
	assert_int_equal(
	    sscanf(suite, "Noise_%15[^_]_25519_ChaChaPoly_BLAKE2b", v->pattern),
	    1);
}

/* Where a member of a vector goes; the two of a message are told apart by what
 * they stand in. */
static struct buf *
place(struct vector *v, const char *key, bool rekeyed)
{
	const struct {
		const char *key;
		struct buf *to;
	} places[] = {
	    {"init_prologue", &v->side[I].prologue},
	    {"init_static", &v->side[I].s},
	    {"init_ephemeral", &v->side[I].e},
	    {"init_remote_static", &v->side[I].rs},
	    {"resp_prologue", &v->side[R].prologue},
	    {"resp_static", &v->side[R].s},
	    {"resp_ephemeral", &v->side[R].e},
	    {"resp_remote_static", &v->side[R].rs},
	    {"handshake_hash", &v->hash},
	    {"payload", rekeyed ? &v->rekeyed_payload : &v->payload[v->n]},
	    {"ciphertext", rekeyed ? &v->rekeyed_sealed : &v->sealed[v->n]},
	};

	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (strcmp(key, places[i].key) == 0)
			return places[i].to;
	return NULL;
}

static void
take_member(struct vector *v, const char *key, struct span value, bool *rekeyed)
{
	struct buf *to = place(v, key, *rekeyed);

	if (!to)
		return; /* pre-shared keys: of patterns that we do not have */
	testdata_unhex(to, value);
	if (strcmp(key, "ciphertext") != 0)
		return;
	if (*rekeyed)
		v->has_rekeyed = true;
	else
		v->n++;
	*rekeyed = false;
	assert_true(v->n < TRANSCRIPT_MAX);
}

/* Runs fn for each vector whose pattern there is; gives their number. */
static size_t
each_vector(struct buf file, void (*fn)(struct vector *v))
{
	struct vector *v = calloc(1, sizeof(*v));
	struct span rest = span_of_buf(&file);
	struct buf s = {0};
	char key[32] = "";
	bool is_key, rekeyed = false;
	size_t n = 0;

	assert_non_null(v);
	/* A vector begins with its name, so the next one's ends it. */
	for (bool more = true; more;) {
		more = testdata_json_string(&rest, &s, &is_key);
		if (more && is_key) {
			span_copy(key, sizeof(key), span_of_buf(&s));
			rekeyed |= strcmp(key, "after_init_rekey") == 0;
		}
		if (!more || (is_key && strcmp(key, "protocol_name") == 0)) {
			if (v->n > 0 && noise_has_pattern(v->pattern)) {
				fn(v);
				n++;
			}
			vector_free(v);
		} else if (!is_key && strcmp(key, "protocol_name") == 0) {
			take_name(v, span_of_buf(&s));
		} else if (!is_key) {
			take_member(v, key, span_of_buf(&s), &rekeyed);
		}
	}
	free(v);
	buf_free(&s);
	buf_free(&file);
	return n;
}

static const struct noise_keypair *
pair_of(const struct buf *secret, struct noise_keypair *k)
{
	if (buf_len(secret) == 0)
		return NULL;
	assert_int_equal(buf_len(secret), KEY);
	noise_keypair_of((const uint8_t *)buf_head(secret), k);
	return k;
}

static void
start(struct noise *n, const struct vector *v, int side)
{
	struct noise_keypair s, e;
	const struct buf *rs = &v->side[side].rs;

	noise_init(
	    n, &(struct noise_config){
		   .pattern = v->pattern,
		   .initiator = side == I,
		   .prologue = span_of_buf(&v->side[side].prologue),
		   .s = pair_of(&v->side[side].s, &s),
		   .rs = buf_len(rs) ? (const uint8_t *)buf_head(rs) : NULL,
		   .e = pair_of(&v->side[side].e, &e),
	       });
}

static void
assert_same(const struct buf *a, const struct buf *b)
{
	assert_int_equal(buf_len(a), buf_len(b));
	if (buf_len(a) > 0)
		assert_memory_equal(buf_head(a), buf_head(b), buf_len(a));
}

/* One message of the handshake, written by one and read by the other. */
static void
say(struct noise *from, struct noise *to, const struct buf *payload,
    const struct buf *sealed)
{
	struct buf wire = {0}, read = {0};

	assert_int_equal(noise_write(from, span_of_buf(payload), &wire), 0);
	assert_same(&wire, sealed);
	assert_int_equal(noise_read(to, span_of_buf(&wire), &read), 0);
	assert_same(&read, payload);
	buf_free(&wire);
	buf_free(&read);
}

static void
transport(struct noise_cipher *send, struct noise_cipher *recv,
    const struct buf *payload, const struct buf *sealed)
{
	size_t len = buf_len(payload);
	uint8_t *out = malloc(len + TAG);

	assert_non_null(out);
	assert_int_equal(
	    noise_seal(send, (const uint8_t *)buf_head(payload), len, out), 0);
	assert_int_equal(buf_len(sealed), len + TAG);
	assert_memory_equal(out, buf_head(sealed), len + TAG);
	assert_int_equal(noise_open(recv, out, len + TAG, out), 0);
	if (len > 0)
		assert_memory_equal(out, buf_head(payload), len);
	free(out);
}

static void
agrees(struct vector *v)
{
	struct noise n[SIDES];
	struct noise_cipher send[SIDES], recv[SIDES];
	bool one_way = strlen(v->pattern) == 1;
	size_t i = 0;

	start(&n[I], v, I);
	start(&n[R], v, R);
	for (; !noise_is_done(&n[I]); i++)
		say(&n[i % 2], &n[1 - i % 2], &v->payload[i], &v->sealed[i]);
	for (int side = 0; side < SIDES; side++) {
		assert_true(noise_is_done(&n[side]));
		assert_int_equal(buf_len(&v->hash), NOISE_HASH_LEN);
		assert_memory_equal(
		    n[side].h, buf_head(&v->hash), NOISE_HASH_LEN);
		assert_int_equal(
		    noise_split(&n[side], &send[side], &recv[side]), 0);
	}
	for (; i < v->n; i++) {
		size_t from = one_way ? I : i % 2;
		transport(&send[from], &recv[1 - from], &v->payload[i],
		    &v->sealed[i]);
	}
	if (!v->has_rekeyed)
		return;
	noise_rekey(&send[I]);
	noise_rekey(&recv[R]);
	transport(&send[I], &recv[R], &v->rekeyed_payload, &v->rekeyed_sealed);
}

static void
reproduces_the_public_vectors_of_every_pattern(void **state)
{
	(void)state;
	if (!testdata_has("noise-25519-chachapoly-blake2b.json"))
		skip();
	struct buf f = testdata_read("noise-25519-chachapoly-blake2b.json");
	assert_int_equal(each_vector(f, agrees), ARRAY_LEN(patterns));
}

static size_t most_messages;

static void
agrees_and_counts(struct vector *v)
{
	agrees(v);
	most_messages = v->n > most_messages ? v->n : most_messages;
}

static void
reproduces_our_own_vectors_with_nonces_past_255_and_a_rekey(void **state)
{
	(void)state;
	struct buf f = testdata_read_own("noise-own.json");
	assert_int_equal(each_vector(f, agrees_and_counts), 10);
	assert_int_equal(most_messages, 540); /* 269 each way */
}

/* --- handshakes with fresh keys ------------------------------------------- */

/* The letters of a pattern say who has a static key, and who knows it. */
static char
letter(const char *pattern, int side)
{
	return strlen(pattern) == 1 && side == R ? 'K' : pattern[side];
}

struct pair {
	struct noise n[SIDES];
	struct noise_keypair s[SIDES];
};

static void
begin_with(struct pair *p, const char *pattern, const char *prologue_of_r)
{
	for (int i = 0; i < SIDES; i++)
		noise_keypair_new(&p->s[i]);
	for (int i = 0; i < SIDES; i++) {
		bool has = letter(pattern, i) != 'N';
		bool knows = letter(pattern, 1 - i) == 'K';
		noise_init(&p->n[i],
		    &(struct noise_config){
			.pattern = pattern,
			.initiator = i == I,
			.prologue = span_of(i == I ? "said" : prologue_of_r),
			.s = has ? &p->s[i] : NULL,
			.rs = knows ? p->s[1 - i].public : NULL,
		    });
	}
}

static void
begin(struct pair *p, const char *pattern)
{
	begin_with(p, pattern, "said");
}

/* Spoils a message on its way; gives whether there is such a byte. */
typedef bool (*spoil_fn)(struct buf *wire, size_t at);

/*
 * A handshake whose message number `which` is spoilt at byte `at`.
 * Returns 1 if there is no such byte, 0 if it went through, or the error.
 */
static int
spoilt(const char *pattern, size_t which, size_t at, spoil_fn spoil)
{
	struct pair p;
	int err = 0;

	begin(&p, pattern);
	for (size_t i = 0; err == 0 && !noise_is_done(&p.n[i % 2]); i++) {
		struct buf wire = {0}, payload = {0};
		err = noise_write(&p.n[i % 2], SPAN("hello"), &wire);
		if (err == 0 && i == which && !spoil(&wire, at))
			err = 1;
		if (err == 0)
			err = noise_read(
			    &p.n[1 - i % 2], span_of_buf(&wire), &payload);
		if (err < 0)
			assert_int_equal(buf_len(&payload), 0);
		buf_free(&wire);
		buf_free(&payload);
	}
	noise_wipe(&p.n[I]);
	noise_wipe(&p.n[R]);
	return err;
}

static bool
flip(struct buf *wire, size_t at)
{
	if (at >= buf_len(wire))
		return false;
	buf_head(wire)[at] ^= (char)(1 << (at % 8));
	return true;
}

static bool
cut(struct buf *wire, size_t at)
{
	if (at >= buf_len(wire))
		return false;
	buf_truncate(wire, at);
	return true;
}

static bool
lengthen(struct buf *wire, size_t at)
{
	buf_add(wire, "", 1);
	return at == 0;
}

static size_t
messages_of(const char *pattern)
{
	size_t n = strlen(pattern) == 1 ? 1 : 2;

	return pattern[0] == 'X' && n == 2 ? 3 : n;
}

/*
 * The top bit of a public key in the clear is none of its bits (RFC 7748): it
 * is still hashed, so it does not go through either.
 */
static void
none_goes_through(spoil_fn spoil)
{
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		size_t tried = 0;
		for (size_t m = 0; m < messages_of(patterns[i]); m++)
			for (size_t at = 0;; at++, tried++) {
				int err = spoilt(patterns[i], m, at, spoil);
				if (err == 1)
					break;
				if (err == 0)
					fail_msg("%s, message %zu, byte %zu",
					    patterns[i], m + 1, at);
			}
		assert_true(tried >= messages_of(patterns[i]));
	}
}

static void
no_changed_bit_goes_through_in_any_message_of_any_pattern(void **state)
{
	(void)state;
	none_goes_through(flip);
}

static void
no_truncation_goes_through_in_any_message_of_any_pattern(void **state)
{
	(void)state;
	none_goes_through(cut);
}

static void
no_trailing_byte_goes_through_in_any_message_of_any_pattern(void **state)
{
	(void)state;
	none_goes_through(lengthen);
}

static void
another_prologue_is_noticed_by_the_first_sealed_message(void **state)
{
	struct pair p;
	struct buf one = {0}, two = {0}, read = {0};

	(void)state;
	begin_with(&p, "NX", "heard");
	assert_int_equal(noise_write(&p.n[I], SPAN_NONE, &one), 0);
	assert_int_equal(noise_read(&p.n[R], span_of_buf(&one), &read), 0);
	assert_int_equal(noise_write(&p.n[R], SPAN_NONE, &two), 0);
	assert_int_equal(
	    noise_read(&p.n[I], span_of_buf(&two), &read), -NOISE_ETAG);
	buf_free(&one);
	buf_free(&two);
	buf_free(&read);
}

/* Points that any secret takes to zero: of order 1, 2, 4 and 8, and the same
 * written in other ways. */
static const char *const low_order[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};

static void
unhex_key(const char *hex, uint8_t out[static KEY])
{
	struct buf b = {0};

	testdata_unhex(&b, span_of(hex));
	assert_int_equal(buf_len(&b), KEY);
	memcpy(out, buf_head(&b), KEY);
	buf_free(&b);
}

static void
an_ephemeral_key_of_low_order_ends_it_on_either_side(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(low_order); i++) {
		struct pair p;
		struct buf wire = {0}, out = {0};
		begin(&p, "NX");
		noise_keypair_new(&p.n[I].e);
		p.n[I].e_given = true;
		unhex_key(low_order[i], p.n[I].e.public);
		assert_int_equal(noise_write(&p.n[I], SPAN_NONE, &wire), 0);
		assert_int_equal(
		    noise_read(&p.n[R], span_of_buf(&wire), &out), 0);
		assert_int_equal(
		    noise_write(&p.n[R], SPAN_NONE, &out), -NOISE_EPOINT);
		assert_int_equal(buf_len(&out), 0);

		begin(&p, "NX");
		buf_clear(&wire);
		assert_int_equal(noise_write(&p.n[I], SPAN_NONE, &wire), 0);
		buf_clear(&wire);
		unhex_key(low_order[i], (uint8_t *)buf_reserve(&wire, 96));
		memset(buf_head(&wire) + KEY, 0, 64);
		buf_added(&wire, 96);
		assert_int_equal(noise_read(&p.n[I], span_of_buf(&wire), &out),
		    -NOISE_EPOINT);
		buf_free(&wire);
		buf_free(&out);
	}
}

/* Its transcript is valid otherwise: who went on with a secret of zeros would
 * let anybody be this key. */
static void
a_static_key_of_low_order_ends_it_behind_a_valid_transcript(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(low_order); i++) {
		struct pair p;
		struct buf wire[3] = {{0}}, out = {0};
		begin(&p, "XX");
		unhex_key(low_order[i], p.n[I].s.public);
		for (size_t m = 0; m < 3; m++)
			assert_int_equal(
			    noise_write(&p.n[m % 2], SPAN_NONE, &wire[m]) |
				(m < 2 ? noise_read(&p.n[1 - m % 2],
					     span_of_buf(&wire[m]), &out)
				       : 0),
			    0);
		assert_int_equal(
		    noise_read(&p.n[R], span_of_buf(&wire[2]), &out),
		    -NOISE_EPOINT);
		for (size_t m = 0; m < 3; m++)
			buf_free(&wire[m]);
		buf_free(&out);
	}
}

static void
out_of_turn_is_an_error_and_the_end(void **state)
{
	struct pair p;
	struct buf out = {0};

	(void)state;
	begin(&p, "NX");
	assert_int_equal(noise_write(&p.n[R], SPAN_NONE, &out), -NOISE_ESTATE);
	assert_int_equal(noise_read(&p.n[I], SPAN("x"), &out), -NOISE_ESTATE);
	assert_int_equal(noise_write(&p.n[I], SPAN_NONE, &out), -NOISE_ESTATE);
	struct noise_cipher a, b;
	assert_int_equal(noise_split(&p.n[I], &a, &b), -NOISE_ESTATE);
	assert_int_equal(buf_len(&out), 0);
	buf_free(&out);
}

static void
one_does_not_understand_what_one_said_oneself(void **state)
{
	struct pair p;
	struct buf one = {0}, out = {0};

	(void)state;
	begin(&p, "NX");
	assert_int_equal(noise_write(&p.n[I], SPAN_NONE, &one), 0);
	assert_true(noise_read(&p.n[I], span_of_buf(&one), &out) < 0);
	buf_free(&one);
	buf_free(&out);
}

static void
a_message_longer_than_65535_bytes_is_neither_written_nor_read(void **state)
{
	struct pair p;
	struct buf out = {0}, big = {0};

	(void)state;
	memset(
	    buf_reserve(&big, NOISE_MESSAGE_MAX + 1), 0, NOISE_MESSAGE_MAX + 1);
	buf_added(&big, NOISE_MESSAGE_MAX + 1);
	begin(&p, "NX");
	struct span payload = {buf_head(&big), NOISE_MESSAGE_MAX - KEY + 1};
	assert_int_equal(noise_write(&p.n[I], payload, &out), -NOISE_ELENGTH);
	assert_int_equal(buf_len(&out), 0);
	assert_int_equal(
	    noise_read(&p.n[R], span_of_buf(&big), &out), -NOISE_ELENGTH);

	begin(&p, "NX");
	payload.len--;
	assert_int_equal(noise_write(&p.n[I], payload, &out), 0);
	assert_int_equal(buf_len(&out), NOISE_MESSAGE_MAX);
	buf_clear(&big);
	assert_int_equal(noise_read(&p.n[R], span_of_buf(&out), &big), 0);
	assert_int_equal(buf_len(&big), payload.len);
	buf_free(&big);
	buf_free(&out);
}

/* --- wiping --------------------------------------------------------------- */

static void
assert_no_secret(const struct noise *n)
{
	assert_true(sodium_is_zero(n->s.secret, KEY));
	assert_true(sodium_is_zero(n->e.secret, KEY));
	assert_true(sodium_is_zero(n->ck, sizeof(n->ck)));
	assert_true(sodium_is_zero(n->cipher.key, KEY));
}

static void
handshake(struct pair *p, const char *pattern)
{
	begin(p, pattern);
	for (size_t i = 0; !noise_is_done(&p->n[I]); i++) {
		struct buf wire = {0}, out = {0};
		assert_int_equal(
		    noise_write(&p->n[i % 2], SPAN_NONE, &wire), 0);
		assert_int_equal(
		    noise_read(&p->n[1 - i % 2], span_of_buf(&wire), &out), 0);
		buf_free(&wire);
		buf_free(&out);
	}
}

static void
no_secret_is_left_behind_a_split(void **state)
{
	struct pair p;
	struct noise_cipher send, recv;

	(void)state;
	handshake(&p, "XX");
	for (int i = 0; i < SIDES; i++) {
		assert_int_equal(noise_split(&p.n[i], &send, &recv), 0);
		assert_no_secret(&p.n[i]);
		assert_int_equal(
		    noise_split(&p.n[i], &send, &recv), -NOISE_ESTATE);
	}
	assert_memory_equal(p.n[I].rs, p.s[R].public, KEY);
	assert_memory_equal(p.n[R].rs, p.s[I].public, KEY);
	noise_cipher_wipe(&send);
	assert_true(sodium_is_zero((const uint8_t *)&send, sizeof(send)));
}

static void
no_secret_is_left_behind_an_error(void **state)
{
	struct pair p;
	struct buf one = {0}, two = {0}, out = {0};

	(void)state;
	begin(&p, "XX");
	assert_int_equal(noise_write(&p.n[I], SPAN_NONE, &one), 0);
	assert_int_equal(noise_read(&p.n[R], span_of_buf(&one), &out), 0);
	assert_int_equal(noise_write(&p.n[R], SPAN_NONE, &two), 0);
	assert_false(sodium_is_zero(p.n[I].e.secret, KEY));
	buf_head(&two)[40] ^= 1;
	assert_int_equal(
	    noise_read(&p.n[I], span_of_buf(&two), &out), -NOISE_ETAG);
	assert_no_secret(&p.n[I]);
	assert_int_equal(
	    noise_read(&p.n[R], SPAN("short"), &out), -NOISE_ELENGTH);
	assert_no_secret(&p.n[R]);
	buf_free(&one);
	buf_free(&two);
	buf_free(&out);
}

/* --- transport ------------------------------------------------------------ */

static void
after_one_message_there_is_one_direction(void **state)
{
	struct pair p;
	struct noise_cipher send[SIDES], recv[SIDES];
	uint8_t out[1 + TAG];

	(void)state;
	handshake(&p, "X");
	for (int i = 0; i < SIDES; i++)
		assert_int_equal(noise_split(&p.n[i], &send[i], &recv[i]), 0);
	assert_int_equal(noise_seal(&send[I], out, 1, out), 0);
	assert_int_equal(noise_open(&recv[R], out, sizeof(out), out), 0);
	assert_int_equal(noise_seal(&send[R], out, 1, out), -NOISE_ESTATE);
	assert_int_equal(
	    noise_open(&recv[I], out, sizeof(out), out), -NOISE_ESTATE);
}

static void
the_two_directions_have_two_keys(void **state)
{
	struct pair p;
	struct noise_cipher send[SIDES], recv[SIDES];
	uint8_t out[1 + TAG] = {'x'};

	(void)state;
	handshake(&p, "NX");
	for (int i = 0; i < SIDES; i++)
		assert_int_equal(noise_split(&p.n[i], &send[i], &recv[i]), 0);
	assert_int_equal(noise_seal(&send[I], out, 1, out), 0);
	assert_int_equal(
	    noise_open(&recv[I], out, sizeof(out), out), -NOISE_ETAG);
	assert_int_equal(
	    noise_open(&send[R], out, sizeof(out), out), -NOISE_ETAG);
}

/* The nonce is four zeros and n in little-endian: all eight bytes of it. */
static void
the_nonce_is_eight_bytes_wide(void **state)
{
	const uint8_t nonce[] = {
	    0, 0, 0, 0, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11};
	struct noise_cipher c = {.n = 0x1122334455667788, .keyed = true};
	uint8_t ours[5 + TAG], theirs[5 + TAG];

	(void)state;
	memset(c.key, 7, sizeof(c.key));
	assert_int_equal(noise_seal(&c, (const uint8_t *)"hello", 5, ours), 0);
	crypto_aead_chacha20poly1305_ietf_encrypt(theirs, NULL,
	    (const uint8_t *)"hello", 5, NULL, 0, NULL, nonce, c.key);
	assert_memory_equal(ours, theirs, sizeof(ours));
	assert_true(c.n == 0x1122334455667789);
}

static void
the_last_nonce_is_never_used(void **state)
{
	struct noise_cipher send = {.n = UINT64_MAX - 1, .keyed = true};
	struct noise_cipher recv = send;
	uint8_t out[1 + TAG] = {'x'};

	(void)state;
	assert_int_equal(noise_seal(&send, out, 1, out), 0);
	assert_int_equal(noise_open(&recv, out, sizeof(out), out), 0);
	assert_int_equal(noise_seal(&send, out, 1, out), -NOISE_ENONCE);
	assert_int_equal(
	    noise_open(&recv, out, sizeof(out), out), -NOISE_ENONCE);
	assert_true(send.n == UINT64_MAX && recv.n == UINT64_MAX);
}

static void
what_does_not_open_does_not_count(void **state)
{
	struct noise_cipher send = {.keyed = true}, recv = send;
	uint8_t out[1 + TAG] = {'x'}, bad[1 + TAG], in[1];

	(void)state;
	assert_int_equal(noise_seal(&send, out, 1, out), 0);
	memcpy(bad, out, sizeof(bad));
	bad[0] ^= 1;
	assert_int_equal(noise_open(&recv, bad, sizeof(bad), in), -NOISE_ETAG);
	assert_int_equal(noise_open(&recv, out, TAG - 1, in), -NOISE_ELENGTH);
	assert_int_equal(recv.n, 0);
	assert_int_equal(noise_open(&recv, out, sizeof(out), in), 0);
	assert_int_equal(recv.n, 1);
	assert_int_equal(in[0], 'x');
}

static void
a_rekey_makes_another_key_and_n_goes_on(void **state)
{
	struct noise_cipher c = {.n = 41, .keyed = true}, old = c;

	(void)state;
	noise_rekey(&c);
	assert_int_equal(c.n, 41);
	assert_memory_not_equal(c.key, old.key, KEY);
}

static void
every_error_has_words(void **state)
{
	(void)state;
	for (int i = 1; i <= NOISE_ENONCE; i++)
		assert_string_not_equal(noise_strerror(-i), noise_strerror(0));
	assert_string_equal(noise_strerror(-99), noise_strerror(0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(reproduces_the_public_vectors_of_every_pattern),
	    TEST(reproduces_our_own_vectors_with_nonces_past_255_and_a_rekey),
	    TEST(no_changed_bit_goes_through_in_any_message_of_any_pattern),
	    TEST(no_truncation_goes_through_in_any_message_of_any_pattern),
	    TEST(no_trailing_byte_goes_through_in_any_message_of_any_pattern),
	    TEST(another_prologue_is_noticed_by_the_first_sealed_message),
	    TEST(an_ephemeral_key_of_low_order_ends_it_on_either_side),
	    TEST(a_static_key_of_low_order_ends_it_behind_a_valid_transcript),
	    TEST(out_of_turn_is_an_error_and_the_end),
	    TEST(one_does_not_understand_what_one_said_oneself),
	    TEST(a_message_longer_than_65535_bytes_is_neither_written_nor_read),
	    TEST(no_secret_is_left_behind_a_split),
	    TEST(no_secret_is_left_behind_an_error),
	    TEST(after_one_message_there_is_one_direction),
	    TEST(the_two_directions_have_two_keys),
	    TEST(the_nonce_is_eight_bytes_wide),
	    TEST(the_last_nonce_is_never_used),
	    TEST(what_does_not_open_does_not_count),
	    TEST(a_rekey_makes_another_key_and_n_goes_on),
	    TEST(every_error_has_words),
	};

	if (sodium_init() < 0)
		return 99;
	return RUN(tests);
}
