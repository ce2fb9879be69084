/* SPDX-License-Identifier: ISC */
/*
 * Subscriptions: which channels are wanted, and which stand.
 *
 * Every SUBSCRIBE and UNSUBSCRIBE is answered by one push with the channel's
 * name.  A channel that is closed and opened again while such an answer is
 * still to come stays the same one, so that an old answer is not taken for a
 * new one: it stands when none is due.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/relay_redis_int.h"

enum { BATCH = 500 }; /* names in one SUBSCRIBE */

/* Every client has one, for what is said to it alone. */
struct rr_chan {
	const struct rr_chan_ops *ops;
	void *owner; /* NULL: only waits for its answers */
	unsigned due;
	bool acked;
	char name[];
};

static struct span
chan_key(const void *chan)
{
	return span_of(((const struct rr_chan *)chan)->name);
}

void
rr_chans_init(struct rr *r)
{
	r->chans = INDEX_BY(chan_key);
}

static void
chan_free(struct rr *r, struct rr_chan *c)
{
	index_drop(&r->chans, c);
	free(c);
}

static struct rr_chan *
find(struct rr *r, struct span name)
{
	return index_find(&r->chans, name);
}

static struct rr_chan *
chan_new(struct rr *r, const char *name)
{
	size_t len = strlen(name);
	struct rr_chan *c = xcalloc(1, sizeof *c + len + 1);

	memcpy(c->name, name, len);
	index_add(&r->chans, c);
	return c;
}

/* True if an answer will come. */
static bool
ask(struct rr *r, struct rr_chan *c, const char *verb)
{
	struct resp_cmd *cmd = rr_cmd(r);

	resp_str(cmd, verb);
	resp_str(cmd, c->name);
	int err = redis_link_send(r->sub, cmd, NULL, NULL, NULL);
	if (err == -LINK_EBUSY)
		redis_link_drop(r->sub, "it takes no commands");
	if (err < 0)
		return false;
	c->due++;
	r->chans_due++;
	return true;
}

struct rr_chan *
rr_chan_open(
    struct rr *r, const char *name, const struct rr_chan_ops *ops, void *owner)
{
	struct rr_chan *c = find(r, span_of(name));

	if (!c)
		c = chan_new(r, name);
	c->ops = ops;
	c->owner = owner;
	c->acked = false;
	ask(r, c, "SUBSCRIBE");
	return c;
}

void
rr_chan_close(struct rr *r, struct rr_chan *c)
{
	c->owner = NULL;
	c->acked = false;
	if (!ask(r, c, "UNSUBSCRIBE"))
		chan_free(r, c);
}

bool
rr_chan_is_acked(const struct rr_chan *c)
{
	return c->acked;
}

void
rr_chans_lost(struct rr *r)
{
	struct index all = r->chans;
	uint32_t at = 0;
	struct rr_chan *c;

	r->chans_due = 0;
	rr_chans_init(r);
	while ((c = index_next(&all, &at)) != NULL) {
		c->due = 0;
		c->acked = false;
		if (c->owner)
			index_add(&r->chans, c);
		else
			free(c);
	}
	index_fini(&all);
}

static void
flush(struct rr *r, struct resp_cmd *cmd)
{
	if (cmd->n > 1 && redis_link_send(r->sub, cmd, NULL, NULL, NULL) < 0)
		redis_link_drop(r->sub, "it takes no commands");
	resp_clear(cmd);
	resp_str(cmd, "SUBSCRIBE");
}

void
rr_chans_resubscribe(struct rr *r)
{
	struct rr_chan *c;
	uint32_t at = 0;
	struct resp_cmd *cmd = rr_cmd(r);

	flush(r, cmd);
	while ((c = index_next(&r->chans, &at)) != NULL) {
		resp_str(cmd, c->name);
		c->due++;
		r->chans_due++;
		if (cmd->n > BATCH)
			flush(r, cmd);
	}
	flush(r, cmd);
}

static void
acked(struct rr *r, struct span name)
{
	struct rr_chan *c = find(r, name);

	if (!c || c->due == 0)
		return;
	r->chans_due--;
	if (--c->due > 0)
		return;
	if (!c->owner) {
		chan_free(r, c);
	} else {
		c->acked = true;
		if (c->ops->on_acked)
			c->ops->on_acked(c->owner);
	}
	if (r->chans_due == 0)
		rr_recover_poke(r);
}

void
rr_chans_push(struct rr *r, const redisReply *push)
{
	struct span kind = rr_span(push->element[0]);
	struct span name =
	    push->elements > 1 ? rr_span(push->element[1]) : SPAN_NONE;
	struct rr_chan *c;

	if (span_is(kind, "subscribe") || span_is(kind, "unsubscribe")) {
		if (name.p)
			acked(r, name);
		return;
	}
	if (!span_is(kind, "message") || push->elements != 3 || !name.p ||
	    !rr_span(push->element[2]).p)
		return;
	if (span_is(name, r->inbox))
		rr_inbox_heard(r, rr_span(push->element[2]));
	else if ((c = find(r, name)) != NULL && c->acked && c->owner)
		c->ops->on_message(c->owner, rr_span(push->element[2]));
}

void
rr_chans_fini(struct rr *r)
{
	struct rr_chan *c;
	uint32_t at = 0;

	while ((c = index_next(&r->chans, &at)) != NULL)
		free(c);
	index_fini(&r->chans);
}
