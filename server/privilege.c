/* SPDX-License-Identifier: ISC */
/*
 * Root is for binding ports and nothing else: the server becomes a user with no
 * rights but to its own files, before it reads the first byte of anybody.
 */
#include "server/privilege.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char usual[] = "snug";

static int
become(const struct passwd *pw, char cause[static ERR_LEN])
{
	const char *step = "its groups";
	bool done = initgroups(pw->pw_name, pw->pw_gid) == 0;

	if (done) {
		step = "its group";
		done = setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == 0;
	}
	if (done) {
		step = "its id";
		done = setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == 0;
	}
	/* There must be no way back. */
	if (done && pw->pw_uid != 0 && setuid(0) == 0) {
		step = "giving up root";
		done = false;
		errno = EPERM;
	}
	if (done)
		return 0;
	snprintf(cause, ERR_LEN, "user %.60s: cannot take %s: %s", pw->pw_name,
	    step, strerror(errno));
	return -1;
}

static int
not_root(const char *user, char cause[static ERR_LEN])
{
	const struct passwd *pw = user ? getpwnam(user) : NULL;

	if (!user || (pw && pw->pw_uid == geteuid()))
		return 0;
	snprintf(cause, ERR_LEN,
	    "user %.60s: only root can become another user; start snugd as "
	    "root, or as that user and without this option",
	    user);
	return -1;
}

/* The entry of whom root is to become; NULL with errno 0: nobody is. */
static const struct passwd *
whom(const char *user, char cause[static ERR_LEN])
{
	const struct passwd *pw = getpwnam(user ? user : usual);

	errno = 0;
	if (pw || !user)
		return pw;
	snprintf(cause, ERR_LEN,
	    "user %.60s: there is none; make one (useradd --system "
	    "%.60s) or name another",
	    user, user);
	errno = ENOENT;
	return NULL;
}

int
privilege_look(
    const char *user, struct privilege_target *who, char cause[static ERR_LEN])
{
	const struct passwd *pw;

	*who = (struct privilege_target){0};
	if (geteuid() != 0)
		return not_root(user, cause);
	pw = whom(user, cause);
	if (!pw)
		return errno == 0 ? 0 : -1;
	*who =
	    (struct privilege_target){pw->pw_uid != 0, pw->pw_uid, pw->pw_gid};
	return 0;
}

int
privilege_drop(const char *user, char cause[static ERR_LEN])
{
	const struct passwd *pw;

	if (geteuid() != 0)
		return not_root(user, cause);
	pw = whom(user, cause);
	if (pw)
		return become(pw, cause);
	if (errno != 0)
		return -1;
	snprintf(cause, ERR_LEN,
	    "running as root; make a user for it (useradd --system snug) or "
	    "name one by user = NAME");
	return 1;
}
