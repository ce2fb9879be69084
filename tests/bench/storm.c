/* SPDX-License-Identifier: ISC */
/*
 * A node dies, and all who were on it come back at once.  storm.py starts the
 * servers and drives this; without arguments it prints its usage.
 *
 * Clients enter rooms: those who will be struck on the first port, those who
 * stay on the others, in turn.  In each room somebody who stays speaks, at a
 * fixed rate in all.  After a while the first node is killed.  Whoever lost his
 * connection comes back to one of the other nodes as the one he was (@resume),
 * and asks for what he missed (@since).  He is in step when his JOIN is
 * answered.
 *
 * Every text says when it was due and its number in its room, so that a hole,
 * a double and a change of order show, across the break too.  The latency of
 * those who stayed is kept apart for before, during and after.
 *
 * One thread, one epoll set.  Prints one line of key=value pairs.
 */
#include <arpa/inet.h>
#include <errno.h>
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "proto/frame.h"
#include "proto/line.h"

enum {
	PORTS = 8,
	EVENTS = 64, /* small, so that what is due is said in time */
	READ_BUF = 1 << 18,
	ENTERING = 64,   /* at a time, before the storm */
	RETRY_MS = 200,  /* and as much again by chance */
	PHASE_MS = 3000, /* before, and after */
	PATIENCE_MS = 60000,
	MAX_LINE = 65536,
};

static struct {
	uint16_t ports[PORTS];
	int nports;
	pid_t victim;
	int struck, stay, room; /* clients; room: struck in each */
	int rate;               /* messages a second, in all */
	int jitter;             /* ms over which they come back */
	int cpu;
} opt = {.struck = 10000, .stay = 2000, .room = 20, .rate = 200, .cpu = -1};

enum phase { BEFORE, DURING, AFTER, PHASES };
static enum phase phase;

/* ---- helpers ------------------------------------------------------------ */

static _Noreturn void __attribute__((format(printf, 1, 2)))
die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("storm: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t
some_ms(int most)
{
	return most > 0 ? (uint64_t)(random() % most) : 0;
}

/* ---- latencies ---------------------------------------------------------- */

static struct times {
	uint32_t *us;
	size_t n, cap;
} times[PHASES];

static void
times_add(struct times *t, uint64_t us)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 4096;
		t->us = xreallocarray(t->us, t->cap, sizeof *t->us);
	}
	t->us[t->n++] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

static int
by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Sorted by now. */
static double
times_ms(const struct times *t, double q)
{
	return t->n ? t->us[(size_t)(q * (double)(t->n - 1))] / 1e3 : 0;
}

/* ---- clients ------------------------------------------------------------ */

enum state { AWAY, CONNECTING, GREETED, INSIDE };

struct client {
	int fd, id, room;
	enum state state;
	bool stays, struck, seen; /* seen: a message, so that next holds */
	bool wants_write;
	uint16_t port;
	uint32_t next; /* number of the message to come */
	uint64_t due;  /* AWAY: when to come back, us */
	char token[96], last[48];
	struct frame frame;
	struct buf out;
};

static struct client *clients;
static int nclients, ninside, nstruck, epfd;
static uint32_t *said; /* per room: messages so far */
static char read_buf[READ_BUF];
static uint64_t read_at;
static struct {
	unsigned long holes, doubles, gaps, refused, replayed;
} count;

static void
watch(struct client *c, int op, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = c};

	if (epoll_ctl(epfd, op, c->fd, &e))
		die("epoll_ctl: %s", strerror(errno));
}

static void
go_away(struct client *c, int wait_ms)
{
	if (c->state == INSIDE)
		ninside--;
	close(c->fd);
	frame_fini(&c->frame);
	buf_clear(&c->out);
	c->wants_write = false;
	c->state = AWAY;
	c->due = now_us() + 1000 * some_ms(wait_ms);
}

static void
lost(struct client *c)
{
	if (c->stays)
		die("%s lost a connection that was to stay", c->last);
	if (phase == BEFORE)
		die("a connection was lost before the storm");
	nstruck += !c->struck;
	c->struck = true;
	go_away(c, c->state == INSIDE ? opt.jitter : RETRY_MS * 2);
}

static void
flush(struct client *c)
{
	ssize_t n = 0;
	bool want;

	if (buf_len(&c->out))
		n = send(
		    c->fd, buf_head(&c->out), buf_len(&c->out), MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN)
		return; /* its end is read, too */
	if (n > 0)
		buf_drain(&c->out, (size_t)n);
	want = buf_len(&c->out) > 0;
	if (want != c->wants_write)
		watch(c, EPOLL_CTL_MOD, EPOLLIN | (want ? EPOLLOUT : 0));
	c->wants_write = want;
}

static void
connect_to(struct client *c, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct linger reset = {.l_onoff = 1}; /* ports stay free */
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		die("socket: %s", strerror(errno));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	if (connect(c->fd, (struct sockaddr *)&a, sizeof a) &&
	    errno != EINPROGRESS)
		die("connect: %s", strerror(errno));
	c->port = port;
	c->state = CONNECTING;
	frame_init(&c->frame, MAX_LINE, false);
	watch(c, EPOLL_CTL_ADD, EPOLLIN);
}

/* ---- what the server says ------------------------------------------------ */

static void
keep(char *to, size_t size, struct span s)
{
	size_t n = s.len < size ? s.len : size - 1;

	memcpy(to, s.p, n);
	to[n] = '\0';
}

/* The word behind the n-th space. */
static struct span
word(struct span s, int n)
{
	const char *end = s.p + s.len, *p = s.p, *sp;

	while (n-- > 0 && p) {
		p = memchr(p, ' ', (size_t)(end - p));
		p = p ? p + 1 : NULL;
	}
	if (!p)
		return (struct span){end, 0};
	sp = memchr(p, ' ', (size_t)(end - p));
	return (struct span){p, (size_t)((sp ? sp : end) - p)};
}

static bool
starts(struct span s, const char *with)
{
	return s.len >= strlen(with) && !memcmp(s.p, with, strlen(with));
}

static void
welcome(struct client *c, struct span line)
{
	const char *key = memmem(line.p, line.len, " resume=", 8);

	if (c->state == CONNECTING) {
		c->state = GREETED;
		if (c->token[0])
			buf_addf(&c->out, "@resume=%s ", c->token);
		buf_addf(&c->out, "NICK s%d\n", c->id);
		if (c->last[0])
			buf_addf(&c->out, "@since=%s ", c->last);
		buf_addf(&c->out, "JOIN room%d\n", c->room);
	}
	if (key)
		keep(c->token, sizeof c->token,
		    word((struct span){key + 8,
			     (size_t)(line.p + line.len - key - 8)},
			0));
}

/* "MSG room id nick t=MICROSECONDS n=NUMBER" */
static void
message(struct client *c, struct span line, bool replay)
{
	uint32_t n;
	uint64_t t;

	keep(c->last, sizeof c->last, word(line, 2));
	t = strtoull(word(line, 4).p + 2, NULL, 10);
	n = (uint32_t)strtoul(word(line, 5).p + 2, NULL, 10);
	if (c->seen && n > c->next)
		count.holes++;
	if (c->seen && n < c->next)
		count.doubles++;
	c->next = n + 1;
	c->seen = true;
	if (replay)
		count.replayed++;
	else if (c->stays)
		times_add(&times[phase], read_at - t);
}

static void
refused(struct client *c, struct span line)
{
	if (phase == BEFORE)
		die("%.*s", (int)line.len, line.p);
	if (count.refused++ < 5)
		fprintf(
		    stderr, "storm: refused: %.*s\n", (int)line.len, line.p);
	go_away(c, RETRY_MS * 2);
}

static void
take(struct client *c, struct span line)
{
	bool replay = false;

	while (line.len > 0 && (*line.p == '@' || *line.p == '#')) {
		struct span attr = word(line, 0);

		replay |= attr.len == 7 && !memcmp(attr.p, "@replay", 7);
		if (attr.len == line.len)
			return;
		line.p += attr.len + 1;
		line.len -= attr.len + 1;
	}
	if (starts(line, "MSG "))
		message(c, line, replay);
	else if (starts(line, "WELCOME "))
		welcome(c, line);
	else if (starts(line, "PING "))
		buf_addf(&c->out, "PONG %.*s\n", (int)line.len - 5, line.p + 5);
	else if (starts(line, "NOTICE gap "))
		count.gaps++;
	else if (starts(line, "ERR ") || starts(line, "BYE "))
		refused(c, line);
	else if (starts(line, "OK ") && c->state == GREETED &&
		 memchr(line.p, '-', line.len)) {
		c->state = INSIDE;
		ninside++;
	}
}

static void
receive(struct client *c)
{
	struct span in, line;
	ssize_t n = recv(c->fd, read_buf, sizeof read_buf, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		lost(c);
		return;
	}
	read_at = now_us();
	in = (struct span){read_buf, (size_t)n};
	while (c->state != AWAY)
		switch (frame_next(&c->frame, &in, &line)) {
		case FRAME_LINE:
			take(c, line);
			break;
		case FRAME_MORE:
			flush(c);
			return;
		default:
			die("a frame is wrong");
		}
}

static void
turn(int wait_ms)
{
	struct epoll_event ev[EVENTS];
	int n = epoll_wait(epfd, ev, EVENTS, wait_ms);

	for (int i = 0; i < n; i++) {
		struct client *c = ev[i].data.ptr;

		if (c->state != AWAY && ev[i].events & ~(uint32_t)EPOLLOUT)
			receive(c);
		if (c->state != AWAY && c->wants_write)
			flush(c);
	}
}

/* ---- what happens -------------------------------------------------------- */

/* One of those who stay, in this room. */
static struct client *
speaker(int room)
{
	return &clients[opt.struck + room];
}

static void
speak(uint64_t due, int room)
{
	struct client *c = speaker(room);

	buf_addf(&c->out, "SAY room%d t=%llu n=%u\n", room,
	    (unsigned long long)due, said[room]++);
	flush(c);
}

/* Says what is due. */
static void
pump(void)
{
	static uint64_t due;
	static int room;
	uint64_t t = now_us();

	if (!due)
		due = t;
	for (; due <= t; due += 1000000 / (uint64_t)opt.rate) {
		speak(due, room);
		room = (room + 1) % (opt.struck / opt.room);
	}
}

static void
for_a_while(int ms)
{
	uint64_t end = now_us() + (uint64_t)ms * 1000;

	while (now_us() < end) {
		pump();
		turn(1);
	}
}

static void
enter_all(void)
{
	uint64_t end = now_us() + PATIENCE_MS * 1000ull;

	for (int opened = 0; ninside < nclients;) {
		while (opened < nclients && opened - ninside < ENTERING) {
			connect_to(&clients[opened], clients[opened].port);
			opened++;
		}
		turn(10);
		if (now_us() > end)
			die("%d of %d have entered", ninside, nclients);
	}
}

/* Whoever is away and due comes back, to a node that lives. */
static void
come_back(void)
{
	static int next;
	uint64_t t = now_us();

	for (int i = 0; i < opt.struck; i++)
		if (clients[i].state == AWAY && clients[i].due <= t)
			connect_to(&clients[i],
			    opt.ports[1 + next++ % (opt.nports - 1)]);
}

/* Seconds until all are in step. */
static double
storm(void)
{
	uint64_t start = now_us();

	phase = DURING;
	if (kill(opt.victim, SIGKILL))
		die("kill: %s", strerror(errno));
	do {
		pump();
		turn(1);
		come_back();
		if (now_us() - start > PATIENCE_MS * 1000ull)
			die("%d of %d are back", ninside, nclients);
	} while (nstruck < opt.struck || ninside < nclients);
	return (double)(now_us() - start) / 1e6;
}

/* All that was said has reached everybody. */
static unsigned long
missing(void)
{
	unsigned long n = 0;

	for (int i = 0; i < nclients; i++)
		n += said[clients[i].room] - clients[i].next;
	return n;
}

static void
make_clients(void)
{
	int rooms = opt.struck / opt.room;

	nclients = opt.struck + opt.stay;
	clients = xcalloc((size_t)nclients, sizeof *clients);
	said = xcalloc((size_t)rooms, sizeof *said);
	for (int i = 0; i < nclients; i++) {
		struct client *c = &clients[i];

		c->id = i;
		c->stays = i >= opt.struck;
		c->room = (c->stays ? i - opt.struck : i) % rooms;
		c->port = opt.ports[c->stays ? 1 + i % (opt.nports - 1) : 0];
	}
}

static void
print(double secs)
{
	static const char *const names[] = {"before", "during", "after"};

	printf(
	    "struck=%d stayed=%d nodes=%d rate=%d jitter_ms=%d in_step_s=%.2f",
	    opt.struck, opt.stay, opt.nports, opt.rate, opt.jitter, secs);
	for (int i = 0; i < PHASES; i++) {
		qsort(times[i].us, times[i].n, sizeof *times[i].us, by_size);
		printf(" %s_n=%zu %s_p50=%.2f %s_p99=%.2f %s_max=%.2f",
		    names[i], times[i].n, names[i], times_ms(&times[i], .5),
		    names[i], times_ms(&times[i], .99), names[i],
		    times_ms(&times[i], 1));
	}
	printf(" replayed=%lu holes=%lu doubles=%lu gaps=%lu refused=%lu "
	       "missing=%lu\n",
	    count.replayed, count.holes, count.doubles, count.gaps,
	    count.refused, missing());
}

static void
options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "p:P:n:s:g:r:j:c:")) != -1) {
		int v = c == '?' ? 0 : atoi(optarg);

		if (c == 'p' && opt.nports < PORTS)
			opt.ports[opt.nports++] = (uint16_t)v;
		else if (c == 'P')
			opt.victim = v;
		else if (c == 'n')
			opt.struck = v;
		else if (c == 's')
			opt.stay = v;
		else if (c == 'g')
			opt.room = v;
		else if (c == 'r')
			opt.rate = v;
		else if (c == 'j')
			opt.jitter = v;
		else if (c == 'c')
			opt.cpu = v;
		else
			die("usage: storm -p PORT -p PORT [-p PORT ...] "
			    "-P PID [-n STRUCK] [-s STAY] [-g ROOM] "
			    "[-r RATE] [-j JITTER_MS] [-c CPU]");
	}
	if (opt.nports < 2 || opt.victim < 2 || opt.struck < 1 ||
	    opt.room < 1 || opt.rate < 1 || opt.rate > 1000000 ||
	    opt.stay < opt.struck / opt.room || opt.struck % opt.room)
		die("at least two ports, a victim, and one who stays for each "
		    "room");
}

static void
pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	if (cpu >= 0 && sched_setaffinity(0, sizeof set, &set))
		die("cannot pin to cpu %d: %s", cpu, strerror(errno));
}

int
main(int argc, char **argv)
{
	struct rlimit files;
	double secs;

	options(argc, argv);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	pin(opt.cpu);
	epfd = epoll_create1(EPOLL_CLOEXEC);
	make_clients();
	enter_all();
	for_a_while(PHASE_MS);
	secs = storm();
	phase = AFTER;
	for_a_while(PHASE_MS);
	for (int i = 0; i < 1000 && missing(); i++)
		turn(10);
	print(secs);
	return missing() || count.holes || count.doubles || count.gaps;
}
