// SPDX-License-Identifier: Apache-2.0
// Whom a request is for, and what it asks: Host, the forms of a target, and
// paths that try to be something else than they look. What is routed is what
// is forwarded.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Hearth } from '../lib/hearth.js';
import { HOST, say, stage, Wire } from '../lib/peer.js';

const UP = '/service/upload';
const AT = '/service/document-processing'; // the same, as the back end sees it

// The request line that reached the back end, and the status.
async function asked(base: string, line: string, fields = HOST): Promise<{ status: number; line: string; text: string }> {
  const { text, messages: [m] } = await say(base, `${line} HTTP/1.1\r\n${fields}Connection: close\r\n\r\n`);
  return { status: m.status, line: m.status === 200 && m.body.startsWith('{"line"') ? JSON.parse(m.body).line : '', text };
}

test('a path is brought into one form, and that form is routed and forwarded', async (t) => {
  const s = await stage('url');
  t.after(() => s.stop());
  const cases: [string, string][] = [
    [`${UP}/a`, '/a'], [`${UP}/a/`, '/a/'], [`${UP}`, '/'], [`${UP}?q`, '/?q'],
    [`${UP}/a/../b`, '/b'], [`${UP}/a/./b`, '/a/b'], [`${UP}/a/b/..`, '/a/'], [`${UP}/.`, '/'],
    [`${UP}/%61%2D%7e`, '/a-~'], [`${UP}/a/%2e%2e/b`, '/b'], [`${UP}/a/.%2E/b`, '/b'], [`${UP}/%2e/b`, '/b'],
    [`${UP}/a%2e%2eb`, '/a..b'], [`${UP}/...`, '/...'], [`${UP}/..a/x`, '/..a/x'],
    [`${UP}//a///b`, '//a///b'], [`${UP}/a//../b`, '/a/b'],
    [`${UP}/a;v=1/b;w`, '/a;v=1/b;w'], [`${UP}/a/..;/b`, '/a/..;/b'], [`${UP}/a;/../b`, '/b'],
    [`${UP}/a%20b`, '/a%20b'], [`${UP}/a%3fb`, '/a%3Fb'], [`${UP}/a%23b`, '/a%23b'], [`${UP}/%e2%82%ac`, '/%E2%82%AC'],
    [`${UP}/%252e%252e/%252f`, '/%252e%252e/%252f'],
    [`${UP}/a:b@c,d!$&'()*+=`, "/a:b@c,d!$&'()*+="],
    [`${UP}/a?x=/../..%2f&y=%zz&z=%00;//`, '/a?x=/../..%2f&y=%zz&z=%00;//'],
    [`/nowhere/..${UP}/a`, '/a'], [`/service/notes/../upload/a`, '/a'], [`/%73ervice/%75pload/a`, '/a'],
    [`http://localhost${UP}/a?b`, '/a?b'], [`HTTP://localhost:80${UP}/a/../c`, '/c'],
  ];
  for (const [path, want] of cases) assert.equal((await asked(s.url, `GET ${path}`)).line, `GET ${AT}${want} HTTP/1.1`, path);
});

test('a path that climbs, hides or is not a path is refused', async (t) => {
  const s = await stage('url');
  t.after(() => s.stop());
  const climbs = ['/..', '/../etc/passwd', '/a/../../b', '/./../a', '/%2e%2e', '/%2e%2e/%2e%2e/etc/passwd', '/.%2e/x', '//../../x'];
  const bad = [
    '/..%2f..%2fetc/passwd', '/a%2fb', '/a%2Fb', '/a%5cb', '/a%5C..%5Cb', '/..%5c..%5c', '/a\\b', '/..\\..\\x',
    '/%00', '/a%00.txt', '/%c0%ae%c0%ae/x', '/%c0%af', '/%e0%80%af', '/%f0%80%80%af', '/%c1%9c', '/%ff', '/%fe%fe', '/%80', '/%ed%a0%80', '/%f4%90%80%80', '/%e2%82',
    '/%', '/%2', '/%zz', '/%2g', '/%%32%66', '/%u002e', '/a%', '/caf\xe9', '/\xe2\x82\xac', '/\x01', '/a\x7f', '/a#b', '/a?b#c', '/?\xe9',
  ];
  for (const path of [...climbs, ...bad, ...bad.map((p) => UP + p)]) {
    const r = await asked(s.url, `GET ${path}`);
    assert.equal(r.status, 400, `${path}: ${r.text}`);
    assert.match(r.text, /"code":"invalid_request","message":"[^"]{10,}"/, path);
  }
  for (const target of ['', 'x', 'x/y', '?x', '*', 'ftp://localhost/', 'file:///etc/passwd', 'http:/x', 'http://', 'http:///x', 'http://a b/', 'http://user@localhost/', 'http://u:p@localhost/', 'http://localhost:99999/', 'http://[::1/', 'http://localhost#x', 'http://localhost?x', 'localhost:80'])
    assert.equal((await asked(s.url, `GET ${target}`)).status, 400, target);
  assert.equal(s.peer.bytes, 0, 'none of them reached the back end');
});

test('climbing out of a service leads to where the path says, never into it', async (t) => {
  const s = await stage('url');
  t.after(() => s.stop());
  for (const [path, status] of [[`${UP}/..`, 404], [`${UP}/../etc/passwd`, 404], [`${UP}/%2e%2e/%2e%2e/health`, 200], [`${UP}/../../api/admin/workers`, 200], [`${UP}/../redis/x`, 503]] as const)
    assert.equal((await asked(s.url, `GET ${path}`)).status, status, path);
  assert.equal(s.peer.bytes, 0);
});

test('CONNECT is refused, and * is for OPTIONS', async (t) => {
  const s = await stage('url');
  t.after(() => s.stop());
  for (const target of ['localhost:22', '127.0.0.1:80', `${UP}/x`]) {
    const r = await asked(s.url, `CONNECT ${target}`);
    assert.equal(r.status, 405, `${target}: ${r.text}`);
  }
  assert.equal((await asked(s.url, 'OPTIONS *')).status, 200);
  assert.equal((await asked(s.url, 'POST *')).status, 400);
  assert.equal(s.peer.bytes, 0);
});

test('Host is there once, valid, and a name of ours', async (t) => {
  const h = await Hearth.start({ args: ['--allowed-hosts', 'hearth.example.org, two.example.org'] });
  t.after(() => h.stop());
  const cases: [string, number][] = [
    ['localhost', 200], ['LOCALHOST:8080', 200], ['127.0.0.1', 200], ['127.0.0.1:1', 200], ['[::1]', 200], ['[::1]:8080', 200], ['192.168.7.9', 200], ['coordinator:8080', 200], ['edge.localhost', 200], ['localhost:', 200],
    ['hearth.example.org', 200], ['Hearth.Example.org:443', 200], ['two.example.org', 200],
    ['evil.example.org', 421], ['localhost.evil.org', 421], ['127.0.0.1.evil.org', 421], ['hearth.example.org.evil.org', 421], ['xhearth.example.org', 421], ['evil.org:8080', 421],
    ['', 400], ['a b', 400], ['localhost, localhost', 400], ['user@localhost', 400], ['localhost/', 400], ['http://localhost', 400], ['localhost:x', 400], ['localhost:65536', 400], ['localhost:1:2', 400], ['[::1', 400], ['[::g]', 400], ['[::1]x', 400], ['::1', 400], ['caf\xe9', 400], ['a%', 400], ['a%zz', 400], ['a\\b', 400], ['<a>', 400], ['"a"', 400], ['#', 400], ['?', 400], [`${'a'.repeat(300)}`, 400],
  ];
  for (const [host, status] of cases) {
    const { text, messages: [m] } = await say(h.url, `GET /health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    assert.equal(m.status, status, `${host}: ${text}`);
    if (status !== 200) assert.ok(JSON.parse(m.body).error.message.length > 10, host);
  }
  for (const fields of ['', HOST + HOST, `${HOST}host: localhost\r\n`, `${HOST}Host: other\r\n`])
    assert.equal((await say(h.url, `GET /health HTTP/1.1\r\n${fields}\r\n`)).messages[0].status, 400, fields);
  assert.equal((await say(h.url, 'GET /health HTTP/1.0\r\n\r\n')).messages[0].status, 200);
});

test('an absolute target overrides Host', async (t) => {
  const s = await stage('url');
  t.after(() => s.stop());
  const seen = async (target: string, host: string): Promise<any> => {
    const { messages: [m] } = await say(s.url, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    return m.status === 200 ? Object.fromEntries(JSON.parse(m.body).fields) : m.status;
  };
  assert.equal((await seen(`http://coordinator${UP}/x`, 'evil.example.org'))['x-forwarded-host'], 'coordinator');
  assert.equal(await seen(`http://evil.example.org${UP}/x`, 'localhost'), 421);
  assert.equal(await seen('http://evil.example.org/health', 'localhost'), 421);
  // The back end is called by its own name, whatever the client said.
  assert.equal((await seen(`${UP}/x`, 'localhost')).Host, new URL(s.peer.url).host);
});

test('a name that is not ours hears nothing, and changes nothing', async (t) => {
  const s = await stage('url');
  t.after(() => s.stop());
  const w = new Wire(s.url);
  await w.send('DELETE /api/worker/unregister/by-url HTTP/1.1\r\nHost: evil.example.org\r\n\r\n'
    + `POST ${UP}/x HTTP/1.1\r\nHost: evil.example.org\r\nContent-Length: 2\r\n\r\nhi`
    + 'GET /api/admin/workers HTTP/1.1\r\nHost: evil.example.org\r\n\r\n');
  const all = await w.answers(3);
  w.socket.destroy();
  assert.deepEqual(all.map((m) => m.status), [421, 421, 421]);
  assert.doesNotMatch(w.text, /by-url/);
  assert.equal(s.peer.bytes, 0);
  assert.equal((await s.h.get('/health')).json.workers.total, 1);
});
