/* SPDX-License-Identifier: ISC */
/*
 * An epoll set within the loop's.
 *
 * Most sessions are silent nearly always, and there are many: a struct event
 * each and its entry in libevent's map were 300 bytes of them, more than all
 * that a silent session is.  Here the kernel alone keeps who is watched; the
 * set itself is one descriptor of the loop, readable when a session is.
 *
 * What is closed or unwatched in a turn may have been found ready in the same
 * turn already: whoever is called looks whether that still holds.
 */
#include "server/sockets.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/mem.h"

enum { READY_MAX = 4096 }; /* in one turn; the others are next */

struct sockets {
	int set;
	struct event *event;
	sockets_ready_fn ready;
	struct epoll_event found[READY_MAX];
};

static unsigned
ready_for(uint32_t events)
{
	if (events & (EPOLLERR | EPOLLHUP))
		return SOCKET_READ | SOCKET_WRITE;
	return (events & EPOLLIN ? SOCKET_READ : 0) |
	       (events & EPOLLOUT ? SOCKET_WRITE : 0);
}

static void
on_some_ready(evutil_socket_t fd, short what, void *arg)
{
	struct sockets *ss = arg;
	int n = epoll_wait(ss->set, ss->found, READY_MAX, 0);

	(void)fd, (void)what;
	for (int i = 0; i < n; i++)
		ss->ready(
		    ss->found[i].data.ptr, ready_for(ss->found[i].events));
}

struct sockets *
sockets_new(struct event_base *base, sockets_ready_fn ready)
{
	struct sockets *ss = xmalloc(sizeof *ss); /* pages of it unused */

	ss->ready = ready;
	ss->event = NULL;
	ss->set = epoll_create1(EPOLL_CLOEXEC);
	if (ss->set >= 0)
		ss->event = event_new(
		    base, ss->set, EV_READ | EV_PERSIST, on_some_ready, ss);
	if (ss->event && event_add(ss->event, NULL) == 0)
		return ss;
	sockets_free(ss);
	return NULL;
}

void
sockets_free(struct sockets *ss)
{
	if (!ss)
		return;
	if (ss->event)
		event_free(ss->event);
	if (ss->set >= 0)
		close(ss->set);
	free(ss);
}

bool
sockets_watch(
    struct sockets *ss, int fd, unsigned was, unsigned wanted, void *arg)
{
	struct epoll_event e = {.data.ptr = arg};
	int op = EPOLL_CTL_MOD;

	if (wanted == was)
		return true;
	/* A socket in the set tells of errors, wanted or not: out with it. */
	if (wanted == 0)
		op = EPOLL_CTL_DEL;
	else if (was == 0)
		op = EPOLL_CTL_ADD;
	if (wanted & SOCKET_READ)
		e.events |= EPOLLIN;
	if (wanted & SOCKET_WRITE)
		e.events |= EPOLLOUT;
	return epoll_ctl(ss->set, op, fd, &e) == 0;
}
