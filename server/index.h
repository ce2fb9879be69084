/* SPDX-License-Identifier: ISC */
#ifndef SNUG_SERVER_INDEX_H
#define SNUG_SERVER_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"

/* Where an item keeps what it is found by, which does not change. */
typedef struct span (*index_key_fn)(const void *item);

/*
 * Finds items by a key that lies in them, one of each key.  For what there is
 * one of for each client: it costs an item 10 to 20 bytes, and a link in none.
 * Keys are hashed as all are here (table.h): nobody can choose names that
 * collide.  Held by value, as INDEX_BY(key); fields are index.c's, but n may be
 * read.
 */
struct index {
	index_key_fn key;
	void **items;        /* slots; NULL: free */
	unsigned char *tags; /* of each slot: a piece of the hash */
	uint32_t n, cap;
};
#define INDEX_BY(fn) ((struct index){.key = (fn)})

/* Forgets all items, which are the caller's. */
void index_fini(struct index *ix);

void *index_find(const struct index *ix, struct span key); /* NULL: none */
/* There is none of that key. */
void index_add(struct index *ix, void *item);
/* It is there. */
void index_drop(struct index *ix, const void *item);

/* One item after the other, in no order, until NULL; *at begins as 0.  Nothing
 * is added or dropped meanwhile. */
void *index_next(const struct index *ix, uint32_t *at);

#endif
