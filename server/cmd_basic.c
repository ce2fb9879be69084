/* SPDX-License-Identifier: ISC */
/*
 * Commands about the session itself: HELP, PING, PONG, QUIT.
 */
#include <stdlib.h>

#include "base/mem.h"
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
