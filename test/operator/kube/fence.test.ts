/** The fence by itself, and with elections over a network that loses, delays and cuts. */

import { describe, expect, it } from 'vitest';
import type { KubeClient } from '../../../operator/kube/client.ts';
import type { Clock } from '../../../operator/kube/clock.ts';
import { fenced } from '../../../operator/kube/fence.ts';
import { LeaderElection, type LeaseTiming } from '../../../operator/kube/lease.ts';
import { pause } from '../../../operator/kube/lease-timing.ts';
import { silentLog } from '../../../operator/kube/log.ts';
import type { Manifest, Resource } from '../../../operator/kube/object.ts';
import fc from '../../properties.ts';
import { FakeClock } from './fake-clock.ts';
import { type Fate, LeaseServer, leaseClient } from './lease-world.ts';

const CONFIG_MAPS: Resource = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };
const OBJECT: Manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'digits', namespace: 'default' } };

type Call = (client: KubeClient) => Promise<unknown>;
const READS: Record<string, Call> = {
  get: (client) => client.get(CONFIG_MAPS, OBJECT.metadata),
  list: (client) => client.list(CONFIG_MAPS, {}),
  watch: (client) => {
    const { signal } = new AbortController();
    return client.watch(CONFIG_MAPS, { resourceVersion: '1', timeoutSeconds: 1, signal }, () => {});
  },
  kinds: (client) => client.kinds('v1'),
};
const WRITES: Record<string, Call> = {
  apply: (client) => client.apply(CONFIG_MAPS, OBJECT, { manager: 'modelship' }),
  applyStatus: (client) => client.applyStatus(CONFIG_MAPS, OBJECT, { manager: 'modelship' }),
  create: (client) => client.create(CONFIG_MAPS, OBJECT),
  patch: (client) => client.patch(CONFIG_MAPS, OBJECT.metadata, {}),
  delete: (client) => client.delete(CONFIG_MAPS, OBJECT.metadata),
};

/** Notes which method was called, with which arguments. */
function noting(calls: unknown[][]): KubeClient {
  const names = Object.keys({ ...READS, ...WRITES });
  const note = (name: string) => [name, async (...args: unknown[]) => void calls.push([name, ...args])];
  return Object.fromEntries(names.map(note)) as KubeClient;
}

describe('a fenced client', () => {
  it.each(Object.entries(WRITES))('refuses %s while this process does not lead', async (_, write) => {
    const calls: unknown[][] = [];
    const refused = write(fenced(noting(calls), () => 0));
    await expect(refused).rejects.toMatchObject({ name: 'KubeError', code: 'NotLeader' });
    expect(calls).toEqual([]);
  });

  it.each(Object.entries({ ...WRITES, ...READS }))('passes %s on, as it is, while it leads', async (_, call) => {
    const [calls, straight]: unknown[][][] = [[], []];
    await call(fenced(noting(calls as unknown[][]), () => 1));
    await call(noting(straight as unknown[][]));
    expect(JSON.stringify(calls)).toBe(JSON.stringify(straight));
  });

  it.each(Object.entries(READS))('passes %s on while it does not lead', async (name, read) => {
    const calls: unknown[][] = [];
    await read(fenced(noting(calls), () => 0));
    expect(calls.map(([called]) => called)).toEqual([name]);
  });

  it('asks at each write', async () => {
    let left = 5;
    const calls: unknown[][] = [];
    const client = fenced(noting(calls), () => left);
    await client.apply(CONFIG_MAPS, OBJECT, { manager: 'modelship' });
    left = -1;
    await expect(client.apply(CONFIG_MAPS, OBJECT, { manager: 'modelship' })).rejects.toThrow(
      'apply configmaps digits',
    );
    expect(calls).toHaveLength(1);
  });
});

/** As tight as it gets: 100 ms between the last write's end and the next leader, less what the clocks differ. */
const TIMING: LeaseTiming = { leaseMs: 14_000, renewDeadlineMs: 8_900, writeTimeoutMs: 5_000, retryMs: 500 };

const fault = fc.record({
  at: fc.integer({ min: 0, max: 90_000 }),
  ms: fc.oneof(fc.integer({ min: 100, max: 10_000 }), fc.integer({ min: 15_000, max: 30_000 })),
  process: fc.nat({ max: 1 }),
  kind: fc.constantFrom('cut', 'deaf', 'starved', 'starved', 'freeze', 'restart', 'crash'),
});
type Fault = typeof fault extends fc.Arbitrary<infer T> ? T : never;

function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Two elections, what they share, and what they did wrong. */
class Cluster {
  readonly clock = new FakeClock();
  readonly server = new LeaseServer();
  readonly random: () => number;
  /** Who was last told to lead. */
  newest: Process | undefined;
  readonly wrong: string[] = [];
  /** The network is well again. */
  calm = false;
  terms = 0;
  readonly started: Process[] = [];
  /** Which faults may hit. */
  readonly processes: [Process, Process];

  constructor(seed: number) {
    this.random = seeded(seed);
    this.processes = [this.start(), this.start()];
  }

  start(): Process {
    const process = new Process(this, `process-${this.started.length}`);
    this.started.push(process);
    return process;
  }

  inject({ at, ms, process, kind }: Fault): void {
    this.clock.after(at, () => {
      const { processes, clock } = this;
      const victim = processes[process as 0 | 1];
      if (kind === 'cut' || kind === 'deaf' || kind === 'starved') {
        victim[kind] = true;
        clock.after(ms, () => (victim[kind] = false));
      } else if (kind === 'freeze') {
        victim.freeze(clock.now() + ms);
      } else {
        if (kind === 'crash') victim.freeze(Number.POSITIVE_INFINITY);
        else victim.end.abort();
        clock.after(ms, () => (processes[process as 0 | 1] = this.start()));
      }
    });
  }
}

/** A process with clocks of its own, that leads by writing again and again. */
class Process {
  readonly name: string;
  readonly end = new AbortController();
  readonly election: LeaderElection;
  /** Nothing it sends arrives. */
  cut = false;
  /** What it sends arrives; no answer does. */
  deaf = false;
  /** Its writes arrive, but nothing about the Lease does. */
  starved = false;
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #client: KubeClient;
  #frozenUntil = 0;

  constructor(cluster: Cluster, name: string) {
    this.#cluster = cluster;
    this.name = name;
    this.#clock = this.#ownClock();
    const fate = ({ verb }: { verb: string }): Fate => this.#fate(verb === 'apply');
    const options = { clock: this.#clock, wire: cluster.clock, timeoutMs: TIMING.writeTimeoutMs, fate };
    const client = leaseClient(cluster.server, { ...options, onWrite: (what) => this.#check(what) });
    const { random } = cluster;
    const key = { namespace: 'system', name: 'modelship', identity: name };
    this.election = new LeaderElection({ ...key, client, timing: TIMING, clock: this.#clock, random, log: silentLog });
    this.#client = fenced(client, () => this.election.mayWriteFor());
    void this.election.run(this.end.signal, (signal) => this.#lead(signal));
  }

  freeze(until: number): void {
    this.#frozenUntil = Math.max(this.#frozenUntil, until);
  }

  async #lead(signal: AbortSignal): Promise<void> {
    const { random } = this.#cluster;
    this.#cluster.newest = this;
    this.#cluster.terms++;
    const writes: Promise<unknown>[] = [];
    // Work that does not hear its signal is what the fence is for.
    for (let more = 60 * random(); more > 0; more -= signal.aborted ? 1 : 0) {
      writes.push(this.#client.apply(CONFIG_MAPS, OBJECT, { manager: 'modelship' }).catch(() => undefined));
      await pause(this.#clock, 100 + 900 * random(), new AbortController().signal);
    }
    await Promise.all(writes);
  }

  /** Offset and speed of its own; nothing of it runs while it is frozen, but its time goes on. */
  #ownClock(): Clock {
    const { clock, random } = this.#cluster;
    const offset = 1e6 * random();
    const speed = 1 + 0.006 * (random() - 0.5);
    const later = (ms: number, callback: () => void): (() => void) => {
      let cancel = (): void => {};
      const wake = (): void => {
        const asleep = this.#frozenUntil - clock.now();
        if (asleep > 0) {
          // In any order when it wakes.
          if (asleep < Number.POSITIVE_INFINITY) cancel = clock.after(asleep + random(), wake);
        } else callback();
      };
      cancel = clock.after(ms, wake);
      return () => cancel();
    };
    return {
      now: () => offset + clock.now() * speed,
      wall: () => clock.wall() + offset + clock.now() * (speed - 1),
      after: (ms, callback) => later(ms / speed, callback),
    };
  }

  #fate(write: boolean): Fate {
    const { random } = this.#cluster;
    const never = Number.POSITIVE_INFINITY;
    const some = (...choices: number[]): number => (choices[Math.floor(random() * choices.length)] ?? 0) * random();
    // The client takes back a write when it gives it up; a change of the Lease may come later than that.
    const latest = write ? TIMING.writeTimeoutMs / 1.003 : 40_000;
    if (this.#cluster.calm) return { there: 5, back: 5 };
    const lost = this.cut || (this.starved && !write) || random() < 0.02;
    const there = lost
      ? never
      : Math.min(latest, write ? some(10, 9_000) : some(10, 10, 10, 10, 100, 100, 2_000, 40_000));
    return { there, back: this.deaf || random() < 0.02 ? never : some(10, 10, 100, 6_000) };
  }

  #check(what: string): void {
    const { newest, clock, wrong } = this.#cluster;
    if (newest !== this) {
      wrong.push(`a write of ${this.name} ${what} at ${clock.now()} although ${newest?.name} leads`);
    }
  }
}

describe('two elections over a bad network', () => {
  it('no write of an old leader is sent or under way once a new one leads, and in the end one leads', async () => {
    let terms = 0;
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.array(fault, { maxLength: 8 }), async (seed, faults) => {
        const cluster = new Cluster(seed);
        for (const each of faults) cluster.inject(each);
        await cluster.clock.advance(120_000);
        cluster.calm = true;
        await cluster.clock.advance(120_000);
        expect(cluster.wrong).toEqual([]);
        expect(cluster.started.filter(({ election }) => election.leading)).toHaveLength(1);
        terms += cluster.terms;
      }),
      { numRuns: 60 },
    );
    // It would hold of elections that nobody wins.
    expect(terms).toBeGreaterThan(120);
  }, 300_000);
});
