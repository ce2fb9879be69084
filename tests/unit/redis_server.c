/* SPDX-License-Identifier: ISC */
/*
 * A redis-server for tests.  Nothing is mocked that can be real.
 */
#include "tests/unit/redis_server.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static void
server_exec(const struct redis_server *s, int out)
{
	const char *program = getenv("REDIS_SERVER");

	if (program == NULL || program[0] == '\0')
		program = "redis-server";
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* it does not outlive the tests */
	dup2(out, STDOUT_FILENO);
	execlp(program, program, "--port", "0", "--unixsocket", s->sock,
	    "--dir", s->dir, "--save", "", "--appendonly", "yes",
	    "--appendfsync", "everysec", "--enable-debug-command", "local",
	    (char *)NULL);
	fprintf(stderr,
	    "# cannot run %s: %s; "
	    "on Debian: apt install redis-server\n",
	    program, strerror(errno));
	_exit(127);
}

/* Reads its log until it says that it is ready. */
static bool
is_ready(int log)
{
	FILE *f = fdopen(log, "r");
	char line[512];
	bool ready = false;

	if (f == NULL)
		return false;
	while (!ready && fgets(line, sizeof line, f) != NULL)
		ready = strstr(line, "eady to accept connections") != NULL;
	/* Left open: a closed pipe would kill the server at its next line. */
	if (!ready)
		fclose(f);
	return ready;
}

/*
 * In memory where there is such a place: with appendfsync everysec Redis puts
 * writing off while an fsync is slow, and what it answered then is lost when it
 * is killed.  On a disk that is busy with other tests that happens.
 */
static const char *
folder(void)
{
	return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

int
redis_server_prepare(struct redis_server *s)
{
	if (s->dir[0] != '\0')
		return 0;
	snprintf(s->dir, sizeof s->dir, "%s/snug-redis-XXXXXX", folder());
	if (mkdtemp(s->dir) == NULL)
		return -1;
	snprintf(s->sock, sizeof s->sock, "%s/redis.sock", s->dir);
	return 0;
}

int
redis_server_start(struct redis_server *s)
{
	int out[2];

	if (redis_server_prepare(s) != 0 || pipe2(out, O_CLOEXEC) != 0)
		return -1;
	fflush(NULL);
	s->pid = fork();
	if (s->pid == 0)
		server_exec(s, out[1]);
	close(out[1]);
	if (s->pid > 0 && is_ready(out[0]))
		return 0;
	fprintf(stderr, "# the private redis-server did not start\n");
	return -1;
}

void
redis_server_kill(struct redis_server *s)
{
	if (s->pid <= 0)
		return;
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	s->pid = 0;
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void
redis_server_end(struct redis_server *s)
{
	redis_server_kill(s);
	if (s->dir[0] != '\0')
		nftw(s->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	s->dir[0] = '\0';
}

void
redis_server_freeze(struct redis_server *s)
{
	kill(s->pid, SIGSTOP);
}

void
redis_server_thaw(struct redis_server *s)
{
	kill(s->pid, SIGCONT);
}

static redisReply *
ask(struct redis_server *s, const char *fmt, va_list ap)
{
	redisContext *c = redisConnectUnix(s->sock);

	assert_non_null(c);
	assert_int_equal(c->err, 0);
	redisReply *r = redisvCommand(c, fmt, ap);
	redisFree(c);
	assert_non_null(r);
	if (r->type == REDIS_REPLY_ERROR)
		fail_msg("%s: %s", fmt, r->str);
	return r;
}

redisReply *
redis_server_ask(struct redis_server *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	redisReply *r = ask(s, fmt, ap);
	va_end(ap);
	return r;
}

void
redis_server_do(struct redis_server *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	freeReplyObject(ask(s, fmt, ap));
	va_end(ap);
}
