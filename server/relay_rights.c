/* SPDX-License-Identifier: ISC */
/*
 * The front of the relay's rights: checks what callers promise, and hands the
 * call to the back end (relay_local_rights.c, relay_redis_rights.c).
 */
#include "server/relay_rights.h"

#include <assert.h>
#include <string.h>

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
