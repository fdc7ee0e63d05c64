// SPDX-License-Identifier: Apache-2.0
// Long PDFs: read by several cells at once where cores are free, with the same
// answer as from one.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import * as http from 'node:http';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { BUILD, Proc, SANITIZED, waitFor } from '../lib/hearth.js';

const dir = mkdtempSync(join(tmpdir(), 'hearth-long-'));
const CORES = availableParallelism();

// The service by itself, on all cores or on one.
class Service {
  readonly path: string;
  readonly proc: Proc;
  constructor(name: string, cores: string) {
    this.path = join(dir, `${name}.sock`);
    this.proc = new Proc(name, spawn('taskset', ['-c', cores, join(BUILD, 'hearth-service'), 'document-processing', '--socket', this.path],
      { env: { PATH: process.env.PATH ?? '', HOME: dir }, stdio: ['ignore', 'pipe', 'pipe'] }));
  }
  ask(path: string, body?: Buffer): Promise<{ status: number; text: string }> {
    return new Promise((ok, fail) => {
      const req = http.request({ socketPath: this.path, path, method: body ? 'POST' : 'GET', headers: { 'content-type': 'application/pdf' } }, (res) => {
        const parts: Buffer[] = [];
        res.on('data', (d) => parts.push(d));
        res.on('error', fail);
        res.on('end', () => ok({ status: res.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }));
      });
      req.on('error', fail);
      req.end(body);
    });
  }
  async health(): Promise<any> { return JSON.parse((await this.ask('/health')).text); }
}

let all: Service, one: Service;
before(async () => {
  all = new Service('all', `0-${CORES - 1}`);
  one = new Service('one', '0');
  for (const s of [all, one]) await waitFor(`${s.path} is healthy`, async () => (await s.health()).status === 'healthy');
});
after(async () => {
  await all.proc.stop();
  await one.proc.stop();
  rmSync(dir, { recursive: true, force: true });
});

type Line = [x: number, y: number, size: number, text: string];

// A PDF of pages of text; a page without lines is blank, `picture` an image.
function pdf(pages: (Line[] | 'picture')[]): Buffer {
  const objects = ['<</Type/Catalog/Pages 2 0 R>>', '', '<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>'];
  const kids: string[] = [];
  for (const page of pages) {
    const content = page === 'picture' ? 'q 500 0 0 700 40 60 cm /I Do Q\n'
      : page.map(([x, y, size, text]) => `BT /F ${size} Tf ${x} ${y} Td (${text}) Tj ET\n`).join('');
    objects.push(`<</Length ${content.length}>>stream\n${content}\nendstream`);
    const at = objects.length;
    let extra = '';
    if (page === 'picture') {
      objects.push('<</Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8/Length 1>>stream\n\x40\nendstream');
      extra = `/XObject<</I ${objects.length} 0 R>>`;
    }
    objects.push(`<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents ${at} 0 R/Resources<</Font<</F 3 0 R>>${extra}>>>>`);
    kids.push(`${objects.length} 0 R`);
  }
  objects[1] = `<</Type/Pages/Count ${kids.length}/Kids[${kids.join(' ')}]>>`;
  let out = '%PDF-1.4\n';
  const places = objects.map((o, i) => { const at = out.length; out += `${i + 1} 0 obj\n${o}\nendobj\n`; return at; });
  const table = out.length;
  out += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n` + places.map((p) => `${String(p).padStart(10, '0')} 00000 n \n`).join('') +
    `trailer\n<</Size ${objects.length + 1}/Root 1 0 R>>\nstartxref\n${table}\n%%EOF\n`;
  return Buffer.from(out, 'latin1');
}

const prose = (page: number, lines: number): Line[] => Array.from({ length: lines }, (_, i): Line =>
  [60, 740 - 14 * i, 11, `Sentence ${i} of page ${page} says what the one before it did not say, and so it goes on.`]);

// A running title, page numbers, headings on few pages, a table, a list that
// goes over the end of a page, a blank page.
function report(pages: number): Line[][] {
  return Array.from({ length: pages }, (_, i) => {
    const n = i + 1;
    if (n % 17 === 0) return [];
    const lines: Line[] = [[60, 810, 9, 'Annual report of the club'], [280, 30, 9, `Page ${n} of ${pages}`], ...prose(n, 12)];
    if (n > pages - 9) lines.push([60, 770, 20, `Chapter ${n}`]);
    for (let k = 0; k < 4; k++) lines.push([60, 540 - 16 * k, 11, `Name ${k}`], [250, 540 - 16 * k, 11, `Town ${n}`], [450, 540 - 16 * k, 11, `${k}.50`]);
    for (let k = 0; k < 3; k++) lines.push([60, 400 - 14 * k, 11, `- point ${k} of page ${n}`]);
    return lines;
  });
}

test('a long PDF has the same text from several cells as from one', async () => {
  for (const pages of [3, 8, 11, 40, 120]) {
    const file = pdf(report(pages));
    for (const format of ['markdown', 'text']) {
      const [a, b] = [await all.ask(`/process?format=${format}`, file), await one.ask(`/process?format=${format}`, file)];
      assert.equal(a.status, 200, a.text);
      assert.equal(a.text, b.text, `${pages} pages as ${format}`);
    }
    const a = JSON.parse((await all.ask('/process', file)).text);
    assert.equal(a.total_pages, pages);
    assert.deepEqual(a.page_details.map((p: any) => p.page), Array.from({ length: pages }, (_, i) => i + 1));
    assert.equal(a.markdown.split('Annual report of the club').length - 1, 1, 'a running title is shown once');
    assert.match(a.markdown, new RegExp(`^# Chapter ${pages}$`, 'm'));
  }
  const some = JSON.parse((await all.ask('/process?pages=21-60', pdf(report(120)))).text);
  assert.deepEqual(some.page_details.map((p: any) => p.page), Array.from({ length: 40 }, (_, i) => 21 + i));
});

test('pictures among many pages are read in their places', async () => {
  const pages: (Line[] | 'picture')[] = report(24);
  pages[4] = 'picture';
  pages[20] = 'picture';
  const file = pdf(pages);
  const [a, b] = [all, one].map(async (s) => JSON.parse((await s.ask('/process', file)).text));
  const [x, y] = [await a, await b];
  assert.equal(x.markdown, y.markdown);
  assert.deepEqual(x.page_details.map((p: any) => [p.page, p.method, p.error]), y.page_details.map((p: any) => [p.page, p.method, p.error]));
  assert.ok(x.markdown.indexOf('of page 4 ') < x.markdown.indexOf('<!-- page 5 -->'));
  assert.ok(x.markdown.indexOf('<!-- page 5 -->') < x.markdown.indexOf('of page 6 '));
});

test('free cores help with a long PDF', { skip: CORES < 2 && 'one core' }, async () => {
  const file = pdf(Array.from({ length: SANITIZED ? 300 : 1500 }, (_, i) => prose(i + 1, 40)));
  let over = false;
  const answer = all.ask('/process?format=text', file).finally(() => { over = true; });
  await waitFor('two cells run', async () => {
    if (over) throw new Error('it was over first');
    return (await all.health()).running >= 2;
  });
  const { status, text } = await answer;
  assert.equal(status, 200);
  assert.match(text, /Sentence 39 of page 300 /);
  assert.equal((await all.health()).running, 0);
});

test('many long PDFs at once are all read', async () => {
  const file = pdf(report(60));
  const want = (await one.ask('/process?format=text', file)).text;
  const got = await Promise.all(Array.from({ length: 12 }, () => all.ask('/process?format=text', file)));
  for (const r of got) assert.equal(r.text, want);
});

test('a client that leaves ends every cell of its document', { skip: CORES < 2 && 'one core' }, async () => {
  const file = pdf(Array.from({ length: SANITIZED ? 300 : 1900 }, (_, i) => prose(i + 1, 50)));
  const req = http.request({ socketPath: all.path, path: '/process', method: 'POST', headers: { 'content-type': 'application/pdf' } });
  req.on('error', () => undefined);
  req.end(file);
  await waitFor('cells run', async () => (await all.health()).running >= 2);
  req.destroy();
  await waitFor('no cell is left', async () => (await all.health()).running === 0 && (await all.health()).active === 0);
});
