/** Version override over ModelDeployment over defaults: what counts for one version. The only place that knows defaults. */
import type { AutoscalingMetric } from './autoscaling.ts';
import type { RuntimeServing } from './launch.ts';
import type { ModelDeploymentSpec, Version } from './model-deployment.ts';
import type { Compare } from './rollout.ts';
import type { GatewayParentRef } from './routing.ts';
import type { Serving } from './serving.ts';
import { ALL, basisPoints, byteCount, durationMs, quantityNumber } from './units.ts';

/** Field by field, one level deep; `replicas` and `autoscaling`, and the kinds of GPU, displace each other. */
export function effectiveServing(spec: ModelDeploymentSpec, version: Version): Serving {
  const base = spec.serving ?? {};
  const over = version.serving ?? {};
  const merged: Serving = { ...base, ...over };
  for (const key of ['resources', 'batching', 'warmup', 'session', 'execution', 'limits', 'pod'] as const) {
    if (base[key] && over[key]) Object.assign(merged, { [key]: { ...base[key], ...over[key] } });
  }
  if (over.replicas !== undefined) delete merged.autoscaling;
  if (over.autoscaling !== undefined) delete merged.replicas;
  return merged;
}

/** The part of the effective serving that the runtime acts on, defaults applied. */
export function runtimeServingOf(serving: Serving): RuntimeServing {
  const { batching, warmup, session, execution, limits } = serving;
  const cache = effectiveCache(serving);
  return {
    batching: { maxBatchSize: batching?.maxBatchSize ?? 32, maxDelayMs: durationMs(batching?.maxDelay ?? '0ms') },
    warmupRequests: warmup?.requests ?? 8,
    session: {
      threads: session?.threads ?? 1,
      graphOptimization: session?.graphOptimization ?? 'all',
      executionProviders: session?.executionProviders ?? ['cpu'],
      arena: session?.arena ?? true,
      device: session?.device ?? 0,
      ...(session?.gpuMemory !== undefined && { gpuMemoryBytes: byteCount(session.gpuMemory) }),
      keepOptimized: session?.keepOptimized ?? false,
    },
    execution: { cores: coresOf(serving), ...execution },
    ...(cache && { cache }),
    limits: {
      bodyBytes: byteCount(limits?.body ?? '16Mi'),
      queue: limits?.queue ?? 1024,
      timeoutMs: durationMs(limits?.timeout ?? '30s'),
    },
    protocols: serving.protocols ?? ['rest', 'grpc'],
  };
}

/** Whole cores that a replica may count on: its limit, else what it reserves, else one. */
export function coresOf({ resources }: Serving): number {
  const cpu = resources?.limits?.cpu ?? resources?.requests?.cpu;
  return cpu === undefined ? 1 : Math.max(1, Math.floor(quantityNumber(cpu)));
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

/** Largest absolute difference from a golden answer that still counts as equal. */
export function goldenTolerance({ golden }: Pick<Version, 'golden'>): number {
  return golden?.tolerance ?? 1e-4;
}

/** What is mirrored to a shadow version, basis points of all requests. */
export function shadowPoints(version: Version): number {
  return basisPoints(version.shadow ?? 0);
}

/** What the autoscaler looks at; undefined for a fixed number of replicas. */
export function autoscalingMetrics(serving: Serving): AutoscalingMetric[] | undefined {
  return serving.autoscaling && (serving.autoscaling.metrics ?? [{ cpu: 80 }]);
}

/** The GPU of each replica with its defaults; undefined for none. `minMemory` in bytes. */
export function effectiveGpu({ gpu }: Serving) {
  if (!gpu) return undefined;
  const { minMemory, claim, ...rest } = gpu;
  return {
    ...rest,
    shared: gpu.shared ?? false,
    resource: gpu.resource ?? 'nvidia.com/gpu',
    ...(claim ? { claim: { ...claim, count: claim.count ?? 1, selectors: claim.selectors ?? [] } } : {}),
    ...(minMemory === undefined ? {} : { minMemory: byteCount(minMemory) }),
  };
}

/** The cache of answers with its defaults; undefined for none. */
export function effectiveCache({ cache }: Serving) {
  return cache && { sizeBytes: byteCount(cache.size), ttlMs: durationMs(cache.ttl ?? '1m') };
}

/** The walk with its defaults, in milliseconds and basis points; undefined where the split takes effect at once. */
export function effectiveRollout({ rollout }: ModelDeploymentSpec) {
  if (!rollout) return undefined;
  const { analysis } = rollout;
  return {
    steps: rollout.steps.map((step) => ({
      traffic: basisPoints(step.traffic),
      holdMs: durationMs(step.hold ?? '0s'),
      approval: step.approval === 'required',
    })),
    analysis: analysis && {
      intervalMs: durationMs(analysis.interval ?? '15s'),
      minSamples: analysis.minSamples ?? 200,
      deadlineMs: durationMs(analysis.deadline ?? '30m'),
      mirror: basisPoints(analysis.mirror ?? 0),
      compare: effectiveCompare(analysis.compare),
      checks: analysis.checks,
    },
    signature: rollout.signature ?? ('Compatible' as const),
    progressDeadlineMs: durationMs(rollout.progressDeadline ?? '10m'),
    onFailure: rollout.onFailure ?? ('Rollback' as const),
  };
}

/** How two answers are compared, with its defaults. */
export function effectiveCompare(compare: Compare | undefined) {
  return {
    ...(compare?.outputs && { outputs: compare.outputs }),
    absolute: compare?.absolute ?? 1e-4,
    relative: compare?.relative ?? 1e-3,
    ...(compare?.topK !== undefined && { topK: compare.topK }),
    keep: compare?.keep ?? 0,
  };
}

/** Where each kind of route attaches, with defaults, and what it matches; undefined where the pods split. */
export function effectiveGateway({ routing }: ModelDeploymentSpec) {
  const gateway = routing?.gateway;
  if (!gateway) return undefined;
  const parents = (refs: readonly GatewayParentRef[]) =>
    refs.map((ref) => ({
      ...ref,
      group: ref.group ?? 'gateway.networking.k8s.io',
      kind: ref.kind ?? 'Gateway',
    }));
  const { hostnames, grpc } = gateway;
  return {
    http: { parentRefs: parents(gateway.parentRefs), hostnames },
    grpc: {
      parentRefs: parents(grpc?.parentRefs ?? gateway.parentRefs),
      hostnames: grpc?.hostnames ?? hostnames,
    },
    routes: gateway.routes ?? (['HTTPRoute', 'GRPCRoute'] as const),
    pathPrefix: gateway.pathPrefix,
    cohorts: gateway.cohorts ?? [],
  };
}

export type EffectiveRollout = NonNullable<ReturnType<typeof effectiveRollout>>;
