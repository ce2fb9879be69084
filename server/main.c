/* SPDX-License-Identifier: ISC */
/*
 * snugd: puts the parts together and runs the loop, or several processes that
 * do, under a parent that has done what is done once for all.
 *
 * The order of a turn: sockets are read and commands run; the relay hands out
 * what is due; rooms are flushed, then sessions.  Each step is an event that
 * the one before it activates, so it runs behind everything that was ready in
 * the same turn, and no flood of input can keep it from running.
 */
#include <config.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include "server/audit.h"
#include "server/auth.h"
#include "server/command.h"
#include "server/config.h"
#include "server/confine.h"
#include "server/door.h"
#include "server/gate.h"
#include "server/keys.h"
#include "server/listener.h"
#include "server/member.h"
#include "server/news.h"
#include "server/relay.h"
#include "server/relay_local.h"
#include "server/relay_redis.h"
#include "server/reload.h"
#include "server/room.h"
#include "server/sandbox.h"
#include "server/server.h"
#include "server/session.h"
#include "server/shared.h"
#include "server/sockets.h"
#include "server/supervisor.h"
#include "server/table.h"
#include "server/user.h"

enum {
	SPARE_FDS = 64,      /* for everything that is not a session */
	IDLE_RUN_MS = 60000, /* the local relay gives memory back */
	LAG_EVERY_MS = 10,   /* how often the loop's lateness is looked at */
	LAG_SAID_MS = 20,    /* and from where on it is said */
	PUT_OFF_MAX = 8,     /* runs of the relay before one flush */
};

enum { EXIT_USAGE = 2, EXIT_OUTDATED = 78 /* sysexits' EX_CONFIG */ };

struct node {
	struct server server;
	struct config config;
	int argc; /* the command line, for a reload */
	char **argv;
	struct doors *doors;
	struct listeners *listeners;
	struct event *relay_run, *flush, *tick, *lag, *signals[3];
	const struct worker_self *self; /* NULL: there is one process */
	char name[NAME_BYTES_MAX + 8];  /* this node's */
	struct relay_events events; /* news_events, and a look at the state */
	bool is_local;
	bool said_ready;
	bool outdated;        /* what is in Redis is beyond it */
	uint64_t end_by_ms;   /* the end, whoever is still there */
	uint64_t ready_by_ms; /* said by then, with or without the relay */
	uint64_t idle_run_ms;
	uint64_t lag_due_ms;
	bool relay_waits; /* it has something to run */
	unsigned put_off; /* flushes, for that, since the last one */
};

/* --- the turn ----------------------------------------------------------- */

static void
on_relay_run(evutil_socket_t fd, short what, void *arg)
{
	struct node *n = arg;

	(void)fd, (void)what;
	n->relay_waits = false;
	relay_local_run(n->server.relay, clock_now_ms(), clock_wall_ms());
}

static void
wake_relay(void *arg)
{
	struct node *n = arg;

	n->relay_waits = true;
	event_active(n->relay_run, 0, 0);
}

/* A JOIN is several questions to the relay, each answered in its own run:
 * what comes of them leaves in one piece.  Only so often, that a long reading
 * of a log does not keep others waiting. */
static void
on_flush(evutil_socket_t fd, short what, void *arg)
{
	struct node *n = arg;

	(void)fd, (void)what;
	news_settle(&n->server);
	rooms_flush(n->server.rooms);
	if (n->relay_waits && n->put_off < PUT_OFF_MAX) {
		n->put_off++;
		event_active(n->flush, 0, 0); /* behind the relay's run */
		return;
	}
	n->put_off = 0;
	sessions_flush(&n->server);
}

static void
wake_flush(void *arg)
{
	struct node *n = arg;

	event_active(n->flush, 0, 0);
}

static void
print_ready(const struct node *n)
{
	fputs("ready", stderr);
	doors_print(n->doors, stderr);
	fputc('\n', stderr);
}

/* Scripts wait for this line: it comes when something can be said, or when the
 * relay has had its time. */
static void
say_ready(struct node *n)
{
	if (n->said_ready || !n->listeners)
		return;
	n->said_ready = true;
	if (!relay_is_up(n->server.relay))
		log_warn("main", 0,
		    "the relay does not answer yet; it is tried again and "
		    "again");
	if (n->self)
		supervisor_say_ready(n->self);
	else
		print_ready(n);
}

static void
on_relay_state(void *arg, bool up)
{
	struct node *n = arg; /* the server is its first member */

	news_events.on_state(&n->server, up);
	if (up)
		say_ready(n);
}

static void
close_doors(struct node *n)
{
	listeners_close(n->listeners);
	n->listeners = NULL;
	if (n->doors && n->self) {
		shared_leave(n->server.shared);
		doors_shut(n->doors, n->self->worker);
		doors_leave(n->doors);
	} else {
		doors_close(n->doors);
	}
	n->doors = NULL;
}

static void
begin_end(struct node *n)
{
	struct session *s, *next;

	log_info("main", 0, "shutting down sessions=%zu", n->server.nsessions);
	n->server.ending = true;
	n->end_by_ms = clock_now_ms() + (uint64_t)n->config.drain;
	close_doors(n);
	for (s = TAILQ_FIRST(&n->server.sessions); s; s = next) {
		next = TAILQ_NEXT(s, next);
		session_drain(s);
	}
}

/* Everybody is gone, or has had the time. */
static bool
has_ended(const struct node *n, uint64_t now)
{
	return n->server.ending &&
	       (n->server.nsessions == 0 || now >= n->end_by_ms);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct node *n = arg;
	uint64_t now = clock_now_ms();

	(void)fd, (void)what;
	sessions_tick(&n->server, now);
	rooms_trim(n->server.rooms);
	gate_tick(n->server.gate, now);
	if (!n->said_ready && now >= n->ready_by_ms)
		say_ready(n);
	if (n->is_local && now - n->idle_run_ms >= IDLE_RUN_MS) {
		n->idle_run_ms = now;
		relay_local_run(n->server.relay, now, clock_wall_ms());
	}
	if (has_ended(n, now))
		event_base_loopbreak(n->server.base);
}

/* --- signals ------------------------------------------------------------ */

static void
on_end_signal(evutil_socket_t fd, short what, void *arg)
{
	struct node *n = arg;

	(void)fd, (void)what;
	/* A worker may have it from its parent and from elsewhere, such as an
	 * init that ends all processes of a service. */
	if (!n->server.ending)
		begin_end(n);
	else if (!n->self)
		event_base_loopbreak(n->server.base);
}

static void
on_hurry_signal(evutil_socket_t fd, short what, void *arg)
{
	struct node *n = arg;

	(void)fd, (void)what;
	event_base_loopbreak(n->server.base);
}

/* --- setting up --------------------------------------------------------- */

static size_t
raise_descriptors(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) != 0)
		return 1024 - SPARE_FDS;
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) != 0)
		getrlimit(RLIMIT_NOFILE, &rl);
	if (rl.rlim_cur == RLIM_INFINITY || rl.rlim_cur > 1 << 20)
		return 1 << 20;
	return rl.rlim_cur > 2 * SPARE_FDS ? (size_t)rl.rlim_cur - SPARE_FDS
					   : SPARE_FDS;
}

static void
on_outdated(void *arg)
{
	struct node *n = arg;

	n->outdated = true;
	event_base_loopbreak(n->server.base);
}

static struct relay *
make_redis_relay(struct node *n, char cause[static ERR_LEN])
{
	const struct config *c = &n->config;
	struct relay_redis_config redis = {
	    .url = c->redis,
	    .node = n->name,
	    .prefix = c->prefix,
	    .history = c->history,
	    .history_ttl_ms = c->history_ttl,
	    .dedupe_ms = c->dedupe,
	    .resume_ms = c->resume,
	    .rooms_per_account = c->rooms_per_account,
	    .room_ttl_ms = c->room_ttl,
	    .say_timeout_ms = c->say_timeout,
	    .lease_ms = c->lease,
	    .heartbeat_ms = c->heartbeat,
	    .grace_ms = c->grace,
	    .connect_timeout_ms = c->connect_timeout,
	    .probe_ms = c->probe,
	    .dead_ms = c->dead,
	    .backoff_max_ms = c->backoff,
	    .on_outdated = on_outdated,
	    .outdated_arg = n,
	};

	return relay_redis_new(n->server.base, &redis, cause);
}

static struct relay *
make_local_relay(struct node *n, const struct relay_local_config *local,
    char cause[static ERR_LEN])
{
	struct relay *r = relay_local_new(local);

	if (!n->config.state ||
	    relay_local_keep(r, n->config.state, n->server.base, cause) == 0)
		return r;
	relay_free(r);
	return NULL;
}

static struct relay *
make_relay(struct node *n, char cause[static ERR_LEN])
{
	const struct config *c = &n->config;
	struct relay_local_config local = {
	    .node = n->name,
	    .history = c->history,
	    .history_ttl_ms = c->history_ttl,
	    .dedupe_ms = c->dedupe,
	    .resume_ms = c->resume,
	    .rooms_per_account = c->rooms_per_account,
	    .room_ttl_ms = c->room_ttl,
	    .wall_ms = clock_wall_coarse_ms,
	    .wake = wake_relay,
	    .wake_arg = n,
	};

	n->is_local = !c->redis;
	if (c->redis)
		return make_redis_relay(n, cause);
	log_info("main", 0,
	    "rooms are kept in memory, for this one node; --redis keeps them "
	    "for a fleet");
	return make_local_relay(n, &local, cause);
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* A turn that takes long makes this late: what the slowest thing costs. */
static void
on_lag(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval every = {0, LAG_EVERY_MS * 1000};
	struct node *n = arg;
	uint64_t now = clock_now_ms();

	(void)fd, (void)what;
	if (n->lag_due_ms && now >= n->lag_due_ms + LAG_SAID_MS)
		log_debug("main", 0, "loop lag_ms=%llu",
		    (unsigned long long)(now - n->lag_due_ms));
	n->lag_due_ms = now + LAG_EVERY_MS;
	event_add(n->lag, &every);
}

/* Often enough that no deadline is late by more than a quarter. */
static void
set_tick(struct node *n)
{
	const struct config *c = &n->config;
	int64_t ms =
	    least(least(c->ping, c->greet), least(c->handshake, c->linger)) / 4;
	struct timeval tv;

	ms = ms < 10 ? 10 : least(ms, 250);
	tv = (struct timeval){ms / 1000, (suseconds_t)(ms % 1000 * 1000)};
	event_add(n->tick, &tv);
}

/* Looked at by those alone who would hear of it. */
static void
set_lag(struct node *n)
{
	event_del(n->lag);
	n->lag_due_ms = 0;
	if (log_get_level() >= LOG_LEVEL_DEBUG)
		event_active(n->lag, 0, 0);
}

static void
start_tick(struct node *n)
{
	n->tick = event_new(n->server.base, -1, EV_PERSIST, on_tick, n);
	n->lag = event_new(n->server.base, -1, 0, on_lag, n);
	set_tick(n);
	set_lag(n);
}

/* The trail's file does not wait for a good configuration. */
static void
on_hangup(evutil_socket_t fd, short what, void *arg)
{
	struct node *n = arg;
	char cause[ERR_LEN];

	(void)fd, (void)what;
	if (audit_reopen(cause) != 0)
		log_error("main", 0,
		    "%s; the lines go on to the file that is open", cause);
	if (n->server.ending ||
	    !reload(&n->server, &n->config, n->argc, n->argv))
		return;
	set_tick(n);
	set_lag(n);
}

static void
start_signals(struct node *n)
{
	struct event_base *base = n->server.base;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a write that fails says so, too */
	n->signals[0] = evsignal_new(base, SIGTERM, on_end_signal, n);
	n->signals[1] = n->self
			    ? evsignal_new(base, SIGUSR1, on_hurry_signal, n)
			    : evsignal_new(base, SIGINT, on_end_signal, n);
	n->signals[2] = evsignal_new(base, SIGHUP, on_hangup, n);
	for (size_t i = 0; i < ARRAY_LEN(n->signals); i++)
		event_add(n->signals[i], NULL);
}

/* What has to be done before root and files are given up, and once. */
static int
prepare(struct node *n, char cause[static ERR_LEN])
{
	struct server *sv = &n->server;
	const struct config *c = &n->config;

	sv->config = c;
	sv->name = n->name;
	snprintf(n->name, sizeof n->name, "%s", c->name);
	sv->max_sessions = raise_descriptors();
	if (reload_judge(c, &sv->motd, cause) != 0)
		return -1;
	if (c->workers > 1 && !(sv->shared = shared_new((size_t)c->workers))) {
		snprintf(
		    cause, ERR_LEN, "memory for workers: %s", strerror(errno));
		return -1;
	}
	n->doors = doors_open(c, (size_t)c->workers, cause);
	if (!n->doors || keys_open(sv, cause) != 0)
		return -1;
	if (confine_root(c, cause) != 0)
		return -1;
	return confine_files(c, cause);
}

static int
watch_sockets(struct server *sv, char cause[static ERR_LEN])
{
	sv->sockets = sockets_new(sv->base, session_on_socket);
	if (sv->sockets)
		return 0;
	snprintf(
	    cause, ERR_LEN, "sockets cannot be watched: %s", strerror(errno));
	return -1;
}

static int
node_open(struct node *n, char cause[static ERR_LEN])
{
	struct server *sv = &n->server;
	const struct config *c = &n->config;

	sv->base = event_base_new();
	if (!sv->base) {
		snprintf(cause, ERR_LEN, "the event loop cannot start: %s",
		    strerror(errno));
		return -1;
	}
	TAILQ_INIT(&sv->sessions);
	sv->wake = wake_flush;
	sv->wake_arg = n;
	n->relay_run = event_new(sv->base, -1, 0, on_relay_run, n);
	n->flush = event_new(sv->base, -1, 0, on_flush, n);
	sv->gate = gate_new(sv);
	sv->users = users_new();
	sv->rooms =
	    rooms_new(session_deliver, wake_flush, n, (size_t)c->presence_max);
	start_signals(n);
	if (watch_sockets(sv, cause) != 0)
		return -1;
	n->listeners =
	    listeners_open(sv, n->doors, n->self ? n->self->worker : 0, cause);
	if (!n->listeners)
		return -1;
	if (c->audit_log && audit_open(c->audit_log, sv->name, cause) != 0)
		return -1;
	sv->relay = make_relay(n, cause);
	if (!sv->relay)
		return -1;
	sv->auth = auth_new(sv->base, &auth_cost_default);
	if (!sv->auth) {
		snprintf(cause, ERR_LEN, "a thread cannot be started: %s",
		    strerror(errno));
		return -1;
	}
	n->events = news_events;
	n->events.on_state = on_relay_state;
	relay_set_events(sv->relay, &n->events, sv);
	reload_follow(sv);
	start_tick(n);
	return confine_calls(c, SANDBOX_SERVER, cause);
}

static void
node_close(struct node *n)
{
	struct server *sv = &n->server;
	struct session *s;

	if (!sv->base)
		return;
	close_doors(n);
	while ((s = TAILQ_FIRST(&sv->sessions)))
		session_lost(s, "the server ended");
	/* What is still owed comes now, and finds nobody. */
	news_give_up_echoes(sv);
	auth_free(sv->auth);
	sv->relay_gone = true;
	if (sv->relay)
		relay_free(sv->relay);
	news_settle(sv);
	rooms_flush(sv->rooms);
	sessions_flush(sv);
	sessions_fini(sv);
	rooms_free(sv->rooms);
	users_free(sv->users);
	gate_free(sv->gate);
	audit_close();
	secure_work_free(&sv->work);
	spares_free(&sv->spares);
	for (size_t i = 0; i < ARRAY_LEN(n->signals); i++)
		if (n->signals[i])
			event_free(n->signals[i]);
	if (n->tick)
		event_free(n->tick);
	if (n->lag)
		event_free(n->lag);
	event_free(n->relay_run);
	event_free(n->flush);
	sockets_free(sv->sockets);
	event_base_free(sv->base);
	libevent_global_shutdown();
}

static void
put_away(struct node *n)
{
	close_doors(n);
	keys_close(&n->server);
	shared_free(n->server.shared);
	free(n->server.motd);
}

/* --- the command line --------------------------------------------------- */

static int
print_what_was_asked(const struct config *c)
{
	if (c->help) {
		puts("usage: snugd [options]\n");
		conf_print_help(&config_table, stdout);
	} else if (c->version) {
		puts("snugd " PACKAGE_VERSION);
	} else if (c->print_config) {
		conf_print_sample(&config_table, stdout);
	} else if (command_print_table(stdout, c->print_tables) != 0) {
		fprintf(stderr, "snugd: there is no table \"%s\"\n",
		    c->print_tables);
		return EXIT_USAGE;
	}
	return EXIT_SUCCESS;
}

static int
print_key(const struct config *c)
{
	char cause[ERR_LEN];

	if (keys_print(c, stdout, cause) == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "snugd: %s\n", cause);
	return EXIT_FAILURE;
}

static int
check_config(const struct config *c)
{
	char cause[ERR_LEN], *motd;
	int err = reload_judge(c, &motd, cause);

	free(motd);
	if (err == 0) {
		puts("the configuration is good");
		return EXIT_SUCCESS;
	}
	fprintf(stderr, "snugd: %s\n", cause);
	return EXIT_USAGE;
}

static int
say_failure(const char *cause)
{
	fprintf(stderr, "snugd: %s\n", cause);
	return EXIT_FAILURE;
}

static int
say_outdated(void)
{
	fputs("snugd: a newer snugd keeps its data in that Redis in another "
	      "way; upgrade this one, or give it another prefix or database\n",
	    stderr);
	return EXIT_OUTDATED;
}

static int
serve(struct node *n)
{
	char cause[ERR_LEN] = "";
	int status = EXIT_SUCCESS;

	if (node_open(n, cause) == 0) {
		n->ready_by_ms =
		    clock_now_ms() + (uint64_t)n->config.connect_timeout;
		if (relay_is_up(n->server.relay))
			say_ready(n);
		event_base_dispatch(n->server.base);
	} else {
		status = say_failure(cause);
	}
	if (n->outdated)
		status = say_outdated();
	node_close(n);
	return status;
}

/* --- workers ------------------------------------------------------------ */

static int
work(void *arg, const struct worker_self *self)
{
	struct node *n = arg;
	int status;

	n->self = self;
	log_set_worker((unsigned)self->worker + 1);
	snprintf(n->name, sizeof n->name, "%s-%zu", n->config.name,
	    self->worker + 1);
	shared_join(n->server.shared, self->worker);
	doors_keep(n->doors, self->worker);
	status = serve(n);
	put_away(n);
	config_free(&n->config);
	return status;
}

/* Who knocks at its doors is sent to the others until it is back. */
static void
on_worker_death(void *arg, size_t worker)
{
	struct node *n = arg;

	if (n->doors)
		doors_shut(n->doors, worker);
	shared_clear(n->server.shared, worker);
}

static void
on_workers_ready(void *arg)
{
	print_ready(arg);
}

/* For workers that are started later: they begin with what the others have. */
static void
on_workers_hangup(void *arg)
{
	struct node *n = arg;

	(void)reload_alone(&n->server, &n->config, n->argc, n->argv);
}

static uint64_t
on_workers_end(void *arg)
{
	struct node *n = arg;

	close_doors(n);
	return (uint64_t)n->config.drain;
}

static int
serve_by_workers(struct node *n)
{
	struct supervisor_plan plan = {
	    .workers = (size_t)n->config.workers,
	    .arg = n,
	    .work = work,
	    .on_death = on_worker_death,
	    .on_ready = on_workers_ready,
	    .on_hangup = on_workers_hangup,
	    .on_end = on_workers_end,
	};
	char cause[ERR_LEN] = "";

	if (confine_calls(&n->config, SANDBOX_PARENT, cause) != 0)
		return say_failure(cause);
	return supervise(&plan);
}

static int
prepare_and_serve(struct node *n)
{
	char cause[ERR_LEN] = "";
	int status = EXIT_FAILURE;

	if (prepare(n, cause) != 0)
		say_failure(cause);
	else
		status = n->config.workers > 1 ? serve_by_workers(n) : serve(n);
	put_away(n);
	return status;
}

static int
run(struct node *n, int argc, char **argv)
{
	struct config *c = &n->config;
	char cause[ERR_LEN];

	if (config_load(c, argc, argv, cause) != 0) {
		fprintf(stderr, "snugd: %s\n", cause);
		return EXIT_USAGE;
	}
	if (c->help || c->version || c->print_config || c->print_tables)
		return print_what_was_asked(c);
	if (c->print_key)
		return print_key(c);
	if (c->check_config)
		return check_config(c);
	sandbox_hide_memory();
	log_setup((enum log_level)c->log_level, (enum log_format)c->log_format);
	return prepare_and_serve(n);
}

int
main(int argc, char **argv)
{
	struct node n = {.argc = argc, .argv = argv};
	int status;

	if (sodium_init() < 0) {
		fputs("snugd: libsodium cannot start\n", stderr);
		return EXIT_FAILURE;
	}
	table_init();
	status = run(&n, argc, argv);
	config_free(&n.config);
	return status;
}
