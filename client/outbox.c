/* SPDX-License-Identifier: ISC */
/*
 * The outbox: what the user wrote, on disk until the server has it.
 *
 * A file is a list of records in the wire's own frames and grammar, only ever
 * appended to:
 *
 *	OUTBOX 1                                 the first
 *	[@token=T] [@account=A] SESSION SENDER NICK
 *	                                         who we are from here on
 *	@cid=C @at=MS [@act] LINE TARGET TEXT    Enter was pressed
 *	@since=ID TRY C MS SENDER                it is about to be written
 *	FAIL C                                   it was refused
 *	DONE C accepted|discarded                it is settled
 *
 * A crash can leave the last record torn; it is left out.  What is settled is
 * dropped when the file is opened, and when most of it is: a new file is
 * written beside the old one and takes its name.  The bytes are judged like a
 * peer's; a file with anything else in it is kept beside the new one under
 * another name.
 *
 * chat.c drives it.  It knows no sockets, no screen and no clock.
 */
#include "client/outbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/file.h"
#include "proto/frame.h"

enum {
	FILE_NAME_MAX = 240, /* leaves room for what is put behind it */
	OPEN_TRIES = 10,
	RECORDS_FEW = 256, /* not worth a new file */
};

#define VERSION "1"

/* --- records: reading ---------------------------------------------------- */

static struct outbox_line *
find(const struct outbox_log *log, struct span cid)
{
	for (size_t i = log->n; i-- > 0;)
		if (span_is(cid, log->lines[i].cid))
			return &log->lines[i];
	return NULL;
}

/* Takes the text over. */
static bool
append(struct outbox_log *log, const struct outbox_line *l)
{
	if (log->n == OUTBOX_LINES_MAX)
		return false;
	if (log->n == log->cap) {
		log->cap = log->cap ? 2 * log->cap : 16;
		log->lines =
		    xreallocarray(log->lines, log->cap, sizeof(log->lines[0]));
	}
	log->lines[log->n++] = *l;
	return true;
}

static void
drop(struct outbox_log *log, struct outbox_line *l)
{
	size_t i = (size_t)(l - log->lines);
	free(l->text);
	log->n--;
	memmove(l, l + 1, (log->n - i) * sizeof(*l));
}

static bool
is_target(struct span s)
{
	struct name name;
	if (s.len > 0 && s.p[0] == '@')
		s = (struct span){s.p + 1, s.len - 1};
	return name_check(s, false, &name) == 0;
}

static bool
get_u64(struct span s, uint64_t *v)
{
	return text_u64(s, INT64_MAX, v);
}

/* A record, taken apart. */
struct record {
	const struct line *l;
	struct span p[LINE_PARAMS_MAX];
	struct span text;
};

static bool
take_header(struct outbox_log *log, const struct record *r)
{
	(void)log;
	return span_is(r->p[0], VERSION) && r->text.len == 0;
}

/* An attribute that may be absent; false: it is none of ours. */
static bool
take_word(const struct line_attr *a, char *out, size_t cap)
{
	if (!a)
		return true;
	if (a->value.len >= cap || !text_is_visible_ascii(a->value))
		return false;
	span_copy(out, cap, a->value);
	return true;
}

static bool
take_session(struct outbox_log *log, const struct record *r)
{
	const struct line_attr *token = line_attr(r->l, "token");
	const struct line_attr *account = line_attr(r->l, "account");
	struct outbox_session s = {0};
	struct name nick;
	if (!get_u64(r->p[0], &s.sender) || name_check(r->p[1], false, &nick))
		return false;
	if (!take_word(token, s.token, sizeof(s.token)) ||
	    !take_word(account, s.account, sizeof(s.account)))
		return false;
	span_copy(s.nick, sizeof(s.nick), r->p[1]);
	log->session = s;
	return true;
}

static bool
take_line(struct outbox_log *log, const struct record *r)
{
	const struct line_attr *cid = line_attr(r->l, "cid");
	const struct line_attr *at = line_attr(r->l, "at");
	struct outbox_line l = {.act = line_attr(r->l, "act") != NULL};
	if (!cid || cid->value.len > LINE_CID_MAX ||
	    !text_is_visible_ascii(cid->value) || find(log, cid->value) ||
	    !at || !get_u64(at->value, &l.at_ms) || !is_target(r->p[0]) ||
	    r->text.len == 0 || log->n == OUTBOX_LINES_MAX)
		return false;
	span_copy(l.target, sizeof(l.target), r->p[0]);
	span_copy(l.cid, sizeof(l.cid), cid->value);
	l.text = xstrndup(r->text.p, r->text.len);
	return append(log, &l);
}

static bool
take_try(struct outbox_log *log, const struct record *r)
{
	const struct line_attr *since = line_attr(r->l, "since");
	struct outbox_line *l = find(log, r->p[0]);
	struct msgid id = {0, 0};
	uint64_t ms;
	uint64_t sender;
	if (!l || !get_u64(r->p[1], &ms) || ms == 0 ||
	    !get_u64(r->p[2], &sender) ||
	    (since && !msgid_parse(since->value, &id)))
		return false;
	l->tried_ms = ms;
	l->sender = sender;
	l->since = id;
	l->failed = false;
	return true;
}

static bool
take_fail(struct outbox_log *log, const struct record *r)
{
	struct outbox_line *l = find(log, r->p[0]);
	if (l)
		l->failed = true;
	return l != NULL;
}

static bool
take_done(struct outbox_log *log, const struct record *r)
{
	struct outbox_line *l = find(log, r->p[0]);
	if (l)
		drop(log, l);
	return l != NULL;
}

static const struct verb {
	const char *verb;
	unsigned params;
	bool (*take)(struct outbox_log *, const struct record *);
} verbs[] = {
    {"DONE", 2, take_done},
    {"FAIL", 1, take_fail},
    {"LINE", 1, take_line},
    {"OUTBOX", 1, take_header},
    {"SESSION", 2, take_session},
    {"TRY", 3, take_try},
};

static bool
take_record(struct outbox_log *log, struct span payload)
{
	struct line l;
	struct record r = {.l = &l};
	if (line_parse(&l, payload) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (strcmp(l.verb, verbs[i].verb) == 0)
			return line_split(&l, verbs[i].params, r.p, &r.text) ==
				   0 &&
			       verbs[i].take(log, &r);
	return false;
}

enum outbox_end
outbox_log_read(struct outbox_log *log, struct span bytes)
{
	struct frame f;
	struct span payload;
	enum frame_result result;
	bool bad = false;
	frame_init(&f, FRAME_LINE_MAX, false);
	while ((result = frame_next(&f, &bytes, &payload)) == FRAME_LINE)
		bad |= !take_record(log, payload);
	bool torn = frame_is_partial(&f);
	frame_fini(&f);
	if (bad || result != FRAME_MORE)
		return OUTBOX_DAMAGED;
	return torn ? OUTBOX_TORN : OUTBOX_WHOLE;
}

void
outbox_log_fini(struct outbox_log *log)
{
	for (size_t i = 0; i < log->n; i++)
		free(log->lines[i].text);
	free(log->lines);
	*log = (struct outbox_log){0};
}

/* --- records: writing ---------------------------------------------------- */

static void
put_header(struct buf *out)
{
	struct line_writer w;
	line_begin(&w, out);
	line_put(&w, SPAN("OUTBOX"));
	line_put(&w, SPAN(VERSION));
	line_end(&w);
}

static void
put_session(struct buf *out, const struct outbox_session *s)
{
	struct line_writer w;
	line_begin(&w, out);
	if (s->token[0])
		line_put_attr(&w, "token", span_of(s->token));
	if (s->account[0])
		line_put_attr(&w, "account", span_of(s->account));
	line_put(&w, SPAN("SESSION"));
	line_put_u64(&w, s->sender);
	line_put(&w, span_of(s->nick));
	line_end(&w);
}

static void
put_line(struct buf *out, const struct outbox_line *l)
{
	struct line_writer w;
	char at[24];
	int n = snprintf(at, sizeof(at), "%llu", (unsigned long long)l->at_ms);
	line_begin(&w, out);
	line_put_attr(&w, "cid", span_of(l->cid));
	line_put_attr(&w, "at", (struct span){at, (size_t)n});
	if (l->act)
		line_put_flag(&w, "act");
	line_put(&w, SPAN("LINE"));
	line_put(&w, span_of(l->target));
	line_put(&w, span_of(l->text));
	line_end(&w);
}

static void
put_try(struct buf *out, const struct outbox_line *l)
{
	struct line_writer w;
	char since[MSGID_LEN_MAX + 1];
	size_t n = msgid_format(l->since, since);
	line_begin(&w, out);
	if (!msgid_is_zero(l->since))
		line_put_attr(&w, "since", (struct span){since, n});
	line_put(&w, SPAN("TRY"));
	line_put(&w, span_of(l->cid));
	line_put_u64(&w, l->tried_ms);
	line_put_u64(&w, l->sender);
	line_end(&w);
}

static void
put_fail(struct buf *out, const struct outbox_line *l)
{
	struct line_writer w;
	line_begin(&w, out);
	line_put(&w, SPAN("FAIL"));
	line_put(&w, span_of(l->cid));
	line_end(&w);
}

static void
put_done(struct buf *out, const char *cid, bool accepted)
{
	struct line_writer w;
	line_begin(&w, out);
	line_put(&w, SPAN("DONE"));
	line_put(&w, span_of(cid));
	line_put(&w, accepted ? SPAN("accepted") : SPAN("discarded"));
	line_end(&w);
}

void
outbox_log_write(const struct outbox_log *log, struct buf *out)
{
	put_header(out);
	if (log->session.nick[0])
		put_session(out, &log->session);
	for (size_t i = 0; i < log->n; i++) {
		const struct outbox_line *l = &log->lines[i];
		put_line(out, l);
		if (l->tried_ms > 0)
			put_try(out, l);
		if (l->failed)
			put_fail(out, l);
	}
}

/* --- the file ------------------------------------------------------------ */

struct outbox {
	int dir, fd; /* fd: locked; -1: given up */
	char name[FILE_NAME_MAX + 1];
	struct outbox_log log;
	size_t records; /* since the file was written anew */
	bool dirty;     /* written, and not known to be on the disk */
	char trouble[ERR_LEN];
};

/* A file that lags behind would have lines sent twice: better none. */
static void
give_up(struct outbox *o)
{
	snprintf(o->trouble, sizeof(o->trouble),
	    "the outbox cannot be written: %s", strerror(errno));
	unlinkat(o->dir, o->name, 0);
	close(o->fd);
	o->fd = -1;
}

/* A new file under the other name, locked, with what the log says. */
static int
write_beside(const struct outbox *o, const char *name)
{
	struct buf out = {0};
	unlinkat(o->dir, name, 0);
	int fd = openat(o->dir, name,
	    O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    0600);
	if (fd < 0)
		return -1;
	outbox_log_write(&o->log, &out);
	bool good = flock(fd, LOCK_EX | LOCK_NB) == 0 &&
		    file_write_all(fd, &out) && fsync(fd) == 0;
	buf_free(&out);
	if (good)
		return fd;
	int err = errno;
	close(fd);
	unlinkat(o->dir, name, 0);
	errno = err;
	return -1;
}

/* The file without what is settled.  The old one stays locked until the new
 * one has its name, so that nobody else ever finds it free. */
static bool
compact(struct outbox *o)
{
	char beside[FILE_NAME_MAX + 8];
	snprintf(beside, sizeof(beside), "%s.new", o->name);
	int fd = write_beside(o, beside);
	if (fd < 0)
		return false;
	if (renameat(o->dir, beside, o->dir, o->name) < 0 ||
	    fsync(o->dir) < 0) {
		int err = errno;
		close(fd);
		errno = err;
		return false;
	}
	close(o->fd);
	o->fd = fd;
	o->records = 0;
	o->dirty = false;
	return true;
}

static void
record(struct outbox *o, struct buf *out)
{
	o->dirty = true;
	o->records++;
	if (!file_write_all(o->fd, out))
		give_up(o);
	buf_free(out);
}

static void
compact_if_mostly_settled(struct outbox *o)
{
	if (o->fd < 0 || o->records < RECORDS_FEW || o->records < 8 * o->log.n)
		return;
	if (!compact(o))
		give_up(o);
}

/* --- opening ------------------------------------------------------------- */

char *
outbox_folder(void)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	if (state && state[0] == '/')
		return xasprintf("%s/snug/outbox", state);
	if (home && home[0] == '/')
		return xasprintf("%s/.local/state/snug/outbox", home);
	return NULL;
}

/* All but letters, digits, - and _ as %XX, and a dot that is not the first;
 * false where it gets too long. */
static bool
encode_name(const char *server, char out[static FILE_NAME_MAX + 1])
{
	size_t n = 0;
	for (const char *p = server; *p; p++) {
		unsigned char c = (unsigned char)*p;
		bool plain = (c >= '0' && c <= '9') ||
			     ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
			     c == '-' || c == '_' || (c == '.' && n > 0);
		if (n + 3 > FILE_NAME_MAX)
			return false;
		n += (size_t)snprintf(
		    out + n, 4, plain ? "%c" : "%%%02X", (unsigned)c);
	}
	return n > 0;
}

/* Why the file is not for us; NULL: it is. */
static const char *
judge_file(int fd)
{
	const char *why = file_judge(fd, OUTBOX_FILE_MAX);
	if (why || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return why;
	return errno == EWOULDBLOCK ? "another snug uses it" : strerror(errno);
}

/* Was the file replaced while we took its lock? */
static bool
is_replaced(const struct outbox *o)
{
	struct stat ours;
	struct stat named;
	return fstat(o->fd, &ours) < 0 ||
	       fstatat(o->dir, o->name, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
	       ours.st_ino != named.st_ino || ours.st_dev != named.st_dev;
}

static int
fail_file(const struct outbox *o, const char *folder,
    char cause[static ERR_LEN], const char *why)
{
	snprintf(cause, ERR_LEN, "%.120s/%.70s: %s", folder, o->name, why);
	return -1;
}

/* O_NONBLOCK: a pipe of that name must not hold us. */
static int
open_file(struct outbox *o, const char *folder, char cause[static ERR_LEN])
{
	for (int i = 0; i < OPEN_TRIES; i++) {
		o->fd = openat(o->dir, o->name,
		    O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC |
			O_NONBLOCK,
		    0600);
		if (o->fd < 0)
			return fail_file(o, folder, cause, strerror(errno));
		const char *why = judge_file(o->fd);
		if (why)
			return fail_file(o, folder, cause, why);
		if (!is_replaced(o))
			return 0;
		close(o->fd);
		o->fd = -1;
	}
	return fail_file(o, folder, cause, "another snug uses it");
}

/* The old file under another name, for who wants to look into it. */
static void
keep_damaged(const struct outbox *o, char cause[static ERR_LEN])
{
	char aside[FILE_NAME_MAX + 16];
	snprintf(aside, sizeof(aside), "%s.damaged", o->name);
	unlinkat(o->dir, aside, 0);
	if (linkat(o->dir, o->name, o->dir, aside, 0) == 0)
		snprintf(cause, ERR_LEN,
		    "part of the outbox could not be read; it is kept as "
		    "%.180s",
		    aside);
	else
		snprintf(
		    cause, ERR_LEN, "part of the outbox could not be read");
}

static int
load(struct outbox *o, const char *folder, char cause[static ERR_LEN])
{
	struct buf in = {0};
	cause[0] = '\0';
	int err = file_read_all(o->fd, &in);
	if (err == 0 &&
	    outbox_log_read(&o->log,
		(struct span){buf_head(&in), buf_len(&in)}) == OUTBOX_DAMAGED)
		keep_damaged(o, cause);
	buf_free(&in);
	if (err < 0 || !compact(o))
		return fail_file(o, folder, cause, strerror(errno));
	return 0;
}

struct outbox *
outbox_open(const char *folder, const char *server, char cause[static ERR_LEN])
{
	struct outbox *o = xcalloc(1, sizeof(*o));
	o->fd = -1;
	o->dir = file_open_folder(folder, cause);
	int err = o->dir < 0 ? -1
		  : !encode_name(server, o->name)
		      ? file_fail(cause, server, "too long for a file's name")
		      : open_file(o, folder, cause);
	if (err == 0 && load(o, folder, cause) == 0)
		return o;
	outbox_close(o);
	return NULL;
}

void
outbox_close(struct outbox *o)
{
	if (!o)
		return;
	outbox_sync(o);
	if (o->fd >= 0)
		close(o->fd);
	if (o->dir >= 0)
		close(o->dir);
	outbox_log_fini(&o->log);
	free(o);
}

/* --- using --------------------------------------------------------------- */

const struct outbox_log *
outbox_log(const struct outbox *o)
{
	return &o->log;
}

const char *
outbox_trouble(const struct outbox *o)
{
	return o->trouble[0] ? o->trouble : NULL;
}

bool
outbox_add(struct outbox *o, const struct outbox_line *l)
{
	struct outbox_line copy = *l;
	struct buf out = {0};
	if (o->fd < 0)
		return true;
	if (o->log.n == OUTBOX_LINES_MAX)
		return false;
	copy.text = xstrdup(l->text);
	put_line(&out, &copy);
	record(o, &out);
	return append(&o->log, &copy);
}

void
outbox_try(struct outbox *o, const char *cid, uint64_t wall_ms, uint64_t sender,
    struct msgid since)
{
	struct outbox_line *l = find(&o->log, span_of(cid));
	struct buf out = {0};
	if (o->fd < 0 || !l)
		return;
	l->tried_ms = wall_ms;
	l->sender = sender;
	l->since = since;
	l->failed = false;
	put_try(&out, l);
	record(o, &out);
}

void
outbox_fail(struct outbox *o, const char *cid)
{
	struct outbox_line *l = find(&o->log, span_of(cid));
	struct buf out = {0};
	if (o->fd < 0 || !l)
		return;
	l->failed = true;
	put_fail(&out, l);
	record(o, &out);
}

void
outbox_settle(struct outbox *o, const char *cid, bool accepted)
{
	struct outbox_line *l = find(&o->log, span_of(cid));
	struct buf out = {0};
	if (o->fd < 0 || !l)
		return;
	put_done(&out, cid, accepted);
	drop(&o->log, l);
	record(o, &out);
	compact_if_mostly_settled(o);
}

void
outbox_set_session(struct outbox *o, const struct outbox_session *s)
{
	struct buf out = {0};
	if (o->fd < 0)
		return;
	o->log.session = *s;
	put_session(&out, s);
	record(o, &out);
	compact_if_mostly_settled(o);
}

void
outbox_sync(struct outbox *o)
{
	if (o->fd < 0 || !o->dirty)
		return;
	o->dirty = false;
	if (fdatasync(o->fd) < 0)
		give_up(o);
}
