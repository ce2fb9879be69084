/* SPDX-License-Identifier: ISC */
/*
 * What an operator may set: one table, read by the command line, the file,
 * --help, --print-config and the manual's test.
 *
 * The file says what the site is, the command line what this start is; the
 * command line wins.  Nothing is half accepted: one bad line and the server
 * does not start.
 */
#include "server/config.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/names.h"
#include "base/text.h"
#include "proto/frame.h"

/* Either number 0: there is no limit.  False: it is no flood rule. */
static bool
parse_flood(const char *value, uint64_t *burst, uint64_t *rate)
{
	struct span s = span_of(value);
	const char *slash = memchr(s.p, '/', s.len);

	*burst = *rate = 0;
	if (span_is(s, "off"))
		return true;
	return slash &&
	       text_u64(
		   (struct span){s.p, (size_t)(slash - s.p)}, 1000000, burst) &&
	       text_u64(span_of(slash + 1), 1000000, rate) && *burst && *rate;
}

static int
check_flood(const char *value, char cause[static ERR_LEN])
{
	uint64_t burst, rate;
	char shown[80];

	if (parse_flood(value, &burst, &rate))
		return 0;
	snprintf(cause, ERR_LEN,
	    "flood: \"%s\" is neither off nor BURST/RATE, such as 20/2",
	    text_escape(shown, sizeof shown, span_of(value)));
	return -1;
}

/* All numbers 0: off.  False: it is no rule of this form. */
static bool
parse_early(const char *value, uint64_t n[static 3])
{
	struct span rest = span_of(value);
	static const uint64_t max[3] = {1000000, 100, 1000000};

	n[0] = n[1] = n[2] = 0;
	if (span_is(rest, "off"))
		return true;
	for (int i = 0; i < 3; i++) {
		const char *colon =
		    rest.len ? memchr(rest.p, ':', rest.len) : NULL;
		size_t len = colon ? (size_t)(colon - rest.p) : rest.len;

		if ((colon == NULL) != (i == 2) ||
		    !text_u64((struct span){rest.p, len}, max[i], &n[i]) ||
		    n[i] == 0)
			return false;
		rest.p += len + (colon != NULL);
		rest.len -= len + (colon != NULL);
	}
	return n[0] < n[2];
}

static int
check_early(const char *value, char cause[static ERR_LEN])
{
	uint64_t n[3];
	char shown[80];

	if (parse_early(value, n))
		return 0;
	snprintf(cause, ERR_LEN,
	    "early-drop: \"%s\" is neither off nor START:RATE:FULL, such as "
	    "200:30:2000, with START below FULL and RATE in percent",
	    text_escape(shown, sizeof shown, span_of(value)));
	return -1;
}

static int
check_range(const char *value, char cause[static ERR_LEN])
{
	struct cidr c;

	return cidr_parse(span_of(value), &c, cause);
}

static int
check_name(const char *value, char cause[static ERR_LEN])
{
	struct name name;
	char shown[80];
	int err = name_check(span_of(value), true, &name);

	if (err == 0)
		return 0;
	snprintf(cause, ERR_LEN, "name: \"%s\": %s",
	    text_escape(shown, sizeof shown, span_of(value)),
	    name_strerror(err));
	return -1;
}

static int
check_operator(const char *value, char cause[static ERR_LEN])
{
	struct name name;
	char shown[80];
	int err = name_check(span_of(value), false, &name);

	if (err == 0)
		return 0;
	snprintf(cause, ERR_LEN, "operators: \"%s\": %s",
	    text_escape(shown, sizeof shown, span_of(value)),
	    name_strerror(err));
	return -1;
}

static int
check_listen(const char *value, char cause[static ERR_LEN])
{
	struct addr addr;

	return addr_parse(span_of(value), SNUG_PORT, &addr, cause);
}

static const char *const plaintext_choices[] = {"local", "any", NULL};
static const char *const sandbox_choices[] = {"no", "yes", "must", NULL};
static const char *const secure_choices[] = {
    "offered", "required", "off", NULL};
static const char *const names_choices[] = {"unicode", "ascii", NULL};
static const char *const level_choices[] = {
    "error", "warn", "info", "debug", NULL};
static const char *const format_choices[] = {"text", "json", NULL};

#define AT(field) offsetof(struct config, field)
#define DAY (INT64_C(24) * 3600 * 1000)
#define MIB (INT64_C(1024) * 1024)
#define LIVE true   /* another value counts as soon as it is read again */
#define START false /* only the one at the start counts */

/*
 * section, name, letter, type, where, min, max, default, choices, argument,
 * help, check, and whether a reload changes it.  In the order of --help and the
 * sample file.
 */
/* clang-format off */
static const struct conf_option options[] = {
	{NULL, "config", 'c', CONF_STRING, AT(config), 0, 0, SYSCONFDIR "/snug/snugd.conf", NULL, "FILE", "read the configuration from FILE"},
	{NULL, "no-config", 0, CONF_ACTION, AT(no_config), 0, 0, NULL, NULL, NULL, "read no configuration file"},
	{NULL, "check-config", 0, CONF_ACTION, AT(check_config), 0, 0, NULL, NULL, NULL, "say whether the configuration is good, and stop"},
	{NULL, "print-config", 0, CONF_ACTION, AT(print_config), 0, 0, NULL, NULL, NULL, "print a commented sample file, and stop"},
	{NULL, "print-key", 0, CONF_ACTION, AT(print_key), 0, 0, NULL, NULL, NULL, "print the server's public key and its words, made if there is none, and stop"},
	{NULL, "print-tables", 0, CONF_STRING, AT(print_tables), 0, 0, NULL, NULL, "WHICH", "print commands, attributes, options, penalties, errors, byes, notices or reserved, and stop"},
	{NULL, "help", 'h', CONF_ACTION, AT(help), 0, 0, NULL, NULL, NULL, "print this, and stop"},
	{NULL, "version", 'V', CONF_ACTION, AT(version), 0, 0, NULL, NULL, NULL, "print the version, and stop"},

	{"server", "listen", 'l', CONF_LIST, AT(listen), 0, 0, "127.0.0.1:7684 [::1]:7684", NULL, "ADDR", "listen on HOST:PORT, [V6]:PORT or unix:/PATH; may be given again", check_listen, START},
	{"server", "proxy-from", 0, CONF_LIST, AT(proxy_from), 0, 0, NULL, NULL, "RANGE", "expect a PROXY header (v2) on connections from these addresses", check_range, LIVE},
	{"server", "name", 'n', CONF_STRING, AT(name), 0, 0, NULL, NULL, "NAME", "the node's name; by default the host's", check_name, START},
	{"server", "workers", 0, CONF_INT, AT(workers), 1, 31, "1", NULL, "N", "processes that share the addresses, and meet in Redis", NULL, START},
	{"server", "motd", 0, CONF_STRING, AT(motd), 0, 0, NULL, NULL, "FILE", "greet people with the lines of FILE", NULL, LIVE},
	{"server", "plaintext", 0, CONF_ENUM, AT(plaintext), 0, 0, "local", plaintext_choices, "WHERE", "allow plain sessions: local (loopback and Unix sockets) or any", NULL, START},
	{"server", "secure", 0, CONF_ENUM, AT(secure), 0, 0, "offered", secure_choices, "HOW", "secure sessions are offered, required (from loopback, too) or off", NULL, START},
	{"server", "key-file", 0, CONF_STRING, AT(key_file), 0, 0, NULL, NULL, "FILE", "the server's key, made at the first start; by default server.key in the state directory", NULL, START},
	{"server", "next-key-file", 0, CONF_STRING, AT(next_key_file), 0, 0, NULL, NULL, "FILE", "announce the key in FILE as the server's next one", NULL, START},
	{"server", "names", 0, CONF_ENUM, AT(names), 0, 0, "unicode", names_choices, "WHICH", "what rooms and people may be called: unicode or ascii", NULL, LIVE},
	{"server", "operators", 0, CONF_LIST, AT(operators), 0, 0, NULL, NULL, "NICK", "the accounts that may KILL, DENY, ALLOW, ANNOUNCE and see STATS", check_operator, LIVE},
	{"server", "guests", 0, CONF_FLAG, AT(guests), 0, 0, "yes", NULL, NULL, "let people in without an account", NULL, LIVE},
	{"server", "register", 0, CONF_FLAG, AT(reg), 0, 0, "yes", NULL, NULL, "let people make accounts", NULL, LIVE},
	{"server", "user", 0, CONF_STRING, AT(user), 0, 0, NULL, NULL, "NAME", "started by root, become NAME; by default snug, if there is one", NULL, START},
	{"server", "sandbox", 0, CONF_ENUM, AT(sandbox), 0, 0, "yes", sandbox_choices, "HOW", "give up rights: no, yes (as far as the kernel can) or must", NULL, START},
	{"server", "log-level", 0, CONF_ENUM, AT(log_level), 0, 0, "info", level_choices, "LEVEL", "log error, warn, info or debug and what is above", NULL, LIVE},
	{"server", "log-format", 0, CONF_ENUM, AT(log_format), 0, 0, "text", format_choices, "FORMAT", "log as text or json", NULL, LIVE},
	{"server", "audit-log", 0, CONF_STRING, AT(audit_log), 0, 0, NULL, NULL, "FILE", "append who used which right to FILE, too", NULL, START},

	{"relay", "redis", 'r', CONF_STRING, AT(redis), 0, 0, NULL, NULL, "URL", "relay rooms through redis://[USER[:PW]@]HOST[:PORT][/DB] or unix:///PATH[?db=N]", NULL, START},
	{"relay", "state", 0, CONF_STRING, AT(state), 0, 0, NULL, NULL, "FILE", "without redis: keep accounts and rooms' rights in FILE", NULL, START},
	{"relay", "prefix", 0, CONF_STRING, AT(prefix), 0, 0, "sn1:", NULL, "TEXT", "begin all keys in Redis with TEXT", NULL, START},
	{"relay", "history-ttl", 0, CONF_DURATION, AT(history_ttl), 1000, 3650 * DAY, "30d", NULL, "TIME", "forget a conversation's history after TIME of silence", NULL, LIVE},
	{"relay", "dedupe", 0, CONF_DURATION, AT(dedupe), 1000, DAY, "300s", NULL, "TIME", "know a repeated message by its cid for TIME", NULL, LIVE},
	{"relay", "resume", 0, CONF_DURATION, AT(resume), 0, 3600000, "60s", NULL, "TIME", "let a guest that was lost come back as the same one for TIME", NULL, LIVE},
	{"relay", "say-timeout", 0, CONF_DURATION, AT(say_timeout), 10, 60000, "1s", NULL, "TIME", "answer a SAY within TIME, whatever state Redis is in", NULL, START},
	{"relay", "lease", 0, CONF_DURATION, AT(lease), 100, 600000, "10s", NULL, "TIME", "hold a node dead that was not heard for TIME", NULL, START},
	{"relay", "heartbeat", 0, CONF_DURATION, AT(heartbeat), 10, 60000, "2s", NULL, "TIME", "renew the lease each TIME", NULL, START},
	{"relay", "grace", 0, CONF_DURATION, AT(grace), 10, 600000, "15s", NULL, "TIME", "keep the members and nicks of a dead node for TIME", NULL, START},
	{"relay", "connect-timeout", 0, CONF_DURATION, AT(connect_timeout), 10, 60000, "3s", NULL, "TIME", "give a connection to Redis TIME to become usable", NULL, START},
	{"relay", "probe", 0, CONF_DURATION, AT(probe), 10, 60000, "2s", NULL, "TIME", "ask Redis for a sign of life after TIME of quiet", NULL, START},
	{"relay", "dead", 0, CONF_DURATION, AT(dead), 20, 120000, "6s", NULL, "TIME", "drop a connection to Redis that was silent for TIME", NULL, START},
	{"relay", "backoff", 0, CONF_DURATION, AT(backoff), 50, 60000, "2s", NULL, "TIME", "wait at most TIME between attempts to reach Redis", NULL, START},

	{"limits", "max-line", 0, CONF_SIZE, AT(max_line), 1024, FRAME_LINE_MAX, "16384", NULL, "BYTES", "the longest line", NULL, LIVE},
	{"limits", "max-text", 0, CONF_SIZE, AT(max_text), 1, FRAME_LINE_MAX - 1024, "8192", NULL, "BYTES", "the longest text of a message", NULL, LIVE},
	{"limits", "send-buffer", 0, CONF_SIZE, AT(send_buffer), 16384, 1024 * MIB, "256K", NULL, "BYTES", "what may wait for a reader before it is sent away", NULL, LIVE},
	{"limits", "ping", 0, CONF_DURATION, AT(ping), 100, DAY, "60s", NULL, "TIME", "ask a silent session for a sign of life after TIME, end it after twice that", NULL, LIVE},
	{"limits", "greet", 0, CONF_DURATION, AT(greet), 50, 3600000, "10s", NULL, "TIME", "the first accepted command must come within TIME", NULL, LIVE},
	{"limits", "greet-local", 0, CONF_DURATION, AT(greet_local), 50, DAY, "10m", NULL, "TIME", "the same from loopback and Unix sockets, where people type", NULL, LIVE},
	{"limits", "handshake", 0, CONF_DURATION, AT(handshake), 50, 60000, "10s", NULL, "TIME", "a handshake, once begun, must be finished within TIME", NULL, LIVE},
	{"limits", "linger", 0, CONF_DURATION, AT(linger), 50, 60000, "5s", NULL, "TIME", "after a half-close or BYE, write what is left for TIME at most", NULL, LIVE},
	{"limits", "drain", 0, CONF_DURATION, AT(drain), 0, 600000, "10s", NULL, "TIME", "when told to stop, take TIME at most, and ask people to come back within it", NULL, LIVE},
	{"limits", "conn-per-addr", 0, CONF_INT, AT(conn_per_addr), 1, 1000000, "64", NULL, "N", "connections from one address (IPv6: one /64)", NULL, LIVE},
	{"limits", "rooms-per-session", 0, CONF_INT, AT(rooms_per_session), 1, 10000, "100", NULL, "N", "rooms one session may be in", NULL, LIVE},
	{"limits", "rooms-per-account", 0, CONF_INT, AT(rooms_per_account), 1, 10000, "50", NULL, "N", "rooms one account may own", NULL, START},
	{"limits", "flood", 0, CONF_STRING, AT(flood), 0, 0, "20/2", NULL, "BURST/RATE", "commands at once, and per second; or off", check_flood, LIVE},
	{"limits", "flood-delay", 0, CONF_DURATION, AT(flood_delay), 0, 60000, "2s", NULL, "TIME", "slow a flood down for TIME before it is refused", NULL, LIVE},
	{"limits", "flood-limit", 0, CONF_DURATION, AT(flood_limit), 100, 3600000, "30s", NULL, "TIME", "end a session that floods for TIME", NULL, LIVE},
	{"limits", "penalty-from", 0, CONF_DURATION, AT(penalty_from), 0, 3600000, "15s", NULL, "TIME", "shut an address out whose failures cost it TIME; 0: never", NULL, LIVE},
	{"limits", "penalty-most", 0, CONF_DURATION, AT(penalty_most), 1000, DAY, "10m", NULL, "TIME", "shut no address out for longer than TIME", NULL, LIVE},
	{"limits", "early-drop", 0, CONF_STRING, AT(early_drop), 0, 0, "200:30:2000", NULL, "START:RATE:FULL", "drop strangers at random, RATE percent from START on, all at FULL; or off", check_early, LIVE},
	{"limits", "exempt", 0, CONF_LIST, AT(exempt), 0, 0, "127.0.0.0/8 ::1", NULL, "RANGE", "spare these addresses penalties and early drop", check_range, LIVE},

	{"rooms", "history", 0, CONF_INT, AT(history), 0, 10000, "1000", NULL, "N", "messages of a room that are kept and offered", NULL, LIVE},
	{"rooms", "room-ttl", 0, CONF_DURATION, AT(room_ttl), 1000, 3650 * DAY, "90d", NULL, "TIME", "keep an owned room that nobody enters for TIME", NULL, LIVE},
	{"rooms", "presence-max", 0, CONF_INT, AT(presence_max), 2, 1000000, "200", NULL, "N", "do not tell who comes and goes in rooms above N members", NULL, LIVE},
};
/* clang-format on */

const struct conf_table config_table = {options, ARRAY_LEN(options)};

/* The node's name stands in every WELCOME and in Redis' keys: it follows the
 * rule of nicks, so that neither needs to quote it. */
static void
settle_name(struct config *c)
{
	char host[256] = "";
	struct name name;

	if (c->name)
		return;
	if (gethostname(host, sizeof host - 1) != 0)
		host[0] = 0;
	host[strcspn(host, ".")] = 0;
	c->name = xstrdup(
	    name_check(span_of(host), true, &name) == 0 ? host : "snugd");
}

/* Each worker is a node, and is called after this one. */
static int
check_workers(const struct config *c, char cause[static ERR_LEN])
{
	char node[NAME_BYTES_MAX + 32];
	struct name name;

	if (c->workers == 1)
		return 0;
	if (!c->redis) {
		snprintf(cause, ERR_LEN,
		    "workers: %lld processes share no memory for rooms; set "
		    "redis, where they meet, or leave it at 1",
		    (long long)c->workers);
		return -1;
	}
	snprintf(node, sizeof node, "%s-%lld", c->name, (long long)c->workers);
	if (name_check(span_of(node), true, &name) == 0)
		return 0;
	snprintf(cause, ERR_LEN,
	    "name: \"%.64s\" leaves no room for a worker's number, as in "
	    "%.80s; "
	    "set a shorter one",
	    c->name, node);
	return -1;
}

static void
settle_ranges(const struct conf_list *words, struct cidr_list *ranges)
{
	char cause[ERR_LEN];
	struct cidr c;

	for (size_t i = 0; i < words->n; i++)
		if (cidr_parse(span_of(words->items[i]), &c, cause) == 0)
			cidr_list_add(ranges, &c);
}

static void
settle_early(struct config *c)
{
	uint64_t n[3];

	if (!parse_early(c->early_drop, n))
		return;
	c->early_start = (int64_t)n[0];
	c->early_rate = (int64_t)n[1];
	c->early_full = (int64_t)n[2];
}

/* What follows from single values; of live ones, but for the name. */
static void
settle(struct config *c)
{
	uint64_t burst, rate;

	settle_name(c);
	settle_ranges(&c->proxy_from, &c->proxy_ranges);
	settle_ranges(&c->exempt, &c->exempt_ranges);
	settle_early(c);
	if (parse_flood(c->flood, &burst, &rate)) {
		c->flood_burst = (int64_t)burst;
		c->flood_rate = (int64_t)rate;
	}
}

/* Do the values agree with each other? */
static int
check(const struct config *c, char cause[static ERR_LEN])
{
	if (check_workers(c, cause) != 0)
		return -1;
	if (c->max_text + 1024 > c->max_line) {
		snprintf(cause, ERR_LEN,
		    "max-text: %lld leaves less than 1024 bytes of max-line "
		    "(%lld) for the rest of a line; raise max-line",
		    (long long)c->max_text, (long long)c->max_line);
		return -1;
	}
	if (c->secure == SECURE_REQUIRED && c->plaintext == PLAINTEXT_ANY) {
		snprintf(cause, ERR_LEN,
		    "plaintext: any contradicts secure = required; drop one of "
		    "them");
		return -1;
	}
	if (c->secure == SECURE_OFF && c->next_key_file) {
		snprintf(cause, ERR_LEN,
		    "next-key-file: with secure = off there are no keys");
		return -1;
	}
	if (c->heartbeat * 2 > c->lease) {
		snprintf(
		    cause, ERR_LEN, "heartbeat: must be at most half of lease");
		return -1;
	}
	if (c->penalty_from > c->penalty_most) {
		snprintf(cause, ERR_LEN,
		    "penalty-from: must be at most penalty-most");
		return -1;
	}
	if (c->state && c->redis) {
		snprintf(cause, ERR_LEN,
		    "state: with redis, Redis keeps what is to last; set one "
		    "of the two");
		return -1;
	}
	if (c->probe >= c->dead) {
		snprintf(cause, ERR_LEN, "probe: must be less than dead");
		return -1;
	}
	return 0;
}

/* The default file may be absent; one that was asked for may not. */
static int
read_file(struct config *c, int argc, char **argv, char cause[static ERR_LEN])
{
	const char *asked = conf_peek_arg(&config_table, argc, argv, "config");
	const char *path = asked ? asked : c->config;

	if (conf_peek_flag(&config_table, argc, argv, "no-config"))
		return 0;
	if (!asked && access(path, F_OK) != 0 && errno == ENOENT)
		return 0;
	c->has_file = true;
	return conf_read_file(&config_table, c, path, NULL, NULL, NULL, cause);
}

int
config_load(struct config *c, int argc, char **argv, char cause[static ERR_LEN])
{
	int rest;

	conf_defaults(&config_table, c);
	if (read_file(c, argc, argv, cause))
		return -1;
	rest = conf_read_args(&config_table, c, argc, argv, cause);
	if (rest < 0)
		return -1;
	if (rest < argc) {
		snprintf(cause, ERR_LEN,
		    "\"%.80s\" is not an option; snugd takes no other "
		    "arguments",
		    argv[rest]);
		return -1;
	}
	if (c->help || c->version || c->print_config || c->print_tables)
		return 0;
	settle(c);
	return check(c, cause);
}

static void
note(struct buf *names, const char *name)
{
	buf_addf(names, "%s%s", buf_len(names) ? " " : "", name);
}

/* What only a start changes stays what and where it is: others borrow it. */
static void
swap_fixed(struct config *a, struct config *b)
{
	for (size_t i = 0; i < config_table.n; i++)
		if (options[i].section && !options[i].live)
			conf_swap(&options[i], a, b);
}

int
config_renew(struct config *running, struct config *fresh, struct buf *changed,
    struct buf *kept, char cause[static ERR_LEN])
{
	struct config former;

	for (size_t i = 0; i < config_table.n; i++)
		if (options[i].section &&
		    !conf_is_same(&options[i], running, fresh))
			note(options[i].live ? changed : kept, options[i].name);
	swap_fixed(running, fresh);
	if (check(fresh, cause) != 0) {
		swap_fixed(running, fresh);
		return -1;
	}
	former = *running;
	*running = *fresh;
	*fresh = former;
	return 0;
}

void
config_free(struct config *c)
{
	conf_free(&config_table, c);
	cidr_list_free(&c->proxy_ranges);
	cidr_list_free(&c->exempt_ranges);
}
