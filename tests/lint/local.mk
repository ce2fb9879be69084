# What the tree is held to besides being right.
lint_tests = \
	tests/lint/format.sh \
	tests/lint/cppcheck.sh \
	tests/lint/shellcheck.sh \
	tests/lint/mandoc.sh \
	tests/lint/tree.sh
TESTS += $(lint_tests)
dist_check_SCRIPTS += $(lint_tests)

EXTRA_DIST += tests/lint/tap.sh
