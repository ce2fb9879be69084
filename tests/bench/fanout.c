/* SPDX-License-Identifier: ISC */
/*
 * Fan-out load generator for chat and pub/sub servers.  `make bench` drives it
 * through peers.sh; without arguments it prints its usage.  It knows nothing
 * of the project's own code, so that it can judge it, but for the sealing of
 * secure sessions (veil.h).
 *
 * Opens N clients in rooms of G, lets the first M of each room send, and
 * checks and times every single delivery.  One thread, one epoll set.  Prints
 * one line of key=value pairs on stdout; complaints go to stderr.
 *
 * Every message text has a fixed length and looks like
 *     @SSSSS:QQQQQQQQ:TTTTTTTTTTTTTTTT:abcdefgh...$
 * S: number of the sending client (decimal); Q: its sequence number, from 0
 * (hex); T: CLOCK_MONOTONIC nanoseconds (hex); the rest is known filler.  A
 * receiver demands the full text, the right room, and per sender exactly
 * 0, 1, 2, ...  So a lost, cut, mixed, doubled or reordered message shows.
 *
 * Flow control is exact: a sender has at most K messages outstanding, and a
 * message is outstanding until the last member of the room has it.  So no
 * server is ever asked to queue more than K messages per client, and a slow
 * server lowers the rate in place of dropping clients.  With a fixed rate
 * (-r) the timestamp is the time at which the message was *due*, so waiting
 * for the window counts as latency (no coordinated omission).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/veil.h"

enum {
	HEAD =
	    1 + 5 + 1 + 8 + 1 + 16 + 1, /* bytes of a text before the filler */
	MAX_TEXT = 4096,
	READ_BUF = 1 << 18,
	EVENTS =
	    64, /* per epoll_wait: small, so that paced sends are on time */
	SERVERS = 4,
};
#define SEC 1000000000ull

/* ---- settings ---------------------------------------------------------- */

static struct {
	const char *host;
	int port, conns, group, senders, window, handshakes, text, server_cpu,
	    client_cpu;
	double rate, secs, warmup;
	pid_t server[SERVERS]; /* the processes whose time and memory count */
	int servers;
	int echo; /* -1: as the mode says */
} opt = {.host = "127.0.0.1",
    .port = 0,
    .conns = 1000,
    .group = 1000,
    .senders = 1,
    .window = 64,
    .handshakes = 64,
    .text = 100,
    .server_cpu = -1,
    .client_cpu = -1,
    .secs = 5,
    .warmup = 1,
    .echo = -1};

/* ---- small helpers ----------------------------------------------------- */

static void
die(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("fanout: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

static void *
need(void *p)
{
	if (!p)
		die("out of memory");
	return p;
}

static uint64_t
now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SEC + (uint64_t)t.tv_nsec;
}

static void
pin(int cpu)
{
	cpu_set_t set;
	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof set, &set))
		die("cannot pin to cpu %d: %s", cpu, strerror(errno));
}

struct buf {
	char *p;
	size_t len, cap;
};

static void
buf_add(struct buf *b, const void *data, size_t n)
{
	if (b->len + n > b->cap) {
		b->cap = (b->len + n) * 2;
		b->p = need(realloc(b->p, b->cap));
	}
	memcpy(b->p + b->len, data, n);
	b->len += n;
}

static void
buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){0};
}

/* Reads a fixed number of hex (or decimal) digits; false if one is not. */
static bool
digits(const char *p, int n, int base, uint64_t *v)
{
	*v = 0;
	for (int i = 0; i < n; i++) {
		int d = p[i] <= '9' ? p[i] - '0' : p[i] - 'a' + 10;
		if (d < 0 || d >= base)
			return false;
		*v = *v * (uint64_t)base + (uint64_t)d;
	}
	return true;
}

/* ---- latency histogram: 32 buckets per power of two (3 % resolution) ---- */

enum { SUB = 5, BUCKETS = 64 << SUB };
static uint64_t hist[BUCKETS], hist_n, hist_max;

static void
hist_add(uint64_t v)
{
	int e = v < (1 << SUB) ? 0 : 63 - __builtin_clzll(v) - SUB + 1;
	int i = e ? (e << SUB) + (int)(v >> (e - 1)) - (1 << SUB) : (int)v;
	hist[i]++;
	hist_n++;
	if (v > hist_max)
		hist_max = v;
}

static double
hist_us(double q)
{
	uint64_t want = (uint64_t)(q * (double)hist_n), seen = 0;
	for (int i = 0; i < BUCKETS; i++) {
		int e = i >> SUB;
		uint64_t top =
		    e ? (uint64_t)((i & ((1 << SUB) - 1)) + (1 << SUB) + 1)
			    << (e - 1)
		      : (uint64_t)i + 1;
		if ((seen += hist[i]) > want)
			return (double)(top < hist_max ? top : hist_max) / 1e3;
	}
	return (double)hist_max / 1e3;
}

/* ---- what the machine spent -------------------------------------------- */

struct usage {
	uint64_t t;
	double server, client;    /* CPU seconds of the processes */
	double each[SERVERS];     /* of them all, the servers' */
	double core[2], steal[2]; /* busy and stolen seconds of the two cores */
};

/* utime + stime of a process, all its threads, and its reaped children */
static double
proc_cpu(pid_t pid)
{
	char path[64], line[1024], *p;
	unsigned long u, s;
	long cu, cs;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *f = pid > 0 ? fopen(path, "r") : NULL;
	if (!f)
		return 0;
	p = fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
	fclose(f);
	if (!p ||
	    sscanf(p + 2,
		"%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld",
		&u, &s, &cu, &cs) != 4)
		return 0;
	return (double)(u + s + (unsigned long)(cu + cs)) /
	       (double)sysconf(_SC_CLK_TCK);
}

static long
proc_rss_kb(pid_t pid)
{
	char path[64], line[256];
	long kb = 0;
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	FILE *f = pid > 0 ? fopen(path, "r") : NULL;
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "VmRSS: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

static double
servers_cpu(void)
{
	double secs = 0;
	for (int i = 0; i < opt.servers; i++)
		secs += proc_cpu(opt.server[i]);
	return secs;
}

static long
servers_rss_kb(void)
{
	long kb = 0;
	for (int i = 0; i < opt.servers; i++)
		kb += proc_rss_kb(opt.server[i]);
	return kb;
}

static void
core_cpu(int cpu, double *busy, double *steal)
{
	char line[256];
	unsigned long v[8];
	int id;
	FILE *f = fopen("/proc/stat", "r");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "cpu%d %lu %lu %lu %lu %lu %lu %lu %lu", &id,
			v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6,
			v + 7) == 9 &&
		    id == cpu) {
			*busy =
			    (double)(v[0] + v[1] + v[2] + v[5] + v[6]) / 100;
			*steal = (double)v[7] / 100;
		}
	if (f)
		fclose(f);
}

static struct usage
usage_now(void)
{
	struct usage u = {.t = now()};
	struct rusage r;
	for (int i = 0; i < opt.servers; i++)
		u.server += u.each[i] = proc_cpu(opt.server[i]);
	getrusage(RUSAGE_SELF, &r);
	u.client = (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
		   (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
	core_cpu(opt.server_cpu, &u.core[0], &u.steal[0]);
	core_cpu(opt.client_cpu, &u.core[1], &u.steal[1]);
	return u;
}

/* ---- clients ----------------------------------------------------------- */

struct conn {
	int fd, id, room, slot; /* slot: which sender of its room; -1: none */
	enum { CONNECTING, JOINING, JOINED, DEAD } state;
	bool want_write;
	struct buf in, out;     /* unparsed and unsent bytes, mostly empty */
	struct veil *veil;      /* secure: its end, and lines not sealed yet */
	struct buf lines, rest; /* rest: opened, the beginning of a line */
	bool called;
	uint32_t *expect; /* next sequence number, per sender of the room */
};

struct sender {
	struct conn *conn;
	uint32_t sent, done; /* messages sent; messages that all have */
	uint32_t *left;      /* per outstanding message: members without it */
	bool ready;          /* is in the ready list */
};

static struct conn *conns;
static struct sender *senders, **ready;
static int nsenders, nready, njoined, epfd;
static char filler[MAX_TEXT];
static char read_buf[READ_BUF];
static uint64_t read_time, last_input; /* when the bytes being parsed came */
static bool measuring, stopping;

static struct {
	uint64_t delivered, measured, reads, corrupt, misordered, refused, gone;
} count;

/* A protocol.  parse() eats complete frames and says how many bytes it ate;
 * it calls joined(), deliver() and put(). */
struct proto {
	const char *name;
	int port;
	bool echo; /* does a sender get its own messages? */
	void (*hello)(struct conn *);
	size_t (*parse)(struct conn *, const char *, size_t);
	void (*say)(struct conn *, const char *, size_t);
};
static const struct proto *proto;

static void
put(struct conn *c, const char *fmt, ...)
{
	char s[512];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(s, sizeof s, fmt, ap);
	va_end(ap);
	buf_add(c->veil ? &c->lines : &c->out, s, (size_t)n);
}

static int
others(const struct conn *c) /* receivers of a message of c */
{
	(void)c;
	return opt.echo ? opt.group : opt.group - 1;
}

static void
make_ready(struct sender *s)
{
	if (!s->ready) {
		s->ready = true;
		ready[nready++] = s;
	}
}

static void
joined(struct conn *c)
{
	if (c->state != JOINING)
		return;
	c->state = JOINED;
	njoined++;
}

static void
refused(struct conn *c, const char *p, size_t n)
{
	if (count.refused++ < 5)
		fprintf(stderr, "fanout: server to client %d: %.*s\n", c->id,
		    (int)n, p);
}

static void
deliver(struct conn *c, const char *text, size_t n)
{
	uint64_t id, seq, t;
	if (n != (size_t)opt.text || text[0] != '@' ||
	    !digits(text + 1, 5, 10, &id) || !digits(text + 7, 8, 16, &seq) ||
	    !digits(text + 16, 16, 16, &t) ||
	    memcmp(text + HEAD, filler + HEAD, n - HEAD) ||
	    id >= (uint64_t)opt.conns || conns[id].room != c->room ||
	    conns[id].slot < 0) {
		if (count.corrupt++ < 5)
			fprintf(stderr,
			    "fanout: client %d got a wrong text: %.*s\n", c->id,
			    (int)n, text);
		return;
	}
	uint32_t *expect = &c->expect[conns[id].slot];
	if (seq != *expect)
		count.misordered++; /* doubled, overtaken, or the one before is
				       lost */
	if (seq < *expect)
		return;
	*expect = (uint32_t)seq + 1;
	count.delivered++;
	if (measuring) {
		count.measured++;
		hist_add(read_time - t);
	}
	struct sender *s = &senders[c->room * opt.senders + conns[id].slot];
	if (--s->left[seq % (uint32_t)opt.window] == 0) {
		s->done++;
		make_ready(s);
	}
}

/* ---- protocols --------------------------------------------------------- */

/* IRC.  A sender does not get its own messages. */
static void
irc_hello(struct conn *c)
{
	put(c, "NICK b%d\r\nUSER b%d 0 * :b\r\n", c->id, c->id);
}

static void
irc_line(struct conn *c, const char *p, size_t n)
{
	const char *end = p + n, *cmd = p, *text;
	if (*p == ':') {
		cmd = memchr(p, ' ', n);
		if (!cmd++)
			return;
	}
	size_t left = (size_t)(end - cmd);
	if (left > 8 && !memcmp(cmd, "PRIVMSG ", 8)) {
		if ((text = memmem(cmd, left, " :", 2)))
			deliver(c, text + 2, (size_t)(end - text) - 2);
	} else if (left > 5 && !memcmp(cmd, "PING ", 5)) {
		put(c, "PONG %.*s\r\n", (int)left - 5, cmd + 5);
	} else if (left > 4 && !memcmp(cmd, "001 ", 4)) {
		put(c, "JOIN #r%d\r\n", c->room);
	} else if (left > 4 && !memcmp(cmd, "366 ", 4)) {
		joined(c);
	} else if ((left > 4 && (*cmd == '4' || *cmd == '5') && cmd[3] == ' ' &&
		       memcmp(cmd, "422", 3)) ||
		   (left > 6 && !memcmp(cmd, "ERROR ", 6))) {
		refused(c, p, n);
	}
}

static size_t
irc_parse(struct conn *c, const char *p, size_t n)
{
	const char *at = p, *end = p + n, *nl;
	while ((nl = memchr(at, '\n', (size_t)(end - at)))) {
		size_t len = (size_t)(nl - at);
		if (len && at[len - 1] == '\r')
			len--;
		if (len)
			irc_line(c, at, len);
		at = nl + 1;
	}
	return (size_t)(at - p);
}

static void
irc_say(struct conn *c, const char *text, size_t n)
{
	put(c, "PRIVMSG #r%d :", c->room);
	buf_add(&c->out, text, n);
	buf_add(&c->out, "\r\n", 2);
}

/* Redis.  RESP3, because there a subscribed client may publish as well. */
static void
resp_hello(struct conn *c)
{
	put(c, "HELLO 3\r\nSUBSCRIBE r%d\r\n", c->room);
}

/* The end of the value at p, or NULL if it is not all there. */
static const char *
resp_end(const char *p, const char *end)
{
	const char *nl = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
	if (!nl)
		return NULL;
	long n = strtol(p + 1, NULL, 10);
	const char *at = nl + 1;
	switch (*p) {
	case '$':
	case '!':
	case '=':
		at += n < 0 ? 0 : n + 2;
		return at <= end ? at : NULL;
	case '%':
		n *= 2; /* fall through */
	case '*':
	case '~':
	case '>':
		while (n-- > 0 && at)
			at = resp_end(at, end);
		return at;
	default:
		return at;
	}
}

static const char *
resp_bulk(const char **p, size_t *n)
{
	const char *s = memchr(*p, '\n', 16);
	*n = strtoul(*p + 1, NULL, 10);
	*p = s + 1 + *n + 2;
	return s + 1;
}

static size_t
resp_parse(struct conn *c, const char *p, size_t n)
{
	const char *at = p, *end = p + n, *next;
	for (; (next = resp_end(at, end)); at = next) {
		if (*at == '-') {
			refused(c, at, (size_t)(next - at) - 2);
		} else if (*at == '>') {
			const char *q = (const char *)memchr(at, '\n', 16) + 1;
			size_t len;
			const char *kind = resp_bulk(&q, &len);
			if (len == 9 && !memcmp(kind, "subscribe", 9)) {
				joined(c);
			} else if (len == 7 && !memcmp(kind, "message", 7)) {
				resp_bulk(&q, &len);
				const char *text = resp_bulk(&q, &len);
				deliver(c, text, len);
			}
		}
	}
	return (size_t)(at - p);
}

static void
resp_say(struct conn *c, const char *text, size_t n)
{
	char room[16];
	int r = snprintf(room, sizeof room, "r%d", c->room);
	put(c, "*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%s\r\n$%zu\r\n", r, room, n);
	buf_add(&c->out, text, n);
	buf_add(&c->out, "\r\n", 2);
}

/* NATS */
static void
nats_hello(struct conn *c)
{
	put(c,
	    "CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":true}\r\n"
	    "SUB r%d 1\r\nPING\r\n",
	    c->room);
}

static size_t
nats_parse(struct conn *c, const char *p, size_t n)
{
	const char *at = p, *end = p + n, *nl;
	while ((nl = memchr(at, '\n', (size_t)(end - at)))) {
		const char *next = nl + 1;
		if (!memcmp(at, "MSG ", 4)) {
			const char *size = memrchr(at, ' ', (size_t)(nl - at));
			size_t len = strtoul(size + 1, NULL, 10);
			if ((size_t)(end - next) < len + 2)
				break;
			deliver(c, next, len);
			next += len + 2;
		} else if (!memcmp(at, "PING", 4)) {
			put(c, "PONG\r\n");
		} else if (!memcmp(at, "PONG", 4)) {
			joined(c);
		} else if (*at == '-') {
			refused(c, at, (size_t)(nl - at));
		}
		at = next;
	}
	return (size_t)(at - p);
}

static void
nats_say(struct conn *c, const char *text, size_t n)
{
	put(c, "PUB r%d %zu\r\n", c->room, n);
	buf_add(&c->out, text, n);
	buf_add(&c->out, "\r\n", 2);
}

/* MQTT 3.1.1, QoS 0, no keep-alive */
static void
mqtt_frame(struct conn *c, int type, const void *a, size_t na, const void *b,
    size_t nb)
{
	unsigned char h[5];
	size_t n = na + nb, i = 0;
	h[i++] = (unsigned char)type;
	do {
		h[i] = n % 128 | (n >= 128 ? 128 : 0);
		n /= 128;
		i++;
	} while (n);
	buf_add(&c->out, h, i);
	buf_add(&c->out, a, na);
	buf_add(&c->out, b, nb);
}

static void
mqtt_hello(struct conn *c)
{
	char s[64];
	int n = snprintf(s + 2, sizeof s - 2, "b%d", c->id);
	s[0] = 0, s[1] = (char)n;
	mqtt_frame(c, 0x10, "\0\4MQTT\4\2\0\0", 10, s, (size_t)n + 2);
	s[0] = 0, s[1] = 1, s[2] = 0;
	n = snprintf(s + 4, sizeof s - 4, "r%d", c->room);
	s[3] = (char)n;
	s[4 + n] = 0;
	mqtt_frame(c, 0x82, s, (size_t)n + 5, "", 0);
}

static size_t
mqtt_parse(struct conn *c, const char *p, size_t n)
{
	size_t at = 0;
	for (;;) {
		size_t len = 0, i = at + 1;
		for (int shift = 0;; shift += 7, i++) {
			if (i >= n)
				return at;
			len |= (size_t)(p[i] & 127) << shift;
			if (!(p[i++] & 128))
				break;
			i--;
		}
		if (len > n - i)
			return at;
		int type = (unsigned char)p[at] >> 4;
		if (type == 3) {
			size_t topic = 2 + ((size_t)(unsigned char)p[i] << 8) +
				       (unsigned char)p[i + 1];
			deliver(c, p + i + topic, len - topic);
		} else if (type == 9 && !(p[i + 2] & 0x80)) {
			joined(c);
		} else if (type != 2 || p[i + 1]) {
			refused(c, "CONNACK or SUBACK says no", 25);
		}
		at = i + len;
	}
}

static void
mqtt_say(struct conn *c, const char *text, size_t n)
{
	char s[32];
	int r = snprintf(s + 2, sizeof s - 2, "r%d", c->room);
	s[0] = 0, s[1] = (char)r;
	mqtt_frame(c, 0x30, s, (size_t)r + 2, text, n);
}

/* snug: lines to the server; from it "LEN SP PAYLOAD LF" with LEN the bytes
 * of PAYLOAD, e.g. "44 MSG lobby 1732371234567-0 bot12 hello world", perhaps
 * with prefixes before the verb */
static void
snug_hello(struct conn *c)
{
	put(c, "NICK bot%d\nJOIN room%d\n", c->id, c->room);
}

static void
snug_payload(struct conn *c, const char *p, size_t n)
{
	const char *end = p + n;
	while (n > 0 && (*p == '@' || *p == '#')) { /* prefixes */
		const char *sp = memchr(p, ' ', n);
		if (!sp)
			return;
		p = sp + 1;
		n = (size_t)(end - p);
	}
	if (n > 4 && !memcmp(p, "MSG ", 4)) {
		for (int i = 0; p && i < 4; i++) /* verb, room, id, nick */
			if ((p = memchr(p, ' ', (size_t)(end - p))))
				p++;
		if (p)
			deliver(c, p, (size_t)(end - p));
		else
			count.corrupt++;
	} else if (n >= 5 && !memcmp(p, "PING ", 5)) {
		put(c, "PONG %.*s\n", (int)n - 5, p + 5);
	} else if (n >= 3 && !memcmp(p, "ERR", 3)) {
		refused(c, p, n);
	} else if (n >= 6 &&
		   (!memcmp(p, "JOINED", 6) || !memcmp(p, "NAMES ", 6))) {
		joined(c); /* only members get these */
	}
}

static size_t
snug_parse(struct conn *c, const char *p, size_t n)
{
	size_t at = 0;
	for (;;) {
		size_t len = 0, i = at;
		while (i < n && p[i] >= '0' && p[i] <= '9' && i - at < 8)
			len = len * 10 + (size_t)(p[i++] - '0');
		if (i == n)
			return at;
		if (i == at || p[i] != ' ')
			die("client %d: not a frame: %.*s", c->id,
			    (int)(n - at < 80 ? n - at : 80), p + at);
		if (n - i < len + 2)
			return at;
		if (p[i + 1 + len] != '\n')
			die("client %d: frame of wrong length: %.*s", c->id,
			    (int)len, p + at);
		snug_payload(c, p + i + 1, len);
		at = i + len + 2;
	}
}

static void
snug_say(struct conn *c, const char *text, size_t n)
{
	struct buf *to = c->veil ? &c->lines : &c->out;

	put(c, "SAY room%d ", c->room);
	buf_add(to, text, n);
	buf_add(to, "\n", 1);
}

/* snug-secure: the same within a secure session */
static void
secure_hello(struct conn *c)
{
	c->veil = need(veil_new());
}

/* WELCOME, whole or not at all: it is a line and short. */
static size_t
secure_call(struct conn *c, const char *p, size_t n)
{
	const char *nl = memchr(p, '\n', n), *wire, *payload;

	if (!nl)
		return 0;
	payload = memchr(p, ' ', n);
	n = veil_call(c->veil, payload + 1, (size_t)(nl - payload - 1), &wire);
	if (n == 0)
		die("client %d: the server has no key", c->id);
	buf_add(&c->out, wire, n);
	return (size_t)(nl + 1 - p);
}

static size_t
secure_parse(struct conn *c, const char *p, size_t n)
{
	static char lines[READ_BUF];
	const char *plain;
	size_t len, used = 0, have = c->rest.len;
	bool was = veil_is_ready(c->veil);

	if (!c->called) {
		used = secure_call(c, p, n);
		c->called = used > 0;
	}
	if (!c->called)
		return used;
	if (!veil_open(c->veil, p + used, n - used, &plain, &len))
		die("client %d: not a secure session", c->id);
	if (!was && veil_is_ready(c->veil))
		snug_hello(c);
	if (have + len > sizeof lines)
		die("client %d: endless frame", c->id);
	if (have)
		memcpy(lines, c->rest.p, have);
	if (len)
		memcpy(lines + have, plain, len);
	used = snug_parse(c, lines, have + len);
	c->rest.len = 0;
	buf_add(&c->rest, lines + used, have + len - used);
	return n;
}

/* raw: the built-in server below.  "J<room>" joins, any other line goes to
 * the room as it is. */
static void
raw_hello(struct conn *c)
{
	put(c, "J%d\n", c->room);
}

static size_t
raw_parse(struct conn *c, const char *p, size_t n)
{
	const char *at = p, *end = p + n, *nl;
	for (; (nl = memchr(at, '\n', (size_t)(end - at))); at = nl + 1) {
		if (*at == 'K')
			joined(c);
		else
			deliver(c, at, (size_t)(nl - at));
	}
	return (size_t)(at - p);
}

static void
raw_say(struct conn *c, const char *text, size_t n)
{
	buf_add(&c->out, text, n);
	buf_add(&c->out, "\n", 1);
}

static const struct proto protos[] = {
    {"raw", 0, true, raw_hello, raw_parse, raw_say},
    {"raw-batch", 0, true, raw_hello, raw_parse, raw_say},
    {"irc", 6667, false, irc_hello, irc_parse, irc_say},
    {"resp", 6379, true, resp_hello, resp_parse, resp_say},
    {"nats", 4222, true, nats_hello, nats_parse, nats_say},
    {"mqtt", 1883, true, mqtt_hello, mqtt_parse, mqtt_say},
    {"snug-secure", 7684, true, secure_hello, secure_parse, snug_say},
    {"snug", 7684, true, snug_hello, snug_parse, snug_say},
};

/* ---- the bare server: the physical limit -------------------------------- */

struct raw_room {
	int *fds, n, cap;
	struct buf out; /* raw-batch: lines of this round */
	bool dirty;
};

struct raw_conn {
	int room;
	struct buf in;
};

static struct raw_room *raw_rooms;

static void
raw_send(const struct raw_room *r, const char *p, size_t n)
{
	for (int i = 0; i < r->n; i++)
		if (write(r->fds[i], p, n) != (ssize_t)n && errno != EPIPE &&
		    errno != ECONNRESET)
			die("raw server: short write: %s", strerror(errno));
}

static void
raw_join(struct raw_conn *c, int fd, int room)
{
	struct raw_room *r = &raw_rooms[room];
	if (r->n == r->cap)
		r->fds = need(realloc(r->fds,
		    sizeof *r->fds * (size_t)(r->cap = r->cap * 2 + 8)));
	r->fds[r->n++] = fd;
	c->room = room;
	if (write(fd, "K\n", 2) != 2)
		die("raw server: cannot welcome");
}

static _Noreturn void
raw_server(int lfd, bool batch)
{
	int ep = epoll_create1(0), ndirty = 0,
	    nrooms = opt.conns / opt.group + 1;
	struct raw_conn *cs = need(calloc((size_t)opt.conns + 64, sizeof *cs));
	struct raw_room **dirty = need(calloc((size_t)nrooms, sizeof *dirty));
	static struct epoll_event ev[1024];
	raw_rooms = need(calloc((size_t)nrooms, sizeof *raw_rooms));
	ev[0] = (struct epoll_event){.events = EPOLLIN, .data.fd = lfd};
	epoll_ctl(ep, EPOLL_CTL_ADD, lfd, &ev[0]);
	for (;;) {
		int n = epoll_wait(ep, ev, 1024, -1);
		for (int i = 0; i < n; i++) {
			int fd = ev[i].data.fd;
			if (fd == lfd) {
				int one = 1, new = accept4(lfd, NULL, NULL,
						 SOCK_NONBLOCK);
				if (new < 0)
					continue;
				if (new >= opt.conns + 64)
					die("raw server: fd %d", new);
				setsockopt(new, IPPROTO_TCP, TCP_NODELAY, &one,
				    sizeof one);
				struct epoll_event e = {
				    .events = EPOLLIN, .data.fd = new};
				epoll_ctl(ep, EPOLL_CTL_ADD, new, &e);
				continue;
			}
			struct raw_conn *c = &cs[fd];
			size_t have = c->in.len;
			memcpy(read_buf, c->in.p ? c->in.p : "", have);
			ssize_t got =
			    read(fd, read_buf + have, READ_BUF - have);
			if (got <= 0) {
				if (got == 0 || errno != EAGAIN)
					epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL);
				continue;
			}
			char *at = read_buf, *end = read_buf + have + got, *nl;
			c->in.len = 0;
			if (batch &&
			    *at == '@') { /* all whole lines in one go */
				struct raw_room *r = &raw_rooms[c->room];
				if ((nl = memrchr(
					 at, '\n', (size_t)(end - at)))) {
					buf_add(
					    &r->out, at, (size_t)(nl + 1 - at));
					at = nl + 1;
					if (!r->dirty)
						dirty[ndirty++] = r;
					r->dirty = true;
				}
			}
			for (; (nl = memchr(at, '\n', (size_t)(end - at)));
			     at = nl + 1) {
				if (*at == 'J')
					raw_join(c, fd, atoi(at + 1));
				else
					raw_send(&raw_rooms[c->room], at,
					    (size_t)(nl + 1 - at));
			}
			if (at < end)
				buf_add(&c->in, at, (size_t)(end - at));
		}
		while (ndirty) {
			struct raw_room *r = dirty[--ndirty];
			raw_send(r, r->out.p, r->out.len);
			r->out.len = 0;
			r->dirty = false;
		}
	}
}

static pid_t
raw_start(bool batch)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) ||
	    listen(fd, 4096) || getsockname(fd, (struct sockaddr *)&a, &len))
		die("raw server: %s", strerror(errno));
	opt.port = ntohs(a.sin_port);
	pid_t pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG,
		    SIGKILL); /* never outlive the generator */
		pin(opt.server_cpu);
		raw_server(fd, batch);
	}
	close(fd);
	return pid;
}

/* ---- the engine --------------------------------------------------------- */

static void
watch(struct conn *c, int op, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = c};
	if (epoll_ctl(epfd, op, c->fd, &e))
		die("epoll_ctl: %s", strerror(errno));
}

static void
lose(struct conn *c, const char *why)
{
	if (c->state == DEAD)
		return;
	if (!stopping && count.gone++ < 5)
		fprintf(stderr, "fanout: client %d lost: %s\n", c->id, why);
	if (c->state == JOINED)
		njoined--;
	c->state = DEAD;
	close(c->fd);
	buf_free(&c->in);
	buf_free(&c->out);
	buf_free(&c->lines);
	buf_free(&c->rest);
	veil_free(c->veil);
	c->veil = NULL;
}

static void
seal(struct conn *c)
{
	const char *wire;
	size_t n;

	if (!c->lines.len || !veil_is_ready(c->veil))
		return;
	n = veil_seal(c->veil, c->lines.p, c->lines.len, &wire);
	buf_add(&c->out, wire, n);
	c->lines.len = 0;
}

static void
flush(struct conn *c)
{
	if (c->state == JOINING || c->state == JOINED)
		seal(c);
	if (c->state == DEAD || c->state == CONNECTING || !c->out.len)
		return;
	ssize_t n = send(c->fd, c->out.p, c->out.len, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN) {
		lose(c, strerror(errno));
		return;
	}
	if (n > 0) {
		c->out.len -= (size_t)n;
		memmove(c->out.p, c->out.p + n, c->out.len);
	}
	bool want = c->out.len > 0;
	if (want != c->want_write)
		watch(c, EPOLL_CTL_MOD, EPOLLIN | (want ? EPOLLOUT : 0));
	c->want_write = want;
}

static void
connected(struct conn *c)
{
	int err = 0;
	socklen_t len = sizeof err;
	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len);
	if (err) {
		lose(c, strerror(err));
		return;
	}
	c->state = JOINING;
	watch(c, EPOLL_CTL_MOD, EPOLLIN);
	proto->hello(c);
	flush(c);
}

static void
open_conn(struct conn *c)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port)};
	struct linger reset = {
	    .l_onoff = 1}; /* no TIME_WAIT: ports stay free */
	int one = 1;
	inet_pton(AF_INET, opt.host, &a.sin_addr);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		die("socket: %s (ulimit -n?)", strerror(errno));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	if (connect(c->fd, (struct sockaddr *)&a, sizeof a) &&
	    errno != EINPROGRESS)
		die("connect %s:%d: %s", opt.host, opt.port, strerror(errno));
	c->state = CONNECTING;
	watch(c, EPOLL_CTL_ADD, EPOLLOUT);
}

static void
receive(struct conn *c)
{
	size_t have = c->in.len;
	if (have)
		memcpy(read_buf, c->in.p, have);
	ssize_t n = recv(c->fd, read_buf + have, READ_BUF - have, 0);
	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			lose(c, n ? strerror(errno) : "closed by the server");
		return;
	}
	last_input = read_time = now();
	if (measuring)
		count.reads++;
	size_t total = have + (size_t)n,
	       used = proto->parse(c, read_buf, total);
	if (total - used == READ_BUF)
		die("client %d: endless frame", c->id);
	c->in.len = 0;
	if (used < total)
		buf_add(&c->in, read_buf + used, total - used);
	else if (c->in.cap > 4096)
		buf_free(&c->in);
	flush(c);
}

/* Waits until something happens, but not past `until`; deals with it. */
static void
poll_once(uint64_t until)
{
	struct epoll_event ev[EVENTS];
	uint64_t t = now(), wait = until > t ? until - t : 0;
	struct timespec ts = {(time_t)(wait / SEC), (long)(wait % SEC)};
	int n = epoll_pwait2(epfd, ev, EVENTS, &ts, NULL);
	for (int i = 0; i < n; i++) {
		struct conn *c = ev[i].data.ptr;
		if (c->state == CONNECTING)
			connected(c);
		else if (c->state != DEAD &&
			 (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
			receive(c);
		if (c->state != DEAD && c->want_write &&
		    (ev[i].events & EPOLLOUT))
			flush(c);
	}
}

static void
say(struct sender *s, uint64_t t)
{
	static char text[MAX_TEXT];
	memcpy(text, filler, (size_t)opt.text);
	snprintf(text, sizeof text, "@%05d:%08x:%016llx", s->conn->id, s->sent,
	    (unsigned long long)t);
	text[HEAD - 1] = ':';
	s->left[s->sent % (uint32_t)opt.window] = (uint32_t)others(s->conn);
	s->sent++;
	proto->say(s->conn, text, (size_t)opt.text);
}

static bool
may_send(const struct sender *s)
{
	return s->sent - s->done < (uint32_t)opt.window &&
	       s->conn->state == JOINED;
}

/* Sends what the windows allow (no rate), or what is due (rate). */
static void
pump(uint64_t t, uint64_t *due)
{
	static int turn;
	if (opt.rate > 0) {
		while (*due <= t && may_send(&senders[turn])) {
			say(&senders[turn], *due);
			flush(senders[turn].conn);
			turn = (turn + 1) % nsenders;
			*due += (uint64_t)(1e9 / opt.rate);
		}
		return;
	}
	while (nready) {
		struct sender *s = ready[--nready];
		s->ready = false;
		while (may_send(s))
			say(s, now());
		flush(s->conn);
	}
}

static uint64_t
expected(void)
{
	uint64_t n = 0;
	for (int i = 0; i < nsenders; i++)
		n += (uint64_t)senders[i].sent *
		     (uint64_t)others(senders[i].conn);
	return n;
}

static double
connect_all(void)
{
	uint64_t start = now();
	last_input = start;
	for (int opened = 0; njoined < opt.conns;) {
		while (opened < opt.conns && opened - njoined < opt.handshakes)
			open_conn(&conns[opened++]);
		poll_once(now() + SEC / 10);
		if (count.gone)
			die("clients lost while joining: %d of %d joined",
			    njoined, opt.conns);
		if (now() - last_input > 20 * SEC)
			die("joining stalled: %d of %d joined", njoined,
			    opt.conns);
	}
	return (double)(now() - start) / 1e9;
}

/* Reads until nothing has come for `quiet` ns (join notices and such). */
static void
settle(uint64_t quiet)
{
	uint64_t start = now();
	last_input = start;
	while (now() - last_input < quiet && now() - start < 60 * SEC)
		poll_once(now() + quiet / 4);
}

/* Warm up, measure, drain.  False if the server went silent. */
static bool
run(struct usage *a, struct usage *b)
{
	uint64_t start = now(), due = start;
	uint64_t from = start + (uint64_t)(opt.warmup * 1e9),
		 to = from + (uint64_t)(opt.secs * 1e9);
	bool ok = true;
	*a = usage_now();
	for (int i = 0; i < nsenders; i++)
		make_ready(&senders[i]);
	last_input = start;
	for (uint64_t t; ok && (t = now()) < to;) {
		if (!measuring && t >= from) {
			*a = usage_now();
			measuring = true;
		}
		pump(t, &due);
		uint64_t next = measuring ? to : from;
		poll_once(opt.rate > 0 && due > t && due < next ? due
			  : next < t + SEC / 10                 ? next
								: t + SEC / 10);
		ok = now() - last_input < 3 * SEC;
	}
	*b = usage_now();
	measuring = false;
	for (uint64_t t = last_input = now(); count.delivered < expected();) {
		poll_once(now() + SEC / 10);
		if (now() - last_input > 2 * SEC || now() - t > 60 * SEC)
			break;
	}
	return ok;
}

static void
make_clients(void)
{
	int rooms = opt.conns / opt.group;
	nsenders = rooms * opt.senders;
	conns = need(calloc((size_t)opt.conns, sizeof *conns));
	senders = need(calloc((size_t)nsenders + 1, sizeof *senders));
	ready = need(calloc((size_t)nsenders + 1, sizeof *ready));
	for (int i = 0; i < opt.conns; i++) {
		struct conn *c = &conns[i];
		int k = i % opt.group;
		*c = (struct conn){.id = i,
		    .fd = -1,
		    .room = i / opt.group,
		    .slot = k < opt.senders ? k : -1};
		c->expect =
		    need(calloc((size_t)opt.senders + 1, sizeof *c->expect));
		if (c->slot >= 0) {
			struct sender *s =
			    &senders[c->room * opt.senders + c->slot];
			s->conn = c;
			s->left =
			    need(calloc((size_t)opt.window, sizeof *s->left));
		}
	}
	for (int i = 0; i < opt.text; i++)
		filler[i] = (char)('a' + i % 26);
	filler[opt.text - 1] = '$';
}

static void
usage(void)
{
	fputs("usage: fanout MODE [options]\nmodes:", stderr);
	for (size_t i = 0; i < sizeof protos / sizeof *protos; i++)
		fprintf(stderr, " %s", protos[i].name);
	fputs("\n"
	      "  -H ADDR  server address [127.0.0.1]      -p PORT  [the mode's "
	      "usual one]\n"
	      "  -P PID   server process, for CPU and RSS; again for each\n"
	      "  -n N     clients [1000]                  -g N     clients per "
	      "room [1000]\n"
	      "  -m N     senders per room [1]; 0: only connect and join\n"
	      "  -k N     messages outstanding per sender [64]\n"
	      "  -j N     clients connecting or joining at one time [64]\n"
	      "  -r RATE  messages per second, all senders together [as fast "
	      "as -k allows]\n"
	      "  -s BYTES of text per message [100]\n"
	      "  -t SECS  measured time [5]               -w SECS  warm-up "
	      "before [1]\n"
	      "  -c CPU   pin the generator               -C CPU   core of the "
	      "server\n"
	      "           (raw: pins it; others: only for the core's busy and "
	      "stolen time)\n"
	      "  -e 0|1   does a sender get its own messages? [as the mode "
	      "says]\n",
	    stderr);
	exit(2);
}

static void
options(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof protos / sizeof *protos; i++)
		if (!strcmp(argv[1], protos[i].name))
			proto = &protos[i];
	if (!proto)
		usage();
	optind = 2;
	for (int o; (o = getopt(argc, argv,
			 "H:p:P:n:g:m:k:j:r:s:t:w:c:C:e:")) != -1;) {
		switch (o) {
		case 'H':
			opt.host = optarg;
			break;
		case 'p':
			opt.port = atoi(optarg);
			break;
		case 'P':
			if (opt.servers == SERVERS)
				die("at most %d times -P", SERVERS);
			opt.server[opt.servers++] = atoi(optarg);
			break;
		case 'n':
			opt.conns = atoi(optarg);
			break;
		case 'g':
			opt.group = atoi(optarg);
			break;
		case 'm':
			opt.senders = atoi(optarg);
			break;
		case 'k':
			opt.window = atoi(optarg);
			break;
		case 'j':
			opt.handshakes = atoi(optarg);
			break;
		case 'r':
			opt.rate = atof(optarg);
			break;
		case 's':
			opt.text = atoi(optarg);
			break;
		case 't':
			opt.secs = atof(optarg);
			break;
		case 'w':
			opt.warmup = atof(optarg);
			break;
		case 'c':
			opt.client_cpu = atoi(optarg);
			break;
		case 'C':
			opt.server_cpu = atoi(optarg);
			break;
		case 'e':
			opt.echo = atoi(optarg);
			break;
		default:
			usage();
		}
	}
	if (opt.echo < 0)
		opt.echo = proto->echo;
	if (strncmp(opt.host, "127.", 4))
		die("loopback only");
	if (opt.conns < 1 || opt.conns > 99999 || opt.group < 2 ||
	    opt.conns % opt.group || opt.senders < 0 ||
	    opt.senders > opt.group || opt.window < 1 || opt.handshakes < 1 ||
	    opt.text <= HEAD || opt.text > MAX_TEXT)
		die("numbers out of range (N must be a multiple of the room "
		    "size)");
}

int
main(int argc, char **argv)
{
	options(argc, argv);
	struct rlimit rl = {(rlim_t)opt.conns + 100, (rlim_t)opt.conns + 100},
		      old;
	getrlimit(RLIMIT_NOFILE, &old);
	if (old.rlim_cur < rl.rlim_cur && setrlimit(RLIMIT_NOFILE, &rl))
		die("need %d files: %s", opt.conns + 100, strerror(errno));
	signal(SIGPIPE, SIG_IGN);
	make_clients();
	bool raw =
	    !opt.port &&
	    !proto->port; /* raw with -p: some other server that speaks it */
	if (raw)
		opt.server[opt.servers++] =
		    raw_start(!strcmp(proto->name, "raw-batch"));
	else if (!opt.port)
		opt.port = proto->port;
	pin(opt.client_cpu);
	epfd = epoll_create1(EPOLL_CLOEXEC);

	struct usage a = usage_now(),
		     b; /* of the joining, unless run() measures */
	long rss0 = servers_rss_kb();
	double cpu0 = servers_cpu();
	double join_secs = connect_all();
	settle(opt.senders ? SEC / 3 : SEC);
	double join_cpu = servers_cpu() - cpu0;
	long rss1 = servers_rss_kb();

	b = usage_now();
	bool ok = !opt.senders || run(&a, &b);
	double secs = (double)(b.t - a.t) / 1e9, cpu = b.server - a.server;
	double per = secs > 0 ? 100 / secs : 0;
	double client = b.client - a.client;
	/* on the pinned cores: work that is neither the server's nor ours */
	double alien0 = opt.server_cpu < 0 ? 0 : b.core[0] - a.core[0] - cpu;
	double alien1 = opt.client_cpu < 0 ? 0 : b.core[1] - a.core[1] - client;

	printf("mode=%s conns=%d group=%d joined=%d join_s=%.3f join_cpu=%.2f "
	       "rss_kb=%ld rss_conn=%.0f",
	    proto->name, opt.conns, opt.group, njoined, join_secs, join_cpu,
	    rss1, (double)(rss1 - rss0) * 1024 / opt.conns);
	printf(" secs=%.2f delivered=%llu rate=%.0f cpu=%.2f percpu=%.0f "
	       "batch=%.2f",
	    secs, (unsigned long long)count.measured,
	    secs > 0 ? (double)count.measured / secs : 0, cpu,
	    cpu > 0 ? (double)count.measured / cpu : 0,
	    count.reads ? (double)count.measured / (double)count.reads : 0);
	printf(" p50=%.0f p99=%.0f p999=%.0f max=%.0f", hist_us(.5),
	    hist_us(.99), hist_us(.999), (double)hist_max / 1e3);
	printf(" lost=%lld corrupt=%llu misordered=%llu refused=%llu gone=%llu "
	       "silent=%d",
	    (long long)(expected() - count.delivered),
	    (unsigned long long)count.corrupt,
	    (unsigned long long)count.misordered,
	    (unsigned long long)count.refused, (unsigned long long)count.gone,
	    !ok);
	for (int i = 0; i < opt.servers; i++)
		printf("%s%.2f", i ? "," : " cpus=", b.each[i] - a.each[i]);
	printf(" server%%=%.0f gen%%=%.0f alien0%%=%.0f alien1%%=%.0f "
	       "steal0%%=%.0f steal1%%=%.0f\n",
	    cpu * per, client * per, alien0 * per, alien1 * per,
	    (b.steal[0] - a.steal[0]) * per, (b.steal[1] - a.steal[1]) * per);

	stopping = true;
	if (raw) {
		kill(opt.server[0], SIGKILL);
		waitpid(opt.server[0], NULL, 0);
	}
	return ok && expected() == count.delivered && !count.corrupt &&
		       !count.misordered && !count.gone && !count.refused
		   ? 0
		   : 1;
}
