# Fuzz targets.  A new one: a line here in each of the two lists below, a file
# tests/fuzz/fuzz_NAME.c, and a folder tests/fuzz/corpus/NAME.
fuzz_programs = \
	tests/fuzz/fuzz_account \
	tests/fuzz/fuzz_channel \
	tests/fuzz/fuzz_conf \
	tests/fuzz/fuzz_frame \
	tests/fuzz/fuzz_greeting \
	tests/fuzz/fuzz_handshake \
	tests/fuzz/fuzz_identity \
	tests/fuzz/fuzz_line \
	tests/fuzz/fuzz_link \
	tests/fuzz/fuzz_names \
	tests/fuzz/fuzz_outbox \
	tests/fuzz/fuzz_proxy \
	tests/fuzz/fuzz_redis_resp \
	tests/fuzz/fuzz_relay \
	tests/fuzz/fuzz_rights \
	tests/fuzz/fuzz_state \
	tests/fuzz/fuzz_text \
	tests/fuzz/fuzz_trust \
	tests/fuzz/fuzz_url

tests_fuzz_fuzz_account_LDADD = $(fuzz_main) $(server_libs)
tests_fuzz_fuzz_channel_LDADD = $(fuzz_main) $(proto_libs)
tests_fuzz_fuzz_conf_LDADD = $(fuzz_main) $(base_libs)
tests_fuzz_fuzz_frame_LDADD = $(fuzz_main) libproto.a $(base_libs)
tests_fuzz_fuzz_greeting_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS)
tests_fuzz_fuzz_greeting_LDADD = $(fuzz_main) $(client_libs)
tests_fuzz_fuzz_handshake_LDADD = $(fuzz_main) $(proto_libs)
tests_fuzz_fuzz_identity_LDADD = $(fuzz_main) $(proto_libs)
tests_fuzz_fuzz_line_LDADD = $(fuzz_main) libproto.a $(base_libs)
tests_fuzz_fuzz_link_LDADD = $(fuzz_main) $(client_libs)
tests_fuzz_fuzz_names_LDADD = $(fuzz_main) $(base_libs)
tests_fuzz_fuzz_outbox_LDADD = $(fuzz_main) $(client_libs)
tests_fuzz_fuzz_proxy_LDADD = $(fuzz_main) libproto.a $(base_libs)
tests_fuzz_fuzz_redis_resp_CFLAGS = $(AM_CFLAGS) $(HIREDIS_CFLAGS)
tests_fuzz_fuzz_redis_resp_LDADD = $(fuzz_main) $(server_libs)
tests_fuzz_fuzz_relay_LDADD = $(fuzz_main) $(server_libs)
tests_fuzz_fuzz_rights_LDADD = $(fuzz_main) $(server_libs)
tests_fuzz_fuzz_state_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS)
tests_fuzz_fuzz_state_LDADD = $(fuzz_main) $(server_libs)
tests_fuzz_fuzz_text_LDADD = $(fuzz_main) $(base_libs)
tests_fuzz_fuzz_trust_LDADD = $(fuzz_main) $(client_libs)
tests_fuzz_fuzz_url_LDADD = $(fuzz_main) $(server_libs)

check_PROGRAMS += $(fuzz_programs)
EXTRA_DIST += scripts/fuzz tests/fuzz/corpus tests/fuzz/dict tests/fuzz/dice.h tests/fuzz/fuzz.h
if FUZZERS
# libFuzzer brings its own main; scripts/fuzz builds and runs these.
fuzz_main = $(FUZZ_MAIN)
else
# Elsewhere the kept corpus is replayed.
check_LIBRARIES += tests/fuzz/libreplay.a
tests_fuzz_libreplay_a_SOURCES = tests/fuzz/replay.c
fuzz_main = tests/fuzz/libreplay.a
TESTS += $(fuzz_programs)
endif

fuzzers: $(fuzz_programs)
list-fuzzers:
	@printf '%s\n' $(fuzz_programs)
.PHONY: fuzzers list-fuzzers
