/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_GATE_H
#define SNUG_SERVER_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/cidr.h"
#include "server/penalty.h"

struct denies;
struct server;
struct session;
struct sockaddr;

/* Where a connection comes from, as the limits see it. */
struct caller {
	struct ip ip;
	bool has_ip; /* false: a Unix socket */
	bool local;  /* loopback or Unix all the way: plaintext is fine, people
			may type slowly */
	bool judged; /* penalties and early drop concern it */
};

/* What came of connections, for STATS. X(identifier, word) */
#define GATE_COUNTS(X)                        \
	X(GATE_ADMITTED, "admitted")          \
	X(GATE_FULL, "refused-full")          \
	X(GATE_CROWDED, "refused-per-addr")   \
	X(GATE_DENIED, "refused-denied")      \
	X(GATE_PENALISED, "refused-penalty")  \
	X(GATE_EARLY, "refused-early")        \
	X(GATE_EVICTED, "strangers-evicted")  \
	X(GATE_BAD_PROXY, "bad-proxy-header") \
	X(GATE_FAILURES, "failures")          \
	X(GATE_SHUT_OUT, "shut-out")

#define GATE_ENUM(id, word) id,
enum gate_count { GATE_COUNTS(GATE_ENUM) GATE_COUNT };
#undef GATE_ENUM
const char *gate_count_word(enum gate_count c);

struct gate;

/* By the server's configuration, which it keeps. */
struct gate *gate_new(struct server *sv) MUST_CHECK;
/* That has changed. */
void gate_follow(struct gate *g);
void gate_free(struct gate *g); /* hangs up on those at the door */

/* Takes a connected, non-blocking socket: starts a session on it, waits for
 * its PROXY header, or says why not and closes it. */
void gate_enter(struct gate *g, int fd, const struct sockaddr *sa);
/* Deadlines, and a word in the log on who was turned away. */
void gate_tick(struct gate *g, uint64_t now_ms);

/* --- what sessions tell ----------------------------------------------------
 */

/* A session failed in this way: its address is held to it. */
void gate_blame(struct gate *g, const struct session *s, enum penalty_kind kind,
    uint64_t now_ms);
/* It is no stranger any more. */
void gate_known(struct gate *g, struct session *s);
/* It is gone. */
void gate_left(struct gate *g, struct session *s);

/* --- what operators do and see ----------------------------------------------
 */

const struct denies *gate_denies(const struct gate *g); /* borrowed */
/* These ranges are closed out from now on, and no others; sessions that come
 * from one of them end.  Copied. */
void gate_set_denies(
    struct gate *g, const struct denies *all, uint64_t wall_ms);
uint64_t gate_counted(const struct gate *g, enum gate_count c);
size_t gate_strangers(const struct gate *g);
size_t gate_shut_out(const struct gate *g, uint64_t now_ms);

#endif
