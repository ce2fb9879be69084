/* SPDX-License-Identifier: ISC */
/*
 * Rooms: who is in which conversation, and one rendering for all of them.
 *
 * A room has seats (its members, on whichever node) and listeners (sessions of
 * this node; who still reads the log only attends, and is told of members).  A
 * line for the room is written once, into the room's batch; at the end of the
 * loop's turn the whole batch goes to each listener in one piece, so that a
 * busy room costs a listener one system call a turn, however many messages
 * came.  Whoever begins or ceases to listen in between is kept apart by
 * flushing first.
 *
 * This file knows neither sockets nor the relay: sessions are names to it,
 * and `deliver` takes the bytes.  That keeps it testable without a network.
 */
#include "server/room.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/spares.h"
#include "server/rights.h"
#include "server/user.h"

enum {
	BATCH_MAX = 65536, /* bytes; a fuller batch goes out within the turn */
};

struct rooms {
	struct room *by_fold;
	room_deliver_fn deliver;
	void (*wake)(void *arg);
	void *wake_arg;
	size_t presence_max;
	STAILQ_HEAD(, room) dirty;
	struct spares spares; /* for batches */
};

struct rooms *
rooms_new(room_deliver_fn deliver, void (*wake)(void *arg), void *wake_arg,
    size_t presence_max)
{
	struct rooms *rs = xcalloc(1, sizeof *rs);

	rs->deliver = deliver;
	rs->wake = wake;
	rs->wake_arg = wake_arg;
	rs->presence_max = presence_max;
	STAILQ_INIT(&rs->dirty);
	return rs;
}

void
rooms_set_presence_max(struct rooms *rs, size_t presence_max)
{
	rs->presence_max = presence_max;
}

void
rooms_free(struct rooms *rs)
{
	struct room *r, *tmp;

	if (!rs)
		return;
	HASH_ITER (hh, rs->by_fold, r, tmp)
		room_free(rs, r, NULL, NULL);
	spares_free(&rs->spares);
	free(rs);
}

void
rooms_trim(struct rooms *rs)
{
	spares_trim(&rs->spares);
}

size_t
rooms_count(const struct rooms *rs)
{
	return HASH_COUNT(rs->by_fold);
}

struct room *
rooms_first(const struct rooms *rs)
{
	return rs->by_fold;
}

struct room *
room_find(const struct rooms *rs, const char *fold)
{
	struct room *r;

	HASH_FIND_STR(rs->by_fold, fold, r);
	return r;
}

struct room *
room_get(struct rooms *rs, const struct name *name)
{
	struct room *r = room_find(rs, name->fold);

	if (r)
		return r;
	r = xcalloc(1, sizeof *r);
	r->fold = xstrdup(name->fold);
	r->shown = xstrdup(name->shown);
	conv_room(&r->conv, r->fold);
	r->rights = rights_new();
	TAILQ_INIT(&r->seats);
	STAILQ_INIT(&r->waiters);
	STAILQ_INIT(&r->echoes);
	TAILQ_INIT(&r->entering);
	HASH_ADD_KEYPTR(hh, rs->by_fold, r->fold, strlen(r->fold), r);
	return r;
}

void
room_set_topic(struct room *r, struct span topic, struct span nick)
{
	free(r->topic);
	free(r->topic_nick);
	r->topic = r->topic_nick = NULL;
	if (topic.len == 0)
		return;
	r->topic = xstrndup(topic.p, topic.len);
	r->topic_nick = xstrndup(nick.p ? nick.p : "", nick.len);
}

void
room_set_rights(struct room *r, struct rights *rights)
{
	rights_ref(rights);
	rights_unref(r->rights);
	r->rights = rights;
}

void
room_set_shown(struct room *r, struct span shown)
{
	struct name name;

	/* What the relay says is believed only where it is the same room. */
	if (name_check(shown, false, &name) != 0 ||
	    strcmp(name.fold, r->fold) != 0)
		return;
	free(r->shown);
	r->shown = xstrdup(name.shown);
}

bool
room_is_idle(const struct room *r)
{
	return r->nlive == 0 && r->pins == 0 && STAILQ_EMPTY(&r->waiters);
}

static void
forget_dirty(struct rooms *rs, struct room *r)
{
	if (!r->dirty)
		return;
	STAILQ_REMOVE(&rs->dirty, r, room, next_dirty);
	r->dirty = false;
}

void
room_free(struct rooms *rs, struct room *r,
    void (*orphan)(void *arg, struct user *u), void *arg)
{
	struct seat *s;

	forget_dirty(rs, r);
	while ((s = TAILQ_FIRST(&r->seats))) {
		struct user *u = s->user;

		room_drop_seat(s);
		if (orphan)
			orphan(arg, u);
	}
	HASH_DEL(rs->by_fold, r);
	buf_free(&r->batch);
	free(r->live);
	free(r->topic);
	free(r->topic_nick);
	rights_unref(r->rights);
	free(r->shown);
	free(r->fold);
	free(r);
}

void
room_told(struct room *r, struct msgid id)
{
	struct room_waiters due = STAILQ_HEAD_INITIALIZER(due);
	struct room_waiter *w;

	r->last = id;
	r->broken = false;
	/* Ids of one room are awaited in their order. */
	while ((w = STAILQ_FIRST(&r->echoes)) && msgid_cmp(w->id, id) <= 0) {
		STAILQ_REMOVE_HEAD(&r->echoes, next);
		STAILQ_INSERT_TAIL(&due, w, next);
	}
	while ((w = STAILQ_FIRST(&due))) {
		STAILQ_REMOVE_HEAD(&due, next);
		w->fn(w, 0);
	}
}

void
room_give_up_echoes(struct room *r, int status)
{
	struct room_waiters due = STAILQ_HEAD_INITIALIZER(due);
	struct room_waiter *w;

	STAILQ_CONCAT(&due, &r->echoes);
	while ((w = STAILQ_FIRST(&due))) {
		STAILQ_REMOVE_HEAD(&due, next);
		w->fn(w, status);
	}
}

/* A user sits in at most rooms-per-session rooms per session, a room may have
 * thousands of members: so the user's list is the one to search. */
struct seat *
room_seat(const struct room *r, const struct user *u)
{
	struct seat *s;

	TAILQ_FOREACH (s, &u->seats, of_user)
		if (s->room == r)
			return s;
	return NULL;
}

struct seat *
room_add_seat(struct room *r, struct user *u)
{
	struct seat *s = xcalloc(1, sizeof *s);

	assert(!room_seat(r, u));
	s->room = r;
	s->user = u;
	TAILQ_INSERT_TAIL(&r->seats, s, in_room);
	TAILQ_INSERT_TAIL(&u->seats, s, of_user);
	r->nseats++;
	u->nseats++;
	return s;
}

void
room_drop_seat(struct seat *s)
{
	TAILQ_REMOVE(&s->room->seats, s, in_room);
	TAILQ_REMOVE(&s->user->seats, s, of_user);
	s->room->nseats--;
	s->user->nseats--;
	free(s);
}

bool
room_presence_crossed(struct rooms *rs, struct room *r)
{
	bool was = r->quiet;

	if (!r->quiet && r->nseats > rs->presence_max)
		r->quiet = true;
	else if (r->quiet && r->nseats < rs->presence_max * 4 / 5)
		r->quiet = false;
	return r->quiet != was;
}

struct buf *
room_batch(struct rooms *rs, struct room *r)
{
	if (buf_len(&r->batch) >= BATCH_MAX)
		room_flush(rs, r);
	if (!r->dirty) {
		r->dirty = true;
		spares_lend(&rs->spares, &r->batch);
		if (STAILQ_EMPTY(&rs->dirty))
			rs->wake(rs->wake_arg);
		STAILQ_INSERT_TAIL(&rs->dirty, r, next_dirty);
	}
	return &r->batch;
}

static void
send_batch(struct rooms *rs, struct room *r)
{
	const char *p = buf_head(&r->batch);
	size_t len = buf_len(&r->batch);

	r->dirty = false;
	for (size_t i = 0; len > 0 && i < r->nlisteners; i++)
		rs->deliver(r->live[i].session, p, len);
	buf_clear(&r->batch);
	spares_take(&rs->spares, &r->batch);
}

void
room_flush(struct rooms *rs, struct room *r)
{
	if (!r->dirty)
		return;
	STAILQ_REMOVE(&rs->dirty, r, room, next_dirty);
	send_batch(rs, r);
}

void
room_tell(struct rooms *rs, struct room *r, room_deliver_fn deliver,
    const char *p, size_t len)
{
	for (size_t i = r->nlisteners; i < r->nlive; i++)
		deliver(r->live[i].session, p, len);
	buf_add(room_batch(rs, r), p, len);
}

void
room_send_but(struct rooms *rs, struct room *r, struct session *const *but,
    size_t nbut, room_deliver_fn deliver, const char *p, size_t len)
{
	room_flush(rs, r);
	for (size_t i = 0; i < r->nlive; i++) {
		bool skip = false;

		for (size_t j = 0; j < nbut && !skip; j++)
			skip = but[j] == r->live[i].session;
		if (!skip)
			deliver(r->live[i].session, p, len);
	}
}

void
rooms_flush(struct rooms *rs)
{
	struct room *r;

	while ((r = STAILQ_FIRST(&rs->dirty))) {
		STAILQ_REMOVE_HEAD(&rs->dirty, next_dirty);
		send_batch(rs, r);
	}
}

/* Those that listen come first. */
static void
swap_live(struct room *r, size_t i, size_t j)
{
	struct room_live was = r->live[i];

	r->live[i] = r->live[j];
	r->live[j] = was;
	*r->live[i].place = i;
	*r->live[j].place = j;
}

static void
stop_listening(struct room *r, size_t place)
{
	if (place < r->nlisteners)
		swap_live(r, place, --r->nlisteners);
}

void
room_attend(struct rooms *rs, struct room *r, struct session *s, size_t *place)
{
	room_flush(rs, r);
	if (*place != ROOM_NOT_LIVE) {
		stop_listening(r, *place);
		return;
	}
	if (r->nlive == r->live_cap) {
		r->live_cap = r->live_cap ? r->live_cap * 2 : 4;
		r->live =
		    xreallocarray(r->live, r->live_cap, sizeof r->live[0]);
	}
	*place = r->nlive;
	r->live[r->nlive++] = (struct room_live){s, place};
}

void
room_listen(struct rooms *rs, struct room *r, struct session *s, size_t *place)
{
	room_flush(rs, r);
	if (*place == ROOM_NOT_LIVE)
		room_attend(rs, r, s, place);
	if (*place >= r->nlisteners)
		swap_live(r, *place, r->nlisteners++);
}

void
room_unlisten(struct rooms *rs, struct room *r, size_t *place)
{
	if (*place == ROOM_NOT_LIVE)
		return;
	room_flush(rs, r);
	stop_listening(r, *place);
	swap_live(r, *place, --r->nlive);
	*place = ROOM_NOT_LIVE;
}
