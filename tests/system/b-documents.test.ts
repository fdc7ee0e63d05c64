// SPDX-License-Identifier: Apache-2.0
// Documents in, text out, by the ways that users and existing clients take.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import test, { after, before } from 'node:test';
import { onePage, shown } from '../lib/evil.js';
import { Hearth, run } from '../lib/hearth.js';

const fixtures = resolve('tests/system/fixtures');
let h: Hearth;
before(async () => { h = await Hearth.start({ workers: 1, waitServices: ['document-processing', 'vision-ocr'] }); });
after(() => h.stop());

const html = '<h1>Notice</h1><p>You owe <b>&pound;12.50</b>.</p><table><tr><th>Due</th><th>Sum</th></tr><tr><td>1 May</td><td>12.50</td></tr></table>';

test('HTML becomes Markdown with headings and tables', async () => {
  const r = await h.upload('/service/upload/process', 'notice.html', Buffer.from(html));
  assert.equal(r.status, 200, r.text);
  assert.match(r.json.markdown, /^# Notice$/m);
  assert.match(r.json.markdown, /\| *Due *\| *Sum *\|/);
  assert.match(r.json.text, /You owe £12\.50/);
  assert.equal(r.json.success, true);
  assert.equal(r.headers['hearth-service'], 'document-processing');
  assert.equal(r.headers['hearth-worker'], 'worker-0');
  assert.ok('hearth-queue-ms' in r.headers);
});

test('every alias and the query string reach the service', async () => {
  for (const name of ['upload', 'document', 'documents', 'document-processing']) {
    const r = await h.upload(`/service/${name}/process?x=%C3%A9&y=1`, 'a.csv', Buffer.from('Name,Sum\nJane,3\nJohn,4\n'));
    assert.equal(r.status, 200, r.text);
    assert.match(r.json.markdown, /\| *Jane *\| *3 *\|/);
  }
});

test('a scanned page is read by OCR, with boxes and confidence', async () => {
  const page = readFileSync(join(fixtures, 'scan.png'));
  const r = await h.upload('/service/ocr/process', 'scan.png', page);
  assert.equal(r.status, 200, r.text);
  assert.match(r.json.text, /outstanding balance/i);
  const [first] = r.json.page_details;
  assert.ok(first.confidence > 0.5 && first.confidence <= 1);
  assert.ok(first.words.length > 5);
  for (const w of first.words) assert.ok(w.w > 0 && w.h > 0 && w.conf >= 0 && w.conf <= 1);
  const hocr = await h.upload('/service/ocr/process?format=hocr', 'scan.png', page);
  assert.match(hocr.text, /class=['"]ocrx_word['"]/);
  const pdf = await h.upload('/service/ocr/process?format=pdf', 'scan.png', page);
  assert.equal(pdf.body.subarray(0, 5).toString(), '%PDF-');
  // The same page among documents.
  const doc = await h.upload('/service/upload/process', 'scan.png', page);
  assert.match(doc.json.markdown, /outstanding balance/i);
  assert.equal(doc.json.page_details[0].method, 'tesseract');
});

test('a PDF page is drawn with the fonts of the machine when it brings none', async () => {
  const r = await h.upload('/service/ocr/process', 'plain.pdf', onePage(shown('Your balance is 1418.27 pounds'), ''));
  assert.equal(r.status, 200, r.text);
  assert.match(r.json.text, /Your balance is 1418\.27 pounds/);
});

test('what cannot be read is refused with the reason', async () => {
  const cases: [string, Buffer, number, RegExp][] = [
    ['empty.pdf', Buffer.alloc(0), 422, /empty/],
    ['broken.docx', Buffer.from('PK\u0003\u0004 this is no archive'), 422, /corrupt/],
    ['noise.bin', Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) & 255)), 415, /unsupported/],
  ];
  for (const [name, bytes, status, code] of cases) {
    const r = await h.upload('/service/upload/process', name, bytes);
    assert.ok(r.status === status || r.status === 422, `${name}: ${r.status} ${r.text}`);
    assert.match(r.json.error.code, code, r.text);
    assert.ok(r.json.error.message.length > 10);
  }
  const none = await h.get('/service/upload/process', { method: 'POST', headers: { 'content-type': 'multipart/form-data; boundary=x' }, body: '--x--\r\n' });
  assert.equal(none.status, 400, none.text);
  assert.equal(none.json.error.field, 'file');
});

test('every wrong request to a service names the field or the reason', async () => {
  const part = (name: string, value: string, file = false): string => `--b\r\nContent-Disposition: form-data; name="${name}"${file ? '; filename="a.txt"' : ''}\r\n\r\n${value}\r\n`;
  const form = { 'content-type': 'multipart/form-data; boundary=b' };
  const ok = part('file', 'hello', true);
  const cases: [string, string, Record<string, string>, string, number, string | null, RegExp][] = [
    ['GET', 'upload/process', {}, '', 405, null, /does not take that method/],
    ['POST', 'upload/nothing', {}, 'x', 404, null, /no such path/],
    ['POST', 'upload/process', {}, '', 422, null, /empty/],
    ['POST', 'upload/process?format=tex', {}, 'x', 400, 'format', /one of json, text, markdown/],
    ['POST', 'upload/process?format=hocr', {}, 'x', 400, 'format', /one of json, text, markdown/],
    ['POST', 'ocr/process?pages=0', {}, 'x', 400, 'pages', /a page or a range/],
    ['POST', 'ocr/process?pages=3-1', {}, 'x', 400, 'pages', /a page or a range/],
    ['POST', 'ocr/process?lang=..%2Fetc', {}, 'x', 400, 'lang', /language names/],
    ['POST', `ocr/process?lang=${'x'.repeat(200)}`, {}, 'x', 400, 'lang', /too long/],
    ['POST', 'ocr/process?method=ollama', {}, 'x', 503, 'method', /not available here/],
    ['POST', 'upload/process', { 'content-type': 'multipart/form-data' }, ok, 400, null, /boundary/],
    ['POST', 'upload/process', form, `${ok}${ok}--b--\r\n`, 400, 'file', /one document a request/],
    ['POST', 'upload/process', form, `${part('format', 'tex')}${ok}--b--\r\n`, 400, 'format', /one of json/],
    ['POST', 'upload/process', form, `${part('format', 'x'.repeat(5000))}${ok}--b--\r\n`, 400, 'format', /too long/],
    ['POST', 'upload/process', form, ok, 400, null, /form|ends|cut/],
  ];
  for (const [method, path, headers, body, status, field, reason] of cases) {
    const r = await h.get(`/service/${path}`, { method, headers, body });
    const note = `${method} ${path.slice(0, 40)} ${body.slice(0, 60)}: ${r.status} ${r.text}`;
    assert.equal(r.status, status, note);
    assert.match(r.json.error.message, reason, note);
    assert.match(r.json.error.code, /^[a-z_]+$/, note);
    assert.equal(r.json.detail, r.json.error.message, note);
    if (field) assert.equal(r.json.error.field, field, note);
  }
});

test('an unknown OCR method is named', async () => {
  const r = await h.upload('/service/ocr/process?method=magic', 'scan.png', readFileSync(join(fixtures, 'scan.png')));
  assert.equal(r.status, 400, r.text);
  assert.equal(r.json.error.field, 'method');
});

test('hearth read prints Markdown, and hearth ocr text', async () => {
  const file = join(h.dir, 'letter.html');
  writeFileSync(file, html);
  const one = await run(['read', '--url', h.url, file]);
  assert.equal(one.code, 0, one.err);
  assert.match(one.out, /^# Notice$/m);
  const out = join(h.dir, 'out');
  mkdirSync(out);
  const two = await run(['read', '--url', h.url, '--out', out, file, join(fixtures, 'scan.png')]);
  assert.equal(two.code, 0, two.err);
  assert.deepEqual(readdirSync(out).sort(), ['letter.html.md', 'scan.png.md']);
  const ocr = await run(['ocr', '--url', h.url, join(fixtures, 'scan.png')]);
  assert.match(ocr.out, /outstanding balance/i);
  const bad = await run(['read', '--url', h.url, join(h.dir, 'missing.pdf')]);
  assert.equal(bad.code, 1);
  assert.match(bad.err, /missing\.pdf.*No such file/);
});
