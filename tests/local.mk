# Unit tests, end-to-end tests, fuzzers and the bench.
include tests/unit/local.mk
