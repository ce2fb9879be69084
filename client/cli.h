/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_CLI_H
#define SNUG_CLIENT_CLI_H

#include "client/config.h"
#include "client/where.h"

/* Exit statuses of the programs without a screen (sysexits' EX_TEMPFAIL). */
enum {
	CLI_ACCEPTED = 0,
	CLI_REFUSED = 1, /* also: this is not the server that was meant */
	CLI_USAGE = 2,
	CLI_AGAIN = 75,
};

/* `snug send ROOM [TEXT]`: the text, or each line of standard input. */
int cli_send(
    const struct config *c, const struct where *where, int argc, char **argv);

/* `snug tail ROOM...`: messages as they come, until it is interrupted. */
int cli_tail(
    const struct config *c, const struct where *where, int argc, char **argv);

#endif
