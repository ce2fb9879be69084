/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_SESSION_H
#define SNUG_SERVER_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/attr.h"
#include "base/buf.h"
#include "proto/codes.h"
#include "proto/frame.h"
#include "proto/msgid.h"
#include "server/answer.h"
#include "server/gate.h"
#include "server/limit.h"

struct channel;
struct event;
struct event_base;
struct history;
struct newcomer;
struct room;
struct secure;
struct server;
struct user;

/* NEW: no line was read yet, nothing but WELCOME was said.  SHAKING: SECURE was
 * read, a handshake is under way.  GREETING: no command was accepted yet.
 * ENDING: BYE is on its way out.  GONE: off every list but the one it is freed
 * from. */
enum session_state {
	SESSION_NEW,
	SESSION_SHAKING,
	SESSION_GREETING,
	SESSION_READY,
	SESSION_ENDING,
	SESSION_GONE,
};

/* A session in a room. */
struct membership {
	SLIST_ENTRY(membership) next;
	struct room *room; /* pinned */
	struct session *session;
	size_t place;            /* among the room's listeners */
	struct history *reading; /* the replay, or the catching up behind it */
	struct msgid said;       /* the newest of its own that was accepted */
};

/* What was read before its turn. */
struct ahead {
	struct buf lines; /* not taken yet */
	struct buf held;  /* the line whose turn is next */
};

/* Fields are session.c's but for those marked (cmd): read by commands.  There
 * are many sessions, and most are silent: what only some need is elsewhere. */
struct session {
	uint64_t id;           /* (cmd) */
	struct server *server; /* (cmd) */
	struct user *user;   /* (cmd) the sender; owned while it has sessions */
	struct caller from;  /* (cmd) */
	unsigned char state; /* enum session_state */
	unsigned char watched;  /* for: sockets.h; to write if it is full */
	bool plain_refused : 1; /* (cmd) it has to be secure to be let in */
	bool framed : 1;        /* has ever sent a framed line */
	bool exclusive : 1;     /* no command runs behind the one under way */
	bool settled : 1; /* (cmd) it has joined or said: it is who it is */
	bool quit : 1;    /* (cmd) it goes by its own will */
	bool running : 1; /* commands are being run: no second round */
	bool paused : 1;  /* not reading: an answer or a flood waits */
	bool full : 1;    /* no command until its answers are out */
	bool eof : 1;     /* its side is closed; what was read is answered */
	bool dirty : 1;   /* on the list of those with something to write */
	bool broken : 1;  /* a write failed */
	bool slow : 1;    /* more waits for it than it may have */
	bool pinged : 1;
	bool delayed : 1;            /* a flood waits for the timer */
	unsigned short nmemberships; /* (cmd) at most rooms-per-session */
	int fd;
	unsigned drained;        /* bytes thrown away after BYE */
	unsigned stamp;          /* (cmd) the round in which it was last told */
	struct event *timer;     /* a flood's wait; made when first needed */
	struct channel *channel; /* (cmd) NULL: not a secure session */
	struct secure *secure;   /* NULL: plain, for good */
	struct frame frame;
	struct ahead *ahead; /* what was read before its turn; or NULL */
	struct buf out; /* lines; not sealed yet where the session is secure */
	struct answers answers; /* (cmd) */
	struct flood flood;
	struct newcomer *newcomer; /* gate.c's; NULL: no stranger any more */
	uint8_t *key;              /* (cmd) it has proven this one; or NULL */
	uint64_t born_ms, heard_ms, deadline_ms;
	SLIST_HEAD(, membership) memberships; /* (cmd) */
	struct history *reading;              /* (cmd) HISTORY under way */
	TAILQ_ENTRY(session) next;
};

/*
 * Takes a connected, non-blocking socket: greets it and serves it until it
 * goes.
 *   who  copied; whoever starts a session with an address has counted it
 *
 * Gives the session; it is the server's.
 */
struct session *session_start(
    struct server *sv, int fd, const struct caller *who);

/* Says BYE, leaves every room, and closes once the BYE is out (or `linger` has
 * passed).  Nothing is read any more. */
void session_end(struct session *s, enum proto_bye code, uint64_t retry_ms,
    const char *fmt, ...) PRINTF_LIKE(4, 5);
/* The same, and closes at once, whether the BYE is taken or not: somebody else
 * needs its place. */
void session_evict(
    struct session *s, enum proto_bye code, uint64_t retry_ms, const char *why);

/* The server goes down: no command is taken any more; what is in flight is
 * answered, then comes BYE shutdown with a @retry spread over `drain`. */
void session_drain(struct session *s);

/* What limits count for its address; NULL: it has none. */
const struct addr_key *session_addr(
    const struct session *s, struct addr_key *key);
/* The queue, to write whole lines into; it goes out at the end of the turn. */
struct buf *session_out(struct session *s);
/* Bytes that wait for the socket, sealed or not. */
size_t session_queued(const struct session *s);
/* Does it take more of what it asked for?  (Its queue is nearly empty.) */
bool session_has_room(const struct session *s);
/* Bytes for a listener: out at once if nothing waits, else queued within
 * send-buffer.  Never frees or closes anything: marks it. */
void session_deliver(struct session *s, const char *p, size_t len);
/* The same, but at the end of the turn: for lines that come one by one. */
void session_queue(struct session *s, const char *p, size_t len);

/* The first line was read, and it was not SECURE: what else there is to be said
 * to newcomers is said. */
void session_stay_plain(struct session *s);
/* The first line was SECURE: what follows it are Noise messages.
 *   line  its payload as it came */
void session_secure(struct session *s, struct span line);

/* WELCOME again: it is somebody else now. */
void session_welcome(struct session *s);

/* The first command was accepted: the limits of strangers are lifted. */
void session_accept(struct session *s);

/* Was no command of it accepted yet?  Then it may cost little. */
bool session_is_stranger(const struct session *s);

struct membership *session_membership(struct session *s, const struct room *r);

/* --- between session.c and output.c ------------------------------------- */

/* What its socket is watched for, from now on. */
void session_watch(struct session *s, unsigned wanted);
/* Sends what the socket takes; goes on with what waited for that. */
void session_write(struct session *s);
/* The connection is no more: unhooks the session without a word. */
void session_lost(struct session *s, const char *why);
/* The queue is empty: commands that waited for that may run. */
void session_drained(struct session *s);
void session_bury(struct session *s);
void session_free(struct session *s);

/* For sockets_new(). */
void session_on_socket(void *session, unsigned ready);

/* --- all of them; called by main and server.c --------------------------- */

TAILQ_HEAD(session_list, session);

/* Those that await the end of the turn; begins as {0}. */
struct session_queue {
	struct session **at;
	size_t n, cap;
};

/* Writes what waits; ends the slow and frees the gone.  At the end of a turn.
 */
void sessions_flush(struct server *sv);
/* The last of them has gone. */
void sessions_fini(struct server *sv);
/* Deadlines and pings. */
void sessions_tick(struct server *sv, uint64_t now_ms);

#endif
