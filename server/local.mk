# snugd: main.c and an archive, so that tests link all but main.
noinst_LIBRARIES += libserver.a
libserver_a_SOURCES = \
	server/answer.c server/answer.h \
	server/claim.c server/claim.h \
	server/cmd_basic.c \
	server/cmd_room.c \
	server/cmd_talk.c \
	server/cmd_user.c \
	server/command.c server/command.h \
	server/config.c server/config.h \
	server/history.c server/history.h \
	server/limit.c server/limit.h \
	server/listener.c server/listener.h \
	server/member.c server/member.h \
	server/news.c server/news.h \
	server/output.c \
	server/relay.c server/relay.h \
	server/relay_local.c server/relay_local.h \
	server/render.c server/render.h \
	server/room.c server/room.h \
	server/server.h \
	server/session.c server/session.h \
	server/table.c server/table.h \
	server/user.c server/user.h
libserver_a_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(LIBEVENT_CFLAGS)
server_libs = libserver.a libproto.a $(base_libs) $(LIBEVENT_LIBS) $(HIREDIS_LIBS) $(SODIUM_LIBS)

sbin_PROGRAMS += snugd
snugd_SOURCES = server/main.c
snugd_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(LIBEVENT_CFLAGS)
snugd_LDADD = $(server_libs)
