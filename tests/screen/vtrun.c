/* SPDX-License-Identifier: ISC */
/*
 * vtrun: a program in a terminal that a test can read.
 *
 *	vtrun ROWS COLS PROGRAM [ARGUMENT ...]
 *
 * starts the program on a pseudo-terminal whose other end is libvterm, takes
 * orders on standard input, one a line, and answers each with one line (screen
 * and row excepted, see below) on standard output: "ok ..." or "no ..." where
 * something did not come to be in time, "bad ..." for an order it does not
 * understand.  Text goes in hexadecimal, so that any byte can be typed or
 * looked for.  Nothing sleeps: whoever waits, waits for a condition and gives
 * the milliseconds after which it gives up.
 *
 *	keys HEX          type these bytes                     ok
 *	wait MS HEX       until a row of the screen holds
 *	                  the text                             ok | no
 *	gone MS HEX       until no row does                    ok | no
 *	change MS         until the program wrote anything     ok | no
 *	exit MS           until it ended                       ok exit N |
 *	                                                       ok signal N | no
 *	screen            all rows                             ok N, then N
 *lines cell R C          one cell                             ok WIDTH ATTRS
 *HEX cursor            where it is                          ok R C shown|hidden
 *	modes             of the terminal                      ok WORD ...
 *	raw               bytes written since the last "raw"   ok HEX
 *	resize R C        the window, with SIGWINCH            ok
 *	signal N          to the program                       ok
 *	pid               of the program                       ok N
 *
 * Rows and columns count from 0.  ATTRS are letters: b bold, u underline,
 * i italic, r reverse, f a foreground colour, g a background colour, - none.
 * The words of modes: alt (the alternate screen), mouse, echo and icanon (the
 * line discipline), paste (bracketed paste).
 *
 * tests/screen/vt.py is the other half, for tests in Python.  vtrun ends, and
 * takes the program with it, when its standard input ends.
 */
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

#include <vterm.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/mem.h"

enum {
	ORDER_MAX = 1 << 20,
	RAW_MAX = 64 << 20, /* more than any test should let pile up */
	ROWS_MAX = 1000,
};

struct run {
	int master;
	int slave; /* held open: its line discipline outlives the program */
	pid_t pid;
	bool ended;
	int status;
	VTerm *vt;
	VTermScreen *screen;
	bool cursor_shown, alt, mouse;
	bool paste;
	unsigned paste_seen; /* how much of the mode's sequence came */
	uint64_t written;    /* bytes so far */
	struct buf raw;
	struct buf orders; /* standard input */
};

/* libvterm 0.1 writes a wide character past the end of a row that is narrower;
 * the program is told the true width all the same. */
static int
columns_for(long cols)
{
	return cols < 2 ? 2 : (int)cols;
}

NORETURN static void
die(const char *what)
{
	fprintf(stderr, "vtrun: %s: %s\n", what, strerror(errno));
	exit(2);
}

static uint64_t
now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* --- what the terminal tells ------------------------------------------- */

static int
on_prop(VTermProp prop, VTermValue *value, void *arg)
{
	struct run *r = arg;
	if (prop == VTERM_PROP_CURSORVISIBLE)
		r->cursor_shown = value->boolean;
	if (prop == VTERM_PROP_ALTSCREEN)
		r->alt = value->boolean;
	if (prop == VTERM_PROP_MOUSE)
		r->mouse = value->number != VTERM_PROP_MOUSE_NONE;
	return 1;
}

static const VTermScreenCallbacks screen_callbacks = {.settermprop = on_prop};

/* libvterm keeps bracketed paste to itself: watch for CSI ? 2004 h and l. */
static void
watch_paste(struct run *r, const char *p, size_t len)
{
	static const char begin[] = "\033[?2004";
	for (size_t i = 0; i < len; i++) {
		if (r->paste_seen == sizeof(begin) - 1) {
			if (p[i] == 'h' || p[i] == 'l')
				r->paste = p[i] == 'h';
			r->paste_seen = 0;
		} else if (p[i] == begin[r->paste_seen]) {
			r->paste_seen++;
		} else {
			r->paste_seen = p[i] == begin[0];
		}
	}
}

/* The terminal's own answers (where is the cursor, what are you). */
static void
answer_queries(struct run *r)
{
	char buf[256];
	size_t n;
	while ((n = vterm_output_read(r->vt, buf, sizeof(buf))) > 0)
		if (write(r->master, buf, n) < 0)
			return;
}

static bool
read_program(struct run *r)
{
	char buf[65536];
	ssize_t n = read(r->master, buf, sizeof(buf));
	if (n <= 0)
		return false;
	r->written += (uint64_t)n;
	if (buf_len(&r->raw) + (size_t)n <= RAW_MAX)
		buf_add(&r->raw, buf, (size_t)n);
	watch_paste(r, buf, (size_t)n);
	vterm_input_write(r->vt, buf, (size_t)n);
	answer_queries(r);
	return true;
}

static void
reap(struct run *r)
{
	if (!r->ended && waitpid(r->pid, &r->status, WNOHANG) == r->pid)
		r->ended = true;
}

/* Lets the program write for at most ms, returns at its first output or end. */
static void
pump(struct run *r, int ms)
{
	struct pollfd p = {.fd = r->master, .events = POLLIN};
	if (poll(&p, 1, ms) > 0)
		read_program(r);
	reap(r);
}

/* All that is there already. */
static void
drain(struct run *r)
{
	struct pollfd p = {.fd = r->master, .events = POLLIN};
	while (poll(&p, 1, 0) > 0 && read_program(r))
		;
	reap(r);
}

/* --- reading the screen ------------------------------------------------- */

static void
put_utf8(struct buf *out, uint32_t c)
{
	char u[4];
	size_t n = 0;
	if (c < 0x80) {
		u[n++] = (char)c;
	} else if (c < 0x800) {
		u[n++] = (char)(0xc0 | c >> 6);
		u[n++] = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		u[n++] = (char)(0xe0 | c >> 12);
		u[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		u[n++] = (char)(0x80 | (c & 0x3f));
	} else {
		u[n++] = (char)(0xf0 | (c >> 18 & 7));
		u[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		u[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		u[n++] = (char)(0x80 | (c & 0x3f));
	}
	buf_add(out, u, n);
}

static void
put_cell(struct buf *out, const VTermScreenCell *cell)
{
	if (cell->chars[0] == 0)
		buf_add(out, " ", 1);
	for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell->chars[i]; i++)
		put_utf8(out, cell->chars[i]);
}

static void
put_row(struct run *r, struct buf *out, int row)
{
	int rows, cols;
	vterm_get_size(r->vt, &rows, &cols);
	for (int c = 0; c < cols;) {
		VTermScreenCell cell;
		vterm_screen_get_cell(
		    r->screen, (VTermPos){.row = row, .col = c}, &cell);
		/* the right half of a wide one is (uint32_t)-1 */
		if (cell.chars[0] != (uint32_t)-1)
			put_cell(out, &cell);
		c += cell.width > 1 ? cell.width : 1;
	}
	while (buf_len(out) > 0 && buf_head(out)[buf_len(out) - 1] == ' ')
		buf_truncate(out, buf_len(out) - 1);
}

static bool
screen_has(struct run *r, const char *text, size_t len)
{
	int rows, cols;
	bool found = false;
	struct buf line = {0};
	vterm_get_size(r->vt, &rows, &cols);
	for (int i = 0; i < rows && !found; i++) {
		buf_clear(&line);
		put_row(r, &line, i);
		found = buf_len(&line) >= len &&
			memmem(buf_head(&line), buf_len(&line), text, len);
	}
	buf_free(&line);
	return found;
}

/* --- orders -------------------------------------------------------------- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Gives the bytes (free()), or NULL where it is no hexadecimal. */
static char *
unhex(const char *s, size_t *len)
{
	size_t n = strlen(s) / 2;
	char *bytes = xmalloc(n + 1);
	for (size_t i = 0; i < n; i++) {
		int hi = hex_digit(s[2 * i]);
		int lo = hex_digit(s[2 * i + 1]);
		if (hi < 0 || lo < 0) {
			free(bytes);
			return NULL;
		}
		bytes[i] = (char)(hi << 4 | lo);
	}
	*len = n;
	return bytes;
}

static void
print_hex(const char *p, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < len; i++) {
		putchar(digits[(unsigned char)p[i] >> 4]);
		putchar(digits[(unsigned char)p[i] & 15]);
	}
}

static void
do_keys(struct run *r, const char *args)
{
	size_t len, done = 0;
	char *bytes = unhex(args, &len);
	if (!bytes) {
		puts("bad hex");
		return;
	}
	while (done < len) {
		ssize_t n = write(r->master, bytes + done, len - done);
		if (n > 0)
			done += (size_t)n;
		else if (errno != EAGAIN && errno != EINTR)
			break;
		drain(r); /* or both ends would wait for each other */
	}
	free(bytes);
	puts(done == len ? "ok" : "no");
}

static void
await(struct run *r, const char *args, bool there)
{
	char *hex;
	size_t len;
	uint64_t end = now_ms() + strtoul(args, &hex, 10);
	char *text = unhex(*hex == ' ' ? hex + 1 : hex, &len);
	if (!text) {
		puts("bad hex");
		return;
	}
	drain(r);
	bool ok = screen_has(r, text, len) == there;
	for (uint64_t now = now_ms(); !ok && now < end; now = now_ms()) {
		pump(r, (int)(end - now > 100 ? 100 : end - now));
		ok = screen_has(r, text, len) == there;
	}
	free(text);
	puts(ok ? "ok" : "no");
}

static void
do_wait(struct run *r, const char *args)
{
	await(r, args, true);
}

static void
do_gone(struct run *r, const char *args)
{
	await(r, args, false);
}

static void
do_change(struct run *r, const char *args)
{
	uint64_t before = r->written;
	uint64_t end = now_ms() + strtoul(args, NULL, 10);
	for (uint64_t now = now_ms();
	     r->written == before && !r->ended && now < end; now = now_ms())
		pump(r, (int)(end - now > 100 ? 100 : end - now));
	puts(r->written != before ? "ok" : "no");
}

static void
do_exit(struct run *r, const char *args)
{
	uint64_t end = now_ms() + strtoul(args, NULL, 10);
	for (uint64_t now = now_ms(); !r->ended && now < end; now = now_ms())
		pump(r, 20);
	drain(r);
	if (!r->ended)
		puts("no");
	else if (WIFSIGNALED(r->status))
		printf("ok signal %d\n", WTERMSIG(r->status));
	else
		printf("ok exit %d\n", WEXITSTATUS(r->status));
}

static void
do_screen(struct run *r, const char *args)
{
	int rows, cols;
	struct buf line = {0};
	(void)args;
	drain(r);
	vterm_get_size(r->vt, &rows, &cols);
	printf("ok %d\n", rows);
	for (int i = 0; i < rows; i++) {
		buf_clear(&line);
		put_row(r, &line, i);
		printf("%.*s\n", (int)buf_len(&line),
		    buf_len(&line) ? buf_head(&line) : "");
	}
	buf_free(&line);
}

static void
print_attrs(const VTermScreenCell *cell)
{
	char a[8];
	size_t n = 0;
	if (cell->attrs.bold)
		a[n++] = 'b';
	if (cell->attrs.underline)
		a[n++] = 'u';
	if (cell->attrs.italic)
		a[n++] = 'i';
	if (cell->attrs.reverse)
		a[n++] = 'r';
	if (!VTERM_COLOR_IS_DEFAULT_FG(&cell->fg))
		a[n++] = 'f';
	if (!VTERM_COLOR_IS_DEFAULT_BG(&cell->bg))
		a[n++] = 'g';
	if (n == 0)
		a[n++] = '-';
	printf("%.*s", (int)n, a);
}

static void
do_cell(struct run *r, const char *args)
{
	char *next;
	int row = (int)strtol(args, &next, 10);
	int col = (int)strtol(next, NULL, 10);
	VTermScreenCell cell;
	struct buf text = {0};
	drain(r);
	if (!vterm_screen_get_cell(
		r->screen, (VTermPos){.row = row, .col = col}, &cell)) {
		puts("bad position");
		return;
	}
	if (cell.chars[0] != (uint32_t)-1)
		put_cell(&text, &cell);
	printf("ok %d ", cell.chars[0] == (uint32_t)-1 ? 0 : cell.width);
	print_attrs(&cell);
	putchar(' ');
	print_hex(buf_len(&text) ? buf_head(&text) : "", buf_len(&text));
	putchar('\n');
	buf_free(&text);
}

static void
do_cursor(struct run *r, const char *args)
{
	VTermPos pos;
	(void)args;
	drain(r);
	vterm_state_get_cursorpos(vterm_obtain_state(r->vt), &pos);
	printf("ok %d %d %s\n", pos.row, pos.col,
	    r->cursor_shown ? "shown" : "hidden");
}

static void
do_modes(struct run *r, const char *args)
{
	struct termios t;
	(void)args;
	drain(r);
	if (tcgetattr(r->slave, &t) < 0)
		die("tcgetattr");
	printf("ok%s%s%s%s%s\n", r->alt ? " alt" : "", r->mouse ? " mouse" : "",
	    r->paste ? " paste" : "", t.c_lflag & ECHO ? " echo" : "",
	    t.c_lflag & ICANON ? " icanon" : "");
}

static void
do_raw(struct run *r, const char *args)
{
	(void)args;
	drain(r);
	fputs("ok ", stdout);
	print_hex(buf_len(&r->raw) ? buf_head(&r->raw) : "", buf_len(&r->raw));
	putchar('\n');
	buf_clear(&r->raw);
}

static void
do_resize(struct run *r, const char *args)
{
	char *next;
	long rows = strtol(args, &next, 10);
	long cols = strtol(next, NULL, 10);
	if (rows < 1 || cols < 1 || rows > ROWS_MAX || cols > ROWS_MAX) {
		puts("bad size");
		return;
	}
	struct winsize size = {
	    .ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};
	drain(r);
	vterm_set_size(r->vt, (int)rows, columns_for(cols));
	if (ioctl(r->master, TIOCSWINSZ, &size) < 0)
		die("TIOCSWINSZ");
	puts("ok");
}

static void
do_signal(struct run *r, const char *args)
{
	puts(!r->ended && kill(r->pid, (int)strtol(args, NULL, 10)) == 0
		 ? "ok"
		 : "no");
}

static void
do_pid(struct run *r, const char *args)
{
	(void)args;
	printf("ok %ld\n", (long)r->pid);
}

static const struct order {
	const char *word;
	void (*run)(struct run *, const char *args);
} orders[] = {
    {"keys", do_keys},
    {"wait", do_wait},
    {"gone", do_gone},
    {"change", do_change},
    {"exit", do_exit},
    {"screen", do_screen},
    {"cell", do_cell},
    {"cursor", do_cursor},
    {"modes", do_modes},
    {"raw", do_raw},
    {"resize", do_resize},
    {"signal", do_signal},
    {"pid", do_pid},
};

static void
obey(struct run *r, char *line)
{
	char *args = line + strcspn(line, " ");
	if (*args)
		*args++ = '\0';
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		if (strcmp(orders[i].word, line) == 0) {
			orders[i].run(r, args);
			fflush(stdout);
			return;
		}
	}
	puts("bad order");
	fflush(stdout);
}

/* Every whole line that has come in. */
static void
obey_all(struct run *r)
{
	char *end;
	while (
	    buf_len(&r->orders) > 0 && (end = memchr(buf_head(&r->orders), '\n',
					    buf_len(&r->orders))) != NULL) {
		size_t len = (size_t)(end - buf_head(&r->orders));
		char *line = xstrndup(buf_head(&r->orders), len);
		buf_drain(&r->orders, len + 1);
		obey(r, line);
		free(line);
	}
}

static bool
read_orders(struct run *r)
{
	ssize_t n = read(STDIN_FILENO, buf_reserve(&r->orders, 65536), 65536);
	if (n <= 0 || buf_len(&r->orders) > ORDER_MAX)
		return false;
	buf_added(&r->orders, (size_t)n);
	obey_all(r);
	return true;
}

static void
serve(struct run *r)
{
	for (;;) {
		struct pollfd p[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
		    {.fd = r->master, .events = POLLIN}};
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			die("poll");
		if (p[1].revents & POLLIN)
			read_program(r);
		if (p[0].revents && !read_orders(r))
			return;
	}
}

/* --- beginning and end --------------------------------------------------- */

static void
start(struct run *r, int rows, int cols, char **argv)
{
	struct winsize size = {
	    .ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};
	if (openpty(&r->master, &r->slave, NULL, NULL, &size) < 0)
		die("openpty");
	r->pid = fork();
	if (r->pid < 0)
		die("fork");
	if (r->pid == 0) {
		close(r->master);
		if (login_tty(r->slave) < 0)
			_exit(126);
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	/* typing must not block while the program is stopped */
	fcntl(r->master, F_SETFL, O_NONBLOCK);
	fcntl(r->master, F_SETFD, FD_CLOEXEC);
	r->vt = vterm_new(rows, columns_for(cols));
	vterm_set_utf8(r->vt, 1);
	r->screen = vterm_obtain_screen(r->vt);
	r->cursor_shown = true;
	vterm_screen_set_callbacks(r->screen, &screen_callbacks, r);
	vterm_screen_enable_altscreen(r->screen, 1);
	vterm_screen_reset(r->screen, 1);
}

static void
finish(struct run *r)
{
	reap(r);
	if (!r->ended) {
		kill(r->pid, SIGKILL);
		waitpid(r->pid, &r->status, 0);
	}
	vterm_free(r->vt);
	buf_free(&r->raw);
	buf_free(&r->orders);
	close(r->master);
	close(r->slave);
}

int
main(int argc, char **argv)
{
	struct run r = {0};
	int rows = argc > 3 ? (int)strtol(argv[1], NULL, 10) : 0;
	int cols = argc > 3 ? (int)strtol(argv[2], NULL, 10) : 0;
	if (rows < 1 || cols < 1 || rows > ROWS_MAX || cols > ROWS_MAX) {
		fputs(
		    "usage: vtrun rows cols program [argument ...]\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	start(&r, rows, cols, argv + 3);
	serve(&r);
	finish(&r);
	return 0;
}
