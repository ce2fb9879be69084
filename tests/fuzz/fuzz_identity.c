/* SPDX-License-Identifier: ISC */
/*
 * proto/identity.c: the input is a key file, a key, a signature, and what AUTH
 * is given.  What is taken has one spelling; nobody signs without a secret.
 */
#include "proto/identity.h"
#include "tests/fuzz/dice.h"
#include "tests/fuzz/fuzz.h"

/* All that is there is the header, and the public key of the secret. */
static void
try_file(enum identity_kind kind, struct span text)
{
	static const char *const headers[] = {
	    "snug server key 1\npublic ", "snug user key 1\npublic "};
	struct identity *id = identity_parse(kind, text);
	char key[IDENTITY_KEY_TEXT + 1];
	size_t head = strlen(headers[kind]);

	if (!id)
		return;
	identity_key_text(identity_public(id), key);
	MUST(text.len == head + 2 * IDENTITY_KEY_TEXT + strlen("\nsecret \n"));
	MUST(memcmp(text.p, headers[kind], head) == 0);
	MUST(memcmp(text.p + head, key, IDENTITY_KEY_TEXT) == 0);
	identity_free(id);
}

static bool
try_key(struct span text, uint8_t key[static IDENTITY_KEY_LEN])
{
	char again[IDENTITY_KEY_TEXT + 1], words[IDENTITY_WORDS_TEXT + 1];

	if (!identity_parse_key(text, key))
		return false;
	MUST(span_is(text, identity_key_text(key, again)));
	MUST(strlen(identity_words(key, words)) == IDENTITY_WORDS_TEXT);
	return true;
}

static bool
try_sig(struct span text, uint8_t sig[static IDENTITY_SIG_LEN])
{
	char again[IDENTITY_SIG_TEXT + 1];

	if (!identity_parse_sig(text, sig))
		return false;
	MUST(span_is(text, identity_sig_text(sig, again)));
	return true;
}

/* A key, SP, a signature: over a hash of zeros, say. */
static void
try_auth(struct span rest)
{
	static const uint8_t hash[NOISE_HASH_LEN];
	uint8_t key[IDENTITY_KEY_LEN], sig[IDENTITY_SIG_LEN];

	if (try_key(text_word(&rest), key) && try_sig(rest, sig)) {
		MUST(!identity_verify_auth(key, hash, sig));
		MUST(!identity_verify_key(key, hash, SPAN("a1"), sig));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = {(const char *)data, size};
	uint8_t key[IDENTITY_KEY_LEN], sig[IDENTITY_SIG_LEN];

	dice_throw();
	try_file(IDENTITY_SERVER, text);
	try_file(IDENTITY_USER, text);
	try_key(text, key);
	try_sig(text, sig);
	try_auth(text);
	return 0;
}
