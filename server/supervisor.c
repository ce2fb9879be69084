/* SPDX-License-Identifier: ISC */
/*
 * The parent of the workers: it forks them, and forks them again.
 *
 * It knows processes and signals, and nothing of what the workers do; it reads
 * not a byte of anybody's.  It does not exec either: workers inherit what was
 * made before, sockets above all, so there is nothing to hand over.
 *
 * A worker that dies is started again after a pause, which doubles each time
 * and is short again after a minute of health.  One that cannot start says so
 * by its exit status.  Until all of them were ready once, that ends everything:
 * the configuration is the same for all, and trying again changes nothing.
 */
#include "server/supervisor.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

enum {
	PAUSE_MS = 100,        /* before the first new start */
	PAUSE_MAX_MS = 30000,  /* and before any */
	PAUSE_DOUBLINGS = 9,   /* more make no difference */
	HEALTHY_MS = 60000,    /* a worker that lived so long was well */
	END_GRACE_MS = 5000,   /* beside the time to drain; then SIGKILL */
	HURRY_GRACE_MS = 1000, /* after the second signal */
};

struct child {
	pid_t pid; /* 0: there is none */
	uint64_t started_ms;
	uint64_t start_ms; /* when there is none: the next is started then */
	unsigned deaths;   /* since it was well */
	bool ready;
};

struct supervisor {
	const struct supervisor_plan *plan;
	struct child *children;
	int report[2]; /* workers write their number when they are ready */
	pid_t pid;     /* the parent's own */
	bool said_ready, ending;
	uint64_t kill_ms; /* while ending: who is left dies then */
	int ends_seen, hangups_seen;
	int status;
};

/* --- signals ------------------------------------------------------------ */

/* Blocked but while the parent waits, so that none is missed in between. */
static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
static volatile sig_atomic_t ends, hangups;

static void
on_signal(int signal)
{
	if (signal == SIGTERM || signal == SIGINT)
		ends++;
	else if (signal == SIGHUP)
		hangups++;
}

static void
block_signals(int how)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		sigaddset(&set, signals[i]);
	sigprocmask(how, &set, NULL);
}

static void
handle_signals(void)
{
	struct sigaction act = {.sa_handler = on_signal};

	sigemptyset(&act.sa_mask);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		sigaction(signals[i], &act, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void
send_all(const struct supervisor *s, int signal)
{
	for (size_t i = 0; i < s->plan->workers; i++)
		if (s->children[i].pid > 0)
			kill(s->children[i].pid, signal);
}

/* --- births ------------------------------------------------------------- */

/* In the child: nothing of the parent's is left but what work() needs. */
static _Noreturn void
become_worker(struct supervisor *s, size_t worker)
{
	struct worker_self self = {.worker = worker, .report = s->report[1]};
	const struct supervisor_plan *plan = s->plan;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != s->pid)
		_exit(EXIT_SUCCESS); /* it died before we asked to be told */
	signal(SIGTERM, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	block_signals(SIG_UNBLOCK);
	close(s->report[0]);
	free(s->children);
	exit(plan->work(plan->arg, &self));
}

static void
plan_start(struct child *c, uint64_t now_ms)
{
	unsigned doublings = c->deaths++;
	uint64_t pause = PAUSE_MS;

	if (doublings > PAUSE_DOUBLINGS)
		doublings = PAUSE_DOUBLINGS;
	pause <<= doublings;
	if (pause > PAUSE_MAX_MS)
		pause = PAUSE_MAX_MS;
	c->start_ms = now_ms + pause;
}

static void
start(struct supervisor *s, size_t worker, uint64_t now_ms)
{
	struct child *c = &s->children[worker];
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		become_worker(s, worker);
	if (pid < 0) {
		plan_start(c, now_ms);
		log_error("supervisor", 0,
		    "worker=%zu cannot be forked reason=\"%s\" "
		    "again_in_ms=%llu",
		    worker + 1, strerror(errno),
		    (unsigned long long)(c->start_ms - now_ms));
		return;
	}
	c->pid = pid;
	c->started_ms = now_ms;
	c->ready = false;
	log_info(
	    "supervisor", 0, "worker=%zu pid=%d started", worker + 1, (int)pid);
}

static void
start_due(struct supervisor *s, uint64_t now_ms)
{
	for (size_t i = 0; i < s->plan->workers && !s->ending; i++)
		if (s->children[i].pid == 0 &&
		    now_ms >= s->children[i].start_ms)
			start(s, i, now_ms);
}

/* --- ends --------------------------------------------------------------- */

static void
begin_end(struct supervisor *s, uint64_t now_ms)
{
	log_info(
	    "supervisor", 0, "shutting down workers=%zu", s->plan->workers);
	s->ending = true;
	send_all(s, SIGTERM);
	s->kill_ms = now_ms + s->plan->on_end(s->plan->arg) + END_GRACE_MS;
}

static void
hurry(struct supervisor *s, uint64_t now_ms)
{
	if (s->kill_ms > now_ms + HURRY_GRACE_MS)
		s->kill_ms = now_ms + HURRY_GRACE_MS;
	send_all(s, SIGUSR1);
}

static void
kill_overdue(struct supervisor *s, uint64_t now_ms)
{
	if (!s->ending || now_ms < s->kill_ms)
		return;
	for (size_t i = 0; i < s->plan->workers; i++)
		if (s->children[i].pid > 0)
			log_error("supervisor", 0,
			    "worker=%zu did not end in time, and is killed",
			    i + 1);
	send_all(s, SIGKILL);
	s->kill_ms = UINT64_MAX;
}

/* --- deaths ------------------------------------------------------------- */

static bool
is_refusal(const struct supervisor *s, int status)
{
	return WIFEXITED(status) && WEXITSTATUS(status) != EXIT_SUCCESS &&
	       !s->said_ready && !s->ending;
}

/* As it should be.  Who had not got as far as to listen to SIGTERM dies of it;
 * nothing is lost. */
static bool
is_clean_end(const struct supervisor *s, int status)
{
	return s->ending &&
	       ((WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS) ||
		   (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM));
}

static void
say_death(const struct supervisor *s, size_t worker, pid_t pid, int status)
{
	enum log_level level =
	    is_clean_end(s, status) ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR;
	const char *how = WIFSIGNALED(status) ? "signal" : "exit";
	int what = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);

	if (s->ending)
		log_write(level, "supervisor", 0,
		    "worker=%zu pid=%d ended %s=%d", worker + 1, (int)pid, how,
		    what);
	else
		log_write(level, "supervisor", 0,
		    "worker=%zu pid=%d died %s=%d again_in_ms=%llu", worker + 1,
		    (int)pid, how, what,
		    (unsigned long long)(s->children[worker].start_ms -
					 clock_now_ms()));
}

static void
bury(struct supervisor *s, size_t worker, int status)
{
	struct child *c = &s->children[worker];
	uint64_t now_ms = clock_now_ms();
	pid_t pid = c->pid;

	c->pid = 0;
	if (now_ms - c->started_ms >= HEALTHY_MS)
		c->deaths = 0;
	plan_start(c, now_ms);
	s->plan->on_death(s->plan->arg, worker);
	if (s->ending && s->status == 0 && !is_clean_end(s, status))
		s->status = EXIT_FAILURE;
	if (is_refusal(s, status)) {
		log_error("supervisor", 0,
		    "worker=%zu cannot start, so none can: see above",
		    worker + 1);
		s->status = WEXITSTATUS(status);
		begin_end(s, now_ms);
	}
	say_death(s, worker, pid, status);
}

static void
reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < s->plan->workers; i++)
			if (s->children[i].pid == pid) {
				bury(s, i, status);
				break;
			}
}

/* --- readiness ---------------------------------------------------------- */

static bool
all_are_ready(const struct supervisor *s)
{
	for (size_t i = 0; i < s->plan->workers; i++)
		if (!s->children[i].ready)
			return false;
	return true;
}

static void
read_reports(struct supervisor *s)
{
	unsigned char who[64];
	ssize_t n = read(s->report[0], who, sizeof who);

	for (ssize_t i = 0; i < n; i++)
		if (who[i] < s->plan->workers)
			s->children[who[i]].ready = true;
	if (s->said_ready || s->ending || !all_are_ready(s))
		return;
	s->said_ready = true;
	s->plan->on_ready(s->plan->arg);
}

void
supervisor_say_ready(const struct worker_self *self)
{
	unsigned char who = (unsigned char)self->worker;
	ssize_t n = write(self->report, &who, 1);

	(void)n; /* it is for as many bytes as there are workers */
}

/* --- the loop ----------------------------------------------------------- */

static uint64_t
next_deadline(const struct supervisor *s)
{
	uint64_t due = s->ending ? s->kill_ms : UINT64_MAX;

	for (size_t i = 0; i < s->plan->workers && !s->ending; i++)
		if (s->children[i].pid == 0 && s->children[i].start_ms < due)
			due = s->children[i].start_ms;
	return due;
}

static void
wait_for_news(struct supervisor *s)
{
	struct pollfd fd = {.fd = s->report[0], .events = POLLIN};
	uint64_t due = next_deadline(s), now_ms = clock_now_ms();
	uint64_t ms = due > now_ms ? due - now_ms : 0;
	struct timespec ts = {.tv_sec = (time_t)(ms / 1000),
	    .tv_nsec = (long)(ms % 1000) * 1000000};
	sigset_t none;

	sigemptyset(&none);
	if (ppoll(&fd, 1, due == UINT64_MAX ? NULL : &ts, &none) > 0)
		read_reports(s);
}

static void
heed_signals(struct supervisor *s, uint64_t now_ms)
{
	if (hangups != s->hangups_seen) {
		s->hangups_seen = hangups;
		send_all(s, SIGHUP);
		if (!s->ending)
			s->plan->on_hangup(s->plan->arg);
	}
	while (s->ends_seen != ends) {
		s->ends_seen++;
		if (s->ending)
			hurry(s, now_ms);
		else
			begin_end(s, now_ms);
	}
}

static bool
has_children(const struct supervisor *s)
{
	for (size_t i = 0; i < s->plan->workers; i++)
		if (s->children[i].pid > 0)
			return true;
	return false;
}

static void
run(struct supervisor *s)
{
	start_due(s, clock_now_ms());
	while (!s->ending || has_children(s)) {
		wait_for_news(s);
		reap(s);
		heed_signals(s, clock_now_ms());
		kill_overdue(s, clock_now_ms());
		start_due(s, clock_now_ms());
	}
}

int
supervise(const struct supervisor_plan *plan)
{
	struct supervisor s = {.plan = plan, .pid = getpid()};

	if (pipe2(s.report, O_CLOEXEC | O_NONBLOCK) != 0) {
		log_error("supervisor", 0,
		    "a pipe cannot be made reason=\"%s\"", strerror(errno));
		return EXIT_FAILURE;
	}
	s.children = xcalloc(plan->workers, sizeof s.children[0]);
	handle_signals();
	block_signals(SIG_BLOCK);
	run(&s);
	close(s.report[0]);
	close(s.report[1]);
	free(s.children);
	return s.status;
}
