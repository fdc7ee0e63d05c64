#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Fails on a function longer than 80 lines; prints median and p90 of all.
// A definition's name starts a line and its braces stand in column one, which
// the formatter guarantees.
import { readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
const LIMIT = 80;
const files = execFileSync('git', ['ls-files', 'src/*.c'], { encoding: 'utf8' }).trim().split('\n');
const lengths = [];
let bad = 0;
for (const file of files) {
  const lines = readFileSync(file, 'utf8').split('\n');
  let start = -1;
  lines.forEach((line, i) => {
    if (line === '{') start = i;
    if (line === '}' && start >= 0) {
      const length = i - start + 1;
      lengths.push(length);
      if (length > LIMIT) {
        console.error(`${file}:${start}: ${length} lines`);
        bad++;
      }
      start = -1;
    }
  });
}
lengths.sort((a, b) => a - b);
const at = (q) => lengths[Math.floor(lengths.length * q)];
console.log(`${lengths.length} functions: median ${at(0.5)}, p90 ${at(0.9)}, longest ${lengths.at(-1)} lines`);
process.exit(bad ? 1 : 0);
