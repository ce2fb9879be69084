/* SPDX-License-Identifier: ISC */
/*
 * Commands: one row each, for dispatch, help, completion and the manual.
 *
 * A word that is no command is never sent as text and never taken for the
 * beginning of one that is: whoever mistypes /part must not say so in public,
 * nor leave by it.  On any error the line stays in the input.
 */
#include "client/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef const struct command_env env_t;

enum { NEAR = 2 }; /* typing errors a suggestion may have */

static struct window *
here(env_t *env)
{
	return model_current(env->m);
}

static int
fail(char cause[static ERR_LEN], const char *why)
{
	snprintf(cause, ERR_LEN, "%s", why);
	return -1;
}

static struct span
strip(struct span s)
{
	while (s.len > 0 && s.p[0] == ' ')
		s = (struct span){s.p + 1, s.len - 1};
	while (s.len > 0 && s.p[s.len - 1] == ' ')
		s.len--;
	return s;
}

/* The first word of args, and the rest without blanks before it. */
static struct span
next_word(struct span *args)
{
	struct span word = text_word(args);
	*args = strip(*args);
	return word;
}

/* A name as people write it: a room's # and a person's @ may be there. */
static int
get_name(
    struct span s, char sigil, struct name *name, char cause[static ERR_LEN])
{
	if (s.len > 1 && s.p[0] == sigil)
		s = (struct span){s.p + 1, s.len - 1};
	int err = name_check(s, false, name);
	if (err == 0)
		return 0;
	struct safe shown = safe_new(s, 0);
	snprintf(cause, ERR_LEN, "%.80s: %s", shown.utf8, name_strerror(err));
	safe_free(&shown);
	return -1;
}

static int
need_room(env_t *env, char cause[static ERR_LEN])
{
	return here(env)->kind == WINDOW_ROOM
		   ? 0
		   : fail(cause,
			 "this window is no room: /join one, or go to it");
}

/* --- the commands -------------------------------------------------------- */

/* What stands behind a room, unless it is the next one. */
static int
get_key(struct span *args, struct span *key, char cause[static ERR_LEN])
{
	if (args->len == 0 || args->p[0] == '#')
		return 0;
	*key = next_word(args);
	if (text_check(key->p, key->len, NULL) == 0 &&
	    !memchr(key->p, '\t', key->len))
		return 0;
	return fail(cause, "a room's key is one word, without tabs");
}

static int
run_join(env_t *env, struct span args, char cause[static ERR_LEN])
{
	struct name name;
	struct window *w = NULL;
	while (args.len > 0) {
		struct span key = SPAN_NONE;
		if (get_name(next_word(&args), '#', &name, cause) < 0 ||
		    get_key(&args, &key, cause) < 0)
			return -1;
		w = chat_join_by_key(env->chat, &name, key);
		if (!w)
			return 0;
	}
	model_select(env->m, model_index(env->m, w));
	return 0;
}

static int
run_part(env_t *env, struct span args, char cause[static ERR_LEN])
{
	struct window *w = here(env);
	if (w->kind == WINDOW_SERVER)
		return fail(cause, "this is the server's window: it stays");
	if (w->nsends > 0)
		return fail(cause,
		    "lines wait here that the server has not settled: "
		    "/resend or /discard them first");
	chat_part(env->chat, w, args);
	return 0;
}

static int
run_query(env_t *env, struct span args, char cause[static ERR_LEN])
{
	struct name name;
	if (get_name(next_word(&args), '@', &name, cause) < 0)
		return -1;
	struct window *w = chat_query(env->chat, &name);
	if (!w)
		return 0;
	model_select(env->m, model_index(env->m, w));
	return args.len == 0 || chat_say(env->chat, w, args, false)
		   ? 0
		   : fail(cause, "not sent");
}

static int
run_msg(env_t *env, struct span args, char cause[static ERR_LEN])
{
	struct name name;
	struct span whole = args;
	struct span who = next_word(&args);
	struct window *w;
	if (args.len == 0)
		return run_query(env, whole, cause);
	if (who.p[0] == '#') {
		if (get_name(who, '#', &name, cause) < 0)
			return -1;
		w = model_find(env->m, WINDOW_ROOM, name.fold);
		if (!w)
			return fail(cause, "join that room first");
	} else {
		if (get_name(who, '@', &name, cause) < 0)
			return -1;
		w = chat_query(env->chat, &name);
	}
	return w && chat_say(env->chat, w, args, false)
		   ? 0
		   : fail(cause, "not sent");
}

static int
run_me(env_t *env, struct span args, char cause[static ERR_LEN])
{
	return chat_say(env->chat, here(env), args, true)
		   ? 0
		   : fail(cause, "not sent");
}

static int
run_nick(env_t *env, struct span args, char cause[static ERR_LEN])
{
	struct name name;
	if (get_name(next_word(&args), '@', &name, cause) < 0)
		return -1;
	chat_nick(env->chat, &name);
	return 0;
}

static int
run_topic(env_t *env, struct span args, char cause[static ERR_LEN])
{
	if (need_room(env, cause) < 0)
		return -1;
	bool clear = span_is(args, "-clear");
	chat_topic(env->chat, here(env), clear ? SPAN_NONE : args, clear);
	return 0;
}

static int
run_names(env_t *env, struct span args, char cause[static ERR_LEN])
{
	(void)args;
	if (need_room(env, cause) < 0)
		return -1;
	chat_names(env->chat, here(env));
	return 0;
}

static int
run_list(env_t *env, struct span args, char cause[static ERR_LEN])
{
	(void)cause;
	chat_rooms(env->chat, args);
	return 0;
}

/* "-90s", "-10m", "-2h", "-7d": for so long; anything else is text. */
static int
get_for(struct span *args, uint64_t *seconds, char cause[static ERR_LEN])
{
	static const struct {
		char unit;
		unsigned seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	uint64_t n;
	if (args->len < 2 || args->p[0] != '-' || args->p[1] < '0' ||
	    args->p[1] > '9')
		return 0;
	struct span word = next_word(args);
	struct span digits = {word.p + 1, word.len - 2};
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (word.p[word.len - 1] != units[i].unit ||
		    !text_u64(digits, 1000000, &n) || n == 0)
			continue;
		*seconds = n * units[i].seconds;
		return 0;
	}
	return fail(cause, "for how long? such as -90s, -10m, -2h or -7d");
}

static int
moderate(env_t *env, struct span args, bool timed, char cause[static ERR_LEN])
{
	struct name name;
	struct chat_act act = {.verb = env->command->name};
	if (need_room(env, cause) < 0 ||
	    get_name(next_word(&args), '@', &name, cause) < 0 ||
	    (timed && get_for(&args, &act.for_s, cause) < 0))
		return -1;
	act.whom = span_of(name.shown);
	act.text = args;
	chat_govern(env->chat, here(env), &act);
	return 0;
}

/* What is done to somebody in this room. */
static int
run_moderate(env_t *env, struct span args, char cause[static ERR_LEN])
{
	return moderate(env, args, false, cause);
}

/* /ban and /mute: for good, or for a time. */
static int
run_restrict(env_t *env, struct span args, char cause[static ERR_LEN])
{
	return moderate(env, args, true, cause);
}

static int
run_room(env_t *env, struct span args, char cause[static ERR_LEN])
{
	struct chat_act act = {.verb = "room"};
	struct span rest = args;
	if (need_room(env, cause) < 0)
		return -1;
	act.clear = span_is(next_word(&rest), "-clear");
	act.text = act.clear ? rest : args;
	if (act.clear && rest.len == 0)
		return fail(cause, "what? such as /room -clear slow");
	chat_govern(env->chat, here(env), &act);
	return 0;
}

static int
run_kill(env_t *env, struct span args, char cause[static ERR_LEN])
{
	struct name name;
	struct chat_act act = {.verb = "kill"};
	if (get_name(next_word(&args), '@', &name, cause) < 0)
		return -1;
	act.whom = span_of(name.shown);
	act.text = args;
	chat_govern(env->chat, NULL, &act);
	return 0;
}

/* /deny and /allow: whom is the server's to judge. */
static int
run_gate(env_t *env, struct span args, char cause[static ERR_LEN])
{
	struct chat_act act = {.verb = env->command->name};
	act.whom = next_word(&args);
	if (get_for(&args, &act.for_s, cause) < 0)
		return -1;
	act.text = args;
	chat_govern(env->chat, NULL, &act);
	return 0;
}

/* /announce and /stats. */
static int
run_serve(env_t *env, struct span args, char cause[static ERR_LEN])
{
	struct chat_act act = {.verb = env->command->name, .text = args};
	(void)cause;
	chat_govern(env->chat, NULL, &act);
	return 0;
}

static int
run_whois(env_t *env, struct span args, char cause[static ERR_LEN])
{
	struct name name = here(env)->name;
	if (args.len == 0 && here(env)->kind != WINDOW_PERSON)
		return fail(cause, "who? /whois NICK");
	if (args.len > 0 && get_name(next_word(&args), '@', &name, cause) < 0)
		return -1;
	chat_whois(env->chat, &name);
	return 0;
}

static int
run_clear(env_t *env, struct span args, char cause[static ERR_LEN])
{
	(void)args;
	(void)cause;
	buffer_clear(&here(env)->buffer);
	here(env)->at_origin = false;
	env->m->dirty |= DIRTY_PANE;
	return 0;
}

static int
run_window(env_t *env, struct span args, char cause[static ERR_LEN])
{
	uint64_t n;
	struct span word = next_word(&args);
	if (text_u64(word, WINDOWS_MAX, &n) && n < env->m->n) {
		model_select(env->m, n);
		return 0;
	}
	for (size_t i = 0; i < env->m->n; i++) {
		struct window *w = env->m->windows[i];
		if (span_is_nocase(word, w->title.utf8) ||
		    span_is_nocase(word, w->name.shown)) {
			model_select(env->m, i);
			return 0;
		}
	}
	return fail(cause, "there is no such window");
}

static int
run_resend(env_t *env, struct span args, char cause[static ERR_LEN])
{
	(void)args;
	(void)cause;
	chat_resend(env->chat, here(env));
	return 0;
}

static int
run_discard(env_t *env, struct span args, char cause[static ERR_LEN])
{
	(void)args;
	if (!chat_discard(env->chat, here(env)))
		return fail(cause, "nothing here has failed");
	return 0;
}

static int
run_reconnect(env_t *env, struct span args, char cause[static ERR_LEN])
{
	(void)args;
	(void)cause;
	net_disconnect(chat_net(env->chat), "reconnecting");
	net_connect(chat_net(env->chat));
	return 0;
}

static int
run_disconnect(env_t *env, struct span args, char cause[static ERR_LEN])
{
	(void)args;
	(void)cause;
	net_disconnect(chat_net(env->chat), "you disconnected; /reconnect");
	return 0;
}

static int
run_redraw(env_t *env, struct span args, char cause[static ERR_LEN])
{
	(void)args;
	(void)cause;
	if (env->ops->redraw)
		env->ops->redraw(env->arg);
	return 0;
}

static int
run_quit(env_t *env, struct span args, char cause[static ERR_LEN])
{
	(void)cause;
	if (env->ops->quit)
		env->ops->quit(env->arg, args);
	return 0;
}

static int
run_register(env_t *env, struct span args, char cause[static ERR_LEN])
{
	(void)cause;
	(void)args;
	chat_register(env->chat);
	return 0;
}

/* A password in the line would be on the screen, and in the history. */
static int
run_login(env_t *env, struct span args, char cause[static ERR_LEN])
{
	struct name name;
	if (get_name(next_word(&args), '@', &name, cause) < 0)
		return -1;
	if (args.len > 0)
		return fail(cause,
		    "the name alone: the password is asked for, and not "
		    "shown");
	if (env->ops->ask && chat_can_login(env->chat))
		env->ops->ask(env->arg, SECRET_LOGIN, &name);
	return 0;
}

static int
run_password(env_t *env, struct span args, char cause[static ERR_LEN])
{
	if (span_is(args, "-clear"))
		chat_password(env->chat, SPAN_NONE);
	else if (args.len > 0)
		return fail(
		    cause, "/password alone: it is asked for, and not shown");
	else if (env->ops->ask && chat_can_set_password(env->chat))
		env->ops->ask(env->arg, SECRET_PASSWORD, NULL);
	return 0;
}

static int
run_keys(env_t *env, struct span args, char cause[static ERR_LEN])
{
	struct span what = next_word(&args);
	if (what.len == 0 || span_is(what, "list"))
		chat_keys(env->chat);
	else if (span_is(what, "add") && args.len == 0)
		chat_key_add(env->chat);
	else if (span_is(what, "del") && text_is_visible_ascii(args))
		chat_key_del(env->chat, args);
	else
		return fail(cause, "usage: /keys [list | add | del key]");
	return 0;
}

static int run_help(env_t *env, struct span args, char cause[static ERR_LEN]);

/* clang-format off */
const struct command commands[] = {
	/* name, aliases, usage, first word, words needed, handler, help;
	 * sorted by name */
	{"allow", "", "address[/bits]", ARG_NONE, 1, run_gate,
	 "server operators: let an address connect again"},
	{"announce", "", "text", ARG_TEXT, 1, run_serve,
	 "server operators: tell everybody on the server"},
	{"ban", "b", "nick [-10m] [why]", ARG_NICK, 1, run_restrict,
	 "put somebody out of this room and keep them out"},
	{"clear", "c", "", ARG_NONE, 0, run_clear,
	 "empty this window; the server keeps its history"},
	{"deny", "", "address[/bits] [-10m] [why]", ARG_NONE, 1, run_gate,
	 "server operators: let nobody connect from an address"},
	{"deop", "", "nick", ARG_NICK, 1, run_moderate,
	 "take an operator's rights in this room back"},
	{"discard", "", "", ARG_NONE, 0, run_discard,
	 "drop the last line that could not be sent"},
	{"disconnect", "", "", ARG_NONE, 0, run_disconnect,
	 "leave the server, keep the windows"},
	{"help", "h ?", "[command]", ARG_COMMAND, 0, run_help,
	 "list the commands, or explain one"},
	{"invite", "", "nick", ARG_NICK, 1, run_moderate,
	 "let somebody into this room, private or with a key as it is"},
	{"join", "j", "room [key]", ARG_ROOM, 1, run_join,
	 "enter a room, new or old, and show it; #a #b enters both"},
	{"keys", "", "[add|del key]", ARG_NONE, 0, run_keys,
	 "list your account's keys, add this machine's, or drop one"},
	{"kick", "k", "nick [why]", ARG_NICK, 1, run_moderate,
	 "put somebody out of this room"},
	{"kill", "", "nick [why]", ARG_NICK, 1, run_kill,
	 "server operators: end somebody's sessions"},
	{"list", "rooms", "[pattern]", ARG_NONE, 0, run_list,
	 "list the server's rooms, such as /list a*"},
	{"login", "", "nick", ARG_NICK, 1, run_login,
	 "become an account by its password, which is asked for"},
	{"me", "action describe", "text", ARG_TEXT, 1, run_me,
	 "say what you do"},
	{"msg", "m", "nick|#room text", ARG_NICK, 1, run_msg,
	 "send without leaving this window; /msg nick opens one"},
	{"mute", "", "nick [-10m] [why]", ARG_NICK, 1, run_restrict,
	 "let somebody listen in this room and not talk"},
	{"names", "n", "", ARG_NONE, 0, run_names,
	 "list who is in this room"},
	{"nick", "", "nick", ARG_NICK, 1, run_nick,
	 "take another name"},
	{"op", "", "nick", ARG_NICK, 1, run_moderate,
	 "make somebody an operator of this room"},
	{"part", "leave p close wc", "[why]", ARG_TEXT, 0, run_part,
	 "leave this room and close its window"},
	{"password", "", "[-clear]", ARG_NONE, 0, run_password,
	 "set your account's password, or have none"},
	{"query", "q", "nick [text]", ARG_NICK, 1, run_query,
	 "talk with one person in a window of its own"},
	{"quit", "exit bye", "[why]", ARG_TEXT, 0, run_quit,
	 "end snug"},
	{"reconnect", "connect", "", ARG_NONE, 0, run_reconnect,
	 "connect again, now"},
	{"redraw", "", "", ARG_NONE, 0, run_redraw,
	 "paint the screen anew (Ctrl-l)"},
	{"register", "", "", ARG_NONE, 0, run_register,
	 "make an account of your name and this machine's key"},
	{"resend", "", "", ARG_NONE, 0, run_resend,
	 "try the last line that could not be sent again"},
	{"room", "settings", "[-clear] [key=value ...]", ARG_SETTING, 0, run_room,
	 "show or set what this room is like: private=yes slow=10"},
	{"stats", "", "", ARG_NONE, 0, run_serve,
	 "server operators: the server's counters"},
	{"topic", "t", "[text|-clear]", ARG_TOPIC, 0, run_topic,
	 "show, set or clear this room's topic"},
	{"unban", "", "nick", ARG_NICK, 1, run_moderate,
	 "let somebody come back into this room"},
	{"unmute", "", "nick", ARG_NICK, 1, run_moderate,
	 "let somebody talk in this room again"},
	{"whois", "wi w", "[nick]", ARG_NICK, 0, run_whois,
	 "ask the server about somebody"},
	{"window", "win buffer", "number|name", ARG_ROOM, 1, run_window,
	 "go to a window; /3 is short for /window 3"},
};
/* clang-format on */
const size_t commands_n = ARRAY_LEN(commands);

/* --- finding ------------------------------------------------------------- */

/* ASCII case apart; words above 32 bytes are never alike. */
static bool
is_same(struct span a, struct span b)
{
	return text_distance(a, b) == 0;
}

static bool
has_word(const char *list, struct span word)
{
	struct span rest = span_of(list);
	while (rest.len > 0)
		if (is_same(text_word(&rest), word))
			return true;
	return false;
}

const struct command *
command_find(struct span word)
{
	for (size_t i = 0; i < commands_n; i++)
		if (is_same(word, span_of(commands[i].name)) ||
		    has_word(commands[i].aliases, word))
			return &commands[i];
	return NULL;
}

/* The command most like the word: one that begins with it, or the nearest. */
static const struct command *
nearest(struct span word)
{
	const struct command *best = NULL;
	size_t least = NEAR + 1;
	for (size_t i = 0; i < commands_n; i++) {
		struct span name = span_of(commands[i].name);
		if (word.len < name.len &&
		    is_same(word, (struct span){name.p, word.len}))
			return &commands[i];
		size_t d = text_distance(word, name);
		if (d < least) {
			least = d;
			best = &commands[i];
		}
	}
	return best;
}

static int
unknown(struct span word, char cause[static ERR_LEN])
{
	struct safe shown = safe_new(word, 0);
	const struct command *c = nearest(word);
	if (c)
		snprintf(cause, ERR_LEN,
		    "there is no /%.40s; did you mean /%s? (//%.40s sends it "
		    "as text)",
		    shown.utf8, c->name, shown.utf8);
	else
		snprintf(cause, ERR_LEN,
		    "there is no /%.40s; /help lists the commands, //%.40s "
		    "sends it as text",
		    shown.utf8, shown.utf8);
	safe_free(&shown);
	return -1;
}

static unsigned
count_words(struct span args)
{
	unsigned n = 0;
	while (args.len > 0) {
		next_word(&args);
		n++;
	}
	return n;
}

static int
run_command(env_t *env, struct span line, char cause[static ERR_LEN])
{
	struct span args = line;
	struct span word = text_word(&args);
	const struct command *c = command_find(word);
	uint64_t n;
	args = strip(args);
	if (text_u64(word, WINDOWS_MAX, &n))
		return run_window(env, word, cause);
	if (word.len == 0)
		return fail(cause, "which command? /help lists them");
	if (!c)
		return unknown(word, cause);
	if (count_words(args) < c->min) {
		snprintf(cause, ERR_LEN, "usage: /%s %s", c->name, c->usage);
		return -1;
	}
	struct command_env running = *env;
	running.command = c;
	return c->run(&running, args, cause);
}

int
command_line(env_t *env, struct span line, char cause[static ERR_LEN])
{
	struct span bare = line;
	while (bare.len > 0 && (bare.p[0] == ' ' || bare.p[0] == '\t'))
		bare = (struct span){bare.p + 1, bare.len - 1};
	if (bare.len == 0)
		return 0;
	if (bare.p[0] != '/')
		return chat_say(env->chat, here(env), line, false)
			   ? 0
			   : fail(cause, "");
	bare = (struct span){bare.p + 1, bare.len - 1};
	if (bare.len > 0 && bare.p[0] == '/')
		return chat_say(env->chat, here(env), bare, false)
			   ? 0
			   : fail(cause, "");
	return run_command(env, bare, cause);
}

/* --- help ---------------------------------------------------------------- */

static void
explain(env_t *env, const struct command *c)
{
	const char *gap = *c->usage ? " " : "";
	const char *also = *c->aliases ? "  Also: /" : "";
	model_note(env->m, here(env), ENTRY_INFO, "/%s%s%s: %s.%s%s", c->name,
	    gap, c->usage, c->help, also, c->aliases);
}

static int
run_help(env_t *env, struct span args, char cause[static ERR_LEN])
{
	if (args.len > 0) {
		struct span word = next_word(&args);
		if (word.len > 1 && word.p[0] == '/')
			word = (struct span){word.p + 1, word.len - 1};
		const struct command *c = command_find(word);
		if (!c)
			return unknown(word, cause);
		explain(env, c);
		return 0;
	}
	for (size_t i = 0; i < commands_n; i++)
		model_note(env->m, here(env), ENTRY_INFO, "/%s%s%s - %s",
		    commands[i].name, *commands[i].usage ? " " : "",
		    commands[i].usage, commands[i].help);
	model_note(env->m, here(env), ENTRY_INFO,
	    "Keys: Tab completes, Alt-1..0 and Ctrl-n/p change windows, Alt-a "
	    "goes to what is new, PgUp scrolls and fetches, F7 and F8 list "
	    "rooms and people; more in snug(1)");
	return 0;
}
