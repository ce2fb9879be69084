/* SPDX-License-Identifier: ISC */
/*
 * server/redis_url.c: a URL is refused with a sentence that does not show its
 * password, or gives a place within bounds whose printed form leads to the same
 * place.  The input is a URL.
 */
#include <string.h>

#include "base/text.h"
#include "server/redis_url.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct redis_url u, again;
	struct span s = {(const char *)data, size};
	char cause[ERR_LEN] = "", place[2048];

	memset(&u, 'x', sizeof(u));
	if (redis_url_parse(&u, s, cause) != 0) {
		static const struct redis_url wiped;
		MUST(cause[0] != '\0');
		MUST(text_check(cause, strlen(cause), NULL) == 0);
		MUST(u.user[0] == '\0' && u.password[0] == '\0');
		MUST(memcmp(u.password, wiped.password, sizeof(u.password)) ==
		     0);
		return 0;
	}
	MUST(memchr(u.host, 0, sizeof(u.host)) && u.host[0] != '\0');
	MUST(memchr(u.user, 0, sizeof(u.user)));
	MUST(memchr(u.password, 0, sizeof(u.password)));
	MUST(u.is_unix || u.port > 0);

	MUST(redis_url_format(&u, place, sizeof(place)) == place);
	MUST(text_check(place, strlen(place), NULL) == 0);
	/* A log quotes what a URL would percent-encode. */
	if (text_is_visible_ascii(span_of(u.host)) &&
	    !strpbrk(u.host, "%?\"\\")) {
		MUST(redis_url_parse(&again, span_of(place), cause) == 0);
		MUST(again.is_unix == u.is_unix && again.port == u.port);
		MUST(again.db == u.db && strcmp(again.host, u.host) == 0);
		MUST(!again.has_password && again.user[0] == '\0');
	}
	redis_url_wipe(&u);
	MUST(u.user[0] == '\0' && u.password[0] == '\0');
	return 0;
}
