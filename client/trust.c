/* SPDX-License-Identifier: ISC */
/*
 * Trust at first use: the file of known servers.
 *
 * A line is a server,
 *
 *	HOST:PORT KEY FIRST-SEEN LAST-SEEN [next=KEY]
 *
 * with keys as base64url and days as 2026-11-23.  The optional last word is a
 * key that the server has announced inside a session under its first one; when
 * it is first seen it takes that one's place.
 *
 * The file is what stands between the user and whoever sits on the way, so it
 * is judged without mercy: a line that is not exactly of this form, or a server
 * that is there twice, and nothing in the file is believed, nor is it written
 * again.  Otherwise a damaged line would turn a pinned server into one never
 * seen, and the question that a user answers with yes would be asked again.
 *
 * Writers take turns by a lock on the folder, for the file itself is replaced.
 * It knows no sockets and no screen; chat.c asks it about the key of each
 * session before a word is said.
 */
#include "client/trust.h"

#include <arpa/inet.h>
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
#include "proto/identity.h"

enum {
	MS_PER_DAY = 86400000,
	YEAR_MIN = 1970,
	YEAR_MAX = 9999,
};

_Static_assert((int)TRUST_KEY_LEN == (int)IDENTITY_KEY_LEN,
    "a pin is a server's public key");

/* --- one spelling for each server ---------------------------------------- */

static size_t
put_byte(char *out, size_t n, unsigned char c)
{
	static const char hex[] = "0123456789ABCDEF";
	if (c > 0x20 && c < 0x7f && c != '%') {
		out[n] = (char)c;
		return n + 1;
	}
	out[n] = '%';
	out[n + 1] = hex[c >> 4];
	out[n + 2] = hex[c & 15];
	return n + 3;
}

/* The same address however it was abbreviated; a name in small letters and
 * without the dot of the root. */
static void
fold_host(const char *host, char out[static INET6_ADDRSTRLEN + 256])
{
	struct in6_addr v6;
	size_t len = strlen(host);
	if (inet_pton(AF_INET6, host, &v6) == 1) {
		inet_ntop(AF_INET6, &v6, out, INET6_ADDRSTRLEN);
		return;
	}
	if (len > 1 && host[len - 1] == '.')
		len--;
	for (size_t i = 0; i < len; i++)
		out[i] = host[i] >= 'A' && host[i] <= 'Z'
			     ? (char)(host[i] | 0x20)
			     : host[i];
	out[len] = '\0';
}

void
trust_host(const struct addr *server, char out[static TRUST_HOST_MAX + 1])
{
	struct addr folded = *server;
	char host[INET6_ADDRSTRLEN + 256];
	char text[sizeof(folded.host) + 16];
	size_t n = 0;
	if (!server->is_unix) {
		fold_host(server->host, host);
		span_copy(folded.host, sizeof(folded.host), span_of(host));
	}
	addr_format(&folded, text, sizeof(text));
	for (const char *p = text; *p && n + 3 <= TRUST_HOST_MAX; p++)
		n = put_byte(out, n, (unsigned char)*p);
	out[n] = '\0';
}

/* --- days ---------------------------------------------------------------- */

static bool
is_leap(unsigned y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static unsigned
month_days(unsigned y, unsigned m)
{
	static const unsigned char days[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return days[m - 1] + (m == 2 && is_leap(y));
}

static unsigned
year_days(unsigned y)
{
	return is_leap(y) ? 366 : 365;
}

/* Exactly `len` digits. */
static bool
get_digits(struct span s, size_t from, size_t len, unsigned *v)
{
	*v = 0;
	for (size_t i = from; i < from + len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		*v = *v * 10 + (unsigned)(s.p[i] - '0');
	}
	return true;
}

static bool
get_day(struct span s, uint32_t *day)
{
	unsigned y;
	unsigned m;
	unsigned d;
	if (s.len != 10 || s.p[4] != '-' || s.p[7] != '-' ||
	    !get_digits(s, 0, 4, &y) || !get_digits(s, 5, 2, &m) ||
	    !get_digits(s, 8, 2, &d) || y < YEAR_MIN || m < 1 || m > 12 ||
	    d < 1 || d > month_days(y, m))
		return false;
	*day = d - 1;
	for (unsigned i = YEAR_MIN; i < y; i++)
		*day += year_days(i);
	for (unsigned i = 1; i < m; i++)
		*day += month_days(y, i);
	return true;
}

static void
put_day(struct buf *out, uint32_t day)
{
	unsigned y = YEAR_MIN;
	unsigned m = 1;
	for (; y < YEAR_MAX && day >= year_days(y); y++)
		day -= year_days(y);
	for (; m < 12 && day >= month_days(y, m); m++)
		day -= month_days(y, m);
	buf_addf(out, "%04u-%02u-%02u", y, m, day + 1);
}

/* A clock that stands before 1970 or past 9999 is not believed. */
static uint32_t
day_of(uint64_t ms)
{
	const uint64_t last = 2932896; /* 9999-12-31 */
	uint64_t day = ms / MS_PER_DAY;
	return day > last ? 0 : (uint32_t)day;
}

/* --- a file's lines ------------------------------------------------------ */

static struct trust_pin *
find(const struct trust_list *list, const char *host)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->pins[i].host, host) == 0)
			return &list->pins[i];
	return NULL;
}

static struct trust_pin *
append(struct trust_list *list, const struct trust_pin *pin)
{
	if (list->n == list->cap) {
		list->cap = list->cap ? 2 * list->cap : 16;
		list->pins =
		    xreallocarray(list->pins, list->cap, sizeof(list->pins[0]));
	}
	list->pins[list->n] = *pin;
	return &list->pins[list->n++];
}

static bool
is_unix_host(struct span s)
{
	return s.len > 6 && memcmp(s.p, "unix:/", 6) == 0;
}

/* As trust_host() would write it, and no other way. */
static bool
get_host(struct span s, char out[static TRUST_HOST_MAX + 1])
{
	struct addr a;
	char cause[ERR_LEN];
	char again[TRUST_HOST_MAX + 1];
	if (s.len > TRUST_HOST_MAX || !text_is_visible_ascii(s))
		return false;
	span_copy(out, TRUST_HOST_MAX + 1, s);
	if (is_unix_host(s))
		return true;
	if (addr_parse(s, 0, &a, cause) < 0 || a.port == 0 || !a.host[0])
		return false;
	trust_host(&a, again);
	return strcmp(out, again) == 0;
}

static bool
get_next(struct span word, struct trust_pin *pin)
{
	if (word.len < 5 || memcmp(word.p, "next=", 5) != 0)
		return false;
	pin->has_next = true;
	return identity_parse_key(
	    (struct span){word.p + 5, word.len - 5}, pin->next);
}

/* What is wrong with the line; NULL: it is a pin. */
static const char *
read_pin(struct span line, struct trust_pin *pin)
{
	*pin = (struct trust_pin){0};
	if (line.len > 0 && line.p[line.len - 1] == ' ')
		return "it ends with a blank";
	if (!get_host(text_word(&line), pin->host))
		return "it does not begin with HOST:PORT";
	if (!identity_parse_key(text_word(&line), pin->key))
		return "the second word is no key";
	if (!get_day(text_word(&line), &pin->first_seen) ||
	    !get_day(text_word(&line), &pin->last_seen))
		return "the third and fourth words are days like 2026-11-23";
	if (line.len > 0 && !get_next(line, pin))
		return "behind the days stands next=KEY or nothing";
	return NULL;
}

static const char *
take_line(struct trust_list *list, struct span line)
{
	struct trust_pin pin;
	const char *why = read_pin(line, &pin);
	if (why)
		return why;
	if (find(list, pin.host))
		return "this server has a line above";
	if (list->n == TRUST_PINS_MAX)
		return "there are too many lines";
	append(list, &pin);
	return NULL;
}

size_t
trust_list_read(struct trust_list *list, struct span bytes, const char **why)
{
	size_t number = 0;
	*why = NULL;
	while (bytes.len > 0) {
		const char *lf = memchr(bytes.p, '\n', bytes.len);
		number++;
		if (!lf) {
			*why = "the file ends in the middle of it";
			return number;
		}
		size_t len = (size_t)(lf - bytes.p);
		*why = take_line(list, (struct span){bytes.p, len});
		if (*why)
			return number;
		bytes = (struct span){lf + 1, bytes.len - len - 1};
	}
	return 0;
}

static void
put_key(struct buf *out, const uint8_t key[static TRUST_KEY_LEN])
{
	char text[IDENTITY_KEY_TEXT + 1];
	buf_add_str(out, identity_key_text(key, text));
}

void
trust_list_write(const struct trust_list *list, struct buf *out)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct trust_pin *pin = &list->pins[i];
		buf_addf(out, "%s ", pin->host);
		put_key(out, pin->key);
		buf_add_str(out, " ");
		put_day(out, pin->first_seen);
		buf_add_str(out, " ");
		put_day(out, pin->last_seen);
		if (pin->has_next) {
			buf_add_str(out, " next=");
			put_key(out, pin->next);
		}
		buf_add_str(out, "\n");
	}
}

void
trust_list_fini(struct trust_list *list)
{
	free(list->pins);
	*list = (struct trust_list){0};
}

/* --- the file ------------------------------------------------------------ */

/* The file while it is used: what it said, and the folder's lock. */
struct store {
	const char *path;
	int dir; /* locked; -1: only read */
	struct trust_list list;
};

char *
trust_path(void)
{
	const char *data = getenv("XDG_DATA_HOME");
	const char *home = getenv("HOME");
	if (data && data[0] == '/')
		return xasprintf("%s/snug/known_servers", data);
	if (home && home[0] == '/')
		return xasprintf("%s/.local/share/snug/known_servers", home);
	return NULL;
}

static const char *
base_name(const char *path)
{
	return strrchr(path, '/') + 1;
}

static int
parse(struct store *s, const struct buf *in, char cause[static ERR_LEN])
{
	const char *why;
	size_t line = trust_list_read(
	    &s->list, (struct span){buf_head(in), buf_len(in)}, &why);
	if (line == 0)
		return 0;
	trust_list_fini(&s->list);
	snprintf(cause, ERR_LEN,
	    "%.120s:%zu: %s; nothing in it is believed: mend that line, or "
	    "take it out",
	    s->path, line, why);
	return -1;
}

/* A file that is not there has no pins.  O_NONBLOCK: a pipe of that name must
 * not hold us. */
static int
load(struct store *s, char cause[static ERR_LEN])
{
	struct buf in = {0};
	int fd = open(s->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return file_fail(cause, s->path,
		    errno == ELOOP ? "it is a link; put the file in its place"
				   : strerror(errno));
	const char *why = file_judge(fd, TRUST_FILE_MAX);
	if (!why && file_read_all(fd, &in) < 0)
		why = strerror(errno);
	close(fd);
	int err = why ? file_fail(cause, s->path, why) : parse(s, &in, cause);
	buf_free(&in);
	return err;
}

static void
close_store(struct store *s)
{
	trust_list_fini(&s->list);
	if (s->dir >= 0)
		close(s->dir); /* and the lock is gone */
	s->dir = -1;
}

static int
lock_folder(struct store *s, char cause[static ERR_LEN])
{
	char *folder =
	    xstrndup(s->path, (size_t)(base_name(s->path) - s->path - 1));
	int err = 0;
	s->dir = file_open_folder(folder, cause);
	while (s->dir >= 0 && flock(s->dir, LOCK_EX) < 0) {
		if (errno == EINTR)
			continue;
		err = file_fail(cause, folder, strerror(errno));
		break;
	}
	free(folder);
	return s->dir < 0 ? -1 : err;
}

/* For a change: read under the lock. */
static int
open_store(struct store *s, const char *path, char cause[static ERR_LEN])
{
	*s = (struct store){.path = path, .dir = -1};
	if (lock_folder(s, cause) == 0 && load(s, cause) == 0)
		return 0;
	close_store(s);
	return -1;
}

static bool
write_beside(const struct store *s, const char *name)
{
	struct buf out = {0};
	unlinkat(s->dir, name, 0);
	int fd = openat(s->dir, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	trust_list_write(&s->list, &out);
	bool good = file_write_all(fd, &out) && fsync(fd) == 0;
	int err = errno;
	buf_free(&out);
	if (close(fd) < 0 && good) {
		good = false;
		err = errno;
	}
	errno = err;
	return good;
}

static int
save(const struct store *s, char cause[static ERR_LEN])
{
	const char *name = base_name(s->path);
	char *beside = xasprintf("%s.new", name);
	int err = 0;
	if (!write_beside(s, beside) ||
	    renameat(s->dir, beside, s->dir, name) < 0 || fsync(s->dir) < 0) {
		err = file_fail(cause, s->path, strerror(errno));
		unlinkat(s->dir, beside, 0);
	}
	free(beside);
	return err;
}

int
trust_find(const char *path, const struct addr *server, struct trust_pin *pin,
    char cause[static ERR_LEN])
{
	struct store s = {.path = path, .dir = -1};
	char host[TRUST_HOST_MAX + 1];
	if (load(&s, cause) < 0)
		return -1;
	trust_host(server, host);
	const struct trust_pin *found = find(&s.list, host);
	if (found)
		*pin = *found;
	close_store(&s);
	return found != NULL;
}

int
trust_forget(
    const char *path, const struct addr *server, char cause[static ERR_LEN])
{
	struct store s;
	char host[TRUST_HOST_MAX + 1];
	if (open_store(&s, path, cause) < 0)
		return -1;
	trust_host(server, host);
	struct trust_pin *pin = find(&s.list, host);
	int found = pin != NULL;
	if (pin) {
		s.list.n--;
		memmove(pin, pin + 1,
		    (size_t)(s.list.pins + s.list.n - pin) * sizeof(*pin));
		if (save(&s, cause) < 0)
			found = -1;
	}
	close_store(&s);
	return found;
}

int
trust_next(const char *path, const struct addr *server,
    const uint8_t key[static TRUST_KEY_LEN],
    const uint8_t next[static TRUST_KEY_LEN], char cause[static ERR_LEN])
{
	struct store s;
	char host[TRUST_HOST_MAX + 1];
	int news = 0;
	if (open_store(&s, path, cause) < 0)
		return -1;
	trust_host(server, host);
	struct trust_pin *pin = find(&s.list, host);
	if (pin && memcmp(pin->key, key, TRUST_KEY_LEN) == 0 &&
	    memcmp(next, key, TRUST_KEY_LEN) != 0 &&
	    (!pin->has_next || memcmp(pin->next, next, TRUST_KEY_LEN) != 0)) {
		pin->has_next = true;
		memcpy(pin->next, next, TRUST_KEY_LEN);
		news = save(&s, cause) < 0 ? -1 : 1;
	}
	close_store(&s);
	return news;
}

/* --- meeting a server ---------------------------------------------------- */

static enum trust_verdict
meet_new(struct store *s, const struct trust_meeting *m, const char *host,
    const uint8_t *key, char cause[static ERR_LEN])
{
	struct trust_pin pin = {.first_seen = day_of(m->now_ms)};
	if (!m->link && !m->accept_new)
		return TRUST_STRANGE;
	pin.last_seen = pin.first_seen;
	span_copy(pin.host, sizeof(pin.host), span_of(host));
	memcpy(pin.key, key, TRUST_KEY_LEN);
	if (s->list.n == TRUST_PINS_MAX) {
		file_fail(cause, s->path, "it is full; forget some servers");
		return TRUST_TROUBLE;
	}
	append(&s->list, &pin);
	return save(s, cause) < 0 ? TRUST_TROUBLE : TRUST_ADDED;
}

/* The day is written once a day; where it cannot be, the key is as good. */
static enum trust_verdict
meet_again(struct store *s, struct trust_pin *pin, uint64_t now_ms)
{
	char ignored[ERR_LEN];
	uint32_t today = day_of(now_ms);
	if (pin->last_seen != today) {
		pin->last_seen = today;
		(void)save(s, ignored);
	}
	return TRUST_GOOD;
}

static enum trust_verdict
meet_next(struct store *s, struct trust_pin *pin, uint64_t now_ms,
    char cause[static ERR_LEN])
{
	memcpy(pin->key, pin->next, TRUST_KEY_LEN);
	memset(pin->next, 0, TRUST_KEY_LEN);
	pin->has_next = false;
	pin->last_seen = day_of(now_ms);
	return save(s, cause) < 0 ? TRUST_TROUBLE : TRUST_ROTATED;
}

static enum trust_verdict
meet(struct store *s, const struct trust_meeting *m, const uint8_t *key,
    uint8_t *known, char cause[static ERR_LEN])
{
	char host[TRUST_HOST_MAX + 1];
	trust_host(m->server, host);
	struct trust_pin *pin = find(&s->list, host);
	if (!pin)
		return meet_new(s, m, host, key, cause);
	if (memcmp(pin->key, key, TRUST_KEY_LEN) == 0)
		return meet_again(s, pin, m->now_ms);
	if (pin->has_next && memcmp(pin->next, key, TRUST_KEY_LEN) == 0)
		return meet_next(s, pin, m->now_ms, cause);
	memcpy(known, pin->key, TRUST_KEY_LEN);
	return TRUST_CHANGED;
}

enum trust_verdict
trust_meet(const struct trust_meeting *m,
    const uint8_t key[static TRUST_KEY_LEN],
    uint8_t known[static TRUST_KEY_LEN], char cause[static ERR_LEN])
{
	struct store s;
	if (m->link && memcmp(m->link, key, TRUST_KEY_LEN) != 0) {
		memcpy(known, m->link, TRUST_KEY_LEN);
		return TRUST_FOREIGN;
	}
	if (!m->path) {
		snprintf(cause, ERR_LEN,
		    "$HOME is not set, so there is no place for the keys of "
		    "servers");
		return TRUST_TROUBLE;
	}
	if (open_store(&s, m->path, cause) < 0)
		return TRUST_TROUBLE;
	enum trust_verdict verdict = meet(&s, m, key, known, cause);
	close_store(&s);
	return verdict;
}
