/* SPDX-License-Identifier: ISC */
#ifndef SNUG_TESTS_UNIT_RIG_H
#define SNUG_TESTS_UNIT_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/names.h"
#include "server/config.h"
#include "server/server.h"
#include "server/user.h"

/*
 * A node without its listener: sessions over socket pairs, the loop turned by
 * hand, the relay in memory behind relay_held.h.  What the server says is
 * compared line by line, and every line's length is checked on the way.
 */
enum { RIG_CLIENTS = 12, RIG_WALL = 5000 };

struct channel;
struct rig;

struct client {
	struct rig *rig;
	int fd;      /* -1: hung up */
	bool deaf;   /* does not read */
	bool closed; /* the server hung up */
	struct session *session;
	char nick[NAME_BYTES_MAX + 1];  /* as a guest */
	char token[USER_TOKEN_LEN + 1]; /* of its WELCOME; shown as "token" */
	struct channel *channel;        /* secure from SECURE on; or NULL */
	int channel_err;                /* of the channel, once it failed */
	struct buf cipher;
	struct buf got;
	struct buf lines; /* of the last rig_lines(), terminated */
};

struct rig {
	struct server server;
	struct config config;
	struct relay *relay;
	struct event *relay_run, *flush;
	/* rig_connect() makes sessions secure: so the tests of plain ones,
	 * built with RIG_SECURE, are tests of these as well.  What is only so
	 * of plain ones unsets it. */
	bool all_secure;
	unsigned long wakes;
	uint64_t wall_ms; /* ids: RIG_WALL-0, RIG_WALL-1, ... */
	struct client clients[RIG_CLIENTS];
	size_t n;
};

/* options: of snugd, separated by spaces; the flood is off, and so are secure
 * sessions but with RIG_SECURE, unless it says otherwise; the node is called
 * den. */
struct rig *rig_new(const char *options);
/* Ends every session, gives all that is owed, and checks that nothing and
 * nobody is left. */
void rig_free(struct rig *r);
/* Another relay, in place of one that the test has freed. */
void rig_renew_relay(struct rig *r);

/* From loopback, its WELCOME taken. */
struct client *rig_connect(struct rig *r);
/* The same, WELCOME still to be read. */
struct client *rig_connect_from(struct rig *r, bool local);
/* Says SECURE and message 1, in pieces of `cut` bytes; what it was told in the
 * clear has not been read yet.  From here on its lines are sealed. */
#define RIG_WHOLE SIZE_MAX
void rig_call(struct client *c, size_t cut);
/* The same without the line: that was sent, spelled in another way. */
void rig_call_behind(struct client *c);
/* The same on a new connection, WELCOME taken. */
struct client *rig_connect_secure(struct rig *r, bool local);
/* A guest that took this nick, and is asked no more. */
struct client *rig_person(struct rig *r, const char *nick);
/* The same, and an account: the relay knows of it that the nick is its own. */
struct client *rig_account(struct rig *r, const char *nick);

/* Turns the loop until nobody has anything left to do at once. */
void rig_settle(struct rig *r);
/* Blocks in the loop until the client has got something new, or is closed. */
void rig_wait(struct client *c);

/* Bytes as they are, or sealed. */
void rig_send(struct client *c, const char *bytes);
/* Past the channel. */
void rig_send_raw(struct client *c, const char *p, size_t len);
void rig_send_bytes(struct client *c, const char *p, size_t len);
void rig_half_close(struct client *c);
void rig_hang_up(struct client *c);
/* Its place may be another's: it has hung up, and was the last one to come. */
void rig_forget(struct client *c);

/* All lines since the last time, without lengths, each with an LF; nicks of
 * guests are shown as "guest".  Good until the next call. */
const char *rig_lines(struct client *c);

#define EXPECT(c, text) \
	_assert_string_equal(rig_lines(c), (text), __FILE__, __LINE__)
/* Sends a line, and what comes back is exactly this. */
#define ASK(c, line, text) (rig_send((c), line "\n"), EXPECT((c), (text)))

#endif
