/** Processes under measurement: each on its cores, in a session of its own so that all of it can be counted and ended. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { pidsOf } from './usage.ts';

/** Cores by number; undefined: any. */
export interface Placement {
  server: readonly number[] | undefined;
  generator: readonly number[] | undefined;
  /** How many cores a server may count on. */
  serverCores: number;
}

/**
 * `apart`: servers on the first half of the cores, the generator on the others. `together`: all of them on all.
 * Without `taskset` or a second core nothing can be set apart.
 */
export function placementOf(mode: 'apart' | 'together', cores = availableParallelism()): Placement {
  const canPin = process.platform === 'linux' && spawnSync('taskset', ['--version']).status === 0;
  if (mode === 'together' || cores < 2 || !canPin)
    return { server: undefined, generator: undefined, serverCores: cores };
  const all = Array.from({ length: cores }, (_, core) => core);
  const half = cores >> 1;
  return { server: all.slice(0, half), generator: all.slice(half), serverCores: half };
}

interface Start {
  cores: readonly number[] | undefined;
  ipc?: boolean;
  env?: Record<string, string>;
  cwd?: string;
  /** Where its words go; nowhere when left out. */
  log?: string;
}

export function startProcess(program: string, args: readonly string[], start: Start): ChildProcess {
  const command = [program, ...args];
  const [file, ...rest] = start.cores ? ['taskset', '--cpu-list', start.cores.join(','), ...command] : command;
  const log = start.log === undefined ? 'ignore' : openSync(start.log, 'a');
  const child = spawn(file as string, rest, {
    stdio: ['ignore', log, start.log === undefined ? 'inherit' : log, ...(start.ipc ? ['ipc' as const] : [])],
    env: { ...process.env, ...start.env },
    cwd: start.cwd,
    detached: true,
  });
  keep(child);
  return child;
}

export const startNode = (args: readonly string[], start: Start): ChildProcess =>
  startProcess(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], start);

const STOP_MS = 10_000;
const POLL_MS = 50;

/** Sessions of one's own outlive the benchmark unless it ends them. */
const alive = new Set<ChildProcess>();
const ENDS = ['SIGINT', 'SIGTERM'] as const;
const end = (): never => process.exit(1);

function killAll(): void {
  for (const { pid } of alive) if (pid !== undefined) for (const one of pidsOf(pid)) signal(one, 'SIGKILL');
}

function keep(child: ChildProcess): void {
  if (alive.size === 0) {
    process.on('exit', killAll);
    for (const name of ENDS) process.on(name, end);
  }
  alive.add(child);
}

function letGo(child: ChildProcess): void {
  if (!alive.delete(child) || alive.size > 0) return;
  process.off('exit', killAll);
  for (const name of ENDS) process.off(name, end);
}

/** Ends a process and all that came of it: politely, then not. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.pid === undefined) return;
  const all = pidsOf(child.pid);
  const ended = child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : once(child, 'exit');
  signal(child.pid, 'SIGTERM');
  await Promise.race([ended, sleep(STOP_MS, undefined, { ref: false })]);
  for (const pid of all) signal(pid, 'SIGKILL');
  await ended;
  letGo(child);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended.
  }
}

/** Resolves when `url` answers 200. @throws Error when the process ends before, or in time doesn't */
export async function whenReady(child: ChildProcess, url: string, limitMs: number): Promise<void> {
  const limit = performance.now() + limitMs;
  while (performance.now() < limit) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`ended with ${child.exitCode ?? child.signalCode}`);
    const ready = await fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
      ({ ok, body }) => {
        body?.cancel();
        return ok;
      },
      () => false,
    );
    if (ready) return;
    await sleep(POLL_MS);
  }
  throw new Error(`not ready in ${limitMs / 1_000} s`);
}

/** The last words of a log, without the places in the code that follow an error. */
export function lastLines(file: string, count = 3): string {
  const telling = (line: string) => line.trim() !== '' && !/^\s+at |^Node\.js v|^\s*\^+$/.test(line);
  const lines = readFileSync(file, 'utf8').split('\n').filter(telling);
  return lines.slice(-count).join(' | ').slice(-500);
}

/** Ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
