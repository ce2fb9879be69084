/* SPDX-License-Identifier: ISC */
/*
 * The memory that workers share, and what lies where in it: see the header.
 *
 * What was counted by one worker lies in a part that it alone writes, so that
 * its death costs nobody else anything.  Penalties are the exception: failures
 * add up over all workers, and outlive them (penalty.c says how).
 */
#include "server/shared.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "server/penalty.h"
#include "server/tally.h"

enum {
	AHEAD = 8, /* sessions more than the least of all */
	LINE = 64, /* a cache's */
};

struct load {
	_Alignas(
	    LINE) _Atomic size_t n; /* sessions + 1; 0: it does not accept */
};

struct shared {
	char *mem;
	size_t size, workers, self;
	struct load *loads;
	void *connections, *strangers, *debts;
	struct tally *connections_tally, *strangers_tally;
};

/* The next part of the memory; its size is a multiple of a cache line's. */
static void *
part(struct shared *sh, size_t *at, size_t size)
{
	void *p = sh->mem ? sh->mem + *at : NULL;

	*at += (size + LINE - 1) / LINE * LINE;
	return p;
}

/* Gives the size of it all. */
static size_t
lay_out(struct shared *sh)
{
	size_t at = 0;

	sh->loads = part(sh, &at, sh->workers * sizeof(struct load));
	sh->debts = part(sh, &at, penalties_size());
	sh->connections = part(sh, &at, tally_size(sh->workers));
	sh->strangers = part(sh, &at, tally_size(sh->workers));
	return at;
}

struct shared *
shared_new(size_t workers)
{
	struct shared *sh = xcalloc(1, sizeof *sh);

	assert(workers <= TALLY_WORKERS_MAX);
	sh->workers = workers;
	sh->size = lay_out(sh);
	sh->mem = mmap(NULL, sh->size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh->mem == MAP_FAILED) {
		free(sh);
		return NULL;
	}
	lay_out(sh);
	return sh;
}

void
shared_free(struct shared *sh)
{
	if (!sh)
		return;
	free(sh->connections_tally);
	free(sh->strangers_tally);
	munmap(sh->mem, sh->size);
	free(sh);
}

void
shared_join(struct shared *sh, size_t self)
{
	sh->self = self;
	sh->connections_tally = tally_new(sh->connections, sh->workers, self);
	sh->strangers_tally = tally_new(sh->strangers, sh->workers, self);
}

struct tally *
shared_connections(struct shared *sh)
{
	return sh->connections_tally;
}

struct tally *
shared_strangers(struct shared *sh)
{
	return sh->strangers_tally;
}

void *
shared_debts(struct shared *sh)
{
	return sh->debts;
}

void
shared_set_load(struct shared *sh, size_t sessions)
{
	atomic_store(&sh->loads[sh->self].n, sessions + 1);
}

void
shared_leave(struct shared *sh)
{
	atomic_store(&sh->loads[sh->self].n, 0);
}

size_t
shared_load(const struct shared *sh)
{
	size_t n = 0;

	for (size_t w = 0; w < sh->workers; w++) {
		size_t load = atomic_load(&sh->loads[w].n);

		n += load > 0 ? load - 1 : 0;
	}
	return n;
}

bool
shared_is_ahead(const struct shared *sh)
{
	size_t least = SIZE_MAX;

	for (size_t w = 0; w < sh->workers; w++) {
		size_t load = atomic_load(&sh->loads[w].n);

		if (load > 0 && load < least)
			least = load;
	}
	return least != SIZE_MAX &&
	       atomic_load(&sh->loads[sh->self].n) > least + AHEAD;
}

void
shared_clear(struct shared *sh, size_t worker)
{
	atomic_store(&sh->loads[worker].n, 0);
	tally_clear(sh->connections, worker);
	tally_clear(sh->strangers, worker);
}
