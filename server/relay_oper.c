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
is_any(struct span text)
{
	(void)text;
	return true;
}

static bool
is_something(struct span text)
{
	return text.len > 0;
}

static bool
begins_with_names(struct span text)
{
	struct name room, nick;

	return name_check(text_word(&text), false, &room) == 0 &&
	       name_check(text_word(&text), false, &nick) == 0;
}

static const struct {
	const char *verb;
	bool has_sender;
	bool (*fits)(struct span text);
} orders[] = {
    [ORDER_KILL] = {"kill", true, is_any},
    [ORDER_ANNOUNCE] = {"announce", false, is_something},
    [ORDER_INVITE] = {"invite", true, begins_with_names},
};

static bool
is_order(const struct relay_order *o)
{
	return is_text(o->text, ORDER_TEXT_MAX) &&
	       (!orders[o->kind].has_sender || codec_is_sender(o->sender)) &&
	       orders[o->kind].fits(o->text);
}

void
order_put(struct buf *out, const struct relay_order *o)
{
	buf_addf(out, "%s ", orders[o->kind].verb);
	if (orders[o->kind].has_sender)
		buf_addf(out, "%.*s ", SPAN_ARG(o->sender));
	buf_add(out, o->text.p ? o->text.p : "", o->text.len);
}

bool
order_get(struct relay_order *o, struct span said)
{
	struct span verb = text_word(&said);

	size_t i = 0;

	while (i < ARRAY_LEN(orders) && !span_is(verb, orders[i].verb))
		i++;
	if (i == ARRAY_LEN(orders))
		return false;
	*o = (struct relay_order){.kind = (enum relay_order_kind)i};
	if (orders[i].has_sender)
		o->sender = text_word(&said);
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
