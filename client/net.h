/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_NET_H
#define SNUG_CLIENT_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/attr.h"
#include "base/names.h"
#include "proto/line.h"

struct event_base;
struct net;

/*
 * The connection to a server: lines in, commands and their answers out.  It
 * comes back by itself, answers PING, and notices a server that went silent.
 * It does not know what the lines mean.
 */
enum net_state {
	NET_OFF, /* down, and does not come back by itself */
	NET_DIALING,
	NET_OPEN,    /* connected; the session has not begun yet */
	NET_UP,      /* greeted: commands can be asked */
	NET_WAITING, /* down; comes back after a while */
};

/* What a command was about, copied: no pointer waits for an answer. */
struct net_about {
	int what; /* the asker's own */
	char target[NAME_BYTES_MAX + 2];
	char cid[LINE_CID_MAX + 1];
};

struct net_answer {
	bool ok;
	bool lost;        /* the connection went down first */
	struct span code; /* of an ERR */
	struct span text;
	int64_t retry_ms; /* -1: none given */
};

struct net_ops {
	/* a line that is no answer, and no PING; `head` is what the command
	 * that is being answered is about, or NULL */
	void (*line)(
	    void *arg, const struct line *l, const struct net_about *head);
	void (*answer)(void *arg, const struct net_about *about,
	    const struct net_answer *answer);
	void (*state)(void *arg, enum net_state state);
	/* the server has proved that it has this key (32 bytes), and nothing
	 * was said to it yet.  False: nothing will be; it is down for good, and
	 * cause says why. */
	bool (*meet)(void *arg, const uint8_t *key, char cause[static ERR_LEN]);
};

/* How safe the way has to be: nothing that a server says changes it. */
enum net_way {
	NET_SECURE, /* a secure session, or none */
	NET_LOCAL,  /* plain, and refused where it leaves this machine */
	NET_PLAIN,  /* plain, wherever it leads */
};

/* base and ops are borrowed until net_free(); ops->meet is for NET_SECURE. */
struct net *net_new(struct event_base *base, const struct addr *server,
    enum net_way way, const struct net_ops *ops, void *arg) MUST_CHECK;
void net_free(struct net *n);

/* From NET_OFF or NET_WAITING: at once (but not twice in a second). */
void net_connect(struct net *n);
/* Down for good, until net_connect(). */
void net_disconnect(struct net *n, const char *why);

/* The server has greeted; ping_ms is how long its silence is normal. */
void net_greeted(struct net *n, uint64_t ping_ms);
/* What its BYE said: come back after retry_ms, or (-1) not by oneself. */
void net_bye(struct net *n, int64_t retry_ms, const char *why);

/*
 * Writes a command: net_ask(), then attributes, the verb, parameters and text
 * with line_put(), then net_send().  Only in NET_UP.
 */
void net_ask(
    struct net *n, const struct net_about *about, struct line_writer *w);
void net_send(struct net *n, struct line_writer *w);

enum net_state net_get_state(const struct net *n);
enum net_way net_get_way(const struct net *n);
/* Of a secure session, once ops->meet was content; else NULL: the server's key
 * (32 bytes) and the handshake's hash (64), for signatures. */
const uint8_t *net_server_key(const struct net *n);
const uint8_t *net_hash(const struct net *n);
/* Why it is down; "" if it is not. */
const char *net_cause(const struct net *n);
/* Milliseconds until it comes back (NET_WAITING). */
uint64_t net_wait_left(const struct net *n, uint64_t now_ms);
/* How long the oldest command has been waiting for its answer; 0: none is. */
uint64_t net_lag(const struct net *n, uint64_t now_ms);
/* The last round trip; 0: not known yet. */
uint64_t net_rtt(const struct net *n);

#endif
