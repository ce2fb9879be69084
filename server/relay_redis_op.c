/* SPDX-License-Identifier: ISC */
/*
 * What is asked of the Redis relay: each question is answered exactly once,
 * from the loop, and in time.
 *
 * All of them have the same time, so the list of the unanswered is sorted by
 * itself: a new one goes to its end, and so does one that has made a step.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "server/relay_redis_int.h"

enum {
	TELL_MS = 60000,
	LATE_SHARE = 4, /* of an operation's time: the first one is late */
	OPS_MAX = 2048, /* unanswered, before others wait */
};

static void
arm(struct rr *r)
{
	const struct rr_op *op = TAILQ_FIRST(&r->ops);
	uint64_t now_ms = clock_now_ms();

	if (op)
		rr_event_in(r->op_timer,
		    op->deadline_ms > now_ms ? op->deadline_ms - now_ms : 0);
}

static void
enlist(struct rr_op *op)
{
	struct rr *r = op->r;
	bool first = TAILQ_EMPTY(&r->ops);

	op->deadline_ms = clock_now_ms() + (uint64_t)r->c.say_timeout_ms;
	TAILQ_INSERT_TAIL(&r->ops, op, entry);
	r->nops++;
	if (first)
		arm(r);
}

static void
unlist(struct rr_op *op)
{
	TAILQ_REMOVE(&op->r->ops, op, entry);
	op->r->nops--;
}

bool
rr_ops_are_late(const struct rr *r)
{
	const struct rr_op *op = TAILQ_FIRST(&r->ops);
	uint64_t all_ms = (uint64_t)r->c.say_timeout_ms;

	return r->nops >= OPS_MAX ||
	       (op && op->deadline_ms <
			  clock_now_ms() + all_ms - all_ms / LATE_SHARE);
}

void *
rr_op_new(struct rr *r, size_t size,
    void (*fail)(struct rr_op *, enum relay_status), bool writes)
{
	struct rr_op *op = xcalloc(1, size);

	op->r = r;
	op->fail = fail;
	op->writes = writes;
	enlist(op);
	return op;
}

void
rr_op_touch(struct rr_op *op)
{
	if (op->answered)
		return;
	unlist(op);
	enlist(op);
}

void
rr_op_answered(struct rr_op *op)
{
	if (op->answered)
		return;
	unlist(op);
	op->answered = true;
}

void
rr_op_free(struct rr_op *op)
{
	rr_op_answered(op);
	if (op->fini)
		op->fini(op);
	free(op);
}

void
rr_op_fail(struct rr_op *op, enum relay_status st)
{
	if (op->answered)
		return;
	rr_op_answered(op);
	op->fail(op, st);
}

void
rr_op_fail_later(struct rr_op *op, enum relay_status st)
{
	struct rr *r = op->r;

	unlist(op);
	op->later = st;
	TAILQ_INSERT_TAIL(&r->later, op, entry);
	event_active(r->later_event, 0, 0);
}

void
rr_op_call_later(struct rr_op *op, void (*fn)(struct rr_op *))
{
	op->call = fn;
	rr_op_fail_later(op, RELAY_DOWN);
}

static void
answer_later(struct rr *r, struct rr_op *op)
{
	TAILQ_REMOVE(&r->later, op, entry);
	if (op->call && !r->ending) {
		enlist(op);
		op->call(op);
		return;
	}
	op->answered = true;
	op->fail(op, r->ending ? RELAY_DOWN : op->later);
	rr_op_free(op);
}

/* Those which callbacks add wait for the next turn. */
static void
on_later(int fd, short what, void *arg)
{
	struct rr *r = arg;
	struct rr_op *last = TAILQ_LAST(&r->later, rr_ops), *op;

	(void)fd;
	(void)what;
	while ((op = TAILQ_FIRST(&r->later)) != NULL) {
		bool end = op == last;

		answer_later(r, op);
		if (end)
			break;
	}
	if (!TAILQ_EMPTY(&r->later))
		event_active(r->later_event, 0, 0);
}

/* Nobody has answered in time.  What was not written must not be any more: it
 * goes with its connection. */
static void
expire(struct rr *r, struct rr_op *op)
{
	bool written = op->waits && redis_link_is_written(r->cmd, op->token);

	if (op->waits && op->patience > 0) {
		op->patience--;
		rr_op_touch(op);
		return;
	}
	if (op->waits && !written)
		redis_link_drop(r->cmd, "it takes no commands");
	if (op->waits)
		rr_stalled(r);
	rr_op_fail(op, op->writes && written ? RELAY_UNKNOWN : RELAY_DOWN);
	if (!op->waits)
		rr_op_free(op);
}

static void
on_op_timer(int fd, short what, void *arg)
{
	struct rr *r = arg;
	uint64_t now_ms = clock_now_ms();
	struct rr_op *op;

	(void)fd;
	(void)what;
	while ((op = TAILQ_FIRST(&r->ops)) != NULL && op->deadline_ms <= now_ms)
		expire(r, op);
	arm(r);
}

bool
rr_op_eval(struct rr_op *op, enum redis_script_id script, unsigned nkeys,
    redis_reply_fn fn)
{
	struct rr *r = op->r;
	int err = redis_link_eval(
	    r->cmd, script, nkeys, &r->scratch, fn, op, &op->token);

	op->waits = err == 0;
	if (err < 0)
		rr_op_fail_later(
		    op, err == -LINK_EBUSY ? RELAY_BUSY : RELAY_DOWN);
	return err == 0;
}

static enum relay_status
lost_status(const struct rr_op *op, bool written)
{
	return op->writes && written && !op->r->ending ? RELAY_UNKNOWN
						       : RELAY_DOWN;
}

bool
rr_op_reply(struct rr_op *op, const redisReply *r, bool written)
{
	op->waits = false;
	if (!op->answered && r && r->type != REDIS_REPLY_ERROR)
		return true;
	if (r && r->type == REDIS_REPLY_ERROR)
		rr_op_fail(op, rr_error_status(op->r, r));
	else if (!r)
		rr_op_fail(op, lost_status(op, written));
	rr_op_free(op);
	return false;
}

void
rr_ops_init(struct rr *r)
{
	TAILQ_INIT(&r->ops);
	TAILQ_INIT(&r->later);
	r->op_timer = rr_event(r, on_op_timer, r);
	r->later_event = rr_event(r, on_later, r);
}

void
rr_ops_fini(struct rr *r)
{
	struct rr_op *op;

	while (!TAILQ_EMPTY(&r->ops) || !TAILQ_EMPTY(&r->later)) {
		if ((op = TAILQ_FIRST(&r->later)) != NULL) {
			answer_later(r, op);
			continue;
		}
		op = TAILQ_FIRST(&r->ops);
		rr_op_fail(op, RELAY_DOWN);
		rr_op_free(op);
	}
	event_free(r->op_timer);
	event_free(r->later_event);
}

/* --- errors --------------------------------------------------------------- */

/*
 *	PASSES    by itself, as a rule; said as a warning
 *	ELSEWHERE no master, or not yet: the links are dropped, so that their
 *		  handshakes look for one
 *	OPERATOR  until somebody mends it; said as an error
 */
enum trouble { PASSES, ELSEWHERE, OPERATOR };

/* By the first word of the error.  None of these was carried out. */
static const struct {
	const char *word;
	enum relay_status status;
	enum trouble trouble;
	const char *mend; /* for the log */
} errors[] = {
    {"OOM", RELAY_FULL, OPERATOR,
	"it is full; raise its maxmemory, or keep less (history, "
	"history-ttl)"},
    {"MISCONF", RELAY_FAILED, OPERATOR,
	"it cannot save its data; see its log, and mend its disk"},
    {"READONLY", RELAY_DOWN, ELSEWHERE,
	"it is a replica now; give the URL of the master"},
    {"MASTERDOWN", RELAY_DOWN, ELSEWHERE,
	"it is a replica without a master; give the URL of the master"},
    {"LOADING", RELAY_DOWN, ELSEWHERE, "it reads its data; wait"},
    {"BUSY", RELAY_DOWN, PASSES,
	"somebody's script does not end there; SCRIPT KILL ends it"},
    {"NOREPLICAS", RELAY_DOWN, PASSES,
	"too few replicas follow it; see its min-replicas-to-write"},
    {"TRYAGAIN", RELAY_DOWN, PASSES, "keys are being moved; wait"},
    {"CLUSTERDOWN", RELAY_DOWN, PASSES, "its cluster is not whole"},
    {"UNBLOCKED", RELAY_DOWN, PASSES, "it has become a replica"},
    {"NOSCRIPT", RELAY_DOWN, PASSES,
	"somebody runs SCRIPT FLUSH again and again"},
    {"NOAUTH", RELAY_FAILED, OPERATOR,
	"it wants a password; write redis://:password@host"},
    {"WRONGPASS", RELAY_FAILED, OPERATOR,
	"the user or password in the URL is wrong"},
    {"NOPERM", RELAY_FAILED, OPERATOR,
	"this user may not do that; let it do +@all ~* &*"},
};
_Static_assert(ARRAY_LEN(errors) <= RR_ERRORS_MAX, "told_ms is too short");

void
rr_drop_all(struct rr *r, const char *why)
{
	struct redis_link *const links[] = {r->cmd, r->sub, r->beat};

	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		if (redis_link_is_up(links[i]))
			redis_link_drop(links[i], why);
}

static void
go_elsewhere(struct rr *r, const redisReply *e)
{
	char text[128];

	rr_drop_all(r, text_escape(text, sizeof text, rr_span(e)));
}

/* Each kind once a minute: it would come with every command. */
static void
tell_operator(struct rr *r, size_t kind, const redisReply *e)
{
	uint64_t now_ms = clock_now_ms();
	char text[128];

	if (r->told_ms[kind] && now_ms - r->told_ms[kind] < TELL_MS)
		return;
	r->told_ms[kind] = now_ms;
	log_write(
	    errors[kind].trouble == OPERATOR ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN,
	    "relay", 0, "Redis refuses: %s: %s",
	    text_escape(text, sizeof text, rr_span(e)), errors[kind].mend);
}

enum relay_status
rr_error_status(struct rr *r, const redisReply *e)
{
	struct span rest = {e->str, e->len};
	struct span word = text_word(&rest);

	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		if (!span_is(word, errors[i].word))
			continue;
		tell_operator(r, i, e);
		if (errors[i].trouble == ELSEWHERE)
			go_elsewhere(r, e);
		return errors[i].status;
	}
	rr_odd(r, "unexpected error", rr_span(e));
	return RELAY_FAILED;
}
