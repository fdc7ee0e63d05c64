// SPDX-License-Identifier: Apache-2.0
// Header fields on their way: which pass as they are, which end at the hop,
// which claim what only we may say, and what an error tells.
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import test from 'node:test';
import { both, HOST, Message, ok, say, SERVICE, Stage, stage, values, type Call } from '../lib/peer.js';

const P = '/service/upload/x';

async function ask(s: Stage, fields: string, line = `GET ${P}`, body = ''): Promise<Message> {
  return (await say(s.url, `${line} HTTP/1.1\r\n${HOST}${fields}\r\n${body}`, 1)).messages[0];
}

// The fields that the back end saw, names in small letters.
async function forwarded(s: Stage, fields: string, line?: string): Promise<[string, string][]> {
  const m = await ask(s, fields, line);
  assert.equal(m.status, 200, `${fields}${m.line} ${m.body}`);
  return JSON.parse(m.body).fields.map(([n, v]: string[]) => [n.toLowerCase(), v]);
}

const answering = (bytes: string | Buffer) => (c: Call): void => { void c.body().then(() => { c.next(); c.send(bytes); }); };
const named = (fields: [string, string][], name: string): string[] => fields.filter(([n]) => n === name).map(([, v]) => v);

both('end-to-end fields pass, each one, in their order', async (s) => {
  const sent: [string, string][] = [['accept', '*/*'], ['accept-encoding', 'gzip, br'], ['accept-language', 'de, en;q=0.5'], ['authorization', 'Bearer abc.def'], ['cookie', 'a=b; c="d"'], ['x-a', '1'], ['x-b', '2'], ['x-a', '3'], ['x-a', '1'], ['user-agent', 'test/1 (x; y)'],
    ['referer', 'http://localhost/a?b'], ['if-none-match', '"e1", W/"e2"'], ['range', 'bytes=0-9,20-'], ['cache-control', 'no-cache'], ['pragma', 'no-cache'], ['content-language', 'en'], ['idempotency-key', '"k-1"'], ['prefer', 'wait=5'], ['baggage', 'k=v'], ['x-empty', ''], ['x-bytes', 'caf\xe9 \xff'], ['x-inner  '.trim(), 'a  b\tc'], ['x-api-key', 'k'], ['date', 'Tue, 15 Nov 1994 08:12:31 GMT'], ['max-forwards', '3'], ['warning', '199 - "x"'], ['sec-fetch-site', 'none'], ['priority', 'u=1']];
  const seen = await forwarded(s, sent.map(([n, v]) => `${n}: ${v}\r\n`).join(''));
  assert.deepEqual(seen.filter(([n]) => sent.some(([x]) => x === n)), sent);
  const back: [string, string][] = [['content-type', 'application/x-thing; charset=utf-8'], ['etag', '"abc"'], ['vary', 'Accept'], ['vary', 'Accept-Language'], ['cache-control', 'max-age=60, private'], ['content-language', 'de'], ['x-a', '1'], ['x-b', '2'], ['x-a', '3'], ['link', '<a>; rel=next'], ['link', '<b>; rel=prev'], ['location', '/elsewhere?x'], ['last-modified', 'Tue, 15 Nov 1994 08:12:31 GMT'], ['content-disposition', 'attachment; filename="x.pdf"'], ['www-authenticate', 'Basic realm="x"'], ['retry-after', '7'], ['x-bytes', 'caf\xe9'], ['age', '3'], ['expires', '0'], ['accept-ranges', 'bytes'], ['content-range', 'bytes 0-1/2'], ['date', 'Tue, 15 Nov 1994 08:12:31 GMT'], ['server-timing', 'a;dur=1']];
  s.peer.script = answering(`HTTP/1.1 206 Partial Content\r\n${back.map(([n, v]) => `${n}: ${v}\r\n`).join('')}Content-Length: 2\r\n\r\nok`);
  const m = await ask(s, '');
  assert.equal(m.status, 206);
  assert.deepEqual(m.fields.map(([n, v]) => [n.toLowerCase(), v]).filter(([n]) => back.some(([x]) => x === n)), back);
});

both('a query string passes byte for byte', async (s) => {
  for (const query of ['?', '?a=b', '?a=b&a=c&', '?%41=%2f%2F%00&+', '?x=../..//;y', '?a?b=c/d', "?!$'()*,:@[]{}|^`", `?${'q'.repeat(4000)}`]) {
    const m = await ask(s, '', `GET ${P}${query}`);
    assert.ok(JSON.parse(m.body).line.endsWith(`/x${query} HTTP/1.1`), query);
  }
});

both('methods pass as they are', async (s) => {
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'REPORT'])
    assert.match(JSON.parse((await ask(s, 'Content-Length: 1\r\n', `${method} ${P}`, 'x')).body).line, new RegExp(`^${method} `));
});

both('what is for one hop ends at it', async (s) => {
  const seen = await forwarded(s, 'Connection: x-mine, Keep-Alive\r\nConnection: X-Also\r\nKeep-Alive: timeout=5\r\nX-Mine: 1\r\nx-also: 2\r\nX-Other: 3\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic x\r\nProxy-Authenticate: Basic\r\nTE: trailers, deflate\r\nUpgrade: foo/1\r\nHTTP2-Settings: AAA\r\n');
  assert.deepEqual(named(seen, 'x-other'), ['3']);
  for (const name of ['connection', 'keep-alive', 'x-mine', 'x-also', 'proxy-connection', 'proxy-authorization', 'proxy-authenticate', 'te', 'upgrade', 'http2-settings', 'transfer-encoding'])
    assert.deepEqual(named(seen, name), [], name);
  s.peer.script = answering('HTTP/1.1 200 OK\r\nConnection: x-inner, keep-alive\r\nKeep-Alive: timeout=5\r\nX-Inner: 1\r\nX-Outer: 2\r\nProxy-Authenticate: Basic\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nTE: x\r\nContent-Length: 0\r\n\r\n');
  const m = await ask(s, '');
  assert.deepEqual(values(m, 'x-outer'), ['2']);
  for (const name of ['connection', 'keep-alive', 'x-inner', 'proxy-authenticate', 'proxy-connection', 'upgrade', 'te']) assert.deepEqual(values(m, name), [], name);
});

both('Connection takes nothing away that is not its own', async (s) => {
  for (const name of ['Host', 'Authorization', 'Content-Length', 'Content-Type', 'Transfer-Encoding', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'Forwarded', 'X-Real-IP', 'Cookie', 'Via', 'Expect', 'Origin', 'Date', 'CF-Connecting-IP', 'True-Client-IP', 'X-Request-Id', 'Traceparent', 'Hearth-Worker-Id', 'X-Hearth-Role'])
    for (const list of [name, `close, ${name.toLowerCase()}`, `${name} , keep-alive`]) {
      const m = await ask(s, `Connection: ${list}\r\n`);
      assert.equal(m.status, 400, list);
      assert.match(JSON.parse(m.body).error.message, /Connection/, list);
    }
  for (const list of ['a b', 'a;b', '"close"', '\x80', 'x@y']) assert.equal((await ask(s, `Connection: ${list}\r\n`)).status, 400, list);
  assert.equal(s.peer.bytes, 0);
  // An answer cannot do it either; what it names of these stays.
  s.peer.script = answering('HTTP/1.1 200 OK\r\nConnection: content-type, x-gone\r\nContent-Type: text/x-kept\r\nX-Gone: 1\r\nContent-Length: 0\r\n\r\n');
  const m = await ask(s, '');
  assert.deepEqual([values(m, 'content-type'), values(m, 'x-gone')], [['text/x-kept'], []]);
});

both('who asks is said by us alone', async (s) => {
  const names = ['X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Forwarded-Port', 'X-Forwarded-Server', 'X-Forwarded-Prefix', 'X-Forwarded-User', 'X-Forwarded', 'Forwarded', 'X-Real-IP', 'X-Client-IP', 'X-Cluster-Client-IP', 'True-Client-IP', 'CF-Connecting-IP', 'Cf-Connecting-IPv6', 'CF-Visitor', 'CF-Ray', 'CF-IPCountry', 'CF-Access-Jwt-Assertion', 'X-Hearth-Role', 'X-Hearth-Worker', 'Hearth-Worker-Id', 'Hearth-Epoch', 'Hearth-Admin', 'X-Original-URL', 'X-Rewrite-URL'];
  const claims = ['127.0.0.1', '::1', 'for="[::1]";proto=https', 'localhost, 10.0.0.1', 'unknown', '_hidden', ''];
  for (const name of names) {
    const variants = [name, name.toLowerCase(), name.toUpperCase()];
    const seen = await forwarded(s, variants.flatMap((n) => claims.map((c) => `${n}: ${c}\r\n`)).join(''));
    const mine: Record<string, string[]> = { 'x-forwarded-for': ['127.0.0.1'], 'x-forwarded-host': ['localhost'], 'x-forwarded-proto': ['http'], forwarded: ['for=127.0.0.1;host="localhost";proto=http'] };
    assert.deepEqual(named(seen, name.toLowerCase()), mine[name.toLowerCase()] ?? [], name);
    for (const [n, v] of Object.entries(mine)) assert.deepEqual(named(seen, n), v, `${n} with ${name}`);
  }
  for (const name of ['X_Forwarded_For', 'X-Forwarded_For', 'X_Real_IP', 'CF_Connecting_IP', 'x_hearth_role']) assert.equal((await ask(s, `${name}: 127.0.0.1\r\n`)).status, 400, name);
});

both('a request passes here once', async (s) => {
  assert.deepEqual(named(await forwarded(s, 'Via: 1.0 elsewhere, 2 other (x)\r\nVia: 1.1 third\r\n'), 'via'), ['1.0 elsewhere, 2 other (x), 1.1 third, 1.1 this-one']);
  const heads = s.peer.heads;
  for (const via of ['1.1 this-one', '1.0 a, 1.1 This-One, 1.1 b', 'HTTP/1.1 this-one (comment)']) {
    const m = await ask(s, `Via: ${via}\r\n`);
    assert.equal(m.status, 508, via);
    assert.equal(JSON.parse(m.body).error.code, 'loop_detected');
  }
  assert.equal(s.peer.heads, heads);
  assert.equal((await ask(s, 'Via: 1.1 not-this-one\r\n')).status, 200);
  assert.deepEqual(values(await ask(s, ''), 'via'), ['1.1 this-one']);
}, { args: ['--coordinator-id', 'this-one'] });

both('a request can be followed', async (s) => {
  const good = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  assert.deepEqual(named(await forwarded(s, `traceparent: ${good}\r\ntracestate: a=b\r\n`), 'traceparent'), [good]);
  assert.deepEqual(named(await forwarded(s, `traceparent: ${good}\r\ntracestate: a=b\r\n`), 'tracestate'), ['a=b']);
  assert.deepEqual(named(await forwarded(s, `tracestate: ${'x'.repeat(513)}\r\n`), 'tracestate'), []);
  assert.equal(named(await forwarded(s, `tracestate: ${'x'.repeat(512)}\r\n`), 'tracestate').length, 1);
  for (const bad of ['x', good.toUpperCase(), good.replace('00-', 'ff-'), `${good}-x`, good.replace(/-[0-9a-f]{32}-/, `-${'0'.repeat(32)}-`), good.replace(/-[0-9a-f]{16}-/, `-${'0'.repeat(16)}-`), good.replace('-01', '-0g')]) {
    const [own, ...more] = named(await forwarded(s, `traceparent: ${bad}\r\n`), 'traceparent');
    assert.match(own, /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
    assert.notEqual(own, bad);
    assert.deepEqual(more, []);
  }
  for (const id of ['abc', 'A.b_c:d-9', 'x'.repeat(64)]) {
    const m = await ask(s, `X-Request-Id: ${id}\r\n`);
    assert.deepEqual(values(m, 'x-request-id'), [id]);
    assert.deepEqual(JSON.parse(m.body).fields.filter(([n]: string[]) => n.toLowerCase() === 'x-request-id').map(([, v]: string[]) => v), [id]);
  }
  for (const id of ['', 'x'.repeat(65), 'a b', 'a;b', '<x>', 'a\tb', '\xe9', '"']) {
    const m = await ask(s, `X-Request-Id: ${id}\r\n`);
    assert.match(values(m, 'x-request-id').join(), /^[\w.:-]{8,64}$/, id);
    assert.notEqual(values(m, 'x-request-id')[0], id);
  }
  s.peer.script = answering(ok('x', 'X-Request-Id: from-the-worker\r\n'));
  assert.deepEqual(values(await ask(s, 'X-Request-Id: mine\r\n'), 'x-request-id'), ['mine']);
});

both('every error has an id, a code and a sentence, and tells nothing of the inside', async (s) => {
  const expect = async (status: number, line: string, fields = '', body = ''): Promise<void> => {
    const m = await ask(s, fields, line, body);
    assert.equal(m.status, status, `${line} ${fields} ${m.body}`);
    const { error, detail } = JSON.parse(m.body);
    assert.match(values(m, 'content-type')[0], /^application\/json/);
    assert.match(values(m, 'x-request-id').join(), /^[\w.:-]{8,64}$/, `${status}`);
    assert.equal(error.request_id, values(m, 'x-request-id')[0]);
    assert.match(error.code, /^[a-z_]+$/);
    assert.ok(error.message.length >= 8 && detail, m.body);
    assert.equal(values(m, 'retry-after').length, [429, 503].includes(status) ? 1 : 0, `Retry-After with ${status}`);
    assert.doesNotMatch(m.body, /127\.0\.0\.1|unix:|\/tmp|\.sock|\.c:|errno|refused|0x[0-9a-f]{6}/i);
    assert.ok(!m.body.includes(new URL(s.url).port));
  };
  await expect(400, 'GET /%00');
  await expect(400, `GET ${P}`, 'X\r\n');
  await expect(400, `GET ${P}`, HOST);
  await expect(400, `POST ${P}`, 'Content-Length: x\r\n');
  await expect(404, 'GET /nothing');
  await expect(404, 'GET /service/nothing/x');
  await expect(405, 'PUT /health');
  await expect(405, 'CONNECT localhost:1');
  await expect(413, `POST ${P}`, 'Content-Length: 99999999999\r\n');
  await expect(413, 'POST /api/worker/register', 'Content-Type: application/json\r\nContent-Length: 99999999999\r\n');
  await expect(414, `GET /${'x'.repeat(9000)}`);
  await expect(417, `POST ${P}`, 'Expect: x\r\nContent-Length: 1\r\n');
  await expect(431, `GET ${P}`, `X: ${'x'.repeat(9000)}\r\n`);
  await expect(501, `POST ${P}`, 'Transfer-Encoding: gzip\r\n');
  await expect(503, 'GET /service/redis/x');
  await expect(508, `GET ${P}`, 'Via: 1.1 this-one\r\n');
  s.peer.script = (c) => c.socket.destroy();
  await expect(502, `POST ${P}`, 'Content-Length: 1\r\n', 'x');
  s.peer.script = answering('HTTP/1.1 200 /tmp/x.sock\r\nX: 127.0.0.1\rX\r\n\r\n');
  await expect(502, `GET ${P}`);
  s.peer.close();
  const gone = await ask(s, 'Content-Length: 1\r\n', `POST ${P}`, 'x');
  assert.ok([502, 503].includes(gone.status), gone.body);
  assert.doesNotMatch(gone.body, /127\.0\.0\.1|unix:|\/tmp|refused/);
}, { args: ['--coordinator-id', 'this-one'] });

both('a service does not speak for our origin', async (s) => {
  const own = ['Set-Cookie: a=b', 'Set-Cookie: c=d', 'Strict-Transport-Security: max-age=1', 'Clear-Site-Data: "*"', 'Service-Worker-Allowed: /', 'Alt-Svc: h3=":1"', 'Access-Control-Allow-Origin: *', 'Access-Control-Allow-Credentials: true', 'Server: x/1', 'X-Powered-By: y', 'Hearth-Worker: another', 'Hearth-Anything: 1', 'X-Request-Id: z', 'X-Content-Type-Options: sniff'];
  const types: Record<string, boolean> = { 'text/html': true, 'TEXT/HTML; charset=utf-8': true, 'application/xhtml+xml': true, 'image/svg+xml': true, 'text/xml': true, 'application/xml': true, 'application/atom+xml; charset=x': true, 'application/json': false, 'text/plain': false, 'image/png': false, 'application/pdf': false };
  for (const [type, boxed] of Object.entries(types)) {
    s.peer.script = answering(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Security-Policy: script-src *\r\n${own.join('\r\n')}\r\nContent-Length: 2\r\n\r\nok`);
    const m = await ask(s, '');
    for (const name of ['set-cookie', 'strict-transport-security', 'clear-site-data', 'service-worker-allowed', 'alt-svc', 'access-control-allow-origin', 'access-control-allow-credentials', 'server', 'x-powered-by', 'hearth-anything'])
      assert.deepEqual(values(m, name), [], name);
    assert.deepEqual(values(m, 'x-content-type-options'), ['nosniff']);
    assert.ok(!values(m, 'hearth-worker').includes('another'));
    assert.deepEqual(values(m, 'content-security-policy'), boxed ? ['script-src *', 'sandbox'] : ['script-src *'], type);
  }
});

both('of what may be there once, two are refused', async (s) => {
  for (const name of ['Content-Type', 'Authorization', 'Host', 'Content-Length', 'Range', 'User-Agent', 'Referer', 'Origin', 'If-Range', 'If-Modified-Since', 'Date', 'Max-Forwards', 'From', 'Sec-WebSocket-Key']) {
    for (const [a, b] of [['1', '1'], ['1', '2']]) {
      const m = await ask(s, `${name}: ${a}\r\n${name.toLowerCase()}: ${b}\r\n`);
      assert.equal(m.status, 400, name);
    }
  }
  assert.equal(s.peer.bytes, 0);
});

both('a coded body is not ours to decode', async (s) => {
  const packed = gzipSync('hello '.repeat(1000)).toString('latin1');
  const m = await ask(s, `Content-Encoding: gzip\r\nAccept-Encoding: gzip\r\nContent-Length: ${packed.length}\r\n`, `POST ${P}`, packed);
  const seen = JSON.parse(m.body);
  assert.equal(seen.body, packed);
  assert.equal(seen.fields.find(([n]: string[]) => n.toLowerCase() === 'content-encoding')[1], 'gzip');
  s.peer.script = answering(Buffer.from(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${packed.length}\r\n\r\n${packed}`, 'latin1'));
  const back = await ask(s, '');
  assert.deepEqual([back.body, values(back, 'content-encoding')], [packed, ['gzip']]);
  // Our own answers are not compressed, and nobody keeps them.
  const own = await ask(s, 'Accept-Encoding: gzip, br\r\n', 'GET /health');
  assert.deepEqual([values(own, 'content-encoding'), values(own, 'cache-control')], [[], ['no-store']]);
});

test('the service is told by its full name, whatever alias was used', async (t) => {
  const s = await stage('url');
  t.after(() => s.stop());
  for (const alias of ['upload', 'documents', SERVICE]) assert.match(JSON.parse((await ask(s, '', `GET /service/${alias}/y`)).body).line, new RegExp(`^GET /service/${SERVICE}/y `));
});
