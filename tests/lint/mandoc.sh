#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# The manual is well-formed: mandoc -Tlint, warnings and up, has nothing to say,
# and each sentence has a line of its own.
. "${SNUG_SRCDIR:-$(dirname "$0")/../..}/tests/lint/tap.sh"
needs mandoc mandoc

lint() {
	local said
	said=$(mandoc -Tlint -Wwarning "$1" 2>&1)
	printf '%s\n' "$said"
	[ -z "$said" ]
}

# A full stop and a capital in the same line of text, outside of displays.
a_sentence_a_line() {
	! awk '/^\.Bd/ { literal = 1 } /^\.Ed/ { literal = 0 }
		!literal && /[a-z)]\. +[A-Z]/ { print FILENAME ":" FNR ": " $0; bad = 1 }
		END { exit !bad }' "$1"
}

mapfile -t pages < <(tree_files 'man/*.[1-8]')
for page in "${pages[@]}"; do
	ok "$page is well-formed" lint "$page"
	ok "$page has a sentence a line" a_sentence_a_line "$page"
done
done_testing
