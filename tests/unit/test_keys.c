/* SPDX-License-Identifier: ISC */
/*
 * server/keys.c: where the keys are if nobody says so, and what is made.  What
 * a key file is, test_identity knows.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "server/config.h"
#include "server/keys.h"
#include "server/server.h"

enum { NOBODY = 65534, OUT_MAX = 200 };

static char folder[64];

static int
setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/snug-keys-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	return chmod(folder, 0777);
}

static int
teardown(void **state)
{
	char *command = xasprintf("rm -rf '%s'", folder);
	int status = system(command);

	(void)state;
	free(command);
	return status;
}

/* As somebody who is not root, in a process of its own: root's keys are not for
 * tests.  Its exit status says what was not so. */
static int
as_somebody(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) != 0
			  ? 99
			  : fn());
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* keys_print() with this configuration into out; its result. */
static int
print(const struct config *c, char out[static OUT_MAX],
    char cause[static ERR_LEN])
{
	FILE *f = fmemopen(out, OUT_MAX, "w");
	int err = keys_print(c, f, cause);

	fclose(f);
	return err;
}

static bool
has_mode(const char *path, mode_t mode)
{
	struct stat st;

	return stat(path, &st) == 0 && (st.st_mode & 07777) == mode;
}

static int
in_xdg(void)
{
	struct config c = {0};
	char out[OUT_MAX] = "", again[OUT_MAX] = "", cause[ERR_LEN];

	setenv("XDG_STATE_HOME", folder, 1);
	setenv("HOME", "/nonexistent", 1);
	if (chdir(folder) != 0 || print(&c, out, cause) != 0)
		return 1;
	if (!has_mode("snug", 0700) || !has_mode("snug/server.key", 0600))
		return 2;
	if (print(&c, again, cause) != 0 || strcmp(out, again) != 0)
		return 3;
	return 0;
}

static void
the_key_is_made_in_the_state_directory(void **state)
{
	(void)state;
	assert_int_equal(as_somebody(in_xdg), 0);
}

static int
in_home(void)
{
	struct config c = {0};
	char out[OUT_MAX] = "", cause[ERR_LEN];

	/* A relative one is none. */
	setenv("XDG_STATE_HOME", "state", 1);
	setenv("HOME", folder, 1);
	if (chdir(folder) != 0 || print(&c, out, cause) != 0)
		return 1;
	if (!has_mode(".local", 0700) ||
	    !has_mode(".local/state/snug/server.key", 0600))
		return 2;
	return access("state", F_OK) == 0 ? 3 : 0;
}

static void
without_xdg_it_is_below_home(void **state)
{
	(void)state;
	assert_int_equal(as_somebody(in_home), 0);
}

static int
nowhere(void)
{
	struct config c = {0};
	char out[OUT_MAX] = "", cause[ERR_LEN] = "";

	unsetenv("XDG_STATE_HOME");
	unsetenv("HOME");
	if (print(&c, out, cause) != -1 || !strstr(cause, "--key-file") ||
	    !strstr(cause, "secure = off"))
		return 1;
	setenv("HOME", "/proc/nothing", 1);
	if (print(&c, out, cause) != -1 || !strstr(cause, "/proc/nothing") ||
	    !strstr(cause, "--key-file"))
		return 2;
	return out[0] != '\0' ? 3 : 0;
}

static void
where_it_can_be_nowhere_the_mend_is_said(void **state)
{
	(void)state;
	assert_int_equal(as_somebody(nowhere), 0);
}

static void
without_secure_sessions_there_is_no_key(void **state)
{
	char *path = xasprintf("%s/key", folder), cause[ERR_LEN];
	struct config c = {.secure = SECURE_OFF, .key_file = path};
	struct server sv = {.config = &c};

	(void)state;
	assert_int_equal(keys_open(&sv, cause), 0);
	assert_null(sv.identity);
	assert_int_equal(access(path, F_OK), -1);
	keys_close(&sv);
	free(path);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	    T(the_key_is_made_in_the_state_directory),
	    T(without_xdg_it_is_below_home),
	    T(where_it_can_be_nowhere_the_mend_is_said),
	    T(without_secure_sessions_there_is_no_key),
#undef T
	};

	if (sodium_init() < 0)
		return 1;
	return RUN(tests);
}
