/** Docker: the daemon that answers, or one of our own that runs as long as it is needed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { must, runs, type Shell } from '../../control-plane/tools.ts';
import { type Log, userCache } from '../../go/build.ts';

export interface Docker extends AsyncDisposable {
  run(args: readonly string[], shell?: Shell): Promise<string>;
  has(image: string): Promise<boolean>;
}

const READY_MS = 30_000;

/** One of our own keeps its layers in the cache, so that what has not changed is not built again. */
export async function useDocker(log: Log): Promise<Docker> {
  if (await runs('docker', 'version')) return docker([], async () => undefined);
  const folder = userCache('docker');
  await mkdir(folder, { recursive: true });
  const socket = join(folder, 'docker.sock');
  const at = ['--host', `unix://${socket}`];
  // Left over from a run that was killed.
  if (await runs('docker', ...at, 'version')) return docker(at, async () => undefined);
  log('starting a Docker daemon');
  const output = openSync(join(folder, 'dockerd.log'), 'w');
  const state = [
    '--data-root',
    join(folder, 'data'),
    '--exec-root',
    join(folder, 'exec'),
    '--pidfile',
    join(folder, 'pid'),
  ];
  const daemon = spawn('dockerd', ['--iptables=false', '--bridge=none', ...at, ...state], {
    stdio: ['ignore', output, output],
  });
  const ended = once(daemon, 'exit');
  for (const deadline = Date.now() + READY_MS; !(await runs('docker', ...at, 'version')); ) {
    const why =
      daemon.exitCode === null ? `was not ready after ${READY_MS / 1000} s` : `ended (exit ${daemon.exitCode})`;
    if (daemon.exitCode !== null || Date.now() > deadline) throw new Error(`dockerd ${why}: see ${folder}/dockerd.log`);
    await sleep(100);
  }
  return docker(at, async () => {
    daemon.kill('SIGTERM');
    await ended;
  });
}

function docker(at: readonly string[], end: () => Promise<void>): Docker {
  const run = (args: readonly string[], shell?: Shell): Promise<string> => must('docker', [...at, ...args], shell);
  return {
    run,
    has: async (image) => runs('docker', ...at, 'image', 'inspect', image),
    [Symbol.asyncDispose]: end,
  };
}
