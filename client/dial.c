/* SPDX-License-Identifier: ISC */
/*
 * Dialling: from an address as people write it to a connected socket.
 *
 * A name often has an IPv6 and an IPv4 address of which one leads nowhere, so
 * the next address is tried DIAL_STAGGER_MS after the one before, without
 * giving that up.  Everything ends after DIAL_DEADLINE_MS.
 *
 * It makes one attempt; coming back after a while is net.c's business.
 */
#include "client/dial.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/dns.h>
#include <event2/event.h>

#include "base/mem.h"

enum {
	DIAL_TRIES_MAX = 8,
	DIAL_STAGGER_MS = 250,
	DIAL_DEADLINE_MS = 15000,
};

struct
try {
	struct dial *dial;
	struct event *ready;
	evutil_socket_t fd;
};

struct dial {
	struct event_base *base;
	struct evdns_base *dns;
	struct evdns_getaddrinfo_request *lookup;
	struct evutil_addrinfo *found; /* owned; all addresses */
	struct evutil_addrinfo *next;  /* the one to try next */
	struct event *start, *stagger, *deadline;
	struct try tries[DIAL_TRIES_MAX];
	unsigned ntries, failed;
	struct addr to;
	int err; /* of the try that failed last */
	dial_done_fn done;
	void *arg;
};

static struct timeval
in_ms(unsigned ms)
{
	return (struct timeval){
	    .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

static void
free_event(struct event *ev)
{
	if (ev)
		event_free(ev);
}

void
dial_cancel(struct dial *d)
{
	if (!d)
		return;
	if (d->lookup)
		evdns_getaddrinfo_cancel(d->lookup);
	for (unsigned i = 0; i < d->ntries; i++) {
		free_event(d->tries[i].ready);
		if (d->tries[i].fd >= 0)
			evutil_closesocket(d->tries[i].fd);
	}
	if (d->found)
		evutil_freeaddrinfo(d->found);
	free_event(d->start);
	free_event(d->stagger);
	free_event(d->deadline);
	/* the cancelled look-up still calls back once, with this as its
	 * argument: see on_lookup() */
	if (d->lookup)
		d->done = NULL;
	else
		free(d);
}

static void
finish(struct dial *d, evutil_socket_t fd, const char *cause)
{
	dial_done_fn done = d->done;
	void *arg = d->arg;
	dial_cancel(d);
	done(arg, fd, cause);
}

static void
fail(struct dial *d, const char *why)
{
	char where[300];
	char cause[ERR_LEN + sizeof(where)];
	snprintf(cause, sizeof(cause), "cannot reach %s: %s",
	    addr_format(&d->to, where, sizeof(where)), why);
	finish(d, -1, cause);
}

/* The mend, where the cause alone does not suggest it. */
static const char *
errno_text(int err)
{
	if (err == ECONNREFUSED)
		return "connection refused; is snugd running there?";
	if (err == ENOENT)
		return "there is no such socket; is snugd running?";
	return strerror(err);
}

static const char *
lookup_text(int err)
{
	if (err == EVUTIL_EAI_NONAME || err == EVUTIL_EAI_NODATA)
		return "there is no such host (a room alone is written #room)";
	return evutil_gai_strerror(err);
}

static void try_next(struct dial *d);

static void
try_failed(struct dial *d, int err)
{
	d->err = err;
	d->failed++;
	if (d->next && d->ntries < DIAL_TRIES_MAX)
		try_next(d);
	else if (d->failed == d->ntries)
		fail(d, errno_text(err));
}

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct try *t = arg;
	struct dial *d = t->dial;
	int err = 0;
	socklen_t len = sizeof(err);
	(void)what;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		err = errno;
	event_free(t->ready);
	t->ready = NULL;
	t->fd = -1;
	if (err == 0) {
		finish(d, fd, NULL);
		return;
	}
	evutil_closesocket(fd);
	try_failed(d, err);
}

/* Begins to connect; returns 0 or an errno. */
static int
begin(struct dial *d, int family, const struct sockaddr *sa, socklen_t len)
{
	evutil_socket_t fd =
	    socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	if (family != AF_UNIX)
		(void)setsockopt(
		    fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	if (connect(fd, sa, len) < 0 && errno != EINPROGRESS) {
		int err = errno;
		evutil_closesocket(fd);
		return err;
	}
	struct try *t = &d->tries[d->ntries++];
	*t = (struct try){.dial = d, .fd = fd};
	t->ready = event_new(d->base, fd, EV_WRITE, on_ready, t);
	event_add(t->ready, NULL);
	return 0;
}

/* Begins with the next address that can be begun with. */
static void
try_next(struct dial *d)
{
	while (d->next && d->ntries < DIAL_TRIES_MAX) {
		struct evutil_addrinfo *ai = d->next;
		d->next = ai->ai_next;
		d->err = begin(
		    d, ai->ai_family, ai->ai_addr, (socklen_t)ai->ai_addrlen);
		if (d->err)
			continue;
		struct timeval tv = in_ms(DIAL_STAGGER_MS);
		if (d->next)
			event_add(d->stagger, &tv);
		return;
	}
	if (d->failed == d->ntries)
		fail(d, d->err ? errno_text(d->err) : "it has no address");
}

static void
on_stagger(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	try_next(arg);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	fail(arg, "no answer");
}

static void
on_lookup(int err, struct evutil_addrinfo *found, void *arg)
{
	struct dial *d = arg;
	d->lookup = NULL;
	if (!d->done) { /* cancelled */
		if (found)
			evutil_freeaddrinfo(found);
		free(d);
		return;
	}
	if (err) {
		fail(d, lookup_text(err));
		return;
	}
	d->found = found;
	d->next = found;
	try_next(d);
}

static void
begin_unix(struct dial *d)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	if (strlen(d->to.host) >= sizeof(sun.sun_path)) {
		fail(d, "the path is too long for a socket");
		return;
	}
	span_copy(sun.sun_path, sizeof(sun.sun_path), span_of(d->to.host));
	int err = begin(d, AF_UNIX, (const struct sockaddr *)&sun, sizeof(sun));
	if (err)
		fail(d, errno_text(err));
}

static void
begin_lookup(struct dial *d)
{
	char port[8];
	struct evutil_addrinfo hints = {
	    .ai_family = AF_UNSPEC,
	    .ai_socktype = SOCK_STREAM,
	    .ai_protocol = IPPROTO_TCP,
	};
	snprintf(port, sizeof(port), "%u", d->to.port);
	/* a literal or a name of /etc/hosts calls back at once and gives NULL:
	 * d may be gone then */
	struct evdns_getaddrinfo_request *lookup =
	    evdns_getaddrinfo(d->dns, d->to.host, port, &hints, on_lookup, d);
	if (lookup)
		d->lookup = lookup;
}

/* The first step comes from the loop too, so that done() always does. */
static void
on_start(evutil_socket_t fd, short what, void *arg)
{
	struct dial *d = arg;
	(void)fd;
	(void)what;
	if (d->to.is_unix)
		begin_unix(d);
	else
		begin_lookup(d);
}

struct dial *
dial_start(struct event_base *base, struct evdns_base *dns,
    const struct addr *to, dial_done_fn done, void *arg)
{
	struct dial *d = xcalloc(1, sizeof(*d));
	d->base = base;
	d->dns = dns;
	d->to = *to;
	d->done = done;
	d->arg = arg;
	d->start = evtimer_new(base, on_start, d);
	d->stagger = evtimer_new(base, on_stagger, d);
	d->deadline = evtimer_new(base, on_deadline, d);
	struct timeval now = in_ms(0);
	struct timeval deadline = in_ms(DIAL_DEADLINE_MS);
	event_add(d->start, &now);
	event_add(d->deadline, &deadline);
	return d;
}
