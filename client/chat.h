/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_CHAT_H
#define SNUG_CLIENT_CHAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/attr.h"
#include "base/names.h"
#include "client/model.h"
#include "client/net.h"
#include "client/outbox.h"

/*
 * A conversation with a server: what its lines do to the model, and what has
 * to be said so that the model becomes true again after a break.
 */
struct chat;
struct event_base;
struct identity;

enum { PASSWORD_MAX = 256 };

struct chat_options {
	struct addr server;
	enum net_way way;
	const char *pins;    /* trust.h's file; NULL: there is no home */
	const uint8_t *link; /* the server's key, as the link said; or NULL */
	bool accept_new;     /* a server never seen before: do not ask */
	bool guest;          /* by the user's will: there is no identity */
	const struct identity *identity; /* the user's; or NULL */
	const char *nick; /* NULL: be a guest; borrowed while asked for */
	unsigned last;    /* messages of a room's past to ask for at JOIN */
	struct outbox *outbox; /* NULL: what is not sent is not kept */
};

/* Each may be NULL; called from the loop. */
struct chat_ops {
	/* something in the model or the connection is new */
	void (*changed)(void *arg);
	/* a message, in order, once */
	void (*message)(void *arg, const struct window *w,
	    const struct message *msg, const struct line *l);
	/* a send was accepted, or (why) refused; retry: later it may be */
	void (*sent)(void *arg, const char *cid, struct msgid id,
	    const char *why, bool retry);
	/* a room was entered, or (why) not */
	void (*entered)(void *arg, const struct window *w, const char *why);
	/* the nick that was wanted could not be had */
	void (*unnamed)(void *arg, const char *why);
	/* the connection: net_get_state() tells more */
	void (*state)(void *arg, enum net_state state);
	/* a sentence about the server's key; the model has it, too */
	void (*told)(void *arg, const char *text);
};

/* All borrowed until chat_free(), but the nick, which is copied.  What the
 * outbox holds comes back into its windows with chat_restore(). */
struct chat *chat_new(struct event_base *base, struct model *m,
    const struct chat_options *o, const struct chat_ops *ops,
    void *arg) MUST_CHECK;
void chat_free(struct chat *c);

struct net *chat_net(const struct chat *c);
/* Is there a session, and is it settled who we are in it? */
bool chat_is_up(const struct chat *c);
bool chat_relay_is_down(const struct chat *c);

/* Room names and nicks are good ones: name_check() was asked.  What cannot be
 * done now is said in the current window; rooms are joined, and what was said
 * is sent, as soon as there is a connection. */
struct window *chat_join(struct chat *c, const struct name *room);
/* The key is kept until the window closes; none leaves it as it was. */
struct window *chat_join_by_key(
    struct chat *c, const struct name *room, struct span key);
void chat_part(struct chat *c, struct window *w, struct span why);
struct window *chat_query(struct chat *c, const struct name *nick);
/* False: it was not taken (empty, too long, no room), and a line says why;
 * the text still belongs to the user. */
bool chat_say(
    struct chat *c, struct window *w, struct span text, bool act) MUST_CHECK;
/* Before the connection: what was not settled when snug last ended. */
void chat_restore(struct chat *c);
void chat_resend(struct chat *c, struct window *w);
/* False: nothing here has failed. */
bool chat_discard(struct chat *c, struct window *w);
/* Is what is not delivered still there when snug is started again? */
bool chat_keeps(const struct chat *c);
void chat_nick(struct chat *c, const struct name *nick);
void chat_topic(struct chat *c, struct window *w, struct span text, bool clear);
void chat_names(struct chat *c, struct window *w);
void chat_rooms(struct chat *c, struct span pattern);
void chat_whois(struct chat *c, const struct name *nick);
void chat_older(struct chat *c, struct window *w); /* one page of history */
void chat_quit(struct chat *c, struct span why);

/* --- whom we talk with, and as whom -------------------------------------- */

/* The key (32 bytes) of a server never seen before, for the user to judge; or
 * NULL.  The connection is down. */
const uint8_t *chat_stranger(const struct chat *c);
/* It is the right one: connects, and wants exactly this key. */
void chat_accept(struct chat *c);

/* Are we an account? */
bool chat_is_registered(const struct chat *c);
/* Each begins a session of its own and enters the rooms again; what cannot be
 * done is said in the current window.  The password is copied, and wiped when
 * it is not needed any more. */
void chat_register(struct chat *c);
bool chat_can_login(struct chat *c);
void chat_login(struct chat *c, const struct name *nick, struct span password);
/* Empty: none any more. */
bool chat_can_set_password(struct chat *c);
void chat_password(struct chat *c, struct span password);
void chat_keys(struct chat *c);
void chat_key_add(struct chat *c); /* this machine's */
void chat_key_del(struct chat *c, struct span key);

/* --- for those in charge ---------------------------------------------------
 */

/* Verbs are ROOM, OP, DEOP, KICK, BAN, UNBAN,
 * MUTE, UNMUTE and INVITE, in a room, and KILL, DENY, ALLOW, ANNOUNCE and
 * STATS, of the server; any other is ignored. */
struct chat_act {
	const char *verb; /* in any case */
	struct span whom; /* a nick, or an address range; or none */
	uint64_t for_s;   /* BAN, MUTE, DENY; 0: until it is taken back */
	struct span text; /* why; or a room's settings */
	bool clear;       /* ROOM: these are set back */
};
void chat_govern(struct chat *c, struct window *w, const struct chat_act *act);

#endif
