#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# The tree as a whole: nothing in it names a path of the machine it was written
# on, every source says its licence, and nothing is left to be done later.
. "${SNUG_SRCDIR:-$(dirname "$0")/../..}/tests/lint/tap.sh"

mapfile -t files < <(tree_files '*' | grep -vE '^(tests/fuzz/corpus/|LICENSE$)')

# The words are taken apart here, so that this file may hold them.
names_no_machine() {
	! grep -nIE '(^|[^[:alnum:].])/(wor''k|ro''ot|ho''me)/[[:alnum:].]' "${files[@]}" &&
		! grep -nIE '/t''mp/w''/' "${files[@]}"
}

says_its_licence() {
	local f bad=0
	for f in "${files[@]}"; do
		case $f in
		*.[ch] | *.py | *.sh | scripts/* | .ci/run)
			if ! head -n 3 "$f" | grep -q 'SPDX-License-Identifier: ISC'; then
				printf '%s\n' "$f"
				bad=1
			fi
			;;
		esac
	done
	return "$bad"
}

leaves_nothing_for_later() {
	! grep -nIE '\b(TO''DO|FIX''ME|X''XX)\b' "${files[@]}"
}

ok 'no file names a path of a machine' names_no_machine
ok 'every source says its licence' says_its_licence
ok 'nothing is left for later' leaves_nothing_for_later
done_testing
