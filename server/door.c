/* SPDX-License-Identifier: ISC */
/*
 * The doors: addresses that are bound, before root and files are given up.
 *
 * Where several workers share them, all sockets are made here, by the process
 * that forks the workers, which inherit them.  So no worker has to bind: a
 * restarted one needs neither root for a low port nor the sandbox's leave, and
 * a port that the kernel chose is the same for all.
 */
#include "server/door.h"

#include <errno.h>
#include <event2/util.h>
#include <netinet/in.h>
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

struct door {
	int *fds; /* one for each worker, or one; -1: let go */
	size_t nfds;
	char *path; /* of a Unix socket, to be removed again */
	char shown[300];
};

struct doors {
	struct door *all;
	size_t n, workers;
};

static struct door *
add_door(struct doors *ds, size_t nfds)
{
	struct door *d;

	ds->all = xreallocarray(ds->all, ds->n + 1, sizeof ds->all[0]);
	d = &ds->all[ds->n++];
	*d = (struct door){
	    .fds = xreallocarray(NULL, nfds, sizeof d->fds[0]), .nfds = nfds};
	for (size_t i = 0; i < nfds; i++)
		d->fds[i] = -1;
	return d;
}

/* --- TCP ---------------------------------------------------------------- */

/* Closes, and leaves errno as it was. */
static int
give_up(int fd)
{
	int err = errno;

	close(fd);
	errno = err;
	return -1;
}

static int
bind_tcp(const struct sockaddr *sa, socklen_t len, bool shared)
{
	int on = 1;
	int fd = socket(
	    sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (sa->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (shared &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
		return give_up(fd);
	return bind(fd, sa, len) == 0 ? fd : give_up(fd);
}

static bool
has_port(const struct sockaddr_storage *ss)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	memcpy(&in, ss, sizeof in);
	memcpy(&in6, ss, sizeof in6);
	return ss->ss_family == AF_INET ? in.sin_port != 0 : in6.sin6_port != 0;
}

/*
 * A socket for each worker, on one port.  The first is to find that port: where
 * any will do it stays until the others have the same one; where it is given
 * it is bound without sharing, so that another server there is noticed instead
 * of being joined.
 */
static int
bind_for_all(struct door *d, const struct sockaddr *sa, socklen_t len)
{
	struct sockaddr_storage ss = {0};
	bool fixed;
	int first;

	memcpy(&ss, sa, len);
	fixed = has_port(&ss);
	first = bind_tcp(sa, len, !fixed);
	if (first < 0)
		return -1;
	len = sizeof ss;
	if (getsockname(first, (struct sockaddr *)&ss, &len) != 0)
		return give_up(first);
	if (fixed)
		close(first);
	for (size_t i = 0; i < d->nfds; i++) {
		d->fds[i] = bind_tcp((struct sockaddr *)&ss, len, true);
		if (d->fds[i] < 0)
			return fixed ? -1 : give_up(first);
	}
	if (!fixed)
		close(first);
	return 0;
}

static int
bind_door(struct door *d, const struct evutil_addrinfo *ai)
{
	if (d->nfds > 1)
		return bind_for_all(d, ai->ai_addr, (socklen_t)ai->ai_addrlen);
	d->fds[0] = bind_tcp(ai->ai_addr, (socklen_t)ai->ai_addrlen, false);
	return d->fds[0] < 0 ? -1 : 0;
}

static void
show_tcp(struct door *d)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof ss;
	struct addr a = {0};
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (getsockname(d->fds[0], (struct sockaddr *)&ss, &len) != 0)
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

static void
door_close(struct door *d)
{
	for (size_t i = 0; i < d->nfds; i++)
		if (d->fds[i] >= 0)
			close(d->fds[i]);
	free(d->fds);
	free(d->path);
}

/* The family is missing here, which is the host's affair, not an error. */
static bool
is_missing_family(int err)
{
	return err == EAFNOSUPPORT || err == EADDRNOTAVAIL;
}

static int
open_one(struct doors *ds, const struct evutil_addrinfo *ai, const char *text,
    char cause[static ERR_LEN])
{
	struct door *d = add_door(ds, ds->workers);

	if (bind_door(d, ai) == 0) {
		show_tcp(d);
		return 0;
	}
	if (!is_missing_family(errno)) {
		snprintf(
		    cause, ERR_LEN, "listen %.80s: %s", text, strerror(errno));
		return -1;
	}
	log_warn("listener", 0, "skipped addr=%s reason=\"%s\"", text,
	    strerror(errno));
	door_close(d);
	ds->n--;
	return 0;
}

static int
open_tcp(struct doors *ds, const struct addr *a, const char *text,
    char cause[static ERR_LEN])
{
	struct evutil_addrinfo hints = {
	    .ai_socktype = SOCK_STREAM, .ai_flags = EVUTIL_AI_PASSIVE};
	struct evutil_addrinfo *list = NULL;
	char port[8];
	int err;

	snprintf(port, sizeof port, "%u", a->port);
	err = evutil_getaddrinfo(
	    a->host[0] ? a->host : NULL, port, &hints, &list);
	if (err != 0) {
		snprintf(cause, ERR_LEN, "listen %.80s: %s", text,
		    evutil_gai_strerror(err));
		return -1;
	}
	for (const struct evutil_addrinfo *ai = list; ai && err == 0;
	     ai = ai->ai_next)
		err = open_one(ds, ai, text, cause);
	evutil_freeaddrinfo(list);
	return err;
}

/* --- Unix --------------------------------------------------------------- */

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
	return err == 0 ? fd : give_up(fd);
}

static int
open_unix(struct doors *ds, const struct addr *a, char cause[static ERR_LEN])
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
	if (fd < 0) {
		snprintf(cause, ERR_LEN, "listen unix:%.120s: %s", a->host,
		    strerror(errno));
		return -1;
	}
	d = add_door(ds, 1);
	d->fds[0] = fd;
	d->path = xstrdup(a->host);
	snprintf(d->shown, sizeof d->shown, "unix:%s", a->host);
	return 0;
}

/* --- public ------------------------------------------------------------- */

static void
warn_if_useless(const struct config *c, const struct addr *a, const char *text)
{
	if (c->plaintext == PLAINTEXT_LOCAL && c->secure == SECURE_OFF &&
	    !addr_is_local(a))
		log_warn("listener", 0,
		    "addr=%s nobody on other hosts can use it: secure = off, "
		    "and plaintext = local",
		    text);
}

struct doors *
doors_open(const struct config *c, size_t workers, char cause[static ERR_LEN])
{
	struct doors *ds = xcalloc(1, sizeof *ds);
	const struct conf_list *list = &c->listen;
	struct addr a;

	ds->workers = workers;
	for (size_t i = 0; i < list->n; i++) {
		const char *text = list->items[i];

		if (addr_parse(span_of(text), SNUG_PORT, &a, cause) != 0 ||
		    (a.is_unix ? open_unix(ds, &a, cause)
			       : open_tcp(ds, &a, text, cause)) != 0) {
			doors_close(ds);
			return NULL;
		}
		warn_if_useless(c, &a, text);
	}
	if (ds->n > 0)
		return ds;
	snprintf(cause, ERR_LEN, "no address to listen on is left");
	doors_close(ds);
	return NULL;
}

size_t
doors_count(const struct doors *ds)
{
	return ds->n;
}

static int *
own_fd(const struct door *d, size_t worker)
{
	return &d->fds[d->path ? 0 : worker];
}

int
doors_fd(const struct doors *ds, size_t i, size_t worker)
{
	return *own_fd(&ds->all[i], worker);
}

bool
doors_is_shared(const struct doors *ds, size_t i)
{
	return ds->workers > 1 && ds->all[i].path;
}

void
doors_print(const struct doors *ds, FILE *out)
{
	for (size_t i = 0; i < ds->n; i++)
		fprintf(out, " %s", ds->all[i].shown);
}

void
doors_keep(struct doors *ds, size_t worker)
{
	for (size_t i = 0; i < ds->n; i++) {
		struct door *d = &ds->all[i];

		for (size_t k = 0; k < d->nfds; k++) {
			if (&d->fds[k] == own_fd(d, worker))
				continue;
			close(d->fds[k]);
			d->fds[k] = -1;
		}
	}
}

void
doors_shut(struct doors *ds, size_t worker)
{
	for (size_t i = 0; i < ds->n; i++)
		if (!ds->all[i].path)
			shutdown(*own_fd(&ds->all[i], worker), SHUT_RDWR);
}

void
doors_leave(struct doors *ds)
{
	if (!ds)
		return;
	for (size_t i = 0; i < ds->n; i++)
		door_close(&ds->all[i]);
	free(ds->all);
	free(ds);
}

void
doors_close(struct doors *ds)
{
	for (size_t i = 0; ds && i < ds->n; i++)
		if (ds->all[i].path)
			unlink(ds->all[i].path);
	doors_leave(ds);
}
