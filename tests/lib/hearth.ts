// SPDX-License-Identifier: Apache-2.0
// Drives the real programs. A test starts what it needs in a folder of its
// own, on ports of the kernel's choice, waits for conditions (never sleeps),
// and stop() fails the test on a leftover process, a sanitizer report or a
// death by an unexpected signal.
import { ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import * as http from 'node:http';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export const BUILD = resolve(process.env.HEARTH_BUILD ?? 'build/release');
export const HEARTH = join(BUILD, 'hearth');
export const SERVICE = join(BUILD, 'hearth-service');
export const SANITIZED = /asan|tsan/.test(BUILD);
// Sanitized programs are several times slower.
const PATIENCE_MS = SANITIZED ? 60_000 : 20_000;

// Waits until probe() returns something other than undefined, false or null.
export async function waitFor<T>(what: string, probe: () => T | Promise<T>, ms = PATIENCE_MS): Promise<NonNullable<T>> {
  const end = Date.now() + ms;
  let last: unknown;
  for (;;) {
    try {
      const got = await probe();
      if (got) return got as NonNullable<T>;
    } catch (e) { last = e; }
    if (Date.now() > end) throw new Error(`timed out waiting until ${what}${last ? `: ${last}` : ''}`);
    await new Promise((r) => setTimeout(r, 10));
  }
}

export interface Reply { status: number; headers: http.IncomingHttpHeaders; body: Buffer; text: string; json: any }

export interface Send { method?: string; headers?: Record<string, string | string[]>; body?: string | Buffer; agent?: http.Agent }

export function request(base: string, path: string, o: Send = {}): Promise<Reply> {
  return new Promise((ok, fail) => {
    const url = new URL(base);
    const req = http.request({ host: url.hostname, port: url.port, path, method: o.method ?? 'GET', headers: o.headers, agent: o.agent }, (res) => {
      const parts: Buffer[] = [];
      res.on('data', (d) => parts.push(d));
      res.on('error', fail);
      res.on('end', () => {
        const body = Buffer.concat(parts);
        const text = body.toString('utf8');
        let json: any;
        try { json = JSON.parse(text); } catch { json = undefined; }
        ok({ status: res.statusCode ?? 0, headers: res.headers, body, text, json });
      });
    });
    req.on('error', fail);
    req.end(o.body);
  });
}

export function post(base: string, path: string, value: unknown, method = 'POST'): Promise<Reply> {
  return request(base, path, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) });
}

// One multipart/form-data upload, as `curl -F file=@name` sends it.
export function upload(base: string, path: string, name: string, bytes: Buffer): Promise<Reply> {
  const boundary = 'hearth-test-boundary-7f3a';
  const body = Buffer.concat([
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: application/octet-stream\r\n\r\n`),
    bytes, Buffer.from(`\r\n--${boundary}--\r\n`)]);
  return request(base, path, { method: 'POST', headers: { 'content-type': `multipart/form-data; boundary=${boundary}` }, body });
}

// Sends raw bytes and collects what comes back until the peer closes or
// `until` is satisfied.
export function raw(base: string, bytes: string | Buffer, until?: (text: string) => boolean, ms = PATIENCE_MS): Promise<string> {
  return new Promise((ok, fail) => {
    const url = new URL(base);
    const s = net.connect(Number(url.port), url.hostname);
    let text = '';
    const timer = setTimeout(() => { s.destroy(); fail(new Error(`no answer to raw bytes in time; had: ${JSON.stringify(text)}`)); }, ms);
    const done = () => { clearTimeout(timer); s.destroy(); ok(text); };
    s.on('connect', () => s.write(bytes));
    s.on('data', (d) => { text += d.toString('latin1'); if (until?.(text)) done(); });
    s.on('end', done);
    s.on('error', () => done());
  });
}

export class Proc {
  out = '';
  err = '';
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  private expected: (NodeJS.Signals | null)[] = [null];
  constructor(readonly name: string, readonly child: ChildProcess) {
    child.stdout?.on('data', (d) => { this.out += d; });
    child.stderr?.on('data', (d) => { this.err += d; });
    // A program that cannot be started ends at once, with a code below 0.
    child.on('error', (e) => { this.err += e.message; });
    this.ended = new Promise((r) => child.on('close', (code, signal) => r({ code, signal })));
  }
  get pid(): number { return this.child.pid!; }
  get running(): boolean { return this.child.exitCode === null && this.child.signalCode === null; }
  saw(what: string | RegExp): Promise<RegExpMatchArray> {
    return waitFor(`${this.name} says ${what}`, () => {
      if (!this.running && !this.err.match(what)) throw new Error(`${this.name} ended:\n${this.err}`);
      return this.err.match(what);
    });
  }
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.expected.push(signal);
    if (this.running) this.child.kill(signal);
    await this.ended;
  }
  // SIGTERM must end it in time and in order.
  async stop(): Promise<void> {
    if (this.running) this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), PATIENCE_MS);
    const { code, signal } = await this.ended;
    clearTimeout(timer);
    if (/ERROR: (Address|Leak|Undefined|Thread)Sanitizer|runtime error:/.test(this.err)) throw new Error(`${this.name}: sanitizer report\n${this.err.slice(-6000)}`);
    if (!this.expected.includes(signal)) throw new Error(`${this.name} died by ${signal} (${code})\n${this.err.slice(-3000)}`);
  }
}

// A program in the background; the caller stops it.
export function start(name: string, args: string[], env: Record<string, string>, program = HEARTH, detached = false): Proc {
  const child = spawn(program, args, { detached, env: { PATH: process.env.PATH ?? '', ASAN_OPTIONS: 'detect_leaks=1', ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  return new Proc(name, child);
}

export interface Ran { code: number | null; out: string; err: string }

// Runs a command to its end. `as` is a user id (root may lend itself one).
export async function run(args: string[], env: Record<string, string> = {}, as?: number): Promise<Ran> {
  return runProgram(HEARTH, args, env, as);
}

export async function runProgram(program: string, args: string[], env: Record<string, string> = {}, as?: number): Promise<Ran> {
  const child = spawn(program, args, { env: { PATH: process.env.PATH ?? '', ...env }, uid: as, gid: as, stdio: ['ignore', 'pipe', 'pipe'] });
  const p = new Proc(args.join(' '), child);
  const { code } = await p.ended;
  return { code, out: p.out, err: p.err };
}

// A line for the shell, in which $HEARTH is the program.
export function shell(line: string, env: Record<string, string> = {}): Promise<Ran> {
  return runProgram('/bin/bash', ['-c', line], { HEARTH, ...env });
}

// What was begun last ends first, whatever the order of t.after() is.
const endings = new WeakMap<object, (() => unknown)[]>();
export function atEnd(t: { after(fn: () => Promise<void>): void }, fn: () => unknown): void {
  let list = endings.get(t);
  if (!list) {
    const all: (() => unknown)[] = list = [];
    endings.set(t, all);
    t.after(async () => {
      const faults: unknown[] = [];
      for (const end of all.reverse()) {
        try { await end(); } catch (e) { faults.push(e); }
      }
      if (faults.length) throw faults[0];
    });
  }
  list.push(fn);
}

export async function freePort(): Promise<number> {
  return new Promise((ok) => {
    const s = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = s.address() as net.AddressInfo;
      s.close(() => ok(port));
    });
  });
}

export interface Setup { workers?: number; args?: string[]; env?: Record<string, string>; workerEnv?: Record<string, string>; waitServices?: string[] }

// A coordinator and its workers.
export class Hearth {
  readonly dir = mkdtempSync(join(tmpdir(), 'hearth-test-'));
  coordinator!: Proc;
  workers: Proc[] = [];
  url = '';
  private constructor(private setup: Setup) {}

  static async start(setup: Setup = {}): Promise<Hearth> {
    const h = new Hearth(setup);
    try {
      await h.startCoordinator();
      for (let i = 0; i < (setup.workers ?? 0); i++) await h.startWorker();
      for (const s of setup.waitServices ?? []) await h.serviceReady(s);
    } catch (e) {
      await h.stop().catch(() => undefined);
      throw e;
    }
    return h;
  }

  // Again on the same data folder (and port) after a stop or a kill.
  async startCoordinator(): Promise<void> {
    const port = this.url ? new URL(this.url).port : '0';
    this.coordinator = start('coordinator', ['coordinator', '--port', port, '--data', join(this.dir, 'coordinator'), ...(this.setup.args ?? [])], this.setup.env ?? {});
    const m = await this.coordinator.saw(/Listening on (http:\/\/[0-9.]+:[0-9]+)/);
    this.url = m[1];
  }

  async startWorker(env: Record<string, string> = {}): Promise<Proc> {
    const i = this.workers.length;
    const w = start(`worker-${i}`, ['worker', '--data', join(this.dir, `worker-${i}`)],
      { COORDINATOR_URL: this.url, WORKER_ID: `worker-${i}`, ...(this.setup.workerEnv ?? {}), ...env });
    this.workers.push(w);
    await w.saw('Worker ready');
    return w;
  }

  get(path: string, o: Send = {}): Promise<Reply> { return request(this.url, path, o); }
  post(path: string, value: unknown): Promise<Reply> { return post(this.url, path, value); }
  upload(path: string, name: string, bytes: Buffer): Promise<Reply> { return upload(this.url, path, name, bytes); }
  raw(bytes: string | Buffer, until?: (t: string) => boolean): Promise<string> { return raw(this.url, bytes, until); }

  // Until a worker that serves the service says that it is ready.
  serviceReady(name: string): Promise<unknown> {
    return waitFor(`${name} is ready`, async () => {
      const r = await this.get(`/api/services/list`);
      return r.json.services[name]?.healthy_workers > 0;
    });
  }

  async stop(): Promise<void> {
    const faults: string[] = [];
    for (const p of [...this.workers.reverse(), this.coordinator]) {
      if (p) await p.stop().catch((e) => faults.push(String(e)));
    }
    const orphans = leftovers(this.dir);
    if (orphans.length) {
      const gone = await waitFor('no process is left', () => leftovers(this.dir).length === 0, 3000).catch(() => false);
      if (!gone) faults.push(`left running: ${leftovers(this.dir).join('; ')}`);
    }
    rmSync(this.dir, { recursive: true, force: true });
    if (faults.length) throw new Error(faults.join('\n'));
  }
}

// Processes whose command line names this folder.
export function leftovers(dir: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc').filter((n) => /^\d+$/.test(n))) {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      if (line.includes(dir) && Number(pid) !== process.pid) found.push(`${pid} ${line}`);
    } catch { /* gone meanwhile */ }
  }
  return found;
}

export function rssKiB(pid: number): number {
  const m = readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/);
  return m ? Number(m[1]) : 0;
}
