/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_TERM_H
#define SNUG_CLIENT_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"

/*
 * The terminal: entered, read, and given back as it was on every way out,
 * exit(), signals and crashes included.  There is one.
 */

/* Sets the locale: the user's, or C.UTF-8 where that is no UTF-8.  Returns 0,
 * or -1 with cause.  For all of snug, send and tail too. */
int term_locale(char cause[static ERR_LEN]) MUST_CHECK;

/* Whether there is a terminal that can be used; -1 with cause and the mend. */
int term_check(char cause[static ERR_LEN]) MUST_CHECK;

/* Takes the terminal.  Returns 0, or -1 with cause. */
int term_enter(bool colour, char cause[static ERR_LEN]) MUST_CHECK;
void term_leave(void); /* twice is fine */

/* Gives the terminal back, stops, and takes it again when continued. */
void term_suspend(void);

/* The next key (keymap.h) that is there already; false if none is.  K_ALT is
 * set where Esc came right before it. */
bool term_read(uint32_t *key);
/* What K_PASTE brought; borrowed until the next term_read(). */
struct span term_pasted(void);
/* It was a secret: nothing is left of it. */
void term_forget_pasted(void);
/* Has the other side of the terminal gone? */
bool term_is_gone(void);

/* After SIGWINCH: takes the new size over. */
void term_resized(void);
void term_size(int *rows, int *cols);

void term_flush(void);  /* what was drawn appears */
void term_redraw(void); /* all of it, anew */
void term_bell(void);

#endif
