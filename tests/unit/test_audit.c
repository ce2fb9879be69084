/* SPDX-License-Identifier: ISC */
/* server/audit.c: the trail in a file of its own. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "server/audit.h"

static char folder[] = "/tmp/snug-test-audit-XXXXXX";
static char path[64], other[64], said[8192];
static const struct audit_actor ann = {7, "ann", "a1"};
static const struct audit_actor again = {8, "ann", "a1"};
static int real_stderr;

/* What a file holds. */
static const char *
content(const char *file)
{
	int fd = open(file, O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, said, sizeof said - 1);
	close(fd);
	said[n > 0 ? n : 0] = '\0';
	return said;
}

static void
open_trail(void)
{
	char cause[ERR_LEN];

	assert_int_equal(audit_open(path, "den", cause), 0);
}

/* It is refused, and the words say why. */
static void
refuses(const char *file, const char *words)
{
	char cause[ERR_LEN] = "";

	assert_int_equal(audit_open(file, "den", cause), -1);
	if (!strstr(cause, words))
		fail_msg("\"%s\" does not say \"%s\"", cause, words);
	assert_non_null(strstr(cause, file));
}

/* --- tests ---------------------------------------------------------------- */

static void
makes_a_file_that_nobody_else_may_touch(void **state)
{
	struct stat st;
	mode_t old = umask(0);

	(void)state;
	open_trail();
	umask(old);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void
appends_a_line_with_time_and_node(void **state)
{
	char form[256];
	unsigned year;
	int end = 0;

	(void)state;
	open_trail();
	audit(&ann, "KICK", "room=%s text=\"%s\"", "den", "so it is");
	audit(&again, "BAN", "room=%s", "den");
	sscanf(
	    content(path), "%4u-%*2u-%*2uT%*2u:%*2u:%*2u.%*3uZ%n", &year, &end);
	assert_true(end == 24 && year > 2000);
	snprintf(form, sizeof form,
	    "%.24s info audit 7 node=den actor=ann "
	    "id=a1 verb=KICK room=den text=\"so it is\"\n",
	    said);
	assert_memory_equal(said, form, strlen(form));
	assert_non_null(strstr(said + strlen(form), " info audit 8 node=den "));
	assert_true(said[strlen(said) - 1] == '\n');
}

static void
writes_json_where_the_log_does(void **state)
{
	(void)state;
	log_setup(LOG_LEVEL_INFO, LOG_JSON);
	open_trail();
	audit(&ann, "KICK", "text=\"%s\"", "x");
	content(path);
	assert_true(said[0] == '{');
	assert_non_null(strstr(said,
	    "\"area\":\"audit\",\"id\":7,\"msg\":\"node=den actor=ann id=a1 "
	    "verb=KICK text=\\\"x\\\"\"}\n"));
}

static void
writes_whatever_the_log_leaves_out(void **state)
{
	(void)state;
	log_setup(LOG_LEVEL_ERROR, LOG_TEXT);
	open_trail();
	audit(&ann, "KICK", "room=den");
	assert_non_null(strstr(content(path), "verb=KICK"));
}

static void
refuses_what_others_may_touch(void **state)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	(void)state;
	for (mode_t bit = 0001; bit <= 0040; bit <<= 1) {
		assert_int_equal(fchmod(fd, 0600 | bit), 0);
		refuses(path, "chmod 600");
	}
	close(fd);
}

static void
refuses_what_is_no_file(void **state)
{
	(void)state;
	refuses(folder, "directory");
	assert_int_equal(symlink(other, path), 0);
	refuses(path, "symbolic link");
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	refuses(path, "");
	refuses("/tmp/no-such-folder-of-snug/x", "its folder is not there");
}

static void
refuses_somebody_elses(void **state)
{
	int fd;

	(void)state;
	if (geteuid() != 0)
		skip();
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(fchown(fd, 12345, 12345), 0);
	close(fd);
	refuses(path, "somebody else");
}

static void
goes_on_in_the_new_file_when_reopened(void **state)
{
	char cause[ERR_LEN];

	(void)state;
	open_trail();
	audit(&ann, "KICK", "room=one");
	assert_int_equal(rename(path, other), 0);
	audit(&ann, "KICK", "room=two");
	assert_int_equal(audit_reopen(cause), 0);
	audit(&ann, "KICK", "room=three");
	content(other);
	assert_non_null(strstr(said, "room=two"));
	assert_null(strstr(said, "room=three"));
	assert_null(strstr(content(path), "room=two"));
	assert_non_null(strstr(said, "room=three"));
}

static void
keeps_the_file_it_has_when_the_new_one_is_bad(void **state)
{
	char cause[ERR_LEN] = "";

	(void)state;
	open_trail();
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(audit_reopen(cause), -1);
	assert_non_null(strstr(cause, "symbolic link"));
	audit(&ann, "KICK", "room=two");
	assert_non_null(strstr(content(other), "room=two"));
}

static void
reopens_nothing_where_there_is_no_file(void **state)
{
	char cause[ERR_LEN];

	(void)state;
	assert_int_equal(audit_reopen(cause), 0);
	audit(&ann, "KICK", "room=den");
}

/* The disk is full in the middle of a line: the log has it, and the next line
 * that fits begins a line. */
static void
says_what_it_could_not_write_and_goes_on(void **state)
{
	struct rlimit was, small;
	const char *log;
	int ends[2];
	ssize_t n;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	/* A pipe for the log: the limit is for files. */
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	open_trail();
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	small = was;
	small.rlim_cur = 40;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	audit(&ann, "KICK", "room=cut");
	audit(&ann, "KICK", "room=lost");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	audit(&ann, "KICK", "room=whole");

	log = content(path);
	assert_int_equal(strcspn(log, "\n"), 40);
	assert_null(strstr(log, "room=lost"));
	assert_non_null(strstr(log + 41, "room=whole\n"));
	assert_true(log[41] == '2' && log[42] == '0');
	n = read(ends[0], said, sizeof said - 1);
	assert_true(n > 0);
	said[n] = '\0';
	close(ends[0]);
	assert_non_null(strstr(said, "error audit 7 audit-log "));
	assert_non_null(strstr(said, "is not in it: actor=ann id=a1 verb=KICK "
				     "room=cut"));
	assert_non_null(strstr(said, "room=lost"));
}

/* --- around each ---------------------------------------------------------- */

/* Standard error goes to `other`, which is not the trail's. */
static int
set_up(void **state)
{
	int fd;

	(void)state;
	unlink(path);
	unlink(other);
	fd = open(other, O_RDWR | O_CREAT | O_APPEND, 0600);
	real_stderr = dup(STDERR_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
	log_setup(LOG_LEVEL_INFO, LOG_TEXT);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	audit_close();
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	unlink(path);
	unlink(other);
	return 0;
}

#define AUDIT(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    AUDIT(makes_a_file_that_nobody_else_may_touch),
	    AUDIT(appends_a_line_with_time_and_node),
	    AUDIT(writes_json_where_the_log_does),
	    AUDIT(writes_whatever_the_log_leaves_out),
	    AUDIT(refuses_what_others_may_touch),
	    AUDIT(refuses_what_is_no_file),
	    AUDIT(refuses_somebody_elses),
	    AUDIT(goes_on_in_the_new_file_when_reopened),
	    AUDIT(keeps_the_file_it_has_when_the_new_one_is_bad),
	    AUDIT(reopens_nothing_where_there_is_no_file),
	    AUDIT(says_what_it_could_not_write_and_goes_on),
	};
	int failed;

	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof path, "%s/audit.log", folder);
	snprintf(other, sizeof other, "%s/other", folder);
	failed = RUN(tests);
	rmdir(folder);
	return failed;
}
