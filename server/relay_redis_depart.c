/* SPDX-License-Identifier: ISC */
/*
 * Members whose node is dead leave, once its grace is over.
 *
 * A node may have had ten thousand: they leave room by room, and a slice of
 * rooms at a time, so that the loop gets round in between.  Every node knows
 * the members of its rooms, so nothing is asked of Redis and nothing published.
 *
 * One pass looks through all rooms, for all nodes that were `leaving` when it
 * began; nodes whose grace ends meanwhile wait for the next.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "server/relay_redis_int.h"

enum {
	ROOMS_AT_ONCE = 200,
	MEMBERS_AT_ONCE = 5000, /* looked at; a room is not divided */
	PAUSE_MS = 5,
};

bool
rr_depart_is_idle(const struct rr *r)
{
	return r->depart.folds == NULL;
}

static void
forget_rooms(struct rr *r)
{
	while (r->depart.next < r->depart.n)
		free(r->depart.folds[r->depart.next++]);
	free(r->depart.folds);
	r->depart.folds = NULL;
}

static void
finish(struct rr *r)
{
	struct rr_node *n, *next;

	forget_rooms(r);
	HASH_ITER (hh, r->nodes, n, next) {
		if (!n->leaving)
			continue;
		log_info("relay", 0, "node=%s is gone", n->id);
		rr_node_forget(r, n);
	}
}

static void
on_slice(int fd, short what, void *arg)
{
	struct rr *r = arg;
	size_t seen = 0;

	(void)fd;
	(void)what;
	for (int i = 0; i < ROOMS_AT_ONCE && seen < MEMBERS_AT_ONCE &&
			r->depart.next < r->depart.n;
	     i++) {
		char *fold = r->depart.folds[r->depart.next++];

		seen += rr_room_depart(r, fold);
		free(fold);
	}
	if (r->depart.next < r->depart.n)
		rr_event_in(r->depart.timer, PAUSE_MS);
	else
		finish(r);
}

void
rr_depart_start(struct rr *r)
{
	r->depart.next = 0;
	r->depart.folds = rr_rooms_snapshot(r, &r->depart.n);
	rr_event_in(r->depart.timer, 0);
}

void
rr_depart_init(struct rr *r)
{
	r->depart.timer = rr_event(r, on_slice, r);
}

void
rr_depart_fini(struct rr *r)
{
	forget_rooms(r);
	event_free(r->depart.timer);
}
