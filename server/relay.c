/* SPDX-License-Identifier: ISC */
/*
 * The relay's front: checks what callers promise and hands each call to the
 * back end.  What the calls mean is said in the header, how they are done in
 * relay_local.c and relay_redis.c.
 */
#include "server/relay.h"

#include <assert.h>
#include <string.h>

#include "proto/line.h"

/* --- conversations -------------------------------------------------------- */

static bool
is_sender(struct span s)
{
	return s.p != NULL && s.len > 0 && s.len <= SENDER_ID_LEN &&
	       memchr(s.p, ':', s.len) == NULL;
}

static bool
is_fold(const char *fold)
{
	size_t len = strlen(fold);
	return len > 0 && len <= NAME_BYTES_MAX;
}

static bool
is_conv(const struct conv *c)
{
	return c->key[0] != '\0' &&
	       (c->kind == CONV_ROOM || strchr(c->key, ':') != NULL);
}

void
conv_room(struct conv *c, const char *fold)
{
	assert(is_fold(fold));
	c->kind = CONV_ROOM;
	c->place = NULL;
	span_copy(c->key, sizeof c->key, span_of(fold));
}

void
conv_pair(struct conv *c, const char *a, const char *b)
{
	bool ordered = strcmp(a, b) <= 0;
	struct span lo = span_of(ordered ? a : b);
	struct span hi = span_of(ordered ? b : a);
	assert(is_sender(lo) && is_sender(hi));
	c->kind = CONV_PAIR;
	c->place = NULL;
	memcpy(c->key, lo.p, lo.len);
	c->key[lo.len] = ':';
	span_copy(c->key + lo.len + 1, sizeof c->key - lo.len - 1, hi);
}

struct span
conv_peer(const struct conv *c, const char *me)
{
	assert(c->kind == CONV_PAIR && is_conv(c));
	const char *colon = strchr(c->key, ':');
	struct span lo = {c->key, (size_t)(colon - c->key)};
	return span_is(lo, me) ? span_of(colon + 1) : lo;
}

/* --- messages --------------------------------------------------------------
 */

/* Copies a span to `at` and points it there; absent stays absent. */
static char *
settle(struct span *s, char *at)
{
	if (s->p == NULL)
		return at;
	if (s->len > 0)
		memcpy(at, s->p, s->len);
	s->p = at;
	return at + s->len;
}

size_t
relay_msg_bytes(const struct relay_msg *m)
{
	return m->sender.len + m->nick.len + m->peer.len + m->cid.len +
	       m->re.len + m->enc.len + m->text.len + m->target.len;
}

void
relay_msg_settle(struct relay_msg *m, char *bytes)
{
	bytes = settle(&m->sender, bytes);
	bytes = settle(&m->nick, bytes);
	bytes = settle(&m->peer, bytes);
	bytes = settle(&m->cid, bytes);
	bytes = settle(&m->re, bytes);
	bytes = settle(&m->enc, bytes);
	bytes = settle(&m->target, bytes);
	settle(&m->text, bytes);
}

/* --- the calls ------------------------------------------------------------ */

static bool
is_member(const struct relay_member *m)
{
	return is_sender(m->sender) && m->nick.p != NULL && m->nick.len > 0 &&
	       m->nick.len <= NAME_BYTES_MAX;
}

static bool
is_token(const char *token)
{
	return strlen(token) == RELAY_TOKEN_LEN &&
	       strspn(token, "0123456789abcdef") == RELAY_TOKEN_LEN;
}

static bool
is_message(const struct relay_msg *m)
{
	return is_sender(m->sender) && m->nick.len <= NAME_BYTES_MAX &&
	       m->peer.len <= NAME_BYTES_MAX && m->cid.len <= LINE_CID_MAX;
}

void
relay_set_events(struct relay *r, const struct relay_events *ev, void *arg)
{
	r->ev = *ev;
	r->ev_arg = arg;
}

void
relay_free(struct relay *r)
{
	if (r != NULL)
		r->ops->free(r);
}

bool
relay_is_up(const struct relay *r)
{
	return r->ops->is_up(r);
}

void
relay_tune(struct relay *r, const struct relay_tuning *t)
{
	assert(t->history >= 0 && t->history_ttl_ms > 0 && t->dedupe_ms > 0 &&
	       t->resume_ms >= 0 && t->room_ttl_ms > 0);
	r->ops->tune(r, t);
}

bool
relay_is_busy(const struct relay *r)
{
	return r->ops->is_busy && r->ops->is_busy(r);
}

const char *
relay_durability(const struct relay *r)
{
	return r->ops->durability;
}

void
relay_open_room(struct relay *r, const struct name *name, void *room,
    relay_room_fn done, void *arg)
{
	assert(is_fold(name->fold) && done != NULL);
	r->ops->open_room(r, name, room, done, arg);
}

void
relay_close_room(struct relay *r, const char *fold)
{
	assert(is_fold(fold));
	r->ops->close_room(r, fold);
}

void
relay_join(struct relay *r, const char *fold, const struct relay_member *m,
    relay_done_fn done, void *arg)
{
	assert(is_fold(fold) && is_member(m));
	r->ops->join(r, fold, m, done, arg);
}

void
relay_part(struct relay *r, const char *fold, const struct relay_member *m,
    struct span text, relay_done_fn done, void *arg)
{
	assert(is_fold(fold) && is_member(m));
	r->ops->part(r, fold, m, text, done, arg);
}

void
relay_rename(struct relay *r, const char *fold, const struct relay_member *m)
{
	assert(is_fold(fold) && is_member(m));
	r->ops->rename(r, fold, m);
}

void
relay_append(struct relay *r, const struct conv *c, const struct relay_msg *m,
    relay_append_fn done, void *arg)
{
	assert(is_conv(c) && is_message(m) && done != NULL);
	assert(m->kind != RELAY_TOPIC || c->kind == CONV_ROOM);
	r->ops->append(r, c, m, done, arg);
}

void
relay_read(struct relay *r, const struct conv *c,
    const struct relay_range *range, relay_read_fn done, void *arg)
{
	assert(is_conv(c) && done != NULL);
	assert(range->n > 0 && range->n <= RELAY_READ_MAX);
	r->ops->read(r, c, range, done, arg);
}

void
relay_typing(
    struct relay *r, const struct conv *c, struct span sender, struct span nick)
{
	assert(is_conv(c));
	assert(
	    is_member(&(struct relay_member){.sender = sender, .nick = nick}));
	r->ops->typing(r, c, sender, nick);
}

void
relay_claim(struct relay *r, const struct name *nick, const char *sender,
    const char *token, relay_done_fn done, void *arg)
{
	assert(is_fold(nick->fold) && is_sender(span_of(sender)));
	assert(done != NULL && (token == NULL || is_token(token)));
	r->ops->claim(r, nick, sender, token, done, arg);
}

void
relay_release(struct relay *r, const char *fold, const char *sender)
{
	assert(is_fold(fold) && is_sender(span_of(sender)));
	r->ops->release(r, fold, sender);
}

void
relay_leave(struct relay *r, const char *fold, const char *sender)
{
	assert(is_fold(fold) && is_sender(span_of(sender)));
	r->ops->leave(r, fold, sender);
}

void
relay_resume(struct relay *r, const struct name *nick, const char *token,
    const char *new_token, relay_resume_fn done, void *arg)
{
	assert(is_fold(nick->fold) && done != NULL);
	assert(is_token(token) && is_token(new_token));
	r->ops->resume(r, nick, token, new_token, done, arg);
}

void
relay_find(struct relay *r, const char *fold, relay_owner_fn done, void *arg)
{
	assert(is_fold(fold) && done != NULL);
	r->ops->find(r, fold, done, arg);
}

void
relay_watch(struct relay *r, const char *sender, void *user, relay_done_fn done,
    void *arg)
{
	assert(is_sender(span_of(sender)) && done != NULL);
	r->ops->watch(r, sender, user, done, arg);
}

void
relay_unwatch(struct relay *r, const char *sender)
{
	assert(is_sender(span_of(sender)));
	r->ops->unwatch(r, sender);
}

void
relay_peek(struct relay *r, const char *fold, relay_peek_fn done, void *arg)
{
	assert(is_fold(fold) && done != NULL);
	r->ops->peek(r, fold, done, arg);
}

void
relay_list(struct relay *r, relay_list_fn done, void *arg)
{
	assert(done != NULL);
	r->ops->list(r, done, arg);
}
