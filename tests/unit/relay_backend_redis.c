/* SPDX-License-Identifier: ISC */
/*
 * The relay over Redis, for the contract tests: a real redis-server of the
 * tests' own, on a Unix socket in a directory of its own, with the append-only
 * file that the manual recommends.  Each test has a key prefix of its own.
 */
#include "tests/unit/relay_harness.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "server/relay_redis.h"
#include "tests/unit/unit.h"

static char dir[] = "/tmp/snug-contract-XXXXXX";
static pid_t server;

/* --- the server ----------------------------------------------------------- */

static void
server_exec(int out)
{
	char sock[sizeof dir + 16];
	snprintf(sock, sizeof sock, "%s/redis.sock", dir);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* it does not outlive the tests */
	dup2(out, STDOUT_FILENO);
	execlp("redis-server", "redis-server", "--port", "0", "--unixsocket",
	    sock, "--dir", dir, "--save", "", "--appendonly", "yes",
	    "--appendfsync", "everysec", (char *)NULL);
	fprintf(stderr,
	    "# cannot run redis-server: %s; "
	    "on Debian: apt install redis-server\n",
	    strerror(errno));
	_exit(127);
}

/* Reads its log until it says that it is ready. */
static bool
server_is_ready(int log)
{
	FILE *f = fdopen(log, "r");
	if (f == NULL)
		return false;
	char line[512];
	bool ready = false;
	while (!ready && fgets(line, sizeof line, f) != NULL)
		ready = strstr(line, "eady to accept connections") != NULL;
	/* Left open: a closed pipe would kill the server at its next line. */
	if (!ready)
		fclose(f);
	return ready;
}

static int
server_start(void)
{
	int out[2];
	if (pipe2(out, O_CLOEXEC) != 0)
		return -1;
	fflush(NULL);
	server = fork();
	if (server == 0)
		server_exec(out[1]);
	close(out[1]);
	if (server > 0 && server_is_ready(out[0]))
		return 0;
	fprintf(stderr, "# the private redis-server did not start\n");
	return -1;
}

static void
server_kill(void)
{
	if (server <= 0)
		return;
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	server = 0;
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* --- the back end --------------------------------------------------------- */

static int
redis_start(void)
{
	signal(SIGPIPE, SIG_IGN);
	log_setup(LOG_LEVEL_ERROR, LOG_TEXT); /* it is taken away on purpose */
	if (mkdtemp(dir) == NULL)
		return -1;
	return server_start();
}

static void
redis_stop(void)
{
	server_kill();
	nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void
redis_regain(void)
{
	assert_int_equal(server_start(), 0);
}

/* All but this connection are killed from within the server. */
static void
redis_cut(void)
{
	static const char kill_all[] = "CLIENT KILL TYPE normal SKIPME yes\r\n"
				       "CLIENT KILL TYPE pubsub\r\nQUIT\r\n";
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(a.sun_path, sizeof a.sun_path, "%s/redis.sock", dir);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(
	    write(fd, kill_all, sizeof kill_all - 1), sizeof kill_all - 1);
	char answers[256];
	while (read(fd, answers, sizeof answers) > 0)
		;
	close(fd);
}

static void
redis_node_start(struct node *n)
{
	char cause[ERR_LEN];
	char *url = xasprintf("unix://%s/redis.sock", dir);
	char *prefix = xasprintf("t%u:", n->h->number);
	struct relay_redis_config config = {
	    .url = url,
	    .node = n->name,
	    .prefix = prefix,
	    .history = TEST_HISTORY,
	    .history_ttl_ms = 3600 * 1000,
	    .dedupe_ms = TEST_DEDUPE_MS,
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
    .lose = server_kill,
    .regain = redis_regain,
    .cut = redis_cut,
};
