/* SPDX-License-Identifier: ISC */
/*
 * The hash behind every table of the server: see the header.
 */
#include "server/table.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static unsigned char hash_key[crypto_shorthash_KEYBYTES];
static bool hash_ready;

void
table_init(void)
{
	if (hash_ready)
		return;
	if (sodium_init() < 0)
		abort(); /* no source of random bytes: nothing here is safe */
	crypto_shorthash_keygen(hash_key);
	hash_ready = true;
}

uint64_t
table_hash64(const void *key, size_t len)
{
	unsigned char out[crypto_shorthash_BYTES];
	uint64_t hash;

	if (!hash_ready)
		table_init();
	crypto_shorthash(out, key, len, hash_key);
	_Static_assert(sizeof hash <= sizeof out, "a hash is long enough");
	memcpy(&hash, out, sizeof hash);
	return hash;
}

unsigned
table_hash(const void *key, size_t len)
{
	return (unsigned)table_hash64(key, len);
}
