# For packagers and operators.
completionsdir = $(datadir)/bash-completion/completions
dist_completions_DATA = contrib/completion/snugd
EXTRA_DIST += contrib/snugd.conf contrib/snugd.service contrib/Containerfile
