/* SPDX-License-Identifier: ISC */
/*
 * What keys do: the actions of keymap.c's table, what is typed and pasted, and
 * the way through the messages.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "client/app_impl.h"
#include "client/command.h"
#include "client/keymap.h"
#include "client/term.h"

enum { AGAIN_MS = 3000 /* two keys that belong together */ };

/* --- through the messages ------------------------------------------------ */

static bool
scroll(struct app *a, long rows)
{
	a->model.dirty |= DIRTY_PANE;
	return buffer_scroll(&model_current(&a->model)->buffer,
	    view_shape(&a->view), view_height(&a->view), rows);
}

static long
page(const struct app *a)
{
	long rows = (long)view_height(&a->view) - 2;
	return rows < 1 ? 1 : rows;
}

static void
page_up(struct app *a)
{
	struct window *w = model_current(&a->model);
	if (scroll(a, page(a)))
		return;
	if (w->at_origin) {
		app_hint(a, false, "this is where the server's history begins");
		return;
	}
	chat_older(a->chat, w);
	if (w->asking)
		a->older = w;
}

void
app_show_older(struct app *a)
{
	struct window *w = a->older;
	if (!w || w != model_current(&a->model) || w->asking)
		return;
	a->older = NULL;
	scroll(a, page(a));
}

static void
redraw(void *arg)
{
	struct app *a = arg;
	term_redraw();
	a->model.dirty |= DIRTY_ALL;
}

static const struct command_ops command_ops = {
    .quit = app_quit, .redraw = redraw, .ask = app_ask_secret};

/* --- what keys do -------------------------------------------------------- */

static void
do_edit(struct app *a, int arg)
{
	edit_do(&a->edit, (enum edit_op)arg);
}

/* The text goes from the input first: the command may change the window. */
static void
do_send(struct app *a, int arg)
{
	char cause[ERR_LEN] = "";
	struct command_env env = {&a->model, a->chat, &command_ops, a};
	(void)arg;
	if (net_get_state(chat_net(a->chat)) == NET_WAITING)
		net_connect(chat_net(a->chat));
	if (a->edit.len == 0)
		return;
	char *line = xstrdup(a->edit.text);
	edit_reset(&a->edit);
	if (command_line(&env, span_of(line), cause) < 0) {
		edit_set(&a->edit, span_of(line));
		if (cause[0])
			app_hint(a, true, cause);
	} else {
		history_add(&a->history, line);
	}
	free(line);
	app_sync_window(a);
}

static void
do_newline(struct app *a, int arg)
{
	(void)arg;
	edit_insert(&a->edit, SPAN("\n"));
}

static void
hint_candidates(struct app *a)
{
	const struct complete *c = &a->complete;
	struct buf text = {0};
	for (size_t i = 0; i < c->n && i < 40; i++) {
		size_t len = strcspn(c->items[i], ": ");
		buf_addf(&text, i == c->at ? "[%.*s] " : "%.*s ", (int)len,
		    c->items[i]);
	}
	buf_add(&text, "", 1);
	app_hint(a, false, buf_head(&text));
	buf_free(&text);
}

static void
do_complete(struct app *a, int arg)
{
	if (!complete_step(&a->complete, &a->model, &a->edit, arg == 1))
		app_hint(a, false, "nothing to complete");
	else if (a->complete.n > 1)
		hint_candidates(a);
}

static void
show_history(struct app *a, const char *text)
{
	if (text)
		edit_set(&a->edit, span_of(text));
}

static void
do_up(struct app *a, int arg)
{
	(void)arg;
	if (!edit_do(&a->edit, EDIT_UP))
		show_history(a, history_up(&a->history, a->edit.text));
}

static void
do_down(struct app *a, int arg)
{
	(void)arg;
	if (!edit_do(&a->edit, EDIT_DOWN))
		show_history(a, history_down(&a->history));
}

static void
do_page(struct app *a, int arg)
{
	if (arg > 0)
		page_up(a);
	else
		scroll(a, -page(a));
}

static void
do_oldest(struct app *a, int arg)
{
	(void)arg;
	buffer_to_top(&model_current(&a->model)->buffer, view_shape(&a->view),
	    view_height(&a->view));
	a->model.dirty |= DIRTY_PANE;
}

static void
do_newest(struct app *a, int arg)
{
	(void)arg;
	buffer_to_bottom(&model_current(&a->model)->buffer);
	a->model.dirty |= DIRTY_PANE;
}

static void
do_unread(struct app *a, int arg)
{
	struct buffer *b = &model_current(&a->model)->buffer;
	(void)arg;
	if (b->rule)
		buffer_to_entry(
		    b, view_shape(&a->view), view_height(&a->view), b->rule);
	else
		app_hint(a, false, "nothing is unread here");
	a->model.dirty |= DIRTY_PANE;
}

static void
do_window(struct app *a, int arg)
{
	app_go_to(a, (size_t)arg);
}

static void
do_step(struct app *a, int arg)
{
	size_t n = a->model.n;
	app_go_to(a, (a->model.current + n + (arg > 0 ? 1 : n - 1)) % n);
}

static void
do_last(struct app *a, int arg)
{
	(void)arg;
	app_go_to(a, a->model.previous);
}

static void
do_activity(struct app *a, int arg)
{
	(void)arg;
	app_go_to(a, model_next_activity(&a->model));
}

static void
toggle(struct app *a, enum overlay what)
{
	a->screen.overlay = a->screen.overlay == what ? OVERLAY_NONE : what;
	a->model.dirty |= DIRTY_PANE;
}

static void
do_rooms(struct app *a, int arg)
{
	(void)arg;
	toggle(a, OVERLAY_ROOMS);
}

static void
do_members(struct app *a, int arg)
{
	(void)arg;
	toggle(a, OVERLAY_MEMBERS);
}

static void
do_cancel(struct app *a, int arg)
{
	uint64_t now = clock_now_ms();
	(void)arg;
	if (a->edit.len > 0) {
		edit_set(&a->edit, SPAN_NONE); /* Ctrl-_ brings it back */
		return;
	}
	if (now - a->cancel_ms < AGAIN_MS) {
		app_quit(a, SPAN_NONE);
		return;
	}
	a->cancel_ms = now;
	app_hint(a, false, "Ctrl-c again to quit");
}

static void
do_close(struct app *a, int arg)
{
	(void)arg;
	a->escape_ms = clock_now_ms();
	a->screen.overlay = OVERLAY_NONE;
	a->model.dirty |= DIRTY_PANE;
}

static void
do_eof(struct app *a, int arg)
{
	(void)arg;
	if (a->edit.len > 0)
		edit_do(&a->edit, EDIT_DELETE);
	else
		app_hint(a, false, "/quit, or Ctrl-c twice, ends snug");
}

static void
do_redraw(struct app *a, int arg)
{
	(void)arg;
	redraw(a);
}

void
app_suspend(struct app *a, int arg)
{
	(void)arg;
	term_suspend();
	app_resized(a);
}

static void (*const actions[ACTION_COUNT])(struct app *, int) = {
    [ACTION_EDIT] = do_edit,
    [ACTION_SEND] = do_send,
    [ACTION_NEWLINE] = do_newline,
    [ACTION_COMPLETE] = do_complete,
    [ACTION_UP] = do_up,
    [ACTION_DOWN] = do_down,
    [ACTION_PAGE] = do_page,
    [ACTION_OLDEST] = do_oldest,
    [ACTION_NEWEST] = do_newest,
    [ACTION_UNREAD] = do_unread,
    [ACTION_WINDOW] = do_window,
    [ACTION_STEP] = do_step,
    [ACTION_LAST] = do_last,
    [ACTION_ACTIVITY] = do_activity,
    [ACTION_ROOMS] = do_rooms,
    [ACTION_MEMBERS] = do_members,
    [ACTION_CANCEL] = do_cancel,
    [ACTION_CLOSE] = do_close,
    [ACTION_EOF] = do_eof,
    [ACTION_REDRAW] = do_redraw,
    [ACTION_SUSPEND] = app_suspend,
};

/* --- pasting ------------------------------------------------------------- */

static size_t
count_breaks(struct span s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++)
		n += s.p[i] == '\n';
	return n;
}

/* One line goes in as if it were typed; more ask first. */
static void
take_paste(struct app *a)
{
	char text[128];
	struct span s = term_pasted();
	while (s.len > 0 && s.p[s.len - 1] == '\n')
		s.len--;
	size_t breaks = count_breaks(s);
	if (breaks == 0) {
		if (!edit_insert(&a->edit, s))
			app_hint(a, true, "that is too much for one message");
		return;
	}
	free(a->paste);
	a->paste = xstrndup(s.p, s.len);
	snprintf(text, sizeof(text),
	    "paste %zu lines as one message? y: put them in the input, any "
	    "other key: drop them",
	    breaks + 1);
	app_hint(a, true, text);
}

/* True: the key answered the question. */
static bool
answer_paste(struct app *a, uint32_t key)
{
	if (!a->paste)
		return false;
	if ((key == 'y' || key == 'Y') &&
	    !edit_insert(&a->edit, span_of(a->paste)))
		app_hint(a, true, "that is too much for one message");
	free(a->paste);
	a->paste = NULL;
	return true;
}

/* --- keys ---------------------------------------------------------------- */

static void
type(struct app *a, uint32_t key)
{
	char u[MB_LEN_MAX];
	mbstate_t state = {0};
	if (key < 0x20 || key > 0x10ffff)
		return;
	size_t n = wcrtomb(u, (wchar_t)key, &state);
	if (n != (size_t)-1 && !edit_insert(&a->edit, (struct span){u, n}))
		app_hint(a, true, "that is all one message can hold");
}

/* While something is asked the screen can still be looked at. */
static bool
is_for_looking(const struct binding *b)
{
	return b && (b->action == ACTION_PAGE || b->action == ACTION_REDRAW ||
			b->action == ACTION_SUSPEND);
}

/* Esc and then a digit, slowly: the same as both at once. */
static uint32_t
join_escape(struct app *a, uint32_t key)
{
	bool joins = key >= '0' && key <= '9' && a->escape_ms > 0 &&
		     clock_now_ms() - a->escape_ms < AGAIN_MS;
	a->escape_ms = 0;
	return joins ? K_ALT | key : key;
}

void
app_press(struct app *a, uint32_t key)
{
	key = join_escape(a, key);
	const struct binding *b = keymap_find(key);
	if (key == 0 || key == K_RESIZE)
		return;
	if (ask_is_open(&a->ask) && !is_for_looking(b)) {
		app_press_answer(a, key);
		return;
	}
	app_hint(a, false, "");
	if (answer_paste(a, key))
		return;
	if (!b || b->action != ACTION_COMPLETE)
		complete_reset(&a->complete);
	if (key == K_PASTE)
		take_paste(a);
	else if (b)
		actions[b->action](a, b->arg);
	else
		type(a, key);
	a->model.dirty |= DIRTY_INPUT;
}
