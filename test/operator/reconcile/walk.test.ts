/** The rollout's part of a pass: nothing is done about a decision that is not stored. */
import { describe, expect, test } from 'vitest';
import { ROLLOUT_ANNOTATION } from '../../../api/rollout-command.ts';
import type { Status } from '../../../api/status.ts';
import type { Desired } from '../../../core/model.ts';
import { KubeError } from '../../../operator/kube/error.ts';
import { desiredOf, observedOf, runVersions } from '../../../operator/reconcile/decide.ts';
import { newMemory } from '../../../operator/reconcile/key-memory.ts';
import { newPass } from '../../../operator/reconcile/pass.ts';
import type { StoredModelDeployment } from '../../../operator/reconcile/stored.ts';
import { isWhole, stay, targetHash, type Walker, walk } from '../../../operator/reconcile/walk.ts';
import { table } from '../../core/build.ts';
import { FakeClock } from '../kube/fake-clock.ts';
import { deployment, gathered, model, pod, spec, UID } from './build.ts';
import { walkState } from './walk-build.ts';

const rollout = { steps: [{ traffic: 10 }, { traffic: 50 }], signature: 'Any' };
const SPEC = spec(
  [
    { name: 'v1', traffic: 0 },
    { name: 'v2', traffic: 100 },
  ],
  { rollout },
);
const TABLE = table({ v1: 100 });

type Answer = (status: Status, md: StoredModelDeployment) => StoredModelDeployment;

function setup(answer: Answer, annotations: Record<string, string> = {}) {
  const base = model(SPEC, { status: { traffic: 'v1:100' } });
  const md = { ...base, metadata: { ...base.metadata, annotations } };
  const pods = new Map(['v1', 'v2'].map((name) => [name, [pod(name, `p-${name}`, true)]]));
  const deployments = new Map(['v1', 'v2'].map((name) => [name, deployment(name, 1)]));
  const here = gathered({ md, pods, deployments, table: TABLE });
  const data = { spec: SPEC, leaving: [] };
  const pass = newPass(here, { ok: true, data });
  const versions = runVersions(data, here);
  const writes: Status[] = [];
  const walker = {
    client: {
      get: async () => ({ ...md, status: { traffic: 'v1:100', rollout: { id: 'of another' } } }),
      applyStatus: async (_: unknown, { status }: { status: Status }) => {
        writes.push(status);
        return answer(status, md);
      },
    },
    caches: { models: { wrote: () => undefined } },
    events: { record: () => undefined },
    reports: { askedAt: () => new Map() },
    clock: new FakeClock(),
  } as unknown as Walker;
  const view = {
    data,
    desired: desiredOf(here, SPEC, versions, TABLE),
    observed: observedOf(here, versions, TABLE, true),
    table: TABLE,
  };
  const memory = newMemory(UID, 0);
  return { pass, memory, writes, run: () => walk(view, pass, memory, walker) };
}

const takes: Answer = (status, md) => ({ ...md, status, metadata: { ...md.metadata, resourceVersion: '11' } });
const shares = (goal: Desired | undefined) => goal && Object.fromEntries(goal.versions.map((v) => [v.name, v.share]));

describe('a change of the split', () => {
  test('is stored, and then its first step is asked for', async () => {
    const { pass, memory, writes, run } = setup(takes);
    expect(shares(await run())).toEqual({ v1: 9_000, v2: 1_000 });
    expect(writes).toHaveLength(1);
    expect(writes[0]).toMatchObject({ traffic: 'v1:100', rollout: { phase: 'Progressing', step: 0, stable: 'v1' } });
    expect(writes[0]?.rollout?.target).toBe(targetHash(SPEC));
    expect(memory.stored?.state).toEqual(writes[0]?.rollout);
    expect(pass.rollout?.state).toEqual(writes[0]?.rollout);
  });

  test('that cannot be stored changes nothing: what is served stays as it is', async () => {
    const { pass, run } = setup(() => {
      throw new KubeError('Unavailable', 'no route');
    });
    const goal = await run();
    expect(shares(goal)).toEqual({ v1: 10_000, v2: 0 });
    expect(goal?.primary).toBe('v1');
    expect(pass.errors).toHaveLength(1);
    expect(pass.rollout?.state).toBeUndefined();
  });

  test('that another process has decided on ends the pass', async () => {
    const { pass, run } = setup(() => {
      throw new KubeError('Conflict', 'the object has been modified');
    });
    expect(await run()).toBeUndefined();
    expect(pass.gathered.md.status?.rollout?.id).toBe('of another');
  });
});

describe('the annotation', () => {
  test('that is no command is told of and passed over', async () => {
    const { pass, run } = setup(takes, { [ROLLOUT_ANNOTATION]: 'approve' });
    expect(shares(await run())).toEqual({ v1: 9_000, v2: 1_000 });
    expect(pass.remarks).toMatchObject([
      { severity: 'warning', message: expect.stringMatching(/is "approve": expected/) },
    ]);
  });

  test.each([
    ['of another walk', 'abort/other/0/2026-01-01T00:00:00Z'],
    ['empty', ' '],
  ])('%s does nothing', async (_, text) => {
    const { pass, run } = setup(takes, { [ROLLOUT_ANNOTATION]: text });
    expect(shares(await run())).toEqual({ v1: 9_000, v2: 1_000 });
    expect(pass.remarks).toEqual([]);
  });
});

test.each([
  ['as the engine wrote it', {}, true],
  ['of shares that do not sum to all', { from: { v1: 5_000 } }, false],
  ['that walks to nothing', { to: {} }, false],
  ['of a share below nothing', { from: { v1: 11_000, v3: -1_000 } }, false],
  ['that compares with nobody', { stable: 'v9' }, false],
  ['that goes back to the one it compares with', { from: { v2: 10_000 }, to: { v1: 10_000 } }, true],
])('a state %s: %j', (_, more, whole) => {
  expect(isWhole(walkState(more as object))).toBe(whole);
});

test('to stay is to ask for the table as it is', () => {
  const versions = [
    { name: 'v1', share: 0, shadow: 0, size: 2, dropped: true },
    { name: 'v2', share: 10_000, shadow: 500, size: 1 },
  ];
  const desired: Desired = { model: 'digits', versions, retireAfterMs: 0 };
  const of = { desired, table: table({ v1: 90, v2: 10 }) };
  expect(stay(of)).toMatchObject({
    primary: 'v1',
    versions: [
      { name: 'v1', share: 9_000, shadow: 0, size: 2, dropped: true },
      { name: 'v2', share: 1_000, shadow: 0, size: 1 },
    ],
  });
});
