/* SPDX-License-Identifier: ISC */
/*
 * proto/proxy.c and base/cidr.c: a header read byte by byte, in pieces of the
 * size it asks for, and whole is the same; what it asks for never reaches past
 * its end.  Text that is read as a range is written and read back the same.
 *
 * Input: the bytes of a connection; they are looked at as text, too.
 */
#include <string.h>

#include "base/cidr.h"
#include "proto/proxy.h"
#include "tests/fuzz/fuzz.h"

struct outcome {
	int err;
	size_t used; /* 0: it never became whole */
	struct proxy_header h;
};

/* Reads at most `step` bytes at a time; 0: as many as are wanted. */
static struct outcome
read_in_steps(const uint8_t *data, size_t size, size_t step)
{
	struct outcome o = {0};
	size_t n = 0, want;

	while ((o.err = proxy_parse(data, n, &want, &o.h)) == 0 && want > 0) {
		MUST(n + want <= PROXY_MAX);
		if (step && want > step)
			want = step;
		if (n + want > size)
			return o;
		n += want;
	}
	o.used = o.err == 0 ? n : 0;
	return o;
}

static void
check_range(const uint8_t *data, size_t size)
{
	struct cidr c, again;
	char cause[ERR_LEN] = "", text[CIDR_TEXT_MAX + 1];

	if (cidr_parse((struct span){(const char *)data, size}, &c, cause) !=
	    0) {
		MUST(cause[0] != '\0');
		return;
	}
	cidr_format(&c, text);
	MUST(cidr_parse(span_of(text), &again, cause) == 0);
	MUST(cidr_is_same(&c, &again));
	MUST(cidr_contains(&c, &c.first));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole = read_in_steps(data, size, 0);
	struct outcome bytes = read_in_steps(data, size, 1);

	MUST(whole.used == bytes.used);
	/* In pieces an error may show before the end does. */
	MUST(whole.err == bytes.err || whole.err == 0);
	if (whole.used > 0) {
		MUST(whole.used >= PROXY_HEAD && whole.used <= PROXY_MAX);
		MUST(memcmp(&whole.h.source, &bytes.h.source,
			 sizeof whole.h.source) == 0);
		MUST(whole.h.has_source == bytes.h.has_source);
		MUST(whole.h.port == bytes.h.port);
	}
	check_range(data, size);
	return 0;
}
