import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import type { RolloutStatus } from '../../api/status.ts';
import type { StoredModelDeployment } from '../../operator/reconcile/stored.ts';
import { rolloutMetrics } from '../../operator/rollout-metrics.ts';
import { model, spec } from './reconcile/build.ts';
import { walkState } from './reconcile/walk-build.ts';

function named(name: string, state: RolloutStatus | undefined): StoredModelDeployment {
  const md = model(spec([{ name: 'v1' }]), { status: state ? { rollout: state } : {} });
  return { ...md, metadata: { ...md.metadata, name } };
}

async function lines(models: () => StoredModelDeployment[], registry = new Registry()): Promise<string[]> {
  rolloutMetrics(registry, models);
  return scraped(registry);
}

const scraped = async (registry: Registry): Promise<string[]> =>
  (await registry.metrics()).split('\n').filter((line) => /^modelship/.test(line) && !line.endsWith(' 0'));

test('phase, step and verdicts of each that was ever walked', async () => {
  const checks = [{ name: 'v2 error-rate', verdict: 'Pass' as const }];
  const told = await lines(() => [named('digits', walkState({ step: 1, checks })), named('other', undefined)]);
  expect(told).toEqual([
    'modelship_rollout_phase{namespace="models",name="digits",phase="Progressing"} 1',
    'modelship_rollout_step{namespace="models",name="digits"} 1',
    'modelship_rollout_steps{namespace="models",name="digits"} 3',
    'modelship_rollout_check{namespace="models",name="digits",check="v2 error-rate",verdict="Pass"} 1',
  ]);
});

test('what is gone has no series', async () => {
  const registry = new Registry();
  let models = [named('digits', walkState())];
  expect(await lines(() => models, registry)).not.toEqual([]);
  models = [];
  expect(await scraped(registry)).toEqual([]);
});

test('there is a bound, and what is under way comes first', async () => {
  const ended = Array.from({ length: 1_000 }, (_, i) => named(`m${i}`, walkState({ phase: 'Completed' })));
  const told = await lines(() => [...ended, named('now', walkState())]);
  expect(told.filter((line) => line.startsWith('modelship_rollout_steps'))).toHaveLength(1_000);
  expect(told.some((line) => line.includes('"now"'))).toBe(true);
});
