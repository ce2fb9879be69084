/* SPDX-License-Identifier: ISC */
/*
 * Operators' orders, as far as they are the same in every back end: the calls,
 * and the form in which they travel and are kept.
 */
#include "server/relay_oper.h"

#include <assert.h>

#include "server/relay_codec.h"

/* --- form ----------------------------------------------------------------- */

static bool
is_text(struct span s, size_t max)
{
	return s.len <= max &&
	       (s.len == 0 || text_check(s.p, s.len, NULL) == 0);
}

static bool
is_order(const struct relay_order *o)
{
	if (!is_text(o->text, ORDER_TEXT_MAX))
		return false;
	return o->kind == ORDER_KILL ? codec_is_sender(o->sender)
				     : o->text.len > 0;
}

void
order_put(struct buf *out, const struct relay_order *o)
{
	if (o->kind == ORDER_KILL)
		buf_addf(out, "kill %.*s %.*s", SPAN_ARG(o->sender),
		    SPAN_ARG(o->text));
	else
		buf_addf(out, "announce %.*s", SPAN_ARG(o->text));
}

bool
order_get(struct relay_order *o, struct span said)
{
	struct span verb = text_word(&said);

	*o = (struct relay_order){.kind = ORDER_ANNOUNCE};
	if (span_is(verb, "kill")) {
		o->kind = ORDER_KILL;
		o->sender = text_word(&said);
	} else if (!span_is(verb, "announce")) {
		return false;
	}
	o->text = said;
	return is_order(o);
}

void
deny_put(struct buf *out, const struct deny *d)
{
	buf_addf(out, "%llu %s", (unsigned long long)d->until_ms, d->text);
}

bool
deny_get(struct deny *d, struct span range, struct span said)
{
	char cause[ERR_LEN];
	struct span until = text_word(&said);

	*d = (struct deny){0};
	if (cidr_parse(range, &d->range, cause) != 0 ||
	    !text_u64(until, INT64_MAX, &d->until_ms) ||
	    !is_text(said, DENY_TEXT_MAX))
		return false;
	if (said.len > 0)
		span_copy(d->text, sizeof d->text, said);
	return true;
}

/* --- upward --------------------------------------------------------------- */

void
relay_tell_order(struct relay *r, const struct relay_order *o)
{
	if (r->ev.on_order)
		r->ev.on_order(r->ev_arg, o);
}

void
relay_tell_denies(struct relay *r, const struct denies *all)
{
	if (r->ev.on_denies)
		r->ev.on_denies(r->ev_arg, all);
}

/* --- the calls ------------------------------------------------------------ */

void
relay_order(
    struct relay *r, const struct relay_order *o, relay_done_fn done, void *arg)
{
	assert(is_order(o) && done != NULL);
	r->ops->oper->order(r, o, done, arg);
}

void
relay_deny(struct relay *r, const struct deny *d, relay_done_fn done, void *arg)
{
	assert(is_text(span_of(d->text), DENY_TEXT_MAX) && done != NULL);
	r->ops->oper->deny(r, d, done, arg);
}

void
relay_allow(
    struct relay *r, const struct cidr *range, relay_done_fn done, void *arg)
{
	assert(done != NULL);
	r->ops->oper->allow(r, range, done, arg);
}
