/** Two processes' elections over one Lease of a real API server. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { KubeClient } from '../../../operator/kube/client.ts';
import { systemClock } from '../../../operator/kube/clock.ts';
import { connect } from '../../../operator/kube/connect.ts';
import { LeaderElection, type LeaseTiming } from '../../../operator/kube/lease.ts';
import { LEASES } from '../../../operator/kube/lease-record.ts';
import { silentLog } from '../../../operator/kube/log.ts';
import { eventually, namespace, useCluster } from '../harness/cluster.ts';

/** Short enough to be waited for, and long enough for a machine that stands still for seconds. */
const TIMING: LeaseTiming = { leaseMs: 8_000, renewDeadlineMs: 5_500, writeTimeoutMs: 2_000, retryMs: 300 };
/** Nobody waits for its end. */
const LONG: LeaseTiming = { leaseMs: 120_000, renewDeadlineMs: 80_000, writeTimeoutMs: 20_000, retryMs: 300 };

let client: KubeClient;
let place: string;
let candidates: Candidate[] = [];

beforeAll(async () => {
  const connected = await connect({ kubeconfig: useCluster().kubeconfigPath });
  ({ client } = connected);
  return async () => {
    await connected.close();
  };
});

beforeEach(async () => {
  place = await namespace();
});

afterEach(async () => {
  for (const candidate of candidates) candidate.alive = true;
  await Promise.all(candidates.map((candidate) => candidate.stop()));
  candidates = [];
});

/** A process that takes part, and when it was told to lead and to stop leading. */
class Candidate {
  /** While false, none of its requests is answered or sent. */
  alive = true;
  lastSent = 0;
  began: number | undefined;
  lost: number | undefined;
  readonly election: LeaderElection;
  readonly #end = new AbortController();
  readonly #ended: Promise<void>;

  constructor(identity: string, timing = TIMING) {
    this.election = new LeaderElection({
      client: this.#mortal(),
      namespace: place,
      name: 'modelship',
      identity,
      timing,
      clock: systemClock,
      random: Math.random,
      log: silentLog,
    });
    this.#ended = this.election.run(this.#end.signal, async (signal) => {
      this.began = performance.now();
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      this.lost = performance.now();
    });
    candidates.push(this);
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.#ended;
  }

  #mortal(): KubeClient {
    const sent = <T>(ask: () => Promise<T>): Promise<T> => {
      if (!this.alive) return new Promise(() => {});
      this.lastSent = performance.now();
      return ask();
    };
    return {
      ...({} as KubeClient),
      get: (...args) => sent(() => client.get(...args)),
      create: (...args) => sent(() => client.create(...args)),
      patch: (...args) => sent(() => client.patch(...args)),
    };
  }
}

async function leader(of: Candidate[] = candidates): Promise<Candidate> {
  return await eventually('one of them leads', async () =>
    of.find(({ election, began }) => election.leading && began !== undefined),
  );
}

async function lease(): Promise<Record<string, unknown>> {
  const stored = await client.get(LEASES, { namespace: place, name: 'modelship' });
  return (stored?.spec ?? {}) as Record<string, unknown>;
}

describe('a Lease', () => {
  it('is held by one of two for as long as it likes', async () => {
    const both = [new Candidate('a'), new Candidate('b')];
    const first = await leader();
    const before = await lease();
    await sleep(1.2 * TIMING.leaseMs);
    expect(both.map(({ election }) => election.leading).sort()).toEqual([false, true]);
    expect(first.lost).toBeUndefined();
    const after = await lease();
    expect(after).toMatchObject({ leaseDurationSeconds: 8, leaseTransitions: 0, acquireTime: before.acquireTime });
    expect(after.renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(after.renewTime).not.toBe(before.renewTime);
  });

  it('goes over when its holder ends, long before it would run out', async () => {
    const first = new Candidate('a', LONG);
    await leader();
    const second = new Candidate('b', LONG);
    await sleep(2 * LONG.retryMs);
    await first.stop();
    await leader([second]);
    expect(second.began).toBeGreaterThanOrEqual(first.lost ?? Number.POSITIVE_INFINITY);
    expect(await lease()).toMatchObject({ holderIdentity: 'b', leaseDurationSeconds: 120, leaseTransitions: 1 });
  });

  it('is empty when the last one ends', async () => {
    const only = new Candidate('a');
    await leader();
    await only.stop();
    expect((await lease()).holderIdentity ?? '').toBe('');
  });

  it('runs out when its holder is gone, and not before', async () => {
    const first = new Candidate('a');
    await leader();
    const second = new Candidate('b');
    await sleep(2 * TIMING.retryMs);
    first.alive = false;
    await leader([second]);
    expect(first.election.mayWriteFor()).toBe(0);
    expect(second.began).toBeGreaterThan(first.lost ?? Number.POSITIVE_INFINITY);
    const waited = (second.began ?? 0) - first.lastSent;
    expect(waited).toBeGreaterThanOrEqual(TIMING.leaseMs);
  });
});
