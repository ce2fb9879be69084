/* SPDX-License-Identifier: ISC */
#ifndef SNUG_PROTO_CODES_H
#define SNUG_PROTO_CODES_H

#include "base/attr.h"

/*
 * The machine words of protocol section 5, said once.  A test compares each
 * list with snug(7).   X(identifier, word, what it means to a person)
 */
/* clang-format off */
#define PROTO_ERRORS(X)                                                        \
	X(ERR_BAD_FRAME, "bad-frame", "the length prefix and the line disagree") \
	X(ERR_TOO_LONG, "too-long", "the line or its text is above the limit") \
	X(ERR_BAD_TEXT, "bad-text", "not UTF-8, or a control character")       \
	X(ERR_BAD_NAME, "bad-name", "not a name for a room or a person")       \
	X(ERR_BAD_ARGS, "bad-args", "a parameter is missing or malformed")     \
	X(ERR_UNKNOWN_COMMAND, "unknown-command", "no such command")           \
	X(ERR_SECURE_REQUIRED, "secure-required", "plaintext is not allowed here") \
	X(ERR_NOT_SECURE, "not-secure", "only over a secure session")          \
	X(ERR_NO_KEY, "no-key", "no key was proven")                           \
	X(ERR_LOGIN_FAILED, "login-failed", "nick or password is wrong")       \
	X(ERR_NICK_IN_USE, "nick-in-use", "someone else has the nick")         \
	X(ERR_NICK_REGISTERED, "nick-registered", "the nick belongs to an account") \
	X(ERR_NO_SUCH_NICK, "no-such-nick", "nobody of that name is here")     \
	X(ERR_NO_SUCH_ROOM, "no-such-room", "there is no such room")           \
	X(ERR_NO_SUCH_MESSAGE, "no-such-message", "there is no such message")  \
	X(ERR_NOT_MEMBER, "not-member", "join the room first")                 \
	X(ERR_NOT_ALLOWED, "not-allowed", "that takes a right you do not have") \
	X(ERR_NOT_YOURS, "not-yours", "somebody else's message")               \
	X(ERR_BAD_KEY, "bad-key", "the room has another key")                  \
	X(ERR_BANNED, "banned", "you are banned")                              \
	X(ERR_MUTED, "muted", "you are muted")                                 \
	X(ERR_SLOW_DOWN, "slow-down", "too much in too short a time")          \
	X(ERR_LIMIT, "limit", "a limit is reached")                            \
	X(ERR_BUSY, "busy", "the server has too much to do; try again")        \
	X(ERR_RELAY_DOWN, "relay-down", "the relay is away; certainly not accepted") \
	X(ERR_OUTCOME_UNKNOWN, "outcome-unknown", "may or may not have been accepted; ask again with the same cid") \
	X(ERR_STORAGE_FULL, "storage-full", "the relay has no room left")

#define PROTO_BYES(X)                                                          \
	X(BYE_QUIT, "quit", "you asked for it")                                \
	X(BYE_SLOW_READER, "slow-reader", "you read slower than people write") \
	X(BYE_PING_TIMEOUT, "ping-timeout", "nothing was heard from you")      \
	X(BYE_BAD_FRAME, "bad-frame", "the bytes are not this protocol")       \
	X(BYE_TOO_LONG, "too-long", "a line was above the limit")              \
	X(BYE_SHUTDOWN, "shutdown", "the server is going down")                \
	X(BYE_REPLACED, "replaced", "another session took over")               \
	X(BYE_BANNED, "banned", "you are banned")                              \
	X(BYE_KILLED, "killed", "an operator ended the session")               \
	X(BYE_LIMIT, "limit", "a limit is reached")

#define PROTO_NOTICES(X)                                                       \
	X(NOTICE_RELAY_DOWN, "relay-down", "the relay is away; nothing is accepted") \
	X(NOTICE_RELAY_UP, "relay-up", "the relay is back and caught up")      \
	X(NOTICE_GAP, "gap", "messages of a room are lost or out of reach")    \
	X(NOTICE_PRESENCE, "presence", "a room's comings and goings are shown or not") \
	X(NOTICE_PARTED, "parted", "so many have left a room at once")             \
	X(NOTICE_NEXT_KEY, "next-key", "the key that the server will have")     \
	X(NOTICE_RIGHTS, "rights", "what a room allows has changed")           \
	X(NOTICE_INVITED, "invited", "somebody lets you into a room")          \
	X(NOTICE_KEY, "key", "a key that proves your account")                 \
	X(NOTICE_HELP, "help", "a line of help")                               \
	X(NOTICE_ANNOUNCE, "announce", "an operator tells everybody")          \
	X(NOTICE_STATS, "stats", "a counter, for operators")                   \
	X(NOTICE_MOTD, "motd", "a line of the operator's greeting")

/* clang-format on */
#define PROTO_ENUM(id, word, meaning) id,
enum proto_error { PROTO_ERRORS(PROTO_ENUM) ERR_COUNT };
enum proto_bye { PROTO_BYES(PROTO_ENUM) BYE_COUNT };
enum proto_notice { PROTO_NOTICES(PROTO_ENUM) NOTICE_COUNT };
#undef PROTO_ENUM

const char *proto_error_word(enum proto_error e);
const char *proto_error_meaning(enum proto_error e);
const char *proto_bye_word(enum proto_bye b);
const char *proto_bye_meaning(enum proto_bye b);
const char *proto_notice_word(enum proto_notice n);
const char *proto_notice_meaning(enum proto_notice n);

/* The code of a word, or -1. */
int proto_error_find(const char *word);
int proto_bye_find(const char *word);

#endif
