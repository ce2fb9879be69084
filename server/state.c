/* SPDX-License-Identifier: ISC */
/*
 * Records on disk.
 *
 *	snug-state 1
 *	put KIND KEY NAME=VALUE ...
 *	del KIND KEY
 *
 * One line is one change, and the last one of a key holds.  Bytes other than
 * visible ASCII, and the % itself, are written as %XX.
 *
 * The thread owns the file and `records`, which is what the file comes to.
 * Changes that wait are written together and synced once; only then are they
 * done.  Should a write fail, nothing is known of the file's end any more: it
 * is cut off, and the next change writes the whole file anew.  That is also
 * done when the file has grown to more than twice what it comes to.
 *
 * A lock (flock) keeps a second process away.  It is on the file itself, so
 * whoever has got it looks whether the file is still the one of that name.
 */
#include "server/state.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "server/table.h"
#include "server/worker.h"

static const char header[] = "snug-state 1\n";

enum {
	TOGETHER = 256,      /* changes in one write */
	STALE_MIN = 1000,    /* lines too many, before a file is written anew */
	WRITE_MAX = 1 << 20, /* bytes at once */
};

/* What the file says of one key. */
struct record {
	UT_hash_handle hh;
	char *line; /* with its LF */
	size_t len;
	size_t number; /* of the line it was read from */
	char key[];    /* KIND SP KEY */
};

struct change {
	struct worker_job job; /* first */
	bool del;
	int err;   /* errno; 0: it is on disk */
	char *key; /* KIND SP KEY */
	char *line;
	size_t len;
	state_done_fn done;
	void *arg;
};

struct state {
	const char *path;
	struct worker *worker;
	int fd;
	size_t size;  /* bytes of the file that are known to be good */
	size_t lines; /* in them */
	bool unsound; /* what stands in the file is not known */
	struct record *records;
};

/* --- records -------------------------------------------------------------- */

static struct record *
record_find(struct state *st, const char *key)
{
	struct record *r;

	HASH_FIND_STR(st->records, key, r);
	return r;
}

static void
record_free(struct state *st, struct record *r)
{
	HASH_DEL(st->records, r);
	free(r->line);
	free(r);
}

/* Takes the line. */
static void
record_set(
    struct state *st, const char *key, char *line, size_t len, size_t number)
{
	struct record *r = record_find(st, key);
	size_t n = strlen(key) + 1;

	if (r) {
		free(r->line);
	} else {
		r = xmalloc(sizeof *r + n);
		memcpy(r->key, key, n);
		HASH_ADD_STR(st->records, key, r);
	}
	r->line = line;
	r->len = len;
	r->number = number;
}

static void
records_free(struct state *st)
{
	struct record *r, *next;

	HASH_ITER (hh, st->records, r, next)
		record_free(st, r);
}

/* --- the grammar ---------------------------------------------------------- */

static bool
is_word(struct span s)
{
	return s.len > 0 && s.len <= STATE_WORD_MAX && text_is_visible_ascii(s);
}

static void
put_value(struct buf *out, struct span value)
{
	static const char hex[] = "0123456789ABCDEF";
	char *at = buf_reserve(out, 3 * value.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if (c > 0x20 && c < 0x7f && c != '%') {
			at[n++] = (char)c;
			continue;
		}
		at[n++] = '%';
		at[n++] = hex[c >> 4];
		at[n++] = hex[c & 15];
	}
	buf_added(out, n);
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place: it never grows. */
static bool
read_value(char *p, size_t *len)
{
	size_t n = 0;

	for (size_t i = 0; i < *len; i++) {
		if (p[i] != '%') {
			p[n++] = p[i];
			continue;
		}
		if (i + 2 >= *len || hex_value(p[i + 1]) < 0 ||
		    hex_value(p[i + 2]) < 0)
			return false;
		p[n++] = (char)(hex_value(p[i + 1]) * 16 + hex_value(p[i + 2]));
		i += 2;
	}
	*len = n;
	return true;
}

/* A line taken apart; its spans point into a copy. */
struct parsed {
	bool del;
	struct span kind, key;
	struct state_field fields[STATE_FIELDS_MAX];
	size_t n;
};

/* NAME=VALUE */
static bool
read_field(struct parsed *p, struct span word)
{
	const char *eq = memchr(word.p, '=', word.len);
	struct state_field *f = &p->fields[p->n];

	if (!eq || p->n == STATE_FIELDS_MAX)
		return false;
	f->name = (struct span){word.p, (size_t)(eq - word.p)};
	f->value = (struct span){eq + 1, word.len - f->name.len - 1};
	if (!is_word(f->name) ||
	    (f->value.len > 0 && !text_is_visible_ascii(f->value)))
		return false;
	p->n++;
	/* The memory is the caller's own copy. */
	return read_value((char *)(uintptr_t)f->value.p, &f->value.len);
}

/* NULL, or what is wrong.  `line` is written to. */
static const char *
parse(struct parsed *p, char *line, size_t len)
{
	struct span rest = {line, len};
	struct span verb = text_word(&rest);

	p->n = 0;
	p->del = span_is(verb, "del");
	if (!p->del && !span_is(verb, "put"))
		return "neither put nor del";
	p->kind = text_word(&rest);
	p->key = text_word(&rest);
	if (!is_word(p->kind) || !is_word(p->key))
		return "no kind and key";
	if (p->del)
		return rest.len > 0 ? "del takes no fields" : NULL;
	while (rest.len > 0)
		if (!read_field(p, text_word(&rest)))
			return "a field is not NAME=VALUE";
	return NULL;
}

/* --- reading -------------------------------------------------------------- */

struct reading {
	struct state *st;
	FILE *file;
	char *line;
	size_t len;
	size_t number;
	char *cause;
};

static int
complain(struct reading *rd, size_t number, const char *what)
{
	snprintf(rd->cause, ERR_LEN,
	    "%.120s:%zu: %.80s; put an older copy in its place, or move it "
	    "away",
	    rd->st->path, number, what);
	return -1;
}

enum { LINE_WHOLE = 1, LINE_END = 0, LINE_TOO_LONG = -1 };

/* Without its LF.  What stands behind the last LF is no line: LINE_END. */
static int
next_line(struct reading *rd)
{
	int c;

	rd->number++;
	for (rd->len = 0; (c = getc(rd->file)) != EOF; rd->len++) {
		if (c == '\n')
			return LINE_WHOLE;
		if (rd->len == STATE_LINE_MAX)
			return LINE_TOO_LONG;
		rd->line[rd->len] = (char)c;
	}
	return LINE_END;
}

/* Into the records; what its fields mean is judged when all is read. */
static int
take_line(struct reading *rd, struct parsed *p)
{
	struct state *st = rd->st;
	char *copy = xmalloc(rd->len + 1);
	char key[2 * STATE_WORD_MAX + 2];
	const char *wrong;

	memcpy(copy, rd->line, rd->len);
	copy[rd->len] = '\n';
	wrong = parse(p, rd->line, rd->len);
	if (wrong) {
		free(copy);
		return complain(rd, rd->number, wrong);
	}
	snprintf(
	    key, sizeof key, "%.*s %.*s", SPAN_ARG(p->kind), SPAN_ARG(p->key));
	if (!p->del) {
		record_set(st, key, copy, rd->len + 1, rd->number);
		return 0;
	}
	free(copy);
	struct record *was = record_find(st, key);
	if (!was)
		return complain(rd, rd->number, "what it deletes is not there");
	record_free(st, was);
	return 0;
}

static int
read_lines(struct reading *rd, struct parsed *p)
{
	struct state *st = rd->st;
	int got = next_line(rd);

	if (ferror(rd->file))
		return complain(rd, rd->number, strerror(errno));
	/* Made, and its first line was not written to its end. */
	if (got == LINE_END && rd->len < sizeof header - 1 &&
	    memcmp(rd->line, header, rd->len) == 0)
		return 0;
	if (got != LINE_WHOLE || rd->len != sizeof header - 2 ||
	    memcmp(rd->line, header, rd->len) != 0)
		return complain(rd, rd->number, "this is no state file");
	st->size = sizeof header - 1;
	while ((got = next_line(rd)) == LINE_WHOLE) {
		if (take_line(rd, p) != 0)
			return -1;
		st->size += rd->len + 1;
		st->lines++;
	}
	if (got == LINE_TOO_LONG)
		return complain(rd, rd->number, "the line is too long");
	if (ferror(rd->file))
		return complain(rd, rd->number, strerror(errno));
	if (rd->len > 0)
		log_warn("state", 0,
		    "file=%s line=%zu was not written to its end, and is left "
		    "out; nobody was told that it is kept",
		    st->path, rd->number);
	st->unsound = rd->len > 0;
	return 0;
}

static const struct state_kind *
kind_of(const struct state_kind *kinds, size_t n, struct span name)
{
	for (size_t i = 0; i < n; i++)
		if (span_is(name, kinds[i].name))
			return &kinds[i];
	return NULL;
}

static int
hand_out(struct reading *rd, struct parsed *p, const struct state_kind *kinds,
    size_t nkinds, void *arg)
{
	struct record *r, *next;
	char cause[ERR_LEN] = "";

	HASH_ITER (hh, rd->st->records, r, next) {
		memcpy(rd->line, r->line, r->len - 1);
		if (parse(p, rd->line, r->len - 1))
			abort(); /* it was read before */
		const struct state_kind *kind = kind_of(kinds, nkinds, p->kind);
		if (!kind)
			return complain(rd, r->number, "an unknown kind");
		if (!kind->take(arg, p->key, p->fields, p->n, cause))
			return complain(rd, r->number, cause);
	}
	return 0;
}

static int
load(struct state *st, const struct state_kind *kinds, size_t nkinds, void *arg,
    char cause[static ERR_LEN])
{
	int fd = fcntl(st->fd, F_DUPFD_CLOEXEC, 0), err;
	struct reading rd = {.st = st, .cause = cause};

	rd.file = fd >= 0 ? fdopen(fd, "r") : NULL;
	if (!rd.file) {
		snprintf(
		    cause, ERR_LEN, "%.120s: %s", st->path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	rd.line = xmalloc(STATE_LINE_MAX + 1);
	struct parsed *p = xmalloc(sizeof *p);
	err = read_lines(&rd, p);
	if (err == 0)
		err = hand_out(&rd, p, kinds, nkinds, arg);
	free(p);
	free(rd.line);
	fclose(rd.file);
	return err;
}

/* --- writing -------------------------------------------------------------- */

static int
write_all(int fd, const char *p, size_t len, size_t at)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, p, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : EIO;
		p += n;
		at += (size_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int
sync_folder(const char *path)
{
	char *copy = xstrdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 || fsync(fd) != 0 ? errno : 0;

	if (fd >= 0)
		close(fd);
	free(copy);
	return err;
}

/* What all records come to, to an empty file. */
static int
write_records(struct state *st, int fd, size_t *size)
{
	struct buf out = {0};
	struct record *r, *next;
	int err = 0;

	*size = 0;
	buf_add_str(&out, header);
	HASH_ITER (hh, st->records, r, next) {
		buf_add(&out, r->line, r->len);
		if (buf_len(&out) < WRITE_MAX || err != 0)
			continue;
		err = write_all(fd, buf_head(&out), buf_len(&out), *size);
		*size += buf_len(&out);
		buf_clear(&out);
	}
	if (err == 0)
		err = write_all(fd, buf_head(&out), buf_len(&out), *size);
	*size += buf_len(&out);
	buf_free(&out);
	return err;
}

static int
open_new(const char *path)
{
	unlink(path); /* one that was not finished */
	return open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    S_IRUSR | S_IWUSR);
}

/* Another file, which takes the place of the one there is.  0 or errno. */
static int
rewrite(struct state *st)
{
	char *path = xasprintf("%s.new", st->path);
	size_t size;
	int fd = open_new(path), err;

	err = fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 ? errno : 0;
	if (err == 0)
		err = write_records(st, fd, &size);
	if (err == 0 && (fsync(fd) != 0 || rename(path, st->path) != 0))
		err = errno;
	if (err == 0) {
		err = sync_folder(st->path);
		close(st->fd);
		st->fd = fd;
		st->size = size;
		st->lines = HASH_COUNT(st->records);
		st->unsound = err != 0;
	} else if (fd >= 0) {
		unlink(path);
		close(fd);
	}
	free(path);
	return err;
}

static bool
is_stale(const struct state *st)
{
	return st->unsound ||
	       st->lines > 2 * HASH_COUNT(st->records) + STALE_MIN;
}

/* --- the thread ----------------------------------------------------------- */

/* 0 or errno; then the file ends where it did, if it can be cut. */
static int
append(struct state *st, struct worker_jobs *jobs)
{
	struct worker_job *job;
	struct buf out = {0};
	int err;

	STAILQ_FOREACH (job, jobs, next) {
		struct change *c = (struct change *)job;

		buf_add(&out, c->line, c->len);
	}
	err = write_all(st->fd, buf_head(&out), buf_len(&out), st->size);
	if (err == 0 && fdatasync(st->fd) != 0)
		err = errno;
	if (err == 0)
		st->size += buf_len(&out);
	else
		st->unsound = true;
	if (err != 0 && ftruncate(st->fd, (off_t)st->size) != 0) {
		log_error("state", 0,
		    "file=%s ends in what nobody was told: %s", st->path,
		    strerror(errno));
		err = EIO; /* it may be found there one day */
	}
	buf_free(&out);
	return err;
}

static void
apply(struct state *st, struct change *c)
{
	struct record *r;

	if (!c->del) {
		record_set(st, c->key, c->line, c->len, 0);
		c->line = NULL;
	} else if ((r = record_find(st, c->key))) {
		record_free(st, r);
	}
	st->lines++;
}

/* What the file says is the truth: so that comes first. */
static void
work(void *arg, struct worker_jobs *jobs)
{
	struct state *st = arg;
	struct worker_job *job;
	int err = st->unsound ? rewrite(st) : 0;

	if (err == 0)
		err = append(st, jobs);
	STAILQ_FOREACH (job, jobs, next) {
		struct change *c = (struct change *)job;

		c->err = err;
		if (err == 0)
			apply(st, c);
	}
	/* Should that fail, it is tried with the next change. */
	if (err == 0 && is_stale(st) && rewrite(st) != 0)
		st->unsound = true;
}

/* --- the loop ------------------------------------------------------------- */

static void
done(void *arg, struct worker_job *job)
{
	struct state *st = arg;
	struct change *c = (struct change *)job;
	int err = 0;

	if (c->err != 0) {
		log_error("state", 0, "file=%s is not written: %s", st->path,
		    strerror(c->err));
		err = c->err == ENOSPC || c->err == EDQUOT ? -STATE_EFULL
							   : -STATE_EIO;
	}
	c->done(c->arg, err);
	free(c->key);
	free(c->line);
	free(c);
}

static const struct worker_ops ops = {work, done, TOGETHER};

static void
give(struct state *st, bool del, const char *kind, const char *key,
    struct buf *line, state_done_fn fn, void *arg)
{
	struct change *c = xcalloc(1, sizeof *c);

	assert(is_word(span_of(kind)) && is_word(span_of(key)));
	assert(buf_len(line) <= STATE_LINE_MAX + 1);
	c->del = del;
	c->key = xasprintf("%s %s", kind, key);
	c->len = buf_len(line);
	c->line = xmalloc(c->len);
	memcpy(c->line, buf_head(line), c->len);
	c->done = fn;
	c->arg = arg;
	buf_free(line);
	worker_give(st->worker, &c->job);
}

void
state_put(struct state *st, const char *kind, const char *key,
    const struct state_field *f, size_t n, state_done_fn fn, void *arg)
{
	struct buf line = {0};

	assert(n <= STATE_FIELDS_MAX);
	buf_addf(&line, "put %s %s", kind, key);
	for (size_t i = 0; i < n; i++) {
		assert(is_word(f[i].name) &&
		       !memchr(f[i].name.p, '=', f[i].name.len));
		buf_addf(&line, " %.*s=", SPAN_ARG(f[i].name));
		put_value(&line, f[i].value);
	}
	buf_add_str(&line, "\n");
	give(st, false, kind, key, &line, fn, arg);
}

void
state_del(struct state *st, const char *kind, const char *key, state_done_fn fn,
    void *arg)
{
	struct buf line = {0};

	buf_addf(&line, "del %s %s\n", kind, key);
	give(st, true, kind, key, &line, fn, arg);
}

/* --- opening -------------------------------------------------------------- */

/* NULL, or what is wrong with it and the mend. */
static const char *
judge(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "it is not a regular file";
	if (st->st_uid != geteuid())
		return "it belongs to another user; chown it to the one that "
		       "snugd runs as";
	if (st->st_mode & (S_IRWXG | S_IRWXO))
		return "others may read or write it, and it holds what proves "
		       "accounts; chmod 600 it";
	return NULL;
}

static bool
is_still_there(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* -1: errno, or EWOULDBLOCK where another process has it. */
static int
open_locked(const char *path)
{
	for (;;) {
		int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
		    S_IRUSR | S_IWUSR);

		if (fd < 0)
			return -1;
		if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
			int err = errno;

			close(fd);
			errno = err;
			return -1;
		}
		if (is_still_there(fd, path))
			return fd;
		close(fd); /* it was written anew meanwhile */
	}
}

static const char *
why_not_open(int err)
{
	if (err == EWOULDBLOCK)
		return "another snugd has it open; give each its own";
	if (err == ELOOP)
		return "it is a symbolic link; name the file itself";
	if (err == EACCES)
		return "the user that snugd runs as may not write it; chown "
		       "it, and its folder";
	return strerror(err);
}

static int
open_file(struct state *st, char cause[static ERR_LEN])
{
	const char *wrong;
	struct stat file;

	st->fd = open_locked(st->path);
	if (st->fd < 0 || fstat(st->fd, &file) != 0)
		wrong = why_not_open(errno);
	else
		wrong = judge(&file);
	if (wrong)
		snprintf(cause, ERR_LEN, "%.120s: %s", st->path, wrong);
	return wrong ? -1 : 0;
}

/* The folder must take a new file too: found out now, not with the first
 * account. */
static int
begin(struct state *st, struct event_base *base, char cause[static ERR_LEN])
{
	int err = 0;

	if (st->size == 0 || is_stale(st))
		err = rewrite(st);
	if (err == 0) {
		st->worker = worker_new(base, &ops, st);
		err = st->worker ? 0 : errno;
	}
	if (err != 0)
		snprintf(cause, ERR_LEN, "%.120s cannot be written: %s",
		    st->path, strerror(err));
	return err;
}

struct state *
state_open(const char *path, struct event_base *base,
    const struct state_kind *kinds, size_t nkinds, void *arg,
    char cause[static ERR_LEN])
{
	struct state *st = xcalloc(1, sizeof *st);

	st->path = path;
	st->fd = -1;
	if (open_file(st, cause) == 0 &&
	    load(st, kinds, nkinds, arg, cause) == 0 &&
	    begin(st, base, cause) == 0)
		return st;
	state_close(st);
	return NULL;
}

void
state_close(struct state *st)
{
	if (!st)
		return;
	worker_free(st->worker, true);
	if (st->fd >= 0)
		close(st->fd);
	records_free(st);
	free(st);
}
