# Bytes in, bytes out: no loop, no screen, no log.
noinst_LIBRARIES += libproto.a
libproto_a_SOURCES = \
	proto/codes.c proto/codes.h \
	proto/frame.c proto/frame.h \
	proto/line.c proto/line.h \
	proto/msgid.c proto/msgid.h
