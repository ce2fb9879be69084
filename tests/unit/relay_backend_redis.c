/* SPDX-License-Identifier: ISC */
/*
 * The relay over Redis, for the contract tests: a real redis-server of the
 * tests' own.  Each test has a key prefix of its own.
 */
#include "tests/unit/relay_harness.h"

#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "server/relay_redis.h"
#include "tests/unit/redis_server.h"
#include "tests/unit/unit.h"

static struct redis_server server;

static int
redis_start(void)
{
	signal(SIGPIPE, SIG_IGN);
	log_setup(LOG_LEVEL_ERROR, LOG_TEXT); /* it is taken away on purpose */
	return redis_server_start(&server);
}

static void
redis_stop(void)
{
	redis_server_end(&server);
}

static void
redis_lose(void)
{
	redis_server_kill(&server);
}

static void
redis_regain(void)
{
	assert_int_equal(redis_server_start(&server), 0);
}

/* All but the asking connection are killed from within the server. */
static void
redis_cut(void)
{
	redis_server_do(&server, "CLIENT KILL TYPE pubsub");
	redis_server_do(&server, "CLIENT KILL TYPE normal SKIPME yes");
}

static void
redis_node_start(struct node *n)
{
	char cause[ERR_LEN];
	char *url = xasprintf("unix://%s", server.sock);
	char *prefix = xasprintf("t%u:", n->h->number);
	struct relay_redis_config config = {
	    .url = url,
	    .node = n->name,
	    .prefix = prefix,
	    .history = TEST_HISTORY,
	    .rooms_per_account = TEST_ROOMS,
	    .history_ttl_ms = 3600 * 1000,
	    .dedupe_ms = TEST_DEDUPE_MS,
	    .resume_ms = TEST_RESUME_MS,
	    .say_timeout_ms = 1000,
	    .lease_ms = 10000,
	    .connect_timeout_ms = 3000,
	    .probe_ms = 2000,
	    .dead_ms = 6000,
	    .backoff_max_ms = 100,
	};
	n->backend = prefix;
	n->relay = relay_redis_new(n->h->base, &config, cause);
	free(url);
	if (n->relay == NULL)
		fail_msg("relay_redis_new: %s", cause);
}

static void
redis_node_stop(struct node *n)
{
	free(n->backend);
}

const struct backend redis_backend = {
    .name = "redis",
    .nodes = 2,
    .start = redis_start,
    .stop = redis_stop,
    .node_start = redis_node_start,
    .node_stop = redis_node_stop,
    .lose = redis_lose,
    .regain = redis_regain,
    .cut = redis_cut,
};
