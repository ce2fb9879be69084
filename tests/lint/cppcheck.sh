#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# cppcheck has nothing to say about the programs.
. "${SNUG_SRCDIR:-$(dirname "$0")/../..}/tests/lint/tap.sh"
needs cppcheck cppcheck

# The one system header whose macros stand where cppcheck wants declarations.
queue_h=$(echo '#include <sys/queue.h>' | ${CC:-cc} -E - |
	sed -n 's/^# [0-9]* "\(.*queue\.h\)".*/\1/p' | head -n 1)

check() {
	cppcheck -q -j 2 --std=c11 --error-exitcode=1 --inline-suppr \
		--enable=warning,performance,portability \
		--suppress=missingIncludeSystem --suppress=unknownMacro \
		--include="$queue_h" -I. -D_GNU_SOURCE -D__linux__ "$@"
}

for area in base proto server client; do
	mapfile -t files < <(tree_files "$area/*.c")
	[ "${#files[@]}" -eq 0 ] || ok "cppcheck is content with $area" check "${files[@]}"
done
done_testing
