/** What golden files cannot say: refusals, laws over many inputs, and what must not change when traffic moves. */

import { describe, expect, it } from 'vitest';
import type { ModelDeployment } from '../../../api/model-deployment.ts';
import { trafficTable } from '../../../api/traffic-table.ts';
import { firstPlan } from '../../../operator/render/first-plan.ts';
import type { PlannedVersion, RenderOptions, RenderPlan } from '../../../operator/render/input.ts';
import { locate, publicUri } from '../../../operator/render/model-uri.ts';
import { versionName } from '../../../operator/render/names.ts';
import { canonical, type KubeObject } from '../../../operator/render/objects.ts';
import { render } from '../../../operator/render/render.ts';
import { asYaml } from '../../../operator/render/text.ts';
import fc from '../../properties.ts';
import { OPTIONS, parse, renderOne } from './cases.ts';

const text = (versions: string, more = ''): string => `
apiVersion: modelship.dev/v1alpha1
kind: ModelDeployment
metadata: {name: digits}
spec:
  versions: [${versions}]
${more}`;

function one(versions: string, more = ''): ModelDeployment {
  return parse(text(versions, more))[0] as ModelDeployment;
}

const V1 = '{name: v1, model: {uri: pvc://models/1.onnx}, traffic: 90}';
const V2 = '{name: v2, model: {uri: pvc://models/2.onnx}, traffic: 10}';

function planned(more: Partial<PlannedVersion> = {}): PlannedVersion {
  const model = { uri: 'pvc://models/1.onnx' };
  return { name: 'v1', model, serving: {}, replicas: 1, reachable: true, ...more };
}

function reasons(md: ModelDeployment, options: Partial<RenderOptions> = {}): string[] {
  const rendered = render(md, firstPlan(md), { ...OPTIONS, ...options });
  return (rendered.ok ? rendered.warnings : rendered.problems).map(({ severity, reason, path }) =>
    [severity, reason, path].join(' '),
  );
}

function find(objects: readonly KubeObject[], kind: string, version?: string): KubeObject[] {
  return objects.filter(
    (o) => o.kind === kind && (!version || o.metadata.labels?.['modelship.dev/version'] === version),
  );
}

describe('what is refused', () => {
  const only = (uri: string): string => `{name: v1, model: {uri: "${uri}"}}`;
  const gpu = (stated: string): string => `{name: v1, model: {uri: pvc://m/1.onnx}, serving: {gpu: ${stated}}}`;
  const LOCAL = ['error LocalModel spec.versions[v1].model.uri'];
  const table: [string, string, Partial<RenderOptions>, string[]][] = [
    ['a relative path', only('models/1.onnx'), {}, LOCAL],
    ['an absolute path', only('/models/1.onnx'), {}, LOCAL],
    ['a file URI', only('file:///models/1.onnx'), {}, LOCAL],
    ...['golden.json', 'file:///golden.json'].map((uri): [string, string, Partial<RenderOptions>, string[]] => [
      `golden requests on a laptop: ${uri}`,
      `{name: v1, model: {uri: pvc://m/1.onnx}, golden: {uri: "${uri}"}}`,
      {},
      ['error LocalModel spec.versions[v1].golden.uri'],
    ]),
    ['no remote URI', only('s3://bucket/1.onnx'), {}, []],
    [
      'a claim where it is not served',
      gpu('{claim: {deviceClass: gpu.nvidia.com}}'),
      { servedApis: new Set(['apps/v1']) },
      ['error ClaimNotServed spec.versions[v1].serving.gpu.claim'],
    ],
    [
      'no claim where it is served',
      gpu('{claim: {deviceClass: gpu.nvidia.com}}'),
      { servedApis: new Set(['resource.k8s.io/v1']) },
      [],
    ],
    [
      'memory and product of a vendor whose labels are not known',
      gpu('{count: 1, resource: example.com/npu, products: [N1], minMemory: 8Gi}'),
      {},
      [
        'error GpuLabelUnknown spec.versions[v1].serving.gpu.products',
        'error GpuLabelUnknown spec.versions[v1].serving.gpu.minMemory',
      ],
    ],
    [
      'only with a warning: scaling on what is not requested',
      '{name: v1, model: {uri: pvc://m/1.onnx}, serving: {autoscaling: {min: 1, max: 2}}}',
      {},
      ['warning NothingRequested spec.versions[v1].serving.resources.requests.cpu'],
    ],
  ];
  it.each(table)('%s', (_, versions, options, expected) => {
    expect(reasons(one(versions), options)).toEqual(expected);
  });

  it('a path that leaves its volume, whatever let it through', () => {
    for (const uri of ['pvc://models/../../etc/passwd', 'pvc://../etc', 'pvc://models/a/../..', 'pvc://models'])
      expect(locate(planned({ model: { uri } }))).toMatchObject({ reason: 'InvalidModelUri' });
    for (const uri of ['configmap://a/../../etc/passwd', 'configmap://../etc', 'configmap://a', 'pvc://models/..'])
      expect(locate(planned({ golden: { uri } }))).toMatchObject({ reason: 'InvalidModelUri' });
  });

  it('a plan whose door is not one of its versions, as a mistake of the caller', () => {
    const md = one(only('s3://bucket/1.onnx'));
    expect(() => render(md, { ...firstPlan(md), door: 'v9' }, OPTIONS)).toThrow(RangeError);
  });

  it('with no objects at all, also for the versions that are right', () => {
    const md = one(`${V1}, {name: v2, model: {uri: ./2.onnx}, traffic: 10}`);
    expect(render(md, firstPlan(md), OPTIONS)).toEqual({ ok: false, problems: [expect.anything()] });
  });
});

describe('what moves with traffic', () => {
  const md = one(`${V1}, ${V2}`);
  const plan = firstPlan(md);
  const before = renderOne(md).objects;

  function changed(change: Partial<RenderPlan>): string[] {
    const rendered = render(md, { ...plan, ...change }, OPTIONS);
    if (!rendered.ok) throw new Error('refused');
    return rendered.objects
      .filter((object, i) => JSON.stringify(object) !== JSON.stringify(before[i]))
      .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  }

  it('a share changes the table alone', () => {
    expect(changed({ table: { ...plan.table, revision: 2 } })).toEqual(['ConfigMap digits-traffic']);
  });

  it('the door changes the public Service alone', () => {
    expect(changed({ door: 'v2' })).toEqual(['Service digits']);
  });

  it('a size changes no object, but what is applied beside them', () => {
    const versions = plan.versions.map((v) => (v.name === 'v1' ? { ...v, replicas: 0 } : v));
    expect(changed({ versions })).toEqual([]);
    const rendered = render(md, { ...plan, versions }, OPTIONS);
    expect(rendered.ok && rendered.scales).toEqual([
      { mode: 'hold', object: expect.objectContaining({ spec: { replicas: 0 } }) },
      { mode: 'hold', object: expect.objectContaining({ spec: { replicas: 1 } }) },
    ]);
    expect(JSON.stringify(find(before, 'Deployment'))).not.toContain('"replicas"');
  });

  it('an unreachable version has no address', () => {
    const versions = plan.versions.map((v) => ({ ...v, reachable: v.name === 'v1' }));
    const rendered = render(md, { ...plan, versions }, OPTIONS);
    if (!rendered.ok) throw new Error('refused');
    const data = rendered.objects[0]?.data as Record<string, string>;
    const table = trafficTable.parse(JSON.parse(data['traffic.json'] as string));
    expect(table.versions.map(({ address }) => address?.host)).toEqual([versionName('digits', 'v1'), undefined]);
  });
});

describe('autoscaling', () => {
  const scaling = 'serving: {resources: {requests: {cpu: 1}}, autoscaling: {min: 2, max: 4}}';
  const md = one(`{name: v1, model: {uri: pvc://m/1.onnx}, ${scaling}}`);
  const at = (replicas: number): ReturnType<typeof render> => {
    const plan = firstPlan(md);
    return render(md, { ...plan, versions: plan.versions.map((v) => ({ ...v, replicas })) }, OPTIONS);
  };
  const table: [string, number, object | undefined, string][] = [
    ['starts at its lower bound, which is set once', 2, { minReplicas: 2, maxReplicas: 4 }, 'once'],
    ['is lifted to what its share needs', 3, { minReplicas: 3, maxReplicas: 4 }, 'once'],
    ['is lifted above its upper bound when the share needs that', 9, { minReplicas: 9, maxReplicas: 9 }, 'once'],
    ['leaves a version at 0 alone', 0, undefined, 'hold'],
  ];
  it.each(table)('%s', (_, replicas, spec, mode) => {
    const rendered = at(replicas);
    if (!rendered.ok) throw new Error('refused');
    const [hpa] = find(rendered.objects, 'HorizontalPodAutoscaler');
    expect(hpa?.spec).toEqual(spec && expect.objectContaining(spec));
    expect(rendered.scales[0]?.mode).toBe(mode);
  });
});

describe('names', () => {
  const label = (max: number): fc.Arbitrary<string> =>
    fc
      .stringMatching(/^[a-z]([-a-z0-9]*[a-z0-9])?$/, { size: 'medium' })
      .map((s) => s.slice(0, max).replace(/-+$/, ''));

  it('are DNS labels, whatever the names of model and version are', () => {
    fc.assert(
      fc.property(label(63), label(63), (model, version) => {
        const name = versionName(model, version);
        expect(name).toMatch(/^[a-z]([-a-z0-9]*[a-z0-9])?$/);
        expect(name.length).toBeLessThanOrEqual(63);
      }),
    );
  });

  it('keep model and version apart', () => {
    const pairs = [
      ['digits', 'v2-v1'],
      ['digits-v2', 'v1'],
    ] as const;
    expect(pairs.map(([model, version]) => versionName(model, version))).toEqual([
      'digits-v2-v1-1c34efa1',
      'digits-v2-v1-2a22ea22',
    ]);
  });
});

describe('text', () => {
  it('does not depend on the order in which maps were written', () => {
    expect(JSON.stringify(canonical({ b: { y: 1, x: undefined, a: [2, 1] }, metadata: 0, kind: 'K' }))).toBe(
      '{"kind":"K","metadata":0,"b":{"a":[2,1],"y":1}}',
    );
  });

  it('quotes what YAML 1.1 or 1.2 would take for another type', () => {
    const object = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'x' },
      data: { a: 'on', b: '0o7', c: '1_0' },
    };
    expect(asYaml([object])).toContain('data:\n  a: "on"\n  b: "0o7"\n  c: "1_0"\n');
  });

  it('shows no secret of a URI', () => {
    expect(publicUri('https://me:pw@host.example.com/a@b.onnx?sig=1#x')).toBe('https://host.example.com/a@b.onnx');
    expect(publicUri('pvc://claim/a.onnx')).toBe('pvc://claim/a.onnx');
  });
});
