/* SPDX-License-Identifier: ISC */
/*
 * What a name looks like: name_skeleton() of base/names.h.
 *
 * Names with one skeleton are one to the eye, so whoever comes second is
 * refused.  The idea is that of UTS 39, section 4; the table is our own and
 * made for names as name_check() lets them through: no ASCII letter stands
 * beside one of another script, so a letter matters only where whole words can
 * be written with its like.  It was drawn up by these rules:
 *
 *  - A letter stands for what it looks like in a terminal's font.  Since folds
 *    are given and names are shown as they were spelled, a letter counts whose
 *    capital alone looks like a Latin one; where both do and differ (eta, mu,
 *    nu, upsilon), the capital counts, for its glyph is the very same one and
 *    the small one's merely close.
 *  - Letters that the readers of their script tell apart stay apart, as far as
 *    that can be had.
 *  - Marks stay: those who have them in their names see them.
 *  - Historic scripts are left out: few terminals have a font for them.
 *
 * Of sequences there are "rn" and "vv".  "cl" is none: it begins too many
 * names (Clara, Clan) that would shut out others (Dara, Dan), and even a narrow
 * font keeps it further apart than "rn".  Nor are "i" and "l" one, though a
 * capital I is a bare stroke in many fonts: those of terminals give it serifs,
 * and Kai and Kal, Ali and All are different people.
 */
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "base/names.h"

/* No code point decomposes into more. */
enum { DECOMPOSED_MAX = 4 };

/* Sorted.  `to` is never longer than `from` in UTF-8, and nothing in it is
 * itself a `from`. */
static const struct look {
	uint32_t from;
	char to[4];
} looks[] = {{0xe6, "ae"}, {0x131, "i"}, {0x138, "k"}, {0x153, "oe"},
    {0x192, "f"}, {0x1c0, "l"}, {0x1c1, "ll"}, {0x237, "j"}, {0x251, "a"},
    {0x261, "g"}, {0x262, "g"}, {0x269, "i"}, {0x26a, "i"}, {0x274, "n"},
    {0x280, "r"}, {0x28f, "y"}, {0x299, "b"}, {0x29c, "h"}, {0x29f, "l"},
    {0x3ac, "\u00e1"}, {0x3ad, "\u00e9"}, {0x3af, "\u00ed"}, {0x3b1, "a"},
    {0x3b2, "b"}, {0x3b5, "e"}, {0x3b6, "z"}, {0x3b7, "h"}, {0x3b9, "i"},
    {0x3ba, "k"}, {0x3bc, "m"}, {0x3bd, "n"}, {0x3bf, "o"}, {0x3c1, "p"},
    {0x3c4, "t"}, {0x3c5, "y"}, {0x3c7, "x"}, {0x3c9, "w"}, {0x3ca, "\u00ef"},
    {0x3cb, "\u00ff"}, {0x3cc, "\u00f3"}, {0x3cd, "\u00fd"}, {0x430, "a"},
    {0x431, "6"}, {0x432, "b"}, {0x433, "r"}, {0x435, "e"}, {0x437, "3"},
    {0x43a, "k"}, {0x43c, "m"}, {0x43d, "h"}, {0x43e, "o"}, {0x43f, "n"},
    {0x440, "p"}, {0x441, "c"}, {0x442, "t"}, {0x443, "y"}, {0x445, "x"},
    {0x447, "4"}, {0x44c, "b"}, {0x450, "\u00e8"}, {0x451, "\u00eb"},
    {0x455, "s"}, {0x456, "i"}, {0x457, "\u00ef"}, {0x458, "j"}, {0x461, "w"},
    {0x475, "v"}, {0x493, "f"}, {0x4bb, "h"}, {0x4bd, "e"}, {0x4cf, "l"},
    {0x4d1, "\u0103"}, {0x4d3, "\u00e4"}, {0x4d5, "ae"}, {0x4d7, "\u0115"},
    {0x4e7, "\u00f6"}, {0x4f1, "\u00ff"}, {0x501, "d"}, {0x50d, "g"},
    {0x51b, "q"}, {0x51d, "w"}, {0x561, "w"}, {0x566, "q"}, {0x56c, "l"},
    {0x570, "h"}, {0x575, "j"}, {0x578, "n"}, {0x57d, "u"}, {0x57f, "s"},
    {0x581, "g"}, {0x585, "o"}, {0x661, "l"}, {0x665, "o"}, {0x6f1, "l"},
    {0x6f5, "o"}, {0x7c0, "o"}, {0x966, "o"}, {0x968, "2"}, {0x969, "3"},
    {0x9e6, "o"}, {0x9ea, "8"}, {0x9ed, "9"}, {0xa66, "o"}, {0xa67, "9"},
    {0xa6a, "8"}, {0xae6, "o"}, {0xae8, "2"}, {0xae9, "3"}, {0xb20, "o"},
    {0xb66, "o"}, {0xb68, "9"}, {0xc66, "o"}, {0xce6, "o"}, {0xd20, "o"},
    {0xd66, "o"}, {0xe50, "o"}, {0xed0, "o"}, {0xf20, "o"}, {0x101d, "o"},
    {0x1040, "o"}, {0x10ff, "o"}, {0x13a0, "d"}, {0x13a1, "r"}, {0x13a2, "t"},
    {0x13a5, "i"}, {0x13aa, "a"}, {0x13ab, "j"}, {0x13ac, "e"}, {0x13b3, "w"},
    {0x13b7, "m"}, {0x13bb, "h"}, {0x13bd, "y"}, {0x13c0, "g"}, {0x13c3, "z"},
    {0x13ce, "4"}, {0x13cf, "b"}, {0x13d2, "r"}, {0x13d4, "w"}, {0x13d9, "v"},
    {0x13da, "s"}, {0x13de, "l"}, {0x13df, "c"}, {0x13e2, "p"}, {0x13e6, "k"},
    {0x13e7, "d"}, {0x13ee, "6"}, {0x13f3, "g"}, {0x13f4, "b"}, {0x142f, "v"},
    {0x144c, "u"}, {0x144e, "n"}, {0x1455, "c"}, {0x146d, "p"}, {0x146f, "d"},
    {0x148d, "j"}, {0x14aa, "l"}, {0x1515, "s"}, {0x1541, "x"}, {0x157c, "h"},
    {0x1587, "r"}, {0x15b4, "f"}, {0x15c5, "a"}, {0x15de, "d"}, {0x15e9, "a"},
    {0x15ea, "d"}, {0x15ef, "w"}, {0x15f0, "m"}, {0x15f4, "e"}, {0x15f7, "b"},
    {0x17e0, "o"}, {0x1810, "o"}, {0x1d00, "a"}, {0x1d04, "c"}, {0x1d05, "d"},
    {0x1d07, "e"}, {0x1d0a, "j"}, {0x1d0b, "k"}, {0x1d0d, "m"}, {0x1d0f, "o"},
    {0x1d18, "p"}, {0x1d1b, "t"}, {0x1d1c, "u"}, {0x1d20, "v"}, {0x1d21, "w"},
    {0x1d22, "z"}, {0x2c81, "a"}, {0x2c83, "b"}, {0x2c89, "e"}, {0x2c8f, "h"},
    {0x2c93, "i"}, {0x2c95, "k"}, {0x2c99, "m"}, {0x2c9b, "n"}, {0x2c9f, "o"},
    {0x2ca3, "p"}, {0x2ca5, "c"}, {0x2ca7, "t"}, {0x2ca9, "y"}, {0x2cad, "x"},
    {0x2d38, "v"}, {0x2d39, "e"}, {0x2d4f, "l"}, {0x2d54, "o"}, {0x2d5d, "x"},
    {0x3078, "\u30d8"}, {0x3079, "\u30d9"}, {0x307a, "\u30da"},
    {0x308a, "\u30ea"}, {0x4e00, "\u30fc"}, {0x4e8c, "\u30cb"},
    {0x516b, "\u30cf"}, {0x529b, "\u30ab"}, {0x535c, "\u30c8"},
    {0x53e3, "\u30ed"}, {0x5915, "\u30bf"}, {0x5de5, "\u30a8"}, {0xa4d0, "b"},
    {0xa4d1, "p"}, {0xa4d3, "d"}, {0xa4d4, "t"}, {0xa4d6, "g"}, {0xa4d7, "k"},
    {0xa4d9, "j"}, {0xa4da, "c"}, {0xa4dc, "z"}, {0xa4dd, "f"}, {0xa4df, "m"},
    {0xa4e0, "n"}, {0xa4e1, "l"}, {0xa4e2, "s"}, {0xa4e3, "r"}, {0xa4e6, "v"},
    {0xa4e7, "h"}, {0xa4ea, "w"}, {0xa4eb, "x"}, {0xa4ec, "y"}, {0xa4ee, "a"},
    {0xa4f0, "e"}, {0xa4f2, "i"}, {0xa4f3, "o"}, {0xa4f4, "u"}, {0xa730, "f"},
    {0xa731, "s"}};

static int
cmp_look(const void *key, const void *elem)
{
	const uint32_t *cp = key;
	const struct look *l = elem;

	return (*cp > l->from) - (*cp < l->from);
}

static const char *
look_of(uint32_t cp)
{
	const struct look *l =
	    bsearch(&cp, looks, ARRAY_LEN(looks), sizeof(looks[0]), cmp_look);

	return l ? l->to : NULL;
}

/* A byte of the skeleton.  What two letters became is in no such sequence
 * itself, so one look back is enough. */
static size_t
put(char *out, size_t len, char c)
{
	char last = len > 0 ? out[len - 1] : '\0';

	if (last == 'r' && c == 'n')
		out[len - 1] = 'm';
	else if (last == 'v' && c == 'v')
		out[len - 1] = 'w';
	else
		out[len++] = c;
	return len;
}

static char
look_of_ascii(char c)
{
	if (c == '0')
		return 'o';
	return c == '1' ? 'l' : c;
}

/* A mark that stood behind another script's letter may form one letter with
 * what that became, and then is to be it. */
static void
compose(char out[static NAME_BYTES_MAX + 1], size_t len)
{
	const utf8proc_option_t nfc = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
	int32_t points[NAME_BYTES_MAX * DECOMPOSED_MAX + 1];
	const uint8_t *in = (const uint8_t *)out;

	utf8proc_ssize_t n = utf8proc_decompose(in, (utf8proc_ssize_t)len,
	    points, NAME_BYTES_MAX * DECOMPOSED_MAX, nfc);
	if (n < 0 || n > NAME_BYTES_MAX * DECOMPOSED_MAX)
		return;
	n = utf8proc_reencode(points, n, nfc);
	if (n < 0 || (size_t)n > len)
		return;
	memcpy(out, points, (size_t)n);
	out[n] = '\0';
}

/* One character of the fold, n bytes long. */
static size_t
put_look(char *out, size_t len, const char *p, size_t n, uint32_t cp)
{
	const char *look = look_of(cp);

	if (!look) {
		memcpy(out + len, p, n);
		return len + n;
	}
	for (; *look; look++)
		len = put(out, len, *look);
	return len;
}

void
name_skeleton(const char *fold, char out[static NAME_BYTES_MAX + 1])
{
	size_t left = strlen(fold), len = 0;
	bool ascii = true;

	for (const char *p = fold; left > 0;) {
		uint32_t cp;
		int n = text_decode(p, left, &cp);
		if (n < 1 || len + (size_t)n > NAME_BYTES_MAX)
			break;
		if (n == 1)
			len = put(out, len, look_of_ascii(*p));
		else
			len = put_look(out, len, p, (size_t)n, cp);
		ascii &= (unsigned char)out[len - 1] < 0x80;
		p += n;
		left -= (size_t)n;
	}
	out[len] = '\0';
	if (!ascii)
		compose(out, len);
}
