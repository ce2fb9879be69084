/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_LIMIT_H
#define SNUG_SERVER_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/cidr.h"

/* --- flood: a token bucket that first slows down, then refuses ---------- */

struct flood_rule {
	int64_t burst;    /* tokens a quiet session has; 0: no limit at all */
	int64_t rate;     /* tokens a second that come back */
	int64_t delay_ms; /* a flood is slowed for so long, then refused */
	int64_t limit_ms; /* a flood of that length ends the session */
};

/* All zero is a session that has said nothing yet. */
struct flood {
	uint64_t last_ms;  /* when the others were true */
	uint32_t spent;    /* thousandths of tokens missing from the burst */
	uint32_t lasts_ms; /* one more than the flood does; 0: there is none */
};

enum flood_verdict {
	FLOOD_GO,
	FLOOD_WAIT,   /* read on after *wait_ms */
	FLOOD_REFUSE, /* ERR slow-down @retry=*wait_ms */
	FLOOD_END,    /* BYE limit */
};

/*
 * May a command of this cost run now?  Tokens are taken only with FLOOD_GO.
 * A flood begins with the first command that finds too few tokens and ends
 * when half of the burst has come back.
 */
enum flood_verdict flood_take(struct flood *f, const struct flood_rule *rule,
    unsigned cost, uint64_t now_ms, uint64_t *wait_ms);

/* --- connections per address -------------------------------------------- */

/* Counts by IPv4 address or IPv6 /64. */
struct addr_counts;
struct tally;

struct addr_counts *addr_counts_new(void) MUST_CHECK;
void addr_counts_free(struct addr_counts *a);
/* From now on, while nothing is counted yet, what other workers count counts
 * as well.  Keeps the tally. */
void addr_counts_share(struct addr_counts *a, struct tally *tally);

/* What is counted as one; 16 bytes.  Addresses mapped from IPv4 are IPv4. */
struct addr_key {
	uint8_t bytes[16];
};
struct addr_key addr_key_of(const struct ip *ip);

/* Counts one more, unless max are there already: false. */
bool addr_counts_add(
    struct addr_counts *a, const struct addr_key *key, size_t max) MUST_CHECK;
void addr_counts_drop(struct addr_counts *a, const struct addr_key *key);
size_t addr_counts_get(const struct addr_counts *a, const struct addr_key *key);

#endif
