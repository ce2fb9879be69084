/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_SAYING_H
#define SNUG_SERVER_SAYING_H

#include "server/relay.h"
#include "server/rights.h"

struct answer;
struct room;

/*
 * Appends to a room's log what a session says there, if it may, and answers:
 * OK with the id, or why not.  Judged by the rights that the relay confirms;
 * where they have changed meanwhile, judged again.
 *
 *   path  RIGHTS_WRITE or RIGHTS_TOPIC
 *   room  one that is open here
 *   m     borrowed; its sender and nick are filled in
 */
void saying_start(struct answer *a, struct room *room, enum rights_path path,
    const struct relay_msg *m);

#endif
