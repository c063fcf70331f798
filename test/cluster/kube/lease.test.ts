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

const TIMING: LeaseTiming = { leaseMs: 3_000, renewDeadlineMs: 1_700, writeTimeoutMs: 1_000, retryMs: 300 };
/** What a busy machine may take on top. */
const SLACK_MS = 1_500;

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

  constructor(identity: string) {
    this.election = new LeaderElection({
      client: this.#mortal(),
      namespace: place,
      name: 'modelship',
      identity,
      timing: TIMING,
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
  return await eventually('one of them leads', async () => of.find(({ election }) => election.leading));
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
    await sleep(2 * TIMING.leaseMs);
    expect(both.map(({ election }) => election.leading).sort()).toEqual([false, true]);
    expect(first.lost).toBeUndefined();
    const after = await lease();
    expect(after).toMatchObject({ leaseDurationSeconds: 3, leaseTransitions: 0, acquireTime: before.acquireTime });
    expect(after.renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(after.renewTime).not.toBe(before.renewTime);
  });

  it('goes over within one retry when its holder ends', async () => {
    const first = new Candidate('a');
    await leader();
    const second = new Candidate('b');
    await sleep(2 * TIMING.retryMs);
    await first.stop();
    const released = performance.now();
    await leader([second]);
    expect(second.began).toBeGreaterThanOrEqual(first.lost ?? Number.POSITIVE_INFINITY);
    expect((second.began ?? 0) - released).toBeLessThan(TIMING.retryMs + SLACK_MS);
    expect(await lease()).toMatchObject({ holderIdentity: 'b', leaseDurationSeconds: 3, leaseTransitions: 1 });
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
    expect((first.lost ?? 0) - first.lastSent).toBeLessThan(TIMING.renewDeadlineMs + SLACK_MS / 3);
    const waited = (second.began ?? 0) - first.lastSent;
    expect(waited).toBeGreaterThanOrEqual(TIMING.leaseMs);
    expect(waited).toBeLessThan(TIMING.leaseMs + TIMING.retryMs + SLACK_MS);
  });
});
