/* SPDX-License-Identifier: ISC */
/*
 * Links: where a server is, and which one it is.
 *
 * Links come from mails and web pages, so what stands in them is hostile until
 * it was judged here: the room is a name by the rules of names, the key is a
 * whole key, and what other URLs have (users, queries) is refused.  A room may
 * be percent-encoded, since that is what programs make of other scripts.
 */
#include "client/link.h"

#include <stdio.h>
#include <string.h>

#include "proto/identity.h"

static const char scheme[] = "snug://";

enum { SCHEME_LEN = sizeof(scheme) - 1 };

_Static_assert((int)LINK_KEY_LEN == (int)IDENTITY_KEY_LEN,
    "a link's key is a server's public key");

static int
refuse(struct span s, const char *why, char cause[static ERR_LEN])
{
	char shown[96];
	snprintf(cause, ERR_LEN, "%s: %s", text_escape(shown, sizeof(shown), s),
	    why);
	return -1;
}

/* What is behind the first c, which goes away with it; p is NULL where there
 * is none. */
static struct span
cut_off(struct span *s, char c)
{
	const char *at = s->len ? memchr(s->p, c, s->len) : NULL;
	if (!at)
		return SPAN_NONE;
	struct span rest = {at + 1, (size_t)(s->p + s->len - at) - 1};
	s->len = (size_t)(at - s->p);
	return rest;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False: it is too long for a name, or a % is followed by something else. */
static bool
decode(struct span s, char out[static NAME_BYTES_MAX + 1], size_t *len)
{
	*len = 0;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];
		if (*len == NAME_BYTES_MAX)
			return false;
		if (c == '%') {
			int hi = i + 2 < s.len ? hex_digit(s.p[i + 1]) : -1;
			int lo = hi >= 0 ? hex_digit(s.p[i + 2]) : -1;
			if (lo < 0)
				return false;
			c = (char)(hi << 4 | lo);
			i += 2;
		}
		out[(*len)++] = c;
	}
	return true;
}

static int
take_room(struct span whole, struct span room, struct link *out,
    char cause[static ERR_LEN])
{
	char text[NAME_BYTES_MAX + 1];
	size_t len;
	if (room.len == 0)
		return 0;
	if (!decode(room, text, &len))
		return refuse(whole,
		    "what stands behind the / is no room's "
		    "name",
		    cause);
	int err = name_check((struct span){text, len}, false, &out->room);
	if (err < 0)
		return refuse(whole, name_strerror(err), cause);
	out->has_room = true;
	return 0;
}

static int
take_key(struct span whole, struct span key, struct link *out,
    char cause[static ERR_LEN])
{
	if (!key.p)
		return 0;
	if (!identity_parse_key(key, out->key))
		return refuse(whole,
		    "what stands behind the # is not a whole key; ask for the "
		    "link again",
		    cause);
	out->has_key = true;
	return 0;
}

/* With its port it would read as a socket's address. */
static bool
is_named_unix(const struct addr *a)
{
	struct span host = span_of(a->host);
	return !a->is_unix &&
	       (span_is_nocase(host, "unix") || span_is_nocase(host, "unix."));
}

static int
take_server(struct span server, struct link *out, char cause[static ERR_LEN])
{
	if (addr_parse(server, SNUG_PORT, &out->server, cause) < 0)
		return -1;
	if (!out->server.is_unix && out->server.port == 0)
		return refuse(server, "no server has port 0", cause);
	if (is_named_unix(&out->server))
		return refuse(server,
		    "a host of this name cannot be told from a socket; write "
		    "unix:/PATH, or the host's whole name or address",
		    cause);
	if (!out->server.host[0])
		span_copy(out->server.host, sizeof(out->server.host),
		    SPAN("localhost"));
	return 0;
}

int
link_parse(struct span text, struct link *out, char cause[static ERR_LEN])
{
	struct link l = {0};
	struct span server = text;
	if (text.len > LINK_MAX)
		return refuse(text, "is too long for a server", cause);
	if (text.len >= SCHEME_LEN && memcmp(text.p, scheme, SCHEME_LEN) == 0) {
		server =
		    (struct span){text.p + SCHEME_LEN, text.len - SCHEME_LEN};
		struct span key = cut_off(&server, '#');
		struct span room = cut_off(&server, '/');
		if (take_room(text, room, &l, cause) < 0 ||
		    take_key(text, key, &l, cause) < 0)
			return -1;
		if (server.len > 5 && memcmp(server.p, "unix:", 5) == 0)
			return refuse(text,
			    "a socket has no link; write "
			    "unix:/PATH",
			    cause);
	}
	if (take_server(server, &l, cause) < 0)
		return -1;
	*out = l;
	return 0;
}
