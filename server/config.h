/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_CONFIG_H
#define SNUG_SERVER_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/cidr.h"
#include "base/conf.h"

struct buf;

enum config_plaintext { PLAINTEXT_LOCAL, PLAINTEXT_ANY };
enum config_sandbox { SANDBOX_NO, SANDBOX_YES, SANDBOX_MUST };
enum config_secure { SECURE_OFFERED, SECURE_REQUIRED, SECURE_OFF };
enum config_names { NAMES_UNICODE, NAMES_ASCII };

/* Everything an operator may set; times in milliseconds, sizes in bytes. */
struct config {
	/* command line only */
	bool help, version, check_config, print_config, print_key, no_config;
	char *config;  /* the file */
	bool has_file; /* it was there */
	char *print_tables;

	/* [server] */
	struct conf_list listen, proxy_from;
	struct cidr_list proxy_ranges; /* from proxy_from */
	char *name;
	int64_t workers;
	char *motd;                 /* a file */
	struct conf_list operators; /* registered nicks */
	int plaintext, secure, names, sandbox;
	char *user;     /* NULL: snug, if there is one */
	char *key_file; /* NULL: in the state directory */
	char *next_key_file;
	bool guests, reg; /* reg: accounts may be made */
	int log_level, log_format;
	char *audit_log; /* a file; NULL: in the log alone */

	/* [relay] */
	char *redis; /* NULL: in memory */
	char *state; /* a file; NULL: nothing lasts in memory */
	char *prefix;
	int64_t history_ttl, room_ttl, dedupe, resume;
	int64_t say_timeout, lease, heartbeat, grace;
	int64_t connect_timeout, probe, dead, backoff;

	/* [limits] */
	int64_t max_line, max_text, send_buffer;
	int64_t ping, greet, greet_local, handshake, linger, drain;
	int64_t conn_per_addr, rooms_per_session, rooms_per_account;
	char *flood;                     /* "off" or "BURST/RATE" */
	int64_t flood_burst, flood_rate; /* from flood; burst 0: off */
	int64_t flood_delay, flood_limit;
	int64_t penalty_from, penalty_most;
	struct conf_list exempt;
	struct cidr_list exempt_ranges; /* from exempt */
	char *early_drop;               /* "off" or "START:RATE:FULL" */
	int64_t early_start, early_rate, early_full; /* from early_drop */

	/* [rooms] */
	int64_t history, presence_max;
};

extern const struct conf_table config_table;

/*
 * Defaults, then the file, then the command line, then what has to agree.
 * --help, --version and the prints are only noted.
 *
 *   c      given, zeroed; config_free() it, also on error
 *   cause  a sentence on error, with file and line where there is one
 *
 * Returns 0 or -1.
 */
int config_load(struct config *c, int argc, char **argv,
    char cause[static ERR_LEN]) MUST_CHECK;

/*
 * Puts a configuration that was loaded into the place of the running one, all
 * of it that may change while the server runs, or nothing.
 *
 *   running  its address, and the strings of what does not change, stay
 *   fresh    takes over what is not needed any more; config_free() it
 *   changed  given: the names of what is another now, with blanks between
 *   kept     given: of what would be, but only a start changes it
 *
 * Returns 0, or -1 with cause and nothing changed.
 */
int config_renew(struct config *running, struct config *fresh,
    struct buf *changed, struct buf *kept,
    char cause[static ERR_LEN]) MUST_CHECK;
void config_free(struct config *c);

#endif
