/** One process's view of an election, on a clock and a network that the test commands. */
import { describe, expect, it } from 'vitest';
import { KubeError } from '../../../operator/kube/error.ts';
import { type Lead, LeaderElection, type LeaseTiming } from '../../../operator/kube/lease.ts';
import { silentLog } from '../../../operator/kube/log.ts';
import { FakeClock } from './fake-clock.ts';
import { type Fate, LeaseServer, leaseClient } from './lease-world.ts';

const THERE = 10;
const BACK = 20;
const OTHER = {
  holderIdentity: 'other',
  leaseDurationSeconds: 15,
  acquireTime: '2001-01-01T00:00:00.000000Z',
  renewTime: '2001-01-01T00:00:00.000000Z',
  leaseTransitions: 4,
};

class World {
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

describe('winning', () => {
  it('creates the Lease where there is none', async () => {
    const world = await new World().leads();
    expect(world.server.history[0]?.spec).toEqual({
      holderIdentity: 'me',
      leaseDurationSeconds: 15,
      acquireTime: expect.stringMatching(/^2026-01-01T00:00:00\.\d{6}Z$/),
      renewTime: expect.stringMatching(/^2026-01-01T00:00:00\.\d{6}Z$/),
      leaseTransitions: 0,
    });
    expect(world.election.leading).toBe(true);
  });

  it('takes a Lease that nobody holds at once', async () => {
    const world = new World();
    world.server.create({ spec: { ...OTHER, holderIdentity: '' } });
    await world.leads();
    expect(world.server.spec).toMatchObject({ holderIdentity: 'me', leaseTransitions: 5 });
  });

  it("waits until it has itself seen no change of another's Lease for as long as that lasts", async () => {
    const world = new World().start();
    world.server.create({ spec: OTHER });
    await world.clock.advance(14_900);
    world.server.patch({ spec: { renewTime: '2001-01-01T00:00:09.000000Z' } });
    await world.clock.advance(15_000);
    expect(world.terms).toHaveLength(0);
    await world.clock.advance(2_200);
    expect(world.terms).toHaveLength(1);
  });

  it('waits longer for a Lease that says so', async () => {
    const world = new World().start();
    world.server.create({ spec: { ...OTHER, leaseDurationSeconds: 60 } });
    await world.clock.advance(59_000);
    expect(world.terms).toHaveLength(0);
    await world.clock.advance(1_200);
    expect(world.terms).toHaveLength(1);
  });

  it('waits for a Lease in its own name that it did not write: an earlier life may still be at work', async () => {
    const world = new World().start();
    world.server.create({ spec: { ...OTHER, holderIdentity: 'me' } });
    await world.clock.advance(14_900);
    expect(world.terms).toHaveLength(0);
    await world.clock.advance(400);
    expect(world.terms).toHaveLength(1);
  });

  it("waits for another's Lease that was deleted, as its holder may not know yet", async () => {
    const world = new World().start();
    world.server.create({ spec: OTHER });
    await world.clock.advance(10_000);
    world.server.remove();
    await world.clock.advance(14_900);
    expect(world.terms).toHaveLength(0);
    await world.clock.advance(2_400);
    expect(world.terms).toHaveLength(1);
  });

  it('takes a Lease again whose first answer was lost', async () => {
    const world = new World();
    world.fates = [world.usual, { there: THERE, back: Number.POSITIVE_INFINITY }];
    world.start();
    await world.clock.advance(6_000);
    expect(world.server.history).toHaveLength(2);
    expect(world.server.spec.leaseTransitions).toBe(0);
    expect(world.terms).toHaveLength(1);
  });

  it('does not lead when the answer came after the term was over', async () => {
    const world = new World().start();
    await world.clock.advance(THERE + BACK + THERE);
    world.asleep = 8_000;
    await world.clock.advance(BACK);
    expect(world.terms).toHaveLength(0);
    await world.clock.advance(2_000);
    expect(world.terms).toHaveLength(1);
  });

  it('goes on campaigning when the API server is away', async () => {
    const world = new World();
    world.usual = { there: Number.POSITIVE_INFINITY, back: 0 };
    world.start();
    await world.clock.advance(60_000);
    world.usual = { there: THERE, back: BACK };
    await world.clock.advance(6_000);
    expect(world.terms).toHaveLength(1);
  });
});

describe('leading', () => {
  it('renews the Lease and keeps acquireTime', async () => {
    const world = await new World().leads();
    const { acquireTime, renewTime } = world.server.spec;
    await world.clock.advance(60_000);
    expect(world.server.spec).toMatchObject({ holderIdentity: 'me', acquireTime, leaseTransitions: 0 });
    expect(world.server.spec.renewTime).not.toBe(renewTime);
    expect(world.server.history.length).toBeGreaterThan(25);
    expect(world.terms).toHaveLength(1);
    expect(world.term.signal.aborted).toBe(false);
  });

  it('may write until the deadline after its renewal was sent, not after it was answered', async () => {
    const world = new World();
    world.fates = [world.usual, { there: 1_000, back: 1_900 }];
    world.start();
    await world.clock.advance(THERE + BACK + 2_900);
    expect(world.election.mayWriteFor()).toBe(8_000 - 2_900);
  });

  it('ends at the deadline when nothing answers any more', async () => {
    const world = await new World().leads();
    await world.clock.advance(world.term.began + 2_000 - world.now); // the renewal is sent
    const sent = world.now;
    await world.clock.advance(THERE + BACK);
    world.usual = { there: Number.POSITIVE_INFINITY, back: 0 };
    await world.clock.advance(sent + 7_999 - world.now);
    expect(world.term.signal.aborted).toBe(false);
    await world.clock.advance(1);
    expect(world.term.signal.aborted).toBe(true);
    expect(world.term.signal.reason).toMatchObject({ code: 'NotLeader' });
    expect(world.election.mayWriteFor()).toBe(0);
  });

  it('is refused writes when it wakes from a sleep, before any timer fires', async () => {
    const world = await new World().leads();
    world.asleep = 8_000;
    expect(world.election.mayWriteFor()).toBe(0);
    expect(world.election.leading).toBe(false);
  });

  it('is refused writes when its machine was paused, and goes on when it finds that nobody took the Lease', async () => {
    const world = await new World().leads();
    world.pausedFor = 8_000;
    expect(world.election.mayWriteFor()).toBe(0);
    await world.clock.advance(2_000);
    expect(world.election.mayWriteFor()).toBeGreaterThan(5_000);
    expect(world.terms).toHaveLength(1);
  });

  it('goes on after a renewal whose answer was lost', async () => {
    const world = await new World().leads();
    world.fates = [{ there: THERE, back: Number.POSITIVE_INFINITY }];
    await world.clock.advance(20_000);
    expect(world.term.signal.aborted).toBe(false);
    expect(world.terms).toHaveLength(1);
  });

  it('goes on when somebody else touched the Lease', async () => {
    const world = await new World().leads();
    world.server.patch({ spec: { preferredHolder: 'x' } });
    await world.clock.advance(20_000);
    expect(world.terms).toHaveLength(1);
    expect(world.term.signal.aborted).toBe(false);
  });

  it('ends as soon as it sees that another holds the Lease', async () => {
    const world = await new World().leads();
    world.server.patch({ spec: OTHER });
    await world.clock.advance(2_200);
    expect(world.term.signal.reason).toMatchObject({ message: 'the Lease is held by other' });
    expect(world.election.mayWriteFor()).toBe(0);
  });

  it('ends when the Lease was deleted, and makes another', async () => {
    const world = await new World().leads();
    world.server.remove();
    await world.clock.advance(2_300);
    expect(world.terms).toHaveLength(2);
    expect(world.terms[0]?.signal.aborted).toBe(true);
  });

  it('is not revived by an answer that comes after the deadline', async () => {
    const world = await new World().leads();
    world.windUp = () => {};
    world.fates = [
      { there: Number.POSITIVE_INFINITY, back: 0 },
      { there: 10, back: 2_990 },
    ];
    world.usual = { there: 10, back: 2_990 };
    await world.clock.advance(9_000);
    expect(world.term.signal.aborted).toBe(true);
    await world.clock.advance(9_000);
    expect(world.election.mayWriteFor()).toBe(0);
    expect(world.terms).toHaveLength(1);
  });

  it('campaigns again only when the work has settled', async () => {
    const world = await new World().leads();
    world.windUp = () => {};
    world.usual = { there: Number.POSITIVE_INFINITY, back: 0 };
    await world.clock.advance(9_000);
    world.usual = { there: THERE, back: BACK };
    const { length } = world.server.history;
    await world.clock.advance(60_000);
    expect(world.server.history).toHaveLength(length);
    world.term.settle();
    await world.clock.advance(1_000);
    expect(world.terms).toHaveLength(2);
  });
});

describe('ending', () => {
  it('releases the Lease after the work has settled, and renews it until then', async () => {
    const world = await new World().leads();
    world.windUp = (settle) => world.clock.after(30_000, settle);
    world.end.abort();
    await world.clock.advance(29_900);
    expect(world.term.signal.aborted).toBe(true);
    expect(world.server.spec.holderIdentity).toBe('me');
    expect(world.election.mayWriteFor()).toBeGreaterThan(5_000);
    await world.clock.advance(200);
    expect(world.election.mayWriteFor()).toBe(0);
    expect(world.server.spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    await world.ended;
    expect(world.clock.pending).toBe(0);
  });

  it('does not touch a Lease that another holds', async () => {
    const world = await new World().leads();
    world.server.patch({ spec: OTHER });
    world.end.abort();
    await world.clock.advance(5_000);
    await world.ended;
    expect(world.server.spec).toEqual(OTHER);
  });

  it('does not release a Lease that another takes while the release is on its way', async () => {
    const world = await new World().leads();
    world.fates = [world.usual, { there: 1_000, back: BACK }];
    world.end.abort();
    await world.clock.advance(500);
    world.server.patch({ spec: OTHER });
    await world.clock.advance(2_000);
    await world.ended;
    expect(world.server.spec).toEqual(OTHER);
  });

  it('waits for a renewal that is under way before it releases', async () => {
    const world = await new World().leads();
    world.usual = { there: 500, back: 500 };
    await world.clock.advance(world.term.began + 2_100 - world.now);
    const { length } = world.server.history;
    world.end.abort();
    await world.clock.advance(850);
    expect(world.server.history).toHaveLength(length + 1);
    await world.clock.advance(2_100);
    await world.ended;
    expect(world.server.history).toHaveLength(length + 2);
    expect(world.server.spec.holderIdentity).toBe('');
  });

  it('releases what was won in the moment of the end', async () => {
    const world = new World().start();
    await world.clock.advance(THERE + BACK + 1);
    world.end.abort();
    await world.clock.advance(500);
    await world.ended;
    expect(world.terms).toHaveLength(0);
    expect(world.server.spec.holderIdentity).toBe('');
  });

  it('asks nothing when it is over before it began', async () => {
    const world = new World();
    world.end.abort();
    await world.start().ended;
    expect(world.server.history).toEqual([]);
  });

  it('ends soon when the API server is away', async () => {
    const world = await new World().leads();
    world.usual = { there: Number.POSITIVE_INFINITY, back: 0 };
    world.end.abort();
    await world.clock.advance(9_000);
    await world.ended;
  });

  it('releases the Lease when the work ends by itself, and leads again later', async () => {
    const world = await new World().leads();
    world.term.settle();
    await world.clock.advance(500);
    expect(world.server.spec.holderIdentity).toBe('');
    expect(world.terms).toHaveLength(1);
    await world.clock.advance(2_000);
    expect(world.terms).toHaveLength(2);
  });

  it('releases the Lease and rejects when the work fails by itself', async () => {
    const world = await new World().leads();
    const failure = new Error('a bug');
    const ended = expect(world.ended).rejects.toBe(failure);
    world.term.fail(failure);
    await world.clock.advance(500);
    await ended;
    expect(world.server.spec.holderIdentity).toBe('');
  });

  it('does not reject for what the work throws when it is told to end', async () => {
    const world = await new World().leads();
    world.windUp = () => world.term.fail(new KubeError('NotLeader', 'apply'));
    world.end.abort();
    await world.clock.advance(500);
    await world.ended;
  });

  it('does not run twice at a time', async () => {
    const world = await new World().leads();
    await expect(world.election.run(world.end.signal, async () => {})).rejects.toThrow('already running');
  });
});

describe('timing', () => {
  it.each<[string, Partial<LeaseTiming>, string]>([
    ['writes that outlive the lease', { leaseMs: 13_000 }, 'renewDeadlineMs + writeTimeoutMs is 8000 + 5000'],
    ['a retry after the deadline', { retryMs: 8_000 }, 'retryMs, 8000, is not less than renewDeadlineMs'],
    ['no time at all', { retryMs: 0 }, 'retryMs is 0'],
    ['what is no number', { leaseMs: Number.NaN }, 'leaseMs is NaN'],
  ])('refuses %s', (_, timing, message) => {
    expect(() => new World(timing)).toThrow(RangeError);
    expect(() => new World(timing)).toThrow(message);
  });

  it('rounds up to whole seconds for others', async () => {
    const world = await new World({ leaseMs: 1_500, renewDeadlineMs: 800, writeTimeoutMs: 500, retryMs: 200 }).leads();
    expect(world.server.spec.leaseDurationSeconds).toBe(2);
  });
});
