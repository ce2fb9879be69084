/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_STRANGER_H
#define SNUG_SERVER_STRANGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "server/limit.h"

/*
 * Strangers: connections that have not had a command accepted.  From `start` of
 * them on, one has to go with a probability that grows from `rate` to certainty
 * at `full`, each time another one comes: there are never more than `full`.
 */
struct stranger_rule {
	size_t start;  /* 0: no such limit */
	unsigned rate; /* percent, at start */
	size_t full;
};

/* Part of whatever is a stranger; all zero is none. */
struct stranger {
	size_t place; /* in the list, from 1 on; 0: not in it */
	struct addr_key key;
	void (*drop)(struct stranger *st);
};

struct strangers;

struct strangers *strangers_new(const struct stranger_rule *rule) MUST_CHECK;
/* Those that are there stay. */
void strangers_set_rule(struct strangers *ss, const struct stranger_rule *rule);
void strangers_free(struct strangers *ss);
/* Addresses have strangers with other workers, too.  Keeps the tally; before
 * there is any stranger. */
void strangers_share(struct strangers *ss, struct tally *by_addr);
size_t strangers_count(const struct strangers *ss);

/*
 * May one more come from this address?  If one has to go, it is the newcomer
 * where its address has a stranger already, and any one of the list where it
 * has not: its drop() is called, and takes it out.
 *
 *   random  two numbers nobody can guess
 */
bool strangers_admit(struct strangers *ss, const struct addr_key *key,
    const uint32_t random[static 2]) MUST_CHECK;

/* Kept until stranger_remove(); drop is only called by strangers_admit(). */
void stranger_add(struct strangers *ss, struct stranger *st,
    const struct addr_key *key, void (*drop)(struct stranger *st));
/* Nothing happens to one that is in no list. */
void stranger_remove(struct strangers *ss, struct stranger *st);

#endif
