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

# The files of the project: what git tracks or, from a tarball, what is there.
tree_files() {
	if [ -e .git ] && command -v git >/dev/null; then
		git ls-files -- "$@"
	else
		(
			shopt -s globstar nullglob
			# The patterns are meant to be expanded here.
			# shellcheck disable=SC2068
			for f in $@ ${@/#/**/}; do
				[ ! -f "$f" ] || printf '%s\n' "$f"
			done
		) | grep -vE '^_?(build|inst)' | sort -u
	fi
}
