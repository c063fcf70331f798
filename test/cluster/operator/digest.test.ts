/** A model file that is replaced under its name: the pods that loaded the new one are told to serve no more. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PodReport } from '../../../api/pod-report.ts';
import type { TrafficTable } from '../../../api/traffic-table.ts';
import { CONFIG_MAPS, PODS } from '../../../operator/reconcile/resources.ts';
import { VERSION_LABEL } from '../../../operator/render/labels.ts';
import { digestOf, tableOf } from '../../faults/reports.ts';
import { eventually } from '../harness/cluster.ts';
import { digits, type ModelDeploymentManifest } from '../harness/manifests.ts';
import { conditionOf, World } from '../harness/operator.ts';

const OTHER = 'f'.repeat(64);
const PINS = { v1: digestOf('v1'), v2: digestOf('v2') };

/** A pod that has not followed after two seconds is told again: `2.2`. */
const isTold = (annotations: Record<string, string> = {}, revision: string): boolean =>
  annotations['modelship.dev/table-revision']?.split('.')[0] === revision;

const withDigest = (report: PodReport, digest: string): PodReport => ({ ...report, load: { ...report.load, digest } });

/** The digits example, with no digest stated. */
function unpinned(traffic: Record<string, number> = { v1: 90, v2: 10 }): ModelDeploymentManifest {
  const versions = digits().spec.versions.map(({ name, model: { uri } }) => ({
    name,
    model: { uri },
    traffic: traffic[name] ?? 0,
  }));
  return digits({ spec: { versions } });
}

describe('a model file that is replaced under its name', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  const table = async (): Promise<TrafficTable> => {
    const stored = await world.get(CONFIG_MAPS, 'digits-traffic');
    const read = stored && tableOf(stored);
    if (!read) throw new Error('there is no table');
    return read;
  };
  const digests = async () => {
    const { versions } = await table();
    return Object.fromEntries(versions.flatMap(({ name, digest }) => (digest === undefined ? [] : [[name, digest]])));
  };
  const tableWrites = () => world.writes.filter((write) => write.endsWith(' configmaps')).length;
  const podsOf = async (version: string) =>
    (await world.pods())
      .filter(({ metadata }) => metadata.labels?.[VERSION_LABEL] === version && !metadata.deletionTimestamp)
      .map(({ metadata }) => metadata.name);
  const known = () =>
    world.until('the digests are pinned', ({ versions }) => versions?.every(({ digest }) => digest) ?? false);

  it('costs no write as long as all pods load the same', async () => {
    await world.apply(unpinned());
    await world.untilReady();
    const { versions } = await known();
    expect(Object.fromEntries(versions?.map(({ name, digest }) => [name, digest]) ?? [])).toEqual(PINS);
    await world.settled();
    expect([tableWrites(), await digests()]).toEqual([1, {}]);
  });

  it('is found in the pod that comes next: one table says what both versions are held to, and reaches the pods', async () => {
    const first = new Set(await podsOf('v1'));
    world.reports.change = (report, { name }) =>
      report.version === 'v1' && !first.has(name) ? withDigest(report, OTHER) : report;
    for (const name of first) await world.client.delete(PODS, world.key(name));
    await eventually('the table says the digests', async () => Object.keys(await digests()).length > 0);
    expect(await digests()).toEqual(PINS);
    const status = await world.until(
      'the status says so',
      (at) => conditionOf(at, 'Ready')?.reason === 'DigestChanged' && at.versions?.[0]?.digest === PINS.v1,
    );
    expect(conditionOf(status, 'Ready')?.message).toContain(OTHER.slice(0, 12));
    await eventually('the pods were touched', async () =>
      (await world.pods()).every(({ metadata }) => isTold(metadata.annotations, '2')),
    );
    await world.settled(1_500);
    expect([tableWrites(), (await table()).revision]).toEqual([2, 2]);
  });

  it('is over when a pod loads the first file again: the table stays as it is, also for the next operator', async () => {
    world.reports.change = (report) => report;
    for (const name of await podsOf('v1')) await world.client.delete(PODS, world.key(name));
    await world.untilReady();
    await world.settled();
    await world.stop();
    await world.start();
    await world.settled();
    expect([tableWrites(), await digests()]).toEqual([2, PINS]);
  });
});

it('a table that is written for another reason says the digests that are known by then, with no write more', async () => {
  await using world = await World.open();
  await world.apply(unpinned());
  await world.until('the digests are pinned', ({ versions }) => versions?.every(({ digest }) => digest) ?? false);
  await world.apply(unpinned({ v1: 50, v2: 50 }));
  await world.until('the split is in force', ({ traffic, versions }) => {
    return traffic === 'v1:50 v2:50' && (versions?.every(({ trafficInForce }) => trafficInForce === 50) ?? false);
  });
  await world.settled(1_700);
  const stored = await world.get(CONFIG_MAPS, 'digits-traffic');
  expect(stored && tableOf(stored)?.versions.map(({ digest }) => digest)).toEqual([PINS.v1, PINS.v2]);
  expect(world.writes.filter((write) => write.endsWith(' configmaps'))).toHaveLength(2);
});
