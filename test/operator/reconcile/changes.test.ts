import { describe, expect, test } from 'vitest';
import type { StoredObject } from '../../../operator/kube/object.ts';
import { APPLIED_ANNOTATION, changesOf, type Wanted, wantedObjects } from '../../../operator/reconcile/changes.ts';
import type { StoredDeployment } from '../../../operator/reconcile/stored.ts';
import type { KubeObject } from '../../../operator/render/objects.ts';
import { deployment, gathered, model, OWNER, spec, stored } from './build.ts';

const md = model(spec([{ name: 'v1' }]));
const service = (more: Record<string, unknown> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'digits', namespace: 'models', ownerReferences: [{ ...OWNER, blockOwnerDeletion: true } as never] },
  spec: { type: 'ClusterIP', ...more },
});

/** As the API server would store it. */
function storedFrom({ object }: Wanted, more: Record<string, unknown> = {}): StoredObject {
  const base = stored(object.kind, object.metadata.name);
  return { ...object, ...more, metadata: { ...base.metadata, ...object.metadata } } as StoredObject;
}

const one = (object: KubeObject): Wanted => wantedObjects([object])[0] as Wanted;
const changes = (wanted: Wanted[], owned: StoredObject[], settled = new Map()) =>
  changesOf(wanted, [], gathered({ md, owned }), settled);

describe('what is applied', () => {
  test('nothing that is there as it was applied', () => {
    const wanted = one(service());
    expect(changes([wanted], [storedFrom(wanted, { spec: { type: 'ClusterIP', clusterIP: '10.0.0.1' } })])).toEqual({
      applies: [],
      scales: [],
      prunes: [],
      taken: [],
    });
  });

  test.each<[string, (wanted: Wanted) => StoredObject[], string]>([
    ['what is missing', () => [], 'missing'],
    ['what was applied otherwise', () => [storedFrom(one(service({ extra: 1 })))], 'changed'],
    [
      'what a hand has changed',
      (wanted) => [storedFrom(wanted, { spec: { type: 'NodePort' } })],
      'differs at spec.type',
    ],
  ])('%s', (_, owned, why) => {
    const wanted = one(service());
    expect(changes([wanted], owned(wanted)).applies.map((a) => a.why)).toEqual([why]);
  });

  test('not again what a webhook always writes into, until something changes', () => {
    const wanted = one(service());
    const there = storedFrom(wanted, { spec: { type: 'NodePort' } });
    const settled = new Map([
      [wanted.id, { hash: wanted.hash, resourceVersion: there.metadata.resourceVersion, generation: undefined }],
    ]);
    expect(changes([wanted], [there], settled).applies).toEqual([]);
    const moved = { ...there, metadata: { ...there.metadata, resourceVersion: '999' } };
    expect(changes([wanted], [moved], settled).applies).toHaveLength(1);
  });

  test('nothing upon what is being deleted', () => {
    const wanted = one(service());
    const there = storedFrom(wanted, { spec: { type: 'NodePort' } });
    there.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    expect(changes([wanted], [there]).applies).toEqual([]);
  });

  test("nothing upon somebody else's, which is said", () => {
    const wanted = one(service());
    const there = storedFrom(wanted);
    there.metadata.ownerReferences = [{ ...OWNER, uid: 'another' }];
    const found = changes([wanted], [there]);
    expect(found.applies).toEqual([]);
    expect(found.taken).toEqual([there]);
    expect(found.prunes).toEqual([]);
  });
});

describe('what is deleted', () => {
  test('what is ours and not wanted', () => {
    const old = stored('HorizontalPodAutoscaler', 'digits-v1-aaaaaaaa', {}, 'v1');
    expect(changes([], [old]).prunes).toEqual([old]);
  });

  test('nothing of others, and nothing twice', () => {
    const foreign = stored('Service', 'digits-extra');
    foreign.metadata.ownerReferences = [];
    const ending = stored('Service', 'digits-old');
    ending.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    expect(changes([], [foreign, ending]).prunes).toEqual([]);
  });

  test("a claim's template stays while pods of the Deployment before may be made from it", () => {
    const template = stored('ResourceClaimTemplate', 'digits-v1-aaaaaaaa-bbbbbbbb', {}, 'v1');
    const user = deployment('v1', 2);
    const wanted = one({ apiVersion: user.apiVersion, kind: 'Deployment', metadata: user.metadata } as KubeObject);
    const prunes = (more: Partial<StoredDeployment>, applied = wanted.hash) => {
      const metadata = { ...user.metadata, annotations: { [APPLIED_ANNOTATION]: applied } };
      const there = { ...user, ...more, metadata };
      const owned = [template, there];
      return changesOf([wanted], [], gathered({ md, owned, deployments: new Map([['v1', there]]) }), new Map()).prunes;
    };
    expect(prunes({})).toEqual([template]);
    expect(prunes({ status: { observedGeneration: 1, replicas: 3, updatedReplicas: 1 } })).toEqual([]);
    // Its update begins with this very pass.
    expect(prunes({}, 'another')).toEqual([]);
  });
});

describe('sizes', () => {
  const there = deployment('v1', 5);
  const scale = (replicas: number, mode: 'hold' | 'once') => ({
    object: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: there.metadata.name, namespace: 'models' },
      spec: { replicas },
    },
    mode,
  });
  const scales = (of: ReturnType<typeof scale>, owned: StoredObject[]) =>
    changesOf([], [of], gathered({ md, owned }), new Map()).scales;

  test.each<[string, ReturnType<typeof scale>, StoredObject[], number]>([
    ['a fixed size that is there', scale(5, 'hold'), [there], 0],
    ['a fixed size that is not', scale(3, 'hold'), [there], 1],
    ['a Deployment that an autoscaler moves is left alone', scale(2, 'once'), [there], 0],
    [
      'one that a hand brought to 0, where no autoscaler acts, is brought back',
      scale(2, 'once'),
      [deployment('v1', 0)],
      1,
    ],
    ['a Deployment that is yet to be made gets its first size', scale(2, 'once'), [], 1],
  ])('%s', (_, of, owned, count) => {
    expect(scales(of, owned)).toHaveLength(count);
  });
});
