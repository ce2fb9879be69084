/* SPDX-License-Identifier: ISC */
/*
 * What stands in Redis, or in a state file, for an account: its fields, the
 * owner of a nick, the owner of a key.  What is accepted keeps the rules of the
 * wire, costs no more than the server bears, and written again reads the same.
 *
 * Input: a byte that chooses the reader, then its bytes; fields are lines of
 * NAME=VALUE.
 */
#include <string.h>

#include "server/relay_account.h"
#include "server/relay_codec.h"
#include "tests/fuzz/fuzz.h"

static void
check_name(const struct name *n)
{
	struct name again;

	MUST(name_check(span_of(n->shown), false, &again) == 0);
	MUST(strcmp(again.fold, n->fold) == 0);
	MUST(strcmp(again.shown, n->shown) == 0);
}

/* --- fields --------------------------------------------------------------- */

static bool
cut(struct span *rest, struct span *line)
{
	const char *lf;

	if (rest->len == 0)
		return false;
	lf = memchr(rest->p, '\n', rest->len);
	*line = (struct span){rest->p, lf ? (size_t)(lf - rest->p) : rest->len};
	rest->p += line->len + (lf != NULL);
	rest->len -= line->len + (lf != NULL);
	return true;
}

static bool
read_fields(struct relay_account *a, struct span s)
{
	struct span line, name;
	const char *equals;

	while (cut(&s, &line)) {
		equals = line.len > 0 ? memchr(line.p, '=', line.len) : NULL;
		if (!equals)
			return false;
		name = (struct span){line.p, (size_t)(equals - line.p)};
		line.p += name.len + 1;
		line.len -= name.len + 1;
		if (!account_take(a, name, line))
			return false;
	}
	return account_is_whole(a);
}

static void
check_keys(const struct relay_account *a)
{
	MUST(a->nkeys <= ACCOUNT_KEYS_MAX);
	MUST(a->nkeys > 0 || a->hash[0] != '\0');
	for (unsigned i = 0; i < a->nkeys; i++)
		MUST(account_find_key(a, a->keys[i]) == (int)i);
}

/* Nobody's choice of a hash costs more than 256 MiB, 16 times. */
static void
check_hash(const char *hash)
{
	unsigned long m, t, p;

	if (hash[0] == '\0')
		return;
	MUST(account_is_hash(span_of(hash)));
	MUST(
	    sscanf(hash, "$argon2id$v=19$m=%lu,t=%lu,p=%lu$", &m, &t, &p) == 3);
	MUST(m <= 262144 && t <= 16 && p <= 4);
}

static void
fuzz_fields(struct span s)
{
	struct relay_account a = {.id = "a0000000000000000000000000000000a"};
	struct relay_account again = a;
	struct account_fields f;

	if (!read_fields(&a, s))
		return;
	check_name(&a.nick);
	check_keys(&a);
	check_hash(a.hash);
	account_fields(&f, &a);
	MUST(f.n <= ACCOUNT_FIELDS_MAX);
	for (size_t i = 0; i < f.n; i++)
		MUST(account_take(&again, f.field[i].name, f.field[i].value));
	MUST(account_is_whole(&again));
	MUST(memcmp(&a.nick, &again.nick, sizeof a.nick) == 0 ||
	     strcmp(a.nick.shown, again.nick.shown) == 0);
	MUST(a.since_ms == again.since_ms && a.nkeys == again.nkeys);
	MUST(strcmp(a.hash, again.hash) == 0);
	MUST(memcmp(a.keys, again.keys, a.nkeys * sizeof a.keys[0]) == 0);
	while (a.nkeys > 0)
		account_drop_key(&a, (int)(a.nkeys - 1) / 2);
}

/* --- owners --------------------------------------------------------------- */

static void
fuzz_owned(struct span s)
{
	char id[SENDER_ID_LEN + 1];
	struct codec_owned o;
	struct buf b = {0};

	if (codec_get_owned(&o, s) != 0)
		return;
	MUST(codec_is_owned(s));
	MUST(account_is_id(o.id));
	check_name(&o.nick);
	span_copy(id, sizeof id, o.id);
	codec_put_owned(&b, id, &o.nick, o.since_ms);
	MUST(span_eq(s, (struct span){buf_head(&b), buf_len(&b)}));
	buf_free(&b);
}

static void
fuzz_key_owner(struct span s)
{
	char again[SENDER_ID_LEN + 24];
	uint64_t since_ms;
	struct span id;

	if (codec_get_key_owner(s, &id, &since_ms) != 0)
		return;
	MUST(account_is_id(id));
	snprintf(again, sizeof again, "%.*s %llu", SPAN_ARG(id),
	    (unsigned long long)since_ms);
	MUST(span_is(s, again));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(struct span) = {
	    fuzz_fields, fuzz_owned, fuzz_key_owner};

	if (size < 1)
		return 0;
	readers[data[0] % ARRAY_LEN(readers)](
	    (struct span){(const char *)data + 1, size - 1});
	return 0;
}
