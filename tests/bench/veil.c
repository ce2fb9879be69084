/* SPDX-License-Identifier: ISC */
/* See the header.  It is proto/channel, and judges nothing. */
#include "tests/bench/veil.h"

#include <sodium.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "proto/channel.h"

struct veil {
	struct channel *channel;
	struct buf in;
};

static struct buf work;

struct veil *
veil_new(void)
{
	if (sodium_init() < 0)
		abort();
	return xcalloc(1, sizeof(struct veil));
}

void
veil_free(struct veil *v)
{
	if (!v)
		return;
	channel_free(v->channel);
	buf_free(&v->in);
	free(v);
}

size_t
veil_call(struct veil *v, const char *welcome, size_t len, const char **wire)
{
	const struct span line = SPAN("SECURE " CHANNEL_SUITE);

	buf_clear(&work);
	buf_add(&work, line.p, line.len);
	buf_add_str(&work, "\n");
	v->channel = channel_new_client(&work);
	if (channel_set_greeting(
		v->channel, (struct span){welcome, len}, line) != 0)
		return 0;
	*wire = buf_head(&work);
	return buf_len(&work);
}

size_t
veil_seal(struct veil *v, const char *p, size_t len, const char **wire)
{
	buf_clear(&work);
	if (channel_seal(v->channel, p, len, &work) != 0)
		abort();
	*wire = buf_head(&work);
	return buf_len(&work);
}

bool
veil_open(struct veil *v, const char *p, size_t len, const char **plain,
    size_t *plain_len)
{
	struct buf wire = {0};
	int err;

	buf_clear(&work);
	buf_add(&v->in, p, len);
	err = channel_feed(v->channel, &v->in, &work, &wire);
	if (buf_len(&v->in) == 0 && v->in.cap > 65536)
		buf_free(&v->in);
	*plain = buf_head(&work);
	*plain_len = buf_len(&work);
	return err == 0;
}

bool
veil_is_ready(const struct veil *v)
{
	return v->channel && channel_is_ready(v->channel);
}
