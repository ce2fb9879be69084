/* SPDX-License-Identifier: ISC */
/*
 * Who is in a room.
 *
 * Members are kept twice.  `own` is what this node's sessions want: it is told
 * to Redis when they come and go, and again whole after a break.  `members` is
 * what all nodes say, as we have told it upward.  Of this node's own, news come
 * with Redis' answer and not over the channel, which may be slower or deaf.  Of
 * others they come over the channel, soft; a roster, read when the room opens
 * and after each break, makes good what was lost.
 *
 * What is told upward may close the room, but it never frees it.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/relay_redis_room.h"

/* --- own members ---------------------------------------------------------- */

struct rr_own *
rr_own_find(struct rr_room *room, struct span sender)
{
	struct rr_own *o;

	HASH_FIND(hh, room->own, sender.p, sender.len, o);
	return o;
}

void
rr_own_set(struct rr_room *room, struct span sender, struct span nick)
{
	struct rr_own *o = rr_own_find(room, sender);

	if (!o) {
		o = xcalloc(1, sizeof *o);
		span_copy(o->sender, sizeof o->sender, sender);
		HASH_ADD_STR(room->own, sender, o);
	}
	span_copy(o->nick, sizeof o->nick, nick);
}

void
rr_own_drop(struct rr_room *room, struct span sender)
{
	struct rr_own *o = rr_own_find(room, sender);

	if (!o)
		return;
	HASH_DEL(room->own, o);
	free(o);
}

/* --- members of all nodes ------------------------------------------------- */
static size_t
member_key(char *key, size_t cap, struct span sender, struct span node)
{
	int n =
	    snprintf(key, cap, "%.*s %.*s", SPAN_ARG(sender), SPAN_ARG(node));

	assert(n > 0 && (size_t)n < cap);
	return (size_t)n;
}

struct rr_member *
rr_member_find(struct rr_room *room, struct span sender, struct span node)
{
	char key[sizeof((struct rr_member *)0)->key];
	size_t len = member_key(key, sizeof key, sender, node);
	struct rr_member *m;

	HASH_FIND(hh, room->members, key, len, m);
	return m;
}

/* Upward a node of this process has no name, others have theirs. */
static void
tell(struct rr_room *room, enum relay_presence what,
    const struct rr_member *who, struct span by, struct span text)
{
	struct rr *r = room->r;
	char name[RELAY_NODE_MAX + 1] = "";
	struct relay_member m = {
	    .sender = span_of(who->sender),
	    .nick = span_of(who->nick),
	    .node = SPAN(""),
	    .by = by,
	};

	if (strcmp(who->node, r->node_id) != 0)
		m.node = rr_node_name(name, span_of(who->node)) ? span_of(name)
								: SPAN("?");
	if (!room->closed && !r->ending)
		r->relay.ev.on_presence(
		    r->relay.ev_arg, room->room, what, &m, text);
}

static void
tell_member(
    struct rr_room *room, enum relay_presence what, const struct rr_member *m)
{
	tell(room, what, m, SPAN_NONE, SPAN_NONE);
}

void
rr_member_rename(struct rr_room *room, struct rr_member *m, struct span nick)
{
	span_copy(m->nick, sizeof m->nick, nick);
	tell_member(room, RELAY_RENAMED, m);
}

static void
unlink_member(struct rr_room *room, struct rr_member *m)
{
	HASH_DEL(room->members, m);
	HASH_DELETE(same, room->senders, m);
}

static void
member_free(struct rr_room *room, struct rr_member *m)
{
	unlink_member(room, m);
	free(m);
}

/* Who comes back within the grace of the node it was on has never gone:
 * upward that is one member, which stays. */
static void
replace_ghost(struct rr_room *room, struct span sender)
{
	struct rr_node *n, *next;
	struct rr_member *m;

	if (room->r->ndead == 0)
		return;
	HASH_ITER (hh, room->r->nodes, n, next)
		if (n->dead_ms &&
		    (m = rr_member_find(room, sender, span_of(n->id))) != NULL)
			member_free(room, m);
}

/*
 * A sender that was taken over is on two nodes for a moment, or for as long as
 * the old one hangs.  Upward it is one member, which comes with the first and
 * goes with the last.
 */
static struct rr_member *
find_same(struct rr_room *room, const char *sender)
{
	struct rr_member *m;

	HASH_FIND(same, room->senders, sender, strlen(sender), m);
	return m;
}

/* Somebody is there: JOINED or PRESENT, if that is news. */
void
rr_member_appear(struct rr_room *room, enum relay_presence what,
    struct span sender, struct span nick, struct span node)
{
	struct rr_member *m = rr_member_find(room, sender, node);

	if (m) {
		m->found = true;
		if (!span_is(nick, m->nick))
			rr_member_rename(room, m, nick);
		return;
	}
	replace_ghost(room, sender);
	m = xcalloc(1, sizeof *m);
	span_copy(m->sender, sizeof m->sender, sender);
	span_copy(m->nick, sizeof m->nick, nick);
	member_key(m->key, sizeof m->key, sender, node);
	m->node = m->key + sender.len + 1;
	m->found = true;
	struct rr_member *twin = find_same(room, m->sender);
	HASH_ADD_STR(room->members, key, m);
	HASH_ADD(same, room->senders, sender, strlen(m->sender), m);
	if (!twin)
		tell_member(room, what, m);
	else if (strcmp(twin->nick, m->nick) != 0)
		tell_member(room, RELAY_RENAMED, m);
}

void
rr_member_vanish(struct rr_room *room, enum relay_presence what,
    struct rr_member *m, struct span by, struct span text)
{
	unlink_member(room, m);
	if (!find_same(room, m->sender))
		tell(room, what, m, by, text);
	free(m);
}

/*
 * Leaves those for which keep() is false.  What is told upward may close the
 * room, never free it; the table only changes here.
 */
static void
vanish_all(struct rr_room *room,
    bool (*keep)(const struct rr_member *m, const void *arg), const void *arg)
{
	struct rr_member *m, *next;

	HASH_ITER (hh, room->members, m, next)
		if (!keep(m, arg))
			rr_member_vanish(
			    room, RELAY_GONE, m, SPAN_NONE, SPAN_NONE);
}

static bool
is_elsewhere(const struct rr_member *m, const void *arg)
{
	return strcmp(m->node, arg) != 0;
}

static bool
is_found(const struct rr_member *m, const void *arg)
{
	(void)arg;
	return m->found;
}

void
rr_members_gone(struct rr_room *room, const char *node)
{
	vanish_all(room, is_elsewhere, node);
}

/* --- nodes that die ------------------------------------------------------- */

/* Also by a node that is in doubt, or in its grace: its turn comes. */
static bool
is_in_by_another(struct rr_room *room, struct span sender)
{
	struct rr *r = room->r;
	struct rr_node *n, *next;

	if (rr_member_find(room, sender, span_of(r->node_id)))
		return true;
	HASH_ITER (hh, r->nodes, n, next)
		if (!n->leaving && rr_member_find(room, sender, span_of(n->id)))
			return true;
	return false;
}

static bool
is_leaving(struct rr_room *room, const struct rr_member *m)
{
	const struct rr_node *n = rr_node_find(room->r, span_of(m->node));

	return n && n->leaving;
}

/* Takes out who leaves, and gives those who are gone altogether. */
static size_t
take_leaving(struct rr_room *room, struct rr_member **gone)
{
	struct rr_member *m, *next;
	size_t n = 0;

	HASH_ITER (hh, room->members, m, next) {
		if (!is_leaving(room, m))
			continue;
		if (is_in_by_another(room, span_of(m->sender))) {
			member_free(room, m);
			continue;
		}
		unlink_member(room, m);
		gone[n++] = m;
	}
	return n;
}

static void
tell_departed(struct rr_room *room, struct rr_member *const *gone, size_t n)
{
	struct rr *r = room->r;
	struct relay_member *all = xcalloc(n, sizeof *all);
	char(*nodes)[RELAY_NODE_MAX + 1] = xcalloc(n, sizeof *nodes);

	for (size_t i = 0; i < n; i++)
		all[i] =
		    (struct relay_member){.sender = span_of(gone[i]->sender),
			.nick = span_of(gone[i]->nick),
			.node = rr_node_name(nodes[i], span_of(gone[i]->node))
				    ? span_of(nodes[i])
				    : SPAN("?")};
	r->relay.ev.on_departed(r->relay.ev_arg, room->room, all, n);
	free(nodes);
	free(all);
}

size_t
rr_room_depart(struct rr *r, const char *fold)
{
	struct rr_room *room = rr_room_find(r, fold);
	size_t seen = room ? HASH_COUNT(room->members) : 0;

	if (seen == 0)
		return 0;
	struct rr_member **gone = xcalloc(seen, sizeof(struct rr_member *));
	size_t n = take_leaving(room, gone);
	if (n > 0 && !room->closed && !r->ending)
		tell_departed(room, gone, n);
	for (size_t i = 0; i < n; i++)
		free(gone[i]);
	free(gone);
	return seen;
}

char **
rr_rooms_snapshot(struct rr *r, size_t *n)
{
	struct rr_room *room, *next;
	char **folds = xcalloc(HASH_COUNT(r->rooms) + 1, sizeof *folds);

	*n = 0;
	HASH_ITER (hh, r->rooms, room, next)
		folds[(*n)++] = xstrdup(room->conv.key);
	return folds;
}

static void
renumber(struct rr_room *room, const char *old_id)
{
	struct rr_member *m, *next;
	struct span id = span_of(room->r->node_id);

	/* What is added again comes last, and is passed over. */
	HASH_ITER (hh, room->members, m, next) {
		if (strcmp(m->node, old_id) != 0)
			continue;
		HASH_DEL(room->members, m);
		member_key(m->key, sizeof m->key, span_of(m->sender), id);
		HASH_ADD_STR(room->members, key, m);
	}
}

void
rr_rooms_renumber(struct rr *r, const char *old_id)
{
	struct rr_room *room, *next;

	HASH_ITER (hh, r->rooms, room, next)
		renumber(room, old_id);
}

/* --- rosters -------------------------------------------------------------- */

bool
rr_roster_at(const redisReply *roster, size_t i, struct rr_roster_entry *e)
{
	e->node = rr_span(roster->element[i]);
	e->members = roster->element[i + 1];
	return e->node.p && e->node.len <= CODEC_NODE_MAX &&
	       e->members->type == REDIS_REPLY_ARRAY;
}

bool
rr_member_at(const redisReply *members, size_t i, struct relay_member *m)
{
	struct name name;

	*m = (struct relay_member){
	    .sender = rr_span(members->element[i]),
	    .nick = rr_span(members->element[i + 1]),
	};
	return m->sender.p && m->nick.p && codec_is_sender(m->sender) &&
	       name_check(m->nick, false, &name) == 0;
}

bool
rr_room_state(struct rr *rr, struct rr_room_state *st, const redisReply *r)
{
	*st = (struct rr_room_state){0};
	if (r->type != REDIS_REPLY_ARRAY || r->elements != 7 ||
	    !rr_reply_id(r->element[0], &st->info.last) ||
	    r->element[4]->type != REDIS_REPLY_ARRAY)
		return false;
	st->info.shown = rr_span(r->element[1]);
	st->info.topic = rr_span(r->element[2]);
	st->info.topic_nick = rr_span(r->element[3]);
	st->roster = r->element[4];
	st->info.rights = rr_rights_parse(rr, r->element[5], r->element[6]);
	return true;
}

void
rr_room_state_fini(struct rr_room_state *st)
{
	rights_unref(st->info.rights);
	st->info.rights = NULL;
}

void
rr_judge_topic(struct relay_room_info *info)
{
	struct name name;

	if (info->topic.p && info->topic_nick.p && info->topic.len > 0 &&
	    info->topic.len <= CODEC_PAYLOAD_MAX &&
	    text_check(info->topic.p, info->topic.len, NULL) == 0 &&
	    name_check(info->topic_nick, false, &name) == 0)
		return;
	info->topic = info->topic_nick = SPAN_NONE;
}

static void
take_node_members(struct rr_room *room, const struct rr_roster_entry *e)
{
	struct relay_member m;

	for (size_t i = 0; i + 1 < e->members->elements; i += 2)
		if (rr_member_at(e->members, i, &m) && !room->closed)
			rr_member_appear(
			    room, RELAY_PRESENT, m.sender, m.nick, e->node);
}

/* What Redis says of a dead node's members is up to the janitor. */
static bool
is_doubted(struct rr *r, struct span node)
{
	const struct rr_node *n = rr_node_find(r, node);

	return n && n->missed > 0;
}

/* This node's own are known better here. */
void
rr_roster_take(struct rr_room *room, const redisReply *roster)
{
	struct rr_roster_entry e;
	struct rr_member *m, *next;

	HASH_ITER (hh, room->members, m, next)
		m->found = strcmp(m->node, room->r->node_id) == 0 ||
			   is_doubted(room->r, span_of(m->node));
	for (size_t i = 0; i + 1 < roster->elements; i += 2)
		if (rr_roster_at(roster, i, &e) &&
		    !span_is(e.node, room->r->node_id) &&
		    rr_node_is_kept(room->r, e.node))
			take_node_members(room, &e);
	vanish_all(room, is_found, NULL);
}

static struct rr_own *
find_untold(struct rr_room *room)
{
	struct rr_own *o, *next;

	HASH_ITER (hh, room->own, o, next)
		if (!rr_member_find(
			room, span_of(o->sender), span_of(room->r->node_id)))
			return o;
	return NULL;
}

/* Those who stayed while the room was closed here.  They are few, and may leave
 * from within what is told: so each look begins anew. */
void
rr_own_tell(struct rr_room *room)
{
	struct rr_own *o;

	while (!room->closed && (o = find_untold(room)) != NULL)
		rr_member_appear(room, RELAY_PRESENT, span_of(o->sender),
		    span_of(o->nick), span_of(room->r->node_id));
}

void
rr_roster_free(struct rr_room *room)
{
	struct rr_own *o, *next_own;
	struct rr_member *m, *next;

	HASH_ITER (hh, room->own, o, next_own) {
		HASH_DEL(room->own, o);
		free(o);
	}
	HASH_ITER (hh, room->members, m, next)
		member_free(room, m);
}
