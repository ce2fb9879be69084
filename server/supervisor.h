/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_SUPERVISOR_H
#define SNUG_SERVER_SUPERVISOR_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* In a worker: who it is to its parent. */
struct worker_self {
	size_t worker; /* from 0 on */
	int report;    /* for supervisor_say_ready() */
};

struct supervisor_plan {
	size_t workers;
	void *arg;
	/* In a new process: does the work; the result is its exit status.  What
	 * is not 0 says that it could not start: as long as not all of them
	 * were ready once, that ends everything, and is the parent's as well.
	 */
	int (*work)(void *arg, const struct worker_self *self);
	/* In the parent: this worker is dead; another may take its place. */
	void (*on_death)(void *arg, size_t worker);
	/* Once: all of them are ready. */
	void (*on_ready)(void *arg);
	/* SIGHUP has come; the workers have it as well. */
	void (*on_hangup)(void *arg);
	/* It is the end, by a signal or because none can start; gives the
	 * milliseconds that workers may take, and a bit. */
	uint64_t (*on_end)(void *arg);
};

/*
 * Runs so many workers until a signal ends it, and starts those anew that die.
 * Workers get SIGTERM to end, SIGUSR1 to end at once, and SIGTERM when the
 * parent dies; SIGHUP and SIGUSR1 are ignored until a worker says otherwise,
 * and SIGINT, which a terminal sends to all, is the parent's alone.
 *
 * Runs one thread, and has no event loop; the caller has none either.
 * Returns the exit status of the parent.  In workers it does not return.
 */
int supervise(const struct supervisor_plan *plan) MUST_CHECK;

void supervisor_say_ready(const struct worker_self *self);

#endif
