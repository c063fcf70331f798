import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import type { Condition, Status } from '../../api/status.ts';
import { modelMetrics } from '../../operator/model-metrics.ts';
import type { StoredModelDeployment } from '../../operator/reconcile/stored.ts';
import { model, spec } from './reconcile/build.ts';
import { walkState } from './reconcile/walk-build.ts';

function named(name: string, status: Status): StoredModelDeployment {
  const md = model(spec([{ name: 'v1' }]), { status });
  return { ...md, metadata: { ...md.metadata, name } };
}

const condition = (type: Condition['type'], status: Condition['status'], more: Partial<Condition> = {}): Condition => ({
  type,
  status,
  reason: 'Why',
  message: 'it is so',
  lastTransitionTime: '2026-01-01T00:10:00Z',
  ...more,
});

async function lines(models: () => StoredModelDeployment[], registry = new Registry()): Promise<string[]> {
  modelMetrics(registry, models);
  return scraped(registry);
}

const scraped = async (registry: Registry): Promise<string[]> =>
  (await registry.metrics()).split('\n').filter((line) => /^modelship/.test(line) && !line.endsWith(' 0'));

const since = async (status: Status): Promise<string | undefined> =>
  (await lines(() => [named('digits', status)])).find((line) => line.startsWith('modelship_rollout_phase_since'));

const seconds = (time: string): string =>
  `modelship_rollout_phase_since_seconds{namespace="models",name="digits"} ${Date.parse(time) / 1_000}`;

test('phase, step and verdicts of each that was ever walked', async () => {
  const checks = [{ name: 'v2 error-rate', verdict: 'Pass' as const }];
  const told = await lines(() => [named('digits', { rollout: walkState({ step: 1, checks }) }), named('other', {})]);
  expect(told).toEqual([
    'modelship_rollout_phase{namespace="models",name="digits",phase="Progressing"} 1',
    seconds('2026-01-01T00:00:01Z'),
    'modelship_rollout_step{namespace="models",name="digits"} 1',
    'modelship_rollout_steps{namespace="models",name="digits"} 3',
    'modelship_rollout_check{namespace="models",name="digits",check="v2 error-rate",verdict="Pass"} 1',
  ]);
});

test('one that has served, and one that never did', async () => {
  const registry = new Registry();
  modelMetrics(registry, () => [named('digits', { traffic: 'v1:100' }), named('other', { observedGeneration: 1 })]);
  const told = (await registry.metrics())
    .split('\n')
    .filter((line) => line.startsWith('modelship_modeldeployment_served'));
  expect(told).toEqual([
    'modelship_modeldeployment_served{namespace="models",name="digits"} 1',
    'modelship_modeldeployment_served{namespace="models",name="other"} 0',
  ]);
});

test('conditions, replicas and shares as the status has them', async () => {
  const told = await lines(() => [
    named('digits', {
      conditions: [condition('Ready', 'False', { reason: 'LoadFailed' }), condition('Available', 'True')],
      versions: [
        { name: 'v1', phase: 'Ready', replicas: 2, readyReplicas: 2, traffic: 95, trafficInForce: 97.5 },
        { name: 'v2', phase: 'Starting', replicas: 1, readyReplicas: 0, traffic: 5 },
      ],
    }),
  ]);
  expect(told).toEqual([
    'modelship_modeldeployment_condition{namespace="models",name="digits",type="Ready",status="False",reason="LoadFailed"} 1',
    'modelship_modeldeployment_condition{namespace="models",name="digits",type="Available",status="True",reason="Why"} 1',
    'modelship_version_replicas{namespace="models",name="digits",version="v1",state="wanted"} 2',
    'modelship_version_replicas{namespace="models",name="digits",version="v1",state="ready"} 2',
    'modelship_version_replicas{namespace="models",name="digits",version="v2",state="wanted"} 1',
    'modelship_version_traffic_percent{namespace="models",name="digits",version="v1",state="wanted"} 95',
    'modelship_version_traffic_percent{namespace="models",name="digits",version="v1",state="observed"} 97.5',
    'modelship_version_traffic_percent{namespace="models",name="digits",version="v2",state="wanted"} 5',
  ]);
});

test('a step that was paused for hours and resumed has not stood still for hours', async () => {
  const resumed = walkState({ since: '2026-01-01T05:00:00Z' });
  expect(await since({ rollout: resumed })).toBe(seconds('2026-01-01T05:00:00Z'));
});

test('a step is there since it came into force, a halt since the condition that names it', async () => {
  const stalled = [condition('Stalled', 'True')];
  const stale = [condition('Stalled', 'True', { lastTransitionTime: '2025-12-31T00:00:00Z' })];
  expect(await since({ rollout: walkState(), conditions: stalled })).toBe(seconds('2026-01-01T00:00:01Z'));
  const paused = walkState({ phase: 'Paused' });
  expect(await since({ rollout: paused, conditions: stalled })).toBe(seconds('2026-01-01T00:10:00Z'));
  expect(await since({ rollout: paused, conditions: stale })).toBe(seconds('2026-01-01T00:00:01Z'));
  expect(await since({ rollout: paused })).toBe(seconds('2026-01-01T00:00:01Z'));
  expect(await since({ rollout: walkState({ movedAt: 'yesterday' }) })).toBeUndefined();
});

test('what is gone has no series', async () => {
  const registry = new Registry();
  let models = [named('digits', { rollout: walkState(), conditions: [condition('Ready', 'True')] })];
  expect(await lines(() => models, registry)).not.toEqual([]);
  models = [];
  expect(await scraped(registry)).toEqual([]);
});

const many = (count: number, status: Status) => Array.from({ length: count }, (_, i) => named(`m${i}`, status));
const ready = [condition('Ready', 'True')];

test('there is a bound, and what is under way or not Ready comes first', async () => {
  const ended = many(1_000, { rollout: walkState({ phase: 'Completed' }), conditions: ready });
  const broken = named('broken', { conditions: [condition('Ready', 'False')] });
  const now = named('now', { rollout: walkState(), conditions: ready });
  const told = await lines(() => [...ended, broken, now]);
  expect(told.filter((line) => line.startsWith('modelship_modeldeployment_condition'))).toHaveLength(1_000);
  for (const name of ['broken', 'now']) expect(told.some((line) => line.includes(`"${name}"`))).toBe(true);
});

test('versions have a bound over all ModelDeployments', async () => {
  const versions = Array.from({ length: 64 }, (_, i) => ({ name: `v${i}`, phase: 'Ready' as const, replicas: 1 }));
  const told = await lines(() => many(100, { versions, conditions: ready }));
  const replicas = told.filter((line) => line.startsWith('modelship_version_replicas'));
  expect(replicas).toHaveLength(Math.floor(5_000 / 64) * 64);
});
