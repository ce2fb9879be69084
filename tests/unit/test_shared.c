/* SPDX-License-Identifier: ISC */
/* server/tally.c, server/penalty.c, server/shared.c: what workers share, with
 * real processes, some of which are killed in the middle. */
#include "tests/unit/unit.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/limit.h"
#include "server/penalty.h"
#include "server/shared.h"
#include "server/table.h"
#include "server/tally.h"

enum { WORKERS = 4, ADDRESSES = 8, CAP = 10, T0 = 1000000 };

static struct addr_key
key(unsigned n)
{
	struct addr_key k = {{0}};

	memcpy(k.bytes, &n, sizeof n);
	return k;
}

/* --- one process, several views ------------------------------------------- */

static void *mem;

static int
setup(void **state)
{
	(void)state;
	table_init();
	mem = mmap(NULL, tally_size(WORKERS), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return mem == MAP_FAILED ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	return munmap(mem, tally_size(WORKERS));
}

static void
a_worker_sees_what_all_others_have(void **state)
{
	struct tally *a = tally_new(mem, WORKERS, 0);
	struct tally *b = tally_new(mem, WORKERS, 1);
	struct tally *c = tally_new(mem, WORKERS, 3);
	struct addr_key k = key(1), other = key(2);

	(void)state;
	tally_set(a, &k, 3);
	tally_set(b, &k, 4);
	assert_int_equal(tally_others(a, &k), 4);
	assert_int_equal(tally_others(b, &k), 3);
	assert_int_equal(tally_others(c, &k), 7);
	assert_int_equal(tally_others(c, &other), 0);
	tally_set(a, &k, 2);
	tally_set(b, &k, 0);
	assert_int_equal(tally_others(c, &k), 2);
	free(a);
	free(b);
	free(c);
}

static void
what_a_dead_worker_had_is_cleared_and_no_more(void **state)
{
	struct tally *a = tally_new(mem, WORKERS, 0);
	struct tally *b = tally_new(mem, WORKERS, 1);
	struct tally *c = tally_new(mem, WORKERS, 2);

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		struct addr_key k = key(i);

		tally_set(a, &k, 1);
		tally_set(b, &k, 2);
	}
	tally_clear(mem, 1);
	for (unsigned i = 0; i < 1000; i++) {
		struct addr_key k = key(i);

		assert_int_equal(tally_others(c, &k), 1);
	}
	free(a);
	free(b);
	free(c);
}

/* A full table is no reason to count wrongly, or to refuse anybody. */
static void
more_addresses_than_places_are_not_seen_but_never_wrong(void **state)
{
	struct tally *a = tally_new(mem, WORKERS, 0);
	struct tally *b = tally_new(mem, WORKERS, 1);
	unsigned seen = 0;

	(void)state;
	for (unsigned i = 0; i < 3 * TALLY_PLACES; i++) {
		struct addr_key k = key(i);

		tally_set(a, &k, 5);
	}
	for (unsigned i = 0; i < 3 * TALLY_PLACES; i++) {
		struct addr_key k = key(i);
		size_t n = tally_others(b, &k);

		assert_true(n == 0 || n == 5);
		seen += n == 5;
	}
	assert_in_range(seen, TALLY_PLACES * 9 / 10, TALLY_PLACES);
	for (unsigned i = 0; i < 3 * TALLY_PLACES; i++) {
		struct addr_key k = key(i);

		tally_set(a, &k, 0);
		assert_int_equal(tally_others(b, &k), 0);
	}
	free(a);
	free(b);
}

static void
a_cap_is_one_for_all_workers(void **state)
{
	struct addr_counts *a = addr_counts_new(), *b = addr_counts_new();
	struct tally *ta = tally_new(mem, WORKERS, 0);
	struct tally *tb = tally_new(mem, WORKERS, 1);
	struct addr_key k = key(1);

	(void)state;
	addr_counts_share(a, ta);
	addr_counts_share(b, tb);
	assert_true(addr_counts_add(a, &k, 3));
	assert_true(addr_counts_add(b, &k, 3));
	assert_true(addr_counts_add(b, &k, 3));
	assert_false(addr_counts_add(a, &k, 3));
	assert_false(addr_counts_add(b, &k, 3));
	assert_int_equal(addr_counts_get(a, &k), 3);
	/* What was refused was told to nobody. */
	addr_counts_drop(b, &k);
	assert_int_equal(addr_counts_get(a, &k), 2);
	assert_true(addr_counts_add(a, &k, 3));
	assert_false(addr_counts_add(b, &k, 3));
	addr_counts_free(a);
	addr_counts_free(b);
	free(ta);
	free(tb);
}

static void
who_has_clearly_more_than_another_is_ahead(void **state)
{
	struct shared *sh = shared_new(WORKERS);

	(void)state;
	assert_non_null(sh);
	shared_join(sh, 1);
	assert_false(shared_is_ahead(sh)); /* nobody accepts yet */
	shared_set_load(sh, 1000);
	assert_false(shared_is_ahead(sh)); /* nor does anybody else */
	assert_int_equal(shared_load(sh), 1000);
	shared_clear(sh, 1);
	assert_int_equal(shared_load(sh), 0);
	shared_free(sh);
}

/* --- several processes ------------------------------------------------------
 */

/* Beside the tally: who really holds what, kept by the test. */
struct truth {
	_Atomic int held[ADDRESSES];
	_Atomic unsigned long turns[WORKERS];
	_Atomic bool over; /* a cap was broken */
};

static struct truth *truth;

static struct truth *
truth_new(void)
{
	struct truth *t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(t, MAP_FAILED);
	return t;
}

/* Comes and goes, from a few addresses, as fast as it can. */
static _Noreturn void
come_and_go(size_t self, unsigned long turns)
{
	struct addr_counts *counts = addr_counts_new();
	unsigned have[ADDRESSES] = {0};
	uint64_t dice = self + 1;

	addr_counts_share(counts, tally_new(mem, WORKERS, self));
	while (turns == 0 || truth->turns[self] < turns) {
		dice = dice * 6364136223846793005U + 1442695040888963407U;
		unsigned i = (unsigned)(dice >> 33) % ADDRESSES;
		struct addr_key k = key(i);

		if (dice >> 63 && have[i] > 0) {
			truth->held[i]--;
			addr_counts_drop(counts, &k);
			have[i]--;
		} else if (addr_counts_add(counts, &k, CAP)) {
			if (++truth->held[i] > CAP)
				truth->over = true;
			have[i]++;
		}
		truth->turns[self]++;
	}
	_exit(0);
}

static pid_t
fork_worker(size_t self, unsigned long turns)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		come_and_go(self, turns);
	return pid;
}

static void
wait_turns(size_t worker, unsigned long turns)
{
	while (truth->turns[worker] < turns)
		usleep(100);
}

static void
a_cap_is_never_exceeded_when_all_come_at_once(void **state)
{
	pid_t pids[WORKERS];
	int status;

	(void)state;
	truth = truth_new();
	for (size_t i = 0; i < WORKERS; i++)
		pids[i] = fork_worker(i, 200000);
	for (size_t i = 0; i < WORKERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_false(truth->over);
	munmap(truth, sizeof *truth);
}

static void
kill_and_clear(size_t worker, pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	tally_clear(mem, worker);
}

/* Another one takes the place of each, as with a supervisor. */
static void
workers_killed_in_the_middle_leave_no_count_behind(void **state)
{
	struct tally *outside = tally_new(mem, WORKERS, 0);
	pid_t pids[WORKERS];

	(void)state;
	truth = truth_new();
	for (size_t i = 1; i < WORKERS; i++)
		pids[i] = fork_worker(i, 0);
	for (unsigned n = 0; n < 120; n++) {
		size_t victim = 1 + n % (WORKERS - 1);

		truth->turns[victim] = 0;
		wait_turns(victim, 100 + n * 7 % 50);
		kill_and_clear(victim, pids[victim]);
		pids[victim] = fork_worker(victim, 0);
	}
	for (size_t i = 1; i < WORKERS; i++)
		kill_and_clear(i, pids[i]);
	for (unsigned i = 0; i < ADDRESSES; i++) {
		struct addr_key k = key(i);

		assert_int_equal(tally_others(outside, &k), 0);
	}
	free(outside);
	munmap(truth, sizeof *truth);
}

static void
a_worker_that_stands_still_holds_nobody_up(void **state)
{
	pid_t still, busy;
	int status;

	(void)state;
	truth = truth_new();
	for (unsigned n = 0; n < 20; n++) {
		memset(truth, 0, sizeof *truth);
		still = fork_worker(1, 0);
		wait_turns(1, 200 + n);
		assert_int_equal(kill(still, SIGSTOP), 0);
		busy = fork_worker(2, 20000);
		assert_int_equal(waitpid(busy, &status, 0), busy);
		assert_int_equal(status, 0);
		tally_clear(mem, 2);
		kill_and_clear(1, still);
	}
	munmap(truth, sizeof *truth);
}

/* --- penalties ------------------------------------------------------------ */

static const struct penalty_rule rule = {.from_ms = 15000, .most_ms = 600000};

static struct penalties *
penalties_at(void *table)
{
	struct penalties *ps = penalties_new(&rule);

	penalties_share(ps, table);
	return ps;
}

static void
failures_add_up_over_workers(void **state)
{
	struct shared *sh = shared_new(WORKERS);
	struct penalties *a = penalties_at(shared_debts(sh));
	struct penalties *b = penalties_at(shared_debts(sh));
	struct addr_key k = key(1);

	(void)state;
	assert_false(penalties_add(a, &k, PENALTY_FRAME, T0));
	assert_false(penalties_add(b, &k, PENALTY_FRAME, T0));
	assert_true(penalties_add(a, &k, PENALTY_FRAME, T0));
	assert_int_equal(penalties_wait(b, &k, T0), 15000);
	assert_int_equal(penalties_count(b, T0), 1);
	/* They outlive who saw them. */
	shared_join(sh, 0);
	shared_clear(sh, 0);
	assert_int_equal(penalties_wait(b, &k, T0), 15000);
	penalties_free(a);
	penalties_free(b);
	shared_free(sh);
}

enum { CROWD = 100000 };

static _Noreturn void
fail_on(struct shared *sh, size_t self)
{
	struct penalties *ps = penalties_at(shared_debts(sh));

	for (unsigned i = (unsigned)self * 7919;; i++) {
		struct addr_key k = key(i % CROWD);

		penalties_add(ps, &k, PENALTY_FLOOD, T0);
		truth->turns[self]++;
	}
}

/* Whatever they left, debts are debts, and the table takes new ones. */
static void
workers_killed_in_the_middle_leave_a_table_that_works(void **state)
{
	struct shared *sh = shared_new(WORKERS);
	struct penalties *ps = penalties_at(shared_debts(sh));
	pid_t pids[WORKERS];

	(void)state;
	truth = truth_new();
	for (unsigned round = 0; round < 25; round++) {
		for (size_t i = 0; i < WORKERS; i++) {
			truth->turns[i] = 0;
			pids[i] = fork();
			assert_true(pids[i] >= 0);
			if (pids[i] == 0)
				fail_on(sh, i);
		}
		for (size_t i = 0; i < WORKERS; i++) {
			wait_turns(i, 2000);
			assert_int_equal(kill(pids[i], SIGKILL), 0);
			assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
		}
	}
	for (unsigned i = 0; i < CROWD; i++) {
		struct addr_key k = key(i);

		assert_in_range(penalties_wait(ps, &k, T0), 0, rule.most_ms);
	}
	for (unsigned i = CROWD; i < CROWD + 1000; i++) {
		struct addr_key k = key(i);

		assert_true(penalties_add(ps, &k, PENALTY_FLOOD, T0));
		assert_int_equal(penalties_wait(ps, &k, T0), 20000);
	}
	penalties_free(ps);
	shared_free(sh);
	munmap(truth, sizeof *truth);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	    T(a_worker_sees_what_all_others_have),
	    T(what_a_dead_worker_had_is_cleared_and_no_more),
	    T(more_addresses_than_places_are_not_seen_but_never_wrong),
	    T(a_cap_is_one_for_all_workers),
	    TEST(who_has_clearly_more_than_another_is_ahead),
	    T(a_cap_is_never_exceeded_when_all_come_at_once),
	    T(workers_killed_in_the_middle_leave_no_count_behind),
	    T(a_worker_that_stands_still_holds_nobody_up),
	    TEST(failures_add_up_over_workers),
	    TEST(workers_killed_in_the_middle_leave_a_table_that_works),
#undef T
	};

	return RUN(tests);
}
