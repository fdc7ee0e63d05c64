// SPDX-License-Identifier: Apache-2.0
// One command and everything runs; one command and everything has stopped.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { freePort, leftovers, request, run, waitFor } from '../lib/hearth.js';

test('up --detach, status, again, logs, down', async (t) => {
  const data = mkdtempSync(join(tmpdir(), 'hearth-test-'));
  const port = String(await freePort());
  const env = { HEARTH_DATA: data, HEARTH_PORT: port };
  t.after(async () => { await run(['down'], env); rmSync(data, { recursive: true, force: true }); });

  const before = await run(['status'], { HEARTH_DATA: data });
  assert.notEqual(before.code, 0);

  const up = await run(['up', '--detach'], env);
  assert.equal(up.code, 0, up.err);
  assert.match(up.out, new RegExp(`Hearth is ready: http://localhost:${port}`));
  const health = await request(`http://127.0.0.1:${port}`, '/health');
  assert.equal(health.json.workers.active, 1);

  const again = await run(['up', '--detach'], env);
  assert.equal(again.code, 0);
  assert.match(again.out, /Already running/);

  await waitFor('status speaks of the worker', async () => /1 of 1 workers active, 2 of \d+ services ready/.test((await run(['status'], env)).out));
  for (const command of ['workers', 'services', 'gaps']) {
    assert.equal((await run([command], env)).code, 0, command);
    assert.equal(typeof JSON.parse((await run([command, '--json'], env)).out), 'object', command);
  }
  const why = await run(['why', 'ocr'], env);
  assert.match(why.out, /vision-ocr/);
  assert.match((await run(['logs'], env)).out, /Worker ready - listening for tasks/);

  const down = await run(['down'], env);
  assert.equal(down.code, 0, down.err);
  assert.deepEqual(leftovers(data), []);
  assert.match((await run(['down'], env)).out, /not running/);
});

test('up says in one sentence why it cannot start', async (t) => {
  const data = mkdtempSync(join(tmpdir(), 'hearth-test-'));
  t.after(() => rmSync(data, { recursive: true, force: true }));
  const s = net.createServer();
  const port = await new Promise<number>((ok) => s.listen(0, '127.0.0.1', () => ok((s.address() as net.AddressInfo).port)));
  t.after(() => s.close());
  const up = await run(['up', '--detach'], { HEARTH_DATA: data, HEARTH_PORT: String(port) });
  assert.equal(up.code, 1);
  assert.match(up.err, new RegExp(`${port}.*in use`));
  assert.deepEqual(leftovers(data), []);
});

test('children die with a killed supervisor', async (t) => {
  const data = mkdtempSync(join(tmpdir(), 'hearth-test-'));
  t.after(() => rmSync(data, { recursive: true, force: true }));
  const env = { HEARTH_DATA: data, HEARTH_PORT: String(await freePort()) };
  assert.equal((await run(['up', '-d'], env)).code, 0);
  const lines = leftovers(data);
  assert.ok(lines.length >= 2);
  process.kill(Number(readFileSync(join(data, 'run/up.lock'), 'utf8').split(' ')[0]), 'SIGKILL');
  await waitFor('nothing is left', () => leftovers(data).length === 0, 4000);
});
