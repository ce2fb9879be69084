/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_REDIS_READER_H
#define SNUG_SERVER_REDIS_READER_H

#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "server/redis_resp.h"

struct redisReply;

/*
 * Cuts what Redis sends into replies.  One at a time is a tree of hiredis'
 * nodes, in memory that serves the next one again: in the long run nothing is
 * allocated, however many come.  Held by value; all zero is a reader at the
 * beginning of a connection.
 */
struct resp_reader {
	struct buf in;
	size_t looked_at; /* bytes at its head that the guard has passed */
	struct resp_guard guard;
	struct redisReply *nodes;
	struct redisReply **slots; /* what elements point into */
	size_t cap;                /* of both */
};

/* Room for n bytes of the connection; follow with resp_reader_added(). */
char *resp_reader_reserve(struct resp_reader *rd, size_t n) MUST_CHECK;
void resp_reader_added(struct resp_reader *rd, size_t n);

/*
 * The next whole reply; *reply is NULL while there is none.  It is borrowed
 * until the next call for this reader; its strings end with a NUL that is not
 * counted.
 *
 * Returns NULL, or what is wrong; then the connection is to be dropped.
 */
const char *resp_reader_next(
    struct resp_reader *rd, const struct redisReply **reply) MUST_CHECK;

void resp_reader_free(struct resp_reader *rd);

#endif
