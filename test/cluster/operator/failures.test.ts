/** What does not come up, as its user reads it in the status: the words of the cluster, and what to do. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Serving } from '../../../api/serving.ts';
import { MODEL_DEPLOYMENTS } from '../../../operator/reconcile/resources.ts';
import { digestOf } from '../../faults/reports.ts';
import { eventually, kubectl } from '../harness/cluster.ts';
import { fastClock } from '../harness/fast-clock.ts';
import { failureOf, one, untilStuck } from '../harness/one-version.ts';
import { conditionOf, World } from '../harness/operator.ts';
import { container, crashing, HELD, type PodWords, place, RUNNING, say, untilPods } from '../harness/pod-words.ts';

const held = (name: string, serving: Serving = {}) => one(name, { ...serving, pod: { nodeSelector: HELD } });

describe('a pod that does not come up', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    world.reports.mute = true;
  });
  afterAll(() => world[Symbol.asyncDispose]());

  /** Of a first start whose one pod says this on its node. */
  async function startOf(name: string, words: PodWords, serving: Serving = {}) {
    await world.apply(held(name, serving));
    const [pod = ''] = await untilPods(world, name);
    await place(world, pod, words);
    const status = await untilStuck(world, name);
    return { pod, status };
  }

  const image = 'Back-off pulling image "modelship-runtime:test": ErrImagePull: pull access denied';
  const cases: Record<
    string,
    { words: PodWords; serving?: Serving; code: string; reason: string; says: RegExp; todo: RegExp }
  > = {
    'its image cannot be pulled': {
      words: container({ waiting: { reason: 'ImagePullBackOff', message: image } }),
      code: 'ImagePullBackOff',
      reason: 'ImagePullBackOff',
      says: /pull access denied$/,
      todo: /check the name of the image/,
    },
    'the model is corrupt, in the words of the runtime': {
      words: crashing({ message: 'MODEL_CORRUPT: the file is no ONNX model: 12 bytes' }),
      code: 'MODEL_CORRUPT',
      reason: 'LoadFailed',
      says: /the file is no ONNX model: 12 bytes$/,
      todo: /upload the model again/,
    },
    'it is killed for memory': {
      words: crashing({ exitCode: 137, reason: 'OOMKilled' }),
      serving: { resources: { limits: { memory: '0.5Gi' } } },
      code: 'OOMKilled',
      reason: 'OOMKilled',
      says: /killed for memory \(the limit is 512Mi\)$/,
      todo: /raise resources.limits.memory/,
    },
    'it crashes without a word': {
      words: crashing({ exitCode: 139 }),
      code: 'ContainerFailed',
      reason: 'ContainerFailed',
      says: /exit code 139 \(crashed\)$/,
      todo: /kubectl logs --previous/,
    },
    'its Secret is missing': {
      words: container({ waiting: { reason: 'CreateContainerConfigError', message: 'secret "token" not found' } }),
      code: 'CreateContainerConfigError',
      reason: 'CreateContainerConfigError',
      says: /secret "token" not found$/,
      todo: /make or correct what the message names/,
    },
  };
  let count = 0;
  it.each(Object.entries(cases))('%s', async (_, { words, serving, code, reason, says, todo }) => {
    const name = `sick-${count++}`;
    const { pod, status } = await startOf(name, words, serving);
    expect(failureOf(status)).toMatchObject({ code, message: expect.stringMatching(says) });
    expect(failureOf(status)?.message).toContain(pod);
    expect(conditionOf(status, 'Stalled')).toMatchObject({ reason, message: expect.stringMatching(says) });
    expect(conditionOf(status, 'Ready')).toMatchObject({ status: 'False', reason });
    expect(conditionOf(status, 'Available')).toMatchObject({ status: 'False', reason: 'NotServing' });
    expect(status.blockedBy).toMatch(todo);
    expect(status.versions?.[0]).toMatchObject({ phase: 'Failed', readyReplicas: 0 });
    await say(world, pod, RUNNING);
    const well = await world.untilReady(name);
    expect(well).not.toHaveProperty('blockedBy');
    expect(failureOf(well)).toBeUndefined();
  });

  it('is told in an event', async () => {
    await eventually('there is a warning', async () => {
      const { out } = await kubectl(['get', 'events', '--field-selector', 'type=Warning'], world);
      return /ImagePullBackOff\s+modeldeployment\/sick-0\s+.*pull access denied/.test(out);
    });
  });

  it('among others that do: the version goes on serving, degraded', async () => {
    await world.apply(one('half', { replicas: 2 }));
    const [, second = ''] = await untilPods(world, 'half', 2);
    await world.untilReady('half');
    await say(world, second, {
      ...crashing({ message: 'LOAD_DIED: the process that opens the model died' }),
      conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: new Date().toISOString() }],
    });
    const status = await world.until('it is degraded', (s) => s.versions?.[0]?.phase === 'Degraded', { name: 'half' });
    expect(conditionOf(status, 'Available')).toMatchObject({ status: 'True' });
    expect(conditionOf(status, 'Ready')).toMatchObject({ status: 'False', reason: 'LoadFailed' });
    expect(failureOf(status)).toMatchObject({ code: 'LOAD_DIED', message: expect.stringContaining(second) });
  });
});

describe('a pod that finds no node', () => {
  it('is said so at once, and to be stuck after two minutes', async () => {
    const clock = fastClock(1);
    await using world = await World.open({ clock });
    await world.apply(held('homeless'));
    const early = await world.until('it is said', (s) => failureOf(s) !== undefined, { name: 'homeless' });
    expect(failureOf(early)).toMatchObject({
      code: 'Unschedulable',
      message: expect.stringMatching(/^pod homeless-v1-\S+ cannot be scheduled: 0\/7 nodes are available: /),
    });
    expect(conditionOf(early, 'Reconciling')).toMatchObject({ status: 'True', reason: 'Unschedulable' });
    expect(early).not.toHaveProperty('blockedBy');
    // So a minute takes two seconds.
    clock.runs(30);
    const late = await untilStuck(world, 'homeless');
    expect(late.versions?.[0]).toMatchObject({ phase: 'Failed', model: 'Pending' });
    expect(late.blockedBy).toMatch(/^v1: free or add a node that fits, or ask for less \(pod homeless-v1-\S+\)$/);
  });
});

describe('the digest of a model', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  it('is pinned when a pod first tells it, and another file under the same name is refused', async () => {
    await world.apply(one('pinned'));
    const status = await world.until('the digest is pinned', (s) => s.versions?.[0]?.digest !== undefined, {
      name: 'pinned',
    });
    const pinned = digestOf('v1');
    expect(status.versions?.[0]?.digest).toBe(pinned);
    await world.untilReady('pinned');

    const other = 'f'.repeat(64);
    world.reports.change = (report) => ({ ...report, load: { ...report.load, digest: other } });
    const [pod = ''] = await untilPods(world, 'pinned');
    await kubectl(['delete', 'pod', pod, '--grace-period=0'], world);
    const changed = await world.until(
      'the other file is seen',
      (s) => conditionOf(s, 'Ready')?.reason === 'DigestChanged',
      { name: 'pinned' },
    );
    expect(conditionOf(changed, 'Ready')?.message).toContain(
      `loaded sha256 ${other.slice(0, 12)}…, v1 was first served with ${pinned.slice(0, 12)}…`,
    );
    expect(changed.versions?.[0]?.digest).toBe(pinned);
    expect(changed.blockedBy).toBe('v1: put the old file back, or add a version for the new one');

    // Nor does another operator take it.
    await world.stop();
    await world.start();
    await world.settled();
    const again = await world.until('the other file is seen again', (s) => s.versions?.[0]?.failure !== undefined, {
      name: 'pinned',
    });
    expect(again.versions?.[0]).toMatchObject({ digest: pinned, failure: { code: 'DigestChanged' } });

    world.reports.change = (report) => report;
    const [next = ''] = await untilPods(world, 'pinned');
    await kubectl(['delete', 'pod', next, '--grace-period=0'], world);
    await world.untilReady('pinned');
  });

  it('that is stated needs no report', async () => {
    world.reports.mute = true;
    const sha256 = digestOf('stated');
    await world.apply(one('stated', {}, { sha256 }));
    const status = await world.untilReady('stated');
    expect(status.versions?.[0]).toMatchObject({ digest: sha256, model: 'Loaded' });
    await sleep(500);
    expect(world.reports.asked.filter((pod) => pod.startsWith('stated-')).length).toBeLessThanOrEqual(2);
    await world.client.delete(MODEL_DEPLOYMENTS, world.key('stated'));
  });
});
