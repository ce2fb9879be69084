/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_RELAY_REDIS_INT_H
#define SNUG_SERVER_RELAY_REDIS_INT_H

#include <event2/event.h>
#include <hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "server/index.h"
#include "server/redis_handshake.h"
#include "server/redis_link.h"
#include "server/redis_resp.h"
#include "server/redis_script.h"
#include "server/redis_url.h"
#include "server/relay.h"
#include "server/relay_codec.h"
#include "server/relay_redis.h"
#include "server/relay_rights.h"
#include "server/ring.h"
#include "server/table.h"

/*
 * What the parts of the Redis relay share; nobody else includes it.
 *
 *	relay_redis.c       the whole: links, up and down, coming back
 *	relay_redis_op.c    what is asked: answered once, in time
 *	relay_redis_node.c  heartbeat, leases, which nodes live
 *	relay_redis_depart.c  a dead node's members leave, in slices
 *	relay_redis_reap.c  what a dead node left in Redis is cleared away
 *	relay_redis_chan.c  subscriptions
 *	relay_redis_feed.c  a conversation's messages, in order, without a hole
 *	relay_redis_log.c   logs: their keys, and what is owed of them
 *	relay_redis_append.c  appending, a turn's messages of a room at once
 *	relay_redis_read.c  reading, from a room's ring or from the log
 *	relay_redis_room.c  rooms that are open here
 *	relay_redis_roster.c  who is in them, on all nodes
 *	relay_redis_member.c  this node's members come and go
 *	relay_redis_list.c  rooms that are not open here
 *	relay_redis_pair.c  watched senders and their conversations
 *	relay_redis_nick.c  claims
 *	relay_redis_rights.c  what rooms allow
 *	relay_redis_own.c   how many rooms an account owns
 *	relay_redis_oper.c  what operators order, to every node
 *	relay_redis_account.c  accounts
 */

enum {
	/*
	 * Of the keys, and of what is checked when one is written; a newer one
	 * is not understood.  2: rooms have rights, and an append checks.
	 *
	 * Whoever makes it 3 lets each room that it opens have an rv which 2
	 * cannot read: then no append of 2 is accepted there from that moment
	 * on, and 2 lets nobody read or write.  The rest of what 2 does ends
	 * with its next heartbeat.
	 */
	RR_LAYOUT = 2,
	RR_LOG_MIN = 256, /* entries of a log that are always kept */
	RR_ERRORS_MAX = 16,
	RR_CLAIM_LISTS = 256,
};

struct rr;
struct rr_room;
struct rr_user;
struct rr_claim;
struct rr_lost;
LIST_HEAD(rr_claims, rr_claim);
struct rr_node;
struct rr_chan;

/* --- operations ----------------------------------------------------------- */

/*
 * Something asked of the relay.  It is answered when Redis answers, when time
 * is up or when a link is lost, whichever comes first, and lives on until the
 * link has called back.  Those of a kind embed it as their first member.
 */
struct rr_op {
	TAILQ_ENTRY(rr_op) entry; /* while unanswered: soonest deadline first */
	struct rr *r;
	uint64_t deadline_ms;
	uint64_t token;          /* of the command under way */
	bool writes;             /* its outcome can be unknown */
	bool answered;           /* done was called */
	bool waits;              /* a link will call back */
	unsigned char patience;  /* so often its time may run out */
	enum relay_status later; /* the answer, if it waits for the loop */
	void (*call)(struct rr_op *op); /* or what finds it */
	void (*fail)(struct rr_op *op, enum relay_status st); /* calls done */
	void (*fini)(struct rr_op *op);                       /* may be NULL */
};
TAILQ_HEAD(rr_ops, rr_op);

/* Gives memory for an operation; the size is of the embedding struct. */
void *rr_op_new(struct rr *r, size_t size,
    void (*fail)(struct rr_op *, enum relay_status), bool writes) MUST_CHECK;
/* Answered with a result: the caller has called, or will now call, done. */
void rr_op_answered(struct rr_op *op);
/* Answers with a bare status if nobody has yet. */
void rr_op_fail(struct rr_op *op, enum relay_status st);
/* The same, but from the loop; the operation is gone afterwards. */
void rr_op_fail_later(struct rr_op *op, enum relay_status st);
/* Goes on from the loop, where fn will answer or ask on. */
void rr_op_call_later(struct rr_op *op, void (*fn)(struct rr_op *));
/* So many are unanswered, or the first for so long, that more would only be
 * late. */
bool rr_ops_are_late(const struct rr *r);
/* Frees an answered one that no link will call back for. */
void rr_op_free(struct rr_op *op);
/* A step is done and another begins: the time runs anew. */
void rr_op_touch(struct rr_op *op);
/* Sends the scratch command for an operation; on failure answers from the
 * loop and gives false. */
bool rr_op_eval(struct rr_op *op, enum redis_script_id script, unsigned nkeys,
    redis_reply_fn fn);
/*
 * The common beginning of what links call back with: the operation still
 * waits, and r is no error.  Else it was answered and freed: false.
 */
bool rr_op_reply(struct rr_op *op, const redisReply *r, bool written);

void rr_ops_init(struct rr *r);
void rr_ops_fini(struct rr *r); /* answers all */

/* What an error of Redis means; writes to the log, and drops the links where
 * that Redis is no master. */
/* All links, so that their handshakes find out how it is. */
void rr_drop_all(struct rr *r, const char *why);
enum relay_status rr_error_status(struct rr *r, const redisReply *e);

/* --- nodes ---------------------------------------------------------------- */

void rr_nodes_init(struct rr *r);
void rr_nodes_fini(struct rr *r);
bool rr_node_is_live(struct rr *r, struct span node);
/* Live, in doubt or in its grace: what it holds is not to be taken away. */
bool rr_node_is_kept(struct rr *r, struct span node);
/* It was heard just now. */
void rr_node_heard(struct rr *r, struct span node);
/* Asks for the list on the command link; it is in when a command sent behind
 * it is answered. */
void rr_nodes_refresh(struct rr *r);
void rr_beat_start(struct rr *r); /* its link is up */
/* Something came over the node's own channel. */
void rr_inbox_heard(struct rr *r, struct span said);
/* The deadline, by Redis' clock, of something that ends in ms from now. */
int64_t rr_redis_deadline(struct rr *r, uint64_t ms);
/* The name in a node's id. */
bool rr_node_name(char dst[static RELAY_NODE_MAX + 1], struct span id);

/* A node this one has heard of. */
struct rr_node {
	UT_hash_handle hh;
	unsigned missed;  /* lists running */
	bool listed;      /* else only heard of */
	bool leaving;     /* its grace is over: relay_redis_depart.c */
	uint64_t dead_ms; /* since when it is held dead; 0: it is not */
	char id[CODEC_NODE_MAX + 1];
};

struct rr_node *rr_node_find(struct rr *r, struct span id);
void rr_node_forget(struct rr *r, struct rr_node *n);
/* Draws an incarnation: the node's id and inbox. */
void rr_set_incarnation(struct rr *r);

/* --- dead nodes ----------------------------------------------------------- */

void rr_depart_init(struct rr *r);
void rr_depart_fini(struct rr *r);
bool rr_depart_is_idle(const struct rr *r);
/* Members of nodes that are `leaving` go, then the nodes. */
void rr_depart_start(struct rr *r);

void rr_reap_init(struct rr *r);
void rr_reap_fini(struct rr *r);
/* These nodes are dead, and their grace is over: clears one away, unless
 * another node does. */
void rr_reap_offer(struct rr *r, const redisReply *dead);

/* --- subscriptions -------------------------------------------------------- */

struct rr_chan_ops {
	void (*on_acked)(void *owner);
	void (*on_message)(void *owner, struct span payload);
};

/* Asks for a channel; on_acked comes when the subscription stands. */
struct rr_chan *rr_chan_open(struct rr *r, const char *name,
    const struct rr_chan_ops *ops, void *owner) MUST_CHECK;
void rr_chan_close(struct rr *r, struct rr_chan *c);
bool rr_chan_is_acked(const struct rr_chan *c);
void rr_chans_init(struct rr *r);
void rr_chans_lost(struct rr *r);        /* the link is gone */
void rr_chans_resubscribe(struct rr *r); /* it is up again */
void rr_chans_push(struct rr *r, const redisReply *push);
void rr_chans_fini(struct rr *r);

/* --- feeds ---------------------------------------------------------------- */

/*
 * One conversation's messages on their way up.  The owner embeds it, and keeps
 * the memory until the loop's next turn after rr_feed_close(), because it may
 * be closed from within what it delivers.
 */
struct rr_fill;

struct rr_feed_ops {
	/* Can it be delivered now?  If not: rr_feed_unblock() when it can.
	 * NULL: always. */
	bool (*accepts)(void *owner, const struct relay_msg *m);
	void (*message)(void *owner, const struct relay_msg *m);
	void (*gap)(void *owner);
};

struct rr_feed {
	struct rr *r;
	const struct conv *conv; /* the owner's */
	const struct rr_feed_ops *ops;
	void *owner;
	struct ring *ring;   /* the owner's, kept up by the feed; may be NULL */
	struct msgid last;   /* delivered */
	uint64_t heard_ms;   /* when `last` became known */
	struct msgid top;    /* the highest ever seen: the floor of new ones */
	struct msgid target; /* what a fill has to reach; 0-0: its end */
	bool open;           /* else all is held */
	bool closed;
	bool blocked;         /* until the owner accepts what is next */
	struct rr_fill *fill; /* under way */
	struct buf held;
	size_t nheld;
	bool overflowed;
};

void rr_feed_init(struct rr_feed *f, struct rr *r, const struct conv *conv,
    const struct rr_feed_ops *ops, void *owner);
/* From here on, above this id. */
void rr_feed_open(struct rr_feed *f, struct msgid last);
void rr_feed_unblock(struct rr_feed *f);
void rr_feed_close(struct rr_feed *f);
void rr_feed_fini(struct rr_feed *f);
void rr_feed_on_page(void *arg, const redisReply *rows, bool written);
/* `PREV ID PAYLOAD` was published, or several of these, an LF between them. */
void rr_feed_take(struct rr_feed *f, struct span published);
/* The newest id is known to be this one: fills, or finds history gone back.
 * asked: what `last` was when the id was asked for. */
void rr_feed_check(struct rr_feed *f, struct msgid newest, struct msgid asked);

/* An entry of a stream; false if it is malformed. */
bool rr_row(const redisReply *row, struct msgid *prev, struct msgid *id,
    struct span *payload);

/* --- conversations -------------------------------------------------------- */

/* "{r:R}" or "{d:LO:HI}": the part that all keys of a conversation share. */
enum { RR_TAG_MAX = CODEC_KEY_MAX + 8 };
char *rr_conv_tag(char dst[static RR_TAG_MAX], const struct conv *c);
char *rr_room_tag(char dst[static RR_TAG_MAX], const char *fold);

/* What all keys of one thing begin with: the prefix, a tag and a colon. */
enum { RR_STEM_MAX = RR_TAG_MAX + 66 };
struct rr_stem {
	size_t len;
	char text[RR_STEM_MAX];
};
void rr_stem(struct rr_stem *dst, struct rr *r, const char *tag);
/* A key: the stem and what it ends with. */
void rr_put_key(
    struct resp_cmd *c, const struct rr_stem *stem, struct span end);

void rr_append(struct relay *r, const struct conv *c, const struct relay_msg *m,
    relay_append_fn done, void *arg);
void rr_read(struct relay *r, const struct conv *c,
    const struct relay_range *range, relay_read_fn done, void *arg);
/* An id that the subscription should bring soon. */
void rr_expect(struct rr *r, const struct conv *c, struct msgid id);
/* The two ends of a pair, borrowed from its key. */
struct span rr_pair_lower(const struct conv *c);
struct span rr_pair_higher(const struct conv *c);

/* What all scripts that append begin with: KEYS 1 and 2, ARGV 1 to 5.  After
 * the deadline, by Redis' clock, it is too late. */
struct rr_append_terms {
	int64_t deadline;
	struct msgid floor; /* the highest id seen here */
};
void rr_put_append_keys(struct resp_cmd *c, const struct rr_stem *stem);
void rr_put_append_terms(struct rr *r, struct resp_cmd *c,
    const struct rr_append_terms *terms, const struct rights *rights);
int64_t rr_append_deadline(struct rr *r); /* of what is asked now */
/* Where there is a cid. */
void rr_put_dedupe_key(
    struct resp_cmd *c, const struct rr_stem *stem, const struct relay_msg *m);
void rr_put_payload(
    struct rr *r, struct resp_cmd *c, const struct relay_msg *m);
/* What was gathered for a room goes now: it is being closed. */
void rr_appends_send(struct rr_room *room);
void rr_appends_flush(struct rr *r); /* for all rooms */
void rr_appends_init(struct rr *r);
void rr_appends_fini(struct rr *r); /* before the operations' */
void rr_expect_init(struct rr *r);
void rr_expect_fini(struct rr *r);

/* --- rooms ---------------------------------------------------------------- */

void rr_open_room(struct relay *r, const struct name *name, void *room,
    relay_room_fn done, void *arg);
void rr_close_room(struct relay *r, const char *fold);
void rr_join(struct relay *r, const char *fold, const struct relay_member *m,
    relay_done_fn done, void *arg);
void rr_part(struct relay *r, const char *fold, const struct relay_member *m,
    struct span text, relay_done_fn done, void *arg);
void rr_rename(struct relay *r, const char *fold, const struct relay_member *m);
void rr_room_typing(
    struct rr *r, const struct conv *c, struct span sender, struct span nick);
void rr_peek(struct relay *r, const char *fold, relay_peek_fn done, void *arg);
void rr_list(struct relay *r, relay_list_fn done, void *arg);

struct rr_feed *rr_room_feed(struct rr *r, const char *fold); /* or NULL */
void rr_rooms_lost(struct rr *r);  /* openings under way fail */
void rr_rooms_check(struct rr *r); /* compare the newest ids */
/* Redis may know another history: nothing is answered from memory. */
void rr_rooms_forget_logs(struct rr *r);
/* Those of this node are kept under its new id. */
void rr_rooms_renumber(struct rr *r, const char *old_id);
/* Gives how many members it looked at. */
size_t rr_room_depart(struct rr *r, const char *fold);
/* The folds of all rooms; free() each and the whole. */
char **rr_rooms_snapshot(struct rr *r, size_t *n) MUST_CHECK;
void rr_rooms_goodbye(struct rr *r);
void rr_rooms_fini(struct rr *r);
/* A room's state as the script gives it. */
struct rr_roster_entry {
	struct span node;
	const redisReply *members; /* sender, nick, ... */
};
struct rr_room_state {
	struct relay_room_info info; /* its rights are owned by this */
	const redisReply *roster;    /* N, members, ... */
};
bool rr_room_state(
    struct rr *rr, struct rr_room_state *st, const redisReply *r);
void rr_room_state_fini(struct rr_room_state *st);
/* A topic that is none is taken out. */
void rr_judge_topic(struct relay_room_info *info);
/* Begins the scratch command for SCRIPT_ROOM (4 keys); shown is "" to only
 * look. */
void rr_put_room(struct rr *r, const char *tag, const char *shown);
/* Takes a room out of the list, if nobody has come since `seen`. */
void rr_unlist_room(struct rr *r, const char *fold, const char *seen);
void rr_reap_rooms(struct rr *r);
void rr_reap_users(struct rr *r);
/* One entry of a roster (by twos); false if it is malformed. */
bool rr_roster_at(
    const redisReply *roster, size_t i, struct rr_roster_entry *e);
bool rr_member_at(const redisReply *members, size_t i, struct relay_member *m);

/* --- rights --------------------------------------------------------------- */

extern const struct relay_rights_ops rr_rights_ops;

/* --- relay_redis_own.c ---------------------------------------------------- */

struct rr_owning;
typedef void (*rr_owning_fn)(struct rr_op *op, bool may);
/* A step of an op: may the account own this room, too?  If so, a place is held
 * for it.  Gives what the op's fini() frees; then() comes from the loop, unless
 * the op fails. */
struct rr_owning *rr_owning_start(struct rr_op *op, const char *id,
    const char *fold, rr_owning_fn then) MUST_CHECK;
void rr_owning_free(struct rr_owning *o);
/* The room is no more the account's. */
void rr_owning_drop(struct rr *r, const char *id, const char *fold);
/* Gives what a version and a record of Redis say; NULL and nil are none.  Those
 * that make no sense allow nothing. */
struct rights *rr_rights_parse(
    struct rr *r, const redisReply *rv, const redisReply *record) MUST_CHECK;
/* Of a room that is open here; NULL: it is not. */
struct rights *rr_rights_here(struct rr *r, const char *fold);

/* --- people --------------------------------------------------------------- */

void rr_claim(struct relay *r, const struct name *nick, const char *sender,
    const char *token, relay_done_fn done, void *arg);
void rr_release(struct relay *r, const char *fold, const char *sender);
void rr_leave(struct relay *r, const char *fold, const char *sender);
void rr_resume(struct relay *r, const struct name *nick, const char *token,
    const char *new_token, relay_resume_fn done, void *arg);
/* `SENDER TOKEN FOLD`: another node has taken it over. */
void rr_nick_replaced(struct rr *r, struct span said);
void rr_find(struct relay *r, const char *fold, relay_owner_fn done, void *arg);
/* Tells upward which were lost while coming back. */
void rr_nicks_tell_lost(struct rr *r);
void rr_nicks_init(struct rr *r);
void rr_nicks_goodbye(struct rr *r);
void rr_nicks_fini(struct rr *r);

/* The token of this nick, if the sender has it, takes nobody over any more. */
void rr_nick_revoke(struct rr *r, const char *fold, struct span sender);
/* The nick that this guest held here has become an account's. */
void rr_nick_owned(struct rr *r, const char *skeleton, const char *sender);

extern const struct relay_account_ops rr_account_ops;
/* An account is on this node, or not any more; says nothing of guests. */
void rr_account_on(struct rr *r, const char *sender, bool on);
/* It is not there: the node is dead. */
void rr_account_forget_node(struct rr *r, const char *id, struct span node);

void rr_watch(struct relay *r, const char *sender, void *user,
    relay_done_fn done, void *arg);
void rr_unwatch(struct relay *r, const char *sender);
void rr_pair_typing(
    struct rr *r, const struct conv *c, struct span sender, struct span nick);
void rr_users_init(struct rr *r);
void rr_users_lost(struct rr *r);
void rr_users_goodbye(struct rr *r);
void rr_users_fini(struct rr *r);
/* Both watched ends of a pair: the feed, or NULL. */
struct rr_feed *rr_user_feed(
    struct rr *r, struct span sender, const struct conv *c);

/* --- operators ------------------------------------------------------------ */

extern const struct relay_oper_ops rr_oper_ops;
void rr_oper_init(struct rr *r); /* before there is any link */
void rr_oper_fini(struct rr *r); /* behind the links for commands */

/* --- coming back ---------------------------------------------------------- */

/* What has to be told and asked anew, one key of a table at a time. */
enum rr_task_kind { TASK_NICK, TASK_REGISTER, TASK_ROOM, TASK_USER };
/* Each sends one command and calls rr_task_done() when it is answered; or
 * gives false if there is nothing to do or no way to send it. */
bool rr_nick_restore(struct rr *r, const char *skeleton);
bool rr_room_register(struct rr *r, const char *fold);
bool rr_room_restore(struct rr *r, const char *fold);
bool rr_user_restore(struct rr *r, const char *sender);
/* Adds the keys of their tables as tasks. */
void rr_nicks_add_tasks(struct rr *r);
void rr_rooms_add_register_tasks(struct rr *r);
void rr_rooms_add_tasks(struct rr *r);
void rr_users_add_tasks(struct rr *r);
void rr_task_add(struct rr *r, enum rr_task_kind kind, const char *key);
void rr_task_done(struct rr *r, uint64_t run, bool good);
/* Tells and asks everything anew, up or not. */
void rr_recover(struct rr *r);
/* Says upward that the relay is away. */
void rr_down(struct rr *r, const char *why);
/* Something that recovery waits for may have happened. */
void rr_recover_poke(struct rr *r);
/* Redis has not answered in time. */
void rr_stalled(struct rr *r);

struct rr_expect;
TAILQ_HEAD(rr_expects, rr_expect);

struct rr_batch;
TAILQ_HEAD(rr_batches, rr_batch);

/* --- the whole ------------------------------------------------------------ */

struct rr_janitor;
struct rr_oper;

struct rr_task {
	enum rr_task_kind kind;
	char *key;
};

enum rr_phase { RECOVER_IDLE, RECOVER_REGISTER, RECOVER_READ, RECOVER_FILL };

struct rr {
	struct relay relay; /* first */
	struct relay_redis_config c;
	struct event_base *base;
	struct redis_url url;
	char prefix[65];
	char node[RELAY_NODE_MAX + 1];    /* the name */
	char node_id[CODEC_NODE_MAX + 1]; /* the name, encoded, and a dot and
					     the incarnation */
	char client_name[3 * RELAY_NODE_MAX + 8];
	char inbox[CODEC_NODE_MAX + 96];
	char layout_key[96];
	struct redis_link *cmd, *sub, *beat;
	struct resp_cmd scratch;
	struct buf text;
	bool up;
	bool was_up;  /* once at least */
	bool stalled; /* a command was not answered in time */
	bool ending;

	struct rr_ops ops, later;
	size_t nops; /* in ops */
	struct event *op_timer, *later_event;

	struct rr_room *rooms; /* by fold */
	struct rr_room *grave; /* closed ones, freed by the loop */
	struct index users;    /* struct rr_user, by sender */
	struct rr_user *user_grave;
	struct index nicks;   /* struct rr_nick, by skeleton */
	struct rr_lost *lost; /* to be told when up */
	struct rr_claims claims[RR_CLAIM_LISTS]; /* under way; by skeleton */
	struct rr_node *nodes;                   /* by id */
	struct index chans;                      /* struct rr_chan, by name */
	size_t chans_due;                        /* acks still to come */
	size_t nfills;                           /* under way */
	struct ring_store rings;
	struct rr_fetch *fetches; /* reads under way, by what is asked */
	uint64_t fetched;         /* those that nobody shared */
	struct event *reaper;     /* of the graves */

	size_t ndead; /* nodes in their grace */
	struct {
		char **folds; /* to be looked through; owned */
		size_t n, next;
		struct event *timer;
	} depart;
	struct rr_janitor *janitor;
	struct rr_oper *oper;
	struct event *forgotten; /* Redis has lost us: told again soon */

	struct event *beat_timer;
	bool beat_stale; /* the one under way is of the last incarnation */
	char old_id[CODEC_NODE_MAX + 1]; /* not yet said to be over, or "" */
	bool registered; /* the first beat of this connection was answered */
	bool beating;    /* one is under way */
	uint64_t beat_sent_ms, beat_heard_ms, beacon_heard_ms;
	uint64_t beacon;
	char live_hash[41];
	char epoch[33];
	bool has_clock;
	unsigned loose;   /* readings of it running that were too slow */
	int64_t clock_ms; /* Redis' time is at least ours and this */
	uint64_t clock_read_ms;

	struct rr_batches gathered; /* appends of this turn */
	struct event *gather_event;
	struct event *expect_timer;
	struct rr_expects expected;
	struct event *check_timer;

	enum rr_phase phase;
	uint64_t run; /* of the recovery */
	struct rr_task *tasks;
	size_t ntasks, next_task, tasks_out;
	struct event *recover_event, *recover_timer;
	char run_id[REDIS_RUN_ID_LEN + 1]; /* of the Redis we know; or "" */
	uint64_t told_ms[RR_ERRORS_MAX];   /* of each kind, to the operator */
	uint64_t odd_ms;                   /* when the last oddity was logged */
	unsigned odd_more;
};

struct rr *rr_of(struct relay *r);
/* The scratch command, empty; good until the next one is begun. */
struct resp_cmd *rr_cmd(struct rr *r);
/* Sends the scratch command on the command link, and forgets it. */
void rr_tell(struct rr *r);
bool rr_tell_script(struct rr *r, enum redis_script_id script, unsigned nkeys);
uint64_t rr_random(void);
struct event *rr_event(
    struct rr *r, void (*fn)(int, short, void *), void *arg) MUST_CHECK;
void rr_event_in(struct event *ev, uint64_t ms);
/* Something from Redis that does not make sense: once a minute. */
void rr_odd(struct rr *r, const char *what, struct span data);
struct span rr_span(const redisReply *r); /* of a string; else absent */
bool rr_reply_id(const redisReply *r, struct msgid *id);
/* How long a conversation is kept, and how many of its entries; rights NULL: as
 * where a room says nothing about it. */
int64_t rr_log_ttl(const struct rr *r, const struct rights *rights);
int64_t rr_log_max(const struct rr *r, const struct rights *rights);

#endif
