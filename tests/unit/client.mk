# The client's modules, one cmocka program each.
