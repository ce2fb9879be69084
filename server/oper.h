/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_OPER_H
#define SNUG_SERVER_OPER_H

struct denies;
struct relay_order;
struct server;

/* News of the relay: an operator, here or on another node, has ordered it. */
void oper_on_order(void *server, const struct relay_order *o);
/* These ranges are closed out; sessions from there end. */
void oper_on_denies(void *server, const struct denies *all);

#endif
