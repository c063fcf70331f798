import { describe, expect, test } from 'vitest';
import type { StoredObject } from '../../../operator/kube/object.ts';
import type { Caches } from '../../../operator/reconcile/caches.ts';
import { gather, isThere } from '../../../operator/reconcile/gather.ts';
import { newMemory } from '../../../operator/reconcile/key-memory.ts';
import type { Pod } from '../../../operator/reconcile/pod.ts';
import { storedTable, withTableNotes } from '../../../operator/reconcile/traffic.ts';
import { labels } from '../../../operator/render/labels.ts';
import { versionName } from '../../../operator/render/names.ts';
import { deployment, model, pod, spec, stored, UID } from './build.ts';

const md = model(spec([{ name: 'v1', traffic: 100 }]));
const KEY = { namespace: 'models', name: 'digits', text: 'models/digits' };
const NOW = Date.UTC(2026, 0, 2);

const look = (owned: StoredObject[], pods: Pod[] = [], memory = newMemory(UID, 0)) => {
  const indexed = (objects: StoredObject[]) => ({ indexed: () => objects });
  const caches = {
    ownedBy: () => owned,
    revisions: indexed([]),
    pods: indexed(pods),
    slicesOf: () => undefined,
  } as unknown as Caches;
  return gather(caches, KEY, md, memory, NOW);
};

const table = {
  model: 'digits',
  revision: 7,
  primary: 'v1',
  versions: [{ name: 'v1', share: 10_000, ranges: [[0, 10_000]] as [number, number][], shadow: 0 }],
};

function configMap(text = JSON.stringify(table), lost: readonly string[] = []): StoredObject {
  const { metadata } = stored('ConfigMap', 'digits-traffic');
  const written = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'traffic.json': text } };
  return withTableNotes(written as never, lost) as unknown as StoredObject;
}

const edited = (text: string, of = configMap(undefined, ['v2'])): StoredObject => ({
  ...of,
  data: { 'traffic.json': text },
});

/** @param more of its metadata */
function podOf(more: Partial<Pod['metadata']> = {}): Pod {
  const one = pod('v1', 'one', true);
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${versionName('digits', 'v1')}-5f6`, uid: 'rs' };
  return { ...one, metadata: { ...one.metadata, ownerReferences: [{ ...owner, controller: true }], ...more } };
}

describe('pods that count', () => {
  test.each<[string, Partial<Pod['metadata']>, number]>([
    ['of a ReplicaSet of the version', {}, 1],
    ['not those made before the ModelDeployment was', { creationTimestamp: '2025-12-31T23:59:59Z' }, 0],
    ['not those that nobody controls', { ownerReferences: [] }, 0],
    ['not those with the labels of another version', { labels: labels('digits', 'v2') }, 0],
    ['not those without a version', { labels: labels('digits') }, 0],
  ])('%s', (_, more, count) => {
    expect([...look([], [podOf(more)]).pods.values()].flat()).toHaveLength(count);
  });
});

describe('a version is there', () => {
  test.each<[string, StoredObject[], Pod[], boolean]>([
    ['with its Deployment', [deployment('v1', 1)], [], true],
    ['with pods that the deletion of the Deployment has not reached', [], [podOf()], true],
    ['not with pods that are on their way out', [], [podOf({ deletionTimestamp: '2026-01-01T00:00:00Z' })], false],
    ['not without anything', [], [], false],
  ])('%s', (_, owned, pods, there) => {
    expect(isThere(look(owned, pods), 'v1')).toBe(there);
  });
});

describe('the traffic table', () => {
  const remembering = { ...newMemory(UID, 0), table, plan: { lost: { v3: {} } } };

  test('as it was applied', () => {
    expect(look([configMap()])).toMatchObject({ table, restored: false, lost: [] });
  });

  test.each<[string, StoredObject[], number, string[]]>([
    ['that a hand edited gets a newer revision', [edited(JSON.stringify({ ...table, revision: 9 }))], 10, ['v2']],
    ['that is nonsense is put back', [edited('{')], 7, ['v2']],
    ['that is gone is put back', [], 7, ['v3']],
  ])('%s; who lost traffic is not forgotten', (_, owned, revision, lost) => {
    const found = look(owned, [], remembering);
    expect(found).toMatchObject({ table: { ...table, revision }, restored: true, lost });
  });

  test('without a memory is what the status tells, newer than any counted revision', () => {
    const told = { ...md, status: { versions: [{ name: 'v1', traffic: 100 }] } } as unknown as typeof md;
    const indexed = { indexed: () => [] };
    const caches = {
      ownedBy: () => [edited('{')],
      revisions: indexed,
      pods: indexed,
      slicesOf: () => undefined,
    } as unknown as Caches;
    const found = gather(caches, KEY, told, newMemory(UID, 0), NOW);
    expect(found).toMatchObject({ table: { revision: NOW / 1_000 }, restored: true });
  });

  test('is none before the first', () => {
    expect(look([])).toMatchObject({ table: undefined, lost: [] });
    expect(storedTable(undefined)).toBeUndefined();
  });
});
