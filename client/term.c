/* SPDX-License-Identifier: ISC */
/*
 * The terminal, and giving it back.
 *
 * Curses restores what it changed only where endwin() runs.  A crash or a kill
 * must not leave a shell without echo, so at term_enter() everything that
 * brings the terminal back is written down as bytes beforehand, and a handler
 * for each fatal signal writes them with write() and tcsetattr() alone, both
 * safe there, then lets the signal do its work.
 *
 * Signals that ask to end politely (TERM, HUP, INT) are the loop's: app.c.
 */
#include "client/term.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "client/keymap.h"
#include "client/theme.h"

enum {
	RESTORE_MAX = 512,
	PASTE_MAX = 1 << 20,
	ESC_MS = 25,
	/* codes of our own, above curses' */
	CODE_PASTE_BEGIN = KEY_MAX + 1,
	CODE_PASTE_END,
	CODE_CTRL_LEFT,
	CODE_CTRL_RIGHT,
	CODE_ALT_FIRST, /* then one for each of alt_keys[] */
};

#define PASTE_ON "\033[?2004h"
#define PASTE_OFF "\033[?2004l"

static struct {
	bool on;
	struct termios before;
	volatile sig_atomic_t armed; /* for the handler */
	size_t restore_len;
	char restore[RESTORE_MAX];
	struct buf paste;
	bool gone;
	char stack[65536]; /* the handler's: SIGSEGV may be the stack's end */
} term;

static const int fatal[] = {
    SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGQUIT, SIGSYS, SIGTRAP};

/* Keys that terminals send as CSI 1;3 X with Alt. */
static const struct {
	const char *sequence;
	uint32_t key;
} alt_keys[] = {
    {"\033[1;3A", K_UP},
    {"\033[1;3B", K_DOWN},
    {"\033[1;3C", K_RIGHT},
    {"\033[1;3D", K_LEFT},
    {"\033[1;3F", K_END},
    {"\033[1;3H", K_HOME},
};

static const struct {
	int code;
	uint32_t key;
} special_keys[] = {
    {KEY_UP, K_UP},
    {KEY_DOWN, K_DOWN},
    {KEY_LEFT, K_LEFT},
    {KEY_RIGHT, K_RIGHT},
    {KEY_HOME, K_HOME},
    {KEY_END, K_END},
    {KEY_PPAGE, K_PGUP},
    {KEY_NPAGE, K_PGDN},
    {KEY_DC, K_DELETE},
    {KEY_BACKSPACE, K_BACKSPACE},
    {KEY_BTAB, K_BACKTAB},
    {KEY_ENTER, K_ENTER},
    {KEY_F(7), K_F7},
    {KEY_F(8), K_F8},
    {KEY_RESIZE, K_RESIZE},
    {CODE_CTRL_LEFT, K_CTRL_LEFT},
    {CODE_CTRL_RIGHT, K_CTRL_RIGHT},
};

/* --- before anything ----------------------------------------------------- */

int
term_locale(char cause[static ERR_LEN])
{
	if (setlocale(LC_ALL, "") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0)
		return 0;
	if (setlocale(LC_CTYPE, "C.UTF-8") || setlocale(LC_CTYPE, "C.utf8"))
		return 0;
	snprintf(cause, ERR_LEN,
	    "the locale is not a UTF-8 one, and C.UTF-8 is missing: set LANG");
	return -1;
}

int
term_check(char cause[static ERR_LEN])
{
	const char *name = getenv("TERM");
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		snprintf(cause, ERR_LEN,
		    "this is no terminal; in scripts and pipes use "
		    "`snug send ROOM` and `snug tail ROOM`");
		return -1;
	}
	if (!name || !*name || strcmp(name, "dumb") == 0) {
		snprintf(cause, ERR_LEN,
		    "the terminal cannot place its cursor (TERM=%.40s); use "
		    "`snug send ROOM` and `snug tail ROOM`",
		    name ? name : "");
		return -1;
	}
	return 0;
}

/* --- the way back, written down beforehand ------------------------------- */

static int
put_restore(int c)
{
	if (term.restore_len < RESTORE_MAX)
		term.restore[term.restore_len++] = (char)c;
	return c;
}

static void
write_down(const char *capability)
{
	const char *s = tigetstr(capability);
	if (s && s != (const char *)-1)
		tputs(s, 1, put_restore);
}

static void
write_restore(void)
{
	term.restore_len = 0;
	for (const char *p = PASTE_OFF; *p; p++)
		put_restore(*p);
	write_down("sgr0");
	write_down("cnorm");
	write_down("rmkx");
	write_down("rmcup");
}

static void
put_all(const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, p, len);
		if (n < 0 && errno != EINTR)
			return;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
}

static void
on_fatal(int sig)
{
	int saved = errno;
	if (term.armed) {
		term.armed = 0;
		put_all(term.restore, term.restore_len);
		tcsetattr(STDIN_FILENO, TCSANOW, &term.before);
	}
	errno = saved;
	/* SA_RESETHAND has put the default back: it ends us as it should */
	raise(sig);
}

static void
arm(void)
{
	stack_t stack = {.ss_sp = term.stack, .ss_size = sizeof(term.stack)};
	struct sigaction sa = {.sa_handler = on_fatal,
	    .sa_flags = SA_ONSTACK | SA_RESETHAND | SA_NODEFER};
	sigemptyset(&sa.sa_mask);
	sigaltstack(&stack, NULL);
	for (size_t i = 0; i < ARRAY_LEN(fatal); i++)
		sigaction(fatal[i], &sa, NULL);
	term.armed = 1;
}

/* --- entering and leaving ------------------------------------------------ */

static void
define_keys(void)
{
	define_key("\033[200~", CODE_PASTE_BEGIN);
	define_key("\033[201~", CODE_PASTE_END);
	define_key("\033[1;5D", CODE_CTRL_LEFT);
	define_key("\033[1;5C", CODE_CTRL_RIGHT);
	for (size_t i = 0; i < ARRAY_LEN(alt_keys); i++)
		define_key(alt_keys[i].sequence, CODE_ALT_FIRST + (int)i);
}

static void
set_modes(void)
{
	raw();
	noecho();
	nonl();
	nodelay(stdscr, TRUE);
	keypad(stdscr, TRUE);
	scrollok(stdscr, FALSE);
	leaveok(stdscr, FALSE);
	typeahead(-1); /* frames are whole; the loop sees to their number */
	put_all(PASTE_ON, sizeof(PASTE_ON) - 1);
}

static bool
wants_colour(bool colour)
{
	const char *no = getenv("NO_COLOR");
	return colour && !(no && *no);
}

int
term_enter(bool colour, char cause[static ERR_LEN])
{
	if (tcgetattr(STDIN_FILENO, &term.before) < 0) {
		snprintf(cause, ERR_LEN, "cannot ask the terminal: %s",
		    strerror(errno));
		return -1;
	}
	set_escdelay(ESC_MS);
	/* newterm(), because initscr() ends the program on an error */
	if (!newterm(NULL, stdout, stdin)) {
		snprintf(cause, ERR_LEN,
		    "the terminal type %.40s is not known here: set TERM, to "
		    "xterm-256color for most",
		    getenv("TERM"));
		return -1;
	}
	theme_init(wants_colour(colour));
	define_keys();
	set_modes();
	write_restore();
	arm();
	term.on = true;
	atexit(term_leave);
	return 0;
}

void
term_leave(void)
{
	if (!term.on)
		return;
	term.on = false;
	term.armed = 0;
	put_all(PASTE_OFF, sizeof(PASTE_OFF) - 1);
	endwin();
	tcsetattr(STDIN_FILENO, TCSANOW, &term.before);
	buf_wipe(&term.paste);
}

/* The whole job stops, as with Ctrl-z anywhere: a script that started us would
 * hang otherwise. */
static void
stop_job(void)
{
	struct sigaction usual = {.sa_handler = SIG_DFL};
	struct sigaction ours;
	sigemptyset(&usual.sa_mask);
	sigaction(SIGTSTP, &usual, &ours);
	kill(0, SIGTSTP);
	sigaction(SIGTSTP, &ours, NULL);
}

void
term_suspend(void)
{
	put_all(PASTE_OFF, sizeof(PASTE_OFF) - 1);
	endwin();
	tcsetattr(STDIN_FILENO, TCSANOW, &term.before);
	term.armed = 0;
	stop_job();
	/* here we go again */
	tcgetattr(STDIN_FILENO, &term.before);
	term.armed = 1;
	refresh();
	set_modes();
	term_resized();
	term_redraw();
}

/* --- keys ---------------------------------------------------------------- */

static uint32_t
key_of(int code)
{
	for (size_t i = 0; i < ARRAY_LEN(special_keys); i++)
		if (special_keys[i].code == code)
			return special_keys[i].key;
	int alt = code - CODE_ALT_FIRST;
	if (alt >= 0 && alt < (int)ARRAY_LEN(alt_keys))
		return K_ALT | alt_keys[alt].key;
	return 0;
}

/* Terminals send a line's end as CR, some as CR LF. */
static void
add_pasted(wint_t c, wint_t before)
{
	char u[8];
	mbstate_t state = {0};
	size_t n = wcrtomb(u, (wchar_t)(c == '\r' ? '\n' : c), &state);
	if (c == '\n' && before == '\r')
		return;
	if (n != (size_t)-1 && buf_len(&term.paste) < PASTE_MAX) {
		memcpy(buf_reserve_secret(&term.paste, n), u, n);
		buf_added(&term.paste, n);
	}
}

/* Everything up to the paste's end; a terminal that never ends it is given a
 * second of silence. */
static void
read_paste(void)
{
	wint_t c;
	wint_t before = 0;
	buf_wipe(&term.paste);
	for (;;) {
		int r = get_wch(&c);
		if (r == KEY_CODE_YES && c == CODE_PASTE_END)
			return;
		if (r == OK) {
			add_pasted(c, before);
			before = c;
		}
		struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
		if (r == ERR && poll(&p, 1, 1000) <= 0)
			return;
		if (r == ERR && (p.revents & (POLLHUP | POLLERR)))
			return;
	}
}

struct span
term_pasted(void)
{
	return (struct span){buf_len(&term.paste) ? buf_head(&term.paste) : "",
	    buf_len(&term.paste)};
}

void
term_forget_pasted(void)
{
	buf_wipe(&term.paste);
}

/* One key as curses has it; 0: none, or one that means nothing. */
static bool
read_one(uint32_t *key)
{
	wint_t c;
	int r = get_wch(&c);
	if (r == ERR)
		return false;
	if (r == KEY_CODE_YES && c == CODE_PASTE_BEGIN) {
		read_paste();
		*key = K_PASTE;
	} else if (r == KEY_CODE_YES) {
		*key = key_of((int)c);
	} else {
		*key = c == 0x7f ? K_BACKSPACE : (uint32_t)c;
	}
	return true;
}

bool
term_read(uint32_t *key)
{
	uint32_t next;
	if (!read_one(key))
		return false;
	if (*key != 0x1b)
		return true;
	if (read_one(&next))
		*key = next == 0x1b ? K_ESC : K_ALT | next;
	else
		*key = K_ESC;
	return true;
}

bool
term_is_gone(void)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR));
}

/* --- the screen ---------------------------------------------------------- */

void
term_resized(void)
{
	struct winsize size;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 &&
	    size.ws_col > 0)
		resizeterm(size.ws_row, size.ws_col);
	/* between two signals the window may have been smaller, and what was
	 * cut off then is gone, even where the size is the old one again */
	clearok(stdscr, TRUE);
}

void
term_size(int *rows, int *cols)
{
	getmaxyx(stdscr, *rows, *cols);
}

void
term_flush(void)
{
	wnoutrefresh(stdscr);
	doupdate();
}

void
term_redraw(void)
{
	clearok(stdscr, TRUE);
}

void
term_bell(void)
{
	beep();
}
