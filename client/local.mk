# snug: main.c and an archive, so that tests link all but main.
noinst_LIBRARIES += libsnug.a
libsnug_a_SOURCES = \
	client/app.c client/app.h client/app_impl.h \
	client/app_ask.c \
	client/app_keys.c \
	client/ask.c client/ask.h \
	client/buffer.c client/buffer.h \
	client/chat.c client/chat.h client/chat_impl.h \
	client/chat_account.c \
	client/chat_hear.c \
	client/chat_meet.c \
	client/chat_nick.c \
	client/chat_restore.c \
	client/chat_rights.c \
	client/chat_say.c \
	client/chat_window.c \
	client/cli.c client/cli.h \
	client/command.c client/command.h \
	client/complete.c client/complete.h \
	client/config.c client/config.h \
	client/dial.c client/dial.h \
	client/edit.c client/edit.h \
	client/file.c client/file.h \
	client/keymap.c client/keymap.h \
	client/layout.c client/layout.h \
	client/link.c client/link.h \
	client/model.c client/model.h \
	client/net.c client/net.h \
	client/outbox.c client/outbox.h \
	client/safe.c client/safe.h \
	client/secure.c client/secure.h \
	client/term.c client/term.h \
	client/theme.c client/theme.h \
	client/trust.c client/trust.h \
	client/view.c client/view.h \
	client/where.c client/where.h
libsnug_a_CFLAGS = $(AM_CFLAGS) $(NCURSES_CFLAGS) $(LIBEVENT_CFLAGS) $(SODIUM_CFLAGS)
client_libs = libsnug.a $(proto_libs) $(LIBEVENT_LIBS) $(NCURSES_LIBS)

bin_PROGRAMS += snug
snug_SOURCES = client/main.c
snug_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS)
snug_LDADD = $(client_libs)
