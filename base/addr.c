/* SPDX-License-Identifier: ISC */
/*
 * Addresses as people write them.  Only the form is judged here; whether a
 * host exists is for whoever looks it up.
 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

static const char unix_scheme[] = "unix:";

enum { UNIX_PATH_MAX_LEN = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 };

static int
refuse(struct span s, const char *why, char cause[static ERR_LEN])
{
	char shown[96];

	snprintf(cause, ERR_LEN, "address \"%s\": %s",
	    text_escape(shown, sizeof(shown), s), why);
	return -1;
}

static bool
is_host_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

static bool
is_host(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_host_char(s.p[i]))
			return false;
	return s.len < sizeof(((struct addr *)0)->host);
}

/* Of the zone (fe80::1%eth0) the form alone: what it means is the system's to
 * judge. */
static bool
is_v6(struct span s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr ignored;
	const char *zone = s.len ? memchr(s.p, '%', s.len) : NULL;

	size_t len = zone ? (size_t)(zone - s.p) : s.len;
	if (zone && (len + 1 == s.len ||
			!is_host((struct span){zone + 1, s.len - len - 1})))
		return false;
	if (len >= sizeof(text) || s.len > INET6_ADDRSTRLEN + 16 ||
	    !text_is_visible_ascii(s))
		return false;
	span_copy(text, sizeof(text), (struct span){s.p, len});
	return inet_pton(AF_INET6, text, &ignored) == 1;
}

static int
parse_unix(struct span whole, struct addr *out, char cause[static ERR_LEN])
{
	size_t skip = sizeof(unix_scheme) - 1;
	struct span path = {whole.p + skip, whole.len - skip};

	if (path.len == 0 || path.p[0] != '/')
		return refuse(
		    whole, "write the whole path, as in unix:/run/snug", cause);
	if (path.len > UNIX_PATH_MAX_LEN)
		return refuse(whole,
		    "the path is too long; a socket's has at most 107 bytes",
		    cause);
	if (memchr(path.p, '\0', path.len))
		return refuse(whole, "the path holds a NUL byte", cause);
	*out = (struct addr){.is_unix = true};
	span_copy(out->host, sizeof(out->host), path);
	return 0;
}

/* Cuts s into host and port; port.p stays NULL where there is none. */
static bool
cut(struct span s, struct span *host, struct span *port)
{
	const char *end = s.p + s.len;
	const char *colon;

	*port = SPAN_NONE;
	if (s.p[0] == '[') {
		const char *close = memchr(s.p, ']', s.len);
		if (!close)
			return false;
		*host = (struct span){s.p + 1, (size_t)(close - s.p - 1)};
		colon = close + 1;
		if (!is_v6(*host) || (colon < end && *colon != ':'))
			return false;
	} else {
		*host = s;
		if (is_v6(s))
			return true;
		colon = memchr(s.p, ':', s.len);
		if (!colon)
			colon = end;
		host->len = (size_t)(colon - s.p);
		if (!is_host(*host))
			return false;
	}
	if (colon < end)
		*port = (struct span){colon + 1, (size_t)(end - colon - 1)};
	return true;
}

int
addr_parse(struct span s, uint16_t default_port, struct addr *out,
    char cause[static ERR_LEN])
{
	struct span host, port;
	uint64_t number = default_port;
	size_t scheme = sizeof(unix_scheme) - 1;

	if (s.len == 0)
		return refuse(s, "is empty; write HOST:PORT", cause);
	if (s.len >= scheme && memcmp(s.p, unix_scheme, scheme) == 0)
		return parse_unix(s, out, cause);
	if (!cut(s, &host, &port))
		return refuse(s,
		    "write HOST, HOST:PORT, [IPV6]:PORT or unix:/PATH", cause);
	if (port.p && !text_u64(port, UINT16_MAX, &number))
		return refuse(s, "the port is a number from 0 to 65535", cause);
	*out = (struct addr){.port = (uint16_t)number};
	span_copy(out->host, sizeof(out->host), host);
	return 0;
}

static bool
is_loopback_v6(const struct in6_addr *a)
{
	return IN6_IS_ADDR_LOOPBACK(a) ||
	       (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == 127);
}

bool
addr_is_local(const struct addr *a)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (a->is_unix || span_is_nocase(span_of(a->host), "localhost"))
		return true;
	if (inet_pton(AF_INET, a->host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, a->host, &v6) == 1 && is_loopback_v6(&v6);
}

char *
addr_format(const struct addr *a, char *dst, size_t cap)
{
	bool v6 = strchr(a->host, ':') != NULL;

	if (a->is_unix)
		snprintf(dst, cap, "%s%s", unix_scheme, a->host);
	else
		snprintf(dst, cap, v6 ? "[%s]:%u" : "%s:%u", a->host,
		    (unsigned)a->port);
	return dst;
}
