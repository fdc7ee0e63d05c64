// SPDX-License-Identifier: Apache-2.0
// The two ends of a proxied exchange with their bytes laid open: a client that
// writes raw bytes, and a back end whose answers a test writes itself. The
// back end stands behind the coordinator either as a worker known by its URL
// or as a service of a real worker, behind that worker's link.
import { chmodSync, existsSync, mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { TestContext } from 'node:test';
import { Hearth, Setup, waitFor } from './hearth.js';

// The service that the back end provides, and the path clients use.
export const SERVICE = 'document-processing';
export const HOST = 'Host: localhost\r\n';

// --- messages -----------------------------------------------------------------

export interface Message { line: string; status: number; fields: [string, string][]; body: string; trailers: [string, string][]; whole: boolean }

export function values(m: Message, name: string): string[] {
  return m.fields.filter(([n]) => n.toLowerCase() === name).map(([, v]) => v);
}

function readFields(lines: string[]): [string, string][] {
  return lines.filter((l) => l !== '').map((l) => { const i = l.indexOf(':'); return [l.slice(0, i), l.slice(i + 1).trim()]; });
}

// A chunked body at the start of the text; undefined while it is not whole.
function readChunks(text: string): { body: string; trailers: [string, string][]; used: number } | undefined {
  let at = 0;
  let body = '';
  for (;;) {
    const end = text.indexOf('\r\n', at);
    if (end < 0) return undefined;
    const size = parseInt(text.slice(at, end), 16);
    at = end + 2;
    if (size === 0) {
      if (text.startsWith('\r\n', at)) return { body, trailers: [], used: at + 2 };
      const stop = text.indexOf('\r\n\r\n', at);
      return stop < 0 ? undefined : { body, trailers: readFields(text.slice(at, stop).split('\r\n')), used: stop + 4 };
    }
    if (text.length < at + size + 2) return undefined;
    body += text.slice(at, at + size);
    at += size + 2;
  }
}

// The messages in what one side received. What follows the last whole one is a
// message with whole = false. `head` says which answers have no body whatever
// their fields say; closed: the sender has ended, and with it an unframed body.
export function messages(text: string, head: (i: number) => boolean = () => false, closed = false): Message[] {
  const all: Message[] = [];
  while (text.length > 0) {
    const stop = text.indexOf('\r\n\r\n');
    if (stop < 0) { all.push({ line: text, status: 0, fields: [], body: '', trailers: [], whole: false }); break; }
    const [line, ...rest] = text.slice(0, stop).split('\r\n');
    const status = line.startsWith('HTTP/') ? Number(line.split(' ')[1]) : 0;
    const m: Message = { line, status, fields: readFields(rest), body: '', trailers: [], whole: true };
    text = text.slice(stop + 4);
    const final = all.filter((x) => x.status >= 200).length;
    const length = values(m, 'content-length')[0];
    if ((status > 0 && (status < 200 || status === 204 || status === 304)) || (status >= 200 && head(final))) {
      // no body
    } else if (values(m, 'transfer-encoding').length > 0) {
      const c = readChunks(text);
      if (c === undefined) { m.body = text; m.whole = false; text = ''; } else { m.body = c.body; m.trailers = c.trailers; text = text.slice(c.used); }
    } else if (length !== undefined) {
      m.body = text.slice(0, Number(length));
      m.whole = m.body.length === Number(length);
      text = text.slice(m.body.length);
    } else if (status > 0) {
      m.body = text;
      m.whole = closed;
      text = '';
    }
    all.push(m);
  }
  return all;
}

export const statuses = (text: string): number[] => messages(text).map((m) => m.status).filter((s) => s > 0);

// --- the client -----------------------------------------------------------------

// One connection to the coordinator.
export class Wire {
  text = '';
  closed = false; // by the other side, in whatever way
  reset = false;
  readonly socket: net.Socket;
  constructor(base: string) {
    const url = new URL(base);
    this.socket = net.connect({ port: Number(url.port), host: url.hostname, allowHalfOpen: true });
    this.socket.setNoDelay(true);
    this.socket.on('data', (d) => { this.text += d.toString('latin1'); });
    this.socket.on('end', () => { this.closed = true; });
    this.socket.on('error', () => { this.closed = this.reset = true; });
    this.socket.on('close', () => { this.closed = true; });
  }
  send(bytes: string | Buffer): Promise<void> {
    return new Promise((ok) => this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, () => ok()));
  }
  get messages(): Message[] { return messages(this.text, undefined, this.closed); }
  until(what: string, f: () => unknown): Promise<unknown> {
    return waitFor(`${what}; had ${JSON.stringify(this.text.slice(0, 600))}`, f as () => boolean);
  }
  // n whole final answers (fewer when the connection ends before).
  async answers(n = 1): Promise<Message[]> {
    await this.until(`${n} answers`, () => this.closed || this.messages.filter((m) => m.status >= 200 && m.whole).length >= n);
    return this.messages;
  }
  async end(): Promise<string> { await this.until('the connection ends', () => this.closed); this.socket.destroy(); return this.text; }
  abort(): void { this.socket.resetAndDestroy(); }
}

// Sends, waits for the end (or `n` answers), and lets go.
export async function say(base: string, bytes: string | Buffer, n = 0): Promise<{ text: string; messages: Message[]; closed: boolean }> {
  const w = new Wire(base);
  await w.send(bytes);
  if (n > 0) await w.answers(n); else await w.end();
  w.socket.destroy();
  return { text: w.text, messages: w.messages, closed: w.closed };
}

// --- the back end ---------------------------------------------------------------

// One connection that the back end accepted.
export class Call {
  got = ''; // since the request began
  total = 0; // bytes, ever
  requests = 0;
  closed = false;
  closedAt = 0;
  constructor(readonly socket: net.Socket) {}
  send(bytes: string | Buffer): void { this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes); }
  // The request in so far as it is there.
  get request(): Message { return messages(this.got)[0]; }
  // The exchange is over; the connection may carry another one.
  next(): void { this.got = ''; }
  body(): Promise<Message> {
    return waitFor(`a whole request; had ${JSON.stringify(this.got.slice(0, 300))}`, () => (this.got.includes('\r\n\r\n') && this.request.whole ? this.request : undefined));
  }
  // Hangs up in the middle: a reset where the socket knows such a thing.
  cut(): void { if (this.socket.remoteFamily !== undefined) this.socket.resetAndDestroy(); else this.socket.destroy(); }
  gone(): Promise<unknown> { return waitFor('the back end is told that the exchange is over', () => this.closed); }
}

export class Peer {
  calls: Call[] = []; // connections that carried a request
  heads = 0; // request heads that arrived, the worker's own questions apart
  bytes = 0; // of requests, likewise
  // Called once for each request, when its head is there.
  script: (c: Call) => void = echo;
  private sockets = new Set<net.Socket>();
  private constructor(private server: net.Server) {}

  static listen(at: number | string): Promise<Peer> {
    const server = net.createServer({ allowHalfOpen: true });
    const p = new Peer(server);
    server.on('connection', (s) => p.accept(s));
    return new Promise((ok, fail) => {
      server.on('error', fail);
      if (typeof at === 'number') server.listen(at, '127.0.0.1', () => ok(p)); else server.listen(at, () => ok(p));
    });
  }
  get url(): string { return `http://127.0.0.1:${(this.server.address() as net.AddressInfo).port}`; }

  private accept(s: net.Socket): void {
    const c = new Call(s);
    this.sockets.add(s);
    s.setNoDelay(true);
    s.on('data', (d) => {
      const fresh = !c.got.includes('\r\n\r\n');
      c.got += d.toString('latin1');
      if (/^(POST \/selftest|GET \/health) /.test(c.got)) { // a worker asks how we are
        if (c.got.includes('\r\n\r\n')) { c.next(); c.send('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"ok":true}'); }
        return;
      }
      c.total += d.length;
      this.bytes += d.length;
      if (!this.calls.includes(c)) this.calls.push(c);
      if (fresh && c.got.includes('\r\n\r\n')) { this.heads++; c.requests++; this.script(c); }
    });
    const over = (): void => { if (!c.closed) { c.closed = true; c.closedAt = performance.now(); } };
    s.on('end', () => { over(); s.end(); });
    s.on('error', over);
    s.on('close', () => { over(); this.sockets.delete(s); });
  }
  // The n-th connection (from 0) that carried a request.
  call(n = 0): Promise<Call> { return waitFor(`the back end has ${n + 1} calls`, () => this.calls[n]); }
  forget(): void { this.calls = []; this.heads = this.bytes = 0; }
  close(): void { this.server.close(); for (const s of this.sockets) s.destroy(); }
}

// Answers with what arrived, once it is whole.
export function echo(c: Call): void {
  const look = (): void => {
    const m = c.request;
    if (!m.whole) { c.socket.once('data', () => setImmediate(look)); return; }
    const body = JSON.stringify({ line: m.line, fields: m.fields, body: m.body, trailers: m.trailers });
    c.next();
    c.send(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body, 'latin1')}\r\n\r\n${body}`);
  };
  look();
}

export const ok = (body = 'ok', extra = ''): string => `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n${extra}Content-Length: ${body.length}\r\n\r\n${body}`;

// --- both together ---------------------------------------------------------------

export type Way = 'url' | 'link';
export interface Stage { h: Hearth; peer: Peer; url: string; stop(): Promise<void> }

// A worker that knows us by the URL of the back end.
async function byUrl(h: Hearth): Promise<Peer> {
  const peer = await Peer.listen(0);
  const r = await h.post('/api/worker/register', { worker_id: 'by-url', tunnel_url: peer.url, capabilities: { worker_type: 'cpu', cpu_cores: 200 } });
  if (r.status !== 200) throw new Error(r.text);
  return peer;
}

// A real worker whose one service is the back end: its program puts a way to
// our socket where the worker looks for the service's, and stays.
async function byLink(h: Hearth, dir: string): Promise<Peer> {
  const program = join(dir, 'service');
  const socket = join(dir, 's');
  writeFileSync(program, `#!/bin/sh\n[ "$1" = --list ] && exec echo ${SERVICE}\nln -s '${socket}' "$3" && exec tail -f /dev/null\n`);
  chmodSync(program, 0o755);
  const peer = await Peer.listen(socket);
  await h.startWorker({ WORKER_TYPE: 'cpu', HEARTH_SERVICE_BIN: program, HEARTH_CONCURRENCY: '200' });
  await h.serviceReady(SERVICE);
  // As many requests at once as a large machine would take.
  const [{ capabilities }] = (await h.get('/api/admin/workers')).json.workers;
  const r = await h.post('/api/worker/register', { worker_id: 'worker-0', link: true, capabilities: { ...capabilities, cpu_cores: 200 } });
  if (r.status !== 200) throw new Error(r.text);
  await h.post('/api/worker/heartbeat', { worker_id: 'worker-0', services_status: { [SERVICE]: { state: 'ready' } } });
  await h.serviceReady(SERVICE);
  return peer;
}

export async function stage(way: Way, setup: Setup = {}): Promise<Stage> {
  const dir = mkdtempSync(join(tmpdir(), 'hearth-peer-'));
  const h = await Hearth.start(setup);
  try {
    const peer = way === 'url' ? await byUrl(h) : await byLink(h, dir);
    return { h, peer, url: h.url, async stop() {
      peer.close();
      try { await h.stop(); } finally {
        if (existsSync(join(dir, 's'))) unlinkSync(join(dir, 's'));
        rmSync(dir, { recursive: true, force: true });
      }
    } };
  } catch (e) { await h.stop().catch(() => undefined); throw e; }
}

// A test for each way, with the back end in place.
export function both(name: string, f: (s: Stage, way: Way, t: TestContext) => Promise<void>, setup: Setup = {}): void {
  for (const way of ['url', 'link'] as const) {
    test(`${name} (${way})`, async (t) => {
      const s = await stage(way, setup);
      t.after(() => s.stop());
      await f(s, way, t);
    });
  }
}
