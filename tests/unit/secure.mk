# Secure sessions and identities: one cmocka program per module.
EXTRA_DIST += tests/unit/noise-own.json
if HAVE_CMOCKA
unit_secure = \
	tests/unit/test_channel \
	tests/unit/test_identity \
	tests/unit/test_noise
check_PROGRAMS += $(unit_secure)
TESTS += $(unit_secure)

secure_ldadd = $(proto_libs) $(CMOCKA_LIBS)
tests_unit_test_channel_SOURCES = tests/unit/test_channel.c tests/unit/unit.h
tests_unit_test_channel_LDADD = $(secure_ldadd)
tests_unit_test_identity_SOURCES = tests/unit/test_identity.c tests/unit/unit.h
tests_unit_test_identity_LDADD = $(secure_ldadd)
tests_unit_test_noise_SOURCES = tests/unit/test_noise.c tests/unit/unit.h \
	tests/unit/testdata.c tests/unit/testdata.h
tests_unit_test_noise_LDADD = $(secure_ldadd)
endif
