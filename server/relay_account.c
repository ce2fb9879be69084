/* SPDX-License-Identifier: ISC */
/*
 * Accounts, as far as they are the same in every back end: the calls, and the
 * fields in which an account is kept.  One parser judges what comes from Redis
 * and from the state file; neither is believed.
 */
#include "server/relay_account.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/relay_codec.h"

/* What a hash may cost at most, whoever wrote it: MODERATE of libsodium. */
enum { HASH_KIB_MAX = 262144, HASH_PASSES_MAX = 16, HASH_LANES_MAX = 4 };

/* --- parts ---------------------------------------------------------------- */

void
account_new_id(char id[static SENDER_ID_LEN + 1])
{
	unsigned char random[(SENDER_ID_LEN - 1) / 2];

	randombytes_buf(random, sizeof random);
	id[0] = 'a';
	sodium_bin2hex(id + 1, SENDER_ID_LEN, random, sizeof random);
}

bool
account_is_id(struct span s)
{
	return codec_is_sender(s) && s.p[0] == 'a';
}

/* Takes `NAME=NUMBER` and what ends it. */
static bool
take_number(struct span *s, const char *name, char end, uint64_t max)
{
	size_t len = strlen(name);
	const char *p;
	uint64_t v;

	if (s->len <= len || memcmp(s->p, name, len) != 0)
		return false;
	p = memchr(s->p, end, s->len);
	if (!p || (size_t)(p - s->p) < len ||
	    !text_u64(
		(struct span){s->p + len, (size_t)(p - s->p) - len}, max, &v) ||
	    v == 0)
		return false;
	s->len -= (size_t)(p + 1 - s->p);
	s->p = p + 1;
	return true;
}

/* SALT$HASH in base64 */
static bool
is_salt_and_hash(struct span s)
{
	size_t dollars = 0;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (c == '$')
			dollars++;
		else if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
			 !(c >= '0' && c <= '9') && c != '+' && c != '/')
			return false;
	}
	return s.len > 1 && dollars == 1 && s.p[0] != '$' &&
	       s.p[s.len - 1] != '$';
}

bool
account_is_hash(struct span s)
{
	static const char form[] = "$argon2id$v=19$";
	size_t len = sizeof form - 1;

	if (s.len > ACCOUNT_HASH_MAX || s.len <= len ||
	    memcmp(s.p, form, len) != 0)
		return false;
	s.p += len;
	s.len -= len;
	return take_number(&s, "m=", ',', HASH_KIB_MAX) &&
	       take_number(&s, "t=", ',', HASH_PASSES_MAX) &&
	       take_number(&s, "p=", '$', HASH_LANES_MAX) &&
	       is_salt_and_hash(s);
}

int
account_find_key(
    const struct relay_account *a, const uint8_t key[static ACCOUNT_KEY_LEN])
{
	for (unsigned i = 0; i < a->nkeys; i++)
		if (memcmp(a->keys[i], key, ACCOUNT_KEY_LEN) == 0)
			return (int)i;
	return -1;
}

void
account_drop_key(struct relay_account *a, int i)
{
	a->nkeys--;
	memmove(a->keys[i], a->keys[i + 1],
	    (a->nkeys - (unsigned)i) * ACCOUNT_KEY_LEN);
}

/* --- fields --------------------------------------------------------------- */

static bool
take_nick(struct relay_account *a, struct span value)
{
	return a->nick.fold[0] == '\0' &&
	       name_check(value, false, &a->nick) == 0;
}

static bool
take_since(struct relay_account *a, struct span value)
{
	return text_u64(value, INT64_MAX, &a->since_ms);
}

static bool
take_hash(struct relay_account *a, struct span value)
{
	if (!account_is_hash(value))
		return false;
	span_copy(a->hash, sizeof a->hash, value);
	return true;
}

static bool
take_key(struct relay_account *a, struct span text)
{
	uint8_t key[ACCOUNT_KEY_LEN];

	if (a->nkeys == ACCOUNT_KEYS_MAX || !identity_parse_key(text, key) ||
	    account_find_key(a, key) >= 0)
		return false;
	memcpy(a->keys[a->nkeys++], key, sizeof key);
	return true;
}

bool
account_take(struct relay_account *a, struct span name, struct span value)
{
	static const struct {
		const char *name;
		bool (*take)(struct relay_account *, struct span);
	} fields[] = {
	    {"nick", take_nick}, {"since", take_since}, {"hash", take_hash}};

	if (name.len > 2 && memcmp(name.p, "k:", 2) == 0)
		return take_key(a, (struct span){name.p + 2, name.len - 2});
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (span_is(name, fields[i].name))
			return fields[i].take(a, value);
	return true;
}

bool
account_is_whole(const struct relay_account *a)
{
	return a->nick.fold[0] != '\0' && account_is_id(span_of(a->id)) &&
	       (a->nkeys > 0 || a->hash[0] != '\0');
}

static void
put_field(struct account_fields *f, struct span name, struct span value)
{
	f->field[f->n].name = name;
	f->field[f->n++].value = value;
}

void
account_fields(struct account_fields *f, const struct relay_account *a)
{
	f->n = 0;
	snprintf(
	    f->since, sizeof f->since, "%llu", (unsigned long long)a->since_ms);
	put_field(f, SPAN("nick"), span_of(a->nick.shown));
	put_field(f, SPAN("since"), span_of(f->since));
	if (a->hash[0])
		put_field(f, SPAN("hash"), span_of(a->hash));
	for (unsigned i = 0; i < a->nkeys; i++) {
		memcpy(f->keys[i], "k:", 2);
		identity_key_text(a->keys[i], f->keys[i] + 2);
		put_field(f, span_of(f->keys[i]), SPAN("1"));
	}
}

/* --- the calls ------------------------------------------------------------ */

void
relay_register(struct relay *r, const struct name *nick, const char *sender,
    const uint8_t key[static ACCOUNT_KEY_LEN], relay_account_fn done, void *arg)
{
	assert(nick->fold[0] != '\0' && done != NULL);
	assert(codec_is_sender(span_of(sender)) && sender[0] == 'g');
	r->ops->accounts->reg(r, nick, sender, key, done, arg);
}

void
relay_account_by_key(struct relay *r, const uint8_t key[static ACCOUNT_KEY_LEN],
    relay_account_fn done, void *arg)
{
	assert(done != NULL);
	r->ops->accounts->by_key(r, key, done, arg);
}

void
relay_account_by_nick(
    struct relay *r, const char *fold, relay_account_fn done, void *arg)
{
	assert(fold[0] != '\0' && strlen(fold) <= NAME_BYTES_MAX);
	assert(done != NULL);
	r->ops->accounts->by_nick(r, fold, done, arg);
}

void
relay_account_by_id(
    struct relay *r, const char *id, relay_account_fn done, void *arg)
{
	assert(account_is_id(span_of(id)) && done != NULL);
	r->ops->accounts->by_id(r, id, done, arg);
}

void
relay_account_set_hash(struct relay *r, const char *id, const char *hash,
    relay_done_fn done, void *arg)
{
	assert(account_is_id(span_of(id)) && done != NULL);
	if (hash && !account_is_hash(span_of(hash)))
		abort(); /* of argon2id, and ours */
	r->ops->accounts->set_hash(r, id, hash, done, arg);
}

void
relay_account_add_key(struct relay *r, const char *id,
    const uint8_t key[static ACCOUNT_KEY_LEN], relay_done_fn done, void *arg)
{
	assert(account_is_id(span_of(id)) && done != NULL);
	r->ops->accounts->add_key(r, id, key, done, arg);
}

void
relay_account_del_key(struct relay *r, const char *id,
    const uint8_t key[static ACCOUNT_KEY_LEN], relay_done_fn done, void *arg)
{
	assert(account_is_id(span_of(id)) && done != NULL);
	r->ops->accounts->del_key(r, id, key, done, arg);
}
