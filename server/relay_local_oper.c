/* SPDX-License-Identifier: ISC */
/*
 * Operators' orders of the relay in memory: there is one node to tell.
 *
 * Closed out ranges stand in the state file, where there is one; they hold from
 * the moment of the change, and it is answered when it is on disk.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/relay_local_int.h"

/* --- the state file ------------------------------------------------------- */

bool
rl_deny_take(void *local, struct span key, const struct state_field *f,
    size_t n, char cause[static ERR_LEN])
{
	struct local *l = local;
	struct deny d;

	if (n != 1 || !span_is(f[0].name, "said") ||
	    !deny_get(&d, key, f[0].value)) {
		span_copy(cause, ERR_LEN,
		    SPAN("a closed out range that is malformed"));
		return false;
	}
	if (!denies_set(&l->denies, &d, 0)) {
		span_copy(cause, ERR_LEN, SPAN("too many closed out ranges"));
		return false;
	}
	return true;
}

static void
save(struct local *l, const struct deny *d, state_done_fn done, void *arg)
{
	char key[CIDR_TEXT_MAX + 1];
	struct buf said = {0};

	deny_put(&said, d);
	struct state_field field = {
	    SPAN("said"), {buf_head(&said), buf_len(&said)}};
	state_put(l->state, "deny", cidr_format(&d->range, key), &field, 1,
	    done, arg);
	buf_free(&said);
}

static void
forget(struct local *l, const struct cidr *range, state_done_fn done, void *arg)
{
	char key[CIDR_TEXT_MAX + 1];

	state_del(l->state, "deny", cidr_format(range, key), done, arg);
}

static void
on_forgotten(void *arg, int err)
{
	(void)arg; /* the log has it */
	(void)err;
}

/* Those that have ended need no place in the file. */
static void
forget_ended(struct local *l)
{
	for (size_t i = 0; l->state && i < l->denies.n; i++) {
		const struct deny *d = &l->denies.items[i];

		if (d->until_ms != 0 && l->wall_ms >= d->until_ms)
			forget(l, &d->range, on_forgotten, NULL);
	}
}

/* --- carrying out -----------------------------------------------------------
 */

struct kept {
	relay_done_fn done;
	void *arg;
};

static void
on_kept(void *arg, int err)
{
	struct kept *k = arg;

	k->done(k->arg, rl_state_status(err));
	free(k);
}

static struct kept *
keep(const struct op *op)
{
	struct kept *k = xcalloc(1, sizeof *k);

	k->done = op->fn.done;
	k->arg = op->arg;
	return k;
}

static void
run_order(struct local *l, struct op *op, enum relay_status st)
{
	struct buf *said = op->u.said;
	struct relay_order o;

	if (st == RELAY_OK &&
	    order_get(&o, (struct span){buf_head(said), buf_len(said)}))
		relay_tell_order(&l->relay, &o);
	op->fn.done(op->arg, st);
	buf_free(said);
	free(said);
}

static void
run_deny(struct local *l, struct op *op, enum relay_status st)
{
	struct deny *d = op->u.deny;

	if (st == RELAY_OK) {
		forget_ended(l);
		if (!denies_set(&l->denies, d, l->wall_ms))
			st = RELAY_LIMIT;
	}
	if (st == RELAY_OK)
		relay_tell_denies(&l->relay, &l->denies);
	if (st == RELAY_OK && l->state)
		save(l, d, on_kept, keep(op));
	else
		op->fn.done(op->arg, st);
	free(d);
}

static void
run_allow(struct local *l, struct op *op, enum relay_status st)
{
	struct deny *d = op->u.deny;

	if (st == RELAY_OK && !denies_remove(&l->denies, &d->range))
		st = RELAY_NONE;
	if (st == RELAY_OK)
		relay_tell_denies(&l->relay, &l->denies);
	if (st == RELAY_OK && l->state)
		forget(l, &d->range, on_kept, keep(op));
	else
		op->fn.done(op->arg, st);
	free(d);
}

static void
run_tell(struct local *l, struct op *op, enum relay_status st)
{
	(void)op;
	if (st == RELAY_OK)
		relay_tell_denies(&l->relay, &l->denies);
}

void
rl_denies_tell(struct local *l)
{
	struct op *op = rl_queue(l, run_tell, NULL);

	op->arg = NULL;
}

/* --- asking -----------------------------------------------------------------
 */

static void
local_order(
    struct relay *r, const struct relay_order *o, relay_done_fn done, void *arg)
{
	if (o->kind == ORDER_KILL)
		rl_revoke(rl_of(r), o->fold, o->sender);
	struct op *op = rl_queue(rl_of(r), run_order, NULL);

	op->fn.done = done;
	op->arg = arg;
	op->u.said = xcalloc(1, sizeof *op->u.said);
	order_put(op->u.said, o);
}

static void
queue_deny(struct relay *r, op_fn run, const struct deny *d, relay_done_fn done,
    void *arg)
{
	struct op *op = rl_queue(rl_of(r), run, NULL);

	op->fn.done = done;
	op->arg = arg;
	op->u.deny = xmalloc(sizeof *d);
	*op->u.deny = *d;
}

static void
local_deny(struct relay *r, const struct deny *d, relay_done_fn done, void *arg)
{
	queue_deny(r, run_deny, d, done, arg);
}

static void
local_allow(
    struct relay *r, const struct cidr *range, relay_done_fn done, void *arg)
{
	queue_deny(r, run_allow, &(struct deny){.range = *range}, done, arg);
}

const struct relay_oper_ops rl_oper_ops = {
    .order = local_order,
    .deny = local_deny,
    .allow = local_allow,
};
