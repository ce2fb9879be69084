/* SPDX-License-Identifier: ISC */
/*
 * Operators' orders over Redis: a channel that every node listens to, and a
 * hash of closed out ranges.
 *
 * On the channel come `kill ...` and `announce ...`, and `denies`: the hash was
 * changed.  It is read whole, each time that is said and each time the
 * subscription stands anew; a reading that fails is tried again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "server/deny.h"
#include "server/relay_oper.h"
#include "server/relay_redis_int.h"

enum { AGAIN_MS = 500 };

struct rr_oper {
	struct rr *r;
	struct rr_chan *chan;
	struct event *timer;
	struct denies denies;
	bool stale;   /* what is known may be old */
	bool reading; /* the hash was asked for */
};

/* --- reading the ranges --------------------------------------------------- */

static void
take_denies(struct rr_oper *o, const redisReply *all)
{
	struct denies next = {0};
	struct deny d;

	for (size_t i = 0; i + 1 < all->elements; i += 2)
		if (!rr_span(all->element[i]).p ||
		    !deny_get(&d, rr_span(all->element[i]),
			rr_span(all->element[i + 1])) ||
		    !denies_set(&next, &d, 0))
			rr_odd(o->r, "a closed out range",
			    rr_span(all->element[i]));
	denies_free(&o->denies);
	o->denies = next;
	relay_tell_denies(&o->r->relay, &o->denies);
}

static void
on_denies(void *arg, const redisReply *reply, bool written)
{
	struct rr_oper *o = arg;

	(void)written;
	o->reading = false;
	if (o->r->ending)
		return;
	if (reply && reply->type == REDIS_REPLY_ARRAY) {
		take_denies(o, reply);
		if (!o->stale)
			return;
	} else {
		o->stale = true;
	}
	rr_event_in(o->timer, reply ? 0 : AGAIN_MS);
}

static void
on_timer(int fd, short what, void *arg)
{
	struct rr_oper *o = arg;
	struct resp_cmd *c = rr_cmd(o->r);

	(void)fd;
	(void)what;
	if (o->reading || !o->stale)
		return;
	resp_str(c, "HGETALL");
	resp_fmt(c, "%s{ops}:denies", o->r->prefix);
	if (redis_link_send(o->r->cmd, c, on_denies, o, NULL) != 0) {
		rr_event_in(o->timer, AGAIN_MS);
		return;
	}
	o->reading = true;
	o->stale = false;
}

static void
refresh(struct rr_oper *o)
{
	o->stale = true;
	rr_event_in(o->timer, 0);
}

/* --- the channel ---------------------------------------------------------- */

static void
on_acked(void *owner)
{
	refresh(owner);
}

static void
on_message(void *owner, struct span said)
{
	struct rr_oper *o = owner;
	struct relay_order order;

	if (span_is(said, "denies"))
		refresh(o);
	else if (order_get(&order, said))
		relay_tell_order(&o->r->relay, &order);
	else
		rr_odd(o->r, "an operator's order", said);
}

static const struct rr_chan_ops chan_ops = {
    .on_acked = on_acked,
    .on_message = on_message,
};

void
rr_oper_init(struct rr *r)
{
	char name[sizeof r->prefix + 16];
	struct rr_oper *o = xcalloc(1, sizeof *o);

	o->r = r;
	o->timer = rr_event(r, on_timer, o);
	r->oper = o;
	snprintf(name, sizeof name, "%s{ops}:c", r->prefix);
	o->chan = rr_chan_open(r, name, &chan_ops, o);
}

/* Behind the links, whose answers come here. */
void
rr_oper_fini(struct rr *r)
{
	event_free(r->oper->timer);
	denies_free(&r->oper->denies);
	free(r->oper);
}

/* --- asking --------------------------------------------------------------- */

struct oper_op {
	struct rr_op op;
	relay_done_fn done;
	void *arg;
};

static void
fail_oper(struct rr_op *op, enum relay_status st)
{
	struct oper_op *o = (struct oper_op *)op;

	o->done(o->arg, st);
}

/* NULL: the relay is away, and that is answered. */
static struct oper_op *
begin(struct rr *r, relay_done_fn done, void *arg)
{
	struct oper_op *o = rr_op_new(r, sizeof *o, fail_oper, true);

	o->done = done;
	o->arg = arg;
	if (r->up)
		return o;
	rr_op_fail_later(&o->op, RELAY_DOWN);
	return NULL;
}

/* What the script says: 1 done, 0 not there, -1 too many. */
static enum relay_status
status_of(const redisReply *reply)
{
	if (reply->type != REDIS_REPLY_INTEGER)
		return RELAY_FAILED;
	if (reply->integer == 0)
		return RELAY_NONE;
	return reply->integer > 0 ? RELAY_OK : RELAY_LIMIT;
}

static void
on_done(void *arg, const redisReply *reply, bool written)
{
	struct oper_op *o = arg;

	if (!rr_op_reply(&o->op, reply, written))
		return;
	rr_op_answered(&o->op);
	o->done(o->arg, status_of(reply));
	rr_op_free(&o->op);
}

static void
redis_order(struct relay *relay, const struct relay_order *order,
    relay_done_fn done, void *arg)
{
	struct rr *r = rr_of(relay);
	struct oper_op *o = begin(r, done, arg);
	struct buf said = {0};
	struct resp_cmd *c;

	if (!o)
		return;
	if (order->kind == ORDER_KILL)
		rr_nick_revoke(r, order->fold, order->sender);
	c = rr_cmd(r);
	order_put(&said, order);
	resp_fmt(c, "%s{ops}:c", r->prefix);
	resp_span(c, (struct span){buf_head(&said), buf_len(&said)});
	buf_free(&said);
	rr_op_eval(&o->op, SCRIPT_ORDER, 0, on_done);
}

/* said empty: takes the range out. */
static void
set_range(struct rr *r, const struct cidr *range, struct span said,
    relay_done_fn done, void *arg)
{
	struct oper_op *o = begin(r, done, arg);
	struct resp_cmd *c;
	char text[CIDR_TEXT_MAX + 1];

	if (!o)
		return;
	c = rr_cmd(r);
	resp_fmt(c, "%s{ops}:denies", r->prefix);
	resp_str(c, cidr_format(range, text));
	resp_span(c, said);
	resp_i64(c, DENY_MAX);
	resp_fmt(c, "%s{ops}:c", r->prefix);
	rr_op_eval(&o->op, SCRIPT_DENY, 1, on_done);
}

static void
redis_deny(
    struct relay *relay, const struct deny *d, relay_done_fn done, void *arg)
{
	struct buf said = {0};

	deny_put(&said, d);
	set_range(rr_of(relay), &d->range,
	    (struct span){buf_head(&said), buf_len(&said)}, done, arg);
	buf_free(&said);
}

static void
redis_allow(struct relay *relay, const struct cidr *range, relay_done_fn done,
    void *arg)
{
	set_range(rr_of(relay), range, SPAN(""), done, arg);
}

const struct relay_oper_ops rr_oper_ops = {
    .order = redis_order,
    .deny = redis_deny,
    .allow = redis_allow,
};
