/* SPDX-License-Identifier: ISC */
/*
 * What rooms and people may be called.
 *
 * A name is an identity, so it must not be possible to write one that looks
 * like another or that hides something.  The rules are few and strict, and a
 * name that breaks one is refused, never repaired: what a person typed is what
 * everybody sees.  Two names are the same if their folds are; the fold has to
 * obey the rules as well, since folding can bring in what was not there before
 * (U+1E9E becomes "ss", which beside Cyrillic letters would be a mixture).
 *
 * utf8proc knows no scripts.  It takes only two facts about them: which letters
 * are Latin (three blocks), and which digits belong together (the ten that
 * follow each other in Unicode).
 *
 * Nearly all names are ASCII, and for those nothing here calls utf8proc.
 */
#include "base/names.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

enum {
	MARKS_RUNNING_MAX = 2,
	/* No code point grows to more than 18 (U+FDFA), and each takes two
	 * bytes at least unless it is ASCII, which does not grow. */
	FOLD_POINTS_MAX = NAME_BYTES_MAX / 2 * 18,
};

/* Canonical combining classes, as UAX 44 lists them. */
enum { CCC_DOUBLE_BELOW = 233, CCC_DOUBLE_ABOVE = 234 };
enum { CAPITAL_DOTTED_I = 0x130, DOTLESS_I = 0x131, DOTLESS_J = 0x237 };

enum kind { KIND_NONE, KIND_LETTER, KIND_DIGIT, KIND_MARK, KIND_PUNCT };

/* What has been seen of a name so far. */
struct judge {
	enum kind last;
	uint32_t last_point;
	unsigned marks; /* running */
	bool any;
	bool ascii_letter;
	bool foreign_letter; /* one that is not Latin */
	uint32_t zero;       /* of the digits in use; 0: none yet */
};

static bool
is_ascii_letter(uint32_t cp)
{
	return (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z');
}

static bool
is_ascii_digit(uint32_t cp)
{
	return cp >= '0' && cp <= '9';
}

static bool
is_inner_punct(uint32_t cp)
{
	return cp == '-' || cp == '_' || cp == '.';
}

static bool
is_latin(uint32_t cp)
{
	return (cp >= 0x41 && cp <= 0x24f) || (cp >= 0x1e00 && cp <= 0x1eff);
}

/* General categories; those left out are in no name. */
static const enum kind category_kinds[] = {
    [UTF8PROC_CATEGORY_LU] = KIND_LETTER,
    [UTF8PROC_CATEGORY_LL] = KIND_LETTER,
    [UTF8PROC_CATEGORY_LT] = KIND_LETTER,
    [UTF8PROC_CATEGORY_LM] = KIND_LETTER,
    [UTF8PROC_CATEGORY_LO] = KIND_LETTER,
    [UTF8PROC_CATEGORY_MN] = KIND_MARK,
    [UTF8PROC_CATEGORY_MC] = KIND_MARK,
    [UTF8PROC_CATEGORY_ME] = KIND_MARK,
    [UTF8PROC_CATEGORY_ND] = KIND_DIGIT,
};

static enum kind
kind_of(uint32_t cp)
{
	if (is_inner_punct(cp))
		return KIND_PUNCT;
	const utf8proc_property_t *p = utf8proc_get_property((int32_t)cp);
	/* Fillers, joiners, selectors: letters and marks that nobody sees; and
	 * marks that reach over to the next letter. */
	if (p->ignorable || p->combining_class == CCC_DOUBLE_BELOW ||
	    p->combining_class == CCC_DOUBLE_ABOVE)
		return KIND_NONE;
	return (size_t)p->category < ARRAY_LEN(category_kinds)
		   ? category_kinds[p->category]
		   : KIND_NONE;
}

/* Decimal digits stand in runs of ten: where does this one's run begin? */
static uint32_t
zero_of(uint32_t digit)
{
	uint32_t zero = digit;

	while (digit - zero < 9 &&
	       utf8proc_category((int32_t)(zero - 1)) == UTF8PROC_CATEGORY_ND)
		zero--;
	return zero;
}

static int
judge_letter(struct judge *j, uint32_t cp)
{
	j->ascii_letter |= is_ascii_letter(cp);
	j->foreign_letter |= !is_latin(cp);
	return j->ascii_letter && j->foreign_letter ? -NAME_EMIXED : 0;
}

static int
judge_digit(struct judge *j, uint32_t cp)
{
	uint32_t zero = zero_of(cp);

	if (j->zero != 0 && j->zero != zero)
		return -NAME_EDIGITS;
	j->zero = zero;
	return 0;
}

/* A dot on a letter that has one already shows nowhere. */
static bool
is_second_dot(uint32_t letter, uint32_t mark)
{
	return mark == 0x307 && (letter == 'i' || letter == 'j' ||
				    letter == DOTLESS_I || letter == DOTLESS_J);
}

static int
judge_mark(const struct judge *j, uint32_t cp)
{
	if (j->last != KIND_LETTER && j->last != KIND_MARK)
		return -NAME_EMARKS;
	if (is_second_dot(j->last_point, cp))
		return -NAME_EMARKS;
	return j->marks >= MARKS_RUNNING_MAX ? -NAME_EMARKS : 0;
}

/* The next code point of a name. */
static int
judge_next(struct judge *j, uint32_t cp)
{
	enum kind kind = kind_of(cp);
	int err = 0;

	if (kind == KIND_NONE)
		return -NAME_ECHAR;
	if (!j->any && kind != KIND_LETTER && kind != KIND_DIGIT)
		return -NAME_EFIRST;
	if (kind == KIND_LETTER)
		err = judge_letter(j, cp);
	else if (kind == KIND_DIGIT)
		err = judge_digit(j, cp);
	else if (kind == KIND_MARK)
		err = judge_mark(j, cp);
	j->any = true;
	j->marks = kind == KIND_MARK ? j->marks + 1 : 0;
	j->last = kind;
	j->last_point = cp;
	return err;
}

/* All rules but those about normal forms. */
static int
judge_all(struct span s)
{
	struct judge j = {.last = KIND_NONE};

	for (size_t i = 0; i < s.len;) {
		uint32_t cp;
		int n = text_decode(s.p + i, s.len - i, &cp);
		if (n < 0)
			return -NAME_EUTF8;
		int err = judge_next(&j, cp);
		if (err)
			return err;
		i += (size_t)n;
	}
	return text_count_clusters(s.p, s.len) > NAME_CLUSTERS_MAX ? -NAME_ELONG
								   : 0;
}

/*
 * NFKC_Casefold makes "i" with a dot above of U+0130, which nobody can tell
 * from "i"; here it is "i", as those who write it expect.
 */
static int32_t
fold_dotted_i(int32_t cp, void *unused)
{
	(void)unused;
	return cp == CAPITAL_DOTTED_I ? 'i' : cp;
}

/* Maps s by utf8proc's options.  False if the result is above the limit. */
static bool
map(struct span s, utf8proc_option_t options,
    char out[static NAME_BYTES_MAX + 1])
{
	int32_t points[FOLD_POINTS_MAX + 1]; /* reencode() adds a NUL */
	const uint8_t *in = (const uint8_t *)s.p;

	utf8proc_custom_func custom =
	    options & UTF8PROC_CASEFOLD ? fold_dotted_i : NULL;

	utf8proc_ssize_t n =
	    utf8proc_decompose_custom(in, (utf8proc_ssize_t)s.len, points,
		FOLD_POINTS_MAX, options, custom, NULL);
	if (n < 0 || n > FOLD_POINTS_MAX)
		return false;
	n = utf8proc_reencode(points, n, options);
	if (n < 0 || n > NAME_BYTES_MAX)
		return false;
	memcpy(out, points, (size_t)n);
	out[n] = '\0';
	return true;
}

static const utf8proc_option_t nfkc =
    UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT;
static const utf8proc_option_t nfkc_casefold =
    UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD |
    UTF8PROC_IGNORE;

/* The long way, for names that are not ASCII throughout. */
static int
check_unicode(struct span raw, struct name *out)
{
	char same[NAME_BYTES_MAX + 1];
	struct name n;

	int err = judge_all(raw);
	if (err)
		return err;
	if (!map(raw, nfkc, same) || !span_is(raw, same))
		return -NAME_EFORM;
	if (!map(raw, nfkc_casefold, n.fold))
		return -NAME_ELONG;
	if (n.fold[0] == '\0')
		return -NAME_EEMPTY;
	err = judge_all(span_of(n.fold));
	if (err)
		return err;
	/* Whoever is looked up by a fold must be found under it. */
	if (!map(span_of(n.fold), nfkc_casefold, same) ||
	    strcmp(same, n.fold) != 0)
		return -NAME_EFORM;
	span_copy(n.shown, sizeof(n.shown), raw);
	*out = n;
	return 0;
}

static int
check_ascii(struct span raw, struct name *out)
{
	struct name n;

	for (size_t i = 0; i < raw.len; i++) {
		unsigned char c = (unsigned char)raw.p[i];
		if (!is_ascii_letter(c) && !is_ascii_digit(c) &&
		    !is_inner_punct(c))
			return -NAME_ECHAR;
		n.fold[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	if (is_inner_punct((unsigned char)raw.p[0]))
		return -NAME_EFIRST;
	if (raw.len > NAME_CLUSTERS_MAX)
		return -NAME_ELONG;
	n.fold[raw.len] = '\0';
	span_copy(n.shown, sizeof(n.shown), raw);
	*out = n;
	return 0;
}

static bool
is_ascii(struct span s)
{
	unsigned char all = 0;

	for (size_t i = 0; i < s.len; i++)
		all |= (unsigned char)s.p[i];
	return all < 0x80;
}

int
name_check(struct span raw, bool ascii_only, struct name *out)
{
	if (raw.len == 0)
		return -NAME_EEMPTY;
	if (raw.len > NAME_BYTES_MAX)
		return -NAME_ELONG;
	if (is_ascii(raw))
		return check_ascii(raw, out);
	return ascii_only ? -NAME_EASCII : check_unicode(raw, out);
}

const char *
name_strerror(int err)
{
	static const char *const words[] = {
	    [0] = "no error",
	    [NAME_EEMPTY] = "a name is missing; give one of 1 to 24 letters",
	    [NAME_EUTF8] = "the name is not valid UTF-8",
	    [NAME_ELONG] =
		"the name is too long; at most 24 characters and 64 bytes",
	    [NAME_ECHAR] = "a name has only letters and digits, and - _ . "
			   "inside",
	    [NAME_EFIRST] = "a name begins with a letter or a digit",
	    [NAME_EMARKS] = "a mark in a name follows a letter, and at most "
			    "two run together",
	    [NAME_EFORM] = "the name has characters in a compatibility form; "
			   "write it with plain letters (NFKC)",
	    [NAME_EMIXED] = "a name does not mix Latin letters with those of "
			    "another script; keep to one",
	    [NAME_EDIGITS] = "a name does not mix digits of two scripts; keep "
			     "to one",
	    [NAME_EASCII] = "names here have only a-z, 0-9, and - _ . inside",
	};
	size_t i = (size_t)abs(err);

	return i < ARRAY_LEN(words) ? words[i] : "unknown error";
}

bool
name_is_guest(const char *fold)
{
	static const char prefix[] = "guest-";
	const size_t len = sizeof(prefix) - 1;

	if (strncmp(fold, prefix, len) != 0)
		return false;
	return strlen(fold) == len + 8 &&
	       strspn(fold + len, "abcdefghijklmnopqrstuvwxyz0123456789") == 8;
}
