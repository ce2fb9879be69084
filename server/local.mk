# snugd: main.c and an archive, so that tests link all but main.
