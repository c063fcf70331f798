/** Runtime processes as a user starts them, and a client that tells what became of each request. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { type Agent, type IncomingMessage, request } from 'node:http';
import { onTestFinished } from 'vitest';
import { type Launch, launchArgs } from '../../api/launch.ts';
import { RUNTIME } from '../programs.ts';
import { launchWith } from './harness.ts';

export interface Exit {
  code: number | null;
  signal: string | null;
  stderr: string;
}

export interface Child {
  process: ChildProcess;
  /** Once it has ended and all that it wrote has been read: `lines` and `stderr` are whole. */
  exit: Promise<Exit>;
  /** Log lines so far. */
  lines: Record<string, unknown>[];
  /** Resolves with the first log line of this message. */
  logged(message: string): Promise<Record<string, unknown>>;
}

function watch(child: ChildProcess): Child {
  const lines: Record<string, unknown>[] = [];
  const hopes: (() => void)[] = [];
  let stderr = '';
  let rest = '';
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  child.stdout?.on('data', (chunk) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() as string;
    lines.push(...parts.map((line) => JSON.parse(line)));
    for (const hope of hopes) hope();
  });
  // Not the event `close`: of a process whose channel is closed from here it never comes.
  const ended = new Promise<Pick<Exit, 'code' | 'signal'>>((resolve) => {
    child.on('exit', (code, signal) => resolve({ code, signal }));
  });
  const read = [child.stdout, child.stderr].map((stream) => new Promise((resolve) => stream?.on('close', resolve)));
  const exit = Promise.all([ended, ...read]).then(([how]): Exit => ({ ...how, stderr }));
  const logged = async (message: string) => {
    for (;;) {
      const line = lines.find(({ msg }) => msg === message);
      if (line) return line;
      const more = new Promise<void>((resolve) => hopes.push(resolve));
      await Promise.race([more, exit.then((end) => Promise.reject(new Error(`it ended: ${JSON.stringify(end)}`)))]);
    }
  };
  onTestFinished(() => void child.kill('SIGKILL'));
  return { process: child, exit, lines, logged };
}

/** @param env beside this process's own */
export const start = (args: string[], env: Record<string, string> = {}) =>
  watch(
    spawn(process.execPath, [RUNTIME, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    }),
  );

/** With an IPC channel, as under a supervisor. */
export const forkWith = (changes: Partial<Launch>) =>
  watch(
    fork(RUNTIME, launchArgs(launchWith({ logLevel: 'info', ...changes })), {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      execArgv: [],
    }),
  );

export const startWith = (changes: Partial<Launch>, env: Record<string, string> = {}) =>
  start(launchArgs(launchWith({ logLevel: 'info', ...changes })), env);

export interface Outcome {
  status?: number | undefined;
  connection?: string | undefined;
  /** Code of the error when the connection failed. */
  error?: string | undefined;
}

export function post(port: unknown, path: string, body: unknown, agent?: Agent): Promise<Outcome> {
  const text = JSON.stringify(body);
  return new Promise((resolve) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port: Number(port),
        path,
        method: 'POST',
        agent,
        headers: { 'content-length': Buffer.byteLength(text) },
      },
      (response: IncomingMessage) => {
        response.resume();
        response.on('end', () => resolve({ status: response.statusCode, connection: response.headers.connection }));
        response.on('error', (error: NodeJS.ErrnoException) => resolve({ error: error.code }));
      },
    );
    sent.on('error', (error: NodeJS.ErrnoException) => resolve({ error: error.code }));
    sent.end(text);
  });
}
