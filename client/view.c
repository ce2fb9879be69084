/* SPDX-License-Identifier: ISC */
/*
 * Drawing: the model's parts into the layout's rectangles, once per turn of
 * the loop and only where something changed.  Curses compares with what the
 * terminal shows and sends the difference.
 *
 * There is one way to put text here, put_safe(): text that did not pass the
 * sanitiser cannot be drawn.  It clips at the rectangle's edge and never
 * splits a cell, so nothing anybody writes moves a column of the frame.
 */
#include "client/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curses.h>

#include "base/mem.h"
#include "client/term.h"
#include "client/theme.h"

enum {
	NICK_MIN = 6,
	NICK_MAX = 14,
	NICK_MIN_MEDIUM = 8, /* without side lists */
	NICK_MAX_MEDIUM = 12,
	NICK_LOOK_BACK = 100, /* entries that decide its width */
	TIME_COLS = 6,
	RULE_COLS = 3,
	GUTTER_COLS = 2,
	OVERLAY_COLS = 30,
};

static const struct border {
	wchar_t vertical, day, unread;
} border_chars[] = {
    [BORDERS_NONE] = {L' ', L' ', L' '},
    [BORDERS_ASCII] = {L'|', L'-', L'='},
    [BORDERS_LINE] = {0x2502, 0x2500, 0x2550},
};

/* --- putting ------------------------------------------------------------- */

static void
put_char(int row, int col, const wchar_t *ch, enum role role)
{
	cchar_t cc;
	if (setcchar(&cc, ch, (attr_t)theme_attrs(role), theme_pair(role),
		NULL) == OK)
		mvadd_wch(row, col, &cc); /* ERR in the last corner: drawn */
}

static void
fill(int row, int col, int cols, wchar_t c, enum role role)
{
	const wchar_t ch[] = {c, L'\0'};
	for (int i = 0; i < cols; i++)
		put_char(row, col + i, ch, role);
}

static void
blank(struct rect r)
{
	for (int i = 0; i < r.rows; i++)
		fill(r.row + i, r.col, r.cols, L' ', ROLE_TEXT);
}

/* Bytes from..to of s, in at most cols columns; returns those used. */
static int
put_part(int row, int col, int cols, const struct safe *s, size_t from,
    size_t to, enum role role)
{
	struct cell cell;
	int used = 0;
	for (size_t n; from < to && (n = safe_cell(s, from, &cell)) > 0;
	     from += n) {
		if (used + cell.width > cols)
			break;
		if (cell.width > 0)
			put_char(row, col + used, cell.ch, role);
		used += cell.width;
	}
	return used;
}

/* All of s; what does not fit ends in an ellipsis. */
static int
put_safe(int row, int col, int cols, const struct safe *s, enum role role)
{
	if (cols < 1)
		return 0;
	if (safe_width(s) <= cols)
		return put_part(row, col, cols, s, 0, s->len, role);
	int used = put_part(row, col, cols - 1, s, 0, s->len, role);
	put_char(row, col + used, (const wchar_t[]){0x2026, 0}, role);
	return used + 1;
}

/* Our own words; they take the same way. */
static int
put_str(int row, int col, int cols, const char *text, enum role role)
{
	struct safe s = safe_str(text);
	int used = put_safe(row, col, cols, &s, role);
	safe_free(&s);
	return used;
}

/* --- geometry ------------------------------------------------------------ */

void
view_init(struct view *v, enum borders borders)
{
	*v = (struct view){.borders = borders, .input_rows = 1};
	view_resize(v);
}

void
view_resize(struct view *v)
{
	term_size(&v->rows, &v->cols);
	v->layout = layout_of(v->rows, v->cols, v->input_rows);
	v->nick_cols = 0;
}

static int
margin(const struct view *v)
{
	return v->layout.room_rule >= 0 ? 1 : 0;
}

/* Columns before the text, in wide shape. */
static int
prefix_cols(const struct view *v)
{
	return margin(v) + TIME_COLS + v->nick_cols + RULE_COLS;
}

struct shape
view_shape(const struct view *v)
{
	int cols = v->layout.pane.cols;
	struct shape s = {.narrow = v->layout.narrow};
	s.width =
	    s.narrow ? cols - GUTTER_COLS : cols - prefix_cols(v) - GUTTER_COLS;
	if (cols < 8)
		s.width = cols; /* no gutter either */
	if (s.width > LAYOUT_TEXT_MAX)
		s.width = LAYOUT_TEXT_MAX;
	if (s.width < 1)
		s.width = 1;
	return s;
}

size_t
view_height(const struct view *v)
{
	return (size_t)v->layout.pane.rows;
}

static int
clamp(int v, int lo, int hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

static void
widen(int *most, const struct entry *e)
{
	int width = safe_width(&e->who) + (e->rank != ' ');
	if (width > *most)
		*most = width;
}

/* As wide as who speaks here needs, within bounds. */
static int
nick_cols(const struct view *v, const struct model *m)
{
	const struct buffer *b = &model_current(m)->buffer;
	bool medium = v->cols < LAYOUT_ROOMS;
	int most = model_current(m)->kind == WINDOW_SERVER
		       ? 0
		       : safe_measure(span_of(m->nick.shown));
	size_t i = b->n > NICK_LOOK_BACK ? b->n - NICK_LOOK_BACK : 0;
	for (; i < b->n; i++)
		widen(&most, b->entries[i]);
	return medium ? clamp(most, NICK_MIN_MEDIUM, NICK_MAX_MEDIUM)
		      : clamp(most, NICK_MIN, NICK_MAX);
}

/* --- the title ----------------------------------------------------------- */

static void
draw_title(const struct view *v, const struct model *m)
{
	const struct rect r = v->layout.title;
	const struct window *w = model_current(m);
	char here[32] = "";
	if (r.rows == 0)
		return;
	fill(r.row, r.col, r.cols, L' ', ROLE_TITLE);
	if (w->kind == WINDOW_ROOM && w->joined)
		snprintf(here, sizeof(here), "  %llu here ",
		    (unsigned long long)w->total);
	int right = (int)strlen(here);
	int left = r.cols - right;
	int used =
	    1 + put_safe(r.row, r.col + 1, left - 1, &w->title, ROLE_TITLE);
	if (left > 0)
		put_str(r.row, r.col + left, right, here, ROLE_TITLE);
	used += 2;
	if (w->kind == WINDOW_PERSON)
		put_str(r.row, r.col + used, left - used, "between you two",
		    ROLE_TITLE);
	else
		put_safe(
		    r.row, r.col + used, left - used, &w->topic, ROLE_TITLE);
}

/* --- lists --------------------------------------------------------------- */

/* "!2": mentions, "+4": unread, "@": something half written. */
static void
format_counts(const struct window *w, char out[static 32])
{
	const char *draft = w->draft ? "@" : "";
	if (w->mentions > 0)
		snprintf(out, 32, "!%u%s", w->mentions, draft);
	else if (w->unread > 0)
		snprintf(out, 32, "+%u%s", w->unread, draft);
	else
		snprintf(out, 32, "%s", draft);
}

static enum role
window_role(const struct model *m, const struct window *w)
{
	return w == model_current(m) ? ROLE_HERE
	       : w->mentions > 0     ? ROLE_CALL
	       : w->unread > 0       ? ROLE_ACTIVE
				     : ROLE_TEXT;
}

static void
draw_room(struct rect r, const struct model *m, size_t i)
{
	const struct window *w = m->windows[i];
	enum role role = window_role(m, w);
	char counts[32];
	char number[24] = "   ";
	format_counts(w, counts);
	if (i > 0)
		snprintf(number, sizeof(number), "%2zu ", i);
	int right = counts[0] ? (int)strlen(counts) + 1 : 0;
	put_str(r.row, r.col, 1, w == model_current(m) ? ">" : " ", role);
	int used =
	    1 + put_str(r.row, r.col + 1, r.cols - 1, number, ROLE_QUIET);
	put_safe(r.row, r.col + used, r.cols - used - right - 1, &w->title,
	    w->kind == WINDOW_ROOM && !w->joined ? ROLE_QUIET : role);
	if (right > 0 && right < r.cols)
		put_str(r.row, r.col + r.cols - right, right, counts, role);
}

static void
draw_room_list(struct rect r, const struct model *m)
{
	size_t rows = (size_t)r.rows;
	size_t first =
	    m->n > rows && m->current >= rows ? m->current - rows + 1 : 0;
	blank(r);
	for (size_t k = 0; k < rows && first + k < m->n; k++)
		draw_room((struct rect){r.row + (int)k, r.col, 1, r.cols}, m,
		    first + k);
}

static int
draw_members_of(struct rect r, const struct window *w, char rank, int row)
{
	for (size_t i = 0; i < w->nmembers; i++) {
		const struct member *mb = w->members[i];
		if (mb->rank != rank)
			continue;
		if (row < r.rows) {
			const char sign[] = {rank, '\0'};
			put_str(r.row + row, r.col, 1, sign, ROLE_QUIET);
			put_str(r.row + row, r.col + 1, r.cols - 1,
			    mb->name.shown,
			    theme_nick(mb->name.fold, mb->registered));
		}
		row++;
	}
	return row;
}

static void
draw_member_list(struct rect r, const struct model *m)
{
	const struct window *w = model_current(m);
	int row = 0;
	blank(r);
	row = draw_members_of(r, w, '*', row);
	row = draw_members_of(r, w, '+', row);
	row = draw_members_of(r, w, ' ', row);
	if (row > r.rows && r.rows > 0) {
		char more[32];
		int last = r.row + r.rows - 1;
		snprintf(more, sizeof(more), "and %d more", row - r.rows + 1);
		fill(last, r.col, r.cols, L' ', ROLE_TEXT);
		put_str(last, r.col + 1, r.cols - 1, more, ROLE_QUIET);
	}
}

static void
draw_rule(const struct view *v, int col)
{
	const struct layout *l = &v->layout;
	const wchar_t ch[] = {border_chars[v->borders].vertical, L'\0'};
	int top = l->pane.row;
	int rows = l->rooms.rows;
	for (int i = 0; col >= 0 && i < rows; i++)
		put_char(top + i, col, ch, ROLE_BORDER);
}

static void
draw_rooms(const struct view *v, const struct model *m)
{
	if (v->layout.rooms.cols == 0)
		return;
	draw_room_list(v->layout.rooms, m);
	draw_rule(v, v->layout.room_rule);
}

static void
draw_members(const struct view *v, const struct model *m)
{
	if (v->layout.members.cols == 0)
		return;
	draw_member_list(v->layout.members, m);
	draw_rule(v, v->layout.member_rule);
}

/* F7 and F8, where the screen has no room for the lists; they take no keys. */
static void
draw_overlay(const struct view *v, const struct model *m, enum overlay what)
{
	struct rect r = v->layout.pane;
	int n =
	    (int)(what == OVERLAY_ROOMS ? m->n : model_current(m)->nmembers);
	if (what == OVERLAY_NONE || r.rows < 1)
		return;
	int cols = r.cols < OVERLAY_COLS ? r.cols : OVERLAY_COLS;
	r.col += r.cols - cols;
	r.cols = cols;
	r.rows = clamp(n, 1, r.rows);
	for (int i = 0; i < r.rows; i++)
		fill(r.row + i, r.col, 1, border_chars[v->borders].vertical,
		    ROLE_BORDER);
	r.col++;
	r.cols--;
	if (what == OVERLAY_ROOMS)
		draw_room_list(r, m);
	else
		draw_member_list(r, m);
}

/* --- the pane ------------------------------------------------------------ */

static enum role
text_role(const struct entry *e)
{
	static const enum role roles[] = {
	    [ENTRY_TEXT] = ROLE_TEXT,
	    [ENTRY_ACTION] = ROLE_ACTION,
	    [ENTRY_INFO] = ROLE_QUIET,
	    [ENTRY_IN] = ROLE_QUIET,
	    [ENTRY_OUT] = ROLE_QUIET,
	    [ENTRY_ERROR] = ROLE_ERROR,
	};
	if (e->mark == MARK_PENDING)
		return ROLE_PENDING;
	return roles[e->kind];
}

static enum role
who_role(const struct entry *e)
{
	if (e->mark == MARK_PENDING)
		return ROLE_PENDING;
	if (e->kind != ENTRY_TEXT)
		return text_role(e);
	if (e->mention)
		return ROLE_MENTION;
	return e->own ? ROLE_OWN : theme_nick(e->who.utf8, e->registered);
}

static void
draw_mark(struct rect r, const struct entry *e)
{
	static const struct {
		const char *sign;
		enum role role;
	} marks[] = {
	    [MARK_NONE] = {NULL, ROLE_TEXT},
	    [MARK_PENDING] = {"o", ROLE_PENDING},
	    [MARK_FAILED] = {"x", ROLE_FAILED},
	    [MARK_UNKNOWN] = {"?", ROLE_FAILED},
	};
	const char *sign = marks[e->mark].sign;
	enum role role = marks[e->mark].role;
	if (!sign && e->mention) {
		sign = "!";
		role = ROLE_MENTION;
	} else if (!sign && e->text.odd) {
		sign = "~";
		role = ROLE_QUIET;
	}
	if (sign && r.cols >= 8)
		put_str(r.row, r.col + r.cols - 1, 1, sign, role);
}

static void
format_day(const struct entry *e, int year, char out[static 32])
{
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May",
	    "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	static const char *const days[] = {
	    "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	int y = e->day / 512;
	int month = e->day / 32 % 16;
	struct tm tm = {.tm_year = y - 1900,
	    .tm_mon = month,
	    .tm_mday = e->day % 32,
	    .tm_hour = 12};
	(void)timegm(&tm); /* finds the day of the week */
	int n = snprintf(out, 32, " %s %d %s", days[tm.tm_wday % 7],
	    e->day % 32, months[month % 12]);
	if (y != year)
		n += snprintf(out + n, 32 - (size_t)n, " %d", y);
	snprintf(out + n, 32 - (size_t)n, " ");
}

static void
draw_across(struct rect r, wchar_t c, const char *label, enum role role)
{
	int len = (int)strlen(label);
	fill(r.row, r.col, r.cols, c, role);
	if (len <= r.cols)
		put_str(r.row, r.col + (r.cols - len) / 2, len, label, role);
}

static void
draw_rule_row(const struct view *v, struct rect r, const struct row *row,
    const struct buffer *b, int year)
{
	char label[48];
	if (row->kind == ROW_DAY) {
		format_day(row->entry, year, label);
		draw_across(r, border_chars[v->borders].day, label, ROLE_DAY);
		return;
	}
	snprintf(label, sizeof(label), " %u new ", b->rule_count);
	draw_across(r, border_chars[v->borders].unread, label, ROLE_UNREAD);
}

/* What somebody is in the room, before the nick; returns its columns. */
static int
put_rank(int row, int col, const struct entry *e)
{
	const char sign[] = {e->rank, '\0'};
	return e->rank == ' ' ? 0 : put_str(row, col, 1, sign, ROLE_QUIET);
}

static void
draw_narrow_row(const struct view *v, struct rect r, const struct row *row)
{
	const struct entry *e = row->entry;
	int col = 0;
	struct shape s = view_shape(v);
	if (row->first && row->show_time) {
		put_str(r.row, r.col, r.cols, e->clock, ROLE_TIME);
		col = TIME_COLS;
	}
	if (row->first && col < r.cols) {
		col += put_rank(r.row, r.col + col, e);
		int most = r.cols - col < BUFFER_NICK_INLINE
			       ? r.cols - col
			       : BUFFER_NICK_INLINE;
		col += put_safe(r.row, r.col + col, most, &e->who, who_role(e));
		if (e->kind == ENTRY_TEXT)
			put_str(
			    r.row, r.col + col, r.cols - col, ":", who_role(e));
	}
	int left = s.width - row->indent;
	if (left > 0)
		put_part(r.row, r.col + row->indent, left, &e->text, row->start,
		    row->end, text_role(e));
}

static void
draw_who(struct rect r, int cols, const struct row *row)
{
	const struct entry *e = row->entry;
	if (row->same) {
		put_str(r.row, r.col + cols - 1, 1, ".", ROLE_QUIET);
		return;
	}
	int width = safe_width(&e->who);
	int pad = width < cols ? cols - width : 0;
	if (pad > 0)
		put_rank(r.row, r.col + pad - 1, e);
	put_safe(r.row, r.col + pad, cols - pad, &e->who, who_role(e));
}

static void
draw_wide_row(const struct view *v, struct rect r, const struct row *row)
{
	const struct entry *e = row->entry;
	const wchar_t rule[] = {border_chars[v->borders].vertical, L'\0'};
	int col = r.col + margin(v);
	if (row->first && row->show_time)
		put_str(r.row, col, TIME_COLS - 1, e->clock, ROLE_TIME);
	col += TIME_COLS;
	if (row->first)
		draw_who((struct rect){r.row, col, 1, 0}, v->nick_cols, row);
	col += v->nick_cols + 1;
	put_char(r.row, col, rule, ROLE_BORDER);
	col += 2;
	put_part(r.row, col, view_shape(v).width, &e->text, row->start,
	    row->end, text_role(e));
}

static void
draw_row(const struct view *v, struct rect r, const struct row *row,
    const struct buffer *b, int year)
{
	if (row->kind != ROW_TEXT) {
		draw_rule_row(v, r, row, b, year);
		return;
	}
	if (v->layout.narrow)
		draw_narrow_row(v, r, row);
	else
		draw_wide_row(v, r, row);
	if (row->first)
		draw_mark(r, row->entry);
}

static void
draw_pane(const struct view *v, const struct model *m, int year)
{
	struct buffer *b = &model_current(m)->buffer;
	struct rect r = v->layout.pane;
	blank(r);
	if (r.rows < 1)
		return;
	struct row *rows = xcalloc((size_t)r.rows, sizeof(*rows));
	size_t n = buffer_rows(b, view_shape(v), (size_t)r.rows, rows);
	int top = r.row + r.rows - (int)n; /* few rows stand at the bottom */
	for (size_t i = 0; i < n; i++)
		draw_row(v, (struct rect){top + (int)i, r.col, 1, r.cols},
		    &rows[i], b, year);
	free(rows);
}

/* --- hint and status ----------------------------------------------------- */

static void
draw_hint(const struct view *v, const struct model *m, const struct screen *s)
{
	const struct rect r = v->layout.hint;
	const struct window *w = model_current(m);
	char right[64] = "";
	if (r.rows == 0)
		return;
	blank(r);
	if (w->buffer.scrolled)
		snprintf(right, sizeof(right), " %zu more below ",
		    buffer_below(&w->buffer));
	else if (w->asking)
		snprintf(right, sizeof(right), " fetching older messages ");
	int len = (int)strlen(right);
	if (s->hint.len > 0)
		put_safe(r.row, r.col + 1, r.cols - len - 1, &s->hint,
		    s->hint_alert ? ROLE_ERROR : ROLE_TEXT);
	else if (len == 0 && r.cols >= LAYOUT_NARROW)
		put_str(r.row, r.col + 1, r.cols - 2,
		    "Tab completes   Alt-a what is new   PgUp older   /help",
		    ROLE_HINT);
	if (len > 0 && len < r.cols)
		put_str(r.row, r.col + r.cols - len, len, right, ROLE_HERE);
}

/* One window in the status row; returns its columns, 0 where it won't fit. */
static int
put_window(
    const struct view *v, const struct model *m, size_t i, int col, int cols)
{
	const struct window *w = m->windows[i];
	int row = v->layout.status.row;
	bool here = i == m->current;
	bool bare = v->layout.narrow && i > 0;
	char counts[32];
	char number[24] = "";
	format_counts(w, counts);
	if (i > 0)
		snprintf(number, sizeof(number), bare ? "%zu" : "%zu ", i);
	struct safe text = safe_printf("%s%s%s%s%s", here ? "[" : "", number,
	    bare ? "" : w->title.utf8, counts, here ? "]" : "");
	int width = safe_width(&text);
	if (width > cols)
		width = 0;
	else
		put_safe(row, col, cols, &text, ROLE_STATUS);
	safe_free(&text);
	return width;
}

/* All windows where they fit; else the current one and those with news. */
static void
put_windows(const struct view *v, const struct model *m, int col, int cols)
{
	bool all = m->n <= 10;
	for (size_t i = 0; i < m->n && cols > 0; i++) {
		const struct window *w = m->windows[i];
		if (i != m->current &&
		    (i == 0 ? w->unread == 0 : !all && w->unread == 0))
			continue;
		int used = put_window(v, m, i, col, cols);
		col += used + 1;
		cols -= used + 1;
		if (used == 0)
			break;
	}
}

static void
draw_status(const struct view *v, const struct model *m, const struct screen *s)
{
	const struct rect r = v->layout.status;
	if (r.rows == 0)
		return;
	fill(r.row, r.col, r.cols, L' ', ROLE_STATUS);
	bool hint_here = v->layout.hint.rows == 0 && s->hint.len > 0;
	if (hint_here) {
		put_safe(r.row, r.col, r.cols, &s->hint,
		    s->hint_alert ? ROLE_ALERT : ROLE_STATUS);
		return;
	}
	bool clock = !v->layout.narrow;
	int link = safe_width(&s->link);
	int right = clock ? 8 + link : s->link_bad ? link + 1 : 0;
	if (right > r.cols * 2 / 3)
		right = r.cols * 2 / 3;
	if (clock)
		put_str(r.row, r.col + r.cols - 6, 5, s->clock, ROLE_STATUS);
	if (right > 0)
		put_safe(r.row, r.col + r.cols - right, right - (clock ? 8 : 1),
		    &s->link, s->link_bad ? ROLE_ALERT : ROLE_STATUS);
	put_windows(v, m, r.col, r.cols - right - 2);
}

/* --- the input ----------------------------------------------------------- */

struct typed {
	int row, col;               /* of the next cluster */
	int cursor_row, cursor_col; /* of the cursor */
	int indent, cols;
};

static int
cluster_cols(struct span cluster)
{
	return cluster.len == 1 && cluster.p[0] == '\t' ? SAFE_TAB
							: safe_measure(cluster);
}

/* Walks the text; draws the rows from `first` on into r where draw is set. */
static void
walk_input(
    struct typed *t, const struct edit *e, struct rect r, int first, bool draw)
{
	for (size_t i = 0, n; i <= e->len; i += n) {
		if (i == e->at) {
			t->cursor_row = t->row;
			t->cursor_col = t->col;
		}
		n = text_cluster(e->text + i, e->len - i);
		if (n == 0)
			return;
		if (e->text[i] == '\n') {
			t->row++;
			t->col = t->indent;
			continue;
		}
		struct span cluster = {e->text + i, n};
		int width = cluster_cols(cluster);
		if (t->col + width >= t->cols && t->col > t->indent) {
			t->row++;
			t->col = t->indent;
			if (i == e->at) {
				t->cursor_row = t->row;
				t->cursor_col = t->col;
			}
		}
		int row = t->row - first;
		if (draw && row >= 0 && row < r.rows) {
			struct safe s = safe_new(cluster, 0);
			put_part(r.row + row, r.col + t->col, r.cols - t->col,
			    &s, 0, s.len, ROLE_TEXT);
			safe_free(&s);
		}
		t->col += width;
	}
}

static struct safe
make_prompt(const struct view *v, const struct model *m, const struct screen *s)
{
	const struct window *w = model_current(m);
	bool alone = v->layout.status.rows == 0;
	if (v->cols < 12)
		return safe_str(v->cols < 4 ? "" : "> ");
	if (v->layout.narrow && !alone)
		return safe_str("> ");
	return safe_printf(
	    "%s%s> ", alone && s->link_bad ? "(offline) " : "", w->title.utf8);
}

static int
prompt_cols(const struct view *v, const struct safe *prompt)
{
	return clamp(safe_width(prompt), 0, v->cols / 2);
}

/* One row: the question, and behind it the end of the answer. */
static int
draw_ask(const struct view *v, const struct ask_line *a, int *row, int *col)
{
	struct rect r = v->layout.input;
	struct safe label = safe_printf("%s ", a->label);
	struct safe text =
	    safe_new((struct span){a->text, a->hidden ? 0 : a->len}, 0);
	int used = clamp(safe_width(&label), 0, r.cols - 1);
	int width = a->hidden ? 0 : safe_width(&text);
	size_t from = 0;
	blank(r);
	put_safe(r.row, r.col, used, &label, ROLE_ALERT);
	for (int w; width > r.cols - used - 1 && from < text.len; width -= w)
		from += safe_cluster(&text, from, &w);
	if (!a->hidden)
		put_part(r.row, r.col + used, r.cols - used, &text, from,
		    text.len, ROLE_TEXT);
	*row = r.row;
	*col = clamp(r.col + used + width, 0, v->cols - 1);
	safe_free(&text);
	safe_free(&label);
	return 1;
}

static int
draw_input(struct view *v, const struct model *m, const struct screen *s,
    int *cursor_row, int *cursor_col)
{
	if (ask_is_open(s->ask))
		return draw_ask(v, s->ask, cursor_row, cursor_col);
	struct safe prompt = make_prompt(v, m, s);
	struct rect r = v->layout.input;
	int indent = prompt_cols(v, &prompt);
	struct typed t = {.col = indent, .indent = indent, .cols = r.cols};
	walk_input(&t, s->edit, r, 0, false);
	int rows = t.row + 1;
	int first = t.cursor_row >= r.rows ? t.cursor_row - r.rows + 1 : 0;
	*cursor_row = r.row + t.cursor_row - first;
	*cursor_col = clamp(r.col + t.cursor_col, 0, v->cols - 1);
	blank(r);
	if (first == 0)
		put_safe(r.row, r.col, indent, &prompt, ROLE_PROMPT);
	t = (struct typed){.col = indent, .indent = indent, .cols = r.cols};
	walk_input(&t, s->edit, r, first, true);
	safe_free(&prompt);
	return rows;
}

/* --- all ----------------------------------------------------------------- */

static void
settle_nick_cols(struct view *v, const struct model *m, unsigned dirty)
{
	if (v->nick_cols == 0 || dirty == DIRTY_ALL)
		v->nick_cols = nick_cols(v, m);
}

void
view_draw(
    struct view *v, struct model *m, const struct screen *s, unsigned dirty)
{
	int row = 0;
	int col = 0;
	int wanted = draw_input(v, m, s, &row, &col);
	struct layout l = layout_of(v->rows, v->cols, wanted);
	if (l.input.rows != v->layout.input.rows) {
		v->layout = l;
		v->input_rows = wanted;
		dirty = DIRTY_ALL;
		draw_input(v, m, s, &row, &col);
	}
	settle_nick_cols(v, m, dirty);
	if (dirty & DIRTY_TITLE)
		draw_title(v, m);
	if (dirty & DIRTY_ROOMS)
		draw_rooms(v, m);
	if (dirty & DIRTY_MEMBERS)
		draw_members(v, m);
	if (dirty & (DIRTY_PANE | DIRTY_ROOMS | DIRTY_MEMBERS)) {
		draw_pane(v, m, s->year);
		draw_overlay(v, m, s->overlay);
	}
	if (dirty & (DIRTY_STATUS | DIRTY_PANE)) {
		draw_hint(v, m, s);
		draw_status(v, m, s);
	}
	if (v->layout.input.rows > 0 && v->layout.input.row >= 0)
		move(row, col);
	term_flush();
}
