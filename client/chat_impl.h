/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_CHAT_IMPL_H
#define SNUG_CLIENT_CHAT_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/names.h"
#include "client/chat.h"
#include "client/outbox.h"
#include "proto/line.h"

/*
 * What the three files of a conversation share: chat.c begins sessions, takes
 * answers and does what the user wants; chat_hear.c takes the server's lines;
 * chat_say.c sees to what we say.  Nobody else includes this.
 */
struct event;

enum { RESUME_MAX = OUTBOX_TOKEN_MAX };
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
};

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
};

/* chat.c */
void chat_changed(struct chat *c);
bool chat_is_up(const struct chat *c);
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
/* Rooms are entered and conversations caught up with, from their cursors. */
void chat_enter_all(struct chat *c);
void chat_welcome(struct chat *c, const struct line *l);

/* chat_hear.c: a line that is no answer; net.h's line function. */
void chat_hear(void *arg, const struct line *l, const struct net_about *head);

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

#endif
