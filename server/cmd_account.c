/* SPDX-License-Identifier: ISC */
/*
 * Commands by which a session comes to be an account's: AUTH, REGISTER, LOGIN;
 * and what an account is proven by: PASSWORD, KEY.
 *
 * Who a session is, is settled before its first JOIN or SAY; from then on
 * others know it by its sender.  All waits are the relay's or the hasher's,
 * and each finds its session through its answer, or not at all.
 *
 * What a password was in is wiped when the command has been run: session.c does
 * that for commands that the table calls secret.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "proto/channel.h"
#include "proto/identity.h"
#include "server/answer.h"
#include "server/auth.h"
#include "server/claim.h"
#include "server/command.h"
#include "server/config.h"
#include "server/gate.h"
#include "server/relay_account.h"
#include "server/render.h"
#include "server/server.h"
#include "server/session.h"
#include "server/user.h"

/* --- what they share ------------------------------------------------------ */

/* Is it still open who the session is?  Else that is answered. */
static bool
is_open(struct request *q)
{
	const struct session *s = q->session;

	if (!s->settled)
		return true;
	answer_err(q->answer, ERR_NOT_ALLOWED, 0,
	    "%s goes before the first JOIN or SAY of a session; connect anew",
	    q->command->verb);
	return false;
}

/* Nobody on the way reads what is said here. */
static bool
is_private(struct request *q)
{
	const struct session *s = q->session;

	if (s->channel || s->from.local)
		return true;
	answer_err(q->answer, ERR_NOT_SECURE, 0,
	    "a password is not sent where others can read it; connect "
	    "securely, as snug does");
	return false;
}

static bool
is_account(struct request *q)
{
	if (user_is_account(q->session->user))
		return true;
	answer_err(q->answer, ERR_NOT_ALLOWED, 0,
	    "%s takes an account; log in by AUTH or LOGIN, or make one by "
	    "REGISTER",
	    q->command->verb);
	return false;
}

static bool
password_fits(struct request *q)
{
	if (q->text.len <= AUTH_PASSWORD_MAX)
		return true;
	answer_err(q->answer, ERR_BAD_ARGS, 0,
	    "a password has at most %d bytes", AUTH_PASSWORD_MAX);
	return false;
}

static struct auth_asker
asker(const struct session *s, struct addr_key *key)
{
	return (struct auth_asker){
	    .session = s->id, .addr = session_addr(s, key)};
}

static void
say_busy(struct answer *a)
{
	answer_err(a, ERR_BUSY, AUTH_RETRY_MS,
	    "too many passwords are being looked at, or one of yours is; try "
	    "again");
}

static void
blame(struct session *s)
{
	gate_blame(s->server->gate, s, PENALTY_LOGIN, clock_now_ms());
}

static void
on_told(void *arg, enum relay_status st)
{
	if (st == RELAY_OK)
		answer_ok(arg, SPAN_NONE);
	else
		request_relay_err(arg, (int)st);
}

/* --- becoming an account's ------------------------------------------------ */

struct entering {
	struct answer *answer;
	const char *how;
};

static void
on_entered(void *arg, enum relay_status st)
{
	struct entering *e = arg;
	struct session *s = answer_session(e->answer);

	if (!s) {
		answer_none(e->answer);
	} else if (st != RELAY_OK) {
		claim_guest(s);
		session_welcome(s);
		request_relay_err(e->answer, (int)st);
	} else {
		log_info(
		    "session", s->id, "account=%s by=%s", s->user->id, e->how);
		session_welcome(s);
		answer_ok(e->answer, span_of(s->user->shown));
	}
	free(e);
}

/* The session is there. */
static void
enter(
    struct answer *a, const char *id, const struct name *nick, const char *how)
{
	struct session *s = answer_session(a);
	struct entering *e;

	if (user_is_account(s->user) && strcmp(s->user->id, id) != 0) {
		answer_err(a, ERR_NOT_ALLOWED, 0,
		    "you are logged in as %s; to be somebody else, connect "
		    "anew",
		    s->user->shown);
		return;
	}
	e = xcalloc(1, sizeof *e);
	*e = (struct entering){a, how};
	claim_account(s->server, a, id, nick, on_entered, e);
}

/* --- AUTH ----------------------------------------------------------------- */

static void
on_known(void *arg, enum relay_status st, const struct relay_account *account)
{
	struct answer *a = arg;

	if (!answer_session(a))
		answer_none(a);
	else if (st == RELAY_OK)
		enter(a, account->id, &account->nick, "key");
	else if (st == RELAY_NONE) /* proven, and nobody's yet */
		answer_ok(a, SPAN_NONE);
	else
		request_relay_err(a, (int)st);
}

void
cmd_auth(struct request *q)
{
	struct session *s = q->session;
	uint8_t key[IDENTITY_KEY_LEN], sig[IDENTITY_SIG_LEN];

	if (!s->channel) {
		answer_err(q->answer, ERR_NOT_SECURE, 0,
		    "a key is proven to a secure session only; begin with "
		    "SECURE, as snug does");
		return;
	}
	if (!is_open(q))
		return;
	if (!identity_parse_key(q->params[0], key) ||
	    !identity_parse_sig(q->params[1], sig)) {
		answer_err(q->answer, ERR_BAD_ARGS, 0,
		    "a key is %d characters of base64url, and a signature %d",
		    IDENTITY_KEY_TEXT, IDENTITY_SIG_TEXT);
		return;
	}
	if (!identity_verify_auth(key, channel_hash(s->channel), sig)) {
		blame(s);
		answer_err(q->answer, ERR_LOGIN_FAILED, 0,
		    "this is not the key's signature of this session");
		return;
	}
	if (!s->key)
		s->key = xmalloc(IDENTITY_KEY_LEN);
	memcpy(s->key, key, IDENTITY_KEY_LEN);
	relay_account_by_key(q->server->relay, key, on_known, q->answer);
}

/* --- REGISTER ------------------------------------------------------------- */

struct registering {
	struct answer *answer;
	struct name nick;
};

static void
say_not_registered(const struct registering *r, enum relay_status st)
{
	if (st == RELAY_TAKEN)
		answer_err(r->answer, ERR_NICK_IN_USE, 0,
		    "somebody else has taken %s; choose another nick by NICK",
		    r->nick.shown);
	else if (st == RELAY_UNKNOWN)
		answer_err(r->answer, ERR_OUTCOME_UNKNOWN, 1000,
		    "the relay did not answer; connect anew and say AUTH: if "
		    "the account was made, it is yours");
	else if (st == RELAY_BUSY)
		answer_err(r->answer, ERR_BUSY, 1000,
		    "the key is just being registered; try again");
	else
		request_relay_err(r->answer, (int)st);
}

static void
on_registered(
    void *arg, enum relay_status st, const struct relay_account *account)
{
	struct registering *r = arg;
	struct session *s = answer_session(r->answer);

	if (st == RELAY_OK)
		log_info("account", 0, "made account=%s", account->id);
	if (!s)
		answer_none(r->answer);
	else if (st == RELAY_OK)
		enter(r->answer, account->id, &account->nick, "register");
	else
		say_not_registered(r, st);
	free(r);
}

static void
on_nick_held(void *arg, enum relay_status st)
{
	struct registering *r = arg;
	struct session *s = answer_session(r->answer);

	if (st == RELAY_OK && s)
		relay_register(s->server->relay, &r->nick, s->user->id, s->key,
		    on_registered, r);
	else
		on_registered(r, st == RELAY_OK ? RELAY_DOWN : st, NULL);
}

static bool
may_register(struct request *q)
{
	const struct session *s = q->session;

	if (!is_open(q))
		return false;
	if (user_is_account(s->user))
		answer_err(q->answer, ERR_NOT_ALLOWED, 0,
		    "%s is registered already, and you are logged in as it",
		    s->user->shown);
	else if (!q->server->config->reg)
		answer_err(q->answer, ERR_NOT_ALLOWED, 0,
		    "accounts are not made here; the operator can allow it by "
		    "register = yes");
	else if (!s->key)
		answer_err(q->answer, ERR_NO_KEY, 0,
		    "an account is made of a key; prove yours by AUTH first");
	else if (name_is_guest(user_fold(s->user)))
		answer_err(q->answer, ERR_BAD_NAME, 0,
		    "a guest's nick is nobody's; take one by NICK first");
	else
		return true;
	return false;
}

void
cmd_register(struct request *q)
{
	const struct user *u = q->session->user;
	struct registering *r;

	if (!may_register(q))
		return;
	r = xcalloc(1, sizeof *r);
	r->answer = q->answer;
	span_copy(r->nick.shown, sizeof r->nick.shown, span_of(u->shown));
	span_copy(r->nick.fold, sizeof r->nick.fold, span_of(user_fold(u)));
	claim_ensure(q->server, q->answer, on_nick_held, r);
}

/* --- LOGIN ---------------------------------------------------------------- */

struct login {
	struct answer *answer;
	char id[SENDER_ID_LEN + 1]; /* "": nobody's */
	struct name nick;
	size_t len;
	char password[AUTH_PASSWORD_MAX];
};

static void
login_free(struct login *l)
{
	sodium_memzero(l, sizeof *l);
	free(l);
}

static void
on_compared(void *arg, enum auth_result result, const char *hash)
{
	struct login *l = arg;
	struct session *s = answer_session(l->answer);

	(void)hash;
	if (!s) {
		answer_none(l->answer);
	} else if (result == AUTH_RIGHT && l->id[0]) {
		enter(l->answer, l->id, &l->nick, "password");
	} else if (result == AUTH_FAILED) {
		say_busy(l->answer);
	} else {
		blame(s);
		answer_err(l->answer, ERR_LOGIN_FAILED, 0,
		    "nick or password is wrong, or the account has no "
		    "password");
	}
	login_free(l);
}

/* Whether there is such an account or not, a hash is worked out. */
static void
on_account(void *arg, enum relay_status st, const struct relay_account *account)
{
	struct login *l = arg;
	struct session *s = answer_session(l->answer);
	struct span password = {l->password, l->len};
	const char *hash = NULL;

	if (!s || (st != RELAY_OK && st != RELAY_NONE)) {
		if (s)
			request_relay_err(l->answer, (int)st);
		else
			answer_none(l->answer);
		login_free(l);
		return;
	}
	if (account && account->hash[0]) {
		hash = account->hash;
		memcpy(l->id, account->id, sizeof l->id);
		l->nick = account->nick;
	}
	struct addr_key key;
	struct auth_asker who = asker(s, &key);
	int err =
	    auth_verify(s->server->auth, &who, password, hash, on_compared, l);
	sodium_memzero(l->password, sizeof l->password);
	if (err == 0)
		return;
	say_busy(l->answer);
	login_free(l);
}

void
cmd_login(struct request *q)
{
	struct name nick;
	struct login *l;

	if (!is_private(q) || !is_open(q) || !password_fits(q) ||
	    !request_nick(q, q->params[0], &nick))
		return;
	if (user_is_account(q->session->user)) {
		answer_err(q->answer, ERR_NOT_ALLOWED, 0,
		    "you are logged in as %s", q->session->user->shown);
		return;
	}
	l = xcalloc(1, sizeof *l);
	l->answer = q->answer;
	l->len = q->text.len;
	memcpy(l->password, q->text.p, q->text.len);
	relay_account_by_nick(q->server->relay, nick.fold, on_account, l);
}

/* --- PASSWORD ------------------------------------------------------------- */

static void
on_password_kept(void *arg, enum relay_status st)
{
	struct answer *a = arg;

	if (st == RELAY_LAST)
		answer_err(a, ERR_NOT_ALLOWED, 0,
		    "the account has no key; without a password nobody could "
		    "log in to it; add a key first");
	else
		on_told(a, st);
}

static void
on_hashed(void *arg, enum auth_result result, const char *hash)
{
	struct answer *a = arg;
	struct session *s = answer_session(a);

	if (!s)
		answer_none(a);
	else if (result != AUTH_RIGHT)
		say_busy(a);
	else
		relay_account_set_hash(
		    s->server->relay, s->user->id, hash, on_password_kept, a);
}

static void
set_password(struct request *q)
{
	struct addr_key key;
	struct auth_asker who = asker(q->session, &key);

	if (q->text.len < AUTH_PASSWORD_MIN) {
		answer_err(q->answer, ERR_BAD_ARGS, 0,
		    "a password has at least %d bytes; @clear removes it",
		    AUTH_PASSWORD_MIN);
		return;
	}
	if (auth_hash(q->server->auth, &who, q->text, on_hashed, q->answer) !=
	    0)
		say_busy(q->answer);
}

void
cmd_password(struct request *q)
{
	if (!is_private(q) || !is_account(q) || !password_fits(q))
		return;
	if (!(q->attrs & ATTR_CLEAR))
		set_password(q);
	else if (q->text.len > 0)
		answer_err(q->answer, ERR_BAD_ARGS, 0,
		    "@clear removes the password; it takes no text");
	else
		relay_account_set_hash(q->server->relay, q->session->user->id,
		    NULL, on_password_kept, q->answer);
}

/* --- KEY ------------------------------------------------------------------ */

static void
on_listed(void *arg, enum relay_status st, const struct relay_account *account)
{
	struct answer *a = arg;
	struct session *s = answer_session(a);
	char text[IDENTITY_KEY_TEXT + 1];

	for (unsigned i = 0; s && st == RELAY_OK && i < account->nkeys; i++)
		render_notice(session_out(s), answer_tag(a), NOTICE_KEY,
		    span_of(identity_key_text(account->keys[i], text)));
	on_told(a, st);
}

static void
key_list(struct request *q, struct span rest)
{
	if (rest.len > 0)
		answer_err(q->answer, ERR_BAD_ARGS, 0, "write: KEY list");
	else
		relay_account_by_id(q->server->relay, q->session->user->id,
		    on_listed, q->answer);
}

static void
key_add(struct request *q, struct span rest)
{
	struct span account = span_of(q->session->user->id);
	uint8_t key[IDENTITY_KEY_LEN], sig[IDENTITY_SIG_LEN];

	if (!identity_parse_key(text_word(&rest), key) ||
	    !identity_parse_sig(rest, sig))
		answer_err(
		    q->answer, ERR_BAD_ARGS, 0, "write: KEY add pubkey sig");
	else if (!q->server->identity)
		answer_err(q->answer, ERR_NOT_SECURE, 0,
		    "this server has no key of its own, which the signature "
		    "would have to be over");
	else if (!identity_verify_key(
		     key, identity_public(q->server->identity), account, sig))
		answer_err(q->answer, ERR_LOGIN_FAILED, 0,
		    "this is not the new key's signature over this server's "
		    "key and your account");
	else
		relay_account_add_key(
		    q->server->relay, account.p, key, on_told, q->answer);
}

static void
on_key_gone(void *arg, enum relay_status st)
{
	struct answer *a = arg;

	if (st == RELAY_NONE)
		answer_err(a, ERR_NO_KEY, 0,
		    "that is none of your keys; KEY list shows them");
	else if (st == RELAY_LAST)
		answer_err(a, ERR_NOT_ALLOWED, 0,
		    "it is the last key, and there is no password: nobody "
		    "could log in any more; add another key or a password "
		    "first");
	else
		on_told(a, st);
}

static void
key_del(struct request *q, struct span rest)
{
	uint8_t key[IDENTITY_KEY_LEN];

	if (!identity_parse_key(rest, key))
		answer_err(q->answer, ERR_BAD_ARGS, 0, "write: KEY del pubkey");
	else
		relay_account_del_key(q->server->relay, q->session->user->id,
		    key, on_key_gone, q->answer);
}

void
cmd_key(struct request *q)
{
	static const struct {
		const char *word;
		void (*run)(struct request *q, struct span rest);
	} actions[] = {{"add", key_add}, {"del", key_del}, {"list", key_list}};

	if (!is_account(q))
		return;
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (span_is_nocase(q->params[0], actions[i].word)) {
			actions[i].run(q, q->text);
			return;
		}
	answer_err(q->answer, ERR_BAD_ARGS, 0, "write: %s", q->command->syntax);
}
