/* SPDX-License-Identifier: ISC */
/*
 * The protocol's machine words, from the lists in the header: each list becomes
 * one table, and the functions only look into it.
 */
#include "proto/codes.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

struct code {
	const char *word;
	const char *meaning;
};

#define CODE_ROW(id, word, meaning) [id] = {word, meaning},
static const struct code errors[] = {PROTO_ERRORS(CODE_ROW)};
static const struct code byes[] = {PROTO_BYES(CODE_ROW)};
static const struct code notices[] = {PROTO_NOTICES(CODE_ROW)};

static int
find(const struct code *codes, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(codes[i].word, word) == 0)
			return (int)i;
	return -1;
}

const char *
proto_error_word(enum proto_error e)
{
	assert(e < ERR_COUNT);
	return errors[e].word;
}

const char *
proto_error_meaning(enum proto_error e)
{
	assert(e < ERR_COUNT);
	return errors[e].meaning;
}

const char *
proto_bye_word(enum proto_bye b)
{
	assert(b < BYE_COUNT);
	return byes[b].word;
}

const char *
proto_bye_meaning(enum proto_bye b)
{
	assert(b < BYE_COUNT);
	return byes[b].meaning;
}

const char *
proto_notice_word(enum proto_notice n)
{
	assert(n < NOTICE_COUNT);
	return notices[n].word;
}

const char *
proto_notice_meaning(enum proto_notice n)
{
	assert(n < NOTICE_COUNT);
	return notices[n].meaning;
}

int
proto_error_find(const char *word)
{
	return find(errors, ARRAY_LEN(errors), word);
}

int
proto_bye_find(const char *word)
{
	return find(byes, ARRAY_LEN(byes), word);
}
