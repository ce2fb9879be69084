/* SPDX-License-Identifier: ISC */
/*
 * Lines on standard error, each by one write(2), so that the lines of several
 * processes do not mix.  A line that cannot be written is lost: a server does
 * not stop because nobody reads its log.
 *
 * Whatever the message holds, it stays one line and harmless on a terminal;
 * callers still quote peer text with text_escape(), so that its end is seen.
 */
#include "base/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"

enum {
	MESSAGE_MAX = 2048, /* longer ones are cut */
	TIME_LEN = 24,      /* 2026-11-23T15:49:14.123Z */
};

static const struct {
	const char *word;
	char priority; /* sd-daemon(3) */
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", '3'},
    [LOG_LEVEL_WARN] = {"warn", '4'},
    [LOG_LEVEL_INFO] = {"info", '6'},
    [LOG_LEVEL_DEBUG] = {"debug", '7'},
};

/* The one global state of this library: a log is one per process. */
static struct {
	enum log_level level;
	enum log_format format;
	bool journal;
	unsigned worker; /* 0: there is one process */
} settings = {.level = LOG_LEVEL_INFO, .format = LOG_TEXT};

/* systemd says which file the journal reads; standard error may since have
 * been sent elsewhere (systemd.exec(5)). */
static bool
is_journal(int fd)
{
	const char *said = getenv("JOURNAL_STREAM");
	char mine[64];
	struct stat st;

	if (!said || fstat(fd, &st) != 0)
		return false;
	snprintf(mine, sizeof(mine), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	return strcmp(said, mine) == 0;
}

void
log_setup(enum log_level level, enum log_format format)
{
	settings.level = level;
	settings.format = format;
	settings.journal = is_journal(STDERR_FILENO);
}

void
log_set_worker(unsigned worker)
{
	settings.worker = worker;
}

enum log_level
log_get_level(void)
{
	return settings.level;
}

/* A busy server logs thousands of lines a second, so the date is worked out
 * once in each; by each thread for itself, because any may log. */
static void
format_time(char out[static TIME_LEN + 1], uint64_t ms)
{
	static _Thread_local struct {
		time_t second;
		char date[TIME_LEN + 1]; /* empty: none yet */
	} last;
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	if (s != last.second || last.date[0] == '\0') {
		gmtime_r(&s, &tm);
		strftime(
		    last.date, sizeof(last.date), "%Y-%m-%dT%H:%M:%S", &tm);
		last.second = s;
	}
	snprintf(
	    out, TIME_LEN + 1, "%.19s.%03uZ", last.date, (unsigned)(ms % 1000));
}

/* How many of these bytes are printable ASCII that no format quotes: nearly all
 * of nearly every line. */
static size_t
plain_len(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] >= 0x20 && s[n] < 0x7f && s[n] != '"' &&
	       s[n] != '\\')
		n++;
	return n;
}

/* Code points as JSON wants them; what is not UTF-8 becomes U+FFFD. */
static void
add_json(struct buf *out, const char *s)
{
	size_t len = strlen(s);

	buf_add(out, "\"", 1);
	for (size_t i = 0; i < len;) {
		uint32_t cp;
		size_t plain = plain_len(s + i, len - i);
		buf_add(out, s + i, plain);
		i += plain;
		if (i == len)
			break;
		int n = text_decode(s + i, len - i, &cp);
		if (n < 0)
			buf_add_str(out, "\\ufffd");
		else if (cp == '"' || cp == '\\')
			buf_addf(out, "\\%c", (int)cp);
		else if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
			buf_addf(out, "\\u%04x", (unsigned)cp);
		else
			buf_add(out, s + i, (size_t)n);
		i += n < 0 ? 1 : (size_t)n;
	}
	buf_add(out, "\"", 1);
}

/* The same for people: a byte that could move a cursor becomes \xNN. */
static void
add_text(struct buf *out, const char *s)
{
	size_t len = strlen(s);

	for (size_t i = 0; i < len;) {
		uint32_t cp;
		size_t plain = plain_len(s + i, len - i);
		buf_add(out, s + i, plain);
		i += plain;
		if (i == len)
			break;
		int n = text_decode(s + i, len - i, &cp);
		size_t taken = n < 0 ? 1 : (size_t)n;
		if (n < 0 || cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
			for (size_t k = i; k < i + taken; k++)
				buf_addf(out, "\\x%02x", (unsigned char)s[k]);
		else
			buf_add(out, s + i, taken);
		i += taken;
	}
}

static void
render_text(struct buf *out, bool journal, enum log_level level,
    const char *area, uint64_t id, const char *message)
{
	char now[TIME_LEN + 1];

	if (journal) {
		buf_addf(out, "<%c>", levels[level].priority);
	} else {
		format_time(now, clock_wall_ms());
		buf_add_str(out, now);
		buf_add(out, " ", 1);
	}
	buf_add_str(out, levels[level].word);
	buf_add(out, " ", 1);
	buf_add_str(out, area);
	if (settings.worker != 0)
		buf_addf(out, "/%u", settings.worker);
	buf_add(out, " ", 1);
	if (id != 0) {
		buf_add_u64(out, id);
		buf_add(out, " ", 1);
	}
	add_text(out, message);
}

static void
render_json(struct buf *out, enum log_level level, const char *area,
    uint64_t id, const char *message)
{
	char now[TIME_LEN + 1];

	format_time(now, clock_wall_ms());
	buf_addf(out, "{\"time\":\"%s\",\"level\":\"%s\",\"area\":", now,
	    levels[level].word);
	add_json(out, area);
	if (settings.worker != 0)
		buf_addf(out, ",\"worker\":%u", settings.worker);
	if (id != 0)
		buf_addf(out, ",\"id\":%" PRIu64, id);
	buf_add_str(out, ",\"msg\":");
	add_json(out, message);
	buf_add_str(out, "}");
}

static void
render(struct buf *out, bool journal, enum log_level level, const char *area,
    uint64_t id, const char *message)
{
	if (settings.format == LOG_JSON)
		render_json(out, level, area, id, message);
	else
		render_text(out, journal, level, area, id, message);
	buf_add(out, "\n", 1);
}

void
log_line(struct buf *out, enum log_level level, const char *area, uint64_t id,
    const char *message)
{
	render(out, false, level, area, id, message);
}

void
log_write(
    enum log_level level, const char *area, uint64_t id, const char *fmt, ...)
{
	char message[MESSAGE_MAX];
	struct buf line = {0};
	va_list args;

	if (level > settings.level)
		return;
	va_start(args, fmt);
	int n = vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	if (n >= MESSAGE_MAX)
		memcpy(message + MESSAGE_MAX - 4, "...", 4);
	render(&line, settings.journal, level, area, id, message);
	if (write(STDERR_FILENO, buf_head(&line), buf_len(&line)) < 0) {
		/* There is nowhere left to say so. */
	}
	buf_free(&line);
}
