/* SPDX-License-Identifier: ISC */
/*
 * Senders: who speaks, under which nick, on which sessions.
 *
 * A user is looked up by its id alone; a nick is what it is called at the
 * moment and may be somebody else's tomorrow.  This file knows neither rooms
 * nor the relay: seats are linked in by room.c, claims are made by claim.c.
 */
#include "server/user.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/index.h"

struct users {
	struct index by_id;
};

static struct span
key_of_user(const void *user)
{
	const struct user *u = user;

	return (struct span){u->id, SENDER_ID_LEN};
}

struct users *
users_new(void)
{
	struct users *us = xcalloc(1, sizeof *us);

	us->by_id = INDEX_BY(key_of_user);
	return us;
}

static void
free_nick(struct user *u)
{
	if (u->shown != u->short_nick)
		free(u->shown);
}

static void
user_free(struct user *u)
{
	if (u->nsessions > 1)
		free(u->sessions.many);
	free_nick(u);
	free(u);
}

void
users_free(struct users *us)
{
	struct user *u;
	uint32_t at = 0;

	if (!us)
		return;
	while ((u = index_next(&us->by_id, &at)))
		user_free(u);
	index_fini(&us->by_id);
	free(us);
}

size_t
users_count(const struct users *us)
{
	return us->by_id.n;
}

static struct user *
user_new(struct users *us, struct span id)
{
	struct user *u = xcalloc(1, sizeof *u);

	span_copy(u->id, sizeof u->id, id);
	TAILQ_INIT(&u->seats);
	index_add(&us->by_id, u);
	return u;
}

void
user_guest_nick(struct name *out)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	uint64_t random;

	/* One draw for all eight: the bias is 36^8 / 2^64. */
	randombytes_buf(&random, sizeof random);
	snprintf(out->shown, sizeof out->shown, "guest-????????");
	for (char *c = strchr(out->shown, '?'); *c; c++) {
		*c = alphabet[random % (sizeof alphabet - 1)];
		random /= sizeof alphabet - 1;
	}
	memcpy(out->fold, out->shown, sizeof out->fold);
}

/* Nobody may guess an id before its time: it decides whose message is whose. */
struct user *
user_new_guest(struct users *us)
{
	char id[SENDER_ID_LEN + 1] = "g";
	unsigned char random[16];
	struct name nick;
	struct user *u;

	randombytes_buf(random, sizeof random);
	sodium_bin2hex(id + 1, sizeof id - 1, random, sizeof random);
	u = user_new(us, span_of(id));
	user_guest_nick(&nick);
	user_set_nick(u, &nick);
	return u;
}

static bool
hash_token(
    uint8_t hash[static RELAY_TOKEN_LEN / 2], struct span token, bool secure)
{
	static const unsigned char domains[2][16] = {
	    "snug-resume-pln1", "snug-resume-sec1"};
	unsigned char bits[16];
	size_t n;

	if (token.len != USER_TOKEN_LEN ||
	    sodium_base642bin(bits, sizeof bits, token.p, token.len, NULL, &n,
		NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
	    n != sizeof bits)
		return false;
	crypto_generichash(hash, RELAY_TOKEN_LEN / 2, bits, sizeof bits,
	    domains[secure], sizeof domains[secure]);
	sodium_memzero(bits, sizeof bits);
	return true;
}

bool
user_hash_token(
    char hash[static RELAY_TOKEN_LEN + 1], struct span token, bool secure)
{
	uint8_t digest[RELAY_TOKEN_LEN / 2];

	if (!hash_token(digest, token, secure))
		return false;
	sodium_bin2hex(hash, RELAY_TOKEN_LEN + 1, digest, sizeof digest);
	return true;
}

void
user_token(const struct user *u, char hash[static RELAY_TOKEN_LEN + 1])
{
	sodium_bin2hex(hash, RELAY_TOKEN_LEN + 1, u->token, sizeof u->token);
}

void
user_new_token(
    struct user *u, bool secure, char token[static USER_TOKEN_LEN + 1])
{
	unsigned char bits[16];

	randombytes_buf(bits, sizeof bits);
	sodium_bin2base64(token, USER_TOKEN_LEN + 1, bits, sizeof bits,
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	sodium_memzero(bits, sizeof bits);
	if (!hash_token(u->token, span_of(token), secure))
		abort();
}

struct user *
user_find(const struct users *us, struct span id)
{
	return index_find(&us->by_id, id);
}

struct user *
user_mirror(struct users *us, struct span id, struct span nick)
{
	struct user *u = user_find(us, id);
	struct name name;

	if (u)
		return u;
	if (id.len != SENDER_ID_LEN || name_check(nick, false, &name) != 0)
		return NULL;
	u = user_new(us, id);
	user_set_nick(u, &name);
	return u;
}

/* Mostly it is short, and both spellings are the same. */
void
user_set_nick(struct user *u, const struct name *nick)
{
	size_t len = strlen(nick->shown) + 1, more = strlen(nick->fold) + 1;
	bool same = strcmp(nick->shown, nick->fold) == 0;
	size_t size = same ? len : len + more;

	free_nick(u);
	u->shown = size <= sizeof u->short_nick ? u->short_nick : xmalloc(size);
	memcpy(u->shown, nick->shown, len);
	if (!same)
		memcpy(u->shown + len, nick->fold, more);
	u->fold_at = (unsigned char)(same ? 0 : len);
}

/* Most have one, which takes no memory of its own. */
void
user_add_session(struct user *u, struct session *s)
{
	struct session **many = NULL;

	if (u->nsessions == 0) {
		u->sessions.one = s;
	} else {
		many = xreallocarray(u->nsessions > 1 ? u->sessions.many : NULL,
		    u->nsessions + 1, sizeof many[0]);
		if (u->nsessions == 1)
			many[0] = u->sessions.one;
		many[u->nsessions] = s;
		u->sessions.many = many;
	}
	u->nsessions++;
}

void
user_drop_session(struct user *u, struct session *s)
{
	struct session *const *all = user_sessions(u);
	unsigned i = 0;

	while (i < u->nsessions && all[i] != s)
		i++;
	if (i == u->nsessions)
		return;
	u->nsessions--;
	if (u->nsessions == 0)
		return;
	u->sessions.many[i] = u->sessions.many[u->nsessions];
	if (u->nsessions == 1) {
		struct session **many = u->sessions.many;

		u->sessions.one = many[0];
		free(many);
	}
}

void
user_unref(struct users *us, struct user *u)
{
	if (u->nsessions > 0 || u->nseats > 0)
		return;
	index_drop(&us->by_id, u);
	user_free(u);
}
