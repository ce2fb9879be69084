/* SPDX-License-Identifier: ISC */
/*
 * The relay in memory, for the contract tests: run from the loop as snugd does,
 * with a state file of each test's own.
 */
#include "tests/unit/relay_harness.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "server/relay_local.h"
#include "tests/unit/unit.h"

struct kept {
	struct event *run;
	char *state;
};

static char folder[32];

static void
on_run(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct node *n = arg;
	relay_local_run(n->relay, clock_now_ms(), clock_wall_ms());
}

static void
wake(void *arg)
{
	event_active(arg, EV_TIMEOUT, 0);
}

static int
local_start(void)
{
	snprintf(folder, sizeof folder, "/tmp/snug-relay-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static void
local_stop(void)
{
	rmdir(folder);
}

static void
local_node_start(struct node *n)
{
	struct kept *k = xcalloc(1, sizeof *k);
	char cause[ERR_LEN];
	k->run = event_new(n->h->base, -1, 0, on_run, n);
	k->state = xasprintf("%s/%u", folder, n->h->number);
	struct relay_local_config config = {
	    .node = n->name,
	    .history = TEST_HISTORY,
	    .rooms_per_account = TEST_ROOMS,
	    .history_ttl_ms = 3600 * 1000,
	    .dedupe_ms = TEST_DEDUPE_MS,
	    .resume_ms = TEST_RESUME_MS,
	    .wake = wake,
	    .wake_arg = k->run,
	};
	n->backend = k;
	n->relay = relay_local_new(&config);
	if (relay_local_keep(n->relay, k->state, n->h->base, cause) != 0)
		fail_msg("relay_local_keep: %s", cause);
}

static void
local_node_stop(struct node *n)
{
	struct kept *k = n->backend;
	event_free(k->run);
	unlink(k->state);
	free(k->state);
	free(k);
}

const struct backend local_backend = {
    .name = "local",
    .nodes = 1,
    .start = local_start,
    .stop = local_stop,
    .node_start = local_node_start,
    .node_stop = local_node_stop,
};
