/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_JUDGE_H
#define SNUG_SERVER_JUDGE_H

#include "base/attr.h"
#include "server/rights.h"

struct answer;
struct room;
struct session;

/*
 * From a session to a verdict, and from a verdict to the words of an answer.
 * What is allowed is rights.c's; here stands who asks, and how it is told.
 */

/* room: one that is open here, or NULL.  Points into the session. */
struct rights_who judge_who(const struct session *s, const struct room *room);
/* May it, in a room that is open here? */
enum rights_answer judge(
    const struct session *s, const struct room *room, enum rights_path path);
/* The same of rights that were read for it; it is not in the room. */
enum rights_answer judge_by(const struct session *s,
    const struct rights *rights, enum rights_path path);

/* Answers with the refusal.  What is said of a room that does not exist for
 * somebody is what is said of one that does not exist. */
void judge_refuse(struct answer *a, enum rights_answer why, const char *room);
/* The relay could not be asked what somebody may: it is answered busy. */
void judge_unknown(struct answer *a, int relay_status, const char *room);

#endif
