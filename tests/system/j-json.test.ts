// SPDX-License-Identifier: Apache-2.0
// JSON as a stranger may send it to POST /api/worker/register: what is not
// JSON (RFC 8259) is refused with the reason, what is JSON is read, and what
// readers differ about crashes nobody.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Hearth, Reply, run } from '../lib/hearth.js';

type Body = string | Buffer;
const bytes = (...parts: (string | number[])[]): Buffer => Buffer.concat(parts.map((p) => (typeof p === 'string' ? Buffer.from(p, 'utf8') : Buffer.from(p))));
// As a value in an otherwise good registration.
const within = (value: Body): Buffer => Buffer.concat([Buffer.from('{"worker_id":"w","tunnel_url":"http://127.0.0.1:9","capabilities":{"v":'), Buffer.from(value), Buffer.from('}}')]);
const nest = (n: number, a = '[', b = ']'): string => a.repeat(n) + b.repeat(n);

function register(h: Hearth, body: Body): Promise<Reply> {
  return h.get('/api/worker/register', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
}

function isRefusal(r: Reply, what: string): void {
  assert.match(r.headers['content-type'] as string, /^application\/json/, what);
  assert.ok(r.json.error.message.length > 10, what);
  assert.equal(r.json.error.code, 'invalid_request', what);
}

// Values that are no JSON: alone, and within a document that is otherwise good.
const NO: Record<string, Body> = {
  'nothing': '', 'a space': ' ', 'a word': 'word', 'nul': 'nul', 'True': 'True', 'TRUE': 'TRUE', 'undefined': 'undefined', 'NaN': 'NaN', '-NaN': '-NaN', 'Infinity': 'Infinity', '-Infinity': '-Infinity', 'inf': 'inf', 'nan': 'nan',
  // arrays and objects
  'comma in front': '[,1]', 'comma behind': '[1,]', 'two commas': '[1,,2]', 'only a comma': '[,]', 'no comma': '[1 2]', 'open': '[1', 'open twice': '[[1]', 'only closed': ']', 'a colon in an array': '["a":1]', 'closed twice': '[1]]', 'the wrong bracket': '[1}', 'the other wrong bracket': '{"a":1]', 'an ellipsis': '[...]', 'a star': '[*]',
  'no key': '{:1}', 'a bare key': '{a:1}', 'a number as key': '{1:1}', 'a key in single quotes': "{'a':1}", 'null as key': '{null:1}', 'no colon': '{"a" 1}', 'two colons': '{"a"::1}', 'no value': '{"a":}', 'only a key': '{"a"}', 'a comma behind a member': '{"a":1,}', 'two commas behind': '{"a":1,,"b":2}', 'a comma for a colon': '{"a",1}', 'an equals sign': '{"a"=1}', 'an open object': '{"a":1', 'an open member': '{"a":', 'a comma and the end': '{"a":1,',
  // comments
  'a line comment': '[1] // x', 'a block comment': '[/* x */1]', 'a hash': '[1] # x', 'an open comment': '[1/*]',
  // numbers
  'a plus': '+1', 'two signs': '--1', 'a minus alone': '-', 'a zero in front': '01', 'a minus and a zero in front': '-01', 'no digit before the point': '.5', 'a minus and no digit': '-.5', 'no digit behind the point': '1.', 'no digit behind it, an exponent': '1.e5', 'two points': '1.2.3', 'no exponent': '1e', 'a sign for an exponent': '1e+', 'two exponents': '1e2e3', 'a capital one': '0E', 'hex': '0x1F', 'octal': '0o7', 'binary': '0b1', 'a separator': '1_000', 'a space within': '1 000', 'a comma for a point': '[1,]', 'a letter behind': '1a', 'a suffix': '1L', 'full width': '１', 'beyond a double': '1e999', 'beyond, negative': '-1e999', 'a huge one beyond': `${'9'.repeat(400)}`, 'a minus and a space': '- 1',
  // strings
  'single quotes': "'a'", 'no end': '"a', 'only a quote': '"', 'a newline': '"a\nb"', 'a tab': '"a\tb"', 'a NUL': '"a\0b"', 'a control byte': '"\x1f"', 'an escaped letter': '"\\a"', 'an escaped x': '"\\x41"', 'an escaped zero': '"\\0"', 'an escaped newline': '"\\\n"', 'an escape without an end': '"\\"', 'a capital U': '"\\U0041"', 'three digits': '"\\u004"', 'no hex': '"\\u00g0"', 'a plus in it': '"\\u+041"', 'braces': '"\\u{41}"', 'curly quotes': '\u201ca\u201d', 'a backslash outside': '\\', 'an emoji outside': '\u{1f600}', 'back quotes': '`a`', 'two strings': '"a""b"',
  'a lone high surrogate': '"\\ud800"', 'a lone low one': '"\\udc00"', 'two high ones': '"\\ud800\\ud800"', 'the wrong order': '"\\udc00\\ud800"', 'a high one and a letter': '"\\ud800a"', 'a high one and an escape': '"\\ud800\\n"', 'a high one and half': '"\\ud800\\u"', 'a high one cut': '"\\ud800\\udc0"',
  // bytes that are no UTF-8
  'a lone byte': bytes('"', [0x80], '"'), 'latin-1': bytes('"caf', [0xe9], '"'), 'overlong': bytes('"', [0xc0, 0xaf], '"'), 'overlong NUL': bytes('"', [0xc0, 0x80], '"'), 'overlong, three': bytes('"', [0xe0, 0x80, 0xaf], '"'), 'a surrogate as bytes': bytes('"', [0xed, 0xa0, 0x80], '"'), 'beyond Unicode': bytes('"', [0xf4, 0x90, 0x80, 0x80], '"'), 'five bytes': bytes('"', [0xf8, 0x88, 0x80, 0x80, 0x80], '"'), 'cut short': bytes('"', [0xe2, 0x82], '"'), 'FF': bytes('"', [0xff], '"'), 'FE': bytes('"', [0xfe], '"'), 'outside a string': bytes([0xe5]), 'a key': bytes('{"', [0xff], '":1}'),
  // white space that is none, and marks
  'a form feed': '\f1', 'a vertical tab': '\v1', 'a no-break space': '\u00a01', 'a word joiner': '\u20601', 'an ideographic space': '\u30001', 'a byte order mark': bytes([0xef, 0xbb, 0xbf], '1'), 'half a mark': bytes([0xef, 0xbb], '1'), 'a NUL in front': '\x001', 'a NUL behind': '1\0',
  // depth
  'deeper than allowed': nest(70), 'deep objects': `${'{"a":'.repeat(70)}1${'}'.repeat(70)}`, 'very deep': nest(100_000), 'very deep and open': '['.repeat(100_000), 'open objects': '{"a":'.repeat(100_000), 'mixed and open': '[{"":'.repeat(50_000),
};

test('what is no JSON is refused, and the reason is told', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  for (const [what, value] of Object.entries(NO)) {
    for (const body of [Buffer.from(value), within(value)]) {
      const r = await register(h, body);
      assert.equal(r.status, 400, `${what}: ${r.text}`);
      isRefusal(r, what);
      assert.match(r.json.error.message, /JSON/, what);
    }
  }
  for (const [what, text] of Object.entries({ 'UTF-16, little': Buffer.from('{"a":1}', 'utf16le'), 'UTF-16, big': Buffer.from('{"a":1}', 'utf16le').swap16(), 'UTF-16 with a mark': Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('{}', 'utf16le')]), 'two documents': '{}{}', 'a document and a word': '{} x', 'a mark': bytes([0xef, 0xbb, 0xbf], '{}'), 'only a mark': bytes([0xef, 0xbb, 0xbf]) }))
    assert.equal((await register(h, text)).status, 400, what);
  assert.equal((await h.get('/health')).json.workers.total, 0);
});

const YES: Record<string, Body> = {
  'null': 'null', 'true': 'true', 'false': 'false', 'zero': '0', 'minus zero': '-0', 'an integer': '123', 'negative': '-1', 'a real': '1.5', 'exponents': '[1e2,1E2,1e+2,1e-2,1.5E+10,0e1,0e+1,-0.0]', 'a tiny one': '1e-400', '64 bits': '[9223372036854775807,-9223372036854775808,18446744073709551615]', 'more than 64 bits': '123456789012345678901234567890', 'many digits': `0.${'1'.repeat(5000)}`, 'near the largest': '1.7976931348623157e308',
  'no element': '[]', 'no member': '{}', 'nested': '[[],{},[{}],{"a":[]}]', 'many elements': `[${'1,'.repeat(9999)}1]`, 'white space': ' \t\r\n[ \t\r\n1 \t\r\n, \t\r\n2 \t\r\n] \t\r\n',
  'no character': '""', 'escapes': '"\\"\\\\\\/\\b\\f\\n\\r\\t"', 'an escaped NUL': '"\\u0000"', 'small and capital hex': '"\\u00e9\\u00E9"', 'a pair': '"\\ud83d\\ude00"', 'the last pair': '"\\uDBFF\\uDFFF"', 'as bytes': '"é€😀"', 'no characters': '"\uffff\ufdd0\u{10ffff}"', 'escaped no characters': '"\\uffff\\uFDD0\\uDBFF\\uDFFE"', 'separators': '"\u2028\u2029"', 'DEL': '"\x7f"', 'a mark within': '"\ufeff"', 'a comment in a string': '"/* a */ // b"', 'brackets in a string': `"${'['.repeat(1000)}"`, 'an empty key': '{"":1}', 'a key with a NUL': '{"a\\u0000b":1}', 'keys that differ by case': '{"a":1,"A":2}', 'a long string': `"${'x'.repeat(10_000)}"`, 'a long key': `{"${'k'.repeat(10_000)}":1}`, 'depth at the limit': nest(31),
};

test('what is JSON is read', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  for (const [what, value] of Object.entries(YES)) {
    const alone = await register(h, value);
    assert.equal(alone.status, 422, `${what}: ${alone.text}`); // JSON, but no registration
    isRefusal(alone, what);
    const r = await register(h, within(value));
    assert.equal(r.status, 200, `${what}: ${r.text.slice(0, 300)}`);
    const list = await h.get('/api/admin/workers');
    const sent = JSON.parse(value.toString());
    const back = list.json.workers[0].capabilities.v;
    if (what !== 'minus zero' && !/^(64|exp|many dig|more)/.test(what)) assert.deepEqual(back, sent, what);
  }
});

test('a key twice is JSON that has no meaning', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  const many = Array.from({ length: 40 }, (_, i) => `"k${i}":0`).join(',');
  for (const body of ['{"a":"b","a":"c"}', '{"a":"b","a":"b"}', '{"worker_id":"w","worker_id":"v","tunnel_url":"http://127.0.0.1:9","capabilities":{}}', within('{"x":1,"y":{"x":1},"x":2}').toString(), within('[[{"x":1,"\\u0078":2}]]').toString(), within(`{${many},"k7":1}`).toString()]) {
    const r = await register(h, body);
    assert.equal(r.status, 422, r.text);
    isRefusal(r, body);
    assert.match(r.json.error.message, /key '(a|worker_id|x|k7)' occurs twice/);
  }
  assert.equal((await h.get('/health')).json.workers.total, 0);
});

test('a document at its limits costs no more than its size', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  const MIB = 1024 * 1024;
  const cases: [string, Body, number[]][] = [
    ['a number of 10 MiB', within('1'.repeat(10 * MIB)), [400, 422]],
    ['a fraction of 10 MiB', within(`0.${'3'.repeat(10 * MIB)}`), [200]],
    ['an exponent of 10 MiB', within(`1e${'9'.repeat(10 * MIB)}`), [400]],
    ['a string of 10 MiB', within(`"${'x'.repeat(10 * MIB)}"`), [422]],
    ['escapes of 10 MiB', within(`"${'\\u0041'.repeat(1_700_000)}"`), [422]],
    ['a key of 10 MiB', within(`{"${'k'.repeat(10 * MIB)}":1}`), [422]],
    ['white space of 10 MiB', `${' '.repeat(10 * MIB)}{}`, [422]],
    ['brackets of 10 MiB', '['.repeat(10 * MIB), [400]],
    ['half a million keys', within(`{${Array.from({ length: 500_000 }, (_, i) => `"${i}":0`).join(',')}}`), [422]],
    ['more than the API takes', Buffer.alloc(16 * MIB + 1, 32), [413]],
  ];
  for (const [what, body, want] of cases) {
    const r = await register(h, body);
    assert.ok(want.includes(r.status), `${what}: ${r.status} ${r.text.slice(0, 200)}`);
    assert.ok(r.text.length < 2000, what);
    assert.equal((await h.get('/health')).status, 200, what);
  }
});

test('what one worker says can still be listed for all', async (t) => {
  const h = await Hearth.start();
  t.after(() => h.stop());
  const base = { worker_id: 'w', tunnel_url: 'http://127.0.0.1:9', capabilities: {} };
  const deep = (n: number): unknown => JSON.parse(nest(n));
  for (const [field, at] of [['capabilities', { v: deep(31) }], ['services', deep(32)], ['containers', deep(32)]] as const) {
    assert.equal((await h.post('/api/worker/register', { ...base, [field]: at })).status, 200, field);
    const r = await h.post('/api/worker/register', { ...base, [field]: field === 'capabilities' ? { v: at } : [at] });
    assert.equal(r.status, 422, field);
    assert.equal(r.json.error.field, field);
  }
  assert.equal((await h.post('/api/worker/heartbeat', { worker_id: 'w', loaded_models: deep(32) })).status, 200);
  assert.equal((await h.post('/api/worker/heartbeat', { worker_id: 'w', loaded_models: deep(33) })).json.error.field, 'loaded_models');
  const list = await run(['workers', '--json'], { HEARTH_DATA: h.dir, HEARTH_PORT: new URL(h.url).port });
  assert.equal(list.code, 0, list.err);
  assert.equal(JSON.parse(list.out).workers.length, 1);
});
