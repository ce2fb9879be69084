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
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "proto/identity.h"
#include "server/config.h"
#include "server/privilege.h"
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
	const char *given = getenv("STATE_DIRECTORY"); /* systemd.exec(5) */

	if (given && given[0] == '/')
		return xstrndup(given, strcspn(given, ":"));
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

/* --- whose -----------------------------------------------------------------
 */

/* Root's, and nobody else has it by another name: it becomes the user's. */
static int
give_away(int fd, const struct identity_owner *who)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -1;
	if (st.st_uid != 0 || (S_ISREG(st.st_mode) && st.st_nlink != 1))
		return 0;
	return fchown(fd, who->user, who->group);
}

static int
give_key_away(int folder, const struct identity_owner *who)
{
	int fd = openat(folder, KEY_NAME,
	    O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int err;

	if (fd < 0) /* a link is refused when it is read */
		return errno == ENOENT || errno == ELOOP ? 0 : -1;
	err = give_away(fd, who);
	close(fd);
	return err;
}

/* The state directory, and the key in it, where root has made them: the server
 * is to write there when it is root no more. */
static int
hand_over(const char *path, const struct identity_owner *who,
    char cause[static ERR_LEN])
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int err = fd < 0 ? -1 : give_key_away(fd, who);

	if (err == 0)
		err = give_away(fd, who);
	if (err != 0)
		snprintf(cause, ERR_LEN,
		    "the state directory %.80s cannot be handed to user %lu: "
		    "%.60s; chown it",
		    path, (unsigned long)who->user, strerror(errno));
	if (fd >= 0)
		close(fd);
	return err;
}

/* Gives where the key is if nobody says so; its folder is there then. */
static char *
default_path(const struct identity_owner *who, char cause[static ERR_LEN])
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
	path = who && hand_over(folder, who, cause) != 0
		   ? NULL
		   : xasprintf("%s/%s", folder, KEY_NAME);
	free(folder);
	return path;
}

/* --- reading ---------------------------------------------------------------
 */

/* Whom root is going to become; NULL: we stay who we are. */
static const struct identity_owner *
owner_of(const struct privilege_target *t, struct identity_owner *who)
{
	*who = (struct identity_owner){t->user, t->group};
	return t->is_other ? who : NULL;
}

static struct identity *
read_key(const struct config *c, char cause[static ERR_LEN])
{
	struct privilege_target target;
	struct identity_owner owner;
	struct identity *id = NULL;
	bool made = false;
	char *path;

	if (privilege_look(c->user, &target, cause) != 0)
		return NULL;
	const struct identity_owner *who = owner_of(&target, &owner);
	path = c->key_file ? xstrdup(c->key_file) : default_path(who, cause);
	if (path)
		id = identity_load_or_make_for(
		    IDENTITY_SERVER, path, who, &made, cause);
	if (id && made)
		log_info("keys", 0, "a new key was made file=%s", path);
	free(path);
	return id;
}

static int
read_next_key(struct server *sv, char cause[static ERR_LEN])
{
	const char *path = sv->config->next_key_file;
	struct privilege_target target;
	struct identity_owner owner;
	char why[ERR_LEN];

	if (!path)
		return 0;
	if (privilege_look(sv->config->user, &target, cause) != 0)
		return -1;
	sv->next_identity = identity_load_for(
	    IDENTITY_SERVER, path, owner_of(&target, &owner), why);
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
