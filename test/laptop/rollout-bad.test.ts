/**
 * Canaries whose answers are worse, each in its own way, under load: each is taken back with the right cause, and no user
 * notices. Those that do not even run are in `rollout-broken.test.ts`, so that the two files go side by side.
 */
import { expect, it, vi } from 'vitest';
import { answeredBy, failures, MIN_SAMPLES, walked } from './rollout.ts';

/** A machine that is busy with other tests takes its time to start processes. */
vi.setConfig({ testTimeout: 180_000 });

it('v3, which mixes up digits, is taken back for its disagreement within three intervals of minSamples', async () => {
  const checks = [{ metric: 'disagreement', max: 0.05 }] as const;
  // Some 40 pairs a second: few come while a busy machine puts off a look.
  const { rollout, outcomes, events } = await walked({ to: 'v3', checks, load: { callers: 4, pauseMs: 40 } });
  expect(rollout).toMatchObject({ phase: 'RolledBack', reason: 'CheckFailed', stable: 'v1', step: 0 });
  const said = /^v3: disagreement (0\.\d+) over ([\d,]+) mirrored requests, allowed 0\.05; back to v1 100%/;
  const [, rate, pairs] = said.exec(rollout.message) ?? [];
  expect(rollout.message).toMatch(said);
  // 109 of the 540 scans.
  expect(Number(rate)).toBeGreaterThan(0.1);
  // Three times minSamples, and what came until the look after.
  expect(Number(pairs?.replaceAll(',', ''))).toBeGreaterThanOrEqual(MIN_SAMPLES);
  expect(Number(pairs?.replaceAll(',', ''))).toBeLessThan(4 * MIN_SAMPLES);
  const back = events.find(({ type }) => type === 'rollout-rolled-back');
  expect(back).toMatchObject({ level: 'error', message: rollout.message });
  expect(failures(outcomes)).toEqual([]);
  expect(answeredBy('v1', outcomes.slice(-50))).toBe(50);
});

it('one that answers 500 is taken back for its errors, and users got the answers of v1', async () => {
  // A check for disagreement would see its failed copies first.
  const checks = [{ metric: 'error-rate', max: 0.05 }] as const;
  const { rollout, outcomes } = await walked({ to: 'v9', bad: 'failing', checks });
  expect(rollout).toMatchObject({ phase: 'RolledBack', reason: 'CheckFailed' });
  expect(rollout.message).toMatch(/^v9: error-rate .*allowed 0\.05/);
  expect(failures(outcomes)).toEqual([]);
  expect(answeredBy('v9', outcomes)).toBe(0);
});

it('one that is slower by far is taken back for its latency', async () => {
  const { rollout, outcomes } = await walked({ to: 'v9', bad: 'slow' });
  expect(rollout).toMatchObject({ phase: 'RolledBack', reason: 'CheckFailed' });
  expect(rollout.message).toMatch(/^v9: latency-p50 .* of v1 .*allowed 5 ×/);
  expect(failures(outcomes)).toEqual([]);
});
