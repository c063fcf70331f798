/**
 * The process between a test and the servers it started: it runs them as its children, and when the channel to the test
 * closes, whether by stop() or because the test was killed, it kills them and removes their folder. Nothing that these
 * servers hold is worth a graceful end. It lives in a session of its own, so a Ctrl-C meant for the test passes it by.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { rm } from 'node:fs/promises';

/** Asks for a process. Its output goes to the end of the file `log`. */
export interface RunRequest {
  name: string;
  command: string;
  args: string[];
  log: string;
}

/** Asks for a command line to run at the end, for what killing a process leaves behind. */
export interface CleanUpRequest {
  cleanUp: string[];
}

/** Says that a process ended, or could not be started. */
export interface ExitReport {
  name: string;
  reason: string;
}

const running = new Set<ChildProcess>();
const cleanUps: string[][] = [];
let ending = false;

function run({ name, command, args, log }: RunRequest): void {
  const output = openSync(log, 'a');
  const child = spawn(command, args, { stdio: ['ignore', output, output] });
  const report = (reason: string): void => {
    running.delete(child);
    if (process.connected) process.send?.({ name, reason } satisfies ExitReport);
  };
  running.add(child);
  child.once('error', (error) => report(error.message));
  child.once('exit', (code, signal) => report(signal ?? `exit ${code}`));
}

async function end(folder: string): Promise<void> {
  if (ending) return;
  ending = true;
  const children = [...running].filter((child) => child.pid !== undefined);
  const ended = children.map((child) => once(child, 'exit'));
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(ended);
  await Promise.all(cleanUps.map(toEnd));
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  process.exit(0);
}

function toEnd([command = '', ...args]: string[]): Promise<void> {
  const child = spawn(command, args, { stdio: 'ignore' });
  return new Promise((resolve) => {
    child.once('error', () => resolve());
    child.once('exit', () => resolve());
  });
}

if (import.meta.main) {
  const folder = process.argv[2];
  if (!folder || !process.send) throw new Error('keeper.ts is started by servers.ts, with a folder and a channel');
  process.on('message', (request: RunRequest | CleanUpRequest) => {
    if ('cleanUp' in request) cleanUps.push(request.cleanUp);
    else if (!ending) run(request);
  });
  for (const event of ['disconnect', 'SIGINT', 'SIGTERM', 'SIGHUP']) process.on(event, () => void end(folder));
}
