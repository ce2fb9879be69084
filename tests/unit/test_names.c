/* SPDX-License-Identifier: ISC */
/* base/names.c: what rooms and people may be called. */
#include "tests/unit/unit.h"

#include <string.h>

#include "base/names.h"

struct refusal {
	const char *raw;
	int err;
};

static void
check_refusals(const struct refusal *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct name name = {"shown", "fold"};
		int err = name_check(span_of(rows[i].raw), false, &name);
		if (err != -rows[i].err)
			fail_msg("\"%s\" gives %d, not %d", rows[i].raw, err,
			    -rows[i].err);
		assert_string_equal(name.shown, "shown");
		assert_string_equal(name.fold, "fold");
	}
}

#define CHECK_REFUSALS(rows) check_refusals(rows, ARRAY_LEN(rows))

static void
keeps_the_spelling_and_folds_the_identity(void **state)
{
	static const struct {
		const char *raw, *fold;
	} rows[] = {
	    {"a", "a"},
	    {"7", "7"},
	    {"Lobby", "lobby"},
	    {"ZAZ-19_x.Y", "zaz-19_x.y"},
	    {"a-", "a-"},
	    {"a--b", "a--b"},
	    {"abcdefghijklmnopqrstuvwx", "abcdefghijklmnopqrstuvwx"},
	    {"\u00c9mile", "\u00e9mile"},
	    {"Stra\u00dfe", "strasse"},
	    {"\u0391\u03a3", "\u03b1\u03c3"},
	    {"\u03b1\u03c2", "\u03b1\u03c3"},
	    {"\u0416\u0443\u043a7", "\u0436\u0443\u043a7"},
	    {"\u0130pek", "ipek"},
	    {"\u0915\u094d\u0937\u0947", "\u0915\u094d\u0937\u0947"},
	    {"\u0663\u0664", "\u0663\u0664"},
	    {"\u1ea1\u0331", "\u1ea1\u0331"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct name name;
		int err = name_check(span_of(rows[i].raw), false, &name);
		if (err != 0)
			fail_msg("\"%s\" gives %d", rows[i].raw, err);
		assert_string_equal(name.shown, rows[i].raw);
		assert_string_equal(name.fold, rows[i].fold);
	}
}

static void
refuses_an_empty_name(void **state)
{
	struct name name;

	(void)state;

	assert_int_equal(name_check(SPAN_NONE, false, &name), -NAME_EEMPTY);
	assert_int_equal(name_check(SPAN(""), true, &name), -NAME_EEMPTY);
}

static void
refuses_bytes_that_are_not_utf8(void **state)
{
	static const struct refusal rows[] = {
	    {"\xff", NAME_EUTF8},
	    {"a\xc3", NAME_EUTF8},
	    {"\xc0\xaf", NAME_EUTF8},
	    {"\xed\xa0\x80", NAME_EUTF8},
	};
	struct name name;

	(void)state;
	CHECK_REFUSALS(rows);
	assert_int_equal(name_check(SPAN("a\0b"), false, &name), -NAME_ECHAR);
}

/* Checks a name of n times the same letter. */
static int
check_repeated(const char *letter, size_t n)
{
	char raw[256] = "";
	struct name name;

	for (size_t i = 0; i < n; i++)
		strcat(raw, letter);
	return name_check(span_of(raw), false, &name);
}

static void
refuses_what_is_too_long_in_bytes_or_clusters(void **state)
{
	(void)state;

	assert_int_equal(check_repeated("a", 24), 0);
	assert_int_equal(check_repeated("a", 25), -NAME_ELONG);
	assert_int_equal(check_repeated("\u0436", 24), 0);
	assert_int_equal(check_repeated("\u0436", 25), -NAME_ELONG);
	/* 63 bytes, and 66 */
	assert_int_equal(check_repeated("\u6f22", 21), 0);
	assert_int_equal(check_repeated("\u6f22", 22), -NAME_ELONG);
	/* a letter with two marks is one cluster: 60 bytes, and 66 */
	assert_int_equal(check_repeated("\u0436\u0301\u0302", 10), 0);
	assert_int_equal(check_repeated("\u0436\u0301\u0302", 11), -NAME_ELONG);
}

static void
measures_the_fold_as_well(void **state)
{
	(void)state;

	/* Each becomes "ss": two clusters. */
	assert_int_equal(check_repeated("\u00df", 12), 0);
	assert_int_equal(check_repeated("\u00df", 13), -NAME_ELONG);
	/* Two bytes become three: 63, and 66. */
	assert_int_equal(check_repeated("\u023a", 21), 0);
	assert_int_equal(check_repeated("\u023a", 22), -NAME_ELONG);
}

static void
refuses_characters_that_names_do_not_have(void **state)
{
	static const struct refusal rows[] = {
	    {"a b", NAME_ECHAR},
	    {"a\tb", NAME_ECHAR},
	    {"a\x7f", NAME_ECHAR},
	    {"a/b", NAME_ECHAR},
	    {"a\\b", NAME_ECHAR},
	    {"{a}", NAME_ECHAR},
	    {"a@b", NAME_ECHAR},
	    {"#a", NAME_ECHAR},
	    {"a,b", NAME_ECHAR},
	    {"*", NAME_ECHAR},
	    {"a\u00a0b", NAME_ECHAR},
	    {"a\u2028b", NAME_ECHAR},
	    {"a\xc2\x85"
	     "b",
		NAME_ECHAR},
	    {"a\u2014b", NAME_ECHAR},
	    {"\u2603", NAME_ECHAR},
	    {"\U0001f600", NAME_ECHAR},
	    {"\u20ac", NAME_ECHAR},
	    {"\u2162", NAME_ECHAR}, /* a number that is no digit */
	    {"\u202ea", NAME_ECHAR},
	    {"a\u2066b", NAME_ECHAR},
	    {"a\u200db", NAME_ECHAR},
	    {"a\u00ad", NAME_ECHAR},
	    {"a\ufeff", NAME_ECHAR},
	    {"\u3164", NAME_ECHAR},
	    {"\u115f", NAME_ECHAR},
	    {"\uffa0", NAME_ECHAR},
	    {"\u17b4", NAME_ECHAR},
	    {"\u0436\u034f", NAME_ECHAR},
	    {"\u0436\ufe0f", NAME_ECHAR},
	    {"\u0436\U000e0100", NAME_ECHAR},
	    {"\u0436\u0361\u0436", NAME_ECHAR}, /* a mark over two letters */
	    {"\u0436\u035c\u0436", NAME_ECHAR},
	    {"\u2800", NAME_ECHAR},
	    {"\ue000", NAME_ECHAR},
	    {"\u0378", NAME_ECHAR}, /* not assigned */
	    {"\U000e0041", NAME_ECHAR},
	    {"\uffff", NAME_ECHAR},
	};

	(void)state;
	CHECK_REFUSALS(rows);
}

static void
begins_with_a_letter_or_a_digit(void **state)
{
	static const struct refusal rows[] = {
	    {"-a", NAME_EFIRST},
	    {"_", NAME_EFIRST},
	    {".", NAME_EFIRST},
	    {"..", NAME_EFIRST},
	    {"-\u0436", NAME_EFIRST},
	    {"\u0301a", NAME_EFIRST},
	};

	(void)state;
	CHECK_REFUSALS(rows);
}

static void
a_mark_follows_a_letter_and_two_run_at_most(void **state)
{
	static const struct refusal rows[] = {
	    {"\u0436\u0301\u0302\u0303", NAME_EMARKS},
	    {"1\u0301", NAME_EMARKS},
	    {"\u0436-\u0301", NAME_EMARKS},
	    {"\u0436\u0663\u0301", NAME_EMARKS},
	    /* a dot that does not show */
	    {"i\u0307pek", NAME_EMARKS},
	    {"j\u0307", NAME_EMARKS},
	    {"\u0131\u0307", NAME_EMARKS},
	};
	struct name name;

	(void)state;
	CHECK_REFUSALS(rows);
	assert_int_equal(
	    name_check(span_of("\u0436\u0301\u0302\u0436\u0301"), false, &name),
	    0);
}

static void
refuses_what_is_not_its_own_nfkc(void **state)
{
	static const struct refusal rows[] = {
	    {"e\u0301", NAME_EFORM},
	    {"\ufb01", NAME_EFORM},
	    {"\uff21", NAME_EFORM},
	    {"\U0001d41a", NAME_EFORM},
	    {"\u212b", NAME_EFORM},
	    {"ro\u017ft", NAME_EFORM},
	    {"\ufdfa", NAME_EFORM},
	    {"\u1100\u1161", NAME_EFORM},
	};

	(void)state;
	CHECK_REFUSALS(rows);
}

static void
does_not_mix_ascii_letters_with_another_script(void **state)
{
	static const struct refusal rows[] = {
	    {"\u0430dmin", NAME_EMIXED},
	    {"admi\u043f", NAME_EMIXED},
	    {"r\u03bfot", NAME_EMIXED},
	    {"a\u6f22", NAME_EMIXED},
	    {"a\u0250", NAME_EMIXED},
	    {"a-\u0436", NAME_EMIXED},
	    /* only its fold has ASCII letters: ss */
	    {"\u1e9e\u0436", NAME_EMIXED},
	    {"\u00df\u0436", NAME_EMIXED},
	};
	static const char *const fine[] = {
	    "a\u00e9\u024f\u1e00\u1eff", "\u0436-7", "\u03b1\u0436", "x\u00df"};
	struct name name;

	(void)state;
	CHECK_REFUSALS(rows);
	for (size_t i = 0; i < ARRAY_LEN(fine); i++)
		assert_int_equal(name_check(span_of(fine[i]), false, &name), 0);
}

static void
has_digits_of_one_script_only(void **state)
{
	static const struct refusal rows[] = {
	    {"\u06631", NAME_EDIGITS},
	    {"1\u0663", NAME_EDIGITS},
	    {"\u0436\u0663-\u06f3", NAME_EDIGITS},
	    {"\u0967\u09e7", NAME_EDIGITS},
	    {"\u1a80\u1a90", NAME_EDIGITS},
	};
	static const char *const fine[] = {"\u0660\u0669",
	    "\u0436"
	    "0\u0436"
	    "9",
	    "\u0966\u096f\u096a", "\U0001e950\U0001e959"};
	struct name name;

	(void)state;
	CHECK_REFUSALS(rows);
	for (size_t i = 0; i < ARRAY_LEN(fine); i++)
		assert_int_equal(name_check(span_of(fine[i]), false, &name), 0);
}

static void
names_in_ascii_mode_are_ascii(void **state)
{
	struct name name;

	(void)state;

	assert_int_equal(name_check(SPAN("Lobby"), true, &name), 0);
	assert_string_equal(name.fold, "lobby");
	assert_int_equal(
	    name_check(SPAN("\xc3\xa9"), true, &name), -NAME_EASCII);
	assert_int_equal(name_check(SPAN("a b"), true, &name), -NAME_ECHAR);
}

static void
knows_the_form_of_a_guest(void **state)
{
	(void)state;

	assert_true(name_is_guest("guest-7k2mq4zd"));
	assert_true(name_is_guest("guest-00000000"));
	assert_false(name_is_guest("guest-7k2mq4z"));
	assert_false(name_is_guest("guest-7k2mq4zdx"));
	assert_false(name_is_guest("guest-7k2mq4z."));
	assert_false(name_is_guest("guest-7K2mq4zd"));
	assert_false(name_is_guest("guest_7k2mq4zd"));
	assert_false(name_is_guest("guest"));
	assert_false(name_is_guest(""));
	assert_false(name_is_guest("a-guest-7k2mq4zd"));
}

static void
every_error_has_words_of_its_own(void **state)
{
	(void)state;

	for (int a = 0; a <= NAME_EASCII; a++) {
		assert_ptr_equal(name_strerror(a), name_strerror(-a));
		for (int b = 0; b < a; b++)
			assert_string_not_equal(
			    name_strerror(a), name_strerror(b));
	}
	assert_string_equal(name_strerror(-99), "unknown error");
}

static void
letters_that_look_alike_have_one_skeleton(void **state)
{
	static const struct {
		const char *fold, *skeleton;
	} rows[] = {
	    {"ann", "ann"},
	    {"r00t", "root"},
	    {"a1ice", "alice"},
	    {"adrnin", "admin"},
	    {"rrnn", "rmn"},
	    {"vvill", "will"},
	    {"vvvvv", "wwv"},
	    {"clara", "clara"},
	    {"r\u06650t", "root"},
	    {"\u0430\u043d\u043d\u0430", "ahha"},
	    {"\u0433\u043f", "m"},
	    {"\u03b1\u03bd\u03bd\u03b1", "anna"},
	    {"\u13aa\u13d4", "aw"},
	    {"\u057d\u057d\u0585", "uuo"},
	    {"\u1d00\u1d05\u1d0d\u026a\u0274", "admin"},
	    {"\ua4ee\ua4d3\ua4df\ua4f2\ua4e0", "admin"},
	    {"\u15e9\u15ea\u15f0", "adm"},
	    {"\u0451", "\u00eb"},
	    {"\u043e\u0301", "\u00f3"},
	    {"\u00e9mile", "\u00e9mile"},
	    {"\u30ab", "\u30ab"},
	    {"\u529b", "\u30ab"},
	};
	char out[NAME_BYTES_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		name_skeleton(rows[i].fold, out);
		assert_string_equal(out, rows[i].skeleton);
	}
}

static void
friends_of_other_letters_have_skeletons_of_their_own(void **state)
{
	static const char *const apart[][2] = {
	    {"ann", "anna"},
	    {"kai", "kal"},
	    {"clara", "dara"},
	    {"\u0142ukasz", "lukasz"},
	    {"zo\u00eb", "zoe"},
	    {"a-b", "a_b"},
	    {"\u5c71", "\u5ddd"},
	};
	char a[NAME_BYTES_MAX + 1], b[NAME_BYTES_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(apart); i++) {
		name_skeleton(apart[i][0], a);
		name_skeleton(apart[i][1], b);
		assert_string_not_equal(a, b);
	}
}

static size_t
put_utf8(char *p, uint32_t cp)
{
	size_t n = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
	static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (size_t i = n; i-- > 1; cp >>= 6)
		p[i] = (char)(0x80 | (cp & 0x3f));
	p[0] = (char)(lead[n] | cp);
	return n;
}

/* Every letter, alone, doubled, and with a mark behind it. */
static void
a_skeleton_is_its_own_and_never_longer(void **state)
{
	static const char *const tails[] = {"", "\u0301", "\u0308"};
	char raw[16], once[NAME_BYTES_MAX + 1], twice[NAME_BYTES_MAX + 1];
	size_t names = 0, changed = 0;
	struct name name;

	(void)state;
	for (uint32_t cp = 'a'; cp < 0x20000; cp++)
		for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
			size_t n = put_utf8(raw, cp);
			n += put_utf8(raw + n, cp);
			memcpy(raw + n, tails[i], strlen(tails[i]) + 1);
			if (name_check(span_of(raw), false, &name) != 0)
				continue;
			name_skeleton(name.fold, once);
			name_skeleton(once, twice);
			assert_string_equal(once, twice);
			assert_true(strlen(once) <= strlen(name.fold));
			names++;
			changed += strcmp(once, name.fold) != 0;
		}
	assert_true(names > 100000);
	assert_true(changed > 240);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(keeps_the_spelling_and_folds_the_identity),
	    TEST(refuses_an_empty_name),
	    TEST(refuses_bytes_that_are_not_utf8),
	    TEST(refuses_what_is_too_long_in_bytes_or_clusters),
	    TEST(measures_the_fold_as_well),
	    TEST(refuses_characters_that_names_do_not_have),
	    TEST(begins_with_a_letter_or_a_digit),
	    TEST(a_mark_follows_a_letter_and_two_run_at_most),
	    TEST(refuses_what_is_not_its_own_nfkc),
	    TEST(does_not_mix_ascii_letters_with_another_script),
	    TEST(has_digits_of_one_script_only),
	    TEST(names_in_ascii_mode_are_ascii),
	    TEST(knows_the_form_of_a_guest),
	    TEST(letters_that_look_alike_have_one_skeleton),
	    TEST(friends_of_other_letters_have_skeletons_of_their_own),
	    TEST(a_skeleton_is_its_own_and_never_longer),
	    TEST(every_error_has_words_of_its_own),
	};

	return RUN(tests);
}
