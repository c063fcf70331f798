/** What stands in a Lease, and the bodies that change it. */
import type { Manifest, ObjectKey, Resource, StoredObject } from './object.ts';

export const LEASES: Resource = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
};

export interface LeaseRecord {
  resourceVersion: string;
  /** Empty: nobody. */
  holder: string;
  /** 0 where it is missing. */
  durationMs: number;
  /** MicroTime; tells one term of a holder from another. Empty where it is missing. */
  acquireTime: string;
  transitions: number;
}

interface LeaseSpec {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  acquireTime?: string;
  leaseTransitions?: number;
}

export function leaseRecord(stored: StoredObject): LeaseRecord {
  const spec = (stored.spec ?? {}) as LeaseSpec;
  return {
    resourceVersion: stored.metadata.resourceVersion,
    holder: spec.holderIdentity ?? '',
    durationMs: (spec.leaseDurationSeconds ?? 0) * 1_000,
    acquireTime: spec.acquireTime ?? '',
    transitions: spec.leaseTransitions ?? 0,
  };
}

/**
 * RFC 3339 with 6 decimals, as Kubernetes stores a MicroTime.
 * @param wall milliseconds since 1970
 * @param micros what to put below the milliseconds, 0 to 999
 */
export function microTime(wall: number, micros = 0): string {
  return `${new Date(wall).toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}Z`;
}

export interface Claim {
  identity: string;
  leaseMs: number;
  /** MicroTimes. */
  acquireTime: string;
  renewTime: string;
  transitions: number;
}

function claimSpec({ identity, leaseMs, acquireTime, renewTime, transitions }: Claim): object {
  return {
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(leaseMs / 1_000),
    acquireTime,
    renewTime,
    leaseTransitions: transitions,
  };
}

export function newLease(key: ObjectKey, claim: Claim): Manifest {
  const { apiVersion, kind } = LEASES;
  return { apiVersion, kind, metadata: { ...key }, spec: claimSpec(claim) };
}

/** Takes or renews it, if it is still at `resourceVersion`. */
export function claimPatch(resourceVersion: string, claim: Claim): object {
  return { metadata: { resourceVersion }, spec: claimSpec(claim) };
}

/** Leaves it to whoever comes first, if it is still at `resourceVersion`. */
export function releasePatch(resourceVersion: string, renewTime: string): object {
  return { metadata: { resourceVersion }, spec: { holderIdentity: '', leaseDurationSeconds: 1, renewTime } };
}
