// SPDX-License-Identifier: Apache-2.0
// Wrong requests to every route: each gets a JSON error with the right status
// that names the field or the reason, and changes nothing.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Hearth, post, Reply, Send } from '../lib/hearth.js';

function isError(r: Reply, status: number, what: string, says?: RegExp): void {
  assert.equal(r.status, status, `${what}: ${r.status} ${r.text.slice(0, 300)}`);
  assert.match(r.headers['content-type'] as string, /^application\/json/, what);
  assert.match(r.json.error.code, /^[a-z_]+$/, what);
  assert.ok(r.json.error.message.length >= 8, what);
  assert.equal(r.json.error.request_id, r.headers['x-request-id'], what);
  assert.ok(r.json.detail, what);
  if (says !== undefined) assert.match(r.json.error.message + (r.json.error.field ?? ''), says, what);
}

// Every route, from the description that clients read.
async function routes(h: Hearth): Promise<[string, string][]> {
  const { paths } = (await h.get('/openapi.json')).json;
  return Object.entries(paths).flatMap(([path, ops]) => Object.keys(ops as object).map((m) => [m.toUpperCase(), path.replace(/\{[^}]*\}/, 'x')] as [string, string]));
}

test('another method is 405, and Allow names those there are', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  const all = await routes(h);
  assert.ok(all.length >= 20);
  for (const [method, path] of all) {
    const fit = all.filter(([, p]) => p === path).flatMap(([m]) => (m === 'GET' ? ['GET', 'HEAD'] : [m]));
    for (const other of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND'].filter((m) => !fit.includes(m))) {
      const r = await h.get(path, { method: other });
      isError(r, 405, `${other} ${path}`, new RegExp(`${other}.*${method}`));
      assert.deepEqual((r.headers.allow as string).split(', ').sort(), fit.sort(), path);
    }
    if (method === 'GET') {
      const head = await h.get(path, { method: 'HEAD' });
      const get = await h.get(path);
      assert.deepEqual([head.status, head.body.length], [get.status, 0], path);
    }
  }
});

test('what is not there is 404', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  for (const path of ['/', '/x', '/api', '/api/', '/api/worker', '/api/worker/register/', '/api/worker/register/x', '//health', '/health/', '/HEALTH', '/api/admin/workers/x', '/service', '/service/', '/service/x', '/service/x/y', '/services', '/api/worker/unregister/', '/api/services/discover/'])
    for (const method of ['GET', 'POST', 'DELETE']) isError(await h.get(path, { method }), 404, `${method} ${path}`);
  isError(await h.get('/api/worker/unregister/nobody', { method: 'DELETE' }), 404, 'an unknown worker', /Worker not found/);
  isError(await h.get(`/api/worker/unregister/${'%41'.repeat(500)}`, { method: 'DELETE' }), 404, 'a long name');
  for (const path of ['/api/services/discover/nonsense', '/api/worker/find/nonsense']) isError(await h.get(path), 404, path, /nonsense|no service/);
});

test('a body that is no JSON document by its type is 415', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  const body = JSON.stringify({ worker_id: 'w', tunnel_url: 'http://127.0.0.1:9', capabilities: {} });
  for (const type of [undefined, '', 'text/plain', 'text/plain;charset=UTF-8', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/octet-stream', 'text/json', 'application/jsonx', 'json', 'application/xml']) {
    for (const path of ['/api/worker/register', '/api/worker/heartbeat'])
      isError(await h.get(path, { method: 'POST', headers: type === undefined ? {} : { 'content-type': type }, body }), 415, `${path} ${type}`, /application\/json.*Content-Type/s);
  }
  assert.equal((await h.get('/health')).json.workers.total, 0);
  for (const type of ['application/json', 'Application/JSON', 'application/json; charset=utf-8', 'application/json ;x=y'])
    assert.equal((await h.get('/api/worker/register', { method: 'POST', headers: { 'content-type': type }, body })).status, 200, type);
});

const good = { worker_id: 'w', tunnel_url: 'http://127.0.0.1:9', capabilities: {} };

test('a registration or heartbeat that is wrong names the field', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  const wrong = async (path: string, value: unknown, field: string, what = JSON.stringify(value)): Promise<void> => {
    const r = await post(h.url, path, value);
    isError(r, 422, `${path} ${what?.slice(0, 100)}`);
    assert.equal(r.json.error.field, field, what);
    assert.deepEqual(r.json.detail[0].loc, field === '' ? ['body'] : ['body', ...field.split('.')], what);
    assert.ok(r.json.detail[0].msg && r.json.detail[0].type, what);
  };
  for (const path of ['/api/worker/register', '/api/worker/heartbeat']) {
    for (const v of [null, 1, 'x', [], true]) await wrong(path, v, '');
    for (const id of [undefined, null, 1, '', ' ', 'a b', 'a/b', 'a\nb', '../x', 'é', '<b>', 'a"b', 'x'.repeat(200), [], {}, 'a\0b']) await wrong(path, { ...good, worker_id: id }, 'worker_id');
  }
  const reg = '/api/worker/register';
  for (const url of [undefined, null, 1, 'x', 'ftp://x', 'http://', 'http:///x', 'javascript:alert(1)', 'http://a b', 'http://a"b', 'http://a<b', 'http://é', `http://${'x'.repeat(5000)}`, 'http://a\\b']) await wrong(reg, { ...good, tunnel_url: url }, 'tunnel_url');
  for (const c of [undefined, null, 1, 'x', []]) await wrong(reg, { ...good, capabilities: c }, 'capabilities');
  await wrong(reg, { ...good, capabilities: { x: 'x'.repeat(70_000) } }, 'capabilities');
  for (const [field, v] of [['services', {}], ['services', 'x'], ['containers', 1], ['link', 'yes'], ['epoch', -1], ['epoch', 'x'], ['epoch', 1.5], ['version', 1]] as const) await wrong(reg, { ...good, [field]: v }, field);
  assert.equal((await h.get('/health')).json.workers.total, 0);
  assert.equal((await h.post(reg, good)).status, 200);
  const beat = '/api/worker/heartbeat';
  for (const [field, v] of [['status', 1], ['status', ''], ['status', 'x'.repeat(100)], ['current_load', 'x'], ['current_load', -1], ['available_memory', 1], ['available_memory', 'x'.repeat(100)], ['loaded_models', {}], ['loaded_models', Array(100).fill('m')], ['active_requests', -1], ['active_requests', 1.5], ['active_requests', '1'], ['gpu_utilization', 'x'], ['services_status', []], ['services_status', 'x'], ['specialization', 1], ['specialization', 'x'.repeat(200)]] as const)
    await wrong(beat, { worker_id: 'w', [field]: v }, field);
  isError(await h.post(beat, { worker_id: 'nobody' }), 404, 'an unknown worker', /Worker not found/);
  for (const path of [reg, beat]) isError(await h.get(path, { method: 'POST', headers: { 'content-type': 'application/json' } }), 400, `${path} without a body`, /JSON/);
});

test('a wrong question says what is wrong with it', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  isError(await h.get('/api/admin/why'), 400, 'no service', /service/);
  isError(await h.get('/api/admin/why?service='), 400, 'an empty one', /service/);
  isError(await h.get('/api/admin/why?service=nonsense'), 404, 'an unknown service', /nonsense/);
  isError(await h.get('/api/admin/why?service=ocr&worker=nobody'), 404, 'an unknown worker', /nobody/);
  for (const since of ['x', '-1', '1x', '99999999999999999999999']) isError(await h.get(`/api/admin/events?since=${since}`), 400, since, /since/);
  isError(await h.get('/api/admin/workers?format=xml'), 400, 'a format', /format/);
});

test('what is not available says so', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  for (const path of ['/api/coordinator/broadcast-job', '/api/edge/register', '/api/edge/heartbeat']) {
    const r = await h.post(path, {});
    isError(r, 503, path, /not available/);
    assert.ok(Number(r.headers['retry-after']) > 0);
  }
});

test('a link is asked for rightly, or refused', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  const ask = async (headers: Send['headers'], method = 'GET'): Promise<Reply> => h.get('/api/worker/link', { method, headers });
  const up = { connection: 'Upgrade', upgrade: 'hearth-link/1' };
  await h.post('/api/worker/register', { ...good, link: true });
  isError(await ask({}), 404, 'no upgrade');
  isError(await ask({ ...up }), 400, 'no worker', /Hearth-Worker-Id/);
  isError(await ask({ ...up, 'hearth-worker-id': 'a b', 'hearth-epoch': '1' }), 400, 'a bad name', /Hearth-Worker-Id/);
  isError(await ask({ ...up, 'hearth-worker-id': 'w' }), 400, 'no epoch', /Hearth-Epoch/);
  isError(await ask({ ...up, 'hearth-worker-id': 'w', 'hearth-epoch': '-1' }), 400, 'a bad epoch', /Hearth-Epoch/);
  isError(await ask({ ...up, 'hearth-worker-id': 'nobody', 'hearth-epoch': '1' }), 404, 'an unknown worker', /nobody/);
  isError(await ask({ ...up, upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' }), 400, 'another upgrade', /hearth-link\/1/);
});
