#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# cppcheck has nothing to say about the programs.
. "${SNUG_SRCDIR:-$(dirname "$0")/../..}/tests/lint/tap.sh"
needs cppcheck cppcheck

# header NAME: where the compiler finds it.  These two are macros that stand
# where cppcheck wants declarations and assignments.
header() {
	echo "#include <$1>" | ${CC:-cc} -E - |
		sed -n "s|^# [0-9]* \"\(.*/$1\)\".*|\1|p" | head -n 1
}
queue_h=$(header sys/queue.h)
uthash_h=$(header uthash.h)

check() {
	cppcheck -q -j 2 --std=c11 --error-exitcode=1 --inline-suppr \
		--enable=warning,performance,portability \
		--suppress=missingIncludeSystem --suppress=unknownMacro \
		--include="$queue_h" --include="$uthash_h" \
		-I. -D_GNU_SOURCE -D__linux__ "$@"
}

for area in base proto server client; do
	mapfile -t files < <(tree_files "$area/*.c")
	[ "${#files[@]}" -eq 0 ] || ok "cppcheck is content with $area" check "${files[@]}"
done
done_testing
