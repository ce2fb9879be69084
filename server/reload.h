/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_RELOAD_H
#define SNUG_SERVER_RELOAD_H

#include <stdbool.h>

#include "base/attr.h"

struct config;
struct server;

/*
 * The rest of the verdict on a configuration that config_load() has accepted:
 * is what it names fit to be used?  A start, --check-config and a reload ask
 * the same.
 *
 *   motd  given: the greeting for free(), or NULL if there is none
 *
 * Returns 0, or -1 with cause.
 */
int reload_judge(
    const struct config *c, char **motd, char cause[static ERR_LEN]) MUST_CHECK;

/*
 * Reads the configuration again, file and command line, and lets all of it that
 * may change take effect, or nothing; the log says which, and what waits for a
 * restart.  Between two events of the loop, so that nobody holds what is freed.
 *
 *   running  the server's configuration; see config_renew()
 *
 * True: it is another one, and whoever has copied values looks again; of the
 * server's parts that was seen to.
 */
bool reload(struct server *sv, struct config *running, int argc, char **argv);

/* The same before there are parts: for a process that only forks such as have
 * them, later ones, too. */
bool reload_alone(
    struct server *sv, struct config *running, int argc, char **argv);

/* The server's parts take what they copy from its configuration. */
void reload_follow(struct server *sv);

#endif
