/* SPDX-License-Identifier: ISC */
/*
 * What rooms allow, kept in memory.
 *
 * The queue of operations is the one step that the interface promises: a change
 * is judged against what is there when its turn comes, and what was appended
 * before it was appended under the old rights.
 *
 * With a state file the rights outlast the process.  They hold from the moment
 * of the change; it is answered when it is on disk.  A room that nobody is in
 * is kept for its rights, for room_ttl_ms.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/relay_local_int.h"

enum {
	DAY_MS = 86400000,
	KEY_BYTES = 16,
	KEY_HEX = 2 * KEY_BYTES,
	SLOWS_MAX = 256, /* above it those who need not wait are forgotten */
	SWEEP_ROOMS = 16,
};

/* --- the value --------------------------------------------------------------
 */

static size_t
size_of(const struct rights *r)
{
	size_t size = r ? sizeof *r : 0;

	for (size_t i = 0; r && i < RIGHTS_LISTS; i++)
		size += r->lists[i].n * sizeof r->lists[i].at[0];
	return size;
}

/* An account and how many rooms it owns. */
struct owner {
	UT_hash_handle hh;
	size_t n;
	char id[SENDER_ID_LEN + 1];
};

static void
count_owned(struct local *l, const struct rights *r, bool more)
{
	struct owner *o;

	if (!r || !r->owner[0])
		return;
	HASH_FIND_STR(l->owners, r->owner, o);
	if (!o) {
		o = xcalloc(1, sizeof *o);
		span_copy(o->id, sizeof o->id, span_of(r->owner));
		HASH_ADD_STR(l->owners, id, o);
	}
	o->n += more ? 1 : (size_t)-1;
	if (o->n > 0)
		return;
	HASH_DEL(l->owners, o);
	free(o);
}

static bool
may_own_more(const struct local *l, const char *id)
{
	const struct owner *o;

	HASH_FIND_STR(l->owners, id, o);
	return l->config.rooms_per_account <= 0 || !o ||
	       o->n < (size_t)l->config.rooms_per_account;
}

/* The only place that puts rights to a room, or takes them away. */
static void
set_rights(struct local *l, struct place *p, struct rights *next)
{
	count_owned(l, p->rights, false);
	count_owned(l, next, true);
	l->used += size_of(next);
	l->used -= size_of(p->rights);
	rights_unref(p->rights);
	p->rights = next;
}

/* --- waiting -------------------------------------------------------------- */

/* Who has said something, and may say the next thing only later. */
struct slow {
	UT_hash_handle hh;
	uint64_t until_ms; /* monotonic */
	char sender[SENDER_ID_LEN + 1];
};

static void
slows_prune(struct place *p, uint64_t now_ms)
{
	struct slow *s, *next;

	HASH_ITER (hh, p->slows, s, next) {
		if (s->until_ms > now_ms)
			continue;
		HASH_DEL(p->slows, s);
		free(s);
	}
}

static enum relay_status
judge_slow(struct local *l, struct place *p, const struct relay_msg *m,
    uint64_t *wait_ms)
{
	struct slow *s;

	HASH_FIND(hh, p->slows, m->sender.p, m->sender.len, s);
	if (s && s->until_ms > l->now_ms) {
		*wait_ms = s->until_ms - l->now_ms;
		return RELAY_SLOW;
	}
	if (!s) {
		if (HASH_COUNT(p->slows) >= SLOWS_MAX)
			slows_prune(p, l->now_ms);
		s = xcalloc(1, sizeof *s);
		span_copy(s->sender, sizeof s->sender, m->sender);
		HASH_ADD_STR(p->slows, sender, s);
	}
	s->until_ms = l->now_ms + m->slow_ms;
	return RELAY_OK;
}

enum relay_status
rl_rights_judge(struct local *l, struct place *p, const struct relay_msg *m,
    uint64_t *wait_ms)
{
	if (p->conv.kind != CONV_ROOM)
		return RELAY_OK;
	if (msgid_cmp(m->rv, rl_rights(l, p)->rv) != 0)
		return RELAY_STALE;
	return m->slow_ms > 0 ? judge_slow(l, p, m, wait_ms) : RELAY_OK;
}

/* --- the state file ------------------------------------------------------- */

/* A name may be longer than a key of the file: so the key is its hash. */
static void
state_key(char key[static KEY_HEX + 1], const char *fold)
{
	unsigned char hash[KEY_BYTES];

	crypto_generichash(hash, sizeof hash, (const unsigned char *)fold,
	    strlen(fold), NULL, 0);
	sodium_bin2hex(key, KEY_HEX + 1, hash, sizeof hash);
}

static void
on_kept(void *arg, int err)
{
	(void)arg; /* the log has it */
	(void)err;
}

static void
save(struct local *l, struct place *p, state_done_fn done, void *arg)
{
	struct buf record = {0};
	char key[KEY_HEX + 1], rv[MSGID_LEN_MAX + 1], used[24];

	state_key(key, p->conv.key);
	msgid_format(p->rights->rv, rv);
	snprintf(used, sizeof used, "%llu", (unsigned long long)l->wall_ms);
	rights_put(&record, p->rights);
	struct state_field fields[] = {
	    {SPAN("room"), span_of(p->conv.key)},
	    {SPAN("shown"), span_of(p->shown)},
	    {SPAN("rv"), span_of(rv)},
	    {SPAN("used"), span_of(used)},
	    {SPAN("rights"), {buf_head(&record), buf_len(&record)}},
	};
	state_put(l->state, "room", key, fields, ARRAY_LEN(fields), done, arg);
	buf_free(&record);
	p->saved_ms = l->wall_ms;
}

/* That it is still in use is worth a record a day. */
static void
touch(struct local *l, struct place *p)
{
	if (l->state && l->wall_ms > p->saved_ms + DAY_MS)
		save(l, p, on_kept, NULL);
}

struct stored {
	struct span room, shown, rv, used, rights;
};

static const struct {
	const char *name;
	size_t at;
} stored_fields[] = {
    {"room", offsetof(struct stored, room)},
    {"shown", offsetof(struct stored, shown)},
    {"rv", offsetof(struct stored, rv)},
    {"used", offsetof(struct stored, used)},
    {"rights", offsetof(struct stored, rights)},
};

static bool
take_field(struct stored *s, const struct state_field *f)
{
	for (size_t i = 0; i < ARRAY_LEN(stored_fields); i++) {
		struct span *at =
		    (struct span *)((char *)s + stored_fields[i].at);

		if (!span_is(f->name, stored_fields[i].name))
			continue;
		if (at->p)
			return false;
		*at = f->value;
		return true;
	}
	return false;
}

static const char *
read_room(struct local *l, const struct stored *s, struct span key)
{
	char expected[KEY_HEX + 1];
	struct name name, shown;
	struct msgid rv;
	uint64_t used_ms;
	struct rights *rights;
	struct conv c;
	int err;

	if (!s->room.p || name_check(s->room, false, &name) != 0 ||
	    !span_is(s->room, name.fold) || !s->shown.p ||
	    name_check(s->shown, false, &shown) != 0 ||
	    strcmp(shown.fold, name.fold) != 0)
		return "a room without a name";
	state_key(expected, name.fold);
	if (!span_is(key, expected))
		return "a room under the key of another";
	if (!s->rv.p || !msgid_parse(s->rv, &rv) || !s->used.p ||
	    !text_u64(s->used, UINT64_MAX, &used_ms) || !s->rights.p)
		return "a room without rv, used or rights";
	err = rights_get(s->rights, rv, &rights);
	if (err < 0)
		return rights_strerror(err);
	conv_room(&c, name.fold);
	struct place *p = rl_get_place(l, &c);
	memcpy(p->shown, shown.shown, sizeof p->shown);
	set_rights(l, p, rights);
	p->saved_ms = used_ms;
	/* No id falls below what was given out before the restart. */
	if (l->floor_ms <= rv.ms)
		l->floor_ms = rv.ms + 1;
	rl_reap(l, p);
	return NULL;
}

bool
rl_rights_take(void *local, struct span key, const struct state_field *f,
    size_t n, char cause[static ERR_LEN])
{
	struct stored s = {0};
	const char *wrong = NULL;

	for (size_t i = 0; i < n && !wrong; i++)
		if (!take_field(&s, &f[i]))
			wrong = "a field of a room that nobody knows";
	if (!wrong)
		wrong = read_room(local, &s, key);
	if (wrong)
		span_copy(cause, ERR_LEN, span_of(wrong));
	return wrong == NULL;
}

/* --- rooms that nobody is in ---------------------------------------------- */

bool
rl_rights_keep(struct local *l, struct place *p)
{
	if (!p->rights)
		return false;
	if (p->empty)
		return true;
	p->empty = true;
	p->emptied_ms = l->now_ms;
	TAILQ_INSERT_TAIL(&l->idle, p, idle);
	touch(l, p);
	return true;
}

void
rl_rights_wake(struct local *l, struct place *p)
{
	if (!p->empty)
		return;
	p->empty = false;
	TAILQ_REMOVE(&l->idle, p, idle);
	if (p->rights)
		touch(l, p);
}

static void
forget(struct local *l, struct place *p)
{
	char key[KEY_HEX + 1];

	set_rights(l, p, NULL);
	rl_rights_wake(l, p);
	state_key(key, p->conv.key);
	if (l->state)
		state_del(l->state, "room", key, on_kept, NULL);
}

/* With a state file by the wall clock, because a restart begins the other one
 * anew. */
static bool
is_forgotten(const struct local *l, const struct place *p)
{
	uint64_t ttl_ms = (uint64_t)l->config.room_ttl_ms;

	if (!l->state)
		return l->now_ms - p->emptied_ms >= ttl_ms;
	return l->wall_ms > p->saved_ms &&
	       l->wall_ms - p->saved_ms >= ttl_ms + DAY_MS;
}

void
rl_rights_expire(struct local *l)
{
	struct place *p;

	for (unsigned i = 0; i < SWEEP_ROOMS; i++) {
		p = TAILQ_FIRST(&l->idle);
		if (!p || p->refs > 0 || !is_forgotten(l, p))
			return;
		forget(l, p);
		rl_reap(l, p);
	}
}

void
rl_rights_free(struct local *l, struct place *p)
{
	slows_prune(p, UINT64_MAX);
	set_rights(l, p, NULL);
	rl_rights_wake(l, p);
}

/* --- reading -------------------------------------------------------------- */

struct rights *
rl_rights(const struct local *l, const struct place *p)
{
	return p->rights ? p->rights : l->no_rights;
}

static bool
is_room(const struct place *p)
{
	return p && (p->opened != 0 || p->members.n > 0 || p->log.n > 0 ||
			p->rights);
}

/* The room is there from now on, and this account's. */
static enum relay_status
found(struct local *l, struct place *p, const struct relay_msg *by)
{
	char id[SENDER_ID_LEN + 1], nick[NAME_BYTES_MAX + 1];

	if (!rl_budget_has(l, sizeof *p->rights))
		return RELAY_FULL;
	span_copy(id, sizeof id, by->sender);
	span_copy(nick, sizeof nick, by->nick);
	if (!may_own_more(l, id))
		return RELAY_LIMIT;
	span_copy(p->shown, sizeof p->shown, by->text);
	set_rights(l, p, rights_new_owned(id, nick));
	/* No entry's id: those come later. */
	p->rights->rv = (struct msgid){l->wall_ms - 1, 0};
	if (l->state)
		save(l, p, on_kept, NULL);
	return RELAY_OK;
}

static void
run_load(struct local *l, struct op *op, enum relay_status st)
{
	struct place *p = op->place;

	if (st == RELAY_OK && !is_room(p))
		st = op->msg ? found(l, p, op->msg) : RELAY_NONE;
	op->fn.rights(op->arg, st, st == RELAY_OK ? rl_rights(l, p) : NULL);
}

static void
local_load(struct relay *r, const struct name *room, const char *founder,
    const char *nick, relay_rights_fn done, void *arg)
{
	struct local *l = rl_of(r);
	struct conv c;

	conv_room(&c, room->fold);
	struct place *p = founder ? rl_get_place(l, &c) : rl_find_place(l, &c);
	struct op *op = rl_queue(l, run_load, p);
	if (founder)
		op->msg = rl_keep_msg(l, &(struct relay_msg){
					     .sender = span_of(founder),
					     .nick = span_of(nick),
					     .text = span_of(room->shown),
					 });
	op->fn.rights = done;
	op->arg = arg;
}

/* --- changing ------------------------------------------------------------- */

struct changing {
	struct local *l;
	struct place *place; /* referenced */
	relay_change_fn done;
	void *arg;
};

static void
on_saved(void *arg, int err)
{
	struct changing *c = arg;
	struct place *p = c->place;

	c->done(c->arg, rl_state_status(err), RIGHTS_YES, rl_rights(c->l, p));
	p->refs--;
	rl_reap(c->l, p);
	free(c);
}

static void
tell(struct local *l, struct place *p, const struct relay_msg *entry)
{
	const struct relay_events *ev = &l->relay.ev;

	if (p->live && ev->on_rights)
		ev->on_rights(l->relay.ev_arg, p->room, p->rights);
	if (p->live)
		ev->on_message(l->relay.ev_arg, p->room, entry);
}

static void
put_in_force(struct local *l, struct place *p, struct rights *next,
    struct relay_msg *entry)
{
	set_rights(l, p, next);
	next->rv = rl_log_append(l, p, entry);
	if (next->set.slow_s == 0)
		slows_prune(p, UINT64_MAX);
	tell(l, p, entry);
}

static enum relay_status
change(struct local *l, struct op *op, enum rights_answer *answer)
{
	struct place *p = op->place;
	const struct kept_change *k = op->u.change;
	struct relay_msg entry = relay_change_entry(k);
	struct rights *next;

	if (!is_room(p))
		return RELAY_NONE;
	if (!rl_budget_has(l, sizeof *next + shelf_cost(&entry) +
				  sizeof(struct rights_entry)))
		return RELAY_FULL;
	*answer = rights_change(rl_rights(l, p), &k->change, l->wall_ms, &next);
	if (*answer != RIGHTS_YES)
		return RELAY_OK;
	if (strcmp(next->owner, rl_rights(l, p)->owner) != 0 &&
	    !may_own_more(l, next->owner)) {
		rights_unref(next);
		return RELAY_LIMIT;
	}
	put_in_force(l, p, next, &entry);
	return RELAY_OK;
}

/* On disk first, then answered. */
static void
keep(struct local *l, struct op *op)
{
	struct changing *c = xcalloc(1, sizeof *c);

	*c = (struct changing){l, op->place, op->fn.change, op->arg};
	c->place->refs++;
	save(l, op->place, on_saved, c);
}

static void
run_change(struct local *l, struct op *op, enum relay_status st)
{
	enum rights_answer answer = RIGHTS_YES;

	if (st == RELAY_OK)
		st = change(l, op, &answer);
	free(op->u.change);
	if (st == RELAY_OK && answer == RIGHTS_YES && l->state)
		keep(l, op);
	else
		op->fn.change(op->arg, st, answer,
		    st == RELAY_OK ? rl_rights(l, op->place) : NULL);
}

static void
local_change(struct relay *r, const char *fold, const struct rights_change *c,
    struct span text, relay_change_fn done, void *arg)
{
	struct local *l = rl_of(r);
	struct op *op = rl_queue(l, run_change, rl_find_room(l, fold));

	op->u.change = relay_keep_change(c, text);
	op->fn.change = done;
	op->arg = arg;
}

static uint64_t
local_now_ms(const struct relay *r)
{
	const struct local *l = (const struct local *)r;

	return l->config.wall_ms ? l->config.wall_ms() : l->wall_ms;
}

const struct relay_rights_ops rl_rights_ops = {
    .load = local_load,
    .change = local_change,
    .now_ms = local_now_ms,
};
