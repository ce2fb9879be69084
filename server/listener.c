/* SPDX-License-Identifier: ISC */
/*
 * Accepting: whoever comes to a door is handed to the gate.
 *
 * Running out of descriptors closes the doors for a moment instead of spinning
 * at them.
 *
 * A Unix socket is one for all workers.  A knock wakes all of them that are
 * idle (libevent knows no EPOLLEXCLUSIVE, which would moreover wake the same
 * one each time), so each takes one connection a turn, and one that has more
 * sessions than others stands back for a moment: the others are awake and will
 * take it. When they do not, it does.
 */
#include "server/listener.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/mem.h"
#include "server/door.h"
#include "server/gate.h"
#include "server/server.h"
#include "server/shared.h"

enum {
	BACKLOG = 4096,
	REST_S = 1,         /* doors stay closed when descriptors run out */
	STAND_BACK_MS = 10, /* for workers that have less to do */
};

/* One of the two. */
struct listener {
	struct evconnlistener *own;
	struct event *shared;
	int fd;
};

struct listeners {
	struct server *sv;
	struct listener *all;
	size_t n;
	struct event *rest, *stand_back;
};

/* --- letting in --------------------------------------------------------- */

/* Those that are accepted inherit it (tcp(7)): it is not said five times for
 * each.  A Unix socket has none of this. */
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
	gate_enter(ls->sv->gate, fd, sa);
}

static void
set_shared_open(struct listeners *ls, bool open)
{
	for (size_t i = 0; i < ls->n; i++) {
		if (!ls->all[i].shared)
			continue;
		if (open)
			event_add(ls->all[i].shared, NULL);
		else
			event_del(ls->all[i].shared);
	}
}

static void
set_open(struct listeners *ls, bool open)
{
	for (size_t i = 0; i < ls->n; i++) {
		if (!ls->all[i].own)
			continue;
		if (open)
			evconnlistener_enable(ls->all[i].own);
		else
			evconnlistener_disable(ls->all[i].own);
	}
	set_shared_open(ls, open);
}

static void
on_rested(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	set_open(arg, true);
}

static void
rest(struct listeners *ls)
{
	struct timeval time = {REST_S, 0};

	log_warn("listener", 0, "accept failed reason=\"%s\" rest_s=%d",
	    strerror(errno), REST_S);
	set_open(ls, false);
	evtimer_del(ls->stand_back);
	evtimer_add(ls->rest, &time);
}

static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	(void)listener;
	rest(arg);
}

/* --- one socket for all workers ----------------------------------------- */

/* Another one was faster, or who knocked is gone. */
static bool
is_nobody_there(int err)
{
	return err == EAGAIN || err == EINTR || err == ECONNABORTED;
}

/* False: the doors are closed for a moment. */
static bool
accept_one(struct listeners *ls, int door)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof ss;
	int fd = accept4(
	    door, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		gate_enter(ls->sv->gate, fd, (struct sockaddr *)&ss);
	} else if (!is_nobody_there(errno)) {
		rest(ls);
		return false;
	}
	return true;
}

static void
on_stood_back(evutil_socket_t fd, short what, void *arg)
{
	struct listeners *ls = arg;

	(void)fd, (void)what;
	for (size_t i = 0; i < ls->n; i++)
		if (ls->all[i].shared && !accept_one(ls, ls->all[i].fd))
			return;
	set_shared_open(ls, true);
}

static void
on_knock(evutil_socket_t fd, short what, void *arg)
{
	struct timeval a_moment = {0, STAND_BACK_MS * 1000};
	struct listeners *ls = arg;

	(void)what;
	if (!shared_is_ahead(ls->sv->shared)) {
		accept_one(ls, fd);
		return;
	}
	set_shared_open(ls, false);
	evtimer_add(ls->stand_back, &a_moment);
}

/* --- opening ------------------------------------------------------------ */

static bool
open_shared(struct listeners *ls, struct listener *l)
{
	if (listen(l->fd, BACKLOG) != 0)
		return false;
	l->shared =
	    event_new(ls->sv->base, l->fd, EV_READ | EV_PERSIST, on_knock, ls);
	return l->shared && event_add(l->shared, NULL) == 0;
}

static bool
open_own(struct listeners *ls, struct listener *l)
{
	tune_tcp(l->fd);
	l->own = evconnlistener_new(
	    ls->sv->base, on_accept, ls, LEV_OPT_CLOSE_ON_EXEC, BACKLOG, l->fd);
	if (!l->own)
		return false;
	evconnlistener_set_error_cb(l->own, on_accept_error);
	return true;
}

struct listeners *
listeners_open(struct server *sv, struct doors *doors, size_t worker,
    char cause[static ERR_LEN])
{
	struct listeners *ls = xcalloc(1, sizeof *ls);
	size_t n = doors_count(doors);

	ls->sv = sv;
	ls->all = xcalloc(n, sizeof ls->all[0]);
	ls->rest = evtimer_new(sv->base, on_rested, ls);
	ls->stand_back = evtimer_new(sv->base, on_stood_back, ls);
	for (size_t i = 0; i < n; i++) {
		struct listener *l = &ls->all[ls->n++];

		l->fd = doors_fd(doors, i, worker);
		if (doors_is_shared(doors, i) ? open_shared(ls, l)
					      : open_own(ls, l))
			continue;
		snprintf(cause, ERR_LEN, "listen: %s", strerror(errno));
		listeners_close(ls);
		return NULL;
	}
	return ls;
}

void
listeners_close(struct listeners *ls)
{
	if (!ls)
		return;
	for (size_t i = 0; i < ls->n; i++) {
		if (ls->all[i].own)
			evconnlistener_free(ls->all[i].own);
		if (ls->all[i].shared)
			event_free(ls->all[i].shared);
	}
	event_free(ls->rest);
	event_free(ls->stand_back);
	free(ls->all);
	free(ls);
}
