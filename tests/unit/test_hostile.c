/* SPDX-License-Identifier: ISC */
/*
 * What hostile and friendly people write, as names and as texts, with the
 * verdicts that the shared test data gives: through frame, line, text and names
 * as a server would take it.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "base/names.h"
#include "base/text.h"
#include "proto/frame.h"
#include "proto/line.h"
#include "tests/unit/testdata.h"

enum { MAX_LINE = 16384 };

static struct span
raw_of(const struct entry *e)
{
	return (struct span){buf_head(&e->raw), buf_len(&e->raw)};
}

/* A name that was accepted is found again by its fold, and its fold by itself;
 * it brings no byte that acts on a terminal. */
static void
assert_sound(const char *id, const struct name *name)
{
	struct name again;

	if (name_check(span_of(name->fold), false, &again) != 0 ||
	    strcmp(again.fold, name->fold) != 0)
		fail_msg("%s: the fold is not its own fold", id);
	assert_int_equal(text_check(name->shown, strlen(name->shown), NULL), 0);
	assert_null(strchr(name->shown, ' '));
	assert_null(strchr(name->shown, '\t'));
}

/* What the entries that may fold imitate. */
static const struct {
	const char *id, *imitates;
} imitations[] = {
    {"confus-cyrillic-admin", "admin"},
    {"confus-greek-o", "root"},
    {"confus-math-bold", "admin"},
    {"confus-turkish-I", "admin"},
    {"confus-long-s", "rost"},
    {"confus-sharp-s", "strasse"},
    {"confus-superscript", "admin2"},
    {"confus-leet", "operator"},
    {"confus-cherokee", "aw"},
    {"confus-rn-vs-m", "admin"},
};

static const char *
imitated(const char *id)
{
	for (size_t i = 0; i < ARRAY_LEN(imitations); i++)
		if (strcmp(imitations[i].id, id) == 0)
			return imitations[i].imitates;
	fail_msg("%s: nobody said what it imitates", id);
	return NULL;
}

/* Refused to everybody while the other is held. */
static bool
looks_like(const struct name *name, const char *who)
{
	char a[NAME_BYTES_MAX + 1], b[NAME_BYTES_MAX + 1];

	name_skeleton(name->fold, a);
	name_skeleton(who, b);
	return strcmp(a, b) == 0;
}

static void
judge_hostile_name(const struct entry *e, void *arg)
{
	struct name name;
	int err = name_check(raw_of(e), false, &name);
	size_t *folded = arg;

	if (strcmp(e->nick, "refuse") == 0) {
		if (err == 0)
			fail_msg("%s is accepted as a name", e->id);
		assert_true(strlen(name_strerror(err)) > 0);
		return;
	}
	assert_string_equal(e->nick, "fold-or-refuse");
	++*folded;
	const char *who = imitated(e->id);
	if (err == 0)
		assert_sound(e->id, &name);
	if (err == 0 && !looks_like(&name, who))
		fail_msg("%s, which folds to %s, does not look like %s", e->id,
		    name.fold, who);
}

static void
a_hostile_name_is_refused_or_is_what_it_imitates(void **state)
{
	size_t folded = 0;

	(void)state;

	assert_int_equal(testdata_entries("hostile-text-a.json",
			     judge_hostile_name, &folded),
	    125);
	assert_int_equal(folded, ARRAY_LEN(imitations));
}

/* Takes "SAY r " and the raw bytes as one frame, or as a bare line, apart.
 * False: refused, by whatever layer. */
static bool
say(struct span raw, bool bare, struct buf *text)
{
	struct buf wire = {0};
	struct frame f;
	struct line l;
	struct span line, said, params[LINE_PARAMS_MAX];
	bool accepted = false;

	if (!bare)
		buf_addf(&wire, "%zu ", raw.len + 6);
	buf_add_str(&wire, "SAY r ");
	buf_add(&wire, raw.p, raw.len);
	buf_add(&wire, "\n", 1);
	frame_init(&f, MAX_LINE, true);
	struct span in = {buf_head(&wire), buf_len(&wire)};
	buf_clear(text);
	if (frame_next(&f, &in, &line) == FRAME_LINE &&
	    line_parse(&l, line) == 0 &&
	    line_split(&l, 1, params, &said) == 0) {
		buf_add(text, said.p, said.len);
		accepted = true;
	}
	frame_fini(&f);
	buf_free(&wire);
	return accepted;
}

/* Would a byte of it act on a terminal?  Looked at without our own functions.
 */
static bool
acts(const struct buf *text)
{
	const uint8_t *p = (const uint8_t *)buf_head(text);

	for (size_t i = 0; i < buf_len(text); i++)
		if ((p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f ||
		    (p[i] == 0xc2 && i + 1 < buf_len(text) && p[i + 1] < 0xa0))
			return true;
	return false;
}

static void
judge_hostile_text(const struct entry *e, void *arg)
{
	struct buf text = {0};

	for (int bare = 0; bare < 2; bare++) {
		bool accepted = say(raw_of(e), bare == 1, &text);
		if (accepted && acts(&text))
			fail_msg("%s: a control byte comes through", e->id);
		if (accepted && strcmp(e->message, "refuse-line") == 0)
			fail_msg("%s is accepted as a text", e->id);
		if (strcmp(e->message, "ok") != 0)
			continue;
		if (!accepted ||
		    !span_eq(raw_of(e),
			(struct span){buf_head(&text), buf_len(&text)}))
			fail_msg("%s does not come through whole", e->id);
		++*(size_t *)arg;
	}
	buf_free(&text);
}

static void
a_hostile_text_is_refused_or_harmless(void **state)
{
	size_t whole = 0;

	(void)state;

	assert_int_equal(
	    testdata_entries("hostile-text-a.json", judge_hostile_text, &whole),
	    125);
	assert_int_equal(whole, 2 * 15);
}

static void
judge_friendly(const struct entry *e, void *arg)
{
	struct buf text = {0};
	struct name name;

	assert_string_equal(e->message, "ok");
	for (int bare = 0; bare < 2; bare++)
		if (!say(raw_of(e), bare == 1, &text) ||
		    !span_eq(raw_of(e),
			(struct span){buf_head(&text), buf_len(&text)}))
			fail_msg("%s does not come through whole", e->id);
	buf_free(&text);
	if (e->nick[0] == '\0')
		return;
	++*(size_t *)arg;
	int err = name_check(raw_of(e), false, &name);
	if (err)
		fail_msg("%s: %s", e->id, name_strerror(err));
	assert_true(span_is(raw_of(e), name.shown));
	assert_sound(e->id, &name);
}

static void
friendly_names_and_texts_are_accepted_byte_for_byte(void **state)
{
	size_t names = 0;

	(void)state;

	assert_int_equal(
	    testdata_entries("friendly-text.json", judge_friendly, &names), 86);
	assert_int_equal(names, 50);
}

/* What a text has to be, said with another library. */
static bool
is_text(struct span s)
{
	for (size_t i = 0; i < s.len;) {
		int32_t cp;
		utf8proc_ssize_t n = utf8proc_iterate((const uint8_t *)s.p + i,
		    (utf8proc_ssize_t)(s.len - i), &cp);
		if (n < 1 || (utf8proc_category(cp) == UTF8PROC_CATEGORY_CC &&
				 cp != '\t'))
			return false;
		if ((cp & 0xfffe) == 0xfffe || (cp >= 0xfdd0 && cp <= 0xfdef))
			return false;
		i += (size_t)n;
	}
	return true;
}

static void
naughty_strings_are_texts_if_they_are_text(void **state)
{
	struct buf file = testdata_read("blns.json"), s = {0}, text = {0};
	struct span rest = {buf_head(&file), buf_len(&file)};
	bool is_key;
	size_t n = 0, names = 0;

	(void)state;

	while (testdata_json_string(&rest, &s, &is_key)) {
		struct span raw = {buf_head(&s), buf_len(&s)};
		struct name name;
		char id[32];
		snprintf(id, sizeof(id), "string %zu", n++);
		if (say(raw, false, &text) != is_text(raw))
			fail_msg("%s gets the wrong verdict as a text", id);
		if (name_check(raw, false, &name) == 0) {
			assert_sound(id, &name);
			names++;
		}
	}

	assert_int_equal(n, 515);
	/* Words such as "undefined" are names, the rest is not. */
	assert_true(names > 20 && names < 200);
	buf_free(&s);
	buf_free(&text);
	buf_free(&file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_hostile_name_is_refused_or_is_what_it_imitates),
	    TEST(a_hostile_text_is_refused_or_harmless),
	    TEST(friendly_names_and_texts_are_accepted_byte_for_byte),
	    TEST(naughty_strings_are_texts_if_they_are_text),
	};

	return testdata_is_there() ? RUN(tests) : 0;
}
