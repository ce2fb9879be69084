/* SPDX-License-Identifier: ISC */
/*
 * The harness of the relay's contract tests: writes down news and answers, and
 * drives the loop until what a test waits for is there.
 */
#include "tests/unit/relay_harness.h"

#include <ctype.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/relay_oper.h"
#include "server/relay_rights.h"
#include "tests/unit/unit.h"

enum { DEADLINE_S = 10 };

static const char none[] = "(none)";

#define KEEP(dst, span) keep(dst, sizeof(dst), span)

static void
keep(char *dst, size_t cap, struct span s)
{
	if (s.p == NULL)
		s = span_of(none);
	if (s.len >= cap)
		s.len = cap - 1;
	span_copy(dst, cap, s);
}

/* --- news ----------------------------------------------------------------- */

static void
not_within_a_call(const struct harness *h)
{
	if (h->in_call > 0)
		fail_msg("a call back came from within a call");
}

static struct news *
news_add(struct node *n, enum news_kind kind, const void *what)
{
	not_within_a_call(n->h);
	assert_true(n->n < ARRAY_LEN(n->news));
	struct news *w = xcalloc(1, sizeof *w);
	w->kind = kind;
	w->what = what;
	w->serial = ++n->h->serial;
	n->news[n->n++] = w;
	return w;
}

static void
keep_message(struct news *w, const struct relay_msg *m)
{
	w->id = m->id;
	w->prev = m->prev;
	w->entry = m->kind;
	w->act = m->act;
	KEEP(w->sender, m->sender);
	KEEP(w->nick, m->nick);
	KEEP(w->peer, m->peer);
	KEEP(w->cid, m->cid);
	KEEP(w->re, m->re);
	KEEP(w->enc, m->enc);
	KEEP(w->text, m->text);
}

static void
keep_member(struct news *w, const struct relay_member *m)
{
	KEEP(w->sender, m->sender);
	KEEP(w->nick, m->nick);
	KEEP(w->node, m->node);
	KEEP(w->peer, m->by);
}

static void
on_state(void *arg, bool up)
{
	news_add(arg, NEWS_STATE, NULL)->up = up;
}

static void
on_message(void *arg, void *room, const struct relay_msg *m)
{
	keep_message(news_add(arg, NEWS_MESSAGE, room), m);
}

static void
on_rights(void *arg, void *room, struct rights *rights)
{
	struct news *w = news_add(arg, NEWS_RIGHTS, room);
	w->id = rights->rv;
	KEEP(w->sender, span_of(rights->owner));
}

static void
on_gap(void *arg, void *room)
{
	news_add(arg, NEWS_GAP, room);
}

static void
on_presence(void *arg, void *room, enum relay_presence what,
    const struct relay_member *m, struct span text)
{
	struct news *w = news_add(arg, NEWS_PRESENCE, room);
	w->presence = what;
	keep_member(w, m);
	KEEP(w->text, text);
}

static void
on_departed(void *arg, void *room, const struct relay_member *m, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct news *w = news_add(arg, NEWS_DEPARTED, room);
		keep_member(w, &m[i]);
		w->together = n;
	}
}

static void
on_typing(void *arg, void *room, struct span sender, struct span nick)
{
	struct news *w = news_add(arg, NEWS_TYPING, room);
	KEEP(w->sender, sender);
	KEEP(w->nick, nick);
}

static void
on_pair_message(
    void *arg, void *user, const struct conv *c, const struct relay_msg *m)
{
	struct news *w = news_add(arg, NEWS_PAIR_MESSAGE, user);
	w->conv = *c;
	keep_message(w, m);
}

static void
on_pair_typing(void *arg, void *user, struct span sender, struct span nick)
{
	struct news *w = news_add(arg, NEWS_PAIR_TYPING, user);
	KEEP(w->sender, sender);
	KEEP(w->nick, nick);
}

static void
on_nick_lost(void *arg, const char *sender, const char *fold)
{
	struct news *w = news_add(arg, NEWS_NICK_LOST, NULL);
	KEEP(w->sender, span_of(sender));
	KEEP(w->nick, span_of(fold));
}

static void
on_replaced(void *arg, const char *sender, const char *fold)
{
	struct news *w = news_add(arg, NEWS_REPLACED, NULL);
	KEEP(w->sender, span_of(sender));
	KEEP(w->nick, span_of(fold));
}

static void
on_order(void *arg, const struct relay_order *o)
{
	struct news *w = news_add(arg, NEWS_ORDER, NULL);
	KEEP(w->sender, o->sender);
	KEEP(w->text, o->text);
}

static void
on_denies(void *arg, const struct denies *all)
{
	struct news *w = news_add(arg, NEWS_DENIES, NULL);
	struct buf text = {0};
	char range[CIDR_TEXT_MAX + 1];
	w->together = all->n;
	for (size_t i = 0; i < all->n && i < 4; i++)
		buf_addf(&text, "%s %llu %s;",
		    cidr_format(&all->items[i].range, range),
		    (unsigned long long)all->items[i].until_ms,
		    all->items[i].text);
	KEEP(w->text, ((struct span){buf_head(&text), buf_len(&text)}));
	buf_free(&text);
}

static const struct relay_events events = {
    .on_state = on_state,
    .on_message = on_message,
    .on_rights = on_rights,
    .on_gap = on_gap,
    .on_presence = on_presence,
    .on_departed = on_departed,
    .on_typing = on_typing,
    .on_pair_message = on_pair_message,
    .on_pair_typing = on_pair_typing,
    .on_nick_lost = on_nick_lost,
    .on_replaced = on_replaced,
    .on_order = on_order,
    .on_denies = on_denies,
};

/* --- nodes ---------------------------------------------------------------- */

static void
node_start(struct harness *h, struct node *n, unsigned number)
{
	n->h = h;
	strcpy(n->name, number == 0 ? "den" : "nook");
	h->backend->node_start(n);
	relay_set_events(n->relay, &events, n);
	while (!relay_is_up(n->relay))
		next_news(n, NEWS_STATE);
	n->read[NEWS_STATE] = n->n;
}

struct harness *
harness_new(const struct backend *b, unsigned nodes)
{
	static unsigned number;
	struct harness *h = xcalloc(1, sizeof *h);
	h->backend = b;
	h->number = ++number;
	h->base = event_base_new();
	assert_non_null(h->base);
	for (unsigned i = 0; i < nodes; i++)
		node_start(h, &h->node[i], i);
	return h;
}

void
node_free(struct node *n)
{
	if (n->relay == NULL)
		return;
	relay_free(n->relay);
	n->relay = NULL;
	n->h->backend->node_stop(n);
}

static void
answers_free(struct harness *h)
{
	while (h->answers != NULL) {
		struct answer *a = h->answers;
		h->answers = a->next;
		free(a->news);
		free(a->rooms);
		free(a);
	}
}

void
harness_free(struct harness *h)
{
	h->in_call = 0; /* a failed test may have left it set */
	for (unsigned i = 0; i < NODES_MAX; i++) {
		struct node *n = &h->node[i];
		node_free(n);
		for (size_t k = 0; k < n->n; k++)
			free(n->news[k]);
	}
	answers_free(h);
	event_base_free(h->base);
	free(h);
}

/* --- waiting -------------------------------------------------------------- */

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(bool *)arg = true;
}

/* One turn of the loop; false at the deadline. */
struct wait {
	struct event *timer;
	bool late;
};

static void
wait_start(struct wait *w, struct harness *h)
{
	const struct timeval tv = {.tv_sec = DEADLINE_S};
	w->late = false;
	w->timer = evtimer_new(h->base, on_deadline, &w->late);
	assert_non_null(w->timer);
	evtimer_add(w->timer, &tv);
}

static void
wait_turn(struct wait *w, struct harness *h, const char *what)
{
	event_base_loop(h->base, EVLOOP_ONCE);
	if (w->late)
		fail_msg("waited in vain for %s", what);
}

void
await(struct harness *h, const unsigned *flag, const char *what)
{
	struct wait w;
	wait_start(&w, h);
	while (*flag == 0)
		wait_turn(&w, h, what);
	event_free(w.timer);
}

const struct answer *
await_answer(struct answer *a)
{
	await(a->h, &a->calls, "an answer");
	assert_int_equal(a->calls, 1);
	return a;
}

static const struct news *
news_take(struct node *n, enum news_kind kind)
{
	while (n->read[kind] < n->n) {
		const struct news *w = n->news[n->read[kind]++];
		if (w->kind == kind)
			return w;
	}
	return NULL;
}

const struct news *
next_news(struct node *n, enum news_kind kind)
{
	static const char *const names[NEWS_KINDS] = {"a change of state",
	    "a message", "rights", "a gap", "presence", "departures", "typing",
	    "a pair's message", "a pair's typing", "a lost nick",
	    "being replaced", "an order", "closed out ranges"};
	struct wait w;
	wait_start(&w, n->h);
	const struct news *found;
	while ((found = news_take(n, kind)) == NULL)
		wait_turn(&w, n->h, names[kind]);
	event_free(w.timer);
	return found;
}

size_t
unread(const struct node *n, enum news_kind kind)
{
	size_t count = 0;
	for (size_t i = n->read[kind]; i < n->n; i++)
		count += n->news[i]->kind == kind;
	return count;
}

/* --- answers -------------------------------------------------------------- */

static struct answer *
answer_new(struct node *n)
{
	struct answer *a = xcalloc(1, sizeof *a);
	a->h = n->h;
	a->next = n->h->answers;
	n->h->answers = a;
	return a;
}

static struct answer *
answered(void *arg, enum relay_status st)
{
	struct answer *a = arg;
	not_within_a_call(a->h);
	a->calls++;
	a->serial = ++a->h->serial;
	a->st = st;
	return a;
}

static void
on_done(void *arg, enum relay_status st)
{
	answered(arg, st);
}

static void
keep_room(struct room_kept *k, const struct relay_room_info *info)
{
	k->last = info->last;
	KEEP(k->shown, info->shown);
	KEEP(k->topic, info->topic);
	KEEP(k->topic_nick, info->topic_nick);
}

static void
on_room(void *arg, enum relay_status st, const struct relay_room_info *info)
{
	struct answer *a = answered(arg, st);
	assert_int_equal(st == RELAY_OK, info != NULL);
	if (info != NULL)
		keep_room(&a->room, info);
}

static void
on_append(void *arg, enum relay_status st, struct msgid id, bool dup,
    const struct relay_msg *again)
{
	assert_int_equal(st == RELAY_STALE, again != NULL);
	struct answer *a = answered(arg, st);
	a->id = id;
	a->dup = dup;
}

static void
on_read(void *arg, enum relay_status st, const struct relay_page *page)
{
	struct answer *a = answered(arg, st);
	assert_int_equal(st == RELAY_OK, page != NULL);
	if (page == NULL)
		return;
	assert_true(page->n <= RELAY_READ_MAX);
	a->n = page->n;
	a->gap = page->gap;
	a->end = page->end;
	a->news = xcalloc(page->n + 1, sizeof *a->news);
	for (size_t i = 0; i < page->n; i++)
		keep_message(&a->news[i], &page->msgs[i]);
}

static void
on_owner(void *arg, enum relay_status st, const struct relay_owner *owner)
{
	struct answer *a = answered(arg, st);
	assert_int_equal(st == RELAY_OK, owner != NULL);
	if (owner == NULL)
		return;
	KEEP(a->sender, owner->sender);
	KEEP(a->nick, owner->nick);
	KEEP(a->node, owner->node);
	a->since_ms = owner->since_ms;
}

static void
on_peek(void *arg, enum relay_status st, const struct relay_peek *peek)
{
	struct answer *a = answered(arg, st);
	assert_int_equal(st == RELAY_OK, peek != NULL);
	if (peek == NULL)
		return;
	keep_room(&a->room, &peek->info);
	a->n = peek->n;
	a->news = xcalloc(peek->n + 1, sizeof *a->news);
	for (size_t i = 0; i < peek->n; i++)
		keep_member(&a->news[i], &peek->members[i]);
}

static void
on_list(void *arg, enum relay_status st, const struct relay_room_entry *rooms,
    size_t n)
{
	struct answer *a = answered(arg, st);
	a->n = n;
	a->rooms = xcalloc(n + 1, sizeof *a->rooms);
	for (size_t i = 0; i < n; i++) {
		KEEP(a->rooms[i].fold, rooms[i].fold);
		KEEP(a->rooms[i].shown, rooms[i].shown);
		KEEP(a->rooms[i].topic, rooms[i].topic);
		a->rooms[i].count = rooms[i].count;
	}
}

/* --- calls ---------------------------------------------------------------- */

/* A relay call: whatever calls back before it returns is caught. */
#define CALL(n, call)              \
	do {                       \
		(n)->h->in_call++; \
		call;              \
		(n)->h->in_call--; \
	} while (0)

struct conv
room_conv(const char *fold)
{
	struct conv c;
	conv_room(&c, fold);
	return c;
}

struct conv
pair_conv(const char *a, const char *b)
{
	struct conv c;
	conv_pair(&c, a, b);
	return c;
}

/* ASCII is enough here; names.c has its own tests. */
static struct name
name_of(const char *shown)
{
	struct name name = {0};
	for (size_t i = 0; shown[i] != '\0'; i++) {
		assert_true(i < NAME_BYTES_MAX);
		name.shown[i] = shown[i];
		name.fold[i] = (char)tolower((unsigned char)shown[i]);
	}
	return name;
}

struct answer *
ask_open(struct node *n, const char *shown, void *room)
{
	struct answer *a = answer_new(n);
	struct name name = name_of(shown);
	CALL(n, relay_open_room(n->relay, &name, room, on_room, a));
	return a;
}

static struct relay_member
member_of(const char *sender, const char *nick)
{
	return (struct relay_member){
	    .sender = span_of(sender), .nick = span_of(nick)};
}

struct answer *
ask_join(struct node *n, const char *fold, const char *sender, const char *nick)
{
	struct answer *a = answer_new(n);
	struct relay_member m = member_of(sender, nick);
	CALL(n, relay_join(n->relay, fold, &m, on_done, a));
	return a;
}

struct answer *
ask_part(struct node *n, const char *fold, const char *sender, const char *nick,
    const char *text)
{
	struct answer *a = answer_new(n);
	struct relay_member m = member_of(sender, nick);
	CALL(n, relay_part(n->relay, fold, &m, span_of(text), on_done, a));
	return a;
}

struct answer *
ask_append(struct node *n, const struct conv *c, const struct relay_msg *m)
{
	struct answer *a = answer_new(n);
	CALL(n, relay_append(n->relay, c, m, on_append, a));
	return a;
}

struct answer *
ask_say(struct node *n, const char *fold, const char *sender, const char *cid,
    const char *text)
{
	struct conv c = room_conv(fold);
	struct relay_msg m = {
	    .sender = span_of(sender),
	    .nick = SPAN("Somebody"),
	    .cid = span_of(cid),
	    .text = span_of(text),
	};
	return ask_append(n, &c, &m);
}

struct answer *
ask_tell(struct node *n, const char *from, const char *to, const char *cid,
    const char *text)
{
	struct conv c = pair_conv(from, to);
	struct relay_msg m = {
	    .sender = span_of(from),
	    .nick = SPAN("Somebody"),
	    .peer = SPAN("Another"),
	    .cid = span_of(cid),
	    .text = span_of(text),
	};
	return ask_append(n, &c, &m);
}

struct answer *
ask_read(struct node *n, const struct conv *c, const struct relay_range *range)
{
	struct answer *a = answer_new(n);
	CALL(n, relay_read(n->relay, c, range, on_read, a));
	return a;
}

static struct answer *
ask_order(struct node *n, const struct relay_order *o)
{
	struct answer *a = answer_new(n);
	CALL(n, relay_order(n->relay, o, on_done, a));
	return a;
}

struct answer *
ask_kill(struct node *n, const char *fold, const char *sender, const char *text)
{
	struct relay_order o = {
	    ORDER_KILL, span_of(sender), span_of(text), fold};
	return ask_order(n, &o);
}

struct answer *
ask_announce(struct node *n, const char *text)
{
	struct relay_order o = {ORDER_ANNOUNCE, SPAN_NONE, span_of(text), NULL};
	return ask_order(n, &o);
}

struct answer *
ask_invite(struct node *n, const char *sender, const char *text)
{
	struct relay_order o = {
	    ORDER_INVITE, span_of(sender), span_of(text), NULL};
	return ask_order(n, &o);
}

static struct deny
deny_of(const char *range)
{
	struct deny d = {0};
	char cause[ERR_LEN];
	assert_int_equal(cidr_parse(span_of(range), &d.range, cause), 0);
	return d;
}

struct answer *
ask_deny(struct node *n, const char *range, uint64_t until_ms, const char *text)
{
	struct answer *a = answer_new(n);
	struct deny d = deny_of(range);
	d.until_ms = until_ms;
	span_copy(d.text, sizeof d.text, span_of(text));
	CALL(n, relay_deny(n->relay, &d, on_done, a));
	return a;
}

struct answer *
ask_allow(struct node *n, const char *range)
{
	struct answer *a = answer_new(n);
	struct deny d = deny_of(range);
	CALL(n, relay_allow(n->relay, &d.range, on_done, a));
	return a;
}

struct answer *
ask_claim(
    struct node *n, const char *shown, const char *sender, const char *token)
{
	struct answer *a = answer_new(n);
	struct name name = name_of(shown);
	CALL(n, relay_claim(n->relay, &name, sender, token, on_done, a));
	return a;
}

static void
on_resumed(void *arg, enum relay_status st, const char *sender)
{
	struct answer *a = arg;
	assert_int_equal(sender != NULL, st == RELAY_OK);
	KEEP(a->sender, span_of(sender));
	on_done(a, st);
}

struct answer *
ask_resume(
    struct node *n, const char *shown, const char *token, const char *new_token)
{
	struct answer *a = answer_new(n);
	struct name name = name_of(shown);
	CALL(n, relay_resume(n->relay, &name, token, new_token, on_resumed, a));
	return a;
}

void
do_leave(struct node *n, const char *fold, const char *sender)
{
	CALL(n, relay_leave(n->relay, fold, sender));
}

struct answer *
ask_find(struct node *n, const char *fold)
{
	struct answer *a = answer_new(n);
	CALL(n, relay_find(n->relay, fold, on_owner, a));
	return a;
}

struct answer *
ask_watch(struct node *n, const char *sender, void *user)
{
	struct answer *a = answer_new(n);
	CALL(n, relay_watch(n->relay, sender, user, on_done, a));
	return a;
}

struct answer *
ask_peek(struct node *n, const char *fold)
{
	struct answer *a = answer_new(n);
	CALL(n, relay_peek(n->relay, fold, on_peek, a));
	return a;
}

struct answer *
ask_list(struct node *n)
{
	struct answer *a = answer_new(n);
	CALL(n, relay_list(n->relay, on_list, a));
	return a;
}

void
do_close(struct node *n, const char *fold)
{
	CALL(n, relay_close_room(n->relay, fold));
}

void
do_rename(
    struct node *n, const char *fold, const char *sender, const char *nick)
{
	struct relay_member m = member_of(sender, nick);
	CALL(n, relay_rename(n->relay, fold, &m));
}

void
do_type(
    struct node *n, const struct conv *c, const char *sender, const char *nick)
{
	CALL(n, relay_typing(n->relay, c, span_of(sender), span_of(nick)));
}

void
do_release(struct node *n, const char *fold, const char *sender)
{
	CALL(n, relay_release(n->relay, fold, sender));
}

void
do_unwatch(struct node *n, const char *sender)
{
	CALL(n, relay_unwatch(n->relay, sender));
}

static const struct answer *
must(struct answer *a)
{
	await_answer(a);
	assert_int_equal(a->st, RELAY_OK);
	return a;
}

const struct answer *
open_room(struct node *n, const char *shown, void *room)
{
	return must(ask_open(n, shown, room));
}

const struct answer *
join(struct node *n, const char *fold, const char *sender, const char *nick)
{
	return must(ask_join(n, fold, sender, nick));
}

const struct answer *
part(struct node *n, const char *fold, const char *sender, const char *nick,
    const char *text)
{
	return must(ask_part(n, fold, sender, nick, text));
}

struct msgid
say(struct node *n, const char *fold, const char *sender, const char *text)
{
	return must(ask_say(n, fold, sender, NULL, text))->id;
}

void
watch(struct node *n, const char *sender, void *user)
{
	must(ask_watch(n, sender, user));
}
