/* SPDX-License-Identifier: ISC */
/*
 * A session's secure side: proto/channel with a server's buffers around it.
 *
 * Many connect and never say who they are, so what a session keeps for the
 * handshake is small and constant: its greeting, which the handshake proves to
 * have arrived unchanged, and 34 bytes of message 1.  The beginning of a
 * message that waits for its end lies with the session; all else passes
 * through buffers of the server's.
 *
 * session.c feeds it and decides what follows; output.c seals.
 */
#include "server/secure.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/mem.h"
#include "proto/channel.h"

/* Room for the usual beginning of a message; more is given back when it is
 * whole. */
enum { IN_FIRST = 256 };

struct secure *
secure_new(struct span welcome)
{
	struct secure *x = xcalloc(1, sizeof *x);

	x->greeting = xstrndup(welcome.p, welcome.len);
	x->greeting_len = welcome.len;
	return x;
}

/* It holds a token. */
static void
forget_greeting(struct secure *x)
{
	if (x->greeting)
		sodium_memzero(x->greeting, x->greeting_len);
	free(x->greeting);
	x->greeting = NULL;
}

void
secure_free(struct secure *x)
{
	if (!x)
		return;
	forget_greeting(x);
	channel_free(x->channel);
	buf_free(&x->in);
	buf_free(&x->wire);
	free(x);
}

void
secure_begin(
    struct secure *x, const struct noise_keypair *key, struct span secure_line)
{
	assert(!x->channel);
	x->channel = channel_new_server(
	    key, (struct span){x->greeting, x->greeting_len}, secure_line);
	forget_greeting(x);
}

/* --- reading -------------------------------------------------------------- */

/* How long what has begun will be, as far as can be told. */
static size_t
whole(const struct buf *in)
{
	const unsigned char *p = (const unsigned char *)buf_head(in);

	if (buf_len(in) < CHANNEL_HEAD_LEN)
		return CHANNEL_HEAD_LEN;
	return CHANNEL_HEAD_LEN + ((size_t)p[0] << 8 | p[1]);
}

/* Adds to the beginning of a message, never beyond its end, and never asks for
 * more memory than it will need. */
static void
keep(struct buf *in, struct span *bytes)
{
	size_t end = whole(in), len = buf_len(in), n = end - len;
	size_t first = end < IN_FIRST ? end : IN_FIRST;

	if (n > bytes->len)
		n = bytes->len;
	if (len + n > in->cap)
		(void)!buf_reserve(in, (len + n <= first ? first : end) - len);
	buf_add(in, bytes->p, n);
	bytes->p += n;
	bytes->len -= n;
}

/* What was begun before is finished first, where it lies. */
static int
finish(struct secure *x, struct span *bytes, struct buf *plain)
{
	int err = 0;

	while (err == 0 && buf_len(&x->in) > 0 && bytes->len > 0) {
		keep(&x->in, bytes);
		err = channel_feed(x->channel, &x->in, plain, &x->wire);
	}
	if (buf_len(&x->in) == 0 && x->in.cap > IN_FIRST)
		buf_free(&x->in);
	return err;
}

int
secure_open(struct secure *x, struct span bytes, struct secure_work *w)
{
	struct span rest;
	int err;

	/* All at once: growing would leave pieces behind. */
	(void)!buf_reserve(&w->plain, buf_len(&x->in) + bytes.len);
	err = finish(x, &bytes, &w->plain);

	if (err < 0 || bytes.len == 0)
		return err;
	/* Mostly whole messages come, and nothing of them is kept. */
	buf_add(&w->cipher, bytes.p, bytes.len);
	err = channel_feed(x->channel, &w->cipher, &w->plain, &x->wire);
	rest = (struct span){
	    buf_head(&w->cipher), err < 0 ? 0 : buf_len(&w->cipher)};
	while (rest.len > 0)
		keep(&x->in, &rest);
	buf_clear(&w->cipher);
	return err;
}

bool
secure_is_partial(const struct secure *x)
{
	return buf_len(&x->in) > 0;
}

void
secure_work_clear(struct secure_work *w)
{
	if (buf_len(&w->plain) > 0)
		sodium_memzero(buf_head(&w->plain), buf_len(&w->plain));
	buf_clear(&w->plain);
}

void
secure_work_free(struct secure_work *w)
{
	buf_wipe(&w->cipher);
	buf_wipe(&w->plain);
	buf_wipe(&w->sealed);
}
