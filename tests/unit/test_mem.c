/* SPDX-License-Identifier: ISC */
/* base/mem.c: memory or the end of the program. */
#include "tests/unit/unit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

/* Runs fn in a child; gives what it wrote on standard error, and checks that
 * it aborted. */
static void
assert_aborts(void (*fn)(void), char *said, size_t cap)
{
	int fds[2], status;
	size_t len = 0;
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		const struct rlimit none = {0, 0};
		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL);
		dup2(fds[1], STDERR_FILENO);
		fn();
		_exit(0);
	}
	close(fds[1]);
	while (
	    len < cap - 1 && (n = read(fds[0], said + len, cap - 1 - len)) > 0)
		len += (size_t)n;
	said[len] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void
ask_for_a_product_that_overflows(void)
{
	free(xcalloc(SIZE_MAX / 2, 4));
}

static void
ask_for_a_bigger_array_that_overflows(void)
{
	free(xreallocarray(NULL, SIZE_MAX, 2));
}

static void
a_size_that_overflows_ends_the_program(void **state)
{
	char said[256];

	(void)state;

	assert_aborts(ask_for_a_product_that_overflows, said, sizeof(said));
	assert_string_equal(said, "out of memory\n");
	assert_aborts(
	    ask_for_a_bigger_array_that_overflows, said, sizeof(said));
	assert_string_equal(said, "out of memory\n");
}

static void
nothing_is_a_size_too(void **state)
{
	(void)state;

	void *p = xmalloc(0), *q = xcalloc(0, 8), *r = xrealloc(NULL, 0);
	assert_non_null(p);
	assert_non_null(q);
	assert_non_null(r);
	free(p);
	free(q);
	free(r);
}

static void
xcalloc_gives_zeros(void **state)
{
	static const char zeros[4096];

	(void)state;
	char *dirty = xmalloc(sizeof(zeros));
	memset(dirty, 'x', sizeof(zeros));
	free(dirty);

	char *p = xcalloc(64, 64);

	assert_memory_equal(p, zeros, sizeof(zeros));
	free(p);
}

static void
copies_strings_whole_or_cut(void **state)
{
	static const char no_end[3] = {'a', 'b', 'c'};

	(void)state;

	char *all = xstrdup("hello"), *some = xstrndup("hello", 3);
	char *more = xstrndup("hi", 10), *raw = xstrndup(no_end, 3);
	assert_string_equal(all, "hello");
	assert_string_equal(some, "hel");
	assert_string_equal(more, "hi");
	assert_string_equal(raw, "abc");
	free(all);
	free(some);
	free(more);
	free(raw);
}

static void
formats_into_memory_of_its_own(void **state)
{
	(void)state;

	char *s = xasprintf("%s=%d", "a", 5);

	assert_string_equal(s, "a=5");
	free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_size_that_overflows_ends_the_program),
	    TEST(nothing_is_a_size_too),
	    TEST(xcalloc_gives_zeros),
	    TEST(copies_strings_whole_or_cut),
	    TEST(formats_into_memory_of_its_own),
	};

	return RUN(tests);
}
