import { describe, expect, test } from 'vitest';
import { type TrafficTable, trafficTable } from '../../../api/traffic-table.ts';
import type { Plan } from '../../../core/model.ts';
import {
  desiredOf,
  doorOf,
  firstTable,
  isInForce,
  type Moment,
  observedOf,
  renderPlanOf,
  restoredMemory,
  runVersions,
} from '../../../operator/reconcile/decide.ts';
import type { Gathered } from '../../../operator/reconcile/gather.ts';
import type { StoredDeployment } from '../../../operator/reconcile/stored.ts';
import { versionName } from '../../../operator/render/names.ts';
import { table } from '../../core/build.ts';
import { deployment, gathered, model, pod, spec, stored } from './build.ts';

const SPEC = spec([
  { name: 'v1', traffic: 90 },
  { name: 'v2', traffic: 10 },
]);
const TABLE = table({ v1: 90, v2: 10 });
const V0 = { name: 'v0', model: { uri: 's3://models/digits/v0.onnx' }, serving: { replicas: 2 } };

const deployments = (sizes: Record<string, number>): Map<string, StoredDeployment> =>
  new Map(Object.entries(sizes).map(([name, size]) => [name, deployment(name, size)]));

function at(more: Partial<Gathered> = {}, of = SPEC): Gathered {
  return gathered({ md: model(of), ...more });
}

const doorTo = (version: string) => stored('Service', 'digits', { spec: { selector: selectorOf(version) } });
const selectorOf = (version: string) => ({ 'modelship.dev/version': version });

describe('the versions to run', () => {
  test('are those of the list, then those that are leaving and still there', () => {
    const old = { ...V0, name: 'old' };
    const again = { ...V0, name: 'v2' };
    const versions = runVersions(
      { spec: SPEC, leaving: [V0, old, again] },
      at({ deployments: deployments({ v0: 2, v2: 1 }) }),
    );
    expect(versions.map(({ name, listed }) => [name, listed])).toEqual([
      ['v1', true],
      ['v2', true],
      ['v0', false],
    ]);
    expect(versions[2]).toMatchObject({ model: V0.model, serving: V0.serving });
  });

  test('are run as the whole and the version say together', () => {
    const of = spec(
      [
        { name: 'v1', traffic: 100 },
        { name: 'v2', serving: { replicas: 5 } },
      ],
      { serving: { replicas: 2 } },
    );
    const versions = runVersions({ spec: of, leaving: [] }, at({}, of));
    expect(versions.map(({ serving }) => serving.replicas)).toEqual([2, 5]);
  });
});

describe('a version that is leaving', () => {
  test('is kept true while it serves, even where a hand has deleted its Deployment', () => {
    const of = spec([{ name: 'v1', traffic: 100 }]);
    const names = (last: TrafficTable) =>
      runVersions({ spec: of, leaving: [V0] }, at({ table: last }, of)).map(({ name }) => name);
    expect(names(table({ v0: 100, v1: 0 }))).toEqual(['v1', 'v0']);
    expect(names(table({ v0: 0, v1: 100 }))).toEqual(['v1']);
  });
});

describe('the first table', () => {
  test('is the split as it is stated, with addresses, at revision 1', () => {
    const first = trafficTable.parse(firstTable(at(), SPEC));
    expect(first).toMatchObject({ model: 'digits', revision: 1, primary: 'v1' });
    expect(first.versions.map(({ name, share, address }) => [name, share, address?.host])).toEqual([
      ['v1', 9_000, versionName('digits', 'v1')],
      ['v2', 1_000, versionName('digits', 'v2')],
    ]);
  });

  test('is newer where pods came first, so that they are told of it', () => {
    expect(firstTable(at({ pods: new Map([['v1', [pod('v1', 'p1', true)]]]) }), SPEC).revision).toBe(2);
  });
});

describe('what the planner is asked', () => {
  const asked = (of: typeof SPEC, more: Partial<Gathered> = {}, last: TrafficTable = TABLE, leaving = [V0]) => {
    const here = at(more, of);
    return desiredOf(here, of, runVersions({ spec: of, leaving }, here), last);
  };

  test('is what the spec states, and of what is leaving what was stated, whatever a hand has made of it', () => {
    const of = spec(
      [
        { name: 'v1', traffic: 100 },
        { name: 'v2', shadow: 20, serving: { replicas: 3 } },
      ],
      { cohort: { header: 'x-user-id' }, retireAfter: '45s' },
    );
    expect(asked(of, { deployments: deployments({ v0: 7 }) })).toEqual({
      model: 'digits',
      versions: [
        { name: 'v1', share: 10_000, shadow: 0, size: 1 },
        { name: 'v2', share: 0, shadow: 2_000, size: 3 },
        { name: 'v0', share: 0, shadow: 0, size: 2, dropped: true },
      ],
      cohort: { header: 'x-user-id' },
      retireAfterMs: 45_000,
    });
  });

  test.each<[string, { v1: number; v2: number }, Record<string, number>, TrafficTable, (number | undefined)[]]>([
    ['half of what ten serve', { v1: 50, v2: 50 }, { v1: 10, v2: 2 }, table({ v1: 100, v2: 0 }), [5, 5]],
    [
      'no more than the autoscaler may',
      { v1: 0, v2: 100 },
      { v1: 40, v2: 2 },
      table({ v1: 100, v2: 0 }),
      [undefined, 12],
    ],
    ['no fewer than it must', { v1: 99, v2: 1 }, { v1: 10, v2: 2 }, table({ v1: 100, v2: 0 }), [10, 2]],
    ['one that serves and has no Deployment counts for one', { v1: 50, v2: 50 }, {}, table({ v1: 100, v2: 0 }), [2, 2]],
  ])('of a version that is scaled: %s', (_, traffic, sizes, last, needed) => {
    const of = spec(
      Object.entries(traffic).map(([name, percent]) => ({ name, traffic: percent })),
      { serving: { autoscaling: { min: 2, max: 12 }, resources: { requests: { cpu: '1' } } } },
    );
    const versions = asked(of, { deployments: deployments(sizes) }, last, []).versions;
    expect(versions.map((v) => [v.size, v.needed])).toEqual(needed.map((n) => [2, n]));
  });
});

describe('what the planner sees', () => {
  const pods = new Map([
    ['v1', [pod('v1', 'p1', true), pod('v1', 'p2', false), pod('v1', 'p3', true)]],
    ['v9', [pod('v9', 'p9', true)]],
  ]);

  test('is what is there, by version', () => {
    const here = at({ deployments: deployments({ v1: 3 }), pods, publicService: doorTo('v2') });
    const seen = observedOf(here, runVersions({ spec: SPEC, leaving: [] }, here), TABLE, false);
    const address = (name: string) => ({ host: versionName('digits', name), http: 8082, grpc: 8083 });
    expect(seen).toEqual({
      versions: [
        { name: 'v1', exists: true, readyReplicas: 2, size: 3, address: address('v1') },
        { name: 'v2', exists: false, readyReplicas: 0, size: undefined, address: address('v2') },
      ],
      table: TABLE,
      inForce: false,
      door: 'v2',
      served: false,
    });
  });

  test('a Deployment that does not say its size has one replica', () => {
    const here = at({ deployments: new Map([['v1', deployment('v1', 1, { spec: {} })]]) });
    expect(observedOf(here, runVersions({ spec: SPEC, leaving: [] }, here), TABLE, true).versions[0]?.size).toBe(1);
  });

  test('the door is where the public Service leads', () => {
    expect(observedOf(at(), [], TABLE, true)).not.toHaveProperty('door');

    expect(doorOf(doorTo('v1'))).toBe('v1');
    expect([stored('Service', 'digits'), stored('Service', 'digits', { spec: {} })].map(doorOf)).toEqual([
      undefined,
      undefined,
    ]);
  });

  test.each([
    ['a status that tells of a split', { status: { traffic: 'v1:100' }, ready: false }, true],
    ['a ready pod of a version with a share, whatever the status says', { status: {}, ready: true }, true],
    ['neither', { status: {}, ready: false }, false],
  ])('says that it was served: %s', (_, { status, ready }, served) => {
    const pods = new Map([['v1', [pod('v1', 'p1', ready)]]]);
    const here = gathered({ md: model(SPEC, { status }), pods, table: TABLE });
    expect(observedOf(here, [], TABLE, true).served).toBe(served);
  });

  const p = (ready: boolean, name: string) => pod('v1', name, ready);
  test.each<[string, number, ReturnType<typeof pod>[], Record<string, number>, number | undefined, boolean]>([
    ['the first: it was there before any pod', 1, [p(true, 'p1')], {}, undefined, true],
    ['all follow it', 7, [p(true, 'p1'), p(true, 'p2')], { p1: 7, p2: 8 }, undefined, true],
    ['one is behind', 7, [p(true, 'p1'), p(true, 'p2')], { p1: 7, p2: 6 }, 6, false],
    ['one can not be read: that is no word of it', 7, [p(true, 'p1'), p(true, 'p2')], { p1: 7 }, undefined, false],
    ['one that is not ready does not matter', 7, [p(true, 'p1'), p(false, 'p2')], { p1: 7, p2: 6 }, undefined, true],
    ['it was in force before: who comes later finds it there', 7, [p(true, 'p1')], {}, 7, true],
    ['one before it was in force', 7, [p(true, 'p1')], {}, 6, false],
    ['nobody is there to say so', 7, [], {}, undefined, false],
  ])('whether the table is in force: %s', (_, revision, list, revisions, before, inForce) => {
    const reported = new Map(Object.entries(revisions).map(([name, r]) => [`uid-Pod-${name}`, r]));
    expect(isInForce({ ...TABLE, revision }, at({ pods: new Map([['v1', list]]) }), reported, before)).toBe(inForce);
  });
});

describe('what is rendered', () => {
  const planOf = (more: Partial<Plan> = {}): Plan => ({
    run: [
      { name: 'v1', size: 2 },
      { name: 'v2', size: 1 },
    ],
    retire: [],
    waiting: [],
    memory: { lost: {} },
    ...more,
  });
  const LATER: Moment = { waited: 5_000, served: false };
  const rendered = (plan: Plan, more: Partial<Gathered> = {}, moment = LATER, last = TABLE) => {
    const here = at(more);
    return renderPlanOf(plan, here, runVersions({ spec: SPEC, leaving: [V0] }, here), last, moment);
  };

  test('is what the plan runs, at its sizes, with the table that counts', () => {
    const { versions, table: same } = rendered(planOf({ run: [{ name: 'v2', size: 4 }] }));
    expect(versions.map(({ name, replicas, reachable }) => [name, replicas, reachable])).toEqual([['v2', 4, true]]);
    expect(same).toBe(TABLE);
    const next = table({ v1: 50, v2: 50 });
    expect(rendered(planOf({ table: next })).table).toBe(next);
  });

  test.each<[string, Partial<Plan>, string | undefined, Moment, string]>([
    ['where the plan puts it', { entry: 'v2' }, 'v1', LATER, 'v2'],
    ['where it is, while nobody can stand there', {}, 'v2', LATER, 'v2'],
    ['at the primary, where there is none yet', {}, undefined, LATER, 'v1'],
    ['at the primary of the new table', { table: table({ v1: 10, v2: 90 }) }, undefined, LATER, 'v2'],
    ['at the primary, where it leads to what is gone', {}, 'v0', LATER, 'v1'],
    ['at what runs, where not even the primary does', { run: [{ name: 'v2', size: 1 }] }, 'v0', LATER, 'v2'],
    [
      'at the primary in the first moments, though another is ready',
      { entry: 'v2' },
      undefined,
      { waited: 4_999, served: false },
      'v1',
    ],
    ['at who is ready, where it has served before', { entry: 'v2' }, undefined, { waited: 0, served: true }, 'v2'],
    ['not at what does not run', { entry: 'v9' }, 'v1', LATER, 'v1'],
  ])('the door is %s', (_, more, door, moment, expected) => {
    const service = door === undefined ? {} : { publicService: doorTo(door) };
    expect(rendered(planOf(more), service, moment).door).toBe(expected);
  });

  test('a plan that runs nothing is a mistake', () => {
    expect(() => rendered(planOf({ run: [] }))).toThrow('digits');
  });
});

describe('the memory of a planner that starts in the middle', () => {
  const versions = runVersions({ spec: SPEC, leaving: [V0] }, at({ deployments: deployments({ v0: 1 }) }));
  const service = (name: string) => stored('Service', versionName('digits', name), {}, name);
  const there = deployments({ v0: 1, v1: 1 });
  const here = at({ lost: ['v0', 'v1', 'gone'], deployments: there, owned: [service('v0'), service('v1')] });

  test('at rest: only what is leaving is given its time again', () => {
    expect(restoredMemory(here, versions, true)).toEqual({ lost: { v0: {} } });
  });

  test('in a move: all that lost traffic is', () => {
    expect(restoredMemory(here, versions, false)).toEqual({ lost: { v0: {}, v1: {} } });
  });

  test('what is being removed goes on going: it would be made again', () => {
    const going = { ...here, owned: [service('v1')] };
    expect(restoredMemory(going, versions, false)).toEqual({ lost: { v1: {} } });
    const serving = { ...going, table: table({ v0: 50, v1: 50 }) };
    expect(restoredMemory(serving, versions, false)).toEqual({ lost: { v0: {}, v1: {} } });
  });
});
