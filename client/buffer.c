/* SPDX-License-Identifier: ISC */
/*
 * Logical lines, and rows of them.
 *
 * A conversation is kept as entries in the order of their message ids; what
 * has no id (somebody came, an error) takes the place of the message before
 * it, what is not yet accepted waits at the end.  How an entry falls into rows
 * is worked out only when it is looked at, and kept until the width changes;
 * so a busy room that nobody looks at costs nothing but its text.
 *
 * The view hangs on its bottom row: either the newest one, or a byte of some
 * entry, which stays in sight however the width changes and whatever arrives.
 *
 * The model drives it; it knows nothing of screens, servers or time beyond the
 * local calendar.
 */
#include "client/buffer.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

static const struct msgid at_end = {UINT64_MAX, UINT64_MAX};

/* --- entries ------------------------------------------------------------- */

static void
entry_free(struct entry *e)
{
	safe_free(&e->who);
	safe_free(&e->text);
	free(e->wraps);
	free(e);
}

/* Peers choose times: one that no calendar has gives none. */
static void
set_time(struct entry *e, int64_t time_ms)
{
	time_t t = (time_t)(time_ms / 1000);
	struct tm tm;
	memcpy(e->clock, "--:--", sizeof(e->clock));
	if (time_ms < 0 || !localtime_r(&t, &tm) || tm.tm_year > 8099)
		return;
	e->day = (tm.tm_year + 1900) * 512 + tm.tm_mon * 32 + tm.tm_mday;
	e->clock[0] = (char)('0' + tm.tm_hour / 10);
	e->clock[1] = (char)('0' + tm.tm_hour % 10);
	e->clock[3] = (char)('0' + tm.tm_min / 10);
	e->clock[4] = (char)('0' + tm.tm_min % 10);
	e->clock[2] = ':';
}

/* Where an entry with this key goes: behind all that are not greater. */
static size_t
place_of(const struct buffer *b, struct msgid key)
{
	size_t lo = 0;
	size_t hi = b->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (msgid_cmp(b->entries[mid]->key, key) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static size_t
index_of(const struct buffer *b, uint64_t serial)
{
	for (size_t i = b->n; i-- > 0;)
		if (b->entries[i]->serial == serial)
			return i;
	return SIZE_MAX;
}

/* The key of what is settled last. */
static struct msgid
last_key(const struct buffer *b)
{
	size_t i = b->n;
	while (i > 0 && msgid_cmp(b->entries[i - 1]->key, at_end) == 0)
		i--;
	return i > 0 ? b->entries[i - 1]->key : (struct msgid){0, 0};
}

static void
insert(struct buffer *b, struct entry *e)
{
	size_t i = place_of(b, e->key);
	if (b->n == b->cap) {
		b->cap = b->cap ? 2 * b->cap : 64;
		b->entries =
		    xreallocarray(b->entries, b->cap, sizeof(struct entry *));
	}
	memmove(b->entries + i + 1, b->entries + i,
	    (b->n - i) * sizeof(struct entry *));
	b->entries[i] = e;
	b->n++;
}

static struct entry *
take_out(struct buffer *b, size_t i)
{
	struct entry *e = b->entries[i];
	b->n--;
	memmove(b->entries + i, b->entries + i + 1,
	    (b->n - i) * sizeof(struct entry *));
	return e;
}

static void
drop(struct buffer *b, size_t i)
{
	struct entry *e = b->entries[i];
	if (b->scrolled && b->anchor == e->serial) {
		/* the view hangs on: its neighbour, or the end */
		if (i + 1 < b->n)
			b->anchor = b->entries[i + 1]->serial;
		else
			b->scrolled = false;
		b->anchor_off = 0;
		b->anchor_rule = false;
	}
	if (b->rule == e->serial)
		b->rule = i + 1 < b->n ? b->entries[i + 1]->serial : 0;
	entry_free(take_out(b, i));
}

void
buffer_init(struct buffer *b)
{
	*b = (struct buffer){.next_serial = 1};
}

void
buffer_fini(struct buffer *b)
{
	for (size_t i = 0; i < b->n; i++)
		entry_free(b->entries[i]);
	free(b->entries);
	*b = (struct buffer){0};
}

struct entry *
buffer_find_id(const struct buffer *b, struct msgid id)
{
	for (size_t i = place_of(b, id); i-- > 0;) {
		struct entry *e = b->entries[i];
		if (msgid_cmp(e->key, id) != 0)
			return NULL;
		if (e->has_id)
			return e;
	}
	return NULL;
}

struct entry *
buffer_find_serial(const struct buffer *b, uint64_t serial)
{
	size_t i = index_of(b, serial);
	return i == SIZE_MAX ? NULL : b->entries[i];
}

/* Whether a message may come in, and has room made for it. */
static bool
admit(struct buffer *b, const struct entry_new *new)
{
	if (!msgid_is_zero(new->id) && buffer_find_id(b, new->id))
		return false;
	if (b->n < BUFFER_MAX)
		return true;
	if (!msgid_is_zero(new->id) &&
	    msgid_cmp(new->id, b->entries[0]->key) < 0)
		return false;
	drop(b, 0);
	return true;
}

static void
note_rule(struct buffer *b, const struct entry *e)
{
	if (!b->rule_on || e->own || !e->has_id)
		return;
	const struct entry *ruled =
	    b->rule ? buffer_find_serial(b, b->rule) : NULL;
	if (ruled && msgid_cmp(e->key, ruled->key) < 0)
		return; /* older history */
	if (!ruled)
		b->rule = e->serial;
	b->rule_count++;
}

struct entry *
buffer_add(struct buffer *b, const struct entry_new *new)
{
	if (!admit(b, new))
		return NULL;
	struct entry *e = xcalloc(1, sizeof(*e));
	e->serial = b->next_serial++;
	e->has_id = !msgid_is_zero(new->id);
	e->key = e->has_id                   ? new->id
		 : new->mark == MARK_PENDING ? at_end
					     : last_key(b);
	e->kind = new->kind;
	e->mark = new->mark;
	e->own = new->own;
	e->mention = new->mention;
	e->registered = new->registered;
	e->rank = new->rank ? new->rank : ' ';
	set_time(e, new->time_ms);
	e->who = safe_new(new->who, 0);
	e->text = safe_new(new->text, SAFE_LINES);
	insert(b, e);
	note_rule(b, e);
	return e;
}

/* Puts entry i where its new key says. */
static void
rekey(struct buffer *b, size_t i, struct msgid key)
{
	struct entry *e = take_out(b, i);
	e->key = key;
	insert(b, e);
}

void
buffer_settle(struct buffer *b, uint64_t serial, struct msgid id)
{
	size_t i = index_of(b, serial);
	if (i == SIZE_MAX)
		return;
	if (buffer_find_id(b, id)) {
		drop(b, i);
		return;
	}
	b->entries[i]->mark = MARK_NONE;
	b->entries[i]->has_id = true;
	rekey(b, i, id);
}

void
buffer_fail(struct buffer *b, uint64_t serial, enum entry_mark mark)
{
	size_t i = index_of(b, serial);
	if (i == SIZE_MAX)
		return;
	b->entries[i]->mark = mark;
	if (!b->entries[i]->has_id)
		rekey(b, i, last_key(b));
}

void
buffer_requeue(struct buffer *b, uint64_t serial)
{
	size_t i = index_of(b, serial);
	if (i == SIZE_MAX || b->entries[i]->has_id)
		return;
	b->entries[i]->mark = MARK_PENDING;
	rekey(b, i, at_end);
}

void
buffer_remove(struct buffer *b, uint64_t serial)
{
	size_t i = index_of(b, serial);
	if (i != SIZE_MAX)
		drop(b, i);
}

void
buffer_clear(struct buffer *b)
{
	for (size_t i = b->n; i-- > 0;)
		if (b->entries[i]->mark == MARK_NONE)
			entry_free(take_out(b, i));
	b->scrolled = false;
	b->rule = 0;
	b->rule_count = 0;
}

struct msgid
buffer_oldest(const struct buffer *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->entries[i]->has_id)
			return b->entries[i]->key;
	return (struct msgid){0, 0};
}

void
buffer_rule_set(struct buffer *b)
{
	b->rule_on = true;
	b->rule = 0;
	b->rule_count = 0;
}

void
buffer_rule_hold(struct buffer *b)
{
	b->rule_on = false;
}

void
buffer_rule_clear(struct buffer *b)
{
	b->rule_on = false;
	b->rule = 0;
	b->rule_count = 0;
}

/* --- wrapping ------------------------------------------------------------ */

/* Where the row being filled could end, and the next one begin. */
struct fold {
	size_t end, next;
	bool any;
};

static size_t
skip_blanks(const struct safe *t, size_t off)
{
	while (off < t->len && t->utf8[off] == ' ')
		off++;
	return off;
}

/*
 * Finds the end of a row that begins at `start` and has `avail` columns:
 * behind the last word that fits, or in the middle of one that fits on no row.
 * Returns where the next row begins.  A row takes at least one cluster, unless
 * `may_be_empty`.
 */
static size_t
fill_row(const struct safe *t, size_t start, int avail, bool may_be_empty,
    size_t *end)
{
	struct fold fold = {0};
	int used = 0;
	for (size_t off = start; off < t->len;) {
		int width;
		size_t n = safe_cluster(t, off, &width);
		bool blank = t->utf8[off] == ' ';
		if (t->utf8[off] == '\n') {
			*end = off;
			return off + 1;
		}
		if (blank)
			fold = (struct fold){off, off + 1, true};
		else if (width > 1 && off > start)
			fold = (struct fold){off, off, true};
		if (used + width > avail) {
			if (fold.any) {
				*end = fold.end;
				return skip_blanks(t, fold.next);
			}
			if (off == start && !may_be_empty)
				off += n;
			*end = off;
			return off;
		}
		used += width;
		off += n;
	}
	*end = t->len;
	return t->len;
}

static void
wrap_entry(struct entry *e, int width, int first)
{
	unsigned cap = 0;
	if (e->wraps && e->wrap_width == width && e->wrap_first == first)
		return;
	free(e->wraps);
	e->wraps = NULL;
	e->nwraps = 0;
	e->wrap_width = width;
	e->wrap_first = first;
	size_t off = 0;
	do {
		if (e->nwraps == cap) {
			cap = cap ? 2 * cap : 1;
			e->wraps =
			    xreallocarray(e->wraps, cap, sizeof(struct wrap));
		}
		size_t end;
		bool top = e->nwraps == 0;
		size_t next = fill_row(&e->text, off, top ? first : width,
		    top && first < width, &end);
		e->wraps[e->nwraps++] =
		    (struct wrap){(uint32_t)off, (uint32_t)end};
		off = next;
	} while (off < e->text.len);
}

/* --- rows ---------------------------------------------------------------- */

static bool
is_speech(const struct entry *e)
{
	return e->kind == ENTRY_TEXT || e->kind == ENTRY_ACTION;
}

static bool
day_begins(const struct buffer *b, size_t i)
{
	int32_t day = b->entries[i]->day;
	return day != 0 && (i == 0 || b->entries[i - 1]->day != day);
}

static bool
unread_begins(const struct buffer *b, size_t i)
{
	return b->rule != 0 && b->entries[i]->serial == b->rule;
}

/* Does the speaker above simply go on? */
static bool
goes_on(const struct buffer *b, size_t i)
{
	if (i == 0 || day_begins(b, i) || unread_begins(b, i))
		return false;
	const struct entry *e = b->entries[i];
	const struct entry *above = b->entries[i - 1];
	return e->kind == ENTRY_TEXT && above->kind == ENTRY_TEXT &&
	       e->rank == above->rank &&
	       (e->own || e->registered == above->registered) &&
	       e->who.len == above->who.len &&
	       memcmp(e->who.utf8, above->who.utf8, e->who.len) == 0;
}

static bool
shows_time(const struct buffer *b, size_t i)
{
	if (i == 0 || day_begins(b, i) || unread_begins(b, i))
		return true;
	const struct entry *e = b->entries[i];
	const struct entry *above = b->entries[i - 1];
	return strcmp(e->clock, above->clock) != 0 ||
	       (is_speech(e) && !goes_on(b, i));
}

/* In narrow shape the time stands only where the minute changes. */
static bool
shows_inline_time(const struct buffer *b, size_t i)
{
	return i == 0 || day_begins(b, i) || unread_begins(b, i) ||
	       strcmp(b->entries[i]->clock, b->entries[i - 1]->clock) != 0;
}

/* In narrow shape: the columns of "13:02 +alice: ". */
static int
inline_prefix(const struct buffer *b, size_t i)
{
	const struct entry *e = b->entries[i];
	int who = safe_width(&e->who);
	if (who > BUFFER_NICK_INLINE)
		who = BUFFER_NICK_INLINE;
	return (shows_inline_time(b, i) ? 6 : 0) + (e->rank != ' ') + who +
	       (e->kind == ENTRY_TEXT ? 2 : 1);
}

static int
rest_indent(struct shape s)
{
	return s.narrow && s.width >= 10 ? 2 : 0;
}

static unsigned
pre_rows(const struct buffer *b, size_t i)
{
	return (unsigned)day_begins(b, i) + (unsigned)unread_begins(b, i);
}

/* All rows of entry i, rules before it included. */
static unsigned
count_rows(struct buffer *b, struct shape s, size_t i)
{
	struct entry *e = b->entries[i];
	int width = s.width - rest_indent(s);
	int first = s.narrow ? s.width - inline_prefix(b, i) : s.width;
	if (width < 1)
		width = 1;
	if (!s.narrow || first > width)
		first = width;
	if (first < 0)
		first = 0;
	wrap_entry(e, width, first);
	return pre_rows(b, i) + e->nwraps;
}

/* A row of the whole buffer. */
struct place {
	size_t i;     /* entry */
	unsigned row; /* of it, rules included */
};

static struct place
newest(struct buffer *b, struct shape s)
{
	return (struct place){b->n - 1, count_rows(b, s, b->n - 1) - 1};
}

static bool
go_up(struct buffer *b, struct shape s, struct place *p)
{
	if (p->row > 0) {
		p->row--;
		return true;
	}
	if (p->i == 0)
		return false;
	p->i--;
	p->row = count_rows(b, s, p->i) - 1;
	return true;
}

static bool
go_down(struct buffer *b, struct shape s, struct place *p)
{
	if (p->row + 1 < count_rows(b, s, p->i)) {
		p->row++;
		return true;
	}
	if (p->i + 1 == b->n)
		return false;
	p->i++;
	p->row = 0;
	return true;
}

/* Where the view's bottom row is. */
static struct place
bottom(struct buffer *b, struct shape s)
{
	size_t i = b->scrolled ? index_of(b, b->anchor) : SIZE_MAX;
	if (i == SIZE_MAX)
		return newest(b, s);
	struct place p = {i, 0};
	unsigned rows = count_rows(b, s, i);
	unsigned pre = pre_rows(b, i);
	if (b->anchor_rule)
		return p;
	for (p.row = pre; p.row + 1 < rows; p.row++)
		if (b->entries[i]->wraps[p.row + 1 - pre].start > b->anchor_off)
			break;
	return p;
}

static void
hang_on(struct buffer *b, struct shape s, struct place p)
{
	struct place last = newest(b, s);
	b->scrolled = p.i != last.i || p.row != last.row;
	if (!b->scrolled)
		return;
	unsigned pre = pre_rows(b, p.i);
	count_rows(b, s, p.i); /* it may not be wrapped yet */
	b->anchor = b->entries[p.i]->serial;
	b->anchor_rule = p.row < pre;
	b->anchor_off =
	    p.row < pre ? 0 : b->entries[p.i]->wraps[p.row - pre].start;
}

/* The highest place for the bottom row: the oldest row is then the top one. */
static struct place
highest(struct buffer *b, struct shape s, size_t height)
{
	struct place p = {0, 0};
	for (size_t n = 1; n < height && go_down(b, s, &p); n++)
		;
	return p;
}

static bool
is_above(struct place a, struct place b)
{
	return a.i < b.i || (a.i == b.i && a.row < b.row);
}

static void
describe(struct buffer *b, struct shape s, struct place p, struct row *row)
{
	const struct entry *e = b->entries[p.i];
	unsigned pre = pre_rows(b, p.i);
	*row = (struct row){.kind = ROW_TEXT, .entry = e};
	if (p.row < pre) {
		row->kind =
		    p.row == 0 && day_begins(b, p.i) ? ROW_DAY : ROW_UNREAD;
		return;
	}
	const struct wrap *w = &e->wraps[p.row - pre];
	row->start = w->start;
	row->end = w->end;
	row->first = p.row == pre;
	row->same = goes_on(b, p.i);
	row->show_time = row->first && (s.narrow ? shows_inline_time(b, p.i)
						 : shows_time(b, p.i));
	row->indent =
	    row->first && s.narrow ? inline_prefix(b, p.i) : rest_indent(s);
}

size_t
buffer_rows(struct buffer *b, struct shape s, size_t height, struct row *rows)
{
	if (b->n == 0 || height == 0)
		return 0;
	struct place low = bottom(b, s);
	struct place limit = highest(b, s, height);
	if (is_above(low, limit))
		low = limit; /* the screen has grown */
	struct place p = low;
	size_t n = 1;
	while (n < height && go_up(b, s, &p))
		n++;
	for (size_t k = 0; k < n; k++) {
		count_rows(b, s, p.i);
		describe(b, s, p, &rows[k]);
		go_down(b, s, &p);
	}
	return n;
}

bool
buffer_scroll(struct buffer *b, struct shape s, size_t height, long rows)
{
	if (b->n == 0 || height == 0)
		return false;
	struct place p = bottom(b, s);
	struct place limit = highest(b, s, height);
	if (rows > 0 && !is_above(limit, p))
		return false;
	for (; rows > 0 && is_above(limit, p); rows--)
		go_up(b, s, &p);
	for (; rows < 0 && go_down(b, s, &p); rows++)
		;
	hang_on(b, s, p);
	return true;
}

void
buffer_to_top(struct buffer *b, struct shape s, size_t height)
{
	if (b->n > 0 && height > 0)
		hang_on(b, s, highest(b, s, height));
}

void
buffer_to_bottom(struct buffer *b)
{
	b->scrolled = false;
}

void
buffer_to_entry(
    struct buffer *b, struct shape s, size_t height, uint64_t serial)
{
	struct place p = {index_of(b, serial), 0};
	if (p.i == SIZE_MAX || height == 0)
		return;
	for (size_t n = 1; n < height && go_down(b, s, &p); n++)
		;
	hang_on(b, s, p);
}

size_t
buffer_below(const struct buffer *b)
{
	size_t i = b->scrolled ? index_of(b, b->anchor) : SIZE_MAX;
	return i == SIZE_MAX ? 0 : b->n - 1 - i;
}
