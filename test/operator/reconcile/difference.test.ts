import { describe, expect, test } from 'vitest';
import { firstDifference } from '../../../operator/reconcile/difference.ts';

describe('what is stored holds what is wanted', () => {
  test.each<[string, unknown, unknown]>([
    ['the same', { spec: { a: 1 } }, { spec: { a: 1 } }],
    ['with fields of others', { spec: { a: 1 } }, { spec: { a: 1, replicas: 5 }, status: {} }],
    ['an empty text, list and false are left out by the API server', { a: '', b: [], c: false, d: 0 }, {}],
    [
      'a quantity in other words',
      { requests: { cpu: '1.5', memory: 1024 } },
      { requests: { cpu: '1500m', memory: '1024' } },
    ],
    [
      'a sidecar that was injected before ours',
      { containers: [{ name: 'runtime', image: 'r' }] },
      {
        containers: [
          { name: 'proxy', image: 'p' },
          { name: 'runtime', image: 'r', imagePullPolicy: 'Always' },
        ],
      },
    ],
    [
      'environment and volumes of others',
      { env: [{ name: 'A', value: '1' }], volumeMounts: [{ mountPath: '/tmp', name: 't' }] },
      {
        env: [
          { name: 'B', value: '2' },
          { name: 'A', value: '1' },
        ],
        volumeMounts: [
          { mountPath: '/var', name: 'v' },
          { mountPath: '/tmp', name: 't' },
        ],
      },
    ],
  ])('%s', (_, wanted, there) => {
    expect(firstDifference(wanted, there)).toBeUndefined();
  });
});

describe('what is stored differs', () => {
  test.each<[string, unknown, unknown, string]>([
    ['a changed value', { spec: { a: 1 } }, { spec: { a: 2 } }, 'spec.a'],
    ['a removed field', { spec: { a: { b: 'x' } } }, { spec: {} }, 'spec.a'],
    ['a quantity that is another', { cpu: '1' }, { cpu: '2' }, 'cpu'],
    ['a version that looks like a quantity', { v: '1' }, { v: '1.0.0' }, 'v'],
    ['true turned off', { a: true }, {}, 'a'],
    ['false turned on', { a: false }, { a: true }, 'a'],
    ['a container that is gone', { containers: [{ name: 'runtime' }] }, { containers: [] }, 'containers[runtime]'],
    [
      'an argument of a container',
      { containers: [{ name: 'runtime', args: ['--a', '1'] }] },
      { containers: [{ name: 'runtime', args: ['--a', '2'] }] },
      'containers[runtime].args[1]',
    ],
    [
      'a list that counts as a whole, with one more',
      { tolerations: [{ key: 'a' }] },
      { tolerations: [{ key: 'a' }, { key: 'b' }] },
      'tolerations',
    ],
    ['ports without names count as a whole', { ports: [{ port: 1 }] }, { ports: [{ port: 1 }, { port: 2 }] }, 'ports'],
    ['a term more in a selector', { selector: { a: '1' } }, { selector: { a: '1', b: '2' } }, 'selector.b'],
    ['a text in place of an object', { a: { b: 1 } }, { a: 'b' }, 'a'],
  ])('%s', (_, wanted, there, path) => {
    expect(firstDifference(wanted, there)).toBe(path);
  });
});
