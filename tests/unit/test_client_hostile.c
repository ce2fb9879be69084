/* SPDX-License-Identifier: ISC */
/* The sanitiser against what hostile and friendly people write: the shared
 * test data, every entry of it. */
#include "tests/unit/unit.h"

#include <locale.h>

#include "client/safe.h"
#include "tests/unit/sound.h"
#include "tests/unit/testdata.h"

static void
check_entry(const struct entry *e, void *arg)
{
	(void)arg;
	struct span raw = {buf_head(&e->raw), buf_len(&e->raw)};
	assert_sound(e->id, raw, 0);
	assert_sound(e->id, raw, SAFE_LINES);
}

static void
keeps_its_promises_for_hostile_text(void **state)
{
	(void)state;
	assert_true(
	    testdata_entries("hostile-text-a.json", check_entry, NULL) > 100);
}

static void
keeps_its_promises_for_friendly_text(void **state)
{
	(void)state;
	assert_true(
	    testdata_entries("friendly-text.json", check_entry, NULL) > 50);
}

static void
check_lines_of(const char *file)
{
	struct buf data = testdata_read(file);
	struct span rest = {buf_head(&data), buf_len(&data)};
	struct span line;

	while (testdata_line(&rest, &line))
		assert_sound(file, line, SAFE_LINES);
	buf_free(&data);
}

static void
keeps_its_promises_for_stress_files(void **state)
{
	(void)state;
	check_lines_of("utf8-kuhn-2015.txt");
	check_lines_of("utf8tests.txt");
	check_lines_of("emoji-test-15.0-subset.txt");
	check_lines_of("blns.json");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(keeps_its_promises_for_hostile_text),
	    TEST(keeps_its_promises_for_friendly_text),
	    TEST(keeps_its_promises_for_stress_files),
	};

	if (!setlocale(LC_ALL, "C.UTF-8"))
		return 1;
	return testdata_is_there() ? RUN(tests) : 0;
}
