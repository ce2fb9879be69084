/* SPDX-License-Identifier: ISC */
/*
 * The janitor: what a dead node left in Redis is cleared away.
 *
 * Each heartbeat names nodes whose lease and grace are over.  Whoever gets the
 * lock of one is its janitor, and goes through the node's own index of rooms,
 * nicks and, written as @ID, accounts that were there:
 *
 *	lock -> batch -> work -> batch without what is done -> ... -> none left
 *
 * A batch is taken out of the index only when all of it has been done; so a
 * janitor may die, or give up, at any point: its lock ends and another one goes
 * on.  The node's lease, which is what brings janitors, goes last.
 *
 * Everything is addressed by the dead node's id, which no node ever takes
 * again, and a nick goes only if that id still holds it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "server/relay_account.h"
#include "server/relay_redis_int.h"

enum {
	ROOMS_AT_ONCE = 200,
	NICKS_AT_ONCE = 500,
	PAUSE_MS = 20,
};

struct rr_janitor {
	struct rr *r;
	bool busy;
	bool failed;      /* some of the batch was not done */
	size_t due;       /* answers of the batch */
	char **batch;     /* rooms, then nicks, as the index has them; owned */
	size_t n, nrooms; /* of the batch; how many of it are rooms */
	size_t rooms, nicks; /* in all, for the log */
	struct event *pause;
	char token[17];
	char id[CODEC_NODE_MAX + 1];
};

static void
forget_batch(struct rr_janitor *j)
{
	for (size_t i = 0; i < j->n; i++)
		free(j->batch[i]);
	free(j->batch);
	j->batch = NULL;
	j->n = j->nrooms = 0;
}

/* Its lock ends by itself, and somebody goes on. */
static void
give_up(struct rr_janitor *j, const char *why)
{
	log_debug("relay", 0, "clearing away node=%s is left: %s", j->id, why);
	forget_batch(j);
	j->busy = false;
}

/* --- one room, one nick --------------------------------------------------- */

static void
on_done_one(void *arg, const redisReply *reply, bool written)
{
	struct rr_janitor *j = arg;

	(void)written;
	if (!reply || reply->type == REDIS_REPLY_ERROR)
		j->failed = true;
	if (--j->due > 0)
		return;
	if (j->failed)
		give_up(j, "Redis did not do it all");
	else
		rr_event_in(j->pause, PAUSE_MS);
}

static bool
send_one(struct rr_janitor *j, enum redis_script_id script, unsigned nkeys)
{
	struct rr *r = j->r;

	if (redis_link_eval(
		r->cmd, script, nkeys, &r->scratch, on_done_one, j, NULL) < 0)
		return false;
	j->due++;
	return true;
}

/* What is no name of ours is only taken out of the index. */
static bool
reap_room(struct rr_janitor *j, const char *key)
{
	struct rr *r = j->r;
	char fold[NAME_BYTES_MAX + 1], tag[RR_TAG_MAX];

	if (!codec_unkey(fold, sizeof fold, span_of(key)))
		return true;
	rr_room_tag(tag, fold);
	struct resp_cmd *c = rr_cmd(r);
	resp_fmt(c, "%s%s:n", r->prefix, tag);
	resp_fmt(c, "%s%s:m:%s", r->prefix, tag, j->id);
	resp_fmt(c, "%s%s:cfg", r->prefix, tag);
	resp_str(c, j->id);
	resp_i64(c, rr_log_ttl(r, NULL));
	return send_one(j, SCRIPT_REAP_ROOM, 3);
}

static bool
reap_account(struct rr_janitor *j, const char *id)
{
	struct rr *r = j->r;
	struct resp_cmd *c;

	if (!account_is_id(span_of(id)))
		return true;
	c = rr_cmd(r);
	resp_str(c, "HDEL");
	resp_fmt(c, "%s{a:%s}:on", r->prefix, id);
	resp_str(c, j->id);
	if (redis_link_send(r->cmd, c, on_done_one, j, NULL) < 0)
		return false;
	j->due++;
	return true;
}

static bool
reap_nick(struct rr_janitor *j, const char *key)
{
	struct rr *r = j->r;
	char skeleton[NAME_BYTES_MAX + 1], again[CODEC_KEY_MAX + 1];

	if (key[0] == '@')
		return reap_account(j, key + 1);
	if (!codec_unkey(skeleton, sizeof skeleton, span_of(key)))
		return true;
	struct resp_cmd *c = rr_cmd(r);
	resp_fmt(c, "%s{k:%s}", r->prefix,
	    codec_key(again, sizeof again, span_of(skeleton)));
	resp_str(c, j->id);
	/* Of the time its people have, the grace is over. */
	resp_i64(c, r->c.resume_ms > r->c.grace_ms
			? r->c.resume_ms - r->c.grace_ms
			: 0);
	return send_one(j, SCRIPT_REAP_NICK, 1);
}

/* --- batches -------------------------------------------------------------- */

static void
take_names(struct rr_janitor *j, const redisReply *names)
{
	for (size_t i = 0; i < names->elements; i++)
		if (rr_span(names->element[i]).p)
			j->batch[j->n++] = xstrndup(
			    names->element[i]->str, names->element[i]->len);
}

/* The last one counts as an answer too, so that a batch of which nothing had
 * to be sent ends in the same way. */
static void
work(struct rr_janitor *j)
{
	bool sent = true;

	j->failed = false;
	j->due = 1;
	for (size_t i = 0; i < j->n && sent; i++)
		sent = (i < j->nrooms ? reap_room : reap_nick)(j, j->batch[i]);
	if (!sent)
		j->failed = true;
	if (--j->due > 0)
		return;
	if (j->failed)
		give_up(j, "it cannot be sent");
	else
		rr_event_in(j->pause, PAUSE_MS);
}

static void
finish(struct rr_janitor *j)
{
	struct rr *r = j->r;
	struct resp_cmd *c = rr_cmd(r);

	resp_fmt(c, "%s{nodes}", r->prefix);
	resp_str(c, j->id);
	(void)rr_tell_script(r, SCRIPT_REAPED, 1); /* else it comes up again */
	log_info("relay", 0, "cleared away node=%s rooms=%zu nicks=%zu", j->id,
	    j->rooms, j->nicks);
	j->busy = false;
}

static void
on_batch(void *arg, const redisReply *reply, bool written)
{
	struct rr_janitor *j = arg;

	(void)written;
	forget_batch(j);
	if (!reply || reply->type != REDIS_REPLY_ARRAY ||
	    reply->elements != 2 ||
	    reply->element[0]->type != REDIS_REPLY_ARRAY ||
	    reply->element[1]->type != REDIS_REPLY_ARRAY) {
		give_up(j, "the lock is lost, or the index is none");
		return;
	}
	size_t n = reply->element[0]->elements + reply->element[1]->elements;
	if (n == 0) {
		finish(j);
		return;
	}
	j->batch = xcalloc(n, sizeof *j->batch);
	take_names(j, reply->element[0]);
	j->nrooms = j->n;
	take_names(j, reply->element[1]);
	j->rooms += j->nrooms;
	j->nicks += j->n - j->nrooms;
	work(j);
}

/* Says which of the last batch were done, and asks for the next. */
static void
next_batch(struct rr_janitor *j)
{
	struct rr *r = j->r;

	if (!r->up || rr_node_is_live(r, span_of(j->id))) {
		give_up(j, r->up ? "it lives" : "the relay is away");
		return;
	}
	struct resp_cmd *c = rr_cmd(r);
	resp_fmt(c, "%s{n:%s}:reap", r->prefix, j->id);
	resp_fmt(c, "%s{n:%s}:rooms", r->prefix, j->id);
	resp_fmt(c, "%s{n:%s}:nicks", r->prefix, j->id);
	resp_str(c, j->token);
	resp_i64(c, r->c.reap_ms);
	resp_i64(c, ROOMS_AT_ONCE);
	resp_i64(c, NICKS_AT_ONCE);
	resp_i64(c, (int64_t)j->nrooms);
	for (size_t i = 0; i < j->n; i++)
		resp_str(c, j->batch[i]);
	if (redis_link_eval(r->cmd, SCRIPT_REAP, 3, c, on_batch, j, NULL) < 0)
		give_up(j, "it cannot be sent");
}

static void
on_pause(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	next_batch(arg);
}

/* --- the lock ------------------------------------------------------------- */

static void
on_locked(void *arg, const redisReply *reply, bool written)
{
	struct rr_janitor *j = arg;

	(void)written;
	if (reply && reply->type == REDIS_REPLY_STATUS)
		next_batch(j);
	else
		give_up(j, "another node does it");
}

static void
lock(struct rr_janitor *j)
{
	struct rr *r = j->r;
	struct resp_cmd *c = rr_cmd(r);

	snprintf(j->token, sizeof j->token, "%016llx",
	    (unsigned long long)rr_random());
	resp_str(c, "SET");
	resp_fmt(c, "%s{n:%s}:reap", r->prefix, j->id);
	resp_str(c, j->token);
	resp_str(c, "NX");
	resp_str(c, "PX");
	resp_i64(c, r->c.reap_ms);
	j->rooms = j->nicks = 0;
	j->busy = redis_link_send(r->cmd, c, on_locked, j, NULL) == 0;
}

/* Any of them: the others' janitors are other nodes, if there are several. */
void
rr_reap_offer(struct rr *r, const redisReply *dead)
{
	struct rr_janitor *j = r->janitor;

	if (j->busy || dead->elements == 0)
		return;
	struct span id = rr_span(dead->element[rr_random() % dead->elements]);
	if (!id.p || id.len == 0 || id.len > CODEC_NODE_MAX ||
	    !text_is_visible_ascii(id) || rr_node_is_live(r, id))
		return;
	span_copy(j->id, sizeof j->id, id);
	lock(j);
}

void
rr_reap_init(struct rr *r)
{
	r->janitor = xcalloc(1, sizeof *r->janitor);
	r->janitor->r = r;
	r->janitor->pause = rr_event(r, on_pause, r->janitor);
}

/* The link is gone, and has called back. */
void
rr_reap_fini(struct rr *r)
{
	forget_batch(r->janitor);
	event_free(r->janitor->pause);
	free(r->janitor);
	r->janitor = NULL;
}
