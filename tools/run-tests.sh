#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every test: unit and system tests of the release build, the same under
# AddressSanitizer and UBSan, unit tests under ThreadSanitizer, fuzz smoke runs.
# Ends with "N passed, N failed".
# Arguments pick parts: unit, system, asan, tsan, fuzz (all by default).
# HEARTH_FUZZ_SECONDS: length of each fuzz run (10).
set -eu
cd "$(dirname "$0")/.."
parts=${*:-unit system asan tsan fuzz}
passed=0
failed=0
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

build() { # build PRESET
	cmake --preset "$1" -DHEARTH_TESTS=ON >/dev/null
	cmake --build --preset "$1" -- --quiet
}

count() { # count PASSED FAILED
	passed=$((passed + $1))
	failed=$((failed + $2))
}

sum() { # sum PATTERN FILE: adds up the numbers that sed takes out
	sed -n "s/$1/\1/p" "$2" | awk '{ n += $1 } END { print n + 0 }'
}

# --- unit tests: one cmocka program per floor ---------------------------------

unit() { # unit PRESET [FLOOR]...: all floors by default
	preset=$1
	shift
	build "$preset"
	[ $# -gt 0 ] || set -- base net proc store core coordinator worker service
	for floor in "$@"; do
		program=build/$preset/tests/unit-$floor
		log=$logs/unit-$floor.$preset
		echo "== $preset: unit-$floor"
		status=0
		timeout 600 "$program" >"$log" 2>&1 || status=$?
		good=$(sum '.*\[  PASSED  \] \([0-9]*\) test(s).*' "$log")
		bad=$(sum '.*\[  FAILED  \] \([0-9]*\) test(s).*' "$log")
		[ "$status" = 0 ] || [ "$bad" != 0 ] || bad=1
		[ "$bad" = 0 ] || grep -v '^\[ *\(RUN\|OK\) *\]' "$log" | tail -40
		count "$good" "$bad"
	done
}

# --- system tests: the real programs, driven from TypeScript -------------------

system() { # system PRESET
	build "$1"
	if [ ! -d tests/node_modules ] ||
		[ tests/package-lock.json -nt tests/node_modules ]; then
		(cd tests && npm ci --silent --no-audit --no-fund)
	fi
	(cd tests && node_modules/.bin/tsc -p .)
	echo '{"type":"module"}' >build/tests-js/package.json
	log=$logs/system.$1
	echo "== $1: system tests"
	HEARTH_BUILD=$PWD/build/$1 timeout 1500 node --test \
		--test-concurrency=1 build/tests-js/system/*.test.js \
		>"$log" 2>&1 || true
	good=$(sum '^[#ℹ] pass \([0-9]*\)$' "$log")
	bad=$(sum '^[#ℹ] fail \([0-9]*\)$' "$log")
	[ "$((good + bad))" != 0 ] || bad=1
	[ "$bad" = 0 ] || { grep -A25 -E '^ *(not ok|✖)' "$log" || tail -60 "$log"; } | head -150
	count "$good" "$bad"
}

# --- fuzzing: a short run of each target over its corpus -----------------------

fuzz() {
	build fuzz
	for program in build/fuzz/tests/fuzz_*; do
		[ -x "$program" ] && [ -f "$program" ] || continue
		name=$(basename "$program")
		corpus=tests/fuzz/corpus/${name#fuzz_}
		work=$(mktemp -d)
		echo "== fuzz: $name"
		if "$program" -max_total_time="${HEARTH_FUZZ_SECONDS:-10}" \
			-timeout=10 -rss_limit_mb=2048 -artifact_prefix="$logs/" \
			"$work" $([ -d "$corpus" ] && echo "$corpus") >"$logs/$name" 2>&1; then
			count 1 0
		else
			tail -30 "$logs/$name"
			count 0 1
		fi
		rm -rf "$work"
	done
}

tools/install-deps.sh build run test check
for part in $parts; do
	case $part in
	unit) unit release ;;
	system) system release ;;
	asan)
		unit asan
		system asan
		;;
	tsan) # a cell leaves that sanitizer no room to work in
		unit tsan base net store core coordinator worker ;;
	fuzz) fuzz ;;
	*)
		echo "run-tests: no part '$part': unit, system, asan, tsan, fuzz" >&2
		exit 2
		;;
	esac
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
