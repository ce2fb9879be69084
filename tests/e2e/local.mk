# Real programs on private ports; one topic a file.
e2e_tests = \
	tests/e2e/test_accounts.py \
	tests/e2e/test_audit.py \
	tests/e2e/test_cli.py \
	tests/e2e/test_config.py \
	tests/e2e/test_fleet.py \
	tests/e2e/test_framing.py \
	tests/e2e/test_gate.py \
	tests/e2e/test_grammar.py \
	tests/e2e/test_history.py \
	tests/e2e/test_hostile.py \
	tests/e2e/test_limits.py \
	tests/e2e/test_listen.py \
	tests/e2e/test_matrix.py \
	tests/e2e/test_oper.py \
	tests/e2e/test_order.py \
	tests/e2e/test_people.py \
	tests/e2e/test_redis_away.py \
	tests/e2e/test_reload.py \
	tests/e2e/test_resume.py \
	tests/e2e/test_rights.py \
	tests/e2e/test_rooms.py \
	tests/e2e/test_sandbox.py \
	tests/e2e/test_secure.py \
	tests/e2e/test_talk.py \
	tests/e2e/test_workers.py
TESTS += $(e2e_tests)
dist_check_SCRIPTS += $(e2e_tests)
EXTRA_DIST += tests/e2e/snugtest.py
