# Bytes in, bytes out: no loop, no screen, no log.
noinst_LIBRARIES += libproto.a
libproto_a_SOURCES = \
	proto/channel.c proto/channel.h \
	proto/codes.c proto/codes.h \
	proto/frame.c proto/frame.h \
	proto/identity.c proto/identity.h \
	proto/line.c proto/line.h \
	proto/msgid.c proto/msgid.h \
	proto/noise.c proto/noise.h \
	proto/proxy.c proto/proxy.h
libproto_a_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS)
proto_libs = libproto.a $(base_libs) $(SODIUM_LIBS)
