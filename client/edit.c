/* SPDX-License-Identifier: ISC */
/*
 * The line editor, as a library without a screen: keys become operations
 * elsewhere, and where the cursor is drawn is somebody else's business.
 *
 * Everything moves and deletes by grapheme cluster, so that no key leaves half
 * an emoji behind.  Kills in a row join; typing in a row is undone at once.
 */
#include "client/edit.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

enum { KILL_NONE, KILL_LEFT, KILL_RIGHT };

void
edit_init(struct edit *e)
{
	*e = (struct edit){.text = xstrdup("")};
}

static void
forget_states(struct edit *e)
{
	for (unsigned i = 0; i < e->nundo; i++)
		free(e->undo[i].text);
	e->nundo = 0;
	e->undone = 0;
}

void
edit_fini(struct edit *e)
{
	forget_states(e);
	free(e->text);
	free(e->kill);
	*e = (struct edit){0};
}

/* --- undo ---------------------------------------------------------------- */

/* A change follows: remember what it can go back to. */
static void
remember(struct edit *e)
{
	while (e->undone > 0) {
		free(e->undo[--e->nundo].text);
		e->undone--;
	}
	if (e->nundo == EDIT_UNDO_MAX) {
		free(e->undo[0].text);
		memmove(e->undo, e->undo + 1,
		    (EDIT_UNDO_MAX - 1) * sizeof(e->undo[0]));
		e->nundo--;
	}
	e->undo[e->nundo++] = (struct edit_state){
	    .text = xstrndup(e->text, e->len), .len = e->len, .at = e->at};
}

/* The states are a row with the present one in its middle: stepping swaps the
 * present one with its neighbour. */
static void
swap_state(struct edit *e, unsigned i)
{
	struct edit_state now = {e->text, e->len, e->at};
	e->text = e->undo[i].text;
	e->len = e->undo[i].len;
	e->at = e->undo[i].at;
	e->undo[i] = now;
}

static bool
undo(struct edit *e)
{
	if (e->undone == e->nundo)
		return false;
	swap_state(e, e->nundo - 1 - e->undone);
	e->undone++;
	return true;
}

static bool
redo(struct edit *e)
{
	if (e->undone == 0)
		return false;
	e->undone--;
	swap_state(e, e->nundo - 1 - e->undone);
	return true;
}

/* --- clusters, words, lines ---------------------------------------------- */

static size_t
next_cluster(const struct edit *e, size_t at)
{
	return at + text_cluster(e->text + at, e->len - at);
}

/* The last edge before `at`; clusters can only be told from the left. */
static size_t
previous_cluster(const struct edit *e, size_t at)
{
	size_t edge = 0;
	for (size_t i = 0; i < at; i = next_cluster(e, i))
		edge = i;
	return edge;
}

/* Typing can join clusters: the cursor goes behind the joined one. */
static void
snap(struct edit *e)
{
	size_t i = 0;
	while (i < e->at)
		i = next_cluster(e, i);
	e->at = i;
}

static bool
is_word(char c)
{
	return (c & 0x80) || (c >= '0' && c <= '9') ||
	       ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool
is_ink(char c)
{
	return c != ' ' && c != '\t' && c != '\n';
}

static size_t
run_left(const struct edit *e, size_t at, bool (*belongs)(char))
{
	while (at > 0 && !belongs(e->text[at - 1]))
		at--;
	while (at > 0 && belongs(e->text[at - 1]))
		at--;
	return at;
}

static size_t
word_left(const struct edit *e, size_t at)
{
	return run_left(e, at, is_word);
}

static size_t
blank_left(const struct edit *e, size_t at)
{
	return run_left(e, at, is_ink);
}

static size_t
word_right(const struct edit *e, size_t at)
{
	while (at < e->len && !is_word(e->text[at]))
		at++;
	while (at < e->len && is_word(e->text[at]))
		at++;
	return at;
}

static size_t
line_start(const struct edit *e, size_t at)
{
	while (at > 0 && e->text[at - 1] != '\n')
		at--;
	return at;
}

static size_t
line_end(const struct edit *e, size_t at)
{
	while (at < e->len && e->text[at] != '\n')
		at++;
	return at;
}

/* --- changing ------------------------------------------------------------ */

static void
splice(struct edit *e, size_t from, size_t to, const char *p, size_t len)
{
	size_t rest = e->len - to;
	char *text = xmalloc(from + len + rest + 1);
	memcpy(text, e->text, from);
	if (len > 0)
		memcpy(text + from, p, len);
	memcpy(text + from + len, e->text + to, rest);
	e->len = from + len + rest;
	text[e->len] = '\0';
	free(e->text);
	e->text = text;
	e->at = from + len;
	snap(e);
}

static bool
is_typable(const char *p, size_t n)
{
	return (n == 1 && (*p == '\n' || *p == '\t')) ||
	       text_check(p, n, NULL) == 0;
}

/* What of raw may be typed. */
static struct buf
clean(struct span raw)
{
	struct buf out = {0};
	for (size_t i = 0; i < raw.len;) {
		uint32_t cp;
		int n = text_decode(raw.p + i, raw.len - i, &cp);
		if (n > 0 && cp == 0x2028)
			buf_add(&out, "\n", 1);
		else if (n > 0 && is_typable(raw.p + i, (size_t)n))
			buf_add(&out, raw.p + i, (size_t)n);
		i += n > 0 ? (size_t)n : 1;
	}
	return out;
}

/* Replaces from..to by what of raw may be typed; false where it won't fit. */
static bool
put(struct edit *e, size_t from, size_t to, struct span raw, bool one_undo)
{
	struct buf text = clean(raw);
	size_t len = buf_len(&text);
	bool fits = e->len - (to - from) + len <= EDIT_MAX;
	if (fits && (len > 0 || to > from)) {
		if (!one_undo)
			remember(e);
		splice(e, from, to, len ? buf_head(&text) : NULL, len);
	}
	buf_free(&text);
	e->killing = KILL_NONE;
	return fits;
}

bool
edit_insert(struct edit *e, struct span raw)
{
	bool ok = put(e, e->at, e->at, raw, e->typing && e->undone == 0);
	/* a word typed is one step back, not a whole sentence */
	e->typing = ok && !(raw.len == 1 && raw.p[0] == ' ');
	return ok;
}

void
edit_replace(struct edit *e, size_t from, size_t to, struct span raw)
{
	e->typing = false;
	put(e, from, to, raw, false);
}

void
edit_set(struct edit *e, struct span raw)
{
	edit_replace(e, 0, e->len, raw);
}

void
edit_reset(struct edit *e)
{
	forget_states(e);
	e->len = 0;
	e->at = 0;
	e->text[0] = '\0';
	e->typing = false;
	e->killing = KILL_NONE;
}

/* --- killing ------------------------------------------------------------- */

static void
keep_killed(struct edit *e, const char *p, size_t len, int direction)
{
	size_t old = e->killing == KILL_NONE ? 0 : e->kill_len;
	char *kill = xmalloc(old + len + 1);
	size_t before = direction == KILL_LEFT ? len : 0;
	if (old > 0)
		memcpy(kill + before, e->kill, old);
	memcpy(kill + (direction == KILL_LEFT ? 0 : old), p, len);
	kill[old + len] = '\0';
	free(e->kill);
	e->kill = kill;
	e->kill_len = old + len;
}

static bool
kill_range(struct edit *e, size_t from, size_t to, int direction)
{
	if (from >= to)
		return false;
	remember(e);
	keep_killed(e, e->text + from, to - from, direction);
	splice(e, from, to, NULL, 0);
	e->killing = direction;
	e->typing = false;
	return true;
}

static bool
erase(struct edit *e, size_t from, size_t to)
{
	if (from >= to)
		return false;
	remember(e);
	splice(e, from, to, NULL, 0);
	return true;
}

static bool
transpose(struct edit *e)
{
	size_t at = e->at == e->len ? previous_cluster(e, e->at) : e->at;
	size_t before = previous_cluster(e, at);
	size_t after = at < e->len ? next_cluster(e, at) : at;
	if (before == at || at == after)
		return false;
	char *both = xmalloc(after - before);
	memcpy(both, e->text + at, after - at);
	memcpy(both + (after - at), e->text + before, at - before);
	remember(e);
	splice(e, before, after, both, after - before);
	free(both);
	return true;
}

/* --- operations ---------------------------------------------------------- */

static bool
move(struct edit *e, size_t to)
{
	if (to == e->at)
		return false;
	e->at = to;
	snap(e);
	return true;
}

/* Up or down one line, to the same cluster in it. */
static bool
move_line(struct edit *e, bool up)
{
	size_t start = line_start(e, e->at);
	size_t end = line_end(e, e->at);
	if (up ? start == 0 : end == e->len)
		return false;
	size_t column = text_count_clusters(e->text + start, e->at - start);
	size_t at = up ? line_start(e, start - 1) : end + 1;
	end = line_end(e, at);
	while (column-- > 0 && at < end)
		at = next_cluster(e, at);
	e->at = at;
	return true;
}

static bool
up(struct edit *e)
{
	return move_line(e, true);
}

static bool
down(struct edit *e)
{
	return move_line(e, false);
}

static bool
yank(struct edit *e)
{
	return e->kill &&
	       put(e, e->at, e->at, (struct span){e->kill, e->kill_len}, false);
}

/* Most operations are a motion, and what is done with the way it went. */
enum way { WAY_MOVE, WAY_ERASE, WAY_KILL };

static const struct op {
	size_t (*motion)(const struct edit *e, size_t at);
	enum way way;
	bool (*run)(struct edit *e); /* instead of a motion */
} ops[] = {
    [EDIT_LEFT] = {.motion = previous_cluster},
    [EDIT_RIGHT] = {.motion = next_cluster},
    [EDIT_WORD_LEFT] = {.motion = word_left},
    [EDIT_WORD_RIGHT] = {.motion = word_right},
    [EDIT_HOME] = {.motion = line_start},
    [EDIT_END] = {.motion = line_end},
    [EDIT_UP] = {.run = up},
    [EDIT_DOWN] = {.run = down},
    [EDIT_BACKSPACE] = {previous_cluster, WAY_ERASE, NULL},
    [EDIT_DELETE] = {next_cluster, WAY_ERASE, NULL},
    [EDIT_KILL_WORD_LEFT] = {word_left, WAY_KILL, NULL},
    [EDIT_KILL_WORD_RIGHT] = {word_right, WAY_KILL, NULL},
    [EDIT_KILL_BLANK_LEFT] = {blank_left, WAY_KILL, NULL},
    [EDIT_KILL_START] = {line_start, WAY_KILL, NULL},
    [EDIT_KILL_END] = {line_end, WAY_KILL, NULL},
    [EDIT_YANK] = {.run = yank},
    [EDIT_TRANSPOSE] = {.run = transpose},
    [EDIT_UNDO] = {.run = undo},
    [EDIT_REDO] = {.run = redo},
};

static bool
apply(struct edit *e, const struct op *op)
{
	if (op->run)
		return op->run(e);
	size_t at = e->at;
	size_t to = op->motion(e, at);
	size_t from = to < at ? to : at;
	size_t end = to < at ? at : to;
	if (op->way == WAY_MOVE)
		return move(e, to);
	if (op->way == WAY_ERASE)
		return erase(e, from, end);
	return kill_range(e, from, end, to < at ? KILL_LEFT : KILL_RIGHT);
}

bool
edit_do(struct edit *e, enum edit_op op)
{
	bool done = apply(e, &ops[op]);
	if (ops[op].way != WAY_KILL || !done)
		e->killing = KILL_NONE;
	e->typing = false;
	return done;
}

/* --- history ------------------------------------------------------------- */

void
history_init(struct history *h)
{
	*h = (struct history){0};
}

void
history_fini(struct history *h)
{
	for (size_t i = 0; i < h->n; i++)
		free(h->items[i]);
	free(h->items);
	free(h->draft);
	*h = (struct history){0};
}

void
history_add(struct history *h, const char *text)
{
	bool again = h->n > 0 && strcmp(h->items[h->n - 1], text) == 0;
	if (*text && !again) {
		if (!h->items)
			h->items = xcalloc(HISTORY_MAX, sizeof(char *));
		if (h->n == HISTORY_MAX) {
			free(h->items[0]);
			memmove(h->items, h->items + 1,
			    (HISTORY_MAX - 1) * sizeof(char *));
			h->n--;
		}
		h->items[h->n++] = xstrdup(text);
	}
	h->at = h->n;
}

const char *
history_up(struct history *h, const char *now)
{
	if (h->at == 0)
		return NULL;
	if (h->at == h->n) {
		free(h->draft);
		h->draft = xstrdup(now);
	}
	return h->items[--h->at];
}

const char *
history_down(struct history *h)
{
	if (h->at == h->n)
		return NULL;
	h->at++;
	return h->at == h->n ? h->draft : h->items[h->at];
}
