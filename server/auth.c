/* SPDX-License-Identifier: ISC */
/*
 * Passwords, beside the loop.
 *
 * One hash takes 64 MiB and a tenth of a second or so.  One thread takes them
 * one after another: so that is all the memory they ever take, and the other
 * core is left to the loop.  The queue is short, because it is a stranger who
 * fills it: one place for a session, one for an address.
 *
 * A nick that has no password costs what one with a password does, so that
 * nobody learns from the time which it was.
 */
#include "server/auth.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/worker.h"

const struct auth_cost auth_cost_default = {3, 64 << 20};

struct job {
	struct worker_job job; /* first */
	TAILQ_ENTRY(job) entry;
	uint64_t session;
	bool has_addr;
	struct addr_key addr;
	bool verify;
	bool blind; /* there is no hash to compare with */
	enum auth_result result;
	auth_fn done;
	void *arg;
	size_t len;
	char password[AUTH_PASSWORD_MAX];
	char hash[crypto_pwhash_STRBYTES];
};

struct auth {
	struct auth_cost cost;
	struct worker *worker;
	TAILQ_HEAD(, job) jobs; /* the loop's: all that were not done yet */
	unsigned long long count;
};

/* --- the thread ----------------------------------------------------------- */

static enum auth_result
hash(const struct auth *a, struct job *j)
{
	return crypto_pwhash_argon2id_str(j->hash, j->password, j->len,
		   a->cost.passes, a->cost.bytes) == 0
		   ? AUTH_RIGHT
		   : AUTH_FAILED;
}

/* As much work as comparing, and nothing comes of it. */
static enum auth_result
verify_blind(const struct auth *a, const struct job *j)
{
	static const unsigned char salt[crypto_pwhash_argon2id_SALTBYTES];
	unsigned char out[32];

	return crypto_pwhash_argon2id(out, sizeof out, j->password, j->len,
		   salt, a->cost.passes, a->cost.bytes,
		   crypto_pwhash_argon2id_ALG_ARGON2ID13) == 0
		   ? AUTH_WRONG
		   : AUTH_FAILED;
}

static enum auth_result
verify(const struct auth *a, const struct job *j)
{
	if (j->blind)
		return verify_blind(a, j);
	return crypto_pwhash_argon2id_str_verify(
		   j->hash, j->password, j->len) == 0
		   ? AUTH_RIGHT
		   : AUTH_WRONG;
}

static void
work(void *arg, struct worker_jobs *jobs)
{
	struct auth *a = arg;
	struct worker_job *job;

	STAILQ_FOREACH (job, jobs, next) {
		struct job *j = (struct job *)job;

		j->result = j->verify ? verify(a, j) : hash(a, j);
		sodium_memzero(j->password, sizeof j->password);
	}
}

/* --- the loop ------------------------------------------------------------- */

static void
done(void *arg, struct worker_job *job)
{
	struct auth *a = arg;
	struct job *j = (struct job *)job;
	bool made;

	if (job->undone)
		j->result = AUTH_FAILED;
	else
		a->count++;
	made = !j->verify && j->result == AUTH_RIGHT;
	TAILQ_REMOVE(&a->jobs, j, entry);
	j->done(j->arg, j->result, made ? j->hash : NULL);
	sodium_memzero(j, sizeof *j);
	free(j);
}

static const struct worker_ops ops = {work, done, 1};

static bool
is_free(const struct auth *a, const struct auth_asker *who)
{
	const struct job *j;

	if (worker_load(a->worker) >= AUTH_QUEUE_MAX)
		return false;
	TAILQ_FOREACH (j, &a->jobs, entry)
		if (j->session == who->session ||
		    (who->addr && j->has_addr &&
			memcmp(&j->addr, who->addr, sizeof j->addr) == 0))
			return false;
	return true;
}

static struct job *
job_new(struct auth *a, const struct auth_asker *who, struct span password,
    auth_fn fn, void *arg)
{
	struct job *j = xcalloc(1, sizeof *j);

	assert(password.len <= sizeof j->password);
	j->session = who->session;
	j->has_addr = who->addr != NULL;
	if (who->addr)
		j->addr = *who->addr;
	memcpy(j->password, password.p, password.len);
	j->len = password.len;
	j->done = fn;
	j->arg = arg;
	TAILQ_INSERT_TAIL(&a->jobs, j, entry);
	return j;
}

int
auth_hash(struct auth *a, const struct auth_asker *who, struct span password,
    auth_fn fn, void *arg)
{
	if (!is_free(a, who))
		return -AUTH_EBUSY;
	worker_give(a->worker, &job_new(a, who, password, fn, arg)->job);
	return 0;
}

int
auth_verify(struct auth *a, const struct auth_asker *who, struct span password,
    const char *with, auth_fn fn, void *arg)
{
	struct job *j;

	if (!is_free(a, who))
		return -AUTH_EBUSY;
	j = job_new(a, who, password, fn, arg);
	j->verify = true;
	j->blind = with == NULL;
	if (with)
		span_copy(j->hash, sizeof j->hash, span_of(with));
	worker_give(a->worker, &j->job);
	return 0;
}

unsigned long long
auth_count(const struct auth *a)
{
	return a->count;
}

struct auth *
auth_new(struct event_base *base, const struct auth_cost *cost)
{
	struct auth *a = xcalloc(1, sizeof *a);

	a->cost = *cost;
	TAILQ_INIT(&a->jobs);
	a->worker = worker_new(base, &ops, a);
	if (a->worker)
		return a;
	free(a);
	return NULL;
}

void
auth_free(struct auth *a)
{
	if (!a)
		return;
	worker_free(a->worker, false);
	free(a);
}
