/* SPDX-License-Identifier: ISC */
#ifndef SNUG_BASE_MEM_H
#define SNUG_BASE_MEM_H

#include <stddef.h>

#include "base/attr.h"

/*
 * Memory or the end of the program: each gives memory for free(), or prints
 * "out of memory" on standard error and aborts.  Sizes a peer can choose are
 * bounded by the caller before they come here.
 */
void *xmalloc(size_t size) MUST_CHECK;
void *xcalloc(size_t n, size_t size) MUST_CHECK; /* zeroed; overflow aborts */
void *xrealloc(void *p, size_t size) MUST_CHECK;
void *xreallocarray(void *p, size_t n, size_t size) MUST_CHECK;
char *xstrdup(const char *s) MUST_CHECK;
char *xstrndup(const char *s, size_t len) MUST_CHECK;
char *xasprintf(const char *fmt, ...) MUST_CHECK PRINTF_LIKE(1, 2);

#endif
