/* SPDX-License-Identifier: ISC */
/* base/log.c: lines on standard error. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

/* Standard error goes to a file of the test's while it looks at the log. */
struct capture {
	int saved, fd;
	char said[8192];
};

static void
capture_start(struct capture *c)
{
	char path[] = "/tmp/snug-test-log-XXXXXX";

	c->saved = dup(STDERR_FILENO);
	c->fd = mkstemp(path);
	assert_true(c->saved >= 0 && c->fd >= 0);
	unlink(path);
	assert_true(dup2(c->fd, STDERR_FILENO) >= 0);
}

static const char *
capture_stop(struct capture *c)
{
	assert_true(dup2(c->saved, STDERR_FILENO) >= 0);
	ssize_t n = pread(c->fd, c->said, sizeof(c->said) - 1, 0);
	close(c->saved);
	close(c->fd);
	c->said[n > 0 ? n : 0] = '\0';
	return c->said;
}

/* As after the start of the program. */
static int
reset(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	log_setup(LOG_LEVEL_INFO, LOG_TEXT);
	return 0;
}

/* "2026-11-23T15:49:14.123Z " */
static const char *
behind_time(const char *line)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";

	for (size_t i = 0; form[i]; i++)
		if (form[i] == 'd')
			assert_true(line[i] >= '0' && line[i] <= '9');
		else
			assert_int_equal(line[i], form[i]);
	return line + sizeof(form) - 1;
}

static void
a_text_line_has_time_level_area_id_and_message(void **state)
{
	struct capture c;

	(void)state;
	capture_start(&c);
	log_info("session", 42, "joined room=%s members=%d", "lobby", 3);
	log_error("main", 0, "gone");
	const char *said = capture_stop(&c);

	const char *rest = behind_time(said);
	const char *second = strchr(rest, '\n') + 1;
	assert_int_equal(
	    strncmp(rest, " info session 42 joined room=lobby members=3\n",
		(size_t)(second - rest)),
	    0);
	assert_string_equal(behind_time(second), " error main gone\n");
}

static void
what_is_above_the_level_is_not_written(void **state)
{
	struct capture c;

	(void)state;
	capture_start(&c);
	log_debug("a", 0, "no");
	log_setup(LOG_LEVEL_ERROR, LOG_TEXT);
	log_warn("a", 0, "no");
	assert_string_equal(capture_stop(&c), "");

	log_setup(LOG_LEVEL_DEBUG, LOG_TEXT);
	assert_int_equal(log_get_level(), LOG_LEVEL_DEBUG);
	capture_start(&c);
	log_debug("a", 0, "yes");
	assert_non_null(strstr(capture_stop(&c), " debug a yes\n"));
}

static void
a_message_stays_one_line_and_harmless(void **state)
{
	struct capture c;

	(void)state;
	capture_start(&c);
	log_info("a", 0, "x\ny\x1b[2J\xc2\x9b\xff caf\xc3\xa9");
	assert_non_null(strstr(capture_stop(&c),
	    " a x\\x0ay\\x1b[2J\\xc2\\x9b\\xff caf\xc3\xa9\n"));
}

static void
a_json_line_is_one_object(void **state)
{
	struct capture c;

	(void)state;
	log_setup(LOG_LEVEL_INFO, LOG_JSON);
	capture_start(&c);
	log_warn("relay", 7, "a \"b\" \\ \n\x7f \xff caf\xc3\xa9");
	log_info("main", 0, "up");
	const char *said = capture_stop(&c);

	assert_int_equal(strncmp(said, "{\"time\":\"", 9), 0);
	const char *rest = behind_time(said + 9);
	const char *want = "\",\"level\":\"warn\",\"area\":\"relay\",\"id\":7,"
			   "\"msg\":\"a \\\"b\\\" \\\\ \\u000a\\u007f \\ufffd "
			   "caf\xc3\xa9\"}\n";
	assert_int_equal(strncmp(rest, want, strlen(want)), 0);
	assert_string_equal(behind_time(rest + strlen(want) + 9),
	    "\",\"level\":\"info\",\"area\":\"main\",\"msg\":\"up\"}\n");
}

static void
a_message_that_is_too_long_is_cut_with_dots(void **state)
{
	struct capture c;
	char big[4000];

	(void)state;
	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	capture_start(&c);
	log_info("a", 0, "%s", big);
	const char *said = capture_stop(&c);

	size_t len = strlen(said);
	assert_true(len > 2000 && len < 2200);
	assert_string_equal(said + len - 5, "x...\n");
}

static void
the_journal_gets_priorities_and_no_time(void **state)
{
	struct capture c;
	struct stat st;
	char stream[64];

	(void)state;
	capture_start(&c);
	int err = fstat(STDERR_FILENO, &st);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_setup(LOG_LEVEL_DEBUG, LOG_TEXT);
	log_error("a", 0, "e");
	log_warn("a", 0, "w");
	log_info("a", 5, "i");
	log_debug("a", 0, "d");
	const char *said = capture_stop(&c);

	assert_int_equal(err, 0);
	assert_string_equal(
	    said, "<3>error a e\n<4>warn a w\n<6>info a 5 i\n<7>debug a d\n");
}

static void
another_stream_than_the_journals_keeps_the_time(void **state)
{
	struct capture c;

	(void)state;
	capture_start(&c);
	setenv("JOURNAL_STREAM", "1:1", 1);
	log_setup(LOG_LEVEL_INFO, LOG_TEXT);
	log_info("a", 0, "i");
	assert_string_equal(behind_time(capture_stop(&c)), " info a i\n");
}

#define LOG_TEST(fn) cmocka_unit_test_setup(fn, reset)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    LOG_TEST(a_text_line_has_time_level_area_id_and_message),
	    LOG_TEST(what_is_above_the_level_is_not_written),
	    LOG_TEST(a_message_stays_one_line_and_harmless),
	    LOG_TEST(a_json_line_is_one_object),
	    LOG_TEST(a_message_that_is_too_long_is_cut_with_dots),
	    LOG_TEST(the_journal_gets_priorities_and_no_time),
	    LOG_TEST(another_stream_than_the_journals_keeps_the_time),
	};

	return RUN(tests);
}
