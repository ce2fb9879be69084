/* SPDX-License-Identifier: ISC */
/*
 * The server's keys: where they are, and when they are made.
 *
 * The key is made at the first start, so that a server is safe to use without
 * having been set up.  The next one is never made by a start: a server that
 * announced a key which nobody has put aside would send its people astray.
 * What a key file is, proto/identity knows.
 */
#include "server/keys.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "proto/identity.h"
#include "server/config.h"
#include "server/server.h"

#define ROOTS_STATE "/var/lib/snug"
#define KEY_NAME "server.key"

/* --- where --------------------------------------------------------------- */

/* The state directory, or NULL if nothing says where it could be. */
static char *
state_folder(void)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");

	if (geteuid() == 0)
		return xstrdup(ROOTS_STATE);
	/* Relative ones are to be ignored, says the specification. */
	if (state && state[0] == '/')
		return xasprintf("%s/snug", state);
	if (home && home[0] == '/')
		return xasprintf("%s/.local/state/snug", home);
	return NULL;
}

/* Makes a folder, and those it is in; only we may look into new ones. */
static int
make_folders(char *path)
{
	for (char *p = path + 1;; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		int err = mkdir(path, 0700);
		*p = c;
		if (err != 0 && errno != EEXIST)
			return -1;
		if (c == '\0')
			return 0;
	}
}

/* Gives where the key is if nobody says so; its folder is there then. */
static char *
default_path(char cause[static ERR_LEN])
{
	char *folder = state_folder(), *path;

	if (!folder) {
		snprintf(cause, ERR_LEN,
		    "key-file: neither XDG_STATE_HOME nor HOME says where the "
		    "server's key could be; name a file by --key-file, or say "
		    "secure = off");
		return NULL;
	}
	if (make_folders(folder) != 0) {
		snprintf(cause, ERR_LEN,
		    "key-file: folder %.80s cannot be made: %.60s; name a "
		    "file by --key-file, or say secure = off",
		    folder, strerror(errno));
		free(folder);
		return NULL;
	}
	path = xasprintf("%s/%s", folder, KEY_NAME);
	free(folder);
	return path;
}

/* --- reading ---------------------------------------------------------------
 */

static struct identity *
read_key(const struct config *c, char cause[static ERR_LEN])
{
	char *path = c->key_file ? xstrdup(c->key_file) : default_path(cause);
	struct identity *id;
	bool made = false;

	if (!path)
		return NULL;
	id = identity_load_or_make(IDENTITY_SERVER, path, &made, cause);
	if (id && made)
		log_info("keys", 0, "a new key was made file=%s", path);
	free(path);
	return id;
}

static int
read_next_key(struct server *sv, char cause[static ERR_LEN])
{
	const char *path = sv->config->next_key_file;
	char why[ERR_LEN];

	if (!path)
		return 0;
	sv->next_identity = identity_load(IDENTITY_SERVER, path, why);
	if (!sv->next_identity) {
		snprintf(cause, ERR_LEN,
		    "next-key-file: %.140s; snugd --print-key --key-file makes "
		    "one; drop the option once it is in use",
		    why);
		return -1;
	}
	if (memcmp(identity_public(sv->next_identity),
		identity_public(sv->identity), IDENTITY_KEY_LEN) == 0) {
		snprintf(cause, ERR_LEN,
		    "next-key-file: %.140s holds the key that is in use; drop "
		    "the option",
		    path);
		return -1;
	}
	return 0;
}

int
keys_open(struct server *sv, char cause[static ERR_LEN])
{
	char key[IDENTITY_KEY_TEXT + 1], words[IDENTITY_WORDS_TEXT + 1];

	if (sv->config->secure == SECURE_OFF)
		return 0;
	sv->identity = read_key(sv->config, cause);
	if (!sv->identity || read_next_key(sv, cause) != 0)
		return -1;
	log_info("keys", 0, "key=%s words=\"%s\"",
	    identity_key_text(identity_public(sv->identity), key),
	    identity_words(identity_public(sv->identity), words));
	return 0;
}

void
keys_close(struct server *sv)
{
	identity_free(sv->identity);
	identity_free(sv->next_identity);
	sv->identity = sv->next_identity = NULL;
}

int
keys_print(const struct config *c, FILE *out, char cause[static ERR_LEN])
{
	char key[IDENTITY_KEY_TEXT + 1], words[IDENTITY_WORDS_TEXT + 1];
	struct identity *id = read_key(c, cause);

	if (!id)
		return -1;
	fprintf(out, "%s\n%s\n", identity_key_text(identity_public(id), key),
	    identity_words(identity_public(id), words));
	identity_free(id);
	return 0;
}
