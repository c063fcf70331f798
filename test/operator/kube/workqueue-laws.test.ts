/** The queue against a simple model of it, under any order of adds, time, hand-outs and outcomes. */

import { expect, test } from 'vitest';
import type { Outcome } from '../../../operator/kube/outcome.ts';
import { backoffMs, DEFAULT_BACKOFF } from '../../../operator/kube/rate-limit.ts';
import { WorkQueue } from '../../../operator/kube/workqueue.ts';
import fc from '../../properties.ts';
import { FakeClock } from './fake-clock.ts';

const KEYS = ['a', 'b', 'c', 'd', 'e', 'f'];
const NEVER = Number.POSITIVE_INFINITY;

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.constant<Outcome>({ kind: 'done' }),
  fc.constant<Outcome>({ kind: 'terminal', reason: 'x' }),
  fc.record({
    kind: fc.constant('after' as const),
    ms: fc.integer({ min: -1, max: 500 }),
    patienceMs: fc.constantFrom(undefined, 0, 300),
  }),
  fc.record({
    kind: fc.constant('retry' as const),
    reason: fc.constant('x'),
    afterMs: fc.option(fc.integer({ min: 0, max: 2_000 }), { nil: undefined }),
  }),
);
const add = fc.record({
  do: fc.constant('add' as const),
  key: fc.constantFrom(...KEYS),
  ms: fc.oneof(
    { weight: 3, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 1_000 }) },
  ),
  patienceMs: fc.constantFrom(undefined, undefined, 0, 200, 700),
});
const step = fc.oneof(
  { weight: 4, arbitrary: add },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('take' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('done' as const),
      which: fc.nat(),
      random: fc.constantFrom(0, 0.5),
      outcome,
    }),
  },
  fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 800 }) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Modelled {
  /** ∞: not before it is added. */
  due: number;
  /** Its time with its patience on top. */
  rank: number;
  working: boolean;
  failures: number;
}

/** A queue without a limit on all keys, and what it must say. */
class World {
  readonly clock = new FakeClock();
  readonly model = new Map<string, Modelled>();
  random = 0;
  /** Whether `onReady` was called since there was nothing to take. */
  called = false;
  readonly queue = new WorkQueue({
    clock: this.clock,
    random: () => this.random,
    perSecond: 1e9,
    burst: 1e9,
    onReady: () => {
      this.called = true;
    },
  });

  async apply(event: Step): Promise<void> {
    if (event.do === 'add') this.#add(event.key, event.ms, event.patienceMs);
    else if (event.do === 'take') this.#take();
    else if (event.do === 'done') this.#done(event.which, event.outcome, event.random);
    else await this.clock.advance(event.ms);
    const now = this.clock.now();
    const waiting = [...this.model.values()].filter(({ working }) => !working);
    expect(this.queue.waiting).toBe(waiting.length);
    const ripe = waiting.filter(({ due }) => due <= now);
    expect(this.queue.depth).toBe(ripe.length);
    expect(this.queue.oldestMs).toBe(now - Math.min(now, ...ripe.map(({ due }) => due)));
    // Nothing that is due lies there unsaid.
    if (waiting.some(({ due }) => due <= now - 1)) expect(this.called).toBe(true);
  }

  #add(key: string, ms = 0, patience = 0): void {
    this.queue.add(key, ms, patience);
    const entry = this.model.get(key) ?? { due: NEVER, rank: NEVER, working: false, failures: 0 };
    entry.due = Math.min(entry.due, this.clock.now() + ms);
    entry.rank = Math.min(entry.rank, this.clock.now() + ms + patience);
    this.model.set(key, entry);
  }

  #take(): void {
    const now = this.clock.now();
    const due = [...this.model.values()].filter((entry) => !entry.working && entry.due <= now);
    const taken = this.queue.take();
    if (!taken) {
      expect(due).toEqual([]);
      this.called = false;
      return;
    }
    const entry = this.model.get(taken.key) as Modelled;
    expect(entry.working, 'never two workers on one key').toBe(false);
    expect(entry.due, 'not before it is due').toBeLessThanOrEqual(now);
    expect(entry.rank, 'who has been due the longest, patience apart').toBe(Math.min(...due.map(({ rank }) => rank)));
    for (const { rank } of due) expect(entry.due, 'within the patience of all that wait').toBeLessThanOrEqual(rank);
    expect(taken.waitedMs).toBe(now - entry.due);
    entry.working = true;
    entry.due = entry.rank = NEVER;
  }

  #done(which: number, ending: Outcome, random: number): void {
    const working = [...this.model].filter(([, entry]) => entry.working);
    const [key, entry] = working[which % working.length] ?? [];
    if (key === undefined || entry === undefined) return;
    this.random = random;
    const now = this.clock.now();
    const settled = this.queue.done(key, ending);
    entry.failures = ending.kind === 'retry' ? entry.failures + 1 : 0;
    entry.working = false;
    const again = now + this.#delay(ending, entry.failures);
    entry.due = Math.min(entry.due, again);
    entry.rank = Math.min(entry.rank, again + (ending.kind === 'after' ? (ending.patienceMs ?? 0) : 0));
    expect(settled).toEqual({
      failures: entry.failures,
      dueInMs: entry.due === NEVER ? undefined : Math.max(0, entry.due - now),
    });
    if (entry.due === NEVER) this.model.delete(key);
  }

  #delay(ending: Outcome, failures: number): number {
    if (ending.kind === 'after') return Math.max(0, ending.ms);
    if (ending.kind !== 'retry') return NEVER;
    return Math.max(
      ending.afterMs ?? 0,
      backoffMs(failures, DEFAULT_BACKOFF, () => this.random),
    );
  }
}

test('one worker a key, the longest due first, nothing lost, nothing twice, nothing kept', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
      const world = new World();
      for (const event of steps) await world.apply(event);
    }),
    { numRuns: 300 },
  );
});

test('who only listens to onReady gets every key when it is due, not before, at most 1 ms after', async () => {
  const adds = fc.array(
    fc.record({
      key: fc.constantFrom(...KEYS),
      ms: fc.double({ min: 0, max: 500, noNaN: true }),
      patienceMs: fc.constantFrom(0, 50, 5_000),
      pause: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 300, noNaN: true })),
    }),
    { maxLength: 40 },
  );
  await fc.assert(
    fc.asyncProperty(adds, async (all) => {
      const clock = new FakeClock();
      const due = new Map<string, number>();
      const queue: WorkQueue = new WorkQueue({
        clock,
        random: () => 0,
        perSecond: 1e9,
        burst: 1e9,
        onReady: () => {
          for (let taken = queue.take(); taken; taken = queue.take()) {
            const late = clock.now() - (due.get(taken.key) ?? NEVER);
            expect(late).toBeGreaterThanOrEqual(0);
            expect(late).toBeLessThanOrEqual(1);
            due.delete(taken.key);
            queue.done(taken.key, { kind: 'done' });
          }
        },
      });
      for (const { key, ms, patienceMs, pause } of all) {
        due.set(key, Math.min(due.get(key) ?? NEVER, clock.now() + ms));
        queue.add(key, ms, patienceMs);
        // As a scrape of the metrics does, also in the millisecond before a timer: no key is forgotten for being looked at.
        expect(queue.depth && queue.oldestMs).toBeLessThanOrEqual(1);
        await clock.advance(pause);
      }
      await clock.advance(501);
      expect([...due]).toEqual([]);
      expect(clock.pending).toBe(0);
    }),
    { numRuns: 200 },
  );
});
