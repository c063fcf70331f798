/** What is rendered, put to a real API server by dry run, in namespaces of the restricted profile of Pod Security. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { canonical, type KubeObject } from '../../../operator/render/objects.ts';
import { canonicalQuantity } from '../../../operator/render/quantity.ts';
import { asYaml } from '../../../operator/render/text.ts';
import { CASES, GOLDEN_FOLDER, OF_CRDS } from '../../operator/render/cases.ts';
import { namespace, useCluster } from '../harness/cluster.ts';
import { podOf, RESTRICTED, surroundings, tryOut } from './surroundings.ts';

const access = useCluster();
let own: string;

beforeAll(async () => {
  own = await namespace(RESTRICTED);
  // The others are what golden files name.
  await surroundings(access, [own, 'models', 'fraud-team']);
});

/** The documents of a golden file, as they are written; `pod-monitor.test.ts` and `gateway.test.ts` try what is of CRDs. */
function documentsOf(name: string): { text: string; object: KubeObject }[] {
  return readFileSync(join(GOLDEN_FOLDER, `${name}.yaml`), 'utf8')
    .split(/^---\n/m)
    .map((text) => ({ text, object: parse(text) as KubeObject }))
    .filter(({ object }) => !OF_CRDS.includes(object.kind));
}

/** What is said against each, a line an object that is refused or warned of. */
async function objections(objects: readonly (readonly [KubeObject, KubeObject | string])[]): Promise<string[]> {
  const found: string[] = [];
  for (const [{ kind, metadata }, sent] of objects) {
    const { status, text, warning } = await tryOut(access, sent, own);
    if (status > 299 || warning) found.push(`${kind} ${metadata.name}: ${status} ${warning ?? text}`);
  }
  return found;
}

describe.each(Object.keys(CASES))('golden/%s.yaml', (name) => {
  const documents = documentsOf(name);

  it(`is accepted: ${documents.length} objects`, async () => {
    expect(await objections(documents.map(({ text, object }) => [object, text]))).toEqual([]);
  });

  it('makes pods that the restricted profile admits', async () => {
    const pods = documents.filter(({ object }) => object.kind === 'Deployment').map(({ object }) => podOf(object));
    expect(pods.length).toBeGreaterThan(0);
    expect(await objections(pods.map((pod) => [pod, pod]))).toEqual([]);
  });
});

describe('the judge', () => {
  const deployment = documentsOf('digits').find(({ object }) => object.kind === 'Deployment')?.object as KubeObject;

  it('refuses a pod without its security context', async () => {
    const pod = podOf(deployment);
    const { securityContext: _, ...spec } = pod.spec as Record<string, unknown>;
    const { status, text } = await tryOut(access, { ...pod, spec }, own);
    expect(status).toBe(403);
    expect(text).toContain('violates PodSecurity \\"restricted');
  });

  it('warns of a Deployment of such pods', async () => {
    const spec = deployment.spec as { template: { spec: { securityContext: unknown } } };
    const { securityContext: _, ...podSpec } = spec.template.spec;
    const weak = { ...deployment, spec: { ...spec, template: { ...spec.template, spec: podSpec } } };
    expect((await tryOut(access, weak, own)).warning).toContain('would violate PodSecurity');
  });

  it('refuses a field that does not exist', async () => {
    const spec = { ...(deployment.spec as object), replica: 1 };
    const { status, text } = await tryOut(access, { ...deployment, spec }, own);
    expect(status).toBeGreaterThan(299); // 500, of all statuses
    expect(text).toContain('field not declared in schema');
  });
});

const LOOK_LIKE_OTHERS = 'on|y|No|~|null|1e3|0x1f|0o17|017|1_000|12:30|.5|-|=|<<|2026-01-01|{a}|a: b|#x| a |é\n\n';

it('reads texts that look like something else as they were', async () => {
  const data = Object.fromEntries(LOOK_LIKE_OTHERS.split('|').map((value, i) => [`k${i}`, value]));
  const text = asYaml([{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'text' }, data }]);
  const answer = await tryOut(access, text, own);
  expect(JSON.parse(answer.text)).toMatchObject({ data });
});

describe('a quantity in canonical form', () => {
  const units = ['', 'k', 'M', 'G', 'T', 'Ki', 'Mi', 'Gi', 'Ti'];
  const amounts = '1 7 1000 1024 1536 0.5 1.5 1.1 0.001 12.345 1000000 1048576 3.000'.split(' ');
  const values = [...amounts.flatMap((amount) => units.map((unit) => amount + unit)), '100m', '1000m', '1500m'];
  const written = values.map(canonicalQuantity);

  async function stored(object: KubeObject): Promise<unknown> {
    const { status, text } = await tryOut(access, canonical(object), own);
    if (status > 299) throw new Error(text);
    return (JSON.parse(text) as { spec: unknown }).spec;
  }

  it(`comes back from an autoscaler as it is: ${values.length} of them`, async () => {
    const metrics = written.map((averageValue) => ({
      type: 'External',
      external: { metric: { name: 'm' }, target: { type: 'AverageValue', averageValue } },
    }));
    const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'quantities' };
    const spec = (await stored({
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'quantities' },
      spec: { scaleTargetRef, maxReplicas: 1, metrics },
    })) as { metrics: typeof metrics };
    expect(spec.metrics.map(({ external }) => external.target.averageValue)).toEqual(written);
  });

  it(`comes back from a container as it is: ${values.length} of them`, async () => {
    const containers = written.map((memory, i) => ({
      name: `c${i}`,
      image: 'i',
      resources: { requests: { memory } },
    }));
    const spec = (await stored({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'quantities' },
      spec: {
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: { containers } },
      },
    })) as { template: { spec: { containers: typeof containers } } };
    expect(spec.template.spec.containers.map(({ resources }) => resources.requests.memory)).toEqual(written);
  });
});
