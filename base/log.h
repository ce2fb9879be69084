/* SPDX-License-Identifier: ISC */
#ifndef SNUG_BASE_LOG_H
#define SNUG_BASE_LOG_H

#include <stdint.h>

#include "base/attr.h"

struct buf;

/* error: someone must act; warn: odd; info: the life of a session; debug. */
enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};
enum log_format { LOG_TEXT, LOG_JSON };

/*
 * Lines on standard error.  Text: an ISO 8601 time (or the journal's <N>
 * priority where $JOURNAL_STREAM is standard error), level, area, id, then
 * key=value.  JSON: one object a line with the members time, level, area, id
 * and msg.  Before log_setup(): text at info.
 */
void log_setup(enum log_level level, enum log_format format);
enum log_level log_get_level(void);
/* From now on every line names the worker that says it: session/2 for the area
 * session, or the member worker. */
void log_set_worker(unsigned worker);

/*
 * Writes a line if its level is on.  id 0 is left out.  Peer text goes through
 * text_escape() first; never message bodies, keys or passwords.
 */
void log_write(enum log_level level, const char *area, uint64_t id,
    const char *fmt, ...) PRINTF_LIKE(4, 5);

/* The same line, appended to out: for a file, where no journal reads it. */
void log_line(struct buf *out, enum log_level level, const char *area,
    uint64_t id, const char *message);

#define log_error(area, id, ...) \
	log_write(LOG_LEVEL_ERROR, area, id, __VA_ARGS__)
#define log_warn(area, id, ...) log_write(LOG_LEVEL_WARN, area, id, __VA_ARGS__)
#define log_info(area, id, ...) log_write(LOG_LEVEL_INFO, area, id, __VA_ARGS__)
#define log_debug(area, id, ...)                                           \
	do {                                                               \
		if (log_get_level() >= LOG_LEVEL_DEBUG)                    \
			log_write(LOG_LEVEL_DEBUG, area, id, __VA_ARGS__); \
	} while (0)

#endif
