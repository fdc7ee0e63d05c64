// SPDX-License-Identifier: Apache-2.0
// Answers that flow for a while: events pass one by one as they are, and
// whoever works for a client that left is told at once.
import assert from 'node:assert/strict';
import { SANITIZED, waitFor } from '../lib/hearth.js';
import { both, HOST, ok, Stage, Wire } from '../lib/peer.js';

const P = '/service/upload/x';
const GET = `GET ${P} HTTP/1.1\r\n${HOST}\r\n`;
const SSE = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n';
const chunk = (s: string): string => `${Buffer.byteLength(s, 'latin1').toString(16)}\r\n${s}\r\n`;
const TOLD_MS = SANITIZED ? 1000 : 100;

both('events pass one by one, byte for byte', async (s) => {
  s.peer.script = (c) => c.send(SSE);
  const w = new Wire(s.url);
  await w.send(GET);
  await w.until('the head', () => w.text.includes('\r\n\r\n'));
  const c = await s.peer.call();
  const events = ['data: 1\n\n', ':\n', 'data: two\r\ndata: lines\r\n\r\n', 'id: 7\nevent: x\ndata: \xe2\x82\xac\n\n', 'data', ': halved\n', '\n', 'retry: 1\n\n', '\n\n\n', `data: ${'long '.repeat(10_000)}\n\n`, 'data: \0\x01\xff\n\n', 'data: [DONE]\n\n'];
  let sent = '';
  for (const e of events) {
    c.send(chunk(e));
    sent += e;
    // The next one leaves only when this one is here.
    await w.until(`the event ${JSON.stringify(e.slice(0, 20))}`, () => w.messages[0].body.length > 0 && unchunked(w.text) === sent);
  }
  c.send('0\r\n\r\n');
  const [m] = await w.answers();
  w.socket.destroy();
  assert.equal(m.body, sent);
  assert.equal(m.whole, true);
});

// What of a chunked body is there, whole or not.
function unchunked(text: string): string {
  let at = text.indexOf('\r\n\r\n') + 4;
  let body = '';
  for (;;) {
    const end = text.indexOf('\r\n', at);
    if (end < 0) return body;
    const n = parseInt(text.slice(at, end), 16);
    body += text.slice(end + 2, end + 2 + n);
    at = end + 2 + n + 2;
    if (n === 0 || at > text.length) return body;
  }
}

both('streams of events do not wait for each other', async (s) => {
  s.peer.script = (c) => c.send(SSE + chunk('data: begin\n\n'));
  const wires = Array.from({ length: 64 }, () => new Wire(s.url));
  await Promise.all(wires.map((w) => w.send(GET)));
  await Promise.all(wires.map((w) => w.until('the first event', () => w.text.includes('begin'))));
  const calls = s.peer.calls;
  for (let i = 0; i < 3; i++) {
    calls.forEach((c) => c.send(chunk(`data: round ${i}\n\n`)));
    await Promise.all(wires.map((w) => w.until(`round ${i}`, () => w.text.includes(`round ${i}`))));
  }
  for (const w of wires) w.abort();
  await waitFor('all are told', () => calls.every((c) => c.closed));
});

// From the client's reset to the moment the back end knows; the best of a few
// tries, since this machine has other things to do.
async function told(s: Stage, begin: (w: Wire) => Promise<void>, leave: (w: Wire) => void): Promise<number> {
  let best = Infinity;
  for (let i = 0; i < 5 && best > TOLD_MS / 2; i++) {
    s.peer.forget();
    const w = new Wire(s.url);
    await begin(w);
    const c = await s.peer.call();
    assert.equal(c.closed, false);
    const from = performance.now();
    leave(w);
    await c.gone();
    best = Math.min(best, c.closedAt - from);
    w.socket.destroy();
  }
  return best;
}

both('a client that leaves is missed at once', async (s) => {
  const abort = (w: Wire): void => w.abort();
  s.peer.script = () => undefined;
  const waiting = async (w: Wire): Promise<void> => { await w.send(GET); await s.peer.call(); };
  assert.ok(await told(s, waiting, abort) <= TOLD_MS, 'before the answer began');
  s.peer.script = (c) => c.send(SSE + chunk('data: 1\n\n'));
  const streaming = async (w: Wire): Promise<void> => { await w.send(GET); await w.until('an event', () => w.text.includes('data: 1')); };
  assert.ok(await told(s, streaming, abort) <= TOLD_MS, 'in the middle of the answer');
  s.peer.script = () => undefined;
  const uploading = async (w: Wire): Promise<void> => { await w.send(`POST ${P} HTTP/1.1\r\n${HOST}Content-Length: 1000000\r\n\r\n${'x'.repeat(50_000)}`); await waitFor('some of the body', () => s.peer.bytes > 40_000); };
  assert.ok(await told(s, uploading, abort) <= TOLD_MS, 'in the middle of its upload');
  assert.ok(await told(s, uploading, (w) => w.socket.end()) <= TOLD_MS, 'in the middle, in good order');
  // The worker is none the worse for it.
  s.peer.script = (c) => { void c.body().then(() => { c.next(); c.send(ok('fine')); }); };
  const w = new Wire(s.url);
  await w.send(GET);
  assert.equal((await w.answers())[0].body, 'fine');
  w.socket.destroy();
});

both('a client that sends no more and is gone is missed too', async (s) => {
  s.peer.script = () => undefined;
  const w = new Wire(s.url);
  await w.send(GET);
  const c = await s.peer.call();
  w.socket.end();
  await s.h.get('/health');
  assert.equal(c.closed, false, 'a half-closed client is still served');
  w.socket.destroy(); // whatever comes now is answered with a reset
  await c.gone();
});

// A closed connection looks like one that only sends no more, until something
// is written to it.
both('a client that hung up is missed with the next event', async (s) => {
  s.peer.script = (c) => c.send(SSE + chunk('data: 1\n\n'));
  const w = new Wire(s.url);
  await w.send(GET);
  await w.until('an event', () => w.text.includes('data: 1'));
  const c = await s.peer.call();
  w.socket.destroy();
  await s.h.get('/health');
  c.send(chunk('data: 2\n\n'));
  const from = performance.now();
  await c.gone();
  assert.ok(c.closedAt - from <= 10 * TOLD_MS, `${c.closedAt - from} ms`);
});

both('a back end that says nothing holds up nobody else', async (s) => {
  let silent = true;
  s.peer.script = (c) => { if (silent) silent = false; else { c.next(); c.send(ok('here')); } };
  const a = new Wire(s.url);
  await a.send(GET);
  await s.peer.call();
  for (let i = 0; i < 5; i++) {
    const b = new Wire(s.url);
    await b.send(GET);
    assert.equal((await b.answers())[0].body, 'here');
    b.socket.destroy();
  }
  assert.equal(a.text, '');
  a.abort();
  await (await s.peer.call()).gone();
});
