/* SPDX-License-Identifier: ISC */
#ifndef SNUG_TESTS_BENCH_VEIL_H
#define SNUG_TESTS_BENCH_VEIL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A client's end of a secure session, for fanout, which has buffers of its own.
 * What is given lies in memory that the next call of any veil uses again.
 */
struct veil;

struct veil *veil_new(void);
void veil_free(struct veil *v);

/* SECURE and message 1, as the answer to this WELCOME. */
size_t veil_call(
    struct veil *v, const char *welcome, size_t len, const char **wire);
size_t veil_seal(struct veil *v, const char *p, size_t len, const char **wire);

/* Opens what is whole of it and keeps the rest.  False: it is no secure
 * session's. */
bool veil_open(struct veil *v, const char *p, size_t len, const char **plain,
    size_t *plain_len);
bool veil_is_ready(const struct veil *v);

#endif
