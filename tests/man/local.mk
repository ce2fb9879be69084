# The tables of the programs beside the pages of the manual.
