/* SPDX-License-Identifier: ISC */
/*
 * The way to a server, decided before the first byte.
 *
 *	a pin, a key in the link, --secure      secure
 *	--plaintext                             plain; refused beside any of
 *those this machine, a Unix socket             plain anywhere else secure
 *
 * Nothing that happens later changes it: whoever can break a secure session
 * must not get a plain one for it.
 */
#include "client/where.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/file.h"
#include "client/trust.h"
#include "proto/identity.h"

/* Why it has to be secure; NULL: it need not. */
static const char *
why_secure(const struct config *c, const struct link *link, bool pinned)
{
	if (link->has_key)
		return "the link brings the server's key";
	if (pinned)
		return "this server's key is known (--forget drops it)";
	if (c->secure)
		return "--secure asks for the contrary";
	return NULL;
}

int
where_find(struct where *w, const struct config *c, const struct link *link,
    char cause[static ERR_LEN])
{
	struct trust_pin pin;
	*w = (struct where){.link = *link, .pins = trust_path()};
	int pinned =
	    w->pins ? trust_find(w->pins, &link->server, &pin, cause) : 0;
	if (pinned < 0)
		return -1;
	const char *why = why_secure(c, link, pinned > 0);
	if (why && c->plaintext) {
		snprintf(cause, ERR_LEN, "--plaintext is refused: %s", why);
		return -1;
	}
	w->way = why                            ? NET_SECURE
		 : c->plaintext                 ? NET_PLAIN
		 : addr_is_local(&link->server) ? NET_LOCAL
						: NET_SECURE;
	return 0;
}

/* Beside the pins: $XDG_DATA_HOME/snug/identity. */
void
where_identify(struct where *w)
{
	if (!w->pins) {
		snprintf(w->trouble, sizeof(w->trouble), "$HOME is not set");
		return;
	}
	char *folder = xstrdup(w->pins);
	*strrchr(folder, '/') = '\0';
	char *path = xasprintf("%s/identity", folder);
	int fd = file_open_folder(folder, w->trouble);
	if (fd >= 0) {
		close(fd);
		w->identity = identity_load_or_make(
		    IDENTITY_USER, path, NULL, w->trouble);
		if (w->identity)
			w->trouble[0] = '\0';
	}
	free(path);
	free(folder);
}

void
where_fini(struct where *w)
{
	free(w->pins);
	identity_free(w->identity);
	*w = (struct where){0};
}

struct chat_options
where_options(const struct where *w, const struct config *c)
{
	return (struct chat_options){
	    .server = w->link.server,
	    .way = w->way,
	    .pins = w->pins,
	    .link = w->link.has_key ? w->link.key : NULL,
	    .accept_new = c->accept_new,
	    .guest = c->guest,
	    .identity = w->identity,
	    .nick = c->nick,
	};
}
