// SPDX-License-Identifier: Apache-2.0
// Faults while it runs: a full disk, a missing language, missing sandbox
// layers, killed processes, two starts at once.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test, { type TestContext } from 'node:test';
import { HEARTH, SERVICE, type Proc, atEnd, freePort, leftovers, post, request, run, runProgram, shell, start, upload, waitFor } from '../lib/hearth.js';

const fixtures = resolve('tests/system/fixtures');
const scan = join(fixtures, 'scan.png');
const page = readFileSync(scan);
const root = process.getuid?.() === 0;

// Made for one test. At its end `hearth up` in it is stopped, if there is one,
// and nothing may be left running.
function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'hearth-test-'));
  atEnd(t, async () => {
    await run(['down'], { HEARTH_DATA: dir });
    await waitFor('nothing is left running', () => leftovers(dir).length === 0);
    rmSync(dir, { recursive: true, force: true });
  });
  return dir;
}

interface Up { env: Record<string, string>; url: string; data: string }

// `hearth up -d`, through another program if need be.
async function up(t: TestContext, env: Record<string, string> = {}, through: string[] = []): Promise<Up> {
  const data = folder(t);
  const port = String(await freePort());
  const all = { HEARTH_DATA: data, HEARTH_PORT: port, ...env };
  const [program, ...args] = [...through, HEARTH, 'up', '-d'];
  const r = await runProgram(program, args, all);
  assert.equal(r.code, 0, r.err);
  return { env: all, url: `http://127.0.0.1:${port}`, data };
}

// Processes of this data folder whose command line has the word.
const pids = (data: string, word: string): number[] => leftovers(data).filter((l) => l.includes(word)).map((l) => Number(l.split(' ')[0]));
const text = Buffer.from('Dear Mrs Redfern,\n\nyou owe nothing.\n');
const reads = async (url: string): Promise<boolean> => (await upload(url, '/service/upload/process', 'letter.txt', text).catch(() => undefined))?.status === 200;

// --- disk ------------------------------------------------------------------

// A file system of 8 MiB in a mount namespace of its own. `through` starts
// programs in there; `seen` is its folder as this process sees it.
async function smallDisk(t: TestContext): Promise<{ at: string; seen: string; through: string[] }> {
  const at = folder(t);
  const holder = start('small disk', [...(root ? ['-m'] : ['-Urm']), 'sh', '-c', 'mount -t tmpfs -o size=8m none "$AT" && echo mounted >&2 && exec sleep infinity'], { AT: at }, 'unshare');
  atEnd(t, () => holder.kill());
  await holder.saw('mounted');
  return { at, seen: join('/proc', String(holder.pid), 'root', at), through: ['-t', String(holder.pid), '-m', ...(root ? [] : ['-U', '--preserve-credentials']), HEARTH] };
}

function fill(path: string): void {
  const block = Buffer.alloc(4096);
  try {
    for (;;) writeFileSync(path, block, { flag: 'a' });
  } catch (e) { assert.equal((e as NodeJS.ErrnoException).code, 'ENOSPC'); }
}

const register = (url: string, id: string) => post(url, '/api/worker/register', { worker_id: id, tunnel_url: 'http://127.0.0.1:9', capabilities: { hostname: id } });
const known = async (url: string): Promise<string[]> => (await request(url, '/api/admin/workers?format=array')).json.map((w: { worker_id: string }) => w.worker_id).sort();

test('a full disk: nothing is acknowledged that is not saved, and it goes on when there is room', async (t) => {
  const disk = await smallDisk(t);
  const open = async (): Promise<{ co: Proc; url: string }> => {
    const co = start('coordinator', [...disk.through, 'coordinator', '--port', '0', '--data', join(disk.at, 'data')], {}, 'nsenter');
    atEnd(t, () => co.stop());
    return { co, url: (await co.saw(/Listening on (http:\/\/[0-9.]+:[0-9]+)/))[1] };
  };
  const { co, url } = await open();
  assert.equal((await register(url, 'before')).status, 200);

  fill(join(disk.seen, 'filler'));
  // A file has some room left inside its last pages; then nothing is saved.
  let refused;
  const saved = ['before'];
  for (let i = 0; i < 500 && !refused; i++) {
    const r = await register(url, `full-${i}`);
    if (r.status === 200) saved.push(`full-${i}`);
    else refused = r;
  }
  assert.equal(refused?.status, 503, 'a full disk was never noticed');
  assert.ok(refused.headers['retry-after']);
  assert.match(refused.json.error.message, /cannot save this now/);
  assert.equal((await request(url, '/readyz')).status, 503);
  const status = await run(['status', '--url', url]);
  assert.match(status.out, /is degraded/);
  assert.match(status.out, /cannot save new registrations now; its log says why/);
  assert.match(co.err, /the disk is full; free some space/);

  unlinkSync(join(disk.seen, 'filler'));
  await waitFor('it saves again', async () => (await request(url, '/readyz')).status === 200);
  await waitFor('its log says so', () => /writing again/.test(co.err));
  assert.equal((await register(url, 'after')).status, 200);
  saved.push('after');

  // What was acknowledged, and nothing else, is there after a kill.
  await co.kill();
  assert.deepEqual(await known((await open()).url), saved.sort());
});

test('a disk that is full from the start is named', async (t) => {
  const disk = await smallDisk(t);
  fill(join(disk.seen, 'filler'));
  for (const role of [['up', '-d'], ['coordinator', '--port', '0'], ['worker']]) {
    const r = await runProgram('nsenter', [...disk.through, ...role, '--data', join(disk.at, role[0])]);
    assert.equal(r.code, 1, `${role}: ${r.err}`);
    assert.match(r.err, /^hearth [a-z]+: .*the disk is full; free some space[^\n]*\n$/, role[0]);
  }
});

test('no room for a large upload costs that upload alone', async (t) => {
  const disk = await smallDisk(t);
  // Within a namespace of an ordinary user one cannot become another user, and
  // the sandbox is not what is tried here.
  const sandbox: Record<string, string> = root ? {} : { HEARTH_SANDBOX: 'degraded' };
  const { env, url } = await up(t, { TMPDIR: disk.at, ...sandbox }, ['nsenter', ...disk.through.slice(0, -1)]);
  await waitFor('documents are read', () => reads(url));
  const large = join(folder(t), 'large.txt');
  writeFileSync(large, Buffer.alloc(20 << 20, 'word '));
  const r = await run(['read', large], env);
  assert.equal(r.code, 1, r.out.slice(0, 200));
  assert.match(r.err, /^hearth read: .*large\.txt: [^\n]+\n$/);
  assert.ok(await reads(url));
  await waitFor('the log says why', async () => /cannot keep the upload( on disk)?: the disk is full; free some space/.test((await run(['logs'], env)).out));
  assert.deepEqual(readdirSync(disk.seen), []);
});

// --- what a service needs -----------------------------------------------------

test('a missing language file is named, and the rest goes on', async (t) => {
  const { url, env } = await up(t, { TESSDATA_PREFIX: folder(t) });
  const reason = /the OCR language file eng\.traineddata is missing in the folder that TESSDATA_PREFIX names/;
  await waitFor('text is read', () => reads(url));
  await waitFor('status names the file', async () => reason.test((await run(['status'], env)).out));
  assert.match((await run(['why', 'ocr'], env)).out, reason);
  // No empty success: a picture is refused with the reason.
  const r = await upload(url, '/service/upload/process', 'scan.png', page);
  assert.equal(r.status, 503, r.text);
  assert.match(r.json.error.message, reason);
  const read = await run(['read', scan], env);
  assert.equal(read.code, 75, read.err);
  assert.match(read.err, reason);
  assert.equal(read.out, '');
});

test('without a mandatory sandbox layer documents are refused, unless a person says otherwise', async (t) => {
  // The one user of this namespace cannot become another: no "rights" layer.
  const alone = ['unshare', '-Ur'];
  if ((await runProgram('unshare', ['-Ur', 'true'])).code !== 0) {
    t.skip('user namespaces are not allowed here');
    return;
  }
  const strict = await up(t, {}, alone);
  const reason = /documents are refused, the sandbox lacks: rights/;
  await waitFor('status says why', async () => reason.test((await run(['status'], strict.env)).out));
  const r = await upload(strict.url, '/service/upload/process', 'letter.txt', text);
  assert.equal(r.status, 503, r.text);

  const degraded = await up(t, { HEARTH_SANDBOX: 'degraded' }, alone);
  await waitFor('documents are read', () => reads(degraded.url));
  assert.match((await run(['logs'], degraded.env)).out, /HEARTH_SANDBOX=degraded: documents are read behind an incomplete sandbox/);
});

test('a missing service program, a damaged database and a second worker are named', async (t) => {
  const { env, url, data } = await up(t, { HEARTH_SERVICE_BIN: '/no/such/program' });
  await waitFor('status names the program', async () => /vision-ocr: the program '\/no\/such\/program' is missing; install it, or name it with --service-bin/.test((await run(['status'], env)).out));
  const second = await run(['worker', '--data', join(data, 'worker'), '--coordinator', url]);
  assert.equal(second.code, 1);
  assert.match(second.err, /^hearth worker: worker '.*' is running already on this machine; choose another --worker-id, or another data folder with --data\n$/);
  const beside = await run(['coordinator', '--data', data, '--port', '0']);
  assert.equal(beside.code, 1);
  assert.match(beside.err, /^hearth coordinator: .*hearth\.db': another process has it open; stop it or choose another folder with --data\n$/);

  const damaged = folder(t);
  writeFileSync(join(damaged, 'hearth.db'), Buffer.alloc(9000, 'no database '));
  for (const role of [['up', '-d', '--port', String(await freePort())], ['coordinator', '--port', '0']]) {
    const r = await run([...role, '--data', damaged]);
    assert.equal(r.code, 1, role[0]);
    assert.match(r.err, /^hearth [a-z]+: .*hearth\.db': the file is damaged .*; move it away, and the workers will register anew[^\n]*\n$/);
  }
});

// --- processes -----------------------------------------------------------------

test('a killed service, worker or coordinator comes back, and nothing is left of a killed up', async (t) => {
  const { env, url, data } = await up(t);
  await waitFor('documents are read', () => reads(url));
  for (const word of ['hearth-service document-processing', ' worker --', ' coordinator --']) {
    const [old] = pids(data, word);
    assert.ok(old, word);
    process.kill(old, 'SIGKILL');
    await waitFor(`${word} is another process`, () => pids(data, word).some((p) => p !== old));
    await waitFor(`documents are read after the death of ${word}`, () => reads(url));
    const status = await run(['status'], env);
    assert.match(status.out, /is healthy: 1 of 1 workers active/);
  }
  const log = (await run(['logs'], env)).out;
  assert.match(log, /document-processing ended: signal 9 \(Killed\)/);
  assert.match(log, /worker ended: signal 9 \(Killed\)/);
  assert.match(log, /coordinator ended: signal 9 \(Killed\)/);

  process.kill(Number(readFileSync(join(data, 'run/up.lock'), 'utf8').split(' ')[0]), 'SIGKILL');
  await waitFor('nothing is left', () => leftovers(data).length === 0);
  const status = await run(['status'], env);
  assert.equal(status.code, 75);
  assert.match(status.err, /^hearth status: no coordinator answers at unix:.*start one with 'hearth up'\n$/);
  assert.match((await run(['down'], env)).out, /not running/);
  // Its lock file and socket are still there, and disturb nobody.
  const again = await run(['up', '-d'], env);
  assert.equal(again.code, 0, again.err);
  assert.equal((await run(['down'], env)).code, 0);
});

test('a stale lock that names a living process is no reason to touch it', async (t) => {
  const data = folder(t);
  const stranger = start('stranger', ['infinity'], {}, 'sleep');
  atEnd(t, () => stranger.kill());
  mkdirSync(join(data, 'run'));
  writeFileSync(join(data, 'run/up.lock'), `${stranger.pid} http://localhost:1\n`);
  const env = { HEARTH_DATA: data, HEARTH_PORT: String(await freePort()) };
  assert.match((await run(['down'], env)).out, /not running/);
  assert.equal((await run(['up', '-d'], env)).code, 0);
  assert.equal((await run(['down'], env)).code, 0);
  assert.ok(stranger.running);
});

test('of two starts at once one runs, and the other says so', async (t) => {
  const data = folder(t);
  const env = { HEARTH_DATA: data, HEARTH_PORT: String(await freePort()) };
  const both = await Promise.all([run(['up', '-d'], env), run(['up', '-d'], env)]);
  const good = both.filter((r) => r.code === 0);
  assert.ok(good.length >= 1, both.map((r) => r.err).join('\n'));
  for (const r of both) {
    if (r.code === 0) assert.match(r.out, /Hearth is ready: http:/);
    else assert.match(r.err, /^hearth up: .*already (running|starting)[^\n]*\n$/);
    if (r.code !== 0) assert.equal(r.code, 75);
  }
  assert.equal(pids(data, ' coordinator --').length, 1);
  assert.equal((await request(`http://127.0.0.1:${env.HEARTH_PORT}`, '/health')).json.workers.active, 1);
});

test('an orderly end is quiet', async (t) => {
  const { env, url } = await up(t);
  await waitFor('documents are read', () => reads(url));
  assert.equal((await run(['down'], env)).code, 0);
  assert.doesNotMatch((await run(['logs'], env)).out, /ERROR/);
});

test('SIGTERM to a whole process group lets a document be finished', async (t) => {
  const at = join(folder(t), 'ocr.sock');
  const service = start('hearth-service', ['vision-ocr', '--socket', at], {}, SERVICE, true);
  atEnd(t, () => service.stop());
  await service.saw('is ready');
  const answer = shell(`curl -s -w '\n%{http_code}' --unix-socket ${at} -F file=@${scan} http://localhost/process?format=text`);
  await waitFor('a cell runs', async () => /"running":1/.test((await shell(`curl -s --unix-socket ${at} http://localhost/health`)).out));
  process.kill(-service.pid, 'SIGTERM');
  const r = await answer;
  assert.match(r.out, /\n200$/, r.out);
  assert.match(r.out, /outstanding balance/i);
  assert.equal((await service.ended).code, 0, service.err);
});
