import { describe, expect, it } from 'vitest';
import type { StoredObject } from '../../../operator/kube/object.ts';
import { labels } from '../../../operator/render/labels.ts';
import { DeletionWatch } from '../../faults/deletions.ts';

let revision = 0;

function object(name: string, more: Partial<StoredObject> = {}, version?: string): StoredObject {
  const metadata = {
    name,
    uid: name,
    resourceVersion: `${++revision}`,
    creationTimestamp: '',
    labels: labels('digits', version),
    ...more.metadata,
  };
  return { apiVersion: 'v1', kind: 'Any', ...more, metadata };
}

const versions = (...names: string[]) => names.map((name) => ({ name, model: { uri: `s3://m/${name}` } }));
const spec = (serving: object, ...names: string[]) => ({ versions: versions(...names), serving });

function said(specs: object[], resource: string, name: string, version?: string): string[] {
  const watch = new DeletionWatch();
  for (const one of specs) watch.spec({ type: 'MODIFIED', object: object('digits', { spec: one }) });
  watch.object(resource, { type: 'DELETED', object: object(name, {}, version) });
  return watch.violations();
}

const two = spec({ replicas: 2 }, 'v1', 'v2');

describe('what may be deleted', () => {
  it.each([
    ['a Deployment of a version that is listed', [two], 'deployments', 'v1', 'although the spec listed v1'],
    ['a Deployment of a version that was dropped', [two, spec({}, 'v2')], 'deployments', 'v1', undefined],
    [
      'the same once the version is back',
      [two, spec({}, 'v2'), two],
      'deployments',
      'v1',
      'although the spec listed v1',
    ],
    ['the public Service', [two], 'services', undefined, 'although its ModelDeployment was there'],
    [
      'an autoscaler while one is asked for',
      [spec({ autoscaling: { min: 1, max: 2 } }, 'v1')],
      'horizontalpodautoscalers',
      'v1',
      'although',
    ],
    ['an autoscaler after that', [two], 'horizontalpodautoscalers', 'v1', undefined],
    ['a budget of two replicas', [two], 'poddisruptionbudgets', 'v1', 'although'],
    ['a budget of one replica', [spec({ replicas: 1 }, 'v1')], 'poddisruptionbudgets', 'v1', undefined],
  ] as const)('%s', (_what, specs, resource, version, why) => {
    const violations = said([...specs], resource, 'digits-x', version);
    expect(violations).toEqual(why === undefined ? [] : [expect.stringContaining(why)]);
  });

  it('anything, once the ModelDeployment is being deleted', () => {
    const watch = new DeletionWatch();
    watch.spec({ type: 'ADDED', object: object('digits', { spec: two }) });
    watch.spec({ type: 'DELETED', object: object('digits', { spec: two }) });
    watch.object('deployments', { type: 'DELETED', object: object('digits-v1', {}, 'v1') });
    expect(watch.violations()).toEqual([]);
    expect(watch.deletions).toHaveLength(1);
  });

  it('by the order in which it happened, not in which it was told', () => {
    const watch = new DeletionWatch();
    watch.spec({ type: 'ADDED', object: object('digits', { spec: two }) });
    const deleted = object('digits-v1', {}, 'v1');
    watch.spec({ type: 'MODIFIED', object: object('digits', { spec: spec({}, 'v2') }) });
    watch.object('deployments', { type: 'DELETED', object: deleted });
    expect(watch.violations()).toHaveLength(1);
  });
});
