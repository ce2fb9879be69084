/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_RELAY_H
#define SNUG_SERVER_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/names.h"
#include "base/text.h"
#include "proto/msgid.h"

/*
 * The relay: where rooms live.  It keeps each conversation's log, hands what
 * is appended to every node that has subscribed, in one order, and knows who is
 * in which room and who holds which nick.  It knows nothing of sessions, lines
 * or sockets of clients.  Two back ends: relay_local.c (memory, one node) and
 * relay_redis.c; one set of contract tests holds for both.
 *
 * Rules that every caller and both back ends live by:
 *  - Everything runs in the loop's thread.  No callback and no event ever comes
 *    from within a call of this header; they come later, from the loop.
 *  - Each operation that takes `done` calls it exactly once, also when the
 * relay is away or is being freed.  `arg` must live until then.
 *  - What a callback is handed is borrowed until it returns.  A pointer handed
 *    to a `done` is NULL unless the status is RELAY_OK.
 *  - All strings handed in are copied or used up before the call returns.
 *  - Messages of a conversation come up only from the subscription, in the
 *    order of their ids; the appender's node is no exception.
 */
struct relay;
struct denies;
struct relay_order;
struct rights;

enum {
	SENDER_ID_LEN = 33, /* "g" or "a" and 32 hex digits */
	CONV_KEY_MAX =
	    2 * SENDER_ID_LEN + 1, /* LO:HI; room names are shorter */
	RELAY_READ_MAX = 64,       /* messages in one relay_read() */
	RELAY_NODE_MAX = 64,
	RELAY_TOKEN_LEN = 32, /* a resume token's hash, in hex */
	RELAY_OWNER_NODES_MAX = 8 * (RELAY_NODE_MAX + 1), /* names, commas */
};

/* One conversation: a room by its folded name, or two senders' ids. */
enum conv_kind { CONV_ROOM, CONV_PAIR };

struct conv {
	enum conv_kind kind;
	/* Of a room that is open here, relay_room_info's: saves looking it up.
	 * Else NULL. */
	void *place;
	char key[CONV_KEY_MAX + 1];
};

void conv_room(struct conv *c, const char *fold);
/* The two ids in either order; a person's notes to self have the same twice. */
void conv_pair(struct conv *c, const char *a, const char *b);
/* The other one of a pair; of notes to self, the one. Borrowed from c. */
struct span conv_peer(const struct conv *c, const char *me);

enum relay_status {
	RELAY_OK,
	RELAY_DOWN,    /* certainly not accepted: not a byte was written */
	RELAY_UNKNOWN, /* written, and no answer in time */
	RELAY_BUSY,    /* its queue is full; not written */
	RELAY_FULL,    /* it has no room left; not accepted */
	RELAY_TAKEN,   /* relay_claim: somebody else has the nick, or one that
			  looks like it */
	RELAY_NONE,    /* nothing of that name */
	RELAY_FAILED,  /* refused for a reason that is our bug or the operator's
			*/
	RELAY_REGISTERED, /* relay_claim: the nick, or one that looks like it,
			     belongs to an account */
	RELAY_OWNED,      /* the key belongs to another account */
	RELAY_LAST,       /* nothing would be left to prove the account by */
	RELAY_LIMIT,      /* it has as many as there may be */
	RELAY_UNKEPT,     /* this relay keeps nothing of that kind */
	RELAY_STALE,      /* relay_append, and readings of history.h: the
			     room's rights are others by now, and were told;
			     judge again */
	RELAY_SLOW,       /* relay_append: the sender has to wait */
};

/* What a log entry is.  Others (edits) will join these. */
enum relay_kind { RELAY_MSG, RELAY_TOPIC, RELAY_RIGHTS };

/* One entry of a conversation's log, in both directions.  Going down, id and
 * prev are ignored.  p == NULL means absent. */
struct relay_msg {
	struct msgid id;
	struct msgid prev; /* of the entry before it; 0-0 at the beginning */
	enum relay_kind kind;
	bool act;
	bool auth;          /* the sender is the account of this nick */
	struct span sender; /* sender id */
	struct span nick;   /* the sender's, as shown */
	struct span peer;   /* pairs: the other one's nick, as shown */
	struct span cid;
	struct span re;
	struct span enc;
	struct span text; /* empty for a cleared topic */
	/* Rooms: the version of the rights by which it was judged; of an entry
	 * RELAY_RIGHTS its own id.  relay_rights.h */
	struct msgid rv;
	uint64_t slow_ms; /* going down: the sender's least time between two */
	/* RELAY_RIGHTS: what was done, by whom (sender, nick), to whom (target,
	 * peer as shown), and why (text). */
	int verb; /* enum rights_verb */
	struct span target;
};

/* A member of a room: a sender, on the node where its sessions are. */
struct relay_member {
	struct span sender;
	struct span nick;
	struct span node; /* empty: this one */
	struct span by;   /* PARTED: the nick of who put it out; else absent */
};

enum relay_presence {
	RELAY_PRESENT, /* was there when we subscribed, or is found again */
	RELAY_JOINED,
	RELAY_PARTED,  /* text: why */
	RELAY_RENAMED, /* nick is the new one */
	RELAY_GONE,    /* no longer there, found silently (a sweep) */
};

/* News, from the loop.  `room` is what relay_open_room() was given; `user` what
 * relay_watch() was given. */
struct relay_events {
	/* The relay went away (false), or is back, its rooms and members are
	 * registered again and what was missed has been delivered (true). */
	void (*on_state)(void *arg, bool up);
	void (*on_message)(void *arg, void *room, const struct relay_msg *m);
	/* The room's rights are these from here on: the next message was
	 * accepted under them.  Not told where nothing was ever set. */
	void (*on_rights)(void *arg, void *room, struct rights *rights);
	/* What was said between last and the next message is out of reach, or
	 * history went back. */
	void (*on_gap)(void *arg, void *room);
	void (*on_presence)(void *arg, void *room, enum relay_presence what,
	    const struct relay_member *m, struct span text);
	/* Members whose node died, when its grace is over: all that leave this
	 * room with it.  Who is in the room by another node is not among them.
	 */
	void (*on_departed)(
	    void *arg, void *room, const struct relay_member *m, size_t n);
	void (*on_typing)(
	    void *arg, void *room, struct span sender, struct span nick);
	/* A pair's message for a watched sender.  Once per watched sender: both
	 * of a pair may be ours.  Typing comes to the other one's watch alone.
	 */
	void (*on_pair_message)(void *arg, void *user, const struct conv *c,
	    const struct relay_msg *m);
	void (*on_pair_typing)(
	    void *arg, void *user, struct span sender, struct span nick);
	/* Our claim of this nick was lost to somebody else (two nodes met again
	 * after a break): the holder has to be renamed. */
	void (*on_nick_lost)(void *arg, const char *sender, const char *fold);
	/* relay_resume() took this sender over with this nick, here or on
	 * another node: what it has here ends, and the nick is not given
	 * back. */
	void (*on_replaced)(void *arg, const char *sender, const char *fold);
	/* An operator's order, and all ranges that are closed out:
	 * relay_oper.h.  Both may be NULL. */
	void (*on_order)(void *arg, const struct relay_order *o);
	void (*on_denies)(void *arg, const struct denies *all);
};

/* --- asking --------------------------------------------------------------- */

struct relay_room_info {
	struct msgid last; /* the newest id when the subscription stood */
	struct span shown; /* the room's first spelling */
	struct span topic; /* p NULL: none */
	struct span topic_nick;
	struct rights *rights; /* borrowed, never NULL */
	/* Where it lies in the relay, as long as it is open here; or NULL. */
	void *place;
};
typedef void (*relay_room_fn)(
    void *arg, enum relay_status st, const struct relay_room_info *info);

typedef void (*relay_done_fn)(void *arg, enum relay_status st);

/* sender: the id that was taken over; borrowed. */
typedef void (*relay_resume_fn)(
    void *arg, enum relay_status st, const char *sender);

/* dup: this cid was accepted before, under that id.  With RELAY_SLOW, id.ms is
 * how long the sender has to wait.  again: with RELAY_STALE, the message as it
 * was handed in; borrowed. */
typedef void (*relay_append_fn)(void *arg, enum relay_status st,
    struct msgid id, bool dup, const struct relay_msg *again);

/*
 * A page of a log, oldest first.
 *   gap   the page does not begin where it was asked to: `from` is unknown,
 *         trimmed, or above the newest
 *   end   nothing more is kept in the direction asked
 */
struct relay_page {
	const struct relay_msg *msgs;
	size_t n;
	bool gap;
	bool end;
};
typedef void (*relay_read_fn)(
    void *arg, enum relay_status st, const struct relay_page *page);

struct relay_owner {
	struct span sender; /* an account's where the nick is registered */
	struct span nick;   /* as shown */
	/* Where it is, without the incarnation: of an account that is on
	 * several nodes their names with commas between, empty if it is on
	 * none. */
	struct span node;
	uint64_t since_ms; /* wall clock: when the nick was taken */
};
typedef void (*relay_owner_fn)(
    void *arg, enum relay_status st, const struct relay_owner *owner);

struct relay_peek {
	struct relay_room_info info;
	const struct relay_member *members; /* unsorted */
	size_t n;
};
typedef void (*relay_peek_fn)(
    void *arg, enum relay_status st, const struct relay_peek *peek);

struct relay_room_entry {
	struct span fold, shown, topic;
	size_t count;
	bool hidden; /* known to its members alone */
};
typedef void (*relay_list_fn)(void *arg, enum relay_status st,
    const struct relay_room_entry *rooms, size_t n); /* unsorted */

/* --- operations ----------------------------------------------------------- */

void relay_set_events(
    struct relay *r, const struct relay_events *ev, void *arg);
void relay_free(struct relay *r); /* every done still owed: RELAY_DOWN */

bool relay_is_up(const struct relay *r);

/* What an operator may change while it runs: messages kept, and times.  It
 * counts for what comes from now on. */
struct relay_tuning {
	int64_t history, history_ttl_ms, dedupe_ms, resume_ms, room_ttl_ms;
};
void relay_tune(struct relay *r, const struct relay_tuning *t);
/* It is asked more than it answers in good time: what can wait should, so that
 * what was asked already is answered before its time is over.  False when the
 * relay is away: then nothing has to wait for its refusal. */
bool relay_is_busy(const struct relay *r);
/* "process" or "relay": WELCOME's durable= */
const char *relay_durability(const struct relay *r);

/*
 * Subscribes this node to a room and makes the room known under `shown` if it
 * is new.  Present members come as on_presence(RELAY_PRESENT) before done.
 * After done(RELAY_OK) every message above info->last comes, in order, until
 * relay_close_room(); none before.  On any other status the room is closed.
 *
 *   room  kept until relay_close_room(), handed to events; not looked into
 */
void relay_open_room(struct relay *r, const struct name *name, void *room,
    relay_room_fn done, void *arg);
/* At once: no event for this room follows. A pending open gets RELAY_DOWN. */
void relay_close_room(struct relay *r, const char *fold);

/* A sender of this node enters or leaves an open room; all nodes' on_presence
 * follows, this one's too.  done may be NULL.
 *   m->by, text  of who leaves: who put it out, and why it goes */
void relay_join(struct relay *r, const char *fold, const struct relay_member *m,
    relay_done_fn done, void *arg);
void relay_part(struct relay *r, const char *fold, const struct relay_member *m,
    struct span text, relay_done_fn done, void *arg);
/* A member took another nick: m->nick is the new one. */
void relay_rename(
    struct relay *r, const char *fold, const struct relay_member *m);

/*
 * Appends to a conversation's log: dedupe by (sender, conversation, cid), id,
 * predecessor, publish, in one step.  Done with the id under which everyone
 * sees it, within say-timeout.  For a pair, both senders' watchers get it.
 * RELAY_TOPIC also becomes the room's topic.  In a room the message's rv has to
 * be the present one, and slow_ms to have passed: RELAY_STALE, RELAY_SLOW.
 * RELAY_RIGHTS is appended by relay_change_rights() alone.
 */
void relay_append(struct relay *r, const struct conv *c,
    const struct relay_msg *m, relay_append_fn done, void *arg);

/*
 * Reads a log.  FORWARD: entries with id > from and <= to (to 0-0: no end),
 * the oldest n of them; gap is judged if check_from (from must still be in
 * the log, or be the newest known id, or be 0-0 with nothing trimmed).
 * BACKWARD: entries with id < from (0-0: from the newest), the newest n.
 * n is at most RELAY_READ_MAX.
 */
enum relay_direction { RELAY_FORWARD, RELAY_BACKWARD };
struct relay_range {
	enum relay_direction direction;
	struct msgid from, to;
	bool check_from;
	unsigned n;
};
void relay_read(struct relay *r, const struct conv *c,
    const struct relay_range *range, relay_read_fn done, void *arg);

/* Soft: published, not stored, may get lost. */
void relay_typing(struct relay *r, const struct conv *c, struct span sender,
    struct span nick);

/*
 * Gives the nick to the sender: RELAY_OK, also where it had it already;
 * RELAY_TAKEN while a live node holds it, or another nick of its skeleton
 * (name_skeleton()), for somebody else.  Of nicks that look alike a sender
 * holds one at a time: the last one claimed takes the place of the one before.
 * RELAY_REGISTERED where an account owns it, or what it looks like.
 *
 *   token  hash of what takes the nick over, RELAY_TOKEN_LEN long; NULL: none
 */
void relay_claim(struct relay *r, const struct name *nick, const char *sender,
    const char *token, relay_done_fn done, void *arg);
/* Gives it back; nothing happens if the sender does not hold it, also where it
 * holds one that looks like it. */
void relay_release(struct relay *r, const char *fold, const char *sender);
/* The same, but its token is good for a while, as long as nobody takes the
 * nick: the sender was lost, and may come back. */
void relay_leave(struct relay *r, const char *fold, const char *sender);
/*
 * Takes over the sender that holds, or has left, this very nick, from whatever
 * node, alive or not.  Once: from then on it is held here under new_token.
 * RELAY_TAKEN if another token goes with it, RELAY_NONE if nobody holds it.
 * Where the sender was held, on_replaced() comes to its node; to this one
 * before done.  After RELAY_UNKNOWN it is as it was, or left by who has
 * new_token; asking again is right in either case.
 */
void relay_resume(struct relay *r, const struct name *nick, const char *token,
    const char *new_token, relay_resume_fn done, void *arg);
/* Who holds this very nick, if its node is alive, or the account that owns it,
 * wherever that is; else RELAY_NONE. */
void relay_find(
    struct relay *r, const char *fold, relay_owner_fn done, void *arg);

/* Pairs of this sender come up from done(RELAY_OK) until relay_unwatch(). */
void relay_watch(struct relay *r, const char *sender, void *user,
    relay_done_fn done, void *arg);
void relay_unwatch(struct relay *r, const char *sender);

/* A room that is not open here (one that is may be asked too). */
void relay_peek(
    struct relay *r, const char *fold, relay_peek_fn done, void *arg);
/* All rooms with members. */
void relay_list(struct relay *r, relay_list_fn done, void *arg);

/* --- for back ends -------------------------------------------------------- */

struct relay_account_ops;
struct relay_oper_ops;
struct relay_rights_ops;

/* One function each, the same contracts; relay.c's functions above check the
 * arguments and call them. */
struct relay_ops {
	void (*free)(struct relay *);
	bool (*is_up)(const struct relay *);
	void (*tune)(struct relay *, const struct relay_tuning *);
	bool (*is_busy)(const struct relay *); /* NULL: never */
	const char *durability;
	void (*open_room)(struct relay *, const struct name *, void *room,
	    relay_room_fn, void *);
	void (*close_room)(struct relay *, const char *fold);
	void (*join)(struct relay *, const char *fold,
	    const struct relay_member *, relay_done_fn, void *);
	void (*part)(struct relay *, const char *fold,
	    const struct relay_member *, struct span, relay_done_fn, void *);
	void (*rename)(
	    struct relay *, const char *fold, const struct relay_member *);
	void (*append)(struct relay *, const struct conv *,
	    const struct relay_msg *, relay_append_fn, void *);
	void (*read)(struct relay *, const struct conv *,
	    const struct relay_range *, relay_read_fn, void *);
	void (*typing)(struct relay *, const struct conv *, struct span sender,
	    struct span nick);
	void (*claim)(struct relay *, const struct name *, const char *sender,
	    const char *token, relay_done_fn, void *);
	void (*release)(struct relay *, const char *fold, const char *sender);
	void (*leave)(struct relay *, const char *fold, const char *sender);
	void (*resume)(struct relay *, const struct name *, const char *token,
	    const char *new_token, relay_resume_fn, void *);
	void (*find)(struct relay *, const char *fold, relay_owner_fn, void *);
	void (*watch)(struct relay *, const char *sender, void *user,
	    relay_done_fn, void *);
	void (*unwatch)(struct relay *, const char *sender);
	void (*peek)(struct relay *, const char *fold, relay_peek_fn, void *);
	void (*list)(struct relay *, relay_list_fn, void *);
	const struct relay_account_ops *accounts; /* relay_account.h */
	const struct relay_rights_ops *rights;    /* relay_rights.h */
	const struct relay_oper_ops *oper;        /* relay_oper.h */
};

/* A message that is kept: how many bytes its strings have; and they are copied
 * to `bytes`, and pointed to there. */
size_t relay_msg_bytes(const struct relay_msg *m);
void relay_msg_settle(struct relay_msg *m, char *bytes);

/* The head of a back end's own struct. */
struct relay {
	const struct relay_ops *ops;
	struct relay_events ev;
	void *ev_arg;
};

#endif
