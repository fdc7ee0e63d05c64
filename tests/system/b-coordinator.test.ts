// SPDX-License-Identifier: Apache-2.0
// A coordinator by itself: what it answers, and how it refuses.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test from 'node:test';
import { Hearth, run } from '../lib/hearth.js';

test('health has the fields that clients read', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  const r = await h.get('/health');
  assert.equal(r.status, 200);
  assert.equal(r.json.status, 'healthy');
  assert.equal(typeof r.json.coordinator, 'string');
  assert.match(r.json.version, /^\d+\.\d+\.\d+$/);
  assert.match(r.json.timestamp, /^\d{4}-\d\d-\d\dT.*Z$/);
  assert.deepEqual(r.json.workers, { total: 0, active: 0, stale: 0 });
  assert.equal(r.json.services.covered, 0);
  assert.match(r.headers['x-request-id'] as string, /^[\w.-]+$/);
  assert.equal((await h.get('/readyz')).status, 200);
});

test('metrics are accepted by promtool', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  await h.get('/health');
  const r = await h.get('/metrics');
  assert.match(r.headers['content-type'] as string, /^text\/plain/);
  const promtool = resolve('.deps/usr/bin/promtool');
  assert.ok(existsSync(promtool), 'tools/install-deps.sh test brings promtool');
  execFileSync(promtool, ['check', 'metrics'], { input: r.text });
});

test('openapi.json lists what is served', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  const { json } = await h.get('/openapi.json');
  assert.match(json.openapi, /^3\./);
  for (const path of ['/health', '/api/worker/register', '/api/admin/why']) assert.ok(json.paths[path], path);
});

test('wrong requests get a JSON error that says what is wrong', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  const missing = await h.get('/nothing/here');
  assert.equal(missing.status, 404);
  assert.equal(missing.json.error.code, 'not_found');
  assert.equal(missing.json.error.request_id, missing.headers['x-request-id']);

  const method = await h.get('/health', { method: 'DELETE' });
  assert.equal(method.status, 405);
  assert.match(method.headers.allow as string, /GET/);

  const broken = await h.get('/api/worker/register', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"worker_id": ' });
  assert.ok([400, 422].includes(broken.status));
  assert.ok(broken.json.error.message.length > 10);

  const field = await h.post('/api/worker/register', { worker_id: 'a', tunnel_url: 'http://127.0.0.1:1' });
  assert.equal(field.status, 422);
  assert.match(JSON.stringify(field.json), /capabilities/);

  const unknown = await h.post('/api/worker/heartbeat', { worker_id: 'nobody' });
  assert.equal(unknown.status, 404);
  assert.equal(unknown.json.detail, 'Worker not found');
});

test('a service that nobody provides is refused with a time to come back', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  const r = await h.post('/service/ner/extract', { markdown: 'x' });
  assert.equal(r.status, 503);
  assert.ok(Number(r.headers['retry-after']) >= 1);
  assert.match(r.text, /ner/);
  assert.equal((await h.get('/service/nonsense/x')).status, 404);
});

test('a port in use and a folder that cannot be written are one sentence each', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  const port = new URL(h.url).port;
  const dir = mkdtempSync(join(tmpdir(), 'hearth-test-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const busy = await run(['coordinator', '--port', port, '--data', dir]);
  assert.equal(busy.code, 1);
  assert.match(busy.err, new RegExp(`${port}.*in use`));
  const file = join(dir, 'file');
  writeFileSync(file, '');
  const folder = await run(['coordinator', '--port', '0', '--data', join(file, 'below')]);
  assert.equal(folder.code, 1);
  assert.match(folder.err, /data|folder|directory/i);
  chmodSync(dir, 0o700);
  const usage = await run(['coordinator', '--port', 'many']);
  assert.equal(usage.code, 2);
  assert.match(usage.err, /'many'/);
});

test('a restart forgets no worker', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  const r = await h.post('/api/worker/register', { worker_id: 'w1', tunnel_url: 'http://127.0.0.1:9', capabilities: { worker_type: 'cpu', cpu_cores: 4 } });
  assert.equal(r.status, 200);
  assert.equal(r.json.worker_type, 'cpu');
  assert.equal(r.json.tier, 2);
  await h.coordinator.kill('SIGKILL');
  await h.startCoordinator();
  const list = (await h.get('/api/admin/workers')).json;
  assert.deepEqual(list.workers.map((w: any) => w.worker_id), ['w1']);
  assert.equal((await h.post('/api/worker/heartbeat', { worker_id: 'w1' })).status, 200);
  assert.equal((await h.get('/api/worker/unregister/w1', { method: 'DELETE' })).status, 200);
  await h.coordinator.kill('SIGKILL');
  await h.startCoordinator();
  assert.equal((await h.get('/api/admin/workers')).json.total, 0);
});
