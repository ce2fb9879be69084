/* SPDX-License-Identifier: ISC */
/*
 * Commands about the session itself: HELP, PING, PONG, QUIT, SECURE.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "proto/channel.h"
#include "server/answer.h"
#include "server/command.h"
#include "server/member.h"
#include "server/render.h"
#include "server/room.h"
#include "server/server.h"
#include "server/session.h"

static void
help_line(struct request *q, const char *text)
{
	render_notice(session_out(q->session), answer_tag(q->answer),
	    NOTICE_HELP, span_of(text));
}

static void
help_row(struct request *q, const struct command *c)
{
	char line[256];

	snprintf(line, sizeof line, "%s - %s", c->syntax, c->help);
	help_line(q, line);
}

void
cmd_help(struct request *q)
{
	const struct command *c;
	size_t n;

	if (q->text.len > 0) {
		c = command_find(q->text);
		if (!c) {
			answer_err(q->answer, ERR_UNKNOWN_COMMAND, 0,
			    "there is no help on that; HELP alone lists the "
			    "commands");
			return;
		}
		help_row(q, c);
		answer_ok(q->answer, SPAN_NONE);
		return;
	}
	c = commands_all(&n);
	for (size_t i = 0; i < n; i++)
		help_row(q, &c[i]);
	help_line(q, "a room is written as lobby, a person as @nick; what "
		     "begins with @key stands before the command");
	answer_ok(q->answer, SPAN_NONE);
}

void
cmd_ping(struct request *q)
{
	answer_ok(q->answer, q->text);
}

void
cmd_pong(struct request *q)
{
	answer_none(q->answer);
}

struct quitting {
	struct answer *answer;
	char why[ERR_LEN];
};

static void
quit(void *arg)
{
	struct quitting *k = arg;
	struct session *s = answer_session(k->answer);

	if (s && member_await_echo(s, NULL, quit, k))
		return;
	if (s) {
		rooms_flush(s->server->rooms);
		s->quit = true;
		/* Written, not given: an answer would let the next line run. */
		render_event(session_out(s), answer_tag(k->answer), "OK",
		    SPAN_NONE, SPAN_NONE, SPAN_NONE);
		session_end(s, BYE_QUIT, 0, "%s", k->why);
	}
	answer_none(k->answer);
	free(k);
}

void
cmd_quit(struct request *q)
{
	struct quitting *k = xcalloc(1, sizeof *k);

	k->answer = q->answer;
	snprintf(k->why, sizeof k->why, "%.*s",
	    q->text.len < ERR_LEN ? (int)q->text.len : 0,
	    q->text.len > 0 ? q->text.p : "");
	quit(k);
}

/* NULL, or why a session cannot become secure by this line. */
static const char *
refusal(const struct request *q, enum proto_error *code)
{
	*code = ERR_UNKNOWN_COMMAND;
	if (!q->server->identity)
		return "this server has no secure sessions";
	*code = ERR_BAD_ARGS;
	if (q->session->state != SESSION_NEW)
		return "SECURE is a connection's very first line; connect anew";
	if (!span_is(q->params[0], CHANNEL_SUITE))
		return "there is one suite: " CHANNEL_SUITE;
	return NULL;
}

/* Accepted, it has no answer: handshake message 2 is the answer. */
void
cmd_secure(struct request *q)
{
	struct session *s = q->session;
	enum proto_error code;
	const char *why = refusal(q, &code);

	if (why) {
		answer_err(q->answer, code, 0, "%s", why);
		session_end(s, BYE_BAD_FRAME, 0, "%s", why);
		return;
	}
	session_secure(s, q->payload);
	answer_none(q->answer);
}
