# What breaks, and what must not: a fleet, its faults and its records.
fault_tests = \
	tests/fault/test_bytes.py \
	tests/fault/test_crash.py \
	tests/fault/test_data.py \
	tests/fault/test_flood.py \
	tests/fault/test_history.py \
	tests/fault/test_links.py \
	tests/fault/test_masters.py \
	tests/fault/test_mix.py \
	tests/fault/test_readers.py \
	tests/fault/test_restart.py \
	tests/fault/test_rights.py
TESTS += $(fault_tests)
dist_check_SCRIPTS += $(fault_tests)
EXTRA_DIST += \
	tests/fault/RESULTS.md \
	tests/fault/client.py \
	tests/fault/faults.py \
	tests/fault/figures.py \
	tests/fault/fleet.py \
	tests/fault/history.py \
	tests/fault/proxy.py \
	tests/fault/reactor.py
check_PROGRAMS += tests/fault/flood
tests_fault_flood_SOURCES = tests/fault/flood.c
tests_fault_flood_LDADD = $(base_libs)
