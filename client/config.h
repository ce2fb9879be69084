/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_CONFIG_H
#define SNUG_CLIENT_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/conf.h"
#include "base/names.h"

/* What the user may set, on the command line and in snug.conf. */
struct config {
	bool help, version, no_config, print_config;
	char *config, *print_tables;
	char *nick, *server;
	struct conf_list rooms;
	int64_t last, timeout;
	int borders; /* enum borders */
	bool colour, bell;
	bool secure, plaintext, accept_new, guest;
	char *forget;
	bool json; /* tail */
	int64_t n; /* tail */
};

extern const struct conf_table config_table;

/*
 * Reads the file, then the command line over it.  Returns the index of the
 * first argument that is no option, or -1 with cause.  *c is for config_free()
 * either way.
 */
int config_read(struct config *c, int argc, char **argv,
    char cause[static ERR_LEN]) MUST_CHECK;
void config_free(struct config *c);

/* A room or (with its @) a nick, as people write them. */
int config_name(const char *text, char sigil, struct name *out,
    char cause[static ERR_LEN]) MUST_CHECK;

#endif
