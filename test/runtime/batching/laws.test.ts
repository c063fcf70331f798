/** Random histories of arrivals, hang-ups, expiries, failures and lanes that end in any order. */

import { describe, expect, test } from 'vitest';
import fc from '../../properties.ts';
import { bench, doubled, type Model, type Outcome, settle } from './support.ts';

interface Ask {
  rows: number;
  width: number;
  caller: number;
  timeout: number;
  poisoned: boolean;
}
type Step = { ask: Ask } | { hangUp: number } | { advance: number } | { end: number } | { turn: true };

const ask = fc.record({
  rows: fc.integer({ min: 1, max: 5 }),
  width: fc.integer({ min: 1, max: 2 }),
  caller: fc.nat(2),
  timeout: fc.integer({ min: 1, max: 60 }),
  poisoned: fc.integer({ min: 0, max: 7 }).map((drawn) => drawn === 0),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ ask }) },
  { weight: 1, arbitrary: fc.record({ hangUp: fc.nat(40) }) },
  { weight: 2, arbitrary: fc.record({ advance: fc.integer({ min: 1, max: 30 }) }) },
  { weight: 3, arbitrary: fc.record({ end: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.constant({ turn: true } as const) },
);
const options = fc.record({
  lanes: fc.integer({ min: 1, max: 3 }),
  eager: fc.boolean(),
  maxBatchSize: fc.integer({ min: 1, max: 8 }),
  maxDelayMs: fc.constantFrom(0, 0, 7),
  checks: fc.constantFrom(0, 2),
  room: fc.record({ requests: fc.integer({ min: 3, max: 30 }), bytes: fc.constantFrom(200, 1_000) }),
});

/** Rows of request 7 are 70, 71, ...; those of a poisoned one are negative. */
const valuesOf = (id: number, { rows, poisoned }: Ask) =>
  Array.from({ length: rows }, (_, row) => (poisoned ? -1 : 1) * ((id + 1) * 10 + row));
const idOf = (value: number) => Math.floor(Math.abs(value) / 10) - 1;

const model: Model = (inputs) => {
  if (inputs[0]?.data.some((value: unknown) => Number(value) < 0)) throw new Error('poisoned');
  return doubled(inputs);
};

type Options = typeof options extends fc.Arbitrary<infer T> ? T : never;

interface Request {
  ask: Ask;
  outcome: Outcome | undefined;
  deadline: number;
  gone: boolean;
}

class History {
  readonly asked: Request[] = [];
  /** Runs that should not have been. */
  readonly violations: unknown[] = [];
  readonly callers = [{}, {}, {}];
  readonly bench: ReturnType<typeof bench>;
  readonly maxBatchSize: number;

  constructor(given: Options) {
    this.maxBatchSize = given.maxBatchSize;
    this.bench = bench({ ...given, model, began: (values) => this.#began(values, given.checks) });
  }

  async act(step: Step): Promise<void> {
    const { clock, running, gone, submit } = this.bench;
    if ('ask' in step) {
      const { width, caller, timeout } = step.ask;
      const values = valuesOf(this.asked.length, step.ask);
      const request: Request = { ask: step.ask, outcome: undefined, deadline: clock.now() + timeout, gone: false };
      // Noted first: it may be run within `submit`.
      this.asked.push(request);
      request.outcome = submit(values, { width, timeout, bytes: 10, caller: this.callers[caller] as object });
    } else if ('hangUp' in step) {
      const request = this.asked[step.hangUp];
      if (request?.outcome?.answers !== 0) return;
      request.gone = true;
      gone.get(valuesOf(step.hangUp, request.ask)[0] as number)?.();
    } else if ('advance' in step) {
      clock.advance(step.advance);
    } else if ('end' in step) {
      await running[step.end % Math.max(1, running.length)]?.end();
    } else {
      await settle();
    }
  }

  #began(values: readonly number[], checks: number): void {
    const requests = [...new Set(values.map(idOf))].map((id) => this.asked[id] as Request);
    const rows = requests.reduce((sum, request) => sum + request.ask.rows, 0);
    const widths = new Set(requests.map((request) => request.ask.width));
    if (widths.size > 1 || (requests.length > 1 && rows > this.maxBatchSize)) this.violations.push({ values, rows });
    // A check of the first merged runs repeats a request, whatever became of it.
    if (checks > 0) return;
    const now = this.bench.clock.now();
    const over = requests.filter(({ deadline, gone, outcome }) => deadline <= now || gone || outcome?.answers);
    if (over.length > 0) this.violations.push({ values, over });
  }

  async end(): Promise<void> {
    const { batcher, clock, running, settle } = this.bench;
    for (let i = 0; batcher.pending > 0; i++) {
      if (i > 1_000) throw new Error('it never ends');
      await settle();
      if (running.length === 0) clock.advance(7);
      await running.at(-1)?.end();
    }
    await settle();
    await batcher.drained();
  }
}

describe('whatever happens', () => {
  test('each request gets its own rows or its own error, once; and then nothing is kept', async () => {
    await fc.assert(
      fc.asyncProperty(options, fc.array(step, { minLength: 5, maxLength: 60 }), async (given, steps) => {
        const history = new History(given);
        for (const one of steps) await history.act(one);
        await history.end();
        const { batcher, clock, gone, warnings } = history.bench;
        for (const [id, { ask, outcome, deadline, gone: hungUp }] of history.asked.entries()) {
          expect(outcome?.answers).toBe(1);
          const { code, values, done } = outcome as Outcome;
          if (code === undefined) {
            const own = valuesOf(id, ask).flatMap((value) => Array<number>(ask.width).fill(value * 2));
            expect([ask.poisoned, values, done?.items]).toEqual([false, own, ask.rows]);
            expect(done?.outputs[0]?.shape).toEqual([ask.rows, ask.width]);
          } else if (code === 'poisoned') {
            expect(ask.poisoned).toBe(true);
          } else if (code === 'CLIENT_GONE') {
            expect(hungUp).toBe(true);
          } else if (code === 'REQUEST_TIMEOUT') {
            expect(clock.now()).toBeGreaterThanOrEqual(deadline);
          } else {
            expect(code).toBe('QUEUE_FULL');
          }
        }
        expect(batcher.stats()).toMatchObject({ waiting: 0, waitingBytes: 0, running: 0 });
        expect([history.violations, warnings, gone.size, clock.pending]).toEqual([[], [], 0, 0]);
      }),
      { numRuns: 300 },
    );
  });

  test('runs are counted once: those that lead one and the runs that answered are as many', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
        const history = new History({
          lanes: 2,
          eager: false,
          maxBatchSize: 6,
          maxDelayMs: 0,
          checks: 0,
          room: { requests: 30, bytes: 1_000 },
        });
        const never = steps.filter((one) => !('ask' in one && one.ask.poisoned));
        for (const one of never) await history.act(one);
        await history.end();
        const done = history.asked.flatMap(({ outcome }) => outcome?.done ?? []);
        const leaders = done.filter(({ first }) => first);
        expect(leaders.length).toBe(history.bench.ran.length);
        const items = (sum: number, { items }: { items: number }) => sum + items;
        expect(leaders.reduce((sum, { batch }) => sum + batch, 0)).toBe(done.reduce(items, 0));
      }),
    );
  });
});
