#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Static checks: format, layers, headers alone, both compilers, cppcheck,
# clang-tidy, hardening, house rules, manual pages. Prints what is wrong; exit 1 if anything.
set -eu
cd "$(dirname "$0")/.."
tools/install-deps.sh build test check
bad=0
step() { printf '== %s\n' "$1"; }
fail() { printf 'FAILED: %s\n' "$1"; bad=1; }
sources=$(git ls-files '*.c' '*.h')

step "format (clang-format 14)"
if command -v clang-format-14 >/dev/null; then
	# shellcheck disable=SC2086
	clang-format-14 --dry-run --Werror $sources || fail "format"
else
	echo "clang-format 14 is not packaged for this release: not checked"
fi

step "layers"
node tools/check-layers.mjs || fail "layers"

step "house rules"
if git grep -nE 'llhttp_set_lenient' -- src; then fail "a lenient flag of llhttp"; fi
awk 'FNR == 1 { if (n > 800) { print n, f; b = 1 } n = 0; f = FILENAME } { n++ } END { exit b }' \
	$(git ls-files 'src/*.c') || fail "a file over 800 lines"
node tools/check-functions.mjs || fail "a function over 80 lines"

for cc in gcc clang; do
	step "build with $cc, warnings are errors"
	preset=release
	[ $cc = gcc ] || preset=clang
	cmake --preset $preset -DHEARTH_TESTS=ON -DHEARTH_BENCH=ON >/dev/null
	cmake --build --preset $preset -- --quiet || fail "build with $cc"
done

step "asserts and hardening in the release build"
for program in hearth hearth-service; do
	nm -D build/release/$program | grep -q __assert_fail || fail "$program: asserts are off"
	readelf -lW build/release/$program | grep -q 'GNU_RELRO' || fail "$program: no RELRO"
	readelf -dW build/release/$program | grep -q 'BIND_NOW\|NOW' || fail "$program: lazy binding"
	readelf -hW build/release/$program | grep -q 'DYN' || fail "$program: not PIE"
done

step "manual pages"
tools/check-man.sh || fail "manual pages"

step "clang-tidy 14"
if command -v clang-tidy-14 >/dev/null; then
	git ls-files 'src/*.c' | xargs -P "$(nproc)" -n 4 clang-tidy-14 -p build/clang --quiet \
		2>/dev/null || fail "clang-tidy"
else
	echo "clang-tidy 14 is not packaged for this release: not checked"
fi

step "cppcheck"
cppcheck --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
	--std=c11 -q -Isrc --suppressions-list=tools/cppcheck.supp src || fail "cppcheck"

[ "$bad" = 0 ] && echo "all checks passed"
exit $bad
