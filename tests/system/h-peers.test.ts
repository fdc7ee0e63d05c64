// SPDX-License-Identifier: Apache-2.0
// Scripted peers on both sides of the proxy: expectations, interim answers,
// answers without a body, trailers, early answers, half-closed and cut
// connections. Each by both ways to a back end: a worker known by its URL, and
// a service behind a worker's link.
import assert from 'node:assert/strict';
import { both, HOST, messages, ok, say, Stage, statuses, values, Wire, type Call } from '../lib/peer.js';

const P = '/service/upload/x';
const GET = `GET ${P} HTTP/1.1\r\n${HOST}\r\n`;
const post = (fields: string, body = ''): string => `POST ${P} HTTP/1.1\r\n${HOST}${fields}\r\n${body}`;

// The back end answers each request with these bytes, and may hang up.
const answering = (bytes: string, then?: 'end') => (c: Call): void => {
  void c.body().then(() => {
    c.next();
    c.send(bytes);
    if (then === 'end') c.socket.end();
  });
};

// What the client gets for one request, once that exchange or the connection
// is over.
async function get(s: Stage, request = GET): Promise<ReturnType<typeof messages>> {
  return (await say(s.url, request, 1)).messages;
}

both('the body is asked for once, and only when it is wanted', async (s) => {
  const seen: string[] = [];
  s.peer.script = (c) => { seen.push(c.got); void c.body().then((m) => { c.next(); c.send(ok(m.body)); }); };
  const w = new Wire(s.url);
  await w.send(post('Expect: 100-continue\r\nContent-Length: 5\r\n'));
  await w.until('it is asked to go on', () => statuses(w.text).includes(100));
  await w.send('hello');
  const got = await w.answers();
  assert.deepEqual(got.map((m) => m.status), [100, 200]);
  assert.equal(got[1].body, 'hello');
  assert.doesNotMatch(seen[0], /^expect/im, 'the expectation ends here');
  // It did not wait: nothing is to be asked for, and never behind the answer.
  await w.send(post('Expect: 100-Continue\r\nContent-Length: 5\r\n', 'again'));
  await w.until('the second answer', () => w.messages.filter((m) => m.status === 200 && m.whole).length === 2);
  w.socket.destroy();
  assert.deepEqual(statuses(w.text), [100, 200, 200]);
  const old = await say(s.url, `POST ${P} HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi`);
  assert.deepEqual(statuses(old.text), [200], 'HTTP/1.0 knows no interim answers');
});

both('a request that will not be served is refused before its body', async (s) => {
  const expect = 'Expect: 100-continue\r\nContent-Length: 5\r\n';
  const cases: [string, number][] = [
    [post(expect).replace(P, '/service/nonsense/x'), 404],
    [post(expect).replace(P, '/service/redis/x'), 503],
    [post(expect).replace(P, '/nothing'), 404],
    [post(expect).replace(P, '/health'), 405],
    [post(expect).replace(P, '/a%2fb'), 400],
    [post(expect).replace('localhost', 'evil.example.org'), 421],
    [post('Expect: 100-continue\r\nContent-Length: 10000000000\r\n'), 413],
    [post('Expect: a-miracle\r\nContent-Length: 5\r\n'), 417],
    [post('Expect: 100-continue, a-miracle\r\nContent-Length: 5\r\n'), 417],
    [post('Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 5\r\n'), 400],
  ];
  for (const [bytes, status] of cases) {
    const w = new Wire(s.url);
    await w.send(bytes);
    const text = await w.end();
    assert.equal(statuses(text)[0], status, bytes);
    assert.equal(statuses(text).length, 1, bytes);
  }
  assert.equal(s.peer.bytes, 0);
});

both('early hints are passed on, other interim answers are not', async (s) => {
  const hints = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nSet-Cookie: a=b\r\nConnection: x-y\r\nX-Y: 1\r\n\r\n';
  s.peer.script = answering(`HTTP/1.1 102 Processing\r\n\r\n${hints}HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 199 Odd\r\n\r\n${hints}${ok('done')}`);
  const got = await get(s);
  assert.deepEqual(got.map((m) => m.status), [103, 103, 200]);
  assert.deepEqual(values(got[0], 'link'), ['</a.css>; rel=preload']);
  assert.deepEqual(values(got[0], 'set-cookie'), []);
  assert.deepEqual(values(got[0], 'x-y'), []);
  assert.deepEqual(values(got[2], 'link'), [], 'hints stay hints');
  assert.equal(got[2].body, 'done');
});

both('ten interim answers are enough', async (s) => {
  s.peer.script = answering('HTTP/1.1 102 Processing\r\n\r\n'.repeat(10) + ok('ten'));
  assert.deepEqual((await get(s)).map((m) => m.status), [200]);
  s.peer.script = answering('HTTP/1.1 102 Processing\r\n\r\n'.repeat(11) + ok('eleven'));
  assert.deepEqual((await get(s)).map((m) => m.status), [502]);
  s.peer.script = (c) => c.send('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100_000));
  assert.equal((await get(s)).at(-1)!.status, 502);
});

both('what has no body gets none, whatever the back end sends', async (s) => {
  const w = new Wire(s.url);
  s.peer.script = answering('HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nX: 1\r\n\r\n');
  await w.send(GET.replace('GET', 'HEAD'));
  await w.until('a head', () => w.text.includes('\r\n\r\n'));
  assert.match(w.text, /^HTTP\/1\.1 200 [^]*\r\ncontent-length: 1234\r\n/i);
  // The connection goes on, and nobody takes a body for the next answer.
  const cases: [string, string, string][] = [
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nSURPLUS_!', '200'], ['HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nSURPLUS\r\n0\r\n\r\n', '200'],
    ['GET', 'HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\nSURPLUS', '204'], ['GET', 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nSURPLUS\r\n0\r\n\r\n', '204'],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 7\r\n\r\nSURPLUS', '304'], ['GET', 'HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n', '205'],
  ];
  for (const [method, bytes, status] of cases) {
    const before = w.text.length;
    s.peer.script = answering(bytes);
    await w.send(GET.replace('GET', method));
    await w.until(`an answer to ${method}`, () => w.closed || w.text.slice(before).includes('\r\n\r\n'));
    assert.match(w.text.slice(before), new RegExp(`^HTTP/1\\.1 ${status} [^]*\\r\\n\\r\\n$`), bytes);
    s.peer.script = answering(ok('mine'));
    await w.send(GET);
    await w.until('the next answer', () => w.closed || w.text.slice(before).endsWith('mine'));
    assert.match(w.text.slice(before), new RegExp(`^HTTP/1\\.1 ${status} [^]*HTTP/1\\.1 200 [^]*\\r\\n\\r\\nmine$`), bytes);
  }
  w.socket.destroy();
  assert.doesNotMatch(w.text, /SURPLUS/);
});

both('trailers pass when they were announced, and claim nothing', async (s) => {
  const names = ['X-Sum', 'Authorization', 'Content-Type', 'Host', 'X-Forwarded-For', 'Forwarded', 'X-Real-Ip', 'Cf-Connecting-Ip', 'True-Client-Ip', 'X-Hearth-Admin', 'Hearth-Worker-Id', 'Cookie', 'Set-Cookie', 'Via', 'Connection', 'X-Request-Id', 'Traceparent', 'Access-Control-Allow-Origin', 'Strict-Transport-Security'];
  const body = `5\r\nhello\r\n0\r\n${names.map((n) => `${n}: 1\r\n`).join('')}X-Secret: 1\r\n\r\n`;
  let asked: ReturnType<typeof messages>[0] | undefined;
  s.peer.script = (c) => { void c.body().then((m) => { asked = m; c.next(); c.send(`HTTP/1.1 200 OK\r\nTrailer: ${names.join(', ')}\r\nTransfer-Encoding: chunked\r\n\r\n${body}`); }); };
  const [got] = await get(s, post(`Transfer-Encoding: chunked\r\nTrailer: ${names.slice(0, 10).join(',')}\r\nTrailer: ${names.slice(10).join(' , ')}\r\n`, body));
  for (const m of [asked!, got]) {
    assert.equal(m.body, 'hello');
    assert.deepEqual(m.trailers.map(([n, v]) => [n.toLowerCase(), v]), [['x-sum', '1']]);
    for (const name of ['x-sum', 'x-secret', 'authorization', 'cookie', 'cf-connecting-ip', 'set-cookie']) assert.deepEqual(values(m, name), [], `${name} became a header field`);
  }
});

both('an early answer is delivered while the upload still runs', async (s) => {
  s.peer.script = (c) => c.send(ok('enough', 'Connection: close\r\n'));
  const w = new Wire(s.url);
  await w.send(post('Content-Length: 50000000\r\n', 'x'.repeat(1000)));
  const block = Buffer.alloc(64 * 1024);
  const feed = (): void => { if (!w.closed && !w.reset) w.socket.write(block, () => setImmediate(feed)); };
  feed();
  const [m] = await w.answers();
  assert.deepEqual([m.status, m.body, m.whole], [200, 'enough', true]);
  await w.end();
  await (await s.peer.call()).gone();
  // A small rest is read off instead, and the connection goes on.
  s.peer.script = (c) => { c.send(ok('early')); };
  const again = new Wire(s.url);
  await again.send(post('Content-Length: 2000\r\n', 'x'));
  await again.answers();
  s.peer.script = answering(ok('next'));
  await again.send('x'.repeat(1999) + GET);
  assert.deepEqual((await again.answers(2)).map((x) => [x.status, x.body]), [[200, 'early'], [200, 'next']]);
  again.socket.destroy();
});

both('a client that sends no more is still answered', async (s) => {
  let release = (): void => undefined;
  s.peer.script = (c) => { release = () => c.send(ok('late but there')); };
  const w = new Wire(s.url);
  await w.send(GET);
  await s.peer.call();
  w.socket.end();
  await s.h.get('/health'); // its FIN was read
  release();
  assert.equal((await w.answers()).find((m) => m.status === 200)?.body, 'late but there');
  await w.end();
});

both('a request that ends in its middle is none', async (s) => {
  s.peer.script = () => undefined;
  for (const bytes of [post('Content-Length: 10\r\n', 'hello'), post('Transfer-Encoding: chunked\r\n', '5\r\nhel'), post('Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n0\r\n')]) {
    s.peer.forget();
    const w = new Wire(s.url);
    await w.send(bytes);
    const c = await s.peer.call();
    w.socket.end();
    assert.deepEqual(statuses(await w.end()), [400]);
    await c.gone();
    assert.equal(c.request.whole, false);
  }
  for (const bytes of ['GET', GET.slice(0, -2), post('Content-Length: 10\r\n').slice(0, -2)]) {
    s.peer.forget();
    const w = new Wire(s.url);
    await w.send(bytes);
    w.socket.end();
    assert.deepEqual(statuses(await w.end()), [400]);
    assert.equal(s.peer.bytes, 0);
  }
});

both('an answer that was cut short is seen as cut short', async (s) => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n';
  const cut = [`${head}Content-Length: 10\r\n\r\nhello`, `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`, `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhel`, `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n`, `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n`, `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX`, `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`];
  for (const bytes of cut) {
    for (const how of ['end', 'reset'] as const) {
      if (how === 'reset' && !bytes.includes('hello')) continue;
      // The cut comes when the client has what there was before it.
      let c: Call | undefined;
      s.peer.script = (x) => { c = x; x.next(); x.send(bytes); };
      const w = new Wire(s.url);
      await w.send(GET);
      await w.until('the back end to begin', () => c);
      if (bytes.includes('hel')) await w.until('the start of the answer', () => w.closed || w.text.includes('hel'));
      if (how === 'end') c!.socket.end(); else c!.cut();
      await w.end();
      const [m] = w.messages;
      if (m === undefined && w.reset) continue;
      assert.ok(m.status === 200 || (m.status === 502 && bytes.includes('zz')), `${how}: ${bytes}: ${w.text}`);
      if (m.status === 200) assert.ok(!m.whole || w.reset, `${how}: ${bytes}: ${w.text}`);
    }
  }
});

both('an event stream that breaks says so, and does not end well', async (s) => {
  s.peer.script = (c) => c.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nd\r\ndata: first\n\n\r\n');
  const w = new Wire(s.url);
  await w.send(GET);
  await w.until('the first event', () => w.text.includes('first'));
  (await s.peer.call()).cut();
  await w.end();
  assert.match(w.text, /event: error\ndata: \{"error":\{"code":"bad_gateway"/);
  assert.equal(w.messages[0].whole, false);
});

both('an answer that can be read in two ways is none', async (s) => {
  const bad: Record<string, string> = {
    'length and chunked': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc',
    'a length with a sign': 'HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nab',
    'a negative length': 'HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nab',
    'a length of letters': 'HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nab',
    'another coding': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    'chunked twice': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'a split value': 'HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n',
    'a folded value': 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n',
    'LF': 'HTTP/1.1 200 OK\nContent-Length: 0\n\n',
    'a NUL': 'HTTP/1.1 200 OK\r\nX: \0\r\nContent-Length: 0\r\n\r\n',
    'no colon': 'HTTP/1.1 200 OK\r\nX\r\nContent-Length: 0\r\n\r\n',
    'a space before the colon': 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n',
    'two types': 'HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Type: c/d\r\nContent-Length: 0\r\n\r\n',
    'a status below 100': 'HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n',
    'a status of 600': 'HTTP/1.1 600 High\r\nContent-Length: 0\r\n\r\n',
    'a status of two digits': 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n',
    'a status of letters': 'HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n',
    'another version': 'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n',
    'another protocol': 'ICY 200 OK\r\n\r\n',
    'an upgrade nobody asked for': 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    'a field over the limit': `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(9000)}\r\nContent-Length: 0\r\n\r\n`,
    'fields over the limit': `HTTP/1.1 200 OK\r\n${`X: ${'x'.repeat(4000)}\r\n`.repeat(9)}Content-Length: 0\r\n\r\n`,
    'too many fields': `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(101)}Content-Length: 0\r\n\r\n`,
    'white space without end': `HTTP/1.1 200 OK\r\nX:${' '.repeat(100_000)}`,
    'noise': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    'nothing': '',
  };
  for (const [name, bytes] of Object.entries(bad)) {
    s.peer.script = bytes === '' ? (c) => { c.socket.end(); } : answering(bytes);
    const got = await get(s, post('Content-Length: 2\r\n', 'hi'));
    assert.deepEqual(got.map((m) => m.status), [502], name);
    assert.equal(JSON.parse(got[0].body).error.code, 'bad_gateway', name);
    // Three of these and the worker would rest; one good answer settles it.
    s.peer.script = answering(ok('good'));
    assert.equal((await get(s))[0].body, 'good', `behind ${name}`);
  }
});

both('nobody gets a byte of somebody else\'s answer', async (s) => {
  const tricks = [
    (n: string) => ok(n), (n: string) => ok(n), (n: string) => ok(n),
    (n: string) => ok(n) + ok(`stolen ${n}`), (n: string) => `${ok(n)}HTTP/1.1 2`, (n: string) => `HTTP/1.1 100 Continue\r\n\r\n${ok(n)}\r\n\r\nX`,
    (n: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${n.length + 9}\r\n\r\n${n}`, (n: string) => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${n.length.toString(16)}\r\n${n}\r\n0\r\n\r\n${ok(`more ${n}`)}`,
    (n: string) => `HTTP/1.1 204 No Content\r\n\r\n${n}`, (n: string) => `HTTP/1.1 200 OK\r\n\r\n${n}`,
  ];
  let count = 0;
  s.peer.script = (c) => { void c.body().then((m) => {
    const trick = count++ % tricks.length;
    const nonce = values(m, 'x-nonce')[0];
    c.next();
    c.send(tricks[trick](nonce));
    if (trick === 6 || trick === 9) c.socket.end();
  }); };
  let good = 0;
  await Promise.all(Array.from({ length: 25 }, async (_, client) => {
    for (let i = 0; i < 20; i++) {
      const nonce = `nonce-${client}-${i}-${Math.random().toString(36).slice(2)}`;
      const [m] = await get(s, GET.replace('\r\n\r\n', `\r\nX-Nonce: ${nonce}\r\n\r\n`));
      if (m === undefined || !m.whole) { assert.ok(m === undefined || nonce.startsWith(m.body), m?.body); continue; } // cut
      if (m.status === 200) { assert.equal(m.body, nonce); good++; } else assert.ok([204, 502, 503].includes(m.status), String(m.status));
    }
  }));
  assert.ok(good >= 250, `${good} of 500 were answered`);
});

both('a connection is used again only behind a framed answer', async (s) => {
  const connections = async (bytes: string, then?: 'end'): Promise<number> => {
    await get(s, GET.replace('GET', 'DELETE'));
    s.peer.forget();
    const before = s.peer.calls.length;
    s.peer.script = answering(bytes, then);
    for (let i = 0; i < 3; i++) {
      await get(s);
      if (then === 'end' || bytes.includes('SURPLUS') || /close/.test(bytes)) await (await s.peer.call(i)).gone();
    }
    return s.peer.calls.length - before;
  };
  s.peer.script = answering(ok());
  await get(s);
  const again = (await s.peer.call()).requests;
  for (let i = 0; i < 3; i++) await get(s);
  assert.equal((await s.peer.call()).requests, again + 3, 'one connection serves all');
  assert.equal(s.peer.calls.length, 1);
  (await s.peer.call()).socket.end();
  await (await s.peer.call()).gone();
  s.peer.script = answering(ok('bye', 'Connection: close\r\n'));
  assert.equal(await connections(ok('x', 'Connection: close\r\n')), 3);
  assert.equal(await connections(`${ok('x')}SURPLUS`), 3);
  assert.equal(await connections('HTTP/1.1 200 OK\r\n\r\nuntil the end', 'end'), 3);
});

both('a websocket is a tunnel, and nothing else is', async (s) => {
  const ask = `GET ${P} HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
  s.peer.script = (c) => {
    assert.match(c.got, /\r\nupgrade: websocket\r\n/i);
    c.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n');
    c.socket.on('data', (d) => c.send(d));
  };
  const w = new Wire(s.url);
  await w.send(ask);
  await w.until('the upgrade', () => w.text.includes('\r\n\r\n'));
  assert.match(w.text, /^HTTP\/1\.1 101 /);
  const at = w.text.indexOf('\r\n\r\n') + 4;
  const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 7 + (i >> 8)) & 255));
  await w.send(bytes);
  await w.until('all of it comes back', () => w.text.length === at + bytes.length);
  assert.ok(Buffer.from(w.text.slice(at), 'latin1').equals(bytes));
  const c = await s.peer.call();
  w.abort();
  await c.gone();
  // Refused by the back end: an answer like any other. Ignored: none.
  s.peer.script = answering('HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno');
  assert.deepEqual((await get(s, ask)).map((m) => [m.status, m.body]), [[426, 'no']]);
  s.peer.script = answering(ok('no'));
  assert.deepEqual((await get(s, ask)).map((m) => m.status), [502]);
  // Other protocols are not asked for, and not given.
  for (const other of ['h2c', 'TLS/1.0', 'websocket, h2c']) {
    let seen = '';
    s.peer.script = (x) => { seen = x.got; answering(ok('plain'))(x); };
    assert.deepEqual((await get(s, `GET ${P} HTTP/1.1\r\n${HOST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: ${other}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`)).map((m) => m.body), ['plain'], other);
    assert.doesNotMatch(seen, /upgrade|http2-settings/i, other);
  }
  const before = s.peer.heads;
  assert.deepEqual((await get(s, `GET ${P} HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: hearth-link/1\r\n\r\n`)).map((m) => m.status), [400]);
  assert.equal(s.peer.heads, before, 'a link is for workers');
});
