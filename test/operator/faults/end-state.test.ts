import { describe, expect, it } from 'vitest';
import type { StoredObject } from '../../../operator/kube/object.ts';
import { differences, normalised } from '../../faults/end-state.ts';
import { digestOf } from '../../faults/reports.ts';

const stored = (namespace: string, more: Record<string, unknown> = {}, metadata: object = {}): StoredObject => ({
  apiVersion: 'v1',
  kind: 'Any',
  metadata: { name: 'digits', namespace, uid: 'u', resourceVersion: '7', creationTimestamp: 'now', ...metadata },
  ...more,
});

describe('two ends of a history', () => {
  it('are equal where only what differs by nature differs', () => {
    const md = (namespace: string, generation: number, pod: string) =>
      stored(
        namespace,
        {
          spec: {},
          status: {
            observedGeneration: generation,
            conditions: [{ type: 'Ready', lastTransitionTime: pod, message: `pod digits-v1-0a1b2c3d-${pod} is ready` }],
            url: `http://digits.${namespace}.svc:8080`,
          },
        },
        { generation, uid: pod },
      );
    const one = normalised('modeldeployments', md('one', 4, '5d8f7c9b4-x2x4z'), 'one');
    const other = normalised('modeldeployments', md('other', 9, '7b6d5f4c8-k9l8m'), 'other');
    expect(differences(one, other)).toEqual([]);
  });

  it('differ in shares, not in the revision or the slots of a table', () => {
    const table = (revision: number, share: number, ranges: number[][]) =>
      stored('models', {
        data: {
          'traffic.json': JSON.stringify({
            model: 'digits',
            revision,
            primary: 'v1',
            versions: [{ name: 'v1', share, ranges }],
          }),
        },
      });
    const base = normalised('configmaps', table(1, 5_000, [[0, 5_000]]), 'models');
    expect(differences(normalised('configmaps', table(3, 5_000, [[5_000, 10_000]]), 'models'), base)).toEqual([]);
    expect(differences(normalised('configmaps', table(1, 6_000, [[0, 6_000]]), 'models'), base)).toEqual([
      'table.versions[0].share: 6000, not 5000',
    ]);
  });

  it("differ in a digest that is not the version's, not in whether the table has one", () => {
    const table = (digest?: string) => {
      const text = JSON.stringify({ model: 'digits', revision: 1, primary: 'v1', versions: [{ name: 'v1', digest }] });
      return normalised('configmaps', stored('models', { data: { 'traffic.json': text } }), 'models');
    };
    expect(differences(table(digestOf('v1')), table())).toEqual([]);
    expect(differences(table(digestOf('v2')), table())).toHaveLength(1);
  });

  it('differ when a status speaks of an older spec', () => {
    const md = (observedGeneration: number) => stored('models', { status: { observedGeneration } }, { generation: 2 });
    expect(
      differences(normalised('modeldeployments', md(1), 'models'), normalised('modeldeployments', md(2), 'models')),
    ).toEqual(['status.current: false, not true']);
  });

  it('differ when one has an object more', () => {
    expect(differences({ 'services/a': {} }, { 'services/b': {} })).toEqual([
      'services/a: {}, not null',
      'services/b: null, not {}',
    ]);
  });
});
