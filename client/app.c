/* SPDX-License-Identifier: ISC */
/*
 * The program with a screen: the loop between keys, the server and the view.
 *
 * One thread.  Keys and lines change the model and set dirty bits; what is
 * dirty is drawn once at the end of a turn, at once after a key and at most
 * DRAW_GAP_MS apart while a backlog drains, so a busy room costs frames, not
 * messages.
 *
 * Nothing here clears what the user has typed but sending it, Ctrl-c, or
 * leaving its window, which keeps it as that window's draft.
 */
#include "client/app.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/ask.h"
#include "client/chat.h"
#include "client/command.h"
#include "client/complete.h"
#include "client/edit.h"
#include "client/keymap.h"
#include "client/model.h"
#include "client/outbox.h"
#include "client/term.h"
#include "client/view.h"

enum {
	DRAW_GAP_MS = 33,
	LAG_SHOWN_MS = 3000,
	QUIT_WAIT_MS = 700,
	AGAIN_MS = 3000, /* two keys that belong together */
	BELL_GAP_MS = 2000,
};

enum { SIGNALS = 5 };

/* What is asked in place of the input. */
enum question {
	QUESTION_SERVER, /* is this its key? */
	QUESTION_LOGIN,
	QUESTION_PASSWORD,
	QUESTION_AGAIN, /* the same password */
};

struct app {
	const struct config *config;
	struct event_base *base;
	struct model model;
	struct chat *chat;
	struct outbox *outbox; /* NULL: there is none, and it was said */
	struct view view;
	struct screen screen;
	struct edit edit;
	struct history history;
	struct complete complete;
	struct ask_line ask;
	enum question question;
	char label[NAME_BYTES_MAX + 40];
	struct name login;
	char once[ASK_ANSWER_MAX + 1]; /* a new password, until it came twice */
	struct event *keys, *draw, *tick, *last_moment, *signals[SIGNALS];
	uint64_t drawn_ms, bell_ms;
	struct window *shown; /* whose text the input holds; compared only */
	struct window *asked; /* from where the server was asked for */
	struct window *older; /* pages up when its history has come */
	char *paste;          /* owned: waits for the user's yes */
	char *goodbye;        /* owned: why we quit */
	uint64_t cancel_ms, escape_ms;
	bool quit_warned, quitting;
	int signal;
};

/* --- drawing ------------------------------------------------------------- */

static void
schedule(struct app *a, uint64_t gap_ms)
{
	uint64_t now = clock_now_ms();
	uint64_t due = a->drawn_ms + gap_ms;
	uint64_t wait = due > now ? due - now : 0;
	struct timeval tv = {.tv_usec = (suseconds_t)wait * 1000};
	if (wait == 0 || !evtimer_pending(a->draw, NULL))
		event_add(a->draw, &tv);
}

static void
hint(struct app *a, bool alert, const char *text)
{
	safe_set(&a->screen.hint, span_of(text));
	a->screen.hint_alert = alert;
	a->model.dirty |= DIRTY_STATUS;
}

/* Plain to another machine is what one has to know. */
static const char *
way_text(const struct net *n)
{
	static const char *const texts[] = {
	    [NET_SECURE] = "secure",
	    [NET_LOCAL] = "plain",
	    [NET_PLAIN] = "PLAIN",
	};
	return texts[net_get_way(n)];
}

/* How the connection is, in a few words; true if something is wrong. */
static bool
describe_link(struct app *a, char *out, size_t cap)
{
	const struct net *n = chat_net(a->chat);
	uint64_t now = clock_now_ms();
	char who[NAME_BYTES_MAX + 16];
	snprintf(who, sizeof(who), "%s%s", a->model.nick.shown,
	    chat_is_registered(a->chat) ? " registered" : "");
	switch (net_get_state(n)) {
	case NET_OFF:
		snprintf(out, cap, "offline: /reconnect");
		return true;
	case NET_WAITING:
		snprintf(out, cap, "offline, again in %llu s",
		    (unsigned long long)(net_wait_left(n, now) + 999) / 1000);
		return true;
	case NET_DIALING:
	case NET_OPEN:
		snprintf(out, cap, "connecting");
		return true;
	case NET_UP:
		break;
	}
	if (!chat_is_up(a->chat)) {
		snprintf(out, cap, "signing in");
		return true;
	}
	if (chat_relay_is_down(a->chat)) {
		snprintf(out, cap, "relay down: messages wait");
		return true;
	}
	if (net_lag(n, now) > LAG_SHOWN_MS) {
		snprintf(out, cap, "no answer for %llu s",
		    (unsigned long long)net_lag(n, now) / 1000);
		return true;
	}
	snprintf(out, cap, "%s  %s ok %llu ms", who, way_text(n),
	    (unsigned long long)net_rtt(n));
	return net_get_way(n) == NET_PLAIN;
}

static void
update_clock(struct app *a)
{
	char link[NAME_BYTES_MAX + 80];
	time_t now = (time_t)(clock_wall_ms() / 1000);
	struct tm tm;
	bool bad = describe_link(a, link, sizeof(link));
	if (localtime_r(&now, &tm)) {
		char clock[16];
		strftime(clock, sizeof(clock), "%H:%M", &tm);
		if (strcmp(clock, a->screen.clock) != 0)
			a->model.dirty |= DIRTY_STATUS;
		span_copy(
		    a->screen.clock, sizeof(a->screen.clock), span_of(clock));
		a->screen.year = tm.tm_year + 1900;
	}
	if (bad != a->screen.link_bad || !a->screen.link.utf8 ||
	    strcmp(link, a->screen.link.utf8) != 0) {
		safe_set(&a->screen.link, span_of(link));
		a->screen.link_bad = bad;
		a->model.dirty |= DIRTY_STATUS;
	}
}

static void
on_draw(evutil_socket_t fd, short what, void *arg)
{
	struct app *a = arg;
	(void)fd;
	(void)what;
	update_clock(a);
	a->drawn_ms = clock_now_ms();
	unsigned dirty = a->model.dirty;
	a->model.dirty = 0;
	view_draw(&a->view, &a->model, &a->screen, dirty);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct app *a = arg;
	(void)fd;
	(void)what;
	update_clock(a);
	if (a->model.dirty)
		schedule(a, 0);
}

/* --- the window and what is typed for it --------------------------------- */

static bool
is_open(const struct app *a, const struct window *w)
{
	for (size_t i = 0; i < a->model.n; i++)
		if (a->model.windows[i] == w)
			return true;
	return false;
}

static void
swap_drafts(struct app *a, struct window *now)
{
	if (is_open(a, a->shown)) {
		free(a->shown->draft);
		a->shown->draft =
		    a->edit.len > 0 ? xstrdup(a->edit.text) : NULL;
	}
	edit_reset(&a->edit);
	complete_reset(&a->complete);
	if (now->draft) {
		edit_set(&a->edit, span_of(now->draft));
		free(now->draft);
		now->draft = NULL;
	}
}

/* The model may have gone to another window, whoever moved it. */
static void
sync_window(struct app *a)
{
	struct window *now = model_current(&a->model);
	if (now == a->shown)
		return;
	swap_drafts(a, now);
	a->shown = now;
	a->older = NULL;
	a->screen.overlay = OVERLAY_NONE;
	a->model.dirty |= DIRTY_ALL;
}

static void
go_to(struct app *a, size_t index)
{
	if (index >= a->model.n)
		hint(a, true, "there is no such window");
	model_select(&a->model, index);
	sync_window(a);
}

/* --- scrolling ----------------------------------------------------------- */

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
		hint(a, false, "this is where the server's history begins");
		return;
	}
	chat_older(a->chat, w);
	if (w->asking)
		a->older = w;
}

/* History that was asked for has come: show its last page. */
static void
show_older(struct app *a)
{
	struct window *w = a->older;
	if (!w || w != model_current(&a->model) || w->asking)
		return;
	a->older = NULL;
	scroll(a, page(a));
}

/* --- ending -------------------------------------------------------------- */

static size_t
count_drafts(const struct app *a)
{
	size_t n = 0;
	for (size_t i = 0; i < a->model.n; i++)
		n += a->model.windows[i]->draft != NULL;
	return n;
}

static void
end(struct app *a)
{
	event_base_loopbreak(a->base);
}

static void
leave(struct app *a)
{
	struct timeval tv = {.tv_usec = QUIT_WAIT_MS * 1000};
	a->quitting = true;
	event_base_loopexit(a->base, &tv);
	chat_quit(a->chat, span_of(a->goodbye));
}

static void
warn_before_quitting(struct app *a)
{
	char text[160];
	snprintf(text, sizeof(text),
	    "%zu not delivered%s, %zu drafts%s; again to quit",
	    model_unsettled(&a->model),
	    chat_keeps(a->chat) ? ": kept for the next start" : ": lost",
	    count_drafts(a), count_drafts(a) > 0 ? ": lost" : "");
	hint(a, true, text);
	a->quit_warned = true;
}

/* What was just said is on its way: it gets a moment to arrive. */
static void
quit(void *arg, struct span why)
{
	struct app *a = arg;
	struct timeval moment = {.tv_usec = QUIT_WAIT_MS * 1000};
	free(a->goodbye);
	a->goodbye = xstrndup(why.p ? why.p : "", why.len);
	if (a->quitting)
		end(a);
	else if (a->quit_warned)
		leave(a);
	else if (count_drafts(a) > 0)
		warn_before_quitting(a);
	else if (model_unsettled(&a->model) > 0)
		event_add(a->last_moment, &moment);
	else
		leave(a);
}

static void
quit_if_settled(struct app *a)
{
	if (!evtimer_pending(a->last_moment, NULL) ||
	    model_unsettled(&a->model) > 0)
		return;
	event_del(a->last_moment);
	leave(a);
}

static void
on_last_moment(evutil_socket_t fd, short what, void *arg)
{
	struct app *a = arg;
	(void)fd;
	(void)what;
	warn_before_quitting(a);
	schedule(a, 0);
}

static void
redraw(void *arg)
{
	struct app *a = arg;
	term_redraw();
	a->model.dirty |= DIRTY_ALL;
}

/* --- questions ----------------------------------------------------------- */

static void
ask(struct app *a, enum question what, bool hidden)
{
	a->question = what;
	ask_begin(&a->ask, a->label, hidden);
	a->screen.overlay = OVERLAY_NONE;
	a->model.dirty |= DIRTY_ALL;
}

/* What there is to compare stands in the server's window. */
static void
ask_server(struct app *a)
{
	if (model_current(&a->model) != model_server(&a->model))
		a->asked = model_current(&a->model);
	model_select(&a->model, 0);
	sync_window(a);
	snprintf(a->label, sizeof(a->label), "Is this its key? yes or no:");
	ask(a, QUESTION_SERVER, false);
}

static void
ask_secret(void *arg, enum command_secret what, const struct name *nick)
{
	struct app *a = arg;
	if (what == SECRET_LOGIN) {
		a->login = *nick;
		snprintf(a->label, sizeof(a->label),
		    "Password of %s (not shown):", nick->shown);
		ask(a, QUESTION_LOGIN, true);
		return;
	}
	snprintf(a->label, sizeof(a->label), "New password (not shown):");
	ask(a, QUESTION_PASSWORD, true);
}

static void
go_back(struct app *a)
{
	for (size_t i = 0; i < a->model.n; i++)
		if (a->model.windows[i] == a->asked)
			go_to(a, i);
	a->asked = NULL;
}

/* The word, not a key: whoever was just typing has not said yes. */
static void
answer_server(struct app *a, struct span answer)
{
	if (span_is_nocase(answer, "yes")) {
		hint(a, false, "");
		chat_accept(a->chat);
		go_back(a);
	} else if (span_is_nocase(answer, "no") || answer.len == 0) {
		hint(a, true,
		    "not connected: the key was not taken; /reconnect asks "
		    "again");
	} else {
		hint(a, true, "write yes or no, the whole word");
		ask_server(a);
	}
}

static void
answer_password(struct app *a, struct span answer)
{
	if (answer.len == 0) {
		hint(a, true, "the password is as it was");
		return;
	}
	span_copy(a->once, sizeof(a->once), answer);
	snprintf(a->label, sizeof(a->label), "The same again (not shown):");
	ask(a, QUESTION_AGAIN, true);
}

static void
answer_again(struct app *a, struct span answer)
{
	if (span_is(answer, a->once))
		chat_password(a->chat, answer);
	else
		hint(a, true,
		    "these were two different ones: the password is as it "
		    "was");
	explicit_bzero(a->once, sizeof(a->once));
}

static void
take_answer(struct app *a, struct span answer)
{
	switch (a->question) {
	case QUESTION_SERVER:
		answer_server(a, answer);
		break;
	case QUESTION_LOGIN:
		if (answer.len > 0)
			chat_login(a->chat, &a->login, answer);
		break;
	case QUESTION_PASSWORD:
		answer_password(a, answer);
		break;
	case QUESTION_AGAIN:
		answer_again(a, answer);
		break;
	}
}

/* The answer is wiped before it is acted upon: that may ask again. */
static void
press_answer(struct app *a, uint32_t key)
{
	char answer[ASK_ANSWER_MAX + 1];
	size_t len = 0;
	enum ask_step step = ASK_MORE;
	if (key == K_PASTE)
		ask_paste(&a->ask, term_pasted());
	else
		step = ask_key(&a->ask, key);
	a->model.dirty |= DIRTY_INPUT;
	if (step == ASK_MORE)
		return;
	if (step == ASK_ANSWERED) {
		len = a->ask.len;
		memcpy(answer, a->ask.text, len);
	}
	if (a->ask.hidden)
		term_forget_pasted();
	ask_end(&a->ask);
	a->model.dirty |= DIRTY_ALL;
	take_answer(a, (struct span){answer, len});
	explicit_bzero(answer, sizeof(answer));
}

static const struct command_ops command_ops = {
    .quit = quit, .redraw = redraw, .ask = ask_secret};

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
			hint(a, true, cause);
	} else {
		history_add(&a->history, line);
	}
	free(line);
	sync_window(a);
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
	hint(a, false, buf_head(&text));
	buf_free(&text);
}

static void
do_complete(struct app *a, int arg)
{
	if (!complete_step(&a->complete, &a->model, &a->edit, arg == 1))
		hint(a, false, "nothing to complete");
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
		hint(a, false, "nothing is unread here");
	a->model.dirty |= DIRTY_PANE;
}

static void
do_window(struct app *a, int arg)
{
	go_to(a, (size_t)arg);
}

static void
do_step(struct app *a, int arg)
{
	size_t n = a->model.n;
	go_to(a, (a->model.current + n + (arg > 0 ? 1 : n - 1)) % n);
}

static void
do_last(struct app *a, int arg)
{
	(void)arg;
	go_to(a, a->model.previous);
}

static void
do_activity(struct app *a, int arg)
{
	(void)arg;
	go_to(a, model_next_activity(&a->model));
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
		quit(a, SPAN_NONE);
		return;
	}
	a->cancel_ms = now;
	hint(a, false, "Ctrl-c again to quit");
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
		hint(a, false, "/quit, or Ctrl-c twice, ends snug");
}

static void
do_redraw(struct app *a, int arg)
{
	(void)arg;
	redraw(a);
}

static void
resized(struct app *a)
{
	term_resized();
	view_resize(&a->view);
	a->model.dirty |= DIRTY_ALL;
}

static void
do_suspend(struct app *a, int arg)
{
	(void)arg;
	term_suspend();
	resized(a);
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
    [ACTION_SUSPEND] = do_suspend,
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
			hint(a, true, "that is too much for one message");
		return;
	}
	free(a->paste);
	a->paste = xstrndup(s.p, s.len);
	snprintf(text, sizeof(text),
	    "paste %zu lines as one message? y: put them in the input, any "
	    "other key: drop them",
	    breaks + 1);
	hint(a, true, text);
}

/* True: the key answered the question. */
static bool
answer_paste(struct app *a, uint32_t key)
{
	if (!a->paste)
		return false;
	if ((key == 'y' || key == 'Y') &&
	    !edit_insert(&a->edit, span_of(a->paste)))
		hint(a, true, "that is too much for one message");
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
		hint(a, true, "that is all one message can hold");
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

static void
press(struct app *a, uint32_t key)
{
	key = join_escape(a, key);
	const struct binding *b = keymap_find(key);
	if (key == 0 || key == K_RESIZE)
		return;
	if (ask_is_open(&a->ask) && !is_for_looking(b)) {
		press_answer(a, key);
		return;
	}
	hint(a, false, "");
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

static void
on_keys(evutil_socket_t fd, short what, void *arg)
{
	struct app *a = arg;
	uint32_t key;
	bool any = false;
	(void)fd;
	(void)what;
	while (term_read(&key)) {
		any = true;
		press(a, key);
	}
	if (!any && term_is_gone()) {
		a->signal = SIGHUP;
		end(a);
	}
	schedule(a, 0);
}

static void
on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct app *a = arg;
	(void)what;
	if (sig == SIGWINCH) {
		resized(a);
		schedule(a, 0);
	} else if (sig == SIGTSTP) {
		do_suspend(a, 0);
		schedule(a, 0);
	} else {
		a->signal = (int)sig;
		end(a);
	}
}

/* --- what the conversation tells ----------------------------------------- */

static void
on_changed(void *arg)
{
	struct app *a = arg;
	sync_window(a);
	show_older(a);
	quit_if_settled(a);
	schedule(a, DRAW_GAP_MS);
}

static void
on_message(void *arg, const struct window *w, const struct message *msg,
    const struct line *l)
{
	struct app *a = arg;
	uint64_t now = clock_now_ms();
	(void)l;
	bool own = strcmp(msg->fold, a->model.nick.fold) == 0;
	bool calls = w->kind == WINDOW_PERSON ||
		     model_mentions(msg->text, a->model.nick.shown);
	if (own || msg->old || !calls || !a->config->bell ||
	    now - a->bell_ms < BELL_GAP_MS)
		return;
	a->bell_ms = now;
	term_bell();
}

static void
on_net_state(void *arg, enum net_state state)
{
	struct app *a = arg;
	const char *cause = net_cause(chat_net(a->chat));
	if (a->quitting && (state == NET_OFF || state == NET_WAITING)) {
		end(a);
		return;
	}
	if (state == NET_OFF || state == NET_WAITING)
		hint(a, true, cause);
	else if (state == NET_UP)
		hint(a, false, "");
	if (state == NET_OFF && chat_stranger(a->chat))
		ask_server(a);
}

static const struct chat_ops chat_ops = {
    .changed = on_changed, .message = on_message, .state = on_net_state};

/* --- beginning and end --------------------------------------------------- */

static void
greet(struct app *a)
{
	struct window *w = model_server(&a->model);
	model_note(&a->model, w, ENTRY_INFO,
	    "Welcome to snug.  /join ROOM enters a room, /list shows what "
	    "rooms there are, /help lists the commands.");
	if (!a->config->nick)
		model_note(&a->model, w, ENTRY_INFO,
		    "You have no name yet but a guest's: /nick NAME takes "
		    "one.");
}

static void
join_first(struct app *a, const struct name *rooms, size_t nrooms)
{
	for (size_t i = 0; i < nrooms; i++)
		chat_join(a->chat, &rooms[i]);
	if (nrooms > 0 && a->model.n > 1)
		model_select(&a->model, 1);
	sync_window(a);
}

/* Without an outbox snug goes on; NULL: the cause says why, or "". */
static struct outbox *
open_outbox(const struct addr *server, char cause[static ERR_LEN])
{
	char text[sizeof(server->host) + 16];
	char *folder = outbox_folder();
	struct outbox *o = NULL;
	if (folder)
		o = outbox_open(
		    folder, addr_format(server, text, sizeof(text)), cause);
	else
		snprintf(cause, ERR_LEN, "$HOME is not set");
	free(folder);
	return o;
}

static void
tell_identity(struct app *a, const struct where *where)
{
	if (where->trouble[0])
		model_note(&a->model, model_server(&a->model), ENTRY_ERROR,
		    "no key of yours: %s; you are a guest everywhere",
		    where->trouble);
}

static void
tell_outbox(struct app *a, const char *cause)
{
	if (a->outbox && *cause)
		model_note(&a->model, model_current(&a->model), ENTRY_ERROR,
		    "%s", cause);
	else if (!a->outbox)
		model_note(&a->model, model_current(&a->model), ENTRY_ERROR,
		    "no outbox: %s; what is not delivered is lost when snug "
		    "ends",
		    cause);
}

static void
start_events(struct app *a)
{
	static const int signals[SIGNALS] = {
	    SIGTERM, SIGHUP, SIGINT, SIGWINCH, SIGTSTP};
	struct timeval second = {.tv_sec = 1};
	a->keys =
	    event_new(a->base, STDIN_FILENO, EV_READ | EV_PERSIST, on_keys, a);
	a->draw = evtimer_new(a->base, on_draw, a);
	a->tick = event_new(a->base, -1, EV_PERSIST, on_tick, a);
	a->last_moment = evtimer_new(a->base, on_last_moment, a);
	event_add(a->keys, NULL);
	event_add(a->tick, &second);
	for (size_t i = 0; i < SIGNALS; i++) {
		a->signals[i] = evsignal_new(a->base, signals[i], on_signal, a);
		event_add(a->signals[i], NULL);
	}
}

static void
fini(struct app *a)
{
	event_free(a->keys);
	event_free(a->draw);
	event_free(a->tick);
	event_free(a->last_moment);
	for (size_t i = 0; i < SIGNALS; i++)
		event_free(a->signals[i]);
	chat_free(a->chat);
	outbox_close(a->outbox);
	event_base_free(a->base);
	complete_reset(&a->complete);
	history_fini(&a->history);
	edit_fini(&a->edit);
	model_fini(&a->model);
	safe_free(&a->screen.hint);
	safe_free(&a->screen.link);
	ask_end(&a->ask);
	explicit_bzero(a->once, sizeof(a->once));
	free(a->paste);
	free(a->goodbye);
}

int
app_run(const struct config *c, const struct where *where,
    const struct name *rooms, size_t nrooms)
{
	struct app a = {.config = c};
	char cause[ERR_LEN];
	if (term_check(cause) < 0 || term_enter(c->colour, cause) < 0) {
		fprintf(stderr, "snug: %s\n", cause);
		return 1;
	}
	struct chat_options o = where_options(where, c);
	o.last = (unsigned)c->last;
	o.outbox = a.outbox = open_outbox(&o.server, cause);
	a.base = event_base_new();
	model_init(&a.model);
	edit_init(&a.edit);
	history_init(&a.history);
	a.screen.edit = &a.edit;
	a.screen.ask = &a.ask;
	safe_set(&a.screen.hint, SPAN_NONE);
	safe_set(&a.screen.link, SPAN_NONE);
	a.shown = model_current(&a.model);
	a.chat = chat_new(a.base, &a.model, &o, &chat_ops, &a);
	start_events(&a);
	view_init(&a.view, (enum borders)c->borders);
	/* The size may have changed before anybody listened. */
	resized(&a);
	greet(&a);
	join_first(&a, rooms, nrooms);
	chat_restore(a.chat);
	if (nrooms == 0 && a.model.n > 1)
		model_select(&a.model, 1);
	sync_window(&a);
	tell_outbox(&a, cause);
	tell_identity(&a, where);
	net_connect(chat_net(a.chat));
	schedule(&a, 0);
	event_base_dispatch(a.base);
	fini(&a);
	term_leave();
	return -a.signal;
}
