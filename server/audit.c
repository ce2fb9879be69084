/* SPDX-License-Identifier: ISC */
/*
 * The trail of rights that were used: lines of the log, and of a file of their
 * own where the operator wants one.
 *
 * An actor is named by nick and by id: a nick may be somebody else's next year.
 * The file is only ever appended to, a line by one write(2), so that several
 * processes may share it.  A line that it did not take is in the log, whatever
 * is logged else: nothing that was done goes untold, and nothing that is wrong
 * with a file ends the server.
 */
#include "server/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "server/user.h"

enum { LINE_MAX_LEN = 2048 };

/* Like the log, one per process. */
static struct {
	int fd; /* -1: no file is wanted */
	char *path, *node;
	bool torn; /* its last line was cut: a full disk */
} trail = {.fd = -1};

/* --- the file --------------------------------------------------------------
 */

/* What is wrong with it, or NULL. */
static const char *
judge(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "it is not a file; name another";
	if (st.st_uid != geteuid())
		return "it belongs to somebody else; chown it to the user that "
		       "snugd runs as";
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return "others may touch it; chmod 600 it";
	return NULL;
}

static const char *
why_not_open(int err)
{
	if (err == ELOOP)
		return "it is a symbolic link; name the file itself";
	if (err == ENOENT)
		return "its folder is not there; make it, for the user that "
		       "snugd runs as";
	if (err == EACCES)
		return "the user that snugd runs as may not write it, or make "
		       "it in its folder";
	return strerror(err);
}

static int
open_file(const char *path, char cause[static ERR_LEN])
{
	/* Not to hang on a FIFO, nor follow a link that somebody has put. */
	int fd = open(path,
	    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY |
		O_NONBLOCK,
	    S_IRUSR | S_IWUSR);
	const char *wrong = fd < 0 ? why_not_open(errno) : judge(fd);

	if (!wrong)
		return fd;
	snprintf(cause, ERR_LEN, "audit-log %.100s: %s", path, wrong);
	if (fd >= 0)
		close(fd);
	return -1;
}

int
audit_open(const char *path, const char *node, char cause[static ERR_LEN])
{
	int fd = open_file(path, cause);

	if (fd < 0)
		return -1;
	audit_close();
	trail.fd = fd;
	trail.path = xstrdup(path);
	trail.node = xstrdup(node);
	return 0;
}

int
audit_reopen(char cause[static ERR_LEN])
{
	int fd;

	if (trail.fd < 0)
		return 0;
	fd = open_file(trail.path, cause);
	if (fd < 0)
		return -1;
	close(trail.fd);
	trail.fd = fd;
	trail.torn = false;
	return 0;
}

void
audit_close(void)
{
	if (trail.fd >= 0)
		close(trail.fd);
	free(trail.path);
	free(trail.node);
	trail.fd = -1;
	trail.path = trail.node = NULL;
	trail.torn = false;
}

/* --- lines -----------------------------------------------------------------
 */

static void
append(unsigned long long session, const char *what)
{
	struct buf line = {0};
	char *message = xasprintf("node=%s %s", trail.node, what);
	ssize_t n;

	/* What a full disk has cut off is not to spoil the next line. */
	if (trail.torn)
		buf_add_str(&line, "\n");
	log_line(&line, LOG_LEVEL_INFO, "audit", session, message);
	n = write(trail.fd, buf_head(&line), buf_len(&line));
	if (n < 0 || (size_t)n < buf_len(&line)) {
		int err = n < 0 ? errno : ENOSPC;

		log_error("audit", session,
		    "audit-log %s could not be written: %s; this line is not "
		    "in it: %s",
		    trail.path, strerror(err), what);
	}
	if (n > 0)
		trail.torn = (size_t)n < buf_len(&line);
	buf_free(&line);
	free(message);
}

void
audit_note_actor(
    struct audit_actor *a, unsigned long long session, const struct user *user)
{
	a->session = session;
	span_copy(a->nick, sizeof a->nick, span_of(user->shown));
	span_copy(a->id, sizeof a->id, span_of(user->id));
}

void
audit(const struct audit_actor *actor, const char *verb, const char *fmt, ...)
{
	char what[LINE_MAX_LEN], nick[NAME_BYTES_MAX * 4 + 8];
	char *line;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	line = xasprintf("actor=%s id=%s verb=%s %s",
	    text_escape(nick, sizeof nick, span_of(actor->nick)), actor->id,
	    verb, what);
	log_info("audit", actor->session, "%s", line);
	if (trail.fd >= 0)
		append(actor->session, line);
	free(line);
}
