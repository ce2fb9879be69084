/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_MODEL_H
#define SNUG_CLIENT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/names.h"
#include "base/text.h"
#include "client/buffer.h"
#include "client/safe.h"
#include "proto/line.h"
#include "proto/msgid.h"

/*
 * What the client knows: windows (rooms, people, and the server's own), who is
 * in them, what was said, what is new, and what became of what we said.
 */
enum {
	WINDOWS_MAX = 100,   /* strangers can open them */
	MEMBERS_MAX = 10000, /* of a room; more are counted, not listed */
	SENDS_MAX = 500,     /* of a window, not settled yet */
};

enum window_kind { WINDOW_SERVER, WINDOW_ROOM, WINDOW_PERSON };

struct member {
	struct name name;
	char rank;       /* '*' owner, '+' operator, ' ' */
	bool registered; /* an account, as far as we have heard */
	uint64_t spoke;  /* the model's count when they last did; 0: not yet */
};

enum send_state {
	SEND_WAITING, /* to be written, in its turn */
	SEND_FLYING,  /* written; no answer yet */
	SEND_FAILED,  /* refused: the user resends or discards it */
	SEND_UNKNOWN, /* may have been accepted: the user is asked */
};

/* Something of ours that the server has not settled. */
struct send {
	char cid[LINE_CID_MAX + 1];
	char *text; /* owned, as it goes on the wire */
	bool act;
	bool shown;        /* the message itself is there: only OK is missing */
	uint64_t serial;   /* of its entry */
	uint64_t first_ms; /* monotonic, of its first try; 0: never written */
	uint64_t age_ms;   /* how long before first_ms that was in truth */
	uint64_t sender;   /* as whom we tried */
	enum send_state state;
};

struct window {
	enum window_kind kind;
	struct name name;
	struct safe title; /* "#lobby", "@ann" or "snug" */
	struct safe topic;

	struct member **members; /* owned, sorted by fold */
	size_t nmembers;
	uint64_t total; /* as the server counts them */
	bool naming;    /* a list of names is coming in: see model_names_* */

	char *key;     /* owned, a room's; NULL: none was given */
	bool wanted;   /* a room: we mean to be in it, also after a break */
	bool joined;   /* the server says we are */
	bool entered;  /* we were, at least once */
	bool settled;  /* what we said before a break has been looked for */
	bool reaches;  /* no hole since what was said and is not settled */
	bool restored; /* its cursor is an earlier run's: nothing is shown */
	bool asking;   /* for older history */
	uint64_t hold_until_ms; /* the server asked to wait: monotonic */
	unsigned unread, mentions;
	struct msgid cursor; /* all up to here was seen, without a hole */
	struct msgid
	    asked_from; /* the cursor when history after it was asked for */
	bool at_origin; /* the server has nothing older */
	struct buffer buffer;

	struct send **sends; /* owned, in their order */
	size_t nsends;

	char *draft; /* owned: typed and not sent when it was left */
};

/* What a view has to draw again. */
enum dirty {
	DIRTY_TITLE = 1,
	DIRTY_ROOMS = 2,
	DIRTY_PANE = 4,
	DIRTY_MEMBERS = 8,
	DIRTY_STATUS = 16,
	DIRTY_INPUT = 32,
	DIRTY_ALL = 63,
};

struct model {
	struct name nick; /* ours */
	struct window *windows[WINDOWS_MAX];
	size_t n; /* at least 1: the server's is the first */
	size_t current, previous;
	size_t origin; /* where a walk through the unread began */
	uint64_t spoken;
	unsigned dirty; /* of enum dirty; whoever draws clears it */

	/* something of ours was accepted or discarded; may be NULL */
	void (*settled)(void *arg, const char *cid, bool accepted);
	void *arg;
};

void model_init(struct model *m);
void model_fini(struct model *m);

/* --- windows ------------------------------------------------------------- */

/* The window of that name, made if it is new; NULL if there are too many. */
struct window *model_open(
    struct model *m, enum window_kind kind, const struct name *name);
struct window *model_find(
    const struct model *m, enum window_kind kind, const char *fold);
/* Closes it; the window before it becomes the current one, if it was. */
void model_close(struct model *m, struct window *w);
size_t model_index(const struct model *m, const struct window *w);
struct window *model_current(const struct model *m);
struct window *model_server(const struct model *m);
/* Shows a window: its counts are gone, the rule of the one left is set. */
void model_select(struct model *m, size_t index);
/* The window most worth looking at: mentions, people, messages; when there is
 * none, back to where the walk began. */
size_t model_next_activity(struct model *m);

/* "lobby" or "@ann", as the wire calls it; writes at most NAME_BYTES_MAX + 1
 * bytes and the NUL. */
void model_target(const struct window *w, char out[static NAME_BYTES_MAX + 2]);

/* --- what is said -------------------------------------------------------- */

struct message {
	struct msgid id;
	struct span nick; /* valid: name_check() was asked */
	const char *fold;
	struct span text;
	struct span cid; /* in a replay, of our own */
	bool act;
	bool registered; /* the sender is the account of the nick */
	bool old;        /* history that was asked for: not news */
	bool replay;     /* would carry its cid, if it were our own */
};

/* False where it was there already. */
bool model_message(
    struct model *m, struct window *w, const struct message *msg);

/* A line of the client's own; text may hold anything. */
void model_note(struct model *m, struct window *w, enum entry_kind kind,
    const char *fmt, ...) PRINTF_LIKE(4, 5);

/* What opens a room; wiped when it is replaced, and with the window. */
void model_set_key(struct window *w, struct span key);
void model_topic(struct model *m, struct window *w, struct span topic);
void model_set_nick(struct model *m, const struct name *nick);

/* --- who is there -------------------------------------------------------- */

struct member *model_member(const struct window *w, const char *fold);
/* Somebody came in. */
void model_member_add(
    struct model *m, struct window *w, const struct name *name);
void model_member_remove(struct model *m, struct window *w, const char *fold);
void model_member_rename(struct model *m, struct window *w, const char *fold,
    const struct name *new_name);
/* A list of names replaces the old one: each of its lines with the number of
 * all, then those it names; the end comes with the command's OK.  Who comes in
 * meanwhile is one more. */
void model_names_line(struct model *m, struct window *w, uint64_t total);
void model_names_add(struct window *w, const struct name *name, char rank);
void model_names_end(struct model *m, struct window *w);

/* --- what we say --------------------------------------------------------- */

/* Appends it as pending; NULL if SENDS_MAX are. */
struct send *model_send(struct model *m, struct window *w, const char *cid,
    const char *text, bool act, int64_t time_ms);
/* What is to be written next: NULL while one is flying, or none waits. */
struct send *model_send_next(const struct window *w);
struct send *model_send_find(const struct window *w, struct span cid);
/* Accepted under this id: it is forgotten here and stays in the buffer. */
void model_send_settle(
    struct model *m, struct window *w, struct send *s, struct msgid id);
/* Failed or unknown. */
void model_send_fail(
    struct model *m, struct window *w, struct send *s, enum send_state state);
void model_send_again(struct model *m, struct window *w, struct send *s);
void model_send_discard(struct model *m, struct window *w, struct send *s);
/* The last one that failed or is unknown; NULL if none. */
struct send *model_send_stuck(const struct window *w);
size_t model_unsettled(const struct model *m); /* in all windows */

/* Does the text speak to this nick? */
bool model_mentions(struct span text, const char *nick);

#endif
