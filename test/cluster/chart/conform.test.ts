/**
 * The chart under the values that people set, and what `modelship render` prints, before the judges that need no cluster:
 * helm's own, kube-score, and kubeconform with the schemas of the API server and of the CRDs.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { renderFiles } from '../../../cli/commands/render.ts';
import type { KubeObject } from '../../../operator/render/objects.ts';
import { monitoringCrds } from '../../chart/prometheus-operator.ts';
import { startApiServer } from '../../control-plane/start.ts';
import { gatewayCrds } from '../../gateway/build.ts';
import { CASES } from '../../operator/render/cases.ts';
import { crdReady } from '../harness/crd.ts';
import { eventually } from '../harness/eventually.ts';
import { CHART, documentsIn, helm, kubeconform, kubeScore, template } from './helm.ts';
import { writeSchemas } from './schemas.ts';
import { VALUE_SETS } from './value-sets.ts';

const ROOT = join(import.meta.dirname, '../../..');
const CRD_FILE = join(ROOT, 'crds/modelship.dev_modeldeployments.yaml');

const OF_CRDS = [
  'modelship.dev/v1alpha1/ModelDeployment',
  ...['PodMonitor', 'ServiceMonitor', 'PrometheusRule'].map((kind) => `monitoring.coreos.com/v1/${kind}`),
  ...['HTTPRoute', 'GRPCRoute'].map((kind) => `gateway.networking.k8s.io/v1/${kind}`),
];

/** Tests of kube-score that are not made, and why. One more is left out by an annotation, for the pod of `helm test`. */
const IGNORED: Record<string, string> = {
  'container-image-pull-policy':
    'asks for Always: a tag of ours is never moved, and a node that has it needs no registry',
};

let schemas: string;
beforeAll(async () => {
  schemas = await mkdtemp(join(tmpdir(), 'modelship-schemas-'));
  const crds = [
    parse(await readFile(CRD_FILE, 'utf8')),
    ...(await monitoringCrds('podmonitors', 'servicemonitors', 'prometheusrules')),
    ...(await gatewayCrds()),
  ];
  await using server = await startApiServer();
  const access = { url: server.url, token: server.token, ca: await readFile(server.caPath, 'utf8') };
  await Promise.all(crds.map((crd) => crdReady(access, crd as Parameters<typeof crdReady>[1])));
  await eventually('all kinds are told of', async () => {
    const written = await writeSchemas(access, schemas);
    expect(OF_CRDS.filter((kind) => !written.has(kind))).toEqual([]);
    return written.size > OF_CRDS.length;
  });
  // The first build of helm.
  expect((await helm(['version'])).code).toBe(0);
}, 300_000);
afterAll(() => rm(schemas, { recursive: true, force: true }));

/** What kubeconform says beside its summary. @throws when it did not judge all of them */
async function findings(objects: readonly KubeObject[]): Promise<string[]> {
  const { out } = await kubeconform(objects, schemas);
  const lines = out.split('\n').filter((line) => line !== '');
  const summary = lines.pop() ?? '';
  expect(summary).toContain(`Summary: ${objects.length} resources found`);
  expect(summary).toContain('Skipped: 0');
  return lines;
}

describe.each(Object.entries(VALUE_SETS))('the chart with %s', (_, values) => {
  it('passes helm lint --strict and kubeconform', async () => {
    const linted = await helm(['lint', '--strict', CHART, ...values.flatMap((value) => ['--set', value])]);
    expect(linted.code, linted.out).toBe(0);
    expect(await findings(await template('any', ...values))).toEqual([]);
  });
});

describe('kube-score finds nothing', () => {
  const judged = ['the defaults', 'all that can be switched on', 'one namespace, that of another'] as const;
  it.each(judged)('in the chart with %s', async (name) => {
    const objects = await template('any', ...(VALUE_SETS[name] ?? []), 'networkPolicy.enabled=true');
    // It knows no CustomResourceDefinitions.
    const known = objects.filter(({ kind }) => kind !== 'CustomResourceDefinition');
    const { code, out } = await kubeScore(known, Object.keys(IGNORED));
    expect(out.split('\n').filter((line) => line !== '' && !/^\[(OK|SKIPPED)\]/.test(line))).toEqual([]);
    expect(code, out).toBe(0);
  });
});

describe('what modelship render prints passes kubeconform:', () => {
  const files = ['examples/penguins/modeldeployment.yaml', ...Object.values(CASES).map(({ manifest }) => manifest)];
  it.each([...new Set(files)])('%s', async (file) => {
    const printed: string[] = [];
    const io = {
      read: (name: string) => readFileSync(join(ROOT, name), 'utf8'),
      out: (text: string) => void printed.push(text),
      err: () => {}, // warnings
    };
    expect(renderFiles([file], { image: 'modelship-runtime:1', output: 'yaml' }, io)).toBe(0);
    const objects = documentsIn(printed.join(''));
    expect(objects.length).toBeGreaterThan(3);
    expect(await findings(objects)).toEqual([]);
  });

  it('the ModelDeployments themselves', async () => {
    const texts = await Promise.all(files.map((file) => readFile(join(ROOT, file), 'utf8')));
    expect(await findings(texts.flatMap(documentsIn))).toEqual([]);
  });
});

describe('kubeconform finds', () => {
  const meta = { name: 'x', namespace: 'x' };
  const model = { versions: [{ name: 'v1', model: { uri: 's3://m/1.onnx' } }] };
  const cases: Record<string, [KubeObject, RegExp]> = {
    'a misspelt field of ours': [
      { apiVersion: 'modelship.dev/v1alpha1', kind: 'ModelDeployment', metadata: meta, spec: { ...model, servng: {} } },
      /additional propert.*'servng' not allowed/i,
    ],
    'a misspelt field deep within a Deployment': [
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: meta,
        spec: {
          selector: { matchLabels: { a: 'b' } },
          template: {
            metadata: { labels: { a: 'b' } },
            spec: { containers: [{ name: 'a', imagePulPolicy: 'Never' }] },
          },
        },
      },
      /'imagePulPolicy' not allowed/,
    ],
    'a misspelt field of a ServiceMonitor': [
      {
        apiVersion: 'monitoring.coreos.com/v1',
        kind: 'ServiceMonitor',
        metadata: meta,
        spec: { selector: {}, endpoints: [{ prt: 'http' }] },
      },
      /'prt' not allowed/,
    ],
    'a value of another type': [
      { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: meta, spec: { maxUnavailable: true } },
      /maxUnavailable/,
    ],
    'a kind that is not served': [
      { apiVersion: 'extensions/v1beta1', kind: 'Ingress', metadata: meta },
      /could not find schema for Ingress/,
    ],
  };
  it.each(Object.entries(cases))('%s', async (_, [object, words]) => {
    const { code, out } = await kubeconform([object], schemas);
    expect(out).toMatch(words);
    expect(code).toBe(1);
  });
});
