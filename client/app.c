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
#include "client/app_impl.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/term.h"

enum {
	DRAW_GAP_MS = 33,
	LAG_SHOWN_MS = 3000,
	QUIT_WAIT_MS = 700,
	BELL_GAP_MS = 2000,
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

void
app_hint(struct app *a, bool alert, const char *text)
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

void
app_sync_window(struct app *a)
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

void
app_go_to(struct app *a, size_t index)
{
	if (index >= a->model.n)
		app_hint(a, true, "there is no such window");
	model_select(&a->model, index);
	app_sync_window(a);
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
	app_hint(a, true, text);
	a->quit_warned = true;
}

/* What was just said is on its way: it gets a moment to arrive. */
void
app_quit(void *arg, struct span why)
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

/* --- what the terminal tells --------------------------------------------- */

void
app_resized(struct app *a)
{
	term_resized();
	view_resize(&a->view);
	a->model.dirty |= DIRTY_ALL;
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
		app_press(a, key);
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
		app_resized(a);
		schedule(a, 0);
	} else if (sig == SIGTSTP) {
		app_suspend(a, 0);
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
	app_sync_window(a);
	app_show_older(a);
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
		app_hint(a, true, cause);
	else if (state == NET_UP)
		app_hint(a, false, "");
	if (state == NET_OFF && chat_stranger(a->chat))
		app_ask_server(a);
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
	app_sync_window(a);
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
	app_resized(&a);
	greet(&a);
	join_first(&a, rooms, nrooms);
	chat_restore(a.chat);
	if (nrooms == 0 && a.model.n > 1)
		model_select(&a.model, 1);
	app_sync_window(&a);
	tell_outbox(&a, cause);
	tell_identity(&a, where);
	net_connect(chat_net(a.chat));
	schedule(&a, 0);
	event_base_dispatch(a.base);
	fini(&a);
	term_leave();
	return -a.signal;
}
