/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_RELAY_OPER_H
#define SNUG_SERVER_RELAY_OPER_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "server/deny.h"
#include "server/relay.h"

/*
 * What server operators order, carried to every node; relay.h's rules hold here
 * too.  An order is told to the nodes that are there, and kept nowhere.  Closed
 * out ranges are kept as well as the relay keeps anything, and told whole:
 * whenever they change, and again when the relay is back.
 *
 * Who may order is not judged here.  What comes from the relay is: the same
 * function judges it that judges what goes down.
 */
enum relay_order_kind {
	/* End this sender's sessions.  From the moment it is asked for, the
	 * token of its nick is worth nothing: it does not slip out to another
	 * node before its own has heard. */
	ORDER_KILL,
	ORDER_ANNOUNCE, /* tell everybody */
	/* Tell this sender's sessions: `ROOM NICK [WHY]`.  Not an operator of
	 * the server orders it, but one of a room. */
	ORDER_INVITE,
};

enum { ORDER_TEXT_MAX = 1024 };

struct relay_order {
	enum relay_order_kind kind;
	struct span sender; /* ORDER_KILL, ORDER_INVITE */
	struct span text;   /* may be empty with ORDER_KILL */
	const char *fold;   /* ORDER_KILL: its nick; does not go down */
};

/* Done when the relay has it; on_order follows on every node, this one too. */
void relay_order(struct relay *r, const struct relay_order *o,
    relay_done_fn done, void *arg);
/* Closes a range out, or gives one a new end and text.  RELAY_LIMIT: there are
 * DENY_MAX. */
void relay_deny(
    struct relay *r, const struct deny *d, relay_done_fn done, void *arg);
/* RELAY_NONE: exactly this range is not closed out. */
void relay_allow(
    struct relay *r, const struct cidr *range, relay_done_fn done, void *arg);

/* --- for back ends -------------------------------------------------------- */

struct relay_oper_ops {
	void (*order)(
	    struct relay *, const struct relay_order *, relay_done_fn, void *);
	void (*deny)(
	    struct relay *, const struct deny *, relay_done_fn, void *);
	void (*allow)(
	    struct relay *, const struct cidr *, relay_done_fn, void *);
};

/* `kill SENDER TEXT`, `announce TEXT` or `invite SENDER ROOM NICK WHY`, and
 * back; the spans point into it. */
void order_put(struct buf *out, const struct relay_order *o);
bool order_get(struct relay_order *o, struct span said) MUST_CHECK;
/* A range and what is said of it, `UNTIL TEXT`, and back. */
void deny_put(struct buf *out, const struct deny *d);
bool deny_get(struct deny *d, struct span range, struct span said) MUST_CHECK;

/* Upward; a back end's callers may have no such event. */
void relay_tell_order(struct relay *r, const struct relay_order *o);
void relay_tell_denies(struct relay *r, const struct denies *all);

#endif
