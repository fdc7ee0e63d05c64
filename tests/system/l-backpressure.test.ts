// SPDX-License-Identifier: Apache-2.0
// Whoever reads slowly makes the sender wait, through every hop: the
// coordinator holds a window per stream, never a body. A hundred at once, in
// both directions, by both ways.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Hearth, leftovers, rssKiB, SANITIZED, waitFor } from '../lib/hearth.js';
import { both, HOST, ok, Stage, Wire, type Call } from '../lib/peer.js';

const P = '/service/upload/x';
const N = 100;
const BLOCK = Buffer.alloc(64 * 1024, 'x');
// How many answers of the coordinator's own the others must stand still for.
const ANSWERS = SANITIZED ? 600 : 50;
const HUGE = 10 * 1024 ** 3;

// Writes for as long as the other side takes it. Counts what left.
class Pour {
  taken = 0;
  over = false;
  constructor(private socket: Wire['socket']) { socket.on('close', () => { this.over = true; }); this.more(); }
  private more(): void {
    if (this.over) return;
    this.socket.write(BLOCK, (e) => { if (e == null) { this.taken += BLOCK.length; this.more(); } else this.over = true; });
  }
}

// All of them wait: nothing moves while the coordinator does other work.
async function blocked(s: Stage, pours: () => Pour[]): Promise<number> {
  const sum = (): number => pours().reduce((n, p) => n + p.taken, 0);
  await waitFor('every sender waits', async () => {
    const before = sum();
    for (let i = 0; i < ANSWERS; i++) assert.equal((await s.h.get('/readyz')).status, 200);
    return pours().length === N && sum() === before;
  });
  return sum();
}

// KiB per stream that the coordinator (and the worker) grew.
function grown(s: Stage, before: number[]): number[] {
  return [s.h.coordinator, ...s.h.workers].map((p, i) => (rssKiB(p.pid) - before[i]) / N);
}
const memory = (s: Stage): number[] => [s.h.coordinator, ...s.h.workers].map((p) => rssKiB(p.pid));

both('an answer that nobody reads stays where it is made', async (s, _way, t) => {
  const pours: Pour[] = [];
  const before = memory(s);
  s.peer.script = (c) => { c.send(`HTTP/1.1 200 OK\r\nContent-Type: x/y\r\nContent-Length: ${HUGE}\r\n\r\n`); pours.push(new Pour(c.socket)); };
  const wires = Array.from({ length: N }, () => new Wire(s.url));
  for (const w of wires) w.socket.pause();
  await Promise.all(wires.map((w) => w.send(`GET ${P} HTTP/1.1\r\n${HOST}\r\n`)));
  const sum = await blocked(s, () => pours);
  assert.ok(sum < N * 16 * 1024 * 1024, `${sum} bytes left their makers`);
  t.diagnostic(`${grown(s, before).map(Math.round).join(' and ')} KiB per stream; ${Math.round(sum / N / 1024)} KiB each left the senders`);
  if (!SANITIZED) for (const kib of grown(s, before)) assert.ok(kib <= 1024, `${kib} KiB per stream`);
  // One that begins to read gets more; the others do not.
  const taken = pours.map((p) => p.taken);
  let got = 0;
  wires[7].socket.removeAllListeners('data').on('data', (d) => { got += d.length; }).resume();
  await waitFor('its answer flows', () => got > 30 * 1024 * 1024);
  wires[7].abort();
  const more = pours.map((p, i) => p.taken - taken[i]);
  const most = Math.max(...more);
  assert.ok(most > 16 * 1024 * 1024, `${most} bytes more were made for it`);
  assert.ok(more.reduce((n, b) => n + b, 0) - most < most, 'others got more than the one that reads');
  for (const w of wires) w.abort();
  await waitFor('all makers are told', () => s.peer.calls.every((c) => c.closed));
});

both('an upload that nobody reads stays with its sender', async (s, _way, t) => {
  const calls: Call[] = [];
  const before = memory(s);
  s.peer.script = (c) => { c.socket.pause(); calls.push(c); };
  const wires = Array.from({ length: N }, () => new Wire(s.url));
  await Promise.all(wires.map((w) => w.send(`POST ${P} HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${(64 * 1024 * 1024).toString(16)}\r\n`)));
  const pours = wires.map((w) => new Pour(w.socket));
  await waitFor('all have arrived', () => calls.length === N);
  const sum = await blocked(s, () => pours);
  assert.ok(sum < N * 16 * 1024 * 1024, `${sum} bytes left their senders`);
  t.diagnostic(`${grown(s, before).map(Math.round).join(' and ')} KiB per stream; ${Math.round(sum / N / 1024)} KiB each left the senders`);
  if (!SANITIZED) for (const kib of grown(s, before)) assert.ok(kib <= 1024, `${kib} KiB per stream`);
  // Others are served meanwhile.
  s.peer.script = (c) => { c.next(); c.send(ok('meanwhile')); };
  const w = new Wire(s.url);
  await w.send(`GET ${P} HTTP/1.1\r\n${HOST}\r\n`);
  assert.equal((await w.answers())[0].body, 'meanwhile');
  for (const x of [w, ...wires]) x.abort();
});

test('an upload to a service that stands still waits, and goes on with it', async (t) => {
  const h = await Hearth.start({ workers: 1, workerEnv: { WORKER_TYPE: 'cpu' }, waitServices: ['document-processing'] });
  t.after(() => h.stop());
  const service = leftovers(h.dir).filter((l) => l.includes('hearth-service document-processing')).map((l) => Number(l.split(' ')[0]));
  assert.ok(service.length > 0);
  const text = Buffer.from('One line among many others.\n'.repeat(600_000)); // 16 MiB
  await h.upload('/service/upload/process', 'small.txt', text.subarray(0, 28)); // warm
  const before = [h.coordinator, ...h.workers].map((p) => rssKiB(p.pid));
  for (const pid of service) process.kill(pid, 'SIGSTOP');
  const w = new Wire(h.url);
  try {
    let sent = false;
    await w.send(`POST /service/upload/process HTTP/1.1\r\n${HOST}Content-Type: text/plain\r\nContent-Length: ${text.length}\r\n\r\n`);
    void w.send(text).then(() => { sent = true; });
    await waitFor('the sender waits', async () => {
      const n = w.socket.bytesWritten - w.socket.writableLength;
      for (let i = 0; i < 50; i++) await h.get('/readyz');
      return n > 0 && w.socket.bytesWritten - w.socket.writableLength === n;
    });
    assert.equal(sent, false, 'somebody took all of it');
    if (!SANITIZED) [h.coordinator, ...h.workers].forEach((p, i) => assert.ok(rssKiB(p.pid) - before[i] <= 1024, `${p.name} grew by ${rssKiB(p.pid) - before[i]} KiB`));
  } finally {
    for (const pid of service) process.kill(pid, 'SIGCONT');
  }
  const m = (await w.answers()).at(-1)!;
  w.socket.destroy();
  assert.ok(m.status === 200 || (m.status === 422 && /too_large/.test(m.body)), `${m.status} ${m.body.slice(0, 300)}`);
});
