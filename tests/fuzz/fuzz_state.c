/* SPDX-License-Identifier: ISC */
/*
 * server/state.c and what the relay in memory makes of it: the input is a state
 * file.  It is refused with a sentence that names it; or it is read, closed,
 * read again, and holds the same records then.
 */
#include <event2/event.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "server/relay.h"
#include "server/relay_local.h"
#include "server/state.h"
#include "tests/fuzz/fuzz.h"

static char folder[] = "/tmp/snug-fuzz-XXXXXX";
static char path[sizeof folder + 8];
static struct event_base *base;

static void
remove_folder(void)
{
	char command[sizeof folder + 16];

	event_base_free(base);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	MUST(system(command) == 0);
}

static void
begin(void)
{
	if (base)
		return;
	log_setup(LOG_LEVEL_ERROR, LOG_TEXT);
	MUST(mkdtemp(folder) != NULL);
	snprintf(path, sizeof path, "%s/state", folder);
	base = event_base_new();
	MUST(base != NULL);
	atexit(remove_folder);
}

static void
put_on_disk(const uint8_t *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	MUST(fd >= 0);
	MUST(size == 0 || write(fd, data, size) == (ssize_t)size);
	MUST(close(fd) == 0);
}

/* --- the file alone: any record of these kinds ---------------------------- */

/* The records' bytes added up, in whatever order they come. */
enum { SEEN_MAX = 64 };
struct sum {
	size_t records;
	uint64_t bytes;
	bool kept; /* the relay took it: no key is there twice */
	char seen[SEEN_MAX][64];
	size_t nseen;
};

static void
see_key(struct sum *sum, struct span name)
{
	if (!sum->kept || name.len < 3 || memcmp(name.p, "k:", 2) != 0 ||
	    sum->nseen == SEEN_MAX)
		return;
	for (size_t i = 0; i < sum->nseen; i++)
		MUST(!span_is(name, sum->seen[i]));
	span_copy(sum->seen[sum->nseen++], sizeof sum->seen[0], name);
}

static void
add(struct sum *sum, struct span s, uint64_t weight)
{
	for (size_t i = 0; i < s.len; i++)
		sum->bytes += (i + 1) * weight * (unsigned char)s.p[i];
}

static bool
take(void *arg, struct span key, const struct state_field *f, size_t n,
    char cause[static ERR_LEN])
{
	struct sum *sum = arg;

	(void)cause;
	MUST(key.len > 0 && key.len <= STATE_WORD_MAX);
	MUST(text_is_visible_ascii(key) && n <= STATE_FIELDS_MAX);
	sum->records++;
	add(sum, key, 3);
	for (size_t i = 0; i < n; i++) {
		MUST(text_is_visible_ascii(f[i].name));
		MUST(!memchr(f[i].name.p, '=', f[i].name.len));
		see_key(sum, f[i].name);
		add(sum, f[i].name, 5 + key.len);
		add(sum, f[i].value, 7 + f[i].name.len);
	}
	return true;
}

static bool
read_it(struct sum *sum)
{
	static const struct state_kind kinds[] = {
	    {"account", take}, {"deny", take}, {"room", take}};
	char cause[ERR_LEN] = "";
	struct state *st =
	    state_open(path, base, kinds, ARRAY_LEN(kinds), sum, cause);

	MUST(st || strstr(cause, path));
	state_close(st);
	return st != NULL;
}

/* --- and what it means ---------------------------------------------------- */

static void
wake(void *arg)
{
	(void)arg;
}

static bool
keep_it(void)
{
	struct relay_local_config config = {.node = "n",
	    .history = 16,
	    .history_ttl_ms = 1000,
	    .dedupe_ms = 1000,
	    .resume_ms = 1000,
	    .wake = wake};
	struct relay *r = relay_local_new(&config);
	char cause[ERR_LEN] = "";
	bool kept = relay_local_keep(r, path, base, cause) == 0;

	MUST(kept || strstr(cause, path));
	relay_free(r);
	return kept;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sum one = {0}, two = {0};
	bool kept;

	begin();
	put_on_disk(data, size);
	kept = keep_it();
	if (kept)
		MUST(keep_it());
	one.kept = kept;
	if (!read_it(&one)) {
		MUST(!kept);
		return 0;
	}
	MUST(read_it(&two));
	MUST(one.records == two.records && one.bytes == two.bytes);
	return 0;
}
