# One cmocka program per module.
