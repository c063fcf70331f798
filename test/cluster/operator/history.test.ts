/** What was accepted is kept: each once, the newest on top, no more than ten. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ModelDeploymentSpec } from '../../../api/model-deployment.ts';
import { REVISIONS } from '../../../operator/reconcile/resources.ts';
import type { RevisionData } from '../../../operator/reconcile/revision.ts';
import { mustCall } from '../../control-plane/access.ts';
import { eventually, useCluster } from '../harness/cluster.ts';
import { fastClock } from '../harness/fast-clock.ts';
import { digitsOf, version } from '../harness/models.ts';
import { conditionOf, World } from '../harness/operator.ts';
import { quota } from '../harness/quota.ts';

let world: World;
beforeAll(async () => {
  // Tries again ten times as often what was refused.
  world = await World.open({ clock: fastClock(10) });
});
afterAll(() => world[Symbol.asyncDispose]());

interface Entry {
  name: string;
  number: number;
  split: string;
}

/** Newest first. */
async function history(): Promise<Entry[]> {
  const entries = (await world.list(REVISIONS)).map(({ metadata, revision, data }) => {
    const { spec } = data as RevisionData;
    return { name: metadata.name, number: revision as number, split: spec.versions.map((v) => v.traffic).join('/') };
  });
  return entries.sort((a, b) => b.number - a.number);
}

/** One accepted change, and a split that is told apart by the share of v1. */
async function accept(first: number, more: Partial<ModelDeploymentSpec> = {}): Promise<void> {
  await world.apply(digitsOf([version('v1', first), version('v2', 100 - first)], more));
  await world.until('it is accepted', (status) => conditionOf(status, 'Accepted')?.status === 'True');
}

it('one for each change that was accepted', async () => {
  await accept(90);
  await accept(80);
  await accept(70);
  expect((await history()).map(({ number, split }) => [number, split])).toEqual([
    [3, '70/30'],
    [2, '80/20'],
    [1, '90/10'],
  ]);
});

it('a revert takes the same object, with a higher number', async () => {
  const before = await history();
  await accept(90);
  const after = await history();
  expect(after.map(({ number, split }) => [number, split])).toEqual([
    [4, '90/10'],
    [3, '70/30'],
    [2, '80/20'],
  ]);
  expect(after[0]?.name).toBe(before.at(-1)?.name);
});

it('none for a spec that is refused', async () => {
  const before = await history();
  const other = version('v2', 10, { model: { uri: 'pvc://models/other.onnx' } });
  await world.apply(digitsOf([version('v1', 90), other])).catch(() => undefined);
  const local = version('v3', 10, { model: { uri: 'models/local.onnx' } });
  await world.apply(digitsOf([version('v1', 90), local]));
  await world.until('it is refused', (status) => conditionOf(status, 'Accepted')?.status === 'False');
  await world.settled();
  expect(await history()).toEqual(before);
  await accept(90);
  expect(await history()).toEqual(before);
});

it('the newest that a hand deletes is made anew', async () => {
  const [newest] = await history();
  await world.client.delete(REVISIONS, world.key(newest?.name as string));
  await eventually('it is there again', async () => (await history()).some(({ name }) => name === newest?.name));
  expect((await history())[0]?.split).toBe('90/10');
});

it('one that cannot be written holds its change up, and nothing else', async () => {
  await world.untilReady();
  const before = await history();
  const hard = { 'count/controllerrevisions.apps': String(before.length) };
  await quota(useCluster(), world.namespace, 'history', hard);
  await world.apply(digitsOf([version('v1', 60), version('v2', 40)]));
  const status = await world.until('it is told', (said) => {
    const { status, message } = conditionOf(said, 'Ready') ?? {};
    return status === 'False' && /exceeded quota/.test(message ?? '');
  });
  expect(conditionOf(status, 'Available')?.status).toBe('True');
  expect(status.traffic).toBe('v1:90 v2:10');
  expect(status.versions).toMatchObject([{ trafficInForce: 90 }, { trafficInForce: 10 }]);
  await mustCall(useCluster(), 'DELETE', `/api/v1/namespaces/${world.namespace}/resourcequotas/history`);
  await world.untilReady();
  expect(await world.shares()).toEqual({ v1: 60, v2: 40 });
  expect((await history())[0]?.split).toBe('60/40');
});

it('ten at most, also when the last change has no other effect', async () => {
  for (let share = 1; share <= 15; share++) await accept(share);
  await accept(15, { retireAfter: '5m' });
  await eventually('there are ten', async () => (await history()).length === 10);
  expect((await history())[0]?.split).toBe('15/85');
  await world.settled();
  expect(await history()).toHaveLength(10);
});
