/** A walk from one version to another: step by step where all is well, and back where it is not. */
import { describe, expect, it } from 'vitest';
import { CONFIG_MAPS, MODEL_DEPLOYMENTS } from '../../../operator/reconcile/resources.ts';
import { eventually } from '../harness/cluster.ts';
import { version } from '../harness/models.ts';
import { conditionOf, type World } from '../harness/operator.ts';
import { container, crashing, HELD, place, podsOf, say } from '../harness/pod-words.ts';
import {
  ANALYSIS,
  eventsOf,
  inPhase,
  type Served,
  STEPS,
  served,
  sharesIn,
  statusesOf,
  versionIn,
} from '../harness/rollouts.ts';
import { follow } from '../harness/seen.ts';

const SLOW = { timeoutMs: 40_000 };

/** Nothing is written at rest, nor by an operator that starts anew. */
async function expectRest(world: World): Promise<void> {
  await world.settled(1_500);
  world.requests.length = 0;
  await world.stop();
  await world.start();
  await world.settled(1_500);
  expect(world.writes).toEqual([]);
}

describe('a rollout to a version that is as good', () => {
  it('goes step by step, says so, and is at rest', async () => {
    await using here = await served();
    const { world } = here;
    await using tables = await follow(world.namespace, CONFIG_MAPS);
    await using models = await follow(world.namespace, MODEL_DEPLOYMENTS);
    await here.apply(version('v1', 0), version('v2', 100));
    await world.until('it is over', (s) => conditionOf(s, 'Ready')?.status === 'True', SLOW);
    expect(await world.status()).toMatchObject({
      traffic: 'v2:100',
      rollout: { phase: 'Completed', reason: 'StepsDone', step: 2, steps: 2 },
    });
    expect(await tables.values('digits-traffic', sharesIn)).toEqual(['v1:100', 'v1:90 v2:10', 'v1:50 v2:50', 'v2:100']);
    const walking = (await statusesOf(models)).filter(inPhase('Progressing'));
    expect(walking.map((status) => conditionOf(status, 'Ready')?.reason)).toContain('RolloutProgressing');
    for (const status of walking) {
      expect(conditionOf(status, 'Ready')?.status).toBe('False');
      expect(conditionOf(status, 'Available')?.status).toBe('True');
    }
    await expectRest(world);
    // Events are sent after what they tell of; an operator that ends sends them all.
    const reasons = (await eventsOf(world)).map((text) => text.split(' ')[0] ?? '');
    const told = reasons.filter((reason) => /^Roll/.test(reason)).sort();
    expect(told).toEqual(['RolloutCompleted', 'RolloutStarted', 'RolloutStep', 'RolloutStep']);
  });

  it('does not walk the first deployment', async () => {
    await using here = await served();
    expect((await here.world.status())?.rollout).toBeUndefined();
    expect((await eventsOf(here.world)).filter((text) => /Rollout/.test(text))).toEqual([]);
  });
});

describe('a rollout to a version whose predictions differ', () => {
  it('is taken back, with the numbers, and is at rest', async () => {
    await using here = await served();
    const { world, traffic } = here;
    traffic.behaviours.v3 = { differing: 0.3 };
    await using tables = await follow(world.namespace, CONFIG_MAPS);
    await here.apply(version('v1', 0), version('v3', 100));
    const back = await world.until('it is taken back', inPhase('RolledBack'), SLOW);
    expect(back.rollout).toMatchObject({ reason: 'CheckFailed', step: 0 });
    const stuck = await world.until(
      'it is told',
      (s) => conditionOf(s, 'Stalled')?.reason === 'RolledBack' && s.traffic === 'v1:100',
    );
    expect(conditionOf(stuck, 'Available')?.status).toBe('True');
    const numbers = /v3: .*disagreement.* 0\.\d+ .*over [\d,]+ mirrored requests, allowed 0\.05/;
    expect(conditionOf(stuck, 'Ready')?.message).toMatch(numbers);
    expect(stuck.blockedBy).toContain('modelship rollout retry digits');
    await world.until('v3 is gone', (s) => {
      const { phase, readyReplicas } = versionIn(s, 'v3') ?? {};
      return phase === 'Withdrawn' && readyReplicas === 0;
    });
    expect(versionIn((await world.status()) ?? {}, 'v3')?.failure?.message).toMatch(numbers);
    await eventually('its objects are gone', async () => (await world.deployment('v3')) === undefined);
    expect(await tables.values('digits-traffic', sharesIn)).toEqual(['v1:100', 'v1:90 v3:10', 'v1:100']);
    await expectRest(world);
    const events = await eventsOf(world);
    for (const reason of ['RolledBack', 'CheckFailed']) {
      expect(events.filter((text) => text.startsWith(reason) && /disagreement.* 0\.\d+/.test(text))).toHaveLength(1);
    }
    expect(await world.shares()).toEqual({ v1: 100 });
  });
});

describe('a version that is bad is taken back with its cause', () => {
  const heldV3 = version('v3', 100, { serving: { replicas: 1, pod: { nodeSelector: HELD } } });
  const firstPod = ({ world }: Served) =>
    eventually('v3 has a pod', async () => (await podsOf(world, 'digits', 'v3'))[0]?.metadata.name);
  const latency = {
    steps: STEPS,
    analysis: { ...ANALYSIS, checks: [{ metric: 'latency-p99' as const, maxRatio: 1.5 }] },
  };

  it('one that answers 500', async () => {
    await using here = await served();
    here.traffic.behaviours.v3 = { errors: 0.5 };
    await here.apply(version('v1', 0), version('v3', 100));
    const { rollout } = await here.world.until('it is taken back', inPhase('RolledBack', 'CheckFailed'), SLOW);
    expect(rollout?.message).toMatch(/^v3: error-rate/);
  });

  it('one that is five times slower', async () => {
    await using here = await served(latency);
    here.traffic.behaviours.v3 = { seconds: 0.01 };
    await here.apply(version('v1', 0), version('v3', 100));
    const { rollout } = await here.world.until('it is taken back', inPhase('RolledBack', 'CheckFailed'), SLOW);
    expect(rollout?.message).toMatch(/^v3: latency-p99/);
  });

  it('one of another signature, before it gets any traffic', async () => {
    await using here = await served();
    const { world, traffic } = here;
    await using tables = await follow(world.namespace, CONFIG_MAPS);
    traffic.behaviours.v3 = { signature: { inputs: [{ name: 'x', datatype: 'FP64', shape: [-1, 3] }], outputs: [] } };
    await here.apply(version('v1', 0), version('v3', 100));
    const { rollout } = await world.until('it is taken back', inPhase('RolledBack', 'SignatureChanged'), SLOW);
    expect(rollout?.message).toMatch(/image/);
    expect(await tables.values('digits-traffic', sharesIn)).toEqual(['v1:100']);
  });

  it('one whose model does not load', async () => {
    await using here = await served();
    await here.apply(version('v1', 0), heldV3);
    await here.world.until('it is waited for', (s) => versionIn(s, 'v3')?.phase === 'Pending');
    await place(here.world, await firstPod(here), crashing({ message: 'MODEL_CORRUPT: it is not an ONNX model' }));
    const { rollout } = await here.world.until('it is taken back', inPhase('RolledBack', 'VersionFailed'), SLOW);
    expect(rollout?.message).toMatch(/^v3: MODEL_CORRUPT: pod digits-v3-.*it is not an ONNX model/);
    const withdrawn = await here.world.until('it is gone', (s) => versionIn(s, 'v3')?.phase === 'Withdrawn');
    expect(versionIn(withdrawn, 'v3')?.failure?.code).toBe('MODEL_CORRUPT');
    expect(await here.world.shares()).toEqual({ v1: 100 });
  });

  it('one that exits again and again', async () => {
    await using here = await served();
    // No check has its numbers: it stays at its first step.
    here.traffic.rate = 0;
    await here.apply(version('v1', 0), version('v3', 100));
    const pod = await firstPod(here);
    await here.world.until('it takes traffic', ({ traffic }) => traffic === 'v1:90 v3:10', SLOW);
    const finishedAt = new Date().toISOString();
    const ended = { exitCode: 134, reason: 'Error', startedAt: finishedAt, finishedAt };
    const more = { ready: true, restartCount: 3, lastState: { terminated: ended } };
    await say(here.world, pod, container({ running: { startedAt: finishedAt } }, more));
    const { rollout } = await here.world.until('it is taken back', inPhase('RolledBack'), SLOW);
    expect(rollout).toMatchObject({ reason: 'VersionRestarts' });
    expect(rollout?.message).toMatch(/v3 exited 3 times since the rollout began, last: pod digits-v3-.*exit code 134/);
  });
});
