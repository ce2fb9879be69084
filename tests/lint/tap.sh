# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# Test Anything Protocol for the shell tests, and the list of the tree's files.
set -u
srcdir=${SNUG_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
cd "$srcdir" || exit 99
tap_n=0

# ok NAME COMMAND...: a test; what the command printed is shown if it fails.
ok() {
	local name=$1 out
	shift
	tap_n=$((tap_n + 1))
	if out=$("$@" 2>&1); then
		printf 'ok %d - %s\n' "$tap_n" "$name"
	else
		printf 'not ok %d - %s\n' "$tap_n" "$name"
		printf '# %s\n' "${out//$'\n'/$'\n'# }"
	fi
}

done_testing() {
	printf '1..%d\n' "$tap_n"
}

# needs PROGRAM PACKAGE: the whole file is skipped without it.
needs() {
	command -v "$1" >/dev/null && return
	printf '1..0 # SKIP no %s; on Debian: apt install %s\n' "$1" "$2"
	exit 0
}

# tree_files PATTERN...: the files of the project whose path matches, as git
# tracks them or, in a tarball, as they lie in its folders.
tree_files() {
	local f pattern
	if [ -e .git ] && command -v git >/dev/null; then
		git ls-files
	else
		find base client contrib m4 man proto scripts server tests -type f
		find . -maxdepth 1 -name '[A-Z]*' -type f -printf '%f\n'
	fi | sort -u | while read -r f; do
		for pattern in "$@"; do
			# shellcheck disable=SC2053
			[[ $f != $pattern ]] || printf '%s\n' "$f"
		done
	done
}
