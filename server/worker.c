/* SPDX-License-Identifier: ISC */
/*
 * A thread for slow work, with a queue in and a queue out.
 *
 * The loop is woken by a byte in a pipe.  The thread takes no signals: they are
 * the loop's.
 */
#include "server/worker.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

struct worker {
	const struct worker_ops *ops;
	void *arg;
	pthread_t thread;
	struct event *wake;
	int pipe[2];
	size_t load; /* the loop's */

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t more;
	struct worker_jobs in, out;
	bool ending; /* no more will come */
	bool finish; /* but what has come is done */
};

/* --- the thread ----------------------------------------------------------- */

/* Up to `together` jobs; none: it is over.  Locked. */
static bool
take(struct worker *w, struct worker_jobs *jobs)
{
	struct worker_job *job;

	while (STAILQ_EMPTY(&w->in) && !w->ending)
		pthread_cond_wait(&w->more, &w->lock);
	STAILQ_INIT(jobs);
	if (w->ending && !w->finish)
		return false;
	for (size_t n = 0; n < w->ops->together && (job = STAILQ_FIRST(&w->in));
	     n++) {
		STAILQ_REMOVE_HEAD(&w->in, next);
		STAILQ_INSERT_TAIL(jobs, job, next);
	}
	return !STAILQ_EMPTY(jobs);
}

/* A full pipe has woken the loop already. */
static void
wake_loop(struct worker *w)
{
	while (write(w->pipe[1], "", 1) < 0 && errno == EINTR)
		;
}

static void *
run(void *arg)
{
	struct worker *w = arg;
	struct worker_jobs jobs;

	pthread_mutex_lock(&w->lock);
	while (take(w, &jobs)) {
		pthread_mutex_unlock(&w->lock);
		w->ops->work(w->arg, &jobs);
		pthread_mutex_lock(&w->lock);
		STAILQ_CONCAT(&w->out, &jobs);
		wake_loop(w);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* --- the loop ------------------------------------------------------------- */

/* Whoever is called may give more. */
static void
hand_out(struct worker *w)
{
	struct worker_jobs jobs = STAILQ_HEAD_INITIALIZER(jobs);
	struct worker_job *job;

	pthread_mutex_lock(&w->lock);
	STAILQ_CONCAT(&jobs, &w->out);
	pthread_mutex_unlock(&w->lock);
	while ((job = STAILQ_FIRST(&jobs))) {
		STAILQ_REMOVE_HEAD(&jobs, next);
		w->load--;
		w->ops->done(w->arg, job);
	}
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	char bytes[64];

	(void)what;
	while (read(fd, bytes, sizeof bytes) > 0)
		;
	hand_out(arg);
}

static int
start(struct worker *w)
{
	sigset_t all, was;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	err = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	return err;
}

struct worker *
worker_new(struct event_base *base, const struct worker_ops *ops, void *arg)
{
	struct worker *w = xcalloc(1, sizeof *w);
	int err;

	w->ops = ops;
	w->arg = arg;
	STAILQ_INIT(&w->in);
	STAILQ_INIT(&w->out);
	if (pipe2(w->pipe, O_NONBLOCK | O_CLOEXEC) != 0) {
		free(w);
		return NULL;
	}
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	w->wake = event_new(base, w->pipe[0], EV_READ | EV_PERSIST, on_wake, w);
	if (!w->wake)
		abort(); /* as all memory */
	event_add(w->wake, NULL);
	if ((err = start(w)) == 0)
		return w;
	event_free(w->wake);
	close(w->pipe[0]);
	close(w->pipe[1]);
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
	free(w);
	errno = err;
	return NULL;
}

void
worker_give(struct worker *w, struct worker_job *job)
{
	job->undone = false;
	w->load++;
	pthread_mutex_lock(&w->lock);
	assert(!w->ending);
	STAILQ_INSERT_TAIL(&w->in, job, next);
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
}

size_t
worker_load(const struct worker *w)
{
	return w->load;
}

void
worker_free(struct worker *w, bool finish)
{
	struct worker_job *job;

	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->ending = true;
	w->finish = finish;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	STAILQ_FOREACH (job, &w->in, next)
		job->undone = true;
	STAILQ_CONCAT(&w->out, &w->in);
	hand_out(w);
	event_free(w->wake);
	close(w->pipe[0]);
	close(w->pipe[1]);
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
