/** How pods are placed and replaced, in tables. */
import { describe, expect, it } from 'vitest';
import type { Serving } from '../../../api/serving.ts';
import { strategyOf } from '../../../operator/render/deployment.ts';
import { gpuNeeds, seesNvidia } from '../../../operator/render/gpu.ts';
import type { PlannedVersion } from '../../../operator/render/input.ts';
import type { KubeObject } from '../../../operator/render/objects.ts';
import { graceSeconds, withRequirements } from '../../../operator/render/pod.ts';
import { OPTIONS, parse, renderOne } from './cases.ts';

function planned(serving: Serving, more: Partial<PlannedVersion> = {}): PlannedVersion {
  return { name: 'v1', model: { uri: 's3://b/1.onnx' }, serving, replicas: 1, reachable: true, ...more };
}

describe('how pods are replaced', () => {
  const GPU: Serving = { gpu: { count: 1 } };
  const table: [string, PlannedVersion, number | string, number][] = [
    ['no GPU: new ones come first', planned({}, { replicas: 8 }), '25%', 0],
    ['a time-sliced share: the same', planned({ gpu: { shared: true } }), '25%', 0],
    ['one on a GPU: the new one first, or it would be an outage', planned(GPU), 1, 0],
    ['one on a GPU and no room seen: it makes room', planned(GPU, { room: 'none' }), 0, 1],
    ['two on GPUs: one at a time makes room', planned(GPU, { replicas: 2 }), 0, 1],
    ['two on GPUs and room seen: new ones come first', planned(GPU, { replicas: 2, room: 'free' }), 1, 0],
    ['a MIG slice is a GPU of its own', planned({ gpu: { mig: '1g.10gb' } }, { replicas: 2 }), 0, 1],
    ['a claimed device too', planned({ gpu: { claim: { deviceClass: 'd' } } }, { replicas: 2 }), 0, 1],
    ['no room matters to a version without GPU', planned({}, { room: 'none' }), '25%', 0],
  ];
  it.each(table)('%s', (_, version, maxSurge, maxUnavailable) => {
    expect(strategyOf(version)).toEqual({ type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } });
  });
});

describe('Secrets that the runtime image is pulled with', () => {
  const registry = [{ name: 'registry' }];
  const table: [string, string, { name: string }[] | undefined, unknown][] = [
    ['none: those of the ServiceAccount', '', undefined, undefined],
    ["the installation's", '', registry, registry],
    ["the ModelDeployment's in their place", 'pod: {imagePullSecrets: [{name: own}]}', registry, [{ name: 'own' }]],
    ['none, where it says so', 'pod: {imagePullSecrets: []}', registry, []],
  ];
  it.each(table)('%s', (_, serving, imagePullSecrets, expected) => {
    const [md] = parse(`
apiVersion: modelship.dev/v1alpha1
kind: ModelDeployment
metadata: {name: digits}
spec:
  versions: [{name: v1, model: {uri: "s3://models/1.onnx"}}]
  serving: {${serving}}`);
    if (!md) throw new Error('no ModelDeployment');
    const found = renderOne(md, { imagePullSecrets }).objects.find(({ kind }) => kind === 'Deployment');
    const { template } = (found as KubeObject).spec as { template: { spec: { imagePullSecrets?: unknown } } };
    expect(template.spec.imagePullSecrets).toEqual(expected);
  });
});

describe('least memory of a GPU, in whole MiB, more than', () => {
  const table: [string, string | number, string][] = [
    ['a whole number of MiB is met by itself', '40Gi', '40959'],
    ['a fraction is rounded up', '1.5Mi', '1'],
    ['decimal gigabytes, between two MiB', '80G', '76293'],
    ['a byte more than 1 GiB needs one MiB more', 2 ** 30 + 1, '1024'],
    ['one byte is met by any GPU', 1, '0'],
  ];
  it.each(table)('%s', (_, minMemory, value) => {
    expect(gpuNeeds({ count: 1, minMemory }).requirements).toContainEqual({
      key: 'nvidia.com/gpu.memory',
      operator: 'Gt',
      values: [value],
    });
  });
});

describe('which pods see NVIDIA devices', () => {
  const table: [string, Serving, boolean][] = [
    ['one that asks for nothing does not', {}, false],
    ['one of another vendor does not', { gpu: { count: 1, resource: 'amd.com/gpu' } }, false],
    ['a whole GPU', { gpu: { count: 1 } }, true],
    ['a slice', { gpu: { mig: '1g.10gb' } }, true],
    ['a claim, whatever its class is called', { gpu: { claim: { deviceClass: 'ours' } } }, true],
    ['one that asks by its limits', { resources: { limits: { 'nvidia.com/gpu': 1 } } }, true],
  ];
  it.each(table)('%s', (_, serving, expected) => {
    expect(seesNvidia(serving)).toBe(expected);
  });
});

describe('what a node must have', () => {
  const KEY = 'requiredDuringSchedulingIgnoredDuringExecution';
  const ours = { key: 'gpu', operator: 'Exists' } as const;
  const zone = { key: 'zone', operator: 'In', values: ['a'] };
  const required = (...nodeSelectorTerms: object[]): Record<string, unknown> => ({
    nodeAffinity: { [KEY]: { nodeSelectorTerms } },
  });
  const table: [string, Record<string, unknown> | undefined, Record<string, unknown>][] = [
    ['alone', undefined, required({ matchExpressions: [ours] })],
    ['beside a preference', { podAffinity: {} }, { podAffinity: {}, ...required({ matchExpressions: [ours] }) }],
    [
      'in each alternative',
      required({ matchExpressions: [zone] }, { matchFields: [zone] }),
      required({ matchExpressions: [zone, ours] }, { matchFields: [zone], matchExpressions: [ours] }),
    ],
    ['not in one that matches nothing', required({}), required({})],
  ];
  it.each(table)('%s', (_, affinity, expected) => {
    expect(withRequirements(affinity, [ours])).toEqual(expected);
  });
});

describe('grace after SIGTERM, seconds: drain, longest request, margin', () => {
  it('with the defaults', () => expect(graceSeconds(planned({}), OPTIONS)).toBe(15 + 30 + 15));
  it('rounded up', () =>
    expect(graceSeconds(planned({ limits: { timeout: '1500ms' } }), { ...OPTIONS, drainSeconds: 5 })).toBe(5 + 2 + 15));
});
