/* SPDX-License-Identifier: ISC */
/*
 * The file that greets people, judged like any other text: it goes to their
 * terminals.
 */
#include "server/motd.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { MOTD_MAX = 16384, LINE_BYTES_MAX = 1000 };

static bool
is_fit(const char *text, size_t len)
{
	size_t n;

	if (strlen(text) != len)
		return false;
	for (size_t from = 0; from < len; from += n + 1) {
		n = strcspn(text + from, "\n");
		if (n > LINE_BYTES_MAX || text_check(text + from, n, NULL) != 0)
			return false;
	}
	return true;
}

char *
motd_read(const char *path, char cause[static ERR_LEN])
{
	FILE *f = fopen(path, "re");
	const char *wrong = NULL;
	char *text;
	size_t len;

	if (!f) {
		snprintf(
		    cause, ERR_LEN, "motd %.100s: %s", path, strerror(errno));
		return NULL;
	}
	/* One more, to see that it is longer. */
	text = xcalloc(1, MOTD_MAX + 2);
	len = fread(text, 1, MOTD_MAX + 1, f);
	if (ferror(f))
		wrong = strerror(errno);
	else if (len > MOTD_MAX)
		wrong = "more than 16384 bytes; make it shorter";
	else if (!is_fit(text, len))
		wrong = "lines of UTF-8 text without control characters, of "
			"1000 bytes at most";
	fclose(f);
	if (!wrong)
		return text;
	snprintf(cause, ERR_LEN, "motd %.100s: %s", path, wrong);
	free(text);
	return NULL;
}
