// SPDX-License-Identifier: Apache-2.0
// The coordinator's HTTP/1.1 over a raw socket: framing, limits, half-close,
// pipelining. The grammar in full is tests/unit/net/test_h1.c.
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import test from 'node:test';
import { Hearth, SANITIZED, rssKiB, waitFor } from '../lib/hearth.js';

const statuses = (text: string): number[] => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((m) => Number(m[1]));
const has = (n: number) => (text: string): boolean => statuses(text).length >= n && /\r\n\r\n/.test(text);
const HOST = 'Host: localhost\r\n';

test('pipelined requests are answered in order', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  const text = await h.raw(['/health', '/nothing', '/readyz', '/health'].map((p) => `GET ${p} HTTP/1.1\r\n${HOST}\r\n`).join(''), has(4));
  assert.deepEqual(statuses(text), [200, 404, 200, 200]);
});

test('a body nobody asked for does not disturb the next request', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  const text = await h.raw(`POST /nothing HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhelloGET /health HTTP/1.1\r\n${HOST}\r\n`, has(2));
  assert.deepEqual(statuses(text), [404, 200]);
});

test('what can be read in two ways is refused, and the connection closed', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  const cases: [string, number][] = [
    [`POST /health HTTP/1.1\r\n${HOST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    [`POST /health HTTP/1.1\r\n${HOST}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde`, 400],
    [`POST /health HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 501],
    ['GET /health HTTP/1.1\nHost: localhost\n\n', 400],
    [`GET /health HTTP/1.1\r\n${HOST}${HOST}\r\n`, 400],
    ['GET /health HTTP/1.1\r\n\r\n', 400],
    [`GET /health HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`, 400],
    [`GET /health HTTP/1.1\r\n${HOST}X_Forwarded_For: 127.0.0.1\r\n\r\n`, 400],
    [`GET /health HTTP/1.1\r\n${HOST}Connection: X-Forwarded-For\r\n\r\n`, 400],
    [`GET /${'x'.repeat(9000)} HTTP/1.1\r\n${HOST}\r\n`, 414],
    [`GET /health HTTP/1.1\r\n${HOST}X: ${'x'.repeat(9000)}\r\n\r\n`, 431],
    [`GET /health HTTP/1.1\r\n${HOST}${'X: y\r\n'.repeat(101)}\r\n`, 431],
    [`GET /health HTTP/1.1\r\n${HOST}Expect: miracles\r\n\r\n`, 417],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
  ];
  for (const [bytes, status] of cases) {
    const text = await h.raw(bytes);
    assert.deepEqual(statuses(text), [status], bytes.slice(0, 120));
    const body = JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4));
    assert.ok(body.error.code && body.error.message && body.detail);
  }
  assert.equal((await h.get('/health')).status, 200);
});

test('paths that climb or hide a slash are refused', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  for (const path of ['/..%2f..%2fetc/passwd', '/../etc/passwd', '/service/ocr/%2e%2e/%2e%2e/%2e%2e/x', '/%c0%ae%c0%ae/x', '/a%5cb', '/%00'])
    assert.deepEqual(statuses(await h.raw(`GET ${path} HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`)), [400], path);
});

test('a body that is too big by its own account is not read', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  const text = await h.raw(`POST /api/worker/register HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 999999999\r\n\r\n`);
  assert.deepEqual(statuses(text), [413]);
});

test('a half-closed client is still answered', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  const socket = connect({ port: Number(new URL(h.url).port), host: '127.0.0.1', allowHalfOpen: true });
  let text = '';
  socket.on('data', (d) => { text += d; });
  socket.end(`GET /health HTTP/1.1\r\n${HOST}\r\n`);
  await new Promise((done) => socket.once('end', done));
  assert.deepEqual(statuses(text), [200]);
});

test('idle connections cost little', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  const pid = h.coordinator?.child.pid;
  assert.ok(pid);
  const before = rssKiB(pid);
  const sockets: Socket[] = [];
  let answered = 0;
  for (let i = 0; i < 500; i++) {
    const s = connect({ port: Number(new URL(h.url).port), host: '127.0.0.1' });
    s.once('data', () => { answered++; });
    s.write(`GET /readyz HTTP/1.1\r\n${HOST}\r\n`);
    sockets.push(s);
  }
  await waitFor('500 answers', () => answered === 500);
  const grew = rssKiB(pid) - before;
  for (const s of sockets) s.destroy();
  if (!SANITIZED) assert.ok(grew < 500 * 10, `${grew} KiB for 500 connections`);
});
