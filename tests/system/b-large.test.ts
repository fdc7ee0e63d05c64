// SPDX-License-Identifier: Apache-2.0
// Answers and bodies that do not fit a window.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Hearth, rssKiB, SANITIZED } from '../lib/hearth.js';

test('a listing of a thousand workers arrives whole', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  for (let i = 0; i < 1000; i += 50)
    await Promise.all(Array.from({ length: 50 }, (_, k) => h.post('/api/worker/register',
      { worker_id: `w${i + k}`, tunnel_url: 'http://127.0.0.1:9', capabilities: { worker_type: 'cpu', cpu_cores: 2 } })));
  const { json, body } = await h.get('/api/admin/workers');
  assert.equal(json.workers.length, 1000);
  assert.ok(body.length > 256 * 1024);
});

test('an upload passes through without staying in the coordinator', async (t) => {
  const h = await Hearth.start({ workers: 1, waitServices: ['document-processing'] });
  t.after(() => h.stop());
  const line = 'The balance of the account was 56.78 pounds on the first of May.\n';
  const text = Buffer.from(line.repeat(Math.ceil((24 * 1024 * 1024) / line.length)));
  await h.upload('/service/upload/process', 'small.txt', Buffer.from(line)); // warm
  const before = rssKiB(h.coordinator.pid);
  const r = await h.upload('/service/upload/process', 'large.txt', text);
  assert.ok(r.status === 200 || r.json.error.code === 'too_large', r.text.slice(0, 300));
  // AddressSanitizer keeps what was freed for a while.
  if (!SANITIZED) assert.ok(rssKiB(h.coordinator.pid) - before < 4096, 'the coordinator grew with the body');
});
