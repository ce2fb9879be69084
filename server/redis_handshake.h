/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_REDIS_HANDSHAKE_H
#define SNUG_SERVER_REDIS_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/text.h"
#include "server/redis_script.h"

struct redis_url;
struct redisReply;

enum {
	REDIS_SHA_LEN = 40,
	REDIS_RUN_ID_LEN = 40,
	HANDSHAKE_STEPS_MAX = 8 + SCRIPT_COUNT
};

/* What a connection wants before it is of use. */
struct handshake_wants {
	const struct redis_url *url;
	const char *client_name;
	const char *link;       /* its name */
	const char *channel;    /* NULL: no subscription */
	const char *layout_key; /* NULL: not checked */
	unsigned layout;        /* newer than this is refused */
	const struct redis_script *scripts;
	size_t nscripts; /* at most SCRIPT_COUNT */
};

struct handshake;
struct handshake_step {
	const char *(*check)(struct handshake *h, const struct redisReply *r);
	unsigned script;
};

/* Held by value; fields are redis_handshake.c's, but for the last ones. */
struct handshake {
	struct handshake_wants wants; /* what it points to is kept */
	struct handshake_step steps[HANDSHAKE_STEPS_MAX];
	unsigned nsteps, step;
	char why[ERR_LEN];
	bool hopeless; /* what is wrong stays so until somebody changes it */
	bool outdated; /* hopeless: a newer program keeps the data */
	char sha[SCRIPT_COUNT][REDIS_SHA_LEN + 1]; /* of each script */
	char run_id[REDIS_RUN_ID_LEN + 1];         /* of the server's process */
};

/* Writes all commands of a new handshake.  `out` holds the password then: wipe
 * it. */
void handshake_begin(
    struct handshake *h, const struct handshake_wants *wants, struct buf *out);

/* Judges the next answer: NULL, or what is wrong, with the mend; then the
 * connection is of no use. */
const char *handshake_take(
    struct handshake *h, const struct redisReply *r) MUST_CHECK;

/* NULL if what stands in the layout key is no newer than this one, else what is
 * wrong. */
const char *handshake_judge_layout(
    struct span stored, unsigned layout) MUST_CHECK;

/* NULL if ROLE's answer is a master's, else what is wrong. */
const char *handshake_judge_role(
    struct handshake *h, const struct redisReply *r) MUST_CHECK;

/* Has every command been answered well? */
bool handshake_is_done(const struct handshake *h);

#endif
