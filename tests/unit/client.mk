# The client's modules, one cmocka program each.
if HAVE_CMOCKA
client_unit = \
	tests/unit/test_client_ask \
	tests/unit/test_client_buffer \
	tests/unit/test_client_command \
	tests/unit/test_client_complete \
	tests/unit/test_client_edit \
	tests/unit/test_client_hostile \
	tests/unit/test_client_layout \
	tests/unit/test_client_link \
	tests/unit/test_client_model \
	tests/unit/test_client_outbox \
	tests/unit/test_client_safe \
	tests/unit/test_client_secure \
	tests/unit/test_client_trust
check_PROGRAMS += $(client_unit)
TESTS += $(client_unit)
client_unit_ldadd = $(client_libs) $(CMOCKA_LIBS)

tests_unit_test_client_buffer_SOURCES = tests/unit/test_client_buffer.c tests/unit/unit.h
tests_unit_test_client_buffer_LDADD = $(client_unit_ldadd)
tests_unit_test_client_command_SOURCES = tests/unit/test_client_command.c tests/unit/unit.h
tests_unit_test_client_command_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS)
tests_unit_test_client_command_LDADD = $(client_unit_ldadd)
tests_unit_test_client_complete_SOURCES = tests/unit/test_client_complete.c tests/unit/unit.h
tests_unit_test_client_complete_LDADD = $(client_unit_ldadd)
tests_unit_test_client_edit_SOURCES = tests/unit/test_client_edit.c tests/unit/unit.h
tests_unit_test_client_edit_LDADD = $(client_unit_ldadd)
tests_unit_test_client_hostile_SOURCES = tests/unit/test_client_hostile.c \
	tests/unit/sound.c tests/unit/sound.h tests/unit/testdata.c \
	tests/unit/testdata.h tests/unit/unit.h
tests_unit_test_client_hostile_LDADD = $(client_unit_ldadd)
tests_unit_test_client_layout_SOURCES = tests/unit/test_client_layout.c tests/unit/unit.h
tests_unit_test_client_layout_LDADD = $(client_unit_ldadd)
tests_unit_test_client_model_SOURCES = tests/unit/test_client_model.c tests/unit/unit.h
tests_unit_test_client_model_LDADD = $(client_unit_ldadd)
tests_unit_test_client_outbox_SOURCES = tests/unit/test_client_outbox.c tests/unit/unit.h
tests_unit_test_client_outbox_LDADD = $(client_unit_ldadd)
tests_unit_test_client_safe_SOURCES = tests/unit/test_client_safe.c \
	tests/unit/sound.c tests/unit/sound.h tests/unit/unit.h
tests_unit_test_client_safe_LDADD = $(client_unit_ldadd)
tests_unit_test_client_ask_SOURCES = tests/unit/test_client_ask.c tests/unit/unit.h
tests_unit_test_client_ask_LDADD = $(client_unit_ldadd)
tests_unit_test_client_link_SOURCES = tests/unit/test_client_link.c tests/unit/unit.h
tests_unit_test_client_link_LDADD = $(client_unit_ldadd)
tests_unit_test_client_secure_SOURCES = tests/unit/test_client_secure.c tests/unit/unit.h
tests_unit_test_client_secure_LDADD = $(client_unit_ldadd)
tests_unit_test_client_trust_SOURCES = tests/unit/test_client_trust.c tests/unit/unit.h
tests_unit_test_client_trust_LDADD = $(client_unit_ldadd)
endif
