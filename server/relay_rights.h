/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_RELAY_RIGHTS_H
#define SNUG_SERVER_RELAY_RIGHTS_H

#include "base/names.h"
#include "server/relay.h"
#include "server/rights.h"

#define RELAY_ROOM_TTL_MS (INT64_C(90) * 86400000)

/*
 * The part of the relay that keeps rooms' rights.  The rules of relay.h hold
 * here too.
 *
 * How a right holds everywhere at once: a change is one step in the relay that
 * stores the new rights, appends an entry to the room's log (RELAY_RIGHTS, with
 * a predecessor like any other) and publishes it.  Every entry carries the
 * version under which it was accepted; a node that meets one newer than its
 * own reads the rights, tells them upward by on_rights, and only then hands
 * the entry on.  An append is only accepted with the present version
 * (RELAY_STALE otherwise, after the new ones were told).  So no node writes or
 * delivers under rights that were changed before, however little it has heard.
 *
 * What is stored makes no sense: rights that allow nothing are told.
 */
typedef void (*relay_rights_fn)(
    void *arg, enum relay_status st, struct rights *rights);

/* refusal: with RELAY_OK, RIGHTS_YES if the change was made.  rights: those
 * that hold now; borrowed. */
typedef void (*relay_change_fn)(void *arg, enum relay_status st,
    enum rights_answer refusal, struct rights *rights);

/*
 * Reads a room's rights, as they are stored at this moment: what a JOIN and a
 * HISTORY are judged by, for this node may be deaf and not know it yet.  Where
 * the room is open here and they are others than it was told, on_rights comes
 * before done.  RELAY_NONE: no such room.
 *
 *   founder  an account whose the room becomes if there is none of that name;
 *            NULL: it is not made.  RELAY_LIMIT: it owns as many as it may
 *   nick     the founder's
 */
void relay_load_rights(struct relay *r, const struct name *room,
    const char *founder, const char *nick, relay_rights_fn done, void *arg);

/*
 * Changes them, in one step: judged (rights_change()) against what is stored at
 * that moment, stored, appended to the log and published.  The entry comes up
 * like any other, on this node too.  RELAY_OK tells that it was judged; the
 * refusal, how.  RELAY_NONE: no such room.
 * RELAY_LIMIT: who is to own it owns as many as it may.
 *
 *   text  why; stands in the entry
 */
void relay_change_rights(struct relay *r, const char *fold,
    const struct rights_change *c, struct span text, relay_change_fn done,
    void *arg);

/* --- for back ends -------------------------------------------------------- */

/* A copy of a change for as long as it is under way, and of its text. */
struct kept_change {
	struct rights_change change; /* points into what follows */
	struct addr_key addr;
	char actor[SENDER_ID_LEN + 1], actor_nick[NAME_BYTES_MAX + 1];
	size_t text_len;
	char text[];
};
struct kept_change *relay_keep_change(
    const struct rights_change *c, struct span text) MUST_CHECK; /* free() it */
/* The entry that announces it; points into it. */
struct relay_msg relay_change_entry(const struct kept_change *k);

struct relay_rights_ops {
	void (*load)(struct relay *, const struct name *, const char *founder,
	    const char *nick, relay_rights_fn, void *);
	void (*change)(struct relay *, const char *fold,
	    const struct rights_change *, struct span, relay_change_fn, void *);
	/* The relay's wall clock, by which rights run out. */
	uint64_t (*now_ms)(const struct relay *);
};
uint64_t relay_now_ms(const struct relay *r);

#endif
