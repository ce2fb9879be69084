/* SPDX-License-Identifier: ISC */
/*
 * client/secure.c: the input is what comes from whoever answers in a server's
 * place, cut in two anywhere (its first byte says where).  Without the key in
 * its greeting nobody makes a session; nothing is sent but the SECURE line and
 * the handshake's first message, and that once; what ends is over.
 */
#include <string.h>

#include "client/safe.h"
#include "client/secure.h"
#include "tests/fuzz/dice.h"
#include "tests/fuzz/fuzz.h"

/* The line, and a message of 32 bytes. */
enum { SAID_MAX = 44 + 2 + 32 };

/* It goes to a terminal. */
static void
check_harmless(const char *cause)
{
	struct safe shown = safe_str(cause);

	MUST(strcmp(shown.utf8, cause) == 0);
	safe_free(&shown);
}

static int
feed(struct secure *s, struct buf *in, struct buf *wire)
{
	struct buf plain = {0};
	char cause[ERR_LEN] = "";

	int err = secure_feed(s, in, &plain, wire, cause);
	MUST(!secure_is_ready(s));
	MUST(buf_len(&plain) == 0);
	MUST(buf_len(wire) == 0 || buf_len(wire) <= SAID_MAX);
	MUST((err == 0) == (cause[0] == '\0'));
	check_harmless(cause);
	MUST(err == 0 || err == -SECURE_EAGAIN || err == -SECURE_ESTOP);
	return err;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf in = {0}, wire = {0};

	if (size == 0)
		return 0;
	dice_throw();
	struct secure *s = secure_new();
	size_t cut = data[0] < size - 1 ? data[0] : size - 1;
	buf_add(&in, data + 1, cut);
	int err = feed(s, &in, &wire);
	buf_add(&in, data + 1 + cut, size - 1 - cut);
	int then = feed(s, &in, &wire);
	if (err < 0)
		MUST(then == -SECURE_ESTOP);
	secure_free(s);
	buf_free(&in);
	buf_free(&wire);
	return 0;
}
