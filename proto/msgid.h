/* SPDX-License-Identifier: ISC */
#ifndef SNUG_PROTO_MSGID_H
#define SNUG_PROTO_MSGID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"

/* A message id, MS-SEQ: protocol section 3.  0-0 is "before everything". */
struct msgid {
	uint64_t ms, seq;
};

enum { MSGID_LEN_MAX = 41 }; /* 20 + 1 + 20 */

static inline int
msgid_cmp(struct msgid a, struct msgid b)
{
	if (a.ms != b.ms)
		return a.ms < b.ms ? -1 : 1;
	return a.seq < b.seq ? -1 : a.seq > b.seq;
}

static inline bool
msgid_is_zero(struct msgid id)
{
	return id.ms == 0 && id.seq == 0;
}

/* The id right above; of the highest, 0-0. */
static inline struct msgid
msgid_next(struct msgid id)
{
	id.seq++;
	id.ms += id.seq == 0;
	return id;
}

/* Two decimals without leading zeros; false leaves *id alone. */
bool msgid_parse(struct span s, struct msgid *id) MUST_CHECK;

/* Writes and terminates; returns the length. */
size_t msgid_format(struct msgid id, char out[static MSGID_LEN_MAX + 1]);

#endif
