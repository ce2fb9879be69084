# `make bench`: figures beside the physical limit and redis-server, written to
# RESULTS.md.  It takes some twenty minutes and both cores; nothing of it is built
# or run otherwise.
EXTRA_PROGRAMS = tests/bench/fanout tests/bench/handshake tests/bench/storm
tests_bench_fanout_SOURCES = tests/bench/fanout.c \
	tests/bench/veil.c tests/bench/veil.h
tests_bench_fanout_LDADD = $(proto_libs)
tests_bench_handshake_SOURCES = tests/bench/handshake.c
tests_bench_handshake_LDADD = $(proto_libs)
tests_bench_storm_SOURCES = tests/bench/storm.c
tests_bench_storm_LDADD = $(proto_libs)
EXTRA_DIST += tests/bench/workers.py tests/bench/SCALING.md
EXTRA_DIST += tests/bench/peers.sh tests/bench/RESULTS.md tests/bench/PROFILES.md \
	tests/bench/counted.py tests/bench/instr.py tests/bench/instructions \
	tests/bench/growth.py tests/bench/client.py \
	tests/bench/through.py tests/bench/storm.py
CLEANFILES += tests/bench/fanout$(EXEEXT) tests/bench/handshake$(EXEEXT) \
	tests/bench/storm$(EXEEXT)

.PHONY: bench
bench: tests/bench/fanout$(EXEEXT) tests/bench/storm$(EXEEXT) \
	tests/bench/handshake$(EXEEXT) snugd$(EXEEXT) snug$(EXEEXT)
	FANOUT=$(abs_top_builddir)/tests/bench/fanout \
	STORM=$(abs_top_builddir)/tests/bench/storm \
	SNUGD=$(abs_top_builddir)/snugd SNUG_BUILDDIR=$(abs_top_builddir) \
	RESULTS=$(abs_top_srcdir)/tests/bench/RESULTS.md \
	$(srcdir)/tests/bench/peers.sh results

# What a message through Redis costs, beside what Redis itself can do; it is
# part of `make bench` too.  Some two minutes.
.PHONY: bench-redis
bench-redis: tests/bench/fanout$(EXEEXT) snugd$(EXEEXT)
	FANOUT=$(abs_top_builddir)/tests/bench/fanout \
	SNUGD=$(abs_top_builddir)/snugd \
	python3 $(srcdir)/tests/bench/through.py

# What does not depend on the machine's mood: instructions for one delivery.
.PHONY: bench-instr
bench-instr: snugd$(EXEEXT)
	SNUG_BUILDDIR=$(abs_top_builddir) python3 \
		$(srcdir)/tests/bench/instr.py check

# How the cost of a message rises with members, rooms, sessions, history, nodes.
.PHONY: bench-growth
bench-growth: snugd$(EXEEXT)
	SNUG_BUILDDIR=$(abs_top_builddir) python3 \
		$(srcdir)/tests/bench/growth.py

# Secure sessions beside the bare cryptography in them: seconds, one core.
.PHONY: bench-handshake
bench-handshake: tests/bench/handshake$(EXEEXT)
	tests/bench/handshake$(EXEEXT)

# The client beside irssi and weechat, which have to be installed.
.PHONY: bench-client
bench-client: snug$(EXEEXT)
	SNUG_BUILDDIR=$(abs_top_builddir) python3 $(srcdir)/tests/bench/client.py

# Ten thousand who lose their node, and come back to the others.
.PHONY: bench-storm
bench-storm: tests/bench/storm$(EXEEXT) snugd$(EXEEXT)
	STORM=$(abs_top_builddir)/tests/bench/storm \
	SNUGD=$(abs_top_builddir)/snugd python3 $(srcdir)/tests/bench/storm.py
