/* SPDX-License-Identifier: ISC */
/*
 * client/link.c: the input is what a user named, or clicked on.  It is refused
 * with a harmless sentence and nothing else; or it gives a server, a room that
 * may be entered and a key, from which a link can be made that says the same.
 */
#include <stdio.h>
#include <string.h>

#include "client/link.h"
#include "proto/identity.h"
#include "tests/fuzz/fuzz.h"

static void
check_again(const struct link *l)
{
	char where[sizeof(l->server.host) + 16], key[IDENTITY_KEY_TEXT + 2];
	char text[LINK_MAX], cause[ERR_LEN];
	struct link again;

	addr_format(&l->server, where, sizeof(where));
	key[0] = '#';
	identity_key_text(l->key, key + 1);
	snprintf(text, sizeof(text), "%s%s%s%s%s",
	    l->server.is_unix ? "" : "snug://", where, l->has_room ? "/" : "",
	    l->has_room ? l->room.shown : "", l->has_key ? key : "");
	MUST(link_parse(span_of(text), &again, cause) == 0);
	MUST(strcmp(again.server.host, l->server.host) == 0);
	MUST(again.server.is_unix == l->server.is_unix);
	MUST(again.server.port == l->server.port);
	MUST(again.has_room == l->has_room && again.has_key == l->has_key);
	MUST(strcmp(again.room.fold, l->room.fold) == 0);
	MUST(memcmp(again.key, l->key, sizeof(l->key)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct link l, untouched;
	char cause[ERR_LEN] = "";
	struct name name;

	memset(&l, 'x', sizeof(l));
	untouched = l;
	if (link_parse((struct span){(const char *)data, size}, &l, cause)) {
		MUST(cause[0] != '\0');
		MUST(text_check(cause, strlen(cause), NULL) == 0);
		MUST(memcmp(&l, &untouched, sizeof(l)) == 0);
		return 0;
	}
	MUST(memchr(l.server.host, 0, sizeof(l.server.host)));
	MUST(l.server.host[0] != '\0');
	MUST(l.server.is_unix || l.server.port > 0);
	MUST(!l.server.is_unix || (!l.has_key && !l.has_room));
	if (l.has_room)
		MUST(name_check(span_of(l.room.shown), false, &name) == 0);
	check_again(&l);
	return 0;
}
