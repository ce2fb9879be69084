/* SPDX-License-Identifier: ISC */
/*
 * A connection to Redis.
 *
 *	RESOLVE -> CONNECT -> HANDSHAKE -> UP
 *	   ^          |           |         |
 *	   +------- BACKOFF <-----+---------+
 *
 * set_state() alone moves between them; what entering one means stands in its
 * table.  One deadline covers RESOLVE to HANDSHAKE, because a Redis that is
 * stopped still accepts connections and then says nothing.  When up, silence is
 * answered by PING and a PING without an answer by BACKOFF, as is a command
 * whose answer is overdue.
 *
 * Of hiredis only the form of a reply is used; its connections cannot time
 * out, take part in no limit and abort on replies that are legal.  On a
 * subscription what comes is told apart by name: what Redis pushes goes to
 * on_push, the rest answers a command.
 *
 * It reads and writes for itself: all commands of a turn are one write, and
 * what Redis has written meanwhile is one read.  The bytes of a command stay in
 * the queue until it is answered, for it may have to be sent again.
 *
 * Losing a connection answers all its commands with NULL.  That happens in one
 * place, from the loop: whoever wants it lost calls redis_link_drop(), which
 * only leaves word.
 *
 * It knows nothing of rooms or nicks, and repeats a command in one case alone:
 * Redis has said it does not know the script, so nothing was done.
 */
#include "server/redis_link.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <hiredis.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "server/redis_dial.h"
#include "server/redis_handshake.h"
#include "server/redis_reader.h"
#include "server/redis_resp.h"
#include "server/redis_script.h"
#include "server/redis_url.h"

enum {
	BACKOFF_FIRST_MS = 50,
	PINGS_TO_ROLE = 5,   /* each so many, is it still a master? */
	RELOADS_MAX = 3,     /* of one command, before its error is told */
	READ_MAX = 64 << 10, /* in one go, */
	READS_MAX = 4,       /* so often in a turn */
	SPARE_MAX = 1024,    /* commands' memory, kept for others */
	COMPLAIN_MS = 10000, /* at most one warning in so long */
};

enum state { RESOLVE, CONNECT, HANDSHAKE, UP, BACKOFF };

static const char *const state_names[] = {
    "RESOLVE", "CONNECT", "HANDSHAKE", "UP", "BACKOFF"};

/* A command that waits for its answer. */
struct pending {
	TAILQ_ENTRY(pending) entry;
	redis_reply_fn fn; /* may be NULL */
	void *arg;
	uint64_t at; /* where it begins in the stream of all bytes */
	uint64_t sent_ms;
	size_t len;
	char *bytes; /* owned; only while they are not in the queue */
	int script;  /* -1: none */
	unsigned reloads;
	bool written; /* once before */
};
TAILQ_HEAD(pendings, pending);

struct redis_link {
	struct redis_link_config c;
	enum state state;
	struct redis_dial *dial;
	int fd; /* of HANDSHAKE and UP; else -1, as the two events are NULL */
	struct event *readable, *writable;
	struct resp_reader reader;
	struct event *flush; /* something is queued */
	struct event *timer; /* deadline, end of the backoff, or tick */
	struct event *kick;  /* drop_why is set */
	char drop_why[ERR_LEN];

	struct pendings waiting; /* for answers, in order */
	struct pendings held;    /* refused: for scripts to be loaded again */
	struct pendings fresh;   /* and those that were asked for meanwhile */
	unsigned reloading;      /* answers to SCRIPT LOAD still to come */
	size_t nwaiting;         /* in all three */
	size_t bytes_waiting;
	struct pendings spare;
	size_t nspare;
	uint64_t queued, written; /* bytes, over all connections */
	struct buf queue;         /* the last of those queued */
	size_t sent;              /* bytes at its head that are written */
	struct resp_cmd head, args;

	struct handshake shake;

	uint64_t heard_ms, pinged_ms, ticked_ms, complained_ms;
	unsigned attempts; /* since it was up */
	unsigned pings;    /* in this state */
	bool complained_hopeless;
	unsigned silenced; /* warnings not written */
	bool ending;
};

static void set_state(struct redis_link *l, enum state state, const char *why);

static void
set_timer(struct redis_link *l, uint64_t ms)
{
	struct timeval tv = {
	    (time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};

	event_add(l->timer, &tv);
}

/* --- commands ------------------------------------------------------------- */

/* Those of one turn go out together. */
static void
queued(struct redis_link *l, size_t len)
{
	if (buf_len(&l->queue) - l->sent == len)
		event_active(l->flush, 0, 0);
	l->queued += len;
}

static void
unqueue(struct redis_link *l, size_t len)
{
	buf_drain(&l->queue, len);
	l->sent -= len;
}

static size_t
unsent(const struct redis_link *l)
{
	return buf_len(&l->queue) - l->sent;
}

static struct pending *
pending_new(struct redis_link *l, redis_reply_fn fn, void *arg, size_t len)
{
	struct pending *p = TAILQ_FIRST(&l->spare);

	if (p) {
		TAILQ_REMOVE(&l->spare, p, entry);
		l->nspare--;
	} else {
		p = xmalloc(sizeof *p);
	}
	*p = (struct pending){.fn = fn,
	    .arg = arg,
	    .len = len,
	    .at = l->queued,
	    .script = -1,
	    .sent_ms = clock_now_ms()};
	l->nwaiting++;
	l->bytes_waiting += len;
	return p;
}

static void
pending_free(struct redis_link *l, struct pending *p)
{
	l->nwaiting--;
	l->bytes_waiting -= p->len;
	free(p->bytes);
	if (l->nspare == SPARE_MAX) {
		free(p);
		return;
	}
	TAILQ_INSERT_HEAD(&l->spare, p, entry);
	l->nspare++;
}

/* Puts a command at the end of the queue; gives its bytes. */
static size_t
encode(
    struct redis_link *l, const struct resp_cmd *head, const struct resp_cmd *c)
{
	size_t before = buf_len(&l->queue);

	resp_write(&l->queue, head, c);
	return buf_len(&l->queue) - before;
}

/* Expects an answer to the last len bytes of the queue. */
static struct pending *
expect(struct redis_link *l, redis_reply_fn fn, void *arg, size_t len)
{
	struct pending *p = pending_new(l, fn, arg, len);

	TAILQ_INSERT_TAIL(&l->waiting, p, entry);
	queued(l, len);
	return p;
}

/* Was there room for the len bytes at the end of the queue?  Else they go. */
static int
admit(struct redis_link *l, size_t len)
{
	size_t bytes = l->c.channel ? unsent(l) : l->bytes_waiting + len;

	if (l->nwaiting < LINK_COMMANDS_MAX && bytes <= LINK_BYTES_MAX)
		return 0;
	buf_truncate(&l->queue, buf_len(&l->queue) - len);
	return -LINK_EBUSY;
}

int
redis_link_send(struct redis_link *l, const struct resp_cmd *c,
    redis_reply_fn fn, void *arg, uint64_t *token)
{
	int err;

	if (!redis_link_is_up(l))
		return -LINK_EDOWN;
	size_t len = encode(l, NULL, c);
	if ((err = admit(l, len)) < 0)
		return err;
	if (token)
		*token = l->queued;
	if (l->c.channel)
		queued(l, len);
	else
		(void)expect(l, fn, arg, len);
	return 0;
}

/* A command's bytes, while they do not stand in the queue. */
static char *
copy_bytes(const char *bytes, size_t len)
{
	char *copy = xmalloc(len);

	memcpy(copy, bytes, len);
	return copy;
}

/* Behind the scripts that are being loaded. */
static struct pending *
put_off(struct redis_link *l, redis_reply_fn fn, void *arg, size_t len)
{
	struct pending *p = pending_new(l, fn, arg, len);
	size_t at = buf_len(&l->queue) - len;

	p->at = UINT64_MAX;
	p->bytes = copy_bytes(buf_head(&l->queue) + at, len);
	buf_truncate(&l->queue, at);
	TAILQ_INSERT_TAIL(&l->fresh, p, entry);
	return p;
}

int
redis_link_eval(struct redis_link *l, unsigned script, unsigned nkeys,
    const struct resp_cmd *c, redis_reply_fn fn, void *arg, uint64_t *token)
{
	int err;

	if (!redis_link_is_up(l))
		return -LINK_EDOWN;
	assert(script < l->c.nscripts && !l->c.channel);
	resp_clear(&l->head);
	resp_str(&l->head, "EVALSHA");
	resp_str(&l->head, l->shake.sha[script]);
	resp_i64(&l->head, nkeys);
	size_t len = encode(l, &l->head, c);
	if ((err = admit(l, len)) < 0)
		return err;
	/* One that waits for scripts will begin here or later. */
	if (token)
		*token = l->queued;
	struct pending *p =
	    l->reloading ? put_off(l, fn, arg, len) : expect(l, fn, arg, len);
	p->script = (int)script;
	return 0;
}

bool
redis_link_is_written(const struct redis_link *l, uint64_t token)
{
	return token < l->written;
}

/* Nothing waits for an answer to these, or it is the handshake that does; and
 * its password is not to lie about. */
static void
forget_sent(struct redis_link *l)
{
	if (l->state == UP && !l->c.channel)
		return;
	if (l->state == HANDSHAKE)
		sodium_memzero(buf_head(&l->queue), l->sent);
	unqueue(l, l->sent);
}

static bool
is_passing(int err)
{
	return err == EAGAIN || err == EWOULDBLOCK || err == EINTR;
}

/* False if the connection is lost. */
static bool
write_queue(struct redis_link *l)
{
	while (unsent(l) > 0 && !l->drop_why[0]) {
		ssize_t n = send(l->fd, buf_head(&l->queue) + l->sent,
		    unsent(l), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && is_passing(errno)) {
			event_add(l->writable, NULL);
			return true;
		}
		if (n < 0) {
			redis_link_drop(l, strerror(errno));
			return false;
		}
		l->sent += (size_t)n;
		l->written += (uint64_t)n;
		forget_sent(l);
	}
	return true;
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)write_queue(arg);
}

static void
on_flush(evutil_socket_t fd, short what, void *arg)
{
	struct redis_link *l = arg;

	(void)fd;
	(void)what;
	if (l->fd >= 0 && !event_pending(l->writable, EV_WRITE, NULL))
		(void)write_queue(l);
}

/* Answers all with NULL. */
static void
fail_all(struct redis_link *l, struct pendings *list)
{
	struct pending *p;

	while ((p = TAILQ_FIRST(list)) != NULL) {
		bool written = p->written || p->at < l->written;

		TAILQ_REMOVE(list, p, entry);
		if (p->fn)
			p->fn(p->arg, NULL, written);
		pending_free(l, p);
	}
}

/* --- scripts that got lost ------------------------------------------------ */

static void
resend_held(struct redis_link *l)
{
	struct pending *p;

	TAILQ_CONCAT(&l->held, &l->fresh, entry);
	while ((p = TAILQ_FIRST(&l->held)) != NULL) {
		TAILQ_REMOVE(&l->held, p, entry);
		p->at = l->queued;
		TAILQ_INSERT_TAIL(&l->waiting, p, entry);
		buf_add(&l->queue, p->bytes, p->len);
		free(p->bytes);
		p->bytes = NULL;
		queued(l, p->len);
	}
}

static void
on_reloaded(void *arg, const struct redisReply *r, bool written)
{
	struct redis_link *l = arg;

	(void)written;
	if (!r)
		return;
	if (r->type != REDIS_REPLY_STRING) {
		redis_link_drop(l, "cannot load the scripts again");
		return;
	}
	if (--l->reloading == 0)
		resend_held(l);
}

static void
load_again(struct redis_link *l, unsigned script)
{
	char *lua = redis_script_text(
	    &l->c.scripts[script], l->c.client_name, l->c.name);

	resp_clear(&l->args);
	resp_str(&l->args, "SCRIPT");
	resp_str(&l->args, "LOAD");
	resp_str(&l->args, lua);
	free(lua);
	(void)expect(l, on_reloaded, l, encode(l, NULL, &l->args));
	l->reloading++;
}

/* Nothing was done by p, nor by any behind it in flight: they are gathered as
 * their refusals come in, and sent again once the scripts are back. */
static void
reload(struct redis_link *l, struct pending *p)
{
	p->written = true;
	p->reloads++;
	TAILQ_INSERT_TAIL(&l->held, p, entry);
	if (l->reloading)
		return;
	log_warn("redis", 0, "link=%s scripts are gone, loading them again",
	    l->c.name);
	for (unsigned i = 0; i < l->c.nscripts; i++)
		load_again(l, i);
}

static bool
is_noscript(const struct redisReply *r)
{
	return r->type == REDIS_REPLY_ERROR && r->len >= 8 &&
	       memcmp(r->str, "NOSCRIPT", 8) == 0;
}

/* --- the handshake -------------------------------------------------------- */

static void
enter_handshake(struct redis_link *l)
{
	struct handshake_wants wants = {
	    .url = l->c.url,
	    .client_name = l->c.client_name,
	    .link = l->c.name,
	    .channel = l->c.channel,
	    .layout_key = l->c.layout_key,
	    .layout = l->c.layout,
	    .scripts = l->c.scripts,
	    .nscripts = l->c.nscripts,
	};

	handshake_begin(&l->shake, &wants, &l->queue);
	queued(l, buf_len(&l->queue));
}

static void
shake(struct redis_link *l, const struct redisReply *r)
{
	const char *wrong = handshake_take(&l->shake, r);

	if (!wrong && !handshake_is_done(&l->shake))
		return;
	if (!wrong && unsent(l) > 0)
		wrong = "it answers what it was not asked";
	if (!wrong) {
		set_state(l, UP, NULL);
		return;
	}
	redis_link_drop(l, wrong);
	if (l->shake.outdated && l->c.on_outdated)
		l->c.on_outdated(l->c.arg);
}

/* --- replies -------------------------------------------------------------- */

static bool
reply_is(const struct redisReply *r, int type)
{
	return r->type == type;
}

static bool
is_push(const struct redisReply *r)
{
	static const char *const names[] = {"message", "subscribe",
	    "unsubscribe", "pong", "pmessage", "psubscribe", "punsubscribe",
	    "smessage", "ssubscribe", "sunsubscribe"};

	if (r->type != REDIS_REPLY_ARRAY || r->elements < 1 ||
	    !reply_is(r->element[0], REDIS_REPLY_STRING))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(r->element[0]->str, names[i]) == 0)
			return true;
	return false;
}

/* On a subscription that is how a SUBSCRIBE is refused. */
static void
answer_to_nothing(struct redis_link *l, const struct redisReply *r)
{
	char text[128] = "an answer to nothing";

	if (reply_is(r, REDIS_REPLY_ERROR))
		text_escape(text, sizeof text, (struct span){r->str, r->len});
	redis_link_drop(l, text);
}

static void
answer(struct redis_link *l, const struct redisReply *r)
{
	struct pending *p = TAILQ_FIRST(&l->waiting);

	if (!p || p->at + p->len > l->written) {
		answer_to_nothing(l, r);
		return;
	}
	TAILQ_REMOVE(&l->waiting, p, entry);
	bool again =
	    p->script >= 0 && is_noscript(r) && p->reloads < RELOADS_MAX;
	if (again)
		p->bytes = copy_bytes(buf_head(&l->queue), p->len);
	unqueue(l, p->len);
	if (again) {
		reload(l, p);
		return;
	}
	if (p->fn)
		p->fn(p->arg, r, true);
	pending_free(l, p);
}

static void
take_reply(struct redis_link *l, const struct redisReply *r)
{
	if (l->state == HANDSHAKE)
		shake(l, r);
	else if (l->c.channel && is_push(r))
		l->c.on_push(l->c.arg, r);
	else
		answer(l, r);
}

static void
take_replies(struct redis_link *l)
{
	const struct redisReply *r;

	while (!l->drop_why[0]) {
		const char *wrong = resp_reader_next(&l->reader, &r);

		if (wrong)
			redis_link_drop(l, wrong);
		if (!r)
			return;
		take_reply(l, r);
	}
}

/* False if there is nothing more to read now. */
static bool
read_some(struct redis_link *l)
{
	ssize_t n = recv(l->fd, resp_reader_reserve(&l->reader, READ_MAX),
	    READ_MAX, MSG_DONTWAIT);

	if (n < 0 && !is_passing(errno))
		redis_link_drop(l, strerror(errno));
	else if (n == 0)
		redis_link_drop(l, "it closed the connection");
	if (n <= 0)
		return false;
	l->heard_ms = clock_now_ms();
	resp_reader_added(&l->reader, (size_t)n);
	take_replies(l);
	return n == READ_MAX && !l->drop_why[0];
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct redis_link *l = arg;

	(void)fd;
	(void)what;
	if (l->c.on_read)
		l->c.on_read(l->c.arg);
	for (unsigned i = 0; i < READS_MAX && read_some(l); i++)
		;
}

void
redis_link_look(struct redis_link *l)
{
	if (redis_link_is_up(l))
		event_active(l->readable, EV_READ, 0);
}

/* --- states --------------------------------------------------------------- */

/* At most a warning in ten seconds: a Redis that is away is tried often.  But
 * what somebody has to mend does not wait behind what may pass. */
static void
complain(struct redis_link *l, const char *why)
{
	uint64_t now_ms = clock_now_ms();
	char place[REDIS_URL_HOST_MAX * 2 + 32];
	bool news = l->shake.hopeless && !l->complained_hopeless;

	if (!news && l->complained_ms &&
	    now_ms - l->complained_ms < COMPLAIN_MS) {
		l->silenced++;
		return;
	}
	log_write(l->shake.hopeless ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN, "redis",
	    0, "link=%s url=%s lost: %s (state=%s silenced=%u)", l->c.name,
	    redis_url_format(l->c.url, place, sizeof place), why,
	    state_names[l->state], l->silenced);
	l->complained_ms = now_ms;
	l->complained_hopeless = l->shake.hopeless;
	l->silenced = 0;
}

static void
enter_resolve(struct redis_link *l)
{
	l->shake.hopeless = false;
	set_timer(l, l->c.connect_timeout_ms);
	redis_dial_start(l->dial);
}

static void
enter_up(struct redis_link *l)
{
	l->attempts = 0;
	l->complained_ms = 0;
	l->complained_hopeless = false;
	l->heard_ms = l->ticked_ms = clock_now_ms();
	l->pinged_ms = 0;
	l->pings = 0;
	set_timer(l, l->c.probe_ms / 4 + 1);
	l->c.on_state(l->c.arg, true);
}

static void
hang_up(struct redis_link *l)
{
	redis_dial_stop(l->dial);
	if (l->readable)
		event_free(l->readable);
	if (l->writable)
		event_free(l->writable);
	l->readable = l->writable = NULL;
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	resp_reader_free(&l->reader);
	if (buf_len(&l->queue) > 0) /* a password may be among it */
		sodium_memzero(buf_head(&l->queue), buf_len(&l->queue));
	buf_clear(&l->queue);
	l->sent = 0;
	l->reloading = 0;
	l->drop_why[0] = '\0';
	event_del(l->kick);
}

/* Full jitter: nodes that lost Redis together do not come back together. */
static uint64_t
backoff_ms(struct redis_link *l)
{
	uint64_t max_ms = l->c.backoff_max_ms, ms = BACKOFF_FIRST_MS;

	for (unsigned i = 0; i < l->attempts && ms < max_ms; i++)
		ms *= 2;
	if (ms > max_ms || l->shake.hopeless)
		ms = max_ms;
	l->attempts++;
	return 1 + randombytes_uniform((uint32_t)ms);
}

static void
enter_backoff(struct redis_link *l)
{
	hang_up(l);
	set_timer(l, backoff_ms(l));
}

static void (*const enter[])(struct redis_link *) = {
    [RESOLVE] = enter_resolve,
    [HANDSHAKE] = enter_handshake,
    [UP] = enter_up,
    [BACKOFF] = enter_backoff,
};

static void
set_state(struct redis_link *l, enum state state, const char *why)
{
	enum state was = l->state;

	if (state == BACKOFF)
		complain(l, why);
	l->state = state;
	log_write(state == UP ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "redis", 0,
	    "link=%s %s -> %s", l->c.name, state_names[was],
	    state_names[state]);
	if (enter[state])
		enter[state](l);
	if (state != BACKOFF)
		return;
	if (was == UP)
		l->c.on_state(l->c.arg, false);
	fail_all(l, &l->waiting);
	fail_all(l, &l->held);
	fail_all(l, &l->fresh);
	l->written = l->queued;
}

void
redis_link_drop(struct redis_link *l, const char *why)
{
	if (l->state == BACKOFF || l->drop_why[0] || l->ending)
		return;
	snprintf(l->drop_why, sizeof l->drop_why, "%s", why);
	event_active(l->kick, 0, 0);
}

static void
on_kick(evutil_socket_t fd, short what, void *arg)
{
	struct redis_link *l = arg;
	char why[ERR_LEN];

	(void)fd;
	(void)what;
	memcpy(why, l->drop_why, sizeof why);
	set_state(l, BACKOFF, why);
}

static struct event *
link_event(struct redis_link *l, int fd, short what,
    void (*fn)(evutil_socket_t, short, void *))
{
	struct event *ev = event_new(l->c.base, fd, what, fn, l);

	if (!ev)
		abort(); /* as all memory */
	return ev;
}

static void
take_socket(struct redis_link *l, int fd)
{
	l->fd = fd;
	l->written = l->queued;
	l->readable = link_event(l, fd, EV_READ | EV_PERSIST, on_readable);
	l->writable = link_event(l, fd, EV_WRITE, on_writable);
	event_add(l->readable, NULL);
	set_state(l, HANDSHAKE, NULL);
}

static void
on_dial(void *arg, enum redis_dial_news news, int fd, const char *why)
{
	struct redis_link *l = arg;

	if (news == DIAL_RESOLVED)
		set_state(l, CONNECT, NULL);
	else if (news == DIAL_CONNECTED)
		take_socket(l, fd);
	else
		set_state(l, BACKOFF, why);
}

/* --- time ----------------------------------------------------------------- */

static void
on_role(void *arg, const struct redisReply *r, bool written)
{
	struct redis_link *l = arg;
	const char *wrong;

	(void)written;
	/* That it is busy, or loads its data, says nothing about its role. */
	if (!r || r->type == REDIS_REPLY_ERROR)
		return;
	wrong = handshake_judge_role(&l->shake, r);
	if (wrong)
		redis_link_drop(l, wrong);
}

/* One that was demoted answers as before, to whoever only reads.  On a
 * subscription Redis takes no ROLE: who has the other links has to judge. */
static void
ask_role(struct redis_link *l)
{
	if (l->c.channel || l->pings++ % PINGS_TO_ROLE != PINGS_TO_ROLE - 1)
		return;
	resp_clear(&l->args);
	resp_str(&l->args, "ROLE");
	if (redis_link_send(l, &l->args, on_role, l, NULL) < 0)
		log_debug("redis", 0, "link=%s no room for ROLE", l->c.name);
}

static void
ping(struct redis_link *l, uint64_t now_ms)
{
	l->pinged_ms = now_ms;
	ask_role(l);
	resp_clear(&l->args);
	resp_str(&l->args, "PING");
	/* On a subscription the pong is a push. */
	if (redis_link_send(l, &l->args, NULL, NULL, NULL) < 0)
		log_debug("redis", 0, "link=%s no room for a PING", l->c.name);
}

/* The age of the oldest command without an answer. */
static uint64_t
oldest_ms(const struct redis_link *l, uint64_t now_ms)
{
	const struct pending *p = TAILQ_FIRST(&l->waiting);

	return p && now_ms > p->sent_ms ? now_ms - p->sent_ms : 0;
}

static void
watch(struct redis_link *l)
{
	uint64_t now_ms = clock_now_ms();
	uint64_t slept_ms = now_ms - l->ticked_ms;
	uint64_t quiet_ms = now_ms - l->heard_ms;

	l->ticked_ms = now_ms;
	set_timer(l, l->c.probe_ms / 4 + 1);
	if (slept_ms > l->c.probe_ms) {
		/* It was us who slept: what came meanwhile is still unread. */
		l->heard_ms = now_ms;
		ping(l, now_ms);
	} else if (quiet_ms >= l->c.dead_ms) {
		redis_link_drop(l, "it does not answer any more");
	} else if (oldest_ms(l, now_ms) >= l->c.dead_ms) {
		redis_link_drop(l, "an answer is overdue");
	} else if (quiet_ms >= l->c.probe_ms &&
		   now_ms - l->pinged_ms >= l->c.probe_ms) {
		ping(l, now_ms);
	}
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct redis_link *l = arg;

	(void)fd;
	(void)what;
	if (l->state == BACKOFF)
		set_state(l, RESOLVE, NULL);
	else if (l->state == UP)
		watch(l);
	else
		redis_link_drop(l, "it takes too long to answer");
}

/* --- public --------------------------------------------------------------- */

struct redis_link *
redis_link_new(const struct redis_link_config *c)
{
	struct redis_link *l = xcalloc(1, sizeof *l);

	assert(c->nscripts <= SCRIPT_COUNT);
	/* A write to a socket that Redis has closed must come back as EPIPE. */
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		abort();
	l->c = *c;
	l->state = BACKOFF;
	l->fd = -1;
	TAILQ_INIT(&l->spare);
	TAILQ_INIT(&l->waiting);
	TAILQ_INIT(&l->held);
	TAILQ_INIT(&l->fresh);
	l->timer = link_event(l, -1, 0, on_timer);
	l->kick = link_event(l, -1, 0, on_kick);
	l->flush = link_event(l, -1, 0, on_flush);
	l->dial = redis_dial_new(c->base, c->url, on_dial, l);
	set_timer(l, 0);
	return l;
}

static void
spare_free(struct redis_link *l)
{
	struct pending *p;

	while ((p = TAILQ_FIRST(&l->spare)) != NULL) {
		TAILQ_REMOVE(&l->spare, p, entry);
		free(p);
	}
}

void
redis_link_free(struct redis_link *l)
{
	if (!l)
		return;
	l->state = BACKOFF;
	hang_up(l);
	fail_all(l, &l->waiting);
	fail_all(l, &l->held);
	fail_all(l, &l->fresh);
	redis_dial_free(l->dial);
	event_free(l->timer);
	event_free(l->kick);
	event_free(l->flush);
	resp_free(&l->head);
	resp_free(&l->args);
	buf_free(&l->queue);
	spare_free(l);
	free(l);
}

bool
redis_link_is_up(const struct redis_link *l)
{
	return l && l->state == UP && !l->drop_why[0];
}

const char *
redis_link_run_id(const struct redis_link *l)
{
	return l->shake.run_id;
}

/* Waits for the socket; false at the end of the time. */
static bool
wait_for(int fd, short events, uint64_t until_ms)
{
	uint64_t now_ms = clock_now_ms();
	struct pollfd p = {.fd = fd, .events = events};

	return now_ms < until_ms && poll(&p, 1, (int)(until_ms - now_ms)) > 0;
}

void
redis_link_finish(struct redis_link *l, unsigned wait_ms)
{
	uint64_t until_ms = clock_now_ms() + wait_ms;
	char waste[4096];

	if (!redis_link_is_up(l))
		return;
	l->ending = true;
	while (write_queue(l) && unsent(l) > 0 &&
	       wait_for(l->fd, POLLOUT, until_ms))
		;
	event_del(l->readable);
	event_del(l->writable);
	shutdown(l->fd, SHUT_WR);
	while (wait_for(l->fd, POLLIN, until_ms) &&
	       recv(l->fd, waste, sizeof waste, 0) > 0)
		;
}
