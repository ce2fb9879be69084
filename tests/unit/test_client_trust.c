/* SPDX-License-Identifier: ISC */
/* client/trust.c: the file of known servers, and what a key means. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "client/trust.h"

enum { PATH_LEN = 512, WRITERS = 8 };

#define K1 "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"
#define K2 "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI"
#define DAY_MS UINT64_C(86400000)
/* 2026-11-23 */
#define NOW (UINT64_C(20780) * DAY_MS + 1234)

static const struct addr den = {.port = 7684, .host = "den.example.org"};
static uint8_t key1[TRUST_KEY_LEN], key2[TRUST_KEY_LEN], key3[TRUST_KEY_LEN];

/* A private home for the file. */
struct place {
	char base[64];
	char folder[PATH_LEN];
	char file[PATH_LEN + 32];
};

static int
make_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	snprintf(p->base, sizeof(p->base), "/tmp/snug-trust-XXXXXX");
	assert_non_null(mkdtemp(p->base));
	snprintf(p->folder, sizeof(p->folder), "%s/data/snug", p->base);
	snprintf(p->file, sizeof(p->file), "%s/known_servers", p->folder);
	memset(key1, 1, sizeof(key1));
	memset(key2, 2, sizeof(key2));
	memset(key3, 3, sizeof(key3));
	*state = p;
	return 0;
}

static int
remove_place(void **state)
{
	struct place *p = *state;
	char path[PATH_LEN];

	unlink(p->file);
	rmdir(p->file);
	rmdir(p->folder);
	snprintf(path, sizeof(path), "%s/data", p->base);
	rmdir(path);
	assert_int_equal(rmdir(p->base), 0);
	free(p);
	return 0;
}

static void
put_file(struct place *p, const char *text, mode_t mode)
{
	char path[PATH_LEN];

	snprintf(path, sizeof(path), "%s/data", p->base);
	mkdir(path, 0700);
	mkdir(p->folder, 0700);
	unlink(p->file);
	int fd = open(p->file, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
expect_file(struct place *p, const char *text)
{
	char have[4096];
	int fd = open(p->file, O_RDONLY);
	assert_true(fd >= 0);
	ssize_t n = read(fd, have, sizeof(have) - 1);
	close(fd);
	assert_true(n >= 0);
	have[n] = '\0';
	assert_string_equal(have, text);
}

static enum trust_verdict
meet_as(struct place *p, const uint8_t *key, const uint8_t *link,
    bool accept_new, uint64_t now_ms)
{
	uint8_t known[TRUST_KEY_LEN];
	char cause[ERR_LEN] = "";
	struct trust_meeting m = {.path = p->file,
	    .server = &den,
	    .link = link,
	    .accept_new = accept_new,
	    .now_ms = now_ms};
	enum trust_verdict v = trust_meet(&m, key, known, cause);
	if (v == TRUST_TROUBLE)
		assert_string_not_equal(cause, "");
	return v;
}

static enum trust_verdict
meet(struct place *p, const uint8_t *key)
{
	return meet_as(p, key, NULL, false, NOW);
}

/* --- what a key means ----------------------------------------------------- */

static void
a_server_never_seen_is_a_stranger_and_not_written(void **state)
{
	struct place *p = *state;

	assert_int_equal(meet(p, key1), TRUST_STRANGE);
	assert_int_equal(access(p->file, F_OK), -1);
}

static void
a_server_accepted_is_known_the_next_time(void **state)
{
	struct place *p = *state;

	assert_int_equal(meet_as(p, key1, NULL, true, NOW), TRUST_ADDED);
	assert_int_equal(meet(p, key1), TRUST_GOOD);
	expect_file(p, "den.example.org:7684 " K1 " 2026-11-23 2026-11-23\n");
}

static void
another_key_is_a_changed_one_also_where_new_ones_are_accepted(void **state)
{
	struct place *p = *state;
	uint8_t known[TRUST_KEY_LEN];
	char cause[ERR_LEN];
	struct trust_meeting m = {
	    .path = p->file, .server = &den, .accept_new = true, .now_ms = NOW};

	assert_int_equal(meet_as(p, key1, NULL, true, NOW), TRUST_ADDED);
	assert_int_equal(trust_meet(&m, key2, known, cause), TRUST_CHANGED);
	assert_memory_equal(known, key1, TRUST_KEY_LEN);
	assert_int_equal(meet_as(p, key2, key2, false, NOW), TRUST_CHANGED);
	assert_int_equal(meet(p, key1), TRUST_GOOD);
}

static void
a_links_key_is_wanted_and_no_other(void **state)
{
	struct place *p = *state;

	assert_int_equal(meet_as(p, key2, key1, true, NOW), TRUST_FOREIGN);
	assert_int_equal(access(p->file, F_OK), -1);
	assert_int_equal(meet_as(p, key1, key1, false, NOW), TRUST_ADDED);
	assert_int_equal(meet_as(p, key1, key2, false, NOW), TRUST_FOREIGN);
}

static void
an_announced_key_takes_the_place_of_the_old_one_when_it_is_seen(void **state)
{
	struct place *p = *state;
	char cause[ERR_LEN];

	assert_int_equal(meet_as(p, key1, NULL, true, NOW), TRUST_ADDED);
	assert_int_equal(trust_next(p->file, &den, key1, key2, cause), 1);
	assert_int_equal(trust_next(p->file, &den, key1, key2, cause), 0);
	expect_file(p,
	    "den.example.org:7684 " K1 " 2026-11-23 2026-11-23 next=" K2 "\n");
	assert_int_equal(meet(p, key1), TRUST_GOOD);
	assert_int_equal(
	    meet_as(p, key2, NULL, false, NOW + DAY_MS), TRUST_ROTATED);
	expect_file(p, "den.example.org:7684 " K2 " 2026-11-23 2026-11-24\n");
	assert_int_equal(meet(p, key1), TRUST_CHANGED);
}

static void
who_is_not_known_announces_nothing(void **state)
{
	struct place *p = *state;
	char cause[ERR_LEN];

	assert_int_equal(trust_next(p->file, &den, key1, key2, cause), 0);
	assert_int_equal(meet_as(p, key1, NULL, true, NOW), TRUST_ADDED);
	assert_int_equal(trust_next(p->file, &den, key3, key2, cause), 0);
	assert_int_equal(trust_next(p->file, &den, key1, key1, cause), 0);
	assert_int_equal(meet(p, key2), TRUST_CHANGED);
}

static void
a_forgotten_server_is_a_stranger_again(void **state)
{
	struct place *p = *state;
	struct addr other = {.port = 70, .host = "other"};
	struct trust_pin pin;
	char cause[ERR_LEN];

	put_file(p,
	    "den.example.org:7684 " K1 " 2026-11-22 2026-11-23\n"
	    "other:70 " K2 " 2026-11-22 2026-11-23\n",
	    0600);
	assert_int_equal(trust_forget(p->file, &den, cause), 1);
	assert_int_equal(trust_forget(p->file, &den, cause), 0);
	assert_int_equal(meet(p, key1), TRUST_STRANGE);
	assert_int_equal(trust_find(p->file, &other, &pin, cause), 1);
	assert_memory_equal(pin.key, key2, TRUST_KEY_LEN);
	expect_file(p, "other:70 " K2 " 2026-11-22 2026-11-23\n");
}

static void
the_day_it_was_last_seen_is_written_once_a_day(void **state)
{
	struct place *p = *state;
	struct stat before, after;

	put_file(
	    p, "den.example.org:7684 " K1 " 2026-11-22 2026-11-22\n", 0600);
	assert_int_equal(meet(p, key1), TRUST_GOOD);
	expect_file(p, "den.example.org:7684 " K1 " 2026-11-22 2026-11-23\n");
	assert_int_equal(stat(p->file, &before), 0);
	assert_int_equal(meet(p, key1), TRUST_GOOD);
	assert_int_equal(stat(p->file, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

/* --- one spelling --------------------------------------------------------- */

static void
a_server_has_one_name_however_it_is_written(void **state)
{
	static const struct {
		struct addr addr;
		const char *name;
	} rows[] = {
	    {{.port = 7684, .host = "Den.Example.ORG"}, "den.example.org:7684"},
	    {{.port = 7684, .host = "den.example.org."},
		"den.example.org:7684"},
	    {{.port = 70, .host = "0:0::1"}, "[::1]:70"},
	    {{.port = 70, .host = "2001:DB8::1"}, "[2001:db8::1]:70"},
	    {{.is_unix = true, .host = "/run/Snug d"}, "unix:/run/Snug%20d"},
	    {{.is_unix = true, .host = "/a%\n\303\251"}, "unix:/a%25%0A%C3%A9"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char name[TRUST_HOST_MAX + 1];
		trust_host(&rows[i].addr, name);
		assert_string_equal(name, rows[i].name);
	}
}

static void
the_longest_path_has_room(void **state)
{
	struct addr a = {.is_unix = true};
	char name[TRUST_HOST_MAX + 1];

	(void)state;
	memset(a.host, '\377', 107);
	a.host[0] = '/';
	trust_host(&a, name);
	assert_int_equal(strlen(name), 5 + 1 + 106 * 3);
}

/* --- broken files --------------------------------------------------------- */

static const char *const broken[] = {
    "\n",
    "den.example.org:7684\n",
    "den.example.org:7684 " K1 "\n",
    "den.example.org:7684 " K1 " 2026-11-23\n",
    "den.example.org:7684 " K1 " 2026-11-23 2026-11-23",
    "den.example.org:7684 " K1 " 2026-11-23 2026-11-23\r\n",
    "den.example.org:7684 " K1 " 2026-11-23 2026-11-23 \n",
    "den.example.org:7684 " K1 " 2026-11-23 2026-11-23 next=\n",
    "den.example.org:7684 " K1 " 2026-11-23 2026-11-23 next=" K2 " \n",
    "den.example.org:7684 " K1 " 2026-11-23 2026-11-23 then=" K2 "\n",
    "den.example.org:7684  " K1 " 2026-11-23 2026-11-23\n",
    " den.example.org:7684 " K1 " 2026-11-23 2026-11-23\n",
    "den.example.org:7684 " K1 "= 2026-11-23 2026-11-23\n",
    "den.example.org:7684 AQEB 2026-11-23 2026-11-23\n",
    "den.example.org:7684 " K1 " 2026-02-29 2026-11-23\n",
    "den.example.org:7684 " K1 " 2026-13-01 2026-11-23\n",
    "den.example.org:7684 " K1 " 1969-12-31 2026-11-23\n",
    "den.example.org:7684 " K1 " 2026-11-2x 2026-11-23\n",
    "Den.example.org:7684 " K1 " 2026-11-23 2026-11-23\n",
    "den.example.org " K1 " 2026-11-23 2026-11-23\n",
    "den.example.org:07684 " K1 " 2026-11-23 2026-11-23\n",
    "[0:0::1]:7684 " K1 " 2026-11-23 2026-11-23\n",
    "unix:run " K1 " 2026-11-23 2026-11-23\n",
    "# a remark\n",
    "den.example.org:7684 " K1 " 2026-11-23 2026-11-23\n"
    "den.example.org:7684 " K2 " 2026-11-23 2026-11-23\n",
};

static void
a_broken_file_is_neither_believed_nor_written(void **state)
{
	struct place *p = *state;
	struct trust_pin pin;
	char cause[ERR_LEN];

	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		put_file(p, broken[i], 0600);
		if (trust_find(p->file, &den, &pin, cause) != -1)
			fail_msg("row %zu was believed", i);
		assert_non_null(strstr(cause, "/known_servers:"));
		assert_int_equal(
		    meet_as(p, key1, NULL, true, NOW), TRUST_TROUBLE);
		assert_int_equal(
		    meet_as(p, key1, key1, true, NOW), TRUST_TROUBLE);
		assert_int_equal(trust_forget(p->file, &den, cause), -1);
		assert_int_equal(
		    trust_next(p->file, &den, key1, key2, cause), -1);
		expect_file(p, broken[i]);
	}
}

static void
the_broken_line_is_named(void **state)
{
	struct place *p = *state;
	struct trust_pin pin;
	char cause[ERR_LEN];

	put_file(p,
	    "other:70 " K2 " 2026-11-22 2026-11-23\n"
	    "den.example.org:7684 " K1 " 2026-11-23 yesterday\n",
	    0600);
	assert_int_equal(trust_find(p->file, &den, &pin, cause), -1);
	assert_non_null(strstr(cause, "known_servers:2: "));
}

static void
a_file_that_others_may_touch_is_refused(void **state)
{
	struct place *p = *state;
	struct trust_pin pin;
	char cause[ERR_LEN];

	put_file(
	    p, "den.example.org:7684 " K1 " 2026-11-22 2026-11-22\n", 0620);
	assert_int_equal(trust_find(p->file, &den, &pin, cause), -1);
	assert_non_null(strstr(cause, "chmod 600"));
	assert_int_equal(meet(p, key1), TRUST_TROUBLE);
}

static void
a_link_or_a_folder_in_its_place_is_refused(void **state)
{
	struct place *p = *state;
	struct trust_pin pin;
	char cause[ERR_LEN];

	put_file(p, "", 0600);
	assert_int_equal(unlink(p->file), 0);
	assert_int_equal(symlink("/dev/null", p->file), 0);
	assert_int_equal(trust_find(p->file, &den, &pin, cause), -1);
	assert_int_equal(meet_as(p, key1, NULL, true, NOW), TRUST_TROUBLE);
	assert_int_equal(unlink(p->file), 0);
	assert_int_equal(mkdir(p->file, 0700), 0);
	assert_int_equal(trust_find(p->file, &den, &pin, cause), -1);
	assert_int_equal(meet_as(p, key1, NULL, true, NOW), TRUST_TROUBLE);
}

static void
where_it_cannot_be_kept_a_new_server_is_not_accepted(void **state)
{
	struct place *p = *state;

	put_file(p, "", 0600);
	assert_int_equal(unlink(p->file), 0);
	assert_int_equal(chmod(p->folder, 0755), 0);
	assert_int_equal(meet_as(p, key1, NULL, true, NOW), TRUST_TROUBLE);
	assert_int_equal(access(p->file, F_OK), -1);
	assert_int_equal(chmod(p->folder, 0700), 0);
}

static void
without_a_home_nobody_is_trusted(void **state)
{
	uint8_t known[TRUST_KEY_LEN];
	char cause[ERR_LEN] = "";
	struct trust_meeting m = {.server = &den, .accept_new = true};

	(void)state;
	assert_int_equal(trust_meet(&m, key1, known, cause), TRUST_TROUBLE);
	assert_string_not_equal(cause, "");
}

/* --- two at once ---------------------------------------------------------- */

static void
add_servers(struct place *p, unsigned writer)
{
	char cause[ERR_LEN];
	uint8_t known[TRUST_KEY_LEN];

	for (uint16_t i = 1; i <= 25; i++) {
		struct addr a = {.port = i};
		snprintf(a.host, sizeof(a.host), "writer-%u", writer);
		struct trust_meeting m = {.path = p->file,
		    .server = &a,
		    .accept_new = true,
		    .now_ms = NOW};
		if (trust_meet(&m, key1, known, cause) != TRUST_ADDED)
			_exit(1);
	}
	_exit(0);
}

static void
writers_at_once_lose_nothing(void **state)
{
	struct place *p = *state;
	struct trust_pin pin;
	char cause[ERR_LEN];
	int status;

	for (unsigned i = 0; i < WRITERS; i++)
		if (fork() == 0)
			add_servers(p, i);
	for (unsigned i = 0; i < WRITERS; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	for (unsigned i = 0; i < WRITERS; i++) {
		for (uint16_t k = 1; k <= 25; k++) {
			struct addr a = {.port = k};
			snprintf(a.host, sizeof(a.host), "writer-%u", i);
			assert_int_equal(
			    trust_find(p->file, &a, &pin, cause), 1);
		}
	}
}

#define PLACED(fn) cmocka_unit_test_setup_teardown(fn, make_place, remove_place)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    PLACED(a_server_never_seen_is_a_stranger_and_not_written),
	    PLACED(a_server_accepted_is_known_the_next_time),
	    PLACED(
		another_key_is_a_changed_one_also_where_new_ones_are_accepted),
	    PLACED(a_links_key_is_wanted_and_no_other),
	    PLACED(
		an_announced_key_takes_the_place_of_the_old_one_when_it_is_seen),
	    PLACED(who_is_not_known_announces_nothing),
	    PLACED(a_forgotten_server_is_a_stranger_again),
	    PLACED(the_day_it_was_last_seen_is_written_once_a_day),
	    TEST(a_server_has_one_name_however_it_is_written),
	    TEST(the_longest_path_has_room),
	    PLACED(a_broken_file_is_neither_believed_nor_written),
	    PLACED(the_broken_line_is_named),
	    PLACED(a_file_that_others_may_touch_is_refused),
	    PLACED(a_link_or_a_folder_in_its_place_is_refused),
	    PLACED(where_it_cannot_be_kept_a_new_server_is_not_accepted),
	    TEST(without_a_home_nobody_is_trusted),
	    PLACED(writers_at_once_lose_nothing),
	};

	return RUN(tests);
}
