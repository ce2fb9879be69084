/* SPDX-License-Identifier: ISC */
/*
 * A crowd of bad callers, for the tests of the gate.
 *
 *	flood hold PORT N SOURCES WHAT
 *		opens N connections from 127.1.0.1, .2, ... (SOURCES of them),
 *		says the beginning WHAT of something on each, and holds them
 *		until standard input ends; one that is closed is opened again
 *	flood fail PORT N SOURCES
 *		opens N connections, one after another, each of which fails
 *
 * WHAT: nothing, line (half of a SECURE line), handshake (a SECURE line and ten
 * bytes), frame (a length of 99999), record (a SECURE line and a record of
 * 65535).  Prints `opened N` when all were opened, and at the end `opened N
 * refused M`; what was refused is what said BYE at once.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

#define SECURE "SECURE Noise_NX_25519_ChaChaPoly_BLAKE2b"

static const struct beginning {
	const char *name;
	struct span bytes;
} beginnings[] = {
    {"nothing", {"", 0}},
    {"line", {"SECURE Noise_NX", 15}},
    {"handshake", {SECURE "\n\0\x20........", sizeof SECURE + 10}},
    {"frame", {"99999 ", 6}},
    {"record", {SECURE "\n\xff\xff........", sizeof SECURE + 10}},
};

static uint16_t port;
static unsigned sources;
static size_t opened, refused;

static struct sockaddr_in
place(uint32_t address, uint16_t p)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
	    .sin_port = htons(p),
	    .sin_addr.s_addr = htonl(address)};
}

static int
call(size_t n)
{
	enum { FIRST_SOURCE = 0x7f010001, SERVER = 0x7f000001 };
	struct sockaddr_in from =
	    place(FIRST_SOURCE + (uint32_t)(n % sources), 0);
	struct sockaddr_in to = place(SERVER, port);
	struct linger none = {1, 0};
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	/* No TIME_WAIT, and ports are not used up. */
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0 ||
	    connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
		close(fd);
		return -1;
	}
	opened++;
	return fd;
}

static void
say(int fd, struct span bytes)
{
	ssize_t n = send(fd, bytes.p, bytes.len, MSG_NOSIGNAL);

	(void)n; /* it may have been closed already */
}

/* --- fail ----------------------------------------------------------------- */

/* What the server says first tells whether it let us in. */
static bool
is_refused(int fd)
{
	char text[512];
	ssize_t n = recv(fd, text, sizeof text - 1, 0);

	if (n <= 0)
		return true;
	text[n] = '\0';
	return strstr(text, "BYE ") != NULL;
}

static int
fail_all(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int fd = call(i);

		if (fd < 0) {
			perror("flood: connect");
			return 1;
		}
		if (is_refused(fd))
			refused++;
		else
			say(fd, SPAN("0 \n"));
		close(fd);
	}
	printf("opened %zu refused %zu\n", opened, refused);
	return 0;
}

/* --- hold ----------------------------------------------------------------- */

static void
renew(struct pollfd *p, size_t i, struct span bytes)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = call(i);
	p->events = POLLRDHUP;
	if (p->fd >= 0)
		say(p->fd, bytes);
}

static void
hold_once(struct pollfd *all, size_t n, struct span bytes)
{
	enum { TURN_MS = 20 };

	if (poll(all, n + 1, TURN_MS) <= 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (all[i].fd < 0 ||
		    (all[i].revents & (POLLRDHUP | POLLHUP | POLLERR))) {
			refused++;
			renew(&all[i], i, bytes);
		}
}

static int
hold_all(size_t n, struct span bytes)
{
	struct pollfd *all = xcalloc(n + 1, sizeof *all);

	for (size_t i = 0; i < n; i++) {
		all[i].fd = -1;
		renew(&all[i], i, bytes);
	}
	printf("opened %zu\n", opened);
	fflush(stdout);
	all[n] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
	while (!(all[n].revents & (POLLIN | POLLHUP)))
		hold_once(all, n, bytes);
	printf("opened %zu refused %zu\n", opened, refused);
	for (size_t i = 0; i < n; i++)
		if (all[i].fd >= 0)
			close(all[i].fd);
	free(all);
	return 0;
}

static int
usage(void)
{
	fputs("usage: flood hold PORT N SOURCES WHAT | fail PORT N SOURCES\n",
	    stderr);
	return 2;
}

int
main(int argc, char **argv)
{
	uint64_t p, n, s;

	if (argc < 5 || !text_u64(span_of(argv[2]), 65535, &p) ||
	    !text_u64(span_of(argv[3]), 1000000, &n) ||
	    !text_u64(span_of(argv[4]), 60000, &s) || s == 0)
		return usage();
	port = (uint16_t)p;
	sources = (unsigned)s;
	if (strcmp(argv[1], "fail") == 0)
		return fail_all(n);
	for (size_t i = 0; argc == 6 && i < ARRAY_LEN(beginnings); i++)
		if (strcmp(argv[5], beginnings[i].name) == 0)
			return hold_all(n, beginnings[i].bytes);
	return usage();
}
