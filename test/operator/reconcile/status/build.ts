/** Builders of facts: a ModelDeployment at rest, and what may be wrong with it. */
import { expect } from 'vitest';
import type { PodReport } from '../../../../api/pod-report.ts';
import { type Condition, type Status, status } from '../../../../api/status.ts';
import type { TrafficTable } from '../../../../api/traffic-table.ts';
import type { ReportRead } from '../../../../operator/evidence/reports.ts';
import type { ContainerStatus, Pod, PodCondition } from '../../../../operator/reconcile/pod.ts';
import type {
  DeploymentFacts,
  NodeFacts,
  StatusFacts,
  VersionFacts,
} from '../../../../operator/reconcile/status/facts.ts';
import { statusOf } from '../../../../operator/reconcile/status/status.ts';

export const T0 = '2026-03-01T12:00:00Z';

/** RFC 3339, seconds after T0. */
export function at(seconds: number): string {
  return new Date(Date.parse(T0) + seconds * 1_000).toISOString().replace('.000Z', 'Z');
}

export function pod(name: string, more: { node?: string | null; created?: string } & Partial<Pod['status']> = {}): Pod {
  const { node = 'n1', created = T0, ...said } = more;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'team', uid: `uid-${name}`, resourceVersion: '1', creationTimestamp: created },
    spec: node === null ? {} : { nodeName: node },
    status: { phase: 'Running', ...said },
  };
}

export function container(state: ContainerStatus['state'], more: Partial<ContainerStatus> = {}): ContainerStatus {
  return { name: 'runtime', ready: false, restartCount: 0, ...(state ? { state } : {}), ...more };
}

const condition = (type: string, holds: boolean, more: Partial<PodCondition> = {}): PodCondition => ({
  type,
  status: holds ? 'True' : 'False',
  lastTransitionTime: T0,
  ...more,
});

export function readyPod(name: string, created = T0): Pod {
  const containerStatuses = [container({ running: { startedAt: created } }, { ready: true })];
  return pod(name, {
    created,
    conditions: [condition('PodScheduled', true), condition('Ready', true)],
    containerStatuses,
  });
}

/** Its container was started and is not ready. @param more of the container */
export function startingPod(name: string, more: Partial<ContainerStatus> = {}, created = T0): Pod {
  return pod(name, {
    created,
    conditions: [condition('PodScheduled', true), condition('Ready', false)],
    containerStatuses: [container({ running: { startedAt: T0 } }, more)],
  });
}

/** The container failed before and waits to be started again. */
export function crashingPod(name: string, message: string, more: object = {}): Pod {
  const terminated = { exitCode: 1, reason: 'Error', message, finishedAt: T0, ...more };
  return pod(name, {
    conditions: [condition('PodScheduled', true), condition('Ready', false)],
    containerStatuses: [
      container({ waiting: { reason: 'CrashLoopBackOff' } }, { restartCount: 3, lastState: { terminated } }),
    ],
  });
}

export function waitingPod(name: string, reason: string, message?: string): Pod {
  return pod(name, {
    phase: 'Pending',
    conditions: [condition('PodScheduled', true), condition('Ready', false)],
    containerStatuses: [container({ waiting: { reason, ...(message === undefined ? {} : { message }) } })],
  });
}

export function unscheduledPod(name: string, message: string, since = T0): Pod {
  const conditions = [
    condition('PodScheduled', false, { reason: 'Unschedulable', message, lastTransitionTime: since }),
  ];
  return pod(name, { node: null, phase: 'Pending', conditions });
}

export function deployment(wanted: number, ready = wanted, more: Partial<DeploymentFacts> = {}): DeploymentFacts {
  const counts = { replicas: wanted, updatedReplicas: wanted, readyReplicas: ready };
  return { name: 'digits-v1-0a1b2c3d', generation: 1, observedGeneration: 1, ...counts, conditions: [], ...more };
}

/** At rest: all its replicas are ready. */
export function version(name: string, more: Partial<VersionFacts> = {}): VersionFacts {
  const replicas = more.replicas ?? 1;
  return {
    name,
    listed: true,
    share: 10_000,
    serving: {},
    replicas,
    deployment: deployment(replicas),
    pods: Array.from({ length: replicas }, (_, i) => readyPod(`digits-${name}-${i}`)),
    reports: new Map(),
    digest: undefined,
    digestStated: false,
    ...more,
  };
}

/** Not ready, with these pods. */
export function unready(name: string, pods: readonly Pod[], more: Partial<VersionFacts> = {}): VersionFacts {
  const replicas = more.replicas ?? 1;
  return version(name, { replicas, pods, deployment: deployment(replicas, 0), ...more });
}

/** @param shares percent by version */
export function table(shares: Record<string, number>): TrafficTable {
  let from = 0;
  const versions = Object.entries(shares).map(([name, percent]) => {
    const share = Math.round(percent * 100);
    const ranges: [number, number][] = share === 0 ? [] : [[from, from + share]];
    from += share;
    return { name, share, shadow: 0, ranges };
  });
  return { model: 'digits', revision: 1, primary: versions[0]?.name ?? 'v1', versions };
}

/** At rest: all versions ready, all traffic at the first. */
export function facts(more: Partial<StatusFacts> = {}): StatusFacts {
  const versions = more.versions ?? [version('v1')];
  const shares = Object.fromEntries(versions.map(({ name }, i) => [name, i === 0 ? 100 : 0]));
  return {
    generation: 3,
    now: at(600),
    previous: undefined,
    acceptance: { ok: true },
    warnings: [],
    url: 'http://digits.team.svc:8080',
    table: versions.length > 0 ? table(shares) : undefined,
    inForce: true,
    door: versions[0]?.name,
    waiting: [],
    versions,
    nodes: [],
    routes: [],
    objectProblems: [],
    ...more,
  };
}

export function node(name: string, gpus = 0, product?: string, more: Partial<NodeFacts> = {}): NodeFacts {
  return {
    name,
    labels: product === undefined ? {} : { 'nvidia.com/gpu.product': product, 'nvidia.com/gpu.memory': '143771' },
    allocatable: { cpu: '8', memory: '64Gi', ...(gpus > 0 ? { 'nvidia.com/gpu': String(gpus) } : {}) },
    unschedulable: false,
    ready: true,
    ...more,
  };
}

export function report(load: Partial<PodReport['load']>, shares?: Record<string, number>): ReportRead {
  return {
    ok: true,
    report: {
      model: 'digits',
      version: 'v1',
      startedAt: T0,
      ready: load.state === 'Loaded',
      load: { state: 'Loaded', phases: {}, ...load },
      ...(shares ? { table: { revision: 1, primary: 'v1', shares } } : {}),
      inFlight: 0,
      versions: {},
      latency: {},
      queue: {},
    },
  };
}

/** The status of the facts, which the schema must take. */
export function told(of: StatusFacts): Status {
  const said = statusOf(of);
  expect(status.parse(said)).toEqual(said);
  return said;
}

export function conditionOf(said: Status, type: Condition['type']): Condition {
  const found = said.conditions?.find((one) => one.type === type);
  if (!found) throw new Error(`${type} is missing`);
  return found;
}

/** `Accepted Available Ready`, the types that are True. */
export function trueOnes(said: Status): string {
  return (said.conditions ?? [])
    .filter(({ status: holds }) => holds === 'True')
    .map(({ type }) => type)
    .join(' ');
}
