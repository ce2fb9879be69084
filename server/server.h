/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_SERVER_H
#define SNUG_SERVER_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/attr.h"
#include "base/spares.h"
#include "server/limit.h"
#include "server/secure.h"
#include "server/session.h"

struct auth;
struct config;
struct event_base;
struct gate;
struct identity;
struct relay;
struct rooms;
struct shared;
struct sockets;
struct users;

/* One node, put together: what the edges share. */
struct server {
	const struct config *config;
	const char *name; /* this node's */
	struct event_base *base;
	struct sockets *sockets; /* the sessions' */
	struct relay *relay;
	struct auth *auth; /* passwords, beside the loop */
	struct rooms *rooms;
	struct users *users;
	struct gate *gate;
	struct shared *shared; /* with other workers; NULL: there are none */
	/* Whom a secure session is with; NULL: there are none. */
	struct identity *identity;
	struct identity *next_identity; /* announced; or NULL */
	struct flood_rule flood;
	struct session_list sessions;
	struct session_queue dirty, gone;
	size_t nsessions, max_sessions;
	uint64_t next_session;
	char *motd; /* lines, or NULL */
	struct secure_work work;
	struct spares spares; /* for the sessions' queues */
	unsigned unswept;     /* rooms that are: room.h */
	bool ending;
	bool relay_gone; /* being freed: nothing is asked of it any more */
	void (*wake)(void *arg); /* sessions_flush() soon */
	void *wake_arg;
};

#endif
