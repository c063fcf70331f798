/** Laws of the controller under any order of adds, with reconcilers that take any time and end in any way. */

import { expect, test } from 'vitest';
import { Controller } from '../../../operator/kube/controller.ts';
import { silentLog } from '../../../operator/kube/log.ts';
import type { Outcome } from '../../../operator/kube/outcome.ts';
import fc from '../../properties.ts';
import { FakeClock } from './fake-clock.ts';

const KEYS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

const add = fc.record({
  key: fc.constantFrom(...KEYS),
  delayMs: fc.oneof(fc.constant(undefined), fc.integer({ min: 0, max: 400 })),
  pauseMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 200 })),
});
const work = fc.record({
  ms: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 300 })),
  ending: fc.constantFrom<('throws' | Outcome)[]>(
    'throws',
    { kind: 'done' },
    { kind: 'after', ms: 50 },
    { kind: 'retry', reason: 'x' },
    { kind: 'terminal', reason: 'x' },
  ),
});
const limits = fc.record({
  workers: fc.integer({ min: 1, max: 4 }),
  perSecond: fc.integer({ min: 5, max: 100 }),
  burst: fc.integer({ min: 1, max: 10 }),
});

test('one worker a key, no more than there are, within the limit, and every add is followed by work', async () => {
  await fc.assert(
    fc.asyncProperty(
      limits,
      fc.array(add, { minLength: 1, maxLength: 30 }),
      fc.array(work, { maxLength: 60 }),
      async ({ workers, perSecond, burst }, adds, works) => {
        const clock = new FakeClock();
        const atWork = new Set<string>();
        const began: { key: string; at: number }[] = [];
        const controller = new Controller({
          name: 'laws',
          workers,
          perSecond,
          burst,
          clock,
          random: () => 0.5,
          log: silentLog,
          reconcile: async (key) => {
            expect(atWork.has(key)).toBe(false);
            atWork.add(key);
            expect(atWork.size).toBeLessThanOrEqual(workers);
            began.push({ key, at: clock.now() });
            // Once the list is used up all goes well.
            const { ms, ending } = works.shift() ?? { ms: 1, ending: { kind: 'done' } as Outcome };
            if (ms > 0) await new Promise<void>((resolve) => clock.after(ms, resolve));
            atWork.delete(key);
            if (ending === 'throws') throw new Error('x');
            return ending;
          },
        });
        controller.start();
        const added = new Map<string, number>();
        for (const { key, delayMs, pauseMs } of adds) {
          controller.add(key, delayMs);
          added.set(key, clock.now());
          await clock.advance(pauseMs);
        }
        // 90 keys at 5 a second and 300 ms each by one worker are through, and no backoff is left.
        await clock.advance(200_000);
        expect([controller.depth, controller.working, clock.pending]).toEqual([0, 0, 0]);
        for (const [key, at] of added) {
          const last = began.findLast((one) => one.key === key);
          expect(last?.at, key).toBeGreaterThanOrEqual(at);
        }
        began.forEach((from, first) => {
          began.slice(first).forEach((to, more) => {
            expect(more + 1).toBeLessThanOrEqual(burst + (perSecond * (to.at - from.at)) / 1_000 + 1e-6);
          });
        });
        await controller.stop();
      },
    ),
    { numRuns: 100 },
  );
});
