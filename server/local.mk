# snugd: main.c and an archive, so that tests link all but main.
noinst_LIBRARIES += libserver.a
libserver_a_SOURCES = \
	server/answer.c server/answer.h \
	server/audit.c server/audit.h \
	server/auth.c server/auth.h \
	server/claim.c server/claim.h \
	server/cmd_account.c \
	server/cmd_basic.c \
	server/cmd_oper.c \
	server/cmd_rights.c \
	server/cmd_room.c \
	server/cmd_talk.c \
	server/cmd_user.c \
	server/command.c server/command.h \
	server/config.c server/config.h \
	server/confine.c server/confine.h \
	server/deny.c server/deny.h \
	server/door.c server/door.h \
	server/gate.c server/gate.h \
	server/history.c server/history.h \
	server/index.c server/index.h \
	server/judge.c server/judge.h \
	server/keys.c server/keys.h \
	server/limit.c server/limit.h \
	server/listener.c server/listener.h \
	server/member.c server/member.h \
	server/motd.c server/motd.h \
	server/news.c server/news.h \
	server/oper.c server/oper.h \
	server/output.c \
	server/penalty.c server/penalty.h \
	server/pile.c server/pile.h \
	server/privilege.c server/privilege.h \
	server/redis_dial.c server/redis_dial.h \
	server/redis_handshake.c server/redis_handshake.h \
	server/redis_link.c server/redis_link.h \
	server/redis_reader.c server/redis_reader.h \
	server/redis_resp.c server/redis_resp.h \
	server/redis_script.c server/redis_script.h \
	server/redis_url.c server/redis_url.h \
	server/reload.c server/reload.h \
	server/relay.c server/relay.h \
	server/relay_account.c server/relay_account.h \
	server/relay_codec.c server/relay_codec.h \
	server/relay_local.c server/relay_local.h server/relay_local_int.h \
	server/relay_local_people.c \
	server/relay_local_rights.c \
	server/relay_local_account.c \
	server/relay_local_oper.c \
	server/relay_oper.c server/relay_oper.h \
	server/relay_redis.c server/relay_redis.h server/relay_redis_int.h \
	server/relay_redis_account.c \
	server/relay_redis_chan.c \
	server/relay_redis_depart.c \
	server/relay_redis_append.c \
	server/relay_redis_feed.c \
	server/relay_redis_member.c \
	server/relay_redis_roster.c \
	server/relay_redis_list.c \
	server/relay_redis_log.c \
	server/relay_redis_nick.c \
	server/relay_redis_node.c \
	server/relay_redis_op.c \
	server/relay_redis_pair.c \
	server/relay_redis_read.c \
	server/relay_redis_oper.c \
	server/relay_redis_own.c \
	server/relay_redis_reap.c \
	server/relay_redis_rights.c \
	server/relay_redis_room.c server/relay_redis_room.h \
	server/relay_rights.c server/relay_rights.h \
	server/render.c server/render.h \
	server/rights.c server/rights.h \
	server/rights_record.c \
	server/ring.c server/ring.h \
	server/room.c server/room.h \
	server/sandbox.c server/sandbox.h \
	server/shared.c server/shared.h \
	server/saying.c server/saying.h \
	server/secure.c server/secure.h \
	server/server.h \
	server/session.c server/session.h \
	server/shelf.c server/shelf.h \
	server/sockets.c server/sockets.h \
	server/state.c server/state.h \
	server/stranger.c server/stranger.h \
	server/supervisor.c server/supervisor.h \
	server/table.c server/table.h \
	server/tally.c server/tally.h \
	server/user.c server/user.h \
	server/worker.c server/worker.h
libserver_a_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(LIBEVENT_CFLAGS) \
	$(HIREDIS_CFLAGS) $(SECCOMP_CFLAGS)
server_libs = libserver.a libproto.a $(base_libs) $(LIBEVENT_LIBS) $(HIREDIS_LIBS) \
	$(SODIUM_LIBS) $(SECCOMP_LIBS)

sbin_PROGRAMS += snugd
snugd_SOURCES = server/main.c
snugd_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(LIBEVENT_CFLAGS)
snugd_LDADD = $(server_libs)
