// SPDX-License-Identifier: Apache-2.0
// Load by wrk, and what it cost the process under test.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpu, dir, LOAD_CPU } from './peers.mjs';

export interface Load { perSecond: number; perCpuSecond: number; medianUs: number; requests: number; bad: number }

function micros(text: string): number {
  const m = text.match(/([\d.]+)(us|ms|s)/);
  return m ? Number(m[1]) * { us: 1, ms: 1e3, s: 1e6 }[m[2] as 'us' | 'ms' | 's'] : NaN;
}

export function wrk(url: string, pid: number, connections: number, seconds: number, script?: string): Load {
  const args = ['-c', LOAD_CPU, 'wrk', '-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--latency', '--timeout', '10s'];
  if (script !== undefined) {
    const file = join(dir, 'load.lua');
    writeFileSync(file, script);
    args.push('-s', file);
  }
  const before = cpu(pid);
  const text = execFileSync('taskset', [...args, url], { encoding: 'utf8' });
  const used = cpu(pid) - before;
  const requests = Number(text.match(/(\d+) requests in/)?.[1] ?? 0);
  const bad = Number(text.match(/Non-2xx or 3xx responses: (\d+)/)?.[1] ?? 0) +
    (text.match(/Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/)?.slice(1).reduce((n, x) => n + Number(x), 0) ?? 0);
  return { perSecond: Number(text.match(/Requests\/sec:\s+([\d.]+)/)?.[1]), perCpuSecond: used > 0 ? requests / used : NaN,
    medianUs: micros(text.match(/50%\s+(\S+)/)?.[1] ?? ''), requests, bad };
}

export const median = (list: number[]): number => {
  const s = list.filter((x) => !Number.isNaN(x)).sort((a, b) => a - b);
  return s.length ? (s[(s.length - 1) >> 1] + s[s.length >> 1]) / 2 : NaN;
};
