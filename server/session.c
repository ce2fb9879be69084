/* SPDX-License-Identifier: ISC */
/*
 * Sessions: one connection from its first byte to its last.
 *
 * A session owns a socket and turns what it reads into lines for command.c; it
 * knows when to stop reading (a command waits for its turn), when silence has
 * lasted too long, and how to end: every end goes through session_end() with
 * a code that the other side is told, or through lose() where nobody is left
 * to be told.  Writing is output.c's.
 *
 * Nothing is freed where it fails.  A session that is gone is unhooked at once
 * and freed at the end of the turn, when no caller up the stack can hold it.
 */
#include "server/session.h"

#include <errno.h>
#include <event2/event.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "proto/channel.h"
#include "proto/identity.h"
#include "proto/line.h"
#include "server/command.h"
#include "server/config.h"
#include "server/history.h"
#include "server/member.h"
#include "server/render.h"
#include "server/secure.h"
#include "server/server.h"
#include "server/sockets.h"
#include "server/user.h"

enum {
	READ_MAX = 65536,     /* one read; shared by all sessions */
	READ_STRANGER = 256,  /* one read; what it does not take is kept */
	OUT_MAX = 65536,      /* answers that wait; then commands wait too */
	GREETING_LINE = 1024, /* longest line before the first command */
	RETRY_MIN_MS = 100,   /* to come back after a shutdown */
	DRAIN_MAX = 1048576,  /* thrown away behind a BYE before we hang up */
};

static const char *const state_names[] = {
    [SESSION_NEW] = "NEW",
    [SESSION_SHAKING] = "SHAKING",
    [SESSION_GREETING] = "GREETING",
    [SESSION_READY] = "READY",
    [SESSION_ENDING] = "ENDING",
    [SESSION_GONE] = "GONE",
};

static void
set_state(struct session *s, enum session_state state)
{
	log_debug("session", s->id, "%s -> %s", state_names[s->state],
	    state_names[state]);
	s->state = state;
}

/* --- the end ----------------------------------------------------------------
 */

static void
leave_everything(struct session *s, struct span why)
{
	answers_detach(&s->answers);
	history_cancel(s->reading);
	s->reading = NULL;
	members_leave_all(s, why);
}

/* It went of itself, and was nobody. */
static void
blame_leaving(struct session *s)
{
	if (s->newcomer && !s->quit && !s->server->ending)
		gate_blame(s->server->gate, s, PENALTY_LEFT, clock_now_ms());
}

static void
blame_handshake(struct session *s, const char *why)
{
	log_info("session", s->id, "handshake failed reason=\"%s\"", why);
	if (!s->server->ending)
		gate_blame(
		    s->server->gate, s, PENALTY_HANDSHAKE, clock_now_ms());
}

/* Unhooked at once, freed by sessions_flush(). */
static void
lose(struct session *s, const char *why)
{
	if (s->state == SESSION_GONE)
		return;
	if (s->state != SESSION_ENDING) {
		leave_everything(s, span_of(why));
		if (s->state == SESSION_SHAKING)
			blame_handshake(s, why);
		else
			blame_leaving(s);
	}
	set_state(s, SESSION_GONE);
	s->watched = 0; /* closing it sees to that */
	if (s->timer)
		event_free(s->timer);
	s->timer = NULL;
	close(s->fd);
	gate_left(s->server->gate, s);
	TAILQ_REMOVE(&s->server->sessions, s, next);
	s->server->nsessions--;
	session_bury(s);
	log_info("session", s->id, "closed age_ms=%llu reason=\"%s\"",
	    (unsigned long long)(clock_now_ms() - s->born_ms), why);
}

static struct ahead *
ahead_of(struct session *s)
{
	if (!s->ahead)
		s->ahead = xcalloc(1, sizeof *s->ahead);
	return s->ahead;
}

static struct span
span_of_buf(const struct buf *b)
{
	return (struct span){buf_head(b), buf_len(b)};
}

static struct span
held_line(const struct session *s)
{
	return s->ahead ? span_of_buf(&s->ahead->held) : SPAN_NONE;
}

static struct span
lines_ahead(const struct session *s)
{
	return s->ahead ? span_of_buf(&s->ahead->lines) : SPAN_NONE;
}

static void
forget_ahead(struct session *s)
{
	struct ahead *a = s->ahead;

	if (!a)
		return;
	buf_wipe(&a->held);
	buf_wipe(&a->lines);
	free(a);
	s->ahead = NULL;
}

/* Of the lines, so many bytes were not taken. */
static void
keep_ahead(struct session *s, size_t left)
{
	if (!s->ahead)
		return;
	buf_drain(&s->ahead->lines, buf_len(&s->ahead->lines) - left);
	if (left == 0 && buf_len(&s->ahead->held) == 0)
		forget_ahead(s);
}

/* What waits for it still goes out; nothing more is read. */
static void
leave(struct session *s, const char *why)
{
	leave_everything(s, span_of(why));
	set_state(s, SESSION_ENDING);
	s->deadline_ms = clock_now_ms() + (uint64_t)s->server->config->linger;
	forget_ahead(s);
	if (!s->eof)
		session_watch(s, s->watched | SOCKET_READ);
}

void
session_end(struct session *s, enum proto_bye code, uint64_t retry_ms,
    const char *fmt, ...)
{
	char why[ERR_LEN], shown[ERR_LEN];
	va_list ap;

	if (s->state >= SESSION_ENDING)
		return;
	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	/* With QUIT it is a peer's word. */
	log_info("session", s->id, "bye code=%s reason=\"%s\"",
	    proto_bye_word(code),
	    text_escape(shown, sizeof shown, span_of(why)));
	if (code == BYE_QUIT)
		blame_leaving(s);
	leave(s, why);
	render_bye(session_out(s), code, why, retry_ms);
}

void
session_evict(
    struct session *s, enum proto_bye code, uint64_t retry_ms, const char *why)
{
	session_end(s, code, retry_ms, "%s", why);
	session_write(s);
	lose(s, why);
}

/* --- reading ----------------------------------------------------------------
 */

static void
stop_reading(struct session *s)
{
	session_watch(s, s->watched & ~SOCKET_READ);
}

/* It stays watched until something comes: mostly it goes on before that, and
 * two system calls are saved. */
static void
pause_reading(struct session *s)
{
	s->paused = true;
}

static bool
is_pausing(const struct session *s)
{
	return s->paused && s->state < SESSION_ENDING;
}

static void on_timer(evutil_socket_t fd, short what, void *arg);

static void
go_on_at(struct session *s, uint64_t at_ms, uint64_t now_ms)
{
	uint64_t wait = at_ms > now_ms ? at_ms - now_ms : 1;
	struct timeval tv = {
	    (time_t)(wait / 1000), (suseconds_t)(wait % 1000 * 1000)};

	if (!s->timer)
		s->timer = evtimer_new(s->server->base, on_timer, s);
	if (!s->timer)
		abort();
	s->delayed = true;
	evtimer_add(s->timer, &tv);
}

/* Runs a line, or keeps it until its turn comes. */
static void
run_line(struct session *s, struct span line, uint64_t now_ms)
{
	uint64_t again = 0;
	bool held = held_line(s).len > 0, done;

	done = command_run(s, line, now_ms, &again);
	if (!done && !held &&
	    !frame_move_line(&s->frame, line, &ahead_of(s)->held))
		buf_add(&s->ahead->held, line.p, line.len);
	if (done && s->ahead)
		buf_wipe(&s->ahead->held);
	if (s->state >= SESSION_ENDING)
		return;
	if (!done || again > 0)
		pause_reading(s);
	if (again > 0)
		go_on_at(s, again, now_ms);
	/* At once: what waits for the end of the turn is memory. */
	if (session_is_stranger(s))
		session_write(s);
}

/* Bytes that are no line, or no message: nothing more can be understood. */
struct refusal {
	enum proto_error err; /* ERR_COUNT: not worth one */
	enum proto_bye bye;
	const char *why;
};

static void
refuse(struct session *s, const struct refusal *r)
{
	gate_blame(s->server->gate, s, PENALTY_FRAME, clock_now_ms());
	/* Not behind what is still awaited. */
	if (r->err != ERR_COUNT)
		render_err(session_out(s), SPAN_NONE, r->err, 0, r->why);
	session_end(s, r->bye, 0, "%s", r->why);
}

static void
refuse_frame(struct session *s, enum frame_result bad)
{
	static const struct refusal rows[] = {
	    [FRAME_EBAD] = {ERR_BAD_FRAME, BYE_BAD_FRAME,
		"a line that begins with a digit is LEN SP PAYLOAD LF, with "
		"LEN the bytes of PAYLOAD"},
	    [FRAME_ELONG] = {ERR_TOO_LONG, BYE_TOO_LONG,
		"the line is longer than max-line"},
	    [FRAME_EFOREIGN] = {ERR_COUNT, BYE_BAD_FRAME,
		"this is a snug server; it speaks no other protocol"},
	};

	refuse(s, &rows[bad]);
}

static void
refuse_message(struct session *s)
{
	static const struct refusal r = {ERR_TOO_LONG, BYE_TOO_LONG,
	    "before the first accepted command a message seals 512 bytes at "
	    "most"};

	_Static_assert(CHANNEL_FIRST_PLAIN == 512, "as the text says");
	if (s->state < SESSION_ENDING)
		refuse(s, &r);
}

static bool
may_run(const struct session *s)
{
	return !s->paused && s->state < SESSION_ENDING &&
	       s->state != SESSION_SHAKING && !s->server->ending;
}

/* Takes lines from *in until it is empty or something has to be awaited. */
static void
take_lines(struct session *s, struct span *in, uint64_t now_ms)
{
	struct span line;
	enum frame_result r;

	while (may_run(s)) {
		/* How long the next line may be is decided by the answer. */
		if (s->state == SESSION_GREETING && s->answers.n > 0) {
			pause_reading(s);
			return;
		}
		if (session_queued(s) >= OUT_MAX) {
			s->full = true;
			pause_reading(s);
			return;
		}
		r = frame_next(&s->frame, in, &line);
		if (r == FRAME_MORE)
			return;
		if (r != FRAME_LINE) {
			refuse_frame(s, r);
			return;
		}
		if (!s->frame.was_bare)
			s->framed = true;
		run_line(s, line, now_ms);
	}
}

static void
take(struct session *s, struct span *in, uint64_t now_ms)
{
	s->running = true;
	take_lines(s, in, now_ms);
	s->running = false;
	frame_forget_line(&s->frame);
}

/* Settling it looks again whether all is done. */
static void
on_echoed(void *arg)
{
	answer_none(arg);
}

/*
 * The other side has closed, and waits for nothing more.  Anybody on the way
 * can say FIN: a secure session that ends without QUIT was cut, and is told of
 * as that, here by the lack of a BYE.
 */
static void
end_closed(struct session *s, const char *why)
{
	if (!s->channel) {
		session_end(s, BYE_QUIT, 0, "%s", why);
		return;
	}
	log_info(
	    "session", s->id, "cut reason=\"the stream ended without QUIT\"");
	blame_leaving(s);
	(void)session_out(s); /* what waits in it, if anything, still goes */
	leave(s, "cut: the stream ended without QUIT");
}

/* All that was read is answered and the other side has closed: so do we. */
static void
end_if_done(struct session *s)
{
	struct answer *a;

	if (!s->eof || s->paused || s->state >= SESSION_ENDING ||
	    s->answers.n > 0)
		return;
	a = answer_begin(&s->answers, SPAN_NONE);
	if (member_await_echo(s, NULL, on_echoed, a))
		return;
	end_closed(s, "you closed the connection");
	answer_none(a);
}

static void
resume(struct session *s)
{
	uint64_t now_ms;
	struct span in;

	if (s->running || s->state >= SESSION_ENDING)
		return;
	now_ms = clock_now_ms();
	s->running = true;
	s->paused = false;
	if (held_line(s).len > 0)
		run_line(s, held_line(s), now_ms);
	in = lines_ahead(s);
	take(s, &in, now_ms);
	if (s->state >= SESSION_ENDING)
		return;
	keep_ahead(s, in.len);
	if (!s->paused && !s->eof)
		session_watch(s, s->watched | SOCKET_READ);
	end_if_done(s);
}

/* Nothing is in flight any more: the server may let it go. */
static void
let_go(struct session *s)
{
	struct answer *a;

	if (s->state >= SESSION_ENDING || s->answers.n > 0)
		return;
	a = answer_begin(&s->answers, SPAN_NONE);
	if (member_await_echo(s, NULL, on_echoed, a))
		return;
	session_end(s, BYE_SHUTDOWN,
	    RETRY_MIN_MS +
		randombytes_uniform((uint32_t)s->server->config->drain + 1),
	    "the server is going down");
	answer_none(a);
}

void
session_drain(struct session *s)
{
	if (s->state >= SESSION_ENDING)
		return;
	pause_reading(s);
	let_go(s);
}

static void
on_settled(struct session *s)
{
	if (s->server->ending)
		let_go(s);
	else if (!s->running && !s->delayed && !s->full &&
		 (s->paused || s->eof))
		resume(s);
}

void
session_drained(struct session *s)
{
	s->full = false;
	on_settled(s);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;

	(void)fd, (void)what;
	s->delayed = false;
	resume(s);
}

/* Behind a BYE: what still comes is thrown away, so that closing does not
 * reset the connection before the BYE was read. */
static void
drain(struct session *s, ssize_t n)
{
	if (n > 0)
		s->drained += (unsigned)n;
	if (n == 0)
		s->eof = true;
	if (s->drained > DRAIN_MAX || (n == 0 && session_queued(s) == 0))
		lose(s, "ended");
	else if (n == 0)
		stop_reading(s);
}

static void
on_eof(struct session *s)
{
	if (s->state == SESSION_SHAKING ||
	    (s->channel && secure_is_partial(s->secure))) {
		lose(s, "cut: the stream ended within a message");
		return;
	}
	s->eof = true;
	s->deadline_ms = clock_now_ms() + (uint64_t)s->server->config->linger;
	stop_reading(s);
	end_if_done(s);
}

/* Lines, or pieces of them; gives what was not taken, which is kept but for
 * what follows SECURE. */
static struct span
on_lines(struct session *s, struct span in, uint64_t now_ms)
{
	take(s, &in, now_ms);
	if (in.len > 0 && s->state < SESSION_ENDING &&
	    s->state != SESSION_SHAKING)
		buf_add(&ahead_of(s)->lines, in.p, in.len);
	return in;
}

static void become_secure(struct session *s);

/* Noise messages, or pieces of them. */
static void
on_messages(struct session *s, struct span in, uint64_t now_ms)
{
	struct secure_work *w = &s->server->work;
	int err;

	/* What was said in the clear goes out in the clear. */
	if (!s->channel && buf_len(&s->out) > 0) {
		buf_add(&s->secure->wire, buf_head(&s->out), buf_len(&s->out));
		buf_clear(&s->out);
	}
	err = secure_open(s->secure, in, w);

	if (err == 0 && s->state == SESSION_SHAKING &&
	    channel_is_ready(s->secure->channel))
		become_secure(s);
	on_lines(
	    s, (struct span){buf_head(&w->plain), buf_len(&w->plain)}, now_ms);
	secure_work_clear(w);
	if (err == -CHANNEL_ELONG)
		refuse_message(s);
	else if (err < 0)
		lose(s, channel_strerror(err));
}

static void
on_bytes(struct session *s, struct span in)
{
	uint64_t now_ms = clock_now_ms();

	s->heard_ms = now_ms;
	s->pinged = false;
	if (s->state == SESSION_NEW || !s->secure)
		in = on_lines(s, in, now_ms);
	if (in.len > 0 && (s->state == SESSION_SHAKING || s->channel))
		on_messages(s, in, now_ms);
}

/* Lines with passwords pass here: whoever reads wipes, and so does whoever
 * frees a copy. */
static void
on_readable(struct session *s)
{
	static char shared[READ_MAX];
	size_t max = session_is_stranger(s) ? READ_STRANGER : sizeof shared;
	ssize_t n = recv(s->fd, shared, max, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		lose(s, strerror(errno));
	else if (s->state == SESSION_ENDING)
		drain(s, n);
	else if (n == 0)
		on_eof(s);
	else
		on_bytes(s, (struct span){shared, (size_t)n});
	if (n > 0 && !s->channel)
		sodium_memzero(shared, (size_t)n);
}

/* It may have been lost, or not wanted any more, earlier in this turn. */
void
session_on_socket(void *arg, unsigned ready)
{
	struct session *s = arg;
	bool readable = s->watched & ready & SOCKET_READ;

	if (readable && is_pausing(s))
		stop_reading(s);
	else if (readable)
		on_readable(s);
	if (s->watched & ready & SOCKET_WRITE)
		session_write(s);
}

void
session_watch(struct session *s, unsigned wanted)
{
	if (sockets_watch(s->server->sockets, s->fd, s->watched, wanted, s)) {
		s->watched = (unsigned char)wanted;
	} else {
		s->broken = true; /* and at the end of the turn lost */
		(void)session_out(s);
	}
}

void
session_lost(struct session *s, const char *why)
{
	lose(s, why);
}

void
session_free(struct session *s)
{
	frame_fini(&s->frame);
	forget_ahead(s);
	buf_free(&s->out);
	secure_free(s->secure);
	free(s->key);
	free(s);
}

/* --- the beginning -----------------------------------------------------------
 */

static void
put_kv(struct line_writer *w, const char *key, int64_t v)
{
	char kv[48];

	snprintf(kv, sizeof kv, "%s=%lld", key, (long long)v);
	line_put(w, span_of(kv));
}

static void
put_kv_str(struct line_writer *w, const char *key, const char *v)
{
	char kv[48];

	snprintf(kv, sizeof kv, "%s=%s", key, v);
	line_put(w, span_of(kv));
}

static bool
may_be_plain(const struct session *s)
{
	const struct config *c = s->server->config;

	return c->secure != SECURE_REQUIRED &&
	       (s->from.local || c->plaintext == PLAINTEXT_ANY);
}

/* Seconds, never 0 for something that is there. */
static int64_t
seconds(int64_t ms)
{
	return (ms + 999) / 1000;
}

/* What WELCOME's `secure` says to this session. */
static const char *
secure_word(const struct session *s)
{
	if (!s->server->identity)
		return "off";
	return may_be_plain(s) ? "offered" : "required";
}

static void
put_key(struct line_writer *w, const struct identity *id)
{
	char kv[4 + IDENTITY_KEY_TEXT + 1] = "key=";

	identity_key_text(identity_public(id), kv + 4);
	line_put(w, span_of(kv));
}

static void
put_self(struct line_writer *w, struct session *s)
{
	const struct config *c = s->server->config;
	char token[USER_TOKEN_LEN + 1];

	put_kv(w, "ping", seconds(c->ping));
	put_kv(w, "dedupe", seconds(c->dedupe));
	put_kv_str(w, "durable", relay_durability(s->server->relay));
	if (user_is_account(s->user)) {
		put_kv_str(w, "account", s->user->id);
		return;
	}
	user_new_token(s->user, s->channel != NULL, token);
	put_kv_str(w, "resume", token);
	sodium_memzero(token, sizeof token);
}

/* Gives its payload, good until something is added to the queue. */
static struct span
say_welcome(struct session *s)
{
	const struct config *c = s->server->config;
	struct buf *out = session_out(s);
	size_t begin = buf_len(out);
	struct line_writer w;
	struct span line;

	line_begin(&w, out);
	line_put(&w, SPAN("WELCOME snug/1"));
	line_put(&w, span_of(s->server->name));
	line_put(&w, s->plain_refused ? SPAN("*") : span_of(s->user->shown));
	put_kv(&w, "max-line", c->max_line);
	put_kv(&w, "max-text", c->max_text);
	if (!s->plain_refused)
		put_self(&w, s);
	put_kv_str(&w, "secure", secure_word(s));
	if (s->server->identity)
		put_key(&w, s->server->identity);
	line_end(&w);
	line = (struct span){buf_head(out) + begin, buf_len(out) - begin - 1};
	text_word(&line); /* the length */
	return line;
}

void
session_welcome(struct session *s)
{
	(void)say_welcome(s);
}

static void
say_motd(struct session *s)
{
	struct span rest = span_of(s->server->motd), line;
	const char *lf;

	while (rest.len > 0) {
		lf = memchr(rest.p, '\n', rest.len);
		line = (struct span){
		    rest.p, lf ? (size_t)(lf - rest.p) : rest.len};
		render_notice(session_out(s), SPAN_NONE, NOTICE_MOTD, line);
		rest.p += line.len + (lf ? 1 : 0);
		rest.len -= line.len + (lf ? 1 : 0);
	}
}

/* What goes with a WELCOME that lets somebody in. */
static void
say_news(struct session *s)
{
	say_motd(s);
	if (!relay_is_up(s->server->relay))
		render_notice(session_out(s), SPAN_NONE, NOTICE_RELAY_DOWN,
		    SPAN("the relay is away; nothing can be said until it is "
			 "back"));
}

void
session_stay_plain(struct session *s)
{
	if (s->state != SESSION_NEW)
		return;
	secure_free(s->secure);
	s->secure = NULL;
	set_state(s, SESSION_GREETING);
	if (!s->plain_refused)
		say_news(s);
}

static uint64_t
greeting_deadline(const struct session *s)
{
	const struct config *c = s->server->config;

	return s->born_ms +
	       (uint64_t)(s->from.local ? c->greet_local : c->greet);
}

/* The first command of a session, and the limits that go with it. */
static void
expect_greeting(struct session *s)
{
	int64_t max = s->server->config->max_line;

	frame_init(&s->frame,
	    (unsigned)(max < GREETING_LINE ? max : GREETING_LINE), true);
	s->deadline_ms = greeting_deadline(s);
}

void
session_secure(struct session *s, struct span line)
{
	uint64_t limit =
	    clock_now_ms() + (uint64_t)s->server->config->handshake;

	secure_begin(s->secure, identity_keypair(s->server->identity), line);
	if (limit < s->deadline_ms)
		s->deadline_ms = limit;
	set_state(s, SESSION_SHAKING);
}

static void
announce_next_key(struct session *s)
{
	char key[IDENTITY_KEY_TEXT + 1];

	if (s->server->next_identity)
		render_notice(session_out(s), SPAN_NONE, NOTICE_NEXT_KEY,
		    span_of(identity_key_text(
			identity_public(s->server->next_identity), key)));
}

/* Message 2 is on its way, and all that follows is sealed. */
static void
become_secure(struct session *s)
{
	s->channel = s->secure->channel;
	s->plain_refused = false;
	frame_fini(&s->frame);
	expect_greeting(s);
	channel_set_max(s->channel, CHANNEL_FIRST_MAX);
	set_state(s, SESSION_GREETING);
	(void)say_welcome(s);
	announce_next_key(s);
	say_news(s);
}

const struct addr_key *
session_addr(const struct session *s, struct addr_key *key)
{
	if (!s->from.has_ip)
		return NULL;
	*key = addr_key_of(&s->from.ip);
	return key;
}

static const struct answers_to answers_to = {
    .at = offsetof(struct session, answers),
    .out = session_out,
    .accepted = session_accept,
    .settled = on_settled};

struct session *
session_start(struct server *sv, int fd, const struct caller *who)
{
	struct session *s = xcalloc(1, sizeof *s);
	struct span welcome;

	s->id = ++sv->next_session;
	s->server = sv;
	s->fd = fd;
	s->from = *who;
	s->plain_refused = !may_be_plain(s);
	s->born_ms = s->heard_ms = clock_now_ms();
	expect_greeting(s);
	SLIST_INIT(&s->memberships);
	answers_init(&s->answers, &answers_to);
	s->user = user_new_guest(sv->users);
	user_add_session(s->user, s);
	session_watch(s, SOCKET_READ);
	TAILQ_INSERT_TAIL(&sv->sessions, s, next);
	sv->nsessions++;
	log_info("session", s->id, "open nick=%s local=%s", s->user->shown,
	    who->local ? "yes" : "no");
	/* Nothing more before the first line: it may be SECURE. */
	welcome = say_welcome(s);
	if (sv->identity)
		s->secure = secure_new(welcome);
	return s;
}

void
session_accept(struct session *s)
{
	if (s->state != SESSION_GREETING)
		return;
	set_state(s, SESSION_READY);
	gate_known(s->server->gate, s);
	if (s->channel)
		channel_set_max(s->channel, NOISE_MESSAGE_MAX);
	frame_set_max(&s->frame, (unsigned)s->server->config->max_line);
}

bool
session_is_stranger(const struct session *s)
{
	return s->state < SESSION_READY;
}

struct membership *
session_membership(struct session *s, const struct room *r)
{
	struct membership *m;

	SLIST_FOREACH (m, &s->memberships, next)
		if (m->room == r)
			return m;
	return NULL;
}

/* --- time --------------------------------------------------------------- */

static void
tick_ping(struct session *s, uint64_t now_ms)
{
	uint64_t ping = (uint64_t)s->server->config->ping;
	uint64_t silent = now_ms - s->heard_ms;
	char token[24];

	/* People at netcat are not pinged; a session that we do not read from
	 * cannot be blamed for its silence. */
	if (!s->framed || s->paused)
		return;
	if (silent >= 2 * ping) {
		session_end(s, BYE_PING_TIMEOUT, 1000,
		    "nothing was heard from you for %llu s",
		    (unsigned long long)(silent / 1000));
	} else if (silent >= ping && !s->pinged) {
		s->pinged = true;
		snprintf(
		    token, sizeof token, "%llu", (unsigned long long)now_ms);
		render_event(session_out(s), SPAN_NONE, "PING", span_of(token),
		    SPAN_NONE, SPAN_NONE);
	}
}

/* Readings that the relay could not serve. */
static void
tick_readings(struct session *s)
{
	struct membership *m, *next;

	for (m = SLIST_FIRST(&s->memberships); m; m = next) {
		next = SLIST_NEXT(m, next);
		if (m->reading)
			history_retry(m->reading);
	}
}

/* A server that goes down does not wait until the others hang up. */
static void
tick_ending(struct session *s, uint64_t now_ms)
{
	if (now_ms >= s->deadline_ms)
		lose(s, "did not take its last lines in time");
	else if (s->server->ending && buf_len(&s->out) == 0)
		lose(s, "the server ended");
}

static void
tick(struct session *s, uint64_t now_ms)
{
	if (s->state == SESSION_ENDING) {
		tick_ending(s, now_ms);
		return;
	}
	tick_readings(s);
	if (s->eof) {
		if (now_ms >= s->deadline_ms)
			end_closed(s, "you closed the connection; the rest of "
				      "your commands took too long");
		return;
	}
	if (s->state == SESSION_SHAKING) {
		if (now_ms >= s->deadline_ms)
			lose(s, "the handshake was not finished in time");
		return;
	}
	if (s->state <= SESSION_GREETING) {
		/* A command that waits for the relay has come. */
		if (now_ms >= s->deadline_ms && s->answers.n == 0) {
			gate_blame(s->server->gate, s, PENALTY_TIMEOUT, now_ms);
			session_end(s, BYE_PING_TIMEOUT, 0,
			    "no command came in time; say HELP to see them");
		}
		return;
	}
	tick_ping(s, now_ms);
}

void
sessions_tick(struct server *sv, uint64_t now_ms)
{
	struct session *s, *next;

	for (s = TAILQ_FIRST(&sv->sessions); s; s = next) {
		next = TAILQ_NEXT(s, next);
		tick(s, now_ms);
	}
	spares_trim(&sv->spares);
}
