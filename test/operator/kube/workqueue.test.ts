import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../../operator/kube/outcome.ts';
import { WorkQueue, type WorkQueueOptions } from '../../../operator/kube/workqueue.ts';
import { FakeClock } from './fake-clock.ts';

/** A queue, and the keys that were handed out of it whenever it said so: none is given back by itself. */
function build(options: Partial<WorkQueueOptions> = {}) {
  const clock = new FakeClock();
  const start = clock.now();
  const taken: string[] = [];
  const queue: WorkQueue = new WorkQueue({
    clock,
    random: () => 0,
    onReady: () => {
      for (let next = queue.take(); next; next = queue.take()) taken.push(`${next.key}@${clock.now() - start}`);
    },
    ...options,
  });
  return { clock, queue, taken };
}

const FAILED: Outcome = { kind: 'retry', reason: 'it failed' };

describe('adding', () => {
  test('a key that is added many times before it is taken is handed out once', () => {
    const { queue } = build({ onReady: undefined });
    for (let i = 0; i < 100; i++) queue.add('a');
    expect(queue.take()?.key).toBe('a');
    expect(queue.take()).toBeUndefined();
  });

  test('a delayed key comes when it is due, and not again', async () => {
    const { clock, queue, taken } = build();
    queue.add('a', 500);
    await clock.advance(499);
    expect(taken).toEqual([]);
    await clock.advance(10_000);
    expect(taken).toEqual(['a@500']);
  });

  test.each<[string, number[], string[]]>([
    ['an earlier time takes the place of a later one', [500, 200], ['a@200']],
    ['a later time changes nothing', [200, 500], ['a@200']],
    ['now takes the place of later', [500, 0], ['a@0']],
    ['a time before now is now', [-5], ['a@0']],
    ['never is never', [Number.POSITIVE_INFINITY], []],
    ['an earlier time takes the place of never', [Number.POSITIVE_INFINITY, 7], ['a@7']],
  ])('%s', async (_, delays, expected) => {
    const { clock, queue, taken } = build();
    for (const ms of delays) queue.add('a', ms);
    await clock.advance(1_000_000);
    expect(taken).toEqual(expected);
    expect(queue.waiting).toBe(0);
  });

  test('a wait that is not a number is refused and leaves the queue as it was', () => {
    const { queue } = build();
    expect(() => queue.add('default/a', Number.NaN)).toThrow(/wait of default\/a is NaN/);
    expect(queue.waiting).toBe(0);
  });

  test('a delay of months does not overflow a timer', async () => {
    const { clock, queue, taken } = build();
    const delays: number[] = [];
    const { after } = clock;
    clock.after = (ms, callback) => {
      delays.push(ms);
      return after.call(clock, ms, callback);
    };
    queue.add('a', 2 ** 31 * 3);
    await clock.advance(2 ** 31 * 3 - 1);
    expect(taken).toEqual([]);
    await clock.advance(1);
    expect(taken).toEqual([`a@${2 ** 31 * 3}`]);
    expect(Math.max(...delays)).toBeLessThan(2 ** 31);
  });

  test('a delay of a part of a millisecond is not cut short', async () => {
    const { clock, queue, taken } = build();
    queue.add('a', 0.4);
    await clock.advance(2);
    expect(taken).toEqual(['a@1']);
  });
});

describe('order', () => {
  test('who has been due the longest comes first, then who came first', async () => {
    const { clock, queue } = build({ onReady: undefined });
    queue.add('later', 30);
    queue.add('b', 20);
    queue.add('c', 20);
    queue.add('first', 10);
    queue.add('moved', 5_000);
    queue.add('moved', 10);
    await clock.advance(40);
    queue.add('last');
    const order = Array.from({ length: 6 }, () => queue.take()?.key);
    expect(order).toEqual(['first', 'moved', 'b', 'c', 'later', 'last']);
  });

  test('of many that are due at the same time, too, who came first comes first', () => {
    const { queue } = build({ onReady: undefined });
    const keys = Array.from({ length: 50 }, (_, i) => `k${i}`);
    for (const key of keys) queue.add(key);
    expect(keys.map(() => queue.take()?.key)).toEqual(keys);
  });

  test('says how long a key waited since it was due', async () => {
    const { clock, queue } = build({ onReady: undefined });
    queue.add('a', 100);
    await clock.advance(350);
    expect(queue.oldestMs).toBe(250);
    expect(queue.take()).toEqual({ key: 'a', waitedMs: 250 });
    expect(queue.oldestMs).toBe(0);
  });

  test('depth counts what is due, waiting also what is not', async () => {
    const { clock, queue } = build({ onReady: undefined });
    for (let i = 0; i < 10; i++) queue.add(`k${i}`, i * 10);
    await clock.advance(45);
    expect([queue.depth, queue.waiting]).toEqual([5, 10]);
    queue.take();
    expect([queue.depth, queue.waiting]).toEqual([4, 9]);
  });
});

describe('one worker a key', () => {
  test('a key that is added while it is worked on comes again after it is done', () => {
    const { queue, taken } = build();
    queue.add('a');
    queue.add('a');
    queue.add('a', 50);
    expect(taken).toEqual(['a@0']);
    expect(queue.done('a', { kind: 'done' })).toEqual({ failures: 0, dueInMs: 0 });
    expect(taken).toEqual(['a@0', 'a@0']);
    expect(queue.done('a', { kind: 'done' }).dueInMs).toBeUndefined();
    expect(taken).toHaveLength(2);
  });

  test('a delay that ran out while it was worked on counts', async () => {
    const { clock, queue, taken } = build();
    queue.add('a');
    queue.add('a', 50);
    await clock.advance(80);
    queue.done('a', { kind: 'done' });
    expect(taken).toEqual(['a@0', 'a@80']);
  });

  test.each(['never added', 'waiting'])('giving back a key that is %s is an error', (state) => {
    const { queue } = build();
    if (state === 'waiting') queue.add('a', 10);
    expect(() => queue.done('a', { kind: 'done' })).toThrow(/not being worked on/);
  });
});

describe('outcomes', () => {
  const times = async (outcomes: Outcome[], meanwhile: (queue: WorkQueue, round: number) => void = () => {}) => {
    const { clock, queue, taken } = build();
    queue.add('a');
    for (const [round, outcome] of outcomes.entries()) {
      meanwhile(queue, round);
      queue.done('a', outcome);
      await clock.advance(3_600_000);
    }
    return { queue, gaps: taken.map((text) => Number(text.split('@')[1]) % 3_600_000) };
  };

  test.each<[string, Outcome[], number[]]>([
    ['done: not again', [{ kind: 'done' }], [0]],
    ['terminal: not again', [{ kind: 'terminal', reason: 'x' }], [0]],
    ['after: once, then', [{ kind: 'after', ms: 700 }], [0, 700]],
    ['after nothing: now', [{ kind: 'after', ms: 0 }], [0, 0]],
    ['after a time that is over: now', [{ kind: 'after', ms: -3 }], [0, 0]],
    ['after ∞: not again', [{ kind: 'after', ms: Number.POSITIVE_INFINITY }], [0]],
    ['retry: later each time', [FAILED, FAILED, FAILED, FAILED], [0, 125, 250, 500, 1_000]],
    ['retry: not before it is asked to', [{ ...FAILED, afterMs: 5_000 }], [0, 5_000]],
    ['retry: nor before the backoff', [FAILED, FAILED, { ...FAILED, afterMs: 1 }], [0, 125, 250, 500]],
    ['retry: not even for nonsense at once', [{ ...FAILED, afterMs: Number.NaN }], [0, 125]],
    ['after forgets the failures', [FAILED, FAILED, { kind: 'after', ms: 1 }, FAILED], [0, 125, 250, 1, 125]],
  ])('%s', async (_, outcomes, expected) => {
    expect((await times(outcomes)).gaps).toEqual(expected);
  });

  test.each<Outcome>([{ kind: 'done' }, { kind: 'terminal', reason: 'x' }, { kind: 'after', ms: 60_000 }])(
    '$kind forgets the failures, also when the key was added meanwhile',
    (outcome) => {
      const { queue } = build();
      queue.add('a');
      expect(queue.done('a', FAILED).failures).toBe(1);
      queue.add('a');
      expect(queue.done('a', FAILED).failures).toBe(2);
      queue.add('a');
      queue.add('a');
      expect(queue.done('a', outcome)).toEqual({ failures: 0, dueInMs: 0 });
      expect(queue.done('a', FAILED).failures).toBe(1);
    },
  );

  test('what is added ends the backoff, also a long wait that was asked for, but the failures stay counted', async () => {
    const { clock, queue, taken } = build();
    queue.add('a');
    queue.done('a', FAILED);
    await clock.advance(125);
    queue.done('a', { ...FAILED, afterMs: 60_000 });
    await clock.advance(75);
    queue.add('a');
    expect(taken).toEqual(['a@0', 'a@125', 'a@200']);
    expect(queue.done('a', FAILED)).toEqual({ failures: 3, dueInMs: 500 });
    await clock.advance(3_600_000);
    expect(taken.slice(3)).toEqual(['a@700']);
  });

  test('what is added meanwhile comes first when it is earlier, and what the outcome asks for when that is', () => {
    const { queue } = build();
    queue.add('a');
    queue.add('a', 50);
    expect(queue.done('a', { kind: 'after', ms: 700 }).dueInMs).toBe(50);
    queue.add('a', 0);
    queue.add('a', 900);
    expect(queue.done('a', { kind: 'after', ms: 700 }).dueInMs).toBe(700);
  });

  test('a wait that is not a number leaves the key at work', () => {
    const { queue } = build();
    queue.add('a');
    expect(() => queue.done('a', { kind: 'after', ms: Number.NaN })).toThrow(RangeError);
    expect(queue.done('a', FAILED)).toEqual({ failures: 1, dueInMs: 125 });
  });
});

describe('the limit on all keys', () => {
  test('a burst, then so many a second, and all get their turn', async () => {
    const { clock, queue, taken } = build({ perSecond: 10, burst: 3 });
    for (let i = 0; i < 6; i++) queue.add(`k${i}`);
    expect(taken).toEqual(['k0@0', 'k1@0', 'k2@0']);
    await clock.advance(1_000);
    expect(taken.slice(3)).toEqual(['k3@100', 'k4@200', 'k5@300']);
  });

  test('there is one timer a token, not one a millisecond', async () => {
    const { clock, queue, taken } = build({ perSecond: 1, burst: 1 });
    let timers = 0;
    const { after } = clock;
    clock.after = (ms, callback) => {
      timers++;
      return after.call(clock, ms, callback);
    };
    for (let i = 0; i < 6; i++) queue.add(`k${i}`);
    await clock.advance(10_000);
    expect(taken).toHaveLength(6);
    expect(timers).toBeLessThan(20);
  });

  test('a key that asks for itself again at once cannot crowd out the others', async () => {
    const clock = new FakeClock();
    const taken: string[] = [];
    const queue: WorkQueue = new WorkQueue({
      clock,
      random: () => 0,
      perSecond: 10,
      burst: 1,
      onReady: () => {
        for (let next = queue.take(); next; next = queue.take()) {
          taken.push(next.key);
          queue.done(next.key, next.key === 'greedy' ? { kind: 'after', ms: 0 } : { kind: 'done' });
        }
      },
    });
    queue.add('greedy');
    queue.add('a');
    queue.add('b');
    await clock.advance(1_000);
    expect(taken.slice(0, 6)).toEqual(['greedy', 'greedy', 'a', 'b', 'greedy', 'greedy']);
    expect(taken).toHaveLength(11);
  });
});

test('a closed queue has no timer, hands out nothing, takes nothing, and takes back what is at work', async () => {
  const { clock, queue, taken } = build();
  queue.add('at work');
  queue.add('due', 1);
  queue.add('later', 1_000);
  queue.close();
  queue.add('new');
  expect([clock.pending, queue.waiting]).toEqual([0, 0]);
  expect(queue.done('at work', FAILED).dueInMs).toBeUndefined();
  await clock.advance(100_000);
  expect(taken).toEqual(['at work@0']);
});

test.each([
  [0, 10],
  [20, 10],
  [Number.NaN, 10],
])('a backoff from %d to %d ms is refused', (firstMs, maxMs) => {
  expect(() => build({ backoff: { firstMs, maxMs } })).toThrow(RangeError);
});

test('ten thousand keys, each moved once, come out in order and leave nothing behind', async () => {
  const { clock, queue } = build({ onReady: undefined, perSecond: 1e9, burst: 1e9 });
  const keys = Array.from({ length: 10_000 }, (_, i) => ({ key: `k${i}`, ms: (i * 7_919) % 10_007 }));
  for (const { key } of keys) queue.add(key, 1_000_000);
  for (const { key, ms } of keys) queue.add(key, ms);
  expect(clock.pending).toBe(1);
  await clock.advance(20_000);
  const out: string[] = [];
  for (let next = queue.take(); next; next = queue.take()) {
    out.push(next.key);
    queue.done(next.key, { kind: 'done' });
  }
  expect(out).toEqual([...keys].sort((a, b) => a.ms - b.ms).map(({ key }) => key));
  expect([queue.waiting, clock.pending]).toEqual([0, 0]);
});
