# One cmocka program per module.
if HAVE_CMOCKA
unit_ldadd = $(base_libs) $(CMOCKA_LIBS)
unit_base = \
	tests/unit/test_buf \
	tests/unit/test_frame
check_PROGRAMS += $(unit_base)
TESTS += $(unit_base)

tests_unit_test_buf_SOURCES = tests/unit/test_buf.c tests/unit/unit.h
tests_unit_test_buf_LDADD = $(unit_ldadd)
tests_unit_test_frame_SOURCES = tests/unit/test_frame.c tests/unit/unit.h
tests_unit_test_frame_LDADD = libproto.a $(unit_ldadd)
endif
