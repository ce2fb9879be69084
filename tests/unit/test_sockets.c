/* SPDX-License-Identifier: ISC */
/* server/sockets.c: many sockets behind one descriptor of the loop. */
#include "server/sockets.h"

#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/unit.h"

struct watched {
	int here, there;
	unsigned was; /* watched for */
	unsigned ready, times;
};

struct fixture {
	struct event_base *base;
	struct sockets *sockets;
	struct watched a, b;
};

static void
on_ready(void *arg, unsigned ready)
{
	struct watched *w = arg;

	w->ready = ready & w->was;
	w->times++;
}

static void
connect_pair(struct watched *w)
{
	int fds[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	w->here = fds[0];
	w->there = fds[1];
}

static int
setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	f.base = event_base_new();
	f.sockets = sockets_new(f.base, on_ready);
	assert_non_null(f.sockets);
	connect_pair(&f.a);
	connect_pair(&f.b);
	*state = &f;
	return 0;
}

static void
hang_up(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	hang_up(&f->a.here);
	hang_up(&f->a.there);
	hang_up(&f->b.here);
	hang_up(&f->b.there);
	sockets_free(f->sockets);
	event_base_free(f->base);
	return 0;
}

static void
watch(struct fixture *f, struct watched *w, unsigned wanted)
{
	assert_true(sockets_watch(f->sockets, w->here, w->was, wanted, w));
	w->was = wanted;
}

static void
turn(struct fixture *f)
{
	f->a.ready = f->a.times = f->b.ready = f->b.times = 0;
	event_base_loop(f->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void
say_to(const struct watched *w)
{
	assert_int_equal(send(w->there, "x", 1, 0), 1);
}

static void
who_has_something_to_read_is_told(void **state)
{
	struct fixture *f = *state;

	watch(f, &f->a, SOCKET_READ);
	watch(f, &f->b, SOCKET_READ);
	say_to(&f->a);

	turn(f);

	assert_int_equal(f->a.ready, SOCKET_READ);
	assert_int_equal(f->a.times, 1);
	assert_int_equal(f->b.times, 0);
}

static void
it_is_told_again_until_it_has_read(void **state)
{
	struct fixture *f = *state;
	char c;

	watch(f, &f->a, SOCKET_READ);
	say_to(&f->a);
	turn(f);

	turn(f);
	assert_int_equal(f->a.times, 1);

	assert_int_equal(recv(f->a.here, &c, 1, 0), 1);
	turn(f);
	assert_int_equal(f->a.times, 0);
}

static void
room_to_write_is_told_to_who_wants_it(void **state)
{
	struct fixture *f = *state;

	watch(f, &f->a, SOCKET_READ);
	watch(f, &f->b, SOCKET_READ | SOCKET_WRITE);

	turn(f);
	assert_int_equal(f->a.times, 0);
	assert_int_equal(f->b.ready, SOCKET_WRITE);

	watch(f, &f->b, SOCKET_READ);
	turn(f);
	assert_int_equal(f->b.times, 0);
}

static void
an_end_is_told_to_who_only_writes(void **state)
{
	struct fixture *f = *state;

	watch(f, &f->a, SOCKET_WRITE);
	hang_up(&f->a.there);

	turn(f);

	assert_int_equal(f->a.ready, SOCKET_WRITE);
}

/* Else a session that is not read from would keep the loop awake for ever. */
static void
an_end_is_not_told_to_who_is_not_watched(void **state)
{
	struct fixture *f = *state;

	watch(f, &f->a, SOCKET_READ);
	watch(f, &f->a, 0);
	hang_up(&f->a.there);

	turn(f);
	assert_int_equal(f->a.times, 0);

	watch(f, &f->a, SOCKET_READ);
	turn(f);
	assert_int_equal(f->a.ready, SOCKET_READ);
}

static void
a_closed_one_is_forgotten(void **state)
{
	struct fixture *f = *state;

	watch(f, &f->a, SOCKET_READ);
	say_to(&f->a);
	hang_up(&f->a.here);

	turn(f);

	assert_int_equal(f->a.times, 0);
}

static void
what_cannot_be_watched_is_said(void **state)
{
	struct fixture *f = *state;

	hang_up(&f->a.here);

	assert_false(sockets_watch(f->sockets, f->a.here, 0, SOCKET_READ, f));
}

int
main(void)
{
#define ONE(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
	    ONE(who_has_something_to_read_is_told),
	    ONE(it_is_told_again_until_it_has_read),
	    ONE(room_to_write_is_told_to_who_wants_it),
	    ONE(an_end_is_told_to_who_only_writes),
	    ONE(an_end_is_not_told_to_who_is_not_watched),
	    ONE(a_closed_one_is_forgotten),
	    ONE(what_cannot_be_watched_is_said),
	};

	return RUN(tests);
}
