/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_WHERE_H
#define SNUG_CLIENT_WHERE_H

#include <stdbool.h>

#include "base/attr.h"
#include "client/chat.h"
#include "client/config.h"
#include "client/link.h"
#include "client/net.h"

/*
 * Where to go, how safe the way has to be, and as whom: settled once, before
 * anything is said, and the same for every connection until snug ends.
 */
struct where {
	struct link link;
	enum net_way way;
	char *pins;                /* owned; NULL: there is no home */
	struct identity *identity; /* owned; NULL: a guest at all times */
	char trouble[ERR_LEN];     /* why there is no identity; "": none */
};

/*
 *   link  what the user named; its key, a pin or --secure want a secure session
 *
 * Returns 0, or -1 with cause: the options contradict each other or a pin, or
 * the pins cannot be read.  *w is for where_fini() either way.
 */
int where_find(struct where *w, const struct config *c, const struct link *link,
    char cause[static ERR_LEN]) MUST_CHECK;
/* Reads the user's key, or makes it; trouble says why there is none. */
void where_identify(struct where *w);
void where_fini(struct where *w);

/* What a conversation has to know of it; borrows from both. */
struct chat_options where_options(
    const struct where *w, const struct config *c) MUST_CHECK;

#endif
