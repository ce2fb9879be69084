/* SPDX-License-Identifier: ISC */
/*
 * The connection to Redis, against a real server, against peers that say what
 * no Redis should, and through a proxy that cuts it at every byte.
 */
#include "server/redis_link.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <hiredis.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "server/redis_handshake.h"
#include "server/redis_resp.h"
#include "server/redis_script.h"
#include "server/redis_url.h"
#include "tests/unit/redis_proxy.h"
#include "tests/unit/redis_server.h"
#include "tests/unit/unit.h"

enum { CONNECT_MS = 200, PROBE_MS = 60, DEAD_MS = 240, PATIENCE_MS = 10000 };

static struct redis_server server;

/* A script that needs no keys, to see what a link does with scripts. */
static const struct redis_script scripts[] = {
    {"echo", "return ARGV[1]"}, {"two", "return {ARGV[1], 2}"}};

/* --- a link under test ---------------------------------------------------- */

struct world {
	struct event_base *base;
	struct redis_url url;
	struct redis_link *link;
	unsigned ups, downs, outdated, pushes;
	struct {
		unsigned calls, good, errors, lost, written;
		long long last; /* the number in the last answer */
		bool in_order;
	} got;
	/* A peer of the test's own. */
	int listener;
	struct event *accepts;
	unsigned accepted;
	const char *says; /* to whoever connects; NULL: nothing */
	struct peer *peers;
	struct redis_proxy proxy;
};

struct peer {
	struct peer *next;
	struct world *w;
	int fd;
	struct event *reads;
};

static void
on_state(void *arg, bool up)
{
	struct world *w = arg;

	w->ups += up;
	w->downs += !up;
}

static void
on_push(void *arg, const redisReply *r)
{
	struct world *w = arg;

	assert_int_equal(r->type, REDIS_REPLY_ARRAY);
	w->pushes++;
}

static void
on_outdated(void *arg)
{
	struct world *w = arg;

	w->outdated++;
}

static void
link_start(struct world *w, const char *url, const char *channel)
{
	char cause[ERR_LEN];
	struct redis_link_config c = {
	    .base = w->base,
	    .url = &w->url,
	    .name = "test",
	    .client_name = "snugd-test",
	    .channel = channel,
	    .layout_key = "t:{nodes}:layout",
	    .layout = 1,
	    .scripts = scripts,
	    .nscripts = channel ? 0 : ARRAY_LEN(scripts),
	    .connect_timeout_ms = CONNECT_MS,
	    .probe_ms = PROBE_MS,
	    .dead_ms = DEAD_MS,
	    .backoff_max_ms = 10,
	    .on_state = on_state,
	    .on_outdated = on_outdated,
	    .on_push = on_push,
	    .arg = w,
	};

	assert_int_equal(redis_url_parse(&w->url, span_of(url), cause), 0);
	w->link = redis_link_new(&c);
}

static void
link_start_real(struct world *w, const char *channel)
{
	char *url = xasprintf("unix://%s", server.sock);

	link_start(w, url, channel);
	free(url);
}

/* Runs the loop until the condition holds. */
#define AWAIT(w, condition)                                                 \
	do {                                                                \
		uint64_t until_ms = clock_now_ms() + PATIENCE_MS;           \
		while (!(condition)) {                                      \
			if (clock_now_ms() > until_ms)                      \
				fail_msg("waited in vain for " #condition); \
			turn(w);                                            \
		}                                                           \
	} while (0)

static void
on_nothing(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void
turn(struct world *w)
{
	struct timeval tv = {0, 10000};

	event_base_once(w->base, -1, EV_TIMEOUT, on_nothing, NULL, &tv);
	event_base_loop(w->base, EVLOOP_ONCE);
}

static void
on_reply(void *arg, const redisReply *r, bool written)
{
	struct world *w = arg;

	w->got.calls++;
	w->got.written += written;
	if (r == NULL)
		w->got.lost++;
	else if (r->type == REDIS_REPLY_ERROR)
		w->got.errors++;
	else
		w->got.good++;
	if (r != NULL && r->type == REDIS_REPLY_STRING) {
		long long n = strtoll(r->str, NULL, 10);

		w->got.in_order = w->got.in_order && n > w->got.last;
		w->got.last = n;
	}
}

static int
send_echo(struct world *w, long long n)
{
	struct resp_cmd c = {0};

	resp_str(&c, "ECHO");
	resp_i64(&c, n);
	int err = redis_link_send(w->link, &c, on_reply, w, NULL);
	resp_free(&c);
	return err;
}

static int
eval_echo(struct world *w, long long n)
{
	struct resp_cmd c = {0};

	resp_i64(&c, n);
	int err = redis_link_eval(w->link, 0, 0, &c, on_reply, w, NULL);
	resp_free(&c);
	return err;
}

/* --- a peer of the test's own --------------------------------------------- */

static void
peer_close(struct peer *p)
{
	if (p->reads)
		event_free(p->reads);
	p->reads = NULL;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

/* What comes is swallowed, to the end. */
static void
on_swallow(evutil_socket_t fd, short what, void *arg)
{
	struct peer *p = arg;
	char waste[4096];

	(void)what;
	if (read(fd, waste, sizeof waste) <= 0)
		peer_close(p);
}

static struct peer *
peer_new(struct world *w, int fd)
{
	struct peer *p = xcalloc(1, sizeof *p);

	p->w = w;
	p->fd = fd;
	p->next = w->peers;
	w->peers = p;
	w->accepted++;
	return p;
}

static void
on_accept(evutil_socket_t listener, short what, void *arg)
{
	struct world *w = arg;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	(void)what;
	assert_true(fd >= 0);
	struct peer *p = peer_new(w, fd);
	if (w->says)
		assert_true(
		    send(fd, w->says, strlen(w->says), MSG_NOSIGNAL) > 0);
	p->reads = event_new(w->base, fd, EV_READ | EV_PERSIST, on_swallow, p);
	event_add(p->reads, NULL);
}

static char peer_url[128];

static int
listen_at(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static void
peer_accept(struct world *w)
{
	w->accepts =
	    event_new(w->base, w->listener, EV_READ | EV_PERSIST, on_accept, w);
	event_add(w->accepts, NULL);
}

static void
peer_listen(struct world *w)
{
	char path[80];

	snprintf(path, sizeof path, "%s/peer.sock", server.dir);
	snprintf(peer_url, sizeof peer_url, "unix://%s", path);
	w->listener = listen_at(path);
	peer_accept(w);
}

static int
setup(void **state)
{
	struct world *w = xcalloc(1, sizeof *w);

	w->base = event_base_new();
	w->listener = -1;
	w->got.in_order = true;
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	redis_link_free(w->link);
	/* The resolver lets go of what it was asked in the next turn. */
	event_base_loop(w->base, EVLOOP_NONBLOCK);
	redis_proxy_stop(&w->proxy);
	while (w->peers) {
		struct peer *p = w->peers;

		w->peers = p->next;
		peer_close(p);
		free(p);
	}
	if (w->accepts)
		event_free(w->accepts);
	if (w->listener >= 0)
		close(w->listener);
	event_base_free(w->base);
	free(w);
	return server.pid > 0 ? 0 : redis_server_start(&server);
}

/* --- a healthy one -------------------------------------------------------- */

static void
answers_come_in_the_order_of_the_commands(void **state)
{
	struct world *w = *state;
	link_start_real(w, NULL);
	AWAIT(w, w->ups == 1);

	for (long long i = 1; i <= 1000; i++)
		assert_int_equal(i % 3 ? send_echo(w, i) : eval_echo(w, i), 0);
	AWAIT(w, w->got.calls == 1000);

	assert_int_equal(w->got.good, 1000);
	assert_true(w->got.in_order);
	assert_int_equal(w->got.last, 1000);
}

static void
nothing_is_called_from_within_a_call(void **state)
{
	struct world *w = *state;
	link_start_real(w, NULL);
	assert_int_equal(send_echo(w, 1), -LINK_EDOWN);
	assert_int_equal(w->got.calls, 0);
	AWAIT(w, w->ups == 1);
	assert_int_equal(send_echo(w, 1), 0);
	redis_link_drop(w->link, "the test says so");
	assert_int_equal(w->got.calls, 0);
	assert_int_equal(w->downs, 0);
	assert_false(redis_link_is_up(w->link));
	assert_int_equal(send_echo(w, 2), -LINK_EDOWN);
	AWAIT(w, w->downs == 1);
	assert_int_equal(w->got.lost, 1);
}

static void
freeing_answers_all_that_is_owed(void **state)
{
	struct world *w = *state;
	link_start_real(w, NULL);
	AWAIT(w, w->ups == 1);
	for (int i = 0; i < 5; i++)
		assert_int_equal(send_echo(w, i), 0);

	redis_link_free(w->link);
	w->link = NULL;

	assert_int_equal(w->got.lost, 5);
	assert_int_equal(w->got.written, 0);
}

static void
a_subscription_only_pushes(void **state)
{
	struct world *w = *state;
	struct resp_cmd c = {0};
	link_start_real(w, "t:own");
	AWAIT(w, w->ups == 1);
	assert_int_equal(w->pushes, 0);

	resp_str(&c, "SUBSCRIBE");
	resp_str(&c, "t:other");
	assert_int_equal(redis_link_send(w->link, &c, NULL, NULL, NULL), 0);
	resp_free(&c);
	AWAIT(w, w->pushes == 1);
	redis_server_do(&server, "PUBLISH t:own x");
	redis_server_do(&server, "PUBLISH t:other x");
	AWAIT(w, w->pushes == 3);
	/* The answers to PING are pushes too, and keep it up. */
	AWAIT(w, w->pushes >= 6);
	assert_int_equal(w->downs, 0);
}

static void
a_quiet_link_is_probed_and_stays_up(void **state)
{
	struct world *w = *state;
	link_start_real(w, NULL);
	AWAIT(w, w->ups == 1);

	uint64_t from_ms = clock_now_ms();
	AWAIT(w, clock_now_ms() - from_ms > 2 * DEAD_MS);

	assert_int_equal(w->downs, 0);
}

/* --- limits --------------------------------------------------------------- */

static void
a_full_queue_refuses_and_recovers(void **state)
{
	struct world *w = *state;
	int err = 0;
	unsigned sent = 0;
	link_start_real(w, NULL);
	AWAIT(w, w->ups == 1);

	redis_server_freeze(&server);
	while (sent <= LINK_COMMANDS_MAX && (err = send_echo(w, sent + 1)) == 0)
		sent++;
	redis_server_thaw(&server);

	assert_int_equal(err, -LINK_EBUSY);
	assert_int_equal(sent, LINK_COMMANDS_MAX);
	AWAIT(w, w->got.calls == sent);
	assert_int_equal(w->got.good, sent);
	assert_true(w->got.in_order);
	assert_int_equal(send_echo(w, sent + 1), 0);
}

static void
a_queue_of_large_commands_is_bounded_in_bytes(void **state)
{
	struct world *w = *state;
	struct resp_cmd c = {0};
	char *big = xmalloc(1 << 20);
	unsigned sent = 0;
	link_start_real(w, NULL);
	AWAIT(w, w->ups == 1);
	memset(big, 'x', 1 << 20);
	resp_str(&c, "ECHO");
	resp_span(&c, (struct span){big, 1 << 20});

	while (
	    sent < 20 && redis_link_send(w->link, &c, on_reply, w, NULL) == 0)
		sent++;

	assert_int_equal(sent, 7);
	AWAIT(w, w->got.good == sent);
	resp_free(&c);
	free(big);
}

/* --- what goes wrong ------------------------------------------------------ */

static void
waits_for_a_redis_that_is_not_there_yet(void **state)
{
	struct world *w = *state;
	redis_server_kill(&server);
	link_start_real(w, NULL);
	for (int i = 0; i < 20; i++)
		turn(w);
	assert_int_equal(w->ups, 0);

	assert_int_equal(redis_server_start(&server), 0);
	AWAIT(w, w->ups == 1);
	assert_int_equal(w->downs, 0);
}

static void
a_refused_tcp_connection_is_tried_again(void **state)
{
	struct world *w = *state;
	link_start(w, "redis://127.0.0.1:1", NULL);
	for (int i = 0; i < 20; i++)
		turn(w);
	assert_int_equal(w->ups + w->downs, 0);
}

static void
a_name_without_an_address_is_tried_again(void **state)
{
	struct world *w = *state;
	link_start(w, "redis://nobody.invalid:1", NULL);
	for (int i = 0; i < 40; i++)
		turn(w);
	assert_int_equal(w->ups + w->downs, 0);
}

/* By libevent's resolver, which reads /etc/hosts. */
static void
a_name_is_looked_up(void **state)
{
	struct world *w = *state;
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof a;
	char url[64];
	w->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(w->listener, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(w->listener, 16), 0);
	assert_int_equal(
	    getsockname(w->listener, (struct sockaddr *)&a, &len), 0);
	peer_accept(w);
	snprintf(url, sizeof url, "redis://localhost:%u",
	    (unsigned)ntohs(a.sin_port));

	link_start(w, url, NULL);

	AWAIT(w, w->accepted >= 1);
}

static void
a_peer_that_says_nothing_is_left_at_the_deadline(void **state)
{
	struct world *w = *state;
	peer_listen(w);
	link_start(w, peer_url, NULL);

	AWAIT(w, w->accepted == 1);
	uint64_t from_ms = clock_now_ms();
	AWAIT(w, w->accepted == 3);

	assert_true(clock_now_ms() - from_ms >= CONNECT_MS);
	assert_int_equal(w->ups, 0);
}

static void
a_lost_connection_is_made_again(void **state)
{
	struct world *w = *state;
	link_start_real(w, NULL);
	AWAIT(w, w->ups == 1);

	for (unsigned i = 1; i <= 20; i++) {
		assert_int_equal(send_echo(w, 0), 0);
		redis_server_do(&server, "CLIENT KILL TYPE normal SKIPME yes");
		AWAIT(w, w->downs == i);
		AWAIT(w, w->ups == i + 1);
		assert_int_equal(w->got.calls, i);
	}
	assert_int_equal(send_echo(w, 1), 0);
	AWAIT(w, w->got.calls == 21);
	assert_true(w->got.good >= 1);
}

static void
a_frozen_redis_is_left_and_its_commands_are_written_off(void **state)
{
	struct world *w = *state;
	uint64_t began_ms = clock_now_ms(); /* it is not heard before */
	link_start_real(w, NULL);
	AWAIT(w, w->ups == 1);

	redis_server_freeze(&server);
	uint64_t from_ms = clock_now_ms();
	assert_int_equal(send_echo(w, 1), 0);
	AWAIT(w, w->downs == 1);
	redis_server_thaw(&server);

	assert_true(clock_now_ms() - began_ms >= DEAD_MS);
	assert_true(clock_now_ms() - from_ms < 3 * DEAD_MS);
	assert_int_equal(w->got.lost, 1);
	assert_int_equal(w->got.written, 1);
	AWAIT(w, w->ups == 2);
}

static void
lost_scripts_are_loaded_again(void **state)
{
	struct world *w = *state;
	link_start_real(w, NULL);
	AWAIT(w, w->ups == 1);

	for (unsigned round = 0; round < 5; round++) {
		redis_server_do(&server, "SCRIPT FLUSH");
		for (unsigned i = 1; i <= 100; i++)
			assert_int_equal(
			    eval_echo(w, (long long)round * 100 + i), 0);
		AWAIT(w, w->got.calls == (round + 1) * 100);
	}

	assert_int_equal(w->got.good, 500);
	assert_true(w->got.in_order);
	assert_int_equal(w->downs, 0);
}

static void
a_newer_layout_is_refused(void **state)
{
	struct world *w = *state;
	redis_server_do(&server, "SET t:{nodes}:layout 2");
	link_start_real(w, NULL);
	AWAIT(w, w->outdated == 3); /* it is tried again */
	assert_int_equal(w->ups, 0);

	redis_server_do(&server, "SET t:{nodes}:layout 1");
	AWAIT(w, w->ups == 1);
}

static void
a_replica_is_refused(void **state)
{
	struct world *w = *state;
	redis_server_do(&server, "REPLICAOF 127.0.0.1 1");
	link_start_real(w, NULL);
	for (int i = 0; i < 20; i++)
		turn(w);
	assert_int_equal(w->ups, 0);

	redis_server_do(&server, "REPLICAOF NO ONE");
	AWAIT(w, w->ups == 1);
}

/* Nothing is written by which it would be found out. */
static void
a_quiet_link_finds_that_its_master_was_demoted(void **state)
{
	struct world *w = *state;
	link_start_real(w, NULL);
	AWAIT(w, w->ups == 1);

	redis_server_do(&server, "REPLICAOF 127.0.0.1 1");
	AWAIT(w, w->downs == 1);
	for (int i = 0; i < 20; i++)
		turn(w);
	assert_int_equal(w->ups, 1);

	redis_server_do(&server, "REPLICAOF NO ONE");
	AWAIT(w, w->ups == 2);
}

static void
it_knows_which_run_of_redis_it_is_up_with(void **state)
{
	struct world *w = *state;
	char first[REDIS_RUN_ID_LEN + 1];
	redisReply *info = redis_server_ask(&server, "INFO server");
	link_start_real(w, NULL);
	AWAIT(w, w->ups == 1);
	span_copy(first, sizeof first, span_of(redis_link_run_id(w->link)));
	assert_int_equal(strlen(first), REDIS_RUN_ID_LEN);
	assert_non_null(strstr(info->str, first));
	freeReplyObject(info);

	redis_server_do(&server, "CLIENT KILL TYPE normal");
	AWAIT(w, w->ups == 2);
	assert_string_equal(redis_link_run_id(w->link), first);

	redis_server_kill(&server);
	assert_int_equal(redis_server_start(&server), 0);
	AWAIT(w, w->ups == 3);
	assert_string_not_equal(redis_link_run_id(w->link), first);
}

static void
user_and_password_are_shown_to_redis(void **state)
{
	struct world *w = *state;
	char *good = xasprintf("unix://ann:p%%40ss@%s?db=3", server.sock);
	char *bad = xasprintf("unix://ann:wrong@%s", server.sock);
	redis_server_do(&server, "ACL SETUSER ann on >p@ss +@all ~* &*");

	link_start(w, bad, NULL);
	for (int i = 0; i < 20; i++)
		turn(w);
	assert_int_equal(w->ups, 0);
	redis_link_free(w->link);

	link_start(w, good, NULL);
	AWAIT(w, w->ups == 1);
	redisReply *r = redis_server_ask(&server, "CLIENT LIST");
	assert_non_null(strstr(r->str, "name=snugd-test"));
	assert_non_null(strstr(r->str, "user=ann"));
	assert_non_null(strstr(r->str, "db=3"));
	freeReplyObject(r);
	redis_server_do(&server, "ACL DELUSER ann");
	free(good);
	free(bad);
}

/* --- what no Redis should say --------------------------------------------- */

/* Good answers to the whole handshake of a link with our two scripts. */
#define SHA "0123456789012345678901234567890123456789"
#define HANDSHAKE                                   \
	"+OK\r\n*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n" \
	"$19\r\nredis_version:7.0.0\r\n$-1\r\n"     \
	"$40\r\n" SHA "\r\n$40\r\n" SHA "\r\n"

static void
hostile_handshakes_are_left(void **state)
{
	struct world *w = *state;
	static const char *const lines[] = {
	    "HTTP/1.1 400 Bad Request\r\n\r\n",
	    "SSH-2.0-x\r\n",
	    "\x15\x03\x01\x02\x02\n",
	    "*2147483647\r\n",
	    "*-5\r\n",
	    "$99999999999999999999\r\n",
	    "$67108865\r\n",
	    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:"
	    "1\r\n",
	    "+OK\r\n*0\r\n",
	    "+OK\r\n*1\r\n*0\r\n",
	    "+OK\r\n*1\r\n$7\r\nreplica\r\n",
	    "+OK\r\n+master\r\n",
	    "+OK\r\n$-1\r\n",
	    ":1\r\n",
	    "-NOAUTH Authentication required.\r\n",
	    "-LOADING Redis is loading the dataset in memory\r\n",
	    "-ERR max number of clients reached\r\n",
	    "+OK\r\n*1\r\n$6\r\nmaster\r\n$19\r\nredis_version:6.2.9\r\n",
	    "+OK\r\n*1\r\n$6\r\nmaster\r\n$0\r\n\r\n$-1\r\n$1\r\nx\r\n",
	    "+OK\r\n*1\r\n$6\r\nmaster\r\n$0\r\n\r\n$1\r\n2\r\n",
	    "+OK\r\n*1\r\n$6\r\nmaster\r\n$0\r\n\r\n$-1\r\n:5\r\n",
	    "-\x1b]0;owned\x07\r\n",
	};
	peer_listen(w);

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		unsigned before = w->accepted;

		w->says = lines[i];
		link_start(w, peer_url, NULL);
		uint64_t from_ms = clock_now_ms();
		/* It comes back, so it has hung up; and not for the time. */
		AWAIT(w, w->accepted >= before + 2);
		assert_true(clock_now_ms() - from_ms < CONNECT_MS);
		assert_int_equal(w->ups, 0);
		redis_link_free(w->link);
		w->link = NULL;
	}
}

static void
hostile_answers_are_the_end_of_a_connection(void **state)
{
	struct world *w = *state;
	static const char *const lines[] = {
	    HANDSHAKE "+answer to nothing\r\n",
	    HANDSHAKE "*2\r\n$7\r\nmessage\r\n$1\r\nx\r\n",
	    HANDSHAKE "*1000000000\r\n",
	    HANDSHAKE "?\r\n",
	    HANDSHAKE "-ERR spontaneous\r\n",
	};
	peer_listen(w);

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		unsigned before = w->accepted;

		w->says = lines[i];
		link_start(w, peer_url, NULL);
		/* It comes back, so it has hung up. */
		AWAIT(w, w->accepted >= before + 2);
		redis_link_free(w->link);
		w->link = NULL;
	}
	assert_int_equal(w->got.calls, 0);
}

static void
hostile_pushes_reach_nobody_else(void **state)
{
	struct world *w = *state;
	/* The handshake of a subscription, then what is no push. */
	w->says = "+OK\r\n*1\r\n$6\r\nmaster\r\n$0\r\n\r\n$-1\r\n"
		  "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"
		  "*1\r\n$7\r\nmessage\r\n*1\r\n:7\r\n";
	peer_listen(w);
	link_start(w, peer_url, "c");

	AWAIT(w, w->downs == 1);
	assert_int_equal(w->pushes, 1);
}

/* --- a proxy that cuts ---------------------------------------------------- */

/* Every command is answered exactly once, wherever the bytes end. */
static void
a_thousand_cuts_leave_no_command_unanswered(void **state)
{
	struct world *w = *state;
	unsigned sent = 0;
	redis_proxy_start(&w->proxy, w->base, &server);
	link_start(w, w->proxy.url, NULL);

	for (size_t cut = 0; cut < 1000; cut++) {
		unsigned downs = w->downs;

		w->proxy.budget = SIZE_MAX;
		AWAIT(w, redis_link_is_up(w->link));
		w->proxy.budget = cut % 97;
		for (int i = 0; i < 8; i++) {
			int err = i % 2 ? send_echo(w, i) : eval_echo(w, i);

			assert_int_equal(err, 0);
			sent++;
		}
		AWAIT(w, w->downs > downs || w->got.calls == sent);
	}
	w->proxy.budget = SIZE_MAX;
	AWAIT(w, w->got.calls == sent);
	assert_int_equal(w->got.good + w->got.lost, sent);
	assert_true(w->got.lost > 1000);
}

static void
a_handshake_cut_anywhere_is_made_again(void **state)
{
	struct world *w = *state;
	redis_proxy_start(&w->proxy, w->base, &server);

	for (size_t cut = 0; cut < 600; cut += 23) {
		unsigned before = w->proxy.taken, ups = w->ups;

		w->proxy.budget = cut;
		link_start(w, w->proxy.url, NULL);
		AWAIT(w, w->proxy.taken >= before + 2);
		w->proxy.budget = SIZE_MAX;
		AWAIT(w, w->ups > ups);
		redis_link_free(w->link);
		w->link = NULL;
	}
}

/* --- the table ------------------------------------------------------------ */

#define LINK_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    LINK_TEST(answers_come_in_the_order_of_the_commands),
	    LINK_TEST(nothing_is_called_from_within_a_call),
	    LINK_TEST(freeing_answers_all_that_is_owed),
	    LINK_TEST(a_subscription_only_pushes),
	    LINK_TEST(a_quiet_link_is_probed_and_stays_up),
	    LINK_TEST(a_full_queue_refuses_and_recovers),
	    LINK_TEST(a_queue_of_large_commands_is_bounded_in_bytes),
	    LINK_TEST(waits_for_a_redis_that_is_not_there_yet),
	    LINK_TEST(a_refused_tcp_connection_is_tried_again),
	    LINK_TEST(a_name_without_an_address_is_tried_again),
	    LINK_TEST(a_name_is_looked_up),
	    LINK_TEST(a_peer_that_says_nothing_is_left_at_the_deadline),
	    LINK_TEST(a_lost_connection_is_made_again),
	    LINK_TEST(a_frozen_redis_is_left_and_its_commands_are_written_off),
	    LINK_TEST(lost_scripts_are_loaded_again),
	    LINK_TEST(a_newer_layout_is_refused),
	    LINK_TEST(a_replica_is_refused),
	    LINK_TEST(a_quiet_link_finds_that_its_master_was_demoted),
	    LINK_TEST(it_knows_which_run_of_redis_it_is_up_with),
	    LINK_TEST(user_and_password_are_shown_to_redis),
	    LINK_TEST(hostile_handshakes_are_left),
	    LINK_TEST(hostile_answers_are_the_end_of_a_connection),
	    LINK_TEST(hostile_pushes_reach_nobody_else),
	    LINK_TEST(a_thousand_cuts_leave_no_command_unanswered),
	    LINK_TEST(a_handshake_cut_anywhere_is_made_again),
	};
	if (getenv("SNUG_TEST_LOG") == NULL)
		log_setup(LOG_LEVEL_ERROR, LOG_TEXT); /* the faults are ours */
	if (redis_server_start(&server) != 0)
		return 99; /* a hard error for the test driver */
	cmocka_set_test_filter(getenv("SNUG_TEST_FILTER"));
	int failed = RUN(tests);
	redis_server_end(&server);
	return failed;
}
