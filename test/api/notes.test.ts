import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import * as effective from '../../api/effective.ts';
import { type ModelDeploymentSpec, modelDeployment } from '../../api/model-deployment.ts';
import { bare, fieldPaths, schemaAt } from '../../api/schema-walk.ts';
import { type Fields, version } from './builders.ts';

const parts = (path: string): PropertyKey[] =>
  path
    .replaceAll('[]', '.0')
    .split('.')
    .map((p) => (p === '0' ? 0 : p));

/** A field with what its own schema and the schema below `optional` say of it. */
function fieldAt(path: string) {
  const all = parts(path);
  const parent = schemaAt(modelDeployment, all.slice(0, -1)) as z.ZodObject;
  const outer = parent.shape[String(all.at(-1))] as z.ZodType;
  return {
    notes: { ...bare(outer).meta(), ...outer.meta() },
    schema: bare(outer),
    optional: outer instanceof z.ZodOptional,
  };
}

const PATHS = fieldPaths(modelDeployment);
const OF_THE_SPEC = PATHS.filter((path) => path.startsWith('spec.'));

describe('the schema', () => {
  it('describes every field in a sentence', () => {
    expect(PATHS.length).toBeGreaterThan(200);
    expect(PATHS.filter((path) => !/^[A-Z`].*[.)]$/s.test(fieldAt(path).notes.description ?? ''))).toEqual([]);
  });

  it('says of every optional field what counts when it is left out', () => {
    const silent = OF_THE_SPEC.filter((path) => {
      const { notes, optional } = fieldAt(path);
      return optional && notes['x-default'] === undefined && notes['x-absent'] === undefined;
    });
    expect(silent).toEqual([]);
  });

  it('gives no default to a required field', () => {
    expect(PATHS.filter((path) => !fieldAt(path).optional && fieldAt(path).notes['x-default'] !== undefined)).toEqual(
      [],
    );
  });

  it('gives every number and quantity its unit', () => {
    const bareNumbers = OF_THE_SPEC.filter((path) => {
      const { notes, schema } = fieldAt(path);
      const counts = schema instanceof z.ZodNumber || ['quantity', 'size'].includes(String(notes['x-format']));
      return counts && notes['x-unit'] === undefined;
    });
    expect(bareNumbers).toEqual([]);
  });
});

/** All that `effective.ts` makes of a spec, for its second version. */
function resolved(spec: ModelDeploymentSpec) {
  const second = spec.versions[1] as ModelDeploymentSpec['versions'][number];
  const serving = effective.effectiveServing(spec, second);
  return {
    runtime: effective.runtimeServingOf(serving),
    replicas: effective.replicasOf(serving),
    metrics: effective.autoscalingMetrics(serving),
    gpu: effective.effectiveGpu(serving),
    cache: effective.effectiveCache(serving),
    rollout: effective.effectiveRollout(spec),
    gateway: effective.effectiveGateway(spec),
    retireAfter: effective.retireAfterMs(spec),
    shares: [...effective.statedShares(spec)],
    shadow: effective.shadowPoints(second),
    tolerance: effective.goldenTolerance(second),
  };
}

/** A spec in which whatever holds a field with a default is there, and the field itself is not. */
function bareSpec(path: string): Fields {
  return {
    versions: [version('v1', { traffic: 100 }), version('v2', { golden: { uri: 'golden.json' } })],
    serving: {
      ...(path.includes('autoscaling') ? { autoscaling: { min: 1, max: 2 } } : {}),
      gpu: { count: 1, claim: { deviceClass: 'gpu' } },
      batching: {},
      warmup: {},
      session: {},
      cache: { size: '1Mi' },
      limits: {},
    },
    rollout: {
      steps: [{ traffic: 10 }],
      analysis: {
        checks: [{ metric: 'error-rate', max: 1 }],
        ...(path.includes('.compare.') && { compare: {} }),
      },
    },
    routing: {
      gateway: {
        parentRefs: [{ name: 'public' }],
        ...(path.includes('.grpc.') && { grpc: { parentRefs: [{ name: 'grpc' }] } }),
      },
    },
  };
}

function specWith(path: string, value: unknown): ModelDeploymentSpec {
  const root = bareSpec(path);
  const keys = parts(path.replace('spec.versions[]', 'spec.versions.1')).slice(1);
  let here = root as Record<PropertyKey, unknown>;
  for (const key of keys.slice(0, -1)) here = here[key === '1' ? 1 : key] as Record<PropertyKey, unknown>;
  here[keys.at(-1) as PropertyKey] = value;
  return root as unknown as ModelDeploymentSpec;
}

function another(value: unknown, schema: z.ZodType): unknown {
  if (schema instanceof z.ZodEnum) return schema.options.find((option) => option !== value);
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'boolean') return !value;
  if (schema.meta()?.['x-format'] === 'duration') return '42s';
  if (schema.meta()?.['x-format'] === 'size') return '3Mi';
  if (typeof value === 'string') return `other.${value}`;
  return JSON.stringify(value) === '[{"cpu":80}]' ? [{ memory: 70 }] : ['other'];
}

describe('a default', () => {
  // A version's `serving` is the same schema as the spec's.
  const withDefault = OF_THE_SPEC.filter(
    (path) => fieldAt(path).notes['x-default'] !== undefined && !path.startsWith('spec.versions[].serving'),
  );

  it.each(withDefault)('%s: written out, it changes nothing', (path) => {
    const { notes } = fieldAt(path);
    expect(resolved(specWith(path, notes['x-default']))).toEqual(
      resolved(bareSpec(path) as unknown as ModelDeploymentSpec),
    );
  });

  it.each(withDefault)('%s: another value changes something', (path) => {
    const { notes, schema } = fieldAt(path);
    const other = specWith(path, another(notes['x-default'], schema));
    expect(resolved(other)).not.toEqual(resolved(bareSpec(path) as unknown as ModelDeploymentSpec));
  });
});

describe('an override', () => {
  const of = (base: Fields, over: Fields) => {
    const spec = { versions: [version('v1', { serving: over })], serving: base } as unknown as ModelDeploymentSpec;
    return effective.effectiveServing(spec, spec.versions[0] as ModelDeploymentSpec['versions'][number]);
  };

  it('replaces what it names and keeps the rest', () => {
    expect(
      of({ batching: { maxBatchSize: 8, maxDelay: '1ms' }, protocols: ['rest'] }, { batching: { maxBatchSize: 1 } }),
    ).toEqual({
      batching: { maxBatchSize: 1, maxDelay: '1ms' },
      protocols: ['rest'],
    });
  });

  it('lets replicas displace autoscaling, and autoscaling replicas', () => {
    expect(of({ autoscaling: { min: 1, max: 2 } }, { replicas: 3 })).toEqual({ replicas: 3 });
    expect(of({ replicas: 3 }, { autoscaling: { min: 1, max: 2 } })).toEqual({ autoscaling: { min: 1, max: 2 } });
  });

  it('lets one kind of GPU displace another', () => {
    expect(of({ gpu: { count: 1 } }, { gpu: { mig: '1g.10gb' } })).toEqual({ gpu: { mig: '1g.10gb' } });
  });
});
