/* SPDX-License-Identifier: ISC */
/*
 * The relay in memory: one node, and nothing survives the process but what a
 * state file keeps (relay_local_account.c).
 *
 * Every call leaves an operation in a queue; relay_local_run() carries them out
 * in that order and calls back.  So an operation sees all that was asked before
 * it and nothing that was asked after, callbacks may ask for more without
 * harm, and ids are made from the clock of the run.  Three calls act at once,
 * because their contract says so: closing a room, unwatching, freeing.
 *
 * A place is a conversation: its log, and for a room who is in it and whether
 * somebody here listens.  It lives as long as any of these is there:
 *
 *   - a subscription or a member (bounded by the sessions and their rooms),
 *   - an operation under way,
 *   - an entry in its log.
 *
 * Logs keep max(256, history) entries and are dropped after history_ttl_ms of
 * silence (with history 0: after a minute at most).  Peers can open rooms and
 * write to people without end, so all places, logs and dedupe records share one
 * budget of bytes: above it the oldest entries of the conversation that was
 * silent longest go first, and where nothing is left to give way a message is
 * refused with RELAY_FULL.  What is lost in either way shows as a gap.
 *
 * Expiry needs no timer: a log is judged when it is touched, and each run
 * sweeps a few from the front of the list, which is sorted by silence.
 *
 * One message costs two copies, to the pile of what was asked and to the log's
 * shelf; one with a cid a look-up and an allocation for its dedupe record.
 */
#include "server/relay_local.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/mem.h"
#include "proto/line.h"
#include "server/relay_local_int.h"

enum {
	LOG_MIN = 256,          /* entries, to bridge a reconnect */
	LOG_MIN_TTL_MS = 60000, /* with history 0 */
	QUEUE_FIRST_CAP = 64,   /* operations; a power of two */
	SWEEP_LOGS = 16,        /* silent logs dropped in one run */
	SWEEP_RECORDS = 1024,   /* dedupe records forgotten in one run */
	BUDGET_DEFAULT = 256 << 20,
	DEDUPE_KEY_MAX = SENDER_ID_LEN + CONV_KEY_MAX + LINE_CID_MAX + 3,
};

struct local *
rl_of(struct relay *r)
{
	return (struct local *)r;
}

/* --- the queue of operations ---------------------------------------------- */

static void
queue_grow(struct local *l)
{
	size_t cap = l->queue_cap ? 2 * l->queue_cap : QUEUE_FIRST_CAP;
	struct op *queue = xreallocarray(NULL, cap, sizeof *queue);
	for (size_t i = 0; i < l->queue_n; i++)
		queue[i] = l->queue[(l->queue_first + i) & (l->queue_cap - 1)];
	free(l->queue);
	l->queue = queue;
	l->queue_cap = cap;
	l->queue_first = 0;
}

/* A new operation at the end; its other fields are the caller's to fill. */
struct op *
rl_queue(struct local *l, op_fn run, struct place *place)
{
	if (l->queue_n == l->queue_cap)
		queue_grow(l);
	struct op *op =
	    &l->queue[(l->queue_first + l->queue_n++) & (l->queue_cap - 1)];
	*op = (struct op){.run = run, .place = place};
	if (place != NULL)
		place->refs++;
	if (!l->awake) {
		l->awake = true;
		l->config.wake(l->config.wake_arg);
	}
	return op;
}

/* Copied, because what is handed in need not outlast the call; to where all
 * that is asked before the next run goes, and is forgotten behind it. */
struct relay_msg *
rl_keep_msg(struct local *l, const struct relay_msg *m)
{
	struct relay_msg *copy =
	    pile_take(&l->piles[l->asking], sizeof *copy + relay_msg_bytes(m));
	*copy = *m;
	relay_msg_settle(copy, (char *)(copy + 1));
	return copy;
}

/* --- logs ----------------------------------------------------------------- */

/* How many entries have an id below this one, or up to it. */
static size_t
log_rank(const struct place *p, struct msgid id, bool inclusive)
{
	size_t lo = 0, hi = p->log.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = msgid_cmp(shelf_id(&p->log, mid), id);
		if (c < 0 || (c == 0 && inclusive))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* What a room says about its history holds for its log too. */
static size_t
log_max(const struct local *l, const struct place *p)
{
	int64_t n = rights_history(rl_rights(l, p), (int64_t)l->log_max);
	return n > LOG_MIN ? (size_t)n : LOG_MIN;
}

static uint64_t
log_ttl_ms(const struct local *l, const struct place *p)
{
	int64_t n = rights_history(rl_rights(l, p), l->config.history);
	uint64_t ttl_ms = (uint64_t)l->config.history_ttl_ms;
	return n == 0 && ttl_ms > LOG_MIN_TTL_MS ? LOG_MIN_TTL_MS : ttl_ms;
}

/* Those that are dropped soon have a list of their own: each is in order. */
static struct places *
log_list(struct local *l, const struct place *p)
{
	return p->brief ? &l->by_short_silence : &l->by_silence;
}

static void
log_drop_oldest(struct local *l, struct place *p)
{
	l->used -= p->log.bytes;
	shelf_drop_oldest(&p->log);
	l->used += p->log.bytes;
	p->trimmed = true;
	if (p->log.n == 0)
		TAILQ_REMOVE(log_list(l, p), p, silence);
}

static void
log_drop_all(struct local *l, struct place *p)
{
	if (p->log.n > 0) {
		TAILQ_REMOVE(log_list(l, p), p, silence);
		p->trimmed = true;
	}
	l->used -= p->log.bytes;
	shelf_clear(&p->log);
}

static void
log_add(struct local *l, struct place *p, const struct relay_msg *m)
{
	while (p->log.n > 0 && p->log.n >= log_max(l, p))
		log_drop_oldest(l, p);
	if (p->log.n > 0)
		TAILQ_REMOVE(log_list(l, p), p, silence);
	p->brief = log_ttl_ms(l, p) <= LOG_MIN_TTL_MS;
	TAILQ_INSERT_TAIL(log_list(l, p), p, silence);
	l->used += shelf_cost(m);
	shelf_add(&p->log, m);
	p->spoken_ms = l->now_ms;
}

/* Drops the log if it was silent for too long. */
static bool
log_expire(struct local *l, struct place *p)
{
	if (p->log.n == 0 || l->now_ms - p->spoken_ms < log_ttl_ms(l, p))
		return false;
	log_drop_all(l, p);
	return true;
}

/* --- places --------------------------------------------------------------- */

static struct place **
place_table(struct local *l, const struct conv *c)
{
	return c->kind == CONV_ROOM ? &l->rooms : &l->pairs;
}

struct place *
rl_find_place(struct local *l, const struct conv *c)
{
	struct place *p = c->place;
	if (p == NULL)
		HASH_FIND_STR(*place_table(l, c), c->key, p);
	return p;
}

struct place *
rl_get_place(struct local *l, const struct conv *c)
{
	struct place *p = rl_find_place(l, c);
	if (p != NULL)
		return p;
	p = xcalloc(1, sizeof *p);
	p->conv = *c;
	p->members = INDEX_BY(rl_person_key);
	struct place **table = place_table(l, c);
	HASH_ADD_STR(*table, conv.key, p);
	l->used += sizeof *p;
	return p;
}

struct place *
rl_find_room(struct local *l, const char *fold)
{
	struct conv c;
	conv_room(&c, fold);
	return rl_find_place(l, &c);
}

static void
members_free(struct local *l, struct place *p)
{
	struct person *m;
	uint32_t at = 0;
	while ((m = index_next(&p->members, &at)) != NULL)
		rl_person_leave(l, m);
	index_fini(&p->members);
}

static void
place_free(struct local *l, struct place *p)
{
	log_drop_all(l, p);
	members_free(l, p);
	struct place **table = place_table(l, &p->conv);
	HASH_DEL(*table, p);
	rl_rights_free(l, p);
	l->used -= sizeof *p;
	free(p->topic);
	free(p);
}

/* Forgets a place which nobody needs any more.  Should the wall clock stand
 * behind its last id, a later place of that name must not fall below it. */
void
rl_reap(struct local *l, struct place *p)
{
	if (p->refs > 0 || p->opened != 0 || p->members.n > 0 || p->log.n > 0 ||
	    rl_rights_keep(l, p))
		return;
	if (!msgid_is_zero(p->last) && l->floor_ms <= p->last.ms)
		l->floor_ms = p->last.ms + 1;
	place_free(l, p);
}

/* Does the budget hold `size` more bytes?  Old entries give way. */
bool
rl_budget_has(struct local *l, size_t size)
{
	size_t budget = (size_t)l->config.memory;
	while (l->used + size > budget) {
		struct place *p = TAILQ_FIRST(&l->by_silence);
		if (p == NULL)
			p = TAILQ_FIRST(&l->by_short_silence);
		if (p == NULL)
			return false;
		log_drop_oldest(l, p);
		rl_reap(l, p);
	}
	return true;
}

/* --- dedupe records ------------------------------------------------------- */

static size_t
record_key(char key[static DEDUPE_KEY_MAX], const struct place *p,
    const struct relay_msg *m)
{
	const struct span parts[] = {m->sender, span_of(p->conv.key), m->cid};
	size_t len = 0;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		assert(len + parts[i].len < DEDUPE_KEY_MAX); /* with its SP */
		memcpy(key + len, parts[i].p, parts[i].len);
		len += parts[i].len;
		key[len++] = ' ';
	}
	return len - 1;
}

static void
record_free(struct local *l, struct record *rec)
{
	HASH_DEL(l->records, rec);
	TAILQ_REMOVE(&l->by_expiry, rec, expiry);
	l->used -= sizeof *rec + rec->len;
	free(rec);
}

static void
records_expire(struct local *l, size_t max)
{
	struct record *rec;
	while (max-- > 0 && (rec = TAILQ_FIRST(&l->by_expiry)) != NULL &&
	       rec->expires_ms <= l->now_ms)
		record_free(l, rec);
}

static struct record *
record_find(struct local *l, const char *key, size_t len)
{
	struct record *rec;
	HASH_FIND(hh, l->records, key, len, rec);
	if (rec == NULL || rec->expires_ms > l->now_ms)
		return rec;
	record_free(l, rec);
	return NULL;
}

static void
record_add(struct local *l, const char *key, size_t len, struct msgid id)
{
	struct record *rec = xmalloc(sizeof *rec + len);
	rec->expires_ms = l->now_ms + (uint64_t)l->config.dedupe_ms;
	rec->id = id;
	rec->len = len;
	memcpy(rec->key, key, len);
	HASH_ADD_KEYPTR(hh, l->records, rec->key, len, rec);
	TAILQ_INSERT_TAIL(&l->by_expiry, rec, expiry);
	l->used += sizeof *rec + len;
}

/* --- rooms ---------------------------------------------------------------- */

static void
tell_presence(struct local *l, const struct place *p, enum relay_presence what,
    const struct relay_msg *who, struct span text)
{
	struct relay_member m = {.sender = who->sender,
	    .nick = who->nick,
	    .node = SPAN(""),
	    .by = who->peer};
	if (p->live || what == RELAY_PRESENT)
		l->relay.ev.on_presence(
		    l->relay.ev_arg, p->room, what, &m, text);
}

static struct relay_room_info
room_info(const struct local *l, const struct place *p)
{
	struct relay_room_info info = {
	    .last = p->last,
	    .rights = rl_rights(l, p),
	    .shown = span_of(p->shown[0] != '\0' ? p->shown : p->conv.key),
	};
	if (p->topic != NULL) {
		info.topic = p->topic->text;
		info.topic_nick = p->topic->nick;
	}
	return info;
}

/* Closing is at once, so each call back may have closed the room. */
static void
tell_present(struct local *l, const struct place *p, uint64_t opened)
{
	const struct person *m;
	uint32_t at = 0;
	while (
	    p->opened == opened && (m = index_next(&p->members, &at)) != NULL)
		tell_presence(l, p, RELAY_PRESENT,
		    &(struct relay_msg){.sender = span_of(m->sender),
			.nick = span_of(rl_person_shown(m))},
		    SPAN_NONE);
}

static void
run_open(struct local *l, struct op *op, enum relay_status st)
{
	struct place *p = op->place;
	if (st == RELAY_OK) {
		log_expire(l, p);
		tell_present(l, p, op->u.opened);
	}
	if (p->opened != op->u.opened)
		st = RELAY_DOWN;
	if (st != RELAY_OK) {
		op->fn.room(op->arg, st, NULL);
		return;
	}
	p->live = true;
	struct relay_room_info info = room_info(l, p);
	info.place = p;
	op->fn.room(op->arg, RELAY_OK, &info);
}

static void
local_open_room(struct relay *r, const struct name *name, void *room,
    relay_room_fn done, void *arg)
{
	struct local *l = rl_of(r);
	struct conv c;
	conv_room(&c, name->fold);
	struct place *p = rl_get_place(l, &c);
	assert(p->opened == 0);
	if (p->shown[0] == '\0')
		memcpy(p->shown, name->shown, sizeof p->shown);
	p->opened = ++l->openings;
	p->room = room;
	rl_rights_wake(l, p);
	struct op *op = rl_queue(l, run_open, p);
	op->u.opened = p->opened;
	op->fn.room = done;
	op->arg = arg;
}

static void
local_close_room(struct relay *r, const char *fold)
{
	struct local *l = rl_of(r);
	struct place *p = rl_find_room(l, fold);
	if (p == NULL)
		return;
	p->opened = 0;
	p->live = false;
	p->room = NULL;
	rl_reap(l, p);
}

/* What comings and goings have in common: a room, a member, a text. */
/* Who put it out is the entry's peer. */
static struct op *
queue_member(struct local *l, op_fn run, const char *fold,
    const struct relay_member *m, struct span text)
{
	struct op *op = rl_queue(l, run, rl_find_room(l, fold));
	op->msg = rl_keep_msg(l, &(struct relay_msg){
				     .sender = m->sender,
				     .nick = m->nick,
				     .peer = m->by,
				     .text = text,
				 });
	return op;
}

static struct person *
member_find(const struct place *p, struct span sender)
{
	return p != NULL ? index_find(&p->members, sender) : NULL;
}

static void
member_add(struct local *l, struct place *p, const struct relay_msg *who)
{
	index_add(&p->members, rl_person_enter(l, who->sender, who->nick));
}

static void
member_drop(struct local *l, struct place *p, struct person *m)
{
	index_drop(&p->members, m);
	rl_person_leave(l, m);
}

void
rl_answer(const struct op *op, enum relay_status st)
{
	if (op->fn.done != NULL)
		op->fn.done(op->arg, st);
}

static void
run_join(struct local *l, struct op *op, enum relay_status st)
{
	struct place *p = op->place;
	const struct relay_msg *who = op->msg;
	if (st == RELAY_OK && (p == NULL || p->opened == 0))
		st = RELAY_NONE;
	if (st == RELAY_OK && member_find(p, who->sender) == NULL) {
		member_add(l, p, who);
		tell_presence(l, p, RELAY_JOINED, who, SPAN_NONE);
	}
	rl_answer(op, st);
}

static void
local_join(struct relay *r, const char *fold, const struct relay_member *m,
    relay_done_fn done, void *arg)
{
	struct op *op = queue_member(rl_of(r), run_join, fold, m, SPAN_NONE);
	op->fn.done = done;
	op->arg = arg;
}

static void
run_part(struct local *l, struct op *op, enum relay_status st)
{
	struct place *p = op->place;
	const struct relay_msg *who = op->msg;
	struct person *m = st == RELAY_OK ? member_find(p, who->sender) : NULL;
	if (st == RELAY_OK && m == NULL)
		st = RELAY_NONE;
	if (m != NULL) {
		member_drop(l, p, m);
		tell_presence(l, p, RELAY_PARTED, who, who->text);
	}
	rl_answer(op, st);
}

static void
local_part(struct relay *r, const char *fold, const struct relay_member *m,
    struct span text, relay_done_fn done, void *arg)
{
	struct op *op = queue_member(rl_of(r), run_part, fold, m, text);
	op->fn.done = done;
	op->arg = arg;
}

static void
run_rename(struct local *l, struct op *op, enum relay_status st)
{
	struct place *p = op->place;
	const struct relay_msg *who = op->msg;
	struct person *m = st == RELAY_OK ? member_find(p, who->sender) : NULL;
	if (m == NULL)
		return;
	member_drop(l, p, m);
	member_add(l, p, who);
	tell_presence(l, p, RELAY_RENAMED, who, SPAN_NONE);
}

static void
local_rename(struct relay *r, const char *fold, const struct relay_member *m)
{
	queue_member(rl_of(r), run_rename, fold, m, SPAN_NONE);
}

/* --- messages ------------------------------------------------------------- */

/* The wall clock may stand still or fall back; ids do not. */
static struct msgid
next_id(const struct local *l, const struct place *p)
{
	uint64_t ms = l->wall_ms > l->floor_ms ? l->wall_ms : l->floor_ms;
	if (ms > p->last.ms)
		return (struct msgid){ms, 0};
	return (struct msgid){p->last.ms, p->last.seq + 1};
}

static void
room_set_topic(struct place *p, const struct relay_msg *m)
{
	free(p->topic);
	p->topic = NULL;
	if (m->text.len == 0)
		return;
	p->topic = xmalloc(sizeof *m + relay_msg_bytes(m));
	*p->topic = *m;
	relay_msg_settle(p->topic, (char *)(p->topic + 1));
}

static void
tell_watch(struct local *l, const struct place *p, struct span sender,
    const struct relay_msg *m)
{
	const struct person *w = rl_hearer(l, sender);
	if (w != NULL && w->live)
		l->relay.ev.on_pair_message(
		    l->relay.ev_arg, w->user, &p->conv, m);
}

static void
tell_message(struct local *l, const struct place *p, const struct relay_msg *m)
{
	if (p->conv.kind == CONV_ROOM) {
		if (p->live)
			l->relay.ev.on_message(l->relay.ev_arg, p->room, m);
		return;
	}
	const char *colon = strchr(p->conv.key, ':');
	struct span lo = {p->conv.key, (size_t)(colon - p->conv.key)};
	struct span hi = span_of(colon + 1);
	tell_watch(l, p, lo, m);
	if (!span_eq(lo, hi))
		tell_watch(l, p, hi, m);
}

struct msgid
rl_log_append(struct local *l, struct place *p, struct relay_msg *m)
{
	log_expire(l, p);
	m->id = next_id(l, p);
	m->prev = p->last;
	if (m->kind == RELAY_RIGHTS)
		m->rv = m->id;
	p->last = m->id;
	log_add(l, p, m);
	return m->id;
}

static enum relay_status
accept_message(struct local *l, struct op *op, struct msgid *id, bool *dup)
{
	struct place *p = op->place;
	struct relay_msg *m = op->msg;
	char key[DEDUPE_KEY_MAX];
	size_t len = m->cid.len > 0 ? record_key(key, p, m) : 0;
	const struct record *rec = len > 0 ? record_find(l, key, len) : NULL;
	if (rec != NULL) {
		*id = rec->id;
		*dup = true;
		return RELAY_OK;
	}
	enum relay_status st = rl_rights_judge(l, p, m, &id->ms);
	if (st != RELAY_OK)
		return st;
	if (!rl_budget_has(l, shelf_cost(m) + sizeof *rec + len))
		return RELAY_FULL;
	*id = rl_log_append(l, p, m);
	if (len > 0)
		record_add(l, key, len, m->id);
	if (m->kind == RELAY_TOPIC)
		room_set_topic(p, m);
	tell_message(l, p, m);
	return RELAY_OK;
}

static void
run_append(struct local *l, struct op *op, enum relay_status st)
{
	struct msgid id = {0, 0};
	bool dup = false;
	if (st == RELAY_OK)
		st = accept_message(l, op, &id, &dup);
	op->fn.append(op->arg, st, id, dup, st == RELAY_STALE ? op->msg : NULL);
}

static void
local_append(struct relay *r, const struct conv *c, const struct relay_msg *m,
    relay_append_fn done, void *arg)
{
	struct local *l = rl_of(r);
	struct op *op = rl_queue(l, run_append, rl_get_place(l, c));
	op->msg = rl_keep_msg(l, m);
	op->fn.append = done;
	op->arg = arg;
}

static void
run_typing(struct local *l, struct op *op, enum relay_status st)
{
	struct place *p = op->place;
	const struct relay_msg *m = op->msg;
	if (st == RELAY_OK && p != NULL && p->live)
		l->relay.ev.on_typing(
		    l->relay.ev_arg, p->room, m->sender, m->nick);
}

static void
run_pair_typing(struct local *l, struct op *op, enum relay_status st)
{
	const struct relay_msg *m = op->msg;
	const struct person *w = rl_hearer(l, m->peer);
	if (st == RELAY_OK && w != NULL && w->live)
		l->relay.ev.on_pair_typing(
		    l->relay.ev_arg, w->user, m->sender, m->nick);
}

static void
local_typing(
    struct relay *r, const struct conv *c, struct span sender, struct span nick)
{
	struct local *l = rl_of(r);
	struct relay_msg m = {.sender = sender, .nick = nick};
	struct op *op;
	if (c->kind == CONV_ROOM) {
		op = rl_queue(l, run_typing, rl_find_place(l, c));
	} else {
		char me[SENDER_ID_LEN + 1];
		span_copy(me, sizeof me, sender);
		m.peer = conv_peer(c, me);
		op = rl_queue(l, run_pair_typing, NULL);
	}
	op->msg = rl_keep_msg(l, &m);
}

/* --- reading -------------------------------------------------------------- */

/* Can a page begin right behind this id, and nothing be missing? */
static bool
log_knows(const struct place *p, struct msgid id)
{
	if (p == NULL)
		return msgid_is_zero(id);
	if (msgid_is_zero(id))
		return !p->trimmed;
	if (msgid_cmp(id, p->last) == 0)
		return true;
	size_t rank = log_rank(p, id, true);
	return rank > 0 && msgid_cmp(shelf_id(&p->log, rank - 1), id) == 0;
}

static void
page_fill(struct local *l, const struct place *p, size_t first, size_t n)
{
	for (size_t i = 0; i < n; i++)
		l->page[i] = shelf_at(&p->log, first + i);
}

static struct relay_page
read_forward(
    struct local *l, const struct place *p, const struct relay_range *range)
{
	size_t first = log_rank(p, range->from, true);
	size_t limit =
	    msgid_is_zero(range->to) ? p->log.n : log_rank(p, range->to, true);
	size_t n = limit > first ? limit - first : 0;
	bool end = n <= range->n;
	if (!end)
		n = range->n;
	page_fill(l, p, first, n);
	return (struct relay_page){.msgs = l->page, .n = n, .end = end};
}

static struct relay_page
read_backward(
    struct local *l, const struct place *p, const struct relay_range *range)
{
	size_t limit = msgid_is_zero(range->from)
			   ? p->log.n
			   : log_rank(p, range->from, false);
	size_t n = limit < range->n ? limit : range->n;
	page_fill(l, p, limit - n, n);
	return (struct relay_page){.msgs = l->page, .n = n, .end = n == limit};
}

static void
run_read(struct local *l, struct op *op, enum relay_status st)
{
	struct place *p = op->place;
	const struct relay_range *range = &op->u.range;
	if (st != RELAY_OK) {
		op->fn.read(op->arg, st, NULL);
		return;
	}
	struct relay_page page = {.msgs = l->page, .end = true};
	if (p != NULL) {
		log_expire(l, p);
		page = range->direction == RELAY_FORWARD
			   ? read_forward(l, p, range)
			   : read_backward(l, p, range);
	}
	page.gap = range->direction == RELAY_FORWARD && range->check_from &&
		   !log_knows(p, range->from);
	op->fn.read(op->arg, RELAY_OK, &page);
}

static void
local_read(struct relay *r, const struct conv *c,
    const struct relay_range *range, relay_read_fn done, void *arg)
{
	struct local *l = rl_of(r);
	struct op *op = rl_queue(l, run_read, rl_find_place(l, c));
	op->u.range = *range;
	op->fn.read = done;
	op->arg = arg;
}

static struct relay_member *
members_array(const struct place *p, size_t n)
{
	struct relay_member *all = xcalloc(n + 1, sizeof *all);
	const struct person *m;
	uint32_t at = 0;
	size_t i = 0;
	while ((m = index_next(&p->members, &at)) != NULL)
		all[i++] = (struct relay_member){
		    span_of(m->sender), span_of(rl_person_shown(m)), SPAN("")};
	return all;
}

static void
run_peek(struct local *l, struct op *op, enum relay_status st)
{
	struct place *p = op->place;
	if (st == RELAY_OK && p == NULL)
		st = RELAY_NONE;
	if (st != RELAY_OK) {
		op->fn.peek(op->arg, st, NULL);
		return;
	}
	log_expire(l, p);
	struct relay_peek peek = {.info = room_info(l, p), .n = p->members.n};
	struct relay_member *members = members_array(p, peek.n);
	peek.members = members;
	op->fn.peek(op->arg, RELAY_OK, &peek);
	free(members);
}

static void
local_peek(struct relay *r, const char *fold, relay_peek_fn done, void *arg)
{
	struct local *l = rl_of(r);
	struct op *op = rl_queue(l, run_peek, rl_find_room(l, fold));
	op->fn.peek = done;
	op->arg = arg;
}

static struct relay_room_entry
room_entry(const struct local *l, const struct place *p)
{
	struct relay_room_info info = room_info(l, p);
	return (struct relay_room_entry){
	    .fold = span_of(p->conv.key),
	    .shown = info.shown,
	    .topic = info.topic,
	    .count = p->members.n,
	    .hidden = info.rights->set.hidden,
	};
}

static void
run_list(struct local *l, struct op *op, enum relay_status st)
{
	if (st != RELAY_OK) {
		op->fn.list(op->arg, st, NULL, 0);
		return;
	}
	struct relay_room_entry *all =
	    xcalloc(HASH_COUNT(l->rooms) + 1, sizeof *all);
	const struct place *p, *next;
	size_t n = 0;
	HASH_ITER (hh, l->rooms, p, next)
		if (p->members.n > 0)
			all[n++] = room_entry(l, p);
	op->fn.list(op->arg, RELAY_OK, all, n);
	free(all);
}

static void
local_list(struct relay *r, relay_list_fn done, void *arg)
{
	struct op *op = rl_queue(rl_of(r), run_list, NULL);
	op->fn.list = done;
	op->arg = arg;
}

/* --- the whole ------------------------------------------------------------ */

static bool
local_is_up(const struct relay *r)
{
	(void)r;
	return true;
}

/* Carries out, or refuses, the operation at the head of the queue. */
static void
queue_run(struct local *l, enum relay_status st)
{
	struct op op = l->queue[l->queue_first]; /* the ring may move */
	l->queue_first = (l->queue_first + 1) & (l->queue_cap - 1);
	l->queue_n--;
	op.run(l, &op, st);
	if (op.place != NULL) {
		op.place->refs--;
		rl_reap(l, op.place);
	}
}

static void
sweep_logs(struct local *l, struct places *list)
{
	for (unsigned i = 0; i < SWEEP_LOGS; i++) {
		struct place *p = TAILQ_FIRST(list);
		if (p == NULL || !log_expire(l, p))
			break;
		rl_reap(l, p);
	}
}

static void
sweep(struct local *l, size_t records)
{
	records_expire(l, records);
	sweep_logs(l, &l->by_silence);
	sweep_logs(l, &l->by_short_silence);
	rl_rights_expire(l);
}

void
relay_local_run(struct relay *r, uint64_t now_ms, uint64_t wall_ms)
{
	struct local *l = rl_of(r);
	assert(!l->running);
	l->running = true;
	l->awake = false;
	l->now_ms = now_ms;
	l->wall_ms = wall_ms;
	rl_people_expire(l);
	/* What callbacks ask for waits for the next run, so that they cannot
	 * keep the loop from its sockets. */
	size_t n = l->queue_n;
	struct pile *asked = &l->piles[l->asking];
	l->asking = !l->asking;
	for (size_t i = 0; i < n; i++)
		queue_run(l, RELAY_OK);
	pile_clear(asked);
	sweep(l, 2 * n + SWEEP_RECORDS);
	l->running = false;
}

static void
places_free(struct local *l, struct place *table)
{
	struct place *p, *next;
	HASH_ITER (hh, table, p, next)
		place_free(l, p);
}

static void
local_free(struct relay *r)
{
	struct local *l = rl_of(r);
	assert(!l->running);
	/* What is on its way to disk is waited for, and answered. */
	state_close(l->state);
	l->state = NULL;
	while (l->queue_n > 0)
		queue_run(l, RELAY_DOWN);
	rl_accounts_free(l);
	places_free(l, l->rooms);
	places_free(l, l->pairs);
	rl_people_free(l);
	while (!TAILQ_EMPTY(&l->by_expiry))
		record_free(l, TAILQ_FIRST(&l->by_expiry));
	denies_free(&l->denies);
	rights_unref(l->no_rights);
	pile_free(&l->piles[0]);
	pile_free(&l->piles[1]);
	free(l->queue);
	free(l);
}

static void
local_tune(struct relay *relay, const struct relay_tuning *t)
{
	struct relay_local_config *c = &rl_of(relay)->config;

	c->history = t->history;
	c->history_ttl_ms = t->history_ttl_ms;
	c->dedupe_ms = t->dedupe_ms;
	c->resume_ms = t->resume_ms;
	c->room_ttl_ms = t->room_ttl_ms;
}

static const struct relay_ops local_ops = {
    .free = local_free,
    .is_up = local_is_up,
    .tune = local_tune,
    .durability = "process",
    .open_room = local_open_room,
    .close_room = local_close_room,
    .join = local_join,
    .part = local_part,
    .rename = local_rename,
    .append = local_append,
    .read = local_read,
    .typing = local_typing,
    .claim = rl_claim,
    .leave = rl_leave,
    .resume = rl_resume,
    .release = rl_release,
    .find = rl_find,
    .watch = rl_watch,
    .unwatch = rl_unwatch,
    .peek = local_peek,
    .list = local_list,
    .accounts = &rl_account_ops,
    .rights = &rl_rights_ops,
    .oper = &rl_oper_ops,
};

/* What lasts: each kind of the state file, and who takes it. */
static const struct state_kind kinds[] = {
    {"account", rl_account_take},
    {"deny", rl_deny_take},
    {"room", rl_rights_take},
};

int
relay_local_keep(struct relay *r, const char *path, struct event_base *base,
    char cause[static ERR_LEN])
{
	struct local *l = rl_of(r);
	assert(l->state == NULL && l->queue_n == 0);
	l->state = state_open(path, base, kinds, ARRAY_LEN(kinds), l, cause);
	if (l->state == NULL)
		return -1;
	if (l->denies.n > 0)
		rl_denies_tell(l);
	return 0;
}

struct relay *
relay_local_new(const struct relay_local_config *c)
{
	assert(c->node != NULL && c->wake != NULL);
	assert(c->history >= 0 && c->history_ttl_ms > 0 && c->dedupe_ms > 0);
	struct local *l = xcalloc(1, sizeof *l);
	l->relay.ops = &local_ops;
	l->config = *c;
	if (l->config.memory <= 0)
		l->config.memory = BUDGET_DEFAULT;
	if (l->config.room_ttl_ms <= 0)
		l->config.room_ttl_ms = RELAY_ROOM_TTL_MS;
	l->log_max = c->history > LOG_MIN ? (size_t)c->history : LOG_MIN;
	l->no_rights = rights_new();
	l->claims = INDEX_BY(rl_claim_key);
	l->people = INDEX_BY(rl_person_key);
	TAILQ_INIT(&l->by_silence);
	TAILQ_INIT(&l->by_short_silence);
	TAILQ_INIT(&l->idle);
	TAILQ_INIT(&l->by_expiry);
	TAILQ_INIT(&l->left);
	return &l->relay;
}
