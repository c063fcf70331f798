/** Elections against a stub server, for the tests of winning, leading and ending. */
import { expect } from 'vitest';
import { type Lead, LeaderElection, type LeaseTiming } from '../../../operator/kube/lease.ts';
import { silentLog } from '../../../operator/kube/log.ts';
import { FakeClock } from './fake-clock.ts';
import { type Fate, LeaseServer, leaseClient } from './lease-world.ts';

export const THERE = 10;
export const BACK = 20;
export const OTHER = {
  holderIdentity: 'other',
  leaseDurationSeconds: 15,
  acquireTime: '2001-01-01T00:00:00.000000Z',
  renewTime: '2001-01-01T00:00:00.000000Z',
  leaseTransitions: 4,
};

export class World {
  readonly clock = new FakeClock();
  readonly server = new LeaseServer();
  readonly end = new AbortController();
  /** Of each time that this process was told to lead. */
  readonly terms: { began: number; signal: AbortSignal; settle: () => void; fail: (error: Error) => void }[] = [];
  /** Of requests to come; then again the usual one. */
  fates: Fate[] = [];
  usual: Fate = { there: THERE, back: BACK };
  /** What the process believes to have passed beyond what its timers noticed. */
  asleep = 0;
  /** What only its wall clock knows of. */
  pausedFor = 0;
  readonly election: LeaderElection;
  ended: Promise<void> | undefined;

  constructor(timing?: Partial<LeaseTiming>) {
    const { clock } = this;
    const fate = (): Fate => this.fates.shift() ?? this.usual;
    this.election = new LeaderElection({
      client: leaseClient(this.server, { clock, timeoutMs: 5_000, fate }),
      namespace: 'system',
      name: 'modelship',
      identity: 'me',
      timing,
      clock: {
        now: () => clock.now() + this.asleep,
        wall: () => clock.wall() + this.asleep + this.pausedFor,
        after: (ms, callback) => clock.after(ms, callback),
      },
      random: () => 1 - Number.EPSILON,
      log: silentLog,
    });
  }

  get now(): number {
    return this.clock.now();
  }

  get term() {
    const term = this.terms.at(-1);
    if (!term) throw new Error('it never led');
    return term;
  }

  start(lead?: Lead): this {
    this.ended = this.election.run(this.end.signal, lead ?? ((signal) => this.#lead(signal)));
    return this;
  }

  async leads(): Promise<this> {
    this.start();
    await this.clock.advance(500);
    expect(this.terms).toHaveLength(1);
    return this;
  }

  /** @param winding ms between the end of the signal and that of the work */
  #lead(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.terms.push({ began: this.now, signal, settle: resolve, fail: reject });
      signal.addEventListener('abort', () => this.windUp(resolve), { once: true });
    });
  }

  windUp: (settle: () => void) => void = (settle) => settle();
}
