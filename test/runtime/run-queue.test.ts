import { describe, expect, test } from 'vitest';
import { RunQueue } from '../../runtime/models/run-queue.ts';
import type { Done, Work } from '../../runtime/models/runner.ts';
import type { Tensor } from '../../runtime/protocol/datatypes.ts';
import { FakeClock } from './fake-clock.ts';

interface Step {
  name: string;
  finish(): Promise<void>;
  fail(error: Error): Promise<void>;
}

/** A queue whose runs end when the test says so. */
function bench(requests = 10, bytes = 1_000) {
  const clock = new FakeClock();
  const running: Step[] = [];
  const ran: string[] = [];
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  const queue = new RunQueue(
    (inputs) => {
      const name = inputs[0]?.name as string;
      ran.push(name);
      const { promise, resolve, reject } = Promise.withResolvers<Tensor[]>();
      const end = (act: () => void) => {
        running.splice(0, 1);
        act();
        return settle();
      };
      const outputs: Tensor[] = [{ name: `${name}'s`, datatype: 'FP32', shape: [0], data: new Float32Array() }];
      running.push({ name, finish: () => end(() => resolve(outputs)), fail: (error) => end(() => reject(error)) });
      return promise;
    },
    { requests, bytes },
    clock,
  );
  const gone = new Map<string, () => void>();
  const submit = (name: string, timeout = 1_000, size = 1) => {
    const work: Work = {
      inputs: [{ name, datatype: 'FP32', shape: [0], data: new Float32Array() }],
      outputs: ['y'],
      bytes: size,
      deadline: clock.now() + timeout,
      caller: {},
      onGone(callback) {
        gone.set(name, callback);
        return () => gone.delete(name);
      },
    };
    const outcome: { done?: Done; code?: string } = {};
    queue.submit(work).then(
      (done) => {
        outcome.done = done;
      },
      (error) => {
        outcome.code = error.code ?? error.message;
      },
    );
    return outcome;
  };
  return { clock, queue, running, ran, submit, settle, gone };
}

describe('the run queue', () => {
  test('holds no more bytes than it may, whatever became of those that waited; one alone may be larger', async () => {
    const { clock, running, submit, gone, settle } = bench(10, 100);
    submit('runs', 10_000);
    const huge = submit('huge', 10_000, 500);
    const second = submit('second', 10_000, 1);
    await settle();
    expect([huge.code, second.code]).toEqual([undefined, 'QUEUE_FULL']);
    gone.get('huge')?.();
    const fits = submit('fits', 500, 60);
    const over = submit('over', 10_000, 41);
    await settle();
    expect([huge.code, fits.code, over.code]).toEqual(['CLIENT_GONE', undefined, 'QUEUE_FULL']);
    clock.advance(600);
    const next = [submit('a', 10_000, 50), submit('b', 10_000, 50), submit('c', 10_000, 1)];
    await settle();
    expect(fits.code).toBe('REQUEST_TIMEOUT');
    expect(next.map(({ code }) => code)).toEqual([undefined, undefined, 'QUEUE_FULL']);
    await running[0]?.finish();
    const freed = submit('d', 10_000, 50);
    await settle();
    expect(freed.code).toBeUndefined();
  });

  test('runs one at a time, first in, first out, and times both waits', async () => {
    const { clock, queue, running, ran, submit } = bench();
    const [a, b] = [submit('a'), submit('b')];
    expect(ran).toEqual(['a']);
    expect(queue.pending).toBe(2);
    clock.advance(30);
    await running[0]?.finish();
    expect(ran).toEqual(['a', 'b']);
    clock.advance(5);
    await running[0]?.finish();
    expect(a.done).toMatchObject({ queued: 0, computed: 30, outputs: [{ name: "a's" }] });
    expect(b.done).toMatchObject({ queued: 30, computed: 5 });
    expect(queue.pending).toBe(0);
  });

  test('a run that fails hurts only its own request', async () => {
    const { running, submit } = bench();
    const [a, b] = [submit('a'), submit('b')];
    await running[0]?.fail(new Error('boom'));
    await running[0]?.finish();
    expect([a.code, b.done?.outputs[0]?.name]).toEqual(['boom', "b's"]);
  });

  test('refuses what is above its limit; the one that runs does not count', async () => {
    const { running, submit, settle } = bench(2);
    const outcomes = ['a', 'b', 'c', 'd'].map((name) => submit(name));
    await settle();
    expect(outcomes.map(({ code }) => code)).toEqual([undefined, undefined, undefined, 'QUEUE_FULL']);
    await running[0]?.finish();
    const e = submit('e');
    await settle();
    expect(e.code).toBeUndefined();
  });

  test('answers what expires while a long run goes on, and never runs it', async () => {
    const { clock, running, ran, submit, settle } = bench();
    submit('a');
    const [b, c] = [submit('b', 100), submit('c', 300)];
    clock.advance(101);
    await settle();
    expect([b.code, c.code]).toEqual(['REQUEST_TIMEOUT', undefined]);
    clock.advance(200);
    await settle();
    expect(c.code).toBe('REQUEST_TIMEOUT');
    await running[0]?.finish();
    expect(ran).toEqual(['a']);
    expect(clock.pending).toBe(0);
  });

  test('what expired while the thread was blocked is dropped when its turn comes', async () => {
    const { clock, running, ran, submit } = bench();
    submit('a');
    const b = submit('b', 100);
    // A blocked thread: time passes, no timer fires before the run ends.
    const { promise, resolve } = Promise.withResolvers<void>();
    queueMicrotask(() => {
      Object.assign(clock, { now: () => 500 });
      resolve();
    });
    await promise;
    await running[0]?.finish();
    expect([b.code, ran]).toEqual(['REQUEST_TIMEOUT', ['a']]);
  });

  test('drops what nobody waits for', async () => {
    const { running, ran, submit, gone, settle } = bench();
    submit('a');
    const b = submit('b');
    gone.get('b')?.();
    await settle();
    expect(b.code).toBe('CLIENT_GONE');
    await running[0]?.finish();
    expect(ran).toEqual(['a']);
  });

  test('a run that started is finished, whoever hangs up', async () => {
    const { running, submit, gone } = bench();
    const a = submit('a');
    expect(gone.has('a')).toBe(false);
    await running[0]?.finish();
    expect(a.done).toBeDefined();
  });

  test('is drained once nothing waits and nothing runs', async () => {
    const { queue, running, submit, settle } = bench();
    await queue.drained();
    submit('a');
    submit('b');
    let drained = false;
    void queue.drained().then(() => {
      drained = true;
    });
    await running[0]?.finish();
    expect(drained).toBe(false);
    await running[0]?.finish();
    await settle();
    expect(drained).toBe(true);
  });
});
