# Leaves for both programs; include nothing of ours but each other.
noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
	base/addr.c base/addr.h \
	base/attr.h \
	base/buf.c base/buf.h \
	base/cidr.c base/cidr.h \
	base/clock.c base/clock.h \
	base/conf.c base/conf.h \
	base/log.c base/log.h \
	base/mem.c base/mem.h \
	base/names.c base/names.h \
	base/pool.c base/pool.h \
	base/skeleton.c \
	base/spares.c base/spares.h \
	base/text.c base/text.h
libbase_a_CFLAGS = $(AM_CFLAGS) $(UTF8PROC_CFLAGS) $(INIH_CFLAGS)
base_libs = libbase.a $(UTF8PROC_LIBS) $(INIH_LIBS)
