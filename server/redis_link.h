/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_REDIS_LINK_H
#define SNUG_SERVER_REDIS_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct event_base;
struct redisReply;
struct redis_url;
struct redis_script;
struct resp_cmd;

/*
 * One connection to Redis that keeps itself up: it resolves, connects, shakes
 * hands, watches over the silence, and begins again after any failure, for
 * ever, until it is freed.
 *
 * Two kinds.  A link for commands answers each of them, in order.  A link for
 * a subscription (`channel` is set) is subscribed to that channel before it is
 * up and from then on only pushes; commands sent on it have no answer.
 *
 * Nothing is called from within a call of this header but redis_link_free().
 * NULL in place of a link is one that is down.
 */
struct redis_link;

enum redis_link_err {
	LINK_EDOWN = 1, /* not up: nothing was queued */
	LINK_EBUSY,     /* too much is queued or unanswered already */
};

/* What a connection holds at most, queued and unanswered together. */
enum { LINK_BYTES_MAX = 8 << 20, LINK_COMMANDS_MAX = 20000 };

struct redis_link_config {
	struct event_base *base;
	const struct redis_url *url; /* kept for its life */
	const char *name;            /* kept; in the log */
	const char *client_name;     /* kept; what Redis calls us */
	const char *channel;         /* kept; NULL: a link for commands */
	const char *layout_key;      /* kept; NULL: not checked */
	unsigned layout;             /* newer than this is refused */
	const struct redis_script *scripts; /* kept; loaded in the handshake */
	size_t nscripts;
	uint64_t connect_timeout_ms; /* connect and handshake together */
	uint64_t probe_ms, dead_ms, backoff_max_ms;

	void (*on_state)(void *arg, bool up);
	/* The handshake met a newer layout; it is tried again and again, unless
	 * the link is freed, but not from within.  May be NULL. */
	void (*on_outdated)(void *arg);
	void (*on_push)(void *arg, const struct redisReply *r);
	void (*on_read)(void *arg); /* may be NULL; something is about to be
				       read */
	void *arg;
};

/*
 * The answer to a command, borrowed; NULL if the connection was lost before it
 * came, and then: was anything of the command written?
 */
typedef void (*redis_reply_fn)(
    void *arg, const struct redisReply *r, bool written);

/* Gives a link that begins to connect from the loop; redis_link_free() it. */
struct redis_link *redis_link_new(const struct redis_link_config *c) MUST_CHECK;
/* Every answer still owed comes from within, as NULL. */
void redis_link_free(struct redis_link *l);

bool redis_link_is_up(const struct redis_link *l);

/*
 * Queues a command; all those of one loop turn go out together.
 *
 *   fn     may be NULL; on a subscription never called
 *   token  given, may be NULL: for redis_link_is_written()
 *
 * Returns 0, -LINK_EDOWN or -LINK_EBUSY.
 */
int redis_link_send(struct redis_link *l, const struct resp_cmd *c,
    redis_reply_fn fn, void *arg, uint64_t *token) MUST_CHECK;

/* The same for a script (an index into the config's): c holds the keys and then
 * the arguments.  If Redis has lost the script it is loaded and the commands
 * that missed it are sent again, in order. */
int redis_link_eval(struct redis_link *l, unsigned script, unsigned nkeys,
    const struct resp_cmd *c, redis_reply_fn fn, void *arg,
    uint64_t *token) MUST_CHECK;

/* Has anything of that command left for Redis? */
bool redis_link_is_written(const struct redis_link *l, uint64_t token);

/* Has it read in this turn of the loop, whatever may be there: as a rule
 * something is, where another link to the same Redis has just heard. */
void redis_link_look(struct redis_link *l);

/* Which run of which server it is up with; "" where that does not say. Borrowed
 * until the link is lost. */
const char *redis_link_run_id(const struct redis_link *l);

/* Gives the connection up, from the loop, and begins again. */
void redis_link_drop(struct redis_link *l, const char *why);

/* Writes what is queued and waits until Redis has taken it and closed, for
 * wait_ms at most; the link is only good for redis_link_free() afterwards. */
void redis_link_finish(struct redis_link *l, unsigned wait_ms);

#endif
