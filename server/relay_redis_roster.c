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
 * What is told upward may close the room, but it never frees it; and it changes
 * nobody but own members.
 *
 * There is a record of each kind for every client: so they are small.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/relay_redis_room.h"

/* --- own members ---------------------------------------------------------- */

static struct span
own_key(const void *own)
{
	return span_of(((const struct rr_own *)own)->sender);
}

void
rr_roster_init(struct rr_room *room)
{
	room->own = INDEX_BY(own_key);
	SLIST_INIT(&room->homes);
}

struct rr_own *
rr_own_find(struct rr_room *room, struct span sender)
{
	return index_find(&room->own, sender);
}

void
rr_own_set(struct rr_room *room, struct span sender, struct span nick)
{
	struct rr_own *o = rr_own_find(room, sender);

	if (o && span_is(nick, o->nick))
		return;
	struct rr_own *now = xmalloc(sizeof *now + nick.len + 1);
	span_copy(now->sender, sizeof now->sender, sender);
	span_copy(now->nick, nick.len + 1, nick);
	rr_own_drop(room, sender);
	index_add(&room->own, now);
}

void
rr_own_drop(struct rr_room *room, struct span sender)
{
	struct rr_own *o = rr_own_find(room, sender);

	if (!o)
		return;
	index_drop(&room->own, o);
	free(o);
}

void
rr_own_move(struct rr_room *room, struct rr_room *from)
{
	room->own = from->own;
	from->own = INDEX_BY(own_key);
}

/* --- members of all nodes ------------------------------------------------- */

struct member {
	char sender[SENDER_ID_LEN + 1];
	bool found; /* by the sweep under way */
	char nick[];
};

/* The members of a room on one node; there is at least one. */
struct rr_home {
	SLIST_ENTRY(rr_home) entry;
	struct index members; /* by sender */
	char *node;           /* its id; owned, as is: */
	char *name;           /* what is told of it upward */
};

static struct span
member_key(const void *member)
{
	return span_of(((const struct member *)member)->sender);
}

static struct member *
member_new(struct span sender, struct span nick)
{
	struct member *m = xmalloc(sizeof *m + nick.len + 1);

	span_copy(m->sender, sizeof m->sender, sender);
	span_copy(m->nick, nick.len + 1, nick);
	m->found = true;
	return m;
}

static struct rr_home *
find_home(struct rr_room *room, struct span node)
{
	struct rr_home *h;

	SLIST_FOREACH (h, &room->homes, entry)
		if (span_is(node, h->node))
			break;
	return h;
}

/* A node of this process has no name, others have theirs. */
static char *
name_of(struct rr *r, struct span node)
{
	char name[RELAY_NODE_MAX + 1];

	if (span_is(node, r->node_id))
		return xstrdup("");
	return xstrdup(rr_node_name(name, node) ? name : "?");
}

static struct rr_home *
get_home(struct rr_room *room, struct span node)
{
	struct rr_home *h = find_home(room, node);

	if (h)
		return h;
	h = xcalloc(1, sizeof *h);
	h->members = INDEX_BY(member_key);
	h->node = xstrndup(node.p, node.len);
	h->name = name_of(room->r, node);
	SLIST_INSERT_HEAD(&room->homes, h, entry);
	return h;
}

static void
home_free(struct rr_home *h)
{
	uint32_t at = 0;
	struct member *m;

	while ((m = index_next(&h->members, &at)) != NULL)
		free(m);
	index_fini(&h->members);
	free(h->node);
	free(h->name);
	free(h);
}

/* Somebody has left it. */
static void
tidy(struct rr_room *room, struct rr_home *h)
{
	if (h->members.n > 0)
		return;
	SLIST_REMOVE(&room->homes, h, rr_home, entry);
	home_free(h);
}

/*
 * A sender that was taken over is on two nodes for a moment, or for as long as
 * the old one hangs.  Upward it is one member, which comes with the first and
 * goes with the last.
 */
static struct member *
find_anywhere(struct rr_room *room, struct span sender)
{
	struct member *m = NULL;
	struct rr_home *h;

	SLIST_FOREACH (h, &room->homes, entry)
		if ((m = index_find(&h->members, sender)) != NULL)
			break;
	return m;
}

static void
tell(struct rr_room *room, enum relay_presence what, const struct rr_home *h,
    const struct member *who, struct span by, struct span text)
{
	struct rr *r = room->r;
	struct relay_member m = {
	    span_of(who->sender), span_of(who->nick), span_of(h->name), by};

	if (!room->closed && !r->ending)
		r->relay.ev.on_presence(
		    r->relay.ev_arg, room->room, what, &m, text);
}

static void
rename_member(struct rr_room *room, struct rr_home *h, struct member *was,
    struct span nick)
{
	struct member *m;

	if (span_is(nick, was->nick))
		return;
	m = member_new(span_of(was->sender), nick);
	index_drop(&h->members, was);
	free(was);
	index_add(&h->members, m);
	tell(room, RELAY_RENAMED, h, m, SPAN_NONE, SPAN_NONE);
}

void
rr_member_rename(struct rr_room *room, struct span sender, struct span nick,
    struct span node)
{
	struct rr_home *h = find_home(room, node);
	struct member *m = h ? index_find(&h->members, sender) : NULL;

	if (m)
		rename_member(room, h, m, nick);
}

/* Who comes back within the grace of the node it was on has never gone:
 * upward that is one member, which stays. */
static void
replace_ghost(struct rr_room *room, struct span sender)
{
	struct rr_home *h, *next;

	if (room->r->ndead == 0)
		return;
	for (h = SLIST_FIRST(&room->homes); h; h = next) {
		struct rr_node *n = rr_node_find(room->r, span_of(h->node));
		struct member *m = index_find(&h->members, sender);

		next = SLIST_NEXT(h, entry);
		if (!m || !n || !n->dead_ms)
			continue;
		index_drop(&h->members, m);
		free(m);
		tidy(room, h);
	}
}

static void
add_member(struct rr_room *room, enum relay_presence what, struct span sender,
    struct span nick, struct span node)
{
	replace_ghost(room, sender);
	const struct member *twin = find_anywhere(room, sender);
	struct rr_home *h = get_home(room, node);
	struct member *m = member_new(sender, nick);

	index_add(&h->members, m);
	if (twin && strcmp(twin->nick, m->nick) == 0)
		return;
	tell(room, twin ? RELAY_RENAMED : what, h, m, SPAN_NONE, SPAN_NONE);
}

void
rr_member_appear(struct rr_room *room, enum relay_presence what,
    struct span sender, struct span nick, struct span node)
{
	struct rr_home *h = find_home(room, node);
	struct member *m = h ? index_find(&h->members, sender) : NULL;

	if (!m) {
		add_member(room, what, sender, nick, node);
		return;
	}
	m->found = true;
	rename_member(room, h, m, nick);
}

/* The home is to be tidied afterwards. */
static void
vanish(struct rr_room *room, enum relay_presence what, struct rr_home *h,
    struct member *m, struct span by, struct span text)
{
	index_drop(&h->members, m);
	if (!find_anywhere(room, span_of(m->sender)))
		tell(room, what, h, m, by, text);
	free(m);
}

void
rr_member_vanish(struct rr_room *room, struct span sender, struct span node,
    struct span by, struct span text)
{
	struct rr_home *h = find_home(room, node);
	struct member *m = h ? index_find(&h->members, sender) : NULL;

	if (!m)
		return;
	vanish(room, RELAY_PARTED, h, m, by, text);
	tidy(room, h);
}

/* They are gathered first: an index does not change while it is walked. */
static void
vanish_many(struct rr_room *room, struct rr_home *h, bool found_too)
{
	struct member *m, **gone = xcalloc(h->members.n, sizeof(void *));
	uint32_t at = 0, n = 0;

	while ((m = index_next(&h->members, &at)) != NULL)
		if (found_too || !m->found)
			gone[n++] = m;
	for (uint32_t i = 0; i < n; i++)
		vanish(room, RELAY_GONE, h, gone[i], SPAN_NONE, SPAN_NONE);
	free(gone);
	tidy(room, h);
}

void
rr_members_gone(struct rr_room *room, struct span node)
{
	struct rr_home *h = find_home(room, node);

	if (h)
		vanish_many(room, h, true);
}

/* --- nodes that die ------------------------------------------------------- */

static bool
is_leaving(struct rr_room *room, const struct rr_home *h)
{
	const struct rr_node *n = rr_node_find(room->r, span_of(h->node));

	return n && n->leaving;
}

static size_t
count_leaving(struct rr_room *room)
{
	size_t n = 0;
	struct rr_home *h;

	SLIST_FOREACH (h, &room->homes, entry)
		if (is_leaving(room, h))
			n += h->members.n;
	return n;
}

/* Who is there by another node stays, even if that one is in doubt or in its
 * grace: its turn comes. */
static size_t
list_departed(
    struct rr_room *room, const struct rr_home *h, struct relay_member *all)
{
	const struct member *m;
	uint32_t at = 0;
	size_t n = 0;

	while ((m = index_next(&h->members, &at)) != NULL)
		if (!find_anywhere(room, span_of(m->sender)))
			all[n++] =
			    (struct relay_member){.sender = span_of(m->sender),
				.nick = span_of(m->nick),
				.node = span_of(h->name)};
	return n;
}

/* Takes them out one by one: who is on two of them departs with the last. */
static size_t
take_leaving(
    struct rr_room *room, struct rr_homes *gone, struct relay_member *all)
{
	size_t n = 0;
	struct rr_home *h, *next;

	for (h = SLIST_FIRST(&room->homes); h; h = next) {
		next = SLIST_NEXT(h, entry);
		if (!is_leaving(room, h))
			continue;
		SLIST_REMOVE(&room->homes, h, rr_home, entry);
		SLIST_INSERT_HEAD(gone, h, entry);
		n += list_departed(room, h, all + n);
	}
	return n;
}

static void
homes_free(struct rr_homes *homes)
{
	struct rr_home *h;

	while ((h = SLIST_FIRST(homes)) != NULL) {
		SLIST_REMOVE_HEAD(homes, entry);
		home_free(h);
	}
}

size_t
rr_room_depart(struct rr *r, const char *fold)
{
	struct rr_room *room = rr_room_find(r, fold);
	size_t seen = room ? count_leaving(room) : 0;

	if (seen == 0)
		return 0;
	struct rr_homes gone = SLIST_HEAD_INITIALIZER(gone);
	struct relay_member *all = xcalloc(seen, sizeof *all);
	size_t n = take_leaving(room, &gone, all);
	if (n > 0 && !room->closed && !r->ending)
		r->relay.ev.on_departed(r->relay.ev_arg, room->room, all, n);
	homes_free(&gone);
	free(all);
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

void
rr_rooms_renumber(struct rr *r, const char *old_id)
{
	struct rr_room *room, *next;

	HASH_ITER (hh, r->rooms, room, next) {
		struct rr_home *h = find_home(room, span_of(old_id));

		if (!h)
			continue;
		free(h->node);
		h->node = xstrdup(r->node_id);
	}
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
is_doubted(struct rr *r, const char *node)
{
	const struct rr_node *n = rr_node_find(r, span_of(node));

	return n && n->missed > 0;
}

/* Those who will not be found, unless a roster says that they are there.  This
 * node's own are known better here. */
static void
doubt_members(struct rr_room *room)
{
	struct rr_home *h;

	SLIST_FOREACH (h, &room->homes, entry) {
		bool known = strcmp(h->node, room->r->node_id) == 0 ||
			     is_doubted(room->r, h->node);
		uint32_t at = 0;
		struct member *m;

		while ((m = index_next(&h->members, &at)) != NULL)
			m->found = known;
	}
}

void
rr_roster_take(struct rr_room *room, const redisReply *roster)
{
	struct rr_roster_entry e;
	struct rr_home *h, *next;

	doubt_members(room);
	for (size_t i = 0; i + 1 < roster->elements; i += 2)
		if (rr_roster_at(roster, i, &e) &&
		    !span_is(e.node, room->r->node_id) &&
		    rr_node_is_kept(room->r, e.node))
			take_node_members(room, &e);
	for (h = SLIST_FIRST(&room->homes); h; h = next) {
		next = SLIST_NEXT(h, entry);
		vanish_many(room, h, false);
	}
}

static struct rr_own *
find_untold(struct rr_room *room)
{
	struct rr_home *here = find_home(room, span_of(room->r->node_id));
	uint32_t at = 0;
	struct rr_own *o;

	while ((o = index_next(&room->own, &at)) != NULL)
		if (!here || !index_find(&here->members, own_key(o)))
			break;
	return o;
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
	uint32_t at = 0;
	struct rr_own *o;

	while ((o = index_next(&room->own, &at)) != NULL)
		free(o);
	index_fini(&room->own);
	homes_free(&room->homes);
}
