// SPDX-License-Identifier: Apache-2.0
// Where a message ends, and of which bytes it may be made. Every case goes to
// a coordinator with a back end behind it, whole and cut in two at every byte:
// what can be read in two ways is refused, the connection ends, and the back
// end never hears of it; what is accepted arrives the same however it was cut.
import assert from 'node:assert/strict';
import test from 'node:test';
import { SANITIZED } from '../lib/hearth.js';
import { HOST, Stage, stage, Wire, type Message } from '../lib/peer.js';

const P = '/service/upload/x';
const get = (fields: string, line = `GET ${P} HTTP/1.1`): string => `${line}\r\n${HOST}${fields}\r\n`;
const send = (fields: string, body = ''): string => `POST ${P} HTTP/1.1\r\n${HOST}${fields}\r\n${body}`;
const chunks = (body: string): string => send('Transfer-Encoding: chunked\r\n', body);

// What the client saw, without what differs each time.
function outcome(w: Wire): string {
  const own = /^(forwarded|via|x-request-id|traceparent|x-forwarded-.*)$/;
  const shown = (m: Message): string => {
    if (m.status >= 400) return `${m.status} ${JSON.parse(m.body).error.code}`;
    const got = JSON.parse(m.body);
    return `${m.status} ${JSON.stringify({ ...got, fields: got.fields.filter(([n]: string[]) => !own.test(n)) })}`;
  };
  return JSON.stringify([w.messages.map(shown), w.closed]);
}

// Outcomes of the whole message and of each cut. Second halves leave once the
// coordinator has read the first ones: it has answered twice since.
async function everyWay(s: Stage, bytes: string, answers: number): Promise<string[]> {
  const step = SANITIZED ? 7 : 1;
  const cuts = Array.from({ length: Math.ceil((bytes.length - 1) / step) }, (_, i) => 1 + i * step);
  const wires = [undefined, ...cuts].map(() => new Wire(s.url));
  await Promise.all(wires.map((w, i) => w.send(i === 0 ? bytes : bytes.slice(0, cuts[i - 1]))));
  for (let i = 0; i < 2; i++) assert.equal((await s.h.get('/readyz')).status, 200);
  await Promise.all(wires.map((w, i) => (i === 0 || w.closed ? undefined : w.send(bytes.slice(cuts[i - 1])))));
  await Promise.all(wires.map((w) => (answers > 0 ? w.answers(answers) : w.until('the connection ends', () => w.closed))));
  for (const w of wires) w.socket.destroy();
  return wires.map(outcome);
}

async function refused(t: test.TestContext, cases: Record<string, [string, number?]>, reaches: boolean): Promise<void> {
  const s = await stage('url');
  t.after(() => s.stop());
  s.peer.script = () => undefined;
  for (const [name, [bytes, status = 400]] of Object.entries(cases)) {
    const seen = await everyWay(s, bytes, 0);
    seen.forEach((o, cut) => assert.ok(o.startsWith(`[["${status} `) && o.endsWith(',true]'), `${name}, cut at ${cut}: ${o}`));
    if (!reaches) assert.equal(s.peer.bytes, 0, `${name} reached the back end`);
  }
  assert.ok(!s.peer.calls.some((c) => c.got !== '' && c.request.whole), 'the back end took a broken request for a whole one');
  assert.equal((await s.h.get('/health')).status, 200);
}

test('a length that can be read in two ways is refused', (t) => refused(t, {
  'length and chunked': [send('Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')],
  'chunked and length': [send('Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', '0\r\n\r\n')],
  'two lengths': [send('Content-Length: 4\r\nContent-Length: 5\r\n', 'abcde')],
  'the same length twice': [send('Content-Length: 4\r\nContent-Length: 4\r\n', 'abcd')],
  'a list of lengths': [send('Content-Length: 4, 4\r\n', 'abcd')],
  'a sign': [send('Content-Length: +4\r\n', 'abcd')],
  'a negative length': [send('Content-Length: -1\r\n')],
  'hex': [send('Content-Length: 0x4\r\n', 'abcd')],
  'a space within': [send('Content-Length: 1 2\r\n', 'abcdefghijkl')],
  'a point': [send('Content-Length: 4.0\r\n', 'abcd')],
  'no digits': [send('Content-Length: \r\n')],
  'more than 64 bits': [send('Content-Length: 18446744073709551617\r\n', 'a')],
  'more than 63 bits': [send('Content-Length: 9223372036854775808\r\n', 'a')],
  'digits of another alphabet': [send('Content-Length: \xd9\xa4\r\n', 'abcd')],
}, false));

test('a coding other than one final chunked is refused', (t) => refused(t, {
  'in HTTP/1.0': [`POST ${P} HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  'twice in one field': [send('Transfer-Encoding: chunked, chunked\r\n', '0\r\n\r\n')],
  'in two fields': [send('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')],
  'chunked is not last': [send('Transfer-Encoding: chunked, gzip\r\n', '0\r\n\r\n')],
  'nothing': [send('Transfer-Encoding:\r\n', '0\r\n\r\n')],
  'a comma behind': [send('Transfer-Encoding: chunked,\r\n', '0\r\n\r\n')],
  'quotes': [send('Transfer-Encoding: "chunked"\r\n', '0\r\n\r\n')],
  'a parameter': [send('Transfer-Encoding: chunked;q=1\r\n', '0\r\n\r\n')],
  'a vertical tab': [send('Transfer-Encoding: \x0bchunked\r\n', '0\r\n\r\n')],
  'a space before the colon': [send('Transfer-Encoding : chunked\r\n', '0\r\n\r\n')],
  'on the next line': [send('Transfer-Encoding:\r\n chunked\r\n', '0\r\n\r\n')],
  'an underscore': [send('Transfer_Encoding: chunked\r\n', '0\r\n\r\n')],
  'behind another coding': [send('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'), 501],
  'an unknown coding': [send('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'), 501],
  'identity': [send('Transfer-Encoding: identity\r\n', '0\r\n\r\n'), 501],
}, false));

test('a chunk that is malformed ends the exchange', (t) => refused(t, {
  'no size': [chunks('\r\nabc\r\n0\r\n\r\n')],
  'no digit': [chunks('x\r\nabc\r\n0\r\n\r\n')],
  'a sign': [chunks('+3\r\nabc\r\n0\r\n\r\n')],
  'a prefix': [chunks('0x3\r\nabc\r\n0\r\n\r\n')],
  'a space before': [chunks(' 3\r\nabc\r\n0\r\n\r\n')],
  'a space behind': [chunks('3 \r\nabc\r\n0\r\n\r\n')],
  'a space before the extension': [chunks('3 ;a\r\nabc\r\n0\r\n\r\n')],
  'more than 64 bits': [chunks('10000000000000003\r\nabc\r\n0\r\n\r\n')],
  'LF behind the size': [chunks('3\nabc\r\n0\r\n\r\n')],
  'CR alone behind the size': [chunks('3\rabc\r\n0\r\n\r\n')],
  'LF behind the data': [chunks('3\r\nabc\n0\r\n\r\n')],
  'data without an end': [chunks('3\r\nabc0\r\n\r\n')],
  'more data than said': [chunks('3\r\nabcd\r\n0\r\n\r\n')],
  'LF in an extension': [chunks('3;a\nb\r\nabc\r\n0\r\n\r\n')],
  'LF behind the last chunk': [chunks('0\n\r\n')],
  'LF at the end': [chunks('0\r\n\n')],
  'a trailer without a name': [chunks('0\r\n: x\r\n\r\n')],
  'a trailer with a space before the colon': [chunks('0\r\nT : x\r\n\r\n')],
  'a folded trailer': [chunks('0\r\nT: x\r\n y\r\n\r\n')],
  'a NUL in a trailer': [chunks('0\r\nT: \0\r\n\r\n')],
}, true));

test('bytes that belong in no head are refused', (t) => refused(t, {
  'LF for CRLF': [`GET ${P} HTTP/1.1\nHost: localhost\n\n`],
  'LF behind the first line': [`GET ${P} HTTP/1.1\nHost: localhost\r\n\r\n`],
  'LF behind a field': [get('X: a\n')],
  'LF at the end': [`GET ${P} HTTP/1.1\r\n${HOST}\n`],
  'CR alone behind a field': [get('X: a\rY: b\r\n')],
  'CR within a value': [get('X: a\rb\r\n')],
  'CR before CRLF': [get('X: a\r\r\n')],
  'CR at the end': [`GET ${P} HTTP/1.1\r\n${HOST}\r\r\n`],
  'a folded field': [get('X: a\r\n b\r\n')],
  'a folded field, tab': [get('X: a\r\n\tb\r\n')],
  'a first field that is folded': [`GET ${P} HTTP/1.1\r\n X: y\r\n${HOST}\r\n`],
  'a space before the colon': [get('X : a\r\n')],
  'a tab before the colon': [get('X\t: a\r\n')],
  'no name': [get(': a\r\n')],
  'no colon': [get('X\r\n')],
  'a name that is no token': [get('X(Y): a\r\n')],
  'a name beyond ASCII': [get('X\xe9: a\r\n')],
  'a NUL in a name': [get('X\0Y: a\r\n')],
  'a NUL in a value': [get('X: a\0b\r\n')],
  'DEL in a value': [get('X: a\x7f\r\n')],
  'ESC in a value': [get('X: \x1b[31m\r\n')],
  'an underscore': [get('X_Forwarded_For: 127.0.0.1\r\n')],
  'empty lines that are no CRLF': [`\n\n${get('')}`],
  'CR alone before the message': [`\r\r${get('')}`],
  'empty lines without end': [`${'\r\n'.repeat(20)}${get('')}`],
}, false));

test('a first line of another kind is refused', (t) => refused(t, {
  'two spaces before the target': [get('', `GET  ${P} HTTP/1.1`)],
  'two spaces before the version': [get('', `GET ${P}  HTTP/1.1`)],
  'a space behind it': [get('', `GET ${P} HTTP/1.1 `)],
  'a space before it': [get('', ` GET ${P} HTTP/1.1`)],
  'a tab for a space': [get('', `GET\t${P}\tHTTP/1.1`)],
  'a method in small letters': [get('', `get ${P} HTTP/1.1`)],
  'a method that nobody knows': [get('', `MAKE ${P} HTTP/1.1`)],
  'a method that is no token': [get('', `GE(T ${P} HTTP/1.1`)],
  'no method': [get('', ` ${P} HTTP/1.1`)],
  'another protocol': [get('', `GET ${P} HTTX/1.1`)],
  'a protocol in small letters': [get('', `GET ${P} http/1.1`)],
  'RTSP': [`DESCRIBE ${P} RTSP/1.0\r\n${HOST}\r\n`],
  'RTSP with a method of HTTP': [`OPTIONS ${P} RTSP/1.0\r\n${HOST}\r\n`],
  'ICE': [`SOURCE ${P} ICE/1.0\r\n${HOST}\r\n`],
  'no minor version': [get('', `GET ${P} HTTP/1`)],
  'two digits': [get('', `GET ${P} HTTP/1.10`)],
  'a comma': [get('', `GET ${P} HTTP/1,1`)],
  'TLS': ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  'version 2': [get('', `GET ${P} HTTP/2.0`), 505],
  'version 1.2': [get('', `GET ${P} HTTP/1.2`), 505],
  'the preface of HTTP/2': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
}, false));

test('what is well-formed arrives, however it is cut', async (t) => {
  const s = await stage('url');
  t.after(() => s.stop());
  const X: [string, string] = ['X', 'y'];
  const cases: Record<string, [string, Partial<{ line: string; fields: [string, string][]; body: string }>]> = {
    'a GET': [get('X: y\r\n'), { line: 'GET /service/document-processing/x HTTP/1.1', fields: [X], body: '' }],
    'a query': [get('', `GET ${P}?a=%2F&b=..%00;c+d HTTP/1.1`), { line: 'GET /service/document-processing/x?a=%2F&b=..%00;c+d HTTP/1.1' }],
    'empty lines before it': [`\r\n\r\n${get('')}`, { body: '' }],
    'white space around a value': [get('X: \t y \t \r\n'), { fields: [X] }],
    'no white space': [get('X:y\r\n'), { fields: [X] }],
    'an empty value': [get('X:\r\n'), { fields: [['X', '']] }],
    'obs-text in a value': [get('X: caf\xe9\r\n'), { fields: [['X', 'caf\xe9']] }],
    'fields of one name, in order': [get('X: 1\r\nx: 2\r\nX: 1\r\n'), { fields: [['X', '1'], ['x', '2'], ['X', '1']] }],
    'a length': [send('Content-Length: 5\r\n', 'hello'), { body: 'hello' }],
    'a length with zeros': [send('Content-Length: 0005\r\n', 'hello'), { body: 'hello' }],
    'no body': [send('Content-Length: 0\r\n'), { body: '' }],
    'chunks': [chunks('5\r\nhello\r\n1\r\n \r\n00A;x="y z"\r\n0123456789\r\n0\r\n\r\n'), { body: 'hello 0123456789' }],
    'chunks in other letters': [send('tRANSFER-eNCODING: CHUNKED\r\n', 'a\r\n0123456789\r\n0\r\n\r\n'), { body: '0123456789' }],
    'bytes of every kind': [send('Content-Length: 10\r\n', '\0\r\n\r\n\xff\xfeGET'), { body: '\0\r\n\r\n\xff\xfeGET' }],
  };
  for (const [name, [bytes, want]] of Object.entries(cases)) {
    const seen = await everyWay(s, bytes, 1);
    seen.forEach((o, cut) => assert.equal(o, seen[0], `${name}, cut at ${cut}`));
    const got = JSON.parse(JSON.parse(seen[0])[0][0].slice(4));
    if (want.line !== undefined) assert.equal(got.line, want.line, name);
    if (want.body !== undefined) assert.equal(got.body, want.body, name);
    if (want.fields !== undefined) assert.deepEqual(got.fields.filter(([n]: string[]) => /^x$/i.test(n)), want.fields, name);
  }
});

test('the framing of what is forwarded is our own', async (t) => {
  const s = await stage('url');
  t.after(() => s.stop());
  const framing: string[][] = [];
  s.peer.script = (c) => { void c.body().then((m) => {
    framing.push(m.fields.filter(([n]) => /^(content-length|transfer-encoding|connection|keep-alive)$/i.test(n)).map(([n, v]) => `${n}: ${v}`));
    c.next();
    c.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  }); };
  const w = new Wire(s.url);
  await w.send(send('content-length:   0003\r\nConnection: keep-alive\r\n', 'abc')
    + send('TRANSFER-ENCODING: Chunked\r\nKeep-Alive: timeout=9\r\n', '003;ext\r\nabc\r\n0\r\n\r\n') + get(''));
  await w.answers(3);
  w.socket.destroy();
  assert.deepEqual(framing, [['Content-Length: 3'], ['Transfer-Encoding: chunked'], []]);
});

// White space is no part of a field's value, but it is kept until the value is
// there.
test('white space without end is not kept', async (t) => {
  const s = await stage('url');
  t.after(() => s.stop());
  for (const [what, before] of [['behind a colon', get('X:').slice(0, -2)], ['behind the method', 'GET '], ['behind the target', `GET ${P} `], ['in trailers', chunks('0\r\nT:')]]) {
    const w = new Wire(s.url);
    await w.send(before + ' '.repeat(20_000));
    assert.match(await w.end(), /^HTTP\/1\.1 4(00|31) /, what);
  }
});
