// SPDX-License-Identifier: Apache-2.0
// collect.js SET FOLDER OUT.jsonl: sends every file of an evaluation set to
// the running service and writes what came back, one JSON object a line.
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { Hearth, Reply } from '../lib/hearth.js';

interface Item { id: string; file: string; pages?: number }

const [set, folder, out] = process.argv.slice(2);

function manifest(): Item[] {
  if (set !== 'ocr') return JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
  return readFileSync(join(folder, 'manifest.jsonl'), 'utf8').trim().split('\n').map((l) => JSON.parse(l));
}

function row(item: Item, r: Reply, ms: number): object {
  if (r.status === 200)
    return { id: item.id, status: 'ok', // Pages are parted by form feeds in plain text.
      text: set === 'ocr' ? r.json.text : r.json.markdown, ms };
  return { id: item.id, status: r.status === 504 ? 'timeout' : 'error', error_code: r.json?.error?.code, error: r.json?.error?.message ?? r.text, ms };
}

const h = await Hearth.start({ workers: 1, waitServices: [set === 'ocr' ? 'vision-ocr' : 'document-processing'] });
try {
  const items = manifest();
  const rows: object[] = new Array(items.length);
  const path = set === 'ocr' ? '/service/ocr/process' : '/service/upload/process';
  let next = 0;
  const lane = async () => {
    for (let i = next++; i < items.length; i = next++) {
      const t = process.hrtime.bigint();
      const r = await h.upload(path, items[i].file, readFileSync(join(folder, items[i].file)));
      rows[i] = row(items[i], r, Number(process.hrtime.bigint() - t) / 1e6);
    }
  };
  const t = Date.now();
  await Promise.all(Array.from({ length: Math.min(cpus().length, 4) }, lane));
  const seconds = (Date.now() - t) / 1000;
  const count = items.reduce((n, i) => n + (i.pages ?? 1), 0);
  console.log(`${set}: ${items.length} files, ${count} pages in ${seconds.toFixed(1)} s (${(count / seconds).toFixed(2)} pages/s)`);
  writeFileSync(out, rows.map((r) => JSON.stringify(r)).join('\n') + '\n');
} finally {
  await h.stop();
}
