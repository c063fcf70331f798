/** The batcher as a bounded queue: room, deadlines, hang-ups, draining. One request a run. */
import { describe, expect, test } from 'vitest';
import { type BenchOptions, bench as batching, rowsOf } from './support.ts';

const bench = (requests = 10, bytes = 1_000, options: BenchOptions = {}) =>
  batching({ maxBatchSize: 1, room: { requests, bytes }, ...options });

describe('the line in front of a model', () => {
  test('holds no more bytes than it may, whatever became of those that waited; one alone may be larger', async () => {
    const { clock, submit, gone, settle, finish } = bench(10, 100);
    submit([1], { timeout: 10_000 });
    const huge = submit([2], { timeout: 10_000, bytes: 500 });
    const second = submit([3], { timeout: 10_000 });
    await settle();
    expect([huge.code, second.code]).toEqual([undefined, 'QUEUE_FULL']);
    gone.get(2)?.();
    const fits = submit([4], { timeout: 500, bytes: 60 });
    const over = submit([5], { timeout: 10_000, bytes: 41 });
    await settle();
    expect([huge.code, fits.code, over.code]).toEqual(['CLIENT_GONE', undefined, 'QUEUE_FULL']);
    clock.advance(600);
    const next = [50, 50, 1].map((bytes, i) => submit([6 + i], { timeout: 10_000, bytes }));
    await settle();
    expect(fits.code).toBe('REQUEST_TIMEOUT');
    expect(next.map(({ code }) => code)).toEqual([undefined, undefined, 'QUEUE_FULL']);
    await finish();
    const freed = submit([9], { timeout: 10_000, bytes: 50 });
    await settle();
    expect(freed.code).toBeUndefined();
  });

  test('runs one at a time, first in, first out, and times both waits', async () => {
    const { clock, batcher, ran, submit, finish } = bench();
    const [a, b] = [submit([1]), submit([2])];
    expect(ran).toEqual([[1]]);
    expect(batcher.pending).toBe(2);
    clock.advance(30);
    await finish();
    expect(ran).toEqual([[1], [2]]);
    clock.advance(5);
    await finish();
    expect(a.done).toMatchObject({ queued: 0, computed: 30, batch: 1, items: 1, first: true, from: 'run' });
    expect(b.done).toMatchObject({ queued: 30, computed: 5 });
    expect([a.values, b.values]).toEqual([[2], [4]]);
    expect(batcher.pending).toBe(0);
  });

  test('a run that fails hurts only its own request', async () => {
    const { submit, finish } = bench();
    const [a, b] = [submit([1]), submit([2])];
    await finish(new Error('boom'));
    await finish();
    expect([a.code, b.values]).toEqual(['boom', [4]]);
  });

  test('refuses what is above its limit; the one that runs does not count', async () => {
    const { submit, settle, finish } = bench(2);
    const outcomes = [1, 2, 3, 4].map((value) => submit([value]));
    await settle();
    expect(outcomes.map(({ code }) => code)).toEqual([undefined, undefined, undefined, 'QUEUE_FULL']);
    await finish();
    const next = submit([5]);
    await settle();
    expect(next.code).toBeUndefined();
  });

  test('what an eager lane is about to run does not count either', async () => {
    const { submit, settle, running } = bench(1, 1_000, { eager: true });
    const outcomes = [1, 2, 3].map((value) => submit([value]));
    await settle();
    expect(outcomes.map(({ code }) => code)).toEqual([undefined, undefined, 'QUEUE_FULL']);
    expect(running.length).toBe(1);
  });

  test('answers what expires while a long run goes on, and never runs it', async () => {
    const { clock, ran, submit, settle, finish } = bench();
    submit([1]);
    const [b, c] = [submit([2], { timeout: 100 }), submit([3], { timeout: 300 })];
    clock.advance(101);
    await settle();
    expect([b.code, c.code]).toEqual(['REQUEST_TIMEOUT', undefined]);
    clock.advance(200);
    await settle();
    expect(c.code).toBe('REQUEST_TIMEOUT');
    await finish();
    expect(ran).toEqual([[1]]);
    expect(clock.pending).toBe(0);
  });

  test('an earlier deadline that comes later is kept too', async () => {
    const { clock, submit, settle } = bench();
    submit([1]);
    const [late, soon] = [submit([2], { timeout: 500 }), submit([3], { timeout: 50 })];
    clock.advance(51);
    await settle();
    expect([late.code, soon.code]).toEqual([undefined, 'REQUEST_TIMEOUT']);
  });

  test('what expired while the thread was blocked is dropped when its turn comes', async () => {
    const { clock, ran, submit, finish } = bench();
    submit([1]);
    const b = submit([2], { timeout: 100 });
    // A blocked thread: time passes, no timer fires before the run ends.
    Object.assign(clock, { now: () => 500 });
    await finish();
    expect([b.code, ran]).toEqual(['REQUEST_TIMEOUT', [[1]]]);
  });

  test.each([false, true])(
    'a request without any time is not run, though a lane is free (eager: %s)',
    async (eager) => {
      const { ran, submit, settle, batcher } = bench(10, 1_000, { eager });
      const a = submit([1], { timeout: 0 });
      await settle();
      expect([a.code, ran, batcher.pending]).toEqual(['REQUEST_TIMEOUT', [], 0]);
    },
  );

  test('a deadline that never comes needs no timer', async () => {
    const { clock, submit } = bench();
    submit([1]);
    submit([2], { timeout: Number.POSITIVE_INFINITY });
    expect(clock.pending).toBe(0);
  });

  test('drops what nobody waits for', async () => {
    const { ran, submit, gone, settle, finish } = bench();
    submit([1]);
    const b = submit([2]);
    gone.get(2)?.();
    await settle();
    expect(b.code).toBe('CLIENT_GONE');
    await finish();
    expect(ran).toEqual([[1]]);
  });

  test('who is gone already when it would be listened for leaves at once, and is listened for no more', async () => {
    const { batcher, submit } = bench();
    submit([1]);
    let listening = 0;
    const asked = batcher.submit({
      inputs: [rowsOf([2])],
      outputs: ['y'],
      bytes: 1,
      deadline: 1_000,
      caller: {},
      onGone(callback) {
        listening++;
        callback();
        return () => listening--;
      },
    });
    await expect(asked).rejects.toMatchObject({ code: 'CLIENT_GONE' });
    expect([listening, batcher.stats().waiting]).toEqual([0, 0]);
  });

  test('a run that started is finished, whoever hangs up', async () => {
    const { submit, gone, finish } = bench();
    const a = submit([1]);
    expect(gone.has(1)).toBe(false);
    const b = submit([2]);
    await finish();
    gone.get(2)?.();
    await finish();
    expect([a.values, b.values, gone.size]).toEqual([[2], [4], 0]);
  });

  test('is drained once nothing waits and nothing runs, and leaves no timer', async () => {
    const { batcher, clock, submit, finish, settle } = bench();
    await batcher.drained();
    submit([1]);
    submit([2]);
    let drained = false;
    void batcher.drained().then(() => {
      drained = true;
    });
    await finish();
    expect([drained, clock.pending]).toEqual([false, 1]);
    await finish();
    await settle();
    expect([drained, clock.pending]).toEqual([true, 0]);
  });

  test('is drained by the last one hanging up or expiring too', async () => {
    const { batcher, clock, submit, gone, finish, settle } = bench();
    submit([1]);
    submit([2]);
    submit([3], { timeout: 10 });
    const drained = batcher.drained();
    clock.advance(20);
    gone.get(2)?.();
    await finish();
    await drained;
    await settle();
    expect(batcher.stats()).toMatchObject({ waiting: 0, waitingBytes: 0, running: 0 });
  });
});
