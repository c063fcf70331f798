/** Version override over ModelDeployment over defaults: what counts for one version. The only place that knows defaults. */
import type { RuntimeServing } from './launch.ts';
import type { ModelDeploymentSpec, Version } from './model-deployment.ts';
import type { Serving } from './serving.ts';
import { ALL, basisPoints, durationMs, quantityNumber } from './units.ts';

/** Field by field, one level deep; `replicas` and `autoscaling`, and the kinds of GPU, displace each other. */
export function effectiveServing(spec: ModelDeploymentSpec, version: Version): Serving {
  const base = spec.serving ?? {};
  const over = version.serving ?? {};
  const merged: Serving = { ...base, ...over };
  for (const key of ['resources', 'batching', 'warmup', 'session', 'limits', 'pod'] as const) {
    if (base[key] && over[key]) Object.assign(merged, { [key]: { ...base[key], ...over[key] } });
  }
  if (over.replicas !== undefined) delete merged.autoscaling;
  if (over.autoscaling !== undefined) delete merged.replicas;
  return merged;
}

/** The part of the effective serving that the runtime acts on, defaults applied. */
export function runtimeServingOf(serving: Serving): RuntimeServing {
  const { batching, warmup, session, limits } = serving;
  return {
    batching: { maxBatchSize: batching?.maxBatchSize ?? 32, maxDelayMs: durationMs(batching?.maxDelay ?? '0ms') },
    warmupRequests: warmup?.requests ?? 8,
    session: {
      threads: session?.threads ?? 1,
      graphOptimization: session?.graphOptimization ?? 'all',
      executionProviders: session?.executionProviders ?? ['cpu'],
      arena: session?.arena ?? true,
    },
    limits: {
      bodyBytes: quantityNumber(limits?.body ?? '16Mi'),
      queue: limits?.queue ?? 1024,
      timeoutMs: durationMs(limits?.timeout ?? '30s'),
    },
    protocols: serving.protocols ?? ['rest', 'grpc'],
  };
}

/** Replicas to run: fixed, or the lower bound of autoscaling. */
export function replicasOf(serving: Serving): number {
  return serving.autoscaling?.min ?? serving.replicas ?? 1;
}

/** The split that the spec asks for, in basis points, in the order of the list. Sums to 10,000. */
export function statedShares(spec: ModelDeploymentSpec): Map<string, number> {
  const shares = new Map(spec.versions.map((v) => [v.name, basisPoints(v.traffic ?? 0)]));
  if (spec.versions.every((v) => v.traffic === undefined)) {
    const only = spec.versions.find((v) => v.shadow === undefined);
    if (only) shares.set(only.name, ALL);
  }
  return shares;
}

/** How long a version outlives its last traffic, ms. */
export function retireAfterMs(spec: ModelDeploymentSpec): number {
  return durationMs(spec.retireAfter ?? '30s');
}
