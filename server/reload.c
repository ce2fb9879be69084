/* SPDX-License-Identifier: ISC */
/*
 * Another configuration for a server that runs.
 *
 * Everything that can go wrong goes wrong before anything changes: file,
 * command line and greeting are read beside what is in use, and judged as a
 * start would judge them.  Then the two change places, and the parts that keep
 * copies are told.  A file that cannot be read is never an empty one: nobody is
 * let in because a configuration has gone.
 */
#include "server/reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "server/config.h"
#include "server/gate.h"
#include "server/motd.h"
#include "server/redis_url.h"
#include "server/relay.h"
#include "server/room.h"
#include "server/server.h"

static int
judge_redis(const char *url, char cause[static ERR_LEN])
{
	struct redis_url parsed;

	if (redis_url_parse(&parsed, span_of(url), cause) != 0)
		return -1;
	redis_url_wipe(&parsed);
	return 0;
}

int
reload_judge(const struct config *c, char **motd, char cause[static ERR_LEN])
{
	*motd = NULL;
	if (c->redis && judge_redis(c->redis, cause) != 0)
		return -1;
	if (c->motd && !(*motd = motd_read(c->motd, cause)))
		return -1;
	return 0;
}

static int
read_beside(const struct config *running, struct config *fresh, char **motd,
    int argc, char **argv, char cause[static ERR_LEN])
{
	if (config_load(fresh, argc, argv, cause) != 0)
		return -1;
	if (running->has_file && !fresh->has_file) {
		snprintf(cause, ERR_LEN, "%.100s is not there any more",
		    running->config);
		return -1;
	}
	return reload_judge(fresh, motd, cause);
}

static void
follow_relay(struct relay *relay, const struct config *c)
{
	struct relay_tuning t = {.history = c->history,
	    .history_ttl_ms = c->history_ttl,
	    .dedupe_ms = c->dedupe,
	    .resume_ms = c->resume,
	    .room_ttl_ms = c->room_ttl};

	relay_tune(relay, &t);
}

static void
set_log(struct server *sv)
{
	const struct config *c = sv->config;

	log_setup((enum log_level)c->log_level, (enum log_format)c->log_format);
}

void
reload_follow(struct server *sv)
{
	const struct config *c = sv->config;

	set_log(sv);
	sv->flood = (struct flood_rule){.burst = c->flood_burst,
	    .rate = c->flood_rate,
	    .delay_ms = c->flood_delay,
	    .limit_ms = c->flood_limit};
	gate_follow(sv->gate);
	rooms_set_presence_max(sv->rooms, (size_t)c->presence_max);
	follow_relay(sv->relay, c);
}

static const char *
words(struct buf *names)
{
	buf_add(names, "", 1);
	return buf_head(names);
}

/* Names of options only: values may be secret. */
static void
say(struct buf *changed, struct buf *kept)
{
	log_info("main", 0, "reloaded changed=\"%s\"", words(changed));
	if (buf_len(kept) > 0)
		log_warn("main", 0,
		    "only a restart changes \"%s\"; what they were at the "
		    "start holds on",
		    words(kept));
}

static void
take_motd(struct server *sv, char *motd)
{
	free(sv->motd);
	sv->motd = motd;
}

static bool
renew(struct server *sv, struct config *running, int argc, char **argv,
    void (*follow)(struct server *sv))
{
	struct config fresh = {0};
	struct buf changed = {0}, kept = {0};
	char cause[ERR_LEN];
	char *motd = NULL;
	bool done =
	    read_beside(running, &fresh, &motd, argc, argv, cause) == 0 &&
	    config_renew(running, &fresh, &changed, &kept, cause) == 0;

	if (done) {
		take_motd(sv, motd);
		follow(sv);
		say(&changed, &kept);
	} else {
		free(motd);
		log_error("main", 0,
		    "the configuration was not reloaded, nothing has changed: "
		    "%s",
		    cause);
	}
	config_free(&fresh);
	buf_free(&changed);
	buf_free(&kept);
	return done;
}

bool
reload(struct server *sv, struct config *running, int argc, char **argv)
{
	return renew(sv, running, argc, argv, reload_follow);
}

bool
reload_alone(struct server *sv, struct config *running, int argc, char **argv)
{
	return renew(sv, running, argc, argv, set_log);
}
