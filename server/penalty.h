/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_PENALTY_H
#define SNUG_SERVER_PENALTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct addr_key;

/* What an address is held to, said once; a test compares it with snugd(8).
 * X(identifier, word, milliseconds, what it is) */
/* clang-format off */
#define PENALTIES(X)                                                            \
	X(PENALTY_LEFT, "left", 1000, "left before its first accepted command") \
	X(PENALTY_TIMEOUT, "timeout", 5000, "gave no command in time")          \
	X(PENALTY_FRAME, "frame", 5000, "sent what is no line of this protocol") \
	X(PENALTY_HANDSHAKE, "handshake", 5000, "failed the handshake of a secure session") \
	X(PENALTY_LOGIN, "login", 5000, "failed an AUTH or LOGIN")              \
	X(PENALTY_FLOOD, "flood", 20000, "flooded until it was ended")
/* clang-format on */

#define PENALTY_ENUM(id, word, ms, meaning) id,
enum penalty_kind { PENALTIES(PENALTY_ENUM) PENALTY_COUNT };
#undef PENALTY_ENUM

const char *penalty_word(enum penalty_kind k);
uint64_t penalty_ms(enum penalty_kind k);
const char *penalty_meaning(enum penalty_kind k);

/*
 * Penalties by address: each failure adds to a debt of time, which time pays
 * off.  An address whose debt reaches `from` is shut out until all of it is
 * paid.  After each time that it was shut out a failure costs it twice as much;
 * that is forgotten `most` after the debt was paid.
 */
struct penalty_rule {
	uint64_t from_ms; /* 0: no penalties */
	uint64_t most_ms; /* no debt is larger */
};

/* The table has a fixed size: who fails little gives way to who fails much. */
struct penalties;

struct penalties *penalties_new(const struct penalty_rule *rule) MUST_CHECK;
/* Debts that are there stay, and are judged by the new rule. */
void penalties_set_rule(struct penalties *ps, const struct penalty_rule *rule);
void penalties_free(struct penalties *ps);
/* From now on the table is this one, which other processes use as well: so many
 * bytes, aligned to 64, all zero at first.  Keeps it. */
size_t penalties_size(void);
void penalties_share(struct penalties *ps, void *table);

/* True: with this failure the address is shut out. */
bool penalties_add(struct penalties *ps, const struct addr_key *key,
    enum penalty_kind kind, uint64_t now_ms);
/* For how long the address is still shut out; 0: it may come in. */
uint64_t penalties_wait(
    struct penalties *ps, const struct addr_key *key, uint64_t now_ms);
/* How many addresses are shut out now. */
size_t penalties_count(const struct penalties *ps, uint64_t now_ms);

#endif
