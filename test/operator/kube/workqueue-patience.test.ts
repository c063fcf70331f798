/** Who lets whom go first: a key with patience lets those go that become due within it, and nobody later. */

import { describe, expect, test } from 'vitest';
import { Controller } from '../../../operator/kube/controller.ts';
import { silentLog } from '../../../operator/kube/log.ts';
import { WorkQueue } from '../../../operator/kube/workqueue.ts';
import fc from '../../properties.ts';
import { FakeClock } from './fake-clock.ts';

function build() {
  const clock = new FakeClock();
  const queue = new WorkQueue({ clock, random: () => 0 });
  const rest = (): string[] => {
    const keys: string[] = [];
    for (let taken = queue.take(); taken; taken = queue.take()) keys.push(taken.key);
    return keys;
  };
  return { clock, queue, rest };
}

describe('a key with patience', () => {
  test('waits for nobody when nobody else is there', () => {
    const { queue } = build();
    queue.add('a', 0, 5_000);
    expect(queue.depth).toBe(1);
    expect(queue.take()).toEqual({ key: 'a', waitedMs: 0 });
  });

  test('lets those go first that became due within its patience, also after it, and those of less patience', async () => {
    const { clock, queue, rest } = build();
    queue.add('patient', 0, 5_000);
    queue.add('less', 0, 1_000);
    await clock.advance(4_000);
    queue.add('new');
    expect(rest()).toEqual(['less', 'new', 'patient']);
  });

  test('goes before what became due when its patience was over', async () => {
    const { clock, queue, rest } = build();
    queue.add('patient', 0, 5_000);
    await clock.advance(5_001);
    queue.add('new');
    expect(rest()).toEqual(['patient', 'new']);
  });

  test('of equal patience who has been due the longest comes first', async () => {
    const { clock, queue, rest } = build();
    queue.add('b', 20, 5_000);
    queue.add('a', 10, 5_000);
    queue.add('c', 20, 5_000);
    await clock.advance(30);
    expect(rest()).toEqual(['a', 'b', 'c']);
  });

  test('is not handed out before it is due, though others of more patience are', async () => {
    const { clock, queue, rest } = build();
    queue.add('soon', 10);
    queue.add('patient', 0, 5_000);
    expect(rest()).toEqual(['patient']);
    await clock.advance(10);
    expect(rest()).toEqual(['soon']);
  });

  test('how long it waited counts from when it was due', async () => {
    const { clock, queue } = build();
    queue.add('patient', 100, 5_000);
    await clock.advance(300);
    queue.add('new');
    expect(queue.oldestMs).toBe(200);
    expect(queue.take()).toEqual({ key: 'new', waitedMs: 0 });
    expect(queue.oldestMs).toBe(200);
    expect(queue.take()).toEqual({ key: 'patient', waitedMs: 200 });
  });

  test.each<[string, [number, number][], string[]]>([
    [
      'loses it when it is added without',
      [
        [0, 5_000],
        [0, 0],
      ],
      ['key', 'other'],
    ],
    [
      'keeps the least, whichever came first',
      [
        [0, 0],
        [0, 5_000],
      ],
      ['key', 'other'],
    ],
    [
      'keeps it when a later time without any changes nothing',
      [
        [0, 50],
        [100, 0],
      ],
      ['other', 'key'],
    ],
    [
      'is due at the earliest time, and ranks by the lowest',
      [
        [0, 5_000],
        [5, 0],
      ],
      ['key', 'other'],
    ],
  ])('%s', async (_, adds, order) => {
    const { clock, queue, rest } = build();
    for (const [delay, patience] of adds) queue.add('key', delay, patience);
    await clock.advance(20);
    queue.add('other');
    expect(rest()).toEqual(order);
  });

  test('that is at work is handed out again by the least of what was added and what its outcome asks for', async () => {
    const { clock, queue, rest } = build();
    const again = async (added: number | undefined, asked: number) => {
      queue.add('key');
      rest();
      if (added !== undefined) queue.add('key', 0, added);
      queue.done('key', { kind: 'after', ms: 0, patienceMs: asked });
      await clock.advance(100);
      queue.add('other');
      const order = rest();
      queue.done('key', { kind: 'done' });
      queue.done('other', { kind: 'done' });
      return order;
    };
    expect(await again(undefined, 5_000)).toEqual(['other', 'key']);
    expect(await again(5_000, 5_000)).toEqual(['other', 'key']);
    expect(await again(0, 5_000)).toEqual(['key', 'other']);
    expect(await again(5_000, 0)).toEqual(['key', 'other']);
  });

  test('that fails has none: its backoff is wait enough', async () => {
    const { clock, queue, rest } = build();
    queue.add('key', 0, 5_000);
    rest();
    queue.done('key', { kind: 'retry', reason: 'x' });
    await clock.advance(200);
    queue.add('other');
    expect(rest()).toEqual(['key', 'other']);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('of %s is refused, and the queue is as it was', (patience) => {
    const { queue } = build();
    expect(() => queue.add('default/a', 0, patience)).toThrow(/patience of default\/a is/);
    expect(queue.waiting).toBe(0);
    queue.add('a');
    queue.take();
    expect(() => queue.done('a', { kind: 'after', ms: 0, patienceMs: patience })).toThrow(RangeError);
    expect(queue.done('a', { kind: 'done' })).toEqual({ failures: 0, dueInMs: undefined });
  });
});

test('of 500 keys and what follows them, each of 500 is first worked on before any is again', async () => {
  const clock = new FakeClock();
  const began: string[] = [];
  const seen = new Set<string>();
  const controller = new Controller({
    name: 'burst',
    workers: 32,
    perSecond: 1_000,
    burst: 1_000,
    clock,
    random: () => 0,
    log: silentLog,
    reconcile: async (key) => {
      began.push(key);
      const first = !seen.has(key);
      seen.add(key);
      await new Promise<void>((resolve) => clock.after(500, resolve));
      // Its objects change right after they were made.
      if (first) controller.add(key, 100, 5_000);
      return { kind: first ? 'after' : 'done', ms: 1_000, patienceMs: 5_000 };
    },
  });
  controller.start();
  for (let i = 0; i < 500; i++) {
    controller.add(`k${i}`);
    if (i % 10 === 9) await clock.advance(50);
  }
  await clock.advance(60_000);
  expect(new Set(began.slice(0, 500)).size).toBe(500);
  // What followed in the meantime was one pass and not two.
  expect(began.length).toBeLessThan(1_100);
  await controller.stop();
});

test('nobody starves: however many come, only those due within its patience go before a key', async () => {
  const stream = fc.record({
    everyMs: fc.integer({ min: 1, max: 50 }),
    patienceMs: fc.integer({ min: 0, max: 1_000 }),
    workMs: fc.integer({ min: 51, max: 100 }),
  });
  await fc.assert(
    fc.asyncProperty(stream, async ({ everyMs, patienceMs, workMs }) => {
      const { clock, queue } = build();
      const start = clock.now();
      queue.add('patient', 0, patienceMs);
      const before: number[] = [];
      // One worker, and new keys come faster than it works.
      for (let next = start; ; await clock.advance(workMs)) {
        for (; next <= clock.now(); next += everyMs) queue.add(String(next), next - clock.now());
        const key = queue.take()?.key ?? '';
        queue.done(key, { kind: 'done' });
        if (key === 'patient') break;
        before.push(clock.now());
      }
      // All that came within its patience, at most one each `everyMs`.
      expect(before.length).toBeLessThanOrEqual(Math.floor((patienceMs + workMs) / everyMs) + 2);
    }),
    { numRuns: 50 },
  );
});
