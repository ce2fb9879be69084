# One cmocka program per module.
if HAVE_CMOCKA
unit_ldadd = $(base_libs) $(CMOCKA_LIBS)
unit_base = \
	tests/unit/test_addr \
	tests/unit/test_buf \
	tests/unit/test_cidr \
	tests/unit/test_clock \
	tests/unit/test_codes \
	tests/unit/test_conf \
	tests/unit/test_frame \
	tests/unit/test_hostile \
	tests/unit/test_line \
	tests/unit/test_log \
	tests/unit/test_mem \
	tests/unit/test_msgid \
	tests/unit/test_names \
	tests/unit/test_pool \
	tests/unit/test_proxy \
	tests/unit/test_spares \
	tests/unit/test_text \
	tests/unit/test_unicode
check_PROGRAMS += $(unit_base)
TESTS += $(unit_base)

tests_unit_test_addr_SOURCES = tests/unit/test_addr.c tests/unit/unit.h
tests_unit_test_addr_LDADD = $(unit_ldadd)
tests_unit_test_buf_SOURCES = tests/unit/test_buf.c tests/unit/unit.h
tests_unit_test_buf_LDADD = $(unit_ldadd)
tests_unit_test_cidr_SOURCES = tests/unit/test_cidr.c tests/unit/unit.h
tests_unit_test_cidr_LDADD = $(unit_ldadd)
tests_unit_test_clock_SOURCES = tests/unit/test_clock.c tests/unit/unit.h
tests_unit_test_clock_LDADD = $(unit_ldadd)
tests_unit_test_codes_SOURCES = tests/unit/test_codes.c tests/unit/unit.h
tests_unit_test_codes_LDADD = libproto.a $(unit_ldadd)
tests_unit_test_conf_SOURCES = tests/unit/test_conf.c tests/unit/unit.h
tests_unit_test_conf_LDADD = $(unit_ldadd)
tests_unit_test_frame_SOURCES = tests/unit/test_frame.c tests/unit/unit.h
tests_unit_test_frame_LDADD = libproto.a $(unit_ldadd)
tests_unit_test_hostile_SOURCES = tests/unit/test_hostile.c tests/unit/unit.h \
	tests/unit/testdata.c tests/unit/testdata.h
tests_unit_test_hostile_LDADD = libproto.a $(unit_ldadd)
tests_unit_test_line_SOURCES = tests/unit/test_line.c tests/unit/unit.h
tests_unit_test_line_LDADD = libproto.a $(unit_ldadd)
tests_unit_test_log_SOURCES = tests/unit/test_log.c tests/unit/unit.h
tests_unit_test_log_LDADD = $(unit_ldadd)
tests_unit_test_mem_SOURCES = tests/unit/test_mem.c tests/unit/unit.h
tests_unit_test_mem_LDADD = $(unit_ldadd)
tests_unit_test_msgid_SOURCES = tests/unit/test_msgid.c tests/unit/unit.h
tests_unit_test_msgid_LDADD = libproto.a $(unit_ldadd)
tests_unit_test_names_SOURCES = tests/unit/test_names.c tests/unit/unit.h
tests_unit_test_names_LDADD = $(unit_ldadd)
tests_unit_test_pool_SOURCES = tests/unit/test_pool.c tests/unit/unit.h
tests_unit_test_pool_LDADD = $(unit_ldadd)
tests_unit_test_proxy_SOURCES = tests/unit/test_proxy.c tests/unit/unit.h
tests_unit_test_proxy_LDADD = libproto.a $(unit_ldadd)
tests_unit_test_spares_SOURCES = tests/unit/test_spares.c tests/unit/unit.h
tests_unit_test_spares_LDADD = $(unit_ldadd)
tests_unit_test_text_SOURCES = tests/unit/test_text.c tests/unit/unit.h
tests_unit_test_text_LDADD = $(unit_ldadd)
tests_unit_test_unicode_SOURCES = tests/unit/test_unicode.c tests/unit/unit.h \
	tests/unit/testdata.c tests/unit/testdata.h
tests_unit_test_unicode_LDADD = libproto.a $(unit_ldadd)
endif
