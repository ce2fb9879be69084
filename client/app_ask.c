/* SPDX-License-Identifier: ISC */
/*
 * What is asked in place of the input - the server's key, a password - and what
 * becomes of the answer.  How an answer is typed is ask.c's.
 */
#include <stdio.h>
#include <string.h>

#include "client/app_impl.h"
#include "client/keymap.h"
#include "client/term.h"

static void
ask(struct app *a, enum question what, bool hidden)
{
	a->question = what;
	ask_begin(&a->ask, a->label, hidden);
	a->screen.overlay = OVERLAY_NONE;
	a->model.dirty |= DIRTY_ALL;
}

/* What there is to compare stands in the server's window. */
void
app_ask_server(struct app *a)
{
	if (model_current(&a->model) != model_server(&a->model))
		a->asked = model_current(&a->model);
	model_select(&a->model, 0);
	app_sync_window(a);
	snprintf(a->label, sizeof(a->label), "Is this its key? yes or no:");
	ask(a, QUESTION_SERVER, false);
}

void
app_ask_secret(void *arg, enum command_secret what, const struct name *nick)
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
			app_go_to(a, i);
	a->asked = NULL;
}

/* The word, not a key: whoever was just typing has not said yes. */
static void
answer_server(struct app *a, struct span answer)
{
	if (span_is_nocase(answer, "yes")) {
		app_hint(a, false, "");
		chat_accept(a->chat);
		go_back(a);
	} else if (span_is_nocase(answer, "no") || answer.len == 0) {
		app_hint(a, true,
		    "not connected: the key was not taken; /reconnect asks "
		    "again");
	} else {
		app_hint(a, true, "write yes or no, the whole word");
		app_ask_server(a);
	}
}

static void
answer_password(struct app *a, struct span answer)
{
	if (answer.len == 0) {
		app_hint(a, true, "the password is as it was");
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
		app_hint(a, true,
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
void
app_press_answer(struct app *a, uint32_t key)
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
