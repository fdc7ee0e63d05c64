// SPDX-License-Identifier: Apache-2.0
// Limits are exact: what is at one passes the whole way, by either way to a
// back end; what is one over is refused before the back end hears of it.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Hearth } from '../lib/hearth.js';
import { both, HOST, Message, say, Stage, stage, values, Wire } from '../lib/peer.js';

const P = '/service/upload/';
const KIB = 1024;
const LINE = 8 * KIB, FIELD = 8 * KIB, HEAD = 32 * KIB, FIELDS = 100;
const HOST_BYTES = 'Host'.length + 'localhost'.length;

// A request line of n bytes.
const line = (n: number): string => { const fixed = `GET ${P} HTTP/1.1`; return fixed.replace(P, P + 'x'.repeat(n - fixed.length)); };
// A field of n bytes of name and value.
const field = (name: string, n: number): string => `${name}: ${'v'.repeat(n - name.length)}\r\n`;
// Fields of n bytes together, each as large as it may be.
function fieldsOf(n: number): string {
  let out = '';
  for (let i = 0; n > 0; i++) {
    const take = n >= FIELD && n < FIELD + 10 ? FIELD - 10 : Math.min(n, FIELD);
    out += field(`X${i}`, take);
    n -= take;
  }
  return out;
}
const many = (n: number): string => Array.from({ length: n }, (_, i) => `X${i}: ${i}\r\n`).join('');

async function ask(s: Stage, bytes: string): Promise<Message> { return (await say(s.url, bytes, 1)).messages[0]; }

async function passes(s: Stage, what: string, bytes: string, fields: number): Promise<void> {
  const m = await ask(s, bytes);
  assert.equal(m.status, 200, `${what}: ${m.body.slice(0, 300)}`);
  const seen = JSON.parse(m.body);
  const mine = [...seen.fields, ...seen.trailers].filter(([n]: string[]) => /^x\d+$/i.test(n));
  assert.equal(mine.length, fields, `${what}: all fields arrive`);
}

async function refused(s: Stage, what: string, bytes: string, status: number): Promise<void> {
  const heads = s.peer.heads;
  const { messages: [m], closed } = await say(s.url, bytes);
  assert.equal(m.status, status, `${what}: ${m.body.slice(0, 300)}`);
  assert.equal(JSON.parse(m.body).error.code, 'too_large', what);
  assert.ok(closed, what);
  assert.equal(s.peer.heads, heads, `${what} reached the back end`);
}

both('the request line', async (s) => {
  for (const n of [LINE - 1, LINE]) await passes(s, `${n}`, `${line(n)}\r\n${HOST}\r\n`, 0);
  for (const n of [LINE + 1, 2 * LINE, 100 * KIB]) await refused(s, `${n}`, `${line(n)}\r\n${HOST}\r\n`, 414);
});

both('one field', async (s) => {
  const get = (f: string): string => `GET ${P}x HTTP/1.1\r\n${HOST}${f}\r\n`;
  for (const n of [FIELD - 1, FIELD]) await passes(s, `${n}`, get(field('X1', n)), 1);
  for (const n of [FIELD + 1, 2 * FIELD, 100 * KIB]) await refused(s, `${n}`, get(field('X1', n)), 431);
  await refused(s, 'a long name', get(`${'n'.repeat(FIELD)}: v\r\n`), 431);
  await refused(s, 'white space', get(`X1:${' '.repeat(FIELD)}v\r\n`), 431);
});

both('all fields together', async (s) => {
  const get = (n: number): string => `GET ${P}x HTTP/1.1\r\n${HOST}${fieldsOf(n - HOST_BYTES)}\r\n`;
  const count = (n: number): number => fieldsOf(n - HOST_BYTES).split('\r\n').length - 1;
  for (const n of [HEAD - 1, HEAD]) await passes(s, `${n}`, get(n), count(n));
  for (const n of [HEAD + 1, 2 * HEAD]) await refused(s, `${n}`, get(n), 431);
});

both('the number of fields', async (s) => {
  const get = (n: number): string => `GET ${P}x HTTP/1.1\r\n${HOST}${many(n - 1)}\r\n`;
  for (const n of [FIELDS - 1, FIELDS]) await passes(s, `${n}`, get(n), n - 1);
  for (const n of [FIELDS + 1, 2 * FIELDS, 5000]) await refused(s, `${n}`, get(n), 431);
});

// Hops add fields of their own: a service takes them on top.
test('a request at the limits reaches a real service', async (t) => {
  const h = await Hearth.start({ workers: 1, workerEnv: { WORKER_TYPE: 'cpu' }, waitServices: ['document-processing'] });
  t.after(() => h.stop());
  const own = `${HOST}Content-Type: text/plain\r\nContent-Length: 3\r\n`;
  for (const fields of [many(FIELDS - 3), fieldsOf(HEAD - HOST_BYTES - 'Content-Typetext/plainContent-Length3'.length)]) {
    const { messages: [m] } = await say(h.url, `POST /service/upload/process HTTP/1.1\r\n${own}${fields}\r\nhi\n`, 1);
    assert.equal(m.status, 200, m.body.slice(0, 300));
    assert.match(m.body, /"markdown":"hi/);
  }
});

// The head is with the back end when they come, but the request never is.
both('trailers count too', async (s) => {
  const names = Array.from({ length: 200 }, (_, i) => `X${i}`).join(',');
  const post = (head: string, trailers: string, announce = names): string => `POST ${P}x HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nTrailer: ${announce}\r\n${head}\r\n2\r\nhi\r\n0\r\n${trailers}\r\n`;
  const over = async (what: string, bytes: string): Promise<void> => {
    const { messages: [m], closed } = await say(s.url, bytes);
    assert.equal(m.status, 431, `${what}: ${m.body.slice(0, 200)}`);
    assert.ok(closed);
  };
  await passes(s, '47 and 50', post(many(47), many(50)), 97);
  await over('47 and 51', post(many(47), many(51)));
  await over('101', post('', many(101)));
  await passes(s, 'one large', post('', field('X0', FIELD), 'X0'), 1);
  await over('one too large', post('', field('X0', FIELD + 1), 'X0'));
  const used = HOST_BYTES + 'Transfer-Encodingchunked'.length + 'TrailerX0,X1,X2,X3,X4'.length;
  await passes(s, 'together at the limit', post('', fieldsOf(HEAD - used), 'X0,X1,X2,X3,X4'), fieldsOf(HEAD - used).split('\r\n').length - 1);
  await over('together over it', post('', fieldsOf(HEAD - used + 1), 'X0,X1,X2,X3,X4'));
});

both('the fields of an answer', async (s) => {
  const bytes = (fields: string): string => `HTTP/1.1 200 OK\r\n${fields}Content-Length: 2\r\n\r\nok`;
  const own = 'Content-Length2'.length;
  const answer = async (fields: string): Promise<Message> => {
    s.peer.script = (c) => { c.next(); c.send(bytes(fields)); };
    return ask(s, `POST ${P}x HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n`);
  };
  const seen = (m: Message): number => m.fields.filter(([n]) => /^x\d+$/i.test(n)).length;
  for (const [what, good, bad] of [['number', many(FIELDS - 1), many(FIELDS)], ['one', field('X1', FIELD), field('X1', FIELD + 1)], ['all', fieldsOf(HEAD - own), fieldsOf(HEAD - own + 1)]]) {
    const m = await answer(good);
    assert.equal(m.status, 200, `${what}: ${m.body}`);
    assert.equal(seen(m), good.split('\r\n').length - 1, what);
    assert.equal((await answer(bad)).status, 502, what);
  }
});

// --- bodies -------------------------------------------------------------------

const MIB = KIB * KIB;
const MAX = ['--max-upload', '1'];

both('a body over the limit by its own account is refused unread', async (s) => {
  for (const [n, expect] of [[MIB + 1, ''], [MIB + 1, 'Expect: 100-continue\r\n'], [2 ** 40, '']] as const) {
    const w = new Wire(s.url);
    await w.send(`POST ${P}x HTTP/1.1\r\n${HOST}${expect}Content-Length: ${n}\r\n\r\n`);
    await w.end();
    assert.deepEqual(w.messages.map((m) => m.status), [413]);
    assert.match(w.messages[0].body, /"code":"too_large","message":"[^"]*1048576 bytes/);
  }
  assert.equal(s.peer.bytes, 0);
  // At the limit it passes.
  s.peer.script = (c) => { void c.body().then((m) => { c.next(); c.send(`HTTP/1.1 200 OK\r\nX-Got: ${m.body.length}\r\nContent-Length: 0\r\n\r\n`); }); };
  const m = await ask(s, `POST ${P}x HTTP/1.1\r\n${HOST}Content-Length: ${MIB}\r\n\r\n${'x'.repeat(MIB)}`);
  assert.deepEqual([m.status, values(m, 'x-got')], [200, [`${MIB}`]]);
}, { args: MAX });

both('a body that grows over the limit is cut', async (s) => {
  const head = `POST ${P}x HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`;
  const chunk = `10000\r\n${'x'.repeat(65536)}\r\n`;
  s.peer.script = (c) => { void c.body().then((m) => { c.next(); c.send(`HTTP/1.1 200 OK\r\nX-Got: ${m.body.length}\r\nContent-Length: 0\r\n\r\n`); }, () => undefined); };
  const m = await ask(s, `${head}${chunk.repeat(16)}0\r\n\r\n`);
  assert.deepEqual([m.status, values(m, 'x-got')], [200, [`${MIB}`]]);
  s.peer.forget();
  s.peer.script = () => undefined;
  const w = new Wire(s.url);
  void w.send(head + chunk.repeat(16) + '1\r\nx\r\n' + chunk.repeat(50));
  await w.answers();
  assert.equal(w.messages[0].status, 413, w.text);
  await w.end();
  const c = await s.peer.call();
  await c.gone();
  assert.equal(c.request.whole, false);
  assert.ok(s.peer.bytes <= MIB + 64 * KIB + 1000, `${s.peer.bytes} bytes reached the back end`);
}, { args: MAX });

test('a body of the API has a limit, known or found', async (t) => {
  const s = await stage('url');
  t.after(() => s.stop());
  const max = 16 * MIB;
  const fields = `${HOST}Content-Type: application/json\r\n`;
  for (const expect of ['', 'Expect: 100-continue\r\n']) {
    const { messages } = await say(s.url, `POST /api/worker/register HTTP/1.1\r\n${fields}${expect}Content-Length: ${max + 1}\r\n\r\n`);
    assert.deepEqual(messages.map((m) => m.status), [413]);
  }
  const w = new Wire(s.url);
  await w.send(`POST /api/worker/register HTTP/1.1\r\n${fields}Transfer-Encoding: chunked\r\n\r\n`);
  const chunk = `100000\r\n${' '.repeat(MIB)}\r\n`;
  let sent = 0;
  while (!w.closed && sent < 40) { await w.send(chunk); sent++; }
  await w.end();
  assert.equal(w.messages[0]?.status, 413);
  assert.ok(sent < 40, 'it read all of it');
  const good = await say(s.url, `POST /api/worker/heartbeat HTTP/1.1\r\n${fields}Content-Length: ${max}\r\n\r\n{"worker_id":"by-url"}${' '.repeat(max - 22)}`, 1);
  assert.equal(good.messages[0].status, 200, good.text);
});
