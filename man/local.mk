# The manual.
dist_man_MANS += man/snugd.8 man/snugd.conf.5 man/snug.7
