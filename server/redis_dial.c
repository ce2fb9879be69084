/* SPDX-License-Identifier: ISC */
/*
 * From a URL to a connected socket, without ever blocking the loop.
 *
 * Names are looked up by libevent's resolver (getaddrinfo would stop the loop);
 * the addresses are tried one after the other.  The link above holds the
 * deadline over all of it.
 *
 * A cancelled look-up still calls back later, and may outlive the dial: what it
 * is handed is a query of its own, which merely forgets the dial.
 */
#include "server/redis_dial.h"

#include <errno.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "server/redis_url.h"

enum {
	ADDRS_MAX = 8,
	KEEP_IDLE_S = 5, /* a cut network is noticed in 5 + 3 x 2 s */
	KEEP_INTERVAL_S = 2,
	KEEP_COUNT = 3,
	UNACKED_MS = 10000,
};

struct query {
	struct redis_dial *dial; /* NULL: nobody waits for it any more */
	struct evdns_getaddrinfo_request *request;
};

struct redis_dial {
	struct event_base *base;
	const struct redis_url *url;
	redis_dial_fn fn;
	void *arg;
	struct evdns_base *dns; /* NULL until a name is to be looked up */
	struct query *query;    /* under way, or NULL */
	struct event *kick;
	struct event *ready; /* of fd, or NULL */
	int fd;
	char why[ERR_LEN];
	struct sockaddr_storage addrs[ADDRS_MAX];
	socklen_t lens[ADDRS_MAX];
	unsigned naddrs, next;
};

static void
add_addr(struct redis_dial *d, const void *addr, size_t len)
{
	if (d->naddrs == ADDRS_MAX || len > sizeof d->addrs[0])
		return;
	memcpy(&d->addrs[d->naddrs], addr, len);
	d->lens[d->naddrs++] = (socklen_t)len;
}

static void
close_fd(struct redis_dial *d)
{
	if (d->ready)
		event_free(d->ready);
	d->ready = NULL;
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

/* --- connecting ----------------------------------------------------------- */

static void
set_option(int fd, int level, int name, int value)
{
	/* Where an option is missing the probes of the link still watch. */
	(void)setsockopt(fd, level, name, &value, sizeof value);
}

static void
set_options(int fd)
{
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_INTERVAL_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_COUNT);
	set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKED_MS);
}

static void
connected(struct redis_dial *d)
{
	int fd = d->fd;

	d->fd = -1;
	close_fd(d);
	d->fn(d->arg, DIAL_CONNECTED, fd, NULL);
}

static void try_next(struct redis_dial *d);

static void
failed(struct redis_dial *d, int err)
{
	snprintf(d->why, sizeof d->why, "%s", strerror(err));
	close_fd(d);
	try_next(d);
}

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct redis_dial *d = arg;
	int err = 0;
	socklen_t len = sizeof err;

	(void)what;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		err = errno;
	if (err)
		failed(d, err);
	else
		connected(d);
}

static void
try_next(struct redis_dial *d)
{
	if (d->next == d->naddrs) {
		d->fn(d->arg, DIAL_FAILED, -1, d->why);
		return;
	}
	unsigned i = d->next++;
	struct sockaddr *addr = (struct sockaddr *)&d->addrs[i];

	d->fd = socket(
	    addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd < 0) {
		failed(d, errno);
		return;
	}
	if (addr->sa_family != AF_UNIX)
		set_options(d->fd);
	if (connect(d->fd, addr, d->lens[i]) == 0) {
		connected(d);
		return;
	}
	if (errno != EINPROGRESS) {
		failed(d, errno);
		return;
	}
	d->ready = event_new(d->base, d->fd, EV_WRITE, on_ready, d);
	if (!d->ready || event_add(d->ready, NULL) < 0)
		failed(d, ENOMEM);
}

/* --- resolving ------------------------------------------------------------ */

static void
on_kick(evutil_socket_t fd, short what, void *arg)
{
	struct redis_dial *d = arg;

	(void)fd;
	(void)what;
	if (d->naddrs > 0)
		d->fn(d->arg, DIAL_RESOLVED, -1, NULL);
	try_next(d);
}

static void
on_resolved(int err, struct evutil_addrinfo *all, void *arg)
{
	struct query *q = arg;
	struct redis_dial *d = q->dial;

	if (d) {
		d->query = NULL;
		for (struct evutil_addrinfo *a = all; a; a = a->ai_next)
			add_addr(d, a->ai_addr, a->ai_addrlen);
		if (d->naddrs == 0)
			snprintf(d->why, sizeof d->why,
			    "no address for the host: %s",
			    err ? evutil_gai_strerror(err) : "none found");
		event_active(d->kick, 0, 0);
	}
	if (all)
		evutil_freeaddrinfo(all);
	free(q);
}

static const char resolv_conf[] = "/etc/resolv.conf";

/* access() does not ask Landlock. */
static bool
can_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Reads the system's configuration anew each time: it may have changed since
 * the last attempt.  A file that took its place behind the sandbox cannot be
 * read: then the servers that are known have to do. */
static bool
prepare_dns(struct redis_dial *d)
{
	if (!d->dns)
		d->dns =
		    evdns_base_new(d->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (!d->dns)
		return false;
	if (evdns_base_count_nameservers(d->dns) > 0 && !can_read(resolv_conf))
		return true;
	evdns_base_clear_nameservers_and_suspend(d->dns);
	(void)evdns_base_resolv_conf_parse(
	    d->dns, DNS_OPTIONS_ALL, resolv_conf);
	evdns_base_resume(d->dns);
	return true;
}

static void
resolve(struct redis_dial *d)
{
	struct evutil_addrinfo hints = {
	    .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	char port[8];

	if (!prepare_dns(d)) {
		snprintf(d->why, sizeof d->why, "cannot start the resolver");
		event_active(d->kick, 0, 0);
		return;
	}
	snprintf(port, sizeof port, "%u", (unsigned)d->url->port);
	struct query *q = xcalloc(1, sizeof *q);
	q->dial = d;
	d->query = q;
	struct evdns_getaddrinfo_request *request = evdns_getaddrinfo(
	    d->dns, d->url->host, port, &hints, on_resolved, q);
	/* NULL: it has called back already and q is gone. */
	if (request)
		q->request = request;
}

static void
add_unix(struct redis_dial *d)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	span_copy(un.sun_path, sizeof un.sun_path, span_of(d->url->host));
	add_addr(d, &un, sizeof un);
}

static bool
add_literal(struct redis_dial *d)
{
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_port = htons(d->url->port)};
	struct sockaddr_in6 in6 = {
	    .sin6_family = AF_INET6, .sin6_port = htons(d->url->port)};

	if (evutil_inet_pton(AF_INET, d->url->host, &in.sin_addr) == 1)
		add_addr(d, &in, sizeof in);
	else if (evutil_inet_pton(AF_INET6, d->url->host, &in6.sin6_addr) == 1)
		add_addr(d, &in6, sizeof in6);
	return d->naddrs > 0;
}

/* --- public --------------------------------------------------------------- */

struct redis_dial *
redis_dial_new(struct event_base *base, const struct redis_url *url,
    redis_dial_fn fn, void *arg)
{
	struct redis_dial *d = xcalloc(1, sizeof *d);

	d->base = base;
	d->url = url;
	d->fn = fn;
	d->arg = arg;
	d->fd = -1;
	d->kick = event_new(base, -1, 0, on_kick, d);
	if (!d->kick)
		abort();
	return d;
}

void
redis_dial_stop(struct redis_dial *d)
{
	event_del(d->kick);
	if (d->query) {
		d->query->dial = NULL;
		evdns_getaddrinfo_cancel(d->query->request);
		d->query = NULL;
	}
	close_fd(d);
	d->naddrs = d->next = 0;
}

void
redis_dial_start(struct redis_dial *d)
{
	redis_dial_stop(d);
	d->why[0] = '\0';
	if (d->url->is_unix)
		add_unix(d);
	else if (!add_literal(d)) {
		resolve(d);
		return;
	}
	event_active(d->kick, 0, 0);
}

void
redis_dial_free(struct redis_dial *d)
{
	if (!d)
		return;
	/* Not cancelled: its late call back would look at the resolver, which
	 * goes now and fails it. */
	if (d->query)
		d->query->dial = NULL;
	d->query = NULL;
	redis_dial_stop(d);
	if (d->dns)
		evdns_base_free(d->dns, 1);
	event_free(d->kick);
	free(d);
}
