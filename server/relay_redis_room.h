/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_RELAY_REDIS_ROOM_H
#define SNUG_SERVER_RELAY_REDIS_ROOM_H

#include "server/index.h"
#include "server/relay_redis_int.h"

/*
 * A room of the Redis relay, as its three files share it:
 *
 *	relay_redis_room.c    opening, its channel, coming back
 *	relay_redis_roster.c  who is in it, on all nodes
 *	relay_redis_member.c  this node's members come and go
 *	relay_redis_rights.c  what it allows
 */
struct rr_own {
	char sender[SENDER_ID_LEN + 1];
	char nick[];
};

struct rr_home;
SLIST_HEAD(rr_homes, rr_home);

enum rr_room_phase { ROOM_SUBSCRIBING, ROOM_READING, ROOM_OPEN };

struct rr_open_op;
struct rr_sweep;

struct rr_room {
	UT_hash_handle hh;
	struct rr_room *next_dead;
	struct rr *r;
	struct conv conv; /* its key is the fold */
	char shown[NAME_BYTES_MAX + 1];
	char tag[RR_TAG_MAX];
	struct rr_stem stem; /* of its keys */
	enum rr_room_phase phase;
	bool closed;
	bool unsure; /* Redis may hold members that are not ours */
	void *room;  /* the caller's */
	struct rr_open_op *opening; /* until ROOM_OPEN */
	struct rr_sweep *sweep;     /* a roster is being read */
	bool sweep_again;
	struct rr_chan *chan;
	struct rr_feed feed;
	struct ring ring;
	struct msgid lengthened; /* the ring's base when that was tried */
	struct index own;        /* struct rr_own, by sender */
	struct rr_homes homes;   /* the nodes that members are on */
	struct buf news;         /* held while a roster is read */
	struct msgid asked;    /* feed.last when the newest id was asked for */
	struct rights *rights; /* as they were told; never NULL */
	struct msgid known;    /* no version up to this one is read anew */
	struct rr_reload *reload; /* they are being read */
	struct rr_batch *batch;   /* appends of this turn; NULL: none yet */
};

/* --- relay_redis_room.c --------------------------------------------------- */

struct rr_room *rr_room_find(struct rr *r, const char *fold);
/* Only one that was opened and is not closed. */
struct rr_room *rr_room_find_open(struct rr *r, const char *fold);
/* The same, by the place that it was given where the caller knows it. */
struct rr_room *rr_room_of(struct rr *r, const struct conv *c);
/* A closed room is kept while Redis may hold members of it. */
void rr_room_bury_if_done(struct rr_room *room);

/* --- relay_redis_read.c --------------------------------------------------- */

/* Gives back what the ring holds of a log that has expired. */
void rr_ring_tidy(struct rr_room *room);

/* --- relay_redis_roster.c ------------------------------------------------- */

void rr_roster_init(struct rr_room *room);

/* What this node's sessions want. */
struct rr_own *rr_own_find(struct rr_room *room, struct span sender);
void rr_own_set(struct rr_room *room, struct span sender, struct span nick);
void rr_own_drop(struct rr_room *room, struct span sender);
/* They are the other's, which had none. */
void rr_own_move(struct rr_room *room, struct rr_room *from);
/* Tells those who stayed while the room was closed here. */
void rr_own_tell(struct rr_room *room);

/* What all nodes say, as it was told upward; a node is given by its id. */

/* Somebody is there: tells it, if that is news. */
void rr_member_appear(struct rr_room *room, enum relay_presence what,
    struct span sender, struct span nick, struct span node);
/* Somebody has left, who may never have been there.  by, text: who put it out,
 * and why it goes; absent where that is not known. */
void rr_member_vanish(struct rr_room *room, struct span sender,
    struct span node, struct span by, struct span text);
/* Somebody who is there is called otherwise from now on. */
void rr_member_rename(struct rr_room *room, struct span sender,
    struct span nick, struct span node);
/* All of that node's have gone. */
void rr_members_gone(struct rr_room *room, struct span node);
void rr_roster_take(struct rr_room *room, const redisReply *roster);
void rr_roster_free(struct rr_room *room);

/* --- relay_redis_rights.c ------------------------------------------------- */

struct rr_reload;
/* These stand in Redis now: tells them, if that is news. */
void rr_rights_take(struct rr_room *room, struct rights *rights);
/* Can this be delivered under the rights that are known?  Else they are read,
 * and the feed unblocked. */
bool rr_rights_accept(struct rr_room *room, const struct relay_msg *m);
/* They may be others by now. */
void rr_rights_reload(struct rr_room *room);
/* The room is closed, or what is under way is out of date. */
void rr_rights_forget(struct rr_room *room);

#endif
