# The server, one cmocka program per module; the relays have relay.mk.
if HAVE_CMOCKA
unit_server = \
	tests/unit/test_answer \
	tests/unit/test_audit \
	tests/unit/test_auth \
	tests/unit/test_command \
	tests/unit/test_command_secure \
	tests/unit/test_config \
	tests/unit/test_deny \
	tests/unit/test_deeds \
	tests/unit/test_expel \
	tests/unit/test_history \
	tests/unit/test_index \
	tests/unit/test_keys \
	tests/unit/test_limit \
	tests/unit/test_oper \
	tests/unit/test_penalty \
	tests/unit/test_render \
	tests/unit/test_room \
	tests/unit/test_sandbox \
	tests/unit/test_secure \
	tests/unit/test_session \
	tests/unit/test_session_secure \
	tests/unit/test_sockets \
	tests/unit/test_shared \
	tests/unit/test_stranger \
	tests/unit/test_user
check_PROGRAMS += $(unit_server)
TESTS += $(unit_server)
unit_server_ldadd = $(server_libs) $(CMOCKA_LIBS)
unit_server_rig = tests/unit/unit.h \
	tests/unit/rig.c tests/unit/rig.h \
	tests/unit/relay_held.c tests/unit/relay_held.h

tests_unit_test_answer_SOURCES = tests/unit/test_answer.c tests/unit/unit.h
tests_unit_test_answer_LDADD = $(unit_server_ldadd)
tests_unit_test_audit_SOURCES = tests/unit/test_audit.c tests/unit/unit.h
tests_unit_test_audit_LDADD = $(unit_server_ldadd)
tests_unit_test_auth_SOURCES = tests/unit/test_auth.c tests/unit/unit.h
tests_unit_test_auth_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS)
tests_unit_test_auth_LDADD = $(unit_server_ldadd)
tests_unit_test_command_SOURCES = tests/unit/test_command.c $(unit_server_rig)
tests_unit_test_command_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS)
tests_unit_test_command_LDADD = $(unit_server_ldadd)
tests_unit_test_command_secure_SOURCES = tests/unit/test_command.c $(unit_server_rig)
tests_unit_test_command_secure_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS) -DRIG_SECURE
tests_unit_test_command_secure_LDADD = $(unit_server_ldadd)
tests_unit_test_config_SOURCES = tests/unit/test_config.c tests/unit/unit.h
tests_unit_test_config_LDADD = $(unit_server_ldadd)
tests_unit_test_deny_SOURCES = tests/unit/test_deny.c tests/unit/unit.h
tests_unit_test_deny_LDADD = $(unit_server_ldadd)
tests_unit_test_deeds_SOURCES = tests/unit/test_deeds.c $(unit_server_rig)
tests_unit_test_deeds_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS)
tests_unit_test_deeds_LDADD = $(unit_server_ldadd)
tests_unit_test_expel_SOURCES = tests/unit/test_expel.c $(unit_server_rig)
tests_unit_test_expel_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS)
tests_unit_test_expel_LDADD = $(unit_server_ldadd)
tests_unit_test_history_SOURCES = tests/unit/test_history.c tests/unit/unit.h
tests_unit_test_history_LDADD = $(unit_server_ldadd)
tests_unit_test_keys_SOURCES = tests/unit/test_keys.c tests/unit/unit.h
tests_unit_test_keys_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS)
tests_unit_test_keys_LDADD = $(unit_server_ldadd)
tests_unit_test_index_SOURCES = tests/unit/test_index.c tests/unit/unit.h
tests_unit_test_index_LDADD = $(unit_server_ldadd)
tests_unit_test_limit_SOURCES = tests/unit/test_limit.c tests/unit/unit.h
tests_unit_test_limit_LDADD = $(unit_server_ldadd)
tests_unit_test_oper_SOURCES = tests/unit/test_oper.c $(unit_server_rig)
tests_unit_test_oper_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS)
tests_unit_test_oper_LDADD = $(unit_server_ldadd)
tests_unit_test_penalty_SOURCES = tests/unit/test_penalty.c tests/unit/unit.h
tests_unit_test_penalty_LDADD = $(unit_server_ldadd)
tests_unit_test_render_SOURCES = tests/unit/test_render.c tests/unit/unit.h
tests_unit_test_render_LDADD = $(unit_server_ldadd)
tests_unit_test_room_SOURCES = tests/unit/test_room.c tests/unit/unit.h
tests_unit_test_room_LDADD = $(unit_server_ldadd)
tests_unit_test_sandbox_SOURCES = tests/unit/test_sandbox.c tests/unit/unit.h
tests_unit_test_sandbox_LDADD = $(unit_server_ldadd)
tests_unit_test_secure_SOURCES = tests/unit/test_secure.c $(unit_server_rig)
tests_unit_test_secure_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS)
tests_unit_test_secure_LDADD = $(unit_server_ldadd)
tests_unit_test_sockets_SOURCES = tests/unit/test_sockets.c tests/unit/unit.h
tests_unit_test_sockets_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS)
tests_unit_test_sockets_LDADD = $(unit_server_ldadd)
tests_unit_test_session_secure_SOURCES = tests/unit/test_session.c $(unit_server_rig)
tests_unit_test_session_secure_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS) -DRIG_SECURE
tests_unit_test_session_secure_LDADD = $(unit_server_ldadd)
tests_unit_test_session_SOURCES = tests/unit/test_session.c $(unit_server_rig)
tests_unit_test_session_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS)
tests_unit_test_session_LDADD = $(unit_server_ldadd)
tests_unit_test_shared_SOURCES = tests/unit/test_shared.c tests/unit/unit.h
tests_unit_test_shared_LDADD = $(unit_server_ldadd)
tests_unit_test_stranger_SOURCES = tests/unit/test_stranger.c tests/unit/unit.h
tests_unit_test_stranger_LDADD = $(unit_server_ldadd)
tests_unit_test_user_SOURCES = tests/unit/test_user.c tests/unit/unit.h
tests_unit_test_user_LDADD = $(unit_server_ldadd)
endif
