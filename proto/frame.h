/* SPDX-License-Identifier: ISC */
#ifndef SNUG_PROTO_FRAME_H
#define SNUG_PROTO_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/text.h"

/* Bytes to lines and back: protocol section 1.  No I/O, no clock. */
enum {
	FRAME_LINE_MAX = 99999, /* what five digits can say */
	FRAME_HEAD_MAX = 6,     /* five digits and SP */
};

enum frame_result {
	FRAME_MORE,  /* all bytes taken, no line complete */
	FRAME_LINE,  /* *line holds a payload */
	FRAME_EBAD,  /* bad length, or no LF behind the payload: ERR bad-frame,
			BYE, close */
	FRAME_ELONG, /* a bare line above the maximum: ERR too-long, BYE, close
		      */
	FRAME_EFOREIGN, /* another protocol's first bytes: BYE bad-frame, close
			 */
};

/* Held by value; fields are frame.c's. */
struct frame {
	struct buf part;   /* the beginning of a line whose end has not come */
	unsigned max;      /* bytes of payload allowed in this line */
	unsigned next_max; /* and from the next line on */
	unsigned need;     /* framed: length of the payload; bare: bytes of
			      telnet that were stripped */
	unsigned char state;
	unsigned char telnet;
	unsigned char error;   /* the frame_result it failed with */
	bool bare_allowed : 1; /* the server's side: bare lines, telnet, foreign
				  protocols */
	bool first : 1;        /* no line was complete yet */
	bool was_bare : 1;     /* the line given last was a bare one */
};

void frame_init(struct frame *f, unsigned max_line, bool bare_allowed);
void frame_fini(struct frame *f);

/* A new maximum, from the next line on. */
void frame_set_max(struct frame *f, unsigned max_line);

/*
 * Takes bytes from *in (moves it forward) until a line is complete.
 *
 *   in    borrowed; what is left after FRAME_LINE is given again at the next
 * call line  given: the payload, without LF; borrowed from *in or from the
 * frame, good until the next call.  Never empty.  Its bytes are unchecked.
 *
 * The result never depends on how the bytes are cut.  A length above the
 * maximum fails before any of its payload is kept; part never holds more than
 * the maximum plus FRAME_HEAD_MAX + 2 bytes.  After an error: only that error.
 */
enum frame_result frame_next(
    struct frame *f, struct span *in, struct span *line) MUST_CHECK;

/* Moves the line given last to a buffer that owns nothing, if it lies here;
 * otherwise it is for the caller to copy. */
bool frame_move_line(
    struct frame *f, struct span line, struct buf *to) MUST_CHECK;
/* The line given last is not needed any longer: where it lies here it is wiped,
 * and its memory given back. */
void frame_forget_line(struct frame *f);

/* Has the beginning of a line come without its end? */
bool frame_is_partial(const struct frame *f);

/*
 * Writing: frame_begin() remembers the place and leaves room for the length;
 * the payload (1 to FRAME_LINE_MAX bytes) is added to the buffer by whoever
 * writes it; frame_end() puts length and LF around it.
 */
size_t frame_begin(struct buf *out) MUST_CHECK;
void frame_end(struct buf *out, size_t begin);

#endif
