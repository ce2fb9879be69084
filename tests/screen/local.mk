# Screens: snug in a pseudo-terminal whose other end is libvterm.
screen_tests = \
	tests/screen/accounts.py \
	tests/screen/delivery.py \
	tests/screen/history.py \
	tests/screen/hostile.py \
	tests/screen/manual.py \
	tests/screen/outbox.py \
	tests/screen/pipes.py \
	tests/screen/redis.py \
	tests/screen/rights.py \
	tests/screen/secure.py \
	tests/screen/size.py \
	tests/screen/talk.py \
	tests/screen/terminal.py
EXTRA_DIST += $(screen_tests) tests/screen/pins.py tests/screen/stage.py \
	tests/screen/vt.py
if HAVE_VTERM
check_PROGRAMS += tests/screen/vtrun
tests_screen_vtrun_SOURCES = tests/screen/vtrun.c
tests_screen_vtrun_CFLAGS = $(AM_CFLAGS) $(VTERM_CFLAGS)
tests_screen_vtrun_LDADD = $(base_libs) $(VTERM_LIBS) -lutil
TESTS += $(screen_tests)
endif
