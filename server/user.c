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

struct users {
	struct user *by_id;
};

struct users *
users_new(void)
{
	return xcalloc(1, sizeof(struct users));
}

static void
user_free(struct users *us, struct user *u)
{
	HASH_DEL(us->by_id, u);
	free(u->shown);
	free(u->fold);
	free(u->sessions);
	free(u);
}

void
users_free(struct users *us)
{
	struct user *u, *tmp;

	if (!us)
		return;
	HASH_ITER (hh, us->by_id, u, tmp)
		user_free(us, u);
	free(us);
}

size_t
users_count(const struct users *us)
{
	return HASH_COUNT(us->by_id);
}

static struct user *
user_new(struct users *us, struct span id)
{
	struct user *u = xcalloc(1, sizeof *u);

	span_copy(u->id, sizeof u->id, id);
	TAILQ_INIT(&u->seats);
	HASH_ADD(hh, us->by_id, id, SENDER_ID_LEN, u);
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

bool
user_hash_token(
    char hash[static RELAY_TOKEN_LEN + 1], struct span token, bool secure)
{
	static const unsigned char domains[2][16] = {
	    "snug-resume-pln1", "snug-resume-sec1"};
	unsigned char bits[16], digest[RELAY_TOKEN_LEN / 2];
	size_t n;

	if (token.len != USER_TOKEN_LEN ||
	    sodium_base642bin(bits, sizeof bits, token.p, token.len, NULL, &n,
		NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
	    n != sizeof bits)
		return false;
	crypto_generichash(digest, sizeof digest, bits, sizeof bits,
	    domains[secure], sizeof domains[secure]);
	sodium_memzero(bits, sizeof bits);
	sodium_bin2hex(hash, RELAY_TOKEN_LEN + 1, digest, sizeof digest);
	return true;
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
	if (!user_hash_token(u->token, span_of(token), secure))
		abort();
}

struct user *
user_find(const struct users *us, struct span id)
{
	struct user *u = NULL;

	if (id.len == SENDER_ID_LEN)
		HASH_FIND(hh, us->by_id, id.p, SENDER_ID_LEN, u);
	return u;
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

void
user_set_nick(struct user *u, const struct name *nick)
{
	free(u->shown);
	free(u->fold);
	u->shown = xstrdup(nick->shown);
	u->fold = xstrdup(nick->fold);
}

void
user_add_session(struct user *u, struct session *s)
{
	u->sessions =
	    xreallocarray(u->sessions, u->nsessions + 1, sizeof u->sessions[0]);
	u->sessions[u->nsessions++] = s;
}

void
user_drop_session(struct user *u, struct session *s)
{
	for (size_t i = 0; i < u->nsessions; i++)
		if (u->sessions[i] == s) {
			u->sessions[i] = u->sessions[--u->nsessions];
			return;
		}
}

void
user_unref(struct users *us, struct user *u)
{
	if (u->nsessions == 0 && u->nseats == 0)
		user_free(us, u);
}
