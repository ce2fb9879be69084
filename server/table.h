/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_TABLE_H
#define SNUG_SERVER_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/*
 * Include this instead of <uthash.h>: peers choose the names that end up in our
 * tables, so they are hashed by SipHash-2-4 under a random key of this process;
 * nobody can choose names that collide.
 */

/* Draws the key; main calls it once.  Without it the first look-up does. */
void table_init(void);
unsigned table_hash(const void *key, size_t len);
/* All of its bits.  Processes that are forked behind table_init() agree. */
uint64_t table_hash64(const void *key, size_t len);

#define HASH_FUNCTION(key, len, hash) ((hash) = table_hash((key), (len)))
#define uthash_malloc(size) xmalloc(size)
#include <uthash.h>

#endif
