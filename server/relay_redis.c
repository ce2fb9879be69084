/* SPDX-License-Identifier: ISC */
/*
 * The relay over Redis: rooms that many nodes share.
 *
 * The stream of a conversation is the truth, what is published is the doorbell.
 * An append is one script in Redis (redis_script.c), which gives the id, keeps
 * the entry with its predecessor's id, and publishes both; so every node can
 * see a hole and read what it missed (relay_redis_feed.c), and all deliver in
 * one order.
 *
 * There are three links: for commands, for the subscription, and one for the
 * heartbeat alone.  When the command link or the subscription is lost, or a
 * command stays without an answer, the relay is down: that is said upward once,
 * and nothing is accepted.  It comes back in steps, each of which begins when
 * the one before is done:
 *
 *	both links are up, and a heartbeat was answered
 *	REGISTER  nicks are claimed again, members told again; all channels
 *stand READ      the newest ids and the members of open rooms, and the pairs
 *	FILL      what was said meanwhile is delivered
 *	up        that is said upward
 *
 * A loss on the way begins it anew; `run` tells the answers of one attempt from
 * those of another.  The same steps are taken, without being down, when the
 * heartbeat finds that Redis has forgotten us.
 *
 * This file holds the whole together; relay_redis_int.h lists the parts.
 */
#include "server/relay_redis.h"

#include <event2/event.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "server/relay_account.h"
#include "server/relay_redis_int.h"

enum {
	LOG_MIN_TTL_MS = 60000, /* with history 0 */
	TASKS_OUT_MAX = 500,    /* commands under way while coming back */
	ODD_MS = 60000,
	GOODBYE_MS = 250,
	CONNECT_MS = 3000,
	PROBE_MS = 2000,
	DEAD_MS = 6000,
	BACKOFF_MS = 2000,
	LEASE_MS = 10000,
	SAY_MS = 1000,
	GRACE_MS = 15000,
	REAP_MS = 30000,
	JITTER_MS = 1000,
};

/* --- small things that the parts share ------------------------------------ */

struct rr *
rr_of(struct relay *r)
{
	return (struct rr *)r;
}

struct resp_cmd *
rr_cmd(struct rr *r)
{
	rr_appends_flush(r);
	resp_clear(&r->scratch);
	return &r->scratch;
}

static void
on_told(void *arg, const redisReply *reply, bool written)
{
	(void)written;
	if (reply && reply->type == REDIS_REPLY_ERROR)
		(void)rr_error_status(arg, reply);
}

void
rr_tell(struct rr *r)
{
	if (redis_link_send(r->cmd, &r->scratch, on_told, r, NULL) < 0)
		log_debug("relay", 0, "a command is not sent");
}

bool
rr_tell_script(struct rr *r, enum redis_script_id script, unsigned nkeys)
{
	return redis_link_eval(
		   r->cmd, script, nkeys, &r->scratch, on_told, r, NULL) == 0;
}

uint64_t
rr_random(void)
{
	uint64_t v;

	randombytes_buf(&v, sizeof v);
	return v;
}

struct event *
rr_event(struct rr *r, void (*fn)(int, short, void *), void *arg)
{
	struct event *ev = event_new(r->base, -1, 0, fn, arg);

	if (!ev)
		abort(); /* as all memory */
	return ev;
}

void
rr_event_in(struct event *ev, uint64_t ms)
{
	struct timeval tv = {
	    (time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};

	event_add(ev, &tv);
}

void
rr_odd(struct rr *r, const char *what, struct span data)
{
	uint64_t now_ms = clock_now_ms();
	char text[128];

	if (r->odd_ms && now_ms - r->odd_ms < ODD_MS) {
		r->odd_more++;
		return;
	}
	log_warn("relay", 0, "from Redis: %s: %s (and %u more like it before)",
	    what,
	    text_escape(text, sizeof text, data.p ? data : SPAN("(nothing)")),
	    r->odd_more);
	r->odd_ms = now_ms;
	r->odd_more = 0;
}

struct span
rr_span(const redisReply *r)
{
	if (r->type != REDIS_REPLY_STRING && r->type != REDIS_REPLY_ERROR)
		return SPAN_NONE;
	return (struct span){r->str, r->len};
}

bool
rr_reply_id(const redisReply *r, struct msgid *id)
{
	return r->type == REDIS_REPLY_STRING &&
	       msgid_parse((struct span){r->str, r->len}, id);
}

static int64_t
offered(const struct rr *r, const struct rights *rights)
{
	return rights ? rights_history(rights, r->c.history) : r->c.history;
}

int64_t
rr_log_ttl(const struct rr *r, const struct rights *rights)
{
	if (offered(r, rights) == 0 && r->c.history_ttl_ms > LOG_MIN_TTL_MS)
		return LOG_MIN_TTL_MS;
	return r->c.history_ttl_ms;
}

int64_t
rr_log_max(const struct rr *r, const struct rights *rights)
{
	int64_t n = offered(r, rights);

	return n > RR_LOG_MIN ? n : RR_LOG_MIN;
}

/* --- coming back ---------------------------------------------------------- */

static bool (*const restore[])(struct rr *, const char *) = {
    [TASK_NICK] = rr_nick_restore,
    [TASK_REGISTER] = rr_room_register,
    [TASK_ROOM] = rr_room_restore,
    [TASK_USER] = rr_user_restore,
};

static void
tasks_clear(struct rr *r)
{
	for (size_t i = 0; i < r->ntasks; i++)
		free(r->tasks[i].key);
	free(r->tasks);
	r->tasks = NULL;
	r->ntasks = r->next_task = r->tasks_out = 0;
}

void
rr_task_add(struct rr *r, enum rr_task_kind kind, const char *key)
{
	/* Grows at the powers of two. */
	if ((r->ntasks & (r->ntasks - 1)) == 0)
		r->tasks = xreallocarray(
		    r->tasks, r->ntasks ? 2 * r->ntasks : 1, sizeof *r->tasks);
	r->tasks[r->ntasks++] = (struct rr_task){kind, xstrdup(key)};
}

void
rr_recover_poke(struct rr *r)
{
	if (!r->ending)
		event_active(r->recover_event, 0, 0);
}

void
rr_task_done(struct rr *r, uint64_t run, bool good)
{
	(void)good; /* where it was not, the link is gone or the log has it */
	if (run != r->run || r->phase == RECOVER_IDLE)
		return;
	r->tasks_out--;
	rr_event_in(r->recover_timer, 2 * (uint64_t)r->c.dead_ms);
	rr_recover_poke(r);
}

static void
send_tasks(struct rr *r)
{
	while (r->next_task < r->ntasks && r->tasks_out < TASKS_OUT_MAX) {
		const struct rr_task *t = &r->tasks[r->next_task++];

		if (restore[t->kind](r, t->key))
			r->tasks_out++;
	}
}

static bool
is_ready(const struct rr *r)
{
	return redis_link_is_up(r->cmd) && redis_link_is_up(r->sub) &&
	       r->registered && r->has_clock && !r->stalled;
}

static void
begin_register(struct rr *r)
{
	r->run++;
	event_del(r->forgotten);
	tasks_clear(r);
	rr_nodes_refresh(r);
	rr_nicks_add_tasks(r);
	rr_rooms_add_register_tasks(r);
}

static void
begin_read(struct rr *r)
{
	tasks_clear(r);
	rr_rooms_add_tasks(r);
	rr_users_add_tasks(r);
}

static void
arrive(struct rr *r)
{
	bool was_up = r->up;

	tasks_clear(r);
	event_del(r->recover_timer);
	r->up = r->was_up = true;
	if (!was_up) {
		log_info("relay", 0, "up node=%s", r->node_id);
		if (r->relay.ev.on_state)
			r->relay.ev.on_state(r->relay.ev_arg, true);
	}
	rr_nicks_tell_lost(r);
}

static void (*const begin[])(struct rr *) = {
    [RECOVER_IDLE] = arrive,
    [RECOVER_REGISTER] = begin_register,
    [RECOVER_READ] = begin_read,
    [RECOVER_FILL] = tasks_clear,
};

static void
enter(struct rr *r, enum rr_phase phase)
{
	r->phase = phase;
	rr_event_in(r->recover_timer, 2 * (uint64_t)r->c.dead_ms);
	begin[phase](r);
}

/* Is all of the present phase done? */
static bool
is_done(const struct rr *r)
{
	if (r->next_task < r->ntasks || r->tasks_out > 0)
		return false;
	if (r->phase == RECOVER_REGISTER)
		return r->chans_due == 0;
	return r->phase != RECOVER_FILL || r->nfills == 0;
}

static void
on_recover(int fd, short what, void *arg)
{
	static const enum rr_phase next[] = {
	    [RECOVER_IDLE] = RECOVER_IDLE,
	    [RECOVER_REGISTER] = RECOVER_READ,
	    [RECOVER_READ] = RECOVER_FILL,
	    [RECOVER_FILL] = RECOVER_IDLE,
	};
	struct rr *r = arg;

	(void)fd;
	(void)what;
	if (!is_ready(r))
		return;
	if (r->phase == RECOVER_IDLE && !r->up)
		enter(r, RECOVER_REGISTER);
	while (r->phase != RECOVER_IDLE) {
		send_tasks(r);
		if (!is_done(r))
			return;
		enter(r, next[r->phase]);
	}
}

/* Each phase has its time: a Redis that answers PING but never acknowledges a
 * subscription must not keep us waiting for ever. */
static void
on_recover_timer(int fd, short what, void *arg)
{
	struct rr *r = arg;

	(void)fd;
	(void)what;
	redis_link_drop(r->sub, "coming back takes too long");
	redis_link_drop(r->cmd, "coming back takes too long");
}

void
rr_recover(struct rr *r)
{
	if (!is_ready(r))
		return; /* it will come to that by itself */
	enter(r, RECOVER_REGISTER);
	rr_recover_poke(r);
}

/* Ends an attempt: what is still under way no longer counts. */
static void
give_up_recovery(struct rr *r)
{
	r->run++;
	tasks_clear(r);
	event_del(r->recover_timer);
	r->phase = RECOVER_IDLE;
}

void
rr_down(struct rr *r, const char *why)
{
	give_up_recovery(r);
	if (!r->up)
		return;
	r->up = false;
	log_warn("relay", 0, "down: %s", why);
	if (r->relay.ev.on_state)
		r->relay.ev.on_state(r->relay.ev_arg, false);
}

/* --- stalls --------------------------------------------------------------- */

static void
on_pong(void *arg, const redisReply *reply, bool written)
{
	struct rr *r = arg;

	(void)written;
	if (!reply)
		return;
	r->stalled = false;
	rr_recover_poke(r);
}

/* The answers come in order: when this PING's is there, so are all before. */
void
rr_stalled(struct rr *r)
{
	if (r->stalled)
		return;
	struct resp_cmd *c = rr_cmd(r);
	resp_str(c, "PING");
	r->stalled = redis_link_send(r->cmd, c, on_pong, r, NULL) == 0;
	rr_down(r, "Redis does not answer");
}

/* --- links ---------------------------------------------------------------- */

/*
 * All links are to be with one server, and it is that of the newest handshake:
 * where a master was replaced, or has begun anew, a link that still stands
 * with the old one hears nothing more.  What a new one knows may end
 * earlier than what we know; losing the command link leads to telling it all.
 */
static void
meet(struct rr *r, const struct redis_link *newest)
{
	struct redis_link *const links[] = {r->cmd, r->sub, r->beat};
	const char *id = redis_link_run_id(newest);

	if (!id[0])
		return; /* it does not say */
	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		if (redis_link_is_up(links[i]) &&
		    strcmp(redis_link_run_id(links[i]), id) != 0)
			redis_link_drop(
			    links[i], "another server has taken its place");
	if (strcmp(r->run_id, id) == 0)
		return;
	if (r->run_id[0]) {
		log_warn("relay", 0,
		    "Redis has another run_id=%s was=%s; telling it who is "
		    "here",
		    id, r->run_id);
		rr_rooms_forget_logs(r);
	}
	span_copy(r->run_id, sizeof r->run_id, span_of(id));
}

static void
on_cmd_state(void *arg, bool up)
{
	struct rr *r = arg;

	r->stalled = false;
	if (r->ending)
		return;
	if (!up) {
		rr_down(r, "the command link is lost");
		return;
	}
	meet(r, r->cmd);
	rr_recover_poke(r);
}

static void
on_sub_state(void *arg, bool up)
{
	struct rr *r = arg;

	if (r->ending)
		return;
	if (up) {
		meet(r, r->sub);
		r->beacon_heard_ms = clock_now_ms();
		rr_chans_resubscribe(r);
		rr_recover_poke(r);
		return;
	}
	rr_down(r, "the subscription is lost");
	rr_chans_lost(r);
	rr_rooms_lost(r);
	rr_users_lost(r);
}

static void
on_beat_state(void *arg, bool up)
{
	struct rr *r = arg;

	if (!up || r->ending)
		return;
	meet(r, r->beat);
	rr_beat_start(r);
}

/* Once in service, it is waited for: whoever upgraded the others comes to this
 * one, too, and until then it says why it does nothing. */
static void
on_outdated(void *arg)
{
	struct rr *r = arg;

	if (!r->was_up && !r->ending && r->c.on_outdated)
		r->c.on_outdated(r->c.outdated_arg);
}

static void
on_push(void *arg, const redisReply *push)
{
	rr_chans_push(arg, push);
}

/* Redis writes the answer to an append, and then to us as to all subscribers
 * the message: read in one turn, they reach the sender in one write. */
static void
on_cmd_read(void *arg)
{
	struct rr *r = arg;

	redis_link_look(r->sub);
}

static struct redis_link *
link_new(struct rr *r, const char *name, const char *channel,
    void (*on_state)(void *, bool))
{
	struct redis_link_config c = {
	    .base = r->base,
	    .url = &r->url,
	    .name = name,
	    .client_name = r->client_name,
	    .channel = channel,
	    .layout_key = r->layout_key,
	    .layout = RR_LAYOUT,
	    .scripts = redis_scripts,
	    .nscripts = channel ? 0 : SCRIPT_COUNT,
	    .connect_timeout_ms = (uint64_t)r->c.connect_timeout_ms,
	    .probe_ms = (uint64_t)r->c.probe_ms,
	    .dead_ms = (uint64_t)r->c.dead_ms,
	    .backoff_max_ms = (uint64_t)r->c.backoff_max_ms,
	    .on_state = on_state,
	    .on_outdated = on_outdated,
	    .on_push = on_push,
	    .on_read = on_state == on_cmd_state ? on_cmd_read : NULL,
	    .arg = r,
	};

	return redis_link_new(&c);
}

/* --- timers --------------------------------------------------------------- */

/* Every fifth beat: the loss of a room's last message shows in nothing else. */
static uint64_t
check_ms(const struct rr *r)
{
	return 5 * (uint64_t)r->c.heartbeat_ms;
}

static void
on_check(int fd, short what, void *arg)
{
	struct rr *r = arg;

	(void)fd;
	(void)what;
	rr_event_in(r->check_timer, check_ms(r));
	if (r->up)
		rr_rooms_check(r);
}

static void
on_reap(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	rr_reap_rooms(arg);
	rr_reap_users(arg);
}

/* --- the relay ------------------------------------------------------------ */

static bool
rr_is_up(const struct relay *relay)
{
	return ((const struct rr *)relay)->up;
}

static bool
rr_is_busy(const struct relay *relay)
{
	const struct rr *r = (const struct rr *)relay;

	return r->up && rr_ops_are_late(r);
}

static void
rr_typing(struct relay *relay, const struct conv *c, struct span sender,
    struct span nick)
{
	struct rr *r = rr_of(relay);

	if (!r->up)
		return;
	if (c->kind == CONV_ROOM)
		rr_room_typing(r, c, sender, nick);
	else
		rr_pair_typing(r, c, sender, nick);
}

/* Others see at once that this node has gone, and need not wait for its lease
 * to end.  It is best effort. */
static void
goodbye(struct rr *r)
{
	struct resp_cmd *c;

	if (!redis_link_is_up(r->cmd))
		return;
	rr_rooms_goodbye(r);
	rr_nicks_goodbye(r);
	rr_users_goodbye(r);
	c = rr_cmd(r);
	resp_str(c, "ZREM");
	resp_fmt(c, "%s{nodes}", r->prefix);
	resp_str(c, r->node_id);
	rr_tell(r);
	c = rr_cmd(r);
	resp_str(c, "DEL");
	resp_fmt(c, "%s{n:%s}:rooms", r->prefix, r->node_id);
	rr_tell(r);
	c = rr_cmd(r);
	resp_str(c, "DEL");
	resp_fmt(c, "%s{n:%s}:nicks", r->prefix, r->node_id);
	rr_tell(r);
	redis_link_finish(r->cmd, GOODBYE_MS);
}

static void
rr_free(struct relay *relay)
{
	struct rr *r = rr_of(relay);

	r->ending = true;
	redis_link_free(r->beat); /* or it would renew the lease */
	goodbye(r);
	r->up = false;
	redis_link_free(r->cmd);
	r->cmd = NULL;
	rr_reap_fini(r);
	rr_appends_fini(r);
	rr_ops_fini(r);
	rr_rooms_fini(r);
	rr_users_fini(r);
	rr_nicks_fini(r);
	rr_depart_fini(r);
	rr_nodes_fini(r);
	rr_chans_fini(r);
	rr_oper_fini(r);
	redis_link_free(r->sub);
	rr_expect_fini(r);
	tasks_clear(r);
	event_free(r->recover_event);
	event_free(r->recover_timer);
	event_free(r->check_timer);
	event_free(r->reaper);
	resp_free(&r->scratch);
	buf_free(&r->text);
	redis_url_wipe(&r->url);
	free(r);
}

static void
rr_tune(struct relay *relay, const struct relay_tuning *t)
{
	struct relay_redis_config *c = &rr_of(relay)->c;

	c->history = t->history;
	c->history_ttl_ms = t->history_ttl_ms;
	c->dedupe_ms = t->dedupe_ms;
	c->resume_ms = t->resume_ms;
	c->room_ttl_ms = t->room_ttl_ms;
}

static const struct relay_ops redis_ops = {
    .free = rr_free,
    .is_up = rr_is_up,
    .is_busy = rr_is_busy,
    .tune = rr_tune,
    .durability = "relay",
    .open_room = rr_open_room,
    .close_room = rr_close_room,
    .join = rr_join,
    .part = rr_part,
    .rename = rr_rename,
    .append = rr_append,
    .read = rr_read,
    .typing = rr_typing,
    .claim = rr_claim,
    .release = rr_release,
    .leave = rr_leave,
    .resume = rr_resume,
    .find = rr_find,
    .watch = rr_watch,
    .unwatch = rr_unwatch,
    .peek = rr_peek,
    .list = rr_list,
    .rights = &rr_rights_ops,
    .oper = &rr_oper_ops,
    .accounts = &rr_account_ops,
};

static void
set_default(int64_t *v, int64_t def)
{
	if (*v <= 0)
		*v = def;
}

static void
set_defaults(struct relay_redis_config *c)
{
	set_default(&c->say_timeout_ms, SAY_MS);
	set_default(&c->lease_ms, LEASE_MS);
	set_default(&c->heartbeat_ms, c->lease_ms / 5 + 1);
	set_default(&c->grace_ms, GRACE_MS);
	set_default(&c->reap_ms, REAP_MS);
	set_default(&c->jitter_ms, JITTER_MS);
	set_default(&c->room_ttl_ms, RELAY_ROOM_TTL_MS);
	set_default(&c->connect_timeout_ms, CONNECT_MS);
	set_default(&c->probe_ms, PROBE_MS);
	set_default(&c->dead_ms, DEAD_MS);
	set_default(&c->backoff_max_ms, BACKOFF_MS);
}

void
rr_set_incarnation(struct rr *r)
{
	char node[3 * RELAY_NODE_MAX + 1];

	codec_key(node, sizeof node, span_of(r->node));
	snprintf(r->node_id, sizeof r->node_id, "%s.%016llx", node,
	    (unsigned long long)rr_random());
	snprintf(
	    r->inbox, sizeof r->inbox, "%s{n:%s}:in", r->prefix, r->node_id);
}

static int
set_names(struct rr *r, char *cause)
{
	char node[3 * RELAY_NODE_MAX + 1];
	const char *prefix = r->c.prefix ? r->c.prefix : "sn1:";

	if (strlen(prefix) >= sizeof r->prefix ||
	    !text_is_visible_ascii(span_of(prefix)) || strpbrk(prefix, "{}")) {
		snprintf(cause, ERR_LEN,
		    "the prefix of Redis keys must be 1 to 64 visible ASCII "
		    "characters without braces, such as sn1:");
		return -1;
	}
	if (strlen(r->c.node) == 0 || strlen(r->c.node) > RELAY_NODE_MAX) {
		snprintf(cause, ERR_LEN,
		    "the node's name must be 1 to %d bytes; set --name",
		    RELAY_NODE_MAX);
		return -1;
	}
	span_copy(r->prefix, sizeof r->prefix, span_of(prefix));
	span_copy(r->node, sizeof r->node, span_of(r->c.node));
	codec_key(node, sizeof node, span_of(r->node));
	rr_set_incarnation(r);
	snprintf(r->client_name, sizeof r->client_name, "snugd-%s", node);
	snprintf(
	    r->layout_key, sizeof r->layout_key, "%s{nodes}:layout", r->prefix);
	return 0;
}

static void
start(struct rr *r)
{
	rr_ops_init(r);
	rr_nodes_init(r);
	rr_nicks_init(r);
	rr_users_init(r);
	rr_chans_init(r);
	rr_depart_init(r);
	rr_reap_init(r);
	rr_expect_init(r);
	rr_appends_init(r);
	rr_oper_init(r);
	ring_store_init(&r->rings, RING_STORE_BYTES_MAX);
	r->recover_event = rr_event(r, on_recover, r);
	r->recover_timer = rr_event(r, on_recover_timer, r);
	r->check_timer = rr_event(r, on_check, r);
	r->reaper = rr_event(r, on_reap, r);
	rr_event_in(r->check_timer, check_ms(r));
	r->cmd = link_new(r, "commands", NULL, on_cmd_state);
	r->sub = link_new(r, "subscription", r->inbox, on_sub_state);
	r->beat = link_new(r, "heartbeat", NULL, on_beat_state);
}

struct relay *
relay_redis_new(struct event_base *base, const struct relay_redis_config *c,
    char cause[static ERR_LEN])
{
	struct rr *r;

	if (sodium_init() < 0) {
		snprintf(cause, ERR_LEN, "libsodium does not start");
		return NULL;
	}
	r = xcalloc(1, sizeof *r);
	r->relay.ops = &redis_ops;
	r->base = base;
	r->c = *c;
	set_defaults(&r->c);
	if (redis_url_parse(&r->url, span_of(c->url), cause) < 0 ||
	    set_names(r, cause) < 0) {
		redis_url_wipe(&r->url);
		free(r);
		return NULL;
	}
	start(r);
	return &r->relay;
}
