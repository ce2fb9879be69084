# Unit tests, end-to-end tests, fuzzers and the bench.
include tests/unit/local.mk
include tests/e2e/local.mk
include tests/interop/local.mk
include tests/fault/local.mk
include tests/man/local.mk
include tests/lint/local.mk
include tests/screen/local.mk
include tests/unit/client.mk
include tests/unit/relay.mk
include tests/unit/secure.mk
include tests/unit/redis.mk
include tests/unit/server.mk
include tests/bench/local.mk
include tests/fuzz/local.mk
