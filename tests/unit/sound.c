/* SPDX-License-Identifier: ISC */
/* The promises of client/safe.h, as one assertion. */
#include "tests/unit/sound.h"

#include "tests/unit/unit.h"

#include <wchar.h>

#include "client/safe.h"

void
assert_sound(const char *id, struct span raw, unsigned flags)
{
	struct safe s = safe_new(raw, flags);
	unsigned marks = 0, breaks = 0;
	int cells = 0;

	for (size_t i = 0; i < s.len;) {
		uint32_t cp;
		int n = text_decode(s.utf8 + i, s.len - i, &cp);
		int width = n > 0 ? wcwidth((wchar_t)cp) : -1;

		if (cp == '\n' && (flags & SAFE_LINES)) {
			breaks++;
			marks = SAFE_MARKS_MAX; /* a mark may not follow */
		} else if (n <= 0 || width < 0 || cp < 0x20 ||
			   (cp >= 0x7f && cp <= 0x9f)) {
			fail_msg("%s: U+%04X at %zu", id, (unsigned)cp, i);
		} else if (width == 0) {
			if (++marks > SAFE_MARKS_MAX)
				fail_msg("%s: too many marks at %zu", id, i);
		} else {
			marks = 0;
			cells += width;
		}
		if ((cp >= 0x202a && cp <= 0x202e) ||
		    (cp >= 0x2066 && cp <= 0x2069) ||
		    (cp >= 0x200b && cp <= 0x200f) || cp == 0xfeff ||
		    cp == 0xad || cp >> 12 == 0xe0)
			fail_msg("%s: U+%04X came through", id, (unsigned)cp);
		i += (size_t)n;
	}
	assert_true(breaks <= SAFE_BREAKS_MAX);
	assert_int_equal(safe_width(&s), cells);
	safe_free(&s);
}
