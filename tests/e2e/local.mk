# Real programs on private ports; one topic a file.
