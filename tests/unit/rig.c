/* SPDX-License-Identifier: ISC */
/* See the header. */
#include "tests/unit/rig.h"

#include <event2/event.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "proto/channel.h"
#include "proto/identity.h"
#include "server/claim.h"
#include "server/news.h"
#include "server/relay_local.h"
#include "server/room.h"
#include "server/sockets.h"
#include "server/user.h"
#include "tests/unit/relay_held.h"
#include "tests/unit/unit.h"

enum { ARGS_MAX = 32, IDLE_TURNS = 4 };
#ifdef RIG_SECURE
static const bool all_secure = true;
#else
static const bool all_secure = false;
#endif

/* --- the node ------------------------------------------------------------- */

static void
on_relay_run(evutil_socket_t fd, short what, void *arg)
{
	struct rig *r = arg;

	(void)fd, (void)what;
	relay_held_run(r->relay, clock_now_ms(), r->wall_ms);
}

static void
wake_relay(void *arg)
{
	struct rig *r = arg;

	r->wakes++;
	event_active(r->relay_run, 0, 0);
}

static void
on_flush(evutil_socket_t fd, short what, void *arg)
{
	struct rig *r = arg;

	(void)fd, (void)what;
	news_settle(&r->server);
	rooms_flush(r->server.rooms);
	sessions_flush(&r->server);
}

static void
wake_flush(void *arg)
{
	struct rig *r = arg;

	r->wakes++;
	event_active(r->flush, 0, 0);
}

static void
load_config(struct config *c, const char *options)
{
	static char words[1024];
	char *argv[ARGS_MAX + 1] = {0}, *rest, cause[ERR_LEN];
	int argc = 0;

	snprintf(words, sizeof words,
	    "snugd --no-config --name den --flood=off --secure=%s %s",
	    all_secure ? "offered" : "off", options);
	for (char *w = strtok_r(words, " ", &rest); w;
	     w = strtok_r(NULL, " ", &rest)) {
		assert_true(argc < ARGS_MAX);
		argv[argc++] = w;
	}
	if (config_load(c, argc, argv, cause) != 0)
		fail_msg("%s", cause);
}

void
rig_renew_relay(struct rig *r)
{
	struct relay_local_config local = {
	    .node = r->config.name,
	    .history = r->config.history,
	    .history_ttl_ms = r->config.history_ttl,
	    .dedupe_ms = r->config.dedupe,
	    .resume_ms = r->config.resume,
	    .wake = wake_relay,
	    .wake_arg = r,
	};

	r->server.relay = r->relay = relay_held_new(&local);
	r->server.relay_gone = false;
	relay_set_events(r->relay, &news_events, &r->server);
}

struct rig *
rig_new(const char *options)
{
	struct rig *r = xcalloc(1, sizeof *r);
	struct server *sv = &r->server;
	struct config *c = &r->config;

	assert_true(sodium_init() >= 0);
	log_setup(LOG_LEVEL_ERROR, LOG_TEXT);
	load_config(c, options);
	r->all_secure = all_secure;
	sv->config = c;
	sv->base = event_base_new();
	sv->sockets = sockets_new(sv->base, session_on_socket);
	assert_non_null(sv->sockets);
	TAILQ_INIT(&sv->sessions);
	sv->flood = (struct flood_rule){.burst = c->flood_burst,
	    .rate = c->flood_rate,
	    .delay_ms = c->flood_delay,
	    .limit_ms = c->flood_limit};
	sv->wake = wake_flush;
	sv->wake_arg = r;
	sv->name = c->name;
	if (c->secure != SECURE_OFF)
		sv->identity = identity_new(IDENTITY_SERVER);
	sv->gate = gate_new(sv);
	sv->max_sessions = RIG_CLIENTS;
	sv->users = users_new();
	sv->rooms =
	    rooms_new(session_deliver, wake_flush, r, (size_t)c->presence_max);
	r->relay_run = event_new(sv->base, -1, 0, on_relay_run, r);
	r->flush = event_new(sv->base, -1, 0, on_flush, r);
	r->wall_ms = RIG_WALL;
	rig_renew_relay(r);
	return r;
}

static void
end_sessions(struct rig *r)
{
	struct session *s;

	while ((s = TAILQ_FIRST(&r->server.sessions)))
		session_lost(s, "the test is over");
	relay_held_hold(r->relay, false);
	while (relay_held_count(r->relay) > 0)
		relay_held_give(r->relay);
	rig_settle(r);
}

static void
client_free(struct client *c)
{
	channel_free(c->channel);
	buf_free(&c->cipher);
	buf_free(&c->got);
	buf_free(&c->lines);
}

void
rig_free(struct rig *r)
{
	struct server *sv = &r->server;

	end_sessions(r);
	assert_int_equal(sv->nsessions, 0);
	assert_int_equal(users_count(sv->users), 0);
	assert_int_equal(rooms_count(sv->rooms), 0);
	sv->relay_gone = true;
	relay_free(sv->relay);
	sessions_fini(sv);
	rooms_free(sv->rooms);
	users_free(sv->users);
	gate_free(sv->gate);
	identity_free(sv->identity);
	identity_free(sv->next_identity);
	secure_work_free(&sv->work);
	spares_free(&sv->spares);
	event_free(r->relay_run);
	event_free(r->flush);
	sockets_free(sv->sockets);
	event_base_free(sv->base);
	config_free(&r->config);
	for (size_t i = 0; i < r->n; i++) {
		rig_hang_up(&r->clients[i]);
		client_free(&r->clients[i]);
	}
	free(r);
}

/* --- clients -------------------------------------------------------------- */

struct client *
rig_connect_from(struct rig *r, bool local)
{
	struct client *c = &r->clients[r->n++];
	int fds[2];

	assert_true(r->n <= RIG_CLIENTS);
	assert_int_equal(
	    socketpair(
		AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
	    0);
	c->rig = r;
	c->fd = fds[1];
	c->session =
	    session_start(&r->server, fds[0], &(struct caller){.local = local});
	span_copy(c->nick, sizeof c->nick, span_of(c->session->user->shown));
	return c;
}

static void
assert_welcome(const char *line)
{
	static const char welcome[] = "WELCOME snug/1 den guest ";

	assert_memory_equal(line, welcome, sizeof welcome - 1);
}

static struct span next_line(struct span *rest);

/* The SECURE line if `line`, and message 1. */
static void
call(struct client *c, bool line, size_t cut)
{
	static const char secure[] = "SECURE " CHANNEL_SUITE "\n";
	struct buf wire = {0};
	struct span got;

	rig_settle(c->rig);
	got = (struct span){buf_head(&c->got), buf_len(&c->got)};
	if (line)
		buf_add(&wire, secure, sizeof secure - 1);
	c->channel = channel_new_client(&wire);
	assert_int_equal(channel_set_greeting(c->channel, next_line(&got),
			     (struct span){secure, sizeof secure - 2}),
	    0);
	for (size_t n; buf_len(&wire) > 0; buf_drain(&wire, n)) {
		n = buf_len(&wire) < cut ? buf_len(&wire) : cut;
		rig_send_raw(c, buf_head(&wire), n);
	}
	buf_free(&wire);
}

void
rig_call(struct client *c, size_t cut)
{
	call(c, true, cut);
}

void
rig_call_behind(struct client *c)
{
	call(c, false, RIG_WHOLE);
}

struct client *
rig_connect_secure(struct rig *r, bool local)
{
	struct client *c = rig_connect_from(r, local);

	rig_call(c, RIG_WHOLE);
	assert_true(channel_is_ready(c->channel));
	/* The second one counts. */
	assert_welcome(strchr(rig_lines(c), '\n') + 1);
	return c;
}

struct client *
rig_connect(struct rig *r)
{
	struct client *c;

	if (r->all_secure)
		return rig_connect_secure(r, true);
	c = rig_connect_from(r, true);
	assert_welcome(rig_lines(c));
	return c;
}

struct client *
rig_person(struct rig *r, const char *nick)
{
	struct client *c = rig_connect(r);
	char line[100], want[100];

	snprintf(line, sizeof line, "NICK %s\n", nick);
	snprintf(want, sizeof want, "OK %s\n", nick);
	rig_send(c, line);
	assert_string_equal(rig_lines(c), want);
	return c;
}

static void
on_claimed(void *arg, enum relay_status st)
{
	(void)arg;
	assert_int_equal(st, RELAY_OK);
}

struct client *
rig_account(struct rig *r, const char *nick)
{
	struct client *c = rig_person(r, nick);
	struct session *s = c->session;
	struct user *guest = s->user, *u;
	char id[SENDER_ID_LEN + 1], token[RELAY_TOKEN_LEN + 1];
	struct name name;

	claim_release(&r->server, guest, false);
	rig_settle(r);
	snprintf(id, sizeof id, "a%032d", nick[0]);
	u = user_mirror(r->server.users, span_of(id), span_of(nick));
	assert_int_equal(name_check(span_of(nick), false, &name), 0);
	user_token(guest, token);
	relay_claim(r->server.relay, &name, id, token, on_claimed, NULL);
	rig_settle(r);
	memcpy(u->token, guest->token, sizeof u->token);
	user_drop_session(guest, s);
	user_add_session(u, s);
	s->user = u;
	user_unref(r->server.users, guest);
	return c;
}

/* What a server says to a client that it has nothing to answer. */
static void
open_messages(struct client *c)
{
	struct buf wire = {0};

	if (c->channel && c->channel_err == 0)
		c->channel_err =
		    channel_feed(c->channel, &c->cipher, &c->got, &wire);
	assert_int_equal(buf_len(&wire), 0);
}

static void
listen_for(struct client *c)
{
	struct buf *to = c->channel ? &c->cipher : &c->got;
	ssize_t n = 1;

	while (c->fd >= 0 && !c->deaf && n > 0) {
		n = recv(c->fd, buf_reserve(to, 65536), 65536, 0);
		if (n > 0) {
			buf_added(to, (size_t)n);
			c->rig->wakes++;
		}
		if (n == 0)
			c->closed = true;
	}
	open_messages(c);
}

void
rig_settle(struct rig *r)
{
	for (unsigned idle = 0; idle < IDLE_TURNS;) {
		unsigned long before = r->wakes;

		event_base_loop(r->server.base, EVLOOP_NONBLOCK);
		for (size_t i = 0; i < r->n; i++)
			listen_for(&r->clients[i]);
		idle = r->wakes == before ? idle + 1 : 0;
	}
}

void
rig_wait(struct client *c)
{
	size_t had = buf_len(&c->got);

	rig_settle(c->rig);
	while (buf_len(&c->got) == had && !c->closed) {
		event_base_loop(c->rig->server.base, EVLOOP_ONCE);
		rig_settle(c->rig);
	}
}

void
rig_send_bytes(struct client *c, const char *p, size_t len)
{
	struct buf wire = {0};

	if (!c->channel) {
		rig_send_raw(c, p, len);
		return;
	}
	/* In pieces that are taken of strangers, too. */
	for (size_t n; len > 0; p += n, len -= n) {
		n = len < CHANNEL_FIRST_PLAIN ? len : CHANNEL_FIRST_PLAIN;
		assert_int_equal(channel_seal(c->channel, p, n, &wire), 0);
	}
	rig_send_raw(c, buf_head(&wire), buf_len(&wire));
	buf_free(&wire);
}

void
rig_send_raw(struct client *c, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = send(c->fd, p, len, MSG_NOSIGNAL);

		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
		rig_settle(c->rig);
	}
}

void
rig_send(struct client *c, const char *bytes)
{
	rig_send_bytes(c, bytes, strlen(bytes));
}

void
rig_half_close(struct client *c)
{
	shutdown(c->fd, SHUT_WR);
	rig_settle(c->rig);
}

void
rig_hang_up(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

void
rig_forget(struct client *c)
{
	struct rig *r = c->rig;

	assert_true(c->fd < 0 && c == &r->clients[r->n - 1]);
	client_free(c);
	*c = (struct client){0};
	r->n--;
}

/* --- what came ------------------------------------------------------------ */

static bool
is_guest(struct span s)
{
	char word[15];

	if (s.len < 14)
		return false;
	span_copy(word, sizeof word, (struct span){s.p, 14});
	return name_is_guest(word);
}

/* The length of `resume=TOKEN`, whose token is kept; or 0. */
static size_t
take_token(struct client *c, struct span s)
{
	static const char key[] = "resume=";
	const char *sp = memchr(s.p, ' ', s.len);
	size_t n = sp ? (size_t)(sp - s.p) : s.len;

	if (n != sizeof key - 1 + USER_TOKEN_LEN ||
	    memcmp(s.p, key, sizeof key - 1) != 0)
		return 0;
	span_copy(c->token, sizeof c->token,
	    (struct span){s.p + sizeof key - 1, USER_TOKEN_LEN});
	return n;
}

static void
add_line(struct client *c, struct span line)
{
	struct buf *out = &c->lines;

	assert_int_equal(text_check(line.p, line.len, NULL), 0);
	while (line.len > 0) {
		size_t n = take_token(c, line);

		if (n > 0) {
			buf_addf(out, "resume=token");
		} else if (is_guest(line)) {
			n = 14;
			buf_addf(out, "guest");
		} else {
			n = 1;
			buf_add(out, line.p, 1);
		}
		line.p += n;
		line.len -= n;
	}
	buf_add(out, "\n", 1);
}

/* One framed line off the front, whose length has to be right. */
static struct span
next_line(struct span *rest)
{
	const char *sp = memchr(rest->p, ' ', rest->len);
	uint64_t len;
	struct span line;

	assert_non_null(sp);
	assert_true(text_u64(
	    (struct span){rest->p, (size_t)(sp - rest->p)}, 99999, &len));
	line = (struct span){sp + 1, (size_t)len};
	rest->len -= (size_t)(sp + 1 - rest->p);
	rest->p = sp + 1;
	assert_true(rest->len > len);
	assert_int_equal(rest->p[len], '\n');
	rest->p += len + 1;
	rest->len -= (size_t)len + 1;
	return line;
}

const char *
rig_lines(struct client *c)
{
	struct span rest;

	rig_settle(c->rig);
	buf_clear(&c->lines);
	rest = (struct span){buf_head(&c->got), buf_len(&c->got)};
	while (rest.len > 0)
		add_line(c, next_line(&rest));
	buf_add(&c->lines, "", 1);
	buf_clear(&c->got);
	return buf_head(&c->lines);
}
