/* SPDX-License-Identifier: ISC */
/* The outbox's file: what is kept, and what becomes of bad ones. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/outbox.h"

enum { PATH_LEN = 512 };

/* A private folder with an outbox in it. */
struct place {
	char base[64];
	char folder[PATH_LEN];
	char file[PATH_LEN + 64];
};

static void
make_place(struct place *p)
{
	snprintf(p->base, sizeof(p->base), "/tmp/snug-outbox-XXXXXX");
	assert_non_null(mkdtemp(p->base));
	snprintf(p->folder, sizeof(p->folder), "%s/state/outbox", p->base);
	snprintf(p->file, sizeof(p->file), "%s/localhost%%3A7684", p->folder);
}

static void
remove_place(struct place *p)
{
	static const char *const tails[] = {"", ".new", ".damaged"};
	char path[PATH_LEN + 80];

	for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
		snprintf(path, sizeof(path), "%s%s", p->file, tails[i]);
		unlink(path);
		rmdir(path);
	}
	rmdir(p->folder);
	snprintf(path, sizeof(path), "%s/state", p->base);
	rmdir(path);
	assert_int_equal(rmdir(p->base), 0);
}

static struct outbox *
open_one(struct place *p, char cause[static ERR_LEN])
{
	return outbox_open(p->folder, "localhost:7684", cause);
}

static struct outbox *
open_good(struct place *p)
{
	char cause[ERR_LEN];
	struct outbox *o = open_one(p, cause);

	assert_non_null(o);
	assert_string_equal(cause, "");
	return o;
}

static void
add(struct outbox *o, const char *cid, const char *text)
{
	char copy[256];
	struct outbox_line l = {
	    .target = "lobby", .text = copy, .at_ms = 1700000000000};

	snprintf(copy, sizeof(copy), "%s", text);
	snprintf(l.cid, sizeof(l.cid), "%s", cid);
	assert_true(outbox_add(o, &l));
}

static size_t
read_file(const char *path, char *out, size_t cap)
{
	FILE *f = fopen(path, "rb");

	assert_non_null(f);
	size_t n = fread(out, 1, cap, f);
	fclose(f);
	return n;
}

static void
write_file(const struct place *p, const void *bytes, size_t len)
{
	int fd = open(p->file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

static void
keeps_what_is_not_settled(void **state)
{
	struct place p;
	struct outbox_session me = {.sender = 7, .nick = "ann", .token = "t0k"};

	(void)state;
	make_place(&p);
	struct outbox *o = open_good(&p);
	outbox_set_session(o, &me);
	add(o, "c-1", "never tried");
	add(o, "c-2", "tried, two  words ");
	add(o, "c-3", "refused");
	add(o, "c-4", "accepted");
	add(o, "c-5", "discarded");
	outbox_try(
	    o, "c-2", 1700000000500, 7, (struct msgid){1700000000001, 2});
	outbox_fail(o, "c-3");
	outbox_settle(o, "c-4", true);
	outbox_settle(o, "c-5", false);
	outbox_sync(o);
	assert_null(outbox_trouble(o));
	outbox_close(o);

	o = open_good(&p);
	const struct outbox_log *log = outbox_log(o);
	assert_int_equal(log->n, 3);
	assert_string_equal(log->session.nick, "ann");
	assert_string_equal(log->session.token, "t0k");
	assert_int_equal(log->session.sender, 7);
	assert_string_equal(log->lines[0].cid, "c-1");
	assert_int_equal(log->lines[0].tried_ms, 0);
	assert_int_equal(log->lines[0].at_ms, 1700000000000);
	assert_string_equal(log->lines[1].text, "tried, two  words ");
	assert_int_equal(log->lines[1].tried_ms, 1700000000500);
	assert_int_equal(log->lines[1].sender, 7);
	assert_int_equal(log->lines[1].since.ms, 1700000000001);
	assert_int_equal(log->lines[1].since.seq, 2);
	assert_false(log->lines[1].failed);
	assert_true(log->lines[2].failed);
	outbox_close(o);
	remove_place(&p);
}

static void
is_its_owners_alone(void **state)
{
	struct place p;
	struct stat st;

	(void)state;
	make_place(&p);
	mode_t old = umask(0);
	outbox_close(open_good(&p));
	umask(old);
	assert_int_equal(stat(p.folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(p.file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	remove_place(&p);
}

static void
refuses_what_others_may_open_and_says_the_mend(void **state)
{
	struct place p;
	char cause[ERR_LEN];

	(void)state;
	make_place(&p);
	outbox_close(open_good(&p));
	assert_int_equal(chmod(p.file, 0640), 0);
	assert_null(open_one(&p, cause));
	assert_non_null(strstr(cause, "chmod 600"));
	assert_int_equal(chmod(p.file, 0600), 0);
	assert_int_equal(chmod(p.folder, 0750), 0);
	assert_null(open_one(&p, cause));
	assert_non_null(strstr(cause, "chmod 700"));
	assert_int_equal(chmod(p.folder, 0700), 0);
	outbox_close(open_good(&p));
	remove_place(&p);
}

static void
refuses_what_is_no_plain_file(void **state)
{
	struct place p;
	char cause[ERR_LEN];

	(void)state;
	make_place(&p);
	outbox_close(open_good(&p));
	assert_int_equal(unlink(p.file), 0);
	assert_int_equal(mkfifo(p.file, 0600), 0);
	assert_null(open_one(&p, cause));
	assert_non_null(strstr(cause, "no plain file"));
	assert_int_equal(unlink(p.file), 0);
	assert_int_equal(symlink("/etc/passwd", p.file), 0);
	assert_null(open_one(&p, cause));
	assert_int_equal(unlink(p.file), 0);
	assert_int_equal(mkdir(p.file, 0700), 0);
	assert_null(open_one(&p, cause));
	remove_place(&p);
}

static void
refuses_a_folder_that_cannot_be_made(void **state)
{
	char cause[ERR_LEN];

	(void)state;
	assert_null(outbox_open("/dev/null/outbox", "localhost:7684", cause));
	assert_non_null(strstr(cause, "/dev/null/outbox"));
}

static void
is_used_by_one_at_a_time(void **state)
{
	struct place p;
	char cause[ERR_LEN];

	(void)state;
	make_place(&p);
	struct outbox *o = open_good(&p);
	assert_null(open_one(&p, cause));
	assert_non_null(strstr(cause, "another snug"));
	/* also after the file was written anew */
	for (int i = 0; i < 1000; i++) {
		add(o, "again", "and again");
		outbox_settle(o, "again", true);
	}
	assert_null(open_one(&p, cause));
	assert_non_null(strstr(cause, "another snug"));
	outbox_close(o);
	outbox_close(open_good(&p));
	remove_place(&p);
}

static void
stays_small_where_most_is_settled(void **state)
{
	struct place p;
	struct stat st;
	char cid[32];

	(void)state;
	make_place(&p);
	struct outbox *o = open_good(&p);
	add(o, "stays", "the one that stays");
	for (int i = 0; i < 5000; i++) {
		snprintf(cid, sizeof(cid), "c-%d", i);
		add(o, cid, "some text that is settled soon");
		outbox_settle(o, cid, true);
	}
	assert_int_equal(stat(p.file, &st), 0);
	assert_true(st.st_size < 65536);
	outbox_close(o);
	o = open_good(&p);
	assert_int_equal(outbox_log(o)->n, 1);
	assert_string_equal(outbox_log(o)->lines[0].cid, "stays");
	assert_int_equal(stat(p.file, &st), 0);
	assert_true(st.st_size < 256);
	outbox_close(o);
	remove_place(&p);
}

/* As a crash leaves it: cut anywhere, what was whole is there. */
static void
loses_only_the_torn_record_wherever_it_is_torn(void **state)
{
	struct place p;
	char bytes[4096];
	size_t ends[8];
	size_t n = 0;

	(void)state;
	make_place(&p);
	struct outbox *o = open_good(&p);
	ends[n++] = read_file(p.file, bytes, sizeof(bytes));
	for (const char *cid = "abcde"; *cid; cid++) {
		char one[] = {*cid, '\0'};
		add(o, one, "text");
		ends[n++] = read_file(p.file, bytes, sizeof(bytes));
	}
	outbox_close(o);
	for (size_t cut = 0; cut <= ends[n - 1]; cut++) {
		size_t whole = 0;
		while (whole + 1 < n && ends[whole + 1] <= cut)
			whole++;
		write_file(&p, bytes, cut);
		o = open_good(&p);
		assert_int_equal(outbox_log(o)->n, whole);
		add(o, "next", "goes on behind it");
		outbox_close(o);
		o = open_good(&p);
		assert_int_equal(outbox_log(o)->n, whole + 1);
		outbox_close(o);
	}
	remove_place(&p);
}

/* Any byte changed: nothing worse than a line less, and the file is kept. */
static void
survives_a_change_of_any_byte(void **state)
{
	struct place p;
	struct stat st;
	char bytes[4096];
	char cause[ERR_LEN];
	char aside[PATH_LEN + 80];

	(void)state;
	make_place(&p);
	struct outbox *o = open_good(&p);
	add(o, "a", "one");
	outbox_try(o, "a", 1, 1, (struct msgid){1, 0});
	add(o, "b", "two");
	outbox_close(o);
	size_t n = read_file(p.file, bytes, sizeof(bytes));
	snprintf(aside, sizeof(aside), "%s.damaged", p.file);
	for (size_t i = 0; i < n; i++) {
		static const unsigned char wrong[] = {0, '\n', ' ', '9', 0xff};
		for (size_t k = 0; k < sizeof(wrong); k++) {
			char was = bytes[i];
			bytes[i] = (char)wrong[k];
			write_file(&p, bytes, n);
			bytes[i] = was;
			o = open_one(&p, cause);
			assert_non_null(o);
			assert_true(outbox_log(o)->n <= 2);
			outbox_close(o);
			assert_true(!cause[0] || stat(aside, &st) == 0);
		}
	}
	remove_place(&p);
}

static void
check_hostile(struct place *p, const char *payload)
{
	char bytes[1024];
	char cause[ERR_LEN];
	int n = snprintf(
	    bytes, sizeof(bytes), "%zu %s\n", strlen(payload), payload);

	write_file(p, bytes, (size_t)n);
	struct outbox *o = open_one(p, cause);
	assert_non_null(o);
	assert_int_equal(outbox_log(o)->n, 0);
	assert_int_equal(outbox_log(o)->session.sender, 0);
	assert_non_null(strstr(cause, ".damaged"));
	outbox_close(o);
}

static void
takes_no_record_that_is_not_ours(void **state)
{
	struct place p;
	static const char *const hostile[] = {
	    "OUTBOX 2",
	    "OUTBOX",
	    "NONSENSE",
	    "SAY lobby hello",
	    "@cid=a LINE lobby no time",
	    "@at=1 LINE lobby no cid",
	    "@cid=a @at=-1 LINE lobby text",
	    "@cid=a @at=01 LINE lobby text",
	    "@cid=a @at=99999999999999999999 LINE lobby text",
	    "@cid=a @at=1 LINE lobby",
	    "@cid=a @at=1 LINE -lobby text",
	    "@cid=a @at=1 LINE @ text",
	    "@cid=a @at=1 LINE lobby esc\033[2J",
	    "@cid=a @at=1 LINE lobby \300\257",
	    "@cid @at=1 LINE lobby text",
	    "TRY nobody 1 1",
	    "FAIL nobody",
	    "DONE nobody accepted",
	    "SESSION x ann",
	    "SESSION 1 -ann",
	};

	(void)state;
	make_place(&p);
	outbox_close(open_good(&p));
	for (size_t i = 0; i < ARRAY_LEN(hostile); i++)
		check_hostile(&p, hostile[i]);
	remove_place(&p);
}

static void
refuses_a_line_too_many(void **state)
{
	struct place p;
	char cid[32];
	char text[] = "x";
	struct outbox_line l = {.target = "lobby", .cid = "more", .text = text};

	(void)state;
	make_place(&p);
	struct outbox *o = open_good(&p);
	for (int i = 0; i < OUTBOX_LINES_MAX; i++) {
		snprintf(cid, sizeof(cid), "c-%d", i);
		add(o, cid, "x");
	}
	assert_false(outbox_add(o, &l));
	assert_null(outbox_trouble(o));
	outbox_settle(o, "c-0", true);
	assert_true(outbox_add(o, &l));
	outbox_close(o);
	remove_place(&p);
}

static void
has_a_file_for_each_server(void **state)
{
	struct place p;
	char cause[ERR_LEN];
	char path[PATH_LEN + 64];
	char far[600];

	(void)state;
	make_place(&p);
	struct outbox *o = open_good(&p);
	struct outbox *other =
	    outbox_open(p.folder, "unix:/run/../snugd", cause);
	assert_non_null(other);
	outbox_close(other);
	snprintf(
	    path, sizeof(path), "%s/unix%%3A%%2Frun%%2F..%%2Fsnugd", p.folder);
	assert_int_equal(unlink(path), 0);
	memset(far, 'x', sizeof(far) - 1);
	far[sizeof(far) - 1] = '\0';
	assert_null(outbox_open(p.folder, far, cause));
	outbox_close(o);
	remove_place(&p);
}

/* A file that cannot grow would not be true: there is none then. */
static void
is_removed_where_it_cannot_be_written(void **state)
{
	struct place p;
	struct stat st;
	struct rlimit was;
	char text[] = "x";
	struct outbox_line l = {.target = "lobby", .cid = "c", .text = text};

	(void)state;
	make_place(&p);
	struct outbox *o = open_good(&p);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	struct rlimit full = {.rlim_cur = 24, .rlim_max = was.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	assert_true(outbox_add(o, &l));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_non_null(strstr(outbox_trouble(o), "cannot be written"));
	assert_int_equal(stat(p.file, &st), -1);
	outbox_try(o, "c", 1, 1, (struct msgid){0, 0});
	outbox_settle(o, "c", true);
	outbox_sync(o);
	outbox_close(o);
	remove_place(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(keeps_what_is_not_settled),
	    TEST(is_its_owners_alone),
	    TEST(refuses_what_others_may_open_and_says_the_mend),
	    TEST(refuses_what_is_no_plain_file),
	    TEST(refuses_a_folder_that_cannot_be_made),
	    TEST(is_used_by_one_at_a_time),
	    TEST(stays_small_where_most_is_settled),
	    TEST(loses_only_the_torn_record_wherever_it_is_torn),
	    TEST(survives_a_change_of_any_byte),
	    TEST(takes_no_record_that_is_not_ours),
	    TEST(refuses_a_line_too_many),
	    TEST(has_a_file_for_each_server),
	    TEST(is_removed_where_it_cannot_be_written),
	};

	return RUN(tests);
}
