// SPDX-License-Identifier: Apache-2.0
// Workers that are known by a URL alone, as existing ones are.
import assert from 'node:assert/strict';
import * as http from 'node:http';
import { AddressInfo } from 'node:net';
import test, { TestContext } from 'node:test';
import { Hearth, waitFor } from '../lib/hearth.js';

interface Seen { method: string; url: string; host: string; body: string }

async function backEnd(t: TestContext): Promise<{ port: number; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = http.createServer((req, res) => {
    let body = '';
    req.on('data', (d) => { body += d; });
    req.on('end', () => { seen.push({ method: req.method!, url: req.url!, host: req.headers.host!, body }); res.end('served'); });
  });
  await new Promise<void>((r) => server.listen(0, '127.0.0.1', r));
  t.after(() => { server.closeAllConnections(); server.close(); });
  return { port: (server.address() as AddressInfo).port, seen };
}

async function closedPort(): Promise<number> {
  const s = http.createServer();
  await new Promise<void>((r) => s.listen(0, '127.0.0.1', r));
  const { port } = s.address() as AddressInfo;
  await new Promise((r) => s.close(r));
  return port;
}

const register = (h: Hearth, id: string, url: string) =>
  h.post('/api/worker/register', { worker_id: id, tunnel_url: url, capabilities: { worker_type: 'cpu', cpu_cores: 2 } });

test('a URL may name its host, and have a path', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  const far = await backEnd(t);
  assert.equal((await register(h, 'named', `http://localhost:${far.port}/base/`)).status, 200);
  const r = await h.get('/service/ner/extract?a=1&a=2', { method: 'POST', body: 'text' });
  assert.equal(r.status, 200);
  assert.equal(r.text, 'served');
  assert.equal(r.headers['hearth-worker'], 'named');
  assert.deepEqual(far.seen, [{ method: 'POST', url: '/base/service/ner-extraction/extract?a=1&a=2', host: `localhost:${far.port}`, body: 'text' }]);
});

test('a host that does not exist is an error in bounded time', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  await register(h, 'nowhere', 'http://no-such-host.invalid:8000');
  const r = await h.get('/service/ner/extract');
  assert.equal(r.status, 503);
  assert.equal(r.json.error.code, 'not_available');
  assert.ok(Number(r.headers['retry-after']) > 0);
  assert.match(h.coordinator.err, /no-such-host\.invalid/);
});

test('what was never sent goes to another worker, whatever its method', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  const far = await backEnd(t);
  await register(h, 'dead', `http://127.0.0.1:${await closedPort()}`);
  await register(h, 'alive', `http://127.0.0.1:${far.port}`);
  for (let i = 0; i < 6; i++) {
    const r = await h.get('/service/ner/extract', { method: 'POST', body: `text ${i}` });
    assert.equal(r.status, 200, r.text);
    assert.equal(r.headers['hearth-worker'], 'alive');
  }
  assert.deepEqual(far.seen.map((s) => s.body), [0, 1, 2, 3, 4, 5].map((i) => `text ${i}`));
});

test('a worker that was removed and registers again keeps its open link', async (t) => {
  const h = await Hearth.start({ workers: 1, waitServices: ['document-processing'] });
  t.after(() => h.stop());
  assert.equal((await h.get('/api/worker/unregister/worker-0', { method: 'DELETE' })).status, 200);
  assert.equal((await h.post('/api/worker/register', { worker_id: 'worker-0', tunnel_url: '', link: true, capabilities: { worker_type: 'cpu', cpu_cores: 2 } })).status, 200);
  await waitFor('it serves again', async () => (await h.upload('/service/upload/process', 'a.txt', Buffer.from('plain text'))).status === 200);
  assert.doesNotMatch(h.workers[0].err, /link.*(lost|closed)/i);
});
