/* SPDX-License-Identifier: ISC */
/*
 * Questions: a line of input that is an answer, not a message.
 *
 * Passwords are typed here, so it is kept apart from edit.c, whose undo and
 * kill buffers remember, and from the history.  The app shows it and gives it
 * the keys.
 */
#include "client/ask.h"

#include <limits.h>
#include <string.h>
#include <wchar.h>

#include "client/keymap.h"

void
ask_begin(struct ask_line *a, const char *label, bool hidden)
{
	ask_end(a);
	a->label = label;
	a->hidden = hidden;
}

void
ask_end(struct ask_line *a)
{
	explicit_bzero(a->text, sizeof(a->text));
	a->len = 0;
	a->label = NULL;
}

/* All of it or nothing: half a password is another one. */
static void
add(struct ask_line *a, struct span s)
{
	if (s.len > ASK_ANSWER_MAX - a->len || text_check(s.p, s.len, NULL) < 0)
		return;
	memcpy(a->text + a->len, s.p, s.len);
	a->len += s.len;
}

static void
type(struct ask_line *a, uint32_t key)
{
	char u[MB_LEN_MAX];
	mbstate_t state = {0};
	if (key < 0x20 || key > 0x10ffff)
		return;
	size_t n = wcrtomb(u, (wchar_t)key, &state);
	if (n != (size_t)-1)
		add(a, (struct span){u, n});
	explicit_bzero(u, sizeof(u));
}

static void
cut(struct ask_line *a, size_t len)
{
	explicit_bzero(a->text + len, a->len - len);
	a->len = len;
}

static void
backspace(struct ask_line *a)
{
	size_t len = a->len;
	while (len > 0 && ((unsigned char)a->text[len - 1] & 0xc0) == 0x80)
		len--;
	cut(a, len > 0 ? len - 1 : 0);
}

enum ask_step
ask_key(struct ask_line *a, uint32_t key)
{
	switch (key) {
	case '\r':
	case '\n':
	case K_ENTER:
		return ASK_ANSWERED;
	case K_CTRL('c'):
	case K_CTRL('d'):
	case K_ESC:
		return ASK_CANCELLED;
	case K_CTRL('h'):
	case K_BACKSPACE:
		backspace(a);
		break;
	case K_CTRL('u'):
		cut(a, 0);
		break;
	default:
		type(a, key);
		break;
	}
	return ASK_MORE;
}

void
ask_paste(struct ask_line *a, struct span text)
{
	while (text.len > 0 && text.p[text.len - 1] == '\n')
		text.len--;
	if (text.len > 0 && !memchr(text.p, '\n', text.len))
		add(a, text);
}
