/* SPDX-License-Identifier: ISC */
/*
 * A Redis URL taken apart.
 *
 * The two schemes share one shape: what stands before the `@` is who we are,
 * what follows is where it is, and a number names the database.  Everything is
 * judged, nothing repaired; a sentence says what to write instead.
 */
#include "server/redis_url.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

enum { DB_MAX = 65535 };

static bool
starts(struct span s, const char *with)
{
	size_t n = strlen(with);

	return s.len >= n && memcmp(s.p, with, n) == 0;
}

static struct span
skip(struct span s, size_t n)
{
	return (struct span){s.p + n, s.len - n};
}

/* Splits at the first or the last c; false if there is none. */
static bool
cut(struct span s, int c, bool last, struct span *before, struct span *behind)
{
	const char *at = NULL;

	if (s.len > 0)
		at = last ? memrchr(s.p, c, s.len) : memchr(s.p, c, s.len);
	if (!at)
		return false;
	*before = (struct span){s.p, (size_t)(at - s.p)};
	*behind = skip(s, before->len + 1);
	return true;
}

static int
hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at;

	if (c >= 'A' && c <= 'F')
		c = (char)(c - 'A' + 'a');
	at = c ? strchr(digits, c) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* Undoes %XX; refuses a broken escape, a NUL and what does not fit. */
static int
percent_decode(char *dst, size_t cap, struct span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		int c = (unsigned char)s.p[i];

		if (c == '%') {
			int hi = i + 2 < s.len ? hex_digit(s.p[i + 1]) : -1;
			int lo = i + 2 < s.len ? hex_digit(s.p[i + 2]) : -1;

			if (hi < 0 || lo < 0)
				return -1;
			c = hi * 16 + lo;
			i += 2;
		}
		if (c == 0 || n + 1 >= cap)
			return -1;
		dst[n++] = (char)c;
	}
	dst[n] = '\0';
	return 0;
}

static int
refuse(char *cause, const char *why)
{
	snprintf(cause, ERR_LEN, "%s", why);
	return -1;
}

static int
parse_db(struct redis_url *u, struct span s, char *cause)
{
	uint64_t db;

	if (!text_u64(s, DB_MAX, &db))
		return refuse(cause,
		    "the database in the Redis URL is not a number; write "
		    "redis://host:6379/0 or unix:///path?db=0");
	u->db = (unsigned)db;
	return 0;
}

static int
parse_identity(struct redis_url *u, struct span s, char *cause)
{
	struct span user = s, password = SPAN_NONE;

	u->has_password = cut(s, ':', false, &user, &password);
	if (percent_decode(u->user, sizeof(u->user), user) < 0 ||
	    percent_decode(u->password, sizeof(u->password), password) < 0)
		return refuse(cause,
		    "the user or password in the Redis URL is too long or has "
		    "a broken %-escape; write % itself as %25");
	if (!u->has_password && u->user[0])
		return refuse(cause,
		    "the Redis URL has a user but no password; write "
		    "redis://user:password@host, or redis://:password@host for "
		    "the default user");
	return 0;
}

static int
parse_port(struct redis_url *u, struct span s, char *cause)
{
	uint64_t port;

	if (!text_u64(s, 65535, &port) || port == 0)
		return refuse(cause,
		    "the port in the Redis URL is not a number from 1 to "
		    "65535; write redis://host:6379");
	u->port = (uint16_t)port;
	return 0;
}

static int
parse_host(struct redis_url *u, struct span s, char *cause)
{
	struct span host = s, port = SPAN_NONE;
	struct in6_addr a6;

	if (starts(s, "[")) {
		if (!cut(skip(s, 1), ']', false, &host, &port) ||
		    (port.len > 0 && port.p[0] != ':'))
			return refuse(cause,
			    "the IPv6 address in the Redis URL is not closed; "
			    "write redis://[::1]:6379");
		port = port.len > 0 ? skip(port, 1) : SPAN_NONE;
	} else {
		cut(s, ':', false, &host, &port);
	}
	if (host.len == 0 || host.len > REDIS_URL_HOST_MAX ||
	    !text_is_visible_ascii(host))
		return refuse(cause,
		    "the Redis URL has no usable host; write "
		    "redis://host:6379 or unix:///path/to/redis.sock");
	span_copy(u->host, sizeof(u->host), host);
	if (s.p[0] == '[' && inet_pton(AF_INET6, u->host, &a6) != 1)
		return refuse(cause,
		    "what is in brackets in the Redis URL is no IPv6 address; "
		    "write redis://[::1]:6379");
	if (strpbrk(u->host, "@?#%\"\\") != NULL)
		return refuse(cause,
		    "the host in the Redis URL has an odd character; write @ "
		    "in a password as %40, / as %2F");
	u->port = REDIS_PORT;
	return port.p ? parse_port(u, port, cause) : 0;
}

static int
parse_tcp(struct redis_url *u, struct span s, char *cause)
{
	struct span place = s, db = SPAN_NONE, who;

	cut(s, '/', false, &place, &db);
	if (db.len > 0 && memchr(db.p, '@', db.len))
		return refuse(cause,
		    "there is an @ behind the / of the Redis URL; write / in "
		    "a user or password as %2F");
	if (cut(place, '@', true, &who, &place) &&
	    parse_identity(u, who, cause) < 0)
		return -1;
	if (parse_host(u, place, cause) < 0)
		return -1;
	return db.len > 0 ? parse_db(u, db, cause) : 0;
}

static int
parse_unix(struct redis_url *u, struct span s, char *cause)
{
	struct span path = s, query = SPAN_NONE, who, rest;

	u->is_unix = true;
	cut(s, '?', false, &path, &query);
	if (path.len > 0 && path.p[0] != '/' &&
	    cut(path, '@', true, &who, &rest)) {
		if (parse_identity(u, who, cause) < 0)
			return -1;
		path = rest;
	}
	if (path.len < 2 || path.p[0] != '/')
		return refuse(cause,
		    "the Redis URL needs a whole path, with three slashes; "
		    "write unix:///path/to/redis.sock");
	if (percent_decode(
		u->host, sizeof(((struct sockaddr_un *)0)->sun_path), path) < 0)
		return refuse(cause,
		    "the path in the Redis URL is longer than a Unix socket's "
		    "may be (107 bytes) or has a broken %-escape");
	if (!query.p)
		return 0;
	if (!starts(query, "db="))
		return refuse(cause,
		    "behind ? the Redis URL can only say db=; write "
		    "unix:///path/to/redis.sock?db=0");
	return parse_db(u, skip(query, 3), cause);
}

static int
parse_any(struct redis_url *u, struct span s, char *cause)
{
	if (text_check(s.p, s.len, NULL) < 0 || memchr(s.p, ' ', s.len))
		return refuse(cause,
		    "the Redis URL has a space or a control character; write "
		    "it as a %-escape");
	if (starts(s, "redis://"))
		return parse_tcp(u, skip(s, 8), cause);
	if (starts(s, "unix://"))
		return parse_unix(u, skip(s, 7), cause);
	if (starts(s, "rediss://"))
		return refuse(cause,
		    "rediss:// (TLS) is not spoken here; put a TLS tunnel such "
		    "as stunnel or ghostunnel in front and write redis://");
	return refuse(cause, "that is no Redis URL; write redis://host:6379 or "
			     "unix:///path/to/redis.sock");
}

int
redis_url_parse(
    struct redis_url *out, struct span url, char cause[static ERR_LEN])
{
	memset(out, 0, sizeof(*out));
	if (url.len == 0)
		return refuse(cause,
		    "the Redis URL is empty; write redis://host:6379 or "
		    "unix:///path/to/redis.sock");
	if (parse_any(out, url, cause) == 0)
		return 0;
	sodium_memzero(out, sizeof(*out));
	return -1;
}

char *
redis_url_format(const struct redis_url *u, char *dst, size_t cap)
{
	char host[2 * REDIS_URL_HOST_MAX];
	bool v6 = !u->is_unix && strchr(u->host, ':');

	text_escape(host, sizeof(host), span_of(u->host));
	if (u->is_unix)
		snprintf(dst, cap, "unix://%s?db=%u", host, u->db);
	else
		snprintf(dst, cap, "redis://%s%s%s:%u/%u", v6 ? "[" : "", host,
		    v6 ? "]" : "", (unsigned)u->port, u->db);
	return dst;
}

void
redis_url_wipe(struct redis_url *u)
{
	sodium_memzero(u, sizeof(*u));
}
