/* SPDX-License-Identifier: ISC */
#include "tests/unit/redis_proxy.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/unit/redis_server.h"
#include "tests/unit/unit.h"

struct redis_proxy_pipe {
	struct redis_proxy_pipe *next;
	struct redis_proxy *p;
	int client, server;
	struct event *from_client, *from_server;
};

static void
pipe_close(struct redis_proxy_pipe *pipe)
{
	if (!pipe->from_client)
		return;
	event_free(pipe->from_client);
	event_free(pipe->from_server);
	pipe->from_client = pipe->from_server = NULL;
	close(pipe->client);
	close(pipe->server);
}

static void
pass(struct redis_proxy_pipe *pipe, int to, const char *bytes, ssize_t n)
{
	if (n <= 0 || send(to, bytes, (size_t)n, MSG_NOSIGNAL) != n)
		pipe_close(pipe);
}

static void
on_client(evutil_socket_t fd, short what, void *arg)
{
	struct redis_proxy_pipe *pipe = arg;
	char bytes[4096];

	(void)what;
	pass(pipe, pipe->server, bytes, read(fd, bytes, sizeof bytes));
}

/* What is published comes as a read of its own, as good as always. */
static bool
is_published(const char *bytes, ssize_t n)
{
	static const char head[] = "*3\r\n$7\r\nmessage\r\n";

	return n > (ssize_t)sizeof head &&
	       memcmp(bytes, head, sizeof head - 1) == 0;
}

static void
on_server(evutil_socket_t fd, short what, void *arg)
{
	struct redis_proxy_pipe *pipe = arg;
	struct redis_proxy *p = pipe->p;
	char bytes[4096];
	size_t max = p->budget < sizeof bytes ? p->budget : sizeof bytes;
	ssize_t n = max > 0 ? read(fd, bytes, max) : 0;

	(void)what;
	if (n > 0 && p->budget != SIZE_MAX)
		p->budget -= (size_t)n;
	if (p->deaf && is_published(bytes, n))
		return;
	pass(pipe, pipe->client, bytes, n);
}

static int
connect_to(const struct redis_server *server)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "%s", server->sock);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void
on_accept(evutil_socket_t listener, short what, void *arg)
{
	struct redis_proxy *p = arg;
	int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	int server = connect_to(p->server);

	(void)what;
	p->taken++;
	if (client < 0 || server < 0) {
		close(client);
		close(server);
		return;
	}
	struct redis_proxy_pipe *pipe = xcalloc(1, sizeof *pipe);
	pipe->p = p;
	pipe->client = client;
	pipe->server = server;
	pipe->next = p->pipes;
	p->pipes = pipe;
	pipe->from_client =
	    event_new(p->base, client, EV_READ | EV_PERSIST, on_client, pipe);
	pipe->from_server =
	    event_new(p->base, server, EV_READ | EV_PERSIST, on_server, pipe);
	event_add(pipe->from_client, NULL);
	event_add(pipe->from_server, NULL);
}

void
redis_proxy_start(
    struct redis_proxy *p, struct event_base *base, struct redis_server *server)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	*p = (struct redis_proxy){
	    .base = base, .server = server, .budget = SIZE_MAX};
	snprintf(a.sun_path, sizeof a.sun_path, "%s/proxy.sock", server->dir);
	snprintf(p->url, sizeof p->url, "unix://%s", a.sun_path);
	unlink(a.sun_path);
	p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(p->listener, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(p->listener, 16), 0);
	p->accepts =
	    event_new(base, p->listener, EV_READ | EV_PERSIST, on_accept, p);
	event_add(p->accepts, NULL);
}

void
redis_proxy_stop(struct redis_proxy *p)
{
	if (!p->accepts)
		return;
	event_free(p->accepts);
	p->accepts = NULL;
	close(p->listener);
	while (p->pipes) {
		struct redis_proxy_pipe *pipe = p->pipes;

		p->pipes = pipe->next;
		pipe_close(pipe);
		free(pipe);
	}
}
