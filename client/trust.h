/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_TRUST_H
#define SNUG_CLIENT_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/text.h"

/*
 * Which key a server had when it was last seen: the pins, and what to make of
 * a key in their light.
 */
enum {
	TRUST_KEY_LEN = 32,
	TRUST_HOST_MAX = 340,      /* a socket's path, every byte as %XX */
	TRUST_PINS_MAX = 10000,    /* more are no file of ours */
	TRUST_FILE_MAX = 10 << 20, /* bytes; more is not read */
};

struct trust_pin {
	char host[TRUST_HOST_MAX + 1]; /* as trust_host() writes it */
	uint8_t key[TRUST_KEY_LEN];
	bool has_next; /* the server has announced its next key */
	uint8_t next[TRUST_KEY_LEN];
	uint32_t first_seen, last_seen; /* days since 1970 */
};

/* `host:port`, `[v6]:port` or `unix:/path`: one spelling for each server, in
 * visible ASCII.  Writes at most TRUST_HOST_MAX bytes and the NUL. */
void trust_host(const struct addr *server, char out[static TRUST_HOST_MAX + 1]);

/* --- what a file says ---------------------------------------------------- */

/* All zero is an empty one. */
struct trust_list {
	struct trust_pin *pins; /* owned, in the file's order */
	size_t n, cap;
};

/*
 * Takes any bytes.  Returns 0; or the number of the first line that is no pin,
 * and in why what is wrong with it: the list is then for trust_list_fini()
 * alone, since half of the pins are as bad as none.
 */
size_t trust_list_read(
    struct trust_list *list, struct span bytes, const char **why) MUST_CHECK;
void trust_list_write(const struct trust_list *list, struct buf *out);
void trust_list_fini(struct trust_list *list);

/* --- the file ------------------------------------------------------------ */

/*
 * Each call reads the file as it is now, and changes it under a lock, so that
 * no pin is lost where two snugs run.  A file that cannot be read to its end is
 * neither used nor written: -1, and in cause its name, the line and the mend.
 */

/* $XDG_DATA_HOME/snug/known_servers, for free(); NULL where there is no
 * home. */
char *trust_path(void) MUST_CHECK;

/* 1: *pin is the server's; 0: it has none; -1. */
int trust_find(const char *path, const struct addr *server,
    struct trust_pin *pin, char cause[static ERR_LEN]) MUST_CHECK;

/* 1: it is forgotten; 0: there was none; -1. */
int trust_forget(const char *path, const struct addr *server,
    char cause[static ERR_LEN]) MUST_CHECK;

/* Pins the key that the server, seen under `key`, announced as its next one.
 * 1: that is new; 0: it was there, or `key` is not pinned; -1. */
int trust_next(const char *path, const struct addr *server,
    const uint8_t key[static TRUST_KEY_LEN],
    const uint8_t next[static TRUST_KEY_LEN],
    char cause[static ERR_LEN]) MUST_CHECK;

enum trust_verdict {
	TRUST_GOOD,    /* pinned */
	TRUST_ROTATED, /* announced under the old key; that one is dropped */
	TRUST_ADDED,   /* first seen, as the user wanted: pinned from now on */
	TRUST_STRANGE, /* first seen: the user has to be asked */
	TRUST_CHANGED, /* another one is pinned */
	TRUST_FOREIGN, /* another one stands in the link */
	TRUST_TROUBLE, /* the pins cannot be read, or the new one not kept */
};

struct trust_meeting {
	const char *path; /* of the file; NULL: there is no home */
	const struct addr *server;
	const uint8_t *link; /* the key of a link that was followed, or NULL */
	bool accept_new;     /* whatever is first seen is good */
	uint64_t now_ms;     /* wall clock */
};

/*
 * A server has proved that it has this key: is it the right one?
 *
 *   known  given: the other key, after CHANGED and FOREIGN
 *   cause  given: a sentence after TROUBLE
 *
 * Only after GOOD, ROTATED and ADDED may anything be said to the server.
 */
enum trust_verdict trust_meet(const struct trust_meeting *m,
    const uint8_t key[static TRUST_KEY_LEN],
    uint8_t known[static TRUST_KEY_LEN], char cause[static ERR_LEN]) MUST_CHECK;

#endif
