# Redis: the parts of the link, the link and the relay over it.
if HAVE_CMOCKA
unit_redis = \
	tests/unit/test_redis_link \
	tests/unit/test_redis_refusals \
	tests/unit/test_redis_resp \
	tests/unit/test_redis_url \
	tests/unit/test_relay_codec \
	tests/unit/test_relay_redis
check_PROGRAMS += $(unit_redis)
TESTS += $(unit_redis)

tests_unit_test_redis_link_SOURCES = tests/unit/test_redis_link.c \
	tests/unit/redis_proxy.c tests/unit/redis_proxy.h \
	tests/unit/redis_server.c tests/unit/redis_server.h tests/unit/unit.h
tests_unit_test_redis_link_CFLAGS = $(AM_CFLAGS) $(HIREDIS_CFLAGS)
tests_unit_test_redis_link_LDADD = $(unit_relay_ldadd)
tests_unit_test_redis_refusals_SOURCES = tests/unit/test_redis_refusals.c \
	tests/unit/redis_server.c tests/unit/redis_server.h \
	tests/unit/relay_harness.c tests/unit/relay_harness.h tests/unit/unit.h
tests_unit_test_redis_refusals_CFLAGS = $(AM_CFLAGS) $(HIREDIS_CFLAGS)
tests_unit_test_redis_refusals_LDADD = $(unit_relay_ldadd)
tests_unit_test_redis_resp_SOURCES = tests/unit/test_redis_resp.c tests/unit/unit.h
tests_unit_test_redis_resp_CFLAGS = $(AM_CFLAGS) $(HIREDIS_CFLAGS)
tests_unit_test_redis_resp_LDADD = $(unit_relay_ldadd)
tests_unit_test_redis_url_SOURCES = tests/unit/test_redis_url.c tests/unit/unit.h
tests_unit_test_redis_url_LDADD = $(unit_relay_ldadd)
tests_unit_test_relay_codec_SOURCES = tests/unit/test_relay_codec.c tests/unit/unit.h
tests_unit_test_relay_codec_LDADD = $(unit_relay_ldadd)
tests_unit_test_relay_redis_SOURCES = tests/unit/test_relay_redis.c \
	tests/unit/redis_proxy.c tests/unit/redis_proxy.h \
	tests/unit/redis_server.c tests/unit/redis_server.h \
	tests/unit/relay_harness.c tests/unit/relay_harness.h tests/unit/unit.h
tests_unit_test_relay_redis_CFLAGS = $(AM_CFLAGS) $(HIREDIS_CFLAGS)
tests_unit_test_relay_redis_LDADD = $(unit_relay_ldadd)
endif
