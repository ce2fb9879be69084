/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_ROOM_H
#define SNUG_SERVER_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/names.h"
#include "proto/msgid.h"
#include "server/relay.h"
#include "server/table.h"

struct rights;
struct join;
struct room;
struct session;
struct user;

/* A sender's membership of a room, wherever its sessions are. */
struct seat {
	TAILQ_ENTRY(seat) in_room;
	TAILQ_ENTRY(seat) of_user;
	struct room *room;
	struct user *user;
	unsigned here;  /* sessions on this node */
	bool announced; /* the others were told, or need not be */
	bool leaving;   /* parted here; the relay's word is awaited */
};

/* A session of this node that listens to a room, or attends: is told who comes
 * and goes, but not yet what is said. */
struct room_live {
	struct session *session; /* not looked into */
	size_t *place;           /* where the session keeps its index here */
};

enum room_state {
	ROOM_CLOSED,  /* nobody asked the relay yet */
	ROOM_OPENING, /* the subscription is on its way */
	ROOM_OPEN,
};

/* Something that waits for the room to open, or to be told of a message:
 * called once, then forgotten. */
struct room_waiter {
	STAILQ_ENTRY(room_waiter) next;
	struct msgid id;                               /* of the message */
	void (*fn)(struct room_waiter *w, int status); /* enum relay_status */
};
STAILQ_HEAD(room_waiters, room_waiter);

struct room {
	char *fold, *shown;
	struct conv conv;         /* what it is to the relay */
	char *topic, *topic_nick; /* NULL: none */
	enum room_state state;
	struct msgid last; /* the newest entry that came up here */
	bool broken;       /* and a gap since: it may be in no log any more */
	struct rights *rights; /* shared; never NULL */
	bool unswept;          /* they are new: not all who are here may stay */
	TAILQ_HEAD(, seat) seats;
	size_t nseats;
	struct room_live *live;
	size_t nlive, live_cap;
	size_t nlisteners; /* these come first in live */
	unsigned pins; /* memberships, and commands under way that need it */
	bool quiet;    /* above presence-max: comings and goings are not told */
	bool dirty;    /* the batch holds lines that nobody was given yet */
	struct buf batch;
	struct room_waiters waiters; /* for it to open */
	struct room_waiters echoes;  /* for their messages; each has a pin */
	TAILQ_HEAD(, join) entering; /* member.c's; each has a pin */
	STAILQ_ENTRY(room) next_dirty;
	UT_hash_handle hh;
};

/* Hands bytes (whole framed lines) to one session; must not touch rooms. */
typedef void (*room_deliver_fn)(struct session *s, const char *p, size_t len);

struct rooms;

/*
 *   deliver       gives a batch to a session
 *   wake          called when a batch begins: rooms_flush() soon, from the loop
 *   presence_max  above so many members comings and goings are not told
 */
struct rooms *rooms_new(room_deliver_fn deliver, void (*wake)(void *arg),
    void *wake_arg, size_t presence_max) MUST_CHECK;
/* Rooms grow quiet and loud by it with their next coming or going. */
void rooms_set_presence_max(struct rooms *rs, size_t presence_max);
void rooms_free(struct rooms *rs);
/* Gives memory back that no batch needed since this was called last. */
void rooms_trim(struct rooms *rs);
size_t rooms_count(const struct rooms *rs);
struct room *rooms_first(const struct rooms *rs); /* then ->hh.next */

struct room *room_find(const struct rooms *rs, const char *fold);
struct room *room_get(struct rooms *rs, const struct name *name);
void room_set_topic(struct room *r, struct span topic, struct span nick);
/* Shares them. */
void room_set_rights(struct room *r, struct rights *rights);
void room_set_shown(struct room *r, struct span shown);

/* Nobody here listens, waits or has anything under way: may be forgotten. */
bool room_is_idle(const struct room *r);
/* Forgets the room and its seats; users without any other reason to be known
 * are given to `orphan`. */
void room_free(struct rooms *rs, struct room *r,
    void (*orphan)(void *arg, struct user *u), void *arg);

/* --- seats -------------------------------------------------------------- */

struct seat *room_seat(const struct room *r, const struct user *u);
struct seat *room_add_seat(struct room *r, struct user *u);
/* Frees it; the user may be an orphan then. */
void room_drop_seat(struct seat *seat);

/* Did the number of members cross presence-max?  Sets quiet, with hysteresis:
 * loud again below 80 %. */
bool room_presence_crossed(struct rooms *rs, struct room *r);

/* The newest entry that came up here is this one: whoever waited for it, or for
 * one before it, is called. */
void room_told(struct room *r, struct msgid id);
/* Whoever waits for a message is called, for it may never come. */
void room_give_up_echoes(struct room *r, int status);

/* --- lines -----------------------------------------------------------------
 */

/* The batch, to write a line into for all who listen; marks the room dirty. */
struct buf *room_batch(struct rooms *rs, struct room *r);
/* What was batched so far goes to those who listen now. */
void room_flush(struct rooms *rs, struct room *r);
void rooms_flush(struct rooms *rs);
/* A line for all who listen or attend. */
void room_tell(struct rooms *rs, struct room *r, room_deliver_fn deliver,
    const char *p, size_t len);
/* The same but for a few, behind what was batched. */
void room_send_but(struct rooms *rs, struct room *r, struct session *const *but,
    size_t nbut, room_deliver_fn deliver, const char *p, size_t len);

/*
 * From now on the session is given every batch; what was batched before goes
 * out first, without it.  *place is kept up to date while it listens and is
 * ROOM_NOT_LIVE otherwise.
 */
#define ROOM_NOT_LIVE ((size_t)-1)
void room_listen(
    struct rooms *rs, struct room *r, struct session *s, size_t *place);
/* From now on it is given only room_tell() and room_send_but(); what was
 * batched before goes out first, also to it if it listened. */
void room_attend(
    struct rooms *rs, struct room *r, struct session *s, size_t *place);
/* And no more; what was batched before it still gets. */
void room_unlisten(struct rooms *rs, struct room *r, size_t *place);

#endif
