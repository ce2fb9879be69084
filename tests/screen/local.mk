# Screens: snug in a pseudo-terminal whose other end is libvterm.
if HAVE_VTERM
check_PROGRAMS += tests/screen/vtrun
tests_screen_vtrun_SOURCES = tests/screen/vtrun.c
tests_screen_vtrun_CFLAGS = $(AM_CFLAGS) $(VTERM_CFLAGS)
tests_screen_vtrun_LDADD = $(base_libs) $(VTERM_LIBS) -lutil
endif
EXTRA_DIST += tests/screen/vt.py
