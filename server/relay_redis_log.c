/* SPDX-License-Identifier: ISC */
/*
 * The logs of conversations: their keys, and what is owed of them.
 *
 * What was appended here has to come up from the subscription, as everything
 * does.  Should that not bring it soon, the stream is asked, because nobody
 * else would notice the loss of a conversation's last message.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "server/relay_redis_room.h"

enum { EXPECT_MS = 500 };

/* --- keys ----------------------------------------------------------------- */

char *
rr_room_tag(char dst[static RR_TAG_MAX], const char *fold)
{
	memcpy(dst, "{r:", 3);
	codec_key(dst + 3, RR_TAG_MAX - 4, span_of(fold));
	size_t len = strlen(dst);
	dst[len] = '}';
	dst[len + 1] = '\0';
	return dst;
}

char *
rr_conv_tag(char dst[static RR_TAG_MAX], const struct conv *c)
{
	if (c->kind == CONV_ROOM)
		return rr_room_tag(dst, c->key);
	snprintf(dst, RR_TAG_MAX, "{d:%s}", c->key);
	return dst;
}

void
rr_stem(struct rr_stem *dst, struct rr *r, const char *tag)
{
	dst->len = (size_t)snprintf(
	    dst->text, sizeof dst->text, "%s%s:", r->prefix, tag);
}

void
rr_put_key(struct resp_cmd *c, const struct rr_stem *stem, struct span end)
{
	const struct span parts[] = {{stem->text, stem->len}, end};

	resp_join(c, parts, ARRAY_LEN(parts));
}

/* --- what the subscription owes ------------------------------------------- */

struct rr_expect {
	TAILQ_ENTRY(rr_expect) entry;
	uint64_t due_ms;
	struct msgid id;
	struct conv conv;
};

/* Below the highest one ever seen nothing is owed, also where history has gone
 * back since: that was said when it was found. */
static void
check_feed(struct rr_feed *f, struct msgid id)
{
	if (f && msgid_cmp(f->top, id) < 0)
		rr_feed_check(f, id, f->last);
}

struct span
rr_pair_lower(const struct conv *c)
{
	return (struct span){c->key, (size_t)(strchr(c->key, ':') - c->key)};
}

struct span
rr_pair_higher(const struct conv *c)
{
	return span_of(strchr(c->key, ':') + 1);
}

static void
check_conv(struct rr *r, const struct conv *c, struct msgid id)
{
	if (c->kind == CONV_ROOM) {
		check_feed(rr_room_feed(r, c->key), id);
		return;
	}
	check_feed(rr_user_feed(r, rr_pair_lower(c), c), id);
	check_feed(rr_user_feed(r, rr_pair_higher(c), c), id);
}

static void
on_expect(int fd, short what, void *arg)
{
	struct rr *r = arg;
	uint64_t now_ms = clock_now_ms();
	struct rr_expect *e;

	(void)fd;
	(void)what;
	while ((e = TAILQ_FIRST(&r->expected)) != NULL && e->due_ms <= now_ms) {
		TAILQ_REMOVE(&r->expected, e, entry);
		check_conv(r, &e->conv, e->id);
		free(e);
	}
	if (e)
		rr_event_in(r->expect_timer, e->due_ms - now_ms);
}

void
rr_expect(struct rr *r, const struct conv *c, struct msgid id)
{
	bool first = TAILQ_EMPTY(&r->expected);
	struct rr_expect *e = xcalloc(1, sizeof *e);
	uint64_t in_ms = EXPECT_MS < r->c.say_timeout_ms
			     ? EXPECT_MS
			     : (uint64_t)r->c.say_timeout_ms;

	e->due_ms = clock_now_ms() + in_ms;
	e->id = id;
	e->conv = *c;
	TAILQ_INSERT_TAIL(&r->expected, e, entry);
	if (first)
		rr_event_in(r->expect_timer, in_ms);
}

void
rr_expect_init(struct rr *r)
{
	TAILQ_INIT(&r->expected);
	r->expect_timer = rr_event(r, on_expect, r);
}

void
rr_expect_fini(struct rr *r)
{
	struct rr_expect *e;

	while ((e = TAILQ_FIRST(&r->expected)) != NULL) {
		TAILQ_REMOVE(&r->expected, e, entry);
		free(e);
	}
	event_free(r->expect_timer);
}

/* --- what all appends begin with ------------------------------------------ */

void
rr_put_append_keys(struct resp_cmd *c, const struct rr_stem *stem)
{
	rr_put_key(c, stem, SPAN("st"));
	rr_put_key(c, stem, SPAN("la"));
}

void
rr_put_dedupe_key(
    struct resp_cmd *c, const struct rr_stem *stem, const struct relay_msg *m)
{
	const struct span parts[] = {
	    {stem->text, stem->len}, SPAN("dd:"), m->sender, SPAN(":"), m->cid};

	if (m->cid.len > 0)
		resp_join(c, parts, ARRAY_LEN(parts));
}

void
rr_put_append_terms(struct rr *r, struct resp_cmd *c,
    const struct rr_append_terms *terms, const struct rights *rights)
{
	resp_i64(c, terms->deadline);
	resp_id(c, terms->floor);
	resp_i64(c, rr_log_max(r, rights));
	resp_i64(c, rr_log_ttl(r, rights));
	resp_i64(c, r->c.dedupe_ms);
}

void
rr_put_payload(struct rr *r, struct resp_cmd *c, const struct relay_msg *m)
{
	buf_clear(&r->text);
	codec_put_msg(&r->text, m);
	resp_span(c, (struct span){buf_head(&r->text), buf_len(&r->text)});
}

int64_t
rr_append_deadline(struct rr *r)
{
	return rr_redis_deadline(r, (uint64_t)r->c.say_timeout_ms);
}
