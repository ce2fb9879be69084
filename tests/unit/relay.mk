# The relay: one set of contract tests over the back ends, and what is special
# to each.
if HAVE_CMOCKA
unit_relay = \
	tests/unit/test_relay \
	tests/unit/test_relay_account \
	tests/unit/test_relay_contract \
	tests/unit/test_relay_local \
	tests/unit/test_relay_rights \
	tests/unit/test_rights \
	tests/unit/test_ring \
	tests/unit/test_shelf
check_PROGRAMS += $(unit_relay)
TESTS += $(unit_relay)
unit_relay_ldadd = libserver.a libproto.a $(base_libs) \
	$(LIBEVENT_LIBS) $(HIREDIS_LIBS) $(SODIUM_LIBS) $(CMOCKA_LIBS)
unit_contract = tests/unit/unit.h \
	tests/unit/contract.c tests/unit/contract.h \
	tests/unit/redis_server.c tests/unit/redis_server.h \
	tests/unit/relay_backend_local.c tests/unit/relay_backend_redis.c \
	tests/unit/relay_harness.c tests/unit/relay_harness.h

tests_unit_test_relay_SOURCES = tests/unit/test_relay.c tests/unit/unit.h
tests_unit_test_relay_LDADD = $(unit_relay_ldadd)
tests_unit_test_relay_account_SOURCES = \
	tests/unit/test_relay_account.c $(unit_contract)
tests_unit_test_relay_account_CFLAGS = $(AM_CFLAGS) $(HIREDIS_CFLAGS)
tests_unit_test_relay_account_LDADD = $(unit_relay_ldadd)
tests_unit_test_relay_contract_SOURCES = \
	tests/unit/test_relay_contract.c $(unit_contract)
tests_unit_test_relay_contract_CFLAGS = $(AM_CFLAGS) $(HIREDIS_CFLAGS)
tests_unit_test_relay_contract_LDADD = $(unit_relay_ldadd)
tests_unit_test_relay_local_SOURCES = tests/unit/test_relay_local.c
tests_unit_test_relay_local_LDADD = $(unit_relay_ldadd)
tests_unit_test_relay_rights_SOURCES = \
	tests/unit/test_relay_rights.c $(unit_contract)
tests_unit_test_relay_rights_CFLAGS = $(AM_CFLAGS) $(HIREDIS_CFLAGS)
tests_unit_test_relay_rights_LDADD = $(unit_relay_ldadd)
tests_unit_test_rights_SOURCES = tests/unit/test_rights.c tests/unit/unit.h
tests_unit_test_rights_LDADD = $(unit_relay_ldadd)
tests_unit_test_shelf_SOURCES = tests/unit/test_shelf.c tests/unit/unit.h
tests_unit_test_shelf_LDADD = $(unit_relay_ldadd)
tests_unit_test_ring_SOURCES = tests/unit/test_ring.c tests/unit/unit.h
tests_unit_test_ring_LDADD = $(unit_relay_ldadd)
endif
