/* SPDX-License-Identifier: ISC */
/*
 * Completion: who is meant is most often who spoke last.
 *
 * Candidates are found once, at the first Tab, and then walked in a ring whose
 * last stop is what was typed.  It looks at the model and changes the input
 * line; keys and drawing are others' business.
 */
#include "client/complete.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/command.h"

void
complete_reset(struct complete *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->items[i]);
	free(c->typed);
	*c = (struct complete){0};
}

/* Does s begin with the prefix, ASCII case apart? */
static bool
begins(const char *s, struct span prefix)
{
	size_t len = strlen(s);
	for (size_t i = 0; i < prefix.len; i++) {
		char a = i < len ? s[i] : '\0';
		char b = prefix.p[i];
		if (a >= 'A' && a <= 'Z')
			a = (char)(a | 0x20);
		if (b >= 'A' && b <= 'Z')
			b = (char)(b | 0x20);
		if (a != b)
			return false;
	}
	return true;
}

static void
offer(
    struct complete *c, const char *sigil, const char *item, const char *behind)
{
	if (c->n < COMPLETE_MAX)
		c->items[c->n++] = xasprintf("%s%s%s", sigil, item, behind);
}

/* --- candidates ---------------------------------------------------------- */

static void
offer_commands(struct complete *c, struct span word, const char *sigil)
{
	for (size_t i = 0; i < commands_n; i++)
		if (begins(commands[i].name, word))
			offer(c, sigil, commands[i].name, " ");
}

static void
offer_rooms(struct complete *c, const struct model *m, struct span word)
{
	bool hash = word.len > 0 && word.p[0] == '#';
	if (hash)
		word = (struct span){word.p + 1, word.len - 1};
	for (size_t i = 1; i < m->n; i++)
		if (m->windows[i]->kind == WINDOW_ROOM &&
		    begins(m->windows[i]->name.shown, word))
			offer(
			    c, hash ? "#" : "", m->windows[i]->name.shown, " ");
}

static int
by_speech(const void *a, const void *b)
{
	const struct member *x = *(struct member *const *)a;
	const struct member *y = *(struct member *const *)b;
	if (x->spoke != y->spoke)
		return x->spoke > y->spoke ? -1 : 1;
	return strcmp(x->name.fold, y->name.fold);
}

static void
offer_nicks(struct complete *c, const struct model *m, struct span word,
    const char *behind)
{
	const struct window *w = model_current(m);
	const char *sigil = word.len > 0 && word.p[0] == '@' ? "@" : "";
	if (*sigil)
		word = (struct span){word.p + 1, word.len - 1};
	if (w->kind == WINDOW_PERSON && begins(w->name.shown, word))
		offer(c, sigil, w->name.shown, behind);
	struct member **found =
	    xcalloc(w->nmembers + 1, sizeof(struct member *));
	size_t n = 0;
	for (size_t i = 0; i < w->nmembers; i++) {
		struct member *mb = w->members[i];
		if (strcmp(mb->name.fold, m->nick.fold) != 0 &&
		    begins(mb->name.shown, word) &&
		    (word.len > 0 || mb->spoke > 0))
			found[n++] = mb;
	}
	qsort(found, n, sizeof(found[0]), by_speech);
	for (size_t i = 0; i < n; i++)
		offer(c, sigil, found[i]->name.shown, behind);
	free(found);
}

static void
offer_settings(struct complete *c, struct span word)
{
	static const char *const keys[] = {
	    "history=", "key=", "moderated=", "owner=", "private=", "slow="};
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (begins(keys[i], word))
			offer(c, "", keys[i], "");
}

/* The first word behind a command. */
static void
offer_argument(struct complete *c, const struct model *m,
    const struct command *cmd, struct span word)
{
	switch (cmd->arg) {
	case ARG_ROOM:
		offer_rooms(c, m, word);
		break;
	case ARG_TOPIC:
		if (word.len == 0)
			offer(c, "", model_current(m)->topic.utf8, "");
		break;
	case ARG_SETTING:
		offer_settings(c, word);
		break;
	case ARG_COMMAND:
		offer_commands(c, word, "");
		break;
	case ARG_NICK:
	case ARG_TEXT:
		offer_nicks(c, m, word, " ");
		break;
	case ARG_NONE:
		break;
	}
}

static size_t
word_start(const struct edit *e)
{
	size_t i = e->at;
	while (i > 0 && e->text[i - 1] != ' ' && e->text[i - 1] != '\n')
		i--;
	return i;
}

static void
find(struct complete *c, const struct model *m, const struct edit *e)
{
	size_t lead = strspn(e->text, " ");
	size_t from = word_start(e);
	struct span word = {e->text + from, e->at - from};
	bool is_command = e->text[lead] == '/' && e->text[lead + 1] != '/';
	c->from = from;
	c->to = e->at;
	c->typed = xstrndup(word.p, word.len);
	if (is_command && from == lead) {
		word = (struct span){word.p + 1, word.len - 1};
		offer_commands(c, word, "/");
		return;
	}
	struct span rest = span_of(e->text + lead);
	const struct command *cmd = NULL;
	if (is_command) {
		struct span name = text_word(&rest);
		cmd = command_find((struct span){name.p + 1, name.len - 1});
	}
	if (cmd && rest.p == e->text + from)
		offer_argument(c, m, cmd, word);
	else if (word.len > 0 && word.p[0] == '#')
		offer_rooms(c, m, word);
	else
		offer_nicks(c, m, word, from == lead ? ": " : " ");
}

/* --- stepping ------------------------------------------------------------ */

bool
complete_step(
    struct complete *c, const struct model *m, struct edit *e, bool backwards)
{
	if (!c->typed) {
		find(c, m, e);
		c->at = c->n;
	}
	if (c->n == 0) {
		complete_reset(c);
		return false;
	}
	size_t stops = c->n + 1;
	c->at = (c->at + (backwards ? stops - 1 : 1)) % stops;
	const char *item = c->at == c->n ? c->typed : c->items[c->at];
	edit_replace(e, c->from, c->to, span_of(item));
	c->to = e->at;
	return true;
}
