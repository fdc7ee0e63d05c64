// SPDX-License-Identifier: Apache-2.0
// The programs that are measured: Hearth's coordinator, nginx, HAProxy, and
// what stands behind them. Proxies are pinned to the first processor, load and
// back ends to the second.
import { ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export const BUILD = resolve(process.env.HEARTH_BUILD ?? 'build/release');
export const DEPS = resolve('.deps/usr');
export const PROXY_CPU = '0';
export const LOAD_CPU = '1';
export const dir = mkdtempSync(join(tmpdir(), 'hearth-bench-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
const running: ChildProcess[] = [];

export function launch(cpu: string, program: string, args: string[], env: Record<string, string> = {}): ChildProcess {
  const child = spawn('taskset', ['-c', cpu, program, ...args],
    { stdio: ['ignore', 'ignore', process.env.HEARTH_BENCH_VERBOSE ? 'inherit' : 'ignore'], env: { PATH: process.env.PATH ?? '', ...env } });
  running.push(child);
  return child;
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((r) => child.once('exit', r));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await gone;
  clearTimeout(timer);
}

export async function stopAll(): Promise<void> {
  for (const c of running.splice(0).reverse()) await stop(c);
}

export async function freePort(): Promise<number> {
  return new Promise((ok) => {
    const s = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = s.address() as net.AddressInfo;
      s.close(() => ok(port));
    });
  });
}

export async function until(what: string, probe: () => Promise<boolean>, ms = 10_000): Promise<void> {
  const end = Date.now() + ms;
  while (!(await probe().catch(() => false))) {
    if (Date.now() > end) throw new Error(`timed out waiting until ${what}`);
    await new Promise((r) => setTimeout(r, 5));
  }
}

export async function answers(url: string): Promise<boolean> {
  return (await fetch(url)).status === 200;
}

// Processor time that a process has used, in seconds.
export function cpu(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
}

const TICKS = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

// Of a process, all that it started and all that these waited for, in seconds;
// `ended` counts only what has been waited for.
export function treeCpu(pid: number, ended = false): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ').map(Number);
  const own = ended ? 0 : fields[11] + fields[12];
  const children = ended ? [] : readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
  return (own + fields[13] + fields[14]) / TICKS + children.reduce((n, c) => n + treeCpu(Number(c)), 0);
}

export function rssKiB(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)?.[1] ?? 0);
}

export interface Proxy { name: string; url: string; pid: number }

// An nginx that answers from memory.
export async function nginxCommand(): Promise<{ port: number; command: string[] }> {
  const port = await freePort();
  const conf = join(dir, `static-${port}.conf`);
  writeFileSync(conf, `daemon off; worker_processes 1; pid ${dir}/static-${port}.pid; error_log /dev/null;
events { worker_connections 2048; }
http { access_log off; keepalive_requests 100000000; client_max_body_size 1g; client_body_temp_path ${dir}; proxy_temp_path ${dir}; fastcgi_temp_path ${dir}; uwsgi_temp_path ${dir}; scgi_temp_path ${dir};
  server { listen 127.0.0.1:${port}; location / { return 200 "ok"; } } }`);
  return { port, command: [join(DEPS, 'sbin/nginx'), '-p', dir, '-c', conf, '-e', '/dev/null'] };
}

// The far end for nginx and HAProxy: an nginx for small requests, and for bodies
// and events one that answers as the linked end does. (An nginx that answers
// from memory throws bodies away unread.)
export async function farEnd(): Promise<number> {
  const port = await freePort();
  launch(LOAD_CPU, join(BUILD, 'bench/far_end'), [String(port)]);
  await until('the far end answers', () => answers(`http://127.0.0.1:${port}/ok`));
  return port;
}

export async function backend(): Promise<number> {
  const { port, command } = await nginxCommand();
  launch(LOAD_CPU, command[0], command.slice(1));
  await until('the back end answers', () => answers(`http://127.0.0.1:${port}/`));
  return port;
}

export async function nginx(to: number): Promise<Proxy> {
  const port = await freePort();
  const conf = join(dir, `nginx-${port}.conf`);
  writeFileSync(conf, `daemon off; worker_processes 1; pid ${dir}/nginx-${port}.pid; error_log /dev/null;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 100000000; client_max_body_size 1g; client_body_temp_path ${dir}; proxy_temp_path ${dir}; fastcgi_temp_path ${dir}; uwsgi_temp_path ${dir}; scgi_temp_path ${dir};
  upstream far { server 127.0.0.1:${to}; keepalive 256; keepalive_requests 100000000; }
  server { listen 127.0.0.1:${port};
    location / { proxy_pass http://far; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; proxy_request_buffering off; } } }`);
  launch(PROXY_CPU, join(DEPS, 'sbin/nginx'), ['-p', dir, '-c', conf, '-e', '/dev/null']);
  await until('nginx answers', () => answers(`http://127.0.0.1:${port}/`));
  const master = readFileSync(`${dir}/nginx-${port}.pid`, 'utf8').trim();
  const pid = Number(execFileSync('pgrep', ['-P', master], { encoding: 'utf8' }).trim().split('\n')[0]);
  return { name: 'nginx', url: `http://127.0.0.1:${port}/`, pid };
}

export async function haproxy(to: number): Promise<Proxy> {
  const port = await freePort();
  const conf = join(dir, `haproxy-${port}.cfg`);
  writeFileSync(conf, `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
  option http-no-delay
frontend f
  bind 127.0.0.1:${port}
  default_backend b
backend b
  server s 127.0.0.1:${to}
`);
  const child = launch(PROXY_CPU, join(DEPS, 'sbin/haproxy'), ['-db', '-f', conf]);
  await until('HAProxy answers', () => answers(`http://127.0.0.1:${port}/`));
  return { name: 'haproxy', url: `http://127.0.0.1:${port}/`, pid: child.pid! };
}

export async function coordinator(port?: number): Promise<Proxy> {
  port ??= await freePort();
  const child = launch(PROXY_CPU, join(BUILD, 'hearth'), ['coordinator', '--port', String(port), '--data', join(dir, `coordinator-${port}`)]);
  await until('the coordinator answers', () => answers(`http://127.0.0.1:${port}/health`));
  return { name: 'hearth', url: `http://127.0.0.1:${port}/`, pid: child.pid! };
}

// A linked worker end that answers each request from memory.
export async function linkEnd(c: Proxy): Promise<void> {
  launch(LOAD_CPU, join(BUILD, 'bench/link_end'), [c.url, 'bench-worker', 'document-processing']);
  await until('the linked end serves', () => answers(`${c.url}service/document-processing/ok`));
}
