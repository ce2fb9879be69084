/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_CHAT_IMPL_H
#define SNUG_CLIENT_CHAT_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/names.h"
#include "client/chat.h"
#include "client/outbox.h"
#include "client/trust.h"
#include "proto/line.h"

/*
 * What the files of a conversation share.  chat.c holds them together;
 * chat_nick.c, chat_account.c and chat_meet.c settle who we and the server are;
 * chat_window.c enters rooms and fetches their past, chat_hear.c takes the
 * server's lines, chat_say.c sees to what we say, also what chat_restore.c
 * found of an earlier run, and chat_rights.c is for those in charge.
 * Nobody else includes this.
 */
struct event;

enum { RESUME_MAX = OUTBOX_TOKEN_MAX, ACCOUNT_MAX = OUTBOX_ACCOUNT_MAX };
enum { SPARE_TOKENS = 4 };

/* What was asked. */
enum ask {
	ASK_NICK,   /* the user's */
	ASK_LOGIN,  /* the nick, as a session begins */
	ASK_RESUME, /* the same, with a token */
	ASK_JOIN,   /* with a past the user has not seen */
	ASK_REJOIN, /* from a cursor */
	ASK_PART,
	ASK_SAY,
	ASK_TOPIC,
	ASK_NAMES,
	ASK_MEMBERS, /* the same, for ourselves */
	ASK_ROOMS,
	ASK_WHOIS,
	ASK_OLDER,  /* history before what is there */
	ASK_MISSED, /* a person's, after the cursor */
	ASK_QUIT,
	ASK_AUTH, /* from here on chat_account.c's */
	ASK_ACCOUNT,
	ASK_REGISTER,
	ASK_PASSWORD,
	ASK_KEYS,
	ASK_KEY_ADD,
	ASK_KEY_DEL,
};

/* What the next session is begun for. */
enum intent { INTENT_NONE, INTENT_REGISTER, INTENT_LOGIN };

/* From here on rows of chat_rights.c's table. */
enum { ASK_ROWS = 1000 };

struct chat {
	struct model *m;
	struct net *net;
	struct chat_options o;
	char *nick; /* owned: wanted; NULL: none */
	const struct chat_ops *ops;
	void *arg;
	struct event *retry;

	uint64_t max_text, dedupe_ms;
	char token[RESUME_MAX + 1];      /* of the session there is or was */
	char next_token[RESUME_MAX + 1]; /* when the old one has been used */
	char spare[SPARE_TOKENS][RESUME_MAX + 1]; /* of sessions that may have
						   * used it, oldest first */
	size_t nspare;
	bool resuming;     /* asked, or to be asked again, in this session */
	bool begun;        /* who we are is settled: rooms can be entered */
	uint64_t sender;   /* counts who we are: as whom we say things */
	bool returning;    /* the token is an earlier run's */
	bool trouble_told; /* the outbox's */
	bool was_up;
	bool relay_down;
	struct name greeted; /* the nick this session began with */
	unsigned nick_tries; /* left */
	uint64_t nick_at_ms; /* when to try again; 0: not */
	enum ask nick_ask;
	char nick_again[NAME_BYTES_MAX + 1];
	char cid_base[17];
	uint64_t cid_next;
	uint64_t rooms_listed;
	char down_cause[ERR_LEN]; /* why it went down, as it was said */

	enum intent intent;
	char account[ACCOUNT_MAX + 1];  /* of this session; "": a guest's */
	char said_as[ACCOUNT_MAX + 1];  /* of the session before */
	char login[NAME_BYTES_MAX + 1]; /* of the password; "": none */
	char password[PASSWORD_MAX + 1];
	uint64_t prove_at_ms; /* when to try again; 0: not */

	bool is_strange, accepted;
	uint8_t strange[TRUST_KEY_LEN];
};

/* chat.c */
void chat_changed(struct chat *c);
/* Says so, and gives true, where nothing can be asked now. */
bool chat_refuse_offline(struct chat *c);
/* What was refused, in the server's words. */
void chat_note_error(
    struct chat *c, struct window *w, const struct net_answer *a);
/* Something has to be tried again: chat.c finds out what, and when. */
void chat_retry_soon(struct chat *c);
/* Where what the user asked for is answered. */
struct window *chat_here(const struct chat *c);
/* The window of a target as the wire has it; NULL if there is none. */
struct window *chat_window_of(const struct chat *c, struct span target);
/* Begins a command: attributes, the verb and net_send() follow. */
void chat_ask(struct chat *c, enum ask what, const struct window *w,
    const char *cid, struct line_writer *lw);
void chat_put_target(struct line_writer *lw, const struct window *w);

/* chat_nick.c */
void chat_welcome(struct chat *c, const struct line *l);
/* It is known whether we are an account: NICK, then the rooms. */
void chat_begin(struct chat *c);
/* The session is an account's; its messages are. */
void chat_become(struct chat *c);
/* False: the answer is somebody else's. */
bool chat_nick_answer(
    struct chat *c, const struct net_about *about, const struct net_answer *a);
/* Asks again, if it is time; true: it is not yet. */
bool chat_retry_nick(struct chat *c, uint64_t now_ms);
/* The connection went: a token that may have been used is kept. */
void chat_keep_spare(struct chat *c);

/* chat_window.c */
/* Rooms are entered and conversations caught up with, from their cursors. */
void chat_enter_all(struct chat *c);
/* False: the answer is somebody else's.  w: NULL if it is closed. */
bool chat_window_answer(struct chat *c, struct window *w,
    const struct net_about *about, const struct net_answer *a);
/* Enters, catches up or says, if it is time; true: it is not yet. */
bool chat_retry_window(struct chat *c, struct window *w, uint64_t now_ms);

/* chat_hear.c: a line that is no answer; net.h's line function. */
void chat_hear(void *arg, const struct line *l, const struct net_about *head);

/* chat_rights.c */
/* False: it is the answer to something else. */
bool chat_rights_answer(
    struct chat *c, const struct net_about *about, const struct net_answer *a);
/* Is this what is being answered? */
bool chat_asked_rights(const struct net_about *head, const char *verb);
/* The line that answers ROOM. */
void chat_show_settings(struct chat *c, const struct line *l);
/* NOTICE rights. */
void chat_rights_changed(struct chat *c, struct span text);

/* chat_say.c */
/* Says the window's next line, if it is its turn. */
void chat_pump(struct chat *c, struct window *w);
/* The replay is through: what it did not settle is judged. */
void chat_settle(struct chat *c, struct window *w);
/* The room was not entered and will not be: what waits for it fails. */
void chat_shut_out(struct chat *c, struct window *w);
/* The answer to a SAY. */
void chat_said(struct chat *c, struct window *w, const char *cid,
    const struct net_answer *a);
/* We are somebody else than who wrote what waits. */
void chat_disown(struct chat *c);

/* chat_meet.c: net.h's meet function, and NOTICE next-key. */
bool chat_meet(void *arg, const uint8_t *key, char cause[static ERR_LEN]);
void chat_next_key(struct chat *c, struct span text);

/* chat_account.c */
/* A session was greeted: who are we in it?  chat_begin() follows. */
void chat_prove(struct chat *c);
bool chat_prove_again(struct chat *c, uint64_t now_ms);
/* The nick wanted could be had, or not. */
void chat_named(struct chat *c, bool ok);
/* False: the answer is somebody else's. */
bool chat_account_answer(
    struct chat *c, const struct net_about *about, const struct net_answer *a);
void chat_forget_password(struct chat *c);
void chat_key_listed(struct chat *c, struct span key);

#endif
