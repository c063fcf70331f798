/** Canaries that do not run, or not for long, under load: taken back with the right cause, and no user notices. */
import { expect, it, vi } from 'vitest';
import type { Modelship } from './modelship.ts';
import { answeredBy, failures, walked } from './rollout.ts';

/** A machine that is busy with other tests takes its time to start processes. */
vi.setConfig({ testTimeout: 180_000 });

/** As something in it would end it: kill -9 each time that a process of the version has answered so many requests. */
function endsAfter(version: string, requests: number): (modelship: Modelship) => void {
  const killed = new Set<number>();
  let before = 0;
  let seen: number | undefined;
  return (modelship) => {
    const view = modelship.version(version);
    if (view?.pid === undefined || view.phase !== 'Ready' || killed.has(view.pid)) return;
    if (seen !== view.pid) {
      seen = view.pid;
      before = killed.size === 0 ? 0 : view.requests;
    }
    if (view.requests - before < requests) return;
    killed.add(view.pid);
    process.kill(view.pid, 'SIGKILL');
  };
}

it('one that exits after 100 requests, again and again, is taken back for that', async () => {
  // A check for errors may see those of its ends first.
  const checks = [{ metric: 'latency-p50', max: 5 }] as const;
  const more = { steps: [{ traffic: 30, hold: '10m' }] };
  const { rollout, outcomes } = await walked({ to: 'v2', checks, more, meanwhile: endsAfter('v2', 100) });
  expect(rollout).toMatchObject({ phase: 'RolledBack', reason: 'VersionRestarts' });
  expect(rollout.message).toMatch(/^v2 exited 3 times since the rollout began, last: ended by SIGKILL/);
  expect(failures(outcomes)).toEqual([]);
  expect(answeredBy('v2', outcomes)).toBeGreaterThan(100);
});

it('one whose model does not load gets no request, and the cause is its own', async () => {
  const stopped = (modelship: Modelship) => modelship.version('v9')?.phase === 'Withdrawn';
  const { rollout, outcomes, modelship } = await walked({
    to: 'v9',
    bad: 'corrupt',
    afterwards: (modelship) => modelship.until('v9 has stopped', () => stopped(modelship)),
  });
  expect(rollout).toMatchObject({ phase: 'RolledBack', reason: 'VersionFailed' });
  expect(rollout.message).toMatch(/^v9: MODEL_CORRUPT: /);
  expect(failures(outcomes)).toEqual([]);
  expect(answeredBy('v9', outcomes)).toBe(0);
  expect(modelship.version('v9')).toMatchObject({ phase: 'Withdrawn', share: 0, goal: 0, wanted: 100 });
});

it('one with another signature gets no request, tensor by tensor', async () => {
  const { rollout, outcomes } = await walked({ to: 'v9', bad: 'other-signature' });
  expect(rollout).toMatchObject({ phase: 'RolledBack', reason: 'SignatureChanged' });
  expect(rollout.message).toMatch(/v9: .*pixels/);
  expect(failures(outcomes)).toEqual([]);
  expect(answeredBy('v9', outcomes)).toBe(0);
});
