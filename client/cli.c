/* SPDX-License-Identifier: ISC */
/*
 * snug without a screen: send and tail, for scripts and pipes.
 *
 * Both are the same conversation as the screen's (chat.c), with other ears:
 * order, resending and coming back after a break are done there.  Send says one
 * line at a time and reads the next when the server has settled it, so that a
 * line that was refused is known by its number and nothing piles up.
 */
#include "client/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/chat.h"
#include "client/model.h"

enum { STDIN_MAX = 1 << 20, GOODBYE_MS = 1000 };

/* What send and tail share. */
struct cli {
	const struct config *config;
	struct event_base *base;
	struct model model;
	struct chat *chat;
	struct event *deadline;
	int status;
	bool was_up, ending;
};

static void
complain(const char *what, const char *why)
{
	fprintf(stderr, "snug: %s%s%s\n", what, *what ? ": " : "", why);
}

/* Says goodbye and ends with the status when that was heard. */
static void
finish(struct cli *c, int status)
{
	struct timeval tv = {.tv_sec = GOODBYE_MS / 1000};
	if (c->ending)
		return;
	c->ending = true;
	c->status = status;
	event_base_loopexit(c->base, &tv);
	chat_quit(c->chat, SPAN_NONE);
}

static void
put_off(struct cli *c)
{
	int64_t ms = c->config->timeout;
	struct timeval tv = {.tv_sec = (time_t)(ms / 1000),
	    .tv_usec = (suseconds_t)(ms % 1000) * 1000};
	event_add(c->deadline, &tv);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct cli *c = arg;
	const char *cause = net_cause(chat_net(c->chat));
	(void)fd;
	(void)what;
	complain("try again later", *cause ? cause
				    : c->was_up
					? "the server did not settle it in time"
					: "the server did not answer in time");
	c->status = CLI_AGAIN;
	event_base_loopbreak(c->base);
}

/* A server that was never reached is reported at once; one that was lost is
 * waited for. */
static void
on_state(struct cli *c, enum net_state state)
{
	const char *cause = net_cause(chat_net(c->chat));
	c->was_up |= state == NET_UP;
	if (state != NET_OFF && state != NET_WAITING)
		return;
	if (c->ending) {
		event_base_loopbreak(c->base);
	} else if (state == NET_OFF || !c->was_up) {
		complain("", cause);
		if (chat_stranger(c->chat))
			complain("",
			    "the link snug://HOST:PORT/#KEY brings the key "
			    "along; --accept-new takes any, unseen");
		c->status = state == NET_OFF ? CLI_REFUSED : CLI_AGAIN;
		event_base_loopbreak(c->base);
	}
}

static void
on_told(void *arg, const char *text)
{
	struct safe shown = safe_str(text);
	(void)arg;
	complain("", shown.utf8);
	safe_free(&shown);
}

/* EV_FEATURE_FDS: standard input may be a file, which epoll does not take. */
static struct event_base *
new_base(void)
{
	struct event_config *cfg = event_config_new();
	event_config_require_features(cfg, EV_FEATURE_FDS);
	struct event_base *base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	return base;
}

static void
start(struct cli *c, const struct where *where, unsigned last,
    const struct chat_ops *ops)
{
	struct chat_options o = where_options(where, c->config);
	o.last = last;
	if (where->trouble[0])
		complain("a guest, for you have no key", where->trouble);
	c->base = new_base();
	model_init(&c->model);
	c->chat = chat_new(c->base, &c->model, &o, ops, c);
	c->deadline = evtimer_new(c->base, on_deadline, c);
	net_connect(chat_net(c->chat));
}

static int
stop(struct cli *c)
{
	event_free(c->deadline);
	chat_free(c->chat);
	event_base_free(c->base);
	model_fini(&c->model);
	return c->status;
}

/* --- send ---------------------------------------------------------------- */

struct send_cli {
	struct cli cli; /* first: the ops' argument is either */
	struct window *w;
	struct event *input;
	struct buf lines; /* read and not sent yet */
	bool eof, ready, flying;
	unsigned long number; /* of the line in flight */
};

static void send_next(struct send_cli *s);

static void
send_line(struct send_cli *s, struct span line)
{
	s->number++;
	if (line.len == 0) {
		send_next(s);
		return;
	}
	s->flying = true;
	put_off(&s->cli);
	if (chat_say(s->cli.chat, s->w, line, false))
		return;
	fprintf(stderr,
	    "snug: line %lu is too long, or holds a control character\n",
	    s->number);
	finish(&s->cli, CLI_REFUSED);
}

/* The next whole line, or at the end what is left. */
static void
send_next(struct send_cli *s)
{
	size_t len = buf_len(&s->lines);
	if (!s->ready || s->flying || s->cli.ending)
		return;
	char *head = len ? buf_head(&s->lines) : NULL;
	char *end = len ? memchr(head, '\n', len) : NULL;
	if (!end && !s->eof)
		return;
	if (len == 0) {
		finish(&s->cli, CLI_ACCEPTED);
		return;
	}
	size_t n = end ? (size_t)(end - head) : len;
	char *line = xstrndup(head, n);
	size_t text = n > 0 && line[n - 1] == '\r' ? n - 1 : n;
	buf_drain(&s->lines, end ? n + 1 : n);
	send_line(s, (struct span){line, text});
	free(line);
}

static void
on_input(evutil_socket_t fd, short what, void *arg)
{
	struct send_cli *s = arg;
	(void)what;
	if (buf_len(&s->lines) > STDIN_MAX) {
		complain("standard input", "a line is longer than a megabyte");
		finish(&s->cli, CLI_REFUSED);
		event_del(s->input);
		return;
	}
	ssize_t n = read(fd, buf_reserve(&s->lines, 4096), 4096);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		buf_added(&s->lines, (size_t)n);
	} else {
		s->eof = true;
		event_del(s->input);
	}
	send_next(s);
}

static void
on_send_entered(void *arg, const struct window *w, const char *why)
{
	struct send_cli *s = arg;
	if (why) {
		complain(w->title.utf8, why);
		finish(&s->cli, CLI_REFUSED);
		return;
	}
	s->ready = true;
	send_next(s);
}

static void
on_sent(
    void *arg, const char *cid, struct msgid id, const char *why, bool retry)
{
	struct send_cli *s = arg;
	(void)cid;
	(void)id;
	s->flying = false;
	if (why) {
		fprintf(stderr, "snug: line %lu: %s\n", s->number, why);
		finish(&s->cli, retry ? CLI_AGAIN : CLI_REFUSED);
		return;
	}
	event_del(s->cli.deadline);
	send_next(s);
}

static void
on_send_state(void *arg, enum net_state state)
{
	on_state(arg, state);
}

static void
on_unnamed(void *arg, const char *why)
{
	struct send_cli *s = arg;
	complain(s->cli.config->nick, why);
	finish(&s->cli, CLI_REFUSED);
}

static const struct chat_ops send_ops = {.entered = on_send_entered,
    .sent = on_sent,
    .state = on_send_state,
    .told = on_told,
    .unnamed = on_unnamed};

/* The words of the command line are one text. */
static void
take_words(struct send_cli *s, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (i > 0)
			buf_add(&s->lines, " ", 1);
		for (const char *p = argv[i]; *p; p++) {
			if (*p == '\n') /* a line break inside one message */
				buf_add(&s->lines, "\342\200\250", 3);
			else
				buf_add(&s->lines, p, 1);
		}
	}
	s->eof = true;
}

int
cli_send(
    const struct config *c, const struct where *where, int argc, char **argv)
{
	struct send_cli s = {.cli = {.config = c}};
	struct name name;
	char cause[ERR_LEN];
	if (argc < 1) {
		complain("send", "usage: snug send ROOM|@NICK [TEXT]");
		return CLI_USAGE;
	}
	bool person = argv[0][0] == '@';
	if (config_name(argv[0], person ? '@' : '#', &name, cause) < 0) {
		complain("send", cause);
		return CLI_USAGE;
	}
	start(&s.cli, where, 1, &send_ops);
	put_off(&s.cli);
	s.w = person ? chat_query(s.cli.chat, &name)
		     : chat_join(s.cli.chat, &name);
	s.ready = person; /* it waits in the window until there is a session */
	s.input = event_new(
	    s.cli.base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, &s);
	if (argc > 1)
		take_words(&s, argc - 1, argv + 1);
	else
		event_add(s.input, NULL);
	send_next(&s);
	event_base_dispatch(s.cli.base);
	event_free(s.input);
	buf_free(&s.lines);
	return stop(&s.cli);
}

/* --- tail ---------------------------------------------------------------- */

static void
put_json(const char *key, struct span s)
{
	printf(",\"%s\":\"", key);
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

/* ISO 8601, UTC; ids of no calendar give an empty one. */
static void
format_time(uint64_t ms, char out[static 40])
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;
	out[0] = '\0';
	if (ms > INT64_MAX || !gmtime_r(&t, &tm) || tm.tm_year > 8099)
		return;
	size_t n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, 40 - n, ".%03uZ", (unsigned)(ms % 1000));
}

/* Attributes become members, but not under the name of another one. */
static void
put_attributes(const struct line *l)
{
	static const char *const taken[] = {
	    "type", "target", "id", "time", "nick", "text", "replay"};
	for (unsigned i = 0; i < l->nattrs; i++) {
		char key[64];
		bool skip = l->attrs[i].key.len >= sizeof(key);
		for (size_t k = 0; k < ARRAY_LEN(taken); k++)
			skip |= span_is(l->attrs[i].key, taken[k]);
		if (skip)
			continue;
		span_copy(key, sizeof(key), l->attrs[i].key);
		if (l->attrs[i].has_value)
			put_json(key, l->attrs[i].value);
		else
			printf(",\"%s\":true", key);
	}
}

static void
print_json(
    const struct window *w, const struct message *msg, const struct line *l)
{
	char target[NAME_BYTES_MAX + 2];
	char id[MSGID_LEN_MAX + 1];
	char when[40];
	model_target(w, target);
	msgid_format(msg->id, id);
	format_time(msg->id.ms, when);
	printf("{\"type\":\"message\"");
	put_json("target", span_of(target));
	put_json("id", span_of(id));
	put_json("time", span_of(when));
	put_json("nick", msg->nick);
	put_json("text", msg->text);
	put_attributes(l);
	puts("}");
}

static void
print_text(const struct window *w, const struct message *msg)
{
	time_t t = (time_t)(msg->id.ms / 1000);
	struct tm tm;
	char when[32] = "--:--:--";
	struct safe text = safe_new(msg->text, 0);
	if (msg->id.ms <= INT64_MAX && localtime_r(&t, &tm))
		strftime(when, sizeof(when), "%H:%M:%S", &tm);
	printf(msg->act ? "%s %s * %.*s %s\n" : "%s %s %.*s: %s\n", when,
	    w->title.utf8, SPAN_ARG(msg->nick), text.utf8);
	safe_free(&text);
}

static void
on_tail_message(void *arg, const struct window *w, const struct message *msg,
    const struct line *l)
{
	struct cli *c = arg;
	if (w->kind != WINDOW_ROOM)
		return;
	if (c->config->json)
		print_json(w, msg, l);
	else
		print_text(w, msg);
	if (fflush(stdout) != 0)
		finish(c, CLI_ACCEPTED); /* nobody reads any more */
}

static void
on_tail_entered(void *arg, const struct window *w, const char *why)
{
	if (!why)
		return;
	complain(w->title.utf8, why);
	finish(arg, CLI_REFUSED);
}

static void
on_tail_state(void *arg, enum net_state state)
{
	on_state(arg, state);
}

static const struct chat_ops tail_ops = {.message = on_tail_message,
    .entered = on_tail_entered,
    .state = on_tail_state,
    .told = on_told};

static void
on_interrupt(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	finish(arg, CLI_ACCEPTED);
}

int
cli_tail(
    const struct config *c, const struct where *where, int argc, char **argv)
{
	struct cli cli = {.config = c};
	char cause[ERR_LEN];
	struct name name;
	if (argc < 1) {
		complain("tail", "usage: snug tail ROOM... [--json] [-n N]");
		return CLI_USAGE;
	}
	for (int i = 0; i < argc; i++) {
		if (config_name(argv[i], '#', &name, cause) < 0) {
			complain("tail", cause);
			return CLI_USAGE;
		}
	}
	start(&cli, where, (unsigned)c->n, &tail_ops);
	struct event *sigint =
	    evsignal_new(cli.base, SIGINT, on_interrupt, &cli);
	struct event *sigterm =
	    evsignal_new(cli.base, SIGTERM, on_interrupt, &cli);
	event_add(sigint, NULL);
	event_add(sigterm, NULL);
	for (int i = 0; i < argc; i++)
		if (config_name(argv[i], '#', &name, cause) == 0)
			chat_join(cli.chat, &name);
	event_base_dispatch(cli.base);
	event_free(sigint);
	event_free(sigterm);
	return stop(&cli);
}
