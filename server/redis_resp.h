/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_REDIS_RESP_H
#define SNUG_SERVER_REDIS_RESP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/text.h"
#include "proto/msgid.h"

/*
 * A command for Redis: arguments are added one by one, the count is put before
 * them when it is written.  All zero is an empty command.
 */
struct resp_cmd {
	struct buf body;
	unsigned n;
};

void resp_clear(struct resp_cmd *c);
void resp_free(struct resp_cmd *c);
void resp_span(struct resp_cmd *c, struct span s);
void resp_str(struct resp_cmd *c, const char *s);
/* All parts as one argument. */
void resp_join(struct resp_cmd *c, const struct span *parts, size_t n);
void resp_i64(struct resp_cmd *c, int64_t v);
void resp_id(struct resp_cmd *c, struct msgid id);
/* One argument of at most RESP_FMT_MAX bytes. */
enum { RESP_FMT_MAX = 1024 };
void resp_fmt(struct resp_cmd *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Writes the command, with the arguments of `head` (may be NULL) first. */
void resp_write(
    struct buf *out, const struct resp_cmd *head, const struct resp_cmd *c);

/*
 * Watches the bytes that go into a reader and says no before it would allocate
 * what a hostile Redis merely announces.  Held by value; all zero is
 * a guard at the beginning of a reply.
 */
enum {
	RESP_ELEMENTS_MAX = 1 << 20, /* in one reply, nested ones counted */
	RESP_BYTES_MAX = 64 << 20,   /* of one reply */
	RESP_LINE_MAX = 64 << 10,    /* of a status, an error or a length */
};

struct resp_guard {
	size_t skip;     /* bytes of a bulk string still to come */
	size_t line_len; /* bytes of the present line */
	size_t bytes;    /* of the present reply */
	size_t elements; /* announced by it */
	size_t owed;     /* of these, still to come */
	int64_t number;  /* the present line's */
	size_t had;      /* elements of the last whole reply */
	char type;       /* its first byte; 0 at its beginning */
	bool negative, digits, cr;
	bool whole; /* the last byte was a reply's last */
};

/* NULL, or what is wrong; then the connection is to be dropped. */
const char *resp_guard_check(struct resp_guard *g, struct span in) MUST_CHECK;
/* The same, but behind the end of a reply it stops: *whole is true, and *in
 * what is left. */
const char *resp_guard_look(
    struct resp_guard *g, struct span *in, bool *whole) MUST_CHECK;

#endif
