// SPDX-License-Identifier: Apache-2.0
// bench.mjs [PART...]: prints one table of figures, each beside its peer's.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { ocr, pdf } from './documents.mjs';
import { backend, BUILD, coordinator, dir, farEnd, freePort, haproxy, launch, linkEnd, LOAD_CPU, nginx, nginxCommand, Proxy, rssKiB, stop, stopAll, until } from './peers.mjs';
import { Load, median, wrk } from './wrk.mjs';

const ROUNDS = Number(process.env.HEARTH_BENCH_ROUNDS ?? 5);
const SECONDS = 2;

const rows: string[][] = [];
function report(what: string, figure: string, peers: string, goal: string, met: boolean | undefined): void {
  const verdict = met === undefined ? '' : met ? 'met' : 'MISSED';
  rows.push([what, figure, peers, goal, verdict]);
  console.log(`  ${what}: ${figure}${peers ? ` (${peers})` : ''}${goal ? `; goal ${goal}: ${verdict}` : ''}`);
}
const f = (n: number, digits = 0): string => n.toLocaleString('en', { maximumFractionDigits: digits, minimumFractionDigits: digits });

// --- start and memory ------------------------------------------------------------

function timeToAnswer(port: number, path: string, command: string[]): number {
  const out = execFileSync('taskset', ['-c', '0', join(BUILD, 'bench/start_time'), String(port), path, ...command], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return Number(out) / 1000;
}

async function start(): Promise<void> {
  const times: number[] = [], nginxTimes: number[] = [];
  for (let i = 0; i < 15; i++) {
    const port = await freePort();
    times.push(timeToAnswer(port, '/health', [join(BUILD, 'hearth'), 'coordinator', '--port', String(port), '--data', join(dir, 'start')]));
    const peer = await nginxCommand();
    nginxTimes.push(timeToAnswer(peer.port, '/', peer.command));
  }
  report('exec to /health', `${f(median(times), 1)} ms`, `nginx ${f(median(nginxTimes), 1)} ms`, '<= 10 ms', median(times) <= 10);
  const c = await coordinator();
  report('coordinator idle', `${f(rssKiB(c.pid) / 1024, 1)} MiB resident`, '', '<= 8 MiB', rssKiB(c.pid) <= 8 * 1024);
  const before = rssKiB(c.pid);
  const count = 2000;
  for (let i = 0; i < count; i += 50)
    await Promise.all(Array.from({ length: 50 }, (_, k) => register(c, `w${i + k}`)));
  const each = (rssKiB(c.pid) - before) / count;
  report('memory per worker', `${f(each, 2)} KiB`, '', '<= 1.5 KiB', each <= 1.5);
  await up();
}

// What somebody sees who starts it on a machine that has the packages: the
// worker's readiness, and the text of a scan that was sent at the first moment.
async function up(): Promise<void> {
  const ready: number[] = [], first: number[] = [];
  for (let i = 0; i < 5; i++) {
    const env = { PATH: process.env.PATH ?? '', PORT: String(await freePort()), HEARTH_DATA: join(dir, `up-${i}`) };
    const t = performance.now();
    const main = spawn(join(BUILD, 'hearth'), ['up'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    main.stderr.on('data', (d) => { log += d; });
    await until('the worker is ready', async () => log.includes('Worker ready'));
    ready.push(performance.now() - t);
    await until('the scan is read', async () => {
      const text = execFileSync(join(BUILD, 'hearth'), ['ocr', 'tests/system/fixtures/scan.png'], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
      return text.includes('Dear');
    });
    first.push(performance.now() - t);
    await stop(main);
  }
  report('hearth up: local worker ready', `${f(median(ready))} ms`, '', '<= 500 ms', median(ready) <= 500);
  report('first OCR result after the start', `${f(median(first) / 1000, 2)} s`, '', '<= 3 s', median(first) <= 3000);
}

async function register(c: Proxy, id: string): Promise<void> {
  const r = await fetch(`${c.url}api/worker/register`, { method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ worker_id: id, tunnel_url: 'http://127.0.0.1:9', capabilities: { worker_type: 'cpu', cpu_cores: 2 } }) });
  if (r.status !== 200) throw new Error(`register: ${r.status} ${await r.text()}`);
  await r.arrayBuffer();
}

// --- proxying ---------------------------------------------------------------------

async function proxies(far: number): Promise<Proxy[]> {
  const c = await coordinator();
  await linkEnd(c);
  return [{ ...c, url: `${c.url}service/document-processing/ok` }, await nginx(far), await haproxy(far)];
}

// Interleaved: every proxy once per round.
function rounds(list: Proxy[], load: (p: Proxy) => Load): Map<string, Load[]> {
  const all = new Map<string, Load[]>(list.map((p) => [p.name, []]));
  for (let i = 0; i < ROUNDS; i++)
    for (const p of list) all.get(p.name)!.push(load(p));
  for (const [name, loads] of all) {
    const bad = loads.reduce((n, l) => n + l.bad, 0);
    if (bad) console.log(`  NOTE: ${name} had ${bad} failed requests`);
  }
  return all;
}

function compare(what: string, all: Map<string, Load[]>, goal: number, against: string[]): void {
  const mid = (name: string) => median(all.get(name)!.map((l) => l.perCpuSecond));
  const best = Math.max(...against.map(mid));
  const ratio = mid('hearth') / best;
  report(what, `${f(ratio, 2)} x (${f(mid('hearth'))} requests per CPU second)`,
    ['nginx', 'haproxy'].map((n) => `${n} ${f(mid(n))}`).join(', '), `>= ${goal} x`, ratio >= goal);
}

async function proxy(): Promise<void> {
  const list = await proxies(await backend());
  for (const [connections, goal] of [[32, 1.6], [256, 2.5]])
    compare(`proxied, ${connections} connections`, rounds(list, (p) => wrk(p.url, p.pid, connections, SECONDS)), goal, ['nginx', 'haproxy']);
}

async function latency(): Promise<void> {
  const list = await proxies(await backend());
  const all = rounds(list, (p) => wrk(p.url, p.pid, 1, SECONDS));
  const mid = (name: string) => median(all.get(name)!.map((l) => l.medianUs));
  report('median latency, one connection', `${f(mid('hearth'))} us`, `nginx ${f(mid('nginx'))}, haproxy ${f(mid('haproxy'))}`, "<= nginx's", mid('hearth') <= mid('nginx'));
}

async function uploads(): Promise<void> {
  const list = await proxies(await farEnd());
  for (const [mib, goal, against] of [[1, 2, ['nginx']], [20, 1, ['haproxy']]] as [number, number, string[]][]) {
    const script = `wrk.method = "POST"; wrk.body = string.rep("x", ${mib * 1048576}); wrk.headers["Content-Type"] = "application/octet-stream"`;
    compare(`uploads of ${mib} MiB`, rounds(list, (p) => wrk(p.url, p.pid, 8, SECONDS, script)), goal, against);
  }
  await largeBody();
}

interface Events { median_us: number; p99_us: number; events: number; held_back: number }

// The most memory that the coordinator has while a large body passes.
async function largeBody(): Promise<void> {
  const c = await coordinator();
  await linkEnd(c);
  const send = (mib: number) => new Promise<void>((ok, fail) => {
    const curl = launch(LOAD_CPU, 'sh', ['-c', `head -c ${mib}M /dev/zero | curl -sS -f -o /dev/null -T - -X POST ${c.url}service/document-processing/ok`]);
    curl.once('exit', (code) => code === 0 ? ok() : fail(new Error(`curl ended with ${code}`)));
  });
  await send(1); // warm
  const before = rssKiB(c.pid);
  let most = before;
  const timer = setInterval(() => { most = Math.max(most, rssKiB(c.pid)); }, 2);
  await send(200);
  clearInterval(timer);
  report('memory for an upload of 200 MiB', `${f(most - before)} KiB`, '', '< 1,024 KiB', most - before < 1024);
}

// What a proxy adds is the difference to the same events without one.
async function events(): Promise<void> {
  const program = join(BUILD, 'bench/sse_load');
  const far = await farEnd();
  const list = await proxies(far);
  const once = (url: string): Events => JSON.parse(execFileSync('taskset', ['-c', '1', program, url, '200', '5'], { encoding: 'utf8' }));
  const url = (p: Proxy) => p.url.replace(/(ok)?$/, 'events');
  const direct: number[] = [], added = new Map<string, number[]>(list.map((p) => [p.name, []]));
  let held = 0, count = 0;
  for (let i = 0; i < 3; i++) {
    const plain = once(`http://127.0.0.1:${far}/events`);
    direct.push(plain.median_us);
    for (const p of list) {
      const got = once(url(p));
      added.get(p.name)!.push(got.median_us - plain.median_us);
      if (p.name === 'hearth') { held += got.held_back; count += got.events; }
    }
  }
  const mid = (name: string) => median(added.get(name)!);
  report('server-sent events, 200 streams', `${f(mid('hearth'))} us added, ${held} of ${f(count)} held back`,
    `direct ${f(median(direct))} us, nginx adds ${f(mid('nginx'))}, haproxy ${f(mid('haproxy'))}`, '<= 80 us, 0 held back', mid('hearth') <= 80 && held === 0);
}

// --- the registry -----------------------------------------------------------------

// Rates while the fleet grows: into an empty registry, and into one that has
// 10,000 workers already.
async function registrations(): Promise<void> {
  const reg = (prefix: string, last: number) => `wrk.method = "POST"; wrk.headers["Content-Type"] = "application/json"
local i = 0
request = function() i = i % ${last} + 1; return wrk.format(nil, "/api/worker/register", nil, '{"worker_id":"${prefix}' .. i .. '","tunnel_url":"http://127.0.0.1:9","capabilities":{"worker_type":"cpu","cpu_cores":2}}') end`;
  const few: number[] = [], many: number[] = [];
  const rate = (c: Proxy) => wrk(c.url, c.pid, 64, 1, reg('r', 500)).perSecond; // 500 names again and again
  for (let i = 0; i < 3; i++) {
    const c = await coordinator();
    few.push(rate(c));
    for (let k = 0; k < 10_000; k += 100)
      await Promise.all(Array.from({ length: 100 }, (_, n) => register(c, `w${k + n}`)));
    many.push(rate(c));
    await stopOne(c);
  }
  report('registrations, durable', `${f(median(few))} per second, ${f(median(many))} with 10,000 workers`, 'the Python system 56', '>= 10,000, flat',
    Math.min(median(few), median(many)) >= 10_000 && median(many) >= 0.8 * median(few));
}

async function fleet(): Promise<void> {
  const c = await coordinator();
  for (let i = 0; i < 64; i++) await register(c, `hb${i}`);
  const beat = `wrk.method = "POST"; wrk.headers["Content-Type"] = "application/json"
local i = 0
request = function() i = (i + 1) % 64; return wrk.format(nil, "/api/worker/heartbeat", nil, '{"worker_id":"hb' .. i .. '","status":"healthy","current_load":0.25,"active_requests":1}') end`;
  const beats = Array.from({ length: ROUNDS }, () => wrk(c.url, c.pid, 32, SECONDS, beat));
  const rate = median(beats.map((b) => b.perCpuSecond));
  report('heartbeats', `${f(rate)} per CPU second`, 'the Python system 7,400', '>= 100,000', rate >= 100_000 && beats.every((b) => b.bad === 0));
  await stopOne(c);
  await registrations();
  const d = await coordinator();
  const empty = wrk(`${d.url}health`, d.pid, 1, 1).medianUs;
  for (let i = 0; i < 1000; i += 50) await Promise.all(Array.from({ length: 50 }, (_, k) => register(d, `l${i + k}`)));
  const list = wrk(`${d.url}api/admin/workers`, d.pid, 1, SECONDS);
  report('/api/admin/workers, 1,000 workers', `${f(list.medianUs / 1000, 2)} ms median`, 'the Python system 49', '<= 2 ms', list.medianUs <= 2000);
  const full = wrk(`${d.url}health`, d.pid, 1, 1).medianUs;
  report('/health with 0 and 1,000 workers', `${f(empty)} and ${f(full)} us median`, '', 'independent', full <= empty * 1.3 + 5);
}

async function stopOne(c: Proxy): Promise<void> {
  process.kill(c.pid, 'SIGTERM');
  await until('the coordinator stopped', async () => !existsSync(`/proc/${c.pid}`));
}

// -------------------------------------------------------------------------------------

const parts: Record<string, () => Promise<void>> = { start, proxy, latency, upload: uploads, events, fleet, ocr: () => ocr(report), pdf: () => pdf(report) };
const wanted = process.argv.slice(2).length ? process.argv.slice(2) : Object.keys(parts);
let failed = false;
console.log(`${cpus().length} x ${cpus()[0].model}`);
for (const name of wanted) {
  if (!parts[name]) { console.error(`no part '${name}': ${Object.keys(parts).join(', ')}`); process.exit(2); }
  console.log(`== ${name}`);
  try { await parts[name](); } catch (e) { failed = true; console.log(`  FAILED: ${e}`); }
  await stopAll();
}
const widths = [0, 1, 2, 3].map((i) => Math.max(...rows.map((r) => r[i].length), 1));
console.log();
for (const r of rows) console.log(r.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  '));
process.exit(failed ? 1 : 0);
