/* SPDX-License-Identifier: ISC */
/* server/auth.c, with hashes that cost little. */
#include "server/auth.h"

#include <event2/event.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

enum { DEADLINE_S = 10 };

static const struct auth_cost cheap = {1, 8192};

static struct event_base *base;
static struct auth *auth;

struct result {
	unsigned calls;
	enum auth_result result;
	char hash[crypto_pwhash_STRBYTES];
};

static void
on_done(void *arg, enum auth_result result, const char *hash)
{
	struct result *r = arg;
	r->calls++;
	r->result = result;
	if (hash)
		span_copy(r->hash, sizeof r->hash, span_of(hash));
}

static struct auth_asker
session(uint64_t id)
{
	return (struct auth_asker){.session = id};
}

static void
await(const struct result *r)
{
	struct timeval tv = {DEADLINE_S, 0};
	event_base_loopexit(base, &tv);
	while (r->calls == 0)
		if (event_base_loop(base, EVLOOP_ONCE) != 0 ||
		    event_base_got_exit(base))
			fail_msg("no answer in time");
	assert_int_equal(r->calls, 1);
}

static struct result
verified(const char *password, const char *hash)
{
	struct result r = {.calls = 0};
	struct auth_asker who = session(1);
	assert_int_equal(
	    auth_verify(auth, &who, span_of(password), hash, on_done, &r), 0);
	await(&r);
	return r;
}

static struct result
hashed(const char *password)
{
	struct result r = {.calls = 0};
	struct auth_asker who = session(1);
	assert_int_equal(
	    auth_hash(auth, &who, span_of(password), on_done, &r), 0);
	await(&r);
	return r;
}

static int
setup(void **state)
{
	(void)state;
	base = event_base_new();
	auth = auth_new(base, &cheap);
	return base && auth ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	auth_free(auth);
	event_base_free(base);
	return 0;
}

/* --- what is right and what is wrong -------------------------------------- */

static void
a_password_fits_its_hash_and_no_other_does(void **state)
{
	(void)state;
	struct result r = hashed("correct horse");

	assert_int_equal(r.result, AUTH_RIGHT);
	assert_int_equal(verified("correct horse", r.hash).result, AUTH_RIGHT);
	assert_int_equal(verified("correct horsf", r.hash).result, AUTH_WRONG);
	assert_int_equal(verified("correct", r.hash).result, AUTH_WRONG);
	assert_int_equal(verified("", r.hash).result, AUTH_WRONG);
}

static void
hashes_of_one_password_differ(void **state)
{
	(void)state;
	struct result one = hashed("correct horse"), two;

	two = hashed("correct horse");
	assert_string_not_equal(one.hash, two.hash);
	assert_null(strstr(one.hash, "horse"));
}

static void
what_is_no_hash_fits_nothing(void **state)
{
	(void)state;
	assert_int_equal(verified("x", "").result, AUTH_WRONG);
	assert_int_equal(verified("x", "$argon2id$").result, AUTH_WRONG);
}

static void
where_there_is_no_hash_one_is_worked_out_all_the_same(void **state)
{
	(void)state;
	unsigned long long before = auth_count(auth);

	assert_int_equal(verified("x", NULL).result, AUTH_WRONG);
	assert_int_equal(auth_count(auth), before + 1);
}

/* --- who has to wait ------------------------------------------------------ */

static void
a_session_has_one_at_a_time(void **state)
{
	(void)state;
	struct result r = {.calls = 0};
	struct auth_asker who = session(1);

	assert_int_equal(auth_hash(auth, &who, span_of("x"), on_done, &r), 0);
	assert_int_equal(
	    auth_hash(auth, &who, span_of("x"), on_done, &r), -AUTH_EBUSY);
	assert_int_equal(
	    auth_verify(auth, &who, span_of("x"), NULL, on_done, &r),
	    -AUTH_EBUSY);
	await(&r);
	assert_int_equal(hashed("x").result, AUTH_RIGHT);
}

static void
an_address_has_one_at_a_time(void **state)
{
	(void)state;
	struct addr_key here, there;
	memset(&here, 1, sizeof here);
	memset(&there, 2, sizeof there);
	struct auth_asker one = {1, &here}, two = {2, &here},
			  other = {3, &there};
	struct result r = {.calls = 0}, s = {.calls = 0};

	assert_int_equal(
	    auth_verify(auth, &one, span_of("x"), NULL, on_done, &r), 0);
	assert_int_equal(
	    auth_verify(auth, &two, span_of("x"), NULL, on_done, &r),
	    -AUTH_EBUSY);
	assert_int_equal(
	    auth_verify(auth, &other, span_of("x"), NULL, on_done, &s), 0);
	await(&r);
	await(&s);
}

static void
the_queue_has_an_end(void **state)
{
	(void)state;
	struct result r[AUTH_QUEUE_MAX + 1] = {{.calls = 0}};
	struct auth_asker who;

	/* None comes back before the loop runs. */
	for (unsigned i = 0; i < AUTH_QUEUE_MAX; i++) {
		who = session(i + 1);
		assert_int_equal(
		    auth_verify(auth, &who, span_of("x"), NULL, on_done, &r[i]),
		    0);
	}
	who = session(AUTH_QUEUE_MAX + 1);
	assert_int_equal(auth_verify(auth, &who, span_of("x"), NULL, on_done,
			     &r[AUTH_QUEUE_MAX]),
	    -AUTH_EBUSY);
	for (unsigned i = 0; i < AUTH_QUEUE_MAX; i++)
		await(&r[i]);
	assert_int_equal(r[AUTH_QUEUE_MAX].calls, 0);
	assert_int_equal(auth_count(auth), AUTH_QUEUE_MAX);
}

static void
freeing_answers_all_that_is_owed(void **state)
{
	(void)state;
	struct result r[8] = {{.calls = 0}};

	for (unsigned i = 0; i < ARRAY_LEN(r); i++) {
		struct auth_asker who = session(i + 1);
		assert_int_equal(
		    auth_hash(auth, &who, span_of("x"), on_done, &r[i]), 0);
	}
	auth_free(auth);
	auth = NULL;
	for (unsigned i = 0; i < ARRAY_LEN(r); i++)
		assert_int_equal(r[i].calls, 1);
}

int
main(void)
{
#define ROW(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
	    ROW(a_password_fits_its_hash_and_no_other_does),
	    ROW(hashes_of_one_password_differ),
	    ROW(what_is_no_hash_fits_nothing),
	    ROW(where_there_is_no_hash_one_is_worked_out_all_the_same),
	    ROW(a_session_has_one_at_a_time),
	    ROW(an_address_has_one_at_a_time),
	    ROW(the_queue_has_an_end),
	    ROW(freeing_answers_all_that_is_owed),
	};

	if (sodium_init() < 0)
		return 99;
	return RUN(tests);
}
