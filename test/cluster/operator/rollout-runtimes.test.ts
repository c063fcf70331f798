/** Rollouts in a cluster whose nodes are simulated and whose pods' processes, models, requests and reports are real. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Rollout } from '../../../api/rollout.ts';
import { badVersion } from '../../fixtures/bad-versions.ts';
import { eventually } from '../harness/cluster.ts';
import { digitsOf } from '../harness/models.ts';
import { World } from '../harness/operator.ts';
import { HELD } from '../harness/pod-words.ts';
import { RealRuntimes } from '../harness/real-runtimes.ts';
import { completedTo, inPhase } from '../harness/rollouts.ts';
import { Users } from '../harness/users.ts';

const SLOW = { timeoutMs: 100_000 };
const rollout: Rollout = {
  steps: [{ traffic: 20 }, { traffic: 50 }],
  analysis: {
    interval: '1s',
    minSamples: 60,
    mirror: 50,
    checks: [
      { metric: 'error-rate', max: 0.05 },
      { metric: 'disagreement', max: 0.1 },
    ],
  },
};
const example = (number: number) => join(import.meta.dirname, `../../../examples/digits/models/${number}/model.onnx`);
const only = (check: NonNullable<Rollout['analysis']>['checks'][number]): Rollout => ({
  ...rollout,
  analysis: { interval: '1s', minSamples: 60, mirror: 50, checks: [check] },
});
/** Without a digest: each version's is that of its own file. */
const version = (name: string, traffic: number) => ({
  name,
  traffic,
  model: { uri: `pvc://models/digits/${name}.onnx` },
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'modelship-bad-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** v1 serves and users are there; then `name` is asked for. */
async function rolledOut(name: string, model: string, more: { endsAfter?: number; rollout?: Rollout } = {}) {
  const runtimes = new RealRuntimes();
  runtimes.models.v1 = example(1);
  runtimes.models[name] = model;
  if (more.endsAfter !== undefined) runtimes.endsAfter[name] = more.endsAfter;
  const world = await World.open({ reports: runtimes });
  runtimes.start(world);
  const serving = { replicas: 1, pod: { nodeSelector: HELD } };
  const apply = (...versions: ReturnType<typeof version>[]) =>
    world.apply(digitsOf(versions, { serving, retireAfter: '1s', rollout: more.rollout ?? rollout }));
  await apply(version('v1', 100));
  await world.untilReady();
  await eventually('the door leads to v1', async () => runtimes.door);
  const users = new Users(() => runtimes.door);
  await eventually('users are answered', async () => (users.answered.v1 ?? 0) > 20);
  await apply(version('v1', 0), version(name, 100));
  const close = async () => {
    await users[Symbol.asyncDispose]();
    await runtimes[Symbol.asyncDispose]();
    await world[Symbol.asyncDispose]();
  };
  return { world, users, [Symbol.asyncDispose]: close };
}

describe('with real runtimes', () => {
  it('v1 → v2 completes, and no request of users fails', async () => {
    await using here = await rolledOut('v2', example(2));
    const done = await here.world.until('it is over', completedTo('v2:100'), SLOW);
    expect(done.rollout?.reason).toBe('StepsDone');
    await eventually('users are answered by v2', async () => (here.users.answered.v2 ?? 0) > 100);
    expect(here.users.failed).toEqual([]);
    expect(await here.world.shares()).toEqual({ v2: 100 });
  }, 150_000);

  interface Bad {
    model: () => Promise<string> | string;
    reasons: string[];
    message: RegExp;
    endsAfter?: number;
    rollout?: Rollout;
  }
  const bad: Record<string, Bad> = {
    'whose predictions differ': {
      model: () => example(3),
      reasons: ['CheckFailed'],
      message: /v3: disagreement 0\.\d+ over [\d,]+ mirrored requests, allowed 0\.1/,
    },
    'that answers 500': {
      model: () => badVersion('failing', folder),
      reasons: ['CheckFailed'],
      message: /v3: error-rate/,
      rollout: only({ metric: 'error-rate', max: 0.05 }),
    },
    'that is slow': {
      model: () => badVersion('slow', folder),
      reasons: ['CheckFailed'],
      message: /v3: latency-p99 .* against .* of v1/,
      rollout: only({ metric: 'latency-p99', maxRatio: 1.5 }),
    },
    'whose model does not load': {
      model: () => badVersion('corrupt', folder),
      reasons: ['VersionFailed'],
      message: /^v3: MODEL_CORRUPT: pod/,
    },
    'of another signature': {
      model: () => badVersion('other-signature', folder),
      reasons: ['SignatureChanged'],
      message: /^v3: .*(image|pixels)/,
    },
    'that exits after a while': {
      model: () => example(2),
      // The kubelet makes a container wait that ends again and again, and that is a failure by itself.
      reasons: ['VersionRestarts', 'VersionFailed', 'CheckFailed'],
      message: /v3 exited \d times? since the rollout began/,
      endsAfter: 20,
    },
  };
  it.each(Object.entries(bad))(
    'v1 → v3 %s is taken back, and no request of users fails',
    async (_, { model, ...expected }) => {
      const { reasons, message, ...more } = expected;
      await using here = await rolledOut('v3', await model(), more);
      const { rollout: state } = await here.world.until('it is taken back', inPhase('RolledBack'), SLOW);
      expect(reasons).toContain(state?.reason);
      expect(state?.message).toMatch(message);
      await here.world.until('v1 has all of it', ({ traffic }) => traffic === 'v1:100', SLOW);
      expect(here.users.failed).toEqual([]);
    },
    150_000,
  );
});
