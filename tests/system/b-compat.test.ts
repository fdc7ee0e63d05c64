// SPDX-License-Identifier: Apache-2.0
// The wire shapes that existing clients and workers use, over real HTTP.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Hearth } from '../lib/hearth.js';

const cpu = { worker_type: 'cpu', has_gpu: false };
const gpu = { worker_type: 'gpu', has_gpu: true, gpu_memory: '24564 MiB' };

async function register(h: Hearth, id: string, capabilities: object): Promise<any> {
  const r = await h.post('/api/worker/register', { worker_id: id, tunnel_url: `https://${id}.trycloudflare.com`, capabilities, vpn_ip: '10.8.0.2' });
  assert.equal(r.status, 200, r.text);
  return r.json;
}

test('policy classic gives out what the system before gave out', async (t) => {
  const h = await Hearth.start({ args: ['--policy', 'classic'] });
  t.after(() => h.stop());
  const first = await register(h, 'gpu1', gpu);
  assert.deepEqual([...first.assigned_services].sort(), ['document-processing', 'llm-inference', 'ner-extraction', 'notes-coa', 'rag-embeddings', 'vision-ocr']);
  assert.equal(first.message, 'Worker registered with 6 service(s)');
  assert.deepEqual(first.service_configs.find((c: any) => c.name === 'vision-ocr'), { name: 'vision-ocr', port: 8104, priority: 1 });
  assert.deepEqual((await register(h, 'gpu2', gpu)).assigned_services, ['llm-inference']);
  assert.deepEqual((await register(h, 'gpu1', gpu)).assigned_services, ['vision-ocr']);
  const listed = (await h.get('/api/admin/services')).json.services;
  assert.equal(listed.find((s: any) => s.name === 'notes-coa'), undefined, 'the index follows a new registration');
  const edge = await register(h, 'e1', { worker_type: 'cpu', has_edge: true });
  assert.equal(edge.worker_type, 'edge');
  assert.equal(edge.tier, 2);
  assert.deepEqual([...edge.assigned_services].sort(), ['coordinator', 'edge-proxy', 'load-balancer']);
});

test('policy classic: cpu and storage', async (t) => {
  const h = await Hearth.start({ args: ['--policy', 'classic'] });
  t.after(() => h.stop());
  const counts: number[] = [];
  for (const id of ['c1', 'c2', 'c3', 'c4']) counts.push((await register(h, id, cpu)).assigned_services.length);
  assert.deepEqual(counts, [3, 3, 2, 1]);
  const sorted = async (id: string, c: object) => [...(await register(h, id, c)).assigned_services].sort();
  assert.deepEqual(await sorted('s1', { worker_type: 'storage' }), ['chromadb', 'postgres', 'redis']);
  assert.deepEqual(await sorted('s2', { worker_type: 'storage' }), ['chromadb', 'minio', 'neo4j']);
});

test('a machine with a public address and no GPU reads documents', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  const r = await register(h, 'w', { has_gpu: false, has_public_ip: true, low_latency: true });
  assert.equal(r.worker_type, 'cpu');
  for (const s of ['document-processing', 'vision-ocr', 'ner-extraction', 'notes-coa']) assert.ok(r.assigned_services.includes(s), s);
});

test('listings keep their shapes, and a URL stays as it was given', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  await register(h, 'w1', cpu);
  const beat = await h.post('/api/worker/heartbeat', { worker_id: 'w1', status: 'healthy', current_load: 0.5, services_status: { 'document-processing': { state: 'ready' }, 'ner-extraction': { state: 'not_available', reason: 'there is no such program' } } });
  assert.equal(beat.json.status, 'ok');
  const admin = (await h.get('/api/admin/workers')).json;
  assert.deepEqual([admin.total, admin.healthy], [1, 1]);
  const w = admin.workers[0];
  assert.equal(w.tunnel_url, 'https://w1.trycloudflare.com');
  assert.equal(w.current_load, 0.5);
  assert.equal(w.is_healthy, true);
  assert.equal(typeof w.age_seconds, 'number');
  const bare = (await h.get('/api/admin/workers?format=array')).json;
  assert.ok(Array.isArray(bare) && bare[0].worker_id === 'w1');
  const found = (await h.get('/api/services/discover/document-processing')).json;
  assert.equal(found.count, 1);
  assert.equal(found.workers[0].load, 0.5);
  const none = await h.get('/api/services/discover/ner-extraction');
  assert.equal(none.status, 503);
  assert.equal(none.json.detail, 'No healthy workers found for service: ner-extraction');
  const gaps = (await h.get('/api/admin/gaps')).json;
  const gap = (name: string) => gaps.gaps.find((g: any) => g.service === name);
  assert.equal(gap('document-processing').status, 'warning');
  assert.equal(gap('ner-extraction').status, 'critical');
  assert.match(JSON.stringify(gap('ner-extraction')), /no such program/);
  assert.equal(gaps.summary.total_services, gaps.gaps.length);
  const health = (await h.get('/health')).json;
  assert.equal(health.services.covered, 1);
});

test('what is not there is not pretended', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  await register(h, 'w1', cpu);
  const job = await h.post('/api/coordinator/broadcast-job', { job_type: 'x', job_data: {} });
  assert.equal(job.status, 503);
  assert.ok(job.headers['retry-after']);
  assert.equal((await h.get('/api/dht/stats')).json.dht_enabled, false);
  assert.equal((await h.get('/api/dht/bootstrap')).json.seed_count, 0);
});

test('a preflight is answered, with CORS for allowed origins alone', async (t) => {
  const h = await Hearth.start({ args: ['--allowed-origins', 'https://a.example, https://b.example'] });
  t.after(() => h.stop());
  const ask = (origin: string) => h.get('/service/ocr/process', { method: 'OPTIONS', headers: { origin } });
  const good = await ask('https://b.example');
  assert.equal(good.status, 200);
  assert.equal(good.headers['access-control-allow-origin'], 'https://b.example');
  assert.equal(good.headers['access-control-max-age'], '86400');
  assert.match(good.headers.allow as string, /POST/);
  assert.equal((await ask('https://evil.example')).headers['access-control-allow-origin'], undefined);
});
