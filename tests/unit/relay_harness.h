/* SPDX-License-Identifier: ISC */
#ifndef SNUG_TESTS_RELAY_HARNESS_H
#define SNUG_TESTS_RELAY_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/relay.h"

struct event_base;

/*
 * What the relay's contract tests stand on: one or two nodes in a loop, whose
 * news are written down, and calls which wait for their answer.  Whoever waits
 * fails after a deadline; nobody sleeps.  Every call back checks that it does
 * not come from within a call.
 */

#define ALICE "g00000000000000000000000000000a11"
#define BOB "g00000000000000000000000000000b0b"
#define CARLA "a0000000000000000000000000000ca41"

enum {
	TEXT_KEPT = 1024,
	LIST_KEPT = 128,
	NODES_MAX = 2,
	/* What every back end under test is set to. */
	TEST_HISTORY = 256,
	TEST_DEDUPE_MS = 300000,
	TEST_RESUME_MS = 400,
	TEST_ROOMS = 3, /* that an account may own */
};

enum news_kind {
	NEWS_STATE,
	NEWS_MESSAGE,
	NEWS_RIGHTS, /* id: the version; sender: the owner */
	NEWS_GAP,
	NEWS_PRESENCE,
	NEWS_DEPARTED, /* one for each */
	NEWS_TYPING,
	NEWS_PAIR_MESSAGE,
	NEWS_PAIR_TYPING,
	NEWS_NICK_LOST,
	NEWS_REPLACED,
	NEWS_ORDER,
	NEWS_DENIES, /* text: the ranges and what is said of them */
	NEWS_KINDS
};

/* A copy of whatever an event brought; strings absent are "(none)". */
struct news {
	enum news_kind kind;
	unsigned serial;  /* of all news and answers of the harness */
	const void *what; /* room or user */
	bool up;
	enum relay_presence presence;
	size_t together; /* departed at once; ranges closed out */
	enum relay_kind entry;
	bool act;
	struct msgid id, prev;
	struct conv conv;
	char sender[64], nick[80], node[80], peer[80], cid[80], re[64], enc[64];
	char text[TEXT_KEPT];
};

struct room_kept {
	struct msgid last;
	char fold[80], shown[80], topic[TEXT_KEPT], topic_nick[80];
	size_t count;
};

/* What came back for a call; owned by the harness. */
struct answer {
	struct answer *next;
	struct harness *h;
	unsigned calls, serial;
	enum relay_status st;
	struct msgid id;
	bool dup, gap, end;
	struct room_kept room;
	char sender[64], nick[80], node[80];
	uint64_t since_ms;
	size_t n; /* of news or rooms */
	struct news *news;
	struct room_kept *rooms;
};

struct node {
	struct harness *h;
	struct relay *relay;
	char name[16];
	struct news *news[4096];
	size_t n;
	size_t read[NEWS_KINDS]; /* news up to here were looked at */
	void *backend;           /* the back end's own */
};

struct backend {
	const char *name;
	unsigned nodes;
	/* Once for all tests; 0 or -1 with a word on standard error. */
	int (*start)(void);
	void (*stop)(void);
	/* node->relay, up or soon to be up. */
	void (*node_start)(struct node *);
	void (*node_stop)(struct node *);
	/* The relay goes away like a killed server, and comes back.  NULL: it
	 * cannot. */
	void (*lose)(void);
	void (*regain)(void);
	/* All connections of all nodes are cut. */
	void (*cut)(void);
};

extern const struct backend local_backend, redis_backend;

struct harness {
	const struct backend *backend;
	struct event_base *base;
	struct node node[NODES_MAX];
	unsigned in_call;
	unsigned serial;
	unsigned number; /* of the test: a name space of its own */
	struct answer *answers;
};

struct harness *harness_new(const struct backend *b, unsigned nodes);
void harness_free(struct harness *h);
/* Frees a node's relay ahead of time. */
void node_free(struct node *n);

/* --- waiting -------------------------------------------------------------- */

/* Runs the loop until *flag is not 0. */
void await(struct harness *h, const unsigned *flag, const char *what);
/* Waits until the call was answered; gives it back. */
const struct answer *await_answer(struct answer *a);
/* The next unread news of a kind, waiting for it. */
const struct news *next_news(struct node *n, enum news_kind kind);
/* How many of a kind wait unread. */
size_t unread(const struct node *n, enum news_kind kind);

/* --- calls: ask_x() returns at once, x() with the answer ------------------ */

struct answer *ask_open(struct node *n, const char *shown, void *room);
struct answer *ask_join(
    struct node *n, const char *fold, const char *sender, const char *nick);
struct answer *ask_part(struct node *n, const char *fold, const char *sender,
    const char *nick, const char *text);
struct answer *ask_append(
    struct node *n, const struct conv *c, const struct relay_msg *m);
struct answer *ask_say(struct node *n, const char *fold, const char *sender,
    const char *cid, const char *text);
struct answer *ask_tell(struct node *n, const char *from, const char *to,
    const char *cid, const char *text);
struct answer *ask_read(
    struct node *n, const struct conv *c, const struct relay_range *range);
struct answer *ask_claim(
    struct node *n, const char *shown, const char *sender, const char *token);
struct answer *ask_resume(struct node *n, const char *shown, const char *token,
    const char *new_token);
struct answer *ask_find(struct node *n, const char *fold);
struct answer *ask_watch(struct node *n, const char *sender, void *user);
struct answer *ask_peek(struct node *n, const char *fold);
struct answer *ask_list(struct node *n);

struct answer *ask_kill(
    struct node *n, const char *fold, const char *sender, const char *text);
struct answer *ask_invite(struct node *n, const char *sender, const char *text);
struct answer *ask_announce(struct node *n, const char *text);
/* until 0: until it is allowed. */
struct answer *ask_deny(
    struct node *n, const char *range, uint64_t until_ms, const char *text);
struct answer *ask_allow(struct node *n, const char *range);

void do_close(struct node *n, const char *fold);
void do_rename(
    struct node *n, const char *fold, const char *sender, const char *nick);
void do_type(
    struct node *n, const struct conv *c, const char *sender, const char *nick);
void do_release(struct node *n, const char *fold, const char *sender);
void do_leave(struct node *n, const char *fold, const char *sender);
void do_unwatch(struct node *n, const char *sender);

/* Opens, and fails unless that is answered with RELAY_OK. */
const struct answer *open_room(struct node *n, const char *shown, void *room);
const struct answer *join(
    struct node *n, const char *fold, const char *sender, const char *nick);
const struct answer *part(struct node *n, const char *fold, const char *sender,
    const char *nick, const char *text);
/* Says without a cid; gives the id. */
struct msgid say(
    struct node *n, const char *fold, const char *sender, const char *text);
void watch(struct node *n, const char *sender, void *user);

struct conv room_conv(const char *fold);
struct conv pair_conv(const char *a, const char *b);

#endif
