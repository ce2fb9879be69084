/* SPDX-License-Identifier: ISC */
/*
 * client/outbox.c: the input is a file.  What was read from it can be written,
 * is read again whole, and is the same then.  Every fourth input also becomes a
 * file on disk, which is opened, changed, closed and opened again.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "client/outbox.h"
#include "tests/fuzz/fuzz.h"

static struct span
all_of(const struct buf *b)
{
	return (struct span){buf_head(b), buf_len(b)};
}

static void
check_line(const struct outbox_line *l)
{
	MUST(l->text && l->text[0]);
	MUST(text_check(l->text, strlen(l->text), NULL) == 0);
	MUST(text_is_visible_ascii(span_of(l->cid)));
	MUST(l->target[0]);
}

/* --- on disk -------------------------------------------------------------- */

static char folder[] = "/tmp/snug-fuzz-XXXXXX";
static const char path[] = "here";

static void
remove_folder(void)
{
	char command[sizeof folder + 16];

	snprintf(command, sizeof command, "rm -rf %s", folder);
	MUST(system(command) == 0);
}

static struct outbox *
open_it(void)
{
	char cause[ERR_LEN] = "";
	struct outbox *o = outbox_open(folder, path, cause);

	MUST(o || cause[0]);
	return o;
}

static void
put_on_disk(struct span bytes)
{
	static bool made;
	char file[sizeof folder + sizeof path + 8];
	int fd;

	if (!made) {
		MUST(mkdtemp(folder) != NULL);
		atexit(remove_folder);
		made = true;
	}
	snprintf(file, sizeof file, "%s/%s", folder, path);
	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	MUST(fd >= 0);
	MUST(
	    write(fd, bytes.p ? bytes.p : "", bytes.len) == (ssize_t)bytes.len);
	MUST(close(fd) == 0);
}

static void
change_it(struct outbox *o, const struct outbox_line *l, size_t size)
{
	if (!outbox_add(o, l))
		return;
	outbox_try(o, l->cid, 5, 1, (struct msgid){1, 2});
	if (size % 8 == 0)
		outbox_fail(o, l->cid);
	else
		outbox_settle(o, l->cid, true);
	outbox_set_session(
	    o, &(struct outbox_session){
		   .sender = size + 1, .nick = "ann", .account = "ann"});
	outbox_sync(o);
}

/* The line of ours that change_it() left, or NULL. */
static const struct outbox_line *
find_ours(const struct outbox *o, const struct outbox_line *l)
{
	const struct outbox_log *log = outbox_log(o);

	for (size_t i = 0; i < log->n; i++)
		if (strcmp(log->lines[i].cid, l->cid) == 0)
			return &log->lines[i];
	return NULL;
}

static void
check_disk(const struct outbox_log *want, struct span bytes)
{
	static char text[] = "hello";
	struct outbox_line l = {
	    .target = "r", .cid = "fuzz-cid", .text = text, .at_ms = 1};
	struct outbox *o;
	size_t n;

	put_on_disk(bytes);
	o = open_it();
	if (!o)
		return;
	MUST(outbox_log(o)->n == want->n);
	change_it(o, &l, bytes.len);
	MUST(outbox_trouble(o) == NULL);
	n = outbox_log(o)->n;
	outbox_close(o);
	MUST((o = open_it()) != NULL);
	MUST(outbox_log(o)->n == n);
	const struct outbox_line *ours = find_ours(o, &l);
	MUST(!ours || ours->failed == (bytes.len % 8 == 0));
	outbox_close(o);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outbox_log first = {0}, second = {0};
	struct buf once = {0}, twice = {0};
	struct span bytes = {(const char *)data, size};

	enum outbox_end end = outbox_log_read(&first, bytes);
	MUST(end <= OUTBOX_DAMAGED);
	MUST(first.n <= OUTBOX_LINES_MAX);
	for (size_t i = 0; i < first.n; i++)
		check_line(&first.lines[i]);
	outbox_log_write(&first, &once);
	MUST(outbox_log_read(&second, all_of(&once)) == OUTBOX_WHOLE);
	outbox_log_write(&second, &twice);
	MUST(span_eq(all_of(&once), all_of(&twice)));
	if (size % 4 == 0)
		check_disk(&first, bytes);
	outbox_log_fini(&first);
	outbox_log_fini(&second);
	buf_free(&once);
	buf_free(&twice);
	return 0;
}
