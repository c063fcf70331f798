/** No runtime process outlives its supervisor, however that ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { isAlive } from '../runtime/fleet/replica.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const SCRIPT = `
import { runLocal } from '${ROOT}/local/run.ts';
const run = await runLocal({
  files: ['${ROOT}/examples/digits/modeldeployment.yaml'],
  host: '127.0.0.1',
  port: 0,
  volumes: { models: '${ROOT}/examples' },
});
await run.ready;
console.log(run.snapshot().deployments[0].versions.map(({ pid }) => pid).join(' '));
if (process.argv[1] === 'throw') throw new Error('unforeseen');
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'modelship-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test.each(['killed', 'throw'])('the supervisor is gone (%s): so are its processes', async (how) => {
  const supervisor = spawn(process.execPath, ['--input-type=module-typescript', '-e', SCRIPT, how], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, TMPDIR: folder },
  });
  onTestFinished(() => void supervisor.kill('SIGKILL'));
  const ended = once(supervisor, 'exit');
  const [line] = await once(createInterface({ input: supervisor.stdout }), 'line');
  const pids = String(line).split(' ').map(Number);
  expect(pids).toHaveLength(2);
  if (how === 'killed') supervisor.kill('SIGKILL');
  await vi.waitFor(() => expect(pids.filter(isAlive)).toEqual([]), { timeout: 20_000 });
  await ended;
  // Nobody is left to tidy up after SIGKILL.
  if (how === 'throw') expect(readdirSync(folder).filter((name) => name.startsWith('modelship-'))).toEqual([]);
});
