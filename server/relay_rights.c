/* SPDX-License-Identifier: ISC */
/*
 * The front of the relay's rights: checks what callers promise, and hands the
 * call to the back end (relay_local_rights.c, relay_redis_rights.c).
 */
#include "server/relay_rights.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "server/relay_account.h"
#include "server/relay_codec.h"

static bool
is_fold(const char *fold)
{
	size_t len = strlen(fold);

	return len > 0 && len <= NAME_BYTES_MAX;
}

void
relay_load_rights(struct relay *r, const struct name *room, const char *founder,
    const char *nick, relay_rights_fn done, void *arg)
{
	assert(is_fold(room->fold) && done);
	assert(!founder || (account_is_id(span_of(founder)) && nick));
	r->ops->rights->load(r, room, founder, nick, done, arg);
}

void
relay_change_rights(struct relay *r, const char *fold,
    const struct rights_change *c, struct span text, relay_change_fn done,
    void *arg)
{
	assert(is_fold(fold) && done);
	assert(codec_is_sender(span_of(c->actor.id)) && c->actor.nick);
	assert(c->verb >= 0 && c->verb < RIGHTS_VERBS);
	assert(c->for_ms <= (uint64_t)RIGHTS_FOR_MAX * 1000);
	r->ops->rights->change(r, fold, c, text, done, arg);
}

uint64_t
relay_now_ms(const struct relay *r)
{
	return r->ops->rights->now_ms(r);
}

/* --- changes under way ---------------------------------------------------- */

static const struct addr_key *
keep_addr(struct addr_key *to, const struct addr_key *from)
{
	if (!from)
		return NULL;
	*to = *from;
	return to;
}

struct kept_change *
relay_keep_change(const struct rights_change *c, struct span text)
{
	struct kept_change *k = xcalloc(1, sizeof *k + text.len);

	k->change = *c;
	span_copy(k->actor, sizeof k->actor, span_of(c->actor.id));
	span_copy(k->actor_nick, sizeof k->actor_nick, span_of(c->actor.nick));
	k->change.actor.id = k->actor;
	k->change.actor.nick = k->actor_nick;
	k->change.actor.key = NULL;
	k->change.addr = keep_addr(&k->addr, c->addr);
	if (text.len > 0)
		memcpy(k->text, text.p, text.len);
	k->text_len = text.len;
	return k;
}

struct relay_msg
relay_change_entry(const struct kept_change *k)
{
	const struct rights_change *c = &k->change;

	return (struct relay_msg){
	    .kind = RELAY_RIGHTS,
	    .verb = (int)c->verb,
	    .sender = span_of(k->actor),
	    .nick = span_of(k->actor_nick),
	    .target = c->target[0] ? span_of(c->target) : SPAN_NONE,
	    .peer = c->target_nick[0] ? span_of(c->target_nick) : SPAN_NONE,
	    .text = {k->text, k->text_len},
	};
}
