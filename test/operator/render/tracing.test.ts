/** The environment by which pods trace; what a user says of it counts more. */
import { describe, expect, it } from 'vitest';
import type { RenderOptions } from '../../../operator/render/input.ts';
import type { KubeObject } from '../../../operator/render/objects.ts';
import { tracingEnvironment } from '../../../operator/render/tracing.ts';
import { parse, renderOne } from './cases.ts';

interface Variable {
  name: string;
  value?: string;
  valueFrom?: { fieldRef?: { fieldPath: string } };
}

const TRACING = { endpoint: 'http://collector.tracing:4318', ratio: 0.25 };

function objectsOf(env: string, options: Partial<RenderOptions>): readonly KubeObject[] {
  const [md] = parse(`
apiVersion: modelship.dev/v1alpha1
kind: ModelDeployment
metadata: {name: digits, namespace: team-a}
spec:
  versions: [{name: v1, model: {uri: "s3://models/1.onnx"}}]
  serving: {pod: {env: [${env}]}}`);
  if (!md) throw new Error('no ModelDeployment');
  return renderOne(md, options).objects;
}

function environmentOf(env: string, options: Partial<RenderOptions> = { tracing: TRACING }): Variable[] {
  const found = objectsOf(env, options).find(({ kind }) => kind === 'Deployment') as KubeObject;
  const { template } = found.spec as { template: { spec: { containers: { env?: Variable[] }[] } } };
  return template.spec.containers[0]?.env ?? [];
}

const values = (env: Variable[]) => Object.fromEntries(env.map(({ name, value }) => [name, value]));

describe('the environment of a pod', () => {
  it('says nothing of traces unless the installation does', () => {
    expect(environmentOf('', {}).filter(({ name }) => name.startsWith('OTEL'))).toEqual([]);
  });

  it('says where, who and how many', () => {
    const env = environmentOf('');
    expect(values(env)).toMatchObject({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.tracing:4318',
      OTEL_SERVICE_NAME: 'digits',
      OTEL_RESOURCE_ATTRIBUTES: 'k8s.namespace.name=team-a,k8s.pod.name=$(MODELSHIP_POD_NAME),modelship.version=v1',
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
    });
    const names = env.map(({ name }) => name);
    // The kubelet fills in only what comes before.
    expect(names.indexOf('MODELSHIP_POD_NAME')).toBeLessThan(names.indexOf('OTEL_RESOURCE_ATTRIBUTES'));
    const pod = env.find(({ name }) => name === 'MODELSHIP_POD_NAME');
    expect(pod?.valueFrom?.fieldRef?.fieldPath).toBe('metadata.name');
  });

  it("gives way to the user's own", () => {
    const env = environmentOf('{name: OTEL_TRACES_SAMPLER_ARG, value: "1"}, {name: OTEL_SDK_DISABLED, value: "true"}');
    expect(values(env)).toMatchObject({ OTEL_TRACES_SAMPLER_ARG: '1', OTEL_SDK_DISABLED: 'true' });
    expect(env.filter(({ name }) => name === 'OTEL_TRACES_SAMPLER_ARG')).toHaveLength(1);
  });

  it('holds an endpoint as it is, with what the kubelet would read as a variable', () => {
    const subject = { model: 'm', namespace: undefined, owner: undefined };
    const env = tracingEnvironment(subject, 'v1', { endpoint: 'http://c/$(A)', ratio: 1 });
    expect(values(env)).toMatchObject({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c/$$(A)',
      OTEL_RESOURCE_ATTRIBUTES: 'k8s.pod.name=$(MODELSHIP_POD_NAME),modelship.version=v1',
    });
  });
});

it('a NetworkPolicy of a model never keeps traces in', () => {
  const policy = objectsOf('', { tracing: TRACING, networkPolicy: {} }).find(({ kind }) => kind === 'NetworkPolicy');
  expect(policy?.spec).toMatchObject({ policyTypes: ['Ingress'] });
  expect(policy?.spec).not.toHaveProperty('egress');
});
