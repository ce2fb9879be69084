# Another implementation of secure sessions, in Python alone, written from the
# manual; and what it has to say to snugd.
interop_tests = \
	tests/interop/test_interop.py \
	tests/interop/test_mitm.py \
	tests/interop/test_primitives.py
TESTS += $(interop_tests)
dist_check_SCRIPTS += $(interop_tests)
EXTRA_DIST += tests/interop/primitives.py tests/interop/session.py
