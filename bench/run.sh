#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Measures Hearth side by side with its peers, all started here, in one run on
# one machine: ratios are what counts. Arguments pick parts: start proxy
# latency upload events fleet ocr pdf (all by default).
# HEARTH_BENCH_ROUNDS: interleaved rounds (5; of OCR 3); HEARTH_EVAL_SETS: see
# tests/eval.
set -eu
cd "$(dirname "$0")/.."
tools/install-deps.sh build run test bench
cmake --preset release -DHEARTH_BENCH=ON >/dev/null
cmake --build --preset release -- --quiet
[ -d tests/node_modules ] || (cd tests && npm ci --silent --no-audit --no-fund)
(cd tests && node_modules/.bin/tsc -p ../bench)
HEARTH_BUILD=$PWD/build/release exec node build/bench-js/bench/bench.mjs "$@"
