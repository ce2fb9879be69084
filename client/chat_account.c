/* SPDX-License-Identifier: ISC */
/*
 * Who we are to the server: a guest, or an account.
 *
 * An account is proved before a session's first JOIN, by the user's key (AUTH)
 * or by a password (LOGIN), and made there (REGISTER).  So /register and /login
 * begin a new session, prove themselves in it first, and then enter the rooms
 * from where they were seen to: nothing is missed.
 *
 * Each account and each guest is a sender of its own, and what one has said is
 * never said again as another: what is not settled has to be, before either
 * command does anything, and where a session turns out to be another sender's
 * by itself the user is asked (chat_disown()).
 *
 * A password is kept in memory alone, for the sessions until snug ends or the
 * account has this machine's key, and wiped then.
 */
#include "client/chat.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "client/chat_impl.h"
#include "proto/identity.h"

static void
say(struct chat *c, enum entry_kind kind, const char *text)
{
	model_note(c->m, chat_here(c), kind, "%s", text);
	chat_changed(c);
}

static void
say_answer(struct chat *c, const char *what, const struct net_answer *a)
{
	model_note(c->m, chat_here(c), ENTRY_ERROR, "%s: %.*s", what,
	    SPAN_ARG(a->text.len ? a->text : a->code));
	chat_changed(c);
}

void
chat_forget_password(struct chat *c)
{
	explicit_bzero(c->password, sizeof(c->password));
	c->login[0] = '\0';
}

/* --- a session begins ---------------------------------------------------- */

static void
ask_auth(struct chat *c)
{
	struct line_writer lw;
	uint8_t sig[IDENTITY_SIG_LEN];
	char text[IDENTITY_SIG_TEXT + 1];
	char key[IDENTITY_KEY_TEXT + 1];
	identity_sign_auth(c->o.identity, net_hash(c->net), sig);
	chat_ask(c, ASK_AUTH, NULL, NULL, &lw);
	line_put(&lw, SPAN("AUTH"));
	line_put(&lw,
	    span_of(identity_key_text(identity_public(c->o.identity), key)));
	line_put(&lw, span_of(identity_sig_text(sig, text)));
	net_send(c->net, &lw);
}

static void
ask_login(struct chat *c)
{
	struct line_writer lw;
	chat_ask(c, ASK_ACCOUNT, NULL, c->login, &lw);
	line_put(&lw, SPAN("LOGIN"));
	line_put(&lw, span_of(c->login));
	line_put(&lw, span_of(c->password));
	net_send(c->net, &lw);
}

void
chat_prove(struct chat *c)
{
	c->prove_at_ms = 0;
	if (net_hash(c->net) && c->login[0])
		ask_login(c);
	else if (net_hash(c->net) && c->o.identity)
		ask_auth(c);
	else
		chat_begin(c);
}

bool
chat_prove_again(struct chat *c, uint64_t now_ms)
{
	if (c->prove_at_ms > 0 && now_ms >= c->prove_at_ms)
		chat_prove(c);
	return c->prove_at_ms > 0;
}

/* Not yet: to go on as a guest meanwhile would be to be somebody else. */
static bool
try_later(struct chat *c, const struct net_answer *a)
{
	if (a->ok || a->retry_ms < 0)
		return false;
	c->prove_at_ms = clock_now_ms() + (uint64_t)a->retry_ms;
	chat_retry_soon(c);
	return true;
}

/* The WELCOME that goes with it has come before; if it named no account, the
 * nick has to do. */
static void
take_account(struct chat *c, struct span nick)
{
	struct name name;
	if (name_check(nick, false, &name) == 0)
		c->greeted = name;
	if (!c->account[0])
		span_copy(
		    c->account, sizeof(c->account), span_of(c->greeted.fold));
}

/* A server without accounts is no trouble. */
static void
on_auth_answer(struct chat *c, const struct net_answer *a)
{
	if (try_later(c, a))
		return;
	if (!a->ok && !span_is(a->code, "unknown-command"))
		say_answer(c, "your key does not prove you here", a);
	else if (a->ok && a->text.len > 0)
		take_account(c, a->text);
	chat_begin(c);
}

static void
on_login_answer(struct chat *c, const struct net_answer *a)
{
	if (try_later(c, a))
		return;
	if (!a->ok) {
		char what[NAME_BYTES_MAX + 40];
		snprintf(what, sizeof(what), "not logged in as %s", c->login);
		say_answer(c, what, a);
		chat_forget_password(c);
		chat_prove(c); /* then we are who we were */
		return;
	}
	take_account(c, a->text);
	if (c->intent == INTENT_LOGIN)
		model_note(c->m, chat_here(c), ENTRY_INFO,
		    "you are %s now.  /keys add lets this machine in without "
		    "the password from now on.",
		    c->greeted.shown);
	chat_begin(c);
}

/* --- /register and /login ------------------------------------------------ */

static bool
has_unsettled(const struct model *m)
{
	for (size_t i = 0; i < m->n; i++)
		for (size_t k = 0; k < m->windows[i]->nsends; k++)
			if (m->windows[i]->sends[k]->state == SEND_WAITING ||
			    m->windows[i]->sends[k]->state == SEND_FLYING)
				return true;
	return false;
}

/* Why nothing about accounts can be done now; NULL: it can. */
static const char *
not_now(const struct chat *c)
{
	if (net_get_state(c->net) == NET_UP && !chat_is_up(c))
		return "the server does not know yet who you are: try again "
		       "soon";
	if (!chat_is_up(c))
		return "not connected: try again when the line below says so, "
		       "or /reconnect";
	if (!net_hash(c->net))
		return "accounts need a secure session, and this one is "
		       "plain: start snug with --secure";
	return NULL;
}

static const char *
no_other_sender(const struct chat *c)
{
	const char *why = not_now(c);
	if (!why && has_unsettled(c->m))
		return "lines wait that the server has not settled, and they "
		       "are not to be said as somebody else: wait, or /discard "
		       "them";
	return why;
}

static void
begin_again(struct chat *c, enum intent intent)
{
	c->intent = intent;
	net_disconnect(c->net, "reconnecting");
	net_connect(c->net);
}

void
chat_register(struct chat *c)
{
	const char *why = no_other_sender(c);
	if (!why && !c->o.identity)
		why = c->o.guest ? "you wanted to be a guest: start snug "
				   "without --guest"
				 : "there is no key of yours to register with; "
				   "the server's window says why";
	if (!why && c->account[0])
		why = "you are registered already";
	if (!why && name_is_guest(c->m->nick.fold))
		why = "which name? take one first: /nick NAME";
	if (why) {
		say(c, ENTRY_ERROR, why);
		return;
	}
	begin_again(c, INTENT_REGISTER);
}

/* The nick that is to be registered is ours, or is not to be had. */
void
chat_named(struct chat *c, bool ok)
{
	struct line_writer lw;
	if (c->intent != INTENT_REGISTER)
		return;
	if (!ok) {
		say(c, ENTRY_ERROR, "not registered: the name is not yours");
		c->intent = INTENT_NONE;
		chat_enter_all(c);
		return;
	}
	chat_ask(c, ASK_REGISTER, NULL, NULL, &lw);
	line_put(&lw, SPAN("REGISTER"));
	net_send(c->net, &lw);
}

static void
on_register_answer(struct chat *c, const struct net_answer *a)
{
	if (a->ok) {
		take_account(c, a->text);
		chat_become(c);
		model_note(c->m, chat_here(c), ENTRY_INFO,
		    "%s is yours from now on, proved by this machine's key.  "
		    "/password sets a password, to log in from elsewhere.",
		    c->m->nick.shown);
	} else {
		say_answer(c, "not registered", a);
	}
	c->intent = INTENT_NONE;
	chat_enter_all(c);
}

bool
chat_can_login(struct chat *c)
{
	const char *why = no_other_sender(c);
	if (why)
		say(c, ENTRY_ERROR, why);
	return !why;
}

void
chat_login(struct chat *c, const struct name *nick, struct span password)
{
	if (!chat_can_login(c))
		return;
	if (password.len == 0 || password.len > PASSWORD_MAX) {
		say(c, ENTRY_ERROR, "not logged in: no password was given");
		return;
	}
	chat_forget_password(c);
	span_copy(c->login, sizeof(c->login), span_of(nick->shown));
	span_copy(c->password, sizeof(c->password), password);
	begin_again(c, INTENT_LOGIN);
}

/* --- an account's password and keys -------------------------------------- */

static bool
refuse_guest(struct chat *c)
{
	const char *why = not_now(c);
	if (!why && !c->account[0])
		why = "you are a guest here: /register makes an account, "
		      "/login NICK enters one";
	if (why)
		say(c, ENTRY_ERROR, why);
	return why != NULL;
}

bool
chat_can_set_password(struct chat *c)
{
	return !refuse_guest(c);
}

void
chat_password(struct chat *c, struct span password)
{
	struct line_writer lw;
	if (refuse_guest(c))
		return;
	chat_ask(c, ASK_PASSWORD, NULL, password.len ? "set" : "", &lw);
	if (password.len == 0)
		line_put_flag(&lw, "clear");
	line_put(&lw, SPAN("PASSWORD"));
	line_put(&lw, password);
	net_send(c->net, &lw);
}

static void
on_password_answer(
    struct chat *c, const struct net_about *about, const struct net_answer *a)
{
	if (!a->ok)
		say_answer(c, "the password is as it was", a);
	else if (about->cid[0])
		model_note(c->m, chat_here(c), ENTRY_INFO,
		    "the password is set: /login %s from elsewhere",
		    c->m->nick.shown);
	else
		say(c, ENTRY_INFO, "the account has no password now");
}

void
chat_keys(struct chat *c)
{
	struct line_writer lw;
	if (refuse_guest(c))
		return;
	chat_ask(c, ASK_KEYS, NULL, NULL, &lw);
	line_put(&lw, SPAN("KEY"));
	line_put(&lw, SPAN("list"));
	net_send(c->net, &lw);
}

void
chat_key_add(struct chat *c)
{
	struct line_writer lw;
	uint8_t sig[IDENTITY_SIG_LEN];
	char text[IDENTITY_SIG_TEXT + 1];
	char key[IDENTITY_KEY_TEXT + 1];
	if (refuse_guest(c))
		return;
	if (!c->o.identity) {
		say(c, ENTRY_ERROR,
		    "this machine has no key; the server's window says why");
		return;
	}
	identity_sign_key(
	    c->o.identity, net_server_key(c->net), span_of(c->account), sig);
	chat_ask(c, ASK_KEY_ADD, NULL, NULL, &lw);
	line_put(&lw, SPAN("KEY"));
	line_put(&lw, SPAN("add"));
	line_put(&lw,
	    span_of(identity_key_text(identity_public(c->o.identity), key)));
	line_put(&lw, span_of(identity_sig_text(sig, text)));
	net_send(c->net, &lw);
}

void
chat_key_del(struct chat *c, struct span key)
{
	struct line_writer lw;
	if (refuse_guest(c))
		return;
	chat_ask(c, ASK_KEY_DEL, NULL, NULL, &lw);
	line_put(&lw, SPAN("KEY"));
	line_put(&lw, SPAN("del"));
	line_put(&lw, key);
	net_send(c->net, &lw);
}

/* One of the keys that were asked for. */
void
chat_key_listed(struct chat *c, struct span key)
{
	char own[IDENTITY_KEY_TEXT + 1] = "";
	if (c->o.identity)
		identity_key_text(identity_public(c->o.identity), own);
	model_note(c->m, chat_here(c), ENTRY_INFO, "key %.*s%s", SPAN_ARG(key),
	    span_is(key, own) ? "  (here)" : "");
}

static void
on_key_answer(
    struct chat *c, const struct net_about *about, const struct net_answer *a)
{
	if (!a->ok) {
		say_answer(c, "the keys are as they were", a);
	} else if (about->what == ASK_KEY_ADD) {
		chat_forget_password(c);
		say(c, ENTRY_INFO,
		    "this machine's key is the account's from now on");
	} else if (about->what == ASK_KEY_DEL) {
		say(c, ENTRY_INFO, "the account does not have this key now");
	}
}

/* --- answers ------------------------------------------------------------- */

bool
chat_account_answer(
    struct chat *c, const struct net_about *about, const struct net_answer *a)
{
	if (about->what < ASK_AUTH)
		return false;
	if (a->lost)
		return true;
	switch ((enum ask)about->what) {
	case ASK_AUTH:
		on_auth_answer(c, a);
		break;
	case ASK_ACCOUNT:
		on_login_answer(c, a);
		break;
	case ASK_REGISTER:
		on_register_answer(c, a);
		break;
	case ASK_PASSWORD:
		on_password_answer(c, about, a);
		break;
	default:
		on_key_answer(c, about, a);
		break;
	}
	return true;
}

bool
chat_is_registered(const struct chat *c)
{
	return c->account[0] != '\0';
}
