# snugd: main.c and an archive, so that tests link all but main.
noinst_LIBRARIES += libserver.a
libserver_a_SOURCES = \
	server/relay.c server/relay.h \
	server/relay_local.c server/relay_local.h \
	server/table.c server/table.h
libserver_a_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS)
