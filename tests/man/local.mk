# The tables of the programs beside the pages of the manual.
man_tests = tests/man/test_tables.py
TESTS += $(man_tests)
dist_check_SCRIPTS += $(man_tests)
