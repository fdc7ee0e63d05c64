// SPDX-License-Identifier: Apache-2.0
// A coordinator with a local worker: the headline case, on a machine without
// a GPU.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Hearth, leftovers, waitFor } from '../lib/hearth.js';

test('the worker says what it does, in order', async (t) => {
  const h = await Hearth.start({ workers: 1 });
  t.after(() => h.stop());
  const lines = [/Detecting hardware capabilities\.\.\./, /Worker type: (CPU \(Tier 2\)|GPU \(Tier 1\))/, /Connecting to coordinator: http/,
    /Worker registered successfully/, /Assigned services: .*document-processing/, /Starting heartbeat \(30s interval\)/, /Worker ready - listening for tasks/];
  let at = 0;
  for (const line of lines) {
    const rest = h.workers[0].err.slice(at);
    const m = rest.match(line);
    assert.ok(m, `${line} after: ${h.workers[0].err}`);
    at += m.index! + m[0].length;
  }
  assert.match(h.workers[0].err, /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] INFO: /);
});

test('a CPU worker gets the CPU services and, with no GPU about, OCR', async (t) => {
  const h = await Hearth.start({ workers: 1, workerEnv: { WORKER_TYPE: 'cpu' }, waitServices: ['document-processing', 'vision-ocr'] });
  t.after(() => h.stop());
  const { workers } = (await h.get('/api/admin/workers')).json;
  assert.equal(workers.length, 1);
  assert.equal(workers[0].worker_type, 'cpu');
  assert.equal(workers[0].is_healthy, true);
  for (const s of ['ner-extraction', 'document-processing', 'notes-coa', 'vision-ocr']) assert.ok(workers[0].assigned_services.includes(s), s);
  const health = (await h.get('/health')).json;
  assert.deepEqual(health.workers, { total: 1, active: 1, stale: 0 });
  assert.equal(health.services.covered, 2);
  // What has no program is said to be so, never healthy.
  const { gaps } = (await h.get('/api/admin/gaps')).json;
  const ner = gaps.find((g: any) => g.service === 'ner-extraction');
  assert.equal(ner.status, 'critical');
  const why = (await h.get('/api/admin/why?service=ner-extraction')).json.why;
  assert.match(why, /ner-extraction/);
  assert.match(why, /no program/);
});

test('a worker that is stopped takes its leave; one that is killed is missed', async (t) => {
  const h = await Hearth.start({ workers: 2 });
  t.after(() => h.stop());
  await h.workers[0].stop();
  assert.equal((await h.get('/health')).json.workers.total, 1);
  await h.workers[1].kill('SIGKILL');
  await waitFor('the dead worker is no longer active', async () => (await h.get('/health')).json.workers.active === 0, 5000);
  await waitFor('its services are gone too', () => !leftovers(h.dir).some((l) => l.includes('hearth-service')), 3000);
});

test('a worker outlives its coordinator and comes back by itself', async (t) => {
  const h = await Hearth.start({ workers: 1, waitServices: ['document-processing'] });
  t.after(() => h.stop());
  await h.coordinator.kill('SIGKILL');
  await h.startCoordinator();
  await h.serviceReady('document-processing');
  assert.equal((await h.get('/health')).json.workers.active, 1);
  const r = await h.upload('/service/upload/process', 'a.txt', Buffer.from('Still here.\n'));
  assert.equal(r.status, 200);
});

test('a forgotten worker registers again', async (t) => {
  const h = await Hearth.start({ workers: 1 });
  t.after(() => h.stop());
  assert.equal((await h.get('/api/worker/unregister/worker-0', { method: 'DELETE' })).status, 200);
  await waitFor('it is back', async () => (await h.get('/health')).json.workers.total === 1, 45_000);
});

test('a service that is killed is started again', async (t) => {
  const h = await Hearth.start({ workers: 1, waitServices: ['document-processing'] });
  t.after(() => h.stop());
  const line = leftovers(h.dir).find((l) => l.includes('hearth-service document-processing'));
  assert.ok(line);
  process.kill(Number(line.split(' ')[0]), 'SIGKILL');
  const r = await waitFor('it serves again', async () => {
    const got = await h.upload('/service/documents/process', 'a.txt', Buffer.from('Back again.\n'));
    return got.status === 200 ? got : undefined;
  }, 10_000);
  assert.match(r.json.markdown, /Back again/);
});
