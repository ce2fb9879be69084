/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_RELAY_LOCAL_INT_H
#define SNUG_SERVER_RELAY_LOCAL_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/attr.h"
#include "base/names.h"
#include "server/deny.h"
#include "server/index.h"
#include "server/pile.h"
#include "server/relay.h"
#include "server/relay_account.h"
#include "server/relay_local.h"
#include "server/relay_oper.h"
#include "server/relay_rights.h"
#include "server/shelf.h"
#include "server/state.h"
#include "server/table.h"

/*
 * What the parts of the relay in memory share; nobody else includes it.
 *
 *	relay_local.c          the queue, places and their logs
 *	relay_local_people.c   nicks, and who hears what in private
 *	relay_local_account.c  accounts
 *	relay_local_rights.c   what rooms allow
 *	relay_local_oper.c     what operators order
 */

struct place {
	UT_hash_handle hh;
	struct conv conv;
	unsigned refs; /* operations under way */

	/* The log, and the list of those which are not empty. */
	struct shelf log;
	TAILQ_ENTRY(place) silence; /* while log.n > 0 */
	bool brief;                 /* dropped after a minute of silence */
	uint64_t spoken_ms;         /* the last append, monotonic */
	struct msgid last;          /* newest id, of a dropped entry too */
	bool trimmed;               /* something was dropped */

	/* Rooms. */
	uint64_t opened; /* which opening this is; 0: closed */
	bool live;       /* the opening was answered */
	void *room;
	char shown[NAME_BYTES_MAX + 1];
	struct relay_msg *topic; /* NULL: none */
	struct index members;    /* struct person, by sender */
	struct rights *rights;   /* NULL: nothing was ever set */
	struct slow *slows;      /* by sender: who has to wait */
	TAILQ_ENTRY(place) idle; /* while `empty`: it is kept for its rights */
	bool empty;
	uint64_t emptied_ms;
	uint64_t saved_ms; /* wall clock: when its record was written */
};

/* This sender in this conversation used this cid. */
struct record {
	UT_hash_handle hh;
	TAILQ_ENTRY(record) expiry;
	uint64_t expires_ms;
	struct msgid id;
	size_t len;
	char key[];
};

/*
 * A sender under one nick: what its claim, its being heard and its memberships
 * have in common.  There is one for each client, so it is small.  The nick is
 * never changed: another one is another record, which the memberships move to
 * one by one.  It goes when nothing needs it any more.
 */
struct person {
	void *user;        /* who hears what is said to it in private */
	struct left *left; /* NULL: the claim is held */
	uint64_t since_ms;
	unsigned opened;  /* which hearing this is; 0: nobody hears */
	unsigned rooms;   /* memberships under this nick */
	bool claimed : 1; /* by it this nick is taken */
	bool live : 1;    /* the hearing was answered */
	bool current : 1; /* by it the sender is found */
	bool has_token : 1;
	uint8_t fold_at, shown_at; /* the nick, in names */
	char sender[SENDER_ID_LEN + 1];
	uint8_t token[RELAY_TOKEN_LEN / 2];
	char names[]; /* the skeleton, then what is spelled otherwise */
};

/* A claim that was left, and may be resumed. */
struct left {
	TAILQ_ENTRY(left) entry;
	uint64_t expires_ms;
	struct person *person;
};

struct local;
struct op;

/* Carries an operation out, or on any status but RELAY_OK only answers it. */
typedef void (*op_fn)(struct local *l, struct op *op, enum relay_status st);

struct op {
	op_fn run;
	struct place *place;   /* referenced; NULL: not there, or no matter */
	struct relay_msg *msg; /* what it carries along; or NULL */
	union {
		relay_done_fn done;
		relay_resume_fn resume;
		relay_room_fn room;
		relay_append_fn append;
		relay_read_fn read;
		relay_owner_fn owner;
		relay_peek_fn peek;
		relay_list_fn list;
		relay_account_fn account;
		relay_rights_fn rights;
		relay_change_fn change;
	} fn;
	void *arg;
	union {
		struct relay_range range;
		uint64_t opened;
		uint8_t key[ACCOUNT_KEY_LEN];
		struct kept_change *change; /* owned */
		struct buf *said;           /* owned */
		struct deny *deny;          /* owned */
	} u;
};

TAILQ_HEAD(places, place);
TAILQ_HEAD(records, record);
TAILQ_HEAD(lefts, left);

struct local {
	struct relay relay;
	struct relay_local_config config;
	uint64_t now_ms, wall_ms; /* of the run */
	bool running;
	bool awake; /* wake() was called since the last run */

	struct op *queue; /* a ring */
	size_t queue_cap, queue_first, queue_n;
	/* Of what the queue carries along: while one is run, the other is for
	 * what that asks. */
	struct pile piles[2];
	unsigned asking;

	struct place *rooms, *pairs; /* by key */
	struct places by_silence; /* those with a log; longest silent first */
	struct places by_short_silence; /* the same, of those that are brief */
	struct record *records;
	struct records by_expiry;
	struct index claims; /* struct person, by skeleton */
	struct lefts left;   /* first to expire first */
	size_t nleft;
	struct index people; /* struct person, by sender: the current ones */

	struct denies denies; /* closed out ranges */

	struct state *state;      /* what lasts; NULL: nothing does */
	struct account *accounts; /* by id */
	struct account *owned;    /* the same, by skeleton */
	struct account_key *keys; /* by key */

	struct rights *no_rights; /* of rooms where nothing was ever set */
	struct places idle;       /* kept for their rights; longest first */
	struct owner *owners;     /* of rooms, by account */

	uint64_t openings; /* counts them */
	uint64_t floor_ms; /* no id of a new place falls below */
	size_t used;       /* bytes of the budget */
	size_t log_max;    /* entries of a log */
	struct relay_msg page[RELAY_READ_MAX];
};

struct local *rl_of(struct relay *r);

/* A new operation at the end of the queue; its other fields are the caller's
 * to fill. */
struct op *rl_queue(struct local *l, op_fn run, struct place *place) MUST_CHECK;
/* Gives a copy of a message, or of any strings that can stand in one, for an
 * operation: good until that was carried out. */
struct relay_msg *rl_keep_msg(
    struct local *l, const struct relay_msg *m) MUST_CHECK;

/* What an operation without a result is answered, if anybody asked. */
void rl_answer(const struct op *op, enum relay_status st);

struct place *rl_find_place(struct local *l, const struct conv *c);
struct place *rl_get_place(struct local *l, const struct conv *c);
struct place *rl_find_room(struct local *l, const char *fold);

/* Forgets a place which nobody needs any more. */
void rl_reap(struct local *l, struct place *p);
/* Does the budget hold `size` more bytes?  Old entries give way. */
bool rl_budget_has(struct local *l, size_t size);
/* Appends an entry: fills in its id and its predecessor's, and copies it.  The
 * budget was asked. */
struct msgid rl_log_append(
    struct local *l, struct place *p, struct relay_msg *m);

/* --- people --------------------------------------------------------------- */

/* What relay.h says of them. */
void rl_claim(struct relay *r, const struct name *nick, const char *sender,
    const char *token, relay_done_fn done, void *arg);
void rl_release(struct relay *r, const char *fold, const char *sender);
void rl_leave(struct relay *r, const char *fold, const char *sender);
/* The token of this nick, if the sender has it, takes nobody over any more. */
void rl_revoke(struct local *l, const char *fold, struct span sender);
void rl_resume(struct relay *r, const struct name *nick, const char *token,
    const char *new_token, relay_resume_fn done, void *arg);
void rl_find(struct relay *r, const char *fold, relay_owner_fn done, void *arg);
void rl_watch(struct relay *r, const char *sender, void *user,
    relay_done_fn done, void *arg);
void rl_unwatch(struct relay *r, const char *sender);

struct span rl_claim_key(const void *person);
struct span rl_person_key(const void *person);
const char *rl_person_shown(const struct person *p);
/* One room more, or less, in which the sender has this nick. */
struct person *rl_person_enter(
    struct local *l, struct span sender, struct span nick) MUST_CHECK;
void rl_person_leave(struct local *l, struct person *p);
/* Whose claim looks like this; is of this very nick. */
struct person *rl_claim_alike(struct local *l, const char *fold);
struct person *rl_claim_find(struct local *l, struct span fold);
/* It is nobody's any more. */
void rl_claim_drop(struct local *l, struct person *p);
/* NULL: nobody hears for this sender. */
struct person *rl_hearer(struct local *l, struct span sender);
/* Those that were left for too long. */
void rl_people_expire(struct local *l);
void rl_people_free(struct local *l);

/* --- accounts ------------------------------------------------------------- */

struct account {
	UT_hash_handle hh, alike;
	struct relay_account a;
	char skeleton[NAME_BYTES_MAX + 1];
	bool coming; /* not on disk yet: nobody's */
	bool saving; /* a change of it is on its way to disk */
};

extern const struct relay_account_ops rl_account_ops;
/* Whose nick looks like this, also one that is coming. */
struct account *rl_account_alike(struct local *l, const char *fold);
/* Of this very nick, and on disk; NULL: none. */
struct account *rl_account_owner(struct local *l, const char *fold);
/* Of the state file. */
bool rl_account_take(void *local, struct span key, const struct state_field *f,
    size_t n, char cause[static ERR_LEN]);
void rl_accounts_free(struct local *l);

/* --- rights --------------------------------------------------------------- */

struct slow;
extern const struct relay_oper_ops rl_oper_ops;
bool rl_deny_take(void *local, struct span key, const struct state_field *f,
    size_t n, char cause[static ERR_LEN]);
/* What the file held is told, from the loop. */
void rl_denies_tell(struct local *l);

extern const struct relay_rights_ops rl_rights_ops;
/* Never NULL; borrowed. */
struct rights *rl_rights(const struct local *l, const struct place *p);
/* May the message be appended, as far as the room's rights go? */
enum relay_status rl_rights_judge(struct local *l, struct place *p,
    const struct relay_msg *m, uint64_t *wait_ms);
/* Nobody is in there any more: it is kept for a while.  False: it need not. */
bool rl_rights_keep(struct local *l, struct place *p);
/* Somebody is. */
void rl_rights_wake(struct local *l, struct place *p);
void rl_rights_expire(struct local *l);
/* The place goes. */
void rl_rights_free(struct local *l, struct place *p);
/* Of the state file. */
bool rl_rights_take(void *local, struct span key, const struct state_field *f,
    size_t n, char cause[static ERR_LEN]);

/* What an error of the state file means. */
enum relay_status rl_state_status(int err);

#endif
