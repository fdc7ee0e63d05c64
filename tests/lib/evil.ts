// SPDX-License-Identifier: Apache-2.0
// Writes files that no honest program writes: archives, PDFs and images whose
// headers say whatever a test wants them to say.
import { crc32, deflateRawSync, deflateSync } from './deflate.js';

// --- archives ------------------------------------------------------------------

export interface Entry {
  name: string | Buffer;
  data: Buffer | string;
  claims?: number; // size it says it has, instead of the true one
  attributes?: number; // external attributes: a symbolic link, say
}

const u16 = (n: number): Buffer => { const b = Buffer.alloc(2); b.writeUInt16LE(n & 0xffff); return b; };
const u32 = (n: number): Buffer => { const b = Buffer.alloc(4); b.writeUInt32LE(n >>> 0); return b; };
const u64 = (n: number): Buffer => { const b = Buffer.alloc(8); b.writeBigUInt64LE(BigInt(n)); return b; };

interface Laid { entry: Entry; name: Buffer; packed: Buffer; size: number; crc: number; at: number }

// Sizes beyond 32 bits go into a zip64 field.
function sizes(l: Laid): { inHead: Buffer; extra: Buffer } {
  const size = l.entry.claims ?? l.size;
  if (size < 0xffffffff) return { inHead: Buffer.concat([u32(l.crc), u32(l.packed.length), u32(size)]), extra: Buffer.alloc(0) };
  return { inHead: Buffer.concat([u32(l.crc), u32(0xffffffff), u32(0xffffffff)]), extra: Buffer.concat([u16(1), u16(16), u64(size), u64(l.packed.length)]) };
}

function localHead(l: Laid): Buffer {
  const { inHead, extra } = sizes(l);
  return Buffer.concat([u32(0x04034b50), u16(45), u16(0x800), u16(8), u32(0), inHead, u16(l.name.length), u16(extra.length), l.name, extra]);
}

function centralHead(l: Laid, at = l.at): Buffer {
  const { inHead, extra } = sizes(l);
  return Buffer.concat([u32(0x02014b50), u16(0x031e), u16(45), u16(0x800), u16(8), u32(0), inHead, u16(l.name.length), u16(extra.length), u16(0), u16(0), u16(0),
    u32(l.entry.attributes ?? 0), u32(at), l.name, extra]);
}

function trailer(count: number, size: number, at: number): Buffer {
  return Buffer.concat([u32(0x06054b50), u16(0), u16(0), u16(count), u16(count), u32(size), u32(at), u16(0)]);
}

function lay(entries: Entry[]): { body: Buffer[]; laid: Laid[]; at: number } {
  const body: Buffer[] = [];
  const laid: Laid[] = [];
  let at = 0;
  for (const entry of entries) {
    const data = Buffer.from(entry.data as string);
    const l = { entry, name: Buffer.from(entry.name as string), packed: deflateRawSync(data), size: data.length, crc: crc32(data), at };
    const head = localHead(l);
    body.push(head, l.packed);
    laid.push(l);
    at += head.length + l.packed.length;
  }
  return { body, laid, at };
}

export function zip(entries: Entry[]): Buffer {
  const { body, laid, at } = lay(entries);
  const central = Buffer.concat(laid.map((l) => centralHead(l)));
  return Buffer.concat([...body, central, trailer(laid.length, central.length, at)]);
}

// `copies` more names for the bytes of the last entry.
export function overlapping(entries: Entry[], copies: number): Buffer {
  const { body, laid, at } = lay(entries);
  const last = laid[laid.length - 1];
  const more = Array.from({ length: copies }, (_, i) => centralHead({ ...last, name: Buffer.from(`word/copy${i}.xml`) }));
  const central = Buffer.concat([...laid.map((l) => centralHead(l)), ...more]);
  return Buffer.concat([...body, central, trailer(laid.length + copies, central.length, at)]);
}

const W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"';
export const wordBody = (body: string, before = ''): string => `<?xml version="1.0"?>${before}<w:document ${W}><w:body>${body}</w:body></w:document>`;
export const para = (text: string): string => `<w:p><w:r><w:t>${text}</w:t></w:r></w:p>`;

const TYPES: Entry = { name: '[Content_Types].xml', data: '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>' };
const relations = (inner: string): string => `<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">${inner}</Relationships>`;
const REL = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const RELS: Entry = { name: '_rels/.rels', data: relations(`<Relationship Id="r1" Type="${REL}/officeDocument" Target="word/document.xml"/>`) };

// The entries of a Word document with this document.xml.
export function word(xml: Buffer | string, more: Entry[] = []): Entry[] {
  return [TYPES, RELS, ...more, { name: 'word/document.xml', data: xml }];
}

// What a document may point to outside of itself.
export function outward(targets: [string, string][]): Entry {
  return { name: 'word/_rels/document.xml.rels', data: relations(targets.map(([type, url], i) => `<Relationship Id="o${i}" Type="${REL}/${type}" Target="${url}" TargetMode="External"/>`).join('')) };
}

// --- PDF --------------------------------------------------------------------------

// Objects by number, from 1; the first is the catalogue. The cross-reference
// table is right unless `prev` makes it point back to itself.
export function pdf(objects: (string | Buffer)[], loop = false): Buffer {
  const parts: Buffer[] = [Buffer.from('%PDF-1.7\n')];
  const offsets: number[] = [];
  let at = parts[0].length;
  objects.forEach((o, i) => {
    const whole = Buffer.concat([Buffer.from(`${i + 1} 0 obj\n`), Buffer.from(o as string), Buffer.from('\nendobj\n')]);
    offsets.push(at);
    parts.push(whole);
    at += whole.length;
  });
  const rows = offsets.map((o) => `${String(o).padStart(10, '0')} 00000 n \n`).join('');
  parts.push(Buffer.from(`xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${rows}trailer\n<</Size ${objects.length + 1}/Root 1 0 R${loop ? `/Prev ${at}` : ''}>>\nstartxref\n${at}\n%%EOF\n`));
  return Buffer.concat(parts);
}

// A PDF with that many real pages, small enough to send: its objects lie in
// compressed object streams.
export function manyPages(count: number): Buffer {
  const PER = 10_000;
  const objects = ['<</Type/Catalog/Pages 2 0 R>>', `<</Type/Pages/Count ${count}/MediaBox[0 0 99 99]/Kids[${Array.from({ length: count }, (_, i) => `${i + 3} 0 R`).join(' ')}]>>`,
    ...Array.from({ length: count }, () => '<</Type/Page/Parent 2 0 R>>')];
  const streams = Math.ceil(objects.length / PER);
  const size = objects.length + 1 + streams + 1;
  const rows = Buffer.alloc(size * 7);
  const parts: Buffer[] = [Buffer.from('%PDF-1.7\n')];
  let at = parts[0].length;
  const row = (n: number, type: number, a: number, b: number): void => { rows[n * 7] = type; rows.writeUInt32BE(a, n * 7 + 1); rows.writeUInt16BE(b, n * 7 + 5); };
  const put = (n: number, object: Buffer): void => {
    const whole = Buffer.concat([Buffer.from(`${n} 0 obj\n`), object, Buffer.from('\nendobj\n')]);
    row(n, 1, at, 0);
    parts.push(whole);
    at += whole.length;
  };
  for (let s = 0; s < streams; s++) {
    let offset = 0;
    const here = objects.slice(s * PER, (s + 1) * PER);
    const table = here.map((o, i) => { const t = `${s * PER + i + 1} ${offset}`; row(s * PER + i + 1, 2, objects.length + 1 + s, i); offset += o.length + 1; return t; }).join(' ') + '\n';
    put(objects.length + 1 + s, streamObject(`/Type/ObjStm/N ${here.length}/First ${table.length}/Filter/FlateDecode`, deflateSync(Buffer.from(table + here.join('\n')))));
  }
  row(0, 0, 0, 65535);
  row(size - 1, 1, at, 0);
  const start = at;
  put(size - 1, streamObject(`/Type/XRef/Size ${size}/W[1 4 2]/Root 1 0 R/Filter/FlateDecode`, deflateSync(rows)));
  return Buffer.concat([...parts, Buffer.from(`startxref\n${start}\n%%EOF\n`)]);
}

export function streamObject(dict: string, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`<<${dict}/Length ${bytes.length}>>\nstream\n`), bytes, Buffer.from('\nendstream')]);
}

const FONT = '/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>';

// One page with this content stream.
export function onePage(content: Buffer, filters: string, box = '0 0 595 842', rest = ''): Buffer {
  return pdf(['<</Type/Catalog/Pages 2 0 R>>', '<</Type/Pages/Kids[3 0 R]/Count 1>>', `<</Type/Page/Parent 2 0 R/MediaBox[${box}]${FONT}/Contents 4 0 R${rest}>>`, streamObject(filters, content)]);
}

export const shown = (text: string): Buffer => Buffer.from(`BT /F 12 Tf 72 700 Td (${text}) Tj ET`);

// --- images -------------------------------------------------------------------------

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const n = Buffer.alloc(4);
  const c = Buffer.alloc(4);
  n.writeUInt32BE(data.length);
  c.writeUInt32BE(crc32(body));
  return Buffer.concat([n, body, c]);
}

export function png(width: number, height: number, pixels: Buffer): Buffer {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 0, 0, 0, 0], 8);
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', head), chunk('IDAT', deflateSync(pixels)), chunk('IEND', Buffer.alloc(0))]);
}

// A baseline JPEG's headers and nothing of the picture.
export function jpeg(width: number, height: number): Buffer {
  const sof = Buffer.from([0xff, 0xc0, 0, 11, 8, height >> 8, height & 255, width >> 8, width & 255, 1, 1, 0x11, 0]);
  const dqt = Buffer.concat([Buffer.from([0xff, 0xdb, 0, 67, 0]), Buffer.alloc(64, 1)]);
  const sos = Buffer.from([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0]);
  return Buffer.concat([Buffer.from([0xff, 0xd8]), dqt, sof, sos, Buffer.alloc(64), Buffer.from([0xff, 0xd9])]);
}

// A grey, uncompressed TIFF. `loop` makes its page list a circle.
export function tiff(width: number, height: number, loop = false): Buffer {
  const tags: [number, number, number][] = [[256, 4, width], [257, 4, height], [258, 3, 8], [259, 3, 1], [262, 3, 1], [273, 4, 8], [277, 3, 1], [278, 4, height], [279, 4, 64]];
  const dir = Buffer.concat([u16(tags.length), ...tags.map(([tag, type, value]) => Buffer.concat([u16(tag), u16(type), u32(1), u32(value)])), u32(loop ? 72 : 0)]);
  return Buffer.concat([Buffer.from('II*\0', 'latin1'), u32(72), Buffer.alloc(64, 200), dir]);
}
