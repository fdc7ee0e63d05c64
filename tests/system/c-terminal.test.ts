// SPDX-License-Identifier: Apache-2.0
// What a person at the terminal meets when something is wrong: one sentence
// that says what it is, and an exit status that means something (0 done, 1
// failed, 2 wrong usage, 75 may work later).
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test, { after, before, type TestContext } from 'node:test';
import { Hearth, type Ran, SERVICE, freePort, leftovers, run, runProgram, shell } from '../lib/hearth.js';

const scan = resolve('tests/system/fixtures/scan.png');
const root = process.getuid?.() === 0;
const NOBODY = 65534;
let h: Hearth;
let dir: string;
let letter: string;

before(async () => {
  h = await Hearth.start({ workers: 1, waitServices: ['document-processing', 'vision-ocr'] });
  dir = mkdtempSync(join(tmpdir(), 'hearth-test-'));
  chmodSync(dir, 0o755);
  letter = join(dir, 'letter.txt');
  writeFileSync(letter, 'Dear Mrs Redfern,\n\nyou owe nothing.\n');
});
after(async () => {
  await h.stop().finally(() => rmSync(dir, { recursive: true, force: true }));
});

// Fails with this status, and with one sentence of the command's own.
function says(r: Ran, code: number, what: RegExp, note: string): void {
  assert.equal(r.code, code, `${note}: ${r.code}\n${r.err}`);
  const lines = r.err.trimEnd().split('\n').filter((l) => !l.endsWith("--help' tells more."));
  assert.equal(lines.length, 1, `${note}: one sentence, not:\n${r.err}`);
  assert.match(lines[0], what, note);
  assert.match(lines[0], /^hearth( [a-z]+)?: /, note);
}

test('wrong usage is named and ends with 2', async () => {
  const cases: [string[], RegExp][] = [
    [['status', '--frob'], /unknown option '--frob'/],
    [['status', '-x'], /unknown option '-x'/],
    [['read'], /missing FILE/],
    [['why'], /missing SERVICE/],
    [['why', 'a', 'b', 'c'], /'c' is one argument too many/],
    [['workers', 'x'], /'x' is one argument too many/],
    [['read', '--out'], /option '--out' needs DIR/],
    [['status', '--json=yes'], /option '--json' takes no value/],
    [['ocr', '--format', 'doc', letter], /'doc' is no format: text, markdown, hocr, pdf or json/],
    [['up', '--port', '99999'], /99999 is no port/],
    [['up', '--port', '0'], /0 is no port/],
    [['up', '--port', 'abc'], /'abc' is not a whole number for 'port'/],
    [['up', '--policy', 'mine'], /'mine' is no policy: default or classic/],
    [['up', '--worker-type', 'magic'], /'magic' is no worker type: auto, gpu/],
    [['up', '--host', 'nonsense'], /'nonsense' is not a numeric IP address/],
    [['coordinator', '--port', '99999'], /99999 is no port/],
    [['coordinator', '--policy', 'mine'], /'mine' is no policy/],
    [['worker', '--worker-type', 'magic'], /'magic' is no worker type/],
    [['worker', '--coordinator', 'ftp://x'], /'ftp:\/\/x' is no URL such as http:\/\/host:8080/],
    [['worker', '--worker-id', 'a b'], /'a b' is no name for a worker/],
    [['status', '--log', 'xml'], /'xml' is no log form: human, logfmt or json/],
    [['status', '--config', join(dir, 'none.conf')], /cannot read the settings: no file '.*none\.conf'/],
    [['status', '--config', dir], /cannot read the settings: .*Is a directory/],
  ];
  const env = { HEARTH_DATA: join(dir, 'never-made') };
  for (const [args, what] of cases) says(await run(args, env), 2, what, args.join(' '));
  for (const args of [['frob'], ['--frob'], ['help', 'frob']]) {
    const r = await run(args, env);
    assert.equal(r.code, 2, args.join(' '));
    assert.match(r.err, /^hearth: no command '(--)?frob'\n/);
  }
  const file = join(dir, 'wrong.conf');
  writeFileSync(file, '# mine\nport = 8090\nprot = 1\n');
  says(await run(['status', '--config', file], env), 2, /wrong\.conf line 3: no setting 'prot'/, 'settings file');
  assert.ok(!readdirSync(dir).includes('never-made'), 'wrong usage leaves nothing behind');
});

test('help is there for every command', async () => {
  const all = await run(['help']);
  assert.equal(all.code, 0);
  const names = [...all.out.matchAll(/^ {2}([a-z]+) {2}/gm)].map((m) => m[1]);
  assert.ok(names.length >= 13, all.out);
  for (const name of names) {
    const r = await run([name, '--help']);
    assert.equal(r.code, 0, name);
    assert.match(r.out, new RegExp(`^usage: hearth ${name} `), name);
  }
});

test('hearth-service says what is wrong with how it was started', async () => {
  const at = join(dir, 'service.sock');
  const cases: [string[], Record<string, string>, RegExp][] = [
    [['magic', '--socket', at], {}, /no service 'magic'; see --list/],
    [['vision-ocr'], {}, /^usage: hearth-service NAME --socket PATH/],
    [['vision-ocr', '--socket', at], { HEARTH_SANDBOX: 'off' }, /HEARTH_SANDBOX is 'off'; it may be strict or degraded/],
    [['vision-ocr', '--socket', at], { HEARTH_LOG: 'xml' }, /HEARTH_LOG is 'xml'; it may be human, logfmt or json/],
    [['vision-ocr', '--socket', at], { HEARTH_LOG_LEVEL: 'loud' }, /HEARTH_LOG_LEVEL is 'loud'; it may be error, warn, info or debug/],
  ];
  for (const [args, env, what] of cases) {
    const r = await runProgram(SERVICE, args, env);
    assert.equal(r.code, 2, `${args.join(' ')}: ${r.err}`);
    assert.match(r.err, what);
  }
  const nowhere = await runProgram(SERVICE, ['vision-ocr', '--socket', join(dir, 'none', 'service.sock')], {});
  assert.equal(nowhere.code, 1, nowhere.err);
  assert.match(nowhere.err, /none\/service\.sock/);
  assert.match((await runProgram(SERVICE, ['--list'])).out, /^document-processing\nvision-ocr\n$/);
});

test('without a coordinator every question ends with 75 and the way out', async () => {
  const port = await freePort();
  const env = { HEARTH_DATA: join(dir, 'nothing'), HEARTH_PORT: String(port) };
  for (const args of [['status'], ['workers'], ['services'], ['gaps'], ['why', 'ocr'], ['read', letter], ['ocr', scan]]) {
    for (const json of [[], ['--json']])
      says(await run([...args, ...json], env), 75, new RegExp(`no coordinator answers at http://127\\.0\\.0\\.1:${port} .*hearth up`), args.join(' '));
  }
  assert.match((await run(['down'], env)).out, /not running/);
  says(await run(['logs'], env), 1, /no log at .*hearth\.log/, 'logs');
  says(await run(['status', '--url', 'nonsense'], env), 1, /'nonsense' is no address such as http:/, 'url');
  says(await run(['status', '--url', 'http://no-such-host.invalid'], env), 75, /cannot find 'no-such-host\.invalid'/, 'host');
});

test('a data folder that cannot be used is named, with what to do', async (t) => {
  const file = join(dir, 'a-file');
  writeFileSync(file, '');
  const port = String(await freePort());
  for (const [data, why] of [[file, /Not a directory|not a folder/], [join(file, 'below'), /Not a directory|not a folder/], ['/proc/hearth', /No such file|Permission/]] as const) {
    for (const role of [['up', '-d'], ['coordinator'], ['worker']]) {
      const r = await run([...role, '--data', data, ...(role[0] === 'worker' ? [] : ['--port', port])]);
      says(r, 1, why, `${role.join(' ')} in ${data}`);
      assert.match(r.err, /choose another.*--data/);
      assert.ok(r.err.includes(data.startsWith(file) ? file : data));
    }
  }
  await unwritable(t);
});

async function unwritable(t: TestContext): Promise<void> {
  const data = join(dir, 'read-only');
  mkdirSync(data);
  chmodSync(data, 0o555);
  const as = root ? NOBODY : undefined;
  if ((await run(['version'], {}, as).catch(() => ({ code: 1 }))).code !== 0) {
    t.diagnostic('another user cannot run the program where it lies: not tried');
    return;
  }
  for (const role of [['up', '-d'], ['coordinator'], ['worker']]) {
    const r = await run([...role, '--data', data], {}, as);
    says(r, 1, /Permission denied/, role.join(' '));
    assert.match(r.err, /choose another.*--data/);
  }
  const secret = join(dir, 'secret.txt');
  writeFileSync(secret, 'x');
  chmodSync(secret, 0o000);
  says(await run(['read', '--url', h.url, secret], { HEARTH_DATA: dir }, as), 1, /secret\.txt: cannot read it: Permission denied/, 'unreadable file');
}

test('a port in use is named by every command that listens', async (t) => {
  const s = net.createServer();
  const port = await new Promise<number>((ok) => s.listen(0, '127.0.0.1', () => ok((s.address() as net.AddressInfo).port)));
  t.after(() => s.close());
  const env = { HEARTH_DATA: join(dir, 'in-use'), PORT: String(port) };
  for (const role of [['up'], ['up', '-d'], ['coordinator']]) {
    const r = await run(role, env);
    assert.equal(r.code, 1, role.join(' '));
    assert.match(r.err, new RegExp(`port ${port} is in use by another program; choose another with --port`));
  }
  assert.deepEqual(leftovers(env.HEARTH_DATA), []);
});

test('files that cannot be read are named; the others are read', async () => {
  const make = (name: string, bytes: Buffer | string): string => { writeFileSync(join(dir, name), bytes); return join(dir, name); };
  const empty = make('empty.pdf', '');
  const noise = make('noise.bin', Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) & 255)));
  const fifo = join(dir, 'fifo.pdf');
  assert.equal((await shell(`mkfifo ${fifo}`)).code, 0);
  const cases: [string, RegExp][] = [
    [join(dir, 'missing.pdf'), /missing\.pdf: cannot read it: No such file/],
    [dir, /: it is a folder, not a file/],
    [fifo, /fifo\.pdf: it is not an ordinary file/],
    ['/dev/null', /\/dev\/null: it is not an ordinary file/],
    [empty, /empty\.pdf: it is empty/],
    [noise, /noise\.bin: this is neither a document of a known format nor text/],
  ];
  for (const [file, what] of cases) {
    for (const command of ['read', 'ocr']) {
      if (command === 'ocr' && file === noise) continue;
      says(await run([command, '--url', h.url, file]), 1, what, `${command} ${file}`);
    }
  }
  const some = await run(['read', '--url', h.url, letter, cases[0][0], letter]);
  says(some, 1, cases[0][1], 'one bad of three');
  assert.equal(some.out.split('you owe nothing').length, 3, some.out);
  assert.ok(!some.out.includes('missing.pdf'), 'no heading over nothing');
  for (const [option, value, what] of [['--pages', 'x', /pages: a page or a range such as 1-3/], ['--pages', '9', /pages: the document has 1/],
    ['--lang', 'xyz', /xyz\.traineddata is missing; install the Debian package tesseract-ocr-xyz/], ['--lang', '../x', /lang: language names such as eng/]] as const)
    says(await run(['ocr', '--url', h.url, option, value, scan]), 1, what, `${option} ${value}`);
});

test('results are not written over each other, nor into nowhere', async () => {
  const out = join(dir, 'out');
  mkdirSync(out);
  mkdirSync(join(dir, 'b'));
  const twin = join(dir, 'b', 'letter.txt');
  writeFileSync(twin, 'another');
  says(await run(['read', '--url', h.url, '-o', out, letter, twin]), 1, /'.*letter\.txt' and '.*b\/letter\.txt' would be written to the same file/, 'twins');
  assert.deepEqual(readdirSync(out), []);
  says(await run(['read', '--url', h.url, '-o', join(dir, 'no-folder'), letter]), 1, /cannot write into '.*no-folder': No such file/, 'no folder');
  says(await run(['read', '--url', h.url, '-o', letter, letter]), 1, /letter\.txt' is not a folder/, 'a file as folder');
  const good = await run(['read', '--url', h.url, '-o', out, '-t', letter]);
  assert.equal(good.code, 0, good.err);
  assert.match(readFileSync(join(out, 'letter.txt.txt'), 'utf8'), /you owe nothing/);
});

test('every listing takes --json, and says so when nobody can take what it prints', async () => {
  for (const args of [['status'], ['workers'], ['services'], ['gaps'], ['why', 'ocr']]) {
    const ask = [...args, '--url', h.url];
    const json = await run([...ask, '--json']);
    assert.equal(json.code, 0, json.err);
    assert.equal(typeof JSON.parse(json.out), 'object', args[0]);
    assert.notEqual((await run(ask)).out, json.out);
    const line = `"$HEARTH" ${ask.join(' ')}`;
    says(await shell(`${line} >/dev/full`), 1, /cannot write standard output: the disk is full/, `${args[0]} to a full disk`);
    says(await shell(`${line} --json >/dev/full`), 1, /cannot write standard output: the disk is full/, `${args[0]} --json to a full disk`);
    assert.equal((await shell(`${line} >&-`)).err, '', `${args[0]} with standard output closed`);
  }
  says(await run(['why', 'nonsense', '--url', h.url]), 1, /no service 'nonsense'/, 'why of no service');
  says(await run(['why', 'ocr', 'nobody', '--url', h.url]), 1, /no worker 'nobody'/, 'why of no worker');
  says(await shell(`"$HEARTH" read --url ${h.url} ${letter} >/dev/full`), 1, /letter\.txt: cannot write 'standard output': the disk is full/, 'read to a full disk');
});

test('what others wrote gives the terminal no orders', async () => {
  const evil = 'no\u001b[31m\u009b2J\u202e reason';
  const worker = { worker_id: 'stranger', tunnel_url: 'http://127.0.0.1:9', capabilities: { hostname: 'x' } };
  assert.equal((await h.post('/api/worker/register', worker)).status, 200);
  const beat = await h.post('/api/worker/heartbeat', { worker_id: 'stranger', status: evil, services_status: { 'notes-coa': { state: 'failed', reason: evil }, 'vision-ocr': { state: 'failed', reason: evil } } });
  assert.equal(beat.status, 200, beat.text);
  const name = join(dir, 'a\u001b[31m\u009b.txt');
  writeFileSync(name, 'harmless');
  let seen = '';
  for (const args of [['why', 'ocr', 'stranger'], ['why', 'notes'], ['status'], ['workers'], ['services'], ['read', name, letter], ['read', `${name}.none`], ['why', evil]]) {
    const r = await run([...args, '--url', h.url]);
    assert.doesNotMatch(r.out + r.err, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/, args.join(' '));
    seen += r.out;
  }
  assert.match(seen, /no\?\[31m\?\?2J\?\?\? reason/, 'the reason was never shown');
  assert.equal((await h.get('/api/worker/unregister/stranger', { method: 'DELETE' })).status, 200);
});

test('a pipe that is closed early ends it quietly', async () => {
  const long = join(dir, 'long.txt');
  writeFileSync(long, Array.from({ length: 200_000 }, (_, i) => `line ${i}`).join('\n'));
  const r = await shell(`"$HEARTH" read --url ${h.url} ${long} | head -n 1`);
  assert.match(r.out, /^line 0/);
  assert.equal(r.err, '');
});
