#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Every C file looks as clang-format with the tree's .clang-format leaves it.
. "${SNUG_SRCDIR:-$(dirname "$0")/../..}/tests/lint/tap.sh"
needs clang-format clang-format

formatted() {
	clang-format "$1" | diff -u "$1" - | head -n 40
	return "${PIPESTATUS[1]}"
}

mapfile -t files < <(tree_files '*.c' '*.h')
for f in "${files[@]}"; do
	ok "$f is formatted" formatted "$f"
done
done_testing
