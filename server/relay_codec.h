/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_RELAY_CODEC_H
#define SNUG_SERVER_RELAY_CODEC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/names.h"
#include "base/text.h"
#include "proto/frame.h"
#include "proto/msgid.h"
#include "server/relay.h"

/*
 * What stands in Redis, and back.  Whatever comes from there is judged like a
 * client's line, by the same functions; no I/O, no state.
 */
enum {
	CODEC_KEY_MAX = 3 * NAME_BYTES_MAX, /* a name, encoded for a key */
	CODEC_NODE_MAX = 3 * RELAY_NODE_MAX + 1 + 16,
	CODEC_PAYLOAD_MAX = FRAME_LINE_MAX,
};

enum codec_err {
	CODEC_ELINE = 1, /* not the grammar of a payload */
	CODEC_EVERB,     /* no verb of ours */
	CODEC_ESENDER,   /* not a sender's id */
	CODEC_ENAME,     /* not a nick */
	CODEC_ETEXT,     /* the text is missing */
	CODEC_EATTR,     /* an attribute's value */
	CODEC_ELONG,     /* above CODEC_PAYLOAD_MAX */
	CODEC_EID,       /* an id, or what comes before the payload */
};
const char *codec_strerror(int err);

/* A log entry as a payload: `@act @re=ID @cid=C @rv=ID @from=ID MSG nick text`;
 * of rights `@to=nick @do=ban @who=ID @from=ID RIGHTS nick text`. */
void codec_put_msg(struct buf *out, const struct relay_msg *m);

/* Spans point into the payload; id and prev are left alone, and so is the rv of
 * an entry of rights, which is its id: 0-0.  Returns 0 or a
 * negative codec_err. */
int codec_get_msg(struct relay_msg *m, struct span payload) MUST_CHECK;

/* Soft news of a room or a person: published, never stored. */
enum codec_news {
	NEWS_JOINED,
	NEWS_PARTED,
	NEWS_RENAMED,
	NEWS_TYPING,
	NEWS_ROSTER, /* the node has told its members anew */
	NEWS_GONE,   /* the node goes */
};

struct codec_event {
	enum codec_news what;
	struct span node;
	struct span sender; /* p NULL with ROSTER and GONE */
	struct span nick;
	struct span by; /* PARTED: who put it out; p NULL: nobody */
	struct span text;
};

void codec_put_event(struct buf *out, const struct codec_event *e);
int codec_get_event(struct codec_event *e, struct span payload) MUST_CHECK;

/* Messages that are published together have an LF between them, which no
 * payload has: takes the first off *rest. */
struct span codec_next_published(struct span *rest);
/* `PREV ID PAYLOAD`, as published: takes the two ids off *rest. */
int codec_get_ids(
    struct span *rest, struct msgid *prev, struct msgid *id) MUST_CHECK;

/* `G SENDER NODE SINCE FOLD SHOWN TOKEN`: who has a nick.  L in place of G: who
 * has left it.  TOKEN is the hash of what takes it over, or `-`. */
struct codec_claim {
	struct span sender, node, fold, nick;
	uint64_t since_ms;
	struct span token; /* p NULL: none */
	bool left;
};
void codec_put_claim(struct buf *out, const struct codec_claim *c);
int codec_get_claim(struct codec_claim *c, struct span s) MUST_CHECK;

/* `A ID SINCE FOLD SHOWN`: the account that owns a nick, in the claim's place.
 */
struct codec_owned {
	struct span id;
	struct name nick;
	uint64_t since_ms;
};
void codec_put_owned(struct buf *out, const char *id, const struct name *nick,
    uint64_t since_ms);
int codec_get_owned(struct codec_owned *o, struct span s) MUST_CHECK;
/* Is it of that form, whatever stands in it?  Then it is nobody's to claim. */
bool codec_is_owned(struct span s);

/* `ID MS`: the account that a key belongs to, if that says so too, and since
 * when. */
int codec_get_key_owner(
    struct span s, struct span *id, uint64_t *since_ms) MUST_CHECK;

/* `g` or `a` and 32 lower-case hex digits. */
bool codec_is_sender(struct span s);
/* A key of a pair: two senders' ids in order. */
bool codec_is_pair(struct span s);

/*
 * A name for a key: all but [a-z0-9_.-] is percent-encoded, so that no brace
 * of a user's chooses the Cluster slot.  dst holds 3 bytes for one and a NUL.
 */
char *codec_key(char *dst, size_t cap, struct span name);
/* And back; false if it is no such key or does not fit. */
bool codec_unkey(char *dst, size_t cap, struct span key) MUST_CHECK;

#endif
