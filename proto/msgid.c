/* SPDX-License-Identifier: ISC */
/*
 * Message ids as text.  They are compared as two numbers, never as strings:
 * "9-0" comes before "10-0".
 */
#include "proto/msgid.h"

#include <string.h>

bool
msgid_parse(struct span s, struct msgid *id)
{
	const char *dash = s.len ? memchr(s.p, '-', s.len) : NULL;
	struct msgid v;

	if (!dash)
		return false;
	struct span ms = {s.p, (size_t)(dash - s.p)};
	struct span seq = {dash + 1, s.len - ms.len - 1};
	if (!text_u64(ms, UINT64_MAX, &v.ms) ||
	    !text_u64(seq, UINT64_MAX, &v.seq))
		return false;
	*id = v;
	return true;
}

/* Ids of one turn of a loop mostly have the same milliseconds, thirteen digits
 * of them: they are written once. */
static size_t
put_ms(char out[static TEXT_U64_MAX], uint64_t ms)
{
	static _Thread_local uint64_t last;
	static _Thread_local char text[TEXT_U64_MAX] = "0";
	static _Thread_local size_t len = 1;

	if (ms != last) {
		last = ms;
		len = text_put_u64(text, ms);
	}
	memcpy(out, text, sizeof text); /* mostly blank: a length known ahead */
	return len;
}

size_t
msgid_format(struct msgid id, char out[static MSGID_LEN_MAX + 1])
{
	size_t len = put_ms(out, id.ms);

	out[len++] = '-';
	len += text_put_u64(out + len, id.seq);
	out[len] = '\0';
	return len;
}
