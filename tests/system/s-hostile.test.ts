// SPDX-License-Identifier: Apache-2.0
// Documents made to do harm, through the real programs: each is refused with
// a reason of a known kind, or read harmlessly, in bounded time and memory;
// the next clean document is read; nothing is left behind; nobody is called.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import * as http from 'node:http';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test, { after, before } from 'node:test';
import { deflateSync } from 'node:zlib';
import { type Entry, jpeg, manyPages, onePage, outward, overlapping, para, pdf, png, shown, tiff, streamObject, word, wordBody, zip } from '../lib/evil.js';
import { Hearth, type Reply, SANITIZED, leftovers, rssKiB, run, waitFor } from '../lib/hearth.js';

const MB = 1 << 20;
const root = process.getuid?.() === 0;
const page = readFileSync(resolve('tests/system/fixtures/scan.png'));
let h: Hearth;
let dir: string; // of the test
let tmp: string; // of the services
before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'hearth-test-'));
  tmp = join(dir, 'tmp');
  mkdirSync(tmp);
  h = await Hearth.start({ workers: 1, workerEnv: { TMPDIR: tmp }, waitServices: ['document-processing', 'vision-ocr'] });
});
after(async () => {
  await h.stop().finally(() => rmSync(dir, { recursive: true, force: true }));
});

const read = (name: string, bytes: Buffer, service = 'upload'): Promise<Reply> => h.upload(`/service/${service}/process`, name, bytes);
const servicePid = (name: string): number => Number(leftovers(h.dir).find((l) => l.includes(`hearth-service ${name}`))?.split(' ')[0]);
const litter = (): string[] => [...readdirSync(tmp), ...readdirSync('/tmp').filter((n) => /^hearth-(cell|escaped|[0-9a-z]{16})/.test(n))];

async function stillReads(note: string): Promise<void> {
  const r = await read('clean.html', Buffer.from('<h1>Notice</h1><p>You owe nothing.</p>'));
  assert.equal(r.status, 200, `after ${note}: ${r.text}`);
  assert.match(r.json.markdown, /^# Notice$/m, note);
}

// --- bombs -------------------------------------------------------------------

const doc = wordBody(para('harmless'));
const deep = (open: string, close: string, n: number): string => open.repeat(n) + 'x' + close.repeat(n);
const entities = `<!DOCTYPE x [<!ENTITY a0 "ha">${Array.from({ length: 30 }, (_, i) => `<!ENTITY a${i + 1} "${`&a${i};`.repeat(10)}">`).join('')}]>`;
const quadratic = `<!DOCTYPE x [<!ENTITY a "${'a'.repeat(100_000)}">]>`;
const claims = (size: number): Buffer => zip(word(doc).map((e) => (e.name === 'word/document.xml' ? { ...e, claims: size } : e)));
// Text that is not as regular as a bomb, so that only its nesting is refused.
const rough = (n: number): string => Array.from({ length: n }, (_, i) => `<w:tbl><w:tr><w:tc w:id="${(i * 2654435761) >>> 0}">`).join('');
const nested = (filters: number): Buffer => {
  let bytes: Buffer = Buffer.alloc(100 * MB);
  for (let i = 0; i < filters; i++) bytes = deflateSync(bytes);
  return onePage(bytes, `/Filter[${'/FlateDecode'.repeat(filters)}]`);
};
const CATALOG = '<</Type/Catalog/Pages 2 0 R>>';

// What must be refused, with the code and the reason.
const refused: [string, () => Buffer, RegExp, RegExp][] = [
  ['overlapping.docx', () => overlapping(word(doc), 1000), /corrupt/, /entries overlap/],
  ['65535-entries.docx', () => zip([...word(doc), ...Array.from({ length: 65_532 }, (_, i) => ({ name: `x/${i}`, data: 'x' }))]), /too_large/, /more than 16384 entries/],
  ['10-gb-entry.docx', () => claims(10 * 1024 * MB), /corrupt|too_large/, /word\/document\.xml|inflates/],
  ['4-gb-entry.docx', () => claims(0xfffffffe), /corrupt|too_large/, /word\/document\.xml|inflates/],
  ['inflates.docx', () => zip(word(Buffer.concat([Buffer.from(doc.slice(0, -40)), Buffer.alloc(200 * MB, 'a')]))), /too_large/, /inflates more than 100 times/],
  ['42.zip', () => zip(Array.from({ length: 16 }, (_, i) => ({ name: `lib ${i}.zip`, data: zip([{ name: 'a', data: Buffer.alloc(MB) }]) }))), /unsupported/, /ZIP archive that holds no known document/],
  ['billion-laughs.docx', () => zip(word(wordBody(para('&a30;'), entities))), /corrupt/, /declares a document type/],
  ['quadratic.docx', () => zip(word(wordBody(para('&a;'.repeat(100_000)), quadratic))), /corrupt/, /declares a document type/],
  ['deep.docx', () => zip(word(wordBody(rough(5000) + para('x')))), /too_large/, /nested/],
  ['deep.html', () => Buffer.from(`<html><body>${deep('<div>', '</div>', 500_000)}`), /too_large/, /nested more than/],
  ['deep-tables.html', () => Buffer.from(`<html><body>${deep('<table><tr><td>', '</td></tr></table>', 100_000)}`), /too_large/, /nested more than/],
  ['deep.rtf', () => Buffer.from(`{\\rtf1 ${deep('{', '}', 1_000_000)}}`), /too_large/, /nested more than/],
  ['deep.eml', () => Buffer.from(`From: a@b\nTo: c@d\nMIME-Version: 1.0\n${Array.from({ length: 2000 }, (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n`).join('')}Content-Type: text/plain\n\nx\n`), /too_large/, /multiparts/],
  ['million-pages.pdf', () => manyPages(1_000_000), /too_large/, /1000000 pages; the limit is 2000/],
  ['counts-two-billion.pdf', () => pdf([CATALOG, '<</Type/Pages/Kids[3 0 R]/Count 2000000000>>', '<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>']), /corrupt|too_large/, /pages/],
  ['xref-of-itself.pdf', () => pdf([CATALOG, '<</Type/Pages/Kids[]/Count 0>>'], true), /corrupt/, /PDF/],
  ['deep.pdf', () => pdf([`<</Type/Catalog/Pages 2 0 R/X ${deep('[', ']', 200_000)}>>`, '<</Type/Pages/Kids[]/Count 0>>']), /corrupt|too_large/, /PDF/],
  ['huge.png', () => png(65_535, 65_535, Buffer.alloc(1000)), /too_large/, /65535 x 65535 pixels, the limit is 64 megapixels/],
  ['huge.jpg', () => jpeg(65_535, 65_535), /too_large/, /the limit is 64 megapixels/],
  ['huge.tif', () => tiff(65_535, 65_535), /too_large/, /the limit is 64 megapixels/],
  ['circle.tif', () => tiff(8, 8, true), /corrupt/, /tiff image is damaged/],
  ['gif-and-html.html', () => Buffer.from('GIF89a/*<html><body>harmless</body></html>*/'), /too_large|corrupt|unsupported/, /./],
];

test('bombs are refused with the right reason', { timeout: 600_000 }, async () => {
  await stillReads('nothing');
  const pid = servicePid('document-processing');
  const before = rssKiB(pid);
  for (const [name, make, code, reason] of refused) {
    const bytes = make();
    const from = Date.now();
    const r = await read(name, bytes);
    assert.ok(r.status >= 400 && r.status < 500, `${name}: ${r.status} ${r.text.slice(0, 300)}`);
    assert.match(r.json.error.code, code, `${name}: ${r.text}`);
    assert.match(r.json.error.message, reason, name);
    if (!SANITIZED) assert.ok(Date.now() - from < 20_000, `${name} took ${Date.now() - from} ms`);
    await stillReads(name);
  }
  assert.equal(servicePid('document-processing'), pid, 'the service was started anew');
  if (!SANITIZED) assert.ok(rssKiB(pid) - before < 16 * 1024, `the service grew by ${rssKiB(pid) - before} KiB`);
  assert.deepEqual(litter(), []);
});

test('what is odd but harmless is read, or refused, and harms nobody', { timeout: 600_000 }, async () => {
  const more = (e: Entry): (() => Buffer) => () => zip([...word(doc), e]);
  const cases: [string, () => Buffer, RegExp | null][] = [
    ['chained-filters.pdf', () => nested(5), null],
    ['a-billion-blanks.pdf', () => onePage(deflateSync(Buffer.alloc(200 * MB, ' ')), '/Filter/FlateDecode'), null],
    ['too-many-pixels.png', () => png(8000, 8000, Buffer.alloc(200 * MB)), null],
    ['kids-of-itself.pdf', () => pdf([CATALOG, '<</Type/Pages/Kids[2 0 R]/Count 1>>']), null],
    ['form-in-itself.pdf', () => pdf([CATALOG, '<</Type/Pages/Kids[3 0 R]/Count 1>>', '<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R/Resources<</XObject<</X 5 0 R>>>>>>', streamObject('', Buffer.from('/X Do')),
      streamObject('/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 5 0 R>>>>', Buffer.from('/X Do'))]), null],
    ['a-page-of-a-kilometre.pdf', () => onePage(Buffer.from('0 0 m 1000000 1000000 l S'), '', '0 0 1000000 1000000'), null],
    ['laughs.html', () => Buffer.from(`${entities}<html><body>&a30; harmless</body></html>`), /harmless/],
    // Names in the archive: an archive is never unpacked, so they lead nowhere.
    ['dots.docx', more({ name: '../../../../tmp/hearth-escaped', data: 'x' }), /harmless/],
    ['absolute.docx', more({ name: '/tmp/hearth-escaped', data: 'x' }), /harmless/],
    ['nul.docx', more({ name: '/tmp/hearth-escaped\0.xml', data: 'x' }), /harmless/],
    ['long-name.docx', more({ name: 'n'.repeat(300), data: 'x' }), /harmless/],
    ['right-to-left.docx', more({ name: 'word/\u202Elmx.exe', data: 'x' }), /harmless/],
    ['device.docx', more({ name: 'con', data: 'x' }), /harmless/],
    ['link.docx', () => zip(word('/etc/passwd').map((e) => (e.name === 'word/document.xml' ? { ...e, attributes: 0o120777 * 65536 } : e))), null],
    // Two things at once: what it is is told by its first bytes.
    ['pdf-and-zip.pdf', () => Buffer.concat([onePage(shown('harmless'), ''), zip(word(doc))]), /harmless/],
    ['pdf-behind-zip.docx', () => Buffer.concat([zip(word(doc)), onePage(shown('harmful'), '')]), /harmless/],
    ['really-html.png', () => Buffer.from('<html><body>harmless</body></html>'), /harmless/],
    ['really-pdf.docx', () => onePage(shown('harmless'), ''), /harmless/],
    ['really-png.pdf', () => png(8, 8, Buffer.alloc(72)), null],
  ];
  for (const [name, make, text] of cases) {
    const r = await read(name, make());
    assert.ok(r.status === 200 || (r.status >= 400 && r.status < 500), `${name}: ${r.status} ${r.text.slice(0, 300)}`);
    if (text) assert.match(r.json.markdown ?? r.text, text, name);
    assert.doesNotMatch(r.text, /root:x:0|harmful/, name);
    await stillReads(name);
  }
  assert.ok(!existsSync('/tmp/hearth-escaped'));
  assert.deepEqual(litter(), []);
});

test('the name of an upload is a hint and no path', async () => {
  const html = Buffer.from('<!DOCTYPE html><html><body><h1>Notice</h1></body></html>');
  for (const name of ['../../../../tmp/hearth-escaped', '/tmp/hearth-escaped', '..\\..\\x.html', 'n'.repeat(300) + '.html', 'a\u202Elmth.exe', 'con', 'a/b/c.html', '%2e%2e%2fx', '$(touch /tmp/hearth-escaped)', ''] as const) {
    const r = await read(name, html);
    assert.equal(r.status, 200, `${name}: ${r.text}`);
    assert.match(r.json.markdown, /^# Notice$/m, name);
  }
  const nul = await read('a\0b.html', html);
  assert.ok(nul.status === 200 || nul.status === 400, nul.text);
  assert.ok(!existsSync('/tmp/hearth-escaped'));
});

// --- calling home -----------------------------------------------------------------

test('no document makes anybody look elsewhere', async (t) => {
  let calls = 0;
  const canary = net.createServer((s) => { calls++; s.destroy(); });
  const port = await new Promise<number>((ok) => canary.listen(0, '127.0.0.1', () => ok((canary.address() as net.AddressInfo).port)));
  t.after(() => canary.close());
  const url = `http://127.0.0.1:${port}/x`;
  const secret = join(dir, 'secret.txt');
  writeFileSync(secret, 'hearth-secret-4711');
  const xxe = (target: string): string => `<!DOCTYPE x [<!ENTITY e SYSTEM "${target}"><!ENTITY % p SYSTEM "${target}"> %p;]>`;
  const settings: Entry[] = [{ name: 'word/settings.xml', data: `<?xml version="1.0"?><w:settings xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><w:attachedTemplate r:id="o0"/></w:settings>` },
    { name: 'word/_rels/settings.xml.rels', data: String(outward([['attachedTemplate', url]]).data) }];
  const office = (name: string, xml: string): Buffer => zip([{ name: 'mimetype', data: 'application/vnd.oasis.opendocument.text' }, { name, data: xml }]);
  const html = `<html><head><base href="${url}"><link rel=stylesheet href="${url}"><meta http-equiv=refresh content="0;url=${url}"><script src="${url}"></script></head><body background="${url}"><img src="${url}"><iframe src="${url}"></iframe><object data="file://${secret}"></object><embed src="${url}">harmless</body></html>`;
  const cases: [string, Buffer][] = [
    ['template.docx', zip(word(doc, [...settings, outward([['attachedTemplate', url], ['image', url], ['oleObject', `file://${secret}`], ['frame', `\\\\127.0.0.1\\share`], ['hyperlink', url]])]))],
    ['xxe-file.docx', zip(word(wordBody(para('&e;'), xxe(`file://${secret}`))))],
    ['xxe-http.docx', zip(word(wordBody(para('&e;'), xxe(url))))],
    ['xxe.odt', office('content.xml', `<?xml version="1.0"?>${xxe(`file://${secret}`)}<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:text><text:p>&e;</text:p></office:text></office:body></office:document-content>`)],
    ['xxe.html', Buffer.from(`${xxe(`file://${secret}`)}<html><body>&e;</body></html>`)],
    ['remote.html', Buffer.from(html)],
    ['remote.eml', Buffer.from(`From: a@b\nTo: c@d\nSubject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/external-body; access-type=local-file; name="${secret}"\n\nContent-Type: text/plain\n\n--b\nContent-Type: text/html\n\n${html}\n--b--\n`)],
    ['remote.rtf', Buffer.from(`{\\rtf1 harmless {\\field{\\*\\fldinst INCLUDEPICTURE "${url}"}{\\fldrslt x}}{\\field{\\*\\fldinst INCLUDETEXT "${secret}"}}{\\*\\template ${url}}}`)],
    ['remote.svg', Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><image xlink:href="${url}"/><text>harmless</text></svg>`)],
    ['remote.pdf', pdf([`<</Type/Catalog/Pages 2 0 R/OpenAction<</S/URI/URI(${url})>>/AA<</WC<</S/Launch/F(/bin/sh)>>>>>>`, '<</Type/Pages/Kids[3 0 R]/Count 1>>',
      `<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>/Contents[4 0 R 5 0 R]/AA<</O<</S/GoToR/F(${url})/D[0/Fit]>>>>>>`,
      streamObject('', shown('harmless')), streamObject(`/F(${secret})`, Buffer.alloc(0))])],
  ];
  for (const [name, bytes] of cases) {
    for (const service of name.endsWith('.pdf') ? ['upload', 'ocr'] : ['upload']) {
      const r = await read(name, bytes, service);
      assert.ok(r.status === 200 || (r.status >= 400 && r.status < 500), `${name}: ${r.status} ${r.text.slice(0, 300)}`);
      assert.doesNotMatch(r.text, /hearth-secret/, name);
    }
  }
  await stillReads('calls');
  assert.equal(calls, 0, 'somebody was called');
});

// --- one cell, seen from outside -----------------------------------------------------

const children = (pid: number): number[] => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);

// A cell of the OCR service while it reads, found before it is done.
async function liveCell(): Promise<number> {
  const [zygote] = children(servicePid('vision-ocr'));
  return waitFor('a cell is behind its walls', () => children(zygote).find((p) => {
    try { return /^Seccomp:\t2$/m.test(readFileSync(`/proc/${p}/status`, 'utf8')); } catch { return false; }
  }));
}

test('a cell has nothing but its document, its socket and its walls', { skip: !root && 'only root can look into a cell' }, async (t) => {
  const answer = read('scan.png', page, 'ocr');
  const pid = await liveCell();
  process.kill(pid, 'SIGSTOP'); // so that it is still there when we have looked
  t.after(() => { try { process.kill(pid, 'SIGCONT'); } catch { /* it is done */ } });
  const at = (name: string): string => readFileSync(`/proc/${pid}/${name}`, 'latin1');
  const status = at('status');
  assert.match(status, /^NoNewPrivs:\t1$/m);
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) assert.match(status, new RegExp(`^${set}:\\t0{16}$`, 'm'));
  assert.match(status, /^Threads:\t1$/m);
  const uid = Number(status.match(/^Uid:\t(\d+)/m)?.[1]);
  assert.ok(uid !== 0, 'it is still root');
  assert.match(at('environ'), /^\0*$/, 'its environment is wiped');
  assert.doesNotMatch(at('cmdline'), /token|key|secret/i);
  const fds = readdirSync(`/proc/${pid}/fd`).map((fd) => `${fd} ${readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/\d{3,}/, 'N')}`).sort();
  if (!SANITIZED) assert.deepEqual(fds, ['0 /dev/null', '1 /dev/null', '2 /dev/null', '4 socket:[N]']);
  const limits = at('limits');
  if (!SANITIZED) assert.match(limits, /^Max address space +2147483648 +2147483648 /m);
  assert.match(limits, /^Max cpu time +60 +61 /m);
  assert.match(limits, /^Max processes +0 +0 /m);
  assert.match(limits, /^Max file size +0 +0 /m);
  assert.match(limits, /^Max core file size +0 +0 /m);
  // Its network is one loopback device that is down and has carried nothing.
  const devices = at('net/dev').trimEnd().split('\n').slice(2);
  assert.equal(devices.length, 1, devices.join('\n'));
  assert.match(devices[0], /^ *lo:( +0){16}$/);
  assert.equal(at('net/fib_trie').trim(), '', 'it has a route');
  assert.equal(readdirSync(`/proc/${pid}/root/`).includes('etc') && readdirSync(`/proc/${pid}/root/etc`).some((n) => n !== 'fonts'), false, 'it sees files of the machine');
  process.kill(pid, 'SIGCONT');
  assert.equal((await answer).status, 200);
});

// The slot of a cell that stands still is free within a second after its
// client has gone, and a cell that dies costs its document alone.
test('a stopped or killed cell costs one document', async () => {
  const socket = join(h.dir, 'worker-0/run/w-worker-0/vision-ocr.sock');
  const running = (): Promise<number> => new Promise((ok, fail) => {
    http.get({ socketPath: socket, path: '/health' }, (res) => {
      let text = '';
      res.on('data', (d) => { text += d; });
      res.on('end', () => ok(JSON.parse(text).running));
    }).on('error', fail);
  });

  const url = new URL(h.url);
  const leaver = http.request({ host: url.hostname, port: url.port, method: 'POST', path: '/service/ocr/process', headers: { 'content-type': 'image/png', 'content-length': page.length } });
  leaver.on('error', () => undefined);
  leaver.end(page);
  const stopped = await liveCell();
  if (root) process.kill(stopped, 'SIGSTOP');
  assert.equal(await running(), 1);
  const from = Date.now();
  leaver.destroy();
  await waitFor('its slot is free', async () => await running() === 0);
  if (!SANITIZED) assert.ok(Date.now() - from < 1000, `${Date.now() - from} ms`);

  if (root) {
    const answer = read('scan.png', page, 'ocr');
    process.kill(await liveCell(), 'SIGKILL');
    const r = await answer;
    assert.equal(r.status, 422, r.text);
    assert.match(r.json.error.code, /parser_crashed|too_large/);
  }
  const again = await read('scan.png', page, 'ocr');
  assert.match(again.json.text, /outstanding balance/i);
});

// --- at the terminal -------------------------------------------------------------------

test('pages that are missing from the text are told at the terminal', async () => {
  // The second page is a picture that is larger than any page may be.
  const file = join(dir, 'two.pdf');
  writeFileSync(file, pdf([CATALOG, '<</Type/Pages/Kids[3 0 R 5 0 R]/Count 2>>',
    '<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>/Contents 4 0 R>>', streamObject('', shown('harmless words on the first page')),
    '<</Type/Page/Parent 2 0 R/MediaBox[0 0 14000 14000]/Resources<</XObject<</I 7 0 R>>>>/Contents 6 0 R>>', streamObject('', Buffer.from('14000 0 0 14000 0 0 cm /I Do')),
    streamObject('/Type/XObject/Subtype/Image/Width 2/Height 2/BitsPerComponent 8/ColorSpace/DeviceGray', Buffer.from([0, 255, 255, 0]))]));
  for (const command of ['read', 'ocr']) {
    const r = await run([command, '--url', h.url, file]);
    assert.match(r.out, /harmless words on the first page/, r.err);
    assert.match(r.err, new RegExp(`^hearth ${command}: .*two\\.pdf: 1 page could not be read; page 2: `));
    assert.equal(r.code, 1);
  }
});
