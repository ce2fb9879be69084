# The manual.
dist_man_MANS += man/snugd.8 man/snugd.conf.5 man/snug.7 \
	man/snug.1 man/snug.conf.5
