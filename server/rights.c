/* SPDX-License-Identifier: ISC */
/*
 * What one room allows to whom.
 *
 * Two steps answer every question: what somebody is in the room (a standing),
 * and what the table says of that standing on the path it wants to take.  So
 * there is one table to read, to test and to argue about; relays and commands
 * only bring the facts.
 *
 * A change makes a copy.  The old value stays as it is for whoever holds it,
 * and the relay can put the new one in its place in one step, or not at all.
 */
#include "server/rights.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/relay_account.h"
#include "server/relay_codec.h"

/* --- values --------------------------------------------------------------- */

static const size_t list_max[RIGHTS_LISTS] = {
    [RIGHTS_OPERATORS] = RIGHTS_OPERATORS_MAX,
    [RIGHTS_BANS] = RIGHTS_LIST_MAX,
    [RIGHTS_MUTES] = RIGHTS_LIST_MAX,
    [RIGHTS_INVITED] = RIGHTS_LIST_MAX,
};

struct rights *
rights_new(void)
{
	struct rights *r = xcalloc(1, sizeof *r);

	r->refs = 1;
	r->set.history = RIGHTS_HISTORY_DEFAULT;
	return r;
}

struct rights *
rights_new_broken(struct msgid rv)
{
	struct rights *r = rights_new();

	r->rv = rv;
	r->broken = true;
	return r;
}

struct rights *
rights_new_owned(const char *account, const char *nick)
{
	struct rights *r = rights_new();

	span_copy(r->owner, sizeof r->owner, span_of(account));
	span_copy(r->owner_nick, sizeof r->owner_nick, span_of(nick));
	return r;
}

struct rights *
rights_ref(struct rights *r)
{
	r->refs++;
	return r;
}

void
rights_unref(struct rights *r)
{
	if (!r || --r->refs > 0)
		return;
	for (size_t i = 0; i < RIGHTS_LISTS; i++)
		free(r->lists[i].at);
	free(r);
}

static bool
is_over(const struct rights_entry *e, uint64_t now_ms)
{
	return e->until_ms != 0 && e->until_ms <= now_ms;
}

/* Without what ran out. */
static void
list_copy(
    struct rights_list *to, const struct rights_list *from, uint64_t now_ms)
{
	to->n = 0;
	to->at = from->n > 0 ? xcalloc(from->n, sizeof *to->at) : NULL;
	for (size_t i = 0; i < from->n; i++)
		if (!is_over(&from->at[i], now_ms))
			to->at[to->n++] = from->at[i];
}

static struct rights *
copy(const struct rights *r, uint64_t now_ms)
{
	struct rights *c = xmalloc(sizeof *c);

	*c = *r;
	c->refs = 1;
	c->rv = (struct msgid){0, 0};
	for (size_t i = 0; i < RIGHTS_LISTS; i++)
		list_copy(&c->lists[i], &r->lists[i], now_ms);
	return c;
}

/* --- lists ---------------------------------------------------------------- */

static struct rights_entry *
find_id(const struct rights_list *l, const char *id)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->at[i].id, id) == 0)
			return &l->at[i];
	return NULL;
}

static bool
has_id(const struct rights_list *l, const char *id, uint64_t now_ms)
{
	const struct rights_entry *e = find_id(l, id);

	return e && !is_over(e, now_ms);
}

/* By its id, or as a guest by where it comes from. */
static const struct rights_entry *
find_who(
    const struct rights_list *l, const struct rights_who *who, uint64_t now_ms)
{
	const struct rights_entry *e = find_id(l, who->id);

	if (e && !is_over(e, now_ms))
		return e;
	for (size_t i = 0; who->has_addr && i < l->n; i++)
		if (l->at[i].has_addr && !is_over(&l->at[i], now_ms) &&
		    memcmp(&l->at[i].addr, &who->addr, sizeof who->addr) == 0)
			return &l->at[i];
	return NULL;
}

static bool
same_nick(const char *a, const char *b)
{
	struct name x, y;

	return name_check(span_of(a), false, &x) == 0 &&
	       name_check(span_of(b), false, &y) == 0 &&
	       strcmp(x.fold, y.fold) == 0;
}

static bool
is_account(const char *id)
{
	return account_is_id(span_of(id));
}

/* Made under this nick, which nobody has now; or another than the guest who
 * had it then. */
static struct rights_entry *
find_nick(const struct rights_list *l, const struct rights_change *c)
{
	for (size_t i = 0; i < l->n; i++)
		if ((!c->target[0] || !is_account(l->at[i].id)) &&
		    same_nick(l->at[i].nick, c->target_nick))
			return &l->at[i];
	return NULL;
}

static void
list_drop(struct rights_list *l, struct rights_entry *e)
{
	if (e)
		*e = l->at[--l->n];
}

static enum rights_answer
list_put(struct rights *r, enum rights_list_id id, const struct rights_entry *e)
{
	struct rights_list *l = &r->lists[id];
	struct rights_entry *was = find_id(l, e->id);

	if (was) {
		*was = *e;
		return RIGHTS_YES;
	}
	if (l->n == list_max[id])
		return RIGHTS_NO_ROOM;
	l->at = xreallocarray(l->at, l->n + 1, sizeof *l->at);
	l->at[l->n++] = *e;
	return RIGHTS_YES;
}

/* --- who asks ------------------------------------------------------------- */

static bool
is_owner(const struct rights *r, const char *id)
{
	return r->owner[0] && strcmp(r->owner, id) == 0;
}

static bool
has_key(const struct rights *r, const struct rights_who *who)
{
	return r->set.key[0] && who->key && strcmp(r->set.key, who->key) == 0;
}

static enum rights_standing
standing_inside(
    const struct rights *r, const struct rights_who *who, uint64_t now_ms)
{
	if (find_who(&r->lists[RIGHTS_MUTES], who, now_ms))
		return STANDING_MUTED;
	return r->set.moderated ? STANDING_HUSHED : STANDING_MEMBER;
}

/* An invitation opens what a key opens. */
static enum rights_standing
standing_outside(
    const struct rights *r, const struct rights_who *who, uint64_t now_ms)
{
	if (has_id(&r->lists[RIGHTS_INVITED], who->id, now_ms) ||
	    has_key(r, who) || (!r->set.hidden && !r->set.key[0]))
		return STANDING_WELCOME;
	return r->set.key[0] ? STANDING_KEYLESS : STANDING_UNINVITED;
}

enum rights_standing
rights_standing(
    const struct rights *r, const struct rights_who *who, uint64_t now_ms)
{
	if (who->server_operator)
		return STANDING_SERVER;
	if (is_owner(r, who->id))
		return STANDING_OWNER;
	if (has_id(&r->lists[RIGHTS_OPERATORS], who->id, now_ms))
		return STANDING_OPERATOR;
	if (find_who(&r->lists[RIGHTS_BANS], who, now_ms))
		return STANDING_BANNED;
	return who->inside ? standing_inside(r, who, now_ms)
			   : standing_outside(r, who, now_ms);
}

const char *
rights_standing_word(enum rights_standing s)
{
	static const char *const words[STANDINGS] = {
	    [STANDING_SERVER] = "server",
	    [STANDING_OWNER] = "owner",
	    [STANDING_OPERATOR] = "operator",
	    [STANDING_BANNED] = "banned",
	    [STANDING_MUTED] = "muted",
	    [STANDING_HUSHED] = "hushed",
	    [STANDING_MEMBER] = "member",
	    [STANDING_WELCOME] = "welcome",
	    [STANDING_KEYLESS] = "keyless",
	    [STANDING_UNINVITED] = "uninvited",
	};

	return words[s];
}

/* --- the table ------------------------------------------------------------ */

#define YES RIGHTS_YES
#define BAN RIGHTS_BANNED
#define MUTE RIGHTS_MUTED
#define HUSH RIGHTS_HUSHED
#define KEY RIGHTS_BAD_KEY
#define INV RIGHTS_UNINVITED
#define NO RIGHTS_NOT_ALLOWED

/*
 * inside: only for members, to everyone else the answer is RIGHTS_OUTSIDE,
 * whatever the room is.  So it does not tell whether there is one.
 * hides: a private room does not exist for who is neither a member nor has a
 * say in it.
 * Then one column for each standing.
 */
/* clang-format off */
static const struct {
	bool inside, hides;
	enum rights_answer at[STANDINGS];
} table[RIGHTS_PATHS] = {
	/*                 inside hides    server owner oper. banned muted hushed member welc. keyl. uninv. */
	[RIGHTS_ENTER] =    {false, false, {YES,   YES,  YES,  BAN,   YES,  YES,   YES,   YES,  KEY,  INV}},
	[RIGHTS_READ] =     {true,  false, {YES,   YES,  YES,  BAN,   YES,  YES,   YES,   NO,   NO,   NO}},
	[RIGHTS_WRITE] =    {true,  false, {YES,   YES,  YES,  BAN,   MUTE, HUSH,  YES,   NO,   NO,   NO}},
	[RIGHTS_TOPIC] =    {true,  false, {YES,   YES,  YES,  BAN,   MUTE, HUSH,  YES,   NO,   NO,   NO}},
	[RIGHTS_KNOW] =     {false, true,  {YES,   YES,  YES,  BAN,   YES,  YES,   YES,   YES,  YES,  YES}},
	[RIGHTS_LIST] =     {true,  true,  {YES,   YES,  YES,  YES,   YES,  YES,   YES,   YES,  YES,  YES}},
	[RIGHTS_MODERATE] = {false, true,  {YES,   YES,  YES,  NO,    NO,   NO,    NO,    NO,   NO,   NO}},
	[RIGHTS_RULE] =     {false, true,  {YES,   YES,  NO,   NO,    NO,   NO,    NO,    NO,   NO,   NO}},
};
/* clang-format on */
#undef YES
#undef BAN
#undef MUTE
#undef HUSH
#undef KEY
#undef INV
#undef NO

static bool
is_hidden_from(const struct rights *r, const struct rights_who *who,
    enum rights_standing s)
{
	return r->set.hidden && s >= STANDING_BANNED &&
	       !(who->inside && s != STANDING_BANNED);
}

enum rights_answer
rights_may(const struct rights *r, const struct rights_who *who,
    enum rights_path path, uint64_t now_ms)
{
	enum rights_standing s = rights_standing(r, who, now_ms);

	if (r->broken)
		return RIGHTS_BROKEN;
	if (table[path].inside && !who->inside)
		return RIGHTS_OUTSIDE;
	if (table[path].hides && is_hidden_from(r, who, s))
		return RIGHTS_UNKNOWN;
	return table[path].at[s];
}

bool
rights_is_unhurried(
    const struct rights *r, const struct rights_who *who, uint64_t now_ms)
{
	return r->set.slow_s == 0 ||
	       rights_standing(r, who, now_ms) <= STANDING_OPERATOR;
}

const struct rights_entry *
rights_ban(
    const struct rights *r, const struct rights_who *who, uint64_t now_ms)
{
	return rights_standing(r, who, now_ms) == STANDING_BANNED
		   ? find_who(&r->lists[RIGHTS_BANS], who, now_ms)
		   : NULL;
}

char
rights_mark(const struct rights *r, const char *id)
{
	if (is_owner(r, id))
		return '*';
	return find_id(&r->lists[RIGHTS_OPERATORS], id) ? '+' : '\0';
}

int64_t
rights_history(const struct rights *r, int64_t server)
{
	return r->set.history == RIGHTS_HISTORY_DEFAULT ? server
							: r->set.history;
}

/* --- changing ------------------------------------------------------------- */

static const char *const verb_words[RIGHTS_VERBS] = {
    [RIGHTS_DO_SET] = "set",
    [RIGHTS_DO_OP] = "op",
    [RIGHTS_DO_DEOP] = "deop",
    [RIGHTS_DO_KICK] = "kick",
    [RIGHTS_DO_BAN] = "ban",
    [RIGHTS_DO_UNBAN] = "unban",
    [RIGHTS_DO_MUTE] = "mute",
    [RIGHTS_DO_UNMUTE] = "unmute",
    [RIGHTS_DO_INVITE] = "invite",
    [RIGHTS_DO_WITNESS] = "witness",
};

const char *
rights_verb_word(enum rights_verb v)
{
	return verb_words[v];
}

int
rights_verb_find(struct span word)
{
	for (int i = 0; i < RIGHTS_VERBS; i++)
		if (span_is(word, verb_words[i]))
			return i;
	return -1;
}

static struct rights_entry
entry_of(const struct rights_change *c, uint64_t now_ms)
{
	struct rights_entry e = {0};

	memcpy(e.id, c->target, sizeof e.id);
	memcpy(e.nick, c->target_nick, sizeof e.nick);
	span_copy(e.by, sizeof e.by, span_of(c->actor.nick));
	if (c->for_ms > 0)
		e.until_ms = now_ms + c->for_ms;
	if (c->addr && !is_account(c->target)) {
		e.has_addr = true;
		e.addr = *c->addr;
	}
	return e;
}

static struct rights_entry *
find_list(
    struct rights *r, enum rights_list_id id, const struct rights_change *c)
{
	return find_id(&r->lists[id], c->target);
}

static enum rights_answer
take_off(
    struct rights *r, enum rights_list_id id, const struct rights_change *c)
{
	struct rights_entry *e = find_list(r, id, c);

	if (!e)
		e = find_nick(&r->lists[id], c);
	if (!e)
		return RIGHTS_NEEDLESS;
	list_drop(&r->lists[id], e);
	return RIGHTS_YES;
}

static enum rights_answer
set_owner(struct rights *r, const struct rights_change *c)
{
	struct rights_entry was = {0};

	if (!is_account(c->target))
		return RIGHTS_NO_ACCOUNT;
	if (is_owner(r, c->target))
		return RIGHTS_YES;
	list_drop(
	    &r->lists[RIGHTS_OPERATORS], find_list(r, RIGHTS_OPERATORS, c));
	list_drop(&r->lists[RIGHTS_BANS], find_list(r, RIGHTS_BANS, c));
	list_drop(&r->lists[RIGHTS_MUTES], find_list(r, RIGHTS_MUTES, c));
	memcpy(was.id, r->owner, sizeof was.id);
	memcpy(was.nick, r->owner_nick, sizeof was.nick);
	span_copy(was.by, sizeof was.by, span_of(c->actor.nick));
	memcpy(r->owner, c->target, sizeof r->owner);
	memcpy(r->owner_nick, c->target_nick, sizeof r->owner_nick);
	return was.id[0] ? list_put(r, RIGHTS_OPERATORS, &was) : RIGHTS_YES;
}

static enum rights_answer
do_set(struct rights *r, const struct rights_change *c, uint64_t now_ms)
{
	(void)now_ms;
	if (c->sets & RIGHTS_SET_HIDDEN)
		r->set.hidden = c->set.hidden;
	if (c->sets & RIGHTS_SET_MODERATED)
		r->set.moderated = c->set.moderated;
	if (c->sets & RIGHTS_SET_SLOW)
		r->set.slow_s = c->set.slow_s;
	if (c->sets & RIGHTS_SET_HISTORY)
		r->set.history = c->set.history;
	if (c->sets & RIGHTS_SET_KEY)
		memcpy(r->set.key, c->set.key, sizeof r->set.key);
	return c->sets & RIGHTS_SET_OWNER ? set_owner(r, c) : RIGHTS_YES;
}

/* Who is trusted with the room cannot be banned from it at the same time. */
static enum rights_answer
do_op(struct rights *r, const struct rights_change *c, uint64_t now_ms)
{
	struct rights_entry e = entry_of(c, now_ms);

	if (!is_account(c->target))
		return RIGHTS_NO_ACCOUNT;
	if (is_owner(r, c->target) || find_list(r, RIGHTS_OPERATORS, c))
		return RIGHTS_NEEDLESS;
	list_drop(&r->lists[RIGHTS_BANS], find_list(r, RIGHTS_BANS, c));
	list_drop(&r->lists[RIGHTS_MUTES], find_list(r, RIGHTS_MUTES, c));
	e.until_ms = 0;
	return list_put(r, RIGHTS_OPERATORS, &e);
}

static enum rights_answer
do_deop(struct rights *r, const struct rights_change *c, uint64_t now_ms)
{
	(void)now_ms;
	return take_off(r, RIGHTS_OPERATORS, c);
}

/* Out, and not in again by an old invitation. */
static enum rights_answer
do_kick(struct rights *r, const struct rights_change *c, uint64_t now_ms)
{
	(void)now_ms;
	list_drop(&r->lists[RIGHTS_INVITED], find_list(r, RIGHTS_INVITED, c));
	return RIGHTS_YES;
}

/* Who is banned anew comes from where it came from. */
static void
keep_addr(struct rights_entry *e, const struct rights_entry *was)
{
	if (!was || !was->has_addr || e->has_addr)
		return;
	e->has_addr = true;
	e->addr = was->addr;
}

static enum rights_answer
do_ban(struct rights *r, const struct rights_change *c, uint64_t now_ms)
{
	struct rights_entry e = entry_of(c, now_ms);

	keep_addr(&e, find_list(r, RIGHTS_BANS, c));
	list_drop(&r->lists[RIGHTS_INVITED], find_list(r, RIGHTS_INVITED, c));
	list_drop(
	    &r->lists[RIGHTS_OPERATORS], find_list(r, RIGHTS_OPERATORS, c));
	return list_put(r, RIGHTS_BANS, &e);
}

static enum rights_answer
do_unban(struct rights *r, const struct rights_change *c, uint64_t now_ms)
{
	(void)now_ms;
	return take_off(r, RIGHTS_BANS, c);
}

/* An operator would go on talking. */
static enum rights_answer
do_mute(struct rights *r, const struct rights_change *c, uint64_t now_ms)
{
	struct rights_entry e = entry_of(c, now_ms);

	keep_addr(&e, find_list(r, RIGHTS_MUTES, c));
	list_drop(
	    &r->lists[RIGHTS_OPERATORS], find_list(r, RIGHTS_OPERATORS, c));
	return list_put(r, RIGHTS_MUTES, &e);
}

static enum rights_answer
do_unmute(struct rights *r, const struct rights_change *c, uint64_t now_ms)
{
	(void)now_ms;
	return take_off(r, RIGHTS_MUTES, c);
}

/* A guest is somebody for as long as its sessions last: so is its invitation.
 */
static enum rights_answer
do_invite(struct rights *r, const struct rights_change *c, uint64_t now_ms)
{
	enum { GUEST_MS = 86400000 };
	struct rights_entry e = entry_of(c, now_ms);

	if (has_id(&r->lists[RIGHTS_BANS], c->target, now_ms))
		return RIGHTS_BANNED;
	e.has_addr = false;
	e.until_ms = is_account(c->target) ? 0 : now_ms + GUEST_MS;
	return list_put(r, RIGHTS_INVITED, &e);
}

static enum rights_answer
do_witness(struct rights *r, const struct rights_change *c, uint64_t now_ms)
{
	static const enum rights_list_id lists[] = {RIGHTS_BANS, RIGHTS_MUTES};
	enum rights_answer answer = RIGHTS_NEEDLESS;

	(void)now_ms;
	if (!c->addr || is_account(c->target))
		return RIGHTS_NEEDLESS;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		struct rights_entry *e = find_list(r, lists[i], c);

		if (!e || e->has_addr)
			continue;
		e->has_addr = true;
		e->addr = *c->addr;
		answer = RIGHTS_YES;
	}
	return answer;
}

/* path: what the actor needs; self: may aim at itself; guarded: who has a say
 * in the room is only aimed at by those above. */
static const struct {
	enum rights_answer (*run)(
	    struct rights *, const struct rights_change *, uint64_t now_ms);
	enum rights_path path;
	bool self;
	bool guarded;
} verbs[RIGHTS_VERBS] = {
    [RIGHTS_DO_SET] = {do_set, RIGHTS_RULE, true, false},
    [RIGHTS_DO_OP] = {do_op, RIGHTS_RULE, true, false},
    [RIGHTS_DO_DEOP] = {do_deop, RIGHTS_RULE, true, false},
    [RIGHTS_DO_KICK] = {do_kick, RIGHTS_MODERATE, false, true},
    [RIGHTS_DO_BAN] = {do_ban, RIGHTS_MODERATE, false, true},
    [RIGHTS_DO_UNBAN] = {do_unban, RIGHTS_MODERATE, true, false},
    [RIGHTS_DO_MUTE] = {do_mute, RIGHTS_MODERATE, false, true},
    [RIGHTS_DO_UNMUTE] = {do_unmute, RIGHTS_MODERATE, true, false},
    [RIGHTS_DO_INVITE] = {do_invite, RIGHTS_MODERATE, false, false},
    [RIGHTS_DO_WITNESS] = {do_witness, RIGHTS_KNOW, true, false},
};

static bool
is_self(const struct rights_change *c)
{
	return c->target[0] && strcmp(c->target, c->actor.id) == 0;
}

/* An operator may give its place back; everything else is for those above. */
static bool
resigns(const struct rights *r, const struct rights_change *c, uint64_t now_ms)
{
	return c->verb == RIGHTS_DO_DEOP && is_self(c) &&
	       rights_standing(r, &c->actor, now_ms) == STANDING_OPERATOR;
}

static bool
is_above(const struct rights *r, const struct rights_change *c, uint64_t now_ms)
{
	enum rights_standing s = rights_standing(r, &c->actor, now_ms);

	/* An owner cannot be kept out or silent: the room has to be given to
	 * somebody else first. */
	if (s == STANDING_SERVER)
		return c->verb != RIGHTS_DO_KICK && is_owner(r, c->target);
	return is_owner(r, c->target) ||
	       (s != STANDING_OWNER &&
		   has_id(&r->lists[RIGHTS_OPERATORS], c->target, now_ms));
}

static enum rights_answer
judge(const struct rights *r, const struct rights_change *c, uint64_t now_ms)
{
	enum rights_answer a =
	    rights_may(r, &c->actor, verbs[c->verb].path, now_ms);

	if (c->verb == RIGHTS_DO_WITNESS) /* a node's word, not a person's */
		return r->broken ? RIGHTS_BROKEN : RIGHTS_YES;
	if (a == RIGHTS_NOT_ALLOWED && resigns(r, c, now_ms))
		return RIGHTS_YES;
	if (a != RIGHTS_YES)
		return a;
	if (!verbs[c->verb].self && is_self(c))
		return RIGHTS_SELF;
	if (verbs[c->verb].guarded && is_above(r, c, now_ms))
		return RIGHTS_ABOVE;
	return RIGHTS_YES;
}

enum rights_answer
rights_change(const struct rights *r, const struct rights_change *c,
    uint64_t now_ms, struct rights **next)
{
	enum rights_answer answer = judge(r, c, now_ms);

	if (answer != RIGHTS_YES)
		return answer;
	struct rights *changed = copy(r, now_ms);
	answer = verbs[c->verb].run(changed, c, now_ms);
	if (answer == RIGHTS_YES)
		*next = changed;
	else
		rights_unref(changed);
	return answer;
}
