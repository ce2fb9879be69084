/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_NEWS_H
#define SNUG_SERVER_NEWS_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/text.h"

struct name;
struct relay_events;
struct room;
struct seat;
struct server;
struct user;

/* What the relay brings, for relay_set_events() with the server as arg. */
extern const struct relay_events news_events;

/* Nobody waits for a message any longer: it may not come. */
void news_give_up_echoes(struct server *sv);

/* Rooms have other rights since: who may not be there any more goes.  At the
 * end of a turn. */
void news_settle(struct server *sv);
/* The same, of one room and now. */
void news_sweep(struct server *sv, struct room *r);

/* A member left: tells those who listen, frees the seat. */
void news_parted(struct server *sv, struct seat *seat, struct span text);

/* A sender has another nick: tells everyone it shares a room with, and its own
 * sessions, once each. */
void news_renamed(struct server *sv, struct user *u, const struct name *nick);

/* The NAMES of a room for one who enters: everyone, or above presence-max
 * nobody but the count. */
void news_names(
    struct server *sv, const struct room *r, struct buf *out, struct span tag);

#endif
