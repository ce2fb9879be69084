/* SPDX-License-Identifier: ISC */
/*
 * Nodes: which of them live, and that this one does.
 *
 * A heartbeat on a link of its own renews this node's lease, so that a full
 * queue of commands cannot kill it, and brings back who else has one, Redis'
 * clock and the epoch, which tells an empty Redis from the one we knew.  It
 * also publishes a beacon to this node's own channel: a subscription that does
 * not bring it is deaf, whatever PING says.
 *
 * A node that is missing from two lists running is dead; one that is missing
 * from the last is not counted.  A dead one's people are kept for a grace, for
 * most come back by another node; then they leave (relay_redis_depart.c), and
 * one of the others clears Redis of it (relay_redis_reap.c).
 *
 * This node judges itself more sharply: when most of the lease has passed
 * without a heartbeat's answer it holds itself dead, and takes a new id.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "server/relay_redis_int.h"

enum {
	MISSED_MAX = 2,        /* lists, before a node is gone */
	CLOCK_LIFE_MS = 10000, /* of a reading, if no better one comes */
	NODES_MAX = 4096,
	LOOSE_MAX = 3,
};

struct rr_node *
rr_node_find(struct rr *r, struct span id)
{
	struct rr_node *n;

	HASH_FIND(hh, r->nodes, id.p, id.len, n);
	return n;
}

static void
set_dead(struct rr *r, struct rr_node *n, uint64_t since_ms)
{
	r->ndead -= n->dead_ms != 0;
	n->dead_ms = since_ms;
	r->ndead += n->dead_ms != 0;
}

void
rr_node_forget(struct rr *r, struct rr_node *n)
{
	set_dead(r, n, 0);
	HASH_DEL(r->nodes, n);
	free(n);
}

bool
rr_node_is_live(struct rr *r, struct span id)
{
	const struct rr_node *n;

	if (span_is(id, r->node_id))
		return true;
	n = rr_node_find(r, id);
	return n && n->missed == 0;
}

bool
rr_node_is_kept(struct rr *r, struct span id)
{
	const struct rr_node *n;

	if (span_is(id, r->node_id))
		return true;
	n = rr_node_find(r, id);
	return n && !n->leaving;
}

void
rr_node_heard(struct rr *r, struct span id)
{
	struct rr_node *n = rr_node_find(r, id);

	if (!n) {
		if (id.len > CODEC_NODE_MAX ||
		    HASH_COUNT(r->nodes) >= NODES_MAX)
			return;
		n = xcalloc(1, sizeof *n);
		span_copy(n->id, sizeof n->id, id);
		HASH_ADD_STR(r->nodes, id, n);
	}
	n->missed = 0;
	n->leaving = false;
	set_dead(r, n, 0);
}

bool
rr_node_name(char dst[static RELAY_NODE_MAX + 1], struct span id)
{
	const char *dot = memrchr(id.p, '.', id.len);
	struct span name = {id.p, dot ? (size_t)(dot - id.p) : id.len};

	return codec_unkey(dst, RELAY_NODE_MAX + 1, name);
}

/* {hash, live}: an unchanged hash comes with an empty list. */
static void
take_list(struct rr *r, const redisReply *hash, const redisReply *live)
{
	struct rr_node *n, *next;

	if (hash->type != REDIS_REPLY_STRING ||
	    hash->len >= sizeof r->live_hash ||
	    live->type != REDIS_REPLY_ARRAY) {
		rr_odd(r, "a list of nodes", SPAN_NONE);
		return;
	}
	if (strcmp(hash->str, r->live_hash) == 0)
		return;
	memcpy(r->live_hash, hash->str, hash->len + 1);
	HASH_ITER (hh, r->nodes, n, next) {
		if (n->missed == 0)
			n->missed = 1;
		n->listed = false;
	}
	for (size_t i = 0; i < live->elements; i++) {
		if (!rr_span(live->element[i]).p)
			continue;
		rr_node_heard(r, rr_span(live->element[i]));
		if ((n = rr_node_find(r, rr_span(live->element[i]))) != NULL)
			n->listed = true;
	}
}

/* Missing for long enough, it is dead; its people are kept for a grace. */
static void
judge_missing(struct rr *r)
{
	uint64_t now_ms = clock_now_ms();
	bool idle = rr_depart_is_idle(r), due = false;
	struct rr_node *n, *next;

	HASH_ITER (hh, r->nodes, n, next) {
		if (n->listed || n->missed++ < MISSED_MAX)
			continue;
		if (!n->dead_ms) {
			log_info("relay", 0, "node=%s is dead", n->id);
			set_dead(r, n, now_ms);
		}
		if (idle && now_ms - n->dead_ms >= (uint64_t)r->c.grace_ms)
			n->leaving = due = true;
	}
	if (due)
		rr_depart_start(r);
}

static void
on_nodes(void *arg, const redisReply *reply, bool written)
{
	(void)written;
	if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2)
		take_list(arg, reply->element[0], reply->element[1]);
}

void
rr_nodes_refresh(struct rr *r)
{
	struct resp_cmd *c = rr_cmd(r);

	resp_fmt(c, "%s{nodes}", r->prefix);
	resp_str(c, r->live_hash);
	if (redis_link_eval(r->cmd, SCRIPT_NODES, 1, c, on_nodes, r, NULL) < 0)
		log_debug("relay", 0, "the list of nodes is not read");
}

/* --- the clock ------------------------------------------------------------ */

/*
 * Redis read its clock between our sending and our hearing.  So its time is at
 * least ours and (its - heard): with that bound a deadline is never late, and
 * early by a round trip at most.  The tightest bound holds for a while; one
 * that contradicts it shows that a clock was set.
 */
static void
take_clock(struct rr *r, int64_t redis_ms, uint64_t heard_ms)
{
	int64_t low = redis_ms - (int64_t)heard_ms - 1; /* both are cut */
	int64_t high = redis_ms - (int64_t)r->beat_sent_ms;

	/* With too low a bound every deadline would have passed at once.  If it
	 * stays that slow, Redis is far away. */
	if (high - low > r->c.say_timeout_ms / 2 && ++r->loose < LOOSE_MAX) {
		rr_event_in(r->beat_timer, 0);
		return;
	}
	r->loose = 0;
	if (r->has_clock && low < r->clock_ms && high >= r->clock_ms &&
	    heard_ms - r->clock_read_ms < CLOCK_LIFE_MS)
		return;
	r->has_clock = true;
	r->clock_ms = low;
	r->clock_read_ms = heard_ms;
}

int64_t
rr_redis_deadline(struct rr *r, uint64_t ms)
{
	return (int64_t)(clock_now_ms() + ms) + r->clock_ms;
}

/* --- the heartbeat -------------------------------------------------------- */

static void
take_epoch(struct rr *r, const redisReply *epoch)
{
	struct span s = rr_span(epoch);
	bool known = r->epoch[0] != '\0';

	if (!s.p || s.len >= sizeof r->epoch || s.len == 0) {
		rr_odd(r, "an epoch", s);
		return;
	}
	if (span_is(s, r->epoch))
		return;
	span_copy(r->epoch, sizeof r->epoch, s);
	if (!known)
		return;
	log_warn("relay", 0,
	    "Redis has lost what it knew; telling it again who is here");
	rr_rooms_forget_logs(r);
	rr_event_in(r->forgotten, rr_random() % (uint64_t)r->c.jitter_ms);
}

/* All nodes find out within one heartbeat: they are not to come at once. */
static void
on_forgotten(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	rr_recover(arg);
}

static bool
lease_has_run(const struct rr *r, uint64_t now_ms)
{
	return now_ms - r->beat_heard_ms >= (uint64_t)r->c.lease_ms * 4 / 5;
}

/* The lease counts from when it was asked for.  An answer that took so long
 * proves nothing. */
static void
take_lease(struct rr *r, uint64_t now_ms)
{
	if (now_ms - r->beat_sent_ms >= (uint64_t)r->c.lease_ms * 4 / 5)
		return;
	r->beat_heard_ms = r->beat_sent_ms;
	r->registered = true;
}

/* A newer program has begun to keep its data here: what this one would write
 * from here on, that one might not have allowed. */
static bool
is_outdated(struct rr *r, const redisReply *layout)
{
	const char *wrong = handshake_judge_layout(rr_span(layout), RR_LAYOUT);

	if (wrong)
		rr_drop_all(r, wrong);
	return wrong != NULL;
}

static void
on_beat(void *arg, const redisReply *reply, bool written)
{
	struct rr *r = arg;
	uint64_t now_ms = clock_now_ms();

	(void)written;
	r->beating = false;
	bool stale = r->beat_stale;
	r->beat_stale = false;
	if (!reply || stale)
		return;
	if (reply->type == REDIS_REPLY_ERROR) {
		(void)rr_error_status(r, reply);
		return;
	}
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 6 ||
	    reply->element[2]->type != REDIS_REPLY_INTEGER ||
	    reply->element[4]->type != REDIS_REPLY_ARRAY) {
		rr_odd(r, "a heartbeat's answer", rr_span(reply));
		return;
	}
	if (is_outdated(r, reply->element[5]))
		return;
	take_clock(r, reply->element[2]->integer, now_ms);
	take_lease(r, now_ms);
	take_list(r, reply->element[0], reply->element[1]);
	judge_missing(r);
	take_epoch(r, reply->element[3]);
	if (r->up)
		rr_reap_offer(r, reply->element[4]);
	rr_recover_poke(r);
}

/* Its lease may still run for others; it is over. */
static void
end_old_lease(struct rr *r)
{
	struct resp_cmd *c = rr_cmd(r);

	resp_str(c, "ZADD");
	resp_fmt(c, "%s{nodes}", r->prefix);
	resp_str(c, "XX");
	resp_str(c, "LT");
	resp_i64(c, rr_redis_deadline(r, 0));
	resp_str(c, r->old_id);
	if (redis_link_send(r->beat, c, NULL, NULL, NULL) == 0)
		r->old_id[0] = '\0';
}

static void
beat(struct rr *r)
{
	struct resp_cmd *c;

	if (r->old_id[0])
		end_old_lease(r);
	c = rr_cmd(r);

	resp_fmt(c, "%s{nodes}", r->prefix);
	resp_fmt(c, "%s{nodes}:epoch", r->prefix);
	resp_str(c, r->layout_key);
	resp_str(c, r->live_hash);
	resp_str(c, r->node_id);
	resp_i64(c, r->c.lease_ms);
	resp_fmt(c, "%016llx", (unsigned long long)rr_random());
	resp_i64(c, RR_LAYOUT);
	resp_str(c, r->inbox);
	resp_fmt(c, "beacon %llu", (unsigned long long)++r->beacon);
	resp_i64(c, r->c.grace_ms);
	r->beat_sent_ms = clock_now_ms();
	r->beating = redis_link_eval(r->beat, SCRIPT_HEARTBEAT, 3, c, on_beat,
			 r, NULL) == 0;
}

/*
 * Nobody has confirmed the lease: others may hold this node dead by now, or
 * soon, and clear away what is its.  It does so first, and comes back as
 * another one; everything is registered anew under that.
 */
static void
fence(struct rr *r)
{
	r->registered = false;
	r->beat_stale = r->beating;
	rr_down(r, "the lease runs out");
	memcpy(r->old_id, r->node_id, sizeof r->old_id);
	struct rr_node *self = rr_node_find(r, span_of(r->old_id));
	if (self)
		rr_node_forget(r, self);
	rr_set_incarnation(r);
	rr_rooms_renumber(r, r->old_id);
	log_warn("relay", 0, "node=%s goes on as %s", r->old_id, r->node_id);
	redis_link_drop(r->sub, "its channel has another name now");
}

/* Does the subscription bring what this node publishes to itself? */
static void
watch_beacon(struct rr *r, uint64_t now_ms)
{
	if (redis_link_is_up(r->sub) && redis_link_is_up(r->beat) &&
	    r->registered && r->beat_heard_ms > r->beacon_heard_ms &&
	    now_ms - r->beacon_heard_ms >= (uint64_t)r->c.dead_ms)
		redis_link_drop(r->sub, "it delivers nothing");
}

static void
on_beat_timer(int fd, short what, void *arg)
{
	struct rr *r = arg;
	uint64_t now_ms = clock_now_ms();

	(void)fd;
	(void)what;
	rr_event_in(r->beat_timer, (uint64_t)r->c.heartbeat_ms);
	if (r->registered && lease_has_run(r, now_ms))
		fence(r);
	watch_beacon(r, now_ms);
	if (redis_link_is_up(r->beat) && !r->beating)
		beat(r);
}

void
rr_beat_start(struct rr *r)
{
	r->beating = false;
	rr_event_in(r->beat_timer, (uint64_t)r->c.heartbeat_ms);
	beat(r);
}

void
rr_inbox_heard(struct rr *r, struct span said)
{
	struct span verb = text_word(&said);

	if (span_is(verb, "beacon"))
		r->beacon_heard_ms = clock_now_ms();
	else if (span_is(verb, "replaced"))
		rr_nick_replaced(r, said);
}

void
rr_nodes_init(struct rr *r)
{
	r->beat_timer = rr_event(r, on_beat_timer, r);
	r->forgotten = rr_event(r, on_forgotten, r);
}

void
rr_nodes_fini(struct rr *r)
{
	struct rr_node *n, *next;

	HASH_ITER (hh, r->nodes, n, next)
		rr_node_forget(r, n);
	event_free(r->beat_timer);
	event_free(r->forgotten);
}
