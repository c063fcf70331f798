import { type ChildProcess, fork } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtemp, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CleanUpRequest, ExitReport, RunRequest } from './keeper.ts';

const POLL_MS = 50;
const LOG_TAIL = 4_000;

/** Raised when a server does not start; carries the end of its log. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** A temporary folder and the servers that run in it. They end with stop(), or with this process, however it ends. */
export class Servers {
  readonly folder: string;
  readonly #keeper: ChildProcess;
  readonly #ended = new Map<string, string>();
  #stopped: Promise<void> | undefined;

  private constructor(folder: string) {
    this.folder = folder;
    this.#keeper = fork(join(import.meta.dirname, 'keeper.ts'), [folder], {
      detached: true,
      execArgv: [],
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#keeper.on('message', ({ name, reason }: ExitReport) => this.#ended.set(name, reason));
    this.#keeper.on('error', (error) => this.#ended.set('keeper', error.message));
    this.#keeper.on('exit', (code, signal) => this.#ended.set('keeper', signal ?? `exit ${code}`));
  }

  static async open(): Promise<Servers> {
    return new Servers(await mkdtemp(join(tmpdir(), 'modelship-control-plane-')));
  }

  /** Where the output of the server `name` goes. */
  logPath(name: string): string {
    return join(this.folder, `${name}.log`);
  }

  /** Starts a server; await() says when it answers. At the end it is killed. */
  run(name: string, command: string, args: readonly string[]): void {
    this.#keeper.send({ name, command, args: [...args], log: this.logPath(name) } satisfies RunRequest);
  }

  /** Runs a command line at the end, after all servers were killed and before the folder is removed. */
  atEnd(cleanUp: string[]): void {
    this.#keeper.send({ cleanUp } satisfies CleanUpRequest);
  }

  /** Returns once `ready` says so, and throws as soon as any server has ended or after `timeoutMs`. */
  async await(name: string, ready: () => Promise<boolean>, timeoutMs = 60_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    let lastError: unknown;
    for (;;) {
      const [ended] = this.#ended;
      if (ended)
        throw new StartError(`${ended[0]} ended (${ended[1]}) before ${name} was ready\n${await this.#tail(ended[0])}`);
      try {
        if (await ready()) return;
      } catch (error) {
        lastError = error;
      }
      if (Date.now() > deadline) {
        const why = lastError instanceof Error ? `: ${lastError.message}` : '';
        throw new StartError(`${name} was not ready after ${timeoutMs / 1000} s${why}\n${await this.#tail(name)}`);
      }
      await sleep(POLL_MS);
    }
  }

  /** Kills the servers and removes the folder. Safe to call again. */
  stop(): Promise<void> {
    this.#stopped ??= new Promise((resolve) => {
      if (this.#keeper.exitCode !== null || this.#keeper.signalCode !== null || !this.#keeper.connected)
        return resolve();
      this.#keeper.once('exit', () => resolve());
      this.#keeper.disconnect();
    });
    return this.#stopped;
  }

  async #tail(name: string): Promise<string> {
    return (await readFile(this.logPath(name), 'utf8').catch(() => '')).slice(-LOG_TAIL);
  }
}

/** Below those that the system gives to connections: one of these could take a port before its server does. */
const PORTS = { first: 12_000, count: 18_000 };
/** A server may end, and want its port again. */
const given = new Set<number>();

/**
 * Finds `count` loopback ports that are free now, none twice. Another process that looks for one can still take it before
 * a server binds it, by a rare chance.
 */
export async function freePorts(count: number): Promise<number[]> {
  const sockets: Awaited<ReturnType<typeof listen>>[] = [];
  while (sockets.length < count) {
    const port = PORTS.first + randomInt(PORTS.count);
    const socket = given.has(port) ? undefined : await listen(port).catch(() => undefined);
    if (socket) sockets.push(socket);
    given.add(port);
  }
  const ports = sockets.map((socket) => {
    const address = socket.address();
    if (address === null || typeof address === 'string') throw new Error('not a TCP socket');
    return address.port;
  });
  await Promise.all(sockets.map((socket) => new Promise((closed) => socket.close(closed))));
  return ports;
}

function listen(port: number): Promise<ReturnType<typeof createServer>> {
  return new Promise((resolve, reject) => {
    const socket = createServer();
    socket.once('error', reject);
    socket.listen(port, '127.0.0.1', () => resolve(socket));
  });
}
