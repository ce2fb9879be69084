/* SPDX-License-Identifier: ISC */
/*
 * How many rooms an account owns, in Redis.
 *
 *	{a:ID}:own  set: the rooms, as in {rooms}
 *
 * What a room's own record says is the truth; this is an index beside it, in
 * the account's slot.  A room is written here before it becomes the account's,
 * so that two nodes cannot both take the last place; one that has gone, or is
 * somebody else's by now, stays until the index is full: then each room of it
 * is asked whose it is, one after another, and those that are not the
 * account's make place.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/relay_redis_int.h"

struct rr_owning {
	struct rr_op *op; /* that this is a step of */
	char id[SENDER_ID_LEN + 1];
	char key[CODEC_KEY_MAX + 1]; /* the room's */
	char **rooms; /* of the index; those that stay are NULL */
	size_t n, at, gone;
	bool looked; /* at each of them */
	rr_owning_fn then;
};

static void
forget_rooms(struct rr_owning *o)
{
	for (size_t i = 0; i < o->n; i++)
		free(o->rooms[i]);
	free(o->rooms);
	o->rooms = NULL;
	o->n = o->at = o->gone = 0;
}

void
rr_owning_free(struct rr_owning *o)
{
	if (!o)
		return;
	forget_rooms(o);
	free(o);
}

static void ask(struct rr_owning *o);
static void look(struct rr_owning *o);

/* Whatever cannot be read is not the account's. */
static void
on_looked(void *arg, const redisReply *reply, bool written)
{
	struct rr_owning *o = arg;
	struct rights *rights = NULL;
	bool its;

	if (!rr_op_reply(o->op, reply, written))
		return;
	its = rr_span(reply).p &&
	      rights_get(rr_span(reply), (struct msgid){0, 0}, &rights) == 0 &&
	      strcmp(rights->owner, o->id) == 0;
	rights_unref(rights);
	if (its) {
		free(o->rooms[o->at]);
		o->rooms[o->at] = NULL;
	} else {
		o->gone++;
	}
	o->at++;
	look(o);
}

static void
look(struct rr_owning *o)
{
	struct rr *r = o->op->r;
	char fold[NAME_BYTES_MAX + 1], tag[RR_TAG_MAX];
	struct resp_cmd *c;

	while (o->at < o->n &&
	       !codec_unkey(fold, sizeof fold, span_of(o->rooms[o->at]))) {
		o->at++; /* no name of ours */
		o->gone++;
	}
	if (o->at == o->n) {
		o->looked = true;
		if (o->gone > 0)
			ask(o);
		else
			o->then(o->op, false);
		return;
	}
	rr_op_touch(o->op);
	c = rr_cmd(r);
	resp_str(c, "HGET");
	resp_fmt(c, "%s%s:cfg", r->prefix, rr_room_tag(tag, fold));
	resp_str(c, "rights");
	o->op->waits =
	    redis_link_send(r->cmd, c, on_looked, o, &o->op->token) == 0;
	if (!o->op->waits)
		rr_op_fail_later(o->op, RELAY_BUSY);
}

static void
take_rooms(struct rr_owning *o, const redisReply *rooms)
{
	forget_rooms(o);
	o->rooms = xcalloc(rooms->elements + 1, sizeof *o->rooms);
	for (size_t i = 0; i < rooms->elements; i++)
		if (rr_span(rooms->element[i]).p)
			o->rooms[o->n++] = xstrndup(
			    rooms->element[i]->str, rooms->element[i]->len);
}

static void
on_asked(void *arg, const redisReply *reply, bool written)
{
	struct rr_owning *o = arg;

	if (!rr_op_reply(o->op, reply, written))
		return;
	if (reply->type == REDIS_REPLY_NIL) {
		o->then(o->op, true);
	} else if (reply->type != REDIS_REPLY_ARRAY || o->looked) {
		o->then(o->op, false);
	} else {
		take_rooms(o, reply);
		look(o);
	}
}

static void
ask(struct rr_owning *o)
{
	struct rr *r = o->op->r;
	struct resp_cmd *c = rr_cmd(r);

	rr_op_touch(o->op);
	resp_fmt(c, "%s{a:%s}:own", r->prefix, o->id);
	resp_str(c, o->key);
	resp_i64(c, r->c.rooms_per_account);
	for (size_t i = 0; i < o->n; i++)
		if (o->rooms[i])
			resp_str(c, o->rooms[i]);
	/* rr_op_eval() hands the op to the answer; this is a part of one. */
	o->op->waits = redis_link_eval(r->cmd, SCRIPT_OWN, 1, c, on_asked, o,
			   &o->op->token) == 0;
	if (!o->op->waits)
		rr_op_fail_later(o->op, RELAY_BUSY);
}

struct rr_owning *
rr_owning_start(
    struct rr_op *op, const char *id, const char *fold, rr_owning_fn then)
{
	struct rr_owning *o = xcalloc(1, sizeof *o);

	o->op = op;
	o->then = then;
	span_copy(o->id, sizeof o->id, span_of(id));
	codec_key(o->key, sizeof o->key, span_of(fold));
	ask(o);
	return o;
}

void
rr_owning_drop(struct rr *r, const char *id, const char *fold)
{
	char key[CODEC_KEY_MAX + 1];
	struct resp_cmd *c = rr_cmd(r);

	resp_str(c, "SREM");
	resp_fmt(c, "%s{a:%s}:own", r->prefix, id);
	resp_str(c, codec_key(key, sizeof key, span_of(fold)));
	rr_tell(r);
}
