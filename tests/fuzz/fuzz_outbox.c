/* SPDX-License-Identifier: ISC */
/*
 * client/outbox.c: the input is a file.  What was read from it can be written,
 * is read again whole, and is the same then.
 */
#include <string.h>

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
	outbox_log_fini(&first);
	outbox_log_fini(&second);
	buf_free(&once);
	buf_free(&twice);
	return 0;
}
