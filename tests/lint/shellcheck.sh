#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Every shell script of the tree is to the liking of shellcheck.
. "${SNUG_SRCDIR:-$(dirname "$0")/../..}/tests/lint/tap.sh"
needs shellcheck shellcheck

mapfile -t files < <(
	tree_files '.ci/*' 'scripts/*' 'tests/*' 'contrib/*' | while read -r f; do
		case $f in
		*.sh | contrib/completion/*) printf '%s\n' "$f" ;;
		*) ! head -n 1 "$f" | grep -aqE '^#!.*\b(ba)?sh\b' || printf '%s\n' "$f" ;;
		esac
	done
)
for f in "${files[@]}"; do
	ok "$f" shellcheck -x -e SC1091 "$f"
done
done_testing
