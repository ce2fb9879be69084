/* SPDX-License-Identifier: ISC */
#ifndef SNUG_PROTO_LINE_H
#define SNUG_PROTO_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/text.h"
#include "proto/msgid.h"

/* The grammar of a payload: protocol section 2.  Used for the wire in both
 * directions and for what the relay stores, so one parser judges them all. */
enum {
	LINE_PREFIXES_MAX = 16,
	LINE_TAG_MAX = 32,
	LINE_VERB_MAX = 16,
	LINE_PARAMS_MAX = 4,
	LINE_CID_MAX = 64,
};

enum line_err {
	LINE_ETEXT =
	    1,       /* not UTF-8, or a control or noncharacter: ERR bad-text */
	LINE_ETAG,   /* empty, too long, not visible ASCII, or a second one */
	LINE_EATTR,  /* malformed key or value, or a key repeated */
	LINE_EMANY,  /* more than LINE_PREFIXES_MAX prefixes */
	LINE_EVERB,  /* no verb at all */
	LINE_EPARAM, /* a parameter is missing or empty */
};

struct line_attr {
	struct span key;
	struct span value;
	bool has_value;
};

/* A payload taken apart; spans point into it. */
struct line {
	struct span tag; /* without the #; p is NULL if there is none */
	struct line_attr attrs[LINE_PREFIXES_MAX];
	unsigned nattrs;
	struct span word; /* the verb as it was spelled */
	char verb[LINE_VERB_MAX +
		  1]; /* in capitals; "" if word is not 1..16 ASCII letters */
	struct span rest; /* behind the verb's SP */
};

/* Returns 0, or a negative line_err; the tag is set where it was good, so that
 * the ERR can carry it. */
int line_parse(struct line *l, struct span payload) MUST_CHECK;
const char *line_strerror(int err);

/*
 * Takes nparams parameters (at most LINE_PARAMS_MAX) off the rest; what is
 * left behind one SP is the text, spaces included.
 * Returns 0, -LINE_EPARAM, or -LINE_ETEXT for a TAB in a parameter.
 */
int line_split(const struct line *l, unsigned nparams,
    struct span params[static LINE_PARAMS_MAX], struct span *text) MUST_CHECK;

/* NULL if the key is not there. */
const struct line_attr *line_attr(const struct line *l, const char *key);

/*
 * Writes one framed line into a buffer:
 *
 *	struct line_writer w;
 *	line_begin(&w, out);
 *	line_put_attr(&w, "re", id);
 *	line_put(&w, SPAN("MSG"));
 *	line_put(&w, room);
 *	line_put(&w, text);        an empty text is left out, its SP too
 *	line_end(&w);
 *
 * What is put is valid already: the writer asserts only that parameters have
 * no SP or LF; it does not judge.
 */
struct line_writer {
	struct buf *out;
	size_t begin;
	bool any; /* something was put: an SP goes first */
};

void line_begin(struct line_writer *w, struct buf *out);
void line_put_tag(
    struct line_writer *w, struct span tag); /* nothing if tag.p is NULL */
void line_put_attr(struct line_writer *w, const char *key, struct span value);
void line_put_flag(struct line_writer *w, const char *key);
void line_put(struct line_writer *w, struct span word_or_text);
void line_put_id(struct line_writer *w, struct msgid id);
void line_put_u64(struct line_writer *w, uint64_t v);
void line_end(struct line_writer *w);
/* The same payload without length and LF, for the relay: use it in place of
 * line_begin() and line_end(). */
void line_begin_payload(struct line_writer *w, struct buf *out);

#endif
