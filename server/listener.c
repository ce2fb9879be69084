/* SPDX-License-Identifier: ISC */
/*
 * Accepting: whoever comes to a door is handed to the gate.
 *
 * Running out of descriptors closes the doors for a moment instead of spinning
 * at them.
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

enum {
	BACKLOG = 4096,
	REST_S = 1, /* the door stays closed when descriptors run out */
};

struct listeners {
	struct server *sv;
	struct evconnlistener **all;
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
			evconnlistener_enable(ls->all[i]);
		else
			evconnlistener_disable(ls->all[i]);
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
add(struct listeners *ls, int fd)
{
	struct evconnlistener *l = evconnlistener_new(
	    ls->sv->base, on_accept, ls, LEV_OPT_CLOSE_ON_EXEC, BACKLOG, fd);

	if (!l)
		return false;
	evconnlistener_set_error_cb(l, on_accept_error);
	ls->all[ls->n++] = l;
	return true;
}

struct listeners *
listeners_open(
    struct server *sv, struct doors *doors, char cause[static ERR_LEN])
{
	struct listeners *ls = xcalloc(1, sizeof *ls);
	size_t n = doors_count(doors);

	ls->sv = sv;
	ls->all = xcalloc(n, sizeof ls->all[0]);
	ls->rest = evtimer_new(sv->base, on_rested, ls);
	for (size_t i = 0; i < n; i++) {
		if (add(ls, doors_fd(doors, i, 0)))
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
	for (size_t i = 0; i < ls->n; i++)
		evconnlistener_free(ls->all[i]);
	event_free(ls->rest);
	free(ls->all);
	free(ls);
}
