/* SPDX-License-Identifier: ISC */
/*
 * What is said before a connection to Redis is of use: who we are, which
 * database, whether it is a master and new enough, whether its data are laid
 * out as we know it, and which scripts we are going to run.
 *
 * All of it goes out in one burst and costs one round trip.  Each command has a
 * step that judges its answer; the first bad one ends the connection, with a
 * sentence for whoever can mend it.  Bytes in, bytes out: the link does the
 * rest.
 */
#include "server/redis_handshake.h"

#include <assert.h>
#include <hiredis.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "server/redis_resp.h"
#include "server/redis_url.h"

enum { MAJOR_MIN = 7 /* XADD with MS-*, scripts that say allow-oom */ };

typedef const char *(*step_fn)(struct handshake *h, const struct redisReply *r);

/* --- judging -------------------------------------------------------------- */

/* Errors that do not go away by themselves, and what does it. */
static const struct {
	const char *begins;
	const char *mend;
} hopeless[] = {
    {"NOAUTH", "it wants a password; write redis://:password@host"},
    {"WRONGPASS", "the user or password in the URL is wrong"},
    {"ERR invalid password", "the password in the URL is wrong"},
    {"ERR AUTH", "it has no password set; leave it out of the URL"},
    {"ERR Client sent AUTH", "it has no password set; leave it out of the URL"},
    {"ERR DB index", "it has no such database; give a lower number"},
    {"NOPERM", "this user may not do that; let it do +@all ~* &*"},
};

static bool
is(const struct redisReply *r, int type)
{
	return r->type == type;
}

/* Neither what was asked for, nor silence: an error, as a rule. */
static const char *
unexpected(struct handshake *h, const struct redisReply *r)
{
	const char *mend = NULL;
	char escaped[128];

	if (!is(r, REDIS_REPLY_ERROR))
		return "an answer of the wrong type";
	for (size_t i = 0; i < ARRAY_LEN(hopeless); i++)
		if (strncmp(r->str, hopeless[i].begins,
			strlen(hopeless[i].begins)) == 0)
			mend = hopeless[i].mend;
	h->hopeless = mend != NULL;
	text_escape(escaped, sizeof escaped, (struct span){r->str, r->len});
	snprintf(h->why, sizeof h->why, "%s%s%s", escaped, mend ? ": " : "",
	    mend ? mend : "");
	return h->why;
}

static const char *
give_up(struct handshake *h, const char *why)
{
	h->hopeless = true;
	return why;
}

static const char *
check_ok(struct handshake *h, const struct redisReply *r)
{
	return is(r, REDIS_REPLY_STATUS) ? NULL : unexpected(h, r);
}

const char *
handshake_judge_role(struct handshake *h, const struct redisReply *r)
{
	if (!is(r, REDIS_REPLY_ARRAY))
		return unexpected(h, r);
	if (r->elements < 1 || !is(r->element[0], REDIS_REPLY_STRING))
		return "ROLE says nothing";
	if (strcmp(r->element[0]->str, "master") == 0)
		return NULL;
	return "it is no master, but a replica or sentinel; give the URL of "
	       "the master";
}

/* Of INFO's lines; absent where there is none. */
static struct span
info_field(const char *info, const char *name)
{
	const char *at = strstr(info, name);

	if (!at)
		return SPAN_NONE;
	at += strlen(name);
	return (struct span){at, strcspn(at, "\r\n")};
}

static const char *
check_info(struct handshake *h, const struct redisReply *r)
{
	struct span version, id;

	if (!is(r, REDIS_REPLY_STRING))
		return unexpected(h, r);
	version = info_field(r->str, "redis_version:");
	if (version.p && strtol(version.p, NULL, 10) < MAJOR_MIN)
		return give_up(
		    h, "its version is too old; Redis 7.0 or newer is needed");
	id = info_field(r->str, "run_id:");
	if (id.len == REDIS_RUN_ID_LEN &&
	    strspn(id.p, "0123456789abcdef") >= id.len)
		span_copy(h->run_id, sizeof h->run_id, id);
	return NULL;
}

/* What is no number of ours is a newer one's. */
const char *
handshake_judge_layout(struct span stored, unsigned layout)
{
	uint64_t n;

	if (text_u64(stored, UINT32_MAX, &n) && n <= layout)
		return NULL;
	return "a newer snugd keeps its data there in another way; upgrade "
	       "this one, or give it another prefix or database";
}

static const char *
check_layout(struct handshake *h, const struct redisReply *r)
{
	const char *wrong;

	if (is(r, REDIS_REPLY_NIL))
		return NULL;
	if (!is(r, REDIS_REPLY_STRING))
		return unexpected(h, r);
	wrong = handshake_judge_layout(
	    (struct span){r->str, r->len}, h->wants.layout);
	h->outdated = wrong != NULL;
	return wrong ? give_up(h, wrong) : NULL;
}

static const char *
check_script(struct handshake *h, const struct redisReply *r)
{
	if (!is(r, REDIS_REPLY_STRING))
		return unexpected(h, r);
	if (r->len != REDIS_SHA_LEN)
		return "SCRIPT LOAD gave no hash";
	memcpy(h->sha[h->steps[h->step].script], r->str, REDIS_SHA_LEN + 1);
	return NULL;
}

static const char *
check_channel(struct handshake *h, const struct redisReply *r)
{
	if (!is(r, REDIS_REPLY_ARRAY))
		return unexpected(h, r);
	if (r->elements == 3 && is(r->element[0], REDIS_REPLY_STRING) &&
	    is(r->element[1], REDIS_REPLY_STRING) &&
	    strcmp(r->element[0]->str, "subscribe") == 0 &&
	    strcmp(r->element[1]->str, h->wants.channel) == 0)
		return NULL;
	return "it subscribes to something else";
}

/* --- asking --------------------------------------------------------------- */

/* One command of up to three words; those that are NULL are left out. */
static void
ask(struct handshake *h, struct buf *out, step_fn check, const char *a,
    const char *b, const char *c)
{
	const char *const words[] = {a, b, c};
	struct resp_cmd cmd = {0};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (words[i])
			resp_str(&cmd, words[i]);
	resp_write(out, NULL, &cmd);
	sodium_memzero(buf_head(&cmd.body), buf_len(&cmd.body));
	resp_free(&cmd);
	assert(h->nsteps < HANDSHAKE_STEPS_MAX);
	h->steps[h->nsteps++].check = check;
}

static void
ask_auth(struct handshake *h, struct buf *out)
{
	const struct redis_url *u = h->wants.url;

	if (u->has_password && u->user[0])
		ask(h, out, check_ok, "AUTH", u->user, u->password);
	else if (u->has_password)
		ask(h, out, check_ok, "AUTH", u->password, NULL);
}

void
handshake_begin(
    struct handshake *h, const struct handshake_wants *wants, struct buf *out)
{
	const struct handshake_wants *w = &h->wants;
	char db[16];

	*h = (struct handshake){.wants = *wants};
	ask_auth(h, out);
	ask(h, out, check_ok, "CLIENT", "SETNAME", w->client_name);
	snprintf(db, sizeof db, "%u", w->url->db);
	if (w->url->db > 0)
		ask(h, out, check_ok, "SELECT", db, NULL);
	ask(h, out, handshake_judge_role, "ROLE", NULL, NULL);
	ask(h, out, check_info, "INFO", "server", NULL);
	if (w->layout_key)
		ask(h, out, check_layout, "GET", w->layout_key, NULL);
	for (unsigned i = 0; i < w->nscripts; i++) {
		char *lua =
		    redis_script_text(&w->scripts[i], w->client_name, w->link);

		ask(h, out, check_script, "SCRIPT", "LOAD", lua);
		h->steps[h->nsteps - 1].script = i;
		free(lua);
	}
	if (w->channel)
		ask(h, out, check_channel, "SUBSCRIBE", w->channel, NULL);
}

bool
handshake_is_done(const struct handshake *h)
{
	return h->step == h->nsteps;
}

const char *
handshake_take(struct handshake *h, const struct redisReply *r)
{
	assert(!handshake_is_done(h));
	const char *wrong = h->steps[h->step].check(h, r);
	h->step++;
	return wrong;
}
