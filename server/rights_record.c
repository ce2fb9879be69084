/* SPDX-License-Identifier: ISC */
/*
 * A room's rights as text, and back: what Redis and the state file hold.
 *
 *	owner ID NICK
 *	private | moderated
 *	slow SECONDS
 *	history MESSAGES
 *	key ARGON2ID
 *	operator|ban|mute|invited ID UNTIL ADDRESS NICK BY
 *
 * What is not there is as in a new room.  Anybody may have written it, so a
 * record is taken as a whole or refused as a whole: half a list of bans is no
 * list of bans.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/relay_account.h"
#include "server/relay_codec.h"
#include "server/rights.h"

enum { ADDR_HEX = 2 * sizeof(struct addr_key) };

static const char *const list_words[RIGHTS_LISTS] = {
    [RIGHTS_OPERATORS] = "operator",
    [RIGHTS_BANS] = "ban",
    [RIGHTS_MUTES] = "mute",
    [RIGHTS_INVITED] = "invited",
};

static const size_t list_max[RIGHTS_LISTS] = {
    [RIGHTS_OPERATORS] = RIGHTS_OPERATORS_MAX,
    [RIGHTS_BANS] = RIGHTS_LIST_MAX,
    [RIGHTS_MUTES] = RIGHTS_LIST_MAX,
    [RIGHTS_INVITED] = RIGHTS_LIST_MAX,
};

const char *
rights_strerror(int err)
{
	static const char *const texts[] = {
	    [RIGHTS_ELONG] = "a record of rights that is too long",
	    [RIGHTS_ELINE] = "a line of rights that nobody knows",
	    [RIGHTS_EVALUE] = "rights with a malformed value",
	    [RIGHTS_EMANY] = "more rights than there may be",
	    [RIGHTS_ETWICE] = "the same right twice",
	};
	size_t i = (size_t)-err;

	return i > 0 && i < ARRAY_LEN(texts) ? texts[i] : "?";
}

/* --- writing -------------------------------------------------------------- */

static void
put_entry(struct buf *out, const char *word, const struct rights_entry *e)
{
	char addr[ADDR_HEX + 1] = "-";

	if (e->has_addr)
		sodium_bin2hex(
		    addr, sizeof addr, e->addr.bytes, sizeof e->addr.bytes);
	buf_addf(out, "%s %s %llu %s %s %s\n", word, e->id,
	    (unsigned long long)e->until_ms, addr, e->nick, e->by);
}

void
rights_put(struct buf *out, const struct rights *r)
{
	if (r->owner[0])
		buf_addf(out, "owner %s %s\n", r->owner, r->owner_nick);
	if (r->set.hidden)
		buf_addf(out, "private\n");
	if (r->set.moderated)
		buf_addf(out, "moderated\n");
	if (r->set.slow_s > 0)
		buf_addf(out, "slow %u\n", r->set.slow_s);
	if (r->set.history != RIGHTS_HISTORY_DEFAULT)
		buf_addf(out, "history %lld\n", (long long)r->set.history);
	if (r->set.key[0])
		buf_addf(out, "key %s\n", r->set.key);
	for (size_t i = 0; i < RIGHTS_LISTS; i++)
		for (size_t j = 0; j < r->lists[i].n; j++)
			put_entry(out, list_words[i], &r->lists[i].at[j]);
}

/* --- reading -------------------------------------------------------------- */

static bool
take_nick(char nick[static NAME_BYTES_MAX + 1], struct span s)
{
	struct name name;

	if (name_check(s, false, &name) != 0)
		return false;
	memcpy(nick, name.shown, NAME_BYTES_MAX + 1);
	return true;
}

static int
get_owner(struct rights *r, struct span s)
{
	struct span id = text_word(&s);

	if (r->owner[0])
		return -RIGHTS_ETWICE;
	if (!account_is_id(id) || !take_nick(r->owner_nick, s))
		return -RIGHTS_EVALUE;
	span_copy(r->owner, sizeof r->owner, id);
	return 0;
}

static int
get_flag(bool *flag, struct span s)
{
	if (*flag)
		return -RIGHTS_ETWICE;
	*flag = true;
	return s.len == 0 ? 0 : -RIGHTS_EVALUE;
}

static int
get_private(struct rights *r, struct span s)
{
	return get_flag(&r->set.hidden, s);
}

static int
get_moderated(struct rights *r, struct span s)
{
	return get_flag(&r->set.moderated, s);
}

static int
get_slow(struct rights *r, struct span s)
{
	uint64_t v;

	if (r->set.slow_s > 0)
		return -RIGHTS_ETWICE;
	if (!text_u64(s, RIGHTS_SLOW_MAX, &v) || v == 0)
		return -RIGHTS_EVALUE;
	r->set.slow_s = (unsigned)v;
	return 0;
}

static int
get_history(struct rights *r, struct span s)
{
	uint64_t v;

	if (r->set.history != RIGHTS_HISTORY_DEFAULT)
		return -RIGHTS_ETWICE;
	if (!text_u64(s, INT32_MAX, &v))
		return -RIGHTS_EVALUE;
	r->set.history = (int64_t)v;
	return 0;
}

static int
get_key(struct rights *r, struct span s)
{
	if (r->set.key[0])
		return -RIGHTS_ETWICE;
	if (s.len > RIGHTS_KEY_MAX || !account_is_hash(s))
		return -RIGHTS_EVALUE;
	span_copy(r->set.key, sizeof r->set.key, s);
	return 0;
}

static const struct {
	const char *word;
	int (*get)(struct rights *r, struct span s);
} lines[] = {
    {"owner", get_owner},
    {"private", get_private},
    {"moderated", get_moderated},
    {"slow", get_slow},
    {"history", get_history},
    {"key", get_key},
};

static bool
get_addr(struct rights_entry *e, struct span s)
{
	size_t len;

	if (span_is(s, "-"))
		return true;
	e->has_addr = true;
	return s.len == ADDR_HEX &&
	       sodium_hex2bin(e->addr.bytes, sizeof e->addr.bytes, s.p, s.len,
		   NULL, &len, NULL) == 0 &&
	       len == sizeof e->addr.bytes;
}

static int
get_entry(struct rights_list *l, size_t max, struct span s)
{
	struct rights_entry e = {0};
	struct span id = text_word(&s), until = text_word(&s);
	struct span addr = text_word(&s), nick = text_word(&s);

	if (l->n == max)
		return -RIGHTS_EMANY;
	if (!codec_is_sender(id) || !text_u64(until, UINT64_MAX, &e.until_ms) ||
	    !get_addr(&e, addr) || !take_nick(e.nick, nick) ||
	    !take_nick(e.by, s))
		return -RIGHTS_EVALUE;
	span_copy(e.id, sizeof e.id, id);
	if (e.has_addr && account_is_id(id))
		return -RIGHTS_EVALUE;
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->at[i].id, e.id) == 0)
			return -RIGHTS_ETWICE;
	if ((l->n & (l->n - 1)) == 0) /* grows at the powers of two */
		l->at = xreallocarray(
		    l->at, l->n > 0 ? 2 * l->n : 1, sizeof *l->at);
	l->at[l->n++] = e;
	return 0;
}

static int
get_line(struct rights *r, struct span s)
{
	struct span word = text_word(&s);

	for (size_t i = 0; i < RIGHTS_LISTS; i++)
		if (span_is(word, list_words[i]))
			return get_entry(&r->lists[i], list_max[i], s);
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		if (span_is(word, lines[i].word))
			return lines[i].get(r, s);
	return -RIGHTS_ELINE;
}

static struct span
take_line(struct span *rest)
{
	const char *lf = memchr(rest->p, '\n', rest->len);
	size_t len = lf ? (size_t)(lf - rest->p) : rest->len;
	struct span line = {rest->p, len};

	rest->p += lf ? len + 1 : len;
	rest->len -= lf ? len + 1 : len;
	return line;
}

int
rights_get(struct span record, struct msgid rv, struct rights **out)
{
	struct rights *r = rights_new();
	int err = record.len > RIGHTS_RECORD_MAX ? -RIGHTS_ELONG : 0;

	r->rv = rv;
	while (err == 0 && record.len > 0)
		err = get_line(r, take_line(&record));
	/* Operators are accounts. */
	for (size_t i = 0; err == 0 && i < r->lists[RIGHTS_OPERATORS].n; i++)
		if (!account_is_id(
			span_of(r->lists[RIGHTS_OPERATORS].at[i].id)))
			err = -RIGHTS_EVALUE;
	if (err == 0)
		*out = r;
	else
		rights_unref(r);
	return err;
}
