/* SPDX-License-Identifier: ISC */
#ifndef SNUG_CLIENT_APP_IMPL_H
#define SNUG_CLIENT_APP_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "client/app.h"
#include "client/ask.h"
#include "client/chat.h"
#include "client/command.h"
#include "client/complete.h"
#include "client/edit.h"
#include "client/model.h"
#include "client/outbox.h"
#include "client/view.h"

/*
 * What the files of the program with a screen share: app.c has the loop, the
 * drawing and the windows, app_keys.c what keys do, app_ask.c what is asked in
 * place of the input.  Nobody else includes this.
 */
struct event;
struct event_base;

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

/* app.c */
/* One line above the input, until a key is pressed. */
void app_hint(struct app *a, bool alert, const char *text);
/* Shows a window, from 0; says so where there is none. */
void app_go_to(struct app *a, size_t index);
/* The model may have gone to another window, whoever moved it. */
void app_sync_window(struct app *a);
/* /quit: at once, or when what was said has arrived; twice: now. */
void app_quit(void *arg, struct span why);
/* The screen is, or may be, of another size. */
void app_resized(struct app *a);

/* app_keys.c */
void app_press(struct app *a, uint32_t key);
void app_suspend(struct app *a, int arg);
/* History that was asked for has come: show its last page. */
void app_show_older(struct app *a);

/* app_ask.c */
void app_ask_server(struct app *a);
/* /login and /password; command.h's ask function. */
void app_ask_secret(
    void *arg, enum command_secret what, const struct name *nick);
/* A key while something is asked. */
void app_press_answer(struct app *a, uint32_t key);

#endif
