/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_ASK_H
#define SNUG_CLIENT_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"

/*
 * A question in place of the input: one line, perhaps one that nobody may see.
 * It is no message: it has no history, no undo and no completion, and its bytes
 * are wiped when it is over.  Held by value; all zero is no question.
 */
enum { ASK_ANSWER_MAX = 256 };

enum ask_step { ASK_MORE, ASK_ANSWERED, ASK_CANCELLED };

struct ask_line {
	const char *label; /* NULL: nothing is asked; borrowed meanwhile */
	bool hidden;
	char text[ASK_ANSWER_MAX + 1];
	size_t len;
};

void ask_begin(struct ask_line *a, const char *label, bool hidden);
void ask_end(struct ask_line *a);

static inline bool
ask_is_open(const struct ask_line *a)
{
	return a->label != NULL;
}

/* The key is the question's.  After ASK_ANSWERED and ASK_CANCELLED the text is
 * there until ask_end(). */
enum ask_step ask_key(struct ask_line *a, uint32_t key);
/* What was pasted, as far as it is of one line and has room. */
void ask_paste(struct ask_line *a, struct span text);

#endif
