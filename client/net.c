/* SPDX-License-Identifier: ISC */
/*
 * The connection: bytes to lines, commands to answers, and coming back.
 *
 * The server answers every command exactly once and in order (protocol section
 * 2), so what was asked waits in a queue; each command carries a tag, and an
 * answer that does not fit the head of the queue is no answer of ours.
 * When the connection goes down every question left is answered "lost": who
 * asked decides what that means.
 *
 * A secure session is secure.c's: here its bytes pass, and the server's key is
 * shown to whoever asked for the connection before a line goes either way.
 * Commands of one turn of the loop leave together at its end, sealed at once.
 * What was asked for is kept to: where no secure session can be had there is
 * none at all.
 *
 * Coming back: half a second, doubled each time up to 30 s, of which half is
 * chance, so that a thousand clients do not return in one moment.  A BYE that
 * says when, or that says nothing, overrules this.
 */
#include "client/net.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/dns.h>
#include <event2/event.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/dial.h"
#include "client/secure.h"
#include "proto/frame.h"

enum {
	BACKOFF_FIRST_MS = 500,
	BACKOFF_MAX_MS = 30000,
	/* a session that lived this long was a good one */
	BACKOFF_FORGET_MS = 10000,
	HURRY_MS = 1000,
	GREETING_MS = 15000,
	PING_DEFAULT_MS = 60000,
	PING_MIN_MS = 1000,
	PING_ANSWER_MS = 15000, /* a PING without answer: the line is dead */
	CODE_PING = -1,
	/* Of a command with a password in it; longer lines have none. */
	SECRET_ROOM = 2048,
};

struct ask {
	struct ask *next;
	uint64_t tag;
	uint64_t at_ms;
	struct net_about about;
};

struct net {
	struct event_base *base;
	struct evdns_base *dns;
	const struct net_ops *ops;
	void *arg;
	struct addr server;
	enum net_way way;
	enum net_state state;
	struct dial *dial;
	struct bufferevent *bev;
	struct secure *secure; /* NULL: plain, or no connection */
	bool met;              /* its key was judged, and is good */
	struct frame frame;
	struct buf raw, in; /* secure: as it came, and opened */
	struct buf out;
	struct ask *head, **tail;
	uint64_t next_tag;

	struct event *timer; /* coming back, or watching the silence */
	struct event *flush; /* at the end of the turn */
	uint64_t ping_ms;
	uint64_t dialed_ms, up_ms, heard_ms, back_ms;
	uint64_t rtt_ms;
	unsigned attempts;
	bool said_bye;
	int64_t bye_retry_ms;
	char cause[ERR_LEN];
};

static void come_down(struct net *n);

static void
set_state(struct net *n, enum net_state state)
{
	if (n->state == state)
		return;
	n->state = state;
	n->ops->state(n->arg, state);
}

static void
set_cause(struct net *n, const char *why)
{
	snprintf(n->cause, sizeof(n->cause), "%s", why);
}

static void
set_timer(struct net *n, uint64_t ms)
{
	struct timeval tv = {.tv_sec = (time_t)(ms / 1000),
	    .tv_usec = (suseconds_t)(ms % 1000) * 1000};
	event_add(n->timer, &tv);
}

/* --- questions ----------------------------------------------------------- */

static void
forget_asks(struct net *n)
{
	struct net_answer lost = {.lost = true, .retry_ms = -1};
	struct ask *a = n->head;
	n->head = NULL;
	n->tail = &n->head;
	while (a) {
		struct ask *next = a->next;
		if (a->about.what != CODE_PING)
			n->ops->answer(n->arg, &a->about, &lost);
		free(a);
		a = next;
	}
}

void
net_ask(struct net *n, const struct net_about *about, struct line_writer *w)
{
	char tag[24];
	struct ask *a = xcalloc(1, sizeof(*a));
	a->about = *about;
	a->tag = n->next_tag++;
	a->at_ms = clock_now_ms();
	*n->tail = a;
	n->tail = &a->next;
	(void)!buf_reserve_secret(&n->out, SECRET_ROOM);
	line_begin(w, &n->out);
	int len =
	    snprintf(tag, sizeof(tag), "%llu", (unsigned long long)a->tag);
	line_put_tag(w, (struct span){tag, (size_t)len});
}

static void
write_out(struct net *n, const struct buf *b)
{
	if (buf_len(b) > 0)
		bufferevent_write(n->bev, buf_head(b), buf_len(b));
}

static void
wipe_written(const void *data, size_t len, void *arg)
{
	(void)len;
	struct buf b = {.data = (char *)data, .cap = (size_t)(uintptr_t)arg};
	buf_wipe(&b);
}

/* Hands its memory over: a copy would stay in libevent's. */
static void
write_plain(struct net *n)
{
	struct evbuffer *to = bufferevent_get_output(n->bev);
	struct buf *b = &n->out;
	assert(b->off == 0);
	if (evbuffer_add_reference(to, buf_head(b), buf_len(b), wipe_written,
		(void *)(uintptr_t)b->cap) == 0)
		*b = (struct buf){0};
}

static void
write_sealed(struct net *n)
{
	struct buf wire = {0};
	secure_seal(n->secure, &n->out, &wire);
	write_out(n, &wire);
	buf_free(&wire);
}

/* It may hold a password, so nothing is left of it. */
static void
flush(struct net *n)
{
	if (n->bev && n->secure && buf_len(&n->out) > 0)
		write_sealed(n);
	else if (n->bev && buf_len(&n->out) > 0)
		write_plain(n);
	buf_wipe(&n->out);
}

static void
on_flush(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	flush(arg);
}

/* Nothing is said before the key was judged: whoever tries has a bug. */
void
net_send(struct net *n, struct line_writer *w)
{
	assert(n->way != NET_SECURE || !n->bev || n->met);
	line_end(w);
	event_active(n->flush, EV_TIMEOUT, 0);
}

static void
send_ping(struct net *n)
{
	struct line_writer w;
	struct net_about about = {.what = CODE_PING};
	net_ask(n, &about, &w);
	line_put(&w, SPAN("PING"));
	net_send(n, &w);
}

static bool
is_for_head(const struct net *n, const struct line *l)
{
	uint64_t tag;
	return n->head && l->tag.p && text_u64(l->tag, UINT64_MAX, &tag) &&
	       tag == n->head->tag;
}

static int64_t
retry_of(const struct line *l)
{
	const struct line_attr *a = line_attr(l, "retry");
	uint64_t ms;
	/* an hour: whoever says more has lost count */
	return a && text_u64(a->value, 3600000, &ms) ? (int64_t)ms : -1;
}

static void
take_answer(struct net *n, const struct line *l)
{
	struct ask *a = n->head;
	struct net_answer answer = {.retry_ms = retry_of(l), .text = l->rest};
	answer.ok = strcmp(l->verb, "OK") == 0;
	if (!answer.ok)
		answer.code = text_word(&answer.text);
	n->head = a->next;
	if (!n->head)
		n->tail = &n->head;
	n->rtt_ms = clock_now_ms() - a->at_ms;
	if (answer.ok && n->secure && a->about.what != CODE_PING)
		secure_accepted(n->secure);
	if (a->about.what != CODE_PING)
		n->ops->answer(n->arg, &a->about, &answer);
	free(a);
}

/* --- lines in ------------------------------------------------------------ */

static void
answer_ping(struct net *n, const struct line *l)
{
	struct line_writer w;
	line_begin(&w, &n->out);
	line_put(&w, SPAN("PONG"));
	line_put(&w, l->rest);
	net_send(n, &w);
}

static void
take_line(struct net *n, struct span payload)
{
	struct line l;
	if (line_parse(&l, payload) < 0)
		return; /* no server of ours writes such; nothing to show */
	bool answers = strcmp(l.verb, "OK") == 0 || strcmp(l.verb, "ERR") == 0;
	if (strcmp(l.verb, "PING") == 0)
		answer_ping(n, &l);
	else if (answers && is_for_head(n, &l))
		take_answer(n, &l);
	else
		n->ops->line(n->arg, &l, n->head ? &n->head->about : NULL);
}

/* What a line leads to may end the connection, and with it the bytes. */
static void
take_lines(struct net *n, struct span rest)
{
	const struct bufferevent *bev = n->bev;
	struct span line;
	while (n->bev == bev) {
		enum frame_result r = frame_next(&n->frame, &rest, &line);
		if (r == FRAME_MORE)
			break;
		if (r != FRAME_LINE) {
			set_cause(n, "what answered does not speak snug/1");
			come_down(n);
			return;
		}
		take_line(n, line);
	}
}

static void
take_plain(struct net *n, struct evbuffer *in)
{
	struct bufferevent *bev = n->bev;
	size_t len = evbuffer_get_length(in);
	const char *p = (const char *)evbuffer_pullup(in, -1);
	take_lines(n, (struct span){p, len});
	if (n->bev == bev)
		evbuffer_drain(in, len);
}

/* As a BYE without retry: not again by itself. */
static void
come_down_for_good(struct net *n, const char *why)
{
	set_cause(n, why);
	n->said_bye = true;
	n->bye_retry_ms = -1;
	come_down(n);
}

/* The server has proved its key: is it the right one?  False: it is over. */
static bool
meet(struct net *n)
{
	char why[ERR_LEN] = "";
	if (n->met || !secure_is_ready(n->secure))
		return true;
	n->met = n->ops->meet(n->arg, secure_key(n->secure), why);
	if (!n->met)
		come_down_for_good(n, why);
	return n->met;
}

/* What came whole before an offence still counts, but for a stranger's. */
static void
take_secure(struct net *n, struct evbuffer *in)
{
	const struct bufferevent *bev = n->bev;
	size_t len = evbuffer_get_length(in);
	struct buf wire = {0};
	char why[ERR_LEN];
	buf_add(&n->raw, evbuffer_pullup(in, -1), len);
	evbuffer_drain(in, len);
	int err = secure_feed(n->secure, &n->raw, &n->in, &wire, why);
	if (err == 0)
		write_out(n, &wire);
	buf_free(&wire);
	if ((err == 0 && !meet(n)) || (err < 0 && !n->met))
		buf_clear(&n->in);
	if (n->bev == bev)
		take_lines(n, (struct span){buf_head(&n->in), buf_len(&n->in)});
	buf_clear(&n->in);
	if (err == 0 || n->bev != bev)
		return;
	if (err == -SECURE_ESTOP) {
		come_down_for_good(n, why);
	} else {
		set_cause(n, why);
		come_down(n);
	}
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct net *n = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	n->heard_ms = clock_now_ms();
	if (n->secure)
		take_secure(n, in);
	else
		take_plain(n, in);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct net *n = arg;
	(void)bev;
	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
		return;
	if (!n->said_bye)
		set_cause(n,
		    what & BEV_EVENT_ERROR
			? evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR())
			: "the connection was cut");
	come_down(n);
}

/* --- up and down --------------------------------------------------------- */

static void
close_all(struct net *n)
{
	dial_cancel(n->dial);
	n->dial = NULL;
	event_del(n->flush);
	if (n->bev) {
		bufferevent_free(n->bev);
		n->bev = NULL;
		frame_fini(&n->frame);
	}
	secure_free(n->secure);
	n->secure = NULL;
	n->met = false;
	buf_clear(&n->raw);
	buf_wipe(&n->out);
	event_del(n->timer);
}

static uint64_t
backoff(struct net *n)
{
	uint64_t ms = BACKOFF_FIRST_MS;
	uint16_t chance;
	for (unsigned i = 0; i < n->attempts && ms < BACKOFF_MAX_MS; i++)
		ms *= 2;
	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	n->attempts++;
	evutil_secure_rng_get_bytes(&chance, sizeof(chance));
	return ms / 2 + ms / 2 * chance / UINT16_MAX;
}

/* The connection is gone, or was never made. */
static void
come_down(struct net *n)
{
	uint64_t now = clock_now_ms();
	if (n->state == NET_UP && now - n->up_ms > BACKOFF_FORGET_MS)
		n->attempts = 0;
	bool stay = n->said_bye && n->bye_retry_ms < 0;
	close_all(n);
	if (!stay) {
		uint64_t wait = backoff(n);
		if (n->said_bye && (uint64_t)n->bye_retry_ms > wait)
			wait = (uint64_t)n->bye_retry_ms + wait;
		n->back_ms = now + wait;
		set_timer(n, wait);
	}
	n->said_bye = false;
	set_state(n, stay ? NET_OFF : NET_WAITING);
	forget_asks(n);
}

/* Names lie: one that should be this machine's may lead elsewhere. */
static bool
leads_here(evutil_socket_t fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	if (getpeername(fd, (struct sockaddr *)&ss, &len) < 0)
		return false;
	if (ss.ss_family == AF_INET) {
		struct sockaddr_in v4;
		memcpy(&v4, &ss, sizeof(v4));
		return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
	}
	if (ss.ss_family == AF_INET6) {
		struct sockaddr_in6 v6;
		memcpy(&v6, &ss, sizeof(v6));
		return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
	}
	return ss.ss_family == AF_UNIX;
}

static void
on_dialed(void *arg, evutil_socket_t fd, const char *cause)
{
	struct net *n = arg;
	n->dial = NULL;
	if (fd < 0) {
		set_cause(n, cause);
		come_down(n);
		return;
	}
	if (n->way == NET_LOCAL && !leads_here(fd)) {
		evutil_closesocket(fd);
		come_down_for_good(n,
		    "this name leads to another machine, where sessions are "
		    "secure: --secure");
		return;
	}
	if (n->way == NET_SECURE)
		n->secure = secure_new();
	n->bev = bufferevent_socket_new(n->base, fd, BEV_OPT_CLOSE_ON_FREE);
	frame_init(&n->frame, FRAME_LINE_MAX, false);
	bufferevent_setcb(n->bev, on_read, NULL, on_event, n);
	bufferevent_enable(n->bev, EV_READ | EV_WRITE);
	set_timer(n, GREETING_MS);
	set_state(n, NET_OPEN);
}

static void
dial(struct net *n)
{
	n->dialed_ms = clock_now_ms();
	event_del(n->timer);
	n->dial = dial_start(n->base, n->dns, &n->server, on_dialed, n);
	set_state(n, NET_DIALING);
}

/* Silence is normal for ping_ms; then we ask, and wait once more. */
static void
watch_silence(struct net *n)
{
	uint64_t now = clock_now_ms();
	uint64_t silent = now - n->heard_ms;
	if (silent >= n->ping_ms + PING_ANSWER_MS) {
		set_cause(n, "the server went silent");
		come_down(n);
		return;
	}
	if (silent >= n->ping_ms) {
		if (!n->head)
			send_ping(n);
		set_timer(n, PING_ANSWER_MS);
		return;
	}
	set_timer(n, n->ping_ms - silent);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct net *n = arg;
	(void)fd;
	(void)what;
	switch (n->state) {
	case NET_WAITING:
		dial(n);
		break;
	case NET_OPEN:
		set_cause(n,
		    n->secure ? "connected, but no secure session was made in "
				"time"
			      : "connected, but no snugd answered");
		come_down(n);
		break;
	case NET_UP:
		watch_silence(n);
		break;
	case NET_OFF:
	case NET_DIALING:
		break;
	}
}

void
net_greeted(struct net *n, uint64_t ping_ms)
{
	n->ping_ms = ping_ms ? ping_ms : PING_DEFAULT_MS;
	if (n->ping_ms < PING_MIN_MS)
		n->ping_ms = PING_MIN_MS;
	n->cause[0] = '\0';
	if (n->state != NET_OPEN)
		return;
	n->up_ms = clock_now_ms();
	n->heard_ms = n->up_ms;
	set_timer(n, n->ping_ms);
	set_state(n, NET_UP);
}

void
net_bye(struct net *n, int64_t retry_ms, const char *why)
{
	n->said_bye = true;
	n->bye_retry_ms = retry_ms;
	set_cause(n, why);
}

void
net_connect(struct net *n)
{
	uint64_t now = clock_now_ms();
	if (n->state != NET_OFF && n->state != NET_WAITING)
		return;
	if (n->dialed_ms == 0 || now - n->dialed_ms >= HURRY_MS) {
		dial(n);
	} else if (n->state == NET_OFF) {
		n->back_ms = now + HURRY_MS;
		set_timer(n, HURRY_MS);
		set_state(n, NET_WAITING);
	}
}

void
net_disconnect(struct net *n, const char *why)
{
	close_all(n);
	set_cause(n, why);
	n->said_bye = false;
	set_state(n, NET_OFF);
	forget_asks(n);
}

/* --- life ---------------------------------------------------------------- */

/* A host without resolv.conf still has /etc/hosts and addresses. */
static struct evdns_base *
new_dns(struct event_base *base)
{
	struct evdns_base *dns =
	    evdns_base_new(base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
				     EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (dns)
		return dns;
	dns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (dns)
		evdns_base_load_hosts(dns, "/etc/hosts");
	return dns;
}

struct net *
net_new(struct event_base *base, const struct addr *server, enum net_way way,
    const struct net_ops *ops, void *arg)
{
	struct net *n = xcalloc(1, sizeof(*n));
	n->base = base;
	n->dns = new_dns(base);
	n->ops = ops;
	n->arg = arg;
	n->server = *server;
	n->way = way;
	n->tail = &n->head;
	n->next_tag = 1;
	n->timer = evtimer_new(base, on_timer, n);
	n->flush = event_new(base, -1, 0, on_flush, n);
	return n;
}

void
net_free(struct net *n)
{
	if (!n)
		return;
	close_all(n);
	while (n->head) {
		struct ask *next = n->head->next;
		free(n->head);
		n->head = next;
	}
	if (n->dns)
		evdns_base_free(n->dns, 0);
	event_free(n->timer);
	event_free(n->flush);
	buf_free(&n->raw);
	buf_free(&n->in);
	buf_free(&n->out);
	free(n);
}

enum net_state
net_get_state(const struct net *n)
{
	return n->state;
}

enum net_way
net_get_way(const struct net *n)
{
	return n->way;
}

const uint8_t *
net_server_key(const struct net *n)
{
	return n->met ? secure_key(n->secure) : NULL;
}

const uint8_t *
net_hash(const struct net *n)
{
	return n->met ? secure_hash(n->secure) : NULL;
}

const char *
net_cause(const struct net *n)
{
	return n->cause;
}

uint64_t
net_wait_left(const struct net *n, uint64_t now_ms)
{
	return n->state == NET_WAITING && n->back_ms > now_ms
		   ? n->back_ms - now_ms
		   : 0;
}

uint64_t
net_lag(const struct net *n, uint64_t now_ms)
{
	return n->head && now_ms > n->head->at_ms ? now_ms - n->head->at_ms : 0;
}

uint64_t
net_rtt(const struct net *n)
{
	return n->rtt_ms;
}
