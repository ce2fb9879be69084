/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_WORKER_H
#define SNUG_SERVER_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "base/attr.h"

/*
 * One thread beside the loop, for what would hold the loop up: jobs go to it in
 * order, and come back in that order as calls from the loop.  Nothing else is
 * shared; a job belongs to the thread from worker_give() until its done().
 */
struct worker;
struct event_base;

/* The head of a job; its maker embeds it as the first member. */
struct worker_job {
	STAILQ_ENTRY(worker_job) next;
	bool undone; /* the worker was freed before it came to it */
};
STAILQ_HEAD(worker_jobs, worker_job);

struct worker_ops {
	/* In the thread: carries out all of these, of which there is at least
	 * one, and at most `together`. */
	void (*work)(void *arg, struct worker_jobs *jobs);
	/* In the loop, once for each. */
	void (*done)(void *arg, struct worker_job *job);
	size_t together;
};

/* NULL: the thread cannot be started; errno says why. */
struct worker *worker_new(struct event_base *base, const struct worker_ops *ops,
    void *arg) MUST_CHECK;
/*
 * Ends the thread.  done() is called for every job that was given: at once, and
 * with `undone` for those that it had not begun, unless `finish`.
 */
void worker_free(struct worker *w, bool finish);

void worker_give(struct worker *w, struct worker_job *job); /* takes */
/* Given, and not done() yet. */
size_t worker_load(const struct worker *w);

#endif
