/* SPDX-License-Identifier: ISC */
/*
 * Each error that a Redis answers with while it is otherwise well, provoked in
 * a real one: what a sender hears, whether the node stays up, what its operator
 * reads, and that nothing which was refused is carried out later.
 */
#include <event2/event.h>
#include <fcntl.h>
#include <hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "server/relay_redis.h"
#include "tests/unit/redis_server.h"
#include "tests/unit/relay_harness.h"
#include "tests/unit/unit.h"

enum {
	PATIENCE_MS = 10000,
	FILE_MAX =
	    64 << 20, /* none that a test or its Redis writes is larger */
};

static struct redis_server server;
static redisContext *admin;  /* stays connected, whatever passwords change */
static redisContext *helper; /* asks what is answered late */
static const char *user = "";
static char lobby[1];
static int own_stderr = -1; /* of the test; the node's is log_path */
static char log_path[80];
static bool passed;

/* --- the back end --------------------------------------------------------- */

static void
node_start(struct node *n)
{
	char cause[ERR_LEN];
	char *url = xasprintf("unix://%s%s", user, server.sock);
	char *prefix = xasprintf("t%u:", n->h->number);
	struct relay_redis_config config = {
	    .url = url,
	    .node = n->name,
	    .prefix = prefix,
	    .history = TEST_HISTORY,
	    .history_ttl_ms = 3600 * 1000,
	    .dedupe_ms = TEST_DEDUPE_MS,
	    .say_timeout_ms = 2000,
	    .lease_ms = 60000, /* what is refused is not to end it */
	    .heartbeat_ms = 50,
	    .connect_timeout_ms = 1000,
	    .probe_ms = 500,
	    .dead_ms = 5000,
	    .backoff_max_ms = 60,
	};

	n->backend = prefix;
	n->relay = relay_redis_new(n->h->base, &config, cause);
	free(url);
	if (n->relay == NULL)
		fail_msg("relay_redis_new: %s", cause);
}

static void
node_stop(struct node *n)
{
	free(n->backend);
}

static const struct backend refusing = {
    .name = "redis-refusals",
    .nodes = 1,
    .node_start = node_start,
    .node_stop = node_stop,
};

/* --- helpers -------------------------------------------------------------- */

/* As hiredis formats it. */
static redisReply *
ask_redis(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	redisReply *r = redisvCommand(admin, fmt, ap);
	va_end(ap);
	assert_non_null(r);
	if (r->type == REDIS_REPLY_ERROR)
		fail_msg("%s: %s", fmt, r->str);
	return r;
}

#define tell_redis(...) freeReplyObject(ask_redis(__VA_ARGS__))

static bool
info_says(const char *section, const char *line)
{
	redisReply *r = ask_redis("INFO %s", section);
	bool yes = strstr(r->str, line) != NULL;

	freeReplyObject(r);
	return yes;
}

/* The command's answer comes when it comes. */
static void
tell_without_waiting(const char *command, const char *script)
{
	int done = 0;

	helper = redisConnectUnix(server.sock);
	assert_non_null(helper);
	assert_int_equal(redisAppendCommand(helper, command, script), REDIS_OK);
	while (!done)
		assert_int_equal(redisBufferWrite(helper, &done), REDIS_OK);
}

/* Does any other client get this error by now? */
static bool
answers_with(const char *error)
{
	redisContext *c = redisConnectUnix(server.sock);
	redisReply *r = redisCommand(c, "GET x");
	bool yes = r && r->type == REDIS_REPLY_ERROR &&
		   strncmp(r->str, error, strlen(error)) == 0;

	if (r)
		freeReplyObject(r);
	redisFree(c);
	return yes;
}

#define AWAIT(condition)                                          \
	do {                                                      \
		uint64_t until_ms = clock_now_ms() + PATIENCE_MS; \
		while (!(condition))                              \
			if (clock_now_ms() > until_ms)            \
				fail_msg("in vain: " #condition); \
	} while (0)

/* The log goes into a file while a rule runs. */
static bool
log_says(const char *words)
{
	FILE *f = fopen(log_path, "r");
	char line[1024];
	bool found = false;

	assert_non_null(f);
	while (!found && fgets(line, sizeof line, f))
		found = strstr(line, words) != NULL;
	fclose(f);
	return found;
}

static void
turn(struct harness *h)
{
	struct timeval tv = {0, 5000};

	event_base_loopexit(h->base, &tv);
	event_base_dispatch(h->base);
}

static void
await_log(struct harness *h, const char *words)
{
	uint64_t until_ms = clock_now_ms() + PATIENCE_MS;

	while (!log_says(words)) {
		if (clock_now_ms() > until_ms)
			fail_msg("the log never says %s", words);
		turn(h);
	}
}

static void
await_up(struct harness *h, bool up)
{
	uint64_t until_ms = clock_now_ms() + PATIENCE_MS;

	while (relay_is_up(h->node[0].relay) != up) {
		if (clock_now_ms() > until_ms)
			fail_msg("the relay does not %s", up ? "come" : "go");
		turn(h);
	}
}

/* --- provoking ------------------------------------------------------------ */

static void
demote(void)
{
	tell_redis("REPLICAOF 127.0.0.1 1");
}

static void
promote(void)
{
	tell_redis("REPLICAOF NO ONE");
}

static void
fill_up(void)
{
	tell_redis("CONFIG SET maxmemory 1mb");
}

static void
make_room(void)
{
	tell_redis("CONFIG SET maxmemory 0");
}

/* Where the dump belongs there is a folder. */
static void
break_saving(void)
{
	char *path = xasprintf("%s/dump.rdb", server.dir);

	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	free(path);
	tell_redis("CONFIG SET save %s", "3600 1000");
	tell_redis("BGSAVE");
	AWAIT(info_says("persistence", "rdb_last_bgsave_status:err"));
}

static void
mend_saving(void)
{
	char *path = xasprintf("%s/dump.rdb", server.dir);

	rmdir(path);
	free(path);
	tell_redis("BGSAVE");
	AWAIT(info_says("persistence", "rdb_last_bgsave_status:ok"));
	tell_redis("CONFIG SET save %s", "");
}

static void
want_replicas(void)
{
	tell_redis("CONFIG SET min-replicas-to-write 1");
}

static void
want_no_replicas(void)
{
	tell_redis("CONFIG SET min-replicas-to-write 0");
}

static void
spin(void)
{
	tell_redis("CONFIG SET busy-reply-threshold 1");
	tell_without_waiting("EVAL %s 0", "while true do end");
	AWAIT(answers_with("BUSY"));
}

static void
stop_spinning(void)
{
	if (!helper)
		return;
	tell_redis("SCRIPT KILL");
	AWAIT(!answers_with("BUSY")); /* it ends at its next instruction */
	redisFree(helper);
	helper = NULL;
}

/* Reading its data back takes a moment for each key; between two it listens. */
static void
load(void)
{
	char text[200];

	memset(text, 'x', sizeof text);
	tell_redis("CONFIG SET rdbcompression no");
	for (int i = 0; i < 400; i++)
		tell_redis("SET filler%d %b", i, text, sizeof text);
	tell_redis("CONFIG SET key-load-delay 5000");
	tell_redis("CONFIG SET loading-process-events-interval-bytes 1024");
	tell_without_waiting("DEBUG RELOAD", NULL);
	AWAIT(answers_with("LOADING"));
}

static void
end_loading(void)
{
	tell_redis("CONFIG SET key-load-delay 0");
	AWAIT(!answers_with("LOADING"));
	if (helper)
		redisFree(helper);
	helper = NULL;
}

static void
forbid_scripts(void)
{
	tell_redis("ACL SETUSER default -evalsha");
}

static void
allow_scripts(void)
{
	tell_redis("ACL SETUSER default +evalsha");
}

static void
cut(void)
{
	tell_redis("CLIENT KILL TYPE pubsub");
	tell_redis("CLIENT KILL TYPE normal SKIPME yes");
}

static void
want_a_password(void)
{
	tell_redis("CONFIG SET requirepass secret");
	cut();
}

static void
want_no_password(void)
{
	tell_redis("CONFIG SET requirepass %s", "");
}

static void
change_the_password(void)
{
	tell_redis("ACL SETUSER ann resetpass >other");
	cut();
}

static void
change_it_back(void)
{
	tell_redis("ACL SETUSER ann resetpass >right");
}

static void
forget_scripts(void)
{
	tell_redis("SCRIPT FLUSH");
}

static void
do_nothing(void)
{
}

/* --- the table ------------------------------------------------------------ */

/*
 *	sentence  what is shown
 *	begin     makes Redis refuse, and returns when it does
 *	end       and no longer
 *	st        what a sender hears meanwhile
 *	goes      the relay is away meanwhile
 *	log       a line of it: the level, and what to do
 *	user      by which the node logs in
 */
static struct rule {
	const char *sentence;
	void (*begin)(void), (*end)(void);
	enum relay_status st;
	bool goes;
	const char *log, *more, *user;
	struct harness *h;
} rules[] = {
    {"READONLY_drops_the_links_until_there_is_a_master", demote, promote,
	RELAY_DOWN, true, "READONLY", "give the URL of the master", "", NULL},
    {"LOADING_is_waited_for", load, end_loading, RELAY_DOWN, true, "LOADING",
	"it reads its data; wait", "", NULL},
    {"NOSCRIPT_is_mended_and_nobody_notices", forget_scripts, do_nothing,
	RELAY_OK, false, "scripts are gone, loading them again", "warn", "",
	NULL},
    {"OOM_is_told_to_the_sender_and_the_operator", fill_up, make_room,
	RELAY_FULL, false, "OOM command not allowed", "raise its maxmemory", "",
	NULL},
    {"MISCONF_is_told_to_the_sender_and_the_operator", break_saving,
	mend_saving, RELAY_FAILED, false, "MISCONF",
	"it cannot save its data; see its log", "", NULL},
    {"NOREPLICAS_is_tried_again_by_the_sender", want_replicas, want_no_replicas,
	RELAY_DOWN, false, "NOREPLICAS", "min-replicas-to-write", "", NULL},
    {"BUSY_is_tried_again_by_the_sender", spin, stop_spinning, RELAY_DOWN,
	false, "BUSY", "SCRIPT KILL ends it", "", NULL},
    {"NOPERM_is_told_to_the_operator", forbid_scripts, allow_scripts,
	RELAY_FAILED, false, "NOPERM", "let it do +@all", "", NULL},
    {"NOAUTH_is_told_to_the_operator", want_a_password, want_no_password,
	RELAY_DOWN, true, "NOAUTH", "it wants a password", "", NULL},
    {"WRONGPASS_is_told_to_the_operator", change_the_password, change_it_back,
	RELAY_DOWN, true, "WRONGPASS",
	"the user or password in the URL is wrong", "ann:right@", NULL},
};

static void
expect_log(const struct rule *r)
{
	await_log(r->h, r->log);
	await_log(r->h, r->more);
	if (strcmp(r->more, "warn") != 0)
		assert_true(log_says("Redis refuses: ") || r->goes);
}

/* Nothing is left of what was refused; what follows goes its way. */
static void
expect_only(struct node *n, const char *refused, const char *after)
{
	struct conv c = room_conv("lobby");
	struct relay_range range = {.direction = RELAY_BACKWARD, .n = 64};
	const struct answer *a = await_answer(ask_read(n, &c, &range));
	size_t i = 0;

	assert_int_equal(a->n, refused ? 3 : 2);
	assert_string_equal(a->news[i++].text, "before");
	if (refused)
		assert_string_equal(a->news[i++].text, refused);
	assert_string_equal(a->news[i].text, after);
}

static void
run_rule(void **state)
{
	struct rule *r = *state;
	struct node *n = &r->h->node[0];
	open_room(n, "lobby", lobby);
	say(n, "lobby", ALICE, "before");

	r->begin();
	if (r->goes)
		await_up(r->h, false);
	struct answer *said = ask_say(n, "lobby", ALICE, "c1", "refused");
	await_answer(said);
	expect_log(r);
	bool up = relay_is_up(n->relay);
	r->end();

	assert_int_equal(said->st, r->st);
	assert_int_equal(up, !r->goes);
	await_up(r->h, true);
	say(n, "lobby", ALICE, "after");
	expect_only(n, r->st == RELAY_OK ? "refused" : NULL, "after");
	assert_int_equal(unread(n, NEWS_GAP), 0);
	passed = true;
}

/* --- running it ----------------------------------------------------------- */

static int
setup(void **state)
{
	struct rule *r = *state;
	int fd = open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return -1;
	passed = false;
	dup2(fd, STDERR_FILENO);
	close(fd);
	user = r->user;
	r->h = harness_new(&refusing, 1);
	return 0;
}

/* To where the test itself speaks: never into the log that is being read. */
static void
show_log(void)
{
	FILE *f = fopen(log_path, "r");
	char line[1024];

	while (f && fgets(line, sizeof line, f))
		dprintf(own_stderr, "# %s", line);
	if (f)
		fclose(f);
}

static int
teardown(void **state)
{
	struct rule *r = *state;

	dup2(own_stderr, STDERR_FILENO);
	if (!passed)
		show_log();
	harness_free(r->h);
	r->end(); /* a failed one may not have come to it */
	return 0;
}

static void
limit_files(void)
{
	struct rlimit max = {FILE_MAX, FILE_MAX}, old;

	if (getrlimit(RLIMIT_FSIZE, &old) == 0 && old.rlim_max < FILE_MAX)
		return;
	setrlimit(RLIMIT_FSIZE, &max);
}

int
main(void)
{
	struct CMUnitTest tests[ARRAY_LEN(rules)];

	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		tests[i] = (struct CMUnitTest){
		    rules[i].sentence, run_rule, setup, teardown, &rules[i]};
	log_setup(LOG_LEVEL_WARN, LOG_TEXT);
	limit_files();
	own_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	if (own_stderr < 0)
		return 99;
	if (redis_server_start(&server) != 0)
		return 99; /* a hard error for the test driver */
	admin = redisConnectUnix(server.sock);
	if (!admin || admin->err)
		return 99;
	tell_redis("ACL SETUSER ann on >right +@all ~* &*");
	snprintf(log_path, sizeof log_path, "%s/node.log", server.dir);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	cmocka_set_test_filter(getenv("SNUG_TEST_FILTER"));
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	redisFree(admin);
	redis_server_end(&server);
	return failed;
}
