/* SPDX-License-Identifier: ISC */
/*
 * The doors: addresses to listen on.  Whoever comes is handed to the gate.
 *
 * Running out of descriptors closes the doors for a moment instead of spinning
 * at them.
 */
#include "server/listener.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/log.h"
#include "base/mem.h"
#include "server/config.h"
#include "server/gate.h"
#include "server/server.h"

enum {
	BACKLOG = 4096,
	REST_S = 1, /* the door stays closed when descriptors run out */
};

struct door {
	struct evconnlistener *listener;
	char *path; /* of a Unix socket, to be removed again */
	char shown[300];
};

struct listeners {
	struct server *sv;
	struct door *doors;
	size_t n;
	struct event *rest;
};

/* --- letting in --------------------------------------------------------- */

static void
tune_tcp(int fd)
{
	int on = 1, idle = 60, interval = 20, count = 3;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd,
    struct sockaddr *sa, int len, void *arg)
{
	struct listeners *ls = arg;

	(void)listener, (void)len;
	if (sa->sa_family != AF_UNIX)
		tune_tcp(fd);
	gate_enter(ls->sv->gate, fd, sa);
}

static void
set_open(struct listeners *ls, bool open)
{
	for (size_t i = 0; i < ls->n; i++)
		if (open)
			evconnlistener_enable(ls->doors[i].listener);
		else
			evconnlistener_disable(ls->doors[i].listener);
}

static void
on_rested(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	set_open(arg, true);
}

static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct listeners *ls = arg;
	struct timeval rest = {REST_S, 0};

	(void)listener;
	log_warn("listener", 0, "accept failed reason=\"%s\" rest_s=%d",
	    strerror(errno), REST_S);
	set_open(ls, false);
	evtimer_add(ls->rest, &rest);
}

/* --- opening ------------------------------------------------------------ */

static bool
add_door(struct listeners *ls, int fd, const char *path)
{
	struct door *d;
	struct evconnlistener *l = evconnlistener_new(ls->sv->base, on_accept,
	    ls, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG, fd);

	if (!l) {
		close(fd);
		return false;
	}
	evconnlistener_set_error_cb(l, on_accept_error);
	ls->doors = xreallocarray(ls->doors, ls->n + 1, sizeof ls->doors[0]);
	d = &ls->doors[ls->n++];
	*d = (struct door){.listener = l, .path = path ? xstrdup(path) : NULL};
	return true;
}

static void
show_tcp(struct door *d, int fd)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof ss;
	struct addr a = {0};
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0)
		return;
	if (ss.ss_family == AF_INET) {
		memcpy(&in, &ss, sizeof in);
		evutil_inet_ntop(AF_INET, &in.sin_addr, a.host, sizeof a.host);
		a.port = ntohs(in.sin_port);
	} else {
		memcpy(&in6, &ss, sizeof in6);
		evutil_inet_ntop(
		    AF_INET6, &in6.sin6_addr, a.host, sizeof a.host);
		a.port = ntohs(in6.sin6_port);
	}
	addr_format(&a, d->shown, sizeof d->shown);
}

static int
bind_tcp(const struct evutil_addrinfo *ai)
{
	int on = 1;
	int fd = socket(
	    ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (bind(fd, ai->ai_addr, (socklen_t)ai->ai_addrlen) == 0)
		return fd;
	on = errno;
	close(fd);
	errno = on;
	return -1;
}

/* The family is missing here, which is the host's affair, not an error. */
static bool
is_missing_family(int err)
{
	return err == EAFNOSUPPORT || err == EADDRNOTAVAIL;
}

static int
open_tcp(struct listeners *ls, const struct addr *a, const char *text,
    char cause[static ERR_LEN])
{
	struct evutil_addrinfo hints = {
	    .ai_socktype = SOCK_STREAM, .ai_flags = EVUTIL_AI_PASSIVE};
	struct evutil_addrinfo *list = NULL;
	char port[8];
	int err, fd;

	snprintf(port, sizeof port, "%u", a->port);
	err = evutil_getaddrinfo(
	    a->host[0] ? a->host : NULL, port, &hints, &list);
	if (err != 0) {
		snprintf(cause, ERR_LEN, "listen %.80s: %s", text,
		    evutil_gai_strerror(err));
		return -1;
	}
	for (const struct evutil_addrinfo *ai = list; ai; ai = ai->ai_next) {
		fd = bind_tcp(ai);
		if (fd < 0 && is_missing_family(errno)) {
			log_warn("listener", 0, "skipped addr=%s reason=\"%s\"",
			    text, strerror(errno));
			continue;
		}
		if (fd < 0 || !add_door(ls, fd, NULL)) {
			snprintf(cause, ERR_LEN, "listen %.80s: %s", text,
			    strerror(errno));
			evutil_freeaddrinfo(list);
			return -1;
		}
		show_tcp(&ls->doors[ls->n - 1], fd);
	}
	evutil_freeaddrinfo(list);
	return 0;
}

/* A socket file that nobody answers at was left by a crash: it may go. */
static bool
is_stale(const struct sockaddr_un *un)
{
	struct stat st;
	int fd;
	bool stale;

	/* Connecting to any other file is refused as well. */
	if (lstat(un->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	stale = connect(fd, (const struct sockaddr *)un, sizeof *un) != 0 &&
		errno == ECONNREFUSED;
	close(fd);
	return stale;
}

static int
bind_unix(const struct sockaddr_un *un)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	mode_t old;
	int err;

	if (fd < 0)
		return -1;
	old = umask(0117); /* 0660 from its first moment */
	err = bind(fd, (const struct sockaddr *)un, sizeof *un);
	umask(old);
	if (err == 0)
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

static int
open_unix(
    struct listeners *ls, const struct addr *a, char cause[static ERR_LEN])
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct door *d;
	int fd;

	if (strlen(a->host) >= sizeof un.sun_path) {
		snprintf(cause, ERR_LEN,
		    "listen unix:%.80s...: a socket's path has at most %zu "
		    "bytes",
		    a->host, sizeof un.sun_path - 1);
		return -1;
	}
	memcpy(un.sun_path, a->host, strlen(a->host) + 1);
	fd = bind_unix(&un);
	if (fd < 0 && errno == EADDRINUSE && is_stale(&un) &&
	    unlink(un.sun_path) == 0)
		fd = bind_unix(&un);
	if (fd < 0 || !add_door(ls, fd, a->host)) {
		snprintf(cause, ERR_LEN, "listen unix:%.120s: %s", a->host,
		    strerror(errno));
		return -1;
	}
	d = &ls->doors[ls->n - 1];
	snprintf(d->shown, sizeof d->shown, "unix:%s", a->host);
	return 0;
}

static void
warn_if_useless(struct server *sv, const struct addr *a, const char *text)
{
	if (sv->config->plaintext == PLAINTEXT_LOCAL &&
	    sv->config->secure == SECURE_OFF && !addr_is_local(a))
		log_warn("listener", 0,
		    "addr=%s nobody on other hosts can use it: secure = off, "
		    "and plaintext = local",
		    text);
}

struct listeners *
listeners_open(struct server *sv, char cause[static ERR_LEN])
{
	struct listeners *ls = xcalloc(1, sizeof *ls);
	const struct conf_list *list = &sv->config->listen;
	struct addr a;

	ls->sv = sv;
	ls->rest = evtimer_new(sv->base, on_rested, ls);
	for (size_t i = 0; i < list->n; i++) {
		const char *text = list->items[i];

		if (addr_parse(span_of(text), SNUG_PORT, &a, cause) != 0 ||
		    (a.is_unix ? open_unix(ls, &a, cause)
			       : open_tcp(ls, &a, text, cause)) != 0) {
			listeners_close(ls);
			return NULL;
		}
		warn_if_useless(sv, &a, text);
	}
	if (ls->n > 0)
		return ls;
	snprintf(cause, ERR_LEN, "no address to listen on is left");
	listeners_close(ls);
	return NULL;
}

void
listeners_print(const struct listeners *ls, FILE *out)
{
	for (size_t i = 0; i < ls->n; i++)
		fprintf(out, " %s", ls->doors[i].shown);
}

void
listeners_close(struct listeners *ls)
{
	if (!ls)
		return;
	for (size_t i = 0; i < ls->n; i++) {
		evconnlistener_free(ls->doors[i].listener);
		if (ls->doors[i].path)
			unlink(ls->doors[i].path);
		free(ls->doors[i].path);
	}
	event_free(ls->rest);
	free(ls->doors);
	free(ls);
}
