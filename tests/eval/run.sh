#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Sends the evaluation sets through the running services and prints the scores.
# HEARTH_EVAL_SETS: the folder with ocr/, docs/, nasty/ and scorers/
# (default: shared/eval beside the checkout). Results: build/eval/*.jsonl.
# Arguments pick sets: ocr, docs, nasty (all by default).
set -eu
cd "$(dirname "$0")/../.."
sets=${HEARTH_EVAL_SETS:-../shared/eval}
[ -d "$sets/scorers" ] || {
	echo "eval: no evaluation sets at '$sets'; name their folder with HEARTH_EVAL_SETS" >&2
	exit 1
}
tools/install-deps.sh build run test
cmake --preset release >/dev/null
cmake --build --preset release -- --quiet
[ -d tests/node_modules ] || (cd tests && npm ci --silent --no-audit --no-fund)
(cd tests && node_modules/.bin/tsc -p .)
echo '{"type":"module"}' >build/tests-js/package.json
mkdir -p build/eval
for set in ${*:-docs nasty ocr}; do
	HEARTH_BUILD=$PWD/build/release node build/tests-js/eval/collect.js \
		"$set" "$sets/$set" "build/eval/$set.jsonl"
	/usr/bin/python3 "$sets/scorers/score_$set.py" --set "$sets/$set" \
		--results "build/eval/$set.jsonl" ${HEARTH_EVAL_FLAGS:-}
done
