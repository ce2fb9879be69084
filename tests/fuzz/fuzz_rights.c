/* SPDX-License-Identifier: ISC */
/*
 * server/rights_record.c: a record of Redis or of the state file is refused as
 * a whole, or gives rights within bounds, which are written and read back the
 * same, and answer every question.  The input is a record.
 */
#include <string.h>

#include "base/buf.h"
#include "server/rights.h"
#include "tests/fuzz/fuzz.h"

static void
ask_everything(const struct rights *r)
{
	struct rights_who who = {.id = "g00000000000000000000000000000b0b",
	    .nick = "bob",
	    .inside = true};

	for (int path = 0; path < RIGHTS_PATHS; path++) {
		enum rights_answer a =
		    rights_may(r, &who, (enum rights_path)path, 50);

		MUST(a < RIGHTS_ANSWERS && a != RIGHTS_BROKEN);
	}
}

static void
must_be_sound(const struct rights *r)
{
	for (size_t i = 0; i < RIGHTS_LISTS; i++) {
		MUST(r->lists[i].n <= RIGHTS_LIST_MAX);
		for (size_t j = 0; j < r->lists[i].n; j++) {
			const struct rights_entry *e = &r->lists[i].at[j];
			struct name name;

			MUST(strlen(e->id) == SENDER_ID_LEN);
			MUST(name_check(span_of(e->nick), false, &name) == 0);
			MUST(name_check(span_of(e->by), false, &name) == 0);
		}
	}
	MUST(r->set.slow_s <= RIGHTS_SLOW_MAX);
	MUST(r->owner[0] == '\0' || r->owner[0] == 'a');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span record = {(const char *)data, size};
	struct msgid rv = {1, 2};
	struct rights *r = NULL, *again = NULL;
	struct buf one = {0}, two = {0};

	if (rights_get(record, rv, &r) != 0) {
		MUST(r == NULL);
		return 0;
	}
	must_be_sound(r);
	ask_everything(r);
	rights_put(&one, r);
	MUST(rights_get((struct span){buf_head(&one), buf_len(&one)}, rv,
		 &again) == 0);
	rights_put(&two, again);
	MUST(buf_len(&one) == buf_len(&two));
	MUST(buf_len(&one) == 0 ||
	     memcmp(buf_head(&one), buf_head(&two), buf_len(&one)) == 0);
	buf_free(&one);
	buf_free(&two);
	rights_unref(r);
	rights_unref(again);
	return 0;
}
