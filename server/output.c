/* SPDX-License-Identifier: ISC */
/*
 * The way out of a session.
 *
 * Two kinds of bytes leave: lines of its own (answers, notices), written into
 * its queue and sent at the end of the turn; and batches of rooms, which go
 * straight to the socket while nothing else waits.  Only a full socket costs a
 * copy and an EV_WRITE.  The queue is counted here, in bytes: who lets more
 * than send-buffer pile up is ended, and nobody else notices.
 *
 * A secure session's lines are sealed when the socket is about to take them:
 * what waits, waits as lines, but for the one message whose end the socket did
 * not take.  Sealing goes through one buffer of the server's.
 *
 * session_deliver() is called while a room's listeners are walked, so it only
 * ever marks a session; what follows from the mark happens in
 * sessions_flush().
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "proto/channel.h"
#include "server/config.h"
#include "server/history.h"
#include "server/secure.h"
#include "server/server.h"
#include "server/session.h"
#include "server/sockets.h"

enum {
	LOW_WATER = 16384, /* below it a paced answer goes on */
	QUEUE_KEEP = 2048, /* sessions */
};

static void
enqueue(struct session_queue *q, struct session *s)
{
	if (q->n == 0)
		s->server->wake(s->server->wake_arg);
	if (q->n == q->cap) {
		q->cap = q->cap > 0 ? q->cap * 2 : 64;
		q->at = xreallocarray(q->at, q->cap, sizeof q->at[0]);
	}
	q->at[q->n++] = s;
}

static void
mark_dirty(struct session *s)
{
	if (s->dirty || s->state == SESSION_GONE)
		return;
	s->dirty = true;
	enqueue(&s->server->dirty, s);
}

/* To be freed at the end of the turn; a list it is on lets go of it first. */
void
session_bury(struct session *s)
{
	if (!s->dirty)
		enqueue(&s->server->gone, s);
}

/* Owns memory while something waits in it: session_write() takes it back. */
static struct buf *
queue_of(struct session *s)
{
	spares_lend(&s->server->spares, &s->out);
	return &s->out;
}

struct buf *
session_out(struct session *s)
{
	mark_dirty(s);
	return queue_of(s);
}

size_t
session_queued(const struct session *s)
{
	return buf_len(&s->out) + (s->secure ? buf_len(&s->secure->wire) : 0);
}

bool
session_has_room(const struct session *s)
{
	return session_queued(s) < LOW_WATER;
}

/* It is full: what waits goes out when it takes more. */
static bool
is_writing(const struct session *s)
{
	return s->watched & SOCKET_WRITE;
}

/* Sends what the socket takes of it; marks the session if that fails. */
static size_t
send_some(struct session *s, const char *p, size_t len)
{
	ssize_t n = send(s->fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n >= 0)
		return (size_t)n;
	if (errno != EAGAIN && errno != EINTR) {
		s->broken = true;
		mark_dirty(s);
	}
	return 0;
}

/* Whole or not at all; the first thing to wait always fits. */
static bool
fits(const struct session *s, size_t len)
{
	size_t max = (size_t)s->server->config->send_buffer;
	size_t queued = session_queued(s);

	return queued == 0 || queued + len <= max;
}

static void
send_buf(struct session *s, struct buf *b)
{
	size_t n = 1;

	while (buf_len(b) > 0 && n > 0 && !s->broken) {
		n = send_some(s, buf_head(b), buf_len(b));
		buf_drain(b, n);
	}
}

/* Seals one message's worth, sends what the socket takes of it, keeps the rest.
 * Gives how much of p is done with; the next message only goes where nothing
 * was kept. */
static size_t
send_sealed(struct session *s, const char *p, size_t len)
{
	struct buf *sealed = &s->server->work.sealed;
	struct buf *wire = &s->secure->wire;

	if (len > CHANNEL_PLAIN_MAX)
		len = CHANNEL_PLAIN_MAX;
	if (channel_seal(s->channel, p, len, sealed) != 0)
		abort(); /* it is ready, and 2^64 messages are never sent */
	send_buf(s, sealed);
	buf_add(wire, buf_head(sealed), buf_len(sealed));
	buf_clear(sealed);
	return len;
}

static bool
has_wire(const struct session *s)
{
	return s->secure && buf_len(&s->secure->wire) > 0;
}

static void
send_queue(struct session *s)
{
	if (has_wire(s)) {
		send_buf(s, &s->secure->wire);
		if (has_wire(s))
			return;
		buf_free(&s->secure->wire);
	}
	if (!s->channel)
		send_buf(s, &s->out);
	while (s->channel && buf_len(&s->out) > 0 && !has_wire(s) && !s->broken)
		buf_drain(&s->out,
		    send_sealed(s, buf_head(&s->out), buf_len(&s->out)));
}

void
session_queue(struct session *s, const char *p, size_t len)
{
	if (s->state >= SESSION_ENDING || s->broken || s->slow)
		return;
	/* What only waits for the end of the turn is not held against it. */
	if (!fits(s, len) && !is_writing(s))
		send_queue(s);
	if (fits(s, len))
		buf_add(queue_of(s), p, len);
	else
		s->slow = true;
	/* A full socket is waited for; a slow session is ended now. */
	if (!is_writing(s) || s->slow)
		mark_dirty(s);
}

void
session_deliver(struct session *s, const char *p, size_t len)
{
	size_t sent;

	if (s->state >= SESSION_ENDING || s->broken || s->slow)
		return;
	if (session_queued(s) > 0) {
		session_queue(s, p, len);
		return;
	}
	if (s->channel)
		sent = send_sealed(s, p, len);
	else
		sent = send_some(s, p, len);
	/* The rest of this batch has to follow, or a line would be cut. */
	if (!s->broken && sent < len)
		buf_add(queue_of(s), p + sent, len - sent);
	if (session_queued(s) > 0)
		mark_dirty(s);
}

/* The queue is empty: paced answers go on, an ended session hangs up. */
static void
on_drained(struct session *s)
{
	struct membership *m, *next;

	if (s->state == SESSION_ENDING) {
		shutdown(s->fd, SHUT_WR);
		if (s->eof)
			session_lost(s, "ended");
		return;
	}
	if (s->full)
		session_drained(s);
	if (s->reading)
		history_continue(s->reading);
	for (m = SLIST_FIRST(&s->memberships); m; m = next) {
		next = SLIST_NEXT(m, next);
		if (m->reading)
			history_continue(m->reading);
	}
}

void
session_write(struct session *s)
{
	if (s->state == SESSION_GONE)
		return;
	send_queue(s);
	if (s->broken) {
		session_lost(s, "write failed");
		return;
	}
	if (buf_len(&s->out) == 0)
		spares_take(&s->server->spares, &s->out);
	if (session_queued(s) > 0 && session_is_stranger(s)) {
		s->slow = true;
		mark_dirty(s);
	}
	session_watch(s, session_queued(s) > 0 ? s->watched | SOCKET_WRITE
					       : s->watched & ~SOCKET_WRITE);
	if (session_queued(s) == 0)
		on_drained(s);
}

/* What it has not read yet is dropped: it comes back with @since.  Nothing is
 * kept for a stranger, who has asked for no more than its socket takes. */
static void
end_slow(struct session *s)
{
	log_info("session", s->id, "slow reader queued=%zu", session_queued(s));
	if (session_is_stranger(s)) {
		gate_blame(s->server->gate, s, PENALTY_FLOOD, clock_now_ms());
		session_evict(s, BYE_SLOW_READER, 1000,
		    "you asked for more than you read");
		return;
	}
	session_end(s, BYE_SLOW_READER, 1000,
	    "more than %lld bytes waited for you; come back with @since",
	    (long long)s->server->config->send_buffer);
}

/* After a turn in which thousands had something to be told, its memory goes. */
static void
clear(struct session_queue *q)
{
	q->n = 0;
	if (q->cap <= QUEUE_KEEP)
		return;
	free(q->at);
	*q = (struct session_queue){0};
}

/* What is done for one may add others. */
void
sessions_flush(struct server *sv)
{
	for (size_t i = 0; i < sv->dirty.n; i++) {
		struct session *s = sv->dirty.at[i];

		s->dirty = false;
		if (s->state == SESSION_GONE)
			session_bury(s);
		if (s->slow && s->state < SESSION_ENDING)
			end_slow(s);
		if (!is_writing(s) || s->broken)
			session_write(s);
	}
	clear(&sv->dirty);
	for (size_t i = 0; i < sv->gone.n; i++)
		session_free(sv->gone.at[i]);
	clear(&sv->gone);
}

void
sessions_fini(struct server *sv)
{
	free(sv->dirty.at);
	free(sv->gone.at);
	sv->dirty = sv->gone = (struct session_queue){0};
}
