/* SPDX-License-Identifier: ISC */
/*
 * client/trust.c: the input is a file of known servers.  It is refused with the
 * number of a line; or what was read is written as the very same bytes, and
 * every server in it is there once.
 */
#include <string.h>

#include "base/buf.h"
#include "client/trust.h"
#include "tests/fuzz/fuzz.h"

static size_t
count_lines(struct span s)
{
	size_t n = s.len > 0 && s.p[s.len - 1] != '\n';
	for (size_t i = 0; i < s.len; i++)
		n += s.p[i] == '\n';
	return n;
}

static void
check_pin(const struct trust_list *list, size_t i)
{
	const struct trust_pin *pin = &list->pins[i];
	MUST(memchr(pin->host, 0, sizeof(pin->host)));
	MUST(text_is_visible_ascii(span_of(pin->host)));
	for (size_t k = 0; k < i && k < 100; k++)
		MUST(strcmp(list->pins[k].host, pin->host) != 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trust_list list = {0};
	struct buf again = {0};
	const char *why;
	struct span bytes = {(const char *)data, size};

	size_t line = trust_list_read(&list, bytes, &why);
	MUST((line == 0) == (why == NULL));
	if (line > 0) {
		MUST(line <= count_lines(bytes));
		trust_list_fini(&list);
		return 0;
	}
	MUST(list.n == count_lines(bytes) && list.n <= TRUST_PINS_MAX);
	for (size_t i = 0; i < list.n; i++)
		check_pin(&list, i);
	trust_list_write(&list, &again);
	MUST(span_eq(bytes, (struct span){buf_head(&again), buf_len(&again)}));
	trust_list_fini(&list);
	buf_free(&again);
	return 0;
}
