/** What `modelship validate` leaves behind of the runtimes that it starts: nothing. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect, onTestFinished, test, vi } from 'vitest';
import { receiver } from '../../runtime/tracing/receiver.ts';
import { folder } from '../support.ts';
import { DIGITS, MODEL, validate } from './support.ts';

test('a check leaves no traces among those of the models that serve', async () => {
  const collector = await receiver();
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url);
  vi.stubEnv('OTEL_BSP_SCHEDULE_DELAY', '1');
  onTestFinished(() => void vi.unstubAllEnvs());
  const { code } = await validate([MODEL(2), '--against', MODEL(1), '--requests', `${DIGITS}/golden.json`]);
  expect({ code, requests: collector.requests }).toEqual({ code: 0, requests: 0 });
});

/** Nobody may be there to reap an orphan. */
const lives = (pid: string) => existsSync(`/proc/${pid}`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

test('a signal leaves no process and no file', async () => {
  const TMPDIR = folder();
  const args = ['cli/modelship.mjs', 'validate', MODEL(2), '--against', MODEL(1), '--timeout', '5m'];
  const child = spawn(process.execPath, args, { env: { ...process.env, TMPDIR }, stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  const runtimes = () => readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ');
  await vi.waitFor(() => expect(readdirSync(TMPDIR).length + runtimes().length).toBe(4), {
    timeout: 20_000,
    interval: 1,
  });
  const pids = runtimes();
  child.kill('SIGTERM');
  expect(await ended).toEqual([null, 'SIGTERM']);
  expect(readdirSync(TMPDIR)).toEqual([]);
  await vi.waitFor(() => expect(pids.filter(lives)).toEqual([]), { timeout: 20_000 });
});
