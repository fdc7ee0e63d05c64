// SPDX-License-Identifier: Apache-2.0
// Documents through the running services, beside the commands that a user would
// run instead: every round runs each of them once on the same files.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { request } from 'node:http';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { BUILD, coordinator, dir, launch, Proxy, treeCpu, until } from './peers.mjs';
import { median } from './wrk.mjs';

export type Report = (what: string, figure: string, peers: string, goal: string, met: boolean | undefined) => void;

const SETS = process.env.HEARTH_EVAL_SETS ?? '../shared/eval';
const OCR_ROUNDS = Number(process.env.HEARTH_BENCH_ROUNDS ?? 3);
const CORES = cpus().length;
const f = (n: number, digits = 0): string => n.toLocaleString('en', { maximumFractionDigits: digits, minimumFractionDigits: digits });

interface Serving { url: string; pids: number[] }

async function serving(): Promise<Serving> {
  const c: Proxy = await coordinator();
  const w = launch(`0-${CORES - 1}`, join(BUILD, 'hearth'), ['worker', '--data', join(dir, 'worker')], { COORDINATOR_URL: c.url.replace(/\/$/, ''), WORKER_ID: 'bench' });
  for (const s of ['vision-ocr', 'document-processing'])
    await until(`${s} is ready`, async () => ((await (await fetch(`${c.url}api/services/list`)).json()) as any).services[s]?.healthy_workers > 0, 60_000);
  return { url: c.url, pids: [c.pid, w.pid!] };
}

// A connection each: while a command runs, nobody here would notice that an
// idle one was closed.
function send(url: string, name: string, bytes: Buffer): Promise<string> {
  return new Promise((ok, fail) => {
    const headers = { 'content-type': 'application/octet-stream', 'content-length': bytes.length, 'x-filename': name };
    const req = request(url, { method: 'POST', agent: false, headers }, (res) => {
      let text = '';
      res.setEncoding('utf8').on('data', (d) => { text += d; }).on('error', fail)
        .on('end', () => res.statusCode === 200 ? ok(text) : fail(new Error(`${name}: ${res.statusCode} ${text}`)));
    });
    req.on('error', fail).end(bytes);
  });
}

// What something took: seconds by the clock, and processor seconds of it.
interface Took { wall: number[]; cpu: number }
const took = (): Took => ({ wall: [], cpu: 0 });

async function timed(t: Took, used: () => number, work: () => Promise<unknown>): Promise<void> {
  const before = used();
  const start = process.hrtime.bigint();
  await work();
  t.wall.push(Number(process.hrtime.bigint() - start) / 1e9);
  t.cpu += used() - before;
}

const ours = (s: Serving) => (): number => s.pids.reduce((n, pid) => n + treeCpu(pid), 0);
// Of the commands that were started here and have ended.
const commands = (): number => treeCpu(process.pid, true);

// --- pictures -------------------------------------------------------------------

async function lanes<T>(items: T[], each: (item: T) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: CORES }, async () => { while (next < items.length) await each(items[next++]); }));
}

// tesseract with one thread a page: with its own four it is slower, on some
// machines many times.
export async function ocr(report: Report): Promise<void> {
  const folder = join(SETS, 'ocr');
  if (!existsSync(folder)) { console.log(`  no page images at ${folder}`); return; }
  const names = readdirSync(folder).filter((n) => /\.(png|jpe?g|tiff?)$/.test(n)).slice(0, 16);
  const files = names.map((n) => join(folder, n));
  const s = await serving();
  const us = took(), single = took(), apart = took();
  for (let i = 0; i < OCR_ROUNDS; i++) {
    await timed(us, ours(s), () => lanes(files, (p) => send(`${s.url}service/vision-ocr/process`, p, readFileSync(p))));
    for (const [t, n] of [[single, 1], [apart, CORES]] as [Took, number][])
      await timed(t, commands, async () => execFileSync('xargs', ['-P', String(n), '-n', '1', 'sh', '-c', 'tesseract "$0" - >/dev/null 2>&1'],
        { input: files.join('\n'), env: { PATH: process.env.PATH, OMP_THREAD_LIMIT: '1' } }));
  }
  const rate = (t: Took) => `${f(files.length / median(t.wall), 2)} pages per second`;
  for (const [how, t] of [['one by one', single], [`${CORES} at once`, apart]] as [string, Took][]) {
    const ratio = median(t.wall) / median(us.wall);
    report(`OCR throughput, tesseract ${how}`, `${f(ratio, 2)} x (${rate(us)}), ${f(us.cpu / t.cpu, 2)} x its CPU`, `tesseract ${rate(t)}`, '>= 1.5 x', ratio >= 1.5);
  }
}

// --- text -----------------------------------------------------------------------

function makePdf(pages: number, lines: number): string {
  const page = (p: number) => `.rs\n.sp |1i\n.ce\nPage ${p + 1}\n.sp\n` + Array.from({ length: lines }, (_, l) =>
    `Line ${l} of page ${p + 1}: the balance of account 1234${l} was 56${l}.78 pounds and a payment of ${l} pounds was received on time.`).join('\n');
  const file = join(dir, `text-${pages}-${lines}.pdf`);
  execFileSync('sh', ['-c', `groff -Tpdf > ${file}`], { input: Array.from({ length: pages }, (_, p) => page(p)).join('\n.bp\n') });
  const made = Number(execFileSync('pdfinfo', [file], { encoding: 'utf8' }).match(/Pages:\s+(\d+)/)?.[1]);
  if (made !== pages) throw new Error(`${file} has ${made} pages, not ${pages}`);
  return file;
}

async function pdfRatio(s: Serving, pages: number, kind: string, lines: number, report: Report): Promise<void> {
  const file = makePdf(pages, lines);
  const bytes = readFileSync(file);
  const us = took(), peer = took();
  const last = `of page ${pages}`;
  const read = async () => {
    if (!(await send(`${s.url}service/document-processing/process`, 'text.pdf', bytes)).includes(last)) throw new Error(`'${last}' was not read`);
  };
  await read();
  for (let i = 0; i < (pages < 100 ? 41 : 11); i++) {
    await timed(us, ours(s), read);
    await timed(peer, commands, async () => execFileSync('pdftotext', [file, '-'], { maxBuffer: 1 << 28 }));
  }
  const ratio = median(peer.wall) / median(us.wall);
  report(`PDF text, ${pages} ${kind} page${pages > 1 ? 's' : ''}`, `${f(ratio, 2)} x (${f(median(us.wall) * 1e3, 1)} ms), ${f(us.cpu / peer.cpu, 2)} x its CPU`,
    `pdftotext ${f(median(peer.wall) * 1e3, 1)} ms`, '>= 1 x', ratio >= 1);
}

export async function pdf(report: Report): Promise<void> {
  const s = await serving();
  for (const [kind, lines] of [['dense', 28], ['sparse', 4]] as [string, number][])
    for (const pages of [1, 10, 50, 300]) await pdfRatio(s, pages, kind, lines, report);
}
