/* SPDX-License-Identifier: ISC */
/*
 * The relay in memory, for the contract tests: run from the loop as snugd does.
 */
#include "tests/unit/relay_harness.h"

#include <event2/event.h>
#include <stdlib.h>

#include "base/clock.h"
#include "server/relay_local.h"

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
	return 0;
}

static void
local_stop(void)
{
}

static void
local_node_start(struct node *n)
{
	struct event *ev = event_new(n->h->base, -1, 0, on_run, n);
	struct relay_local_config config = {
	    .node = n->name,
	    .history = TEST_HISTORY,
	    .history_ttl_ms = 3600 * 1000,
	    .dedupe_ms = TEST_DEDUPE_MS,
	    .resume_ms = TEST_RESUME_MS,
	    .wake = wake,
	    .wake_arg = ev,
	};
	n->backend = ev;
	n->relay = relay_local_new(&config);
}

static void
local_node_stop(struct node *n)
{
	event_free(n->backend);
}

const struct backend local_backend = {
    .name = "local",
    .nodes = 1,
    .start = local_start,
    .stop = local_stop,
    .node_start = local_node_start,
    .node_stop = local_node_stop,
};
