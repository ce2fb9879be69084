/* SPDX-License-Identifier: ISC */
#ifndef SNUG_BASE_ATTR_H
#define SNUG_BASE_ATTR_H

/* Compiler attributes and the two macros every file wants. */
#define MUST_CHECK __attribute__((warn_unused_result))
#define NORETURN __attribute__((noreturn))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Room for a sentence that tells a person what went wrong. */
#define ERR_LEN 256

#endif
